//! `foretoken forecast`: fit every series, forecast it, write the table, draw the fan.

use std::io::IsTerminal;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::args::{DecodeName, ForecastArgs, ModelName, PointArg};
use super::figures::{self, Fan};
use super::input::{self, Loaded, Needs};
use super::models::Spec;
use super::network::{Pool, Start};
use super::output::{self, Column};
use super::table::{Table, short};
use super::vector::{self, System};
use super::{Outcome, load, notes, progress};
use crate::chart::{self, Figure};
use crate::data::batch::{Batch, Covariates};
use crate::data::frame::{Destination, Missing, TableFormat, write_whole};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::forecast::{DEFAULT_PATHS, Forecast, ForecastOptions, forecast};
use crate::generate::Paths;
use crate::model::Autoregressive;
use crate::model::Summary;
use crate::model::file::StoredModel;
use crate::model::linear::ParameterDraws;

/// Rows of a forecast table that a terminal shows.
const SHOWN_ROWS: usize = 60;

/// The most rows of a result; each model takes a few numbers for each.
const MAX_ROWS: usize = 100_000_000;

/// The forecasts of one series by all models asked for.
pub(super) type Models = Vec<(Summary, Forecast)>;
pub(super) type SeriesForecast<'a> = (&'a Series, Models);

pub(super) fn run(args: &ForecastArgs) -> Result<Outcome> {
    if let Some(models) = &args.load {
        return load::run(args, models);
    }
    check(args)?;
    let outputs = Outputs::of(args)?;
    let has_system = args.model.contains(&ModelName::Var);
    let mut loaded = input::load(&args.input, Needs { missing: Missing::Error, rows: false, columns: has_system })?;
    if has_system {
        vector::widen(&mut loaded, &args.input).map_err(|error| loaded.located(error))?;
    }
    input::load_future(&mut loaded, &args.input, args.future.as_deref(), args.horizon)?;
    input::say_unused(&loaded);
    let series = std::mem::take(&mut loaded.panel.series);
    check_size(args, series.len())?;
    let ahead = options(args, 0)?;
    let system = has_system.then(|| vector::system(&loaded, &series, &args.fit, Some(ahead)));
    let system = system.transpose().map_err(|error| loaded.located(error))?;
    let pool = Pool::train(&args.model, &args.fit, args.input.period, &series, Start::default())?;
    let trained = Trained { system: system.as_ref(), pool: &pool };
    let (forecasts, failures) = input::split(&series, forecast_all(&series, &loaded.periods, trained, args));
    let outcome = input::report_failures(&mut loaded, failures, forecasts.len())?;
    present(&loaded, &forecasts, system.as_ref(), args, outputs)?;
    Ok(outcome)
}

/// Where the results go, checked before anything is computed.
#[derive(Debug)]
pub(super) struct Outputs<'a> {
    destination: Option<(Destination<'a>, TableFormat)>,
    format: Option<chart::Format>,
}

impl<'a> Outputs<'a> {
    pub(super) fn of(args: &'a ForecastArgs) -> Result<Self> {
        let destination = output::destination(args.output.output.as_deref(), args.output.json)?;
        Ok(Self { destination, format: args.output.plot.as_deref().map(output::chart_format).transpose()? })
    }
}

/// Writes the forecasts everywhere they were asked for.
pub(super) fn present(
    loaded: &Loaded,
    forecasts: &[SeriesForecast<'_>],
    system: Option<&System>,
    args: &ForecastArgs,
    Outputs { destination, format }: Outputs<'_>,
) -> Result<()> {
    let table = destination.as_ref().map(|_| output::frame(None, columns(loaded, forecasts, args))).transpose()?;
    let is_terminal_text = !args.output.json && args.output.output.is_none() && std::io::stdout().is_terminal();
    if !(is_terminal_text && is_detailed(forecasts)) {
        say_warnings(loaded, forecasts);
    }
    if let (Some(path), Some(format)) = (&args.output.plot, format) {
        write_whole(path, &chart::render(&figure(loaded, forecasts, args), format)?)?;
        eprintln!("wrote {}", path.display());
    }
    if args.output.json {
        output::json_lines(forecasts.iter().map(|f| json_of(loaded, f, system, args)))?;
    } else if is_terminal_text {
        let system = system.map_or_else(String::new, System::text);
        output::to_stdout((system + &text(loaded, forecasts, args)).as_bytes())?;
    }
    if let (Some(destination), Some(table)) = (destination, table) {
        output::save(table, destination)?;
    }
    Ok(())
}

/// What the fits warn of, what all models of a series say once.
fn say_warnings(loaded: &Loaded, forecasts: &[SeriesForecast<'_>]) {
    let mut said: Vec<(&str, &str)> = Vec::new();
    for (series, models) in forecasts {
        for warning in models.iter().flat_map(|(summary, _)| &summary.warnings) {
            if said.last() != Some(&(series.id(), warning)) {
                said.push((series.id(), warning));
            }
        }
    }
    notes::say_for_series(&said, loaded.panel.id_column.is_some());
}

/// Whether a terminal shows every fit.
fn is_detailed(forecasts: &[SeriesForecast<'_>]) -> bool {
    forecasts.len() <= 3
}

fn check(args: &ForecastArgs) -> Result<()> {
    args.fit.check(&args.model)?;
    input::check_covariates(&args.input, &args.model)?;
    if args.future.is_some() && args.input.covariates.is_empty() {
        return Err(Error::usage("--future without --covariates")
            .expected("--covariates a,b, whose values ahead the table has"));
    }
    output::check_not_input(args.input.file(), &[&args.output.output, &args.output.plot])?;
    let mut seen: Vec<ModelName> = Vec::new();
    for model in &args.model {
        if seen.contains(model) {
            return Err(Error::usage(format!("--model names {} twice", model.display_name())).hint("name it once"));
        }
        seen.push(*model);
    }
    check_levels(&args.level)?;
    if args.decode.decode.is_some() && args.model.contains(&ModelName::Var) {
        return Err(Error::usage("--decode with --model var").hint("leave it out: var draws whole vectors"));
    }
    if args.paths.is_some() && args.decode.decode.is_some_and(DecodeName::has_one_path) {
        return Err(Error::usage("--paths with a decoding that has one path")
            .expected("a decoding that draws: sample, top-k, nucleus, typical")
            .hint("leave out --paths, or use foretoken generate for best-of"));
    }
    if args.parameter_uncertainty && !args.model.contains(&ModelName::Ar) {
        return Err(Error::usage("--parameter-uncertainty without --model ar")
            .expected("a model whose parameters are estimated with their covariance: ar")
            .hint("leave it out, or add ar to --model"));
    }
    if let (Some(paths), true) = (args.paths, args.model.len() > 1) {
        return Err(Error::usage(format!("--paths {paths} of several models do not fit one table"))
            .expected("one --model with --paths"));
    }
    Ok(())
}

/// Refuses levels that are named twice.
pub(super) fn check_levels(levels: &[f64]) -> Result<()> {
    for (i, level) in levels.iter().enumerate() {
        if *level < 1.0 {
            eprintln!("note: --level is in percent: {level} is {level} %");
        }
        if levels[..i].contains(level) {
            return Err(Error::usage(format!("--level names {level} twice")).hint("name it once"));
        }
    }
    Ok(())
}

/// Refuses what no memory could hold.
pub(super) fn check_size(args: &ForecastArgs, series: usize) -> Result<()> {
    let paths = args.paths.map_or(1, |paths| paths as usize);
    let rows = args.horizon.saturating_mul(paths).saturating_mul(series);
    if rows <= MAX_ROWS {
        return Ok(());
    }
    Err(Error::usage(format!("{rows} rows of forecasts are too many: --horizon, --paths and {series} series multiply"))
        .expected(format!("at most {MAX_ROWS}")))
}

/// What was fitted to all series together.
#[derive(Clone, Copy)]
struct Trained<'a> {
    system: Option<&'a System>,
    pool: &'a Pool,
}

/// Every series in parallel; results stay in the order of the file.
fn forecast_all(
    series: &[Series],
    periods: &[usize],
    trained: Trained<'_>,
    args: &ForecastArgs,
) -> Vec<Result<Models>> {
    let bar = progress::bar("forecasting", series.len());
    let results = series
        .par_iter()
        .zip(periods)
        .enumerate()
        .map(|(number, (series, &period))| {
            let result = forecast_one(series, period, number, trained, args);
            bar.inc(1);
            result
        })
        .collect();
    bar.finish_and_clear();
    results
}

fn forecast_one(
    series: &Series,
    period: usize,
    number: usize,
    trained: Trained<'_>,
    args: &ForecastArgs,
) -> Result<Models> {
    series.timeline().check_ahead(args.horizon)?;
    let context = Batch::single(series.values(), 0);
    let models = args.model.iter().map(|&name| {
        if let (ModelName::Var, Some(system)) = (name, trained.system) {
            return Ok(system.of(number));
        }
        let spec = Spec::new(name, &args.fit, period, args.input.period.is_some(), trained.pool)?;
        let draws = ParameterDraws { count: args.draws as usize, seed: args.seed, stream: number as u32 };
        let uncertain = args.parameter_uncertainty.then(|| spec.fit_uncertain(series, draws)).transpose()?.flatten();
        let (model, summary): (Box<dyn Autoregressive>, Summary) = match uncertain {
            Some((model, summary)) => (Box::new(model), warned(summary, series)),
            None => fit(&spec, series).map(|(model, summary)| (Box::new(model) as _, summary))?,
        };
        let known = if name.takes_covariates() { Covariates::of_series(series) } else { Covariates::none() };
        let ahead = forecast(model.as_ref(), &context, &known, options(args, number)?)?;
        Ok((running_away(summary, &ahead, args), ahead))
    });
    models.collect()
}

/// The levels of the intervals: none of a decoding that has one path.
fn levels(args: &ForecastArgs) -> &[f64] {
    if args.decode.decode.is_some_and(DecodeName::has_one_path) { &[] } else { &args.level }
}

/// How the series of a number is forecast.
///
/// # Errors
/// If the decoding has an option of another.
pub(super) fn options(args: &ForecastArgs, number: usize) -> Result<ForecastOptions> {
    let paths = args.paths.map(|paths| paths as usize);
    Ok(ForecastOptions {
        horizon: args.horizon,
        paths,
        decoding: args.decode.asked(paths.unwrap_or(DEFAULT_PATHS))?,
        antithetic: args.decode.antithetic,
        seed: args.seed,
        stream: number as u32,
    })
}

/// A fit that warns of nothing but values too poor for it, where they are.
pub(super) fn fit(spec: &Spec, series: &Series) -> Result<(StoredModel, Summary)> {
    let (model, summary) = spec.fit(series)?;
    Ok((model, warned(summary, series)))
}

fn warned(summary: Summary, series: &Series) -> Summary {
    match oddity(series.values(), &summary) {
        Some(odd) => Summary { warnings: vec![odd], ..summary },
        None => summary,
    }
}

/// Warns where a mean says nothing about the values to come: a few paths carry it out of the interval of nearly all.
pub(super) fn running_away(mut summary: Summary, ahead: &Forecast, args: &ForecastArgs) -> Summary {
    let is_away = |step: &usize| {
        let (low, high) = ahead.interval(*step, 0.95);
        let mean = ahead.mean(*step);
        low < high && (mean < low || mean > high)
    };
    if args.point == PointArg::Mean
        && !args.decode.decode.is_some_and(DecodeName::has_one_path)
        && let Some(step) = (0..ahead.horizon()).find(is_away)
    {
        summary.warnings.push(format!(
            "from step {} on the mean lies outside the 95 % interval: a few paths run away; --point median is not moved by them",
            step + 1
        ));
    }
    summary
}

/// What makes values too poor for a forecast to say more than they do.
fn oddity(values: &[f64], summary: &Summary) -> Option<String> {
    let mut known = values.iter().copied().filter(|x| !x.is_nan());
    let first = known.next()?;
    let (mut same, mut others, mut second) = (1, 0, None);
    for x in known {
        if x == first {
            same += 1;
        } else if *second.get_or_insert(x) == x {
            others += 1;
        } else {
            return None;
        }
    }
    let Some(second) = second else {
        // A network of several series has a spread for this one as well, and a variance of none.
        if summary.innovation_variance.is_nan() {
            return None;
        }
        if summary.innovation_variance > 0.0 {
            return Some(format!("the series is constant ({first}), and the model has no level for it"));
        }
        return Some(format!("the series is constant ({first}): the forecast repeats it, without any spread"));
    };
    let (usual, odd) = if others == 1 { (first, second) } else { (second, first) };
    let is_spike = same.min(others) == 1 && same.max(others) >= 3;
    is_spike
        .then(|| format!("all values are {usual} but one, {odd}: the spread of the forecast rests on that one value"))
}

fn point(forecast: &Forecast, step: usize, args: &ForecastArgs) -> f64 {
    match args.point {
        PointArg::Mean => forecast.mean(step),
        PointArg::Median => forecast.median(step),
    }
}

/// `80`, or `99.5` where the level is not whole.
fn level_name(level: f64) -> String {
    level.to_string()
}

pub(super) fn label(series: &Series, step: usize) -> String {
    series.timeline().label((series.len() + step) as i64)
}

/// The output table: id and time under the user's own names, then every model's point and intervals, or the paths.
fn columns(loaded: &Loaded, forecasts: &[SeriesForecast<'_>], args: &ForecastArgs) -> Vec<Column> {
    match args.paths {
        Some(_) => path_columns(loaded, forecasts, args),
        None => interval_columns(loaded, forecasts, args),
    }
}

fn interval_columns(loaded: &Loaded, forecasts: &[SeriesForecast<'_>], args: &ForecastArgs) -> Vec<Column> {
    let steps = || forecasts.iter().flat_map(|f| (0..args.horizon).map(move |step| (f, step)));
    let mut columns = input::key_columns(loaded, steps().map(|(f, step)| (f.0, label(f.0, step))));
    for (index, model) in args.model.iter().enumerate() {
        let name = model.display_name();
        let value = |of: &dyn Fn(&Forecast, usize) -> f64| steps().map(|(f, step)| of(&f.1[index].1, step)).collect();
        columns.push(Column::numbers(name, value(&|f, step| point(f, step, args))));
        for &level in levels(args) {
            let share = level / 100.0;
            let named = |side: &str| format!("{name}-{side}-{}", level_name(level));
            columns.push(Column::numbers(named("lo"), value(&|f, step| f.interval(step, share).0)));
            columns.push(Column::numbers(named("hi"), value(&|f, step| f.interval(step, share).1)));
        }
    }
    columns
}

fn path_columns(loaded: &Loaded, forecasts: &[SeriesForecast<'_>], args: &ForecastArgs) -> Vec<Column> {
    let count = args.paths.map_or(0, |paths| paths as usize);
    let rows = || {
        forecasts
            .iter()
            .flat_map(move |f| (0..count).flat_map(move |path| (0..args.horizon).map(move |step| (f, path, step))))
    };
    let mut columns = input::key_columns(loaded, rows().map(|(f, _, step)| (f.0, label(f.0, step))));
    columns.push(Column::integers("sample_id", rows().map(|(_, path, _)| path as i64).collect()));
    let value = |(f, path, step): (&SeriesForecast<'_>, usize, usize)| {
        f.1[0].1.paths().map_or(f64::NAN, |paths| paths.step(step)[path])
    };
    columns.push(Column::numbers(args.model[0].display_name(), rows().map(value).collect()));
    columns
}

/// What a terminal shows: what was fitted, then the table.
fn text(loaded: &Loaded, forecasts: &[SeriesForecast<'_>], args: &ForecastArgs) -> String {
    let mut text = String::new();
    let detailed = is_detailed(forecasts);
    for f in forecasts.iter().filter(|_| detailed) {
        for (summary, _) in &f.1 {
            text += &summary_text(f.0.id(), summary);
        }
    }
    let columns = columns(loaded, forecasts, args);
    let mut table = Table::new(columns.iter().map(|column| column.name.clone()));
    let rows = columns.first().map_or(0, Column::len);
    for row in 0..rows {
        table.push(columns.iter().map(|column| column.shown(row)));
    }
    text += &table.render(SHOWN_ROWS);
    if !detailed {
        text += &format!("{} series, {} steps each; -o FILE writes all\n", forecasts.len(), args.horizon);
    }
    text
}

/// A few lines on what was fitted, in the shape that R and statsmodels users know.
pub(super) fn summary_text(id: &str, summary: &Summary) -> String {
    let mut text = if id.is_empty() { String::new() } else { format!("{id}: ") };
    text += &format!("{}\n", summary.description);
    if !summary.parameters.is_empty() {
        let mut table = Table::new(["", "estimate", "std error"]);
        for parameter in &summary.parameters {
            let error = parameter.standard_error.map_or_else(String::new, short);
            table.push([format!("  {}", parameter.name), short(parameter.value), error]);
        }
        text += &table.render(24);
    }
    if summary.observations == 0 {
        text += "  no value is left unexplained: there is no likelihood\n";
    } else {
        let said = [
            ("innovation variance ", summary.innovation_variance, ""),
            ("log-likelihood ", summary.log_likelihood, &format!(" over {} values", summary.observations)),
            ("AIC ", summary.aic(), ""),
        ];
        let known = said.iter().filter(|(_, x, _)| !x.is_nan());
        let parts: Vec<String> = known.map(|(what, x, over)| format!("{what}{}{over}", short(*x))).collect();
        text += &format!("  {}\n", parts.join(", "));
    }
    for warning in &summary.warnings {
        text += &format!("  note: {warning}\n");
    }
    text + "\n"
}

/// One object per series: every digit, nothing rounded.
fn json_of(loaded: &Loaded, f: &SeriesForecast<'_>, system: Option<&System>, args: &ForecastArgs) -> Value {
    let mut object = Map::new();
    if let Some(id) = &loaded.panel.id_column {
        object.insert(id.clone(), json!(f.0.id()));
    }
    let times = (0..args.horizon).map(|step| output::json_time(label(f.0, step)));
    object.insert(loaded.time_name().to_owned(), times.collect());
    for (model, (summary, ahead)) in args.model.iter().zip(&f.1) {
        let mut entry = match system.filter(|_| *model == ModelName::Var) {
            Some(system) => system.json_of(f.0, summary),
            None => output::json_of_summary(summary),
        };
        if let Some(paths) = ahead.paths().filter(|_| args.paths.is_some()) {
            entry.insert("paths".to_owned(), json_of_paths(paths, args.horizon));
            object.insert(model.display_name().to_owned(), Value::Object(entry));
            continue;
        }
        entry.extend(json_of_marginals(ahead, levels(args)));
        object.insert(model.display_name().to_owned(), Value::Object(entry));
    }
    Value::Object(object)
}

/// What is said of every step ahead: one array for each of mean, median, standard error, and interval ends.
pub(super) fn json_of_marginals(ahead: &Forecast, levels: &[f64]) -> Map<String, Value> {
    let steps = |of: &dyn Fn(usize) -> f64| (0..ahead.horizon()).map(of).map(output::json_number).collect::<Value>();
    let mut object = Map::new();
    object.insert("mean".to_owned(), steps(&|step| ahead.mean(step)));
    object.insert("median".to_owned(), steps(&|step| ahead.median(step)));
    object.insert("se".to_owned(), steps(&|step| ahead.std_dev(step)));
    for &level in levels {
        let (name, share) = (level_name(level), level / 100.0);
        object.insert(format!("lo-{name}"), steps(&|step| ahead.interval(step, share).0));
        object.insert(format!("hi-{name}"), steps(&|step| ahead.interval(step, share).1));
    }
    object
}

/// One array of values per path.
fn json_of_paths(paths: &Paths, horizon: usize) -> Value {
    let count = paths.step(0).len();
    let path = |number: usize| (0..horizon).map(move |step| output::json_number(paths.step(step)[number]));
    (0..count).map(|number| path(number).collect::<Vec<_>>()).collect::<Vec<_>>().into()
}

fn figure(loaded: &Loaded, forecasts: &[SeriesForecast<'_>], args: &ForecastArgs) -> Figure {
    let fan = |(series, models): &SeriesForecast<'_>| -> Vec<Vec<f64>> {
        debug_assert_eq!(models.len(), args.model.len(), "one forecast per model of `{}`", series.id());
        models.iter().map(|(_, ahead)| (0..args.horizon).map(|step| point(ahead, step, args)).collect()).collect()
    };
    let fans: Vec<Fan<'_>> = forecasts
        .iter()
        .take(chart::MAX_PANELS)
        .map(|one| Fan {
            name: loaded.name_of(one.0),
            series: one.0,
            models: args
                .model
                .iter()
                .zip(fan(one))
                .zip(&one.1)
                .map(|((model, points), (_, ahead))| (model.display_name(), points, ahead))
                .collect(),
        })
        .collect();
    // The columns of a wide table have no name together.
    let is_wide = args.model == [ModelName::Var] && loaded.panel.id_column.as_deref() == Some(vector::WIDE_ID);
    let names: Vec<&str> = forecasts.iter().take(chart::MAX_PANELS).map(|(series, _)| series.id()).collect();
    let what = if is_wide { names.join(", ") } else { loaded.panel.value_column.clone() };
    figures::forecast(&fans, forecasts.len(), levels(args), &what)
}
