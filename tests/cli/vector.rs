//! `forecast --model var` and `fit --model var`: a panel or a wide table as one system.

use crate::support::{Folder, Run, Table, months};

const COUNT: usize = 40;

/// Pseudo-random numbers of one series, the same each time.
fn noise(seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    };
    (0..COUNT).map(|_| (0..4).map(|_| next()).sum()).collect()
}

/// Two series of which the second follows the first.
fn values() -> [Vec<f64>; 2] {
    let (lead, rest) = (noise(1), noise(2));
    let follow = (0..COUNT).map(|t| 50.0 + if t == 0 { 0.0 } else { 3.0 * lead[t - 1] } + 0.3 * rest[t]).collect();
    [lead, follow]
}

fn panel(rows: impl Fn(&str, usize) -> bool) -> String {
    let mut table = "id,month,x\n".to_owned();
    for (id, values) in ["lead", "follow"].iter().zip(values()) {
        for (t, (month, x)) in months(COUNT).iter().zip(values).enumerate().filter(|(t, _)| rows(id, *t)) {
            debug_assert!(t < COUNT);
            table += &format!("{id},{month},{x}\n");
        }
    }
    table
}

fn wide(gap: Option<usize>) -> String {
    let [lead, follow] = values();
    let row = |t: usize| {
        let follow = if gap == Some(t) { String::new() } else { follow[t].to_string() };
        format!("{},{},{follow}\n", months(COUNT)[t], lead[t])
    };
    "month,lead,follow\n".to_owned() + &(0..COUNT).map(row).collect::<String>()
}

fn of_panel(args: &[&str]) -> Run {
    let all = [&["forecast", "x.csv", "-H", "4", "--id", "id", "--model", "var"], args].concat();
    Folder::with("x.csv", panel(|_, _| true)).run(&all)
}

fn of_wide(args: &[&str]) -> Run {
    let all = [&["forecast", "x.csv", "-H", "4", "--value", "lead", "--model", "var"], args].concat();
    Folder::with("x.csv", wide(None)).run(&all)
}

#[test]
fn a_panel_is_one_system() {
    let table = of_panel(&["--order", "1"]).table();
    assert_eq!(table.header, ["id", "month", "VAR", "VAR-lo-80", "VAR-hi-80", "VAR-lo-95", "VAR-hi-95"]);
    assert_eq!(table.column("id"), [["lead"; 4], ["follow"; 4]].concat());
    assert_eq!(table.column("month")[..2], ["2023-05", "2023-06"]);
    let (lo, mean, hi) = (table.numbers("VAR-lo-95"), table.numbers("VAR"), table.numbers("VAR-hi-95"));
    assert!((0..8).all(|row| lo[row] < mean[row] && mean[row] < hi[row]));
    // The next value of the follower is known from the last of the leader, those after it are not.
    let last = values()[0][COUNT - 1];
    assert!((mean[4] - 50.0 - 3.0 * last).abs() < 0.6, "{} {last}", mean[4]);
    assert!(hi[5] - lo[5] > 4.0 * (hi[4] - lo[4]));
}

#[test]
fn the_columns_of_a_wide_table_are_one_system() {
    let run = of_wide(&["--order", "1"]).says("the columns `lead`, `follow` are the series of one system");
    let (wide, panel) = (run.table(), of_panel(&["--order", "1"]).table());
    assert_eq!(wide.header[..2], ["series", "month"]);
    assert_eq!(wide.rows, panel.rows);
}

#[test]
fn a_system_stands_beside_other_models() {
    let table = of_panel(&["--model", "naive,ar", "--level", "80"]).table();
    let expected =
        ["VAR", "VAR-lo-80", "VAR-hi-80", "Naive", "Naive-lo-80", "Naive-hi-80", "AR", "AR-lo-80", "AR-hi-80"];
    assert_eq!(table.header[2..], expected);
    assert_eq!(table.numbers("VAR"), of_panel(&[]).table().numbers("VAR"));
    of_panel(&["--period", "12"])
        .says("VAR takes the values as they are, without logs, differences or season")
        .exits(0);
    // Options of ar are for ar then.
    of_panel(&["--model", "ar", "--difference", "1"]).exits(0);
}

#[test]
fn objects_hold_the_system_and_its_tests() {
    let objects = of_panel(&["--order", "1", "--json"]).objects();
    let table = of_panel(&["--order", "1"]).table();
    let of = |number: usize| &objects[number]["VAR"];
    let mean: Vec<f64> =
        (0..2).flat_map(|i| of(i)["mean"].as_array().expect("means")).filter_map(|x| x.as_f64()).collect();
    assert_eq!(mean, table.numbers("VAR"));
    assert_eq!(objects[1]["id"], "follow");
    assert_eq!(of(1)["model"], "VAR(1) of 2 series by least squares, equation of `follow`");
    let estimate = of(1)["parameters"]["L1.lead"]["estimate"].as_f64().expect("an estimate");
    assert!((estimate - 3.0).abs() < 0.2, "{estimate}");
    let p_value = |number: usize| of(number)["granger"][0]["p_value"].as_f64().expect("a p-value");
    assert_eq!(of(1)["granger"][0]["causing"], "lead");
    assert!(p_value(1) < 1e-9 && p_value(0) > 1e-3, "{} {}", p_value(1), p_value(0));
    assert_eq!((&of(0)["system"]["order"], &of(0)["system"]["observations"]), (&1.into(), &39.into()));
    assert_eq!(of(0)["system"]["log_likelihood"], of(1)["system"]["log_likelihood"]);
    assert_eq!(of(0)["system"]["innovation_covariance"]["lead"], of(0)["innovation_variance"]);
}

#[test]
fn paths_of_a_system_belong_together() {
    let paths = |args: &[&str]| of_panel(&[&["--order", "1", "--paths", "200"], args].concat()).exits(0).stdout;
    let first = paths(&["--seed", "5"]);
    assert_eq!(first, paths(&["--seed", "5"]));
    assert_ne!(first, paths(&["--seed", "6"]));
    let table = Table::of(&first, ',');
    assert_eq!(table.header, ["id", "month", "sample_id", "VAR"]);
    let x = table.numbers("VAR");
    assert_eq!(x.len(), 2 * 200 * 4);
    // In every path the follower's second value follows the leader's first.
    let away = |path: usize| (x[800 + 4 * path + 1] - 50.0 - 3.0 * x[4 * path]).abs();
    assert!((0..200).all(|path| away(path) < 2.0));
    assert!((0..200).any(|path| x[4 * path].abs() > 1.0));
}

#[test]
fn a_gap_is_an_error_or_a_row_less() {
    let folder = Folder::with("x.csv", wide(Some(20)));
    let args = ["forecast", "x.csv", "-H", "2", "--value", "lead", "--model", "var", "--order", "1"];
    folder.run(&args).exits(3).says("x.csv: `follow` has no number at 2021-09").says("--missing keep");
    let kept = folder.run(&[&args[..], &["--missing", "keep"]].concat()).says("2 times are left out of the fit");
    assert_eq!(kept.table().rows.len(), 4);
    // One series ends early: the other says something about it.
    let folder = Folder::with("x.csv", wide(Some(COUNT - 1)));
    let table = folder.run(&[&args[..], &["--missing", "keep"]].concat()).table();
    assert!(table.rows.iter().flatten().all(|cell| !cell.is_empty()));
}

#[test]
fn what_is_no_system_is_refused() {
    let refused = |content: &str, args: &[&str], code: i32| {
        Folder::with("x.csv", content)
            .run(&[&["forecast", "x.csv", "-H", "2", "--model", "var"], args].concat())
            .exits(code)
    };
    let one = crate::support::monthly();
    refused(&one, &[], 3).says("VAR needs at least two series, and there is one, `sold`").says("--model ar");
    let short = panel(|id, t| id == "lead" || t < 30);
    refused(&short, &["--id", "id"], 3)
        .says("x.csv: `follow` has 30 times from 2020-01 to 2022-06, but `lead` 40 times from 2020-01 to 2023-04")
        .says("common times");
    let shortest = panel(|id, t| id == "lead" || t < 1);
    refused(&shortest, &["--id", "id"], 3).says("`follow` has 1 time, 2020-01, but");
    let all = panel(|_, _| true);
    refused(&all, &["--id", "id", "--order", "15"], 3)
        .says("a VAR(15) of 2 series has 31 coefficients in each equation");
    let copy = all.clone() + &panel(|id, _| id == "lead").replace("lead", "copy").replace("id,month,x\n", "");
    refused(&copy, &["--id", "id", "--order", "1"], 3).says("lag 1 of `copy` is a linear combination");
    for option in
        [["--difference", "1"], ["--transform", "log"], ["--seasonal", "factors"], ["--estimator", "yule-walker"]]
    {
        refused(&all, &[&["--id", "id"], &option[..]].concat(), 2).says(&format!("{} without --model ar", option[0]));
    }
    refused(&all, &["--id", "id", "--difference", "0", "--transform", "none"], 0);
    let folder = Folder::with("x.csv", &all);
    folder
        .run(&["detect", "x.csv", "--id", "id", "--model", "var"])
        .exits(2)
        .says("a model of several series together");
}

#[test]
fn a_fit_prints_the_system_and_is_one_object() {
    let folder = Folder::with("x.csv", panel(|_, _| true));
    let args = ["fit", "x.csv", "--id", "id", "--model", "var", "--order", "1"];
    let text = folder.run(&args).exits(0).stdout;
    for part in ["VAR(1) of 2 series", "equation of follow", "std err", "L1.lead", "Granger causality", "lead"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let objects = folder.run(&[&args[..], &["--json", "-H", "4"]].concat()).objects();
    assert_eq!(objects.len(), 1);
    let (fit, forecast) = (&objects[0], of_panel(&["--order", "1", "--json"]).objects());
    assert_eq!(fit["series"], serde_json::json!(["lead", "follow"]));
    for (i, equation) in ["lead", "follow"].iter().enumerate() {
        let of = &forecast[i]["VAR"];
        for (j, cause) in ["lead", "follow"].iter().enumerate() {
            let parameter = &of["parameters"][format!("L1.{cause}")];
            assert_eq!(fit["coefficients"][0][i][j], parameter["estimate"], "{cause} on {equation}");
            assert_eq!(fit["standard_errors"][0][i][j], parameter["std_error"], "{cause} on {equation}");
            assert_eq!(fit["innovation_covariance"][i][j], of["system"]["innovation_covariance"][cause]);
        }
        assert_eq!(fit["terms"]["intercept"]["estimate"][i], of["parameters"]["intercept"]["estimate"]);
        assert_eq!(fit["forecast"]["series"][equation]["hi-95"], of["hi-95"]);
    }
    assert_eq!(fit["aic"], forecast[0]["VAR"]["system"]["aic"]);
    assert_eq!((&fit["granger"][0]["causing"], &fit["granger"][0]["caused"]), (&"lead".into(), &"follow".into()));
    assert_eq!(fit["forecast"]["month"][0], "2023-05");
    // A wide table is the same system.
    let wide_folder = Folder::with("x.csv", wide(None));
    let args = ["fit", "x.csv", "--value", "lead", "--model", "var", "--order", "1", "--json", "-H", "4"];
    assert_eq!(&wide_folder.run(&args).objects()[0]["coefficients"], &fit["coefficients"]);
    for option in ["--save", "--residuals", "--fill"] {
        let refused = folder.run(&["fit", "x.csv", "--id", "id", "--model", "var", option, "out.json"]).exits(2);
        refused.says(&format!("{option} with --model var, a model of several series together")).says("help: --json");
    }
}

#[test]
fn what_a_wide_table_knows_ahead_is_not_used_and_said_so() {
    let table = wide(None) + &["2023-05,,51\n", "2023-06,,52\n"].concat();
    let args = ["forecast", "x.csv", "-H", "2", "--value", "lead", "--model", "var", "-o", "f.csv", "--plot", "f.svg"];
    let folder = Folder::with("x.csv", table);
    folder.run(&args).exits(0).says("every column is forecast");
    assert!(folder.text("f.svg").contains("Forecast of lead, follow, 2 steps ahead"));
}
