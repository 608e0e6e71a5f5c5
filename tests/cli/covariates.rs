//! `--covariates` and `--future`: what is estimated, where the future comes from, what is said when some is missing.

use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::math::random::LaneRng;
use foretoken::model::linear::{ArSpec, Choice, Estimator, LinkChoice, Order, SeasonalChoice, Terms};
use foretoken::{Batch, Covariates, Fit, Series};

use crate::support::{Folder, Run, months};

const ROWS: usize = 60;
const AHEAD: usize = 6;
/// Order 1 on values as they are, by least squares.
const PLAIN: [&str; 9] =
    ["--order", "1", "--difference", "0", "--transform", "none", "--estimator", "least-squares", "--seasonal=none"];

/// x_t = 2 + 0.6 x_{t-1} + 1.5 price_t - 3 promo_t + 0.1 e_t, with the covariates of further rows.
struct Arx {
    price: Vec<f64>,
    promo: Vec<f64>,
    x: Vec<f64>,
}

fn arx(rows: usize) -> Arx {
    let mut rng = LaneRng::new(11, 0);
    let price: Vec<f64> = (0..rows + AHEAD).map(|_| rng.normal()).collect();
    let promo: Vec<f64> = (0..rows + AHEAD).map(|t| f64::from(u8::from(t * 7 % 5 == 0))).collect();
    let mut x = Vec::new();
    for t in 0..rows {
        let past = x.last().copied().unwrap_or(5.0);
        x.push(2.0 + 0.6 * past + 1.5 * price[t] - 3.0 * promo[t] + 0.1 * rng.normal());
    }
    Arx { price, promo, x }
}

impl Arx {
    /// `month,price,promo,sales` of some rows; without value after the last one.
    fn table(&self, rows: std::ops::Range<usize>) -> String {
        let months = months(self.price.len());
        let value = |t: usize| self.x.get(t).map_or(String::new(), f64::to_string);
        let row = |t: usize| format!("{},{},{},{}\n", months[t], self.price[t], self.promo[t], value(t));
        "month,price,promo,sales\n".to_owned() + &rows.map(row).collect::<String>()
    }

    /// `month,price,promo` of some rows, in their order.
    fn future(&self, rows: impl Iterator<Item = usize>) -> String {
        let months = months(self.price.len());
        let row = |t: usize| format!("{},{},{}\n", months[t], self.price[t], self.promo[t]);
        "month,price,promo\n".to_owned() + &rows.map(row).collect::<String>()
    }
}

fn folder() -> Folder {
    let data = arx(ROWS);
    let folder = Folder::with("x.csv", data.table(0..ROWS));
    folder.write("both.csv", data.table(0..ROWS + AHEAD));
    // Backwards, with rows of the past and without one column's name in the usual place.
    folder.write("future.csv", data.future((0..ROWS + AHEAD).rev()));
    folder
}

fn run(folder: &Folder, file: &str, args: &[&str]) -> Run {
    folder.run(&[&["forecast", file, "-H", "6", "--covariates", "price,promo"], args].concat())
}

#[test]
fn coefficients_are_found_and_the_future_is_used() {
    let data = arx(400);
    let folder = Folder::with("x.csv", data.table(0..400 + AHEAD));
    let args = [&["--json", "--level", "95"], &PLAIN[..]].concat();
    let object = run(&folder, "x.csv", &args).objects().remove(0);
    let fit = &object["AR"];
    for (name, expected) in [("intercept", 2.0), ("price", 1.5), ("promo", -3.0), ("phi_1", 0.6)] {
        let found = fit["parameters"][name]["estimate"].as_f64().expect("an estimate");
        assert!((found - expected).abs() < 0.05, "{name}: {found}");
    }
    let (mut expected, mean) = (data.x[399], fit["mean"].as_array().expect("means"));
    for (step, mean) in mean.iter().enumerate() {
        expected = 2.0 + 0.6 * expected + 1.5 * data.price[400 + step] - 3.0 * data.promo[400 + step];
        assert!((mean.as_f64().expect("a number") - expected).abs() < 0.15, "step {step}");
    }
}

#[test]
fn a_future_file_equals_rows_without_value_and_the_library() {
    let folder = folder();
    let of_file = run(&folder, "x.csv", &[&["--future", "future.csv"], &PLAIN[..]].concat());
    assert!(!of_file.stderr.contains("no model here uses"), "{}", of_file.stderr);
    let table = of_file.table();
    let both = run(&folder, "both.csv", &PLAIN).says("6 rows without value continue the further columns").table();
    assert_eq!(table, both);
    let data = arx(ROWS);
    let spec = ArSpec {
        order: Order::Fixed(1),
        estimator: Choice::Fixed(Estimator::LeastSquares),
        terms: Terms { covariates: vec!["price".to_owned(), "promo".to_owned()], ..Terms::default() },
        transform: Choice::Fixed(LinkChoice::None),
        seasonal: Choice::Fixed(SeasonalChoice::None),
        difference: Choice::Fixed(0),
        ..ArSpec::default()
    };
    let column = |name: &str, values: &[f64]| foretoken::data::series::Covariate {
        name: name.to_owned(),
        values: values.to_vec(),
    };
    let covariates = vec![column("price", &data.price), column("promo", &data.promo)];
    let series = Series::new("", data.x.clone()).with_covariates(covariates);
    let fitted = spec.fit(std::slice::from_ref(&series)).expect("a fit");
    let known = Covariates::of_series(&series);
    let options = ForecastOptions::new(AHEAD);
    let ahead = forecast(&fitted.model, &Batch::single(&data.x, 0), &known, options).expect("a forecast");
    assert_eq!(table.numbers("AR"), (0..AHEAD).map(|step| ahead.mean(step)).collect::<Vec<_>>());
    assert_eq!(table.numbers("AR-hi-95"), (0..AHEAD).map(|step| ahead.interval(step, 0.95).1).collect::<Vec<_>>());
    // Too short a future is no panic of the library either.
    let refused = forecast(&fitted.model, &Batch::single(&data.x, 0), &known, ForecastOptions::new(AHEAD + 1));
    assert!(refused.expect_err("one step too many").to_string().contains("a covariate is missing at step 67 of 67"));
}

#[test]
fn averages_of_differences_and_sampled_paths_follow_the_covariates() {
    let data = arx(ROWS);
    let folder = folder();
    // The same with another plan for the prices.
    let dearer = Arx { price: data.price.iter().map(|p| p + 4.0).collect(), ..arx(ROWS) };
    folder.write("dearer.csv", dearer.future(ROWS..ROWS + AHEAD));
    for args in [&["--difference", "1"][..], &["--difference", "1", "--estimator", "exact"], &["--paths", "300"]] {
        let means = |future: &str| {
            let table = run(&folder, "x.csv", &[&["--future", future], args].concat()).table();
            table.numbers("AR")
        };
        let (usual, dearer) = (means("future.csv"), means("dearer.csv"));
        let last = |values: &[f64]| values[values.len() - 1];
        // Four more for 1.5 each, and what the lags make of it; of differences the covariate says less.
        let rise = last(&dearer) - last(&usual);
        assert!(rise > 3.0 && rise < 25.0, "{args:?}: {rise}");
    }
}

#[test]
fn a_future_file_may_be_of_another_kind() {
    let (data, folder) = (arx(ROWS), folder());
    let months = months(ROWS + AHEAD);
    let object =
        |t: usize| format!("{{\"month\":\"{}\",\"price\":{},\"promo\":{}}}\n", months[t], data.price[t], data.promo[t]);
    folder.write("future.ndjson", (ROWS..ROWS + AHEAD).map(object).collect::<String>());
    let with = |future: &str| run(&folder, "x.csv", &[&["--future", future], &PLAIN[..]].concat()).table();
    let expected = with("future.csv");
    assert_eq!(with("future.ndjson"), expected);
    // Month starts as ISO dates are the months.
    let days = data.future(ROWS..ROWS + AHEAD);
    let day = |line: &str| line.replacen(',', "-01,", 1) + "\n";
    let days = days.lines().enumerate().map(|(i, line)| if i == 0 { format!("{line}\n") } else { day(line) });
    folder.write("days.csv", days.collect::<String>());
    assert_eq!(with("days.csv"), expected);
    // Without times the rows are the next steps.
    let without_times = |table: String| -> String {
        table.lines().map(|line| line.split_once(',').expect("a column").1.to_owned() + "\n").collect()
    };
    folder.write("steps.csv", without_times(data.table(0..ROWS)));
    folder.write("ahead.csv", without_times(data.future(ROWS..ROWS + AHEAD)));
    let args = ["--value", "sales", "--freq", "1mo", "--future", "ahead.csv"];
    let steps = run(&folder, "steps.csv", &[&args, &PLAIN[..]].concat()).table();
    assert_eq!(steps.numbers("AR"), expected.numbers("AR"));
}

#[test]
fn what_is_missing_of_the_future_is_named() {
    let folder = folder();
    let none = run(&folder, "x.csv", &PLAIN).exits(3);
    let said = "x.csv: covariates `price`, `promo` are missing at 2025-01 to 2025-06 (6 times); expected a number at each of the 6 steps";
    assert_eq!(none.says(said).says("--future FILE").stdout, "");
    let data = arx(ROWS);
    folder.write("short.csv", data.future(ROWS..ROWS + 3));
    run(&folder, "x.csv", &["--future", "short.csv"])
        .exits(3)
        .says("missing at 2025-04 to 2025-06 (3 times); expected")
        .says("help: add these times to short.csv");
    // A file for what the rows without value leave open.
    folder.write("part.csv", data.table(0..ROWS + 3));
    folder.write("rest.csv", data.future(ROWS + 3..ROWS + AHEAD));
    let whole = run(&folder, "both.csv", &PLAIN).table();
    assert_eq!(run(&folder, "part.csv", &[&["--future", "rest.csv"], &PLAIN[..]].concat()).table(), whole);
    // A row between is missing, in the file and in the input.
    folder.write("hole.csv", data.future((ROWS..ROWS + AHEAD).filter(|t| *t != ROWS + 2)));
    run(&folder, "x.csv", &["--future", "hole.csv"]).exits(3).says("`price`, `promo` are missing at 2025-03; expected");
    let lines: Vec<String> = data.table(0..ROWS + AHEAD).lines().map(|line| format!("{line}\n")).collect();
    let hole: String = lines.iter().enumerate().filter(|(i, _)| *i != ROWS + 3).map(|(_, line)| &line[..]).collect();
    folder.write("hole2.csv", hole);
    run(&folder, "hole2.csv", &[]).exits(3).says("`price`, `promo` are missing at 2025-03; expected");
}

#[test]
fn a_fit_and_its_model_file_know_the_future() {
    let folder = folder();
    let expected = run(&folder, "x.csv", &[&["--future", "future.csv"], &PLAIN[..]].concat()).table();
    let args = ["fit", "x.csv", "--covariates", "price,promo", "--json", "-H", "6", "--save", "m.json"];
    let fit = folder.run(&[&args[..], &["--future", "future.csv"], &PLAIN].concat()).objects().remove(0);
    let means = fit["forecast"]["mean"].as_array().expect("means").iter().filter_map(serde_json::Value::as_f64);
    assert_eq!(means.collect::<Vec<f64>>(), expected.numbers("AR"));
    assert_eq!(folder.run(&["forecast", "--load", "m.json", "-H", "6"]).table(), expected);
    let text = folder.run(&["inspect", "--load", "m.json"]).exits(0).stdout;
    assert!(text.contains("covariates price, promo, known 6 steps ahead"), "{text}");
    let short = folder.run(&["forecast", "--load", "m.json", "-H", "9"]).exits(2);
    short.says("the future of price, promo is not known at 2025-07 to 2025-09 (3 times)").says("help: end the table");
    folder.run(&[&args[..], &PLAIN].concat()).exits(3).says("missing at 2025-01 to 2025-06 (6 times)");
}

#[test]
fn two_futures_must_agree() {
    let (data, folder) = (arx(ROWS), folder());
    let whole = run(&folder, "both.csv", &PLAIN).table();
    folder.write("same.csv", data.future(ROWS..ROWS + AHEAD));
    assert_eq!(run(&folder, "both.csv", &[&["--future", "same.csv"], &PLAIN[..]].concat()).table(), whole);
    let dearer = Arx { price: data.price.iter().map(|p| p + 4.0).collect(), ..arx(ROWS) };
    folder.write("dearer.csv", dearer.future(ROWS + 1..ROWS + AHEAD));
    let refused = run(&folder, "both.csv", &["--future", "dearer.csv"]).exits(3);
    refused.says("dearer.csv: line 2: `price` is ").says(" at 2025-02, but ").says("leave the row out");
}

#[test]
fn the_values_are_no_covariate_of_themselves() {
    let folder = Folder::with("x.csv", crate::support::monthly());
    let refused = folder.run(&["forecast", "x.csv", "-H", "2", "--covariates", "sold"]).exits(2);
    refused.says("x.csv: `sold` is the value column, it cannot also be a covariate").says("help: leave it out");
}

#[test]
fn what_is_missing_of_the_past_is_named() {
    let data = arx(ROWS);
    let without = |rows: &[usize]| -> String {
        let cell = |(i, line): (usize, &str)| {
            let mut cells: Vec<&str> = line.split(',').collect();
            if rows.contains(&i) {
                cells[2] = "";
            }
            cells.join(",") + "\n"
        };
        data.table(0..ROWS).lines().enumerate().map(cell).collect()
    };
    let folder = Folder::with("x.csv", without(&[5, 7, 8, 10]));
    folder.write("future.csv", data.future(ROWS..ROWS + AHEAD));
    let said = "covariate `promo` is missing at 2020-05, 2020-07, 2020-08, 2020-10; expected a number at every time";
    run(&folder, "x.csv", &["--future", "future.csv"]).exits(3).says(said);
    folder.run(&["detect", "x.csv", "--covariates", "price,promo", "--value", "sales"]).exits(3).says(said);
    folder.run(&["inspect", "x.csv", "--covariates", "promo", "--value", "sales"]).exits(3).says(said);
    run(&folder, "x.csv", &["--future", "future.csv", "--missing", "interpolate"]).exits(0);
}

#[test]
fn series_of_a_panel_fail_by_themselves() {
    let data = arx(ROWS);
    let of_store = |store: &str, table: String| -> String {
        table.lines().skip(1).map(|line| format!("{store},{line}\n")).collect()
    };
    let header = "store,month,price,promo,sales\n".to_owned();
    let panel = header + &of_store("A", data.table(0..ROWS)) + &of_store("B", data.table(0..ROWS));
    let folder = Folder::with("x.csv", panel);
    let future = "store,month,price,promo\n".to_owned()
        + &of_store("B", data.future(ROWS..ROWS + AHEAD))
        + &of_store("A", data.future(ROWS..ROWS + 1))
        + &of_store("C", data.future(0..4));
    folder.write("future.csv", future);
    let args = [&["--id", "store", "--value", "sales", "--future", "future.csv"], &PLAIN[..]].concat();
    let some = run(&folder, "x.csv", &args).exits(4);
    let some =
        some.says("x.csv: covariates `price`, `promo` are missing for store `A` at 2025-02 to 2025-06 (5 times)");
    let table = crate::support::Table::of(&some.stdout, ',');
    assert_eq!(table.column("store"), ["B"; AHEAD]);
    let alone = run(&self::folder(), "both.csv", &PLAIN).table();
    assert_eq!(table.numbers("AR"), alone.numbers("AR"));
}

#[test]
fn columns_that_are_no_covariates_are_refused() {
    let data = arx(ROWS);
    let rows: String = data.table(0..ROWS).lines().skip(1).map(|line| format!("{line},sunny,7\n")).collect();
    let folder = Folder::with("x.csv", "month,price,promo,sales,weather,seven\n".to_owned() + &rows);
    folder.write("future.csv", data.future(ROWS..ROWS + AHEAD));
    folder.write("no_promo.csv", "month,price\n2025-01,1\n");
    folder.write("words.csv", "month,price,promo\n2025-01,1,yes\n");
    folder.write("twice.csv", "month,price,promo\n2025-01,1,0\n2025-01,2,0\n");
    folder.write("no_time.csv", "month,price,promo\nsoon,1,0\n");
    let refused = |args: &[&str], code: i32, said: &str| {
        let all = [&["forecast", "x.csv", "-H", "2", "--value", "sales", "--covariates"], args].concat();
        assert_eq!(folder.run(&all).exits(code).says(said).stdout, "", "{args:?}");
    };
    refused(&["cost"], 2, "no column `cost`; expected one of `month`, `price`, `promo`, `sales`");
    refused(&["price,sales"], 2, "`sales` is the value column, it cannot also be a covariate");
    refused(&["month", "--time", "month"], 2, "`month` is the column of times and no covariate");
    refused(&["price,price"], 2, "the covariate `price` is named twice");
    refused(&["weather"], 3, "line 2: the covariate `weather` is not numeric: `sunny` is no number");
    refused(&["price", "--model", "naive"], 2, "--covariates without --model ar");
    refused(&["price,promo", "--future", "no_promo.csv"], 2, "no_promo.csv: there is no column `promo`");
    refused(&["price,promo", "--future", "words.csv"], 3, "words.csv: line 2: the covariate `promo` is not numeric");
    refused(&["price,promo", "--future", "twice.csv"], 3, "twice.csv: line 3: the time 2025-01 stands in two rows");
    refused(&["price,promo", "--future", "no_time.csv"], 3, "no_time.csv: line 2: `soon` is no time of this series");
    refused(&["price,promo", "--future", "nowhere.csv"], 2, "nowhere.csv: cannot be read");
    folder.write("sevens.csv", "month,seven\n2025-01,7\n2025-02,7\n");
    refused(&["seven", "--future", "sevens.csv"], 3, "the covariate `seven` says nothing: it");
    folder
        .run(&["forecast", "x.csv", "-H", "2", "--value", "sales", "--future", "future.csv"])
        .exits(2)
        .says("--covariates");
    folder.run(&["plot", "x.csv", "--covariates", "price"]).exits(2).says("without a model");
    // Columns that nobody asked for are named, and change nothing.
    let table = folder.run(&["forecast", "x.csv", "-H", "2", "--value", "sales"]);
    let table = table.says("no model here uses the columns price, promo, seven").table();
    folder.write(
        "bare.csv",
        arx(ROWS)
            .table(0..ROWS)
            .lines()
            .map(|line| {
                let cells: Vec<&str> = line.split(',').collect();
                format!("{},{}\n", cells[0], cells[3])
            })
            .collect::<String>(),
    );
    assert_eq!(table, folder.run(&["forecast", "bare.csv", "-H", "2"]).table());
    let args = ["forecast", "x.csv", "-H", "2", "--value", "sales", "--covariates", "price", "--future", "future.csv"];
    folder.run(&args).exits(0).says("no model here uses the columns promo, seven");
}

#[test]
fn expected_values_follow_the_covariates() {
    let data = arx(200);
    let mut x = data.x.clone();
    // A value that is usual for the series, but not for its price.
    x[150] += if data.price[150] > 0.0 { -3.0 } else { 3.0 };
    let data = Arx { x, ..data };
    let folder = Folder::with("x.csv", data.table(0..200));
    let args = ["detect", "x.csv", "--value", "sales", "--false-alarm-rate", "0.01", "-o", "-"];
    let flags = |more: &[&str]| folder.run(&[&args[..], &PLAIN, more].concat()).table().column("is_anomaly").join(",");
    let with = flags(&["--covariates", "price,promo"]);
    let rows: Vec<usize> =
        with.split(',').enumerate().filter(|(_, flag)| *flag == "true").map(|(row, _)| row).collect();
    assert!(rows.contains(&150) && rows.len() < 10, "{rows:?}");
    let without: Vec<bool> = flags(&[]).split(',').map(|flag| flag == "true").collect();
    assert!(!without[150], "the spread without covariates hides it");
    let trained = flags(&["--covariates", "price,promo", "--train-rows", "120"]);
    assert_eq!(trained.split(',').nth(150), Some("true"));
    let text = folder.run(&[&["inspect", "x.csv", "--value", "sales", "--covariates", "price"], &PLAIN[..]].concat());
    assert!(text.exits(0).stdout.contains("price"));
}

#[test]
fn a_future_needs_covariates_and_a_fit() {
    let folder = folder();
    let alone = folder.run(&["forecast", "x.csv", "-H", "6", "--future", "future.csv", "-o", "f.csv"]).exits(2);
    alone.says("--future without --covariates");
    folder.run(&[&["fit", "x.csv", "--covariates", "price,promo", "--save", "m.json"], &PLAIN[..]].concat()).exits(0);
    folder
        .run(&["forecast", "--load", "m.json", "-H", "6", "--future", "future.csv", "-o", "f.csv"])
        .exits(2)
        .says("--future and --covariates with --load")
        .says("table of --update");
}
