//! The summary that `foretoken inspect` prints, the same as JSON, and the page of `--report`.

use std::fs;
use std::path::PathBuf;

use crate::support::{Folder, check_svg, dataset, monthly};

/// A fit that no default decides.
const FIXED: [&str; 10] =
    ["--model", "ar", "--order", "2", "--estimator", "least-squares", "--difference", "0", "--transform", "none"];

fn near(found: &serde_json::Value, expected: f64) -> bool {
    found.as_f64().is_some_and(|found| (found - expected).abs() <= 1e-8 * expected.abs())
}

#[test]
fn the_summary_of_the_nile_is_as_before() {
    let run = Folder::new().run(&[&["inspect", &dataset("nile.csv"), "--period", "0"], &FIXED[..]].concat()).exits(0);
    let (_, summary) = run.stdout.split_once("\n\n=").expect("a summary");
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/inspect_nile.txt");
    if std::env::var_os("FORETOKEN_BLESS").is_some() {
        fs::write(&golden, summary).expect("a golden file");
    }
    assert_eq!(summary, fs::read_to_string(&golden).expect("the golden file"));
}

/// Numbers of statsmodels' `AutoReg(nile, 2)` and `adfuller(nile)`.
#[test]
fn objects_have_what_the_summary_has() {
    let file = dataset("nile.csv");
    let args = [&["inspect", &file, "--period", "0", "--json"], &FIXED[..]].concat();
    let fit = &Folder::new().run(&args).objects()[0]["fit"];
    let phi = &fit["parameters"]["phi_1"];
    assert!(near(&phi["estimate"], 0.39493191379318604) && near(&phi["std_error"], 0.09862039829445303));
    assert!(near(&phi["z"], 4.004566201548177) && near(&phi["p_value"], 6.213139018819776e-05));
    assert!(near(&phi["conf_int"][0], 0.20163948499506273) && near(&phi["conf_int"][1], 0.5882243425913094));
    assert!(near(&fit["bic"], 1267.936587724866) && near(&fit["hqic"], 1261.7789819117818));
    let adf = &fit["tests"]["ADF, constant"];
    assert!(near(&adf["statistic"], -4.048705096914342) && near(&adf["p_value"], 0.0011758879503871243));
    assert!(near(&adf["critical_values"]["5%"], -2.891516256916761));
    assert_eq!(fit["roots"].as_array().map(Vec::len), Some(2));
    assert_eq!(fit["is_stationary"], true);
    assert_eq!(fit["impulse_response"]["response"][0], 1.0);
    let spectrum = &fit["spectral_density"];
    assert_eq!(spectrum["angular_frequency"].as_array().map(Vec::len), spectrum["density"].as_array().map(Vec::len));
    for test in ["Ljung-Box", "Box-Pierce", "Jarque-Bera", "ARCH-LM", "ADF, constant", "KPSS, level"] {
        assert!(fit["tests"][test]["statistic"].is_number(), "{test}");
    }
    assert_eq!(fit["tests"]["KPSS, level"]["p_value_is"], "<");
}

#[test]
fn a_page_is_complete_in_itself() {
    let folder = Folder::new();
    let file = dataset("nile.csv");
    let args = [&["inspect", &file, "--report", "page.html"], &FIXED[..]].concat();
    folder.run(&args).exits(0).says("wrote page.html");
    let page = folder.text("page.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    for outside in ["http", "<script", "<link", "<img", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("Innovation variance, unbiased"), "a row of a table says what it is of");
    let charts: Vec<&str> = page.split("<figure>").skip(1).collect();
    assert_eq!(charts.len(), 5);
    for chart in charts {
        let (svg, caption) = chart.split_once("</svg>").expect("a chart");
        check_svg(&format!("{}</svg>", svg.trim_start()));
        assert!(caption.contains("<figcaption>"));
    }
    for said in ["The residuals pass every test at 5 %.", "phi_2", "ADF, constant and trend", "AR(2) by least squares"]
    {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn names_are_text_on_a_page() {
    let rows = |id: &str| (1..=24).map(|t| format!("{id},{t},{}\n", t * t * 7 % 23)).collect::<String>();
    let table = format!("unique_id,ds,y\n{}{}", rows("<script>alert(1)</script>"), rows("a&b"));
    let folder = Folder::with("x.csv", table);
    folder.run(&["inspect", "x.csv", "--report", "page.html"]).exits(0);
    let page = folder.text("page.html");
    assert!(!page.contains("<script"));
    for heading in ["<h2>&lt;script&gt;alert(1)&lt;/script&gt;</h2>", "<h2>a&amp;b</h2>"] {
        assert!(page.contains(heading), "{heading}");
    }
}

#[test]
fn pages_show_the_first_series_and_say_so() {
    let folder = Folder::new();
    let run = folder.run(&["inspect", &dataset("panel_sales.csv"), "--report", "page.html"]).exits(0);
    run.says("note: the page shows the first 12 of 20 series");
    let page = folder.text("page.html");
    assert!(page.contains("The first 12 of 20 series.") && page.matches("<h2>").count() == 12);
}

#[test]
fn constant_short_and_gappy_series_have_pages() {
    let folder = Folder::new();
    for (values, said) in [
        (&["5"; 12][..], "There are no residuals to test."),
        (&["3", "1", "2", "5", "4"], "The residuals pass every test"),
        (&["1", "2", "", "4", "3", "5", "4", "", "6", "5", "7", "6", "8", "6", "5"], "interpolated for ADF and KPSS"),
    ] {
        let rows: String = (1..).zip(values).map(|(t, x)| format!("{t},{x}\n")).collect();
        folder.write("x.csv", format!("t,x\n{rows}"));
        folder.run(&["inspect", "x.csv", "--report", "page.html"]).exits(0);
        let page = folder.text("page.html");
        assert!(page.contains(said) && !page.contains("NaN"), "{said}");
    }
}

#[test]
fn a_page_is_refused_before_it_is_made() {
    let folder = Folder::with("x.csv", monthly());
    folder.run(&["inspect", "x.csv", "--report", "page.pdf"]).exits(2).says("ends in .html");
    folder.run(&["inspect", "x.csv", "--report", "nowhere/page.html"]).exits(2).says("does not exist");
    assert_eq!(folder.names(), ["x.csv"]);
}
