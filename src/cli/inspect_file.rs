//! `foretoken inspect --load`: what a model file holds.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::args::InspectArgs;
use super::fit::json_of_model;
use super::forecast::summary_text;
use super::table::{Table, short};
use super::{Outcome, figures, load, output};
use crate::chart::{self, Format};
use crate::data::batch::Covariates;
use crate::data::frame::write_whole;
use crate::error::{Error, Result};
use crate::model::file::{ModelFile, StoredSeries};

/// Series that are described in full; of more there is one line each.
const DETAILED: usize = 3;
/// Lines of the overview of a panel.
const SHOWN_SERIES: usize = 60;

pub(super) fn run(args: &InspectArgs, models: &Path) -> Result<Outcome> {
    load::check_fitted(&args.fit)?;
    let format = args.attention.as_deref().map(output::chart_format).transpose()?;
    output::check_not_input(models, &[&args.attention])?;
    let (file, bytes) = load::read(models)?;
    if let (Some(path), Some(format)) = (&args.attention, format) {
        draw_attention(&file, path, format)?;
    }
    if args.json {
        output::json_lines(file.series.iter().map(|saved| json_of(&file, saved)))?;
    } else {
        let count = file.series.len();
        let what = if count == 1 { "1 model".to_owned() } else { format!("{count} models") };
        let head = format!("{}: {what} of `{}`, {bytes} bytes\n\n", models.display(), file.columns.value);
        output::to_stdout((head + &text(&file)).as_bytes())?;
    }
    Ok(Outcome::Done)
}

/// The heads of the first model.
fn draw_attention(file: &ModelFile, path: &Path, format: Format) -> Result<()> {
    let saved = &file.series[0];
    let refused = |what: &str| {
        Error::usage(format!("--attention of {what}, which attends to nothing"))
            .expected("a file of foretoken fit --model transformer")
            .hint("leave it out")
    };
    let Some(model) = saved.model.networks().first() else { return Err(refused(&saved.summary.name)) };
    let maps = model.attention(&saved.context(), &saved.known())?;
    let maps = maps.ok_or_else(|| refused(&saved.summary.name))?;
    if file.series.len() > 1 {
        eprintln!("note: the chart shows the first series, `{}`", saved.tail.id());
    }
    if saved.model.networks().len() > 1 {
        eprintln!("note: the chart shows the first of {} networks", saved.model.networks().len());
    }
    let name = if saved.tail.id().is_empty() { &file.columns.value } else { saved.tail.id() };
    let figure = figures::attention(name, &saved.tail.timeline().last_label(), &maps);
    write_whole(path, &chart::render(&figure, format)?)?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

fn text(file: &ModelFile) -> String {
    if file.series.len() <= DETAILED {
        return file.series.iter().map(detailed).collect();
    }
    let mut table = Table::new(["series", "model", "variance", "values", "to", "kept"]);
    for saved in &file.series {
        table.push([
            saved.tail.id().to_owned(),
            saved.summary.description.clone(),
            short(saved.summary.innovation_variance),
            rows(saved).to_string(),
            saved.tail.timeline().last_label(),
            saved.tail.len().to_string(),
        ]);
    }
    table.render(SHOWN_SERIES) + &format!("{} series; --json says all of each\n", file.series.len())
}

/// The model, and the past that it resumes from.
fn detailed(saved: &StoredSeries) -> String {
    let (tail, covariates) = (&saved.tail, saved.model.covariates());
    let steps = tail.timeline().frequency().map_or_else(|| "irregular times".to_owned(), |step| step.describe());
    let mut text = summary_text(tail.id(), &saved.summary).trim_end().to_owned() + "\n";
    text += &format!(
        "  {} values up to {}, {steps}; kept are the last {}",
        rows(saved),
        tail.timeline().last_label(),
        tail.len()
    );
    let networks = saved.model.networks();
    if let [model, ..] = networks {
        let [step, window] = model.cost().map(|count| short(count as f64));
        let each = if networks.len() > 1 { format!("{} networks, each of ", networks.len()) } else { String::new() };
        text += &format!(
            "\n  {each}{} parameters; a row rests on up to {} past values; {step} multiplications for a step, {window} for a \
             training window",
            model.parameters(),
            model.receptive_field()
        );
    }
    if let Some(estimator) = &saved.estimator {
        text += &format!("; estimator {estimator}");
    }
    if !covariates.is_empty() {
        text += &format!("\n  covariates {}, known {} steps ahead", covariates.join(", "), known_ahead(saved));
    }
    text + "\n\n"
}

/// How many values there were up to the last one.
fn rows(saved: &StoredSeries) -> usize {
    saved.start + saved.tail.len()
}

fn known_ahead(saved: &StoredSeries) -> usize {
    Covariates::of_series(&saved.tail).steps().saturating_sub(saved.tail.len())
}

fn json_of(file: &ModelFile, saved: &StoredSeries) -> Value {
    let (tail, mut object) = (&saved.tail, Map::new());
    if let Some(id) = &file.columns.id {
        object.insert(id.clone(), json!(tail.id()));
    }
    object.extend(json_of_model(&saved.model, &saved.summary, saved.estimator.as_deref()));
    let known = tail.values().iter().map(|x| output::json_number(*x)).collect::<Vec<_>>();
    for (name, value) in [
        ("value", json!(file.columns.value)),
        ("time", json!(file.columns.time)),
        ("frequency", json!(tail.timeline().frequency().map(|frequency| frequency.to_string()))),
        ("values", json!(rows(saved))),
        ("to", output::json_time(tail.timeline().last_label())),
        ("kept", json!(known)),
        ("covariates", json!(saved.model.covariates())),
        ("known_ahead", json!(known_ahead(saved))),
    ] {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}
