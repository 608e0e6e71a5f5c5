//! All orders of an autoregression at once: the predictors of order 0..p that belong to one AR(p).
//!
//! ```text
//! up    a_{k,i} = a_{k-1,i} - r_k a_{k-1,k-i},  a_{k,k} = r_k                    from partial autocorrelations r
//! down  a_{k-1,i} = (a_{k,i} + r_k a_{k,k-i}) / (1 - r_k^2),  r_k = a_{k,k}      from the coefficients of order p
//! 1 / v_k = prod_{j > k} (1 - r_j^2)          v_k sigma^2: the one-step variance given k values; v_p = 1
//! ```
//!
//! The process is stationary exactly when every abs(r_k) < 1, so that r = tanh z is stationary for every z
//! (Barndorff-Nielsen and Schou 1973, J. Multivariate Analysis 3, p. 408). Both directions cost O(p^2), and each has
//! its adjoint: what a function's derivatives by all a_{k,i} and ln(1 - r_k^2) say about z or the coefficients.

use super::dual::Real;

/// Where the coefficients of order k begin.
const fn offset(k: usize) -> usize {
    k * k.saturating_sub(1) / 2
}

/// The coefficients of every order, the reflections and their complements.
#[derive(Debug, Clone)]
pub(super) struct Ladder<T> {
    coefficients: Vec<T>,
    reflection: Vec<T>,
    /// 1 - r_k^2.
    complement: Vec<T>,
    /// 1 / v_k for k = 0..=p.
    precision: Vec<T>,
}

/// Derivatives by what a [`Ladder`] holds.
#[derive(Debug, Clone)]
pub(super) struct Adjoint<T> {
    coefficients: Vec<T>,
    /// By ln(1 - r_k^2).
    log_complement: Vec<T>,
}

impl<T: Real> Adjoint<T> {
    pub(super) fn zeros(order: usize) -> Self {
        let zero = T::of(0.0);
        Self { coefficients: vec![zero; offset(order + 1)], log_complement: vec![zero; order] }
    }

    pub(super) fn clear(&mut self) {
        self.coefficients.fill(T::of(0.0));
        self.log_complement.fill(T::of(0.0));
    }

    /// Those by a_{k,1..k}.
    pub(super) fn order(&mut self, k: usize) -> &mut [T] {
        &mut self.coefficients[offset(k)..offset(k + 1)]
    }

    /// Those by ln(1 - r_1^2), ..
    pub(super) fn log_complement(&mut self) -> &mut [T] {
        &mut self.log_complement
    }
}

impl<T: Real> Ladder<T> {
    /// White noise, with room for an order.
    pub(super) fn of_order(order: usize) -> Self {
        let zero = T::of(0.0);
        Self {
            coefficients: vec![zero; offset(order + 1)],
            reflection: vec![zero; order],
            complement: vec![T::of(1.0); order],
            precision: vec![T::of(1.0); order + 1],
        }
    }

    pub(super) fn max_order(&self) -> usize {
        self.reflection.len()
    }

    /// a_{k,1..k}.
    pub(super) fn order(&self, k: usize) -> &[T] {
        &self.coefficients[offset(k)..offset(k + 1)]
    }

    /// 1 / v_k.
    pub(super) fn precision(&self, k: usize) -> T {
        self.precision[k]
    }

    /// ln(1 - r_k^2), k = 1..p.
    pub(super) fn log_complements(&self) -> impl Iterator<Item = T> {
        self.complement.iter().map(|s| s.ln())
    }

    /// From z, r_k = tanh z_k.
    pub(super) fn climb(&mut self, z: &[T]) {
        for (k, &z) in (1..).zip(z) {
            let (r, s) = z.tanh();
            (self.reflection[k - 1], self.complement[k - 1]) = (r, s);
            let (below, here) = self.coefficients.split_at_mut(offset(k));
            let below = &below[offset(k - 1)..];
            for i in 0..k - 1 {
                here[i] = below[i] - r * below[k - 2 - i];
            }
            here[k - 1] = r;
        }
        self.weigh();
    }

    /// From the coefficients of order p; false if they are not stationary.
    pub(super) fn descend(&mut self, phi: &[T]) -> bool {
        let p = phi.len();
        self.coefficients[offset(p)..].copy_from_slice(phi);
        for k in (1..=p).rev() {
            let (below, here) = self.coefficients.split_at_mut(offset(k));
            let below = &mut below[offset(k - 1)..];
            let r = here[k - 1];
            let s = (T::of(1.0) - r) * (T::of(1.0) + r);
            if !(s.value() > 0.0 && r.value().abs() < 1.0) {
                return false;
            }
            (self.reflection[k - 1], self.complement[k - 1]) = (r, s);
            let inverse = T::of(1.0) / s;
            for i in 0..k - 1 {
                below[i] = (here[i] + r * here[k - 2 - i]) * inverse;
            }
        }
        self.weigh();
        true
    }

    fn weigh(&mut self) {
        let mut product = T::of(1.0);
        for k in (0..self.max_order()).rev() {
            product = product * self.complement[k];
            self.precision[k] = product;
        }
    }

    /// The derivatives by z after [`Ladder::climb`].
    pub(super) fn pull_to_angles(&self, adjoint: &mut Adjoint<T>) -> Vec<T> {
        let p = self.max_order();
        let mut by_z = vec![T::of(0.0); p];
        for k in (1..=p).rev() {
            let r = self.reflection[k - 1];
            let (below_adjoint, here_adjoint) = adjoint.coefficients.split_at_mut(offset(k));
            let below_adjoint = &mut below_adjoint[offset(k - 1)..];
            let below = self.order(k - 1);
            let mut by_r = here_adjoint[k - 1];
            for i in 0..k - 1 {
                by_r -= here_adjoint[i] * below[k - 2 - i];
                below_adjoint[i] += here_adjoint[i] - r * here_adjoint[k - 2 - i];
            }
            by_z[k - 1] = by_r * self.complement[k - 1] - (adjoint.log_complement[k - 1] * r).scale(2.0);
        }
        by_z
    }

    /// The derivatives by the coefficients of order p after [`Ladder::descend`].
    pub(super) fn pull_to_coefficients<'a>(&self, adjoint: &'a mut Adjoint<T>) -> &'a mut [T] {
        let p = self.max_order();
        for k in 1..=p {
            let (r, inverse) = (self.reflection[k - 1], T::of(1.0) / self.complement[k - 1]);
            let (here, below) = (self.order(k), self.order(k - 1));
            let (below_adjoint, here_adjoint) = adjoint.coefficients.split_at_mut(offset(k));
            let below_adjoint = &below_adjoint[offset(k - 1)..];
            let mut by_r = -(adjoint.log_complement[k - 1] * r).scale(2.0);
            for i in 0..k - 1 {
                by_r += below_adjoint[i] * (here[k - 2 - i] + (below[i] * r).scale(2.0));
                here_adjoint[i] += (below_adjoint[i] + r * below_adjoint[k - 2 - i]) * inverse;
            }
            here_adjoint[k - 1] += by_r * inverse;
        }
        adjoint.order(p)
    }
}

/// The partial autocorrelations of stationary coefficients; `None` where they are not stationary.
pub(crate) fn reflections(phi: &[f64]) -> Option<Vec<f64>> {
    let mut ladder = Ladder::of_order(phi.len());
    ladder.descend(phi).then_some(ladder.reflection)
}

/// The autocovariances c_0..c_p of stationary coefficients for innovations of variance one; `None` where they are not
/// stationary. O(p^2).
pub(crate) fn autocovariances(phi: &[f64]) -> Option<Vec<f64>> {
    let mut ladder = Ladder::of_order(phi.len());
    if !ladder.descend(phi) {
        return None;
    }
    let mut c = vec![ladder.precision(0).recip()];
    for k in 1..=phi.len() {
        let from_below: f64 = ladder.order(k - 1).iter().zip(c.iter().rev()).map(|(a, c)| a * c).sum();
        c.push(from_below + ladder.reflection[k - 1] / ladder.precision(k - 1));
    }
    Some(c)
}

/// The largest modulus of the inverse roots of 1 - sum phi_i z^i for stationary coefficients, by bisection: dividing phi_i
/// by rho^i divides every inverse root by rho. O(p^2) a step.
pub(crate) fn root_modulus(phi: &[f64]) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let rho = 0.5 * (low + high);
        let scaled: Vec<f64> = (1..).zip(phi).map(|(i, phi)| phi / f64::powi(rho, i)).collect();
        if reflections(&scaled).is_some() { high = rho } else { low = rho }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::super::dual::Dual;
    use super::*;
    use crate::math::toeplitz::Levinson;

    const Z: [f64; 4] = [0.9, -0.4, 0.7, 0.2];

    /// Any smooth function of all that a ladder holds, with its derivatives.
    fn sample<T: Real>(ladder: &Ladder<T>, adjoint: &mut Adjoint<T>) -> T {
        let mut sum = T::of(0.0);
        for (i, &a) in ladder.coefficients.iter().enumerate() {
            let weight = 1.0 + i as f64;
            sum += (a * a).scale(weight);
            adjoint.coefficients[i] = a.scale(2.0 * weight);
        }
        for (k, log) in ladder.log_complements().enumerate() {
            sum += log.scale(0.3 + k as f64);
            adjoint.log_complement[k] = T::of(0.3 + k as f64);
        }
        sum
    }

    #[test]
    fn up_and_down_are_inverse_and_those_of_levinson() {
        let mut up = Ladder::of_order(4);
        up.climb(&Z);
        let mut down = Ladder::of_order(4);
        assert!(down.descend(up.order(4)));
        for (a, b) in up.coefficients.iter().zip(&down.coefficients) {
            assert!((a - b).abs() < 1e-13);
        }
        let solved = Levinson::solve(&autocovariances(up.order(4)).expect("stationary"));
        for k in 0..=4 {
            assert!((up.precision(k) * solved.variance(k) - 1.0).abs() < 1e-12);
        }
        for (a, b) in solved.coefficients(3).iter().zip(up.order(3)) {
            assert!((a - b).abs() < 1e-12);
        }
        assert!(!down.descend(&[0.5, 0.3, 0.1, 1.0]));
        assert!(reflections(&[1.0 + 1e-9]).is_none());
    }

    #[test]
    fn adjoints_are_derivatives() {
        let mut ladder = Ladder::of_order(4);
        let mut adjoint = Adjoint::zeros(4);
        ladder.climb(&Z);
        sample(&ladder, &mut adjoint);
        let by_z = ladder.pull_to_angles(&mut adjoint);
        let mut duals = Ladder::of_order(4);
        duals.climb(&Dual::seed(&Z, 0));
        let exact = sample(&duals, &mut Adjoint::zeros(4)).tangent;
        assert!(by_z.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-12));

        let phi = ladder.order(4).to_vec();
        ladder.descend(&phi);
        sample(&ladder, &mut adjoint);
        let by_phi = ladder.pull_to_coefficients(&mut adjoint).to_vec();
        assert!(duals.descend(&Dual::seed(&phi, 0)));
        let exact = sample(&duals, &mut Adjoint::zeros(4)).tangent;
        assert!(by_phi.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-10));
    }
}
