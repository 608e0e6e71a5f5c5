//! Feed-forward: every step for itself, from its lags to features through hidden layers of SiLU units.
//!
//! h_0 = u, h_l = silu(W_l h_{l-1} + b_l); the features are 3 tanh(h / 3) of the last h: bounded, so that paths of own draws do not grow
//! without end where no training value ever was. Without hidden layers they are the inputs themselves.

use super::backbone::{Backbone, Dropout, Shape};
use super::layers::{Linear, bounded, bounded_backward, silu_backward, zeroed};
use super::parameters::{Layout, Operands};
use crate::math::float::Float;

/// Hidden layers of one width.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mlp {
    inputs: usize,
    layers: Vec<Linear>,
}

impl Mlp {
    pub(super) fn new(layout: &mut Layout, inputs: usize, hidden: usize, layers: usize) -> Self {
        let width = |layer: usize| if layer == 0 { inputs } else { hidden };
        let layer = |layer: usize| Linear::new(layout, &format!("mlp.{layer}"), width(layer), hidden);
        Self { inputs, layers: (0..layers).map(layer).collect() }
    }

    /// Whether there is no hidden layer.
    pub(super) fn is_linear(&self) -> bool {
        self.layers.is_empty()
    }
}

/// Of every layer its values before and after dropout, and the gates of its units.
#[derive(Debug, Default)]
pub(super) struct MlpTape<T> {
    layers: Vec<LayerTape<T>>,
    features: Vec<T>,
    d: [Vec<T>; 2],
}

#[derive(Debug, Default)]
struct LayerTape<T> {
    value: Vec<T>,
    gate: Vec<T>,
    dropped: Vec<T>,
}

/// Nothing is remembered: room for a step.
#[derive(Debug, Clone)]
pub(super) struct MlpState<T> {
    below: Vec<T>,
    gate: Vec<T>,
}

impl<T: Float> Backbone<T> for Mlp {
    type Tape = MlpTape<T>;
    type State = MlpState<T>;

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn features(&self) -> usize {
        self.layers.last().map_or(self.inputs, |layer| layer.outputs)
    }

    fn receptive_field(&self) -> Option<usize> {
        Some(1)
    }

    fn cost_per_step(&self, _past: usize) -> usize {
        self.layers.iter().map(|layer| layer.inputs * layer.outputs).sum()
    }

    fn forward(&self, p: &[T], _shape: Shape, x: &[T], dropout: Dropout, tape: &mut Self::Tape, out: &mut Vec<T>) {
        tape.layers.resize_with(self.layers.len(), LayerTape::default);
        for (l, layer) in self.layers.iter().enumerate() {
            let (before, rest) = tape.layers.split_at_mut(l);
            let own = &mut rest[0];
            let below = before.last().map_or(x, |tape| &tape.dropped);
            layer.forward_silu(Operands::of(p), below, &mut own.value, &mut own.gate);
            own.dropped.clone_from(&own.value);
            dropout.at(l as u64).apply(&mut own.dropped);
        }
        out.clear();
        out.extend_from_slice(tape.layers.last().map_or(x, |tape| &tape.dropped));
        if !self.is_linear() {
            bounded(out);
            tape.features.clone_from(out);
        }
    }

    fn backward(
        &self,
        p: &[T],
        _shape: Shape,
        x: &[T],
        dropout: Dropout,
        tape: &mut Self::Tape,
        d_out: &[T],
        gradient: &mut [T],
        d_x: Option<&mut [T]>,
    ) {
        let [d, d_below] = &mut tape.d;
        d.clear();
        d.extend_from_slice(d_out);
        if !self.is_linear() {
            bounded_backward(&tape.features, d);
        }
        let mut d_x = d_x;
        for (l, layer) in self.layers.iter().enumerate().rev() {
            dropout.at(l as u64).apply(d);
            silu_backward(&tape.layers[l].value, &tape.layers[l].gate, d);
            if l == 0 {
                layer.backward(p, x, d, gradient, d_x.take());
            } else {
                let below = &tape.layers[l - 1].dropped;
                layer.backward(p, below, d, gradient, Some(zeroed(d_below, below.len())));
                std::mem::swap(d, d_below);
            }
        }
        // No layer: the features are the inputs.
        if let Some(d_x) = d_x {
            d_x.iter_mut().zip(&*d).for_each(|(sum, d)| *sum += *d);
        }
    }

    fn begin(&self, _lanes: usize) -> MlpState<T> {
        MlpState { below: Vec::new(), gate: Vec::new() }
    }

    fn state(&self, _tape: &Self::Tape, shape: Shape, _x: &[T]) -> MlpState<T> {
        self.begin(shape.lanes)
    }

    fn step(&self, w: Operands<'_, T>, state: &mut MlpState<T>, x: &[T], out: &mut Vec<T>) {
        let MlpState { below, gate } = state;
        for (l, layer) in self.layers.iter().enumerate() {
            std::mem::swap(out, below);
            layer.forward_silu(w, if l == 0 { x } else { below }, out, gate);
        }
        if self.is_linear() {
            out.clear();
            out.extend_from_slice(x);
        } else {
            bounded(out);
        }
    }

    fn fork(&self, _state: &MlpState<T>, parents: &[usize]) -> MlpState<T> {
        self.begin(parents.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::neural::backbone::the_laws;

    #[test]
    fn the_laws_hold() {
        for layers in [0, 1, 3] {
            let mut layout = Layout::default();
            let net = Mlp::new(&mut layout, 4, 5, layers);
            the_laws::hold(&net, &layout);
        }
    }
}
