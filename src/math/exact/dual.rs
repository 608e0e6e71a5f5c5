//! Numbers that carry derivatives: one gradient code, run on these, gives exact Hessians.
//!
//! A dual number is v + sum_j d_j eps_j with eps_i eps_j = 0 (forward differentiation; Griewank and Walther 2008,
//! *Evaluating Derivatives*, chapter 3). [`TANGENTS`] directions run at once, so that the inner loops vectorise.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// Directions that one pass differentiates in.
pub(super) const TANGENTS: usize = 4;

/// What the likelihood needs of a number.
pub(super) trait Real:
    Copy
    + Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
{
    /// A constant.
    fn of(value: f64) -> Self;
    /// The number without its derivatives.
    fn value(self) -> f64;
    /// The product with a constant.
    fn scale(self, factor: f64) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// (tanh z, 1 - tanh^2 z), the second without cancellation.
    fn tanh(self) -> (Self, Self);
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn value(self) -> f64 {
        self
    }

    fn scale(self, factor: f64) -> Self {
        self * factor
    }

    fn ln(self) -> Self {
        self.ln()
    }

    fn tanh(self) -> (Self, Self) {
        let e = (-2.0 * self.abs()).exp();
        let sum = 1.0 + e;
        (((1.0 - e) / sum).copysign(self), 4.0 * e / (sum * sum))
    }
}

/// A value and its derivatives in [`TANGENTS`] directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dual {
    pub(super) value: f64,
    pub(super) tangent: [f64; TANGENTS],
}

impl Dual {
    /// f(v) with f'(v) = slope.
    fn chain(self, value: f64, slope: f64) -> Self {
        Self { value, tangent: self.tangent.map(|d| slope * d) }
    }

    fn combine(self, other: Self, value: f64, left: f64, right: f64) -> Self {
        Self { value, tangent: std::array::from_fn(|j| left * self.tangent[j] + right * other.tangent[j]) }
    }

    /// The parameters, differentiated in the directions first, first + 1, ..
    pub(super) fn seed(z: &[f64], first: usize) -> Vec<Self> {
        let tangent = |i: usize| std::array::from_fn(|j| f64::from(u8::from(first + j == i)));
        z.iter().enumerate().map(|(i, &value)| Self { value, tangent: tangent(i) }).collect()
    }
}

impl Real for Dual {
    fn of(value: f64) -> Self {
        Self { value, tangent: [0.0; TANGENTS] }
    }

    fn value(self) -> f64 {
        self.value
    }

    fn scale(self, factor: f64) -> Self {
        self.chain(self.value * factor, factor)
    }

    fn ln(self) -> Self {
        self.chain(self.value.ln(), self.value.recip())
    }

    fn tanh(self) -> (Self, Self) {
        let (r, s) = Real::tanh(self.value);
        (self.chain(r, s), self.chain(s, -2.0 * r * s))
    }
}

impl Add for Dual {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.combine(other, self.value + other.value, 1.0, 1.0)
    }
}

impl Sub for Dual {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.combine(other, self.value - other.value, 1.0, -1.0)
    }
}

impl Mul for Dual {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.combine(other, self.value * other.value, other.value, self.value)
    }
}

impl Div for Dual {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let inverse = other.value.recip();
        let ratio = self.value * inverse;
        self.combine(other, ratio, inverse, -ratio * inverse)
    }
}

impl Neg for Dual {
    type Output = Self;
    fn neg(self) -> Self {
        self.chain(-self.value, -1.0)
    }
}

impl AddAssign for Dual {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Dual {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression<T: Real>(x: T) -> T {
        let (r, s) = x.tanh();
        (r * s + T::of(2.0)).ln() / (x - T::of(3.0)) - (-r).scale(0.5)
    }

    #[test]
    fn tangents_are_derivatives() {
        for x in [-1.3, 0.2, 0.9] {
            let h = 1e-5;
            let numeric = (expression(x + h) - expression(x - h)) / (2.0 * h);
            let dual = expression(Dual::seed(&[0.0, x], 0)[1]);
            assert!((dual.tangent[1] - numeric).abs() < 1e-9 && dual.tangent[0] == 0.0);
            assert!((dual.value - expression(x)).abs() < 1e-15);
        }
    }

    #[test]
    fn the_complement_of_tanh_keeps_its_digits() {
        let (r, s) = Real::tanh(-15.0_f64);
        assert!((r + 1.0).abs() < 1e-12);
        assert!((s / (4.0 * (-30.0_f64).exp()) - 1.0).abs() < 1e-12);
    }
}
