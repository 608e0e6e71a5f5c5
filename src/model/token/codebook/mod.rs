//! A learned codebook: autoregression over the codes of patches, with a density of the values.
//!
//! ```text
//! p(x_1, x_2, ..) = product over patches of  sum_k P(k | codes of past patches) prod_j N(z_j; c_kj, s_kj^2) / s
//! p(x_j | past, x_1 .. x_{j-1} of the patch) = sum_k w_kj N(z_j; c_kj, s_kj^2) / s
//! w_kj proportional to P(k | past codes) prod_{i<j} N(z_i; c_ki, s_ki^2)
//! ```
//!
//! z = (x - m) / s is the series standardised by mean and standard deviation of the context alone, as [`Quantised`](super::Quantised)
//! has it, cut into patches of P values that are anchored at the index of the series. k-means finds K patches c_k that stand for all (`k_means`), the [`Encoder`] gives every patch the code of
//! the nearest, and a [`Markov`] chain learns which code follows which. The second line is the chain rule within a patch, exactly: a
//! mixture of normals whose weights follow what was already seen of the patch. So the sum of the log densities of the values is the
//! log density of the patches, it compares with that of every other model, and sampling values samples patches.
//!
//! This is autoregression in a learned discrete space, as in van den Oord, Vinyals and Kavukcuoglu (2017, *Neural Discrete
//! Representation Learning*, NeurIPS 30), with a linear encoder and counts instead of networks, and without their gap: the
//! codes are summed over, not only the nearest is scored.
//!
//! **Scales.** s_kj^2 = (S_kj + a v_j) / (n_k - 1 + a) with S_kj the squares about the centroid of the n_k patches of a code, v_j
//! the variance within all clusters together and a = 4: small clusters take the common scale. No scale is below
//! delta / sqrt(12), with delta the smallest distance of two distinct training values: below, a density would claim to know digits
//! that the data do not have.
//!
//! **Codes.** One rule everywhere: the nearest centroid, over the values of the patch that are known. A patch that a lane starts in
//! counts by the part from its first known value on. **Missing values** are integrated out exactly within their patch (the
//! product skips them). The code of such a patch is that of its known values, which is a guess, so the rows of
//! the next k patches, k the order of the chain, are undefined; where nothing of a patch is known the past of codes starts anew.
//!
//! State per lane: the last k codes, the values of the patch so far, K log weights. A step costs O(K), the last one of a patch
//! O(K P). Memory of the model: 2 K P numbers and the chain. Beside the context, which gives location and
//! scale, a row depends on at most the last (k + 1) P - 1 values.
//!
//! ```
//! use foretoken::model::token::codebook::CodebookSpec;
//! use foretoken::{Batch, Covariates, Fit, Series, score};
//!
//! let x: Vec<f64> = (0..120).map(|t| f64::from(t % 4) + 0.1 * f64::from(t * t % 7)).collect();
//! let spec = CodebookSpec { patch: Some(4), codes: Some(3), ..CodebookSpec::default() };
//! let fitted = spec.fit(&[Series::new("", x.clone())])?;
//! let (start, all) = (Batch::empty(&[0]), Batch::single(&x, 0));
//! let (log_likelihood, values) = score::log_likelihood(&fitted.model, &start, &all, &Covariates::none())?;
//! assert_eq!(values, 120);
//! assert!((log_likelihood - fitted.summary.log_likelihood).abs() < 1e-9);
//! # Ok::<(), foretoken::Error>(())
//! ```

mod choice;
mod encoder;
mod fit;
mod k_means;
mod session;

pub use encoder::{Codes, Encoder, Fidelity};
pub use fit::CodebookSpec;

pub(crate) use fit::{MAX_CODES, MAX_PATCH};

use self::session::{CodebookSession, Lane};
use super::markov::Markov;
use crate::data::batch::{Batch, Covariates};
use crate::error::Result;
use crate::model::{Autoregressive, Running};
use crate::predictive::Family;

/// A fitted codebook with the chain of its codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Codebook {
    pub(crate) encoder: Encoder,
    /// s_kj, code by code.
    pub(crate) scales: Vec<f64>,
    /// What code follows which.
    pub(crate) chain: Markov,
}

impl Codebook {
    /// What turns values into codes and back.
    #[must_use]
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// The chain of the codes.
    #[must_use]
    pub fn chain(&self) -> &Markov {
        &self.chain
    }

    /// The standard deviations around the centroid of a code, in standard deviations of the series.
    ///
    /// # Panics
    /// If there is no such code.
    #[must_use]
    pub fn scales(&self, code: u32) -> &[f64] {
        &self.scales[code as usize * self.encoder.patch..][..self.encoder.patch]
    }

    /// What codes take when the chain predicts them: the sum of -log2 P(code | past codes).
    #[must_use]
    pub fn bits(&self, codes: &Codes) -> f64 {
        let (mut past, mut masses, mut bits) = (Vec::new(), vec![0.0; self.encoder.codes()], 0.0);
        for code in &codes.codes {
            match code {
                Some(code) => {
                    self.chain.masses(&past, &mut masses);
                    bits -= masses[*code as usize].log2();
                    past.push(*code);
                }
                None => past.clear(),
            }
        }
        bits
    }

    /// How many values before a patch its density depends on.
    fn past_values(&self) -> usize {
        self.chain.order() * self.encoder.patch
    }
}

impl Autoregressive for Codebook {
    fn family(&self) -> Family {
        Family::Mixture { components: self.encoder.codes() }
    }

    fn forgets_after(&self) -> Option<usize> {
        Some(self.past_values() + self.encoder.patch - 1)
    }

    fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
        let read = |lane: usize| Lane::read(self, context.lane(lane), context.start(lane));
        Ok(Box::new(CodebookSession::new(self, (0..context.lanes()).map(read).collect())))
    }
}

#[cfg(test)]
mod tests;
