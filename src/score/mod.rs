//! The one likelihood: ln p(x_t | x_<t) of every value, and what follows from it.
//!
//! Scores are nats in the data's own units; transforms inside a model have their Jacobian in the score, so models of
//! logs, differences and levels compare. A value whose conditional is undefined (it depends on a value nobody knows)
//! or that is missing itself has no score: NaN, never part of a sum.

pub mod calibration;
pub mod detect;
mod held_out;
mod judge;
pub mod vector;

pub use calibration::Calibration;
pub use detect::{DetectOptions, Detection, Event, Fitter, Given, Training, detect, detect_given};
pub use held_out::{HeldOut, PIT_BINS};

use crate::data::batch::{Batch, Covariates};
use crate::error::Result;
use crate::model::Autoregressive;

/// ln p(x_t | context, x_<t) for every value of `target`, time-major; NaN where there is none.
///
/// ```
/// use foretoken::model::naive::Naive;
/// use foretoken::{Batch, Covariates, Fit, Series, score};
///
/// let x = vec![5.0, 7.0, 6.0, 8.0];
/// let fitted = Naive::RandomWalk { drift: true }.fit(&[Series::new("", x.clone())])?;
/// let scores = score::log_probs(&fitted.model, &Batch::empty(&[0]), &Batch::single(&x, 0), &Covariates::none())?;
/// assert!(scores[0].is_nan()); // nothing is known before the first value
/// let sum: f64 = scores[1..].iter().sum();
/// assert!((sum - fitted.summary.log_likelihood).abs() < 1e-12);
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// # Errors
/// If the model cannot read the context or target.
pub fn log_probs(model: &dyn Autoregressive, context: &Batch, target: &Batch, known: &Covariates) -> Result<Vec<f64>> {
    let conditionals = model.conditionals(context, target, known)?;
    let score = |(row, &x): (usize, &f64)| {
        if conditionals.is_defined(row) { conditionals.row(row).log_prob(x) } else { f64::NAN }
    };
    Ok(target.values().iter().enumerate().map(score).collect())
}

/// The sum of ln p(x_t | x_<t) over the values that have one, and how many these are.
///
/// # Errors
/// As [`log_probs`].
pub fn log_likelihood(
    model: &dyn Autoregressive,
    context: &Batch,
    target: &Batch,
    known: &Covariates,
) -> Result<(f64, usize)> {
    let scores = log_probs(model, context, target, known)?;
    let defined = || scores.iter().filter(|score| !score.is_nan());
    Ok((defined().sum(), defined().count()))
}
