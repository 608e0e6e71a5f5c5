//! Sums of lagged products, the autocovariances and autocorrelations made of them, and partial autocorrelations.
//!
//! ```text
//! S_k = sum_{t >= k} (x_t - m)(x_{t-k} - m)        c_k = S_k / n (biased) or S_k / (n - k) (adjusted)
//! ```
//!
//! All lags are summed in one pass over the data: a block is centred into a buffer that fits the first-level cache, and
//! eight lags at a time run over it ([`kernels`](super::kernels)). O(n K) time and O(K) memory beside the data; above 256 lags an FFT takes O(n log n) time and O(n) memory.
//!
//! Matches R's `acf` and `pacf` (biased) and statsmodels' `acf(adjusted=...)`.

use realfft::RealFftPlanner;

use super::kernels::add_lagged_products;
use super::toeplitz::Levinson;

/// How many rows of a block are centred at once.
pub(super) const BLOCK: usize = 2048;
/// Partial sums of a mean.
const WIDTH: usize = 8;
/// From this many lags on, the FFT is faster.
const FFT_LAGS: usize = 256;

/// What a sum of products is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divisor {
    /// n at every lag: always a positive definite sequence, so that Yule-Walker is stationary.
    Biased,
    /// n - k, the number of products: unbiased for a known mean.
    Adjusted,
}

/// Sums of lagged products of one or more series, and how many products each is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct LaggedProducts {
    sums: Vec<f64>,
    pairs: Vec<f64>,
    /// Known values.
    known: f64,
    /// Values, missing ones included.
    length: f64,
    /// Products that would be there if no value were missing.
    possible: Vec<f64>,
}

impl LaggedProducts {
    /// The products up to `max_lag` of several series about a common mean; missing values take their pairs with them.
    #[must_use]
    pub fn of<'a>(series: impl IntoIterator<Item = &'a [f64]>, mean: f64, max_lag: usize) -> Self {
        let zeros = vec![0.0; max_lag + 1];
        let mut all = Self { sums: zeros.clone(), pairs: zeros.clone(), known: 0.0, length: 0.0, possible: zeros };
        for x in series {
            all.add(x, mean, max_lag);
        }
        all
    }

    fn add(&mut self, x: &[f64], mean: f64, max_lag: usize) {
        let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        let possible: Vec<f64> = (0..=max_lag).map(|lag| x.len().saturating_sub(lag) as f64).collect();
        self.length += x.len() as f64;
        let sums = products(x, mean, max_lag);
        // A missing value shows in the sum of squares; a pass to look for one would cost as much as the sums.
        if sums[0].is_nan() {
            // It contributes nothing, and nor do its pairs.
            let filled: Vec<f64> = x.iter().map(|x| if x.is_nan() { mean } else { *x }).collect();
            let known: Vec<f64> = x.iter().map(|x| f64::from(u8::from(!x.is_nan()))).collect();
            add(&mut self.sums, &products(&filled, mean, max_lag));
            add(&mut self.pairs, &products(&known, 0.0, max_lag));
            self.known += known.iter().sum::<f64>();
        } else {
            add(&mut self.sums, &sums);
            add(&mut self.pairs, &possible);
            self.known += x.len() as f64;
        }
        add(&mut self.possible, &possible);
    }

    /// The number of known values.
    #[must_use]
    pub fn known(&self) -> f64 {
        self.known
    }

    /// The autocovariances c_0..c_K. With missing values every c_k is the average over the known pairs, and the biased
    /// ones shrink it by the share (n - k) / n as without (Parzen 1963, *Sankhya A* 25, p. 383).
    #[must_use]
    pub fn autocovariances(&self, divisor: Divisor) -> Vec<f64> {
        let average = |lag: usize| if self.pairs[lag] > 0.0 { self.sums[lag] / self.pairs[lag] } else { 0.0 };
        let shrink = |lag: usize| match divisor {
            Divisor::Biased => self.possible[lag] / self.length,
            Divisor::Adjusted => 1.0,
        };
        (0..self.sums.len()).map(|lag| average(lag) * shrink(lag)).collect()
    }

    /// The autocovariances with missing values set to the mean: shrunk towards zero, but positive definite.
    #[must_use]
    pub fn positive_definite_autocovariances(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.known).collect()
    }
}

/// S_0..S_K of a series without missing values about a mean: directly, or by FFT for many lags. S_k is 0 for k >= n.
#[must_use]
pub fn products(x: &[f64], mean: f64, max_lag: usize) -> Vec<f64> {
    if max_lag >= FFT_LAGS && x.len() > 4 * FFT_LAGS {
        products_by_fft(x, mean, max_lag)
    } else {
        products_directly(x, mean, max_lag)
    }
}

/// S_0..S_K by blocked summation.
#[must_use]
pub fn products_directly(x: &[f64], mean: f64, max_lag: usize) -> Vec<f64> {
    products_from(0, x, mean, max_lag)
}

/// sum_{t >= K} (x_t - m)(x_{t-k} - m) for k = 0..K: over the rows that have all K lags.
#[must_use]
pub fn products_after(x: &[f64], mean: f64, max_lag: usize) -> Vec<f64> {
    products_from(max_lag, x, mean, max_lag)
}

fn products_from(first: usize, x: &[f64], mean: f64, max_lag: usize) -> Vec<f64> {
    let mut sums = vec![0.0; max_lag + 1];
    centred_blocks(x, mean, first, max_lag, |_, now, past| add_lagged_products(now, past, &mut sums));
    sums
}

/// Gives the centred values from row `first` on to `use_block(row, now, past)`, a block at a time: `past` ends with
/// `now` and begins K values earlier, with zeros for what lies before the data.
pub(super) fn centred_blocks(
    x: &[f64],
    mean: f64,
    first: usize,
    max_lag: usize,
    mut use_block: impl FnMut(usize, &[f64], &[f64]),
) {
    let mut buffer = vec![0.0; max_lag + BLOCK.min(x.len())];
    for start in (first..x.len()).step_by(BLOCK) {
        let rows = BLOCK.min(x.len() - start);
        let history = max_lag.min(start);
        let past = &mut buffer[..max_lag + rows];
        for (to, from) in past[max_lag - history..].iter_mut().zip(&x[start - history..start + rows]) {
            *to = from - mean;
        }
        use_block(start, &past[max_lag..], past);
    }
}

/// S_0..S_K as the inverse transform of the periodogram of the zero-padded series.
///
/// Rounding is that of a transform: about 1e-15 S_0 in absolute terms at every lag.
#[must_use]
pub fn products_by_fft(x: &[f64], mean: f64, max_lag: usize) -> Vec<f64> {
    let lags = max_lag.min(x.len().saturating_sub(1));
    let length = (x.len() + lags + 1).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let mut time = forward.make_input_vec();
    for (to, from) in time.iter_mut().zip(x) {
        *to = from - mean;
    }
    let mut spectrum = forward.make_output_vec();
    forward.process(&mut time, &mut spectrum).expect("buffers made by the plan fit it");
    for s in &mut spectrum {
        *s = (s.norm_sqr()).into();
    }
    inverse.process(&mut spectrum, &mut time).expect("buffers made by the plan fit it");
    let mut sums: Vec<f64> = time[..=lags].iter().map(|s| s / length as f64).collect();
    sums.resize(max_lag + 1, 0.0);
    sums
}

/// The mean of the known values; NaN without any.
#[must_use]
pub fn mean<'a>(series: impl IntoIterator<Item = &'a [f64]>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for x in series {
        let all = sum_of(x, |x| x);
        // One missing value makes the sum one.
        let known = |x: f64| if x.is_nan() { 0.0 } else { x };
        sum += if all.is_nan() { sum_of(x, known) } else { all };
        count += if all.is_nan() { x.iter().filter(|x| !x.is_nan()).count() } else { x.len() };
    }
    sum / count as f64
}

/// A sum in as many parts as vectorise.
fn sum_of(x: &[f64], value: impl Fn(f64) -> f64) -> f64 {
    let (chunks, rest) = x.as_chunks::<WIDTH>();
    let mut partial = [0.0; WIDTH];
    for chunk in chunks {
        partial.iter_mut().zip(chunk).for_each(|(partial, x)| *partial += value(*x));
    }
    partial.iter().sum::<f64>() + rest.iter().map(|x| value(*x)).sum::<f64>()
}

/// The sample autocorrelations r_0..r_K (biased). NaN for a constant series, and at a lag without a known pair.
///
/// ```
/// let r = foretoken::math::autocovariance::autocorrelations(&[1.0, 2.0, 3.0, 4.0], 1);
/// assert!((r[1] - 0.25).abs() < 1e-15);
/// ```
#[must_use]
pub fn autocorrelations(x: &[f64], max_lag: usize) -> Vec<f64> {
    let products = LaggedProducts::of([x], mean([x]), max_lag);
    let c = products.autocovariances(Divisor::Biased);
    let is_known = |lag: usize| products.pairs[lag] > 0.0 || lag >= x.len();
    c.iter().enumerate().map(|(lag, ck)| if is_known(lag) { ck / c[0] } else { f64::NAN }).collect()
}

/// The partial autocorrelations of lags 1..K: the last coefficients of the Yule-Walker fits of each order (biased; R's
/// `pacf`, statsmodels' `pacf(method="ywm")`). Empty for a constant series; with missing values they end where the
/// autocorrelations are those of no process, or no pair of values is known.
#[must_use]
pub fn partial_autocorrelations(x: &[f64], max_lag: usize) -> Vec<f64> {
    let products = LaggedProducts::of([x], mean([x]), max_lag);
    let mut c = products.autocovariances(Divisor::Biased);
    let is_unknown = |lag: &usize| products.pairs[*lag] == 0.0 && *lag < x.len();
    c.truncate((0..c.len()).find(is_unknown).unwrap_or(c.len()));
    Levinson::solve(&c).reflection().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn textbook(x: &[f64], mean: f64, max_lag: usize) -> Vec<f64> {
        (0..=max_lag).map(|k| (k..x.len()).map(|t| (x[t] - mean) * (x[t - k] - mean)).sum()).collect()
    }

    fn wavy(n: usize) -> Vec<f64> {
        (0..n).map(|t| 5.0 + (0.37 * t as f64).sin() + ((t * t) % 17) as f64 / 17.0).collect()
    }

    #[test]
    fn all_ways_agree_with_the_textbook_loop() {
        for n in [1, 2, 7, 100, 2047, 2048, 2049, 6000] {
            for max_lag in [0, 1, 3, 4, 20, 31, 300] {
                let x = wavy(n);
                let m = mean([&x[..]]);
                let expected = textbook(&x, m, max_lag);
                for sums in [products_directly(&x, m, max_lag), products_by_fft(&x, m, max_lag)] {
                    for (sum, e) in sums.iter().zip(&expected) {
                        assert!((sum - e).abs() <= 1e-11 * expected[0].max(1e-3), "n {n}, lags {max_lag}: {sum} {e}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_with_all_lags_are_those_after_the_first() {
        let x = wavy(5000);
        for max_lag in [0, 5, 12] {
            let sums = products_after(&x, 5.0, max_lag);
            for (k, sum) in sums.iter().enumerate() {
                let expected: f64 = (max_lag..x.len()).map(|t| (x[t] - 5.0) * (x[t - k] - 5.0)).sum();
                assert!((sum - expected).abs() < 1e-10 * expected.abs().max(1.0));
            }
        }
    }

    #[test]
    fn missing_values_take_their_pairs_with_them() {
        let products = LaggedProducts::of([&[1.0, f64::NAN, 3.0, 5.0][..]], 0.0, 2);
        assert_eq!(products.autocovariances(Divisor::Adjusted), [35.0 / 3.0, 15.0, 3.0]);
        assert_eq!(products.known(), 3.0);
    }
}
