//! The embedded font: widths of text, and the pixels of its glyphs.
//!
//! Plotters can draw with a registered font too, but it leaves out the left side bearing of every glyph, which spaces
//! letters unevenly; so glyphs are laid out here.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};

/// What a text is set in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Face {
    /// The size of an em in pixels.
    pub(super) em: f64,
    pub(super) bold: bool,
}

/// A text longer than this is cut before it is measured: no line of a figure holds as many characters.
const LONGEST: usize = 400;

static REGULAR: LazyLock<FontRef<'static>> =
    LazyLock::new(|| embedded(include_bytes!("../../assets/fonts/DejaVuSans.ttf")));
static BOLD: LazyLock<FontRef<'static>> =
    LazyLock::new(|| embedded(include_bytes!("../../assets/fonts/DejaVuSans-Bold.ttf")));

fn embedded(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the embedded font is valid")
}

impl Face {
    pub(super) const fn regular(em: f64) -> Self {
        Self { em, bold: false }
    }

    pub(super) const fn bold(em: f64) -> Self {
        Self { em, bold: true }
    }

    fn font(self) -> &'static FontRef<'static> {
        if self.bold { &BOLD } else { &REGULAR }
    }

    /// The scale at which an em has the asked size; ab_glyph scales by the height of a line.
    fn scale(self) -> PxScale {
        let font = self.font();
        let lines_per_em = font.units_per_em().map_or(1.0, |units| font.height_unscaled() / units);
        PxScale::from(self.em as f32 * lines_per_em)
    }

    /// The advance of the pen over `text`, in pixels.
    pub(super) fn width(self, text: &str) -> f64 {
        let mut end = 0.0;
        self.walk(text, |_, _, after| end = after);
        f64::from(end)
    }

    /// Calls `visit(glyph, pen, pen after it)` for every character.
    fn walk(self, text: &str, mut visit: impl FnMut(ab_glyph::GlyphId, f32, f32)) {
        let font = self.font().as_scaled(self.scale());
        let mut pen = 0.0;
        let mut previous = None;
        for character in text.chars() {
            let glyph = font.glyph_id(character);
            pen += previous.map_or(0.0, |previous| font.kern(previous, glyph));
            let after = pen + font.h_advance(glyph);
            visit(glyph, pen, after);
            (pen, previous) = (after, Some(glyph));
        }
    }

    /// Calls `paint(x, y, coverage)` for every pixel of `text`, with the origin at its left end on the baseline.
    pub(super) fn paint(self, text: &str, mut paint: impl FnMut(i32, i32, f64)) {
        let font = self.font();
        let scale = self.scale();
        self.walk(text, |glyph, pen, _| {
            let placed = glyph.with_scale_and_position(scale, ab_glyph::point(pen, 0.0));
            if let Some(outline) = font.outline_glyph(placed) {
                let corner = outline.px_bounds().min;
                outline.draw(|x, y, coverage| {
                    paint(corner.x as i32 + x as i32, corner.y as i32 + y as i32, f64::from(coverage.min(1.0)));
                });
            }
        });
    }

    /// `text` in at most `width` pixels: printable, and cut with an ellipsis where it is longer.
    pub(super) fn fit(self, text: &str, width: f64) -> String {
        let text = printable(text);
        if text.chars().count() < LONGEST && self.width(&text) <= width {
            return text;
        }
        let room = width - self.width("…");
        let mut kept = 0;
        let mut ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
        self.walk(&text, |_, _, after| {
            let end = ends.next().unwrap_or_default();
            if f64::from(after) <= room {
                kept = end;
            }
        });
        format!("{}…", text[..kept].trim_end())
    }

    /// `text` in at most `lines` lines of `width` pixels, broken between words; the last one is cut where it must be.
    pub(super) fn wrap(self, text: &str, width: f64, lines: usize) -> Vec<String> {
        let text = printable(text);
        let mut wrapped: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let full = wrapped.len() == lines;
            match wrapped.last_mut() {
                Some(line) if full || self.width(line) + self.width(&format!(" {word}")) <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => wrapped.push(word.to_owned()),
            }
        }
        wrapped.iter().map(|line| self.fit(line, width)).collect()
    }
}

/// `text` without what XML cannot hold or a line cannot show, and not longer than any line.
fn printable(text: &str) -> String {
    text.chars()
        .take(2 * LONGEST)
        .map(|character| match character {
            '\u{FFFE}' | '\u{FFFF}' => ' ',
            control if control.is_control() => ' ',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_with_text_and_size() {
        let face = Face::regular(10.0);
        assert!((face.width("n") - 6.34).abs() < 0.01, "DejaVu Sans has an n of 1298/2048 em");
        assert!((Face::regular(20.0).width("abc") - 2.0 * face.width("abc")).abs() < 1e-3);
        assert!(Face::bold(10.0).width("abc") > face.width("abc"));
    }

    #[test]
    fn long_text_is_cut_to_the_width() {
        let face = Face::regular(11.0);
        let cut = face.fit(&"wide ".repeat(100_000), 80.0);
        assert!(cut.ends_with('…') && face.width(&cut) <= 80.0, "{cut}");
        assert_eq!(face.fit("short", 80.0), "short");
        assert_eq!(face.fit("a\u{0}b\nc", 80.0), "a b c");
        assert_eq!(face.fit("anything", 0.0), "…");
    }

    #[test]
    fn wrapping_keeps_the_words_and_the_width() {
        let face = Face::regular(11.0);
        let lines = face.wrap("one two three four five six seven eight nine ten", 60.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| face.width(line) <= 60.0));
        assert!(lines[0].starts_with("one two") && lines[1].ends_with('…'), "{lines:?}");
        assert!(face.wrap("", 60.0, 2).is_empty());
    }

    #[test]
    fn glyphs_stand_on_the_baseline() {
        let (mut top, mut bottom, mut left) = (i32::MAX, i32::MIN, i32::MAX);
        Face::regular(100.0).paint("H", |x, y, coverage| {
            if coverage > 0.5 {
                (top, bottom, left) = (top.min(y), bottom.max(y), left.min(x));
            }
        });
        assert_eq!((top, bottom), (-73, -1), "capitals of DejaVu Sans are 0.729 em high");
        assert_eq!(left, 10, "the left side bearing is kept");
    }
}
