//! The elastic net by linfa: what is said to linfa, and what is checked of its answer.
//!
//! ```text
//! minimise  ||y - Z b||^2 / 2 + lambda (l1 ||b||_1 + (1 - l1) / 2 ||b||^2)
//! ```
//!
//! linfa's `ElasticNet` (coordinate descent with a duality gap: Friedman, Hastie and Tibshirani 2010, *J. Stat. Softw.* 33)
//! divides the sum of squares by the number of rows and takes numbers below 2e-16 for zeros. So Z gets the root of its
//! number of rows as a factor, and the response the length one. It has no warm starts.
//!
//! Coordinate descent tells fast which columns stay and with which signs, and slowly their last digits where columns are
//! nearly collinear, as lags are. For given columns and signs the optimum is a linear system,
//!
//! ```text
//! (Z_A' Z_A + lambda (1 - l1) I) b_A = Z_A' y - lambda l1 sign_A
//! ```
//!
//! so its solution is taken where it has those signs and meets the conditions of Karush, Kuhn and Tucker, and linfa's own
//! otherwise.

use linfa::traits::Fit;
use linfa::{Dataset, DatasetBase};
use linfa_elasticnet::ElasticNet;
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2};

/// Tolerances and sweeps of coordinate descent, one after the other until an answer is optimal; a choice among strengths
/// is content with the first.
const STAGES: &[(f64, u32)] = &[(1e-5, 200), (1e-8, 2000), (1e-11, 5000)];
/// How far, relative to lambda, an answer may be from optimal.
const OPTIMAL: f64 = 1e-6;

/// b, and whether it is the optimum; lambda and the share of the absolute values are above zero.
pub(super) fn solve(
    z: &DMatrix<f64>,
    y: &DVector<f64>,
    (lambda, l1_ratio): (f64, f64),
    precisely: bool,
) -> (DVector<f64>, bool) {
    let nothing = DVector::zeros(z.ncols());
    let length = y.norm();
    if length == 0.0 || z.is_empty() {
        return (nothing, true);
    }
    // Divided by the squared length, the objective keeps its squared penalty in units of b / length.
    let problem = Scaled { z, y: y / length, l1: lambda * l1_ratio / length, l2: lambda * (1.0 - l1_ratio) };
    let stages = if precisely { STAGES } else { &STAGES[..1] };
    let mut best = (nothing, f64::INFINITY);
    for &(tolerance, sweeps) in stages {
        let Some(found) = problem.by_linfa(tolerance, sweeps) else { break };
        let polished = problem.on_the_columns_of(&found);
        for b in polished.into_iter().chain([found]) {
            let violation = problem.violation(&b);
            if violation < best.1 {
                best = (b, violation);
            }
        }
        if best.1 <= OPTIMAL * problem.l1.max(1e-3) {
            return (best.0 * length, true);
        }
    }
    (best.0 * length, false)
}

/// A response of length one, and the weights of both penalties for it.
struct Scaled<'a> {
    z: &'a DMatrix<f64>,
    y: DVector<f64>,
    l1: f64,
    l2: f64,
}

impl Scaled<'_> {
    /// `None` where linfa refuses.
    fn by_linfa(&self, tolerance: f64, sweeps: u32) -> Option<DVector<f64>> {
        let (rows, columns) = self.z.shape();
        let factor = (rows as f64).sqrt();
        let records = Array2::from_shape_fn((rows, columns), |(i, j)| factor * self.z[(i, j)]);
        let targets = Array1::from_iter(self.y.iter().map(|y| factor * y));
        let dataset: DatasetBase<_, _> = Dataset::new(records, targets);
        let parameters = ElasticNet::params()
            .penalty(self.l1 + self.l2)
            .l1_ratio(self.l1 / (self.l1 + self.l2))
            .with_intercept(false)
            .tolerance(tolerance)
            .max_iterations(sweeps);
        let model = parameters.fit(&dataset).ok()?;
        let b = DVector::from_iterator(columns, model.hyperplane().iter().copied());
        b.iter().all(|b| b.is_finite()).then_some(b)
    }

    /// The optimum with the columns and signs of b; `None` where it has other signs or there is none.
    fn on_the_columns_of(&self, b: &DVector<f64>) -> Option<DVector<f64>> {
        let stay: Vec<usize> = (0..b.len()).filter(|&j| b[j] != 0.0).collect();
        let z = self.z.select_columns(&stay);
        let mut gram = z.tr_mul(&z);
        (0..stay.len()).for_each(|i| gram[(i, i)] += self.l2);
        let signs = DVector::from_iterator(stay.len(), stay.iter().map(|&j| b[j].signum()));
        let solved = gram.cholesky()?.solve(&(z.tr_mul(&self.y) - self.l1 * &signs));
        if solved.iter().zip(signs.iter()).any(|(b, sign)| b * sign <= 0.0) {
            return None;
        }
        let mut all = DVector::zeros(b.len());
        stay.iter().zip(solved.iter()).for_each(|(&j, b)| all[j] = *b);
        Some(all)
    }

    /// The largest distance of a gradient from what the conditions ask of it: z_j'(y - Z b) - l2 b_j is l1 sign(b_j) where
    /// b_j is not zero, and at most l1 in size where it is.
    fn violation(&self, b: &DVector<f64>) -> f64 {
        let gradient = self.z.tr_mul(&(&self.y - self.z * b)) - self.l2 * b;
        let of = |(gradient, b): (&f64, &f64)| {
            if *b == 0.0 { (gradient.abs() - self.l1).max(0.0) } else { (gradient - self.l1 * b.signum()).abs() }
        };
        gradient.iter().zip(b.iter()).map(of).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    /// Columns of mean square one that are nearly the same, or not, and a response with a signal in three of them.
    fn problem(columns: usize, shared: f64, unit: f64) -> (DMatrix<f64>, DVector<f64>) {
        let mut rng = LaneRng::new(21, 0);
        let common: Vec<f64> = (0..100).map(|_| rng.normal()).collect();
        let mut z = DMatrix::from_fn(100, columns, |t, _| shared * common[t] + rng.normal());
        for mut column in z.column_iter_mut() {
            let length = column.norm();
            column /= length;
        }
        let noise = DVector::from_fn(100, |_, _| 0.05 * rng.normal());
        let y = (z.column(0) - 0.7 * z.column(1) + 0.5 * z.column(columns - 1) + noise) * unit;
        (z, y)
    }

    /// The conditions of Karush, Kuhn and Tucker, written out.
    fn violation(z: &DMatrix<f64>, y: &DVector<f64>, (lambda, l1): (f64, f64), b: &DVector<f64>) -> f64 {
        let residuals = y - z * b;
        let of = |j: usize| {
            let pull = z.column(j).dot(&residuals) - lambda * (1.0 - l1) * b[j];
            if b[j] == 0.0 { pull.abs() - lambda * l1 } else { (pull - lambda * l1 * b[j].signum()).abs() }
        };
        (0..b.len()).map(of).fold(0.0, f64::max)
    }

    #[test]
    fn the_conditions_of_an_optimum_hold_whatever_the_units() {
        for (columns, shared) in [(5, 0.0), (20, 1.0), (12, 10.0), (120, 1.0)] {
            for unit in [1e-12, 1e9] {
                let (z, y) = problem(columns, shared, unit);
                for l1 in [1.0, 0.3] {
                    for share in [0.9, 0.05] {
                        let lambda = share * z.tr_mul(&y).amax() / l1;
                        // The squared penalty is not in units of y.
                        let lambda = if l1 == 1.0 { lambda } else { lambda.min(share) };
                        let (b, is_optimal) = solve(&z, &y, (lambda, l1), true);
                        let what = format!("{columns} columns, {shared} shared, unit {unit}, {lambda} {l1}");
                        assert!(is_optimal, "{what}");
                        let violation = violation(&z, &y, (lambda, l1), &b) / y.norm();
                        assert!(violation < 1e-6 * lambda * l1 / y.norm() + 1e-12, "{what}: {violation}");
                    }
                }
            }
        }
    }

    #[test]
    fn from_the_largest_product_on_nothing_stays() {
        let (z, y) = problem(10, 1.0, 1.0);
        let largest = z.tr_mul(&y).amax();
        assert_eq!(solve(&z, &y, (largest * 1.000_001, 1.0), true).0, DVector::zeros(10));
        assert_ne!(solve(&z, &y, (largest * 0.999, 1.0), true).0, DVector::zeros(10));
        assert_eq!(solve(&z, &DVector::zeros(100), (0.1, 1.0), true), (DVector::zeros(10), true));
    }
}
