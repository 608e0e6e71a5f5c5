//! A row cut into cells: what truncated decodings keep, and what a beam search may choose from.
//!
//! Of a discrete row the cells are its tokens. A continuous row, which has no tokens, is cut into 256 cells of equal mass,
//! between the quantiles i / 256 and (i + 1) / 256; the density of a cell is that at its median.
//!
//! ```text
//! top-k    the k most probable tokens; the k densest cells
//! nucleus  the fewest most probable tokens whose mass reaches m; the densest cells of mass m      (Holtzman et al. 2020)
//! typical  as nucleus, but first comes what has -ln p closest to the entropy, not what is densest (Meister et al. 2023)
//! ```
//!
//! The mass of continuous rows is exact: of the last cell only a part is kept. For symmetric families cells are taken in
//! pairs, so that a nucleus is the central interval of its mass, in closed form. Behind a log the cells are those of the
//! logarithm.
//!
//! Holtzman, Buys, Du, Forbes and Choi (2020), *The curious case of neural text degeneration*, ICLR, section 3.1. Meister,
//! Pimentel, Wiher and Cotterell (2023), *Trans. Assoc. Comput. Linguist.* 11, p. 102, equation 8.

use super::mixture::{Normal, StudentT, Symmetric};
use super::table::Table;
use super::tempered::Shape;
use super::{Distribution, Family, mixture, negative_binomial};

/// How many cells a continuous row has.
pub(super) const CELLS: usize = 256;

/// What a truncated decoding keeps of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truncation {
    /// So many tokens or cells.
    TopK(usize),
    /// The most probable, up to a mass in (0, 1].
    Nucleus(f64),
    /// What is about as surprising as can be expected, up to a mass in (0, 1].
    Typical(f64),
}

/// What is kept of a continuous distribution, as ranges of its distribution function.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    /// Ascending.
    ranges: Vec<[f64; 2]>,
    mass: f64,
}

impl Region {
    pub(super) fn of(shape: &Shape<'_>, truncation: Truncation) -> Self {
        match truncation {
            Truncation::TopK(k) => Self::of_cells(shape, truncation, 0, k.min(CELLS) as f64),
            Truncation::Nucleus(mass) | Truncation::Typical(mass) if shape.is_symmetric() => {
                Self::of_cells(shape, truncation, CELLS / 2, mass * 0.5 * CELLS as f64).with_mirror_image()
            }
            Truncation::Nucleus(mass) | Truncation::Typical(mass) => {
                Self::of_cells(shape, truncation, 0, mass * CELLS as f64)
            }
        }
    }

    /// So many of the cells from `first` on, the last of them in part.
    fn of_cells(shape: &Shape<'_>, truncation: Truncation, first: usize, count: f64) -> Self {
        let density = |cell: usize| shape.log_density(shape.quantile((cell as f64 + 0.5) / CELLS as f64));
        let densities: Vec<f64> = (first..CELLS).map(density).collect();
        let mean = densities.iter().sum::<f64>() / densities.len() as f64;
        let rank = |cell: &usize| match truncation {
            Truncation::Typical(_) => (densities[cell - first] - mean).abs(),
            _ => -densities[cell - first],
        };
        let mut order: Vec<usize> = (first..CELLS).collect();
        order.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
        let whole = (count as usize).min(order.len());
        let mut kept: Vec<[f64; 2]> = order[..whole].iter().map(|&cell| [cell as f64, cell as f64 + 1.0]).collect();
        let part = count - whole as f64;
        if part > 0.0 && whole < order.len() {
            kept.push(part_of(order[whole], part, &order[..whole]));
        }
        Self::joined(kept)
    }

    /// Ranges in units of cells, those that touch put together.
    fn joined(mut cells: Vec<[f64; 2]>) -> Self {
        cells.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
        let mut ranges: Vec<[f64; 2]> = Vec::new();
        for [low, high] in cells {
            match ranges.last_mut() {
                Some(last) if last[1] == low => last[1] = high,
                _ => ranges.push([low, high]),
            }
        }
        let unit = |range: [f64; 2]| range.map(|edge| edge / CELLS as f64);
        Self::new(ranges.into_iter().map(unit).collect())
    }

    fn new(ranges: Vec<[f64; 2]>) -> Self {
        let mass = ranges.iter().map(|[low, high]| high - low).sum();
        Self { ranges, mass }
    }

    /// A region of the upper half, and the lower half's counterpart.
    fn with_mirror_image(self) -> Self {
        let mut ranges: Vec<[f64; 2]> = self.ranges.iter().rev().map(|[low, high]| [1.0 - high, 1.0 - low]).collect();
        for range in self.ranges {
            match ranges.last_mut() {
                Some(last) if last[1] == range[0] => last[1] = range[1],
                _ => ranges.push(range),
            }
        }
        Self::new(ranges)
    }

    /// The mass that is kept.
    pub(super) fn mass(&self) -> f64 {
        self.mass
    }

    /// The quantile level of the region's own quantile level.
    pub(super) fn level(&self, u: f64) -> f64 {
        let mut left = u * self.mass;
        for [low, high] in &self.ranges {
            if left <= high - low {
                return low + left;
            }
            left -= high - low;
        }
        self.ranges.last().map_or(0.5, |range| range[1])
    }
}

/// A part of a cell: that beside a kept cell, where there is one.
fn part_of(cell: usize, part: f64, kept: &[usize]) -> [f64; 2] {
    let edge = cell as f64;
    let is_low = cell > 0 && kept.contains(&(cell - 1)) || !kept.contains(&(cell + 1)) && cell == CELLS / 2;
    if is_low { [edge, edge + part] } else { [edge + 1.0 - part, edge + 1.0] }
}

/// Sets the masses of all tokens that are not kept to zero and makes the others sum to one. `order` is scratch.
pub(super) fn truncate_masses(masses: &mut [f64], truncation: Truncation, order: &mut Vec<(f64, usize)>) {
    order.clear();
    let possible = masses.iter().copied().enumerate().filter(|(_, mass)| *mass > 0.0);
    match truncation {
        Truncation::TopK(_) | Truncation::Nucleus(_) => order.extend(possible.map(|(token, mass)| (-mass, token))),
        Truncation::Typical(_) => {
            let entropy: f64 = possible.clone().map(|(_, mass)| -mass * mass.ln()).sum();
            order.extend(possible.map(|(token, mass)| ((mass.ln() + entropy).abs(), token)));
        }
    }
    let kept = match truncation {
        Truncation::TopK(k) => {
            smallest(order, k);
            k.min(order.len())
        }
        Truncation::Nucleus(mass) | Truncation::Typical(mass) => {
            order.sort_unstable_by(by_rank);
            fewest(order.iter().map(|(_, token)| masses[*token]), mass)
        }
    };
    order[kept..].iter().for_each(|(_, token)| masses[*token] = 0.0);
    let total: f64 = masses.iter().sum();
    masses.iter_mut().for_each(|mass| *mass /= total);
}

/// Brings the `count` smallest ranks to the front; of equal ones the first tokens.
fn smallest(order: &mut [(f64, usize)], count: usize) {
    if count > 0 && count < order.len() {
        order.select_nth_unstable_by(count - 1, by_rank);
    }
}

fn by_rank(a: &(f64, usize), b: &(f64, usize)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// How many masses it takes to reach a mass.
fn fewest(masses: impl ExactSizeIterator<Item = f64>, mass: f64) -> usize {
    let (all, mut sum) = (masses.len(), 0.0);
    let reaches = |own: f64| {
        sum += own;
        sum >= mass
    };
    masses.into_iter().map(reaches).position(|reached| reached).map_or(all, |last| last + 1)
}

/// One value that stands for a cell, and the logarithm of its mass (tokens) or of its density in units of the link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The value, in data units.
    pub value: f64,
    /// What candidates are ranked by.
    pub log_density: f64,
}

impl Distribution<'_> {
    /// The mode before the map: the location, the highest local maximum of a mixture, the centre of the bin that has the
    /// largest mass, the most probable symbol.
    ///
    /// ```
    /// use foretoken::predictive::{Family, Predictive};
    ///
    /// let mut rows = Predictive::new(Family::Mixture { components: 2 }, 1);
    /// rows.set(0, &[0.6, 0.0, 1.0, 0.4, 5.0, 0.1], true);
    /// assert!((rows.row(0).mode() - 5.0).abs() < 1e-4); // less mass, but denser
    /// ```
    #[must_use]
    pub fn mode(&self) -> f64 {
        self.map.forward(self.inner_mode())
    }

    fn inner_mode(&self) -> f64 {
        match self.family {
            Family::Gaussian | Family::StudentT => self.parameters[0],
            Family::NegativeBinomial => negative_binomial::mode(self.pair()),
            Family::Mixture { .. } => mixture::mode::<Normal>(self.parameters),
            Family::StudentTMixture { .. } => mixture::mode::<StudentT>(self.parameters),
            Family::NegativeBinomialMixture { .. } => mixture::count_mode(self.parameters),
            Family::Binned(bins) => bins.center(most_probable(self.parameters)),
            Family::Categorical { .. } => most_probable(self.parameters) as f64,
        }
    }

    /// The `count` most probable tokens, or of a continuous row the densest of its mode and the medians of its 256 cells, in
    /// no order. A row without spread has its point alone.
    pub fn candidates(&self, count: usize, out: &mut Vec<Candidate>) {
        out.clear();
        match self.family {
            Family::Gaussian => self.symmetric_candidates(&Shape::Normal(self.pair()), count, out),
            Family::StudentT => self.symmetric_candidates(&Shape::Student(self.triple()), count, out),
            Family::Mixture { .. } => self.mixture_candidates::<Normal>(count, out),
            Family::StudentTMixture { .. } => self.mixture_candidates::<StudentT>(count, out),
            Family::NegativeBinomial => {
                let mut masses = Vec::new();
                let first = negative_binomial::masses(self.pair(), &mut masses);
                self.token_candidates(&masses, count, |token| (first + token) as f64, out);
            }
            Family::NegativeBinomialMixture { .. } => {
                let mut masses = Vec::new();
                let first = mixture::count_masses(self.parameters, &mut masses);
                self.token_candidates(&masses, count, |token| (first + token) as f64, out);
            }
            Family::Binned(bins) => self.token_candidates(self.parameters, count, |token| bins.center(token), out),
            Family::Categorical { .. } => self.token_candidates(self.parameters, count, |token| token as f64, out),
        }
    }

    /// The mode, then the cells from the middle outwards.
    fn symmetric_candidates(&self, shape: &Shape<'_>, count: usize, out: &mut Vec<Candidate>) {
        let mode = self.parameters[0];
        if self.parameters[1] == 0.0 {
            return out.push(Candidate { value: self.map.forward(mode), log_density: 0.0 });
        }
        out.push(self.candidate(mode, shape.log_density(mode)));
        for i in 0..count.saturating_sub(1).min(CELLS) {
            let from_middle = CELLS / 2 + i / 2;
            let cell = if i % 2 == 0 { from_middle } else { CELLS - 1 - from_middle };
            let z = shape.quantile((cell as f64 + 0.5) / CELLS as f64);
            out.push(self.candidate(z, shape.log_density(z)));
        }
    }

    fn mixture_candidates<C: Symmetric>(&self, count: usize, out: &mut Vec<Candidate>) {
        if let Some(point) = mixture::point_mass::<C>(self.parameters) {
            return out.push(Candidate { value: self.map.forward(point), log_density: 0.0 });
        }
        let mut table = Table::default();
        table.fill::<C>(self.parameters, 1.0);
        let medians = (0..CELLS).map(|cell| table.quantile((cell as f64 + 0.5) / CELLS as f64));
        out.extend(
            medians
                .chain([self.inner_mode()])
                .map(|z| self.candidate(z, mixture::log_density::<C>(self.parameters, z))),
        );
        if count < out.len() {
            out.select_nth_unstable_by(count, |a, b| b.log_density.total_cmp(&a.log_density));
            out.truncate(count);
        }
    }

    fn candidate(&self, z: f64, log_density: f64) -> Candidate {
        Candidate { value: self.map.forward(z), log_density: log_density - self.map.factor.ln() }
    }

    fn token_candidates(&self, masses: &[f64], count: usize, value: impl Fn(usize) -> f64, out: &mut Vec<Candidate>) {
        let masses = masses.iter().enumerate();
        let mut order: Vec<(f64, usize)> =
            masses.filter(|(_, mass)| **mass > 0.0).map(|(token, mass)| (-mass, token)).collect();
        smallest(&mut order, count);
        let candidate = |(mass, token): &(f64, usize)| Candidate {
            value: self.map.forward(value(*token)),
            log_density: (-mass).ln(),
        };
        out.extend(order.iter().take(count).map(candidate));
    }
}

fn most_probable(masses: &[f64]) -> usize {
    (1..masses.len()).fold(0, |best, token| if masses[token] > masses[best] { token } else { best })
}
