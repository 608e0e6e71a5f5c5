//! `--load`: forecasts with the models of a file, from the values that it holds and those that an update adds, and rows
//! judged by them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rayon::prelude::*;

use super::args::{ForecastArgs, InputArgs, ModelArgs, ModelName};
use super::forecast::{self, Models, Outputs, SeriesForecast};
use super::input::{self, Loaded, Needs};
use super::{Outcome, notes, output, progress};
use crate::data::frame::{Missing, Panel, write_whole};
use crate::data::frequency::Frequency;
use crate::data::series::{Covariate, Series};
use crate::error::{Error, Result};
use crate::forecast::forecast as forecast_ahead;
use crate::model::file::{Columns, ModelFile, StoredSeries, Update};

pub(super) fn run(args: &ForecastArgs, models: &Path) -> Result<Outcome> {
    check(args, models)?;
    let (mut file, _) = read(models)?;
    let model = ModelName::from_str(file.model_name(), false).unwrap_or(ModelName::Ar);
    let args = &ForecastArgs { model: vec![model], ..args.clone() };
    let outputs = Outputs::of(args)?;
    forecast::check_size(args, file.series.len())?;
    let mut loaded = loaded(&file, input::source_name(args.update.as_deref().unwrap_or(models)));
    let mut failed = HashSet::new();
    if args.update.is_some() {
        let panel = input::read(
            &table_args(&args.input, args.update.clone(), &file),
            Needs { missing: Missing::Error, rows: false, columns: true },
        )?;
        failed = update(&mut file, panel, &mut loaded.panel)?;
    }
    let results = forecast_all(&file, args, &failed);
    let mut forecasts: Vec<SeriesForecast<'_>> = Vec::new();
    let mut failures = Vec::new();
    for (series, result) in file.series.iter().zip(results) {
        match result {
            Some(Ok(models)) => forecasts.push((&series.tail, models)),
            Some(Err(error)) => failures.push((series.tail.id().to_owned(), error)),
            None => {}
        }
    }
    let outcome = input::report_failures(&mut loaded, failures, forecasts.len())?;
    forecast::present(&loaded, &forecasts, None, args, outputs)?;
    if let Some(path) = &args.save {
        write_whole(path, &file.to_bytes()?)?;
        eprintln!("wrote {}", path.display());
    }
    Ok(outcome)
}

/// The models of a file, and its size in bytes.
pub(super) fn read(models: &Path) -> Result<(ModelFile, usize)> {
    let bytes = fs::read(models)
        .map_err(|error| Error::io(format!("cannot be read: {error}")).at(models.display().to_string()))?;
    let file = ModelFile::parse(&bytes).map_err(|error| error.at(models.display().to_string()))?;
    Ok((file, bytes.len()))
}

/// Refuses options of a fit.
pub(super) fn check_fitted(options: &ModelArgs) -> Result<()> {
    let given = options.given();
    if given.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!("{} with --load, whose models are fitted", given.join(", ")))
        .hint("leave them out, or fit the file again"))
}

/// Refuses options that have nothing to act on, and outputs that cannot be written.
fn check(args: &ForecastArgs, models: &Path) -> Result<()> {
    check_fitted(&args.fit)?;
    let input = &args.input;
    if args.future.is_some() || !input.covariates.is_empty() {
        return Err(Error::usage("--future and --covariates with --load, whose models know their covariates")
            .hint("leave them out; values ahead come in rows without value at the end of the table of --update"));
    }
    let of_tables = input.id.is_some()
        || input.time.is_some()
        || input.value.is_some()
        || input.freq.is_some()
        || input.missing.is_some();
    if of_tables && args.update.is_none() {
        return Err(Error::usage("--id, --time, --value, --freq and --missing read a table, and there is none")
            .hint("leave them out, or give the table with --update"));
    }
    forecast::check_levels(&args.level)?;
    output::check_not_input(models, &[&args.output.output, &args.output.plot])?;
    if let Some(update) = &args.update {
        output::check_not_input(update, &[&args.output.output, &args.output.plot, &args.save])?;
    }
    args.save.as_deref().map_or(Ok(()), output::check_folder)
}

/// What the file says of the table that it was fitted to.
pub(super) fn loaded(file: &ModelFile, source: String) -> Loaded {
    let columns = file.columns.clone();
    let panel = Panel {
        series: Vec::new(),
        id_column: columns.id,
        time_column: columns.time,
        value_column: columns.value,
        covariate_columns: Vec::new(),
        unused_columns: Vec::new(),
        notices: Vec::new(),
        failures: Vec::new(),
        rows: None,
    };
    Loaded { source, panel, periods: Vec::new() }
}

/// A table for the models of a file, with its columns and its frequency where the user names no others.
pub(super) fn table_args(input: &InputArgs, table: Option<PathBuf>, file: &ModelFile) -> InputArgs {
    let frequency = file.series[0].tail.timeline().frequency();
    let all_same = file.series.iter().all(|series| series.tail.timeline().frequency() == frequency);
    let spelled = frequency.filter(|_| all_same && file.columns.time.is_some()).map(|frequency| frequency.to_string());
    let input = input.clone();
    InputArgs {
        file: table,
        id: input.id.or_else(|| file.columns.id.clone()),
        time: input.time.or_else(|| file.columns.time.clone()),
        value: input.value.or_else(|| Some(file.columns.value.clone())),
        freq: input.freq.or(spelled),
        ..input
    }
}

/// The table that is read beside a model file, with the covariates of its models.
pub(super) fn table_of(input: &InputArgs, models: &ModelFile) -> InputArgs {
    let covariates = models.series[0].model.covariates().to_vec();
    InputArgs { covariates, ..table_args(input, input.file.clone(), models) }
}

/// Refuses options that saved models leave nothing to act on, in a command that reads a table beside them.
pub(super) fn check_beside(
    models: &Path,
    options: &ModelArgs,
    input: &InputArgs,
    outputs: &[&Option<PathBuf>],
) -> Result<()> {
    check_fitted(options)?;
    if !input.covariates.is_empty() {
        return Err(Error::usage("--covariates with --load, whose models know theirs").hint("leave it out"));
    }
    output::check_not_input(models, outputs)
}

/// Refuses several series in front of one model.
pub(super) fn check_alone(models: &ModelFile, loaded: &Loaded, series: &[Series]) -> Result<()> {
    if models.columns.id.is_some() || (loaded.panel.id_column.is_none() && series.len() < 2) {
        return Ok(());
    }
    Err(Error::usage("the table has several series, and the model file one without an id")
        .hint("give a table of that series alone"))
}

/// Continues the series of a file by those of a table. Gives the ids of the series that failed, which stay as they were;
/// the reasons go to the failures of the panel.
fn update(file: &mut ModelFile, new: Panel, into: &mut Panel) -> Result<HashSet<String>> {
    let in_panel = file.columns.id.is_some();
    if !in_panel && (new.id_column.is_some() || new.series.len() > 1) {
        return Err(Error::usage("the update has several series, and the model file one without an id")
            .hint("update with a table of that series alone"));
    }
    let numbers: HashMap<String, usize> =
        file.series.iter().enumerate().map(|(number, series)| (series.tail.id().to_owned(), number)).collect();
    let mut failed: HashSet<String> = new.failures.iter().map(|(id, _)| id.clone()).collect();
    into.failures.extend(new.failures);
    let mut done: Vec<Option<Update>> = vec![None; file.series.len()];
    for series in &new.series {
        let number = if in_panel { numbers.get(series.id()).copied() } else { Some(0) };
        let result = match number {
            Some(number) => {
                let saved = &mut file.series[number];
                let rows = if file.columns.time.is_some() { series.clone() } else { following(series, saved) };
                saved.update(&rows)
            }
            None => Err(no_model()),
        };
        match (result, number) {
            (Ok(update), Some(number)) => done[number] = Some(update),
            (Ok(_), None) => {}
            (Err(error), _) => {
                failed.insert(series.id().to_owned());
                let error = if in_panel { error.at(format!("series `{}`", series.id())) } else { error };
                into.failures.push((series.id().to_owned(), error));
            }
        }
    }
    say_updates(file, &done, &failed);
    Ok(failed)
}

/// The model of a file for a series of a table, and how the series stands to it.
pub(super) struct Placed<'a> {
    pub(super) saved: &'a StoredSeries,
    /// The series, behind the saved values where it continues them.
    pub(super) series: Series,
    /// How many of its values are saved ones.
    pub(super) past: usize,
    /// The index of its first value, as the model counts.
    pub(super) start: i64,
}

/// The models of a file by the ids of their series.
pub(super) struct Saved<'a> {
    columns: &'a Columns,
    by_id: HashMap<&'a str, &'a StoredSeries>,
}

impl<'a> Saved<'a> {
    pub(super) fn of(file: &'a ModelFile) -> Self {
        let by_id = file.series.iter().map(|saved| (saved.tail.id(), saved)).collect();
        Self { columns: &file.columns, by_id }
    }

    /// Places a series of a table on the times of its model. Rows without times follow the saved ones.
    ///
    /// # Errors
    /// If there is no model of the series, or its times are not on the model's steps.
    pub(super) fn place(&self, series: &Series) -> Result<Placed<'a>> {
        let saved = *self.by_id.get(series.id()).ok_or_else(no_model)?;
        let new = series.select_covariates(saved.model.covariates())?;
        let new = if self.columns.time.is_some() { new } else { following(&new, saved) };
        let (tail, last) = (&saved.tail, new.len() as i64 - 1);
        let at = |row: i64| tail.timeline().position_of_time(new.timeline(), row);
        let Some(position) = at(0).filter(|first| at(last) == Some(first + last)) else {
            let steps = tail.timeline().frequency().map_or_else(|| "in steps".to_owned(), Frequency::describe);
            return Err(Error::data(format!(
                "the times from {} on are not those of the model",
                new.timeline().label(0)
            ))
            .expected(format!("times {steps} like {}", tail.timeline().last_label()))
            .hint("give the model's step with --freq, or fit the model again"));
        };
        let start = saved.start as i64 + position;
        if position == tail.len() as i64 {
            return Ok(Placed { saved, series: joined(tail, &new), past: tail.len(), start: saved.start as i64 });
        }
        Ok(Placed { saved, series: new, past: 0, start })
    }
}

fn no_model() -> Error {
    Error::data("the model file has no model of it").hint("fit it, or leave it out of the table")
}

/// The saved values and the rows that follow them.
fn joined(tail: &Series, new: &Series) -> Series {
    let both = |a: &[f64], b: &[f64]| [&a[..tail.len()], b].concat();
    let columns = tail.covariates().iter().zip(new.covariates());
    let column =
        |(a, b): (&Covariate, &Covariate)| Covariate { name: a.name.clone(), values: both(&a.values, &b.values) };
    Series::new(new.id(), both(tail.values(), new.values()))
        .with_timeline(tail.timeline().continued(new.len()))
        .with_covariates(columns.map(column).collect())
}

/// The rows of a table without times follow the saved ones.
fn following(series: &Series, saved: &StoredSeries) -> Series {
    let (len, timeline) = (saved.tail.len(), saved.tail.timeline());
    let continued = timeline.continued(series.len()).slice(len..len + series.len());
    Series::new(series.id(), series.values().to_vec())
        .with_timeline(continued)
        .with_covariates(series.covariates().to_vec())
}

/// What was done beside appending rows.
fn say_updates(file: &ModelFile, done: &[Option<Update>], failed: &HashSet<String>) {
    let mut said: Vec<(&str, String)> = Vec::new();
    for (series, update) in file.series.iter().zip(done) {
        let id = series.tail.id();
        let Some(Update { appended, gap, repeated, older }) = update else {
            if !failed.contains(id) {
                said.push((id, "no row in the update".to_owned()));
            }
            continue;
        };
        let notes = [
            (*appended == 0, "no new row in the update".to_owned()),
            (*gap == 1, "1 missing value between the saved rows and the new ones".to_owned()),
            (*gap > 1, format!("{gap} missing values between the saved rows and the new ones")),
            (*repeated > 0, format!("{repeated} rows are saved already and skipped")),
            (*older > 0, format!("{older} rows before the saved ones are skipped")),
        ];
        said.extend(notes.into_iter().filter(|(is_so, _)| *is_so).map(|(_, text)| (id, text)));
    }
    let said: Vec<(&str, &str)> = said.iter().map(|(id, text)| (*id, text.as_str())).collect();
    notes::say_for_series(&said, file.columns.id.is_some());
}

/// Every series in parallel; none of those whose update failed.
fn forecast_all(file: &ModelFile, args: &ForecastArgs, failed: &HashSet<String>) -> Vec<Option<Result<Models>>> {
    let bar = progress::bar("forecasting", file.series.len());
    let results = file
        .series
        .par_iter()
        .enumerate()
        .map(|(number, series)| {
            let result = (!failed.contains(series.tail.id())).then(|| forecast_one(series, number, args));
            bar.inc(1);
            result
        })
        .collect();
    bar.finish_and_clear();
    results
}

fn forecast_one(series: &StoredSeries, number: usize, args: &ForecastArgs) -> Result<Models> {
    series.tail.timeline().check_ahead(args.horizon)?;
    let (known, names) = (series.known(), series.model.covariates());
    let steps = series.tail.len() + args.horizon;
    if !names.is_empty() && known.steps() < steps {
        let missing: Vec<usize> = (known.steps()..steps).collect();
        let times = input::times(&series.tail, &missing);
        return Err(Error::usage(format!("the future of {} is not known at {times}", names.join(", ")))
            .expected(format!("numbers for each of the {} steps to forecast", args.horizon))
            .hint("end the table of --update with rows that have covariates and no value, or lower --horizon"));
    }
    let ahead = forecast_ahead(&series.model, &series.context(), &known, forecast::options(args, number)?)?;
    Ok(vec![(forecast::running_away(series.summary.clone(), &ahead, args), ahead)])
}
