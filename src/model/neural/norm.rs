//! Root-mean-square normalisation (Zhang and Sennrich 2019, *NeurIPS* 32, equation 4): every row by itself.
//!
//! y = g x r with r = (mean(x^2) + 1e-5)^(-1/2) and a gain g for every column.

use pulp::{Arch, Simd, WithSimd};

use super::parameters::{Layout, Operands, Slot};
use crate::math::float::Float;
use crate::math::product::dot;

const EPSILON: f64 = 1e-5;

/// The normalisation of rows of one width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RmsNorm {
    width: usize,
    gain: Slot,
}

/// The normalised rows and the factor r of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Normed<T> {
    pub(super) rows: Vec<T>,
    inverse: Vec<T>,
}

impl RmsNorm {
    pub(super) fn new(layout: &mut Layout, name: &str, width: usize) -> Self {
        Self { width, gain: layout.vector(format!("{name}.gain"), width, 1.0) }
    }

    pub(super) fn forward<T: Float>(&self, w: Operands<'_, T>, x: &[T], out: &mut Normed<T>) {
        out.rows.resize(x.len(), T::ZERO);
        out.inverse.resize(x.len() / self.width, T::ZERO);
        Arch::new().dispatch(Forward { gain: w.vector(self.gain), x, out });
    }

    /// Adds the gradient of the gain to `gradient` and that of `x` to `d_x`; spoils `d_out`.
    pub(super) fn backward<T: Float>(
        &self,
        p: &[T],
        x: &[T],
        normed: &Normed<T>,
        d_out: &mut [T],
        gradient: &mut [T],
        d_x: &mut [T],
    ) {
        let (gain, d_gain) = (self.gain.of(p), self.gain.of_mut(gradient));
        Arch::new().dispatch(Backward { gain, x, inverse: &normed.inverse, d_out, d_gain, d_x });
    }
}

struct Forward<'a, T> {
    gain: &'a [T],
    x: &'a [T],
    out: &'a mut Normed<T>,
}

impl<T: Float> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.gain.len();
        let (share, epsilon) = (T::of(1.0 / width as f64), T::of(EPSILON));
        let rows = self.x.chunks_exact(width).zip(self.out.rows.chunks_exact_mut(width));
        for ((x, y), inverse) in rows.zip(&mut self.out.inverse) {
            let r = T::ONE / (dot(x, x) * share + epsilon).sqrt();
            *inverse = r;
            for ((y, x), gain) in y.iter_mut().zip(x).zip(self.gain) {
                *y = *x * r * *gain;
            }
        }
    }
}

struct Backward<'a, T> {
    gain: &'a [T],
    x: &'a [T],
    inverse: &'a [T],
    d_out: &'a mut [T],
    d_gain: &'a mut [T],
    d_x: &'a mut [T],
}

impl<T: Float> WithSimd for Backward<'_, T> {
    type Output = ();

    /// With e = g dy: dx = r e - x r^3 mean(e x).
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.gain.len();
        let share = T::of(1.0 / width as f64);
        let rows = self.x.chunks_exact(width).zip(self.inverse);
        let d_rows = self.d_out.chunks_exact_mut(width).zip(self.d_x.chunks_exact_mut(width));
        for ((x, r), (d, d_x)) in rows.zip(d_rows) {
            let r = *r;
            for (((d, x), gain), d_gain) in d.iter_mut().zip(x).zip(self.gain).zip(&mut *self.d_gain) {
                *d_gain += *d * *x * r;
                *d *= *gain;
            }
            let back = r * r * r * share * dot(d, x);
            for ((d_x, d), x) in d_x.iter_mut().zip(&*d).zip(x) {
                *d_x += r * *d - back * *x;
            }
        }
    }
}
