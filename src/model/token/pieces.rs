//! What the tokens of a vocabulary stand for, and the table in which pairs are looked up.

use super::markov::MAX_SYMBOLS;
use super::quantiser::MISSING;
use crate::error::{Error, Result};

/// The most symbols that all tokens of a vocabulary may stand for together: pairs of pairs of pairs grow without bound.
const MAX_LENGTH: usize = 1 << 28;
/// The longest sequence: places in it, of which up to three wait for a merge at a time, are 32-bit numbers.
const MAX_PLACES: usize = 1 << 30;

/// The symbols of every token, one after the other. The first tokens are the single symbols.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pieces {
    ends: Vec<usize>,
    symbols: Vec<u32>,
}

impl Pieces {
    /// The tokens 0 to n - 1, which stand for themselves.
    ///
    /// # Errors
    /// If there are none, or too many.
    pub(super) fn singles(n: usize) -> Result<Self> {
        if (1..=MAX_SYMBOLS).contains(&n) {
            return Ok(Self { ends: (1..=n).collect(), symbols: (0..n as u32).collect() });
        }
        Err(Error::usage(format!("a vocabulary over {n} symbols")).expected(format!("1 to {MAX_SYMBOLS} symbols")))
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The symbols that a token stands for.
    pub(super) fn get(&self, token: u32) -> Option<&[u32]> {
        let end = *self.ends.get(token as usize)?;
        let start = if token == 0 { 0 } else { self.ends[token as usize - 1] };
        Some(&self.symbols[start..end])
    }

    /// Adds a token.
    pub(super) fn push(&mut self, symbols: &[u32]) {
        self.symbols.extend_from_slice(symbols);
        self.ends.push(self.symbols.len());
    }

    /// Adds a token that stands for what two others do.
    ///
    /// # Errors
    /// If one of them is none yet, or all tokens together become too long.
    pub(super) fn push_pair(&mut self, [a, b]: [u32; 2]) -> Result<()> {
        let (Some(first), Some(second)) = (self.get(a), self.get(b)) else {
            return Err(Error::data(format!("token {} merges {a} and {b}", self.len()))
                .expected("tokens that come before it in the vocabulary"));
        };
        if self.len() >= MAX_SYMBOLS || self.symbols.len() + first.len() + second.len() > MAX_LENGTH {
            return Err(Error::data("the vocabulary is too large")
                .expected(format!("at most {MAX_SYMBOLS} tokens that stand for {MAX_LENGTH} symbols together")));
        }
        let both = [first, second].concat();
        self.push(&both);
        Ok(())
    }

    /// The symbols of a sequence of tokens.
    pub(super) fn decode(&self, tokens: &[u32]) -> Result<Vec<u32>> {
        let mut symbols = Vec::with_capacity(2 * tokens.len());
        for (place, &token) in tokens.iter().enumerate() {
            match self.get(token) {
                Some(piece) => symbols.extend_from_slice(piece),
                None if token == MISSING => symbols.push(MISSING),
                None => return Err(unknown("token", token, place, self.len())),
            }
        }
        Ok(symbols)
    }
}

/// # Errors
/// If something in a sequence is neither a symbol nor missing.
pub(super) fn check_symbols(sequence: &[u32], symbols: usize) -> Result<()> {
    if sequence.len() > MAX_PLACES {
        return Err(Error::data(format!("a sequence of {} symbols", sequence.len())).expected("at most 2^30"));
    }
    match sequence.iter().position(|&symbol| symbol as usize >= symbols && symbol != MISSING) {
        Some(place) => Err(unknown("symbol", sequence[place], place, symbols)),
        None => Ok(()),
    }
}

fn unknown(what: &str, which: u32, place: usize, n: usize) -> Error {
    Error::data(format!("{which} is no {what} of this vocabulary"))
        .at(format!("position {}", place + 1))
        .expected(format!("whole numbers from 0 to {}", n - 1))
}

/// What stands for "not in the table".
pub(super) const NONE: u32 = u32::MAX;
const EMPTY: u64 = u64::MAX;

/// A number below [`NONE`] for some pairs: open addressing, at most a quarter full, so that most look-ups read one place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PairTable {
    slots: Vec<(u64, u32)>,
    len: usize,
}

impl PairTable {
    pub(super) fn new() -> Self {
        Self { slots: vec![(EMPTY, NONE); 16], len: 0 }
    }

    /// The number of a pair, or [`NONE`].
    #[inline]
    pub(super) fn get(&self, a: u32, b: u32) -> u32 {
        self.slots[self.slot(key(a, b))].1
    }

    /// Sets the number of a pair.
    pub(super) fn insert(&mut self, a: u32, b: u32, number: u32) {
        if 4 * (self.len + 1) > self.slots.len() {
            self.grow();
        }
        let slot = self.slot(key(a, b));
        self.len += usize::from(self.slots[slot].0 == EMPTY);
        self.slots[slot] = (key(a, b), number);
    }

    /// Where a key is, or where it would be put.
    #[inline]
    fn slot(&self, key: u64) -> usize {
        // Fibonacci hashing (Knuth 1998, The Art of Computer Programming 3, section 6.4): the upper bits of a product.
        let bits = self.slots.len().trailing_zeros();
        let mut slot = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits)) as usize;
        while self.slots[slot].0 != key && self.slots[slot].0 != EMPTY {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    fn grow(&mut self) {
        let twice = vec![(EMPTY, NONE); 2 * self.slots.len()];
        for entry in std::mem::replace(&mut self.slots, twice) {
            if entry.0 != EMPTY {
                let slot = self.slot(entry.0);
                self.slots[slot] = entry;
            }
        }
    }
}

fn key(a: u32, b: u32) -> u64 {
    (u64::from(a) << 32) | u64::from(b)
}
