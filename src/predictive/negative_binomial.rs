//! The negative binomial family, of counts: mean m and dispersion a; the size is r = 1 / a.
//!
//! mass Gamma(k + r) / (k! Gamma(r)) (r / (r + m))^r (m / (r + m))^k, variance m + a m^2; Poisson's law in the limit a -> 0.
//! R: `dnbinom(k, size = 1 / a, mu = m)`. log p is that of a mass; it compares with a density integrated over k +- 1/2.
//!
//! Tails are regularised incomplete beta functions, P(X > k) = I_q(k + 1, r) with q = m / (r + m): about a microsecond; a quantile
//! is a bisection, a dozen or two of them. A draw is the quantile of a uniform.

use crate::math::random::LaneRng;
use crate::math::special;

/// A mass beyond which no further count is listed.
const NEGLIGIBLE: f64 = 1e-13;
/// The most counts that are listed.
const MOST: usize = 1 << 20;
/// The relative error of a continued fraction, and how many terms it may have: as many as the root of its count, nearly.
const PRECISION: f64 = 4e-16;
const TERMS: u32 = 1 << 20;

/// ln mass, by Loader's saddle-point expansion (2000, *Fast and accurate computation of binomial probabilities*), in which
/// nothing large cancels: with n = k + r, the expectations y = n m / (r + m) of k and n - y of r given n, d(x, y) = x ln(x / y) +
/// y - x, and s what Stirling's formula leaves out,
///
/// ln p = -1/2 ln(2 pi k n / r) + s(n) - s(k) - s(r) - d(k, y) - d(r, n - y).
pub(super) fn log_mass([mean, dispersion]: [f64; 2], k: f64) -> f64 {
    if !(k >= 0.0 && k.fract() == 0.0 && k.is_finite()) {
        return f64::NEG_INFINITY;
    }
    let (r, am, ak) = (1.0 / dispersion, dispersion * mean, dispersion * k);
    if k == 0.0 {
        return -r * am.ln_1p();
    }
    // d(x, y) by the relative distance of x from y.
    let deviance = |y: f64, e: f64| {
        y * if e > 1.0 { (1.0 + e) * e.ln_1p() - e } else { (1.0 + e) * special::ln_1p_minus(e) + e * e }
    };
    let of_k = deviance(mean * (1.0 + ak) / (1.0 + am), (k - mean) / (mean * (1.0 + ak)));
    let of_r = deviance((r + k) / (1.0 + am), (mean - k) / (r + k));
    let remainders =
        special::stirling_remainder(r + k) - special::stirling_remainder(r) - special::stirling_remainder(k);
    remainders - of_k - of_r - 0.5 * (ak.ln_1p() + (std::f64::consts::TAU * k).ln())
}

/// The regularised incomplete beta function I_x(a, b) for x at most a / (a + b), divided by x^a (1 - x)^b / B(a, b): a continued
/// fraction (DiDonato and Morris 1992, *ACM Trans. Math. Softw.* 18, p. 360, equation 9) by Lentz's method. `lambda` is a - (a + b) x.
fn beta_fraction(a: f64, b: f64, x: f64, lambda: f64) -> f64 {
    let term = |n: f64| n * (b - n) * x / (a + 2.0 * n - 1.0);
    let denominator = |n: f64| (a + n) / (a + 2.0 * n + 1.0) * (lambda + 1.0 + n * (2.0 - x));
    let mut value = denominator(0.0);
    let (mut c, mut d) = (value, 0.0);
    for n in (1..TERMS).map(f64::from) {
        let numerator = (a + (n - 1.0)) / (a + 2.0 * n - 1.0) * (a + b + (n - 1.0)) * x * term(n);
        let own = n + term(n) + denominator(n);
        d = 1.0 / (own + numerator * d);
        c = own + numerator / c;
        value *= c * d;
        // Not without a number either.
        let goes_on = (c * d - 1.0).abs() > PRECISION;
        if !goes_on {
            break;
        }
    }
    1.0 / value
}

/// P(X > k) and whether that is what is computed; P(X <= k) otherwise: the one that is the smaller, more or less.
fn tail([mean, dispersion]: [f64; 2], k: f64) -> (f64, bool) {
    let (r, am) = (1.0 / dispersion, dispersion * mean);
    let next = k + 1.0;
    // x^a (1 - x)^b / B(a, b) is the same for both.
    let factor = next * log_mass([mean, dispersion], next).exp();
    let lambda = (next - mean) / (1.0 + am);
    let is_upper = lambda >= 0.0;
    let fraction = if is_upper {
        beta_fraction(next, r, am / (1.0 + am), lambda)
    } else {
        beta_fraction(r, next, 1.0 / (1.0 + am), -lambda)
    };
    ((factor * fraction).clamp(0.0, 1.0), is_upper)
}

/// P(X <= x).
pub(super) fn cdf(pair: [f64; 2], x: f64) -> f64 {
    match x.floor() {
        k if k < 0.0 => 0.0,
        f64::INFINITY => 1.0,
        k => match tail(pair, k) {
            (above, true) => 1.0 - above,
            (below, false) => below,
        },
    }
}

/// P(X > x), without cancellation in the upper tail.
pub(super) fn survival(pair: [f64; 2], x: f64) -> f64 {
    match x.floor() {
        k if k < 0.0 => 1.0,
        f64::INFINITY => 0.0,
        k => match tail(pair, k) {
            (above, true) => above,
            (below, false) => 1.0 - below,
        },
    }
}

/// The smallest count up to which a share `q` of the mass lies.
pub(super) fn quantile(pair: [f64; 2], q: f64) -> f64 {
    first(pair, q <= 0.0, q >= 1.0, |k| if q < 0.5 { cdf(pair, k) >= q } else { survival(pair, k) <= 1.0 - q })
}

/// The largest count such that it and all above have at least a mass.
pub(super) fn upper_edge(pair: [f64; 2], mass: f64) -> f64 {
    first(pair, mass >= 1.0, mass <= 0.0, |k| survival(pair, k) < mass)
}

/// The first count for which a monotone condition holds.
fn first([mean, dispersion]: [f64; 2], is_zero: bool, is_infinite: bool, holds: impl Fn(f64) -> bool) -> f64 {
    if is_zero {
        return 0.0;
    }
    if is_infinite {
        return f64::INFINITY;
    }
    let width = (mean + dispersion * mean * mean).sqrt().max(1.0);
    let (mut low, mut high) = (-1.0, (mean + width).floor());
    while !holds(high) && high < 1e15 {
        low = high;
        high = (high + width).floor().max(high + 1.0) + (high - mean).max(0.0).floor();
    }
    first_between(low, high, holds)
}

/// That between a number for which it does not hold and a count for which it does.
pub(super) fn first_between(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    while high - low > 1.0 {
        let middle = (0.5 * (low + high)).floor();
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}

/// One draw.
pub(super) fn sample(pair: [f64; 2], rng: &mut LaneRng) -> f64 {
    quantile(pair, rng.uniform())
}

/// Mean and variance.
pub(super) fn moments([mean, dispersion]: [f64; 2]) -> (f64, f64) {
    (mean, mean + dispersion * mean * mean)
}

/// The most probable count: floor(m (1 - a)), or 0.
pub(super) fn mode([mean, dispersion]: [f64; 2]) -> f64 {
    (mean * (1.0 - dispersion)).floor().max(0.0)
}

/// The masses of consecutive counts between which all but nothing to speak of lies, normalised, and the first of them: the row
/// as one of symbols.
pub(super) fn masses(pair: [f64; 2], out: &mut Vec<f64>) -> usize {
    listed(|mass| [quantile(pair, mass), upper_edge(pair, mass)], |k| log_mass(pair, k), out)
}

/// As [`masses`], from the counts beyond which a mass lies on either side.
pub(super) fn listed(edges: impl Fn(f64) -> [f64; 2], log_mass: impl Fn(f64) -> f64, out: &mut Vec<f64>) -> usize {
    out.clear();
    let [first, last] = edges(NEGLIGIBLE);
    let last = last.min(first + (MOST - 1) as f64);
    out.extend((0..=(last - first) as usize).map(|i| log_mass(first + i as f64).exp()));
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|mass| *mass /= sum);
    first as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R 4.2.2: `dnbinom(k, size = 1 / a, mu = m, log = TRUE)`, `pnbinom(k, size = 1 / a, mu = m)`, `pnbinom(k, size = 1 / a,
    /// mu = m, lower.tail = FALSE)`, printed with `sprintf("%.17g", ..)`.
    const R: [([f64; 2], f64, f64, f64, f64); 16] = [
        ([4.0, 0.5], 3.0, -2.0273255405408217, 0.5390946502057614, 0.4609053497942386),
        ([4.0, 0.5], 40.0, -14.702256834958488, 0.9999991157200043, 8.842799957509639e-7),
        ([0.02, 0.5], 0.0, -0.019900661706336167, 0.9802960494069208, 0.019703950593079108),
        ([3.0, 1e-6], 5.0, -2.294430799444668, 0.9160817555128109, 0.08391824448718906),
        ([1000.0, 1e-5], 1100.0, -9.217726163704, 0.9990840354080157, 0.0009159645919842244),
        ([400.0, 0.3], 5.0, -12.632411080298418, 8.240157172542189e-6, 0.9999917598428274),
        ([12.0, 20.0], 200.0, -9.10824141471838, 0.984747825369314, 0.015252174630685901),
        ([1e-6, 1e-6], 1.0, -13.815511557990213, 0.9999999999995, 5.000001666657916e-13),
        ([0.5, 50.0], 7.0, -6.148935223575589, 0.9815711820156787, 0.0184288179843212),
        ([50.0, 2e-5], 80.0, -10.703094001662462, 0.99996530600301, 3.4693996989942075e-5),
        ([1e5, 0.2], 40_000.0, -12.308902665435586, 0.05266203980869087, 0.9473379601913091),
        ([1e5, 1e-6], 101_000.0, -11.257495086615972, 0.9987013030678393, 0.001298696932160722),
        ([1e7, 0.5], 2e7, -18.0386540592785, 0.9084217982300746, 0.09157820176992533),
        ([2e9, 0.5], 5e8, -21.916413017256357, 0.09020401081013193, 0.909795989189868),
        ([30.0, 1e-9], 20.0, -4.311668786144971, 0.035284620465901216, 0.9647153795340988),
        ([1e6, 1e-6], 1_003_000.0, -10.422145614714568, 0.9830154386474267, 0.016984561352573285),
    ];

    /// Where R's own logarithm is good to 1e-9 only, from mpmath with 60 digits: `loggamma(k + r) - loggamma(k + 1) -
    /// loggamma(r) + r * log(r / (r + m)) + k * log(m / (r + m))` with `r = 1 / mpf(a)`.
    const MPMATH: [([f64; 2], f64, f64); 9] = [
        ([4.0, 0.5], 3.0, -2.0273255405408217),
        ([3.0, 1e-6], 5.0, -2.2944307994429973),
        ([1000.0, 1e-5], 1100.0, -9.21772616370401),
        ([1e-6, 1e-6], 1.0, -13.815511557965275),
        ([0.5, 50.0], 7.0, -6.148935223575591),
        ([50.0, 2e-5], 80.0, -10.70309400166247),
        ([2e9, 0.5], 5e8, -21.916413017256357),
        ([30.0, 1e-9], 20.0, -4.311668787510379),
        ([1e6, 1e-6], 1_003_000.0, -10.422145614714568),
    ];

    /// P(X <= k) and P(X > k) where masses and tails are hard: sums of masses by their ratios, and in the last row `betainc(k + 1, r, 0,
    /// m / (r + m), regularized=True)`, mpmath with 40 digits.
    const TAILS: [([f64; 2], f64, f64, f64); 12] = [
        ([3.0, 1e-6], 1.0, 0.199148721554623, 0.800851278445377),
        ([30.0, 1e-9], 20.0, 0.03528462046590115, 0.9647153795340988),
        ([30.0, 1e-9], 29.0, 0.4757169871958378, 0.5242830128041622),
        ([1000.0, 20.0], 10.0, 0.7042363803392249, 0.2957636196607751),
        ([1000.0, 20.0], 900.0, 0.8778360062541724, 0.12216399374582756),
        ([1e5, 0.2], 99_000.0, 0.550694576504853, 0.44930542349514694),
        ([1e5, 0.2], 100_500.0, 0.5638866334477642, 0.43611336655223574),
        ([1e4, 1e4], 3.0, 0.9983426334012006, 0.0016573665987993733),
        ([1e4, 1e4], 9998.0, 0.999137026882354, 0.0008629731176460582),
        ([0.02, 0.5], 6.0, 0.999999999999926, 7.397100612083322e-14),
        ([700.0, 1e-5], 600.0, 6.245767944110854e-5, 0.9999375423205589),
        ([1000.0, 50.0], 2e6, 1.0, 2.2594755037369713e-21),
    ];

    /// R 4.2.2: `qnbinom(c(1e-6, .01, .5, .77, .999), size = 1 / a, mu = m)`.
    const QUANTILES: [([f64; 2], [f64; 5]); 11] = [
        ([4.0, 0.5], [0.0, 0.0, 3.0, 6.0, 22.0]),
        ([0.02, 0.5], [0.0, 0.0, 0.0, 0.0, 1.0]),
        ([3.0, 1e-6], [0.0, 0.0, 3.0, 4.0, 10.0]),
        ([1000.0, 1e-5], [853.0, 927.0, 1000.0, 1023.0, 1100.0]),
        ([400.0, 0.3], [2.0, 65.0, 361.0, 536.0, 1427.0]),
        ([12.0, 20.0], [0.0, 0.0, 0.0, 1.0, 658.0]),
        ([0.5, 50.0], [0.0, 0.0, 0.0, 0.0, 51.0]),
        ([50.0, 2e-5], [20.0, 34.0, 50.0, 55.0, 73.0]),
        ([1e5, 0.2], [3379.0, 25_580.0, 93_418.0, 128_881.0, 295_888.0]),
        ([1e7, 0.5], [7073.0, 742_773.0, 8_391_735.0, 14_031_728.0, 46_167_071.0]),
        ([1e5, 1e-6], [98_428.0, 99_229.0, 100_000.0, 100_245.0, 101_027.0]),
    ];

    #[test]
    fn masses_and_tails_are_those_of_r() {
        for (pair, k, log, below, above) in R {
            let close = |what: &str, own: f64, expected: f64| {
                let error = (own / expected - 1.0).abs();
                assert!(error < 2e-9, "{what} of {pair:?} at {k}: {own}, not {expected}");
            };
            close("ln mass", log_mass(pair, k), log);
            close("cdf", cdf(pair, k), below);
            close("survival", survival(pair, k), above);
            assert_eq!(cdf(pair, k + 0.5), cdf(pair, k));
        }
        for nothing in [-1.0, 0.5, f64::INFINITY] {
            assert_eq!(log_mass([2.0, 0.5], nothing), f64::NEG_INFINITY);
        }
    }

    #[test]
    fn log_masses_are_exact_and_poissons_in_the_limit() {
        for (pair, k, expected) in MPMATH {
            let own = log_mass(pair, k);
            assert!(
                (own - expected).abs() < 1e-14 * (1.0 + k.sqrt()).min(20.0),
                "{pair:?} at {k}: {own}, not {expected}"
            );
        }
        for (m, k) in [(3.0, 0.0), (3.0, 5.0), (1e-3, 2.0), (700.0, 650.0_f64)] {
            let poisson = k * f64::ln(m) - m - special::ln_gamma(k + 1.0);
            for a in [1e-14, 1e-200] {
                let own = log_mass([m, a], k);
                assert!((own - poisson).abs() < 1e-11, "{a} {m} {k}: {own}, not {poisson}");
            }
        }
    }

    #[test]
    fn tails_are_exact() {
        for (pair, k, below, above) in TAILS {
            for (own, expected) in [(cdf(pair, k), below), (survival(pair, k), above)] {
                assert!((own / expected - 1.0).abs() < 5e-11, "{pair:?} at {k}: {own}, not {expected}");
            }
        }
        // Poisson's law: P(X <= 1) = e^-3 (1 + 3).
        for a in [1e-14, 1e-200] {
            assert!((cdf([3.0, a], 1.0) / (4.0 * (-3.0_f64).exp()) - 1.0).abs() < 1e-12, "{a}");
        }
        assert!([0.0, 5.0].iter().all(|k| cdf([f64::NAN, 0.5], *k).is_nan() && survival([3.0, f64::NAN], *k).is_nan()));
    }

    #[test]
    fn quantiles_are_those_of_r() {
        for (pair, expected) in QUANTILES {
            assert_eq!([1e-6, 0.01, 0.5, 0.77, 0.999].map(|q| quantile(pair, q)), expected, "{pair:?}");
        }
    }

    #[test]
    fn quantiles_are_the_first_counts_that_reach_a_mass() {
        for pair in [[0.02, 0.5], [3.0, 1e-6], [7.5, 0.8], [400.0, 0.3], [12.0, 20.0]] {
            for q in [1e-9, 0.01, 0.3, 0.5, 0.77, 0.999, 1.0 - 1e-9] {
                let k = quantile(pair, q);
                assert!(cdf(pair, k) >= q * (1.0 - 1e-9) && (k == 0.0 || cdf(pair, k - 1.0) < q), "{pair:?} {q}: {k}");
                let edge = upper_edge(pair, q);
                assert!(survival(pair, edge) < q && (edge == 0.0 || survival(pair, edge - 1.0) >= q), "{pair:?} {q}");
            }
            let best = log_mass(pair, mode(pair));
            assert!(best >= log_mass(pair, mode(pair) + 1.0) && best >= log_mass(pair, mode(pair) - 1.0));
        }
        assert_eq!((quantile([3.0, 0.1], 0.0), quantile([3.0, 0.1], 1.0)), (0.0, f64::INFINITY));
    }

    #[test]
    fn draws_have_the_masses() {
        for pair in [[4.0, 0.5], [0.3, 2.0], [30.0, 1e-6], [250.0, 0.05]] {
            const N: f64 = 1e4;
            let mut rng = LaneRng::new(2, 0);
            let draws: Vec<f64> = (0..10_000).map(|_| sample(pair, &mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / N;
            let second = |x: &f64| (x - mean) * (x - mean);
            let variance = draws.iter().map(second).sum::<f64>() / N;
            let fourth = draws.iter().map(|x| second(x).powi(2)).sum::<f64>() / N;
            let expected = moments(pair);
            assert!((mean - expected.0).abs() < 4.0 * (expected.1 / N).sqrt(), "{pair:?}: mean {mean}");
            assert!((variance - expected.1).abs() < 4.0 * (fourth / N).sqrt(), "{pair:?}: variance {variance}");
            // Kolmogorov's distance: beyond 1.95 / sqrt(n) with a chance below 0.001.
            for q in [0.1, 0.5, 0.9] {
                let k = quantile(pair, q);
                let below = draws.iter().filter(|x| **x <= k).count() as f64 / N;
                assert!((below - cdf(pair, k)).abs() < 0.0195, "{pair:?} up to {k}: {below}");
            }
        }
    }

    #[test]
    fn listed_masses_are_the_row() {
        for pair in [[4.0, 0.5], [0.02, 0.5], [12.0, 20.0], [5e6, 1e-6]] {
            let mut listed = Vec::new();
            let first = masses(pair, &mut listed);
            let mean: f64 = listed.iter().zip(first..).map(|(mass, k)| mass * k as f64).sum();
            assert!((mean / pair[0] - 1.0).abs() < 1e-9, "{pair:?}: {mean}");
            let at = listed.len() / 2;
            let own = listed[at].ln() - log_mass(pair, (first + at) as f64);
            assert!(own.abs() < 1e-9, "{pair:?}: off by {own}");
        }
    }

    #[test]
    fn a_row_accepts_what_is_not_too_surprising_and_is_drawn_from() {
        use crate::predictive::{Family, Predictive, Sampler, Truncation};
        for pair in [[4.0, 0.5], [0.3, 2.0], [30.0, 1e-6]] {
            let mut rows = Predictive::new(Family::NegativeBinomial, 1);
            rows.set(0, &pair, true);
            let row = rows.row(0);
            for outside in [0.5, 0.1, 0.01] {
                let (low, high) = row.accepted_region(outside);
                for k in 0..200 {
                    let k = f64::from(k);
                    let is_accepted = low <= k && k <= high;
                    assert_eq!(is_accepted, row.surprisal_tail(k) >= outside, "{pair:?} {outside} {k}");
                }
            }
            // Draws at a temperature of one are draws, and what is kept of all is all.
            let sampler = |truncation| Sampler::new(1.0, truncation).expect("a sampler");
            for (mut sampler, lane) in [(sampler(None), 0), (sampler(Some(Truncation::TopK(1 << 20))), 1)] {
                let draw = sampler.draw(&row, &mut LaneRng::new(1, lane)).expect("a draw");
                assert!((draw.log_q - row.log_prob(draw.value)).abs() < 1e-10, "{pair:?}: {draw:?}");
            }
            assert_eq!((row.mean(), row.median()), (pair[0], row.quantile(0.5)));
            assert_eq!(row.std_dev(), moments(pair).1.sqrt());
            assert!(row.log_prob(f64::NAN).is_nan() && row.cdf(f64::NAN).is_nan());
            assert_eq!([row.log_prob(-1.0), row.log_prob(1.5)], [f64::NEG_INFINITY; 2]);
        }
    }
}
