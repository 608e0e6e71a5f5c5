//! Where the values of a series stand in time.

/// The times of a series, regular with a known step.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    start: i64,
    step: i64,
    len: usize,
}

impl Timeline {
    /// The integer times `start, start + step, ...`.
    #[must_use]
    pub fn integers(start: i64, step: i64, len: usize) -> Self {
        Self { start, step, len }
    }

    /// The number of known times.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no time at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The time at a position, spelled as the input spells it. Positions may lie before the first or, for
    /// forecasts, after the last known time.
    #[must_use]
    pub fn label(&self, position: i64) -> String {
        (self.start + position * self.step).to_string()
    }
}
