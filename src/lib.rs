//! Autoregressive time series: every model is a conditional distribution p(x_t | x_<t).

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
pub mod score;

pub use data::batch::{Batch, Covariates, Rows};
pub use data::series::Series;
pub use error::{Error, ErrorKind, Result};
pub use model::{Autoregressive, Fit, Fitted, Session};
pub use predictive::Predictive;
