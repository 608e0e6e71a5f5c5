//! Symmetric positive definite matrices of small bandwidth: L D L', solutions, and the inverse within the band.
//!
//! With L unit lower triangular of bandwidth w: O(m w^2) for the factor and for the inverse within the band
//! (Takahashi, Fagan and Chin 1973; in Rue and Held 2005, *Gaussian Markov Random Fields*, section 2.4.5), O(m w) for a
//! solution. Full bandwidth w = m - 1 makes it a dense solver.

use super::dual::Real;

/// A symmetric matrix with entry (i, j), i - w <= j <= i, at `i (w + 1) + i - j`; after [`Banded::factor`] its factor.
#[derive(Debug, Clone)]
pub(super) struct Banded<T> {
    size: usize,
    band: usize,
    entries: Vec<T>,
}

impl<T: Real> Banded<T> {
    pub(super) fn zeros(size: usize, band: usize) -> Self {
        Self { size, band, entries: vec![T::of(0.0); size * (band + 1)] }
    }

    /// The full matrix from a function of (i, j), j <= i.
    pub(super) fn dense(size: usize, entry: impl Fn(usize, usize) -> T) -> Self {
        let mut matrix = Self::zeros(size, size.saturating_sub(1));
        for i in 0..size {
            for j in 0..=i {
                *matrix.at(i, j) = entry(i, j);
            }
        }
        matrix
    }

    /// The entry (i, j), j <= i, within the band.
    pub(super) fn at(&mut self, i: usize, j: usize) -> &mut T {
        &mut self.entries[i * (self.band + 1) + (i - j)]
    }

    pub(super) fn get(&self, i: usize, j: usize) -> T {
        self.entries[i * (self.band + 1) + (i - j)]
    }

    /// The entry (i, j) or (j, i) within the band.
    pub(super) fn symmetric(&self, i: usize, j: usize) -> T {
        self.get(i.max(j), i.min(j))
    }

    fn first(&self, i: usize) -> usize {
        i.saturating_sub(self.band)
    }

    /// Replaces the matrix by L (below the diagonal) and D (on it). The indices of pivots that are not above
    /// `tolerance` times their diagonal entry are returned: their rows are linear combinations of those before them,
    /// and are left out (a pivot so large that nothing comes from them).
    pub(super) fn factor(&mut self, tolerance: f64) -> Vec<usize> {
        let mut dependent = Vec::new();
        for i in 0..self.size {
            let diagonal = self.get(i, i).value();
            for j in self.first(i)..=i {
                let mut sum = self.get(i, j);
                for k in self.first(i)..j {
                    if k + self.band >= j {
                        sum -= self.get(i, k) * self.get(j, k) * self.get(k, k);
                    }
                }
                *self.at(i, j) = if j < i { sum / self.get(j, j) } else { sum };
            }
            let pivot = self.get(i, i).value();
            if !(pivot.is_finite() && pivot > tolerance * diagonal && pivot > 0.0) {
                dependent.push(i);
                *self.at(i, i) = T::of(f64::MAX);
            }
        }
        dependent
    }

    /// ln det, of a factor without dependent rows.
    pub(super) fn log_determinant(&self) -> T {
        let mut sum = T::of(0.0);
        for i in 0..self.size {
            sum += self.get(i, i).ln();
        }
        sum
    }

    /// Solves L x = b in place.
    pub(super) fn forward(&self, x: &mut [T]) {
        for i in 0..self.size {
            for j in self.first(i)..i {
                let known = self.get(i, j) * x[j];
                x[i] -= known;
            }
        }
    }

    /// Solves D L' x = b in place, b = the solution of [`Banded::forward`].
    pub(super) fn backward(&self, x: &mut [T]) {
        for i in (0..self.size).rev() {
            x[i] = x[i] / self.get(i, i);
            for k in i + 1..self.size.min(i + self.band + 1) {
                let known = self.get(k, i) * x[k];
                x[i] -= known;
            }
        }
    }

    /// Solves the system of the factored matrix in place.
    pub(super) fn solve(&self, x: &mut [T]) {
        self.forward(x);
        self.backward(x);
    }

    /// x' M^-1 y for two solutions x, y of [`Banded::forward`].
    pub(super) fn inner(&self, x: &[T], y: &[T]) -> T {
        let mut sum = T::of(0.0);
        for i in 0..self.size {
            sum += x[i] * y[i] / self.get(i, i);
        }
        sum
    }

    /// The inverse within the band, from the factor: row i of L' Z = D^-1 L^-1, upwards.
    pub(super) fn inverse_within_band(&self) -> Self {
        let mut inverse = Self::zeros(self.size, self.band);
        for i in (0..self.size).rev() {
            let last = self.size.min(i + self.band + 1);
            for j in (i..last).rev() {
                let mut z = if i == j { T::of(1.0) / self.get(i, i) } else { T::of(0.0) };
                for k in i + 1..last {
                    z -= self.get(k, i) * inverse.symmetric(k, j);
                }
                *inverse.at(j, i) = z;
            }
        }
        inverse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{DMatrix, DVector};

    fn example(size: usize, band: usize) -> (Banded<f64>, DMatrix<f64>) {
        let entry = |i: usize, j: usize| match i.abs_diff(j) {
            0 => 4.0 + (i as f64).sin(),
            d if d <= band => 1.0 / (1.0 + d as f64 + (i + j) as f64 * 0.1),
            _ => 0.0,
        };
        let mut banded = Banded::zeros(size, band);
        for i in 0..size {
            for j in i.saturating_sub(band)..=i {
                *banded.at(i, j) = entry(i, j);
            }
        }
        (banded, DMatrix::from_fn(size, size, entry))
    }

    #[test]
    fn factor_solution_and_inverse_are_those_of_the_full_matrix() {
        for (size, band) in [(7, 2), (5, 4), (4, 0), (1, 0)] {
            let (mut banded, full) = example(size, band);
            assert!(banded.factor(0.0).is_empty());
            let inverse = full.clone().try_inverse().expect("regular");
            assert!((banded.log_determinant() - full.determinant().ln()).abs() < 1e-12);
            let b = DVector::from_fn(size, |i, _| i as f64 - 1.5);
            let mut x: Vec<f64> = b.iter().copied().collect();
            banded.solve(&mut x);
            assert!((full * DVector::from_vec(x) - b).amax() < 1e-12);
            let within = banded.inverse_within_band();
            for i in 0..size {
                for j in i.saturating_sub(band)..=i {
                    assert!((within.get(i, j) - inverse[(i, j)]).abs() < 1e-13);
                }
            }
        }
    }

    #[test]
    fn dependent_rows_are_named() {
        let columns = [[1.0, 2.0], [2.0, 4.0], [0.0, 1.0]];
        let gram = |i: usize, j: usize| columns[i][0] * columns[j][0] + columns[i][1] * columns[j][1];
        assert_eq!(Banded::dense(3, gram).factor(1e-12), [1]);
    }
}
