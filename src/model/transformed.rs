//! A model of transformed data is a model: logs, Box-Cox powers, differences and seasonal factors around any other.
//!
//! ```text
//! y_t  -- / s or - s -->  u_t  -- g -->  w_t  -- (1 - B)^d (1 - B^m)^D -->  z_t  ~  inner model
//! ```
//!
//! with seasonal factors s = s_{t mod m}. Given the past, w_t = a_t + z_t, where a_t is a fixed linear combination of
//! past w: so p(y_t | y_<t) is the inner conditional behind the map y = s ginv(a_t + z) (or s + a_t + z for additive
//! factors), and its density carries the Jacobian. Nothing is transformed back by
//! hand: quantiles pass through the map, means and densities account for it (see [`crate::predictive`]).
//!
//! State per lane: the last d + mD values of w, and the inner session. A step costs O(number of difference lags), at
//! most (d + 1)(D + 1) - 1, on top of the inner step; all conditionals of a target at once cost those of the inner
//! model and as much on top. The first d + mD values of a lane have no conditional; nor have those that difference
//! against a missing value. Its stand-in, the conditional mean of w, counts as a value for the inner session, so that
//! sampled paths after a gap are draws from the joint; what rests on it stays undefined for the inner model's memory.
//!
//! The joint distribution of the next h values stays Gaussian before the outer map: differencing multiplies the moving
//! average of the innovations by 1 / ((1 - B)^d (1 - B^m)^D) (Box, Jenkins, Reinsel and Ljung 2015, section 5.2).

use super::{
    Autoregressive, Fitted, GaussianPath, Moments, PathFactor, Running, Session, step_through, training_likelihood,
};
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::{Covariate, Series};
use crate::error::{Error, Result};
use crate::predictive::{Family, Link, OuterMap, Predictive};

/// The differences w_t -> z_t = (1 - B)^d (1 - B^m)^D w_t.
///
/// ```
/// use foretoken::model::transformed::Differences;
///
/// let twelve = Differences::new(1, 1, 12);
/// assert_eq!(twelve.order(), 13);
/// assert_eq!(Differences::new(2, 0, 1).apply(&[1.0, 4.0, 9.0, 16.0]), [2.0, 2.0]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences {
    regular: usize,
    seasonal: usize,
    period: usize,
    /// z_t = w_t - sum of weight * w_{t - lag}: (lag, weight), lags ascending, no zero weight.
    lags: Vec<(usize, i64)>,
}

impl Differences {
    /// d regular differences and D seasonal ones of the given period (ignored for D = 0).
    ///
    /// # Panics
    /// If D > 0 and the period is below 1.
    #[must_use]
    pub fn new(regular: usize, seasonal: usize, period: usize) -> Self {
        assert!(seasonal == 0 || period > 0, "seasonal differences need a period");
        let mut polynomial = vec![1_i64];
        for lag in std::iter::repeat_n(1, regular).chain(std::iter::repeat_n(period, seasonal)) {
            let mut next = polynomial.clone();
            next.resize(polynomial.len() + lag, 0);
            for (i, coefficient) in polynomial.iter().enumerate() {
                next[i + lag] -= coefficient;
            }
            polynomial = next;
        }
        let lags =
            (1..polynomial.len()).filter(|&lag| polynomial[lag] != 0).map(|lag| (lag, -polynomial[lag])).collect();
        Self { regular, seasonal, period, lags }
    }

    /// No differences.
    #[must_use]
    pub fn none() -> Self {
        Self::new(0, 0, 1)
    }

    /// d, the number of regular differences.
    #[must_use]
    pub fn regular(&self) -> usize {
        self.regular
    }

    /// D, the number of seasonal differences.
    #[must_use]
    pub fn seasonal(&self) -> usize {
        self.seasonal
    }

    /// m, the period of the seasonal differences.
    #[must_use]
    pub fn period(&self) -> usize {
        self.period
    }

    /// d + mD: how many values the first difference needs before it.
    #[must_use]
    pub fn order(&self) -> usize {
        self.lags.last().map_or(0, |&(lag, _)| lag)
    }

    /// (lag, weight) of z_t = w_t - sum of weight * w_{t - lag}, lags ascending, no zero weight.
    #[must_use]
    pub fn lags(&self) -> &[(usize, i64)] {
        &self.lags
    }

    /// The differences of known values; NaN where one of them is missing. `order()` values shorter.
    #[must_use]
    pub fn apply(&self, w: &[f64]) -> Vec<f64> {
        (self.order()..w.len()).map(|t| w[t] - self.base(|lag| w[t - lag])).collect()
    }

    /// The differences of a series and of its covariates, without those that lie ahead of it.
    pub(super) fn of_series(&self, series: &Series) -> Series {
        let difference = |covariate: &Covariate| Covariate {
            name: covariate.name.clone(),
            values: self.apply(&covariate.values[..series.len()]),
        };
        let covariates = series.covariates().iter().map(difference).collect();
        Series::new(series.id(), self.apply(series.values())).with_covariates(covariates)
    }

    /// a_t = sum of weight * w_{t - lag}.
    fn base(&self, past: impl Fn(usize) -> f64) -> f64 {
        self.lags.iter().map(|&(lag, weight)| weight as f64 * past(lag)).sum()
    }

    /// Solves z_j = w_j - a_j in place over the future: what `apply` does, undone. `past(k)` is w at k >= 1 steps
    /// before the first.
    fn integrate(&self, path: &mut [f64], past: impl Fn(usize) -> f64) {
        for j in 0..path.len() {
            path[j] += self.base(|lag| if lag <= j { path[j - lag] } else { past(lag - j) });
        }
    }
}

/// The seasonal component that is taken out before the link.
#[derive(Debug, Clone, PartialEq)]
pub enum Seasonal {
    /// None.
    None,
    /// u_t = y_t / s_{t mod m}, with every factor positive.
    Multiplicative(Vec<f64>),
    /// u_t = y_t - s_{t mod m}.
    Additive(Vec<f64>),
}

/// What is done to data before the inner model sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct Transform {
    seasonal: Seasonal,
    link: Link,
    differences: Differences,
}

impl Transform {
    /// Seasonal factors, then the link, then differences.
    ///
    /// # Errors
    /// If multiplicative factors are not positive, or additive ones stand before a link other than the identity (the
    /// two do not make one map).
    pub fn new(seasonal: Seasonal, link: Link, differences: Differences) -> Result<Self> {
        match &seasonal {
            Seasonal::Multiplicative(factors) if !factors.iter().all(|s| s.is_finite() && *s > 0.0) => {
                Err(Error::usage("multiplicative seasonal factors need positive data"))
            }
            Seasonal::Additive(_) if link != Link::Identity => {
                Err(Error::usage("additive seasonal factors do not combine with a log or Box-Cox transform")
                    .hint("use multiplicative factors, seasonal differences or --transform none"))
            }
            _ => Ok(Self { seasonal, link, differences }),
        }
    }

    /// Leaves data as they are.
    #[must_use]
    pub fn identity() -> Self {
        Self { seasonal: Seasonal::None, link: Link::Identity, differences: Differences::none() }
    }

    /// The seasonal component.
    #[must_use]
    pub fn seasonal(&self) -> &Seasonal {
        &self.seasonal
    }

    /// The link.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    /// The differences of the linked values.
    #[must_use]
    pub fn differences(&self) -> &Differences {
        &self.differences
    }

    /// Whether data stay as they are.
    fn is_identity(&self) -> bool {
        self.seasonal == Seasonal::None && self.link == Link::Identity && self.differences.order() == 0
    }

    /// The map from a + z to the data at an index.
    pub(super) fn map(&self, index: i64, shift: f64) -> OuterMap {
        let factor = |factors: &[f64]| factors[index.rem_euclid(factors.len() as i64) as usize];
        let (scale, extra) = match &self.seasonal {
            Seasonal::None => (1.0, 0.0),
            Seasonal::Multiplicative(factors) => (factor(factors), 0.0),
            Seasonal::Additive(factors) => (1.0, factor(factors)),
        };
        OuterMap { link: self.link, shift: shift + extra, factor: 1.0, scale }
    }

    /// w of the value at an index; NaN where it is missing or outside the domain.
    fn link_value(&self, y: f64, index: i64) -> f64 {
        self.map(index, 0.0).backward(y)
    }

    /// What the inner model is fitted to.
    ///
    /// # Errors
    /// If a value lies outside the domain of the link, or too few values are left.
    pub fn forward(&self, series: &Series) -> Result<Series> {
        if self.is_identity() && !series.is_empty() {
            return Ok(series.clone());
        }
        let w = self.linked(series.values().iter().copied(), 0)?;
        if w.len() <= self.differences.order() {
            let need = self.differences.order() + 1;
            return Err(super::too_short("a model of differences", series.len(), need));
        }
        let values = self.differences.apply(&w);
        // Covariates stand beside the values that are left.
        let beside = |covariate: &Covariate| Covariate {
            name: covariate.name.clone(),
            values: covariate.values[self.differences.order().min(covariate.values.len())..].to_vec(),
        };
        Ok(Series::new(series.id(), values).with_covariates(series.covariates().iter().map(beside).collect()))
    }

    /// The first linked values, as many as the differences look back; a missing one is the next that is known.
    fn origin(&self, y: &[f64]) -> Vec<f64> {
        let known_from = |t: usize| {
            let linked = (t as i64..).zip(&y[t..]).map(|(t, &y)| self.link_value(y, t));
            linked.into_iter().find(|w| !w.is_nan()).unwrap_or(0.0)
        };
        (0..self.differences.order()).map(known_from).collect()
    }

    /// The linked values of a lane that begins at an index.
    pub(crate) fn linked(&self, values: impl Iterator<Item = f64>, start: i64) -> Result<Vec<f64>> {
        (start..).zip(values).map(|(t, y)| self.checked_link_value(y, t)).collect()
    }

    fn checked_link_value(&self, y: f64, index: i64) -> Result<f64> {
        if y.is_nan() || self.link.is_in_domain(y) {
            return Ok(self.link_value(y, index));
        }
        Err(Error::data(format!("the value {y} has no logarithm or power"))
            .expected("positive values")
            .hint("use --transform none"))
    }
}

/// An inner model behind a [`Transform`].
///
/// ```
/// use foretoken::model::naive::Naive;
/// use foretoken::model::transformed::{Differences, Seasonal, Transform, Transformed};
/// use foretoken::predictive::Link;
/// use foretoken::{Batch, Covariates, Series, score};
///
/// // A mean of log differences is a geometric random walk; its likelihood is that of the data, not of the logs.
/// let x = Series::new("", vec![100.0, 110.0, 118.0, 135.0]);
/// let transform = Transform::new(Seasonal::None, Link::Log, Differences::new(1, 0, 1))?;
/// let fitted = Transformed::fit(&Naive::Mean, transform, std::slice::from_ref(&x))?;
/// let all = score::log_likelihood(&fitted.model, &Batch::empty(&[0]), &Batch::of_series(&[x]), &Covariates::none())?;
/// assert!((all.0 - fitted.summary.log_likelihood).abs() < 1e-12);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Transformed<M> {
    inner: M,
    transform: Transform,
    /// What stands in for values before the first: the first linked training values.
    origin: Vec<f64>,
}

impl<M: Autoregressive> Transformed<M> {
    /// Fits the inner specification to the transformed series; the reported likelihood is that of the data.
    ///
    /// # Errors
    /// If the transform does not apply, the inner fit fails, or a Box-Cox model puts more than 1e-6 of its mass
    /// outside the domain of the data.
    pub fn fit<S: super::Fit<Model = M>>(spec: &S, transform: Transform, train: &[Series]) -> Result<Fitted<Self>> {
        let inner_train: Vec<Series> = train.iter().map(|series| transform.forward(series)).collect::<Result<_>>()?;
        let Fitted { model, mut summary } = spec.fit(&inner_train)?;
        let origin = transform.origin(train.first().map_or(&[][..], Series::values));
        let fitted = Self { inner: model, transform, origin };
        if !fitted.transform.is_identity() && summary.observations > 0 {
            (summary.log_likelihood, summary.observations) = fitted.likelihood(train)?;
        }
        Ok(Fitted { model: fitted, summary })
    }

    /// The likelihood of the training rows in data units; checks the mass that the conditionals put outside the domain of
    /// a Box-Cox link.
    fn likelihood(&self, train: &[Series]) -> Result<(f64, usize)> {
        if matches!(self.transform.link, Link::BoxCox(_)) {
            for series in train {
                let target = Batch::single(series.values(), 0);
                let rows = self.conditionals(&Batch::empty(&[0]), &target, &Covariates::of_series(series))?;
                let is_defined = |row: &usize| rows.is_defined(*row) && !series.values()[*row].is_nan();
                (0..series.len()).filter(is_defined).try_for_each(|row| check_mass(&rows.row(row)))?;
            }
        }
        training_likelihood(self, train)
    }
}

impl<M> Transformed<M> {
    /// A model of transformed values behind its transform; the origin has as many linked values as the differences look
    /// back on.
    pub(crate) fn from_parts(inner: M, transform: Transform, origin: Vec<f64>) -> Self {
        Self { inner, transform, origin }
    }

    /// What stands in for values before the first.
    pub(super) fn origin(&self) -> &[f64] {
        &self.origin
    }

    /// The model of the transformed values.
    #[must_use]
    pub fn inner(&self) -> &M {
        &self.inner
    }

    /// Another model of the transformed values behind the same transform.
    #[must_use]
    pub fn with_inner<N>(&self, inner: N) -> Transformed<N> {
        Transformed { inner, transform: self.transform.clone(), origin: self.origin.clone() }
    }

    /// What is done before the inner model.
    #[must_use]
    pub fn transform(&self) -> &Transform {
        &self.transform
    }
}

/// Refuses a Box-Cox row with more than 1e-6 of its mass beyond -1 / lambda, where the power has no inverse.
fn check_mass(row: &crate::predictive::Distribution<'_>) -> Result<()> {
    const ALLOWED: f64 = 1e-6;
    if row.mass_outside_domain() <= ALLOWED {
        return Ok(());
    }
    Err(Error::numeric("the Box-Cox model puts more than one millionth of its mass outside the range of the data")
        .expected("values well away from zero compared with their one-step error")
        .hint("use --transform log or --transform none"))
}

impl<M: Autoregressive> Autoregressive for Transformed<M> {
    fn family(&self) -> Family {
        self.inner.family()
    }

    fn link(&self) -> Link {
        self.transform.link
    }

    fn memory(&self) -> Option<usize> {
        self.inner.memory().map(|steps| steps + self.transform.differences.order())
    }

    fn forgets_after(&self) -> Option<usize> {
        self.inner.forgets_after().map(|steps| steps + self.transform.differences.order())
    }

    fn begin<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>> {
        if context.values().iter().any(|x| x.is_nan()) && self.has_inner_gap(context) {
            return self.begin_stepping(context, known);
        }
        let order = self.transform.differences.order();
        let lanes = 0..context.lanes();
        let linked: Vec<Vec<f64>> = lanes
            .clone()
            .map(|lane| self.transform.linked(context.lane(lane), context.start(lane)))
            .collect::<Result<_>>()?;
        let differenced: Vec<Vec<f64>> = linked.iter().map(|w| self.transform.differences.apply(w)).collect();
        let slices: Vec<&[f64]> = differenced.iter().map(Vec::as_slice).collect();
        let ends_before: Vec<i64> =
            lanes.clone().map(|lane| context.end(lane) - (order + slices[lane].len()) as i64).collect();
        let inner_context = Batch::lanes_of(&slices, &ends_before);
        let inner = self.inner.begin(&inner_context, &known.after(context.steps() - inner_context.steps()))?;
        let mut session = TransformedSession::new(self, inner, context.ends());
        for (lane, w) in linked.iter().enumerate() {
            session.remember_context(lane, w);
        }
        Ok(Box::new(session))
    }

    fn conditionals(&self, context: &Batch, target: &Batch, known: &Covariates) -> Result<Predictive> {
        match self.conditionals_of_one_lane(context, target, known)? {
            Some(rows) => Ok(rows),
            None => step_through(self, context, target, known),
        }
    }
}

impl<M: Autoregressive> Transformed<M> {
    /// All conditionals from those of the inner model: of one lane, with nothing missing, whose context holds what the
    /// first difference needs. `None` for anything else.
    fn conditionals_of_one_lane(
        &self,
        context: &Batch,
        target: &Batch,
        known: &Covariates,
    ) -> Result<Option<Predictive>> {
        let (transform, order) = (&self.transform, self.transform.differences.order());
        if context.lanes() != 1 || target.lanes() != 1 || context.steps() < order {
            return Ok(None);
        }
        if transform.is_identity() {
            return self.inner.conditionals(context, target, known).map(Some);
        }
        let (start, first) = (context.start(0), context.steps());
        let mut w = transform.linked(context.values().iter().copied(), start)?;
        w.extend((context.end(0)..).zip(target.values()).map(|(index, &y)| transform.link_value(y, index)));
        if w.iter().any(|w| w.is_nan()) {
            return Ok(None);
        }
        let z = transform.differences.apply(&w);
        let (past, next) = z.split_at(first - order);
        let inner_context = Batch::single(past, start);
        let inner_target = Batch::single(next, inner_context.end(0));
        let mut rows = self.inner.conditionals(&inner_context, &inner_target, &known.after(order))?;
        for (row, index) in (context.end(0)..).enumerate().take(rows.rows()) {
            let base = transform.differences.base(|lag| w[first + row - lag]);
            rows.set_map(row, transform.map(index, base).after(&rows.row(row).map()));
        }
        Ok(Some(rows))
    }

    /// Whether a value is missing after a lane has started, and differences need a stand-in for it.
    fn has_inner_gap(&self, context: &Batch) -> bool {
        self.transform.differences.order() > 0 && (0..context.lanes()).any(|lane| context.lane(lane).any(f64::is_nan))
    }

    /// Reads a context with missing values step by step, so that each is replaced by its conditional mean.
    fn begin_stepping<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>> {
        for lane in 0..context.lanes() {
            self.transform.linked(context.lane(lane), context.start(lane))?;
        }
        let start: Vec<i64> = context.ends().iter().map(|end| end - context.steps() as i64).collect();
        let mut session = self.begin(&Batch::empty(&start), known)?;
        let mut rows = Predictive::new(self.family(), context.lanes());
        for t in 0..context.steps() {
            session.conditional(known.row(t), &mut rows);
            session.observe(context.row(t));
        }
        session.end_context();
        Ok(session)
    }
}

/// The last d + mD linked values of every lane in a ring (row `at` is the oldest), beside the inner session.
struct TransformedSession<'m, M> {
    model: &'m Transformed<M>,
    inner: Running<'m>,
    /// The index of the next value of each lane.
    index: Vec<i64>,
    at: usize,
    ring: Vec<f64>,
    known: Vec<bool>,
    /// The number of steps of each lane since its first known value.
    seen: Vec<usize>,
    /// The number of steps since the inner session was handed a difference against a stand-in.
    since_stand_in: Vec<usize>,
    /// The conditional mean of z, as last asked for: what stands in for a missing value.
    mean: Vec<f64>,
    /// Scratch: the values handed down.
    z: Vec<f64>,
}

impl<'m, M> TransformedSession<'m, M> {
    fn new(model: &'m Transformed<M>, inner: Running<'m>, index: Vec<i64>) -> Self {
        let (order, lanes) = (model.transform.differences.order(), index.len());
        Self {
            model,
            inner,
            index,
            at: 0,
            ring: vec![f64::NAN; order * lanes],
            known: vec![false; order * lanes],
            seen: vec![0; lanes],
            since_stand_in: vec![usize::MAX; lanes],
            mean: vec![0.0; lanes],
            z: vec![0.0; lanes],
        }
    }

    fn lane_count(&self) -> usize {
        self.index.len()
    }

    /// Fills the ring of one lane with the end of its context, and with the origin before that.
    fn remember_context(&mut self, lane: usize, w: &[f64]) {
        let (order, lanes) = (self.model.transform.differences.order(), self.lane_count());
        for row in 0..order {
            // Row 0 is the oldest of the last `order` values.
            let value = (w.len() + row).checked_sub(order).map(|t| w[t]);
            let slot = row * lanes + lane;
            self.known[slot] = value.is_some();
            self.ring[slot] = value.unwrap_or_else(|| self.model.origin[w.len() + row]);
        }
        self.seen[lane] = w.len();
    }

    /// The slot of the value `lag` steps back.
    fn slot(&self, lag: usize, lane: usize) -> usize {
        let order = self.model.transform.differences.order();
        (self.at + order - lag) % order * self.lane_count() + lane
    }

    /// a_t of a lane.
    fn base(&self, lane: usize) -> f64 {
        self.model.transform.differences.base(|lag| self.ring[self.slot(lag, lane)])
    }

    /// Whether everything that the next difference needs is known.
    fn is_base_known(&self, lane: usize) -> bool {
        self.model.transform.differences.lags.iter().all(|&(lag, _)| self.known[self.slot(lag, lane)])
    }

    /// Whether a lane has values to difference against, be they stand-ins for missing ones.
    fn has_started(&self, lane: usize) -> bool {
        self.seen[lane] >= self.model.transform.differences.order()
    }
}

impl<'m, M: Autoregressive> Session<'m> for TransformedSession<'m, M> {
    fn lanes(&self) -> usize {
        self.lane_count()
    }

    fn conditional(&mut self, known: Rows<'_>, out: &mut Predictive) {
        self.inner.conditional(known, out);
        let memory = self.model.inner.forgets_after().unwrap_or(usize::MAX);
        for lane in 0..self.lane_count() {
            self.mean[lane] = out.row(lane).mean();
            let map = self.model.transform.map(self.index[lane], self.base(lane)).after(&out.row(lane).map());
            out.set_map(lane, map);
            if !self.is_base_known(lane) || self.since_stand_in[lane] < memory {
                out.set_undefined(lane);
                self.inner.set_undefined(lane);
            }
        }
    }

    fn observe(&mut self, x: &[f64]) {
        let order = self.model.transform.differences.order();
        for (lane, &y) in x.iter().enumerate() {
            let base = self.base(lane);
            let w = self.model.transform.link_value(y, self.index[lane]);
            // Without differences a missing value is the inner model's affair.
            let is_stand_in = order > 0 && self.has_started(lane) && (w.is_nan() || !self.is_base_known(lane));
            let z = if w.is_nan() && is_stand_in { self.mean[lane] } else { w - base };
            self.z[lane] = if self.has_started(lane) { z } else { f64::NAN };
            self.since_stand_in[lane] = if is_stand_in { 0 } else { self.since_stand_in[lane].saturating_add(1) };
            self.seen[lane] += usize::from(self.seen[lane] > 0 || !w.is_nan());
            if order > 0 {
                let slot = self.slot(order, lane);
                self.known[slot] = !w.is_nan();
                self.ring[slot] = if w.is_nan() { base + self.mean[lane] } else { w };
            }
            self.index[lane] += 1;
        }
        if order > 0 {
            self.at = (self.at + 1) % order;
        }
        self.inner.observe(&self.z);
    }

    fn end_context(&mut self) {
        self.inner.end_context();
    }

    fn set_undefined(&mut self, lane: usize) {
        self.inner.set_undefined(lane);
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        let (order, lanes) = (self.model.transform.differences.order(), self.lane_count());
        let slots: Vec<usize> = (0..order).flat_map(|row| parents.iter().map(move |p| row * lanes + p)).collect();
        let index = parents.iter().map(|&p| self.index[p]).collect();
        Box::new(TransformedSession {
            at: self.at,
            ring: slots.iter().map(|&slot| self.ring[slot]).collect(),
            known: slots.iter().map(|&slot| self.known[slot]).collect(),
            seen: parents.iter().map(|&p| self.seen[p]).collect(),
            since_stand_in: parents.iter().map(|&p| self.since_stand_in[p]).collect(),
            mean: parents.iter().map(|&p| self.mean[p]).collect(),
            ..Self::new(self.model, self.inner.fork(parents), index)
        })
    }

    fn gaussian_paths(&self, known: &Covariates, horizon: usize) -> Option<Vec<Vec<GaussianPath>>> {
        // Before a lane has started, its first values give no differences that could be part of a joint.
        if !(0..self.lane_count()).all(|lane| self.has_started(lane)) {
            return None;
        }
        let mut lanes = self.inner.gaussian_paths(known, horizon)?;
        // Inner seasonal ratios would make the joint of the differences anything but a moving average.
        let is_shift = |path: &GaussianPath| path.maps.iter().all(|map| map.factor * map.scale == 1.0);
        if !lanes.iter().flatten().all(is_shift) {
            return None;
        }
        for (lane, components) in lanes.iter_mut().enumerate() {
            for path in components {
                self.integrate(lane, path);
            }
        }
        Some(lanes)
    }

    /// Through lines alone.
    fn moments(&self, known: &Covariates, horizon: usize) -> Option<Vec<Vec<Moments>>> {
        let transform = &self.model.transform;
        if transform.differences.order() > 0 || transform.link != Link::Identity {
            return None;
        }
        let mut lanes = self.inner.moments(known, horizon)?;
        for (lane, steps) in lanes.iter_mut().enumerate() {
            for (index, step) in (self.index[lane]..).zip(steps) {
                let map = transform.map(index, 0.0);
                step.mean = map.forward(step.mean);
                step.variance *= (map.scale * map.factor).powi(2);
            }
        }
        Some(lanes)
    }
}

impl<M> TransformedSession<'_, M> {
    /// Turns the joint of the next z into the joint of the next w: the mean continues the past, the factor starts at
    /// zero. Inner maps are shifts, which move the mean.
    fn integrate(&self, lane: usize, path: &mut GaussianPath) {
        let transform = &self.model.transform;
        path.mean.iter_mut().zip(&path.maps).for_each(|(mean, map)| *mean = map.forward(*mean));
        transform.differences.integrate(&mut path.mean, |lag| self.ring[self.slot(lag, lane)]);
        path.factor.integrate(&transform.differences);
        path.maps = (self.index[lane]..).take(path.mean.len()).map(|t| transform.map(t, 0.0)).collect();
    }
}

impl PathFactor {
    /// Each innovation's effect on z becomes its effect on w: every column is integrated from zero.
    fn integrate(&mut self, differences: &Differences) {
        match self {
            Self::Toeplitz(psi) => differences.integrate(psi, |_| 0.0),
            Self::Lower(rows) => {
                let at = |j: usize, i: usize| j * (j + 1) / 2 + i;
                let horizon = (0..).take_while(|&j| at(j, 0) < rows.len()).count();
                for i in 0..horizon {
                    let mut column: Vec<f64> = (i..horizon).map(|j| rows[at(j, i)]).collect();
                    differences.integrate(&mut column, |_| 0.0);
                    for (j, value) in (i..horizon).zip(column) {
                        rows[at(j, i)] = value;
                    }
                }
            }
        }
    }
}
