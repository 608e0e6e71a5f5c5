//! The windows that a network learns from, and those that it is judged by.

use super::frame::{Frame, Phases, Window};
use super::model::Place;
use crate::data::series::Series;
use crate::math::float::Float;
use crate::math::random::LaneRng;

/// The series of a panel behind the link, with the anchors that may be drawn.
#[derive(Debug)]
pub(super) struct Examples<'a> {
    frame: &'a Frame,
    series: Vec<Prepared>,
    /// How many anchors the series before and with each have.
    anchors: Vec<usize>,
}

#[derive(Debug)]
struct Prepared {
    values: Vec<f64>,
    /// Covariates of all steps.
    covariates: Vec<f64>,
    /// Where the held-out times begin.
    end: usize,
    /// Where it stands among the others.
    place: Place,
}

/// Windows side by side, as a pass reads them.
#[derive(Debug, Default)]
pub(super) struct Batch<T> {
    pub(super) windows: Vec<Window>,
    /// A row per step and window.
    pub(super) x: Vec<T>,
    /// The scaled target of each row; NaN where there is none.
    pub(super) targets: Vec<f64>,
}

impl<'a> Examples<'a> {
    /// All windows of the series, the last share of whose times is held out. The first tells the phases of the seasons.
    pub(super) fn new(frame: &'a Frame, train: &[Series], held_out: f64) -> Self {
        let prepare = |series: &Series| {
            let values: Vec<f64> = series.values().iter().map(|x| frame.link.apply(*x)).collect();
            let columns = series.covariates();
            let row = |t: usize| columns.iter().map(move |column| column.values[t]);
            let covariates = (0..values.len()).flat_map(row).collect();
            // Nothing is held out of what has no window left to learn from.
            let rest = values.len().saturating_sub(frame.least + 1);
            let end = values.len() - ((values.len() as f64 * held_out) as usize).min(rest / 2);
            Prepared { values, covariates, end, place: Place::of(frame, train[0].timeline(), series) }
        };
        let series: Vec<Prepared> = train.iter().map(prepare).collect();
        let count = |series: &Prepared| series.spans(frame);
        let anchors = series.iter().scan(0, |sum, series| {
            *sum += count(series);
            Some(*sum)
        });
        let anchors = anchors.collect();
        Self { frame, series, anchors }
    }

    /// How many anchors there are.
    pub(super) fn len(&self) -> usize {
        self.anchors.last().copied().unwrap_or(0)
    }

    /// How many targets a pass over all of them has.
    pub(super) fn targets(&self) -> usize {
        self.series.iter().map(|series| series.end.saturating_sub(self.frame.least)).sum()
    }

    /// An anchor drawn at random: each is as likely.
    pub(super) fn pick(&self, rng: &mut LaneRng) -> usize {
        ((rng.uniform() * self.len() as f64) as usize).min(self.len() - 1)
    }

    /// The window at an anchor.
    pub(super) fn window(&self, which: usize) -> Window {
        let at = self.anchors.partition_point(|end| *end <= which);
        let series = &self.series[at];
        let before = if at == 0 { 0 } else { self.anchors[at - 1] };
        series.span(self.frame, which - before)
    }

    /// Windows that cover the held-out times, at most so many of them, evenly spread.
    pub(super) fn held_out(&self, most: usize) -> Vec<Window> {
        let all: Vec<(usize, usize)> = self
            .series
            .iter()
            .enumerate()
            .flat_map(|(at, series)| (series.end..series.values.len()).step_by(self.frame.span).map(move |a| (at, a)))
            .collect();
        let count = all.len().min(most);
        let chosen = (0..count).map(|i| all[i * all.len() / count]);
        chosen.map(|(at, anchor)| self.series[at].window(self.frame, anchor, self.series[at].values.len())).collect()
    }
}

impl Prepared {
    /// How many spans there are: at every place of at least one target, so that every target is in as many of them.
    fn spans(&self, frame: &Frame) -> usize {
        let targets = self.end.saturating_sub(frame.least);
        if targets == 0 { 0 } else { targets + frame.span - 1 }
    }

    /// The window of a span; spans over an end of the targets have fewer.
    fn span(&self, frame: &Frame, which: usize) -> Window {
        let (first, last) = (which.saturating_sub(frame.span - 1), (which + 1).min(self.end - frame.least));
        self.window(frame, frame.least + first, frame.least + last)
    }

    /// The window at an anchor with the targets before `end`.
    fn window(&self, frame: &Frame, anchor: usize, end: usize) -> Window {
        let width = frame.covariates.len();
        let last = (anchor + frame.span).min(end);
        let start = anchor.saturating_sub(frame.reach());
        let known = &self.covariates[anchor.saturating_sub(frame.warm) * width..anchor * width];
        let Place { origin, series } = self.place;
        let mut window = frame.window(&self.values[start..anchor], origin + anchor as i64, known).of(series);
        self.values[anchor..last].iter().for_each(|x| window.push(*x));
        window.push_covariates(frame, &self.covariates[anchor * width..last * width]);
        window
    }
}

impl<T: Float> Batch<T> {
    /// Writes inputs and targets of the windows: W + L steps, fewer where no window has more.
    pub(super) fn fill(&mut self, frame: &Frame) -> usize {
        let (steps, mut phases) = (self.steps(frame, &self.windows), Phases::default());
        self.x.clear();
        for step in 0..steps {
            for window in &self.windows {
                if frame.place(step) <= window.z().len() && window.covers(frame, step) {
                    frame.row(window, step, &mut phases, &mut self.x);
                } else {
                    self.x.extend(std::iter::repeat_n(T::ZERO, frame.width()));
                }
            }
        }
        let windows = std::mem::take(&mut self.windows);
        self.set_targets(frame, &windows);
        self.windows = windows;
        steps
    }

    fn steps(&self, frame: &Frame, windows: &[Window]) -> usize {
        frame.warm + windows.iter().map(|window| window.z().len() - frame.reach()).max().unwrap_or(0)
    }

    /// Takes the targets from windows that lie where its own do.
    pub(super) fn set_targets(&mut self, frame: &Frame, windows: &[Window]) {
        self.targets.clear();
        for step in 0..self.steps(frame, windows) {
            let at = frame.place(step);
            let target = |window: &Window| {
                let is_target = step >= frame.warm && at < window.z().len() && !window.is_missing(at);
                if is_target { window.z()[at] } else { f64::NAN }
            };
            self.targets.extend(windows.iter().map(target));
        }
    }
}
