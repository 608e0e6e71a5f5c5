//! The exact filter of a possibly integrated autoregression: every conditional given the known values, with missing ones
//! integrated out.
//!
//! ```text
//! phi(B) delta(B) u_t = e_t,   e_t ~ N(0, sigma^2)      pi(B) = phi(B) delta(B) = 1 - sum_i pi_i B^i, order r
//! mean      mu_t = sum_i pi_i m_{t-i}                   m_{t-i}: the value, or its mean given what is known
//! variance  F_t = 1 + pi' P pi                          in units of sigma^2; P: covariance of the last r values
//! known     m += P pi (u_t - mu_t) / F_t,   P -= P pi pi' P / F_t,   then u_t enters with variance zero
//! missing   u_t enters with mean mu_t, variance F_t and covariances P pi
//! ```
//!
//! The state is the last r = p + d + mD values, so that the transition only shifts, and P is held for the *unknown* of
//! them: a step costs O(r + k^2) with k of the last r values unknown. After r known values in a row nothing is unknown,
//! F is exactly 1 and a step is the plain recursion.
//!
//! Before the first value, delta(B) u is stationary and the r - p oldest values a are diffuse: P = kappa B B' + P*, kappa ->
//! infinity (Durbin and Koopman 2012, *Time Series Analysis by State Space Methods*, section 5.2, with the diffuse part
//! as a factor). Here B = N Q: N says what each value is of a, and follows delta(B) N = 0, in whole numbers and so without
//! rounding; Q holds orthonormal directions of a that nothing has determined. A row whose prediction has a diffuse part has
//! no density; a known value there determines one direction, which a reflection takes out of Q. So whether n' Q vanishes is
//! told from rounding by the length of n, however many directions are left. R's `arima` has kappa = 1e6 instead and agrees
//! to about 1e-6 in the log-likelihood for d > 0, for d = 0 to rounding.
//!
//! ```
//! use std::sync::Arc;
//! use foretoken::math::kalman::{Filter, Process};
//!
//! let mut filter = Filter::new(Arc::new(Process::new(&[0.5], &[])?));
//! assert!((filter.predict().variance - 1.0 / 0.75).abs() < 1e-12);
//! filter.observe(2.0);
//! assert_eq!(filter.predict().mean, 1.0);
//! filter.observe(f64::NAN);
//! let next = filter.predict();
//! assert_eq!((next.mean, next.variance), (0.5, 1.25));
//! # Ok::<(), foretoken::Error>(())
//! ```

mod likelihood;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use nalgebra::DMatrix;

pub(super) use self::likelihood::determinant;
pub use self::likelihood::{Concentrated, Observed, log_likelihood};
use super::exact::autocovariances;
use super::kernels::add_scaled;
use crate::error::{Error, Result};

/// A lag of a difference operator and its weight in u_t = sum of weight * u_{t-lag} + w_t.
pub type LagWeight = (usize, f64);

/// Below this share of the whole what is left of it is rounding.
pub(super) const DIFFUSE_TOLERANCE: f64 = 1e-9;

/// The lags of (1 - B)^d (1 - B^m)^D and their weights, ascending.
///
/// # Panics
/// If D > 0 and the period is zero.
#[must_use]
pub fn difference_lags(regular: usize, seasonal: usize, period: usize) -> Vec<LagWeight> {
    assert!(seasonal == 0 || period > 0, "seasonal differences need a period");
    let mut polynomial = vec![1.0];
    for lag in std::iter::repeat_n(1, regular).chain(std::iter::repeat_n(period, seasonal)) {
        let mut next = polynomial.clone();
        next.resize(polynomial.len() + lag, 0.0);
        for (i, coefficient) in polynomial.iter().enumerate() {
            next[i + lag] -= coefficient;
        }
        polynomial = next;
    }
    let weights = polynomial.into_iter().enumerate().skip(1);
    weights.filter(|&(_, coefficient)| coefficient != 0.0).map(|(lag, coefficient)| (lag, -coefficient)).collect()
}

/// phi(B) delta(B) u_t = e_t, and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// pi_1..pi_r.
    pi: Vec<f64>,
    /// The lags with pi != 0.
    terms: Vec<LagWeight>,
    /// P* of the values before the first, by lag (r x r).
    start: DMatrix<f64>,
    /// The number of diffuse values before the first.
    lead: usize,
    /// N of the values before the first, by lag (r x lead).
    diffuse: DMatrix<f64>,
    /// The recursion that N follows.
    differences: Vec<LagWeight>,
}

impl Process {
    /// The process of stationary coefficients phi_1..phi_p and a difference operator (see [`difference_lags`]).
    /// O(r^3) once.
    ///
    /// # Errors
    /// If phi is not stationary.
    pub fn new(phi: &[f64], differences: &[LagWeight]) -> Result<Self> {
        let covariances = autocovariances(phi).ok_or_else(not_stationary)?;
        let (p, lead) = (phi.len(), differences.last().map_or(0, |&(lag, _)| lag));
        let r = p + lead;
        let mut pi = vec![0.0; r];
        pi[..p].copy_from_slice(phi);
        for &(lag, weight) in differences {
            pi[lag - 1] += weight;
            for (i, phi) in (lag..).zip(phi) {
                pi[i] -= weight * phi;
            }
        }
        let terms = (1..).zip(pi.iter().copied()).filter(|&(_, pi)| pi != 0.0).collect();
        // Rows by lag: the value i steps before the first, as a combination of the w (p columns, lag 1..p) and of the
        // diffuse values (lags p+1..r).
        let mut from_w = DMatrix::zeros(r, p);
        let mut diffuse = DMatrix::zeros(r, lead);
        for j in 0..lead {
            diffuse[(p + j, j)] = 1.0;
        }
        for i in (0..p).rev() {
            from_w[(i, i)] = 1.0;
            for &(lag, weight) in differences {
                for j in 0..p {
                    from_w[(i, j)] += weight * from_w[(i + lag, j)];
                }
                for j in 0..lead {
                    diffuse[(i, j)] += weight * diffuse[(i + lag, j)];
                }
            }
        }
        let gamma = DMatrix::from_fn(p, p, |i, j| covariances[i.abs_diff(j)]);
        let start = &from_w * gamma * from_w.transpose();
        Ok(Self { pi, terms, start, lead, diffuse, differences: differences.to_vec() })
    }

    /// The recursion u_t = sum of weight * u_{t-lag} + e_t, stationary or not, of whose start nothing is known.
    #[must_use]
    pub fn free(recursion: &[LagWeight]) -> Self {
        let r = recursion.last().map_or(0, |&(lag, _)| lag);
        let mut pi = vec![0.0; r];
        recursion.iter().for_each(|&(lag, weight)| pi[lag - 1] = weight);
        let (start, diffuse) = (DMatrix::zeros(r, r), DMatrix::identity(r, r));
        Self { pi, terms: recursion.to_vec(), start, lead: r, diffuse, differences: recursion.to_vec() }
    }

    /// r: how many known values in a row settle the filter.
    #[must_use]
    pub fn order(&self) -> usize {
        self.pi.len()
    }

    /// psi_0..psi_{h-1}: what an innovation adds to the values after it.
    #[must_use]
    pub fn psi_weights(&self, horizon: usize) -> Vec<f64> {
        let mut psi: Vec<f64> = Vec::with_capacity(horizon);
        for j in 0..horizon {
            let carried: f64 =
                self.terms.iter().filter(|&&(lag, _)| lag <= j).map(|&(lag, pi)| pi * psi[j - lag]).sum();
            psi.push(if j == 0 { 1.0 } else { carried });
        }
        psi
    }
}

pub(super) fn not_stationary() -> Error {
    Error::numeric("the autoregressive coefficients are not stationary")
        .expected("all roots of 1 - sum phi_i z^i outside the unit circle")
        .hint("a level far from zero needs a term (--trend c), a level that wanders differences (--difference 1)")
}

/// A value before it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Its mean; for a diffuse row that with every undetermined starting value at zero.
    pub mean: f64,
    /// Its variance in units of sigma^2, at least 1; for a diffuse row the finite part.
    pub variance: f64,
    /// Whether it depends on a starting value that nothing has determined: no density.
    pub diffuse: bool,
}

/// The joint distribution of the next values.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    /// Their means.
    pub mean: Vec<f64>,
    /// A factor of their covariance in units of sigma^2.
    pub factor: Factor,
    /// Whether any of them is diffuse: then the factor is that of the finite part.
    pub diffuse: bool,
}

/// The factor L of a covariance L L'.
#[derive(Debug, Clone, PartialEq)]
pub enum Factor {
    /// L_{ji} = psi_{j-i}.
    Toeplitz(Vec<f64>),
    /// Lower triangular, row by row: L_{ji} at `j (j + 1) / 2 + i`.
    Lower(Vec<f64>),
}

/// What is uncertain about the last r values: the part of the filter that does not depend on what the values are.
///
/// Values are held by slot, t mod r, so that a step moves nothing.
#[derive(Debug, Clone)]
struct Spread {
    process: Arc<Process>,
    /// The number of values seen.
    time: usize,
    /// The slots of unknown values, oldest first.
    unknown: Vec<usize>,
    /// P* by slot; only rows and columns of unknown slots hold anything.
    covariance: Vec<f64>,
    /// N by slot, r x lead, while `rank` > 0.
    diffuse: Vec<f64>,
    /// Q, lead x lead; the first `rank` columns hold something.
    free: Vec<f64>,
    rank: usize,
    next: Next,
}

/// What is uncertain about the next value.
#[derive(Debug, Clone)]
struct Next {
    /// Its covariance with each slot.
    covariance: Vec<f64>,
    /// Its row n of N.
    diffuse: Vec<f64>,
    /// n' Q.
    free: Vec<f64>,
    variance: f64,
    is_diffuse: bool,
    /// What a known value adds to each slot per unit of its innovation.
    gain: Vec<f64>,
}

impl Spread {
    fn new(process: Arc<Process>) -> Self {
        let (r, lead) = (process.order(), process.lead);
        let mut spread = Self {
            time: 0,
            unknown: (0..r).collect(),
            covariance: vec![0.0; r * r],
            diffuse: vec![0.0; r * lead],
            free: DMatrix::<f64>::identity(lead, lead).as_slice().to_vec(),
            rank: lead,
            next: Next {
                covariance: vec![0.0; r],
                diffuse: vec![0.0; lead],
                free: vec![0.0; lead],
                variance: 1.0,
                is_diffuse: false,
                gain: vec![0.0; r],
            },
            process,
        };
        // The value i steps before the first lies in slot r - i.
        for i in 0..r {
            for j in 0..r {
                spread.covariance[(r - 1 - i) * r + r - 1 - j] = spread.process.start[(i, j)];
            }
            for j in 0..lead {
                spread.diffuse[(r - 1 - i) * lead + j] = spread.process.diffuse[(i, j)];
            }
        }
        spread.predict();
        spread
    }

    /// Forgets what is unknown.
    fn settle(&mut self) {
        self.unknown.clear();
        self.rank = 0;
        self.determine();
        self.predict();
    }

    /// The slot of the next value, and of the value that leaves for it.
    fn slot(&self) -> usize {
        if self.process.order() == 0 { 0 } else { self.time % self.process.order() }
    }

    /// pi at the lag that a slot has for the next value.
    fn pi(&self, slot: usize) -> f64 {
        let (r, next) = (self.process.order(), self.slot());
        self.process.pi[(next + r - slot - 1) % r]
    }

    /// Sets what is known of the next value.
    fn predict(&mut self) {
        let r = self.process.order();
        let mut variance = 0.0;
        for &i in &self.unknown {
            let row = &self.covariance[i * r..(i + 1) * r];
            let sum: f64 = self.unknown.iter().map(|&j| row[j] * self.pi(j)).sum();
            self.next.covariance[i] = sum;
            variance += sum * self.pi(i);
        }
        self.next.variance = 1.0 + variance.max(0.0);
        self.next.is_diffuse = self.rank > 0 && self.predict_diffuse();
    }

    /// Sets what the next value is of the diffuse ones; whether nothing has determined it.
    fn predict_diffuse(&mut self) -> bool {
        let (r, lead, slot) = (self.process.order(), self.process.lead, self.slot());
        self.next.diffuse.fill(0.0);
        for &(lag, weight) in &self.process.differences {
            let from = (slot + r - lag) % r * lead;
            add_scaled(&mut self.next.diffuse, weight, &self.diffuse[from..from + lead]);
        }
        self.next.free.fill(0.0);
        for (n, directions) in self.next.diffuse.iter().zip(self.free.chunks_exact(lead)) {
            add_scaled(&mut self.next.free[..self.rank], *n, &directions[..self.rank]);
        }
        let [free, whole] = [&self.next.free, &self.next.diffuse].map(|x| norm(x));
        // Not a number is not known either.
        free > DIFFUSE_TOLERANCE * whole || free.is_nan()
    }

    /// Takes the next value in, known or missing; for a known one, `gain` then says how the others move with it.
    fn advance(&mut self, known: bool) {
        let next = self.slot();
        if known {
            if self.next.is_diffuse { self.condition_diffuse() } else { self.condition() }
        }
        if self.unknown.first() == Some(&next) {
            self.unknown.remove(0);
        }
        if !known && self.process.order() > 0 {
            self.append(next);
        }
        if self.rank > 0 {
            let lead = self.process.lead;
            self.diffuse[next * lead..(next + 1) * lead].copy_from_slice(&self.next.diffuse);
        }
        self.time += 1;
        self.predict();
    }

    /// Given the next value: P -= c c' / F.
    fn condition(&mut self) {
        let r = self.process.order();
        for &i in &self.unknown {
            self.next.gain[i] = self.next.covariance[i] / self.next.variance;
            for &j in &self.unknown {
                self.covariance[i * r + j] -= self.next.gain[i] * self.next.covariance[j];
            }
        }
    }

    /// Given a diffuse next value: one direction is determined (Durbin and Koopman 2012, eq. 5.13 and 5.18).
    fn condition_diffuse(&mut self) {
        let (r, lead) = (self.process.order(), self.process.lead);
        let f = &self.next.free[..self.rank];
        let length = norm(f);
        // Q f / f'f.
        let along: Vec<f64> =
            self.free.chunks_exact(lead).map(|directions| dot(directions, f) / (length * length)).collect();
        for &i in &self.unknown {
            self.next.gain[i] = dot(&self.diffuse[i * lead..(i + 1) * lead], &along);
        }
        let (gain, c) = (&self.next.gain, &self.next.covariance);
        for &i in &self.unknown {
            for &j in &self.unknown {
                self.covariance[i * r + j] += gain[i] * gain[j] * self.next.variance - gain[i] * c[j] - c[i] * gain[j];
            }
        }
        self.reflect(length);
    }

    /// Q without the direction f: a Householder reflection takes f to the first column, which leaves.
    fn reflect(&mut self, length: f64) {
        let (lead, rank) = (self.process.lead, self.rank);
        let mut v = self.next.free[..rank].to_vec();
        v[0] += length.copysign(v[0]);
        let square = dot(&v, &v);
        for row in self.free.chunks_exact_mut(lead) {
            let row = &mut row[..rank];
            let along = 2.0 * dot(row, &v) / square;
            add_scaled(row, -along, &v);
            row.copy_within(1.., 0);
        }
        self.rank -= 1;
        if self.rank == 0 {
            self.determine();
        }
    }

    /// Every starting value is determined: N and Q, which lanes would copy, are not needed any more.
    fn determine(&mut self) {
        (self.diffuse, self.free) = (Vec::new(), Vec::new());
    }

    /// The missing next value becomes the newest unknown one.
    fn append(&mut self, slot: usize) {
        let r = self.process.order();
        for &i in &self.unknown {
            self.covariance[i * r + slot] = self.next.covariance[i];
            self.covariance[slot * r + i] = self.next.covariance[i];
        }
        self.covariance[slot * r + slot] = self.next.variance;
        self.unknown.push(slot);
    }

    /// mu of the next value for means held by slot.
    fn mean(&self, means: &[f64]) -> f64 {
        let (r, next) = (self.process.order(), self.slot());
        let value = |lag: usize| means[if lag <= next { next - lag } else { next + r - lag }];
        self.process.terms.iter().map(|&(lag, pi)| pi * value(lag)).sum()
    }

    /// Moves means with the innovation of a known value; to be called after [`Spread::advance`] with the slot before it.
    fn update(&self, means: &mut [f64], slot: usize, value: f64, innovation: f64) {
        for &i in &self.unknown {
            means[i] += self.next.gain[i] * innovation;
        }
        if let Some(mean) = means.get_mut(slot) {
            *mean = value;
        }
    }
}

/// The filter of one series: its state after the values so far.
#[derive(Debug, Clone)]
pub struct Filter {
    spread: Spread,
    means: Vec<f64>,
}

impl Filter {
    /// Before the first value.
    #[must_use]
    pub fn new(process: Arc<Process>) -> Self {
        Self { means: vec![0.0; process.order()], spread: Spread::new(process) }
    }

    /// After some last values, the latest first, and nothing known of those before them beyond what the process says.
    #[must_use]
    pub fn after(process: Arc<Process>, lags: &[f64]) -> Self {
        let mut filter = Self::new(process);
        if lags.len() >= filter.means.len() {
            // Known lags leave nothing unknown: what happened before them does not matter.
            filter.spread.settle();
        }
        lags.iter().rev().for_each(|&u| filter.observe(u));
        filter
    }

    /// The distribution of the next value given all known ones.
    #[must_use]
    pub fn predict(&self) -> Prediction {
        let next = &self.spread.next;
        Prediction { mean: self.spread.mean(&self.means), variance: next.variance, diffuse: next.is_diffuse }
    }

    /// Takes the next value; NaN for a missing one.
    pub fn observe(&mut self, u: f64) {
        let mean = self.spread.mean(&self.means);
        let slot = self.spread.slot();
        if u.is_nan() {
            self.spread.advance(false);
            if let Some(to) = self.means.get_mut(slot) {
                *to = mean;
            }
        } else {
            self.spread.advance(true);
            self.spread.update(&mut self.means, slot, u, u - mean);
        }
    }

    /// Whether the last r values are all known: predictions have variance 1 until a value is missing.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.spread.unknown.is_empty()
    }

    /// The joint distribution of the next `horizon` values. O(h r) for a settled filter, else O(h^3 + h k^2).
    #[must_use]
    pub fn ahead(&self, horizon: usize) -> Ahead {
        let mut future = self.clone();
        let psi = self.spread.process.psi_weights(horizon);
        let mean: Vec<f64> = (0..horizon)
            .map(|_| {
                let mean = future.spread.mean(&future.means);
                let slot = future.spread.slot();
                future.spread.time += 1;
                if let Some(to) = future.means.get_mut(slot) {
                    *to = mean;
                }
                mean
            })
            .collect();
        if self.is_settled() {
            return Ahead { mean, factor: Factor::Toeplitz(psi), diffuse: false };
        }
        let diffuse = self.spread.rank > 0 && self.spread.is_diffuse_ahead(horizon);
        Ahead { mean, factor: self.spread.factor_ahead(&psi), diffuse }
    }
}

impl Spread {
    /// The factor of Psi Psi' + M P M', M: what each unknown value adds to the values ahead.
    fn factor_ahead(&self, psi: &[f64]) -> Factor {
        let (r, h) = (self.process.order(), psi.len());
        let mut carried = DMatrix::zeros(h, self.unknown.len());
        for (column, &slot) in self.unknown.iter().enumerate() {
            let age = (self.slot() + r - slot - 1) % r + 1;
            for j in 0..h {
                let earlier = |lag: usize| match lag {
                    lag if lag <= j => carried[(j - lag, column)],
                    lag => f64::from(u8::from(lag - j == age)),
                };
                carried[(j, column)] = self.process.terms.iter().map(|&(lag, pi)| pi * earlier(lag)).sum();
            }
        }
        let k = self.unknown.len();
        let covariance = DMatrix::from_fn(k, k, |i, j| self.covariance[self.unknown[i] * r + self.unknown[j]]);
        let moving = DMatrix::from_fn(h, h, |i, j| if i >= j { psi[i - j] } else { 0.0 });
        let joint = &moving * moving.transpose() + &carried * covariance * carried.transpose();
        // Psi Psi' has determinant one: the sum is positive definite unless rounding drowned the innovations.
        let lower = joint.cholesky().map_or(moving, |factor| factor.unpack());
        let rows = (0..h).flat_map(|j| (0..=j).map(move |i| (j, i))).map(|at| lower[at]).collect();
        Factor::Lower(rows)
    }

    /// Whether any of the next values depends on a starting value that nothing has determined.
    fn is_diffuse_ahead(&self, horizon: usize) -> bool {
        let mut future = self.clone();
        (0..horizon).any(|_| {
            let is_diffuse = future.next.is_diffuse;
            future.advance(false);
            is_diffuse
        })
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}
