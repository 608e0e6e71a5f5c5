//! From free parameters to lag polynomials, and derivatives back.
//!
//! ```text
//! (1 - sum_{l in L} phi_l B^l)(1 - sum_j Phi_j B^{jm}) = 1 - sum_i a_i B^i,    order p + mP
//! ```
//!
//! With all lags up to p, phi = phi(tanh z) through partial autocorrelations, and so is Phi: every z is stationary. The
//! coefficients of a sparse lag set are parameters themselves; steps out of the stationary region are refused.

use super::dual::Real;
use super::ladder::{Adjoint, Ladder};
use super::{Lags, Structure};

/// The polynomials of a structure, without its differences.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    lags: Vec<usize>,
    /// Whether phi is a function of partial autocorrelations.
    full: bool,
    seasonal: usize,
    period: usize,
}

/// What one evaluation writes to, kept between evaluations.
#[derive(Debug, Clone)]
pub(super) struct Workspace<T> {
    /// Every order of the expanded polynomial.
    pub(super) ladder: Ladder<T>,
    pub(super) adjoint: Adjoint<T>,
    regular: Ladder<T>,
    seasonal: Ladder<T>,
    phi: Vec<T>,
    expanded: Vec<T>,
}

impl<T: Real> Workspace<T> {
    /// The regular and the seasonal coefficients.
    pub(super) fn coefficients(&self) -> (&[T], &[T]) {
        (&self.phi, self.seasonal.order(self.seasonal.max_order()))
    }

    /// The coefficients of the product.
    pub(super) fn expanded(&self) -> &[T] {
        self.ladder.order(self.ladder.max_order())
    }
}

impl Shape {
    pub(super) fn new(structure: &Structure) -> Self {
        let (lags, full) = match &structure.lags {
            Lags::Order(p) => ((1..=*p).collect(), true),
            Lags::Set(lags) => (lags.clone(), false),
        };
        Self { lags, full, seasonal: structure.seasonal_order, period: structure.period }
    }

    /// The number of free parameters.
    pub(super) fn parameters(&self) -> usize {
        self.lags.len() + self.seasonal
    }

    /// The lags of phi.
    pub(super) fn lags(&self) -> &[usize] {
        &self.lags
    }

    /// P and m.
    pub(super) fn seasonal(&self) -> (usize, usize) {
        (self.seasonal, self.period)
    }

    /// Whether phi is parametrised by partial autocorrelations.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether the expanded polynomial is phi itself, with every lag.
    pub(super) fn is_plain(&self) -> bool {
        self.full && self.seasonal == 0
    }

    /// The order of the expanded polynomial.
    pub(super) fn order(&self) -> usize {
        self.lags.last().copied().unwrap_or(0) + self.seasonal * self.period
    }

    /// The lags that the expanded polynomial can have, ascending.
    pub(super) fn expanded_lags(&self) -> Vec<usize> {
        let mut lags: Vec<usize> = std::iter::once(0)
            .chain(self.lags.iter().copied())
            .flat_map(|lag| (0..=self.seasonal).map(move |j| lag + j * self.period))
            .filter(|&lag| lag > 0)
            .collect();
        lags.sort_unstable();
        lags.dedup();
        lags
    }

    pub(super) fn workspace<T: Real>(&self) -> Workspace<T> {
        let order = self.order();
        Workspace {
            ladder: Ladder::of_order(order),
            adjoint: Adjoint::zeros(order),
            regular: Ladder::of_order(if self.full { self.lags.len() } else { 0 }),
            seasonal: Ladder::of_order(self.seasonal),
            phi: vec![T::of(0.0); self.lags.len()],
            expanded: vec![T::of(0.0); order],
        }
    }

    /// Sets the polynomials to those of the parameters; false where they are not stationary.
    pub(super) fn place<T: Real>(&self, z: &[T], to: &mut Workspace<T>) -> bool {
        let (regular, seasonal) = z.split_at(self.lags.len());
        if self.is_plain() {
            to.ladder.climb(regular);
            to.phi.copy_from_slice(to.ladder.order(regular.len()));
            return true;
        }
        to.seasonal.climb(seasonal);
        if self.full {
            to.regular.climb(regular);
            to.phi.copy_from_slice(to.regular.order(regular.len()));
        } else {
            to.phi.copy_from_slice(regular);
        }
        self.expand(to);
        to.ladder.descend(&to.expanded)
    }

    fn expand<T: Real>(&self, to: &mut Workspace<T>) {
        to.expanded.fill(T::of(0.0));
        let seasonal = to.seasonal.order(self.seasonal);
        for (&lag, &phi) in self.lags.iter().zip(&to.phi) {
            to.expanded[lag - 1] += phi;
            for (j, &factor) in (1..).zip(seasonal) {
                to.expanded[lag + j * self.period - 1] -= phi * factor;
            }
        }
        for (j, &factor) in (1..).zip(seasonal) {
            to.expanded[j * self.period - 1] += factor;
        }
    }

    /// The derivatives by the parameters, from those in the workspace's adjoint.
    pub(super) fn pull<T: Real>(&self, from: &mut Workspace<T>) -> Vec<T> {
        if self.is_plain() {
            return from.ladder.pull_to_angles(&mut from.adjoint);
        }
        let by_expanded = from.ladder.pull_to_coefficients(&mut from.adjoint);
        let seasonal = from.seasonal.order(self.seasonal);
        let mut by_seasonal: Vec<T> = (1..=self.seasonal).map(|j| by_expanded[j * self.period - 1]).collect();
        let mut by_phi: Vec<T> = self.lags.iter().map(|lag| by_expanded[lag - 1]).collect();
        for (l, &lag) in self.lags.iter().enumerate() {
            for j in 0..self.seasonal {
                let by_product = by_expanded[lag + (j + 1) * self.period - 1];
                by_phi[l] -= by_product * seasonal[j];
                by_seasonal[j] -= by_product * from.phi[l];
            }
        }
        if self.full {
            by_phi = angles(&from.regular, &by_phi);
        }
        by_phi.extend(angles(&from.seasonal, &by_seasonal));
        by_phi
    }
}

/// From derivatives by the highest order's coefficients to those by z.
fn angles<T: Real>(ladder: &Ladder<T>, by_coefficients: &[T]) -> Vec<T> {
    let mut adjoint = Adjoint::zeros(by_coefficients.len());
    adjoint.order(by_coefficients.len()).copy_from_slice(by_coefficients);
    ladder.pull_to_angles(&mut adjoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_expanded() {
        let structure = Structure { lags: Lags::Set(vec![1, 3]), seasonal_order: 1, period: 4, ..Structure::ar(0) };
        let shape = Shape::new(&structure);
        let mut space = shape.workspace();
        let z: [f64; 3] = [0.5, -0.2, 0.4];
        assert!(shape.place(&z, &mut space));
        let season = z[2].tanh();
        let expected = [0.5, 0.0, -0.2, season, -0.5 * season, 0.0, 0.2 * season];
        assert!(space.expanded().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
        assert_eq!(shape.expanded_lags(), [1, 3, 4, 5, 7]);
        assert!(!shape.place(&[1.5, 0.0, 0.0], &mut space));
    }
}
