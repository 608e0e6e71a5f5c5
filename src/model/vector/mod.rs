//! Vector autoregression: several series on the same times, each explained by the past of all.
//!
//! ```text
//! x_t = c + b t + A_1 x_{t-1} + .. + A_p x_{t-p} + e_t      e_t iid N(0, Sigma), x_t a vector of k values, t = 1, 2, ..
//! ```
//!
//! It does not implement [`Autoregressive`](crate::model::Autoregressive): there a lane is one series, the lanes of a
//! batch are independent, and a conditional is the distribution of one value, while here the k values of a step share
//! their noise and every lane reads all lanes. So a [`Var`] has its own conditional of a whole vector, and what is built
//! on it has the same form as everywhere else: [`forecast_vector`](crate::forecast::vector::forecast_vector) gives one
//! [`Forecast`](crate::forecast::Forecast) per series, [`generate_vector`](crate::generate::vector::generate_vector) joint
//! paths, [`vector_log_probs`](crate::score::vector::vector_log_probs) the log density of every step.
//!
//! | file | holds |
//! |---|---|
//! | `fit` | [`VarSpec`] to [`FittedVar`]: least squares of every equation on one factorisation, the table of orders |
//! | `var` | [`Var`]: coefficients, stability, moving-average weights, impulse responses |
//! | `state` | [`VarState`]: the lags, exactly conditioned on what is known of them; marginals and the joint ahead |
//! | `granger` | [`GrangerTest`]: whether the past of one series helps to predict another |
//! | `align` | that the series stand on the same times |
//!
//! Least squares is maximum likelihood given the first p values, because all equations have the same columns (Lütkepohl
//! 2005, *New Introduction to Multiple Time Series Analysis*, sections 3.2-3.4). A row is used where it and its p lags are
//! known for every series; all others drop out. Costs: O(n (k p)^2) for the fit, O(k^2 p) per step of a path and
//! O(k^3 p) per step of a forecast; memory O(n k p), and O(k^2 p^2) for a state.
//!
//! What matches statsmodels' `VAR(..).fit(p, trend = ..)`, and what differs:
//!
//! | number | here | statsmodels |
//! |---|---|---|
//! | coefficients, with the trend in t = 1, 2, .. from the first value | the same | `params` |
//! | [`FittedVar::covariance`], in the density: E'E / n, n the rows | `sigma_u_mle` | intervals use `sigma_u` |
//! | [`FittedVar::covariance_unbiased`]: E'E / (n - q), q the coefficients of an equation | `sigma_u` | |
//! | standard errors and Granger tests, from the unbiased one; normal p-values | the same | `bse`, `pvalues`, `test_causality` |
//! | log-likelihood | the same | `llf` |
//! | criteria: -2 l + penalty, m = k q + k (k + 1) / 2 parameters with those of Sigma, as for [`linear`](super::linear) | divide by n after taking off n k (ln 2 pi + 1) and the penalty of Sigma | `aic`, `bic`, `hqic` |
//! | AICc: the penalty is 2 m n / (n - q - k - 1) (Bedrick and Tsai 1994, *Biometrics* 50, p. 226) | | none |
//!
//! ```
//! use foretoken::forecast::{ForecastOptions, vector::forecast_vector};
//! use foretoken::math::random::LaneRng;
//! use foretoken::model::vector::{VarOrder, VarSpec};
//! use foretoken::{Batch, Series};
//!
//! // Every value of the second series follows the value of the first one step before.
//! let mut rng = LaneRng::new(1, 0);
//! let lead: Vec<f64> = (0..200).map(|_| rng.normal()).collect();
//! let follow: Vec<f64> = (0..200).map(|t| if t == 0 { 0.0 } else { 2.0 * lead[t - 1] } + 0.1 * rng.normal()).collect();
//! let series = [Series::new("lead", lead), Series::new("follow", follow)];
//! let fitted = VarSpec { order: VarOrder::Fixed(1), ..VarSpec::default() }.fit(&series)?;
//! assert!((fitted.model.lags()[0][(1, 0)] - 2.0).abs() < 0.05);
//! assert!(fitted.granger(1, 0)?.f_p_value < 1e-9, "lead helps to predict follow");
//! let ahead = forecast_vector(&fitted.model, &Batch::of_series(&series), ForecastOptions::new(3))?;
//! assert!(ahead[1].std_dev(0) < 0.2 && ahead[1].std_dev(1) > 1.0, "one step ahead is known well");
//! # Ok::<(), foretoken::Error>(())
//! ```

mod align;
mod fit;
mod granger;
mod state;
mod var;

pub use fit::{FittedVar, VarOrder, VarOrderRow, VarSpec};
pub use granger::GrangerTest;
pub use nalgebra::{DMatrix, DVector};
pub use state::{VarMarginals, VarState};
pub use var::Var;
