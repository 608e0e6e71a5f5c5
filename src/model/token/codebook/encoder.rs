//! The encoder: values to codes of patches and back, without any model of what follows what.
//!
//! ```text
//! z_t = (x_t - m) / s        code of a patch = argmin_k sum_j (z_j - c_kj)^2 over its known values j
//! ```
//!
//! A patch is P values whose first one has an index that P divides: patches are anchored at the index of the series, whatever
//! part of it is at hand. The code of a patch that is not whole (cut off by the start or the end of the values, or with missing
//! ones) is the centroid nearest to its known values; a patch without any known value has no code. Decoding writes
//! the centroids back, exactly as many values as there were, so a missing value comes back as what its patch suggests.
//!
//! m and s are the mean and the standard deviation of the known values at hand, those of training where they are fewer than
//! eight or all the same. They travel with the codes.

use crate::error::{Error, Result};
use crate::model::token::quantiser::RunningMoments;
use crate::predictive::OuterMap;

/// The position within its patch of the value at an index.
pub(super) fn phase(index: i64, patch: usize) -> usize {
    index.rem_euclid(patch as i64) as usize
}

/// The centroid nearest to the known values of a patch, the first of equals, and the squared distance; `None` where none is known.
pub(super) fn nearest(centroids: &[f64], width: usize, patch: &[f64]) -> Option<(usize, f64)> {
    if patch.iter().all(|z| z.is_nan()) {
        return None;
    }
    let distance = |centroid: &[f64]| {
        let known = centroid.iter().zip(patch).filter(|(_, z)| !z.is_nan());
        known.map(|(c, z)| (z - c).powi(2)).sum::<f64>()
    };
    let mut best = (0, f64::INFINITY);
    for (k, centroid) in centroids.chunks_exact(width).enumerate() {
        let own = distance(centroid);
        if own < best.1 {
            best = (k, own);
        }
    }
    Some(best)
}

/// Values as codes of patches, with what it takes to decode them.
#[derive(Debug, Clone, PartialEq)]
pub struct Codes {
    /// One code for each patch, from the one that holds the first value to the one that holds the last; `None` where nothing of
    /// the patch was known.
    pub codes: Vec<Option<u32>>,
    /// The position of the first value within its patch.
    pub phase: usize,
    /// How many values there were.
    pub length: usize,
    /// What was subtracted from each value ..
    pub location: f64,
    /// .. and what the rest was divided by.
    pub scale: f64,
}

/// How well codes stand for values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fidelity {
    /// The root of the mean squared error of the decoded values, in the units of the data.
    pub root_mean_square: f64,
    /// The share of the variance that decoding brings back: 1 - mean squared error / variance; not a number where there is none.
    pub explained: f64,
    /// log2 K for each code, over the number of known values: what codes of equal length take.
    pub bits_per_value: f64,
}

/// What turns a series into codes of patches and back.
///
/// ```
/// use foretoken::model::token::codebook::CodebookSpec;
/// use foretoken::{Fit, Series};
///
/// let x: Vec<f64> = (0..80).map(|t| f64::from(t % 4) + 0.01 * f64::from(t % 7)).collect();
/// let spec = CodebookSpec { patch: Some(4), codes: Some(2), ..CodebookSpec::default() };
/// let codebook = spec.fit(&[Series::new("", x.clone())])?.model;
/// let codes = codebook.encoder().encode(&x[2..], 2); // half a patch, then whole ones
/// assert_eq!((codes.codes.len(), codes.phase), (20, 2));
/// let decoded = codebook.encoder().decode(&codes)?;
/// assert!(decoded.iter().zip(&x[2..]).all(|(own, x)| (own - x).abs() < 0.1));
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Encoder {
    /// P, the number of values of a patch.
    pub(crate) patch: usize,
    /// c_kj, code by code.
    pub(crate) centroids: Vec<f64>,
    /// From standardised values to those of training.
    pub(crate) training: OuterMap,
}

impl Encoder {
    /// P, the number of values of a patch.
    #[must_use]
    pub fn patch(&self) -> usize {
        self.patch
    }

    /// K, the number of codes.
    #[must_use]
    pub fn codes(&self) -> usize {
        self.centroids.len() / self.patch
    }

    /// What a code stands for, in standard deviations from the mean.
    ///
    /// # Panics
    /// If there is no such code.
    #[must_use]
    pub fn centroid(&self, code: u32) -> &[f64] {
        &self.centroids[code as usize * self.patch..][..self.patch]
    }

    /// The map from standardised values to the training values: of a context that has no scale of its own.
    #[must_use]
    pub fn training_map(&self) -> OuterMap {
        self.training
    }

    /// The map from standardised values to those of a series.
    pub(super) fn map_of(&self, values: &[f64]) -> OuterMap {
        let mut moments = RunningMoments::default();
        values.iter().for_each(|x| moments.push(*x));
        moments.map().unwrap_or(self.training)
    }

    /// The code of a patch of standardised values, NaN where one is missing.
    pub(super) fn code_of(&self, patch: &[f64]) -> Option<u32> {
        nearest(&self.centroids, self.patch, patch).map(|(code, _)| code as u32)
    }

    /// The codes of values, NaN where one is missing, of which the first has the index `start`.
    #[must_use]
    pub fn encode(&self, values: &[f64], start: i64) -> Codes {
        let map = self.map_of(values);
        let phase = phase(start, self.patch);
        let patches = (phase + values.len()).div_ceil(self.patch);
        let mut places = vec![f64::NAN; patches * self.patch];
        places[phase..].iter_mut().zip(values).for_each(|(place, x)| *place = map.backward(*x));
        Codes {
            codes: places.chunks_exact(self.patch).map(|patch| self.code_of(patch)).collect(),
            phase,
            length: values.len(),
            location: map.shift,
            scale: map.factor,
        }
    }

    /// The values that codes stand for, as many as there were; NaN where a patch has no code.
    ///
    /// # Errors
    /// If the codes are not those of an encoder like this one.
    pub fn decode(&self, codes: &Codes) -> Result<Vec<f64>> {
        let of_codes = codes.codes.iter().flatten().max();
        if let Some(code) = of_codes.filter(|code| **code as usize >= self.codes()) {
            return Err(Error::data(format!("there is no code {code}"))
                .expected(format!("codes from 0 to {}", self.codes() - 1))
                .hint("decode with the codebook that encoded"));
        }
        if codes.phase >= self.patch
            || codes.codes.len() != codes.phase.saturating_add(codes.length).div_ceil(self.patch)
        {
            let (count, length) = (codes.codes.len(), codes.length);
            return Err(Error::data(format!("{count} codes from phase {} on for {length} values", codes.phase))
                .expected(format!("one code for each patch of {} values", self.patch)));
        }
        let map = OuterMap { shift: codes.location, factor: codes.scale, ..OuterMap::IDENTITY };
        let unknown = vec![f64::NAN; self.patch];
        let patches = codes.codes.iter().flat_map(|code| code.map_or(&unknown[..], |code| self.centroid(code)));
        Ok(patches.skip(codes.phase).take(codes.length).map(|z| map.forward(*z)).collect())
    }

    /// How well the codes of values stand for them.
    ///
    /// # Errors
    /// If no value is known.
    pub fn fidelity(&self, values: &[f64], start: i64) -> Result<Fidelity> {
        let codes = self.encode(values, start);
        let decoded = self.decode(&codes)?;
        let known = || values.iter().zip(&decoded).filter(|(x, _)| !x.is_nan());
        let count = known().count() as f64;
        if count == 0.0 {
            return Err(Error::data("no value is known").expected("values to encode"));
        }
        let mean = known().map(|(x, _)| x).sum::<f64>() / count;
        let variance = known().map(|(x, _)| (x - mean).powi(2)).sum::<f64>() / count;
        let error = known().map(|(x, own)| (x - own).powi(2)).sum::<f64>() / count;
        Ok(Fidelity {
            root_mean_square: error.sqrt(),
            explained: 1.0 - error / variance,
            bits_per_value: codes.codes.iter().flatten().count() as f64 * (self.codes() as f64).log2() / count,
        })
    }
}
