//! Quantisers: real values to tokens and back.
//!
//! ```text
//! z = (x - location) / scale     of the context alone;  token = the bin that holds z;  back: location + scale * centre
//! ```
//!
//! Location and scale are mean and standard deviation (divisor n) of the known values of a context; a context of fewer
//! than 8 known values, or without spread, has those of all training values. Bins are laid over the standardised training
//! values, each series by its own scale, B - 2 of them between two tails ([`Bins`]):
//!
//! - **uniform**: equal widths from the smallest value to the largest;
//! - **quantile**: equal numbers of values, edges half way between neighbours; equal values stay in one bin;
//! - **mu-law**: equal widths in sign(z) ln(1 + mu |z| / z_max) / ln(1 + mu), fine around the mean (Smith 1957, *Bell Syst. Tech.
//!   J.* 36, p. 653);
//! - **k-means**: edges half way between centres that are the means of their bins, by Lloyd's iteration (1982, *IEEE Trans.
//!   Inf. Theory* 28, p. 129; Steinhaus 1956) from the quantile bins of all values and from those of the different ones, in
//!   which a run of equal values is one; a bin that loses its values is made anew from the worst. The better of two local
//!   minima of the squared error.
//!
//! No bin is narrower than the smallest gap between different training values, so no likelihood can grow without bounds by
//! splitting hairs; edges that are closer are left out. A tail has (a - 1) times the mean excess of the training values in
//! it as its width, a = 3 its index, and at least the width of its neighbour.
//!
//! A token stands for the middle of its bin, so that at most half a bin is lost; that of a tail for the mean of the training
//! values in it, or its median where there are none. With k-means every token stands for the mean of its training values, the
//! nearest of all tokens to any of them. What lies outside the range of the training values is clipped, and counted as such.
//!
//! Without a number of bins there are n^(1/3), between 4 and 256, see [`default_bins`].
//!
//! Cost: uniform bins are one subtraction, one multiplication and a clamp; other edges are found from a table of 16,384
//! equal cells, each of which knows the first edge that it may hold, by a comparison or two. Both agree with
//! [`Bins::index`] at every number: uniform edges are the very numbers at which the token changes.

use std::sync::Arc;

use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::kernels;
use crate::model::{check_size, too_short};
use crate::predictive::{Bins, OuterMap};

/// The token of a missing value, which no bin has.
pub const MISSING: u32 = u32::MAX;

/// How many known values a context needs for a scale of its own.
const OWN_SCALE: usize = 8;
/// The largest number of bins.
pub(crate) const MAX_BINS: usize = 1 << 16;
/// The smallest: two tails and something between them.
pub(crate) const MIN_BINS: usize = 3;
/// A spread below this share of the mean is rounding.
const ROUNDING: f64 = 1e-12;
/// Cells of the table that general edges are found from: 32 KB, the first-level cache.
const CELLS: usize = 1 << 14;
/// Edges per cell that are compared one by one.
const FEW: usize = 2;
/// Lloyd's iterations.
const ROUNDS: usize = 200;
/// By how much of the range the outer edges lie beyond the outer values, so that rounding cannot clip them.
const MARGIN: f64 = 1e-9;
/// The tail index of [`Bins`], minus one: the width of a tail per mean excess.
const WIDTH_PER_EXCESS: f64 = 2.0;

/// Where the edges of bins lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QuantiserKind {
    /// Equal widths.
    Uniform,
    /// Equal numbers of training values.
    Quantile,
    /// Equal widths on a scale that is logarithmic in both directions.
    MuLaw {
        /// How logarithmic, above 0: nearly uniform for small numbers; 255 in telephony.
        mu: f64,
    },
    /// The least squared error that Lloyd's iteration finds.
    KMeans,
}

impl QuantiserKind {
    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Quantile => "equal-mass",
            Self::MuLaw { .. } => "mu-law",
            Self::KMeans => "k-means",
        }
    }
}

/// What to lay over training values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantiserSpec {
    /// Where the edges lie.
    pub kind: QuantiserKind,
    /// The number of bins, tails included; fewer where edges would be too close. `None`: by the number of values.
    pub bins: Option<usize>,
}

impl Default for QuantiserSpec {
    fn default() -> Self {
        Self { kind: QuantiserKind::Quantile, bins: None }
    }
}

impl QuantiserSpec {
    /// Lays bins over the known values of some series.
    ///
    /// # Errors
    /// If there are fewer than 8 known values, all are equal, or the number of bins or mu is out of range.
    pub fn fit(&self, train: &[Series]) -> Result<Quantiser> {
        self.check()?;
        let mut all = RunningMoments::default();
        train.iter().flat_map(Series::values).for_each(|x| all.push(*x));
        if all.count < OWN_SCALE {
            return Err(too_short("a quantiser", all.count, OWN_SCALE));
        }
        let Some(map) = all.map() else {
            check_size(train)?;
            return Err(Error::data("the values have no spread that tokens could tell apart")
                .expected("finite numbers that differ by more than rounding"));
        };
        let series = train.iter().map(|series| standardised(series.values(), map));
        let (sorted, gap) = sort_all(series.collect());
        let bins = self.bins.unwrap_or_else(|| default_bins(sorted.len()));
        let layout = Layout { sorted: &sorted, bins, gap: gap * (1.0 - MARGIN) };
        match self.kind {
            QuantiserKind::Uniform => {
                let grid = layout.grid();
                // Nothing was seen in the tails: they are as wide as a bin.
                let quantiser = Quantiser::of_grid(grid, [1.0 / grid.rate; 2], map)?;
                Ok(quantiser.with_range(layout.extremes()))
            }
            kind => {
                let edges = layout.edges(kind);
                let tails = layout.tails(&edges);
                let means = layout.means(&edges);
                let mut quantiser = Quantiser::of_edges(kind, edges, tails, map)?.with_range(layout.extremes());
                for bin in quantiser.own_bins() {
                    means[bin].into_iter().for_each(|mean| quantiser.levels[bin] = mean);
                }
                Ok(quantiser)
            }
        }
    }

    /// Bins over values as they are, one list per series, with nothing below a floor.
    pub(crate) fn bins_over(&self, values: Vec<Vec<f64>>, floor: Option<f64>) -> Result<Bins> {
        self.check()?;
        let (sorted, gap) = sort_all(values);
        if sorted.len() < OWN_SCALE || gap == 0.0 {
            return Err(too_short("a quantiser", sorted.len(), OWN_SCALE).hint("the values are too few, or all equal"));
        }
        let bins = self.bins.unwrap_or_else(|| default_bins(sorted.len()));
        let layout = Layout { sorted: &sorted, bins, gap: gap * (1.0 - MARGIN) };
        let (edges, tails) = match self.kind {
            QuantiserKind::Uniform => {
                let grid = layout.grid();
                (grid.edges(), [1.0 / grid.rate; 2])
            }
            kind => {
                let edges = layout.edges(kind);
                let tails = layout.tails(&edges);
                (edges, tails)
            }
        };
        let bins = Bins::new(edges, tails)?;
        floor.map_or(Ok(bins.clone()), |floor| bins.with_floor(floor))
    }

    fn check(&self) -> Result<()> {
        if let Some(bins) = self.bins.filter(|bins| !(MIN_BINS..=MAX_BINS).contains(bins)) {
            return Err(Error::usage(format!("{bins} bins")).expected(format!("{MIN_BINS} to {MAX_BINS} bins")));
        }
        match self.kind {
            QuantiserKind::MuLaw { mu } if !(mu > 0.0 && mu <= 1e9) => {
                Err(Error::usage(format!("mu-law bins with mu = {mu}")).expected("a number above 0, such as 255"))
            }
            _ => Ok(()),
        }
    }
}

/// The number of bins for n values where none is given: n^(1/3), between 4 and 256.
///
/// Measured, as bits per value of the last quarter under a Markov chain over equal-mass tokens, of an order up to 3 chosen
/// from the first three quarters, whose n is given:
///
/// | series | n | n^(1/3) | 2 n^(1/3) | n^(1/2) |
/// |---|---|---|---|---|
/// | air passengers, log differences | 108 | 7.55 | 7.70 | 7.70 |
/// | lynx, logarithms | 86 | 11.29 | 11.70 | 11.70 |
/// | sunspots | 217 | 6.74 | 6.97 | 7.06 |
/// | Nile | 75 | 9.36 | 9.38 | 9.29 |
/// | hourly load | 1,512 | 9.26 | 9.02 | 9.39 |
/// | AR(1) with 0.8 | 375 | 2.59 | 2.62 | 2.71 |
/// | the same | 3,750 | 2.16 | 2.24 | 2.47 |
/// | the same | 37,500 | 2.07 | 2.12 | 2.42 |
///
/// More bins leave too few counts for each context, of which there are n / B; fewer know too little of the past.
#[must_use]
pub fn default_bins(n: usize) -> usize {
    ((n as f64).cbrt().round() as usize).clamp(4, 256)
}

/// Mean and variance of the known values so far (Welford 1962, *Technometrics* 4, p. 419).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct RunningMoments {
    count: usize,
    mean: f64,
    squares: f64,
}

impl RunningMoments {
    /// Takes a value, if it is known.
    pub(crate) fn push(&mut self, x: f64) {
        if x.is_nan() {
            return;
        }
        self.count += 1;
        let error = x - self.mean;
        self.mean += error / self.count as f64;
        self.squares += error * (x - self.mean);
    }

    /// The map from standardised values; `None` of too few values, or without a spread beyond rounding.
    pub(crate) fn map(&self) -> Option<OuterMap> {
        let (mean, scale) = self.mean_and_spread()?;
        let has_scale = scale > 0.0 && scale.is_finite();
        has_scale.then_some(OuterMap { shift: mean, factor: scale, ..OuterMap::IDENTITY })
    }

    /// Mean and standard deviation (divisor n) of enough values; 0 where what varies is rounding.
    pub(crate) fn mean_and_spread(&self) -> Option<(f64, f64)> {
        let spread = (self.squares / self.count as f64).sqrt();
        let varies = spread > ROUNDING * self.mean.abs();
        (self.count >= OWN_SCALE).then_some((self.mean, if varies { spread } else { 0.0 }))
    }
}

/// The known values of a series by its own scale, or by that of all.
fn standardised(values: &[f64], of_all: OuterMap) -> Vec<f64> {
    let mut moments = RunningMoments::default();
    values.iter().for_each(|x| moments.push(*x));
    let map = moments.map().unwrap_or(of_all);
    values.iter().filter(|x| !x.is_nan()).map(|x| map.backward(*x)).collect()
}

/// All values in order, and the smallest gap between different ones of one series.
fn sort_all(mut series: Vec<Vec<f64>>) -> (Vec<f64>, f64) {
    let mut gap = f64::INFINITY;
    for values in &mut series {
        values.sort_unstable_by(f64::total_cmp);
        let gaps = values.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0);
        gap = gaps.fold(gap, f64::min);
    }
    let mut sorted = series.concat();
    sorted.sort_unstable_by(f64::total_cmp);
    (sorted, if gap.is_finite() { gap } else { 0.0 })
}

/// What edges are laid over.
struct Layout<'a> {
    /// The standardised training values, ascending.
    sorted: &'a [f64],
    bins: usize,
    /// No two edges are closer.
    gap: f64,
}

impl Layout<'_> {
    fn extremes(&self) -> (f64, f64) {
        (self.sorted[0], self.sorted[self.sorted.len() - 1])
    }

    /// Equal bins from the smallest to the largest value; around each value where bins are enough to tell all apart.
    fn grid(&self) -> Grid {
        let (low, high) = self.extremes();
        let range = (high - low) * (1.0 + MARGIN);
        let inner = ((range / self.gap) as usize).saturating_add(1).clamp(1, self.bins - 2);
        let width = if range / inner as f64 >= self.gap { range / inner as f64 } else { self.gap };
        // The token is rounded, so the first bin between the tails is centred at 1.
        let centre = 0.5 * (low + high) - 0.5 * (inner - 1) as f64 * width;
        Grid { low: centre - width, rate: 1.0 / width, last: inner as u32 + 1 }
    }

    fn edges(&self, kind: QuantiserKind) -> Vec<f64> {
        let mut edges = match kind {
            QuantiserKind::MuLaw { mu } => self.mu_law(mu),
            QuantiserKind::KMeans => self.k_means(),
            QuantiserKind::Uniform | QuantiserKind::Quantile => self.quantiles(),
        };
        let mut last = f64::NEG_INFINITY;
        edges.retain(|edge| {
            let is_apart = *edge > last && edge - last >= self.gap;
            last = if is_apart { *edge } else { last };
            is_apart
        });
        edges
    }

    /// The first position of each quantile bin but the first; equal values are not parted.
    fn quantile_ranks(&self) -> Vec<usize> {
        let n = self.sorted.len();
        // Equal values stay together: the nearer end of their run.
        let parted = |rank: usize| {
            let z = self.sorted[rank];
            let (start, end) = (self.sorted.partition_point(|x| *x < z), self.sorted.partition_point(|x| *x <= z));
            if rank - start < end - rank { start } else { end }
        };
        let mut ranks: Vec<usize> = (1..self.bins).map(|bin| parted((bin * n / self.bins).min(n - 1))).collect();
        ranks.retain(|rank| (1..n).contains(rank));
        ranks.dedup();
        if ranks.is_empty() {
            // Nearly all values are equal to the smallest or the largest.
            let middle = self.sorted[n / 2];
            let start = self.sorted.partition_point(|z| *z < middle);
            let end = self.sorted.partition_point(|z| *z <= middle);
            ranks.push(if start > 0 { start } else { end.min(n - 1) });
        }
        ranks
    }

    fn quantiles(&self) -> Vec<f64> {
        self.quantile_ranks().into_iter().map(|rank| 0.5 * (self.sorted[rank - 1] + self.sorted[rank])).collect()
    }

    fn mu_law(&self, mu: f64) -> Vec<f64> {
        let (low, high) = self.extremes();
        let most = low.abs().max(high.abs()) * (1.0 + MARGIN);
        let inner = self.bins - 2;
        let expand = |i: usize| {
            let u = 2.0 * i as f64 / inner as f64 - 1.0;
            u.signum() * most * (u.abs() * mu.ln_1p()).exp_m1() / mu
        };
        (0..=inner).map(expand).collect()
    }

    /// The better of two starts: equal numbers of values, and of different values.
    fn k_means(&self) -> Vec<f64> {
        let n = self.sorted.len();
        let mut starts: Vec<usize> = (1..n).filter(|&rank| self.sorted[rank] > self.sorted[rank - 1]).collect();
        starts.insert(0, 0);
        let bins = self.bins.min(starts.len());
        let different = (1..bins).map(|bin| starts[bin * starts.len() / bins]).collect();
        let sums = Sums::of(self.sorted);
        let found = [self.quantile_ranks(), different].map(|ranks| self.lloyd(&sums, ranks, bins));
        let [one, other] = found.map(|ranks| (sums.error(&ranks), ranks));
        let ranks = if other.0 < one.0 { other.1 } else { one.1 };
        let centres: Vec<f64> = sums.bins(&ranks).map(|(from, to)| sums.mean(from, to)).collect();
        centres.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
    }

    /// The first positions of bins whose values are the nearest to their means.
    fn lloyd(&self, sums: &Sums, mut ranks: Vec<usize>, bins: usize) -> Vec<usize> {
        let n = self.sorted.len();
        for _ in 0..ROUNDS {
            let centres: Vec<f64> = sums.bins(&ranks).map(|(from, to)| sums.mean(from, to)).collect();
            let edges = centres.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
            let mut next: Vec<usize> = edges.map(|edge| self.sorted.partition_point(|z| *z < edge)).collect();
            // A bin that has lost its values.
            next.dedup();
            next.retain(|rank| (1..n).contains(rank));
            self.refill(sums, &mut next, bins);
            if next == ranks {
                break;
            }
            ranks = next;
        }
        ranks
    }

    /// Parts the bins with the largest squared error at their means until there are as many as wanted.
    fn refill(&self, sums: &Sums, ranks: &mut Vec<usize>, bins: usize) {
        let missing = bins.saturating_sub(ranks.len() + 1);
        if missing == 0 {
            return;
        }
        let mut worst: Vec<(f64, usize, usize)> =
            sums.bins(ranks).map(|(from, to)| (sums.error_of(from, to), from, to)).collect();
        worst.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        for &(_, from, to) in worst.iter().take(missing) {
            let mean = sums.mean(from, to);
            let rank = from + self.sorted[from..to].partition_point(|z| *z < mean);
            // Equal values are not parted.
            if rank > from && rank < to && self.sorted[rank - 1] < self.sorted[rank] {
                ranks.push(rank);
            }
        }
        ranks.sort_unstable();
    }

    /// The mean of the values of every bin; nothing of one without any.
    fn means(&self, edges: &[f64]) -> Vec<Option<f64>> {
        let mut left = self.sorted;
        let mut mean = |end: usize| {
            let (own, after) = left.split_at(end);
            left = after;
            let (low, high) = (own.first()?, own.last()?);
            // Rounding leads out of a bin of equal values.
            Some((own.iter().sum::<f64>() / own.len() as f64).clamp(*low, *high))
        };
        let mut before = 0;
        let mut ends: Vec<usize> = edges.iter().map(|edge| self.sorted.partition_point(|z| z < edge)).collect();
        ends.push(self.sorted.len());
        let lengths = ends.into_iter().map(|end| end - std::mem::replace(&mut before, end));
        lengths.map(&mut mean).collect()
    }

    /// The widths of the tails beyond the outer edges.
    fn tails(&self, edges: &[f64]) -> [f64; 2] {
        let (first, last) = (edges[0], edges[edges.len() - 1]);
        let below = &self.sorted[..self.sorted.partition_point(|z| *z < first)];
        let above = &self.sorted[self.sorted.partition_point(|z| *z < last)..];
        let width = |excesses: f64, count: usize, neighbour: f64| {
            (WIDTH_PER_EXCESS * excesses / count.max(1) as f64).max(neighbour).max(self.gap).max(f64::MIN_POSITIVE)
        };
        let neighbours = match edges {
            [_] | [] => [0.0; 2],
            [.., before, last] => [edges[1] - first, last - before],
        };
        [
            width(below.iter().map(|z| first - z).sum(), below.len(), neighbours[0]),
            width(above.iter().map(|z| z - last).sum(), above.len(), neighbours[1]),
        ]
    }
}

/// Sums of the first values and of their squares, for means and squared errors of runs.
struct Sums {
    values: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn of(sorted: &[f64]) -> Self {
        let running = |of: fn(f64) -> f64| {
            let mut sum = 0.0;
            let after = sorted.iter().map(|z| {
                sum += of(*z);
                sum
            });
            std::iter::once(0.0).chain(after).collect()
        };
        Self { values: running(|z| z), squares: running(|z| z * z) }
    }

    /// From where to where bins go whose first positions but that of the lowest are given.
    fn bins<'a>(&self, ranks: &'a [usize]) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let n = self.values.len() - 1;
        let starts = std::iter::once(0).chain(ranks.iter().copied());
        starts.zip(ranks.iter().copied().chain([n]))
    }

    fn mean(&self, from: usize, to: usize) -> f64 {
        (self.values[to] - self.values[from]) / (to - from) as f64
    }

    fn error_of(&self, from: usize, to: usize) -> f64 {
        let sum = self.values[to] - self.values[from];
        (self.squares[to] - self.squares[from] - sum * sum / (to - from) as f64).max(0.0)
    }

    fn error(&self, ranks: &[usize]) -> f64 {
        self.bins(ranks).map(|(from, to)| self.error_of(from, to)).sum()
    }
}

/// Equal bins: the token of z is (z - low) rate, rounded and clamped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    pub(crate) low: f64,
    pub(crate) rate: f64,
    pub(crate) last: u32,
}

impl Grid {
    fn token(self, z: f64) -> u32 {
        kernels::nearest_place(z, self.low, self.rate, self.last)
    }

    /// The smallest number of each token but the first, by bisection: tokens ascend with z.
    fn edges(self) -> Vec<f64> {
        let edge = |token: u32| {
            let mut below = self.low + (f64::from(token) - 1.0) / self.rate;
            let mut above = self.low + f64::from(token) / self.rate;
            loop {
                let middle = 0.5 * below + 0.5 * above;
                if !(middle > below && middle < above) {
                    return above;
                }
                if self.token(middle) < token { below = middle } else { above = middle }
            }
        };
        (1..=self.last).map(edge).collect()
    }
}

/// Where to look for a value among edges that are not equally far apart.
#[derive(Debug, Clone, PartialEq)]
struct Table {
    low: f64,
    rate: f64,
    /// The number of edges in the cells before each, and at last of all.
    first: Vec<u16>,
    /// The largest number of edges in a cell.
    most: usize,
    /// The edges, and behind them infinities to compare with.
    edges: Vec<f64>,
}

impl Table {
    fn new(edges: &[f64]) -> Self {
        let (low, high) = (edges[0], edges[edges.len() - 1]);
        let rate = (CELLS as f64 / (high - low)).min(f64::MAX);
        let mut table = Self { low, rate, first: vec![0; CELLS + 1], most: 0, edges: edges.to_vec() };
        for edge in edges {
            let cell = table.cell(*edge);
            table.first[cell + 1] += 1;
        }
        table.most = table.first.iter().copied().max().map_or(0, usize::from);
        for cell in 0..CELLS {
            table.first[cell + 1] += table.first[cell];
        }
        table.edges.extend([f64::INFINITY; FEW]);
        table
    }

    /// Ascends with z: what lies in an earlier cell is smaller, whatever rounding does.
    #[inline(always)]
    fn cell(&self, z: f64) -> usize {
        ((z - self.low) * self.rate).max(0.0).min((CELLS - 1) as f64) as usize
    }

    #[inline(always)]
    fn token(&self, z: f64) -> u32 {
        let cell = self.cell(z);
        let first = usize::from(self.first[cell]);
        let index = if self.most <= FEW {
            // Infinity lies above the edges, but not above what stands behind them.
            let finite = z.min(f64::MAX);
            let one = first + usize::from(self.edges[first] <= finite);
            one + usize::from(self.edges[one] <= finite)
        } else {
            first + self.edges[first..usize::from(self.first[cell + 1])].partition_point(|edge| *edge <= z)
        };
        if z.is_nan() { MISSING } else { index as u32 }
    }
}

/// How a token is found.
#[derive(Debug, Clone, PartialEq)]
enum Lookup {
    Grid(Grid),
    Table(Table),
}

/// Bins over standardised values, and the scale of the training values.
///
/// ```
/// use foretoken::model::token::quantiser::{QuantiserKind, QuantiserSpec};
/// use foretoken::Series;
///
/// let x = Series::new("", (0..100).map(f64::from).collect());
/// let quantiser = QuantiserSpec { kind: QuantiserKind::Quantile, bins: Some(10) }.fit(&[x.clone()])?;
/// let map = quantiser.map_of(x.values());
/// let token = quantiser.encode(map.backward(42.0));
/// assert_eq!(token, 4);
/// assert!((map.forward(quantiser.decode(token)) - 44.5).abs() < 1e-12); // half way between 39.5 and 49.5
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiser {
    kind: QuantiserKind,
    bins: Arc<Bins>,
    training: OuterMap,
    lookup: Lookup,
    /// What each token stands for.
    levels: Vec<f64>,
    /// The smallest and the largest training value.
    range: [f64; 2],
}

/// What tokens make of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantiserReport {
    /// How many different tokens there are.
    pub tokens: usize,
    /// The entropy of their frequencies, in bits per value.
    pub entropy: f64,
    /// The root mean square of what is lost on the way to tokens and back, in the units of the data.
    pub rms_error: f64,
    /// How many values lie below all training values.
    pub below: usize,
    /// How many lie above them.
    pub above: usize,
}

impl Quantiser {
    /// Bins between ascending edges with the widths of their tails, over values standardised by a map.
    pub(crate) fn of_edges(kind: QuantiserKind, edges: Vec<f64>, tails: [f64; 2], map: OuterMap) -> Result<Self> {
        let bins = Arc::new(Bins::new(edges, tails)?);
        let lookup = Lookup::Table(Table::new(bins.edges()));
        Ok(Self::of_bins(kind, bins, lookup, map))
    }

    /// Equal bins.
    pub(crate) fn of_grid(grid: Grid, tails: [f64; 2], map: OuterMap) -> Result<Self> {
        let bins = Arc::new(Bins::new(grid.edges(), tails)?);
        Ok(Self::of_bins(QuantiserKind::Uniform, bins, Lookup::Grid(grid), map))
    }

    fn of_bins(kind: QuantiserKind, bins: Arc<Bins>, lookup: Lookup, map: OuterMap) -> Self {
        let levels = (0..bins.len()).map(|bin| bins.center(bin)).collect();
        let range = [bins.edges()[0], bins.edges()[bins.len() - 2]];
        Self { kind, bins, training: map, lookup, levels, range }
    }

    fn with_range(self, (low, high): (f64, f64)) -> Self {
        Self { range: [low, high], ..self }
    }

    /// The bins whose tokens may stand for something else than their middle: all of k-means, no uniform ones, else the outer
    /// two.
    fn own_bins(&self) -> Vec<usize> {
        match self.kind {
            QuantiserKind::KMeans => (0..self.levels.len()).collect(),
            QuantiserKind::Uniform => Vec::new(),
            _ => vec![0, self.levels.len() - 1],
        }
    }

    /// What the tokens of these bins stand for.
    pub(crate) fn own_levels(&self) -> Vec<f64> {
        self.own_bins().into_iter().map(|bin| self.levels[bin]).collect()
    }

    /// The smallest and the largest training value, standardised.
    #[must_use]
    pub fn range(&self) -> [f64; 2] {
        self.range
    }

    /// With what [`own_levels`](Self::own_levels) and [`range`](Self::range) gave.
    ///
    /// # Errors
    /// If there are more or fewer levels, one does not lie in its bin, or the range is none.
    pub(crate) fn with_levels(mut self, own: &[f64], range: [f64; 2]) -> Result<Self> {
        let bins = self.own_bins();
        let is_right = own.len() == bins.len() && bins.iter().zip(own).all(|(bin, z)| self.bins.index(*z) == *bin);
        if !is_right {
            return Err(Error::data("these are not the values that the tokens stand for")
                .expected("a number of each bin, or of the outer two"));
        }
        if range[0].partial_cmp(&range[1]) != Some(std::cmp::Ordering::Less) {
            return Err(Error::data("this is no range").expected("the smallest and the largest training value"));
        }
        bins.into_iter().zip(own).for_each(|(bin, z)| self.levels[bin] = *z);
        Ok(Self { range, ..self })
    }

    /// Where the edges lie.
    #[must_use]
    pub fn kind(&self) -> QuantiserKind {
        self.kind
    }

    /// The bins of standardised values.
    #[must_use]
    pub fn bins(&self) -> &Arc<Bins> {
        &self.bins
    }

    /// Equal bins, where they are.
    pub(crate) fn grid(&self) -> Option<Grid> {
        match self.lookup {
            Lookup::Grid(grid) => Some(grid),
            Lookup::Table(_) => None,
        }
    }

    /// The map from standardised values to the training data: of a context that has no scale of its own.
    #[must_use]
    pub fn training_map(&self) -> OuterMap {
        self.training
    }

    /// The map from standardised values to the data of a context.
    #[must_use]
    pub fn map_of(&self, context: &[f64]) -> OuterMap {
        let mut moments = RunningMoments::default();
        context.iter().for_each(|x| moments.push(*x));
        self.map_with(&moments)
    }

    pub(crate) fn map_with(&self, moments: &RunningMoments) -> OuterMap {
        moments.map().unwrap_or(self.training)
    }

    /// The token of a standardised value: [`Bins::index`], or [`MISSING`] of a missing one.
    #[must_use]
    pub fn encode(&self, z: f64) -> u32 {
        match &self.lookup {
            Lookup::Grid(grid) => grid.token(z),
            Lookup::Table(table) => table.token(z),
        }
    }

    /// The tokens of standardised values.
    pub fn encode_all(&self, z: &[f64], tokens: &mut Vec<u32>) {
        tokens.clear();
        tokens.resize(z.len(), 0);
        match &self.lookup {
            Lookup::Grid(Grid { low, rate, last }) => kernels::nearest_places(z, *low, *rate, *last, tokens),
            Lookup::Table(table) => tokens.iter_mut().zip(z).for_each(|(token, z)| *token = table.token(*z)),
        }
    }

    /// What a token stands for, standardised: the centre of its bin, or the mean of the training values in it (k-means, and
    /// tails that hold any). A token without a bin gives a missing value.
    #[must_use]
    pub fn decode(&self, token: u32) -> f64 {
        self.levels.get(token as usize).copied().unwrap_or(f64::NAN)
    }

    /// What tokens make of the known ones of some values, by their own scale.
    #[must_use]
    pub fn report(&self, values: &[f64]) -> QuantiserReport {
        let map = self.map_of(values);
        let mut counts = vec![0_usize; self.bins.len()];
        let (mut squares, mut below, mut above) = (0.0, 0, 0);
        let margin = MARGIN * (self.range[1] - self.range[0]);
        for &x in values.iter().filter(|x| !x.is_nan()) {
            let z = map.backward(x);
            let token = self.encode(z);
            counts[token as usize] += 1;
            below += usize::from(z < self.range[0] - margin);
            above += usize::from(z > self.range[1] + margin);
            squares += (x - map.forward(self.decode(token))).powi(2);
        }
        let n = counts.iter().sum::<usize>() as f64;
        let share = |count: &usize| *count as f64 / n;
        let seen = || counts.iter().filter(|count| **count > 0);
        QuantiserReport {
            tokens: seen().count(),
            entropy: seen().map(share).map(|p| -p * p.log2()).sum(),
            rms_error: (squares / n).sqrt(),
            below,
            above,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::math::random::LaneRng;

    const KINDS: [QuantiserKind; 4] =
        [QuantiserKind::Uniform, QuantiserKind::Quantile, QuantiserKind::MuLaw { mu: 255.0 }, QuantiserKind::KMeans];

    fn normals(n: usize, lane: u64) -> Vec<f64> {
        let mut rng = LaneRng::new(12, lane);
        (0..n).map(|_| 50.0 + 4.0 * rng.normal()).collect()
    }

    fn fit(kind: QuantiserKind, bins: usize, values: &[f64]) -> Quantiser {
        let train = [Series::new("", values.to_vec())];
        QuantiserSpec { kind, bins: Some(bins) }.fit(&train).unwrap_or_else(|error| panic!("{kind:?} {bins}: {error}"))
    }

    fn standard(quantiser: &Quantiser, values: &[f64]) -> Vec<f64> {
        let map = quantiser.map_of(values);
        values.iter().map(|x| map.backward(*x)).collect()
    }

    proptest! {
        #[test]
        fn tokens_are_the_bins_at_every_number(
            values in prop::collection::vec(-1e3..1e3_f64, 10..60),
            bins in 3..200_usize,
            which in 0..4_usize,
            exponent in -8..8_i32,
        ) {
            // At least two different ones.
            let values: Vec<f64> = values.iter().chain(&[2e3]).map(|x| 3.0 + x * 10_f64.powi(exponent)).collect();
            let quantiser = fit(KINDS[which], bins, &values);
            let edges = quantiser.bins().edges();
            prop_assert!(edges.len() < bins);
            let near = edges.iter().flat_map(|edge| [edge.next_down(), *edge, edge.next_up()]);
            let far = [f64::NEG_INFINITY, -1e300, -0.0, 0.0, 1e-300, 1e300, f64::INFINITY];
            let z: Vec<f64> = standard(&quantiser, &values).into_iter().chain(near).chain(far).collect();
            let mut tokens = Vec::new();
            quantiser.encode_all(&z, &mut tokens);
            for (z, token) in z.iter().zip(tokens) {
                prop_assert_eq!(token, quantiser.encode(*z));
                prop_assert_eq!(token as usize, quantiser.bins().index(*z), "{} among {:?}", z, edges);
            }
        }

        #[test]
        fn inside_the_range_half_a_bin_is_lost_at_most_and_the_rest_is_counted(
            values in prop::collection::vec(-1e3..1e3_f64, 10..60),
            bins in 3..60_usize,
            which in 0..4_usize,
        ) {
            let values = [values, vec![2e3]].concat();
            let quantiser = fit(KINDS[which], bins, &values);
            let (map, edges) = (quantiser.map_of(&values), quantiser.bins().edges());
            for z in standard(&quantiser, &values) {
                let (token, error) = (quantiser.encode(z) as usize, (quantiser.decode(quantiser.encode(z)) - z).abs());
                if KINDS[which] == QuantiserKind::KMeans {
                    let nearest = (0..=edges.len() as u32).map(|other| (quantiser.decode(other) - z).abs());
                    prop_assert!(error <= nearest.fold(f64::INFINITY, f64::min) + 1e-9);
                } else if token > 0 && token < edges.len() {
                    prop_assert!(error <= 0.5 * (edges[token] - edges[token - 1]) * (1.0 + 1e-12));
                }
            }
            let report = quantiser.report(&values);
            prop_assert_eq!((report.below, report.above), (0, 0), "training values are in the range");
            prop_assert!(report.entropy <= (report.tokens as f64).log2() + 1e-12 && map.factor > 0.0);
        }
    }

    #[test]
    fn values_beyond_the_range_are_clipped_and_counted() {
        let quantiser = fit(QuantiserKind::Uniform, 10, &(0..=100).map(f64::from).collect::<Vec<_>>());
        // As many on either side, so that the scale stays about the same.
        let mut values: Vec<f64> = (0..=100).map(f64::from).collect();
        values.extend([-90.0, -80.0, 185.0]);
        let report = quantiser.report(&values);
        assert_eq!((report.below, report.above), (2, 1));
        let edges = quantiser.bins().edges();
        let (low, high) = (quantiser.decode(quantiser.encode(-1e9)), quantiser.decode(quantiser.encode(1e9)));
        let width = edges[1] - edges[0];
        assert!(low < edges[0] && low > edges[0] - width && high > edges[8] && high < edges[8] + width);
    }

    #[test]
    fn a_missing_value_has_a_token_of_its_own() {
        for kind in KINDS {
            let quantiser = fit(kind, 9, &normals(100, 0));
            let mut tokens = Vec::new();
            quantiser.encode_all(&[f64::NAN, 0.0], &mut tokens);
            assert_eq!((tokens[0], quantiser.encode(f64::NAN)), (MISSING, MISSING));
            assert!(quantiser.decode(MISSING).is_nan() && quantiser.decode(tokens[1]).is_finite());
        }
    }

    #[test]
    fn quantile_bins_hold_equal_numbers_and_do_not_part_equal_values() {
        let values = normals(1000, 1);
        let quantiser = fit(QuantiserKind::Quantile, 8, &values);
        let mut counts = [0; 8];
        standard(&quantiser, &values).iter().for_each(|z| counts[quantiser.encode(*z) as usize] += 1);
        assert_eq!(counts, [125; 8]);
        assert!((quantiser.report(&values).entropy - 3.0).abs() < 1e-12);
        // Half of the values are zero.
        let zeros: Vec<f64> = values.iter().map(|x| (x - 50.0).max(0.0)).collect();
        let quantiser = fit(QuantiserKind::Quantile, 8, &zeros);
        let count = zeros.iter().filter(|x| **x == 0.0).count();
        let first = standard(&quantiser, &zeros).iter().filter(|z| quantiser.encode(**z) == 0).count();
        assert_eq!(first, count, "zeros alone have the first token");
        assert!((5..7).contains(&quantiser.bins().len()), "and the others have their shares");
        for values in [[&[0.0; 30][..], &[1.0]].concat(), [&[1.0][..], &[2.0; 30]].concat()] {
            let quantiser = fit(QuantiserKind::Quantile, 8, &values);
            assert_eq!(quantiser.bins().len(), 2, "two values are two tokens");
            let z = standard(&quantiser, &values);
            assert_ne!(quantiser.encode(z[0]), quantiser.encode(z[30]));
        }
    }

    #[test]
    fn no_bin_is_narrower_than_the_gap_between_values() {
        let coarse: Vec<f64> = normals(400, 2).iter().map(|x| x.round()).collect();
        for kind in KINDS {
            let quantiser = fit(kind, 200, &coarse);
            let width = quantiser.training_map().factor;
            let [low, high] = quantiser.bins().tails();
            let edges = quantiser.bins().edges();
            let narrowest = edges.windows(2).map(|pair| pair[1] - pair[0]).fold(low.min(high), f64::min);
            assert!(narrowest * width > 1.0 - 1e-6, "{kind:?}: {}", narrowest * width);
            assert!(quantiser.bins().len() < 40, "{kind:?}");
        }
    }

    #[test]
    fn tails_have_the_mean_excess_of_training() {
        let quantiser = fit(QuantiserKind::Quantile, 8, &normals(2000, 3));
        let z = standard(&quantiser, &normals(2000, 3));
        let edge = quantiser.bins().edges()[6];
        let excesses: Vec<f64> = z.iter().filter(|z| **z >= edge).map(|z| z - edge).collect();
        let mean = excesses.iter().sum::<f64>() / excesses.len() as f64;
        assert!(
            (quantiser.bins().tails()[1] - 2.0 * mean).abs() < 1e-9,
            "a Lomax tail of index 3 has the mean width / 2"
        );
    }

    #[test]
    fn lloyd_ends_where_centres_are_means_and_loses_less_than_equal_masses() {
        let values = normals(3000, 4);
        let quantiser = fit(QuantiserKind::KMeans, 8, &values);
        let z = standard(&quantiser, &values);
        let mut sums = [(0.0, 0.0); 8];
        for z in &z {
            let (sum, count) = &mut sums[quantiser.encode(*z) as usize];
            (*sum, *count) = (*sum + z, *count + 1.0);
        }
        for (pair, edge) in sums.windows(2).zip(quantiser.bins().edges()) {
            let middle = 0.5 * (pair[0].0 / pair[0].1 + pair[1].0 / pair[1].1);
            assert!((middle - edge).abs() < 1e-12, "{edge}, not {middle}");
        }
        // The optimal edges of 8 levels of a standard normal (Max 1960, IRE Trans. Inf. Theory 6, p. 7).
        for (edge, optimal) in quantiser.bins().edges().iter().zip([-1.748, -1.05, -0.5006, 0.0, 0.5006, 1.05, 1.748]) {
            assert!((edge - optimal).abs() < 0.12, "{edge}, not {optimal}");
        }
    }

    #[test]
    fn runs_of_equal_values_leave_k_means_its_bins_and_come_back_as_they_are() {
        // 60 % zeros, the rest around 80: in the outer bin, or in the middle.
        let sd = 10.0_f64;
        for low in [80.0, 0.0] {
            let mut values: Vec<f64> = normals(800, 8).iter().map(|x| low + (x - 50.0) * 0.25 * sd).collect();
            values.extend([0.0; 1200]);
            let quantiser = fit(QuantiserKind::KMeans, 20, &values);
            assert_eq!(quantiser.bins().len(), 20);
            let map = quantiser.map_of(&values);
            let zero = map.forward(quantiser.decode(quantiser.encode(map.backward(0.0))));
            assert!(low == 0.0 || zero.abs() < 1e-9, "{zero}");
            let loss = quantiser.report(&values).rms_error;
            let equal_mass = fit(QuantiserKind::Quantile, 20, &values);
            // The best of 19 levels of a normal loses 2.7 / 19^2 of its variance (Panter and Dite 1951, Proc. IRE 39, p. 44).
            let best = sd * (0.4 * 2.72_f64).sqrt() / 19.0;
            assert!(loss < 1.2 * best && loss < equal_mass.report(&values).rms_error, "{loss}, {best}");
        }
        let few: Vec<f64> = (0..300).map(|i| f64::from(if i % 33 == 0 { 1 + i % 5 } else { 0 })).collect();
        let quantiser = fit(QuantiserKind::KMeans, 8, &few);
        assert!(quantiser.report(&few).rms_error < 1e-9, "six values are six tokens");
    }

    #[test]
    fn tails_stand_for_the_mean_of_their_training_values() {
        let values = normals(500, 9);
        let quantiser = fit(QuantiserKind::Quantile, 5, &values);
        let z = standard(&quantiser, &values);
        for token in [0, 4] {
            let own: Vec<f64> = z.iter().copied().filter(|z| quantiser.encode(*z) == token).collect();
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            assert!((quantiser.decode(token) - mean).abs() < 1e-12, "{token}");
        }
        let three: Vec<f64> = (0..60).map(|i| f64::from(i * i % 3 + i % 2)).collect();
        for kind in [QuantiserKind::Uniform, QuantiserKind::Quantile, QuantiserKind::KMeans] {
            let report = fit(kind, 5, &three).report(&three);
            assert!(report.tokens == 3 && report.rms_error < 1e-6, "{kind:?}: {report:?}");
        }
    }

    #[test]
    fn mu_law_edges_are_equally_far_apart_once_compressed() {
        let quantiser = fit(QuantiserKind::MuLaw { mu: 255.0 }, 18, &normals(500, 5));
        let edges = quantiser.bins().edges();
        let most = edges[16];
        let compressed = |x: f64| x.signum() * (255.0 * x.abs() / most).ln_1p() / 256.0_f64.ln();
        for (i, edge) in edges.iter().enumerate() {
            assert!((compressed(*edge) - (i as f64 / 8.0 - 1.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_context_has_its_own_scale_and_a_short_one_that_of_training() {
        let quantiser = fit(QuantiserKind::Quantile, 8, &normals(100, 6));
        let values = [3.0, 5.0, 4.0, f64::NAN, 3.0, 5.0, 4.0, 3.0, 5.0];
        let map = quantiser.map_of(&values);
        assert!((map.shift - 4.0).abs() < 1e-15 && (map.factor - 0.75_f64.sqrt()).abs() < 1e-15);
        for short in [&values[..7], &[7.0; 20], &[]] {
            assert_eq!(quantiser.map_of(short), quantiser.training_map());
        }
    }

    #[test]
    fn what_cannot_be_quantised_is_refused() {
        let fit = |kind, bins, values: &[f64]| QuantiserSpec { kind, bins }.fit(&[Series::new("", values.to_vec())]);
        let values = normals(50, 7);
        for kind in KINDS {
            assert!(fit(kind, None, &values[..7]).is_err() && fit(kind, None, &[2.0; 40]).is_err());
            assert!(fit(kind, None, &[&values[..], &[f64::INFINITY]].concat()).is_err());
            assert!(fit(kind, None, &[[0.3; 20], [0.1 + 0.2; 20]].concat()).is_err(), "rounding is no spread");
            for unit in [1e200, 1e-200] {
                let error =
                    fit(kind, None, &values.iter().map(|x| x * unit).collect::<Vec<_>>()).expect_err("no squares");
                assert!(error.to_string().contains("to be squared"), "{error}");
            }
            assert!(fit(kind, Some(2), &values).is_err() && fit(kind, Some(70_000), &values).is_err());
        }
        for mu in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(fit(QuantiserKind::MuLaw { mu }, None, &values).is_err());
        }
    }
}
