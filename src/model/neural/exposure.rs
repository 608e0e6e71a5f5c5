//! Exposure bias and its remedies.
//!
//! A network is trained on true pasts and generates from its own: what it does wrong at one step is a past it never saw at the next.
//! The remedies show it its own values in training. Teacher forcing alone goes first; those that cost several passes per step join
//! for the second half of the training. The best epoch is then one of that half: one step ahead, earlier ones often are better.
//!
//! - **Scheduled sampling** (Bengio et al. 2015, arXiv 1506.03099; in one extra pass for all positions, Mihaylova and Martins
//!   2019, arXiv 1906.07651): a share of the values of a span, rising over the training, is replaced by draws from what the network
//!   said of them; targets stay true. No gradient through the draws.
//! - **Noise**: normal noise on the scaled inputs.
//! - **Free running**: k steps on its own draws; the loss is that of the true values along the way. The gradient goes through the draws of
//!   normal and Student-t heads (pathwise, with the noise held fixed), and stops at those of others.
//! - **Energy score** of R >= 2 rollouts of k steps: mean_r |y_r - z| - 1/2 mean_{r != s} |y_r - y_s|, the unbiased estimate of the
//!   energy score (Gneiting and Raftery 2007, *JASA* 102, p. 367; of one step it is the CRPS). Pathwise where draws are smooth, else the
//!   score function with the mean of the other rollouts as its baseline.
//!
//! Cost of the last two: k passes of W + 1 to W + k steps, forwards and backwards, instead of one of W + L.

use super::backbone::{Dropout, Shape};
use super::examples::Batch;
use super::frame::Window;
use super::head::Unit;
use super::network::Tape;
use super::training::{Part, Scratch, Trainer, unit};
use crate::error::{Error, Result};
use crate::math::float::Float;
use crate::math::random::LaneRng;

/// How fast the share of own values rises in scheduled sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rise {
    /// In proportion to the progress.
    Linear,
    /// As 1 - e^(-5 progress): early.
    Exponential,
}

/// What is done about exposure bias.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Remedy {
    /// Nothing: every past is true.
    TeacherForcing,
    /// Some values are the network's own.
    ScheduledSampling {
        /// The share that it rises to.
        most: f64,
        /// How fast.
        rise: Rise,
    },
    /// Normal noise on the scaled values that are inputs.
    Noise {
        /// Its standard deviation, in spreads of the context.
        sd: f64,
    },
    /// The likelihood of true values after own ones.
    FreeRunning {
        /// How many steps.
        steps: usize,
    },
    /// The energy score of whole rollouts.
    EnergyScore {
        /// How many steps.
        steps: usize,
        /// How many rollouts of each context.
        rollouts: usize,
    },
}

/// The share of the training after which remedies of several passes join.
const JOINS: f64 = 0.5;

impl Remedy {
    /// After how many epochs a network is what the remedy makes of it, rather than what teacher forcing does.
    pub(super) fn joins(&self, epochs: usize) -> usize {
        match self {
            Self::TeacherForcing | Self::Noise { .. } => 0,
            _ => (JOINS * epochs as f64).ceil() as usize % epochs,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let is_fine = match *self {
            Self::TeacherForcing => true,
            Self::ScheduledSampling { most, .. } => (0.0..=1.0).contains(&most),
            Self::Noise { sd } => sd >= 0.0 && sd.is_finite(),
            Self::FreeRunning { steps } => (1..=1000).contains(&steps),
            Self::EnergyScore { steps, rollouts } => (1..=1000).contains(&steps) && (2..=64).contains(&rollouts),
        };
        if is_fine {
            return Ok(());
        }
        Err(Error::usage(format!("{self:?} is no remedy"))
            .expected("shares from 0 to 1, noise of at least 0, 1 to 1000 steps, 2 to 64 rollouts"))
    }

    /// Loss and gradient of the windows of a batch.
    pub(super) fn losses<T: Float>(
        &self,
        trainer: &Trainer<'_, T>,
        scratch: &mut Scratch<T>,
        floor: f64,
        progress: f64,
        dropout: Dropout,
        rng: &mut LaneRng,
    ) -> Part<T> {
        match *self {
            Self::TeacherForcing => {}
            Self::Noise { sd } => {
                let true_windows = scratch.batch.windows.clone();
                scratch.batch.windows.iter_mut().for_each(|window| window.disturb(sd, rng));
                return trainer.teacher_forced(scratch, floor, dropout, Some(&true_windows));
            }
            Self::ScheduledSampling { most, rise } => {
                let share = most * if rise == Rise::Linear { progress } else { 1.0 - (-5.0 * progress).exp() };
                let true_windows = scratch.batch.windows.clone();
                replace_by_draws(trainer, scratch, floor, share, rng);
                return trainer.teacher_forced(scratch, floor, dropout, Some(&true_windows));
            }
            Self::FreeRunning { .. } | Self::EnergyScore { .. } if progress < JOINS => {}
            Self::FreeRunning { steps } => {
                let windows = long_enough(trainer, &scratch.batch.windows, steps);
                return Rollout { trainer, floor, dropout, steps }.free_running(&windows, rng);
            }
            Self::EnergyScore { steps, rollouts } => {
                let windows = long_enough(trainer, &scratch.batch.windows, steps);
                return Rollout { trainer, floor, dropout, steps }.energy(&windows, rollouts, rng);
            }
        }
        trainer.teacher_forced(scratch, floor, dropout, None)
    }
}

/// The windows with as many steps; all where none has.
fn long_enough<T: Float>(trainer: &Trainer<'_, T>, windows: &[Window], steps: usize) -> Vec<Window> {
    let is_long = |window: &&Window| window.z().len() >= trainer.frame.reach() + steps;
    let long: Vec<Window> = windows.iter().filter(is_long).cloned().collect();
    if long.is_empty() { windows.to_vec() } else { long }
}

/// Puts draws in the place of a share of the values of every span.
fn replace_by_draws<T: Float>(
    trainer: &Trainer<'_, T>,
    scratch: &mut Scratch<T>,
    floor: f64,
    share: f64,
    rng: &mut LaneRng,
) {
    let shape = trainer.forward(scratch, floor, Dropout::NONE);
    let (frame, head) = (trainer.frame, &trainer.network.head);
    let outputs = head.outputs();
    let mut d = vec![0.0; outputs];
    let Scratch { batch, tape, units, .. } = scratch;
    for step in frame.warm..shape.steps {
        for (lane, window) in batch.windows.iter_mut().enumerate() {
            let (row, at) = (step * shape.lanes + lane, frame.place(step));
            if at < window.z().len() && rng.uniform() < share {
                let raw = &tape.raw[row * outputs..(row + 1) * outputs];
                window.replace(at, head.draw(raw, units[row], rng, &mut d));
            }
        }
    }
}

/// Steps on own draws.
struct Rollout<'t, 'a, T> {
    trainer: &'t Trainer<'a, T>,
    floor: f64,
    dropout: Dropout,
    steps: usize,
}

/// The pass of one step of a rollout.
struct Pass<T> {
    shape: Shape,
    batch: Batch<T>,
    tape: Tape<T>,
    /// Of every lane the draw's derivative by the raw numbers of its row.
    d_draw: Vec<f64>,
    /// The gradient of the loss by all raw numbers of the pass.
    d_raw: Vec<T>,
}

impl<T: Float> Rollout<'_, '_, T> {
    /// The passes over windows that grow by own draws, and the draws: one list of steps per lane. `each` may add the loss of a
    /// step: it is given the pass and the step.
    fn passes(
        &self,
        windows: &[Window],
        rng: &mut LaneRng,
        mut each: impl FnMut(&mut Pass<T>, &[Unit], usize),
    ) -> (Vec<Pass<T>>, Vec<Vec<f64>>) {
        let Trainer { frame, network, parameters, .. } = self.trainer;
        let lanes = windows.len();
        let outputs = network.head.outputs();
        let units: Vec<Unit> = windows.iter().map(|window| unit(frame, window, self.floor)).collect();
        let mut own: Vec<Window> = windows.to_vec();
        let mut draws = vec![Vec::new(); lanes];
        let mut passes = Vec::new();
        let steps = windows.iter().map(|window| window.z().len() - frame.reach()).min().unwrap_or(0).min(self.steps);
        for step in 0..steps {
            let mut pass = Pass {
                shape: Shape { steps: 0, lanes },
                batch: Batch {
                    windows: own.iter().map(|window| window.cut(frame, step + 1)).collect(),
                    ..Batch::default()
                },
                tape: Tape::default(),
                d_draw: vec![0.0; lanes * outputs],
                d_raw: Vec::new(),
            };
            pass.shape.steps = pass.batch.fill(frame);
            network.forward(parameters, pass.shape, &pass.batch.x, self.dropout, &mut pass.tape);
            pass.d_raw = vec![T::ZERO; pass.tape.raw.len()];
            each(&mut pass, &units, step);
            let last = pass.tape.raw.len() - lanes * outputs;
            for lane in 0..lanes {
                let raw = &pass.tape.raw[last + lane * outputs..last + (lane + 1) * outputs];
                let d = &mut pass.d_draw[lane * outputs..(lane + 1) * outputs];
                let z = network.head.draw(raw, units[lane], rng, d);
                own[lane].replace(frame.reach() + step, z);
                draws[lane].push(z);
            }
            passes.push(pass);
        }
        (passes, draws)
    }

    /// The gradient by the parameters, from that of the loss by every draw (lane by lane, `d_draws`) and by the raw numbers.
    fn backward(&self, mut passes: Vec<Pass<T>>, mut d_draws: Vec<Vec<f64>>) -> Vec<T> {
        let Trainer { frame, network, parameters, .. } = self.trainer;
        let outputs = network.head.outputs();
        let mut gradient = vec![T::ZERO; parameters.len()];
        for (step, pass) in passes.iter_mut().enumerate().rev() {
            let lanes = pass.shape.lanes;
            let last = pass.d_raw.len() - lanes * outputs;
            for (lane, d_draw) in d_draws.iter().enumerate() {
                for i in 0..outputs {
                    pass.d_raw[last + lane * outputs + i] += T::of(d_draw[step] * pass.d_draw[lane * outputs + i]);
                }
            }
            let mut d_x = vec![T::ZERO; pass.batch.x.len()];
            let Pass { shape, batch, tape, d_raw, .. } = pass;
            network.backward(parameters, *shape, &batch.x, self.dropout, tape, d_raw, &mut gradient, Some(&mut d_x));
            if !network.head.is_pathwise() {
                continue;
            }
            let width = frame.width();
            for (lane, window) in batch.windows.iter().enumerate() {
                let mut d_z = vec![0.0; frame.reach() + step + 1];
                for row in frame.warm..shape.steps {
                    let at = (row * lanes + lane) * width;
                    frame.row_backward(window, row, &d_x[at..at + width], &mut d_z);
                }
                // Only what was drawn: the values before the anchor are data.
                let own = &d_z[frame.reach()..];
                d_draws[lane].iter_mut().zip(own).take(step).for_each(|(sum, d)| *sum += d);
            }
        }
        gradient
    }

    /// Minus the log densities of the true values after own draws.
    fn free_running(&self, windows: &[Window], rng: &mut LaneRng) -> Part<T> {
        let Trainer { frame, network, .. } = self.trainer;
        let outputs = network.head.outputs();
        let (mut loss, mut targets) = (0.0, 0);
        let (passes, draws) = self.passes(windows, rng, |pass, units, step| {
            let at = frame.reach() + step;
            let truth = |window: &Window| if window.is_missing(at) { f64::NAN } else { window.z()[at] };
            let z: Vec<f64> = windows.iter().map(truth).collect();
            let last = pass.tape.raw.len() - windows.len() * outputs;
            let (sum, count) = network.head.log_probs(&pass.tape.raw[last..], &z, units, &mut pass.d_raw[last..]);
            loss -= sum;
            targets += count;
        });
        let d_draws = draws.iter().map(|draws| vec![0.0; draws.len()]).collect();
        Part { loss, targets, gradient: self.backward(passes, d_draws) }
    }

    /// The energy score of several rollouts of every window.
    fn energy(&self, windows: &[Window], rollouts: usize, rng: &mut LaneRng) -> Part<T> {
        let Trainer { frame, network, .. } = self.trainer;
        // Windows without a gap: a distance needs all of a path.
        let is_whole = |window: &&Window| (frame.reach()..window.z().len()).all(|at| !window.is_missing(at));
        let lanes: Vec<Window> =
            windows.iter().filter(is_whole).flat_map(|window| std::iter::repeat_n(window, rollouts)).cloned().collect();
        if lanes.is_empty() {
            return Part { loss: 0.0, targets: 0, gradient: vec![T::ZERO; self.trainer.parameters.len()] };
        }
        let (mut passes, draws) = self.passes(&lanes, rng, |_, _, _| {});
        let mut d_draws: Vec<Vec<f64>> = draws.iter().map(|draws| vec![0.0; draws.len()]).collect();
        let (mut loss, mut targets) = (0.0, 0);
        let outputs = network.head.outputs();
        for (first, group) in draws.chunks(rollouts).enumerate().map(|(i, group)| (i * rollouts, group)) {
            let truth = &lanes[first].z()[frame.reach()..];
            let score = EnergyScore::of(group, truth);
            loss += score.value * group[0].len() as f64;
            targets += group[0].len();
            for (r, (own, advantage)) in score.by_draw.iter().zip(&score.advantages).enumerate() {
                let lane = first + r;
                let weight = own.len() as f64;
                if network.head.is_pathwise() {
                    d_draws[lane].iter_mut().zip(own).for_each(|(d, own)| *d = weight * own);
                    continue;
                }
                let unit = unit(frame, &lanes[lane], self.floor);
                let mut d = vec![0.0; outputs];
                for (pass, z) in passes.iter_mut().zip(&draws[lane]) {
                    let at = pass.tape.raw.len() - (lanes.len() - lane) * outputs;
                    let _ = network.head.score(&pass.tape.raw[at..at + outputs], unit, *z, &mut d);
                    let d_raw = &mut pass.d_raw[at..at + outputs];
                    d_raw.iter_mut().zip(&d).for_each(|(sum, d)| *sum += T::of(weight * advantage * d));
                }
            }
        }
        Part { loss, targets, gradient: self.backward(passes, d_draws) }
    }
}

/// The energy score of some paths, and what each contributes.
#[derive(Debug, Clone)]
pub(super) struct EnergyScore {
    /// The unbiased estimate, divided by sqrt(steps), so that it is of the size of one step's error.
    pub(super) value: f64,
    /// Its derivative by every draw of every path.
    pub(super) by_draw: Vec<Vec<f64>>,
    /// Of every path what it adds to the score, less what the others would add without it.
    pub(super) advantages: Vec<f64>,
}

impl EnergyScore {
    pub(super) fn of(paths: &[Vec<f64>], truth: &[f64]) -> Self {
        let count = paths.len() as f64;
        let size = (paths[0].len() as f64).sqrt();
        let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / size;
        let (to_truth, to_pair) = (1.0 / count, 1.0 / (count * (count - 1.0)));
        let errors: Vec<f64> = paths.iter().map(|path| distance(path, truth)).collect();
        let mut value = errors.iter().sum::<f64>() * to_truth;
        let mut by_draw = vec![vec![0.0; paths[0].len()]; paths.len()];
        let mut pull = |r: usize, other: &[f64], length: f64, weight: f64| {
            if length > 0.0 {
                for (d, (own, other)) in by_draw[r].iter_mut().zip(paths[r].iter().zip(other)) {
                    *d += weight * (own - other) / (length * size * size);
                }
            }
        };
        let mut pairs = vec![vec![0.0; paths.len()]; paths.len()];
        for r in 0..paths.len() {
            pull(r, truth, errors[r], to_truth);
            for s in 0..paths.len() {
                if s == r {
                    continue;
                }
                pairs[r][s] = distance(&paths[r], &paths[s]);
                // Each pair stands twice in the sum, once for either of its paths.
                pull(r, &paths[s], pairs[r][s], -to_pair);
                value -= 0.5 * to_pair * pairs[r][s];
            }
        }
        // What depends on path r is its error and its pairs; the baseline knows only the others.
        let part = |r: usize| to_truth * errors[r] - to_pair * pairs[r].iter().sum::<f64>();
        let others = |r: usize| {
            let without = |s: usize| {
                let rest: f64 = (0..paths.len()).filter(|u| *u != r).map(|u| pairs[s][u]).sum();
                let scale = if paths.len() > 2 { (count - 1.0) / (count - 2.0) } else { 0.0 };
                to_truth * errors[s] - to_pair * scale * rest
            };
            (0..paths.len()).filter(|s| *s != r).map(without).sum::<f64>() / (count - 1.0)
        };
        let advantages = (0..paths.len()).map(|r| part(r) - others(r)).collect();
        Self { value, by_draw, advantages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::special::normal_cdf;
    use crate::model::neural::frame::{Frame, Limits, Scale};
    use crate::model::neural::head::Head;
    use crate::model::neural::spec::{Architecture, Body};
    use crate::model::neural::training::Training;
    use crate::predictive::Link;

    /// CRPS of a normal (Gneiting and Raftery 2007, equation 21).
    fn crps(mean: f64, sd: f64, x: f64) -> f64 {
        let z = (x - mean) / sd;
        let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        sd * (z * (2.0 * normal_cdf(z) - 1.0) + 2.0 * density - 1.0 / std::f64::consts::PI.sqrt())
    }

    /// The estimate and both of its gradients (by the mean and the standard deviation of the draws), averaged over pairs.
    #[test]
    fn the_energy_score_of_one_step_is_the_crps_with_its_gradient() {
        const N: usize = 40_000;
        let (mean, sd, x) = (0.3, 1.2, 1.0);
        for rollouts in [2, 4] {
            let mut rng = LaneRng::new(4, rollouts as u64);
            let (mut value, mut pathwise, mut scored) = (0.0, [0.0; 2], [0.0; 2]);
            for _ in 0..N {
                let noise: Vec<f64> = (0..rollouts).map(|_| rng.normal()).collect();
                let paths: Vec<Vec<f64>> = noise.iter().map(|e| vec![mean + sd * e]).collect();
                let score = EnergyScore::of(&paths, &[x]);
                value += score.value / N as f64;
                for ((e, d), advantage) in noise.iter().zip(&score.by_draw).zip(&score.advantages) {
                    pathwise[0] += d[0] / N as f64;
                    pathwise[1] += d[0] * e / N as f64;
                    scored[0] += advantage * e / sd / N as f64;
                    scored[1] += advantage * (e * e - 1.0) / sd / N as f64;
                }
            }
            let h = 1e-5;
            let by_mean = (crps(mean + h, sd, x) - crps(mean - h, sd, x)) / (2.0 * h);
            let by_sd = (crps(mean, sd + h, x) - crps(mean, sd - h, x)) / (2.0 * h);
            for (what, own, exact, tolerance) in [
                ("value", value, crps(mean, sd, x), 0.01),
                ("by the mean", pathwise[0], by_mean, 0.02),
                ("by the spread", pathwise[1], by_sd, 0.02),
                ("by the mean, score function", scored[0], by_mean, 0.04),
                ("by the spread, score function", scored[1], by_sd, 0.04),
            ] {
                assert!((own - exact).abs() < tolerance, "{rollouts} rollouts, {what}: {own}, not {exact}");
            }
        }
    }

    /// A trainer of a small network in double precision, and windows of noise.
    fn with_trainer(head: Head, check: impl Fn(&mut Trainer<'_, f64>, &[Window])) {
        let frame = Frame {
            lags: vec![1, 3],
            warm: 2,
            span: 6,
            least: 5,
            periods: Vec::new(),
            covariates: Vec::new(),
            has_indicators: false,
            is_scaled: true,
            is_nonnegative: false,
            training: Scale { location: 0.0, spread: 1.0 },
            limits: Limits::NONE,
            gap: 0.0,
            link: Link::Identity,
            series: Vec::new(),
        };
        let body = Body { architecture: Architecture::Gru, hidden: 4, layers: 1, has_constant_scale: false };
        let network = body.network(&frame, head);
        let training = Training::default();
        let mut rng = LaneRng::new(2, 0);
        let windows: Vec<Window> = (0..3)
            .map(|_| {
                let past: Vec<f64> = (0..frame.reach()).map(|_| rng.normal()).collect();
                let mut window = frame.window(&past, 0, &[]);
                (0..frame.span).for_each(|_| window.push(rng.normal()));
                window
            })
            .collect();
        let mut parameters = network.initialise::<f64>(&mut LaneRng::new(7, 0));
        // Nowhere zero, so that every value pulls on the next ones.
        parameters.iter_mut().for_each(|p| *p += 0.3 * rng.normal());
        check(&mut Trainer { network: &network, frame: &frame, training: &training, parameters }, &windows);
    }

    /// The noise of the draws is held fixed, so that a loss is a smooth function of the parameters.
    #[test]
    fn gradients_through_own_draws_are_central_differences() {
        with_trainer(Head::Gaussian, |trainer, windows| {
            for rollouts in [None, Some(2), Some(3)] {
                let part = |trainer: &Trainer<'_, f64>| {
                    let rollout = Rollout { trainer, floor: 0.01, dropout: Dropout::NONE, steps: 4 };
                    let mut rng = LaneRng::new(11, 0);
                    match rollouts {
                        None => rollout.free_running(windows, &mut rng),
                        Some(count) => rollout.energy(windows, count, &mut rng),
                    }
                };
                let own = part(trainer);
                assert_eq!(own.targets, 12);
                for i in (0..trainer.parameters.len()).step_by(5) {
                    let start = trainer.parameters[i];
                    let mut at = |h: f64| {
                        trainer.parameters[i] = start + h;
                        let loss = part(trainer).loss;
                        trainer.parameters[i] = start;
                        loss
                    };
                    let h = 1e-5;
                    let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
                    let error = (own.gradient[i] - difference).abs() / difference.abs().max(1.0);
                    assert!(error < 1e-6, "{rollouts:?}, {i}: {} against {difference}", own.gradient[i]);
                }
            }
        });
    }

    #[test]
    fn whatever_the_inputs_become_targets_stay_true() {
        with_trainer(Head::StudentT, |trainer, windows| {
            let of = |remedy: Remedy| {
                let mut scratch = Scratch::default();
                scratch.batch.windows = windows.to_vec();
                let mut rng = LaneRng::new(1, 0);
                let part = remedy.losses(trainer, &mut scratch, 0.01, 1.0, Dropout::NONE, &mut rng);
                let targets: Vec<u64> = scratch.batch.targets.iter().map(|z| z.to_bits()).collect();
                (part.loss, targets, scratch.batch.x)
            };
            let (loss, targets, x) = of(Remedy::TeacherForcing);
            let sampled = |most| Remedy::ScheduledSampling { most, rise: Rise::Linear };
            for remedy in [sampled(0.0), Remedy::Noise { sd: 0.0 }] {
                assert_eq!(of(remedy), (loss, targets.clone(), x.clone()), "{remedy:?} of nothing");
            }
            for remedy in [sampled(1.0), Remedy::Noise { sd: 2.0 }] {
                let (own_loss, own_targets, own_x) = of(remedy);
                assert!(own_targets == targets && own_x != x && own_loss != loss, "{remedy:?}");
            }
        });
    }
}
