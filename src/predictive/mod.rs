//! Conditional and marginal distributions: a closed set of families, each row with a map back to data units.
//!
//! A model writes parameters; everything that is done *with* a distribution (density, quantiles, draws, tails) is
//! done here, once. Each row is the law of
//!
//! y = s * ginv(a + b z),  z ~ family(parameters),
//!
//! with the link g the identity, the logarithm or Box and Cox's power. So differencing is an `a`, a seasonal factor
//! is an `s`, and a log model still scores in the units of the data: the Jacobian is part of
//! [`Distribution::log_prob`].

mod binned;
mod categorical;
mod cells;
mod gaussian;
mod map;
mod mixture;
mod negative_binomial;
mod region;
mod sampler;
mod student_t;
mod table;
mod tempered;

pub use binned::Bins;
pub use cells::{Candidate, Truncation};
pub use map::{Link, OuterMap};
pub use region::AcceptedRegions;
pub use sampler::{Draw, Sampler};
pub use student_t::fit_student_t;

use std::sync::Arc;

use self::mixture::{Counts, Normal, StudentT};
use crate::math::random::LaneRng;

/// The families of distributions a model can answer with. Closed on purpose: whoever adds one is led by the
/// compiler through every place that must decide something.
#[derive(Debug, Clone, PartialEq)]
pub enum Family {
    /// Normal: mean, standard deviation.
    Gaussian,
    /// Student's t: location, scale, degrees of freedom.
    StudentT,
    /// The negative binomial, of counts: mean, dispersion a (variance m + a m^2). The map is the identity.
    NegativeBinomial,
    /// A mixture of normals: weight, mean, standard deviation of each.
    Mixture {
        /// How many.
        components: usize,
    },
    /// A mixture of Student's t: weight, location, scale, degrees of freedom of each.
    StudentTMixture {
        /// How many.
        components: usize,
    },
    /// A mixture of negative binomials: weight, mean, dispersion of each. The map is the identity.
    NegativeBinomialMixture {
        /// How many.
        components: usize,
    },
    /// A probability for each bin of the line: the masses. A density, of tokens that stand for values.
    Binned(Arc<Bins>),
    /// A probability for each of the symbols 0, 1, ..: the masses.
    Categorical {
        /// How many.
        symbols: usize,
    },
}

impl Family {
    /// How many parameters a row has.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Gaussian | Self::NegativeBinomial => 2,
            Self::StudentT => 3,
            Self::Mixture { components } | Self::NegativeBinomialMixture { components } => 3 * components,
            Self::StudentTMixture { components } => 4 * components,
            Self::Binned(bins) => bins.len(),
            Self::Categorical { symbols } => *symbols,
        }
    }

    /// Whether the rows give tokens probabilities.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        matches!(self, Self::Binned(_) | Self::Categorical { .. })
    }

    /// Whether the rows are distributions of counts.
    #[must_use]
    pub fn has_counts(&self) -> bool {
        matches!(self, Self::NegativeBinomial | Self::NegativeBinomialMixture { .. })
    }

    /// The family of a mixture of a row of each of these: a mixture of all their components, or, of the same tokens, tokens. `None`
    /// where there is none.
    ///
    /// ```
    /// use foretoken::predictive::Family;
    ///
    /// let three = Family::mixture_of(&[Family::StudentT, Family::StudentTMixture { components: 2 }]);
    /// assert_eq!(three, Some(Family::StudentTMixture { components: 3 }));
    /// assert_eq!(Family::mixture_of(&[Family::StudentT, Family::Gaussian]), None);
    /// ```
    #[must_use]
    pub fn mixture_of(families: &[Self]) -> Option<Self> {
        let first = families.first()?;
        let components = || families.iter().map(|family| family.components().unwrap_or(1)).sum();
        let are_all = |belongs: fn(&Self) -> bool| families.iter().all(belongs);
        match first {
            Self::Gaussian | Self::Mixture { .. } => {
                are_all(|family| matches!(family, Self::Gaussian | Self::Mixture { .. }))
                    .then(|| Self::Mixture { components: components() })
            }
            Self::StudentT | Self::StudentTMixture { .. } => {
                are_all(|family| matches!(family, Self::StudentT | Self::StudentTMixture { .. }))
                    .then(|| Self::StudentTMixture { components: components() })
            }
            Self::NegativeBinomial | Self::NegativeBinomialMixture { .. } => {
                are_all(Self::has_counts).then(|| Self::NegativeBinomialMixture { components: components() })
            }
            Self::Binned(_) | Self::Categorical { .. } => {
                families.iter().all(|family| family == first).then(|| first.clone())
            }
        }
    }

    /// Of how many components a row of a mixture consists; `None` of the others.
    fn components(&self) -> Option<usize> {
        match self {
            Self::Mixture { components }
            | Self::StudentTMixture { components }
            | Self::NegativeBinomialMixture { components } => Some(*components),
            Self::Gaussian | Self::StudentT | Self::NegativeBinomial | Self::Binned(_) | Self::Categorical { .. } => {
                None
            }
        }
    }
}

/// Rows of distributions of one family: rows x width parameters, and per row a map and whether it is defined.
///
/// A row that is not defined depends on a value nobody knows (a lag before the first value, or a missing one). It
/// still holds a usable distribution, with the unknown value replaced by its expectation, so that generation can
/// begin anywhere; but it is never part of a likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictive {
    family: Family,
    rows: usize,
    parameters: Vec<f64>,
    maps: Vec<OuterMap>,
    defined: Vec<bool>,
}

impl Predictive {
    /// `rows` rows of a family, all undefined until they are set.
    #[must_use]
    pub fn new(family: Family, rows: usize) -> Self {
        let parameters = vec![f64::NAN; rows * family.width()];
        Self { family, rows, parameters, maps: Vec::new(), defined: vec![false; rows] }
    }

    /// The family of every row.
    #[must_use]
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes the parameters of a row and whether it is defined; the row's map becomes the identity.
    ///
    /// # Panics
    /// If the number of parameters is not the family's width.
    pub fn set(&mut self, row: usize, parameters: &[f64], defined: bool) {
        let width = self.family.width();
        self.parameters[row * width..(row + 1) * width].copy_from_slice(parameters);
        self.defined[row] = defined;
        if let Some(map) = self.maps.get_mut(row) {
            *map = OuterMap::IDENTITY;
        }
    }

    /// Writes normals of one standard deviation: all rows at once.
    ///
    /// # Panics
    /// If the family is another, or there is not one mean per row.
    pub(crate) fn set_normals(&mut self, means: &[f64], sd: f64, is_defined: impl Fn(usize) -> bool) {
        assert!(self.family == Family::Gaussian && means.len() == self.rows, "one normal per row");
        for (row, mean) in self.parameters.chunks_exact_mut(2).zip(means) {
            row.copy_from_slice(&[*mean, sd]);
        }
        self.defined.iter_mut().enumerate().for_each(|(row, defined)| *defined = is_defined(row));
        self.maps.fill(OuterMap::IDENTITY);
    }

    /// Draws from every row: normals `z` become values, and their log densities are written beside them. All rows at once, and to the bit what [`Distribution::sample`] makes of the same normals.
    ///
    /// # Panics
    /// If the family is not Gaussian, or a slice has another length than there are rows.
    pub(crate) fn draw_normals(&self, z: &[f64], values: &mut [f64], log_probs: &mut [f64]) {
        assert!(self.family == Family::Gaussian, "normals are drawn from normal rows");
        assert!([z.len(), values.len(), log_probs.len()] == [self.rows; 3], "one normal per row");
        gaussian::draw_all(&self.parameters, z, values, log_probs);
        for (row, map) in self.maps.iter().enumerate() {
            values[row] = map.forward(values[row]);
            log_probs[row] += map.log_jacobian(values[row]);
        }
    }

    /// Writes a mixture: every part is a share of the mass (the shares sum to one) and what it is distributed like. Of
    /// tokens it is the mean of the masses. The row takes the map of the first part; the others are expressed in its variable.
    ///
    /// # Panics
    /// If the family is none that the parts are a [mixture](Family::mixture_of) of, their links differ (log values and values have no
    /// common map), or their maps do and they are distributions of tokens or counts.
    pub fn set_mixture<'a>(
        &mut self,
        row: usize,
        parts: impl Iterator<Item = (f64, Distribution<'a>)> + Clone,
        defined: bool,
    ) {
        let map = parts.clone().next().map_or(OuterMap::IDENTITY, |(_, first)| first.map);
        let width = self.family.width();
        let out = &mut self.parameters[row * width..(row + 1) * width];
        if self.family.has_tokens() {
            out.fill(0.0);
            for (share, part) in parts {
                assert!(*part.family == self.family && part.map == map, "tokens mix with tokens behind the same map");
                out.iter_mut().zip(part.parameters).for_each(|(out, mass)| *out += share * mass);
            }
        } else {
            set_components(&self.family, out, map, parts);
        }
        self.defined[row] = defined;
        self.set_map(row, map);
    }

    /// The given rows, each as often and in the order in which it is named.
    #[must_use]
    pub fn gather(&self, rows: &[usize]) -> Self {
        let mut gathered = Self::new(self.family.clone(), rows.len());
        for (to, &from) in rows.iter().enumerate() {
            let row = self.row(from);
            gathered.set(to, row.parameters, self.defined[from]);
            gathered.set_map(to, row.map);
        }
        gathered
    }

    /// Puts a map around a row.
    pub fn set_map(&mut self, row: usize, map: OuterMap) {
        if self.maps.is_empty() {
            if map == OuterMap::IDENTITY {
                return;
            }
            self.maps = vec![OuterMap::IDENTITY; self.rows];
        }
        self.maps[row] = map;
    }

    /// Marks a row as depending on an unknown value.
    pub fn set_undefined(&mut self, row: usize) {
        self.defined[row] = false;
    }

    /// Whether the row depends on known values only.
    #[must_use]
    pub fn is_defined(&self, row: usize) -> bool {
        self.defined[row]
    }

    /// Whether all rows do.
    pub(crate) fn all_defined(&self) -> bool {
        self.defined.iter().fold(true, |all, defined| all & defined)
    }

    /// The distribution of one row.
    #[must_use]
    pub fn row(&self, row: usize) -> Distribution<'_> {
        let width = self.family.width();
        Distribution {
            family: &self.family,
            parameters: &self.parameters[row * width..(row + 1) * width],
            map: self.maps.get(row).copied().unwrap_or(OuterMap::IDENTITY),
        }
    }

    /// Appends the rows of another predictive of the same family.
    ///
    /// # Panics
    /// If the families differ.
    pub fn append(&mut self, other: &Self) {
        assert_eq!(self.family, other.family, "rows of different families do not mix");
        if !(self.maps.is_empty() && other.maps.is_empty()) {
            self.maps.resize(self.rows, OuterMap::IDENTITY);
            self.maps.extend_from_slice(&other.maps);
            self.maps.resize(self.rows + other.rows, OuterMap::IDENTITY);
        }
        self.rows += other.rows;
        self.parameters.extend_from_slice(&other.parameters);
        self.defined.extend_from_slice(&other.defined);
    }
}

/// Writes weight and parameters of every component of the parts.
fn set_components<'a>(
    family: &Family,
    out: &mut [f64],
    map: OuterMap,
    parts: impl Iterator<Item = (f64, Distribution<'a>)>,
) {
    let (origin, unit) = map.in_link_units();
    let count = family.components().expect("a family of mixtures");
    let mut slots = out.chunks_exact_mut(family.width() / count);
    for (share, part) in parts {
        assert!(part.map.link == map.link, "a mixture needs one link");
        assert!(part.map == map || !family.has_counts(), "counts mix behind the same map");
        let (offset, slope) = part.map.in_link_units();
        let (offset, slope) = ((offset - origin) / unit, slope / unit);
        for (weight, component) in part.components() {
            let slot = slots.next().expect("as many components as the family has");
            slot[0] = share * weight;
            slot[1..].copy_from_slice(component);
            // Location and scale, or of counts, whose offset is 0 and slope 1, what there is.
            slot[1] = offset + slope * slot[1];
            slot[2] *= slope;
        }
    }
    assert!(slots.next().is_none(), "as many components as the family has");
}

/// The distribution of one value, in data units. Borrowed from a row of a [`Predictive`].
///
/// ```
/// use foretoken::predictive::{Family, Link, OuterMap, Predictive};
///
/// let mut rows = Predictive::new(Family::Gaussian, 1);
/// rows.set(0, &[0.0, 1.0], true);
/// let normal = rows.row(0);
/// assert!((normal.quantile(0.975) - 1.959963984540054).abs() < 1e-14);
/// assert!((normal.surprisal(0.0) - 0.9189385332046727).abs() < 1e-15);
/// rows.set_map(0, OuterMap { link: Link::Log, ..OuterMap::IDENTITY });
/// assert!((rows.row(0).mean() - 0.5_f64.exp()).abs() < 1e-14); // a lognormal: exp(1/2), its median is 1
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Distribution<'a> {
    family: &'a Family,
    parameters: &'a [f64],
    map: OuterMap,
}

impl<'a> Distribution<'a> {
    /// The family before the map.
    #[must_use]
    pub fn family(&self) -> &'a Family {
        self.family
    }

    /// The parameters before the map.
    #[must_use]
    pub fn parameters(&self) -> &[f64] {
        self.parameters
    }

    /// The token that a value stands for: a symbol of a categorical row, a bin of a binned one, `None` of others.
    #[must_use]
    pub fn token(&self, y: f64) -> Option<usize> {
        let z = self.map.backward(y);
        match self.family {
            Family::Binned(bins) => Some(bins.index(z)),
            Family::Categorical { symbols } => categorical::symbol(*symbols, z),
            _ => None,
        }
    }

    /// The map to data units.
    #[must_use]
    pub fn map(&self) -> OuterMap {
        self.map
    }

    /// ln p(y) in nats of the data's own units; minus infinity outside the domain, NaN for a missing y.
    #[must_use]
    pub fn log_prob(&self, y: f64) -> f64 {
        if y.is_nan() {
            return f64::NAN;
        }
        if !self.map.link.is_in_domain(y / self.map.scale) {
            return f64::NEG_INFINITY;
        }
        self.inner_log_density(self.map.backward(y)) + self.map.log_jacobian(y)
    }

    /// ln of the probability of the token of y: its bin or symbol; `None` of families without tokens.
    #[must_use]
    pub fn token_log_prob(&self, y: f64) -> Option<f64> {
        let z = self.map.backward(y);
        match self.family {
            Family::Binned(bins) => Some(self.parameters[bins.index(z)].ln()),
            Family::Categorical { .. } => Some(categorical::log_mass(self.parameters, z)),
            _ => None,
        }
    }

    /// -ln p(y): how surprising y is.
    #[must_use]
    pub fn surprisal(&self, y: f64) -> f64 {
        -self.log_prob(y)
    }

    /// P(Y <= y).
    #[must_use]
    pub fn cdf(&self, y: f64) -> f64 {
        if y.is_nan() {
            return f64::NAN;
        }
        if !self.map.link.is_in_domain(y / self.map.scale) {
            return 0.0;
        }
        self.inner_cdf(self.map.backward(y))
    }

    /// The value below which a share `q` of the mass lies, clamped to the domain of the link.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        self.map.forward(self.inner_quantile(q))
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.map.forward(match self.family {
            Family::Gaussian | Family::StudentT => self.parameters[0],
            _ => self.inner_quantile(0.5),
        })
    }

    /// The mean of y, not the transformed mean of z: behind a log or Box-Cox link it lies above the median.
    /// Where it is infinite (Student's t behind a log, a Box-Cox power below zero) the median is returned.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.moment(1).unwrap_or_else(|| self.median())
    }

    /// The standard deviation of y; infinite where there is none.
    #[must_use]
    pub fn std_dev(&self) -> f64 {
        match (self.map.link, self.family) {
            (Link::Identity, Family::Gaussian) => self.map.scale * self.map.factor * self.parameters[1],
            (Link::Identity, Family::StudentT) => {
                let dof = self.parameters[2];
                let spread = if dof > 2.0 { (dof / (dof - 2.0)).sqrt() } else { f64::INFINITY };
                self.map.scale * self.map.factor * self.parameters[1] * spread
            }
            (Link::Identity, Family::NegativeBinomial) => {
                self.map.scale * self.map.factor * negative_binomial::moments(self.pair()).1.sqrt()
            }
            (Link::Identity, Family::Mixture { .. }) => {
                self.map.scale * self.map.factor * mixture::variance::<Normal>(self.parameters).sqrt()
            }
            (Link::Identity, Family::StudentTMixture { .. }) => {
                self.map.scale * self.map.factor * mixture::variance::<StudentT>(self.parameters).sqrt()
            }
            (Link::Identity, Family::NegativeBinomialMixture { .. }) => {
                self.map.scale * self.map.factor * mixture::variance::<Counts>(self.parameters).sqrt()
            }
            (Link::Identity, Family::Binned(bins)) => {
                self.map.scale * self.map.factor * binned::moments(bins, self.parameters).1.sqrt()
            }
            (Link::Identity, Family::Categorical { .. }) => {
                self.map.scale * self.map.factor * categorical::moments(self.parameters).1.sqrt()
            }
            _ => match (self.moment(1), self.moment(2)) {
                (Some(first), Some(second)) => (second - first * first).max(0.0).sqrt(),
                _ => f64::INFINITY,
            },
        }
    }

    /// One draw.
    #[must_use]
    pub fn sample(&self, rng: &mut LaneRng) -> f64 {
        self.map.forward(match self.family {
            Family::Gaussian => gaussian::sample(self.pair(), rng),
            Family::StudentT => student_t::sample(self.triple(), rng),
            Family::NegativeBinomial => negative_binomial::sample(self.pair(), rng),
            Family::Mixture { .. } => mixture::sample::<Normal>(self.parameters, rng),
            Family::StudentTMixture { .. } => mixture::sample::<StudentT>(self.parameters, rng),
            Family::NegativeBinomialMixture { .. } => mixture::sample::<Counts>(self.parameters, rng),
            Family::Binned(bins) => binned::sample(bins, self.parameters, rng),
            Family::Categorical { .. } => categorical::sample(self.parameters, rng) as f64,
        })
    }

    /// P(-ln p(Y) >= -ln p(y)): the mass at least as surprising as y. Small for an anomaly whatever the spread of
    /// this row, which the surprisal itself is not.
    ///
    /// Behind a Box-Cox link, and for Student's t behind a log, the density of y has a pole at the edge of its
    /// domain, so that "less dense" is no longer "further out"; there the tail is taken in the model's own units.
    ///
    /// A mixture may have several modes, and again "less dense" is not "further out". Of a mixture of normals it is the mass beyond
    /// y and beyond its counterpart on the other side: the two cut off equal areas under the density of y drawn over
    /// the model's own units. Without a logarithm this is twice the smaller tail. It has no jumps, its accepted region
    /// is always one interval, and of equal components it is what they say themselves. Of bins, counts and mixtures of Student's t it
    /// is twice the smaller tail (a count belongs to both, and so does what lies in a lowest bin that ends at a floor: the mass
    /// of that bin), of symbols the mass of all that are as rare.
    #[must_use]
    pub fn surprisal_tail(&self, y: f64) -> f64 {
        if y.is_nan() {
            return f64::NAN;
        }
        if !self.map.link.is_in_domain(y / self.map.scale) {
            return 0.0;
        }
        let z = self.map.backward(y);
        match self.family {
            Family::Gaussian | Family::StudentT => self.mass_beyond((z - self.surprisal_center()).abs()),
            Family::Mixture { .. } => self.mixture_tail(z),
            Family::StudentTMixture { .. } => 2.0 * self.inner_cdf(z).min(self.inner_survival(z)),
            Family::Binned(bins) => {
                let lower = binned::lower_tail(bins, self.parameters, z);
                (2.0 * lower.min(self.inner_survival(z))).min(1.0)
            }
            // The count itself belongs to both tails.
            Family::NegativeBinomial | Family::NegativeBinomialMixture { .. } => {
                (2.0 * self.inner_cdf(z).min(self.inner_survival(z.ceil() - 1.0))).min(1.0)
            }
            Family::Categorical { .. } => categorical::mass_as_rare(self.parameters, z),
        }
    }

    /// The accepted region of mass 1 - `outside`: the values whose [`surprisal_tail`](Self::surprisal_tail) is at
    /// least `outside`. Always an interval. For many rows use [`AcceptedRegions`].
    #[must_use]
    pub fn accepted_region(&self, outside: f64) -> (f64, f64) {
        AcceptedRegions::new(outside).of(self)
    }

    /// The mass before the map that has no image: beyond -1 / lambda for a Box-Cox link. It is clamped to the edge.
    #[must_use]
    pub fn mass_outside_domain(&self) -> f64 {
        let Link::BoxCox(lambda) = self.map.link else { return 0.0 };
        let edge = (-1.0 / lambda - self.map.shift) / self.map.factor;
        if lambda > 0.0 { self.inner_cdf(edge) } else { self.inner_survival(edge) }
    }

    /// The z around which the density of y is symmetric in z: the location, but for the lognormal lower by b s^2.
    fn surprisal_center(&self) -> f64 {
        match (self.map.link, self.family) {
            (Link::Log, Family::Gaussian) => {
                self.parameters[0] - self.map.factor * self.parameters[1] * self.parameters[1]
            }
            _ => self.parameters[0],
        }
    }

    fn mass_beyond(&self, distance: f64) -> f64 {
        let center = self.surprisal_center();
        let below = self.inner_cdf(center - distance);
        let above = if center == self.parameters[0] { below } else { self.inner_survival(center + distance) };
        (below + above).min(1.0)
    }

    /// E[Y^k] for k = 1, 2 (k = 1 alone for identity links, whose spreads have closed forms of their own); `None` where
    /// it is infinite.
    fn moment(&self, k: i32) -> Option<f64> {
        match (self.map.link, self.family) {
            (Link::Identity, Family::StudentT) if self.parameters[2] <= 1.0 => None,
            // The very rounding of the quantiles, so that a distribution without spread has its mean inside.
            (Link::Identity, Family::Gaussian | Family::StudentT) => Some(self.median()),
            (Link::Identity, Family::NegativeBinomial) => Some(self.map.forward(self.parameters[0])),
            (Link::Identity, Family::Mixture { .. }) => {
                Some(self.map.forward(mixture::mean::<Normal>(self.parameters)))
            }
            (Link::Identity, Family::StudentTMixture { .. }) => Some(mixture::mean::<StudentT>(self.parameters))
                .filter(|mean| !mean.is_nan())
                .map(|mean| self.map.forward(mean)),
            (Link::Identity, Family::NegativeBinomialMixture { .. }) => {
                Some(self.map.forward(mixture::mean::<Counts>(self.parameters)))
            }
            (Link::Identity, Family::Binned(bins)) => Some(self.map.forward(binned::moments(bins, self.parameters).0)),
            (Link::Identity, Family::Categorical { .. }) => {
                Some(self.map.forward(categorical::moments(self.parameters).0))
            }
            // Tails of a power have no moment behind an exponential.
            (
                Link::Log | Link::BoxCox(_),
                Family::StudentT
                | Family::NegativeBinomial
                | Family::StudentTMixture { .. }
                | Family::NegativeBinomialMixture { .. }
                | Family::Binned(_)
                | Family::Categorical { .. },
            ) => None,
            (_, Family::Gaussian) => self.moment_of_normal(self.pair(), k),
            (_, Family::Mixture { .. }) => {
                let share = |(weight, Normal(normal))| Some(weight * self.moment_of_normal(normal, k)?);
                mixture::components(self.parameters).map(share).sum()
            }
        }
    }

    /// E[Y^k] of a normal z behind this map.
    fn moment_of_normal(&self, [mean, sd]: [f64; 2], k: i32) -> Option<f64> {
        let OuterMap { link, shift, factor, scale } = self.map;
        let (location, spread) = (shift + factor * mean, factor * sd);
        match link {
            Link::Log => {
                let k = f64::from(k);
                Some((k * (scale.ln() + location) + 0.5 * (k * spread).powi(2)).exp())
            }
            Link::BoxCox(lambda) if lambda < 0.0 => None,
            Link::Identity | Link::BoxCox(_) => {
                Some(gaussian_expectation(|z| (scale * link.invert(location + spread * z)).powi(k)))
            }
        }
    }

    /// Weight and parameters of every component; a row that is no mixture is one.
    fn components(&self) -> impl Iterator<Item = (f64, &'a [f64])> + use<'a> {
        let (width, is_mixture) = match self.family.components() {
            Some(count) => (self.parameters.len() / count, true),
            None => (self.parameters.len(), false),
        };
        self.parameters.chunks_exact(width).map(move |of| if is_mixture { (of[0], &of[1..]) } else { (1.0, of) })
    }

    fn inner_log_density(&self, z: f64) -> f64 {
        match self.family {
            Family::Gaussian => gaussian::log_density(self.pair(), z),
            Family::StudentT => student_t::log_density(self.triple(), z),
            Family::NegativeBinomial => negative_binomial::log_mass(self.pair(), z),
            Family::Mixture { .. } => mixture::log_density::<Normal>(self.parameters, z),
            Family::StudentTMixture { .. } => mixture::log_density::<StudentT>(self.parameters, z),
            Family::NegativeBinomialMixture { .. } => mixture::log_density::<Counts>(self.parameters, z),
            Family::Binned(bins) => binned::log_density(bins, self.parameters, z),
            Family::Categorical { .. } => categorical::log_mass(self.parameters, z),
        }
    }

    fn inner_cdf(&self, z: f64) -> f64 {
        match self.family {
            Family::Gaussian => gaussian::cdf(self.pair(), z),
            Family::StudentT => student_t::cdf(self.triple(), z),
            Family::NegativeBinomial => negative_binomial::cdf(self.pair(), z),
            Family::Mixture { .. } => mixture::cdf::<Normal>(self.parameters, z),
            Family::StudentTMixture { .. } => mixture::cdf::<StudentT>(self.parameters, z),
            Family::NegativeBinomialMixture { .. } => mixture::cdf::<Counts>(self.parameters, z),
            Family::Binned(bins) => binned::cdf(bins, self.parameters, z),
            Family::Categorical { .. } => categorical::cdf(self.parameters, z),
        }
    }

    fn inner_survival(&self, z: f64) -> f64 {
        match self.family {
            Family::Gaussian => gaussian::survival(self.pair(), z),
            Family::StudentT => student_t::survival(self.triple(), z),
            Family::NegativeBinomial => negative_binomial::survival(self.pair(), z),
            Family::Mixture { .. } => mixture::survival::<Normal>(self.parameters, z),
            Family::StudentTMixture { .. } => mixture::survival::<StudentT>(self.parameters, z),
            Family::NegativeBinomialMixture { .. } => mixture::survival::<Counts>(self.parameters, z),
            Family::Binned(bins) => binned::survival(bins, self.parameters, z),
            Family::Categorical { .. } => categorical::survival(self.parameters, z),
        }
    }

    fn inner_quantile(&self, q: f64) -> f64 {
        match self.family {
            Family::Gaussian => gaussian::quantile(self.pair(), q),
            Family::StudentT => student_t::quantile(self.triple(), q),
            Family::NegativeBinomial => negative_binomial::quantile(self.pair(), q),
            Family::Mixture { .. } => mixture::quantile::<Normal>(self.parameters, q),
            Family::StudentTMixture { .. } => mixture::quantile::<StudentT>(self.parameters, q),
            Family::NegativeBinomialMixture { .. } => mixture::count_quantile(self.parameters, q),
            Family::Binned(bins) => binned::quantile(bins, self.parameters, q),
            Family::Categorical { .. } => categorical::quantile(self.parameters, q),
        }
    }

    fn pair(&self) -> [f64; 2] {
        [self.parameters[0], self.parameters[1]]
    }

    fn triple(&self) -> [f64; 3] {
        [self.parameters[0], self.parameters[1], self.parameters[2]]
    }
}

/// E f(Z) for a standard normal Z by the trapezoidal rule, which converges exponentially for smooth f (Trefethen and
/// Weideman 2014, SIAM Review 56, p. 385): 129 points on [-9, 9].
fn gaussian_expectation(f: impl Fn(f64) -> f64) -> f64 {
    const HALF: i32 = 64;
    const STEP: f64 = 9.0 / HALF as f64;
    let weight = STEP / std::f64::consts::TAU.sqrt();
    (-HALF..=HALF)
        .map(|i| {
            let z = f64::from(i) * STEP;
            weight * (-0.5 * z * z).exp() * f(z)
        })
        .sum()
}
