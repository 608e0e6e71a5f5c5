//! Drawing on either backend of plotters with one geometry: logical pixels as floating point, text on a baseline.
//!
//! Plotters' backends take whole pixels. Both are therefore given four units per logical pixel. SVG says so in its
//! `viewBox`; PNG averages two by two units into a device pixel, which also smooths its edges.

use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, Circle, DrawingArea, DrawingBackend, IntoDrawingArea, IntoFont, PathElement, Polygon, RGBAColor,
    Rectangle, SVGBackend, ShapeStyle, Text, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figure::{Figure, Format};
use super::font::Face;
use super::page::Page;
use super::reduce::Point;
use crate::error::{Error, Result};

/// Units of the backends per logical pixel.
const UNITS: u32 = 4;
/// Units of the backends per device pixel of a PNG.
const UNITS_PER_DEVICE_PIXEL: u32 = 2;
/// Device pixels per metre of a PNG: twice 96 per inch, so that viewers show it at its logical size.
const PIXELS_PER_METRE: u32 = 7559;
/// The embedded font first, so that widths agree where it is installed; the second has the same widths.
const FAMILIES: &str = "DejaVu Sans, Verdana, sans-serif";

/// Draws a figure and gives the bytes of the file.
///
/// # Errors
/// If the figure has no panels or more than [`MAX_PANELS`](super::MAX_PANELS), or if the columns of a mark differ in
/// length.
pub fn render(figure: &Figure, format: Format) -> Result<Vec<u8>> {
    figure.check()?;
    let page = Page::of(figure);
    match format {
        Format::Svg => svg(&page),
        Format::Png => png(&page),
    }
}

fn svg(page: &Page<'_>) -> Result<Vec<u8>> {
    let (width, height) = page.size();
    let mut drawing = String::new();
    let backend = SVGBackend::with_string(&mut drawing, (UNITS * width, UNITS * height));
    page.draw(&Canvas::new(backend, Format::Svg))?;
    // The opening tag that plotters writes has no room for a logical size or for the joins of lines.
    let body = drawing.find('>').map_or("", |end| &drawing[end + 1..]);
    let opening = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
         stroke-linejoin=\"round\">",
        UNITS * width,
        UNITS * height
    );
    Ok((opening + body).into_bytes())
}

fn png(page: &Page<'_>) -> Result<Vec<u8>> {
    let (width, height) = page.size();
    let fine = (UNITS * width, UNITS * height);
    let mut pixels = vec![255; 3 * fine.0 as usize * fine.1 as usize];
    page.draw(&Canvas::new(BitMapBackend::with_buffer(&mut pixels, fine), Format::Png))?;
    let size = (fine.0 / UNITS_PER_DEVICE_PIXEL, fine.1 / UNITS_PER_DEVICE_PIXEL);
    encode(&averaged(&pixels, size), size).map_err(|error| Error::io("the PNG could not be encoded").caused_by(error))
}

/// An image of the given size, each pixel the mean of a square of an image that is finer.
fn averaged(fine: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let square = UNITS_PER_DEVICE_PIXEL as usize;
    let (width, height) = (width as usize, height as usize);
    let stride = 3 * width * square;
    let mut image = Vec::with_capacity(3 * width * height);
    for row in 0..height {
        for position in (0..3 * width).map(|channel| channel / 3 * 3 * square + channel % 3) {
            let corner = row * square * stride + position;
            let offsets = (0..square).flat_map(|down| (0..square).map(move |right| down * stride + 3 * right));
            let sum: usize = offsets.map(|offset| usize::from(fine[corner + offset])).sum();
            image.push((sum / (square * square)) as u8);
        }
    }
    image
}

fn encode(image: &[u8], (width, height): (u32, u32)) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: PIXELS_PER_METRE,
        yppu: PIXELS_PER_METRE,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(image)?;
    writer.finish()?;
    Ok(bytes)
}

/// A colour with its opacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Paint {
    pub(super) rgb: (u8, u8, u8),
    pub(super) opacity: f64,
}

impl Paint {
    pub(super) const WHITE: Self = Self::opaque((255, 255, 255));

    pub(super) const fn opaque(rgb: (u8, u8, u8)) -> Self {
        Self { rgb, opacity: 1.0 }
    }

    /// This colour laid over white with an opacity from 0 to 1, as an opaque one.
    pub(super) fn on_white(self, opacity: f64) -> Self {
        let mixed = |own: u8| (255.0 + opacity * (f64::from(own) - 255.0)).round() as u8;
        Self::opaque((mixed(self.rgb.0), mixed(self.rgb.1), mixed(self.rgb.2)))
    }

    fn color(self) -> RGBAColor {
        RGBAColor(self.rgb.0, self.rgb.1, self.rgb.2, self.opacity)
    }

    fn filled(self) -> ShapeStyle {
        ShapeStyle { color: self.color(), filled: true, stroke_width: 0 }
    }

    fn stroke(self, width: f64) -> ShapeStyle {
        ShapeStyle { color: self.color(), filled: false, stroke_width: units(width).max(1) as u32 }
    }
}

/// Which point of a text stands at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A backend of plotters whose errors can be kept.
pub(super) trait Backend: DrawingBackend<ErrorType: 'static> {}

impl<DB: DrawingBackend<ErrorType: 'static>> Backend for DB {}

/// A drawing area in logical pixels.
pub(super) struct Canvas<DB: Backend> {
    area: DrawingArea<DB, Shift>,
    format: Format,
}

fn units(length: f64) -> i32 {
    (length * f64::from(UNITS)).round() as i32
}

fn at(point: Point) -> (i32, i32) {
    (units(point.0), units(point.1))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::io("the chart could not be drawn").caused_by(error)
}

impl<DB: Backend> Canvas<DB> {
    fn new(backend: DB, format: Format) -> Self {
        Self { area: backend.into_drawing_area(), format }
    }

    /// Ends the drawing.
    pub(super) fn finish(&self) -> Result<()> {
        self.area.present().map_err(failed)
    }

    /// A line through the points. The bitmap backend fills the outline of a path by the even-odd rule, which leaves
    /// holes where a path crosses itself, so it is given segments and the discs that join them.
    pub(super) fn path(&self, points: &[Point], paint: Paint, width: f64) -> Result<()> {
        if self.format == Format::Svg {
            let path: Vec<_> = points.iter().copied().map(at).collect();
            return self.area.draw(&PathElement::new(path, paint.stroke(width))).map_err(failed);
        }
        for pair in points.windows(2) {
            self.area.draw(&PathElement::new([at(pair[0]), at(pair[1])], paint.stroke(width))).map_err(failed)?;
        }
        // A disc as wide as the line would show, because its edge is smoothed outwards.
        let radius = (units(0.5 * width) - 1).max(1);
        let joints = points.get(1..points.len().saturating_sub(1)).unwrap_or_default();
        joints
            .iter()
            .try_for_each(|point| self.area.draw(&Circle::new(at(*point), radius, paint.filled())).map_err(failed))
    }

    /// A dashed line through the points.
    pub(super) fn dashes(&self, points: &[Point], paint: Paint, width: f64, (on, off): (f64, f64)) -> Result<()> {
        let mut dash: Vec<Point> = points.first().copied().into_iter().collect();
        let (mut left, mut drawing) = (on, true);
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let mut done = 0.0;
            while length - done > left {
                done += left;
                let share = done / length;
                dash.push((from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1)));
                if drawing {
                    self.path(&dash, paint, width)?;
                }
                dash.drain(..dash.len() - 1);
                drawing = !drawing;
                left = if drawing { on } else { off };
            }
            left -= length - done;
            dash.push(to);
        }
        if drawing && dash.len() > 1 { self.path(&dash, paint, width) } else { Ok(()) }
    }

    /// A filled polygon.
    pub(super) fn polygon(&self, points: &[Point], paint: Paint) -> Result<()> {
        let corners: Vec<_> = points.iter().copied().map(at).collect();
        self.area.draw(&Polygon::new(corners, paint.filled())).map_err(failed)
    }

    /// A filled rectangle.
    pub(super) fn rectangle(&self, from: Point, to: Point, paint: Paint) -> Result<()> {
        self.area.draw(&Rectangle::new([at(from), at(to)], paint.filled())).map_err(failed)
    }

    /// A filled disc.
    pub(super) fn disc(&self, center: Point, radius: f64, paint: Paint) -> Result<()> {
        self.area.draw(&Circle::new(at(center), units(radius).max(1), paint.filled())).map_err(failed)
    }

    /// One line of text, with the baseline at `position`.
    pub(super) fn text(&self, text: &str, position: Point, anchor: Anchor, face: Face, paint: Paint) -> Result<()> {
        match self.format {
            Format::Svg => self.written(text, position, anchor, face, paint),
            Format::Png => self.painted(text, position, anchor, face, paint),
        }
    }

    /// Text as text. Plotters sets `size / 1.24` as the font size, and for [`VPos::Top`] lowers the baseline by 0.76 em.
    fn written(&self, text: &str, (x, y): Point, anchor: Anchor, face: Face, paint: Paint) -> Result<()> {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = (FAMILIES, 1.24 * face.em * f64::from(UNITS)).into_font();
        let font = if face.bold { font.style(plotters::style::FontStyle::Bold) } else { font };
        let color = paint.color();
        let style = TextStyle::from(font).color(&color).pos(Pos::new(horizontal, VPos::Top));
        self.area.draw(&Text::new(text, at((x, y - 0.76 * face.em)), style)).map_err(failed)
    }

    /// Text as pixels of the embedded font.
    fn painted(&self, text: &str, (x, y): Point, anchor: Anchor, face: Face, paint: Paint) -> Result<()> {
        let shift = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -0.5 * face.width(text),
            Anchor::End => -face.width(text),
        };
        let (left, baseline) = at((x + shift, y));
        let fine = Face { em: face.em * f64::from(UNITS), ..face };
        let mut drawn = Ok(());
        fine.paint(text, |right, down, coverage| {
            if drawn.is_ok() && coverage > 0.0 {
                let color = Paint { opacity: coverage * paint.opacity, ..paint }.color();
                drawn = self.area.draw_pixel((left + right, baseline + down), &color);
            }
        });
        drawn.map_err(failed)
    }
}
