//! The generalised Pareto distribution of excesses over a high threshold, and its fit.
//!
//! ```text
//! P(X > x) = (1 + shape x / scale)^(-1 / shape),  x >= 0;   exp(-x / scale) for shape 0
//! ```
//!
//! Excesses of almost any sample over a threshold that rises tend to this law (Pickands 1975, Ann. Statist. 3,
//! p. 119). It is stable: the excesses over a higher threshold v have the same shape and scale + shape v.

/// A generalised Pareto distribution on x >= 0; shape > 0 is a power tail, 0 the exponential, < 0 has an end point.
///
/// ```
/// use foretoken::math::pareto::GeneralizedPareto;
///
/// let tail = GeneralizedPareto { shape: 0.5, scale: 2.0 };
/// assert_eq!(tail.survival(4.0), 0.25);
/// assert_eq!(tail.survival_quantile(0.25), 4.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneralizedPareto {
    /// The shape, xi in most texts.
    pub shape: f64,
    /// The scale > 0.
    pub scale: f64,
}

impl GeneralizedPareto {
    /// The exponential distribution with a mean.
    #[must_use]
    pub fn exponential(mean: f64) -> Self {
        Self { shape: 0.0, scale: mean }
    }

    /// P(X > x).
    #[must_use]
    pub fn survival(&self, x: f64) -> f64 {
        if self.shape == 0.0 {
            return (-x / self.scale).exp();
        }
        // Beyond the end point of a negative shape the base is below zero.
        let excess = (self.shape * x / self.scale).max(-1.0);
        (-excess.ln_1p() / self.shape).exp()
    }

    /// The x with P(X > x) = p, for 0 < p <= 1.
    #[must_use]
    pub fn survival_quantile(&self, p: f64) -> f64 {
        if self.shape == 0.0 { -self.scale * p.ln() } else { self.scale * (-self.shape * p.ln()).exp_m1() / self.shape }
    }

    /// The law of the excesses over a threshold `v` of what has this law.
    #[must_use]
    pub fn beyond(&self, v: f64) -> Self {
        Self { shape: self.shape, scale: self.scale + self.shape * v }
    }

    /// Fits to excesses, sorted ascending, by the estimator of Zhang and Stephens (2009, Technometrics 51, p. 316): the
    /// mean of the profile likelihood in theta = -shape / scale under a weak prior. As efficient as maximum
    /// likelihood, but it always exists. O(n sqrt(n)).
    ///
    /// `None` where there are fewer than two excesses or a quarter of them is zero.
    #[must_use]
    pub fn fit(sorted: &[f64]) -> Option<Self> {
        let quartile = sorted[..].get((sorted.len() + 2) / 4).copied()?;
        let largest = *sorted.last()?;
        let is_usable = sorted.len() > 1 && quartile > 0.0 && largest.is_finite();
        is_usable.then(|| Self::of_theta(sorted, posterior_mean_theta(sorted, quartile, largest)))
    }

    /// The member whose shape maximises the likelihood given theta.
    fn of_theta(sorted: &[f64], theta: f64) -> Self {
        let shape = shape_of_theta(sorted, theta);
        if shape == 0.0 {
            return Self::exponential(sorted.iter().sum::<f64>() / sorted.len() as f64);
        }
        Self { shape, scale: -shape / theta }
    }
}

/// The mean of ln(1 - theta x).
fn shape_of_theta(sorted: &[f64], theta: f64) -> f64 {
    sorted.iter().map(|x| (-theta * x).ln_1p()).sum::<f64>() / sorted.len() as f64
}

/// The quadrature of Zhang and Stephens: nodes at quantiles of the prior, weighted with their profile likelihood.
fn posterior_mean_theta(sorted: &[f64], quartile: f64, largest: f64) -> f64 {
    let n = sorted.len() as f64;
    let nodes = 20 + n.sqrt() as usize;
    let node = |j: usize| {
        let quantile = (j as f64 + 0.5) / nodes as f64;
        1.0 / largest + (1.0 - quantile.sqrt().recip()) / (3.0 * quartile)
    };
    let thetas: Vec<f64> = (0..nodes).map(node).filter(|theta| *theta != 0.0).collect();
    let profile = |&theta: &f64| {
        let shape = shape_of_theta(sorted, theta);
        n * ((-theta / shape).ln() - shape - 1.0)
    };
    let log_likelihoods: Vec<f64> = thetas.iter().map(profile).collect();
    let best = log_likelihoods.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights = log_likelihoods.iter().map(|l| (l - best).exp());
    let (sum, total) =
        thetas.iter().zip(weights).fold((0.0, 0.0), |(sum, total), (theta, w)| (sum + theta * w, total + w));
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::LaneRng;

    fn simulate(law: GeneralizedPareto, n: usize) -> Vec<f64> {
        let mut rng = LaneRng::new(3, 0);
        let mut x: Vec<f64> = (0..n).map(|_| law.survival_quantile(rng.uniform())).collect();
        x.sort_by(f64::total_cmp);
        x
    }

    #[test]
    fn simulated_parameters_are_recovered() {
        for (shape, scale) in [(-0.3, 1.0), (0.0, 2.0), (0.4, 0.5), (0.9, 3.0)] {
            let fitted = GeneralizedPareto::fit(&simulate(GeneralizedPareto { shape, scale }, 4000)).expect("a fit");
            // The asymptotic standard errors are (1 + shape) / sqrt(n) and scale sqrt(2 (1 + shape) / n).
            assert!((fitted.shape - shape).abs() < 3.0 * (1.0 + shape) / 4000_f64.sqrt(), "{fitted:?}");
            assert!((fitted.scale / scale - 1.0).abs() < 3.0 * (2.0 * (1.0 + shape) / 4000.0).sqrt(), "{fitted:?}");
        }
    }

    #[test]
    fn survival_and_quantile_are_inverse_and_stable_beyond_a_threshold() {
        for shape in [-0.2, 0.0, 0.7] {
            let law = GeneralizedPareto { shape, scale: 1.5 };
            assert!((law.survival(law.survival_quantile(1e-3)) - 1e-3).abs() < 1e-15);
            let conditional = law.survival(3.0) / law.survival(1.0);
            assert!((law.beyond(1.0).survival(2.0) - conditional).abs() < 1e-15);
        }
        assert_eq!(GeneralizedPareto { shape: -0.5, scale: 1.0 }.survival(2.5), 0.0);
    }

    #[test]
    fn degenerate_excesses_have_no_fit() {
        assert_eq!(GeneralizedPareto::fit(&[]), None);
        assert_eq!(GeneralizedPareto::fit(&[0.0, 0.0, 0.0, 1.0]), None);
    }
}
