//! `--parameter-uncertainty`: wider intervals of the same centre, the same for the same seed, and who has none.

use crate::support::{Folder, Run, series};

fn run(args: &[&str]) -> Run {
    let times: Vec<String> = (1..31).map(|t| t.to_string()).collect();
    let folder = Folder::with("x.csv", series("t,x", &times));
    let plain = ["forecast", "x.csv", "-H", "4", "--order", "2", "--difference", "0", "--estimator", "exact"];
    folder.run(&[&plain, args].concat())
}

#[test]
fn intervals_are_wider_around_the_same_centre() {
    let (plain, wide) = (run(&[]).table(), run(&["--parameter-uncertainty"]).table());
    assert_eq!(plain.header, wide.header);
    let width =
        |table: &crate::support::Table, step: usize| table.numbers("AR-hi-95")[step] - table.numbers("AR-lo-95")[step];
    for step in 0..4 {
        let ratio = width(&wide, step) / width(&plain, step);
        assert!(ratio > 1.01 && ratio < 1.5, "step {step}: {ratio}");
    }
    let (centre, own) = (plain.numbers("AR")[0], wide.numbers("AR")[0]);
    assert!((centre - own).abs() < 0.05 * width(&plain, 0), "{own}, not {centre}");
}

#[test]
fn draws_are_those_of_their_seed() {
    let draws = |args: &[&str]| run(&[&["--parameter-uncertainty", "--draws", "20"], args].concat()).exits(0).stdout;
    let first = draws(&["--seed", "1"]);
    assert_eq!(draws(&["--seed", "1"]), first);
    assert_ne!(draws(&["--seed", "2"]), first);
    assert_eq!(draws(&[]), draws(&["--seed", "0"]));
    let paths = draws(&["--paths", "3", "--seed", "1"]);
    assert_eq!(paths.lines().count(), 1 + 3 * 4);
}

#[test]
fn what_has_no_covariance_is_refused() {
    let refused = |args: &[&str], said: &str| assert_eq!(run(args).exits(2).says(said).stdout, "", "{args:?}");
    refused(&["--draws", "20"], "--parameter-uncertainty");
    refused(&["--seed", "20"], "--parameter-uncertainty");
    let folder = Folder::with("x.csv", crate::support::monthly());
    let ridge = ["forecast", "x.csv", "-H", "2", "--penalty", "ridge", "--strength", "1"];
    let ridge = folder.run(&[&ridge[..], &["--parameter-uncertainty"]].concat());
    ridge.exits(2).says("no covariance of its parameters").says("least-squares, yule-walker, burg, exact or recursive");
    let naive = folder.run(&["forecast", "x.csv", "-H", "2", "--model", "naive", "--parameter-uncertainty"]);
    naive.exits(2).says("--parameter-uncertainty without --model ar");
    let robust = ["forecast", "x.csv", "-H", "2", "--estimator", "robust", "--order", "1", "--difference", "0"];
    let robust = folder.run(&[&robust[..], &["--parameter-uncertainty"]].concat());
    robust.exits(2).says("needs Gaussian innovations");
}
