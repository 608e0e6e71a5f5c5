//! The objective of a problem, its maximum over several starts, and what is reported of it.

use nalgebra::DMatrix;

use super::dual::{Dual, Real, TANGENTS};
use super::ladder::{Adjoint, Ladder, reflections};
use super::prepare::{Prepared, Units, prepare};
use super::profile::{Profile, Tally};
use super::rows::Rows;
use super::shape::{Shape, Workspace};
use super::start::starts;
use super::sums::Sums;
use super::{ExactFit, ExactProblem, not_stationary};
use crate::error::{Error, Result};
use crate::math::kalman::{Concentrated, LagWeight};
use crate::math::optimise::{Minimum, Objective, minimise};

/// A plain autoregression with a reflection above this is maximised from every start.
const HARD: f64 = 0.97;
/// Below this sum of squares per value, in units of the series, what is left is rounding.
const EXACT: f64 = 1e-24;

/// The reduced data.
#[derive(Debug, Clone)]
enum Data {
    Sums(Sums),
    Rows(Rows),
}

/// The likelihood of a problem as a function of its free parameters.
#[derive(Debug, Clone)]
pub(super) struct Evaluator {
    shape: Shape,
    data: Data,
    /// Centred rows without gaps, for starts.
    filled: Vec<Vec<f64>>,
    units: Units,
    diffuse: f64,
    differences: Vec<LagWeight>,
}

/// The evaluator with its memory.
pub(super) struct Run<'a> {
    evaluator: &'a Evaluator,
    real: Workspace<f64>,
    dual: Workspace<Dual>,
}

impl Data {
    fn new(prepared: Prepared, shape: &Shape) -> Self {
        let (order, lags) = (shape.order(), shape.expanded_lags());
        let series = &prepared.series;
        let width = series[0].columns.len();
        let rows: usize = series.iter().map(|series| series.columns[0].len()).sum();
        let constant = width == 2 && series.iter().flat_map(|series| &series.columns[1]).all(is_one);
        let cheap = order * order < 2 * rows * (lags.len() + 1);
        if (width == 1 || constant) && cheap && series.iter().all(|series| series.gaps.is_empty()) {
            let responses: Vec<&[f64]> = series.iter().map(|series| series.columns[0].as_slice()).collect();
            Self::Sums(Sums::new(&responses, order, constant))
        } else {
            Self::Rows(Rows::new(prepared.series, lags))
        }
    }

    fn tally(&self) -> Tally {
        match self {
            Self::Sums(sums) => sums.tally(),
            Self::Rows(rows) => rows.tally(),
        }
    }

    fn evaluate<T: Real>(&self, ladder: &Ladder<T>, adjoint: &mut Adjoint<T>) -> Option<Profile<T>> {
        match self {
            Self::Sums(sums) => sums.evaluate(ladder, adjoint),
            Self::Rows(rows) => rows.evaluate(ladder, adjoint),
        }
    }
}

/// A constant column of mean square one is +-1; [`Sums`] has +1.
fn is_one(x: &f64) -> bool {
    (x - 1.0).abs() < 1e-12
}

impl Evaluator {
    pub(super) fn new(problem: &ExactProblem<'_>) -> Result<Self> {
        problem.structure.check()?;
        let columns = problem.series.first().map_or(0, |series| series.columns.len());
        for series in &problem.series {
            if series.columns.len() != columns || series.columns.iter().any(|x| x.len() != series.y.len()) {
                return Err(Error::usage("the regressors do not fit the series")
                    .expected("the same regressors for every series, each as long as its series"));
            }
        }
        let shape = Shape::new(&problem.structure);
        let prepared = prepare(&problem.series, &problem.structure, shape.order())?;
        let missing: usize = prepared.series.iter().map(|series| series.gaps.len()).sum();
        let rows = prepared.series.iter().map(|series| series.columns[0].len()).sum::<usize>() - missing;
        let needed = shape.parameters() + columns + 2;
        if rows < needed {
            return Err(Error::data(format!("{rows} values are too few for {} coefficients", needed - 2))
                .expected(format!("at least {needed} beyond those that the differences take"))
                .hint("choose a smaller order, fewer differences or fewer regressors"));
        }
        Ok(Self {
            filled: prepared.series.iter().map(|series| series.columns[0].clone()).collect(),
            units: prepared.units.clone(),
            diffuse: prepared.diffuse,
            data: Data::new(prepared, &shape),
            differences: problem.structure.difference_lags(),
            shape,
        })
    }

    pub(super) fn run(&self) -> Run<'_> {
        Run { evaluator: self, real: self.shape.workspace(), dual: self.shape.workspace() }
    }

    pub(super) fn maximise(&self) -> Result<ExactFit> {
        let mut run = self.run();
        let rows: Vec<&[f64]> = self.filled.iter().map(Vec::as_slice).collect();
        let mut best: Option<Minimum> = None;
        for start in starts(&self.shape, &rows) {
            if let Some(found) = minimise(&mut run, &start) {
                let better = best.as_ref().is_none_or(|best| found.value < best.value);
                best = if better { Some(found) } else { best };
            }
            let easy = |best: &Minimum| best.converged && best.z.iter().all(|z| z.abs() < HARD.atanh());
            if self.shape.is_plain() && best.as_ref().is_some_and(easy) {
                break;
            }
        }
        if self.shape.is_plain() && best.as_ref().is_some_and(|best| !best.converged) {
            let nested = order_by_order(&mut run, self.shape.parameters());
            best = best.into_iter().chain(nested).min_by(|a, b| a.value.total_cmp(&b.value));
        }
        let best = best.ok_or_else(|| {
            Error::numeric("the likelihood has no finite value")
                .hint("a regressor may only vary where values are missing")
        })?;
        run.report(&best)
    }

    pub(super) fn at(&self, phi: &[f64], seasonal_phi: &[f64]) -> Result<Concentrated> {
        assert_eq!((phi.len(), seasonal_phi.len()), (self.shape.lags().len(), self.shape.seasonal().0), "coefficients");
        let angles = |phi: &[f64]| Some(reflections(phi)?.iter().map(|r| r.atanh()).collect::<Vec<f64>>());
        let regular = if self.shape.is_full() { angles(phi) } else { Some(phi.to_vec()) };
        let mut z = regular.ok_or_else(not_stationary)?;
        z.extend(angles(seasonal_phi).ok_or_else(not_stationary)?);
        let mut space = self.shape.workspace();
        let profile = self.profile(&z, &mut space).ok_or_else(not_stationary)?;
        Ok(self.concentrated(&profile))
    }

    fn profile<T: Real>(&self, z: &[T], space: &mut Workspace<T>) -> Option<Profile<T>> {
        if !self.shape.place(z, space) {
            return None;
        }
        self.data.evaluate(&space.ladder, &mut space.adjoint)
    }

    /// In the units of the data.
    fn concentrated(&self, profile: &Profile<f64>) -> Concentrated {
        let rows = self.data.tally().rows;
        let n = rows as f64;
        let sigma2 = profile.sum_of_squares / n * self.units.scale * self.units.scale;
        // What white noise has too many goes with the determinant, so that both forms of the likelihood agree.
        let log_determinant = profile.log_determinant - 2.0 * self.diffuse;
        Concentrated {
            log_likelihood: -0.5 * (n * (std::f64::consts::TAU * sigma2).ln() + n + log_determinant),
            rows,
            sigma2,
            beta: self.units.beta(&profile.beta),
            log_determinant,
        }
    }
}

/// The first parameters, with all others zero.
struct Leading<'a, O> {
    objective: &'a mut O,
    all: usize,
}

impl<O: Objective> Leading<'_, O> {
    fn padded(&self, z: &[f64]) -> Vec<f64> {
        let mut all = z.to_vec();
        all.resize(self.all, 0.0);
        all
    }
}

impl<O: Objective> Objective for Leading<'_, O> {
    fn gradient(&mut self, z: &[f64]) -> Option<(f64, Vec<f64>)> {
        let (value, mut gradient) = self.objective.gradient(&self.padded(z))?;
        gradient.truncate(z.len());
        Some((value, gradient))
    }

    fn hessian(&mut self, z: &[f64]) -> Option<DMatrix<f64>> {
        let hessian = self.objective.hessian(&self.padded(z))?;
        Some(hessian.view((0, 0), (z.len(), z.len())).clone_owned())
    }
}

/// Every order from the maximum of the one below, so that none ends below those that it contains.
fn order_by_order(objective: &mut impl Objective, order: usize) -> Option<Minimum> {
    let mut best: Option<Minimum> = None;
    for width in 1..=order {
        let mut start = best.map_or_else(Vec::new, |best| best.z);
        start.resize(width, 0.0);
        best = Some(minimise(&mut Leading { objective: &mut *objective, all: order }, &start)?);
    }
    best
}

impl Objective for Run<'_> {
    fn gradient(&mut self, z: &[f64]) -> Option<(f64, Vec<f64>)> {
        let profile = self.evaluator.profile(z, &mut self.real)?;
        let gradient = self.evaluator.shape.pull(&mut self.real);
        let finite = profile.objective.is_finite() && gradient.iter().all(|g| g.is_finite());
        finite.then_some((profile.objective, gradient))
    }

    fn hessian(&mut self, z: &[f64]) -> Option<DMatrix<f64>> {
        let mut hessian = DMatrix::zeros(z.len(), z.len());
        for first in (0..z.len()).step_by(TANGENTS) {
            self.evaluator.profile(&Dual::seed(z, first), &mut self.dual)?;
            let gradient = self.evaluator.shape.pull(&mut self.dual);
            for (i, g) in gradient.iter().enumerate() {
                for (j, tangent) in (first..z.len()).zip(g.tangent) {
                    hessian[(i, j)] = tangent;
                }
            }
        }
        hessian.iter().all(|h| h.is_finite()).then(|| (&hessian + hessian.transpose()) * 0.5)
    }
}

impl Run<'_> {
    fn report(&mut self, best: &Minimum) -> Result<ExactFit> {
        let evaluator = self.evaluator;
        let profile = evaluator
            .profile(&best.z, &mut self.real)
            .ok_or_else(|| Error::numeric("the likelihood has no finite value at its maximum"))?;
        let at = evaluator.concentrated(&profile);
        if profile.sum_of_squares < EXACT * at.rows as f64 {
            return Err(Error::numeric("the series follows its own past without error: its likelihood has no maximum")
                .hint("choose a smaller order"));
        }
        let (phi, seasonal_phi) = self.real.coefficients();
        Ok(ExactFit {
            lags: evaluator.shape.lags().to_vec(),
            phi: phi.to_vec(),
            seasonal_phi: seasonal_phi.to_vec(),
            beta: at.beta,
            sigma2: at.sigma2,
            log_likelihood: at.log_likelihood,
            observations: at.rows,
            expanded: self.real.expanded().to_vec(),
            differences: evaluator.differences.clone(),
            converged: best.converged,
            iterations: best.iterations,
            gradient: best.slope,
            covariance: self.covariance(best, &profile),
        })
    }

    /// The inverse of the observed information of (phi, Phi, beta): that of the free parameters with beta concentrated
    /// out, carried over by the derivatives of the coefficients and of the best beta, and what beta varies given them.
    fn covariance(&mut self, best: &Minimum, profile: &Profile<f64>) -> Option<Vec<Vec<f64>>> {
        let (count, columns) = (best.z.len(), profile.beta.len());
        let rows = self.evaluator.data.tally().rows as f64;
        let free = (best.hessian.clone() * rows).cholesky()?.inverse();
        let mut slopes = DMatrix::zeros(count + columns, count);
        for first in (0..count).step_by(TANGENTS) {
            let at = self.evaluator.profile(&Dual::seed(&best.z, first), &mut self.dual)?;
            let (phi, seasonal) = self.dual.coefficients();
            for (i, value) in phi.iter().chain(seasonal).chain(&at.beta).enumerate() {
                for (j, tangent) in (first..count).zip(value.tangent) {
                    slopes[(i, j)] = tangent;
                }
            }
        }
        let mut joint = &slopes * free * slopes.transpose();
        let mut at = profile.information.iter();
        let mut information = DMatrix::zeros(columns, columns);
        for i in 0..columns {
            for j in 0..=i {
                information[(i, j)] = *at.next()?;
                information[(j, i)] = information[(i, j)];
            }
        }
        let given = information.cholesky()?.inverse() * (profile.sum_of_squares / rows);
        for i in 0..columns {
            for j in 0..columns {
                joint[(count + i, count + j)] += given[(i, j)];
            }
        }
        Some(self.evaluator.units.covariance(&joint, count))
    }
}
