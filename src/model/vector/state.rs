//! What a model knows of the lags, and what follows from it.
//!
//! The state after time t is the Gaussian distribution of (x_t, .., x_{t-p+1}). It begins at the last p times that are
//! known for all components, because nothing before them matters any more, and is then moved by Kalman's recursion over
//! the later times: predicted, and conditioned on whatever components are known (Lütkepohl 2005, section 18.3). So where
//! some series end before others, or miss a value near the end, their values are replaced by their exact conditional
//! distribution given everything known, the values of the other series at the same time included.

use std::collections::VecDeque;

use nalgebra::{DMatrix, DVector};

use super::var::Var;
use crate::data::batch::Batch;
use crate::error::{Error, Result};

/// The distribution of the last p vectors given all that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct VarState {
    /// The index of the next vector; 0 is the first training row.
    index: i64,
    /// x_t, .., x_{t-p+1}.
    mean: DVector<f64>,
    /// kp x r with root root' the covariance; r = 0 where all lags are known.
    root: DMatrix<f64>,
}

impl VarState {
    /// The index of the next vector.
    #[must_use]
    pub fn index(&self) -> i64 {
        self.index
    }

    /// The means of the lags, the latest vector first.
    #[must_use]
    pub fn mean(&self) -> &DVector<f64> {
        &self.mean
    }

    /// A root of the covariance of the lags; without columns where all are known.
    #[must_use]
    pub fn root(&self) -> &DMatrix<f64> {
        &self.root
    }

    /// Whether every lag is known.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.root.ncols() == 0
    }
}

/// The marginal distributions of the next h vectors: a row per component, a column per step.
#[derive(Debug, Clone, PartialEq)]
pub struct VarMarginals {
    /// The means.
    pub mean: DMatrix<f64>,
    /// The variances.
    pub variance: DMatrix<f64>,
}

impl Var {
    /// The state at the end of a context, whose lanes are the components.
    ///
    /// # Errors
    /// If there are no p consecutive times at which every component is known.
    ///
    /// # Panics
    /// If the context has another number of lanes than the model components, or its lanes do not stand on the same times.
    pub fn state(&self, context: &Batch) -> Result<VarState> {
        let (k, p) = (self.components(), self.order());
        assert_eq!(context.lanes(), k, "a lane per component");
        let start = context.start(0) - context.padding(0) as i64;
        let starts = (0..k).map(|lane| context.start(lane) - context.padding(lane) as i64);
        assert!(starts.into_iter().all(|other| other == start), "lanes on the same times");
        let end = self.last_known(context)?;
        let lags: Vec<f64> = (0..p).flat_map(|lag| context.row(end - 1 - lag).iter().copied()).collect();
        let mut filter = Filter {
            model: self,
            index: start + end as i64,
            mean: DVector::from_vec(lags),
            covariance: DMatrix::zeros(k * p, k * p),
        };
        (end..context.steps()).for_each(|step| filter.observe(context.row(step)));
        Ok(filter.state())
    }

    /// One past the last of p consecutive times that are known for all components; the end where p is 0.
    fn last_known(&self, context: &Batch) -> Result<usize> {
        let p = self.order();
        let mut run = 0;
        for step in (0..context.steps()).rev() {
            if run == p {
                break;
            }
            run = if context.row(step).iter().any(|x| x.is_nan()) { 0 } else { run + 1 };
            if run == p {
                return Ok(step + p);
            }
        }
        if p == 0 {
            return Ok(context.steps());
        }
        let what = if p == 1 {
            "no time at which every series is known".to_owned()
        } else {
            format!("no {p} consecutive times at which every series is known")
        };
        Err(Error::data(what)
            .expected(format!("the {p} lags of a VAR({p})"))
            .hint("fill the gaps, choose a smaller order, or leave out a series"))
    }

    /// The marginals of the next `horizon` vectors, exact. O(h k^3 p) time, O(h k) memory.
    #[must_use]
    pub fn marginals(&self, state: &VarState, horizon: usize) -> VarMarginals {
        let k = self.components();
        let (mut mean, mut variance) = (DMatrix::zeros(k, horizon), DMatrix::zeros(k, horizon));
        let mut lags: VecDeque<Vec<f64>> = state.mean.as_slice().chunks(k).map(<[f64]>::to_vec).collect();
        let mut responses = Responses::new(self, state);
        let mut spread = DVector::zeros(k);
        for step in 0..horizon {
            let next = self.mean(state.index + step as i64, |lag| &lags[lag - 1]);
            mean.set_column(step, &next);
            push(&mut lags, next.as_slice().to_vec(), self.order());
            let (shock, start) = responses.next();
            spread += squared_rows(&shock);
            variance.set_column(step, &(&spread + squared_rows(&start)));
        }
        VarMarginals { mean, variance }
    }

    /// The covariance of all next values together, (h k) square: step after step, the components inside. O((h k)^2 h) time.
    #[must_use]
    pub fn joint_covariance(&self, state: &VarState, horizon: usize) -> DMatrix<f64> {
        let k = self.components();
        let mut responses = Responses::new(self, state);
        let steps: Vec<(DMatrix<f64>, DMatrix<f64>)> = (0..horizon).map(|_| responses.next()).collect();
        let mut joint = DMatrix::zeros(horizon * k, horizon * k);
        for early in 0..horizon {
            for late in early..horizon {
                let mut block = &steps[early].1 * steps[late].1.transpose();
                for i in 0..=early {
                    block += &steps[i].0 * steps[i + late - early].0.transpose();
                }
                joint.view_mut((early * k, late * k), (k, k)).copy_from(&block);
                joint.view_mut((late * k, early * k), (k, k)).copy_from(&block.transpose());
            }
        }
        joint
    }
}

fn squared_rows(matrix: &DMatrix<f64>) -> DVector<f64> {
    DVector::from_iterator(matrix.nrows(), matrix.row_iter().map(|row| row.norm_squared()))
}

/// Puts the newest in front and keeps the last `order`.
fn push<T>(lags: &mut VecDeque<T>, newest: T, order: usize) {
    lags.push_front(newest);
    lags.truncate(order);
}

/// How the next vectors respond to the independent standard normal numbers behind them: those of the innovations of the
/// first step ahead (a later one acts as much later), and those of the uncertain lags.
struct Responses<'m> {
    model: &'m Var,
    shocks: VecDeque<DMatrix<f64>>,
    starts: VecDeque<DMatrix<f64>>,
    is_first: bool,
}

impl<'m> Responses<'m> {
    fn new(model: &'m Var, state: &VarState) -> Self {
        let k = model.components();
        let starts = (0..model.order()).map(|lag| state.root.rows(lag * k, k).into_owned()).collect();
        Self { model, shocks: VecDeque::new(), starts, is_first: true }
    }

    fn next(&mut self) -> (DMatrix<f64>, DMatrix<f64>) {
        let (k, p) = (self.model.components(), self.model.order());
        let shock = if self.is_first {
            self.model.root().clone()
        } else {
            self.model.respond(self.shocks.make_contiguous(), k)
        };
        self.is_first = false;
        let columns = self.starts.front().map_or(0, DMatrix::ncols);
        let start = self.model.respond(self.starts.make_contiguous(), columns);
        push(&mut self.shocks, shock.clone(), p);
        push(&mut self.starts, start.clone(), p);
        (shock, start)
    }
}

/// Kalman's filter over times that are not wholly known.
struct Filter<'m> {
    model: &'m Var,
    index: i64,
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

impl Filter<'_> {
    fn observe(&mut self, row: &[f64]) {
        if self.model.order() > 0 {
            self.predict();
            for (component, &x) in row.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
                self.condition(component, x);
            }
        }
        self.index += 1;
    }

    fn predict(&mut self) {
        let k = self.model.components();
        let f = self.model.companion();
        self.mean = &f * &self.mean;
        let mut newest = self.mean.rows_mut(0, k);
        newest += self.model.terms(self.index);
        self.covariance = &f * &self.covariance * f.transpose();
        let mut newest = self.covariance.view_mut((0, 0), (k, k));
        newest += self.model.covariance();
    }

    /// Conditions on one component of the latest vector, which is then known without error.
    fn condition(&mut self, component: usize, x: f64) {
        let variance = self.covariance[(component, component)];
        let gain = self.covariance.column(component) / variance;
        self.mean.axpy(x - self.mean[component], &gain, 1.0);
        self.covariance -= &gain * gain.transpose() * variance;
        self.mean[component] = x;
        self.covariance.row_mut(component).fill(0.0);
        self.covariance.column_mut(component).fill(0.0);
    }

    fn state(self) -> VarState {
        let root = root(self.covariance);
        VarState { index: self.index, mean: self.mean, root }
    }
}

/// A root of a positive semidefinite matrix, without the directions that have no variance.
fn root(covariance: DMatrix<f64>) -> DMatrix<f64> {
    if covariance.iter().all(|x| *x == 0.0) {
        return DMatrix::zeros(covariance.nrows(), 0);
    }
    let eigen = covariance.symmetric_eigen();
    let largest = eigen.eigenvalues.amax();
    let kept: Vec<usize> = (0..eigen.eigenvalues.len()).filter(|&i| eigen.eigenvalues[i] > 1e-15 * largest).collect();
    let mut root = eigen.eigenvectors.select_columns(&kept);
    for (mut column, &i) in root.column_iter_mut().zip(&kept) {
        column *= eigen.eigenvalues[i].sqrt();
    }
    root
}
