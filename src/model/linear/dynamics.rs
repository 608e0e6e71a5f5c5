//! What a fitted autoregression does: its roots, what an innovation leaves behind, its autocorrelations and spectrum.
//!
//! ```text
//! phi(z) = 1 - phi_1 z - .. - phi_p z^p = prod_i (1 - z / z_i)
//! f(w) = sigma^2 / (2 pi |phi(e^{-iw})|^2),   -pi <= w <= pi,   integral of f = variance
//! ```
//!
//! All but [`Ar::psi_weights`] is about the differenced values, the process of phi alone: the roots at one that differences
//! stand for are not listed, and an integrated process has no variance to take apart.
//!
//! A process is stationary where every root z_i lies **outside** the unit circle: the convention of statsmodels'
//! `AutoReg.roots` and of R's `polyroot(c(1, -ar))`. The *inverse* roots 1 / z_i, which charts show, then lie inside. They
//! come from [`polynomial::roots`], O(p^2) a sweep. A pair at frequency f is a cycle of 1 / f steps whose amplitude
//! shrinks by |z_i| a step (Box, Jenkins, Reinsel and Ljung 2015, *Time Series Analysis*, section 3.2).
//!
//! f is in squared units of the values per radian a step. R's `spec.ar` gives 2 pi f of a series of frequency one: per
//! cycle a step, at w / 2 pi, with the variance that its `ar` reports. Autocorrelations match R's `ARMAacf`, psi weights
//! its `ARMAtoMA`.

use std::f64::consts::TAU;

use nalgebra::Complex;

use super::ar::Ar;
use crate::math::exact::autocovariances;
use crate::math::polynomial;

/// A root z of phi.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Root {
    /// The real part.
    pub real: f64,
    /// The imaginary part.
    pub imaginary: f64,
}

impl Root {
    /// |z|: above one for a stationary process.
    #[must_use]
    pub fn modulus(self) -> f64 {
        self.real.hypot(self.imaginary)
    }

    /// Cycles a step, in (-1/2, 1/2]: the angle over 2 pi.
    #[must_use]
    pub fn frequency(self) -> f64 {
        self.imaginary.atan2(self.real) / TAU
    }

    /// Steps a cycle; infinite for a positive root.
    #[must_use]
    pub fn period(self) -> f64 {
        self.frequency().abs().recip()
    }

    /// 1 / z: inside the unit circle for a stationary process.
    #[must_use]
    pub fn inverse(self) -> Self {
        let square = self.real * self.real + self.imaginary * self.imaginary;
        // Zero is added so that the imaginary part of a real root is not -0, whose angle is -pi.
        Self { real: self.real / square, imaginary: -self.imaginary / square + 0.0 }
    }
}

impl Ar {
    /// The roots of phi, nearest to the origin first, the positive frequency of a pair first. `None` where
    /// the iteration does not end.
    ///
    /// ```
    /// use foretoken::model::linear::Ar;
    ///
    /// // (1 - z / 2) (1 + z^2 / 4)
    /// let roots = Ar::new(0.0, 0.0, vec![0.5, -0.25, 0.125], 1.0, 0.0).roots().expect("three roots");
    /// assert!(roots.iter().all(|root| (root.modulus() - 2.0).abs() < 1e-12));
    /// assert!(roots.iter().any(|root| (root.period() - 4.0).abs() < 1e-12));
    /// ```
    #[must_use]
    pub fn roots(&self) -> Option<Vec<Root>> {
        let inverse = polynomial::roots(self.coefficients())?;
        // A coefficient of zero at the end has its root at infinity.
        let finite = inverse.iter().filter(|l| l.norm_sqr() > 0.0);
        let mut roots: Vec<Root> = finite.map(|l| Root { real: l.re, imaginary: l.im }.inverse()).collect();
        // The two of a pair have one modulus up to rounding.
        let key = |root: &Root| (root.modulus() * 1e9).round();
        let angle = |root: &Root| root.frequency().abs();
        roots.sort_by(|a, b| {
            key(a)
                .total_cmp(&key(b))
                .then((angle(a) * 1e9).round().total_cmp(&(angle(b) * 1e9).round()))
                .then(b.imaginary.total_cmp(&a.imaginary))
        });
        Some(roots)
    }

    /// Whether every root of phi lies outside the unit circle, by the step-down recursion: O(p^2).
    #[must_use]
    pub fn is_stationary(&self) -> bool {
        autocovariances(self.coefficients()).is_some()
    }

    /// The autocorrelations 0..=K of the differenced values, without their terms; `None` where phi is not stationary.
    #[must_use]
    pub fn autocorrelations(&self, max_lag: usize) -> Option<Vec<f64>> {
        let c = autocovariances(self.coefficients())?;
        let mut r: Vec<f64> = c.iter().take(max_lag + 1).map(|ck| ck / c[0]).collect();
        while r.len() <= max_lag {
            r.push(self.coefficients().iter().zip(r.iter().rev()).map(|(phi, r)| phi * r).sum());
        }
        Some(r)
    }

    /// f of the differenced values at angular frequencies w; `None` where phi is not stationary or the innovations have no
    /// variance.
    ///
    /// ```
    /// use foretoken::model::linear::Ar;
    ///
    /// let ar = Ar::new(0.0, 0.0, vec![0.5], 2.0, 0.0);
    /// let f = ar.spectral_density(&[0.0]).expect("stationary");
    /// assert!((f[0] - 4.0 / (std::f64::consts::TAU * 0.25)).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn spectral_density(&self, frequencies: &[f64]) -> Option<Vec<f64>> {
        let variance = self.innovations().variance();
        if !(self.is_stationary() && variance.is_finite() && variance > 0.0) {
            return None;
        }
        let density = |w: &f64| variance / (TAU * self.transfer(*w).norm_sqr());
        Some(frequencies.iter().map(density).collect())
    }

    /// phi(e^{-iw}) by Horner's rule.
    fn transfer(&self, w: f64) -> Complex<f64> {
        let back = Complex::from_polar(1.0, -w);
        let sum = self.coefficients().iter().rev().fold(Complex::new(0.0, 0.0), |sum, phi| (sum + phi) * back);
        Complex::new(1.0, 0.0) - sum
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::math::autocovariance::mean;

    fn ar(phi: &[f64]) -> Ar {
        Ar::new(0.0, 0.0, phi.to_vec(), 1.5, 0.0)
    }

    #[test]
    fn roots_stand_in_order_and_in_pairs() {
        let sparse = [&[0.0; 11][..], &[0.7]].concat();
        let roots = ar(&sparse).roots().expect("roots");
        assert!(roots.iter().all(|root| (root.modulus().powi(12) * 0.7 - 1.0).abs() < 1e-12));
        let periods: Vec<f64> = roots.iter().map(|root| (root.period() * 1e6).round() / 1e6).collect();
        assert_eq!(periods, [f64::INFINITY, 12.0, 12.0, 6.0, 6.0, 4.0, 4.0, 3.0, 3.0, 2.4, 2.4, 2.0]);
        assert!(roots[1].imaginary > 0.0 && roots[2].imaginary < 0.0);
        let roots = ar(&[0.7, -0.1]).roots().expect("roots");
        assert!((roots[0].modulus() - 2.0).abs() < 1e-14 && (roots[1].modulus() - 5.0).abs() < 1e-14);
        assert_eq!(ar(&[]).roots(), Some(Vec::new()));
        assert_eq!(ar(&[0.5, 0.0]).roots().map(|roots| roots.len()), Some(1), "no root at infinity");
    }

    #[test]
    fn stationarity_is_that_of_the_roots() {
        for phi in [&[0.99][..], &[1.01], &[1.3, -0.6], &[0.2, 0.9], &[-0.5, 0.4, -0.8], &[1.0]] {
            let outside = ar(phi).roots().expect("roots").iter().all(|root| root.modulus() > 1.0);
            assert_eq!(ar(phi).is_stationary(), outside, "{phi:?}");
            assert_eq!(ar(phi).spectral_density(&[1.0]).is_some(), outside, "{phi:?}");
        }
    }

    /// With the trapezoid rule, exact for smooth periodic functions.
    #[test]
    fn the_spectrum_integrates_to_the_variance_and_its_cosines_to_the_autocorrelations() {
        for phi in [&[0.5][..], &[1.3, -0.6], &[0.3, -0.2, 0.4, -0.1]] {
            let w: Vec<f64> = (0..4096).map(|i| TAU * f64::from(i) / 4096.0 - PI).collect();
            let f = ar(phi).spectral_density(&w).expect("stationary");
            let variance = TAU * mean([&f[..]]);
            let psi = ar(phi).psi_weights(400);
            let expected = 2.25 * psi.iter().map(|psi| psi * psi).sum::<f64>();
            assert!((variance / expected - 1.0).abs() < 1e-12, "{phi:?}: {variance}");
            let r = ar(phi).autocorrelations(5).expect("stationary");
            for (lag, r) in r.iter().enumerate() {
                let waves: Vec<f64> = f.iter().zip(&w).map(|(f, w)| f * (lag as f64 * w).cos()).collect();
                assert!((TAU * mean([&waves[..]]) / variance - r).abs() < 1e-12, "{phi:?} lag {lag}");
            }
        }
    }

    /// sigma^2 / (2 pi (1 + a^2 + b^2 - 2 a (1 - b) cos w - 2 b cos 2 w)) for phi = (a, b).
    #[test]
    fn the_spectrum_of_order_two_is_that_of_the_textbook() {
        let (a, b) = (1.3_f64, -0.6_f64);
        for w in [0.0, 0.3, 1.0, 2.5, PI] {
            let below = 1.0 + a * a + b * b - 2.0 * a * (1.0 - b) * w.cos() - 2.0 * b * (2.0 * w).cos();
            let f = ar(&[a, b]).spectral_density(&[w]).expect("stationary")[0];
            assert!((f * TAU * below / 2.25 - 1.0).abs() < 1e-12, "{w}");
        }
    }
}
