//! `foretoken inspect`, `plot` and `completions`, and the charts of all commands.

use crate::support::{Folder, check_png, check_svg, dataset, monthly, months, series};

#[test]
fn a_description_names_what_is_there() {
    let run = Folder::new().run(&["inspect", &dataset("air_passengers.csv")]).exits(0).says("monthly, period 12");
    for said in ["144 rows from 1949-01-01 to 1960-12-01, monthly", "mean 280.30", "lag", "AICc", "Ljung-Box"] {
        assert!(run.stdout.contains(said), "{said}\n{}", run.stdout);
    }
}

#[test]
fn gaps_are_counted() {
    let table = monthly();
    let line = |(i, line): (usize, &str)| match i {
        9 | 20 => None,
        13 => Some(format!("{},NA\n", &line[..7])),
        _ => Some(format!("{line}\n")),
    };
    let folder = Folder::with("x.csv", table.lines().enumerate().filter_map(line).collect::<String>());
    for (missing, said, values) in [
        ("keep", "2 missing times and 1 missing values, the first at 2020-09", 1),
        ("interpolate", "2 missing times and 0 missing values\n", 0),
    ] {
        let args = ["inspect", "x.csv", "--missing", missing];
        let text = folder.run(&args).exits(0).stdout;
        assert!(text.contains("34 rows from 2020-01 to 2022-12, monthly") && text.contains(said), "{text}");
        let objects = folder.run(&[&args[..], &["--json"]].concat()).objects();
        assert_eq!((&objects[0]["rows"], &objects[0]["missing_times"]), (&34.into(), &2.into()));
        assert_eq!(objects[0]["missing_values"], values);
    }
}

#[test]
fn objects_describe_every_series() {
    let objects = Folder::new().run(&["inspect", &dataset("panel_sales.csv"), "--json"]).objects();
    assert!(objects.len() > 10);
    for object in &objects {
        assert!(object["unique_id"].is_string() && object["rows"].as_u64().is_some_and(|rows| rows > 0));
        assert_eq!(object["frequency"], "1mo");
        assert_eq!(object["acf"][0], 1.0);
        assert!(object["orders"].as_array().is_some_and(|orders| !orders.is_empty()));
        assert!(object["fit"]["model"].is_string());
    }
    let run = Folder::new().run(&["inspect", &dataset("panel_sales.csv")]).exits(0);
    assert!(run.stdout.contains(&format!("{} series; --json", objects.len())), "{}", run.stdout);
}

#[test]
fn charts_are_pictures() {
    let folder = Folder::with("x.csv", monthly());
    let file = dataset("panel_sales.csv");
    for args in [
        &["forecast", "x.csv", "-H", "6", "--model", "ar,naive", "--plot"][..],
        &["forecast", &file, "-H", "6", "--plot"],
        &["forecast", "x.csv", "-H", "6", "--paths", "20", "--plot"],
        &["detect", "x.csv", "--plot"],
        &["detect", &file, "--plot"],
        &["inspect", "x.csv", "--plot"],
        &["inspect", &file, "--plot"],
        &["plot", "x.csv", "-o"],
        &["plot", &file, "-o"],
    ] {
        for chart in ["chart.svg", "chart.png"] {
            folder.run(&[args, &[chart]].concat()).exits(0).says(&format!("wrote {chart}"));
        }
        check_svg(&folder.text("chart.svg"));
        check_png(&folder.bytes("chart.png"));
    }
}

/// Twenty paths have no 95 % interval to speak of.
#[test]
fn bands_of_few_paths_are_called_so() {
    let folder = Folder::with("x.csv", monthly());
    folder.run(&["forecast", "x.csv", "-H", "6", "--paths", "20", "--plot", "x.svg"]).exits(0);
    assert!(folder.text("x.svg").contains("AR 95 % of 20 paths"));
}

#[test]
fn a_plot_has_a_name_of_its_own() {
    let folder = Folder::with("x.csv", monthly());
    let run = folder.run(&["plot", "x.csv"]).exits(0).says("wrote series.svg");
    assert_eq!(run.stdout, "");
    check_svg(&folder.text("series.svg"));
    assert!(folder.text("series.svg").contains("sold"), "the value is named");
}

#[test]
fn names_with_markup_do_not_break_a_chart() {
    let folder = Folder::with("x.csv", series("when,<a> & \u{1F600}", &months(24)));
    folder.run(&["plot", "x.csv", "-o", "x.svg"]).exits(0);
    let svg = folder.text("x.svg");
    check_svg(&svg);
    assert!(svg.contains("&lt;a&gt; &amp;"));
}

#[test]
fn completions_are_scripts() {
    for (shell, said) in
        [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c"), ("powershell", "Register")]
    {
        let run = Folder::new().run(&["completions", shell]).exits(0);
        assert!(run.stdout.contains(said) && run.stdout.contains("forecast") && run.stderr.is_empty(), "{shell}");
    }
    Folder::new().run(&["completions", "tcsh"]).exits(2);
}

#[test]
fn help_shows_every_command_and_examples() {
    let help = Folder::new().run(&["--help"]).exits(0).stdout;
    for command in ["forecast", "detect", "inspect", "plot", "completions"] {
        assert!(help.contains(command));
        let help = Folder::new().run(&[command, "--help"]).exits(0).stdout;
        assert!(help.contains("Example"), "{command}");
    }
    assert!(Folder::new().run(&["--version"]).exits(0).stdout.contains(env!("CARGO_PKG_VERSION")));
}

/// A line leaves an order nothing to explain.
#[test]
fn a_series_without_error_has_no_criteria() {
    let line: String = months(60).iter().enumerate().map(|(t, month)| format!("{month},{}\n", 3 * t)).collect();
    let folder = Folder::with("x.csv", "month,y\n".to_owned() + &line);
    let text = folder.run(&["inspect", "x.csv"]).exits(0).stdout;
    assert!(!text.contains("NaN"), "{text}");
}

#[test]
fn tests_stand_once_in_an_object() {
    let object = Folder::new().run(&["inspect", &dataset("nile.csv"), "--json"]).objects().remove(0);
    assert!(object["fit"]["tests"].is_object() && object.get("tests").is_none());
}
