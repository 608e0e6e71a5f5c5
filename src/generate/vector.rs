//! Joint paths of several series.

use std::collections::VecDeque;

use nalgebra::DVector;

use super::{Decoding, Generation, Paths, check_finite, stream_of};
use crate::data::batch::Batch;
use crate::error::Result;
use crate::math::random::LaneRng;
use crate::model::vector::{Var, VarState};

/// Generates joint paths of all components that continue a context, whose lanes are the components: path i of every
/// component belongs together, and its [`log_prob`](Paths::log_prob) is that of the whole vector path. A path draws from
/// one random stream, as in [`generate`](super::generate): k normal numbers a step, before them those of lags that are not
/// known (see [`Var::state`]); then the path has no log density given the known values alone, and NaN stands there.
///
/// # Errors
/// If the context does not hold the lags, or a value leaves the range of floating point numbers.
///
/// # Panics
/// If the context has another number of lanes than the model components, or its lanes do not stand on the same times.
pub fn generate_vector(model: &Var, context: &Batch, what: &Generation) -> Result<Vec<Paths>> {
    let state = model.state(context)?;
    let mut all = vec![Paths::empty(what.horizon, what.paths); model.components()];
    for lane in 0..what.paths {
        let mut path = Path::new(model, &state, what, lane);
        for step in 0..what.horizon {
            let x = path.step(what.decoding);
            check_finite(&x, step)?;
            for (paths, &x) in all.iter_mut().zip(&x) {
                paths.push(lane, x, [0.0; 2], false);
            }
        }
        for paths in &mut all {
            paths.log_prob[lane] = path.log_prob;
            paths.log_q[lane] = path.log_prob;
        }
    }
    Ok(all)
}

/// One path on its way.
struct Path<'m> {
    model: &'m Var,
    rng: LaneRng,
    index: i64,
    /// The last vectors, the latest first.
    lags: VecDeque<Vec<f64>>,
    log_prob: f64,
}

impl<'m> Path<'m> {
    fn new(model: &'m Var, state: &VarState, what: &Generation, lane: usize) -> Self {
        let mut rng = stream_of(what, lane);
        let mut lags = state.mean().clone();
        if matches!(what.decoding, Decoding::Sample { .. }) {
            lags += state.root() * normals(&mut rng, state.root().ncols());
        }
        let lags = lags.as_slice().chunks(model.components()).map(<[f64]>::to_vec).collect();
        let log_prob = if state.is_certain() { 0.0 } else { f64::NAN };
        Self { model, rng, index: state.index(), lags, log_prob }
    }

    fn step(&mut self, decoding: Decoding) -> Vec<f64> {
        let mut x = self.model.mean(self.index, |lag| &self.lags[lag - 1]);
        let innovation = match decoding {
            Decoding::Mean | Decoding::Median => DVector::zeros(x.len()),
            Decoding::Sample { .. } => self.model.root() * normals(&mut self.rng, x.len()),
        };
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
