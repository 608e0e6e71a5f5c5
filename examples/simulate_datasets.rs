//! Writes the simulated files of `datasets/`; running it again gives the same bytes.
//!
//! ```sh
//! cargo run --no-default-features --example simulate_datasets
//! ```
//!
//! Every file is a cycle plus autoregressive noise, on a random stream of its own, so that changing one leaves the
//! others as they are. Values are rounded to at most two decimals, which hides how platforms round a logarithm.

use std::f64::consts::TAU;
use std::path::Path;
use std::{fs, io};

use foretoken::math::random::LaneRng;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Weekday, date};

const SEED: u64 = 1927; // Yule's year: the first autoregression, on sunspots.

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
    for (name, text) in simulated_files() {
        fs::write(folder.join(name), text)?;
        println!("wrote datasets/{name}");
    }
    Ok(())
}

/// The name and the text of every simulated file.
pub(crate) fn simulated_files() -> [(&'static str, String); 6] {
    [
        ("daily_visits.csv", daily_visits(LaneRng::new(SEED, 0))),
        ("hourly_load.csv", hourly_load(LaneRng::new(SEED, 1))),
        ("panel_sales.csv", panel_sales()),
        ("sensor_anomalies.csv", sensor_anomalies(LaneRng::new(SEED, 2))),
        ("sensor_anomalies_labels.csv", sensor_anomalies_labels()),
        ("weekly_promotions.csv", weekly_promotions(LaneRng::new(SEED, 3))),
    ]
}

/// A stationary Gaussian autoregression u_t = sum phi_i u_{t-i} + sigma e_t of order 1 or 2, started at zero.
struct Noise {
    phi: [f64; 2],
    sigma: f64,
    past: [f64; 2],
}

impl Noise {
    fn new(phi: [f64; 2], sigma: f64) -> Self {
        Self { phi, sigma, past: [0.0; 2] }
    }

    fn next(&mut self, rng: &mut LaneRng) -> f64 {
        let value = self.phi[0] * self.past[0] + self.phi[1] * self.past[1] + self.sigma * rng.normal();
        self.past = [value, self.past[0]];
        value
    }
}

/// A wave of height one that peaks at `peak`, both in the unit of `at`.
fn wave(at: f64, peak: f64, period: f64) -> f64 {
    (TAU * (at - peak) / period).cos()
}

/// Three years of daily visits to a web site: ln visits = trend + weekday + season of the year + AR(1).
fn daily_visits(mut rng: LaneRng) -> String {
    const WEEKDAY: [f64; 7] = [0.10, 0.13, 0.11, 0.06, -0.02, -0.28, -0.21]; // Monday first
    const LAST: Date = date(2023, 12, 31);
    let mut noise = Noise::new([0.6, 0.0], 0.06);
    let mut text = String::from("date,visits\n");
    for (t, day) in (0..).zip(date(2021, 1, 1).series(1.day()).take_while(|day| *day <= LAST)) {
        // As a share of the year, so that leap years keep the phase.
        let season = f64::from(day.day_of_year() - 1) / f64::from(day.days_in_year());
        let weekday = WEEKDAY[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())];
        let log = 7.2 + 0.0004 * f64::from(t) + weekday + 0.18 * wave(season, 0.9, 1.0) + noise.next(&mut rng);
        let visits = log.exp().round().max(1.0);
        text += &format!("{day},{visits}\n");
    }
    text
}

/// Twelve weeks of hourly electricity demand in megawatts: level of the day + two humps a day + AR(1).
fn hourly_load(mut rng: LaneRng) -> String {
    const HOURS: u32 = 12 * 7 * 24;
    let start = date(2024, 3, 4).at(0, 0, 0, 0);
    debug_assert_eq!(start.weekday(), Weekday::Monday);
    let mut noise = Noise::new([0.85, 0.0], 45.0);
    let mut text = String::from("time,load\n");
    for (t, time) in (0..HOURS).zip(start.series(1.hour())) {
        let humps = -800.0 * wave(f64::from(t), 3.0, 24.0) + 330.0 * wave(f64::from(t), 8.0, 12.0);
        let load = load_level(t) + humps + noise.next(&mut rng);
        text += &format!("{},{load:.1}\n", minutes(time));
    }
    text
}

/// The level of the hour: that of each weekday at noon, linear in between.
fn load_level(hour: u32) -> f64 {
    const WEEKDAY: [f64; 7] = [5200.0, 5280.0, 5290.0, 5260.0, 5120.0, 4480.0, 4250.0]; // Monday first
    let since_noon = hour % 168 + 168 - 12;
    let day = (since_noon / 24) as usize;
    let share = f64::from(since_noon % 24) / 24.0;
    (1.0 - share) * WEEKDAY[day % 7] + share * WEEKDAY[(day + 1) % 7]
}

/// Three years of weekly sales of one article with its price and its promotions, which are planned a quarter ahead: 480 -
/// 60 (price - 4) + 90 promotion + AR(1).
fn weekly_promotions(mut rng: LaneRng) -> String {
    const WEEKS: usize = 156;
    const PLANNED: usize = 13;
    let mut noise = Noise::new([0.55, 0.0], 18.0);
    let mut text = String::from(
        "week,units,price,promotion
",
    );
    for (t, week) in (0..WEEKS + PLANNED).zip(date(2022, 1, 3).series(7.days())) {
        let price = 4.0 + 0.3 * (t / 39) as f64 - 0.5 * f64::from(u8::from(t % 26 >= 22));
        let promotion = u8::from(t % 9 == 4 || t % 26 == 23);
        let units = 480.0 - 60.0 * (price - 4.0) + 90.0 * f64::from(promotion) + noise.next(&mut rng);
        let units = if t < WEEKS { format!("{units:.0}") } else { String::new() };
        text += &format!("{week},{units},{price:.2},{promotion}\n");
    }
    text
}

/// Monthly sales of 20 products in thousands, all up to December 2023: level x growth x season x lognormal AR(1).
/// The last product hardly moves at all.
fn panel_sales() -> String {
    const PRODUCTS: u32 = 20;
    let mut text = String::from("unique_id,ds,y\n");
    for product in 0..PRODUCTS {
        // Lengths 24, 29, ..., 120; the factor 7 mixes them up.
        let months = 24 + 96 * (7 * product % PRODUCTS) / (PRODUCTS - 1);
        let rng = LaneRng::new(SEED, 100 + u64::from(product));
        let sales = if product == PRODUCTS - 1 { steady_sales(months, rng) } else { product_sales(months, rng) };
        let first = date(2024, 1, 1) - i64::from(months).months();
        for (month, y) in first.series(1.month()).zip(sales) {
            text += &format!("P{:02},{month},{y:.1}\n", product + 1);
        }
    }
    text
}

fn product_sales(months: u32, mut rng: LaneRng) -> Vec<f64> {
    let mut between = |low: f64, high: f64| low + (high - low) * rng.uniform();
    let level = 10_f64.powf(between(1.5, 4.0));
    let growth = between(-0.006, 0.012);
    let (height, peak) = (between(0.0, 0.4), between(0.0, 12.0));
    let mut noise = Noise::new([between(0.2, 0.8), 0.0], between(0.03, 0.12));
    (0..months)
        .map(|t| {
            let t = f64::from(t);
            level * (growth * t + height * wave(t, peak, 12.0) + noise.next(&mut rng)).exp()
        })
        .collect()
}

/// 250.0 in most months, 0.1 beside it in the others.
fn steady_sales(months: u32, mut rng: LaneRng) -> Vec<f64> {
    (0..months).map(|_| 250.0 + 0.04 * rng.normal()).collect()
}

/// What can happen to the sensor.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// One reading is off by so many degrees.
    Spike(f64),
    /// All readings are off by so many degrees.
    LevelShift(f64),
    /// The reading before is repeated.
    Flat,
    /// White noise of this standard deviation is added.
    VarianceBurst(f64),
    /// The daily cycle is late by so many rows.
    PhaseSlip(u32),
}

impl Fault {
    fn kind(self) -> &'static str {
        match self {
            Self::Spike(_) => "spike",
            Self::LevelShift(_) => "level_shift",
            Self::Flat => "flat",
            Self::VarianceBurst(_) => "variance_burst",
            Self::PhaseSlip(_) => "phase_slip",
        }
    }
}

/// A labelled anomaly: what happens in the rows `first..first + rows`.
struct Anomaly {
    fault: Fault,
    first: u32,
    rows: u32,
}

const fn anomaly(fault: Fault, first: u32, rows: u32) -> Anomaly {
    Anomaly { fault, first, rows }
}

/// Flat stretches and phase slips stand where the cycle is steep: at its turning points they would be invisible.
const ANOMALIES: [Anomaly; 12] = [
    anomaly(Fault::Spike(1.5), 4_310, 1),
    anomaly(Fault::LevelShift(1.5), 4_777, 30),
    anomaly(Fault::Flat, 5_270, 36),
    anomaly(Fault::Spike(-1.2), 5_733, 1),
    anomaly(Fault::VarianceBurst(0.5), 6_201, 48),
    anomaly(Fault::PhaseSlip(24), 6_725, 60),
    anomaly(Fault::Spike(0.9), 7_105, 1),
    anomaly(Fault::LevelShift(-1.0), 7_590, 30),
    anomaly(Fault::VarianceBurst(0.3), 8_064, 48),
    anomaly(Fault::Spike(-2.0), 8_549, 1),
    anomaly(Fault::PhaseSlip(36), 9_045, 60),
    anomaly(Fault::Flat, 9_600, 36),
];

/// Rows of five minutes in a day.
const SENSOR_DAY: u32 = 288;

const SENSOR_START: DateTime = date(2024, 1, 1).at(0, 0, 0, 0);

/// 10,000 readings of a thermometer, every five minutes: daily cycle + AR(2); from row 4,000 on with [`ANOMALIES`].
/// They are faults of reading, so the temperature goes on below them as if nothing had happened.
fn sensor_anomalies(mut rng: LaneRng) -> String {
    const ROWS: u32 = 10_000;
    let mut noise = Noise::new([1.3, -0.4], 0.1);
    let mut reading = 0.0;
    let mut text = String::from("time,temperature\n");
    for (t, time) in (0..ROWS).zip(SENSOR_START.series(5.minutes())) {
        let weather = noise.next(&mut rng);
        let true_value = daily_cycle(t) + weather;
        reading = match ANOMALIES.iter().find(|a| (a.first..a.first + a.rows).contains(&t)).map(|a| a.fault) {
            None => true_value,
            Some(Fault::Spike(by) | Fault::LevelShift(by)) => true_value + by,
            Some(Fault::Flat) => reading,
            Some(Fault::VarianceBurst(sigma)) => true_value + sigma * rng.normal(),
            Some(Fault::PhaseSlip(rows)) => daily_cycle(t - rows) + weather,
        };
        text += &format!("{},{reading:.2}\n", minutes(time));
    }
    text
}

/// Warmest at four in the afternoon, four degrees above the mean.
fn daily_cycle(row: u32) -> f64 {
    21.0 + 4.0 * wave(f64::from(row), 192.0, f64::from(SENSOR_DAY))
}

/// The first and the last time of every anomaly, and its kind.
fn sensor_anomalies_labels() -> String {
    let time = |row: u32| minutes(SENSOR_START + (5 * i64::from(row)).minutes());
    let mut text = String::from("start,end,kind\n");
    for Anomaly { fault, first, rows } in &ANOMALIES {
        text += &format!("{},{},{}\n", time(*first), time(first + rows - 1), fault.kind());
    }
    text
}

/// `2024-03-04T00:00`
fn minutes(time: DateTime) -> String {
    time.strftime("%Y-%m-%dT%H:%M").to_string()
}
