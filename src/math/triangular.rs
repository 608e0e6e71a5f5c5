//! Upper triangular matrices, and the Cholesky factor as one, in doubles or in pairs of doubles.
//!
//! ```text
//! G = R'R:   R_jj = sqrt(G_jj - sum_{k<j} R_kj^2),   R_ij = (G_ij - sum_{k<i} R_ki R_kj) / R_ii
//! ```
//!
//! O(w^3 / 6) operations and O(w^2 / 2) memory for width w (Golub and Van Loan 2013, *Matrix Computations*, section
//! 4.2). A column that depends on those before it, as far as the precision can tell, gets a row of zeros.

use super::real::Real;

/// A pivot below this many roundings of its column's squared length is none.
const PIVOT_ROUNDINGS: f64 = 64.0;

/// The entries on and above the diagonal, column by column.
#[derive(Debug, Clone, PartialEq)]
pub struct Upper<T> {
    width: usize,
    entries: Vec<T>,
}

impl<T: Real> Upper<T> {
    /// All zeros.
    #[must_use]
    pub fn zeros(width: usize) -> Self {
        Self { width, entries: vec![T::from(0.0); width * (width + 1) / 2] }
    }

    /// The number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The entry of a row and a column, row <= column.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> T {
        self.column(column)[row]
    }

    /// The same, to be changed.
    pub fn at_mut(&mut self, row: usize, column: usize) -> &mut T {
        &mut self.entries[column * (column + 1) / 2..][..=column][row]
    }

    /// A column down to the diagonal.
    #[must_use]
    pub fn column(&self, column: usize) -> &[T] {
        &self.entries[column * (column + 1) / 2..][..=column]
    }

    /// The sum of squares of a column, rounded.
    #[must_use]
    pub fn squared_length(&self, column: usize) -> f64 {
        self.column(column).iter().map(|r| r.value().powi(2)).sum()
    }

    /// The entries rounded to doubles.
    #[must_use]
    pub fn rounded(&self) -> Upper<f64> {
        Upper { width: self.width, entries: self.entries.iter().map(|entry| entry.value()).collect() }
    }

    /// The factor R of a positive semidefinite matrix, of which this is the upper triangle.
    #[must_use]
    pub fn cholesky(&self) -> Self {
        let mut r = Self::zeros(self.width);
        for j in 0..self.width {
            for i in 0..=j {
                let known = r.column(i)[..i].iter().zip(r.column(j));
                let rest = known.fold(self.at(i, j), |rest, (a, b)| rest - *a * *b);
                *r.at_mut(i, j) = if i == j { pivot(rest, self.at(j, j)) } else { quotient(rest, r.at(i, i)) };
            }
        }
        r
    }

    /// b with R b = y, for the leading columns and the values of another column y. NaN where a diagonal is zero.
    #[must_use]
    pub fn solve(&self, width: usize, y: &[T]) -> Vec<T> {
        let mut b = y[..width].to_vec();
        for j in (0..width).rev() {
            let column = self.column(j);
            b[j] = b[j] / column[j];
            let bj = b[j];
            b[..j].iter_mut().zip(column).for_each(|(b, r)| *b = *b - *r * bj);
        }
        b
    }

    /// The inverse of the leading columns. NaN or infinite where a diagonal is zero.
    #[must_use]
    pub fn inverse(&self, width: usize) -> Self {
        let mut inverse = Self::zeros(width);
        let mut unit = vec![T::from(0.0); width];
        for j in 0..width {
            unit[j] = T::from(1.0);
            let column = self.solve(j + 1, &unit);
            inverse.entries[j * (j + 1) / 2..][..=j].copy_from_slice(&column);
            unit[j] = T::from(0.0);
        }
        inverse
    }
}

/// The root of what a column has left beside those before it, or zero.
fn pivot<T: Real>(rest: T, squared_length: T) -> T {
    if rest.value() > PIVOT_ROUNDINGS * T::EPSILON * squared_length.value() { rest.sqrt() } else { T::from(0.0) }
}

/// a / b; zero for a dependent column, whose row must not matter.
fn quotient<T: Real>(a: T, b: T) -> T {
    if b.value() == 0.0 { b } else { a / b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::double_double::DoubleDouble;

    /// The Hilbert matrix times 360360, of integers: condition 1.5e10 at width 8.
    fn hilbert<T: Real>(width: usize) -> Upper<T> {
        let mut gram = Upper::zeros(width);
        for j in 0..width {
            for i in 0..=j {
                *gram.at_mut(i, j) = T::from(360_360.0 / (i + j + 1) as f64);
            }
        }
        gram
    }

    /// The first entry of the inverse Hilbert matrix is w^2: exact in spite of the condition.
    fn first_of_inverse<T: Real>(width: usize) -> f64 {
        let inverse = hilbert::<T>(width).cholesky().inverse(width);
        let sum = (0..width).fold(T::from(0.0), |sum, k| sum + inverse.at(0, k) * inverse.at(0, k));
        (sum * T::from(360_360.0)).value()
    }

    #[test]
    fn the_inverse_of_the_hilbert_matrix_is_of_integers() {
        assert!((first_of_inverse::<f64>(4) - 16.0).abs() < 1e-9);
        assert!((first_of_inverse::<f64>(7) - 49.0).abs() < 1e-4);
        assert!((first_of_inverse::<DoubleDouble>(7) - 49.0).abs() < 1e-14);
    }

    #[test]
    fn the_factor_gives_the_matrix_and_solves() {
        let gram = hilbert::<f64>(4);
        let r = gram.cholesky();
        for j in 0..4 {
            for i in 0..=j {
                let product: f64 = r.column(i).iter().zip(r.column(j)).map(|(a, b)| a * b).sum();
                assert!((product / gram.at(i, j) - 1.0).abs() < 1e-15);
            }
        }
        let b = r.solve(3, &[1.0, 2.0, 3.0, 4.0]);
        for i in 0..3 {
            let left: f64 = (i..3).map(|j| r.at(i, j) * b[j]).sum();
            assert!((left - [1.0, 2.0, 3.0][i]).abs() < 1e-12);
        }
    }

    #[test]
    fn a_dependent_column_has_no_row() {
        // Columns (1, 0), (1, 0), (0, 1).
        let mut gram = Upper::zeros(3);
        for (i, j) in [(0, 0), (0, 1), (1, 1), (2, 2)] {
            *gram.at_mut(i, j) = 1.0;
        }
        let r = gram.cholesky();
        assert_eq!((r.at(0, 1), r.at(1, 1), r.at(1, 2), r.at(2, 2)), (1.0, 0.0, 0.0, 1.0));
    }
}
