//! Special functions, on top of `statrs` and, where it is good to 1e-11 only (the error function), `libm`.

use statrs::function::{beta, erf, gamma};

/// The standard normal distribution function, accurate in the lower tail; use `normal_cdf(-z)` for the upper one.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The standard normal quantile; infinite at 0 and 1.
#[must_use]
pub fn normal_quantile(q: f64) -> f64 {
    if q <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if q >= 1.0 {
        return f64::INFINITY;
    }
    let start = -std::f64::consts::SQRT_2 * erf::erfc_inv(2.0 * q);
    // One Newton step on the side of the small tail takes the rational approximation to full precision.
    let (side, target) = if q < 0.5 { (1.0, q) } else { (-1.0, 1.0 - q) };
    let z = side * start;
    let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    if density > 0.0 { side * (z - (normal_cdf(z) - target) / density) } else { start }
}

/// ln Gamma(x) for x > 0.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    gamma::ln_gamma(x)
}

/// The derivative of ln Gamma(x) for x > 0.
#[must_use]
pub fn digamma(x: f64) -> f64 {
    gamma::digamma(x)
}

/// The second derivative of ln Gamma(x) for x > 0, by its recurrence and, above 12, its asymptotic series (Abramowitz and
/// Stegun 1964, 6.4.6 and 6.4.12).
#[must_use]
pub fn trigamma(x: f64) -> f64 {
    /// Bernoulli's numbers B_2, B_4, ..
    const BERNOULLI: [f64; 7] =
        [1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0, 7.0 / 6.0];
    let (mut x, mut sum) = (x, 0.0);
    while x < 12.0 {
        sum += (x * x).recip();
        x += 1.0;
    }
    let square = (x * x).recip();
    let series = BERNOULLI.iter().rev().fold(0.0, |tail, b| (b + tail) * square);
    sum + (1.0 + series) / x + 0.5 * square
}

/// ln(1 + x) - x for x > -1, without cancellation near zero: with v = x / (2 + x), it is -x v + 2 (v^3 / 3 + v^5 / 5 + ..).
#[must_use]
pub fn ln_1p_minus(x: f64) -> f64 {
    if x.abs() > 0.1 {
        return x.ln_1p() - x;
    }
    let v = x / (2.0 + x);
    let square = v * v;
    let series = (1..8).rev().fold(0.0, |tail, j| (tail + 1.0 / f64::from(2 * j + 1)) * square);
    v * (2.0 * series - x)
}

/// ln Gamma(x + 1) - (x + 1/2) ln x + x - ln(2 pi) / 2 for x > 0: what Stirling's formula leaves out, by its series (Abramowitz
/// and Stegun 1964, 6.1.41) from 16 on.
#[must_use]
pub fn stirling_remainder(x: f64) -> f64 {
    if x < 16.0 {
        return ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - 0.5 * std::f64::consts::TAU.ln();
    }
    let square = (x * x).recip();
    let series = [1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    series.iter().fold(0.0, |tail, term| tail * square + term) / x
}

/// ln x - 1 / (2 x) - digamma(x), by its series (Abramowitz and Stegun 1964, 6.3.18), for x of 10 and more.
#[must_use]
pub fn digamma_remainder(x: f64) -> f64 {
    let square = (x * x).recip();
    let series = [1.0 / 132.0, -1.0 / 240.0, 1.0 / 252.0, -1.0 / 120.0, 1.0 / 12.0];
    series.iter().fold(0.0, |tail, term| tail * square + term) * square
}

/// The distribution function of Student's t, accurate in the lower tail; use `student_t_cdf(-t, v)` for the upper one.
#[must_use]
pub fn student_t_cdf(t: f64, dof: f64) -> f64 {
    let square = t * t;
    // Near the middle the argument would be rounded to one.
    let tail = if square < 1.0 {
        0.5 - 0.5 * beta::beta_reg(0.5, 0.5 * dof, square / (dof + square))
    } else {
        0.5 * beta::beta_reg(0.5 * dof, 0.5, dof / (dof + square))
    };
    if t <= 0.0 { tail } else { 1.0 - tail }
}

/// The quantile of Student's t; infinite at 0 and 1.
#[must_use]
pub fn student_t_quantile(q: f64, dof: f64) -> f64 {
    if q <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if q >= 1.0 {
        return f64::INFINITY;
    }
    let (side, tail) = if q < 0.5 { (-1.0, q) } else { (1.0, 1.0 - q) };
    // P(T < -t) is decreasing in t: double until it is bracketed, then bisect on the logarithmic scale.
    let lower_tail = |t: f64| student_t_cdf(-t, dof);
    let mut high = 1.0;
    while lower_tail(high) > tail && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if lower_tail(middle) > tail { low = middle } else { high = middle }
    }
    side * 0.5 * (low + high)
}

/// P(X > x) for a chi-squared variable.
#[must_use]
pub fn chi_squared_survival(x: f64, dof: f64) -> f64 {
    if x <= 0.0 { 1.0 } else { gamma::gamma_ur(0.5 * dof, 0.5 * x) }
}

/// P(X > x) for an F variable with two degrees of freedom.
#[must_use]
pub fn f_survival(x: f64, numerator: f64, denominator: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    beta::beta_reg(0.5 * denominator, 0.5 * numerator, denominator / (denominator + numerator * x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_t_keeps_its_digits_near_the_middle() {
        for dof in [2.1, 5.0, 200.0] {
            let density =
                (ln_gamma(0.5 * (dof + 1.0)) - ln_gamma(0.5 * dof)).exp() / (dof * std::f64::consts::PI).sqrt();
            for t in [1e-4, 1e-7, 1e-9] {
                let above = student_t_cdf(t, dof) - 0.5;
                assert!((above - density * t).abs() < 1e-12 * t + 2e-16 + t * t * t, "{dof} {t}: {above}");
            }
            let (below, beyond) = (student_t_cdf(-1.0 + 1e-15, dof), student_t_cdf(-1.0 - 1e-15, dof));
            assert!((below - beyond).abs() < 2e-15, "{dof}: {below} {beyond}");
        }
    }

    #[test]
    fn derivatives_of_ln_gamma_have_their_closed_forms() {
        let sixth = std::f64::consts::PI.powi(2) / 6.0;
        assert!((trigamma(1.0) / sixth - 1.0).abs() < 1e-14);
        assert!((trigamma(0.5) / (3.0 * sixth) - 1.0).abs() < 1e-14);
        assert!((digamma(1.0) + 0.577_215_664_901_532_9).abs() < 1e-14);
        let slope = (digamma(40.001) - digamma(39.999)) / 0.002;
        assert!((trigamma(40.0) - slope).abs() < 1e-10);
    }

    #[test]
    fn remainders_are_what_is_left() {
        for x in [-0.6, -0.1, -0.09, 0.05, 0.1, 0.3, 4.0_f64] {
            assert!((ln_1p_minus(x) / (x.ln_1p() - x) - 1.0).abs() < 1e-12, "{x}");
        }
        // x^2 / 2 - x^3 / 3 + x^4 / 4 - ..
        assert!((ln_1p_minus(1e-5) / -(0.5e-10 - 1e-15 / 3.0 + 0.25e-20) - 1.0).abs() < 1e-14);
        for x in [16.0, 17.5, 40.0_f64] {
            let own = ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - 0.5 * std::f64::consts::TAU.ln();
            assert!((stirling_remainder(x) - own).abs() < 1e-13, "{x}");
        }
        for x in [10.0, 12.5, 90.0_f64] {
            assert!((digamma_remainder(x) - (x.ln() - 0.5 / x - digamma(x))).abs() < 1e-13, "{x}");
        }
    }
}
