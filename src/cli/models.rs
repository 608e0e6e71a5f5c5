//! From model names and options to fitted models.

use std::sync::Arc;

use super::args::{
    AverageArg, CriterionArg, ErrorsArg, EstimatorArg, ModelArgs, ModelName, OrAuto, OrderArg, PenaltyArg,
    QuantiserArg, SeasonalArg, TransformArg, TrendArg, WeightsArg,
};
use super::network::{self, Pool, Pooled};
use crate::data::frequency::calendar_periods;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::stationarity::{KPSS_5_PERCENT, kpss_level};
use crate::model::combination::Weights;
use crate::model::file::StoredModel;
use crate::model::linear::{
    Ar, ArSpec, Average, BurgVariance, Choice, CovarianceKind, Criterion, Estimator, LinkChoice, Order, ParameterDraws,
    Penalty, SeasonalChoice, SeasonalLags, Terms, Trend, Uncertain, with_parameter_uncertainty,
};
use crate::model::mixture::Mixture;
use crate::model::naive::Naive;
use crate::model::neural::EnsembleSpec;
use crate::model::token::QuantisedSpec;
use crate::model::token::codebook::CodebookSpec;
use crate::model::token::markov::{MarkovOrder, MarkovSpec};
use crate::model::token::quantiser::{QuantiserKind, QuantiserSpec};
use crate::model::transformed::{Differences, Seasonal, Transform, Transformed};
use crate::model::{Fit, Fitted, Summary};
use crate::predictive::Link;

/// A model over draws of its parameters, and what its fit reported.
type Drawn = (Transformed<Mixture<Ar>>, Summary);

/// A specification chosen on the command line: the closed list of what can be named there.
#[derive(Debug, Clone)]
pub(super) enum Spec {
    Ar(Box<ArSpec>),
    Naive(Naive),
    /// A Markov chain over tokens of the differences.
    Markov(TokenPlan),
    /// A codebook of patches of the differences.
    Codebook(TokenPlan),
    /// A network, or several.
    Network(Box<EnsembleSpec>),
    /// A network that was trained on all series.
    Pooled(Arc<Pooled>),
    /// A seasonal naive model of a series in which no season was found: the calendar's, where there is one.
    CalendarNaive,
}

impl Spec {
    /// The specification of a model name for series of a period, which the user gave or the values show; a network of the pool
    /// is trained already.
    ///
    /// # Errors
    /// If the model is one of several series together.
    pub(super) fn new(
        name: ModelName,
        options: &ModelArgs,
        period: usize,
        is_given: bool,
        pool: &Pool,
    ) -> Result<Self> {
        if let Some(pooled) = pool.get(name) {
            return Ok(Self::Pooled(pooled));
        }
        Ok(match name {
            ModelName::Ar => Self::Ar(Box::new(ar_spec(options, period))),
            ModelName::Mean => Self::Naive(Naive::Mean),
            ModelName::Naive => Self::Naive(Naive::RandomWalk { drift: false }),
            ModelName::Rwd => Self::Naive(Naive::RandomWalk { drift: true }),
            ModelName::Snaive if period > 1 || is_given => Self::Naive(Naive::Seasonal { period }),
            ModelName::Snaive => Self::CalendarNaive,
            ModelName::Markov => Self::Markov(TokenPlan::of(options, period)),
            ModelName::Codebook => Self::Codebook(TokenPlan::of(options, period)),
            ModelName::Var => return Err(joint_only()),
            ModelName::Mlp | ModelName::Gru | ModelName::Lstm | ModelName::Conv | ModelName::Transformer => {
                let architecture = name.architecture().expect("a network");
                let given = is_given.then_some(period);
                Self::Network(Box::new(options.network.spec(architecture, options, given)?))
            }
        })
    }

    /// The same without an average, unless one was asked for.
    pub(super) fn alone(mut self) -> Self {
        if let Self::Ar(spec) = &mut self
            && spec.average == Choice::Auto
        {
            spec.average = Choice::Fixed(Average::None);
        }
        self
    }

    /// The estimator that a fit to a series takes, as `--estimator` spells it.
    ///
    /// # Errors
    /// As the fit.
    pub(super) fn estimator(&self, series: &Series) -> Result<Option<&'static str>> {
        let Self::Ar(spec) = self else { return Ok(None) };
        Ok(spec.plan(std::slice::from_ref(series))?.linear.members.first().map(|member| name_of(member.estimator)))
    }

    /// An autoregression as the mixture of models with drawn parameters; nothing for other models.
    ///
    /// # Errors
    /// If the fit has no covariance of its parameters.
    pub(super) fn fit_uncertain(&self, series: &Series, draws: ParameterDraws) -> Result<Option<Drawn>> {
        let Self::Ar(spec) = self else { return Ok(None) };
        let mut fitted = with_covariates_of((**spec).clone(), series).fit(std::slice::from_ref(series))?;
        let Uncertain { model, rejected } = with_parameter_uncertainty(&fitted, spec.seasonal_lags, draws)?;
        let summary = &mut fitted.summary;
        summary.description += &format!(", over {} draws of its parameters", draws.count);
        if rejected > 0.0 {
            summary.warnings.push(format!(
                "{:.1} % of the drawn parameters are not stationary and were drawn again",
                100.0 * rejected
            ));
        }
        Ok(Some((model, fitted.summary)))
    }

    /// Fits it to one series.
    pub(super) fn fit(&self, series: &Series) -> Result<(StoredModel, Summary)> {
        let train = std::slice::from_ref(series);
        Ok(match self {
            Self::Ar(spec) => {
                let fitted = with_covariates_of((**spec).clone(), series).fit(train)?;
                (StoredModel::Ar(fitted.model), fitted.summary)
            }
            Self::Network(spec) => {
                let Fitted { model, summary } = network::fit(spec, series)?;
                (StoredModel::of_networks(model), summary)
            }
            Self::Pooled(pooled) => {
                let (model, summary) = pooled.of(series)?;
                (StoredModel::of_networks(model), summary)
            }
            Self::Naive(spec) => {
                let fitted = spec.fit(train)?;
                (StoredModel::Naive(fitted.model), fitted.summary)
            }
            Self::Markov(plan) => {
                let fitted = Transformed::fit(&plan.markov(), plan.transform(series)?, train)?;
                (StoredModel::Markov(fitted.model), plan.described(fitted.summary, series))
            }
            Self::Codebook(plan) => {
                let fitted = Transformed::fit(&plan.codebook(), plan.transform(series)?, train)?;
                (StoredModel::Codebook(fitted.model), plan.described(fitted.summary, series))
            }
            Self::CalendarNaive => {
                let frequency = series.timeline().frequency();
                let fits = |period: &usize| 2 * period <= series.len();
                let period = frequency.map(calendar_periods).unwrap_or_default().into_iter().find(fits).unwrap_or(1);
                let mut fitted = Naive::Seasonal { period }.fit(train)?;
                fitted.summary.warnings.push(match period {
                    1 => "SNaive repeats the last value: there is no season".to_owned(),
                    _ => format!("SNaive repeats the calendar's {period} steps: no season was found in the values"),
                });
                (StoredModel::Naive(fitted.model), fitted.summary)
            }
        })
    }
}

/// A model of tokens, and what is done to the values before they become tokens.
#[derive(Debug, Clone)]
pub(super) struct TokenPlan {
    order: MarkovOrder,
    quantiser: QuantiserSpec,
    patch: Option<usize>,
    codes: Option<usize>,
    period: usize,
    link: Link,
    /// `None`: one where KPSS's test rejects a constant level.
    differences: Option<usize>,
}

impl TokenPlan {
    fn of(options: &ModelArgs, period: usize) -> Self {
        let most = options.max_order.unwrap_or(DEFAULT_CONTEXT);
        let kind = quantiser_kind(options.quantiser);
        Self {
            order: match options.order {
                OrderArg::Value(order) => MarkovOrder::Fixed(order),
                OrderArg::Auto | OrderArg::Subset => MarkovOrder::Auto { max: most },
            },
            quantiser: QuantiserSpec { kind, bins: options.bins },
            patch: options.patch,
            codes: options.codes,
            period,
            link: if options.transform == TransformArg::Log { Link::Log } else { Link::Identity },
            differences: match options.difference {
                OrAuto::Auto => None,
                OrAuto::Value(differences) => Some(differences),
            },
        }
    }

    fn markov(&self) -> QuantisedSpec {
        QuantisedSpec { quantiser: self.quantiser, markov: MarkovSpec { order: self.order, symbols: None } }
    }

    fn codebook(&self) -> CodebookSpec {
        let Self { patch, codes, order, period, .. } = *self;
        CodebookSpec { patch, codes, order, period: Some(period), ..CodebookSpec::default() }
    }

    fn differences(&self, series: &Series) -> usize {
        let known: Vec<f64> = series.values().iter().copied().filter(|x| !x.is_nan()).collect();
        let wanders = || known.len() > 2 && kpss_level(&known) > KPSS_5_PERCENT;
        self.differences.unwrap_or_else(|| usize::from(wanders()))
    }

    fn transform(&self, series: &Series) -> Result<Transform> {
        Transform::new(Seasonal::None, self.link, Differences::new(self.differences(series), 0, 1))
    }

    /// The summary with what was done first.
    fn described(&self, mut summary: Summary, series: &Series) -> Summary {
        let done = [
            (self.link == Link::Log).then_some("log"),
            [None, Some("first differences"), Some("second differences")][self.differences(series)],
        ];
        let done: Vec<&str> = done.into_iter().flatten().collect();
        if !done.is_empty() {
            summary.description += &format!(" of {}", done.join(", "));
        }
        summary
    }
}

/// The bins that are spelled so; of equal mass unless told.
pub(super) fn quantiser_kind(arg: Option<QuantiserArg>) -> QuantiserKind {
    match arg {
        None | Some(QuantiserArg::Quantile) => QuantiserKind::Quantile,
        Some(QuantiserArg::Uniform) => QuantiserKind::Uniform,
        Some(QuantiserArg::MuLaw) => QuantiserKind::MuLaw { mu: 255.0 },
        Some(QuantiserArg::KMeans) => QuantiserKind::KMeans,
    }
}

/// The longest context that `markov` tries unless told.
const DEFAULT_CONTEXT: usize = 3;

impl ModelName {
    /// How the model is spelled in column names and charts.
    pub(super) fn display_name(self) -> &'static str {
        match self {
            Self::Ar => "AR",
            Self::Mean => Naive::Mean.name(),
            Self::Naive => Naive::RandomWalk { drift: false }.name(),
            Self::Rwd => Naive::RandomWalk { drift: true }.name(),
            Self::Snaive => Naive::Seasonal { period: 1 }.name(),
            Self::Markov => "Markov",
            Self::Codebook => "Codebook",
            Self::Mlp => "MLP",
            Self::Gru => "GRU",
            Self::Lstm => "LSTM",
            Self::Conv => "Conv",
            Self::Transformer => "Transformer",
            Self::Var => "VAR",
        }
    }

    /// Whether it models tokens of the values.
    pub(super) fn has_tokens(self) -> bool {
        matches!(self, Self::Markov | Self::Codebook)
    }

    /// Refuses a model of several series together, where each is judged by itself.
    ///
    /// # Errors
    /// If it is one.
    pub(super) fn check_single(self) -> Result<()> {
        if self == Self::Var { Err(joint_only()) } else { Ok(()) }
    }
}

fn joint_only() -> Error {
    Error::usage("var is a model of several series together")
        .expected("a model of one series")
        .hint("use --model ar here, and var with `foretoken fit` or `foretoken forecast`")
}

impl ModelArgs {
    /// The options given that only `ar` reads, or `var` too, as they are typed.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let options = [
            ("--order", self.order != OrderArg::Auto),
            ("--lags", !self.lags.is_empty()),
            ("--seasonal-order", self.seasonal_order.is_some()),
            ("--criterion", self.criterion != CriterionArg::Aicc),
            ("--max-order", self.max_order.is_some()),
            ("--estimator", self.estimator.is_some()),
            ("--forgetting", self.forgetting.is_some()),
            ("--penalty", self.penalty.is_some()),
            ("--errors", self.errors != ErrorsArg::Classical),
            ("--difference", self.difference != OrAuto::Auto),
            ("--seasonal", self.seasonal != SeasonalArg::Auto),
            ("--fourier", !self.fourier.is_empty()),
            ("--transform", self.transform != TransformArg::Auto),
            ("--trend", self.trend.is_some()),
            ("--average", self.average != AverageArg::Auto),
            ("--weights", self.weights != WeightsArg::Equal),
            ("--bins", self.bins.is_some()),
            ("--quantiser", self.quantiser.is_some()),
            ("--codes", self.codes.is_some()),
            ("--patch", self.patch.is_some()),
        ];
        let own = options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
        own.chain(self.network.given()).collect()
    }

    /// Refuses options of networks without one, and others with nothing but networks.
    fn check_networks(&self, models: &[ModelName]) -> Result<()> {
        let own = self.network.given();
        let has_network = models.iter().any(|model| model.architecture().is_some());
        if !own.is_empty() && !has_network {
            return Err(Error::usage(format!("{} without a network", own.join(", ")))
                .expected("--model mlp, gru, lstm, conv or transformer")
                .hint("leave it out, or add one of them to --model"));
        }
        let is_alone =
            !models.iter().any(|model| matches!(model, ModelName::Ar | ModelName::Var) || model.has_tokens());
        let refused = self.given().into_iter().filter(|name| *name != "--transform" && !own.contains(name));
        let is_of_tokens = |name: &&str| self.network.has_tokens() && matches!(*name, "--bins" | "--quantiser");
        let refused: Vec<&str> = refused.filter(|name| !is_of_tokens(name)).collect();
        if has_network && is_alone && !refused.is_empty() {
            return Err(Error::usage(format!("{} with a network", refused.join(", ")))
                .expected(
                    "options that networks read: --transform, --context, --hidden, --layers, --head, --epochs, --batch, \
                     --learning-rate, --dropout, --training-seed, --remedy, --ensemble, --each-series and --series-embedding",
                )
                .hint("leave them out, or add ar to --model"));
        }
        Ok(())
    }

    /// The options given that ask for what `var` does not do.
    fn refused_by_var(&self) -> Vec<&'static str> {
        let options = [
            ("--order subset", self.order == OrderArg::Subset),
            ("--lags", !self.lags.is_empty()),
            ("--seasonal-order", self.seasonal_order.is_some()),
            ("--penalty", self.penalty.is_some()),
            ("--errors", self.errors != ErrorsArg::Classical),
            ("--fourier", !self.fourier.is_empty()),
            ("--average", !matches!(self.average, AverageArg::Auto | AverageArg::None)),
            ("--estimator", !matches!(self.estimator, None | Some(EstimatorArg::LeastSquares))),
            ("--difference", !matches!(self.difference, OrAuto::Auto | OrAuto::Value(0))),
            ("--seasonal", !matches!(self.seasonal, SeasonalArg::Auto | SeasonalArg::None)),
            ("--transform", !matches!(self.transform, TransformArg::Auto | TransformArg::None)),
        ];
        options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// The options given that ask for what models of tokens do not do.
    fn refused_by_tokens(&self) -> Vec<&'static str> {
        const READ: [&str; 8] =
            ["--order", "--max-order", "--difference", "--transform", "--bins", "--quantiser", "--codes", "--patch"];
        let mut refused: Vec<&str> = self.given().into_iter().filter(|name| !READ.contains(name)).collect();
        refused.extend((self.order == OrderArg::Subset).then_some("--order subset"));
        refused.extend((self.transform == TransformArg::BoxCox).then_some("--transform box-cox"));
        refused
    }

    /// Refuses options of tokens without a model of them, and others with nothing but such models.
    fn check_tokens(&self, models: &[ModelName]) -> Result<()> {
        for (option, is_given, model) in [
            ("--bins", self.bins.is_some(), ModelName::Markov),
            ("--quantiser", self.quantiser.is_some(), ModelName::Markov),
            ("--codes", self.codes.is_some(), ModelName::Codebook),
            ("--patch", self.patch.is_some(), ModelName::Codebook),
        ] {
            let reads_bins = models.iter().any(|model| model.architecture().is_some()) && self.network.has_tokens();
            if model == ModelName::Markov && reads_bins {
                continue;
            }
            if is_given && !models.contains(&model) {
                let name = model.display_name().to_lowercase();
                let or = if model == ModelName::Markov { ", or a network with --head tokens" } else { "" };
                return Err(Error::usage(format!("{option} without --model {name}{or}"))
                    .hint(format!("leave it out, or add {name} to --model")));
            }
        }
        let reads_others =
            |model: &ModelName| matches!(model, ModelName::Ar | ModelName::Var) || model.architecture().is_some();
        let has_others = models.iter().any(reads_others);
        let refused = self.refused_by_tokens();
        let has_tokens = models.iter().any(|model| model.has_tokens());
        if has_others || refused.is_empty() || !has_tokens {
            return Ok(());
        }
        Err(Error::usage(format!("{} with a model of tokens", refused.join(", ")))
            .expected("options that it reads: --order, --max-order, --difference, --transform none or log, and its own")
            .hint("leave them out, or add ar to --model"))
    }

    /// Refuses options that cannot have the effect they ask for.
    ///
    /// # Errors
    /// If they belong to `ar` or `var` and no model is one, or choose an order that is fixed.
    pub(super) fn check(&self, models: &[ModelName]) -> Result<()> {
        self.check_tokens(models)?;
        self.check_networks(models)?;
        let (has_ar, has_var) = (models.contains(&ModelName::Ar), models.contains(&ModelName::Var));
        let has_own = |model: &ModelName| model.has_tokens() || model.architecture().is_some();
        if !has_ar && !has_var && models.iter().any(has_own) {
            return Ok(());
        }
        let refused = self.refused_by_var();
        if has_var && !has_ar && !refused.is_empty() {
            return Err(Error::usage(format!("{} without --model ar", refused.join(", ")))
                .expected(
                    "options of var, which fits the values as they are by least squares: --order, --criterion, \
                           --max-order, --trend",
                )
                .hint("transform or difference the values in the file before"));
        }
        let given = self.given();
        if !has_ar && !has_var && !given.is_empty() {
            return Err(Error::usage(format!("{} without --model ar", given.join(", ")))
                .expected("options of the models asked for")
                .hint("leave them out, or add ar to --model"));
        }
        let chooses = self.max_order.is_some() || self.criterion != CriterionArg::Aicc;
        if chooses && matches!(self.order, OrderArg::Value(_)) && self.average != AverageArg::Orders {
            return Err(Error::usage("--criterion and --max-order choose an order, but --order fixes it")
                .hint("leave out --order, or the others"));
        }
        if chooses && !self.lags.is_empty() {
            return Err(Error::usage("--criterion and --max-order choose an order, but --lags fixes the lags")
                .hint("leave out --lags, or the others"));
        }
        if self.forgetting.is_some() && self.estimator != Some(EstimatorArg::Recursive) {
            return Err(Error::usage("--forgetting without --estimator recursive").hint("only that estimator forgets"));
        }
        if self.trend.is_some() && self.average == AverageArg::Drift {
            return Err(Error::usage("--average drift averages trends, but --trend fixes it").hint("leave out one"));
        }
        Ok(())
    }

    fn order(&self) -> Order {
        let criterion = criterion(self.criterion);
        match self.order {
            _ if !self.lags.is_empty() => Order::Lags(self.lags.clone()),
            OrderArg::Value(p) => Order::Fixed(p),
            OrderArg::Auto => Order::Auto { max: self.max_order, criterion },
            OrderArg::Subset => Order::Subset { max: self.max_order, criterion },
        }
    }

    fn estimator(&self) -> Choice<Estimator> {
        let Some(estimator) = self.estimator else {
            // Penalties and robust errors belong to least squares.
            let least_squares = self.penalty.is_some() || self.errors != ErrorsArg::Classical;
            return if least_squares { Choice::Fixed(Estimator::LeastSquares) } else { Choice::Auto };
        };
        Choice::Fixed(match estimator {
            EstimatorArg::YuleWalker => Estimator::YuleWalker { adjusted: false },
            EstimatorArg::YuleWalkerAdjusted => Estimator::YuleWalker { adjusted: true },
            EstimatorArg::LeastSquares => Estimator::LeastSquares,
            EstimatorArg::Burg => Estimator::Burg { variance: BurgVariance::Levinson },
            EstimatorArg::BurgErrors => Estimator::Burg { variance: BurgVariance::Errors },
            EstimatorArg::Exact => Estimator::Exact,
            EstimatorArg::Robust => Estimator::Robust,
            EstimatorArg::Recursive => {
                Estimator::Recursive { forgetting: self.forgetting.unwrap_or(DEFAULT_FORGETTING) }
            }
        })
    }

    fn terms(&self, period: usize) -> Terms {
        Terms {
            trend: trend(self.trend),
            dummies: if self.seasonal == SeasonalArg::Dummies { period } else { 0 },
            fourier: self.fourier.clone(),
            covariates: Vec::new(),
        }
    }

    fn penalty(&self) -> Option<Penalty> {
        let strength = self.strength;
        self.penalty.map(|penalty| match penalty {
            PenaltyArg::Ridge => Penalty::Ridge { strength },
            PenaltyArg::Lasso => Penalty::ElasticNet { strength, l1_ratio: 1.0 },
            PenaltyArg::ElasticNet => Penalty::ElasticNet { strength, l1_ratio: self.l1_ratio },
        })
    }
}

/// How `--estimator` spells an estimator.
fn name_of(estimator: Estimator) -> &'static str {
    match estimator {
        Estimator::YuleWalker { adjusted: false } => "yule-walker",
        Estimator::YuleWalker { adjusted: true } => "yule-walker-adjusted",
        Estimator::LeastSquares => "least-squares",
        Estimator::Burg { variance: BurgVariance::Levinson } => "burg",
        Estimator::Burg { variance: BurgVariance::Errors } => "burg-errors",
        Estimator::Exact => "exact",
        Estimator::Robust => "robust",
        Estimator::Recursive { .. } => "recursive",
    }
}

/// The forgetting of recursive least squares unless told: 200 rows count.
const DEFAULT_FORGETTING: f64 = 0.995;

pub(super) fn criterion(name: CriterionArg) -> Criterion {
    match name {
        CriterionArg::Aic => Criterion::Aic,
        CriterionArg::Aicc => Criterion::Aicc,
        CriterionArg::Bic => Criterion::Bic,
        CriterionArg::Hqic => Criterion::Hqic,
    }
}

/// The trend that is spelled so.
pub(super) fn trend(arg: Option<TrendArg>) -> Trend {
    match arg {
        Some(TrendArg::N) => Trend::None,
        None | Some(TrendArg::C) => Trend::Constant,
        Some(TrendArg::Ct) => Trend::ConstantTrend,
    }
}

/// The autoregression with the covariates of a series, which are those that were asked for.
pub(super) fn with_covariates_of(mut spec: ArSpec, series: &Series) -> ArSpec {
    spec.terms.covariates = series.covariates().iter().map(|covariate| covariate.name.clone()).collect();
    spec
}

/// The autoregression that the options describe, for series of a period.
pub(super) fn ar_spec(options: &ModelArgs, period: usize) -> ArSpec {
    ArSpec {
        order: options.order(),
        estimator: options.estimator(),
        terms: options.terms(period),
        average: match (options.average, options.trend) {
            (AverageArg::Auto, None) => Choice::Auto,
            (AverageArg::Auto | AverageArg::None, _) => Choice::Fixed(Average::None),
            (AverageArg::Drift, _) => Choice::Fixed(Average::Drift),
            (AverageArg::Orders, _) => Choice::Fixed(Average::Orders),
        },
        weights: match options.weights {
            WeightsArg::Equal => Weights::Equal,
            WeightsArg::Aic => Weights::Criterion(Criterion::Aic),
            WeightsArg::Aicc => Weights::Criterion(Criterion::Aicc),
            WeightsArg::Bic => Weights::Criterion(Criterion::Bic),
            WeightsArg::Hqic => Weights::Criterion(Criterion::Hqic),
        },
        transform: match options.transform {
            TransformArg::Auto => Choice::Auto,
            TransformArg::None => Choice::Fixed(LinkChoice::None),
            TransformArg::Log => Choice::Fixed(LinkChoice::Log),
            TransformArg::BoxCox => Choice::Fixed(LinkChoice::BoxCox),
        },
        seasonal: match options.seasonal {
            SeasonalArg::Auto if !options.fourier.is_empty() => Choice::Fixed(SeasonalChoice::None),
            SeasonalArg::Auto => Choice::Auto,
            SeasonalArg::None | SeasonalArg::Dummies => Choice::Fixed(SeasonalChoice::None),
            SeasonalArg::Factors => Choice::Fixed(SeasonalChoice::Factors),
            SeasonalArg::Difference => Choice::Fixed(SeasonalChoice::Difference(1)),
        },
        difference: match options.difference {
            OrAuto::Auto => Choice::Auto,
            OrAuto::Value(d) => Choice::Fixed(d),
        },
        period,
        seasonal_lags: options.seasonal_order.map(|order| SeasonalLags { order, period }),
        penalty: options.penalty(),
        covariance: match options.errors {
            ErrorsArg::Classical => CovarianceKind::Classical,
            ErrorsArg::Hc => CovarianceKind::Heteroskedastic,
            ErrorsArg::Hac => CovarianceKind::Autocorrelated { lags: None },
        },
    }
}
