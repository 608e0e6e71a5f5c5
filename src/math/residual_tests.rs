//! Whether residuals look like independent normal draws: no autocorrelation left, a normal shape, a variance that does not
//! depend on the past.

use super::autocovariance::autocorrelations;
use super::least_squares::{Deterministic, LagRegression, Segment};
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

/// The weight of a squared autocorrelation in a portmanteau statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portmanteau {
    /// n (n + 2) / (n - k) (Ljung and Box 1978, *Biometrika* 65, p. 297): the better approximation for short series.
    LjungBox,
    /// n (Box and Pierce 1970, J. American Statistical Association 65, p. 1509).
    BoxPierce,
}

/// Tests that the first h autocorrelations are zero, for several h: Q = sum_{k <= h} weight_k r_k^2, chi-squared with h
/// less the number of estimated coefficients. One pass for all. `None` where no degree of freedom or variation is left.
/// Matches R's `Box.test(fitdf = fitted)` and statsmodels' `acorr_ljungbox(model_df = fitted, boxpierce = True)`.
#[must_use]
pub fn portmanteau(kind: Portmanteau, residuals: &[f64], lags: &[usize], fitted: usize) -> Vec<Option<ChiSquaredTest>> {
    let n = residuals.len() as f64;
    let usable = |lags: usize| lags > fitted && residuals.len() > lags;
    let most = lags.iter().copied().filter(|&lags| usable(lags)).max().unwrap_or(0);
    let r = autocorrelations(residuals, most);
    let weight = |k: usize| match kind {
        Portmanteau::LjungBox => n * (n + 2.0) / (n - k as f64),
        Portmanteau::BoxPierce => n,
    };
    let statistic = |lags: usize| (1..=lags).map(|k| weight(k) * r[k] * r[k]).sum::<f64>();
    let test = |&lags: &usize| {
        let q = if usable(lags) { statistic(lags) } else { f64::NAN };
        q.is_finite().then(|| ChiSquaredTest::new(q, lags - fitted))
    };
    lags.iter().map(test).collect()
}

/// Ljung and Box's [`portmanteau`] test with `lags` lags: R's `Box.test(type = "Ljung-Box", fitdf = fitted)`.
///
/// ```
/// use foretoken::math::residual_tests::ljung_box;
///
/// let alternating: Vec<f64> = (0..50).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
/// assert!(ljung_box(&alternating, 5, 0).expect("varies").p_value < 1e-9);
/// ```
#[must_use]
pub fn ljung_box(residuals: &[f64], lags: usize, fitted: usize) -> Option<ChiSquaredTest> {
    portmanteau(Portmanteau::LjungBox, residuals, &[lags], fitted)[0]
}

/// Engle's Lagrange multiplier test that the variance of residuals does not depend on their past: n R^2 of the regression
/// of e_t^2 on a constant and its `lags` last values, n its rows, chi-squared with as many degrees of freedom (Engle 1982,
/// *Econometrica* 50, p. 1000). Matches statsmodels' `het_arch` and R's `FinTS::ArchTest`. O(n lags). `None` where the
/// squares do not vary or too few are left.
#[must_use]
pub fn arch_lm(residuals: &[f64], lags: usize) -> Option<ChiSquaredTest> {
    if lags == 0 || residuals.len() < 2 * lags + 2 {
        return None;
    }
    let squares: Vec<f64> = residuals.iter().map(|e| e * e).collect();
    let all = vec![Segment { x: &squares, time: 1.0 }];
    let regression = LagRegression::new(all, Deterministic::Constant, lags);
    if regression.rank_order() < lags {
        return None;
    }
    let explained = 1.0 - regression.rss(lags) / regression.rss(0);
    explained.is_finite().then(|| ChiSquaredTest::new(regression.rows() as f64 * explained, lags))
}

/// Skewness and kurtosis (3 for a normal distribution), with divisor n; NaN without variation.
#[must_use]
pub fn skewness_and_kurtosis(residuals: &[f64]) -> (f64, f64) {
    let n = residuals.len() as f64;
    let mean = residuals.iter().sum::<f64>() / n;
    let moment = |k: i32| residuals.iter().map(|e| (e - mean).powi(k)).sum::<f64>() / n;
    let variance = moment(2);
    (moment(3) / variance.powf(1.5), moment(4) / variance.powi(2))
}

/// Jarque and Bera's test of normality: n / 6 (skewness^2 + (kurtosis - 3)^2 / 4), chi-squared with 2 degrees of freedom
/// (Jarque and Bera 1980, *Economics Letters* 6, p. 255). Matches R's `tseries::jarque.bera.test`. `None` without
/// variation.
#[must_use]
pub fn jarque_bera(residuals: &[f64]) -> Option<ChiSquaredTest> {
    let n = residuals.len() as f64;
    let (skewness, kurtosis) = skewness_and_kurtosis(residuals);
    let statistic = n / 6.0 * (skewness.powi(2) + 0.25 * (kurtosis - 3.0).powi(2));
    statistic.is_finite().then(|| ChiSquaredTest::new(statistic, 2))
}
