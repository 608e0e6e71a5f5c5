//! The fitted model, and its sessions.

use std::fmt;
use std::sync::Arc;

use super::backbone::{Backbone, Dropout, Shape};
use super::frame::{Frame, Phases, Window};
use super::network::{AnyBackbone, AnyState, Network, Tape};
use super::parameters::Operands;
use super::spec::{Architecture, Body};
use super::training::{Epoch, trained_floor, unit};
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::Series;
use crate::data::timeline::Timeline;
use crate::error::{Error, Result};
use crate::math::float::Float;
use crate::model::{Autoregressive, Running, Session, Summary, training_likelihood};
use crate::predictive::{Family, Link, Predictive};

/// Windows that one pass reads.
const WINDOWS: usize = 32;

/// A fitted neural forecaster.
///
/// The memory of a session begins with the last R values of its context and is set anew at the end of every span, see the
/// [module](super): [`memory`](Autoregressive::memory) is `None`, since where a span ends depends on where the session
/// began, and nothing is remembered beyond R + L values.
#[derive(Clone)]
pub struct Neural {
    pub(crate) body: Body,
    pub(crate) frame: Frame,
    /// The names of its covariates.
    pub(crate) covariates: Vec<String>,
    /// Models of the series of one panel share them.
    pub(crate) weights: Arc<Weights>,
    pub(crate) history: Vec<Epoch>,
    /// Where its series stands among those of the training.
    pub(crate) place: Place,
}

/// Where a series stands among those of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Place {
    /// Where its index 0 stands on the clock of the seasons' phases, which is that of the first training series.
    pub(crate) origin: i64,
    /// Which of the series that are told apart it is.
    pub(crate) series: Option<usize>,
}

impl Place {
    /// By the clock of the first series, at 0 where the two have no steps in common, and by its id.
    pub(crate) fn of(frame: &Frame, clock: &Timeline, series: &Series) -> Self {
        let timeline = series.timeline();
        let origin = if timeline.is_empty() { None } else { clock.position_of_time(timeline, 0) };
        Self { origin: origin.unwrap_or(0), series: frame.series.iter().position(|id| id == series.id()) }
    }
}

/// With what weights the steps of a window gather what went before.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMap {
    /// The layer, from 0.
    pub layer: usize,
    /// The head, from 0.
    pub head: usize,
    /// A row per step after the context, in the order of time: the weights of all steps of the window up to it, the
    /// first ones of the context included, which sum to one.
    pub weights: Vec<Vec<f64>>,
}

/// The network in one of two precisions.
#[derive(Clone, PartialEq)]
pub(crate) enum Weights {
    Single(Net<f32>),
    Double(Net<f64>),
}

/// A network with its parameters.
#[derive(Clone, PartialEq)]
pub(crate) struct Net<T> {
    pub(crate) network: Network,
    pub(crate) parameters: Vec<T>,
    /// The parameters as steps read them.
    transposed: Vec<T>,
}

/// How a model was trained is no part of it.
impl PartialEq for Neural {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
            && self.frame == other.frame
            && self.covariates == other.covariates
            && self.weights == other.weights
            && self.place == other.place
    }
}

impl fmt::Debug for Neural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Neural").field("body", &self.body).field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl Neural {
    /// The kind of its body.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        self.body.architecture
    }

    /// The names of its covariates.
    #[must_use]
    pub fn covariates(&self) -> &[String] {
        &self.covariates
    }

    /// The same network in front of another series of its panel, whose times tell the phases of the seasons: `clock` is the
    /// timeline of the first training series. A network that tells its series apart knows them by their ids; one that it was not
    /// trained on has none of theirs. The parameters are shared, not copied.
    #[must_use]
    pub fn of_series(&self, clock: &Timeline, series: &Series) -> Self {
        Self { place: Place::of(&self.frame, clock, series), ..self.clone() }
    }

    /// What every epoch of its training brought; nothing of a model from a file.
    #[must_use]
    pub fn history(&self) -> &[Epoch] {
        &self.history
    }

    /// Whether two models are one network in front of two series.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.weights, &other.weights)
    }

    /// Whether it sees the same of a series as another network, on the same scale: what members of an ensemble must.
    pub(crate) fn sees_as(&self, other: &Self) -> bool {
        (&self.frame, &self.covariates, self.place) == (&other.frame, &other.covariates, other.place)
    }

    /// How many values a row needs before it.
    #[must_use]
    pub fn least(&self) -> usize {
        self.frame.least
    }

    /// The epoch whose weights the model has; `None` of a model from a file.
    #[must_use]
    pub fn kept_epoch(&self) -> Option<&Epoch> {
        self.history.iter().find(|epoch| epoch.is_kept)
    }

    pub(crate) fn network(&self) -> &Network {
        match &*self.weights {
            Weights::Single(net) => &net.network,
            Weights::Double(net) => &net.network,
        }
    }

    /// How many parameters there are.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.network().layout.len()
    }

    /// On how many past values a row depends, the lags included; the scale of its context aside.
    #[must_use]
    pub fn receptive_field(&self) -> usize {
        let frame = &self.frame;
        let steps = Backbone::<f32>::receptive_field(&self.network().backbone).unwrap_or(usize::MAX);
        frame.lags.last().copied().unwrap_or(0) + (frame.warm + frame.span).min(steps) - 1
    }

    /// Multiplications of one step of one lane, and of one training window (its pass forward and the one backward, which
    /// costs twice as much).
    #[must_use]
    pub fn cost(&self) -> [usize; 2] {
        let network = self.network();
        let per_step = |past: usize| network.cost_per_step(past);
        let steps = self.frame.warm + self.frame.span;
        [per_step(steps - 1), 3 * (0..steps).map(per_step).sum::<usize>()]
    }

    /// One line that says what it is.
    #[must_use]
    pub fn description(&self) -> String {
        let Body { architecture, hidden, layers, .. } = self.body;
        let head = self.network().head.name();
        let log = if self.frame.link == Link::Log { " of logarithms" } else { "" };
        format!(
            "{} of {layers} x {hidden} units, {} parameters, on {} past values, {head}{log}",
            architecture.name(),
            self.parameters(),
            self.frame.reach()
        )
    }

    /// What a fit reports, of the series given: their times tell the phases, by the clock of the first of them.
    pub(crate) fn summary_of(&self, train: &[Series]) -> Result<Summary> {
        let clock = train[0].timeline();
        let (mut log_likelihood, mut observations) = (0.0, 0);
        for series in train {
            let model = self.of_series(clock, series);
            let (sum, rows) = training_likelihood(&model, std::slice::from_ref(series))?;
            (log_likelihood, observations) = (log_likelihood + sum, observations + rows);
        }
        Ok(self.summary(log_likelihood, observations))
    }

    /// What a fit reports.
    fn summary(&self, log_likelihood: f64, observations: usize) -> Summary {
        let frame = &self.frame;
        let number = |name: &str, x: usize| (name.to_owned(), vec![x as f64]);
        Summary {
            name: self.body.architecture.title().to_owned(),
            description: self.description(),
            preprocessing: vec![
                number("context", frame.reach()),
                number("span", frame.span),
                ("periods".to_owned(), frame.periods.iter().map(|period| *period as f64).collect()),
            ],
            log_likelihood,
            observations,
            ..Summary::without_variance()
        }
    }

    /// With what weights every head of a transformer attends over the last window of a past: the context and up to a span of values
    /// after it, of which the last is what the last row is about. `None` of bodies without attention.
    ///
    /// # Errors
    /// If the model cannot read the past.
    ///
    /// # Panics
    /// If there are several lanes.
    pub fn attention(&self, past: &Batch, known: &Covariates) -> Result<Option<Vec<AttentionMap>>> {
        assert_eq!(past.lanes(), 1, "attention is shown of one lane");
        self.check(past, known)?;
        let span = past.steps().saturating_sub(self.frame.reach()).clamp(1, self.frame.span).min(past.steps());
        let context = past.before(past.steps() - span);
        let own = Lane::read(self, &context, known, 0);
        let mut window = own.window(self);
        for step in context.steps()..past.steps() {
            window.push(self.linked(past.row(step)[0]));
            if !self.frame.covariates.is_empty() {
                window.push_covariates(&self.frame, known.row(step).lane(0));
            }
        }
        Ok(match &*self.weights {
            Weights::Single(net) => net.attention(&self.frame, window),
            Weights::Double(net) => net.attention(&self.frame, window),
        })
    }

    fn linked(&self, x: f64) -> f64 {
        self.frame.link.apply(x)
    }
}

impl Autoregressive for Neural {
    fn family(&self) -> Family {
        self.network().head.family()
    }

    fn link(&self) -> Link {
        self.frame.link
    }

    fn forgets_after(&self) -> Option<usize> {
        Some(self.frame.reach() + self.frame.span)
    }

    fn begin<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>> {
        self.check(context, known)?;
        let lanes = (0..context.lanes()).map(|lane| Lane::read(self, context, known, lane)).collect();
        Ok(match &*self.weights {
            Weights::Single(net) => Box::new(NeuralSession::begin(self, net, lanes)),
            Weights::Double(net) => Box::new(NeuralSession::begin(self, net, lanes)),
        })
    }

    /// One pass over windows side by side: a span of every lane is a window.
    fn conditionals(&self, context: &Batch, target: &Batch, known: &Covariates) -> Result<Predictive> {
        assert_eq!(context.lanes(), target.lanes(), "a target continues every lane of its context");
        self.check(context, known)?;
        self.check(target, known)?;
        let mut out = Predictive::new(self.family(), target.values().len());
        let mut windows = Vec::new();
        for lane in 0..context.lanes() {
            let mut own = Lane::read(self, context, known, lane);
            for step in (0..target.steps()).step_by(self.frame.span) {
                let mut window = own.window(self);
                let mut are_defined = Vec::new();
                for t in step..(step + self.frame.span).min(target.steps()) {
                    let x = target.row(t)[lane];
                    let covariates = if self.frame.covariates.is_empty() {
                        &[][..]
                    } else {
                        known.row(context.steps() + t).lane(lane)
                    };
                    are_defined.push(own.is_defined(self));
                    window.push(self.linked(x));
                    window.push_covariates(&self.frame, covariates);
                    own.push(self, self.linked(x), covariates);
                }
                windows.push(Span { lane, step, window, are_defined });
            }
        }
        match &*self.weights {
            Weights::Single(net) => net.read(&self.frame, windows, target.lanes(), &mut out),
            Weights::Double(net) => net.read(&self.frame, windows, target.lanes(), &mut out),
        }
        Ok(out)
    }
}

impl Neural {
    fn check(&self, values: &Batch, known: &Covariates) -> Result<()> {
        if self.frame.link != Link::Identity
            && let Some(x) = values.values().iter().find(|x| **x <= 0.0)
        {
            return Err(Error::data(format!("{x} has no logarithm")).expected("values above 0"));
        }
        let width = self.frame.covariates.len();
        if width > 0 && known.width() != width {
            return Err(Error::usage(format!("{} covariates for a model of {width}", known.width()))
                .expected("the covariates that the model was fitted with"));
        }
        Ok(())
    }
}

/// A span of a lane with the window before it.
struct Span {
    lane: usize,
    step: usize,
    window: Window,
    are_defined: Vec<bool>,
}

impl<T: Float> Net<T> {
    pub(crate) fn new(network: Network, parameters: Vec<T>) -> Self {
        let transposed = network.layout.transposed(&parameters);
        Self { network, parameters, transposed }
    }

    /// The rows of some spans.
    fn read(&self, frame: &Frame, mut spans: Vec<Span>, lanes: usize, out: &mut Predictive) {
        let mut tape = Tape::<T>::default();
        let mut batch = super::examples::Batch::default();
        let mut row = vec![0.0; out.family().width()];
        // Windows of one length stand side by side: only the last span of a lane is shorter.
        spans.sort_by_key(|span| std::cmp::Reverse(span.are_defined.len()));
        for spans in spans.chunks_mut(WINDOWS) {
            batch.windows = spans.iter().map(|span| span.window.clone()).collect();
            let shape = Shape { steps: batch.fill(frame), lanes: spans.len() };
            self.network.forward(&self.parameters, shape, &batch.x, Dropout::NONE, &mut tape);
            let outputs = self.network.head.outputs();
            for (i, span) in spans.iter().enumerate() {
                let unit = unit(frame, &span.window, trained_floor());
                for (t, is_defined) in span.are_defined.iter().enumerate() {
                    let at = (frame.warm + t) * spans.len() + i;
                    self.network.head.parameters(&tape.raw[at * outputs..(at + 1) * outputs], unit, &mut row);
                    let to = (span.step + t) * lanes + span.lane;
                    out.set(to, &row, *is_defined);
                    self.set_map(frame, &span.window, to, out);
                }
            }
        }
    }

    fn attention(&self, frame: &Frame, window: Window) -> Option<Vec<AttentionMap>> {
        let AnyBackbone::Transformer(body) = &self.network.backbone else { return None };
        let mut tape = Tape::<T>::default();
        let mut batch = super::examples::Batch { windows: vec![window], ..Default::default() };
        let shape = Shape { steps: batch.fill(frame), lanes: 1 };
        self.network.forward(&self.parameters, shape, &batch.x, Dropout::NONE, &mut tape);
        let map = |(layer, head)| {
            let rows = body.attention(&tape.backbone.transformer, layer, head, 0);
            let row = |row: Vec<T>| row.iter().map(|weight| weight.to_f64()).collect();
            AttentionMap { layer, head, weights: rows.into_iter().skip(frame.warm).map(row).collect() }
        };
        Some(body.heads().map(map).collect())
    }

    fn set_map(&self, frame: &Frame, window: &Window, row: usize, out: &mut Predictive) {
        if !self.network.head.is_of_counts() {
            out.set_map(row, frame.map(window.scale));
        }
    }
}

/// What a lane has seen.
#[derive(Debug, Clone)]
struct Lane {
    /// The last values behind the link, at least as many as the reach, where there were.
    recent: Vec<f64>,
    /// Covariates of the last steps.
    covariates: Vec<f64>,
    /// Where the next value stands on the clock of the phases.
    next: i64,
    /// How many values there were.
    seen: usize,
    /// For how many rows to come a stand-in may still matter.
    unsettled: usize,
}

impl Lane {
    /// A lane at the end of its context.
    fn read(model: &Neural, context: &Batch, known: &Covariates, lane: usize) -> Self {
        let next = context.start(lane) + model.place.origin;
        let mut own = Self { recent: Vec::new(), covariates: Vec::new(), next, seen: 0, unsettled: 0 };
        let has_covariates = !model.frame.covariates.is_empty();
        for (step, x) in (context.padding(lane)..).zip(context.lane(lane)) {
            let covariates = if has_covariates { known.row(step).lane(lane) } else { &[] };
            own.push(model, model.linked(x), covariates);
        }
        own
    }

    /// One more value, behind the link.
    fn push(&mut self, model: &Neural, x: f64, covariates: &[f64]) {
        let frame = &model.frame;
        self.recent.push(x);
        self.covariates.extend_from_slice(covariates);
        self.next += 1;
        self.seen += 1;
        self.unsettled = self.unsettled.saturating_sub(1);
        if x.is_nan() && !frame.has_indicators {
            self.unsettled = frame.reach() + frame.span;
        }
        // Drained now and then, not at every step.
        let (values, steps) = (frame.reach(), frame.warm * frame.covariates.len());
        if self.recent.len() > 2 * values + 64 {
            self.recent.drain(..self.recent.len() - values);
            self.covariates.drain(..self.covariates.len().saturating_sub(steps));
        }
    }

    /// Whether the next row has a density: enough values went before, and no stand-in among them.
    fn is_defined(&self, model: &Neural) -> bool {
        self.seen >= model.frame.least && self.unsettled == 0
    }

    /// The window in front of the next value.
    fn window(&self, model: &Neural) -> Window {
        model.frame.window(&self.recent, self.next, &self.covariates).of(model.place.series)
    }
}

/// Lanes in lockstep.
struct NeuralSession<'m, T: Float> {
    model: &'m Neural,
    net: &'m Net<T>,
    lanes: Vec<Lane>,
    windows: Vec<Window>,
    state: AnyState<T>,
    /// Steps since the windows were set.
    since: usize,
    /// The raw numbers of the next step, once asked for.
    raw: Vec<T>,
    /// The covariates of the next step.
    known: Vec<f64>,
    is_asked: bool,
    features: Vec<T>,
    x: Vec<T>,
}

impl<'m, T: Float> NeuralSession<'m, T> {
    fn begin(model: &'m Neural, net: &'m Net<T>, lanes: Vec<Lane>) -> Self {
        let mut session = Self {
            model,
            net,
            windows: Vec::new(),
            state: Backbone::<T>::begin(&net.network.backbone, lanes.len()),
            lanes,
            since: 0,
            raw: Vec::new(),
            known: Vec::new(),
            is_asked: false,
            features: Vec::new(),
            x: Vec::new(),
        };
        session.set_windows();
        // Before lanes become many.
        if model.frame.covariates.is_empty() {
            session.ask(&[]);
        }
        session
    }

    /// Sets the windows in front of the next values, and reads what goes before them.
    fn set_windows(&mut self) {
        let (frame, backbone) = (&self.model.frame, &self.net.network.backbone);
        self.windows = self.lanes.iter().map(|lane| lane.window(self.model)).collect();
        self.since = 0;
        self.is_asked = false;
        let shape = Shape { steps: frame.warm, lanes: self.lanes.len() };
        if shape.steps == 0 {
            self.state = Backbone::<T>::begin(backbone, shape.lanes);
            return;
        }
        let (mut x, mut phases) = (Vec::with_capacity(shape.rows() * frame.width()), Phases::default());
        for step in 0..shape.steps {
            self.windows.iter().for_each(|window| frame.row(window, step, &mut phases, &mut x));
        }
        let (mut tape, mut features) = (Default::default(), Vec::new());
        backbone.forward(&self.net.parameters, shape, &x, Dropout::NONE, &mut tape, &mut features);
        self.state = backbone.state(&tape, shape, &x);
    }

    /// The raw numbers of the next step: computed once.
    fn ask(&mut self, known: &[f64]) {
        if self.is_asked {
            return;
        }
        let frame = &self.model.frame;
        let width = frame.covariates.len();
        if self.since == frame.span {
            self.set_windows();
        }
        self.known.clear();
        self.known.extend_from_slice(known);
        self.x.clear();
        let mut phases = Phases::default();
        for (lane, window) in self.windows.iter_mut().enumerate() {
            window.push_covariates(frame, &known[lane * width..(lane + 1) * width]);
            frame.row(window, frame.warm + self.since, &mut phases, &mut self.x);
        }
        let Self { net, state, x, features, raw, .. } = self;
        net.network.step(Operands::transposed(&net.transposed), state, x, features, raw);
        self.is_asked = true;
    }
}

impl<'m, T: Float> Session<'m> for NeuralSession<'m, T> {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn conditional(&mut self, known: Rows<'_>, out: &mut Predictive) {
        let covariates = if self.model.frame.covariates.is_empty() { &[][..] } else { known.all() };
        self.ask(covariates);
        let head = &self.net.network.head;
        let outputs = head.outputs();
        let mut row = vec![0.0; out.family().width()];
        for (i, (lane, window)) in self.lanes.iter().zip(&self.windows).enumerate() {
            let unit = unit(&self.model.frame, window, trained_floor());
            head.parameters(&self.raw[i * outputs..(i + 1) * outputs], unit, &mut row);
            out.set(i, &row, lane.is_defined(self.model));
            self.net.set_map(&self.model.frame, window, i, out);
        }
    }

    fn observe(&mut self, x: &[f64]) {
        let width = self.model.frame.covariates.len();
        // Whoever observes has asked; if not, the covariates are taken to be their means.
        if !self.is_asked {
            let means = self.model.frame.covariates.iter().map(|scale| scale.location);
            let means: Vec<f64> = means.cycle().take(width * self.lanes.len()).collect();
            self.ask(&means);
        }
        for (i, ((lane, window), x)) in self.lanes.iter_mut().zip(&mut self.windows).zip(x).enumerate() {
            let x = self.model.linked(*x);
            lane.push(self.model, x, &self.known[i * width..(i + 1) * width]);
            window.push(x);
        }
        self.since += 1;
        self.is_asked = false;
    }

    fn end_context(&mut self) {
        if self.since > 0 {
            self.set_windows();
        }
    }

    fn set_undefined(&mut self, lane: usize) {
        self.lanes[lane].unsettled = self.model.frame.reach() + self.model.frame.span + 1;
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        let outputs = self.net.network.head.outputs();
        let width = self.model.frame.covariates.len();
        let gather = |of: &[T], width: usize| -> Vec<T> {
            if of.is_empty() {
                return Vec::new();
            }
            parents.iter().flat_map(|&lane| &of[lane * width..(lane + 1) * width]).copied().collect()
        };
        let known = if self.known.is_empty() {
            Vec::new()
        } else {
            parents.iter().flat_map(|&lane| &self.known[lane * width..(lane + 1) * width]).copied().collect()
        };
        Box::new(Self {
            model: self.model,
            net: self.net,
            lanes: parents.iter().map(|&lane| self.lanes[lane].clone()).collect(),
            windows: parents.iter().map(|&lane| self.windows[lane].clone()).collect(),
            state: Backbone::<T>::fork(&self.net.network.backbone, &self.state, parents),
            since: self.since,
            raw: gather(&self.raw, outputs),
            known,
            is_asked: self.is_asked,
            features: Vec::new(),
            x: Vec::new(),
        })
    }
}
