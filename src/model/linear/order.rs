//! Order selection: criteria on a common sample.

/// What an order is charged for its parameters: -2 l + penalty, k parameters with the innovation variance, n rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// 2 k (Akaike 1974).
    Aic,
    /// 2 k n / (n - k - 1), AIC corrected for short series (Hurvich and Tsai 1989).
    Aicc,
    /// k ln n (Schwarz 1978).
    Bic,
    /// 2 k ln ln n (Hannan and Quinn 1979).
    Hqic,
}

impl Criterion {
    /// The criterion of a Gaussian fit with innovation variance RSS / n; infinite where it is not defined.
    ///
    /// Matches `aic`, `aicc`, `bic` and `hqic` of statsmodels' `AutoReg`.
    #[must_use]
    pub fn of(self, innovation_variance: f64, rows: f64, parameters: f64) -> f64 {
        rows * ((std::f64::consts::TAU * innovation_variance).ln() + 1.0) + self.penalty(rows, parameters)
    }

    /// What is added to -2 l.
    #[must_use]
    pub fn penalty(self, rows: f64, parameters: f64) -> f64 {
        match self {
            Self::Aic => 2.0 * parameters,
            Self::Aicc if rows - parameters > 1.0 => 2.0 * parameters * rows / (rows - parameters - 1.0),
            Self::Aicc => f64::INFINITY,
            Self::Bic => parameters * rows.ln(),
            Self::Hqic => 2.0 * parameters * rows.ln().ln(),
        }
    }
}

/// The lags of an autoregression, or how to select them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The lags 1..=p.
    Fixed(usize),
    /// These lags and no others: ascending, from 1.
    Lags(Vec<usize>),
    /// The order with the smallest criterion.
    Auto {
        /// The largest order that is tried; by length and period where it is not given.
        max: Option<usize>,
        /// What is minimised.
        criterion: Criterion,
    },
    /// The set of lags with the smallest criterion.
    Subset {
        /// The largest lag that is tried; by length and period where it is not given.
        max: Option<usize>,
        /// What is minimised.
        criterion: Criterion,
    },
}

impl Default for Order {
    fn default() -> Self {
        Self::Auto { max: None, criterion: Criterion::Aicc }
    }
}

/// One order on the common sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderRow {
    /// The order p.
    pub order: usize,
    /// The maximum likelihood estimate of the innovation variance.
    pub innovation_variance: f64,
    /// The number of rows n.
    pub rows: f64,
    /// The number of parameters k, the innovation variance included.
    pub parameters: f64,
}

impl OrderRow {
    /// A criterion of this order.
    #[must_use]
    pub fn criterion(&self, criterion: Criterion) -> f64 {
        criterion.of(self.innovation_variance, self.rows, self.parameters)
    }
}

/// The row with the smallest criterion, the smaller order of equals. An order that leaves nothing unexplained (a
/// variance of rounding size) ends the search: more lags cannot do better.
pub(super) fn select(rows: &[OrderRow], criterion: Criterion) -> usize {
    let floor = rows.first().map_or(0.0, |row| 1e-24 * row.innovation_variance);
    if let Some(exact) = rows.iter().find(|row| row.innovation_variance <= floor) {
        return exact.order;
    }
    let best = rows.iter().min_by(|a, b| a.criterion(criterion).total_cmp(&b.criterion(criterion)));
    best.map_or(0, |row| row.order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_criterion_wins_and_nothing_left_ends_the_search() {
        let row = |order: usize, innovation_variance: f64| OrderRow {
            order,
            innovation_variance,
            rows: 100.0,
            parameters: order as f64 + 2.0,
        };
        let rows = [row(0, 4.0), row(1, 2.0), row(2, 1.9999), row(3, 1.0)];
        assert_eq!(select(&rows, Criterion::Aic), 3);
        assert_eq!(select(&rows[..3], Criterion::Aic), 1);
        assert_eq!(select(&[row(0, 1.0), row(1, 1e-30), row(2, 1e-31)], Criterion::Bic), 1);
    }

    #[test]
    fn aicc_is_undefined_with_too_few_rows() {
        assert_eq!(Criterion::Aicc.of(1.0, 5.0, 4.0), f64::INFINITY);
    }
}
