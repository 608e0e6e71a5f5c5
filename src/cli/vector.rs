//! The vector autoregression of `forecast` and `fit`: all series of the input as the components of one model.

use nalgebra::DMatrix;
use serde_json::{Map, Value, json};

use super::args::{InputArgs, MissingArg, ModelArgs, OrderArg};
use super::input::Loaded;
use super::models::{criterion, trend};
use super::output::{json_number, json_of_summary};
use super::table::{Table, short};
use crate::data::batch::Batch;
use crate::data::period::infer_period;
use crate::data::series::{Covariate, Series};
use crate::error::{Error, Result};
use crate::forecast::vector::forecast_vector;
use crate::forecast::{Forecast, ForecastOptions};
use crate::model::Summary;
use crate::model::linear::Criterion;
use crate::model::vector::{FittedVar, GrangerTest, VarOrder, VarSpec};

/// The id column of a wide table's series, which has none of its own.
pub(super) const WIDE_ID: &str = "series";
/// Lines of the table of Granger tests that a terminal shows.
const SHOWN_TESTS: usize = 40;
/// Components whose correlations a terminal shows.
const SHOWN_CORRELATIONS: usize = 8;
/// Equations that a terminal shows, and coefficients of each.
const SHOWN_EQUATIONS: usize = 8;
const SHOWN_COEFFICIENTS: usize = 40;
const CRITERIA: [(&str, Criterion); 4] =
    [("AIC", Criterion::Aic), ("AICc", Criterion::Aicc), ("BIC", Criterion::Bic), ("HQIC", Criterion::Hqic)];

/// A fitted system with its forecasts.
pub(super) struct System {
    fitted: FittedVar,
    /// By p-value of F, the smallest first.
    tests: Vec<GrangerTest>,
    /// One for each component; none where nothing is to be forecast.
    pub(super) ahead: Vec<Forecast>,
}

/// The columns of a wide table as the series of a panel.
///
/// # Errors
/// If a column lacks a number at a time of the series, unless that is allowed.
pub(super) fn widen(loaded: &mut Loaded, args: &InputArgs) -> Result<()> {
    let panel = &mut loaded.panel;
    let is_wide = panel.id_column.is_none() && !panel.covariate_columns.is_empty();
    if !is_wide {
        return Ok(());
    }
    let Some(first) = panel.series.pop() else { return Ok(()) };
    let keeps = args.missing == Some(MissingArg::Keep);
    let knows_ahead = first.covariates().iter().any(|covariate| covariate.values.len() > first.len());
    let others: Vec<Series> =
        first.covariates().iter().map(|covariate| component(&first, covariate, keeps)).collect::<Result<_>>()?;
    let value = std::mem::replace(&mut panel.value_column, "value".to_owned());
    panel.series.push(Series::new(value, first.values().to_vec()).with_timeline(first.timeline().clone()));
    panel.series.extend(others);
    panel.id_column = Some(WIDE_ID.to_owned());
    panel.covariate_columns.clear();
    let period = |series: &Series| match args.period {
        Some(period) => period.max(1),
        None => infer_period(series.values(), series.timeline().frequency()),
    };
    loaded.periods = panel.series.iter().map(period).collect();
    let names: Vec<String> = panel.series.iter().map(|series| format!("`{}`", series.id())).collect();
    eprintln!("note: the columns {} are the series of one system", names.join(", "));
    if knows_ahead {
        eprintln!("note: every column is forecast; what the file has of some after the last row with all is not used");
    }
    Ok(())
}

fn component(first: &Series, covariate: &Covariate, keeps: bool) -> Result<Series> {
    let values = &covariate.values[..first.len()];
    let is_bad = |x: &f64| x.is_infinite() || (x.is_nan() && !keeps);
    match values.iter().position(is_bad) {
        Some(t) => {
            Err(Error::data(format!("`{}` has no number at {}", covariate.name, first.timeline().label(t as i64)))
                .expected("a number in every column of the system")
                .hint("fill it in, or keep it as unknown with --missing keep"))
        }
        None => Ok(Series::new(&covariate.name, values.to_vec()).with_timeline(first.timeline().clone())),
    }
}

/// Fits the system, and forecasts it where that is asked for.
///
/// # Errors
/// If there are fewer than two series, or no system can be fitted to them.
pub(super) fn system(
    loaded: &Loaded,
    series: &[Series],
    options: &ModelArgs,
    ahead: Option<ForecastOptions>,
) -> Result<System> {
    if series.len() < 2 {
        return Err(Error::data(format!(
            "VAR needs at least two series, and there is one, `{}`",
            loaded.name_of(&series[0])
        ))
        .expected("a panel with an id column, or a wide table of several numeric columns")
        .hint("--model ar is the autoregression of one series"));
    }
    say_season(loaded);
    let fitted = spec(options).fit(series)?;
    let context = Batch::of_series(series);
    let ahead = ahead.map(|options| forecast_vector(&fitted.model, &context, options)).transpose()?;
    let mut tests = if fitted.model.order() == 0 { Vec::new() } else { fitted.granger_table()? };
    tests.sort_by(|a, b| a.f_p_value.total_cmp(&b.f_p_value));
    Ok(System { fitted, tests, ahead: ahead.unwrap_or_default() })
}

/// What the system does not do, where that matters.
fn say_season(loaded: &Loaded) {
    let seasonal = loaded.periods.iter().filter(|&&period| period > 1).count();
    if seasonal > 0 {
        eprintln!(
            "note: VAR takes the values as they are, without logs, differences or season; {seasonal} of {} series have one",
            loaded.periods.len()
        );
    }
}

fn spec(options: &ModelArgs) -> VarSpec {
    let order = match options.order {
        OrderArg::Value(order) => VarOrder::Fixed(order),
        OrderArg::Auto | OrderArg::Subset => {
            VarOrder::Auto { max: options.max_order, criterion: criterion(options.criterion) }
        }
    };
    VarSpec { order, trend: trend(options.trend) }
}

impl System {
    /// What there is of one component: its equation and its forecast.
    pub(super) fn of(&self, component: usize) -> (Summary, Forecast) {
        (self.fitted.summary(component), self.ahead[component].clone())
    }

    /// What a fit warns of.
    pub(super) fn warnings(&self) -> &[String] {
        &self.fitted.warnings
    }

    /// The system as a terminal shows it beside its forecasts.
    pub(super) fn text(&self) -> String {
        self.heading() + &self.correlations() + &self.granger()
    }

    /// The same with the equations.
    pub(super) fn summary_text(&self) -> String {
        self.heading() + &self.equations() + &self.correlations() + &self.granger()
    }

    fn heading(&self) -> String {
        let fitted = &self.fitted;
        let mut text = format!(
            "{}\n  log-likelihood {} over {} times",
            fitted.description(),
            short(fitted.log_likelihood()),
            fitted.observations()
        );
        for (name, criterion) in CRITERIA {
            text += &format!(", {name} {}", short(fitted.criterion(criterion)));
        }
        if let Some(largest) = fitted.model.eigenvalues().first() {
            text += &format!(
                "\n  largest root {:.4}{}",
                largest.norm(),
                if largest.norm() < 1.0 { ", stable" } else { "" }
            );
        }
        text + "\n\n"
    }

    fn equations(&self) -> String {
        let components = self.fitted.model.components();
        let shown: String = (0..components.min(SHOWN_EQUATIONS)).map(|component| self.equation(component)).collect();
        if components > SHOWN_EQUATIONS {
            return shown + &format!("... {} more equations; --json has all ...\n\n", components - SHOWN_EQUATIONS);
        }
        shown
    }

    fn equation(&self, component: usize) -> String {
        let summary = self.fitted.summary(component);
        let mut table = Table::new(["", "coef", "std err", "z", "P>|z|"]);
        for parameter in &summary.parameters {
            let optional = |x: Option<f64>, text: &dyn Fn(f64) -> String| x.map_or_else(String::new, text);
            table.push([
                format!("  {}", parameter.name),
                short(parameter.value),
                optional(parameter.standard_error, &short),
                optional(parameter.z(), &|z| format!("{z:.3}")),
                optional(parameter.p_value(), &|p| format!("{p:.3}")),
            ]);
        }
        let name = &self.fitted.model.names()[component];
        let variance = short(summary.innovation_variance);
        format!("equation of {name}, innovation variance {variance}\n{}\n", table.render(SHOWN_COEFFICIENTS))
    }

    fn correlations(&self) -> String {
        let names = self.fitted.model.names();
        if names.len() > SHOWN_CORRELATIONS {
            return String::new();
        }
        let correlation = self.fitted.correlation();
        let mut table = Table::new(std::iter::once("").chain(names.iter().map(String::as_str)));
        for (i, name) in names.iter().enumerate() {
            let row = (0..=i).map(|j| format!("{:.3}", correlation[(i, j)]));
            let upper = std::iter::repeat_n(String::new(), names.len() - 1 - i);
            table.push(std::iter::once(format!("  {name}")).chain(row).chain(upper));
        }
        format!("correlations of the innovations\n{}\n", table.render(SHOWN_CORRELATIONS))
    }

    fn granger(&self) -> String {
        if self.tests.is_empty() {
            return String::new();
        }
        let names = self.fitted.model.names();
        let mut table = Table::new(["  the past of", "helps to predict", "F", "df", "p"]);
        for test in &self.tests {
            table.push([
                format!("  {}", names[test.causing]),
                names[test.caused].clone(),
                short(test.f),
                format!("{}, {}", test.f_degrees.0, test.f_degrees.1),
                short(test.f_p_value),
            ]);
        }
        format!("Granger causality\n{}\n", table.render(SHOWN_TESTS))
    }

    /// The entry of a series: its equation, the system, and what Granger-causes it.
    pub(super) fn json_of(&self, series: &Series, summary: &Summary) -> Map<String, Value> {
        let mut entry = json_of_summary(summary);
        let component = self.fitted.model.names().iter().position(|name| name == series.id());
        entry.insert("system".to_owned(), component.map_or(Value::Null, |component| self.json(component)));
        let of_component = self.tests.iter().filter(|test| Some(test.caused) == component);
        entry.insert("granger".to_owned(), of_component.map(|test| self.json_of_test(test)).collect());
        entry
    }

    fn json(&self, component: usize) -> Value {
        let fitted = &self.fitted;
        let covariance = fitted.covariance();
        let of_names = |value: &dyn Fn(usize) -> f64| -> Value {
            let entry = |(i, name): (usize, &String)| (name.clone(), json_number(value(i)));
            Value::Object(fitted.model.names().iter().enumerate().map(entry).collect())
        };
        let mut object = Map::new();
        object.insert("order".to_owned(), json!(fitted.model.order()));
        object.insert("innovation_covariance".to_owned(), of_names(&|i| covariance[(component, i)]));
        object.extend(self.json_of_likelihood());
        Value::Object(object)
    }

    /// The system as one object: every digit, in the order of its series.
    pub(super) fn whole_json(&self) -> Map<String, Value> {
        let fitted = &self.fitted;
        let (names, order) = (fitted.model.names(), fitted.model.order());
        let (values, errors) = (fitted.coefficients(), fitted.standard_errors());
        let terms = values.nrows() - order * names.len();
        let row = |matrix: &DMatrix<f64>, i: usize| matrix.row(i).iter().map(|x| json_number(*x)).collect::<Value>();
        // Of lag l, a row per equation and a column per series.
        let lag = |matrix: &DMatrix<f64>, l: usize| {
            row_arrays(&matrix.rows(terms + l * names.len(), names.len()).transpose())
        };
        let lags = |matrix: &DMatrix<f64>| (0..order).map(|l| lag(matrix, l)).collect::<Value>();
        let term = |(i, name): (usize, &String)| {
            (name.clone(), json!({ "estimate": row(values, i), "std_error": row(&errors, i) }))
        };
        let term_names = &fitted.coefficient_names()[..terms];
        let mut object = Map::new();
        for (name, value) in [
            ("model", json!(fitted.description())),
            ("series", json!(names)),
            ("order", json!(order)),
            ("coefficients", lags(values)),
            ("standard_errors", lags(&errors)),
            ("terms", Value::Object(term_names.iter().enumerate().map(term).collect())),
            ("innovation_covariance", row_arrays(&fitted.covariance())),
            ("innovation_covariance_unbiased", row_arrays(&fitted.covariance_unbiased())),
        ] {
            object.insert(name.to_owned(), value);
        }
        object.extend(self.json_of_likelihood());
        let test = |test: &GrangerTest| {
            let mut entry = self.json_of_test(test);
            entry["caused"] = json!(names[test.caused]);
            entry
        };
        object.insert("granger".to_owned(), self.tests.iter().map(test).collect());
        object.insert("warnings".to_owned(), json!(fitted.warnings));
        object
    }

    fn json_of_likelihood(&self) -> Map<String, Value> {
        let fitted = &self.fitted;
        let mut object = Map::new();
        object.insert("log_likelihood".to_owned(), json_number(fitted.log_likelihood()));
        for (name, criterion) in CRITERIA {
            object.insert(name.to_lowercase(), json_number(fitted.criterion(criterion)));
        }
        object.insert("observations".to_owned(), json!(fitted.observations()));
        let moduli = fitted.model.eigenvalues().iter().map(|value| json_number(value.norm())).collect::<Vec<_>>();
        object.insert("root_moduli".to_owned(), json!(moduli));
        object
    }

    fn json_of_test(&self, test: &GrangerTest) -> Value {
        json!({
            "causing": self.fitted.model.names()[test.causing],
            "f": json_number(test.f),
            "degrees_of_freedom": [test.f_degrees.0, test.f_degrees.1],
            "p_value": json_number(test.f_p_value),
            "wald": json_number(test.wald),
            "wald_p_value": json_number(test.wald_p_value),
        })
    }
}

/// A matrix as an array of its rows.
fn row_arrays(matrix: &DMatrix<f64>) -> Value {
    matrix.row_iter().map(|row| row.iter().map(|x| json_number(*x)).collect::<Value>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    #[test]
    fn a_terminal_shows_the_system_and_the_strongest_cause_first() {
        let mut rng = LaneRng::new(1, 0);
        let lead: Vec<f64> = (0..60).map(|_| rng.normal()).collect();
        let follow: Vec<f64> = (0..60).map(|t| if t == 0 { 0.0 } else { lead[t - 1] } + 0.1 * rng.normal()).collect();
        let series = [Series::new("lead", lead), Series::new("follow", follow)];
        let fitted = VarSpec { order: VarOrder::Fixed(1), ..VarSpec::default() }.fit(&series).expect("a fit");
        let ahead = forecast_vector(&fitted.model, &Batch::of_series(&series), ForecastOptions::new(1));
        let mut tests = fitted.granger_table().expect("tests");
        tests.sort_by(|a, b| a.f_p_value.total_cmp(&b.f_p_value));
        let text = System { fitted, tests, ahead: ahead.expect("a forecast") }.text();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines[0], "VAR(1) of 2 series by least squares");
        assert!(lines[1].contains("over 59 times, AIC") && lines[2].ends_with("stable"), "{text}");
        let cells_of = |line: usize| lines[line].split_whitespace().collect::<Vec<&str>>();
        assert_eq!((cells_of(6), cells_of(7).len()), (vec!["lead", "1.000"], 3), "{text}");
        let first = lines.iter().position(|line| line.contains("helps to predict")).expect("a table") + 1;
        let cells = cells_of(first);
        assert_eq!((cells[0], cells[1], &cells[3..5]), ("lead", "follow", &["1,", "112"][..]), "{text}");
    }
}
