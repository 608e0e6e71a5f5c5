//! Combinations: several specifications fitted to the same series, averaged.
//!
//! Each member is fitted by itself; the model is the [`Mixture`] of their path distributions. The weights are equal, or
//! follow a criterion of fit C (Akaike weights; Burnham and Anderson 2002, *Model Selection and Multimodel Inference*,
//! p. 75),
//!
//! ```text
//! w_k = 1 / K    or    w_k proportional to exp(-C_k / 2),   C_k = -2 l_k + penalty,
//! ```
//!
//! with the log-likelihoods l_k of the rows that every member judges. Equal weights are hard to beat: estimated ones
//! carry an error that costs more than it gains (Claeskens, Magnus, Vasnev and Wang 2016, *Int. J. Forecasting* 32, p. 754).
//!
//! The reported likelihood is that of the mixture on the common rows, exactly: ln sum_k w_k exp(l_k), for each series.
//!
//! A member that determines every value (a constant, a straight line) has no density; it is right, and stands alone.
//! Cost: that of the members' fits, and their densities at all training rows.

use std::collections::BTreeSet;

use super::linear::Criterion;
use super::mixture::Mixture;
use super::{Autoregressive, Fit, Fitted, Parameter, Summary};
use crate::data::batch::{Batch, Covariates};
use crate::data::series::Series;
use crate::error::{Error, Result};

/// More parameters than this have no covariance matrix of all members: it would be mostly zeros, and 8 MB.
const MOST_COVARIANCES: usize = 1_000;

/// How members are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weights {
    /// All the same.
    #[default]
    Equal,
    /// By a criterion of their fit on common rows.
    Criterion(Criterion),
}

/// What to fit, and how to average it.
///
/// ```
/// use foretoken::model::combination::{Combination, Weights};
/// use foretoken::model::naive::Naive;
/// use foretoken::{Fit, Series};
///
/// let walks = [false, true].map(|drift| Naive::RandomWalk { drift });
/// let spec = Combination { members: walks.to_vec(), weights: Weights::Equal };
/// let fitted = spec.fit(&[Series::new("", vec![5.0, 7.0, 6.0, 8.0, 9.0])])?;
/// assert_eq!(fitted.summary.description, "average of random walk and random walk with drift");
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination<S> {
    /// What is fitted.
    pub members: Vec<S>,
    /// How it is averaged.
    pub weights: Weights,
}

impl<S: Fit> Fit for Combination<S> {
    type Model = Mixture<S::Model>;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Self::Model>> {
        let fitted = self.members.iter().map(|member| member.fit(train)).collect::<Result<_>>()?;
        averaged(fitted, self.weights, train, Likelihoods::of)
    }
}

/// The average of members that are fitted already, with what they say of each series.
pub(super) fn averaged<M: Autoregressive>(
    mut fitted: Vec<Fitted<M>>,
    weights: Weights,
    train: &[Series],
    said: impl Fn(&[M], &Series) -> Result<Likelihoods>,
) -> Result<Fitted<Mixture<M>>> {
    let exact = fitted.iter().position(|member| member.summary.observations == 0);
    if let Some(alone) = exact.or((fitted.len() == 1).then_some(0)) {
        let Fitted { model, summary } = fitted.swap_remove(alone);
        return Ok(Fitted { model: Mixture::new(vec![model], &[1.0])?, summary });
    }
    if fitted.is_empty() {
        return Err(Error::usage("a combination without members").expected("at least one member"));
    }
    let (models, summaries): (Vec<M>, Vec<Summary>) =
        fitted.into_iter().map(|member| (member.model, member.summary)).unzip();
    let likelihoods: Vec<Likelihoods> = train.iter().map(|series| said(&models, series)).collect::<Result<_>>()?;
    let weights = weights.of(&summaries, &likelihoods);
    let model = Mixture::new(models, &weights)?;
    Ok(Fitted { model, summary: summary(&summaries, &weights, &likelihoods) })
}

/// What the members say of one series: the log-likelihood of each on the rows that all of them judge.
pub(super) struct Likelihoods {
    of_members: Vec<f64>,
    rows: usize,
}

impl Likelihoods {
    pub(super) fn of<M: Autoregressive>(models: &[M], series: &Series) -> Result<Self> {
        let (start, target) = (Batch::empty(&[0]), Batch::single(series.values(), 0));
        let known = Covariates::of_series(series);
        let said = |model: &M| model.conditionals(&start, &target, &known);
        let said = models.iter().map(said).collect::<Result<Vec<_>>>()?;
        let mut likelihoods = Self { of_members: vec![0.0; models.len()], rows: 0 };
        for (row, &x) in series.values().iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            if said.iter().all(|rows| rows.is_defined(row)) {
                likelihoods.rows += 1;
                let own = likelihoods.of_members.iter_mut().zip(&said);
                own.for_each(|(sum, rows)| *sum += rows.row(row).log_prob(x));
            }
        }
        Ok(likelihoods)
    }

    /// ln sum_k w_k exp(l_k).
    fn mixed(&self, weights: &[f64]) -> f64 {
        let terms = || weights.iter().zip(&self.of_members).map(|(weight, own)| weight.ln() + own);
        let largest = terms().fold(f64::NEG_INFINITY, f64::max);
        largest + terms().map(|term| (term - largest).exp()).sum::<f64>().ln()
    }
}

impl Weights {
    /// Weights that sum to one.
    fn of(self, members: &[Summary], likelihoods: &[Likelihoods]) -> Vec<f64> {
        let equal = vec![1.0 / members.len() as f64; members.len()];
        let Self::Criterion(criterion) = self else { return equal };
        let rows: usize = likelihoods.iter().map(|series| series.rows).sum();
        let of_member = |(k, member): (usize, &Summary)| {
            let fit: f64 = likelihoods.iter().map(|series| series.of_members[k]).sum();
            criterion.penalty(rows as f64, member.parameters.len() as f64 + 1.0) - 2.0 * fit
        };
        let criteria: Vec<f64> = members.iter().enumerate().map(of_member).collect();
        let best = criteria.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        if best.is_infinite() {
            return equal;
        }
        let shares: Vec<f64> = criteria.iter().map(|own| (0.5 * (best - own)).exp()).collect();
        let total: f64 = shares.iter().sum();
        shares.iter().map(|share| share / total).collect()
    }
}

/// The members side by side; numbers that describe all of them are weighted means.
fn summary(members: &[Summary], weights: &[f64], likelihoods: &[Likelihoods]) -> Summary {
    let mean = |of: fn(&Summary) -> f64| members.iter().zip(weights).map(|(member, weight)| weight * of(member)).sum();
    let names: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let warnings: BTreeSet<&String> = members.iter().flat_map(|member| &member.warnings).collect();
    Summary {
        innovation_parameters: 1,
        name: names.into_iter().collect::<Vec<_>>().join("+"),
        description: description(members, weights),
        preprocessing: vec![("weights".to_owned(), weights.to_vec())],
        parameters: (1..).zip(members).flat_map(|(number, member)| numbered(number, &member.parameters)).collect(),
        innovation_variance: mean(|member| member.innovation_variance),
        innovation_variance_unbiased: mean(|member| member.innovation_variance_unbiased),
        log_likelihood: likelihoods.iter().map(|series| series.mixed(weights)).sum(),
        observations: likelihoods.iter().map(|series| series.rows).sum(),
        covariance: covariance(members),
        converged: members.iter().all(|member| member.converged),
        warnings: warnings.into_iter().cloned().collect(),
    }
}

/// The covariances of the members' parameters as blocks: between members none is estimated, and forecasts need none, since
/// each path has the parameters of one member.
fn covariance(members: &[Summary]) -> Option<Vec<Vec<f64>>> {
    let width: usize = members.iter().map(|member| member.parameters.len()).sum();
    if width > MOST_COVARIANCES {
        return None;
    }
    let (mut all, mut first) = (vec![vec![0.0; width]; width], 0);
    for member in members {
        for (row, values) in all[first..].iter_mut().zip(member.covariance.as_ref()?) {
            row[first..first + values.len()].copy_from_slice(values);
        }
        first += member.parameters.len();
    }
    Some(all)
}

/// `average of AR(2) and AR(1) without intercept`; with shares where they are not equal. Once where all are the same.
fn description(members: &[Summary], weights: &[f64]) -> String {
    let are_equal = weights.iter().all(|weight| *weight == weights[0]);
    if are_equal && members.iter().all(|member| member.description == members[0].description) {
        return format!("average of {} x {}", members.len(), members[0].description);
    }
    let of_member = |(member, weight): (&Summary, &f64)| {
        let share = if are_equal { String::new() } else { format!(" ({:.1} %)", 100.0 * weight) };
        format!("{}{share}", member.description)
    };
    let members: Vec<String> = members.iter().zip(weights).map(of_member).collect();
    format!("average of {}", members.join(" and "))
}

/// The parameters of a member: `2.phi_1`.
fn numbered(number: usize, parameters: &[Parameter]) -> impl Iterator<Item = Parameter> + '_ {
    parameters
        .iter()
        .map(move |parameter| Parameter { name: format!("{number}.{}", parameter.name), ..parameter.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::linear::{Estimator, LinearSpec, Order, Terms, Trend};
    use crate::model::naive::Naive;

    fn wave() -> Series {
        Series::new("", (0..60).map(|t| 5.0 + (0.7 * f64::from(t)).sin() + f64::from(t * 37 % 11) / 8.0).collect())
    }

    fn ar(order: usize, trend: Trend) -> LinearSpec {
        LinearSpec {
            order: Order::Fixed(order),
            estimator: Estimator::LeastSquares,
            terms: Terms::of(trend),
            ..LinearSpec::default()
        }
    }

    #[test]
    fn the_likelihood_is_that_of_the_mixture_on_common_rows() {
        let train = [wave()];
        let spec = Combination { members: vec![ar(1, Trend::None), ar(4, Trend::Constant)], weights: Weights::Equal };
        let summary = spec.fit(&train).expect("a fit").summary;
        let likelihood = |spec: &LinearSpec| {
            let model = spec.fit(&train).expect("a fit").model;
            let rows =
                model.conditionals(&Batch::empty(&[0]), &Batch::single(train[0].values(), 0), &Covariates::none());
            let rows = rows.expect("conditionals");
            (4..60).map(|t| rows.row(t).log_prob(train[0].values()[t])).sum::<f64>()
        };
        let [one, two] = [0, 1].map(|k| likelihood(&spec.members[k]));
        let expected = (0.5 * (one - two).exp() + 0.5).ln() + two;
        assert!((summary.log_likelihood - expected).abs() < 1e-10, "{}, not {expected}", summary.log_likelihood);
        assert_eq!((summary.observations, summary.name.as_str()), (56, "AR"));
        let names: Vec<&str> = summary.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(names, ["1.phi_1", "2.intercept", "2.phi_1", "2.phi_2", "2.phi_3", "2.phi_4"]);
    }

    #[test]
    fn akaike_weights_are_those_of_the_textbook() {
        let train = [wave()];
        let members = vec![ar(2, Trend::None), ar(2, Trend::Constant)];
        let summaries = [0, 1].map(|k: usize| members[k].fit(&train).expect("a fit").summary);
        // Equal orders have equal rows, so that AIC needs no common ones.
        let odds = (0.5 * (summaries[1].aic() - summaries[0].aic())).exp();
        let spec = Combination { members, weights: Weights::Criterion(Criterion::Aic) };
        let fitted = spec.fit(&train).expect("a fit");
        let weights = fitted.model.weights();
        assert!((weights[0] / weights[1] / odds - 1.0).abs() < 1e-10, "{weights:?}, odds {odds}");
        assert_eq!(fitted.summary.preprocessing, [("weights".to_owned(), weights.to_vec())]);
        assert!(fitted.summary.description.contains(" %) and AR(2) by least squares ("));
    }

    #[test]
    fn a_member_that_knows_every_value_stands_alone() {
        let line = Series::new("", (0..20).map(|t| 3.0 + 2.0 * f64::from(t)).collect());
        let walks = vec![Naive::RandomWalk { drift: false }, Naive::RandomWalk { drift: true }];
        let fitted = Combination { members: walks, weights: Weights::Equal }.fit(&[line]).expect("a fit");
        assert_eq!(fitted.summary.description, "random walk with drift");
        assert_eq!(fitted.model.weights(), [1.0]);
    }

    #[test]
    fn one_member_reports_as_it_does_alone() {
        let train = [wave()];
        let spec = Combination { members: vec![ar(2, Trend::Constant)], weights: Weights::Criterion(Criterion::Bic) };
        assert_eq!(
            spec.fit(&train).expect("a fit").summary,
            ar(2, Trend::Constant).fit(&train).expect("a fit").summary
        );
        assert!(Combination::<Naive> { members: Vec::new(), weights: Weights::Equal }.fit(&train).is_err());
    }
}
