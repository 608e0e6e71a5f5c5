//! Mixtures of one family: weights w_k that sum to one, and parameters of each component.
//!
//! ```text
//! density  f(x) = sum_k w_k f_k(x),   P(X <= x) = sum_k w_k F_k(x),   mean sum_k w_k m_k,
//! variance sum_k w_k (s_k^2 + (m_k - m)^2)
//! ```
//!
//! A row holds w_1, the parameters of the first component, w_2, .. Components are normals, Student's t, or negative binomials. Every
//! function costs as many of the component's as there are; the quantile
//! has no closed form. Of densities it takes a handful of guarded Newton steps inside a bracket that always holds it: of normals
//! the smallest and the largest quantile of the components. Logarithms of the smaller tail are compared, so that quantiles keep their
//! digits down to a mass of 1e-300. Of counts it is a bisection between the components' own.

use super::{gaussian, negative_binomial, student_t};
use crate::math::random::LaneRng;
use crate::math::root_finding::increasing_root;
use crate::math::special;

/// What a mixture is made of.
pub(super) trait Component: Copy {
    /// How many parameters it has.
    const WIDTH: usize;
    /// The component with these parameters.
    fn of(parameters: &[f64]) -> Self;
    fn log_density(self, x: f64) -> f64;
    fn cdf(self, x: f64) -> f64;
    fn survival(self, x: f64) -> f64;
    /// Mean and variance: no number and infinite where there is none.
    fn moments(self) -> (f64, f64);
    fn sample(self, rng: &mut LaneRng) -> f64;
}

/// A component with a density that falls alike to either side of its location.
pub(super) trait Symmetric: Component {
    fn location(self) -> f64;
    /// Zero of a point mass.
    fn scale(self) -> f64;
    /// The derivative of the logarithm of the density.
    fn slope(self, x: f64) -> f64;
    /// That of -X.
    fn mirrored(self) -> Self;
    /// Two values between which the value lies below which `mass` of a mixture lies, at most one half.
    fn bracket(components: impl Iterator<Item = (f64, Self)> + Clone, mass: f64) -> (f64, f64);
    /// How far from the location the power 1 / `temperature` of the density and the mass beyond become e^-`fall` of what they are
    /// at the location, more or less.
    fn reach(self, fall: f64, temperature: f64) -> f64;
}

/// Mean and standard deviation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Normal(pub(super) [f64; 2]);

/// Location, scale and degrees of freedom.
#[derive(Debug, Clone, Copy)]
pub(super) struct StudentT([f64; 3]);

/// Mean and dispersion of the negative binomial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts([f64; 2]);

impl Component for Normal {
    const WIDTH: usize = 2;

    fn of(parameters: &[f64]) -> Self {
        Self([parameters[0], parameters[1]])
    }

    fn log_density(self, x: f64) -> f64 {
        gaussian::log_density(self.0, x)
    }

    fn cdf(self, x: f64) -> f64 {
        gaussian::cdf(self.0, x)
    }

    fn survival(self, x: f64) -> f64 {
        gaussian::survival(self.0, x)
    }

    fn moments(self) -> (f64, f64) {
        let [mean, sd] = self.0;
        (mean, sd * sd)
    }

    fn sample(self, rng: &mut LaneRng) -> f64 {
        gaussian::sample(self.0, rng)
    }
}

impl Symmetric for Normal {
    fn location(self) -> f64 {
        self.0[0]
    }

    fn scale(self) -> f64 {
        self.0[1]
    }

    fn slope(self, x: f64) -> f64 {
        let [mean, sd] = self.0;
        (mean - x) / (sd * sd)
    }

    fn mirrored(self) -> Self {
        Self([-self.0[0], self.0[1]])
    }

    fn bracket(components: impl Iterator<Item = (f64, Self)> + Clone, mass: f64) -> (f64, f64) {
        let z = special::normal_quantile(mass);
        // A point mass has its point at every level.
        let own = components.map(|(_, Self([mean, sd]))| if sd == 0.0 { mean } else { mean + sd * z });
        own.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    }

    fn reach(self, fall: f64, temperature: f64) -> f64 {
        (2.0 * fall).sqrt() * temperature.sqrt() * self.0[1]
    }
}

impl Component for StudentT {
    const WIDTH: usize = 3;

    fn of(parameters: &[f64]) -> Self {
        Self([parameters[0], parameters[1], parameters[2]])
    }

    fn log_density(self, x: f64) -> f64 {
        student_t::log_density(self.0, x)
    }

    fn cdf(self, x: f64) -> f64 {
        student_t::cdf(self.0, x)
    }

    fn survival(self, x: f64) -> f64 {
        student_t::survival(self.0, x)
    }

    fn moments(self) -> (f64, f64) {
        student_t::moments(self.0)
    }

    fn sample(self, rng: &mut LaneRng) -> f64 {
        student_t::sample(self.0, rng)
    }
}

impl Symmetric for StudentT {
    fn location(self) -> f64 {
        self.0[0]
    }

    fn scale(self) -> f64 {
        self.0[1]
    }

    fn slope(self, x: f64) -> f64 {
        let [location, scale, dof] = self.0;
        let z = (location - x) / scale;
        (dof + 1.0) * z / (dof + z * z) / scale
    }

    fn mirrored(self) -> Self {
        Self([-self.0[0], self.0[1], self.0[2]])
    }

    /// From the largest location, below which there is one half of every component, down by doubled steps: a few distribution
    /// functions, where a quantile of a component costs fifty.
    fn bracket(components: impl Iterator<Item = (f64, Self)> + Clone, mass: f64) -> (f64, f64) {
        if mass <= 0.0 {
            return (f64::NEG_INFINITY, f64::NEG_INFINITY);
        }
        let locations = || components.clone().map(|(_, of)| of.location());
        let (mut low, mut high) =
            locations().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        let mut step = components.clone().fold(0.0, |largest: f64, (_, of)| largest.max(of.scale()));
        let below = |x: f64| components.clone().map(|(weight, of)| weight * of.cdf(x)).sum::<f64>();
        while below(low) > mass && step.is_finite() {
            (low, high, step) = (low - step, low, 2.0 * step);
        }
        (low, high)
    }

    fn reach(self, fall: f64, temperature: f64) -> f64 {
        let [_, scale, dof] = self.0;
        let tempered = (dof + 1.0) / temperature - 1.0;
        scale * (dof * (2.0 * fall / tempered).exp_m1()).sqrt().min(f64::MAX.sqrt())
    }
}

impl Component for Counts {
    const WIDTH: usize = 2;

    fn of(parameters: &[f64]) -> Self {
        Self([parameters[0], parameters[1]])
    }

    fn log_density(self, x: f64) -> f64 {
        negative_binomial::log_mass(self.0, x)
    }

    fn cdf(self, x: f64) -> f64 {
        negative_binomial::cdf(self.0, x)
    }

    fn survival(self, x: f64) -> f64 {
        negative_binomial::survival(self.0, x)
    }

    fn moments(self) -> (f64, f64) {
        negative_binomial::moments(self.0)
    }

    fn sample(self, rng: &mut LaneRng) -> f64 {
        negative_binomial::sample(self.0, rng)
    }
}

/// Weight and component of those that have a weight.
pub(super) fn components<C: Component>(parameters: &[f64]) -> impl Iterator<Item = (f64, C)> + Clone + '_ {
    let component = |of: &[f64]| (of[0], C::of(&of[1..]));
    parameters.chunks_exact(1 + C::WIDTH).map(component).filter(|(weight, _)| *weight != 0.0)
}

/// ln density or mass, with the largest term taken out of the sum: nothing underflows.
pub(super) fn log_density<C: Component>(parameters: &[f64], x: f64) -> f64 {
    let terms = components::<C>(parameters).map(|(weight, of)| weight.ln() + of.log_density(x));
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() { largest } else { largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln() }
}

/// P(X <= x).
pub(super) fn cdf<C: Component>(parameters: &[f64], x: f64) -> f64 {
    components::<C>(parameters).map(|(weight, of)| weight * of.cdf(x)).sum::<f64>().min(1.0)
}

/// P(X > x), without cancellation in the upper tail.
pub(super) fn survival<C: Component>(parameters: &[f64], x: f64) -> f64 {
    components::<C>(parameters).map(|(weight, of)| weight * of.survival(x)).sum::<f64>().min(1.0)
}

/// The value below which a share `q` of the mass lies.
pub(super) fn quantile<C: Symmetric>(parameters: &[f64], q: f64) -> f64 {
    if q < 0.5 { lower_edge::<C>(parameters, q) } else { upper_edge::<C>(parameters, 1.0 - q) }
}

/// The value below which a mass of at most one half lies.
pub(super) fn lower_edge<C: Symmetric>(parameters: &[f64], mass: f64) -> f64 {
    edge(components::<C>(parameters), mass)
}

/// The value above which a mass of at most one half lies.
pub(super) fn upper_edge<C: Symmetric>(parameters: &[f64], mass: f64) -> f64 {
    -edge(components::<C>(parameters).map(|(weight, of)| (weight, of.mirrored())), mass)
}

fn edge<C: Symmetric>(components: impl Iterator<Item = (f64, C)> + Clone, mass: f64) -> f64 {
    let (low, high) = C::bracket(components.clone(), mass);
    if low == high || low.is_infinite() {
        return low;
    }
    let scale = components.clone().map(|(weight, of)| weight * of.scale()).sum();
    increasing_root(low, high, scale, |x| {
        let (mut below, mut density) = (0.0, 0.0);
        for (weight, of) in components.clone() {
            below += weight * of.cdf(x);
            density += weight * of.log_density(x).exp();
        }
        ((below / mass).ln(), density / below)
    })
}

/// The smallest count up to which a share `q` of the mass lies.
pub(super) fn count_quantile(parameters: &[f64], q: f64) -> f64 {
    let holds = |k| {
        if q < 0.5 { cdf::<Counts>(parameters, k) >= q } else { survival::<Counts>(parameters, k) <= 1.0 - q }
    };
    first_count(parameters, |pair| negative_binomial::quantile(pair, q), holds)
}

/// The largest count such that it and all above have at least a mass.
pub(super) fn count_upper_edge(parameters: &[f64], mass: f64) -> f64 {
    let holds = |k| survival::<Counts>(parameters, k) < mass;
    first_count(parameters, |pair| negative_binomial::upper_edge(pair, mass), holds)
}

/// The first count for which a monotone condition holds: not before it does for the first component, not after it does for all.
fn first_count(parameters: &[f64], own: impl Fn([f64; 2]) -> f64, holds: impl Fn(f64) -> bool) -> f64 {
    let own = components(parameters).map(|(_, Counts(pair))| own(pair));
    let (low, high) = own.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), k| (low.min(k), high.max(k)));
    if low == high { high } else { negative_binomial::first_between(low - 1.0, high, holds) }
}

/// The masses of consecutive counts between which all but nothing to speak of lies, and the first of them.
pub(super) fn count_masses(parameters: &[f64], out: &mut Vec<f64>) -> usize {
    let edges = |mass: f64| [count_quantile(parameters, mass), count_upper_edge(parameters, mass)];
    negative_binomial::listed(edges, |k| log_density::<Counts>(parameters, k), out)
}

/// The most probable count: between the smallest and the largest mode of the components. Of more than some thousand counts a
/// few are looked at, the components' modes among them, then all around the best of these.
pub(super) fn count_mode(parameters: &[f64]) -> f64 {
    const MOST: f64 = 4096.0;
    let modes = || components(parameters).map(|(_, Counts(pair))| negative_binomial::mode(pair));
    let (low, high) = modes().fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), k| (low.min(k), high.max(k)));
    let stride = ((high - low) / MOST).ceil().max(1.0);
    let grid = |from: f64, to: f64, by: f64| (0..=((to - from) / by) as usize).map(move |i| from + i as f64 * by);
    let best = |counts: &mut dyn Iterator<Item = f64>| {
        let rated = counts.map(|k| (k, log_density::<Counts>(parameters, k)));
        rated.reduce(|a, b| if b.1 > a.1 { b } else { a }).map_or(low, |(k, _)| k)
    };
    let around = best(&mut grid(low, high, stride).chain(modes()));
    best(&mut grid((around - stride).max(low), (around + stride).min(high), 1.0))
}

/// One draw: a component, then a value of it.
pub(super) fn sample<C: Component>(parameters: &[f64], rng: &mut LaneRng) -> f64 {
    let mut left = rng.uniform();
    let mut chosen = None;
    for (weight, of) in components::<C>(parameters) {
        chosen = Some(of);
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    chosen.map_or(f64::NAN, |of| of.sample(rng))
}

/// sum_k w_k m_k, exact where all means are equal; no number where a component has none.
pub(super) fn mean<C: Component>(parameters: &[f64]) -> f64 {
    let means = || components::<C>(parameters).map(|(weight, of)| (weight, of.moments().0));
    let first = means().next().map_or(f64::NAN, |(_, mean)| mean);
    first + means().map(|(weight, mean)| weight * (mean - first)).sum::<f64>()
}

/// sum_k w_k (s_k^2 + (m_k - m)^2), infinite where a component's is.
pub(super) fn variance<C: Component>(parameters: &[f64]) -> f64 {
    let middle = mean::<C>(parameters);
    let of_component = |(weight, of): (f64, C)| {
        let (mean, variance) = of.moments();
        if variance.is_infinite() { variance } else { weight * (variance + (mean - middle).powi(2)) }
    };
    components(parameters).map(of_component).sum()
}

/// The local maxima of the density, ascending: they lie between the outermost locations (Carreira-Perpinan 2000, *IEEE Trans.
/// Pattern Anal. Mach. Intell.* 22, p. 1318), and not where all components are convex, a scale or more away from theirs. A scan
/// of half a scale of each component, then bisection on the sign of the slope. For components with positive scales.
pub(super) fn modes<C: Symmetric>(parameters: &[f64]) -> Vec<f64> {
    const SCAN: [f64; 13] = [-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0];
    let locations = || components::<C>(parameters).map(|(_, of)| of.location());
    let (low, high) = (locations().fold(f64::INFINITY, f64::min), locations().fold(f64::NEG_INFINITY, f64::max));
    let around = |(_, of): (f64, C)| SCAN.map(|z| (of.location() + z * of.scale()).clamp(low, high));
    let mut scan: Vec<f64> = components(parameters).flat_map(around).chain([low, high]).collect();
    scan.sort_unstable_by(f64::total_cmp);
    scan.dedup();
    let rises: Vec<bool> = scan.iter().map(|x| rises::<C>(parameters, *x)).collect();
    let mut modes: Vec<f64> = (1..scan.len())
        .filter(|&i| rises[i - 1] && !rises[i])
        .map(|i| turning_point::<C>(parameters, scan[i - 1], scan[i]))
        .collect();
    if modes.is_empty() {
        // One component, or all at one location: rounding may hide the slope at the edges.
        modes.push(if rises[scan.len() - 1] { high } else { low });
    }
    modes
}

/// The highest of the [`modes`]; the heaviest of components without spread.
pub(super) fn mode<C: Symmetric>(parameters: &[f64]) -> f64 {
    if let Some(point) = point_mass::<C>(parameters) {
        return point;
    }
    let height = |x: &f64| log_density::<C>(parameters, *x);
    modes::<C>(parameters).into_iter().reduce(|a, b| if height(&b) > height(&a) { b } else { a }).unwrap_or(f64::NAN)
}

/// The heaviest point mass, where there is one.
pub(super) fn point_mass<C: Symmetric>(parameters: &[f64]) -> Option<f64> {
    let points = components::<C>(parameters).filter(|(_, of)| of.scale() == 0.0);
    points.reduce(|a, b| if b.0 > a.0 { b } else { a }).map(|(_, of)| of.location())
}

/// Whether the density rises at x.
fn rises<C: Symmetric>(parameters: &[f64], x: f64) -> bool {
    let terms = || components::<C>(parameters).map(|(weight, of)| (weight.ln() + of.log_density(x), of));
    let largest = terms().fold(f64::NEG_INFINITY, |largest, (term, _)| largest.max(term));
    terms().map(|(term, of)| (term - largest).exp() * of.slope(x)).sum::<f64>() > 0.0
}

fn turning_point<C: Symmetric>(parameters: &[f64], mut low: f64, mut high: f64) -> f64 {
    // Bisection to the last bit, but for a mode at zero.
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if rises::<C>(parameters, middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The mixture of normals with density proportional to f(x) e^{-b x}: every component stays normal, with mean m_k - b s_k^2 and
/// weight w_k exp(-b m_k + b^2 s_k^2 / 2).
pub(super) fn tilted(parameters: &[f64], b: f64) -> Vec<f64> {
    let components = || components(parameters).map(|(weight, Normal(normal))| (weight, normal));
    let log_weight = |weight: f64, [mean, sd]: [f64; 2]| weight.ln() - b * mean + 0.5 * (b * sd).powi(2);
    let logs = components().map(|(weight, normal)| log_weight(weight, normal));
    let largest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logs.clone().map(|log| (log - largest).exp()).sum();
    let tilt = |((_, [mean, sd]), log): ((f64, [f64; 2]), f64)| [(log - largest).exp() / total, mean - b * sd * sd, sd];
    components().zip(logs).flat_map(tilt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Equal spreads far apart, unequal ones on top of each other, a hair's breadth apart, three.
    const ROWS: [&[f64]; 4] = [
        &[0.5, -20.0, 1.0, 0.5, 20.0, 1.0],
        &[0.1, 3.0, 0.2, 0.9, 3.5, 4.0],
        &[0.4, 1.0, 1.0, 0.6, 1.0 + 1e-9, 1.0],
        &[0.3, -1.0, 0.5, 1e-9, 80.0, 3.0, 0.7 - 1e-9, 2.0, 1.0],
    ];

    #[test]
    fn quantiles_invert_both_tails_to_twelve_digits() {
        for row in ROWS {
            for exponent in [0.302, 0.5, 1.0, 1.3, 2.0, 4.0, 8.0, 12.0, 100.0, 299.0] {
                let mass = 10_f64.powf(-exponent);
                let (below, above) = (
                    cdf::<Normal>(row, lower_edge::<Normal>(row, mass)),
                    survival::<Normal>(row, upper_edge::<Normal>(row, mass)),
                );
                // A rounding of x is one of z^2 in the mass.
                let tolerance = 1e-12 * exponent.max(1.0).powi(2);
                assert!((below / mass - 1.0).abs() < tolerance, "{row:?} {mass}: {below}");
                assert!((above / mass - 1.0).abs() < tolerance, "{row:?} {mass}: {above}");
            }
            let ascending: Vec<f64> = (1..1000).map(|i| quantile::<Normal>(row, f64::from(i) / 1000.0)).collect();
            assert!(ascending.windows(2).all(|pair| pair[0] < pair[1]), "{row:?}");
        }
        assert_eq!(quantile::<Normal>(ROWS[0], 0.0), f64::NEG_INFINITY);
        assert_eq!(quantile::<Normal>(ROWS[0], 1.0), f64::INFINITY);
    }

    #[test]
    fn equal_components_are_their_normal() {
        let (row, normal) = ([0.25, 1.3, 0.7, 0.75, 1.3, 0.7], [1.3, 0.7]);
        assert_eq!(mean::<Normal>(&row), 1.3);
        assert!((variance::<Normal>(&row) - 0.49).abs() < 1e-16);
        for x in [-30.0, 0.0, 1.3, 9.0] {
            assert!((log_density::<Normal>(&row, x) - gaussian::log_density(normal, x)).abs() < 1e-12);
        }
        for q in [1e-9, 0.1, 0.5, 0.975] {
            assert!((quantile::<Normal>(&row, q) - gaussian::quantile(normal, q)).abs() < 1e-14);
        }
    }

    #[test]
    fn densities_far_out_are_those_of_the_nearest_component() {
        let row = [0.5, 0.0, 1.0, 0.5, 3.0, 1.0];
        let far = 0.5_f64.ln() + gaussian::log_density([3.0, 1.0], 1e5);
        assert!((log_density::<Normal>(&row, 1e5) / far - 1.0).abs() < 1e-15);
    }

    #[test]
    fn components_without_weight_count_for_nothing() {
        let row = [0.0, f64::INFINITY, f64::NAN, 1.0, 2.0, 0.5];
        assert_eq!(log_density::<Normal>(&row, 1.0), gaussian::log_density([2.0, 0.5], 1.0));
        assert_eq!((cdf::<Normal>(&row, 2.0), quantile::<Normal>(&row, 0.5)), (0.5, 2.0));
    }

    #[test]
    fn draws_have_the_moments_of_the_mixture() {
        let (row, mut rng) = ([0.2, -3.0, 0.5, 0.8, 2.0, 1.5], LaneRng::new(4, 0));
        let draws: Vec<f64> = (0..40_000).map(|_| sample::<Normal>(&row, &mut rng)).collect();
        let average = draws.iter().sum::<f64>() / 40_000.0;
        let spread = draws.iter().map(|x| (x - average).powi(2)).sum::<f64>() / 40_000.0;
        // Four standard errors.
        assert!(
            (average - mean::<Normal>(&row)).abs() < 0.05 && (mean::<Normal>(&row) - 1.0).abs() < 1e-15,
            "{average}"
        );
        assert!(
            (spread / variance::<Normal>(&row) - 1.0).abs() < 0.03 && (variance::<Normal>(&row) - 5.85).abs() < 1e-14,
            "{spread}"
        );
    }

    #[test]
    fn modes_are_where_the_density_is_highest() {
        let two = modes::<Normal>(&[0.3, -3.0, 0.5, 0.7, 2.0, 1.0]);
        assert!(two.len() == 2 && (two[0] + 3.0).abs() < 1e-4 && (two[1] - 2.0).abs() < 1e-4, "{two:?}");
        assert!((mode::<Normal>(&[0.3, -3.0, 0.5, 0.7, 2.0, 1.0]) - 2.0).abs() < 1e-4);
        assert!(mode::<Normal>(&[0.5, -1.0, 1.0, 0.5, 1.0, 1.0]).abs() < 1e-4); // flat at the top
        assert_eq!(modes::<Normal>(&[1.0, 0.3, 2.0]), [0.3]);
        assert_eq!(mode::<Normal>(&[0.2, 1.0, 0.0, 0.3, 4.0, 0.0, 0.5, 0.0, 1.0]), 4.0);
        // A narrow component of little weight is higher than a wide one.
        assert!((mode::<Normal>(&[0.01, 0.3, 1e-3, 0.99, 0.0, 1.0]) - 0.3).abs() < 1e-5);
    }

    #[test]
    fn a_tilt_is_a_factor_of_the_density() {
        let (row, b) = ([0.2, -3.0, 0.5, 0.8, 2.0, 1.5], 0.7);
        let tilt = tilted(&row, b);
        let factor = |x: f64| log_density::<Normal>(&tilt, x) - log_density::<Normal>(&row, x) + b * x;
        assert!([-2.0, 0.3, 4.0].iter().all(|x| (factor(*x) - factor(0.0)).abs() < 1e-12));
        assert!((tilt[0] + tilt[3] - 1.0).abs() < 1e-15);
    }

    /// Overlapping, far apart with the heavier tail on one side, equal, of very different scales.
    const OF_STUDENT: [&[f64]; 4] = [
        &[0.3, -1.0, 0.5, 3.5, 0.7, 1.0, 1.0, 9.0],
        &[0.999, -40.0, 1.0, 50.0, 0.001, 20.0, 3.0, 2.1],
        &[0.25, 1.3, 0.7, 4.0, 0.75, 1.3, 0.7, 4.0],
        &[0.5, 0.0, 1e-3, 5.0, 0.3, 0.1, 10.0, 2.5, 0.2, 0.2, 0.3, 200.0],
    ];
    /// Apart, on top of each other, one of nothing but zeros, Poisson's limit.
    const OF_COUNTS: [&[f64]; 4] = [
        &[0.4, 3.0, 0.5, 0.6, 60.0, 0.01],
        &[0.5, 4.0, 0.7, 0.5, 4.0, 0.7],
        &[0.2, 1e-6, 1e-6, 0.8, 12.0, 3.0],
        &[0.3, 1.0, 1e-6, 0.3, 30.0, 1e-6, 0.4, 400.0, 0.1],
    ];

    #[test]
    fn mixtures_of_student_t_are_the_sums_of_their_components() {
        for row in OF_STUDENT {
            let parts = || row.chunks(4).map(|of| (of[0], [of[1], of[2], of[3]]));
            let sum = |f: &dyn Fn([f64; 3]) -> f64| parts().map(|(weight, of)| weight * f(of)).sum::<f64>();
            for x in [-1e4, -41.0, -1.5, 0.0, 1e-3, 1.3, 25.0, 1e6] {
                let close = |own: f64, expected: f64| (own - expected).abs() <= 1e-12 * expected.abs();
                let density = sum(&|of| student_t::log_density(of, x).exp());
                assert!(close(log_density::<StudentT>(row, x), density.ln()), "{row:?} {x}");
                assert!(close(cdf::<StudentT>(row, x), sum(&|of| student_t::cdf(of, x))), "{row:?} {x}");
                assert!(close(survival::<StudentT>(row, x), sum(&|of| student_t::survival(of, x))), "{row:?} {x}");
            }
            let mean = sum(&|of| of[0]);
            let second = sum(&|[location, scale, dof]| scale * scale * dof / (dof - 2.0) + location * location);
            assert!((super::mean::<StudentT>(row) - mean).abs() < 1e-14 * (1.0 + mean.abs()), "{row:?}");
            let own = variance::<StudentT>(row);
            assert!((own / (second - mean * mean) - 1.0).abs() < 1e-12, "{row:?}: {own}");
        }
        let heavy = [0.5, 0.0, 1.0, 2.0, 0.5, 1.0, 1.0, 5.0];
        assert_eq!((super::mean::<StudentT>(&heavy), variance::<StudentT>(&heavy)), (0.5, f64::INFINITY));
        assert!(super::mean::<StudentT>(&[0.5, 0.0, 1.0, 1.0, 0.5, 1.0, 1.0, 5.0]).is_nan());
    }

    #[test]
    fn quantiles_of_student_t_invert_both_tails() {
        for row in OF_STUDENT {
            for exponent in [0.302, 0.5, 1.0, 1.3, 2.0, 4.0, 8.0, 12.0, 100.0] {
                let mass = 10_f64.powf(-exponent);
                let (low, high) = (lower_edge::<StudentT>(row, mass), upper_edge::<StudentT>(row, mass));
                let (below, above) = (cdf::<StudentT>(row, low), survival::<StudentT>(row, high));
                assert!((below / mass - 1.0).abs() < 1e-10, "{row:?} {mass}: {below}");
                assert!((above / mass - 1.0).abs() < 1e-10, "{row:?} {mass}: {above}");
            }
            let ascending: Vec<f64> = (1..200).map(|i| quantile::<StudentT>(row, f64::from(i) / 200.0)).collect();
            assert!(ascending.windows(2).all(|pair| pair[0] < pair[1]), "{row:?}");
            let ends = [0.0, 1.0].map(|q| quantile::<StudentT>(row, q));
            assert_eq!(ends, [f64::NEG_INFINITY, f64::INFINITY]);
        }
        for q in [1e-9, 0.1, 0.5, 0.975] {
            let (own, alone) = (quantile::<StudentT>(OF_STUDENT[2], q), student_t::quantile([1.3, 0.7, 4.0], q));
            assert!((own - alone).abs() < 1e-12 * (1.0 + alone.abs()), "{q}: {own}, not {alone}");
        }
    }

    #[test]
    fn draws_of_student_t_have_their_distribution_and_its_modes_are_the_highest() {
        for row in OF_STUDENT {
            let mut rng = LaneRng::new(9, 1);
            let mut draws: Vec<f64> =
                (0..4000).map(|_| cdf::<StudentT>(row, sample::<StudentT>(row, &mut rng))).collect();
            draws.sort_unstable_by(f64::total_cmp);
            let off = draws.iter().zip(0..).map(|(u, i)| (u - (f64::from(i) + 0.5) / 4000.0).abs()).fold(0.0, f64::max);
            assert!(off < 1.95 / 4000_f64.sqrt(), "{row:?}: Kolmogorov-Smirnov {off}");
            let height = log_density::<StudentT>(row, mode::<StudentT>(row));
            let highest =
                (1..4000).map(|i| log_density::<StudentT>(row, quantile::<StudentT>(row, f64::from(i) / 4000.0)));
            assert!(highest.fold(f64::NEG_INFINITY, f64::max) <= height + 1e-12, "{row:?}");
        }
    }

    #[test]
    fn mixtures_of_counts_are_the_sums_of_their_masses() {
        for row in OF_COUNTS {
            let parts = || row.chunks(3).map(|of| (of[0], [of[1], of[2]]));
            let mass =
                |k: f64| parts().map(|(weight, of)| weight * negative_binomial::log_mass(of, k).exp()).sum::<f64>();
            let (mut below, mut mean, mut square, mut best) = (0.0, 0.0, 0.0, (0.0, 0.0));
            let mut next = [1e-6, 0.025, 0.3, 0.5, 0.9, 1.0 - 1e-4].iter().peekable();
            for k in (0..20_000).map(f64::from) {
                let own = mass(k);
                assert!((log_density::<Counts>(row, k) - own.ln()).abs() < 1e-10 || own < 1e-280, "{row:?} {k}");
                below += own;
                mean += k * own;
                square += k * k * own;
                best = if own > best.0 { (own, k) } else { best };
                if k < 500.0 {
                    assert!((cdf::<Counts>(row, k) - below).abs() < 1e-12, "{row:?} {k}");
                    assert!((survival::<Counts>(row, k) + below - 1.0).abs() < 1e-12, "{row:?} {k}");
                }
                while let Some(&&q) = next.peek().filter(|q| below >= ***q) {
                    assert_eq!(count_quantile(row, q), k, "{row:?} {q}");
                    next.next();
                }
            }
            assert!(next.peek().is_none() && (below - 1.0).abs() < 1e-9, "{row:?}: {below}");
            assert!((super::mean::<Counts>(row) / mean - 1.0).abs() < 1e-9, "{row:?}");
            assert!((variance::<Counts>(row) / (square - mean * mean) - 1.0).abs() < 1e-7, "{row:?}");
            assert_eq!(count_mode(row), best.1, "{row:?}");
            let mut listed = Vec::new();
            let first = count_masses(row, &mut listed);
            let off = listed.iter().zip(first..).map(|(own, k)| (own - mass(k as f64)).abs()).fold(0.0, f64::max);
            assert!(off < 1e-12 && (listed.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{row:?}: {off}");
            for outside in [0.4, 0.01] {
                let edge = count_upper_edge(row, outside);
                assert!(survival::<Counts>(row, edge - 1.0) >= outside && survival::<Counts>(row, edge) < outside);
            }
        }
        assert_eq!(count_mode(&[0.5, 10.0, 0.5, 0.5, 1e6, 1e-6]), 5.0);
        assert_eq!([0.0, 1.0].map(|q| count_quantile(OF_COUNTS[0], q)), [0.0, f64::INFINITY]);
    }
}
