//! Standard normals of many lanes at once, each the next of its own stream: to the bit what [`LaneRng::normal`] gives.
//!
//! ```text
//! ChaCha8 block of a lane -> 8 numbers on (0, 1) -> 4 pairs  sqrt(-2 ln u) (cos 2 pi v, sin 2 pi v) -> 8 normals
//! ```
//!
//! A block of ChaCha (Bernstein 2008, *ChaCha, a variant of Salsa20*) is computed for as many lanes side by side as a register
//! holds, and Box and Muller's transform (1958, *Ann. Math. Stat.* 29, p. 610) goes over arrays: no step depends on a neighbour, so
//! the compiler fills whatever registers the processor has. Logarithm, sine and cosine are polynomials, with an error below 4e-16 of the
//! largest value; products and sums are rounded one by one, so that the results are the same on every processor.
//!
//! Memory: 64 bytes a lane for eight steps of normals, as many for their words, and 16 for its stream.

use pulp::{Arch, Simd, WithSimd};

use super::random::LaneRng;

/// Lanes of the widest register: groups of them are whole.
const SIDE_BY_SIDE: usize = 16;
/// Lanes of a pass of Box and Muller's transform.
const PASS: usize = 64;
/// Normals of one block.
const PER_BLOCK: usize = 8;

/// Lanes at the beginning of their streams.
#[derive(Debug, Clone)]
pub(crate) struct NormalStreams {
    key: [u32; 8],
    /// The lower and the upper half of every lane's stream number, filled up to whole registers.
    streams: [Vec<u32>; 2],
    /// -1 of a mirrored lane.
    signs: Vec<f64>,
    lanes: usize,
    /// The block that comes next.
    block: u64,
    /// The block of every lane: its first words, then its second ones.
    words: Vec<u32>,
    /// Eight steps of normals.
    normals: Vec<f64>,
    /// How many of the steps were given out.
    used: usize,
}

impl NormalStreams {
    /// The streams of a seed by their numbers, each mirrored or not: those of [`LaneRng::new`].
    pub(crate) fn new(seed: u64, streams: impl Iterator<Item = (u64, bool)>) -> Self {
        let seed = LaneRng::new(seed, 0).key();
        let word = |at: usize| u32::from_le_bytes([seed[at], seed[at + 1], seed[at + 2], seed[at + 3]]);
        let (mut low, mut high, mut signs) = (Vec::new(), Vec::new(), Vec::new());
        for (stream, is_mirrored) in streams {
            low.push(stream as u32);
            high.push((stream >> 32) as u32);
            signs.push(if is_mirrored { -1.0 } else { 1.0 });
        }
        let lanes = signs.len();
        let padded = lanes.next_multiple_of(SIDE_BY_SIDE);
        low.resize(padded, 0);
        high.resize(padded, 0);
        signs.resize(padded, 1.0);
        Self {
            key: std::array::from_fn(|i| word(4 * i)),
            streams: [low, high],
            signs,
            lanes,
            block: 0,
            words: vec![0; 2 * PER_BLOCK * padded],
            normals: vec![0.0; PER_BLOCK * padded],
            used: PER_BLOCK,
        }
    }

    /// The next normal of every lane.
    pub(crate) fn next(&mut self) -> &[f64] {
        if self.used == PER_BLOCK {
            self.refill();
        }
        let padded = self.streams[0].len();
        self.used += 1;
        &self.normals[(self.used - 1) * padded..][..self.lanes]
    }

    fn refill(&mut self) {
        let Self { key, streams, signs, words, normals, block, .. } = self;
        Arch::new().dispatch(Blocks { key, block: *block, streams, words });
        Arch::new().dispatch(Transform { words, signs, normals });
        self.block += 1;
        self.used = 0;
    }
}

/// Makes normals of the words of blocks.
struct Transform<'a> {
    words: &'a [u32],
    signs: &'a [f64],
    normals: &'a mut [f64],
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { words, signs, normals } = self;
        let lanes = signs.len();
        for (normals, words) in normals.chunks_exact_mut(2 * lanes).zip(words.chunks_exact(4 * lanes)) {
            let (near, far) = normals.split_at_mut(lanes);
            let (radii, angles) = words.split_at(2 * lanes);
            let ((a, b), (c, d)) = (radii.split_at(lanes), angles.split_at(lanes));
            for first in (0..lanes).step_by(PASS) {
                let own = first..lanes.min(first + PASS);
                let radius = [&a[own.clone()], &b[own.clone()]];
                let angle = [&c[own.clone()], &d[own.clone()]];
                write_pairs(radius, angle, &signs[own.clone()], [&mut near[own.clone()], &mut far[own]]);
            }
        }
    }
}

/// The normals of some lanes, stage by stage through arrays of its own, which alias nothing: so that every stage fills
/// registers.
#[inline(always)]
fn write_pairs([a, b]: [&[u32]; 2], [c, d]: [&[u32]; 2], signs: &[f64], [near, far]: [&mut [f64]; 2]) {
    let (mut radii, mut cosines, mut sines) = ([0.0; PASS], [0.0; PASS], [0.0; PASS]);
    for (radius, (a, b)) in radii.iter_mut().zip(a.iter().zip(b)) {
        *radius = radius_of(on_unit_interval(whole(*a, *b)));
    }
    for ((cos, sin), (c, d)) in cosines.iter_mut().zip(&mut sines).zip(c.iter().zip(d)) {
        (*cos, *sin) = cos_sin_of_turns(on_unit_interval(whole(*c, *d)));
    }
    for (((near, sign), radius), cos) in near.iter_mut().zip(signs).zip(&radii).zip(&cosines) {
        *near = sign * (radius * cos);
    }
    for (((far, sign), radius), sin) in far.iter_mut().zip(signs).zip(&radii).zip(&sines) {
        *far = sign * (radius * sin);
    }
}

#[inline(always)]
fn whole(low: u32, high: u32) -> u64 {
    u64::from(low) | (u64::from(high) << 32)
}

/// Computes a block of every stream, eight rounds each, as many side by side as a register holds.
struct Blocks<'a> {
    key: &'a [u32; 8],
    block: u64,
    /// The lower and the upper half of the streams' numbers.
    streams: &'a [Vec<u32>; 2],
    /// Sixteen words of every stream: word by word.
    words: &'a mut [u32],
}

impl WithSimd for Blocks<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { key, block, streams: [low, high], words } = self;
        let padded = low.len();
        let all = |word: u32| simd.splat_u32s(word);
        let mut start = [all(0); 16];
        [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574].into_iter().zip(&mut start).for_each(|(c, s)| *s = all(c));
        start[4..12].iter_mut().zip(key).for_each(|(word, key)| *word = all(*key));
        (start[12], start[13]) = (all(block as u32), all((block >> 32) as u32));
        for (group, (low, high)) in S::as_simd_u32s(low).0.iter().zip(S::as_simd_u32s(high).0).enumerate() {
            (start[14], start[15]) = (*low, *high);
            let state = rounds(simd, start);
            for (word, (state, start)) in state.into_iter().zip(start).enumerate() {
                let own = &mut S::as_mut_simd_u32s(&mut words[word * padded..][..padded]).0[group];
                *own = simd.add_u32s(state, start);
            }
        }
    }
}

#[inline(always)]
fn rounds<S: Simd>(simd: S, mut x: [S::u32s; 16]) -> [S::u32s; 16] {
    for _ in 0..4 {
        for [a, b, c, d] in [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] {
            quarter_round(simd, &mut x, [a, b, c, d]);
        }
        for [a, b, c, d] in [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] {
            quarter_round(simd, &mut x, [a, b, c, d]);
        }
    }
    x
}

/// Every word with its bits turned to the left.
#[inline(always)]
fn rotated<S: Simd>(simd: S, words: S::u32s, bits: u32) -> S::u32s {
    let left = simd.wrapping_dyn_shl_u32s(words, simd.splat_u32s(bits));
    simd.or_u32s(left, simd.wrapping_dyn_shr_u32s(words, simd.splat_u32s(32 - bits)))
}

#[inline(always)]
fn quarter_round<S: Simd>(simd: S, x: &mut [S::u32s; 16], [a, b, c, d]: [usize; 4]) {
    x[a] = simd.add_u32s(x[a], x[b]);
    x[d] = rotated(simd, simd.xor_u32s(x[d], x[a]), 16);
    x[c] = simd.add_u32s(x[c], x[d]);
    x[b] = rotated(simd, simd.xor_u32s(x[b], x[c]), 12);
    x[a] = simd.add_u32s(x[a], x[b]);
    x[d] = rotated(simd, simd.xor_u32s(x[d], x[a]), 8);
    x[c] = simd.add_u32s(x[c], x[d]);
    x[b] = rotated(simd, simd.xor_u32s(x[b], x[c]), 7);
}

/// A uniform number from the open interval (0, 1), on a grid of 2^-53.
#[inline(always)]
pub(super) fn on_unit_interval(bits: u64) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    ((bits >> 11) as f64 + 0.5) * STEP
}

/// Two independent standard normals.
#[inline(always)]
pub(super) fn normal_pair(radius: u64, angle: u64) -> (f64, f64) {
    let radius = radius_of(on_unit_interval(radius));
    let (cos, sin) = cos_sin_of_turns(on_unit_interval(angle));
    (radius * cos, radius * sin)
}

#[inline(always)]
fn radius_of(u: f64) -> f64 {
    (-2.0 * ln(u)).sqrt()
}

/// ln x for a normal x > 0: x = 2^k m with m in \[sqrt(1/2), sqrt(2)), ln m = 2 artanh((m - 1) / (m + 1)).
#[inline(always)]
fn ln(x: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    /// 2^52 + 1024, whose last bits hold k + 1024.
    const TWO_52: u64 = 0x4330_0000_0000_0000;
    let above = x.to_bits().wrapping_sub(SQRT_HALF).wrapping_add(1024 << 52) >> 52;
    let k = f64::from_bits(TWO_52 | above) - (4_503_599_627_370_496.0 + 1024.0);
    let m = f64::from_bits(x.to_bits().wrapping_sub(above << 52).wrapping_add(1024 << 52));
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let mut sum = 1.0 / 21.0;
    for odd in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        sum = sum * square + 1.0 / odd;
    }
    k * std::f64::consts::LN_2 + (2.0 * s + 2.0 * s * (square * sum))
}

/// cos and sin of 2 pi u for u in (0, 1): the rest of a quarter turn by Taylor's series, then the quarter.
#[inline(always)]
fn cos_sin_of_turns(u: f64) -> (f64, f64) {
    /// 1.5 * 2^52: adding it rounds to a whole number, which stands in the last bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let quarters = 4.0 * u + ROUND;
    let quarter = quarters.to_bits() & 3;
    let angle = (4.0 * u - (quarters - ROUND)) * std::f64::consts::FRAC_PI_2;
    let square = angle * angle;
    let (mut cos, mut sin) = (1.0, 1.0);
    for n in [16.0, 14.0, 12.0, 10.0, 8.0, 6.0, 4.0, 2.0] {
        cos = 1.0 - cos * square * (1.0 / (n * (n - 1.0)));
        sin = 1.0 - sin * square * (1.0 / (n * (n + 1.0)));
    }
    sin *= angle;
    let (x, y) = if quarter & 1 == 0 { (cos, sin) } else { (sin, cos) };
    let flipped = |x: f64, flip: u64| f64::from_bits(x.to_bits() ^ (flip << 62));
    (flipped(x, (quarter + 1) & 2), flipped(y, quarter & 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_side_by_side_give_what_each_gives_alone() {
        for lanes in [1, 15, 16, 37] {
            let stream = |lane: u64| (3 << 32) | lane;
            let rng = |lane: u64| {
                let rng = LaneRng::new(9, stream(lane));
                if lane % 3 == 1 { rng.mirrored() } else { rng }
            };
            let mut alone: Vec<LaneRng> = (0..lanes).map(rng).collect();
            let mut together = NormalStreams::new(9, (0..lanes).map(|lane| (stream(lane), lane % 3 == 1)));
            for step in 0..21 {
                let own: Vec<f64> = alone.iter_mut().map(LaneRng::normal).collect();
                assert_eq!(together.next(), own, "step {step} of {lanes} lanes");
            }
        }
    }

    #[test]
    fn polynomials_agree_with_the_library() {
        let mut rng = LaneRng::new(4, 0);
        let edges =
            [f64::EPSILON / 4.0, 1.0 - f64::EPSILON / 4.0, 0.5, 0.25, 0.125, 0.375, std::f64::consts::FRAC_1_SQRT_2];
        let draws = std::iter::repeat_with(|| rng.uniform()).take(100_000);
        for u in edges.into_iter().chain(draws) {
            let expected = u.ln();
            assert!((ln(u) - expected).abs() <= 4e-16 * expected.abs(), "ln {u}: {}, not {expected}", ln(u));
            // The library rounds 2 pi u first.
            let ((cos, sin), (s, c)) = (cos_sin_of_turns(u), (std::f64::consts::TAU * u).sin_cos());
            assert!((cos - c).abs() < 1e-15 && (sin - s).abs() < 1e-15, "{u}: {cos} {sin}, not {c} {s}");
            assert!((cos * cos + sin * sin - 1.0).abs() < 1e-15);
        }
    }
}
