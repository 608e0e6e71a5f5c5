//! Accepted regions: the values at most as surprising as all but a given mass.
//!
//! Before the map a region is an interval around the centre of the surprisal whose half width is a multiple of the
//! scale parameter. That multiple depends on the family, its shape and, behind a logarithm, on the spread; the rows of
//! a series share it more often than not, and it costs a quantile.
//!
//! A mixture has no such centre. Of normals its region lies between two values that cut off equal areas v under the density of y
//! drawn over z: f(z) itself without a link, f(z) e^{-b z} behind a logarithm. With G the distribution function of
//! that density, F that of z, the mass outside is F(G^-1(v)) + 1 - F(G^-1(1 - v)), increasing in v and 2 v where F = G. For a normal
//! f both densities are symmetric, and this is the region of the other families. Of Student's t, whose tails have no e^{-b z} to
//! speak of, it cuts off equal masses.

use std::borrow::Cow;

use super::mixture::{Normal, StudentT};
use super::{Distribution, Family, Link, binned, categorical, mixture, negative_binomial};
use crate::math::root_finding::increasing_root;
use crate::math::special;

/// The accepted regions of many rows at one level; the quantile is computed again only where the shape changes.
///
/// ```
/// use foretoken::predictive::{AcceptedRegions, Family, Predictive};
///
/// let mut rows = Predictive::new(Family::Gaussian, 1);
/// rows.set(0, &[10.0, 2.0], true);
/// let region = AcceptedRegions::new(0.05).of(&rows.row(0));
/// assert_eq!(region, rows.row(0).accepted_region(0.05));
/// assert!((region.1 - 13.919927969080108).abs() < 1e-13); // 10 + 2 * 1.96
/// ```
#[derive(Debug, Clone)]
pub struct AcceptedRegions {
    outside: f64,
    shape: Option<StandardShape>,
    half_width: f64,
}

impl AcceptedRegions {
    /// Regions that leave out a mass of `outside`.
    #[must_use]
    pub fn new(outside: f64) -> Self {
        Self { outside, shape: None, half_width: f64::NAN }
    }

    /// The region of one row: [`Distribution::accepted_region`], bit for bit.
    #[must_use]
    pub fn of(&mut self, distribution: &Distribution<'_>) -> (f64, f64) {
        let Some(shape) = distribution.standard_shape() else { return distribution.shapeless_region(self.outside) };
        if self.shape != Some(shape) {
            self.shape = Some(shape);
            self.half_width = shape.half_width(self.outside);
        }
        distribution.region_within(self.half_width)
    }
}

/// What the half width of a region, in units of the scale parameter, depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct StandardShape {
    /// The degrees of freedom of Student's t.
    dof: Option<f64>,
    /// How far the centre of the surprisal lies below the location, in units of the scale parameter.
    offset: f64,
}

impl StandardShape {
    /// The distance from the centre beyond which a mass lies.
    fn half_width(self, mass: f64) -> f64 {
        if mass >= 1.0 {
            return 0.0;
        }
        let symmetric = match self.dof {
            None => -special::normal_quantile(0.5 * mass),
            Some(dof) => -special::student_t_quantile(0.5 * mass, dof),
        };
        if self.offset == 0.0 { symmetric } else { self.half_width_off_centre(mass, symmetric) }
    }

    /// The lognormal: the mass falls with the distance, so bisect between brackets that must hold it.
    fn half_width_off_centre(self, mass: f64, symmetric: f64) -> f64 {
        let beyond = |d: f64| special::normal_cdf(-self.offset - d) + special::normal_cdf(self.offset - d);
        let (mut low, mut high) = ((symmetric - self.offset).max(0.0), symmetric + self.offset);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if beyond(middle) > mass { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

impl Distribution<'_> {
    /// `None` where the region is not symmetric in z.
    fn standard_shape(&self) -> Option<StandardShape> {
        let (dof, offset) = match (self.family, self.map.link) {
            (Family::StudentT, _) => (Some(self.parameters[2]), 0.0),
            (Family::Gaussian, Link::Log) => (None, self.map.factor * self.parameters[1]),
            (Family::Gaussian, _) => (None, 0.0),
            (
                Family::NegativeBinomial
                | Family::Mixture { .. }
                | Family::StudentTMixture { .. }
                | Family::NegativeBinomialMixture { .. }
                | Family::Binned(_)
                | Family::Categorical { .. },
                _,
            ) => return None,
        };
        Some(StandardShape { dof, offset })
    }

    /// The interval of a half width given in units of the scale parameter.
    fn region_within(&self, half_width: f64) -> (f64, f64) {
        // A point mass accepts its point at every level, an infinite half width included.
        let distance = if self.parameters[1] == 0.0 { 0.0 } else { self.parameters[1] * half_width };
        let center = self.surprisal_center();
        (self.map.forward(center - distance), self.map.forward(center + distance))
    }

    /// The parameters of a density of z that is proportional to that of y (behind a Box-Cox link, of z itself).
    fn drawn_over_z(&self) -> Cow<'_, [f64]> {
        match self.map.link {
            Link::Log => Cow::Owned(mixture::tilted(self.parameters, self.map.factor)),
            Link::Identity | Link::BoxCox(_) => Cow::Borrowed(self.parameters),
        }
    }

    /// The mass of a mixture beyond z and beyond its counterpart on the other side.
    pub(super) fn mixture_tail(&self, z: f64) -> f64 {
        let drawn = self.drawn_over_z();
        let (below, above) = (mixture::cdf::<Normal>(&drawn, z), mixture::survival::<Normal>(&drawn, z));
        let mass = match drawn {
            Cow::Borrowed(_) => 2.0 * below.min(above),
            Cow::Owned(drawn) if below < above => self.mass_outside(z, mixture::upper_edge::<Normal>(&drawn, below)),
            Cow::Owned(drawn) => self.mass_outside(mixture::lower_edge::<Normal>(&drawn, above), z),
        };
        mass.min(1.0)
    }

    fn mass_outside(&self, low: f64, high: f64) -> f64 {
        mixture::cdf::<Normal>(self.parameters, low) + mixture::survival::<Normal>(self.parameters, high)
    }

    /// The region of a family without a standard shape.
    fn shapeless_region(&self, outside: f64) -> (f64, f64) {
        match self.family {
            Family::Binned(bins) => {
                let (low, high) = binned::central_interval(bins, self.parameters, outside);
                (self.map.forward(low), self.map.forward(high))
            }
            Family::NegativeBinomial => {
                let tail = 0.5 * outside.min(1.0);
                (negative_binomial::quantile(self.pair(), tail), negative_binomial::upper_edge(self.pair(), tail))
            }
            Family::NegativeBinomialMixture { .. } => {
                let tail = 0.5 * outside.min(1.0);
                (mixture::count_quantile(self.parameters, tail), mixture::count_upper_edge(self.parameters, tail))
            }
            Family::StudentTMixture { .. } => {
                let tail = 0.5 * outside.min(1.0);
                let low = mixture::lower_edge::<StudentT>(self.parameters, tail);
                let high = mixture::upper_edge::<StudentT>(self.parameters, tail);
                (self.map.forward(low), self.map.forward(high))
            }
            Family::Categorical { .. } => categorical::accepted(self.parameters, outside),
            _ => self.mixture_region(outside),
        }
    }

    /// The values of a mixture whose tail is at least `outside`.
    fn mixture_region(&self, outside: f64) -> (f64, f64) {
        if outside >= 1.0 {
            return (self.median(), self.median());
        }
        let drawn = self.drawn_over_z();
        let area = match &drawn {
            Cow::Borrowed(_) => 0.5 * outside,
            Cow::Owned(drawn) => self.area_outside(drawn, outside),
        };
        let (low, high) = (mixture::lower_edge::<Normal>(&drawn, area), mixture::upper_edge::<Normal>(&drawn, area));
        (self.map.forward(low), self.map.forward(high))
    }

    /// The area v for which the mass outside is `outside`: the root of ln mass in ln v, both nearly linear.
    fn area_outside(&self, drawn: &[f64], outside: f64) -> f64 {
        const SMALLEST: f64 = -700.0;
        let log_area = increasing_root(SMALLEST, 0.5_f64.ln(), 1.0, |log_area| {
            let area = log_area.exp();
            let (low, high) = (mixture::lower_edge::<Normal>(drawn, area), mixture::upper_edge::<Normal>(drawn, area));
            let mass = self.mass_outside(low, high);
            // An edge moves by dv / g(z), which changes the mass by f(z) / g(z) dv.
            let per_area = |z| {
                (mixture::log_density::<Normal>(self.parameters, z) - mixture::log_density::<Normal>(drawn, z)).exp()
            };
            ((mass / outside).ln(), area / mass * (per_area(low) + per_area(high)))
        });
        log_area.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OuterMap, Predictive};
    use super::*;

    fn rows(family: Family, parameters: &[f64], link: Link) -> Predictive {
        let mut rows = Predictive::new(family, 1);
        rows.set(0, parameters, true);
        rows.set_map(0, OuterMap { link, shift: 0.3, factor: 1.0, scale: 2.0 });
        rows
    }

    #[test]
    fn edges_have_the_tail_that_was_asked_for() {
        for outside in [0.5, 0.01, 1e-6] {
            for link in [Link::Identity, Link::Log] {
                let normal = rows(Family::Gaussian, &[1.0, 0.4], link);
                let student = rows(Family::StudentT, &[1.0, 0.4, 3.5], link);
                let one = rows(Family::Mixture { components: 2 }, &[0.3, 1.0, 0.4, 0.7, 1.5, 0.2], link);
                let two = rows(Family::Mixture { components: 2 }, &[0.999, -4.0, 0.4, 0.001, 4.0, 0.7], link);
                for row in [normal.row(0), student.row(0), one.row(0), two.row(0)] {
                    let (lo, hi) = row.accepted_region(outside);
                    for edge in [lo, hi] {
                        assert!((row.surprisal_tail(edge) / outside - 1.0).abs() < 1e-6, "{row:?}, {outside}");
                    }
                }
            }
        }
    }

    #[test]
    fn equal_components_have_the_tail_and_the_region_of_their_normal() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-10 * b.abs();
        for link in [Link::Identity, Link::Log, Link::BoxCox(0.5)] {
            let normal = rows(Family::Gaussian, &[1.0, 0.4], link);
            let equal = rows(Family::Mixture { components: 2 }, &[0.3, 1.0, 0.4, 0.7, 1.0, 0.4], link);
            for y in [0.1, 4.0, 5.5, 30.0] {
                let (own, other) = (equal.row(0).surprisal_tail(y), normal.row(0).surprisal_tail(y));
                assert!(close(own, other), "{link:?} {y}: {own}, not {other}");
            }
            let (own, other) = (equal.row(0).accepted_region(0.02), normal.row(0).accepted_region(0.02));
            assert!(close(own.0, other.0) && close(own.1, other.1), "{link:?}: {own:?}, not {other:?}");
        }
    }

    #[test]
    fn the_tail_of_a_mixture_falls_outwards_and_its_region_is_where_it_is_at_least_that() {
        let parameters = [0.6, -2.0, 0.5, 0.399, 3.0, 1.0, 0.001, 9.0, 0.2];
        for link in [Link::Identity, Link::Log] {
            let mixture = rows(Family::Mixture { components: 3 }, &parameters, link);
            let row = mixture.row(0);
            let (middle, _) = row.accepted_region(1.0);
            let tails: Vec<(f64, f64)> = (1..4000)
                .map(|i| row.map().forward(-8.0 + 0.005 * f64::from(i)))
                .map(|y| (y, row.surprisal_tail(y)))
                .collect();
            let rises = |pair: &[(f64, f64)]| pair[0].1 <= pair[1].1;
            let turn = tails.windows(2).position(|pair| !rises(pair)).expect("a middle");
            assert!(tails[turn..].windows(2).all(|pair| pair[1].1 <= pair[0].1), "{link:?}: two middles");
            assert!(link == Link::Log || (tails[turn].0 - middle).abs() < 0.02);
            for outside in [0.3, 0.01, 1e-4] {
                let (lo, hi) = row.accepted_region(outside);
                assert!(tails.iter().all(|&(y, tail)| (lo <= y && y <= hi) == (tail >= outside)), "{link:?} {outside}");
            }
        }
    }

    #[test]
    fn a_change_of_shape_is_seen() {
        let mut regions = AcceptedRegions::new(0.01);
        for spread in [0.1, 0.1, 0.7] {
            let lognormal = rows(Family::Gaussian, &[0.0, spread], Link::Log);
            assert_eq!(regions.of(&lognormal.row(0)), lognormal.row(0).accepted_region(0.01));
        }
        assert_eq!(rows(Family::Gaussian, &[1.0, 0.0], Link::Identity).row(0).accepted_region(0.0), (2.6, 2.6));
    }
}
