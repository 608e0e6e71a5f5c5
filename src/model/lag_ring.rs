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
    /// What stands in for values before the first.
    level: f64,
}

impl LagRing {
    /// A ring without any value yet.
    pub(crate) fn new(depth: usize, lanes: usize, level: f64) -> Self {
        Self { depth, at: 0, values: vec![level; depth * lanes], known_run: vec![0; lanes], level }
    }

    fn lanes(&self) -> usize {
        self.known_run.len()
    }

    /// Whether every lag of a lane is known.
    pub(crate) fn is_known(&self, lane: usize) -> bool {
        self.known_run[lane] >= self.depth
    }

    /// The values of all lanes `lag` steps back, 1 <= lag <= depth.
    pub(crate) fn lag(&self, lag: usize) -> &[f64] {
        let row = (self.at + self.depth - lag) % self.depth;
        &self.values[row * self.lanes()..(row + 1) * self.lanes()]
    }

    /// Takes the end of a context without missing values inside a lane.
    pub(crate) fn read_end(&mut self, context: &Batch) {
        let lanes = self.lanes();
        for back in 1..=self.depth.min(context.steps()) {
            let row = context.row(context.steps() - back);
            for (lane, &x) in row.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
                self.values[(self.depth - back) * lanes + lane] = x;
            }
        }
        self.known_run = (0..lanes).map(|lane| context.steps() - context.padding(lane)).collect();
    }

    /// Moves on by one step; a missing value is replaced by its lane's stand-in.
    pub(crate) fn push(&mut self, x: &[f64], stand_in: &[f64]) {
        let lanes = self.lanes();
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
        self.values.iter_mut().skip(lane).step_by(lanes).for_each(|x| *x = self.level);
        self.known_run[lane] = 0;
    }

    /// A ring whose lane i is lane `parents[i]` of this one.
    pub(crate) fn fork(&self, parents: &[usize]) -> Self {
        let lanes = self.lanes();
        let slots = (0..self.depth).flat_map(|row| parents.iter().map(move |&lane| row * lanes + lane));
        Self {
            values: slots.map(|slot| self.values[slot]).collect(),
            known_run: parents.iter().map(|&lane| self.known_run[lane]).collect(),
            ..*self
        }
    }
}
