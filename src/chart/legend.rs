//! The legend: a key and a name for every labelled mark, in rows above what it explains.

use super::canvas::{Anchor, Backend, Canvas, Paint};
use super::figure::{Mark, Shape};
use super::font::Face;
use super::panel::{DASHES, REFERENCE_DASHES, draw_point};
use super::reduce::Point;
use crate::error::Result;

pub(super) const FACE: Face = Face::regular(11.5);
const TEXT: Paint = Paint::opaque((60, 66, 74));
const FRAME: Paint = Paint::opaque((158, 164, 171));
const ROW: f64 = 19.0;
const KEY: f64 = 22.0;
/// A scale of colours is wider than other keys.
const SCALE: f64 = 110.0;
const KEY_GAP: f64 = 6.0;
const ENTRY_GAP: f64 = 20.0;
const LONGEST_LABEL: f64 = 320.0;
const MOST_ROWS: usize = 4;

/// Labelled marks, placed in rows.
#[derive(Debug)]
pub(super) struct Legend<'f> {
    entries: Vec<Entry<'f>>,
    rows: usize,
    /// How many entries found no room.
    left_out: usize,
}

#[derive(Debug)]
struct Entry<'f> {
    mark: &'f Mark,
    label: String,
    left: f64,
    row: usize,
    /// The opacity of a band where it lies on the wider bands of its colour, as it is seen in the panel.
    opacity: f64,
}

impl<'f> Legend<'f> {
    /// The legend of some marks in rows of `width` pixels. Marks that look and are named the same share an entry.
    pub(super) fn of(marks: impl Iterator<Item = &'f Mark>, width: f64) -> Self {
        let mut distinct: Vec<&Mark> = Vec::new();
        for mark in marks.filter(|mark| mark.label().is_some_and(|label| !label.trim().is_empty())) {
            if !distinct.iter().any(|other| alike(other, mark)) {
                distinct.push(mark);
            }
        }
        let mut legend = Self { entries: Vec::new(), rows: 0, left_out: 0 };
        for mark in &distinct {
            let below = distinct.iter().filter(|other| encloses(other, mark));
            let clear: f64 = below.chain([mark]).map(|band| 1.0 - opacity(band)).product();
            legend.place(mark, width, 1.0 - clear);
        }
        legend
    }

    fn place(&mut self, mark: &'f Mark, width: f64, opacity: f64) {
        let beside = key_width(mark) + KEY_GAP;
        let label = FACE.fit(mark.label().unwrap_or_default(), LONGEST_LABEL.min(width - beside));
        let (mut row, mut left) = self.entries.last().map_or((0, 0.0), |last| (last.row, last.right() + ENTRY_GAP));
        if left + beside + FACE.width(&label) > width && left > 0.0 {
            (row, left) = (row + 1, 0.0);
        }
        if row >= MOST_ROWS || self.left_out > 0 {
            self.left_out += 1;
            return;
        }
        self.rows = row + 1;
        self.entries.push(Entry { mark, label, left, row, opacity });
    }

    pub(super) fn height(&self) -> f64 {
        let rows = self.rows + usize::from(self.left_out > 0);
        rows as f64 * ROW
    }

    /// Whether two legends have the same entries.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.left_out == other.left_out
            && self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(one, two)| alike(one.mark, two.mark))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Draws the legend with its upper left corner at `corner`.
    pub(super) fn draw<DB: Backend>(&self, canvas: &Canvas<DB>, corner: Point) -> Result<()> {
        for entry in &self.entries {
            let (left, top) = (corner.0 + entry.left, corner.1 + entry.row as f64 * ROW);
            draw_key(canvas, entry, (left, top + 0.5 * ROW))?;
            let text = left + key_width(entry.mark) + KEY_GAP;
            canvas.text(&entry.label, (text, top + 13.5), Anchor::Start, FACE, TEXT)?;
        }
        if self.left_out > 0 {
            let text = format!("and {} more", self.left_out);
            canvas.text(&text, (corner.0, corner.1 + self.rows as f64 * ROW + 13.5), Anchor::Start, FACE, TEXT)?;
        }
        Ok(())
    }
}

impl Entry<'_> {
    fn right(&self) -> f64 {
        self.left + key_width(self.mark) + KEY_GAP + FACE.width(&self.label)
    }
}

fn key_width(mark: &Mark) -> f64 {
    if matches!(mark, Mark::Cells { .. }) { SCALE } else { KEY }
}

/// Whether two marks look and are named the same.
fn alike(one: &Mark, two: &Mark) -> bool {
    let look = |mark: &Mark| match mark {
        Mark::Points { shape, .. } => (Some(*shape), None),
        Mark::Band { strength, .. } => (None, Some(*strength)),
        Mark::Cells { full, .. } => (None, Some(*full)),
        _ => (None::<Shape>, None),
    };
    std::mem::discriminant(one) == std::mem::discriminant(two)
        && one.color() == two.color()
        && one.label() == two.label()
        && look(one) == look(two)
}

/// Whether a band has the colour of another one and is wider where both end.
fn encloses(outer: &Mark, inner: &Mark) -> bool {
    let end = |mark: &Mark| match mark {
        Mark::Band { .. } => mark.known().last(),
        _ => None,
    };
    let same = outer.color() == inner.color();
    let ends = if same { end(outer).zip(end(inner)) } else { None };
    ends.is_some_and(|((_, a, b), (_, c, d))| b - a > d - c && a <= c && d <= b)
}

/// A small picture of a mark, KEY wide, with its left middle at `from`.
fn draw_key<DB: Backend>(canvas: &Canvas<DB>, entry: &Entry<'_>, from: Point) -> Result<()> {
    let mark = entry.mark;
    let paint = Paint::opaque(mark.color().rgb());
    let across = [from, (from.0 + KEY, from.1)];
    let middle = (from.0 + 0.5 * KEY, from.1);
    match mark {
        Mark::Line { .. } | Mark::Thin { .. } => canvas.path(&across, paint, 2.0),
        Mark::Dashed { .. } => canvas.dashes(&across, paint, 2.0, DASHES),
        Mark::Horizontal { .. } | Mark::Vertical { .. } => canvas.dashes(&across, paint, 1.25, REFERENCE_DASHES),
        Mark::Points { shape, .. } => draw_point(canvas, middle, *shape, 3.0, paint),
        Mark::Stems { .. } => (0..3).try_for_each(|bar| {
            let (x, height) = (middle.0 - 7.0 + 6.0 * f64::from(bar), [11.0, 7.0, 4.0][bar as usize]);
            canvas.rectangle((x, from.1 + 5.5 - height), (x + 3.0, from.1 + 5.5), paint)
        }),
        // From white to the colour, in a frame that shows where white begins.
        Mark::Cells { .. } => {
            canvas.rectangle((from.0 - 1.0, from.1 - 6.5), (from.0 + SCALE + 1.0, from.1 + 6.5), FRAME)?;
            let steps = SCALE as usize / 2;
            (0..steps).try_for_each(|step| {
                let left = from.0 + 2.0 * step as f64;
                let shade = paint.on_white(step as f64 / (steps - 1) as f64);
                canvas.rectangle((left, from.1 - 5.5), (left + 2.0, from.1 + 5.5), shade)
            })
        }
        Mark::Band { .. } => {
            let paint = Paint { opacity: entry.opacity, ..paint };
            canvas.rectangle((from.0, from.1 - 5.5), (from.0 + KEY, from.1 + 5.5), paint)
        }
    }
}

/// The opacity that a mark is painted with: the strength of a band or a thin line, and 1 for all else.
pub(super) fn opacity(mark: &Mark) -> f64 {
    match mark {
        Mark::Band { strength, .. } | Mark::Thin { strength, .. } if !strength.is_nan() => strength.clamp(0.0, 1.0),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Color;

    fn marks(labels: &[&str]) -> Vec<Mark> {
        let label = |label: &&str| Some((*label).to_owned());
        labels.iter().map(|text| Mark::Horizontal { y: 0.0, color: Color::Muted, label: label(text) }).collect()
    }

    #[test]
    fn only_labelled_and_distinct_marks_appear() {
        let mut marks = marks(&["a", "b", "a", " "]);
        marks.push(Mark::Vertical { x: 0.0, color: Color::Muted, label: None });
        let legend = Legend::of(marks.iter(), 800.0);
        assert_eq!(legend.entries.iter().map(|entry| entry.label.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn rows_stay_within_the_width_and_say_what_they_leave_out() {
        let names: Vec<String> = (0..60).map(|i| format!("series number {i}")).collect();
        let marks = marks(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let legend = Legend::of(marks.iter(), 500.0);
        assert_eq!(legend.rows, MOST_ROWS);
        assert!(legend.entries.iter().all(|entry| entry.right() <= 500.0));
        assert_eq!(legend.entries.len() + legend.left_out, 60);
        assert_eq!(legend.height(), 5.0 * ROW);
    }

    #[test]
    fn a_band_on_a_wider_one_is_shown_as_dark_as_it_looks() {
        let band = |half: f64, strength, label: &str| Mark::Band {
            x: vec![0.0, 1.0],
            lo: vec![0.0, -half],
            hi: vec![0.0, half],
            color: Color::Series(0),
            strength,
            label: Some(label.to_owned()),
        };
        let marks = [band(1.0, 0.5, "80 %"), band(2.0, 0.2, "95 %")];
        let legend = Legend::of(marks.iter(), 800.0);
        let seen: Vec<f64> = legend.entries.iter().map(|entry| entry.opacity).collect();
        assert!((seen[0] - 0.6).abs() < 1e-12 && (seen[1] - 0.2).abs() < 1e-12, "{seen:?}");
    }
}
