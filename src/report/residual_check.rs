//! The residual check: what an autoregression leaves unexplained, and what it does, on one page.
//!
//! | figure | good when |
//! |---|---|
//! | values and residuals over time | residuals look the same everywhere, hardly any beyond 3 |
//! | autocorrelations of residuals and of their squares | bars stay within the limits, but for one in twenty |
//! | histogram and normal Q-Q | bars follow the curve, points the line |
//! | autocorrelations of the values and of the model; inverse roots | dots stand on the bars; roots inside the circle |
//! | spectral density, impulse response | peaks stand where cycles are known |

use std::f64::consts::TAU;

use super::html::{Cell, Page};
use super::panels;
use crate::chart::{Color, Figure, Layout, Mark, Panel, Scale, Shape};
use crate::data::series::Series;
use crate::error::Result;
use crate::math::autocovariance::autocorrelations;
use crate::math::digits::short;
use crate::model::Parameter;
use crate::model::linear::{ArReport, Root, TestLine};

/// Sections of one page; a caller with more gives the first ones.
pub const MAX_SECTIONS: usize = 12;
/// The coverage of the intervals of coefficients.
const COVERAGE: f64 = 0.95;
/// Lines of the table of roots.
const SHOWN_ROOTS: usize = 24;

/// What a section is about.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// What the series is called.
    pub name: &'a str,
    /// The series that the model is of (transformed, where there is a transform), on its own times.
    pub series: &'a Series,
    /// The report of the fit.
    pub report: &'a ArReport,
}

/// The page of some fits, a section each: the first [`MAX_SECTIONS`]. It says how many of `total` it shows.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn residual_check(sections: &[Checked<'_>], total: usize) -> Result<String> {
    let shown = &sections[..sections.len().min(MAX_SECTIONS)];
    let mut page = match shown {
        [one] => Page::new(&format!("Residual check of {}", one.name)),
        _ => Page::new("Residual check"),
    };
    if shown.len() < total {
        page.remark(&format!("The first {} of {total} series.", shown.len()));
    }
    for section in shown {
        if shown.len() > 1 {
            page.heading(2, section.name);
        }
        section.write(&mut page)?;
    }
    Ok(page.finish())
}

impl Checked<'_> {
    fn write(&self, page: &mut Page) -> Result<()> {
        let report = self.report;
        page.remark(&report.summary.description);
        page.paragraph(&self.verdict());
        page.list(&report.notes());
        self.headline(page);
        self.coefficients(page);
        self.tests(page);
        self.figures(page)?;
        self.roots(page);
        page.folded("The summary as text", &report.to_string());
        Ok(())
    }

    /// What the tests of residuals say, in a sentence.
    fn verdict(&self) -> String {
        let lines = self.report.residual_lines();
        let mut found: Vec<&str> = lines.iter().filter(|line| line.is_rejected).map(|line| line.verdict).collect();
        found.dedup();
        match (lines.len(), &found[..]) {
            (0, _) => "There are no residuals to test.".to_owned(),
            (_, []) => "The residuals pass every test at 5 %.".to_owned(),
            (_, found) => format!("The residuals fail at 5 %: {}.", found.join("; ")),
        }
    }

    fn headline(&self, page: &mut Page) {
        let [left, right] = self.report.headline();
        // An indented name belongs to the one above it, which stands elsewhere once the columns are read as rows.
        let mut above = "";
        let row = |((a, a_value), (b, b_value)): (&(&'static str, String), &(&str, String))| {
            let name = if a.starts_with(' ') { format!("{above}, {}", a.trim()) } else { (*a).to_owned() };
            above = a;
            vec![
                Cell::Text(name),
                Cell::Number(a_value.clone()),
                Cell::Text((*b).to_owned()),
                Cell::Number(b_value.clone()),
            ]
        };
        page.table(&[], &left.iter().zip(&right).map(row).collect::<Vec<_>>());
    }

    fn coefficients(&self, page: &mut Page) {
        if self.report.summary.parameters.is_empty() {
            return;
        }
        page.heading(3, "Coefficients");
        let row = |parameter: &Parameter| {
            let interval = parameter.interval(COVERAGE);
            let numbers = [
                number(Some(parameter.value)),
                number(parameter.standard_error),
                decimals(parameter.z(), 3),
                decimals(parameter.p_value(), 3),
                number(interval.map(|(lo, _)| lo)),
                number(interval.map(|(_, hi)| hi)),
            ];
            [Cell::Text(parameter.name.clone())].into_iter().chain(numbers).collect()
        };
        let rows: Vec<Vec<Cell>> = self.report.summary.parameters.iter().map(row).collect();
        page.table(&["", "coefficient", "standard error", "z", "P > |z|", "2.5 %", "97.5 %"], &rows);
    }

    fn tests(&self, page: &mut Page) {
        let row = |line: &TestLine, verdict: Option<bool>| {
            let mut cells = vec![
                Cell::Text(line.name.clone()),
                number(Some(line.statistic)),
                Cell::Number(line.count.to_string()),
                Cell::Number(line.p_value.clone()),
            ];
            cells.extend(line.critical_value.map(|value| decimals(Some(value), 3)));
            cells.push(Cell::Verdict(line.verdict.to_owned(), verdict));
            cells
        };
        let of_residuals: Vec<Vec<Cell>> =
            self.report.residual_lines().iter().map(|line| row(line, Some(line.is_rejected))).collect();
        if !of_residuals.is_empty() {
            page.heading(3, "Tests of the residuals");
            page.table(&["test", "statistic", "degrees of freedom", "p", "at 5 %"], &of_residuals);
            let (skewness, kurtosis) = self.report.residual_tests.shape;
            page.remark(&format!("Skewness {skewness:.3}, kurtosis {kurtosis:.3} (normal: 0 and 3)."));
        }
        let of_series: Vec<Vec<Cell>> = self.report.series_lines().iter().map(|line| row(line, None)).collect();
        if !of_series.is_empty() {
            let before = if self.report.differences > 0 { ", before its differences" } else { "" };
            page.heading(3, &format!("Tests of the series{before}"));
            page.table(&["test", "statistic", "lags", "p", "critical at 5 %", "at 5 %"], &of_series);
        }
    }

    fn roots(&self, page: &mut Page) {
        let roots = self.report.roots.as_deref().unwrap_or_default();
        page.heading(3, "Roots");
        page.paragraph(&self.report.stability());
        if roots.is_empty() {
            return;
        }
        let row = |(number, root): (usize, &Root)| {
            vec![
                Cell::Text(format!("AR.{number}")),
                decimals(Some(root.real), 4),
                decimals(Some(root.imaginary), 4),
                decimals(Some(root.modulus()), 4),
                decimals(Some(root.frequency()), 4),
                decimals(Some(root.period()).filter(|period| period.is_finite()), 2),
            ]
        };
        let rows: Vec<Vec<Cell>> = (1..).zip(roots.iter().take(SHOWN_ROOTS)).map(row).collect();
        page.table(&["", "real", "imaginary", "modulus", "cycles a step", "steps a cycle"], &rows);
        if roots.len() > SHOWN_ROOTS {
            page.remark(&format!("And {} roots farther out.", roots.len() - SHOWN_ROOTS));
        }
    }

    fn figures(&self, page: &mut Page) -> Result<()> {
        let known: Vec<f64> = self.report.residuals.iter().copied().filter(|e| e.is_finite()).collect();
        page.heading(3, "Figures");
        page.figure(
            &Figure::new(vec![self.values(), panels::residuals(self.series, &self.report.residuals)]),
            "The values that were fitted, and the standardised residuals: in units of their standard deviation.",
        )?;
        if known.len() > 2 {
            let lags = self.report.sample_autocorrelations.len().saturating_sub(1).min(known.len() - 1);
            page.figure(
                &pair(correlogram("autocorrelation of residuals", &known, lags), squares(&known, lags)),
                "Dashed: 95 % limits of white noise. Bars beyond them on the left: the model misses part of the past; on \
                 the right: the variance changes.",
            )?;
            page.figure(
                &pair(histogram(&known), panels::normal_plot(known.clone())),
                "The residuals against the normal distribution: density on the left, quantiles on the right.",
            )?;
        }
        self.dynamics(page)
    }

    fn dynamics(&self, page: &mut Page) -> Result<()> {
        let roots = self.report.roots.as_deref().unwrap_or_default();
        let differenced = if self.report.differences > 0 { " of the differenced values" } else { "" };
        let mut drawn = vec![self.implied()];
        if !roots.is_empty() {
            drawn.push(inverse_roots(roots));
        }
        let circle = if roots.is_empty() { "" } else { " Inverse roots inside the circle: stationary." };
        let caption = format!("Bars: autocorrelations{differenced}; rings: those that the model implies.{circle}");
        page.figure(&Figure::new(drawn).layout(Layout::Grid), &caption)?;
        let response = response(&self.report.impulse_response.response, &self.report.impulse_response.cumulative);
        let (figure, caption) = if self.report.spectral_density.is_empty() {
            (Figure::new(vec![response]), String::new())
        } else {
            let caption =
                format!("Spectral density{differenced} in decibels: 10 log10 of squared units per radian a step. ");
            (pair(spectrum(&self.report.spectral_density), response), caption)
        };
        let adds = "Bars: what an innovation of one adds to the values, so many steps later; dashed: the sum so far.";
        page.figure(&figure, &format!("{caption}{adds}"))
    }

    fn values(&self) -> Panel {
        let x = panels::times(self.series, 0..self.series.len());
        let line = Mark::Line { x, y: self.series.values().to_vec(), color: Color::Ink, label: None };
        Panel::new(panels::scale(self.series)).title("values").with(line)
    }

    /// Autocorrelations of the differenced values, and rings where the model has them.
    fn implied(&self) -> Panel {
        let sample = self.report.sample_autocorrelations.get(1..).unwrap_or_default();
        let known = self.series.values().iter().filter(|x| !x.is_nan()).count();
        let implied = self.report.autocorrelations.get(1..).unwrap_or_default();
        let rings = Mark::Points {
            x: (1..=implied.len()).map(|lag| lag as f64).collect(),
            y: implied.to_vec(),
            color: Color::Series(1),
            label: None,
            shape: Shape::Ring,
        };
        panels::correlogram("autocorrelation of values", sample, known).with(rings)
    }
}

fn number(x: Option<f64>) -> Cell {
    Cell::Number(x.filter(|x| x.is_finite()).map_or_else(|| "\u{2013}".to_owned(), short))
}

fn decimals(x: Option<f64>, places: usize) -> Cell {
    let fixed = |x: f64| if x.abs() < 1e6 { format!("{x:.places$}") } else { short(x) };
    Cell::Number(x.filter(|x| x.is_finite()).map_or_else(|| "\u{2013}".to_owned(), fixed))
}

fn pair(left: Panel, right: Panel) -> Figure {
    Figure::new(vec![left, right]).layout(Layout::Grid)
}

fn correlogram(title: &str, x: &[f64], lags: usize) -> Panel {
    panels::correlogram(title, &autocorrelations(x, lags)[1..], x.len())
}

fn squares(residuals: &[f64], lags: usize) -> Panel {
    let squares: Vec<f64> = residuals.iter().map(|e| e * e).collect();
    correlogram("autocorrelation of squared residuals", &squares, lags)
}

/// Bars of one width by the rule of Freedman and Diaconis (1981, Z. Wahrscheinlichkeitstheorie 57, p. 453), at most 40, and
/// the normal density.
fn histogram(residuals: &[f64]) -> Panel {
    let mut sorted = residuals.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let (lo, hi) = (sorted[0], sorted[n - 1]);
    let quartiles = sorted[(3 * n / 4).min(n - 1)] - sorted[n / 4];
    let wanted = (hi - lo) / (2.0 * quartiles / (n as f64).cbrt());
    let bins = if wanted.is_finite() { wanted.ceil().clamp(1.0, 40.0) as usize } else { 1 };
    let width = (hi - lo) / bins as f64;
    let mut panel = Panel::new(Scale::Number).title("histogram of residuals").y_label("density");
    for bin in 0..bins {
        let (from, to) = (lo + bin as f64 * width, lo + (bin + 1) as f64 * width);
        let last = bin + 1 == bins;
        let inside = sorted.iter().filter(|e| **e >= from && (**e < to || last)).count();
        let height = inside as f64 / (n as f64 * width);
        panel = panel.with(Mark::Band {
            x: vec![from + 0.04 * width, to - 0.04 * width],
            lo: vec![0.0; 2],
            hi: vec![height; 2],
            color: Color::Series(0),
            strength: 0.6,
            label: None,
        });
    }
    let x: Vec<f64> = (0..=120).map(|i| lo.min(-3.0) + (hi.max(3.0) - lo.min(-3.0)) * f64::from(i) / 120.0).collect();
    let y = x.iter().map(|x| (-0.5 * x * x).exp() / TAU.sqrt()).collect();
    panel.with(Mark::Line { x, y, color: Color::Series(1), label: None })
}

fn inverse_roots(roots: &[Root]) -> Panel {
    let angles = || (0..=180).map(|i| TAU * f64::from(i) / 180.0);
    let circle = Mark::Line {
        x: angles().map(f64::cos).collect(),
        y: angles().map(f64::sin).collect(),
        color: Color::Muted,
        label: None,
    };
    let (inside, outside): (Vec<Root>, Vec<Root>) =
        roots.iter().map(|root| root.inverse()).partition(|root| root.modulus() < 1.0);
    let points = |roots: &[Root], color: Color| Mark::Points {
        x: roots.iter().map(|root| root.real).collect(),
        y: roots.iter().map(|root| root.imaginary).collect(),
        color,
        label: None,
        shape: Shape::Dot,
    };
    Panel::new(Scale::Number)
        .title("inverse roots")
        .x_label("real part")
        .y_label("imaginary part")
        .equal_axes()
        .with(circle)
        .with(points(&inside, Color::Series(0)))
        .with(points(&outside, Color::Alarm))
}

fn spectrum(density: &[(f64, f64)]) -> Panel {
    let line = Mark::Line {
        x: density.iter().map(|(w, _)| w / TAU).collect(),
        y: density.iter().map(|(_, f)| 10.0 * f.log10()).collect(),
        color: Color::Series(0),
        label: None,
    };
    Panel::new(Scale::Number).title("spectral density").x_label("cycles a step").y_label("dB").with(line)
}

fn response(psi: &[f64], cumulative: &[f64]) -> Panel {
    let x: Vec<f64> = (0..psi.len()).map(|step| step as f64).collect();
    Panel::new(Scale::Number)
        .title("impulse response")
        .x_label("steps later")
        .with(Mark::Horizontal { y: 0.0, color: Color::Muted, label: None })
        .with(Mark::Stems { x: x.clone(), y: psi.to_vec(), color: Color::Series(0), label: None })
        .with(Mark::Dashed { x, y: cumulative.to_vec(), color: Color::Series(1), label: None })
}
