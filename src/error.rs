//! One error type: what went wrong, where, what was expected, and what to do next.
//!
//! The struct is opaque, so that context can be added without breaking callers; [`ErrorKind`] is what a program
//! branches on and what the binary turns into an exit code. Panics are kept for bugs of the caller and are
//! documented where they can happen; whatever data can cause is an [`Error`].

use std::fmt;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or option is outside its range, or two contradict each other.
    Usage,
    /// The data cannot be used as they are: wrong type, gaps, duplicates, too few rows.
    Data,
    /// A file could not be read or written.
    Io,
    /// The reader of the standard output went away: nothing is wrong, there is nobody to write for.
    BrokenPipe,
    /// A computation has no finite answer for these data (singular system, overflow).
    Numeric,
}

/// The error of every fallible function here.
///
/// ```
/// use foretoken::{Error, ErrorKind};
///
/// let error = Error::data("2 duplicate times")
///     .at("series `A`, line 7")
///     .expected("one row per time")
///     .hint("remove or average the repeated rows");
/// assert_eq!(error.kind(), ErrorKind::Data);
/// assert_eq!(
///     error.to_string(),
///     "series `A`, line 7: 2 duplicate times; expected one row per time\n  help: remove or average the repeated rows"
/// );
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    what: String,
    place: Vec<String>,
    expected: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of the given kind that says what happened.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, what: what.into(), place: Vec::new(), expected: None, hint: None, source: None }))
    }

    /// An argument or option that cannot be used.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, what)
    }

    /// Data that cannot be used as they are.
    pub fn data(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, what)
    }

    /// A file that could not be read or written.
    pub fn io(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Io, what)
    }

    /// A computation without a finite answer.
    pub fn numeric(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Numeric, what)
    }

    /// Adds where it happened. Later calls stand further out: `file: series: line`.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.place.insert(0, place.into());
        self
    }

    /// Adds what was expected instead.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind to branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in &self.0.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.0.what)?;
        if let Some(expected) = &self.0.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  help: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}
