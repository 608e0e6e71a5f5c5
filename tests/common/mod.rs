//! What the statistical tests share: simulated autoregressions and moments.

use foretoken::math::random::LaneRng;

/// Values thrown away so that a simulated series starts in its stationary distribution.
const BURN_IN: usize = 500;

/// n values of x_t = c + sum_i phi_i x_{t-i} + sd e_t after burn-in, from the random stream `lane` of `seed`.
pub(crate) fn simulate_ar(phi: &[f64], intercept: f64, sd: f64, n: usize, (seed, lane): (u64, u64)) -> Vec<f64> {
    let mut rng = LaneRng::new(seed, lane);
    let mut x = vec![intercept / (1.0 - phi.iter().sum::<f64>()); phi.len()];
    for _ in 0..BURN_IN + n {
        let past: f64 = phi.iter().zip(x.iter().rev()).map(|(phi, x)| phi * x).sum();
        x.push(intercept + past + sd * rng.normal());
    }
    x.split_off(x.len() - n)
}

/// The mean and the variance (divisor n) of a sample.
pub(crate) fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}
