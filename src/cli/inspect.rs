//! `foretoken inspect`: what a file holds, what an autoregression makes of it, and what that leaves unexplained.

use std::path::Path;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::args::{AverageArg, InspectArgs, InspectModel, ModelName};
use super::input::{self, Loaded, Needs};
use super::models::{ar_spec, with_covariates_of};
use super::output;
use super::table::{Table, short};
use super::{Outcome, figures, inspect_file};
use crate::chart;
use crate::data::frame::{Missing, write_whole};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::autocovariance::{autocorrelations, partial_autocorrelations};
use crate::math::special::normal_quantile;
use crate::model::linear::{Ar, ArReport, ArSpec, Average, Choice, Criterion, OrderRow};
use crate::model::mixture::Mixture;
use crate::model::transformed::Transformed;
use crate::model::{Fit, Fitted, Summary};
use crate::report::{Checked, MAX_SECTIONS, residual_check};

/// Series that are described in full; of more there is one line each.
const DETAILED: usize = 3;
/// Lines of the overview of a panel.
const SHOWN_SERIES: usize = 60;
const CRITERIA: [(Criterion, &str); 4] =
    [(Criterion::Aic, "AIC"), (Criterion::Aicc, "AICc"), (Criterion::Bic, "BIC"), (Criterion::Hqic, "HQIC")];

/// What is known about one series.
struct Report {
    moments: Moments,
    /// The season length; 1 for none.
    period: usize,
    /// Positions without a row in the file, and those whose row has no value.
    gaps: usize,
    missing: usize,
    acf: Vec<f64>,
    pacf: Vec<f64>,
    orders: Vec<OrderRow>,
    /// The series on the scale that the model is of, and the report of the fit to it.
    fitted: Series,
    fit: ArReport,
}

/// Mean, standard deviation (n - 1) and the five quartiles of the known values.
struct Moments {
    mean: f64,
    std_dev: f64,
    quartiles: [f64; 5],
}

pub(super) fn run(args: &InspectArgs) -> Result<Outcome> {
    if let Some(models) = &args.load {
        return inspect_file::run(args, models);
    }
    // What is required is waived where it conflicts with what is there.
    if args.attention.is_some() {
        return Err(Error::usage("--attention without --load")
            .expected("the file of a saved transformer")
            .hint("fit one with foretoken fit --model transformer --save, and give it with --load"));
    }
    let InspectModel::Ar = args.model;
    check(args)?;
    let format = args.plot.as_deref().map(output::chart_format).transpose()?;
    args.report.as_deref().map(output::check_page).transpose()?;
    let outputs = [&args.plot, &args.report];
    output::check_not_input(args.input.file(), &outputs)?;
    let mut loaded = input::load(&args.input, Needs { missing: Missing::Keep, rows: true, columns: false })?;
    let series = std::mem::take(&mut loaded.panel.series);
    let reports: Vec<Result<Report>> =
        (0..series.len()).into_par_iter().map(|number| report(&loaded, &series[number], number, args)).collect();
    let (done, failures) = input::split(&series, reports);
    let outcome = input::report_failures(&mut loaded, failures, done.len())?;
    if let (Some(path), Some(format), Some((first, report))) = (&args.plot, format, done.first()) {
        if done.len() > 1 {
            eprintln!("note: the chart shows the first series, `{}`", loaded.name_of(first));
        }
        let figure = figures::diagnostics(loaded.name_of(first), first, report.acf.len() - 1, &report.fit.residuals);
        write_whole(path, &chart::render(&figure, format)?)?;
        eprintln!("wrote {}", path.display());
    }
    if let Some(path) = &args.report {
        write_page(path, &loaded, &done)?;
    }
    if args.json {
        output::json_lines(done.iter().map(|(series, report)| json_of(&loaded, series, report)))?;
    } else if done.len() <= DETAILED {
        let texts: Vec<String> = done.iter().map(|(series, report)| text(&loaded, series, report)).collect();
        output::to_stdout(texts.join("\n").as_bytes())?;
    } else {
        output::to_stdout(overview(&loaded, &done).as_bytes())?;
    }
    Ok(outcome)
}

fn check(args: &InspectArgs) -> Result<()> {
    args.fit.check(&[ModelName::Ar])?;
    if matches!(args.fit.average, AverageArg::Auto | AverageArg::None) {
        return Ok(());
    }
    Err(Error::usage("inspect looks at one model, not at an average").hint("leave out --average"))
}

/// The residual check of the first series.
fn write_page(path: &Path, loaded: &Loaded, done: &[(&Series, Report)]) -> Result<()> {
    if done.len() > MAX_SECTIONS {
        eprintln!("note: the page shows the first {MAX_SECTIONS} of {} series", done.len());
    }
    let sections: Vec<Checked<'_>> = done
        .iter()
        .take(MAX_SECTIONS)
        .map(|(series, report)| Checked { name: loaded.name_of(series), series: &report.fitted, report: &report.fit })
        .collect();
    write_whole(path, residual_check(&sections, done.len())?.as_bytes())?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

fn report(loaded: &Loaded, series: &Series, number: usize, args: &InspectArgs) -> Result<Report> {
    let period = loaded.periods[number];
    let known: Vec<f64> = series.values().iter().copied().filter(|x| !x.is_nan()).collect();
    // One model is looked at: of an average of differences, the one with drift.
    let spec = ArSpec { average: Choice::Fixed(Average::None), ..ar_spec(&args.fit, period) };
    let spec = with_covariates_of(spec, series);
    let train = std::slice::from_ref(series);
    let orders = spec.order_table(train)?;
    let Fitted { model, summary } = spec.fit(train)?;
    let (fitted, fit) = ar_report(&model, &summary, series, period)?;
    let lags = lags_shown(series.len(), period);
    let rows = loaded.panel.rows.as_ref().map(|rows| &rows.row_of[number]);
    let is_gap = |position: usize| rows.is_some_and(|rows| rows[position] == u32::MAX);
    let count = |counts: &dyn Fn(usize) -> bool| (0..series.len()).filter(|&position| counts(position)).count();
    Ok(Report {
        period,
        moments: Moments::of(known.clone()),
        gaps: count(&is_gap),
        missing: count(&|position| series.values()[position].is_nan() && !is_gap(position)),
        acf: autocorrelations(series.values(), lags),
        pacf: partial_autocorrelations(series.values(), lags),
        orders,
        fitted,
        fit,
    })
}

/// The series on the scale that a model is of, and the report of its fit; of an average, the first one's.
pub(super) fn ar_report(
    model: &Transformed<Mixture<Ar>>,
    summary: &Summary,
    series: &Series,
    period: usize,
) -> Result<(Series, ArReport)> {
    let of_model = model.transform().forward(series)?.with_timeline(series.timeline().clone());
    let report = ArReport::new(summary, &model.inner().members()[0], &of_model, lags_shown(series.len(), period))?;
    Ok((of_model, report))
}

/// Two seasons, or R's 10 log10 n.
fn lags_shown(n: usize, period: usize) -> usize {
    let by_length = (10.0 * (n.max(2) as f64).log10()) as usize;
    by_length.max(if period <= 24 { 2 * period } else { 0 }).min(n.saturating_sub(1)).max(1)
}

impl Moments {
    fn of(mut known: Vec<f64>) -> Self {
        let n = known.len() as f64;
        let mean = known.iter().sum::<f64>() / n;
        let std_dev = (known.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        known.sort_unstable_by(f64::total_cmp);
        let quartiles = std::array::from_fn(|quarter| quartile(&known, quarter));
        Self { mean, std_dev, quartiles }
    }
}

/// Linear interpolation between order statistics (type 7, the default of R and NumPy).
fn quartile(sorted: &[f64], quarter: usize) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let (at, rest) = (last * quarter / 4, (last * quarter % 4) as f64 / 4.0);
    let above = sorted[(at + 1).min(last)];
    sorted[at] + rest * (above - sorted[at])
}

fn text(loaded: &Loaded, series: &Series, report: &Report) -> String {
    let timeline = series.timeline();
    let mut text = format!("{}\n", loaded.name_of(series));
    text += &format!(
        "  {} rows from {} to {}, {}, {}\n",
        series.len() - report.gaps,
        timeline.label(0),
        timeline.last_label(),
        timeline.frequency().map_or("irregular times".to_owned(), |frequency| frequency.describe()),
        if report.period > 1 { format!("period {}", report.period) } else { "no season".to_owned() },
    );
    if report.gaps + report.missing > 0 {
        let first = series.values().iter().position(|x| x.is_nan());
        let first = first.map_or(String::new(), |row| format!(", the first at {}", timeline.label(row as i64)));
        text += &format!("  {} missing times and {} missing values{first}\n", report.gaps, report.missing);
    }
    let Moments { mean, std_dev, quartiles } = &report.moments;
    text += &format!(
        "  mean {}, standard deviation {}, quartiles {}\n\n",
        short(*mean),
        short(*std_dev),
        quartiles.map(short).join("  ")
    );
    if report.acf[0].is_nan() {
        text += "  no variation: there are no autocorrelations and no order to choose\n\n";
    } else {
        text += &correlations(report, series.len());
        text += &order_table(&report.orders);
    }
    text + &report.fit.to_string()
}

fn correlations(report: &Report, n: usize) -> String {
    let limit = normal_quantile(0.975) / (n as f64).sqrt();
    let mut table = Table::new(["lag", "acf", "pacf", "* beyond the 95 % limit of white noise"]);
    for (lag, r) in report.acf.iter().enumerate().skip(1) {
        let partial = report.pacf.get(lag - 1).copied().unwrap_or(f64::NAN);
        let mark = |r: f64| if r.abs() > limit { "*" } else { " " };
        table.push([format!("{lag}"), known(*r), known(partial), format!("{}{}", mark(*r), mark(partial))]);
    }
    table.render(48) + "\n"
}

/// A dash where missing values leave a correlation unknown.
fn known(r: f64) -> String {
    if r.is_nan() { "-".to_owned() } else { format!("{r:.3}") }
}

/// The criteria relative to their minima, so that the chosen orders read 0.
fn order_table(orders: &[OrderRow]) -> String {
    let best =
        CRITERIA.map(|(criterion, _)| orders.iter().map(|row| row.criterion(criterion)).fold(f64::INFINITY, f64::min));
    let mut table = Table::new(["order", "AIC", "AICc", "BIC", "HQIC", "innovation variance"]);
    for row in orders {
        let mut cells = vec![row.order.to_string()];
        for ((criterion, _), best) in CRITERIA.iter().zip(best) {
            let own = row.criterion(*criterion);
            cells.push(if own == best { "0".to_owned() } else { above(own - best) });
        }
        cells.push(short(row.innovation_variance));
        table.push(cells);
    }
    format!("criteria above their minimum, on a common sample, after the transform below\n{}\n", table.render(40))
}

/// A dash where an order leaves nothing to explain: its criterion has no bottom.
fn above(difference: f64) -> String {
    if difference.is_finite() { format!("{difference:.2}") } else { "-".to_owned() }
}

fn overview(loaded: &Loaded, done: &[(&Series, Report)]) -> String {
    let mut table = Table::new(["series", "rows", "from", "to", "period", "missing", "mean", "sd", "model"]);
    for (series, report) in done {
        table.push([
            loaded.name_of(series).to_owned(),
            series.len().to_string(),
            series.timeline().label(0),
            series.timeline().last_label(),
            report.period.to_string(),
            (report.gaps + report.missing).to_string(),
            short(report.moments.mean),
            short(report.moments.std_dev),
            report.fit.summary.description.clone(),
        ]);
    }
    table.render(SHOWN_SERIES) + &format!("{} series; --json describes each in full\n", done.len())
}

fn json_of(loaded: &Loaded, series: &Series, report: &Report) -> Value {
    let timeline = series.timeline();
    let numbers = |x: &[f64]| x.iter().map(|x| output::json_number(*x)).collect::<Vec<_>>();
    let mut object = Map::new();
    if let Some(id) = &loaded.panel.id_column {
        object.insert(id.clone(), json!(series.id()));
    }
    let orders: Vec<Value> = report
        .orders
        .iter()
        .map(|row| {
            let mut entry = Map::new();
            entry.insert("order".to_owned(), json!(row.order));
            entry.insert("innovation_variance".to_owned(), output::json_number(row.innovation_variance));
            for (criterion, name) in CRITERIA {
                entry.insert(name.to_lowercase(), output::json_number(row.criterion(criterion)));
            }
            Value::Object(entry)
        })
        .collect();
    for (name, value) in [
        ("rows", json!(series.len() - report.gaps)),
        ("from", output::json_time(timeline.label(0))),
        ("to", output::json_time(timeline.last_label())),
        ("frequency", json!(timeline.frequency().map(|frequency| frequency.to_string()))),
        ("period", json!(report.period)),
        ("missing_times", json!(report.gaps)),
        ("missing_values", json!(report.missing)),
        ("mean", output::json_number(report.moments.mean)),
        ("std_dev", output::json_number(report.moments.std_dev)),
        ("quartiles", json!(numbers(&report.moments.quartiles))),
        ("acf", json!(numbers(&report.acf))),
        ("pacf", json!(numbers(&report.pacf))),
        ("orders", json!(orders)),
        ("fit", Value::Object(output::json_of_report(&report.fit))),
    ] {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}
