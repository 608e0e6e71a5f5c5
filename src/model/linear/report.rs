//! The summary of a fitted autoregression that users of R and statsmodels know: what was fitted, coefficients with their
//! tests, roots, tests of the residuals and of the series, each with a verdict in words.
//!
//! [`ArReport`] holds the numbers, its `Display` the text, 78 characters wide.

use std::f64::consts::PI;
use std::fmt::{self, Display, Formatter};

use super::ar::{Ar, Innovations};
use super::dynamics::Root;
use super::order::Criterion;
use crate::data::period::interpolated;
use crate::data::series::Series;
use crate::error::Result;
use crate::math::autocovariance::autocorrelations;
use crate::math::digits::short;
use crate::math::least_squares::Deterministic;
use crate::math::residual_tests::{
    ChiSquaredTest, Portmanteau, arch_lm, jarque_bera, portmanteau, skewness_and_kurtosis,
};
use crate::math::unit_root::{AdfLags, AdfTest, KpssLags, KpssNull, KpssTest, adf, kpss};
use crate::model::inference::standardised_residuals;
use crate::model::{Parameter, Summary};

/// The significance level of the verdicts.
const SIGNIFICANCE: f64 = 0.05;
/// The coverage of the intervals of coefficients.
const COVERAGE: f64 = 0.95;
/// Steps of the impulse response, the first included.
const RESPONSE_STEPS: usize = 25;
/// Frequencies of the spectral density, both ends included.
const FREQUENCIES: usize = 257;
/// Lags of the ARCH-LM test where there are enough values: statsmodels' default.
const ARCH_LAGS: usize = 10;
/// Roots that the text shows.
const SHOWN_ROOTS: usize = 24;
const WIDTH: usize = 78;

/// The tests of a residual check.
#[derive(Debug, Clone, PartialEq)]
pub struct ResidualTests {
    /// How many residuals there are.
    pub count: usize,
    /// The numbers of lags, and Ljung and Box's test of each; the last is the longest.
    pub ljung_box: Vec<(usize, ChiSquaredTest)>,
    /// Box and Pierce's test with as many lags as the last of those.
    pub box_pierce: Option<ChiSquaredTest>,
    /// Jarque and Bera's test of normality.
    pub jarque_bera: Option<ChiSquaredTest>,
    /// Skewness and kurtosis; NaN without variation.
    pub shape: (f64, f64),
    /// Engle's test of constant variance.
    pub arch: Option<ChiSquaredTest>,
}

/// A test of the series for a unit root or for stationarity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SeriesTest {
    /// Dickey and Fuller's, with these terms.
    Adf(Deterministic, AdfTest),
    /// Kwiatkowski et al.'s, about a level or a line.
    Kpss(KpssNull, KpssTest),
}

impl SeriesTest {
    /// Its name, with its terms.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Adf(Deterministic::None, _) => "ADF, no constant",
            Self::Adf(Deterministic::Constant, _) => "ADF, constant",
            Self::Adf(Deterministic::ConstantTrend, _) => "ADF, constant and trend",
            Self::Kpss(KpssNull::Level, _) => "KPSS, level",
            Self::Kpss(KpssNull::Trend, _) => "KPSS, trend",
        }
    }
}

/// What an innovation of one leaves behind in the values.
#[derive(Debug, Clone, PartialEq)]
pub struct ImpulseResponse {
    /// psi_0, psi_1, ..: after so many steps.
    pub response: Vec<f64>,
    /// Their sums up to each step.
    pub cumulative: Vec<f64>,
}

/// Everything that the summary of an autoregression says.
///
/// ```
/// use foretoken::model::linear::{ArReport, Estimator, LinearSpec, Order};
/// use foretoken::{Fit, Fitted, Series};
///
/// let x: Vec<f64> = (0..90).map(|t| f64::from((t * t * 37 + 11) % 101)).collect();
/// let series = Series::new("x", x);
/// let spec = LinearSpec { order: Order::Fixed(2), estimator: Estimator::LeastSquares, ..LinearSpec::default() };
/// let Fitted { model, summary } = spec.fit(std::slice::from_ref(&series))?;
/// let report = ArReport::new(&summary, &model, &series, 10)?;
/// assert!(report.to_string().contains("P>|z|"));
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ArReport {
    /// What the fit reports.
    pub summary: Summary,
    /// d + mD, where values are differenced.
    pub differences: usize,
    /// What the innovations follow.
    pub innovations: Innovations,
    /// Whether the process of phi is stationary.
    pub is_stationary: bool,
    /// The roots of phi, nearest to the origin first; `None` where they were not found.
    pub roots: Option<Vec<Root>>,
    /// psi weights of the values, differences undone.
    pub impulse_response: ImpulseResponse,
    /// (w, f(w)) of the differenced values from 0 to pi, see [`Ar::spectral_density`]; empty where there is none.
    pub spectral_density: Vec<(f64, f64)>,
    /// The autocorrelations 0, 1, .. that phi implies for the differenced values; empty where there are none.
    pub autocorrelations: Vec<f64>,
    /// The autocorrelations 0, 1, .. of the differenced values themselves; NaN without variation.
    pub sample_autocorrelations: Vec<f64>,
    /// Standardised residuals, one for each value; NaN where there is none.
    pub residuals: Vec<f64>,
    /// Tests of the residuals.
    pub residual_tests: ResidualTests,
    /// Tests of the values before their differences.
    pub series_tests: Vec<SeriesTest>,
    /// Whether missing values were interpolated for the tests of the series.
    pub is_interpolated: bool,
}

impl ArReport {
    /// The report of a fit to a series, which is what the model is of: transformed, where there is a transform. Residuals
    /// are tested up to `lags`, at least five more than there are coefficients.
    ///
    /// # Errors
    /// If the series lacks a covariate of the model.
    pub fn new(summary: &Summary, model: &Ar, series: &Series, lags: usize) -> Result<Self> {
        // Columns that the model does not read are none of its covariates.
        let series = &series.select_covariates(&model.terms().covariates)?;
        let residuals = standardised_residuals(model, series)?;
        let fitted = summary.parameters.iter().filter(|parameter| parameter.name.contains("phi_")).count();
        let response = model.psi_weights(RESPONSE_STEPS);
        let add = |sum: &mut f64, psi: &f64| {
            *sum += psi;
            Some(*sum)
        };
        let cumulative = response.iter().scan(0.0, add).collect();
        let grid: Vec<f64> = (0..FREQUENCIES).map(|i| PI * i as f64 / (FREQUENCIES - 1) as f64).collect();
        let density = model.spectral_density(&grid).unwrap_or_default();
        Ok(Self {
            summary: summary.clone(),
            differences: model.differences().order(),
            innovations: model.innovations(),
            is_stationary: model.is_stationary(),
            roots: model.roots(),
            impulse_response: ImpulseResponse { response, cumulative },
            spectral_density: grid.into_iter().zip(density).collect(),
            autocorrelations: model.autocorrelations(lags).unwrap_or_default(),
            sample_autocorrelations: autocorrelations(&model.differences().apply(series.values()), lags),
            residual_tests: ResidualTests::of(&residuals, lags, fitted),
            residuals,
            series_tests: series_tests(series.values()),
            is_interpolated: series.values().iter().any(|x| x.is_nan()),
        })
    }
}

impl ResidualTests {
    fn of(residuals: &[f64], lags: usize, fitted: usize) -> Self {
        let known: Vec<f64> = residuals.iter().copied().filter(|e| e.is_finite()).collect();
        let longest = lags.max(fitted + 5).min(known.len().saturating_sub(1));
        let mut all = vec![longest / 2, longest];
        all.retain(|lags| *lags > fitted);
        let tests = |kind| portmanteau(kind, &known, &all, fitted);
        let found = all.iter().zip(tests(Portmanteau::LjungBox));
        Self {
            count: known.len(),
            ljung_box: found.filter_map(|(&lags, test)| Some((lags, test?))).collect(),
            box_pierce: tests(Portmanteau::BoxPierce).pop().flatten(),
            jarque_bera: jarque_bera(&known),
            shape: skewness_and_kurtosis(&known),
            arch: arch_lm(&known, ARCH_LAGS.min(known.len() / 5)),
        }
    }
}

/// Dickey and Fuller's and Kwiatkowski's tests about a level and about a line.
fn series_tests(x: &[f64]) -> Vec<SeriesTest> {
    let x = interpolated(x);
    let dickey_fuller = [Deterministic::Constant, Deterministic::ConstantTrend]
        .into_iter()
        .filter_map(|terms| Some(SeriesTest::Adf(terms, adf(&x, terms, AdfLags::Aic)?)));
    let stationarity = [KpssNull::Level, KpssNull::Trend]
        .into_iter()
        .filter_map(|null| Some(SeriesTest::Kpss(null, kpss(&x, null, KpssLags::Short)?)));
    dickey_fuller.chain(stationarity).collect()
}

/// A test as tables show it.
#[derive(Debug, Clone, PartialEq)]
pub struct TestLine {
    /// Its name, with its lags or terms.
    pub name: String,
    /// The statistic.
    pub statistic: f64,
    /// The degrees of freedom of a test of residuals, the lags of a test of the series.
    pub count: usize,
    /// The p-value to three digits, with the sign of what lies beyond a table.
    pub p_value: String,
    /// The critical value at 5 % of a test of the series.
    pub critical_value: Option<f64>,
    /// Whether its null hypothesis is rejected at 5 %.
    pub is_rejected: bool,
    /// What that means, in words.
    pub verdict: &'static str,
}

impl TestLine {
    fn of_residuals(name: String, test: &ChiSquaredTest, (rejected, kept): (&'static str, &'static str)) -> Self {
        let is_rejected = test.p_value < SIGNIFICANCE;
        Self {
            name,
            statistic: test.statistic,
            count: test.degrees_of_freedom,
            p_value: format!("{:.3}", test.p_value),
            critical_value: None,
            is_rejected,
            verdict: if is_rejected { rejected } else { kept },
        }
    }

    fn of_series(test: &SeriesTest) -> Self {
        let (statistic, p, sign, count, critical_value) = match test {
            SeriesTest::Adf(_, test) => (test.statistic, test.p_value, "", test.lags, test.critical_values[1]),
            SeriesTest::Kpss(_, test) => {
                (test.statistic, test.p_value, test.sign().trim_matches('='), test.lags, test.critical_values[1])
            }
        };
        let is_rejected = p < SIGNIFICANCE;
        let verdict = match (test, is_rejected) {
            (SeriesTest::Adf(..), true) => "unit root rejected",
            (SeriesTest::Adf(..), false) => "unit root possible",
            (SeriesTest::Kpss(KpssNull::Level, _), true) => "no fixed level",
            (SeriesTest::Kpss(KpssNull::Level, _), false) => "level possible",
            (SeriesTest::Kpss(KpssNull::Trend, _), true) => "no fixed trend",
            (SeriesTest::Kpss(KpssNull::Trend, _), false) => "trend possible",
        };
        let p_value = format!("{sign}{p:.3}");
        let (name, critical_value) = (test.name().to_owned(), Some(critical_value));
        Self { name, statistic, count, p_value, critical_value, is_rejected, verdict }
    }
}

impl ArReport {
    /// The tests of the residuals as lines of a table.
    #[must_use]
    pub fn residual_lines(&self) -> Vec<TestLine> {
        let ResidualTests { ljung_box, box_pierce, jarque_bera, arch, .. } = &self.residual_tests;
        let correlated = ("autocorrelation is left", "no autocorrelation seen");
        let longest = ljung_box.last().map_or(0, |(lags, _)| *lags);
        let of = |name: String, test: &ChiSquaredTest, words| TestLine::of_residuals(name, test, words);
        let ljung_box =
            ljung_box.iter().map(|(lags, test)| of(format!("Ljung-Box, {}", lagged(*lags)), test, correlated));
        let box_pierce = box_pierce.iter().map(|test| of(format!("Box-Pierce, {}", lagged(longest)), test, correlated));
        let arch = arch.iter().map(|test| {
            let name = format!("ARCH-LM, {}", lagged(test.degrees_of_freedom));
            of(name, test, ("variance has a memory", "constant variance"))
        });
        let normal = |test| of("Jarque-Bera".to_owned(), test, ("not a normal shape", "normal shape"));
        ljung_box.chain(box_pierce).chain(arch).chain(jarque_bera.iter().map(normal)).collect()
    }

    /// The tests of the series as lines of a table.
    #[must_use]
    pub fn series_lines(&self) -> Vec<TestLine> {
        self.series_tests.iter().map(TestLine::of_series).collect()
    }

    /// What the roots say.
    #[must_use]
    pub fn stability(&self) -> String {
        let of = if self.differences > 0 { " of the differenced values" } else { "" };
        let order = self.roots.as_ref().map_or(1, Vec::len);
        match (self.is_stationary, order) {
            (_, 0) => "There are no lags: nothing of the past is left after the terms.".to_owned(),
            (true, _) => format!("All roots{of} lie outside the unit circle: stationary."),
            (false, _) => format!("A root{of} lies on or inside the unit circle: not stationary."),
        }
    }

    /// The two columns of the header: names and values.
    #[must_use]
    pub fn headline(&self) -> [[(&'static str, String); 5]; 2] {
        let Summary { innovation_variance, innovation_variance_unbiased, log_likelihood, .. } = self.summary;
        let criterion = |criterion| number(self.summary.criterion(criterion));
        [
            [
                ("Observations", self.summary.observations.to_string()),
                ("Innovation variance", number(innovation_variance)),
                ("  unbiased", number(innovation_variance_unbiased)),
                ("Standard deviation", number(innovation_variance.sqrt())),
                ("Converged", if self.summary.converged { "yes" } else { "no" }.to_owned()),
            ],
            [
                ("Log-likelihood", number(log_likelihood)),
                ("AIC", criterion(Criterion::Aic)),
                ("AICc", criterion(Criterion::Aicc)),
                ("BIC", criterion(Criterion::Bic)),
                ("HQIC", criterion(Criterion::Hqic)),
            ],
        ]
    }

    /// What a reader should know, beside the numbers.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.summary.warnings.clone();
        if let Innovations::StudentT { scale, dof } = self.innovations {
            notes.push(format!("Student's t innovations: scale {}, {} degrees of freedom", number(scale), number(dof)));
        }
        if self.residual_tests.count == 0 {
            notes.push("there are no residuals to test".to_owned());
        }
        if self.is_interpolated && !self.series_tests.is_empty() {
            notes.push("missing values were interpolated for ADF and KPSS".to_owned());
        }
        if self.roots.is_none() {
            notes.push("the roots were not found".to_owned());
        }
        notes
    }
}

fn lagged(lags: usize) -> String {
    format!("{lags} {}", if lags == 1 { "lag" } else { "lags" })
}

/// About five digits, or a dash.
fn number(x: f64) -> String {
    if x.is_finite() { short(x) } else { "-".to_owned() }
}

fn optional(x: Option<f64>, text: impl Fn(f64) -> String) -> String {
    x.map_or_else(|| "-".to_owned(), text)
}

impl Display for ArReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (double, single) = ("=".repeat(WIDTH), "-".repeat(WIDTH));
        writeln!(f, "{double}")?;
        wrapped(&self.summary.description, "").iter().try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f, "{double}")?;
        let [left, right] = self.headline();
        for ((a, a_value), (b, b_value)) in left.iter().zip(&right) {
            writeln!(f, "{a:<20}{a_value:>16}      {b:<16}{b_value:>20}")?;
        }
        writeln!(f, "{single}")?;
        self.write_coefficients(f)?;
        writeln!(f, "{single}")?;
        self.write_roots(f)?;
        self.write_residual_tests(f)?;
        self.write_series_tests(f)?;
        writeln!(f, "{double}")?;
        for note in self.notes() {
            wrapped(&format!("note: {note}"), "      ").iter().try_for_each(|line| writeln!(f, "{line}"))?;
        }
        Ok(())
    }
}

impl ArReport {
    fn write_coefficients(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14}{:>12}{:>12}{:>9}{:>7}{:>12}{:>12}",
            "", "coef", "std err", "z", "P>|z|", "[0.025", "0.975]"
        )?;
        writeln!(f, "{}", "-".repeat(WIDTH))?;
        for parameter in &self.summary.parameters {
            let Parameter { name, value, standard_error } = parameter;
            let interval = parameter.interval(COVERAGE);
            writeln!(
                f,
                "{name:<14}{:>12}{:>12}{:>9}{:>7}{:>12}{:>12}",
                number(*value),
                optional(*standard_error, number),
                optional(parameter.z(), |z| if z.abs() < 1e3 { format!("{z:.3}") } else { format!("{z:.1e}") }),
                optional(parameter.p_value(), |p| format!("{p:.3}")),
                optional(interval.map(|(lo, _)| lo), number),
                optional(interval.map(|(_, hi)| hi), number),
            )?;
        }
        Ok(())
    }

    fn write_roots(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let roots = self.roots.as_deref().unwrap_or_default();
        if !roots.is_empty() {
            writeln!(
                f,
                "{:<16}{:>12}{:>13}{:>12}{:>13}{:>12}",
                "Roots", "real", "imaginary", "modulus", "frequency", "period"
            )?;
        }
        for (number, root) in (1..).zip(roots.iter().take(SHOWN_ROOTS)) {
            let period = Some(root.period()).filter(|period| period.is_finite());
            writeln!(
                f,
                "{:<16}{:>12}{:>13}{:>12}{:>13}{:>12}",
                format!("AR.{number}"),
                four_decimals(root.real),
                format!("{}j", four_decimals(root.imaginary)),
                four_decimals(root.modulus()),
                four_decimals(root.frequency()),
                optional(period, |period| format!("{period:.2}")),
            )?;
        }
        if roots.len() > SHOWN_ROOTS {
            writeln!(f, "... and {} roots farther out", roots.len() - SHOWN_ROOTS)?;
        }
        writeln!(f, "{}", self.stability())
    }

    fn write_residual_tests(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lines = self.residual_lines();
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(f, "{}", "-".repeat(WIDTH))?;
        writeln!(f, "{:<24}{:>11}{:>6}{:>9}   at 5 %", "Residuals", "statistic", "df", "P>chi2")?;
        for TestLine { name, statistic, count, p_value, verdict, .. } in lines {
            writeln!(f, "{name:<24}{:>11}{count:>6}{p_value:>9}   {verdict}", number(statistic))?;
        }
        let (skewness, kurtosis) = self.residual_tests.shape;
        writeln!(f, "{:<24}{:>11}", "  skewness", number(skewness))?;
        writeln!(f, "{:<24}{:>11}", "  kurtosis (normal: 3)", number(kurtosis))
    }

    fn write_series_tests(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lines = self.series_lines();
        if lines.is_empty() {
            return Ok(());
        }
        let what = if self.differences > 0 { "Before differences" } else { "Series" };
        writeln!(f, "{}", "-".repeat(WIDTH))?;
        writeln!(f, "{what:<26}{:>9}{:>6}{:>8}{:>9}  at 5 %", "statistic", "lags", "P", "5 %")?;
        for TestLine { name, statistic, count, p_value, critical_value, verdict, .. } in lines {
            let critical = optional(critical_value, |value| format!("{value:.3}"));
            writeln!(f, "{name:<26}{:>9}{count:>6}{p_value:>8}{critical:>9}  {verdict}", format!("{statistic:.4}"))?;
        }
        Ok(())
    }
}

fn four_decimals(x: f64) -> String {
    if x.abs() < 1e5 { format!("{:.4}", if x == 0.0 { 0.0 } else { x }) } else { format!("{x:.3e}") }
}

/// Words in lines of at most the width, further ones indented.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("{indent}{word}"));
        } else {
            *line += if line.trim().is_empty() { "" } else { " " };
            *line += word;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::series::Covariate;
    use crate::model::linear::{Estimator, LinearSpec, Order, Terms};
    use crate::model::transformed::Differences;
    use crate::model::{Fit, Fitted};

    fn report(x: Vec<f64>, spec: &LinearSpec) -> ArReport {
        let series = Series::new("x", x);
        let Fitted { model, summary } = spec.fit(std::slice::from_ref(&series)).expect("a fit");
        let report = ArReport::new(&summary, &model, &series, 10).expect("a report");
        let text = report.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH && line.trim_end() == line), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        report
    }

    fn least_squares(order: usize) -> LinearSpec {
        LinearSpec { order: Order::Fixed(order), estimator: Estimator::LeastSquares, ..LinearSpec::default() }
    }

    fn wavy(n: usize) -> Vec<f64> {
        let noise = |t: usize| ((t * t * 37 + 11) % 101) as f64 / 50.0;
        (0..n).map(|t| 100.0 + 5.0 * (t as f64 * 0.7).sin() + noise(t)).collect()
    }

    #[test]
    fn every_part_is_there() {
        let report = report(wavy(120), &least_squares(3));
        let text = report.to_string();
        for part in
            ["AR(3) by least squares", "P>|z|", "phi_3", "AR.3", "stationary.", "Ljung-Box, 10 lags", "KPSS, trend"]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let cycle = report.roots.as_ref().expect("roots")[0].period();
        assert!((cycle - std::f64::consts::TAU / 0.7).abs() < 0.3, "{cycle}");
        assert_eq!(report.residuals.len(), 120);
        assert_eq!(report.residual_tests.count, 117);
        let ImpulseResponse { response, cumulative } = &report.impulse_response;
        assert_eq!(response[0], 1.0);
        assert!((response.iter().sum::<f64>() - cumulative[RESPONSE_STEPS - 1]).abs() < 1e-12);
        assert_eq!(report.autocorrelations.len(), 11);
        assert_eq!(report.spectral_density.len(), FREQUENCIES);
    }

    #[test]
    fn other_columns_of_the_series_do_not_matter() {
        let other = Covariate { name: "other".to_owned(), values: wavy(60) };
        let alone = Series::new("x", wavy(60));
        let series = alone.clone().with_covariates(vec![other]);
        let Fitted { model, summary } = least_squares(1).fit(std::slice::from_ref(&alone)).expect("a fit");
        let of = |series: &Series| ArReport::new(&summary, &model, series, 10).expect("a report").to_string();
        assert_eq!(of(&series), of(&alone));
    }

    #[test]
    fn a_series_without_variation_says_so() {
        let report = report(vec![4.0; 30], &least_squares(0));
        assert!(report.residual_lines().is_empty() && report.series_lines().is_empty());
        assert!(report.spectral_density.is_empty());
        assert!(report.to_string().contains("there are no residuals to test"));
    }

    #[test]
    fn short_and_gappy_series_have_what_they_can() {
        let short = report(vec![3.0, 1.0, 2.0, 5.0, 4.0], &least_squares(1));
        assert!(short.residual_tests.jarque_bera.is_some() && short.residual_tests.arch.is_none());
        let mut x = wavy(90);
        x[40] = f64::NAN;
        let gappy = report(x, &least_squares(2));
        assert!(gappy.is_interpolated && gappy.series_lines().len() == 4);
        assert_eq!(gappy.residual_tests.count, 90 - 2 - 1, "gaps are integrated out");
        assert!(gappy.to_string().contains("interpolated"));
    }

    #[test]
    fn differences_are_named_and_bad_fits_are_called_so() {
        let integrated = LinearSpec { differences: Differences::new(1, 0, 0), ..least_squares(1) };
        let walk: Vec<f64> = wavy(80)
            .iter()
            .scan(0.0, |sum, x| {
                Some({
                    *sum += x - 100.0;
                    *sum
                })
            })
            .collect();
        let first = report(walk, &integrated);
        assert!(first.to_string().contains("Before differences"));
        assert!((first.impulse_response.response[1] - 1.0).abs() > 1e-3, "of the values, differences undone");
        let explosive: Vec<f64> = (0..40).map(|t| 1.1_f64.powi(t) + 0.01 * wavy(40)[t as usize]).collect();
        let bad = report(explosive, &LinearSpec { terms: Terms::default(), ..least_squares(1) });
        assert!(!bad.is_stationary && bad.spectral_density.is_empty());
        assert!(bad.stability().contains("not stationary"));
        let white = report(wavy(120), &least_squares(0));
        let verdicts: Vec<&str> = white.residual_lines().iter().map(|line| line.verdict).collect();
        assert_eq!(verdicts[0], "autocorrelation is left");
    }
}
