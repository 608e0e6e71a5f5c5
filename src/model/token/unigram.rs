//! A unigram vocabulary: pieces of several symbols with probabilities of their own.
//!
//! ```text
//! P(s_1 .. s_n) = sum over segmentations of prod p(v_i),      encoded by the segmentation of the largest product
//! ```
//!
//! Kudo (2018, *ACL*, p. 66). Where merges are greedy, pieces compete: all frequent substrings start as pieces; expectation and
//! maximisation (forward and backward over all segmentations) shares the symbols out among them, and those whose loss
//! costs the least likelihood go, a quarter at a time, until the vocabulary has its size. Single symbols are never
//! pruned: in the maximisation one token's count is spread over them, so that none has probability zero. The
//! log likelihood with that prior never falls in an iteration.
//!
//! Cost: learning sorts the suffixes once, O(n log n) for pieces up to length L, and each iteration walks a prefix tree from
//! every position, O(n L). Encoding is one such walk (Viterbi 1967). Memory: encoding 16 bytes a symbol, and at most
//! 132 for each symbol of a piece.
//!
//! ```
//! use foretoken::model::token::unigram::Unigram;
//!
//! let motif = [0, 1, 2].repeat(30);
//! let unigram = Unigram::learn(&[&motif], 3, 4, 3)?;
//! assert_eq!(unigram.piece(3), Some(&[0, 1, 2][..]));
//! assert_eq!(unigram.encode(&[0, 1, 2, 0, 1, 2, 1])?, [3, 3, 1]);
//! # Ok::<(), foretoken::Error>(())
//! ```

use super::pieces::{NONE, PairTable, Pieces, check_symbols};
use super::quantiser::MISSING;
use crate::error::{Error, Result};

/// How many pieces are weighed for each that is kept.
const SEEDS: usize = 8;
/// Iterations between two prunings, as Kudo's program has them.
const ITERATIONS: usize = 2;
/// Iterations once the vocabulary has its size, at most, and the gain that ends them, in nats for each nat.
const LAST_ITERATIONS: usize = 50;
const GAIN: f64 = 1e-7;

/// Pieces with probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Unigram {
    symbols: usize,
    pieces: Pieces,
    log_probs: Vec<f64>,
    tree: PrefixTree,
}

impl Unigram {
    /// Learns a vocabulary of at most `size` tokens, whose pieces have at most `longest` symbols, from sequences over the
    /// symbols 0, .. `symbols` - 1.
    ///
    /// # Errors
    /// If something is no symbol, there are no symbols, or there are more of them than tokens.
    pub fn learn(sequences: &[&[u32]], symbols: usize, size: usize, longest: usize) -> Result<Self> {
        if size < symbols {
            return Err(Error::usage(format!("a vocabulary of {size} tokens over {symbols} symbols"))
                .expected(format!("at least {symbols}: every symbol is a token")));
        }
        sequences.iter().try_for_each(|sequence| check_symbols(sequence, symbols))?;
        let pieces = Pieces::singles(symbols)?;
        let runs: Vec<&[u32]> = sequences.iter().flat_map(|sequence| sequence.split(|s| *s == MISSING)).collect();
        let seeds = frequent_substrings(&runs, longest, (size - symbols).saturating_mul(SEEDS));
        let mut unigram = Self::seeded(pieces, &runs, seeds);
        while unigram.pieces.len() > size {
            for _ in 0..ITERATIONS {
                unigram.improve(&runs);
            }
            unigram = unigram.pruned(&runs, size);
        }
        unigram.converge(&runs);
        Ok(unigram.sorted())
    }

    /// The vocabulary of known pieces of two symbols and more, and the natural logarithm of the probability of every token,
    /// single symbols first.
    ///
    /// # Errors
    /// If there is not one finite log probability for each token, or a piece is short, stands twice or holds no symbols.
    pub fn from_parts(symbols: usize, long: &[Vec<u32>], log_probs: Vec<f64>) -> Result<Self> {
        let mut pieces = Pieces::singles(symbols)?;
        for piece in long {
            check_symbols(piece, symbols)?;
            pieces.push(piece);
        }
        let are_long = long.iter().all(|piece| piece.len() > 1 && !piece.contains(&MISSING));
        let are_finite = log_probs.len() == pieces.len() && log_probs.iter().all(|log| log.is_finite());
        let unigram = Self::of(symbols, pieces, log_probs);
        if are_long && are_finite && unigram.tree.pieces() == unigram.pieces.len() {
            return Ok(unigram);
        }
        Err(Error::data("these pieces make no vocabulary")
            .expected("different pieces of two symbols or more, and one finite log probability for each token"))
    }

    fn of(symbols: usize, pieces: Pieces, log_probs: Vec<f64>) -> Self {
        let tree = PrefixTree::of(&pieces);
        Self { symbols, pieces, log_probs, tree }
    }

    /// Single symbols and seeds, as probable as they are frequent.
    fn seeded(mut pieces: Pieces, runs: &[&[u32]], seeds: Vec<(usize, &[u32])>) -> Self {
        let symbols = pieces.len();
        let mut counts = vec![0.0; symbols];
        runs.iter().copied().flatten().for_each(|symbol| counts[*symbol as usize] += 1.0);
        for (count, piece) in seeds {
            pieces.push(piece);
            counts.push(count as f64);
        }
        let log_probs = likeliest(&counts, symbols);
        Self::of(symbols, pieces, log_probs)
    }

    /// One iteration of expectation and maximisation; the log likelihood before it, with the prior.
    fn improve(&mut self, runs: &[&[u32]]) -> f64 {
        let (log_likelihood, counts) = self.expected_counts(runs);
        let prior: f64 = self.log_probs[..self.symbols].iter().sum::<f64>() / self.symbols as f64;
        self.log_probs = likeliest(&counts, self.symbols);
        log_likelihood + prior
    }

    /// Iterates until the likelihood hardly grows.
    fn converge(&mut self, runs: &[&[u32]]) {
        let mut last = f64::NEG_INFINITY;
        for _ in 0..LAST_ITERATIONS {
            let now = self.improve(runs);
            if now - last <= GAIN * now.abs() {
                break;
            }
            last = now;
        }
    }

    /// The log likelihood, and how often each token is expected to be used.
    fn expected_counts(&self, runs: &[&[u32]]) -> (f64, Vec<f64>) {
        let mut counts = vec![0.0; self.pieces.len()];
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        let mut sum = 0.0;
        for run in runs {
            self.run_forward(run, &mut forward);
            let whole = forward[run.len()];
            backward.clear();
            backward.resize(run.len() + 1, f64::NEG_INFINITY);
            backward[run.len()] = 0.0;
            for start in (0..run.len()).rev() {
                self.tree.for_each(run, start, |token, end| {
                    let rest = self.log_probs[token] + backward[end];
                    backward[start] = log_add(backward[start], rest);
                    counts[token] += (forward[start] + rest - whole).exp();
                });
            }
            sum += whole;
        }
        (sum, counts)
    }

    /// ln P of the first symbols, for every number of them.
    fn run_forward(&self, run: &[u32], forward: &mut Vec<f64>) {
        forward.clear();
        forward.resize(run.len() + 1, f64::NEG_INFINITY);
        forward[0] = 0.0;
        for start in 0..run.len() {
            let before = forward[start];
            self.tree.for_each(run, start, |token, end| {
                forward[end] = log_add(forward[end], before + self.log_probs[token]);
            });
        }
    }

    /// Without the pieces that the likelihood misses the least.
    fn pruned(self, runs: &[&[u32]], size: usize) -> Self {
        let mut long = self.losses(runs);
        long.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let keep = (size - self.symbols).max(long.len() * 3 / 4);
        self.with_pieces(long[..keep].iter().map(|(_, token)| *token))
    }

    /// What the symbols of each longer piece cost when others must stand in for it.
    fn losses(&self, runs: &[&[u32]]) -> Vec<(f64, usize)> {
        let counts = self.expected_counts(runs).1;
        let loss = |token: usize| {
            let piece = self.pieces.get(token as u32).expect("a token");
            // Of a piece that is never used ln p is infinite.
            let gain =
                if counts[token] > 0.0 { self.log_probs[token] - self.likeliest_tokens(piece, token).0 } else { 0.0 };
            (counts[token] * gain, token)
        };
        (self.symbols..self.pieces.len()).map(loss).collect()
    }

    /// With the likeliest pieces first, and none that is never used.
    fn sorted(self) -> Self {
        let mut long: Vec<usize> =
            (self.symbols..self.pieces.len()).filter(|token| self.log_probs[*token].is_finite()).collect();
        let piece = |token: usize| self.pieces.get(token as u32);
        long.sort_by(|&a, &b| self.log_probs[b].total_cmp(&self.log_probs[a]).then(piece(a).cmp(&piece(b))));
        self.with_pieces(long.into_iter())
    }

    /// Single symbols and some longer pieces.
    fn with_pieces(&self, long: impl Iterator<Item = usize>) -> Self {
        let mut pieces = Pieces::singles(self.symbols).expect("the symbols of a vocabulary");
        let mut log_probs = self.log_probs[..self.symbols].to_vec();
        for token in long {
            pieces.push(self.pieces.get(token as u32).expect("a token"));
            log_probs.push(self.log_probs[token]);
        }
        Self::of(self.symbols, pieces, log_probs)
    }

    /// The tokens of the likeliest segmentation; a missing symbol stays one.
    ///
    /// # Errors
    /// If something is no symbol: what, and where.
    pub fn encode(&self, sequence: &[u32]) -> Result<Vec<u32>> {
        check_symbols(sequence, self.symbols)?;
        let mut tokens = Vec::with_capacity(sequence.len());
        for (at, run) in sequence.split(|symbol| *symbol == MISSING).enumerate() {
            if at > 0 {
                tokens.push(MISSING);
            }
            tokens.extend(self.likeliest_tokens(run, usize::MAX).1);
        }
        Ok(tokens)
    }

    /// ln P of the likeliest segmentation that does without one token, and its tokens: of equals that with the longest
    /// last piece.
    fn likeliest_tokens(&self, run: &[u32], without: usize) -> (f64, Vec<u32>) {
        let mut best = vec![(f64::NEG_INFINITY, 0); run.len() + 1];
        best[0].0 = 0.0;
        for start in 0..run.len() {
            let before = best[start].0;
            self.tree.for_each(run, start, |token, end| {
                let log_prob = before + self.log_probs[token];
                if log_prob > best[end].0 && token != without {
                    best[end] = (log_prob, token);
                }
            });
        }
        let mut tokens = Vec::new();
        let mut end = run.len();
        while end > 0 {
            let token = best[end].1 as u32;
            tokens.push(token);
            end -= self.pieces.get(token).expect("a token").len();
        }
        tokens.reverse();
        (best[run.len()].0, tokens)
    }

    /// The number of symbols, which are the first tokens.
    #[must_use]
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// The number of tokens.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The symbols of a token, the longer ones from the likeliest to the least likely.
    #[must_use]
    pub fn piece(&self, token: u32) -> Option<&[u32]> {
        self.pieces.get(token)
    }

    /// ln p of every token.
    #[must_use]
    pub fn log_probs(&self) -> &[f64] {
        &self.log_probs
    }

    pub(super) fn pieces(&self) -> &Pieces {
        &self.pieces
    }
}

/// The log probabilities of the largest likelihood, with one token's count spread over the single symbols.
fn likeliest(counts: &[f64], symbols: usize) -> Vec<f64> {
    let total = counts.iter().sum::<f64>() + 1.0;
    let prior = |token: usize| if token < symbols { 1.0 / symbols as f64 } else { 0.0 };
    counts.iter().enumerate().map(|(token, count)| ((count + prior(token)) / total).ln()).collect()
}

/// ln(e^a + e^b).
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// The substrings of two symbols and more that are there twice and cover the most symbols, with their counts.
fn frequent_substrings<'a>(runs: &[&'a [u32]], longest: usize, most: usize) -> Vec<(usize, &'a [u32])> {
    let suffixes = |run: &&'a [u32]| {
        let run = *run;
        (0..run.len()).map(move |start| &run[start..run.len().min(start.saturating_add(longest))])
    };
    let mut sorted: Vec<&[u32]> = runs.iter().flat_map(suffixes).collect();
    sorted.sort_unstable();
    let mut found = Vec::new();
    for length in 2..=longest {
        // The suffixes that are long enough, which are still in their order.
        sorted.retain(|suffix| suffix.len() >= length);
        if sorted.is_empty() {
            break;
        }
        let groups = sorted.chunk_by(|a, b| a[..length] == b[..length]).filter(|group| group.len() > 1);
        found.extend(groups.map(|group| (group.len(), &group[0][..length])));
    }
    found.sort_by(|(n, a), (m, b)| (m * b.len()).cmp(&(n * a.len())).then(a.cmp(b)));
    found.truncate(most);
    found
}

/// All pieces by their beginnings.
#[derive(Debug, Clone, PartialEq)]
struct PrefixTree {
    children: PairTable,
    /// The token that ends at each node, or [`NONE`].
    tokens: Vec<u32>,
}

impl PrefixTree {
    fn of(pieces: &Pieces) -> Self {
        let mut tree = Self { children: PairTable::new(), tokens: vec![NONE] };
        for token in 0..pieces.len() as u32 {
            let mut node = 0;
            for &symbol in pieces.get(token).expect("a token") {
                node = tree.child(node, symbol);
            }
            tree.tokens[node as usize] = token;
        }
        tree
    }

    fn child(&mut self, node: u32, symbol: u32) -> u32 {
        let known = self.children.get(node, symbol);
        if known != NONE {
            return known;
        }
        let new = self.tokens.len() as u32;
        self.children.insert(node, symbol, new);
        self.tokens.push(NONE);
        new
    }

    /// The number of different pieces.
    fn pieces(&self) -> usize {
        self.tokens.iter().filter(|token| **token != NONE).count()
    }

    /// Hands out each token that a sequence holds at a position, with its end, from the shortest on.
    #[inline]
    fn for_each(&self, sequence: &[u32], start: usize, mut each: impl FnMut(usize, usize)) {
        let mut node = 0;
        for (at, &symbol) in sequence.iter().enumerate().skip(start) {
            node = self.children.get(node, symbol);
            if node == NONE {
                return;
            }
            let token = self.tokens[node as usize];
            if token != NONE {
                each(token as usize, at + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sequence() -> impl Strategy<Value = Vec<u32>> {
        let symbol = prop_oneof![12 => 0..3_u32, 1 => Just(MISSING)];
        prop::collection::vec(symbol, 0..60)
    }

    /// The log probability of every way to cut a run.
    fn all_segmentations(unigram: &Unigram, run: &[u32]) -> Vec<f64> {
        if run.is_empty() {
            return vec![0.0];
        }
        let mut all = Vec::new();
        for token in 0..unigram.len() as u32 {
            if let Some(rest) = run.strip_prefix(unigram.piece(token).expect("a token")) {
                let own = unigram.log_probs()[token as usize];
                all.extend(all_segmentations(unigram, rest).into_iter().map(|log_prob| own + log_prob));
            }
        }
        all
    }

    proptest! {
        #[test]
        fn decoding_restores_what_was_encoded(train in sequence(), other in sequence(), more in 0..12_usize) {
            let unigram = Unigram::learn(&[&train], 3, 3 + more, 5).expect("pieces");
            prop_assert!(unigram.len() <= 3 + more);
            prop_assert!((unigram.log_probs().iter().map(|log| log.exp()).sum::<f64>() - 1.0).abs() < 1e-9);
            for sequence in [&train, &other] {
                let tokens = unigram.encode(sequence).expect("symbols");
                prop_assert_eq!(&unigram.pieces().decode(&tokens).expect("tokens"), sequence);
            }
        }

        #[test]
        fn encoding_and_likelihood_are_those_of_all_segmentations(
            train in sequence(),
            run in prop::collection::vec(0..3_u32, 0..9),
        ) {
            let unigram = Unigram::learn(&[&train], 3, 12, 4).expect("pieces");
            let all = all_segmentations(&unigram, &run);
            let best = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let tokens = unigram.encode(&run).expect("symbols");
            let own: f64 = tokens.iter().map(|token| unigram.log_probs()[*token as usize]).sum();
            prop_assert!((own - best).abs() < 1e-12, "{own}, not {best}");
            let sum = all.iter().map(|log_prob| log_prob.exp()).sum::<f64>().ln();
            let (log_likelihood, counts) = unigram.expected_counts(&[&run]);
            prop_assert!((log_likelihood - sum).abs() < 1e-10, "{log_likelihood}, not {sum}");
            // Whatever the segmentation, its tokens stand for all symbols.
            let lengths = (0..).map(|token| unigram.piece(token).map_or(0, <[u32]>::len) as f64);
            let covered: f64 = counts.iter().zip(lengths).map(|(count, length)| count * length).sum();
            prop_assert!((covered - run.len() as f64).abs() < 1e-9, "{covered}");
        }

        #[test]
        fn the_likelihood_never_falls(train in sequence()) {
            let runs: Vec<&[u32]> = train.split(|symbol| *symbol == MISSING).collect();
            let seeds = frequent_substrings(&runs, 4, 20);
            let mut unigram = Unigram::seeded(Pieces::singles(3).expect("symbols"), &runs, seeds);
            let trace: Vec<f64> = (0..12).map(|_| unigram.improve(&runs)).collect();
            prop_assert!(trace.windows(2).all(|pair| pair[1] >= pair[0] - 1e-9), "{trace:?}");
        }
    }

    #[test]
    fn pieces_that_are_never_used_cost_nothing() {
        let run = [0, 1, 1, 0, 1];
        let seeds = frequent_substrings(&[&run], usize::MAX, 9);
        let mut unigram = Unigram::seeded(Pieces::singles(2).expect("symbols"), &[&run], seeds);
        unigram.log_probs[2] = f64::NEG_INFINITY;
        let losses = unigram.losses(&[&run]);
        assert!(losses[0] == (0.0, 2) && losses.iter().all(|(loss, _)| loss.is_finite()), "{losses:?}");
    }

    #[test]
    fn a_motif_becomes_a_piece() {
        let sequence = [3, 1, 4, 1, 5, 9, 2, 6].repeat(125);
        let unigram = Unigram::learn(&[&sequence], 10, 11, 8).expect("pieces");
        assert_eq!(unigram.encode(&sequence).expect("symbols").len(), 125);
    }

    #[test]
    fn substrings_are_counted_where_they_stand() {
        let found = frequent_substrings(&[&[0, 1, 0, 1, 0], &[1, 0]], 3, 9);
        let expected: [(usize, &[u32]); 3] = [(2, &[0, 1, 0]), (3, &[1, 0]), (2, &[0, 1])];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_vocabulary_is_made_again_from_its_parts() {
        let sequence = [0, 1, 1, 0, 1, 1, 1, 0].repeat(5);
        let learned = Unigram::learn(&[&sequence], 2, 6, 4).expect("pieces");
        let long: Vec<Vec<u32>> =
            (2..learned.len() as u32).map(|t| learned.piece(t).expect("a token").to_vec()).collect();
        let again = Unigram::from_parts(2, &long, learned.log_probs().to_vec()).expect("parts");
        assert_eq!(again, learned);
        let logs = |n: usize| vec![-1.0; n];
        assert!(Unigram::from_parts(2, &[vec![0, 2]], logs(3)).is_err());
        for (long, logs) in [(vec![vec![0]], logs(3)), (vec![vec![0, 1]; 2], logs(4)), (vec![vec![0, 1]], logs(2))] {
            assert!(Unigram::from_parts(2, &long, logs).unwrap_err().to_string().contains("no vocabulary"));
        }
        assert!(Unigram::from_parts(1, &[], vec![f64::NAN]).is_err() && Unigram::learn(&[], 3, 2, 4).is_err());
    }
}
