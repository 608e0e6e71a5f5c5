//! The same reflections from sums of lagged products (Vos 2013, *A fast implementation of Burg's method*, which keeps
//! vectors where this keeps their matrix).
//!
//! With a = (1, -phi) of order m, the errors are f_t = sum_i a_i x_{t-i} and b_{t-1} = sum_j a_j x_{t-m-1+j}, and so
//!
//! ```text
//! numerator    sum_{t > m} f_t b_{t-1} = sum_ij a_i a_j C_{i,m+1-j},   C_ij = sum_{t > m} x_{t-i} x_{t-j},  i, j <= m + 1
//! from m to m + 1   C_ij loses the product at t = m + 1;  C_{m+2,j+1} = C_{m+1,j} - x_{n-2-m} x_{n-1-j};  C_{m+2,0} = S_{m+2}
//! denominator  D_{m+1} = D_m (1 - r_m^2) - f_{m,m}^2 - b_{m,n-1}^2
//! ```
//!
//! with S_k the lagged products of the whole. Sums over stretches add up.
//!
//! Rounding. Every C is off by about u S_0, u = 2^-53, so that the coefficients are off by at most u |a|_1 S_0 |G^-1|_1, G the
//! matrix whose factor the recursion gives: |G^-1|_1 <= sum_k |a_k|_1^2 / V_k, V_k the squared errors of order k. Measured,
//! the error is a tenth to a hundredth of that bound.

use super::Burg;
use crate::math::autocovariance::products;

/// A stretch has to be this many times as long as the square of the order: then the products outweigh the matrices.
const LENGTH: usize = 8;
/// The smallest stretch for which a pass over lagged products wins.
const SHORTEST: usize = 512;
/// The largest error of a coefficient that is let pass.
const TOLERANCE: f64 = 1e-10;

/// Lagged products and the ends of the stretches.
pub(super) struct LagSums {
    /// S_0..S_p.
    sums: Vec<f64>,
    /// The first values of every stretch in their order, and its last, the latest first.
    heads: Vec<Vec<f64>>,
    tails: Vec<Vec<f64>>,
    lengths: Vec<usize>,
    /// C, of which the first m + 2 rows and columns are in use.
    matrix: Vec<Vec<f64>>,
}

impl LagSums {
    /// `None` where a stretch is too short for it to pay.
    pub(super) fn of(stretches: &[&[f64]], level: f64, order: usize) -> Option<Self> {
        let shortest = stretches.iter().map(|x| x.len()).min()?;
        if order == 0 || shortest < SHORTEST.max(LENGTH * order * order) {
            return None;
        }
        let mut sums = vec![0.0; order + 1];
        for x in stretches {
            sums.iter_mut().zip(products(x, level, order)).for_each(|(sum, product)| *sum += product);
        }
        let centred = |x: &f64| x - level;
        let heads = stretches.iter().map(|x| x[..=order].iter().map(centred).collect()).collect();
        let tails = stretches.iter().map(|x| x.iter().rev().take(order + 1).map(centred).collect()).collect();
        let lengths = stretches.iter().map(|x| x.len()).collect();
        Some(Self { sums, heads, tails, lengths, matrix: vec![vec![0.0; order + 1]; order + 1] })
    }

    /// All orders; `None` where rounding may show.
    pub(super) fn solve(mut self, max_order: usize) -> Option<Burg> {
        let total = self.sums[0];
        let values: usize = self.lengths.iter().sum();
        let mut burg = Burg::with_capacity(total / values as f64, max_order);
        let mut filter = vec![1.0];
        let mut energy = 2.0 * total;
        let mut inverse = 0.0;
        self.matrix[0][0] = total;
        for order in 1..=max_order {
            let square = energy - self.ends(&filter);
            self.advance(order);
            let reflection = 2.0 * self.numerator(&filter) / square;
            let kept = (1.0 - reflection) * (1.0 + reflection);
            energy = square * kept;
            let size: f64 = filter.iter().map(|a| a.abs()).sum();
            inverse += size * size * 2.0 * total / square;
            step_up(&mut filter, reflection);
            let size: f64 = filter.iter().map(|a| a.abs()).sum();
            let is_safe = square > f64::EPSILON * total && reflection.abs() < 1.0;
            if !(is_safe && 0.5 * f64::EPSILON * size * inverse <= TOLERANCE) {
                return None;
            }
            let pairs = 2 * (values - order * self.lengths.len());
            burg.push(reflection, kept, energy / pairs as f64);
        }
        Some(burg)
    }

    /// f_m^2 + b_{n-1}^2: the errors that the next order has no pair for.
    fn ends(&self, filter: &[f64]) -> f64 {
        let first = |head: &Vec<f64>| filter.iter().rev().zip(head).map(|(a, x)| a * x).sum::<f64>();
        let last = |tail: &Vec<f64>| filter.iter().rev().zip(tail).map(|(a, x)| a * x).sum::<f64>();
        let squares = self.heads.iter().map(first).chain(self.tails.iter().map(last));
        squares.map(|error| error * error).sum()
    }

    /// C from the sums over t >= m to those over t >= m + 1 with one more row and column, `order` = m + 1.
    fn advance(&mut self, order: usize) {
        let last = order - 1;
        let mut row = vec![self.sums[order]];
        row.extend_from_slice(&self.matrix[last][..order]);
        for tail in &self.tails {
            (0..order).for_each(|j| row[j + 1] -= tail[last] * tail[j]);
        }
        for head in &self.heads {
            for i in 0..order {
                (0..order).for_each(|j| self.matrix[i][j] -= head[last - i] * head[last - j]);
            }
        }
        (0..=order).for_each(|j| self.matrix[j][order] = row[j]);
        self.matrix[order][..=order].copy_from_slice(&row);
    }

    fn numerator(&self, filter: &[f64]) -> f64 {
        let row = |row: &Vec<f64>| {
            let backward = row[1..=filter.len()].iter().rev();
            filter.iter().zip(backward).map(|(a, c)| a * c).sum::<f64>()
        };
        filter.iter().zip(&self.matrix).map(|(a, c)| a * row(c)).sum()
    }
}

/// (1, -phi) of the next order.
fn step_up(filter: &mut Vec<f64>, reflection: f64) {
    filter.push(0.0);
    let before = filter.clone();
    filter.iter_mut().zip(before.iter().rev()).for_each(|(a, b)| *a -= reflection * b);
}
