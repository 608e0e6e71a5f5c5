//! What the benchmarks share: simulated data, so that they need no file, and processes to measure.

#![allow(dead_code, reason = "every benchmark uses its part")]

#[cfg(feature = "cli")]
pub(crate) mod process;

use foretoken::math::random::LaneRng;

/// x_t = 10 + 0.5 x_{t-1} + 0.3 x_{t-2} + e_t with standard normal e, the same for the same stream.
#[must_use]
pub(crate) fn ar2(n: usize, stream: u64) -> Vec<f64> {
    let mut rng = LaneRng::new(1, stream);
    let mut last = [50.0; 2];
    let mut step = || {
        last = [10.0 + 0.5 * last[0] + 0.3 * last[1] + rng.normal(), last[0]];
        last[0]
    };
    (0..n).map(|_| step()).collect()
}
