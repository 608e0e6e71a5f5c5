//! What a network sees of a series: windows, their scale, and the inputs of every step.
//!
//! ```text
//! values      x_{a-R} ..........................  x_{a-1} | x_a ........ x_{a+L-1}      a: the anchor, R: the reach, L: the span
//! location m and spread s of the context alone            | z_t = (g(x_t) - m) / s
//! inputs u_t  z_{t-l} for every lag l, sin and cos of the season's phase at t, covariates at t, how m and s compare
//!             with those of the training values, and which series of a panel it is, where that is asked for
//! ```
//!
//! A window has W steps before the anchor, which warm up the memory of a network and are not scored, and up to L after it. The
//! reach is R = W + the longest lag, so that every step has its lags. At the end of a span the window is set anew: the last R
//! values become its context. So a network never sees a longer past than those it was trained on, a step's cost does not grow,
//! and the scale follows the series. A missing value is the last known one of its window, with an indicator among the inputs
//! where the training values had gaps.

use pulp::{Arch, Simd, WithSimd};

use crate::data::series::Series;
use crate::math::float::Float;
use crate::math::random::LaneRng;
use crate::model::token::quantiser::RunningMoments;
use crate::predictive::{Link, OuterMap};

/// Harmonics of every season.
const HARMONICS: usize = 3;
/// A context's spread counts as at least this share of that of the training values.
const LEAST_SPREAD: f64 = 1e-4;
/// Inputs are clamped to this many spreads: a value out of all proportion must not decide alone what a network says.
const CLAMP: f64 = 50.0;

/// Where the values of a context lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) location: f64,
    pub(crate) spread: f64,
}

impl Scale {
    /// Of the known values, if there are enough: mean and standard deviation (divisor n), of values that are never negative 0
    /// and the mean, so that 0 stays where it is.
    fn of(values: &[f64], are_nonnegative: bool) -> Option<Self> {
        let mut moments = RunningMoments::default();
        values.iter().for_each(|x| moments.push(*x));
        let (mean, spread) = moments.mean_and_spread()?;
        Some(if are_nonnegative { Self { location: 0.0, spread: mean } } else { Self { location: mean, spread } })
    }

    /// The scale of a panel: the median location and the median spread of its series. `None` where no series is long enough, or
    /// none varies.
    pub(crate) fn typical(series: &[Series], are_nonnegative: bool) -> Option<Self> {
        let own = series.iter().filter_map(|x| Self::of(x.values(), are_nonnegative));
        let all: Vec<Self> = own.filter(|scale| scale.spread > 0.0).collect();
        let median = |of: fn(&Self) -> f64| {
            let mut of: Vec<f64> = all.iter().map(of).collect();
            of.sort_unstable_by(f64::total_cmp);
            of.get(of.len() / 2).copied()
        };
        Some(Self { location: median(|scale| scale.location)?, spread: median(|scale| scale.spread)? })
    }
}

/// Where contexts may lie: between locations, and up to a spread. A path of own draws whose context widens makes the next draws wider
/// still, without end, where no training value ever was; beyond these limits the scale stays where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    pub(crate) locations: [f64; 2],
    pub(crate) spread: f64,
}

impl Limits {
    pub(crate) const NONE: Self = Self { locations: [f64::NEG_INFINITY, f64::INFINITY], spread: f64::INFINITY };

    /// Around the scales of training contexts: as far again beyond their locations as these lie apart (at least four of the
    /// largest spread), and up to twice that spread.
    pub(crate) fn around(scales: impl Iterator<Item = Scale>) -> Self {
        let all = scales.fold(None, |all: Option<(f64, f64, f64)>, own| {
            let (low, high, spread) = all.unwrap_or((own.location, own.location, own.spread));
            Some((low.min(own.location), high.max(own.location), spread.max(own.spread)))
        });
        let Some((low, high, spread)) = all else { return Self::NONE };
        let beyond = (high - low).max(4.0 * spread);
        Self { locations: [low - beyond, high + beyond], spread: 2.0 * spread }
    }
}

/// What the inputs of a network are made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// The lags whose values are inputs, ascending.
    pub(crate) lags: Vec<usize>,
    /// Steps before the anchor that warm up a network.
    pub(crate) warm: usize,
    /// Steps after the anchor until the window is set anew.
    pub(crate) span: usize,
    /// Of how many values before it a row needs to know, at most the reach: fewer than that where series of a panel are shorter.
    /// What is not there is missing.
    pub(crate) least: usize,
    /// The seasons whose phase is an input.
    pub(crate) periods: Vec<usize>,
    /// Mean and standard deviation of every covariate.
    pub(crate) covariates: Vec<Scale>,
    /// Whether missing values have an indicator.
    pub(crate) has_indicators: bool,
    /// Whether every context has a scale of its own, or all that of the training values.
    pub(crate) is_scaled: bool,
    /// Whether the scale leaves 0 where it is.
    pub(crate) is_nonnegative: bool,
    /// Scale of the training values.
    pub(crate) training: Scale,
    /// What contexts count as at most, see [`Limits`].
    pub(crate) limits: Limits,
    /// The smallest distance of two distinct training values, over sqrt(12): no scale is below.
    pub(crate) gap: f64,
    /// What values pass through first.
    pub(crate) link: Link,
    /// The series that are told apart, each by an input that is 1: the weights of these inputs are vectors that stand for the series.
    pub(crate) series: Vec<String>,
}

/// A stretch of one series around an anchor, as a network sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) scale: Scale,
    /// How its scale compares with that of the training values.
    compared: [f64; 2],
    /// Scaled values from R before the anchor on, the last known one where missing; as far as known.
    z: Vec<f64>,
    is_missing: Vec<bool>,
    /// Where the anchor stands on the clock of the phases.
    pub(crate) anchor: i64,
    /// Standardised covariates of the steps from W before the anchor on.
    covariates: Vec<f64>,
    /// Which of the series that are told apart it is of.
    series: Option<usize>,
}

impl Frame {
    /// How many values before the anchor a window looks at.
    pub(crate) fn reach(&self) -> usize {
        self.warm + self.lags.last().copied().unwrap_or(0)
    }

    /// The numbers of a row of inputs.
    pub(crate) fn width(&self) -> usize {
        let values = self.lags.len() * if self.has_indicators { 2 } else { 1 };
        let phases: usize = self.periods.iter().map(|period| 2 * harmonics(*period)).sum();
        values + phases + self.covariates.len() + if self.is_scaled { 2 } else { 0 } + self.series.len()
    }

    /// From scaled values to data.
    pub(crate) fn map(&self, scale: Scale) -> OuterMap {
        OuterMap { link: self.link, shift: scale.location, factor: scale.spread, scale: 1.0 }
    }

    /// The scale of a context.
    pub(crate) fn scale(&self, context: &[f64]) -> Scale {
        let own = Scale::of(context, self.is_nonnegative).filter(|_| self.is_scaled);
        let Limits { locations: [low, high], spread } = self.limits;
        own.map_or(self.training, |own| Scale {
            location: own.location.clamp(low, high),
            spread: own.spread.hypot(LEAST_SPREAD * self.training.spread).max(self.gap).min(spread),
        })
    }

    /// The smallest scale of a row, in units of a window's spread.
    pub(crate) fn floor(&self, scale: Scale) -> f64 {
        self.gap / scale.spread
    }

    /// A window whose context is `past` (its last R values; fewer at the start of a series) behind the link, with the
    /// covariates of its last W steps.
    pub(crate) fn window(&self, past: &[f64], anchor: i64, covariates: &[f64]) -> Window {
        let past = &past[past.len().saturating_sub(self.reach())..];
        let scale = self.scale(past);
        let level = (scale.location - self.training.location) / self.training.spread;
        let spread = (scale.spread / self.training.spread).ln();
        let mut window = Window {
            scale,
            compared: [level.asinh(), spread.clamp(-10.0, 10.0)],
            z: vec![0.0; self.reach() - past.len()],
            is_missing: vec![true; self.reach() - past.len()],
            anchor,
            covariates: Vec::new(),
            series: None,
        };
        past.iter().for_each(|x| window.push(*x));
        let missing = (self.warm * self.covariates.len()).saturating_sub(covariates.len());
        window.covariates.resize(missing, 0.0);
        window.push_covariates(self, &covariates[covariates.len() - (self.warm * self.covariates.len() - missing)..]);
        window
    }

    /// Where the target of a step stands among the values of a window.
    pub(crate) fn place(&self, step: usize) -> usize {
        step + self.reach() - self.warm
    }

    /// The inputs of a step, `step` counted from W before the anchor.
    pub(crate) fn row<T: Float>(&self, window: &Window, step: usize, phases: &mut Phases, out: &mut Vec<T>) {
        let at = self.place(step);
        match self.lags.last() {
            // All lags up to one: a stretch of values.
            Some(&longest) if longest == self.lags.len() => {
                let first = out.len();
                out.resize(first + longest, T::ZERO);
                Arch::new().dispatch(Stretch { z: &window.z[at - longest..at], inputs: &mut out[first..] });
            }
            _ => out.extend(self.lags.iter().map(|lag| input::<T>(window.z[at - lag]))),
        }
        if self.has_indicators {
            let indicator = |lag: &usize| if window.is_missing[at - lag] { T::ONE } else { T::ZERO };
            out.extend(self.lags.iter().map(indicator));
        }
        let index = window.anchor + step as i64 - self.warm as i64;
        if !self.periods.is_empty() {
            phases.set(self, index);
            out.extend(phases.row.iter().map(|x| T::of(*x)));
        }
        let width = self.covariates.len();
        out.extend(window.covariates[step * width..(step + 1) * width].iter().map(|x| T::of(*x)));
        if self.is_scaled {
            out.extend(window.compared.map(T::of));
        }
        out.extend((0..self.series.len()).map(|own| if window.series == Some(own) { T::ONE } else { T::ZERO }));
    }

    /// Adds to the gradient of the scaled values that of a row of inputs made of them.
    pub(crate) fn row_backward<T: Float>(&self, window: &Window, step: usize, d_row: &[T], d_z: &mut [f64]) {
        let at = self.place(step);
        for (lag, d) in self.lags.iter().zip(d_row) {
            if window.z[at - lag].abs() < CLAMP {
                d_z[at - lag] += d.to_f64();
            }
        }
    }
}

/// The inputs of a stretch of values, the last one first.
struct Stretch<'a, T> {
    z: &'a [f64],
    inputs: &'a mut [T],
}

impl<T: Float> WithSimd for Stretch<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.inputs.iter_mut().zip(self.z.iter().rev()).for_each(|(input_of, z)| *input_of = input(*z));
    }
}

/// A scaled value as an input.
#[inline(always)]
fn input<T: Float>(z: f64) -> T {
    T::of(z.clamp(-CLAMP, CLAMP))
}

/// The phases of the seasons at one time, which rows side by side share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phases {
    index: Option<i64>,
    row: Vec<f64>,
}

impl Phases {
    fn set(&mut self, frame: &Frame, index: i64) {
        if self.index == Some(index) {
            return;
        }
        self.index = Some(index);
        self.row.clear();
        for &period in &frame.periods {
            let phase = index.rem_euclid(period as i64) as f64 / period as f64;
            for harmonic in 1..=harmonics(period) {
                let (sin, cos) = (std::f64::consts::TAU * harmonic as f64 * phase).sin_cos();
                self.row.extend([sin, cos]);
            }
        }
    }
}

impl Window {
    /// The window as one of a series that is told apart.
    pub(crate) fn of(self, series: Option<usize>) -> Self {
        Self { series, ..self }
    }

    /// The next value, behind the link; NaN where missing.
    pub(crate) fn push(&mut self, x: f64) {
        let last = self.z.last().copied().unwrap_or(0.0);
        self.z.push(if x.is_nan() { last } else { (x - self.scale.location) / self.scale.spread });
        self.is_missing.push(x.is_nan());
    }

    /// The covariates of the next steps.
    pub(crate) fn push_covariates(&mut self, frame: &Frame, x: &[f64]) {
        let scales = frame.covariates.iter().cycle();
        self.covariates.extend(x.iter().zip(scales).map(|(x, scale)| (x - scale.location) / scale.spread));
    }

    /// The scaled values from R before the anchor on.
    pub(crate) fn z(&self) -> &[f64] {
        &self.z
    }

    /// The first `steps` steps after the anchor alone.
    pub(crate) fn cut(&self, frame: &Frame, steps: usize) -> Self {
        let values = frame.reach() + steps;
        Self {
            z: self.z[..values].to_vec(),
            is_missing: self.is_missing[..values].to_vec(),
            covariates: self.covariates[..(frame.warm + steps) * frame.covariates.len()].to_vec(),
            ..*self
        }
    }

    /// Adds noise to every value.
    pub(crate) fn disturb(&mut self, sd: f64, rng: &mut LaneRng) {
        self.z.iter_mut().for_each(|z| *z += sd * rng.normal());
    }

    /// Puts another scaled value in the place of one.
    pub(crate) fn replace(&mut self, at: usize, z: f64) {
        self.z[at] = z;
        self.is_missing[at] = false;
    }

    /// Whether a value after the anchor is known.
    pub(crate) fn has_targets(&self, frame: &Frame) -> bool {
        self.is_missing[frame.reach()..].iter().any(|is_missing| !is_missing)
    }

    /// Whether the covariates of a step are there.
    pub(crate) fn covers(&self, frame: &Frame, step: usize) -> bool {
        self.covariates.len() >= (step + 1) * frame.covariates.len()
    }

    /// Whether the value at a place of the window is missing.
    pub(crate) fn is_missing(&self, at: usize) -> bool {
        self.is_missing[at]
    }
}

fn harmonics(period: usize) -> usize {
    HARMONICS.min(period / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame {
            lags: vec![1, 4],
            warm: 3,
            span: 5,
            least: 7,
            periods: vec![4],
            covariates: vec![Scale { location: 1.0, spread: 2.0 }],
            has_indicators: true,
            is_scaled: true,
            is_nonnegative: false,
            training: Scale { location: 10.0, spread: 2.0 },
            limits: Limits::NONE,
            gap: 0.0,
            link: Link::Identity,
            series: Vec::new(),
        }
    }

    #[test]
    fn a_row_has_its_lags_the_phase_and_the_covariates_of_its_step() {
        let frame = frame();
        let past: Vec<f64> = (0..12).map(f64::from).collect();
        let mut window = frame.window(&past, 12, &[7.0, 8.0, 9.0]);
        window.push(100.0);
        window.push_covariates(&frame, &[11.0, 12.0]);
        let mut row: Vec<f64> = Vec::new();
        frame.row(&window, 4, &mut Phases::default(), &mut row);
        assert_eq!(row.len(), frame.width());
        // The context is 5 .. 11: too few for a scale of its own.
        let z = |x: f64| (x - 10.0) / 2.0;
        assert_eq!(row[..4], [z(100.0).min(CLAMP), z(9.0), 0.0, 0.0]);
        assert!((row[4] - 1.0).abs() < 1e-15 && row[5].abs() < 1e-15, "the phase of index 13 is a quarter");
        assert_eq!(row[8..], [5.5, 0.0, 0.0]);
        row.clear();
        frame.row(&window, 0, &mut Phases::default(), &mut row);
        assert_eq!((row[0], row[1], row[8]), (z(8.0), z(5.0), 3.0));
    }

    /// Contexts of own draws once widened each other without end.
    #[test]
    fn contexts_count_as_no_wider_and_no_further_off_than_their_limits() {
        let scales = [(10.0, 1.0), (14.0, 3.0)].map(|(location, spread)| Scale { location, spread });
        let limits = Limits::around(scales.into_iter());
        assert_eq!(limits, Limits { locations: [-2.0, 26.0], spread: 6.0 });
        let frame = Frame { limits, ..frame() };
        let context = |level: f64, step: f64| -> Vec<f64> { (0..12).map(|t| level + step * f64::from(t)).collect() };
        let scale = |context: Vec<f64>| frame.scale(&context);
        let usual = scale(context(10.0, 0.5));
        assert_eq!(usual, Frame { limits: Limits::NONE, ..frame.clone() }.scale(&context(10.0, 0.5)));
        let wild = scale(context(1e6, 1e5));
        assert_eq!((wild.location, wild.spread), (26.0, 6.0));
        assert_eq!(scale(context(-1e6, 0.5)).location, -2.0);
    }

    #[test]
    fn a_missing_value_is_the_last_known_one_and_said_to_be_missing() {
        let frame = frame();
        let window = frame.window(&[3.0, f64::NAN, f64::NAN], 3, &[]);
        let mut row: Vec<f64> = Vec::new();
        frame.row(&window, 2, &mut Phases::default(), &mut row);
        let z = (3.0 - 10.0) / 2.0;
        assert_eq!(row[..4], [z, 0.0, 1.0, 1.0]);
    }
}
