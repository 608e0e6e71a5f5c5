//! The models that a file can hold, each as one JSON object with its `kind`.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::node::Node;
use crate::data::batch::{Batch, Covariates};
use crate::error::Result;
use crate::math::recursive::{Recursive, RecursiveParts};
use crate::model::linear::{Ar, ArParts, Form, Fourier, Innovations, Recursion, Start, Terms, Trend};
use crate::model::mixture::Mixture;
use crate::model::naive::NaiveModel;
use crate::model::neural::Neural;
use crate::model::token::Quantised;
#[cfg(feature = "linfa")]
use crate::model::token::codebook::Codebook;
use crate::model::token::markov::{Followers, MAX_ORDER, MAX_SYMBOLS, Markov};
use crate::model::token::quantiser::{Grid, MAX_BINS, MIN_BINS, Quantiser, QuantiserKind};
use crate::model::transformed::{Differences, Seasonal, Transform, Transformed};
use crate::model::{Autoregressive, Running};
use crate::predictive::{Family, Link, OuterMap, Predictive};

/// The longest lag, period or sum of both in a file: what is longer was never fitted, and would not fit into memory.
const MAX_DEPTH: usize = 1_000_000;
/// The largest count of a symbol: their sum over all symbols is a whole number.
const MAX_COUNT: usize = 1 << 40;
/// The largest number of differences of a kind.
const MAX_DIFFERENCES: usize = 10;

/// A model that JSON can hold: what is read is what was written, to the last bit.
///
/// Autoregressions, naive models, Markov chains, and transforms and averages of them are; adapters of other crates'
/// regressors are not.
pub trait Stored: Autoregressive + Sized {
    /// The model as an object.
    fn write(&self) -> Value;

    /// The model of an object.
    ///
    /// # Errors
    /// If the object holds none: what, at which key, and what was expected.
    fn read(node: &Node<'_>) -> Result<Self>;
}

const KINDS: [&str; 8] = ["ar", "average", "transformed", "naive", "quantised", "markov", "codebook", "neural"];

/// Refuses an object of another kind.
pub(super) fn check_kind(node: &Node<'_>, kind: &str) -> Result<()> {
    node.get("kind")?.one_of(&[kind]).map(drop)
}

/// A fitted model of the kinds that the command line fits.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredModel {
    /// An autoregression, or an average of several, behind its transform.
    Ar(Transformed<Mixture<Ar>>),
    /// A mean, a random walk or a seasonal naive model.
    Naive(NaiveModel),
    /// A Markov chain over tokens, behind its transform.
    Markov(Transformed<Quantised<Markov>>),
    /// A codebook of patches, behind its transform.
    #[cfg(feature = "linfa")]
    Codebook(Transformed<Codebook>),
    /// A network.
    Neural(Box<Neural>),
    /// Networks of several seeds.
    Ensemble(Box<Mixture<Neural>>),
}

impl StoredModel {
    fn model(&self) -> &dyn Autoregressive {
        match self {
            Self::Ar(model) => model,
            Self::Naive(model) => model,
            Self::Markov(model) => model,
            #[cfg(feature = "linfa")]
            Self::Codebook(model) => model,
            Self::Neural(model) => &**model,
            Self::Ensemble(model) => &**model,
        }
    }

    /// The autoregressions with their weights; none of another model.
    #[must_use]
    pub fn members(&self) -> Vec<(f64, &Ar)> {
        match self {
            Self::Ar(model) => model.inner().weights().iter().copied().zip(model.inner().members()).collect(),
            _ => Vec::new(),
        }
    }

    /// An ensemble; the network itself where it is one.
    #[must_use]
    pub fn of_networks(model: Mixture<Neural>) -> Self {
        match model.members() {
            [alone] => Self::Neural(Box::new(alone.clone())),
            _ => Self::Ensemble(Box::new(model)),
        }
    }

    /// The networks; none of another model.
    #[must_use]
    pub fn networks(&self) -> &[Neural] {
        match self {
            Self::Neural(model) => std::slice::from_ref(model),
            Self::Ensemble(model) => model.members(),
            _ => &[],
        }
    }

    /// The covariates that the model must be given, in their order.
    #[must_use]
    pub fn covariates(&self) -> &[String] {
        match self {
            Self::Ar(model) => &model.inner().members()[0].terms().covariates,
            Self::Neural(_) | Self::Ensemble(_) => self.networks()[0].covariates(),
            _ => &[],
        }
    }
}

impl Autoregressive for StoredModel {
    fn family(&self) -> Family {
        self.model().family()
    }

    fn link(&self) -> Link {
        self.model().link()
    }

    fn memory(&self) -> Option<usize> {
        self.model().memory()
    }

    fn forgets_after(&self) -> Option<usize> {
        self.model().forgets_after()
    }

    fn begin<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>> {
        self.model().begin(context, known)
    }

    fn conditionals(&self, context: &Batch, target: &Batch, known: &Covariates) -> Result<Predictive> {
        self.model().conditionals(context, target, known)
    }
}

impl Stored for StoredModel {
    fn write(&self) -> Value {
        match self {
            Self::Ar(model) => model.write(),
            Self::Naive(model) => model.write(),
            Self::Markov(model) => model.write(),
            #[cfg(feature = "linfa")]
            Self::Codebook(model) => model.write(),
            Self::Neural(model) => model.write(),
            Self::Ensemble(model) => model.write(),
        }
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        let kind = node.get("kind")?;
        Ok(match KINDS[kind.one_of(&KINDS)?] {
            "neural" => Self::Neural(Box::new(Neural::read(node)?)),
            "average" => {
                let model: Mixture<Neural> = Mixture::read(node)?;
                let [first, others @ ..] = model.members() else { return Err(kind.error("members")) };
                if !others.iter().all(|other| other.sees_as(first)) {
                    return Err(node.refused("the members do not see the same of a series"));
                }
                Self::Ensemble(Box::new(model))
            }
            "transformed" if is_around(node, "quantised")? => Self::Markov(Transformed::read(node)?),
            #[cfg(feature = "linfa")]
            "transformed" if is_around(node, "codebook")? => Self::Codebook(Transformed::read(node)?),
            "transformed" => {
                let model: Transformed<Mixture<Ar>> = Transformed::read(node)?;
                let members = model.inner().members();
                if members.iter().any(|member| member.terms().covariates != members[0].terms().covariates) {
                    return Err(node.refused("the members have different covariates"));
                }
                Self::Ar(model)
            }
            "naive" => Self::Naive(NaiveModel::read(node)?),
            _ => return Err(kind.error("one of transformed, naive, neural, average")),
        })
    }
}

/// Whether a transform stands around a model of tokens.
fn is_around(node: &Node<'_>, kind: &str) -> Result<bool> {
    Ok(KINDS[node.get("inner")?.get("kind")?.one_of(&KINDS)?] == kind)
}

impl Stored for NaiveModel {
    fn write(&self) -> Value {
        let Self { lag, constant, innovation_sd, fallback } = self;
        json!({ "kind": "naive", "lag": lag, "constant": constant, "sd": innovation_sd, "fallback": fallback })
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        check_kind(node, "naive")?;
        Ok(Self {
            lag: node.get("lag")?.whole(0, MAX_DEPTH)?,
            constant: node.get("constant")?.number()?,
            innovation_sd: node.get("sd")?.size()?,
            fallback: node.get("fallback")?.number()?,
        })
    }
}

impl<M: Stored> Stored for Mixture<M> {
    fn write(&self) -> Value {
        let members: Vec<Value> = self.members().iter().map(M::write).collect();
        json!({ "kind": "average", "weights": self.weights(), "members": members })
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        check_kind(node, "average")?;
        let members = node.get("members")?.list()?.iter().map(M::read).collect::<Result<Vec<_>>>()?;
        let weights = node.get("weights")?;
        let numbers = weights.numbers()?;
        let is_whole = (numbers.iter().sum::<f64>() - 1.0).abs() < 1e-9 && numbers.iter().all(|weight| *weight > 0.0);
        if numbers.len() != members.len() || !is_whole {
            return Err(weights.error("a positive weight for each member, which sum to one"));
        }
        Self::of_weighted(members, numbers).map_err(|error| error.at("members"))
    }
}

impl<M: Stored> Stored for Transformed<M> {
    fn write(&self) -> Value {
        let mut object = Map::new();
        object.insert("kind".to_owned(), json!("transformed"));
        match self.transform().link() {
            Link::Identity => {}
            Link::Log => drop(object.insert("link".to_owned(), json!("log"))),
            Link::BoxCox(lambda) => drop(object.insert("lambda".to_owned(), json!(lambda))),
        }
        match self.transform().seasonal() {
            Seasonal::None => {}
            Seasonal::Multiplicative(factors) => drop(object.insert("factors".to_owned(), json!(factors))),
            Seasonal::Additive(terms) => drop(object.insert("seasonal_terms".to_owned(), json!(terms))),
        }
        write_differences(self.transform().differences(), &mut object);
        if !self.origin().is_empty() {
            object.insert("origin".to_owned(), json!(self.origin()));
        }
        object.insert("inner".to_owned(), self.inner().write());
        Value::Object(object)
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        check_kind(node, "transformed")?;
        let link = match (node.find("link"), node.find("lambda")) {
            (Some(link), _) => link.one_of(&["log"]).map(|_| Link::Log)?,
            (None, Some(lambda)) => Link::BoxCox(lambda.number()?),
            (None, None) => Link::Identity,
        };
        let numbers = |key: &str| node.find(key).map(|node| Ok((node.numbers()?, node))).transpose();
        let seasonal = match (numbers("factors")?, numbers("seasonal_terms")?) {
            (Some((numbers, node)), _) | (None, Some((numbers, node))) if numbers.is_empty() => {
                return Err(node.error("a number for each step of the season"));
            }
            (Some((factors, _)), _) => Seasonal::Multiplicative(factors),
            (None, Some((terms, _))) => Seasonal::Additive(terms),
            (None, None) => Seasonal::None,
        };
        let differences = read_differences(node)?;
        let origin = numbers("origin")?.map_or_else(Vec::new, |(origin, _)| origin);
        if origin.len() != differences.order() {
            return Err(node.refused(format!(
                "{} origins do not stand before {} differences",
                origin.len(),
                differences.order()
            )));
        }
        let transform = Transform::new(seasonal, link, differences).map_err(|error| node.refused(error.to_string()))?;
        Ok(Self::from_parts(M::read(&node.get("inner")?)?, transform, origin))
    }
}

impl<M: Stored> Stored for Quantised<M> {
    fn write(&self) -> Value {
        json!({ "kind": "quantised", "quantiser": write_quantiser(self.quantiser()), "inner": self.inner().write() })
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        check_kind(node, "quantised")?;
        let quantiser = read_quantiser(&node.get("quantiser")?)?;
        Self::new(quantiser, M::read(&node.get("inner")?)?).map_err(|error| node.refused(error.to_string()))
    }
}

const QUANTISERS: [&str; 4] = ["uniform", "quantile", "mu-law", "k-means"];

pub(super) fn write_quantiser(quantiser: &Quantiser) -> Value {
    let mut object = Map::new();
    let mut insert = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    let map = quantiser.training_map();
    let (name, mu) = match quantiser.kind() {
        QuantiserKind::Uniform => (QUANTISERS[0], None),
        QuantiserKind::Quantile => (QUANTISERS[1], None),
        QuantiserKind::MuLaw { mu } => (QUANTISERS[2], Some(mu)),
        QuantiserKind::KMeans => (QUANTISERS[3], None),
    };
    insert("edges_by", json!(name));
    mu.into_iter().for_each(|mu| insert("mu", json!(mu)));
    insert("location", json!(map.shift));
    insert("scale", json!(map.factor));
    match quantiser.grid() {
        Some(Grid { low, rate, last }) => insert("grid", json!([low, rate, last])),
        None => insert("edges", json!(quantiser.bins().edges())),
    }
    insert("tails", json!(quantiser.bins().tails()));
    let levels = quantiser.own_levels();
    if !levels.is_empty() {
        insert("levels", json!(levels));
    }
    insert("range", json!(quantiser.range()));
    Value::Object(object)
}

pub(super) fn read_quantiser(node: &Node<'_>) -> Result<Quantiser> {
    let kind = match node.get("edges_by")?.one_of(&QUANTISERS)? {
        0 => QuantiserKind::Uniform,
        1 => QuantiserKind::Quantile,
        2 => QuantiserKind::MuLaw { mu: node.get("mu")?.number()? },
        _ => QuantiserKind::KMeans,
    };
    let (scale, tails) = (node.get("scale")?, node.get("tails")?);
    let map = OuterMap { shift: node.get("location")?.number()?, factor: scale.size()?, ..OuterMap::IDENTITY };
    if map.factor == 0.0 {
        return Err(scale.error("a number above 0"));
    }
    let tails = <[f64; 2]>::try_from(tails.numbers()?).map_err(|_| tails.error("the widths of both tails"))?;
    let quantiser = if kind == QuantiserKind::Uniform {
        Quantiser::of_grid(read_grid(&node.get("grid")?)?, tails, map)
    } else {
        let edges = node.get("edges")?;
        let numbers = edges.numbers()?;
        if numbers.len() >= MAX_BINS {
            return Err(edges.error(&format!("fewer than {MAX_BINS} edges")));
        }
        Quantiser::of_edges(kind, numbers, tails, map)
    };
    let range = node.get("range")?;
    let ends = <[f64; 2]>::try_from(range.numbers()?).map_err(|_| range.error("the smallest and the largest value"))?;
    let levels = node.find("levels").map_or_else(|| Ok(Vec::new()), |levels| levels.numbers())?;
    quantiser.and_then(|one| one.with_levels(&levels, ends)).map_err(|error| node.refused(error.to_string()))
}

/// Equal bins: the centre of the lower tail, bins per unit, and the number of the upper tail.
fn read_grid(node: &Node<'_>) -> Result<Grid> {
    let [low, rate, last] = &node.list()?[..] else { return Err(node.error("an origin, a rate and a number of bins")) };
    Ok(Grid { low: low.number()?, rate: rate.size()?, last: last.whole(MIN_BINS - 1, MAX_BINS - 1)? as u32 })
}

impl Stored for Markov {
    fn write(&self) -> Value {
        let followers =
            |followers: &Followers| followers.counts().iter().map(|(s, c)| json!([s, c])).collect::<Value>();
        let contexts = self.contexts();
        let contexts: Value = contexts.iter().map(|(context, next)| json!([context, followers(next)])).collect();
        json!({ "kind": "markov", "order": self.order(), "symbols": self.symbols(), "counts": contexts })
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        check_kind(node, "markov")?;
        let order = node.get("order")?.whole(0, MAX_ORDER)?;
        let symbols = node.get("symbols")?.whole(1, MAX_SYMBOLS)?;
        let mut contexts = HashMap::new();
        for entry in node.get("counts")?.list()? {
            let [context, followers] = &entry.list()?[..] else {
                return Err(entry.error("a context, and what followed it"));
            };
            let past = context.list()?.iter().map(|s| read_symbol(s, symbols)).collect::<Result<Box<[u32]>>>()?;
            if past.len() > order {
                return Err(context.error(&format!("at most {order} symbols")));
            }
            contexts.insert(past, read_followers(followers, symbols)?);
        }
        Ok(Self::from_parts(order, symbols, contexts))
    }
}

fn read_symbol(node: &Node<'_>, symbols: usize) -> Result<u32> {
    Ok(node.whole(0, symbols - 1)? as u32)
}

/// Symbols with their counts, ascending.
fn read_followers(node: &Node<'_>, symbols: usize) -> Result<Followers> {
    let pair = |pair: &Node<'_>| match &pair.list()?[..] {
        [symbol, count] => Ok((read_symbol(symbol, symbols)?, count.whole(1, MAX_COUNT)? as u64)),
        _ => Err(pair.error("a symbol and its count")),
    };
    let counts = node.list()?.iter().map(pair).collect::<Result<Vec<_>>>()?;
    if counts.is_empty() || !counts.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(node.error("ascending symbols with their counts"));
    }
    Ok(Followers::new(counts))
}

/// [d, D, m]; nothing where there are none.
fn write_differences(differences: &Differences, object: &mut Map<String, Value>) {
    if *differences != Differences::none() {
        let period = differences.period();
        object.insert("differences".to_owned(), json!([differences.regular(), differences.seasonal(), period]));
    }
}

fn read_differences(node: &Node<'_>) -> Result<Differences> {
    let Some(node) = node.find("differences") else { return Ok(Differences::none()) };
    let [regular, seasonal, period] = &node.list()?[..] else {
        return Err(node.error("regular differences, seasonal differences and their period"));
    };
    let (regular, seasonal) = (regular.whole(0, MAX_DIFFERENCES)?, seasonal.whole(0, MAX_DIFFERENCES)?);
    let least = usize::from(seasonal > 0);
    Ok(Differences::new(regular, seasonal, period.whole(least, MAX_DEPTH / seasonal.max(1))?))
}

const TRENDS: [(&str, Trend); 3] = [("n", Trend::None), ("c", Trend::Constant), ("ct", Trend::ConstantTrend)];

impl Stored for Ar {
    fn write(&self) -> Value {
        let parts = self.parts();
        let lags: Vec<usize> = (1..=parts.phi.len()).filter(|lag| parts.phi[lag - 1] != 0.0).collect();
        let phi: Vec<f64> = lags.iter().map(|lag| parts.phi[lag - 1]).collect();
        let mut object = Map::new();
        let mut insert = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
        insert("kind", json!("ar"));
        insert("order", json!(parts.phi.len()));
        if lags.len() < parts.phi.len() {
            insert("lags", json!(lags));
        }
        insert("phi", json!(phi));
        insert("terms", write_terms(&parts.terms));
        insert("coefficients", json!(parts.coefficients));
        insert("form", json!(if parts.form == Form::Equation { "equation" } else { "mean" }));
        match parts.innovations {
            Innovations::Gaussian { sd } => insert("sd", json!(sd)),
            Innovations::StudentT { scale, dof } => insert("student_t", json!([scale, dof])),
        }
        insert("start", json!(if parts.start == Start::Given { "given" } else { "stationary" }));
        insert("origin", json!(parts.origin));
        write_differences(&parts.differences, &mut object);
        if let Some(recursion) = self.recursion() {
            object.insert("recursion".to_owned(), write_recursion(recursion));
        }
        Value::Object(object)
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        check_kind(node, "ar")?;
        let terms = read_terms(&node.get("terms")?)?;
        let coefficients = node.get("coefficients")?;
        let origin = node.get("origin")?;
        let parts = ArParts {
            phi: read_phi(node)?,
            differences: read_differences(node)?,
            coefficients: coefficients.numbers()?,
            form: [Form::Equation, Form::Mean][node.get("form")?.one_of(&["equation", "mean"])?],
            innovations: read_innovations(node)?,
            start: [Start::Given, Start::Stationary][node.get("start")?.one_of(&["given", "stationary"])?],
            origin: origin.numbers()?,
            terms,
        };
        if parts.coefficients.len() != parts.terms.width() {
            return Err(coefficients.error(&format!("one number for each of {}", parts.terms.names().join(", "))));
        }
        if parts.origin.is_empty() {
            return Err(origin.error("at least one number"));
        }
        let width = parts.terms.width();
        let recursion = node.find("recursion").map(|node| read_recursion(&node, width, parts.phi.len())).transpose()?;
        Ok(Self::from_parts(parts).with_recursion(recursion))
    }
}

/// The state of recursive least squares: of P the lower triangle, row by row.
fn write_recursion(Recursion { state, centre, lags }: &Recursion) -> Value {
    let RecursiveParts { forgetting, coefficients, inverse, limits, squares, weight, squared_weight } = state.parts();
    let width = coefficients.len();
    let lower: Vec<f64> = (0..width).flat_map(|row| &inverse[row * width..=row * width + row]).copied().collect();
    json!({
        "forgetting": forgetting, "lags": lags, "centre": centre, "coefficients": coefficients, "inverse": lower,
        "limits": limits, "squares": squares, "weight": weight, "squared_weight": squared_weight,
    })
}

fn read_recursion(node: &Node<'_>, terms: usize, order: usize) -> Result<Recursion> {
    let lag_list = node.get("lags")?;
    let lags = lag_list.list()?.iter().map(|lag| lag.whole(1, order)).collect::<Result<Vec<usize>>>()?;
    if !lags.is_sorted_by(|a, b| a < b) {
        return Err(lag_list.error("ascending lags"));
    }
    let width = terms + lags.len();
    let sized = |key: &str, size: usize| {
        let list = node.get(key)?;
        list.numbers().and_then(|numbers| match numbers.len() == size {
            true => Ok(numbers),
            false => Err(list.error(&format!("{size} numbers"))),
        })
    };
    let lower = sized("inverse", width * (width + 1) / 2)?;
    let entry = |row: usize, column: usize| lower[row.max(column) * (row.max(column) + 1) / 2 + row.min(column)];
    let parts = RecursiveParts {
        forgetting: node.get("forgetting")?.number()?,
        coefficients: sized("coefficients", width)?,
        inverse: (0..width * width).map(|i| entry(i / width, i % width)).collect(),
        limits: sized("limits", width)?,
        squares: node.get("squares")?.size()?,
        weight: node.get("weight")?.size()?,
        squared_weight: node.get("squared_weight")?.size()?,
    };
    let state = Recursive::from_parts(parts).map_err(|error| node.refused(error.to_string()))?;
    Ok(Recursion { state, centre: sized("centre", width + 1)?, lags })
}

fn read_phi(node: &Node<'_>) -> Result<Vec<f64>> {
    let order = node.get("order")?.whole(0, MAX_DEPTH)?;
    let (phi_node, lags) = (node.get("phi")?, node.find("lags"));
    let numbers = phi_node.numbers()?;
    let at = match &lags {
        Some(lags) => lags.list()?.iter().map(|lag| lag.whole(1, order)).collect::<Result<Vec<_>>>()?,
        None if numbers.len() == order => (1..=order).collect(),
        None => return Err(phi_node.error(&format!("{order} numbers, or their lags"))),
    };
    if at.len() != numbers.len() || at.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(lags.unwrap_or(phi_node).error("an ascending lag for each of phi"));
    }
    let mut phi = vec![0.0; order];
    at.iter().zip(numbers).for_each(|(lag, number)| phi[lag - 1] = number);
    Ok(phi)
}

fn read_innovations(node: &Node<'_>) -> Result<Innovations> {
    let Some(student) = node.find("student_t") else {
        return Ok(Innovations::Gaussian { sd: node.get("sd")?.size()? });
    };
    match student.list()?.as_slice() {
        [scale, dof] if dof.number()? > 0.0 => Ok(Innovations::StudentT { scale: scale.size()?, dof: dof.number()? }),
        _ => Err(student.error("a scale, and degrees of freedom above 0")),
    }
}

fn write_terms(terms: &Terms) -> Value {
    let mut object = Map::new();
    let trend = TRENDS.iter().find(|(_, trend)| *trend == terms.trend).map_or("c", |(name, _)| name);
    object.insert("trend".to_owned(), json!(trend));
    if terms.dummies > 1 {
        object.insert("dummies".to_owned(), json!(terms.dummies));
    }
    if !terms.fourier.is_empty() {
        let waves: Vec<Value> = terms.fourier.iter().map(|waves| json!([waves.period, waves.harmonics])).collect();
        object.insert("fourier".to_owned(), json!(waves));
    }
    if !terms.covariates.is_empty() {
        object.insert("covariates".to_owned(), json!(terms.covariates));
    }
    Value::Object(object)
}

fn read_terms(node: &Node<'_>) -> Result<Terms> {
    let wave = |wave: &Node<'_>| match wave.list()?.as_slice() {
        [period, harmonics] => Ok(Fourier { period: period.number()?, harmonics: harmonics.whole(1, MAX_DEPTH)? }),
        _ => Err(wave.error("a period and a number of harmonics")),
    };
    let waves = node.find("fourier").map(|waves| waves.list()?.iter().map(wave).collect()).transpose()?;
    let terms = Terms {
        trend: TRENDS[node.get("trend")?.one_of(&TRENDS.map(|(name, _)| name))?].1,
        dummies: node.find("dummies").map(|dummies| dummies.whole(2, MAX_DEPTH)).transpose()?.unwrap_or(0),
        fourier: waves.unwrap_or_default(),
        covariates: node.find("covariates").map(|names| names.texts()).transpose()?.unwrap_or_default(),
    };
    terms.check().map_err(|error| node.refused(error.to_string()))?;
    Ok(terms)
}
