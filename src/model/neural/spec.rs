//! What to fit: architecture, head, context, training; and how its blanks are filled in for series.

use std::sync::Arc;

use super::checkpoint::Run;
use super::conv::CausalConv;
use super::examples::Examples;
use super::frame::{Frame, Limits, Scale};
use super::head::Head;
use super::mlp::Mlp;
use super::model::{Net, Neural, Place, Weights};
use super::network::{AnyBackbone, Network};
use super::parameters::Layout;
use super::recurrent::{Cell, Recurrent};
use super::training::{Epoch, Trained, Trainer, Training};
use super::transformer::{Positions, Transformer, TransformerShape};
use crate::data::frequency::calendar_periods;
use crate::data::period::infer_period;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::float::Float;
use crate::math::random::LaneRng;
use crate::model::linear::smallest_gap;
use crate::model::token::quantiser::{QuantiserKind, QuantiserSpec};
use crate::model::{Fit, Fitted, check_size, too_short};
use crate::predictive::Link;

/// The longest default context of a feed-forward network.
const LONGEST_LAGS: usize = 256;
/// The default context of networks with a memory, without a season.
const CONTEXT: usize = 48;
/// The fewest values before a row of a short series: so many have a scale of their own.
const FEWEST: usize = 8;
/// The most series that are told apart: each is one more input of every row.
const MOST_EMBEDDED: usize = 256;
/// The default number of tokens.
const TOKENS: usize = 128;
/// Counts with a mean below this are counts, larger whole numbers are as good as real ones.
const FEW: f64 = 30.0;

/// The body of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Architecture {
    /// Feed-forward over the lags of the context.
    Mlp,
    /// Gated recurrent units (Cho et al. 2014, arXiv 1406.1078).
    Gru,
    /// Long short-term memory (Hochreiter and Schmidhuber 1997, *Neural Computation* 9, p. 1735).
    Lstm,
    /// Causal dilated convolutions in gated residual blocks (van den Oord et al. 2016, arXiv 1609.03499).
    Conv,
    /// A decoder-only transformer (Vaswani et al. 2017, arXiv 1706.03762).
    Transformer {
        /// Heads of the attention; they divide the width.
        heads: usize,
        /// Rotary positions instead of learned ones.
        is_rotary: bool,
        /// How many steps attention looks back on, its own included; `None` for all of the window.
        window: Option<usize>,
    },
}

impl Architecture {
    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mlp => "mlp",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::Conv => "conv",
            Self::Transformer { .. } => "transformer",
        }
    }
}

impl Architecture {
    /// The name in tables and column names.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Mlp => "MLP",
            Self::Gru => "GRU",
            Self::Lstm => "LSTM",
            Self::Conv => "Conv",
            Self::Transformer { .. } => "Transformer",
        }
    }
}

/// The distribution at the end of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HeadChoice {
    /// By the training values: the negative binomial for small counts, tokens for other values of 0 and above with zeros among
    /// them, else Student's t, of logarithms where all values are positive.
    Auto,
    /// Normal.
    Gaussian,
    /// Normal with one standard deviation for all steps.
    ConstantGaussian,
    /// Student's t.
    StudentT,
    /// A mixture of normals.
    Mixture {
        /// How many.
        components: usize,
    },
    /// The negative binomial, for counts.
    NegativeBinomial,
    /// Tokens of a quantiser.
    Tokens(QuantiserSpec),
}

/// A neural forecaster to fit.
///
/// ```
/// use foretoken::model::neural::{Architecture, NeuralSpec, Training};
/// use foretoken::{Fit, Series};
///
/// let x = Series::new("", (0..200).map(|t| (0.3 * f64::from(t)).sin()).collect());
/// let training = Training { epochs: 1, ..Training::default() };
/// let spec = NeuralSpec { hidden: 8, context: Some(10), training, ..NeuralSpec::new(Architecture::Gru) };
/// let fitted = spec.fit(&[x])?;
/// assert!(fitted.summary.log_likelihood.is_finite());
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NeuralSpec {
    /// The body.
    pub architecture: Architecture,
    /// Units of every layer.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Past steps that a row sees beside its seasonal lags. `None`: 1.25 seasons of a feed-forward network, 48 steps (more
    /// where the shortest season is longer) of one with a memory, whose seasonal lags reach over the longest season; less for short series.
    pub context: Option<usize>,
    /// The seasons: their lags and phases are inputs. `None`: those of the calendar, where the series have a season.
    pub periods: Option<Vec<usize>>,
    /// The distribution.
    pub head: HeadChoice,
    /// The link; `None`: the logarithm where all values are positive and the head is continuous.
    pub link: Option<Link>,
    /// Whether every context has a scale of its own.
    pub is_scaled: bool,
    /// Whether the series of a panel are told apart, at most 256 of them: each has a vector of its own, learned with the rest (an embedding),
    /// that is added to what the first layer makes of its inputs.
    pub is_embedding: bool,
    /// Double precision: twice the cost, for checks.
    pub is_double: bool,
    /// How it is trained.
    pub training: Training,
}

impl NeuralSpec {
    /// An architecture with what suits most series.
    #[must_use]
    pub fn new(architecture: Architecture) -> Self {
        Self {
            architecture,
            hidden: 64,
            // The dilations 1 to 16 of a convolution reach over 32 steps.
            layers: if architecture == Architecture::Conv { 5 } else { 2 },
            context: None,
            periods: None,
            head: HeadChoice::Auto,
            link: None,
            is_scaled: true,
            is_embedding: false,
            is_double: false,
            training: Training::default(),
        }
    }

    /// Fits, and tells of every epoch.
    ///
    /// # Errors
    /// As [`Fit::fit`].
    pub fn fit_observed(&self, train: &[Series], observe: &mut dyn FnMut(&Epoch)) -> Result<Fitted<Neural>> {
        self.fit_run(train, Run { observe: Some(observe), ..Run::default() })
    }

    /// Fits, with checkpoints after every epoch.
    ///
    /// ```
    /// use foretoken::model::neural::{Architecture, NeuralSpec, Run, Training};
    /// use foretoken::Series;
    ///
    /// let x = Series::new("", (0..200).map(|t| (0.3 * f64::from(t)).sin()).collect());
    /// let training = Training { epochs: 3, ..Training::default() };
    /// let spec = NeuralSpec { hidden: 8, context: Some(10), training, ..NeuralSpec::new(Architecture::Gru) };
    /// let mut checkpoints: Vec<Vec<u8>> = Vec::new();
    /// let mut keep = |bytes: &[u8]| Ok(checkpoints.push(bytes.to_vec()));
    /// let whole = spec.fit_run(&[x.clone()], Run { keep: Some(&mut keep), ..Run::default() })?;
    /// let resumed = spec.fit_run(&[x], Run { resume: Some(&checkpoints[0]), ..Run::default() })?;
    /// assert_eq!(whole.model, resumed.model);
    /// # Ok::<(), foretoken::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Fit::fit`], and if a checkpoint is of another training or cannot be kept.
    pub fn fit_run(&self, train: &[Series], run: Run<'_>) -> Result<Fitted<Neural>> {
        self.check()?;
        let values = Values::of(train)?;
        check_size(train)?;
        let train = &with_same_covariates(train)?[..];
        let head = self.head(&values);
        let link = self.link(&values, head)?;
        let frame = self.frame(train, &values, head, link)?;
        let body = self.body();
        let network = body.network(&frame, self.built_head(head, &frame, train)?);
        let lesson = Lesson { training: &self.training, body, frame, train };
        if self.is_double {
            let parameters = network.initialise::<f64>(&mut LaneRng::new(self.training.seed, 0));
            lesson.run(Net::new(network, parameters), Weights::Double, run)
        } else {
            let parameters = network.initialise::<f32>(&mut LaneRng::new(self.training.seed, 0));
            lesson.run(Net::new(network, parameters), Weights::Single, run)
        }
    }

    fn body(&self) -> Body {
        let Self { architecture, hidden, layers, .. } = *self;
        Body { architecture, hidden, layers, has_constant_scale: self.head == HeadChoice::ConstantGaussian }
    }

    fn check(&self) -> Result<()> {
        self.training.check()?;
        let whole = |name: &str, x: usize, most: usize| {
            if (1..=most).contains(&x) {
                return Ok(());
            }
            Err(Error::usage(format!("{name} of {x}")).expected(format!("1 to {most}")))
        };
        whole("a hidden width", self.hidden, 4096)?;
        if self.architecture != Architecture::Mlp {
            whole("a number of layers", self.layers, 64)?;
        }
        whole("a context", self.context.unwrap_or(1), 100_000)?;
        for &period in self.periods.iter().flatten() {
            whole("a period", period, 100_000)?;
        }
        if let HeadChoice::Mixture { components } = self.head {
            whole("a number of components", components, 64)?;
        }
        if let Architecture::Transformer { heads, window, .. } = self.architecture {
            whole("a window of attention", window.unwrap_or(1), 100_000)?;
            if heads == 0 || !self.hidden.is_multiple_of(2 * heads) {
                return Err(Error::usage(format!("{heads} heads of attention for a width of {}", self.hidden))
                    .expected("a width that is a multiple of twice the heads"));
            }
        }
        Ok(())
    }

    /// The head with `Auto` decided.
    fn head(&self, values: &Values) -> HeadChoice {
        match self.head {
            HeadChoice::Auto if self.link.is_some() || values.least < 0.0 => HeadChoice::StudentT,
            HeadChoice::Auto if values.are_whole && values.mean < FEW => HeadChoice::NegativeBinomial,
            HeadChoice::Auto if values.least > 0.0 => HeadChoice::StudentT,
            HeadChoice::Auto => HeadChoice::Tokens(QuantiserSpec { kind: QuantiserKind::Quantile, bins: Some(TOKENS) }),
            head => head,
        }
    }

    fn link(&self, values: &Values, head: HeadChoice) -> Result<Link> {
        match (head, self.link) {
            (HeadChoice::NegativeBinomial, Some(Link::Log | Link::BoxCox(_))) => {
                Err(Error::usage("the negative binomial is a distribution of the counts themselves")
                    .hint("leave --transform out, or choose another --head"))
            }
            (HeadChoice::NegativeBinomial, _) if values.least < 0.0 || !values.are_whole => {
                Err(Error::data("these values are no counts, which the negative binomial is a distribution of")
                    .expected("whole numbers from 0 on")
                    .hint("choose another --head, such as student-t"))
            }
            (_, Some(link)) if link != Link::Identity && values.least <= 0.0 => {
                Err(Error::data(format!("a logarithm or power of {}", values.least))
                    .expected("values above 0")
                    .hint("leave --transform out"))
            }
            (_, Some(link)) => Ok(link),
            (HeadChoice::NegativeBinomial | HeadChoice::Tokens(_), None) => Ok(Link::Identity),
            (_, None) => Ok(if values.least > 0.0 { Link::Log } else { Link::Identity }),
        }
    }

    fn frame(&self, train: &[Series], values: &Values, head: HeadChoice, link: Link) -> Result<Frame> {
        let length = train.iter().map(Series::len).max().unwrap_or(0);
        let periods = self.periods.clone().unwrap_or_else(|| periods(train));
        let is_mlp = self.architecture == Architecture::Mlp;
        let longest = periods.iter().max().copied().unwrap_or(1);
        let context = self.context.unwrap_or_else(|| {
            let wanted = if is_mlp {
                (longest + longest.div_ceil(4)).max(24)
            } else {
                let shortest = periods.iter().min().copied().unwrap_or(1);
                CONTEXT.max(shortest + shortest.div_ceil(4))
            };
            wanted.min(LONGEST_LAGS).min((length / 4).max(2))
        });
        // The season before, and its neighbours.
        let around = |period: &usize| [period - 1, *period, period + 1];
        let seasonal = periods.iter().filter(|period| **period > 2).flat_map(around);
        let seasonal = seasonal.filter(|lag| self.context.is_some() || *lag <= length / 2);
        let mut lags: Vec<usize> = (1..=if is_mlp { context } else { 1 }).chain(seasonal).collect();
        lags.sort_unstable();
        lags.dedup();
        let is_nonnegative = match head {
            HeadChoice::NegativeBinomial => true,
            HeadChoice::Tokens(_) => values.least >= 0.0 && link == Link::Identity,
            _ => false,
        };
        let linked = |series: &Series| Series::new("", series.values().iter().map(|x| link.apply(*x)).collect());
        let all: Vec<Series> = train.iter().map(linked).collect();
        let training = Scale::typical(&all, is_nonnegative).ok_or_else(|| {
            Error::data("no series has eight values that differ by more than rounding: a network finds no scale")
                .hint("give more history, subtract a large level first, or use --model naive")
        })?;
        let series = if self.is_embedding && train.len() > 1 { embedded(train)? } else { Vec::new() };
        // Seasons have a phase where one calendar tells it, or there is one series.
        let clock = train[0].timeline();
        let is_on_clock = |series: &Series| {
            clock.is_calendar()
                && series.timeline().is_calendar()
                && clock.position_of_time(series.timeline(), 0).is_some()
        };
        let have_phases = train.len() == 1 || train.iter().filter(|series| !series.is_empty()).all(is_on_clock);
        let warm = if is_mlp { 0 } else { context - 1 };
        let reach = warm + lags.last().copied().unwrap_or(0);
        // Short series of a panel are learned from as well: what lies before them is missing.
        let lengths = train.iter().map(Series::len).filter(|length| *length > 2 * FEWEST);
        let shortest = lengths.min().filter(|_| train.len() > 1).unwrap_or(usize::MAX);
        let least = (shortest / 2).max(FEWEST).min(reach);
        let frame = Frame {
            lags,
            warm,
            least,
            span: context.clamp(16, 64),
            periods: if have_phases { periods } else { Vec::new() },
            covariates: covariate_scales(train),
            has_indicators: values.have_gaps || least < reach,
            is_scaled: self.is_scaled,
            is_nonnegative,
            training,
            limits: Limits::NONE,
            gap: smallest_gap(&all) / 12.0_f64.sqrt(),
            link,
            series,
        };
        let contexts = |x: &Series| -> Vec<Scale> {
            let ends = (frame.least..x.len() + 1).step_by(frame.span.min(8));
            ends.map(|end| frame.scale(&x.values()[end.saturating_sub(frame.reach())..end])).collect()
        };
        let limits = Limits::around(all.iter().flat_map(contexts));
        Ok(Frame { limits, ..frame })
    }

    fn built_head(&self, choice: HeadChoice, frame: &Frame, train: &[Series]) -> Result<Head> {
        Ok(match choice {
            HeadChoice::Gaussian | HeadChoice::ConstantGaussian => Head::Gaussian,
            HeadChoice::Mixture { components } => Head::Mixture { components },
            HeadChoice::NegativeBinomial => Head::NegativeBinomial,
            HeadChoice::StudentT | HeadChoice::Auto => Head::StudentT,
            HeadChoice::Tokens(quantiser) => {
                // Bins are laid over what the network predicts: values by the scale of the context before them.
                let scaled = |series: &Series| {
                    let x: Vec<f64> = series.values().iter().map(|x| frame.link.apply(*x)).collect();
                    let mut z = Vec::with_capacity(x.len());
                    for (i, span) in x.chunks(frame.span).enumerate() {
                        let anchor = i * frame.span;
                        let scale = frame.scale(&x[anchor.saturating_sub(frame.reach())..anchor]);
                        z.extend(span.iter().filter(|x| !x.is_nan()).map(|x| (x - scale.location) / scale.spread));
                    }
                    z
                };
                let floor = frame.is_nonnegative.then_some(0.0);
                Head::Tokens(Arc::new(quantiser.bins_over(train.iter().map(scaled).collect(), floor)?))
            }
        })
    }
}

impl Fit for NeuralSpec {
    type Model = Neural;

    /// Trains one network on all series.
    ///
    /// # Errors
    /// If no series is longer than the context, a value has no logarithm under a log link, the values are all equal, a choice
    /// is out of range, or the loss does not stay finite.
    fn fit(&self, train: &[Series]) -> Result<Fitted<Neural>> {
        self.fit_observed(train, &mut |_| {})
    }
}

impl Neural {
    /// Trains the network further on other series, or longer ones: a warm start. What it sees of them (lags, scales, seasons,
    /// bins) stays, as do its covariates; the training says for how long, how fast, and what is held out.
    ///
    /// # Errors
    /// If the series lack its covariates, have values that it cannot read (missing ones where it knew none are left out), are too
    /// short, or the loss does not stay finite.
    pub fn train_further(&self, training: &Training, train: &[Series], run: Run<'_>) -> Result<Fitted<Self>> {
        training.check()?;
        let values = Values::of(train)?;
        check_size(train)?;
        let train: Vec<Series> =
            train.iter().map(|series| series.select_covariates(&self.covariates)).collect::<Result<_>>()?;
        if self.frame.link != Link::Identity && values.least <= 0.0 {
            return Err(Error::data(format!("the network reads logarithms, and {} has none", values.least))
                .expected("values above 0"));
        }
        if self.network().head.is_of_counts() && (values.least < 0.0 || !values.are_whole) {
            return Err(Error::data("the network is one of counts, and these values are none")
                .expected("whole numbers from 0 on"));
        }
        let lesson = Lesson { training, body: self.body, frame: self.frame.clone(), train: &train };
        match &*self.weights {
            Weights::Single(net) => lesson.run(net.clone(), Weights::Single, run),
            Weights::Double(net) => lesson.run(net.clone(), Weights::Double, run),
        }
    }
}

/// What is learned, from what.
struct Lesson<'a> {
    training: &'a Training,
    body: Body,
    frame: Frame,
    train: &'a [Series],
}

impl Lesson<'_> {
    /// Trains a network from the parameters that it has.
    fn run<T: Float>(self, net: Net<T>, of: fn(Net<T>) -> Weights, mut run: Run<'_>) -> Result<Fitted<Neural>> {
        let Self { training, body, frame, train } = self;
        let examples = Examples::new(&frame, train, training.held_out);
        if examples.len() == 0 {
            let longest = train.iter().map(Series::len).max().unwrap_or(0);
            return Err(too_short(body.architecture.name(), longest, frame.least + 2)
                .hint("give more history, or choose a smaller --context or --period"));
        }
        let Net { network, parameters, .. } = net;
        let fingerprint = fingerprint(training, &body, &frame, &parameters, train);
        let mut trainer = Trainer { network: &network, frame: &frame, training, parameters };
        let Trained { history, recoveries } = trainer.train(&examples, &mut run, &fingerprint)?;
        let parameters = trainer.parameters;
        let covariates = train[0].covariates().iter().map(|covariate| covariate.name.clone()).collect();
        let weights = Arc::new(of(Net::new(network, parameters)));
        let model = Neural { body, frame, covariates, weights, history, place: Place::default() };
        let mut summary = model.summary_of(train)?;
        if recoveries > 0 {
            summary.warnings.push(format!(
                "the loss was not finite {recoveries} times; each time training went back to its best epoch at half the rate"
            ));
        }
        Ok(Fitted { model, summary })
    }
}

/// Sixteen digits that tell one training from another: by its options, its network as it begins, and its values.
fn fingerprint<T: Float>(
    training: &Training,
    body: &Body,
    frame: &Frame,
    parameters: &[T],
    train: &[Series],
) -> String {
    let mut hasher = crc32fast::Hasher::new();
    let numbers = |hasher: &mut crc32fast::Hasher, x: &mut dyn Iterator<Item = f64>| {
        x.for_each(|x| hasher.update(&x.to_bits().to_le_bytes()));
    };
    hasher.update(format!("{training:?} {body:?} {frame:?}").as_bytes());
    numbers(&mut hasher, &mut parameters.iter().map(|x| x.to_f64()));
    let options = hasher.finalize();
    let mut hasher = crc32fast::Hasher::new();
    for series in train {
        hasher.update(series.id().as_bytes());
        numbers(&mut hasher, &mut series.values().iter().copied());
        series.covariates().iter().for_each(|column| numbers(&mut hasher, &mut column.values.iter().copied()));
    }
    format!("{options:08x}{:08x}", hasher.finalize())
}

/// What a network is made of, apart from its inputs and its head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Body {
    pub(crate) architecture: Architecture,
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    /// Whether the second raw number, a scale, is the same at every step.
    pub(crate) has_constant_scale: bool,
}

impl Body {
    /// The network over the inputs of a frame.
    pub(crate) fn network(&self, frame: &Frame, head: Head) -> Network {
        let mut layout = Layout::default();
        let inputs = frame.width();
        let backbone = match self.architecture {
            Architecture::Mlp => AnyBackbone::Mlp(Mlp::new(&mut layout, inputs, self.hidden, self.layers)),
            Architecture::Gru => {
                AnyBackbone::Recurrent(Recurrent::new(&mut layout, Cell::Gru, inputs, self.hidden, self.layers))
            }
            Architecture::Lstm => {
                AnyBackbone::Recurrent(Recurrent::new(&mut layout, Cell::Lstm, inputs, self.hidden, self.layers))
            }
            Architecture::Conv => {
                // Dilations double until the receptive field is the context, and start again.
                let cycle = (frame.warm + 1).max(2).ilog2() as usize;
                AnyBackbone::Conv(CausalConv::new(&mut layout, inputs, self.hidden, self.layers, cycle))
            }
            Architecture::Transformer { heads, is_rotary, window } => {
                let most = frame.warm + frame.span;
                let positions = if is_rotary { Positions::Rotary } else { Positions::Learned { most } };
                let shape =
                    TransformerShape { inputs, width: self.hidden, heads, layers: self.layers, positions, window };
                AnyBackbone::Transformer(Transformer::new(&mut layout, shape))
            }
        };
        let constant = if self.has_constant_scale { vec![1] } else { Vec::new() };
        Network::new(layout, backbone, head, constant)
    }
}

/// What the training values are like.
struct Values {
    least: f64,
    mean: f64,
    are_whole: bool,
    have_gaps: bool,
}

impl Values {
    fn of(train: &[Series]) -> Result<Self> {
        let all = || train.iter().flat_map(Series::values).copied();
        let known = || all().filter(|x| !x.is_nan());
        let count = known().count();
        if count == 0 {
            return Err(too_short("a network", 0, 16));
        }
        let constant = known().next().filter(|first| known().all(|x| x == *first));
        if constant.is_some() {
            return Err(
                Error::data("a network has nothing to learn from a constant").hint("use --model naive or --model mean")
            );
        }
        Ok(Self {
            least: known().fold(f64::INFINITY, f64::min),
            mean: known().sum::<f64>() / count as f64,
            are_whole: known().all(|x| x.fract() == 0.0),
            have_gaps: count < all().count(),
        })
    }
}

/// The calendar's periods, where the longest series has a season; without a calendar the season itself.
fn periods(train: &[Series]) -> Vec<usize> {
    let Some(longest) = train.iter().max_by_key(|series| series.len()) else { return Vec::new() };
    let frequency = longest.timeline().frequency();
    let period = infer_period(longest.values(), frequency);
    if period < 2 {
        return Vec::new();
    }
    let mut all = frequency.map(calendar_periods).unwrap_or_default();
    all.retain(|period| *period <= longest.len() / 3);
    if !all.contains(&period) {
        all.push(period);
    }
    all.sort_unstable();
    all
}

/// The series with the covariates of the first, in its order.
fn with_same_covariates(train: &[Series]) -> Result<Vec<Series>> {
    let first = train.first().map_or(&[][..], Series::covariates);
    let names: Vec<String> = first.iter().map(|covariate| covariate.name.clone()).collect();
    train.iter().map(|series| series.select_covariates(&names)).collect()
}

/// The ids of series that are told apart.
fn embedded(train: &[Series]) -> Result<Vec<String>> {
    let ids: Vec<String> = train.iter().map(|series| series.id().to_owned()).collect();
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if ids.len() > MOST_EMBEDDED || distinct.len() < ids.len() {
        let what = if distinct.len() < ids.len() { " some of one name," } else { "" };
        return Err(Error::usage(format!("embeddings of {} series,{what} is too much", ids.len()))
            .expected(format!("at most {MOST_EMBEDDED} series of different names"))
            .hint("leave --series-embedding out"));
    }
    Ok(ids)
}

/// Mean and standard deviation of every covariate.
fn covariate_scales(train: &[Series]) -> Vec<Scale> {
    let scale = |column: usize| {
        let of = |series: &Series| series.covariates()[column].values[..series.len()].to_vec();
        let all: Vec<f64> = train.iter().flat_map(of).collect();
        let n = all.len() as f64;
        let location = all.iter().sum::<f64>() / n;
        let spread = (all.iter().map(|x| (x - location).powi(2)).sum::<f64>() / n).sqrt();
        Scale { location, spread: if spread > 0.0 { spread } else { 1.0 } }
    };
    (0..train[0].covariates().len()).map(scale).collect()
}
