//! Numbers of twice the precision: the unevaluated sum of two doubles, 106 bits.
//!
//! ```text
//! a + b = fl(a + b) + e        e by six additions (Knuth), or three where |a| >= |b| (Dekker)
//! a * b = fl(a * b) + e        e = fma(a, b, -fl(a * b))
//! ```
//!
//! Relative errors are a few 2^-105 per operation: algorithms 6, 12 and 17 of Joldes, Muller and Popescu (2017), *ACM
//! Trans. Math. Softw.* 44, article 15; the square root is one Newton step from that of the high word. An operation
//! costs 10 to 30 of the processor's. No error; what is infinite or not a number in doubles is so here.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// high + low, |low| at most half a unit in the last place of high.
///
/// ```
/// use foretoken::math::double_double::DoubleDouble;
///
/// let third = DoubleDouble::from(1.0) / DoubleDouble::from(3.0);
/// let rest = third * DoubleDouble::from(3.0) - DoubleDouble::from(1.0);
/// assert!(rest.value().abs() < 1e-31);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    /// a + b without rounding.
    #[must_use]
    pub fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let from_b = high - a;
        Self { high, low: (a - (high - from_b)) + (b - from_b) }
    }

    /// a b without rounding (but for underflow).
    #[must_use]
    pub fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self { high, low: a.mul_add(b, -high) }
    }

    /// Whether it is one double.
    #[must_use]
    pub fn is_double(self) -> bool {
        self.low == 0.0
    }

    /// The nearest double.
    #[must_use]
    pub fn value(self) -> f64 {
        self.high
    }

    /// The square root; NaN below zero.
    #[must_use]
    pub fn sqrt(self) -> Self {
        if self.high == 0.0 {
            return self;
        }
        let root = self.high.sqrt();
        let rest = self - Self::product(root, root);
        ordered_sum(root, rest.high / (2.0 * root))
    }
}

/// a + b without rounding where |a| >= |b|.
fn ordered_sum(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    DoubleDouble { high, low: b - (high - a) }
}

impl From<f64> for DoubleDouble {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Add for DoubleDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (high, low) = (Self::sum(self.high, other.high), Self::sum(self.low, other.low));
        let middle = ordered_sum(high.high, high.low + low.high);
        ordered_sum(middle.high, low.low + middle.low)
    }
}

impl Neg for DoubleDouble {
    type Output = Self;

    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Sub for DoubleDouble {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = Self::product(self.high, other.high);
        let crossed = self.low.mul_add(other.high, self.high.mul_add(other.low, self.low * other.low));
        ordered_sum(product.high, product.low + crossed)
    }
}

impl Div for DoubleDouble {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let quotient = self.high / other.high;
        let rest = self - other * Self::from(quotient);
        ordered_sum(quotient, rest.high / other.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(high: f64, low: f64) -> DoubleDouble {
        DoubleDouble::sum(high, low)
    }

    #[test]
    fn sums_and_products_of_doubles_lose_nothing() {
        // 1 + 2^-80, (2^53 - 1)^2 = 2^106 - 2^54 + 1.
        let tiny = 2.0_f64.powi(-80);
        assert_eq!((exact(1.0, tiny) - 1.0.into()).value(), tiny);
        let odd = 2.0_f64.powi(53) - 1.0;
        let square = DoubleDouble::product(odd, odd);
        assert_eq!((square - 2.0_f64.powi(106).into() + 2.0_f64.powi(54).into()).value(), 1.0);
    }

    #[test]
    fn arithmetic_carries_thirty_one_digits() {
        // (1 + u)(1 - u) = 1 - u^2 with u = 2^-50 needs 100 bits.
        let u = 2.0_f64.powi(-50);
        let product = exact(1.0, u) * exact(1.0, -u);
        assert_eq!((product - 1.0.into()).value(), -u * u);
        let (a, b) = (exact(3.7, 1.1e-17), exact(-0.3, 2.3e-18));
        let near = |x: DoubleDouble, y: DoubleDouble| ((x - y).value() / y.value()).abs() < 1e-31;
        assert!(near((a / b) * b, a) && near(a.sqrt() * a.sqrt(), a) && near((a + b) - a, b));
    }

    #[test]
    fn zero_has_a_root_and_negatives_have_none() {
        assert_eq!(DoubleDouble::from(0.0).sqrt().value(), 0.0);
        assert!(DoubleDouble::from(-1.0).sqrt().value().is_nan());
    }
}
