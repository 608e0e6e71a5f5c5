//! Heads: rows of raw numbers become distributions, and log densities gradients.
//!
//! | head | raw numbers | distribution of z |
//! |---|---|---|
//! | Gaussian | m, s | mean m, standard deviation floor + softplus(s) |
//! | Student's t | m, s, v | location m, scale floor + softplus(s), 2.1 + softplus(v) degrees of freedom |
//! | mixture | l_k, m_k, s_k | weights softmax(l), means m_k, standard deviations floor + softplus(s_k) |
//! | negative binomial | m, a | of counts: mean softplus(m) times the mean of the context, dispersion softplus(a) |
//! | tokens | l_k | masses softmax(l) of the bins, each with its shape ([`Bins`]) |
//!
//! z is the value on the scale of its context. softplus(x) = ln(1 + e^x). Parameters, densities and gradients are computed in double
//! precision, row by row (20 to 200 ns); masses of tokens in that of the network, whose exponentials are vectorised.

use std::sync::Arc;

use crate::math::float::Float;
use crate::math::random::LaneRng;
use crate::math::special::{digamma, digamma_remainder, ln_1p_minus, ln_gamma};
use crate::predictive::{Bins, Family, Predictive};

/// The fewest degrees of freedom: the variance is finite.
const LEAST_DOF: f64 = 2.1;
/// The smallest dispersion and the smallest mean of counts.
const LEAST_COUNT: f64 = 1e-6;

/// What a network says of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Head {
    Gaussian,
    StudentT,
    Mixture { components: usize },
    NegativeBinomial,
    Tokens(Arc<Bins>),
}

/// What the rows of a window have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    /// The smallest scale of a row.
    pub(super) floor: f64,
    /// Where the values of the context lie.
    pub(super) location: f64,
    /// One unit of z.
    pub(super) spread: f64,
}

impl Head {
    /// The raw numbers of a row.
    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Gaussian | Self::NegativeBinomial => 2,
            Self::StudentT => 3,
            Self::Mixture { components } => 3 * components,
            Self::Tokens(bins) => bins.len(),
        }
    }

    /// The family of its rows.
    pub(super) fn family(&self) -> Family {
        match self {
            Self::Gaussian => Family::Gaussian,
            Self::StudentT => Family::StudentT,
            Self::Mixture { components } => Family::Mixture { components: *components },
            Self::NegativeBinomial => Family::NegativeBinomial,
            Self::Tokens(bins) => Family::Binned(bins.clone()),
        }
    }

    /// In words.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Gaussian => "normal".to_owned(),
            Self::StudentT => "Student's t".to_owned(),
            Self::Mixture { components } => format!("mixture of {components} normals"),
            Self::NegativeBinomial => "negative binomial".to_owned(),
            Self::Tokens(bins) => format!("{} tokens", bins.len()),
        }
    }

    /// Whether its rows give tokens probabilities.
    pub(super) fn has_tokens(&self) -> bool {
        matches!(self, Self::Tokens(_))
    }

    /// Whether its rows are distributions of counts, in the units of the data.
    pub(super) fn is_of_counts(&self) -> bool {
        matches!(self, Self::NegativeBinomial)
    }

    /// Raw numbers to begin with: a scale of one, 7 degrees of freedom, means of a mixture from -1 to 1.
    pub(super) fn start(&self) -> Vec<f64> {
        const ONE: f64 = 0.541_324_854_612_918_1;
        match self {
            Self::Gaussian | Self::NegativeBinomial => vec![if self.is_of_counts() { ONE } else { 0.0 }, ONE],
            Self::StudentT => vec![0.0, ONE, 5.0],
            Self::Mixture { components } => {
                let mean = |k: usize| (2 * k + 1) as f64 / *components as f64 - 1.0;
                (0..*components).flat_map(|k| [0.0, mean(k), ONE]).collect()
            }
            Self::Tokens(bins) => vec![0.0; bins.len()],
        }
    }

    /// The parameters of a row, in the order of its family.
    pub(super) fn parameters<T: Float>(&self, raw: &[T], unit: Unit, out: &mut [f64]) {
        let raw_at = |i: usize| raw[i].to_f64();
        let scale = |i: usize| unit.floor + softplus(raw_at(i));
        match self {
            Self::Gaussian => out.copy_from_slice(&[raw_at(0), scale(1)]),
            Self::StudentT => out.copy_from_slice(&[raw_at(0), scale(1), LEAST_DOF + softplus(raw_at(2))]),
            Self::Mixture { components } => {
                let largest = (0..*components).map(|k| raw_at(3 * k)).fold(f64::NEG_INFINITY, f64::max);
                for k in 0..*components {
                    let own = [(raw_at(3 * k) - largest).exp(), raw_at(3 * k + 1), scale(3 * k + 2)];
                    out[3 * k..3 * k + 3].copy_from_slice(&own);
                }
                let sum: f64 = out.iter().step_by(3).sum();
                out.iter_mut().step_by(3).for_each(|weight| *weight /= sum);
            }
            Self::NegativeBinomial => out.copy_from_slice(&counts(raw_at(0), raw_at(1), unit)),
            Self::Tokens(_) => {
                let largest = raw.iter().map(|x| x.to_f64()).fold(f64::NEG_INFINITY, f64::max);
                out.iter_mut().zip(raw).for_each(|(out, x)| *out = (x.to_f64() - largest).exp());
                let sum: f64 = out.iter().sum();
                out.iter_mut().for_each(|mass| *mass /= sum);
            }
        }
    }

    /// The sum of ln p(z) over the rows that have a target, and their number; adds minus its gradient to `d_raw`.
    pub(super) fn log_probs<T: Float>(
        &self,
        raw: &[T],
        targets: &[f64],
        units: &[Unit],
        d_raw: &mut [T],
    ) -> (f64, usize) {
        let width = self.outputs();
        let (mut sum, mut count) = (0.0, 0);
        let (mut d, mut masses) = (vec![0.0; width], Vec::new());
        let rows = raw.chunks_exact(width).zip(d_raw.chunks_exact_mut(width));
        for (((raw, d_raw), z), unit) in rows.zip(targets).zip(units) {
            if z.is_nan() {
                continue;
            }
            count += 1;
            if let Self::Tokens(bins) = self {
                // d ln p_i / d l_k = [i = k] - p_k.
                let token = bins.index(*z);
                let log_sum = softmax(raw, &mut masses);
                sum += (raw[token].to_f64() - log_sum) + bins.log_shape(token, *z);
                d_raw.iter_mut().zip(&masses).for_each(|(d, mass)| *d += *mass);
                d_raw[token] -= T::ONE;
            } else {
                sum += self.score(raw, *unit, *z, &mut d);
                d_raw.iter_mut().zip(&d).for_each(|(sum, d)| *sum -= T::of(*d));
            }
        }
        (sum, count)
    }

    /// ln p(z) of a row; `d` becomes its gradient by the raw numbers.
    pub(super) fn score<T: Float>(&self, raw: &[T], unit: Unit, z: f64, d: &mut [f64]) -> f64 {
        let raw_at = |i: usize| raw[i].to_f64();
        let scale = |i: usize| unit.floor + softplus(raw_at(i));
        match self {
            Self::Gaussian => {
                let s = scale(1);
                let e = (z - raw_at(0)) / s;
                d.copy_from_slice(&[e / s, (e * e - 1.0) / s * sigmoid(raw_at(1))]);
                -0.5 * e * e - s.ln() - 0.5 * std::f64::consts::TAU.ln()
            }
            Self::StudentT => {
                let (s, v) = (scale(1), LEAST_DOF + softplus(raw_at(2)));
                let e = (z - raw_at(0)) / s;
                let share = e * e / v;
                // (v + 1) e / (v + e^2), without overflow for large e.
                let pull = (v + 1.0) / v * e / (1.0 + share);
                let by_dof =
                    0.5 * (digamma(0.5 * (v + 1.0)) - digamma(0.5 * v) - 1.0 / v - share.ln_1p() + pull * e / v);
                d.copy_from_slice(&[pull / s, (pull * e - 1.0) / s * sigmoid(raw_at(1)), by_dof * sigmoid(raw_at(2))]);
                ln_gamma(0.5 * (v + 1.0))
                    - ln_gamma(0.5 * v)
                    - 0.5 * (v * std::f64::consts::PI).ln()
                    - s.ln()
                    - 0.5 * (v + 1.0) * share.ln_1p()
            }
            Self::Mixture { components } => {
                let log_weights = log_sum((0..*components).map(|k| raw_at(3 * k)));
                let part = |k: usize| {
                    let s = scale(3 * k + 2);
                    let e = (z - raw_at(3 * k + 1)) / s;
                    (s, e, raw_at(3 * k) - log_weights - 0.5 * e * e - s.ln() - 0.5 * std::f64::consts::TAU.ln())
                };
                // Shares of the largest term, not of the sum: far away their difference drowns in rounding.
                let largest = (0..*components).map(|k| part(k).2).fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = (0..*components).map(|k| (part(k).2 - largest).exp()).sum();
                for k in 0..*components {
                    let (s, e, own) = part(k);
                    let share = (own - largest).exp() / sum;
                    d[3 * k] = share - (raw_at(3 * k) - log_weights).exp();
                    d[3 * k + 1] = share * e / s;
                    d[3 * k + 2] = share * (e * e - 1.0) / s * sigmoid(raw_at(3 * k + 2));
                }
                largest + sum.ln()
            }
            Self::NegativeBinomial => {
                let [mean, a] = counts(raw_at(0), raw_at(1), unit);
                let k = (unit.location + unit.spread * z).round();
                if k < 0.0 {
                    d.fill(0.0);
                    return f64::NEG_INFINITY;
                }
                let by_mean = (k - mean) / (mean * (1.0 + a * mean));
                d.copy_from_slice(&[
                    by_mean * unit.spread * sigmoid(raw_at(0)),
                    by_dispersion(k, mean, a) * sigmoid(raw_at(1)),
                ]);
                let mut row = Predictive::new(Family::NegativeBinomial, 1);
                row.set(0, &[mean, a], true);
                row.row(0).log_prob(k)
            }
            Self::Tokens(bins) => {
                let token = bins.index(z);
                let mut masses = Vec::new();
                let log_sum = softmax(raw, &mut masses);
                d.iter_mut().zip(&masses).for_each(|(d, mass)| *d = -mass.to_f64());
                d[token] += 1.0;
                (raw[token].to_f64() - log_sum) + bins.log_shape(token, z)
            }
        }
    }

    /// A draw from a row. Where it is a smooth function of the row with its noise held fixed (Kingma and Welling 2014, arXiv
    /// 1312.6114), `d` becomes its derivative: of normals, and of Student's t with the degrees of freedom held as well. Of the others
    /// it becomes zero.
    pub(super) fn draw<T: Float>(&self, raw: &[T], unit: Unit, rng: &mut LaneRng, d: &mut [f64]) -> f64 {
        d.fill(0.0);
        let location_and_scale = |noise: f64, d: &mut [f64]| {
            d[0] = 1.0;
            d[1] = noise * sigmoid(raw[1].to_f64());
            raw[0].to_f64() + (unit.floor + softplus(raw[1].to_f64())) * noise
        };
        match self {
            Self::Gaussian => location_and_scale(rng.normal(), d),
            Self::StudentT => location_and_scale(rng.student_t(LEAST_DOF + softplus(raw[2].to_f64())), d),
            _ => {
                let mut row = Predictive::new(self.family(), 1);
                let mut parameters = vec![0.0; self.outputs()];
                self.parameters(raw, unit, &mut parameters);
                row.set(0, &parameters, true);
                let x = row.row(0).sample(rng);
                if self.is_of_counts() { (x - unit.location) / unit.spread } else { x }
            }
        }
    }

    /// Whether draws have a derivative.
    pub(super) fn is_pathwise(&self) -> bool {
        matches!(self, Self::Gaussian | Self::StudentT)
    }
}

/// Mean and dispersion of counts.
fn counts(mean: f64, dispersion: f64, unit: Unit) -> [f64; 2] {
    [unit.spread * softplus(mean) + LEAST_COUNT, softplus(dispersion) + LEAST_COUNT]
}

/// The derivative of the logarithm of the mass of a count by the dispersion a = 1 / r, with n = k + r and u = (k - m) / (r + m):
///
/// -r^2 (digamma(n) - digamma(r) - ln(1 + a m) - u) = -r^2 (ln(1 + u) - u + k / (2 r n) + h(r) - h(n)),
///
/// where digamma(x) = ln x - 1 / (2 x) - h(x): without the cancellation that Poisson's limit brings.
fn by_dispersion(k: f64, mean: f64, a: f64) -> f64 {
    let r = 1.0 / a;
    let (n, u) = (k + r, (k - mean) / (r + mean));
    let by_r = if r < 10.0 {
        digamma(n) - digamma(r) - (a * mean).ln_1p() - u
    } else {
        ln_1p_minus(u) + 0.5 * k / (r * n) + digamma_remainder(r) - digamma_remainder(n)
    };
    -by_r * r * r
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The derivative of [`softplus`].
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn log_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
}

/// The masses of logits, and the logarithm of the sum of their exponentials.
fn softmax<T: Float>(raw: &[T], masses: &mut Vec<T>) -> f64 {
    let largest = raw.iter().copied().fold(raw[0], |a, b| if b > a { b } else { a });
    masses.clear();
    masses.extend(raw.iter().map(|x| *x - largest));
    T::exp_all(masses);
    let sum: T = masses.iter().copied().sum();
    let scale = T::ONE / sum;
    masses.iter_mut().for_each(|mass| *mass *= scale);
    largest.to_f64() + sum.to_f64().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Unit = Unit { floor: 0.01, location: 6.0, spread: 3.0 };

    fn heads() -> Vec<Head> {
        let bins = Bins::new(vec![-1.5, -0.5, 0.0, 0.75, 2.0], [0.5, 0.8]).expect("bins");
        vec![
            Head::Gaussian,
            Head::StudentT,
            Head::Mixture { components: 1 },
            Head::Mixture { components: 3 },
            Head::NegativeBinomial,
            Head::Tokens(Arc::new(bins.clone())),
            Head::Tokens(Arc::new(bins.with_floor(-3.0).expect("a floor"))),
        ]
    }

    /// Rows around the start, and targets of theirs: counts of heads of counts, nothing below a floor.
    fn cases(head: &Head, n: usize) -> Vec<(Vec<f64>, f64)> {
        let mut rng = LaneRng::new(3, 0);
        let row = |_| {
            let raw = head.start().iter().map(|start| start + 1.5 * rng.normal()).collect();
            (raw, target(head, 2.0 * rng.normal()))
        };
        (0..n).map(row).collect()
    }

    /// The nearest value that the head can have.
    fn target(head: &Head, z: f64) -> f64 {
        match head {
            Head::NegativeBinomial => {
                ((UNIT.location + UNIT.spread * z).round().max(0.0) - UNIT.location) / UNIT.spread
            }
            Head::Tokens(bins) => z.max(bins.floor().unwrap_or(f64::NEG_INFINITY)),
            _ => z,
        }
    }

    /// All rows of -50 and 50, or some of many.
    fn corners(head: &Head) -> Vec<Vec<f64>> {
        let width = head.outputs();
        let corner = |bits: usize| (0..width).map(|i| if bits >> i & 1 == 1 { 50.0 } else { -50.0 }).collect();
        (0..1 << width).step_by(if width > 6 { 37 } else { 1 }).map(corner).collect()
    }

    fn log_prob(head: &Head, raw: &[f64], z: f64) -> f64 {
        head.score(raw, UNIT, z, &mut vec![0.0; head.outputs()])
    }

    /// Fails unless a derivative is the central difference of fourth order, for one step at least, but for rounding.
    fn is_slope(own: f64, at: impl Fn(f64) -> f64, what: &str) {
        let size = 1.0 + at(0.0).abs();
        let error = |h: f64| {
            let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            let rounding = 2.0 * f64::EPSILON * size / h;
            (own - difference).abs() / (1e-6 * own.abs() + rounding)
        };
        let least = [0.1, 0.03, 0.01, 3e-3, 1e-3, 1e-4].map(error).into_iter().fold(f64::INFINITY, f64::min);
        assert!(least <= 1.0, "{what}: {own} is off by {least} tolerances");
    }

    fn has_gradient(head: &Head, raw: &[f64], z: f64) {
        let mut d = vec![f64::NAN; head.outputs()];
        let _ = head.score(raw, UNIT, z, &mut d);
        for (i, own) in d.iter().enumerate() {
            let at = |h: f64| {
                let mut raw = raw.to_vec();
                raw[i] += h;
                log_prob(head, &raw, z)
            };
            is_slope(*own, at, &format!("{head:?} {raw:?} at {z}, raw number {i}"));
        }
    }

    #[test]
    fn gradients_are_central_differences() {
        for head in heads() {
            for (raw, z) in cases(&head, 200) {
                has_gradient(&head, &raw, z);
            }
        }
    }

    #[test]
    fn gradients_are_central_differences_far_away() {
        for head in heads() {
            for (raw, z) in cases(&head, 20) {
                for z in [-40.0, 1e3, 1e6].map(|far| target(&head, far + z)) {
                    has_gradient(&head, &raw, z);
                }
                for shift in [-12.0, -6.0, 9.0] {
                    let raw: Vec<f64> = raw.iter().map(|x| x + shift).collect();
                    has_gradient(&head, &raw, z);
                    // Every second raw number: narrow and far, Poisson's limit with a mean, ..
                    for odd in [0, 1] {
                        let shifted = raw.iter().enumerate();
                        let raw: Vec<f64> = shifted.map(|(i, x)| if i % 2 == odd { *x } else { x - shift }).collect();
                        has_gradient(&head, &raw, z);
                    }
                }
            }
        }
    }

    #[test]
    fn extreme_rows_have_finite_densities_and_gradients() {
        for head in heads() {
            for raw in corners(&head) {
                for z in [-1e6, -50.0, 0.0, 1.0, 50.0, 1e6].map(|z| target(&head, z)) {
                    let mut d = vec![f64::NAN; head.outputs()];
                    let log_prob = head.score(&raw, UNIT, z, &mut d);
                    assert!(log_prob.is_finite() && d.iter().all(|d| d.is_finite()), "{head:?} {raw:?} {z}: {d:?}");
                    let single: Vec<f32> = raw.iter().map(|x| *x as f32).collect();
                    let mut d = vec![0.0_f32; head.outputs()];
                    let (sum, count) = head.log_probs(&single, &[z], &[UNIT], &mut d);
                    assert!(sum.is_finite() && count == 1 && d.iter().all(|d| d.is_finite()), "{head:?} {raw:?} {z}");
                }
            }
        }
    }

    #[test]
    fn shares_of_equal_components_are_equal_however_far() {
        let head = Head::Mixture { components: 2 };
        let mut d = [0.0; 6];
        for z in [1.0, 1e4, 1e6, 1e9] {
            let _ = head.score(&[0.3, 0.5, -6.0, 0.3, 0.5, -6.0], UNIT, z, &mut d);
            assert_eq!((d[0], d[1], d[2]), (d[3], d[4], d[5]));
            assert!(d[0].abs() < 1e-15, "{z}: {d:?}");
        }
    }

    #[test]
    fn log_probs_are_those_of_the_predictive() {
        for head in heads() {
            for (raw, z) in cases(&head, 100) {
                let row = row(&head, &raw);
                let y = if head.is_of_counts() { UNIT.location + UNIT.spread * z } else { z };
                let (own, expected) = (log_prob(&head, &raw, z), row.row(0).log_prob(y));
                assert!(
                    (own - expected).abs() < 1e-12 * (1.0 + expected.abs()),
                    "{head:?} {raw:?} {z}: {own} {expected}"
                );
            }
        }
    }

    fn row(head: &Head, raw: &[f64]) -> Predictive {
        let mut parameters = vec![0.0; head.outputs()];
        head.parameters(raw, UNIT, &mut parameters);
        let mut row = Predictive::new(head.family(), 1);
        row.set(0, &parameters, true);
        row
    }

    #[test]
    fn rows_are_summed_and_missing_targets_left_out() {
        for head in heads() {
            let width = head.outputs();
            let mut cases = cases(&head, 9);
            cases[2].1 = f64::NAN;
            cases[8].1 = f64::NAN;
            let raw: Vec<f64> = cases.iter().flat_map(|(raw, _)| raw.clone()).collect();
            let targets: Vec<f64> = cases.iter().map(|(_, z)| *z).collect();
            let mut d_raw = vec![2.0; raw.len()];
            let (sum, count) = head.log_probs(&raw, &targets, &[UNIT; 9], &mut d_raw);
            assert_eq!(count, 7);
            let (mut expected, mut d) = (0.0, vec![0.0; width]);
            for ((raw, z), own) in cases.iter().zip(d_raw.chunks_exact(width)) {
                if z.is_nan() {
                    assert!(own.iter().all(|own| *own == 2.0), "{head:?}");
                    continue;
                }
                expected += head.score(raw, UNIT, *z, &mut d);
                assert!(own.iter().zip(&d).all(|(own, d)| (own - (2.0 - d)).abs() < 1e-12), "{head:?}");
            }
            assert!((sum - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{head:?}: {sum}, not {expected}");
            // In single precision as far as that goes.
            let single: Vec<f32> = raw.iter().map(|x| *x as f32).collect();
            let mut d_single = vec![2.0_f32; raw.len()];
            let (sum, count) = head.log_probs(&single, &targets, &[UNIT; 9], &mut d_single);
            assert!(
                count == 7 && (sum - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                "{head:?}: {sum}, not {expected}"
            );
            let is_close = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() < 1e-3 * (1.0 + b.abs());
            assert!(d_single.iter().zip(&d_raw).all(is_close), "{head:?}");
        }
    }

    #[test]
    fn rows_begin_with_a_scale_of_one() {
        for head in heads() {
            let start = head.start();
            assert_eq!(start.len(), head.outputs());
            assert_eq!(head.family().width(), head.outputs());
            let row = row(&head, &start);
            let parameters = row.row(0).parameters().to_vec();
            let close = |own: f64, expected: f64| assert!((own - expected).abs() < 1e-2, "{head:?}: {parameters:?}");
            match &head {
                Head::Gaussian => close(parameters[1], 1.0 + UNIT.floor),
                Head::StudentT => {
                    close(parameters[1], 1.0 + UNIT.floor);
                    close(parameters[2], 7.1);
                }
                Head::Mixture { components } => {
                    for part in parameters.chunks_exact(3) {
                        close(part[0], 1.0 / *components as f64);
                        close(part[2], 1.0 + UNIT.floor);
                    }
                    close(row.row(0).mean(), 0.0);
                }
                Head::NegativeBinomial => {
                    close(parameters[0], UNIT.spread);
                    close(parameters[1], 1.0);
                }
                Head::Tokens(bins) => close(parameters[0], 1.0 / bins.len() as f64),
            }
        }
    }

    #[test]
    fn draws_have_the_moments_and_the_distribution_and_scores_of_mean_zero() {
        const N: usize = 8000;
        for head in heads() {
            let width = head.outputs();
            let mut raw = head.start();
            raw.iter_mut().zip([0.4, -0.3, 0.8, 0.2, -0.6, 0.5].iter().cycle()).for_each(|(raw, by)| *raw += by);
            let row = row(&head, &raw);
            let row = row.row(0);
            let mut rng = LaneRng::new(11, 4);
            let (mut d, mut by_draw) = (vec![0.0; width], vec![0.0; width]);
            let (mut draws, mut scores) = (Vec::new(), vec![[0.0; 2]; width]);
            for _ in 0..N {
                let z = head.draw(&raw, UNIT, &mut rng, &mut by_draw);
                let _ = head.score(&raw, UNIT, z, &mut d);
                scores.iter_mut().zip(&d).for_each(|([sum, squares], d)| {
                    *sum += d;
                    *squares += d * d;
                });
                draws.push(if head.is_of_counts() { UNIT.location + UNIT.spread * z } else { z });
            }
            let n = N as f64;
            // The bins' tails have a fourth power only just not: their moments are left to those of bins.
            if !head.has_tokens() {
                let mean = draws.iter().sum::<f64>() / n;
                let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
                let fourth = draws.iter().map(|x| (x - mean).powi(4)).sum::<f64>() / n;
                assert!((mean - row.mean()).abs() < 4.0 * row.std_dev() / n.sqrt(), "{head:?}: mean {mean}");
                let error = variance - row.std_dev().powi(2);
                assert!(error.abs() < 4.0 * (fourth / n).sqrt(), "{head:?}: variance {variance}");
            }
            for q in [0.05, 0.3, 0.5, 0.8, 0.95] {
                let edge = row.quantile(q);
                let below = draws.iter().filter(|x| **x <= edge + 1e-9).count() as f64 / n;
                let expected = row.cdf(edge);
                let sd = (expected * (1.0 - expected) / n).sqrt();
                assert!((below - expected).abs() < 4.0 * sd, "{head:?}: {below}, not {expected}, up to {edge}");
            }
            for (i, [sum, squares]) in scores.iter().enumerate() {
                assert!(sum.abs() < 4.0 * squares.sqrt() + 1e-9, "{head:?}: mean score {} of {i}", sum / n);
            }
        }
    }

    #[test]
    fn draws_have_their_derivative() {
        for head in heads() {
            for (lane, (raw, _)) in cases(&head, 50).into_iter().enumerate() {
                let draw = |raw: &[f64], d: &mut [f64]| head.draw(raw, UNIT, &mut LaneRng::new(5, lane as u64), d);
                let mut d = vec![f64::NAN; head.outputs()];
                let z = draw(&raw, &mut d);
                assert!(z.is_finite());
                if !head.is_pathwise() {
                    assert!(d.iter().all(|d| *d == 0.0), "{head:?}");
                    continue;
                }
                // The degrees of freedom are held.
                assert!(d[2..].iter().all(|d| *d == 0.0), "{head:?}");
                for i in 0..2 {
                    let at = |h: f64| {
                        let mut raw = raw.clone();
                        raw[i] += h;
                        draw(&raw, &mut vec![0.0; head.outputs()])
                    };
                    is_slope(d[i], at, &format!("a draw of {head:?} {raw:?}, raw number {i}"));
                }
            }
        }
    }

    #[test]
    fn a_negative_count_is_impossible_and_pulls_nowhere() {
        let mut d = [f64::NAN; 2];
        assert_eq!(Head::NegativeBinomial.score(&[0.5, 0.5], UNIT, -4.0, &mut d), f64::NEG_INFINITY);
        assert_eq!(d, [0.0; 2]);
    }
}
