//! The hot loops, written once for every instruction set and dispatched at run time.
//!
//! ```text
//! lagged products   S_k += sum_t now_t past_{t-k}              one fused multiplication and addition per product
//! the same, exact   in pairs of doubles (Ogita, Rump and Oishi 2005, SIAM J. Sci. Comput. 26, p. 1955, algorithm 5.3)
//! filter            y_t += sum_k h_k x_{t-k}                    in the order of k, every product and sum rounded
//! grid              the whole number nearest to (x_t - a) b     clamped
//! ```
//!
//! Slices are read in registers of as many lanes as the processor has (AVX-512, AVX2 with fused multiplication, else one
//! by one); eight lags, or eight registers of results, share a pass. So results of the first two differ between
//! instruction sets by rounding, and by nothing else: not by threads, alignment or history. The filter and the grid are the
//! same to the bit everywhere. Slices should fit the first-level cache. No allocation, no error; not a number stays one.

use pulp::{Arch, Simd, WithSimd};

use super::double_double::DoubleDouble;

/// Lags or registers of results that share a pass.
const GROUP: usize = 8;
/// Pairs of a lattice whose sums follow their step while they are in the first-level cache.
const LATTICE_BLOCK: usize = 512;
/// Lags of the exact sums that share a pass: each takes two registers.
const EXACT_GROUP: usize = 4;

/// sums\[k\] += sum_t now\[t\] past\[t - k\], where `past` ends with `now`'s time and begins earlier.
///
/// # Panics
/// If `past` does not reach as far back as the last lag: `past.len() + 1 >= now.len() + sums.len()`.
pub fn add_lagged_products(now: &[f64], past: &[f64], sums: &mut [f64]) {
    assert!(past.len() + 1 >= now.len() + sums.len(), "{} lags need as much of a past", sums.len());
    Arch::new().dispatch(Products { now, past, sums });
}

/// The same in twice the precision: the sums are exact to about 30 digits of their sum of absolute products.
///
/// # Panics
/// As [`add_lagged_products`].
pub fn add_lagged_products_exactly(now: &[f64], past: &[f64], sums: &mut [DoubleDouble]) {
    assert!(past.len() + 1 >= now.len() + sums.len(), "{} lags need as much of a past", sums.len());
    Arch::new().dispatch(ExactProducts { now, past, sums });
}

/// y\[t\] += sum_k taps\[k\] x\[t + K - 1 - k\], K taps: `x` begins K - 1 values before `y` and ends with it.
///
/// # Panics
/// If the lengths do not fit: `x.len() + 1 == y.len() + taps.len()`.
pub fn add_filtered(taps: &[f64], x: &[f64], y: &mut [f64]) {
    assert!(x.len() + 1 == y.len() + taps.len(), "{} taps look back on one value less", taps.len());
    Arch::new().dispatch(Filtered { taps, x, y });
}

/// The register at the start of a slice that is at least as long.
#[inline(always)]
fn load<S: Simd>(x: &[f64]) -> S::f64s {
    S::as_simd_f64s(x).0[0]
}

/// sum_i f\[i + 1\] b\[i\] and sum_i (f\[i + 1\]^2 + b\[i\]^2).
///
/// # Panics
/// If the lengths differ.
pub fn lattice_sums(forward: &[f64], backward: &[f64]) -> (f64, f64) {
    assert_eq!(forward.len(), backward.len(), "errors come in pairs");
    Arch::new().dispatch(LatticeSums { forward, backward })
}

/// A step of the lattice, f\[i\], b\[i\] = f\[i\] - r b\[i\], b\[i\] - r f\[i\], and then [`lattice_sums`].
///
/// # Panics
/// If the lengths differ.
pub fn lattice_step(r: f64, forward: &mut [f64], backward: &mut [f64]) -> (f64, f64) {
    assert_eq!(forward.len(), backward.len(), "errors come in pairs");
    Arch::new().dispatch(LatticeStep { r, forward, backward })
}

/// y = A x for a symmetric matrix of as many rows as `x` has values, added up in the order of its columns.
///
/// # Panics
/// If the sizes do not fit.
pub fn symmetric_times(matrix: &[f64], x: &[f64], y: &mut [f64]) {
    assert!(matrix.len() == x.len() * x.len() && y.len() == x.len(), "a square matrix of the size of its vectors");
    Arch::new().dispatch(
        #[inline(always)]
        || {
            y.fill(0.0);
            for (column, x) in matrix.chunks_exact(x.len().max(1)).zip(x) {
                y.iter_mut().zip(column).for_each(|(y, a)| *y += a * x);
            }
        },
    );
}

/// y = y + a x, every product and sum rounded.
///
/// # Panics
/// If the lengths differ.
pub fn add_scaled(y: &mut [f64], a: f64, x: &[f64]) {
    assert_eq!(y.len(), x.len(), "vectors of one length");
    Arch::new().dispatch(
        #[inline(always)]
        || {
            // A copy: what is captured might change with y, as far as the compiler knows.
            let factor = a;
            y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
        },
    );
}

/// A = (A - s s') scale, symmetric to the bit if A is.
///
/// # Panics
/// If the sizes do not fit.
pub fn subtract_square(matrix: &mut [f64], s: &[f64], scale: f64) {
    assert_eq!(matrix.len(), s.len() * s.len(), "a square matrix of the size of its vector");
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (column, left) in matrix.chunks_exact_mut(s.len().max(1)).zip(s) {
                column.iter_mut().zip(s).for_each(|(a, s)| *a = (*a - left * s) * scale);
            }
        },
    );
}

/// The place of each number on a grid: see [`nearest_place`].
///
/// # Panics
/// If the lengths differ.
pub fn nearest_places(x: &[f64], origin: f64, rate: f64, last: u32, places: &mut [u32]) {
    assert_eq!(x.len(), places.len(), "a place for each number");
    Arch::new().dispatch(
        #[inline(always)]
        || {
            // Copies: what is captured might change with the places, as far as the compiler knows.
            let (origin, rate, last) = (origin, rate, last);
            places.iter_mut().zip(x).for_each(|(place, x)| *place = nearest_place(*x, origin, rate, last));
        },
    );
}

/// The whole number in 0..=last that is nearest to (x - origin) rate; `u32::MAX` where x is not a number.
#[must_use]
#[inline(always)]
pub fn nearest_place(x: f64, origin: f64, rate: f64, last: u32) -> u32 {
    // A double this large has its whole part in its lowest bits: registers have no conversion that is as quick.
    const WHOLE: f64 = (1_u64 << 52) as f64;
    let place = ((x - origin) * rate).max(0.0).min(f64::from(last));
    if x.is_nan() { u32::MAX } else { (place + WHOLE).to_bits() as u32 }
}

struct Products<'a> {
    now: &'a [f64],
    past: &'a [f64],
    sums: &'a mut [f64],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { now, past, sums } = self;
        let mut end = past.len();
        for sums in sums.chunks_mut(GROUP) {
            let past = &past[..end];
            match sums.len() {
                1 => products::<S, 1>(simd, now, past, sums),
                2 => products::<S, 2>(simd, now, past, sums),
                3 => products::<S, 3>(simd, now, past, sums),
                4 => products::<S, 4>(simd, now, past, sums),
                5 => products::<S, 5>(simd, now, past, sums),
                6 => products::<S, 6>(simd, now, past, sums),
                7 => products::<S, 7>(simd, now, past, sums),
                _ => products::<S, GROUP>(simd, now, past, sums),
            }
            end = end.saturating_sub(GROUP);
        }
    }
}

/// G lags from the one at which `past` ends.
#[inline(always)]
fn products<S: Simd, const G: usize>(simd: S, now: &[f64], past: &[f64], sums: &mut [f64]) {
    // From the deepest of the lags on; the others stand one value further each.
    let past = &past[past.len() + 1 - now.len() - G..];
    let mut totals = [simd.splat_f64s(0.0); G];
    let steps = now.chunks_exact(S::F64_LANES);
    let rest = now.len() - steps.remainder().len();
    for (now, past) in steps.zip(past.windows(S::F64_LANES + G - 1).step_by(S::F64_LANES)) {
        let now = load::<S>(now);
        for (g, total) in totals.iter_mut().enumerate() {
            *total = simd.mul_add_e_f64s(now, load::<S>(&past[G - 1 - g..]), *total);
        }
    }
    for (g, (sum, total)) in sums.iter_mut().zip(totals).enumerate() {
        let rest: f64 = now[rest..].iter().zip(&past[rest + G - 1 - g..]).map(|(now, past)| now * past).sum();
        *sum += simd.reduce_sum_f64s(total) + rest;
    }
}

struct ExactProducts<'a> {
    now: &'a [f64],
    past: &'a [f64],
    sums: &'a mut [DoubleDouble],
}

impl WithSimd for ExactProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { now, past, sums } = self;
        let mut end = past.len();
        for sums in sums.chunks_mut(EXACT_GROUP) {
            let past = &past[..end];
            match sums.len() {
                1 => exact_products::<S, 1>(simd, now, past, sums),
                2 => exact_products::<S, 2>(simd, now, past, sums),
                3 => exact_products::<S, 3>(simd, now, past, sums),
                _ => exact_products::<S, EXACT_GROUP>(simd, now, past, sums),
            }
            end = end.saturating_sub(EXACT_GROUP);
        }
    }
}

/// G lags from the one at which `past` ends.
#[inline(always)]
fn exact_products<S: Simd, const G: usize>(simd: S, now: &[f64], past: &[f64], sums: &mut [DoubleDouble]) {
    let past = &past[past.len() + 1 - now.len() - G..];
    let zero = simd.splat_f64s(0.0);
    let mut totals = [(zero, zero); G];
    let steps = now.chunks_exact(S::F64_LANES);
    let rest = now.len() - steps.remainder().len();
    for (now, past) in steps.zip(past.windows(S::F64_LANES + G - 1).step_by(S::F64_LANES)) {
        let now = load::<S>(now);
        for (g, total) in totals.iter_mut().enumerate() {
            *total = add_product(simd, *total, now, load::<S>(&past[G - 1 - g..]));
        }
    }
    for (g, (sum, (high, low))) in sums.iter_mut().zip(totals).enumerate() {
        let lanes = lanes::<S>(&high).iter().zip(lanes::<S>(&low));
        *sum = lanes.fold(*sum, |sum, (high, low)| sum + DoubleDouble::sum(*high, *low));
        let rest = now[rest..].iter().zip(&past[rest + G - 1 - g..]);
        *sum = rest.fold(*sum, |sum, (now, past)| sum + DoubleDouble::product(*now, *past));
    }
}

/// high + low + a b, the rounding errors of the product and of the sum gathered in low.
#[inline(always)]
fn add_product<S: Simd>(simd: S, (high, low): (S::f64s, S::f64s), a: S::f64s, b: S::f64s) -> (S::f64s, S::f64s) {
    let product = simd.mul_f64s(a, b);
    let product_error = simd.mul_add_f64s(a, b, simd.neg_f64s(product));
    let sum = simd.add_f64s(high, product);
    let added = simd.sub_f64s(sum, high);
    let lost = simd.sub_f64s(high, simd.sub_f64s(sum, added));
    let sum_error = simd.add_f64s(lost, simd.sub_f64s(product, added));
    (sum, simd.add_f64s(low, simd.add_f64s(product_error, sum_error)))
}

/// The lanes of a register.
#[inline(always)]
fn lanes<S: Simd>(register: &S::f64s) -> &[f64] {
    pulp::bytemuck::cast_slice(std::slice::from_ref(register))
}

struct Filtered<'a> {
    taps: &'a [f64],
    x: &'a [f64],
    y: &'a mut [f64],
}

impl WithSimd for Filtered<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { taps, x, y } = self;
        let several = y.len() - y.len() % (GROUP * S::F64_LANES);
        let single = y.len() - y.len() % S::F64_LANES;
        filter::<S, GROUP>(simd, taps, x, &mut y[..several]);
        filter::<S, 1>(simd, taps, &x[several..], &mut y[several..single]);
        for (t, y) in y.iter_mut().enumerate().skip(single) {
            *y = taps.iter().zip(x[t..t + taps.len()].iter().rev()).fold(*y, |y, (tap, x)| y + tap * x);
        }
    }
}

/// R registers of results at a time.
#[inline(always)]
fn filter<S: Simd, const R: usize>(simd: S, taps: &[f64], x: &[f64], y: &mut [f64]) {
    let step = R * S::F64_LANES;
    for (at, y) in y.chunks_exact_mut(step).enumerate() {
        let past = &x[at * step..at * step + step + taps.len() - 1];
        let mut totals = [simd.splat_f64s(0.0); R];
        totals.copy_from_slice(S::as_simd_f64s(y).0);
        // The first tap meets the latest values: windows from the end.
        for (tap, past) in taps.iter().zip(past.windows(step).rev()) {
            let tap = simd.splat_f64s(*tap);
            for (total, past) in totals.iter_mut().zip(S::as_simd_f64s(past).0) {
                *total = simd.add_f64s(*total, simd.mul_f64s(tap, *past));
            }
        }
        S::as_mut_simd_f64s(y).0.copy_from_slice(&totals);
    }
}

struct LatticeSums<'a> {
    forward: &'a [f64],
    backward: &'a [f64],
}

impl WithSimd for LatticeSums<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f64, f64) {
        let pairs = self.forward.len().saturating_sub(1);
        pair_sums(simd, &self.forward[self.forward.len() - pairs..], &self.backward[..pairs])
    }
}

/// sum a b and sum a^2 + b^2.
#[inline(always)]
fn pair_sums<S: Simd>(simd: S, a: &[f64], b: &[f64]) -> (f64, f64) {
    const REGISTERS: usize = 4;
    let mut sums = [[simd.splat_f64s(0.0); 3]; REGISTERS];
    let step = REGISTERS * S::F64_LANES;
    let several = a.len() - a.len() % step;
    for (a, b) in a.chunks_exact(step).zip(b.chunks_exact(step)) {
        let registers = S::as_simd_f64s(a).0.iter().zip(S::as_simd_f64s(b).0);
        for ([cross, forward, backward], (a, b)) in sums.iter_mut().zip(registers) {
            *cross = simd.mul_add_e_f64s(*a, *b, *cross);
            *forward = simd.mul_add_e_f64s(*a, *a, *forward);
            *backward = simd.mul_add_e_f64s(*b, *b, *backward);
        }
    }
    let [[mut cross, mut square, _], ..] = sums;
    square = simd.add_f64s(square, sums[0][2]);
    for [more, forward, backward] in &sums[1..] {
        cross = simd.add_f64s(cross, *more);
        square = simd.add_f64s(square, simd.add_f64s(*forward, *backward));
    }
    let totals = (simd.reduce_sum_f64s(cross), simd.reduce_sum_f64s(square));
    let rest = a[several..].iter().zip(&b[several..]);
    rest.fold(totals, |(cross, square), (a, b)| (cross + a * b, square + a * a + b * b))
}

struct LatticeStep<'a> {
    r: f64,
    forward: &'a mut [f64],
    backward: &'a mut [f64],
}

impl WithSimd for LatticeStep<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f64, f64) {
        let Self { r, forward, backward } = self;
        let (mut cross, mut square) = (0.0, 0.0);
        for start in (0..forward.len()).step_by(LATTICE_BLOCK) {
            let end = forward.len().min(start + LATTICE_BLOCK);
            cross_over(simd, r, &mut forward[start..end], &mut backward[start..end]);
            // The last pair of a block waits for the first of the next.
            let first = start.saturating_sub(1);
            let sums = pair_sums(simd, &forward[first + 1..end], &backward[first..end - 1]);
            cross += sums.0;
            square += sums.1;
        }
        (cross, square)
    }
}

/// a, b = a - r b, b - r a.
#[inline(always)]
fn cross_over<S: Simd>(simd: S, r: f64, a: &mut [f64], b: &mut [f64]) {
    let minus = simd.splat_f64s(-r);
    let (several_a, rest_a) = S::as_mut_simd_f64s(a);
    let (several_b, rest_b) = S::as_mut_simd_f64s(b);
    for (a, b) in several_a.iter_mut().zip(several_b) {
        (*a, *b) = (simd.mul_add_e_f64s(minus, *b, *a), simd.mul_add_e_f64s(minus, *a, *b));
    }
    for (a, b) in rest_a.iter_mut().zip(rest_b) {
        (*a, *b) = (*a - r * *b, *b - r * *a);
    }
}
