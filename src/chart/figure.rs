//! What a figure says, before anything is placed.

use std::path::Path;

use super::axis::drawable;
use crate::error::{Error, Result};

/// The most panels of one figure. A caller with more shows the first ones and says so in the subtitle.
pub const MAX_PANELS: usize = 24;

/// The format of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Vector graphics with real text.
    Svg,
    /// Pixels, two per logical pixel, with an embedded font.
    Png,
}

impl Format {
    /// The format that the ending of a file name asks for, in upper or lower case.
    ///
    /// # Errors
    /// If the ending is neither `.svg` nor `.png`.
    pub fn of_path(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            Some(other) => Err(Error::usage(format!("charts cannot be written as `.{other}`"))),
            None => Err(Error::usage("the file name of a chart has no ending")),
        }
        .map_err(|error| {
            error
                .at(path.display().to_string())
                .expected("a file name that ends in .svg or .png")
                .hint("give the file one of these endings")
        })
    }
}

/// What the numbers of a horizontal axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scale {
    /// Plain numbers.
    Number,
    /// Seconds of civil time since 1970-01-01T00:00. Ticks stand on boundaries of the calendar.
    Time,
}

/// How the panels of a figure are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Layout {
    /// One column. Panels of the same [`Scale`] share the extent of their horizontal axis.
    #[default]
    Stacked,
    /// Small multiples in one to three columns, each with its own axes.
    Grid,
}

/// A colour by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Color {
    /// What was observed: a near-black grey.
    Ink,
    /// What stands back: a middle grey.
    Muted,
    /// What needs attention: red.
    Alarm,
    /// The i-th of several things to be told apart, from the colours of Okabe and Ito that are readable on white. They
    /// repeat after six.
    Series(usize),
}

impl Color {
    pub(super) fn rgb(self) -> (u8, u8, u8) {
        const SERIES: [(u8, u8, u8); 6] =
            [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233)];
        match self {
            Self::Ink => (43, 48, 56),
            Self::Muted => (134, 142, 150),
            Self::Alarm => (208, 2, 27),
            Self::Series(index) => SERIES[index % SERIES.len()],
        }
    }
}

/// The shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shape {
    /// A filled disc.
    #[default]
    Dot,
    /// A disc with a white middle.
    Ring,
    /// Two crossed strokes.
    Cross,
}

/// Something drawn in a panel. Bands and cells lie behind reference lines, those behind lines and stems, and points lie
/// on top; marks of the same kind are drawn in the order given.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "every field is named in the description of its variant")]
pub enum Mark {
    /// A line through the points (x, y). A missing value breaks it.
    Line { x: Vec<f64>, y: Vec<f64>, color: Color, label: Option<String> },
    /// A thin line painted with opacity `strength` (0 to 1), one of many that lie over each other.
    Thin { x: Vec<f64>, y: Vec<f64>, color: Color, strength: f64, label: Option<String> },
    /// A dashed line through the points (x, y). A missing value breaks it.
    Dashed { x: Vec<f64>, y: Vec<f64>, color: Color, label: Option<String> },
    /// The area from `lo` to `hi`, painted with opacity `strength` (0 to 1). A missing value breaks it.
    Band { x: Vec<f64>, lo: Vec<f64>, hi: Vec<f64>, color: Color, strength: f64, label: Option<String> },
    /// Unconnected points (x, y).
    Points { x: Vec<f64>, y: Vec<f64>, color: Color, label: Option<String>, shape: Shape },
    /// A heat map: squares of one unit around (x, y), white for a value of zero and below, the colour for `full` and
    /// above. Of cells that share a few pixels the largest value is seen, and missing values are left out.
    Cells { x: Vec<f64>, y: Vec<f64>, values: Vec<f64>, full: f64, color: Color, label: Option<String> },
    /// Bars from zero to y at x.
    Stems { x: Vec<f64>, y: Vec<f64>, color: Color, label: Option<String> },
    /// A thin dashed reference line over the whole width, at y.
    Horizontal { y: f64, color: Color, label: Option<String> },
    /// A thin dashed reference line over the whole height, at x.
    Vertical { x: f64, color: Color, label: Option<String> },
}

impl Mark {
    pub(super) fn label(&self) -> Option<&str> {
        match self {
            Self::Line { label, .. }
            | Self::Thin { label, .. }
            | Self::Dashed { label, .. }
            | Self::Band { label, .. }
            | Self::Points { label, .. }
            | Self::Cells { label, .. }
            | Self::Stems { label, .. }
            | Self::Horizontal { label, .. }
            | Self::Vertical { label, .. } => label.as_deref(),
        }
    }

    pub(super) fn color(&self) -> Color {
        match self {
            Self::Line { color, .. }
            | Self::Thin { color, .. }
            | Self::Dashed { color, .. }
            | Self::Band { color, .. }
            | Self::Points { color, .. }
            | Self::Cells { color, .. }
            | Self::Stems { color, .. }
            | Self::Horizontal { color, .. }
            | Self::Vertical { color, .. } => *color,
        }
    }

    /// The columns of x and of one or two y; empty for reference lines.
    fn columns(&self) -> (&[f64], &[f64], Option<&[f64]>) {
        match self {
            Self::Line { x, y, .. }
            | Self::Thin { x, y, .. }
            | Self::Dashed { x, y, .. }
            | Self::Points { x, y, .. }
            | Self::Cells { x, y, .. }
            | Self::Stems { x, y, .. } => (x, y, None),
            Self::Band { x, lo, hi, .. } => (x, lo, Some(hi)),
            Self::Horizontal { .. } | Self::Vertical { .. } => (&[], &[], None),
        }
    }

    /// The points (x, lowest y, highest y) that are neither missing in x nor in y.
    pub(super) fn known(&self) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        let (x, lo, hi) = self.columns();
        let hi = hi.unwrap_or(lo);
        x.iter()
            .zip(lo)
            .zip(hi)
            .map(|((x, lo), hi)| (*x, *lo, *hi))
            .filter(|(x, lo, hi)| drawable(*x) && drawable(*lo) && drawable(*hi))
    }

    fn check(&self) -> Result<()> {
        let (x, lo, hi) = self.columns();
        let third = if let Self::Cells { values, .. } = self { Some(values.as_slice()) } else { hi };
        let lengths = [x.len(), lo.len(), third.map_or(lo.len(), <[f64]>::len)];
        if lengths.iter().all(|length| *length == x.len()) {
            return Ok(());
        }
        let other = lengths.iter().find(|length| **length != x.len()).copied().unwrap_or_default();
        Err(Error::usage(format!("{} values of x and {other} of y", x.len())).expected("columns of one length"))
    }
}

/// One pair of axes with its marks.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub(super) scale: Scale,
    pub(super) title: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) y_tick: Option<f64>,
    pub(super) weight: f64,
    pub(super) is_equal: bool,
    pub(super) marks: Vec<Mark>,
}

impl Panel {
    /// An empty panel with the given horizontal axis.
    #[must_use]
    pub fn new(scale: Scale) -> Self {
        let (title, x_label, y_label) = Default::default();
        Self { scale, title, x_label, y_label, y_tick: None, weight: 1.0, is_equal: false, marks: Vec::new() }
    }

    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets what the horizontal axis shows.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// Sets what the vertical axis shows. It is written above the axis, not turned.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Adds a tick to the vertical axis beside the round ones, such as where what is drawn was cut off.
    #[must_use]
    pub fn y_tick(mut self, at: f64) -> Self {
        self.y_tick = Some(at);
        self
    }

    /// Sets the height relative to the other panels of [`Layout::Stacked`] (1 without this call, kept within 0.1 to 10).
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = if weight.is_nan() { 1.0 } else { weight.clamp(0.1, 10.0) };
        self
    }

    /// Makes one unit as long on either axis, so that a circle is round.
    #[must_use]
    pub fn equal_axes(mut self) -> Self {
        self.is_equal = true;
        self
    }

    /// Adds a mark.
    #[must_use]
    pub fn with(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }
}

/// Panels under one title.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) layout: Layout,
    pub(super) panels: Vec<Panel>,
}

impl Figure {
    /// A figure of these panels, [stacked](Layout::Stacked).
    #[must_use]
    pub fn new(panels: Vec<Panel>) -> Self {
        Self { title: String::new(), subtitle: String::new(), layout: Layout::default(), panels }
    }

    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the line below the title. It is wrapped once and then shortened.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets how the panels are arranged.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.panels.is_empty() || self.panels.len() > MAX_PANELS {
            return Err(Error::usage(format!("a figure of {} panels", self.panels.len()))
                .expected(format!("1 to {MAX_PANELS} panels"))
                .hint("show the first panels and say so in the subtitle"));
        }
        for (number, panel) in self.panels.iter().enumerate() {
            for (position, mark) in panel.marks.iter().enumerate() {
                mark.check()
                    .map_err(|error| error.at(format!("mark {}", position + 1)).at(format!("panel {}", number + 1)))?;
            }
        }
        Ok(())
    }
}
