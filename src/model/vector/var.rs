//! The model: coefficients and the covariance of the innovations.

use nalgebra::{Complex, DMatrix, DVector};

use crate::error::{Error, Result};
use crate::model::linear::{Terms, Trend};

/// A vector autoregression with known coefficients: p(x_t | x_<t) of a vector. Immutable.
///
/// ```
/// use foretoken::model::linear::Trend;
/// use foretoken::model::vector::{DMatrix, Var};
///
/// let lags = vec![DMatrix::from_row_slice(2, 2, &[0.5, 0.2, 0.0, 0.4])];
/// let var = Var::new(&["a", "b"], Trend::None, DMatrix::zeros(2, 0), lags, &DMatrix::from_row_slice(2, 2, &[1.0, 0.5, 0.5, 1.0]))?;
/// assert!(var.is_stable());
/// assert_eq!(var.impulse_responses(2)[0], DMatrix::from_row_slice(2, 2, &[1.0, 0.0, 0.5, 0.75_f64.sqrt()]));
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Var {
    names: Vec<String>,
    trend: Trend,
    /// components x terms: intercept, coefficient of t.
    deterministic: DMatrix<f64>,
    /// A_1..A_p.
    lags: Vec<DMatrix<f64>>,
    /// Lower triangular, with root root' the covariance of the innovations.
    root: DMatrix<f64>,
}

impl Var {
    /// A model from its coefficients: `deterministic` has a row per component and a column per term of the trend.
    ///
    /// # Errors
    /// If the covariance is not that of several different innovations (not positive definite), or a number is not finite.
    ///
    /// # Panics
    /// If the shapes do not fit the names and the trend.
    pub fn new(
        names: &[&str],
        trend: Trend,
        deterministic: DMatrix<f64>,
        lags: Vec<DMatrix<f64>>,
        covariance: &DMatrix<f64>,
    ) -> Result<Self> {
        let finite = deterministic.iter().chain(lags.iter().flatten()).all(|x| x.is_finite());
        let Some(cholesky) = covariance.clone().cholesky().filter(|_| finite) else {
            return Err(Error::numeric(
                "a vector autoregression needs finite coefficients and independent innovations",
            )
            .expected("a positive definite covariance"));
        };
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Ok(Self::with_root(names, trend, deterministic, lags, cholesky.l()))
    }

    /// A model from the lower triangular factor of the covariance.
    pub(super) fn with_root(
        names: Vec<String>,
        trend: Trend,
        deterministic: DMatrix<f64>,
        lags: Vec<DMatrix<f64>>,
        root: DMatrix<f64>,
    ) -> Self {
        let k = names.len();
        assert_eq!(deterministic.shape(), (k, Terms::of(trend).width()), "one coefficient per component and term");
        assert!(lags.iter().chain([&root]).all(|matrix| matrix.shape() == (k, k)), "square matrices of the components");
        Self { names, trend, deterministic, lags, root }
    }

    /// The names of the components.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number k of components.
    #[must_use]
    pub fn components(&self) -> usize {
        self.names.len()
    }

    /// The order p.
    #[must_use]
    pub fn order(&self) -> usize {
        self.lags.len()
    }

    /// The terms beside the lags.
    #[must_use]
    pub fn trend(&self) -> Trend {
        self.trend
    }

    /// Intercepts and coefficients of t, a row per component.
    #[must_use]
    pub fn deterministic(&self) -> &DMatrix<f64> {
        &self.deterministic
    }

    /// A_1..A_p: entry (i, j) is the effect of component j on component i.
    #[must_use]
    pub fn lags(&self) -> &[DMatrix<f64>] {
        &self.lags
    }

    /// The lower triangular Cholesky factor of the innovations' covariance.
    #[must_use]
    pub fn root(&self) -> &DMatrix<f64> {
        &self.root
    }

    /// The covariance of the innovations in the density.
    #[must_use]
    pub fn covariance(&self) -> DMatrix<f64> {
        &self.root * self.root.transpose()
    }

    /// The conditional mean of the vector at an index (0 is the first training row), given the values before it: `lag(i)`
    /// is x_{t-i}.
    pub(crate) fn mean<'a>(&self, index: i64, lag: impl Fn(usize) -> &'a [f64]) -> DVector<f64> {
        let mut mean = self.terms(index);
        for (i, a) in self.lags.iter().enumerate() {
            let past = lag(i + 1);
            for (column, x) in a.column_iter().zip(past) {
                mean.axpy(*x, &column, 1.0);
            }
        }
        mean
    }

    /// c + b t at an index.
    pub(super) fn terms(&self, index: i64) -> DVector<f64> {
        &self.deterministic * DVector::from_iterator(self.deterministic.ncols(), trend_row(self.trend, index))
    }

    /// The log density of an innovation vector e.
    pub(crate) fn log_density(&self, e: &DVector<f64>) -> f64 {
        // The diagonal of the factor is positive.
        let z = self.root.solve_lower_triangular(e).unwrap_or_else(|| e * f64::NAN);
        let logs: f64 = self.root.diagonal().iter().map(|l| l.ln()).sum();
        -0.5 * (z.norm_squared() + self.components() as f64 * std::f64::consts::TAU.ln()) - logs
    }

    /// The next matrix of the recursion W_h = A_1 W_{h-1} + .. + A_p W_{h-p}; `past[i]` is W_{h-1-i}, and what is further
    /// back is zero.
    pub(super) fn respond(&self, past: &[DMatrix<f64>], columns: usize) -> DMatrix<f64> {
        let mut next = DMatrix::zeros(self.components(), columns);
        for (a, w) in self.lags.iter().zip(past) {
            next.gemm(1.0, a, w, 1.0);
        }
        next
    }

    /// Psi_0..Psi_{h-1} of the moving average x_t = mean_t + sum Psi_i e_{t-i} (Lütkepohl 2005, eq. 2.1.22). Psi_i is what a
    /// unit innovation of each component (column) does to each component (row) i steps later. statsmodels: `irf(h).irfs`.
    #[must_use]
    pub fn psi_weights(&self, horizon: usize) -> Vec<DMatrix<f64>> {
        self.weights(DMatrix::identity(self.components(), self.components()), horizon)
    }

    /// The same times the Cholesky factor of the covariance: responses to independent shocks of one standard deviation,
    /// each of which acts at once on its own component and those after it. So they depend on the order of the series
    /// (Lütkepohl 2005, section 2.3.2). statsmodels uses the unbiased covariance: `irf(h).orth_irfs` is
    /// sqrt(n / (n - q)) times as large.
    #[must_use]
    pub fn impulse_responses(&self, horizon: usize) -> Vec<DMatrix<f64>> {
        self.weights(self.root.clone(), horizon)
    }

    fn weights(&self, first: DMatrix<f64>, horizon: usize) -> Vec<DMatrix<f64>> {
        let mut weights = vec![first];
        while weights.len() < horizon {
            let recent: Vec<_> = weights.iter().rev().take(self.order()).cloned().collect();
            weights.push(self.respond(&recent, self.components()));
        }
        weights.truncate(horizon);
        weights
    }

    /// The matrix F of the first-order form: (x_t, .., x_{t-p+1}) = F (x_{t-1}, .., x_{t-p}) + ...
    #[must_use]
    pub fn companion(&self) -> DMatrix<f64> {
        let (k, p) = (self.components(), self.order());
        let mut f = DMatrix::zeros(k * p, k * p);
        for (i, a) in self.lags.iter().enumerate() {
            f.view_mut((0, i * k), (k, k)).copy_from(a);
        }
        for i in k..k * p {
            f[(i, i - k)] = 1.0;
        }
        f
    }

    /// The eigenvalues of the companion matrix, the largest modulus first. The model is stable where all lie inside the
    /// unit circle; statsmodels' `roots` are their inverses. NaN where the eigenvalue iteration finds no end.
    #[must_use]
    pub fn eigenvalues(&self) -> Vec<Complex<f64>> {
        if self.order() == 0 {
            return Vec::new();
        }
        let f = self.companion();
        let width = f.nrows();
        let schur = f.try_schur(f64::EPSILON, 1_000 * width);
        let nan = || vec![Complex::new(f64::NAN, f64::NAN); width];
        let mut values = schur.map_or_else(nan, |schur| schur.complex_eigenvalues().as_slice().to_vec());
        values.sort_by(|a, b| b.norm().total_cmp(&a.norm()));
        values
    }

    /// Whether forecasts return to the mean or the trend.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.eigenvalues().iter().all(|value| value.norm() < 1.0)
    }
}

/// The columns of the trend at an index: 1 and t, which is 1 at the index 0.
pub(super) fn trend_row(trend: Trend, index: i64) -> impl Iterator<Item = f64> {
    [1.0, (index + 1) as f64].into_iter().take(Terms::of(trend).width())
}
