//! The Levinson-Durbin recursion: the Yule-Walker equations of every order up to p in one pass.
//!
//! ```text
//! k_p = (c_p - sum_{i<p} a_{p-1,i} c_{p-i}) / v_{p-1}       reflection coefficient = partial autocorrelation
//! a_{p,i} = a_{p-1,i} - k_p a_{p-1,p-i},  a_{p,p} = k_p
//! v_p = v_{p-1} (1 - k_p^2),  v_0 = c_0                     one-step error variance
//! ```
//!
//! O(p^2) time, O(p) memory (Durbin 1960, *Rev. Int. Stat. Inst.* 28, p. 233; Brockwell and Davis 1991, *Time Series:
//! Theory and Methods*, proposition 5.2.1). Matches R's `ar.yw` and statsmodels' `levinson_durbin`.

/// The reflection coefficients and error variances of all orders.
///
/// ```
/// use foretoken::math::toeplitz::Levinson;
///
/// // c_k = 0.5^k: an AR(1) with coefficient 0.5.
/// let solved = Levinson::solve(&[1.0, 0.5, 0.25]);
/// assert_eq!(solved.reflection(), [0.5, 0.0]);
/// assert_eq!(solved.variance(1), 0.75);
/// assert_eq!(solved.coefficients(2), [0.5, 0.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Levinson {
    reflection: Vec<f64>,
    variances: Vec<f64>,
}

impl Levinson {
    /// Solves for every order up to `c.len() - 1`, or up to the first at which the autocovariances stop being those of
    /// a stationary process with an unpredictable part (v_p <= 0 up to rounding).
    #[must_use]
    pub fn solve(c: &[f64]) -> Self {
        let mut solved =
            Self { reflection: Vec::with_capacity(c.len()), variances: c.first().copied().into_iter().collect() };
        let mut a: Vec<f64> = Vec::with_capacity(c.len());
        for p in 1..c.len() {
            let v = solved.variances[p - 1];
            let known: f64 = a.iter().enumerate().map(|(i, a)| a * c[p - 1 - i]).sum();
            let k = (c[p] - known) / v;
            let next = v * (1.0 - k * k);
            if !(v > 0.0 && next > c[0] * f64::EPSILON) {
                break;
            }
            step_up(&mut a, k);
            solved.reflection.push(k);
            solved.variances.push(next);
        }
        solved
    }

    /// The largest order solved for.
    #[must_use]
    pub fn max_order(&self) -> usize {
        self.reflection.len()
    }

    /// k_1..k_p: the partial autocorrelations.
    #[must_use]
    pub fn reflection(&self) -> &[f64] {
        &self.reflection
    }

    /// v_p: the one-step error variance of an order.
    #[must_use]
    pub fn variance(&self, order: usize) -> f64 {
        self.variances[order]
    }

    /// The coefficients of an order, in O(p^2).
    #[must_use]
    pub fn coefficients(&self, order: usize) -> Vec<f64> {
        let mut a = Vec::with_capacity(order);
        for &k in &self.reflection[..order] {
            step_up(&mut a, k);
        }
        a
    }
}

/// From the coefficients of order p - 1 and k_p to those of order p, in place.
pub(super) fn step_up(a: &mut Vec<f64>, k: f64) {
    let p = a.len();
    for i in 0..p.div_ceil(2) {
        let (front, back) = (a[i], a[p - 1 - i]);
        a[i] = front - k * back;
        a[p - 1 - i] = back - k * front;
    }
    a.push(k);
}

/// T^-1, T the p x p Toeplitz matrix of c: times the innovation variance over n the asymptotic covariance of
/// Yule-Walker estimates (Brockwell and Davis 1991, theorem 8.1.1), as R's `asy.var.coef`. O(p^2).
///
/// The inverse comes from the coefficients a of order p - 1 and their variance by the formula of Gohberg and
/// Semencul: T^-1_{ij} v = sum_{k <= min(i,j)} (b_{i-k} b_{j-k} - b_{p-(i-k)} b_{p-(j-k)}), b = (1, -a).
#[must_use]
pub fn inverse(solved: &Levinson, order: usize) -> Vec<Vec<f64>> {
    if order == 0 {
        return Vec::new();
    }
    let a = solved.coefficients(order - 1);
    let b: Vec<f64> = std::iter::once(1.0).chain(a.iter().map(|a| -a)).collect();
    let reversed = |i: usize| if i == 0 { 0.0 } else { b[order - i] };
    let variance = solved.variance(order - 1);
    let mut inverse = vec![vec![0.0; order]; order];
    for i in 0..order {
        for j in 0..=i {
            let before = if j == 0 { 0.0 } else { inverse[i - 1][j - 1] };
            inverse[i][j] = before + (b[i] * b[j] - reversed(i) * reversed(j)) / variance;
            inverse[j][i] = inverse[i][j];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::*;

    const C: [f64; 5] = [2.0, 1.1, 0.2, -0.3, 0.1];

    #[test]
    fn every_order_solves_its_equations() {
        let solved = Levinson::solve(&C);
        for p in 1..C.len() {
            let a = solved.coefficients(p);
            for row in 0..p {
                let left: f64 = (0..p).map(|i| a[i] * C[row.abs_diff(i)]).sum();
                assert!((left - C[row + 1]).abs() < 1e-14);
            }
            let variance = C[0] - (0..p).map(|i| a[i] * C[i + 1]).sum::<f64>();
            assert!((variance - solved.variance(p)).abs() < 1e-14);
        }
    }

    #[test]
    fn the_inverse_is_that_of_the_matrix() {
        let solved = Levinson::solve(&C);
        for p in 1..C.len() {
            let t = DMatrix::from_fn(p, p, |i, j| C[i.abs_diff(j)]);
            let inverse = t.try_inverse().expect("positive definite");
            for (i, row) in super::inverse(&solved, p).iter().enumerate() {
                assert!(row.iter().enumerate().all(|(j, d)| (d - inverse[(i, j)]).abs() < 1e-13));
            }
        }
    }

    #[test]
    fn a_deterministic_sequence_ends_the_recursion() {
        assert_eq!(Levinson::solve(&[1.0, 1.0, 1.0]).max_order(), 0);
        assert_eq!(Levinson::solve(&[0.0, 0.0]).max_order(), 0);
        assert_eq!(Levinson::solve(&[]).max_order(), 0);
    }
}
