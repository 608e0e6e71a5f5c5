//! Where everything stands: title, legend, and a frame for every panel.

use super::axis::Extent;
use super::canvas::{Anchor, Backend, Canvas, Paint};
use super::figure::{Figure, Layout, Scale};
use super::font::Face;
use super::legend::Legend;
use super::panel::{Frame, Plan};
use crate::error::Result;

const WIDTH: f64 = 900.0;
const MARGIN: f64 = 24.0;
const ABOVE: f64 = 18.0;
const BELOW: f64 = 16.0;
/// The room between panels.
const GAP: f64 = 18.0;
/// The room between panels of a stack that is higher than this many.
const CROWDED: (usize, f64) = (8, 8.0);
const TITLE: Face = Face::bold(17.0);
const SUBTITLE: Face = Face::regular(12.0);
const STRONG: Paint = Paint::opaque((33, 37, 41));
const SOFT: Paint = Paint::opaque((92, 99, 106));
const TITLE_ROW: f64 = 24.0;
const SUBTITLE_ROW: f64 = 17.0;
const LEGEND_GAP: f64 = 8.0;
const SINGLE_HEIGHT: f64 = 480.0;
const GREATEST_HEIGHT: f64 = 1600.0;
/// What a further stacked panel of weight 1 adds to the height.
const STACKED_MORE: f64 = 190.0;
/// A plot is never lower, even if the figure then grows.
const LEAST_PLOT: f64 = 24.0;

/// A figure with all its measures.
#[derive(Debug)]
pub(super) struct Page<'f> {
    title: String,
    subtitle: Vec<String>,
    /// The legend that holds for all panels.
    legend: Legend<'f>,
    panels: Vec<(Plan<'f>, Frame, Frame)>,
    height: f64,
}

impl<'f> Page<'f> {
    /// Measures and places everything of a figure.
    pub(super) fn of(figure: &'f Figure) -> Self {
        let inside = WIDTH - 2.0 * MARGIN;
        let (legend, mut plans) = legends(figure, inside);
        if figure.layout == Layout::Stacked {
            share_x(&mut plans);
        }
        let mut page = Self {
            title: TITLE.fit(&figure.title, inside),
            subtitle: SUBTITLE.wrap(&figure.subtitle, inside, 2),
            legend,
            panels: Vec::new(),
            height: 0.0,
        };
        let top = page.header();
        let place = |plans: &[Plan<'_>]| match figure.layout {
            Layout::Stacked => stacked(plans, top),
            Layout::Grid => grid(plans, top),
        };
        // The ticks of a horizontal axis depend on its length, and how high the plots are on the lines of those ticks.
        let (cells, _) = place(&plans);
        choose_x(&mut plans, &cells);
        let (cells, bottom) = place(&plans);
        let gutter = choose_x(&mut plans, &cells);
        let inside_axes = |plot: Frame| Frame { left: plot.left + gutter, ..plot };
        page.panels =
            plans.into_iter().zip(cells).map(|(plan, (cell, plot))| (plan, cell, inside_axes(plot))).collect();
        page.height = (bottom + BELOW).ceil();
        page
    }

    /// Width and height in logical pixels.
    pub(super) fn size(&self) -> (u32, u32) {
        (WIDTH as u32, self.height as u32)
    }

    /// Where the panels begin.
    fn header(&self) -> f64 {
        let title = if self.title.is_empty() { 0.0 } else { TITLE_ROW };
        let text = title + SUBTITLE_ROW * self.subtitle.len() as f64;
        let legend = if self.legend.is_empty() { 0.0 } else { self.legend.height() + LEGEND_GAP };
        ABOVE + text + if text > 0.0 { 8.0 } else { 0.0 } + legend
    }

    /// Draws everything and ends the drawing.
    pub(super) fn draw<DB: Backend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        canvas.rectangle((0.0, 0.0), (WIDTH, self.height), Paint::WHITE)?;
        let mut top = ABOVE;
        if !self.title.is_empty() {
            canvas.text(&self.title, (MARGIN, top + 16.0), Anchor::Start, TITLE, STRONG)?;
            top += TITLE_ROW;
        }
        for line in &self.subtitle {
            canvas.text(line, (MARGIN, top + 12.0), Anchor::Start, SUBTITLE, SOFT)?;
            top += SUBTITLE_ROW;
        }
        self.legend.draw(canvas, (MARGIN, self.header() - self.legend.height() - LEGEND_GAP))?;
        for (plan, cell, plot) in &self.panels {
            plan.draw(canvas, *cell, *plot)?;
        }
        canvas.finish()
    }
}

/// Chooses extents and ticks of the horizontal axes in their cells; the gutter beside the plots.
fn choose_x(plans: &mut [Plan<'_>], cells: &[(Frame, Frame)]) -> f64 {
    let gutter = widest_gutter(plans, cells);
    for (plan, (_, plot)) in plans.iter_mut().zip(cells) {
        plan.equalise(Frame { left: plot.left + gutter, ..*plot });
        plan.choose_x_ticks(plot.left + gutter, plot.right);
    }
    gutter
}

/// One gutter for all panels, so that their axes stand in line.
fn widest_gutter(plans: &[Plan<'_>], cells: &[(Frame, Frame)]) -> f64 {
    plans.iter().zip(cells).map(|(plan, (_, plot))| plan.gutter(*plot)).fold(0.0, f64::max)
}

/// One legend for the figure where it is a grid or all panels say the same, else one for each panel.
fn legends(figure: &Figure, width: f64) -> (Legend<'_>, Vec<Plan<'_>>) {
    let own: Vec<_> = figure.panels.iter().map(|panel| Legend::of(panel.marks.iter(), width)).collect();
    let spoken: Vec<_> = own.iter().filter(|legend| !legend.is_empty()).collect();
    let same = spoken.windows(2).all(|pair| pair[0].says_the_same(pair[1]));
    let none = || std::iter::empty();
    if figure.layout == Layout::Grid || (same && spoken.len() == own.len()) {
        let all = Legend::of(figure.panels.iter().flat_map(|panel| &panel.marks), width);
        let plans = figure.panels.iter().map(|panel| Plan::of(panel, Legend::of(none(), width))).collect();
        return (all, plans);
    }
    let plans = figure.panels.iter().zip(own).map(|(panel, legend)| Plan::of(panel, legend)).collect();
    (Legend::of(none(), width), plans)
}

/// Gives panels of the same scale the same horizontal extent, and names it once under neighbours that agree.
fn share_x(plans: &mut [Plan<'_>]) {
    for scale in [Scale::Number, Scale::Time] {
        let same = |plan: &&mut Plan<'_>| plan.panel.scale == scale;
        let shared = plans.iter_mut().filter(same).fold(Extent::EMPTY, |shared, plan| shared.union(plan.x));
        plans.iter_mut().filter(same).for_each(|plan| plan.x = shared);
    }
    for upper in 0..plans.len().saturating_sub(1) {
        let (panel, next) = (plans[upper].panel, plans[upper + 1].panel);
        let agree = panel.x_label.is_empty() || panel.x_label == next.x_label;
        plans[upper].names_x = panel.scale != next.scale || !agree;
    }
}

/// The cell and the plot of every panel, and where the last one ends.
type Places = (Vec<(Frame, Frame)>, f64);

fn stacked(plans: &[Plan<'_>], top: f64) -> Places {
    let gap = if plans.len() > CROWDED.0 { CROWDED.1 } else { GAP };
    let more = (plans.len() - 1) as f64;
    let height = (SINGLE_HEIGHT + STACKED_MORE * more).min(GREATEST_HEIGHT);
    let text: f64 = plans.iter().map(|plan| plan.header() + plan.footer()).sum();
    let room = height - top - BELOW - text - gap * more;
    let weights: f64 = plans.iter().map(|plan| plan.panel.weight).sum();
    let mut places = Vec::with_capacity(plans.len());
    let mut top = top;
    for plan in plans {
        let plot = (room * plan.panel.weight / weights).max(LEAST_PLOT);
        let cell =
            Frame { left: MARGIN, top, right: WIDTH - MARGIN, bottom: top + plan.header() + plot + plan.footer() };
        places.push((cell, Frame { top: top + plan.header(), bottom: top + plan.header() + plot, ..cell }));
        top = cell.bottom + gap;
    }
    (places, top - gap)
}

fn grid(plans: &[Plan<'_>], top: f64) -> Places {
    let (columns, height) = match plans.len() {
        ..=1 => (1, SINGLE_HEIGHT - top - BELOW + GAP),
        2 => (2, 320.0),
        3..=4 => (2, 270.0),
        _ => (3, 200.0),
    };
    let rows = plans.len().div_ceil(columns);
    let height = height.min((GREATEST_HEIGHT - top - BELOW) / rows as f64);
    let width = (WIDTH - 2.0 * MARGIN - GAP * (columns - 1) as f64) / columns as f64;
    let (mut places, mut top) = (Vec::with_capacity(plans.len()), top);
    for row in plans.chunks(columns) {
        let header = row.iter().map(Plan::header).fold(0.0, f64::max);
        let footer = row.iter().map(Plan::footer).fold(0.0, f64::max);
        let plot = (height - GAP - header - footer).max(LEAST_PLOT);
        for column in 0..row.len() {
            let left = MARGIN + column as f64 * (width + GAP);
            let cell = Frame { left, top, right: left + width, bottom: top + header + plot + footer };
            places.push((cell, Frame { top: top + header, bottom: top + header + plot, ..cell }));
        }
        top += header + plot + footer + GAP;
    }
    (places, top - GAP)
}
