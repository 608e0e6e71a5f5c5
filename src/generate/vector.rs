//! Joint paths of several series.

use std::collections::VecDeque;

use nalgebra::DVector;

use super::{Decoding, Generation, Paths, Stop, check_finite, stream_of};
use crate::data::batch::Batch;
use crate::error::{Error, Result};
use crate::math::random::LaneRng;
use crate::model::vector::{Var, VarState};

/// Generates joint paths of all components that continue a context, whose lanes are the components: path i of every
/// component belongs together, and its [`log_prob`](Paths::log_prob) is that of the whole vector path. A path draws from
/// one random stream, as in [`generate`](super::generate): k normal numbers a step, before them those of lags that are not
/// known (see [`Var::state`]); then the path has no log density given the known values alone, and NaN stands there.
///
/// # Errors
/// If the context does not hold the lags, a decoding or a stopping rule has no meaning for vectors, or a value leaves the range of floating point numbers.
///
/// # Panics
/// If the context has another number of lanes than the model components, or its lanes do not stand on the same times.
pub fn generate_vector(model: &Var, context: &Batch, what: &Generation) -> Result<Vec<Paths>> {
    let (temperature, paths) = (temperature_of(what)?, what.paths_per_lane());
    let state = model.state(context)?;
    let mut all = vec![Paths::empty(what.horizon, paths); model.components()];
    for lane in 0..paths {
        let mut path = Path::new(model, &state, temperature, stream_of(what, lane));
        for step in 0..what.horizon {
            let x = path.step();
            check_finite(&x, step)?;
            for (paths, &x) in all.iter_mut().zip(&x) {
                paths.push(lane, x, [0.0; 2], false);
            }
        }
        for paths in &mut all {
            paths.log_prob[lane] = path.log_prob;
            paths.log_q[lane] = path.log_q;
        }
    }
    Ok(all)
}

/// The temperature of the innovations: 0 where a path has none.
fn temperature_of(what: &Generation) -> Result<f64> {
    if !matches!(what.stop, Stop::Never) {
        return Err(Error::usage("several series have no rule that stops them together")
            .expected("no stopping rule")
            .hint("leave it out, or model each series by itself"));
    }
    match what.decoding {
        // The three are one for a normal distribution.
        Decoding::Mean | Decoding::Median | Decoding::Greedy => Ok(0.0),
        Decoding::Sample { temperature } if temperature > 0.0 && temperature.is_finite() => Ok(temperature),
        decoding => Err(Error::usage(format!("{} has no meaning for several series together", decoding.spelled()))
            .expected("mean, median, greedy, or sample at a temperature above 0")
            .hint("decode so, or model each series by itself")),
    }
}

/// One path on its way.
struct Path<'m> {
    model: &'m Var,
    rng: LaneRng,
    temperature: f64,
    index: i64,
    /// The last vectors, the latest first.
    lags: VecDeque<Vec<f64>>,
    log_prob: f64,
    log_q: f64,
}

impl<'m> Path<'m> {
    fn new(model: &'m Var, state: &VarState, temperature: f64, mut rng: LaneRng) -> Self {
        let mut lags = state.mean().clone();
        if temperature > 0.0 {
            lags += state.root() * normals(&mut rng, state.root().ncols()) * temperature.sqrt();
        }
        let lags = lags.as_slice().chunks(model.components()).map(<[f64]>::to_vec).collect();
        let log_prob = if state.is_certain() { 0.0 } else { f64::NAN };
        let log_q = if temperature > 0.0 { log_prob } else { 0.0 };
        Self { model, rng, temperature, index: state.index(), lags, log_prob, log_q }
    }

    fn step(&mut self) -> Vec<f64> {
        let mut x = self.model.mean(self.index, |lag| &self.lags[lag - 1]);
        let mut innovation = DVector::zeros(x.len());
        if self.temperature > 0.0 {
            innovation = self.model.root() * normals(&mut self.rng, x.len());
            // The density of k numbers that are each sqrt(T) times as large.
            self.log_q += self.model.log_density(&innovation) - 0.5 * x.len() as f64 * self.temperature.ln();
            innovation *= self.temperature.sqrt();
        }
        self.log_prob += self.model.log_density(&innovation);
        x += innovation;
        self.index += 1;
        self.lags.push_front(x.as_slice().to_vec());
        self.lags.truncate(self.model.order());
        x.as_slice().to_vec()
    }
}

fn normals(rng: &mut LaneRng, count: usize) -> DVector<f64> {
    DVector::from_fn(count, |_, _| rng.normal())
}
