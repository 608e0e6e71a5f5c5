//! Linear autoregression: x_t = c + b t + phi_1 x_{t-1} + .. + phi_p x_{t-p} + e_t, e_t iid N(0, sigma^2).
//!
//! | file | holds |
//! |---|---|
//! | [`ar`](Ar) | the model: coefficients, its session, its exact forecasts |
//! | `spec` | what to fit: [`LinearSpec`], [`Estimator`]; the estimators have a file each |
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
//! | least squares | conditional on the first p values | `ar.ols(demean = FALSE, intercept = TRUE)` | `AutoReg(lags=p)` |
//! | least-squares variance | RSS / (n - p); unbiased: RSS / (n - p - k) for k coefficients | `var.pred` is the former | `sigma2` is the former |
//! | least-squares errors | from RSS / (n - p) | `asy.se.coef` | `bse` |
//! | criteria | the innovation variance counts as a parameter | `aic` of `ar` is relative to its minimum | `AutoReg` counts it, `ar_select_order` does not: a constant apart |
//! | trend | b multiplies t = 1, 2, .. from the first value | | `trend="ct"` |

mod ar;
mod automatic;
mod burg;
mod closed_form;
mod design;
#[cfg(feature = "linfa")]
mod elastic_net;
mod exact;
mod offset;
mod order;
mod penalised;
mod recursive;
mod robust;
mod session;
mod smooth;
mod spec;
mod subset;
mod terms;
mod uncertainty;

pub use ar::{Ar, ArParts, Form, Innovations, Start};
pub use automatic::{ArSpec, Average, Choice, LinkChoice, Plan, SeasonalChoice, default_max_order};
pub use order::{Criterion, Order, OrderRow};
pub use smooth::Smoothed;
pub use spec::{BurgVariance, CovarianceKind, Estimator, LinearSpec, Penalty, SeasonalLags};
pub use terms::{Fourier, Terms, Trend};
pub use uncertainty::{ParameterDraws, Uncertain, with_parameter_uncertainty};
