//! Ridge, LASSO and elastic net, with the penalty chosen on rolling origins.
//!
//! ```text
//! ridge:        minimise RSS + lambda sum_j (s_j b_j)^2
//! elastic net:  minimise RSS / (2 n s_y^2) + lambda (l1 sum_j |s_j b_j / s_y| + (1 - l1) / 2 sum_j (s_j b_j / s_y)^2)
//! ```
//!
//! over n rows, j over lags and covariates, s_j and s_y the standard deviations of column j and of the response (about zero
//! without an intercept). Neither depends on the units of the data.
//! Intercept, trend, dummies and waves go free: they are taken out of columns and response by one Householder QR of all
//! standardised columns, whose trailing triangle is the penalised problem in k rows. Every strength is solved for on
//! that triangle: ridge from its singular values, elastic net by linfa's coordinate descent, O(k^2) a sweep whatever n. Time
//! is O(n k^2) for each triangle, memory O(n k).
//!
//! **The strength**, where it is not given, is the one of 30 with the smallest sum of squared one-step errors on rolling
//! origins: coefficients from the first 5/10, .., 9/10 of each series' rows forecast the next tenth. The grid falls evenly
//! in logarithms: for elastic net from the smallest lambda that leaves nothing down to 1e-3 of LASSO's; for ridge over seven
//! decades from ten times the largest eigenvalue of Z'Z, and scaled with the rows before each origin. Of equal errors the stronger penalty wins. All is
//! deterministic.
//!
//! **Errors.** Penalised estimates are biased by an amount that the data do not tell, so there are no standard errors
//! (Goeman 2010, *Biometrical J.* 52, p. 70). `innovation_variance` is RSS / n, and the unbiased one divides by n less the
//! effective degrees of freedom: the trace of the hat matrix, for elastic net on the columns that stay (Zou, Hastie and
//! Tibshirani 2007, *Ann. Stat.* 35, p. 2173). Lags that LASSO drops stand as exact zeros.
//!
//! Matches `MASS::lm.ridge(lambda)` and scikit-learn's `Ridge` behind a `StandardScaler`, and its `Lasso` and `ElasticNet`
//! where the response is standardised too, as glmnet does inside.

use std::borrow::Cow;

use nalgebra::{DMatrix, DVector};

use super::ar::Innovations;
use super::design::Design;
#[cfg(feature = "linfa")]
use super::elastic_net;
use super::spec::{Estimate, LinearSpec, Penalty};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::regression::{Standardised, check_penalty, ridge};

/// The strengths that are tried.
const STRENGTHS: usize = 30;
/// Origins, and the tenths of the rows at which they stand.
const ORIGINS: std::ops::Range<usize> = 5..10;
/// Rows that a choice of the strength needs: two for every tenth.
const CHOOSABLE: usize = 20;

impl Penalty {
    /// # Errors
    /// If the strength is negative or not finite, or the share of the absolute values is not in [0, 1].
    pub(super) fn check(self) -> Result<()> {
        #[cfg(feature = "linfa")]
        if let Self::ElasticNet { l1_ratio, .. } = self
            && !(0.0..=1.0).contains(&l1_ratio)
        {
            return Err(
                Error::usage(format!("an l1 ratio of {l1_ratio}")).expected("a share between 0 (ridge) and 1 (LASSO)")
            );
        }
        self.strength().map_or(Ok(()), check_penalty)
    }

    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Ridge { .. } => "ridge regression",
            #[cfg(feature = "linfa")]
            Self::ElasticNet { l1_ratio: 1.0, .. } => "LASSO",
            #[cfg(feature = "linfa")]
            Self::ElasticNet { .. } => "elastic net",
        }
    }

    /// The strength as a number of a summary.
    pub(super) fn report(self) -> Option<(String, Vec<f64>)> {
        self.strength().map(|strength| ("penalty".to_owned(), vec![strength]))
    }

    fn strength(self) -> Option<f64> {
        match self {
            Self::Ridge { strength } => strength,
            #[cfg(feature = "linfa")]
            Self::ElasticNet { strength, .. } => strength,
        }
    }

    fn with_strength(self, lambda: f64) -> Self {
        match self {
            Self::Ridge { .. } => Self::Ridge { strength: Some(lambda) },
            #[cfg(feature = "linfa")]
            Self::ElasticNet { l1_ratio, .. } => Self::ElasticNet { strength: Some(lambda), l1_ratio },
        }
    }

    /// The lambda of a strength per row.
    fn of_rows(self, per_row: f64, rows: f64) -> f64 {
        match self {
            Self::Ridge { .. } => per_row * rows,
            #[cfg(feature = "linfa")]
            Self::ElasticNet { .. } => per_row,
        }
    }

    /// Strengths per row from the strongest down.
    fn grid(self, problem: &Problem) -> Vec<f64> {
        let (top, decades) = match self {
            Self::Ridge { .. } => (10.0 * problem.largest_eigenvalue(), 7.0),
            // A share of almost nothing would ask for an endless strength; 1e-3 is glmnet's bound too. The grid ends at
            // the same strength whatever the share.
            #[cfg(feature = "linfa")]
            Self::ElasticNet { l1_ratio, .. } => {
                let share = l1_ratio.max(1e-3);
                (problem.largest_product() / share, 3.0 - share.log10())
            }
        };
        let step = decades / (STRENGTHS - 1) as f64;
        (0..STRENGTHS).map(|i| top * 10.0_f64.powf(-step * i as f64)).collect()
    }

    /// The standardised coefficients of every strength per row.
    fn path(self, problem: &Problem, strengths: &[f64]) -> Vec<DVector<f64>> {
        match self {
            Self::Ridge { .. } => problem.ridge_path(strengths),
            #[cfg(feature = "linfa")]
            Self::ElasticNet { l1_ratio, .. } => {
                strengths.iter().map(|strength| problem.elastic_net(*strength, l1_ratio, false).0).collect()
            }
        }
    }
}

impl LinearSpec {
    /// The specification with a strength of its penalty.
    pub(super) fn with_chosen_penalty(&self, train: &[Series], lags: &[usize]) -> Result<Cow<'_, Self>> {
        match self.penalty {
            Some(penalty) if penalty.strength().is_none() => {
                let strength = self.strength(&Design::with_lags(self, train, lags), penalty)?;
                Ok(Cow::Owned(Self { penalty: Some(penalty.with_strength(strength)), ..self.clone() }))
            }
            _ => Ok(Cow::Borrowed(self)),
        }
    }

    pub(super) fn penalised(&self, train: &[Series], lags: &[usize], penalty: Penalty) -> Result<Estimate> {
        let design = Design::with_lags(self, train, lags);
        let rows = design.y.len();
        if rows <= self.terms.deterministic() {
            return Err(Error::data(format!("only {rows} rows have all lags"))
                .expected(format!("more than the {} terms without a penalty", self.terms.deterministic()))
                .hint("lower --order, or fill gaps with --missing interpolate"));
        }
        let strength = self.strength(&design, penalty)?;
        let free: Vec<usize> = (0..self.terms.deterministic()).collect();
        let found = match penalty {
            Penalty::Ridge { .. } => Shrunken::ridge(&design, strength, &free)?,
            // Without absolute values linfa's duality gap does not close, and there is a closed form.
            #[cfg(feature = "linfa")]
            Penalty::ElasticNet { l1_ratio, .. } if strength * l1_ratio == 0.0 => {
                Shrunken::ridge(&design, strength * rows as f64, &free)?
            }
            #[cfg(feature = "linfa")]
            Penalty::ElasticNet { l1_ratio, .. } => Shrunken::elastic_net(&design, (strength, l1_ratio), free.len()),
        };
        Ok(self.shrunken(found, rows as f64, lags))
    }

    fn shrunken(&self, found: Shrunken, rows: f64, lags: &[usize]) -> Estimate {
        let left = rows - found.dof;
        let mut warnings = Vec::new();
        if left <= 1e-9 {
            warnings.push("the penalty is too weak for so many coefficients: the rows are matched exactly".to_owned());
        }
        if !found.converged {
            warnings.push("coordinate descent did not reach the optimum".to_owned());
        }
        let mut terms: Vec<_> = found.coefficients.into_iter().map(|b| (b, None)).collect();
        let phi = terms.split_off(self.terms.width());
        let unbiased = if left > 1e-9 { found.rss / left } else { f64::NAN };
        let innovations = (Innovations::Gaussian { sd: (found.rss / rows).sqrt() }, unbiased);
        Estimate { converged: found.converged, warnings, ..Estimate::given((terms, phi), lags, innovations) }
    }

    /// The strength that is given, or the best on rolling origins.
    fn strength(&self, design: &Design, penalty: Penalty) -> Result<f64> {
        if let Some(strength) = penalty.strength() {
            return Ok(strength);
        }
        let (rows, free) = (design.y.len(), self.terms.deterministic());
        let need = CHOOSABLE.max(2 * (free + 1));
        if rows < need {
            return Err(Error::data(format!("{rows} rows are too few to choose a penalty on"))
                .expected(format!("at least {need}"))
                .hint("give the strength of the penalty"));
        }
        let strengths = penalty.grid(&Problem::new(&design.x, &design.y, free));
        let mut errors = vec![0.0; STRENGTHS];
        for origin in ORIGINS {
            let (before, after) = rows_around(&design.position, origin);
            let (x, y) = (design.x.select_rows(&before), select(&design.y, &before));
            let (x_after, y_after) = (design.x.select_rows(&after), select(&design.y, &after));
            let problem = Problem::new(&x, &y, free);
            for (error, b) in errors.iter_mut().zip(penalty.path(&problem, &strengths)) {
                let b = DVector::from_vec(problem.to_data(&b));
                *error += (DVector::from_column_slice(&y_after) - &x_after * b).norm_squared();
            }
        }
        let best = (0..STRENGTHS).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
        Ok(penalty.of_rows(strengths[best], rows as f64))
    }
}

fn select(values: &[f64], rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|&row| values[row]).collect()
}

/// The rows of every series before `origin` tenths of them, and those of the next tenth.
fn rows_around(position: &[(usize, usize)], origin: usize) -> (Vec<usize>, Vec<usize>) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut start = 0;
    for of_series in position.chunk_by(|a, b| a.0 == b.0) {
        let at = |tenths: usize| start + of_series.len() * tenths / 10;
        before.extend(start..at(origin));
        after.extend(at(origin)..at(origin + 1));
        start += of_series.len();
    }
    (before, after)
}

/// What a penalised fit finds, in the units of the data.
struct Shrunken {
    coefficients: Vec<f64>,
    rss: f64,
    dof: f64,
    converged: bool,
}

impl Shrunken {
    fn ridge(design: &Design, lambda: f64, free: &[usize]) -> Result<Self> {
        let fit = ridge(&design.x, &design.y, lambda, free)?;
        Ok(Self { coefficients: fit.coefficients, rss: fit.rss, dof: fit.effective_dof, converged: true })
    }

    #[cfg(feature = "linfa")]
    fn elastic_net(design: &Design, (strength, l1_ratio): (f64, f64), free: usize) -> Self {
        let problem = Problem::new(&design.x, &design.y, free);
        let (b, converged) = problem.elastic_net(strength, l1_ratio, true);
        let coefficients = problem.to_data(&b);
        let fitted = &design.x * DVector::from_column_slice(&coefficients);
        let rss = design.y.iter().zip(fitted.iter()).map(|(y, fitted)| (y - fitted).powi(2)).sum();
        let dof = problem.free as f64 + problem.effective_dof(&b, strength * (1.0 - l1_ratio));
        Self { coefficients, rss, dof, converged }
    }
}

/// The penalised problem: `||y - Z b||^2` in standardised columns without the free ones, as a triangle.
struct Problem {
    /// The rows behind it.
    rows: f64,
    standardised: Standardised,
    /// The number of independent free columns, which stand first.
    free: usize,
    /// The triangle of all columns, the response last.
    triangle: DMatrix<f64>,
    /// What was taken from the response, and what it was divided by then.
    level: f64,
    deviation: f64,
}

impl Problem {
    /// The first `free` columns have no penalty.
    fn new(x: &DMatrix<f64>, y: &[f64], free: usize) -> Self {
        let without_penalty: Vec<usize> = (0..free).collect();
        let (mut standardised, _) = Standardised::new(x, &without_penalty).independent(&without_penalty);
        let level = standardised.level_of(y);
        let deviation = (y.iter().map(|y| (y - level).powi(2)).sum::<f64>() / y.len() as f64).sqrt();
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        let columns = standardised.kept.len();
        let free = standardised.kept.iter().filter(|&&j| j < free).count();
        let mut all =
            std::mem::replace(&mut standardised.matrix, DMatrix::zeros(0, 0)).resize_horizontally(columns + 1, 0.0);
        all.column_mut(columns).iter_mut().zip(y).for_each(|(entry, y)| *entry = (y - level) / deviation);
        Self { rows: y.len() as f64, standardised, free, triangle: all.qr().unpack_r(), level, deviation }
    }

    /// The triangle of the penalised columns and their response.
    fn parts(&self) -> (DMatrix<f64>, DVector<f64>) {
        let (height, width) = self.triangle.shape();
        let z = self.triangle.view((self.free, self.free), (height - self.free, width - 1 - self.free)).into_owned();
        let y = self.triangle.view((self.free, width - 1), (height - self.free, 1)).column(0).into_owned();
        (z, y)
    }

    /// The coefficients of all columns, in the units of the data, for those of the penalised standardised ones.
    fn to_data(&self, penalised: &DVector<f64>) -> Vec<f64> {
        let last = self.triangle.ncols() - 1;
        let (free, rest) = (self.free, last - self.free);
        let response = self.triangle.view((0, last), (free, 1)).column(0).into_owned();
        let left = response - self.triangle.view((0, free), (free, rest)) * penalised;
        let of_free = self.triangle.view((0, 0), (free, free)).solve_upper_triangular(&left);
        // Independent columns have no zero on the diagonal.
        let of_free = of_free.unwrap_or_else(|| DVector::zeros(free));
        let all: Vec<f64> = of_free.iter().chain(penalised.iter()).copied().collect();
        let mut data = self.standardised.to_data(&all);
        data.iter_mut().for_each(|b| *b *= self.deviation);
        self.standardised.restore(&mut data, self.level);
        data
    }

    /// That of Z'Z / n.
    fn largest_eigenvalue(&self) -> f64 {
        let (z, _) = self.parts();
        if z.is_empty() { 0.0 } else { z.singular_values().max().powi(2) / self.rows }
    }

    /// Z = U D V': b = V D U' y / (D^2 + n strength).
    fn ridge_path(&self, strengths: &[f64]) -> Vec<DVector<f64>> {
        let (z, y) = self.parts();
        let width = z.ncols();
        if z.is_empty() {
            return vec![DVector::zeros(width); strengths.len()];
        }
        let svd = z.svd(true, true);
        let (Some(u), Some(v)) = (svd.u, svd.v_t) else { return vec![DVector::zeros(width); strengths.len()] };
        let shares = u.tr_mul(&y);
        let of = |strength: &f64| {
            let shrunken = svd.singular_values.zip_map(&shares, |d, share| {
                let squares = d * d + self.rows * strength;
                if squares > 0.0 { d * share / squares } else { 0.0 }
            });
            v.tr_mul(&shrunken)
        };
        strengths.iter().map(of).collect()
    }
}

#[cfg(feature = "linfa")]
impl Problem {
    /// max_j |z_j' y| / n: the strength that LASSO drops everything at.
    fn largest_product(&self) -> f64 {
        let (z, y) = self.parts();
        z.tr_mul(&y).iter().fold(0.0_f64, |a, product| a.max(product.abs())) / self.rows
    }

    /// Coefficients of the standardised columns, and whether they are optimal.
    fn elastic_net(&self, strength: f64, l1_ratio: f64, precisely: bool) -> (DVector<f64>, bool) {
        if strength * l1_ratio == 0.0 {
            return (self.ridge_path(&[strength]).remove(0), true);
        }
        let (z, y) = self.parts();
        elastic_net::solve(&(z / self.rows.sqrt()), &(y / self.rows.sqrt()), (strength, l1_ratio), precisely)
    }

    /// The trace of the hat matrix on the columns that stay, with a squared penalty per row.
    fn effective_dof(&self, b: &DVector<f64>, squared: f64) -> f64 {
        let stay: Vec<usize> = (0..b.len()).filter(|&j| b[j] != 0.0).collect();
        if stay.is_empty() {
            return 0.0;
        }
        let singular = self.parts().0.select_columns(&stay).singular_values();
        singular.iter().filter(|d| **d > 0.0).map(|d| d * d / (d * d + self.rows * squared)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fit;
    use crate::math::random::LaneRng;
    use crate::model::linear::{Order, Terms, Trend};

    fn walk(n: usize, step: f64) -> Vec<f64> {
        let (mut rng, mut level) = (LaneRng::new(8, 0), 100.0);
        let mut next = || {
            level += step * rng.normal();
            level
        };
        (0..n).map(|_| next()).collect()
    }

    fn penalties() -> Vec<Penalty> {
        #[cfg_attr(not(feature = "linfa"), allow(unused_mut, reason = "elastic nets join with linfa"))]
        let mut all = vec![Penalty::Ridge { strength: None }, Penalty::Ridge { strength: Some(3.0) }];
        #[cfg(feature = "linfa")]
        for (strength, l1_ratio) in [(None, 1.0), (None, 0.3), (None, 0.0), (Some(0.01), 1.0), (Some(0.0), 0.5)] {
            all.push(Penalty::ElasticNet { strength, l1_ratio });
        }
        all
    }

    fn spec(order: usize, penalty: Penalty, terms: Terms) -> LinearSpec {
        LinearSpec { order: Order::Fixed(order), penalty: Some(penalty), terms, ..LinearSpec::default() }
    }

    #[test]
    fn hard_series_end_in_finite_answers() {
        let line: Vec<f64> = (0..60).map(f64::from).collect();
        let wave: Vec<f64> = (0..60).map(|t| (0.5 * f64::from(t)).sin()).collect();
        let periodic: Vec<f64> = (0..60).map(|t| f64::from(t % 4)).collect();
        let crowded = Terms { dummies: 12, ..Terms::default() };
        let cases = [
            (walk(60, 1.0), 15, Terms::of(Trend::ConstantTrend)),
            (walk(45, 1e-9), 22, crowded.clone()),
            (line, 6, Terms::of(Trend::ConstantTrend)),
            (wave, 8, Terms::default()),
            (periodic, 8, Terms { dummies: 4, ..Terms::default() }),
            (vec![7.0; 60], 4, Terms::default()),
            (walk(60, 1.0), 0, crowded),
        ];
        for (x, order, terms) in cases {
            for penalty in penalties() {
                let what = format!("{penalty:?} of order {order} with {terms:?}");
                let fitted = spec(order, penalty, terms.clone()).fit(&[Series::new("", x.clone())]);
                let summary = match fitted {
                    Ok(fitted) => fitted.summary,
                    Err(error) => {
                        assert!(error.to_string().contains("too few to choose"), "{what}: {error}");
                        continue;
                    }
                };
                assert!(summary.parameters.iter().all(|parameter| parameter.value.is_finite()), "{what}: {summary:?}");
                assert!(summary.innovation_variance.is_finite() && summary.covariance.is_none(), "{what}");
                assert_eq!(summary.preprocessing[0].0, "penalty");
            }
        }
    }

    #[test]
    fn a_penalty_without_end_leaves_the_free_terms_alone() {
        let x: Vec<f64> = walk(80, 1.0).iter().zip(0..).map(|(x, t)| x + 3.0 * f64::from(t)).collect();
        let train = [Series::new("", x.clone())];
        let terms = Terms { dummies: 4, ..Terms::of(Trend::ConstantTrend) };
        #[allow(unused_mut)]
        let mut strong = vec![Penalty::Ridge { strength: Some(1e14) }];
        #[cfg(feature = "linfa")]
        strong.push(Penalty::ElasticNet { strength: Some(2.0), l1_ratio: 1.0 });
        // The same rows without lags: those after the first three values.
        let design = Design::new(&spec(3, strong[0], terms.clone()), &train, 3);
        let free = design.x.columns(0, terms.width()).into_owned();
        let alone = crate::math::regression::least_squares(&free, &design.y).expect("a fit");
        for penalty in strong {
            let fitted = spec(3, penalty, terms.clone()).fit(&train).expect("a fit");
            assert!(fitted.model.coefficients().iter().all(|phi| phi.abs() < 1e-8), "{penalty:?}");
            for (b, expected) in fitted.model.term_coefficients().iter().zip(&alone.coefficients) {
                assert!((b - expected).abs() < 1e-6 * expected.abs().max(1.0), "{penalty:?}: {b}, not {expected}");
            }
            let ratio = fitted.summary.innovation_variance_unbiased / fitted.summary.innovation_variance;
            let rows = design.y.len() as f64;
            assert!((ratio - rows / (rows - terms.width() as f64)).abs() < 1e-6, "{penalty:?}: {ratio}");
        }
    }

    #[test]
    fn a_path_is_made_of_single_fits() {
        let train = [Series::new("", walk(90, 1.0))];
        let terms = Terms::of(Trend::ConstantTrend);
        let design = Design::new(&spec(4, Penalty::Ridge { strength: None }, terms.clone()), &train, 4);
        let problem = Problem::new(&design.x, &design.y, terms.width());
        for (strength, b) in [0.01, 1.0].iter().zip(problem.ridge_path(&[0.01, 1.0])) {
            let fit = ridge(&design.x, &design.y, strength * problem.rows, &[0, 1]).expect("a fit");
            for (own, other) in problem.to_data(&b).iter().zip(&fit.coefficients) {
                assert!((own - other).abs() < 1e-9 * other.abs().max(1e-3), "{own} {other}");
            }
        }
    }

    #[test]
    fn origins_stand_within_every_series() {
        let position: Vec<(usize, usize)> = (0..10).map(|t| (0, t)).chain((5..25).map(|t| (1, t))).collect();
        let (before, after) = rows_around(&position, 6);
        assert_eq!(before, (0..6).chain(10..22).collect::<Vec<_>>());
        assert_eq!(after, [6, 22, 23]);
    }

    #[test]
    fn noise_is_shrunk_to_nothing_and_a_signal_is_not() {
        let mut rng = LaneRng::new(9, 0);
        let noise: Vec<f64> = (0..1000).map(|_| rng.normal()).collect();
        let mut signal = noise.clone();
        (1..1000).for_each(|t| signal[t] += 0.9 * signal[t - 1]);
        for penalty in penalties().into_iter().filter(|penalty| penalty.strength().is_none()) {
            let phi = |x: &[f64]| {
                let fitted = spec(4, penalty, Terms::default()).fit(&[Series::new("", x.to_vec())]).expect("a fit");
                fitted.model.coefficients().to_vec()
            };
            let (of_noise, of_signal) = (phi(&noise), phi(&signal));
            assert!(of_noise.iter().all(|phi| phi.abs() < 0.1), "{penalty:?}: {of_noise:?}");
            assert!(of_signal.iter().sum::<f64>() > 0.75, "{penalty:?}: {of_signal:?}");
        }
    }
}
