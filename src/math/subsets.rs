//! The best subset of the columns of a regression, all from one triangular factor.
//!
//! R is the factor of `[columns, response]`. Leaving out a column and rotating the rest back to a triangle is the
//! factor of the smaller regression, and every factor tells the residual sums of squares of its leading columns:
//! RSS_j = sum_{i >= j} R_{i,last}^2. A node of the search holds a factor whose first `fixed` columns stay; its children
//! leave out one of the others each, so that every subset is met once.
//!
//! A subset never explains more than the set it is part of. So a child whose columns, at the price of the smallest set
//! below it, are no better than the best set so far is cut off with all sets below it (leaps and bounds: Furnival and
//! Wilson 1974, *Technometrics* 16, p. 499; the search by rotations: Gatu and Kontoghiorghes 2006, *J. Comput. Graph.
//! Stat.* 15, p. 139). Columns that explain much stand first, so that the largest branches are those cut first.
//!
//! At worst O(2^k) nodes of O(k^2) each for k columns, usually few thousands; O(k^3) memory. Beyond [`EXHAUSTIVE`] columns,
//! or where [`MOST_NODES`] were met, the set is that of forward selection followed by exchanges: columns are added, left
//! out or swapped one at a time for as long as that helps. It need not be the best.
//!
//! The exact sets are those of statsmodels' `ar_select_order(glob = True)` and of R's `leaps`.

use nalgebra::{DMatrix, DVector};

/// The largest number of columns of which the best set is searched for among all.
pub const EXHAUSTIVE: usize = 25;
/// Sets of columns that a search visits before it settles for exchanges.
pub const MOST_NODES: usize = 2_000_000;
/// What is left of a column, relative to its length, below which others explain it.
const INDEPENDENT: f64 = 1e-12;

/// A set of columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Subset {
    /// The columns, ascending.
    pub columns: Vec<usize>,
    /// What was minimised, at this set.
    pub criterion: f64,
    /// Whether no other set is better.
    pub is_best: bool,
}

/// The set with the smallest criterion of its size and its residual sum of squares. The criterion rises with both.
///
/// `factor` is upper triangular, its last column the response.
///
/// ```
/// use foretoken::math::subsets::best_subset;
/// use nalgebra::DMatrix;
///
/// // Orthogonal columns that explain 9, 1 and 4 of a response with 1 left over; each costs 2.
/// let mut factor = DMatrix::identity(4, 4);
/// (0..4).for_each(|i| factor[(i, 3)] = [3.0, 1.0, 2.0, 1.0][i]);
/// assert_eq!(best_subset(&factor, &|size, rss| 2.0 * size as f64 + rss).columns, [0, 2]);
/// ```
#[must_use]
pub fn best_subset(factor: &DMatrix<f64>, criterion: &dyn Fn(usize, f64) -> f64) -> Subset {
    let all = Node::of(factor).independent();
    let mut best = exchanged(&all.factor(), criterion);
    best.columns.iter_mut().for_each(|column| *column = all.columns[*column]);
    if all.columns.len() <= EXHAUSTIVE {
        let mut search = Search { criterion, best, nodes: 0 };
        search.visit(&all.most_useful_first());
        best = Subset { is_best: search.nodes <= MOST_NODES, ..search.best };
    }
    best.columns.sort_unstable();
    best
}

/// The regression on some columns.
struct Node {
    /// columns x (columns, response), upper triangular.
    r: DMatrix<f64>,
    /// What all of them leave of the response, squared.
    rest: f64,
    columns: Vec<usize>,
    /// How many of the first columns every set below this node has.
    fixed: usize,
}

impl Node {
    /// All columns.
    fn of(factor: &DMatrix<f64>) -> Self {
        let k = factor.ncols() - 1;
        let r = factor.view((0, 0), (k, k + 1)).into_owned();
        Self { r, rest: factor[(k, k)].powi(2), columns: (0..k).collect(), fixed: 0 }
    }

    /// Without the columns that those before them explain: their rows are rounding, and what these hold of the response
    /// is not explained by anything.
    fn independent(mut self) -> Self {
        let mut i = 0;
        while i < self.columns.len() {
            if self.r[(i, i)].abs() > INDEPENDENT * self.r.column(i).norm() {
                i += 1;
            } else {
                self = self.without(i);
            }
        }
        self
    }

    /// The triangle with the response and what is left of it.
    fn factor(&self) -> DMatrix<f64> {
        let k = self.columns.len();
        let mut factor = self.r.clone().resize_vertically(k + 1, 0.0);
        factor[(k, k)] = self.rest.sqrt();
        factor
    }

    /// The columns in another order: the most useful first, those without which most is left.
    fn most_useful_first(&self) -> Self {
        let k = self.columns.len();
        let without: Vec<f64> = (0..k).map(|i| self.without(i).rest).collect();
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| without[b].total_cmp(&without[a]));
        let columns = order.iter().map(|&i| self.columns[i]).collect();
        order.push(k);
        let triangle = self.factor().select_columns(&order).qr().unpack_r();
        Self { columns, ..Self::of(&triangle) }
    }

    /// RSS of the first 0, 1, .. columns.
    fn rss(&self) -> Vec<f64> {
        let response = self.r.column(self.columns.len());
        let mut rss = vec![self.rest; self.columns.len() + 1];
        for j in (0..self.columns.len()).rev() {
            rss[j] = rss[j + 1] + response[j].powi(2);
        }
        rss
    }

    /// Without column i; those before it stay.
    fn without(&self, i: usize) -> Self {
        let mut r = self.r.clone().remove_column(i);
        let size = self.columns.len() - 1;
        for j in i..size {
            rotate(&mut r, j);
        }
        let mut columns = self.columns.clone();
        columns.remove(i);
        Self { rest: self.rest + r[(size, size)].powi(2), r: r.rows(0, size).into_owned(), columns, fixed: i }
    }
}

/// Rotates rows j and j + 1 so that the latter is zero in column j (Golub and Van Loan 2013, section 5.1.8).
fn rotate(r: &mut DMatrix<f64>, j: usize) {
    let (a, b) = (r[(j, j)], r[(j + 1, j)]);
    let length = a.hypot(b);
    if length == 0.0 {
        return;
    }
    let (cos, sin) = (a / length, b / length);
    for column in j..r.ncols() {
        let (above, below) = (r[(j, column)], r[(j + 1, column)]);
        r[(j, column)] = cos * above + sin * below;
        r[(j + 1, column)] = cos * below - sin * above;
    }
}

struct Search<'a> {
    criterion: &'a dyn Fn(usize, f64) -> f64,
    best: Subset,
    nodes: usize,
}

impl Search<'_> {
    fn visit(&mut self, node: &Node) {
        self.nodes += 1;
        let rss = node.rss();
        let size = node.columns.len();
        for (j, rss) in rss.iter().enumerate().skip(node.fixed) {
            let criterion = (self.criterion)(j, *rss);
            if criterion < self.best.criterion {
                self.best = Subset { columns: node.columns[..j].to_vec(), criterion, is_best: false };
            }
        }
        // The set of the first i columns is this node's own, and no smaller one is below a child.
        for i in node.fixed..size.saturating_sub(1) {
            if self.nodes > MOST_NODES || !self.is_promising(i + 1, rss[size]) {
                continue;
            }
            let child = node.without(i);
            if self.is_promising(i + 1, child.rest) {
                self.visit(&child);
            }
        }
    }

    fn is_promising(&self, smallest: usize, rss: f64) -> bool {
        (self.criterion)(smallest, rss) < self.best.criterion
    }
}

/// What the columns outside a set would still explain.
struct Extension {
    rss: f64,
    /// Per column; 0 for those of the set and those that it explains.
    gains: Vec<f64>,
}

/// The columns of a set are taken out of all others, one after the other (modified Gram and Schmidt).
fn extension(factor: &DMatrix<f64>, set: &[usize]) -> Extension {
    let last = factor.ncols() - 1;
    let lengths: Vec<f64> = factor.column_iter().map(|column| column.norm()).collect();
    let mut left = factor.clone();
    let is_left = |left: &DMatrix<f64>, j: usize| left.column(j).norm() > INDEPENDENT * lengths[j];
    for &j in set.iter() {
        if is_left(&left, j) {
            let unit: DVector<f64> = left.column(j).normalize();
            let shares = left.tr_mul(&unit);
            left -= &unit * shares.transpose();
        }
    }
    let response = left.column(last);
    let gain = |j: usize| {
        let is_candidate = !set.contains(&j) && is_left(&left, j);
        if is_candidate { (left.column(j).dot(&response) / left.column(j).norm()).powi(2) } else { 0.0 }
    };
    Extension { rss: response.norm_squared(), gains: (0..last).map(gain).collect() }
}

/// Forward selection up to all columns, the best set on the way, then exchanges.
fn exchanged(factor: &DMatrix<f64>, criterion: &dyn Fn(usize, f64) -> f64) -> Subset {
    let mut best = forward(factor, criterion);
    while let Some(better) = exchange(factor, criterion, &best) {
        best = better;
    }
    best
}

fn forward(factor: &DMatrix<f64>, criterion: &dyn Fn(usize, f64) -> f64) -> Subset {
    let mut set = Vec::new();
    let mut best = Subset { columns: Vec::new(), criterion: f64::INFINITY, is_best: false };
    loop {
        let Extension { rss, gains } = extension(factor, &set);
        let now = criterion(set.len(), rss);
        if now < best.criterion {
            best = Subset { columns: set.clone(), criterion: now, is_best: false };
        }
        let next = gains.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        match next {
            Some((column, gain)) if *gain > 0.0 => set.push(column),
            _ => return best,
        }
    }
}

/// The best set that differs by one column added, left out, or swapped; `None` where none is better.
fn exchange(factor: &DMatrix<f64>, criterion: &dyn Fn(usize, f64) -> f64, from: &Subset) -> Option<Subset> {
    let mut best = from.clone();
    let mut try_set = |columns: Vec<usize>, rss: f64| {
        let criterion = criterion(columns.len(), rss);
        // Rounding must not go round in circles.
        if criterion < best.criterion - 1e-10 * best.criterion.abs() {
            best = Subset { columns, criterion, is_best: false };
        }
    };
    let mut try_all_additions = |set: &[usize], extension: &Extension| {
        for (j, gain) in extension.gains.iter().enumerate().filter(|(_, gain)| **gain > 0.0) {
            try_set([set, &[j]].concat(), extension.rss - gain);
        }
        try_set(set.to_vec(), extension.rss);
    };
    try_all_additions(&from.columns, &extension(factor, &from.columns));
    for i in 0..from.columns.len() {
        let mut without = from.columns.clone();
        without.remove(i);
        try_all_additions(&without, &extension(factor, &without));
    }
    (best != *from).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    /// A factor of k correlated columns, of which every third matters.
    fn problem(k: usize, seed: u64) -> DMatrix<f64> {
        let mut rng = LaneRng::new(seed, 0);
        let common: Vec<f64> = (0..80).map(|_| rng.normal()).collect();
        let mut x = DMatrix::from_fn(80, k + 1, |t, _| 0.7 * common[t] + rng.normal());
        for t in 0..80 {
            let signal: f64 = (0..k).step_by(3).map(|j| 0.3 * x[(t, j)]).sum();
            x[(t, k)] += signal;
        }
        x.qr().unpack_r()
    }

    fn bic(size: usize, rss: f64) -> f64 {
        80.0 * rss.ln() + size as f64 * 80.0_f64.ln()
    }

    fn aic(size: usize, rss: f64) -> f64 {
        80.0 * rss.ln() + 2.0 * size as f64
    }

    /// Every set on its own.
    fn brute_force(factor: &DMatrix<f64>, criterion: &dyn Fn(usize, f64) -> f64) -> (Vec<usize>, f64) {
        let k = factor.ncols() - 1;
        let sets = (0..1_u32 << k).map(|mask| (0..k).filter(|j| mask >> j & 1 == 1).collect::<Vec<usize>>());
        let all = sets.map(|set| {
            let value = criterion(set.len(), extension(factor, &set).rss);
            (set, value)
        });
        all.min_by(|a, b| a.1.total_cmp(&b.1)).expect("the empty set")
    }

    #[test]
    fn the_best_set_is_found() {
        let criteria: [&dyn Fn(usize, f64) -> f64; 2] = [&aic, &bic];
        for seed in 0..20 {
            let factor = problem(8, seed);
            for criterion in criteria {
                let (columns, value) = brute_force(&factor, criterion);
                let found = best_subset(&factor, criterion);
                assert_eq!(found.columns, columns, "{seed}");
                assert!((found.criterion - value).abs() < 1e-9 && found.is_best);
            }
        }
    }

    #[test]
    fn the_search_alone_finds_it_too() {
        // Without a set to begin with every bound is the search's own.
        for seed in 0..20 {
            let factor = problem(9, seed);
            let nothing = Subset { columns: Vec::new(), criterion: f64::INFINITY, is_best: false };
            let mut search = Search { criterion: &aic, best: nothing, nodes: 0 };
            search.visit(&Node::of(&factor).most_useful_first());
            search.best.columns.sort_unstable();
            assert_eq!(search.best.columns, brute_force(&factor, &aic).0, "{seed}");
            assert!(search.nodes < 200, "{} of 256 nodes were met", search.nodes);
        }
    }

    #[test]
    fn exchanges_are_never_worse_than_single_steps_and_mostly_the_best() {
        let same = (0..40).filter(|&seed| {
            let factor = problem(10, 100 + seed);
            let mut found = exchanged(&factor, &aic);
            found.columns.sort_unstable();
            assert!(found.criterion <= forward(&factor, &aic).criterion);
            found.columns == best_subset(&factor, &aic).columns
        });
        let same = same.count();
        assert!(same >= 30, "{same} of 40");
    }

    #[test]
    fn many_columns_end_in_exchanges() {
        let found = best_subset(&problem(40, 1), &bic);
        assert!(!found.is_best && !found.columns.is_empty() && found.columns.len() < 20);
    }

    #[test]
    fn columns_that_repeat_others_are_left_out() {
        let mut x = problem(5, 3);
        let twin = x.column(0).into_owned();
        x.set_column(4, &twin);
        let factor = x.qr().unpack_r();
        let found = best_subset(&factor, &aic);
        assert_eq!(found.columns, brute_force(&factor, &aic).0);
        assert!(!(found.columns.contains(&0) && found.columns.contains(&4)), "{:?}", found.columns);
        assert!(found.criterion.is_finite());
    }
}
