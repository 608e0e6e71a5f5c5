//! The parameters of a network: one flat vector, and who owns which part of it.
//!
//! A layer asks a [`Layout`] for its parts when it is made and keeps the [`Slot`]s; parameters, gradients and the moments of the
//! optimiser are vectors of one length that every layer reads through its slots.

use std::ops::Range;

use crate::math::float::Float;
use crate::math::product::{NARROW, View};
use crate::math::random::LaneRng;

/// How a part begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Start {
    /// All the same number.
    Constant(f64),
    /// Every row its own number.
    Rows(&'static [f64]),
    /// Uniform on (-b, b).
    Uniform(f64),
}

/// A named matrix of parameters, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) start: Start,
    /// Whether weight decay acts on it: on weights, not on biases and gains.
    pub(crate) decays: bool,
}

impl Part {
    /// Whether it is a matrix from inputs to outputs (only those decay) that products read faster when it is transposed.
    fn is_turned(&self) -> bool {
        self.decays && self.rows > NARROW
    }
}

/// Where a part lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    offset: usize,
    len: usize,
}

impl Slot {
    /// The part of a vector of parameters.
    pub(super) fn of<T>(self, all: &[T]) -> &[T] {
        &all[self.range()]
    }

    /// The part of a vector of gradients.
    pub(super) fn of_mut<T>(self, all: &mut [T]) -> &mut [T] {
        &mut all[self.range()]
    }

    pub(super) fn range(self) -> Range<usize> {
        self.offset..self.offset + self.len
    }
}

/// Parameters to compute with: as they are, or with every matrix of weights transposed in its place. A product of few rows, as
/// that of a step, would take up to as long once more to turn weights that lie the other way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operands<'a, T> {
    all: &'a [T],
    are_transposed: bool,
}

impl<'a, T: Float> Operands<'a, T> {
    /// Parameters as they are.
    pub(super) fn of(all: &'a [T]) -> Self {
        Self { all, are_transposed: false }
    }

    /// What [`Layout::transposed`] made.
    pub(super) fn transposed(all: &'a [T]) -> Self {
        Self { all, are_transposed: true }
    }

    /// A vector.
    pub(super) fn vector(self, slot: Slot) -> &'a [T] {
        slot.of(self.all)
    }

    /// Operands from `inputs` to `outputs`: the matrix that rows of inputs are multiplied by.
    pub(super) fn matrix(self, slot: Slot, inputs: usize, outputs: usize) -> View<'a, T> {
        let weights = slot.of(self.all);
        if self.are_transposed && outputs > NARROW {
            View::new(weights, inputs, outputs)
        } else {
            View::new(weights, outputs, inputs).t()
        }
    }
}

/// All parts of a network, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Layout {
    parts: Vec<Part>,
    len: usize,
}

impl Layout {
    /// A matrix of weights from `columns` inputs to `rows` outputs, uniform within 1 / sqrt(inputs).
    pub(super) fn weights(&mut self, name: impl Into<String>, rows: usize, columns: usize) -> Slot {
        let bound = 1.0 / (columns.max(1) as f64).sqrt();
        self.part(Part { name: name.into(), rows, columns, start: Start::Uniform(bound), decays: true })
    }

    /// A vector that begins as one number and does not decay: biases, gains.
    pub(super) fn vector(&mut self, name: impl Into<String>, len: usize, start: f64) -> Slot {
        self.part(Part { name: name.into(), rows: 1, columns: len, start: Start::Constant(start), decays: false })
    }

    /// Any part.
    pub(super) fn part(&mut self, part: Part) -> Slot {
        let slot = Slot { offset: self.len, len: part.rows * part.columns };
        self.len += slot.len;
        self.parts.push(part);
        slot
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Every part with its range.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&Part, Range<usize>)> {
        let mut next = 0;
        self.parts.iter().map(move |part| {
            let start = next;
            next += part.rows * part.columns;
            (part, start..next)
        })
    }

    /// The parameters with every matrix of weights transposed in its place, but of few rows: see [`Operands`].
    pub(super) fn transposed<T: Float>(&self, all: &[T]) -> Vec<T> {
        let mut transposed = all.to_vec();
        for (part, range) in self.parts().filter(|(part, _)| part.is_turned()) {
            transpose(&all[range.clone()], part.rows, &mut transposed[range]);
        }
        transposed
    }

    /// Parameters to begin with.
    pub(super) fn initialise<T: Float>(&self, rng: &mut LaneRng) -> Vec<T> {
        let mut all = Vec::with_capacity(self.len);
        for part in &self.parts {
            let n = part.rows * part.columns;
            match part.start {
                Start::Constant(x) => all.extend(std::iter::repeat_n(T::of(x), n)),
                Start::Rows(x) => all.extend((0..n).map(|i| T::of(x[i / part.columns]))),
                Start::Uniform(bound) => all.extend((0..n).map(|_| T::of(bound * (2.0 * rng.uniform() - 1.0)))),
            }
        }
        all
    }
}

/// `out` becomes the transpose of a matrix of so many rows.
pub(super) fn transpose<T: Copy>(matrix: &[T], rows: usize, out: &mut [T]) {
    let columns = matrix.len() / rows.max(1);
    for (i, row) in matrix.chunks_exact(columns.max(1)).enumerate() {
        out[i..].iter_mut().step_by(rows).zip(row).for_each(|(out, x)| *out = *x);
    }
}
