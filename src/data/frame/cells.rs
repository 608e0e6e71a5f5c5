//! Single cells of text: what is a number, what is missing, what only looks like a number.

use polars::prelude::{Column, DataType, Float64Chunked, Int64Chunked, IntoColumn, NewChunkedArray, StringChunked};

use crate::Error;

/// What a text in a column of numbers is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Number(f64),
    Missing,
    Text,
}

/// Reads a text as a number or as one of the usual words for a missing value.
pub(super) fn cell(text: &str) -> Cell {
    let text = text.trim();
    match text {
        "" | "NA" | "N/A" | "NaN" | "nan" | "null" | "NULL" | "None" => Cell::Missing,
        _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
            text.parse().map_or(Cell::Text, Cell::Number)
        }
        _ => match text.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str() {
            "inf" | "infinity" => Cell::Number(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
            _ => Cell::Text,
        },
    }
}

/// Whether the column holds numbers, going by most of its first cells: a few bad cells are an error to report, not a
/// reason to take the column for something else.
pub(super) fn looks_numeric(column: &Column) -> bool {
    const SAMPLE: usize = 100;
    let Ok(texts) = column.str() else { return column.dtype().is_primitive_numeric() };
    let cells = texts.iter().flatten().map(cell).filter(|cell| *cell != Cell::Missing).take(SAMPLE);
    let (mut numbers, mut others) = (0, 0);
    for cell in cells {
        if cell == Cell::Text { others += 1 } else { numbers += 1 }
    }
    numbers > others
}

/// A column as numbers, NaN where missing; or the first row that is text, and that text.
pub(super) fn numbers(column: &Column) -> Result<Vec<f64>, (usize, String)> {
    if let Ok(texts) = column.str() {
        let mut values = Vec::with_capacity(texts.len());
        for (row, text) in texts.iter().enumerate() {
            values.push(match text.map_or(Cell::Missing, cell) {
                Cell::Number(value) => value,
                Cell::Missing => f64::NAN,
                Cell::Text => return Err((row, text.unwrap_or_default().trim().to_owned())),
            });
        }
        return Ok(values);
    }
    let unsuitable = || (0, format!("{}", column.dtype()));
    if !column.dtype().is_primitive_numeric() {
        return Err(unsuitable());
    }
    let floats = column.cast(&DataType::Float64).map_err(|_| unsuitable())?;
    let floats = floats.f64().map_err(|_| unsuitable())?;
    let mut values = Vec::with_capacity(floats.len());
    for chunk in floats.downcast_iter() {
        match chunk.validity() {
            Some(_) => values.extend(chunk.iter().map(|value| value.copied().unwrap_or(f64::NAN))),
            None => values.extend_from_slice(chunk.values()),
        }
    }
    Ok(values)
}

/// The error for a text where a number belongs.
pub(super) fn not_a_number(text: &str) -> Error {
    let comma = text.contains(',') && cell(&text.replace(['.', ','], "")) != Cell::Text;
    let error = Error::data(format!("`{text}` is no number"));
    if comma {
        let decimal = with_decimal_point(text);
        let hint = match without_thousands(text) {
            Some(whole) => format!("write it as `{whole}` or `{decimal}`, whichever is meant"),
            None => format!("write it as `{decimal}`"),
        };
        return error.expected("a decimal point, and no separator of thousands").hint(hint);
    }
    error
        .expected("a number, or nothing where the value is missing")
        .hint("name the column of values with --value, or correct the text")
}

/// `1,5` as 1.5, `1.234,5` and `1,234.5` as 1234.5: the last separator is the decimal one.
fn with_decimal_point(text: &str) -> String {
    let last = text.rfind([',', '.']).unwrap_or(text.len());
    let (whole, fraction) = text.split_at(last);
    format!("{}.{}", whole.replace(['.', ','], ""), fraction.trim_start_matches([',', '.']))
}

/// `1,501` as 1501, where the separators may be those of thousands.
fn without_thousands(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.trim().split(',').collect();
    let is_digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let is_grouped = groups.iter().all(|group| is_digits(group)) && groups[1..].iter().all(|group| group.len() == 3);
    (groups.len() > 1 && is_grouped).then(|| groups.concat())
}

/// A column of texts as integers or floats where every cell is one; else as it is. Texts that no number would give back,
/// with leading zeros or more digits than an integer has, are codes.
pub(super) fn typed(column: &Column) -> Column {
    let Ok(texts) = column.str() else { return column.clone() };
    let is_code = |text: &str| {
        let is_too_long = text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<i64>().is_err();
        text.len() > 1 && (is_too_long || (text.starts_with('0') && !text.starts_with("0.")))
    };
    if texts.iter().flatten().any(|text| is_code(text.trim())) {
        return column.clone();
    }
    let name = column.name().clone();
    let integer = |text: &str| match cell(text) {
        Cell::Missing => Some(None),
        _ => text.trim().parse::<i64>().ok().map(Some),
    };
    let integers: Option<Vec<Option<i64>>> = texts.iter().map(|text| text.map_or(Some(None), integer)).collect();
    if let Some(integers) = integers {
        if integers.iter().all(Option::is_none) {
            return column.clone();
        }
        return Int64Chunked::from_slice_options(name, &integers).into_column();
    }
    match numbers(column) {
        Ok(values) => {
            let known = values.iter().map(|value| Some(*value).filter(|value| !value.is_nan()));
            Float64Chunked::from_iter_options(name, known).into_column()
        }
        Err(_) => column.clone(),
    }
}

/// A column of texts.
pub(super) fn texts(column: &Column) -> Option<&StringChunked> {
    column.str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(texts: &[&str]) -> Column {
        Column::new("x".into(), texts)
    }

    #[test]
    fn numbers_missing_and_text_are_told_apart() {
        for (text, expected) in [
            ("1.5", Cell::Number(1.5)),
            (" -2e3 ", Cell::Number(-2000.0)),
            ("", Cell::Missing),
            ("NA", Cell::Missing),
            ("-inf", Cell::Number(f64::NEG_INFINITY)),
            ("1,5", Cell::Text),
            ("e", Cell::Text),
            ("five", Cell::Text),
        ] {
            assert_eq!(cell(text), expected, "{text}");
        }
    }

    #[test]
    fn the_first_text_is_found() {
        assert_eq!(numbers(&column(&["1", "NA", "x", "y"])), Err((2, "x".to_owned())));
        assert!(numbers(&column(&["1", ""])).expect("numbers")[1].is_nan());
        assert!(looks_numeric(&column(&["1", "2", "x"])) && !looks_numeric(&column(&["1", "x", "y"])));
    }

    #[test]
    fn decimal_commas_are_explained() {
        for (text, point) in [("1,5", "`1.5`"), ("1.234,5", "`1234.5`"), ("1,234.5", "`1234.5`")] {
            assert!(not_a_number(text).to_string().contains(point), "{text}");
        }
        assert!(!not_a_number("a,b").to_string().contains("decimal"));
    }

    #[test]
    fn columns_get_the_narrowest_type_that_holds_them() {
        assert_eq!(typed(&column(&["1", "", "3"])).dtype(), &DataType::Int64);
        assert_eq!(typed(&column(&["1", "2.5", "NA"])).dtype(), &DataType::Float64);
        assert_eq!(typed(&column(&["01", "02"])).dtype(), &DataType::String);
        assert_eq!(typed(&column(&["1", "12345678901234567890"])).dtype(), &DataType::String);
        assert_eq!(typed(&column(&["", ""])).dtype(), &DataType::String);
    }
}
