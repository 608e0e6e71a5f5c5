//! Readable tables for a terminal: right-aligned numbers of a common precision.

pub(super) use crate::math::digits::short;

/// Rows of text under a header, columns aligned and two spaces apart; a header that starts a number column is
/// right-aligned like its numbers.
#[derive(Debug, Default)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub(super) fn push<S: Into<String>>(&mut self, row: impl IntoIterator<Item = S>) {
        self.rows.push(row.into_iter().map(Into::into).collect());
    }

    /// At most `limit` rows are shown: the first and the last ones, and how many lie between.
    pub(super) fn render(&self, limit: usize) -> String {
        let widths = self.widths();
        let numeric: Vec<bool> = (0..self.header.len()).map(|column| self.is_numeric(column)).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().enumerate().map(|(i, cell)| pad(cell, widths[i], numeric[i]));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        let mut text = line(&self.header);
        let (head, tail) = if self.rows.len() <= limit { (self.rows.len(), 0) } else { (limit / 2, limit - limit / 2) };
        for row in &self.rows[..head] {
            text += &line(row);
        }
        if tail > 0 {
            text += &format!("... {} more rows ...\n", self.rows.len() - limit);
            for row in &self.rows[self.rows.len() - tail..] {
                text += &line(row);
            }
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = std::iter::once(&self.header).chain(&self.rows);
            cells.map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        (0..self.header.len()).map(width).collect()
    }

    fn is_numeric(&self, column: usize) -> bool {
        self.rows.iter().all(|row| row[column].is_empty() || row[column].parse::<f64>().is_ok())
    }
}

fn pad(cell: &str, width: usize, right: bool) -> String {
    if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_tables_show_both_ends() {
        let mut table = Table::new(["t", "value"]);
        (0..10).for_each(|i| table.push([format!("a{i}"), format!("{i}")]));
        let text = table.render(4);
        assert!(text.contains("... 6 more rows ...") && text.contains("a9") && !text.contains("a5"));
        assert_eq!(text.lines().next(), Some("t   value"));
    }
}
