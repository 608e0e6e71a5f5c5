//! Products of matrices that lie in slices, over the crates `gemm-f32` and `gemm-f64`: the one place with unsafe code.
//!
//! A [`View`] is a matrix of a slice: rows and columns with a stride each, so that a transpose, a block of columns and the
//! steps of one lane are views as well. Every view is checked to lie inside its slice when it is made, which is all that
//! the products need. One thread; a row of a product has the same bits whatever rows stand beside it.

use std::ops::Range;

use gemm_common::Parallelism;

use super::float::Float;

/// Up to so many columns of contiguous terms are dot products: otherwise the library computes sixteen.
pub(crate) const NARROW: usize = 4;
/// Up to so many elements the library adds up contiguous terms in vectors.
const SMALL: usize = 16 * 16;

/// A matrix that lies in a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> View<'a, T> {
    /// All of a slice, row by row.
    ///
    /// # Panics
    /// If the slice does not hold exactly so many numbers.
    #[must_use]
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix of {rows} x {columns}");
        Self::strided(data, rows, columns, columns)
    }

    /// Rows that begin `stride` numbers after one another.
    ///
    /// # Panics
    /// If the last number lies outside.
    #[must_use]
    pub(crate) fn strided(data: &'a [T], rows: usize, columns: usize, stride: usize) -> Self {
        check(data.len(), rows, columns, stride);
        Self { data, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// Some of the columns.
    #[must_use]
    pub(crate) fn columns(self, own: Range<usize>) -> Self {
        assert!(own.start <= own.end && own.end <= self.columns, "columns {own:?} of {}", self.columns);
        let data = if own.is_empty() { self.data } else { &self.data[own.start * self.column_stride..] };
        Self { data, columns: own.len(), ..self }
    }

    /// The transpose.
    #[must_use]
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// A matrix that is written to, row by row.
#[derive(Debug)]
pub(crate) struct ViewMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a, T> ViewMut<'a, T> {
    /// All of a slice.
    ///
    /// # Panics
    /// If the slice does not hold exactly so many numbers.
    #[must_use]
    pub(crate) fn new(data: &'a mut [T], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix of {rows} x {columns}");
        Self::strided(data, rows, columns, columns)
    }

    /// Rows that begin `stride` numbers after one another.
    ///
    /// # Panics
    /// If the last number lies outside, or rows overlap.
    #[must_use]
    pub(crate) fn strided(data: &'a mut [T], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(stride >= columns || rows < 2, "rows that are written to do not overlap");
        check(data.len(), rows, columns, stride);
        Self { data, rows, columns, stride }
    }
}

fn check(len: usize, rows: usize, columns: usize, stride: usize) {
    let end = if rows * columns == 0 { 0 } else { (rows - 1) * stride + columns };
    assert!(end <= len, "a matrix of {rows} x {columns} with stride {stride} needs {end} numbers, not {len}");
}

/// c = scale a b, or c += scale a b.
///
/// # Panics
/// If the sizes do not fit.
pub(crate) fn product<'a, T: Float>(scale: T, a: View<'a, T>, b: View<'a, T>, adds: bool, c: ViewMut<'_, T>) {
    assert!(
        a.columns == b.rows && a.rows == c.rows && b.columns == c.columns,
        "{} x {} times {} x {} is not {} x {}",
        a.rows,
        a.columns,
        b.rows,
        b.columns,
        c.rows,
        c.columns
    );
    if c.rows == 0 || c.columns == 0 {
        return;
    }
    if a.columns == 0 {
        if !adds {
            (0..c.rows).for_each(|row| c.data[row * c.stride..][..c.columns].fill(T::ZERO));
        }
        return;
    }
    // The library sums a single row, and small products of contiguous terms, in another order. A lane alone must be that lane
    // beside others, to the bit: a single row becomes two, and of few rows and columns the fewer are handed over the other way
    // round.
    if c.rows == 1 {
        let (twice, columns) = (View { rows: 2, row_stride: 0, ..a }, c.columns);
        let mut both = [&c.data[..columns], &c.data[..columns]].concat();
        product(scale, twice, b, adds, ViewMut::new(&mut both, 2, columns));
        c.data[..columns].copy_from_slice(&both[..columns]);
        return;
    }
    let are_contiguous = a.column_stride == 1 && b.row_stride == 1;
    if are_contiguous && c.columns <= NARROW {
        // Few columns are always summed as the small products they are in parts.
        let most = SMALL / c.columns;
        for first in (0..c.rows).step_by(most) {
            let rows = most.min(c.rows - first);
            let a = View { data: &a.data[first * a.row_stride..], rows, ..a };
            let c = ViewMut { data: &mut c.data[first * c.stride..], rows, ..c };
            if rows == 1 {
                product(scale, a, b, adds, c);
            } else {
                multiply(scale, a, b, adds, c);
            }
        }
        return;
    }
    if are_contiguous && c.rows * c.columns <= SMALL {
        let terms = a.columns;
        let across = |of: View<'a, T>, count: usize, stride: usize| {
            let mut all = Vec::with_capacity(terms * count);
            (0..terms).for_each(|i| all.extend((0..count).map(|j| of.data[i + j * stride])));
            all
        };
        if c.columns < c.rows {
            let rows = across(b, b.columns, b.column_stride);
            return product(scale, a, View::new(&rows, terms, b.columns), adds, c);
        }
        let columns = across(a, a.rows, a.row_stride);
        return product(scale, View::new(&columns, terms, a.rows).t(), b, adds, c);
    }
    multiply(scale, a, b, adds, c);
}

/// The library's product.
#[expect(unsafe_code, reason = "the products of a library, on views that were checked")]
fn multiply<T: Float>(scale: T, a: View<'_, T>, b: View<'_, T>, adds: bool, c: ViewMut<'_, T>) {
    // The library wants columns: c' = b' a'.
    let stride = |stride: usize| isize::try_from(stride).expect("a stride of a slice");
    // SAFETY: every element (i, j) of a view lies inside its slice: checked when the view was made. The slices are
    // initialised, `c` is borrowed exclusively, and its elements are distinct.
    unsafe {
        T::gemm()(
            c.columns,
            c.rows,
            a.columns,
            c.data.as_mut_ptr(),
            stride(c.stride),
            1,
            adds,
            b.data.as_ptr(),
            stride(b.row_stride),
            stride(b.column_stride),
            a.data.as_ptr(),
            stride(a.row_stride),
            stride(a.column_stride),
            T::ONE,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// The sum of products, in sixteen parts: for loops that are compiled for the instruction set at hand.
#[inline(always)]
pub(crate) fn dot<T: Float>(a: &[T], b: &[T]) -> T {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [T::ZERO; 16];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += *a * *b;
        }
    }
    let mut rest = T::ZERO;
    for (a, b) in a_rest.iter().zip(b_rest) {
        rest += *a * *b;
    }
    rest + fold(sums, |a, b| a + b)
}

/// Sixteen numbers become one, in halves: written out, for a loop over the halves does not become vectors.
#[inline(always)]
pub(crate) fn fold<T: Float>(x: [T; 16], both: impl Fn(T, T) -> T) -> T {
    let x = [
        both(x[0], x[8]),
        both(x[1], x[9]),
        both(x[2], x[10]),
        both(x[3], x[11]),
        both(x[4], x[12]),
        both(x[5], x[13]),
        both(x[6], x[14]),
        both(x[7], x[15]),
    ];
    let x = [both(x[0], x[4]), both(x[1], x[5]), both(x[2], x[6]), both(x[3], x[7])];
    both(both(x[0], x[2]), both(x[1], x[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    fn random(n: usize, lane: u64) -> Vec<f64> {
        let mut rng = LaneRng::new(3, lane);
        (0..n).map(|_| rng.normal()).collect()
    }

    #[test]
    fn products_are_sums_of_products() {
        for (m, n, k) in [(1, 1, 1), (5, 3, 4), (17, 33, 9), (64, 1, 20), (1, 40, 7), (3, 2, 0)] {
            let (a, b) = (random(m * k, 1), random(k * n, 2));
            let at: Vec<f64> = (0..k * m).map(|i| a[(i % m) * k + i / m]).collect();
            let bt: Vec<f64> = (0..k * n).map(|i| b[(i % k) * n + i / k]).collect();
            let wide = random(m * (n + 3), 3);
            for (left, right) in [
                (View::new(&a, m, k), View::new(&b, k, n)),
                (View::new(&at, k, m).t(), View::new(&b, k, n)),
                (View::new(&a, m, k), View::new(&bt, n, k).t()),
                (View::new(&at, k, m).t(), View::new(&bt, n, k).t()),
            ] {
                for adds in [false, true] {
                    let mut c = wide.clone();
                    product(0.5, left, right, adds, ViewMut::strided(&mut c, m, n, n + 3));
                    for i in 0..m {
                        for j in 0..n + 3 {
                            let before = wide[i * (n + 3) + j];
                            let sum: f64 =
                                (0..k).map(|l| a[i * k + l] * b.get(l * n + j).copied().unwrap_or(0.0)).sum();
                            let expected = if j >= n { before } else { 0.5 * sum + if adds { before } else { 0.0 } };
                            let own = c[i * (n + 3) + j];
                            assert!((own - expected).abs() < 1e-12, "{m} {n} {k}: {own}, not {expected}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_alone_is_that_row_beside_others() {
        for (n, k) in [(3, 2), (2, 64), (64, 64), (192, 64), (1, 48), (48, 16), (16, 300), (3, 40), (4, 7)] {
            for is_transposed in [false, true] {
                let (a, b) = (random(200 * k, 1), random(k * n, 2));
                let b = if is_transposed { View::new(&b, n, k).t() } else { View::new(&b, k, n) };
                let of = |rows: usize| {
                    let mut c = vec![0.0; rows * n];
                    product(1.0, View::new(&a[..rows * k], rows, k), b, false, ViewMut::new(&mut c, rows, n));
                    c[..n].to_vec()
                };
                let all = of(7);
                assert!(
                    (1..7).chain([65, 100, 200]).all(|rows| of(rows) == all),
                    "{n} columns, {k} terms, {is_transposed}"
                );
            }
        }
    }

    #[test]
    fn a_product_is_summed_over_all_numbers() {
        for n in [0, 1, 15, 16, 17, 35, 64] {
            let (a, b): (Vec<f64>, Vec<f64>) = (0..n).map(|i| (f64::from(i), f64::from(i % 7))).unzip();
            let expected: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot(&a, &b), expected);
        }
    }

    #[test]
    #[should_panic(expected = "needs 12 numbers")]
    fn a_view_lies_inside_its_slice() {
        let _ = View::strided(&[0.0; 11], 3, 2, 5);
    }
}
