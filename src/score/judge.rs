//! Scores of one series under one model: all rows at once given the true past, and again, one by one, where an alarm
//! took its value out of the lags.
//!
//! ```text
//! 1. blocks, in parallel:   conditionals given the true past -> expected, lo, hi, surprisal, score
//! 2. in order:              alarm -> the lags take the value clipped to the band -> rows anew, until the lags are free
//! ```
//!
//! An **event** is a run of alarms with fewer than three other rows between two of them. Lags are clipped during the
//! first `clip_limit` rows of an event and true afterwards, so that one spike does not echo, and a new level is learned.
//! The surprisal stays that of the true past. Blocks begin with [`Autoregressive::memory`] values of context; a model
//! that remembers everything is read in one block, and after an alarm stepped to the end. An average of models gives its
//! members their first weights at the beginning of every block, and where stepping begins.
//!
//! Cost: step 1 one pass over the rows, step 2 one model step per row for about `clip_limit` + memory rows per event.
//! The result does not depend on the number of threads: blocks do not share anything.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::data::batch::{Batch, Covariates};
use crate::data::series::Series;
use crate::error::Result;
use crate::model::{Autoregressive, Running};
use crate::predictive::{AcceptedRegions, Distribution, Link, Predictive};

/// Scored per block: large against a model's memory, small against a cache.
const BLOCK: usize = 1 << 14;
/// An event ends with this many rows without an alarm.
const QUIET: usize = 3;
/// The largest score: the smallest tail that a quantile can still be asked for is e^-690.
const LARGEST_SCORE: f64 = 690.0;

/// About how many rows of a range have the surprisal at the edge of their region, for a line across a chart.
const EDGES: usize = 4096;

/// What is known of a range of rows, column by column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scored {
    /// The position of the first row in the series.
    pub(super) first: usize,
    /// The conditional mean.
    pub(super) expected: Vec<f64>,
    /// The lower edge of the accepted region.
    pub(super) lo: Vec<f64>,
    /// Its upper edge.
    pub(super) hi: Vec<f64>,
    /// -ln p(x_t | x_<t), given the true past.
    pub(super) surprisal: Vec<f64>,
    /// -ln of the model's tail, given the past as the lags took it.
    pub(super) score: Vec<f64>,
    /// The surprisal at the upper edge of the first accepted region, given the true past, of every `stride`-th row.
    pub(super) edge_surprisal: Vec<f64>,
    /// A power of two that divides [`BLOCK`].
    pub(super) stride: usize,
}

impl Scored {
    fn new(range: Range<usize>) -> Self {
        let stride = range.len().div_ceil(EDGES).max(1).next_power_of_two().min(BLOCK);
        let nan = |rows: usize| vec![f64::NAN; rows];
        let n = range.len();
        Self {
            first: range.start,
            expected: nan(n),
            lo: nan(n),
            hi: nan(n),
            surprisal: nan(n),
            score: nan(n),
            edge_surprisal: nan(n.div_ceil(stride)),
            stride,
        }
    }

    fn end(&self) -> usize {
        self.first + self.lo.len()
    }

    /// Whether a value lies outside the accepted region of the row at a position. Never for a missing value or edge.
    pub(super) fn is_outside(&self, position: usize, x: f64) -> bool {
        let row = position - self.first;
        x < self.lo[row] || x > self.hi[row]
    }

    /// The columns in blocks of `size` rows.
    fn blocks(&mut self, size: usize) -> impl IndexedParallelIterator<Item = Block<'_>> {
        let columns = (
            self.expected.par_chunks_mut(size),
            self.lo.par_chunks_mut(size),
            self.hi.par_chunks_mut(size),
            self.surprisal.par_chunks_mut(size),
            self.score.par_chunks_mut(size),
            self.edge_surprisal.par_chunks_mut(size.div_ceil(self.stride)),
        );
        let stride = self.stride;
        columns.into_par_iter().map(move |(expected, lo, hi, surprisal, score, edge_surprisal)| Block {
            expected,
            lo,
            hi,
            surprisal,
            score,
            edge_surprisal,
            stride,
        })
    }

    /// The row at a position as a block.
    fn row_mut(&mut self, position: usize) -> Block<'_> {
        let row = position - self.first..=position - self.first;
        Block {
            expected: &mut self.expected[row.clone()],
            lo: &mut self.lo[row.clone()],
            hi: &mut self.hi[row.clone()],
            surprisal: &mut self.surprisal[row.clone()],
            score: &mut self.score[row],
            edge_surprisal: &mut [],
            stride: self.stride,
        }
    }
}

/// Some consecutive rows of [`Scored`].
struct Block<'a> {
    expected: &'a mut [f64],
    lo: &'a mut [f64],
    hi: &'a mut [f64],
    surprisal: &'a mut [f64],
    score: &'a mut [f64],
    edge_surprisal: &'a mut [f64],
    stride: usize,
}

impl Block<'_> {
    /// Writes what the lags decide: everything but the surprisal.
    fn judge(&mut self, row: usize, distribution: &Distribution<'_>, regions: &mut AcceptedRegions, x: f64) {
        self.expected[row] = distribution.mean();
        (self.lo[row], self.hi[row]) = regions.of(distribution);
        let score = -distribution.surprisal_tail(x).ln();
        // Not f64::min, which would turn the NaN of a missing value into a score.
        self.score[row] = if score > LARGEST_SCORE { LARGEST_SCORE } else { score };
    }

    /// Writes the surprisal at the edge of the region for the rows that keep it.
    fn note_edge(&mut self, row: usize, distribution: &Distribution<'_>) {
        if row.is_multiple_of(self.stride) {
            let edge = distribution.surprisal(self.hi[row]);
            self.edge_surprisal[row / self.stride] = if edge.is_finite() { edge } else { f64::NAN };
        }
    }

    /// Writes that nothing is known.
    fn clear(&mut self, row: usize) {
        for column in [&mut self.expected, &mut self.lo, &mut self.hi, &mut self.score] {
            column[row] = f64::NAN;
        }
    }
}

/// One model in front of one series.
///
/// The model counts from its first training value on, the judge from the first row of the series. What lies before the
/// training rows has negative indices, and may be read as a past unless `context_start` forbids it:
///
/// ```text
/// position in the series    0            context_start         origin              n
///                           |----- hidden -----|---- the past ----|---- training ... |
/// index of the model     -origin                                  0              n - origin
/// ```
///
/// To judge, nothing is hidden (`context_start` 0); to calibrate, all before the training rows is (`origin`).
///
/// A **position** counts from the first row of the series, a **row** from the `first` position of a [`Scored`] or a
/// [`Block`]: position = first + row.
pub(super) struct Judge<'a> {
    model: &'a dyn Autoregressive,
    values: &'a [f64],
    /// The values as the model may read them: those outside the domain of its transform are missing.
    lags: Cow<'a, [f64]>,
    known: Covariates,
    /// The position of the model's index 0, its first training value; negative where that lies before the series.
    origin: i64,
    /// The first position that is context.
    context_start: usize,
}

impl<'a> Judge<'a> {
    pub(super) fn new(model: &'a dyn Autoregressive, series: &'a Series, origin: i64, context_start: usize) -> Self {
        let values = series.values();
        let known = covariates_of(series, 0..values.len());
        let lags = values_in_domain(model.link(), values);
        Self { model, values, lags, known, origin, context_start }
    }

    pub(super) fn model(&self) -> &'a dyn Autoregressive {
        self.model
    }

    pub(super) fn values(&self) -> &'a [f64] {
        self.values
    }

    /// Scores rows given their true past. `outside` is the model's own mass beyond the accepted region.
    ///
    /// # Errors
    /// As [`Autoregressive::conditionals`].
    pub(super) fn score(&self, range: Range<usize>, outside: f64) -> Result<Scored> {
        let first = range.start;
        let mut rows = Scored::new(range);
        self.for_each_block(&mut rows, |at, block| self.score_block(first + at, block, outside))?;
        Ok(rows)
    }

    /// Gives blocks of rows, each with the number of rows before it, to `work`, in parallel.
    fn for_each_block(&self, rows: &mut Scored, work: impl Fn(usize, Block<'_>) -> Result<()> + Sync) -> Result<()> {
        let size = if self.model.memory().is_some() { BLOCK } else { rows.lo.len().max(1) };
        let results: Vec<Result<()>> =
            rows.blocks(size).enumerate().map(|(number, block)| work(number * size, block)).collect();
        results.into_iter().collect()
    }

    fn score_block(&self, first: usize, mut block: Block<'_>, outside: f64) -> Result<()> {
        let conditionals = self.conditionals(first, block.lo.len())?;
        let mut regions = AcceptedRegions::new(outside);
        for (row, &x) in self.values[first..first + block.lo.len()].iter().enumerate() {
            if conditionals.is_defined(row) {
                let distribution = conditionals.row(row);
                block.surprisal[row] = distribution.surprisal(x);
                block.judge(row, &distribution, &mut regions, x);
                block.note_edge(row, &distribution);
            }
        }
        Ok(())
    }

    /// The conditionals of some rows given their true past.
    fn conditionals(&self, first: usize, rows: usize) -> Result<Predictive> {
        let (context, target) = (self.context_before(first), first..first + rows);
        let known = self.covariates(context.start..target.end);
        self.model.conditionals(&self.batch(context), &self.batch(target), &known)
    }

    /// Replaces the accepted regions by those of another `outside`. Costs the conditionals, but no tail.
    ///
    /// # Errors
    /// As [`Autoregressive::conditionals`].
    pub(super) fn replace_regions(&self, rows: &mut Scored, outside: f64) -> Result<()> {
        let first = rows.first;
        self.for_each_block(rows, |at, block| {
            let conditionals = self.conditionals(first + at, block.lo.len())?;
            let mut regions = AcceptedRegions::new(outside);
            for row in 0..conditionals.rows() {
                (block.lo[row], block.hi[row]) = if conditionals.is_defined(row) {
                    regions.of(&conditionals.row(row))
                } else {
                    (f64::NAN, f64::NAN)
                };
            }
            Ok(())
        })
    }

    /// Judges the rows from `from` on again wherever the lags hold a value that was clipped.
    ///
    /// # Errors
    /// As [`Autoregressive::begin`].
    pub(super) fn clip_lags(&self, rows: &mut Scored, from: usize, outside: f64, clip_limit: usize) -> Result<()> {
        let mut events = Events { clip_limit, last: None };
        let mut regions = AcceptedRegions::new(outside);
        let mut position = from;
        while position < rows.end() {
            if rows.is_outside(position, self.values[position]) && events.is_clipped(position) {
                position = self.step_while_clipped(rows, position, &mut events, &mut regions)?;
            } else {
                position += 1;
            }
        }
        Ok(())
    }

    /// Steps from an alarm to the first position whose lags are free of clipped values again.
    fn step_while_clipped(
        &self,
        rows: &mut Scored,
        alarm: usize,
        events: &mut Events,
        regions: &mut AcceptedRegions,
    ) -> Result<usize> {
        let mut session = self.begin(alarm)?;
        let mut conditional = Predictive::new(self.model.family(), 1);
        let (mut position, mut free_at) = (alarm, alarm + 1);
        while position < free_at.min(rows.end()) {
            session.conditional(self.known.row(position), &mut conditional);
            let x = self.values[position];
            if conditional.is_defined(0) {
                rows.row_mut(position).judge(0, &conditional.row(0), regions, x);
            } else {
                rows.row_mut(position).clear(0);
            }
            let mut lag = self.lags[position];
            if rows.is_outside(position, x) && events.is_clipped(position) {
                lag = x.max(rows.lo[position - rows.first]).min(rows.hi[position - rows.first]);
                free_at = self.model.memory().map_or(usize::MAX, |memory| position + 1 + memory);
            }
            session.observe(&[lag]);
            position += 1;
        }
        Ok(position)
    }

    /// A session that stands at a position and has read the true past.
    fn begin(&self, position: usize) -> Result<Running<'a>> {
        let context = self.context_before(position);
        self.model.begin(&self.batch(context.clone()), &self.covariates(context))
    }

    /// The positions that the conditional of a position depends on.
    fn context_before(&self, position: usize) -> Range<usize> {
        let reach = self.model.memory().map_or(0, |memory| position.saturating_sub(memory));
        reach.max(self.context_start)..position
    }

    fn batch(&self, range: Range<usize>) -> Batch {
        let start = range.start as i64 - self.origin;
        Batch::single(&self.lags[range], start)
    }

    fn covariates(&self, range: Range<usize>) -> Covariates {
        if self.known.width() == 0 {
            return Covariates::none();
        }
        Covariates::new(self.known.width(), 1, range.flat_map(|step| self.known.row(step).lane(0).to_vec()).collect())
    }
}

/// Which alarms are clipped: those in the first rows of an event.
struct Events {
    clip_limit: usize,
    /// The first and the last alarm of the latest event.
    last: Option<(usize, usize)>,
}

impl Events {
    /// Notes an alarm and tells whether the lags take it clipped. Asking again at the same position changes nothing.
    fn is_clipped(&mut self, alarm: usize) -> bool {
        let start = match self.last {
            Some((start, last)) if alarm - last <= QUIET => start,
            _ => alarm,
        };
        self.last = Some((start, alarm));
        alarm - start < self.clip_limit
    }
}

/// Runs of alarms with fewer than three other rows between two of them, as ranges of positions.
pub(super) fn runs(is_anomaly: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for alarm in (0..is_anomaly.len()).filter(|&row| is_anomaly[row]) {
        match runs.last_mut() {
            Some(run) if alarm < run.end + QUIET => run.end = alarm + 1,
            _ => runs.push(alarm..alarm + 1),
        }
    }
    runs
}

/// The covariates of a range of a series, one lane.
fn covariates_of(series: &Series, range: Range<usize>) -> Covariates {
    let columns = series.covariates();
    if columns.is_empty() || range.is_empty() {
        return Covariates::none();
    }
    let values = range.flat_map(|step| columns.iter().map(move |column| column.values[step])).collect();
    Covariates::new(columns.len(), 1, values)
}

fn values_in_domain(link: Link, values: &[f64]) -> Cow<'_, [f64]> {
    if values.iter().all(|&x| x.is_nan() || link.is_in_domain(x)) {
        return Cow::Borrowed(values);
    }
    values.iter().map(|&x| if link.is_in_domain(x) { x } else { f64::NAN }).collect()
}
