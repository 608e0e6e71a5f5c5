//! The last p values of every lane in a ring: the memory of models that look back on a fixed number of lags.

use crate::data::batch::Batch;

/// Values of the last `depth` steps, time-major; row `at` is the oldest.
#[derive(Debug, Clone)]
pub(crate) struct LagRing {
    depth: usize,
    at: usize,
    values: Vec<f64>,
    /// How many of a lane's last values were known, without interruption.
    known_run: Vec<usize>,
    /// What stands in for the values before the first: entry k - 1 for the k-th before it.
    stand_in: Vec<f64>,
}

/// Whether a value is missing. To the end, without looking back: so it goes through in registers.
pub(crate) fn has_missing(x: &[f64]) -> bool {
    x.iter().fold(false, |missing, x| missing | x.is_nan())
}

impl LagRing {
    /// A ring without any value yet, as deep as there are stand-ins for the values before the first.
    pub(crate) fn new(stand_in: Vec<f64>, lanes: usize) -> Self {
        let values = stand_in.iter().rev().flat_map(|&x| std::iter::repeat_n(x, lanes)).collect();
        Self { depth: stand_in.len(), at: 0, values, known_run: vec![0; lanes], stand_in }
    }

    fn lanes(&self) -> usize {
        self.known_run.len()
    }

    /// Whether every lag of a lane is known.
    pub(crate) fn is_known(&self, lane: usize) -> bool {
        self.known_run[lane] >= self.depth
    }

    /// How many of a lane's last values were known, without interruption.
    pub(crate) fn known_run(&self, lane: usize) -> usize {
        self.known_run[lane]
    }

    /// The values of all lanes `lag` steps back, 1 <= lag <= depth.
    pub(crate) fn lag(&self, lag: usize) -> &[f64] {
        let row = (self.at + self.depth - lag) % self.depth;
        &self.values[row * self.lanes()..(row + 1) * self.lanes()]
    }

    /// Takes the end of a context without missing values inside a lane. Only for a ring without any value yet.
    pub(crate) fn read_end(&mut self, context: &Batch) {
        let lanes = self.lanes();
        self.known_run = (0..lanes).map(|lane| context.steps() - context.padding(lane)).collect();
        for back in 1..=self.depth {
            for lane in 0..lanes {
                let known = self.known_run[lane];
                self.values[(self.depth - back) * lanes + lane] = match back.checked_sub(known + 1) {
                    Some(before) => self.stand_in[before],
                    None => context.row(context.steps() - back)[lane],
                };
            }
        }
    }

    /// Moves on by one step; a missing value is replaced by its lane's stand-in.
    pub(crate) fn push(&mut self, x: &[f64], stand_in: &[f64]) {
        let lanes = self.lanes();
        if !has_missing(x) {
            self.known_run.iter_mut().for_each(|run| *run = run.wrapping_add(1));
            if self.depth > 0 {
                self.values[self.at * lanes..(self.at + 1) * lanes].copy_from_slice(x);
                self.at = (self.at + 1) % self.depth;
            }
            return;
        }
        for (lane, &x) in x.iter().enumerate() {
            self.known_run[lane] = if x.is_nan() { 0 } else { self.known_run[lane] + 1 };
            if self.depth > 0 {
                self.values[self.at * lanes + lane] = if x.is_nan() { stand_in[lane] } else { x };
            }
        }
        if self.depth > 0 {
            self.at = (self.at + 1) % self.depth;
        }
    }

    /// Forgets a lane: it has not started.
    pub(crate) fn restart(&mut self, lane: usize) {
        let lanes = self.lanes();
        for (back, &x) in (1..).zip(&self.stand_in) {
            self.values[(self.at + self.depth - back) % self.depth * lanes + lane] = x;
        }
        self.known_run[lane] = 0;
    }

    /// A ring whose lane i is lane `parents[i]` of this one.
    pub(crate) fn fork(&self, parents: &[usize]) -> Self {
        let lanes = self.lanes();
        let slots = (0..self.depth).flat_map(|row| parents.iter().map(move |&lane| row * lanes + lane));
        Self {
            values: slots.map(|slot| self.values[slot]).collect(),
            known_run: parents.iter().map(|&lane| self.known_run[lane]).collect(),
            stand_in: self.stand_in.clone(),
            ..*self
        }
    }
}
