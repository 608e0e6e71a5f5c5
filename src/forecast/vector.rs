//! Forecasts of several series together.

use super::{Forecast, ForecastOptions, Marginals, check_horizon, no_paths, not_finite};
use crate::data::batch::Batch;
use crate::error::Result;
use crate::generate::Generation;
use crate::generate::vector::generate_vector;
use crate::model::vector::{Var, VarMarginals};
use crate::predictive::{Family, Predictive};

/// Forecasts every component of a vector autoregression from their whole context, whose lanes are the components: one
/// [`Forecast`] each, with exact marginals, or with joint paths where paths are asked for (path i of every component
/// belongs together). Components that end before others are conditioned on them, see [`Var::state`].
///
/// # Errors
/// If the horizon is 0 or above [`MAX_HORIZON`](super::MAX_HORIZON), the context does not hold the lags, or a forecast is
/// not finite.
///
/// # Panics
/// If the context has another number of lanes than the model components, or its lanes do not stand on the same times.
pub fn forecast_vector(model: &Var, context: &Batch, options: ForecastOptions) -> Result<Vec<Forecast>> {
    check_horizon(options.horizon)?;
    let Some(paths) = options.paths else {
        let marginals = model.marginals(&model.state(context)?, options.horizon);
        return (0..model.components()).map(|component| exact(&marginals, component)).collect();
    };
    if paths == 0 {
        return Err(no_paths());
    }
    let what = Generation { stream: options.stream, ..Generation::sample(options.horizon, paths, options.seed) };
    Ok(generate_vector(model, context, &what)?.into_iter().map(Forecast::sampled).collect())
}

fn exact(marginals: &VarMarginals, component: usize) -> Result<Forecast> {
    let steps = marginals.mean.ncols();
    let mut rows = Predictive::new(Family::Gaussian, steps);
    for step in 0..steps {
        let (mean, sd) = (marginals.mean[(component, step)], marginals.variance[(component, step)].sqrt());
        if !(mean.is_finite() && sd.is_finite()) {
            return Err(not_finite(step));
        }
        rows.set(step, &[mean, sd], true);
    }
    Ok(Forecast { marginals: Marginals::Exact(rows) })
}
