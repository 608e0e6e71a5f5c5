//! The likelihood of several series under a vector autoregression.

use nalgebra::DVector;

use crate::data::batch::Batch;
use crate::model::vector::Var;

/// ln p(x_t | x_<t) of every whole vector of `values`, whose lanes are the components: nats of all components together.
/// NaN where the vector, or one of its p lags, misses a value or lies before the first; the sum of the others over the
/// training rows is the [`log_likelihood`](crate::model::vector::FittedVar::log_likelihood) of the fit.
///
/// # Panics
/// If there is another number of lanes than the model components.
#[must_use]
pub fn vector_log_probs(model: &Var, values: &Batch) -> Vec<f64> {
    assert_eq!(values.lanes(), model.components(), "a lane per component");
    let start = values.start(0) - values.padding(0) as i64;
    let mut known = 0;
    let mut score = |step: usize| {
        let row = values.row(step);
        known = if row.iter().any(|x| x.is_nan()) { 0 } else { known + 1 };
        if known <= model.order() {
            return f64::NAN;
        }
        let mean = model.mean(start + step as i64, |lag| values.row(step - lag));
        model.log_density(&(DVector::from_column_slice(row) - mean))
    };
    (0..values.steps()).map(&mut score).collect()
}
