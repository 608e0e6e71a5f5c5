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
    let Some(found) = problem.by_linfa(precisely) else { return (nothing, false) };
    let polished = problem.on_the_columns_of(&found).filter(|b| problem.violation(b) <= problem.violation(&found));
    let b = polished.unwrap_or(found);
    let is_optimal = problem.violation(&b) <= OPTIMAL * problem.l1.max(1e-3);
    (b * length, is_optimal)
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
    fn by_linfa(&self, precisely: bool) -> Option<DVector<f64>> {
        let (rows, columns) = self.z.shape();
        let factor = (rows as f64).sqrt();
        let records = Array2::from_shape_fn((rows, columns), |(i, j)| factor * self.z[(i, j)]);
        let targets = Array1::from_iter(self.y.iter().map(|y| factor * y));
        let dataset: DatasetBase<_, _> = Dataset::new(records, targets);
        let (tolerance, iterations) = if precisely { (1e-10, 50_000) } else { (1e-6, 2000) };
        let parameters = ElasticNet::params()
            .penalty(self.l1 + self.l2)
            .l1_ratio(self.l1 / (self.l1 + self.l2))
            .with_intercept(false)
            .tolerance(tolerance)
            .max_iterations(iterations);
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
