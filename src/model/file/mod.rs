//! Fitted models in files: a header line, then one JSON object per series and line.
//!
//! ```text
//! {"format":"foretoken-model","version":1,"model":"ar","id":"store","time":"month","value":"sold","series":1,"crc32":".."}
//! {"id":"A","estimator":"least-squares","model":{..},"context":{..},"summary":{..}}
//! ```
//!
//! | key | holds |
//! |---|---|
//! | `model` of the header | `ar`, `mean`, `naive`, `rwd`, `snaive`, `markov`, `codebook`, `mlp`, `gru`, `lstm`, `conv` or `transformer` |
//! | `id`, `time`, `value` of the header | the columns of the table; without `id` the file holds one series, without `time` rows are counted |
//! | `series` | how many lines follow, so that a truncated file is seen |
//! | `crc32` | the CRC-32 of these lines (ISO 3309), each ended by a line feed, as eight hexadecimal digits: numbers that were edited or damaged would pass as others |
//! | `id`, `estimator` | the series, and how an `ar` was estimated |
//! | `model` | the model: its `kind` and its numbers ([`Stored`]) |
//! | `context` | the last values: `start`, the index of the first of them; `values`, null where missing; `covariates` by name, with the known future; `time`, see below |
//! | `summary` | what the fit reported: `description`, `parameters` as `[name, estimate, standard error]` (the estimate null where it is the model's own number in the same place: coefficients, then phi), the likelihood, and the lower triangle of the covariance of at most eight parameters, which larger models would not hold in 2 KB |
//!
//! A model, by `kind`:
//!
//! | kind | keys |
//! |---|---|
//! | `ar` | `order` p, `phi` at its `lags` (all, where they are absent), `terms` (`trend` n, c or ct, `dummies`, `fourier` as `[period, harmonics]`, `covariates`) and their `coefficients`, `form` (equation or mean), `sd` or `student_t` `[scale, degrees of freedom]`, `start` (given or stationary), `origin`, `differences` as `[d, D, m]` |
//! | | of recursive least squares also `recursion`: `forgetting`, `lags`, `centre`, `coefficients`, `inverse` (the lower triangle of P, so k (k + 1) / 2 numbers for k coefficients: under 2 KB up to k = 4), `limits`, `squares`, `weight`, `squared_weight` |
//! | `average` | `members` with `weights`: autoregressions, or networks of several seeds |
//! | `transformed` | `link` (log) or `lambda` (Box-Cox), seasonal `factors` or `seasonal_terms`, `differences` and `origin`, the `inner` model |
//! | `naive` | `lag`, `constant`, `sd`, `fallback` |
//! | `quantised` | `quantiser`, the `inner` model of its tokens |
//! | | a quantiser: `edges_by` (uniform, quantile, mu-law with its `mu`, k-means), `location` and `scale` of the training values, `edges` (of uniform bins the `grid`: the centre of the lower tail, bins per unit and the number of the upper tail), `tails` (their widths), `levels` (what tokens stand for: of k-means all, of uniform bins none, else those of the outer two), `range` (the smallest and largest training value, standardised) |
//! | `markov` | `order`, `symbols`, and `counts` as `[context, [[symbol, count], ..]]`, what followed each context of up to `order` symbols |
//! | `codebook` | `patch`, `location` and `scale` of the training values, `centroids` and the `scales` around them (code by code), the `chain` of the codes |
//! | `neural` | `body` (`architecture`, `hidden`, `layers`, heads of attention), `head` (`family`, bins), `frame` (`lags`, `warm` and `span` of a window, the `least` past of a row, `periods`, scales), the names of its `covariates`, `is_double`, the `origin` of its times on the clock of the phases and its `number` among series that are told apart, and the `parameters` as one list; of a network of a panel that an earlier line holds only `shared_with`, the number of that line's series from 0, and its own `origin` and `number` |
//!
//! **Networks** are written as [safetensors](https://github.com/huggingface/safetensors): every part of the parameters is a tensor `SERIES.NAME`,
//! such as `0.gru.0.input.weight` (of an ensemble `SERIES.MEMBER.NAME`), and the text above without `parameters` stands in the metadata under `foretoken`. The check sum is
//! that of the text with them, so a damaged tensor is refused as well.
//!
//! `time` has the `last` time (or all of `moments`, where they are not equally spaced) as ISO date-time, the
//! `frequency` of the grid and the one `shown`, the `day` of the month, the `spelling` of 31 January 2024, 9:05,
//! and the `zone`. Absent keys are null. Numbers have the fewest digits that give the same number again.
//!
//! Which values are kept: a session is resumed by reading the last p + d + mD values, which is exact if none of them is
//! missing. With gaps the values go back to the last stretch of so many known ones, at whose end nothing before matters
//! any more; without such a stretch, or without as many values, all are kept (a seasonal naive model with a gap in
//! every season). A model whose scale is that of its context keeps all. No posterior of a filter is stored: values are shorter, and readable.
//!
//! Size: about 900 bytes, and 55 to 65 for each lag with its coefficient, its error and its value. Measured on lynx with an
//! intercept, by estimator:
//!
//! | order | 2 | 8 | 12 | 17 | 18 | 24 |
//! |---|---|---|---|---|---|---|
//! | least-squares, yule-walker, burg | 1.1 KB | 1.3 | 1.6 | 1.9 | 1.9 | 2.3 |
//! | exact | 1.1 | 1.3 | 1.6 | 2.0 | 2.1 | 2.4 |
//! | robust | 1.1 | 1.4 | 1.7 | 2.0 | 2.0 | 2.4 |
//! | recursive | 1.5 | 3.0 | | | 7.5 | |
//!
//! So the limit of 2 KB (2,048 bytes) holds up to an AR(17), of recursive least squares up to an AR(3). An average has its
//! members side by side: 2.8 KB for the two models of the air passengers; long lags of a default order go beyond as well (3.1
//! KB for the hourly load).

#[cfg(feature = "linfa")]
mod codebook;
mod neural;
mod node;
mod stored;
#[cfg(test)]
mod tests;
mod tokens;
mod update;

use serde_json::{Map, Value, json};

pub use self::node::Node;
pub use self::stored::{Stored, StoredModel};
pub use self::tokens::TokenHeader;
pub use self::update::Update;
use super::linear::Ar;
use super::{Autoregressive, Parameter, Summary};
use crate::data::batch::{Batch, Covariates};
use crate::data::series::{Covariate, Series};
use crate::data::timeline::{Stamp, Timeline};
use crate::error::{Error, Result};
use crate::model::transformed::Seasonal;

const FORMAT: &str = "foretoken-model";
const VERSION: u64 = 1;
/// Models with more parameters are stored without their covariance.
const MAX_COVARIANCE: usize = 8;
/// The largest index of a value: all whole numbers up to it are exact.
const MAX_INDEX: usize = 1 << 53;
/// The names of models on the command line, and in tables.
const NAMES: [(&str, &str); 12] = [
    ("ar", "AR"),
    ("mean", "Mean"),
    ("naive", "Naive"),
    ("rwd", "RWD"),
    ("snaive", "SNaive"),
    ("markov", "Markov"),
    ("codebook", "Codebook"),
    ("mlp", "MLP"),
    ("gru", "GRU"),
    ("lstm", "LSTM"),
    ("conv", "Conv"),
    ("transformer", "Transformer"),
];

/// A model alone, as one line of JSON.
pub fn write_model<M: Stored>(model: &M) -> String {
    model.write().to_string()
}

/// The model of such a line: the same to the last bit.
///
/// # Errors
/// If the line holds no model of this type.
pub fn read_model<M: Stored>(line: &str) -> Result<M> {
    M::read(&Node::root(&parse_line(line)?))
}

/// The columns of the table that a model was fitted to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// The column that names the series; `None` for a single one.
    pub id: Option<String>,
    /// The column of times; `None` where rows are counted.
    pub time: Option<String>,
    /// The column of values.
    pub value: String,
}

/// One model for each series of a table.
///
/// ```
/// use foretoken::forecast::{ForecastOptions, forecast};
/// use foretoken::model::file::{Columns, ModelFile, StoredModel, StoredSeries};
/// use foretoken::model::linear::ArSpec;
/// use foretoken::{Fit, Series};
///
/// let x = Series::new("", (0..40).map(|t| f64::from(t * t % 7)).collect());
/// let fitted = ArSpec::default().fit(std::slice::from_ref(&x))?;
/// let series = StoredSeries::new(StoredModel::Ar(fitted.model), fitted.summary, None, &x);
/// let file = ModelFile { columns: Columns::default(), series: vec![series] };
/// let loaded = ModelFile::parse(file.to_text().as_bytes())?.series.remove(0);
/// let ahead = forecast(&loaded.model, &loaded.context(), &loaded.known(), ForecastOptions::new(3))?;
/// assert_eq!(ahead.horizon(), 3);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// The columns of the table.
    pub columns: Columns,
    /// The series, in the order of the table.
    pub series: Vec<StoredSeries>,
}

/// A model and the past that it resumes from.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSeries {
    /// The model.
    pub model: StoredModel,
    /// What its fit reported; the covariance only of models with few parameters.
    pub summary: Summary,
    /// How it was estimated, where there is a choice.
    pub estimator: Option<String>,
    /// The last values with their times.
    pub tail: Series,
    /// The index of the first of them.
    pub start: usize,
}

/// Where the values begin from which a session resumes: at the last stretch of as many known values as the model looks
/// back on, at the first value without one. At least one value is kept, whose time is the last.
fn tail_start(values: &[f64], memory: Option<usize>) -> usize {
    let Some(memory) = memory else { return 0 };
    let mut known = 0;
    let is_settled = |t: &usize| {
        known = if values[*t].is_nan() { 0 } else { known + 1 };
        known >= memory.max(1)
    };
    (0..values.len()).rev().find(is_settled).unwrap_or(0)
}

/// The end of a series, with the covariates beside it and beyond.
fn tail(series: &Series, start: usize, names: &[String]) -> Series {
    let of = |name: &String| {
        let covariate = series.covariates().iter().find(|covariate| covariate.name == *name)?;
        Some(Covariate { name: name.clone(), values: covariate.values[start..].to_vec() })
    };
    Series::new(series.id(), series.values()[start..].to_vec())
        .with_timeline(series.timeline().slice(start..series.len()))
        .with_covariates(names.iter().filter_map(of).collect())
}

impl StoredSeries {
    /// A model at the end of a series, of which the values that it needs are kept.
    #[must_use]
    pub fn new(model: StoredModel, summary: Summary, estimator: Option<String>, series: &Series) -> Self {
        let start = tail_start(series.values(), model.memory());
        let tail = tail(series, start, model.covariates());
        let covariance = summary.covariance.filter(|covariance| covariance.len() <= MAX_COVARIANCE);
        Self { model, summary: Summary { covariance, ..summary }, estimator, tail, start }
    }

    /// The values as the context of a session.
    #[must_use]
    pub fn context(&self) -> Batch {
        Batch::single(self.tail.values(), self.start as i64)
    }

    /// The covariates of the context, and what is known of their future.
    #[must_use]
    pub fn known(&self) -> Covariates {
        Covariates::of_series(&self.tail)
    }

    fn write(&self, model: &Value) -> Value {
        let values: Vec<Value> = self.tail.values().iter().map(|x| number(*x)).collect();
        let mut context = Map::new();
        context.insert("start".to_owned(), json!(self.start));
        context.insert("values".to_owned(), json!(values));
        if !self.tail.covariates().is_empty() {
            let column = |covariate: &Covariate| {
                let values: Vec<Value> = covariate.values.iter().map(|x| number(*x)).collect();
                (covariate.name.clone(), json!(values))
            };
            context.insert("covariates".to_owned(), Value::Object(self.tail.covariates().iter().map(column).collect()));
        }
        context.insert("time".to_owned(), write_stamp(&self.tail.timeline().stamp()));
        without_nulls(json!({
            "id": self.tail.id(),
            "estimator": self.estimator,
            "model": model,
            "context": context,
            "summary": write_summary(&self.summary, &self.model),
        }))
    }

    fn read(node: &Node<'_>, name: &str, before: &[Self]) -> Result<Self> {
        let model = node.get("model")?;
        let shared = neural::read_shared(&model, before)?;
        let model = shared.map_or_else(|| StoredModel::read(&model), Ok)?;
        let context = node.get("context")?;
        let start = context.get("start")?.whole(0, MAX_INDEX)?;
        let values = context.get("values")?.numbers_or_nan()?;
        let memory = model.memory().unwrap_or(usize::MAX).max(1);
        // Of later values those that the model looks back on must be there.
        let is_settled = values.len() >= memory && values[..memory].iter().all(|x| !x.is_nan());
        if values.is_empty() || !(start == 0 || is_settled) {
            return Err(context.get("values")?.error(&format!("all values, or {memory} known ones to begin with")));
        }
        let columns = context.find("covariates").map_or(Ok(Vec::new()), |columns| columns.entries())?;
        let column = |name: &String| {
            let found = columns.iter().find(|(key, _)| key == name);
            let (_, node) = found.ok_or_else(|| context.refused(format!("the covariate `{name}` is missing")))?;
            let values = node.numbers_or_nan()?;
            if values.len() < context.get("values")?.list()?.len() {
                return Err(node.refused("there are fewer of them than values"));
            }
            Ok(Covariate { name: name.clone(), values })
        };
        let covariates = model.covariates().iter().map(column).collect::<Result<Vec<_>>>()?;
        let time = context.get("time")?;
        let timeline =
            Timeline::of_stamp(&read_stamp(&time)?, values.len()).map_err(|error| time.refused(error.to_string()))?;
        let summary = read_summary(&node.get("summary")?, name, &model)?;
        let id = node.find("id").map_or(Ok(""), |id| id.text())?;
        let tail = Series::new(id, values).with_timeline(timeline).with_covariates(covariates);
        let estimator = node.find("estimator").map(|name| name.text().map(str::to_owned)).transpose()?;
        Ok(Self { model, summary, estimator, tail, start })
    }
}

/// A number; null for NaN.
fn number(x: f64) -> Value {
    if x.is_nan() { Value::Null } else { json!(x) }
}

/// An object without the keys that hold null.
fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(entries) = &mut object {
        entries.retain(|_, value| !value.is_null());
    }
    object
}

impl ModelFile {
    /// The name of the models on the command line; that of the first series.
    #[must_use]
    pub fn model_name(&self) -> &'static str {
        let name = self.series.first().map_or("AR", |series| &series.summary.name);
        NAMES.iter().find(|(_, shown)| *shown == name).map_or("ar", |(name, _)| name)
    }

    /// The text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Columns { id, time, value } = &self.columns;
        let line = |(number, series): (usize, &StoredSeries)| {
            let shared = neural::shared(&self.series[..number], &series.model);
            let model = shared.map_or_else(|| series.model.write(), |with| neural::write_shared(&series.model, with));
            format!("{}\n", series.write(&model))
        };
        let lines: String = self.series.iter().enumerate().map(line).collect();
        let header = without_nulls(json!({
            "format": FORMAT,
            "version": VERSION,
            "model": self.model_name(),
            "id": id,
            "time": time,
            "value": value,
            "series": self.series.len(),
            "crc32": checksum(lines.lines()),
        }));
        format!("{header}\n{lines}")
    }

    /// The file: its text, or where a model is a network safetensors, with the parameters as named tensors and the text
    /// without them under the key `foretoken` of the metadata.
    ///
    /// # Errors
    /// If the tensors do not fit into a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        if self.series.iter().any(|series| !series.model.networks().is_empty()) {
            return neural::to_safetensors(self);
        }
        Ok(self.to_text().into_bytes())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it is no such file, or damaged: with the line, the key and what was expected there.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let text = neural::text_of_safetensors(bytes)?;
        let bytes = text.as_ref().map_or(bytes, String::as_bytes);
        let foreign = |what: &str| Error::data(what).expected("a model file, as `foretoken fit --save` writes it");
        let text = std::str::from_utf8(bytes).map_err(|_| foreign("the file is no text"))?;
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let Some((number, first)) = lines.next() else { return Err(foreign("the file is empty")) };
        let Ok(header @ Value::Object(_)) = serde_json::from_str(first) else {
            return Err(foreign("the file does not begin with a JSON object").at(format!("line {number}")));
        };
        let header = Node::root(&header);
        if header.find("format").is_none_or(|format| format.text().ok() != Some(FORMAT)) {
            return Err(foreign(&format!("the key `format` is not \"{FORMAT}\"")).at(format!("line {number}")));
        }
        let (columns, name, count) = read_header(&header).map_err(|error| error.at(format!("line {number}")))?;
        let written = header.get("crc32").and_then(|sum| Ok(sum.text()?.to_owned()));
        let written = written.map_err(|error| error.at(format!("line {number}")))?;
        let found = checksum(lines.clone().map(|(_, line)| line));
        let mut series = Vec::new();
        for (number, line) in lines {
            let read = read_line(line, name, &series).map_err(|error| error.at(format!("line {number}")))?;
            series.push(read);
        }
        if series.len() != count {
            return Err(Error::data(format!("the file holds {} of {count} series", series.len()))
                .expected("one line for each")
                .hint("it was cut off or joined with another: save it again"));
        }
        if found != written {
            return Err(Error::data("the file is not what was written: its numbers were edited or damaged")
                .expected(format!("lines whose CRC-32 is {written}; it is {found}"))
                .hint("save the models again"));
        }
        Ok(Self { columns, series })
    }
}

/// The CRC-32 of lines, each ended by a line feed.
fn checksum<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut hasher = crc32fast::Hasher::new();
    for line in lines {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    format!("{:08x}", hasher.finalize())
}

/// The columns, the name of the models, and the number of series.
fn read_header(header: &Node<'_>) -> Result<(Columns, &'static str, usize)> {
    let version = header.get("version")?.whole(1, usize::MAX)?;
    if version as u64 > VERSION {
        return Err(Error::data(format!("the file has version {version} of the format"))
            .expected(format!("at most version {VERSION}"))
            .hint("read it with the foretoken that wrote it, or a later one"));
    }
    let name = NAMES[header.get("model")?.one_of(&NAMES.map(|(name, _)| name))?].1;
    let column = |key: &str| header.find(key).map(|name| name.text().map(str::to_owned)).transpose();
    let columns = Columns { id: column("id")?, time: column("time")?, value: header.get("value")?.text()?.to_owned() };
    let count = header.get("series")?.whole(1, usize::MAX)?;
    if columns.id.is_none() && count > 1 {
        return Err(header.refused("several series without an `id`"));
    }
    Ok((columns, name, count))
}

fn read_line(line: &str, name: &str, before: &[StoredSeries]) -> Result<StoredSeries> {
    let value = parse_line(line)?;
    let node = Node::root(&value);
    let in_series = |error: Error| match node.find("id").and_then(|id| id.text().ok()).filter(|id| !id.is_empty()) {
        Some(id) => error.at(format!("series `{id}`")),
        None => error,
    };
    StoredSeries::read(&node, name, before).map_err(in_series)
}

fn parse_line(line: &str) -> Result<Value> {
    serde_json::from_str(line).map_err(|error| {
        Error::data(format!("the line is no JSON: {error}")).hint("the file is damaged: save it again")
    })
}

fn write_stamp(stamp: &Stamp) -> Value {
    let Stamp { moments, frequency, shown, day, spelling, zone } = stamp;
    let (last, all) = match moments.as_slice() {
        [last] => (Some(last), None),
        all => (None, Some(all)),
    };
    let shown = shown.as_ref().filter(|shown| *shown != frequency);
    let irregular = stamp.shown.is_none().then_some(true);
    without_nulls(json!({
        "last": last,
        "moments": all,
        "frequency": frequency,
        "shown": shown,
        "irregular": irregular,
        "day": day,
        "spelling": spelling,
        "zone": zone,
    }))
}

fn read_stamp(node: &Node<'_>) -> Result<Stamp> {
    let text = |key: &str| node.find(key).map(|node| node.text().map(str::to_owned)).transpose();
    let moments = match node.find("moments") {
        Some(moments) => moments.texts()?,
        None => vec![node.get("last")?.text()?.to_owned()],
    };
    let frequency = node.get("frequency")?.text()?.to_owned();
    let is_irregular = node.find("irregular").map_or(Ok(false), |flag| flag.flag())?;
    let shown = text("shown")?.or_else(|| Some(frequency.clone())).filter(|_| !is_irregular);
    let day = node.find("day").map(|day| day.whole(1, 31)).transpose()?.map(|day| day as u8);
    Ok(Stamp { moments, frequency, shown, day, spelling: text("spelling")?, zone: text("zone")? })
}

/// The seasonal numbers of a model, which its summary need not repeat.
fn seasonal_numbers(model: &StoredModel) -> &[f64] {
    let StoredModel::Ar(model) = model else { return &[] };
    match model.transform().seasonal() {
        Seasonal::None => &[],
        Seasonal::Multiplicative(numbers) | Seasonal::Additive(numbers) => numbers,
    }
}

/// The estimates of a model as its summary lists them: the terms of every member, then its lags.
fn estimates(model: &StoredModel) -> Vec<f64> {
    let of = |(_, ar): (f64, &Ar)| {
        let phi = ar.coefficients().iter().filter(|phi| **phi != 0.0);
        ar.term_coefficients().iter().chain(phi).copied().collect::<Vec<_>>()
    };
    model.members().into_iter().flat_map(of).collect()
}

/// Numbers that are the model's own are null: seasonal ones, and the estimates if all of them are.
fn write_summary(summary: &Summary, model: &StoredModel) -> Value {
    let seasonal = seasonal_numbers(model);
    let are_own = summary.parameters.iter().map(|parameter| parameter.value).eq(estimates(model));
    let parameter = |parameter: &Parameter| {
        let value = if are_own { Value::Null } else { number(parameter.value) };
        json!([parameter.name, value, parameter.standard_error.map_or(Value::Null, number)])
    };
    let preprocessing = |(name, numbers): &(String, Vec<f64>)| {
        let own = !seasonal.is_empty() && numbers == seasonal;
        (name.clone(), if own { Value::Null } else { json!(numbers) })
    };
    let lower = |covariance: &Vec<Vec<f64>>| {
        covariance
            .iter()
            .enumerate()
            .flat_map(|(row, numbers)| numbers[..=row].iter().map(|x| number(*x)))
            .collect::<Vec<_>>()
    };
    let mut object = Map::new();
    let mut insert = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    insert("description", json!(summary.description));
    insert("preprocessing", Value::Object(summary.preprocessing.iter().map(preprocessing).collect()));
    insert("parameters", summary.parameters.iter().map(parameter).collect());
    insert("variance", number(summary.innovation_variance));
    insert("variance_unbiased", number(summary.innovation_variance_unbiased));
    insert("log_likelihood", number(summary.log_likelihood));
    insert("observations", json!(summary.observations));
    if let Some(covariance) = &summary.covariance {
        insert("covariance", json!(lower(covariance)));
    }
    if !summary.converged {
        insert("converged", json!(false));
    }
    if !summary.warnings.is_empty() {
        insert("warnings", json!(summary.warnings));
    }
    Value::Object(object)
}

fn read_summary(node: &Node<'_>, name: &str, model: &StoredModel) -> Result<Summary> {
    let (seasonal, own) = (seasonal_numbers(model), estimates(model));
    let estimate =
        |number: usize, value: f64| if value.is_nan() { own.get(number).copied().unwrap_or(value) } else { value };
    let parameter = |(number, parameter): (usize, &Node<'_>)| {
        let list = parameter.list()?;
        let [name, ..] = list.as_slice() else { return Err(parameter.error("a name, an estimate, a standard error")) };
        let name = name.text()?.to_owned();
        match parameter.tail_numbers()?[..] {
            [value, error] => Ok(Parameter {
                name,
                value: estimate(number, value),
                standard_error: Some(error).filter(|x| !x.is_nan()),
            }),
            _ => Err(parameter.error("a name, an estimate, a standard error")),
        }
    };
    let preprocessing = |(name, node): (&str, Node<'_>)| {
        let numbers = if node.is_null() { seasonal.to_vec() } else { node.numbers()? };
        Ok((name.to_owned(), numbers))
    };
    let parameters = node.get("parameters")?.list()?;
    let parameters: Vec<Parameter> = parameters.iter().enumerate().map(parameter).collect::<Result<_>>()?;
    Ok(Summary {
        name: name.to_owned(),
        description: node.get("description")?.text()?.to_owned(),
        preprocessing: node.get("preprocessing")?.entries()?.into_iter().map(preprocessing).collect::<Result<_>>()?,
        innovation_parameters: innovation_parameters(model),
        innovation_variance: node.number_or_nan("variance")?,
        innovation_variance_unbiased: node.number_or_nan("variance_unbiased")?,
        log_likelihood: node.number_or_nan("log_likelihood")?,
        observations: node.get("observations")?.whole(0, MAX_INDEX)?,
        covariance: node.find("covariance").map(|lower| read_covariance(&lower, parameters.len())).transpose()?,
        converged: node.find("converged").map_or(Ok(true), |flag| flag.flag())?,
        warnings: node.find("warnings").map(|warnings| warnings.texts()).transpose()?.unwrap_or_default(),
        parameters,
    })
}

fn innovation_parameters(model: &StoredModel) -> usize {
    match (model.members().first(), model) {
        (Some((_, ar)), _) => ar.innovations().parameters(),
        (None, StoredModel::Naive(_)) => 1,
        (None, _) => 0,
    }
}

/// A symmetric matrix from its lower triangle.
fn read_covariance(node: &Node<'_>, size: usize) -> Result<Vec<Vec<f64>>> {
    let lower = node.numbers_or_nan()?;
    if lower.len() != size * (size + 1) / 2 {
        return Err(node.error(&format!("the lower triangle of {size} rows")));
    }
    let at = |row: usize, column: usize| lower[row.max(column) * (row.max(column) + 1) / 2 + row.min(column)];
    Ok((0..size).map(|row| (0..size).map(|column| at(row, column)).collect()).collect())
}
