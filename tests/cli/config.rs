//! Options from a file: what they are, which go first, and what is refused.

use crate::support::{Folder, dataset};

#[test]
fn a_file_stands_for_what_would_be_typed() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let text = format!(
        "file = '{file}'\nmodel = ['ar', 'mean']\nlevel = 90\n[forecast]\nhorizon = 4\nmodel = 'ar'\n\
         json = true\n[plot]\noutput = 'p.svg'\n"
    );
    folder.write("run.toml", text);
    let typed = ["forecast", &file, "--model", "ar", "--level", "90", "-H", "4", "--json"];
    let typed = folder.run(&typed).exits(0);
    assert_eq!(folder.run(&["forecast", "--config", "run.toml"]).exits(0).stdout, typed.stdout);
    assert_eq!(folder.run(&["--config=run.toml", "forecast"]).exits(0).stdout, typed.stdout);
    // What is typed goes first, wherever it stands.
    let shorter =
        folder.run(&["forecast", "-H2", "--config", "run.toml", "--model=mean", &dataset("nile.csv")]).exits(0);
    let objects = shorter.objects();
    assert!(objects[0]["Mean"]["lo-90"].as_array().is_some_and(|low| low.len() == 2), "{objects:?}");
    // Keys of another command do not concern this one.
    folder.run(&["plot", "--config", "run.toml"]).exits(0);
    assert!(folder.exists("p.svg"));
}

#[test]
fn what_is_no_option_is_refused_with_the_file_and_the_key() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    for (text, words) in [
        ("hiden = 3", "`hiden` is no option of foretoken fit"),
        ("[fitt]\nhidden = 3", "[fitt] is no command"),
        ("[fit]\nhorizon = 3\nhelp = true", "`help` is no option"),
        ("json = 'yes'", "`json` takes no value"),
        ("hidden = true", "a value of the kind boolean"),
        ("hidden = ", "no TOML"),
    ] {
        folder.write("run.toml", text);
        folder.run(&["fit", &file, "--config", "run.toml"]).exits(2).says("run.toml").says(words);
    }
    folder.run(&["fit", &file, "--config", "none.toml"]).exits(2).says("none.toml: cannot be read");
}
