//! A series: its name, its values in time order, and where they stand in time.

use std::ops::Range;

use super::timeline::Timeline;
use crate::error::{Error, Result};

/// One series x_1..x_n on a regular timeline. A missing value is NaN.
///
/// ```
/// use foretoken::Series;
///
/// let series = Series::new("nile", vec![1120.0, 1160.0, 963.0]);
/// assert_eq!(series.len(), 3);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    id: String,
    values: Vec<f64>,
    timeline: Timeline,
    covariates: Vec<Covariate>,
}

/// A further numeric column beside a series, one value per time; NaN where it is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariate {
    /// The column's name.
    pub name: String,
    /// One value per time of the series; longer than the series where the future is known.
    pub values: Vec<f64>,
}

impl Covariate {
    /// The positions of the first steps at which it is not known.
    pub fn unknown(&self, steps: usize) -> impl Iterator<Item = usize> + '_ {
        (0..steps).filter(|&step| !self.values.get(step).is_some_and(|x| x.is_finite()))
    }
}

impl Series {
    /// A series at the times 1, 2, ..., n.
    #[must_use]
    pub fn new(id: impl Into<String>, values: Vec<f64>) -> Self {
        let timeline = Timeline::integers(1, 1, values.len());
        Self { id: id.into(), values, timeline, covariates: Vec::new() }
    }

    /// The same series on another timeline.
    ///
    /// # Panics
    /// If the timeline has another length than the values.
    #[must_use]
    pub fn with_timeline(mut self, timeline: Timeline) -> Self {
        assert_eq!(timeline.len(), self.values.len(), "a timeline needs one time per value");
        self.timeline = timeline;
        self
    }

    /// The same series with further columns beside it.
    #[must_use]
    pub fn with_covariates(mut self, covariates: Vec<Covariate>) -> Self {
        self.covariates = covariates;
        self
    }

    /// Some consecutive rows, covariates included.
    ///
    /// # Panics
    /// If the range reaches beyond the values.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        let covariate =
            |column: &Covariate| Covariate { name: column.name.clone(), values: column.values[rows.clone()].to_vec() };
        let covariates = self.covariates.iter().map(covariate).collect();
        let values = self.values[rows.clone()].to_vec();
        Self { id: self.id.clone(), values, timeline: self.timeline.slice(rows.clone()), covariates }
    }

    /// The values from the last to the first, at the times 1, 2, ..: the series as seen from its end.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let backward = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
        let covariate = |column: &Covariate| Covariate {
            name: column.name.clone(),
            values: backward(&column.values[..self.len()]),
        };
        let covariates = self.covariates.iter().map(covariate).collect();
        Self::new(self.id.as_str(), backward(&self.values)).with_covariates(covariates)
    }

    /// The same series with only the named covariates, in that order.
    ///
    /// # Errors
    /// If it has no covariate of a name, or a covariate is not a number where the series has a time.
    pub fn select_covariates(&self, names: &[String]) -> Result<Self> {
        let select = |name: &String| {
            let found = self.covariates.iter().find(|covariate| covariate.name == *name);
            let covariate = found.ok_or_else(|| self.no_covariate(name))?;
            match covariate.unknown(self.len()).next() {
                Some(t) => Err(Error::data(format!("`{name}` is missing at {}", self.timeline.label(t as i64)))
                    .expected("a number wherever there is a time")
                    .hint("fill it in, or leave it out of --covariates")),
                None => Ok(covariate.clone()),
            }
        };
        let covariates = names.iter().map(select).collect::<Result<_>>()?;
        Ok(Self { covariates, ..self.clone() })
    }

    /// Writes values of the covariates, in their order, at a position, which may lie after the last value; NaN leaves what
    /// is there.
    #[cfg(feature = "frame")]
    pub(crate) fn set_covariates(&mut self, position: usize, values: &[f64]) {
        for (covariate, &x) in self.covariates.iter_mut().zip(values).filter(|(_, x)| !x.is_nan()) {
            if covariate.values.len() <= position {
                covariate.values.resize(position + 1, f64::NAN);
            }
            covariate.values[position] = x;
        }
    }

    fn no_covariate(&self, name: &str) -> Error {
        let names: Vec<&str> = self.covariates.iter().map(|covariate| covariate.name.as_str()).collect();
        let expected = if names.is_empty() { "further numeric columns".to_owned() } else { names.join(", ") };
        Error::usage(format!("there is no covariate `{name}`")).expected(expected)
    }

    /// The name; empty where the input has no id column.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The values in time order.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Where the values stand in time.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The further numeric columns.
    #[must_use]
    pub fn covariates(&self) -> &[Covariate] {
        &self.covariates
    }

    /// The number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
