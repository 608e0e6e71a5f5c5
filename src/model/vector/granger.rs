//! Granger causality: whether the past of one series helps to predict another, given the past of all.

use super::fit::FittedVar;
use crate::error::{Error, Result};
use crate::math::special::{chi_squared_survival, f_survival};

/// The test that p coefficients are zero: those of the lags of `causing` in the equation of `caused`.
///
/// ```text
/// W = b' [sigma_ii (Z'Z)^-1_jj]^-1 b      chi-squared with p degrees of freedom
/// F = W / p                               with p and k (n - q) degrees of freedom
/// ```
///
/// b are the p coefficients, sigma_ii the unbiased variance of the equation, (Z'Z)^-1_jj the block of the lags of
/// `causing`, q the coefficients of an equation and n the rows (Lütkepohl 2005, section 3.6.1, who takes the F
/// distribution for short series). Matches statsmodels' `test_causality(caused, causing, kind = "wald" | "f")`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GrangerTest {
    /// The component that may be caused.
    pub caused: usize,
    /// The component whose past is tested.
    pub causing: usize,
    /// W.
    pub wald: f64,
    /// The mass of the chi-squared distribution above W.
    pub wald_p_value: f64,
    /// F.
    pub f: f64,
    /// The degrees of freedom of F.
    pub f_degrees: (usize, usize),
    /// The mass of the F distribution above F.
    pub f_p_value: f64,
}

impl FittedVar {
    /// Tests whether the past of the component `causing` helps to predict the component `caused`.
    ///
    /// # Errors
    /// If the model has no lags.
    ///
    /// # Panics
    /// If a component does not exist.
    pub fn granger(&self, caused: usize, causing: usize) -> Result<GrangerTest> {
        let (k, p) = (self.model.components(), self.model.order());
        assert!(caused < k && causing < k, "components of the model");
        if p == 0 {
            return Err(Error::usage("a VAR(0) has no lags to test").expected("an order of at least 1"));
        }
        let terms = self.model.deterministic().ncols();
        let rows: Vec<usize> = (0..p).map(|lag| terms + lag * k + causing).collect();
        let b = self.coefficients().column(caused).select_rows(&rows);
        let block = self.inverse().select_rows(&rows).select_columns(&rows);
        let singular = || Error::numeric("the lags of a series cannot be told from those of the others");
        let solved = block.cholesky().ok_or_else(singular)?.solve(&b);
        let wald = b.dot(&solved) / self.covariance_unbiased()[(caused, caused)];
        let f = wald / p as f64;
        let f_degrees = (p, k * (self.observations() - self.coefficients().nrows()));
        Ok(GrangerTest {
            caused,
            causing,
            wald,
            wald_p_value: chi_squared_survival(wald, p as f64),
            f,
            f_degrees,
            f_p_value: f_survival(f, f_degrees.0 as f64, f_degrees.1 as f64),
        })
    }

    /// The tests of all ordered pairs of different components: each caused one with all causing ones.
    ///
    /// # Errors
    /// As [`granger`](Self::granger).
    pub fn granger_table(&self) -> Result<Vec<GrangerTest>> {
        let k = self.model.components();
        let pairs = (0..k).flat_map(|caused| (0..k).map(move |causing| (caused, causing)));
        pairs.filter(|(caused, causing)| caused != causing).map(|(i, j)| self.granger(i, j)).collect()
    }
}
