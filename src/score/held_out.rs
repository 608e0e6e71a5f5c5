//! Held-out scores: what a model makes of values that its fit has not seen.
//!
//! ```text
//! sum over the held-out t of ln p(x_t | x_<t)      nats; / ln 2 bits; exp(-mean) is the perplexity of tokens
//! ```
//!
//! The whole past of a held-out value is its context, the held-out values before it included (teacher forcing). Scores
//! are in the units of the data, so that models of logs, differences, tokens and values compare; models are compared on
//! the values for which all of them have a score.
//!
//! The probability integral transform F(x_t) is uniform on (0, 1) under the true model (Rosenblatt 1952, *Ann. Math.
//! Stat.* 23, p. 470): its histogram is flat, a hump in the middle means too wide, a bowl too narrow, a slope shifted.

use crate::data::batch::{Batch, Covariates};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::Autoregressive;

/// Bars of a histogram of the probability integral transform.
pub const PIT_BINS: usize = 10;

/// The scores of the last values of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// The position of the first held-out value.
    pub first: usize,
    /// ln p(x_t | x_<t) of every held-out value; NaN where there is none.
    pub log_probs: Vec<f64>,
    /// The conditional median of every held-out value.
    pub medians: Vec<f64>,
    /// P(X_t <= x_t | x_<t); NaN where there is no score.
    pub pit: Vec<f64>,
    /// ln of the probability of every value's token; NaN where there is no score. `None` of models without tokens.
    pub token_log_probs: Option<Vec<f64>>,
}

impl HeldOut {
    /// The rows before the last `rows`: what a model may be fitted to that scores those.
    ///
    /// # Errors
    /// If there are not more values than that.
    pub fn training(series: &Series, rows: usize) -> Result<Series> {
        Ok(series.slice(0..first_of(series, rows)?))
    }

    /// Scores the last `rows` values of a series given all that stands before each.
    ///
    /// ```
    /// use foretoken::model::naive::Naive;
    /// use foretoken::score::HeldOut;
    /// use foretoken::{Fit, Series};
    ///
    /// let x = Series::new("", vec![5.0, 7.0, 6.0, 8.0, 7.0, 9.0, 8.0, 10.0]);
    /// let walk = Naive::RandomWalk { drift: false }.fit(&[x.slice(0..6)])?.model;
    /// let scores = HeldOut::of(&walk, &x, 2)?;
    /// assert_eq!(scores.values(), 2);
    /// assert!((scores.nats_per_value() + scores.log_likelihood() / 2.0).abs() < 1e-15);
    /// # Ok::<(), foretoken::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there are not more values than that, or the model cannot read them.
    pub fn of(model: &dyn Autoregressive, series: &Series, rows: usize) -> Result<Self> {
        Self::starting_at(model, series, 0, rows)
    }

    /// The same of a series whose first value has this index, counted from the first training value.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn starting_at(model: &dyn Autoregressive, series: &Series, start: i64, rows: usize) -> Result<Self> {
        let first = first_of(series, rows)?;
        let (past, target) = series.values().split_at(first);
        let (context, target) = (Batch::single(past, start), Batch::single(target, start + first as i64));
        Self::read(model, &context, &target, &Covariates::of_series(series))
    }

    /// Scores the last `rows` values of a series under a model of the reversed rows before them: every value given those
    /// that *follow* it, the last given nothing. The other factorisation of the same joint distribution. Scores stand
    /// in the order of the series.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_reversed(model: &dyn Autoregressive, series: &Series, rows: usize) -> Result<Self> {
        let first = first_of(series, rows)?;
        let target = series.slice(first..series.len()).reversed();
        // The training rows, as the model saw them, begin at index 0.
        let start = -(rows as i64);
        let target_batch = Batch::single(target.values(), start);
        let mut scores = Self::read(model, &Batch::empty(&[start]), &target_batch, &Covariates::of_series(&target))?;
        let columns = [&mut scores.log_probs, &mut scores.medians, &mut scores.pit];
        columns.into_iter().chain(&mut scores.token_log_probs).for_each(|column| column.reverse());
        scores.first = first;
        Ok(scores)
    }

    fn read(model: &dyn Autoregressive, context: &Batch, target: &Batch, known: &Covariates) -> Result<Self> {
        let conditionals = model.conditionals(context, target, known)?;
        let rows = target.values().len();
        let mut scores = Self {
            first: context.steps(),
            log_probs: vec![f64::NAN; rows],
            medians: vec![f64::NAN; rows],
            pit: vec![f64::NAN; rows],
            token_log_probs: model.family().has_tokens().then(|| vec![f64::NAN; rows]),
        };
        for (row, &x) in target.values().iter().enumerate() {
            let distribution = conditionals.row(row);
            scores.medians[row] = distribution.median();
            if !conditionals.is_defined(row) || x.is_nan() {
                continue;
            }
            scores.log_probs[row] = distribution.log_prob(x);
            scores.pit[row] = distribution.cdf(x);
            if let (Some(tokens), Some(log_mass)) = (&mut scores.token_log_probs, distribution.token_log_prob(x)) {
                tokens[row] = log_mass;
            }
        }
        Ok(scores)
    }

    /// The sum of the log densities; NaN without any.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        if self.values() == 0 { f64::NAN } else { known(&self.log_probs).sum() }
    }

    /// How many values have a score.
    #[must_use]
    pub fn values(&self) -> usize {
        known(&self.log_probs).count()
    }

    /// The mean surprisal in nats; NaN without any score.
    #[must_use]
    pub fn nats_per_value(&self) -> f64 {
        -self.log_likelihood() / self.values() as f64
    }

    /// The mean surprisal in bits.
    #[must_use]
    pub fn bits_per_value(&self) -> f64 {
        self.nats_per_value() / std::f64::consts::LN_2
    }

    /// exp of the mean surprisal of the tokens, where there are any: among how many equally likely tokens a value is as
    /// hard to guess (Jelinek, Mercer, Bahl and Baker 1977, *J. Acoust. Soc. Am.* 62, S63).
    #[must_use]
    pub fn perplexity(&self) -> Option<f64> {
        let tokens = self.token_log_probs.as_ref()?;
        Some((-known(tokens).sum::<f64>() / known(tokens).count() as f64).exp())
    }

    /// How many values fall into each tenth of their conditional distribution.
    #[must_use]
    pub fn pit_histogram(&self) -> [usize; PIT_BINS] {
        let mut counts = [0; PIT_BINS];
        known(&self.pit).for_each(|pit| counts[((pit * PIT_BINS as f64) as usize).min(PIT_BINS - 1)] += 1);
        counts
    }
}

/// The position of the first held-out value.
fn first_of(series: &Series, rows: usize) -> Result<usize> {
    if rows > 0 && rows < series.len() {
        return Ok(series.len() - rows);
    }
    Err(Error::usage(format!("{rows} of {} values cannot be held out", series.len()))
        .expected("at least one value held out, and values before it")
        .hint("give --test-rows a smaller number"))
}

fn known(scores: &[f64]) -> impl Iterator<Item = f64> + '_ {
    scores.iter().copied().filter(|score| !score.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;
    use crate::model::Fit;
    use crate::model::naive::Naive;

    fn noise(n: usize) -> Series {
        let mut rng = LaneRng::new(3, 0);
        Series::new("", (0..n).map(|_| 2.0 * rng.normal()).collect())
    }

    #[test]
    fn white_noise_costs_its_entropy_and_its_transform_is_flat() {
        let x = noise(20_000);
        let mean = Naive::Mean.fit(&[x.slice(0..10_000)]).expect("a fit").model;
        let scores = HeldOut::of(&mean, &x, 10_000).expect("scores");
        // ln(2 sqrt(2 pi e)).
        assert!((scores.nats_per_value() - 2.112_085_713_764_618).abs() < 0.02, "{}", scores.nats_per_value());
        assert!((scores.bits_per_value() * std::f64::consts::LN_2 - scores.nats_per_value()).abs() < 1e-12);
        assert!(scores.pit_histogram().iter().all(|count| (850..1150).contains(count)), "{:?}", scores.pit_histogram());
        assert_eq!((scores.values(), scores.first, scores.perplexity()), (10_000, 10_000, None));
    }

    #[test]
    fn a_reversible_process_costs_the_same_backwards_and_scores_keep_their_order() {
        let x = noise(400);
        let backward = Naive::Mean.fit(&[x.slice(0..300).reversed()]).expect("a fit").model;
        let forward = Naive::Mean.fit(&[x.slice(0..300)]).expect("a fit").model;
        let (a, b) = (HeldOut::of(&forward, &x, 100), HeldOut::of_reversed(&backward, &x, 100));
        let (a, b) = (a.expect("scores"), b.expect("scores"));
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(a.log_probs.iter().zip(&b.log_probs).all(close) && a.pit.iter().zip(&b.pit).all(close));
        assert_eq!(b.first, 300);
    }

    #[test]
    fn missing_values_have_no_score_and_impossible_splits_are_refused() {
        let mut values = noise(20).values().to_vec();
        values[15] = f64::NAN;
        let x = Series::new("", values);
        let mean = Naive::Mean.fit(&[x.slice(0..10)]).expect("a fit").model;
        let scores = HeldOut::of(&mean, &x, 10).expect("scores");
        assert_eq!(scores.values(), 9);
        assert!(scores.log_probs[5].is_nan() && scores.pit[5].is_nan());
        assert!(HeldOut::of(&mean, &x, 0).is_err() && HeldOut::of(&mean, &x, 20).is_err());
    }
}
