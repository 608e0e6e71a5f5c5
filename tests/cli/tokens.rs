//! `tokenize` and `detokenize`: there and back.

use crate::support::{Folder, dataset};

#[test]
fn every_quantiser_comes_back_within_half_a_bin() {
    let (folder, file) = (Folder::new(), dataset("sunspots_yearly.csv"));
    for (quantiser, half) in [("uniform", 190.2 / 32.0), ("quantile", 50.0), ("mu-law", 60.0), ("k-means", 30.0)] {
        let args = ["tokenize", &file, "-o", "s.tokens", "--quantiser", quantiser, "--bins", "16"];
        folder.run(&args).exits(0).says("289 values on 16");
        folder.run(&["detokenize", "s.tokens", "-o", "s.csv"]).exits(0);
        let text = std::fs::read_to_string(&file).expect("a data set");
        let values = text.lines().skip(1).map(|line| line.split_once(',').expect("two columns"));
        let back = folder.table("s.csv");
        for ((year, x), (own_year, y)) in values.zip(back.column("year").into_iter().zip(back.numbers("sunspots"))) {
            let error = (x.parse::<f64>().expect("a number") - y).abs();
            assert!(year == own_year && error <= half * 1.2, "{quantiser} {year}: {error}");
        }
    }
}

#[test]
fn merged_tokens_are_fewer_and_mean_the_same() {
    let (folder, file) = (Folder::new(), dataset("hourly_load.csv"));
    let bins = ["--quantiser", "uniform", "--bins", "12"];
    folder.run(&[&["tokenize", &file, "-o", "plain.tokens"], &bins[..]].concat()).exits(0);
    folder.run(&["detokenize", "plain.tokens", "-o", "plain.csv"]).exits(0);
    for vocabulary in [&["--merges", "60"][..], &["--vocabulary", "unigram", "--merges", "60"]] {
        let run = folder.run(&[&["tokenize", &file, "-o", "merged.tokens"], &bins[..], vocabulary].concat()).exits(0);
        run.says("2016 tokens of bins become");
        assert!(folder.text("merged.tokens").lines().count() < 1_200);
        folder.run(&["detokenize", "merged.tokens", "-o", "merged.csv"]).exits(0);
        assert_eq!(folder.text("merged.csv"), folder.text("plain.csv"));
    }
}

#[test]
fn merged_tokens_come_back_at_their_times_whatever_these_are() {
    let cycle: String = (0..100).map(|i| format!("{}\n", i % 4)).collect();
    let repeated: String = (0..60).map(|i| format!("{},{}\n", i / 2, i * i % 5)).collect();
    let steps: String = (0..80).map(|i| format!("{},{}\n", 7 + 5 * i, i % 8 / 3)).collect();
    let folder = Folder::with("none.csv", format!("y\n{cycle}"));
    folder.write("repeated.csv", format!("t,y\n{repeated}"));
    folder.write("steps.csv", format!("t,y\n{steps}"));
    let sets = ["lynx.csv", "sunspots_yearly.csv", "nile.csv"].map(dataset);
    let files = sets.iter().map(String::as_str).chain(["none.csv", "repeated.csv", "steps.csv"]);
    for file in files {
        for bins in ["4", "9"] {
            let bins = ["--quantiser", "k-means", "--bins", bins];
            folder.run(&[&["tokenize", file, "-o", "plain.tokens"], &bins[..]].concat()).exits(0);
            folder.run(&["detokenize", "plain.tokens", "-o", "plain.csv"]).exits(0);
            let rows = folder.table("plain.csv").rows;
            if file.ends_with("none.csv") {
                assert!(rows.iter().zip(1..).all(|(row, number)| row[0] == number.to_string()) && rows.len() == 100);
            }
            for vocabulary in [&["--merges", "3"][..], &["--merges", "60"], &["--vocabulary", "unigram"]] {
                folder.run(&[&["tokenize", file, "-o", "m.tokens"], &bins[..], vocabulary].concat()).exits(0);
                folder.run(&["detokenize", "m.tokens", "-o", "m.csv"]).exits(0);
                assert_eq!(folder.text("m.csv"), folder.text("plain.csv"), "{file} {bins:?} {vocabulary:?}");
            }
        }
    }
}

#[test]
fn panels_and_missing_values_come_back() {
    let row = |id: &str, day: usize, x: &str| format!("{id},2024-03-{day:02},{x}\n");
    let values = ["1", "5", "", "2", "4", "1", "5", "3", "2", "4", "1", "5"];
    let rows = |id: &str| values.iter().zip(1..).map(|(x, day)| row(id, day, x)).collect::<String>();
    let folder = Folder::with("x.csv", format!("unique_id,day,sold\n{}{}", rows("a"), rows("b c")));
    for merges in [&[][..], &["--merges", "3"]] {
        folder.run(&[&["tokenize", "x.csv", "-o", "x.tokens", "--bins", "5"], merges].concat()).exits(0);
        folder.run(&["detokenize", "x.tokens", "-o", "y.csv"]).exits(0);
        let table = folder.table("y.csv");
        assert_eq!(table.header, ["unique_id", "day", "sold"]);
        assert_eq!(table.column("unique_id").iter().filter(|id| **id == "b c").count(), 12);
        assert_eq!(table.column("day")[11], "2024-03-12");
        let missing: Vec<bool> = table.numbers("sold").iter().map(|x| x.is_nan()).collect();
        assert_eq!(missing.iter().filter(|is_missing| **is_missing).count(), 2);
        assert!(missing[2] && missing[14]);
    }
}

#[test]
fn damaged_and_foreign_token_files_are_refused() {
    let (folder, file) = (Folder::new(), dataset("nile.csv"));
    folder.run(&["tokenize", &file, "-o", "n.tokens", "--bins", "4"]).exits(0);
    let text = folder.text("n.tokens");
    let line = text.lines().nth(4).expect("a row").to_owned();
    // With a checksum of its own, so that what is behind it is looked at.
    let summed = |text: String| {
        let (header, table) = text.split_once('\n').expect("a header");
        let (object, sum) = header.rsplit_once(",\"crc32\"").expect("a checksum");
        let object = object.split_once(" v1 ").expect("a version").1.to_owned() + "}";
        let found = format!("{:08x}", crc32fast::hash(format!("{object}\n{table}").as_bytes()));
        text.replacen(&sum[2..10], &found, 1)
    };
    for (damaged, said) in [
        (summed(text.replacen(&line, "1873,9", 1)), "9 is no token"),
        (summed(text.replacen(&line, "1873,x", 1)), "line 5"),
        (summed(text.replacen("\"frequency\":\"1\"", "\"frequency\":\"0y\"", 1)), "line 1"),
        (text[..text.len() - 2].to_owned(), "cut short, edited or damaged"),
        (text.replacen("#foretoken", "#other", 1), "does not begin with"),
        (text.replacen(" v1 ", " v7 ", 1), "another version"),
        (text.replacen("\"scale\":", "\"scale\":-", 1), "quantiser.scale"),
        (String::new(), "does not begin with"),
    ] {
        folder.write("damaged.tokens", damaged);
        folder.run(&["detokenize", "damaged.tokens", "-o", "out.csv"]).exits(3).says(said);
        assert!(!folder.exists("out.csv"));
    }
    folder.run(&["detokenize", "nothing.tokens", "-o", "out.csv"]).exits(2).says("cannot be read");
}
