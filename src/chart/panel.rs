//! One panel: its extents, its axes and its marks.

use super::axis::{Axis, Extent, Steps, Tick, number_ticks};
use super::calendar::time_ticks;
use super::canvas::{Anchor, Backend, Canvas, Paint};
use super::figure::{Mark, Panel, Scale, Shape};
use super::font::Face;
use super::legend::{Legend, opacity};
use super::reduce::{self, Point};
use crate::error::Result;

pub(super) const DASHES: (f64, f64) = (6.0, 4.0);
pub(super) const REFERENCE_DASHES: (f64, f64) = (4.0, 3.0);
const TITLE: Face = Face::bold(12.5);
const LABEL: Face = Face::regular(11.0);
const STRONG: Paint = Paint::opaque((33, 37, 41));
const SOFT: Paint = Paint::opaque((92, 99, 106));
const GRID: Paint = Paint::opaque((231, 234, 237));
const AXIS: Paint = Paint::opaque((158, 164, 171));
/// Heights of the lines of text around the axes.
const TITLE_ROW: f64 = 20.0;
const LABEL_ROW: f64 = 17.0;
const TICK_ROW: f64 = 14.0;
const TICK: f64 = 4.0;
/// The room that marks have to the left and right of their extent.
const INSET: f64 = 8.0;
/// The margin above and below the data, relative to their extent.
const PADDING: f64 = 0.05;
/// The least room between two labels of an axis.
const APART: f64 = 16.0;
/// Room above the plot, so that the uppermost tick label does not touch the text above it.
const ABOVE: f64 = 8.0;

/// A rectangle in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A panel with everything that is known before it has a place.
#[derive(Debug)]
pub(super) struct Plan<'f> {
    pub(super) panel: &'f Panel,
    /// Its own legend; empty where the figure has one for all panels.
    pub(super) legend: Legend<'f>,
    pub(super) x: Extent,
    y: Extent,
    /// The spans of the data, before equal axes widen the extents.
    data: (f64, f64),
    /// Whether ticks and their meaning are written under the axis, or stand under a panel below.
    pub(super) names_x: bool,
    x_ticks: Vec<Tick>,
    /// Whether a tick of the horizontal axis has a second line.
    two_lines: bool,
}

impl<'f> Plan<'f> {
    pub(super) fn of(panel: &'f Panel, legend: Legend<'f>) -> Self {
        let (mut x, mut y) = (Extent::EMPTY, Extent::EMPTY);
        for mark in &panel.marks {
            for (at, lo, hi) in mark.known() {
                x.include(at);
                y.include(lo);
                y.include(hi);
            }
            match mark {
                Mark::Stems { .. } => y.include(0.0),
                // Cells have a size.
                Mark::Cells { .. } => mark.known().for_each(|(at, level, _)| {
                    [-0.5, 0.5].iter().for_each(|half| {
                        x.include(at + half);
                        y.include(level + half);
                    });
                }),
                Mark::Horizontal { y: level, .. } => y.include(*level),
                Mark::Vertical { x: at, .. } => x.include(*at),
                _ => {}
            }
        }
        let data = (x.opened(Scale::Number).span(), y.opened(Scale::Number).span());
        Self { panel, legend, x, y, data, names_x: true, x_ticks: Vec::new(), two_lines: panel.scale == Scale::Time }
    }

    fn is_empty(&self) -> bool {
        !self.panel.marks.iter().any(|mark| mark.known().next().is_some())
    }

    /// The height of the text above the plot.
    pub(super) fn header(&self) -> f64 {
        let title = if self.panel.title.is_empty() { 0.0 } else { TITLE_ROW };
        let label = if self.panel.y_label.is_empty() { 0.0 } else { LABEL_ROW };
        title + label + self.legend.height() + ABOVE
    }

    /// The height of the text below the plot.
    pub(super) fn footer(&self) -> f64 {
        if !self.names_x {
            return TICK;
        }
        let ticks = if self.two_lines { 2.0 * TICK_ROW } else { TICK_ROW };
        let label = if self.panel.x_label.is_empty() { 0.0 } else { LABEL_ROW };
        TICK + 2.0 + ticks + label
    }

    /// Chooses the ticks of the horizontal axis for a plot from `left` to `right`, which say how much room they need.
    pub(super) fn choose_x_ticks(&mut self, left: f64, right: f64) {
        if !self.x.is_empty() {
            self.x_ticks = x_ticks(&self.x_axis(left, right), self.panel.scale);
        }
        self.two_lines = self.x_ticks.iter().any(|tick| tick.below.is_some());
    }

    fn x_axis(&self, left: f64, right: f64) -> Axis {
        Axis { extent: self.x.opened(self.panel.scale), from: left + INSET, to: right - INSET }
    }

    fn y_axis(&self, plot: Frame) -> Axis {
        let opened = self.y.opened(Scale::Number);
        let extent = if self.panel.is_equal { opened } else { opened.padded(PADDING) };
        Axis { extent, from: plot.bottom, to: plot.top }
    }

    /// Widens the extents of a panel with equal axes to those of its plot.
    pub(super) fn equalise(&mut self, plot: Frame) {
        if !self.panel.is_equal || self.is_empty() {
            return;
        }
        let (x, y) = (self.x.opened(Scale::Number), self.y.opened(Scale::Number));
        let (width, height) = (plot.right - plot.left - 2.0 * INSET, plot.bottom - plot.top);
        let unit = (self.data.0 / width).max((1.0 + 2.0 * PADDING) * self.data.1 / height);
        self.x = x.centred(unit * width);
        self.y = y.centred(unit * height);
    }

    fn y_ticks(&self, axis: &Axis) -> Vec<Tick> {
        if self.is_empty() {
            return Vec::new();
        }
        let height = axis.from - axis.to;
        let most = (height / 34.0).clamp(2.0, 8.0) as usize;
        let ticks = |most| self.with_own_tick(axis, number_ticks(axis.extent, most, Steps::Fine));
        // One tick says nothing about the scale, as long as there is room for two.
        let apart = |ticks: &[Tick]| ticks.len() as f64 * LABEL.em <= height;
        (most..most + 3).map(ticks).find(|ticks| ticks.len() > 1 && apart(ticks)).unwrap_or_else(|| ticks(most))
    }

    /// Adds the tick that the panel asks for, in place of those whose labels it would touch.
    fn with_own_tick(&self, axis: &Axis, mut ticks: Vec<Tick>) -> Vec<Tick> {
        let Some(at) = self.panel.y_tick.filter(|at| (axis.extent.lo..=axis.extent.hi).contains(at)) else {
            return ticks;
        };
        ticks.retain(|tick| (axis.place(tick.at) - axis.place(at)).abs() >= 1.3 * LABEL.em);
        ticks.push(Tick { at, label: at.to_string().replace('-', "−"), below: None });
        ticks
    }

    /// The room that the labels of the vertical axis need beside the plot.
    pub(super) fn gutter(&self, plot: Frame) -> f64 {
        let ticks = self.y_ticks(&self.y_axis(plot));
        ticks.iter().map(|tick| LABEL.width(&tick.label)).fold(0.0, f64::max) + 8.0
    }

    /// Draws the panel: `cell` is all its room, `plot` the part inside the axes.
    pub(super) fn draw<DB: Backend>(&self, canvas: &Canvas<DB>, cell: Frame, plot: Frame) -> Result<()> {
        let drawing = Drawing { canvas, plot, x: self.x_axis(plot.left, plot.right), y: self.y_axis(plot) };
        self.draw_header(canvas, cell)?;
        drawing.grid(&self.y_ticks(&drawing.y))?;
        for depth in 0..4 {
            for mark in self.panel.marks.iter().filter(|mark| !self.is_empty() && depth_of(mark) == depth) {
                drawing.mark(mark)?;
            }
        }
        if self.is_empty() {
            let middle = (0.5 * (plot.left + plot.right), 0.5 * (plot.top + plot.bottom));
            canvas.text("no values", middle, Anchor::Middle, LABEL, SOFT)?;
        }
        self.draw_footer(&drawing, cell)
    }

    fn draw_header<DB: Backend>(&self, canvas: &Canvas<DB>, cell: Frame) -> Result<()> {
        let (width, mut top) = (cell.right - cell.left, cell.top);
        if !self.panel.title.is_empty() {
            let title = TITLE.fit(&self.panel.title, width);
            canvas.text(&title, (cell.left, top + 13.0), Anchor::Start, TITLE, STRONG)?;
            top += TITLE_ROW;
        }
        self.legend.draw(canvas, (cell.left, top))?;
        top += self.legend.height();
        if !self.panel.y_label.is_empty() {
            canvas.text(&LABEL.fit(&self.panel.y_label, width), (cell.left, top + 12.0), Anchor::Start, LABEL, SOFT)?;
        }
        Ok(())
    }

    fn draw_footer<DB: Backend>(&self, drawing: &Drawing<'_, DB>, cell: Frame) -> Result<()> {
        let plot = drawing.plot;
        drawing.x_axis(&self.x_ticks)?;
        if !self.names_x {
            return Ok(());
        }
        drawing.x_labels(&self.x_ticks, cell)?;
        let label = LABEL.fit(&self.panel.x_label, plot.right - plot.left);
        let (middle, baseline) = (0.5 * (plot.left + plot.right), plot.bottom + self.footer() - 4.0);
        if label.is_empty() {
            return Ok(());
        }
        drawing.canvas.text(&label, (middle, baseline), Anchor::Middle, LABEL, SOFT)
    }
}

/// The order in which marks are drawn, from the back to the front.
fn depth_of(mark: &Mark) -> usize {
    match mark {
        Mark::Band { .. } | Mark::Cells { .. } => 0,
        Mark::Horizontal { .. } | Mark::Vertical { .. } => 1,
        Mark::Line { .. } | Mark::Thin { .. } | Mark::Dashed { .. } | Mark::Stems { .. } => 2,
        Mark::Points { .. } => 3,
    }
}

/// The densest ticks whose labels stand apart.
fn x_ticks(axis: &Axis, scale: Scale) -> Vec<Tick> {
    let fits = |ticks: &[Tick]| {
        ticks.windows(2).all(|pair| {
            let labels = 0.5 * (LABEL.width(&pair[0].label) + LABEL.width(&pair[1].label));
            axis.place(pair[1].at) - axis.place(pair[0].at) >= labels + APART
        })
    };
    if scale == Scale::Time {
        return time_ticks(axis.extent, fits);
    }
    let densest = ((axis.to - axis.from) / 40.0).clamp(1.0, 14.0) as usize;
    (1..=densest)
        .rev()
        .map(|most| number_ticks(axis.extent, most, Steps::Counting))
        .find(|ticks| fits(ticks))
        .unwrap_or_default()
}

/// A panel that has its place.
struct Drawing<'c, DB: Backend> {
    canvas: &'c Canvas<DB>,
    plot: Frame,
    x: Axis,
    y: Axis,
}

impl<DB: Backend> Drawing<'_, DB> {
    /// Horizontal hairlines at the ticks, with their labels.
    fn grid(&self, ticks: &[Tick]) -> Result<()> {
        let Frame { left, right, .. } = self.plot;
        for tick in ticks {
            let y = self.y.place(tick.at).round();
            let paint = if tick.at == 0.0 && self.y.extent.lo < 0.0 { AXIS } else { GRID };
            self.canvas.rectangle((left, y), (right, y + 1.0), paint)?;
            self.canvas.text(&tick.label, (left - 6.0, y + 4.5), Anchor::End, LABEL, SOFT)?;
        }
        Ok(())
    }

    fn x_axis(&self, ticks: &[Tick]) -> Result<()> {
        let bottom = self.plot.bottom.round();
        self.canvas.rectangle((self.plot.left, bottom), (self.plot.right, bottom + 1.0), AXIS)?;
        ticks.iter().try_for_each(|tick| {
            let x = self.x.place(tick.at).round();
            self.canvas.rectangle((x, bottom + 1.0), (x + 1.0, bottom + TICK), AXIS)
        })
    }

    fn x_labels(&self, ticks: &[Tick], cell: Frame) -> Result<()> {
        let mut free = f64::INFINITY;
        let centered = |text: &str, at: f64| {
            let half = 0.5 * LABEL.width(text);
            self.x.place(at).clamp(cell.left + half, (cell.right - half).max(cell.left + half))
        };
        let baseline = self.plot.bottom + TICK + 12.0;
        // From the right, because where two second lines meet, the right one holds for the longer stretch.
        for tick in ticks.iter().rev() {
            let position = (centered(&tick.label, tick.at), baseline);
            self.canvas.text(&tick.label, position, Anchor::Middle, LABEL, SOFT)?;
            let Some(below) = &tick.below else { continue };
            let (center, half) = (centered(below, tick.at), 0.5 * LABEL.width(below));
            if center + half < free {
                self.canvas.text(below, (center, baseline + TICK_ROW), Anchor::Middle, LABEL, SOFT)?;
                free = center - half - 6.0;
            }
        }
        Ok(())
    }

    fn point(&self, x: f64, y: f64) -> Option<Point> {
        let known = super::axis::drawable(x) && super::axis::drawable(y);
        known.then(|| (self.x.place(x), self.y.place(y)))
    }

    fn mark(&self, mark: &Mark) -> Result<()> {
        let paint = Paint::opaque(mark.color().rgb());
        match mark {
            Mark::Line { x, y, .. } => self.line(x, y, paint, None),
            Mark::Thin { x, y, .. } => self.thin(x, y, Paint { opacity: opacity(mark), ..paint }),
            Mark::Dashed { x, y, .. } => self.line(x, y, paint, Some(DASHES)),
            Mark::Band { x, lo, hi, .. } => self.band(x, lo, hi, Paint { opacity: opacity(mark), ..paint }),
            Mark::Points { x, y, shape, .. } => self.points(x, y, *shape, paint),
            Mark::Stems { x, y, .. } => self.stems(x, y, paint),
            Mark::Cells { x, y, values, full, .. } => self.cells(x, y, values, *full, paint),
            Mark::Horizontal { y, .. } if super::axis::drawable(*y) => {
                let level = self.y.place(*y);
                self.reference([(self.plot.left, level), (self.plot.right, level)], paint)
            }
            Mark::Vertical { x, .. } if super::axis::drawable(*x) => {
                let at = self.x.place(*x);
                self.reference([(at, self.plot.bottom), (at, self.plot.top)], paint)
            }
            Mark::Horizontal { .. } | Mark::Vertical { .. } => Ok(()),
        }
    }

    fn reference(&self, line: [Point; 2], paint: Paint) -> Result<()> {
        self.canvas.dashes(&line, paint, 1.25, REFERENCE_DASHES)
    }

    fn thin(&self, x: &[f64], y: &[f64], paint: Paint) -> Result<()> {
        reduce::line(x.iter().zip(y).map(|(x, y)| self.point(*x, *y)))
            .into_iter()
            .try_for_each(|run| self.canvas.path(&run, paint, 0.75))
    }

    fn line(&self, x: &[f64], y: &[f64], paint: Paint, dashes: Option<(f64, f64)>) -> Result<()> {
        let width: f64 = match x.len() as f64 / (self.x.to - self.x.from) {
            ..0.5 => 1.75,
            ..1.5 => 1.25,
            ..5.0 => 1.0,
            // What lies behind a dense line is to be seen beside it.
            _ => 0.75,
        };
        for run in reduce::line(x.iter().zip(y).map(|(x, y)| self.point(*x, *y))) {
            match (run.as_slice(), dashes) {
                // A value between two missing ones has no line, but it is there.
                ([alone], _) => self.canvas.disc(*alone, width.max(1.5), paint)?,
                (run, Some(dashes)) => self.canvas.dashes(run, paint, width, dashes)?,
                (run, None) => self.canvas.path(run, paint, width)?,
            }
        }
        Ok(())
    }

    fn band(&self, x: &[f64], lo: &[f64], hi: &[f64], paint: Paint) -> Result<()> {
        let slices = x.iter().zip(lo).zip(hi).map(|((x, lo), hi)| {
            let ((x, lo), (_, hi)) = (self.point(*x, *lo)?, self.point(*x, *hi)?);
            Some((x, lo, hi))
        });
        for run in reduce::band(slices) {
            if let [(x, lo, hi)] = run[..] {
                self.canvas.rectangle((x - 3.0, hi), (x + 3.0, lo), paint)?;
                continue;
            }
            let upper = run.iter().map(|(x, _, hi)| (*x, *hi));
            let lower = run.iter().rev().map(|(x, lo, _)| (*x, *lo));
            self.canvas.polygon(&upper.chain(lower).collect::<Vec<_>>(), paint)?;
        }
        Ok(())
    }

    fn points(&self, x: &[f64], y: &[f64], shape: Shape, paint: Paint) -> Result<()> {
        let Frame { left, top, right, bottom } = self.plot;
        let known = x.iter().zip(y).filter_map(|(x, y)| self.point(*x, *y)).map(|(x, y)| (x - left, y - top));
        let kept = reduce::scatter(known, right - left, bottom - top);
        let radius = match kept.len() {
            ..=400 => 2.75,
            401..=3000 => 2.0,
            _ => 1.25,
        };
        kept.iter().try_for_each(|(x, y)| draw_point(self.canvas, (x + left, y + top), shape, radius, paint))
    }

    /// Rectangles between whole pixels, so that neighbours leave no seam, merged along rows where they look alike.
    fn cells(&self, x: &[f64], y: &[f64], values: &[f64], full: f64, paint: Paint) -> Result<()> {
        let known = x
            .iter()
            .zip(y)
            .zip(values)
            .filter(|((x, y), value)| super::axis::drawable(**x) && super::axis::drawable(**y) && !value.is_nan());
        let cells = known.map(|((x, y), value)| {
            let (left, right) = (self.x.place(x - 0.5), self.x.place(x + 0.5));
            let (top, bottom) = (self.y.place(y + 0.5), self.y.place(y - 0.5));
            ([left, right, top, bottom], if full > 0.0 { value / full } else { 0.0 })
        });
        reduce::cells(cells)
            .iter()
            .try_for_each(|(from, to, shade)| self.canvas.rectangle(*from, *to, paint.on_white(*shade)))
    }

    fn stems(&self, x: &[f64], y: &[f64], paint: Paint) -> Result<()> {
        let half = (0.25 * (self.x.to - self.x.from) / x.len().max(1) as f64).clamp(0.5, 3.0);
        let zero = self.y.place(0.0);
        for (x, y) in reduce::line(x.iter().zip(y).map(|(x, y)| self.point(*x, *y))).into_iter().flatten() {
            self.canvas.rectangle((x - half, y.min(zero)), (x + half, y.max(zero)), paint)?;
        }
        Ok(())
    }
}

/// One point of the given shape.
pub(super) fn draw_point<DB: Backend>(
    canvas: &Canvas<DB>,
    (x, y): Point,
    shape: Shape,
    radius: f64,
    paint: Paint,
) -> Result<()> {
    match shape {
        Shape::Dot => canvas.disc((x, y), radius, paint),
        Shape::Ring => {
            canvas.disc((x, y), radius + 1.0, paint)?;
            canvas.disc((x, y), radius - 0.5, Paint::WHITE)
        }
        Shape::Cross => {
            let arm = radius + 0.25;
            canvas.path(&[(x - arm, y - arm), (x + arm, y + arm)], paint, 1.5)?;
            canvas.path(&[(x - arm, y + arm), (x + arm, y - arm)], paint, 1.5)
        }
    }
}
