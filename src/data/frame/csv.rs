//! CSV, TSV and other separated text.
//!
//! The structure is checked here before polars parses anything: separator, header, quotes, equally many fields in each
//! record, and the line on which each record begins. So every error can name its line, and polars only sees text that
//! it reads as intended. All columns are read as text; `cells` and `time` give them their meaning.
//!
//! Large files take a shorter way: see [`read_large`].

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use polars::io::utils::compression::SupportedCompression;
use polars::prelude::{
    CsvParseOptions, CsvReadOptions, CsvReader, DataFrame, DataType, Field, PlSmallStr, PolarsResult, Schema, SerReader,
};

use super::table::{Lines, Table, invalid_utf8};
use crate::{Error, Result};

/// The separators that are recognised, the commonest first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The name of the only column of a file of numbers without header.
const ONLY_COLUMN: &str = "y";

/// The structure of a separated text.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) separator: u8,
    pub(super) names: Vec<String>,
    /// Where the records after the header begin.
    body: usize,
    /// The line of the first record after the header.
    first_line: u32,
    /// Whether the first line is data: a file of one column of numbers.
    headless: bool,
}

/// Reads a separated text with all checks. O(n), two passes.
pub(super) fn read(bytes: Vec<u8>) -> Result<Table> {
    let text = String::from_utf8(bytes).map_err(|error| invalid_utf8(error.as_bytes()))?;
    let text = normal_line_ends(text);
    let layout = Layout::of(&text)?;
    let records = Records::check(&text, &layout)?;
    if records.lines.is_empty() {
        return Err(Error::data("there is a header, but no row")
            .expected("at least one row of data")
            .hint("check how the file was written"));
    }
    let body = unmistakable(records.body(&text, &layout), layout.separator);
    let frame = parse(body.as_bytes(), &layout, layout.fields(|_| DataType::String), None)
        .map_err(|error| Error::data("the table could not be read").caused_by(error))?;
    if frame.height() != records.lines.len() {
        return Err(Error::data(format!("{} rows were expected and {} read", records.lines.len(), frame.height()))
            .hint("look for unusual quotes"));
    }
    Ok(Table { frame, lines: Lines::of(records.lines), notices: layout.notices() })
}

/// Parses records of checked structure with the given types; of all columns, or of the wanted ones.
fn parse(body: &[u8], layout: &Layout, schema: Vec<Field>, wanted: Option<&[String]>) -> PolarsResult<DataFrame> {
    let options = CsvParseOptions::default().with_separator(layout.separator).with_quote_char(Some(b'"'));
    let columns = wanted.map(|names| names.iter().map(|name| PlSmallStr::from(name.as_str())).collect());
    let options = CsvReadOptions::default()
        .with_has_header(false)
        .with_schema(Some(Arc::new(Schema::from_iter(schema))))
        .with_columns(columns)
        .with_infer_schema_length(Some(0))
        .with_low_memory(false)
        .with_rechunk(false)
        .with_parse_options(options);
    CsvReader::new(Cursor::new(body)).with_options(options).finish()
}

/// Text that begins with `x^` looks to polars like compressed data: quotes around its first field prevent that.
fn unmistakable<'a>(body: Cow<'a, str>, separator: u8) -> Cow<'a, str> {
    if SupportedCompression::check(body.as_bytes()).is_none() {
        return body;
    }
    let end = body.find([char::from(separator), '\r', '\n']).unwrap_or(body.len());
    format!("\"{}\"{}", &body[..end], &body[end..]).into()
}

/// Lines that end with a carriage return alone get a line feed; a byte order mark goes.
fn normal_line_ends(mut text: String) -> String {
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    if !text.contains('\n') && text.contains('\r') { text.replace('\r', "\n") } else { text }
}

impl Layout {
    /// Reads the header. The separator is the one that the header has most of.
    pub(super) fn of(text: &str) -> Result<Self> {
        let blank = text.len() - text.trim_start_matches(['\r', '\n']).len();
        let first_line = 1 + text[..blank].matches('\n').count() as u32;
        if text[blank..].trim().is_empty() {
            return Err(Error::data("the input is empty")
                .expected("a header line and rows of data")
                .hint("check how the file was written"));
        }
        let separator = separator_of(&text[blank..]);
        let mut scanner = Scanner { bytes: text.as_bytes(), at: blank, line: first_line, separator };
        let fields = scanner.record()?;
        let names: Vec<String> = fields.iter().map(|&(start, end)| unquoted(&text[start..end])).collect();
        if let [only] = names.as_slice()
            && is_number(only)
        {
            let names = vec![ONLY_COLUMN.to_owned()];
            return Ok(Self { separator, names, body: blank, first_line, headless: true });
        }
        let names = checked_names(names).map_err(|error| error.at(format!("line {first_line}")))?;
        Ok(Self { separator, names, body: scanner.at, first_line: scanner.line, headless: false })
    }

    /// The columns with a type for each name.
    fn fields(&self, dtype: impl Fn(&str) -> DataType) -> Vec<Field> {
        self.names.iter().map(|name| Field::new(name.as_str().into(), dtype(name))).collect()
    }

    /// The records after the header, as they are.
    pub(super) fn body<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.body..]
    }

    fn notices(&self) -> Vec<String> {
        let notice = self.headless.then(|| "there is no header: every line is a value".to_owned());
        notice.into_iter().collect()
    }
}

/// The separator of which the first line has most outside of quotes; a comma where it has none.
fn separator_of(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let outside = header.split('"').step_by(2);
    let count = |separator: u8| outside.clone().map(|part| part.matches(char::from(separator)).count()).sum::<usize>();
    let best = SEPARATORS.into_iter().rev().max_by_key(|&separator| count(separator));
    best.unwrap_or(b',')
}

fn is_number(text: &str) -> bool {
    matches!(super::cells::cell(text), super::cells::Cell::Number(_))
}

/// Column names, all different; a column without name is called by its number.
fn checked_names(names: Vec<String>) -> Result<Vec<String>> {
    let mut checked: Vec<String> = Vec::with_capacity(names.len());
    for (i, name) in names.into_iter().enumerate() {
        if is_number(&name) || !crate::data::spelling::orders_of(&name).is_empty() {
            return Err(Error::data(format!("the first line has `{name}` where a column name belongs"))
                .expected("a header line")
                .hint("put a line of column names first, for example `ds,y`"));
        }
        let name = if name.is_empty() { format!("column_{}", i + 1) } else { name };
        if checked.contains(&name) {
            return Err(Error::data(format!("two columns are called `{name}`"))
                .expected("different column names")
                .hint("rename one of them in the header"));
        }
        checked.push(name);
    }
    Ok(checked)
}

/// A field without its quotes and the blanks around it.
fn unquoted(field: &str) -> String {
    let field = field.trim();
    match field.strip_prefix('"').and_then(|field| field.strip_suffix('"')) {
        Some(inside) => inside.replace("\"\"", "\"").trim().to_owned(),
        None => field.to_owned(),
    }
}

/// What a pass over all records finds.
#[derive(Debug)]
struct Records {
    /// The line on which each record begins.
    lines: Vec<u32>,
    /// Byte ranges of blank lines between records.
    blank: Vec<(usize, usize)>,
}

impl Records {
    fn check(text: &str, layout: &Layout) -> Result<Self> {
        let bytes = text.as_bytes();
        let mut scanner = Scanner { bytes, at: layout.body, line: layout.first_line, separator: layout.separator };
        let mut records = Self { lines: Vec::new(), blank: Vec::new() };
        let end = text.trim_end_matches(['\r', '\n', ' ', '\t']).len();
        while scanner.at < end {
            let (line, start) = (scanner.line, scanner.at);
            let fields = scanner.count_fields()?;
            if fields == 1 && text[start..scanner.at].trim().is_empty() {
                records.blank.push((start, scanner.at));
                // In a file of one column a blank line is a missing value.
                if layout.names.len() == 1 {
                    records.lines.push(line);
                }
                continue;
            }
            if fields != layout.names.len() {
                return Err(ragged(fields, layout).at(format!("line {line}")));
            }
            records.lines.push(line);
        }
        Ok(records)
    }

    /// The records without blank lines and what follows the last one. A blank line that stands for a missing value is
    /// an empty quoted field.
    fn body<'a>(&self, text: &'a str, layout: &Layout) -> Cow<'a, str> {
        let end = text.trim_end_matches(['\r', '\n']).len().max(layout.body);
        if self.blank.is_empty() {
            return text[layout.body..end].into();
        }
        let stand_in = if layout.names.len() == 1 { "\"\"\n" } else { "" };
        let mut body = String::with_capacity(end - layout.body);
        let mut from = layout.body;
        for &(start, after) in &self.blank {
            body.push_str(&text[from..start]);
            body.push_str(stand_in);
            from = after;
        }
        body.push_str(&text[from.min(end)..end]);
        body.into()
    }
}

fn ragged(fields: usize, layout: &Layout) -> Error {
    let columns = layout.names.len();
    let said = |count: usize| format!("{count} field{}", if count == 1 { "" } else { "s" });
    let error = Error::data(format!("the row has {}", said(fields))).expected(format!("{columns}, as in the header"));
    let comma = layout.separator == b',' && fields > columns;
    error.hint(if comma {
        "a field with a comma in it needs quotes; decimals need a point"
    } else {
        "every row needs as many fields as the header; a missing value is an empty field"
    })
}

/// Walks over records, with quotes as in RFC 4180: around whole fields, doubled inside.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
    separator: u8,
}

impl Scanner<'_> {
    /// The byte ranges of the fields of the next record.
    fn record(&mut self) -> Result<Vec<(usize, usize)>> {
        let mut fields = Vec::new();
        loop {
            let start = self.at;
            let (end, last) = self.field()?;
            fields.push((start, end));
            if last {
                return Ok(fields);
            }
        }
    }

    /// The number of fields of the next record.
    fn count_fields(&mut self) -> Result<usize> {
        let mut count = 1;
        while !self.field()?.1 {
            count += 1;
        }
        Ok(count)
    }

    /// Steps over a field and what ends it: its end, and whether it is the record's last.
    fn field(&mut self) -> Result<(usize, bool)> {
        let quoted = self.bytes.get(self.at) == Some(&b'"');
        if quoted {
            self.quoted()?;
        }
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&b| b == self.separator || b == b'\n' || b == b'"').unwrap_or(rest.len());
        let after_quote = quoted && !matches!(&rest[..length], b"" | b"\r");
        if rest.get(length) == Some(&b'"') || after_quote {
            return Err(Error::data("a quote in the middle of a field")
                .at(format!("line {}", self.line))
                .expected("quotes around whole fields only")
                .hint("double a quote that belongs to the text, and put quotes around the field"));
        }
        let end = self.at + length;
        self.at = (end + 1).min(self.bytes.len());
        let last = self.bytes.get(end) != Some(&self.separator);
        self.line += u32::from(self.bytes.get(end) == Some(&b'\n'));
        Ok((end, last))
    }

    /// Steps over a quoted text.
    fn quoted(&mut self) -> Result<()> {
        let opened = self.line;
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            self.line += u32::from(byte == b'\n');
            if byte == b'"' && self.bytes.get(self.at) == Some(&b'"') {
                self.at += 1;
            } else if byte == b'"' {
                return Ok(());
            }
        }
        Err(Error::data("a quote is never closed")
            .at(format!("line {opened}"))
            .expected("quotes in pairs")
            .hint("close it, or double a quote that belongs to the text"))
    }
}

/// The types of a large file's columns that are known beforehand.
#[derive(Debug, Clone)]
pub(super) struct KnownTypes {
    pub(super) time: Option<String>,
    pub(super) value: String,
    /// The columns to read; all where `None`.
    pub(super) wanted: Option<Vec<String>>,
}

/// Reads a large text in one pass of polars, with dates as dates and values as numbers. `None` where anything at all
/// is unusual: a type that does not fit, a missing cell, a quote, a row too short. The careful way then finds out what
/// it is.
pub(super) fn read_large(bytes: &[u8], layout: &Layout, types: &KnownTypes) -> Option<Table> {
    let dtype = |name: &str| match name {
        _ if types.time.as_deref() == Some(name) => DataType::Date,
        _ if types.value == name => DataType::Float64,
        _ => DataType::String,
    };
    let frame = parse(layout.body(bytes), layout, layout.fields(dtype), types.wanted.as_deref()).ok()?;
    let complete = frame.columns().iter().all(|column| column.null_count() == 0);
    (complete && frame.height() > 0).then(|| Table {
        frame,
        lines: Lines::From(layout.first_line),
        notices: Vec::new(),
    })
}
