//! The options of networks, and their progress.

use clap::{Args, ValueEnum};

use super::args::{ModelName, TransformArg};
use super::progress;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::Fitted;
use crate::model::neural::{Architecture, Epoch, HeadChoice, Neural, NeuralSpec, Remedy, Rise, Training};
use crate::model::token::quantiser::{QuantiserKind, QuantiserSpec};
use crate::predictive::Link;

const HEADING: &str = "Options of networks (mlp, gru, lstm, conv, transformer), beside --transform";
/// Heads of attention, of a width that they divide.
const HEADS: usize = 4;

#[derive(Debug, Clone, Args)]
pub(crate) struct NetworkArgs {
    /// Past steps that a row sees, beside the lags of the season [default: by the season, at least 24]
    #[arg(long, value_name = "STEPS", help_heading = HEADING)]
    context: Option<usize>,
    /// Units of every layer [default: 64]
    #[arg(long, value_name = "UNITS", help_heading = HEADING)]
    hidden: Option<usize>,
    /// Layers [default: 2; conv: 5]
    #[arg(long, value_name = "LAYERS", help_heading = HEADING)]
    layers: Option<usize>,
    /// Distribution [default: by the values, see the README]
    #[arg(long, value_enum, help_heading = HEADING)]
    head: Option<HeadArg>,
    /// Passes over the training windows, at least 25 steps each [default: 40]
    #[arg(long, value_name = "EPOCHS", help_heading = HEADING)]
    epochs: Option<usize>,
    /// Windows per step [default: 32]
    #[arg(long, value_name = "WINDOWS", help_heading = HEADING)]
    batch: Option<usize>,
    /// Highest rate of the steps [default: 0.002]
    #[arg(long, value_name = "RATE", help_heading = HEADING)]
    learning_rate: Option<f64>,
    /// Share of the units that a step leaves out [default: 0.1]
    #[arg(long, value_name = "SHARE", help_heading = HEADING)]
    dropout: Option<f64>,
    /// Seed of the training: of the first weights, the windows and all else that is random in it [default: 0]
    #[arg(long, value_name = "SEED", help_heading = HEADING)]
    training_seed: Option<u64>,
    /// What is done about exposure bias [default: nothing]
    #[arg(long, value_enum, help_heading = HEADING)]
    remedy: Option<RemedyArg>,
}

/// The distribution at the end of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HeadArg {
    /// Normal
    Gaussian,
    /// Student's t
    StudentT,
    /// Mixture of five normals
    Mixture,
    /// Negative binomial, for counts
    NegativeBinomial,
    /// 128 tokens of equal mass
    Tokens,
}

/// What is done about exposure bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RemedyArg {
    /// A share of the past, rising to a quarter, is the network's own draws
    ScheduledSampling,
    /// Noise of a tenth of the context's spread on the past
    Noise,
    /// The likelihood after 8 steps on own draws
    FreeRunning,
    /// The energy score of two rollouts of 8 steps
    EnergyScore,
}

impl ModelName {
    /// The body, where it is a network.
    pub(super) fn architecture(self) -> Option<Architecture> {
        Some(match self {
            Self::Mlp => Architecture::Mlp,
            Self::Gru => Architecture::Gru,
            Self::Lstm => Architecture::Lstm,
            Self::Conv => Architecture::Conv,
            Self::Transformer => Architecture::Transformer { heads: HEADS, is_rotary: true, window: None },
            _ => return None,
        })
    }

    /// Whether it uses further columns.
    pub(super) fn takes_covariates(self) -> bool {
        self == Self::Ar || self.architecture().is_some()
    }
}

impl NetworkArgs {
    /// The options given, as they are typed.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let options = [
            ("--context", self.context.is_some()),
            ("--hidden", self.hidden.is_some()),
            ("--layers", self.layers.is_some()),
            ("--head", self.head.is_some()),
            ("--epochs", self.epochs.is_some()),
            ("--batch", self.batch.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
            ("--dropout", self.dropout.is_some()),
            ("--training-seed", self.training_seed.is_some()),
            ("--remedy", self.remedy.is_some()),
        ];
        options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// The network that the options describe, for series of a period that was given.
    ///
    /// # Errors
    /// If the transform is none that networks know.
    pub(super) fn spec(
        &self,
        architecture: Architecture,
        transform: TransformArg,
        period: Option<usize>,
    ) -> Result<NeuralSpec> {
        let usual = NeuralSpec::new(architecture);
        let training = Training::default();
        Ok(NeuralSpec {
            hidden: self.hidden.unwrap_or(usual.hidden),
            layers: self.layers.unwrap_or(usual.layers),
            context: self.context,
            periods: period.map(|period| if period > 1 { vec![period] } else { Vec::new() }),
            head: match self.head {
                None => HeadChoice::Auto,
                Some(HeadArg::Gaussian) => HeadChoice::Gaussian,
                Some(HeadArg::StudentT) => HeadChoice::StudentT,
                Some(HeadArg::Mixture) => HeadChoice::Mixture { components: 5 },
                Some(HeadArg::NegativeBinomial) => HeadChoice::NegativeBinomial,
                Some(HeadArg::Tokens) => {
                    HeadChoice::Tokens(QuantiserSpec { kind: QuantiserKind::Quantile, bins: Some(128) })
                }
            },
            link: match transform {
                TransformArg::Auto => None,
                TransformArg::None => Some(Link::Identity),
                TransformArg::Log => Some(Link::Log),
                TransformArg::BoxCox => {
                    return Err(Error::usage("--transform box-cox with a network")
                        .expected("--transform none or log")
                        .hint("leave it out"));
                }
            },
            training: Training {
                epochs: self.epochs.unwrap_or(training.epochs),
                batch: self.batch.unwrap_or(training.batch),
                learning_rate: self.learning_rate.unwrap_or(training.learning_rate),
                dropout: self.dropout.unwrap_or(training.dropout),
                seed: self.training_seed.unwrap_or(training.seed),
                remedy: match self.remedy {
                    None => Remedy::TeacherForcing,
                    Some(RemedyArg::ScheduledSampling) => Remedy::ScheduledSampling { most: 0.25, rise: Rise::Linear },
                    Some(RemedyArg::Noise) => Remedy::Noise { sd: 0.1 },
                    Some(RemedyArg::FreeRunning) => Remedy::FreeRunning { steps: 8 },
                    Some(RemedyArg::EnergyScore) => Remedy::EnergyScore { steps: 8, rollouts: 2 },
                },
                ..training
            },
            ..usual
        })
    }
}

/// Fits a network, and says on standard error how far it is: losses in nats per value, and the time left.
pub(super) fn fit(spec: &NeuralSpec, series: &Series) -> Result<Fitted<Neural>> {
    let bar = progress::epochs(spec.architecture.name(), spec.training.epochs);
    let result = spec.fit_observed(std::slice::from_ref(series), &mut |epoch: &Epoch| {
        bar.set_position(epoch.number as u64);
        bar.set_prefix(format!("loss {:.3}, held out {:.3}", epoch.loss, epoch.held_out));
    });
    bar.finish_and_clear();
    result
}
