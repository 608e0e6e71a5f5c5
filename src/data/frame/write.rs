//! Writing tables and pictures: a file is written whole or not at all.
//!
//! The bytes go to a temporary file in the same folder, which takes the destination's name once all are written and is
//! removed otherwise. Devices and pipes are written directly.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use polars::prelude::{
    CsvWriter, DataFrame, Float64Chunked, IntoColumn, JsonFormat, JsonWriter, NewChunkedArray, ParquetWriter,
    PolarsError, PolarsResult, SerWriter,
};

use crate::{Error, ErrorKind, Result};

/// The formats of tables that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFormat {
    /// Comma-separated text.
    Csv,
    /// Tab-separated text.
    Tsv,
    /// One JSON array of row objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl TableFormat {
    /// The format that a file's ending names; `None` for another ending.
    ///
    /// ```
    /// use foretoken::data::frame::TableFormat;
    ///
    /// assert_eq!(TableFormat::of_path("out.parquet".as_ref()), Some(TableFormat::Parquet));
    /// ```
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "json" => Self::Json,
            "ndjson" | "jsonl" => Self::Ndjson,
            "parquet" | "pq" => Self::Parquet,
            _ => return None,
        })
    }
}

/// Where a table goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    /// A file.
    Path(&'a Path),
    /// The standard output.
    Stdout,
}

/// Writes a table. NaN becomes an empty field or null.
///
/// # Errors
/// If the destination cannot be written ([`ErrorKind::Io`]), or nobody reads the standard output any more
/// ([`ErrorKind::BrokenPipe`]).
pub fn write_table(frame: &mut DataFrame, format: TableFormat, destination: Destination<'_>) -> Result<()> {
    nan_to_null(frame).map_err(|error| Error::io("the table cannot be written").caused_by(error))?;
    match destination {
        Destination::Path(path) => whole_file(path, &mut |file| encode(frame, format, file)),
        Destination::Stdout => {
            let mut out = BufWriter::new(io::stdout().lock());
            encode(frame, format, &mut out)
                .and_then(|()| out.flush())
                .map_err(|error| failed(&error, "standard output"))
        }
    }
}

/// Writes bytes as a file, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    whole_file(path, &mut |file| file.write_all(bytes))
}

fn encode(frame: &mut DataFrame, format: TableFormat, out: &mut dyn Write) -> io::Result<()> {
    let mut out = out;
    let written = match format {
        TableFormat::Csv => CsvWriter::new(&mut out).finish(frame),
        TableFormat::Tsv => CsvWriter::new(&mut out).with_separator(b'\t').finish(frame),
        TableFormat::Json => JsonWriter::new(&mut out).with_json_format(JsonFormat::Json).finish(frame),
        TableFormat::Ndjson => JsonWriter::new(&mut out).with_json_format(JsonFormat::JsonLines).finish(frame),
        TableFormat::Parquet => ParquetWriter::new(&mut out).finish(frame).map(|_| ()),
    };
    written.map_err(into_io)?;
    if format == TableFormat::Json { out.write_all(b"\n") } else { Ok(()) }
}

/// The reason of the operating system where there is one, so that a broken pipe is seen as such.
fn into_io(error: PolarsError) -> io::Error {
    match error {
        PolarsError::IO { error, .. } => io::Error::new(error.kind(), error.to_string()),
        other => io::Error::other(other.to_string()),
    }
}

fn nan_to_null(frame: &mut DataFrame) -> PolarsResult<()> {
    for i in 0..frame.width() {
        let column = frame.columns()[i].clone();
        let Ok(values) = column.f64() else { continue };
        if values.iter().flatten().any(f64::is_nan) {
            let known = values.iter().map(|value| value.filter(|value| !value.is_nan()));
            frame.replace_column(i, Float64Chunked::from_iter_options(column.name().clone(), known).into_column())?;
        }
    }
    Ok(())
}

/// Writes a file through a temporary one beside it.
fn whole_file(path: &Path, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let name = path.display().to_string();
    let existing = fs::metadata(path).ok();
    if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(Error::io("is a directory").at(name).expected("a file to write"));
    }
    if existing.is_some_and(|existing| !existing.is_file()) {
        let device = OpenOptions::new().write(true).open(path);
        return device.and_then(|file| filled(file, write)).map_err(|error| failed(&error, &name));
    }
    let temporary = beside(path);
    let created = OpenOptions::new().write(true).create_new(true).open(&temporary);
    let file = created.map_err(|error| failed(&error, &name))?;
    let renamed = filled(file, write).and_then(|()| fs::rename(&temporary, path));
    renamed.map_err(|error| {
        // Nothing is left over; the first failure is the one to report.
        let _ = fs::remove_file(&temporary);
        failed(&error, &name)
    })
}

fn filled(file: File, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()
}

/// A name in the same folder that no other process uses.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map_or_else(Default::default, |name| name.to_string_lossy());
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

fn failed(error: &io::Error, name: &str) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::new(ErrorKind::BrokenPipe, "nobody reads the output any more").at(name),
        io::ErrorKind::NotFound => Error::io("cannot be written: the folder does not exist").at(name),
        _ => Error::io(format!("cannot be written: {error}")).at(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::Column;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("foretoken-write-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    fn frame() -> DataFrame {
        let names = Column::new("id".into(), ["a", "b,c"]);
        let values = Column::new("y".into(), [1.5, f64::NAN]);
        DataFrame::new_infer_height(vec![names, values]).expect("a frame")
    }

    fn written(format: TableFormat) -> String {
        let folder = folder(&format!("{format:?}"));
        let path = folder.join("out");
        write_table(&mut frame(), format, Destination::Path(&path)).expect("written");
        let bytes = fs::read(&path).expect("read");
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "nothing is left over");
        fs::remove_dir_all(&folder).expect("removed");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn missing_numbers_are_empty_or_null() {
        assert_eq!(written(TableFormat::Csv), "id,y\na,1.5\n\"b,c\",\n");
        assert_eq!(written(TableFormat::Tsv), "id\ty\na\t1.5\nb,c\t\n");
        assert_eq!(written(TableFormat::Json), "[{\"id\":\"a\",\"y\":1.5},{\"id\":\"b,c\",\"y\":null}]\n");
        assert_eq!(written(TableFormat::Ndjson), "{\"id\":\"a\",\"y\":1.5}\n{\"id\":\"b,c\",\"y\":null}\n");
        assert!(written(TableFormat::Parquet).starts_with("PAR1"));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_and_says_why() {
        let folder = folder("unwritable");
        let missing = folder.join("none/out.csv");
        let error = write_whole(&missing, b"x").expect_err("no folder");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("does not exist"));
        assert!(write_whole(&folder, b"x").expect_err("a folder").to_string().contains("directory"));
        let half = folder.join("half");
        let broken = whole_file(&half, &mut |out| out.write_all(b"half").and(Err(io::ErrorKind::BrokenPipe.into())));
        assert_eq!(broken.expect_err("broken").kind(), ErrorKind::BrokenPipe);
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = folder("replace");
        let path = folder.join("out");
        write_whole(&path, b"a long first text").expect("written");
        write_whole(&path, b"short").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"short");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn endings_name_formats() {
        assert_eq!(TableFormat::of_path(Path::new("a.CSV")), Some(TableFormat::Csv));
        assert_eq!(TableFormat::of_path(Path::new("a.jsonl")), Some(TableFormat::Ndjson));
        assert_eq!(TableFormat::of_path(Path::new("a")), None);
    }
}
