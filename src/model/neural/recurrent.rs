//! Recurrent: a state that every step updates, by gated units (GRU; Cho et al. 2014, *EMNLP*, p. 1726) or with a long
//! short-term memory (LSTM; Hochreiter and Schmidhuber 1997, *Neural Computation* 9, p. 1744; Gers et al. 2000, *Neural
//! Computation* 12, p. 2455, for the forget gate). The features are the states of the last layer.
//!
//! ```text
//! GRU    r, z = s(W x + b + V h + c)        n = tanh(W x + b + r (V h + c))     h = (1 - z) n + z h
//! LSTM   i, f, o = s(W x + b + V h + c)     g = tanh(W x + b + V h + c)         c = f c + i g      h = o tanh(c)
//! ```
//!
//! with the logistic function s and rows of W, V, b, c for every gate, in the order r, z, n or i, f, g, o. These are the
//! equations of PyTorch's `GRU` and `LSTM`, and so is the start, but that forget gates begin open (Jozefowicz et al. 2015,
//! *ICML*, p. 2342).
//!
//! Of a layer's products only V h waits for the step before: those with W, and all gradients of parameters, are taken over
//! all steps at once. The tape holds five numbers per row and unit (LSTM: six), and its gates become their gradients in place.
//! A gated unit's candidate has two sides, so that its row of gates reads W n | r | z | V n: what comes from the state, and
//! what goes back to it, is one block, and so one product for each step.

use pulp::{Arch, Simd, WithSimd};

use super::backbone::{Backbone, Dropout, Shape};
use super::layers::zeroed;
use super::parameters::{Layout, Operands, Part, Slot, Start, transpose};
use crate::math::float::Float;
use crate::math::product::{View, ViewMut, product};

/// How a state is updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Gru,
    Lstm,
}

/// Both cells keep so many numbers for a unit: see the order of gates above.
const PLACES: usize = 4;

/// Lanes of a step that go through a layer at a time: with 64 units their gates take 128 KiB. Few in tests, so that the laws hold
/// across blocks.
const BLOCK: usize = if cfg!(test) { 2 } else { 128 };

/// Gates that follow one another, in the parameters and in a row of the tape.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// The first among the parameters.
    gate: usize,
    gates: usize,
    /// The first in a row.
    place: usize,
}

impl Cell {
    fn gates(self) -> usize {
        match self {
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Where what comes from the inputs goes.
    fn input_blocks(self) -> &'static [Block] {
        match self {
            Self::Gru => &[Block { gate: 0, gates: 2, place: 1 }, Block { gate: 2, gates: 1, place: 0 }],
            Self::Lstm => &[Block { gate: 0, gates: 4, place: 0 }],
        }
    }

    /// Where what comes from the state goes, and whether beside what comes from the inputs.
    fn updates(self) -> &'static [(Block, bool)] {
        match self {
            Self::Gru => {
                &[(Block { gate: 0, gates: 2, place: 1 }, true), (Block { gate: 2, gates: 1, place: 3 }, false)]
            }
            Self::Lstm => &[(Block { gate: 0, gates: 4, place: 0 }, true)],
        }
    }

    /// The places of what comes from the state.
    fn state_blocks(self) -> &'static [Block] {
        match self {
            Self::Gru => &[Block { gate: 0, gates: 3, place: 1 }],
            Self::Lstm => &[Block { gate: 0, gates: 4, place: 0 }],
        }
    }
}

/// An affine map from rows of numbers to gates.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Map {
    width: usize,
    hidden: usize,
    gates: usize,
    weights: Slot,
    bias: Slot,
}

impl Map {
    fn new(layout: &mut Layout, name: &str, cell: Cell, width: usize, hidden: usize, bias: Start) -> Self {
        let (name, gates) = (|what: &str| format!("{name}.{what}"), cell.gates());
        let (rows, columns, start) = (gates * hidden, width, uniform(hidden));
        let weights = layout.part(Part { name: name("weight"), rows, columns, start, decays: true });
        // A row for every gate.
        let (rows, columns, start) = (gates, hidden, bias);
        let bias = layout.part(Part { name: name("bias"), rows, columns, start, decays: false });
        Self { width, hidden, gates, weights, bias }
    }

    fn weights<T: Float>(self, p: &[T], block: Block) -> View<'_, T> {
        let unit = self.width * self.hidden;
        let weights = &self.weights.of(p)[block.gate * unit..][..block.gates * unit];
        View::new(weights, block.gates * self.hidden, self.width)
    }

    /// Adds the bias to a row of gates.
    fn add_bias<T: Float>(self, w: Operands<'_, T>, blocks: &[Block], row: &mut [T]) {
        let bias = w.vector(self.bias);
        for block in blocks {
            let row = &mut row[block.place * self.hidden..][..block.gates * self.hidden];
            row.iter_mut().zip(&bias[block.gate * self.hidden..]).for_each(|(x, bias)| *x += *bias);
        }
    }

    /// The weights to all gates.
    fn matrix<T: Float>(self, w: Operands<'_, T>) -> View<'_, T> {
        w.matrix(self.weights, self.width, self.gates * self.hidden)
    }

    /// Writes what comes from `x`, or adds it, without the bias.
    fn put<T: Float>(self, weights: View<'_, T>, block: Block, x: &[T], adds: bool, gates: &mut [T]) {
        let stride = PLACES * self.hidden;
        let rows = gates.len() / stride;
        let gates = ViewMut::strided(&mut gates[block.place * self.hidden..], rows, block.gates * self.hidden, stride);
        let from = block.gate * self.hidden;
        let weights = weights.columns(from..from + block.gates * self.hidden);
        product(T::ONE, View::new(x, rows, self.width), weights, adds, gates);
    }

    /// Adds what goes back to `x` from the gradients of gates.
    fn add_back<T: Float>(self, p: &[T], blocks: &[Block], d_gates: &[T], d_x: &mut [T]) {
        let stride = PLACES * self.hidden;
        let rows = d_gates.len() / stride;
        for block in blocks {
            let d_gates = &d_gates[block.place * self.hidden..];
            let d_gates = View::strided(d_gates, rows, block.gates * self.hidden, stride);
            product(T::ONE, d_gates, self.weights(p, *block), true, ViewMut::new(d_x, rows, self.width));
        }
    }

    /// Adds the gradients of weights and bias from those of gates and from their sums.
    fn add_gradient<T: Float>(self, blocks: &[Block], d_gates: &[T], sums: &[T], x: &[T], gradient: &mut [T]) {
        let stride = PLACES * self.hidden;
        let rows = d_gates.len() / stride;
        for block in blocks {
            let (from, to, width) = (block.place * self.hidden, block.gate * self.hidden, block.gates * self.hidden);
            let d_weights = &mut self.weights.of_mut(gradient)[to * self.width..][..width * self.width];
            let d_weights = ViewMut::new(d_weights, width, self.width);
            let d_gates = View::strided(&d_gates[from..], rows, width, stride);
            product(T::ONE, d_gates.t(), View::new(x, rows, self.width), true, d_weights);
            let d_bias = &mut self.bias.of_mut(gradient)[to..][..width];
            d_bias.iter_mut().zip(&sums[from..]).for_each(|(d, sum)| *d += *sum);
        }
    }
}

/// The start of PyTorch.
fn uniform(hidden: usize) -> Start {
    Start::Uniform(1.0 / (hidden.max(1) as f64).sqrt())
}

#[derive(Debug, Clone, PartialEq)]
struct Layer {
    cell: Cell,
    hidden: usize,
    input: Map,
    state: Map,
}

impl Layer {
    fn new(layout: &mut Layout, name: &str, cell: Cell, inputs: usize, hidden: usize) -> Self {
        let open = match cell {
            Cell::Gru => uniform(hidden),
            Cell::Lstm => Start::Rows(&[0.0, 1.0, 0.0, 0.0]),
        };
        Self {
            cell,
            hidden,
            input: Map::new(layout, &format!("{name}.input"), cell, inputs, hidden, open),
            state: Map::new(layout, &format!("{name}.hidden"), cell, hidden, hidden, uniform(hidden)),
        }
    }

    /// The biases of a row of gates.
    fn biases<'a, T: Float>(&self, w: Operands<'_, T>, row: &'a mut Vec<T>) -> &'a [T] {
        let row = zeroed(row, PLACES * self.hidden);
        self.input.add_bias(w, self.cell.input_blocks(), row);
        self.state.add_bias(w, self.cell.state_blocks(), row);
        row
    }

    /// `gates` becomes rows of what comes from the inputs.
    fn read<T: Float>(&self, w: Operands<'_, T>, rows: usize, x: &[T], gates: &mut Vec<T>) {
        gates.resize(rows * PLACES * self.hidden, T::ZERO);
        let weights = self.input.matrix(w);
        self.cell.input_blocks().iter().for_each(|block| self.input.put(weights, *block, x, false, gates));
    }

    /// Updates states by one step's gates, which take their values, and the weights of the state.
    fn update<T: Float>(&self, weights: View<'_, T>, bias: &[T], gates: &mut [T], hidden: &mut [T], cell: &mut [T]) {
        for (block, adds) in self.cell.updates() {
            self.state.put(weights, *block, hidden, *adds, gates);
        }
        match self.cell {
            Cell::Gru => gru(self.hidden, bias, gates, hidden),
            Cell::Lstm => lstm(self.hidden, bias, gates, hidden, cell),
        }
    }
}

/// Layers of recurrent units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recurrent {
    layers: Vec<Layer>,
    cell: Cell,
    inputs: usize,
    hidden: usize,
}

impl Recurrent {
    /// One layer at least.
    pub(super) fn new(layout: &mut Layout, cell: Cell, inputs: usize, hidden: usize, layers: usize) -> Self {
        let name = match cell {
            Cell::Gru => "gru",
            Cell::Lstm => "lstm",
        };
        let width = |layer: usize| if layer == 0 { inputs } else { hidden };
        let layer = |layer: usize| Layer::new(layout, &format!("{name}.{layer}"), cell, width(layer), hidden);
        Self { layers: (0..layers.max(1)).map(layer).collect(), cell, inputs, hidden }
    }

    /// How many numbers the memories of so many rows have.
    fn memory(&self, rows: usize) -> usize {
        match self.cell {
            Cell::Gru => 0,
            Cell::Lstm => rows * self.hidden,
        }
    }
}

/// What a forward pass leaves, and room for both passes.
#[derive(Debug, Default)]
pub(super) struct RecurrentTape<T> {
    layers: Vec<LayerTape<T>>,
    /// The weights of a layer's states, transposed: they are multiplied by at every step.
    transposed: Vec<T>,
    /// A row of gates: biases forwards, sums of gradients backwards.
    row: Vec<T>,
    d: [Vec<T>; 2],
    d_hidden: Vec<T>,
    d_cell: Vec<T>,
    squashed: Vec<T>,
}

#[derive(Debug, Default)]
struct LayerTape<T> {
    gates: Vec<T>,
    /// The states before the first step and after every step, and the memories of an LSTM.
    hidden: Vec<T>,
    cell: Vec<T>,
    /// The states after dropout: the inputs of the next layer.
    dropped: Vec<T>,
}

/// The states of all layers.
#[derive(Debug, Clone)]
pub(super) struct RecurrentState<T> {
    lanes: usize,
    layers: Vec<LayerState<T>>,
    /// Room for a step.
    row: Vec<T>,
    gates: Vec<T>,
}

impl<T> RecurrentState<T> {
    fn new(lanes: usize, layers: Vec<LayerState<T>>) -> Self {
        Self { lanes, layers, row: Vec::new(), gates: Vec::new() }
    }
}

#[derive(Debug, Clone)]
struct LayerState<T> {
    hidden: Vec<T>,
    /// The memory of an LSTM.
    cell: Vec<T>,
}

impl<T: Float> Backbone<T> for Recurrent {
    type Tape = RecurrentTape<T>;
    type State = RecurrentState<T>;

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn features(&self) -> usize {
        self.hidden
    }

    fn receptive_field(&self) -> Option<usize> {
        None
    }

    fn cost_per_step(&self, _past: usize) -> usize {
        let cost = |layer: &Layer| self.cell.gates() * self.hidden * (layer.input.width + self.hidden);
        self.layers.iter().map(cost).sum()
    }

    fn forward(&self, p: &[T], shape: Shape, x: &[T], dropout: Dropout, tape: &mut Self::Tape, out: &mut Vec<T>) {
        let RecurrentTape { layers: tapes, transposed, row, .. } = tape;
        tapes.resize_with(self.layers.len(), LayerTape::default);
        let block = shape.lanes * self.hidden;
        for (l, layer) in self.layers.iter().enumerate() {
            let (before, rest) = tapes.split_at_mut(l);
            let LayerTape { gates, hidden, cell, dropped } = &mut rest[0];
            layer.read(Operands::of(p), shape.rows(), before.last().map_or(x, |tape| &tape.dropped), gates);
            let bias = layer.biases(Operands::of(p), row);
            let memory = self.memory(shape.lanes);
            for (states, len) in [(&mut *hidden, block), (&mut *cell, memory)] {
                states.clear();
                states.reserve((shape.steps + 1) * len);
                states.resize(len, T::ZERO);
            }
            let weights = layer.state.weights.of(p);
            transpose(weights, self.cell.gates() * self.hidden, zeroed(transposed, weights.len()));
            let weights = View::new(transposed, self.hidden, self.cell.gates() * self.hidden);
            for step in 0..shape.steps {
                hidden.extend_from_within(step * block..);
                cell.extend_from_within(step * memory..);
                let gates = &mut gates[step * PLACES * block..][..PLACES * block];
                layer.update(weights, bias, gates, &mut hidden[(step + 1) * block..], &mut cell[(step + 1) * memory..]);
            }
            let dropped = if l + 1 == self.layers.len() { &mut *out } else { dropped };
            dropped.clear();
            dropped.extend_from_slice(&hidden[block..]);
            dropout.at(l as u64).apply(dropped);
        }
    }

    /// Once for a forward pass: it spends the tape.
    fn backward(
        &self,
        p: &[T],
        shape: Shape,
        x: &[T],
        dropout: Dropout,
        tape: &mut Self::Tape,
        d_out: &[T],
        gradient: &mut [T],
        d_x: Option<&mut [T]>,
    ) {
        let RecurrentTape { layers: tapes, row, d: [d, d_below], d_hidden, d_cell, squashed, .. } = tape;
        d.clear();
        d.extend_from_slice(d_out);
        let mut d_x = d_x;
        let (block, memory) = (shape.lanes * self.hidden, self.memory(shape.lanes));
        for (l, layer) in self.layers.iter().enumerate().rev() {
            dropout.at(l as u64).apply(d);
            let (before, rest) = tapes.split_at_mut(l);
            let LayerTape { gates, hidden, cell, .. } = &mut rest[0];
            let sums = zeroed(row, PLACES * self.hidden);
            let (d_hidden, d_cell) = (zeroed(d_hidden, block), zeroed(d_cell, memory));
            for step in (0..shape.steps).rev() {
                let gates = &mut gates[step * PLACES * block..][..PLACES * block];
                d_hidden.iter_mut().zip(&d[step * block..]).for_each(|(sum, d)| *sum += *d);
                match self.cell {
                    Cell::Gru => gru_backward(self.hidden, gates, &hidden[step * block..][..block], d_hidden, sums),
                    Cell::Lstm => {
                        squashed.clear();
                        squashed.extend_from_slice(&cell[(step + 1) * block..][..block]);
                        T::tanh_all(squashed);
                        let before = &cell[step * block..][..block];
                        lstm_backward(self.hidden, gates, before, squashed, [&mut *d_hidden, &mut *d_cell], sums);
                    }
                }
                layer.state.add_back(p, self.cell.state_blocks(), gates, d_hidden);
            }
            let (input, state) = (self.cell.input_blocks(), self.cell.state_blocks());
            layer.state.add_gradient(state, gates, sums, &hidden[..shape.steps * block], gradient);
            let below = before.last().map_or(x, |tape| &tape.dropped);
            layer.input.add_gradient(input, gates, sums, below, gradient);
            if l > 0 {
                layer.input.add_back(p, input, gates, zeroed(d_below, below.len()));
                std::mem::swap(d, d_below);
            } else if let Some(d_x) = d_x.take() {
                layer.input.add_back(p, input, gates, d_x);
            }
        }
    }

    fn begin(&self, lanes: usize) -> Self::State {
        let zeros = |len: usize| vec![T::ZERO; len];
        let layer = |_: &Layer| LayerState { hidden: zeros(lanes * self.hidden), cell: zeros(self.memory(lanes)) };
        RecurrentState::new(lanes, self.layers.iter().map(layer).collect())
    }

    fn state(&self, tape: &Self::Tape, shape: Shape, _x: &[T]) -> Self::State {
        let last = |states: &[T], len: usize| states[states.len() - len..].to_vec();
        let layer = |tape: &LayerTape<T>| LayerState {
            hidden: last(&tape.hidden, shape.lanes * self.hidden),
            cell: last(&tape.cell, self.memory(shape.lanes)),
        };
        RecurrentState::new(shape.lanes, tape.layers.iter().map(layer).collect())
    }

    fn step(&self, w: Operands<'_, T>, state: &mut Self::State, x: &[T], out: &mut Vec<T>) {
        let RecurrentState { lanes, layers, row, gates } = state;
        for (l, layer) in self.layers.iter().enumerate() {
            let (before, rest) = layers.split_at_mut(l);
            let below = before.last().map_or(x, |state| &state.hidden);
            let (weights, bias, own) = (layer.state.matrix(w), layer.biases(w, row), &mut rest[0]);
            for first in (0..*lanes).step_by(BLOCK) {
                let last = (first + BLOCK).min(*lanes);
                layer.read(w, last - first, &below[first * layer.input.width..last * layer.input.width], gates);
                let hidden = &mut own.hidden[first * self.hidden..last * self.hidden];
                let cell = &mut own.cell[self.memory(first)..self.memory(last)];
                layer.update(weights, bias, gates, hidden, cell);
            }
        }
        out.clear();
        out.extend_from_slice(layers.last().map_or(&[], |state| &state.hidden));
    }

    fn fork(&self, state: &Self::State, parents: &[usize]) -> Self::State {
        let pick = |states: &[T], width: usize| -> Vec<T> {
            parents.iter().flat_map(|lane| &states[lane * width..(lane + 1) * width]).copied().collect()
        };
        let layer = |state: &LayerState<T>| LayerState {
            hidden: pick(&state.hidden, self.hidden),
            cell: pick(&state.cell, self.memory(1)),
        };
        RecurrentState::new(parents.len(), state.layers.iter().map(layer).collect())
    }
}

/// The four places of a row of gates.
#[inline(always)]
fn places<T>(row: &mut [T], width: usize) -> [&mut [T]; PLACES] {
    let (first, rest) = row.split_at_mut(width);
    let (second, rest) = rest.split_at_mut(width);
    let (third, fourth) = rest.split_at_mut(width);
    [first, second, third, fourth]
}

/// A closure that is compiled for every instruction set: called as it stands, since by `FnOnce` it would be called through
/// code that is not inlined.
struct Inlined<F>(F);

impl<F: FnMut()> WithSimd for Inlined<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        (self.0)();
    }
}

/// Gated units: from W n | r | z | V n without biases to after activation, and the states from those before to those after.
fn gru<T: Float>(width: usize, bias: &[T], gates: &mut [T], hidden: &mut [T]) {
    Arch::new().dispatch(Inlined(
        #[inline(always)]
        || {
            for (row, hidden) in gates.chunks_exact_mut(PLACES * width).zip(hidden.chunks_exact_mut(width)) {
                for (x, bias) in row[width..3 * width].iter_mut().zip(&bias[width..]) {
                    *x = (*x + *bias).sigmoid();
                }
                row[3 * width..].iter_mut().zip(&bias[3 * width..]).for_each(|(v, bias)| *v += *bias);
                let [n, r, z, from_state] = places(row, width);
                for (((n, bias), r), v) in n.iter_mut().zip(bias).zip(r).zip(from_state) {
                    *n = (*n + *bias + *r * *v).tanh();
                }
                for ((h, n), z) in hidden.iter_mut().zip(n).zip(z) {
                    *h = *n + *z * (*h - *n);
                }
            }
        },
    ));
}

/// The gradient of [`gru`]: the gates become their gradients before activation, `d` the part of the gradient of the states
/// before that does not go through gates. Adds the gradients of the gates to `sums`.
fn gru_backward<T: Float>(width: usize, gates: &mut [T], before: &[T], d: &mut [T], sums: &mut [T]) {
    Arch::new().dispatch(Inlined(
        #[inline(always)]
        || {
            let rows = gates.chunks_exact_mut(PLACES * width);
            for ((row, before), d) in rows.zip(before.chunks_exact(width)).zip(d.chunks_exact_mut(width)) {
                let [n, r, z, from_state] = places(row, width);
                for (((n, z), d), h) in n.iter_mut().zip(z).zip(d).zip(before) {
                    let (d_n, d_z) = (*d * (T::ONE - *z), *d * (*h - *n));
                    *d *= *z;
                    *n = d_n * (T::ONE - *n * *n);
                    *z *= d_z * (T::ONE - *z);
                }
                for ((n, r), v) in n.iter().zip(r).zip(from_state) {
                    let d_r = *n * *v;
                    *v = *n * *r;
                    *r *= d_r * (T::ONE - *r);
                }
                sums.iter_mut().zip(&*row).for_each(|(sum, d)| *sum += *d);
            }
        },
    ));
}

/// A long short-term memory: gates without biases to after activation, states and memories from those before to those after.
fn lstm<T: Float>(width: usize, bias: &[T], gates: &mut [T], hidden: &mut [T], cell: &mut [T]) {
    Arch::new().dispatch(Inlined(
        #[inline(always)]
        || {
            let states = cell.chunks_exact_mut(width).zip(hidden.chunks_exact_mut(width));
            for (row, (cell, hidden)) in gates.chunks_exact_mut(PLACES * width).zip(states) {
                row.iter_mut().zip(bias).for_each(|(x, bias)| *x += *bias);
                row[..2 * width].iter_mut().for_each(|x| *x = x.sigmoid());
                row[3 * width..].iter_mut().for_each(|x| *x = x.sigmoid());
                let [i, f, g, o] = places(row, width);
                g.iter_mut().for_each(|x| *x = x.tanh());
                for (((c, i), f), g) in cell.iter_mut().zip(i).zip(f).zip(g) {
                    *c = *f * *c + *i * *g;
                }
                for ((h, c), o) in hidden.iter_mut().zip(cell).zip(o) {
                    *h = *o * c.tanh();
                }
            }
        },
    ));
}

/// The gradient of [`lstm`], from the memories before and the tanh of those after: the gates become their gradients before
/// activation, those of states and memories the parts that do not go through gates. Adds the gradients of the gates to
/// `sums`.
fn lstm_backward<T: Float>(
    width: usize,
    gates: &mut [T],
    before: &[T],
    squashed: &[T],
    [d_hidden, d_cell]: [&mut [T]; 2],
    sums: &mut [T],
) {
    Arch::new().dispatch(Inlined(
        #[inline(always)]
        || {
            let memories = before.chunks_exact(width).zip(squashed.chunks_exact(width));
            let d_states = d_hidden.chunks_exact_mut(width).zip(d_cell.chunks_exact_mut(width));
            let rows = gates.chunks_exact_mut(PLACES * width);
            for ((row, (before, squashed)), (d_hidden, d_cell)) in rows.zip(memories).zip(d_states) {
                let [i, f, g, o] = places(row, width);
                for (((d_c, d_h), o), t) in d_cell.iter_mut().zip(&*d_hidden).zip(o).zip(squashed) {
                    *d_c += *d_h * *o * (T::ONE - *t * *t);
                    *o *= *d_h * *t * (T::ONE - *o);
                }
                d_hidden.fill(T::ZERO);
                for ((d_c, i), g) in d_cell.iter().zip(i).zip(g) {
                    let d_g = *d_c * *i * (T::ONE - *g * *g);
                    *i *= *d_c * *g * (T::ONE - *i);
                    *g = d_g;
                }
                for ((d_c, f), c) in d_cell.iter_mut().zip(f).zip(before) {
                    let d_f = *d_c * *c * *f * (T::ONE - *f);
                    *d_c *= *f;
                    *f = d_f;
                }
                sums.iter_mut().zip(&*row).for_each(|(sum, d)| *sum += *d);
            }
        },
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;
    use crate::model::neural::backbone::the_laws;

    #[test]
    fn the_laws_hold() {
        for cell in [Cell::Gru, Cell::Lstm] {
            for layers in [1, 2] {
                let mut layout = Layout::default();
                let net = Recurrent::new(&mut layout, cell, 4, 5, layers);
                the_laws::hold(&net, &layout);
            }
        }
    }

    #[test]
    fn units_follow_their_equations() {
        let (inputs, hidden) = (2, 3);
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for cell in [Cell::Gru, Cell::Lstm] {
            let mut layout = Layout::default();
            let net = Recurrent::new(&mut layout, cell, inputs, hidden, 1);
            let p = layout.initialise::<f64>(&mut LaneRng::new(4, 0));
            let part = |name: &str| {
                let (_, range) = layout.parts().find(|(part, _)| part.name.ends_with(name)).expect("a part");
                p[range].to_vec()
            };
            let affine = |name: &str, x: &[f64], row: usize| -> f64 {
                let weights = &part(&format!("{name}.weight"))[row * x.len()..][..x.len()];
                part(&format!("{name}.bias"))[row] + weights.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()
            };
            let (mut state, mut out) = (net.begin(1), Vec::new());
            let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
            for x in [[0.3, -1.2], [2.0, 0.4], [-0.7, 0.1]] {
                let before = h.clone();
                for unit in 0..hidden {
                    let sides = |gate: usize| {
                        let row = gate * hidden + unit;
                        (affine("0.input", &x, row), affine("0.hidden", &before, row))
                    };
                    let sum = |gate: usize| sides(gate).0 + sides(gate).1;
                    h[unit] = match cell {
                        Cell::Gru => {
                            let (r, z) = (sigmoid(sum(0)), sigmoid(sum(1)));
                            let n = (sides(2).0 + r * sides(2).1).tanh();
                            (1.0 - z) * n + z * before[unit]
                        }
                        Cell::Lstm => {
                            c[unit] = sigmoid(sum(1)) * c[unit] + sigmoid(sum(0)) * sum(2).tanh();
                            sigmoid(sum(3)) * c[unit].tanh()
                        }
                    };
                }
                net.step(Operands::of(&p), &mut state, &x, &mut out);
                assert!(out.iter().zip(&h).all(|(own, h)| (own - h).abs() < 1e-14), "{cell:?}: {out:?}, not {h:?}");
            }
        }
    }
}
