//! The three traits that everything stands on.
//!
//! ```text
//! ArSpec --Fit::fit--> Fitted { model: Ar, .. } --Autoregressive::begin--> Session (state of some lanes)
//!  what to fit          an immutable p(x_t | x_<t)                          conditional -> observe -> conditional ...
//! ```
//!
//! A **specification** says what to fit, a **model** is a fitted conditional distribution and never changes, a
//! **session** is what a model remembers of the past of several lanes that run in lockstep. Forecasting, sampling,
//! scoring and anomaly detection are written once, on sessions, and know no model.
//!
//! To add a model, implement [`Fit`] for its specification, [`Autoregressive`] for the model and [`Session`] for its
//! memory; [`naive`] does all three in the smallest way, and `tests/laws.rs` then checks it against the laws that
//! every model keeps.

pub mod combination;
pub mod file;
pub mod inference;
mod lag_ring;
pub mod linear;
pub mod mixture;
pub mod naive;
pub mod neural;
#[cfg(feature = "linfa")]
pub mod regression;
pub mod token;
pub mod transformed;
pub mod vector;

use std::fmt::Debug;

use self::linear::Criterion;
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::predictive::{Family, Link, OuterMap, Predictive};

/// A session that borrows its model.
pub type Running<'m> = Box<dyn Session<'m> + 'm>;

/// A fitted model: the conditional distribution p(x_t | x_<t). Immutable; all state lives in sessions.
pub trait Autoregressive: Debug + Send + Sync {
    /// The family of every conditional.
    fn family(&self) -> Family;

    /// The link between data and the variable of every conditional: models mix where it is the same.
    fn link(&self) -> Link {
        Link::Identity
    }

    /// On how many past steps a defined conditional depends; `None` where it is all of them (a hidden state). Whoever
    /// reads a long series in blocks begins each with that many values.
    fn memory(&self) -> Option<usize> {
        None
    }

    /// After how many known values a session no longer rests on an unknown one; `None` where it never ceases to. Differs
    /// from the memory where a context sets something once, such as a scale.
    fn forgets_after(&self) -> Option<usize> {
        self.memory()
    }

    /// Reads the context of every lane (length 0 allowed) and stands at its end. `known` starts at the first step of
    /// the context.
    ///
    /// # Errors
    /// If the context cannot be read by this model, for instance a value outside the domain of its transform.
    fn begin<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>>;

    /// p(x_t | context, x_<t) for every t of `target` at once (teacher forcing): row = step * lanes + lane. The
    /// target continues the context; `known` covers both.
    ///
    /// Provided by stepping a session, which costs `steps` times one conditional and one observation. Models that
    /// can do all t in one pass override it, and a law holds the override to this default.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    ///
    /// # Panics
    /// If context and target have different numbers of lanes.
    fn conditionals(&self, context: &Batch, target: &Batch, known: &Covariates) -> Result<Predictive> {
        step_through(self, context, target, known)
    }
}

/// A boxed model is a model, so that models of different types stand in one list.
impl<M: Autoregressive + ?Sized> Autoregressive for Box<M> {
    fn family(&self) -> Family {
        (**self).family()
    }

    fn link(&self) -> Link {
        (**self).link()
    }

    fn memory(&self) -> Option<usize> {
        (**self).memory()
    }

    fn forgets_after(&self) -> Option<usize> {
        (**self).forgets_after()
    }

    fn begin<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>> {
        (**self).begin(context, known)
    }

    fn conditionals(&self, context: &Batch, target: &Batch, known: &Covariates) -> Result<Predictive> {
        (**self).conditionals(context, target, known)
    }
}

/// What a model remembers of x_<t, for several lanes in lockstep: a ring of lags, a hidden state, a cache.
pub trait Session<'m>: Send {
    /// The number of lanes.
    fn lanes(&self) -> usize;

    /// Writes p(x_t | x_<t) of the next step, one row per lane, into `out`, which has one row per lane.
    fn conditional(&mut self, known: Rows<'_>, out: &mut Predictive);

    /// Moves one step on with the value of each lane. A caller asks for the [`conditional`](Self::conditional) of a step
    /// before it observes its value, which may be weighed against what was said of it. NaN is a missing value:
    /// integrated out where the model can do so exactly, else replaced by its conditional mean, and whatever depends on
    /// it is marked undefined.
    fn observe(&mut self, x: &[f64]);

    /// Declares all that was observed to be context, as if the session had begun with it. Only a session that
    /// weighs what it observed against what it began with has anything to do (see [`mixture`]).
    fn end_context(&mut self) {}

    /// Declares that the conditional of a lane, as last asked for, rests on an unknown value after all: whoever handed the
    /// values down knows of a stand-in among them. Again only for a session that weighs what it observes.
    fn set_undefined(&mut self, lane: usize) {
        let _ = lane;
    }

    /// A session whose lane i continues lane `parents[i]`: replicates, prunes or reorders lanes.
    fn fork(&self, parents: &[usize]) -> Running<'m>;

    /// The joint distribution of the next `horizon` values of every lane where it is Gaussian before the outer map,
    /// as a weighted mixture of paths; `None` where it is not. `known` starts at the next step.
    fn gaussian_paths(&self, known: &Covariates, horizon: usize) -> Option<Vec<Vec<GaussianPath>>> {
        let _ = (known, horizon);
        None
    }

    /// The mean and the variance of each of the next `horizon` values of every lane where the model knows them without
    /// their distribution, as that of sums of other innovations than normal ones; `None` where it does not, and where
    /// [`gaussian_paths`](Self::gaussian_paths) says more. `known` starts at the next step.
    fn moments(&self, known: &Covariates, horizon: usize) -> Option<Vec<Vec<Moments>>> {
        let _ = (known, horizon);
        None
    }
}

/// What a model knows of one value ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// The mean.
    pub mean: f64,
    /// The variance; infinite where the innovations have none.
    pub variance: f64,
}

/// One component of the joint distribution of the next h values of a lane:
/// y_j = map_j(mean_j + sum_i factor_{ji} e_i), e iid standard normal.
///
/// Marginals, sums over the horizon and conditioning on a future value all derive from it.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianPath {
    /// The weight of this component; the weights of a lane sum to one.
    pub weight: f64,
    /// The mean of each step before the map.
    pub mean: Vec<f64>,
    /// The lower triangular factor of the covariance before the map.
    pub factor: PathFactor,
    /// The map of each step to data units.
    pub maps: Vec<OuterMap>,
}

/// The factor L of a path's covariance L L'.
#[derive(Debug, Clone, PartialEq)]
pub enum PathFactor {
    /// L_{ji} = psi_{j-i}: a moving average of the innovations, as in every time-invariant linear model. O(h) memory.
    Toeplitz(Vec<f64>),
    /// Any lower triangular matrix, row by row: L_{ji} at `j (j + 1) / 2 + i`. O(h^2) memory.
    Lower(Vec<f64>),
}

impl PathFactor {
    /// The variance of every step before the map: the squared length of each row.
    #[must_use]
    pub fn variances(&self) -> Vec<f64> {
        match self {
            Self::Toeplitz(psi) => psi
                .iter()
                .scan(0.0, |sum, p| {
                    *sum += p * p;
                    Some(*sum)
                })
                .collect(),
            Self::Lower(rows) => {
                let mut variances = Vec::new();
                let mut at = 0;
                while at < rows.len() {
                    let end = at + variances.len() + 1;
                    variances.push(rows[at..end].iter().map(|l| l * l).sum());
                    at = end;
                }
                variances
            }
        }
    }
}

/// A specification that becomes a model. Fits one model, pooled when there are several series; one model per series
/// is a loop above it.
pub trait Fit {
    /// What a fit gives.
    type Model: Autoregressive;

    /// Fits by maximum likelihood of the conditionals, or as the specification's documentation says.
    ///
    /// # Errors
    /// If the series are too short, not finite, or leave the parameters without a finite answer.
    fn fit(&self, train: &[Series]) -> Result<Fitted<Self::Model>>;
}

/// A fitted model and what its fit reports.
#[derive(Debug, Clone)]
pub struct Fitted<M> {
    /// The model.
    pub model: M,
    /// What was estimated and how well.
    pub summary: Summary,
}

/// What a fit reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How the model is spelled in tables and column names, e.g. `AR`.
    pub name: String,
    /// One line that says what was fitted, e.g. `AR(13) by least squares on log, first differences`.
    pub description: String,
    /// What was decided before the fit and is not counted as estimated: names with their numbers, such as `lambda`,
    /// `seasonal_factors`, `differences`, `period`.
    pub preprocessing: Vec<(String, Vec<f64>)>,
    /// The estimated parameters.
    pub parameters: Vec<Parameter>,
    /// How many parameters of the innovations were estimated: 1 for a variance, 2 where the degrees of freedom were too; 0
    /// of a model that counts or clusters, which has no number of parameters to charge for.
    pub innovation_parameters: usize,
    /// The variance of the one-step error in the density.
    pub innovation_variance: f64,
    /// The same, corrected for the number of estimated coefficients.
    pub innovation_variance_unbiased: f64,
    /// The sum of ln p(x_t | x_<t) over the defined training rows, in data units.
    pub log_likelihood: f64,
    /// The number of defined training rows.
    pub observations: usize,
    /// The covariance matrix of the parameters in their order, where there is one.
    pub covariance: Option<Vec<Vec<f64>>>,
    /// Whether an iteration ended at an optimum; true for closed forms.
    pub converged: bool,
    /// What the user should know: a constant series, a shortened order, a boundary solution.
    pub warnings: Vec<String>,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            preprocessing: Vec::new(),
            parameters: Vec::new(),
            innovation_parameters: 1,
            innovation_variance: 0.0,
            innovation_variance_unbiased: 0.0,
            log_likelihood: f64::NAN,
            observations: 0,
            covariance: None,
            converged: true,
            warnings: Vec::new(),
        }
    }
}

impl Summary {
    /// That of a model without a variance of its errors, and without a number of parameters to charge for.
    #[must_use]
    pub(crate) fn without_variance() -> Self {
        Self {
            innovation_parameters: 0,
            innovation_variance: f64::NAN,
            innovation_variance_unbiased: f64::NAN,
            ..Self::default()
        }
    }

    /// A criterion of the fit, -2 l + penalty, with k the parameters and those of the innovations; NaN of a model without
    /// either.
    #[must_use]
    pub fn criterion(&self, criterion: Criterion) -> f64 {
        if self.innovation_parameters == 0 {
            return f64::NAN;
        }
        let k = (self.parameters.len() + self.innovation_parameters) as f64;
        criterion.penalty(self.observations as f64, k) - 2.0 * self.log_likelihood
    }

    /// Akaike's criterion -2 l + 2 k.
    #[must_use]
    pub fn aic(&self) -> f64 {
        self.criterion(Criterion::Aic)
    }
}

/// One estimated parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, e.g. `phi_1`.
    pub name: String,
    /// The estimate.
    pub value: f64,
    /// Its asymptotic standard error, where there is one.
    pub standard_error: Option<f64>,
}

/// The provided method of [`Autoregressive::conditionals`], callable from the tests that hold overrides to it.
///
/// # Errors
/// As [`Autoregressive::begin`].
///
/// # Panics
/// If context and target have different numbers of lanes.
pub fn step_through<M: Autoregressive + ?Sized>(
    model: &M,
    context: &Batch,
    target: &Batch,
    known: &Covariates,
) -> Result<Predictive> {
    assert_eq!(context.lanes(), target.lanes(), "a target continues every lane of its context");
    let mut session = model.begin(context, known)?;
    let mut step = Predictive::new(model.family(), context.lanes());
    let mut all = Predictive::new(model.family(), 0);
    for t in 0..target.steps() {
        session.conditional(known.row(context.steps() + t), &mut step);
        all.append(&step);
        session.observe(target.row(t));
    }
    Ok(all)
}

/// The sum of the log densities of all training rows that have one, each series from its first value, and their
/// number. The covariates of a series are those of the model.
pub(crate) fn training_likelihood(model: &dyn Autoregressive, train: &[Series]) -> Result<(f64, usize)> {
    let (mut sum, mut rows) = (0.0, 0);
    for series in train {
        let target = Batch::single(series.values(), 0);
        let conditionals = model.conditionals(&Batch::empty(&[0]), &target, &Covariates::of_series(series))?;
        for (row, &x) in series.values().iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            if conditionals.is_defined(row) {
                sum += conditionals.row(row).log_prob(x);
                rows += 1;
            }
        }
    }
    Ok((sum, rows))
}

/// Refuses values whose squares and their sums leave the range of floating point numbers.
pub(crate) fn check_size(train: &[Series]) -> Result<()> {
    const SMALLEST: f64 = 1e-150;
    let known = train.iter().flat_map(Series::values).filter(|x| !x.is_nan());
    let largest = known.fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 || (SMALLEST..=SMALLEST.recip()).contains(&largest) {
        return Ok(());
    }
    let what = if largest < 1.0 { "small" } else { "large" };
    Err(Error::numeric(format!("the values, up to {largest:e}, are too {what} to be squared"))
        .expected("a largest value between 1e-150 and 1e150")
        .hint("change their unit: divide them by about their largest"))
}

/// The error of a fit that has too few values.
pub(crate) fn too_short(model: &str, have: usize, need: usize) -> Error {
    let values = if have == 1 { "1 value is".to_owned() } else { format!("{have} values are") };
    Error::data(format!("{values} too few to fit {model}")).expected(format!("at least {need}")).hint(
        "give more history, or choose a smaller --order, --difference or --period, or forecast with --model naive",
    )
}
