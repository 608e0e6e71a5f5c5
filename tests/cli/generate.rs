//! `generate` and the decodings of `forecast`: paths, their densities, stops, fixed values, symbols.

use crate::support::{Folder, Table, dataset};

fn generated(folder: &Folder, args: &[&str]) -> Table {
    folder.run(&[&["generate"], args].concat()).exits(0).table()
}

#[test]
fn paths_are_long_and_have_the_columns_of_the_input() {
    let folder = Folder::new();
    let table = generated(&folder, &[&dataset("panel_sales.csv"), "-H", "3", "--paths", "2", "--seed", "7"]);
    assert_eq!(table.header, ["unique_id", "ds", "y", "sample_id", "log_prob", "log_q"]);
    let series = 20;
    assert_eq!(table.rows.len(), series * 2 * 3);
    assert_eq!(table.column("sample_id")[..6], ["0", "0", "0", "1", "1", "1"]);
    // A draw from the model is one of the decoding.
    assert_eq!(table.column("log_prob"), table.column("log_q"));
    let again = generated(&folder, &[&dataset("panel_sales.csv"), "-H", "3", "--paths", "2", "--seed", "7"]);
    assert_eq!(again.rows, table.rows);
    let other = generated(&folder, &[&dataset("panel_sales.csv"), "-H", "3", "--paths", "2", "--seed", "8"]);
    assert_ne!(other.rows, table.rows);
    // The first path does not depend on how many there are.
    let more = generated(&folder, &[&dataset("panel_sales.csv"), "-H", "3", "--paths", "5", "--seed", "7"]);
    assert_eq!(more.rows[..6], table.rows[..6]);
}

#[test]
fn every_decoding_writes_what_it_promises() {
    let (folder, file) = (Folder::new(), dataset("sunspots_yearly.csv"));
    for (decode, paths) in [
        ("sample", 4),
        ("top-k", 4),
        ("nucleus", 4),
        ("typical", 4),
        ("greedy", 1),
        ("mean", 1),
        ("median", 1),
        ("beam", 1),
        ("best-of", 1),
    ] {
        for model in ["ar", "markov", "codebook"] {
            let args = [&file[..], "-H", "4", "--paths", "4", "--decode", decode, "--model", model];
            let table = generated(&folder, &args);
            assert_eq!(table.rows.len(), 4 * paths, "{decode} of {model}");
            assert!(table.numbers("sunspots").iter().chain(&table.numbers("log_prob")).all(|x| x.is_finite()));
        }
    }
    // The mode of a Gaussian is its mean, and a beam of such modes is greedy.
    let ar = |decode: &str| generated(&folder, &[&file, "-H", "5", "--decode", decode, "--difference", "0"]);
    let (greedy, beam, mean) = (ar("greedy"), ar("beam"), ar("mean"));
    assert_eq!(greedy.rows, beam.rows);
    assert_eq!(greedy.column("sunspots"), mean.column("sunspots"));
}

#[test]
fn paths_end_where_they_cross_a_threshold() {
    let (folder, file) = (Folder::new(), dataset("nile.csv"));
    let args = ["generate", &file, "-H", "40", "--paths", "50", "--until", "value<700", "--json"];
    let run = folder.run(&args).exits(0).says("of 50 paths reach --until");
    let json: serde_json::Value = serde_json::from_str(run.stdout.trim()).expect("one object");
    let paths = json["paths"].as_array().expect("paths");
    let mut stopped = 0;
    for path in paths {
        let values: Vec<f64> = path.as_array().expect("values").iter().map(|x| x.as_f64().expect("a number")).collect();
        let (last, before) = values.split_last().expect("a value");
        assert!(before.iter().all(|x| *x >= 700.0));
        stopped += u64::from(*last < 700.0);
        assert!(*last < 700.0 || values.len() == 40);
    }
    assert!(stopped > 0 && json["first_passage"]["stopped"] == stopped);
    folder.run(&["generate", &file, "-H", "3", "--until", "value=3"]).exits(2).says("expected value>X");
    folder.run(&["generate", &file, "-H", "3", "--until", "symbol=a"]).exits(2).says("without --symbols");
}

#[test]
fn fixed_values_are_kept_and_change_what_they_may() {
    let (folder, file) = (Folder::new(), dataset("air_passengers.csv"));
    folder.write("fix.csv", "month,passengers\n1961-03,600\n");
    let base = ["generate", &file, "-H", "4", "--decode", "mean"];
    let values = |more: &[&str]| folder.run(&[&base, more].concat()).exits(0).table().numbers("passengers");
    let (free, set) = (values(&[]), values(&["--fix", "fix.csv", "--fix-mode", "intervene"]));
    let seen = values(&["--fix", "fix.csv"]);
    assert_eq!((set[2], seen[2]), (600.0, 600.0));
    assert_eq!(set[..2], free[..2]);
    assert!(seen[0] > free[0] && seen[1] > free[1] && set[3] > free[3], "{free:?} {set:?} {seen:?}");
    // A model without a Gaussian joint is conditioned by particles.
    let markov = ["generate", &file, "-H", "3", "--paths", "20", "--fix", "near.csv", "--model", "markov"];
    folder.write("near.csv", "month,passengers\n1961-03,450\n");
    folder.run(&markov).exits(0).says("an effective sample of");
    folder.write("late.csv", "month,passengers\n1962-03,600\n");
    folder.run(&[&base[..], &["--fix", "late.csv"]].concat()).exits(2).says("beyond the horizon");
    folder.write("past.csv", "month,passengers\n1950-03,600\n");
    folder.run(&[&base[..], &["--fix", "past.csv"]].concat()).exits(3).says("not ahead of the series");
    folder.write("empty.csv", "month,passengers\n1961-03,\n");
    folder.run(&[&base[..], &["--fix", "empty.csv"]].concat()).exits(3).says("no row fixes a value");
    let beam = ["generate", &file, "-H", "4", "--decode", "beam", "--fix", "fix.csv", "--model"];
    folder.run(&[&beam[..], &["markov"]].concat()).exits(2).says("--decode beam cannot look ahead");
    folder.run(&[&beam[..], &["ar", "--order", "2", "--difference", "0"]].concat()).exits(0);
}

#[test]
fn every_row_of_a_scenario_must_stand_on_a_step_ahead() {
    let panel: String =
        ["a", "b"].iter().flat_map(|id| (1..=30).map(move |t| format!("{id},{t},{}\n", t % 7))).collect();
    let folder = Folder::with("panel.csv", format!("unique_id,t,y\n{panel}"));
    let plain: String = crate::support::values(30).iter().map(|x| format!("{x}\n")).collect();
    folder.write("plain.csv", format!("y\n{plain}"));
    folder.write("months.csv", crate::support::monthly());
    let run = |file: &str, fix: &str| {
        folder.write("fix.csv", fix);
        folder.run(&["generate", file, "-H", "4", "--fix", "fix.csv", "--decode", "mean"])
    };
    for (file, fix, said) in [
        (
            "panel.csv",
            "unique_id,t,y\na,32,3\nc,31,4\n",
            "fix.csv: line 3: there is no series `c`; expected one of `a`, `b`",
        ),
        (
            "panel.csv",
            "unique_id,t,y\na,32,3\nb,30,4\n",
            "line 3: 30 is not ahead of the series; expected one of the 4 steps",
        ),
        ("months.csv", "month,sold\n2023-01,60\n2023-02-15,60\n", "line 3: 2023-02-15 is no time of the series"),
        ("months.csv", "unique_id,month,sold\nQ,2023-01,60\n", "a column `unique_id`, and the series have none"),
        ("months.csv", "month,sold\n2023-01,many\n", "line 2, column `sold`: `many` is no number"),
        ("plain.csv", "unique_id,ds,y\nQ,2020-01-01,8\n", "a column `unique_id`, and the series have none"),
        ("plain.csv", "t,y\n62,3\n", "the value fixed at 62 lies beyond the horizon"),
        ("plain.csv", "t,y\n32,3\n32,4\n", "line 3: the time 32 stands in two rows"),
    ] {
        let run = run(file, fix);
        assert!(run.code.is_some_and(|code| code == 2 || code == 3), "{run:?}");
        run.says(said);
    }
    // Rows without times are numbered in results, and so they may be here.
    assert_eq!(run("plain.csv", "t,y\n32,3\n").exits(0).table().numbers("y")[1], 3.0);
    assert_eq!(run("plain.csv", "y\n\"\"\n3\n").exits(0).table().numbers("y")[1], 3.0);
}

#[test]
fn charts_mark_what_paths_were_told() {
    let (folder, file) = (Folder::new(), dataset("air_passengers.csv"));
    folder.write("fix.csv", "month,passengers\n1961-03,450\n");
    let base = ["generate", &file, "-H", "4", "--plot", "x.svg", "--paths"];
    for (more, said, thin) in [
        (&["9", "--fix", "fix.csv"][..], "fixed", true),
        (&["9", "--until", "value>500"], "threshold", true),
        (&["2"], "generated", false),
    ] {
        folder.run(&[&base[..], more].concat()).exits(0);
        let svg = folder.text("x.svg");
        crate::support::check_svg(&svg);
        assert!(svg.contains(said), "{said}");
        assert_eq!(svg.contains("opacity=\"0.7\""), thin, "{more:?}");
    }
}

#[test]
fn best_of_chooses_among_several() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let run = |more: &[&str]| generated(&folder, &[&[&file[..], "-H", "3", "--decode", "best-of"], more].concat()).rows;
    assert_eq!(run(&[]), run(&["--paths", "16"]));
    assert_ne!(run(&[]), run(&["--paths", "1"]));
}

#[test]
fn saved_models_generate_from_the_values_of_their_file() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    for model in ["ar", "markov", "codebook"] {
        folder.run(&["fit", &file, "--model", model, "--save", "m.json"]).exits(0);
        let direct = generated(&folder, &[&file, "-H", "3", "--paths", "2", "--model", model]);
        let loaded = generated(&folder, &["--load", "m.json", "-H", "3", "--paths", "2"]);
        assert_eq!(loaded.rows, direct.rows, "{model}");
    }
}

#[test]
fn options_of_another_decoding_are_refused() {
    let (folder, file) = (Folder::new(), dataset("nile.csv"));
    for (options, said) in [
        (&["--top-k", "5"][..], "--top-k without --decode top-k"),
        (&["--decode", "greedy", "--temperature", "2"], "--temperature without a decoding that draws"),
        (&["--decode", "mean", "--antithetic"], "--antithetic without a decoding that draws"),
        (&["--decode", "beam", "--top-p", "0.5"], "--top-p without --decode nucleus or typical"),
        (&["--temperature", "0"], "expected a number above 0"),
        (&["--fix-mode", "intervene"], "--fix"),
        (&["--model", "markov", "--estimator", "burg"], "with a model of tokens"),
        (&["--bins", "5"], "--bins without --model markov"),
    ] {
        folder.run(&[&["generate", &file[..], "-H", "3"], options].concat()).exits(2).says(said);
    }
}

#[test]
fn forecasts_take_the_same_decodings() {
    let (folder, file) = (Folder::new(), dataset("sunspots_yearly.csv"));
    let forecast = |more: &[&str]| folder.run(&[&["forecast", &file[..], "-H", "3"], more].concat()).exits(0).table();
    let (plain, sharp) = (forecast(&[]), forecast(&["--temperature", "0.3"]));
    let width = |table: &Table| table.numbers("AR-hi-95")[2] - table.numbers("AR-lo-95")[2];
    assert!(width(&sharp) < width(&plain));
    let greedy = forecast(&["--decode", "greedy"]);
    assert_eq!(greedy.header, ["year", "AR"], "one path has no interval");
    folder.run(&["forecast", &file, "-H", "3", "--decode", "greedy", "--paths", "9"]).exits(2).says("one path");
}

#[test]
fn symbols_are_continued_prompted_and_stopped() {
    let folder = Folder::with("song.txt", "do re mi fa do re mi fa do re mi fa do re mi fa\n");
    let words = ["generate", "--symbols", "words", "song.txt", "--order", "2", "--decode", "greedy"];
    let run = folder.run(&[&words[..], &["-H", "5"]].concat()).exits(0);
    assert_eq!(run.stdout, "do re mi fa do\n");
    folder.write("begin.txt", "mi fa\n");
    let run = folder.run(&[&words[..], &["-H", "4", "--fix", "begin.txt"]].concat()).exits(0);
    assert_eq!(run.stdout, "mi fa do re\n");
    let run = folder.run(&[&words[..], &["-H", "9", "--until", "symbol=mi", "--json"]].concat()).exits(0);
    let json: serde_json::Value = serde_json::from_str(run.stdout.trim()).expect("an object");
    assert_eq!(json["symbols"], serde_json::json!(["do", "re", "mi"]));
    folder.run(&[&words[..], &["-H", "9", "--plot", "x.svg"]].concat()).exits(2).says("--plot with --symbols");
    folder.write("other.txt", "so");
    folder.run(&[&words[..], &["-H", "9", "--fix", "other.txt"]].concat()).exits(3).says("`so` is no symbol");
    // The lower half of an image, of which all rows are alike.
    folder.write("images.pbm", "P1 4 4 1010 1010 1010 1010 P1 4 4 1010 1010 1010 1010\n");
    folder.write("upper.pbm", "P1 4 2 1010 1010\n");
    let raster = ["generate", "--symbols", "raster", "images.pbm", "-H", "16", "--order", "2", "--decode", "greedy"];
    let run = folder.run(&[&raster[..], &["--fix", "upper.pbm"]].concat()).exits(0);
    assert_eq!(run.stdout, "1 0 1 0\n".repeat(4));
}
