//! Where maximisation begins: Burg's and least-squares estimates on the filled and centred rows.

use super::banded::Banded;
use super::ladder::reflections;
use super::shape::Shape;
use crate::math::burg::Burg;

/// Reflections of a start are at most this.
const LIMIT: f64 = 0.999_999;
/// First seasonal coefficients to begin from: the likelihood of a product of polynomials can have several maxima.
const SEASONAL: [f64; 4] = [0.0, 0.5, 0.95, -0.5];

/// Parameters to begin from, the most promising first where that is known.
pub(super) fn starts(shape: &Shape, rows: &[&[f64]]) -> Vec<Vec<f64>> {
    let (seasonal, period) = shape.seasonal();
    if seasonal == 0 {
        return regular_starts(shape, rows);
    }
    let begin = |&first: &f64| {
        let filtered: Vec<Vec<f64>> = rows.iter().map(|x| seasonal_filter(x, period, first)).collect();
        let filtered: Vec<&[f64]> = filtered.iter().map(Vec::as_slice).collect();
        regular_starts(shape, &filtered).into_iter().map(move |mut z| {
            z.push(f64::atanh(first));
            z.resize(shape.parameters(), 0.0);
            z
        })
    };
    SEASONAL.iter().flat_map(begin).collect()
}

fn regular_starts(shape: &Shape, rows: &[&[f64]]) -> Vec<Vec<f64>> {
    let order = shape.lags().last().copied().unwrap_or(0);
    let direct = least_squares(rows, shape.lags()).map(|phi| stationary(shape.lags(), phi, order));
    if !shape.is_full() {
        return direct.into_iter().map(|(phi, _)| phi).chain([vec![0.0; shape.lags().len()]]).collect();
    }
    let angles = |r: &[f64]| r.iter().map(|r| r.clamp(-LIMIT, LIMIT).atanh()).collect::<Vec<f64>>();
    std::iter::once(angles(&burg(rows, order))).chain(direct.map(|(_, r)| angles(&r))).collect()
}

/// x_t - phi x_{t-m}, from the first value on.
fn seasonal_filter(x: &[f64], period: usize, phi: f64) -> Vec<f64> {
    (0..x.len()).map(|t| x[t] - if t < period { 0.0 } else { phi * x[t - period] }).collect()
}

/// Burg's reflections; zeros for orders that the series are too short for.
fn burg(series: &[&[f64]], order: usize) -> Vec<f64> {
    let mut reflections = Burg::fit(series, 0.0, order).reflections().to_vec();
    reflections.resize(order, 0.0);
    reflections
}

/// Coefficients at some lags by least squares on the rows that have all lags; `None` where they are not determined.
fn least_squares(series: &[&[f64]], lags: &[usize]) -> Option<Vec<f64>> {
    let order = *lags.last()?;
    let product = |i: usize, j: usize| {
        let dot = |x: &&[f64]| (order..x.len()).map(|t| x[t - i] * x[t - j]).sum::<f64>();
        series.iter().map(dot).sum::<f64>()
    };
    let mut normal = Banded::dense(lags.len(), |i, j| product(lags[i], lags[j]));
    let mut phi: Vec<f64> = lags.iter().map(|&lag| product(lag, 0)).collect();
    if !normal.factor(1e-12).is_empty() {
        return None;
    }
    normal.solve(&mut phi);
    Some(phi)
}

/// The coefficients with their roots drawn inwards until they are stationary, and their reflections.
fn stationary(lags: &[usize], mut phi: Vec<f64>, order: usize) -> (Vec<f64>, Vec<f64>) {
    loop {
        let mut dense = vec![0.0; order];
        lags.iter().zip(&phi).for_each(|(lag, phi)| dense[lag - 1] = *phi);
        if let Some(r) = reflections(&dense).filter(|r| r.iter().all(|r| r.abs() <= LIMIT)) {
            return (phi, r);
        }
        // Lag i times rho^i multiplies every root of the process by rho.
        lags.iter().zip(&mut phi).for_each(|(&lag, phi)| *phi *= 0.99_f64.powf(lag as f64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explosive_least_squares_are_drawn_inside() {
        let x: Vec<f64> = (0..30).map(|t| 1.1_f64.powi(t)).collect();
        let phi = least_squares(&[&x], &[1]).expect("determined");
        assert!((phi[0] - 1.1).abs() < 1e-12);
        let (inside, r) = stationary(&[1], phi, 1);
        assert!(inside[0] < 1.0 && inside == r);
    }
}
