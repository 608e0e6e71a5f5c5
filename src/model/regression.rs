//! Any linfa regressor as an autoregressive model: x_t = f(x_{t-1}, .., x_{t-p}) + e_t.
//!
//! The regressor learns f from the rows of a [`LagMatrix`]; the noise e is Gaussian or Student's t, fitted by maximum
//! likelihood to the errors on the last fifth of the rows by a regressor that has not seen them: errors on seen rows
//! would promise intervals that are too narrow. The model itself is then fitted to all rows.
//!
//! State per lane: the last p values. A step costs one prediction of the regressor for all lanes. The joint
//! distribution of several steps has no closed form, so forecasts are sampled.
//!
//! ```
//! use foretoken::model::regression::{Noise, Regression};
//! use foretoken::{Fit, Series};
//! use linfa_linear::LinearRegression;
//!
//! let x: Vec<f64> = (0..60).map(|t| (0.7 * f64::from(t)).sin() + 0.1 * f64::from(t * t % 7)).collect();
//! let spec = Regression::new("OLS", LinearRegression::new(), 4, Noise::Gaussian);
//! let fitted = spec.fit(&[Series::new("wave", x)])?;
//! assert_eq!(fitted.summary.observations, 56);
//! # Ok::<(), foretoken::Error>(())
//! ```

use std::fmt;
use std::marker::PhantomData;

use linfa::traits::{Predict, PredictInplace};
use ndarray::{Array1, Array2};

use super::lag_ring::LagRing;
use super::{Autoregressive, Fit, Fitted, Parameter, Running, Session, Summary, too_short};
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::Series;
use crate::data::windows::LagMatrix;
use crate::error::{Error, Result};
use crate::math::autocovariance::mean;
use crate::predictive::{Family, Predictive, fit_student_t};

/// The distribution of the errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// N(0, s^2).
    Gaussian,
    /// Student's t: for errors with outliers.
    StudentT,
}

/// What to fit: a linfa parameter set (the regressor), over p lags.
///
/// `E` is the regressor's own error type, which the compiler finds by itself.
#[derive(Debug, Clone)]
pub struct Regression<P, E> {
    regressor: P,
    lags: usize,
    noise: Noise,
    name: String,
    error: PhantomData<fn() -> E>,
}

impl<P, E> Regression<P, E> {
    /// A regressor's parameters, as linfa spells them, over `lags` lags; `name` is how the model is spelled in tables
    /// and column names.
    #[must_use]
    pub fn new(name: impl Into<String>, regressor: P, lags: usize, noise: Noise) -> Self {
        Self { regressor, lags, noise, name: name.into(), error: PhantomData }
    }
}

/// A fitted regressor with its noise.
pub struct RegressionModel<O> {
    regressor: O,
    lags: usize,
    noise: NoiseModel,
    level: f64,
}

/// Parameters of the noise before the location: the scale, and degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
enum NoiseModel {
    Gaussian(f64),
    StudentT(f64, f64),
}

impl<O> fmt::Debug for RegressionModel<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegressionModel").field("lags", &self.lags).field("noise", &self.noise).finish_non_exhaustive()
    }
}

impl<P, E> Fit for Regression<P, E>
where
    P: linfa::traits::Fit<Array2<f64>, Array1<f64>, E>,
    P::Object: PredictInplace<Array2<f64>, Array1<f64>> + Send + Sync,
    E: std::error::Error + From<linfa::Error>,
{
    type Model = RegressionModel<P::Object>;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Self::Model>> {
        let rows = LagMatrix::new(train.iter().map(Series::values), self.lags);
        let held_out = rows.rows() / 5;
        if held_out < 5 || self.lags == 0 {
            let longest = train.iter().map(Series::len).max().unwrap_or(0);
            return Err(too_short(&format!("a regression on {} lags", self.lags.max(1)), longest, self.lags + 25));
        }
        let (seen, unseen) = rows.split_at(rows.rows() - held_out);
        let noise = self.noise_of(&errors(&self.regress(&seen)?, &unseen))?;
        let regressor = self.regress(&rows)?;
        let level = mean(train.iter().map(Series::values));
        let model = RegressionModel { regressor, lags: self.lags, noise, level };
        let summary = self.summary(&model, &rows);
        Ok(Fitted { model, summary })
    }
}

impl<P, E> Regression<P, E>
where
    P: linfa::traits::Fit<Array2<f64>, Array1<f64>, E>,
    E: std::error::Error + From<linfa::Error>,
{
    fn regress(&self, rows: &LagMatrix) -> Result<P::Object> {
        self.regressor.fit(&rows.to_dataset()).map_err(|error| {
            Error::numeric(format!("{} could not be fitted: {error}", self.name))
                .hint("use fewer lags, or scale the series")
        })
    }
}

impl<P, E> Regression<P, E> {
    fn noise_of(&self, errors: &[f64]) -> Result<NoiseModel> {
        let variance = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
        if !variance.is_finite() {
            return Err(Error::numeric(format!("{} does not predict finite values", self.name)));
        }
        Ok(match self.noise {
            Noise::StudentT if variance > 0.0 => {
                let (scale, dof) = fit_student_t(errors);
                NoiseModel::StudentT(scale, dof)
            }
            _ => NoiseModel::Gaussian(variance.sqrt()),
        })
    }

    fn summary<O: PredictInplace<Array2<f64>, Array1<f64>>>(
        &self,
        model: &RegressionModel<O>,
        rows: &LagMatrix,
    ) -> Summary {
        let mut density = Predictive::new(model.noise.family(), 1);
        let score = |error: f64| {
            model.noise.write(0, 0.0, true, &mut density);
            density.row(0).log_prob(error)
        };
        let log_likelihood = errors(&model.regressor, rows).into_iter().map(score).sum();
        let parameter = |name: &str, value: f64| Parameter { name: name.to_owned(), value, standard_error: None };
        let (parameters, variance) = match model.noise {
            NoiseModel::Gaussian(sd) => (vec![parameter("scale", sd)], sd * sd),
            NoiseModel::StudentT(scale, dof) => {
                let variance = scale * scale * dof / (dof - 2.0);
                (vec![parameter("scale", scale), parameter("degrees_of_freedom", dof)], variance)
            }
        };
        Summary {
            name: self.name.clone(),
            description: format!("{} on {} lags, noise from held-out errors", self.name, self.lags),
            parameters,
            innovation_variance: variance,
            innovation_variance_unbiased: variance,
            log_likelihood,
            observations: rows.rows(),
            ..Summary::default()
        }
    }
}

fn errors<O: PredictInplace<Array2<f64>, Array1<f64>>>(regressor: &O, rows: &LagMatrix) -> Vec<f64> {
    let predicted = regressor.predict(&rows.to_dataset().records);
    rows.targets().iter().zip(&predicted).map(|(x, f)| x - f).collect()
}

impl NoiseModel {
    fn family(self) -> Family {
        match self {
            Self::Gaussian(_) => Family::Gaussian,
            Self::StudentT(..) => Family::StudentT,
        }
    }

    fn write(self, row: usize, location: f64, known: bool, out: &mut Predictive) {
        match self {
            Self::Gaussian(sd) => out.set(row, &[location, sd], known && sd > 0.0),
            Self::StudentT(scale, dof) => out.set(row, &[location, scale, dof], known && scale > 0.0),
        }
    }
}

impl<O: PredictInplace<Array2<f64>, Array1<f64>> + Send + Sync> Autoregressive for RegressionModel<O> {
    fn family(&self) -> Family {
        self.noise.family()
    }

    fn memory(&self) -> Option<usize> {
        Some(self.lags)
    }

    fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
        let lanes = context.lanes();
        let ring = LagRing::new(vec![self.level; self.lags], lanes);
        let mut session = RegressionSession { model: self, ring, mean: vec![self.level; lanes] };
        if (0..lanes).any(|lane| context.lane(lane).any(f64::is_nan)) {
            for step in 0..context.steps() {
                session.observe(context.row(step));
                for lane in (0..lanes).filter(|&lane| step < context.padding(lane)) {
                    session.ring.restart(lane);
                }
            }
        } else {
            session.ring.read_end(context);
        }
        Ok(Box::new(session))
    }
}

/// The lags of every lane.
struct RegressionSession<'m, O> {
    model: &'m RegressionModel<O>,
    ring: LagRing,
    /// Scratch: the conditional means.
    mean: Vec<f64>,
}

impl<O: PredictInplace<Array2<f64>, Array1<f64>>> RegressionSession<'_, O> {
    fn update_means(&mut self) {
        let lags = self.model.lags;
        let records = Array2::from_shape_fn((self.mean.len(), lags), |(lane, i)| self.ring.lag(i + 1)[lane]);
        self.mean = self.model.regressor.predict(&records).to_vec();
    }
}

impl<'m, O: PredictInplace<Array2<f64>, Array1<f64>> + Send + Sync> Session<'m> for RegressionSession<'m, O> {
    fn lanes(&self) -> usize {
        self.mean.len()
    }

    fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
        self.update_means();
        for (lane, &mean) in self.mean.iter().enumerate() {
            self.model.noise.write(lane, mean, self.ring.is_known(lane), out);
        }
    }

    fn observe(&mut self, x: &[f64]) {
        if x.iter().any(|x| x.is_nan()) {
            self.update_means();
        }
        self.ring.push(x, &self.mean);
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        let mean = vec![self.model.level; parents.len()];
        Box::new(RegressionSession { model: self.model, ring: self.ring.fork(parents), mean })
    }
}
