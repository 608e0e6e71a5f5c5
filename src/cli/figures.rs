//! From results to figures: what is drawn where. How it is drawn is the chart's business.

use crate::chart::{Color, Figure, Layout, MAX_PANELS, Mark, Panel, Scale, Shape};
use crate::data::series::Series;
use crate::evaluate::exposure::LEVEL;
use crate::evaluate::{Accuracy, Exposure, ExposureStep};
use crate::forecast::{DEFAULT_PATHS, Forecast};
use crate::generate::Paths;
use crate::math::autocovariance::{autocorrelations, partial_autocorrelations};
use crate::model::neural::{AttentionMap, Epoch};
use crate::report::panels::{self, scale, times};
use crate::score::Detection;

/// Panels of at most [`MAX_PANELS`] series under a title that says so.
fn arrange(title: String, mut panels: Vec<Panel>, total: usize) -> Figure {
    let layout = if panels.len() > 1 { Layout::Grid } else { Layout::Stacked };
    panels.truncate(MAX_PANELS);
    let shown = panels.len();
    let figure = Figure::new(panels).title(title).layout(layout);
    if shown < total { figure.subtitle(format!("the first {shown} of {total} series")) } else { figure }
}

fn history(series: &Series, from: usize) -> Mark {
    Mark::Line {
        x: times(series, from..series.len()),
        y: series.values()[from..].to_vec(),
        color: Color::Ink,
        label: Some("observed".to_owned()),
    }
}

/// The name of the values beside a panel; of several panels the title of the figure says it once.
fn shared_label(value_name: &str, panels: usize) -> &str {
    if panels > 1 { "" } else { value_name }
}

/// A fan per series: history, then each model's point forecast in its intervals.
pub(super) struct Fan<'a> {
    pub(super) name: &'a str,
    pub(super) series: &'a Series,
    /// Display name, point forecasts, the forecast.
    pub(super) models: Vec<(&'a str, Vec<f64>, &'a Forecast)>,
}

/// The fans of the first series of `total`.
pub(super) fn forecast(fans: &[Fan<'_>], total: usize, levels: &[f64], value_name: &str) -> Figure {
    let y_label = shared_label(value_name, fans.len());
    let panels = fans.iter().take(MAX_PANELS).map(|fan| fan_panel(fan, levels, value_name).y_label(y_label)).collect();
    let steps = fans.first().map_or(0, |fan| fan.models.first().map_or(0, |model| model.1.len()));
    arrange(format!("Forecast of {value_name}, {steps} steps ahead"), panels, total)
}

fn fan_panel(fan: &Fan<'_>, levels: &[f64], value_name: &str) -> Panel {
    let n = fan.series.len();
    let horizon = fan.models.first().map_or(0, |model| model.1.len());
    // Enough of the past to judge the forecast by, not so much that it becomes a sliver.
    let from = n.saturating_sub((8 * horizon).max(60));
    let mut panel = Panel::new(scale(fan.series)).with(history(fan.series, from));
    if fan.name != value_name {
        panel = panel.title(fan.name);
    }
    // Where the last value is known the fan opens from it.
    let last = fan.series.values().last().copied().unwrap_or(f64::NAN);
    let x = times(fan.series, n.saturating_sub(1)..n + horizon);
    let from_last = |values: &mut dyn Iterator<Item = f64>| std::iter::once(last).chain(values).collect::<Vec<f64>>();
    let mut sorted = levels.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    for (index, (name, point, ahead)) in fan.models.iter().enumerate() {
        let color = Color::Series(index);
        for (rank, &level) in sorted.iter().enumerate() {
            let bounds: Vec<(f64, f64)> = (0..horizon).map(|step| ahead.interval(step, level / 100.0)).collect();
            panel = panel.with(Mark::Band {
                x: x.clone(),
                lo: from_last(&mut bounds.iter().map(|bound| bound.0)),
                hi: from_last(&mut bounds.iter().map(|bound| bound.1)),
                color,
                strength: 0.16 + 0.12 * rank as f64,
                // No patch in the legend for a band without width.
                label: bounds.iter().any(|(lo, hi)| hi > lo).then(|| match ahead.paths().map(Paths::lanes) {
                    Some(few) if few < DEFAULT_PATHS => format!("{name} {level} % of {few} paths"),
                    _ => format!("{name} {level} %"),
                }),
            });
        }
        let y = from_last(&mut point.iter().copied());
        panel = panel.with(Mark::Line { x: x.clone(), y, color, label: Some((*name).to_owned()) });
    }
    panel
}

/// Paths that a panel draws.
const DRAWN_PATHS: usize = 100;

/// From so many on paths are drawn thin: together they are what is to be seen.
const FEW_PATHS: usize = 6;

/// What the paths of a series were told.
pub(super) struct Told<'a> {
    /// The steps ahead whose values are fixed, and these.
    pub(super) fixed: &'a [(usize, f64)],
    /// The threshold at which paths end.
    pub(super) threshold: Option<f64>,
}

/// The history of every series and paths that continue it, up to their stops.
pub(super) fn paths(drawn: &[(&str, &Series, &Paths, Told<'_>)], value_name: &str) -> Figure {
    let panels = drawn
        .iter()
        .take(MAX_PANELS)
        .map(|(name, series, paths, told)| paths_panel(name, series, paths, told, value_name));
    let count = drawn.first().map_or(0, |(_, _, paths, _)| paths.lanes());
    let title = match count {
        1 => format!("A path of {value_name}"),
        _ if count > DRAWN_PATHS => format!("Paths of {value_name}, {DRAWN_PATHS} of {count}"),
        _ => format!("{count} paths of {value_name}"),
    };
    arrange(title, panels.collect(), drawn.len())
}

fn paths_panel(name: &str, series: &Series, paths: &Paths, told: &Told<'_>, value_name: &str) -> Panel {
    let n = series.len();
    let from = n.saturating_sub((2 * paths.horizon()).max(60));
    let mut panel = Panel::new(scale(series)).y_label(value_name);
    if name != value_name {
        panel = panel.title(name);
    }
    let last = series.values().last().copied().unwrap_or(f64::NAN);
    let shown = paths.lanes().min(DRAWN_PATHS);
    let strength = (3.0 / (shown as f64).sqrt()).clamp(0.25, 0.7);
    for lane in 0..shown {
        let x = times(series, n.saturating_sub(1)..n + paths.len(lane));
        let y = std::iter::once(last).chain(paths.path(lane).take(paths.len(lane))).collect();
        let label = (lane == 0).then(|| "generated".to_owned());
        panel = panel.with(match shown < FEW_PATHS {
            true => Mark::Line { x, y, color: Color::Series(lane), label },
            false => Mark::Thin { x, y, color: Color::Series(0), strength, label },
        });
    }
    if let Some(y) = told.threshold {
        panel = panel.with(Mark::Horizontal { y, color: Color::Alarm, label: Some("threshold".to_owned()) });
    }
    if !told.fixed.is_empty() {
        let x = told.fixed.iter().flat_map(|(step, _)| times(series, n + step..n + step + 1)).collect();
        let y = told.fixed.iter().map(|(_, value)| *value).collect();
        let (color, shape) = (Color::Alarm, Shape::Dot);
        panel = panel.with(Mark::Points { x, y, color, label: Some("fixed".to_owned()), shape });
    }
    panel.with(history(series, from))
}

/// One series: values with band and alarms above their surprisal. Several: a panel of values each.
pub(super) fn detection(results: &[(&str, &Series, &Detection)], value_name: &str) -> Figure {
    let title = format!("Anomalies of {value_name}");
    if let [(name, series, detection)] = results {
        let alarms = format!("anomalies ({})", count(detection));
        let mut above =
            judged_panel(series, detection, alarms, band_strength(series.len(), 1)).y_label(value_name).weight(2.0);
        if *name != value_name {
            above = above.title(*name);
        }
        return Figure::new(vec![above, surprisal_panel(series, detection)]).title(title);
    }
    // The same in all panels, which share a legend.
    let longest = results.iter().take(MAX_PANELS).map(|(_, series, _)| series.len()).max().unwrap_or(0);
    let strength = band_strength(longest, results.len());
    let panels = results
        .iter()
        .take(MAX_PANELS)
        .map(|(name, series, detection)| {
            // In the legend, which is one for all panels, the counts would make as many entries.
            let title = match count(detection) {
                1 => format!("{name}: 1 anomaly"),
                alarms => format!("{name}: {alarms} anomalies"),
            };
            judged_panel(series, detection, "anomalies".to_owned(), strength).title(title)
        })
        .collect();
    arrange(title, panels, results.len())
}

/// The number of alarms.
fn count(detection: &Detection) -> usize {
    detection.is_anomaly.iter().filter(|alarm| **alarm).count()
}

fn judged_panel(series: &Series, detection: &Detection, alarm_label: String, strength: f64) -> Panel {
    let x = times(series, 0..series.len());
    let mut panel = Panel::new(scale(series)).with(Mark::Band {
        x: x.clone(),
        lo: detection.lo.clone(),
        hi: detection.hi.clone(),
        color: Color::Series(0),
        strength,
        label: Some("expected range".to_owned()),
    });
    panel = panel.with(history(series, 0));
    if let Some(first) = detection.judged.iter().position(|judged| *judged)
        && first > 0
    {
        let label = Some("end of training".to_owned());
        panel = panel.with(Mark::Vertical { x: x[first], color: Color::Muted, label });
    }
    let alarms: Vec<usize> = (0..series.len()).filter(|&row| detection.is_anomaly[row]).collect();
    panel.with(Mark::Points {
        x: alarms.iter().map(|&row| x[row]).collect(),
        y: alarms.iter().map(|&row| series.values()[row]).collect(),
        color: Color::Alarm,
        label: Some(alarm_label),
        shape: Shape::Ring,
    })
}

/// Rows that fill the pixels of a chart's width; panels stand two or three abreast.
const DENSE: usize = 1500;

/// How strong a band is painted: beside a dense line little of it is left to see, which must be the stronger.
fn band_strength(rows: usize, panels: usize) -> f64 {
    let dense = if panels > 1 { DENSE / 3 } else { DENSE };
    if rows > dense { 0.5 } else { 0.25 }
}

/// How many times the threshold's height above the lowest surprisal is drawn: what spikes higher is cut off, or the
/// threshold would be lost at the bottom.
const SURPRISAL_HEIGHT: f64 = 5.0;

fn surprisal_panel(series: &Series, detection: &Detection) -> Panel {
    let x = times(series, 0..series.len());
    let (threshold_x, threshold_y): (Vec<f64>, Vec<f64>) =
        detection.threshold_surprisals.iter().map(|&(row, y)| (series.timeline().seconds(row as i64), y)).unzip();
    let finite = || detection.surprisal.iter().copied().filter(|y| y.is_finite());
    let lowest = finite().fold(f64::INFINITY, f64::min);
    let threshold = threshold_y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let top = round_top(lowest + SURPRISAL_HEIGHT * (threshold - lowest));
    let mut y = detection.surprisal.clone();
    let mut panel = Panel::new(scale(series));
    let mut y_label = "surprisal (nats)".to_owned();
    if top.is_finite() && y.iter().any(|&y| y > top) {
        y.iter_mut().filter(|y| **y > top).for_each(|y| *y = top);
        y_label += &format!(", cut off at {top}");
        panel = panel.y_tick(top);
    }
    let line = Mark::Line { x, y, color: Color::Series(0), label: None };
    let label = Some("threshold".to_owned());
    let threshold = Mark::Dashed { x: threshold_x, y: threshold_y, color: Color::Alarm, label };
    panel.y_label(y_label).with(line).with(threshold)
}

/// The next multiple of five, of one where numbers are small.
fn round_top(level: f64) -> f64 {
    let step = if level > 10.0 { 5.0 } else { 1.0 };
    (level / step).ceil() * step
}

/// Every series as it is.
pub(super) fn series(series: &[Series], name_of: impl Fn(&Series) -> String, value_name: &str) -> Figure {
    let panel = |one: &Series| {
        let mark =
            Mark::Line { x: times(one, 0..one.len()), y: one.values().to_vec(), color: Color::Series(0), label: None };
        let panel = Panel::new(scale(one)).y_label(shared_label(value_name, series.len())).with(mark);
        if series.len() > 1 { panel.title(name_of(one)) } else { panel }
    };
    let panels = series.iter().take(MAX_PANELS).map(panel).collect();
    arrange(value_name.to_owned(), panels, series.len())
}

/// Autocorrelations of the values, residuals over time, and their normal Q-Q plot, for one series.
pub(super) fn diagnostics(name: &str, series: &Series, lags: usize, residuals: &[f64]) -> Figure {
    let known: Vec<f64> = residuals.iter().copied().filter(|e| !e.is_nan()).collect();
    let panels = vec![
        panels::correlogram("autocorrelation", &autocorrelations(series.values(), lags)[1..], series.len()),
        panels::correlogram("partial autocorrelation", &partial_autocorrelations(series.values(), lags), series.len()),
        panels::residuals(series, residuals),
        panels::normal_plot(known),
    ];
    Figure::new(panels).title(format!("Diagnostics of {name}")).layout(Layout::Grid)
}

/// Errors by steps ahead given the true past and given the own one, above the coverage that tells bias from
/// uncertainty.
pub(super) fn exposure(name: &str, model: &str, exposure: &Exposure) -> Figure {
    let x: Vec<f64> = (1..=exposure.steps.len()).map(|step| step as f64).collect();
    let lines = |of: &dyn Fn(&Accuracy) -> f64| {
        let line = |color, label: &str, accuracy: fn(&ExposureStep) -> &Accuracy| Mark::Line {
            x: x.clone(),
            y: exposure.steps.iter().map(|step| of(accuracy(step))).collect(),
            color: Color::Series(color),
            label: Some(label.to_owned()),
        };
        [
            line(0, "teacher-forced: given the true past", |step| &step.teacher_forced),
            line(1, "free-running: given its own draws", |step| &step.free_running),
        ]
    };
    let label = "steps ahead";
    let errors = Panel::new(Scale::Number).x_label(label).y_label(format!("CRPS, in the units of {name}")).weight(1.4);
    let nominal = Mark::Horizontal { y: 100.0 * LEVEL, color: Color::Ink, label: Some("nominal 80 %".to_owned()) };
    let inside =
        Panel::new(Scale::Number).x_label(label).y_label("values inside their 80 % interval (%)").with(nominal);
    let errors = lines(&|own| own.crps).into_iter().fold(errors, Panel::with);
    let inside = lines(&|own| 100.0 * own.coverage).into_iter().fold(inside, Panel::with);
    let subtitle = format!("{model}; {} origins, {} paths each", exposure.origins, exposure.paths);
    Figure::new(vec![errors, inside]).title(format!("Exposure bias on {name}")).subtitle(subtitle)
}

/// The losses of a training by epoch. They are in different units, so each has its panel.
pub(super) fn losses(name: &str, model: &str, history: &[Epoch], kept: Option<&Epoch>) -> Figure {
    let x: Vec<f64> = history.iter().map(|epoch| epoch.number as f64).collect();
    let panel = |y_label: &str, color: usize, of: fn(&Epoch) -> f64| {
        let y = history.iter().map(of).collect();
        let panel = Panel::new(Scale::Number).x_label("epoch").y_label(y_label);
        let panel = kept.iter().fold(panel, |panel, kept| {
            let label = Some(format!("the weights kept: epoch {}", kept.number));
            panel.with(Mark::Vertical { x: kept.number as f64, color: Color::Ink, label })
        });
        panel.with(Mark::Line { x: x.clone(), y, color: Color::Series(color), label: None })
    };
    let mut panels = vec![panel("training loss (nats per scaled value)", 0, |epoch| epoch.loss)];
    if history.iter().any(|epoch| epoch.held_out.is_finite()) {
        panels.push(panel("held-out loss (nats per value, in the units of the data)", 1, |epoch| epoch.held_out));
    }
    Figure::new(panels).title(format!("Training on {name}")).subtitle(model)
}

/// The share of all weights that are at the end of the scale: a few near one would leave all others white.
const STRONGEST: f64 = 0.01;

/// A heat map of every head: rows are steps that attend, columns the steps that they attend to.
pub(super) fn attention(name: &str, last: &str, maps: &[AttentionMap]) -> Figure {
    let mut all: Vec<f64> = maps.iter().flat_map(|map| map.weights.iter().flatten()).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let full =
        all.iter().rev().nth((STRONGEST * all.len() as f64) as usize).map_or(1.0, |x| (x * 100.0).ceil() / 100.0);
    let panel = |map: &AttentionMap| {
        let steps = map.weights.last().map_or(1, Vec::len) as f64;
        let back = |key: usize| key as f64 + 1.0 - steps;
        let cells =
            || map.weights.iter().enumerate().flat_map(|(query, row)| (0..row.len()).map(move |key| (query, key)));
        let mark = Mark::Cells {
            x: cells().map(|(_, key)| back(key)).collect(),
            y: cells().map(|(query, _)| back(map.weights[query].len() - 1)).collect(),
            values: map.weights.iter().flatten().copied().collect(),
            full,
            color: Color::Series(0),
            label: Some(format!("weight, from 0 to {full:.2} and above")),
        };
        Panel::new(Scale::Number)
            .title(format!("layer {}, head {}", map.layer + 1, map.head + 1))
            .x_label("step attended to")
            .y_label("step that attends")
            .with(mark)
    };
    let shown = maps.len().min(MAX_PANELS);
    let left_out =
        if shown < maps.len() { format!("; the first {shown} of {} heads", maps.len()) } else { String::new() };
    Figure::new(maps[..shown].iter().map(panel).collect())
        .title(format!("Attention over the past of {name}"))
        .subtitle(format!("Steps are counted back from the one that predicts the last value, {last}{left_out}"))
        .layout(Layout::Grid)
}
