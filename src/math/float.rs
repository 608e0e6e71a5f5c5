//! The precisions that networks compute in: single in models, double where gradients and laws are checked.
//!
//! Exponentials over slices are polynomials in single precision (within two units in the last place, the same bits on every
//! instruction set) and the standard library's in double.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use gemm_common::Parallelism;
use pulp::{Arch, Simd, WithSimd};

/// What computes a matrix product: the signature of the crates `gemm-f32` and `gemm-f64`.
type Gemm<T> = unsafe fn(
    usize,
    usize,
    usize,
    *mut T,
    isize,
    isize,
    bool,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    T,
    bool,
    bool,
    bool,
    Parallelism,
);

/// A precision of networks.
pub(crate) trait Float:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;

    /// The nearest number of this precision.
    #[must_use]
    fn of(x: f64) -> Self;
    /// The number as a double.
    #[must_use]
    fn to_f64(self) -> f64;
    /// The square root; NaN below zero.
    #[must_use]
    fn sqrt(self) -> Self;

    /// 1 / (1 + e^-x).
    #[must_use]
    fn sigmoid(self) -> Self;

    /// tanh x of one number; as [`tanh_all`](Self::tanh_all) to the bit.
    #[must_use]
    fn tanh(self) -> Self;

    /// x = e^x.
    fn exp_all(x: &mut [Self]);

    /// x = tanh x.
    fn tanh_all(x: &mut [Self]);

    /// The product of matrices: see [`super::product`].
    #[doc(hidden)]
    fn gemm() -> Gemm<Self>;
}

impl Float for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn of(x: f64) -> Self {
        x
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn sigmoid(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }

    fn tanh(self) -> Self {
        self.tanh()
    }

    fn exp_all(x: &mut [Self]) {
        x.iter_mut().for_each(|x| *x = x.exp());
    }

    fn tanh_all(x: &mut [Self]) {
        x.iter_mut().for_each(|x| *x = x.tanh());
    }

    fn gemm() -> Gemm<Self> {
        gemm_f64::gemm::f64::get_gemm_fn()
    }
}

impl Float for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x as Self
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn sigmoid(self) -> Self {
        1.0 / (1.0 + polynomial_exp(-self))
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        2.0 / (1.0 + polynomial_exp(-2.0 * self)) - 1.0
    }

    fn exp_all(x: &mut [Self]) {
        Arch::new().dispatch(Exp(x));
    }

    fn tanh_all(x: &mut [Self]) {
        Arch::new().dispatch(Tanh(x));
    }

    fn gemm() -> Gemm<Self> {
        gemm_f32::gemm::f32::get_gemm_fn()
    }
}

/// e^x = 2^n e^r with n the whole number nearest to x / ln 2 and a polynomial of degree six for |r| <= ln 2 / 2; clamped
/// where the result would not be a normal number.
#[inline(always)]
fn polynomial_exp(x: f32) -> f32 {
    // Adding it rounds to a whole number, which then stands in the last bits.
    const ROUNDING: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // A comparison instead of `clamp` lets NaN through.
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUNDING);
    let n = shifted - ROUNDING;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    // The Taylor series, 1/6! to 1/0!: the remainder is below r^7 / 7! = 1.2e-7 of 1 / 2.
    let mut sum = 1.0 / 720.0;
    sum = sum.mul_add_to(r, 1.0 / 120.0);
    sum = sum.mul_add_to(r, 1.0 / 24.0);
    sum = sum.mul_add_to(r, 1.0 / 6.0);
    sum = sum.mul_add_to(r, 0.5);
    sum = sum.mul_add_to(r, 1.0);
    sum = sum.mul_add_to(r, 1.0);
    let power = f32::from_bits(shifted.to_bits().wrapping_shl(23).wrapping_add(0x3f80_0000));
    sum * power
}

trait Horner {
    fn mul_add_to(self, x: Self, next: Self) -> Self;
}

impl Horner for f32 {
    #[inline(always)]
    fn mul_add_to(self, x: Self, next: Self) -> Self {
        self.mul_add(x, next)
    }
}

struct Exp<'a>(&'a mut [f32]);

impl WithSimd for Exp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.0 {
            *x = polynomial_exp(*x);
        }
    }
}

struct Tanh<'a>(&'a mut [f32]);

impl WithSimd for Tanh<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.0 {
            *x = Float::tanh(*x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_the_functions() {
        let grid: Vec<f32> = (-8800..=8800).map(|i| i as f32 / 100.0).collect();
        let mut exp = grid.clone();
        f32::exp_all(&mut exp);
        for (x, y) in grid.iter().zip(&exp).filter(|(x, _)| **x >= -87.0) {
            let exact = f64::from(*x).exp();
            assert!((f64::from(*y) / exact - 1.0).abs() < 3e-7, "exp({x}) = {y}, not {exact}");
        }
        let (mut sigmoid, mut tanh) = (grid.clone(), grid.clone());
        sigmoid.iter_mut().for_each(|x| *x = Float::sigmoid(*x));
        f32::tanh_all(&mut tanh);
        for ((x, s), t) in grid.iter().zip(&sigmoid).zip(&tanh) {
            let x = f64::from(*x);
            assert!((f64::from(*s) - 1.0 / (1.0 + (-x).exp())).abs() < 2e-7, "sigmoid({x}) = {s}");
            assert_eq!(Float::tanh(x as f32), *t);
            assert!((f64::from(*t) - x.tanh()).abs() < 3e-7, "tanh({x}) = {t}");
        }
        let mut odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        f32::exp_all(&mut odd);
        assert!(odd[0].is_nan() && odd[1] > 1e38 && odd[2] < 1e-37, "{odd:?}");
    }
}
