//! The options of networks, and their progress.

use std::fs;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::{ModelArgs, ModelName, OrAuto, TransformArg};
use super::models::quantiser_kind;
use super::{load, progress};
use crate::data::frame::write_whole;
use crate::data::series::Series;
use crate::data::timeline::Timeline;
use crate::error::{Error, Result};
use crate::model::mixture::Mixture;
use crate::model::neural::{
    Architecture, EnsembleSpec, Epoch, HeadChoice, Neural, NeuralSpec, Remedy, Rise, Run, Training,
};
use crate::model::token::quantiser::QuantiserSpec;
use crate::model::{Fitted, Summary, too_short, training_likelihood};
use crate::predictive::Link;

const HEADING: &str = "Options of networks (mlp, gru, lstm, conv, transformer), beside --transform";
/// Heads of attention, of a width that they divide.
const HEADS: usize = 4;
/// Seconds of training that are said where no progress is shown.
const WORTH_SAYING: f64 = 20.0;

#[derive(Debug, Clone, Args)]
pub(crate) struct NetworkArgs {
    /// Past steps that a row sees, beside the lags of the season, or auto: by the season, at least 24
    #[arg(long, value_name = "STEPS|auto", default_value = "auto", value_parser = parse_context, help_heading = HEADING)]
    context: OrAuto<usize>,
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
    pub(super) training_seed: Option<u64>,
    /// What is done about exposure bias [default: nothing]
    #[arg(long, value_enum, help_heading = HEADING)]
    remedy: Option<RemedyArg>,
    /// Networks trained from so many seeds and averaged as whole paths [default: 1]
    #[arg(long, value_name = "NETWORKS", help_heading = HEADING)]
    ensemble: Option<usize>,
    /// Train a network for every series, instead of one on all of them
    #[arg(long, help_heading = HEADING)]
    each_series: bool,
    /// Learn a vector for every series of a table beside the network that they share, at most 256 of them
    #[arg(long, help_heading = HEADING, conflicts_with = "each_series")]
    series_embedding: bool,
}

fn parse_context(text: &str) -> std::result::Result<OrAuto<usize>, String> {
    match text.parse() {
        Ok(steps) => Ok(OrAuto::Value(steps)),
        Err(_) if text == "auto" => Ok(OrAuto::Auto),
        Err(_) => Err("expected a number of steps, like 48, or auto".to_owned()),
    }
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
    /// Tokens: 128 of equal mass, or as --bins and --quantiser say
    Tokens,
}

/// What is done about exposure bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RemedyArg {
    /// A share of the past, rising to a half in proportion to the progress, is the network's own draws
    ScheduledSampling,
    /// The same, rising early
    ScheduledSamplingExponential,
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
            ("--context", self.context != OrAuto::Auto),
            ("--hidden", self.hidden.is_some()),
            ("--layers", self.layers.is_some()),
            ("--head", self.head.is_some()),
            ("--epochs", self.epochs.is_some()),
            ("--batch", self.batch.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
            ("--dropout", self.dropout.is_some()),
            ("--training-seed", self.training_seed.is_some()),
            ("--remedy", self.remedy.is_some()),
            ("--ensemble", self.ensemble.is_some()),
            ("--each-series", self.each_series),
            ("--series-embedding", self.series_embedding),
        ];
        options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// Whether the head is one of tokens, whose bins may be chosen.
    pub(super) fn has_tokens(&self) -> bool {
        self.head == Some(HeadArg::Tokens)
    }

    /// The options given that say what a network is made of, which a saved one knows.
    pub(super) fn given_of_network(&self) -> Vec<&'static str> {
        let of_network = ["--context", "--hidden", "--layers", "--head", "--series-embedding"];
        self.given().into_iter().filter(|name| of_network.contains(name)).collect()
    }

    /// The network that the options describe, or several, for series of a period that was given.
    ///
    /// # Errors
    /// If the transform is none that networks know.
    pub(super) fn spec(
        &self,
        architecture: Architecture,
        options: &ModelArgs,
        period: Option<usize>,
    ) -> Result<EnsembleSpec> {
        let tokens = QuantiserSpec { kind: quantiser_kind(options.quantiser), bins: Some(options.bins.unwrap_or(128)) };
        let usual = NeuralSpec::new(architecture);
        let training = Training::default();
        let spec = NeuralSpec {
            hidden: self.hidden.unwrap_or(usual.hidden),
            layers: self.layers.unwrap_or(usual.layers),
            context: match self.context {
                OrAuto::Auto => None,
                OrAuto::Value(steps) => Some(steps),
            },
            is_embedding: self.series_embedding,
            periods: period.map(|period| if period > 1 { vec![period] } else { Vec::new() }),
            head: match self.head {
                None => HeadChoice::Auto,
                Some(HeadArg::Gaussian) => HeadChoice::Gaussian,
                Some(HeadArg::StudentT) => HeadChoice::StudentT,
                Some(HeadArg::Mixture) => HeadChoice::Mixture { components: 5 },
                Some(HeadArg::NegativeBinomial) => HeadChoice::NegativeBinomial,
                Some(HeadArg::Tokens) => HeadChoice::Tokens(tokens),
            },
            link: match options.transform {
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
                    Some(RemedyArg::ScheduledSampling) => Remedy::ScheduledSampling { most: 0.5, rise: Rise::Linear },
                    Some(RemedyArg::ScheduledSamplingExponential) => {
                        Remedy::ScheduledSampling { most: 0.5, rise: Rise::Exponential }
                    }
                    Some(RemedyArg::Noise) => Remedy::Noise { sd: 0.1 },
                    Some(RemedyArg::FreeRunning) => Remedy::FreeRunning { steps: 8 },
                    Some(RemedyArg::EnergyScore) => Remedy::EnergyScore { steps: 8, rollouts: 2 },
                },
                ..training
            },
            ..usual
        };
        Ok(EnsembleSpec { spec, members: self.ensemble.unwrap_or(1) })
    }
}

/// Networks that were trained on all series of a table together, by their names.
#[derive(Debug, Default)]
pub(super) struct Pool(Vec<(ModelName, Arc<Pooled>)>);

/// One network, or one ensemble, for several series.
#[derive(Debug)]
pub(super) struct Pooled {
    fitted: Fitted<Mixture<Neural>>,
    /// The times of the first series, which tell the phases of the seasons.
    clock: Timeline,
    series: usize,
}

/// How a training begins and goes on, beside its options.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Start<'a> {
    /// The file whose network is trained further.
    pub(super) warm: Option<&'a Path>,
    /// Where a checkpoint is kept after every epoch.
    pub(super) checkpoint: Option<&'a Path>,
}

impl Pool {
    /// Trains the networks among some models, each on all the series: of several series where none is to have its own, and
    /// always where a training begins or goes on in a special way.
    ///
    /// # Errors
    /// If a training fails, or each series is to have its own network and there is one start for all.
    pub(super) fn train(
        models: &[ModelName],
        options: &ModelArgs,
        period: Option<usize>,
        series: &[Series],
        start: Start<'_>,
    ) -> Result<Self> {
        let is_special = start.warm.is_some() || start.checkpoint.is_some();
        let is_each = options.network.each_series && series.len() > 1;
        if is_special && is_each {
            return Err(Error::usage("--warm-start and --checkpoint with --each-series")
                .expected("one network")
                .hint("leave --each-series out, or give one series at a time"));
        }
        if is_special && options.network.ensemble.is_some_and(|members| members > 1) {
            return Err(Error::usage("--warm-start and --checkpoint with --ensemble")
                .expected("one network")
                .hint("leave --ensemble out; of a saved ensemble --warm-start trains all members further"));
        }
        if models.iter().all(|name| name.architecture().is_none()) {
            return Ok(Self::default());
        }
        let has_values = |series: &&Series| series.values().iter().any(|x| !x.is_nan());
        let series: Vec<Series> = series.iter().filter(has_values).cloned().collect();
        if is_each || series.is_empty() || (series.len() == 1 && !is_special) {
            return Ok(Self::default());
        }
        let networks = models.iter().filter_map(|name| Some((*name, name.architecture()?)));
        let trained = networks.map(|(name, architecture)| {
            let spec = options.network.spec(architecture, options, period)?;
            let fitted = trained(&spec, &series, start)?;
            let clock = series[0].timeline().clone();
            Ok((name, Arc::new(Pooled { fitted, clock, series: series.len() })))
        });
        trained.collect::<Result<_>>().map(Self)
    }

    /// The network of a name, where there is one for all series.
    pub(super) fn get(&self, name: ModelName) -> Option<Arc<Pooled>> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, pooled)| Arc::clone(pooled))
    }
}

impl Pooled {
    /// The network in front of one of its series, and what it makes of that.
    pub(super) fn of(&self, series: &Series) -> Result<(Mixture<Neural>, Summary)> {
        let Fitted { model, summary } = &self.fitted;
        let model = model.of_series(&self.clock, series);
        let first = &model.members()[0];
        let series = series.select_covariates(first.covariates())?;
        let (log_likelihood, observations) = training_likelihood(&model, std::slice::from_ref(&series))?;
        if observations == 0 {
            return Err(too_short(first.architecture().name(), series.len(), first.least() + 1)
                .hint("give more history, or choose a smaller --context or --period"));
        }
        let mut summary = Summary { log_likelihood, observations, ..summary.clone() };
        if self.series > 1 {
            summary.description += &format!(", trained on {} series", self.series);
        }
        Ok((model, summary))
    }
}

/// Fits a network to one series.
pub(super) fn fit(spec: &EnsembleSpec, series: &Series) -> Result<Fitted<Mixture<Neural>>> {
    trained(spec, std::slice::from_ref(series), Start::default())
}

/// Fits a network, or one after the other those of an ensemble, and says on standard error how far each is: losses in nats per
/// value, and the time left.
fn trained(spec: &EnsembleSpec, series: &[Series], start: Start<'_>) -> Result<Fitted<Mixture<Neural>>> {
    let EnsembleSpec { spec, members } = spec;
    let (starts, members): (Vec<Option<Neural>>, usize) = match start.warm {
        Some(path) => {
            let saved = warm(path, spec.architecture)?;
            (saved.iter().cloned().map(Some).collect(), saved.len())
        }
        None => (vec![None; *members], *members),
    };
    let specs = EnsembleSpec { spec: spec.clone(), members }.specs()?;
    if members > 1 && start.checkpoint.is_some() {
        return Err(Error::usage("--checkpoint with an ensemble")
            .expected("one network")
            .hint("leave --checkpoint out, or train one network further"));
    }
    let fitted = specs.iter().zip(&starts).enumerate();
    let fitted = fitted.map(|(member, (spec, start_of_member))| {
        let progress = Member { number: member + 1, of: members };
        one_trained(spec, start_of_member.as_ref(), progress, series, start.checkpoint)
    });
    EnsembleSpec::average(fitted.collect::<Result<_>>()?, series)
}

/// Which network of an ensemble is trained.
#[derive(Debug, Clone, Copy)]
struct Member {
    number: usize,
    of: usize,
}

fn one_trained(
    spec: &NeuralSpec,
    start: Option<&Neural>,
    member: Member,
    series: &[Series],
    checkpoint: Option<&Path>,
) -> Result<Fitted<Neural>> {
    let resume = match checkpoint {
        Some(path) if path.exists() => {
            Some(fs::read(path).map_err(|error| Error::io(error.to_string()).at(path.display().to_string()))?)
        }
        _ => None,
    };
    let Member { number, of } = member;
    let name = spec.architecture.name();
    let bar = progress::epochs(
        if of == 1 { name.to_owned() } else { format!("{name} {number} of {of}") },
        spec.training.epochs,
    );
    let mut is_said = number > 1 || std::io::stderr().is_terminal();
    let mut observe = |epoch: &Epoch| {
        bar.set_position(epoch.number as u64);
        bar.set_prefix(format!("loss {:.3}, held out {:.3}", epoch.loss, epoch.held_out));
        // Where no bar is shown.
        let all = epoch.seconds / epoch.number as f64 * (epoch.of * of) as f64;
        if !is_said && all > WORTH_SAYING {
            let what = if of == 1 { name.to_owned() } else { format!("{of} x {name}") };
            eprintln!("training {what} takes up to {all:.0} seconds");
            is_said = true;
        }
    };
    let mut keep = |bytes: &[u8]| checkpoint.map_or(Ok(()), |path| write_whole(path, bytes));
    let run = Run {
        observe: Some(&mut observe),
        keep: checkpoint.is_some().then_some(&mut keep as _),
        resume: resume.as_deref(),
    };
    let result = match start {
        Some(network) => network.train_further(&spec.training, series, run),
        None => spec.fit_run(series, run),
    };
    bar.finish_and_clear();
    let of_checkpoint = |error: Error| match checkpoint {
        Some(path) if error.to_string().contains("checkpoint") => error.at(path.display().to_string()),
        _ => error,
    };
    result.map_err(of_checkpoint)
}

/// The network of a file, or those of its ensemble.
fn warm(path: &Path, architecture: Architecture) -> Result<Vec<Neural>> {
    let (file, _) = load::read(path)?;
    let is_of_name =
        |networks: &&[Neural]| networks.first().is_some_and(|first| first.architecture().name() == architecture.name());
    let networks: Vec<&[Neural]> =
        file.series.iter().map(|series| series.model.networks()).filter(is_of_name).collect();
    match networks[..] {
        [first, ref others @ ..] if others.iter().all(|other| other[0].is_shared_with(&first[0])) => Ok(first.to_vec()),
        [] => Err(Error::usage(format!("{} holds no {}", path.display(), architecture.name()))
            .expected("a file of the network that --model names")
            .hint("give --model the name that `foretoken inspect --load` says")),
        _ => Err(Error::usage(format!("{} holds a network for each of its series", path.display()))
            .expected("one network")
            .hint("fit without --each-series, or one series at a time")),
    }
}
