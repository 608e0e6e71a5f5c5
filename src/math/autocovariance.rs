//! Sums of lagged products, the autocovariances and autocorrelations made of them, and partial autocorrelations.
//!
//! ```text
//! S_k = sum_{t >= k} (x_t - m)(x_{t-k} - m)        c_k = S_k / n (biased) or S_k / (n - k) (adjusted)
//! ```
//!
//! All lags are summed in one pass over the data: a block is centred into a buffer that fits the first-level cache,
//! and four lags at a time run over it with eight partial sums each, so that the sums are independent and vectorise.
//! O(n K) time and O(K) memory beside the data; above 256 lags an FFT takes O(n log n) time and O(n) memory.
//!
//! Matches R's `acf` and `pacf` (biased) and statsmodels' `acf(adjusted=...)`.

use realfft::RealFftPlanner;

use super::toeplitz::Levinson;

/// How many rows of a block are centred at once.
const BLOCK: usize = 2048;
/// Lags that share one pass over a block.
const GROUP: usize = 4;
/// Partial sums per lag.
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
        if x.iter().any(|x| x.is_nan()) {
            // A missing value contributes nothing, and nor do its pairs.
            let filled: Vec<f64> = x.iter().map(|x| if x.is_nan() { mean } else { *x }).collect();
            let known: Vec<f64> = x.iter().map(|x| f64::from(u8::from(!x.is_nan()))).collect();
            add(&mut self.sums, &products(&filled, mean, max_lag));
            add(&mut self.pairs, &products(&known, 0.0, max_lag));
            self.known += known.iter().sum::<f64>();
        } else {
            add(&mut self.sums, &products(x, mean, max_lag));
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
    let mut sums = products_after(x, mean, max_lag);
    // What the blocks leave out: the rows that have fewer than K values before them.
    for t in 0..max_lag.min(x.len()) {
        for (lag, sum) in sums.iter_mut().enumerate().take(t + 1) {
            *sum += (x[t] - mean) * (x[t - lag] - mean);
        }
    }
    sums
}

/// sum_{t >= K} (x_t - m)(x_{t-k} - m) for k = 0..K: over the rows that have all K lags.
#[must_use]
pub fn products_after(x: &[f64], mean: f64, max_lag: usize) -> Vec<f64> {
    let groups = (max_lag + 1).div_ceil(GROUP);
    // Lags beyond K, up to a whole group, are summed over zeros and dropped.
    let before = groups * GROUP;
    let mut partial = vec![[0.0; WIDTH]; before];
    let mut buffer = vec![0.0; before + BLOCK];
    for start in (max_lag..x.len()).step_by(BLOCK) {
        let end = (start + BLOCK).min(x.len());
        buffer.fill(0.0);
        let history = before.min(start);
        for (to, from) in buffer[before - history..].iter_mut().zip(&x[start - history..end]) {
            *to = from - mean;
        }
        for (group, sums) in partial.chunks_exact_mut(GROUP).enumerate() {
            add_group(&buffer, before, group * GROUP, sums);
        }
    }
    partial.iter().take(max_lag + 1).map(|sums| sums.iter().sum()).collect()
}

/// Adds the products of a block (behind `before` values of history, zero-padded to a whole block) at four lags.
fn add_group(buffer: &[f64], before: usize, lag: usize, sums: &mut [[f64; WIDTH]]) {
    let mut total = [[0.0; WIDTH]; GROUP];
    total.copy_from_slice(sums);
    let now = buffer[before..].chunks_exact(WIDTH);
    // The deepest of the four lags; the others stand one value further each.
    let past = buffer[before - lag - (GROUP - 1).min(before - lag)..].windows(WIDTH + GROUP - 1).step_by(WIDTH);
    for (now, past) in now.zip(past) {
        for (g, total) in total.iter_mut().enumerate() {
            for i in 0..WIDTH {
                total[i] += now[i] * past[i + GROUP - 1 - g];
            }
        }
    }
    sums.copy_from_slice(&total);
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
    let (mut sum, mut count) = (0.0, 0.0);
    for x in series {
        let known = |x: &f64| if x.is_nan() { 0.0 } else { *x };
        let chunks = x.chunks_exact(WIDTH);
        sum += chunks.remainder().iter().map(known).sum::<f64>();
        let mut partial = [0.0; WIDTH];
        for chunk in chunks {
            partial.iter_mut().zip(chunk).for_each(|(partial, x)| *partial += known(x));
        }
        sum += partial.iter().sum::<f64>();
        count += x.iter().filter(|x| !x.is_nan()).count() as f64;
    }
    sum / count
}

/// The sample autocorrelations r_0..r_K (biased). NaN for a constant series.
///
/// ```
/// let r = foretoken::math::autocovariance::autocorrelations(&[1.0, 2.0, 3.0, 4.0], 1);
/// assert!((r[1] - 0.25).abs() < 1e-15);
/// ```
#[must_use]
pub fn autocorrelations(x: &[f64], max_lag: usize) -> Vec<f64> {
    let c = LaggedProducts::of([x], mean([x]), max_lag).autocovariances(Divisor::Biased);
    c.iter().map(|ck| ck / c[0]).collect()
}

/// The partial autocorrelations of lags 1..K: the last coefficients of the Yule-Walker fits of each order (biased; R's
/// `pacf`, statsmodels' `pacf(method="ywm")`). Empty for a constant series.
#[must_use]
pub fn partial_autocorrelations(x: &[f64], max_lag: usize) -> Vec<f64> {
    let c = LaggedProducts::of([x], mean([x]), max_lag).autocovariances(Divisor::Biased);
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
