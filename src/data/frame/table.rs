//! From bytes to a table of raw columns, whatever the format.

use std::io::{Cursor, Read};

use polars::io::ndjson::infer_schema;
use polars::io::utils::compression::{ByteSourceReader, SupportedCompression};
use polars::prelude::{ArrowDataType, DataFrame, ParquetReader, SerReader, parse_ndjson};

use super::csv;
use crate::{Error, Result};

/// A table whose columns have the types of the input: all text for CSV.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) frame: DataFrame,
    pub(super) lines: Lines,
    pub(super) notices: Vec<String>,
}

/// On which line of the input a row stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Lines {
    /// Row 0 is on this line, the others follow.
    From(u32),
    /// One line per row.
    Listed(Vec<u32>),
    /// The format has no lines: rows are counted from 1.
    Rows,
}

impl Lines {
    /// The lines of rows in order.
    pub(super) fn of(lines: Vec<u32>) -> Self {
        let first = lines.first().copied().unwrap_or(1);
        let consecutive = lines.iter().zip(first..).all(|(line, expected)| *line == expected);
        if consecutive { Self::From(first) } else { Self::Listed(lines) }
    }

    /// Where a row stands: "line 7".
    pub(super) fn place(&self, row: usize) -> String {
        match self {
            Self::From(first) => format!("line {}", *first as usize + row),
            Self::Listed(lines) => format!("line {}", lines.get(row).copied().unwrap_or(0)),
            Self::Rows => format!("row {}", row + 1),
        }
    }
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Separated,
    Ndjson,
    Parquet,
}

impl Format {
    /// The format of uncompressed bytes, by their beginning.
    pub(super) fn of(bytes: &[u8]) -> Result<Self> {
        const BINARY_SAMPLE: usize = 1 << 16;
        if bytes.starts_with(b"PAR1") {
            return Ok(Self::Parquet);
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Error::data("the text is in UTF-16").hint("save it as UTF-8"));
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match text.iter().find(|b| !b.is_ascii_whitespace()) {
            None => Err(Error::data("the input is empty")
                .expected("a header line and rows of data")
                .hint("check how the file was written")),
            Some(b'{') => Ok(Self::Ndjson),
            Some(b'[') if is_json_array(text) => Err(Error::data("the input is a JSON array")
                .expected("one JSON object per line (NDJSON)")
                .hint("write one object per line, or a CSV")),
            Some(_) if bytes[..bytes.len().min(BINARY_SAMPLE)].contains(&0) => Err(binary()),
            Some(_) => Ok(Self::Separated),
        }
    }
}

fn is_json_array(text: &[u8]) -> bool {
    text.iter().filter(|b| !b.is_ascii_whitespace()).nth(1).is_some_and(|b| b"{[".contains(b))
}

pub(super) fn binary() -> Error {
    Error::data("the input is binary")
        .expected("CSV, TSV, NDJSON or Parquet")
        .hint("export the data in one of these formats")
}

/// The bytes as they are, or what gzip or Zstandard packed.
pub(super) fn decompressed(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let packed = SupportedCompression::check(&bytes);
    // Two bytes are too little evidence for zlib: text may begin with them.
    let Some(packed @ (SupportedCompression::GZIP | SupportedCompression::ZSTD)) = packed else { return Ok(bytes) };
    let broken = |error: &dyn std::fmt::Display| Error::data(format!("the compressed data are damaged: {error}"));
    let reader = ByteSourceReader::try_new(Cursor::new(bytes), Some(packed)).map_err(|error| broken(&error))?;
    let mut unpacked = Vec::new();
    let read = match reader {
        ByteSourceReader::Gzip(mut reader) => reader.read_to_end(&mut unpacked),
        ByteSourceReader::Zstd(mut reader) => reader.read_to_end(&mut unpacked),
        _ => return Err(broken(&"unknown compression")),
    };
    read.map_err(|error| broken(&error))?;
    Ok(unpacked)
}

/// Reads uncompressed bytes with all checks.
pub(super) fn read(bytes: Vec<u8>, format: Format) -> Result<Table> {
    if format != Format::Parquet && bytes.contains(&0) {
        return Err(binary());
    }
    match format {
        Format::Separated => csv::read(bytes),
        Format::Ndjson => read_ndjson(bytes),
        Format::Parquet => read_parquet(bytes),
    }
}

/// The error for bytes that are no UTF-8, with the first line that is not.
pub(super) fn invalid_utf8(bytes: &[u8]) -> Error {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let line = 1 + bytes[..valid].iter().filter(|&&b| b == b'\n').count();
    Error::data("the text is not valid UTF-8").at(format!("line {line}")).hint("save the file as UTF-8")
}

/// One JSON object per line; blank lines are skipped.
fn read_ndjson(bytes: Vec<u8>) -> Result<Table> {
    let text = String::from_utf8(bytes).map_err(|error| invalid_utf8(error.as_bytes()))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = Vec::new();
    for (line, object) in (1..).zip(text.split('\n')).filter(|(_, object)| !object.trim().is_empty()) {
        if !(object.trim().starts_with('{') && object.trim().ends_with('}')) {
            return Err(Error::data("no JSON object")
                .at(format!("line {line}"))
                .expected("one JSON object per line")
                .hint("write one object per line, or a CSV"));
        }
        if let Some(number) = too_large(object) {
            let error = Error::data(format!("the integer {number} is too large")).at(format!("line {line}"));
            return Err(error.expected("integers of at most 64 bits"));
        }
        lines.push(line);
    }
    let unreadable = |error| {
        Error::data("the lines are not all JSON objects of one kind")
            .expected("objects with the same names")
            .hint("write every object with all its names, or a CSV")
            .caused_by(error)
    };
    let schema = infer_schema(&mut Cursor::new(text), None).map_err(unreadable)?;
    let frame = parse_ndjson(text.as_bytes(), Some(lines.len()), &schema, false).map_err(unreadable)?;
    if frame.height() != lines.len() {
        return Err(Error::data(format!("{} objects were expected and {} read", lines.len(), frame.height())));
    }
    Ok(Table { frame, lines: Lines::of(lines), notices: Vec::new() })
}

/// The first integer outside of texts that 64 bits cannot hold: polars would make it one of 128 bits, a type that is
/// not compiled in.
fn too_large(object: &str) -> Option<&str> {
    let bytes = object.as_bytes();
    let is_number = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
    let (mut at, mut in_text) = (0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'-' | b'0'..=b'9' if !in_text => {
                let length = bytes[at..].iter().take_while(|b| is_number(b)).count();
                let number = &object[at..at + length];
                if !number.contains(['.', 'e', 'E']) && number.parse::<i64>().is_err() {
                    return Some(number);
                }
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The decoder of Parquet panics on some damaged files; whoever named the file is told instead.
fn read_parquet(bytes: Vec<u8>) -> Result<Table> {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let table = std::panic::catch_unwind(|| decode_parquet(bytes));
    std::panic::set_hook(loud);
    table.unwrap_or_else(|_| {
        Err(Error::data("the Parquet file is damaged")
            .expected("a file that other programs read")
            .hint("write it anew"))
    })
}

/// The columns of a Parquet file that hold numbers, texts or times; others are left out with a notice.
fn decode_parquet(bytes: Vec<u8>) -> Result<Table> {
    let unreadable = |error| {
        Error::data("the Parquet file could not be read")
            .expected("a file that other programs read")
            .hint("write it anew, or as CSV")
            .caused_by(error)
    };
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let schema = reader.schema().map_err(unreadable)?;
    let (kept, left): (Vec<_>, Vec<_>) = schema.iter_values().partition(|field| is_plain(&field.dtype));
    let names = |fields: Vec<&polars::prelude::ArrowField>| -> Vec<String> {
        fields.iter().map(|field| field.name.to_string()).collect()
    };
    let (kept, left) = (names(kept), names(left));
    let frame = reader.with_columns(Some(kept)).finish().map_err(unreadable)?;
    let notices = left.iter().map(|name| format!("column `{name}` has a nested or unusual type and is ignored"));
    Ok(Table { frame, lines: Lines::Rows, notices: notices.collect() })
}

fn is_plain(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as T;
    matches!(
        dtype,
        T::Boolean
            | T::Int8
            | T::Int16
            | T::Int32
            | T::Int64
            | T::UInt8
            | T::UInt16
            | T::UInt32
            | T::UInt64
            | T::Float32
            | T::Float64
            | T::Utf8
            | T::LargeUtf8
            | T::Utf8View
            | T::Date32
            | T::Timestamp(..)
    )
}
