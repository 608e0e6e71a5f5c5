//! Autoregressive time series: forecast, sample, score and detect with one conditional distribution.
//!
//! Every model here is p(x_t | x_<t). The chain rule makes a joint density of it, and everything else is a verb on it,
//! each written once:
//!
//! ```text
//!                    model::Fit            generate, forecast    p(x_{t+1..t+h} | x_<=t)
//! table --data--> Series ------> model ---<
//!                 p(x_t | x_<t)            score, detect         -ln p(x_t | x_<t), and whether it is normal
//! ```
//!
//! ```
//! use foretoken::forecast::{ForecastOptions, forecast};
//! use foretoken::model::linear::ArSpec;
//! use foretoken::{Batch, Covariates, Fit, Series};
//!
//! let x: Vec<f64> = (0..48).map(|t| 100.0 + f64::from(t) + [9.0, -3.0, 2.0, -8.0][t as usize % 4]).collect();
//! let fitted = ArSpec { period: 4, ..ArSpec::default() }.fit(&[Series::new("sales", x.clone())])?;
//! let ahead = forecast(&fitted.model, &Batch::single(&x, 0), &Covariates::none(), ForecastOptions::new(8))?;
//! let (lo, hi) = ahead.interval(7, 0.95);
//! assert!(lo < ahead.mean(7) && ahead.mean(7) < hi);
//! # Ok::<(), foretoken::Error>(())
//! ```
//!
//! | room | holds |
//! |---|---|
//! | [`data`] | series, times and frequencies, batches, windows; with feature `frame` the reading and writing of tables |
//! | [`predictive`] | distributions of one value, with a map to the data's own units |
//! | [`model`] | the three traits, and the models: [`model::naive`], [`model::linear`], [`model::token`], [`model::transformed`] |
//! | [`generate`], [`score`] | the one loop that feeds values back; the one likelihood, and anomalies on top of it |
//! | [`forecast`](mod@forecast) | the distribution of every step ahead |
//! | [`evaluate`] | errors, coverage and interval scores of forecasts |
//! | `chart`, `report`, `cli` | with their features: SVG and PNG charts, pages of them, the command line |
//! | [`math`] | what knows nothing of models: autocovariances, least squares, special functions, random streams |
//!
//! Features: `default` is the whole binary. `default-features = false` is the core, which builds in seconds; `frame`,
//! `chart` and `linfa` add tables (polars), charts (plotters) and any linfa regressor as a model.

#[cfg(feature = "chart")]
pub mod chart;
#[cfg(feature = "cli")]
pub mod cli;
pub mod data;
pub mod error;
pub mod evaluate;
pub mod forecast;
pub mod generate;
pub mod math;
pub mod model;
pub mod predictive;
#[cfg(feature = "chart")]
pub mod report;
pub mod score;

pub use data::batch::{Batch, Covariates, Rows};
pub use data::series::Series;
pub use error::{Error, ErrorKind, Result};
pub use model::{Autoregressive, Fit, Fitted, Session};
pub use predictive::Predictive;

/// The README's program is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
