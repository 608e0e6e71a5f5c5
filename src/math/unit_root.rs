//! Whether a series has a unit root: the augmented Dickey-Fuller test, whose null hypothesis is a unit root, and the KPSS
//! test, whose null hypothesis is stationarity. They answer each other: a series that neither rejects is too short to
//! tell, one that both reject fits neither picture (breaks, fractional integration).
//!
//! ```text
//! ADF     x_t - x_{t-1} = c + b t + gamma x_{t-1} + sum_{i=1}^k d_i (x_{t-i} - x_{t-i-1}) + e_t,   gamma / se(gamma)
//! KPSS    n^-2 sum_t S_t^2 / s^2(l),   S_t partial sums of the residuals about a level or a line, s^2(l) their long-run
//!         variance with a Bartlett window of l lags
//! ```
//!
//! The regression of ADF is the autoregression of order k + 1 in other coordinates: gamma = sum phi_i - 1, and its
//! standard error is that of the sum. So the factor of [`LagRegression`] holds every k, and AIC costs one pass: O(n k)
//! time and O(k^2) memory beside the data, k = 12 (n / 100)^(1/4) at most. KPSS takes O(n l).
//!
//! P-values of ADF are those of MacKinnon's response surfaces: Phi of a polynomial in the statistic (MacKinnon 1994, J.
//! Business and Economic Statistics 12, tables 3 and 4, one variable), critical values a polynomial in 1 / observations
//! (MacKinnon 2010, Queen's Economics Department working paper 1227, table 2; without constant MacKinnon 1996). KPSS
//! values are interpolated in table 1 of Kwiatkowski, Phillips, Schmidt and Shin 1992, J. Econometrics 54, p. 166.
//!
//! Matches statsmodels' `adfuller` and `kpss`, the statistics of R's `urca::ur.df`, `ur.kpss` and
//! `tseries::adf.test(k)`, `kpss.test`. The p-values of `tseries::adf.test` differ: it interpolates in a table from 1976.

use super::least_squares::{Deterministic, LagRegression, Segment};
use super::special::normal_cdf;

/// The lagged differences of an ADF regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdfLags {
    /// This many.
    Fixed(usize),
    /// As many as minimise Akaike's criterion on a common sample, up to ceil(12 (n / 100)^(1/4)) (Schwert 1989, J. Business
    /// and Economic Statistics 7, p. 147): the default of `adfuller`.
    Aic,
}

/// What an ADF test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdfTest {
    /// gamma over its standard error: strongly negative for a stationary series.
    pub statistic: f64,
    /// The mass of the null distribution below the statistic.
    pub p_value: f64,
    /// The lagged differences in the regression.
    pub lags: usize,
    /// The rows of the regression.
    pub observations: usize,
    /// The critical values at 1, 5 and 10 %.
    pub critical_values: [f64; 3],
}

/// The augmented Dickey-Fuller test with these terms beside the level. `None` for a constant series, one with missing
/// values, one that is too short for the regression, or one that its past determines exactly.
///
/// ```
/// use foretoken::math::least_squares::Deterministic;
/// use foretoken::math::unit_root::{AdfLags, adf};
///
/// let noise: Vec<f64> = (0..80).map(|t| f64::from((t * t * 37 + 11) % 101)).collect();
/// assert!(adf(&noise, Deterministic::Constant, AdfLags::Aic).expect("varies").p_value < 0.01);
/// ```
#[must_use]
pub fn adf(x: &[f64], terms: Deterministic, lags: AdfLags) -> Option<AdfTest> {
    let most = (x.len() / 2).checked_sub(terms.width() + 1)?;
    if !varies(x) {
        return None;
    }
    let lags = match lags {
        AdfLags::Fixed(lags) => Some(lags).filter(|lags| *lags <= most)?,
        AdfLags::Aic => best_lags(x, terms, most.min((12.0 * (x.len() as f64 / 100.0).powf(0.25)).ceil() as usize)),
    };
    let regression = in_levels(x, terms, lags);
    let statistic = statistic(&regression, terms, lags)?;
    Some(AdfTest {
        statistic,
        p_value: mackinnon_p(statistic, terms),
        lags,
        observations: regression.rows(),
        critical_values: mackinnon_critical(regression.rows() as f64, terms),
    })
}

/// Whether all values are finite and not all the same.
fn varies(x: &[f64]) -> bool {
    x.iter().all(|x| x.is_finite()) && x.iter().any(|value| *value != x[0])
}

/// The regression with k lagged differences, as the autoregression of order k + 1.
fn in_levels(x: &[f64], terms: Deterministic, lags: usize) -> LagRegression<'_> {
    LagRegression::new(vec![Segment { x, time: 1.0 }], terms, lags + 1)
}

/// The lags up to `most` with the smallest n ln RSS + 2 k over the rows that have all of them; the fewer of equals.
fn best_lags(x: &[f64], terms: Deterministic, most: usize) -> usize {
    let regression = in_levels(x, terms, most);
    let rows = regression.rows() as f64;
    let aic = |lags: usize| rows * regression.rss(lags + 1).ln() + 2.0 * lags as f64;
    let usable = most.min(regression.rank_order().saturating_sub(1));
    (0..=usable).min_by(|&a, &b| aic(a).total_cmp(&aic(b))).unwrap_or(0)
}

/// (sum phi - 1) over its standard error.
fn statistic(regression: &LagRegression<'_>, terms: Deterministic, lags: usize) -> Option<f64> {
    if regression.rank_order() <= lags {
        return None;
    }
    let left = regression.rows().checked_sub(terms.width() + lags + 1).filter(|left| *left > 0)?;
    let solution = regression.solve(lags + 1);
    let gamma = solution.coefficients[terms.width()..].iter().fold(-1.0, |sum, phi| sum + phi);
    let order = lags + 1;
    let inverse = regression.inverse(order);
    let first = inverse.nrows() - order;
    let variance = solution.rss / left as f64 * inverse.view((first, first), (order, order)).sum();
    Some(gamma / variance.sqrt()).filter(|statistic| statistic.is_finite())
}

/// Phi of MacKinnon's polynomial; 0 and 1 where the statistic leaves the range that it was fitted on.
fn mackinnon_p(statistic: f64, terms: Deterministic) -> f64 {
    let Surface { range: (lowest, middle, highest), lower, upper, .. } = Surface::of(terms);
    if statistic < lowest {
        return 0.0;
    }
    if statistic > highest {
        return 1.0;
    }
    let coefficients: &[f64] = if statistic <= middle { &lower } else { &upper };
    normal_cdf(polynomial(coefficients, statistic))
}

fn mackinnon_critical(observations: f64, terms: Deterministic) -> [f64; 3] {
    Surface::of(terms).critical.map(|coefficients| polynomial(&coefficients, 1.0 / observations))
}

fn polynomial(coefficients: &[f64], at: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * at + coefficient)
}

/// MacKinnon's coefficients, constant first.
struct Surface {
    /// The least statistic, where the two polynomials meet, and the greatest.
    range: (f64, f64, f64),
    /// Of p-values in the lower tail.
    lower: [f64; 3],
    /// Of the other p-values.
    upper: [f64; 4],
    /// Of the critical values at 1, 5 and 10 %.
    critical: [[f64; 4]; 3],
}

impl Surface {
    const fn of(terms: Deterministic) -> Self {
        match terms {
            Deterministic::None => Self {
                range: (-19.04, -1.04, f64::INFINITY),
                lower: [0.6344, 1.2378, 0.032_496],
                upper: [0.4797, 0.935_57, -0.069_99, 0.033_066],
                critical: [
                    [-2.565_74, -2.2358, -3.627, 0.0],
                    [-1.941, -0.2686, -3.365, 31.223],
                    [-1.616_82, 0.2656, -2.714, 25.364],
                ],
            },
            Deterministic::Constant => Self {
                range: (-18.83, -1.61, 2.74),
                lower: [2.1659, 1.4412, 0.038_269],
                upper: [1.7339, 0.932_02, -0.127_45, -0.010_368],
                critical: [
                    [-3.430_35, -6.5393, -16.786, -79.433],
                    [-2.861_54, -2.8903, -4.234, -40.04],
                    [-2.566_77, -1.5384, -2.809, 0.0],
                ],
            },
            Deterministic::ConstantTrend => Self {
                range: (-16.18, -2.89, 0.7),
                lower: [3.2512, 1.6047, 0.049_588],
                upper: [2.5261, 0.616_54, -0.379_56, -0.060_285],
                critical: [
                    [-3.958_77, -9.0531, -28.428, -134.155],
                    [-3.410_49, -4.3904, -9.036, -45.374],
                    [-3.127_05, -2.5856, -3.925, -22.38],
                ],
            },
        }
    }
}

/// What a KPSS test takes a series to be stationary about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KpssNull {
    /// A level.
    Level,
    /// A line in time.
    Trend,
}

/// The lags of the Bartlett window of a KPSS test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KpssLags {
    /// This many.
    Fixed(usize),
    /// floor(4 (n / 100)^(1/4)): the default of R's `kpss.test` and `ur.kpss`.
    Short,
    /// By the data (Hobijn, Franses and Ooms 1998, Econometric Institute report 9802/A, p. 7; Newey and West 1994): the
    /// default of statsmodels' `kpss`.
    Automatic,
}

/// Where a p-value lies beyond the ends of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// It is smaller than the smallest of the table, which stands in for it.
    Below,
    /// It is greater than the greatest of the table, which stands in for it.
    Above,
}

/// What a KPSS test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KpssTest {
    /// The statistic: large where the series wanders.
    pub statistic: f64,
    /// The mass of the null distribution above the statistic, between 0.01 and 0.1.
    pub p_value: f64,
    /// Whether the p-value is an end of the table.
    pub beyond: Option<Beyond>,
    /// The lags of the window.
    pub lags: usize,
    /// The critical values at 10, 5, 2.5 and 1 %.
    pub critical_values: [f64; 4],
}

impl KpssTest {
    /// How the true p-value compares with the one given: `<`, `>` or `=`.
    #[must_use]
    pub fn sign(&self) -> &'static str {
        match self.beyond {
            Some(Beyond::Below) => "<",
            Some(Beyond::Above) => ">",
            None => "=",
        }
    }
}

/// The levels of [`KpssTest::critical_values`].
const KPSS_LEVELS: [f64; 4] = [0.1, 0.05, 0.025, 0.01];

/// The KPSS test of stationarity. `None` for a constant series (about a trend: a line), one with missing values, or fixed
/// lags that are not fewer than values.
///
/// ```
/// use foretoken::math::unit_root::{Beyond, KpssLags, KpssNull, kpss};
///
/// let line: Vec<f64> = (0..80).map(|t| f64::from(t) + f64::from((t * t * 37 + 11) % 101) / 101.0).collect();
/// assert_eq!(kpss(&line, KpssNull::Level, KpssLags::Short).expect("varies").beyond, Some(Beyond::Below));
/// assert_eq!(kpss(&line, KpssNull::Trend, KpssLags::Short).expect("varies").beyond, Some(Beyond::Above));
/// ```
#[must_use]
pub fn kpss(x: &[f64], null: KpssNull, lags: KpssLags) -> Option<KpssTest> {
    if !varies(x) {
        return None;
    }
    let (e, critical_values) = match null {
        KpssNull::Level => (about_level(x), [0.347, 0.463, 0.574, 0.739]),
        KpssNull::Trend => (about_trend(x), [0.119, 0.146, 0.176, 0.216]),
    };
    let lags = match lags {
        KpssLags::Fixed(lags) => Some(lags).filter(|lags| *lags < x.len())?,
        KpssLags::Short => (4.0 * (x.len() as f64 / 100.0).powf(0.25)) as usize,
        KpssLags::Automatic => automatic_lags(&e).min(x.len() - 1),
    };
    let scale = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    let statistic = Some(kpss_statistic(&e, lags)).filter(|eta| eta.is_finite())?;
    // What rounding leaves of a line is no variation.
    if null == KpssNull::Trend && autocovariance(&e, 0) <= 1e-26 * scale {
        return None;
    }
    let (p_value, beyond) = interpolated_p(statistic, critical_values);
    Some(KpssTest { statistic, p_value, beyond, lags, critical_values })
}

/// n^-2 sum S_t^2 / s^2(l) of residuals (Kwiatkowski et al. 1992, eq. 10-13).
pub(super) fn kpss_statistic(e: &[f64], lags: usize) -> f64 {
    let weighted = |lag: usize| (1.0 - lag as f64 / (lags as f64 + 1.0)) * autocovariance(e, lag);
    let long_run = autocovariance(e, 0) + 2.0 * (1..=lags).map(weighted).sum::<f64>();
    let mut partial = 0.0;
    let squares: f64 = e
        .iter()
        .map(|e| {
            partial += e;
            partial * partial
        })
        .sum();
    squares / ((e.len() as f64).powi(2) * long_run)
}

/// sum e_t e_{t-lag} / n.
fn autocovariance(e: &[f64], lag: usize) -> f64 {
    e.get(lag..).unwrap_or_default().iter().zip(e).map(|(a, b)| a * b).sum::<f64>() / e.len() as f64
}

/// The deviations from the mean.
pub(super) fn about_level(x: &[f64]) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter().map(|x| x - mean).collect()
}

/// The deviations from the least squares line.
fn about_trend(x: &[f64]) -> Vec<f64> {
    let e = about_level(x);
    let middle = 0.5 * (x.len() as f64 - 1.0);
    let times = || (0..x.len()).map(|t| t as f64 - middle);
    let slope = times().zip(&e).map(|(t, e)| t * e).sum::<f64>() / times().map(|t| t * t).sum::<f64>();
    times().zip(&e).map(|(t, e)| e - slope * t).collect()
}

fn automatic_lags(e: &[f64]) -> usize {
    let n = e.len() as f64;
    let first = n.powf(2.0 / 9.0) as usize;
    let (mut level, mut slope) = (autocovariance(e, 0), 0.0);
    for lag in 1..=first {
        let twice = 2.0 * autocovariance(e, lag);
        level += twice;
        slope += lag as f64 * twice;
    }
    (1.1447 * ((slope / level).powi(2) * n).cbrt()) as usize
}

/// Linear interpolation in the table, clipped at its ends.
fn interpolated_p(statistic: f64, critical: [f64; 4]) -> (f64, Option<Beyond>) {
    if statistic <= critical[0] {
        return (KPSS_LEVELS[0], Some(Beyond::Above));
    }
    if statistic >= critical[3] {
        return (KPSS_LEVELS[3], Some(Beyond::Below));
    }
    let above = critical.iter().take_while(|value| **value < statistic).count();
    let share = (statistic - critical[above - 1]) / (critical[above] - critical[above - 1]);
    (KPSS_LEVELS[above - 1] + share * (KPSS_LEVELS[above] - KPSS_LEVELS[above - 1]), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Deterministic; 3] = [Deterministic::None, Deterministic::Constant, Deterministic::ConstantTrend];

    #[test]
    fn p_values_at_the_asymptotic_critical_values_are_their_levels() {
        for terms in ALL {
            for (value, level) in mackinnon_critical(f64::INFINITY, terms).into_iter().zip([0.01, 0.05, 0.1]) {
                let p = mackinnon_p(value, terms);
                assert!((p - level).abs() < 0.03 * level, "{terms:?} {level}: {p}");
            }
            assert_eq!((mackinnon_p(-20.0, terms), mackinnon_p(1e9, terms)), (0.0, 1.0));
        }
    }

    #[test]
    fn what_has_no_answer_has_none() {
        let geometric: Vec<f64> = (0..30).map(|t| 0.5_f64.powi(t)).collect();
        let gap = [&[f64::NAN], &geometric[..]].concat();
        for terms in ALL {
            for x in [&[3.0; 40][..], &[1.0, 2.0], &[], &gap] {
                assert_eq!(adf(x, terms, AdfLags::Aic), None, "{terms:?} {x:?}");
            }
            assert_eq!(adf(&geometric, terms, AdfLags::Fixed(20)), None, "more lags than rows");
        }
        let line: Vec<f64> = (0..40).map(|t| 1e3 + 0.1 * f64::from(t)).collect();
        assert_eq!(kpss(&line, KpssNull::Trend, KpssLags::Automatic), None);
        assert!(kpss(&line, KpssNull::Level, KpssLags::Automatic).is_some());
        assert_eq!(kpss(&[1.0; 9], KpssNull::Level, KpssLags::Short), None);
        assert_eq!(kpss(&[1.0, 2.0], KpssNull::Level, KpssLags::Fixed(2)), None);
    }

    #[test]
    fn shift_scale_and_time_do_not_matter() {
        let noise = |t: usize| ((t * t * 37 + 11) % 101) as f64 / 101.0;
        let x: Vec<f64> = (0..60)
            .scan(0.0, |sum, t| {
                Some(
                    *sum + {
                        *sum = 0.8 * *sum + noise(t);
                        *sum
                    },
                )
            })
            .collect();
        let moved: Vec<f64> = x.iter().map(|x| 1e4 + 3.0 * x).collect();
        for terms in [Deterministic::Constant, Deterministic::ConstantTrend] {
            let of = |x: &[f64]| adf(x, terms, AdfLags::Aic).expect("varies");
            assert!((of(&x).statistic - of(&moved).statistic).abs() < 1e-8, "{terms:?}");
            assert_eq!(of(&x).lags, of(&moved).lags);
        }
    }
}
