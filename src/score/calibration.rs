//! From a model's own tail probability to one that held-out rows confirm.
//!
//! ```text
//! u = P(-ln p(X) >= s | x_<t)  by the model;   score = -ln u;   p = P(score of a held-out row >= score)
//! ```
//!
//! A model that is right has scores that are exponential with mean one; a Gaussian around heavy tails, or a fit that
//! is too sure of itself, has not, and an alarm at u < rate comes many times too often. So p is the rank of a score
//! among those of rows that the fit did not use, k / (n + 1) at the k-th largest, interpolated in between; beyond the
//! tenth largest a generalised Pareto tail continues it (fitted to the largest tenth, or to thirty, or to half of them).
//! The shape is kept in [0, 1]: a sample cannot show that a tail ends, so p is never zero. O(n log n) to build, O(1) on
//! average to ask: equal stretches of the score guide the search.

use crate::math::pareto::GeneralizedPareto;

/// Fewer held-out scores than this say nothing about a tail: the model's own is kept.
pub const FEWEST_ROWS: usize = 20;
/// The rank up to which the empirical distribution is used.
const TAIL_RANK: usize = 10;
/// The tail is fitted to the largest tenth of the scores, but to no fewer than this where there are twice as many, and
/// to no more: beyond, only the cost grows.
const EXCESSES: (usize, usize) = (30, 5000);
/// Ranks up to this one are all kept; further out in the body, every rank / `DENSE_RANKS`-th is.
const DENSE_RANKS: usize = 1024;

/// A calibrated tail: the probability that a row without anomaly scores at least as high.
///
/// ```
/// use foretoken::score::calibration::Calibration;
///
/// // Scores twice as large as the model expects: what it takes for 1 in 100 happens once in ten.
/// let held_out = (1..100).map(|k| -2.0 * (f64::from(k) / 100.0).ln()).collect();
/// let calibration = Calibration::new(held_out);
/// assert!((calibration.p_value(-f64::ln(0.01)) - 0.1).abs() < 1e-12);
/// assert!((calibration.threshold(0.1) + f64::ln(0.01)).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    rows: usize,
    /// (score, ln p) of the empirical part: scores ascend strictly from zero, ln p descends from zero.
    knots: Vec<(f64, f64)>,
    /// For equal stretches of the score up to the last knot: how many knots lie before each.
    guide: Vec<usize>,
    stretches_per_score: f64,
    /// The law of the excess over the last knot.
    tail: GeneralizedPareto,
}

impl Calibration {
    /// From the scores of held-out rows, NaN where a row has none. With fewer than [`FEWEST_ROWS`] the model's own
    /// tail, p = u.
    #[must_use]
    pub fn new(mut scores: Vec<f64>) -> Self {
        scores.retain(|score| !score.is_nan());
        scores.sort_unstable_by(f64::total_cmp);
        let rows = scores.len();
        if rows < FEWEST_ROWS {
            return Self::of_knots(rows, vec![(0.0, 0.0)], GeneralizedPareto::exponential(1.0));
        }
        let excesses = (rows / 10).clamp(EXCESSES.0.min(rows / 2), EXCESSES.1);
        let knots = empirical_knots(&scores, TAIL_RANK.min(excesses));
        let base = scores[rows - excesses - 1];
        let tail = fit_tail(&scores[rows - excesses..].iter().map(|score| score - base).collect::<Vec<f64>>());
        let above_base = knots.last().map_or(0.0, |knot| knot.0 - base);
        Self::of_knots(rows, knots, tail.beyond(above_base.max(0.0)))
    }

    fn of_knots(rows: usize, knots: Vec<(f64, f64)>, tail: GeneralizedPareto) -> Self {
        let stretches_per_score = knots.len() as f64 / knots.last().map_or(1.0, |knot| knot.0);
        let mut calibration = Self { rows, guide: vec![0; knots.len() + 1], stretches_per_score, knots, tail };
        for knot in 0..calibration.knots.len() {
            let stretch = calibration.stretch_of(calibration.knots[knot].0);
            calibration.guide[stretch + 1] += 1;
        }
        for stretch in 1..calibration.guide.len() {
            calibration.guide[stretch] += calibration.guide[stretch - 1];
        }
        calibration
    }

    /// The number of the stretch in which a score lies, the last one for all beyond. It rises with the score, so that
    /// rounding cannot lead a search astray.
    fn stretch_of(&self, score: f64) -> usize {
        ((score * self.stretches_per_score) as usize).min(self.knots.len() - 1)
    }

    /// How many knots have at most this score.
    fn knots_up_to(&self, score: f64) -> usize {
        let stretch = self.stretch_of(score);
        let (before, after) = (self.guide[stretch], self.guide[stretch + 1]);
        before + self.knots[before..after].partition_point(|knot| knot.0 <= score)
    }

    /// How many held-out rows it rests on.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the rows sufficed, or the model's own tail was kept.
    #[must_use]
    pub fn is_empirical(&self) -> bool {
        self.rows >= FEWEST_ROWS
    }

    /// The calibrated tail of a score -ln u; NaN for NaN.
    #[must_use]
    pub fn p_value(&self, score: f64) -> f64 {
        if score.is_nan() {
            return f64::NAN;
        }
        let next = self.knots_up_to(score);
        let Some(&before) = self.knots[..next].last() else { return 1.0 };
        let Some(&after) = self.knots.get(next) else {
            return before.1.exp() * self.tail.survival(score - before.0);
        };
        let share = (score - before.0) / (after.0 - before.0);
        (before.1 + share * (after.1 - before.1)).exp()
    }

    /// The score with a given p-value: rows that score higher are alarms at this rate.
    #[must_use]
    pub fn threshold(&self, rate: f64) -> f64 {
        let log_rate = rate.ln();
        let next = self.knots.partition_point(|knot| knot.1 >= log_rate);
        let Some(&before) = self.knots[..next].last() else { return 0.0 };
        let Some(&after) = self.knots.get(next) else {
            return before.0 + self.tail.survival_quantile((log_rate - before.1).exp());
        };
        let share = (log_rate - before.1) / (after.1 - before.1);
        before.0 + share * (after.0 - before.0)
    }
}

/// k / (n + 1) at the k-th largest score, for k from n down to `last_rank`; of equal scores the largest p.
fn empirical_knots(ascending: &[f64], last_rank: usize) -> Vec<(f64, f64)> {
    let n = ascending.len();
    let mut knots = vec![(0.0, 0.0)];
    let mut rank = n;
    loop {
        let score = ascending[n - rank];
        if knots.last().is_some_and(|knot: &(f64, f64)| score > knot.0) {
            knots.push((score, (rank as f64 / (n as f64 + 1.0)).ln()));
        }
        if rank == last_rank {
            return knots;
        }
        rank = last_rank.max(rank - (rank / DENSE_RANKS).max(1));
    }
}

/// The tail of sorted excesses: exponential where they show no heavier one, the model's own where they are all equal.
fn fit_tail(excesses: &[f64]) -> GeneralizedPareto {
    let mean = excesses.iter().sum::<f64>() / excesses.len() as f64;
    match GeneralizedPareto::fit(excesses) {
        _ if mean <= 0.0 => GeneralizedPareto::exponential(1.0),
        Some(tail) if tail.shape > 0.0 => GeneralizedPareto { shape: tail.shape.min(1.0), ..tail },
        _ => GeneralizedPareto::exponential(mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    /// Scores whose survival function is exp(-s / 2), in random order.
    fn scores(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = LaneRng::new(seed, 0);
        (0..n).map(|_| -2.0 * rng.uniform().ln()).collect()
    }

    #[test]
    fn p_value_and_threshold_are_inverse_and_monotone() {
        for n in [5, 20, 50, 1000, 50_000] {
            let calibration = Calibration::new(scores(n, 1));
            let mut last = 0.0;
            for exponent in 0..60 {
                let rate = 0.9 * 10_f64.powf(-0.1 * f64::from(exponent));
                let threshold = calibration.threshold(rate);
                assert!(threshold > last, "n {n}, rate {rate}");
                assert!((calibration.p_value(threshold) / rate - 1.0).abs() < 1e-9, "n {n}, rate {rate}");
                last = threshold;
            }
        }
    }

    #[test]
    fn few_rows_keep_the_model_tail() {
        let calibration = Calibration::new(scores(FEWEST_ROWS - 1, 1));
        assert!(!calibration.is_empirical());
        assert!((calibration.p_value(3.0) - (-3.0_f64).exp()).abs() < 1e-15);
    }

    #[test]
    fn rates_inside_and_beyond_the_sample_are_those_of_the_law() {
        for (rate, tolerance) in [(0.05, 0.15), (0.001, 0.4), (1e-4, 0.8)] {
            let realised =
                (0..40).map(|seed| (-0.5 * Calibration::new(scores(2000, seed)).threshold(rate)).exp()).sum::<f64>();
            assert!((realised / 40.0 / rate).ln().abs() < tolerance, "{rate}: {}", realised / 40.0);
        }
    }

    #[test]
    fn ties_take_the_larger_p_value() {
        let tied: Vec<f64> = (0..100).map(|i| if i < 40 { 3.0 } else { 1.0 }).collect();
        let calibration = Calibration::new(tied);
        assert!((calibration.p_value(3.0) - 40.0 / 101.0).abs() < 1e-12);
        assert!(calibration.p_value(4.0) > 0.0 && calibration.p_value(4.0) < 0.2);
    }

    #[test]
    fn thinned_knots_stay_close_to_the_ranks() {
        let n = 200_000;
        let calibration = Calibration::new(scores(n, 2));
        assert!(calibration.knots.len() < 8000);
        let mut sorted = scores(n, 2);
        sorted.sort_by(f64::total_cmp);
        for k in [15, 2000, 77_777] {
            let p = calibration.p_value(sorted[n - k]);
            assert!((p * (n as f64 + 1.0) / k as f64 - 1.0).abs() < 2e-3, "{k}: {p}");
        }
    }
}
