//! Where results go: tables to files or standard output, pictures to files, JSON lines.

use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use polars::prelude::{Column as FrameColumn, DataFrame, NamedFrom, Series};
use serde_json::{Map, Value, json};

use super::table::short;
use crate::chart;
use crate::data::frame::{Destination, TableFormat, write_table};
use crate::error::{Error, ErrorKind, Result};
use crate::math::residual_tests::ChiSquaredTest;
use crate::model::Summary;
use crate::model::linear::{ArReport, Criterion, Innovations, Root, SeriesTest};

/// One named column of results. A missing number is NaN.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    data: Data,
}

#[derive(Debug, Clone)]
enum Data {
    Text(Vec<String>),
    Integers(Vec<i64>),
    OptionalIntegers(Vec<Option<i64>>),
    Numbers(Vec<f64>),
    Flags(Vec<Option<bool>>),
}

impl Column {
    pub(super) fn text(name: impl Into<String>, values: Vec<String>) -> Self {
        Self { name: name.into(), data: Data::Text(values) }
    }

    /// Times as they are spelled; whole numbers stay numbers.
    pub(super) fn times(name: impl Into<String>, labels: Vec<String>) -> Self {
        let whole: Option<Vec<i64>> = labels.iter().map(|label| label.parse().ok()).collect();
        match whole {
            Some(numbers) => Self::integers(name, numbers),
            None => Self::text(name, labels),
        }
    }

    pub(super) fn integers(name: impl Into<String>, values: Vec<i64>) -> Self {
        Self { name: name.into(), data: Data::Integers(values) }
    }

    /// Whole numbers, some of them missing.
    pub(super) fn optional_integers(name: impl Into<String>, values: Vec<Option<i64>>) -> Self {
        Self { name: name.into(), data: Data::OptionalIntegers(values) }
    }

    pub(super) fn numbers(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self { name: name.into(), data: Data::Numbers(values) }
    }

    pub(super) fn flags(name: impl Into<String>, values: Vec<Option<bool>>) -> Self {
        Self { name: name.into(), data: Data::Flags(values) }
    }

    pub(super) fn len(&self) -> usize {
        match &self.data {
            Data::Text(values) => values.len(),
            Data::Integers(values) => values.len(),
            Data::OptionalIntegers(values) => values.len(),
            Data::Numbers(values) => values.len(),
            Data::Flags(values) => values.len(),
        }
    }

    /// A value as a terminal shows it.
    pub(super) fn shown(&self, row: usize) -> String {
        match &self.data {
            Data::Text(values) => values[row].clone(),
            Data::Integers(values) => values[row].to_string(),
            Data::OptionalIntegers(values) => values[row].map_or_else(String::new, |value| value.to_string()),
            Data::Numbers(values) => short(values[row]),
            Data::Flags(values) => values[row].map_or_else(String::new, |flag| flag.to_string()),
        }
    }

    fn into_frame_column(self) -> FrameColumn {
        let name = self.name.into();
        match self.data {
            Data::Text(values) => Series::new(name, values),
            Data::Integers(values) => Series::new(name, values),
            Data::OptionalIntegers(values) => Series::new(name, values),
            Data::Numbers(values) => Series::new(name, values),
            Data::Flags(values) => Series::new(name, values),
        }
        .into()
    }
}

/// A table of columns, beside those of an input where there is one.
///
/// # Errors
/// If a result has the name of an input column.
pub(super) fn frame(input: Option<&DataFrame>, columns: Vec<Column>) -> Result<DataFrame> {
    let mut all: Vec<FrameColumn> = input.map_or_else(Vec::new, |frame| frame.columns().to_vec());
    let height = input.map_or_else(|| columns.first().map_or(0, Column::len), DataFrame::height);
    for column in columns {
        if all.iter().any(|other| other.name().as_str() == column.name) {
            return Err(Error::usage(format!("the input already has a column `{}`", column.name))
                .expected("a name that the output can use")
                .hint("rename that column in the input"));
        }
        all.push(column.into_frame_column());
    }
    DataFrame::new(height, all).map_err(|error| Error::data("the output table cannot be built").caused_by(error))
}

/// Where the table goes, if anywhere: a file, or standard output when asked for or when that is no terminal.
pub(super) fn destination(output: Option<&Path>, json: bool) -> Result<Option<(Destination<'_>, TableFormat)>> {
    match output {
        Some(path) if path == Path::new("-") && json => {
            Err(Error::usage("-o - and --json both write to standard output").hint("give one of them"))
        }
        Some(path) if path == Path::new("-") => Ok(Some((Destination::Stdout, TableFormat::Csv))),
        Some(path) => match TableFormat::of_path(path) {
            Some(format) => {
                check_folder(path)?;
                Ok(Some((Destination::Path(path), format)))
            }
            None => Err(Error::usage("the ending names no table format")
                .at(path.display().to_string())
                .expected("a file name that ends in .csv, .tsv, .json, .ndjson or .parquet")
                .hint("give the file one of these endings, or write CSV to standard output with -o -")),
        },
        None if json || std::io::stdout().is_terminal() => Ok(None),
        None => Ok(Some((Destination::Stdout, TableFormat::Csv))),
    }
}

/// The format of a chart that can be written.
pub(super) fn chart_format(path: &Path) -> Result<chart::Format> {
    let format = chart::Format::of_path(path)?;
    check_folder(path)?;
    Ok(format)
}

/// Refuses a page that cannot be written, or whose name says that it is something else.
pub(super) fn check_page(path: &Path) -> Result<()> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if !matches!(ending.as_deref(), Some("html" | "htm")) {
        return Err(Error::usage("a report is an HTML page")
            .at(path.display().to_string())
            .expected("a file name that ends in .html")
            .hint("give the file this ending"));
    }
    check_folder(path)
}

/// Refuses a file that cannot be written, before any work is done for it and before another output is written.
pub(super) fn check_folder(path: &Path) -> Result<()> {
    let refused = |what: String, hint: String| Err(Error::io(what).at(path.display().to_string()).hint(hint));
    if path.is_dir() {
        return Err(Error::io("is a directory").at(path.display().to_string()).expected("a file to write"));
    }
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let what = if folder.exists() { "is a file" } else { "does not exist" };
        let hint = "name a folder that exists, or create it first".to_owned();
        return refused(format!("cannot be written: the folder `{}` {what}", folder.display()), hint);
    }
    if path.exists() {
        return Ok(());
    }
    let probe = folder.join(format!(".foretoken.{}.probe", std::process::id()));
    match File::create_new(&probe).and_then(|_| fs::remove_file(&probe)) {
        Ok(()) => Ok(()),
        Err(error) => {
            refused(format!("cannot be written: {error}"), "choose a folder that you may write to".to_owned())
        }
    }
}

/// Refuses to write over the input.
pub(super) fn check_not_input(input: &Path, outputs: &[&Option<PathBuf>]) -> Result<()> {
    let Ok(input) = input.canonicalize() else { return Ok(()) };
    for output in outputs.iter().filter_map(|output| output.as_deref()) {
        if output.canonicalize().is_ok_and(|output| output == input) {
            return Err(Error::usage("is the input, which would be overwritten")
                .at(output.display().to_string())
                .hint("give the output another name"));
        }
    }
    Ok(())
}

/// Writes a table and says where.
pub(super) fn save(mut frame: DataFrame, (destination, format): (Destination<'_>, TableFormat)) -> Result<()> {
    write_table(&mut frame, format, destination)?;
    if let Destination::Path(path) = destination {
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

/// Writes all bytes to standard output; a closed pipe is its own kind of error.
pub(super) fn to_stdout(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::BrokenPipe => ErrorKind::BrokenPipe,
            _ => ErrorKind::Io,
        };
        Error::new(kind, "standard output cannot be written").caused_by(error)
    })
}

/// One JSON object per line.
pub(super) fn json_lines(objects: impl Iterator<Item = Value>) -> Result<()> {
    let text: String = objects.map(|object| object.to_string() + "\n").collect();
    to_stdout(text.as_bytes())
}

/// A number, or null where there is none.
pub(super) fn json_number(x: f64) -> Value {
    if x.is_finite() { json!(x) } else { Value::Null }
}

/// A time as it is spelled; whole numbers stay numbers.
pub(super) fn json_time(label: String) -> Value {
    label.parse::<i64>().map_or_else(|_| json!(label), |number| json!(number))
}

/// What a fit reports, every digit.
pub(super) fn json_of_summary(summary: &Summary) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("model".to_owned(), json!(summary.description));
    let parameters: Map<String, Value> = summary
        .parameters
        .iter()
        .map(|parameter| {
            let optional = |x: Option<f64>| x.map_or(Value::Null, json_number);
            let interval = parameter.interval(0.95).map(|(lo, hi)| [json_number(lo), json_number(hi)]);
            let entry = json!({
                "estimate": json_number(parameter.value),
                "std_error": optional(parameter.standard_error),
                "z": optional(parameter.z()),
                "p_value": optional(parameter.p_value()),
                "conf_int": interval,
            });
            (parameter.name.clone(), entry)
        })
        .collect();
    object.insert("parameters".to_owned(), Value::Object(parameters));
    let preprocessing: Map<String, Value> = summary
        .preprocessing
        .iter()
        .map(|(name, values)| (name.clone(), values.iter().map(|value| json_number(*value)).collect()))
        .collect();
    object.insert("preprocessing".to_owned(), Value::Object(preprocessing));
    for (name, value) in [
        ("innovation_variance", summary.innovation_variance),
        ("innovation_variance_unbiased", summary.innovation_variance_unbiased),
        ("log_likelihood", summary.log_likelihood),
        ("aic", summary.aic()),
        ("aicc", summary.criterion(Criterion::Aicc)),
        ("bic", summary.criterion(Criterion::Bic)),
        ("hqic", summary.criterion(Criterion::Hqic)),
    ] {
        object.insert(name.to_owned(), json_number(value));
    }
    object.insert("observations".to_owned(), json!(summary.observations));
    object.insert("converged".to_owned(), json!(summary.converged));
    object.insert("warnings".to_owned(), json!(summary.warnings));
    object
}

/// What a fit reports and what follows from it, every digit.
pub(super) fn json_of_report(report: &ArReport) -> Map<String, Value> {
    let numbers = |x: &[f64]| Value::Array(x.iter().map(|x| json_number(*x)).collect());
    let (frequencies, density): (Vec<f64>, Vec<f64>) = report.spectral_density.iter().copied().unzip();
    let response = &report.impulse_response;
    let mut object = json_of_summary(&report.summary);
    object.extend(json_of_student(report.innovations));
    for (name, value) in [
        ("is_stationary", json!(report.is_stationary)),
        ("roots", report.roots.as_ref().map_or(Value::Null, |roots| roots.iter().map(json_of_root).collect())),
        (
            "impulse_response",
            json!({ "response": numbers(&response.response), "cumulative": numbers(&response.cumulative) }),
        ),
        ("spectral_density", json!({ "angular_frequency": numbers(&frequencies), "density": numbers(&density) })),
        ("autocorrelations", numbers(&report.autocorrelations)),
        ("tests", Value::Object(json_of_tests(report))),
    ] {
        object.insert(name.to_owned(), value);
    }
    object
}

fn json_of_root(root: &Root) -> Value {
    json!({
        "real": json_number(root.real),
        "imaginary": json_number(root.imaginary),
        "modulus": json_number(root.modulus()),
        "frequency": json_number(root.frequency()),
        "period": json_number(root.period()),
    })
}

/// Scale and degrees of freedom of innovations that are not normal.
pub(super) fn json_of_student(innovations: Innovations) -> Option<(String, Value)> {
    let Innovations::StudentT { scale, dof } = innovations else { return None };
    let numbers = json!({ "scale": json_number(scale), "degrees_of_freedom": json_number(dof) });
    Some(("student_t".to_owned(), numbers))
}

/// The tests by name; Ljung and Box's with most lags, and each number of lags in `by_lags`.
fn json_of_tests(report: &ArReport) -> Map<String, Value> {
    let tests = &report.residual_tests;
    let mut object = Map::new();
    if let Some((lags, longest)) = tests.ljung_box.last() {
        let mut entry = json_of_test(longest, Some(*lags));
        entry["by_lags"] = tests.ljung_box.iter().map(|(lags, test)| json_of_test(test, Some(*lags))).collect();
        object.insert("Ljung-Box".to_owned(), entry);
        let box_pierce = tests.box_pierce.as_ref().map(|test| json_of_test(test, Some(*lags)));
        object.extend(box_pierce.map(|entry| ("Box-Pierce".to_owned(), entry)));
    }
    if let Some(test) = &tests.jarque_bera {
        let mut entry = json_of_test(test, None);
        entry["skewness"] = json_number(tests.shape.0);
        entry["kurtosis"] = json_number(tests.shape.1);
        object.insert("Jarque-Bera".to_owned(), entry);
    }
    if let Some(test) = &tests.arch {
        object.insert("ARCH-LM".to_owned(), json_of_test(test, Some(test.degrees_of_freedom)));
    }
    object.extend(report.series_tests.iter().map(json_of_series_test));
    object
}

fn json_of_test(test: &ChiSquaredTest, lags: Option<usize>) -> Value {
    let mut entry = json!({
        "statistic": json_number(test.statistic),
        "degrees_of_freedom": test.degrees_of_freedom,
        "p_value": json_number(test.p_value),
    });
    if let Some(lags) = lags {
        entry["lags"] = json!(lags);
    }
    entry
}

/// A test of the series; `p_value_is` is `=`, or `<` or `>` where the p-value is an end of a table.
fn json_of_series_test(test: &SeriesTest) -> (String, Value) {
    let (statistic, p_value, sign, lags, levels, critical) = match test {
        SeriesTest::Adf(_, test) => {
            (test.statistic, test.p_value, "=", test.lags, &["1%", "5%", "10%"][..], &test.critical_values[..])
        }
        SeriesTest::Kpss(_, test) => {
            let levels = &["10%", "5%", "2.5%", "1%"][..];
            (test.statistic, test.p_value, test.sign(), test.lags, levels, &test.critical_values[..])
        }
    };
    let critical: Map<String, Value> =
        levels.iter().zip(critical).map(|(level, value)| ((*level).to_owned(), json_number(*value))).collect();
    let value = json!({
        "statistic": json_number(statistic),
        "p_value": json_number(p_value),
        "p_value_is": sign,
        "lags": lags,
        "critical_values": critical,
    });
    (test.name().to_owned(), value)
}
