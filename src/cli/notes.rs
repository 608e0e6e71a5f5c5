//! Notes on many series in few lines.

/// Series that a note names.
const NAMED: usize = 3;

/// Says on standard error what there is to say about series: one line for every kind of note. Notes are of one kind if
/// they differ in nothing but numbers; the line has the text of the first, how many series it concerns, and the names
/// of the first three. A single series that is no panel needs no name.
///
/// ```text
/// note: 18 series (`P01`, `P02`, `P03` and 15 more), in numbers of `P01`: 3 held-out rows are too few ...
/// ```
///
/// O(n) notes in a few comparisons per kind.
pub(super) fn say_for_series(notes: &[(&str, &str)], in_panel: bool) {
    for line in lines(notes, in_panel) {
        eprintln!("note: {line}");
    }
}

/// The lines of [`say_for_series`], kinds in the order of their first notes.
fn lines(notes: &[(&str, &str)], in_panel: bool) -> Vec<String> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for &(series, text) in notes {
        match kinds.iter_mut().find(|kind| is_alike(kind.text, text)) {
            Some(kind) => kind.add(series, text),
            None => kinds.push(Kind { text, is_same: true, series: vec![series] }),
        }
    }
    kinds.iter().map(|kind| if in_panel { kind.line() } else { kind.text.to_owned() }).collect()
}

/// Notes that differ in numbers at most.
struct Kind<'a> {
    /// The first one.
    text: &'a str,
    /// Whether all the others are the same.
    is_same: bool,
    series: Vec<&'a str>,
}

impl<'a> Kind<'a> {
    fn add(&mut self, series: &'a str, text: &str) {
        self.is_same &= text == self.text;
        if self.series.last() != Some(&series) {
            self.series.push(series);
        }
    }

    fn line(&self) -> String {
        let quoted = |name: &&str| format!("`{name}`");
        let count = self.series.len();
        let names = self.series.iter().take(NAMED).map(quoted).collect::<Vec<_>>().join(", ");
        let place = match count {
            1 => format!("series {names}"),
            _ if count <= NAMED => format!("{count} series ({names})"),
            _ => format!("{count} series ({names} and {} more)", count - NAMED),
        };
        let whose = if self.is_same { String::new() } else { format!(", in numbers of {}", quoted(&self.series[0])) };
        format!("{place}{whose}: {}", self.text)
    }
}

/// Whether two texts are the same but for their numbers.
fn is_alike(one: &str, two: &str) -> bool {
    fn words(text: &str) -> impl Iterator<Item = char> + '_ {
        text.chars().filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | '-'))
    }
    one == two || words(one).eq(words(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_kind_says_how_many_series_it_concerns() {
        let notes = [
            ("a", "3 rows are too few"),
            ("a", "constant (5)"),
            ("b", "12 rows are too few"),
            ("c", "constant (5)"),
            ("d", "4 rows are too few"),
            ("e", "5 rows are too few"),
            ("e", "no alarms"),
        ];
        let expected = [
            "4 series (`a`, `b`, `d` and 1 more), in numbers of `a`: 3 rows are too few",
            "2 series (`a`, `c`): constant (5)",
            "series `e`: no alarms",
        ];
        assert_eq!(lines(&notes, true), expected);
    }

    #[test]
    fn a_series_alone_is_not_named_and_a_kind_said_once() {
        let notes = [("y", "constant (-5)"), ("y", "constant (2.5)"), ("y", "no alarms")];
        assert_eq!(lines(&notes, false), ["constant (-5)", "no alarms"]);
        assert_eq!(lines(&notes[..2], true), ["series `y`, in numbers of `y`: constant (-5)"]);
    }
}
