//! Masked multi-head self-attention between its projections (Vaswani et al. 2017, *NeurIPS* 30, section 3.2), with rotary
//! positions (Su et al. 2021, arXiv 2104.09864, section 3.2).
//!
//! ```text
//! A = softmax(Q K' / sqrt(d) over the steps that a step sees),   O = A V,   for every lane and head of d columns
//! ```
//!
//! A step sees itself and all steps before, or the last `window` of them. Rotary positions turn columns i and i + d/2 of queries
//! and keys by the angle position * 10000^(-2i/d), so that a score depends on the difference of positions alone (the paper
//! turns columns 2i and 2i + 1, which is the same up to the order of the columns of the projection).
//!
//! Rows are lane-major, lane * steps + step, with the columns queries, keys, values. Queries come in blocks, each against the
//! keys up to its end, so that little more than the causal half is computed; the weights of all blocks stay for the backward
//! pass: about steps (steps + block) / 2 numbers for every lane and head, steps (window + block) with a window.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::backbone::Shape;
use crate::math::float::Float;
use crate::math::product::{View, ViewMut, dot, fold, product};

/// Queries of a block.
const BLOCK: usize = 32;

/// What a step attends to, and from how many heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Attention {
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) window: Option<usize>,
}

/// Queries against the keys that at least one of them sees.
#[derive(Debug)]
struct Block {
    queries: Range<usize>,
    keys: Range<usize>,
    /// Where its weights are among those of the lane and head.
    weights: Range<usize>,
}

/// The keys and values of steps, each a row of `width` numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct KeysValues<T> {
    pub(super) keys: Vec<T>,
    pub(super) values: Vec<T>,
}

/// What a step of several lanes attends to.
#[derive(Debug)]
pub(super) struct Past<'a, T> {
    /// Of every lane of the prefix its steps.
    pub(super) prefix: &'a KeysValues<T>,
    pub(super) prefix_steps: usize,
    /// The prefix's lane of every lane, in ascending order.
    pub(super) roots: &'a [usize],
    /// Of every step since then all lanes, this step included.
    pub(super) own: &'a KeysValues<T>,
}

impl Attention {
    /// Columns of a head.
    fn depth(&self) -> usize {
        self.width / self.heads
    }

    fn scale<T: Float>(&self) -> T {
        T::of(1.0 / (self.depth() as f64).sqrt())
    }

    /// How many steps a step sees at most.
    fn sight(&self) -> usize {
        self.window.unwrap_or(usize::MAX)
    }

    fn blocks(&self, steps: usize) -> impl Iterator<Item = Block> + use<> {
        let sight = self.sight();
        let mut next = 0;
        (0..steps).step_by(BLOCK).map(move |start| {
            let end = steps.min(start + BLOCK);
            let keys = (start + 1).saturating_sub(sight)..end;
            let weights = next..next + (end - start) * keys.len();
            next = weights.end;
            Block { queries: start..end, keys, weights }
        })
    }

    /// How many weights a lane and head has.
    fn weights(&self, steps: usize) -> usize {
        self.blocks(steps).last().map_or(0, |block| block.weights.end)
    }

    fn causal(&self, block: &Block) -> Visible {
        Visible { first_end: block.queries.start - block.keys.start + 1, moves: true, sight: self.sight() }
    }

    /// From rows of queries, keys and values to rows of what each step gathers, and the weights with which it does.
    pub(super) fn forward<T: Float>(&self, shape: Shape, qkv: &[T], weights: &mut Vec<T>, out: &mut Vec<T>) {
        let (width, depth, steps) = (self.width, self.depth(), shape.steps);
        let len = self.weights(steps);
        weights.resize(shape.lanes * self.heads * len, T::ZERO);
        out.resize(shape.rows() * width, T::ZERO);
        for lane in 0..shape.lanes {
            let qkv = &qkv[lane * steps * 3 * width..][..steps * 3 * width];
            let out = &mut out[lane * steps * width..][..steps * width];
            for head in 0..self.heads {
                let weights = &mut weights[(lane * self.heads + head) * len..][..len];
                for block in self.blocks(steps) {
                    let (queries, keys) = (block.queries.len(), block.keys.len());
                    let [q, k, v] = self.parts(qkv, &block, head);
                    let weights = &mut weights[block.weights.clone()];
                    product(self.scale(), q, k.t(), false, ViewMut::new(weights, queries, keys));
                    softmax(weights, keys, self.causal(&block));
                    let out = &mut out[block.queries.start * width + head * depth..];
                    let weights = View::new(weights, queries, keys);
                    product(T::ONE, weights, v, false, ViewMut::strided(out, queries, depth, width));
                }
            }
        }
    }

    /// `d_qkv` becomes the gradient of queries, keys and values, from that of `out`; `scratch` is overwritten.
    pub(super) fn backward<T: Float>(
        &self,
        shape: Shape,
        qkv: &[T],
        weights: &[T],
        d_out: &[T],
        scratch: &mut Vec<T>,
        d_qkv: &mut [T],
    ) {
        let (width, depth, steps) = (self.width, self.depth(), shape.steps);
        let len = self.weights(steps);
        d_qkv.fill(T::ZERO);
        for lane in 0..shape.lanes {
            let qkv = &qkv[lane * steps * 3 * width..][..steps * 3 * width];
            let d_qkv = &mut d_qkv[lane * steps * 3 * width..][..steps * 3 * width];
            let d_out = &d_out[lane * steps * width..][..steps * width];
            for head in 0..self.heads {
                let weights = &weights[(lane * self.heads + head) * len..][..len];
                for block in self.blocks(steps) {
                    let (queries, keys) = (block.queries.len(), block.keys.len());
                    let [q, k, v] = self.parts(qkv, &block, head);
                    let weights = &weights[block.weights.clone()];
                    let d_out =
                        View::strided(&d_out[block.queries.start * width + head * depth..], queries, depth, width);
                    scratch.resize(weights.len(), T::ZERO);
                    product(T::ONE, d_out, v.t(), false, ViewMut::new(scratch, queries, keys));
                    Arch::new().dispatch(SoftmaxBackward { weights, d: scratch, columns: keys });
                    let weights = View::new(weights, queries, keys);
                    let d_scores = View::new(scratch, queries, keys);
                    let mut add = |from: usize, part: usize, rows: usize, a: View<'_, T>, b: View<'_, T>, scale: T| {
                        let part = &mut d_qkv[(from * 3 + part) * width + head * depth..];
                        product(scale, a, b, true, ViewMut::strided(part, rows, depth, 3 * width));
                    };
                    add(block.queries.start, 0, queries, d_scores, k, self.scale());
                    add(block.keys.start, 1, keys, d_scores.t(), q, self.scale());
                    add(block.keys.start, 2, keys, weights.t(), d_out, T::ONE);
                }
            }
        }
    }

    /// The queries, keys and values of a block and head in the rows of a lane.
    fn parts<'a, T: Float>(&self, qkv: &'a [T], block: &Block, head: usize) -> [View<'a, T>; 3] {
        let part = |steps: &Range<usize>, part: usize| {
            let begin = (steps.start * 3 + part) * self.width + head * self.depth();
            View::strided(&qkv[begin..], steps.len(), self.depth(), 3 * self.width)
        };
        [part(&block.queries, 0), part(&block.keys, 1), part(&block.keys, 2)]
    }

    /// One row per step with the weights of all steps up to it.
    pub(super) fn rows<T: Float>(&self, shape: Shape, weights: &[T], head: usize, lane: usize) -> Vec<Vec<T>> {
        let len = self.weights(shape.steps);
        let weights = &weights[(lane * self.heads + head) * len..][..len];
        let mut rows = Vec::with_capacity(shape.steps);
        for block in self.blocks(shape.steps) {
            for (query, seen) in block.queries.zip(weights[block.weights].chunks_exact(block.keys.len())) {
                let mut row = vec![T::ZERO; block.keys.start];
                row.extend_from_slice(seen);
                row.truncate(query + 1);
                rows.push(row);
            }
        }
        rows
    }

    /// One step of every lane: `out` becomes what each gathers. Lanes that share a lane of the prefix are scored against it, and
    /// gather from it, in one product each.
    pub(super) fn step<T: Float>(&self, qkv: &[T], past: &Past<'_, T>, scores: &mut Vec<T>, out: &mut Vec<T>) {
        let (width, depth, lanes) = (self.width, self.depth(), past.roots.len());
        // The last ones are seen: own steps first, the end of the prefix if there is sight left.
        let own_steps = past.own.keys.len() / (lanes * width).max(1);
        let own = own_steps.min(self.sight());
        let prefix = past.prefix_steps.min(self.sight() - own);
        let columns = prefix + own;
        scores.resize(self.heads * lanes * columns, T::ZERO);
        out.clear();
        out.resize(lanes * width, T::ZERO);
        // From where in the keys or values of a prefix lane its end is seen.
        let seen = |root: usize, head: usize| ((root + 1) * past.prefix_steps - prefix) * width + head * depth;
        let groups = || {
            past.roots.chunk_by(|a, b| a == b).scan(0, |next, group| {
                let first = *next;
                *next += group.len();
                Some((group[0], first, group.len()))
            })
        };
        if prefix > 0 {
            for (root, first, len) in groups() {
                for head in 0..self.heads {
                    let queries = View::strided(&qkv[first * 3 * width + head * depth..], len, depth, 3 * width);
                    let keys = View::strided(&past.prefix.keys[seen(root, head)..], prefix, depth, width);
                    let scores = &mut scores[(head * lanes + first) * columns..];
                    product(self.scale(), queries, keys.t(), false, ViewMut::strided(scores, len, prefix, columns));
                }
            }
        }
        let skipped = (own_steps - own) * lanes * width;
        let (keys, values) = (&past.own.keys[skipped..], &past.own.values[skipped..]);
        let sizes = OwnSizes { width, depth, lanes, columns, prefix };
        Arch::new().dispatch(OwnScores { sizes, qkv, keys, scale: self.scale(), scores });
        softmax(scores, columns, Visible { first_end: columns, moves: false, sight: usize::MAX });
        if prefix > 0 {
            for (root, first, len) in groups() {
                for head in 0..self.heads {
                    let weights = View::strided(&scores[(head * lanes + first) * columns..], len, prefix, columns);
                    let values = View::strided(&past.prefix.values[seen(root, head)..], prefix, depth, width);
                    let out = &mut out[first * width + head * depth..];
                    product(T::ONE, weights, values, false, ViewMut::strided(out, len, depth, width));
                }
            }
        }
        Arch::new().dispatch(OwnValues { sizes, weights: scores, values, out });
    }

    /// Turns queries and keys by their positions, or back. Row i has position i modulo the number of positions.
    pub(super) fn turn<T: Float>(&self, turns: &Turns<T>, positions: usize, back: bool, qkv: &mut [T]) {
        let half = self.depth() / 2;
        if half > 0 {
            let turns = turns.sines.chunks_exact(2 * half).take(positions);
            Arch::new().dispatch(Turn { turns, depth: self.depth(), width: self.width, back, qkv });
        }
    }
}

/// Of every position the sines and cosines by which its queries and keys are turned.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns<T> {
    sines: Vec<T>,
}

impl<T: Float> Turns<T> {
    /// Adds the positions from the first that is missing up to `end`.
    pub(super) fn extend(&mut self, attention: &Attention, end: usize) {
        let begin = self.sines.len() / (2 * (attention.depth() / 2)).max(1);
        (begin..end).for_each(|position| self.push(attention, position));
    }

    /// Makes it one position.
    pub(super) fn set(&mut self, attention: &Attention, position: usize) {
        self.sines.clear();
        self.push(attention, position);
    }

    fn push(&mut self, attention: &Attention, position: usize) {
        let depth = attention.depth();
        let angle = |i: usize| position as f64 * 1e4_f64.powf(-2.0 * i as f64 / depth as f64);
        self.sines.extend((0..depth / 2).map(|i| T::of(angle(i).sin())));
        self.sines.extend((0..depth / 2).map(|i| T::of(angle(i).cos())));
    }
}

struct Turn<'a, T, I> {
    turns: I,
    depth: usize,
    width: usize,
    back: bool,
    qkv: &'a mut [T],
}

impl<'a, T: Float, I: Iterator<Item = &'a [T]> + Clone> WithSimd for Turn<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let half = self.depth / 2;
        let sign = if self.back { -T::ONE } else { T::ONE };
        for (row, turn) in self.qkv.chunks_exact_mut(3 * self.width).zip(self.turns.cycle()) {
            let (sines, cosines) = turn.split_at(half);
            for head in row[..2 * self.width].chunks_exact_mut(self.depth) {
                let (a, b) = head[..2 * half].split_at_mut(half);
                let (s8, s1) = sines.as_chunks::<8>();
                let (c8, c1) = cosines.as_chunks::<8>();
                let (a8, a1) = a.as_chunks_mut::<8>();
                let (b8, b1) = b.as_chunks_mut::<8>();
                for (((a, b), s), c) in a8.iter_mut().zip(b8).zip(s8).zip(c8) {
                    turn_all(a, b, s, c, sign);
                }
                turn_all(a1, b1, s1, c1, sign);
            }
        }
    }
}

#[inline(always)]
fn turn_all<T: Float>(a: &mut [T], b: &mut [T], sines: &[T], cosines: &[T], sign: T) {
    for (((a, b), s), c) in a.iter_mut().zip(b).zip(sines).zip(cosines) {
        let s = *s * sign;
        (*a, *b) = (*a * *c - *b * s, *a * s + *b * *c);
    }
}

/// Which columns a row of scores sees: up to an end, at most so many.
#[derive(Debug, Clone, Copy)]
struct Visible {
    /// The end in the first row.
    first_end: usize,
    /// Whether it moves by one from row to row.
    moves: bool,
    sight: usize,
}

impl Visible {
    #[inline(always)]
    fn of(self, row: usize) -> Range<usize> {
        let end = self.first_end + if self.moves { row } else { 0 };
        end.saturating_sub(self.sight)..end
    }
}

/// Every row becomes the softmax over what it sees, and zero elsewhere.
fn softmax<T: Float>(x: &mut [T], columns: usize, visible: Visible) {
    Arch::new().dispatch(Shift { x, columns, visible });
    T::exp_all(x);
    Arch::new().dispatch(Normalise { x, columns, visible });
}

/// Takes from every row the maximum of what it sees.
struct Shift<'a, T> {
    x: &'a mut [T],
    columns: usize,
    visible: Visible,
}

impl<T: Float> WithSimd for Shift<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let larger = |a: T, b: T| if a > b { a } else { b };
        for (i, row) in self.x.chunks_exact_mut(self.columns).enumerate() {
            let seen = &row[self.visible.of(i)];
            let (chunks, rest) = seen.as_chunks::<16>();
            let mut most = [seen[0]; 16];
            for chunk in chunks {
                for (most, x) in most.iter_mut().zip(chunk) {
                    *most = larger(*x, *most);
                }
            }
            let mut most = fold(most, larger);
            for x in rest {
                most = larger(*x, most);
            }
            for x in row {
                *x -= most;
            }
        }
    }
}

/// Divides every row by the sum of what it sees, and zeroes the rest.
struct Normalise<'a, T> {
    x: &'a mut [T],
    columns: usize,
    visible: Visible,
}

impl<T: Float> WithSimd for Normalise<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (i, row) in self.x.chunks_exact_mut(self.columns).enumerate() {
            let seen = self.visible.of(i);
            row[..seen.start].fill(T::ZERO);
            row[seen.end..].fill(T::ZERO);
            let (chunks, rest) = row[seen.clone()].as_chunks::<16>();
            let mut sums = [T::ZERO; 16];
            for chunk in chunks {
                for (sum, x) in sums.iter_mut().zip(chunk) {
                    *sum += *x;
                }
            }
            let mut sum = fold(sums, |a, b| a + b);
            for x in rest {
                sum += *x;
            }
            let factor = T::ONE / sum;
            for x in &mut row[seen] {
                *x *= factor;
            }
        }
    }
}

/// From the gradient of weights to that of scores: dS = A (dA - sum(A dA)).
struct SoftmaxBackward<'a, T> {
    weights: &'a [T],
    d: &'a mut [T],
    columns: usize,
}

impl<T: Float> WithSimd for SoftmaxBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (d, weights) in self.d.chunks_exact_mut(self.columns).zip(self.weights.chunks_exact(self.columns)) {
            let mean = dot(d, weights);
            for (d, weight) in d.iter_mut().zip(weights) {
                *d = *weight * (*d - mean);
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct OwnSizes {
    width: usize,
    depth: usize,
    lanes: usize,
    /// Of the scores of a lane and head, those of the prefix first.
    columns: usize,
    prefix: usize,
}

/// The scores of every lane against its own steps.
struct OwnScores<'a, T> {
    sizes: OwnSizes,
    qkv: &'a [T],
    keys: &'a [T],
    scale: T,
    scores: &'a mut [T],
}

impl<T: Float> WithSimd for OwnScores<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let OwnSizes { width, depth, lanes, columns, prefix } = self.sizes;
        for (step, keys) in self.keys.chunks_exact(lanes * width).enumerate() {
            for (lane, (keys, qkv)) in keys.chunks_exact(width).zip(self.qkv.chunks_exact(3 * width)).enumerate() {
                let heads = keys.chunks_exact(depth).zip(qkv.chunks_exact(depth));
                for (head, (key, query)) in heads.enumerate() {
                    self.scores[(head * lanes + lane) * columns + prefix + step] = self.scale * dot(query, key);
                }
            }
        }
    }
}

/// Adds the weighted values of every lane's own steps.
struct OwnValues<'a, T> {
    sizes: OwnSizes,
    weights: &'a [T],
    values: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> WithSimd for OwnValues<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let OwnSizes { width, depth, lanes, columns, prefix } = self.sizes;
        for (step, values) in self.values.chunks_exact(lanes * width).enumerate() {
            for (lane, (values, out)) in values.chunks_exact(width).zip(self.out.chunks_exact_mut(width)).enumerate() {
                let heads = values.chunks_exact(depth).zip(out.chunks_exact_mut(depth));
                for (head, (value, out)) in heads.enumerate() {
                    let weight = self.weights[(head * lanes + lane) * columns + prefix + step];
                    for (out, value) in out.iter_mut().zip(value) {
                        *out += weight * *value;
                    }
                }
            }
        }
    }
}
