//! Averages of models: a mixture of the path distributions of its members.
//!
//! ```text
//! p(x_{t+1..t+h} | x_<=t) = sum_k w_k p_k(x_{t+1..t+h} | x_<=t)
//! ```
//!
//! One member, drawn with probability w_k, is right about the whole future; nobody knows which. The chain rule turns
//! that into conditionals that are mixtures as well, with weights that follow the likelihood,
//!
//! ```text
//! p(x_{t+j} | ..) = sum_k v_k p_k(x_{t+j} | ..),   v_k proportional to w_k p_k(x_{t+1..t+j-1} | x_<=t)
//! ```
//!
//! so an average has a density, sampled paths and a score like any model. An average of point forecasts has none: it is
//! the mean of this mixture, and its intervals are this mixture's quantiles.
//!
//! The weights at the end of a context are the prior ones w_k whatever the context holds: the mixture is over the
//! *future*. Weighing the members by the context as well would be Bayesian model averaging, which ends at the best
//! single member within some dozen values, and equal averages forecast better than any choice (Bates and Granger 1969;
//! Claeskens, Magnus, Vasnev and Wang 2016, *Int. J. Forecasting* 32, p. 754). So
//! what was observed counts for the weights until [`Session::end_context`] makes it context. In a session the weights
//! depend on everything observed since it began; [`memory`](Autoregressive::memory) is that of the context.
//!
//! Steps that some member cannot judge (a missing value, or one before its memory is full) are undefined and leave the
//! weights as they are: for a missing value that is exact, sum_k v_k of a value that is integrated out.
//!
//! State per lane: the members' states and K log weights. A step costs the members' steps and K densities. Members must
//! have conditionals of one family behind one link ([`Family::mixture_of`]); [`Mixture::new`] refuses others. Whatever else
//! differs (seasonal factors, differences), each component is expressed in the variable of the first member. Not so of tokens
//! and counts, whose members must have the same map at every step, as members of one specification have.

use super::{Autoregressive, GaussianPath, Moments, Running, Session};
use crate::data::batch::{Batch, Covariates, Rows};
use crate::error::{Error, Result};
use crate::predictive::{Family, Link, Predictive};

/// Members and their weights at the end of a context.
///
/// ```
/// use foretoken::forecast::{ForecastOptions, forecast};
/// use foretoken::model::mixture::Mixture;
/// use foretoken::model::naive::Naive;
/// use foretoken::{Batch, Covariates, Fit, Series};
///
/// let x = vec![5.0, 7.0, 6.0, 8.0, 9.0];
/// let walk = |drift| Naive::RandomWalk { drift }.fit(&[Series::new("", x.clone())]).map(|fitted| fitted.model);
/// let average = Mixture::new(vec![walk(false)?, walk(true)?], &[0.5, 0.5])?;
/// let ahead = forecast(&average, &Batch::single(&x, 0), &Covariates::none(), ForecastOptions::new(2))?;
/// assert_eq!(ahead.mean(1), 10.0); // half way between 9 and 9 + 2
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture<M> {
    members: Vec<M>,
    weights: Vec<f64>,
    family: Family,
}

impl<M: Autoregressive> Mixture<M> {
    /// Members with weights that are made to sum to one; those without weight are left out. One member alone behaves
    /// exactly as it does outside.
    ///
    /// # Errors
    /// If there is no weight, one is negative or not finite, or members are not of one family behind one link.
    ///
    /// # Panics
    /// If there is not one weight for each member.
    pub fn new(members: Vec<M>, weights: &[f64]) -> Result<Self> {
        assert_eq!(members.len(), weights.len(), "every member has a weight");
        let total: f64 = weights.iter().sum();
        if !(total > 0.0 && total.is_finite() && weights.iter().all(|weight| *weight >= 0.0)) {
            return Err(Error::usage(format!("{weights:?} are no weights of a mixture"))
                .expected("numbers of at least 0 with a positive sum"));
        }
        let (members, weights): (Vec<M>, Vec<f64>) =
            members.into_iter().zip(weights).filter(|(_, weight)| **weight > 0.0).map(|(m, w)| (m, w / total)).unzip();
        Ok(Self { family: family_of(&members)?, members, weights })
    }

    /// Members with positive weights that sum to one already, of which no digit is touched.
    pub(super) fn of_weighted(members: Vec<M>, weights: Vec<f64>) -> Result<Self> {
        Ok(Self { family: family_of(&members)?, members, weights })
    }

    /// The members that have a weight.
    #[must_use]
    pub fn members(&self) -> &[M] {
        &self.members
    }

    /// The same weights of other members, one for each, of the same family behind the same link.
    pub(crate) fn map(&self, member: impl FnMut(&M) -> M) -> Self {
        let members = self.members.iter().map(member).collect();
        Self { members, weights: self.weights.clone(), family: self.family.clone() }
    }

    /// Their weights at the end of a context, which sum to one.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
}

/// The family of the conditionals.
fn family_of<M: Autoregressive>(members: &[M]) -> Result<Family> {
    if let [alone] = members {
        return Ok(alone.family());
    }
    let families: Vec<Family> = members.iter().map(M::family).collect();
    let Some(family) = Family::mixture_of(&families) else {
        return Err(Error::usage("models with conditionals of different families do not mix")
            .expected("members of one family: all normal, all Student's t, all of counts, or all of the same tokens"));
    };
    let link = members[0].link();
    if members.iter().any(|member| member.link() != link) {
        return Err(Error::usage("models of values and models of their logarithms or powers do not mix")
            .expected("members with one link")
            .hint("put the transform around the mixture"));
    }
    Ok(family)
}

impl<M: Autoregressive> Autoregressive for Mixture<M> {
    fn family(&self) -> Family {
        self.family.clone()
    }

    fn link(&self) -> Link {
        self.members[0].link()
    }

    fn memory(&self) -> Option<usize> {
        longest(self.members.iter().map(M::memory))
    }

    fn forgets_after(&self) -> Option<usize> {
        longest(self.members.iter().map(M::forgets_after))
    }

    fn begin<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>> {
        if let [alone] = &self.members[..] {
            return alone.begin(context, known);
        }
        let members: Vec<Running<'m>> =
            self.members.iter().map(|member| member.begin(context, known)).collect::<Result<_>>()?;
        let rows = self.members.iter().map(|member| Predictive::new(member.family(), context.lanes())).collect();
        let weights = PathWeights::new(&self.weights, context.lanes());
        Ok(Box::new(MixtureSession { prior: &self.weights, members, rows, weights }))
    }

    fn conditionals(&self, context: &Batch, target: &Batch, known: &Covariates) -> Result<Predictive> {
        if let [alone] = &self.members[..] {
            return alone.conditionals(context, target, known);
        }
        let of_members: Vec<Predictive> =
            self.members.iter().map(|member| member.conditionals(context, target, known)).collect::<Result<_>>()?;
        let mut weights = PathWeights::new(&self.weights, context.lanes());
        let mut mixed = Predictive::new(self.family.clone(), target.values().len());
        for (row, &x) in target.values().iter().enumerate() {
            let lane = row % context.lanes();
            weights.mix(lane, &of_members, row, &mut mixed);
            weights.update(lane, &of_members, row, x);
        }
        Ok(mixed)
    }
}

/// `None` where one has no end.
fn longest(mut memories: impl Iterator<Item = Option<usize>>) -> Option<usize> {
    memories.try_fold(0, |longest, memory| Some(longest.max(memory?)))
}

/// The members in front of the same lanes.
struct MixtureSession<'m> {
    prior: &'m [f64],
    members: Vec<Running<'m>>,
    /// What each member said of the next value when last asked; undefined where it was not.
    rows: Vec<Predictive>,
    weights: PathWeights,
}

impl<'m> Session<'m> for MixtureSession<'m> {
    fn lanes(&self) -> usize {
        self.members[0].lanes()
    }

    fn conditional(&mut self, known: Rows<'_>, out: &mut Predictive) {
        for (member, rows) in self.members.iter_mut().zip(&mut self.rows) {
            member.conditional(known, rows);
        }
        (0..out.rows()).for_each(|lane| self.weights.mix(lane, &self.rows, lane, out));
    }

    fn observe(&mut self, x: &[f64]) {
        for (lane, &x) in x.iter().enumerate() {
            self.weights.update(lane, &self.rows, lane, x);
        }
        self.members.iter_mut().for_each(|member| member.observe(x));
        self.forget_rows();
    }

    fn end_context(&mut self) {
        self.members.iter_mut().for_each(|member| member.end_context());
        self.weights = PathWeights::new(self.prior, self.lanes());
        self.forget_rows();
    }

    fn set_undefined(&mut self, lane: usize) {
        self.members.iter_mut().for_each(|member| member.set_undefined(lane));
        self.rows.iter_mut().for_each(|rows| rows.set_undefined(lane));
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        Box::new(MixtureSession {
            prior: self.prior,
            members: self.members.iter().map(|member| member.fork(parents)).collect(),
            rows: self.rows.iter().map(|rows| rows.gather(parents)).collect(),
            weights: self.weights.gather(parents),
        })
    }

    fn gaussian_paths(&self, known: &Covariates, horizon: usize) -> Option<Vec<Vec<GaussianPath>>> {
        let mut lanes: Vec<Vec<GaussianPath>> = vec![Vec::new(); self.lanes()];
        for (k, member) in self.members.iter().enumerate() {
            for (lane, mut paths) in member.gaussian_paths(known, horizon)?.into_iter().enumerate() {
                let weight = self.weights.of(lane).nth(k)?;
                paths.iter_mut().for_each(|path| path.weight *= weight);
                lanes[lane].append(&mut paths);
            }
        }
        Some(lanes)
    }

    fn moments(&self, known: &Covariates, horizon: usize) -> Option<Vec<Vec<Moments>>> {
        let of_members = self.members.iter().map(|member| member.moments(known, horizon));
        let of_members = of_members.collect::<Option<Vec<_>>>()?;
        let of_step = |lane: usize, step: usize| {
            let parts = self.weights.of(lane).zip(&of_members).map(|(weight, of)| (weight, of[lane][step]));
            // Without weight not even an infinite variance counts.
            let parts = || parts.clone().filter(|(weight, _)| *weight > 0.0);
            let mean: f64 = parts().map(|(weight, own)| weight * own.mean).sum();
            let variance = |own: Moments| own.variance + (own.mean - mean).powi(2);
            Moments { mean, variance: parts().map(|(weight, own)| weight * variance(own)).sum() }
        };
        Some((0..self.lanes()).map(|lane| (0..horizon).map(|step| of_step(lane, step)).collect()).collect())
    }
}

impl MixtureSession<'_> {
    /// What the members said was about a step that is over.
    fn forget_rows(&mut self) {
        for rows in &mut self.rows {
            (0..rows.rows()).for_each(|row| rows.set_undefined(row));
        }
    }
}

/// For every lane the logarithm of each member's weight, up to a constant that makes the largest zero.
#[derive(Debug, Clone, PartialEq)]
struct PathWeights {
    members: usize,
    /// lane * members + member.
    log: Vec<f64>,
}

impl PathWeights {
    fn new(prior: &[f64], lanes: usize) -> Self {
        let largest = prior.iter().fold(0.0_f64, |a, b| a.max(*b));
        let log: Vec<f64> = prior.iter().map(|weight| (weight / largest).ln()).collect();
        Self { members: prior.len(), log: log.repeat(lanes) }
    }

    fn gather(&self, lanes: &[usize]) -> Self {
        let log = lanes.iter().flat_map(|&lane| &self.log[lane * self.members..(lane + 1) * self.members]);
        Self { members: self.members, log: log.copied().collect() }
    }

    /// The weights of a lane.
    fn of(&self, lane: usize) -> impl Iterator<Item = f64> + Clone + '_ {
        let log = &self.log[lane * self.members..(lane + 1) * self.members];
        let total: f64 = log.iter().map(|log| log.exp()).sum();
        log.iter().map(move |log| log.exp() / total)
    }

    /// Writes the mixture of a row of the members' conditionals: defined where all of them are.
    fn mix(&self, lane: usize, members: &[Predictive], row: usize, out: &mut Predictive) {
        let parts = self.of(lane).zip(members.iter().map(move |rows| rows.row(row)));
        out.set_mixture(row, parts, members.iter().all(|rows| rows.is_defined(row)));
    }

    /// Weighs the members by what they said of x. A value that one of them cannot judge, or that none thinks possible,
    /// changes nothing.
    fn update(&mut self, lane: usize, members: &[Predictive], row: usize, x: f64) {
        if x.is_nan() || !members.iter().all(|rows| rows.is_defined(row)) {
            return;
        }
        let log = &mut self.log[lane * self.members..(lane + 1) * self.members];
        let updated: Vec<f64> = log.iter().zip(members).map(|(log, rows)| log + rows.row(row).log_prob(x)).collect();
        let largest = updated.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        if largest.is_finite() {
            log.iter_mut().zip(updated).for_each(|(log, updated)| *log = updated - largest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::series::Series;
    use crate::model::Fit;
    use crate::model::linear::{Ar, ArParts, Estimator, Innovations, LinearSpec, Order};
    use crate::model::naive::Naive;
    use crate::model::token::QuantisedSpec;
    use crate::model::token::markov::{MarkovOrder, MarkovSpec};
    use crate::model::token::quantiser::{QuantiserKind, QuantiserSpec};
    use crate::model::transformed::{Differences, Seasonal, Transform, Transformed};

    const WEIGHTS: [f64; 3] = [0.2, 0.5, 0.3];

    fn members() -> Vec<Ar> {
        vec![
            Ar::new(1.0, 0.0, vec![0.6], 0.7, 2.0),
            Ar::new(0.0, 0.0, vec![1.0], 1.2, 2.0),
            Ar::new(0.3, 0.0, vec![0.2, 0.5], 0.4, 2.0),
        ]
    }

    fn average() -> Mixture<Ar> {
        Mixture::new(members(), &WEIGHTS).expect("a mixture")
    }

    const PAST: [f64; 4] = [2.0, 1.5, 2.5, 3.1];
    const FUTURE: [f64; 5] = [2.2, 2.9, 1.4, 2.6, 2.0];

    /// ln p of the defined values of a future.
    fn log_likelihood(model: &dyn Autoregressive, future: &[f64]) -> f64 {
        let (context, target) = (Batch::single(&PAST, 0), Batch::single(future, 4));
        let rows = model.conditionals(&context, &target, &Covariates::none()).expect("conditionals");
        let scores = future
            .iter()
            .enumerate()
            .map(|(row, x)| if rows.is_defined(row) && !x.is_nan() { rows.row(row).log_prob(*x) } else { 0.0 });
        scores.sum()
    }

    /// ln sum_k w_k p_k(future).
    fn by_definition<M: Autoregressive>(members: &[M], weights: &[f64], future: &[f64]) -> f64 {
        let share = |(member, weight): (&M, &f64)| weight * log_likelihood(member, future).exp();
        members.iter().zip(weights).map(share).sum::<f64>().ln()
    }

    fn next(session: &mut dyn Session<'_>) -> Predictive {
        let mut rows = Predictive::new(Family::Mixture { components: 3 }, session.lanes());
        session.conditional(Covariates::none().row(0), &mut rows);
        rows
    }

    fn weights(rows: &Predictive, lane: usize) -> Vec<f64> {
        rows.row(lane).parameters().iter().copied().step_by(3).collect()
    }

    #[test]
    fn the_density_of_a_path_is_the_weighted_sum_of_its_members() {
        let (own, sum) = (log_likelihood(&average(), &FUTURE), by_definition(&members(), &WEIGHTS, &FUTURE));
        assert!((own - sum).abs() < 1e-12, "{own}, not {sum}");
    }

    #[test]
    fn the_average_of_an_average_is_an_average() {
        let nested = vec![average(), Mixture::new(vec![members().remove(1)], &[3.0]).expect("a mixture")];
        let outer = Mixture::new(nested, &[0.9, 0.1]).expect("a mixture");
        assert_eq!(outer.family(), Family::Mixture { components: 4 });
        let flat = by_definition(&members(), &[0.18, 0.55, 0.27], &FUTURE);
        assert!((log_likelihood(&outer, &FUTURE) - flat).abs() < 1e-12);
        // An inner average that was weighed begins anew with the outer one.
        let batch = Batch::single(&PAST, 0);
        let mut session = outer.begin(&batch, &Covariates::none()).expect("a session");
        let mut rows = Predictive::new(outer.family(), 1);
        session.conditional(Covariates::none().row(0), &mut rows);
        session.observe(&[9.0]);
        session.end_context();
        session.conditional(Covariates::none().row(0), &mut rows);
        let expected = [0.18, 0.45, 0.27, 0.1];
        assert!(weights(&rows, 0).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{rows:?}");
    }

    #[test]
    fn weights_are_the_prior_ones_at_the_end_of_a_context_and_follow_the_likelihood_from_there() {
        let model = average();
        let mut session = model.begin(&Batch::single(&PAST, 0), &Covariates::none()).expect("a session");
        let first = next(&mut *session);
        assert!(weights(&first, 0).iter().zip(WEIGHTS).all(|(a, b)| (a - b).abs() < 1e-15));
        session.observe(&[2.2]);
        let densities = [(1.0 + 0.6 * 3.1, 0.7), (3.1, 1.2), (0.3 + 0.2 * 3.1 + 0.5 * 2.5, 0.4)]
            .map(|(mean, sd): (f64, f64)| (-0.5 * ((2.2 - mean) / sd).powi(2)).exp() / sd);
        let shares: Vec<f64> = densities.iter().zip(WEIGHTS).map(|(density, weight)| density * weight).collect();
        let total: f64 = shares.iter().sum();
        let second = weights(&next(&mut *session), 0);
        assert!(second.iter().zip(&shares).all(|(own, share)| (own - share / total).abs() < 1e-14), "{second:?}");
        session.end_context();
        assert_eq!(weights(&next(&mut *session), 0), weights(&first, 0));
    }

    #[test]
    fn a_missing_value_is_integrated_out_of_the_weights() {
        let model = average();
        let mut session = model.begin(&Batch::single(&PAST, 0), &Covariates::none()).expect("a session");
        let _ = next(&mut *session);
        session.observe(&[1.0]);
        let before = weights(&next(&mut *session), 0);
        session.observe(&[f64::NAN]);
        let after = next(&mut *session);
        assert_eq!(weights(&after, 0), before);
        // The members integrate it out as well, so that the next value counts again.
        assert!(after.is_defined(0));
        session.observe(&[5.0]);
        assert_ne!(weights(&next(&mut *session), 0), before);
    }

    #[test]
    fn weights_outlive_values_that_no_member_expected() {
        let model = average();
        let mut session = model.begin(&Batch::single(&PAST, 0), &Covariates::none()).expect("a session");
        for x in [1e9, -1e9, 2.0, 2.0] {
            let rows = next(&mut *session);
            assert!((weights(&rows, 0).iter().sum::<f64>() - 1.0).abs() < 1e-12, "{rows:?}");
            session.observe(&[x]);
        }
    }

    #[test]
    fn one_member_alone_is_that_member() {
        let alone = Mixture::new(members(), &[0.0, 0.0, 2.0]).expect("a mixture");
        assert_eq!((alone.family(), alone.weights()), (Family::Gaussian, &[1.0][..]));
        let (context, target, none) = (Batch::single(&PAST, 0), Batch::single(&FUTURE, 4), Covariates::none());
        let rows = |model: &dyn Autoregressive| model.conditionals(&context, &target, &none).expect("conditionals");
        assert_eq!(rows(&alone), rows(&members()[2]));
        let joint = |model: &dyn Autoregressive| {
            model.begin(&context, &none).expect("a session").gaussian_paths(&none, 4).expect("paths")
        };
        assert_eq!(joint(&alone), joint(&members()[2]));
    }

    #[test]
    fn levels_and_differences_mix_and_so_do_seasonal_factors() {
        let x: Vec<f64> = (0..40).map(|t| 20.0 + [3.0, -1.0, -2.0][t as usize % 3] + f64::from(t * 37 % 11)).collect();
        let series = Series::new("", x);
        let behind = |seasonal, link, order| {
            let transform = Transform::new(seasonal, link, Differences::new(order, 0, 1)).expect("a transform");
            Transformed::fit(&Naive::Mean, transform, std::slice::from_ref(&series)).expect("a fit").model
        };
        let ratios = || Seasonal::Multiplicative(vec![1.2, 0.9, 0.9]);
        for link in [Link::Identity, Link::Log, Link::BoxCox(0.5)] {
            let members = vec![behind(ratios(), link, 0), behind(Seasonal::None, link, 1)];
            let expected = by_definition(&members, &[0.5, 0.5], &FUTURE);
            let own = log_likelihood(&Mixture::new(members, &[1.0, 1.0]).expect("a mixture"), &FUTURE);
            assert!((own - expected).abs() < 1e-11, "{link:?}: {own}, not {expected}");
        }
        let of_two_links = vec![behind(ratios(), Link::Log, 0), behind(ratios(), Link::Identity, 0)];
        let refused = Mixture::new(of_two_links, &[1.0, 1.0]).expect_err("two links");
        assert!(refused.to_string().contains("do not mix"), "{refused}");
    }

    #[test]
    fn boxed_models_of_different_types_mix() {
        let x = Series::new("", PAST.to_vec());
        let naive = Naive::RandomWalk { drift: true }.fit(&[x]).expect("a fit").model;
        let boxed: Vec<Box<dyn Autoregressive>> = vec![Box::new(members().remove(0)), Box::new(naive)];
        let expected = by_definition(&boxed, &[0.5, 0.5], &FUTURE);
        let model = Mixture::new(boxed, &[0.5, 0.5]).expect("a mixture");
        assert!((log_likelihood(&model, &FUTURE) - expected).abs() < 1e-12);
        assert_eq!(model.memory(), Some(1));
    }

    #[test]
    fn what_are_no_weights_is_refused() {
        for weights in [[0.0; 3], [1.0, -0.1, 0.1], [f64::NAN, 1.0, 1.0], [f64::INFINITY, 1.0, 1.0]] {
            assert!(Mixture::new(members(), &weights).is_err(), "{weights:?}");
        }
    }

    /// The members with Student's t innovations.
    fn heavy() -> Vec<Ar> {
        let of = |(phi, scale, dof): (f64, f64, f64)| {
            Ar::from_parts(ArParts {
                innovations: Innovations::StudentT { scale, dof },
                ..Ar::new(0.3, 0.0, vec![phi], 1.0, 2.0).parts()
            })
        };
        [(0.6, 0.7, 5.0), (1.0, 1.2, 3.0), (0.2, 0.4, 30.0)].map(of).to_vec()
    }

    #[test]
    fn heavy_tails_mix_behind_any_link() {
        let model = Mixture::new(heavy(), &WEIGHTS).expect("a mixture");
        assert_eq!(model.family(), Family::StudentTMixture { components: 3 });
        let (own, sum) = (log_likelihood(&model, &FUTURE), by_definition(&heavy(), &WEIGHTS, &FUTURE));
        assert!((own - sum).abs() < 1e-12, "{own}, not {sum}");
        for link in [Link::Identity, Link::Log] {
            let x = (0..60).map(|t| (1.0 + (0.7 * f64::from(t)).sin() + f64::from(t * 37 % 11) / 8.0).exp()).collect();
            let series = Series::new("", x);
            let spec = LinearSpec { order: Order::Fixed(1), estimator: Estimator::Robust, ..LinearSpec::default() };
            let behind = |seasonal, order| {
                let transform = Transform::new(seasonal, link, Differences::new(order, 0, 1)).expect("a transform");
                Transformed::fit(&spec, transform, std::slice::from_ref(&series)).expect("a fit").model
            };
            let ratios = Seasonal::Multiplicative(vec![1.2, 0.9, 0.9]);
            let members = vec![behind(ratios, 0), behind(Seasonal::None, 1)];
            let expected = by_definition(&members, &[0.5, 0.5], &FUTURE);
            let own = log_likelihood(&Mixture::new(members, &[1.0, 1.0]).expect("a mixture"), &FUTURE);
            assert!((own - expected).abs() < 1e-11, "{link:?}: {own}, not {expected}");
        }
    }

    #[test]
    fn moments_ahead_are_those_of_the_members() {
        let (model, batch, none) =
            (Mixture::new(heavy(), &WEIGHTS).expect("a mixture"), Batch::single(&PAST, 0), Covariates::none());
        let of = |model: &dyn Autoregressive| {
            model.begin(&batch, &none).expect("a session").moments(&none, 4).expect("moments").remove(0)
        };
        let of_members: Vec<Vec<Moments>> = heavy().iter().map(|member| of(member)).collect();
        for (step, own) in of(&model).into_iter().enumerate() {
            let parts = || of_members.iter().zip(WEIGHTS).map(|(of, weight)| (of[step], weight));
            let mean: f64 = parts().map(|(of, weight)| weight * of.mean).sum();
            let square: f64 = parts().map(|(of, weight)| weight * (of.variance + of.mean * of.mean)).sum();
            assert!((own.mean - mean).abs() < 1e-12 && (own.variance - square + mean * mean).abs() < 1e-12, "{own:?}");
        }
    }

    #[test]
    fn two_equal_members_are_the_member() {
        let member = heavy().remove(0);
        let twice = Mixture::new(vec![member.clone(), member.clone()], &[0.4, 0.6]).expect("a mixture");
        let rows = |model: &dyn Autoregressive| {
            model.conditionals(&Batch::single(&PAST, 0), &Batch::single(&FUTURE, 4), &Covariates::none()).expect("rows")
        };
        let (own, alone) = (rows(&twice), rows(&member));
        let close = |a: f64, b: f64| (a - b).abs() < 1e-11 * (1.0 + b.abs());
        for (row, x) in FUTURE.into_iter().enumerate() {
            let (own, alone) = (own.row(row), alone.row(row));
            assert!(close(own.log_prob(x), alone.log_prob(x)) && close(own.cdf(x), alone.cdf(x)));
            assert!(close(own.surprisal_tail(x), alone.surprisal_tail(x)));
            assert!(close(own.mean(), alone.mean()) && close(own.std_dev(), alone.std_dev()));
            assert!(close(own.mode(), alone.mode()) && close(own.median(), alone.median()));
            let (a, b) = (own.accepted_region(0.05), alone.accepted_region(0.05));
            assert!(close(a.0, b.0) && close(a.1, b.1), "{a:?}, not {b:?}");
        }
    }

    #[test]
    fn models_of_the_same_tokens_mix_and_others_do_not() {
        let x: Vec<f64> = (0..80).map(|t| 2.0 + f64::from(t * 37 % 11) / 8.0 + (0.9 * f64::from(t)).sin()).collect();
        let of = |order, bins| QuantisedSpec {
            quantiser: QuantiserSpec { kind: QuantiserKind::Uniform, bins: Some(bins) },
            markov: MarkovSpec { order: MarkovOrder::Fixed(order), symbols: None },
        };
        let fit = |spec: QuantisedSpec| spec.fit(&[Series::new("", x.clone())]).expect("a fit").model;
        let both = vec![fit(of(0, 6)), fit(of(1, 6))];
        let expected = by_definition(&both, &[0.5, 0.5], &FUTURE);
        let model = Mixture::new(both, &[1.0, 1.0]).expect("a mixture");
        assert!(model.family().has_tokens());
        let own = log_likelihood(&model, &FUTURE);
        assert!((own - expected).abs() < 1e-12, "{own}, not {expected}");
        assert!(Mixture::new(vec![fit(of(0, 6)), fit(of(0, 7))], &[1.0, 1.0]).is_err());
        let refused = Mixture::new(vec![heavy().remove(0), members().remove(0)], &[1.0, 1.0]).expect_err("families");
        assert!(refused.to_string().contains("different families"), "{refused}");
    }
}
