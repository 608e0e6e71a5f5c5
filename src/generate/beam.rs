//! Beam search: the densest path, as far as a few beginnings at a time can tell.
//!
//! Each lane keeps its `width` best beginnings. A step continues each of them by its best candidates (the tokens of a
//! discrete row; the mode and the medians of the 256 cells of a continuous one), ranks all by the sum of their
//! logarithms, keeps `width`, and lets the session fork accordingly. One of two equal sums is kept by its place, so
//! that nothing depends on chance.
//!
//! The sum is that of log masses of tokens, or of log densities in the units of the link: behind a log that of the log
//! values, or else a falling path would gain by its small units. A width that holds all beginnings finds the maximum. Width 1 is
//! greedy, and so is every width for a model whose conditionals differ in location alone, as those of a linear model with
//! constant normal innovations do: no choice makes a later density higher. A path that a rule stops keeps its sum and its
//! place in the beam; in the end sums per value decide, since sums of different lengths do not compare.
//!
//! A step costs O(width S) for the candidates of S tokens, O(width^2) to rank them, and a fork of `width` lanes. Memory is
//! O(horizon width).
//!
//! Lowerre (1976), *The HARPY speech recognition system*, Carnegie Mellon University, is the first.

use std::cmp::Ordering;

use super::{Generation, Paths, Stop, check_finite};
use crate::data::batch::{Batch, Covariates};
use crate::error::{Error, Result};
use crate::model::{Autoregressive, Running};
use crate::predictive::{Candidate, Distribution, Family, Predictive};

/// One path for every lane of the context.
pub(super) fn search(
    model: &dyn Autoregressive,
    context: &Batch,
    known: &Covariates,
    what: &Generation,
    width: usize,
) -> Result<Paths> {
    if width == 0 {
        return Err(Error::usage("a beam of no path leads nowhere").expected("a beam width of 1 or more"));
    }
    let read = context.steps() - context.unknown_end();
    let mut search = Search {
        session: model.begin(&context.before(read), known)?,
        family: model.family(),
        stop: &what.stop,
        width,
        beams: (0..context.lanes()).map(Beam::at).collect(),
        history: Vec::new(),
    };
    for step in read..context.steps() {
        search.advance(&Step { known, at: step, ahead: None, given: context.row(step) })?;
    }
    search.history.clear();
    for ahead in 0..what.horizon {
        search.advance(&Step { known, at: context.steps() + ahead, ahead: Some(ahead), given: &[] })?;
        if search.beams.iter().all(|beam| beam.stopped) {
            break;
        }
    }
    Ok(search.best_paths(context.lanes(), what.horizon))
}

/// A step that beams are to take.
struct Step<'a> {
    known: &'a Covariates,
    /// Counted from the first step of the context.
    at: usize,
    /// Counted from the first step ahead; `None` in the context.
    ahead: Option<usize>,
    /// The values of the context, missing where beams choose their own; nothing ahead.
    given: &'a [f64],
}

/// The beginning of a path.
#[derive(Debug, Clone, Copy)]
struct Beam {
    /// The lane of the context.
    lane: usize,
    /// Which of the beams before this step it continues.
    parent: usize,
    value: f64,
    /// What it is ranked by.
    score: f64,
    log_prob: f64,
    len: usize,
    stopped: bool,
}

impl Beam {
    fn at(lane: usize) -> Self {
        Self { lane, parent: lane, value: f64::NAN, score: 0.0, log_prob: 0.0, len: 0, stopped: false }
    }

    /// The best come first.
    fn rank(&self, other: &Self) -> Ordering {
        let place = |beam: &Self| (beam.parent, beam.value);
        let ((parent, value), (other_parent, other_value)) = (place(self), place(other));
        other.score.total_cmp(&self.score).then(parent.cmp(&other_parent)).then(value.total_cmp(&other_value))
    }

    /// Counts the value that was chosen ahead.
    fn count(&mut self, row: &Distribution<'_>, is_defined: bool, stop: &Stop) {
        self.log_prob += if is_defined { row.log_prob(self.value) } else { f64::NAN };
        self.stopped = stop.is_after(self.len, self.value, row);
        self.len += 1;
    }
}

struct Search<'a> {
    session: Running<'a>,
    family: Family,
    stop: &'a Stop,
    width: usize,
    /// The beams of all lanes, lane by lane.
    beams: Vec<Beam>,
    /// The beams after every step ahead.
    history: Vec<Vec<Beam>>,
}

impl Search<'_> {
    fn advance(&mut self, step: &Step<'_>) -> Result<()> {
        let owners: Vec<usize> = self.beams.iter().map(|beam| beam.lane).collect();
        let mut rows = Predictive::new(self.family.clone(), self.beams.len());
        self.session.conditional(step.known.fork(step.at..step.at + 1, &owners).row(0), &mut rows);
        let mut next = self.continued(&rows, step.given);
        for beam in &mut next {
            let is_defined = rows.is_defined(beam.parent);
            match step.ahead {
                Some(_) if beam.stopped => {}
                Some(_) => beam.count(&rows.row(beam.parent), is_defined, self.stop),
                // What follows a value that nobody knows has no density given the known ones.
                None if step.given[beam.lane].is_nan() => beam.log_prob = f64::NAN,
                None => {}
            }
        }
        let values: Vec<f64> = next.iter().map(|beam| beam.value).collect();
        check_finite(&values, step.ahead.unwrap_or_default())?;
        self.session = self.session.fork(&next.iter().map(|beam| beam.parent).collect::<Vec<_>>());
        self.session.observe(&values);
        self.history.push(next.clone());
        self.beams = next;
        Ok(())
    }

    /// The best continuations of every lane.
    fn continued(&self, rows: &Predictive, given: &[f64]) -> Vec<Beam> {
        let (mut next, mut candidates) = (Vec::new(), Vec::new());
        let mut parent = 0;
        for beams in self.beams.chunk_by(|a, b| a.lane == b.lane) {
            let mut own = Vec::new();
            for beam in beams {
                let given = given.get(beam.lane).copied().filter(|value| !value.is_nan());
                let fixed = if beam.stopped { Some(beam.value) } else { given };
                match fixed {
                    Some(value) => own.push(Beam { parent, value, ..*beam }),
                    None => {
                        rows.row(parent).candidates(self.width, &mut candidates);
                        own.extend(candidates.iter().map(|candidate| beam.continued_by(parent, candidate)));
                    }
                }
                parent += 1;
            }
            if own.len() > self.width {
                own.select_nth_unstable_by(self.width, Beam::rank);
                own.truncate(self.width);
            }
            next.extend(own);
        }
        next
    }

    /// The best beam of every lane, from its end back to its first step.
    fn best_paths(&self, lanes: usize, horizon: usize) -> Paths {
        let mut paths = Paths::empty(horizon, lanes);
        for lane in 0..lanes {
            let own = (0..self.beams.len()).filter(|&i| self.beams[i].lane == lane);
            let ranking = |i: &usize| self.stop.ranking(self.beams[*i].score, self.beams[*i].len);
            let Some(best) = own.reduce(|a, b| if ranking(&b) > ranking(&a) { b } else { a }) else { continue };
            let end = self.beams[best];
            let mut at = best;
            for (step, beams) in self.history.iter().enumerate().rev() {
                if step < end.len {
                    paths.values[step * lanes + lane] = beams[at].value;
                }
                at = beams[at].parent;
            }
            (paths.lens[lane], paths.stopped[lane], paths.log_prob[lane]) = (end.len, end.stopped, end.log_prob);
        }
        paths
    }
}

impl Beam {
    fn continued_by(&self, parent: usize, candidate: &Candidate) -> Self {
        Self { parent, value: candidate.value, score: self.score + candidate.log_density, ..*self }
    }
}
