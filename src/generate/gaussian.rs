//! Paths whose joint distribution is Gaussian before the outer map: their log density, and what fixed values at some
//! steps say about all others.
//!
//! A lane's joint is a weighted mixture of components y_j = map_j(z_j), z = m + L e, e iid standard normal, L lower
//! triangular ([`GaussianPath`]). Forward substitution takes e from a path, so that the density of one component is
//!
//! ```text
//! ln p(y) = sum_j [ -ln(2 pi) / 2 - ln L_jj - e_j^2 / 2 + ln |dz_j / dy_j| ]
//! ```
//!
//! Values at f steps F fix f coordinates of e and leave the others as they were: with L_F' = Q R (Q with orthonormal
//! columns, R triangular: the Cholesky factor of the covariance of z_F, without squaring its condition)
//!
//! ```text
//! e | z_F = Q a + (I - Q Q') n,   R' a = z_F - m_F,   n iid standard normal
//! ln p(z_F) = -f ln(2 pi) / 2 - sum ln |R_kk| - a'a / 2
//! ```
//!
//! which is conditioning a multivariate normal (Anderson 2003, *An Introduction to Multivariate Statistical Analysis*,
//! theorem 2.5.1), written in the innovations. The weights of the components follow the density of the fixed values:
//! w_k p_k(y_F) / sum.
//!
//! For h steps conditioning costs O(h f^2) per component, a draw O(h f + h^2 / 2), a density O(h^2 / 2), all marginals
//! O(h^2 f); memory is O(h f) on top of the joint. No h x h matrix is inverted or kept.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::error::{Error, Result};
use crate::math::random::LaneRng;
use crate::model::{GaussianPath, PathFactor};
use crate::predictive::{Family, OuterMap, Predictive};

/// A fixed value with less than this many roundings of its spread left beside those before it is not free.
const PIVOT_ROUNDINGS: f64 = 64.0;

/// ln p(path) under a joint, of as many steps as the path has; minus infinity outside the domain of a map.
///
/// ```
/// use foretoken::generate::gaussian::log_density;
/// use foretoken::model::{GaussianPath, PathFactor};
/// use foretoken::predictive::OuterMap;
///
/// // A random walk from 0: two steps of variance 1 each.
/// let factor = PathFactor::Toeplitz(vec![1.0, 1.0]);
/// let walk = GaussianPath { weight: 1.0, mean: vec![0.0; 2], factor, maps: vec![OuterMap::IDENTITY; 2] };
/// let density = log_density(&[walk], &[1.0, 0.0])?;
/// assert!((density - (-1.0 - std::f64::consts::TAU.ln())).abs() < 1e-15);
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// # Errors
/// If a step is a point mass, given those before it: then there is no density.
///
/// # Panics
/// If the path has more steps than the joint.
pub fn log_density(joint: &[GaussianPath], path: &[f64]) -> Result<f64> {
    joint.iter().try_for_each(GaussianPath::check_spread)?;
    Ok(mixture_log_density(joint, path))
}

fn mixture_log_density(joint: &[GaussianPath], path: &[f64]) -> f64 {
    log_sum(&joint.iter().map(|part| part.weight.ln() + part.log_density(path)).collect::<Vec<_>>())
}

/// ln of the sum of exponentials.
pub(super) fn log_sum(logs: &[f64]) -> f64 {
    let largest = logs.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    if !largest.is_finite() {
        return largest;
    }
    largest + logs.iter().map(|log| (log - largest).exp()).sum::<f64>().ln()
}

/// A joint given the values at some of its steps.
///
/// ```
/// use foretoken::generate::gaussian::Conditioned;
/// use foretoken::model::{GaussianPath, PathFactor};
/// use foretoken::predictive::OuterMap;
///
/// // A random walk from 0 that is at 3 after three steps: a bridge.
/// let factor = PathFactor::Toeplitz(vec![1.0; 3]);
/// let walk = GaussianPath { weight: 1.0, mean: vec![0.0; 3], factor, maps: vec![OuterMap::IDENTITY; 3] };
/// let bridge = Conditioned::new(vec![walk], &[(2, 3.0)])?;
/// assert!((bridge.mean_path()[0] - 1.0).abs() < 1e-12);
/// assert!((bridge.marginals().row(0).std_dev() - (2.0_f64 / 3.0).sqrt()).abs() < 1e-12);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Conditioned {
    joint: Vec<GaussianPath>,
    fixed: Vec<(usize, f64)>,
    given: Vec<Given>,
    log_evidence: f64,
}

/// What the fixed values say about one component.
#[derive(Debug, Clone, PartialEq)]
struct Given {
    /// The share of the component, given the fixed values.
    weight: f64,
    log_evidence: f64,
    /// Q: h x f, the directions of the innovations that the fixed values decide.
    directions: DMatrix<f64>,
    /// a: how far along each of them.
    decided: DVector<f64>,
}

impl Conditioned {
    /// Conditions a joint on (step, value) pairs.
    ///
    /// # Errors
    /// If a step is a point mass, a value is no possible one of its step, or it cannot be told apart from what the other
    /// fixed values decide.
    ///
    /// # Panics
    /// If the joint has no component with a weight, or a step lies beyond it.
    pub fn new(mut joint: Vec<GaussianPath>, fixed: &[(usize, f64)]) -> Result<Self> {
        joint.retain(|part| part.weight > 0.0);
        assert!(!joint.is_empty(), "a joint has a component");
        joint.iter().try_for_each(GaussianPath::check_spread)?;
        let mut given: Vec<Given> = joint.iter().map(|part| Given::new(part, fixed)).collect::<Result<_>>()?;
        let logs: Vec<f64> =
            joint.iter().zip(&given).map(|(part, given)| part.weight.ln() + given.log_evidence).collect();
        let log_evidence = log_sum(&logs);
        if !log_evidence.is_finite() {
            return Err(impossible(fixed));
        }
        given.iter_mut().zip(logs).for_each(|(given, log)| given.weight = (log - log_evidence).exp());
        Ok(Self { joint, fixed: fixed.to_vec(), given, log_evidence })
    }

    /// ln p(fixed values).
    #[must_use]
    pub fn log_evidence(&self) -> f64 {
        self.log_evidence
    }

    /// ln p(path) of a whole path before anything was fixed. Less the evidence it is the density given the fixed values.
    ///
    /// # Panics
    /// If the path has more steps than the joint.
    #[must_use]
    pub fn log_density(&self, path: &[f64]) -> f64 {
        mixture_log_density(&self.joint, path)
    }

    /// The distribution of every step given the fixed values. Fixed steps are point masses.
    ///
    /// # Panics
    /// If components have different links.
    #[must_use]
    pub fn marginals(&self) -> Predictive {
        let rows = self.joint.iter().zip(&self.given).map(|(part, given)| given.marginals(part)).collect();
        mixed(&self.given.iter().map(|given| given.weight).collect::<Vec<_>>(), rows)
    }

    /// The mean of every step given the fixed values; the median where it is infinite.
    #[must_use]
    pub fn mean_path(&self) -> Vec<f64> {
        let marginals = self.marginals();
        self.with_fixed((0..marginals.rows()).map(|step| marginals.row(step).mean()).collect())
    }

    /// The median of every step given the fixed values.
    #[must_use]
    pub fn median_path(&self) -> Vec<f64> {
        let marginals = self.marginals();
        self.with_fixed((0..marginals.rows()).map(|step| marginals.row(step).median()).collect())
    }

    /// A draw of a whole path given the fixed values.
    #[must_use]
    pub fn draw(&self, rng: &mut LaneRng) -> Vec<f64> {
        let part = if self.given.len() == 1 { 0 } else { self.draw_part(rng) };
        let noise = DVector::from_fn(self.joint[part].mean.len(), |_, _| rng.normal());
        let innovations = self.given[part].innovations(noise);
        self.with_fixed(self.joint[part].path_of(innovations.as_slice()))
    }

    fn draw_part(&self, rng: &mut LaneRng) -> usize {
        let mut left = rng.uniform();
        let reaches = |given: &Given| {
            left -= given.weight;
            left < 0.0
        };
        self.given.iter().position(reaches).unwrap_or(self.given.len() - 1)
    }

    /// The map and back does not keep the last digit.
    fn with_fixed(&self, mut path: Vec<f64>) -> Vec<f64> {
        self.fixed.iter().for_each(|&(step, value)| path[step] = value);
        path
    }
}

impl Given {
    fn new(part: &GaussianPath, fixed: &[(usize, f64)]) -> Result<Self> {
        let rows = DMatrix::from_fn(part.mean.len(), fixed.len(), |i, k| part.factor.entry(fixed[k].0, i));
        let (directions, r) = rows.qr().unpack();
        let mut distance = DVector::zeros(fixed.len());
        let mut log_evidence = 0.0;
        for (k, &(step, value)) in fixed.iter().enumerate() {
            let (z, log_jacobian) = before(&part.maps[step], value).ok_or_else(|| outside(step, value))?;
            let pivot = r[(k, k)].abs();
            if pivot <= PIVOT_ROUNDINGS * f64::EPSILON * r.column(k).norm() {
                return Err(decided_already(step, value));
            }
            distance[k] = z - part.mean[step];
            log_evidence += log_jacobian - pivot.ln() - 0.5 * std::f64::consts::TAU.ln();
        }
        // No pivot is zero; a distance that is not finite has no density, which the caller says.
        r.tr_solve_upper_triangular_mut(&mut distance);
        log_evidence -= 0.5 * distance.norm_squared();
        Ok(Self { weight: part.weight, log_evidence, directions, decided: distance })
    }

    /// Q a + (I - Q Q') n.
    fn innovations(&self, noise: DVector<f64>) -> DVector<f64> {
        let move_by = &self.decided - self.directions.tr_mul(&noise);
        noise + &self.directions * move_by
    }

    /// Means and standard deviations of every step of a component: those of row_j e.
    fn marginals(&self, part: &GaussianPath) -> Predictive {
        let horizon = part.mean.len();
        let center = &self.directions * &self.decided;
        let mut rows = Predictive::new(Family::Gaussian, horizon);
        for step in 0..horizon {
            let row = DVector::from_fn(horizon, |i, _| part.factor.entry(step, i));
            let spread = &row - &self.directions * self.directions.tr_mul(&row);
            rows.set(step, &[part.mean[step] + row.dot(&center), spread.norm()], true);
            rows.set_map(step, part.maps[step]);
        }
        rows
    }
}

impl GaussianPath {
    fn log_density(&self, path: &[f64]) -> f64 {
        assert!(path.len() <= self.mean.len(), "a path has no more steps than its joint");
        let mut innovations = Vec::with_capacity(path.len());
        let mut log_density = -0.5 * std::f64::consts::TAU.ln() * path.len() as f64;
        for (step, &y) in path.iter().enumerate() {
            let Some((z, log_jacobian)) = before(&self.maps[step], y) else { return f64::NEG_INFINITY };
            let spread = self.factor.entry(step, step);
            let innovation = (z - self.mean[step] - self.factor.row_times(step, &innovations)) / spread;
            log_density += log_jacobian - spread.abs().ln() - 0.5 * innovation * innovation;
            innovations.push(innovation);
        }
        log_density
    }

    /// The path of some innovations.
    fn path_of(&self, innovations: &[f64]) -> Vec<f64> {
        let value = |step: usize| self.maps[step].forward(self.mean[step] + self.factor.row_times(step, innovations));
        (0..self.mean.len()).map(value).collect()
    }

    fn check_spread(&self) -> Result<()> {
        match (0..self.mean.len()).find(|&step| self.factor.entry(step, step) == 0.0) {
            Some(step) => Err(point_mass(step)),
            None => Ok(()),
        }
    }

    /// The joint of what follows the first `skip` steps, whatever these are. Their innovations are one more column each
    /// beside a triangular factor: O(h^2) for every step that is left out.
    pub(super) fn after(self, skip: usize) -> Result<Self> {
        if skip == 0 {
            return Ok(self);
        }
        self.check_spread()?;
        let horizon = self.mean.len() - skip;
        let own = DMatrix::from_fn(horizon, horizon, |j, i| self.factor.entry(skip + j, skip + i));
        let mut root = Cholesky::pack_dirty(own);
        for i in 0..skip {
            root.rank_one_update(&DVector::from_fn(horizon, |j, _| self.factor.entry(skip + j, i)), 1.0);
        }
        let root = root.unpack_dirty();
        let rows = (0..horizon).flat_map(|j| (0..=j).map(move |i| (j, i))).map(|at| root[at]).collect();
        let (mean, maps) = (self.mean[skip..].to_vec(), self.maps[skip..].to_vec());
        Ok(Self { weight: self.weight, mean, factor: PathFactor::Lower(rows), maps })
    }
}

impl PathFactor {
    /// L_{ji}.
    fn entry(&self, j: usize, i: usize) -> f64 {
        match self {
            _ if i > j => 0.0,
            Self::Toeplitz(psi) => psi[j - i],
            Self::Lower(rows) => rows[j * (j + 1) / 2 + i],
        }
    }

    /// The sum of L_{ji} e_i over the innovations that are given, at most up to j.
    fn row_times(&self, j: usize, innovations: &[f64]) -> f64 {
        match self {
            Self::Toeplitz(psi) => psi[..=j].iter().rev().zip(innovations).map(|(l, e)| l * e).sum(),
            Self::Lower(rows) => rows[j * (j + 1) / 2..][..=j].iter().zip(innovations).map(|(l, e)| l * e).sum(),
        }
    }
}

/// z of a value and ln |dz/dy|; `None` where no z has it.
fn before(map: &OuterMap, y: f64) -> Option<(f64, f64)> {
    map.link.is_in_domain(y / map.scale).then(|| (map.backward(y), map.log_jacobian(y)))
}

/// Whether the components of a joint make one mixture at every step.
pub(crate) fn have_one_link(paths: &[GaussianPath]) -> bool {
    let links = |path: &GaussianPath| path.maps.iter().map(|map| map.link).collect::<Vec<_>>();
    paths.windows(2).all(|pair| links(&pair[0]) == links(&pair[1]))
}

/// The marginals of a joint from those of its components: of the only one as they are, mixtures of several.
pub(crate) fn mixed(weights: &[f64], mut components: Vec<Predictive>) -> Predictive {
    if components.len() == 1 {
        return components.remove(0);
    }
    let mut marginals = Predictive::new(Family::Mixture { components: weights.len() }, components[0].rows());
    for step in 0..marginals.rows() {
        let parts = weights.iter().zip(&components).map(|(weight, rows)| (*weight, rows.row(step)));
        marginals.set_mixture(step, parts, true);
    }
    marginals
}

fn point_mass(step: usize) -> Error {
    Error::numeric(format!("the model is sure of the value at step {}: it has no density to condition", step + 1))
        .expected("a model whose innovations have a spread")
        .hint("fit it to values that vary, or put the fixed values in place without conditioning (intervene)")
}

pub(super) fn outside(step: usize, value: f64) -> Error {
    Error::data(format!("the fixed value {value} at step {} cannot happen", step + 1))
        .expected("a positive value, since the model is one of logarithms or powers")
        .hint("fix a positive value, or fit the model with --transform none")
}

fn decided_already(step: usize, value: f64) -> Error {
    Error::numeric(format!(
        "the fixed value {value} at step {} is decided by the other fixed values, as far as digits go",
        step + 1
    ))
    .expected("fixed values that leave each other a spread")
    .hint("fix fewer values, or nearer ones")
}

pub(super) fn impossible(fixed: &[(usize, f64)]) -> Error {
    let steps: Vec<String> = fixed.iter().map(|(step, value)| format!("{value} at step {}", step + 1)).collect();
    Error::numeric(format!("the model gives the fixed values no density: {}", steps.join(", ")))
        .expected("values that the model holds possible")
        .hint("fix likelier values, or put them in place without conditioning (intervene)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::predictive::Link;

    /// x_t = 0.6 x_{t-1} + e_t from a state that is known up to a variance of 2.
    fn lower() -> PathFactor {
        let rows = (0..5).flat_map(|j| (0..=j).map(move |i| 0.6_f64.powi(j - i) * if i == 0 { 1.4 } else { 1.0 }));
        PathFactor::Lower(rows.collect())
    }

    fn joint(factor: PathFactor, link: Link) -> GaussianPath {
        let maps = vec![OuterMap { link, shift: 0.1, factor: 0.5, scale: 2.0 }; 5];
        GaussianPath { weight: 1.0, mean: vec![0.3, -0.2, 0.5, 0.0, 1.0], factor, maps }
    }

    fn covariance(path: &GaussianPath) -> DMatrix<f64> {
        let h = path.mean.len();
        let root = DMatrix::from_fn(h, h, |j, i| path.factor.entry(j, i));
        &root * root.transpose()
    }

    #[test]
    fn steps_that_are_left_out_are_integrated_out() {
        for factor in [lower(), PathFactor::Toeplitz(vec![0.5, 0.4, -0.3, 0.2, 0.9])] {
            let all = joint(factor, Link::Identity);
            let rest = all.clone().after(2).expect("a joint");
            assert_eq!((&rest.mean[..], rest.maps.len()), (&all.mean[2..], 3));
            let difference = covariance(&rest) - covariance(&all).view((2, 2), (3, 3));
            assert!(difference.amax() < 1e-14, "{difference}");
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        let error = |factor, link, fixed: &[(usize, f64)]| {
            let error = Conditioned::new(vec![joint(factor, link)], fixed).expect_err("no conditioning");
            (error.kind(), error.to_string())
        };
        let (kind, said) = error(PathFactor::Toeplitz(vec![0.0; 5]), Link::Identity, &[(1, 1.0)]);
        assert!(kind == ErrorKind::Numeric && said.contains("sure of the value at step 1"), "{said}");
        let (kind, said) = error(lower(), Link::Log, &[(1, 1.0), (3, -4.0)]);
        assert!(kind == ErrorKind::Data && said.contains("-4 at step 4 cannot happen"), "{said}");
        let (kind, said) = error(lower(), Link::Identity, &[(1, 1e200)]);
        assert!(kind == ErrorKind::Numeric && said.contains("no density: 1"), "{said}");
        let (_, said) = error(lower(), Link::Identity, &[(1, 1.0), (1, 1.0)]);
        assert!(said.contains("1 at step 2 is decided by the other"), "{said}");
    }

    #[test]
    fn without_fixed_values_the_joint_is_what_it_was() {
        let path = joint(lower(), Link::Log);
        let free = Conditioned::new(vec![path.clone()], &[]).expect("a joint");
        assert_eq!(free.log_evidence(), 0.0);
        let marginals = free.marginals();
        for (step, variance) in path.factor.variances().iter().enumerate() {
            let row = marginals.row(step);
            assert!((row.parameters()[0] - path.mean[step]).abs() < 1e-15);
            assert!((row.parameters()[1] - variance.sqrt()).abs() < 1e-15);
        }
        assert_eq!(free.log_density(&[1.0, -1.0]), f64::NEG_INFINITY);
    }
}
