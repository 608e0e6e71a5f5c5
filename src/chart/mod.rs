//! Charts as SVG and PNG, drawn from plain numbers. This room knows no model and opens no file.
//!
//! A [`Figure`] holds [`Panel`]s, a panel holds [`Mark`]s, and [`render`] turns a figure into the bytes of a file. The
//! figure is 900 pixels wide (a PNG has two device pixels per pixel), 480 high with one panel and about 1600 with many.
//!
//! # Rules
//!
//! - NaN, infinities and magnitudes above 10^300 are missing values: they break a line or a band, and leave out a point.
//! - A line of n points costs O(n) time and at most four drawn points per device pixel column: the first, the lowest, the
//!   highest and the last. These are the points that the rasterised line depends on (Jugel, Jerzak, Hackenbroich and
//!   Markl, "M4: A Visualization-Oriented Time Series Data Aggregation", PVLDB 7(10), 2014). Bands keep the lowest
//!   `lo` and the highest `hi` of a column; of points, one per pixel is kept, above 500 of them one per square of up to
//!   sixteen pixels, and always the extreme ones. Of cells below two pixels the darkest is seen.
//! - Only marks with a label are in the legend, which stands above the panels and never covers data.
//! - SVG keeps text as text, in whatever sans serif font the viewer has; PNG uses an embedded subset of DejaVu Sans.
//!   Both are laid out with the widths of the embedded font, so that the same figure gives the same bytes everywhere.
//!
//! # Errors
//!
//! [`render`] refuses a figure without panels or with more than [`MAX_PANELS`], and marks whose columns differ in length.
//! No value of the data is an error.
//!
//! ```
//! use foretoken::chart::{Color, Figure, Format, Mark, Panel, Scale, render};
//!
//! let history = Mark::Line {
//!     x: vec![0.0, 1.0, 2.0],
//!     y: vec![112.0, 118.0, f64::NAN],
//!     color: Color::Ink,
//!     label: Some("history".to_owned()),
//! };
//! let figure = Figure::new(vec![Panel::new(Scale::Number).with(history)]).title("Passengers");
//! let svg = String::from_utf8(render(&figure, Format::Svg)?).expect("SVG is text");
//! assert!(svg.contains("Passengers"));
//! # Ok::<(), foretoken::Error>(())
//! ```

mod axis;
mod calendar;
mod canvas;
mod figure;
mod font;
mod legend;
mod page;
mod panel;
mod reduce;
#[cfg(test)]
mod tests;

pub use canvas::render;
pub use figure::{Color, Figure, Format, Layout, MAX_PANELS, Mark, Panel, Scale, Shape};
