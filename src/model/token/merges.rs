//! Byte-pair merges: tokens for pairs of tokens that stand side by side often.
//!
//! ```text
//! token S + r = (a_r, b_r):   the pair with the largest count once the pairs 0, .. r - 1 are merged; of equals the smallest
//! ```
//!
//! Gage (1994, *C Users Journal* 12(2), p. 23) compressed files so; Sennrich, Haddow and Birch (2016, *ACL*, p. 1715) cut
//! words. Repeating motifs of a series become single tokens: its length falls by the length of the motif. No merge
//! reaches across a missing value or the end of a sequence.
//!
//! **Learning** counts every pair once and then corrects the counts around each merge, whose number is below n; a heap holds
//! the counts, refreshed when they come up. A pair counts wherever it stands, so `aaa` holds
//! `aa` twice, as in the papers.
//!
//! **Encoding** merges in the order of learning, each pair from left to right: what scanning the sequence once per merge
//! gives. The places of each pair wait in the bucket of its rank. A merge makes a token that only later ranks know, so
//! the buckets are emptied in one pass, without a heap: O(n) look-ups and R / 64 words of a bit set for R merges. Scratch is
//! at most 40 bytes a symbol, kept by the [`Encoder`]. The tokens are those of HuggingFace `tokenizers` 0.23.3 (`BPE`) given the
//! same pairs: compared on 9,000 random sequences under 3,000 random vocabularies.
//!
//! ```
//! use foretoken::model::token::merges::Merges;
//!
//! let motif = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2];
//! let merges = Merges::learn(&[&motif], 3, 2, 2)?;
//! assert_eq!(merges.pairs(), [[0, 1], [3, 2]]);
//! assert_eq!(merges.encoder().encode(&motif)?, [4; 4]);
//! # Ok::<(), foretoken::Error>(())
//! ```

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::pieces::{NONE, PairTable, Pieces, check_symbols};
use super::quantiser::MISSING;
use crate::error::{Error, Result};

/// What stands where the right half of a merged pair was.
const GONE: u32 = u32::MAX - 1;

/// Merges in the order in which they were learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Merges {
    symbols: usize,
    pairs: Vec<[u32; 2]>,
    ranks: PairTable,
    pieces: Pieces,
}

impl Merges {
    /// Learns up to `merges` merges of sequences over the symbols 0, .. `symbols` - 1, as long as a pair stands at
    /// `min_count` places or more.
    ///
    /// # Errors
    /// If something is no symbol, there are no symbols, or `min_count` is below two.
    pub fn learn(sequences: &[&[u32]], symbols: usize, merges: usize, min_count: usize) -> Result<Self> {
        if min_count < 2 {
            return Err(Error::usage(format!("merges of pairs that are there {min_count} times"))
                .expected("2 or more: a pair that is there once repeats nothing"));
        }
        let mut learned = Self::from_pairs(symbols, &[])?;
        sequences.iter().try_for_each(|sequence| check_symbols(sequence, symbols))?;
        let joined = sequences.join(&MISSING);
        check_symbols(&joined, symbols)?;
        let mut counts = Counts::of(&joined);
        while learned.pairs.len() < merges {
            let Some(pair) = counts.most_frequent(min_count) else { break };
            counts.merge(pair, learned.len() as u32);
            learned.push(pair)?;
        }
        Ok(learned)
    }

    /// The vocabulary of known merges: pair r becomes token `symbols` + r.
    ///
    /// # Errors
    /// If a pair names a token that is not there before it, stands twice, or tokens become longer than memory allows.
    pub fn from_pairs(symbols: usize, pairs: &[[u32; 2]]) -> Result<Self> {
        let pieces = Pieces::singles(symbols)?;
        let mut merges = Self { symbols, pairs: Vec::new(), ranks: PairTable::new(), pieces };
        pairs.iter().try_for_each(|&pair| merges.push(pair))?;
        Ok(merges)
    }

    fn push(&mut self, pair: [u32; 2]) -> Result<()> {
        let [a, b] = pair;
        if self.ranks.get(a, b) != NONE {
            return Err(Error::data(format!("{a} and {b} are merged twice")).expected("different pairs"));
        }
        self.pieces.push_pair(pair)?;
        self.ranks.insert(a, b, self.pairs.len() as u32);
        self.pairs.push(pair);
        Ok(())
    }

    /// The pairs in the order of their merges.
    #[must_use]
    pub fn pairs(&self) -> &[[u32; 2]] {
        &self.pairs
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

    /// What encodes sequences one after the other, in one scratch memory.
    #[must_use]
    pub fn encoder(&self) -> Encoder<'_> {
        Encoder {
            merges: self,
            chain: Chain::default(),
            heads: vec![NONE; self.pairs.len()],
            waiting: Vec::new(),
            occupied: vec![0; self.pairs.len().div_ceil(64)],
            out: Vec::new(),
        }
    }

    pub(super) fn pieces(&self) -> &Pieces {
        &self.pieces
    }
}

/// Tokens in a doubly linked list between two ends that pair with nothing.
#[derive(Debug, Clone, Default)]
struct Chain {
    tokens: Vec<u32>,
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Chain {
    /// Starts with a sequence, whose first place is 1.
    fn set(&mut self, sequence: &[u32]) {
        self.tokens.clear();
        self.tokens.push(MISSING);
        self.tokens.extend_from_slice(sequence);
        self.tokens.push(MISSING);
        let places = self.tokens.len() as u32;
        self.next.clear();
        self.next.extend(1..places);
        self.next.push(places - 1);
        self.previous.clear();
        self.previous.push(0);
        self.previous.extend(0..places - 1);
    }

    /// The token at a place and the one after it.
    fn pair(&self, place: u32) -> [u32; 2] {
        [self.tokens[place as usize], self.tokens[self.next[place as usize] as usize]]
    }

    /// Makes one token of the two at a place.
    fn join(&mut self, place: u32, token: u32) {
        let right = self.next[place as usize];
        let after = self.next[right as usize];
        self.tokens[place as usize] = token;
        self.tokens[right as usize] = GONE;
        self.next[place as usize] = after;
        self.previous[after as usize] = place;
    }
}

/// Encodes; see [`Merges::encoder`].
#[derive(Debug, Clone)]
pub struct Encoder<'v> {
    merges: &'v Merges,
    chain: Chain,
    /// The last place that waits for each rank, as an index of `waiting`.
    heads: Vec<u32>,
    /// Places, each with the one that waits behind it. Some wait for a pair that is gone by then.
    waiting: Vec<(u32, u32)>,
    /// One bit for each rank for which a place waits.
    occupied: Vec<u64>,
    out: Vec<u32>,
}

impl Encoder<'_> {
    /// The tokens of a sequence; a missing symbol stays one.
    ///
    /// # Errors
    /// If something is no symbol: what, and where.
    pub fn encode(&mut self, sequence: &[u32]) -> Result<&[u32]> {
        check_symbols(sequence, self.merges.symbols)?;
        self.chain.set(sequence);
        self.waiting.clear();
        // From the right, so that each bucket gives its places from the left.
        (1..sequence.len() as u32).rev().for_each(|place| self.wait(place));
        for word in 0..self.occupied.len() {
            while self.occupied[word] != 0 {
                let bit = self.occupied[word].trailing_zeros() as usize;
                self.occupied[word] &= self.occupied[word] - 1;
                self.merge_all(64 * word + bit);
            }
        }
        self.out.clear();
        let tokens = &self.chain.tokens[1..=sequence.len()];
        self.out.extend(tokens.iter().filter(|token| **token != GONE));
        Ok(&self.out)
    }

    /// Puts a place into the bucket of its pair, if that has one.
    #[inline]
    fn wait(&mut self, place: u32) {
        let [a, b] = self.chain.pair(place);
        let rank = self.merges.ranks.get(a, b);
        if rank != NONE {
            let head = &mut self.heads[rank as usize];
            self.waiting.push((place, *head));
            *head = (self.waiting.len() - 1) as u32;
            self.occupied[rank as usize / 64] |= 1 << (rank % 64);
        }
    }

    /// Empties a bucket.
    fn merge_all(&mut self, rank: usize) {
        let pair = self.merges.pairs[rank];
        let token = (self.merges.symbols + rank) as u32;
        let mut at = std::mem::replace(&mut self.heads[rank], NONE);
        while at != NONE {
            let (place, behind) = self.waiting[at as usize];
            at = behind;
            if pair[0] == pair[1] {
                self.merge_run(place, pair, token);
            } else {
                self.merge(place, pair, token);
            }
        }
    }

    /// Merges a pair of equals: places overlap, so the whole run is merged from its left end.
    fn merge_run(&mut self, mut place: u32, pair: [u32; 2], token: u32) {
        if self.chain.pair(place) != pair {
            return;
        }
        while self.chain.pair(self.chain.previous[place as usize]) == pair {
            place = self.chain.previous[place as usize];
        }
        while self.merge(place, pair, token) {
            place = self.chain.next[place as usize];
        }
    }

    /// Merges the pair at a place, if it is still there.
    #[inline]
    fn merge(&mut self, place: u32, pair: [u32; 2], token: u32) -> bool {
        let is_there = self.chain.pair(place) == pair;
        if is_there {
            self.chain.join(place, token);
            self.wait(self.chain.previous[place as usize]);
            self.wait(place);
        }
        is_there
    }
}

/// Where a pair stands.
#[derive(Debug, Default)]
struct Places {
    count: usize,
    /// Ascending; some are gone.
    all: Vec<u32>,
}

/// The counts of all pairs of a sequence, kept up to date while pairs merge.
#[derive(Debug)]
struct Counts {
    chain: Chain,
    pairs: HashMap<[u32; 2], Places>,
    /// Pairs by the counts that they once had: a count only falls.
    queue: BinaryHeap<(usize, Reverse<[u32; 2]>)>,
}

impl Counts {
    fn of(sequence: &[u32]) -> Self {
        let mut counts = Self { chain: Chain::default(), pairs: HashMap::new(), queue: BinaryHeap::new() };
        counts.chain.set(sequence);
        (1..sequence.len() as u32).for_each(|place| counts.add(place));
        counts.queue = counts.pairs.iter().map(|(pair, places)| (places.count, Reverse(*pair))).collect();
        counts
    }

    /// Counts the pair at a place.
    fn add(&mut self, place: u32) {
        let pair = self.chain.pair(place);
        if !pair.contains(&MISSING) {
            let places = self.pairs.entry(pair).or_default();
            places.count += 1;
            places.all.push(place);
        }
    }

    /// Takes away the count of the pair at a place.
    fn remove(&mut self, place: u32) {
        if let Some(places) = self.pairs.get_mut(&self.chain.pair(place)) {
            places.count -= 1;
        }
    }

    /// The pair with the largest count, of equals the smallest.
    fn most_frequent(&mut self, min_count: usize) -> Option<[u32; 2]> {
        loop {
            let (count, Reverse(pair)) = self.queue.pop()?;
            let now = self.pairs[&pair].count;
            if now == count {
                return (count >= min_count).then_some(pair);
            }
            if now >= min_count {
                self.queue.push((now, Reverse(pair)));
            }
        }
    }

    /// Merges a pair wherever it stands, from left to right.
    fn merge(&mut self, pair: [u32; 2], token: u32) {
        let places = std::mem::take(&mut self.pairs.get_mut(&pair).expect("a counted pair").all);
        let mut touched = Vec::new();
        for place in places {
            if self.chain.pair(place) == pair {
                let previous = self.chain.previous[place as usize];
                let right = self.chain.next[place as usize];
                [previous, place, right].into_iter().for_each(|place| self.remove(place));
                self.chain.join(place, token);
                for place in [previous, place] {
                    self.add(place);
                    touched.push(self.chain.pair(place));
                }
            }
        }
        touched.sort_unstable();
        touched.dedup();
        // Pairs that are gone again count zero, which no minimum allows.
        let count = |pair: [u32; 2]| self.pairs.get(&pair).map(|places| (places.count, Reverse(pair)));
        self.queue.extend(touched.into_iter().filter_map(count));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One scan of the sequence for each merge.
    fn encode_by_scans(merges: &Merges, sequence: &[u32]) -> Vec<u32> {
        let mut tokens = sequence.to_vec();
        for (rank, pair) in merges.pairs().iter().enumerate() {
            let mut merged = Vec::new();
            let mut at = 0;
            while at < tokens.len() {
                let is_pair = tokens[at..].starts_with(pair);
                merged.push(if is_pair { (merges.symbols() + rank) as u32 } else { tokens[at] });
                at += 1 + usize::from(is_pair);
            }
            tokens = merged;
        }
        tokens
    }

    /// Counts anew before each merge.
    fn learn_by_recounting(sequences: &[&[u32]], symbols: usize, merges: usize, min_count: usize) -> Merges {
        let mut learned = Merges::from_pairs(symbols, &[]).expect("symbols");
        for _ in 0..merges {
            let mut counts: HashMap<[u32; 2], usize> = HashMap::new();
            for sequence in sequences {
                let tokens = encode_by_scans(&learned, sequence);
                for pair in tokens.windows(2).filter(|pair| !pair.contains(&MISSING)) {
                    *counts.entry([pair[0], pair[1]]).or_default() += 1;
                }
            }
            let best = counts.into_iter().max_by_key(|(pair, count)| (*count, Reverse(*pair)));
            match best.filter(|(_, count)| *count >= min_count) {
                Some((pair, _)) => learned.push(pair).expect("a new pair"),
                None => break,
            }
        }
        learned
    }

    fn sequences() -> impl Strategy<Value = Vec<Vec<u32>>> {
        let symbol = prop_oneof![12 => 0..3_u32, 1 => Just(MISSING)];
        prop::collection::vec(prop::collection::vec(symbol, 0..40), 1..4)
    }

    proptest! {
        #[test]
        fn incremental_counts_learn_what_recounting_learns(sequences in sequences(), merges in 0..12_usize) {
            let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
            let learned = Merges::learn(&sequences, 3, merges, 2).expect("merges");
            prop_assert_eq!(learned, learn_by_recounting(&sequences, 3, merges, 2));
        }

        #[test]
        fn buckets_encode_what_scans_encode_and_decoding_restores_it(
            train in sequences(),
            others in sequences(),
            merges in 0..70_usize,
        ) {
            let train: Vec<&[u32]> = train.iter().map(Vec::as_slice).collect();
            let learned = Merges::learn(&train, 3, merges, 2).expect("merges");
            let mut encoder = learned.encoder();
            for sequence in train.into_iter().chain(others.iter().map(Vec::as_slice)) {
                let tokens = encoder.encode(sequence).expect("symbols");
                prop_assert_eq!(tokens, encode_by_scans(&learned, sequence));
                prop_assert_eq!(learned.pieces().decode(tokens).expect("tokens"), sequence);
            }
        }

        #[test]
        fn any_pairs_encode_as_scans_do(
            picks in prop::collection::vec((0..1000_u32, 0..1000_u32), 0..40),
            sequence in prop::collection::vec(0..2_u32, 0..60),
        ) {
            let mut merges = Merges::from_pairs(2, &[]).expect("symbols");
            for (a, b) in picks {
                let tokens = merges.len() as u32;
                // A pair that is there already is refused.
                merges.push([a % tokens, b % tokens]).ok();
            }
            let mut encoder = merges.encoder();
            prop_assert_eq!(encoder.encode(&sequence).expect("symbols"), encode_by_scans(&merges, &sequence));
        }
    }

    #[test]
    fn a_motif_becomes_one_token() {
        let sequence = [3, 1, 4, 1, 5, 9, 2, 6].repeat(125);
        let merges = Merges::learn(&[&sequence], 10, 7, 2).expect("merges");
        assert_eq!(merges.encoder().encode(&sequence).expect("symbols").len(), 125);
    }

    #[test]
    fn runs_of_equals_merge_from_the_left() {
        let merges = Merges::from_pairs(1, &[[0, 0], [1, 1]]).expect("pairs");
        assert_eq!(merges.encoder().encode(&[0; 7]).expect("symbols"), [2, 1, 0]);
    }

    #[test]
    fn no_merge_crosses_a_missing_symbol_or_an_end() {
        let merges = Merges::learn(&[&[0, 1], &[0, MISSING, 1], &[0, 1], &[1, 1, 1]], 2, 9, 2).expect("merges");
        assert_eq!(merges.pairs(), [[0, 1], [1, 1]]);
        assert_eq!(merges.encoder().encode(&[0, MISSING, 1, 0, 1]).expect("symbols"), [0, MISSING, 1, 2]);
    }

    #[test]
    fn what_makes_no_vocabulary_is_refused() {
        assert!(Merges::learn(&[&[0, 2]], 2, 1, 2).unwrap_err().to_string().starts_with("position 2: 2 is no symbol"));
        assert!(Merges::learn(&[&[0, 1]], 2, 1, 1).is_err() && Merges::from_pairs(0, &[]).is_err());
        for pairs in [&[[0, 2]][..], &[[0, 1], [0, 1]], &[[0, MISSING]]] {
            assert!(Merges::from_pairs(2, pairs).is_err(), "{pairs:?}");
        }
        let doubling: Vec<[u32; 2]> = (0..60).map(|token| [token, token]).collect();
        assert!(Merges::from_pairs(1, &doubling).unwrap_err().to_string().contains("too large"));
        let merges = Merges::from_pairs(2, &[[0, 1]]).expect("a pair");
        assert!(merges.encoder().encode(&[0, 7]).unwrap_err().to_string().contains("position 2"));
        assert!(merges.pieces().decode(&[2, 3]).unwrap_err().to_string().contains("position 2"));
    }
}
