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
//! denominator.
//!
//! | form | time | memory | for |
//! |---|---|---|---|
//! | direct | O(n p), one pass per order over both errors | O(n) | everything |
//! | lag sums | O(n p + p^3), one pass | O(p^2) | long series whose reflections lose nothing to cancellation |
//!
//! The direct form changes both errors in place and sums up the next order's numerator and denominator while a block is
//! in cache; a short series never leaves it, and no order allocates. The lag sums take the same quantities from lagged
//! products, bound what rounding can do to the coefficients, and leave the series to the direct form where that is more
//! than 1e-10: series integrated twice, lines of a spectrum.
//!
//! Matches R's `ar.burg` (`var.method = 1` is v, `2` is w) and statsmodels' `burg` (w).

mod lag_sums;
mod lattice;

use super::toeplitz::step_up;
use lag_sums::LagSums;
use lattice::Lattice;

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
        let max_order = possible(stretches, max_order);
        LagSums::of(stretches, level, max_order)
            .and_then(|sums| sums.solve(max_order))
            .unwrap_or_else(|| Self::directly(stretches, level, max_order))
    }

    /// The same by the errors themselves, whatever the series.
    #[must_use]
    pub fn directly(stretches: &[&[f64]], level: f64, max_order: usize) -> Self {
        let max_order = possible(stretches, max_order);
        let mut lattice = Lattice::new(stretches, level);
        let mut burg = Self::with_capacity(lattice.mean_of_errors(), max_order);
        while burg.max_order() < max_order {
            let reflection = lattice.reflection();
            let kept = lattice.update(reflection);
            if burg.push(reflection, kept, lattice.mean_of_errors()) == 0.0 {
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

    /// The next order, of which the share `kept` = 1 - r^2 of the errors is left; gives its v.
    fn push(&mut self, reflection: f64, kept: f64, error: f64) -> f64 {
        let is_exact = error <= NOTHING * self.variances[0];
        let variance = if is_exact { 0.0 } else { self.variances[self.max_order()] * kept };
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

/// The largest order, of those up to a maximum, of which some stretch has a pair of errors.
fn possible(stretches: &[&[f64]], max_order: usize) -> usize {
    let longest = stretches.iter().map(|x| x.len()).max().unwrap_or(0);
    max_order.min(longest.saturating_sub(1))
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
            let rounding = 1e-15 * plain.variances[0];
            let agree = |(a, b): &(f64, f64)| (a - b).abs() <= tolerance * b + rounding;
            assert!(pairs.iter().all(agree), "{what}, order {k}: {pairs:?}");
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

    /// Sums of sums: integrated `times` times.
    fn integrated(x: &[f64], times: usize) -> Vec<f64> {
        let sum = |total: &mut f64, x: &f64| {
            *total += x;
            Some(*total)
        };
        (0..times).fold(x.to_vec(), |x, _| x.iter().scan(0.0, sum).collect())
    }

    fn lag_sums(x: &[f64], level: f64, order: usize) -> Option<Burg> {
        LagSums::of(&[x], level, order).and_then(|sums| sums.solve(order))
    }

    /// Series that begin with the same noise: an autoregression of order 1, a random walk, a wave.
    fn hard(n: usize) -> [(&'static str, Vec<f64>); 3] {
        let mut rng = LaneRng::new(4, 99);
        let noise: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let wave = noise.iter().zip(0..).map(|(e, t)| (0.3 * f64::from(t)).sin() + 0.1 * e).collect();
        let walk = integrated(&noise, 1);
        [("noise", noise), ("walk", walk), ("wave", wave)]
    }

    #[test]
    fn lag_sums_agree_with_the_errors_where_they_are_let_pass() {
        for (name, x) in hard(20_000).into_iter().chain([("AR(2)", simulated(20_000, 1))]) {
            let level = mean([&x[..]]);
            let ours = lag_sums(&x, level, 20).expect("safe");
            agree(name, &ours, &Burg::directly(&[&x], level, 20), 1e-10);
            agree(name, &ours, &reference(&[&x], level, 20), 1e-10);
        }
        let (long, other) = (simulated(4000, 1), simulated(5000, 2));
        let ours = Burg::fit(&[&long, &other], 100.0, 12);
        agree("two stretches", &ours, &reference(&[&long, &other], 100.0, 12), 1e-12);
        assert!(ours != Burg::directly(&[&long, &other], 100.0, 12), "the lag sums were used");
    }

    #[test]
    fn what_rounding_would_spoil_is_left_to_the_errors() {
        let [(_, noise), ..] = hard(20_000);
        let line: Vec<f64> = noise.iter().zip(0..).map(|(e, t)| (0.3 * f64::from(t)).sin() + 1e-5 * e).collect();
        for x in [integrated(&noise, 2), line, vec![3.0; 4000]] {
            let level = mean([&x[..]]);
            assert!(lag_sums(&x, level, 20).is_none());
            assert_eq!(Burg::fit(&[&x], level, 20), Burg::directly(&[&x], level, 20));
        }
        let twice = integrated(&noise, 2);
        let level = mean([&twice[..]]);
        let (ours, plain) = (Burg::fit(&[&twice], level, 8), reference(&[&twice], level, 8));
        // v of the definition has lost digits to 1 - r^2.
        for (a, b) in [(ours.errors, plain.errors.clone()), (ours.reflections, plain.reflections)] {
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9 * b.abs().max(1.0)), "{a:?} {b:?}");
        }
        assert!((ours.variances[1] / plain.errors[1] - 1.0).abs() < 1e-3);
    }
}
