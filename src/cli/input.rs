//! From the arguments that name a file to its series, with what there is to say about them on standard error.

use std::path::Path;

use rayon::prelude::*;

use super::args::{InputArgs, MissingArg, ModelName};
use super::output::Column;
use super::{Outcome, progress};
use crate::data::frame::{Missing, Panel, ReadOptions, read_path};
use crate::data::frequency::Frequency;
use crate::data::period::infer_period;
use crate::data::series::Series;
use crate::error::{Error, Result};

/// Failed series that are listed one by one; the others are counted.
const LISTED_FAILURES: usize = 20;

/// Stretches of times that an error names; what is beyond is counted.
const NAMED_STRETCHES: usize = 12;

/// What a command does about missing values unless told, and whether it needs the input's rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    pub(super) missing: Missing,
    pub(super) rows: bool,
    /// Whether a model takes all numeric columns.
    pub(super) columns: bool,
}

/// A file's series with their periods.
#[derive(Debug)]
pub(super) struct Loaded {
    /// How messages call the input.
    pub(super) source: String,
    pub(super) panel: Panel,
    /// The season length of each series; 1 for none.
    pub(super) periods: Vec<usize>,
}

impl Loaded {
    /// The name of the time column in output: the user's own.
    pub(super) fn time_name(&self) -> &str {
        self.panel.time_column.as_deref().unwrap_or("t")
    }

    /// An error about the input as a whole, with its name.
    pub(super) fn located(&self, error: Error) -> Error {
        error.at(&self.source)
    }

    /// How a series is called in messages.
    pub(super) fn name_of<'a>(&'a self, series: &'a Series) -> &'a str {
        if self.panel.id_column.is_some() { series.id() } else { &self.panel.value_column }
    }
}

/// Reads the file and says what there is to say about it.
pub(super) fn read(args: &InputArgs, needs: Needs) -> Result<Panel> {
    let options = ReadOptions {
        id: args.id.clone(),
        time: args.time.clone(),
        value: args.value.clone(),
        covariates: args.covariates.clone(),
        frequency: args.freq.as_deref().map(Frequency::parse).transpose()?,
        missing: args.missing.map_or(needs.missing, policy),
        keep_rows: needs.rows,
    };
    let spinner = progress::spinner("reading");
    let panel = read_path(args.file(), &options);
    spinner.finish_and_clear();
    let panel = panel?;
    for notice in &panel.notices {
        eprintln!("note: {notice}");
    }
    Ok(panel)
}

/// Reads the file and settles the periods.
pub(super) fn load(args: &InputArgs, needs: Needs) -> Result<Loaded> {
    let mut panel = read(args, needs)?;
    if !needs.columns {
        keep_covariates(&mut panel, args);
        drop_incomplete(&mut panel, 0, None);
    }
    let periods = panel
        .series
        .par_iter()
        .map(|series| match args.period {
            Some(period) => period.max(1),
            None => infer_period(series.values(), series.timeline().frequency()),
        })
        .collect();
    let source = source_name(args.file());
    let loaded = Loaded { source, panel, periods };
    say_calendar(&loaded, args.period.is_some());
    Ok(loaded)
}

/// Leaves the series the covariates that were asked for: models are given these and nothing else.
fn keep_covariates(panel: &mut Panel, args: &InputArgs) {
    if args.covariates.is_empty() {
        let bare = |series: Series| series.with_covariates(Vec::new());
        panel.series = std::mem::take(&mut panel.series).into_iter().map(bare).collect();
        panel.unused_columns.append(&mut panel.covariate_columns);
    }
}

/// Reads the known future of the covariates, from a file where one is named, and leaves out the series that lack some of
/// it.
pub(super) fn load_future(loaded: &mut Loaded, args: &InputArgs, file: Option<&Path>, steps: usize) -> Result<()> {
    keep_covariates(&mut loaded.panel, args);
    if let Some(file) = file {
        loaded.panel.read_future(file)?;
    }
    let dropped = drop_incomplete(&mut loaded.panel, steps, file);
    let mut number = 0;
    loaded.periods.retain(|_| {
        number += 1;
        !dropped[number - 1]
    });
    Ok(())
}

/// Makes failures of the series whose covariates are not known up to so many steps after their last value, and tells
/// which these were.
fn drop_incomplete(panel: &mut Panel, ahead: usize, file: Option<&Path>) -> Vec<bool> {
    let errors: Vec<Option<Error>> = panel.series.iter().map(|series| incomplete(panel, series, ahead, file)).collect();
    let dropped: Vec<bool> = errors.iter().map(Option::is_some).collect();
    let kept = |number: usize| !dropped[number];
    let rows = panel.rows.iter_mut().map(|rows| &mut rows.row_of);
    rows.for_each(|row_of| *row_of = keep(std::mem::take(row_of), kept));
    let failed = panel.series.iter().zip(errors);
    panel.failures.extend(failed.filter_map(|(series, error)| Some((series.id().to_owned(), error?))));
    panel.series = keep(std::mem::take(&mut panel.series), kept);
    dropped
}

/// Those of a list whose numbers are kept.
fn keep<T>(list: Vec<T>, kept: impl Fn(usize) -> bool) -> Vec<T> {
    list.into_iter().enumerate().filter(|(number, _)| kept(*number)).map(|(_, item)| item).collect()
}

/// The error for a series whose covariates are not all known: which are not, and where. `file` is the table of the future.
fn incomplete(panel: &Panel, series: &Series, ahead: usize, file: Option<&Path>) -> Option<Error> {
    let steps = series.len() + ahead;
    let mut lacking: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for covariate in series.covariates() {
        let (name, unknown) = (format!("`{}`", covariate.name), covariate.unknown(steps).collect::<Vec<_>>());
        match lacking.iter_mut().find(|(_, known)| *known == unknown) {
            Some((names, _)) => names.push(name),
            None if unknown.is_empty() => {}
            None => lacking.push((vec![name], unknown)),
        }
    }
    let first = lacking.iter().map(|(_, unknown)| unknown[0]).min()?;
    let whose = panel.id_column.as_ref().map_or_else(String::new, |id| format!(" for {id} `{}`", series.id()));
    let said = |(names, unknown): &(Vec<String>, Vec<usize>)| {
        let (what, are) = if names.len() == 1 { ("covariate", "is") } else { ("covariates", "are") };
        format!("{what} {} {are} missing{whose} at {}", names.join(", "), times(series, unknown))
    };
    let error = Error::data(lacking.iter().map(said).collect::<Vec<_>>().join(", "));
    Some(if first < series.len() {
        error
            .expected("a number at every time, also where the value is missing")
            .hint("fill it in, choose --missing interpolate, or leave it out of --covariates")
    } else {
        let hint = match file {
            Some(file) => format!("add these times to {}", source_name(file)),
            None => "give them with --future FILE, or in rows without value at the end of the input".to_owned(),
        };
        error.expected(format!("a number at each of the {ahead} steps to forecast")).hint(hint)
    })
}

/// Which times these are: consecutive ones as `2025-01 to 2025-06 (6 times)`.
pub(super) fn times(series: &Series, positions: &[usize]) -> String {
    let label = |at: usize| series.timeline().label(at as i64);
    let stretches: Vec<&[usize]> = positions.chunk_by(|a, b| a + 1 == *b).collect();
    let name = |stretch: &&[usize]| match **stretch {
        [first, .., last] if stretch.len() > 2 => {
            format!("{} to {} ({} times)", label(first), label(last), stretch.len())
        }
        _ => stretch.iter().map(|&at| label(at)).collect::<Vec<_>>().join(", "),
    };
    let named = &stretches[..stretches.len().min(NAMED_STRETCHES)];
    let more = positions.len() - named.iter().map(|stretch| stretch.len()).sum::<usize>();
    let names = named.iter().map(name).collect::<Vec<_>>().join(", ");
    names + &if more == 0 { String::new() } else { format!(" and {more} more times") }
}

/// Refuses covariates that no model would use.
pub(super) fn check_covariates(args: &InputArgs, models: &[ModelName]) -> Result<()> {
    if !args.covariates.is_empty() && models.contains(&ModelName::Var) {
        return Err(Error::usage(
            "--covariates with --model var, which takes every further column as a series of its own",
        )
        .hint("leave out one of them"));
    }
    if args.covariates.is_empty() || models.iter().any(|model| model.takes_covariates()) {
        return Ok(());
    }
    Err(Error::usage("--covariates without --model ar")
        .expected("a model that uses covariates: ar, or a network")
        .hint("leave them out, or add ar to --model"))
}

/// Names the columns of numbers that no model uses.
pub(super) fn say_unused(loaded: &Loaded) {
    if !loaded.panel.unused_columns.is_empty() {
        eprintln!("note: no model here uses the columns {}", loaded.panel.unused_columns.join(", "));
    }
}

pub(super) fn source_name(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

fn policy(arg: MissingArg) -> Missing {
    match arg {
        MissingArg::Error => Missing::Error,
        MissingArg::Drop => Missing::Drop,
        MissingArg::Interpolate => Missing::Interpolate,
        MissingArg::Keep => Missing::Keep,
    }
}

/// One line that says which frequency and period the results rest on.
fn say_calendar(loaded: &Loaded, is_given: bool) {
    let mut frequencies: Vec<String> = Vec::new();
    for series in &loaded.panel.series {
        let said = series.timeline().frequency().map_or("irregular times".to_owned(), Frequency::describe);
        if !frequencies.contains(&said) {
            frequencies.push(said);
        }
    }
    let frequency = frequencies.join(" and ");
    let name = |period: usize| if period == 1 { "none".to_owned() } else { period.to_string() };
    let period = match (loaded.periods.iter().min(), loaded.periods.iter().max()) {
        (Some(1), Some(1)) => "no season".to_owned(),
        (Some(low), Some(high)) if low == high => format!("period {low}"),
        (Some(&low), Some(&high)) => format!("periods from {} to {high}", name(low)),
        _ => return,
    };
    let source = if is_given { "given" } else { "inferred" };
    eprintln!("note: {frequency}, {period} ({source})");
}

/// Lists what failed, in the file and afterwards. If nothing was done, the first failure is the result.
pub(super) fn report_failures(loaded: &mut Loaded, failures: Vec<(String, Error)>, done: usize) -> Result<Outcome> {
    let in_panel = loaded.panel.id_column.is_some();
    let of_models =
        failures.into_iter().map(|(id, error)| if in_panel { error.at(format!("series `{id}`")) } else { error });
    // Errors of the reader name their series themselves.
    let of_reader = std::mem::take(&mut loaded.panel.failures).into_iter().map(|(_, error)| error);
    let all: Vec<Error> = of_reader.chain(of_models).collect();
    if all.is_empty() {
        return Ok(Outcome::Done);
    }
    let count = all.len();
    let mut located = all.into_iter().map(|error| error.at(&loaded.source));
    if done == 0
        && let Some(first) = located.next()
    {
        if count > 1 {
            eprintln!("note: all {count} series failed; the first:");
        }
        return Err(first);
    }
    for error in located.by_ref().take(LISTED_FAILURES) {
        eprintln!("error: {error}");
    }
    if count > LISTED_FAILURES {
        eprintln!("error: and {} more", count - LISTED_FAILURES);
    }
    eprintln!("error: {count} of {} series failed; the others are done", count + done);
    Ok(Outcome::SomeFailed)
}

/// What was done, beside its series.
pub(super) type Done<'a, T> = Vec<(&'a Series, T)>;

/// Splits results of a panel's series, in their order, from their failures.
pub(super) fn split<T>(series: &[Series], results: Vec<Result<T>>) -> (Done<'_, T>, Vec<(String, Error)>) {
    let mut failures = Vec::new();
    let mut done = Vec::new();
    for (series, result) in series.iter().zip(results) {
        match result {
            Ok(value) => done.push((series, value)),
            Err(error) => failures.push((series.id().to_owned(), error)),
        }
    }
    (done, failures)
}

/// The id column (where the input has one) and the time column, under the user's own names.
pub(super) fn key_columns<'a>(loaded: &Loaded, rows: impl Iterator<Item = (&'a Series, String)>) -> Vec<Column> {
    let (mut ids, mut times) = (Vec::new(), Vec::new());
    let has_id = loaded.panel.id_column.is_some();
    for (series, time) in rows {
        if has_id {
            ids.push(series.id().to_owned());
        }
        times.push(time);
    }
    let id = loaded.panel.id_column.as_ref().map(|name| Column::text(name, ids));
    id.into_iter().chain([Column::times(loaded.time_name(), times)]).collect()
}
