//! `foretoken fit`: one model for every series, its numbers for scripts, its residuals, a model file.
//!
//! The keys of the JSON objects are those of `foretoken fit --help`; they are stable, and a number that does not exist
//! is null. Coefficients, variances and the mean are those of the transformed values (after `transform` and seasonal
//! factors), the likelihood and its criteria, residuals and forecasts those of the data. `intercept` and `mean` are both
//! given where they exist, whichever of them was estimated; the standard error stands beside the estimated one. Of an
//! average the `members` have the keys of coefficients, and the likelihood is that of the average.

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::args::{FitArgs, ModelName};
use super::forecast::{self, json_of_marginals, label, summary_text};
use super::input::{self, Loaded, Needs};
use super::inspect::ar_report;
use super::models::Spec;
use super::network::{Pool, Start};
use super::output::{self, Column};
use super::residuals::Residuals;
use super::table::{Table, short};
use super::{Outcome, fit_system, history, notes, progress};
use crate::data::batch::{Batch, Covariates};
use crate::data::frame::{Missing, write_whole};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::forecast::{Forecast, ForecastOptions, forecast as forecast_ahead};
use crate::model::file::{Columns, ModelFile, StoredModel, StoredSeries};
use crate::model::linear::{Ar, ArReport, Criterion, Filled, Form, Trend};
use crate::model::neural::Neural;
use crate::model::transformed::Differences;
use crate::model::{Autoregressive, Parameter, Summary};
use crate::predictive::Link;

/// Series that are described in full; of more there is one line each.
const DETAILED: usize = 3;
/// Lines of the overview of a panel.
const SHOWN_SERIES: usize = 60;

/// A fitted series and what was asked about it.
struct Fit {
    model: StoredModel,
    summary: Summary,
    estimator: Option<&'static str>,
    ahead: Option<Forecast>,
    residuals: Option<Residuals>,
    /// Coefficients, roots and tests of one autoregression, where they are shown.
    report: Option<ArReport>,
}

type Done<'a> = [(&'a Series, Fit)];

pub(super) fn run(args: &FitArgs) -> Result<Outcome> {
    check_training(args)?;
    if args.model == ModelName::Var {
        return fit_system::run(args);
    }
    // The only random thing about a fit is the training.
    let mut args = args.clone();
    args.fit.network.training_seed = args.seed.or(args.fit.network.training_seed);
    let args = &args;
    args.fit.check(&[args.model])?;
    forecast::check_levels(&args.level)?;
    let outputs = [&args.residuals, &args.fill, &args.save, &args.checkpoint, &args.history, &args.loss_chart];
    output::check_not_input(args.input.file(), &outputs)?;
    let destination = args.residuals.as_deref().map(|path| output::destination(Some(path), args.json)).transpose()?;
    let filled = args.fill.as_deref().map(|path| output::destination(Some(path), args.json)).transpose()?;
    args.save.as_deref().map_or(Ok(()), output::check_folder)?;
    args.checkpoint.as_deref().map_or(Ok(()), output::check_folder)?;
    let histories = history::Outputs::of(args)?;
    let mut loaded = input::load(&args.input, Needs { missing: Missing::Error, rows: false, columns: false })?;
    input::load_future(&mut loaded, &args.input, args.future.as_deref(), args.horizon.unwrap_or(0))?;
    let series = std::mem::take(&mut loaded.panel.series);
    let start = Start { warm: args.warm_start.as_deref(), checkpoint: args.checkpoint.as_deref() };
    let pool = Pool::train(&[args.model], &args.fit, args.input.period, &series, start)?;
    let (done, failures) = input::split(&series, fit_all(&series, &loaded.periods, &pool, args));
    let outcome = input::report_failures(&mut loaded, failures, done.len())?;
    let is_told = !args.json && done.len() <= DETAILED;
    if !is_told {
        say_warnings(&loaded, &done);
    }
    if let Some(destination) = destination.flatten() {
        output::save(output::frame(None, residual_columns(&loaded, &done))?, destination)?;
    }
    if let Some(destination) = filled.flatten() {
        output::save(output::frame(None, filled_columns(&loaded, &done)?)?, destination)?;
    }
    let networks: Vec<(&Series, &[Neural])> =
        done.iter().map(|(series, fit)| (*series, fit.model.networks())).collect();
    histories.write(&loaded, &networks)?;
    if args.json {
        output::json_lines(done.iter().map(|(series, fit)| json_of(&loaded, series, fit, args)))?;
    } else {
        output::to_stdout(text(&loaded, &done).as_bytes())?;
    }
    if let Some(path) = &args.save {
        let file = model_file(&loaded, done);
        write_whole(path, &file.to_bytes()?)?;
        eprintln!("wrote {}", path.display());
    }
    Ok(outcome)
}

/// Refuses options about a training where there is none.
fn check_training(args: &FitArgs) -> Result<()> {
    let options = [
        ("--warm-start", args.warm_start.is_some()),
        ("--checkpoint", args.checkpoint.is_some()),
        ("--history", args.history.is_some()),
        ("--loss-chart", args.loss_chart.is_some()),
        ("--seed", args.seed.is_some()),
    ];
    let given: Vec<&str> = options.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
    let of_network = args.fit.network.given_of_network();
    if args.warm_start.is_some() && !of_network.is_empty() {
        return Err(Error::usage(format!("{} with --warm-start", of_network.join(", ")))
            .expected("a network that stays what it is")
            .hint("leave it out, or begin anew without --warm-start"));
    }
    if args.checkpoint.is_some() && args.checkpoint == args.save {
        return Err(Error::usage("--checkpoint and --save name one file").hint("give them different names"));
    }
    if given.is_empty() || args.model.architecture().is_some() {
        return Ok(());
    }
    Err(Error::usage(format!("{} without a network, and nothing else is trained in epochs", given.join(", ")))
        .expected("--model mlp, gru, lstm, conv or transformer")
        .hint("leave it out, or fit one of them"))
}

/// Every series in parallel; results stay in the order of the file.
fn fit_all(series: &[Series], periods: &[usize], pool: &Pool, args: &FitArgs) -> Vec<Result<Fit>> {
    let bar = progress::bar("fitting", series.len());
    let is_shown = !args.json && series.len() <= DETAILED;
    let results = series
        .par_iter()
        .zip(periods)
        .enumerate()
        .map(|(number, (series, &period))| {
            let result = fit_one(series, period, number, pool, args);
            bar.inc(1);
            result.and_then(|fit| if is_shown { fit.with_report(series, period) } else { Ok(fit) })
        })
        .collect();
    bar.finish_and_clear();
    results
}

impl Fit {
    /// With what a person reads of one autoregression; an average of several has no roots and no coefficients of its own.
    fn with_report(mut self, series: &Series, period: usize) -> Result<Self> {
        if let StoredModel::Ar(model) = &self.model
            && let [_] = model.inner().members()
        {
            self.report = Some(ar_report(model, &self.summary, series, period)?.1);
        }
        Ok(self)
    }

    fn text(&self, id: &str) -> String {
        match &self.report {
            Some(report) if id.is_empty() => format!("{report}\n"),
            Some(report) => format!("{id}\n{report}\n"),
            None => summary_text(id, &self.summary),
        }
    }
}

fn fit_one(series: &Series, period: usize, number: usize, pool: &Pool, args: &FitArgs) -> Result<Fit> {
    series.timeline().check_ahead(args.horizon.unwrap_or(0))?;
    let spec = Spec::new(args.model, &args.fit, period, args.input.period.is_some(), pool)?.alone();
    let (model, summary) = forecast::fit(&spec, series)?;
    let known = Covariates::of_series(&series.select_covariates(model.covariates())?);
    let ahead = args.horizon.map(|horizon| {
        let options = ForecastOptions { stream: number as u32, ..ForecastOptions::new(horizon) };
        forecast_ahead(&model, &Batch::single(series.values(), 0), &known, options)
    });
    let residuals = args.residuals.as_ref().map(|_| Residuals::of(&model, series)).transpose()?;
    Ok(Fit { estimator: spec.estimator(series)?, model, summary, ahead: ahead.transpose()?, residuals, report: None })
}

fn say_warnings(loaded: &Loaded, done: &Done<'_>) {
    let of = |(series, fit): &'_ (&'_ Series, Fit)| {
        fit.summary.warnings.iter().map(|warning| (series.id().to_owned(), warning.clone())).collect::<Vec<_>>()
    };
    let said: Vec<(String, String)> = done.iter().flat_map(of).collect();
    let said: Vec<(&str, &str)> = said.iter().map(|(id, warning)| (id.as_str(), warning.as_str())).collect();
    notes::say_for_series(&said, loaded.panel.id_column.is_some());
}

/// The rows of all series with their times.
fn every_row<'a>(done: &'a Done<'a>) -> impl Iterator<Item = (&'a Series, String)> {
    let times = |series: &'a Series| (0..series.len() as i64).map(move |row| (series, series.timeline().label(row)));
    done.iter().flat_map(move |(series, _)| times(series))
}

/// The values with the missing ones filled in, and the intervals of these.
fn filled_columns(loaded: &Loaded, done: &Done<'_>) -> Result<Vec<Column>> {
    let (mut values, mut low, mut high, mut is_filled) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (series, Fit { model, .. }) in done {
        let StoredModel::Ar(ar) = model else {
            return Err(Error::usage("--fill without --model ar").hint("only an autoregression fills missing values"));
        };
        let first = values.len();
        values.extend_from_slice(series.values());
        low.resize(values.len(), f64::NAN);
        high.resize(values.len(), f64::NAN);
        is_filled.resize(values.len(), Some(false));
        for Filled { position, median, interval } in ar.fill(series, 0.95)? {
            let row = first + position;
            (values[row], low[row], high[row], is_filled[row]) = (median, interval.0, interval.1, Some(true));
        }
    }
    let mut columns = input::key_columns(loaded, every_row(done));
    columns.push(Column::numbers(&loaded.panel.value_column, values));
    columns.push(Column::numbers("lo-95", low));
    columns.push(Column::numbers("hi-95", high));
    columns.push(Column::flags("is_filled", is_filled));
    Ok(columns)
}

/// Id and time under the user's own names, the value, its conditional mean, and what is left.
fn residual_columns(loaded: &Loaded, done: &Done<'_>) -> Vec<Column> {
    let mut columns = input::key_columns(loaded, every_row(done));
    let values = done.iter().flat_map(|(series, _)| series.values()).copied().collect();
    columns.push(Column::numbers(&loaded.panel.value_column, values));
    let mut push = |name: &str, of: &dyn Fn(&Residuals) -> &[f64]| {
        let all = done.iter().filter_map(|(_, fit)| fit.residuals.as_ref()).flat_map(of).copied().collect();
        columns.push(Column::numbers(name, all));
    };
    push("fitted", &|residuals| &residuals.fitted);
    push("residual", &|residuals| &residuals.residual);
    push("standardised", &|residuals| &residuals.standardised);
    columns
}

fn model_file(loaded: &Loaded, done: Vec<(&Series, Fit)>) -> ModelFile {
    let stored = |(series, fit): (&Series, Fit)| {
        StoredSeries::new(fit.model, fit.summary, fit.estimator.map(str::to_owned), series)
    };
    let columns = Columns {
        id: loaded.panel.id_column.clone(),
        time: loaded.panel.time_column.clone(),
        value: loaded.panel.value_column.clone(),
    };
    ModelFile { columns, series: done.into_iter().map(stored).collect() }
}

/// What was fitted: in full, or one line for each of many series.
fn text(loaded: &Loaded, done: &Done<'_>) -> String {
    if done.len() <= DETAILED {
        return done.iter().map(|(series, fit)| fit.text(series.id())).collect();
    }
    let mut table = Table::new(["series", "model", "variance", "log-likelihood", "values", "AIC", "BIC"]);
    for (series, Fit { summary, .. }) in done {
        table.push([
            loaded.name_of(series).to_owned(),
            summary.description.clone(),
            short(summary.innovation_variance),
            short(summary.log_likelihood),
            summary.observations.to_string(),
            short(summary.aic()),
            short(summary.criterion(Criterion::Bic)),
        ]);
    }
    table.render(SHOWN_SERIES) + &format!("{} series; --json says all of each\n", done.len())
}

/// One object per series: every digit, nothing rounded, null for what does not exist.
fn json_of(loaded: &Loaded, series: &Series, fit: &Fit, args: &FitArgs) -> Value {
    let Fit { model, summary, estimator, ahead, .. } = fit;
    let mut object = Map::new();
    if let Some(id) = &loaded.panel.id_column {
        object.insert(id.clone(), json!(series.id()));
    }
    object.extend(json_of_model(model, summary, *estimator));
    if let Some(ahead) = ahead {
        let mut steps = Map::new();
        let times = (0..ahead.horizon()).map(|step| output::json_time(label(series, step)));
        steps.insert(loaded.time_name().to_owned(), times.collect());
        steps.extend(json_of_marginals(ahead, &args.level));
        object.insert("forecast".to_owned(), Value::Object(steps));
    }
    Value::Object(object)
}

/// What a model is and what its fit reported.
pub(super) fn json_of_model(model: &StoredModel, summary: &Summary, estimator: Option<&str>) -> Map<String, Value> {
    let mut object = Map::new();
    let mut common = output::json_of_summary(summary);
    common.shift_remove("parameters");
    object.extend(common.shift_remove_entry("model"));
    object.insert("estimator".to_owned(), json!(estimator));
    match model.members().as_slice() {
        [] => object.extend(Coefficients::of_naive(&summary.parameters).json()),
        [(_, alone)] => {
            object.extend(Coefficients::of(alone, summary.parameters.iter()).json());
            object.extend(output::json_of_student(alone.innovations()));
        }
        members => {
            let member = |(number, (weight, ar)): (usize, &(f64, &Ar))| json_of_member(number, *weight, ar, summary);
            let members: Vec<Value> = (1..).zip(members).map(member).collect();
            object.insert("members".to_owned(), json!(members));
        }
    }
    object.extend(preprocessing(model));
    object.extend(common);
    object
}

/// One model of an average: its parameters have its number before their names.
fn json_of_member(number: usize, weight: f64, ar: &Ar, summary: &Summary) -> Value {
    let prefix = format!("{number}.");
    let own = |parameter: &Parameter| {
        let name = parameter.name.strip_prefix(&prefix)?.to_owned();
        Some(Parameter { name, ..parameter.clone() })
    };
    let parameters: Vec<Parameter> = summary.parameters.iter().filter_map(own).collect();
    let mut object = Map::new();
    object.insert("weight".to_owned(), json!(weight));
    object.extend(Coefficients::of(ar, parameters.iter()).json());
    object.insert("innovation_variance".to_owned(), output::json_number(ar.innovations().variance()));
    Value::Object(object)
}

/// What was done to the values before the lags.
fn preprocessing(model: &StoredModel) -> Map<String, Value> {
    let members = model.members();
    let none = Differences::none();
    let differences = match model {
        StoredModel::Markov(model) => model.transform().differences(),
        StoredModel::Codebook(model) => model.transform().differences(),
        _ => members.first().map_or(&none, |(_, member)| member.differences()),
    };
    let link = model.link();
    let transform = match link {
        Link::Identity => "none",
        Link::Log => "log",
        Link::BoxCox(_) => "box-cox",
    };
    let values = [
        ("transform", json!(transform)),
        ("differences", json!(differences.regular())),
        ("seasonal_differences", json!(differences.seasonal())),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An estimate and its standard error.
type Estimated = (f64, Option<f64>);

/// The parameters of one model, by what they are.
#[derive(Debug, Default)]
struct Coefficients {
    /// The coefficients at their lags, ascending, and those of the seasonal factor.
    phi: Vec<(usize, Estimated)>,
    seasonal_phi: Vec<(usize, Estimated)>,
    terms: Vec<(String, Estimated)>,
    intercept: Option<Estimated>,
    mean: Option<Estimated>,
    trend: Option<f64>,
}

impl Coefficients {
    fn of<'a>(ar: &Ar, parameters: impl Iterator<Item = &'a Parameter>) -> Self {
        let mut found = Self::default();
        let number = |text: Option<&str>| text.and_then(|number| number.parse::<usize>().ok());
        for Parameter { name, value, standard_error } in parameters {
            let estimated = (*value, *standard_error);
            if let Some(lag) = number(name.strip_prefix("phi_")) {
                found.phi.push((lag, estimated));
            } else if let Some(lag) = number(name.strip_prefix("seasonal_phi_")) {
                found.seasonal_phi.push((lag, estimated));
            } else {
                found.terms.push((name.clone(), estimated));
            }
        }
        // The first term is the one that was estimated, the other follows from it.
        let error = found.terms.first().and_then(|(_, estimated)| estimated.1);
        let error_of = |form: Form| error.filter(|_| ar.form() == form);
        found.intercept = ar.terms().has_intercept().then(|| (ar.intercept(), error_of(Form::Equation)));
        found.mean = ar.mean().map(|mean| (mean, error_of(Form::Mean)));
        found.trend = (ar.terms().trend == Trend::ConstantTrend).then(|| ar.slope());
        found
    }

    /// Those of a naive model: a mean, a drift or nothing.
    fn of_naive(parameters: &[Parameter]) -> Self {
        let Some(Parameter { name, value, standard_error }) = parameters.first() else { return Self::default() };
        let constant = (*value, *standard_error);
        Self {
            terms: vec![(name.clone(), constant)],
            intercept: Some(constant),
            mean: (name == "mean").then_some(constant),
            ..Self::default()
        }
    }

    fn json(&self) -> Map<String, Value> {
        let (coefficients, errors) = in_lag_order(&self.phi);
        let (seasonal, seasonal_errors) = in_lag_order(&self.seasonal_phi);
        let value = |estimated: Option<Estimated>| optional(estimated.map(|estimated| estimated.0));
        let error = |estimated: Option<Estimated>| optional(estimated.and_then(|estimated| estimated.1));
        let term = |(name, (value, error)): &(String, Estimated)| {
            (name.clone(), json!({ "estimate": output::json_number(*value), "std_error": optional(*error) }))
        };
        let entries = [
            ("order", json!(coefficients.len())),
            ("lags", json!(self.phi.iter().map(|(lag, _)| lag).collect::<Vec<_>>())),
            ("coefficients", json!(coefficients)),
            ("standard_errors", json!(errors)),
            ("seasonal_coefficients", json!(seasonal)),
            ("seasonal_standard_errors", json!(seasonal_errors)),
            ("intercept", value(self.intercept)),
            ("intercept_standard_error", error(self.intercept)),
            ("mean", value(self.mean)),
            ("mean_standard_error", error(self.mean)),
            ("trend", optional(self.trend)),
            ("terms", Value::Object(self.terms.iter().map(term).collect())),
        ];
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Coefficients and standard errors of the lags 1, 2, ..: zero and null for lags that are left out.
fn in_lag_order(phi: &[(usize, Estimated)]) -> (Vec<Value>, Vec<Value>) {
    let order = phi.iter().map(|(lag, _)| *lag).max().unwrap_or(0);
    let (mut coefficients, mut errors) = (vec![json!(0.0); order], vec![Value::Null; order]);
    for (lag, (value, error)) in phi {
        (coefficients[lag - 1], errors[lag - 1]) = (output::json_number(*value), optional(*error));
    }
    (coefficients, errors)
}

fn optional(number: Option<f64>) -> Value {
    number.map_or(Value::Null, output::json_number)
}
