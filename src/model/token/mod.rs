//! Tokens: models of symbols, and what turns values into symbols and back.
//!
//! [`markov`] is the classical categorical model: it counts. With feature `linfa`, `codebook` learns patches, and an autoregression over
//! their codes.

#[cfg(feature = "linfa")]
pub mod codebook;
pub mod markov;
