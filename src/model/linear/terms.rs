//! What stands beside the lags: intercept, trend, seasonal dummies, Fourier terms and covariates.
//!
//! The columns of a row, in this order, at the index i; t = 1, 2, .. counts from the first value that has its differences
//! (i + 1 without differences):
//!
//! ```text
//! 1 | t | [i mod m = 1], .., [i mod m = m - 1] | sin(2 pi k i / P), cos(2 pi k i / P), k = 1..K | covariates
//! ```
//!
//! With an intercept the dummy of the first phase is left out, as in statsmodels' `AutoReg(seasonal=True)`; without one
//! all m dummies stand. A Fourier period may be any number above 1, also one that is no whole number of steps (365.25).
//! At k = P / 2 the sine is zero everywhere and is left out.

use std::f64::consts::TAU;

use crate::error::{Error, Result};

/// The trend beside the lags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trend {
    /// None: the mean is zero.
    None,
    /// An intercept.
    #[default]
    Constant,
    /// An intercept and a linear trend in t = 1, 2, ..
    ConstantTrend,
}

/// Sines and cosines of one period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fourier {
    /// The period in steps.
    pub period: f64,
    /// K: how many harmonics, at most half the period.
    pub harmonics: usize,
}

/// The terms beside the lags.
///
/// ```
/// use foretoken::model::linear::{Fourier, Terms, Trend};
///
/// let weekly = Fourier { period: 7.0, harmonics: 2 };
/// let terms = Terms { fourier: vec![weekly], ..Terms::of(Trend::Constant) };
/// assert_eq!(terms.names(), ["intercept", "sin_1_7", "cos_1_7", "sin_2_7", "cos_2_7"]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms {
    /// Intercept and trend.
    pub trend: Trend,
    /// Seasonal dummies of this period; 0 or 1 for none.
    pub dummies: usize,
    /// Fourier terms, one entry per period.
    pub fourier: Vec<Fourier>,
    /// The names of the covariates, in the order in which a model is given them.
    pub covariates: Vec<String>,
}

impl Terms {
    /// A trend and nothing else.
    #[must_use]
    pub fn of(trend: Trend) -> Self {
        Self { trend, ..Self::default() }
    }

    /// Whether there is an intercept.
    #[must_use]
    pub fn has_intercept(&self) -> bool {
        self.trend != Trend::None
    }

    /// Whether the columns that depend on time alone are at most an intercept and a trend.
    pub(super) fn is_line(&self) -> bool {
        self.dummies < 2 && self.fourier.is_empty()
    }

    /// The number of columns that depend on time alone.
    #[must_use]
    pub fn deterministic(&self) -> usize {
        let trend = match self.trend {
            Trend::None => 0,
            Trend::Constant => 1,
            Trend::ConstantTrend => 2,
        };
        let waves: usize = self.fourier.iter().map(|waves| waves.width()).sum();
        trend + self.phases().count() + waves
    }

    /// The number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.deterministic() + self.covariates.len()
    }

    /// The phases that have a dummy.
    fn phases(&self) -> std::ops::Range<usize> {
        if self.dummies < 2 { 0..0 } else { usize::from(self.has_intercept())..self.dummies }
    }

    /// The name of every column. Phases count from 1.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let trend: &[&str] = match self.trend {
            Trend::None => &[],
            Trend::Constant => &["intercept"],
            Trend::ConstantTrend => &["intercept", "trend"],
        };
        let mut names: Vec<String> = trend.iter().map(|&name| name.to_owned()).collect();
        names.extend(self.phases().map(|phase| format!("season_{}", phase + 1)));
        for Fourier { period, harmonics } in &self.fourier {
            for k in 1..=*harmonics {
                if !is_half(*period, k) {
                    names.push(format!("sin_{k}_{period}"));
                }
                names.push(format!("cos_{k}_{period}"));
            }
        }
        names.extend(self.covariates.iter().cloned());
        names
    }

    /// Appends the columns of an index, without the covariates; t = 1 stands at the index `first`.
    pub(super) fn push_row(&self, index: i64, first: i64, row: &mut Vec<f64>) {
        if self.has_intercept() {
            row.push(1.0);
        }
        if self.trend == Trend::ConstantTrend {
            row.push((index - first + 1) as f64);
        }
        let phase = index.rem_euclid(self.dummies.max(1) as i64) as usize;
        row.extend(self.phases().map(|dummy| f64::from(u8::from(dummy == phase))));
        for waves in &self.fourier {
            waves.push_row(index, row);
        }
    }

    /// The sum of the columns that depend on time alone, times their coefficients.
    pub(super) fn value(&self, (index, first): (i64, i64), coefficients: &[f64], scratch: &mut Vec<f64>) -> f64 {
        scratch.clear();
        self.push_row(index, first, scratch);
        scratch.iter().zip(coefficients).map(|(column, b)| column * b).sum()
    }

    /// # Errors
    /// If columns would be equal to others whatever the data: too many harmonics, or waves beside dummies of the same
    /// period.
    pub fn check(&self) -> Result<()> {
        for Fourier { period, harmonics } in &self.fourier {
            let most = (0.5 * period).floor();
            if !(*period > 1.0 && *harmonics >= 1 && *harmonics as f64 <= most) {
                return Err(Error::usage(format!("{harmonics} harmonics of the period {period} do not exist"))
                    .expected(format!("between 1 and {most} harmonics: half the period")));
            }
            if self.dummies > 1 && (self.dummies as f64 / period).fract() == 0.0 {
                return Err(Error::usage(format!(
                    "waves of the period {period} repeat the dummies of {}",
                    self.dummies
                ))
                .hint("use seasonal dummies or Fourier terms"));
            }
        }
        let periods: Vec<f64> = self.fourier.iter().map(|waves| waves.period).collect();
        match (1..periods.len()).find(|&i| periods[..i].contains(&periods[i])) {
            Some(i) => Err(Error::usage(format!("the Fourier period {} is given twice", periods[i]))),
            None => Ok(()),
        }
    }
}

impl Fourier {
    fn width(&self) -> usize {
        (1..=self.harmonics).map(|k| if is_half(self.period, k) { 1 } else { 2 }).sum()
    }

    fn push_row(&self, index: i64, row: &mut Vec<f64>) {
        for k in 1..=self.harmonics {
            // The phase is reduced before it is multiplied by 2 pi, so that it keeps its digits for late times.
            let turn = (k as f64 * index as f64 / self.period).fract();
            if !is_half(self.period, k) {
                row.push((TAU * turn).sin());
            }
            row.push((TAU * turn).cos());
        }
    }
}

fn is_half(period: f64, k: usize) -> bool {
    2.0 * k as f64 == period
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_the_order_of_their_names() {
        let terms = Terms {
            trend: Trend::ConstantTrend,
            dummies: 3,
            fourier: vec![Fourier { period: 4.0, harmonics: 2 }],
            covariates: vec!["price".to_owned()],
        };
        let names = ["intercept", "trend", "season_2", "season_3", "sin_1_4", "cos_1_4", "cos_2_4", "price"];
        assert_eq!(terms.names(), names);
        assert_eq!((terms.width(), terms.deterministic()), (8, 7));
        let mut row = Vec::new();
        terms.push_row(5, 0, &mut row);
        let expected = [1.0, 6.0, 0.0, 1.0, 1.0, 0.0, -1.0];
        assert!(row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12) && row.len() == 7, "{row:?}");
        let all = Terms { trend: Trend::None, dummies: 3, ..Terms::default() };
        assert_eq!(all.names(), ["season_1", "season_2", "season_3"]);
        row.clear();
        all.push_row(-1, 0, &mut row);
        assert_eq!(row, [0.0, 0.0, 1.0]);
    }

    #[test]
    fn columns_that_repeat_others_are_refused() {
        let with = |dummies: usize, waves: &[(f64, usize)]| Terms {
            dummies,
            fourier: waves.iter().map(|&(period, harmonics)| Fourier { period, harmonics }).collect(),
            ..Terms::default()
        };
        assert!(with(12, &[(7.0, 3), (365.25, 2)]).check().is_ok());
        for refused in [with(0, &[(7.0, 4)]), with(12, &[(6.0, 1)]), with(0, &[(7.0, 1), (7.0, 2)])] {
            assert!(refused.check().is_err(), "{refused:?}");
        }
    }
}
