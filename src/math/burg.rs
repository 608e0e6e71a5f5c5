//! Burg's recursion: autoregressions of every order up to p from one pass per order.
//!
//! ```text
//! f_{0,t} = b_{0,t} = x_t - m
//! r_k     = 2 sum_t f_{k-1,t} b_{k-1,t-1} / sum_t (f_{k-1,t}^2 + b_{k-1,t-1}^2)      t = k..n-1
//! f_{k,t} = f_{k-1,t} - r_k b_{k-1,t-1},   b_{k,t} = b_{k-1,t-1} - r_k f_{k-1,t}
//! v_k     = v_{k-1} (1 - r_k^2),   v_0 = the mean square of x - m                    Levinson's recursion
//! w_k     = sum_{t >= k} (f_{k,t}^2 + b_{k,t}^2) / (2 (n - k))                       mean of the errors
//! ```
//!
//! Each reflection minimises the forward and backward errors of its order, so |r_k| <= 1 and the model is stationary
//! (Burg 1975, *Maximum Entropy Spectral Analysis*, Stanford; Brockwell and Davis 1991, *Time Series: Theory and Methods*,
//! section 8.2). Several stretches (pooled series, or what missing values leave of one) add up in numerator and
//! denominator. O(n p) time, O(n) memory.
//!
//! Matches R's `ar.burg` (`var.method = 1` is v, `2` is w) and statsmodels' `burg` (w).

use super::kernels::{lattice_step, lattice_sums};
use super::toeplitz::step_up;

/// Squared errors of this share of the mean square are rounding.
const NOTHING: f64 = 4096.0 * f64::EPSILON * f64::EPSILON;

/// The reflections and error variances of all orders.
///
/// ```
/// use foretoken::math::burg::Burg;
///
/// let burg = Burg::fit(&[&[1.0, -1.0, 1.0, -1.0, 1.0]], 0.0, 2);
/// assert_eq!(burg.reflections(), [-1.0, 0.0]);
/// assert_eq!(burg.coefficients(2), [-1.0, 0.0]);
/// assert_eq!(burg.variance(1), 0.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Burg {
    reflections: Vec<f64>,
    /// v_0..v_p.
    variances: Vec<f64>,
    /// w_0..w_p.
    errors: Vec<f64>,
}

impl Burg {
    /// All orders up to `max_order` of stretches without missing values about a level; fewer where no stretch is longer
    /// than an order. Once nothing is left to predict, reflections and variances are zero.
    #[must_use]
    pub fn fit(stretches: &[&[f64]], level: f64, max_order: usize) -> Self {
        let longest = stretches.iter().map(|x| x.len()).max().unwrap_or(0);
        let max_order = max_order.min(longest.saturating_sub(1));
        let mut lattice = Lattice::new(stretches, level);
        let mut burg = Self::with_capacity(lattice.mean_of_errors(), max_order);
        while burg.max_order() < max_order {
            let reflection = lattice.reflection();
            lattice.update(reflection);
            if burg.push(reflection, lattice.mean_of_errors()) == 0.0 {
                burg.end(max_order);
            }
        }
        burg
    }

    fn with_capacity(mean_square: f64, orders: usize) -> Self {
        let first = || {
            let mut variances = Vec::with_capacity(orders + 1);
            variances.push(mean_square);
            variances
        };
        Self { reflections: Vec::with_capacity(orders), variances: first(), errors: first() }
    }

    /// The next order; gives its v.
    fn push(&mut self, reflection: f64, error: f64) -> f64 {
        let is_exact = error <= NOTHING * self.variances[0];
        let kept = if is_exact { 0.0 } else { (1.0 - reflection) * (1.0 + reflection) };
        let variance = self.variances[self.max_order()] * kept;
        self.reflections.push(reflection);
        self.variances.push(variance);
        self.errors.push(if is_exact { 0.0 } else { error });
        variance
    }

    /// Nothing is left for the other orders.
    fn end(&mut self, max_order: usize) {
        self.reflections.resize(max_order, 0.0);
        self.variances.resize(max_order + 1, 0.0);
        self.errors.resize(max_order + 1, 0.0);
    }

    /// The largest order.
    #[must_use]
    pub fn max_order(&self) -> usize {
        self.reflections.len()
    }

    /// r_1..r_p.
    #[must_use]
    pub fn reflections(&self) -> &[f64] {
        &self.reflections
    }

    /// v_p: the one-step error variance of an order by Levinson's recursion.
    #[must_use]
    pub fn variance(&self, order: usize) -> f64 {
        self.variances[order]
    }

    /// w_p: the mean of the squared forward and backward errors of an order.
    #[must_use]
    pub fn mean_of_errors(&self, order: usize) -> f64 {
        self.errors[order]
    }

    /// The coefficients of an order, in O(p^2).
    #[must_use]
    pub fn coefficients(&self, order: usize) -> Vec<f64> {
        let mut coefficients = Vec::with_capacity(order);
        self.reflections[..order].iter().for_each(|&r| step_up(&mut coefficients, r));
        coefficients
    }
}

/// Forward and backward errors of one order, of all stretches one after the other.
///
/// After k updates f_t stands at the place of x_t and b_t k places before it, so that an update changes pairs in place.
struct Lattice {
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
    fn new(stretches: &[&[f64]], level: f64) -> Self {
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

    fn mean_of_errors(&self) -> f64 {
        self.energy / (2.0 * self.errors as f64)
    }

    /// The reflection of the next order; zero where nothing is left.
    fn reflection(&self) -> f64 {
        if self.square > 0.0 { 2.0 * self.cross / self.square } else { 0.0 }
    }

    fn update(&mut self, reflection: f64) {
        self.order += 1;
        self.pass(|forward, backward| lattice_step(reflection, forward, backward));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::autocovariance::mean;
    use crate::math::random::LaneRng;

    /// Reflections, v and w as they are defined.
    fn reference(stretches: &[&[f64]], level: f64, max_order: usize) -> Burg {
        let mut forward: Vec<Vec<f64>> =
            stretches.iter().map(|x| x.iter().map(|x| x - level).collect::<Vec<f64>>()).collect();
        let mut backward = forward.clone();
        let squares: f64 = forward.iter().flatten().map(|x| x * x).sum();
        let first = squares / forward.iter().flatten().count() as f64;
        let mut burg = Burg { reflections: Vec::new(), variances: vec![first], errors: vec![first] };
        for k in 1..=max_order {
            let (mut cross, mut square, mut energy, mut count) = (0.0, 0.0, 0.0, 0.0);
            for (f, b) in forward.iter().zip(&backward) {
                for t in k..f.len() {
                    cross += f[t] * b[t - 1];
                    square += f[t].powi(2) + b[t - 1].powi(2);
                }
            }
            let r = 2.0 * cross / square;
            for (f, b) in forward.iter_mut().zip(&mut backward) {
                for t in (k..f.len()).rev() {
                    (f[t], b[t]) = (f[t] - r * b[t - 1], b[t - 1] - r * f[t]);
                    energy += f[t].powi(2) + b[t].powi(2);
                    count += 2.0;
                }
            }
            burg.reflections.push(r);
            burg.variances.push(burg.variances[k - 1] * (1.0 - r * r));
            burg.errors.push(energy / count);
        }
        burg
    }

    fn agree(what: &str, ours: &Burg, plain: &Burg, tolerance: f64) {
        let max = plain.max_order();
        assert_eq!(ours.max_order(), max, "{what}");
        for k in 0..=max {
            let pairs = [(ours.variances[k], plain.variances[k]), (ours.errors[k], plain.errors[k])];
            assert!(pairs.iter().all(|(a, b)| (a - b).abs() <= tolerance * b), "{what}, order {k}: {pairs:?}");
        }
        for (a, b) in ours.coefficients(max).iter().zip(plain.coefficients(max)) {
            assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what}: {a} {b}");
        }
    }

    /// An autoregression of order 2.
    fn simulated(n: usize, lane: u64) -> Vec<f64> {
        let mut rng = LaneRng::new(4, lane);
        let (mut x, mut before) = (0.0, 0.0);
        let next = |_| {
            (x, before) = (1.3 * x - 0.6 * before + rng.normal(), x);
            100.0 + x
        };
        (0..n).map(next).collect()
    }

    #[test]
    fn every_length_agrees_with_the_definition() {
        for n in [2, 3, 8, 17, 40, 200, 511, 512, 513, 1024, 1500, 5000] {
            let x = simulated(n, n as u64);
            let level = mean([&x[..]]);
            let order = (n - 1).min(20);
            agree(&format!("{n}"), &Burg::fit(&[&x], level, order), &reference(&[&x], level, order), 1e-9);
        }
    }

    #[test]
    fn stretches_add_up() {
        let all = [simulated(300, 0), simulated(5, 1), simulated(40, 2), simulated(1, 3)];
        let stretches: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
        agree("stretches", &Burg::fit(&stretches, 100.0, 12), &reference(&stretches, 100.0, 12), 1e-12);
    }

    #[test]
    fn orders_end_with_the_longest_stretch_and_with_what_is_left() {
        assert_eq!(Burg::fit(&[&[1.0, 3.0], &[2.0, 5.0, 4.0]], 3.0, 8).max_order(), 2);
        assert_eq!(Burg::fit(&[], 0.0, 3).max_order(), 0);
        let constant = Burg::fit(&[&[2.0; 9]], 2.0, 3);
        assert_eq!((constant.reflections(), constant.variance(0)), (&[0.0; 3][..], 0.0));
        let wave: Vec<f64> = (0..50).map(|t| [1.0, 0.0, -1.0, 0.0][t % 4]).collect();
        let burg = Burg::fit(&[&wave], 0.0, 4);
        assert_eq!(burg.coefficients(4), [0.0, -1.0, 0.0, 0.0]);
        assert_eq!((burg.variance(2), burg.mean_of_errors(4)), (0.0, 0.0));
    }
}
