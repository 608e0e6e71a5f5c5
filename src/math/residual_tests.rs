//! Whether residuals look like independent normal draws.

use super::autocovariance::autocorrelations;
use super::special::chi_squared_survival;

/// A test statistic with its asymptotic chi-squared p-value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquaredTest {
    /// The statistic.
    pub statistic: f64,
    /// The degrees of freedom.
    pub degrees_of_freedom: usize,
    /// The mass of the null distribution above the statistic.
    pub p_value: f64,
}

impl ChiSquaredTest {
    fn new(statistic: f64, degrees_of_freedom: usize) -> Self {
        let p_value = chi_squared_survival(statistic, degrees_of_freedom as f64);
        Self { statistic, degrees_of_freedom, p_value }
    }
}

/// Ljung and Box's test that the first `lags` autocorrelations are zero: Q = n (n + 2) sum r_k^2 / (n - k), chi-squared
/// with `lags` less the number of estimated coefficients (Ljung and Box 1978, *Biometrika* 65, p. 297). Matches R's
/// `Box.test(type = "Ljung-Box", fitdf = fitted)`. `None` where no degree of freedom or variation is left.
///
/// ```
/// use foretoken::math::residual_tests::ljung_box;
///
/// let alternating: Vec<f64> = (0..50).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
/// assert!(ljung_box(&alternating, 5, 0).expect("varies").p_value < 1e-9);
/// ```
#[must_use]
pub fn ljung_box(residuals: &[f64], lags: usize, fitted: usize) -> Option<ChiSquaredTest> {
    if lags <= fitted || residuals.len() <= lags {
        return None;
    }
    let n = residuals.len() as f64;
    let r = autocorrelations(residuals, lags);
    let sum: f64 = r.iter().enumerate().skip(1).map(|(k, r)| r * r / (n - k as f64)).sum();
    sum.is_finite().then(|| ChiSquaredTest::new(n * (n + 2.0) * sum, lags - fitted))
}

/// Jarque and Bera's test of normality: n / 6 (skewness^2 + (kurtosis - 3)^2 / 4), chi-squared with 2 degrees of freedom
/// (Jarque and Bera 1980, *Economics Letters* 6, p. 255). Matches R's `tseries::jarque.bera.test`. `None` without
/// variation.
#[must_use]
pub fn jarque_bera(residuals: &[f64]) -> Option<ChiSquaredTest> {
    let n = residuals.len() as f64;
    let mean = residuals.iter().sum::<f64>() / n;
    let moment = |k: i32| residuals.iter().map(|e| (e - mean).powi(k)).sum::<f64>() / n;
    let variance = moment(2);
    let (skewness, kurtosis) = (moment(3) / variance.powf(1.5), moment(4) / variance.powi(2));
    let statistic = n / 6.0 * (skewness.powi(2) + 0.25 * (kurtosis - 3.0).powi(2));
    statistic.is_finite().then(|| ChiSquaredTest::new(statistic, 2))
}
