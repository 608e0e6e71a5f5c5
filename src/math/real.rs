//! The precisions that sums of products and triangular factors are made in: doubles (16 digits) and pairs of them (32).

use std::ops::{Add, Div, Mul, Sub};

use super::double_double::DoubleDouble;
use super::kernels::{add_lagged_products, add_lagged_products_exactly};

/// A number of one of the precisions, with its kernel.
pub trait Real:
    Copy + From<f64> + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// A bound of the relative rounding errors of its operations.
    const EPSILON: f64;

    /// a b, rounded to this precision.
    #[must_use]
    fn product(a: f64, b: f64) -> Self;

    /// The square root; NaN below zero.
    #[must_use]
    fn sqrt(self) -> Self;

    /// The nearest double.
    #[must_use]
    fn value(self) -> f64;

    /// sums\[k\] += sum_t now\[t\] past\[t - k\], where `past` ends with `now`'s time and begins earlier.
    ///
    /// # Panics
    /// If `past` does not reach as far back as the last lag.
    fn add_lagged_products(now: &[f64], past: &[f64], sums: &mut [Self]);
}

impl Real for f64 {
    const EPSILON: f64 = Self::EPSILON;

    fn product(a: f64, b: f64) -> Self {
        a * b
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn value(self) -> f64 {
        self
    }

    fn add_lagged_products(now: &[f64], past: &[f64], sums: &mut [Self]) {
        add_lagged_products(now, past, sums);
    }
}

impl Real for DoubleDouble {
    const EPSILON: f64 = f64::EPSILON * f64::EPSILON;

    fn product(a: f64, b: f64) -> Self {
        Self::product(a, b)
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn value(self) -> f64 {
        self.value()
    }

    fn add_lagged_products(now: &[f64], past: &[f64], sums: &mut [Self]) {
        add_lagged_products_exactly(now, past, sums);
    }
}
