//! Training: mini-batches of windows, teacher forcing, AdamW, and the weights that did best on later times.
//!
//! The loss is the mean of -ln p(z_t | z_<t) over the targets of a batch, all positions of a window in one pass. The rate rises
//! linearly over the warm-up and then falls by half a cosine; gradients are scaled down to a norm. After every epoch the
//! held-out *later* times are scored, and the best weights are kept. A batch is cut into micro-batches of a fixed number of
//! windows, whose gradients are added in their order: the same bits on any number of threads.
//!
//! A loss or a gradient that is not finite is not stepped along: the best weights so far are taken back and the rate is
//! halved, a few times, of which the fit warns; then it is an error.

use std::sync::Mutex;
use std::time::Instant;

use rayon::prelude::*;

use super::adam::Adam;
use super::backbone::{Dropout, Shape};
use super::checkpoint::{Progress, Run};
use super::examples::{Batch, Examples};
use super::exposure::Remedy;
use super::frame::{Frame, Window};
use super::head::Unit;
use super::network::{Network, Tape};
use crate::error::{Error, Result};
use crate::math::float::Float;
use crate::math::random::LaneRng;

/// Windows per micro-batch: few enough for the cache, enough for the products.
const MICRO_BATCH: usize = 16;
/// An epoch has at least so many steps, whatever the number of windows.
const LEAST_STEPS: usize = 25;
/// Windows that the held-out times are scored on, at most.
const HELD_OUT_WINDOWS: usize = 256;
/// How often a loss that is not finite is recovered from.
const RECOVERIES: usize = 5;
/// The smallest scale of a row, in spreads of its context: at the start of training, and after half of it. Scales of 1e-4 let the
/// first steps explode.
const FLOORS: [f64; 2] = [1e-2, 1e-3];

/// How a network is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Passes over the training windows; a pass has at least 25 steps.
    pub epochs: usize,
    /// Windows per step.
    pub batch: usize,
    /// The highest rate.
    pub learning_rate: f64,
    /// The share of all steps over which the rate rises.
    pub warm_up: f64,
    /// Weight decay, per unit of the rate.
    pub weight_decay: f64,
    /// The share of hidden units that a step leaves out.
    pub dropout: f64,
    /// The largest norm of a gradient; infinite for none.
    pub clip: f64,
    /// The share of the times, the last of every series, that are held out to judge epochs by; 0 to train on all.
    pub held_out: f64,
    /// Epochs without a better held-out loss before training ends.
    pub patience: usize,
    /// The seed of everything random.
    pub seed: u64,
    /// What is done about exposure bias.
    pub remedy: Remedy,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            epochs: 40,
            batch: 32,
            learning_rate: 2e-3,
            warm_up: 0.05,
            weight_decay: 0.01,
            dropout: 0.1,
            clip: 1.0,
            held_out: 0.1,
            patience: 10,
            seed: 0,
            remedy: Remedy::TeacherForcing,
        }
    }
}

impl Training {
    pub(super) fn check(&self) -> Result<()> {
        let share = |name: &str, x: f64, below: f64| {
            if (0.0..below).contains(&x) {
                return Ok(());
            }
            Err(Error::usage(format!("{name} of {x}")).expected(format!("a number from 0 to below {below}")))
        };
        share("dropout", self.dropout, 1.0)?;
        share("a held-out share", self.held_out, 0.9)?;
        share("a warm-up share", self.warm_up, 1.0)?;
        share("a weight decay", self.weight_decay, f64::INFINITY)?;
        for (name, count) in [("epochs", self.epochs), ("batch", self.batch)] {
            if count == 0 {
                return Err(Error::usage(format!("{name} of 0")).expected("at least 1"));
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite() && self.clip > 0.0) {
            return Err(Error::usage(format!("a rate of {} with clip {}", self.learning_rate, self.clip))
                .expected("numbers above 0"));
        }
        self.remedy.check()
    }
}

/// What an epoch brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Its number, from 1.
    pub number: usize,
    /// How many there will be at most.
    pub of: usize,
    /// The mean loss of its steps: nats per scaled value, with whatever a remedy changes about it.
    pub loss: f64,
    /// Minus the mean log density of the held-out values in data units, in nats; NaN where nothing is held out.
    pub held_out: f64,
    /// The mean norm of the gradient before it was scaled down.
    pub gradient_norm: f64,
    /// The rate of its last step.
    pub learning_rate: f64,
    /// Seconds since training began.
    pub seconds: f64,
    /// Whether the model has the weights after this epoch.
    pub is_kept: bool,
}

/// How a training went.
pub(super) struct Trained {
    pub(super) history: Vec<Epoch>,
    /// How often a loss was not finite.
    pub(super) recoveries: usize,
}

/// A network in training.
pub(super) struct Trainer<'a, T> {
    pub(super) network: &'a Network,
    pub(super) frame: &'a Frame,
    pub(super) training: &'a Training,
    pub(super) parameters: Vec<T>,
}

/// What one micro-batch works in.
#[derive(Debug)]
pub(super) struct Scratch<T> {
    pub(super) batch: Batch<T>,
    pub(super) tape: Tape<T>,
    pub(super) units: Vec<Unit>,
    pub(super) d_raw: Vec<T>,
}

impl<T: Float> Default for Scratch<T> {
    fn default() -> Self {
        Self { batch: Batch::default(), tape: Tape::default(), units: Vec::new(), d_raw: Vec::new() }
    }
}

/// The sum of the losses of some windows, the number of their targets, and the gradient of the sum.
pub(super) struct Part<T> {
    pub(super) loss: f64,
    pub(super) targets: usize,
    pub(super) gradient: Vec<T>,
}

impl<T: Float> Trainer<'_, T> {
    /// Trains from the parameters that are there, or from where a checkpoint of the same training stands, and leaves the best.
    ///
    /// # Errors
    /// If the loss does not stay finite, or a checkpoint cannot be read or kept.
    pub(super) fn train(&mut self, examples: &Examples<'_>, run: &mut Run<'_>, fingerprint: &str) -> Result<Trained> {
        let Training { epochs, batch, .. } = *self.training;
        let judged = examples.held_out(HELD_OUT_WINDOWS);
        let is_judged = judged.iter().any(|window| window.has_targets(self.frame));
        let steps = (examples.targets() / (batch * self.frame.span)).max(LEAST_STEPS);
        let schedule = Schedule { training: self.training, steps: steps * epochs, per_epoch: steps };
        let mut now = match run.resume {
            Some(bytes) => Progress::read(bytes, fingerprint, self.parameters.len())?,
            None => Progress::new(std::mem::take(&mut self.parameters)),
        };
        let (done, before) = now.history.last().map_or((0, 0.0), |epoch| (epoch.number, epoch.seconds));
        let mut rng = LaneRng::new(self.training.seed, 1);
        // What was drawn before.
        for _ in 0..done * steps * batch {
            let _ = examples.pick(&mut rng);
        }
        let pool = Mutex::new(Vec::new());
        let begun = Instant::now();
        self.parameters.clone_from(&now.parameters);
        // What was best before a remedy joined is not what was asked for.
        let joins = self.training.remedy.joins(epochs);
        for number in done + 1..=epochs {
            if now.best_epoch > 0 && number > now.best_epoch.max(joins) + self.training.patience {
                break;
            }
            if joins > 0 && number == joins + 1 {
                (now.best_loss, now.best_epoch) = (f64::INFINITY, 0);
                now.best.clone_from(&self.parameters);
            }
            let mut draw = || (0..batch).map(|_| examples.window(examples.pick(&mut rng))).collect();
            let [loss, gradient_norm, learning_rate] = self.epoch(number, &schedule, &mut now, &mut draw, &pool)?;
            let held_out = self.score(&judged, &pool);
            let epoch = Epoch {
                number,
                of: epochs,
                loss,
                held_out,
                gradient_norm,
                learning_rate,
                seconds: before + begun.elapsed().as_secs_f64(),
                is_kept: false,
            };
            if let Some(observe) = &mut run.observe {
                observe(&epoch);
            }
            now.history.push(epoch);
            // Where nothing is held out the last epoch is the best; what is not a number never is.
            if held_out < now.best_loss || (!is_judged && self.parameters.iter().all(|p| p.to_f64().is_finite())) {
                (now.best_loss, now.best_epoch) = (held_out, number);
                now.best.clone_from(&self.parameters);
            }
            if let Some(keep) = &mut run.keep {
                now.parameters.clone_from(&self.parameters);
                keep(&now.write(fingerprint)?)?;
            }
            if now.best_epoch == 0 && number >= joins + self.training.patience {
                break;
            }
        }
        if now.best_epoch == 0 {
            return Err(Error::numeric("no epoch has a finite loss on the held-out values")
                .hint("use a smaller --learning-rate, or another --head"));
        }
        self.parameters = now.best;
        now.history.iter_mut().for_each(|epoch| epoch.is_kept = epoch.number == now.best_epoch);
        Ok(Trained { history: now.history, recoveries: now.recoveries })
    }

    /// The steps of an epoch: the mean loss, the mean norm of the gradient, and the rate of the last step. After a loss that is not
    /// finite the best parameters so far are taken back, and the rate is halved.
    fn epoch(
        &mut self,
        number: usize,
        schedule: &Schedule<'_>,
        now: &mut Progress<T>,
        draw: &mut dyn FnMut() -> Vec<Window>,
        pool: &Mutex<Vec<Scratch<T>>>,
    ) -> Result<[f64; 3]> {
        let steps = schedule.per_epoch;
        let (mut loss, mut norms, mut rate) = (0.0, 0.0, 0.0);
        for done in (number - 1) * steps..number * steps {
            rate = now.factor * schedule.rate(done);
            let progress = done as f64 / schedule.steps as f64;
            let (mean, norm) = self.step(draw(), progress, done as u64, rate, &mut now.adam, pool);
            if mean.is_finite() && norm.is_finite() {
                loss += mean;
                norms += norm;
                continue;
            }
            now.recoveries += 1;
            if now.recoveries > RECOVERIES {
                return Err(Error::numeric(format!("the loss is not finite in epoch {number}, time and again"))
                    .hint("use a smaller --learning-rate, or another --head"));
            }
            self.parameters.clone_from(&now.best);
            now.adam = Adam::new(self.parameters.len());
            now.factor *= 0.5;
        }
        Ok([loss / steps as f64, norms / steps as f64, rate])
    }

    /// One step: the mean loss, and the norm of its gradient.
    pub(super) fn step(
        &mut self,
        windows: Vec<Window>,
        progress: f64,
        number: u64,
        rate: f64,
        adam: &mut Adam<T>,
        pool: &Mutex<Vec<Scratch<T>>>,
    ) -> (f64, f64) {
        let mut rest = windows.into_iter();
        let next = || Some(rest.by_ref().take(MICRO_BATCH).collect::<Vec<Window>>()).filter(|own| !own.is_empty());
        let micro: Vec<(usize, Vec<Window>)> = std::iter::from_fn(next).enumerate().collect();
        let floor = FLOORS[0] + (FLOORS[1] - FLOORS[0]) * (2.0 * progress).min(1.0);
        let parts: Vec<Part<T>> = micro
            .into_par_iter()
            .map(|(i, windows)| {
                let mut scratch = take(pool);
                let mut rng = LaneRng::new(self.training.seed, 2 + number * 1024 + i as u64);
                scratch.batch.windows = windows;
                let part = self.losses(&mut scratch, floor, progress, &mut rng);
                put(pool, scratch);
                part
            })
            .collect();
        let targets: usize = parts.iter().map(|part| part.targets).sum();
        if targets == 0 {
            return (0.0, 0.0);
        }
        let loss = parts.iter().map(|part| part.loss).sum::<f64>() / targets as f64;
        let mut parts = parts.into_iter();
        let mut gradient = parts.next().map(|part| part.gradient).unwrap_or_default();
        for part in parts {
            gradient.iter_mut().zip(&part.gradient).for_each(|(sum, g)| *sum += *g);
        }
        let norm = gradient.iter().map(|g| g.to_f64().powi(2)).sum::<f64>().sqrt() / targets as f64;
        if !(loss.is_finite() && norm.is_finite()) {
            return (f64::NAN, norm);
        }
        let shrink = T::of((self.training.clip / norm).min(1.0) / targets as f64);
        gradient.iter_mut().for_each(|g| *g *= shrink);
        adam.step(&self.network.layout, &mut self.parameters, &gradient, rate, self.training.weight_decay);
        (loss, norm)
    }

    /// Loss and gradient of the windows of a batch.
    fn losses(&self, scratch: &mut Scratch<T>, floor: f64, progress: f64, rng: &mut LaneRng) -> Part<T> {
        let dropout = Dropout::new(self.training.dropout, (rng.uniform() * (1_u64 << 53) as f64) as u64);
        self.training.remedy.losses(self, scratch, floor, progress, dropout, rng)
    }

    /// Loss and gradient under teacher forcing; the targets are those of other windows, if given.
    pub(super) fn teacher_forced(
        &self,
        scratch: &mut Scratch<T>,
        floor: f64,
        dropout: Dropout,
        targets_of: Option<&[Window]>,
    ) -> Part<T> {
        let shape = self.forward(scratch, floor, dropout);
        let Scratch { batch, tape, units, d_raw } = scratch;
        if let Some(windows) = targets_of {
            batch.set_targets(self.frame, windows);
        }
        d_raw.clear();
        d_raw.resize(tape.raw.len(), T::ZERO);
        let (sum, targets) = self.network.head.log_probs(&tape.raw, &batch.targets, units, d_raw);
        let mut gradient = vec![T::ZERO; self.parameters.len()];
        self.network.backward(&self.parameters, shape, &batch.x, dropout, tape, d_raw, &mut gradient, None);
        Part { loss: -sum, targets, gradient }
    }

    /// A pass over the windows of a batch: raw numbers in the tape, the units of its rows.
    pub(super) fn forward(&self, scratch: &mut Scratch<T>, floor: f64, dropout: Dropout) -> Shape {
        let Scratch { batch, tape, units, .. } = scratch;
        let shape = Shape { steps: batch.fill(self.frame), lanes: batch.windows.len() };
        let of = batch.windows.iter().map(|window| unit(self.frame, window, floor));
        units.clear();
        units.extend(of.cycle().take(shape.rows()));
        self.network.forward(&self.parameters, shape, &batch.x, dropout, tape);
        shape
    }

    /// Minus the mean log density of the targets of some windows, in data units.
    pub(super) fn score(&self, windows: &[Window], pool: &Mutex<Vec<Scratch<T>>>) -> f64 {
        let parts: Vec<(f64, usize)> = windows
            .par_chunks(MICRO_BATCH)
            .map(|windows| {
                let mut scratch = take(pool);
                scratch.batch.windows = windows.to_vec();
                let _ = self.forward(&mut scratch, FLOORS[1], Dropout::NONE);
                let Scratch { batch, tape, units, d_raw } = &mut scratch;
                d_raw.clear();
                d_raw.resize(tape.raw.len(), T::ZERO);
                let (sum, targets) = self.network.head.log_probs(&tape.raw, &batch.targets, units, d_raw);
                let lanes = windows.len();
                let in_data_units = |(row, z): (usize, &f64)| {
                    if z.is_nan() {
                        return 0.0;
                    }
                    let map = self.frame.map(windows[row % lanes].scale);
                    if self.network.head.is_of_counts() { 0.0 } else { map.log_jacobian(map.forward(*z)) }
                };
                let jacobians: f64 = batch.targets.iter().enumerate().map(in_data_units).sum();
                put(pool, scratch);
                (sum + jacobians, targets)
            })
            .collect();
        let (sum, targets) = parts.iter().fold((0.0, 0), |all, part| (all.0 + part.0, all.1 + part.1));
        -sum / targets as f64
    }
}

/// The unit of the rows of a window.
pub(super) fn unit(frame: &Frame, window: &Window, floor: f64) -> Unit {
    let Window { scale, .. } = window;
    Unit { floor: floor.max(frame.floor(*scale)), location: scale.location, spread: scale.spread }
}

/// The floor of a trained network.
pub(super) fn trained_floor() -> f64 {
    FLOORS[1]
}

fn take<T: Default>(pool: &Mutex<Vec<T>>) -> T {
    pool.lock().ok().and_then(|mut free| free.pop()).unwrap_or_default()
}

fn put<T>(pool: &Mutex<Vec<T>>, scratch: T) {
    if let Ok(mut free) = pool.lock() {
        free.push(scratch);
    }
}

/// The rate of every step.
struct Schedule<'a> {
    training: &'a Training,
    steps: usize,
    per_epoch: usize,
}

impl Schedule<'_> {
    fn rate(&self, step: usize) -> f64 {
        let progress = (step as f64 + 0.5) / self.steps as f64;
        let warm_up = self.training.warm_up;
        let share = if progress < warm_up {
            progress / warm_up
        } else {
            0.5 * (1.0 + (std::f64::consts::PI * (progress - warm_up) / (1.0 - warm_up)).cos())
        };
        self.training.learning_rate * share
    }
}
