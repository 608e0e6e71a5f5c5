//! Finite impulse response filters: moving averages, differences, and the residuals of autoregressions.
//!
//! ```text
//! y_t = sum_{k < K} h_k x_{t-k}        K taps; residuals e_t = x_t - c - sum_i phi_i x_{t-i} have the taps (1, -phi)
//! ```
//!
//! Two forms, chosen by the number of taps:
//!
//! | taps | form | cost per value |
//! |---|---|---|
//! | up to 96 | direct, in the order of k: the same to the bit as a loop over k, on every processor | K multiplications |
//! | above | overlap-save: blocks of N >= 8 K values, N - K + 1 results each, through a real FFT (Stockham 1966, AFIPS 28, p. 229; Oppenheim and Schafer 2010, *Discrete-Time Signal Processing*, section 8.7.3) | O(log K) |
//!
//! The rounding of overlap-save is about 1e-16 times the largest |x| of a *block* times the length of h, so a result is
//! less exact where the values beside it are much larger. A block that holds a value which is not finite is filtered
//! directly: such a value reaches the K results that contain it and no other. State: the plan and the buffers of one
//! block, O(K) memory, reused by every call. Matches SciPy's `oaconvolve(x, h, mode="valid")`.

use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::kernels::add_filtered;

/// Up to this many taps the direct form is as fast.
const DIRECT_TAPS: usize = 96;
/// The smallest block of overlap-save: its buffers fit the first-level cache.
const MIN_BLOCK: usize = 2048;

/// A filter and what it needs to run; a clone runs beside it.
///
/// ```
/// use foretoken::math::filter::Filter;
///
/// // The residuals of x_t = 1 + x_{t-1} / 2 + e_t.
/// let x = [6.0, 4.0, 3.5, 2.75];
/// let mut residuals = vec![-1.0; 3];
/// Filter::new(vec![1.0, -0.5]).add_to(&mut residuals, &x);
/// assert_eq!(residuals, [0.0, 0.5, 0.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Filter {
    taps: Vec<f64>,
    /// For long filters.
    overlap_save: Option<OverlapSave>,
}

impl Filter {
    /// The filter with taps h_0, h_1, .., in the form that is faster.
    ///
    /// # Panics
    /// If there is no tap.
    #[must_use]
    pub fn new(taps: Vec<f64>) -> Self {
        let overlap_save = (taps.len() > DIRECT_TAPS).then(|| OverlapSave::new(&taps));
        Self { overlap_save, ..Self::direct(taps) }
    }

    /// The filter in its direct form, whatever its length: results are those of a loop, to the bit.
    ///
    /// # Panics
    /// If there is no tap.
    #[must_use]
    pub fn direct(taps: Vec<f64>) -> Self {
        assert!(!taps.is_empty(), "a filter has a tap");
        Self { taps, overlap_save: None }
    }

    /// h_0, h_1, ..
    #[must_use]
    pub fn taps(&self) -> &[f64] {
        &self.taps
    }

    /// Adds to every y the filtered value of its time, where x begins K - 1 values before y and ends with it.
    ///
    /// # Panics
    /// If the lengths do not fit: `x.len() + 1 == y.len() + taps`.
    pub fn add_to(&mut self, y: &mut [f64], x: &[f64]) {
        let Self { taps, overlap_save } = self;
        assert!(x.len() + 1 == y.len() + taps.len(), "{} taps look back on one value less", taps.len());
        match overlap_save {
            None => add_filtered(taps, x, y),
            Some(overlap_save) => overlap_save.add_to(taps, y, x),
        }
    }
}

/// The transform of the taps, and the buffers of a block.
#[derive(Clone)]
struct OverlapSave {
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    /// The transform of the taps over the length of a block: two transforms multiply by the latter.
    response: Vec<Complex<f64>>,
    time: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl fmt::Debug for OverlapSave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverlapSave").field("block", &self.time.len()).finish_non_exhaustive()
    }
}

impl OverlapSave {
    fn new(taps: &[f64]) -> Self {
        let block = (8 * taps.len()).next_power_of_two().max(MIN_BLOCK);
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(block), planner.plan_fft_inverse(block));
        let mut time = forward.make_input_vec();
        time.iter_mut().zip(taps).for_each(|(time, tap)| *time = tap / block as f64);
        let mut response = forward.make_output_vec();
        let scratch = vec![Complex::default(); forward.get_scratch_len().max(inverse.get_scratch_len())];
        let spectrum = forward.make_output_vec();
        forward.process(&mut time, &mut response).expect("buffers made by the plan fit it");
        Self { forward, inverse, response, time, spectrum, scratch }
    }

    fn add_to(&mut self, taps: &[f64], y: &mut [f64], x: &[f64]) {
        let before = taps.len() - 1;
        let step = self.time.len() - before;
        for (at, y) in y.chunks_mut(step).enumerate() {
            let x = &x[at * step..at * step + y.len() + before];
            if self.filter(x) {
                y.iter_mut().zip(&self.time[before..]).for_each(|(y, filtered)| *y += filtered);
            } else {
                add_filtered(taps, x, y);
            }
        }
    }

    /// Replaces the block by the circular convolution of its values, padded by zeros, with the taps: right after the
    /// first K - 1. `false` where it holds a value that is not finite.
    fn filter(&mut self, x: &[f64]) -> bool {
        self.time[..x.len()].copy_from_slice(x);
        self.time[x.len()..].fill(0.0);
        let fits = "buffers made by the plan fit it";
        self.forward.process_with_scratch(&mut self.time, &mut self.spectrum, &mut self.scratch).expect(fits);
        if !self.spectrum[0].re.is_finite() {
            return false;
        }
        self.spectrum.iter_mut().zip(&self.response).for_each(|(x, h)| *x *= h);
        // The transform of real values is real at both ends; the inverse insists on it.
        let last = self.spectrum.len() - 1;
        (self.spectrum[0].im, self.spectrum[last].im) = (0.0, 0.0);
        self.inverse.process_with_scratch(&mut self.spectrum, &mut self.time, &mut self.scratch).expect(fits);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn textbook(taps: &[f64], x: &[f64]) -> Vec<f64> {
        (taps.len() - 1..x.len()).map(|t| (0..taps.len()).map(|k| taps[k] * x[t - k]).sum()).collect()
    }

    fn wavy(n: usize) -> Vec<f64> {
        (0..n).map(|t| 5.0 + (0.37 * t as f64).sin() + ((t * t) % 17) as f64 / 17.0).collect()
    }

    fn decaying(count: usize) -> Vec<f64> {
        (0..count).map(|k| (0.7 * k as f64).cos() / (1.0 + k as f64)).collect()
    }

    fn filtered(mut filter: Filter, x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; x.len() + 1 - filter.taps().len()];
        filter.add_to(&mut y, x);
        y
    }

    #[test]
    fn both_forms_are_the_textbook_sum() {
        for taps in [1, 2, 20, 96, 97, 257, 300] {
            for n in [taps, taps + 1, 1000, 2048, 2049, 5000] {
                let (h, x) = (decaying(taps), wavy(n));
                let expected = textbook(&h, &x);
                for filter in [Filter::new(h.clone()), Filter::direct(h.clone())] {
                    let y = filtered(filter, &x);
                    assert_eq!(y.len(), expected.len());
                    for (y, e) in y.iter().zip(&expected) {
                        assert!((y - e).abs() < 2e-14, "{taps} taps, {n} values: {y} {e}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_missing_value_reaches_its_own_results_only() {
        let (taps, mut x) = (200, wavy(6000));
        let whole = filtered(Filter::new(decaying(taps)), &x);
        x[3000] = f64::NAN;
        x[3700] = f64::INFINITY;
        let y = filtered(Filter::new(decaying(taps)), &x);
        for (t, (y, whole)) in y.iter().zip(&whole).enumerate() {
            let reached = [3000, 3700].iter().any(|at| (t..t + taps).contains(at));
            assert_eq!(y.is_finite(), !reached, "{t}");
            assert!(reached || (y - whole).abs() < 1e-13);
        }
    }

    #[test]
    fn results_add_up_and_runs_repeat() {
        let x = wavy(5000);
        let mut filter = Filter::new(decaying(150));
        let mut twice = vec![1.0; x.len() - 149];
        filter.add_to(&mut twice, &x);
        filter.add_to(&mut twice, &x);
        for (twice, once) in twice.iter().zip(filtered(filter, &x)) {
            assert!((twice - 1.0 - 2.0 * once).abs() < 1e-13);
        }
    }

    #[test]
    #[should_panic(expected = "2 taps look back on one value less")]
    fn lengths_must_fit() {
        Filter::new(vec![1.0, 2.0]).add_to(&mut [0.0; 3], &[0.0; 3]);
    }
}
