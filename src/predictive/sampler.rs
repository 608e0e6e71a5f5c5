//! Draws from a row that is tempered, truncated, or both, and their density.
//!
//! Tempering comes first, truncation second, the outer map last. A draw costs one quantile of a normal or Student-t row (what
//! is kept depends on the shape alone and is found once), a table of a mixture row, one pass over the masses of a discrete
//! row (a sort for nucleus and typical). Tables and orders live in the sampler: it allocates once.

use super::cells::{Region, Truncation, truncate_masses};
use super::mixture::{Counts, Normal, StudentT, Symmetric};
use super::table::Table;
use super::tempered::{Shape, check_power, temper_masses};
use super::{Distribution, Family, categorical, mixture, negative_binomial};
use crate::error::{Error, Result};
use crate::math::random::LaneRng;

/// A value and its log density under what it was drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// The value, in data units.
    pub value: f64,
    /// ln density in nats of the data's own units, NaN of a row without spread.
    pub log_q: f64,
}

/// Draws from rows at a temperature, from what a truncation keeps of them.
///
/// ```
/// use foretoken::math::random::LaneRng;
/// use foretoken::predictive::{Family, Predictive, Sampler, Truncation};
///
/// let mut rows = Predictive::new(Family::Categorical { symbols: 3 }, 1);
/// rows.set(0, &[0.5, 0.3, 0.2], true);
/// let mut sampler = Sampler::new(1.0, Some(Truncation::TopK(1)))?;
/// let draw = sampler.draw(&rows.row(0), &mut LaneRng::new(1, 0))?;
/// assert_eq!((draw.value, draw.log_q), (0.0, 0.0));
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sampler {
    temperature: f64,
    truncation: Option<Truncation>,
    /// What was kept of the last continuous row, and what that depends on: the degrees of freedom, infinite of the normal, or
    /// all parameters of a mixture. Rows of one step, or of one model, share it more often than not.
    kept: Option<Region>,
    kept_of: Vec<f64>,
    /// That of the mixture `kept_of`.
    table: Table,
    masses: Vec<f64>,
    order: Vec<(f64, usize)>,
}

impl Sampler {
    /// # Errors
    /// If the temperature is not a positive number, or the truncation keeps nothing.
    pub fn new(temperature: f64, truncation: Option<Truncation>) -> Result<Self> {
        check_temperature(temperature)?;
        truncation.map_or(Ok(()), Truncation::check)?;
        let (masses, order) = (Vec::new(), Vec::new());
        let (kept_of, table) = (Vec::new(), Table::default());
        Ok(Self { temperature, truncation, kept: None, kept_of, table, masses, order })
    }

    /// One draw.
    ///
    /// # Errors
    /// If the row is a Student-t that has no power 1 / T: of T - 1 degrees of freedom or fewer.
    pub fn draw(&mut self, row: &Distribution<'_>, rng: &mut LaneRng) -> Result<Draw> {
        let (z, log_q) = match row.family {
            Family::Gaussian => self.draw_from(&Shape::tempered_normal(row.pair(), self.temperature), rng),
            Family::StudentT => self.draw_from(&Shape::tempered_student(row.triple(), self.temperature)?, rng),
            Family::Mixture { .. } => self.draw_mixture::<Normal>(row.parameters, rng),
            Family::StudentTMixture { .. } => {
                let dof = row.components().map(|(_, of)| of[2]).fold(f64::INFINITY, f64::min);
                check_power(self.temperature, dof)?;
                self.draw_mixture::<StudentT>(row.parameters, rng)
            }
            Family::Binned(bins) => {
                let (token, log_mass) = self.draw_token(row.parameters, rng);
                let z = bins.value_at(token, rng.uniform());
                (z, log_mass + bins.log_shape(token, z))
            }
            Family::NegativeBinomial if self.temperature == 1.0 && self.truncation.is_none() => {
                let count = negative_binomial::sample(row.pair(), rng);
                (count, negative_binomial::log_mass(row.pair(), count))
            }
            Family::NegativeBinomialMixture { .. } if self.temperature == 1.0 && self.truncation.is_none() => {
                let count = mixture::sample::<Counts>(row.parameters, rng);
                (count, mixture::log_density::<Counts>(row.parameters, count))
            }
            Family::NegativeBinomialMixture { .. } => {
                let mut masses = Vec::new();
                let first = mixture::count_masses(row.parameters, &mut masses);
                let (token, log_mass) = self.draw_token(&masses, rng);
                ((first + token) as f64, log_mass)
            }
            Family::NegativeBinomial => {
                let mut masses = Vec::new();
                let first = negative_binomial::masses(row.pair(), &mut masses);
                let (token, log_mass) = self.draw_token(&masses, rng);
                ((first + token) as f64, log_mass)
            }
            Family::Categorical { .. } => {
                let (token, log_mass) = self.draw_token(row.parameters, rng);
                (token as f64, log_mass)
            }
        };
        Ok(row.mapped(z, log_q))
    }

    fn draw_from(&mut self, shape: &Shape<'_>, rng: &mut LaneRng) -> (f64, f64) {
        if let Some(truncation) = self.truncation {
            let dof = if let Shape::Student([.., dof]) = shape { *dof } else { f64::INFINITY };
            if self.kept_of != [dof] {
                self.kept_of = vec![dof];
                self.kept = Some(Region::of(&shape.standard(), truncation));
            }
        }
        draw_within(shape, self.kept.as_ref(), rng)
    }

    fn draw_mixture<C: Symmetric>(&mut self, parameters: &[f64], rng: &mut LaneRng) -> (f64, f64) {
        if let Some(point) = mixture::point_mass::<C>(parameters) {
            return (point, f64::NAN);
        }
        if self.kept_of != parameters {
            self.kept_of.clear();
            self.kept_of.extend_from_slice(parameters);
            self.table.fill::<C>(parameters, self.temperature);
            self.kept = self.truncation.map(|truncation| Region::of(&Shape::Table(&self.table), truncation));
        }
        draw_within(&Shape::Table(&self.table), self.kept.as_ref(), rng)
    }

    /// A token and the logarithm of its mass among those that are kept.
    fn draw_token(&mut self, masses: &[f64], rng: &mut LaneRng) -> (usize, f64) {
        temper_masses(masses, self.temperature, &mut self.masses);
        if let Some(truncation) = self.truncation {
            truncate_masses(&mut self.masses, truncation, &mut self.order);
        }
        let token = categorical::sample(&self.masses, rng);
        (token, self.masses[token].ln())
    }
}

fn draw_within(shape: &Shape<'_>, kept: Option<&Region>, rng: &mut LaneRng) -> (f64, f64) {
    let Some(kept) = kept else {
        let z = shape.sample(rng);
        return (z, shape.log_density(z));
    };
    let z = shape.quantile(kept.level(rng.uniform()));
    (z, shape.log_density(z) - kept.mass().ln())
}

impl Distribution<'_> {
    /// A value and its log density before the map, both behind it.
    fn mapped(&self, z: f64, log_q: f64) -> Draw {
        let value = self.map.forward(z);
        let log_q = if self.map.link.is_in_domain(value / self.map.scale) {
            log_q + self.map.log_jacobian(value)
        } else {
            f64::NEG_INFINITY
        };
        Draw { value, log_q }
    }
}

/// # Errors
/// If a temperature is not a positive number.
fn check_temperature(temperature: f64) -> Result<()> {
    if temperature > 0.0 && temperature.is_finite() {
        return Ok(());
    }
    Err(Error::usage(format!("nothing can be drawn at temperature {temperature}"))
        .expected("a temperature above 0")
        .hint("decode greedily for the limit at 0"))
}

impl Truncation {
    /// # Errors
    /// If nothing is kept, or a mass is none.
    fn check(self) -> Result<()> {
        match self {
            Self::TopK(0) => Err(Error::usage("the top 0 leave nothing to draw from").expected("a top-k of 1 or more")),
            Self::Nucleus(mass) | Self::Typical(mass) if !(mass > 0.0 && mass <= 1.0) => {
                Err(Error::usage(format!("{mass} is no mass to draw from")).expected("a mass above 0, and 1 at most"))
            }
            _ => Ok(()),
        }
    }
}
