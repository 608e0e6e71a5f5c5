//! Windows: which rows of a series have all their lags, and what stands in them.
//!
//! A row of order p is a target x_t with its lags x_{t-1}, .., x_{t-p}, all of them known. A missing value takes the
//! p + 1 rows that contain it with it. Least squares reads the rows from [`stretches`] without copying; models that
//! want a table get a [`LagMatrix`], and with feature `linfa` a dataset of it.

/// A longest run of known values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch<'a> {
    /// The values.
    pub values: &'a [f64],
    /// The position of the first of them in the series.
    pub start: usize,
}

/// The stretches of a series that hold at least one row with `lags` lags.
///
/// ```
/// use foretoken::data::windows::stretches;
///
/// let x = [1.0, f64::NAN, 2.0, 3.0, 4.0];
/// let found: Vec<_> = stretches(&x, 1).map(|stretch| (stretch.start, stretch.values.len())).collect();
/// assert_eq!(found, [(2, 3)]);
/// ```
pub fn stretches(x: &[f64], lags: usize) -> impl Iterator<Item = Stretch<'_>> {
    let mut next = 0;
    x.split(|x| x.is_nan()).filter_map(move |values| {
        let start = next;
        next += values.len() + 1;
        (values.len() > lags).then_some(Stretch { values, start })
    })
}

/// All rows of one or more series: lags as features, the value itself as target.
///
/// O(n p) memory, which is why linear models do not use it.
#[derive(Debug, Clone, PartialEq)]
pub struct LagMatrix {
    lags: usize,
    features: Vec<f64>,
    targets: Vec<f64>,
}

impl LagMatrix {
    /// The rows of every series, in the order of the series and of time. Feature i is the lag i + 1.
    #[must_use]
    pub fn new<'a>(series: impl IntoIterator<Item = &'a [f64]>, lags: usize) -> Self {
        let mut matrix = Self { lags, features: Vec::new(), targets: Vec::new() };
        for stretch in series.into_iter().flat_map(|x| stretches(x, lags)) {
            for window in stretch.values.windows(lags + 1) {
                matrix.targets.push(window[lags]);
                matrix.features.extend(window[..lags].iter().rev());
            }
        }
        matrix
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.targets.len()
    }

    /// The lags of a row, the latest first.
    #[must_use]
    pub fn features(&self, row: usize) -> &[f64] {
        &self.features[row * self.lags..(row + 1) * self.lags]
    }

    /// The value of every row.
    #[must_use]
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }

    /// The first rows and the others.
    ///
    /// # Panics
    /// If there are fewer rows.
    #[must_use]
    pub fn split_at(&self, rows: usize) -> (Self, Self) {
        let part = |features: &[f64], targets: &[f64]| Self {
            lags: self.lags,
            features: features.to_vec(),
            targets: targets.to_vec(),
        };
        let (first, last) = self.features.split_at(rows * self.lags);
        (part(first, &self.targets[..rows]), part(last, &self.targets[rows..]))
    }

    /// The rows as a linfa dataset.
    #[cfg(feature = "linfa")]
    #[must_use]
    pub fn to_dataset(&self) -> linfa::Dataset<f64, f64, ndarray::Ix1> {
        let records = ndarray::Array2::from_shape_fn((self.rows(), self.lags), |(row, lag)| self.features(row)[lag]);
        linfa::Dataset::new(records, ndarray::Array1::from(self.targets.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_their_lags_latest_first_and_none_is_missing() {
        let matrix = LagMatrix::new([&[1.0, 2.0, 3.0, f64::NAN, 5.0, 6.0][..], &[7.0, 8.0, 9.0][..]], 2);
        assert_eq!(matrix.targets(), [3.0, 9.0]);
        assert_eq!(matrix.features(0), [2.0, 1.0]);
        assert_eq!(matrix.features(1), [8.0, 7.0]);
        let (first, last) = matrix.split_at(1);
        assert_eq!((first.targets(), last.features(0)), (&[3.0][..], &[8.0, 7.0][..]));
    }

    #[test]
    fn stretches_know_where_they_start() {
        let x = [f64::NAN, 1.0, 2.0, f64::NAN, f64::NAN, 3.0, 4.0, 5.0];
        let starts: Vec<usize> = stretches(&x, 0).map(|stretch| stretch.start).collect();
        assert_eq!(starts, [1, 5]);
        assert_eq!(stretches(&x, 2).next().map(|stretch| stretch.values), Some(&[3.0, 4.0, 5.0][..]));
        assert!(stretches(&x, 3).next().is_none());
    }
}
