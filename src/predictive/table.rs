//! A density without closed forms, as a table: ln density at knots, straight between them.
//!
//! ```text
//! p(x) = exp(g_i + (g_{i+1} - g_i) (x - x_i) / (x_{i+1} - x_i)) / total,   x_i <= x <= x_{i+1}
//! ```
//!
//! So mass, quantile and density have closed forms, agree with each other to rounding, and a draw is one uniform number.
//! Intervals are halved until the middle of each lies near its chord, the nearer the denser and the wider the interval is, which
//! keeps the density to 0.2 % of its highest value and all masses to 0.1 %; what lies outside of the knots has less than
//! e^-40 of the highest value. Some hundred knots for each component of a mixture (of hot Student's t, whose tails are long, up to
//! two thousand), each O(components); a quantile or density is a binary search.

use super::mixture::{self, Symmetric};

/// How far the middle of an interval may lie off its chord: times the density relative to its highest value, times the mass
/// of the interval relative to all, and anywhere.
const TOLERANCES: [f64; 3] = [5e-4, 3e-5, 0.1];
/// ln density relative to the highest below which nothing counts.
const NEGLIGIBLE: f64 = -40.0;
/// Of which fall of ln density the ends lie: nine standard deviations of a normal.
const FALL: f64 = 40.5;
/// Into how many pieces the stretch between two places of interest is cut before anything else.
const PIECES: u32 = 4;
/// How often an interval is halved at most.
const HALVINGS: u32 = 64;

/// A piecewise exponential density.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table {
    knots: Vec<f64>,
    /// ln density at each knot.
    logs: Vec<f64>,
    /// The mass below each knot.
    below: Vec<f64>,
}

impl Table {
    /// p^(1/T), normalised, of a mixture of components with positive scales, for T > 0.
    pub(super) fn fill<C: Symmetric>(&mut self, parameters: &[f64], temperature: f64) {
        let modes = mixture::modes::<C>(parameters);
        let highest = modes.iter().map(|x| mixture::log_density::<C>(parameters, *x)).fold(f64::NEG_INFINITY, f64::max);
        let log = |x: f64| ((mixture::log_density::<C>(parameters, x) - highest) / temperature).min(0.0);
        self.knots.clear();
        self.logs.clear();
        let places = places::<C>(parameters, modes, temperature);
        let scale = scale::<C>(parameters, &log, temperature.sqrt());
        self.push(places[0], log(places[0]));
        for pair in places.windows(2) {
            for piece in 1..=PIECES {
                let x = pair[0] + (pair[1] - pair[0]) * f64::from(piece) / f64::from(PIECES);
                self.refine_to((x, log(x)), &log, scale, HALVINGS);
            }
        }
        self.normalise();
    }

    fn push(&mut self, x: f64, log: f64) {
        self.knots.push(x);
        self.logs.push(log);
    }

    /// Adds knots from the last one up to a place.
    fn refine_to(&mut self, (x, log_x): (f64, f64), log: &impl Fn(f64) -> f64, scale: f64, halvings: u32) {
        let last = self.knots.len() - 1;
        let (from, log_from) = (self.knots[last], self.logs[last]);
        let middle = 0.5 * (from + x);
        if halvings == 0 || middle <= from || middle >= x {
            if x > from {
                self.push(x, log_x);
            }
            return;
        }
        let log_middle = log(middle);
        if is_straight([log_from, log_middle, log_x], (x - from) / scale) {
            return self.push(x, log_x);
        }
        self.refine_to((middle, log_middle), log, scale, halvings - 1);
        self.refine_to((x, log_x), log, scale, halvings - 1);
    }

    fn normalise(&mut self) {
        self.below.clear();
        self.below.push(0.0);
        let mut total = 0.0;
        for i in 1..self.knots.len() {
            total += mass_between([self.knots[i - 1], self.knots[i]], [self.logs[i - 1], self.logs[i]]);
            self.below.push(total);
        }
        let log_total = total.ln();
        self.logs.iter_mut().for_each(|log| *log -= log_total);
        self.below.iter_mut().for_each(|mass| *mass /= total);
    }

    /// ln density; minus infinity outside of the knots.
    pub(super) fn log_density(&self, x: f64) -> f64 {
        let right = self.knots.partition_point(|knot| *knot <= x).min(self.knots.len() - 1);
        if right == 0 || x > self.knots[right] {
            return f64::NEG_INFINITY;
        }
        let ([from, to], [log_from, log_to]) = self.piece(right);
        let share = (x - from) / (to - from);
        // Apart, since minus infinity times zero is no number.
        if share == 0.0 { log_from } else { log_from * (1.0 - share) + log_to * share }
    }

    /// The value below which a share `q` of the mass lies.
    pub(super) fn quantile(&self, q: f64) -> f64 {
        let right = self.below.partition_point(|mass| *mass < q).clamp(1, self.knots.len() - 1);
        let ([from, to], [log_from, log_to]) = self.piece(right);
        let share = ((q - self.below[right - 1]) / (self.below[right] - self.below[right - 1])).clamp(0.0, 1.0);
        let distance = if log_from >= log_to {
            falling_quantile(log_from - log_to, share)
        } else {
            1.0 - falling_quantile(log_to - log_from, 1.0 - share)
        };
        from + distance * (to - from)
    }

    /// The ends of the piece to the left of a knot and ln density there.
    fn piece(&self, right: usize) -> ([f64; 2], [f64; 2]) {
        ([self.knots[right - 1], self.knots[right]], [self.logs[right - 1], self.logs[right]])
    }
}

/// Ascending: both ends, and every value around which something narrow may stand. Next to the highest modes stands their
/// next number, so that there is mass at any temperature.
fn places<C: Symmetric>(parameters: &[f64], modes: Vec<f64>, temperature: f64) -> Vec<f64> {
    let near = |of: C| (2.0 * FALL).sqrt() * temperature.sqrt() * of.scale();
    let around = |(_, of): (f64, C)| [of.location() - near(of), of.location(), of.location() + near(of)];
    let mut places: Vec<f64> = mixture::components(parameters).flat_map(around).collect();
    places.extend(modes.into_iter().flat_map(|mode| [mode, mode.next_up()]));
    // Where tails fall as a power, ever longer steps beyond.
    let widest = |of_component: &dyn Fn(C) -> f64| {
        mixture::components(parameters).map(|(_, of)| of_component(of)).fold(0.0, f64::max)
    };
    let (near, far) = (widest(&near), widest(&|of: C| of.reach(FALL, temperature)));
    let (low, high) = places.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    let mut beyond = near;
    while beyond < far {
        places.extend([low - beyond, high + beyond]);
        beyond *= 2.0;
    }
    places.sort_unstable_by(f64::total_cmp);
    places.dedup();
    places
}

/// All mass, for a density of 1 where it is highest, or less than that: no peak is narrower than the narrowest component.
fn scale<C: Symmetric>(parameters: &[f64], log: &impl Fn(f64) -> f64, spread: f64) -> f64 {
    let components = || mixture::components::<C>(parameters).map(|(_, of)| of);
    let narrowest = components().map(C::scale).fold(f64::INFINITY, f64::min);
    let own = components().map(|of| of.scale() * log(of.location()).exp());
    own.fold(narrowest, f64::max) * spread * std::f64::consts::TAU.sqrt()
}

/// Whether an interval with these logarithms at its ends and in its middle, and this length over the scale, needs no further
/// knot.
fn is_straight([from, middle, to]: [f64; 3], length: f64) -> bool {
    let highest = from.max(middle).max(to);
    if highest < NEGLIGIBLE {
        return true;
    }
    let off = (middle - 0.5 * (from + to)).abs();
    let density = off * highest.exp();
    off <= TOLERANCES[2] && density <= TOLERANCES[0] && density * length <= TOLERANCES[1]
}

/// The integral of an exponential between two values whose logarithms are given.
fn mass_between([from, to]: [f64; 2], [log_from, log_to]: [f64; 2]) -> f64 {
    let highest = log_from.max(log_to);
    if highest == f64::NEG_INFINITY {
        return 0.0;
    }
    let fall = (log_from - log_to).abs();
    let mean = if fall == 0.0 { 1.0 } else { -(-fall).exp_m1() / fall };
    (to - from) * highest.exp() * mean
}

/// Where on (0, 1) a share of the mass of the density exp(-fall x) lies below.
fn falling_quantile(fall: f64, share: f64) -> f64 {
    if fall < 1e-12 { share } else { (-(share * (-fall).exp_m1()).ln_1p() / fall).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::super::mixture::{Normal, StudentT};
    use super::*;
    use crate::math::special;

    /// Overlapping, far apart and of different spreads, a narrow one inside a wide one, flat at the top, one a
    /// ten-thousandth as high as the other.
    const ROWS: [&[f64]; 5] = [
        &[0.3, -1.0, 0.5, 0.7, 1.0, 1.0],
        &[0.2, -50.0, 0.1, 0.8, 20.0, 3.0],
        &[0.01, 0.3, 1e-3, 0.99, 0.0, 1.0],
        &[0.5, -1.0, 1.0, 0.5, 1.0, 1.0],
        &[0.5, 0.0, 1e-3, 0.5, 5.0, 10.0],
    ];

    fn table(row: &[f64], temperature: f64) -> Table {
        let mut table = Table::default();
        table.fill::<Normal>(row, temperature);
        table
    }

    #[test]
    fn at_temperature_one_it_is_the_mixture() {
        for row in ROWS {
            let table = table(row, 1.0);
            let highest = mixture::modes::<Normal>(row)
                .iter()
                .map(|x| mixture::log_density::<Normal>(row, *x))
                .fold(-1e300, f64::max)
                .exp();
            for q in (1..200).map(|i| f64::from(i) / 200.0) {
                let x = table.quantile(q);
                let off = (table.log_density(x).exp() - mixture::log_density::<Normal>(row, x).exp()).abs();
                assert!(off < 2e-3 * highest, "{row:?} at {q}: density off by {off}");
                assert!((mixture::cdf::<Normal>(row, x) - q).abs() < 1e-3, "{row:?} at {q}: {x}");
            }
            assert!(table.knots.len() < 1000, "{row:?}: {} knots", table.knots.len());
        }
    }

    #[test]
    fn ratios_of_densities_are_those_of_the_mixture_to_the_power() {
        for (row, temperature) in ROWS.into_iter().flat_map(|row| [0.01, 0.3, 0.9, 1.7, 8.0].map(|t| (row, t))) {
            let table = table(row, temperature);
            let [a, b] = [0.5, 0.83].map(|q| table.quantile(q));
            let expected =
                (mixture::log_density::<Normal>(row, a) - mixture::log_density::<Normal>(row, b)) / temperature;
            let ratio = table.log_density(a) - table.log_density(b);
            assert!((ratio - expected).abs() < 0.01, "{row:?} at {temperature}: {ratio}, not {expected}");
            let total: f64 = (1..table.knots.len()).map(|i| mass_between(table.piece(i).0, table.piece(i).1)).sum();
            assert!((total - 1.0).abs() < 1e-12, "{total}");
        }
    }

    #[test]
    fn the_coldest_is_the_mode_and_nothing_overflows() {
        for row in ROWS {
            for temperature in [1e-9, 1e-30, 1e-300] {
                let table = table(row, temperature);
                for q in [1e-3, 0.5, 0.999] {
                    let (x, mode) = (table.quantile(q), mixture::mode::<Normal>(row));
                    // Two equal modes share the mass.
                    let distance = (x - mode).abs().min((x + mode).abs());
                    assert!(distance < 0.02 * (1.0 + mode.abs()), "{row:?} at {temperature}: {x}, not {mode}");
                    assert!(table.log_density(x).is_finite());
                }
            }
        }
    }

    #[test]
    fn a_table_of_student_t_reaches_into_its_tails() {
        let rows: [&[f64]; 3] = [
            &[0.3, -1.0, 0.5, 3.5, 0.7, 1.0, 1.0, 9.0],
            &[0.999, -40.0, 1.0, 50.0, 0.001, 20.0, 3.0, 2.1],
            &[1.0, 0.4, 0.6, 3.5],
        ];
        for (row, temperature) in rows.into_iter().flat_map(|row| [0.01, 0.5, 1.0, 1.7, 2.5].map(|t| (row, t))) {
            let mut table = Table::default();
            table.fill::<StudentT>(row, temperature);
            for q in [1e-5, 0.01, 0.3, 0.6, 0.99, 1.0 - 1e-5] {
                let x = table.quantile(q);
                if temperature == 1.0 {
                    let own = mixture::cdf::<StudentT>(row, x);
                    assert!((own - q).abs() < 1e-3 && (own / q - 1.0).abs() < 0.05, "{row:?} at {q}: {own}");
                }
                let log = |x: f64| mixture::log_density::<StudentT>(row, x) / temperature;
                let ratio = table.log_density(x) - table.log_density(table.quantile(0.5));
                let expected = log(x) - log(table.quantile(0.5));
                assert!((ratio - expected).abs() < 0.11, "{row:?} at {temperature}, {q}: {ratio}, not {expected}");
            }
            assert!(table.knots.len() < 2500, "{row:?} at {temperature}: {} knots", table.knots.len());
        }
        // One component to a power is Student's t again, whose quantiles are known; hot ones have the heaviest tails.
        for temperature in [0.5, 1.7, 3.0] {
            let mut table = Table::default();
            table.fill::<StudentT>(rows[2], temperature);
            let dof = 4.5 / temperature - 1.0;
            let scale = 0.6 * (3.5 / dof).sqrt();
            for q in [1e-4, 0.1, 0.7, 0.999] {
                let own = special::student_t_cdf((table.quantile(q) - 0.4) / scale, dof);
                assert!((own - q).abs() < 2e-3 * q.min(1.0 - q).max(0.05), "{temperature} at {q}: {own}");
            }
        }
    }
}
