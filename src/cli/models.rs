//! From model names and options to fitted models.

use super::args::{CriterionArg, EstimatorArg, ModelArgs, ModelName, OrAuto, SeasonalArg, TransformArg, TrendArg};
use crate::data::frequency::calendar_periods;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::linear::{ArSpec, Choice, Criterion, Estimator, LinkChoice, Order, SeasonalChoice, Terms, Trend};
use crate::model::naive::Naive;
use crate::model::{Autoregressive, Fit, Summary};

/// A specification chosen on the command line: the closed list of what can be named there.
#[derive(Debug, Clone)]
pub(super) enum Spec {
    Ar(ArSpec),
    Naive(Naive),
    /// A seasonal naive model of a series in which no season was found: the calendar's, where there is one.
    CalendarNaive,
}

impl Spec {
    /// The specification of a model name for series of a period, which the user gave or the values show.
    ///
    /// # Errors
    /// If the model is one of several series together.
    pub(super) fn new(name: ModelName, options: &ModelArgs, period: usize, is_given: bool) -> Result<Self> {
        Ok(match name {
            ModelName::Ar => Self::Ar(ar_spec(options, period)),
            ModelName::Mean => Self::Naive(Naive::Mean),
            ModelName::Naive => Self::Naive(Naive::RandomWalk { drift: false }),
            ModelName::Rwd => Self::Naive(Naive::RandomWalk { drift: true }),
            ModelName::Snaive if period > 1 || is_given => Self::Naive(Naive::Seasonal { period }),
            ModelName::Snaive => Self::CalendarNaive,
            ModelName::Var => return Err(joint_only()),
        })
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
            Self::CalendarNaive => {
                let frequency = series.timeline().frequency();
                let fits = |period: &usize| 2 * period <= series.len();
                let period = frequency.map(calendar_periods).unwrap_or_default().into_iter().find(fits).unwrap_or(1);
                let mut fitted = Naive::Seasonal { period }.fit(train)?;
                fitted.summary.warnings.push(match period {
                    1 => "SNaive repeats the last value: there is no season".to_owned(),
                    _ => format!("SNaive repeats the calendar's {period} steps: no season was found in the values"),
                });
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
            Self::Var => "VAR",
        }
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
        .hint("use --model ar here, and var with `foretoken forecast`")
}

impl ModelArgs {
    /// The options given that only `ar` reads, or `var` too, as they are typed.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let options = [
            ("--order", self.order != OrAuto::Auto),
            ("--criterion", self.criterion != CriterionArg::Aicc),
            ("--max-order", self.max_order.is_some()),
            ("--estimator", self.estimator.is_some()),
            ("--difference", self.difference != OrAuto::Auto),
            ("--seasonal", self.seasonal != SeasonalArg::Auto),
            ("--transform", self.transform != TransformArg::Auto),
            ("--trend", self.trend != TrendArg::C),
        ];
        options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// The options given that ask for what `var` does not do.
    fn refused_by_var(&self) -> Vec<&'static str> {
        let options = [
            ("--estimator", !matches!(self.estimator, None | Some(EstimatorArg::LeastSquares))),
            ("--difference", !matches!(self.difference, OrAuto::Auto | OrAuto::Value(0))),
            ("--seasonal", !matches!(self.seasonal, SeasonalArg::Auto | SeasonalArg::None)),
            ("--transform", !matches!(self.transform, TransformArg::Auto | TransformArg::None)),
        ];
        options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// Refuses options that cannot have the effect they ask for.
    ///
    /// # Errors
    /// If they belong to `ar` or `var` and no model is one, or choose an order that is fixed.
    pub(super) fn check(&self, models: &[ModelName]) -> Result<()> {
        let (has_ar, has_var) = (models.contains(&ModelName::Ar), models.contains(&ModelName::Var));
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
        if chooses && matches!(self.order, OrAuto::Value(_)) {
            return Err(Error::usage("--criterion and --max-order choose an order, but --order fixes it")
                .hint("leave out --order, or the others"));
        }
        Ok(())
    }
}

/// The criterion that is spelled so.
pub(super) fn criterion(arg: CriterionArg) -> Criterion {
    match arg {
        CriterionArg::Aic => Criterion::Aic,
        CriterionArg::Aicc => Criterion::Aicc,
        CriterionArg::Bic => Criterion::Bic,
        CriterionArg::Hqic => Criterion::Hqic,
    }
}

/// The trend that is spelled so.
pub(super) fn trend(arg: TrendArg) -> Trend {
    match arg {
        TrendArg::N => Trend::None,
        TrendArg::C => Trend::Constant,
        TrendArg::Ct => Trend::ConstantTrend,
    }
}

/// The autoregression that the options describe, for series of a period.
pub(super) fn ar_spec(options: &ModelArgs, period: usize) -> ArSpec {
    let criterion = criterion(options.criterion);
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
        terms: Terms::of(trend(options.trend)),
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
        ..ArSpec::default()
    }
}
