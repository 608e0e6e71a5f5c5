//! `foretoken fit --model var`: a system's equations with their errors, its Granger tests, one object for scripts.
//!
//! Coefficients are those of x_t = c + A_1 x_{t-1} + .. + A_p x_{t-p} + e_t: `coefficients[l - 1][i][j]` is the effect of
//! series j, l steps before, on series i.

use serde_json::{Map, Value};

use super::args::FitArgs;
use super::forecast::{self, json_of_marginals, label};
use super::input::{self, Loaded, Needs};
use super::vector::{self, System};
use super::{Outcome, notes, output};
use crate::data::frame::Missing;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::forecast::ForecastOptions;

pub(super) fn run(args: &FitArgs) -> Result<Outcome> {
    check(args)?;
    let mut loaded = input::load(&args.input, Needs { missing: Missing::Error, rows: false, columns: true })?;
    vector::widen(&mut loaded, &args.input).map_err(|error| loaded.located(error))?;
    input::load_future(&mut loaded, &args.input, None, 0)?;
    input::say_unused(&loaded);
    let series = std::mem::take(&mut loaded.panel.series);
    let outcome = input::report_failures(&mut loaded, Vec::new(), series.len())?;
    let ahead = args.horizon.map(ForecastOptions::new);
    let system = vector::system(&loaded, &series, &args.fit, ahead).map_err(|error| loaded.located(error))?;
    let said: Vec<(&str, &str)> = system.warnings().iter().map(|warning| ("", warning.as_str())).collect();
    notes::say_for_series(&said, false);
    if args.json {
        output::json_lines(std::iter::once(json_of(&loaded, &series, &system, args)))?;
    } else {
        output::to_stdout(system.summary_text().as_bytes())?;
    }
    Ok(outcome)
}

/// Refuses what there is of one series alone.
fn check(args: &FitArgs) -> Result<()> {
    args.fit.check(&[args.model])?;
    input::check_covariates(&args.input, &[args.model])?;
    forecast::check_levels(&args.level)?;
    let options = [("--save", &args.save), ("--residuals", &args.residuals), ("--fill", &args.fill)];
    let given: Vec<&str> = options.iter().filter(|(_, path)| path.is_some()).map(|(name, _)| *name).collect();
    if given.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!("{} with --model var, a model of several series together", given.join(", ")))
        .expected("a model of one series: model files and residual tables have a row or a model for each")
        .hint("--json has all numbers of the system; foretoken forecast --model var fits and forecasts in one run"))
}

fn json_of(loaded: &Loaded, series: &[Series], system: &System, args: &FitArgs) -> Value {
    let mut object = system.whole_json();
    if let (Some(horizon), Some(first)) = (args.horizon, series.first()) {
        let times = (0..horizon).map(|step| output::json_time(label(first, step)));
        let mut steps = Map::new();
        steps.insert(loaded.time_name().to_owned(), times.collect());
        let of = |(series, ahead): (&Series, _)| {
            (series.id().to_owned(), Value::Object(json_of_marginals(ahead, &args.level)))
        };
        let by_series = series.iter().zip(&system.ahead).map(of);
        steps.insert("series".to_owned(), Value::Object(by_series.collect()));
        object.insert("forecast".to_owned(), Value::Object(steps));
    }
    Value::Object(object)
}
