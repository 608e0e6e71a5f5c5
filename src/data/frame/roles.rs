//! Which column of a table is the id, the time, the value.
//!
//! Named columns come first, then the names `unique_id`, `ds` and `y`, then what the columns hold: the first one of
//! dates is the time, the only one of numbers left is the value. What stays unclear is an error that lists the
//! candidates. All decisions rest on the first rows, so that they do not depend on how much of a file is read.

use polars::prelude::{Column, DataFrame};

use super::cells::looks_numeric;
use super::read::ReadOptions;
use super::time::{looks_like_dates, looks_like_integers};
use crate::{Error, Result};

/// The rows that decide.
const SAMPLE: usize = 100;
/// What a column of ids is called where nobody says another name.
pub(super) const USUAL_ID: &str = "unique_id";

/// The column names by role.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Roles {
    pub(super) id: Option<String>,
    pub(super) time: Option<String>,
    pub(super) value: String,
    /// The columns asked for as covariates; where none are, all numeric columns without role.
    pub(super) covariates: Vec<String>,
    /// Numeric columns without role that nobody asked for beside named covariates.
    pub(super) unused: Vec<String>,
    /// Whether the covariates were asked for.
    pub(super) are_named: bool,
    /// Columns of text without role: what an id may be hidden in.
    pub(super) texts: Vec<String>,
}

impl Roles {
    /// Decides for a table.
    pub(super) fn of(frame: &DataFrame, options: &ReadOptions) -> Result<Self> {
        check_value_is_left(frame, options)?;
        let sample = frame.head(Some(SAMPLE));
        let mut columns = Undecided { columns: sample.columns().iter().filter(|c| !is_row_number(c)).collect() };
        let id = columns.named(frame, options.id.as_deref(), USUAL_ID)?;
        let time = columns.named(frame, options.time.as_deref(), "ds")?;
        let value = columns.named(frame, options.value.as_deref(), "y")?;
        columns.take_covariates(frame, &options.covariates, [("id", &id), ("times", &time), ("values", &value)])?;
        let time = time.or_else(|| columns.take_time(value.is_none()));
        let value = match value {
            Some(value) => value,
            None => columns.take_value(time.as_deref())?,
        };
        let (numeric, mut texts): (Vec<_>, Vec<_>) =
            columns.columns.into_iter().partition(|column| looks_numeric(column));
        // A lone column of distinct texts is meant as the times: better an error than rows without them.
        let time = match (time, &texts[..]) {
            (None, [only]) if id.is_some() || is_distinct(only) => Some(texts.remove(0).name().to_string()),
            (time, _) => time,
        };
        let are_named = !options.covariates.is_empty();
        let (covariates, unused) =
            if are_named { (options.covariates.clone(), names(&numeric)) } else { (names(&numeric), Vec::new()) };
        Ok(Self { id, time, value, covariates, unused, are_named, texts: names(&texts) })
    }
}

fn names(columns: &[&Column]) -> Vec<String> {
    columns.iter().map(|column| column.name().to_string()).collect()
}

/// The row numbers that R and pandas write as a first column.
fn is_row_number(column: &Column) -> bool {
    ["rownames", "Unnamed: 0", "column_1"].contains(&column.name().as_str()) && looks_like_integers(column)
}

/// The columns that have no role yet.
struct Undecided<'a> {
    columns: Vec<&'a Column>,
}

impl Undecided<'_> {
    /// The column that an option names, or the one with the usual name.
    fn named(&mut self, frame: &DataFrame, option: Option<&str>, usual: &str) -> Result<Option<String>> {
        let name = option.unwrap_or(usual);
        let found = frame.get_column_names().iter().any(|column| column.as_str() == name);
        match (found, option) {
            (true, _) => {
                self.columns.retain(|column| column.name() != name);
                Ok(Some(name.to_owned()))
            }
            (false, None) => Ok(None),
            (false, Some(_)) => Err(no_column(frame, name)),
        }
    }

    /// Takes out the columns named as covariates, so that no other role falls to them.
    fn take_covariates(
        &mut self,
        frame: &DataFrame,
        named: &[String],
        taken: [(&str, &Option<String>); 3],
    ) -> Result<()> {
        for (number, name) in named.iter().enumerate() {
            if !frame.get_column_names().iter().any(|column| column.as_str() == name) {
                return Err(no_column(frame, name));
            }
            if taken[2].1.as_ref() == Some(name) {
                return Err(value_is_no_covariate(name));
            }
            if let Some((role, _)) = taken.iter().find(|(_, column)| column.as_ref() == Some(name)) {
                return Err(Error::usage(format!("`{name}` is the column of {role} and no covariate of it"))
                    .expected("further columns of numbers")
                    .hint("leave it out of --covariates"));
            }
            if named[..number].contains(name) {
                return Err(Error::usage(format!("the covariate `{name}` is named twice")).hint("name it once"));
            }
            self.columns.retain(|column| column.name() != name);
        }
        Ok(())
    }

    fn take(&mut self, position: usize) -> String {
        self.columns.remove(position).name().to_string()
    }

    /// The first column of dates or years; else, where a column of numbers is left for the values, the first column if
    /// its integers can be times.
    fn take_time(&mut self, value_is_open: bool) -> Option<String> {
        let dates = self.columns.iter().position(|column| looks_like_dates(column));
        let several = self.columns.len() >= 2 || !value_is_open;
        let integers = || {
            let first = self.columns.first()?;
            (several && looks_like_integers(first) && increases(first)).then_some(0)
        };
        let position = dates.filter(|_| several).or_else(integers)?;
        Some(self.take(position))
    }

    fn take_value(&mut self, time: Option<&str>) -> Result<String> {
        let numeric: Vec<usize> = (0..self.columns.len()).filter(|&i| looks_numeric(self.columns[i])).collect();
        match (numeric[..].as_ref(), self.columns.len()) {
            ([only], _) => Ok(self.take(*only)),
            // The only column left holds the values, whatever is wrong with them.
            ([], 1) if time.is_some() => Ok(self.take(0)),
            ([], _) => Err(Error::data("no column holds numbers").expected("a column of values").hint(CHOOSE)),
            (several, _) => {
                let names: Vec<String> = several.iter().map(|&i| format!("`{}`", self.columns[i].name())).collect();
                Err(Error::data(format!("several columns may hold the values: {}", names.join(", "))).hint(CHOOSE))
            }
        }
    }
}

/// The error for a column that is named but not there.
pub(super) fn no_column(frame: &DataFrame, name: &str) -> Error {
    let known: Vec<String> = frame.get_column_names().iter().map(|name| format!("`{name}`")).collect();
    Error::usage(format!("there is no column `{name}`"))
        .expected(format!("one of {}", known.join(", ")))
        .hint("spell it as the header does")
}

/// Refuses to name as a covariate the only column that can hold the values.
fn check_value_is_left(frame: &DataFrame, options: &ReadOptions) -> Result<()> {
    if options.value.is_some() || options.covariates.is_empty() {
        return Ok(());
    }
    match Roles::of(frame, &ReadOptions { covariates: Vec::new(), ..options.clone() }) {
        Ok(Roles { value, .. }) if options.covariates.contains(&value) => Err(value_is_no_covariate(&value)),
        _ => Ok(()),
    }
}

fn value_is_no_covariate(name: &str) -> Error {
    Error::usage(format!("`{name}` is the value column, it cannot also be a covariate"))
        .expected("further columns of numbers")
        .hint("leave it out of --covariates, or name another column of values with --value COLUMN")
}

const CHOOSE: &str =
    "name the column of values with --value COLUMN, that of times with --time COLUMN, that of series with --id COLUMN";

/// Whether no text stands in two rows.
fn is_distinct(column: &Column) -> bool {
    let Some(texts) = super::cells::texts(column) else { return false };
    let mut seen = std::collections::HashSet::new();
    texts.len() > 1 && texts.iter().all(|text| text.is_some() && seen.insert(text))
}

/// Whether integers strictly increase, as times of one series do.
fn increases(column: &Column) -> bool {
    let numbers = super::cells::numbers(column).unwrap_or_default();
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(columns: &[(&str, &[&str])], options: &ReadOptions) -> Result<Roles> {
        let columns: Vec<Column> = columns.iter().map(|(name, texts)| Column::new((*name).into(), *texts)).collect();
        Roles::of(&DataFrame::new_infer_height(columns).expect("a frame"), options)
    }

    fn said(columns: &[(&str, &[&str])]) -> (Option<String>, Option<String>, String) {
        let roles = roles(columns, &ReadOptions::default()).expect("roles");
        (roles.id, roles.time, roles.value)
    }

    fn some(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    const DATES: &[&str] = &["2024-01-01", "2024-01-02"];
    const NUMBERS: &[&str] = &["5.5", "2"];

    #[test]
    fn usual_names_come_before_contents() {
        let panel = [("a", NUMBERS), ("unique_id", &["a", "b"]), ("ds", DATES), ("y", NUMBERS)];
        assert_eq!(said(&panel), (some("unique_id"), some("ds"), "y".to_owned()));
    }

    #[test]
    fn two_columns_of_any_name() {
        assert_eq!(said(&[("when", DATES), ("what", NUMBERS)]), (None, some("when"), "what".to_owned()));
        assert_eq!(said(&[("what", NUMBERS), ("when", DATES)]), (None, some("when"), "what".to_owned()));
        assert_eq!(said(&[("year", &["1871", "1872"]), ("flow", NUMBERS)]).1, some("year"));
        assert_eq!(said(&[("t", &["1", "2"]), ("x", &["7", "8"])]), (None, some("t"), "x".to_owned()));
        assert_eq!(said(&[("x", NUMBERS)]), (None, None, "x".to_owned()));
        assert_eq!(said(&[("rownames", &["1", "2"]), ("x", NUMBERS)]), (None, None, "x".to_owned()));
        assert_eq!(said(&[("date", DATES), ("x", &["a", "b"])]), (None, some("date"), "x".to_owned()));
    }

    #[test]
    fn unclear_columns_are_listed() {
        let columns = [("date", DATES), ("a", NUMBERS), ("b", NUMBERS)];
        let error = roles(&columns, &ReadOptions::default()).expect_err("two values").to_string();
        assert!(error.contains("`a`, `b`") && error.contains("--value"), "{error}");
        let options = ReadOptions { value: some("b"), ..ReadOptions::default() };
        assert_eq!(roles(&columns, &options).expect("roles").covariates, ["a"]);
        let options = ReadOptions { value: some("c"), ..ReadOptions::default() };
        let error = roles(&columns, &options).expect_err("no such column");
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
        assert!(error.to_string().contains("`date`, `a`, `b`"));
    }

    #[test]
    fn named_covariates_are_no_values() {
        let columns = [("date", DATES), ("a", NUMBERS), ("b", NUMBERS), ("c", NUMBERS)];
        let named = |value: Option<&str>, covariates: &[&str]| {
            let covariates = covariates.iter().map(|name| (*name).to_owned()).collect();
            roles(&columns, &ReadOptions { value: value.map(str::to_owned), covariates, ..ReadOptions::default() })
        };
        let two = named(None, &["c", "a"]).expect("one column is left for the values");
        assert_eq!((two.value.as_str(), &two.covariates[..]), ("b", &["c".to_owned(), "a".to_owned()][..]));
        let one = named(Some("b"), &["a"]).expect("roles");
        assert_eq!((&one.covariates[..], &one.unused[..]), (&["a".to_owned()][..], &["c".to_owned()][..]));
        let said = |value, covariates: &[&str]| named(value, covariates).expect_err("refused").to_string();
        assert!(said(None, &["d"]).contains("there is no column `d`; expected one of `date`, `a`, `b`, `c`"));
        assert!(said(Some("b"), &["b"]).contains("`b` is the value column, it cannot also be a covariate"));
        let two = [("date", DATES), ("units", NUMBERS)];
        let options = ReadOptions { covariates: vec!["units".to_owned()], ..ReadOptions::default() };
        let error = roles(&two, &options).expect_err("refused");
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
        assert!(error.to_string().contains("`units` is the value column"), "{error}");
        assert!(said(Some("b"), &["a", "a"]).contains("named twice"));
    }

    #[test]
    fn texts_left_over_may_be_ids() {
        let columns = [("date", DATES), ("shop", &["a", "b"] as &[&str]), ("sales", NUMBERS)];
        assert_eq!(roles(&columns, &ReadOptions::default()).expect("roles").texts, ["shop"]);
    }
}
