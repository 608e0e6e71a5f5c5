//! Finds a spike, a dip that looks normal by its value alone, and a new level in a simulated sensor; the alarm
//! threshold is a rate of false alarms, checked on rows that the fit did not use.
//!
//! ```sh
//! cargo run --no-default-features --example 03_anomalies
//! ```

use foretoken::math::random::LaneRng;
use foretoken::model::linear::ArSpec;
use foretoken::score::{DetectOptions, Training, detect};
use foretoken::{Autoregressive, Fit, Result, Series};

const NORMAL: usize = 2_000;

fn main() -> Result<()> {
    let mut x = sensor(3_000);
    x[2_200] += 6.0;
    // At the top of a wave, a value that is usual at its bottom.
    x[2_506] -= 5.0;
    x[2_800..].iter_mut().for_each(|x| *x += 4.0);

    let spec = ArSpec { period: 24, ..ArSpec::default() };
    let fit = |train: &Series| {
        let fitted = spec.fit(std::slice::from_ref(train))?;
        Ok((Box::new(fitted.model) as Box<dyn Autoregressive>, fitted.summary))
    };
    let options = DetectOptions { training: Training::Rows(NORMAL), false_alarm_rate: 0.001, period: 24 };
    let detection = detect(&Series::new("sensor", x.clone()), &fit, &options)?;

    println!("{}, {} rows to calibrate on", detection.summaries[0].description, detection.calibration_rows);
    println!("rows           value  expected  accepted          p-value");
    for event in detection.events() {
        let row = event.peak;
        println!(
            "{:4} to {:4}  {:7.2}  {:8.2}  {:5.2} to {:5.2}  {:9.2e}",
            event.start,
            event.end - 1,
            x[row],
            detection.expected[row],
            detection.lo[row],
            detection.hi[row],
            detection.p_value[row]
        );
    }
    Ok(())
}

/// A daily wave of hours and errors that persist.
fn sensor(n: usize) -> Vec<f64> {
    let mut rng = LaneRng::new(3, 0);
    let mut error = 0.0;
    let mut hour = |t: usize| {
        error = 0.7 * error + 0.5 * rng.normal();
        20.0 + 3.0 * (std::f64::consts::TAU * t as f64 / 24.0).sin() + error
    };
    (0..n).map(&mut hour).collect()
}
