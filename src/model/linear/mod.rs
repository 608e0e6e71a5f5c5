//! Linear autoregression: x_t = c + b t + phi_1 x_{t-1} + .. + phi_p x_{t-p} + e_t, e_t iid N(0, sigma^2).
//!
//! | file | holds |
//! |---|---|
//! | [`ar`](Ar) | the model: coefficients, its exact conditionals |
//! | `session` | its session: a ring of lags, a filter where they are not all known |
//! | `terms`, `offset` | what stands beside the lags: [`Terms`], and what they add to a step |
//! | `spec` | what to fit: [`LinearSpec`], [`Estimator`]; from series to an estimate and its summary |
//! | `design` | the rows of terms and lags |
//! | `closed_form`, `burg` | Yule-Walker and least squares of all lags up to an order; Burg |
//! | `subset` | least squares of some lags, the best set of lags, White's and Newey-West errors |
//! | `penalised`, `elastic_net` | ridge; LASSO and elastic net through linfa |
//! | `exact`, `robust`, `recursive` | from a specification to [`math::exact`](crate::math::exact), [`math::student`](crate::math::student), [`math::recursive`](crate::math::recursive) and back |
//! | `smooth` | missing values given all others |
//! | `dynamics` | what a fit does: roots, autocorrelations, spectrum |
//! | `report` | the summary with tests and verdicts: [`ArReport`] |
//! | `order` | [`Criterion`], the table of orders |
//! | `uncertainty` | a fit as the mixture of models whose parameters are drawn around the estimate |
//! | `automatic` | [`ArSpec`]: transform, season, differences, estimator and order, fixed or chosen |
//!
//! What matches which software:
//!
//! | number | here | R | statsmodels |
//! |---|---|---|---|
//! | Yule-Walker phi | biased autocovariances about the sample mean | `ar.yw` | `yule_walker(method="mle")`; adjusted: `method="adjusted"` |
//! | Yule-Walker variance | Levinson's v_p in the density; `innovation_variance_unbiased` is v_p n / (n - p - 1) | `ar.yw` reports the latter | reports the former |
//! | Burg phi | forward and backward errors | `ar.burg` | `burg` |
//! | Burg variance | Levinson's, or the mean of the errors; no factor | `var.method = 1`, `2` | `burg` is the latter |
//! | Burg errors | of sample autocovariances and the unbiased variance | `asy.var.coef`, with `var.pred` | |
//! | recursive | weighted least squares of the rows so far; forgetting 1 is least squares | | `RecursiveLS` (forgetting 1) |
//! | least squares | conditional on the first p values | `ar.ols(demean = FALSE, intercept = TRUE)` | `AutoReg(lags=p)` |
//! | least-squares variance | RSS / (n - p); unbiased: RSS / (n - p - k) for k coefficients | `var.pred` is the former | `sigma2` is the former |
//! | least-squares errors | from RSS / (n - p) | `asy.se.coef` | `bse` |
//! | criteria | the innovation variance counts as a parameter | `aic` of `ar` is relative to its minimum | `AutoReg` counts it, `ar_select_order` does not: a constant apart |
//! | exact likelihood | `Estimator::Exact`; the mean is that of the differences, N counts known values | `arima(method = "ML", include.mean = d + D == 0)` | `ARIMA(trend = "c")` |
//! | exact variance | S / N; unbiased: S / (N - k) | `sigma2` is the former | `sigma2` is the former |
//! | exact errors | observed information, exact derivatives | the same, by differences | by default from outer products: other numbers |
//! | missing values | exact likelihood, [`Ar::smooth`] | `arima`, `KalmanSmooth`; for d > 0 with a prior of 1e6 sigma^2 | `ARIMA`, `smoother_results` |
//! | trend | b multiplies t = 1, 2, .. from the first value | | `trend="ct"` |

mod ar;
mod automatic;
mod burg;
mod closed_form;
mod design;
mod dynamics;
#[cfg(feature = "linfa")]
mod elastic_net;
mod exact;
mod offset;
mod order;
mod penalised;
mod recursive;
mod report;
mod robust;
mod session;
mod smooth;
mod spec;
mod subset;
mod terms;
mod uncertainty;

pub use ar::{Ar, ArParts, Form, Innovations, Start};
pub use automatic::{ArSpec, Average, Choice, LinkChoice, Plan, SeasonalChoice, default_max_order};
pub use dynamics::Root;
pub use order::{Criterion, Order, OrderRow};
pub use recursive::Recursion;
pub use report::{ArReport, ImpulseResponse, ResidualTests, SeriesTest, TestLine};
pub(super) use robust::smallest_gap;
pub use smooth::{Filled, Smoothed};
pub use spec::{BurgVariance, CovarianceKind, Estimator, LinearSpec, Penalty, SeasonalLags};
pub use terms::{Fourier, Terms, Trend};
pub use uncertainty::{ParameterDraws, Uncertain, with_parameter_uncertainty};
