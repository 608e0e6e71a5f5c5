//! Ensembles: one specification trained from several seeds, averaged as whole paths.
//!
//! ```text
//! p(x_{t+1..t+h} | x_<=t) = 1/K sum_k p_k(x_{t+1..t+h} | x_<=t),   seeds s, s + 1, .. s + K - 1
//! ```
//!
//! Networks that differ in their start and in the order of their windows alone are about as good as each other and wrong in
//! different places (Lakshminarayanan, Pritzel and Blundell 2017, *Simple and scalable predictive uncertainty estimation using deep
//! ensembles*, NeurIPS 30). The average of distributions is never worse than the average member in nats per value, since the logarithm
//! is concave, and wider where members disagree. See [`Mixture`] for the weights along a path.
//!
//! Cost: K trainings, and of every step K times that of one network.

use super::model::Neural;
use super::spec::NeuralSpec;
use super::training::{Epoch, Training};
use crate::data::series::Series;
use crate::data::timeline::Timeline;
use crate::error::{Error, Result};
use crate::model::combination::{Likelihoods, Weights, averaged};
use crate::model::mixture::Mixture;
use crate::model::{Fit, Fitted};

/// The most members.
const MOST: usize = 64;

impl Mixture<Neural> {
    /// The same networks in front of another series of their panel, see [`Neural::of_series`].
    #[must_use]
    pub fn of_series(&self, clock: &Timeline, series: &Series) -> Self {
        self.map(|member| member.of_series(clock, series))
    }
}

/// Networks of one specification from consecutive seeds.
///
/// ```
/// use foretoken::model::neural::{Architecture, EnsembleSpec, NeuralSpec, Training};
/// use foretoken::{Fit, Series};
///
/// let x = Series::new("", (0..200).map(|t| (0.3 * f64::from(t)).sin()).collect());
/// let training = Training { epochs: 1, ..Training::default() };
/// let spec = NeuralSpec { hidden: 8, context: Some(10), training, ..NeuralSpec::new(Architecture::Gru) };
/// let fitted = EnsembleSpec { spec, members: 2 }.fit(&[x])?;
/// assert_eq!(fitted.model.weights(), [0.5, 0.5]);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EnsembleSpec {
    /// The first member.
    pub spec: NeuralSpec,
    /// How many there are.
    pub members: usize,
}

impl EnsembleSpec {
    /// What is trained, one after the other.
    ///
    /// # Errors
    /// If there is no member, or there are too many.
    pub fn specs(&self) -> Result<Vec<NeuralSpec>> {
        if !(1..=MOST).contains(&self.members) {
            return Err(
                Error::usage(format!("an ensemble of {} networks", self.members)).expected(format!("1 to {MOST}"))
            );
        }
        let of_seed = |by: u64| {
            let training = &self.spec.training;
            let seed = training.seed.wrapping_add(by);
            NeuralSpec { training: Training { seed, ..training.clone() }, ..self.spec.clone() }
        };
        Ok((0..self.members as u64).map(of_seed).collect())
    }

    /// Fits, and tells of every epoch which member is in training, counted from 0.
    ///
    /// # Errors
    /// As [`Fit::fit`].
    pub fn fit_observed(
        &self,
        train: &[Series],
        observe: &mut dyn FnMut(usize, &Epoch),
    ) -> Result<Fitted<Mixture<Neural>>> {
        let specs = self.specs()?.into_iter().enumerate();
        let fit = |(member, spec): (usize, NeuralSpec)| spec.fit_observed(train, &mut |epoch| observe(member, epoch));
        Self::average(specs.map(fit).collect::<Result<_>>()?, train)
    }

    /// The ensemble of members that are trained already.
    ///
    /// # Errors
    /// If they have no distribution in common, or cannot read the series.
    pub fn average(members: Vec<Fitted<Neural>>, train: &[Series]) -> Result<Fitted<Mixture<Neural>>> {
        let Some(first) = members.first().map(|first| first.summary.clone()) else {
            return Err(Error::usage("an ensemble without networks").expected("at least one"));
        };
        let is_alone = members.len() == 1;
        // The times of a series of a panel tell its phases, by the clock of the first.
        let said = |members: &[Neural], series: &Series| {
            let member = |member: &Neural| member.of_series(train[0].timeline(), series);
            let members: Vec<Neural> = members.iter().map(member).collect();
            Likelihoods::of(&members, &series.select_covariates(members[0].covariates())?)
        };
        let mut fitted = averaged(members, Weights::Equal, train, said)?;
        if !is_alone {
            fitted.summary.preprocessing.extend(first.preprocessing);
            fitted.summary.innovation_parameters = first.innovation_parameters;
        }
        Ok(fitted)
    }
}

impl Fit for EnsembleSpec {
    type Model = Mixture<Neural>;

    /// Trains the members one after the other, each on all series.
    ///
    /// # Errors
    /// As [`NeuralSpec::fit`], and if there is no member.
    fn fit(&self, train: &[Series]) -> Result<Fitted<Mixture<Neural>>> {
        self.fit_observed(train, &mut |_, _| {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::batch::{Batch, Covariates};
    use crate::model::Autoregressive;
    use crate::model::neural::{Architecture, HeadChoice};
    use crate::model::token::quantiser::{QuantiserKind, QuantiserSpec};
    use crate::predictive::Family;

    /// Counts with a period, which every head can read.
    fn counts() -> Series {
        let rate = |t: u32| 3.0 + 2.5 * (0.7 * f64::from(t)).sin();
        Series::new("", (0..160).map(|t| (rate(t) + f64::from(t * 37 % 11) / 4.0).floor()).collect())
    }

    fn tiny(head: HeadChoice) -> EnsembleSpec {
        let training = Training { epochs: 2, batch: 4, seed: 7, ..Training::default() };
        let spec =
            NeuralSpec { hidden: 4, layers: 1, context: Some(4), head, training, ..NeuralSpec::new(Architecture::Gru) };
        EnsembleSpec { spec, members: 3 }
    }

    fn log_likelihood(model: &dyn Autoregressive, x: &[f64]) -> (f64, usize) {
        let rows = model.conditionals(&Batch::empty(&[0]), &Batch::single(x, 0), &Covariates::none());
        let rows = rows.expect("conditionals");
        let defined = (0..rows.rows()).filter(|row| rows.is_defined(*row));
        (defined.clone().map(|row| rows.row(row).log_prob(x[row])).sum(), defined.count())
    }

    #[test]
    fn an_ensemble_of_every_head_is_the_mean_of_its_members_paths() {
        type Check = fn(&Family) -> bool;
        let tokens = QuantiserSpec { kind: QuantiserKind::Quantile, bins: Some(5) };
        let cases: [(HeadChoice, Check); 5] = [
            (HeadChoice::Gaussian, |family| *family == Family::Mixture { components: 3 }),
            (HeadChoice::Mixture { components: 2 }, |family| *family == Family::Mixture { components: 6 }),
            (HeadChoice::StudentT, |family| *family == Family::StudentTMixture { components: 3 }),
            (HeadChoice::NegativeBinomial, |family| *family == Family::NegativeBinomialMixture { components: 3 }),
            (HeadChoice::Tokens(tokens), |family| matches!(family, Family::Binned(_))),
        ];
        for (head, is_family) in cases {
            let (series, spec) = (counts(), tiny(head));
            let mut seen = Vec::new();
            let train = std::slice::from_ref(&series);
            let Fitted { model, summary } =
                spec.fit_observed(train, &mut |member, _| seen.push(member)).expect("a fit");
            assert_eq!(seen, [0, 0, 1, 1, 2, 2], "{head:?}");
            assert!(is_family(&model.family()), "{head:?}: {:?}", model.family());
            // Each is the network of its seed.
            let alone = spec.specs().expect("members")[2].fit(train).expect("a fit").model;
            assert!(model.members()[2] == alone && model.members()[1] != alone, "{head:?}");
            let own = log_likelihood(&model, series.values());
            let of_members: Vec<f64> =
                model.members().iter().map(|member| log_likelihood(member, series.values()).0).collect();
            let mean = of_members.iter().map(|l| (l - of_members[0]).exp() / 3.0).sum::<f64>().ln() + of_members[0];
            assert!((own.0 - mean).abs() < 1e-9 * mean.abs(), "{head:?}: {}, not {mean}", own.0);
            assert!((summary.log_likelihood - mean).abs() < 1e-9 * mean.abs(), "{head:?}");
            assert_eq!((own.1, summary.observations), (156, 156), "{head:?}");
            assert!(summary.description.starts_with("average of 3 x gru of 1 x 4 units"), "{}", summary.description);
        }
    }

    #[test]
    fn one_member_is_that_network_and_none_is_refused() {
        let (train, spec) = ([counts()], EnsembleSpec { members: 1, ..tiny(HeadChoice::StudentT) });
        let (own, alone) = (spec.fit(&train).expect("a fit"), spec.spec.fit(&train).expect("a fit"));
        assert!(own.model.members() == [alone.model]);
        assert_eq!(own.summary.description, alone.summary.description);
        assert_eq!(own.summary.preprocessing, alone.summary.preprocessing);
        assert!(EnsembleSpec { members: 0, ..spec }.fit(&train).is_err());
    }
}
