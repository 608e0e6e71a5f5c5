//! `foretoken detect`: learn what is normal, judge every row, write the rows with their verdicts.

use std::io::IsTerminal;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::args::DetectArgs;
use super::forecast::summary_text;
use super::input::{self, Loaded, Needs};
use super::load::{Placed, Saved};
use super::models::Spec;
use super::network::{Pool, Start};
use super::output::{self, Column};
use super::table::{Table, short};
use super::{Outcome, figures, load, notes, progress};
use crate::chart;
use crate::data::frame::{InputRows, Missing, TableFormat, write_whole};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::score::detect::fitted_rows;
use crate::score::{DetectOptions, Detection, Given, Training, detect, detect_given};

/// Events that a terminal shows.
const SHOWN_EVENTS: usize = 40;

/// The columns of the output beside those of the input.
const NUMBERS: [&str; 5] = ["expected", "lo", "hi", "surprisal", "p_value"];
const FLAG: &str = "is_anomaly";

type Judged<'a> = (&'a Series, Detection);

pub(super) fn run(args: &DetectArgs) -> Result<Outcome> {
    check(args)?;
    let destination = output::destination(args.output.output.as_deref(), args.output.json)?;
    let format = args.output.plot.as_deref().map(output::chart_format).transpose()?;
    let models = args.load.as_deref().map(load::read).transpose()?.map(|(file, _)| file);
    let input = models.as_ref().map_or_else(|| args.input.clone(), |models| load::table_of(&args.input, models));
    let mut loaded =
        input::load(&input, Needs { missing: Missing::Keep, rows: destination.is_some(), columns: false })?;
    let series = std::mem::take(&mut loaded.panel.series);
    models.as_ref().map_or(Ok(()), |models| load::check_alone(models, &loaded, &series))?;
    let models = models.as_ref().map(Saved::of);
    let pools = if models.is_some() { Pools::default() } else { Pools::train(&series, &loaded.periods, args)? };
    let results = detect_all(&series, &loaded.periods, args, models.as_ref(), &pools);
    let (judged, failures) = input::split(&series, results);
    let outcome = input::report_failures(&mut loaded, failures, judged.len())?;
    say_warnings(&loaded, &judged);
    let rows = loaded.panel.rows.take().filter(|_| destination.is_some());
    rows.as_ref().map_or(Ok(()), check_names)?;
    if let (Some(path), Some(format)) = (&args.output.plot, format) {
        let results: Vec<(&str, &Series, &Detection)> =
            judged.iter().map(|(series, detection)| (loaded.name_of(series), *series, detection)).collect();
        let figure = figures::detection(&results, &loaded.panel.value_column);
        write_whole(path, &chart::render(&figure, format)?)?;
        eprintln!("wrote {}", path.display());
    }
    if args.output.json {
        output::json_lines(judged.iter().map(|one| json_of(&loaded, one, args)))?;
    } else if args.output.output.is_none() && std::io::stdout().is_terminal() {
        output::to_stdout(text(&loaded, &judged, args).as_bytes())?;
    }
    let found = judged.iter().any(|(_, detection)| detection.is_anomaly.contains(&true));
    if let (Some(destination), Some(rows)) = (destination, rows) {
        let detections = numbered(&series, judged);
        drop(series);
        let table = table(rows, detections, destination.1)?;
        output::save(table, destination)?;
    }
    Ok(if args.fail_on_anomaly && found { Outcome::AnomalyFound } else { outcome })
}

fn check(args: &DetectArgs) -> Result<()> {
    let outputs = [&args.output.output, &args.output.plot];
    output::check_not_input(args.input.file(), &outputs)?;
    let Some(models) = &args.load else {
        args.model.check_single()?;
        args.fit.check(&[args.model])?;
        return input::check_covariates(&args.input, &[args.model]);
    };
    load::check_beside(models, &args.fit, &args.input, &outputs)
}

fn detect_all(
    series: &[Series],
    periods: &[usize],
    args: &DetectArgs,
    models: Option<&Saved<'_>>,
    pools: &Pools,
) -> Vec<Result<Detection>> {
    let bar = progress::bar("judging", series.len());
    let results = series
        .par_iter()
        .zip(periods)
        .map(|(series, &period)| {
            let result = match models {
                Some(models) => detect_by(models, series, period, args),
                None => detect_one(series, period, args, pools),
            };
            bar.inc(1);
            result
        })
        .collect();
    bar.finish_and_clear();
    results
}

fn options(series: &Series, period: usize, args: &DetectArgs) -> Result<DetectOptions> {
    let training = match (&args.train_rows, &args.train_until) {
        (Some(rows), _) => Training::Rows(*rows),
        (None, Some(time)) => Training::Rows(rows_until(series, time)?),
        (None, None) => Training::Halves,
    };
    Ok(DetectOptions { training, false_alarm_rate: args.false_alarm_rate, period })
}

/// Judges a series by the model of a file.
fn detect_by(models: &Saved<'_>, series: &Series, period: usize, args: &DetectArgs) -> Result<Detection> {
    let Placed { saved, series: placed, past, start } = models.place(series)?;
    let given = Given { model: &saved.model, summary: &saved.summary, start, past };
    detect_given(&placed, &given, &options(series, period, args)?)
}

/// The networks trained on the first stretches that fits of all series learn from, and on the second ones.
#[derive(Debug, Default)]
struct Pools(Vec<Pool>);

impl Pools {
    fn train(series: &[Series], periods: &[usize], args: &DetectArgs) -> Result<Self> {
        if args.model.architecture().is_none() {
            return Ok(Self::default());
        }
        let stretches = series.iter().zip(periods).filter_map(|(series, &period)| {
            let options = options(series, period, args).ok()?;
            Some(fitted_rows(series.len(), &options).into_iter().map(|rows| series.slice(rows)).collect::<Vec<_>>())
        });
        let stretches: Vec<Vec<Series>> = stretches.collect();
        let count = stretches.iter().map(Vec::len).max().unwrap_or(0);
        let pool = |number: usize| {
            let own: Vec<Series> = stretches.iter().filter_map(|own| own.get(number)).cloned().collect();
            Pool::train(&[args.model], &args.fit, args.input.period, &own, Start::default())
        };
        (0..count).map(pool).collect::<Result<_>>().map(Self)
    }
}

fn detect_one(series: &Series, period: usize, args: &DetectArgs, pools: &Pools) -> Result<Detection> {
    let options = options(series, period, args)?;
    let none = Pool::default();
    let fit = |train: &Series| {
        // The second stretch begins later.
        let is_second = series.timeline().position_of_time(train.timeline(), 0).is_some_and(|start| start > 0);
        let pool = pools.0.get(usize::from(is_second)).unwrap_or(&none);
        let spec = Spec::new(args.model, &args.fit, period, args.input.period.is_some(), pool)?;
        spec.fit(train).map(|(model, summary)| (Box::new(model) as _, summary))
    };
    detect(series, &fit, &options)
}

/// How many rows lie at or before a time.
fn rows_until(series: &Series, time: &str) -> Result<usize> {
    let position = series.timeline().position_of(time)?;
    usize::try_from(position + 1).ok().filter(|&rows| rows > 0).ok_or_else(|| {
        Error::usage(format!("--train-until {time} lies before the first row"))
            .expected(format!("a time after {}", series.timeline().label(0)))
    })
}

fn say_warnings(loaded: &Loaded, judged: &[Judged<'_>]) {
    let mut notes: Vec<(&str, &str)> = Vec::new();
    for (series, detection) in judged {
        notes.extend(detection.warnings.iter().map(|warning| (loaded.name_of(series), warning.as_str())));
    }
    notes::say_for_series(&notes, loaded.panel.id_column.is_some());
}

/// The detections with the numbers of their series, which they no longer borrow.
fn numbered(series: &[Series], judged: Vec<Judged<'_>>) -> Vec<(usize, Detection)> {
    let mut judged = judged.into_iter().peekable();
    let of = |(number, series): (usize, &Series)| {
        let (_, detection) = judged.next_if(|(of, _)| std::ptr::eq(*of, series))?;
        Some((number, detection))
    };
    series.iter().enumerate().filter_map(of).collect()
}

/// Refuses an input that has a column of the output's already, before anything is written.
fn check_names(rows: &InputRows) -> Result<()> {
    let mut columns = NUMBERS.map(|name| Column::numbers(name, Vec::new())).to_vec();
    columns.push(Column::flags(FLAG, Vec::new()));
    output::frame(Some(&rows.frame.head(Some(0))), columns).map(drop)
}

/// Every input row with its verdict, in the input's order. Rows of a series that failed have none. The detections come
/// with the numbers of their series, and their columns are moved out: of many rows, two copies are one too many.
fn table(rows: InputRows, detections: Vec<(usize, Detection)>, format: TableFormat) -> Result<DataFrame> {
    let InputRows { frame, row_of } = &rows;
    let height = frame.height();
    let mut numbers: [Parts<'_, f64>; NUMBERS.len()] = Default::default();
    let mut flags: Parts<'_, Option<bool>> = Vec::new();
    for (series, mut detection) in detections {
        // A region would call training rows outside it anomalies.
        let training = || (0..).zip(&detection.judged).filter(|(_, judged)| !**judged).map(|(row, _)| row);
        for row in training() {
            (detection.lo[row], detection.hi[row]) = (f64::NAN, f64::NAN);
        }
        let Detection { expected, lo, hi, surprisal, p_value, is_anomaly, .. } = detection;
        for (parts, column) in numbers.iter_mut().zip([expected, lo, hi, surprisal, p_value]) {
            parts.push((&row_of[series], column));
        }
        flags.push((&row_of[series], is_anomaly.into_iter().map(Some).collect()));
    }
    let numbers = NUMBERS.into_iter().zip(numbers);
    let mut columns: Vec<Column> =
        numbers.map(|(name, parts)| Column::numbers(name, gathered(parts, height, f64::NAN))).collect();
    columns.push(Column::flags(FLAG, gathered(flags, height, None)));
    let is_text = matches!(format, TableFormat::Csv | TableFormat::Tsv);
    if is_text { output::frame(Some(frame), columns) } else { output::frame(Some(&rows.typed()), columns) }
}

/// A column in parts: those of each series, and the row of the input for each of its values.
type Parts<'a, T> = Vec<(&'a [u32], Vec<T>)>;

/// The column of all input rows. That of a single series in order is moved.
fn gathered<T: Copy>(mut parts: Parts<'_, T>, height: usize, missing: T) -> Vec<T> {
    if let [(row_of, column)] = &mut parts[..]
        && row_of.len() == height
        && row_of.iter().zip(0_u32..).all(|(row, position)| *row == position)
    {
        return std::mem::take(column);
    }
    let mut all = vec![missing; height];
    for (row_of, column) in parts {
        for (&row, value) in row_of.iter().zip(column) {
            // Positions that fill a gap have no row of their own.
            if let Some(to) = all.get_mut(row as usize) {
                *to = value;
            }
        }
    }
    all
}

/// What a terminal shows: the fits, then the events.
fn text(loaded: &Loaded, judged: &[Judged<'_>], args: &DetectArgs) -> String {
    let mut text = String::new();
    if let [(_, detection)] = judged {
        for summary in &detection.summaries {
            text += &summary_text("", summary);
        }
    }
    let mut table = Table::new(["series", "from", "to", "rows", "value", "expected", "surprisal", "p_value"]);
    let (mut events, mut alarms, mut rows) = (0, 0, 0);
    for (series, detection) in judged {
        rows += detection.judged.iter().filter(|judged| **judged).count();
        alarms += detection.is_anomaly.iter().filter(|anomaly| **anomaly).count();
        for event in detection.events() {
            events += 1;
            let label = |row: usize| series.timeline().label(row as i64);
            table.push([
                loaded.name_of(series).to_owned(),
                label(event.start),
                label(event.end - 1),
                (event.end - event.start).to_string(),
                short(series.values()[event.peak]),
                short(detection.expected[event.peak]),
                short(detection.surprisal[event.peak]),
                short(detection.p_value[event.peak]),
            ]);
        }
    }
    if events > 0 {
        text += &table.render(SHOWN_EVENTS);
    }
    let rate = args.false_alarm_rate;
    text + &format!(
        "{alarms} of {rows} judged rows are anomalies, in {events} events, at a false-alarm rate of {rate}\n"
    )
}

fn json_of(loaded: &Loaded, (series, detection): &Judged<'_>, args: &DetectArgs) -> Value {
    let mut object = Map::new();
    if let Some(id) = &loaded.panel.id_column {
        object.insert(id.clone(), json!(series.id()));
    }
    let label = |row: usize| series.timeline().label(row as i64);
    let events: Vec<Value> = detection
        .events()
        .into_iter()
        .map(|event| {
            json!({
                "from": output::json_time(label(event.start)),
                "to": output::json_time(label(event.end - 1)),
                "peak": output::json_time(label(event.peak)),
                "value": output::json_number(series.values()[event.peak]),
                "expected": output::json_number(detection.expected[event.peak]),
                "lo": output::json_number(detection.lo[event.peak]),
                "hi": output::json_number(detection.hi[event.peak]),
                "surprisal": output::json_number(detection.surprisal[event.peak]),
                "p_value": output::json_number(detection.p_value[event.peak]),
            })
        })
        .collect();
    let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
    object.insert("rows".to_owned(), json!(series.len()));
    object.insert("judged".to_owned(), json!(count(&detection.judged)));
    object.insert("anomalies".to_owned(), json!(count(&detection.is_anomaly)));
    object.insert("false_alarm_rate".to_owned(), json!(args.false_alarm_rate));
    object.insert("calibration_rows".to_owned(), json!(detection.calibration_rows));
    object.insert("events".to_owned(), json!(events));
    let fits = detection.summaries.iter().map(|summary| Value::Object(output::json_of_summary(summary)));
    object.insert("fits".to_owned(), fits.collect());
    object.insert("warnings".to_owned(), json!(detection.warnings));
    Value::Object(object)
}
