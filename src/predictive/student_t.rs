//! Student's t family: location m, scale s, degrees of freedom v.
//!
//! density Gamma((v+1)/2) / (Gamma(v/2) s sqrt(v pi)) * (1 + ((x-m)/s)^2 / v)^(-(v+1)/2).
//! The distribution function is the regularised incomplete beta function of `statrs`; it matches R's `pt`.

use crate::math::random::LaneRng;
use crate::math::special;

/// ln density.
pub(super) fn log_density([location, scale, dof]: [f64; 3], x: f64) -> f64 {
    let z = (x - location) / scale;
    special::ln_gamma(0.5 * (dof + 1.0))
        - special::ln_gamma(0.5 * dof)
        - 0.5 * (dof * std::f64::consts::PI).ln()
        - scale.ln()
        - 0.5 * (dof + 1.0) * (z * z / dof).ln_1p()
}

/// P(X <= x).
pub(super) fn cdf([location, scale, dof]: [f64; 3], x: f64) -> f64 {
    special::student_t_cdf((x - location) / scale, dof)
}

/// P(X > x), without cancellation in the upper tail.
pub(super) fn survival([location, scale, dof]: [f64; 3], x: f64) -> f64 {
    special::student_t_cdf((location - x) / scale, dof)
}

/// The value below which a share `q` of the mass lies.
pub(super) fn quantile([location, scale, dof]: [f64; 3], q: f64) -> f64 {
    location + scale * special::student_t_quantile(q, dof)
}

/// Mean and variance: no number and infinite where there is none.
pub(super) fn moments([location, scale, dof]: [f64; 3]) -> (f64, f64) {
    let variance = if dof > 2.0 { scale * scale * (dof / (dof - 2.0)) } else { f64::INFINITY };
    (if dof > 1.0 { location } else { f64::NAN }, variance)
}

/// One draw.
pub(super) fn sample([location, scale, dof]: [f64; 3], rng: &mut LaneRng) -> f64 {
    location + scale * rng.student_t(dof)
}

/// The maximum likelihood scale and degrees of freedom of errors with location 0, dof between 2.1 and 200.
///
/// For fixed dof the scale solves s^2 = mean of w_i e_i^2, w_i = (v + 1) / (v + e_i^2 / s^2), by fixed-point iteration (EM;
/// Lange, Little and Taylor 1989, *JASA* 84, p. 881); dof by golden-section search on its logarithm.
///
/// # Panics
/// If there is no error, or all are zero.
#[must_use]
pub fn fit_student_t(errors: &[f64]) -> (f64, f64) {
    assert!(errors.iter().any(|e| *e != 0.0), "a scale needs an error that is not zero");
    let (mut low, mut high) = (2.1_f64.ln(), 200.0_f64.ln());
    let loss = |log_dof: f64| {
        let dof = log_dof.exp();
        let scale = scale_for(errors, dof);
        -errors.iter().map(|e| log_density([0.0, scale, dof], *e)).sum::<f64>()
    };
    const RATIO: f64 = 0.618_033_988_749_894_8;
    for _ in 0..40 {
        let (left, right) = (high - RATIO * (high - low), low + RATIO * (high - low));
        if loss(left) <= loss(right) { high = right } else { low = left }
    }
    let dof = (0.5 * (low + high)).exp();
    (scale_for(errors, dof), dof)
}

fn scale_for(errors: &[f64], dof: f64) -> f64 {
    let n = errors.len() as f64;
    let mut square = errors.iter().map(|e| e * e).sum::<f64>() / n;
    for _ in 0..200 {
        let weighted = errors.iter().map(|e| (dof + 1.0) * e * e / (dof + e * e / square));
        let next = weighted.sum::<f64>() / n;
        let settled = (next - square).abs() <= 1e-12 * square;
        square = next;
        if settled {
            break;
        }
    }
    square.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_and_dof_of_simulated_errors_are_found() {
        let mut rng = LaneRng::new(5, 0);
        let errors: Vec<f64> = (0..20_000).map(|_| sample([0.0, 2.0, 4.0], &mut rng)).collect();
        let (scale, dof) = fit_student_t(&errors);
        assert!((scale - 2.0).abs() < 0.06 && (dof - 4.0).abs() < 0.4, "{scale} {dof}");
    }
}
