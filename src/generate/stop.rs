//! When a path ends before its horizon, and when paths do.
//!
//! A path stops after the value that its rule names, and that value is its last. Its lane is stepped on with that value, since
//! lanes run in lockstep, but what comes out of it counts for nothing; once all paths have stopped, so does generation.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Paths;
use crate::error::{Error, Result};
use crate::predictive::{Distribution, Family};

/// A condition on a step (0 is the first ahead) and its value.
pub type Condition = Arc<dyn Fn(usize, f64) -> bool + Send + Sync>;

/// After which value a path stops.
///
/// ```
/// use std::sync::Arc;
///
/// use foretoken::generate::{Generation, Stop, generate};
/// use foretoken::model::naive::Naive;
/// use foretoken::{Batch, Covariates, Fit, Series};
///
/// let history = vec![5.0, 7.0, 6.0, 8.0];
/// let walk = Naive::RandomWalk { drift: true }.fit(&[Series::new("", history.clone())])?.model;
/// let what = Generation { stop: Stop::Above(10.5), ..Generation::mean(9) };
/// let path = generate(&walk, &Batch::single(&history, 0), &Covariates::none(), &what)?;
/// assert_eq!((path.len(0), path.stopped(0)), (3, true)); // 9, 10, 11
/// let even = Stop::When(Arc::new(|_, value| value % 2.0 == 0.0));
/// let path = generate(&walk, &Batch::single(&history, 0), &Covariates::none(), &Generation { stop: even, ..what })?;
/// assert_eq!(path.len(0), 2);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Clone, Default)]
pub enum Stop {
    /// At the horizon alone.
    #[default]
    Never,
    /// After a value above a threshold.
    Above(f64),
    /// After a value below a threshold.
    Below(f64),
    /// After a token: a symbol of a categorical model, a bin of a binned one.
    Token(usize),
    /// After a value for which a condition holds.
    When(Condition),
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("Never"),
            Self::Above(threshold) => f.debug_tuple("Above").field(threshold).finish(),
            Self::Below(threshold) => f.debug_tuple("Below").field(threshold).finish(),
            Self::Token(token) => f.debug_tuple("Token").field(token).finish(),
            Self::When(_) => f.write_str("When(..)"),
        }
    }
}

impl Stop {
    /// Whether a path stops after a value at a step, where the value came from `row`.
    pub(super) fn is_after(&self, step: usize, value: f64, row: &Distribution<'_>) -> bool {
        match self {
            Self::Never => false,
            Self::Above(threshold) => value > *threshold,
            Self::Below(threshold) => value < *threshold,
            Self::Token(token) => row.token(value) == Some(*token),
            Self::When(holds) => holds(step, value),
        }
    }

    /// What paths of one lane are ranked by: a sum of log densities, per value where a rule makes lengths differ.
    pub(super) fn ranking(&self, sum: f64, len: usize) -> f64 {
        if matches!(self, Self::Never) { sum } else { sum / len.max(1) as f64 }
    }

    /// # Errors
    /// If a model of this family never gives what the rule waits for.
    pub(super) fn check(&self, family: &Family) -> Result<()> {
        match (self, family) {
            (Self::Above(threshold) | Self::Below(threshold), _) if threshold.is_nan() => {
                Err(Error::usage("no value lies beyond a threshold that is not a number").expected("a threshold"))
            }
            (Self::Token(token), Family::Binned(_) | Family::Categorical { .. }) if *token < family.width() => Ok(()),
            (Self::Token(token), Family::Binned(_) | Family::Categorical { .. }) => {
                Err(Error::usage(format!("the model has no token {token}"))
                    .expected(format!("a token below {}", family.width())))
            }
            (Self::Token(_), _) => Err(Error::usage("a path of values without tokens cannot stop at a token")
                .expected("a model of tokens")
                .hint("stop at a value above or below a threshold")),
            _ => Ok(()),
        }
    }
}

/// After how many steps paths stopped: the first-passage time of a threshold or token.
///
/// Paths that reached the horizon are censored: of them it is known only that they did not stop by then. So there is no mean;
/// a quantile is known as long as enough paths have stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstPassage {
    counts: Vec<usize>,
    censored: usize,
}

impl FirstPassage {
    /// Of some lanes of the paths, for instance all paths of one series.
    ///
    /// # Panics
    /// If there are not as many lanes.
    #[must_use]
    pub fn of(paths: &Paths, lanes: Range<usize>) -> Self {
        let mut passage = Self { counts: vec![0; paths.horizon()], censored: 0 };
        for lane in lanes {
            let count =
                if paths.stopped(lane) { &mut passage.counts[paths.len(lane) - 1] } else { &mut passage.censored };
            *count += 1;
        }
        passage
    }

    /// How many paths stopped at each step: first those of one value, up to the horizon.
    #[must_use]
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// How many paths there are.
    #[must_use]
    pub fn paths(&self) -> usize {
        self.counts.iter().sum::<usize>() + self.censored
    }

    /// The share of paths that did not stop.
    #[must_use]
    pub fn censored(&self) -> f64 {
        self.censored as f64 / self.paths() as f64
    }

    /// The number of steps after which a share `level` in (0, 1] of all paths has stopped; `None` where fewer did by the
    /// horizon.
    #[must_use]
    pub fn quantile(&self, level: f64) -> Option<usize> {
        let needed = level * self.paths() as f64;
        let mut stopped = 0;
        let reaches = |count: &usize| {
            stopped += count;
            stopped > 0 && stopped as f64 >= needed
        };
        self.counts.iter().position(reaches).map(|step| step + 1)
    }
}
