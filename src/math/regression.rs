//! Least squares and ridge regression on any design matrix: y = X b + e.
//!
//! ```text
//! minimise  sum_i (y_i - x_i' b)^2 + lambda sum_j (s_j b_j)^2      j over the penalised columns
//! s_j^2 = mean_i (x_ij - mean_j)^2,  about 0 where no unpenalised column is constant
//! ```
//!
//! X has rows x columns, b the units of y per unit of a column. Columns may differ wildly in scale and level: where an
//! unpenalised column is constant the others are centred, every column is divided by s_j, and both are undone in the
//! coefficients, so that a covariate at level 1e6 loses nothing against an intercept. The standardised matrix Z goes
//! through a Householder QR factorisation; a penalty adds the row sqrt(lambda) e_j below it, with response 0 (Golub and
//! Van Loan 2013, *Matrix Computations*, sections 5.3 and 6.1.5). From Q and R:
//!
//! ```text
//! b = R^-1 Q' y     (X'X + lambda S)^-1 = root root'     leverage_i = |row i of Q|^2     dof = sum of leverages
//! ```
//!
//! with S = diag(s_j^2) and dof the trace of the hat matrix: the rank without penalty, less with it (Hastie, Tibshirani
//! and Friedman 2009, *The Elements of Statistical Learning*, p. 68). O(n k^2) time for n rows and k columns, O(n k)
//! memory.
//!
//! A column is **collinear** where the columns before it explain it up to rounding: 1e-12 of its own length, or as much
//! as the rounding of the columns' levels may have moved it. Its coefficient is 0 and it is named by index; R's `lm` gives
//! `NA` for the same columns (at the looser 1e-7). A penalised column is never collinear.
//!
//! Without penalty the numbers are those of R's `lm` (`coef`, `vcov`, `hatvalues`). With it they are those of R's
//! `MASS::lm.ridge(lambda)` and of scikit-learn's `Ridge(alpha = lambda)` behind a `StandardScaler`.
//!
//! ```
//! use foretoken::math::regression::{least_squares, ridge};
//! use nalgebra::DMatrix;
//!
//! let x = DMatrix::from_fn(6, 2, |t, j| if j == 0 { 1.0 } else { 1e6 + t as f64 });
//! let y = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0];
//! let fit = least_squares(&x, &y)?;
//! assert!((fit.coefficients[1] - 2.0).abs() < 1e-12 && fit.rss < 1e-24);
//! let shrunken = ridge(&x, &y, 6.0, &[0])?;
//! assert!((shrunken.coefficients[1] - 1.0).abs() < 1e-12, "one column, lambda = n: half");
//! # Ok::<(), foretoken::Error>(())
//! ```

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, Result};

/// What is left of a column, relative to its length, below which it is collinear whatever its level.
const INDEPENDENT: f64 = 1e-12;
/// Roundings that a value of a column may carry.
const ROUNDINGS: f64 = 16.0;

/// A least squares or ridge fit, in the units of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// One coefficient per column; 0 for a collinear one.
    pub coefficients: Vec<f64>,
    /// The columns that those before them explain, by index.
    pub collinear: Vec<usize>,
    /// y - X b.
    pub residuals: Vec<f64>,
    /// The residual sum of squares, without the penalty.
    pub rss: f64,
    /// The diagonal of the hat matrix: how much row i's response moves its own fitted value.
    pub leverage: Vec<f64>,
    /// The trace of the hat matrix.
    pub effective_dof: f64,
    /// columns x rank, with (X'X + lambda S)^-1 = root root'; rows of collinear columns are 0.
    pub root: DMatrix<f64>,
}

impl Regression {
    /// (X'X + lambda S)^-1, a generalised inverse where columns are collinear.
    #[must_use]
    pub fn inverse(&self) -> DMatrix<f64> {
        &self.root * self.root.transpose()
    }

    /// The unbiased residual variance RSS / (n - dof); NaN where no degree of freedom is left.
    #[must_use]
    pub fn residual_variance(&self) -> f64 {
        let left = self.residuals.len() as f64 - self.effective_dof;
        if left > 1e-9 { self.rss / left } else { f64::NAN }
    }

    /// The roots of the diagonal of the residual variance times the inverse: without a penalty R's standard errors, with
    /// one the posterior deviations under the normal prior that the penalty stands for. 0 for a collinear column.
    #[must_use]
    pub fn standard_errors(&self) -> Vec<f64> {
        let sigma = self.residual_variance().sqrt();
        self.root.row_iter().map(|row| sigma * row.norm()).collect()
    }
}

/// Ordinary least squares.
///
/// # Errors
/// If there is no row, or a value is not finite.
///
/// # Panics
/// If X and y differ in rows.
pub fn least_squares(x: &DMatrix<f64>, y: &[f64]) -> Result<Regression> {
    check(x, y)?;
    let all: Vec<usize> = (0..x.ncols()).collect();
    let (design, collinear) = Standardised::new(x, &all).independent(&all);
    Ok(solve(&design, y, 0.0, &[], collinear))
}

/// Ridge regression with penalty lambda on all columns but the `unpenalised` (intercept, trend).
///
/// # Errors
/// If there is no row, a value is not finite, or the penalty is negative or not finite.
///
/// # Panics
/// If X and y differ in rows, or an index is not a column.
pub fn ridge(x: &DMatrix<f64>, y: &[f64], penalty: f64, unpenalised: &[usize]) -> Result<Regression> {
    check(x, y)?;
    check_penalty(penalty)?;
    if penalty == 0.0 {
        return least_squares(x, y);
    }
    let (design, collinear) = Standardised::new(x, unpenalised).independent(unpenalised);
    let penalised: Vec<usize> = (0..design.kept.len()).filter(|&k| !unpenalised.contains(&design.kept[k])).collect();
    Ok(solve(&design, y, penalty, &penalised, collinear))
}

/// A penalty is a finite number from 0.
pub(crate) fn check_penalty(penalty: f64) -> Result<()> {
    if penalty >= 0.0 && penalty.is_finite() {
        return Ok(());
    }
    Err(Error::usage(format!("a penalty of {penalty}")).expected("a finite number from 0"))
}

/// Rows, finite values, and as many responses as rows.
pub(crate) fn check(x: &DMatrix<f64>, y: &[f64]) -> Result<()> {
    assert_eq!(x.nrows(), y.len(), "X and y have one row per response");
    if y.is_empty() {
        return Err(Error::data("a regression without rows").expected("at least one row"));
    }
    let bad = |column: &[f64]| column.iter().position(|value| !value.is_finite());
    let wrong = |what: String, row: usize| {
        Err(Error::data(format!("{what} is not finite in row {row}")).expected("rows with missing values left out"))
    };
    if let Some(row) = bad(y) {
        return wrong("the response".to_owned(), row);
    }
    for (j, column) in x.column_iter().enumerate() {
        if let Some(row) = bad(column.into_owned().as_slice()) {
            return wrong(format!("column {j}"), row);
        }
    }
    Ok(())
}

/// Z b' = X b: columns measured from `centre` in units of `scale`, some of them left out.
#[derive(Debug, Clone)]
pub(crate) struct Standardised {
    /// rows x kept columns.
    pub(crate) matrix: DMatrix<f64>,
    /// The column of X behind each column of `matrix`.
    pub(crate) kept: Vec<usize>,
    /// The constant column that allows the others to be centred; it stays a column of ones.
    constant: Option<usize>,
    /// Per column of X.
    centre: Vec<f64>,
    scale: Vec<f64>,
    /// How far, in units of `scale`, rounding of the data may move a column.
    rounding: Vec<f64>,
}

impl Standardised {
    /// All columns, centred if one of the columns `free` of a penalty is constant.
    pub(crate) fn new(x: &DMatrix<f64>, free: &[usize]) -> Self {
        let is_constant = |j: &usize| x[(0, *j)] != 0.0 && x.column(*j).iter().all(|value| *value == x[(0, *j)]);
        let constant = free.iter().copied().find(is_constant);
        let mut design = Self {
            matrix: x.clone(),
            kept: (0..x.ncols()).collect(),
            constant,
            centre: vec![0.0; x.ncols()],
            scale: vec![1.0; x.ncols()],
            rounding: vec![0.0; x.ncols()],
        };
        (0..x.ncols()).for_each(|j| design.standardise(j));
        design
    }

    fn standardise(&mut self, j: usize) {
        let rows = self.matrix.nrows() as f64;
        let mut column = self.matrix.column_mut(j);
        if self.constant == Some(j) {
            self.scale[j] = column[0];
            column.fill(1.0);
            return;
        }
        // Divided first: sums of huge values stay finite.
        let size = column.amax().max(f64::MIN_POSITIVE);
        if self.constant.is_some() {
            self.centre[j] = size * (column.iter().map(|value| value / size).sum::<f64>() / rows);
            column.add_scalar_mut(-self.centre[j]);
        }
        let spread = column.amax();
        if spread <= ROUNDINGS * f64::EPSILON * size {
            // Constant beside a constant, or zero: nothing of its own.
            column.fill(0.0);
            return;
        }
        self.scale[j] = spread * (column.iter().map(|value| (value / spread).powi(2)).sum::<f64>() / rows).sqrt();
        column.iter_mut().for_each(|value| *value /= self.scale[j]);
        self.rounding[j] = ROUNDINGS * f64::EPSILON * size / self.scale[j];
    }

    /// Whether a constant column lets columns and response be centred.
    pub(crate) fn is_centred(&self) -> bool {
        self.constant.is_some()
    }

    /// Without those of the `candidates` that earlier candidates explain, which come second.
    pub(crate) fn independent(self, candidates: &[usize]) -> (Self, Vec<usize>) {
        let among: Vec<usize> = (0..self.kept.len()).filter(|&k| candidates.contains(&self.kept[k])).collect();
        let collinear = self.dependent(&among);
        (self.without(&collinear), collinear)
    }

    fn without(mut self, left_out: &[usize]) -> Self {
        if !left_out.is_empty() {
            let stay: Vec<usize> = (0..self.kept.len()).filter(|&k| !left_out.contains(&self.kept[k])).collect();
            self.matrix = self.matrix.select_columns(&stay);
            self.kept = stay.iter().map(|&k| self.kept[k]).collect();
        }
        self
    }

    /// Gram and Schmidt, twice, on the columns of R, which have the lengths and angles of the columns themselves.
    fn dependent(&self, among: &[usize]) -> Vec<usize> {
        let r = self.matrix.select_columns(among).qr().unpack_r();
        let unit = (self.matrix.nrows() as f64).sqrt();
        let mut basis: DMatrix<f64> = DMatrix::zeros(r.nrows(), 0);
        // The independent columns in that basis: upper triangular.
        let mut triangle: DMatrix<f64> = DMatrix::zeros(0, 0);
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for (column, &k) in r.column_iter().zip(among) {
            let explained = basis.tr_mul(&column);
            let mut rest = column - &basis * &explained;
            rest -= &basis * basis.tr_mul(&rest);
            let j = self.kept[k];
            if rest.norm() <= unit * self.blur(j, &kept, &triangle, &explained) {
                left_out.push(j);
                continue;
            }
            let size = kept.len();
            triangle = triangle.resize(size + 1, size + 1, 0.0);
            triangle.view_mut((0, size), (size, 1)).copy_from(&explained);
            triangle[(size, size)] = rest.norm();
            basis = basis.insert_column(size, 0.0);
            basis.set_column(size, &rest.normalize());
            kept.push(j);
        }
        left_out
    }

    /// How much of standardised column j may be rounding once the kept columns are taken out of it: its own, and theirs
    /// in proportion to their coefficients.
    fn blur(&self, j: usize, kept: &[usize], triangle: &DMatrix<f64>, explained: &DVector<f64>) -> f64 {
        let weights = triangle.solve_upper_triangular(explained).unwrap_or_else(|| explained.clone());
        let theirs: f64 = kept.iter().zip(weights.iter()).map(|(&k, weight)| weight.abs() * self.rounding[k]).sum();
        INDEPENDENT.max(self.rounding[j] + theirs)
    }

    /// The coefficients of X for coefficients of the standardised columns.
    pub(crate) fn to_data(&self, standardised: &[f64]) -> Vec<f64> {
        let mut b = vec![0.0; self.scale.len()];
        self.kept.iter().zip(standardised).for_each(|(&j, value)| b[j] = value / self.scale[j]);
        if let Some(constant) = self.constant {
            let shift: f64 = b.iter().zip(&self.centre).map(|(b, centre)| b * centre).sum();
            b[constant] -= shift / self.scale[constant];
        }
        b
    }

    /// [`to_data`](Self::to_data) of every column of a matrix.
    pub(crate) fn columns_to_data(&self, standardised: &DMatrix<f64>) -> DMatrix<f64> {
        let mut data = DMatrix::zeros(self.scale.len(), standardised.ncols());
        for (j, column) in standardised.column_iter().enumerate() {
            data.set_column(j, &DVector::from_vec(self.to_data(column.into_owned().as_slice())));
        }
        data
    }

    /// The level to take from the response before it is regressed, to be given back by [`restore`](Self::restore).
    pub(crate) fn level_of(&self, y: &[f64]) -> f64 {
        if self.is_centred() { y.iter().sum::<f64>() / y.len() as f64 } else { 0.0 }
    }

    /// Adds a level of the response to the coefficient of the constant column.
    pub(crate) fn restore(&self, b: &mut [f64], level: f64) {
        if let Some(constant) = self.constant {
            b[constant] += level / self.scale[constant];
        }
    }
}

/// The fit of a design of independent columns; `penalised` are columns of the standardised matrix.
fn solve(design: &Standardised, y: &[f64], penalty: f64, penalised: &[usize], collinear: Vec<usize>) -> Regression {
    let (rows, width) = design.matrix.shape();
    let level = design.level_of(y);
    let mut extended = design.matrix.clone().resize_vertically(rows + penalised.len(), 0.0);
    for (extra, &k) in penalised.iter().enumerate() {
        extended[(rows + extra, k)] = penalty.sqrt();
    }
    let (q, r) = extended.qr().unpack();
    let q = q.rows(0, rows);
    let response = DVector::from_iterator(rows, y.iter().map(|y| y - level));
    // No diagonal element of R is zero: independent columns have none, and a penalty fills it.
    let singular = || DMatrix::from_element(width, width, f64::NAN);
    let inverse = r.solve_upper_triangular(&DMatrix::identity(width, width)).unwrap_or_else(singular);
    let b = &inverse * q.tr_mul(&response);
    let residuals = &response - &design.matrix * &b;
    let mut coefficients = design.to_data(b.as_slice());
    design.restore(&mut coefficients, level);
    let leverage: Vec<f64> = q.row_iter().map(|row| row.norm_squared()).collect();
    Regression {
        coefficients,
        collinear,
        rss: residuals.norm_squared(),
        residuals: residuals.as_slice().to_vec(),
        effective_dof: leverage.iter().sum(),
        leverage,
        root: design.columns_to_data(&inverse),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    /// Longley's 1967 data of the American economy: employment, then an intercept, the price deflator, national product,
    /// unemployment, armed forces, population and the year.
    fn longley() -> (DMatrix<f64>, Vec<f64>) {
        const COLUMNS: [[f64; 16]; 6] = [
            [83.0, 88.5, 88.2, 89.5, 96.2, 98.1, 99.0, 100.0, 101.2, 104.6, 108.4, 110.8, 112.6, 114.2, 115.7, 116.9],
            [
                234_289.0, 259_426.0, 258_054.0, 284_599.0, 328_975.0, 346_999.0, 365_385.0, 363_112.0, 397_469.0,
                419_180.0, 442_769.0, 444_546.0, 482_704.0, 502_601.0, 518_173.0, 554_894.0,
            ],
            [
                2356.0, 2325.0, 3682.0, 3351.0, 2099.0, 1932.0, 1870.0, 3578.0, 2904.0, 2822.0, 2936.0, 4681.0, 3813.0,
                3931.0, 4806.0, 4007.0,
            ],
            [
                1590.0, 1456.0, 1616.0, 1650.0, 3099.0, 3594.0, 3547.0, 3350.0, 3048.0, 2857.0, 2798.0, 2637.0, 2552.0,
                2514.0, 2572.0, 2827.0,
            ],
            [
                107_608.0, 108_632.0, 109_773.0, 110_929.0, 112_075.0, 113_270.0, 115_094.0, 116_219.0, 117_388.0,
                118_734.0, 120_445.0, 121_950.0, 123_366.0, 125_368.0, 127_852.0, 130_081.0,
            ],
            [
                1947.0, 1948.0, 1949.0, 1950.0, 1951.0, 1952.0, 1953.0, 1954.0, 1955.0, 1956.0, 1957.0, 1958.0, 1959.0,
                1960.0, 1961.0, 1962.0,
            ],
        ];
        let employed = [
            60_323.0, 61_122.0, 60_171.0, 61_187.0, 63_221.0, 63_639.0, 64_989.0, 63_761.0, 66_019.0, 67_857.0,
            68_169.0, 66_513.0, 68_655.0, 69_564.0, 69_331.0, 70_551.0,
        ];
        (DMatrix::from_fn(16, 7, |t, j| if j == 0 { 1.0 } else { COLUMNS[j - 1][t] }), employed.to_vec())
    }

    fn close(what: &str, ours: &[f64], exact: &[f64], tolerance: f64) {
        assert_eq!(ours.len(), exact.len(), "{what}");
        for (i, (a, b)) in ours.iter().zip(exact).enumerate() {
            assert!((a - b).abs() <= tolerance * b.abs(), "{what}[{i}]: {a}, exactly {b}");
        }
    }

    // Exact: rational elimination (Python's `fractions`) on the doubles themselves. Without penalty the digits are those
    // that the National Institute of Standards certifies; with it R's `lm.ridge(lambda = 0.5)` prints the same.

    #[test]
    fn longleys_data_agree_with_exact_arithmetic() {
        let (x, y) = longley();
        let fit = least_squares(&x, &y).expect("a fit");
        let b = [
            -3_482_258.634_595_818_4,
            15.061_872_271_373_323,
            -0.035_819_179_292_591_02,
            -2.020_229_803_816_825,
            -1.033_226_867_173_592,
            -0.051_104_105_653_580_71,
            1_829.151_464_613_552,
        ];
        let errors = [
            890_420.383_607_372_6,
            84.914_925_774_766_96,
            0.033_491_007_772_243_18,
            0.488_399_681_651_699_4,
            0.214_274_163_161_675_27,
            0.226_073_200_069_370_2,
            455.478_499_142_212,
        ];
        close("b", &fit.coefficients, &b, 2e-12);
        close("standard errors", &fit.standard_errors(), &errors, 1e-12);
        close("rss", &[fit.rss], &[836_424.055_505_914_6], 1e-12);
        close("leverage", &fit.leverage[..1], &[0.424_536_930_626_535_8], 1e-12);
        close("dof", &[fit.effective_dof], &[7.0], 1e-13);
        assert!(fit.collinear.is_empty());
    }

    #[test]
    fn ridge_agrees_with_exact_arithmetic() {
        let (x, y) = longley();
        let fit = ridge(&x, &y, 0.5, &[0]).expect("a fit");
        let b = [
            -493_672.859_135_226_35,
            85.796_767_860_444_42,
            0.011_804_344_260_696_046,
            -0.978_767_422_120_521_4,
            -0.444_701_323_024_452_8,
            0.103_433_599_429_323_02,
            275.174_485_214_558_84,
        ];
        close("b", &fit.coefficients, &b, 1e-12);
        close("rss", &[fit.rss], &[2_559_290.567_493_082], 1e-12);
        close("dof", &[fit.effective_dof], &[4.244_881_158_614_437], 1e-12);
    }

    #[test]
    fn levels_and_scales_cost_no_digits() {
        // Alternating binomials are orthogonal to every polynomial of a lower degree: the answer is known exactly.
        let binomials = [1.0, -8.0, 28.0, -56.0, 70.0, -56.0, 28.0, -8.0, 1.0];
        let x = DMatrix::from_fn(9, 3, |t, j| match j {
            0 => 1.0,
            1 => 1e6 + t as f64,
            _ => 1e-8 * (t * t) as f64,
        });
        let y: Vec<f64> = (0..9).map(|t| 7.0 + 3.0 * (1e6 + f64::from(t)) + binomials[t as usize]).collect();
        let fit = least_squares(&x, &y).expect("a fit");
        assert!((fit.coefficients[1] - 3.0).abs() < 1e-12, "{:?}", fit.coefficients);
        // The intercept is 1e6 away from the data: 3e6 in units of 1e-16, and the trend's error times the distance.
        assert!((fit.coefficients[0] - 7.0).abs() < 1e-6, "{:?}", fit.coefficients);
        close("rss", &[fit.rss], &[binomials.iter().map(|r| r * r).sum()], 1e-13);
        close("residuals", &fit.residuals, &binomials, 1e-11);
    }

    #[test]
    fn what_earlier_columns_explain_is_named() {
        let mut rng = LaneRng::new(3, 0);
        let wave: Vec<f64> = (0..40).map(|_| rng.normal()).collect();
        let x = DMatrix::from_fn(40, 9, |t, j| match j {
            0 => 1.0,
            1..=4 => f64::from(t % 4 == j - 1),
            5 => 1e6 + wave[t],
            6 => wave[t],
            7 => 3.0,
            _ => 2e6 + 3.0 * wave[(t + 1) % 40],
        });
        let y: Vec<f64> = (0..40).map(|t| wave[t] + 0.1 * wave[(t + 7) % 40]).collect();
        let fit = least_squares(&x, &y).expect("a fit");
        assert_eq!(fit.collinear, [4, 6, 7], "a dummy too many, a level apart up to rounding, a second constant");
        assert!(fit.collinear.iter().all(|&j| fit.coefficients[j] == 0.0 && fit.root.row(j).norm() == 0.0));
        let rest = x.select_columns(&[0, 1, 2, 3, 5, 8]);
        let own = least_squares(&rest, &y).expect("a fit");
        assert!((fit.rss / own.rss - 1.0).abs() < 1e-10 && (fit.effective_dof - 6.0).abs() < 1e-10);
    }

    #[test]
    fn columns_beyond_the_rows_are_collinear_and_the_fit_is_exact() {
        let x = DMatrix::from_fn(3, 5, |t, j| ((t + 2) as f64).powi(j as i32));
        let fit = least_squares(&x, &[1.0, 5.0, -2.0]).expect("a fit");
        assert_eq!(fit.collinear, [3, 4]);
        assert!(fit.rss < 1e-24 && fit.residual_variance().is_nan());
        let ridged = ridge(&x, &[1.0, 5.0, -2.0], 1e-3, &[0]).expect("a fit");
        assert!(ridged.collinear.is_empty() && ridged.effective_dof < 3.0 && ridged.rss > 1e-6);
    }

    /// A design with a trend free of the penalty, beside the intercept.
    fn trending() -> (DMatrix<f64>, Vec<f64>) {
        let mut rng = LaneRng::new(8, 0);
        let x = DMatrix::from_fn(30, 5, |t, j| match j {
            0 => 1.0,
            1 => t as f64,
            _ => 100.0 * rng.normal() + t as f64,
        });
        let y = (0..30).map(|t| 0.3 * f64::from(t) + 0.02 * x[(t as usize, 3)] + rng.normal()).collect();
        (x, y)
    }

    #[test]
    fn the_ridge_inverse_and_the_objective_are_those_of_the_definition() {
        let (x, y) = trending();
        let fit = ridge(&x, &y, 4.0, &[0, 1]).expect("a fit");
        let variance = |j: usize| {
            let mean = x.column(j).mean();
            x.column(j).iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 30.0
        };
        let penalty = |j: usize| if j < 2 { 0.0 } else { 4.0 * variance(j) };
        let mut gram = x.tr_mul(&x);
        (0..5).for_each(|j| gram[(j, j)] += penalty(j));
        let inverse = gram.try_inverse().expect("regular");
        close("inverse", fit.inverse().as_slice(), inverse.as_slice(), 1e-9);
        // At the minimum X'r = penalty b.
        let slopes = x.tr_mul(&DVector::from_vec(fit.residuals.clone()));
        for j in 0..5 {
            let size = x.column(j).norm() * fit.rss.sqrt();
            assert!((slopes[j] - penalty(j) * fit.coefficients[j]).abs() < 1e-12 * size, "column {j}");
        }
    }

    #[test]
    fn leverage_is_how_a_response_moves_its_own_fit() {
        let (x, mut y) = trending();
        let before = ridge(&x, &y, 4.0, &[0, 1]).expect("a fit");
        y[7] += 1.0;
        let after = ridge(&x, &y, 4.0, &[0, 1]).expect("a fit");
        let moved = 1.0 - (after.residuals[7] - before.residuals[7]);
        assert!((moved - before.leverage[7]).abs() < 1e-12, "{moved} {}", before.leverage[7]);
    }

    #[test]
    fn a_penalty_grows_from_least_squares_to_the_free_columns() {
        let (x, y) = trending();
        let ordinary = least_squares(&x, &y).expect("a fit");
        let small = ridge(&x, &y, 1e-9, &[0, 1]).expect("a fit");
        close("small", &small.coefficients, &ordinary.coefficients, 1e-8);
        let free = least_squares(&x.select_columns(&[0, 1]), &y).expect("a fit");
        let huge = ridge(&x, &y, 1e12, &[0, 1]).expect("a fit");
        close("huge", &huge.coefficients[..2], &free.coefficients, 1e-8);
        assert!((huge.effective_dof - 2.0).abs() < 1e-8 && huge.rss > small.rss);
        assert_eq!(ridge(&x, &y, 0.0, &[0, 1]).expect("a fit"), ordinary);
    }

    #[test]
    fn what_cannot_be_regressed_is_an_error() {
        let mut x = DMatrix::from_element(4, 2, 1.0);
        x[(2, 1)] = f64::NAN;
        let message = least_squares(&x, &[0.0; 4]).expect_err("a missing value").to_string();
        assert!(message.contains("column 1 is not finite in row 2"), "{message}");
        assert!(least_squares(&DMatrix::zeros(0, 2), &[]).is_err());
        assert!(ridge(&DMatrix::zeros(4, 2), &[0.0; 4], -1.0, &[]).is_err());
        let nothing = least_squares(&DMatrix::zeros(2, 0), &[3.0, 4.0]).expect("no column is a model too");
        assert!(nothing.rss == 25.0 && nothing.effective_dof == 0.0);
    }
}
