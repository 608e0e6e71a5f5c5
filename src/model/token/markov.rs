//! Markov chains over symbols, from counts alone.
//!
//! ```text
//! P_k(s | h) = (c(hs) + n(h) P_{k-1}(s | h')) / (c(h) + n(h)),   P_{-1}(s) = 1 / S
//! ```
//!
//! h are the last k symbols, h' the last k - 1, c counts what was seen in training and n(h) is the number of different
//! symbols that followed h: interpolated back-off by method C of Witten and Bell (1991, *IEEE Trans. Inf. Theory* 37, p. 1085).
//! What followed h often is trusted, what followed it in many ways is not, and no symbol is ever impossible. A context
//! that was never seen is left out: P_k(s | h) = P_{k-1}(s | h').
//!
//! The fit is one sort of all windows for each order up to k: O(k n log n), no iteration, and its likelihood is exact. The order is
//! given, or chosen by the likelihood of the later fifth of each series under a fit to what is before it.
//!
//! State per lane: the last k symbols. A step costs k + 1 look-ups and O(S) for the row. Before a lane has k symbols its row
//! is that of the shorter context: the first symbols have a law of their own, and are scored. Missing ones before the first known
//! symbol are not there. A missing symbol after it is not
//! integrated out (that would cost S^k): the context starts anew behind it, and rows are undefined until k known symbols
//! have followed. Memory: k symbols and two numbers for each different window of up to k + 1 symbols in training.
//!
//! ```
//! use foretoken::model::token::markov::{MarkovOrder, MarkovSpec};
//! use foretoken::{Fit, Series};
//!
//! let x = Series::new("", [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0].to_vec());
//! let chain = MarkovSpec { order: MarkovOrder::Fixed(1), symbols: None }.fit(&[x])?.model;
//! let mut masses = [0.0; 2];
//! chain.masses(&[0], &mut masses);
//! // 0 was followed by 1 three times and by nothing else; of all seven symbols three were 1, of two kinds.
//! let alone = (3.0 + 2.0 * 0.5) / (7.0 + 2.0);
//! assert!((masses[1] - (3.0 + alone) / (3.0 + 1.0)).abs() < 1e-15);
//! # Ok::<(), foretoken::Error>(())
//! ```

use std::collections::HashMap;

use super::quantiser::MISSING;
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::{Autoregressive, Fit, Fitted, Running, Session, Summary, too_short};
use crate::predictive::{Family, Predictive};

/// The longest context: whoever asks for more means something else.
pub(crate) const MAX_ORDER: usize = 32;
/// The largest alphabet: a row has a number for each symbol.
pub(crate) const MAX_SYMBOLS: usize = 1 << 20;

/// What to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkovSpec {
    /// How many symbols a conditional looks back on.
    pub order: MarkovOrder,
    /// The number of symbols; `None` is one more than the largest in training.
    pub symbols: Option<usize>,
}

/// The length k of the contexts, at most 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkovOrder {
    /// As given.
    Fixed(usize),
    /// The one under which the later fifth of each series is likeliest, given a fit to what is before it.
    Auto {
        /// The largest that is tried.
        max: usize,
    },
}

impl MarkovOrder {
    /// The largest order that may come out.
    fn most(self) -> usize {
        match self {
            Self::Fixed(order) | Self::Auto { max: order } => order,
        }
    }
}

impl Default for MarkovSpec {
    fn default() -> Self {
        Self { order: MarkovOrder::Auto { max: 3 }, symbols: None }
    }
}

/// A fitted Markov chain over the symbols 0, 1, .. S - 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Markov {
    order: usize,
    symbols: usize,
    /// What followed each context of up to `order` symbols.
    contexts: HashMap<Box<[u32]>, Followers>,
}

/// What followed a context.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Followers {
    /// How often anything did.
    total: u64,
    /// Each different symbol, ascending, and how often it did.
    counts: Vec<(u32, u64)>,
}

impl Followers {
    /// Symbols, ascending, and their counts.
    pub(crate) fn new(counts: Vec<(u32, u64)>) -> Self {
        Self { total: counts.iter().map(|(_, count)| count).sum(), counts }
    }

    /// Each different symbol, ascending, and how often it followed.
    pub(crate) fn counts(&self) -> &[(u32, u64)] {
        &self.counts
    }

    fn count(&self, symbol: u32) -> u64 {
        self.counts.binary_search_by_key(&symbol, |(symbol, _)| *symbol).map_or(0, |at| self.counts[at].1)
    }
}

impl Markov {
    /// The chain of some sequences: the windows of each length, sorted, are its contexts with what followed.
    fn count(order: usize, symbols: usize, sequences: &[Vec<u32>]) -> Self {
        let runs = || sequences.iter().flat_map(|sequence| sequence.split(|symbol| *symbol == MISSING));
        let mut contexts = HashMap::new();
        for length in 0..=order {
            let mut windows: Vec<&[u32]> = runs().flat_map(|run| run.windows(length + 1)).collect();
            windows.sort_unstable();
            for group in windows.chunk_by(|a, b| a[..length] == b[..length]) {
                let counts =
                    group.chunk_by(|a, b| a[length] == b[length]).map(|same| (same[0][length], same.len() as u64));
                contexts.insert(group[0][..length].into(), Followers::new(counts.collect()));
            }
        }
        Self { order, symbols, contexts }
    }

    /// A chain of known counts.
    pub(crate) fn from_parts(order: usize, symbols: usize, contexts: HashMap<Box<[u32]>, Followers>) -> Self {
        Self { order, symbols, contexts }
    }

    /// What followed each context, by length and then by symbols.
    pub(crate) fn contexts(&self) -> Vec<(&[u32], &Followers)> {
        let mut contexts: Vec<_> = self.contexts.iter().map(|(context, followers)| (&**context, followers)).collect();
        contexts.sort_unstable_by_key(|(context, _)| (context.len(), *context));
        contexts
    }

    /// The length k of the contexts.
    #[must_use]
    pub fn order(&self) -> usize {
        self.order
    }

    /// The number S of symbols.
    #[must_use]
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// P(. | context) of the next symbol, from the last k symbols of a context or from all that there are.
    ///
    /// # Panics
    /// If there is not one place in `out` for each symbol.
    pub fn masses(&self, context: &[u32], out: &mut [f64]) {
        assert_eq!(out.len(), self.symbols, "one mass for each symbol");
        out.fill(0.0);
        let left = self.for_each_level(context, |weight, followers| {
            for &(symbol, count) in followers.counts() {
                out[symbol as usize] += weight * count as f64;
            }
        });
        out.iter_mut().for_each(|mass| *mass += left / self.symbols as f64);
    }

    /// P(symbol | context).
    fn mass(&self, context: &[u32], symbol: u32) -> f64 {
        let mut mass = 0.0;
        let left = self.for_each_level(context, |weight, followers| mass += weight * followers.count(symbol) as f64);
        mass + left / self.symbols as f64
    }

    /// Hands out what followed the context, its last k - 1 symbols and so on, each with the mass of one count; what is left is
    /// the mass of the uniform distribution.
    fn for_each_level<'a>(&'a self, context: &[u32], mut each: impl FnMut(f64, &'a Followers)) -> f64 {
        let longest = &context[context.len().saturating_sub(self.order)..];
        let levels = (0..=longest.len()).filter_map(|skip| self.contexts.get(&longest[skip..]));
        levels.fold(1.0, |left, followers| {
            let kinds = followers.counts.len() as f64;
            let weight = left / (followers.total as f64 + kinds);
            each(weight, followers);
            weight * kinds
        })
    }

    /// The sum of ln P of the symbols of a sequence from a position on, and their number: those behind a missing one count
    /// once `settle` known symbols have followed it. As a session would say it.
    fn log_likelihood(&self, sequence: &[u32], from: usize, settle: usize) -> (f64, usize) {
        let (mut start, mut sum, mut rows) = (0, 0.0, 0);
        let mut settled = 0;
        for run in sequence.split(|symbol| *symbol == MISSING) {
            for t in settled.max(from.saturating_sub(start))..run.len() {
                sum += self.mass(&run[..t], run[t]).ln();
                rows += 1;
            }
            start += run.len() + 1;
            settled = if run.is_empty() { settled } else { settle };
        }
        (sum, rows)
    }
}

impl Fit for MarkovSpec {
    type Model = Markov;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Markov>> {
        let symbols = self.alphabet(train)?;
        let read = |series: &Series| read_symbols(series.values().iter().copied(), symbols);
        let sequences = train.iter().map(read).collect::<Result<Vec<_>>>()?;
        let order = self.order_for(&sequences, symbols)?;
        let model = Markov::count(order, symbols, &sequences);
        let scores = sequences.iter().map(|sequence| model.log_likelihood(sequence, 0, order));
        let (log_likelihood, observations) = scores.fold((0.0, 0), |(sum, rows), (own, more)| (sum + own, rows + more));
        let summary = Summary {
            name: "Markov".to_owned(),
            description: format!("Markov chain of order {order} over {symbols} symbols"),
            preprocessing: vec![("order".to_owned(), vec![order as f64]), ("symbols".to_owned(), vec![symbols as f64])],
            log_likelihood,
            observations,
            ..Summary::without_variance()
        };
        Ok(Fitted { model, summary })
    }
}

impl MarkovSpec {
    /// The number of symbols.
    fn alphabet(&self, train: &[Series]) -> Result<usize> {
        let largest = train.iter().flat_map(Series::values).fold(f64::NAN, |a, b| a.max(*b));
        if largest.is_nan() {
            return Err(too_short("a Markov chain", 0, 1));
        }
        match self.symbols.unwrap_or_else(|| (largest as usize).saturating_add(1)) {
            symbols @ 1..=MAX_SYMBOLS => Ok(symbols),
            symbols => Err(Error::usage(format!("{symbols} symbols")).expected(format!("1 to {MAX_SYMBOLS} symbols"))),
        }
    }

    fn order_for(&self, sequences: &[Vec<u32>], symbols: usize) -> Result<usize> {
        let most = self.order.most();
        if most > MAX_ORDER {
            return Err(
                Error::usage(format!("a Markov chain of order {most}")).expected(format!("at most {MAX_ORDER}"))
            );
        }
        Ok(match self.order {
            MarkovOrder::Fixed(order) => order,
            MarkovOrder::Auto { max } => likeliest_order(max, sequences, symbols),
        })
    }
}

/// The order under which the later fifth of each sequence is likeliest given what is before; the lowest of equals.
fn likeliest_order(max: usize, sequences: &[Vec<u32>], symbols: usize) -> usize {
    let cut = |sequence: &[u32]| sequence.len() - sequence.len() / 5;
    let heads: Vec<Vec<u32>> = sequences.iter().map(|sequence| sequence[..cut(sequence)].to_vec()).collect();
    let mut chain = Markov::count(max, symbols, &heads);
    let mut best = (0, f64::NEG_INFINITY);
    for order in 0..=max {
        // The counts of shorter contexts are those of a chain of a lower order.
        chain.order = order;
        // The same symbols for every order.
        let scores = sequences.iter().map(|sequence| chain.log_likelihood(sequence, cut(sequence), max).0);
        let sum: f64 = scores.sum();
        if sum > best.1 {
            best = (order, sum);
        }
    }
    best.0
}

/// Values as symbols.
fn read_symbols(values: impl Iterator<Item = f64>, symbols: usize) -> Result<Vec<u32>> {
    let read = |x: f64| match symbol_of(x, symbols) {
        MISSING if !x.is_nan() => Err(Error::data(format!("{x} is no symbol"))
            .expected(format!("whole numbers from 0 to {}", symbols - 1))
            .hint("a Markov chain counts symbols; quantise values first")),
        symbol => Ok(symbol),
    };
    values.map(read).collect()
}

/// The symbol of a value; [`MISSING`] where it is none.
fn symbol_of(x: f64, symbols: usize) -> u32 {
    if x >= 0.0 && x < symbols as f64 && x.fract() == 0.0 { x as u32 } else { MISSING }
}

impl Autoregressive for Markov {
    fn family(&self) -> Family {
        Family::Categorical { symbols: self.symbols }
    }

    fn memory(&self) -> Option<usize> {
        Some(self.order)
    }

    fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
        let lanes: Vec<Past> = (0..context.lanes())
            .map(|lane| {
                let symbols = read_symbols(context.lane(lane), self.symbols)?;
                let mut past = Past::default();
                symbols.into_iter().for_each(|symbol| past.push(symbol, self.order));
                Ok(past)
            })
            .collect::<Result<_>>()?;
        Ok(Box::new(MarkovSession { model: self, lanes, masses: vec![0.0; self.symbols] }))
    }
}

/// What a lane remembers.
#[derive(Debug, Clone, Default)]
struct Past {
    /// The last k symbols, or fewer.
    symbols: Vec<u32>,
    /// How many more known ones it takes until a missing one is forgotten.
    unsettled: usize,
}

impl Past {
    fn push(&mut self, symbol: u32, order: usize) {
        let has_started = self.unsettled > 0 || !self.symbols.is_empty();
        if symbol == MISSING {
            self.symbols.clear();
            self.unsettled = if has_started { order } else { 0 };
        } else {
            self.unsettled = self.unsettled.saturating_sub(1);
            self.symbols.push(symbol);
            self.symbols.drain(..self.symbols.len().saturating_sub(order));
        }
    }
}

/// The last k symbols of every lane.
struct MarkovSession<'m> {
    model: &'m Markov,
    lanes: Vec<Past>,
    /// Scratch: one row.
    masses: Vec<f64>,
}

impl<'m> Session<'m> for MarkovSession<'m> {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
        for (lane, past) in self.lanes.iter().enumerate() {
            self.model.masses(&past.symbols, &mut self.masses);
            out.set(lane, &self.masses, past.unsettled == 0);
        }
    }

    fn observe(&mut self, x: &[f64]) {
        // A value that is no symbol is none that the model can look back on: the context starts anew.
        for (past, &x) in self.lanes.iter_mut().zip(x) {
            past.push(symbol_of(x, self.model.symbols), self.model.order);
        }
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        let lanes = parents.iter().map(|&lane| self.lanes[lane].clone()).collect();
        Box::new(MarkovSession { model: self.model, lanes, masses: self.masses.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;
    use crate::model::training_likelihood;

    const TRANSITIONS: [[f64; 3]; 3] = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.5, 0.25, 0.25]];

    /// n symbols of the chain with these transitions.
    fn source(n: usize, lane: u64) -> Vec<f64> {
        let mut rng = LaneRng::new(31, lane);
        let mut state = 0;
        let step = |_| {
            let u = rng.uniform();
            state =
                usize::from(u > TRANSITIONS[state][0]) + usize::from(u > TRANSITIONS[state][0] + TRANSITIONS[state][1]);
            state as f64
        };
        (0..n).map(step).collect()
    }

    /// - sum_i pi_i sum_j p_ij ln p_ij, with pi by repeated steps.
    fn entropy_rate() -> f64 {
        let mut pi = [1.0 / 3.0; 3];
        for _ in 0..200 {
            pi = [0, 1, 2].map(|to| (0..3).map(|from| pi[from] * TRANSITIONS[from][to]).sum());
        }
        (0..3).map(|i| -pi[i] * TRANSITIONS[i].iter().map(|p| p * p.ln()).sum::<f64>()).sum()
    }

    fn fit(order: MarkovOrder, train: &[&[f64]]) -> Fitted<Markov> {
        let train: Vec<Series> = train.iter().map(|values| Series::new("", values.to_vec())).collect();
        MarkovSpec { order, symbols: None }.fit(&train).expect("a fit")
    }

    fn score(model: &Markov, values: &[f64]) -> (f64, usize) {
        training_likelihood(model, &[Series::new("", values.to_vec())]).expect("a score")
    }

    #[test]
    fn perplexity_of_a_known_source_reaches_its_entropy_rate() {
        let Fitted { model, .. } = fit(MarkovOrder::Fixed(1), &[&source(20_000, 0)]);
        let held_out = source(50_000, 1);
        let (sum, rows) = score(&model, &held_out);
        // The standard error of a mean of 50,000 nearly independent surprisals with a standard deviation of about 0.5.
        let (rate, error) = (-sum / rows as f64, 0.5 / 5e4_f64.sqrt());
        assert!((rate - entropy_rate()).abs() < 4.0 * error, "{rate}, not {}", entropy_rate());
        // A chain that looks back on nothing knows less, by far more than the error.
        let (blind, _) = score(&fit(MarkovOrder::Fixed(0), &[&source(20_000, 0)]).model, &held_out);
        assert!(-blind / rows as f64 > rate + 0.05);
    }

    #[test]
    fn the_order_of_a_source_is_found() {
        let found = |values: &[f64]| fit(MarkovOrder::Auto { max: 4 }, &[values]).model.order();
        assert_eq!(found(&source(5000, 2)), 1);
        let mut rng = LaneRng::new(4, 0);
        let coin: Vec<f64> = (0..5000).map(|_| f64::from(u8::from(rng.uniform() < 0.4))).collect();
        assert_eq!(found(&coin), 0);
        let mut of_two = coin;
        for t in 2..5000 {
            if rng.uniform() < 0.6 {
                of_two[t] = of_two[t - 2];
            }
        }
        assert_eq!(found(&of_two), 2);
        assert_eq!(found(&[1.0, 0.0]), 0);
    }

    #[test]
    fn masses_are_those_of_the_recursion_and_sum_to_one() {
        let x = source(300, 3);
        let model = fit(MarkovOrder::Fixed(3), &[&x]).model;
        let symbols: Vec<u32> = x.iter().map(|x| *x as u32).collect();
        let followers = |context: &[u32]| {
            let windows = symbols.windows(context.len() + 1).filter(|window| window.starts_with(context));
            windows.fold([0.0; 3], |mut counts, window| {
                counts[window[context.len()] as usize] += 1.0;
                counts
            })
        };
        fn recursion(followers: &dyn Fn(&[u32]) -> [f64; 3], context: Option<&[u32]>) -> [f64; 3] {
            let Some(context) = context else { return [1.0 / 3.0; 3] };
            let shorter = recursion(followers, context.get(1..).filter(|_| !context.is_empty()));
            let counts = followers(context);
            let (total, kinds) = (counts.iter().sum::<f64>(), counts.iter().filter(|c| **c > 0.0).count() as f64);
            if total == 0.0 {
                return shorter;
            }
            [0, 1, 2].map(|s| (counts[s] + kinds * shorter[s]) / (total + kinds))
        }
        for context in [&[][..], &[2], &[0, 1], &[2, 1, 0], &[1, 1, 1], &[9, 0, 1]] {
            let mut masses = [f64::NAN; 3];
            model.masses(context, &mut masses);
            let expected = recursion(&followers, Some(context));
            let largest = masses.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(largest < 1e-14, "{context:?}: {masses:?}, not {expected:?}");
            assert!((masses.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            assert!((0..3).all(|s| (model.mass(context, s) - masses[s as usize]).abs() < 1e-15));
        }
        let mut of_long = [0.0; 3];
        model.masses(&[0, 0, 2, 1, 0], &mut of_long);
        let mut of_last = [0.0; 3];
        model.masses(&[2, 1, 0], &mut of_last);
        assert_eq!(of_long, of_last, "only the last k symbols count");
    }

    #[test]
    fn sequences_and_gaps_are_not_counted_across() {
        let nan = f64::NAN;
        let model = fit(MarkovOrder::Fixed(1), &[&[0.0, 0.0, nan, 1.0, 1.0], &[2.0, 2.0]]).model;
        for (context, next) in [(0, 0), (1, 1), (2, 2)] {
            assert_eq!(model.contexts[&[context][..]].counts(), [(next, 1)]);
        }
        assert_eq!(model.contexts().len(), 4);
    }

    #[test]
    fn the_reported_likelihood_is_the_score_with_gaps_and_without() {
        for order in 0..4 {
            let mut gapped = source(400, 5);
            [0, 50, 51, 53, 399].iter().for_each(|&t| gapped[t] = f64::NAN);
            let plain = source(90, 6);
            let Fitted { model, summary } = fit(MarkovOrder::Fixed(order), &[&gapped, &plain]);
            let (own, other) = (score(&model, &gapped), score(&model, &plain));
            assert_eq!(summary.observations, own.1 + other.1);
            assert!((summary.log_likelihood - own.0 - other.0).abs() < 1e-9);
            assert_eq!(other.1, 90, "the first symbols of a series have a law");
            // Behind the gaps: of two and of one in the middle, one symbol apart; nothing at the start and at the end.
            assert_eq!(own.1, 400 - 5 - order.min(1) - order);
        }
    }

    #[test]
    fn what_is_no_symbol_is_refused() {
        let values = |values: &[f64]| vec![Series::new("", values.to_vec())];
        let spec = |symbols| MarkovSpec { order: MarkovOrder::Fixed(1), symbols };
        for (symbols, x) in [
            (None, &[0.5][..]),
            (None, &[-1.0, 1.0]),
            (None, &[1e18]),
            (None, &[f64::INFINITY]),
            (Some(2), &[0.0, 2.0]),
        ] {
            assert!(spec(symbols).fit(&values(x)).is_err(), "{symbols:?} {x:?}");
        }
        assert!(spec(None).fit(&values(&[f64::NAN])).is_err());
        assert!(MarkovSpec { order: MarkovOrder::Fixed(33), symbols: None }.fit(&values(&[1.0])).is_err());
        let model = spec(None).fit(&values(&[0.0, 1.0])).expect("a fit").model;
        let error = model.begin(&Batch::single(&[2.0], 0), &Covariates::none()).err().expect("refused").to_string();
        assert!(error.contains("2 is no symbol") && error.contains("whole numbers from 0 to 1"), "{error}");
    }
}
