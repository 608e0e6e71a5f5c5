//! The binned family: a probability for each of B bins of the line, and a shape inside each.
//!
//! ```text
//! edges e_1 < .. < e_{B-1};  bin 0 = (-inf, e_1), bin i = [e_i, e_{i+1}), bin B-1 = [e_{B-1}, inf)
//! density p_i / (e_{i+1} - e_i) inside,  p_i a / w (1 + d / w)^-(a + 1) at a distance d beyond the outer edges, a = 3
//! ```
//!
//! The tails are Pareto's of the second kind (Lomax 1954, *JASA* 49, p. 847) with index 3: the mean excess is w / 2, the variance
//! is finite, and a value a thousand widths out costs 28 nats, not a thousand. So every real value has a finite density in
//! the units of the data, and a model of tokens compares with one of values.
//!
//! A row holds the B probabilities; edges and widths are shared by all rows. A density costs one binary search, a draw and a
//! quantile O(B).

use crate::error::{Error, Result};
use crate::math::random::LaneRng;

/// The tail index.
const INDEX: f64 = 3.0;

/// The bins that the rows of one model share.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    edges: Vec<f64>,
    tails: [f64; 2],
    floor: Option<f64>,
}

impl Bins {
    /// Bins between ascending edges, with the widths of the lower and the upper tail.
    ///
    /// ```
    /// use foretoken::predictive::Bins;
    ///
    /// let bins = Bins::new(vec![0.0, 1.0], [1.0, 1.0])?;
    /// assert_eq!(bins.len(), 3);
    /// assert_eq!([-5.0, 0.0, 0.5, 1.0].map(|x| bins.index(x)), [0, 1, 1, 2]);
    /// # Ok::<(), foretoken::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no edge, edges do not ascend, or anything is not finite or a width not positive.
    pub fn new(edges: Vec<f64>, tails: [f64; 2]) -> Result<Self> {
        let ascend = edges.windows(2).all(|pair| pair[0] < pair[1]);
        let are_finite = edges.iter().chain(&tails).all(|x| x.is_finite());
        if !edges.is_empty() && ascend && are_finite && tails.iter().all(|width| *width > 0.0) {
            return Ok(Self { edges, tails, floor: None });
        }
        Err(Error::data("these edges do not make bins")
            .expected("at least one edge, all finite and ascending, and tails of positive width"))
    }

    /// The same bins with nothing below a floor: the first is flat from there to its edge.
    ///
    /// ```
    /// use foretoken::predictive::{Bins, Family, Predictive};
    ///
    /// let bins = Bins::new(vec![1.0, 2.0], [1.0, 1.0])?.with_floor(0.0)?;
    /// let mut rows = Predictive::new(Family::Binned(bins.into()), 1);
    /// rows.set(0, &[0.5, 0.25, 0.25], true);
    /// assert_eq!(rows.row(0).log_prob(0.0), 0.5_f64.ln());
    /// assert_eq!((rows.row(0).cdf(-1e-9), rows.row(0).quantile(0.0)), (0.0, 0.0));
    /// # Ok::<(), foretoken::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it is not below the first edge.
    pub fn with_floor(self, floor: f64) -> Result<Self> {
        if floor.is_finite() && floor < self.edges[0] {
            return Ok(Self { floor: Some(floor), ..self });
        }
        Err(Error::data(format!("a floor of {floor} under bins from {}", self.edges[0])).expected("a smaller number"))
    }

    /// Below which there is nothing.
    #[must_use]
    pub fn floor(&self) -> Option<f64> {
        self.floor
    }

    /// The number of bins, at least two.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.edges.len() + 1
    }

    /// The edges between bins.
    #[must_use]
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// The widths of the lower and the upper tail.
    #[must_use]
    pub fn tails(&self) -> [f64; 2] {
        self.tails
    }

    /// The bin that holds a value.
    #[must_use]
    pub fn index(&self, x: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= x)
    }

    /// The share of a bin's mass that lies below a value of it.
    fn share_below(&self, bin: usize, x: f64) -> f64 {
        match self.shape(bin) {
            Shape::Lower { edge, width } => lomax_beyond((edge - x) / width),
            Shape::Flat { low, high } => ((x - low) / (high - low)).max(0.0),
            Shape::Upper { edge, width } => 1.0 - lomax_beyond((x - edge) / width),
        }
    }

    /// The value below which a share of a bin's mass lies.
    pub(super) fn value_at(&self, bin: usize, share: f64) -> f64 {
        match self.shape(bin) {
            Shape::Lower { edge, width } => edge - width * lomax_distance(share),
            Shape::Flat { low, high } => low + share * (high - low),
            Shape::Upper { edge, width } => edge + width * lomax_distance(1.0 - share),
        }
    }

    /// ln density of a value inside its bin.
    pub(crate) fn log_shape(&self, bin: usize, x: f64) -> f64 {
        let tail = |distance: f64, width: f64| (INDEX / width).ln() - (INDEX + 1.0) * (distance / width).ln_1p();
        match self.shape(bin) {
            Shape::Lower { edge, width } => tail(edge - x, width),
            Shape::Flat { low, .. } if x < low => f64::NEG_INFINITY,
            Shape::Flat { low, high } => -(high - low).ln(),
            Shape::Upper { edge, width } => tail(x - edge, width),
        }
    }

    /// The median of a bin: what stands for it where one value must.
    #[must_use]
    pub fn center(&self, bin: usize) -> f64 {
        self.value_at(bin, 0.5)
    }

    /// Mean and variance inside a bin.
    fn moments(&self, bin: usize) -> (f64, f64) {
        // Of a Lomax distance: w / (a - 1) and w^2 a / ((a - 1)^2 (a - 2)).
        let variance = |width: f64| width * width * INDEX / ((INDEX - 1.0).powi(2) * (INDEX - 2.0));
        match self.shape(bin) {
            Shape::Lower { edge, width } => (edge - width / (INDEX - 1.0), variance(width)),
            Shape::Flat { low, high } => (0.5 * (low + high), (high - low).powi(2) / 12.0),
            Shape::Upper { edge, width } => (edge + width / (INDEX - 1.0), variance(width)),
        }
    }

    fn shape(&self, bin: usize) -> Shape {
        let last = self.edges.len() - 1;
        match (bin, self.floor) {
            (0, Some(low)) => Shape::Flat { low, high: self.edges[0] },
            (0, None) => Shape::Lower { edge: self.edges[0], width: self.tails[0] },
            (bin, _) if bin > last => Shape::Upper { edge: self.edges[last], width: self.tails[1] },
            (bin, _) => Shape::Flat { low: self.edges[bin - 1], high: self.edges[bin] },
        }
    }
}

/// What the density inside a bin looks like.
enum Shape {
    Lower { edge: f64, width: f64 },
    Flat { low: f64, high: f64 },
    Upper { edge: f64, width: f64 },
}

/// P(D > d) of a standard Lomax distance.
fn lomax_beyond(distance: f64) -> f64 {
    (1.0 + distance).powf(-INDEX)
}

/// The distance beyond which a share of the mass lies.
fn lomax_distance(beyond: f64) -> f64 {
    beyond.powf(-1.0 / INDEX) - 1.0
}

/// ln density.
pub(super) fn log_density(bins: &Bins, masses: &[f64], x: f64) -> f64 {
    let bin = bins.index(x);
    masses[bin].ln() + bins.log_shape(bin, x)
}

/// P(X <= x).
pub(super) fn cdf(bins: &Bins, masses: &[f64], x: f64) -> f64 {
    let bin = bins.index(x);
    (masses[..bin].iter().sum::<f64>() + masses[bin] * bins.share_below(bin, x)).min(1.0)
}

/// P(X > x), without cancellation in the upper tail.
pub(super) fn survival(bins: &Bins, masses: &[f64], x: f64) -> f64 {
    let bin = bins.index(x);
    let beyond = match bins.shape(bin) {
        Shape::Upper { edge, width } => lomax_beyond((x - edge) / width),
        _ => 1.0 - bins.share_below(bin, x),
    };
    (masses[bin + 1..].iter().sum::<f64>() + masses[bin] * beyond).min(1.0)
}

/// The value below which a share `q` of the mass lies.
pub(super) fn quantile(bins: &Bins, masses: &[f64], q: f64) -> f64 {
    if q > 0.5 {
        return upper_edge(bins, masses, 1.0 - q);
    }
    let mut left = q;
    for (bin, &mass) in masses.iter().enumerate() {
        if left <= mass && mass > 0.0 {
            return bins.value_at(bin, left / mass);
        }
        left -= mass;
    }
    bins.center(bins.len() - 1)
}

/// The value above which a mass of at most one half lies.
fn upper_edge(bins: &Bins, masses: &[f64], mass_above: f64) -> f64 {
    let mut left = mass_above;
    for (bin, &mass) in masses.iter().enumerate().rev() {
        if left <= mass && mass > 0.0 {
            return match bins.shape(bin) {
                Shape::Upper { edge, width } => edge + width * lomax_distance(left / mass),
                _ => bins.value_at(bin, 1.0 - left / mass),
            };
        }
        left -= mass;
    }
    bins.center(0)
}

/// P(X <= x), of a value in a lowest bin that ends at a floor the mass of all of it: values lie on the floor itself, below which there
/// is nothing, and are no rarer for that.
pub(super) fn lower_tail(bins: &Bins, masses: &[f64], x: f64) -> f64 {
    match bins.floor {
        Some(floor) if x >= floor && bins.index(x) == 0 => masses[0],
        _ => cdf(bins, masses, x),
    }
}

/// The interval outside of which a mass lies, half of it on either side; from the floor on, where the lowest bin holds that half.
pub(super) fn central_interval(bins: &Bins, masses: &[f64], outside: f64) -> (f64, f64) {
    let tail = 0.5 * outside.min(1.0);
    let low = bins.floor.filter(|_| masses[0] >= tail).unwrap_or_else(|| quantile(bins, masses, tail));
    (low, upper_edge(bins, masses, tail))
}

/// One draw: a bin, then a value of it.
pub(super) fn sample(bins: &Bins, masses: &[f64], rng: &mut LaneRng) -> f64 {
    let bin = super::categorical::sample(masses, rng);
    bins.value_at(bin, rng.uniform())
}

/// Mean and variance.
pub(super) fn moments(bins: &Bins, masses: &[f64]) -> (f64, f64) {
    let parts = || masses.iter().enumerate().map(|(bin, mass)| (*mass, bins.moments(bin)));
    let mean = parts().map(|(mass, (mean, _))| mass * mean).sum();
    (mean, parts().map(|(mass, (own, variance))| mass * (variance + (own - mean) * (own - mean))).sum())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::predictive::{Family, Predictive};

    fn bins() -> Bins {
        Bins::new(vec![-1.0, 0.5, 0.75, 3.0], [0.5, 2.0]).expect("bins")
    }

    const MASSES: [f64; 5] = [0.2, 0.3, 0.0, 0.4, 0.1];

    /// Zeros of values that are never negative lie on the floor, where the distribution function is 0.
    #[test]
    fn a_value_on_the_floor_is_as_likely_as_its_bin() {
        let bins = bins().with_floor(-2.0).expect("bins");
        let mut rows = Predictive::new(Family::Binned(Arc::new(bins)), 1);
        rows.set(0, &MASSES, true);
        let row = rows.row(0);
        assert!((row.surprisal_tail(-2.0) - 0.4).abs() < 1e-15 && row.surprisal_tail(-2.1) == 0.0);
        for outside in [0.001, 0.3, 0.39, 0.41, 0.7] {
            let (low, high) = row.accepted_region(outside);
            assert_eq!(low == -2.0, outside < 0.4, "{low}");
            for x in (-30..60).map(|i| 0.1 * f64::from(i) + 0.01) {
                let is_accepted = row.surprisal_tail(x) >= outside;
                assert_eq!((low..=high).contains(&x), is_accepted, "{x} at {outside}: {low} to {high}");
            }
        }
    }

    #[test]
    fn quantiles_invert_both_tails() {
        let bins = bins();
        for exponent in [0.31, 0.5, 1.0, 2.0, 6.0, 12.0] {
            let mass = 10_f64.powf(-exponent);
            let (low, high) = (quantile(&bins, &MASSES, mass), upper_edge(&bins, &MASSES, mass));
            assert!((cdf(&bins, &MASSES, low) / mass - 1.0).abs() < 1e-11, "{mass}: {low}");
            assert!((survival(&bins, &MASSES, high) / mass - 1.0).abs() < 1e-11, "{mass}: {high}");
        }
        assert_eq!(quantile(&bins, &MASSES, 0.0), f64::NEG_INFINITY);
        assert_eq!(quantile(&bins, &MASSES, 1.0), f64::INFINITY);
    }

    #[test]
    fn the_density_is_the_slope_of_the_distribution_function_and_finite_everywhere() {
        let (bins, step) = (bins(), 1e-6);
        for x in [-40.0, -1.5, -0.3, 0.2, 1.0, 2.9, 3.1, 70.0] {
            let slope = (cdf(&bins, &MASSES, x + step) - cdf(&bins, &MASSES, x - step)) / (2.0 * step);
            let density = log_density(&bins, &MASSES, x).exp();
            assert!((density - slope).abs() < 1e-7, "{x}: {density}, not {slope}");
        }
        assert!(log_density(&bins, &MASSES, 1e300).is_finite() && log_density(&bins, &MASSES, -1e300).is_finite());
        assert!((log_density(&bins, &MASSES, 1003.0) + 0.1_f64.ln().abs()).abs() < 40.0);
    }

    #[test]
    fn draws_have_the_moments() {
        let (bins, mut rng) = (bins(), LaneRng::new(8, 0));
        let draws: Vec<f64> = (0..200_000).map(|_| sample(&bins, &MASSES, &mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 2e5;
        let below = draws.iter().filter(|x| **x <= 1.0).count() as f64 / 2e5;
        let (expected, variance) = moments(&bins, &MASSES);
        assert!((mean - expected).abs() < 4.0 * (variance / 2e5).sqrt(), "{mean}, not {expected}");
        assert!((below - cdf(&bins, &MASSES, 1.0)).abs() < 0.005);
        assert!(draws.iter().all(|x| !(0.5..0.75).contains(x)), "a bin without mass");
    }

    #[test]
    fn edges_that_make_no_bins_are_refused() {
        for (edges, tails) in [
            (vec![], [1.0, 1.0]),
            (vec![1.0, 1.0], [1.0, 1.0]),
            (vec![0.0, f64::NAN], [1.0, 1.0]),
            (vec![0.0], [0.0, 1.0]),
        ] {
            assert!(Bins::new(edges, tails).is_err());
        }
    }
}
