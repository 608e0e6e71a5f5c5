//! Tokens: models of symbols, and what turns values into symbols and back.
//!
//! ```text
//! x_t  -- location and scale of the context -->  z_t  -- quantiser -->  token s_t  ~  model of symbols
//! p(x_t | x_<t) = P(s_t | s_<t) / width of the bin / scale        (in the two tails a density that falls as a power)
//! ```
//!
//! [`markov`] is the classical model of symbols: it counts. [`quantiser`] cuts the line into bins. [`Quantised`] puts the
//! two together: a model of values whose conditionals are [`Family::Binned`], densities in the units of the data, to be compared
//! with those of any other model. Tokens, not probabilities, carry the past: what a bin holds is all the same.
//! With feature `linfa`, `codebook` gives whole patches of values a token each.
//!
//! A context sets location and scale of its lane once, when a session begins or [`Session::end_context`] makes what was
//! observed a context; a context of fewer than eight known values takes those of the training values. So two pasts that
//! agree on their last values need not have one future, and [`memory`](Autoregressive::memory) is `None`: whoever resumes
//! a session needs the whole context, and detection reads all rows in one block, n times B numbers. Scored from nothing, as
//! a fit reports its likelihood, all values are on the scale of the training values.
//!
//! State per lane: that of the inner model, three sums, and the last values, as many as the inner model looks back on. A
//! step costs that of the inner model and a copy of its row. A missing value is the inner model's affair: a Markov chain
//! starts anew behind it. Behind differences it has a stand-in, which counts for the scale as a value does. Covariates are
//! not read.

#[cfg(feature = "linfa")]
pub mod codebook;
pub mod markov;
pub mod merges;
mod pieces;
pub mod quantiser;
pub mod symbols;
pub mod unigram;
pub mod vocabulary;

use self::markov::{Markov, MarkovSpec};
use self::quantiser::{Quantiser, QuantiserSpec, RunningMoments};
use super::{Autoregressive, Fit, Fitted, Running, Session, Summary};
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::predictive::{Family, OuterMap, Predictive};

/// What to fit: bins, and a Markov chain over their tokens.
///
/// ```
/// use foretoken::model::token::QuantisedSpec;
/// use foretoken::{Batch, Covariates, Fit, Series, score};
///
/// let x = Series::new("", (0..200).map(|t| (0.7 * f64::from(t)).sin()).collect());
/// let fitted = QuantisedSpec::default().fit(&[x.clone()])?;
/// let all = score::log_likelihood(&fitted.model, &Batch::empty(&[0]), &Batch::of_series(&[x]), &Covariates::none())?;
/// assert!((all.0 - fitted.summary.log_likelihood).abs() < 1e-9);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QuantisedSpec {
    /// The bins.
    pub quantiser: QuantiserSpec,
    /// The chain; its number of symbols is that of the bins, whatever is said here.
    pub markov: MarkovSpec,
}

/// A model of symbols behind a quantiser: a model of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantised<M> {
    quantiser: Quantiser,
    inner: M,
}

impl<M: Autoregressive> Quantised<M> {
    /// A model of the tokens of a quantiser.
    ///
    /// # Errors
    /// If it is no model of symbols, or of another number of them than there are bins.
    pub fn new(quantiser: Quantiser, inner: M) -> Result<Self> {
        let bins = quantiser.bins().len();
        if inner.family() == (Family::Categorical { symbols: bins }) {
            return Ok(Self { quantiser, inner });
        }
        Err(Error::usage(format!("a model of {:?} says nothing about {bins} tokens", inner.family()))
            .expected(format!("a model of {bins} symbols")))
    }

    /// The quantiser.
    #[must_use]
    pub fn quantiser(&self) -> &Quantiser {
        &self.quantiser
    }

    /// The model of its tokens.
    #[must_use]
    pub fn inner(&self) -> &M {
        &self.inner
    }

    /// The inner model in front of the last values of some lanes.
    fn begin_inner(&self, lanes: &[Lane]) -> Result<Running<'_>> {
        let token = |lane: &Lane, x: &f64| token_of(&self.quantiser, lane.map, *x);
        let tokens: Vec<Vec<f64>> =
            lanes.iter().map(|lane| lane.recent.iter().map(|x| token(lane, x)).collect()).collect();
        let slices: Vec<&[f64]> = tokens.iter().map(Vec::as_slice).collect();
        let start: Vec<i64> = lanes.iter().map(|lane| lane.next - lane.recent.len() as i64).collect();
        self.inner.begin(&Batch::lanes_of(&slices, &start), &Covariates::none())
    }
}

impl Fit for QuantisedSpec {
    type Model = Quantised<Markov>;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Quantised<Markov>>> {
        let quantiser = self.quantiser.fit(train)?;
        let bins = quantiser.bins().len();
        // Every series by its own scale, as a context will be.
        let tokens = |series: &Series| {
            let map = quantiser.map_of(series.values());
            Series::new(series.id(), series.values().iter().map(|x| token_of(&quantiser, map, *x)).collect())
        };
        let spec = MarkovSpec { symbols: Some(bins), ..self.markov };
        let Fitted { model: inner, mut summary } = spec.fit(&train.iter().map(tokens).collect::<Vec<_>>())?;
        let kind = quantiser.kind().name();
        if let Some(asked) = self.quantiser.bins.filter(|asked| *asked > bins) {
            summary.warnings.push(format!("{bins} bins instead of {asked}: the values are no more different"));
        }
        let description = format!("Markov chain of order {} over {bins} {kind} tokens", inner.order());
        let preprocessing = [("bins", bins), ("order", inner.order())];
        let preprocessing = preprocessing.map(|(name, number)| (name.to_owned(), vec![number as f64])).to_vec();
        let model = Quantised { quantiser, inner };
        let (log_likelihood, observations) = model.likelihood(train)?;
        Ok(Fitted { model, summary: Summary { description, preprocessing, log_likelihood, observations, ..summary } })
    }
}

/// The token of a value as a number; NaN where it is missing.
fn token_of(quantiser: &Quantiser, map: OuterMap, x: f64) -> f64 {
    if x.is_nan() { x } else { f64::from(quantiser.encode(map.backward(x))) }
}

impl<M: Autoregressive> Quantised<M> {
    /// The sum of the log densities of the rows that have one, each series from its first value, and their number. Row by
    /// row: all rows at once would be as many numbers as there are values and bins.
    fn likelihood(&self, train: &[Series]) -> Result<(f64, usize)> {
        let (mut sum, mut rows) = (0.0, 0);
        let mut row = Predictive::new(self.family(), 1);
        for series in train {
            let mut session = self.begin(&Batch::empty(&[0]), &Covariates::none())?;
            for &x in series.values() {
                session.conditional(Rows::none(), &mut row);
                if row.is_defined(0) && !x.is_nan() {
                    sum += row.row(0).log_prob(x);
                    rows += 1;
                }
                session.observe(&[x]);
            }
        }
        Ok((sum, rows))
    }
}

impl<M: Autoregressive> Autoregressive for Quantised<M> {
    fn family(&self) -> Family {
        Family::Binned(self.quantiser.bins().clone())
    }

    fn forgets_after(&self) -> Option<usize> {
        self.inner.forgets_after()
    }

    fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
        let lanes: Vec<Lane> = (0..context.lanes()).map(|lane| Lane::read(self, context, lane)).collect();
        let inner = self.begin_inner(&lanes)?;
        let rows = Predictive::new(self.inner.family(), lanes.len());
        Ok(Box::new(QuantisedSession { model: self, inner, lanes, rows }))
    }
}

/// What a lane remembers.
#[derive(Debug, Clone)]
struct Lane {
    /// From standardised values to its data.
    map: OuterMap,
    /// Mean and spread of all that it has seen: its scale, once that is a context.
    moments: RunningMoments,
    /// The last values, as many as the inner model looks back on, from a known one on.
    recent: Vec<f64>,
    /// The index of the next value.
    next: i64,
}

impl Lane {
    /// A lane that has read its context.
    fn read<M: Autoregressive>(model: &Quantised<M>, context: &Batch, lane: usize) -> Self {
        let mut own = Self {
            map: model.quantiser.training_map(),
            moments: RunningMoments::default(),
            recent: Vec::new(),
            next: context.start(lane),
        };
        context.lane(lane).for_each(|x| own.push(x, model.inner.memory()));
        own.map = model.quantiser.map_with(&own.moments);
        own
    }

    fn push(&mut self, x: f64, memory: Option<usize>) {
        self.moments.push(x);
        self.recent.push(x);
        let most = self.recent.len().saturating_sub(memory.unwrap_or(usize::MAX));
        // What is before a missing value tells one inside from those before the first.
        let is_start = |at: &usize| self.recent.get(*at).is_none_or(|x| !x.is_nan());
        self.recent.drain(..(0..=most).rev().find(is_start).unwrap_or(0));
        self.next += 1;
    }
}

/// An inner session in front of lanes of values.
struct QuantisedSession<'m, M> {
    model: &'m Quantised<M>,
    inner: Running<'m>,
    lanes: Vec<Lane>,
    /// Scratch: the masses of the next tokens.
    rows: Predictive,
}

impl<'m, M: Autoregressive> Session<'m> for QuantisedSession<'m, M> {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
        self.inner.conditional(Rows::none(), &mut self.rows);
        for (row, lane) in self.lanes.iter().enumerate() {
            out.set(row, self.rows.row(row).parameters(), self.rows.is_defined(row));
            out.set_map(row, lane.map);
        }
    }

    fn observe(&mut self, x: &[f64]) {
        let quantiser = &self.model.quantiser;
        let tokens: Vec<f64> = self.lanes.iter().zip(x).map(|(lane, x)| token_of(quantiser, lane.map, *x)).collect();
        self.inner.observe(&tokens);
        let memory = self.model.inner.memory();
        self.lanes.iter_mut().zip(x).for_each(|(lane, x)| lane.push(*x, memory));
    }

    fn end_context(&mut self) {
        self.inner.end_context();
        let quantiser = &self.model.quantiser;
        let maps: Vec<OuterMap> = self.lanes.iter().map(|lane| quantiser.map_with(&lane.moments)).collect();
        if maps.iter().zip(&self.lanes).all(|(map, lane)| *map == lane.map) {
            return;
        }
        self.lanes.iter_mut().zip(maps).for_each(|(lane, map)| lane.map = map);
        // Every number has a token, so there is nothing that the inner model could refuse.
        if let Ok(inner) = self.model.begin_inner(&self.lanes) {
            self.inner = inner;
        }
    }

    fn set_undefined(&mut self, lane: usize) {
        self.inner.set_undefined(lane);
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        Box::new(QuantisedSession {
            model: self.model,
            inner: self.inner.fork(parents),
            lanes: parents.iter().map(|&lane| self.lanes[lane].clone()).collect(),
            rows: Predictive::new(self.rows.family().clone(), parents.len()),
        })
    }
}
