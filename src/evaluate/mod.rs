//! How good forecasts were: point errors, interval coverage and interval scores, as forecasting competitions define
//! them.
//!
//! | measure | equation | source |
//! |---|---|---|
//! | [`smape`] | mean of 200 abs(y - f) / (abs(y) + abs(f)) | Makridakis and Hibon 2000, p. 461 |
//! | [`mase`] | mean abs(y - f) / mean abs(x_t - x_{t-m}) over the history | Hyndman and Koehler 2006, p. 685 |
//! | [`coverage`] | share of lo <= y <= hi | |
//! | [`interval_score`] | mean of (hi - lo) + 2/a (lo - y)+ + 2/a (y - hi)+, a = 1 - level | Gneiting and Raftery 2007, p. 370 |
//!
//! `smape` and `mase` match the M4 competition's R code; `interval_score` over the scale of `mase` is its MSIS.

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

fn mean_over(actual: &[f64], forecast: &[f64], error: impl Fn(f64, f64) -> f64) -> f64 {
    assert_eq!(actual.len(), forecast.len(), "a forecast has one value per actual value");
    actual.iter().zip(forecast).map(|(&y, &f)| error(y, f)).sum::<f64>() / actual.len() as f64
}
