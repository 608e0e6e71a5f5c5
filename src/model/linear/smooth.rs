//! Missing values given all known ones: what stood in a gap, with its uncertainty.
//!
//! A stationary start counts the first values by their distribution, a given start counts the equations from the value
//! p + d + mD on; missing values before them follow from those after. The exact conditional distribution either way, with
//! known parameters.

use super::ar::{Ar, Innovations, Start};
use crate::data::batch::Covariates;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::exact::{Missing, smooth};
use crate::math::special::normal_quantile;
use crate::model::mixture::Mixture;
use crate::model::transformed::Transformed;

/// A missing value given all known ones: N(mean, sd^2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothed {
    /// Its position in the series, from 0.
    pub position: usize,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation; infinite where the known values leave it open, as with a season that is missing in every
    /// year of a model of seasonal differences.
    pub sd: f64,
}

impl Ar {
    /// Every missing value of a series given all known ones, those after it too.
    ///
    /// ```
    /// use foretoken::Series;
    /// use foretoken::model::linear::Ar;
    ///
    /// // A random walk is drawn on between its neighbours.
    /// let walk = Ar::new(0.0, 0.0, vec![1.0], 1.0, 0.0);
    /// let gap = walk.smooth(&Series::new("", vec![1.0, f64::NAN, 3.0]))?;
    /// assert!((gap[0].mean - 2.0).abs() < 1e-12 && (gap[0].sd - 0.5_f64.sqrt()).abs() < 1e-12);
    /// # Ok::<(), foretoken::Error>(())
    /// ```
    ///
    /// # Errors
    /// If innovations are not Gaussian, covariates are not those of the model, or no value is known.
    pub fn smooth(&self, series: &Series) -> Result<Vec<Smoothed>> {
        let Innovations::Gaussian { sd } = self.innovations else {
            return Err(Error::usage("missing values have no closed form under Student's t innovations")
                .hint("use --estimator exact"));
        };
        let known = Covariates::of_series(series);
        self.check_covariates(series.len(), &known)?;
        let Some(filled) = hold(series.values()) else {
            return Err(Error::data("all values are missing").expected("a known value"));
        };
        let positions: Vec<usize> = (0..series.len()).filter(|&t| series.values()[t].is_nan()).collect();
        let missing = match self.start {
            Start::Stationary => {
                let w = self.stationary_part(&filled, &known);
                smooth(self.coefficients(), &self.delta, &w, &positions)?
            }
            // The recursion itself takes the place of the differences.
            Start::Given => smooth(&[], &self.recursion, &self.innovations_of(&filled, &known), &positions)?,
        };
        let of = |(position, Missing { correction, variance }): (usize, Missing)| {
            let sd = if variance.is_infinite() { variance } else { sd * variance.sqrt() };
            Smoothed { position, mean: filled[position] + correction, sd }
        };
        Ok(positions.into_iter().zip(missing).map(of).collect())
    }

    /// w_t = delta(B) (x_t - c_t' b) - r_t' b from the first value that has its differences.
    fn stationary_part(&self, x: &[f64], known: &Covariates) -> Vec<f64> {
        let has_covariates = !self.terms().covariates.is_empty();
        let level = |t: usize| if has_covariates { self.offset.covariate_level(known.row(t).lane(0)) } else { 0.0 };
        let u: Vec<f64> = x.iter().enumerate().map(|(t, x)| x - level(t)).collect();
        let mut scratch = Vec::new();
        let row = |t: usize| {
            let before = self.delta.iter().map(|&(lag, weight)| weight * u[t - lag]);
            u[t] - before.sum::<f64>() - self.offset.deterministic_mean(t as i64, &mut scratch)
        };
        (self.differences.order()..x.len()).map(row).collect()
    }

    /// e_t of every value that has all its lags.
    fn innovations_of(&self, x: &[f64], known: &Covariates) -> Vec<f64> {
        let depth = self.recursion.last().map_or(0, |&(lag, _)| lag);
        let mut offsets = vec![0.0; x.len().saturating_sub(depth)];
        self.offset.fill(depth as i64, known, depth, &mut offsets);
        let row = |(t, offset): (usize, &f64)| {
            let before = self.recursion.iter().map(|&(lag, a)| a * x[t - lag]);
            x[t] - before.sum::<f64>() - offset
        };
        (depth..).zip(&offsets).map(row).collect()
    }
}

/// Every missing value replaced by the known one before it, at the beginning by the first.
fn hold(x: &[f64]) -> Option<Vec<f64>> {
    let mut last = *x.iter().find(|x| !x.is_nan())?;
    let held = |&x: &f64| {
        last = if x.is_nan() { last } else { x };
        last
    };
    Some(x.iter().map(held).collect())
}

/// A missing value given all known ones, in the units of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filled {
    /// Its position in the series, from 0.
    pub position: usize,
    /// Its median, which is its mean where nothing is transformed.
    pub median: f64,
    /// The interval that holds it with the probability asked for.
    pub interval: (f64, f64),
}

impl Transformed<Mixture<Ar>> {
    /// Every missing value of a series given all known ones, those after it too, with an interval of a level in (0, 1).
    /// Quantiles pass through the transform.
    ///
    /// # Errors
    /// As [`Ar::smooth`], and if this is an average: a mixture has no single smoother.
    pub fn fill(&self, series: &Series, level: f64) -> Result<Vec<Filled>> {
        let [alone] = self.inner().members() else {
            return Err(Error::usage("missing values of an average are not filled").hint("use --average none"));
        };
        let linked = self.transform().linked(series.values().iter().copied(), 0)?;
        let covariates = series.select_covariates(&alone.terms().covariates)?.covariates().to_vec();
        let smoothed = alone.smooth(&Series::new(series.id(), linked).with_covariates(covariates))?;
        let width = normal_quantile(0.5 + 0.5 * level);
        let fill = |Smoothed { position, mean, sd }: Smoothed| {
            let map = self.transform().map(position as i64, 0.0);
            let interval = (map.forward(mean - width * sd), map.forward(mean + width * sd));
            Filled { position, median: map.forward(mean), interval }
        };
        Ok(smoothed.into_iter().map(fill).collect())
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use super::*;
    use crate::data::batch::Batch;
    use crate::data::series::Covariate;
    use crate::model::linear::{ArParts, Form, Terms, Trend};
    use crate::model::transformed::Differences;
    use crate::model::{Autoregressive, PathFactor};

    const MISSING: [usize; 6] = [1, 9, 10, 11, 17, 21];
    const N: usize = 22;

    /// The conditional of the missing values by dense algebra, from the joint of all values: the first ones independent
    /// and of nearly no bound, the others by the recursion.
    fn dense(model: &Ar, x: &[f64], known: &Covariates, depth: usize) -> Vec<(f64, f64)> {
        // A start of zeros, and a wide distribution of each starting value, carried forward by the recursion.
        let mut mean = vec![0.0; N];
        let mut factor = DMatrix::zeros(N, N);
        let mut offsets = vec![0.0; N];
        model.offset.fill(0, known, 0, &mut offsets);
        for t in 0..N {
            for j in 0..=t {
                let carried: f64 = model
                    .recursion
                    .iter()
                    .filter(|&&(lag, _)| lag <= t)
                    .map(|&(lag, a)| a * if t >= depth { factor[(t - lag, j)] } else { 0.0 })
                    .sum();
                let own = if t < depth { 1e4 } else { model.innovation_sd() };
                factor[(t, j)] = if t == j { own } else { carried };
            }
            if t >= depth {
                mean[t] = offsets[t] + model.recursion.iter().map(|&(lag, a)| a * mean[t - lag]).sum::<f64>();
            }
        }
        condition(&mean, &(&factor * factor.transpose()), x)
    }

    fn condition(mean: &[f64], covariance: &DMatrix<f64>, x: &[f64]) -> Vec<(f64, f64)> {
        let (missing, known): (Vec<usize>, Vec<usize>) = (0..x.len()).partition(|&t| x[t].is_nan());
        let part = |rows: &[usize], columns: &[usize]| {
            DMatrix::from_fn(rows.len(), columns.len(), |i, j| covariance[(rows[i], columns[j])])
        };
        let inner = part(&known, &known).cholesky().expect("a covariance");
        let innovations = DVector::from_iterator(known.len(), known.iter().map(|&t| x[t] - mean[t]));
        let cross = part(&missing, &known);
        let means = &cross * inner.solve(&innovations);
        let left = part(&missing, &missing) - &cross * inner.solve(&cross.transpose());
        (0..missing.len()).map(|i| (mean[missing[i]] + means[i], left[(i, i)].sqrt())).collect()
    }

    fn values() -> Vec<f64> {
        (0..N).map(|t| 10.0 + (0.9 * t as f64).sin() * 3.0 + f64::from(t as u32 * 7 % 5)).collect()
    }

    fn gapped() -> Series {
        let mut x = values();
        MISSING.iter().for_each(|&t| x[t] = f64::NAN);
        let price = (0..N).map(|t| (1.7 * t as f64).cos()).collect();
        Series::new("", x).with_covariates(vec![Covariate { name: "price".to_owned(), values: price }])
    }

    fn model(differences: Differences, form: Form, start: Start) -> Ar {
        Ar::from_parts(ArParts {
            phi: vec![0.5, 0.0, -0.3],
            differences,
            terms: Terms { dummies: 3, covariates: vec!["price".to_owned()], ..Terms::of(Trend::ConstantTrend) },
            coefficients: vec![2.0, 0.1, 0.5, -0.7, 1.5],
            form,
            innovations: Innovations::Gaussian { sd: 0.8 },
            start,
            origin: vec![10.0],
        })
    }

    fn assert_same(model: &Ar, expected: &[(f64, f64)], tolerance: f64) {
        let own = model.smooth(&gapped()).expect("an answer");
        assert_eq!(own.iter().map(|gap| gap.position).collect::<Vec<_>>(), MISSING);
        for (own, expected) in own.iter().zip(expected) {
            assert!(
                (own.mean - expected.0).abs() < tolerance && (own.sd - expected.1).abs() < tolerance,
                "{own:?} {expected:?}"
            );
        }
    }

    #[test]
    fn a_gap_is_what_the_joint_given_the_known_values_says() {
        let series = gapped();
        let known = Covariates::of_series(&series);
        for differences in [Differences::none(), Differences::new(1, 0, 1), Differences::new(1, 1, 2)] {
            for form in [Form::Mean, Form::Equation] {
                let model = model(differences.clone(), form, Start::Given);
                let expected = dense(&model, series.values(), &known, model.depth());
                assert_same(&model, &expected, 1e-3);
            }
        }
    }

    #[test]
    fn a_stationary_start_has_its_own_joint() {
        let series = gapped();
        let known = Covariates::of_series(&series);
        let model = model(Differences::none(), Form::Mean, Start::Stationary);
        let session = model.begin(&Batch::empty(&[0]), &Covariates::none());
        assert!(session.is_err(), "covariates are checked");
        let session = model.begin(&Batch::single(&[], 0), &known).expect("a session");
        let path = &session.gaussian_paths(&known, N).expect("Gaussian")[0][0];
        let PathFactor::Lower(rows) = &path.factor else { panic!("not settled") };
        let lower = DMatrix::from_fn(N, N, |j, i| if i <= j { rows[j * (j + 1) / 2 + i] } else { 0.0 });
        let expected = condition(&path.mean, &(&lower * lower.transpose()), series.values());
        assert_same(&model, &expected, 1e-9);
    }

    #[test]
    fn what_nothing_determines_has_no_bound() {
        // The third season is missing throughout.
        let x: Vec<f64> = (0..N).map(|t| if t % 4 == 2 || t == 5 { f64::NAN } else { t as f64 }).collect();
        let parts = ArParts {
            phi: vec![0.4],
            differences: Differences::new(0, 1, 4),
            terms: Terms::of(Trend::None),
            coefficients: Vec::new(),
            form: Form::Mean,
            innovations: Innovations::Gaussian { sd: 1.0 },
            start: Start::Stationary,
            origin: vec![0.0],
        };
        for gap in Ar::from_parts(parts).smooth(&Series::new("", x)).expect("an answer") {
            assert_eq!(gap.sd.is_infinite(), gap.position != 5, "{gap:?}");
            assert!(gap.mean.is_finite());
        }
    }
}
