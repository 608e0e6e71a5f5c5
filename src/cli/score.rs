//! `foretoken score`: fit on the rows before the last N, and say what the model makes of those N.

use std::path::Path;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::args::ScoreArgs;
use super::forecast;
use super::input::{self, Loaded, Needs};
use super::load::{self, Placed, Saved};
use super::models::Spec;
use super::network::{Pool, Start};
use super::output::{self, Column};
use super::table::{Table, short};
use super::{Outcome, figures, notes, progress};
use crate::chart::{self, Format};
use crate::data::frame::{Missing, write_whole};
use crate::data::period::infer_period;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::evaluate::{Accuracy, Exposure, ExposureOptions, ExposureStep};
use crate::model::Summary;
use crate::score::HeldOut;

/// Series that a terminal shows.
const SHOWN_SERIES: usize = 60;
/// Series whose histogram is shown.
const DETAILED: usize = 3;

/// The scores of a series, and what was fitted to the rows before them.
struct Scored {
    summary: Summary,
    /// The position of the first held-out row in the table.
    first: usize,
    scores: HeldOut,
    exposure: Option<Exposure>,
}

pub(super) fn run(args: &ScoreArgs) -> Result<Outcome> {
    check(args)?;
    let format = args.plot.as_deref().map(output::chart_format).transpose()?;
    let destination = args.output.as_deref().map(|path| output::destination(Some(path), args.json)).transpose()?;
    let models = args.load.as_deref().map(load::read).transpose()?.map(|(file, _)| file);
    let input = models.as_ref().map_or_else(|| args.input.clone(), |models| load::table_of(&args.input, models));
    let mut loaded = input::load(&input, Needs { missing: Missing::Keep, rows: false, columns: false })?;
    input::say_unused(&loaded);
    let series = std::mem::take(&mut loaded.panel.series);
    models.as_ref().map_or(Ok(()), |models| load::check_alone(models, &loaded, &series))?;
    let models = models.as_ref().map(Saved::of);
    let pool = if models.is_some() { Pool::default() } else { pool(&series, args)? };
    let (scored, failures) = input::split(&series, score_all(&series, args, models.as_ref(), &pool));
    let outcome = input::report_failures(&mut loaded, failures, scored.len())?;
    say_warnings(&loaded, &scored);
    if let Some(destination) = destination.flatten() {
        output::save(output::frame(None, columns(&loaded, &scored))?, destination)?;
    }
    if let (Some(path), Some(format)) = (&args.plot, format) {
        draw(&loaded, &scored, path, format)?;
    }
    if args.json {
        output::json_lines(scored.iter().map(|one| json_of(&loaded, one)))?;
    } else {
        output::to_stdout(text(&loaded, &scored).as_bytes())?;
    }
    Ok(outcome)
}

fn check(args: &ScoreArgs) -> Result<()> {
    output::check_not_input(args.input.file(), &[&args.output, &args.plot])?;
    let Some(models) = &args.load else {
        args.model.check_single()?;
        args.fit.check(&[args.model])?;
        return input::check_covariates(&args.input, &[args.model]);
    };
    load::check_beside(models, &args.fit, &args.input, &[&args.output, &args.plot])
}

/// The networks trained on the rows before the held-out ones of all series that have some.
fn pool(series: &[Series], args: &ScoreArgs) -> Result<Pool> {
    if args.model.architecture().is_none() {
        return Ok(Pool::default());
    }
    let past = series.iter().filter_map(|series| past(series, args).ok());
    Pool::train(&[args.model], &args.fit, args.input.period, &past.collect::<Vec<Series>>(), Start::default())
}

/// What a fit sees of a series.
fn past(series: &Series, args: &ScoreArgs) -> Result<Series> {
    let past = HeldOut::training(series, args.test_rows)?;
    Ok(if args.reverse { past.reversed() } else { past })
}

fn score_all(series: &[Series], args: &ScoreArgs, models: Option<&Saved<'_>>, pool: &Pool) -> Vec<Result<Scored>> {
    let bar = progress::bar("scoring", series.len());
    let results = series
        .par_iter()
        .map(|series| {
            let result = match models {
                Some(models) => score_by(models, series, args),
                None => score_one(series, args, pool),
            };
            bar.inc(1);
            result
        })
        .collect();
    bar.finish_and_clear();
    results
}

/// The fit sees the rows before the last N and nothing else (a network those of all series): not even the period is taken from
/// the others.
fn score_one(series: &Series, args: &ScoreArgs, pool: &Pool) -> Result<Scored> {
    let train = past(series, args)?;
    let period = match args.input.period {
        Some(period) => period.max(1),
        None => infer_period(train.values(), series.timeline().frequency()),
    };
    let spec = Spec::new(args.model, &args.fit, period, args.input.period.is_some(), pool)?;
    let (model, summary) = forecast::fit(&spec, &train)?;
    let known = series.select_covariates(model.covariates())?;
    let scores = match args.reverse {
        true => HeldOut::of_reversed(&model, &known, args.test_rows)?,
        false => HeldOut::of(&model, &known, args.test_rows)?,
    };
    let exposure = args.exposure.map(|horizon| Exposure::of(&model, &known, 0, args.test_rows, options(horizon, args)));
    Ok(Scored { summary, first: scores.first, scores, exposure: exposure.transpose()? })
}

fn options(horizon: usize, args: &ScoreArgs) -> ExposureOptions {
    ExposureOptions { paths: args.paths as usize, seed: args.seed, ..ExposureOptions::new(horizon) }
}

/// The held-out rows of a series under the model of a file.
fn score_by(models: &Saved<'_>, series: &Series, args: &ScoreArgs) -> Result<Scored> {
    if args.test_rows > series.len() {
        return Err(Error::usage(format!("the table has {} rows", series.len()))
            .expected(format!("at least the {} that are held out", args.test_rows))
            .hint("give --test-rows a smaller number"));
    }
    let Placed { saved, series: placed, start, .. } = models.place(series)?;
    let mut summary = saved.summary.clone();
    let scores = HeldOut::starting_at(&saved.model, &placed, start, args.test_rows)?;
    let seen = saved.start + saved.tail.len();
    let first = start + scores.first as i64;
    if first < seen as i64 {
        let rows = (seen as i64 - first).min(args.test_rows as i64);
        summary.warnings.push(format!("the model has seen {rows} of the {} held-out rows", args.test_rows));
    }
    let measure = |horizon| Exposure::of(&saved.model, &placed, start, args.test_rows, options(horizon, args));
    let exposure = args.exposure.map(measure).transpose()?;
    Ok(Scored { summary, first: series.len() - args.test_rows, scores, exposure })
}

fn say_warnings(loaded: &Loaded, scored: &[(&Series, Scored)]) {
    let mut said: Vec<(&str, String)> = Vec::new();
    for (series, Scored { summary, scores, .. }) in scored {
        said.extend(summary.warnings.iter().map(|warning| (series.id(), warning.clone())));
        if let Some(text) = impossible(series, scores) {
            said.push((series.id(), text));
        }
        let without = scores.log_probs.len() - scores.values();
        if without > 0 {
            said.push((series.id(), format!("{without} of {} held-out values have no score", scores.log_probs.len())));
        }
    }
    let said: Vec<(&str, &str)> = said.iter().map(|(id, warning)| (*id, warning.as_str())).collect();
    notes::say_for_series(&said, loaded.panel.id_column.is_some());
}

/// Which held-out values have no density at all under the model, so that their sum is minus infinity.
fn impossible(series: &Series, scores: &HeldOut) -> Option<String> {
    let at: Vec<usize> =
        (0..scores.log_probs.len()).filter(|&row| scores.log_probs[row] == f64::NEG_INFINITY).collect();
    let row = series.len() - scores.log_probs.len() + at.first()?;
    let more = if at.len() > 1 { format!(", and {} more", at.len() - 1) } else { String::new() };
    Some(format!(
        "the model holds {} at {} impossible{more}: the log-likelihood is minus infinity, in JSON null",
        series.values()[row],
        series.timeline().label(row as i64)
    ))
}

/// Every held-out row: the value, its score, and where it lies in its conditional distribution.
fn columns(loaded: &Loaded, scored: &[(&Series, Scored)]) -> Vec<Column> {
    let rows = |(series, one): &(&Series, Scored)| one.first..series.len();
    let keys = scored.iter().flat_map(|one| rows(one).map(|row| (one.0, one.0.timeline().label(row as i64))));
    let mut columns = input::key_columns(loaded, keys);
    let values = scored.iter().flat_map(|one| one.0.values()[rows(one)].to_vec()).collect();
    columns.push(Column::numbers(&loaded.panel.value_column, values));
    let mut push = |name: &str, of: &dyn Fn(&HeldOut) -> &[f64]| {
        let all = scored.iter().flat_map(|(_, one)| of(&one.scores)).copied().collect();
        columns.push(Column::numbers(name, all));
    };
    push("median", &|scores| &scores.medians);
    push("log_prob", &|scores| &scores.log_probs);
    push("pit", &|scores| &scores.pit);
    if scored.iter().all(|(_, one)| one.scores.token_log_probs.is_some()) {
        push("token_log_prob", &|scores| scores.token_log_probs.as_deref().unwrap_or_default());
    }
    columns
}

fn text(loaded: &Loaded, scored: &[(&Series, Scored)]) -> String {
    let mut table =
        Table::new(["series", "model", "log-likelihood", "values", "nats/value", "bits/value", "perplexity"]);
    for (series, Scored { summary, scores, .. }) in scored {
        table.push([
            loaded.name_of(series).to_owned(),
            summary.description.clone(),
            short(scores.log_likelihood()),
            scores.values().to_string(),
            short(scores.nats_per_value()),
            short(scores.bits_per_value()),
            scores.perplexity().map_or_else(String::new, short),
        ]);
    }
    let mut text = table.render(SHOWN_SERIES);
    for (series, Scored { scores, .. }) in scored.iter().take(if scored.len() <= DETAILED { DETAILED } else { 0 }) {
        let counts: Vec<String> = scores.pit_histogram().iter().map(usize::to_string).collect();
        text +=
            &format!("{}: values in each tenth of their distribution: {}\n", loaded.name_of(series), counts.join(" "));
    }
    for (series, one) in scored.iter().take(DETAILED) {
        text += &one.exposure.as_ref().map_or_else(String::new, |own| exposure_text(loaded.name_of(series), own));
    }
    text
}

/// Two rows for each of some horizons: 1, 2, 4 .. and the last.
fn exposure_text(name: &str, exposure: &Exposure) -> String {
    let Exposure { origins, paths, steps } = exposure;
    let mut table =
        Table::new(["steps", "forecast", "values", "CRPS", "RMSE", "nats/value", "inside 80 %", "mean PIT"]);
    let powers = std::iter::successors(Some(1), |h| Some(2 * h)).take_while(|h| *h < steps.len());
    for horizon in powers.chain([steps.len()]) {
        let ExposureStep { values, nats_per_value, teacher_forced, free_running } = &steps[horizon - 1];
        for (forecast, own, nats) in
            [("teacher-forced", teacher_forced, short(*nats_per_value)), ("free-running", free_running, String::new())]
        {
            let Accuracy { crps, rmse, coverage, mean_pit } = *own;
            let mut row =
                vec![horizon.to_string(), forecast.to_owned(), values.to_string(), short(crps), short(rmse), nats];
            row.extend(
                [100.0 * coverage, mean_pit].map(|x| if x.is_nan() { String::new() } else { format!("{x:.3}") }),
            );
            table.push(row);
        }
    }
    format!(
        "{name}: errors by steps ahead, given the true past (teacher-forced) and {paths} paths of own draws (free-running) \
         from {origins} rows\n{}",
        table.render(SHOWN_SERIES)
    )
}

/// The errors of the first series.
fn draw(loaded: &Loaded, scored: &[(&Series, Scored)], path: &Path, format: Format) -> Result<()> {
    let Some((series, Scored { summary, exposure: Some(exposure), .. })) = scored.first() else { return Ok(()) };
    let name = loaded.name_of(series);
    if scored.len() > 1 {
        eprintln!("note: the chart shows the first series, `{name}`");
    }
    let figure = figures::exposure(name, &summary.description, exposure);
    write_whole(path, &chart::render(&figure, format)?)?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// Every horizon.
fn json_of_exposure(Exposure { origins, paths, steps }: &Exposure) -> Value {
    let column =
        |of: &dyn Fn(&ExposureStep) -> f64| steps.iter().map(|step| output::json_number(of(step))).collect::<Vec<_>>();
    let accuracy = |of: fn(&ExposureStep) -> &Accuracy| {
        json!({
            "crps": column(&|step| of(step).crps),
            "rmse": column(&|step| of(step).rmse),
            "coverage": column(&|step| of(step).coverage),
            "mean_pit": column(&|step| of(step).mean_pit),
        })
    };
    let mut teacher_forced = accuracy(|step| &step.teacher_forced);
    teacher_forced["nats_per_value"] = json!(column(&|step| step.nats_per_value));
    json!({
        "origins": origins,
        "paths": paths,
        "values": steps.iter().map(|step| step.values).collect::<Vec<_>>(),
        "teacher_forced": teacher_forced,
        "free_running": accuracy(|step| &step.free_running),
    })
}

/// One object per series, every digit.
fn json_of(loaded: &Loaded, (series, Scored { summary, scores, exposure, .. }): &(&Series, Scored)) -> Value {
    let mut object = Map::new();
    let warnings: Vec<String> = summary.warnings.iter().cloned().chain(impossible(series, scores)).collect();
    if let Some(id) = &loaded.panel.id_column {
        object.insert(id.clone(), json!(series.id()));
    }
    for (name, value) in [
        ("model", json!(summary.description)),
        ("log_likelihood", output::json_number(scores.log_likelihood())),
        ("values", json!(scores.values())),
        ("nats_per_value", output::json_number(scores.nats_per_value())),
        ("bits_per_value", output::json_number(scores.bits_per_value())),
        ("perplexity", scores.perplexity().map_or(Value::Null, output::json_number)),
        ("pit_histogram", json!(scores.pit_histogram())),
        ("warnings", json!(warnings)),
    ] {
        object.insert(name.to_owned(), value);
    }
    if let Some(exposure) = exposure {
        object.insert("exposure".to_owned(), json_of_exposure(exposure));
    }
    Value::Object(object)
}
