//! The memory of lanes: the codes of past patches, and the patch that is under way.

use super::Codebook;
use super::encoder::phase;
use crate::data::batch::Rows;
use crate::model::token::quantiser::RunningMoments;
use crate::model::{Running, Session};
use crate::predictive::{OuterMap, Predictive};

/// What one lane remembers.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    /// From standardised values to its data.
    map: OuterMap,
    /// The index of the next value.
    index: i64,
    /// Whether a value was known: what is missing before the first is not part of the lane.
    has_started: bool,
    /// The last k codes, or fewer.
    codes: Vec<u32>,
    /// The patch so far, standardised; NaN where a value is missing or to come.
    patch: Vec<f64>,
    /// Whether a value of the patch is missing.
    has_gap: bool,
    /// How many more patches it takes until the code of one with a gap is forgotten.
    unsettled: usize,
    /// ln w_k, up to a constant that makes the largest zero.
    weights: Vec<f64>,
    /// What it takes to begin anew on another scale.
    history: History,
}

/// What a lane has seen, as far as a context of it would matter.
#[derive(Debug, Clone, Default)]
struct History {
    /// Mean and spread of all values: the scale, once they are a context.
    moments: RunningMoments,
    /// The last values, whole patches and the one under way, as many as the chain looks back on.
    recent: Vec<f64>,
    /// Whether a value was known before these.
    is_later: bool,
    /// Whether the next value rests on a stand-in for a missing one, which says nothing of the scale.
    is_stand_in: bool,
}

impl History {
    fn push(&mut self, x: f64) {
        if !self.is_stand_in {
            self.moments.push(x);
        }
        self.is_stand_in = false;
        self.recent.push(x);
    }

    /// Forgets all but the last values.
    fn keep(&mut self, count: usize) {
        let old = self.recent.len().saturating_sub(count);
        self.is_later |= self.recent.drain(..old).any(|x| !x.is_nan());
    }
}

impl Lane {
    /// A lane at the end of a context that begins at an index.
    pub(super) fn read(model: &Codebook, context: impl Iterator<Item = f64>, start: i64) -> Self {
        let (mut history, mut index) = (History::default(), start);
        for x in context {
            history.push(x);
            index += 1;
            if phase(index, model.encoder.patch) == 0 {
                history.keep(model.past_values());
            }
        }
        Self::after(model, history, index)
    }

    /// A lane with a history, in front of an index.
    fn after(model: &Codebook, history: History, index: i64) -> Self {
        let mut lane = Self {
            map: history.moments.map().unwrap_or(model.encoder.training),
            index: index - history.recent.len() as i64,
            has_started: history.is_later,
            codes: Vec::new(),
            patch: vec![f64::NAN; model.encoder.patch],
            has_gap: false,
            unsettled: 0,
            weights: vec![0.0; model.encoder.codes()],
            history: History::default(),
        };
        lane.open_patch(model);
        history.recent.iter().for_each(|x| lane.step(model, *x));
        lane.history = history;
        lane
    }

    /// Moves on by a value, NaN where it is missing.
    fn observe(&mut self, model: &Codebook, x: f64) {
        self.history.push(x);
        self.step(model, x);
        if phase(self.index, model.encoder.patch) == 0 {
            self.history.keep(model.past_values());
        }
    }

    /// Weighs the codes by what came before the patch.
    fn open_patch(&mut self, model: &Codebook) {
        self.patch.fill(f64::NAN);
        self.has_gap = false;
        model.chain.masses(&self.codes, &mut self.weights);
        self.weights.iter_mut().for_each(|weight| *weight = weight.ln());
        self.normalise();
    }

    /// Makes the code of the patch the past.
    fn close_patch(&mut self, model: &Codebook) {
        let order = model.chain.order();
        match model.encoder.code_of(&self.patch) {
            Some(code) => {
                self.codes.push(code);
                self.codes.drain(..self.codes.len().saturating_sub(order));
            }
            None => self.codes.clear(),
        }
        self.unsettled = if self.has_gap { order } else { self.unsettled.saturating_sub(1) };
    }

    fn normalise(&mut self) {
        let largest = self.weights.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        self.weights.iter_mut().for_each(|weight| *weight -= largest);
    }

    /// Moves codes and patch on by a value.
    fn step(&mut self, model: &Codebook, x: f64) {
        let width = model.encoder.patch;
        let at = phase(self.index, width);
        if x.is_nan() {
            self.has_gap |= self.has_started;
        } else {
            self.has_started = true;
            self.patch[at] = self.map.backward(x);
            self.weigh(model, at);
        }
        self.index += 1;
        if at + 1 == width {
            self.close_patch(model);
            self.open_patch(model);
        }
    }

    /// Weighs the codes by a value of the patch. One that no code thinks possible changes nothing.
    fn weigh(&mut self, model: &Codebook, at: usize) {
        let width = model.encoder.patch;
        let z = self.patch[at];
        let log_density = |slot: usize| {
            let scale = model.scales[slot];
            -0.5 * ((z - model.encoder.centroids[slot]) / scale).powi(2) - scale.ln()
        };
        let densities = || (0..self.weights.len()).map(|k| log_density(k * width + at));
        let possible = self.weights.iter().zip(densities()).any(|(weight, density)| (weight + density).is_finite());
        if possible {
            let updated = self.weights.iter().zip(densities()).map(|(weight, density)| weight + density).collect();
            self.weights = updated;
            self.normalise();
        }
    }

    /// The mixture of the next value: weight, mean and standard deviation of each code, in standard deviations of the series.
    fn write(&self, model: &Codebook, row: &mut Vec<f64>) {
        let (at, width) = (phase(self.index, model.encoder.patch), model.encoder.patch);
        let total: f64 = self.weights.iter().map(|weight| weight.exp()).sum();
        row.clear();
        for (k, weight) in self.weights.iter().enumerate() {
            let slot = k * width + at;
            row.extend([weight.exp() / total, model.encoder.centroids[slot], model.scales[slot]]);
        }
    }
}

/// The lanes in front of their model.
pub(super) struct CodebookSession<'m> {
    model: &'m Codebook,
    lanes: Vec<Lane>,
    /// Scratch: one row.
    row: Vec<f64>,
}

impl<'m> CodebookSession<'m> {
    pub(super) fn new(model: &'m Codebook, lanes: Vec<Lane>) -> Self {
        Self { model, lanes, row: Vec::new() }
    }
}

impl<'m> Session<'m> for CodebookSession<'m> {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
        for (i, lane) in self.lanes.iter().enumerate() {
            lane.write(self.model, &mut self.row);
            out.set(i, &self.row, lane.unsettled == 0);
            out.set_map(i, lane.map);
        }
    }

    fn observe(&mut self, x: &[f64]) {
        self.lanes.iter_mut().zip(x).for_each(|(lane, x)| lane.observe(self.model, *x));
    }

    /// Location and scale become those of all that was observed.
    fn end_context(&mut self) {
        for lane in &mut self.lanes {
            *lane = Lane::after(self.model, std::mem::take(&mut lane.history), lane.index);
        }
    }

    fn set_undefined(&mut self, lane: usize) {
        self.lanes[lane].history.is_stand_in = true;
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        let lanes = parents.iter().map(|&lane| self.lanes[lane].clone()).collect();
        Box::new(Self::new(self.model, lanes))
    }
}
