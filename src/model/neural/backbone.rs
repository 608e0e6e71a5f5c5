//! What a backbone is: inputs of every step become features of every step, causally.
//!
//! ```text
//! u_1 .. u_S  (a row of inputs per step and lane)  --backbone-->  f_1 .. f_S,  f_s a function of u_1 .. u_s
//! ```
//!
//! Rows are time-major, row = step * lanes + lane, so that one step of all lanes is a block of rows and a dilation an offset of
//! rows. A backbone computes all steps at once ([`forward`](Backbone::forward), for training, and
//! [`backward`](Backbone::backward) beside it) and one step after another from a state ([`step`](Backbone::step), for
//! generation); `the_laws` below hold the two, and the gradient, to each other. It owns no numbers: parameters come as one
//! vector, see [`Layout`](super::parameters::Layout).

use std::fmt::Debug;

use super::parameters::Operands;
use crate::math::float::Float;

/// How many steps of how many lanes: a matrix of steps * lanes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) steps: usize,
    pub(super) lanes: usize,
}

impl Shape {
    pub(super) fn rows(self) -> usize {
        self.steps * self.lanes
    }
}

/// A network body.
pub(super) trait Backbone<T: Float>: Debug + Send + Sync {
    /// What a forward pass leaves for the backward pass. Reused from pass to pass.
    type Tape: Default + Send;
    /// What is remembered of the steps before, for several lanes.
    type State: Clone + Debug + Send + Sync;

    /// The numbers of a row of inputs.
    fn inputs(&self) -> usize;

    /// The numbers of a row of features.
    fn features(&self) -> usize;

    /// On how many steps, its own included, a row of features depends; `None` where on all.
    fn receptive_field(&self) -> Option<usize>;

    /// Multiplications of one step of one lane, when `past` steps went before.
    fn cost_per_step(&self, past: usize) -> usize;

    /// All steps at once: `out` becomes one row of features per row of inputs.
    fn forward(&self, p: &[T], shape: Shape, x: &[T], dropout: Dropout, tape: &mut Self::Tape, out: &mut Vec<T>);

    /// The gradient of the last forward pass, with the same `x` and `dropout`: from that of the features, that of the
    /// parameters is added to `gradient` and that of the inputs, if asked for, to `d_x`.
    #[expect(clippy::too_many_arguments, reason = "a pass backwards has two sides")]
    fn backward(
        &self,
        p: &[T],
        shape: Shape,
        x: &[T],
        dropout: Dropout,
        tape: &mut Self::Tape,
        d_out: &[T],
        gradient: &mut [T],
        d_x: Option<&mut [T]>,
    );

    /// The state before the first step.
    fn begin(&self, lanes: usize) -> Self::State;

    /// The state after the steps of a forward pass (without dropout) from the beginning.
    fn state(&self, tape: &Self::Tape, shape: Shape, x: &[T]) -> Self::State;

    /// One step of every lane: from a row of inputs for each to a row of features for each.
    fn step(&self, w: Operands<'_, T>, state: &mut Self::State, x: &[T], out: &mut Vec<T>);

    /// The state whose lane i is lane `parents[i]`.
    fn fork(&self, state: &Self::State, parents: &[usize]) -> Self::State;
}

/// Zeroes a share of numbers at random and scales up the others (Srivastava et al. 2014, *JMLR* 15, p. 1929). Which ones
/// follows from a seed and the place alone, so that the backward pass makes the same choice without a mask in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dropout {
    rate: f64,
    seed: u64,
}

impl Dropout {
    /// No dropout.
    pub(super) const NONE: Self = Self { rate: 0.0, seed: 0 };

    /// Drops each number with probability `rate`.
    pub(super) fn new(rate: f64, seed: u64) -> Self {
        Self { rate, seed }
    }

    /// The dropout of another place of the network: every place has a number of its own.
    pub(super) fn at(self, place: u64) -> Self {
        Self { seed: mix(self.seed ^ mix(place.wrapping_add(1))), ..self }
    }

    /// Drops from values in the forward pass, and from their gradients in the backward pass.
    pub(super) fn apply<T: Float>(self, x: &mut [T]) {
        if self.rate <= 0.0 {
            return;
        }
        let keep = T::of(1.0 / (1.0 - self.rate));
        // The share of 2^32 that is dropped.
        let threshold = (self.rate * 4_294_967_296.0) as u64;
        for (i, x) in x.iter_mut().enumerate() {
            let bits = mix(self.seed.wrapping_add((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))) >> 32;
            *x = if bits < threshold { T::ZERO } else { *x * keep };
        }
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014, *OOPSLA*, p. 453).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What every backbone keeps, for the tests beside each.
#[cfg(test)]
pub(super) mod the_laws {
    use super::*;
    use crate::math::random::LaneRng;
    use crate::model::neural::parameters::Layout;

    fn normals(n: usize, lane: u64) -> Vec<f64> {
        let mut rng = LaneRng::new(17, lane);
        (0..n).map(|_| rng.normal()).collect()
    }

    /// Parameters that are nowhere zero, and inputs.
    fn case<B: Backbone<f64>>(net: &B, layout: &Layout, shape: Shape) -> (Vec<f64>, Vec<f64>) {
        let mut p = layout.initialise::<f64>(&mut LaneRng::new(5, 0));
        p.iter_mut().zip(normals(layout.len(), 1)).for_each(|(p, z)| *p += 0.1 * z);
        (p, normals(shape.rows() * net.inputs(), 2))
    }

    fn features<B: Backbone<f64>>(net: &B, p: &[f64], shape: Shape, x: &[f64], dropout: Dropout) -> Vec<f64> {
        let mut out = Vec::new();
        net.forward(p, shape, x, dropout, &mut B::Tape::default(), &mut out);
        assert_eq!(out.len(), shape.rows() * net.features());
        out
    }

    /// Fails unless the gradient is that of central differences, steps are the pass, forks continue their parents, and nothing
    /// depends on later steps or other lanes.
    pub(in crate::model::neural) fn hold<B: Backbone<f64>>(net: &B, layout: &Layout) {
        gradients_are_central_differences(net, layout);
        steps_are_the_pass(net, layout);
        no_step_knows_a_later_one(net, layout);
    }

    fn gradients_are_central_differences<B: Backbone<f64>>(net: &B, layout: &Layout) {
        let shape = Shape { steps: 7, lanes: 3 };
        let (p, x) = case(net, layout, shape);
        let weights = normals(shape.rows() * net.features(), 3);
        for dropout in [Dropout::NONE, Dropout::new(0.3, 9)] {
            let value = |p: &[f64], x: &[f64]| -> f64 {
                features(net, p, shape, x, dropout).iter().zip(&weights).map(|(f, w)| f * w).sum()
            };
            let (mut tape, mut out) = (B::Tape::default(), Vec::new());
            // A tape that another pass has used.
            net.forward(&p, shape, &weights_like(&x), dropout, &mut tape, &mut out);
            net.forward(&p, shape, &x, dropout, &mut tape, &mut out);
            let (mut gradient, mut d_x) = (vec![1.0; layout.len()], vec![1.0; x.len()]);
            net.backward(&p, shape, &x, dropout, &mut tape, &weights, &mut gradient, Some(&mut d_x));
            let check = |what: &str, own: f64, i: usize, at: &dyn Fn(f64) -> f64| {
                let h = 1e-5;
                // Fourth order: the error of the differences is far below the tolerance.
                let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
                let error = (own - 1.0 - difference).abs() / difference.abs().max(1.0);
                assert!(error < 1e-6, "{what} {i} of {net:?}: {} against {difference}", own - 1.0);
            };
            for (part, range) in layout.parts() {
                for i in range.clone().step_by((range.len() / 11).max(1)) {
                    check(&part.name, gradient[i], i, &|h| {
                        let mut p = p.clone();
                        p[i] += h;
                        value(&p, &x)
                    });
                }
            }
            for i in 0..x.len() {
                check("input", d_x[i], i, &|h| {
                    let mut x = x.clone();
                    x[i] += h;
                    value(&p, &x)
                });
            }
        }
    }

    fn weights_like(x: &[f64]) -> Vec<f64> {
        normals(x.len(), 8)
    }

    fn steps_are_the_pass<B: Backbone<f64>>(net: &B, layout: &Layout) {
        let shape = Shape { steps: 12, lanes: 3 };
        let (p, x) = case(net, layout, shape);
        let all = features(net, &p, shape, &x, Dropout::NONE);
        let transposed = layout.transposed(&p);
        let w = Operands::transposed(&transposed);
        let (inputs, width) = (shape.lanes * net.inputs(), shape.lanes * net.features());
        let close = |own: &[f64], expected: &[f64], what: &str| {
            assert_eq!(own.len(), expected.len());
            let error = own.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-11, "{what} of {net:?}: {error}");
        };
        // Read the first steps at once, the others one by one; fork on the way.
        for read in [0, 1, 5] {
            let first = Shape { steps: read, ..shape };
            let (mut tape, mut out) = (B::Tape::default(), Vec::new());
            let mut state = if read == 0 {
                net.begin(shape.lanes)
            } else {
                net.forward(&p, first, &x[..read * inputs], Dropout::NONE, &mut tape, &mut out);
                net.state(&tape, first, &x[..read * inputs])
            };
            for step in read..8 {
                net.step(
                    if step % 2 == 0 { w } else { Operands::of(&p) },
                    &mut state,
                    &x[step * inputs..(step + 1) * inputs],
                    &mut out,
                );
                close(&out, &all[step * width..(step + 1) * width], "a step");
            }
            const PARENTS: [usize; 4] = [2, 0, 2, 1];
            let mut forked = net.fork(&state, &PARENTS);
            forked = net.fork(&forked, &[0, 1, 2, 3]);
            let before = format!("{state:?}");
            for step in 8..12 {
                let row = |lane: &usize| &x[(step * shape.lanes + lane) * net.inputs()..][..net.inputs()];
                let rows: Vec<f64> = PARENTS.iter().flat_map(row).copied().collect();
                net.step(w, &mut forked, &rows, &mut out);
                let row = |lane: &usize| &all[(step * shape.lanes + lane) * net.features()..][..net.features()];
                let rows: Vec<f64> = PARENTS.iter().flat_map(row).copied().collect();
                close(&out, &rows, "a forked step");
            }
            assert_eq!(before, format!("{state:?}"), "a fork changes its parent");
        }
    }

    fn no_step_knows_a_later_one<B: Backbone<f64>>(net: &B, layout: &Layout) {
        let shape = Shape { steps: 9, lanes: 2 };
        let (p, x) = case(net, layout, shape);
        let all = features(net, &p, shape, &x, Dropout::NONE);
        for step in 0..9 {
            let mut changed = x.clone();
            // Lane 1 from this step on.
            for later in step..9 {
                changed[(later * 2 + 1) * net.inputs()..(later * 2 + 2) * net.inputs()].fill(0.7);
            }
            let out = features(net, &p, shape, &changed, Dropout::NONE);
            for row in (0..18).filter(|row| row % 2 == 0 || row / 2 < step) {
                let range = row * net.features()..(row + 1) * net.features();
                let error = out[range.clone()].iter().zip(&all[range]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(error < 1e-12, "row {row} of {net:?} knows step {step} of another lane or a later one");
            }
            let last = 17 * net.features()..18 * net.features();
            let is_seen = net.receptive_field().is_some_and(|field| 9 - step > field) || out[last.clone()] != all[last];
            assert!(is_seen, "{net:?} does not see step {step}");
        }
    }
}
