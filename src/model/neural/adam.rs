//! Adam with decoupled weight decay (Kingma and Ba 2015, arXiv 1412.6980; Loshchilov and Hutter 2019, arXiv 1711.05101).
//!
//! m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p -= r (m' / (sqrt(v') + e) + d p) with m', v' corrected for their start at
//! zero; b1 = 0.9, b2 = 0.999, e = 1e-8, as PyTorch's `AdamW`.

use super::parameters::Layout;
use crate::math::float::Float;

const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Moments of the gradient.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Adam<T> {
    pub(super) first: Vec<T>,
    pub(super) second: Vec<T>,
    pub(super) steps: usize,
}

impl<T: Float> Adam<T> {
    pub(super) fn new(parameters: usize) -> Self {
        Self { first: vec![T::ZERO; parameters], second: vec![T::ZERO; parameters], steps: 0 }
    }

    /// One step down the gradient.
    pub(super) fn step(&mut self, layout: &Layout, p: &mut [T], gradient: &[T], rate: f64, decay: f64) {
        self.steps += 1;
        let correction = |b: f64| 1.0 - b.powi(i32::try_from(self.steps).unwrap_or(i32::MAX));
        let (size, root) = (T::of(rate / correction(FIRST)), T::of(1.0 / correction(SECOND)));
        let (first, second, epsilon) = (T::of(FIRST), T::of(SECOND), T::of(EPSILON));
        for (part, range) in layout.parts() {
            let shrink = T::of(if part.decays { 1.0 - rate * decay } else { 1.0 });
            let moments = self.first[range.clone()].iter_mut().zip(&mut self.second[range.clone()]);
            for ((p, g), (m, v)) in p[range.clone()].iter_mut().zip(&gradient[range]).zip(moments) {
                *m = first * *m + (T::ONE - first) * *g;
                *v = second * *v + (T::ONE - second) * *g * *g;
                *p = shrink * *p - size * *m / ((*v * root).sqrt() + epsilon);
            }
        }
    }
}
