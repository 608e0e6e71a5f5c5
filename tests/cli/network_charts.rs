//! What a user sees of a network: its exposure bias, its losses and its attention.

use crate::support::{Folder, dataset};

const SMALL: [&str; 6] = ["--hidden", "8", "--epochs", "3", "--context", "12"];

#[test]
fn exposure_is_measured_at_every_horizon_and_drawn() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let score = ["score", &file, "--test-rows", "30", "--exposure", "5", "--paths", "50"];
    let object = |options: &[&str]| folder.run(&[&score[..], options, &["--json"]].concat()).objects().remove(0);
    let json = object(&["--plot", "e.svg"]);
    let own = &json["exposure"];
    assert_eq!((own["origins"].as_u64(), own["paths"].as_u64()), (Some(26), Some(50)));
    assert_eq!(own["values"], serde_json::json!([26, 26, 26, 26, 26]));
    let column = |side: &str, name: &str| -> Vec<f64> {
        let numbers = own[side][name].as_array().expect("a column");
        numbers.iter().map(|x| x.as_f64().expect("a number")).collect()
    };
    for side in ["teacher_forced", "free_running"] {
        assert!(column(side, "crps").iter().zip(column(side, "rmse")).all(|(crps, rmse)| 0.0 < *crps && *crps < rmse));
        for share in ["coverage", "mean_pit"] {
            assert!(column(side, share).iter().all(|x| (0.0..=1.0).contains(x)), "{own}");
        }
    }
    assert_eq!(column("teacher_forced", "nats_per_value").len(), 5);
    assert!(own["free_running"].get("nats_per_value").is_none());
    let [near, far] = [0, 4].map(|step| column("free_running", "crps")[step] / column("teacher_forced", "crps")[step]);
    assert!((0.8..1.2).contains(&near) && far > 1.3, "{near} {far}");
    let svg = folder.text("e.svg");
    for text in ["Exposure bias on trappings", "teacher-forced", "free-running", "nominal 80 %", "steps ahead"] {
        assert!(svg.contains(text), "{text}");
    }
    // The seed decides; without --exposure there is none.
    assert_eq!(object(&[]), json);
    assert_ne!(object(&["--seed", "1"])["exposure"], json["exposure"]);
    let plain = folder.run(&["score", &file, "--test-rows", "30", "--json"]).objects().remove(0);
    assert!(plain.get("exposure").is_none() && plain["log_likelihood"] == json["log_likelihood"]);
    let text = folder.run(&score).exits(0).stdout;
    let horizons = text.lines().filter(|line| line.contains("free-running "));
    let horizons: Vec<&str> = horizons.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(horizons, ["1", "2", "4", "5"], "{text}");
}

#[test]
fn exposure_of_a_saved_network_is_that_of_its_file() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let fit = ["fit", &file, "--model", "gru", "--save", "m.safetensors"];
    folder.run(&[&fit[..], &SMALL].concat()).exits(0);
    let score = ["score", &file, "--load", "m.safetensors", "--test-rows", "20", "--exposure", "4", "--json"];
    let json = folder.run(&score).objects().remove(0);
    assert_eq!(json["exposure"]["origins"], 17);
    assert!(json["exposure"]["free_running"]["crps"][3].as_f64().is_some_and(|crps| crps > 0.0), "{json}");
}

#[test]
fn losses_of_every_epoch_are_written_and_drawn() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let fit = ["fit", &file, "--model", "mlp", "--history", "loss.csv", "--loss-chart", "loss.svg"];
    folder.run(&[&fit[..], &SMALL].concat()).exits(0).says("wrote loss.csv").says("wrote loss.svg");
    let table = folder.table("loss.csv");
    assert_eq!(table.column("epoch"), ["1", "2", "3"]);
    let held_out = table.numbers("held_out_nats_per_value");
    let least = held_out.iter().copied().fold(f64::INFINITY, f64::min);
    let kept: Vec<bool> = table.column("is_kept").into_iter().map(|flag| flag == "true").collect();
    assert_eq!(kept, held_out.iter().map(|x| *x == least).collect::<Vec<_>>());
    for name in ["training_loss", "gradient_norm", "learning_rate", "seconds"] {
        assert!(table.numbers(name).iter().all(|x| x.is_finite()), "{name}");
    }
    let svg = folder.text("loss.svg");
    for text in ["Training on trappings", "training loss", "held-out loss", "the weights kept: epoch"] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn a_transformer_shows_where_it_looks() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let fit = ["fit", &file, "--model", "transformer", "--save", "m.safetensors"];
    folder.run(&[&fit[..], &SMALL].concat()).exits(0);
    folder.run(&["inspect", "--load", "m.safetensors", "--attention", "a.svg"]).exits(0).says("wrote a.svg");
    let svg = folder.text("a.svg");
    for text in ["Attention over the past of trappings", "1934", "layer 2, head 4", "weight, from 0 to"] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn charts_without_what_they_show_are_refused() {
    let file = dataset("lynx.csv");
    let folder = Folder::with("x.csv", std::fs::read(&file).expect("a data set"));
    folder.run(&["fit", &file, "--order", "2", "--save", "ar.json"]).exits(0);
    folder.run(&[&["fit", &file, "--model", "mlp", "--save", "mlp.safetensors"], &SMALL[..]].concat()).exits(0);
    let exposure = ["score", "x.csv", "--test-rows", "20", "--exposure"];
    let refused: [(&[&str], &str); 12] = [
        (&[&exposure[..], &["21"]].concat(), "21 steps ahead among 20 held-out rows"),
        (&[&exposure[..], &["0"]].concat(), "--exposure"),
        (&[&exposure[..], &["4", "--reverse"]].concat(), "--reverse"),
        (&[&exposure[..], &["4", "--plot", "e.txt"]].concat(), ".svg or .png"),
        (&["score", "x.csv", "--test-rows", "20", "--plot", "e.svg"], "--exposure"),
        (&["fit", "x.csv", "--history", "loss.csv"], "--history without a network"),
        (
            &["fit", "x.csv", "--model", "var", "--history", "h.csv", "--loss-chart", "l.svg"],
            "--history, --loss-chart without a network",
        ),
        (&["fit", "x.csv", "--model", "mlp", "--history", "x.csv"], "is the input"),
        (&["fit", "x.csv", "--model", "mlp", "--loss-chart", "loss.txt"], ".svg or .png"),
        (&["inspect", "--load", "ar.json", "--attention", "a.svg"], "attends to nothing"),
        (&["inspect", "--load", "mlp.safetensors", "--attention", "a.svg"], "attends to nothing"),
        (&["inspect", "x.csv", "--attention", "a.svg"], "--load"),
    ];
    for (args, words) in refused {
        folder.run(args).exits(2).says(words);
    }
    assert_eq!(folder.names(), ["ar.json", "mlp.safetensors", "x.csv"]);
}
