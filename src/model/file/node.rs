//! A value of a JSON text with its place, so that what cannot be used is named by its key.

use serde_json::Value;

use crate::error::{Error, Result};

/// The longest text of a value that an error repeats.
const SHOWN: usize = 40;

/// A value and the keys that lead to it.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    value: &'a Value,
    /// `model.phi[3]`; empty at the root.
    path: String,
}

impl<'a> Node<'a> {
    /// The root of a text.
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// The error that the value is not what is expected.
    pub(super) fn error(&self, expected: &str) -> Error {
        let mut shown = self.value.to_string();
        if shown.chars().count() > SHOWN {
            shown = shown.chars().take(SHOWN).chain("..".chars()).collect();
        }
        self.refused(format!("{shown} cannot be used")).expected(expected)
    }

    /// An error of this place.
    pub(super) fn refused(&self, what: impl Into<String>) -> Error {
        Error::data(what).at(if self.path.is_empty() { "the object" } else { &self.path })
    }

    fn child(&self, value: &'a Value, path: String) -> Self {
        Self { value, path }
    }

    /// The value of a key; `None` where it is absent or null.
    pub(super) fn find(&self, key: &str) -> Option<Self> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.value.get(key).filter(|value| !value.is_null()).map(|value| self.child(value, path))
    }

    /// The value of a key that must be there.
    pub(super) fn get(&self, key: &str) -> Result<Self> {
        let missing = || match self.value {
            Value::Object(_) => self.refused(format!("the key `{key}` is missing")),
            _ => self.error(&format!("an object with the key `{key}`")),
        };
        self.find(key).ok_or_else(missing)
    }

    /// The number of a key; NaN where it is absent or null.
    pub(super) fn number_or_nan(&self, key: &str) -> Result<f64> {
        self.find(key).map_or(Ok(f64::NAN), |node| node.number())
    }

    /// The elements of an array.
    pub(super) fn list(&self) -> Result<Vec<Self>> {
        let Value::Array(values) = self.value else { return Err(self.error("an array")) };
        let element = |(number, value)| self.child(value, format!("{}[{number}]", self.path));
        Ok(values.iter().enumerate().map(element).collect())
    }

    /// The keys and values of an object.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Self)>> {
        let Value::Object(entries) = self.value else { return Err(self.error("an object")) };
        let entry =
            |(key, value): (&'a String, &'a Value)| (key.as_str(), self.child(value, format!("{}.{key}", self.path)));
        Ok(entries.iter().map(entry).collect())
    }

    /// A finite number.
    pub(super) fn number(&self) -> Result<f64> {
        self.value.as_f64().filter(|x| x.is_finite()).ok_or_else(|| self.error("a finite number"))
    }

    /// A number that is not negative.
    pub(super) fn size(&self) -> Result<f64> {
        let size = self.number()?;
        if size >= 0.0 { Ok(size) } else { Err(self.error("a number of at least 0")) }
    }

    /// Finite numbers.
    pub(super) fn numbers(&self) -> Result<Vec<f64>> {
        self.list()?.iter().map(Self::number).collect()
    }

    /// Numbers, NaN where there is null.
    pub(super) fn numbers_or_nan(&self) -> Result<Vec<f64>> {
        self.list()?.iter().map(Self::number_or_null).collect()
    }

    /// The numbers after the first element of an array, NaN where there is null.
    pub(super) fn tail_numbers(&self) -> Result<Vec<f64>> {
        self.list()?.iter().skip(1).map(Self::number_or_null).collect()
    }

    /// A finite number; NaN for null.
    fn number_or_null(&self) -> Result<f64> {
        if self.is_null() { Ok(f64::NAN) } else { self.number() }
    }

    /// Whether the value is null.
    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole(&self, least: usize, most: usize) -> Result<usize> {
        let whole = self.value.as_u64().and_then(|number| usize::try_from(number).ok());
        whole
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.error(&format!("a whole number from {least} to {most}")))
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'a str> {
        self.value.as_str().ok_or_else(|| self.error("a text"))
    }

    /// Texts.
    pub(super) fn texts(&self) -> Result<Vec<String>> {
        self.list()?.iter().map(|node| node.text().map(str::to_owned)).collect()
    }

    /// True or false.
    pub(super) fn flag(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.error("true or false"))
    }

    /// One of the names, by its position.
    pub(super) fn one_of(&self, names: &[&str]) -> Result<usize> {
        let position = self.value.as_str().and_then(|text| names.iter().position(|name| *name == text));
        position.ok_or_else(|| self.error(&format!("one of {}", names.join(", "))))
    }
}
