//! Forecasts that know that parameters are estimated: a mixture of models with drawn parameters.
//!
//! ```text
//! theta = (b, phi[, Phi]) ~ N(estimate, covariance of the estimate),   p(x_{t+1..t+h} | ..) = mean over draws of p_theta
//! ```
//!
//! with the innovation variance held at its estimate. The draws are members of a [`Mixture`] with equal weights, so that
//! quantiles, paths and densities are those of any mixture: the posterior predictive distribution under a flat prior and
//! the normal approximation of the posterior (Hamilton 1994, *Time Series Analysis*, section 12.1). The variance of a step
//! is that of the innovations and, on top, that of the means of the draws; for one step of an autoregression of known
//! lags x it is sigma^2 + x' V x exactly (Fuller and Hasza 1981, *J. Econometrics* 16, p. 139). Neither R's `predict` nor
//! statsmodels add the second part.
//!
//! Draws come in pairs estimate + u, estimate - u, so that the mean of the first step stays where it was but for rejected
//! ones: where the estimate is stationary, a draw that is not is left out, as its forecasts would explode. The more are
//! left out, the less normal is the distribution of the estimate, and the more its upper end is cut. Differences are no
//! parameters. O(k^3) once and O(k^2) a draw for k parameters; a step costs that of all members.

use nalgebra::{DMatrix, DVector};

use super::spec::{SeasonalLags, multiplied_out};
use super::{Ar, Innovations};
use crate::error::{Error, Result};
use crate::math::exact::autocovariances;
use crate::math::random::LaneRng;
use crate::model::mixture::Mixture;
use crate::model::transformed::Transformed;
use crate::model::{Fitted, Parameter, Summary};

/// Of so many draws for each that is wanted one at least must be stationary.
const MOST_TRIES: usize = 50;

/// How parameters are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterDraws {
    /// How many models stand for each that is fitted.
    pub count: usize,
    /// The seed.
    pub seed: u64,
    /// The number of the series in its panel, so that series do not share their draws.
    pub stream: u32,
}

impl Default for ParameterDraws {
    fn default() -> Self {
        Self { count: 200, seed: 0, stream: 0 }
    }
}

/// A fit whose parameters are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Uncertain {
    /// The mixture of all draws.
    pub model: Transformed<Mixture<Ar>>,
    /// The share of the draws that were left out because they are not stationary.
    pub rejected: f64,
}

/// A fit as the mixture of models whose parameters are drawn around the estimates. `seasonal` is the seasonal factor of
/// the specification. A member without innovations is right, one without
/// parameters (a random walk) has nothing to draw: they stand for themselves.
///
/// ```
/// use foretoken::model::linear::{ArSpec, Choice, Estimator, ParameterDraws, with_parameter_uncertainty};
/// use foretoken::{Fit, Series};
///
/// let x: Vec<f64> = (0..40).map(|t| f64::from(t * 37 % 11) + (0.4 * f64::from(t)).sin()).collect();
/// let mut fitted = ArSpec { difference: Choice::Fixed(0), ..ArSpec::default() }.fit(&[Series::new("", x)])?;
/// let width = fitted.summary.parameters.len();
/// let variances = (0..width).map(|i| (0..width).map(|j| if i == j { 0.01 } else { 0.0 }).collect());
/// fitted.summary.covariance = Some(variances.collect());
/// let uncertain = with_parameter_uncertainty(&fitted, None, ParameterDraws::default())?;
/// assert_eq!(uncertain.model.inner().members().len(), 200);
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// # Errors
/// If the fit reports no covariance of its parameters, its innovations are not Gaussian, or hardly a draw is stationary.
pub fn with_parameter_uncertainty(
    fitted: &Fitted<Transformed<Mixture<Ar>>>,
    seasonal: Option<SeasonalLags>,
    draws: ParameterDraws,
) -> Result<Uncertain> {
    if draws.count == 0 {
        return Err(Error::usage("no forecast rests on 0 draws of the parameters").expected("at least 1"));
    }
    let average = fitted.model.inner();
    let estimates = estimates(&fitted.summary, average)?;
    let (mut members, mut weights, mut tries) = (Vec::new(), Vec::new(), 0);
    for (number, (ar, weight)) in average.members().iter().zip(average.weights()).enumerate() {
        let Some(estimate) = &estimates[number] else {
            members.push(ar.clone());
            weights.push(*weight);
            continue;
        };
        let stream = (1 << 63) | (u64::from(draws.stream) << 24) | number as u64;
        let mut rng = LaneRng::new(draws.seed, stream);
        let (drawn, tried) = estimate.draw(ar, seasonal, draws.count, &mut rng)?;
        weights.extend(vec![weight / drawn.len() as f64; drawn.len()]);
        members.extend(drawn);
        tries += tried;
    }
    let drawn = draws.count * estimates.iter().flatten().count();
    let rejected = if tries == 0 { 0.0 } else { 1.0 - drawn as f64 / tries as f64 };
    Ok(Uncertain { model: fitted.model.with_inner(Mixture::new(members, &weights)?), rejected })
}

/// The estimate of one member.
struct Estimate {
    terms: usize,
    lags: Vec<usize>,
    centre: DVector<f64>,
    /// L of the covariance L L'.
    factor: DMatrix<f64>,
}

/// The estimates of all members; `None` for one without innovations or without parameters.
fn estimates(summary: &Summary, average: &Mixture<Ar>) -> Result<Vec<Option<Estimate>>> {
    // The summary of an average numbers its members, and has those without weight too.
    let weights = summary.preprocessing.iter().find(|(name, _)| name == "weights").map(|(_, weights)| &weights[..]);
    let of_member = |number: usize, parameter: &Parameter| match weights {
        Some(_) => parameter.name.starts_with(&format!("{number}.")),
        None => true,
    };
    let numbers: Vec<usize> =
        (1..).zip(weights.unwrap_or(&[1.0])).filter(|(_, weight)| **weight > 0.0).map(|(number, _)| number).collect();
    let estimate = |(number, ar): (&usize, &Ar)| {
        if !matches!(ar.innovations(), Innovations::Gaussian { .. }) {
            return Err(Error::usage("parameter uncertainty needs Gaussian innovations")
                .hint("choose another estimator than robust, or leave parameter uncertainty out"));
        }
        let own: Vec<usize> =
            (0..summary.parameters.len()).filter(|&i| of_member(*number, &summary.parameters[i])).collect();
        if own.is_empty() || ar.innovation_sd() == 0.0 {
            return Ok(None);
        }
        let covariance = summary.covariance.as_ref().ok_or_else(no_covariance)?;
        let parameters: Vec<&Parameter> = own.iter().map(|&i| &summary.parameters[i]).collect();
        let covariance = DMatrix::from_fn(own.len(), own.len(), |i, j| covariance[own[i]][own[j]]);
        Estimate::new(&parameters, ar, covariance).map(Some)
    };
    numbers.iter().zip(average.members()).map(estimate).collect()
}

fn no_covariance() -> Error {
    Error::usage("the fit reports no covariance of its parameters, which parameter uncertainty needs")
        .expected(
            "an estimator that reports one: least-squares, yule-walker, burg, exact or recursive, without --penalty",
        )
        .hint("choose one of them with --estimator")
}

impl Estimate {
    fn new(parameters: &[&Parameter], ar: &Ar, covariance: DMatrix<f64>) -> Result<Self> {
        let lag = |parameter: &&Parameter| {
            let name = parameter.name.rsplit('.').next()?;
            name.strip_prefix("phi_")?.parse().ok()
        };
        let terms = ar.terms().width();
        let lags = parameters.get(terms..).unwrap_or_default().iter().filter_map(lag).collect();
        let centre = DVector::from_iterator(parameters.len(), parameters.iter().map(|parameter| parameter.value));
        Ok(Self { terms, lags, centre, factor: root(covariance)? })
    }

    /// So many models, and how many draws they took.
    fn draw(
        &self,
        ar: &Ar,
        seasonal: Option<SeasonalLags>,
        count: usize,
        rng: &mut LaneRng,
    ) -> Result<(Vec<Ar>, usize)> {
        let must_be_stationary = is_stationary(ar);
        let (mut drawn, mut tries) = (Vec::with_capacity(count), 0);
        while tries < MOST_TRIES * count {
            let u = &self.factor * DVector::from_fn(self.centre.len(), |_, _| rng.normal());
            for theta in [&self.centre + &u, &self.centre - &u] {
                tries += 1;
                let model = self.model(ar, seasonal, theta.as_slice());
                if !must_be_stationary || is_stationary(&model) {
                    drawn.push(model);
                }
                if drawn.len() == count {
                    return Ok((drawn, tries));
                }
            }
        }
        Err(Error::numeric(format!("of {tries} draws of the parameters only {} are stationary", drawn.len()))
            .expected("an estimate well within the stationary ones, compared with its errors")
            .hint("difference the values, lower the order, or leave parameter uncertainty out"))
    }

    fn model(&self, ar: &Ar, seasonal: Option<SeasonalLags>, theta: &[f64]) -> Ar {
        let (terms, rest) = theta.split_at(self.terms);
        let (phi, seasonal_phi) = rest.split_at(self.lags.len());
        ar.with_coefficients(terms.to_vec(), multiplied_out(&self.lags, phi, seasonal, seasonal_phi))
    }
}

fn is_stationary(ar: &Ar) -> bool {
    autocovariances(ar.coefficients()).is_some()
}

/// L of a covariance L L' that may be singular. Parameters have units of their own, so it is taken of their correlations.
fn root(covariance: DMatrix<f64>) -> Result<DMatrix<f64>> {
    let sd = covariance.diagonal().map(|variance| variance.max(0.0).sqrt());
    let inverse = sd.map(|sd| if sd > 0.0 { sd.recip() } else { 0.0 });
    let correlations = DMatrix::from_fn(sd.len(), sd.len(), |i, j| covariance[(i, j)] * inverse[i] * inverse[j]);
    if !correlations.iter().all(|x| x.is_finite()) {
        return Err(Error::numeric("the covariance of the parameters is not finite").hint("lower the order"));
    }
    let eigen = correlations.symmetric_eigen();
    if eigen.eigenvalues.iter().any(|value| *value < -1e-6) {
        return Err(Error::numeric("the covariance of the parameters is not positive definite").hint("lower the order"));
    }
    let scaled = DMatrix::from_diagonal(&eigen.eigenvalues.map(|value| value.max(0.0).sqrt()));
    Ok(DMatrix::from_diagonal(&sd) * eigen.eigenvectors * scaled)
}
