//! Decoder-only transformer, normalised before every branch (Vaswani et al. 2017, *NeurIPS* 30; Xiong et al. 2020, *ICML*,
//! figure 1b; Radford et al. 2019, section 2.3).
//!
//! ```text
//! h = W u + b (+ a learned vector of the position)
//! h += W_o attention(W_qkv norm(h) + b_qkv) + b_o               for every layer
//! h += W_2 silu(W_1 norm(h) + b_1) + b_2                        for every layer, 4 width hidden units
//! f = norm(h)
//! ```
//!
//! with [`RmsNorm`] as norm, [`Attention`] over all steps or a window, and dropout on both branches. Inside, rows are lane-major:
//! the steps of a lane are neighbours, so that attention works on compact matrices and everything else on all rows at once.
//! A pass multiplies 12 width^2 numbers per row and layer beside attention's width times steps; its tape holds 16 width
//! numbers per row and layer, and the weights of attention. A step attends to the keys and values that are kept: those of a
//! forward pass are shared by all lanes that continue it, those of later steps are each lane's own.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::attention::{Attention, KeysValues, Past, Turns};
use super::backbone::{Backbone, Dropout, Shape};
use super::layers::{Linear, silu_backward, zeroed};
use super::norm::{Normed, RmsNorm};
use super::parameters::{Layout, Operands, Part, Slot, Start};
use crate::math::float::Float;

/// How a step knows its position, counted from the first row of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Positions {
    /// Queries and keys are turned by it.
    Rotary,
    /// A vector for each of the first `most`, of which later steps use the last.
    Learned { most: usize },
}

/// The sizes of a transformer. `heads` divides `width`; `window` is how many steps a step attends to, itself included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TransformerShape {
    pub(super) inputs: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) layers: usize,
    pub(super) positions: Positions,
    pub(super) window: Option<usize>,
}

/// Layers of attention and feed-forward units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Transformer {
    input: Linear,
    /// Learned vectors of positions, a row each.
    positions: Option<Slot>,
    attention: Attention,
    layers: Vec<Layer>,
    norm: RmsNorm,
}

#[derive(Debug, Clone, PartialEq)]
struct Layer {
    norm_1: RmsNorm,
    qkv: Linear,
    out: Linear,
    norm_2: RmsNorm,
    feed_1: Linear,
    feed_2: Linear,
}

impl Transformer {
    /// # Panics
    /// If `heads` does not divide `width`: specifications are checked before.
    pub(super) fn new(layout: &mut Layout, shape: TransformerShape) -> Self {
        let TransformerShape { inputs, width, heads, layers, positions, window } = shape;
        assert!(heads > 0 && width.is_multiple_of(heads), "{heads} heads share {width} columns");
        let input = Linear::new(layout, "transformer.input", inputs, width);
        let positions = match positions {
            Positions::Rotary => None,
            Positions::Learned { most } => Some(layout.part(Part {
                name: "transformer.positions.weight".to_string(),
                rows: most.max(1),
                columns: width,
                start: Start::Uniform(0.02),
                decays: false,
            })),
        };
        let layer = |layer: usize| {
            let name = |part: &str| format!("transformer.{layer}.{part}");
            Layer {
                norm_1: RmsNorm::new(layout, &name("norm_1"), width),
                qkv: Linear::new(layout, &name("attention.qkv"), width, 3 * width),
                out: Linear::new(layout, &name("attention.out"), width, width),
                norm_2: RmsNorm::new(layout, &name("norm_2"), width),
                feed_1: Linear::new(layout, &name("feed.1"), width, 4 * width),
                feed_2: Linear::new(layout, &name("feed.2"), 4 * width, width),
            }
        };
        let layers = (0..layers).map(layer).collect();
        let norm = RmsNorm::new(layout, "transformer.norm", width);
        let attention = Attention { width, heads, window: window.map(|window| window.max(1)) };
        Self { input, positions, attention, layers, norm }
    }

    fn width(&self) -> usize {
        self.attention.width
    }

    /// The numbers of a learned position among those of its part.
    fn position<T>(&self, all: &[T], position: usize) -> Range<usize> {
        let last = all.len() / self.width() - 1;
        let row = position.min(last);
        row * self.width()..(row + 1) * self.width()
    }

    /// Adds its learned position to every row, lane after lane.
    fn add_positions<T: Float>(&self, p: &[T], steps: usize, rows: &mut [T]) {
        if let Some(slot) = self.positions {
            let all = slot.of(p);
            for (i, row) in rows.chunks_exact_mut(self.width()).enumerate() {
                add(row, &all[self.position(all, i % steps)]);
            }
        }
    }

    /// The layer and the head of everything that attends.
    pub(super) fn heads(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let heads = self.attention.heads;
        (0..self.layers.len()).flat_map(move |layer| (0..heads).map(move |head| (layer, head)))
    }

    /// The weights with which the steps of a lane attended in the last forward pass: for every step those of all steps up to it.
    pub(super) fn attention<T: Float>(
        &self,
        tape: &TransformerTape<T>,
        layer: usize,
        head: usize,
        lane: usize,
    ) -> Vec<Vec<T>> {
        let shape = Shape { steps: tape.steps, lanes: tape.lanes };
        self.attention.rows(shape, &tape.layers[layer].weights, head, lane)
    }
}

/// What of every layer the backward pass needs.
#[derive(Debug, Default)]
pub(super) struct TransformerTape<T> {
    steps: usize,
    lanes: usize,
    /// The inputs, lane-major.
    x: Vec<T>,
    /// h before every branch, and after the last.
    h: Vec<Vec<T>>,
    layers: Vec<LayerTape<T>>,
    normed: Normed<T>,
    turns: Turns<T>,
    backward: Gradients<T>,
}

#[derive(Debug, Default)]
struct LayerTape<T> {
    normed_1: Normed<T>,
    /// Queries and keys as they were turned, values.
    qkv: Vec<T>,
    weights: Vec<T>,
    gathered: Vec<T>,
    normed_2: Normed<T>,
    hidden: Vec<T>,
    gate: Vec<T>,
}

/// Buffers of the backward pass.
#[derive(Debug, Default)]
struct Gradients<T> {
    h: Vec<T>,
    branch: Vec<T>,
    normed: Vec<T>,
    hidden: Vec<T>,
    gathered: Vec<T>,
    qkv: Vec<T>,
    scores: Vec<T>,
    x: Vec<T>,
}

/// Of every lane the keys and values of its steps.
#[derive(Debug, Clone)]
pub(super) struct TransformerState<T: Float> {
    /// How many steps there were.
    steps: usize,
    prefix: Arc<Prefix<T>>,
    /// Inside, lanes are sorted by their lane of the prefix: where each is.
    places: Vec<usize>,
    /// The lane of the prefix of every place.
    roots: Vec<usize>,
    /// Of every layer the steps after the prefix, those of all places one after another.
    own: Vec<KeysValues<T>>,
    scratch: Scratch<T>,
}

/// Of every layer the keys and values of the end of a forward pass, lane by lane.
#[derive(Debug)]
struct Prefix<T> {
    steps: usize,
    layers: Vec<KeysValues<T>>,
}

/// Buffers of a step.
#[derive(Default)]
struct Scratch<T> {
    x: Vec<T>,
    h: Vec<T>,
    branch: Vec<T>,
    normed: Normed<T>,
    qkv: Vec<T>,
    scores: Vec<T>,
    gathered: Vec<T>,
    hidden: Vec<T>,
    gate: Vec<T>,
    turns: Turns<T>,
}

/// Buffers are nobody else's.
impl<T: Float> Clone for Scratch<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> fmt::Debug for Scratch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scratch")
    }
}

impl<T: Float> Backbone<T> for Transformer {
    type Tape = TransformerTape<T>;
    type State = TransformerState<T>;

    fn inputs(&self) -> usize {
        self.input.inputs
    }

    fn features(&self) -> usize {
        self.width()
    }

    fn receptive_field(&self) -> Option<usize> {
        self.attention.window.map(|window| self.layers.len() * (window - 1) + 1)
    }

    fn cost_per_step(&self, past: usize) -> usize {
        let seen = (past + 1).min(self.attention.window.unwrap_or(usize::MAX));
        let width = self.width();
        self.input.inputs * width + self.layers.len() * (12 * width * width + 2 * width * seen)
    }

    fn forward(&self, p: &[T], shape: Shape, x: &[T], dropout: Dropout, tape: &mut Self::Tape, out: &mut Vec<T>) {
        (tape.steps, tape.lanes) = (shape.steps, shape.lanes);
        tape.layers.resize_with(self.layers.len(), LayerTape::default);
        tape.h.resize_with(2 * self.layers.len() + 1, Vec::new);
        if self.positions.is_none() {
            tape.turns.extend(&self.attention, shape.steps);
        }
        let w = Operands::of(p);
        tape.x.resize(x.len(), T::ZERO);
        swap_order(x, shape.steps, shape.lanes, &mut tape.x);
        self.input.forward(w, &tape.x, &mut tape.h[0]);
        self.add_positions(p, shape.steps, &mut tape.h[0]);
        for (l, (layer, tape_l)) in self.layers.iter().zip(&mut tape.layers).enumerate() {
            let LayerTape { normed_1, qkv, weights, gathered, normed_2, hidden, gate } = tape_l;
            let [before, between, after] = &mut tape.h[2 * l..2 * l + 3] else { continue };
            layer.norm_1.forward(w, before, normed_1);
            layer.qkv.forward(w, &normed_1.rows, qkv);
            if self.positions.is_none() {
                self.attention.turn(&tape.turns, shape.steps, false, qkv);
            }
            self.attention.forward(shape, qkv, weights, gathered);
            layer.out.forward(w, gathered, between);
            dropout.at(2 * l as u64).apply(between);
            add(between, before);
            layer.norm_2.forward(w, between, normed_2);
            layer.feed_1.forward_silu(w, &normed_2.rows, hidden, gate);
            layer.feed_2.forward(w, hidden, after);
            dropout.at(2 * l as u64 + 1).apply(after);
            add(after, between);
        }
        self.norm.forward(w, &tape.h[2 * self.layers.len()], &mut tape.normed);
        out.resize(tape.normed.rows.len(), T::ZERO);
        swap_order(&tape.normed.rows, shape.lanes, shape.steps, out);
    }

    fn backward(
        &self,
        p: &[T],
        shape: Shape,
        _x: &[T],
        dropout: Dropout,
        tape: &mut Self::Tape,
        d_out: &[T],
        gradient: &mut [T],
        d_x: Option<&mut [T]>,
    ) {
        let d = &mut tape.backward;
        let len = d_out.len();
        d.normed.resize(len, T::ZERO);
        swap_order(d_out, shape.steps, shape.lanes, &mut d.normed);
        zeroed(&mut d.h, len);
        self.norm.backward(p, &tape.h[2 * self.layers.len()], &tape.normed, &mut d.normed, gradient, &mut d.h);
        for (l, (layer, tape_l)) in self.layers.iter().zip(&tape.layers).enumerate().rev() {
            let [before, between] = &tape.h[2 * l..2 * l + 2] else { continue };
            d.branch.clone_from(&d.h);
            dropout.at(2 * l as u64 + 1).apply(&mut d.branch);
            let d_hidden = zeroed(&mut d.hidden, tape_l.hidden.len());
            layer.feed_2.backward(p, &tape_l.hidden, &d.branch, gradient, Some(d_hidden));
            silu_backward(&tape_l.hidden, &tape_l.gate, d_hidden);
            let d_normed = zeroed(&mut d.normed, len);
            layer.feed_1.backward(p, &tape_l.normed_2.rows, d_hidden, gradient, Some(d_normed));
            layer.norm_2.backward(p, between, &tape_l.normed_2, d_normed, gradient, &mut d.h);

            d.branch.clone_from(&d.h);
            dropout.at(2 * l as u64).apply(&mut d.branch);
            let d_gathered = zeroed(&mut d.gathered, len);
            layer.out.backward(p, &tape_l.gathered, &d.branch, gradient, Some(d_gathered));
            d.qkv.resize(3 * len, T::ZERO);
            self.attention.backward(shape, &tape_l.qkv, &tape_l.weights, d_gathered, &mut d.scores, &mut d.qkv);
            if self.positions.is_none() {
                self.attention.turn(&tape.turns, shape.steps, true, &mut d.qkv);
            }
            let d_normed = zeroed(&mut d.normed, len);
            layer.qkv.backward(p, &tape_l.normed_1.rows, &d.qkv, gradient, Some(d_normed));
            layer.norm_1.backward(p, before, &tape_l.normed_1, d_normed, gradient, &mut d.h);
        }
        if let Some(slot) = self.positions {
            let all = slot.of_mut(gradient);
            for (i, row) in d.h.chunks_exact(self.width()).enumerate() {
                let position = self.position(all, i % shape.steps);
                add(&mut all[position], row);
            }
        }
        let Some(d_x) = d_x else { return self.input.backward(p, &tape.x, &d.h, gradient, None) };
        self.input.backward(p, &tape.x, &d.h, gradient, Some(zeroed(&mut d.x, tape.x.len())));
        for (i, d) in d.x.chunks_exact(self.input.inputs.max(1)).enumerate() {
            let row = i % shape.steps * shape.lanes + i / shape.steps;
            add(&mut d_x[row * d.len()..(row + 1) * d.len()], d);
        }
    }

    fn begin(&self, lanes: usize) -> Self::State {
        let none = || vec![KeysValues::default(); self.layers.len()];
        TransformerState {
            steps: 0,
            prefix: Arc::new(Prefix { steps: 0, layers: none() }),
            places: (0..lanes).collect(),
            roots: (0..lanes).collect(),
            own: none(),
            scratch: Scratch::default(),
        }
    }

    fn state(&self, tape: &Self::Tape, shape: Shape, _x: &[T]) -> Self::State {
        let width = self.width();
        // The next step sees itself, too.
        let steps = shape.steps.min(self.attention.window.map_or(usize::MAX, |window| window - 1));
        let part = |qkv: &[T], part: usize| {
            let mut rows = Vec::with_capacity(shape.lanes * steps * width);
            for lane in qkv.chunks_exact((shape.steps * 3 * width).max(1)) {
                for row in lane.chunks_exact(3 * width).skip(shape.steps - steps) {
                    rows.extend_from_slice(&row[part * width..(part + 1) * width]);
                }
            }
            rows
        };
        let layer = |tape: &LayerTape<T>| KeysValues { keys: part(&tape.qkv, 1), values: part(&tape.qkv, 2) };
        let prefix = Arc::new(Prefix { steps, layers: tape.layers.iter().map(layer).collect() });
        TransformerState { steps: shape.steps, prefix, ..self.begin(shape.lanes) }
    }

    fn step(&self, w: Operands<'_, T>, state: &mut Self::State, x: &[T], out: &mut Vec<T>) {
        let (width, inputs, lanes) = (self.width(), self.input.inputs, state.places.len());
        out.resize(lanes * width, T::ZERO);
        if lanes == 0 {
            return;
        }
        let Scratch { x: placed, h, branch, normed, qkv, scores, gathered, hidden, gate, turns } = &mut state.scratch;
        placed.resize(x.len(), T::ZERO);
        for (lane, place) in state.places.iter().enumerate() {
            placed[place * inputs..(place + 1) * inputs].copy_from_slice(&x[lane * inputs..(lane + 1) * inputs]);
        }
        self.input.forward(w, placed, h);
        match self.positions {
            None => turns.set(&self.attention, state.steps),
            Some(slot) => {
                let all = w.vector(slot);
                let position = &all[self.position(all, state.steps)];
                h.chunks_exact_mut(width).for_each(|row| add(row, position));
            }
        }
        for ((layer, own), prefix) in self.layers.iter().zip(&mut state.own).zip(&state.prefix.layers) {
            layer.norm_1.forward(w, h, normed);
            layer.qkv.forward(w, &normed.rows, qkv);
            if self.positions.is_none() {
                self.attention.turn(turns, 1, false, qkv);
            }
            for row in qkv.chunks_exact(3 * width) {
                own.keys.extend_from_slice(&row[width..2 * width]);
                own.values.extend_from_slice(&row[2 * width..]);
            }
            let past = Past { prefix, prefix_steps: state.prefix.steps, roots: &state.roots, own };
            self.attention.step(qkv, &past, scores, gathered);
            layer.out.forward(w, gathered, branch);
            add(h, branch);
            layer.norm_2.forward(w, h, normed);
            layer.feed_1.forward_silu(w, &normed.rows, hidden, gate);
            layer.feed_2.forward(w, hidden, branch);
            add(h, branch);
            // Steps that no step will see again go now and then, many at once.
            if let Some(window) = self.attention.window
                && own.keys.len() >= 2 * window * lanes * width
            {
                let unseen = own.keys.len() - window * lanes * width;
                own.keys.drain(..unseen);
                own.values.drain(..unseen);
            }
        }
        state.steps += 1;
        self.norm.forward(w, h, normed);
        for (row, place) in out.chunks_exact_mut(width).zip(&state.places) {
            row.copy_from_slice(&normed.rows[place * width..(place + 1) * width]);
        }
    }

    fn fork(&self, state: &Self::State, parents: &[usize]) -> Self::State {
        let width = self.width();
        let mut lanes: Vec<usize> = (0..parents.len()).collect();
        let root = |lane: usize| state.roots[state.places[parents[lane]]];
        lanes.sort_by_key(|lane| root(*lane));
        let mut places = vec![0; lanes.len()];
        lanes.iter().enumerate().for_each(|(place, lane)| places[*lane] = place);
        let part = |rows: &[T]| {
            let before = state.places.len() * width;
            let mut forked = Vec::with_capacity(rows.len() / before.max(1) * lanes.len() * width);
            for step in rows.chunks_exact(before.max(1)) {
                for lane in &lanes {
                    let place = state.places[parents[*lane]];
                    forked.extend_from_slice(&step[place * width..(place + 1) * width]);
                }
            }
            forked
        };
        let own = |own: &KeysValues<T>| KeysValues { keys: part(&own.keys), values: part(&own.values) };
        TransformerState {
            steps: state.steps,
            prefix: Arc::clone(&state.prefix),
            roots: lanes.iter().map(|lane| root(*lane)).collect(),
            own: state.own.iter().map(own).collect(),
            places,
            scratch: Scratch::default(),
        }
    }
}

/// sum += x.
fn add<T: Float>(sum: &mut [T], x: &[T]) {
    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += *x);
}

/// Row a * `inner` + b becomes row b * `outer` + a: between time-major and lane-major rows.
fn swap_order<T: Float>(rows: &[T], outer: usize, inner: usize, out: &mut [T]) {
    let width = rows.len() / (outer * inner).max(1);
    for (i, row) in rows.chunks_exact(width.max(1)).enumerate() {
        let place = i % inner * outer + i / inner;
        out[place * width..(place + 1) * width].copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;
    use crate::model::neural::backbone::the_laws;

    const SMALL: TransformerShape =
        TransformerShape { inputs: 3, width: 8, heads: 2, layers: 2, positions: Positions::Rotary, window: None };

    fn the_laws_hold(shape: TransformerShape) {
        let mut layout = Layout::default();
        let net = Transformer::new(&mut layout, shape);
        the_laws::hold(&net, &layout);
    }

    #[test]
    fn the_laws_hold_for_rotary_positions() {
        the_laws_hold(SMALL);
    }

    #[test]
    fn the_laws_hold_for_windows() {
        the_laws_hold(TransformerShape { layers: 1, window: Some(4), ..SMALL });
        the_laws_hold(TransformerShape { window: Some(2), ..SMALL });
        the_laws_hold(TransformerShape { layers: 1, window: Some(1), ..SMALL });
    }

    #[test]
    fn the_laws_hold_for_learned_positions() {
        the_laws_hold(TransformerShape { positions: Positions::Learned { most: 12 }, ..SMALL });
        the_laws_hold(TransformerShape { positions: Positions::Learned { most: 5 }, window: Some(3), ..SMALL });
    }

    #[test]
    fn the_laws_hold_for_wide_heads() {
        the_laws_hold(TransformerShape { width: 18, heads: 1, layers: 1, ..SMALL });
    }

    /// Several blocks of queries are what steps one by one are; weights sum to one and are those that steps see.
    #[test]
    fn long_passes_are_their_steps() {
        for window in [None, Some(7), Some(40)] {
            let mut layout = Layout::default();
            let net = Transformer::new(&mut layout, TransformerShape { window, ..SMALL });
            let mut rng = LaneRng::new(2, 0);
            let p = layout.initialise::<f64>(&mut rng);
            let shape = Shape { steps: 101, lanes: 2 };
            let x: Vec<f64> = (0..shape.rows() * 3).map(|_| rng.normal()).collect();
            let (mut tape, mut all, mut out) = (TransformerTape::default(), Vec::new(), Vec::new());
            let read = Shape { steps: 50, lanes: 2 };
            net.forward(&p, read, &x[..50 * 6], Dropout::NONE, &mut tape, &mut out);
            let mut late = net.fork(&net.state(&tape, read, &x[..50 * 6]), &[1, 0, 1]);
            net.forward(&p, shape, &x, Dropout::NONE, &mut tape, &mut all);
            let mut state = net.begin(2);
            for (step, (x, all)) in x.chunks(6).zip(all.chunks(16)).enumerate() {
                net.step(Operands::of(&p), &mut state, x, &mut out);
                assert!(out.iter().zip(all).all(|(a, b)| (a - b).abs() < 1e-12), "step {step} with window {window:?}");
                if step >= 50 {
                    net.step(Operands::of(&p), &mut late, &[&x[3..], &x[..3], &x[3..]].concat(), &mut out);
                    let all = [&all[8..], &all[..8], &all[8..]].concat();
                    assert!(out.iter().zip(&all).all(|(a, b)| (a - b).abs() < 1e-12), "forked step {step}, {window:?}");
                }
            }
            for lane in 0..2 {
                let rows = net.attention(&tape, 1, 1, lane);
                assert_eq!(rows.len(), 101);
                for (step, row) in rows.iter().enumerate() {
                    assert_eq!(row.len(), step + 1);
                    let seen = row.iter().filter(|weight| **weight > 0.0).count();
                    assert_eq!(seen, window.unwrap_or(101).min(step + 1));
                    assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                }
            }
        }
    }
}
