//! Recursive least squares with exponential forgetting.
//!
//! ```text
//! minimised      sum_i w_i (y_i - x_i' b)^2,   the weight w of a row a factor lambda smaller with every later row
//! g = P x,  d = lambda + x' g,  e = y - x' b
//! b <- b + g e / d,   s = g / sqrt(d),   P <- (P - s s') / lambda
//! R <- lambda R + e^2 lambda / d         the minimum itself
//! ```
//!
//! P is the inverse of sum_i w_i x_i x_i'. With s s' subtracted P stays symmetric to the bit; the textbook's g x' P / d
//! does not, and its asymmetry grows by 1 / lambda a step until it diverges. After 1e8 updates at lambda 0.99 P is symmetric
//! and the coefficients are those of a fresh start, within what that has yet to forget (a test that is run on demand). O(k^2) a step, k^2 + O(k) memory (Plackett 1950,
//! *Biometrika* 37, p. 149; Ljung and Soderstrom 1983, *Theory and Practice of Recursive Identification*, section 2.6).
//!
//! Wind-up: where rows do not excite a direction, forgetting alone would let P grow without bound, and the next row that
//! does would throw the coefficients far off. So each P_jj has a limit, and a step at which one would pass it forgets
//! nothing: lambda is 1 for that step. After a start from least squares the limit is a million times its P_jj; after a
//! diffuse start it is the prior, so that forgetting begins once every coefficient has been seen.

use nalgebra::DMatrix;

use super::kernels::{subtract_square, symmetric_times};
use super::regression::least_squares;
use crate::error::{Error, Result};

/// How far P_jj may grow beyond its value at the start.
const GROWTH: f64 = 1e6;

/// Coefficients that follow the rows.
///
/// ```
/// use foretoken::math::recursive::Recursive;
///
/// let mut line = Recursive::new(2, 1.0, 1e8)?;
/// for t in 0..20 {
///     line.update(&[1.0, f64::from(t)], 3.0 + 0.5 * f64::from(t));
/// }
/// assert!((line.predict(&[1.0, 20.0]) - 13.0).abs() < 1e-6);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recursive {
    parts: RecursiveParts,
    /// P x, and then s.
    gain: Vec<f64>,
}

/// Recursions that remember the same are the same, whatever their last step left in scratch memory.
impl PartialEq for Recursive {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

/// Everything that a recursion remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct RecursiveParts {
    /// lambda.
    pub forgetting: f64,
    /// b.
    pub coefficients: Vec<f64>,
    /// P, row by row.
    pub inverse: Vec<f64>,
    /// What each P_jj may not pass.
    pub limits: Vec<f64>,
    /// R: the minimum of the weighted squares.
    pub squares: f64,
    /// The sum of the weights.
    pub weight: f64,
    /// The sum of their squares.
    pub squared_weight: f64,
}

/// # Errors
/// If lambda is not in (0, 1].
pub fn check_forgetting(forgetting: f64) -> Result<()> {
    if forgetting > 0.0 && forgetting <= 1.0 {
        return Ok(());
    }
    Err(Error::usage(format!("the forgetting factor {forgetting} is outside its range"))
        .expected("a number above 0 and at most 1")
        .hint("1 forgets nothing, .99 weighs the last hundred rows"))
}

impl Recursive {
    /// A diffuse start: b is zero with P = `prior` I, as if rows of weight 1 / prior had been seen at zero. The
    /// coefficients are shrunk by about 1 / (prior sum x^2), and cost about prior sum x^2 units of rounding.
    ///
    /// # Errors
    /// If lambda is not in (0, 1] or the prior not positive.
    pub fn new(width: usize, forgetting: f64, prior: f64) -> Result<Self> {
        check_forgetting(forgetting)?;
        if !(prior > 0.0 && prior.is_finite()) {
            return Err(Error::usage(format!("the prior {prior} cannot be used")).expected("a positive number"));
        }
        let mut inverse = vec![0.0; width * width];
        (0..width).for_each(|j| inverse[j * width + j] = prior);
        Self::from_parts(RecursiveParts {
            forgetting,
            coefficients: vec![0.0; width],
            inverse,
            limits: vec![prior; width],
            squares: 0.0,
            weight: 0.0,
            squared_weight: 0.0,
        })
    }

    /// The exact start: weighted least squares on the first rows; `None` where they do not determine every coefficient.
    ///
    /// # Errors
    /// If lambda is not in (0, 1] or a value not finite.
    pub fn of_rows(x: &DMatrix<f64>, y: &[f64], forgetting: f64) -> Result<Option<Self>> {
        check_forgetting(forgetting)?;
        let weight = |row: usize| forgetting.powf((y.len() - 1 - row) as f64);
        let weighted = DMatrix::from_fn(x.nrows(), x.ncols(), |row, j| x[(row, j)] * weight(row).sqrt());
        let response: Vec<f64> = y.iter().enumerate().map(|(row, y)| y * weight(row).sqrt()).collect();
        let fit = least_squares(&weighted, &response)?;
        if !fit.collinear.is_empty() || x.nrows() < x.ncols() {
            return Ok(None);
        }
        let inverse = fit.inverse();
        // Symmetric to the bit.
        let inverse = DMatrix::from_fn(x.ncols(), x.ncols(), |i, j| inverse[(i.max(j), i.min(j))]);
        Self::from_parts(RecursiveParts {
            forgetting,
            limits: inverse.diagonal().iter().map(|p| GROWTH * p).collect(),
            inverse: inverse.as_slice().to_vec(),
            squares: fit.rss,
            coefficients: fit.coefficients,
            weight: (0..y.len()).map(weight).sum(),
            squared_weight: (0..y.len()).map(|row| weight(row).powi(2)).sum(),
        })
        .map(Some)
    }

    /// A recursion from what it remembers.
    ///
    /// # Errors
    /// If lambda is not in (0, 1], sizes do not fit, or a number is not finite.
    pub fn from_parts(parts: RecursiveParts) -> Result<Self> {
        check_forgetting(parts.forgetting)?;
        let width = parts.coefficients.len();
        let sums = [parts.squares, parts.weight, parts.squared_weight];
        let numbers = parts.coefficients.iter().chain(&parts.inverse).chain(&parts.limits).chain(&sums);
        if parts.inverse.len() != width * width || parts.limits.len() != width {
            return Err(Error::data(format!("{} numbers are no inverse of {width} columns", parts.inverse.len())));
        }
        if !numbers.copied().all(f64::is_finite) {
            return Err(Error::data("the state of a recursion holds a number that is not finite"));
        }
        if let Some(column) = (0..width).find(|j| parts.inverse[j * width + j] <= 0.0) {
            let variance = parts.inverse[column * width + column];
            return Err(Error::data(format!("P has {variance} on its diagonal at column {}", column + 1))
                .expected("variances, which are positive"));
        }
        Ok(Self { gain: vec![0.0; width], parts })
    }

    /// What the recursion remembers.
    #[must_use]
    pub fn parts(&self) -> &RecursiveParts {
        &self.parts
    }

    /// b.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.parts.coefficients
    }

    /// x' b.
    #[must_use]
    pub fn predict(&self, row: &[f64]) -> f64 {
        row.iter().zip(&self.parts.coefficients).map(|(x, b)| x * b).sum()
    }

    /// Takes a row and its response in; gives the error of its prediction.
    ///
    /// # Panics
    /// If the row does not have one value per coefficient.
    pub fn update(&mut self, row: &[f64], y: f64) -> f64 {
        let error = y - self.predict(row);
        let forgetting = self.forgetting_of_step();
        let Self { parts, gain } = self;
        symmetric_times(&parts.inverse, row, gain);
        let excitation: f64 = gain.iter().zip(row).map(|(g, x)| g * x).sum();
        // P is positive definite but for rounding.
        let d = forgetting + excitation.max(0.0);
        let step = error / d;
        parts.coefficients.iter_mut().zip(gain.iter()).for_each(|(b, g)| *b += g * step);
        let root = d.sqrt().recip();
        gain.iter_mut().for_each(|g| *g *= root);
        subtract_square(&mut parts.inverse, gain, forgetting.recip());
        parts.squares = forgetting * (parts.squares + error * step);
        parts.weight = forgetting * parts.weight + 1.0;
        parts.squared_weight = forgetting * forgetting * parts.squared_weight + 1.0;
        error
    }

    /// lambda, or 1 where P would pass a limit.
    fn forgetting_of_step(&self) -> f64 {
        let RecursiveParts { forgetting, inverse, limits, .. } = &self.parts;
        let mut diagonal = inverse.iter().step_by(limits.len() + 1).zip(limits);
        let would_pass = *forgetting < 1.0 && diagonal.any(|(p, limit)| *p > limit * forgetting);
        if would_pass { 1.0 } else { *forgetting }
    }

    /// How many rows of equal weight know as much: (sum w)^2 / sum w^2.
    #[must_use]
    pub fn effective_rows(&self) -> f64 {
        let RecursiveParts { weight, squared_weight, .. } = self.parts;
        if weight > 0.0 { weight * weight / squared_weight } else { 0.0 }
    }

    /// R / sum w.
    #[must_use]
    pub fn residual_variance(&self) -> f64 {
        self.parts.squares / self.parts.weight
    }

    /// R / (sum w - k sum w^2 / sum w), whose expectation is the variance: R / (n - k) where nothing is forgotten. Not a
    /// number without more effective rows than coefficients.
    #[must_use]
    pub fn unbiased_variance(&self) -> f64 {
        let free = 1.0 - self.parts.coefficients.len() as f64 / self.effective_rows();
        if free > 0.0 { self.residual_variance() / free } else { f64::NAN }
    }

    /// The covariance of the coefficients: sigma^2 P sum w^2 / sum w, sigma^2 = R / sum w, which is sigma^2 (X'X)^-1 where
    /// nothing is forgotten.
    #[must_use]
    pub fn covariance(&self) -> Vec<Vec<f64>> {
        let scale = self.residual_variance() * self.parts.squared_weight / self.parts.weight;
        let rows = self.parts.inverse.chunks_exact(self.parts.coefficients.len().max(1));
        rows.map(|row| row.iter().map(|p| p * scale).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    const TRUTH: [f64; 3] = [2.0, -1.0, 0.5];

    fn rows(n: usize) -> (DMatrix<f64>, Vec<f64>) {
        let mut rng = LaneRng::new(5, 0);
        let x = DMatrix::from_fn(n, 3, |_, j| if j == 0 { 1.0 } else { rng.normal() });
        let y = (0..n).map(|t| (0..3).map(|j| x[(t, j)] * TRUTH[j]).sum::<f64>() + 0.1 * rng.normal()).collect();
        (x, y)
    }

    fn row(x: &DMatrix<f64>, t: usize) -> Vec<f64> {
        x.row(t).iter().copied().collect()
    }

    fn started(x: &DMatrix<f64>, y: &[f64], first: usize, forgetting: f64) -> Recursive {
        let start = x.rows(0, first).into_owned();
        let mut recursive = Recursive::of_rows(&start, &y[..first], forgetting).expect("a start").expect("full rank");
        (first..y.len()).for_each(|t| {
            recursive.update(&row(x, t), y[t]);
        });
        recursive
    }

    #[test]
    fn every_start_ends_in_weighted_least_squares() {
        let (x, y) = rows(80);
        for forgetting in [1.0, 0.95] {
            let all = Recursive::of_rows(&x, &y, forgetting).expect("a fit").expect("full rank");
            let ours = started(&x, &y, 7, forgetting);
            let pairs = ours.coefficients().iter().zip(all.coefficients());
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-12), "{ours:?} {all:?}");
            let pairs = ours.parts.inverse.iter().zip(&all.parts.inverse);
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-12 * all.parts.inverse[0]), "{ours:?} {all:?}");
            assert!((ours.parts.squares / all.parts.squares - 1.0).abs() < 1e-11);
            assert!((ours.parts.weight / all.parts.weight - 1.0).abs() < 1e-12);
            assert!((ours.effective_rows() / all.effective_rows() - 1.0).abs() < 1e-12);
        }
        let exact = least_squares(&x, &y).expect("a fit");
        let ours = started(&x, &y, 7, 1.0);
        assert!((ours.unbiased_variance() / exact.residual_variance() - 1.0).abs() < 1e-11);
        for (j, error) in exact.standard_errors().iter().enumerate() {
            let unbiased = ours.covariance()[j][j] * 80.0 / 77.0;
            assert!((unbiased.sqrt() / error - 1.0).abs() < 1e-11);
        }
        let mut diffuse = Recursive::new(3, 1.0, 1e6).expect("a prior");
        (0..80).for_each(|t| {
            diffuse.update(&row(&x, t), y[t]);
        });
        assert!(diffuse.coefficients().iter().zip(&exact.coefficients).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn many_updates_stay_symmetric_and_do_not_drift() {
        stays(1_000);
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "minutes without optimisation")]
    fn a_hundred_million_updates_stay_symmetric_and_do_not_drift() {
        stays(100_301);
    }

    /// So many rounds of 997 updates at forgetting 0.99.
    fn stays(rounds: usize) {
        let (x, y) = rows(997);
        let mut long = started(&x, &y, 7, 0.99);
        for _ in 0..rounds {
            (0..997).for_each(|t| {
                long.update(&row(&x, t), y[t]);
            });
        }
        let p = &long.parts.inverse;
        assert!((0..9).all(|i| p[i] == p[3 * (i % 3) + i / 3]), "{p:?}");
        // What 0.99 forgets within 997 rows is below 5e-5 of the weights.
        let short = started(&x, &y, 7, 0.99);
        assert!(long.coefficients().iter().zip(short.coefficients()).all(|(a, b)| (a - b).abs() < 1e-4));
        assert!((p[0] / short.parts.inverse[0] - 1.0).abs() < 1e-3);
    }

    #[test]
    fn rows_that_say_nothing_new_wind_nothing_up() {
        let (x, y) = rows(100);
        let mut recursive = started(&x, &y, 7, 0.9);
        for _ in 0..10_000 {
            recursive.update(&[1.0, 0.0, 0.0], 2.0);
        }
        let parts = recursive.parts();
        assert!((0..3).all(|j| parts.inverse[4 * j] <= parts.limits[j]), "{parts:?}");
        assert!(recursive.coefficients().iter().zip(TRUTH).all(|(b, truth)| (b - truth).abs() < 0.3));
        assert!((recursive.coefficients()[0] - 2.0).abs() < 1e-9);
        (0..100).for_each(|t| {
            recursive.update(&row(&x, t), y[t]);
        });
        assert!(recursive.coefficients().iter().zip(TRUTH).all(|(b, truth)| (b - truth).abs() < 0.1));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for forgetting in [0.0, -0.5, 1.01, f64::NAN] {
            let message = Recursive::new(2, forgetting, 1.0).expect_err("refused").to_string();
            assert!(message.contains("above 0 and at most 1"), "{message}");
        }
        assert!(Recursive::new(2, 0.9, 0.0).is_err());
        assert!(Recursive::of_rows(&DMatrix::zeros(5, 2), &[1.0; 5], 1.0).expect("finite").is_none());
        let mut parts = Recursive::new(2, 0.9, 1.0).expect("a prior").parts().clone();
        assert!(Recursive::from_parts(parts.clone()).is_ok());
        parts.limits.pop();
        assert!(Recursive::from_parts(parts).is_err());
    }
}
