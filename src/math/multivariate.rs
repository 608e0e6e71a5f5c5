//! Least squares with several responses on one design: Y = X B + E, one factorisation for all of them.
//!
//! ```text
//! [Z Y] = Q [ R  S ]      B = R^-1 S      E'E = T'T      (X'X)^-1 = R^-1 R^-1'
//!           [ 0  T ]
//! ```
//!
//! with Z the standardised columns of [`regression`](super::regression). Because a triangular factor nests, the rows of S
//! and T below the first w hold the residuals of the regression on the first w columns alone: every shorter model of a
//! table of orders costs no further pass over the data. One step of refinement takes the rounding of the factor out of B
//! (Golub and Van Loan 2013, *Matrix Computations*, section 5.3). O(n (k + m)^2) time and O(n (k + m)) memory for n rows,
//! k columns and m responses. The numbers are those of R's `lm` with a matrix on the left.
//!
//! ```
//! use foretoken::math::multivariate::MultivariateRegression;
//! use nalgebra::DMatrix;
//!
//! let x = DMatrix::from_fn(5, 2, |t, j| if j == 0 { 1.0 } else { t as f64 });
//! let y = DMatrix::from_fn(5, 2, |t, j| if j == 0 { 3.0 + 2.0 * t as f64 } else { (t % 2) as f64 });
//! let fit = MultivariateRegression::new(&x, &y)?;
//! let b = fit.coefficients();
//! assert!((b[(0, 0)] - 3.0).abs() < 1e-12 && (b[(1, 0)] - 2.0).abs() < 1e-12);
//! # Ok::<(), foretoken::Error>(())
//! ```

use nalgebra::DMatrix;

use super::regression::{Standardised, check};
use crate::error::Result;

/// The factorised design and responses.
#[derive(Debug, Clone)]
pub struct MultivariateRegression {
    design: Standardised,
    collinear: Vec<usize>,
    /// Taken from every response where the design has a constant.
    levels: Vec<f64>,
    /// rows x responses, without their levels.
    responses: DMatrix<f64>,
    /// rows x columns, orthonormal.
    q: DMatrix<f64>,
    /// (columns + responses) square, upper triangular.
    r: DMatrix<f64>,
}

impl MultivariateRegression {
    /// Factorises a design with its responses.
    ///
    /// # Errors
    /// If there is no row, or a value is not finite.
    ///
    /// # Panics
    /// If X and Y differ in rows, or there are fewer rows than columns and responses together.
    pub fn new(x: &DMatrix<f64>, y: &DMatrix<f64>) -> Result<Self> {
        assert!(x.nrows() >= x.ncols() + y.ncols(), "a row for every column and response");
        for response in y.column_iter() {
            check(x, response.into_owned().as_slice())?;
        }
        let all: Vec<usize> = (0..x.ncols()).collect();
        let (design, collinear) = if all.is_empty() {
            (Standardised::new(x, &all), Vec::new())
        } else {
            Standardised::new(x, &all).independent(&all)
        };
        let mut responses = y.clone();
        let mut levels = Vec::with_capacity(y.ncols());
        for mut response in responses.column_iter_mut() {
            let level = design.level_of(response.clone_owned().as_slice());
            response.add_scalar_mut(-level);
            levels.push(level);
        }
        let width = design.matrix.ncols();
        let mut both = design.matrix.clone().resize_horizontally(width + y.ncols(), 0.0);
        both.columns_mut(width, y.ncols()).copy_from(&responses);
        let (q, r) = both.qr().unpack();
        Ok(Self { design, collinear, levels, responses, q: q.columns(0, width).into_owned(), r })
    }

    /// The columns of X that those before them explain, by index; their coefficients are 0.
    #[must_use]
    pub fn collinear(&self) -> &[usize] {
        &self.collinear
    }

    /// B: columns of X x responses.
    #[must_use]
    pub fn coefficients(&self) -> DMatrix<f64> {
        let mut b = self.design.columns_to_data(&self.standardised());
        for (mut column, level) in b.column_iter_mut().zip(&self.levels) {
            let mut own = column.clone_owned().as_slice().to_vec();
            self.design.restore(&mut own, *level);
            column.copy_from_slice(&own);
        }
        b
    }

    /// Y - X B: rows x responses.
    #[must_use]
    pub fn residuals(&self) -> DMatrix<f64> {
        &self.responses - &self.design.matrix * self.standardised()
    }

    /// A triangular T with T'T the sums of squares and products of the residuals on the first columns, as many as
    /// `columns` of X. For all columns those of [`residuals`](Self::residuals). No diagonal entry is negative.
    #[must_use]
    pub fn residual_root(&self, columns: usize) -> DMatrix<f64> {
        let width = self.design.matrix.ncols();
        let kept = self.design.kept.iter().filter(|&&j| j < columns).count();
        let rest = self.r.view((kept, width), (self.r.nrows() - kept, self.levels.len()));
        rest.into_owned().qr().unpack_r()
    }

    /// (X'X)^-1, a generalised inverse where columns are collinear.
    #[must_use]
    pub fn inverse(&self) -> DMatrix<f64> {
        let root = self.design.columns_to_data(&self.inverse_root());
        &root * root.transpose()
    }

    /// R^-1. Independent columns leave no zero on the diagonal.
    fn inverse_root(&self) -> DMatrix<f64> {
        let width = self.design.matrix.ncols();
        let r = self.r.view((0, 0), (width, width));
        let singular = || DMatrix::from_element(width, width, f64::NAN);
        r.solve_upper_triangular(&DMatrix::identity(width, width)).unwrap_or_else(singular)
    }

    /// The coefficients of the standardised columns, refined once.
    fn standardised(&self) -> DMatrix<f64> {
        let inverse = self.inverse_root();
        let first = &inverse * self.q.tr_mul(&self.responses);
        let rest = &self.responses - &self.design.matrix * &first;
        first + inverse * self.q.tr_mul(&rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;
    use crate::math::regression::least_squares;

    fn example() -> (DMatrix<f64>, DMatrix<f64>) {
        let mut rng = LaneRng::new(3, 0);
        let x = DMatrix::from_fn(40, 4, |_, j| if j == 0 { 1.0 } else { 1e5 * j as f64 + rng.normal() });
        let y = DMatrix::from_fn(40, 2, |t, j| x[(t, 1 + j)] - 0.5 * x[(t, 3)] + rng.normal());
        (x, y)
    }

    #[test]
    fn every_response_has_the_numbers_of_its_own_regression() {
        let (x, y) = example();
        let fit = MultivariateRegression::new(&x, &y).expect("a fit");
        let (b, residuals) = (fit.coefficients(), fit.residuals());
        for j in 0..2 {
            let own = least_squares(&x, y.column(j).into_owned().as_slice()).expect("a fit");
            for i in 0..4 {
                assert!((b[(i, j)] - own.coefficients[i]).abs() < 1e-9 * own.coefficients[i].abs());
                assert!((fit.inverse()[(i, i)] / own.inverse()[(i, i)] - 1.0).abs() < 1e-8);
            }
            assert!((residuals.column(j).norm_squared() / own.rss - 1.0).abs() < 1e-10);
        }
    }

    #[test]
    fn the_factor_holds_the_residuals_of_leading_columns() {
        let (x, y) = example();
        let fit = MultivariateRegression::new(&x, &y).expect("a fit");
        for width in 1..=4 {
            let short = MultivariateRegression::new(&x.columns(0, width).into_owned(), &y).expect("a fit").residuals();
            let root = fit.residual_root(width);
            let (ours, theirs) = (root.tr_mul(&root), short.tr_mul(&short));
            assert!((&ours - &theirs).norm() < 1e-9 * theirs.norm(), "{width}");
        }
    }

    #[test]
    fn no_column_and_repeated_columns_are_designs_too() {
        let (x, y) = example();
        let none = MultivariateRegression::new(&x.columns(0, 0).into_owned(), &y).expect("a fit");
        assert_eq!((none.residuals(), none.coefficients().nrows()), (y.clone(), 0));
        let twice = x.select_columns(&[0, 1, 1, 2]);
        assert_eq!(MultivariateRegression::new(&twice, &y).expect("a fit").collinear(), [2]);
    }
}
