//! Covariances of least squares coefficients that do not believe in independent errors of one variance: sandwiches.
//!
//! ```text
//! V = (X'X)^-1 M (X'X)^-1,   g_t = x_t e_t
//! heteroskedastic:  M = sum_t g_t g_t'                                                            White (1980), HC0
//! autocorrelated:   M = sum_t g_t g_t' + sum_{l=1..L} (1 - l / (L + 1)) sum_t (g_t g_{t-l}' + g_{t-l} g_t')
//!                                                                          Newey and West (1987), Bartlett's weights
//! ```
//!
//! With (X'X)^-1 = root root' the meat is summed over root' g_t, whose columns are orthonormal up to the residual, and
//! only then carried to the units of the data: a column at level 1e6 loses nothing beside an intercept. Rows that are
//! missing between two others keep these apart: row t - l of a sum is the one l steps earlier, and none where that is
//! missing, as if it had an error of zero (Datta and Du 2012). O(n k^2) time for k columns, O(n k^2 L) with lags; O(n k)
//! memory.
//!
//! Matches statsmodels' `cov_type = "HC0"` and `"HAC"` with `use_correction = False`; HC1 is HC0 times n / (n - k)
//! (MacKinnon and White 1985), which is for the caller, who knows k. R's `sandwich` gives the same as `vcovHC(type =
//! "HC0")` and `NeweyWest(prewhite = FALSE)`.

use nalgebra::DMatrix;

/// The sandwich with errors of different variances (HC0). `root` is columns x rank, with (X'X)^-1 = root root'.
///
/// ```
/// use foretoken::math::covariance::heteroskedastic;
/// use nalgebra::DMatrix;
///
/// // A mean of four values: the sum of squared residuals over n^2.
/// let (x, root) = (DMatrix::from_element(4, 1, 1.0), DMatrix::from_element(1, 1, 0.5));
/// assert_eq!(heteroskedastic(&x, &[1.0, -1.0, 2.0, -2.0], &root)[(0, 0)], 10.0 / 16.0);
/// ```
#[must_use]
pub fn heteroskedastic(x: &DMatrix<f64>, residuals: &[f64], root: &DMatrix<f64>) -> DMatrix<f64> {
    let scores = scores(x, residuals, root);
    carried(root, &scores.tr_mul(&scores))
}

/// The sandwich with errors that depend on those up to `lags` steps earlier. Row i stands at `position[i]`, a series and
/// a time in it, ascending.
///
/// # Panics
/// If there is not one position per row.
#[must_use]
pub fn autocorrelated(
    x: &DMatrix<f64>,
    residuals: &[f64],
    root: &DMatrix<f64>,
    position: &[(usize, usize)],
    lags: usize,
) -> DMatrix<f64> {
    assert_eq!(position.len(), x.nrows(), "one position per row");
    let scores = scores(x, residuals, root);
    let mut meat = scores.tr_mul(&scores);
    for lag in 1..=lags.min(x.nrows().saturating_sub(1)) {
        let weight = 1.0 - lag as f64 / (lags + 1) as f64;
        let product = lagged_product(&scores, position, lag);
        meat += weight * (&product + product.transpose());
    }
    carried(root, &meat)
}

/// The number of lags where none is given: floor(4 (n / 100)^(2/9)) (Newey and West 1994, as in EViews and Stata's
/// examples).
#[must_use]
pub fn default_lags(rows: usize) -> usize {
    (4.0 * (rows as f64 / 100.0).powf(2.0 / 9.0)).floor() as usize
}

/// Row t: root' x_t e_t.
fn scores(x: &DMatrix<f64>, residuals: &[f64], root: &DMatrix<f64>) -> DMatrix<f64> {
    let mut scores = x * root;
    for (mut row, e) in scores.row_iter_mut().zip(residuals) {
        row *= *e;
    }
    scores
}

/// sum_t g_t g_{t-lag}' over the rows that have the earlier one.
fn lagged_product(scores: &DMatrix<f64>, position: &[(usize, usize)], lag: usize) -> DMatrix<f64> {
    let (mut now, mut earlier) = (Vec::new(), Vec::new());
    for (i, &(series, t)) in position.iter().enumerate().skip(1) {
        // At most `lag` rows lie between them.
        let first = i.saturating_sub(lag);
        let Some(target) = t.checked_sub(lag) else { continue };
        if let Ok(found) = position[first..i].binary_search(&(series, target)) {
            now.push(i);
            earlier.push(first + found);
        }
    }
    scores.select_rows(&now).tr_mul(&scores.select_rows(&earlier))
}

/// root M root', exactly symmetric.
fn carried(root: &DMatrix<f64>, meat: &DMatrix<f64>) -> DMatrix<f64> {
    let v = root * meat * root.transpose();
    0.5 * (&v + v.transpose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;
    use crate::math::regression::{Regression, least_squares};

    /// A line with errors that grow, at the times of `position`.
    fn line(n: usize, level: f64) -> (DMatrix<f64>, Regression) {
        let mut rng = LaneRng::new(4, 0);
        let x = DMatrix::from_fn(n, 2, |t, j| if j == 0 { 1.0 } else { level + t as f64 });
        let y: Vec<f64> = (0..n).map(|t| 1.0 + 0.5 * t as f64 + 0.1 * t as f64 * rng.normal()).collect();
        let fit = least_squares(&x, &y).expect("a fit");
        (x, fit)
    }

    fn times(n: usize) -> Vec<(usize, usize)> {
        (0..n).map(|t| (0, t)).collect()
    }

    /// The formulas as they stand above.
    fn textbook(x: &DMatrix<f64>, fit: &Regression, position: &[(usize, usize)], lags: usize) -> DMatrix<f64> {
        let inverse = (x.transpose() * x).try_inverse().expect("full rank");
        let g = |t: usize| x.row(t).transpose() * fit.residuals[t];
        let mut meat = DMatrix::zeros(x.ncols(), x.ncols());
        for s in 0..x.nrows() {
            for t in 0..x.nrows() {
                let apart = position[s].1.abs_diff(position[t].1);
                if position[s].0 == position[t].0 && apart <= lags {
                    meat += (1.0 - apart as f64 / (lags + 1) as f64) * g(s) * g(t).transpose();
                }
            }
        }
        &inverse * meat * &inverse
    }

    fn assert_close(a: &DMatrix<f64>, b: &DMatrix<f64>) {
        assert!((a - b).amax() <= 1e-10 * b.amax(), "{a} {b}");
    }

    #[test]
    fn the_sandwiches_are_their_formulas() {
        let (x, fit) = line(40, 0.0);
        assert_close(&heteroskedastic(&x, &fit.residuals, &fit.root), &textbook(&x, &fit, &times(40), 0));
        for lags in [1, 3, 39, 100] {
            let own = autocorrelated(&x, &fit.residuals, &fit.root, &times(40), lags);
            assert_close(&own, &textbook(&x, &fit, &times(40), lags));
        }
    }

    #[test]
    fn rows_of_other_series_and_rows_around_a_gap_are_kept_apart() {
        let (x, fit) = line(40, 0.0);
        let position: Vec<(usize, usize)> = (0..40)
            .map(|t| {
                if t < 15 {
                    (0, t)
                } else if t < 25 {
                    (0, t + 2)
                } else {
                    (1, t)
                }
            })
            .collect();
        let own = autocorrelated(&x, &fit.residuals, &fit.root, &position, 4);
        assert_close(&own, &textbook(&x, &fit, &position, 4));
    }

    #[test]
    fn a_level_costs_no_digits() {
        let ((x, fit), (far, far_fit)) = (line(40, 0.0), line(40, 1e7));
        let slope = |v: DMatrix<f64>| v[(1, 1)].sqrt();
        let near = slope(autocorrelated(&x, &fit.residuals, &fit.root, &times(40), 3));
        let away = slope(autocorrelated(&far, &far_fit.residuals, &far_fit.root, &times(40), 3));
        assert!((away / near - 1.0).abs() < 1e-8, "{near} {away}");
    }
}
