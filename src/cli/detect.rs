//! `foretoken detect`: learn what is normal, judge every row, write the rows with their verdicts.

use std::io::IsTerminal;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::args::DetectArgs;
use super::forecast::summary_text;
use super::input::{self, Loaded, Needs};
use super::models::Spec;
use super::output::{self, Column};
use super::table::{Table, short};
use super::{Outcome, figures, notes, progress};
use crate::chart;
use crate::data::frame::{Missing, TableFormat, write_whole};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::score::{DetectOptions, Detection, Training, detect};

/// Events that a terminal shows.
const SHOWN_EVENTS: usize = 40;

type Judged<'a> = (&'a Series, Detection);

pub(super) fn run(args: &DetectArgs) -> Result<Outcome> {
    args.fit.check(&[args.model])?;
    output::check_not_input(&args.input.file, &[&args.output.output, &args.output.plot])?;
    let destination = output::destination(args.output.output.as_deref(), args.output.json)?;
    let format = args.output.plot.as_deref().map(output::chart_format).transpose()?;
    let mut loaded = input::load(&args.input, Needs { missing: Missing::Keep, rows: destination.is_some() })?;
    let series = std::mem::take(&mut loaded.panel.series);
    let (judged, failures) = input::split(&series, detect_all(&series, &loaded.periods, args));
    let outcome = input::report_failures(&mut loaded, failures, judged.len())?;
    say_warnings(&loaded, &judged);
    let table = destination.as_ref().map(|(_, format)| table(&loaded, &series, &judged, *format)).transpose()?;
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
    if let (Some(destination), Some(table)) = (destination, table) {
        output::save(table, destination)?;
    }
    let found = judged.iter().any(|(_, detection)| detection.is_anomaly.contains(&true));
    Ok(if args.fail_on_anomaly && found { Outcome::AnomalyFound } else { outcome })
}

fn detect_all(series: &[Series], periods: &[usize], args: &DetectArgs) -> Vec<Result<Detection>> {
    let bar = progress::bar("judging", series.len());
    let results = series
        .par_iter()
        .zip(periods)
        .map(|(series, &period)| {
            let result = detect_one(series, period, args);
            bar.inc(1);
            result
        })
        .collect();
    bar.finish_and_clear();
    results
}

fn detect_one(series: &Series, period: usize, args: &DetectArgs) -> Result<Detection> {
    let training = match (&args.train_rows, &args.train_until) {
        (Some(rows), _) => Training::Rows(*rows),
        (None, Some(time)) => Training::Rows(rows_until(series, time)?),
        (None, None) => Training::Halves,
    };
    let options = DetectOptions { training, false_alarm_rate: args.false_alarm_rate, period };
    let spec = Spec::new(args.model, &args.fit, period, args.input.period.is_some());
    detect(series, &|train: &Series| spec.fit(train), &options)
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

/// Every input row with its verdict, in the input's order. Rows of a series that failed have none.
fn table(loaded: &Loaded, all: &[Series], judged: &[Judged<'_>], format: TableFormat) -> Result<DataFrame> {
    let rows = loaded.panel.rows.as_ref().ok_or_else(|| Error::data("the input's rows were not kept"))?;
    let height = rows.frame.height();
    let mut numbers: [Vec<f64>; 5] = std::array::from_fn(|_| vec![f64::NAN; height]);
    let mut flags: Vec<Option<bool>> = vec![None; height];
    let mut of_judged = judged.iter().peekable();
    for (series, row_of) in all.iter().zip(&rows.row_of) {
        let Some((_, detection)) = of_judged.next_if(|(judged, _)| std::ptr::eq(*judged, series)) else { continue };
        let columns = [&detection.expected, &detection.lo, &detection.hi, &detection.surprisal, &detection.p_value];
        for (position, &row) in row_of.iter().enumerate() {
            // Positions that fill a gap have no row of their own.
            if let Some(flag) = flags.get_mut(row as usize) {
                *flag = Some(detection.is_anomaly[position]);
                for (to, from) in numbers.iter_mut().zip(columns) {
                    to[row as usize] = from[position];
                }
                if !detection.judged[position] {
                    // A region would call training rows outside it anomalies.
                    (numbers[1][row as usize], numbers[2][row as usize]) = (f64::NAN, f64::NAN);
                }
            }
        }
    }
    let names = ["expected", "lo", "hi", "surprisal", "p_value"];
    let mut columns: Vec<Column> = names.into_iter().zip(numbers).map(|(name, x)| Column::numbers(name, x)).collect();
    columns.push(Column::flags("is_anomaly", flags));
    let is_text = matches!(format, TableFormat::Csv | TableFormat::Tsv);
    let input = if is_text { rows.frame.clone() } else { rows.typed() };
    output::frame(Some(&input), columns)
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
