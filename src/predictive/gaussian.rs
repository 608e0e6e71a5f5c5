//! The normal family: mean m, standard deviation s.
//!
//! density exp(-(x - m)^2 / (2 s^2)) / (s sqrt(2 pi)).
//! Distribution function and quantile go through the complementary error function; they match R's `pnorm` and `qnorm`
//! to 1e-14.
//!
//! s = 0 is a point mass (a constant series): its quantiles and distribution function are right, it has no density,
//! and models mark such rows undefined.

use crate::math::random::LaneRng;
use crate::math::special;

/// ln sqrt(2 pi).
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// ln density.
pub(super) fn log_density([mean, sd]: [f64; 2], x: f64) -> f64 {
    let z = (x - mean) / sd;
    -0.5 * z * z - sd.ln() - HALF_LN_TAU
}

/// P(X <= x).
pub(super) fn cdf([mean, sd]: [f64; 2], x: f64) -> f64 {
    if sd == 0.0 { f64::from(u8::from(x >= mean)) } else { special::normal_cdf((x - mean) / sd) }
}

/// P(X > x), without cancellation in the upper tail.
pub(super) fn survival([mean, sd]: [f64; 2], x: f64) -> f64 {
    if sd == 0.0 { f64::from(u8::from(x < mean)) } else { special::normal_cdf((mean - x) / sd) }
}

/// The value below which a share `q` of the mass lies.
pub(super) fn quantile([mean, sd]: [f64; 2], q: f64) -> f64 {
    if sd == 0.0 { mean } else { mean + sd * special::normal_quantile(q) }
}

/// A draw from every row of means and standard deviations, given its standard normal, and the log density of each.
pub(super) fn draw_all(rows: &[f64], z: &[f64], values: &mut [f64], log_densities: &mut [f64]) {
    let Some(&first) = rows.get(1) else { return };
    let all_alike = rows.chunks_exact(2).all(|row| row[1] == first);
    let constant = -first.ln() - HALF_LN_TAU;
    let each = rows.chunks_exact(2).zip(z).zip(values.iter_mut().zip(log_densities));
    if all_alike {
        each.for_each(|((row, z), (value, log))| (*value, *log) = (row[0] + first * z, -0.5 * z * z + constant));
    } else {
        each.for_each(|((row, z), (value, log))| {
            (*value, *log) = (row[0] + row[1] * z, -0.5 * z * z - row[1].ln() - HALF_LN_TAU);
        });
    }
}

/// One draw.
pub(super) fn sample([mean, sd]: [f64; 2], rng: &mut LaneRng) -> f64 {
    mean + sd * rng.normal()
}
