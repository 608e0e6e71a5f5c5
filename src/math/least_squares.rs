//! Least squares of nested autoregressions: one triangular factor that holds the answer of every order.
//!
//! The columns of the design are `[1, t, x_{t-1}, .., x_{t-p}, x_t]`, the response last. With R'R the Gram matrix of
//! these columns, R upper triangular,
//!
//! ```text
//! RSS of the first k columns = sum_{j >= k} R_{j,last}^2       coefficients: R_kk b = R_{1..k,last}
//! ```
//!
//! so orders 0..p on a common sample cost one factorisation (Golub and Van Loan 2013, *Matrix Computations*, section
//! 5.3.8). R comes from a Cholesky factorisation of the centred Gram matrix, made in O(n p) by the recursion
//! G_{i+1,j+1} = G_{i,j} + first row - last row over the lagged products. Its relative error is about kappa^2 1e-16, with
//! kappa the condition of the scaled columns. So the estimate of kappa^2 decides:
//!
//! | kappa^2 | method |
//! |---|---|
//! | up to 1e4 | Cholesky as it is: twelve digits |
//! | up to 1e10 | Cholesky, and one step of refinement from the residuals of the rows (the corrected seminormal equations; Bjorck 1996, *Numerical Methods for Least Squares Problems*, section 6.6.5), O(n p) more |
//! | above | Householder QR over blocks of rows (O(n p^2) time, O(p^2) memory; Demmel, Grigori, Hoemmen and Langou 2012, SIAM J. Sci. Comput. 34, A206) |

use nalgebra::{DMatrix, DVector};

use super::autocovariance::products_after;

/// The kappa^2 up to which the Cholesky factor of the Gram matrix is used as it is.
const EXACT_ENOUGH: f64 = 1e4;
/// The kappa^2 up to which one step of refinement restores what the Gram matrix lost.
const REFINABLE: f64 = 1e10;

/// The deterministic columns beside the lags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deterministic {
    /// None.
    None,
    /// A constant.
    Constant,
    /// A constant and the time t = 1, 2, ..
    ConstantTrend,
}

impl Deterministic {
    /// The number of columns.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::None => 0,
            Self::Constant => 1,
            Self::ConstantTrend => 2,
        }
    }
}

/// The factor of a design with all lags up to p, over the rows that have all of them.
#[derive(Debug, Clone)]
pub struct LagRegression<'a> {
    segments: Vec<Segment<'a>>,
    deterministic: Deterministic,
    lags: usize,
    rows: usize,
    /// The upper triangular factor of `[deterministic, lags, response]`, in centred and scaled units.
    r: DMatrix<f64>,
    centre: Centre,
    method: Method,
}

/// How the factor was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// From the Gram matrix.
    Cholesky,
    /// From the Gram matrix, solutions refined from the rows.
    RefinedCholesky,
    /// From the rows.
    Qr,
}

/// Where values and times are measured from, and in what unit: x' = x - level, t' = (t - middle) / span.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Centre {
    level: f64,
    middle: f64,
    span: f64,
}

/// The answer for one order, in the units of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// c, then b of the time t = 1, 2, .. where the design has them, then phi_1..phi_p.
    pub coefficients: Vec<f64>,
    /// The diagonal of (X'X)^-1, in the same order: times sigma^2 the variances of the coefficients.
    pub inverse_diagonal: Vec<f64>,
    /// The residual sum of squares.
    pub rss: f64,
}

/// A stretch of known values and the time (1, 2, ..) of its first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment<'a> {
    /// The values, more than there are lags.
    pub x: &'a [f64],
    /// The time of the first.
    pub time: f64,
}

impl<'a> LagRegression<'a> {
    /// The factor over all rows of all segments.
    ///
    /// # Panics
    /// If a segment has no row with all lags.
    #[must_use]
    pub fn new(segments: Vec<Segment<'a>>, deterministic: Deterministic, lags: usize) -> Self {
        assert!(segments.iter().all(|segment| segment.x.len() > lags), "a segment needs a row with {lags} lags");
        let centre = Centre::of(&segments, deterministic);
        let rows = segments.iter().map(|segment| segment.x.len() - lags).sum();
        let r = DMatrix::zeros(0, 0);
        let mut regression = Self { segments, deterministic, lags, rows, r, centre, method: Method::Cholesky };
        (regression.r, regression.method) = match cholesky(&regression.gram()) {
            Some((r, condition)) if condition <= EXACT_ENOUGH => (r, Method::Cholesky),
            Some((r, condition)) if condition <= REFINABLE => (r, Method::RefinedCholesky),
            _ => (regression.factor_rows(), Method::Qr),
        };
        regression
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How the factor was made.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The residual sum of squares of an order on the common rows.
    #[must_use]
    pub fn rss(&self, order: usize) -> f64 {
        let last = self.r.ncols() - 1;
        (self.deterministic.width() + order..=last).map(|row| self.r[(row, last)].powi(2)).sum()
    }

    /// The largest order whose columns are linearly independent, to a relative 1e-12 of each column's length; at most
    /// as many columns as rows.
    #[must_use]
    pub fn rank_order(&self) -> usize {
        let first = self.deterministic.width();
        let independent = |order: usize| {
            let column = first + order - 1;
            let length = (0..=column).map(|row| self.r[(row, column)].powi(2)).sum::<f64>().sqrt();
            self.r[(column, column)].abs() > 1e-12 * length && first + order <= self.rows
        };
        (1..=self.lags).take_while(|&order| independent(order)).count()
    }

    /// The coefficients of an order up to [`rank_order`](Self::rank_order).
    ///
    /// # Panics
    /// If the order is above the number of lags.
    #[must_use]
    pub fn solve(&self, order: usize) -> Solution {
        assert!(order <= self.lags, "the design has {} lags", self.lags);
        let (width, last) = (self.deterministic.width() + order, self.r.ncols() - 1);
        let r = self.r.view((0, 0), (width, width)).into_owned();
        let right = self.r.view((0, last), (width, 1)).into_owned();
        let b = r.solve_upper_triangular(&right).unwrap_or_else(|| DMatrix::from_element(width, 1, f64::NAN));
        let identity = DMatrix::identity(width, width);
        let inverse =
            r.solve_upper_triangular(&identity).unwrap_or_else(|| DMatrix::from_element(width, width, f64::NAN));
        let (mut b, mut rss) = (b.as_slice().to_vec(), self.rss(order));
        if self.method == Method::RefinedCholesky {
            rss = self.refine(&mut b, &inverse, order);
        }
        let inverse_diagonal = (0..width).map(|i| self.variance_of(i, order, &inverse)).collect();
        Solution { coefficients: self.back_transform(&b, order), inverse_diagonal, rss }
    }

    /// One step b += (R'R)^-1 X' (y - X b); returns the new residual sum of squares.
    fn refine(&self, b: &mut [f64], inverse: &DMatrix<f64>, order: usize) -> f64 {
        let first = self.deterministic.width();
        let mut rss = 0.0;
        let mut gradient = vec![0.0; b.len()];
        for segment in &self.segments {
            let (p, n, level) = (self.lags, segment.x.len(), self.centre.level);
            let mut residual: Vec<f64> = segment.x[p..].iter().map(|x| x - level).collect();
            let regressor = |column: usize, t: usize| match column {
                0 => 1.0,
                _ => (segment.time + t as f64 - self.centre.middle) / self.centre.span,
            };
            for (column, b) in b[..first].iter().enumerate() {
                (p..n).zip(&mut residual).for_each(|(t, r)| *r -= b * regressor(column, t));
            }
            for (lag, b) in (1..=order).zip(&b[first..]) {
                segment.x[p - lag..].iter().zip(&mut residual).for_each(|(x, r)| *r -= b * (x - level));
            }
            for (column, g) in gradient[..first].iter_mut().enumerate() {
                *g += (p..n).zip(&residual).map(|(t, r)| r * regressor(column, t)).sum::<f64>();
            }
            for (lag, g) in (1..=order).zip(&mut gradient[first..]) {
                *g += segment.x[p - lag..].iter().zip(&residual).map(|(x, r)| r * (x - level)).sum::<f64>();
            }
            rss += residual.iter().map(|r| r * r).sum::<f64>();
        }
        let gradient = DVector::from_vec(gradient);
        let half = inverse.tr_mul(&gradient);
        let step = inverse * &half;
        b.iter_mut().zip(step.iter()).for_each(|(b, step)| *b += step);
        rss - half.norm_squared()
    }

    /// From centred units to the data's: c = level (1 - sum phi) + c' - b' middle / span, b = b' / span.
    fn back_transform(&self, b: &[f64], order: usize) -> Vec<f64> {
        let first = self.deterministic.width();
        let Centre { level, middle, span } = self.centre;
        let mut back = b.to_vec();
        let persistence: f64 = b[first..first + order].iter().sum();
        if first > 0 {
            back[0] += level * (1.0 - persistence);
        }
        if first > 1 {
            back[0] -= b[1] * middle / span;
            back[1] /= span;
        }
        back
    }

    /// The i-th diagonal element of (X'X)^-1 in the data's units: the squared length of the row of the back
    /// transformation (linear in b but for a constant) times R^-1.
    fn variance_of(&self, i: usize, order: usize, inverse: &DMatrix<f64>) -> f64 {
        let width = inverse.ncols();
        let origin = self.back_transform(&vec![0.0; width], order)[i];
        let row: Vec<f64> = (0..width)
            .map(|j| {
                let mut unit = vec![0.0; width];
                unit[j] = 1.0;
                self.back_transform(&unit, order)[i] - origin
            })
            .collect();
        (0..width).map(|k| (0..width).map(|j| row[j] * inverse[(j, k)]).sum::<f64>().powi(2)).sum()
    }

    fn columns(&self) -> usize {
        self.deterministic.width() + self.lags + 1
    }

    /// The Gram matrix of the centred columns (upper triangle).
    fn gram(&self) -> DMatrix<f64> {
        let (first, p) = (self.deterministic.width(), self.lags);
        let columns = self.columns();
        let mut gram = DMatrix::zeros(columns, columns);
        // The response is lag 0, but stands last.
        let column = |lag: usize| if lag == 0 { columns - 1 } else { first + lag - 1 };
        for segment in &self.segments {
            let lagged = self.lagged_gram(segment);
            for i in 0..=p {
                for j in i..=p {
                    let (a, b) = (column(i).min(column(j)), column(i).max(column(j)));
                    gram[(a, b)] += lagged[i * (p + 1) + j];
                }
            }
            self.add_deterministic(segment, &mut gram, column);
        }
        gram
    }

    /// sum_t x_{t-i} x_{t-j} for i <= j over the rows of a segment, at i (p + 1) + j.
    fn lagged_gram(&self, segment: &Segment<'_>) -> Vec<f64> {
        let (p, n) = (self.lags, segment.x.len());
        let at = |t: usize| segment.x[t] - self.centre.level;
        let mut gram = vec![0.0; (p + 1) * (p + 1)];
        gram[..=p].copy_from_slice(&products_after(segment.x, self.centre.level, p));
        for i in 0..p {
            for j in i..p {
                // One lag further on both sides: a row enters at the start and one leaves at the end.
                gram[(i + 1) * (p + 1) + j + 1] =
                    gram[i * (p + 1) + j] + at(p - 1 - i) * at(p - 1 - j) - at(n - 1 - i) * at(n - 1 - j);
            }
        }
        gram
    }

    /// The products of the constant and the time with every column.
    fn add_deterministic(&self, segment: &Segment<'_>, gram: &mut DMatrix<f64>, column: impl Fn(usize) -> usize) {
        if self.deterministic == Deterministic::None {
            return;
        }
        let (p, n) = (self.lags, segment.x.len());
        let at = |t: usize| segment.x[t] - self.centre.level;
        let time = |t: usize| (segment.time + t as f64 - self.centre.middle) / self.centre.span;
        gram[(0, 0)] += (n - p) as f64;
        let mut sum: f64 = (p..n).map(at).sum();
        let with_trend = self.deterministic == Deterministic::ConstantTrend;
        let mut trend: f64 = if with_trend { (p..n).map(|t| time(t) * at(t)).sum() } else { 0.0 };
        for lag in 0..=p {
            gram[(0, column(lag))] += sum;
            if with_trend {
                gram[(1, column(lag))] += trend;
            }
            if lag < p {
                // sum time(t) x_{t-lag-1} = sum time(s + 1) x_{s-lag} over rows moved by one.
                let (enters, leaves) = (at(p - 1 - lag), at(n - 1 - lag));
                trend += time(p - 1) * enters - time(n - 1) * leaves;
                sum += enters - leaves;
                trend += sum / self.centre.span;
            }
        }
        if with_trend {
            gram[(0, 1)] += (p..n).map(time).sum::<f64>();
            gram[(1, 1)] += (p..n).map(|t| time(t).powi(2)).sum::<f64>();
        }
    }

    /// R from the rows, a block at a time: the factor so far on top of the next rows, factored again.
    fn factor_rows(&self) -> DMatrix<f64> {
        let (columns, first) = (self.columns(), self.deterministic.width());
        let block = 4 * columns.max(64);
        let mut stacked: DMatrix<f64> = DMatrix::zeros(columns + block, columns);
        let mut filled = columns;
        for segment in &self.segments {
            for t in self.lags..segment.x.len() {
                if first > 0 {
                    stacked[(filled, 0)] = 1.0;
                }
                if first > 1 {
                    stacked[(filled, 1)] = (segment.time + t as f64 - self.centre.middle) / self.centre.span;
                }
                for lag in 1..=self.lags {
                    stacked[(filled, first + lag - 1)] = segment.x[t - lag] - self.centre.level;
                }
                stacked[(filled, columns - 1)] = segment.x[t] - self.centre.level;
                filled += 1;
                if filled == stacked.nrows() {
                    fold(&mut stacked);
                    filled = columns;
                }
            }
        }
        fold(&mut stacked);
        stacked.rows(0, columns).into_owned()
    }
}

/// Replaces the rows by their triangular factor on top and zeros below.
fn fold(stacked: &mut DMatrix<f64>) {
    let columns = stacked.ncols();
    let r = stacked.clone().qr().r();
    stacked.fill(0.0);
    stacked.view_mut((0, 0), (columns, columns)).copy_from(&r);
}

impl Centre {
    fn of(segments: &[Segment<'_>], deterministic: Deterministic) -> Self {
        if deterministic == Deterministic::None {
            // Without an intercept the origin of the data is part of the model.
            return Self { level: 0.0, middle: 0.0, span: 1.0 };
        }
        let mean = super::autocovariance::mean(segments.iter().map(|segment| segment.x));
        let level = if mean.is_finite() { mean } else { 0.0 };
        let last = segments.iter().map(|segment| segment.time + segment.x.len() as f64).fold(2.0, f64::max);
        Self { level, middle: 0.5 * last, span: 0.5 * last }
    }
}

/// The upper Cholesky factor and kappa^2 of the scaled columns, the larger of the regressors' and of what the response
/// loses by cancellation. `None` where a pivot vanishes.
fn cholesky(gram: &DMatrix<f64>) -> Option<(DMatrix<f64>, f64)> {
    let columns = gram.ncols();
    let scale: Vec<f64> = (0..columns).map(|i| gram[(i, i)].sqrt()).collect();
    if !scale.iter().all(|s| *s > 0.0) {
        return None;
    }
    let mut r: DMatrix<f64> = DMatrix::zeros(columns, columns);
    for j in 0..columns {
        for i in 0..=j {
            let known: f64 = (0..i).map(|k| r[(k, i)] * r[(k, j)]).sum();
            let rest = gram[(i, j)] / (scale[i] * scale[j]) - known;
            if i < j {
                r[(i, j)] = rest / r[(i, i)];
            } else if rest > f64::EPSILON {
                r[(j, j)] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    // The squared Frobenius norm of the inverse is at least 1 / (smallest eigenvalue); the largest is at most the width.
    let regressors = columns - 1;
    let identity = DMatrix::identity(regressors, regressors);
    let inverse = r.view((0, 0), (regressors, regressors)).into_owned().solve_upper_triangular(&identity)?;
    let condition = (inverse.norm_squared() * regressors as f64).max(r[(regressors, regressors)].powi(-2));
    for j in 0..columns {
        for i in 0..=j {
            r[(i, j)] *= scale[j];
        }
    }
    Some((r, condition))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wavy(n: usize) -> Vec<f64> {
        (0..n).map(|t| 50.0 + (0.37 * t as f64).sin() + ((t * t) % 17) as f64 / 5.0 + 0.01 * t as f64).collect()
    }

    fn whole(x: &[f64]) -> Vec<Segment<'_>> {
        vec![Segment { x, time: 1.0 }]
    }

    /// The textbook: an explicit design and the normal equations' residuals.
    fn explicit(x: &[f64], deterministic: Deterministic, p: usize) -> (Vec<f64>, Vec<f64>, f64) {
        let rows: Vec<usize> = (p..x.len()).filter(|&t| (t - p..=t).all(|s| !x[s].is_nan())).collect();
        let width = deterministic.width() + p;
        let design = DMatrix::from_fn(rows.len(), width, |i, j| match j {
            0 if deterministic.width() > 0 => 1.0,
            1 if deterministic.width() > 1 => rows[i] as f64 + 1.0,
            _ => x[rows[i] - (j - deterministic.width() + 1)],
        });
        let y = DMatrix::from_fn(rows.len(), 1, |i, _| x[rows[i]]);
        let svd = design.clone().svd(true, true);
        let b = svd.solve(&y, 0.0).expect("both factors");
        let inverse = svd.pseudo_inverse(0.0).expect("both factors");
        let diagonal = (0..width).map(|i| inverse.row(i).norm_squared()).collect();
        (b.as_slice().to_vec(), diagonal, (&y - &design * &b).norm_squared())
    }

    fn close(a: &[f64], b: &[f64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= tolerance * b.abs().max(1e-3), "{a} {b}");
        }
    }

    #[test]
    fn agrees_with_an_explicit_design_for_every_trend_and_with_gaps() {
        let mut gappy = wavy(200);
        gappy[60] = f64::NAN;
        let gapless = wavy(120);
        let split = vec![Segment { x: &gappy[..60], time: 1.0 }, Segment { x: &gappy[61..], time: 62.0 }];
        for (x, segments) in [(&gapless, whole(&gapless)), (&gappy, split)] {
            for deterministic in [Deterministic::None, Deterministic::Constant, Deterministic::ConstantTrend] {
                for p in [0, 1, 4] {
                    if deterministic.width() + p == 0 {
                        continue;
                    }
                    let solution = LagRegression::new(segments.clone(), deterministic, p).solve(p);
                    let (b, diagonal, rss) = explicit(x, deterministic, p);
                    close(&solution.coefficients, &b, 1e-9);
                    close(&solution.inverse_diagonal, &diagonal, 1e-8);
                    close(&[solution.rss], &[rss], 1e-10);
                }
            }
        }
    }

    #[test]
    fn smaller_orders_come_from_the_same_factor() {
        let x = wavy(80);
        let all = LagRegression::new(whole(&x), Deterministic::Constant, 6);
        for p in 0..=6 {
            // The common sample leaves out 6 - p further rows at the start.
            let own = LagRegression::new(whole(&x[6 - p..]), Deterministic::Constant, p);
            close(&[all.rss(p)], &[own.rss(p)], 1e-10);
            close(&all.solve(p).coefficients, &own.solve(p).coefficients, 1e-9);
        }
    }

    #[test]
    fn a_bad_condition_goes_to_the_rows_and_keeps_its_digits() {
        // Ever smoother series far from zero: lags are almost collinear.
        let smooth = |noise: f64| -> Vec<f64> {
            let wave = |t: i32| 1e4 + 1e3 * (0.01 * f64::from(t)).sin();
            (0..3000).map(|t| wave(t) + noise * f64::from((t * 7919) % 101)).collect()
        };
        for (noise, method, digits) in
            [(20.0, Method::Cholesky, 1e-9), (5e-3, Method::RefinedCholesky, 1e-10), (1e-4, Method::Qr, 1e-5)]
        {
            let x = smooth(noise);
            let regression = LagRegression::new(whole(&x), Deterministic::Constant, 3);
            assert_eq!(regression.method(), method, "noise {noise}");
            let (b, _, rss) = explicit(&x, Deterministic::Constant, 3);
            let solution = regression.solve(3);
            close(&solution.coefficients[1..], &b[1..], digits);
            assert!((solution.rss / rss - 1.0).abs() < digits, "noise {noise}: {} {rss}", solution.rss);
        }
    }

    #[test]
    fn collinear_lags_have_no_rank() {
        let line: Vec<f64> = (0..50).map(f64::from).collect();
        assert_eq!(LagRegression::new(whole(&line), Deterministic::Constant, 5).rank_order(), 1);
        assert_eq!(LagRegression::new(whole(&[3.0; 50]), Deterministic::Constant, 5).rank_order(), 0);
    }
}
