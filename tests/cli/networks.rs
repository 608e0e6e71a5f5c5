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
        (&["--model", "transformer", "--hidden", "10"], 2, "heads of attention"),
        (&["--model", "gru", "--head", "negative-binomial", "--transform", "log"], 2, "leave --transform out"),
        (&["--model", "gru", "--context", "200"], 3, "too few"),
    ];
    for (options, code, words) in refused {
        folder.run(&[&["forecast", &file, "-H", "3"], options].concat()).exits(code).says(words);
    }
}
