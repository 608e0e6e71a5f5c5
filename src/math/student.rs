//! Regression with Student's t errors by maximum likelihood: coefficients, scale and degrees of freedom.
//!
//! ```text
//! y_i = x_i' b + s r_i,   r_i ~ t(v)        l = sum of ln Gamma((v+1)/2) - ln Gamma(v/2) - ln(pi v) / 2 - ln s
//!                                                      - (v + 1) / 2 ln(1 + r_i^2 / v)
//! ```
//!
//! ECME first: weighted least squares with w_i = (v + 1) / (v + r_i^2), s^2 the mean of w_i e_i^2, then v at the maximum
//! of the likelihood itself (Lange, Little and Taylor 1989, *JASA* 84, p. 881; Liu and Rubin 1994, *Biometrika* 81, p.
//! 633). It climbs from anywhere but ends slowly, so Newton's method in (b, ln s, ln v) follows, with exact first and second
//! derivatives. The likelihood can have several maxima: the best from a start near least squares and one that trusts few
//! outlying rows is taken.
//!
//! v is held within [`DOF`]: below, the variance has no bound; at its end t is Gaussian as far as data can tell. The scale
//! has a floor, without which a likelihood with enough equal values has no maximum (Fernandez and Steel 1999, *Biometrika*
//! 86, p. 153). Standard errors are those of the observed information, with what lies on a bound taken as known. A step
//! costs O(n k^2). Matches a direct maximisation (`tests/reference/student.py`) to 1e-6.

use nalgebra::{DMatrix, DVector};

use super::optimise::{Objective, minimise};
use super::regression::Regression;
use super::root_finding::increasing_root;
use super::special::{digamma, ln_gamma, trigamma};
use crate::error::{Error, Result};

/// The degrees of freedom that are looked for.
pub const DOF: (f64, f64) = (2.1, 200.0);
/// Steps of ECME before Newton's method.
const STEPS: usize = 25;
/// How often bounds are taken up and given back.
const ROUNDS: usize = 8;
/// Degrees of freedom to begin from.
const STARTS: [f64; 2] = [20.0, 2.5];

/// A maximum of the likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct StudentFit {
    /// b.
    pub coefficients: Vec<f64>,
    /// s.
    pub scale: f64,
    /// v.
    pub dof: f64,
    /// The sum of the log densities of the rows.
    pub log_likelihood: f64,
    /// The covariance of b; `None` where the information is not positive definite.
    pub covariance: Option<DMatrix<f64>>,
    /// Whether the gradient vanished, but for what a bound holds.
    pub converged: bool,
    /// Whether the scale lies on its floor.
    pub is_scale_bound: bool,
}

/// Maximises the likelihood, beginning from the least squares fit of `y` on `x`; the scale is at least `floor`.
///
/// # Errors
/// If no finite maximum is found.
pub fn fit(x: &DMatrix<f64>, least_squares: &Regression, floor: f64) -> Result<StudentFit> {
    let n = least_squares.residuals.len() as f64;
    let rows = Rows {
        columns: x * &least_squares.root * n.sqrt(),
        errors: least_squares.residuals.clone(),
        floor: floor.max(f64::MIN_POSITIVE),
    };
    let climbed = STARTS.iter().filter_map(|&dof| rows.climb(rows.start(dof)));
    let best = climbed.max_by(|a, b| a.log_likelihood.total_cmp(&b.log_likelihood)).ok_or_else(|| {
        Error::numeric("the likelihood of Student's t innovations has no finite maximum")
            .hint("use --estimator least-squares")
    })?;
    let root = &least_squares.root * n.sqrt();
    let moved = &root * DVector::from_column_slice(&best.point.gamma);
    Ok(StudentFit {
        coefficients: least_squares.coefficients.iter().zip(&moved).map(|(b, by)| b + by).collect(),
        scale: best.point.scale,
        dof: best.point.dof,
        log_likelihood: best.log_likelihood,
        covariance: best.covariance.map(|gamma| &root * gamma * root.transpose()),
        converged: best.converged,
        is_scale_bound: best.is_scale_bound,
    })
}

/// The rows as deviations from least squares, on columns that are orthogonal with mean square one.
#[derive(Debug)]
struct Rows {
    columns: DMatrix<f64>,
    errors: Vec<f64>,
    floor: f64,
}

/// The parameters: gamma on the orthogonal columns, s and v.
#[derive(Debug, Clone)]
struct Point {
    gamma: Vec<f64>,
    scale: f64,
    dof: f64,
}

#[derive(Debug, Clone)]
struct Peak {
    point: Point,
    log_likelihood: f64,
    converged: bool,
    is_scale_bound: bool,
    covariance: Option<DMatrix<f64>>,
}

impl Rows {
    fn count(&self) -> f64 {
        self.errors.len() as f64
    }

    fn residuals(&self, gamma: &[f64]) -> Vec<f64> {
        let fitted = &self.columns * DVector::from_column_slice(gamma);
        self.errors.iter().zip(&fitted).map(|(e, f)| e - f).collect()
    }

    /// Least squares with the scale of the middle half of the residuals.
    fn start(&self, dof: f64) -> Point {
        let mut sizes: Vec<f64> = self.errors.iter().map(|e| e.abs()).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let rms = (self.errors.iter().map(|e| e * e).sum::<f64>() / self.count()).sqrt();
        let scale = (1.4826 * sizes[sizes.len() / 2]).max(1e-3 * rms).max(self.floor);
        Point { gamma: vec![0.0; self.columns.ncols()], scale, dof }
    }

    /// ECME, then Newton's method; `None` where neither leads to a finite likelihood.
    fn climb(&self, start: Point) -> Option<Peak> {
        let mut point = start;
        for step in 0..STEPS {
            point = self.step(&point, step >= STEPS / 2)?;
        }
        self.polish(point)
    }

    /// Newton's method, with what runs into a bound held there until the likelihood pulls it back.
    fn polish(&self, mut point: Point) -> Option<Peak> {
        let count = self.columns.ncols();
        let mut free = [point.scale > self.floor, DOF.0 < point.dof && point.dof < DOF.1];
        let mut peak = None;
        for _ in 0..ROUNDS {
            let tail = (0..2).filter(|&i| free[i]).map(|i| count + i);
            let mut search = Search { rows: self, origin: point.clone(), free: (0..count).chain(tail).collect() };
            let start = vec![0.0; search.free.len()];
            let found = minimise(&mut search, &start)?;
            let to = search.point(&found.z);
            let outside = [to.scale <= self.floor, to.dof <= DOF.0 || to.dof >= DOF.1];
            point = Point { scale: to.scale.max(self.floor), dof: to.dof.clamp(DOF.0, DOF.1), ..to };
            if (0..2).any(|i| free[i] && outside[i]) {
                (0..2).for_each(|i| free[i] &= !outside[i]);
                continue;
            }
            let at = self.derivatives(&point);
            let dof_returns = (at.gradient[count + 1] > 0.0) == (point.dof == DOF.1);
            let returns = [!free[0] && at.gradient[count] < 0.0, !free[1] && dof_returns];
            peak = Some(Peak {
                log_likelihood: -at.value * self.count(),
                converged: found.converged && returns == [false; 2],
                is_scale_bound: !free[0],
                covariance: covariance(&found.hessian, self.count(), search.origin.scale, count),
                point: point.clone(),
            });
            if returns == [false; 2] {
                break;
            }
            (0..2).for_each(|i| free[i] |= returns[i]);
        }
        peak
    }

    /// One step of ECME; the degrees of freedom stay where they are at first, while outlying rows lose their weight.
    fn step(&self, at: &Point, move_dof: bool) -> Option<Point> {
        let weights: Vec<f64> =
            self.residuals(&at.gamma).iter().map(|e| (at.dof + 1.0) / (at.dof + (e / at.scale).powi(2))).collect();
        let mut weighted = self.columns.clone();
        weighted.row_iter_mut().zip(&weights).for_each(|(mut row, &w)| row *= w);
        let normal = self.columns.tr_mul(&weighted);
        let gamma = normal.cholesky()?.solve(&weighted.tr_mul(&DVector::from_column_slice(&self.errors)));
        let gamma: Vec<f64> = gamma.iter().copied().collect();
        let errors = self.residuals(&gamma);
        let square = errors.iter().zip(&weights).map(|(e, w)| w * e * e).sum::<f64>() / self.count();
        let scale = square.sqrt().max(self.floor);
        let dof = if move_dof { best_dof(&errors, scale) } else { at.dof };
        (scale.is_finite() && gamma.iter().all(|g| g.is_finite())).then_some(Point { gamma, scale, dof })
    }

    /// The mean of minus the log densities, its gradient and Hessian by (gamma, ln s, ln v).
    fn derivatives(&self, at: &Point) -> Derivatives {
        let (count, n) = (self.columns.ncols(), self.count());
        let (s, v) = (at.scale, at.dof);
        let r = DVector::from_vec(self.residuals(&at.gamma)) / s;
        let square = r.map(|r| r * r);
        // psi = -d ln f / d r, its slope by r, and by v.
        let psi = r.map(|r| (v + 1.0) * r / (v + r * r));
        let slope = square.map(|q| (v + 1.0) * (v - q) / ((v + q) * (v + q)));
        let by_dof = r.map(|r| r * (r * r - 1.0) / ((v + r * r) * (v + r * r)));
        let (first, second) = dof_derivatives(square.iter().copied(), v);
        let mut gradient = DVector::zeros(count + 2);
        gradient.rows_mut(0, count).copy_from(&(self.columns.tr_mul(&psi) / -s));
        (gradient[count], gradient[count + 1]) = (n - psi.dot(&r), -v * first);
        let mut hessian = DMatrix::zeros(count + 2, count + 2);
        let mut weighted = self.columns.clone();
        weighted.row_iter_mut().zip(&slope).for_each(|(mut row, &slope)| row *= slope / (s * s));
        hessian.view_mut((0, 0), (count, count)).copy_from(&self.columns.tr_mul(&weighted));
        let mixed = slope.component_mul(&r) + &psi;
        hessian.view_mut((0, count), (count, 1)).copy_from(&(self.columns.tr_mul(&mixed) / s));
        hessian.view_mut((0, count + 1), (count, 1)).copy_from(&(self.columns.tr_mul(&by_dof) * (-v / s)));
        hessian[(count, count)] = mixed.dot(&r);
        hessian[(count, count + 1)] = -v * by_dof.dot(&r);
        hessian[(count + 1, count + 1)] = -v * v * second - v * first;
        hessian.fill_lower_triangle_with_upper_triangle();
        let tails: f64 = square.iter().map(|q| (q / v).ln_1p()).sum();
        let value = 0.5 * (v + 1.0) * tails - n * log_constant(s, v);
        Derivatives { value: value / n, gradient: gradient / n, hessian: hessian / n }
    }
}

/// ln of what a density has beside its tail.
fn log_constant(s: f64, v: f64) -> f64 {
    ln_gamma(0.5 * (v + 1.0)) - ln_gamma(0.5 * v) - 0.5 * (std::f64::consts::PI * v).ln() - s.ln()
}

/// The covariance of gamma from the mean information in units of the scale.
fn covariance(hessian: &DMatrix<f64>, n: f64, scale: f64, count: usize) -> Option<DMatrix<f64>> {
    let all = (hessian * n).cholesky()?.inverse();
    Some(all.view((0, 0), (count, count)) * (scale * scale))
}

#[derive(Debug, Clone)]
struct Derivatives {
    value: f64,
    gradient: DVector<f64>,
    hessian: DMatrix<f64>,
}

/// The first and second derivative of the log-likelihood by v, all r^2 given.
fn dof_derivatives(squares: impl Iterator<Item = f64>, v: f64) -> (f64, f64) {
    let (mut n, mut first, mut second) = (0.0, 0.0, 0.0);
    for square in squares {
        let both = v * (v + square);
        n += 1.0;
        first += (v + 1.0) * square / both - (square / v).ln_1p();
        second += square / both - square * (v * v + 2.0 * v + square) / (both * both);
    }
    first += n * (digamma(0.5 * (v + 1.0)) - digamma(0.5 * v) - v.recip());
    second += n * (0.5 * (trigamma(0.5 * (v + 1.0)) - trigamma(0.5 * v)) + (v * v).recip());
    (0.5 * first, 0.5 * second)
}

/// The degrees of freedom at which residuals of a given scale are likeliest.
fn best_dof(errors: &[f64], scale: f64) -> f64 {
    // Falls by ln v where the likelihood is concave in it.
    let slope = |log_dof: f64| {
        let v = log_dof.exp();
        let (first, second) = dof_derivatives(errors.iter().map(|e| (e / scale).powi(2)), v);
        (-v * first, -(v * v * second + v * first))
    };
    let (low, high) = (DOF.0.ln(), DOF.1.ln());
    if slope(low).0 >= 0.0 {
        return DOF.0;
    }
    if slope(high).0 <= 0.0 {
        return DOF.1;
    }
    increasing_root(low, high, 1.0, slope).exp()
}

/// Newton's method from an origin: gamma in units of its scale, ln(s / s_0), ln(v / v_0).
#[derive(Debug)]
struct Search<'a> {
    rows: &'a Rows,
    origin: Point,
    /// Which of (gamma, ln s, ln v) move.
    free: Vec<usize>,
}

impl Search<'_> {
    fn point(&self, z: &[f64]) -> Point {
        let mut to = self.origin.clone();
        let count = to.gamma.len();
        for (&index, &z) in self.free.iter().zip(z) {
            match index {
                index if index < count => to.gamma[index] += self.origin.scale * z,
                index if index == count => to.scale *= z.exp(),
                _ => to.dof *= z.exp(),
            }
        }
        to
    }

    /// What one unit of z moves.
    fn unit(&self, index: usize) -> f64 {
        if index < self.origin.gamma.len() { self.origin.scale } else { 1.0 }
    }
}

impl Objective for Search<'_> {
    fn gradient(&mut self, z: &[f64]) -> Option<(f64, Vec<f64>)> {
        let at = self.rows.derivatives(&self.point(z));
        let gradient: Vec<f64> = self.free.iter().map(|&i| at.gradient[i] * self.unit(i)).collect();
        (at.value.is_finite() && gradient.iter().all(|g| g.is_finite())).then_some((at.value, gradient))
    }

    fn hessian(&mut self, z: &[f64]) -> Option<DMatrix<f64>> {
        let at = self.rows.derivatives(&self.point(z)).hessian;
        let entry = |i: usize, j: usize| {
            let (i, j) = (self.free[i], self.free[j]);
            at[(i, j)] * self.unit(i) * self.unit(j)
        };
        let hessian = DMatrix::from_fn(self.free.len(), self.free.len(), entry);
        hessian.iter().all(|h| h.is_finite()).then_some(hessian)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;
    use crate::math::regression::least_squares;

    fn example(n: usize, dof: f64) -> (DMatrix<f64>, Vec<f64>) {
        let mut rng = LaneRng::new(8, 0);
        let x = DMatrix::from_fn(n, 2, |i, j| if j == 0 { 1.0 } else { (i as f64 * 0.7).sin() + 3.0 });
        let y = (0..n).map(|i| 2.0 - 0.5 * x[(i, 1)] + 0.4 * rng.student_t(dof)).collect();
        (x, y)
    }

    fn rows(x: &DMatrix<f64>, y: &[f64]) -> Rows {
        let fit = least_squares(x, y).expect("regular");
        Rows { columns: x * &fit.root * (y.len() as f64).sqrt(), errors: fit.residuals, floor: 1e-9 }
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        let (x, y) = example(30, 3.0);
        let rows = rows(&x, &y);
        let origin = Point { gamma: vec![0.1, -0.05], scale: 0.5, dof: 4.0 };
        let mut search = Search { rows: &rows, origin, free: vec![0, 1, 2, 3] };
        let z = [0.2, -0.1, 0.1, 0.3];
        let (_, gradient) = search.gradient(&z).expect("finite");
        let hessian = search.hessian(&z).expect("finite");
        for i in 0..4 {
            let mut moved = |by: f64| {
                let mut z = z;
                z[i] += by;
                search.gradient(&z).expect("finite")
            };
            let (above, below) = (moved(1e-5), moved(-1e-5));
            assert!(((above.0 - below.0) / 2e-5 - gradient[i]).abs() < 1e-9, "{i}");
            for j in 0..4 {
                assert!(((above.1[j] - below.1[j]) / 2e-5 - hessian[(i, j)]).abs() < 1e-8, "{i} {j}");
            }
        }
    }

    #[test]
    fn one_outlier_moves_nothing_and_gaussian_errors_end_at_the_bound() {
        let (x, y) = example(200, 3.0);
        let clean = fit(&x, &least_squares(&x, &y).expect("regular"), 0.0).expect("a fit");
        assert!(clean.converged && (clean.dof - 3.0).abs() < 1.0, "{clean:?}");
        let mut wild = y.clone();
        wild[50] = 1e8;
        let robust = fit(&x, &least_squares(&x, &wild).expect("regular"), 0.0).expect("a fit");
        let error = |j: usize| clean.covariance.as_ref().expect("positive")[(j, j)].sqrt();
        for j in 0..2 {
            assert!((robust.coefficients[j] - clean.coefficients[j]).abs() < 0.2 * error(j), "{robust:?}");
        }
        // Errors that are squeezed into a box have thinner tails than any t.
        let boxed: Vec<f64> = (0..200).map(|i| x[(i, 1)] + f64::from(i as u32 * 37 % 101) / 50.0).collect();
        let light = fit(&x, &least_squares(&x, &boxed).expect("regular"), 0.0).expect("a fit");
        assert!(light.converged && light.dof == DOF.1, "{light:?}");
    }

    #[test]
    fn equal_values_end_at_the_floor_of_the_scale() {
        let x = DMatrix::from_element(50, 1, 1.0);
        let y: Vec<f64> = (0..50).map(|i| f64::from(u8::from(i % 10 == 0))).collect();
        let found = fit(&x, &least_squares(&x, &y).expect("regular"), 0.25).expect("a fit");
        assert!(found.is_scale_bound && found.converged && found.scale == 0.25, "{found:?}");
        assert!(found.coefficients[0].abs() < 0.05);
    }
}
