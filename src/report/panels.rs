//! Panels that figures of diagnostics share.

use crate::chart::{Color, Mark, Panel, Scale, Shape};
use crate::data::series::Series;
use crate::math::special::normal_quantile;

/// The place of every value of a series on the horizontal axis.
pub(crate) fn times(series: &Series, range: std::ops::Range<usize>) -> Vec<f64> {
    range.map(|position| series.timeline().seconds(position as i64)).collect()
}

pub(crate) fn scale(series: &Series) -> Scale {
    if series.timeline().is_calendar() { Scale::Time } else { Scale::Number }
}

/// Stems at lags 1, 2, .. between the 95 % limits of white noise of n values.
pub(crate) fn correlogram(label: &str, r: &[f64], n: usize) -> Panel {
    let limit = normal_quantile(0.975) / (n as f64).sqrt();
    let x = (1..=r.len()).map(|lag| lag as f64).collect();
    let stems = Mark::Stems { x, y: r.to_vec(), color: Color::Series(0), label: None };
    let line = |y: f64| Mark::Horizontal { y, color: Color::Muted, label: None };
    Panel::new(Scale::Number).title(label).x_label("lag").with(line(limit)).with(line(-limit)).with(stems)
}

/// Residuals over time.
pub(crate) fn residuals(series: &Series, residuals: &[f64]) -> Panel {
    let mark =
        Mark::Line { x: times(series, 0..series.len()), y: residuals.to_vec(), color: Color::Series(0), label: None };
    let zero = Mark::Horizontal { y: 0.0, color: Color::Muted, label: None };
    Panel::new(scale(series)).title("standardised residuals").with(zero).with(mark)
}

/// Ordered residuals against the normal quantiles at (i - 1/2) / n.
pub(crate) fn normal_plot(mut residuals: Vec<f64>) -> Panel {
    residuals.sort_by(f64::total_cmp);
    let n = residuals.len() as f64;
    let quantiles: Vec<f64> = (0..residuals.len()).map(|i| normal_quantile((i as f64 + 0.5) / n)).collect();
    let ends: Vec<f64> = [quantiles.first(), quantiles.last()].into_iter().flatten().copied().collect();
    let line = Mark::Line { x: ends.clone(), y: ends, color: Color::Muted, label: None };
    let points = Mark::Points { x: quantiles, y: residuals, color: Color::Series(0), label: None, shape: Shape::Dot };
    Panel::new(Scale::Number).title("normal Q-Q of residuals").x_label("normal quantile").with(line).with(points)
}
