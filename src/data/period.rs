//! The season length of a series: suggested by the calendar, confirmed by the autocorrelation.

use super::frequency::{Frequency, calendar_periods};
use crate::math::stationarity::is_seasonal;

/// Without a calendar, the autocorrelation that makes a period. Cycles of varying length (sunspots, lynx) stay below.
const OVERWHELMING: f64 = 0.9;
/// Lags beyond this are no periods of anything without calendar, and the most recent values decide.
const LONGEST_PERIOD: usize = 400;
const MOST_VALUES: usize = 20_000;
/// Weaker autocorrelations explain nothing, however significant many values make them.
const NOTICEABLE: f64 = 0.1;
/// By how much the longer of two calendar periods must be stronger to be preferred.
const CLEARLY_STRONGER: f64 = 0.1;

/// The season length of values at a frequency; 1 where there is none.
///
/// A period that the calendar suggests counts when the autocorrelation at it is significant and positive, in the first
/// differences or, rising from lower ones at shorter lags, in the values without their linear trend, and peaks there; trends and random
/// walks pass neither. Without a calendar (integer times, yearly values) only an autocorrelation of the differences
/// above 0.9 that repeats at multiples counts: a cycle of varying length is no season. Missing values are interpolated.
/// O(n m) for the longest period m considered.
#[must_use]
pub fn infer_period(values: &[f64], frequency: Option<Frequency>) -> usize {
    let known = interpolated(values);
    let recent = &known[known.len().saturating_sub(MOST_VALUES)..];
    let candidates = frequency.map(calendar_periods).unwrap_or_default();
    if candidates.is_empty() {
        return if frequency.is_some_and(Frequency::has_cycles) {
            1
        } else {
            overwhelming_period(&differences(recent))
        };
    }
    let mut best: Option<(usize, f64)> = None;
    for (period, strength) in candidates.into_iter().filter_map(|period| Some((period, strength(recent, period)?))) {
        if best.is_none_or(|(_, shorter)| strength > shorter + CLEARLY_STRONGER) {
            best = Some((period, strength));
        }
    }
    best.map_or(1, |(period, _)| period)
}

/// The autocorrelation at a period, where it shows a season.
fn strength(values: &[f64], period: usize) -> Option<f64> {
    let level = without_trend(values);
    let changes = differences(values);
    let at_period = autocorrelation(&level, period);
    let in_changes = autocorrelation(&changes, period);
    let lowest = (1..period).map(|lag| autocorrelation(&level, lag)).fold(f64::INFINITY, f64::min);
    let noise = 2.0 / (values.len() as f64).sqrt();
    let rises = at_period - lowest > noise && peaks(&level, period) && is_seasonal(&level, period);
    let repeats = peaks(&changes, period) && is_seasonal(&changes, period);
    let strength = match (rises, repeats) {
        (true, true) => at_period.max(in_changes),
        (true, false) => at_period,
        (false, true) => in_changes,
        (false, false) => return None,
    };
    (strength > NOTICEABLE).then_some(strength)
}

/// Whether the autocorrelation is positive at a period and lower a quarter of it before and after: what is only smooth,
/// like the hour of a daily wave, has no peak there.
fn peaks(x: &[f64], period: usize) -> bool {
    let quarter = (period / 4).max(1);
    let at = autocorrelation(x, period);
    at > 0.0 && at > autocorrelation(x, period - quarter) && at > autocorrelation(x, period + quarter)
}

/// The shortest lag at which the autocorrelation peaks above 0.9, and again at its multiples; 1 where there is none.
fn overwhelming_period(changes: &[f64]) -> usize {
    let longest = LONGEST_PERIOD.min(changes.len() / 4);
    let correlations: Vec<f64> = (0..=3 * longest + 1).map(|lag| autocorrelation(changes, lag)).collect();
    let peaks = |lag: &usize| {
        let lag = *lag;
        let highest = correlations[lag] > correlations[lag - 1] && correlations[lag] >= correlations[lag + 1];
        let repeated = (1..=3).all(|multiple| correlations[multiple * lag] > OVERWHELMING);
        highest && repeated
    };
    (2..=longest).find(peaks).unwrap_or(1)
}

/// The autocorrelation at a lag, with sums divided by the number of their terms; 0 where it has none.
fn autocorrelation(x: &[f64], lag: usize) -> f64 {
    if lag >= x.len() {
        return 0.0;
    }
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let product = |lag: usize| x[lag..].iter().zip(x).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let correlation = product(lag) / product(0) * n / (x.len() - lag) as f64;
    if correlation.is_finite() { correlation } else { 0.0 }
}

fn differences(x: &[f64]) -> Vec<f64> {
    x.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The residuals of a straight line through the values.
fn without_trend(x: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let (centre, mean) = ((n - 1.0) / 2.0, x.iter().sum::<f64>() / n);
    let moment: f64 = x.iter().enumerate().map(|(t, x)| (t as f64 - centre) * (x - mean)).sum();
    let slope = moment / (n * (n * n - 1.0) / 12.0);
    let residual = |(t, x): (usize, &f64)| x - mean - slope * (t as f64 - centre);
    if slope.is_finite() { x.iter().enumerate().map(residual).collect() } else { x.to_vec() }
}

/// The values from the first to the last finite one, with straight lines through what is missing between.
pub(crate) fn interpolated(values: &[f64]) -> Vec<f64> {
    let mut filled: Vec<f64> = Vec::with_capacity(values.len());
    let mut missing = 0;
    for &value in values {
        if !value.is_finite() {
            missing += usize::from(!filled.is_empty());
            continue;
        }
        if let Some(&last) = filled.last() {
            let step = (value - last) / (missing + 1) as f64;
            filled.extend((1..=missing).map(|i| last + step * i as f64));
        }
        filled.push(value);
        missing = 0;
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequency(text: &str) -> Option<Frequency> {
        Some(Frequency::parse(text).expect(text))
    }

    /// Uniform noise of a linear congruential generator, in [-1, 1].
    fn noise(n: usize) -> Vec<f64> {
        let mut state = 12_345_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    fn wave(n: usize, period: f64) -> Vec<f64> {
        (0..n).map(|t| (std::f64::consts::TAU * t as f64 / period).sin()).collect()
    }

    fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
        a.iter().zip(b).map(|(a, b)| a + b).collect()
    }

    #[test]
    fn a_monthly_season_is_found_under_trend_and_noise() {
        let trend: Vec<f64> = (0..144).map(|t| 0.05 * t as f64).collect();
        let x = sum(&sum(&wave(144, 12.0), &trend), &noise(144));
        assert_eq!(infer_period(&x, frequency("1mo")), 12);
        assert_eq!(infer_period(&x[..20], frequency("1mo")), 1);
    }

    #[test]
    fn noise_trends_and_random_walks_have_no_season() {
        let walk: Vec<f64> = noise(400)
            .iter()
            .scan(0.0, |level, x| {
                *level += x;
                Some(*level)
            })
            .collect();
        let line: Vec<f64> = (0..100).map(f64::from).collect();
        for x in [noise(200), walk, line, vec![1.0; 100], vec![], vec![f64::NAN; 50]] {
            assert_eq!(infer_period(&x, frequency("1mo")), 1);
            assert_eq!(infer_period(&x, None), 1);
        }
    }

    #[test]
    fn hours_have_a_day_and_where_it_is_stronger_a_week() {
        let day = sum(&wave(1_200, 24.0), &noise(1_200));
        assert_eq!(infer_period(&day, frequency("1h")), 24);
        let working = |t: usize| if t / 24 % 7 < 5 { 3.0 } else { 0.0 };
        let week: Vec<f64> = day.iter().enumerate().map(|(t, x)| x + working(t)).collect();
        assert_eq!(infer_period(&week, frequency("1h")), 168);
    }

    #[test]
    fn the_smooth_part_of_a_day_is_no_hourly_season() {
        let day = sum(&wave(2_880, 288.0), &noise(2_880).iter().map(|x| 0.05 * x).collect::<Vec<f64>>());
        assert_eq!(infer_period(&day, frequency("5m")), 288);
    }

    #[test]
    fn without_calendar_only_an_exact_repetition_counts() {
        let exact: Vec<f64> = (0..60).map(|t| [1.0, 5.0, 2.0, 3.0, 9.0][t % 5]).collect();
        assert_eq!(infer_period(&exact, None), 5);
        assert_eq!(infer_period(&exact, frequency("1y")), 5);
        assert_eq!(infer_period(&sum(&wave(300, 10.7), &noise(300)), frequency("1y")), 1);
        assert_eq!(infer_period(&exact, frequency("5mo")), 1);
    }

    #[test]
    fn missing_values_do_not_hide_a_season() {
        let mut x = wave(120, 12.0);
        for t in [0, 17, 18, 50, 119] {
            x[t] = f64::NAN;
        }
        assert_eq!(infer_period(&x, frequency("1mo")), 12);
        assert_eq!(interpolated(&[f64::NAN, 1.0, f64::NAN, 3.0, f64::NAN]), [1.0, 2.0, 3.0]);
    }
}
