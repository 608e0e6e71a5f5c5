//! The categorical family: a probability for each of S symbols, which stand as the values 0, 1, .. S - 1.
//!
//! log p is that of a mass, not of a density. Values that are no symbol have none. A draw and a quantile cost O(S).

use crate::math::random::LaneRng;

/// The symbol that a value is.
pub(super) fn symbol(symbols: usize, x: f64) -> Option<usize> {
    (x >= 0.0 && x < symbols as f64 && x.fract() == 0.0).then_some(x as usize)
}

/// ln mass.
pub(super) fn log_mass(masses: &[f64], x: f64) -> f64 {
    symbol(masses.len(), x).map_or(f64::NEG_INFINITY, |symbol| masses[symbol].ln())
}

/// P(X <= x).
pub(super) fn cdf(masses: &[f64], x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { masses.iter().take((x as usize).saturating_add(1)).sum::<f64>().min(1.0) }
}

/// P(X > x).
pub(super) fn survival(masses: &[f64], x: f64) -> f64 {
    let from = if x < 0.0 { 0 } else { (x as usize).saturating_add(1) };
    masses.iter().skip(from).sum::<f64>().min(1.0)
}

/// The first symbol up to which a share `q` of the mass lies.
pub(super) fn quantile(masses: &[f64], q: f64) -> f64 {
    let mut below = 0.0;
    let reaches = |mass: &f64| {
        below += mass;
        below >= q && *mass > 0.0
    };
    masses.iter().position(reaches).unwrap_or_else(|| last(masses)) as f64
}

/// One draw.
pub(super) fn sample(masses: &[f64], rng: &mut LaneRng) -> usize {
    let mut left = rng.uniform();
    let reaches = |mass: &f64| {
        left -= mass;
        left < 0.0
    };
    masses.iter().position(reaches).unwrap_or_else(|| last(masses))
}

/// The mass that is at most that of x: how unusual a symbol is among all.
pub(super) fn mass_as_rare(masses: &[f64], x: f64) -> f64 {
    let own = log_mass(masses, x).exp();
    masses.iter().filter(|mass| **mass <= own).sum::<f64>().min(1.0)
}

/// The first and the last symbol that are not rarer than a mass of `outside` together.
pub(super) fn accepted(masses: &[f64], outside: f64) -> (f64, f64) {
    let is_accepted = |symbol: &usize| mass_as_rare(masses, *symbol as f64) >= outside.min(1.0);
    let mut symbols = (0..masses.len()).filter(is_accepted);
    let first = symbols.next().unwrap_or_default();
    (first as f64, symbols.next_back().unwrap_or(first) as f64)
}

/// Mean and variance of the symbols as numbers.
pub(super) fn moments(masses: &[f64]) -> (f64, f64) {
    let mean = masses.iter().zip(0..).map(|(mass, x)| mass * f64::from(x)).sum::<f64>();
    (mean, masses.iter().zip(0..).map(|(mass, x)| mass * (f64::from(x) - mean).powi(2)).sum())
}

/// The last symbol that has a mass: where rounding leaves a draw without one.
fn last(masses: &[f64]) -> usize {
    masses.iter().rposition(|mass| *mass > 0.0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASSES: [f64; 4] = [0.25, 0.0, 0.5, 0.25];

    #[test]
    fn masses_quantiles_and_tails_are_those_of_the_symbols() {
        assert_eq!([0.0, 2.0].map(|x| log_mass(&MASSES, x)), [0.25_f64.ln(), 0.5_f64.ln()]);
        for nothing in [-1.0, 0.5, 4.0, f64::INFINITY, 1.0] {
            assert_eq!(log_mass(&MASSES, nothing), f64::NEG_INFINITY, "{nothing}");
        }
        assert_eq!([0.0, 0.25, 0.26, 0.75, 0.76, 1.0].map(|q| quantile(&MASSES, q)), [0.0, 0.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!([-1.0, 0.0, 1.5, 9.0].map(|x| cdf(&MASSES, x)), [0.0, 0.25, 0.25, 1.0]);
        assert_eq!([-1.0, 0.0, 2.0].map(|x| survival(&MASSES, x)), [1.0, 0.75, 0.25]);
        assert_eq!([0.0, 2.0].map(|x| mass_as_rare(&MASSES, x)), [0.5, 1.0]);
        assert_eq!([0.1, 0.9].map(|outside| accepted(&MASSES, outside)), [(0.0, 3.0), (2.0, 2.0)]);
    }

    #[test]
    fn draws_have_the_masses() {
        let mut rng = LaneRng::new(2, 0);
        let mut counts = [0.0; 4];
        (0..40_000).for_each(|_| counts[sample(&MASSES, &mut rng)] += 1.0);
        assert!(counts.iter().zip(MASSES).all(|(count, mass)| (count / 40_000.0 - mass).abs() < 0.01), "{counts:?}");
        assert_eq!(moments(&MASSES), (1.75, 1.1875));
    }
}
