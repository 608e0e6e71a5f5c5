//! Numerical building blocks that know nothing of time series models: random streams, special functions,
//! autocovariances, Toeplitz and least-squares systems, tails, roots.

pub mod autocovariance;
pub mod burg;
pub mod covariance;
pub mod digits;
pub mod double_double;
pub mod exact;
pub mod filter;
pub(crate) mod float;
pub mod kalman;
pub mod kernels;
pub mod least_squares;
pub mod multivariate;
pub(crate) mod normals;
mod optimise;
pub mod pareto;
pub mod polynomial;
pub(crate) mod product;
pub mod random;
pub mod real;
pub mod recursive;
pub mod regression;
pub mod residual_tests;
pub mod root_finding;
pub mod special;
pub mod stationarity;
pub mod student;
pub mod subsets;
pub mod toeplitz;
pub mod triangular;
pub mod unit_root;
