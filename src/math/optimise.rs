//! Newton's method within a trust region, for smooth functions of a few parameters with exact gradients and Hessians.
//!
//! A step minimises g'p + p'Hp/2 over |p| <= Delta: Newton's where H is positive definite and the step short enough, else
//! the one of (H + lambda I) p = -g that ends on the boundary (Nocedal and Wright 2006, *Numerical Optimization*, section
//! 4.3). Convergence is quadratic; steps are taken until rounding ends the descent of the gradient. A parameter that runs to
//! infinity is held at a bound.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Evaluations of one run at most.
const MAX_ITERATIONS: usize = 200;
/// A gradient this small ends a run.
const SMALL_GRADIENT: f64 = 1e-14;
/// A run that ends with a gradient up to this has converged.
const CONVERGED: f64 = 1e-9;
/// A predicted descent below this is rounding of the objective.
const ROUNDING: f64 = 1e-14;
/// Parameters beyond this are as good as infinite: tanh differs from 1 by 2e-13.
const FAR: f64 = 15.0;
/// Parameters are at most this: tanh differs from 1 by no more than fifteen roundings. One that arrives there stays, and the
/// others go on.
const BOUND: f64 = 17.0;

/// What is minimised. Neither function is defined everywhere.
pub(super) trait Objective {
    /// The value and the gradient.
    fn gradient(&mut self, z: &[f64]) -> Option<(f64, Vec<f64>)>;
    /// The Hessian.
    fn hessian(&mut self, z: &[f64]) -> Option<DMatrix<f64>>;
}

/// Where a run ended.
#[derive(Debug, Clone)]
pub(super) struct Minimum {
    pub(super) z: Vec<f64>,
    pub(super) value: f64,
    /// The largest derivative.
    pub(super) slope: f64,
    pub(super) hessian: DMatrix<f64>,
    pub(super) iterations: usize,
    pub(super) converged: bool,
}

/// Minimises from a point; `None` where the objective is not defined there.
pub(super) fn minimise(objective: &mut impl Objective, start: &[f64]) -> Option<Minimum> {
    let mut z = DVector::from_column_slice(start);
    let (mut value, slope) = objective.gradient(start)?;
    let (mut gradient, mut hessian) = among_free(&z, slope, objective.hessian(start)?);
    let mut radius = 1.0;
    let mut iterations = 0;
    while iterations < MAX_ITERATIONS && gradient.amax() > SMALL_GRADIENT {
        iterations += 1;
        let free = bounded_step(&hessian, &gradient, radius);
        let to = (&z + &free).map(|z| z.clamp(-BOUND, BOUND));
        let step = &to - &z;
        let predicted = -(gradient.dot(&step) + 0.5 * step.dot(&(&hessian * &step)));
        let at = objective.gradient(to.as_slice());
        let ratio = at.as_ref().map_or(-1.0, |(there, _)| (value - there) / predicted);
        // Once the objective cannot tell, the gradient decides.
        let rounding = predicted <= ROUNDING * (1.0 + value.abs());
        let better = at.filter(|(_, slope)| if rounding { amax(slope) < 0.9 * gradient.amax() } else { ratio > 1e-4 });
        if let Some((there, slope)) = better {
            let Some(curvature) = objective.hessian(to.as_slice()) else { break };
            (z, value) = (to, there);
            (gradient, hessian) = among_free(&z, slope, curvature);
        } else if rounding {
            break;
        }
        radius = match ratio {
            _ if rounding => radius,
            ratio if ratio < 0.25 => 0.25 * step.norm(),
            ratio if ratio > 0.75 => radius.max(2.0 * step.norm()).min(4.0),
            _ => radius,
        };
        if radius < 1e-12 {
            break;
        }
    }
    let slope = gradient.amax();
    let curved = hessian.clone().cholesky().is_some();
    let converged = slope <= CONVERGED && curved && z.amax() < FAR;
    Some(Minimum { z: z.as_slice().to_vec(), value, slope, hessian, iterations, converged })
}

/// Gradient and Hessian where parameters at the bound do not move outwards.
fn among_free(z: &DVector<f64>, gradient: Vec<f64>, mut hessian: DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
    let mut gradient = DVector::from_vec(gradient);
    for i in (0..z.len()).filter(|&i| z[i].abs() >= BOUND) {
        if gradient[i] * z[i] > 0.0 {
            continue;
        }
        gradient[i] = 0.0;
        hessian.row_mut(i).fill(0.0);
        hessian.column_mut(i).fill(0.0);
        hessian[(i, i)] = 1.0;
    }
    (gradient, hessian)
}

fn amax(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest, x| largest.max(x.abs()))
}

/// The minimum of g'p + p'Hp/2 over |p| <= radius.
fn bounded_step(hessian: &DMatrix<f64>, gradient: &DVector<f64>, radius: f64) -> DVector<f64> {
    if let Some(factor) = hessian.clone().cholesky() {
        let newton = -factor.solve(gradient);
        if newton.norm() <= radius {
            return newton;
        }
    }
    let SymmetricEigen { eigenvectors, eigenvalues } = hessian.clone().symmetric_eigen();
    let along = eigenvectors.tr_mul(gradient);
    let step = |shift: f64| along.zip_map(&eigenvalues, |g, e| -g / (e + shift));
    let smallest = eigenvalues.min();
    let size = eigenvalues.amax().max(f64::MIN_POSITIVE);
    let mut low = (-smallest).max(0.0) + 1e-14 * size;
    let mut high = low + along.norm() / radius + size;
    if step(low).norm() > radius {
        // The norm falls as the shift grows.
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if step(middle).norm() > radius { low = middle } else { high = middle }
        }
        low = high;
    }
    &eigenvectors * step(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's function, not defined for x < -1.5.
    struct Valley;

    impl Objective for Valley {
        fn gradient(&mut self, z: &[f64]) -> Option<(f64, Vec<f64>)> {
            let (x, y) = (z[0], z[1]);
            let (a, b) = (1.0 - x, y - x * x);
            (x > -1.5).then(|| (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x * b, 200.0 * b]))
        }

        fn hessian(&mut self, z: &[f64]) -> Option<DMatrix<f64>> {
            let (x, y) = (z[0], z[1]);
            Some(DMatrix::from_row_slice(2, 2, &[2.0 - 400.0 * (y - 3.0 * x * x), -400.0 * x, -400.0 * x, 200.0]))
        }
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let minimum = minimise(&mut Valley, &[-1.2, 1.0]).expect("defined");
        assert!(minimum.converged && minimum.iterations < 60, "{minimum:?}");
        assert!((minimum.z[0] - 1.0).abs() < 1e-12 && (minimum.z[1] - 1.0).abs() < 1e-12);
    }

    /// exp(-x) falls for ever; y is best at 3.
    struct Slide;

    impl Objective for Slide {
        fn gradient(&mut self, z: &[f64]) -> Option<(f64, Vec<f64>)> {
            let (fall, y) = ((-z[0]).exp(), z[1] - 3.0);
            Some((fall + 1e-6 * y * y, vec![-fall, 2e-6 * y]))
        }

        fn hessian(&mut self, z: &[f64]) -> Option<DMatrix<f64>> {
            Some(DMatrix::from_row_slice(2, 2, &[(-z[0]).exp(), 0.0, 0.0, 2e-6]))
        }
    }

    #[test]
    fn a_parameter_at_the_bound_does_not_hold_the_others_back() {
        let minimum = minimise(&mut Slide, &[14.0, 20.0]).expect("defined");
        assert!(!minimum.converged && minimum.z[0] > 14.0 && (minimum.z[1] - 3.0).abs() < 1e-6, "{minimum:?}");
    }

    #[test]
    fn a_saddle_is_left() {
        let hessian = DMatrix::from_row_slice(2, 2, &[1.0, 0.0, 0.0, -1.0]);
        let step = bounded_step(&hessian, &DVector::from_vec(vec![0.1, 1e-3]), 0.5);
        assert!((step.norm() - 0.5).abs() < 1e-9 && step[1] < -0.4);
    }
}
