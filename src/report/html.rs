//! A page of HTML. All text is escaped here, and only here.

use crate::chart::{Figure, Format, render};
use crate::error::Result;

/// Light and dark; charts are drawn on white and turned over in the dark, with hues kept.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #212529; --soft: #5c636a; --line: #dee2e6; --paper: #ffffff; --bad: #b02a37; --good: #146c43; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --soft: #a3a9af; --line: #3a3f44; --paper: #171717; --bad: #ff8787; --good: #69db7c; }
  figure svg { filter: invert(0.91) hue-rotate(180deg); }
}
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 900px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, \"Segoe UI\", \"DejaVu Sans\", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 .25rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 2rem 0 .5rem; }
h1, h2, p, li, td, th { overflow-wrap: anywhere; }
p { margin: .25rem 0 .75rem; }
p.soft, figcaption { color: var(--soft); }
figure { margin: 1.5rem 0; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { font-size: .875rem; margin-top: .25rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
.bad { color: var(--bad); font-weight: 600; }
.good { color: var(--good); }
details { margin: 1.5rem 0; }
summary { cursor: pointer; }
pre { overflow-x: auto; font: 13px/1.4 ui-monospace, \"DejaVu Sans Mono\", Menlo, Consolas, monospace; }
@media print { figure { break-inside: avoid; } body { max-width: none; } }
";

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page {
    title: String,
    body: String,
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    /// Words.
    Text(String),
    /// Digits, which stand right.
    Number(String),
    /// A verdict, and whether it asks for attention; `None` for neither.
    Verdict(String, Option<bool>),
}

impl Page {
    pub(super) fn new(title: &str) -> Self {
        let mut page = Self { title: escaped(title), body: String::new() };
        page.heading(1, title);
        page
    }

    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.body += &format!("<h{level}>{}</h{level}>\n", escaped(text));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.body += &format!("<p>{}</p>\n", escaped(text));
    }

    /// A paragraph that stands back.
    pub(super) fn remark(&mut self, text: &str) {
        self.body += &format!("<p class=\"soft\">{}</p>\n", escaped(text));
    }

    pub(super) fn list(&mut self, items: &[String]) {
        let items: String = items.iter().map(|item| format!("<li>{}</li>\n", escaped(item))).collect();
        if !items.is_empty() {
            self.body += &format!("<ul>\n{items}</ul>\n");
        }
    }

    /// A table; a header stands right above a column of numbers.
    pub(super) fn table(&mut self, header: &[&str], rows: &[Vec<Cell>]) {
        let is_number = |column: usize| rows.first().is_some_and(|row| matches!(row[column], Cell::Number(_)));
        let head: String = header
            .iter()
            .enumerate()
            .map(|(column, name)| format!("<th scope=\"col\"{}>{}</th>", class(is_number(column)), escaped(name)))
            .collect();
        let body: String =
            rows.iter().map(|row| format!("<tr>{}</tr>\n", row.iter().map(cell).collect::<String>())).collect();
        let head = if header.is_empty() { String::new() } else { format!("<thead><tr>{head}</tr></thead>\n") };
        self.body += &format!("<div class=\"table\"><table>\n{head}<tbody>\n{body}</tbody></table></div>\n");
    }

    /// Text as it is, behind a line that opens it.
    pub(super) fn folded(&mut self, summary: &str, text: &str) {
        self.body +=
            &format!("<details><summary>{}</summary>\n<pre>{}</pre></details>\n", escaped(summary), escaped(text));
    }

    /// A chart with what it shows.
    ///
    /// # Errors
    /// As [`render`].
    pub(super) fn figure(&mut self, figure: &Figure, caption: &str) -> Result<()> {
        let svg = String::from_utf8_lossy(&render(figure, Format::Svg)?).into_owned();
        // Inside HTML an SVG needs no namespace, and without one the page names no address at all.
        let svg = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", " role=\"img\"", 1);
        self.body += &format!("<figure>\n{svg}\n<figcaption>{}</figcaption>\n</figure>\n", escaped(caption));
        Ok(())
    }

    pub(super) fn finish(self) -> String {
        let Self { title, body } = self;
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
        )
    }
}

fn class(is_number: bool) -> &'static str {
    if is_number { " class=\"number\"" } else { "" }
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => format!("<td>{}</td>", escaped(text)),
        Cell::Number(text) => format!("<td class=\"number\">{}</td>", with_minus(&escaped(text))),
        Cell::Verdict(text, None) => format!("<td>{}</td>", escaped(text)),
        Cell::Verdict(text, Some(is_bad)) => {
            format!("<td class=\"{}\">{}</td>", if *is_bad { "bad" } else { "good" }, escaped(text))
        }
    }
}

/// A number with a true minus sign, as wide as its digits.
fn with_minus(number: &str) -> String {
    number.strip_prefix('-').map_or_else(|| number.to_owned(), |size| format!("\u{2212}{size}"))
}

/// Text without markup. Characters that no document may hold become spaces.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            '\n' | '\t' => safe.push(c),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_is_markup() {
        let said = "<script>alert(\"1\" & '2')</script>\u{0}";
        let mut page = Page::new(said);
        page.heading(2, said);
        page.paragraph(said);
        page.remark(said);
        page.list(&[said.to_owned()]);
        let cells = [Cell::Text(said.into()), Cell::Number(said.into()), Cell::Verdict(said.into(), Some(true))];
        page.table(&[said; 3], &[cells.to_vec()]);
        page.folded(said, said);
        let html = page.finish();
        assert!(!html.contains("<script") && !html.contains('\u{0}'));
        assert_eq!(html.matches("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt; ").count(), 14);
    }
}
