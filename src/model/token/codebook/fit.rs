//! Fitting: patches, their codes, what spreads around each, and the chain.

use super::encoder::Encoder;
use super::{Codebook, choice, k_means};
use crate::data::batch::{Batch, Covariates, Rows};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::linear::smallest_gap;
use crate::model::token::markov::{MarkovOrder, MarkovSpec};
use crate::model::token::quantiser::RunningMoments;
use crate::model::{Autoregressive, Fit, Fitted, Summary, check_size, too_short};
use crate::predictive::{OuterMap, Predictive};

/// a: the common scale counts like so many patches of a code.
const COMMON_SCALE: f64 = 4.0;
/// The largest number of values of a patch and of codes.
pub(crate) const MAX_PATCH: usize = 4_096;
pub(crate) const MAX_CODES: usize = 4_096;
/// How many starts of k-means there are.
const STARTS: u64 = 4;
/// The fewest patches of which anything is learned.
const FEWEST_PATCHES: usize = 8;

/// What to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodebookSpec {
    /// P, the number of values of a patch. `None` is chosen by the likelihood of the later fifth of each series under a fit to
    /// what is before it: 2, 4, 8, or what divides the period.
    pub patch: Option<usize>,
    /// K, the largest number of codes. `None` is chosen likewise, of 2 to 64.
    pub codes: Option<usize>,
    /// How many codes the chain looks back on.
    pub order: MarkovOrder,
    /// The season length that a chosen P divides; `None` is inferred.
    pub period: Option<usize>,
    /// The seed of the random starts of k-means.
    pub seed: u64,
}

impl Default for CodebookSpec {
    fn default() -> Self {
        Self { patch: None, codes: None, order: MarkovOrder::Auto { max: 3 }, period: None, seed: 0 }
    }
}

impl Fit for CodebookSpec {
    type Model = Codebook;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Codebook>> {
        let (model, patches) = self.learn(train, choice::sizes(self, train), STARTS)?;
        let summary = self.summary(&model, train, patches)?;
        Ok(Fitted { model, summary })
    }
}

impl CodebookSpec {
    /// A codebook of patches of P values with K codes, the best of several starts, and the number of patches it is made of.
    pub(super) fn learn(
        &self,
        train: &[Series],
        (patch, codes): (usize, usize),
        starts: u64,
    ) -> Result<(Codebook, usize)> {
        check_sizes(patch, codes)?;
        let mut encoder = Encoder { patch, centroids: Vec::new(), training: map_of(train)? };
        let standardised: Vec<Series> = train.iter().map(|series| standardised(&encoder, series)).collect();
        let patches: Vec<f64> = standardised.iter().flat_map(|series| whole_patches(series.values(), patch)).collect();
        let count = patches.len() / patch;
        if count < FEWEST_PATCHES {
            let longest = train.iter().map(Series::len).max().unwrap_or(0);
            let what = format!("a codebook of patches of {patch} values without a gap");
            return Err(too_short(&what, longest, FEWEST_PATCHES * patch).hint("give more history or smaller patches"));
        }
        encoder.centroids = k_means::centroids(&patches, patch, codes, (self.seed, starts))?;
        let scales = scales(&encoder, &patches, gap_of(&standardised) / 12.0_f64.sqrt());
        let sequences: Vec<Series> = standardised.iter().map(|series| code_series(&encoder, series)).collect();
        let chain = MarkovSpec { order: self.order, symbols: Some(encoder.codes()) }.fit(&sequences)?.model;
        Ok((Codebook { encoder, scales, chain }, count))
    }
}

fn check_sizes(patch: usize, codes: usize) -> Result<()> {
    let refused = |what: String, most: usize| Err(Error::usage(what).expected(format!("1 to {most}")));
    match (patch, codes) {
        (1..=MAX_PATCH, 1..=MAX_CODES) => Ok(()),
        (1..=MAX_PATCH, _) => refused(format!("{codes} codes"), MAX_CODES),
        _ => refused(format!("patches of {patch} values"), MAX_PATCH),
    }
}

/// The smallest distance of two distinct values of one series; of all of them where every series is constant.
fn gap_of(standardised: &[Series]) -> f64 {
    let own = standardised.iter().map(|series| smallest_gap(std::slice::from_ref(series)));
    let smallest = own.fold(f64::INFINITY, f64::min);
    if smallest.is_finite() { smallest } else { smallest_gap(standardised) }
}

/// From standardised values to those of all series together.
fn map_of(train: &[Series]) -> Result<OuterMap> {
    let known = || train.iter().flat_map(Series::values).copied().filter(|x| !x.is_nan());
    let mut moments = RunningMoments::default();
    known().for_each(|x| moments.push(x));
    moments.map().ok_or_else(|| match (known().count(), check_size(train)) {
        (count, _) if count < FEWEST_PATCHES => too_short("a codebook", count, FEWEST_PATCHES),
        (_, Err(error)) => error,
        _ => Error::data("there is no variation to learn a codebook from")
            .expected("at least two different values")
            .hint("use --model naive"),
    })
}

/// A series on its own scale, as a context will be.
fn standardised(encoder: &Encoder, series: &Series) -> Series {
    let map = encoder.map_of(series.values());
    Series::new(series.id(), series.values().iter().map(|x| map.backward(*x)).collect())
}

/// The whole patches of a series that begins at index 0, those without a gap, one after the other.
fn whole_patches(values: &[f64], patch: usize) -> impl Iterator<Item = f64> + '_ {
    values.chunks_exact(patch).filter(|patch| patch.iter().all(|z| !z.is_nan())).flatten().copied()
}

/// The codes of the whole patches of a standardised series; a patch with a gap has none that is sure.
fn code_series(encoder: &Encoder, series: &Series) -> Series {
    let code = |patch: &[f64]| match patch.iter().any(|z| z.is_nan()) {
        true => f64::NAN,
        false => encoder.code_of(patch).map_or(f64::NAN, f64::from),
    };
    Series::new(series.id(), series.values().chunks_exact(encoder.patch).map(code).collect())
}

/// s_kj of every code and position, from whole patches.
fn scales(encoder: &Encoder, patches: &[f64], least: f64) -> Vec<f64> {
    let (width, codes) = (encoder.patch, encoder.codes());
    let mut squares = vec![0.0; codes * width];
    let mut counts = vec![0.0; codes];
    for patch in patches.chunks_exact(width) {
        let code = encoder.code_of(patch).expect("the patch is whole") as usize;
        counts[code] += 1.0;
        let own = squares[code * width..][..width].iter_mut();
        for ((sum, z), c) in own.zip(patch).zip(encoder.centroid(code as u32)) {
            *sum += (z - c).powi(2);
        }
    }
    let free = ((patches.len() / width) as f64 - codes as f64).max(1.0);
    let common: Vec<f64> = (0..width).map(|j| squares.iter().skip(j).step_by(width).sum::<f64>() / free).collect();
    let scale = |slot: usize| {
        let (count, common) = (counts[slot / width], common[slot % width]);
        let variance = (squares[slot] + COMMON_SCALE * common) / (count - 1.0 + COMMON_SCALE);
        variance.sqrt().max(least)
    };
    (0..codes * width).map(scale).collect()
}

impl CodebookSpec {
    fn summary(&self, model: &Codebook, train: &[Series], patches: usize) -> Result<Summary> {
        let (patch, codes, order) = (model.encoder.patch, model.encoder.codes(), model.chain.order());
        let Likelihood { sum, rows, squares } = Likelihood::of(model, train)?;
        let mut warnings = Vec::new();
        if let Some(asked) = self.codes.filter(|asked| *asked > codes) {
            warnings.push(format!("{codes} codes instead of {asked}: the {patches} patches are no more different"));
        }
        if 2 * codes > patches {
            warnings.push(format!(
                "{codes} codes for {patches} patches: most stand for a patch or two, and values unlike these have hardly any \
                 density; fewer --codes say more"
            ));
        }
        let number = |name: &str, number: usize| (name.to_owned(), vec![number as f64]);
        Ok(Summary {
            name: "Codebook".to_owned(),
            description: format!("{codes} codes of patches of {patch} values and a Markov chain of order {order}"),
            preprocessing: vec![number("patch", patch), number("codes", codes), number("order", order)],
            innovation_parameters: 0,
            innovation_variance: squares / rows as f64,
            innovation_variance_unbiased: squares / rows as f64,
            log_likelihood: sum,
            observations: rows,
            warnings,
            ..Summary::default()
        })
    }
}

/// What the model says of its training values, each series from its first.
#[derive(Default)]
struct Likelihood {
    sum: f64,
    rows: usize,
    /// Of the errors of the conditional means.
    squares: f64,
}

impl Likelihood {
    fn of(model: &Codebook, train: &[Series]) -> Result<Self> {
        let mut all = Self::default();
        // Row by row: all rows at once would be as many numbers as there are values and codes.
        let mut row = Predictive::new(model.family(), 1);
        for series in train {
            let mut session = model.begin(&Batch::empty(&[0]), &Covariates::none())?;
            for &x in series.values() {
                session.conditional(Rows::none(), &mut row);
                if row.is_defined(0) && !x.is_nan() {
                    all.sum += row.row(0).log_prob(x);
                    all.rows += 1;
                    all.squares += (x - row.row(0).mean()).powi(2);
                }
                session.observe(&[x]);
            }
        }
        Ok(all)
    }
}
