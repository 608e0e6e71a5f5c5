//! All roots of a real polynomial at once, by the iteration of Aberth and Ehrlich.
//!
//! ```text
//! z_i <- z_i - N_i / (1 - N_i sum_{j != i} 1 / (z_i - z_j)),   N_i = P(z_i) / P'(z_i)
//! ```
//!
//! Newton's method on P divided by the other roots (Aberth 1973, *Mathematics of Computation* 27, p. 339; Bini 1996,
//! *Numerical Algorithms* 13, p. 179): cubic convergence to simple roots, O(p^2) a sweep, no matrix. The starting points lie
//! on a circle of the roots' size, unevenly, so that symmetric polynomials do not hold them fast. Outside the unit circle P
//! is evaluated through its reversal, so nothing overflows. A point rests where P is what rounding leaves of zero: simple
//! roots are good to the last digits, an m-fold one to 1e-16^(1/m).
//!
//! The eigenvalues of the companion matrix would be the other way, but `nalgebra`'s QR iteration has no exceptional shifts
//! and does not end for x^12 = 0.7, the roots of a seasonal autoregression.

use std::f64::consts::TAU;

use nalgebra::Complex;

/// Sweeps after which the search is given up: 20 are usual.
const SWEEPS: usize = 500;
/// An imaginary part of this size relative to the modulus is rounding.
const REAL: f64 = 1e-13;

/// The roots of x^p - a_1 x^{p-1} - .. - a_p, those of a real polynomial with leading coefficient one, in no order. `None`
/// where they are not found: coefficients that are not finite.
///
/// ```
/// let roots = foretoken::math::polynomial::roots(&[3.0, -2.0]).expect("1 and 2");
/// assert!((roots[0] + roots[1] - 3.0).norm() < 1e-14 && (roots[0] * roots[1] - 2.0).norm() < 1e-14);
/// ```
#[must_use]
pub fn roots(a: &[f64]) -> Option<Vec<Complex<f64>>> {
    if !a.iter().all(|a| a.is_finite()) {
        return None;
    }
    let degree = a.iter().rposition(|a| *a != 0.0).map_or(0, |last| last + 1);
    let zeros = vec![Complex::new(0.0, 0.0); a.len() - degree];
    let polynomial = Polynomial { a: &a[..degree] };
    let mut found = polynomial.start();
    for _ in 0..SWEEPS {
        let mut moved = false;
        for i in 0..degree {
            if let Some(step) = polynomial.step(i, &found) {
                found[i] -= step;
                moved = true;
            }
        }
        if !moved {
            found.iter_mut().filter(|z| z.im.abs() <= REAL * z.norm()).for_each(|z| z.im = 0.0);
            return Some([found, zeros].concat());
        }
    }
    None
}

/// x^p - a_1 x^{p-1} - .. - a_p with a_p other than zero.
struct Polynomial<'a> {
    a: &'a [f64],
}

impl Polynomial<'_> {
    /// Points on the circle of radius max |a_i|^(1/i); no root is more than twice as large (Fujiwara 1916).
    fn start(&self) -> Vec<Complex<f64>> {
        let sizes = self.a.iter().zip(1..).map(|(a, i)| a.abs().powf(1.0 / f64::from(i)));
        let radius = sizes.fold(0.0, f64::max);
        let p = self.a.len() as f64;
        (0..self.a.len()).map(|k| Complex::from_polar(radius, TAU * (k as f64 + 0.25) / p + 0.4)).collect()
    }

    /// What root i is too large by; `None` at rest.
    fn step(&self, i: usize, found: &[Complex<f64>]) -> Option<Complex<f64>> {
        let z = found[i];
        let newton = if z.norm_sqr() <= 1.0 { self.newton_inside(z) } else { self.newton_outside(z) }?;
        let others = found.iter().enumerate().filter(|(j, other)| *j != i && **other != z);
        let repulsion: Complex<f64> = others.map(|(_, other)| (z - other).inv()).sum();
        let step = newton / (Complex::new(1.0, 0.0) - newton * repulsion);
        (step.norm() > f64::EPSILON * z.norm()).then_some(step)
    }

    /// P / P' at |z| <= 1 by Horner's rule.
    fn newton_inside(&self, z: Complex<f64>) -> Option<Complex<f64>> {
        let (value, slope) = horner(std::iter::once(1.0).chain(self.a.iter().map(|a| -a)), z)?;
        Some(value / slope)
    }

    /// P / P' at |z| > 1: with Q(w) = w^p P(1 / w) = 1 - a_1 w - .. - a_p w^p and w = 1 / z it is z / (p - w Q' / Q).
    fn newton_outside(&self, z: Complex<f64>) -> Option<Complex<f64>> {
        let w = z.inv();
        let (value, slope) = horner(self.a.iter().rev().map(|a| -a).chain([1.0]), w)?;
        Some(z / (Complex::new(self.a.len() as f64, 0.0) - w * slope / value))
    }
}

/// The value and the slope of a polynomial, highest coefficient first; `None` where the value is rounding.
fn horner(coefficients: impl Iterator<Item = f64>, z: Complex<f64>) -> Option<(Complex<f64>, Complex<f64>)> {
    let (mut value, mut slope) = (Complex::new(0.0, 0.0), Complex::new(0.0, 0.0));
    let (mut size, modulus) = (0.0, z.norm());
    for coefficient in coefficients {
        slope = slope * z + value;
        value = value * z + coefficient;
        size = size * modulus + value.norm();
    }
    // The running error bound of Horner's rule (Higham 2002, *Accuracy and Stability*, section 5.1).
    (value.norm() > 2.0 * f64::EPSILON * size).then_some((value, slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P at a root relative to the sum of the sizes of its terms.
    fn backward_error(a: &[f64], z: Complex<f64>) -> f64 {
        let w = z.inv();
        let (mut value, mut size, mut power) = (Complex::new(1.0, 0.0), 1.0, Complex::new(1.0, 0.0));
        for a in a {
            power *= w;
            value -= power * *a;
            size += power.norm() * a.abs();
        }
        value.norm() / size
    }

    #[test]
    fn roots_solve_their_polynomial_whatever_its_shape() {
        let seasonal = |lag: usize, phi: f64| [vec![0.0; lag - 1], vec![phi]].concat();
        let wild = |p: u32, decay: i32| -> Vec<f64> {
            let a = |i: u32| f64::from(i * i % 7) - 2.9 + 0.01 * f64::from(i % 13);
            (1..=p).map(|i| a(i) / f64::from(i).powi(decay)).collect()
        };
        let walks = vec![3.0, -3.0, 1.0];
        let mut product = seasonal(25, 0.0);
        for (lag, phi) in [(1, 0.5), (12, 0.6), (13, -0.3), (24, 0.2), (25, -0.1)] {
            product[lag - 1] = phi;
        }
        let apart = vec![1e3, -1.0, 1e-6];
        for a in
            [seasonal(1, -0.3), seasonal(12, 0.7), seasonal(168, 0.9), wild(60, 1), wild(210, 2), wild(210, 0), walks]
                .into_iter()
                .chain([product, apart])
        {
            let found = roots(&a).expect("roots");
            assert_eq!(found.len(), a.len());
            for z in &found {
                assert!(backward_error(&a, *z) < 1e-12, "{z} of {a:?}: {}", backward_error(&a, *z));
            }
            // A threefold root is good to a third of the digits.
            let tolerance = if a.len() == 3 && a[0] == 3.0 { 1e-4 } else { 1e-10 };
            let sum: Complex<f64> = found.iter().sum();
            assert!((sum - a[0]).norm() < tolerance * a[0].abs().max(1.0), "Vieta: {sum} of {a:?}");
        }
        assert_eq!(roots(&[]), Some(Vec::new()));
        assert_eq!(roots(&[0.5, 0.0]).map(|found| found[1]), Some(Complex::new(0.0, 0.0)));
        assert_eq!(roots(&[f64::NAN, 1.0]), None);
    }
}
