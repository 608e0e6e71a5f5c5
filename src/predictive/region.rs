//! Accepted regions: the values at most as surprising as all but a given mass.
//!
//! Before the map a region is an interval around the centre of the surprisal whose half width is a multiple of the
//! scale parameter. That multiple depends on the family, its shape and, behind a logarithm, on the spread; the rows of
//! a series share it more often than not, and it costs a quantile.

use super::{Distribution, Family, Link};
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
        let shape = distribution.standard_shape();
        if self.shape != Some(shape) {
            self.shape = Some(shape);
            self.half_width = shape.half_width(self.outside);
        }
        distribution.region_within(self.half_width)
    }
}

/// What the half width of a region, in units of the scale parameter, depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StandardShape {
    family: Family,
    /// The degrees of freedom of Student's t; zero for the others.
    dof: f64,
    /// How far the centre of the surprisal lies below the location, in units of the scale parameter.
    offset: f64,
}

impl StandardShape {
    /// The distance from the centre beyond which a mass lies.
    pub(super) fn half_width(self, mass: f64) -> f64 {
        if mass >= 1.0 {
            return 0.0;
        }
        let symmetric = match self.family {
            Family::Gaussian => -special::normal_quantile(0.5 * mass),
            Family::StudentT => -special::student_t_quantile(0.5 * mass, self.dof),
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
    pub(super) fn standard_shape(&self) -> StandardShape {
        let (dof, offset) = match (self.family, self.map.link) {
            (Family::StudentT, _) => (self.parameters[2], 0.0),
            (Family::Gaussian, Link::Log) => (0.0, self.map.factor * self.parameters[1]),
            (Family::Gaussian, _) => (0.0, 0.0),
        };
        StandardShape { family: self.family, dof, offset }
    }

    /// The interval of a half width given in units of the scale parameter.
    pub(super) fn region_within(&self, half_width: f64) -> (f64, f64) {
        // A point mass accepts its point at every level, an infinite half width included.
        let distance = if self.parameters[1] == 0.0 { 0.0 } else { self.parameters[1] * half_width };
        let center = self.surprisal_center();
        (self.map.forward(center - distance), self.map.forward(center + distance))
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
                for row in [normal.row(0), student.row(0)] {
                    let (lo, hi) = row.accepted_region(outside);
                    for edge in [lo, hi] {
                        assert!((row.surprisal_tail(edge) / outside - 1.0).abs() < 1e-6, "{row:?}, {outside}");
                    }
                }
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
