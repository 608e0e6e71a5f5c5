//! Folders of one test, runs of the binary in them, tables and charts that came out.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The arguments that make every command read a file and write all it can.
pub(crate) const COMMANDS: [&[&str]; 7] = [
    &["forecast", "-H", "3", "-o", "out.csv", "--plot", "out.svg"],
    &["detect", "-o", "out.csv", "--plot", "out.svg"],
    &["inspect", "--plot", "out.svg", "--report", "out.html"],
    &["plot", "-o", "out.svg"],
    &["generate", "-H", "3", "-o", "out.csv", "--plot", "out.svg"],
    &["score", "--test-rows", "2", "-o", "out.csv"],
    &["tokenize", "-o", "out.tokens"],
];

/// A folder of its own, removed at the end.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("foretoken-cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    /// A folder with one file.
    pub(crate) fn with(name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.write(name, content);
        folder
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), content).expect("a file of the test");
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("UTF-8")
    }

    /// A CSV of the folder.
    #[track_caller]
    pub(crate) fn table(&self, name: &str) -> Table {
        Table::of(&self.text(name), ',')
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }

    /// The names of all files, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder of the test");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Runs the binary in the folder, without standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, b"")
    }

    /// Runs the binary in the folder on bytes as standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that refuses its arguments does not read: no error of the test.
        let _ = stdin.write_all(input);
        drop(stdin);
        let output = child.wait_with_output().expect("the binary ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output in UTF-8");
        let run = Run {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            args: args.join(" "),
        };
        assert!(run.code.is_some_and(|code| code != 101), "a panic or a signal\n{run:#?}");
        run
    }

    /// The binary with pipes for its output.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_foretoken"));
        command.args(args).current_dir(&self.0).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    args: String,
}

impl Run {
    /// The run, which must have ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "foretoken {}\n{}", self.args, self.stderr);
        self
    }

    /// The table on standard output of a run without failure.
    #[track_caller]
    pub(crate) fn table(self) -> Table {
        Table::of(&self.exits(0).stdout, ',')
    }

    /// The messages must contain the text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "foretoken {}\nexpected: {text}\n{}", self.args, self.stderr);
        self
    }

    /// The objects on standard output of a run without failure.
    #[track_caller]
    pub(crate) fn objects(self) -> Vec<serde_json::Value> {
        let run = self.exits(0);
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
    }
}

/// A separated text without quotes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    #[track_caller]
    pub(crate) fn of(text: &str, separator: char) -> Self {
        let cells = |line: &str| line.split(separator).map(str::to_owned).collect::<Vec<_>>();
        let mut lines = text.lines().map(cells);
        let header = lines.next().expect("a header");
        let rows: Vec<Vec<String>> = lines.collect();
        assert!(rows.iter().all(|row| row.len() == header.len()), "ragged\n{text}");
        Self { header, rows }
    }

    #[track_caller]
    pub(crate) fn column(&self, name: &str) -> Vec<&str> {
        let position = self.header.iter().position(|column| column == name);
        let position = position.unwrap_or_else(|| panic!("no column {name} in {:?}", self.header));
        self.rows.iter().map(|row| row[position].as_str()).collect()
    }

    /// A column as numbers, NaN where a cell is empty.
    #[track_caller]
    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        let number = |cell: &str| if cell.is_empty() { f64::NAN } else { cell.parse().expect("a number") };
        self.column(name).into_iter().map(number).collect()
    }
}

/// The path of a file of `datasets/`.
pub(crate) fn dataset(name: &str) -> String {
    format!("{}/datasets/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A few values with some noise and no season, the same each time.
pub(crate) fn values(count: usize) -> Vec<f64> {
    (0..count).map(|i| 50.0 + ((i * i * 7 + i * 3) % 23) as f64 / 2.0 + ((i * 37) % 11) as f64 / 8.0).collect()
}

/// A table of the times and the values.
pub(crate) fn series<T: AsRef<str>>(header: &str, times: &[T]) -> String {
    let rows = times.iter().zip(values(times.len())).map(|(time, value)| format!("{},{value}\n", time.as_ref()));
    format!("{header}\n") + &rows.collect::<String>()
}

/// The months from January 2020 on, as `2020-01`.
pub(crate) fn months(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{}-{:02}", 2020 + i / 12, i % 12 + 1)).collect()
}

/// A series of 36 months under the names `month,sold`.
pub(crate) fn monthly() -> String {
    series("month,sold", &months(36))
}

/// That bytes are an SVG: the root, and every element closed in order.
#[track_caller]
pub(crate) fn check_svg(text: &str) {
    assert!(text.starts_with("<svg") || text.starts_with("<?xml"), "{}", &text[..text.len().min(60)]);
    let mut open: Vec<&str> = Vec::new();
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("every tag ends");
        let name = |tag: &str| tag.len() - tag.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).len();
        if tag.starts_with(['?', '!']) || tag.ends_with('/') {
            continue;
        }
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed.trim()), "closed in order"),
            None => open.push(&tag[..name(tag)]),
        }
    }
    assert!(open.is_empty() && text.contains("<svg"), "open at the end: {open:?}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "a coordinate is no number");
}

/// That bytes are a PNG which decodes to its size.
#[track_caller]
pub(crate) fn check_png(bytes: &[u8]) {
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG header");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut pixels).expect("a whole picture");
    assert!(frame.width > 100 && frame.height > 100);
    assert!(pixels.iter().any(|byte| *byte != pixels[0]), "the picture is blank");
}
