//! Tempered distributions: density proportional to p(z)^(1/T), before the outer map.
//!
//! ```text
//! normal       s' = s sqrt(T)
//! Student's t  v' = (v + 1) / T - 1,  s'^2 = s^2 v / v';   none where v' <= 0, that is T >= v + 1
//! mixture      a table of p^(1/T), right to 0.2 % of its highest value (table.rs)
//! masses       p_i^(1/T) / sum
//! ```
//!
//! T < 1 sharpens, T > 1 flattens, T -> 0 is the mode, T = 1 the distribution itself. Since the power is taken before the
//! map, log prices and prices are tempered differently. A Student-t with more than 1e7 degrees of freedom is its normal
//! limit, from which its density differs by less than 1e-6.

use super::table::Table;
use super::{gaussian, student_t};
use crate::error::{Error, Result};
use crate::math::random::LaneRng;

/// Degrees of freedom beyond which Student's t is normal.
const NORMAL_DOF: f64 = 1e7;

/// A continuous distribution before the map.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape<'t> {
    Normal([f64; 2]),
    Student([f64; 3]),
    Table(&'t Table),
}

impl Shape<'_> {
    /// p^(1/T) of a normal.
    pub(super) fn tempered_normal([mean, sd]: [f64; 2], temperature: f64) -> Self {
        Self::Normal([mean, sd * temperature.sqrt()])
    }

    /// p^(1/T) of Student's t.
    pub(super) fn tempered_student([location, scale, dof]: [f64; 3], temperature: f64) -> Result<Self> {
        if temperature == 1.0 {
            return Ok(Self::Student([location, scale, dof]));
        }
        check_power(temperature, dof)?;
        let tempered = (dof + 1.0) / temperature - 1.0;
        let scale = scale * (dof / tempered).sqrt();
        let is_normal = tempered > NORMAL_DOF;
        Ok(if is_normal { Self::Normal([location, scale]) } else { Self::Student([location, scale, tempered]) })
    }

    pub(super) fn quantile(&self, q: f64) -> f64 {
        match self {
            Self::Normal(normal) => gaussian::quantile(*normal, q),
            Self::Student(student) => student_t::quantile(*student, q),
            Self::Table(table) => table.quantile(q),
        }
    }

    pub(super) fn log_density(&self, z: f64) -> f64 {
        match self {
            Self::Normal(normal) => gaussian::log_density(*normal, z),
            Self::Student(student) => student_t::log_density(*student, z),
            Self::Table(table) => table.log_density(z),
        }
    }

    pub(super) fn sample(&self, rng: &mut LaneRng) -> f64 {
        match self {
            Self::Normal(normal) => gaussian::sample(*normal, rng),
            Self::Student(student) => student_t::sample(*student, rng),
            Self::Table(table) => table.quantile(rng.uniform()),
        }
    }

    /// The distribution with location 0 and scale 1, where shape alone matters.
    pub(super) fn standard(&self) -> Self {
        match *self {
            Self::Normal(_) => Self::Normal([0.0, 1.0]),
            Self::Student([.., dof]) => Self::Student([0.0, 1.0, dof]),
            Self::Table(table) => Self::Table(table),
        }
    }

    /// Whether the density falls alike to either side of the median.
    pub(super) fn is_symmetric(&self) -> bool {
        !matches!(self, Self::Table(_))
    }
}

/// Writes p_i^(1/T), normalised; the masses as they are for T = 1.
pub(super) fn temper_masses(masses: &[f64], temperature: f64, out: &mut Vec<f64>) {
    out.clear();
    if temperature == 1.0 {
        return out.extend_from_slice(masses);
    }
    let largest = masses.iter().fold(0.0, |a: f64, b| a.max(*b));
    out.extend(masses.iter().map(|mass| ((mass / largest).ln() / temperature).exp()));
    let total: f64 = out.iter().sum();
    out.iter_mut().for_each(|mass| *mass /= total);
}

/// # Errors
/// If the power 1 / T of a Student-t is no density.
pub(super) fn check_power(temperature: f64, dof: f64) -> Result<()> {
    if (dof + 1.0) / temperature > 1.0 {
        return Ok(());
    }
    Err(Error::usage(format!(
        "a Student-t with {dof:.3} degrees of freedom has no density at temperature {temperature}"
    ))
    .expected(format!("a temperature below {:.3}: its tails fall as a power, and the power of it must too", dof + 1.0))
    .hint("use a lower --temperature, or a model with normal innovations"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// p^(1/T) up to a constant: the same difference between any two values.
    fn is_power(shape: &Shape<'_>, log_density: impl Fn(f64) -> f64, temperature: f64) -> bool {
        [-3.0, 0.1, 1.7, 12.0].iter().all(|&z| {
            let expected = (log_density(z) - log_density(0.4)) / temperature;
            (shape.log_density(z) - shape.log_density(0.4) - expected).abs() < 1e-8 * (1.0 + expected.abs())
        })
    }

    #[test]
    fn densities_are_powers_of_densities() -> Result<()> {
        for temperature in [0.05, 0.7, 1.0, 2.5, 4.4] {
            let (normal, student) = ([0.4, 1.3], [0.4, 0.6, 3.5]);
            let shape = Shape::tempered_normal(normal, temperature);
            assert!(is_power(&shape, |z| gaussian::log_density(normal, z), temperature), "normal, {temperature}");
            let shape = Shape::tempered_student(student, temperature)?;
            assert!(is_power(&shape, |z| student_t::log_density(student, z), temperature), "t, {temperature}");
        }
        let cold = Shape::tempered_student([0.4, 0.6, 3.5], 1e-300)?;
        assert!((cold.quantile(0.9) - 0.4).abs() < 1e-100 && cold.log_density(0.4).is_finite());
        Ok(())
    }

    #[test]
    fn a_power_that_is_no_density_is_refused() {
        for temperature in [4.5, 5.0, f64::MAX] {
            let refused = Shape::tempered_student([0.0, 1.0, 3.5], temperature).expect_err("no density");
            assert!(refused.to_string().contains("3.500 degrees"), "{refused}");
        }
    }

    #[test]
    fn masses_are_powers_of_masses() {
        let mut out = Vec::new();
        temper_masses(&[0.5, 0.0, 0.3, 0.2], 0.5, &mut out);
        let expected = [0.25, 0.0, 0.09, 0.04].map(|mass| mass / 0.38);
        assert!(out.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{out:?}");
        temper_masses(&[0.5, 0.0, 0.3, 0.2], 1e-300, &mut out);
        assert_eq!(out, [1.0, 0.0, 0.0, 0.0]);
        temper_masses(&[1e-300, 0.0, 1.0, 0.2], 1e300, &mut out);
        assert!(out[1] == 0.0 && (out[0] - 1.0 / 3.0).abs() < 1e-12, "{out:?}");
    }
}
