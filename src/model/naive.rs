//! The smallest complete models, to read first: mean, random walk with drift, seasonal naive.
//!
//! ```text
//! Mean            x_t = c + e_t                      state: nothing
//! RandomWalk      x_t = x_{t-1} + c + e_t            state: the last value
//! SeasonalNaive   x_t = x_{t-m} + e_t                state: the last m values
//! ```
//!
//! with e_t iid N(0, sigma^2). All three are x_t = c + a x_{t-k} + e_t with a in {0, 1}, so one model and one session
//! serve them: a ring of the last k values per lane. A step costs O(1) and O(k) memory per lane.
//!
//! sigma^2 is RSS / n, the maximum of the likelihood given the first k values; `innovation_variance` of the random
//! walk with drift is (n-1)/n of the sigma^2 that R's `forecast::rwf(drift = TRUE)` reports. Forecast variances grow as
//! h sigma^2 and (1 + floor((h-1)/m)) sigma^2 (Hyndman and Athanasopoulos 2021, *Forecasting: Principles and Practice*,
//! section 5.5, without the parameter uncertainty that they add for mean and drift).
//!
//! ```
//! use foretoken::model::naive::Naive;
//! use foretoken::{Fit, Series};
//!
//! let walk = Naive::RandomWalk { drift: true }.fit(&[Series::new("", vec![1.0, 2.0, 4.0, 4.0])])?;
//! assert_eq!(walk.summary.parameters[0].value, 1.0); // the mean step
//! # Ok::<(), foretoken::Error>(())
//! ```

use super::{Autoregressive, Fit, Fitted, GaussianPath, Parameter, PathFactor, Running, Session, Summary, too_short};
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::predictive::{Family, OuterMap, Predictive};

/// What to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naive {
    /// A constant mean.
    Mean,
    /// The last value, with a constant drift or without.
    RandomWalk {
        /// Whether the mean step is estimated; without it, it is zero.
        drift: bool,
    },
    /// The value one season ago.
    Seasonal {
        /// The season length m >= 1 in steps.
        period: usize,
    },
}

impl Naive {
    /// How the model is spelled in tables and column names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "Mean",
            Self::RandomWalk { drift: true } => "RWD",
            Self::RandomWalk { drift: false } => "Naive",
            Self::Seasonal { .. } => "SNaive",
        }
    }

    /// The lag k, 0 for the mean.
    fn lag(self) -> usize {
        match self {
            Self::Mean => 0,
            Self::RandomWalk { .. } => 1,
            Self::Seasonal { period } => period,
        }
    }

    fn has_constant(self) -> bool {
        matches!(self, Self::Mean | Self::RandomWalk { drift: true })
    }
}

/// A fitted naive model: x_t = c + x_{t-k} + e_t, or x_t = c + e_t for k = 0.
#[derive(Debug, Clone, PartialEq)]
pub struct NaiveModel {
    pub(super) lag: usize,
    pub(super) constant: f64,
    pub(super) innovation_sd: f64,
    /// What stands in for an unknown lag: the mean of the training values.
    pub(super) fallback: f64,
}

impl Fit for Naive {
    type Model = NaiveModel;

    fn fit(&self, train: &[Series]) -> Result<Fitted<NaiveModel>> {
        let lag = self.lag();
        if *self == (Self::Seasonal { period: 0 }) {
            return Err(Error::usage("a seasonal naive model needs a period of at least 1").hint("give --period M"));
        }
        let steps: Vec<f64> = train.iter().flat_map(|series| differences(series.values(), lag)).collect();
        if steps.is_empty() || (self.has_constant() && steps.len() < 2) {
            let have = train.iter().map(Series::len).max().unwrap_or(0);
            let need = lag.saturating_add(1 + usize::from(self.has_constant()));
            return Err(too_short(self.name(), have, need).hint("give more history or a smaller --period"));
        }
        let n = steps.len() as f64;
        let constant = if self.has_constant() { steps.iter().sum::<f64>() / n } else { 0.0 };
        let variance = steps.iter().map(|step| (step - constant).powi(2)).sum::<f64>() / n;
        let model = NaiveModel { lag, constant, innovation_sd: variance.sqrt(), fallback: mean_of(train) };
        Ok(Fitted { summary: self.summary(&model, steps.len()), model })
    }
}

impl Naive {
    fn summary(self, model: &NaiveModel, observations: usize) -> Summary {
        let variance = model.innovation_sd.powi(2);
        let n = observations as f64;
        let constant = Parameter {
            name: if self == Self::Mean { "mean" } else { "drift" }.to_owned(),
            value: model.constant,
            standard_error: Some((variance / (n - 1.0)).sqrt()),
        };
        let description = match self {
            Self::Mean => "constant mean".to_owned(),
            Self::RandomWalk { drift: true } => "random walk with drift".to_owned(),
            Self::RandomWalk { drift: false } => "random walk".to_owned(),
            Self::Seasonal { period } => format!("seasonal naive, period {period}"),
        };
        Summary {
            name: self.name().to_owned(),
            description,
            parameters: if self.has_constant() { vec![constant] } else { Vec::new() },
            innovation_variance: variance,
            innovation_variance_unbiased: variance * n / (n - f64::from(u8::from(self.has_constant()))),
            log_likelihood: if variance > 0.0 {
                -0.5 * n * ((std::f64::consts::TAU * variance).ln() + 1.0)
            } else {
                f64::NAN
            },
            observations: if variance > 0.0 { observations } else { 0 },
            warnings: if variance > 0.0 {
                Vec::new()
            } else {
                vec!["no variation: the forecast is a single value".to_owned()]
            },
            ..Summary::default()
        }
    }
}

/// The known x_t - x_{t-k}, or x_t itself for k = 0.
fn differences(values: &[f64], lag: usize) -> impl Iterator<Item = f64> + '_ {
    let base = move |t: usize| if lag == 0 { 0.0 } else { values[t - lag] };
    (lag..values.len()).map(move |t| values[t] - base(t)).filter(|step| !step.is_nan())
}

fn mean_of(train: &[Series]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for x in train.iter().flat_map(|series| series.values()).filter(|x| !x.is_nan()) {
        sum += x;
        count += 1.0;
    }
    sum / count
}

impl Autoregressive for NaiveModel {
    fn family(&self) -> Family {
        Family::Gaussian
    }

    fn memory(&self) -> Option<usize> {
        Some(self.lag)
    }

    fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
        let lanes = context.lanes();
        let ring = vec![self.fallback; self.lag * lanes];
        let mut session = NaiveSession { model: self, lanes, at: 0, known: vec![false; ring.len()], ring };
        // All of it: a missing value takes the last known one of its phase, however long ago that was.
        for t in 0..context.steps() {
            session.observe(context.row(t));
            (0..lanes).filter(|&lane| t < context.padding(lane)).for_each(|lane| session.restart(lane));
        }
        Ok(Box::new(session))
    }
}

/// The last k values of every lane in a ring: row `at` holds x_{t-k}, the oldest.
#[derive(Debug, Clone)]
struct NaiveSession<'m> {
    model: &'m NaiveModel,
    lanes: usize,
    at: usize,
    ring: Vec<f64>,
    known: Vec<bool>,
}

impl NaiveSession<'_> {
    /// Forgets a lane: it has not started.
    fn restart(&mut self, lane: usize) {
        self.ring.iter_mut().skip(lane).step_by(self.lanes).for_each(|x| *x = self.model.fallback);
    }

    /// The value k steps back of a lane (zero for k = 0), and whether it is known.
    fn base(&self, steps_ahead: usize, lane: usize) -> (f64, bool) {
        if self.model.lag == 0 {
            return (0.0, true);
        }
        let slot = (self.at + steps_ahead) % self.model.lag * self.lanes + lane;
        (self.ring[slot], self.known[slot])
    }
}

impl<'m> Session<'m> for NaiveSession<'m> {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
        let NaiveModel { lag, constant, innovation_sd: sd, .. } = *self.model;
        if lag == 0 {
            return out.set_normals(&vec![constant; self.lanes], sd, |_| sd > 0.0);
        }
        let row = self.at * self.lanes..(self.at + 1) * self.lanes;
        let means: Vec<f64> = self.ring[row.clone()].iter().map(|base| constant + base).collect();
        let known = &self.known[row];
        out.set_normals(&means, sd, |lane| known[lane] && sd > 0.0);
    }

    fn observe(&mut self, x: &[f64]) {
        if self.model.lag == 0 {
            return;
        }
        for (lane, &value) in x.iter().enumerate() {
            let slot = self.at * self.lanes + lane;
            self.known[slot] = !value.is_nan();
            // A missing value is replaced by its conditional mean.
            self.ring[slot] = if value.is_nan() { self.model.constant + self.ring[slot] } else { value };
        }
        self.at = (self.at + 1) % self.model.lag;
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        let gather = |row: usize, parent: &usize| row * self.lanes + parent;
        let slots: Vec<usize> =
            (0..self.model.lag).flat_map(|row| parents.iter().map(move |parent| gather(row, parent))).collect();
        Box::new(NaiveSession {
            model: self.model,
            lanes: parents.len(),
            at: self.at,
            ring: slots.iter().map(|&slot| self.ring[slot]).collect(),
            known: slots.iter().map(|&slot| self.known[slot]).collect(),
        })
    }

    fn gaussian_paths(&self, _known: &Covariates, horizon: usize) -> Option<Vec<Vec<GaussianPath>>> {
        let NaiveModel { lag, constant, innovation_sd, .. } = *self.model;
        // psi_j is 1 where j is a multiple of k: the innovation of j steps ago is still in the level.
        let psi =
            |j: usize| if (lag == 0 && j > 0) || (lag > 0 && !j.is_multiple_of(lag)) { 0.0 } else { innovation_sd };
        let path = |lane: usize| GaussianPath {
            weight: 1.0,
            mean: (0..horizon)
                .map(|j| {
                    let seasons = j.checked_div(lag).map_or(1, |whole| whole + 1);
                    self.base(j, lane).0 + constant * seasons as f64
                })
                .collect(),
            factor: PathFactor::Toeplitz((0..horizon).map(psi).collect()),
            maps: vec![OuterMap::IDENTITY; horizon],
        };
        Some((0..self.lanes).map(|lane| vec![path(lane)]).collect())
    }
}
