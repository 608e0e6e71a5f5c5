//! What models read: many lanes in lockstep, time-major (row = step * lanes + lane).

use super::series::Series;
use crate::error::{Error, Result};

/// Values of several lanes over the same steps, time-major: the value of `lane` at `step` is
/// `values[step * lanes + lane]`.
///
/// Lanes of unequal length are aligned at their *ends*: a shorter lane has `padding` leading rows that stand for
/// "not started" and are never read. A missing value inside a lane is NaN. Every lane knows the index of its first
/// value relative to the first training value (index 0), so that trend and season continue where they should.
///
/// ```
/// use foretoken::Batch;
///
/// let batch = Batch::lanes_of(&[&[1.0, 2.0, 3.0], &[5.0]], &[0, 2]);
/// assert_eq!((batch.steps(), batch.lanes()), (3, 2));
/// assert_eq!(batch.row(2), &[3.0, 5.0]);
/// assert_eq!(batch.padding(1), 2);
/// assert_eq!(batch.end(1), 3);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    steps: usize,
    values: Vec<f64>,
    padding: Vec<usize>,
    start: Vec<i64>,
}

impl Batch {
    /// Lanes from slices; `start[lane]` is the index of each lane's first value.
    ///
    /// # Panics
    /// If `start` has another length than `lanes`, or there is no lane.
    #[must_use]
    pub fn lanes_of(lanes: &[&[f64]], start: &[i64]) -> Self {
        assert!(!lanes.is_empty() && lanes.len() == start.len(), "a batch needs one start per lane, and a lane");
        let steps = lanes.iter().map(|lane| lane.len()).max().unwrap_or(0);
        let padding: Vec<usize> = lanes.iter().map(|lane| steps - lane.len()).collect();
        let mut values = vec![f64::NAN; steps * lanes.len()];
        for (l, (lane, &pad)) in lanes.iter().zip(&padding).enumerate() {
            for (t, &x) in lane.iter().enumerate() {
                values[(pad + t) * lanes.len() + l] = x;
            }
        }
        Self { steps, values, padding, start: start.to_vec() }
    }

    /// One lane that begins at index `start`.
    #[must_use]
    pub fn single(values: &[f64], start: i64) -> Self {
        Self { steps: values.len(), values: values.to_vec(), padding: vec![0], start: vec![start] }
    }

    /// Lanes without any value yet; `start[lane]` is the index of the first value to come.
    ///
    /// # Panics
    /// If there is no lane.
    #[must_use]
    pub fn empty(start: &[i64]) -> Self {
        assert!(!start.is_empty(), "a batch needs a lane");
        Self { steps: 0, values: Vec::new(), padding: vec![0; start.len()], start: start.to_vec() }
    }

    /// One lane per series, each from its own index 0.
    ///
    /// # Panics
    /// If there is no series.
    #[must_use]
    pub fn of_series(series: &[Series]) -> Self {
        let lanes: Vec<&[f64]> = series.iter().map(Series::values).collect();
        Self::lanes_of(&lanes, &vec![0; lanes.len()])
    }

    /// The number of steps, padding included.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The number of lanes.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.start.len()
    }

    /// The values of one step, one per lane; NaN where missing or not started.
    #[must_use]
    pub fn row(&self, step: usize) -> &[f64] {
        &self.values[step * self.lanes()..(step + 1) * self.lanes()]
    }

    /// All values, time-major.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many leading rows of the lane stand for "not started".
    #[must_use]
    pub fn padding(&self, lane: usize) -> usize {
        self.padding[lane]
    }

    /// The longest run of missing values at the end of a lane.
    #[must_use]
    pub fn unknown_end(&self) -> usize {
        let run = |lane: usize| self.lane(lane).rev().take_while(|x| x.is_nan()).count();
        (0..self.lanes()).map(run).max().unwrap_or(0)
    }

    /// The first steps; a lane that has not started by then is empty.
    ///
    /// # Panics
    /// If there are fewer steps.
    #[must_use]
    pub fn before(&self, steps: usize) -> Self {
        Self {
            steps,
            values: self.values[..steps * self.lanes()].to_vec(),
            padding: self.padding.iter().map(|&padding| padding.min(steps)).collect(),
            start: self.start.clone(),
        }
    }

    /// The values of one lane after its padding.
    pub fn lane(&self, lane: usize) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator + '_ {
        (self.padding[lane]..self.steps).map(move |step| self.values[step * self.lanes() + lane])
    }

    /// The index of the lane's first value.
    #[must_use]
    pub fn start(&self, lane: usize) -> i64 {
        self.start[lane]
    }

    /// The index just after the lane's last value: where the next one will stand.
    #[must_use]
    pub fn end(&self, lane: usize) -> i64 {
        self.start[lane] + (self.steps - self.padding[lane]) as i64
    }

    /// The index just after the last value of every lane.
    #[must_use]
    pub fn ends(&self) -> Vec<i64> {
        (0..self.lanes()).map(|lane| self.end(lane)).collect()
    }
}

/// Covariates of all lanes over a range of steps, known ahead of time: from the first step of a context to as far
/// into the future as they are known. Time-major, `width` values per lane and step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Covariates {
    width: usize,
    lanes: usize,
    values: Vec<f64>,
}

impl Covariates {
    /// No covariates at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// `width` covariates for `lanes` lanes; `values[(step * lanes + lane) * width + column]`.
    ///
    /// # Panics
    /// If the values do not fill whole steps.
    #[must_use]
    pub fn new(width: usize, lanes: usize, values: Vec<f64>) -> Self {
        assert!(width * lanes > 0 && values.len().is_multiple_of(width * lanes), "covariates need whole steps");
        Self { width, lanes, values }
    }

    /// The covariates of one series, as far as all of them go.
    #[must_use]
    pub fn of_series(series: &Series) -> Self {
        let columns = series.covariates();
        let steps = columns.iter().map(|column| column.values.len()).min().unwrap_or(0);
        if steps == 0 {
            return Self::none();
        }
        let row = |step: usize| columns.iter().map(move |column| column.values[step]);
        Self::new(columns.len(), 1, (0..steps).flat_map(row).collect())
    }

    /// How many covariates there are per lane and step.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// For how many steps they are known.
    #[must_use]
    pub fn steps(&self) -> usize {
        if self.width == 0 { 0 } else { self.values.len() / (self.width * self.lanes) }
    }

    /// The covariates of one step. Without covariates, an empty row for every step.
    #[must_use]
    pub fn row(&self, step: usize) -> Rows<'_> {
        let per_step = self.width * self.lanes;
        Rows { width: self.width, values: &self.values[step * per_step..(step + 1) * per_step] }
    }

    /// # Errors
    /// If there are covariates, and they are not known at each of the first steps.
    pub(crate) fn check_reach(&self, steps: usize) -> Result<()> {
        if self.width == 0 {
            return Ok(());
        }
        let known = (0..self.steps().min(steps)).take_while(|&step| self.row(step).all().iter().all(|x| x.is_finite()));
        let known = known.count();
        if known == steps {
            return Ok(());
        }
        Err(Error::usage(format!("a covariate is missing at step {} of {steps}", known + 1))
            .expected("covariates of the context and of every step ahead"))
    }

    /// Some steps of covariates whose lane i is lane `parents[i]`.
    pub(crate) fn fork(&self, steps: std::ops::Range<usize>, parents: &[usize]) -> Self {
        if self.width == 0 {
            return Self::none();
        }
        let rows = steps.map(|step| self.row(step));
        let values = rows.flat_map(|row| parents.iter().flat_map(move |&lane| row.lane(lane))).copied().collect();
        Self { width: self.width, lanes: parents.len(), values }
    }

    /// The covariates from `step` on.
    #[must_use]
    pub fn after(&self, step: usize) -> Self {
        let skip = (step * self.width * self.lanes).min(self.values.len());
        Self { width: self.width, lanes: self.lanes, values: self.values[skip..].to_vec() }
    }
}

/// The covariates of one step: `width` values for each lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a> {
    width: usize,
    values: &'a [f64],
}

impl<'a> Rows<'a> {
    /// No covariates.
    #[must_use]
    pub fn none() -> Self {
        Self { width: 0, values: &[] }
    }

    /// The covariates of all lanes, one lane after the other.
    #[must_use]
    pub fn all(&self) -> &'a [f64] {
        self.values
    }

    /// The covariates of one lane.
    #[must_use]
    pub fn lane(&self, lane: usize) -> &'a [f64] {
        &self.values[lane * self.width..(lane + 1) * self.width]
    }
}
