//! Fewer points with the same picture: everything here runs once over pixel positions and keeps extremes.

use std::collections::BTreeMap;

/// The width of a column of device pixels, in logical pixels.
const COLUMN: f64 = 0.5;

/// A position in logical pixels.
pub(super) type Point = (f64, f64);

/// What a column of pixels keeps of the points that fall into it, with the order they came in.
#[derive(Debug, Clone, Copy)]
struct Column {
    index: i64,
    first: (usize, Point),
    least: (usize, Point),
    greatest: (usize, Point),
    last: (usize, Point),
}

impl Column {
    fn new(index: i64, order: usize, point: Point) -> Self {
        let entry = (order, point);
        Self { index, first: entry, least: entry, greatest: entry, last: entry }
    }

    fn add(&mut self, order: usize, point: Point) {
        if point.1 < self.least.1.1 {
            self.least = (order, point);
        }
        if point.1 > self.greatest.1.1 {
            self.greatest = (order, point);
        }
        self.last = (order, point);
    }

    fn flush(self, run: &mut Vec<Point>) {
        let mut kept = [self.first, self.least, self.greatest, self.last];
        kept.sort_by_key(|(order, _)| *order);
        for (position, (order, point)) in kept.iter().enumerate() {
            if position == 0 || kept[position - 1].0 != *order {
                run.push(*point);
            }
        }
    }
}

fn column(x: f64) -> i64 {
    (x / COLUMN).floor() as i64
}

/// The unbroken runs of a line, with the first, lowest, highest and last point of every visit to a column (M4).
/// `None` is a missing value.
pub(super) fn line(points: impl Iterator<Item = Option<Point>>) -> Vec<Vec<Point>> {
    let mut runs = vec![Vec::new()];
    let mut open: Option<Column> = None;
    for (order, point) in points.enumerate() {
        let run = runs.last_mut().expect("there is always a run");
        match (point, &mut open) {
            (Some(point), Some(now)) if now.index == column(point.0) => now.add(order, point),
            (Some(point), now) => {
                if let Some(done) = now.replace(Column::new(column(point.0), order, point)) {
                    done.flush(run);
                }
            }
            (None, now) => {
                if let Some(done) = now.take() {
                    done.flush(run);
                    runs.push(Vec::new());
                }
            }
        }
    }
    if let (Some(done), Some(run)) = (open, runs.last_mut()) {
        done.flush(run);
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// One edge-to-edge slice of a band: x, and the pixels of its lower and upper edge.
pub(super) type Slice = (f64, f64, f64);

/// The unbroken runs of a band. A column with several slices becomes one over their hull, from the first x to the last.
pub(super) fn band(slices: impl Iterator<Item = Option<Slice>>) -> Vec<Vec<Slice>> {
    let mut runs: Vec<Vec<Slice>> = vec![Vec::new()];
    let mut open: Option<(i64, f64, Slice)> = None;
    let flush = |run: &mut Vec<Slice>, (_, first, (last, lo, hi)): (i64, f64, Slice)| {
        run.push((first, lo, hi));
        if first != last {
            run.push((last, lo, hi));
        }
    };
    for slice in slices {
        let run = runs.last_mut().expect("there is always a run");
        match (slice, &mut open) {
            (Some((x, a, b)), Some((index, _, (last, lo, hi)))) if *index == column(x) => {
                (*last, *lo, *hi) = (x, lo.max(a.max(b)), hi.min(a.min(b)));
            }
            (Some((x, a, b)), now) => {
                // Pixels grow downwards: the lower edge has the greater one.
                if let Some(done) = now.replace((column(x), x, (x, a.max(b), a.min(b)))) {
                    flush(run, done);
                }
            }
            (None, now) => {
                if let Some(done) = now.take() {
                    flush(run, done);
                    runs.push(Vec::new());
                }
            }
        }
    }
    if let (Some(done), Some(run)) = (open, runs.last_mut()) {
        flush(run, done);
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// More points than this are thinned until they leave something to see of each other and of what lies below, or
/// [`COARSEST`] is reached.
const MANY_POINTS: usize = 500;
/// The width of the largest square of which one point is kept, in pixels: twice that of a point.
const COARSEST: f64 = 16.0;

/// One point of every pixel that has one, or of every square of 2 to 16 pixels where they are many; where an extreme
/// point shares a square, it is the one that stays.
pub(super) fn scatter(points: impl Iterator<Item = Point> + Clone, width: f64, height: f64) -> Vec<Point> {
    let mut square = 1.0;
    let mut kept = one_per_square(points, width, height, square);
    while kept.len() > MANY_POINTS && square < COARSEST {
        square *= 2.0;
        kept = one_per_square(kept.iter().copied(), width, height, square);
    }
    kept
}

fn one_per_square(points: impl Iterator<Item = Point> + Clone, width: f64, height: f64, square: f64) -> Vec<Point> {
    let count = |length: f64| (length.max(0.0) / square) as usize + 2;
    let (columns, rows) = (count(width), count(height));
    let mut taken = vec![false; columns * rows];
    let inside = |value: f64, count: usize| ((value.max(0.0) / square) as usize).min(count - 1);
    extremes(points.clone())
        .into_iter()
        .chain(points)
        .filter(|(x, y)| !std::mem::replace(&mut taken[inside(*y, rows) * columns + inside(*x, columns)], true))
        .collect()
}

/// The lowest, highest, leftmost and rightmost point.
fn extremes(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut kept: Option<[Point; 4]> = None;
    for point in points {
        let [left, right, top, bottom] = *kept.get_or_insert([point; 4]);
        let beyond = [point.0 < left.0, point.0 > right.0, point.1 < top.1, point.1 > bottom.1];
        for (extreme, beyond) in kept.iter_mut().flatten().zip(beyond) {
            if beyond {
                *extreme = point;
            }
        }
    }
    kept.map_or_else(Vec::new, Vec::from)
}

/// Cells whose corners share a square of this width, in pixels, become one.
const SMALLEST_CELL: f64 = 2.0;
/// So many shades are told apart.
const SHADES: f64 = 64.0;

/// A rectangle from one corner to the other, and its shade from 0 to 1.
pub(super) type Cell = (Point, Point, f64);

/// Cells, given as left, right, top and bottom with a shade, between whole pixels. Of those too small to be seen the
/// darkest is seen over all of them; neighbours of a row that look alike are one.
pub(super) fn cells(all: impl Iterator<Item = ([f64; 4], f64)>) -> Vec<Cell> {
    let mut squares: BTreeMap<(i64, i64), Cell> = BTreeMap::new();
    for ([left, right, top, bottom], shade) in all {
        let (from, to) = ((left.round(), top.round()), (right.round(), bottom.round()));
        let shade = (shade.clamp(0.0, 1.0) * SHADES).round() / SHADES;
        let square = |at: f64| (at / SMALLEST_CELL).floor() as i64;
        squares
            .entry((square(top), square(left)))
            .and_modify(|(first, last, darkest)| {
                *first = (first.0.min(from.0), first.1.min(from.1));
                *last = (last.0.max(to.0), last.1.max(to.1));
                *darkest = darkest.max(shade);
            })
            .or_insert((from, to, shade));
    }
    let mut kept: Vec<Cell> = Vec::new();
    for (from, to, shade) in squares.into_values() {
        match kept.last_mut() {
            Some((first, last, own)) if *own == shade && (first.1, last.0, last.1) == (from.1, from.0, to.1) => {
                *last = to;
            }
            _ => kept.push((from, to, shade)),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_keeps_first_least_greatest_and_last() {
        let ys = [5.0, 6.0, 9.0, 7.0, 1.0, 4.0, 3.0];
        let runs = line(ys.iter().enumerate().map(|(i, y)| Some((0.01 * i as f64, *y))));
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].iter().map(|point| point.1).collect::<Vec<_>>(), [5.0, 9.0, 1.0, 3.0]);
    }

    #[test]
    fn a_long_line_keeps_its_spike_and_its_ends() {
        let points = (0..100_000).map(|i| Some((i as f64 * 0.008, if i == 54_321 { -7.0 } else { f64::from(i % 3) })));
        let runs = line(points);
        assert!(runs[0].len() <= 4 * 1600, "{}", runs[0].len());
        assert!(runs[0].iter().any(|point| point.1 == -7.0));
        assert_eq!((runs[0][0].0, runs[0].last().expect("points").0), (0.0, 99_999.0 * 0.008));
    }

    #[test]
    fn missing_values_break_runs() {
        let some = |x: f64| Some((x, 0.0));
        let runs = line([None, some(0.0), some(1.0), None, None, some(2.0), None].into_iter());
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        assert!(line(std::iter::empty()).is_empty());
        let slices = band([Some((0.0, 1.0, 0.0)), None, Some((1.0, 1.0, 0.0)), Some((2.0, 1.0, 0.0))].into_iter());
        assert_eq!(slices.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_band_keeps_the_hull_of_a_column() {
        let runs = band([Some((0.0, 5.0, 4.0)), Some((0.1, 6.0, 5.5)), Some((0.2, 5.0, 1.0))].into_iter());
        assert_eq!(runs, [vec![(0.0, 6.0, 1.0), (0.2, 6.0, 1.0)]]);
    }

    #[test]
    fn a_scatter_keeps_extremes_and_one_point_per_pixel() {
        let points = [(1.1, 1.1), (1.2, 1.2), (1.9, 1.9), (5.0, 3.0), (5.5, 3.5)];
        let kept = scatter(points.into_iter(), 10.0, 10.0);
        assert_eq!(kept, [(1.1, 1.1), (5.5, 3.5)]);
        assert!(scatter(std::iter::empty(), 10.0, 10.0).is_empty());
    }

    #[test]
    fn many_points_are_one_per_square_and_keep_extremes() {
        let cloud = |i: i32| (f64::from(i * 37 % 800), 100.0 + f64::from(i * 101 % 50));
        let points = (0..50_000).map(|i| if i == 777 { (401.0, 3.0) } else { cloud(i) });
        let kept = scatter(points, 800.0, 300.0);
        assert!(kept.len() > MANY_POINTS / 4 && kept.len() <= MANY_POINTS, "{}", kept.len());
        assert!(kept.contains(&(401.0, 3.0)));
        let few = (0..400).map(|i| (f64::from(i % 20), f64::from(i / 20)));
        assert_eq!(scatter(few, 800.0, 300.0).len(), 400);
    }

    #[test]
    fn small_cells_are_as_dark_as_the_darkest_and_alike_ones_are_one() {
        // Rows of four cells of 10 pixels: the first two look alike.
        let row = |top: f64, shades: [f64; 4]| {
            (0..4).map(move |i| ([10.0 * i as f64, 10.0 * (i + 1) as f64, top, top + 10.0], shades[i]))
        };
        let kept = cells(row(0.0, [0.5, 0.501, 0.25, 9.0]).chain(row(10.0, [1.0; 4])));
        let expected = [
            ((0.0, 0.0), (20.0, 10.0), 0.5),
            ((20.0, 0.0), (30.0, 10.0), 0.25),
            ((30.0, 0.0), (40.0, 10.0), 1.0),
            ((0.0, 10.0), (40.0, 20.0), 1.0),
        ];
        assert_eq!(kept, expected);
        let small = (0..10_000).map(|i| {
            let (x, y) = (0.1 * f64::from(i % 100), 0.1 * f64::from(i / 100));
            ([x, x + 0.1, y, y + 0.1], if i == 4242 { 1.0 } else { 0.0 })
        });
        let kept = cells(small);
        assert!(kept.len() <= 25 && kept.iter().filter(|cell| cell.2 == 1.0).count() == 1, "{kept:?}");
    }
}
