//! How good forecasts were: point errors, interval coverage and interval scores, as forecasting competitions define
//! them.
//!
//! | measure | equation | source |
//! |---|---|---|
//! | [`smape`] | mean of 200 abs(y - f) / (abs(y) + abs(f)) | Makridakis and Hibon 2000, p. 461 |
//! | [`mase`] | mean abs(y - f) / mean abs(x_t - x_{t-m}) over the history | Hyndman and Koehler 2006, p. 685 |
//! | [`coverage`] | share of lo <= y <= hi | |
//! | [`interval_score`] | mean of (hi - lo) + 2/a (lo - y)+ + 2/a (y - hi)+, a = 1 - level | Gneiting and Raftery 2007, p. 370 |
//! | [`crps`] | mean abs(X - y) - 1/2 mean abs(X - X') over draws | Gneiting and Raftery 2007, p. 367 |
//! | [`energy_score`] | the same of whole paths, with Euclidean distances | Gneiting and Raftery 2007, p. 367 |
//! | [`Exposure`] | errors by horizon given the true past and given the model's own | [`exposure`] |
//!
//! `smape` and `mase` match the M4 competition's R code; `interval_score` over the scale of `mase` is its MSIS.

pub mod exposure;

pub use exposure::{Accuracy, Exposure, ExposureOptions, ExposureStep};

/// The symmetric mean absolute percentage error, 0 to 200; a step where both are zero counts as no error.
///
/// ```
/// assert_eq!(foretoken::evaluate::smape(&[100.0, 0.0], &[300.0, 0.0]), 50.0);
/// ```
///
/// # Panics
/// If the slices differ in length.
#[must_use]
pub fn smape(actual: &[f64], forecast: &[f64]) -> f64 {
    mean_over(actual, forecast, |y, f| {
        let size = y.abs() + f.abs();
        if size == 0.0 { 0.0 } else { 200.0 * (y - f).abs() / size }
    })
}

/// The scale of [`mase`]: the mean absolute error of the seasonal naive method inside the history. NaN where the
/// history is no longer than the period.
#[must_use]
pub fn mase_scale(history: &[f64], period: usize) -> f64 {
    let steps = history.len().saturating_sub(period);
    (0..steps).map(|t| (history[t + period] - history[t]).abs()).sum::<f64>() / steps as f64
}

/// The mean absolute scaled error.
///
/// # Panics
/// If the forecast has another length than the actual values.
#[must_use]
pub fn mase(actual: &[f64], forecast: &[f64], history: &[f64], period: usize) -> f64 {
    mean_over(actual, forecast, |y, f| (y - f).abs()) / mase_scale(history, period)
}

/// The share of values inside their intervals.
///
/// # Panics
/// If there are fewer intervals than values.
#[must_use]
pub fn coverage(actual: &[f64], intervals: &[(f64, f64)]) -> f64 {
    let inside = actual.iter().enumerate().filter(|&(i, y)| intervals[i].0 <= *y && *y <= intervals[i].1).count();
    inside as f64 / actual.len() as f64
}

/// The mean interval score at a level: width plus a penalty for what lies outside. Smaller is better.
///
/// # Panics
/// If there are fewer intervals than values.
#[must_use]
pub fn interval_score(actual: &[f64], intervals: &[(f64, f64)], level: f64) -> f64 {
    let penalty = 2.0 / (1.0 - level);
    let score = |(i, y): (usize, &f64)| {
        let (lo, hi) = intervals[i];
        (hi - lo) + penalty * ((lo - y).max(0.0) + (y - hi).max(0.0))
    };
    actual.iter().enumerate().map(score).sum::<f64>() / actual.len() as f64
}

/// The continuous ranked probability score of equally likely draws, in the units of the data; smaller is better, and of
/// one draw it is the absolute error. From the sorted draws in O(m ln m) (Jordan, Krüger and Lerch 2019, *J. Stat. Softw.*
/// 90, 12, p. 6); matches R's `scoringRules::crps_sample(method = "edf")`.
///
/// ```
/// assert_eq!(foretoken::evaluate::crps(2.0, &mut [5.0]), 3.0);
/// assert_eq!(foretoken::evaluate::crps(0.0, &mut [1.0, -1.0]), 0.5); // 1 - 1/2 * (0 + 2 + 2 + 0) / 4
/// ```
#[must_use]
pub fn crps(actual: f64, draws: &mut [f64]) -> f64 {
    draws.sort_unstable_by(f64::total_cmp);
    let m = draws.len() as f64;
    let term = |(i, x): (usize, &f64)| {
        let below = if actual < *x { m } else { 0.0 };
        (x - actual) * (below - i as f64 - 0.5)
    };
    2.0 / (m * m) * draws.iter().enumerate().map(term).sum::<f64>()
}

/// The energy score of equally likely paths: what [`crps`] is for one value, for all steps together, so that it sees
/// whether they belong together. O(m^2 h) for m paths of h steps.
///
/// # Panics
/// If a path has another length than the actual values.
#[must_use]
pub fn energy_score(actual: &[f64], paths: &[Vec<f64>]) -> f64 {
    let distance = |a: &[f64], b: &[f64]| {
        assert_eq!(a.len(), b.len(), "a path has one value per actual value");
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
    };
    let m = paths.len() as f64;
    let to_actual: f64 = paths.iter().map(|path| distance(path, actual)).sum();
    let pairs = paths.iter().enumerate().flat_map(|(i, a)| paths[..i].iter().map(move |b| (a, b)));
    let between: f64 = pairs.map(|(a, b)| distance(a, b)).sum();
    to_actual / m - between / (m * m)
}

fn mean_over(actual: &[f64], forecast: &[f64], error: impl Fn(f64, f64) -> f64) -> f64 {
    assert_eq!(actual.len(), forecast.len(), "a forecast has one value per actual value");
    actual.iter().zip(forecast).map(|(&y, &f)| error(y, f)).sum::<f64>() / actual.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    #[test]
    fn the_score_of_many_normal_draws_is_that_of_the_normal_and_of_single_steps_the_energy_score() {
        let mut rng = LaneRng::new(6, 0);
        let mut draws: Vec<f64> = (0..2_000).map(|_| rng.normal()).collect();
        // z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi) at z = 1 (Gneiting and Raftery 2007, p. 367).
        let expected = 0.602_441_357_627_616;
        let paths: Vec<Vec<f64>> = draws.iter().map(|x| vec![*x]).collect();
        let (score, energy) = (crps(1.0, &mut draws), energy_score(&[1.0], &paths));
        assert!((score - expected).abs() < 0.02, "{score}");
        assert!((score - energy).abs() < 1e-12, "{score} {energy}");
    }

    #[test]
    fn the_energy_score_sees_that_steps_belong_together() {
        let mut rng = LaneRng::new(7, 0);
        let (mut together, mut apart) = (0.0, 0.0);
        for _ in 0..200 {
            let draw = |rng: &mut LaneRng, same: bool| {
                let (a, b) = (rng.normal(), rng.normal());
                vec![a, if same { a } else { b }]
            };
            let actual = draw(&mut rng, true);
            let mut paths = |same| (0..60).map(|_| draw(&mut rng, same)).collect::<Vec<_>>();
            let (right, wrong) = (paths(true), paths(false));
            together += energy_score(&actual, &right);
            apart += energy_score(&actual, &wrong);
        }
        assert!(together < 0.97 * apart, "{together} {apart}");
    }
}
