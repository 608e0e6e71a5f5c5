//! The memory of lanes: the codes of past patches, and the patch that is under way.

use super::Codebook;
use super::encoder::{Moments, Scaling, Standard, phase};
use crate::data::batch::Rows;
use crate::model::{Running, Session};
use crate::predictive::{OuterMap, Predictive};

/// What one lane remembers.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    standard: Standard,
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
    /// The values that the codes and the patch are made of, in their own units, and what is known of all values: a longer context
    /// has another location and scale.
    recent: Vec<f64>,
    moments: Moments,
}

impl Lane {
    /// A lane at the end of a context that begins at an index.
    pub(super) fn read(model: &Codebook, context: &[f64], start: i64) -> Self {
        let end = start + context.len() as i64;
        // Older patches than the chain looks back on have no part in what comes.
        let skipped = context.len().saturating_sub(phase(end, model.encoder.patch) + model.past_values());
        Self::of(model, Moments::of(context), &context[skipped..], start + skipped as i64)
    }

    /// A lane that ends with some values, the first of which has an index; what is known of all its values.
    fn of(model: &Codebook, moments: Moments, recent: &[f64], start: i64) -> Self {
        let mut lane = Self {
            standard: model.encoder.scaling.of(&moments, model.encoder.training),
            index: start,
            has_started: moments.count > recent.iter().filter(|x| !x.is_nan()).count(),
            codes: Vec::new(),
            patch: vec![f64::NAN; model.encoder.patch],
            has_gap: false,
            unsettled: 0,
            weights: vec![0.0; model.encoder.codes()],
            recent: Vec::new(),
            moments: Moments::default(),
        };
        lane.open_patch(model);
        recent.iter().for_each(|x| lane.push(model, *x));
        lane.moments = moments;
        lane
    }

    /// The lane as if all that it has seen had been its context.
    fn as_context(&self, model: &Codebook) -> Self {
        Self::of(model, self.moments, &self.recent, self.index - self.recent.len() as i64)
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
        self.recent.drain(..self.recent.len().saturating_sub(model.past_values()));
    }

    fn normalise(&mut self) {
        let largest = self.weights.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        self.weights.iter_mut().for_each(|weight| *weight -= largest);
    }

    /// Moves on by a value, NaN where it is missing.
    fn push(&mut self, model: &Codebook, x: f64) {
        let width = model.encoder.patch;
        let at = phase(self.index, width);
        if x.is_nan() {
            self.has_gap |= self.has_started;
        } else {
            self.has_started = true;
            self.patch[at] = self.standard.apply(x);
            self.weigh(model, at);
        }
        self.index += 1;
        self.moments.push(x);
        self.recent.push(x);
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
            let Standard { location, scale } = lane.standard;
            out.set_map(i, OuterMap { shift: location, factor: scale, ..OuterMap::IDENTITY });
        }
    }

    fn observe(&mut self, x: &[f64]) {
        self.lanes.iter_mut().zip(x).for_each(|(lane, x)| lane.push(self.model, *x));
    }

    /// Location and scale become those of all that was observed.
    fn end_context(&mut self) {
        if self.model.encoder.scaling == Scaling::Context {
            self.lanes.iter_mut().for_each(|lane| *lane = lane.as_context(self.model));
        }
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        let lanes = parents.iter().map(|&lane| self.lanes[lane].clone()).collect();
        Box::new(Self::new(self.model, lanes))
    }
}
