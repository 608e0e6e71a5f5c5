//! Tokens: models of symbols, and what turns values into symbols and back.
//!
//! [`markov`] is the classical categorical model: it counts.

pub mod markov;
