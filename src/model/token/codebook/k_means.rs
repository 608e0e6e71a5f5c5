//! Vector quantisation of patches by linfa's k-means: where it starts, and what becomes of codes that nothing uses.
//!
//! ```text
//! minimise  sum_i min_k |z_i - c_k|^2
//! ```
//!
//! linfa's `KMeans` is Lloyd's iteration (1982, *IEEE Trans. Inf. Theory* 28, p. 129) from given centroids. They are chosen
//! here, by k-means++ (Arthur and Vassilvitskii 2007, *SODA*, p. 1027) on streams of the seed: linfa's own choice measures every
//! distance again for each centroid, which is K times the work.
//!
//! Lloyd's iteration never moves a centroid that no patch is nearest to, and hardly one with a single patch. Such a dead code
//! is put where the codebook is worst, on the patches with the largest errors, and the iteration goes on, as long as that
//! lowers the sum; codes that stay without a patch are dropped. Of several starts the best one counts.
//!
//! One iteration costs O(N K P); a codebook is learned from at most 20,000 patches, evenly spaced.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, ArrayView2};

use super::encoder::nearest;
use crate::error::{Error, Result};
use crate::math::random::LaneRng;

/// How often dead codes are put elsewhere.
const REVIVALS: usize = 20;
/// A code with fewer patches is dead.
const LIVING: usize = 2;
/// Lloyd's iteration ends where all centroids together move less, in standard deviations, or after so many rounds.
const TOLERANCE: f64 = 1e-7;
const ROUNDS: u64 = 200;
/// More patches say nothing new about a few hundred codes.
const MOST_PATCHES: usize = 20_000;

/// At most `clusters` centroids of the rows of `points`, one after the other, in lexical order. None is without a point, and
/// no two are the same.
pub(super) fn centroids(points: &[f64], width: usize, clusters: usize, (seed, starts): (u64, u64)) -> Result<Vec<f64>> {
    let points = thinned(points, width);
    let mut best: Option<Clusters> = None;
    for start in 0..starts.max(1) {
        let seeds = plus_plus(&points, width, clusters, &mut LaneRng::new(seed, start));
        let found = Clusters::from(&points, width, seeds)?;
        if best.as_ref().is_none_or(|best| found.error() < best.error()) {
            best = Some(found);
        }
    }
    let best = best.expect("there is at least one start");
    let mut rows: Vec<&[f64]> = best.centroids.chunks_exact(width).collect();
    rows.sort_unstable_by(|a, b| a.partial_cmp(b).expect("centroids are numbers"));
    Ok(rows.concat())
}

/// Evenly spaced rows, where there are too many.
fn thinned(points: &[f64], width: usize) -> Vec<f64> {
    let count = points.len() / width;
    let kept = count.min(MOST_PATCHES);
    (0..kept).flat_map(|i| &points[i * count / kept * width..][..width]).copied().collect()
}

/// k-means++: each further centroid is a point drawn with probability proportional to its squared distance from those before.
/// Fewer where there are fewer different points.
fn plus_plus(points: &[f64], width: usize, clusters: usize, rng: &mut LaneRng) -> Vec<f64> {
    let rows = || points.chunks_exact(width);
    let mut seeds = Vec::with_capacity(clusters * width);
    seeds.extend(&points[rng.below(points.len() / width) * width..][..width]);
    let mut errors = vec![f64::INFINITY; points.len() / width];
    while seeds.len() < clusters * width {
        let last = &seeds[seeds.len() - width..];
        errors.iter_mut().zip(rows()).for_each(|(error, point)| *error = error.min(squared_distance(point, last)));
        let mut left = rng.uniform() * errors.iter().sum::<f64>();
        let candidates = rows().zip(&errors).filter(|(_, error)| **error > 0.0);
        let mut drawn = None;
        for (point, error) in candidates {
            drawn = Some(point);
            left -= error;
            if left < 0.0 {
                break;
            }
        }
        let Some(point) = drawn else { break };
        seeds.extend(point);
    }
    seeds
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// Centroids and whose points are whose.
pub(super) struct Clusters {
    pub(super) centroids: Vec<f64>,
    /// The centroid of each point.
    members: Vec<usize>,
    /// The squared distance of each point from it.
    errors: Vec<f64>,
}

impl Clusters {
    /// From given centroids to an optimum without dead codes.
    pub(super) fn from(points: &[f64], width: usize, seeds: Vec<f64>) -> Result<Self> {
        let mut best = Self::assign(points, width, lloyd(points, width, seeds)?);
        for _ in 0..REVIVALS {
            let Some(seeds) = best.with_dead_revived(points, width) else { break };
            let revived = Self::assign(points, width, lloyd(points, width, seeds)?);
            if revived.error() >= best.error() {
                break;
            }
            best = revived;
        }
        Ok(best.without_empty(points, width))
    }

    /// The points that are nearest to each centroid, and their mean in its place: Lloyd's iteration stops a little before.
    fn assign(points: &[f64], width: usize, mut centroids: Vec<f64>) -> Self {
        let rows = || points.chunks_exact(width);
        let nearest = |point| nearest(&centroids, width, point).expect("no patch has a gap").0;
        let members: Vec<usize> = rows().map(nearest).collect();
        let (mut sums, mut counts) = (vec![0.0; centroids.len()], vec![0.0; centroids.len() / width]);
        for (point, &member) in rows().zip(&members) {
            counts[member] += 1.0;
            sums[member * width..][..width].iter_mut().zip(point).for_each(|(sum, z)| *sum += z);
        }
        for (slot, place) in centroids.iter_mut().enumerate().filter(|(slot, _)| counts[slot / width] > 0.0) {
            *place = sums[slot] / counts[slot / width];
        }
        let error = |(point, &member): (&[f64], &usize)| squared_distance(point, &centroids[member * width..][..width]);
        let errors = rows().zip(&members).map(error).collect();
        Self { centroids, members, errors }
    }

    /// The sum of all squared distances.
    fn error(&self) -> f64 {
        self.errors.iter().sum()
    }

    /// How many points each centroid has.
    fn counts(&self, width: usize) -> Vec<usize> {
        let mut counts = vec![0; self.centroids.len() / width];
        self.members.iter().for_each(|&member| counts[member] += 1);
        counts
    }

    /// The centroids, each dead one on one of the points with the largest errors; `None` where none is dead, or no point is off.
    fn with_dead_revived(&self, points: &[f64], width: usize) -> Option<Vec<f64>> {
        let counts = self.counts(width);
        let dead = (0..counts.len()).filter(|&k| counts[k] < LIVING);
        let mut worst: Vec<usize> = (0..self.errors.len()).filter(|&i| self.errors[i] > 0.0).collect();
        worst.sort_by(|&a, &b| self.errors[b].total_cmp(&self.errors[a]));
        let mut places = worst.into_iter().map(|i| &points[i * width..][..width]);
        let mut revived = self.centroids.clone();
        let mut taken: Vec<&[f64]> = Vec::new();
        for k in dead {
            let Some(place) = places.by_ref().find(|place| !taken.contains(place)) else { break };
            revived[k * width..][..width].copy_from_slice(place);
            taken.push(place);
        }
        (!taken.is_empty()).then_some(revived)
    }

    /// The same without centroids that have no point.
    fn without_empty(self, points: &[f64], width: usize) -> Self {
        let counts = self.counts(width);
        if !counts.contains(&0) {
            return self;
        }
        let rows = self.centroids.chunks_exact(width).zip(&counts).filter(|(_, count)| **count > 0);
        let living = rows.flat_map(|(row, _)| row).copied().collect();
        Self::assign(points, width, living)
    }
}

/// Lloyd's iteration by linfa from given centroids.
fn lloyd(points: &[f64], width: usize, seeds: Vec<f64>) -> Result<Vec<f64>> {
    let not_a_matrix = |error| Error::numeric("the patches are no matrix").caused_by(error);
    let seeds = Array2::from_shape_vec((seeds.len() / width, width), seeds).map_err(not_a_matrix)?;
    let rows = ArrayView2::from_shape((points.len() / width, width), points).map_err(not_a_matrix)?;
    let iteration = KMeans::params(seeds.nrows())
        .n_runs(1)
        .tolerance(TOLERANCE)
        .max_n_iterations(ROUNDS)
        .init_method(KMeansInit::Precomputed(seeds));
    let found = iteration.fit(&DatasetBase::from(rows)).map_err(|error| {
        Error::numeric(format!("no codebook was found: {error}")).hint("use fewer codes, or scale the series")
    })?;
    Ok(found.centroids().iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three groups of pairs, and how far each point lies from the middle of its group.
    fn groups() -> Vec<f64> {
        let middles = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]];
        let steps = [[0.1, 0.0], [-0.1, 0.0], [0.0, 0.1], [0.0, -0.1]];
        middles.iter().flat_map(|m| steps.iter().flat_map(move |s| [m[0] + s[0], m[1] + s[1]])).collect()
    }

    fn assert_groups(centroids: &[f64]) {
        let expected = [0.0, 0.0, 0.0, 10.0, 10.0, 0.0];
        assert_eq!(centroids.len(), expected.len(), "{centroids:?}");
        let is_close = centroids.iter().zip(expected).all(|(own, expected)| (own - expected).abs() < 1e-6);
        assert!(is_close, "{centroids:?}");
    }

    #[test]
    fn groups_become_codes_in_lexical_order() {
        (0..5).for_each(|seed| assert_groups(&centroids(&groups(), 2, 3, (seed, 4)).expect("centroids")));
        assert_eq!(
            centroids(&groups(), 2, 5, (3, 4)).expect("centroids"),
            centroids(&groups(), 2, 5, (3, 4)).expect("the same")
        );
    }

    #[test]
    fn a_code_that_starts_far_from_everything_is_revived() {
        let planted = vec![0.0, 0.0, 10.0, 10.0, 1e6, 1e6];
        let dead = lloyd(&groups(), 2, planted.clone()).expect("centroids");
        assert!(dead.contains(&1e6), "Lloyd's iteration leaves it where it is: {dead:?}");
        let mut revived = Clusters::from(&groups(), 2, planted).expect("clusters").centroids;
        let mut rows: Vec<&mut [f64]> = revived.chunks_exact_mut(2).collect();
        rows.sort_unstable_by(|a, b| a.partial_cmp(b).expect("numbers"));
        assert_groups(&rows.concat());
    }

    #[test]
    fn a_code_for_a_single_patch_stays_where_it_pays() {
        // An outlier at 40 costs more than any split of a group saves.
        let points = [groups(), vec![40.0, 40.0]].concat();
        let found = centroids(&points, 2, 4, (1, 4)).expect("centroids");
        assert_eq!(found[6..], [40.0, 40.0]);
    }

    #[test]
    fn there_are_no_more_codes_than_different_patches() {
        let points = [1.0, 1.0, 2.0, 2.0, 1.0, 1.0];
        assert_eq!(centroids(&points, 2, 3, (0, 4)).expect("centroids"), [1.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    fn long_series_are_thinned_evenly() {
        let points: Vec<f64> = (0..50_000).map(f64::from).collect();
        let kept = thinned(&points, 2);
        assert_eq!((kept.len(), kept[0]), (2 * MOST_PATCHES, 0.0));
        assert!(kept.chunks(2).all(|row| row[1] == row[0] + 1.0) && kept[2 * MOST_PATCHES - 2] > 49_990.0);
    }
}
