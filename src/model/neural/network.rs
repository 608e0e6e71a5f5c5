//! A network: a backbone, and an output that makes its features, and the inputs once more, raw numbers for a head.
//!
//! raw_t = W_f f_t + W_u u_t + b. The second term is a linear autoregression: what is linear need not be learned by hidden
//! units. It is left out where the features are the inputs themselves, and of heads over tokens.

use super::backbone::{Backbone, Dropout, Shape};
use super::conv::{CausalConv, ConvState, ConvTape};
use super::head::Head;
use super::layers::{Linear, add_columns, zeroed};
use super::mlp::{Mlp, MlpState, MlpTape};
use super::parameters::{Layout, Operands};
use super::recurrent::{Recurrent, RecurrentState, RecurrentTape};
use super::transformer::{Transformer, TransformerState, TransformerTape};
use crate::math::float::Float;
use crate::math::random::LaneRng;

/// Any of the backbones.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AnyBackbone {
    Mlp(Mlp),
    Recurrent(Recurrent),
    Conv(CausalConv),
    Transformer(Transformer),
}

/// The tapes of all of them, of which one is in use.
#[derive(Debug)]
pub(super) struct AnyTape<T> {
    mlp: MlpTape<T>,
    recurrent: RecurrentTape<T>,
    conv: ConvTape<T>,
    pub(super) transformer: TransformerTape<T>,
}

impl<T: Float> Default for AnyTape<T> {
    fn default() -> Self {
        Self {
            mlp: MlpTape::default(),
            recurrent: RecurrentTape::default(),
            conv: ConvTape::default(),
            transformer: TransformerTape::default(),
        }
    }
}

/// The state of one of them.
#[expect(clippy::large_enum_variant, reason = "a session has one")]
#[derive(Debug, Clone)]
pub(super) enum AnyState<T: Float> {
    Mlp(MlpState<T>),
    Recurrent(RecurrentState<T>),
    Conv(ConvState<T>),
    Transformer(TransformerState<T>),
}

/// An expression about the backbone that is there.
macro_rules! each {
    ($any:expr, $net:ident => $result:expr) => {
        match $any {
            AnyBackbone::Mlp($net) => $result,
            AnyBackbone::Recurrent($net) => $result,
            AnyBackbone::Conv($net) => $result,
            AnyBackbone::Transformer($net) => $result,
        }
    };
}

/// A state made by the backbone that is there.
macro_rules! state_of {
    ($any:expr, $net:ident => $result:expr) => {
        match $any {
            AnyBackbone::Mlp($net) => AnyState::Mlp($result),
            AnyBackbone::Recurrent($net) => AnyState::Recurrent($result),
            AnyBackbone::Conv($net) => AnyState::Conv($result),
            AnyBackbone::Transformer($net) => AnyState::Transformer($result),
        }
    };
}

impl<T: Float> Backbone<T> for AnyBackbone {
    type Tape = AnyTape<T>;
    type State = AnyState<T>;

    fn inputs(&self) -> usize {
        each!(self, net => Backbone::<T>::inputs(net))
    }

    fn features(&self) -> usize {
        each!(self, net => Backbone::<T>::features(net))
    }

    fn receptive_field(&self) -> Option<usize> {
        each!(self, net => Backbone::<T>::receptive_field(net))
    }

    fn cost_per_step(&self, past: usize) -> usize {
        each!(self, net => Backbone::<T>::cost_per_step(net, past))
    }

    fn forward(&self, p: &[T], shape: Shape, x: &[T], dropout: Dropout, tape: &mut AnyTape<T>, out: &mut Vec<T>) {
        match self {
            Self::Mlp(net) => net.forward(p, shape, x, dropout, &mut tape.mlp, out),
            Self::Recurrent(net) => net.forward(p, shape, x, dropout, &mut tape.recurrent, out),
            Self::Conv(net) => net.forward(p, shape, x, dropout, &mut tape.conv, out),
            Self::Transformer(net) => net.forward(p, shape, x, dropout, &mut tape.transformer, out),
        }
    }

    fn backward(
        &self,
        p: &[T],
        shape: Shape,
        x: &[T],
        dropout: Dropout,
        tape: &mut AnyTape<T>,
        d_out: &[T],
        gradient: &mut [T],
        d_x: Option<&mut [T]>,
    ) {
        match self {
            Self::Mlp(net) => net.backward(p, shape, x, dropout, &mut tape.mlp, d_out, gradient, d_x),
            Self::Recurrent(net) => net.backward(p, shape, x, dropout, &mut tape.recurrent, d_out, gradient, d_x),
            Self::Conv(net) => net.backward(p, shape, x, dropout, &mut tape.conv, d_out, gradient, d_x),
            Self::Transformer(net) => net.backward(p, shape, x, dropout, &mut tape.transformer, d_out, gradient, d_x),
        }
    }

    fn begin(&self, lanes: usize) -> AnyState<T> {
        state_of!(self, net => Backbone::<T>::begin(net, lanes))
    }

    fn state(&self, tape: &AnyTape<T>, shape: Shape, x: &[T]) -> AnyState<T> {
        match self {
            Self::Mlp(net) => AnyState::Mlp(net.state(&tape.mlp, shape, x)),
            Self::Recurrent(net) => AnyState::Recurrent(net.state(&tape.recurrent, shape, x)),
            Self::Conv(net) => AnyState::Conv(net.state(&tape.conv, shape, x)),
            Self::Transformer(net) => AnyState::Transformer(net.state(&tape.transformer, shape, x)),
        }
    }

    fn step(&self, w: Operands<'_, T>, state: &mut AnyState<T>, x: &[T], out: &mut Vec<T>) {
        match (self, state) {
            (Self::Mlp(net), AnyState::Mlp(state)) => net.step(w, state, x, out),
            (Self::Recurrent(net), AnyState::Recurrent(state)) => net.step(w, state, x, out),
            (Self::Conv(net), AnyState::Conv(state)) => net.step(w, state, x, out),
            (Self::Transformer(net), AnyState::Transformer(state)) => net.step(w, state, x, out),
            _ => unreachable!("a state belongs to the backbone that made it"),
        }
    }

    fn fork(&self, state: &AnyState<T>, parents: &[usize]) -> AnyState<T> {
        match (self, state) {
            (Self::Mlp(net), AnyState::Mlp(state)) => AnyState::Mlp(net.fork(state, parents)),
            (Self::Recurrent(net), AnyState::Recurrent(state)) => AnyState::Recurrent(net.fork(state, parents)),
            (Self::Conv(net), AnyState::Conv(state)) => AnyState::Conv(net.fork(state, parents)),
            (Self::Transformer(net), AnyState::Transformer(state)) => AnyState::Transformer(net.fork(state, parents)),
            _ => unreachable!("a state belongs to the backbone that made it"),
        }
    }
}

/// Backbone, output and head, with the layout of their parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Network {
    pub(super) backbone: AnyBackbone,
    output: Linear,
    skip: Option<Linear>,
    pub(crate) head: Head,
    /// Raw numbers that are the same at every step.
    constant: Vec<usize>,
    pub(crate) layout: Layout,
}

/// What a pass leaves for the way back, and scratch.
#[derive(Debug)]
pub(super) struct Tape<T> {
    pub(super) backbone: AnyTape<T>,
    features: Vec<T>,
    /// One row of raw numbers per row of inputs.
    pub(super) raw: Vec<T>,
    d_features: Vec<T>,
}

impl<T: Float> Default for Tape<T> {
    fn default() -> Self {
        Self { backbone: AnyTape::default(), features: Vec::new(), raw: Vec::new(), d_features: Vec::new() }
    }
}

impl Network {
    /// The network around a backbone whose parameters are in the layout. The raw numbers in `constant` do not depend on the
    /// inputs.
    pub(super) fn new(mut layout: Layout, backbone: AnyBackbone, head: Head, constant: Vec<usize>) -> Self {
        let (inputs, features) = (Backbone::<f32>::inputs(&backbone), Backbone::<f32>::features(&backbone));
        let output = Linear::new(&mut layout, "output", features, head.outputs());
        let has_skip = !matches!(&backbone, AnyBackbone::Mlp(net) if net.is_linear()) && !head.has_tokens();
        let skip = has_skip.then(|| Linear::without_bias(&mut layout, "skip", inputs, head.outputs()));
        Self { backbone, output, skip, head, constant, layout }
    }

    /// Parameters to begin with: the head's start, whatever the inputs, but for small weights of the features.
    pub(super) fn initialise<T: Float>(&self, rng: &mut LaneRng) -> Vec<T> {
        let mut p = self.layout.initialise::<T>(rng);
        let start = self.head.start();
        self.output.bias(&mut p).iter_mut().zip(&start).for_each(|(b, start)| *b = T::of(*start));
        let width = self.output.inputs;
        for (i, w) in self.output.weights(&mut p).iter_mut().enumerate() {
            *w = if self.constant.contains(&(i / width)) { T::ZERO } else { *w * T::of(0.3) };
        }
        if let Some(skip) = &self.skip {
            skip.weights(&mut p).fill(T::ZERO);
        }
        p
    }

    /// All steps at once: the raw numbers are in the tape.
    pub(super) fn forward<T: Float>(&self, p: &[T], shape: Shape, x: &[T], dropout: Dropout, tape: &mut Tape<T>) {
        self.backbone.forward(p, shape, x, dropout, &mut tape.backbone, &mut tape.features);
        self.output_of(Operands::of(p), x, &tape.features, &mut tape.raw);
    }

    fn output_of<T: Float>(&self, w: Operands<'_, T>, x: &[T], features: &[T], raw: &mut Vec<T>) {
        self.output.forward(w, features, raw);
        if let Some(skip) = &self.skip {
            skip.add(w, x, raw);
        }
    }

    /// The gradient of the last pass from that of its raw numbers.
    #[expect(clippy::too_many_arguments, reason = "a pass backwards has two sides")]
    pub(super) fn backward<T: Float>(
        &self,
        p: &[T],
        shape: Shape,
        x: &[T],
        dropout: Dropout,
        tape: &mut Tape<T>,
        d_raw: &mut [T],
        gradient: &mut [T],
        mut d_x: Option<&mut [T]>,
    ) {
        // Of what is constant only the bias learns.
        if !self.constant.is_empty() {
            let width = self.head.outputs();
            let mut sums = vec![T::ZERO; width];
            add_columns(d_raw, &mut sums);
            for &column in &self.constant {
                d_raw.iter_mut().skip(column).step_by(width).for_each(|d| *d = T::ZERO);
                self.output.bias(gradient)[column] += sums[column];
            }
        }
        let d_features = zeroed(&mut tape.d_features, tape.features.len());
        self.output.backward(p, &tape.features, d_raw, gradient, Some(d_features));
        if let Some(skip) = &self.skip {
            skip.backward(p, x, d_raw, gradient, d_x.as_deref_mut());
        }
        self.backbone.backward(p, shape, x, dropout, &mut tape.backbone, d_features, gradient, d_x);
    }

    /// One step of every lane.
    pub(super) fn step<T: Float>(
        &self,
        w: Operands<'_, T>,
        state: &mut AnyState<T>,
        x: &[T],
        features: &mut Vec<T>,
        raw: &mut Vec<T>,
    ) {
        self.backbone.step(w, state, x, features);
        self.output_of(w, x, features, raw);
    }

    /// Multiplications of one step of one lane, when `past` steps went before.
    pub(super) fn cost_per_step(&self, past: usize) -> usize {
        let outputs = self.output.outputs;
        let skip = self.skip.map_or(0, |skip| skip.inputs * outputs);
        Backbone::<f32>::cost_per_step(&self.backbone, past) + self.output.inputs * outputs + skip
    }
}
