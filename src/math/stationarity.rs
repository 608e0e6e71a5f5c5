//! Statistics that tell which transform a series needs: level stationarity, seasonality, spread against level, and
//! the classical seasonal factors.

use super::unit_root::{about_level, kpss_statistic};

/// The KPSS statistic for level stationarity, with a Bartlett window of floor(4 (n / 100)^(1/4)) lags.
///
/// eta = n^-2 sum S_t^2 / s^2(l), S_t the partial sums of x - mean, s^2(l) the long-run variance (Kwiatkowski, Phillips,
/// Schmidt and Shin 1992, J. Econometrics 54, eq. 10-13). Matches `kpss.test` of R's tseries (0.10-53). Above
/// [`KPSS_5_PERCENT`] stationarity is rejected at 5 %. NaN for a constant series. O(n^1.25). With p-value and other
/// windows: [`kpss`](super::unit_root::kpss).
#[must_use]
pub fn kpss_level(x: &[f64]) -> f64 {
    let window = (4.0 * (x.len() as f64 / 100.0).powf(0.25)) as usize;
    kpss_statistic(&about_level(x), window)
}

/// The 5 % critical value of [`kpss_level`] (Kwiatkowski et al. 1992, table 1).
pub const KPSS_5_PERCENT: f64 = 0.463;

/// Whether the autocorrelation at lag m is significant at 90 %, given those at smaller lags: the seasonality test of
/// the M4 competition's Naive2 (Makridakis, Spiliotis and Assimakopoulos 2020, appendix A), with Bartlett's standard
/// error sqrt((1 + 2 sum_{i<m} r_i^2) / n). False below three periods of data. O(n m).
#[must_use]
pub fn is_seasonal(x: &[f64], period: usize) -> bool {
    if period < 2 || x.len() < 3 * period {
        return false;
    }
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let product = |lag: usize| x[lag..].iter().zip(x).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let variance = product(0);
    if variance <= 0.0 {
        return false;
    }
    let spread: f64 = (1..period).map(|lag| (product(lag) / variance).powi(2)).sum();
    let limit = 1.644_853_626_951_472_7 * ((1.0 + 2.0 * spread) / n).sqrt();
    (product(period) / variance).abs() > limit
}

/// The classical seasonal factors s_0..s_{m-1} (s_{t mod m} belongs to index t): the average over the years of the
/// ratio to (or difference from) a centred moving average of length m, normalised to mean one (or zero). Matches R's
/// `decompose`. `None` where a phase has no value. O(n).
#[must_use]
pub fn classical_seasonal_factors(x: &[f64], period: usize, multiplicative: bool) -> Option<Vec<f64>> {
    if period < 2 || x.len() < 2 * period {
        return None;
    }
    let trend = centred_moving_average(x, period);
    let half = period / 2;
    let mut sums = vec![0.0; period];
    let mut counts = vec![0.0; period];
    for (t, level) in (half..).zip(&trend) {
        let detrended = if multiplicative { x[t] / level } else { x[t] - level };
        if detrended.is_finite() {
            sums[t % period] += detrended;
            counts[t % period] += 1.0;
        }
    }
    let means: Vec<f64> = sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect();
    let centre = means.iter().sum::<f64>() / period as f64;
    let normalise = |s: &f64| if multiplicative { s / centre } else { s - centre };
    let factors: Vec<f64> = means.iter().map(normalise).collect();
    factors.iter().all(|s| s.is_finite()).then_some(factors)
}

/// The moving average of length m around each value that has m / 2 neighbours on either side; for even m the two end
/// values have half weight. Sums run, so that the cost does not depend on m.
fn centred_moving_average(x: &[f64], period: usize) -> Vec<f64> {
    let half = period / 2;
    let width = period as f64;
    let mut window: f64 = x[..period].iter().sum();
    let mut averages = Vec::with_capacity(x.len() - 2 * half);
    for first in 0..x.len() - 2 * half {
        if period % 2 == 1 {
            averages.push(window / width);
        } else {
            averages.push((window + 0.5 * (x[first + period] - x[first])) / width);
        }
        if first + period < x.len() {
            window += x[first + period] - x[first];
        }
    }
    averages
}

/// Guerrero's choice of the Box-Cox power: the lambda in [0, 1] for which the spread of subseries of length m relative
/// to their level^(1 - lambda) varies least (Guerrero 1993, J. Forecasting 12, p. 37). Subseries are whole periods, or
/// pairs for data without season. NaN for data that are not all positive or shorter than two subseries. O(n).
#[must_use]
pub fn guerrero_lambda(x: &[f64], period: usize) -> f64 {
    let length = period.max(2);
    if x.len() / 2 < length || !x.iter().all(|x| *x > 0.0) {
        return f64::NAN;
    }
    let skip = x.len() % length;
    let groups: Vec<(f64, f64)> = x[skip..].chunks_exact(length).map(mean_and_deviation).collect();
    let variation = |lambda: f64| {
        let ratios = groups.iter().map(|(mean, deviation)| deviation / mean.powf(1.0 - lambda));
        let (mean, deviation) = mean_and_deviation(&ratios.collect::<Vec<f64>>());
        deviation / mean
    };
    minimise_on_unit_interval(variation)
}

fn mean_and_deviation(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let squares: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// Golden-section search to 1e-4 (Kiefer 1953), for one minimum in [0, 1].
fn minimise_on_unit_interval(f: impl Fn(f64) -> f64) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_8;
    let (mut low, mut high) = (0.0, 1.0);
    let (mut left, mut right) = (1.0 - RATIO, RATIO);
    let (mut at_left, mut at_right) = (f(left), f(right));
    while high - low > 1e-4 {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - RATIO * (high - low);
            at_left = f(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + RATIO * (high - low);
            at_right = f(right);
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_average_has_half_weights_at_the_ends_of_an_even_window() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 60.0];
        assert_eq!(centred_moving_average(&x, 4), [3.0, (0.5 * 2.0 + 3.0 + 4.0 + 5.0 + 0.5 * 60.0) / 4.0]);
        assert_eq!(centred_moving_average(&x, 3), [2.0, 3.0, 4.0, 23.0]);
    }

    #[test]
    fn factors_of_an_exact_season_are_found_whatever_the_trend() {
        let season = [0.5, 1.5, 1.0, 1.0];
        let x: Vec<f64> = (0..20).map(|t| (10.0 + f64::from(t)) + 4.0 * (season[t as usize % 4] - 1.0)).collect();
        let factors = classical_seasonal_factors(&x, 4, false).expect("five periods");
        for (factor, s) in factors.iter().zip(season) {
            assert!((factor - 4.0 * (s - 1.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_season_is_told_from_none() {
        let season: Vec<f64> = (0..40).map(|t| [0.5, 1.5, 1.0, 1.0][t % 4] + 0.01 * (t as f64).sin()).collect();
        assert!(is_seasonal(&season, 4));
        let noise: Vec<f64> = (0..60).map(|t| f64::from((t * t * 37 + 11) % 101)).collect();
        assert!(!is_seasonal(&noise, 4));
        assert!(!is_seasonal(&[1.0; 40], 4));
    }

    #[test]
    fn spread_in_proportion_to_the_level_asks_for_a_log() {
        let x: Vec<f64> = (0..60).map(|t| (0.1 * f64::from(t)).exp() * [1.0, 1.3, 0.8][t as usize % 3]).collect();
        assert!(guerrero_lambda(&x, 3) < 0.01);
        assert!(guerrero_lambda(&[1.0, -1.0, 2.0, 3.0, 4.0, 5.0], 3).is_nan());
        assert!(guerrero_lambda(&x, usize::MAX).is_nan());
    }
}
