//! Layers that several backbones share: affine maps, activations, normalisation. Each has its backward beside its forward.

use pulp::{Arch, Simd, WithSimd};

use super::parameters::{Layout, Operands, Slot};
use crate::math::float::Float;
use crate::math::product::{View, ViewMut, product};

/// y = x W' + b for every row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Linear {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    weights: Slot,
    bias: Option<Slot>,
}

impl Linear {
    pub(super) fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        let own = Self::without_bias(layout, name, inputs, outputs);
        Self { bias: Some(layout.vector(format!("{name}.bias"), outputs, 0.0)), ..own }
    }

    pub(super) fn without_bias(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        let weights = layout.weights(format!("{name}.weight"), outputs, inputs);
        Self { inputs, outputs, weights, bias: None }
    }

    /// `out` becomes one row of outputs per row of `x`.
    pub(super) fn forward<T: Float>(&self, w: Operands<'_, T>, x: &[T], out: &mut Vec<T>) {
        let rows = x.len() / self.inputs;
        out.clear();
        match self.bias {
            Some(bias) => (0..rows).for_each(|_| out.extend_from_slice(w.vector(bias))),
            None => out.resize(rows * self.outputs, T::ZERO),
        }
        self.add(w, x, out);
    }

    /// SiLU units: `out` becomes silu(x W' + b), `gate` their gates: see [`silu`].
    pub(super) fn forward_silu<T: Float>(&self, w: Operands<'_, T>, x: &[T], out: &mut Vec<T>, gate: &mut Vec<T>) {
        out.resize(x.len() / self.inputs * self.outputs, T::ZERO);
        self.put(w, x, false, out);
        silu(w.vector(self.bias.expect("units have a bias")), out, gate);
    }

    /// Adds x W' to rows of outputs, without the bias.
    pub(super) fn add<T: Float>(&self, w: Operands<'_, T>, x: &[T], out: &mut [T]) {
        self.put(w, x, true, out);
    }

    fn put<T: Float>(&self, w: Operands<'_, T>, x: &[T], adds: bool, out: &mut [T]) {
        let rows = x.len() / self.inputs;
        let weights = w.matrix(self.weights, self.inputs, self.outputs);
        product(T::ONE, View::new(x, rows, self.inputs), weights, adds, ViewMut::new(out, rows, self.outputs));
    }

    /// The part of the weights in a vector of parameters or gradients, a row per output.
    pub(super) fn weights<'a, T>(&self, all: &'a mut [T]) -> &'a mut [T] {
        self.weights.of_mut(all)
    }

    /// The part of the bias; empty where there is none.
    pub(super) fn bias<'a, T>(&self, all: &'a mut [T]) -> &'a mut [T] {
        self.bias.map_or(&mut [], |bias| bias.of_mut(all))
    }

    /// Adds the gradients of weights and bias, and that of the inputs where it is asked for.
    pub(super) fn backward<T: Float>(&self, p: &[T], x: &[T], d_out: &[T], gradient: &mut [T], d_x: Option<&mut [T]>) {
        let rows = x.len() / self.inputs;
        let d_rows = View::new(d_out, rows, self.outputs);
        let d_weights = ViewMut::new(self.weights.of_mut(gradient), self.outputs, self.inputs);
        product(T::ONE, d_rows.t(), View::new(x, rows, self.inputs), true, d_weights);
        if let Some(bias) = self.bias {
            add_columns(d_out, bias.of_mut(gradient));
        }
        if let Some(d_x) = d_x {
            let weights = View::new(self.weights.of(p), self.outputs, self.inputs);
            product(T::ONE, d_rows, weights, true, ViewMut::new(d_x, rows, self.inputs));
        }
    }
}

/// sums += the sum of all rows.
pub(super) fn add_columns<T: Float>(rows: &[T], sums: &mut [T]) {
    Arch::new().dispatch(AddColumns(rows, sums));
}

struct AddColumns<'a, T>(&'a [T], &'a mut [T]);

impl<T: Float> WithSimd for AddColumns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self(rows, sums) = self;
        for row in rows.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += *x);
        }
    }
}

/// x s(x) with the logistic function s, in place of `x`, after a bias was added to every row; `gate` becomes s(x) (SiLU; Elfwing
/// et al. 2018, *Neural Networks* 107, p. 3).
pub(super) fn silu<T: Float>(bias: &[T], x: &mut [T], gate: &mut Vec<T>) {
    gate.resize(x.len(), T::ZERO);
    Arch::new().dispatch(Silu { bias, x, gate });
}

struct Silu<'a, T> {
    bias: &'a [T],
    x: &'a mut [T],
    gate: &'a mut [T],
}

impl<T: Float> WithSimd for Silu<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.bias.len();
        for (x, gate) in self.x.chunks_exact_mut(width).zip(self.gate.chunks_exact_mut(width)) {
            for ((x, gate), bias) in x.iter_mut().zip(gate).zip(self.bias) {
                *x += *bias;
                *gate = x.sigmoid();
                *x *= *gate;
            }
        }
    }
}

/// The gradient of [`silu`]: `d` from that of its value to that of its argument, where `y` is the value and `gate` s(x):
/// dy/dx = s + y (1 - s).
pub(super) fn silu_backward<T: Float>(y: &[T], gate: &[T], d: &mut [T]) {
    Arch::new().dispatch(SiluBackward { y, gate, d });
}

struct SiluBackward<'a, T> {
    y: &'a [T],
    gate: &'a [T],
    d: &'a mut [T],
}

impl<T: Float> WithSimd for SiluBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((d, y), s) in self.d.iter_mut().zip(self.y).zip(self.gate) {
            *d *= *s + *y * (T::ONE - *s);
        }
    }
}

/// The bound of [`bounded`].
const BOUND: f64 = 3.0;

/// x becomes 3 tanh(x / 3).
pub(super) fn bounded<T: Float>(x: &mut [T]) {
    x.iter_mut().for_each(|x| *x *= T::of(1.0 / BOUND));
    T::tanh_all(x);
    x.iter_mut().for_each(|x| *x *= T::of(BOUND));
}

/// The gradient of [`bounded`]: `d` from that of its value to that of its argument, where `y` is the value.
pub(super) fn bounded_backward<T: Float>(y: &[T], d: &mut [T]) {
    let shrink = T::of(1.0 / BOUND);
    d.iter_mut().zip(y).for_each(|(d, y)| *d *= T::ONE - (*y * shrink) * (*y * shrink));
}

/// A vector of zeros of a length, whatever was in it.
pub(super) fn zeroed<T: Float>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    buffer.clear();
    buffer.resize(len, T::ZERO);
    buffer
}
