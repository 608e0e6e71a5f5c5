//! Causal dilated convolutions in gated residual blocks (van den Oord et al. 2016, *WaveNet*, arXiv 1609.03499, sections 2.1,
//! 2.3 and 2.4), with a kernel of two steps and dilations d = 1, 2, 4, .. that begin again after each cycle.
//!
//! ```text
//! h_0,t = W u_t + b                                 channels
//! [a; b]_t = W_now h_t + W_past h_{t-d} + bias      twice the channels; h is 0 before the first step
//! g_t = tanh(a_t) sigmoid(b_t)
//! h'_t = h_t + W_residual g_t + bias                the next layer's h; the last layer has none
//! f_t = silu(sum over layers of W_skip g_t + bias)  channels
//! ```
//!
//! Rows are time-major, so h_{t-d} are the same rows, d * lanes earlier: nothing is unfolded. Everything but that is a matter
//! of a row by itself, so that both passes take a layer in blocks of rows that stay in the cache. A step costs about 6 c^2
//! multiplications per layer of c channels, whatever went before, and three times that in training; the tape holds 4 c
//! numbers per layer and row, the state of a lane d c per layer.

use pulp::{Arch, Simd, WithSimd};

use super::backbone::{Backbone, Dropout, Shape};
use super::layers::{Linear, add_columns, silu, silu_backward, zeroed};
use super::parameters::{Layout, Operands, Part, Slot, Start};
use crate::math::float::Float;
use crate::math::product::{View, ViewMut, product};

/// Rows of a block: with 64 channels in single precision what a layer touches of them takes about one MiB. Few in tests, so that
/// the laws hold across blocks.
const BLOCK: usize = if cfg!(test) { 8 } else { 512 };

/// A stack of gated residual blocks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CausalConv {
    channels: usize,
    input: Linear,
    layers: Vec<Layer>,
    bias: Slot,
}

/// One gated residual block.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    channels: usize,
    dilation: usize,
    now: Slot,
    past: Slot,
    bias: Slot,
    skip: Slot,
    residual: Option<Residual>,
}

#[derive(Debug, Clone, PartialEq)]
struct Residual {
    weights: Slot,
    bias: Slot,
}

impl CausalConv {
    /// At least one layer; layer l has dilation 2^(l mod `dilations_cycle`).
    pub(super) fn new(
        layout: &mut Layout,
        inputs: usize,
        channels: usize,
        layers: usize,
        dilations_cycle: usize,
    ) -> Self {
        let layers = layers.max(1);
        let input = Linear::new(layout, "conv.input", inputs, channels);
        // Each of the sums below runs over `terms` numbers, which is what its weights are scaled by.
        let weights = |layout: &mut Layout, name: String, rows: usize, terms: usize| {
            let start = Start::Uniform(1.0 / (terms.max(1) as f64).sqrt());
            layout.part(Part { name, rows, columns: channels, start, decays: true })
        };
        let layer = |l: usize| {
            let name = |part: &str| format!("conv.{l}.{part}");
            Layer {
                channels,
                dilation: 1 << (l % dilations_cycle.max(1)),
                now: weights(layout, name("now.weight"), 2 * channels, 2 * channels),
                past: weights(layout, name("past.weight"), 2 * channels, 2 * channels),
                bias: layout.vector(name("bias"), 2 * channels, 0.0),
                skip: weights(layout, name("skip.weight"), channels, layers * channels),
                residual: (l + 1 < layers).then(|| Residual {
                    weights: weights(layout, name("residual.weight"), channels, channels),
                    bias: layout.vector(name("residual.bias"), channels, 0.0),
                }),
            }
        };
        let layers = (0..layers).map(layer).collect();
        Self { channels, input, layers, bias: layout.vector("conv.skip.bias", channels, 0.0) }
    }

    /// The rows of a state for each lane.
    fn remembered(&self) -> usize {
        self.layers.iter().map(|layer| layer.dilation).sum()
    }
}

impl Layer {
    /// From `h` to what the block leaves: adds to `skips` and makes `next`, the next layer's h. `past` are the rows h_{t-d} of
    /// the last rows of `h`; those of the others lie before the first step.
    #[expect(clippy::too_many_arguments, reason = "what is read, what is kept and what is made")]
    fn forward<T: Float>(
        &self,
        w: Operands<'_, T>,
        h: &[T],
        past: &[T],
        dropout: Dropout,
        own: &mut LayerTape<T>,
        skips: &mut [T],
        next: &mut Vec<T>,
    ) {
        let c = self.channels;
        let rows = h.len() / c;
        let without = rows - past.len() / c;
        own.gates.resize(rows * 2 * c, T::ZERO);
        own.g.resize(rows * c, T::ZERO);
        if self.residual.is_some() {
            next.resize(rows * c, T::ZERO);
        }
        let matrix = |slot: Slot, outputs| w.matrix(slot, c, outputs);
        for (block, first) in (0..rows).step_by(BLOCK).enumerate() {
            let last = rows.min(first + BLOCK);
            let n = last - first;
            let h = &h[first * c..last * c];
            let past = &past[first.saturating_sub(without) * c..last.saturating_sub(without) * c];
            let gates = &mut own.gates[first * 2 * c..last * 2 * c];
            product(T::ONE, View::new(h, n, c), matrix(self.now, 2 * c), false, ViewMut::new(gates, n, 2 * c));
            let m = past.len() / c;
            let late = ViewMut::new(&mut gates[(n - m) * 2 * c..], m, 2 * c);
            product(T::ONE, View::new(past, m, c), matrix(self.past, 2 * c), true, late);
            let g = &mut own.g[first * c..last * c];
            Arch::new().dispatch(Gate { bias: w.vector(self.bias), gates, g });
            dropout.at(block as u64).apply(g);
            let g = View::new(g, n, c);
            let skips = ViewMut::new(&mut skips[first * c..last * c], n, c);
            product(T::ONE, g, matrix(self.skip, c), true, skips);
            if let Some(residual) = &self.residual {
                let next = &mut next[first * c..last * c];
                Arch::new().dispatch(Shift { x: h, by: w.vector(residual.bias), out: next });
                product(T::ONE, g, matrix(residual.weights, c), true, ViewMut::new(next, n, c));
            }
        }
    }

    /// Turns `d_h`, the gradient of the next layer's h, into that of `h` in place. Blocks go upwards: what a block adds to
    /// rows before its own comes after these were read.
    #[expect(clippy::too_many_arguments, reason = "what is read, what is kept and what is made")]
    fn backward<T: Float>(
        &self,
        p: &[T],
        h: &[T],
        lanes: usize,
        dropout: Dropout,
        own: &LayerTape<T>,
        d: &mut Gradients<T>,
        gradient: &mut [T],
    ) {
        let c = self.channels;
        let rows = h.len() / c;
        let without = self.dilation * lanes;
        let matrix = |slot: Slot, outputs| View::new(slot.of(p), outputs, c);
        for (block, first) in (0..rows).step_by(BLOCK).enumerate() {
            let last = rows.min(first + BLOCK);
            let n = last - first;
            let g = View::new(&own.g[first * c..last * c], n, c);
            let d_skips = View::new(&d.skips[first * c..last * c], n, c);
            d.g.resize(n * c, T::ZERO);
            product(T::ONE, d_skips, matrix(self.skip, c), false, ViewMut::new(&mut d.g, n, c));
            product(T::ONE, d_skips.t(), g, true, ViewMut::new(self.skip.of_mut(gradient), c, c));
            if let Some(residual) = &self.residual {
                let d_next = &d.h[first * c..last * c];
                Arch::new().dispatch(Columns { x: d_next, sums: residual.bias.of_mut(gradient) });
                let d_next = View::new(d_next, n, c);
                product(T::ONE, d_next, matrix(residual.weights, c), true, ViewMut::new(&mut d.g, n, c));
                product(T::ONE, d_next.t(), g, true, ViewMut::new(residual.weights.of_mut(gradient), c, c));
            }
            dropout.at(block as u64).apply(&mut d.g);
            d.gates.resize(n * 2 * c, T::ZERO);
            let gates = &own.gates[first * 2 * c..last * 2 * c];
            let d_bias = self.bias.of_mut(gradient);
            Arch::new().dispatch(GateBackward { gates, d_g: &d.g, d_gates: &mut d.gates, d_bias });
            let mut map = |slot: Slot, d_gates: &[T], from: usize, to: usize| {
                let n = to - from;
                let d_gates = View::new(d_gates, n, 2 * c);
                let d_weights = ViewMut::new(slot.of_mut(gradient), 2 * c, c);
                product(T::ONE, d_gates.t(), View::new(&h[from * c..to * c], n, c), true, d_weights);
                let d_h = ViewMut::new(&mut d.h[from * c..to * c], n, c);
                product(T::ONE, d_gates, matrix(slot, 2 * c), true, d_h);
            };
            map(self.now, &d.gates, first, last);
            let (from, to) = (first.saturating_sub(without), last.saturating_sub(without));
            map(self.past, &d.gates[(n - (to - from)) * 2 * c..], from, to);
        }
    }
}

/// Of every layer its h, gates and their products after dropout; the features and the gates of the last activation.
#[derive(Debug, Default)]
pub(super) struct ConvTape<T> {
    h: Vec<Vec<T>>,
    layers: Vec<LayerTape<T>>,
    features: Vec<T>,
    silu: Vec<T>,
    d: Gradients<T>,
}

#[derive(Debug, Clone, Default)]
struct LayerTape<T> {
    /// tanh(a) and sigmoid(b), row by row.
    gates: Vec<T>,
    g: Vec<T>,
}

/// Gradients of the sum of skips and of h, of all rows; and of the gates and g, of a block.
#[derive(Debug, Default)]
struct Gradients<T> {
    skips: Vec<T>,
    h: Vec<T>,
    gates: Vec<T>,
    g: Vec<T>,
}

/// Of every layer the last d rows of its h for every lane, as a ring: blocks of one row per lane.
#[derive(Debug, Clone)]
pub(super) struct ConvState<T> {
    lanes: usize,
    steps: usize,
    rings: Vec<T>,
    /// Room for a step.
    h: Vec<T>,
    next: Vec<T>,
    own: LayerTape<T>,
}

impl<T: Float> ConvState<T> {
    fn new(lanes: usize, steps: usize, rings: Vec<T>) -> Self {
        Self { lanes, steps, rings, h: Vec::new(), next: Vec::new(), own: LayerTape::default() }
    }
}

impl<T: Float> Backbone<T> for CausalConv {
    type Tape = ConvTape<T>;
    type State = ConvState<T>;

    fn inputs(&self) -> usize {
        self.input.inputs
    }

    fn features(&self) -> usize {
        self.channels
    }

    fn receptive_field(&self) -> Option<usize> {
        Some(1 + self.remembered())
    }

    fn cost_per_step(&self, _past: usize) -> usize {
        let products = |layer: &Layer| if layer.residual.is_some() { 6 } else { 5 };
        (self.input.inputs + self.layers.iter().map(products).sum::<usize>() * self.channels) * self.channels
    }

    fn forward(&self, p: &[T], shape: Shape, x: &[T], dropout: Dropout, tape: &mut Self::Tape, out: &mut Vec<T>) {
        tape.h.resize_with(self.layers.len() + 1, Vec::new);
        tape.layers.resize_with(self.layers.len(), LayerTape::default);
        let w = Operands::of(p);
        self.input.forward(w, x, &mut tape.h[0]);
        zeroed(out, shape.rows() * self.channels);
        for (l, layer) in self.layers.iter().enumerate() {
            let (h, next) = tape.h.split_at_mut(l + 1);
            let h = &h[l];
            let past = &h[..shape.steps.saturating_sub(layer.dilation) * shape.lanes * self.channels];
            layer.forward(w, h, past, dropout.at(l as u64), &mut tape.layers[l], out, &mut next[0]);
        }
        silu(w.vector(self.bias), out, &mut tape.silu);
        tape.features.clone_from(out);
    }

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
        let d = &mut tape.d;
        d.skips.clear();
        d.skips.extend_from_slice(d_out);
        silu_backward(&tape.features, &tape.silu, &mut d.skips);
        add_columns(&d.skips, self.bias.of_mut(gradient));
        zeroed(&mut d.h, d_out.len());
        for (l, layer) in self.layers.iter().enumerate().rev() {
            layer.backward(p, &tape.h[l], shape.lanes, dropout.at(l as u64), &tape.layers[l], d, gradient);
        }
        self.input.backward(p, x, &d.h, gradient, d_x);
    }

    fn begin(&self, lanes: usize) -> ConvState<T> {
        ConvState::new(lanes, 0, vec![T::ZERO; self.remembered() * lanes * self.channels])
    }

    fn state(&self, tape: &Self::Tape, shape: Shape, _x: &[T]) -> ConvState<T> {
        let width = shape.lanes * self.channels;
        let mut rings = Vec::with_capacity(self.remembered() * width);
        for (layer, h) in self.layers.iter().zip(&tape.h) {
            let first = rings.len();
            rings.resize(first + layer.dilation * width, T::ZERO);
            for step in shape.steps.saturating_sub(layer.dilation)..shape.steps {
                let place = first + step % layer.dilation * width;
                rings[place..place + width].copy_from_slice(&h[step * width..(step + 1) * width]);
            }
        }
        ConvState::new(shape.lanes, shape.steps, rings)
    }

    fn step(&self, w: Operands<'_, T>, state: &mut ConvState<T>, x: &[T], out: &mut Vec<T>) {
        let ConvState { lanes, steps, rings, h, next, own } = state;
        let width = *lanes * self.channels;
        self.input.forward(w, x, h);
        zeroed(out, width);
        let mut rest = rings.as_mut_slice();
        for layer in &self.layers {
            let (ring, others) = rest.split_at_mut(layer.dilation * width);
            rest = others;
            let oldest = &mut ring[*steps % layer.dilation * width..][..width];
            layer.forward(w, h, oldest, Dropout::NONE, own, out, next);
            oldest.copy_from_slice(h);
            std::mem::swap(h, next);
        }
        *steps += 1;
        silu(w.vector(self.bias), out, next);
    }

    fn fork(&self, state: &ConvState<T>, parents: &[usize]) -> ConvState<T> {
        let c = self.channels;
        let mut rings = Vec::with_capacity(self.remembered() * parents.len() * c);
        for rows in state.rings.chunks_exact(state.lanes * c) {
            parents.iter().for_each(|lane| rings.extend_from_slice(&rows[lane * c..(lane + 1) * c]));
        }
        ConvState::new(parents.len(), state.steps, rings)
    }
}

/// From [a; b] without the bias to tanh(a) and sigmoid(b) in its place, and their product.
struct Gate<'a, T> {
    bias: &'a [T],
    gates: &'a mut [T],
    g: &'a mut [T],
}

impl<T: Float> WithSimd for Gate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let channels = self.bias.len() / 2;
        let (bias_a, bias_b) = self.bias.split_at(channels);
        for (gates, g) in self.gates.chunks_exact_mut(2 * channels).zip(self.g.chunks_exact_mut(channels)) {
            let (a, b) = gates.split_at_mut(channels);
            for (a, bias) in a.iter_mut().zip(bias_a) {
                *a = (*a + *bias).tanh();
            }
            for (b, bias) in b.iter_mut().zip(bias_b) {
                *b = (*b + *bias).sigmoid();
            }
            g.iter_mut().zip(a).zip(b).for_each(|((g, a), b)| *g = *a * *b);
        }
    }
}

/// The gradient of [`Gate`]: from that of the product to that of [a; b], which is added to that of the bias.
struct GateBackward<'a, T> {
    gates: &'a [T],
    d_g: &'a [T],
    d_gates: &'a mut [T],
    d_bias: &'a mut [T],
}

impl<T: Float> WithSimd for GateBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let channels = self.d_bias.len() / 2;
        let gates = self.gates.chunks_exact(2 * channels).zip(self.d_g.chunks_exact(channels));
        for ((gates, d_g), d_gates) in gates.zip(self.d_gates.chunks_exact_mut(2 * channels)) {
            let (a, b) = gates.split_at(channels);
            let (d_a, d_b) = d_gates.split_at_mut(channels);
            for (((d_a, d_g), a), b) in d_a.iter_mut().zip(d_g).zip(a).zip(b) {
                *d_a = *d_g * *b * (T::ONE - *a * *a);
            }
            for (((d_b, d_g), a), b) in d_b.iter_mut().zip(d_g).zip(a).zip(b) {
                *d_b = *d_g * *a * *b * (T::ONE - *b);
            }
            self.d_bias.iter_mut().zip(d_gates).for_each(|(sum, d)| *sum += *d);
        }
    }
}

/// out = x + by for every row.
struct Shift<'a, T> {
    x: &'a [T],
    by: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> WithSimd for Shift<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let n = self.by.len();
        for (out, x) in self.out.chunks_exact_mut(n).zip(self.x.chunks_exact(n)) {
            out.iter_mut().zip(x).zip(self.by).for_each(|((out, x), by)| *out = *x + *by);
        }
    }
}

/// sums += the sum of all rows.
struct Columns<'a, T> {
    x: &'a [T],
    sums: &'a mut [T],
}

impl<T: Float> WithSimd for Columns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.x.chunks_exact(self.sums.len()) {
            self.sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += *x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::neural::backbone::the_laws;

    #[test]
    fn the_laws_hold() {
        for (channels, layers, cycle) in [(4, 3, 3), (4, 3, 2), (3, 1, 1), (2, 4, 4)] {
            let mut layout = Layout::default();
            let net = CausalConv::new(&mut layout, 2, channels, layers, cycle);
            the_laws::hold(&net, &layout);
        }
    }
}
