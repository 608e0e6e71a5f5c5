//! From model names and options to fitted models.

use super::args::{CriterionArg, EstimatorArg, ModelArgs, ModelName, OrAuto, SeasonalArg, TransformArg, TrendArg};
use crate::data::series::Series;
use crate::error::Result;
use crate::model::linear::{ArSpec, Choice, Criterion, Estimator, LinkChoice, Order, SeasonalChoice, Trend};
use crate::model::naive::Naive;
use crate::model::{Autoregressive, Fit, Summary};

/// A specification chosen on the command line: the closed list of what can be named there.
#[derive(Debug, Clone)]
pub(super) enum Spec {
    Ar(ArSpec),
    Naive(Naive),
}

impl Spec {
    /// The specification of a model name for series of a period.
    pub(super) fn new(name: ModelName, options: &ModelArgs, period: usize) -> Self {
        match name {
            ModelName::Ar => Self::Ar(ar_spec(options, period)),
            ModelName::Mean => Self::Naive(Naive::Mean),
            ModelName::Naive => Self::Naive(Naive::RandomWalk { drift: false }),
            ModelName::Rwd => Self::Naive(Naive::RandomWalk { drift: true }),
            ModelName::Snaive => Self::Naive(Naive::Seasonal { period: period.max(1) }),
        }
    }

    /// Fits it to one series.
    pub(super) fn fit(&self, series: &Series) -> Result<(Box<dyn Autoregressive>, Summary)> {
        let train = std::slice::from_ref(series);
        Ok(match self {
            Self::Ar(spec) => {
                let fitted = spec.fit(train)?;
                (Box::new(fitted.model), fitted.summary)
            }
            Self::Naive(spec) => {
                let fitted = spec.fit(train)?;
                (Box::new(fitted.model), fitted.summary)
            }
        })
    }
}

impl ModelName {
    /// How the model is spelled in column names and charts.
    pub(super) fn display_name(self) -> &'static str {
        match self {
            Self::Ar => "AR",
            Self::Mean => Naive::Mean.name(),
            Self::Naive => Naive::RandomWalk { drift: false }.name(),
            Self::Rwd => Naive::RandomWalk { drift: true }.name(),
            Self::Snaive => Naive::Seasonal { period: 1 }.name(),
        }
    }
}

/// The autoregression that the options describe, for series of a period.
pub(super) fn ar_spec(options: &ModelArgs, period: usize) -> ArSpec {
    let criterion = match options.criterion {
        CriterionArg::Aic => Criterion::Aic,
        CriterionArg::Aicc => Criterion::Aicc,
        CriterionArg::Bic => Criterion::Bic,
        CriterionArg::Hqic => Criterion::Hqic,
    };
    ArSpec {
        order: match options.order {
            OrAuto::Value(p) => Order::Fixed(p),
            OrAuto::Auto => Order::Auto { max: options.max_order, criterion },
        },
        estimator: match options.estimator {
            None => Choice::Auto,
            Some(EstimatorArg::YuleWalker) => Choice::Fixed(Estimator::YuleWalker { adjusted: false }),
            Some(EstimatorArg::LeastSquares) => Choice::Fixed(Estimator::LeastSquares),
        },
        trend: match options.trend {
            TrendArg::N => Trend::None,
            TrendArg::C => Trend::Constant,
            TrendArg::Ct => Trend::ConstantTrend,
        },
        transform: match options.transform {
            TransformArg::Auto => Choice::Auto,
            TransformArg::None => Choice::Fixed(LinkChoice::None),
            TransformArg::Log => Choice::Fixed(LinkChoice::Log),
            TransformArg::BoxCox => Choice::Fixed(LinkChoice::BoxCox),
        },
        seasonal: match options.seasonal {
            SeasonalArg::Auto => Choice::Auto,
            SeasonalArg::None => Choice::Fixed(SeasonalChoice::None),
            SeasonalArg::Factors => Choice::Fixed(SeasonalChoice::Factors),
            SeasonalArg::Difference => Choice::Fixed(SeasonalChoice::Difference(1)),
        },
        difference: match options.difference {
            OrAuto::Auto => Choice::Auto,
            OrAuto::Value(d) => Choice::Fixed(d),
        },
        period,
    }
}
