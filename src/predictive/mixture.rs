//! Mixtures of normals: weights w_k that sum to one, means m_k, standard deviations s_k.
//!
//! density sum_k w_k exp(-(x - m_k)^2 / (2 s_k^2)) / (s_k sqrt(2 pi)).
//! A row holds w_1, m_1, s_1, w_2, .. Every function costs as many normal ones as there are components; the quantile
//! has no closed form and takes a handful of guarded Newton steps between the smallest and the largest quantile of the
//! components, which always hold it. Logarithms of the smaller tail are compared, so that quantiles keep their
//! digits down to a mass of 1e-300.

use super::gaussian;
use crate::math::random::LaneRng;
use crate::math::root_finding::increasing_root;
use crate::math::special;

/// Weight, mean and standard deviation of the components that have a weight.
pub(super) fn components(parameters: &[f64]) -> impl Iterator<Item = (f64, [f64; 2])> + Clone + '_ {
    let component = |of: &[f64]| (of[0], [of[1], of[2]]);
    parameters.chunks_exact(3).map(component).filter(|(weight, _)| *weight != 0.0)
}

/// ln density, with the largest term taken out of the sum: nothing underflows.
pub(super) fn log_density(parameters: &[f64], x: f64) -> f64 {
    let terms = components(parameters).map(|(weight, normal)| weight.ln() + gaussian::log_density(normal, x));
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() { largest } else { largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln() }
}

/// P(X <= x).
pub(super) fn cdf(parameters: &[f64], x: f64) -> f64 {
    components(parameters).map(|(weight, normal)| weight * gaussian::cdf(normal, x)).sum::<f64>().min(1.0)
}

/// P(X > x), without cancellation in the upper tail.
pub(super) fn survival(parameters: &[f64], x: f64) -> f64 {
    components(parameters).map(|(weight, normal)| weight * gaussian::survival(normal, x)).sum::<f64>().min(1.0)
}

/// The value below which a share `q` of the mass lies.
pub(super) fn quantile(parameters: &[f64], q: f64) -> f64 {
    if q < 0.5 { lower_edge(parameters, q) } else { upper_edge(parameters, 1.0 - q) }
}

/// The value below which a mass of at most one half lies.
pub(super) fn lower_edge(parameters: &[f64], mass: f64) -> f64 {
    edge(components(parameters), mass)
}

/// The value above which a mass of at most one half lies.
pub(super) fn upper_edge(parameters: &[f64], mass: f64) -> f64 {
    -edge(components(parameters).map(|(weight, [mean, sd])| (weight, [-mean, sd])), mass)
}

fn edge(components: impl Iterator<Item = (f64, [f64; 2])> + Clone, mass: f64) -> f64 {
    let z = special::normal_quantile(mass);
    // A point mass has its point at every level.
    let own = components.clone().map(|(_, [mean, sd])| if sd == 0.0 { mean } else { mean + sd * z });
    let (low, high) = own.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low == high || low.is_infinite() {
        return low;
    }
    let scale = components.clone().map(|(weight, [_, sd])| weight * sd).sum();
    increasing_root(low, high, scale, |x| {
        let (mut below, mut density) = (0.0, 0.0);
        for (weight, normal) in components.clone() {
            below += weight * gaussian::cdf(normal, x);
            density += weight * gaussian::log_density(normal, x).exp();
        }
        ((below / mass).ln(), density / below)
    })
}

/// One draw: a component, then a value of it.
pub(super) fn sample(parameters: &[f64], rng: &mut LaneRng) -> f64 {
    let mut left = rng.uniform();
    let mut chosen = [f64::NAN; 2];
    for (weight, normal) in components(parameters) {
        chosen = normal;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    gaussian::sample(chosen, rng)
}

/// sum_k w_k m_k, exact where all means are equal.
pub(super) fn mean(parameters: &[f64]) -> f64 {
    let first = parameters[1];
    first + components(parameters).map(|(weight, [mean, _])| weight * (mean - first)).sum::<f64>()
}

/// sum_k w_k (s_k^2 + (m_k - m)^2).
pub(super) fn variance(parameters: &[f64]) -> f64 {
    let middle = mean(parameters);
    components(parameters).map(|(weight, [mean, sd])| weight * (sd * sd + (mean - middle).powi(2))).sum()
}

/// The local maxima of the density, ascending: they lie between the outermost means (Carreira-Perpinan 2000, *IEEE Trans.
/// Pattern Anal. Mach. Intell.* 22, p. 1318). A scan of half a standard deviation of each component, then bisection on the
/// sign of the slope. For components with positive standard deviations.
pub(super) fn modes(parameters: &[f64]) -> Vec<f64> {
    const SCAN: [f64; 13] = [-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0];
    let means = || components(parameters).map(|(_, [mean, _])| mean);
    let (low, high) = (means().fold(f64::INFINITY, f64::min), means().fold(f64::NEG_INFINITY, f64::max));
    let around = |(_, [mean, sd]): (f64, [f64; 2])| SCAN.map(|z| (mean + z * sd).clamp(low, high));
    let mut scan: Vec<f64> = components(parameters).flat_map(around).chain([low, high]).collect();
    scan.sort_unstable_by(f64::total_cmp);
    scan.dedup();
    let rises: Vec<bool> = scan.iter().map(|x| rises(parameters, *x)).collect();
    let mut modes: Vec<f64> = (1..scan.len())
        .filter(|&i| rises[i - 1] && !rises[i])
        .map(|i| turning_point(parameters, scan[i - 1], scan[i]))
        .collect();
    if modes.is_empty() {
        // One component, or all at one mean: rounding may hide the slope at the edges.
        modes.push(if rises[scan.len() - 1] { high } else { low });
    }
    modes
}

/// The highest of the [`modes`]; the heaviest of components without spread.
pub(super) fn mode(parameters: &[f64]) -> f64 {
    if let Some(point) = point_mass(parameters) {
        return point;
    }
    let height = |x: &f64| log_density(parameters, *x);
    modes(parameters).into_iter().reduce(|a, b| if height(&b) > height(&a) { b } else { a }).unwrap_or(f64::NAN)
}

/// The heaviest point mass, where there is one.
pub(super) fn point_mass(parameters: &[f64]) -> Option<f64> {
    let points = components(parameters).filter(|(_, [_, sd])| *sd == 0.0);
    points.reduce(|a, b| if b.0 > a.0 { b } else { a }).map(|(_, [mean, _])| mean)
}

/// Whether the density rises at x.
fn rises(parameters: &[f64], x: f64) -> bool {
    let largest = components(parameters)
        .map(|(weight, normal)| weight.ln() + gaussian::log_density(normal, x))
        .fold(f64::NEG_INFINITY, f64::max);
    let slope = |(weight, [mean, sd]): (f64, [f64; 2])| {
        (weight.ln() + gaussian::log_density([mean, sd], x) - largest).exp() * (mean - x) / (sd * sd)
    };
    components(parameters).map(slope).sum::<f64>() > 0.0
}

fn turning_point(parameters: &[f64], mut low: f64, mut high: f64) -> f64 {
    // Bisection to the last bit, but for a mode at zero.
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if rises(parameters, middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The mixture with density proportional to f(x) e^{-b x}: every component stays normal, with mean m_k - b s_k^2 and
/// weight w_k exp(-b m_k + b^2 s_k^2 / 2).
pub(super) fn tilted(parameters: &[f64], b: f64) -> Vec<f64> {
    let log_weight = |weight: f64, [mean, sd]: [f64; 2]| weight.ln() - b * mean + 0.5 * (b * sd).powi(2);
    let logs = components(parameters).map(|(weight, normal)| log_weight(weight, normal));
    let largest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logs.clone().map(|log| (log - largest).exp()).sum();
    let tilt = |((_, [mean, sd]), log): ((f64, [f64; 2]), f64)| [(log - largest).exp() / total, mean - b * sd * sd, sd];
    components(parameters).zip(logs).flat_map(tilt).collect()
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
                let (below, above) = (cdf(row, lower_edge(row, mass)), survival(row, upper_edge(row, mass)));
                // A rounding of x is one of z^2 in the mass.
                let tolerance = 1e-12 * exponent.max(1.0).powi(2);
                assert!((below / mass - 1.0).abs() < tolerance, "{row:?} {mass}: {below}");
                assert!((above / mass - 1.0).abs() < tolerance, "{row:?} {mass}: {above}");
            }
            let ascending: Vec<f64> = (1..1000).map(|i| quantile(row, f64::from(i) / 1000.0)).collect();
            assert!(ascending.windows(2).all(|pair| pair[0] < pair[1]), "{row:?}");
        }
        assert_eq!(quantile(ROWS[0], 0.0), f64::NEG_INFINITY);
        assert_eq!(quantile(ROWS[0], 1.0), f64::INFINITY);
    }

    #[test]
    fn equal_components_are_their_normal() {
        let (row, normal) = ([0.25, 1.3, 0.7, 0.75, 1.3, 0.7], [1.3, 0.7]);
        assert_eq!(mean(&row), 1.3);
        assert!((variance(&row) - 0.49).abs() < 1e-16);
        for x in [-30.0, 0.0, 1.3, 9.0] {
            assert!((log_density(&row, x) - gaussian::log_density(normal, x)).abs() < 1e-12);
        }
        for q in [1e-9, 0.1, 0.5, 0.975] {
            assert!((quantile(&row, q) - gaussian::quantile(normal, q)).abs() < 1e-14);
        }
    }

    #[test]
    fn densities_far_out_are_those_of_the_nearest_component() {
        let row = [0.5, 0.0, 1.0, 0.5, 3.0, 1.0];
        let far = 0.5_f64.ln() + gaussian::log_density([3.0, 1.0], 1e5);
        assert!((log_density(&row, 1e5) / far - 1.0).abs() < 1e-15);
    }

    #[test]
    fn components_without_weight_count_for_nothing() {
        let row = [0.0, f64::INFINITY, f64::NAN, 1.0, 2.0, 0.5];
        assert_eq!(log_density(&row, 1.0), gaussian::log_density([2.0, 0.5], 1.0));
        assert_eq!((cdf(&row, 2.0), quantile(&row, 0.5)), (0.5, 2.0));
    }

    #[test]
    fn draws_have_the_moments_of_the_mixture() {
        let (row, mut rng) = ([0.2, -3.0, 0.5, 0.8, 2.0, 1.5], LaneRng::new(4, 0));
        let draws: Vec<f64> = (0..40_000).map(|_| sample(&row, &mut rng)).collect();
        let average = draws.iter().sum::<f64>() / 40_000.0;
        let spread = draws.iter().map(|x| (x - average).powi(2)).sum::<f64>() / 40_000.0;
        // Four standard errors.
        assert!((average - mean(&row)).abs() < 0.05 && (mean(&row) - 1.0).abs() < 1e-15, "{average}");
        assert!((spread / variance(&row) - 1.0).abs() < 0.03 && (variance(&row) - 5.85).abs() < 1e-14, "{spread}");
    }

    #[test]
    fn modes_are_where_the_density_is_highest() {
        let two = modes(&[0.3, -3.0, 0.5, 0.7, 2.0, 1.0]);
        assert!(two.len() == 2 && (two[0] + 3.0).abs() < 1e-4 && (two[1] - 2.0).abs() < 1e-4, "{two:?}");
        assert!((mode(&[0.3, -3.0, 0.5, 0.7, 2.0, 1.0]) - 2.0).abs() < 1e-4);
        assert!(mode(&[0.5, -1.0, 1.0, 0.5, 1.0, 1.0]).abs() < 1e-4); // flat at the top
        assert_eq!(modes(&[1.0, 0.3, 2.0]), [0.3]);
        assert_eq!(mode(&[0.2, 1.0, 0.0, 0.3, 4.0, 0.0, 0.5, 0.0, 1.0]), 4.0);
        // A narrow component of little weight is higher than a wide one.
        assert!((mode(&[0.01, 0.3, 1e-3, 0.99, 0.0, 1.0]) - 0.3).abs() < 1e-5);
    }

    #[test]
    fn a_tilt_is_a_factor_of_the_density() {
        let (row, b) = ([0.2, -3.0, 0.5, 0.8, 2.0, 1.5], 0.7);
        let tilt = tilted(&row, b);
        let factor = |x: f64| log_density(&tilt, x) - log_density(&row, x) + b * x;
        assert!([-2.0, 0.3, 4.0].iter().all(|x| (factor(*x) - factor(0.0)).abs() < 1e-12));
        assert!((tilt[0] + tilt[3] - 1.0).abs() < 1e-15);
    }
}
