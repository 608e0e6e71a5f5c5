//! The direct form: both errors of one order, changed in place.

use crate::math::kernels::{lattice_step, lattice_sums};

/// Forward and backward errors of one order, of all stretches one after the other.
///
/// After k updates f_t stands at the place of x_t and b_t k places before it, so that an update changes pairs in place.
pub(super) struct Lattice {
    forward: Vec<f64>,
    backward: Vec<f64>,
    /// Where each stretch ends.
    ends: Vec<usize>,
    order: usize,
    /// sum f_t b_{t-1} and sum f_t^2 + b_{t-1}^2 over the pairs of the next order.
    cross: f64,
    square: f64,
    /// sum f_t^2 + b_t^2 over the errors of this order, and how many pairs that are.
    energy: f64,
    errors: usize,
}

impl Lattice {
    pub(super) fn new(stretches: &[&[f64]], level: f64) -> Self {
        let forward: Vec<f64> = stretches.iter().flat_map(|x| x.iter().map(|x| x - level)).collect();
        let ends = stretches.iter().scan(0, |end, x| {
            *end += x.len();
            Some(*end)
        });
        let ends = ends.collect();
        let backward = forward.clone();
        let mut lattice = Self { forward, backward, ends, order: 0, cross: 0.0, square: 0.0, energy: 0.0, errors: 0 };
        lattice.pass(|forward, backward| lattice_sums(forward, backward));
        lattice
    }

    /// Runs over the pairs of every stretch that has any, and gathers the sums.
    fn pass(&mut self, run: impl Fn(&mut [f64], &mut [f64]) -> (f64, f64)) {
        (self.cross, self.square, self.energy, self.errors) = (0.0, 0.0, 0.0, 0);
        let mut start = 0;
        for &end in &self.ends {
            let length = end - start;
            if length > self.order {
                let forward = &mut self.forward[start + self.order..end];
                let backward = &mut self.backward[start..end - self.order];
                let (cross, square) = run(forward, backward);
                self.cross += cross;
                self.square += square;
                self.energy += square + forward[0].powi(2) + backward[backward.len() - 1].powi(2);
                self.errors += forward.len();
            }
            start = end;
        }
    }

    pub(super) fn mean_of_errors(&self) -> f64 {
        self.energy / (2.0 * self.errors as f64)
    }

    /// The reflection of the next order; zero where nothing is left.
    pub(super) fn reflection(&self) -> f64 {
        if self.square > 0.0 { 2.0 * self.cross / self.square } else { 0.0 }
    }

    /// The next order by its reflection; gives the share of the squared errors that is left, 1 - r^2 without its
    /// cancellation.
    pub(super) fn update(&mut self, reflection: f64) -> f64 {
        self.order += 1;
        let before = self.square;
        self.pass(|forward, backward| lattice_step(reflection, forward, backward));
        if before > 0.0 { self.energy / before } else { 0.0 }
    }
}
