//! Networks as JSON: what they are made of, what they see, and their parameters; and as safetensors, where the parameters are
//! named tensors. The network of a panel stands in the line of the first of its series; the others name that.

use std::collections::HashMap;
use std::sync::Arc;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Map, Value, json};

use super::node::Node;
use super::stored::{Stored, StoredModel, check_kind};
use super::{ModelFile, StoredSeries};
use crate::error::{Error, Result};
use crate::math::float::Float;
use crate::model::neural::{Architecture, Body, Frame, Head, Limits, Net, Neural, Place, Scale, Weights};
use crate::predictive::{Bins, Link};

const ARCHITECTURES: [&str; 5] = ["mlp", "gru", "lstm", "conv", "transformer"];
const HEADS: [&str; 5] = ["gaussian", "student-t", "mixture", "negative-binomial", "tokens"];
/// The largest width, lag or number of anything of a network in a file.
const MOST: usize = 1_000_000;

impl Stored for Neural {
    fn write(&self) -> Value {
        let (is_double, parameters) = match &*self.weights {
            Weights::Single(net) => (false, net.parameters.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()),
            Weights::Double(net) => (true, net.parameters.clone()),
        };
        json!({
            "kind": "neural", "body": write_body(&self.body), "head": write_head(&self.network().head),
            "frame": write_frame(&self.frame), "covariates": self.covariates, "is_double": is_double,
            "origin": self.place.origin, "number": self.place.series, "parameters": parameters,
        })
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        check_kind(node, "neural")?;
        let body = read_body(&node.get("body")?)?;
        let frame = read_frame(&node.get("frame")?)?;
        let head = read_head(&node.get("head")?)?;
        let covariates = node.get("covariates")?.texts()?;
        if covariates.len() != frame.covariates.len() {
            return Err(node.refused("covariates and their scales differ in number"));
        }
        let weights = if node.get("is_double")?.flag()? {
            Weights::Double(read_net(node, &body, &frame, head)?)
        } else {
            Weights::Single(read_net(node, &body, &frame, head)?)
        };
        let place = read_place(node, &frame)?;
        Ok(Self { body, frame, covariates, weights: Arc::new(weights), history: Vec::new(), place })
    }
}

/// The number of the first series whose network another one is, in front of its own times; `None` of the first one itself.
pub(super) fn shared(before: &[StoredSeries], model: &StoredModel) -> Option<usize> {
    let own = model.networks();
    let is_shared = |(a, b): (&Neural, &Neural)| a.is_shared_with(b) && a.covariates == b.covariates;
    let is_same = |other: &StoredSeries| {
        let other = other.model.networks();
        other.len() == own.len() && own.iter().zip(other).all(is_shared)
    };
    if own.is_empty() { None } else { before.iter().position(is_same) }
}

/// A network that an earlier line holds.
pub(super) fn write_shared(model: &StoredModel, with: usize) -> Value {
    let Place { origin, series } = model.networks().first().map_or_else(Place::default, |own| own.place);
    json!({ "kind": "neural", "shared_with": with, "origin": origin, "number": series })
}

/// The network of an earlier line, where a line says that it shares it.
pub(super) fn read_shared(node: &Node<'_>, before: &[StoredSeries]) -> Result<Option<StoredModel>> {
    let Some(with) = node.find("shared_with") else { return Ok(None) };
    let owner = with.whole(0, MOST)?;
    let owner = before.get(owner).map(|series| &series.model);
    let first = owner.and_then(|model| model.networks().first());
    let place = first.map_or_else(|| Ok(Place::default()), |first| read_place(node, &first.frame))?;
    let of = |owner: &Neural| Neural { place, ..owner.clone() };
    match owner {
        Some(StoredModel::Neural(owner)) => Ok(Some(StoredModel::Neural(Box::new(of(owner))))),
        Some(StoredModel::Ensemble(owner)) => Ok(Some(StoredModel::Ensemble(Box::new(owner.map(of))))),
        _ => Err(with.error("the number of an earlier series with a network")),
    }
}

/// Where a series stands on the clock of the phases, a whole number of either sign, and among those that are told apart.
fn read_place(node: &Node<'_>, frame: &Frame) -> Result<Place> {
    let origin = node.find("origin").map_or(Ok(0.0), |origin| origin.number())?;
    if origin.fract() != 0.0 || origin.abs() > 9e15 {
        return Err(node.get("origin")?.error("a whole number"));
    }
    let last = frame.series.len().saturating_sub(1);
    let series = node.find("number").map(|number| number.whole(0, last)).transpose()?;
    Ok(Place { origin: origin as i64, series })
}

fn read_net<T: Float>(node: &Node<'_>, body: &Body, frame: &Frame, head: Head) -> Result<Net<T>> {
    let network = body.network(frame, head);
    let parameters = node.get("parameters")?;
    let numbers = parameters.numbers()?;
    if numbers.len() != network.layout.len() {
        return Err(parameters.refused(format!("{} numbers for {} parameters", numbers.len(), network.layout.len())));
    }
    Ok(Net::new(network, numbers.into_iter().map(T::of).collect()))
}

/// The key of the metadata under which the text of the file stands.
const KEY: &str = "foretoken";

/// The networks of a line, each with the name that its tensors begin with: the number of the series, and of the member.
fn networks_of(model: &mut Value, name: String) -> Vec<(String, &mut Value)> {
    if model.get("members").is_none() {
        return vec![(name, model)];
    }
    let members = model["members"].as_array_mut().into_iter().flatten();
    members.enumerate().map(|(member, network)| (format!("{name}.{member}"), network)).collect()
}

/// The files of networks: numbers as tensors, `SERIES.NAME` or `SERIES.MEMBER.NAME`, everything else as metadata.
pub(super) fn to_safetensors(file: &ModelFile) -> Result<Vec<u8>> {
    let mut text = String::new();
    for (number, line) in file.to_text().lines().enumerate() {
        let mut line: Value = serde_json::from_str(line).map_err(|error| foreign(&error.to_string()))?;
        if let Some(model) = line.get_mut("model").filter(|_| number > 0) {
            for (_, network) in networks_of(model, String::new()) {
                network.as_object_mut().and_then(|network| network.shift_remove("parameters"));
            }
        }
        text += &format!("{line}\n");
    }
    let mut tensors: Vec<(String, safetensors::Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (number, series) in file.series.iter().enumerate() {
        if shared(&file.series[..number], &series.model).is_some() {
            continue;
        }
        for (member, model) in series.model.networks().iter().enumerate() {
            let is_member = matches!(series.model, StoredModel::Ensemble(_));
            let name = if is_member { format!("{number}.{member}") } else { number.to_string() };
            for (part, range) in model.network().layout.parts() {
                let (kind, bytes) = match &*model.weights {
                    Weights::Single(net) => {
                        let bytes = net.parameters[range].iter().flat_map(|x| x.to_le_bytes()).collect();
                        (safetensors::Dtype::F32, bytes)
                    }
                    Weights::Double(net) => {
                        let bytes = net.parameters[range].iter().flat_map(|x| x.to_le_bytes()).collect();
                        (safetensors::Dtype::F64, bytes)
                    }
                };
                tensors.push((format!("{name}.{}", part.name), kind, vec![part.rows, part.columns], bytes));
            }
        }
    }
    let views = tensors.iter().map(|(name, kind, shape, bytes)| {
        let view = TensorView::new(*kind, shape.clone(), bytes).map_err(|error| foreign(&error.to_string()))?;
        Ok((name.as_str(), view))
    });
    let views: Vec<(&str, TensorView<'_>)> = views.collect::<Result<_>>()?;
    let metadata = HashMap::from([(KEY.to_owned(), text)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| foreign(&error.to_string()))
}

/// The text of a file of networks, with its numbers in place; `None` of any other file.
pub(super) fn text_of_safetensors(bytes: &[u8]) -> Result<Option<String>> {
    // Eight bytes of length, then a JSON object; the text of other models begins with the object.
    if bytes.get(8) != Some(&b'{') || bytes.first() == Some(&b'{') {
        return Ok(None);
    }
    let damaged = |error: safetensors::SafeTensorError| foreign(&format!("the safetensors are damaged: {error}"));
    let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let metadata = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    let text = metadata.ok_or_else(|| foreign("the safetensors hold no model of foretoken"))?;
    let mut whole = String::new();
    for (number, line) in text.lines().enumerate() {
        let mut value: Value = serde_json::from_str(line).map_err(|error| foreign(&error.to_string()))?;
        if let Some(model) = value.get_mut("model").filter(|_| number > 0) {
            for (name, network) in networks_of(model, (number - 1).to_string()) {
                let is_network = network.get("kind").is_some_and(|kind| kind == "neural");
                if is_network && network.get("shared_with").is_none() {
                    let numbers = numbers_of(&tensors, &name, network)?;
                    network["parameters"] = json!(numbers);
                }
            }
        }
        whole += &format!("{value}\n");
    }
    Ok(Some(whole))
}

/// The parameters of a network, in its order.
fn numbers_of(tensors: &SafeTensors<'_>, name: &str, network: &Value) -> Result<Vec<f64>> {
    let node = Node::root(network);
    let network =
        read_body(&node.get("body")?)?.network(&read_frame(&node.get("frame")?)?, read_head(&node.get("head")?)?);
    let mut numbers = Vec::with_capacity(network.layout.len());
    for (part, range) in network.layout.parts() {
        let name = format!("{name}.{}", part.name);
        let tensor = tensors.tensor(&name).map_err(|_| foreign(&format!("the tensor `{name}` is missing")))?;
        if tensor.shape() != [part.rows, part.columns] {
            return Err(foreign(&format!(
                "the tensor `{name}` is {:?}, not {} x {}",
                tensor.shape(),
                part.rows,
                part.columns
            )));
        }
        let before = numbers.len();
        match tensor.dtype() {
            safetensors::Dtype::F32 => {
                let of = |bytes: &[u8]| f64::from(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
                numbers.extend(tensor.data().chunks_exact(4).map(of));
            }
            safetensors::Dtype::F64 => {
                let of = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap_or_default());
                numbers.extend(tensor.data().chunks_exact(8).map(of));
            }
            other => return Err(foreign(&format!("the tensor `{name}` is of {other:?}, not of F32 or F64"))),
        }
        debug_assert_eq!(numbers.len() - before, range.len());
        if let Some(x) = numbers[before..].iter().find(|x| !x.is_finite()) {
            return Err(foreign(&format!("the tensor `{name}` holds {x}")));
        }
    }
    Ok(numbers)
}

fn foreign(what: &str) -> Error {
    Error::data(what).expected("a model file, as `foretoken fit --save` writes it").hint("save the model again")
}

fn write_body(body: &Body) -> Value {
    let mut object = Map::new();
    let mut insert = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    insert("architecture", json!(body.architecture.name()));
    insert("hidden", json!(body.hidden));
    insert("layers", json!(body.layers));
    if let Architecture::Transformer { heads, is_rotary, window } = body.architecture {
        insert("heads", json!(heads));
        insert("is_rotary", json!(is_rotary));
        window.into_iter().for_each(|window| insert("window", json!(window)));
    }
    insert("has_constant_scale", json!(body.has_constant_scale));
    Value::Object(object)
}

fn read_body(node: &Node<'_>) -> Result<Body> {
    let hidden = node.get("hidden")?.whole(1, 4096)?;
    let architecture = match node.get("architecture")?.one_of(&ARCHITECTURES)? {
        0 => Architecture::Mlp,
        1 => Architecture::Gru,
        2 => Architecture::Lstm,
        3 => Architecture::Conv,
        _ => {
            let heads = node.get("heads")?;
            let count = heads.whole(1, hidden)?;
            if !hidden.is_multiple_of(2 * count) {
                return Err(heads.error("heads of which twice as many divide the width"));
            }
            Architecture::Transformer {
                heads: count,
                is_rotary: node.get("is_rotary")?.flag()?,
                window: node.find("window").map(|window| window.whole(1, MOST)).transpose()?,
            }
        }
    };
    let layers = node.get("layers")?.whole(0, 64)?;
    Ok(Body { architecture, hidden, layers, has_constant_scale: node.get("has_constant_scale")?.flag()? })
}

fn write_head(head: &Head) -> Value {
    match head {
        Head::Gaussian => json!({ "family": HEADS[0] }),
        Head::StudentT => json!({ "family": HEADS[1] }),
        Head::Mixture { components } => json!({ "family": HEADS[2], "components": components }),
        Head::NegativeBinomial => json!({ "family": HEADS[3] }),
        Head::Tokens(bins) => {
            json!({ "family": HEADS[4], "edges": bins.edges(), "tails": bins.tails(), "floor": bins.floor() })
        }
    }
}

fn read_head(node: &Node<'_>) -> Result<Head> {
    Ok(match node.get("family")?.one_of(&HEADS)? {
        0 => Head::Gaussian,
        1 => Head::StudentT,
        2 => Head::Mixture { components: node.get("components")?.whole(1, 64)? },
        3 => Head::NegativeBinomial,
        _ => {
            let tails = node.get("tails")?;
            let widths = <[f64; 2]>::try_from(tails.numbers()?).map_err(|_| tails.error("the widths of both tails"))?;
            let bins = Bins::new(node.get("edges")?.numbers()?, widths);
            let floor = node.find("floor").map(|floor| floor.number()).transpose()?;
            let bins = bins.and_then(|bins| floor.map_or(Ok(bins.clone()), |floor| bins.with_floor(floor)));
            Head::Tokens(Arc::new(bins.map_err(|error| node.refused(error.to_string()))?))
        }
    })
}

fn write_scale(scale: &Scale) -> Value {
    json!([scale.location, scale.spread])
}

fn read_scale(node: &Node<'_>) -> Result<Scale> {
    match node.numbers()?[..] {
        [location, spread] if spread > 0.0 => Ok(Scale { location, spread }),
        _ => Err(node.error("a location, and a spread above 0")),
    }
}

fn read_limits(node: &Node<'_>) -> Result<Limits> {
    match node.numbers()?[..] {
        [low, high, spread] if low <= high && spread > 0.0 => Ok(Limits { locations: [low, high], spread }),
        _ => Err(node.error("two locations, and a spread above 0")),
    }
}

fn write_frame(frame: &Frame) -> Value {
    json!({
        "lags": frame.lags, "warm": frame.warm, "span": frame.span, "least": frame.least, "periods": frame.periods,
        "covariates": frame.covariates.iter().map(write_scale).collect::<Vec<_>>(),
        "has_indicators": frame.has_indicators, "is_scaled": frame.is_scaled,
        "is_nonnegative": frame.is_nonnegative, "training": write_scale(&frame.training), "gap": frame.gap,
        "limits": [frame.limits.locations[0], frame.limits.locations[1], frame.limits.spread],
        "is_log": frame.link == Link::Log, "series": frame.series,
    })
}

fn read_frame(node: &Node<'_>) -> Result<Frame> {
    let wholes = |key: &str| node.get(key)?.list()?.iter().map(|lag| lag.whole(1, MOST)).collect::<Result<Vec<_>>>();
    let lags = wholes("lags")?;
    if lags.is_empty() || !lags.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err(node.get("lags")?.error("ascending lags"));
    }
    let (warm, least) = (node.get("warm")?.whole(0, MOST)?, node.get("least")?);
    let reach = warm + lags.last().copied().unwrap_or(0);
    Ok(Frame {
        lags,
        warm,
        span: node.get("span")?.whole(1, MOST)?,
        least: least.whole(0, reach)?,
        periods: wholes("periods")?,
        covariates: node.get("covariates")?.list()?.iter().map(read_scale).collect::<Result<_>>()?,
        has_indicators: node.get("has_indicators")?.flag()?,
        is_scaled: node.get("is_scaled")?.flag()?,
        is_nonnegative: node.get("is_nonnegative")?.flag()?,
        training: read_scale(&node.get("training")?)?,
        limits: read_limits(&node.get("limits")?)?,
        gap: node.get("gap")?.size()?,
        link: if node.get("is_log")?.flag()? { Link::Log } else { Link::Identity },
        series: node.find("series").map_or_else(|| Ok(Vec::new()), |series| series.texts())?,
    })
}
