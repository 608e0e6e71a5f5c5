//! `foretoken generate`: paths that continue every series, each value chosen from its conditional and fed back.

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::args::{DecodeName, FixModeArg, GenerateArgs};
use super::input::{self, Loaded, Needs};
use super::load;
use super::models::Spec;
use super::network::{Pool, Start};
use super::output::{self, Column};
use super::table::{Table, short};
use super::{Outcome, figures, forecast, notes, progress, scenario, symbols};
use crate::chart;
use crate::data::batch::{Batch, Covariates};
use crate::data::frame::{Missing, write_whole};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::generate::{FirstPassage, Fixes, Generation, Paths, Stop, generate, generate_fixed};
use crate::model::file::StoredSeries;
use crate::model::{Autoregressive, Summary};

/// Rows that a terminal shows.
const SHOWN_ROWS: usize = 60;
/// The most rows of a result; each takes a few numbers.
const MAX_ROWS: usize = 100_000_000;

/// The paths of a series, and what they come from.
struct Generated {
    summary: Summary,
    paths: Paths,
    /// How the values were fixed, where they were.
    condition: Option<Condition>,
}

/// What conditioning says of itself.
struct Condition {
    effective_sample_size: Option<f64>,
    log_evidence: f64,
}

type Done<'a> = [(&'a Series, Generated)];

pub(super) fn run(args: &GenerateArgs) -> Result<Outcome> {
    if let Some(symbols) = args.symbols {
        return symbols::run(args, symbols);
    }
    check(args)?;
    let what = generation(args)?;
    let destination = output::destination(args.output.output.as_deref(), args.output.json)?;
    let format = args.output.plot.as_deref().map(output::chart_format).transpose()?;
    let models = args.load.as_deref().map(load::read).transpose()?.map(|(file, _)| file);
    let mut loaded = match (&args.load, &models) {
        (Some(path), Some(models)) => load::loaded(models, input::source_name(path)),
        _ => read(args)?,
    };
    if let Some(models) = &models {
        loaded.panel.series = models.series.iter().map(|saved| saved.tail.clone()).collect();
    }
    let fixes = args.fix.as_deref().map(|path| scenario::read(&loaded, path, args.horizon)).transpose()?;
    let series = std::mem::take(&mut loaded.panel.series);
    check_size(args, series.len())?;
    let pool = match &models {
        Some(_) => Pool::default(),
        None => Pool::train(&[args.model], &args.fit, args.input.period, &series, Start::default())?,
    };
    let sources: Vec<Source<'_>> = match &models {
        Some(models) => models.series.iter().map(Source::Saved).collect(),
        None => loaded.periods.iter().map(|&period| Source::Fit { period, pool: &pool }).collect(),
    };
    let fixed: Vec<(&str, &Fixes)> =
        series.iter().zip(fixes.iter().flatten()).map(|(series, fixes)| (series.id(), fixes)).collect();
    let results = generate_all(&series, &sources, fixes.as_deref(), &what, args);
    let (done, failures) = input::split(&series, results);
    let outcome = input::report_failures(&mut loaded, failures, done.len())?;
    say(&loaded, &done, &what);
    if let (Some(path), Some(format)) = (&args.output.plot, format) {
        let threshold = match what.stop {
            Stop::Above(threshold) | Stop::Below(threshold) => Some(threshold),
            _ => None,
        };
        let fixed_of = |id: &str| fixed.iter().find(|(own, _)| *own == id).map_or(&[][..], |(_, fixes)| fixes.of(0));
        let told = |series: &Series| figures::Told { fixed: fixed_of(series.id()), threshold };
        let drawn: Vec<(&str, &Series, &Paths, figures::Told<'_>)> =
            done.iter().map(|(series, one)| (loaded.name_of(series), *series, &one.paths, told(series))).collect();
        write_whole(path, &chart::render(&figures::paths(&drawn, &loaded.panel.value_column), format)?)?;
        eprintln!("wrote {}", path.display());
    }
    if args.output.json {
        output::json_lines(done.iter().map(|one| json_of(&loaded, one, &what)))?;
    } else if destination.is_none() {
        output::to_stdout(text(&loaded, &done).as_bytes())?;
    }
    if let Some(destination) = destination {
        output::save(output::frame(None, columns(&loaded, &done))?, destination)?;
    }
    Ok(outcome)
}

fn check(args: &GenerateArgs) -> Result<()> {
    if args.until.as_ref().is_some_and(|until| until.symbol.is_some()) {
        return Err(Error::usage("--until symbol=NAME without --symbols").expected("--until 'value>X' or 'value<X'"));
    }
    let outputs = [&args.output.output, &args.output.plot];
    if let Some(models) = &args.load {
        load::check_fitted(&args.fit)?;
        return output::check_not_input(models, &outputs);
    }
    args.model.check_single()?;
    args.fit.check(&[args.model])?;
    input::check_covariates(&args.input, &[args.model])?;
    output::check_not_input(args.input.file(), &outputs)
}

/// The series of a table, with the known future of their covariates.
fn read(args: &GenerateArgs) -> Result<Loaded> {
    let mut loaded = input::load(&args.input, Needs { missing: Missing::Error, rows: false, columns: false })?;
    input::load_future(&mut loaded, &args.input, args.future.as_deref(), args.horizon)?;
    input::say_unused(&loaded);
    Ok(loaded)
}

/// Where the model of a series comes from.
enum Source<'a> {
    Fit { period: usize, pool: &'a Pool },
    Saved(&'a StoredSeries),
}

/// How many paths best-of chooses from where nothing else is said.
const DEFAULT_BEST_OF: u32 = 16;

impl GenerateArgs {
    /// How many paths are drawn for every series.
    pub(super) fn paths(&self) -> usize {
        let is_best_of = self.decode.decode == Some(DecodeName::BestOf);
        self.paths.unwrap_or(if is_best_of { DEFAULT_BEST_OF } else { 1 }) as usize
    }
}

/// What is generated for every series.
pub(super) fn generation(args: &GenerateArgs) -> Result<Generation> {
    let paths = args.paths();
    Ok(Generation {
        decoding: args.decode.decoding(args.decode.decode.unwrap_or_default(), paths)?,
        antithetic: args.decode.antithetic,
        stop: args.until.clone().map_or(Stop::Never, |until| until.stop),
        ..Generation::sample(args.horizon, paths, args.seed)
    })
}

/// Refuses what no memory could hold.
fn check_size(args: &GenerateArgs, series: usize) -> Result<()> {
    let rows = args.horizon.saturating_mul(args.paths()).saturating_mul(series);
    if rows <= MAX_ROWS {
        return Ok(());
    }
    Err(Error::usage(format!("{rows} rows are too many: --horizon, --paths and {series} series multiply"))
        .expected(format!("at most {MAX_ROWS}")))
}

/// Every series in parallel; results stay in the order of the file.
fn generate_all(
    series: &[Series],
    sources: &[Source<'_>],
    fixes: Option<&[Fixes]>,
    what: &Generation,
    args: &GenerateArgs,
) -> Vec<Result<Generated>> {
    let bar = progress::bar("generating", series.len());
    let results = series
        .par_iter()
        .zip(sources)
        .enumerate()
        .map(|(number, (series, source))| {
            let what = Generation { stream: number as u32, ..what.clone() };
            let fixes = fixes.map(|fixes| &fixes[number]).filter(|fixes| !fixes.is_empty());
            let result = generate_one(series, source, fixes, &what, args);
            bar.inc(1);
            result
        })
        .collect();
    bar.finish_and_clear();
    results
}

fn generate_one(
    series: &Series,
    source: &Source<'_>,
    fixes: Option<&Fixes>,
    what: &Generation,
    args: &GenerateArgs,
) -> Result<Generated> {
    series.timeline().check_ahead(args.horizon)?;
    match source {
        Source::Fit { period, pool } => {
            let spec = Spec::new(args.model, &args.fit, *period, args.input.period.is_some(), pool)?;
            let (model, summary) = forecast::fit(&spec, series)?;
            let known = Covariates::of_series(&series.select_covariates(model.covariates())?);
            Generated::of(&model, summary, (&Batch::single(series.values(), 0), &known), fixes, what, args)
        }
        Source::Saved(saved) => {
            let past = (&saved.context(), &saved.known());
            Generated::of(&saved.model, saved.summary.clone(), past, fixes, what, args)
        }
    }
}

impl Generated {
    fn of(
        model: &dyn Autoregressive,
        summary: Summary,
        (context, known): (&Batch, &Covariates),
        fixes: Option<&Fixes>,
        what: &Generation,
        args: &GenerateArgs,
    ) -> Result<Self> {
        let Some(fixes) = fixes else {
            return Ok(Self { summary, paths: generate(model, context, known, what)?, condition: None });
        };
        let scenario =
            generate_fixed(model, context, known, what, fixes, args.fix_mode.unwrap_or(FixModeArg::Condition).mode())?;
        let condition =
            Condition { effective_sample_size: scenario.effective_sample_size, log_evidence: scenario.log_evidence };
        Ok(Self { summary, paths: scenario.paths, condition: Some(condition) })
    }
}

/// What there is to say on standard error: warnings of the fits, how well particles stand for the condition, and when
/// paths stopped.
fn say(loaded: &Loaded, done: &Done<'_>, what: &Generation) {
    let mut said: Vec<(&str, String)> = Vec::new();
    for (series, Generated { summary, paths, condition }) in done {
        said.extend(summary.warnings.iter().map(|warning| (series.id(), warning.clone())));
        if let Some(size) = condition.as_ref().and_then(|condition| condition.effective_sample_size) {
            said.push((series.id(), format!("the fixed values leave an effective sample of {size:.0} particles")));
        }
        if !matches!(what.stop, Stop::Never) {
            said.push((series.id(), passage_text(series, paths)));
        }
    }
    let said: Vec<(&str, &str)> = said.iter().map(|(id, text)| (*id, text.as_str())).collect();
    notes::say_for_series(&said, loaded.panel.id_column.is_some());
}

/// How many paths stopped before the horizon or at it.
fn stopped(paths: &Paths) -> usize {
    (0..paths.lanes()).filter(|&lane| paths.stopped(lane)).count()
}

/// When paths stopped, in words.
fn passage_text(series: &Series, paths: &Paths) -> String {
    let passage = FirstPassage::of(paths, 0..paths.lanes());
    let (stopped, all) = (stopped(paths), paths.lanes());
    let at = |share: f64| passage.quantile(share).map(|step| forecast::label(series, step - 1));
    let quantiles = [(0.1, "10 %"), (0.5, "half"), (0.9, "90 %")];
    let known = quantiles.iter().filter_map(|(share, name)| Some(format!("{name} by {}", at(*share)?)));
    let times: Vec<String> = known.collect();
    let times = if times.is_empty() { String::new() } else { format!(": {}", times.join(", ")) };
    format!("{stopped} of {all} paths reach --until{times}")
}

/// The rows of all paths up to their stops: series, path, step.
fn rows<'a>(done: &'a Done<'a>) -> impl Iterator<Item = (&'a Series, &'a Paths, usize, usize)> {
    done.iter().flat_map(|(series, Generated { paths, .. })| {
        (0..paths.lanes()).flat_map(move |path| (0..paths.len(path)).map(move |step| (*series, paths, path, step)))
    })
}

/// Long: id and time as in the input, the value under its own name, the path and its log densities.
fn columns(loaded: &Loaded, done: &Done<'_>) -> Vec<Column> {
    let keys = rows(done).map(|(series, _, _, step)| (series, forecast::label(series, step)));
    let mut columns = input::key_columns(loaded, keys);
    let numbers = |of: &dyn Fn(&Paths, usize, usize) -> f64| {
        rows(done).map(|(_, paths, path, step)| of(paths, path, step)).collect::<Vec<f64>>()
    };
    columns.push(Column::numbers(&loaded.panel.value_column, numbers(&|paths, path, step| paths.step(step)[path])));
    columns.push(Column::integers("sample_id", rows(done).map(|(_, _, path, _)| path as i64).collect()));
    columns.push(Column::numbers("log_prob", numbers(&|paths, path, _| paths.log_prob()[path])));
    columns.push(Column::numbers("log_q", numbers(&|paths, path, _| paths.log_q()[path])));
    columns
}

/// What a terminal shows.
fn text(loaded: &Loaded, done: &Done<'_>) -> String {
    let columns = columns(loaded, done);
    let mut table = Table::new(columns.iter().map(|column| column.name.clone()));
    for row in 0..columns.first().map_or(0, Column::len) {
        table.push(columns.iter().map(|column| column.shown(row)));
    }
    let models: String = match done {
        [(_, one)] => format!("{}, log-likelihood {}\n\n", one.summary.description, short(one.summary.log_likelihood)),
        _ => String::new(),
    };
    models + &table.render(SHOWN_ROWS)
}

/// One object per series, every digit.
fn json_of(loaded: &Loaded, (series, one): &(&Series, Generated), what: &Generation) -> Value {
    let Generated { summary, paths, condition } = one;
    let mut object = Map::new();
    if let Some(id) = &loaded.panel.id_column {
        object.insert(id.clone(), json!(series.id()));
    }
    let mut insert = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
    insert("model", json!(summary.description));
    insert(
        loaded.time_name(),
        (0..paths.horizon()).map(|step| output::json_time(forecast::label(series, step))).collect(),
    );
    let path = |lane: usize| paths.path(lane).take(paths.len(lane)).map(output::json_number).collect::<Value>();
    insert("paths", (0..paths.lanes()).map(path).collect());
    insert("log_prob", paths.log_prob().iter().map(|x| output::json_number(*x)).collect());
    insert("log_q", paths.log_q().iter().map(|x| output::json_number(*x)).collect());
    if let Some(Condition { effective_sample_size, log_evidence }) = condition {
        insert("log_evidence", output::json_number(*log_evidence));
        insert("effective_sample_size", effective_sample_size.map_or(Value::Null, output::json_number));
    }
    if !matches!(what.stop, Stop::Never) {
        insert("first_passage", json_of_passage(paths));
    }
    Value::Object(object)
}

/// How many paths stopped at each step, and quantiles of the step among all paths (null where not so many stopped).
fn json_of_passage(paths: &Paths) -> Value {
    let passage = FirstPassage::of(paths, 0..paths.lanes());
    json!({
        "stopped": stopped(paths),
        "counts": passage.counts(),
        "step_10": passage.quantile(0.1),
        "step_50": passage.quantile(0.5),
        "step_90": passage.quantile(0.9),
    })
}
