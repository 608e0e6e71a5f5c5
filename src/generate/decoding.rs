//! Decoding: how a conditional becomes the value that is fed back.
//!
//! All of it happens in the model's own units, before the outer map: the mode of log prices is not the log of the mode of
//! prices. What each strategy keeps of a row, and of what it is a draw, is said in [`crate::predictive`].
//!
//! ```text
//! value              strategy                      log_q
//! fixed by the past  mean, median, greedy, beam    0: the path is the only one
//! drawn step by step sample, top-k, nucleus, ..    sum of the log densities that the values were drawn from
//! drawn and chosen   best-of-n                     as sample: the density before the choice, which has no closed form
//! ```

use crate::error::{Error, Result};
use crate::math::random::LaneRng;
use crate::predictive::{Distribution, Draw, Family, Sampler, Truncation};

/// What top-k keeps where nothing else is said.
pub const DEFAULT_TOP_K: usize = 50;
/// The mass of a nucleus, or of typical values, where nothing else is said.
pub const DEFAULT_TOP_P: f64 = 0.9;
/// The width of a beam where nothing else is said.
pub const DEFAULT_BEAM_WIDTH: usize = 16;

/// How conditionals become a path. A temperature T draws from densities proportional to p^(1/T): 1 is the model itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoding {
    /// The conditional mean at every step.
    Mean,
    /// The conditional median at every step.
    Median,
    /// The conditional mode at every step.
    Greedy,
    /// A draw from the conditional: ancestral sampling, so that a path is a draw from the joint distribution.
    Sample {
        /// T.
        temperature: f64,
    },
    /// A draw from the k most probable tokens or the k densest of 256 cells of equal mass.
    TopK {
        /// k, counted after tempering.
        k: usize,
        /// T.
        temperature: f64,
    },
    /// A draw from the densest region of a mass.
    Nucleus {
        /// The mass, in (0, 1], counted after tempering.
        mass: f64,
        /// T.
        temperature: f64,
    },
    /// A draw from the values whose surprisal is closest to the entropy.
    Typical {
        /// Their mass, in (0, 1], counted after tempering.
        mass: f64,
        /// T.
        temperature: f64,
    },
    /// The path with the largest sum of log masses (tokens), or of log densities in the units of the link, that a search finds
    /// which keeps the `width` best beginnings of each lane. Of a continuous row it tries the mode and the medians of 256 cells of
    /// equal mass. For a linear model with constant normal innovations this is greedy at any width.
    Beam {
        /// How many beginnings are kept for each lane.
        width: usize,
    },
    /// Of n drawn paths the one with the largest log density, per value where a rule stops some earlier. It ranks
    /// paths; the density of what it gives is not that of a draw.
    BestOf {
        /// How many are drawn.
        n: usize,
        /// T.
        temperature: f64,
    },
}

impl Decoding {
    /// Whether a lane has one path only, however many are asked for.
    #[must_use]
    pub fn gives_one_path(self) -> bool {
        matches!(self, Self::Mean | Self::Median | Self::Greedy | Self::Beam { .. } | Self::BestOf { .. })
    }

    /// How an error calls it: as the command line does.
    pub(super) fn spelled(self) -> String {
        let name = match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Greedy => "greedy",
            Self::Sample { .. } => "sample",
            Self::TopK { .. } => "top-k",
            Self::Nucleus { .. } => "nucleus",
            Self::Typical { .. } => "typical",
            Self::Beam { .. } => "beam",
            Self::BestOf { .. } => "best-of",
        };
        match self {
            Self::Sample { temperature } | Self::BestOf { temperature, .. } if temperature != 1.0 => {
                format!("--decode {name} --temperature {temperature}")
            }
            _ => format!("--decode {name}"),
        }
    }
}

/// A decoding step by step.
#[derive(Debug)]
pub(super) enum Chooser {
    Fixed(fn(&Distribution<'_>) -> f64),
    /// From the conditional as it is.
    Model,
    /// From something else.
    Other(Sampler),
}

impl Chooser {
    /// # Errors
    /// If an option of the decoding is outside of its range, it has no meaning for the family, or does not go step by step.
    pub(super) fn of(decoding: Decoding, family: &Family) -> Result<Self> {
        let other = |temperature, truncation| Ok(Self::Other(Sampler::new(temperature, Some(truncation))?));
        match decoding {
            Decoding::Mean if matches!(family, Family::Categorical { .. }) => {
                Err(Error::usage("the mean of symbols is no symbol")
                    .expected("a decoding that gives symbols")
                    .hint("decode greedily for the most probable one"))
            }
            Decoding::Mean if family.has_counts() => {
                Err(Error::usage("the mean of counts is no count, and so no path of the model")
                    .expected("a decoding that gives counts")
                    .hint("decode the median, or greedily for the most probable one"))
            }
            Decoding::Mean => Ok(Self::Fixed(|row| row.mean())),
            Decoding::Median => Ok(Self::Fixed(|row| row.median())),
            Decoding::Greedy => Ok(Self::Fixed(|row| row.mode())),
            Decoding::Sample { temperature: 1.0 } => Ok(Self::Model),
            Decoding::Sample { temperature } => Ok(Self::Other(Sampler::new(temperature, None)?)),
            Decoding::TopK { k, temperature } => other(temperature, Truncation::TopK(k)),
            Decoding::Nucleus { mass, temperature } => other(temperature, Truncation::Nucleus(mass)),
            Decoding::Typical { mass, temperature } => other(temperature, Truncation::Typical(mass)),
            Decoding::Beam { .. } | Decoding::BestOf { .. } => {
                Err(Error::usage(format!("{} chooses among whole paths, not step by step", decoding.spelled()))
                    .expected(
                        "a decoding that goes step by step: mean, median, greedy, sample, top-k, nucleus, typical",
                    ))
            }
        }
    }

    /// A value of a row, and its log density under the decoding where that is not the row's own.
    pub(super) fn choose(&mut self, row: &Distribution<'_>, rng: &mut LaneRng) -> Result<(f64, Option<f64>)> {
        match self {
            Self::Fixed(choice) => Ok((choice(row), Some(0.0))),
            Self::Model => Ok((row.sample(rng), None)),
            Self::Other(sampler) => {
                let Draw { value, log_q } = sampler.draw(row, rng)?;
                Ok((value, Some(log_q)))
            }
        }
    }
}
