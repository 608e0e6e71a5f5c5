//! The sizes of a codebook that are not given: by the likelihood of what was not learned from.
//!
//! Every candidate is fitted to the first four fifths of each series and scores the rest; the best mean log density of a value
//! wins, the smaller sizes among equals. Patches have 2, 4 or 8 values or divide the period, and there are 2, 4, 8 .. 64 codes,
//! at most one for every four patches of the first part: with fewer patches to each, scales are a guess, and what is new lies
//! outside of all of them. Of long series the last 8,192 values decide.

use super::Codebook;
use super::fit::CodebookSpec;
use crate::data::batch::{Batch, Covariates};
use crate::data::period::infer_period;
use crate::data::series::Series;
use crate::error::Result;
use crate::model::Autoregressive;

/// So many values, of all series together, are enough to choose by.
const MOST_VALUES: usize = 8_192;
/// The longest patch that is tried for the sake of a period.
const LONGEST_PATCH: usize = 32;
/// Patches without regard to a period.
const PATCHES: [usize; 3] = [2, 4, 8];
const CODES: [usize; 6] = [2, 4, 8, 16, 32, 64];

/// P and K: as given, or the likeliest. Where no candidate can be fitted, the smallest sizes, whose fit says why.
pub(super) fn sizes(spec: &CodebookSpec, train: &[Series]) -> (usize, usize) {
    if let (Some(patch), Some(codes)) = (spec.patch, spec.codes) {
        return (patch, codes);
    }
    let (heads, rests): (Vec<Series>, Vec<Vec<f64>>) = train.iter().map(|series| cut(series, train.len())).unzip();
    let values: usize = heads.iter().map(Series::len).sum();
    let patches = spec.patch.map_or_else(|| candidates(spec, train), |patch| vec![patch]);
    let smallest = (patches[0], spec.codes.unwrap_or(CODES[0]));
    let mut best = (smallest, f64::NEG_INFINITY);
    for patch in patches {
        let most = values / (4 * patch.max(1));
        let codes = spec.codes.map_or_else(|| CODES.into_iter().filter(|k| *k <= most).collect(), |codes| vec![codes]);
        for codes in codes {
            let score = spec.learn(&heads, (patch, codes), 1).and_then(|(model, _)| mean_score(&model, &heads, &rests));
            if let Ok(score) = score.map(|score| score - 1e-9 * (patch + codes) as f64)
                && score > best.1
            {
                best = ((patch, codes), score);
            }
        }
    }
    best.0
}

/// The patches that are tried, the shortest first.
fn candidates(spec: &CodebookSpec, train: &[Series]) -> Vec<usize> {
    let infer = |series: &Series| infer_period(series.values(), series.timeline().frequency());
    let longest = train.iter().max_by_key(|series| series.len());
    let period = spec.period.or_else(|| longest.map(infer)).unwrap_or(1);
    let divisors = (2..=period.min(LONGEST_PATCH)).filter(|patch| period.is_multiple_of(*patch));
    let mut patches: Vec<usize> = PATCHES.into_iter().chain(divisors).collect();
    patches.sort_unstable();
    patches.dedup();
    patches
}

/// The end of a series, its share of the values that are enough: four fifths, and the rest.
fn cut(series: &Series, count: usize) -> (Series, Vec<f64>) {
    let values = series.values();
    let end = &values[values.len().saturating_sub(MOST_VALUES / count)..];
    let (head, rest) = end.split_at(end.len() - end.len() / 5);
    (Series::new(series.id(), head.to_vec()), rest.to_vec())
}

/// The mean log density of the values that have one, behind their contexts; minus infinity where there are none.
fn mean_score(model: &Codebook, heads: &[Series], rests: &[Vec<f64>]) -> Result<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for (head, rest) in heads.iter().zip(rests) {
        let (context, target) = (Batch::single(head.values(), 0), Batch::single(rest, head.len() as i64));
        let rows = model.conditionals(&context, &target, &Covariates::none())?;
        for (row, &x) in rest.iter().enumerate().filter(|(row, x)| !x.is_nan() && rows.is_defined(*row)) {
            sum += rows.row(row).log_prob(x);
            count += 1.0;
        }
    }
    Ok(if count > 0.0 { sum / count } else { f64::NEG_INFINITY })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    /// Three patterns of six values in turn, with noise.
    fn patterns(count: usize) -> Series {
        let mut rng = LaneRng::new(1, 0);
        let patterns = [[0.0, 5.0, 1.0, 4.0, 2.0, 3.0], [5.0, 0.0, 4.0, 1.0, 3.0, 2.0], [2.0, 2.0, 5.0, 5.0, 0.0, 0.0]];
        let values = (0..count).flat_map(|_| patterns[rng.below(3)]).collect::<Vec<f64>>();
        Series::new("", values.into_iter().map(|x| x + 0.2 * rng.normal()).collect())
    }

    #[test]
    fn patches_and_codes_are_those_of_the_source() {
        let train = [patterns(60)];
        let spec = CodebookSpec { period: Some(6), ..CodebookSpec::default() };
        assert_eq!(candidates(&spec, &train), [2, 3, 4, 6, 8]);
        // Halves of the patterns say the same, and nothing that cuts across them.
        assert!(matches!(sizes(&spec, &train), (3, 8) | (6, 4)), "{:?}", sizes(&spec, &train));
        assert_eq!(sizes(&CodebookSpec { codes: Some(3), ..spec }, &train), (6, 3));
        assert_eq!(sizes(&CodebookSpec { patch: Some(12), ..spec }, &train).0, 12);
        assert_eq!(sizes(&CodebookSpec { patch: Some(3), codes: Some(50), ..spec }, &train), (3, 50));
    }

    #[test]
    fn what_cannot_be_fitted_has_the_smallest_sizes() {
        assert_eq!(sizes(&CodebookSpec::default(), &[Series::new("", vec![1.0, 2.0])]), (2, 2));
        assert_eq!(sizes(&CodebookSpec::default(), &[]), (2, 2));
    }
}
