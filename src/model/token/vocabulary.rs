//! Vocabularies of merged tokens, whichever way they were learned, and models over them.
//!
//! ```text
//! symbols s_1 .. s_n  -- canonical segmentation -->  tokens v_1 .. v_m,  m <= n
//! ln P(s_1 .. s_n) = ln sum over all segmentations of P(v_1 .. v_m)  >=  ln P(canonical v_1 .. v_m)
//! ```
//!
//! A token stands for one symbol or several. Symbols are tokens themselves, so every sequence can be encoded, and decoding gives
//! back what was encoded, missing symbols included. [`Merges`] encode by their order, [`Unigram`] by the likeliest
//! segmentation.
//!
//! A [`Merged`] model is autoregressive over the indices of tokens (time = token), never over values: what a token stands for
//! has no place of its own in time. Its score sees one segmentation of many, so it is a lower bound of the symbols' log
//! probability (Cao and Rimell 2021, *EMNLP*, p. 2104), and is named so.
//!
//! ```
//! use foretoken::model::token::markov::{MarkovOrder, MarkovSpec};
//! use foretoken::model::token::merges::Merges;
//! use foretoken::model::token::vocabulary::{Merged, Vocabulary};
//! use foretoken::Fit;
//!
//! let song = [0, 1, 2, 0, 1, 2, 3, 0, 1, 2].repeat(20);
//! let vocabulary = Vocabulary::Merges(Merges::learn(&[&song], 4, 2, 2)?);
//! assert_eq!(vocabulary.report(&[&song])?.ratio, 2.5);
//! let spec = MarkovSpec { order: MarkovOrder::Fixed(1), symbols: Some(vocabulary.len()) };
//! let chain = spec.fit(&[vocabulary.series("song", &song)?])?.model;
//! let score = Merged::new(vocabulary, chain)?.score(&song)?;
//! assert_eq!((score.symbols, score.tokens), (200, 80));
//! assert!(score.perplexity_per_symbol < score.perplexity_per_token);
//! # Ok::<(), foretoken::Error>(())
//! ```

use super::merges::Merges;
use super::pieces::Pieces;
use super::quantiser::MISSING;
use super::unigram::Unigram;
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::Autoregressive;
use crate::predictive::{Family, Predictive};

/// Tokens, each of one symbol or several.
#[derive(Debug, Clone, PartialEq)]
pub enum Vocabulary {
    /// Pairs merged in the order of learning.
    Merges(Merges),
    /// Pieces with probabilities of their own.
    Unigram(Unigram),
}

impl Vocabulary {
    /// The canonical tokens of a sequence of symbols; a missing symbol stays one.
    ///
    /// # Errors
    /// If something is no symbol: what, and where.
    pub fn encode(&self, sequence: &[u32]) -> Result<Vec<u32>> {
        match self {
            Self::Merges(merges) => merges.encoder().encode(sequence).map(<[u32]>::to_vec),
            Self::Unigram(unigram) => unigram.encode(sequence),
        }
    }

    /// The symbols of a sequence of tokens: what was encoded.
    ///
    /// # Errors
    /// If something is no token: what, and where.
    pub fn decode(&self, tokens: &[u32]) -> Result<Vec<u32>> {
        self.pieces().decode(tokens)
    }

    /// The symbols that one token stands for; `None` if it is not of this vocabulary.
    #[must_use]
    pub fn expand(&self, token: u32) -> Option<&[u32]> {
        self.pieces().get(token)
    }

    /// The number of tokens.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.pieces().len()
    }

    /// The number of symbols, which are the first tokens.
    #[must_use]
    pub fn symbols(&self) -> usize {
        match self {
            Self::Merges(merges) => merges.symbols(),
            Self::Unigram(unigram) => unigram.symbols(),
        }
    }

    fn pieces(&self) -> &Pieces {
        match self {
            Self::Merges(merges) => merges.pieces(),
            Self::Unigram(unigram) => unigram.pieces(),
        }
    }

    /// The tokens of a sequence as a series for a categorical model of [`len`](Self::len) symbols.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn series(&self, id: &str, sequence: &[u32]) -> Result<Series> {
        Ok(Series::new(id, self.encode(sequence)?.into_iter().map(as_value).collect()))
    }

    /// How much shorter sequences become.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn report(&self, sequences: &[&[u32]]) -> Result<MergeReport> {
        let symbols = sequences.iter().map(|sequence| sequence.len()).sum();
        let tokens = sequences.iter().map(|sequence| Ok(self.encode(sequence)?.len())).sum::<Result<usize>>()?;
        Ok(MergeReport { symbols, tokens, ratio: symbols as f64 / (tokens as f64).max(1.0) })
    }
}

/// The value of a token, as categorical models read it.
fn as_value(token: u32) -> f64 {
    if token == MISSING { f64::NAN } else { f64::from(token) }
}

/// The effect of a vocabulary on the length of sequences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MergeReport {
    /// The length in symbols.
    pub symbols: usize,
    /// The length in tokens.
    pub tokens: usize,
    /// Symbols per token.
    pub ratio: f64,
}

/// A categorical model over the tokens of a vocabulary.
///
/// Time is the index of the token: generate from [`model`](Self::model), and [`decode`](Vocabulary::decode) what comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged<M> {
    vocabulary: Vocabulary,
    model: M,
}

impl<M: Autoregressive> Merged<M> {
    /// A model over the tokens of a vocabulary.
    ///
    /// # Errors
    /// If the model is not one of as many symbols as there are tokens.
    pub fn new(vocabulary: Vocabulary, model: M) -> Result<Self> {
        match model.family() {
            Family::Categorical { symbols } if symbols == vocabulary.len() => Ok(Self { vocabulary, model }),
            family => Err(Error::usage(format!("a model of {family:?} over {} tokens", vocabulary.len()))
                .expected("a categorical model with one symbol for each token")),
        }
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The model over token indices.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The log probability of the canonical tokens of a sequence, from an empty context: a lower bound of that of its symbols.
    /// Tokens without a defined conditional (behind a missing one) do not count.
    ///
    /// # Errors
    /// If something is no symbol, the model cannot begin, or no token has a conditional: a perplexity needs one.
    pub fn score(&self, sequence: &[u32]) -> Result<MergedScore> {
        let tokens = self.vocabulary.encode(sequence)?;
        let mut session = self.model.begin(&Batch::empty(&[0]), &Covariates::none())?;
        let mut row = Predictive::new(self.model.family(), 1);
        let (mut sum, mut scored, mut symbols) = (0.0, 0, 0);
        for token in tokens {
            session.conditional(Rows::none(), &mut row);
            if let Some(piece) = self.vocabulary.expand(token).filter(|_| row.is_defined(0)) {
                sum += row.row(0).log_prob(as_value(token));
                scored += 1;
                symbols += piece.len();
            }
            session.observe(&[as_value(token)]);
        }
        if scored == 0 {
            return Err(Error::data("no token can be scored").expected("a sequence with a known context"));
        }
        Ok(MergedScore::new(sum, scored, symbols))
    }
}

/// The score of the canonical segmentation of a sequence.
///
/// It is a lower bound: the symbols may be cut into tokens in other ways, whose probability is not counted. Perplexities are
/// upper bounds alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MergedScore {
    /// The sum of ln P(token | tokens before): at most ln P(symbols).
    pub log_likelihood_lower_bound: f64,
    /// The number of tokens scored.
    pub tokens: usize,
    /// The number of symbols that they stand for.
    pub symbols: usize,
    /// exp(-log likelihood / tokens): not to be compared across vocabularies.
    pub perplexity_per_token: f64,
    /// exp(-log likelihood / symbols): to be compared with that of any model over the same symbols.
    pub perplexity_per_symbol: f64,
}

impl MergedScore {
    fn new(log_likelihood: f64, tokens: usize, symbols: usize) -> Self {
        let perplexity = |n: usize| (-log_likelihood / n as f64).exp();
        Self {
            log_likelihood_lower_bound: log_likelihood,
            tokens,
            symbols,
            perplexity_per_token: perplexity(tokens),
            perplexity_per_symbol: perplexity(symbols),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fit;
    use crate::model::token::markov::{Markov, MarkovOrder, MarkovSpec};

    fn vocabularies(sequence: &[u32], symbols: usize) -> [Vocabulary; 2] {
        [
            Vocabulary::Merges(Merges::learn(&[sequence], symbols, 4, 2).expect("merges")),
            Vocabulary::Unigram(Unigram::learn(&[sequence], symbols, symbols + 4, 8).expect("pieces")),
        ]
    }

    fn chain(vocabulary: &Vocabulary, sequence: &[u32], order: usize) -> Markov {
        let spec = MarkovSpec { order: MarkovOrder::Fixed(order), symbols: Some(vocabulary.len()) };
        spec.fit(&[vocabulary.series("", sequence).expect("symbols")]).expect("a chain").model
    }

    /// ln of the sum over every way to cut a sequence into tokens.
    fn log_probability(merged: &Merged<Markov>, sequence: &[u32], past: &mut Vec<u32>) -> f64 {
        if sequence.is_empty() {
            return 0.0;
        }
        let mut masses = vec![0.0; merged.vocabulary().len()];
        merged.model().masses(past, &mut masses);
        let mut sum = 0.0;
        for (token, mass) in (0..).zip(masses) {
            let piece = merged.vocabulary().expand(token).expect("a token");
            if let Some(rest) = sequence.strip_prefix(piece) {
                past.push(token);
                sum += mass * log_probability(merged, rest, past).exp();
                past.pop();
            }
        }
        sum.ln()
    }

    #[test]
    fn the_canonical_score_is_a_lower_bound_of_all_segmentations() {
        let train = [0, 1, 2, 0, 1, 2, 1, 1, 0, 1, 2].repeat(8);
        let sequence = [0, 1, 2, 1, 0, 1, 2, 0, 1, 1];
        for vocabulary in vocabularies(&train, 3) {
            let model = chain(&vocabulary, &train, 1);
            let merged = Merged::new(vocabulary, model).expect("one symbol for each token");
            let score = merged.score(&sequence).expect("symbols");
            let all = log_probability(&merged, &sequence, &mut Vec::new());
            assert!(score.log_likelihood_lower_bound < all, "{score:?}, all {all}");
            assert!(score.log_likelihood_lower_bound > all - 6.0, "{score:?}, all {all}");
            assert_eq!(score.symbols, sequence.len());
            assert!((score.perplexity_per_symbol.ln() * 10.0 + score.log_likelihood_lower_bound).abs() < 1e-12);
        }
    }

    #[test]
    fn without_merges_the_score_is_the_chains_own() {
        let train = [0, 1, 1, 0, 1].repeat(10);
        let vocabulary = Vocabulary::Merges(Merges::from_pairs(2, &[]).expect("symbols"));
        let merged = Merged::new(vocabulary.clone(), chain(&vocabulary, &train, 2)).expect("a chain");
        let score = merged.score(&[0, 1, 1, 0]).expect("symbols");
        let all = log_probability(&merged, &[0, 1, 1, 0], &mut Vec::new());
        assert!((score.log_likelihood_lower_bound - all).abs() < 1e-13);
        assert_eq!(score.perplexity_per_token, score.perplexity_per_symbol);
    }

    #[test]
    fn missing_symbols_are_kept_and_not_scored() {
        let train = [0, 1, 2].repeat(9);
        for vocabulary in vocabularies(&train, 3) {
            let holed = [0, 1, 2, MISSING, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2];
            let tokens = vocabulary.encode(&holed).expect("symbols");
            assert_eq!(vocabulary.decode(&tokens).expect("tokens"), holed);
            let merged = Merged::new(vocabulary.clone(), chain(&vocabulary, &train, 1)).expect("a chain");
            let score = merged.score(&holed).expect("symbols");
            // The gap has no score, nor has the token behind it, whose context is not known.
            assert_eq!(score.tokens, tokens.len() - 2);
            assert!(score.log_likelihood_lower_bound.is_finite());
            assert!(merged.score(&[]).is_err() && merged.score(&[MISSING]).is_err());
        }
    }

    #[test]
    fn a_model_of_another_number_of_symbols_is_refused() {
        let vocabulary = Vocabulary::Merges(Merges::from_pairs(2, &[[0, 1]]).expect("a pair"));
        let narrow = MarkovSpec { order: MarkovOrder::Fixed(0), symbols: Some(2) };
        let chain = narrow.fit(&[Series::new("", vec![0.0, 1.0])]).expect("a chain").model;
        assert!(Merged::new(vocabulary, chain).unwrap_err().to_string().contains("over 3 tokens"));
    }
}
