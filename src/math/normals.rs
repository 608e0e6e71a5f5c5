//! Standard normals of many lanes at once, each the next of its own stream: to the bit what [`LaneRng::normal`] gives.
//!
//! ```text
//! ChaCha8 block of a lane -> 8 numbers on (0, 1) -> 4 pairs  sqrt(-2 ln u) (cos 2 pi v, sin 2 pi v) -> 8 normals
//! ```
//!
//! A block of ChaCha (Bernstein 2008, *ChaCha, a variant of Salsa20*) is computed for sixteen lanes side by side, and Box and
//! Muller's transform (1958, *Ann. Math. Stat.* 29, p. 610) goes over arrays: no step depends on a neighbour, so the compiler
//! fills whatever registers the processor has. Logarithm, sine and cosine are polynomials, with an error below 4e-16 of the
//! largest value; products and sums are rounded one by one, so that the results are the same on every processor.
//!
//! Memory: 64 bytes a lane for eight steps of normals, and 17 for its stream.

use pulp::Arch;

use super::random::LaneRng;

/// Lanes whose blocks are computed side by side.
const SIDE_BY_SIDE: usize = 16;
/// Normals of one block.
const PER_BLOCK: usize = 8;

/// Lanes at the beginning of their streams.
#[derive(Debug, Clone)]
pub(crate) struct NormalStreams {
    key: [u32; 8],
    /// The stream of every lane, filled up to whole groups.
    streams: Vec<u64>,
    /// -1 of a mirrored lane.
    signs: Vec<f64>,
    lanes: usize,
    /// The block that comes next.
    block: u64,
    /// Eight steps of normals.
    normals: Vec<f64>,
    /// How many of the steps were given out.
    used: usize,
}

impl NormalStreams {
    /// The lanes of some generators that nothing was drawn from, all of one seed; `None` of others.
    pub(crate) fn of(rngs: &[LaneRng]) -> Option<Self> {
        let seed = rngs.first()?.unused()?.seed;
        let origins: Option<Vec<_>> = rngs.iter().map(|rng| rng.unused().filter(|origin| origin.seed == seed)).collect();
        let origins = origins?;
        let lanes = origins.len();
        let padded = lanes.next_multiple_of(SIDE_BY_SIDE);
        let mut streams: Vec<u64> = origins.iter().map(|origin| origin.stream).collect();
        let mut signs: Vec<f64> = origins.iter().map(|origin| if origin.mirrored { -1.0 } else { 1.0 }).collect();
        streams.resize(padded, 0);
        signs.resize(padded, 1.0);
        let word = |at: usize| u32::from_le_bytes([seed[at], seed[at + 1], seed[at + 2], seed[at + 3]]);
        let key = std::array::from_fn(|i| word(4 * i));
        Some(Self { key, streams, signs, lanes, block: 0, normals: vec![0.0; PER_BLOCK * padded], used: PER_BLOCK })
    }

    /// The next normal of every lane.
    pub(crate) fn next(&mut self) -> &[f64] {
        if self.used == PER_BLOCK {
            self.refill();
        }
        let padded = self.streams.len();
        self.used += 1;
        &self.normals[(self.used - 1) * padded..][..self.lanes]
    }

    fn refill(&mut self) {
        let Self { key, streams, signs, normals, block, .. } = self;
        let padded = streams.len();
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for first in (0..padded).step_by(SIDE_BY_SIDE) {
                    let group = first..first + SIDE_BY_SIDE;
                    let words = blocks(key, *block, &streams[group.clone()]);
                    let signs = &signs[group];
                    for pair in 0..PER_BLOCK / 2 {
                        let (near, far) = normals[2 * pair * padded..].split_at_mut(padded);
                        let (near, far) = (&mut near[first..][..SIDE_BY_SIDE], &mut far[first..][..SIDE_BY_SIDE]);
                        for lane in 0..SIDE_BY_SIDE {
                            let number = |at: usize| u64::from(words[at][lane]) | (u64::from(words[at + 1][lane]) << 32);
                            let (cos, sin) = normal_pair(number(4 * pair), number(4 * pair + 2));
                            (near[lane], far[lane]) = (signs[lane] * cos, signs[lane] * sin);
                        }
                    }
                }
            },
        );
        self.block += 1;
        self.used = 0;
    }
}

/// A word of the state of sixteen lanes.
type Word = [u32; SIDE_BY_SIDE];

/// The block of a number of sixteen streams: eight rounds.
#[inline(always)]
fn blocks(key: &[u32; 8], block: u64, streams: &[u64]) -> [Word; 16] {
    const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    let stream = |shift: u32| std::array::from_fn(|lane| (streams[lane] >> shift) as u32);
    let start: [Word; 16] = std::array::from_fn(|word| match word {
        0..4 => [CONSTANTS[word]; SIDE_BY_SIDE],
        4..12 => [key[word - 4]; SIDE_BY_SIDE],
        12 => [block as u32; SIDE_BY_SIDE],
        13 => [(block >> 32) as u32; SIDE_BY_SIDE],
        14 => stream(0),
        _ => stream(32),
    });
    let mut state = start;
    for _ in 0..4 {
        for [a, b, c, d] in [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] {
            quarter_round(&mut state, a, b, c, d);
        }
        for [a, b, c, d] in [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] {
            quarter_round(&mut state, a, b, c, d);
        }
    }
    for (word, start) in state.iter_mut().zip(&start) {
        word.iter_mut().zip(start).for_each(|(word, start)| *word = word.wrapping_add(*start));
    }
    state
}

#[inline(always)]
fn quarter_round(state: &mut [Word; 16], a: usize, b: usize, c: usize, d: usize) {
    for (a, b, c, d, bits) in [(a, b, a, d, 16), (c, d, c, b, 12), (a, b, a, d, 8), (c, d, c, b, 7)] {
        for lane in 0..SIDE_BY_SIDE {
            state[a][lane] = state[a][lane].wrapping_add(state[b][lane]);
            state[d][lane] = (state[d][lane] ^ state[c][lane]).rotate_left(bits);
        }
    }
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
    let radius = (-2.0 * ln(on_unit_interval(radius))).sqrt();
    let (cos, sin) = cos_sin_of_turns(on_unit_interval(angle));
    (radius * cos, radius * sin)
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
            let rng = |lane: u64| {
                let rng = LaneRng::new(9, (3 << 32) | lane);
                if lane % 3 == 1 { rng.mirrored() } else { rng }
            };
            let mut alone: Vec<LaneRng> = (0..lanes).map(rng).collect();
            let mut together = NormalStreams::of(&alone).expect("unused generators");
            for step in 0..21 {
                let own: Vec<f64> = alone.iter_mut().map(LaneRng::normal).collect();
                assert_eq!(together.next(), own, "step {step} of {lanes} lanes");
            }
            assert!(NormalStreams::of(&alone).is_none(), "used generators");
        }
        assert!(NormalStreams::of(&[LaneRng::new(1, 0), LaneRng::new(2, 0)]).is_none());
    }

    #[test]
    fn polynomials_agree_with_the_library() {
        let mut rng = LaneRng::new(4, 0);
        let edges = [f64::EPSILON / 4.0, 1.0 - f64::EPSILON / 4.0, 0.5, 0.25, 0.125, 0.375, 0.707_106_781_186_547_6];
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
