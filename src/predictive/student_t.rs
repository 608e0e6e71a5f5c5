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

/// One draw.
pub(super) fn sample([location, scale, dof]: [f64; 3], rng: &mut LaneRng) -> f64 {
    location + scale * rng.student_t(dof)
}
