//! Networks: fit, save, forecast from the file, judge rows by it; and what is refused.

use crate::support::{Folder, dataset};

#[test]
fn a_saved_network_forecasts_judges_and_describes_itself() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let small = ["--hidden", "8", "--epochs", "2", "--context", "12"];
    for model in ["mlp", "gru", "lstm", "conv", "transformer"] {
        let fit = [&["fit", &file, "--model", model, "--save", "m.safetensors"], &small[..]].concat();
        folder.run(&fit).exits(0).says("wrote m.safetensors");
        folder.run(&["forecast", "--load", "m.safetensors", "-H", "5", "-o", "f.csv"]).exits(0);
        let column = folder.text("f.csv").lines().next().map(|line| line.split(',').nth(1).map(str::to_owned));
        let column = column.flatten().expect("a column");
        assert_eq!(column.to_lowercase(), model);
        assert!(folder.table("f.csv").numbers(&column).iter().all(|x| *x > 0.0));
        folder.run(&["detect", &file, "--load", "m.safetensors", "-o", "d.csv"]).exits(0);
        folder.run(&["score", &file, "--load", "m.safetensors", "--test-rows", "20", "--json"]).exits(0);
        folder.run(&["generate", "--load", "m.safetensors", "-H", "5", "--paths", "3", "-o", "g.csv"]).exits(0);
        assert_eq!(folder.text("g.csv").lines().count(), 16);
        let told = folder.run(&["inspect", "--load", "m.safetensors"]).exits(0);
        assert!(told.stdout.contains("multiplications for a step"), "{}", told.stdout);
        // The same options, the same bits.
        let bytes = folder.bytes("m.safetensors");
        folder.run(&fit).exits(0);
        assert_eq!(bytes, folder.bytes("m.safetensors"));
    }
    let bytes = folder.bytes("m.safetensors");
    folder.write("cut.safetensors", &bytes[..bytes.len() - 4]);
    folder.run(&["forecast", "--load", "cut.safetensors", "-H", "3"]).exits(3).says("safetensors are damaged");
}

#[test]
fn options_of_networks_need_one_and_networks_take_no_others() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let refused = [
        (&["--hidden", "8"][..], 2, "--hidden without a network"),
        (&["--model", "gru", "--order", "2"], 2, "--order with a network"),
        (&["--model", "gru", "--transform", "box-cox"], 2, "none or log"),
        (&["--model", "mlp", "--hidden", "0"], 2, "a hidden width of 0"),
        (&["--model", "mlp", "--bins", "20"], 2, "or a network with --head tokens"),
        (&["--model", "transformer", "--hidden", "10"], 2, "heads of attention"),
        (&["--model", "gru", "--head", "negative-binomial", "--transform", "log"], 2, "leave --transform out"),
        (&["--model", "gru", "--context", "200"], 3, "too few"),
    ];
    for (options, code, words) in refused {
        folder.run(&[&["forecast", &file, "-H", "3"], options].concat()).exits(code).says(words);
    }
}

#[test]
fn a_panel_has_one_network_unless_each_series_is_to_have_its_own() {
    let (folder, file) = (Folder::new(), dataset("panel_sales.csv"));
    let small = ["--model", "gru", "--hidden", "8", "--epochs", "2"];
    let fit = |extra: &[&str]| folder.run(&[&["fit", &file], &small[..], extra].concat());
    let told = fit(&["--save", "pooled.safetensors"]).exits(0);
    assert!(told.stdout.contains("trained on 20 series"), "{}", told.stdout);
    folder.run(&["forecast", "--load", "pooled.safetensors", "-H", "4", "-o", "loaded.csv"]).exits(0);
    folder.run(&[&["forecast", &file, "-H", "4", "-o", "direct.csv"], &small[..]].concat()).exits(0);
    assert_eq!(folder.text("loaded.csv"), folder.text("direct.csv"));
    folder.run(&[&["score", &file, "--test-rows", "6"], &small[..]].concat()).exits(0);
    // Of halves of the shortest series nothing can be learned about its scale.
    let judged = folder.run(&[&["detect", &file, "-o", "d.csv"], &small[..]].concat()).exits(4);
    judged.says("series `P01`: 9 values are too few").says("1 of 20 series failed");
    folder.run(&[&["generate", &file, "-H", "3", "-o", "g.csv"], &small[..]].concat()).exits(0);
    fit(&["--series-embedding", "--context", "auto", "--save", "embedded.safetensors"]).exits(0);
    folder.run(&["forecast", "--load", "embedded.safetensors", "-H", "2", "-o", "e.csv"]).exits(0);
    fit(&["--each-series", "--context", "8", "--period", "1", "--save", "each.safetensors"]).exits(0);
    let sizes = ["pooled", "each"].map(|name| folder.bytes(&format!("{name}.safetensors")).len());
    assert!(sizes[1] > 3 * sizes[0], "{sizes:?}");
}

#[test]
fn a_training_is_resumed_continued_and_seeded() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let fit = |extra: &[&str]| {
        let small = ["fit", &file, "--model", "mlp", "--hidden", "8", "--epochs", "3", "--context", "6"];
        folder.run(&[&small[..], extra].concat())
    };
    fit(&["--checkpoint", "c.safetensors", "--save", "a.safetensors"]).exits(0);
    fit(&["--checkpoint", "c.safetensors", "--save", "b.safetensors"]).exits(0);
    fit(&["--seed", "0", "--save", "c0.safetensors"]).exits(0);
    fit(&["--seed", "1", "--save", "c1.safetensors"]).exits(0);
    assert_eq!(folder.bytes("a.safetensors"), folder.bytes("b.safetensors"));
    assert_eq!(folder.bytes("a.safetensors"), folder.bytes("c0.safetensors"));
    assert_ne!(folder.bytes("a.safetensors"), folder.bytes("c1.safetensors"));
    fit(&["--checkpoint", "c.safetensors", "--seed", "1"]).exits(2).says("c.safetensors: the checkpoint is of another");
    let warm =
        ["fit", &file, "--model", "mlp", "--epochs", "3", "--warm-start", "a.safetensors", "--save", "w.safetensors"];
    folder.run(&warm).exits(0);
    assert_ne!(folder.bytes("a.safetensors"), folder.bytes("w.safetensors"));
    fit(&["--head", "tokens", "--bins", "12", "--quantiser", "uniform"]).exits(0);
    fit(&["--remedy", "scheduled-sampling-exponential"]).exits(0);
    fit(&["--warm-start", "a.safetensors"]).exits(2).says("--context, --hidden with --warm-start");
    let refused = [
        (&["fit", &file, "--model", "gru", "--warm-start", "a.safetensors"][..], 2, "holds no gru"),
        (&["fit", &file, "--model", "mlp", "--checkpoint", "x", "--save", "x"], 2, "name one file"),
        (&["fit", &file, "--warm-start", "a.safetensors"], 2, "--warm-start without a network"),
        (&["fit", &file, "--seed", "3"], 2, "--seed without a network"),
        (&["fit", &file, "--model", "mlp", "--checkpoint", &file], 2, "input"),
    ];
    for (command, code, words) in refused {
        folder.run(command).exits(code).says(words);
    }
}

#[test]
fn an_ensemble_is_fitted_saved_and_used_as_one_model() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let small = ["--model", "gru", "--hidden", "8", "--epochs", "2", "--context", "12", "--ensemble", "3"];
    folder.run(&[&["fit", &file, "--save", "m.safetensors"], &small[..]].concat()).exits(0);
    folder.run(&["forecast", "--load", "m.safetensors", "-H", "5", "-o", "f.csv"]).exits(0);
    folder.run(&[&["forecast", &file, "-H", "5", "-o", "direct.csv"], &small[..]].concat()).exits(0);
    assert_eq!(folder.text("f.csv"), folder.text("direct.csv"));
    folder.run(&["detect", &file, "--load", "m.safetensors", "-o", "d.csv"]).exits(0);
    folder.run(&["score", &file, "--load", "m.safetensors", "--test-rows", "20", "--json"]).exits(0);
    folder.run(&["generate", "--load", "m.safetensors", "-H", "5", "--paths", "3", "-o", "g.csv"]).exits(0);
    let told = folder.run(&["inspect", "--load", "m.safetensors"]).exits(0).stdout;
    assert!(told.contains("average of 3 x gru") && told.contains("3 networks, each of "), "{told}");
    let as_json = folder.run(&["inspect", "--load", "m.safetensors", "--json"]).exits(0).stdout;
    assert!(as_json.contains("average of 3 x gru"), "{as_json}");
    // Trained further, it has as many members.
    let further = ["fit", &file, "--model", "gru", "--epochs", "1", "--warm-start", "m.safetensors"];
    let told = folder.run(&[&further[..], &["--save", "w.safetensors"]].concat()).exits(0).stdout;
    assert!(told.contains("average of 3 x gru"), "{told}");
    // One network is what it is without the option.
    let alone = |extra: &[&str], to: &str| {
        folder.run(&[&["fit", &file, "--save", to], &small[..8], extra].concat()).exits(0);
        folder.bytes(to)
    };
    assert_eq!(alone(&["--ensemble", "1"], "one.safetensors"), alone(&[], "none.safetensors"));
    // Of a panel all series share the members.
    let panel = dataset("panel_sales.csv");
    let fit = [&["fit", &panel, "--save", "p.safetensors"], &small[..]].concat();
    let told = folder.run(&fit).exits(0).stdout;
    assert!(told.contains("trained on 20 series"), "{told}");
    folder.run(&["forecast", "--load", "p.safetensors", "-H", "2", "-o", "p.csv"]).exits(0);
    folder.run(&[&["forecast", &panel, "-H", "2", "-o", "q.csv"], &small[..]].concat()).exits(0);
    assert_eq!(folder.text("p.csv"), folder.text("q.csv"));
    let refused = [
        (&["forecast", &file, "-H", "3", "--ensemble", "2"][..], 2, "--ensemble without a network"),
        (&["forecast", &file, "-H", "3", "--model", "gru", "--ensemble", "0"], 2, "an ensemble of 0 networks"),
        (&["fit", &file, "--model", "gru", "--ensemble", "2", "--checkpoint", "c"], 2, "with --ensemble"),
        (
            &["fit", &file, "--model", "gru", "--warm-start", "m.safetensors", "--checkpoint", "c"],
            2,
            "with an ensemble",
        ),
    ];
    for (command, code, words) in refused {
        folder.run(command).exits(code).says(words);
    }
}
