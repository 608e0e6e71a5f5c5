//! The arrows of the architecture: a room uses only rooms before it in the list.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms in the order of the data flow; those of one line do not use each other.
const LAYERS: [&[&str]; 10] = [
    &["error"],
    &["math"],
    &["data"],
    &["predictive"],
    &["model"],
    &["generate", "score"],
    &["forecast"],
    &["evaluate", "chart"],
    &["report"],
    &["cli"],
];

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("src is readable").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files
}

/// The rooms that a source names after `crate::`, outside of comments. `crate::{a, b::c}` names both.
fn rooms_used(source: &str) -> Vec<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default(),
        };
        for name in names.split(',') {
            rooms.push(name.trim().split("::").next().unwrap_or_default().to_owned());
        }
    }
    rooms
}

#[test]
fn dependencies_point_up_the_list() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut checked = 0;
    for file in rust_files(&src) {
        let inside = file.strip_prefix(&src).expect("a file of src");
        let first = inside.iter().next().and_then(|part| part.to_str()).expect("a name");
        let room = first.trim_end_matches(".rs");
        let Some(own) = layer(room) else {
            assert!(["lib", "main"].contains(&room), "{room} is in no layer: add it to DESIGN.md and here");
            continue;
        };
        let source = fs::read_to_string(&file).expect("a readable file");
        for used in rooms_used(&source) {
            // The crate root re-exports the error type for everyone.
            let Some(other) = layer(&used) else { continue };
            checked += 1;
            assert!(other < own || used == room, "{} uses `{used}`, which lies after `{room}`", inside.display());
        }
    }
    assert!(checked > 20, "only {checked} uses were seen: the check reads nothing");
}

#[test]
fn the_check_sees_grouped_and_nested_names() {
    let source = "use crate::{Error, math::special};\n// crate::cli\nlet x = crate::model::naive::f();";
    assert_eq!(rooms_used(source), ["Error", "math", "model"]);
}
