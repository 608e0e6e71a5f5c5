//! Whole figures, as the caller sees them.

use std::path::Path;

use super::page::Page;
use super::*;
use crate::error::ErrorKind;

fn name(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn line(x: Vec<f64>, y: Vec<f64>) -> Mark {
    Mark::Line { x, y, color: Color::Series(0), label: None }
}

fn steps(count: usize) -> Vec<f64> {
    (0..count).map(|step| step as f64).collect()
}

fn svg(figure: &Figure) -> String {
    String::from_utf8(render(figure, Format::Svg).expect("a chart")).expect("text")
}

/// Width, height and RGB pixels of a PNG.
fn png(figure: &Figure) -> (usize, usize, Vec<u8>) {
    let bytes = render(figure, Format::Png).expect("a chart");
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("an image");
    (info.width as usize, info.height as usize, pixels)
}

#[test]
fn the_ending_of_a_path_chooses_the_format() {
    assert_eq!(Format::of_path(Path::new("a/b.SVG")).expect("known"), Format::Svg);
    assert_eq!(Format::of_path(Path::new("b.png")).expect("known"), Format::Png);
    for (path, part) in [("plot.jpg", "`.jpg`"), ("plot", "no ending")] {
        let error = Format::of_path(Path::new(path)).expect_err("unknown");
        assert_eq!(error.kind(), ErrorKind::Usage);
        let text = error.to_string();
        assert!(text.contains(part) && text.contains(".svg or .png"), "{text}");
    }
}

#[test]
fn svg_has_text_a_white_ground_and_escapes() {
    let mark =
        Mark::Points { x: steps(3), y: steps(3), color: Color::Ink, label: name("a<b>&\"c\""), shape: Shape::Cross };
    let text = svg(&Figure::new(vec![Panel::new(Scale::Number).with(mark)]).title("bell\u{7} & <title>"));
    assert!(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"480\""), "{text}");
    assert!(text.trim_end().ends_with("</svg>") && text.matches("<svg").count() == 1);
    assert!(text.contains("<rect x=\"0\" y=\"0\" width=\"3600\" height=\"1920\" opacity=\"1\" fill=\"#FFFFFF\""));
    assert!(text.contains("a&lt;b&gt;&amp;&quot;c&quot;") && text.contains("bell  &amp; &lt;title&gt;"));
    assert!(text.contains("font-family=\"DejaVu Sans, Verdana, sans-serif\""));
}

#[test]
fn png_has_two_device_pixels_per_pixel_and_the_colour_of_the_line() {
    let figure = Figure::new(vec![Panel::new(Scale::Number).with(line(steps(2), vec![1.0, 1.0]))]);
    let (width, height, pixels) = png(&figure);
    assert_eq!((width, height), (1800, 960));
    assert_eq!(&pixels[..3], [255, 255, 255]);
    assert!(pixels.chunks(3).any(|pixel| pixel == [0, 114, 178]), "no pixel of the line");
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    let figure = || Figure::new(vec![Panel::new(Scale::Time).title("é√n").with(line(steps(500), steps(500)))]);
    for format in [Format::Svg, Format::Png] {
        assert!(render(&figure(), format).expect("a chart") == render(&figure(), format).expect("a chart"));
    }
}

#[test]
fn only_labelled_marks_are_explained() {
    let unnamed = svg(&Figure::new(vec![Panel::new(Scale::Number).with(line(steps(3), steps(3)))]));
    let mark = Mark::Stems { x: steps(3), y: steps(3), color: Color::Muted, label: name("stems") };
    let named = svg(&Figure::new(vec![Panel::new(Scale::Number).with(mark)]));
    assert!(named.contains("\nstems\n") || named.contains(">\nstems"), "{named}");
    assert!(unnamed.matches("<text").count() < named.matches("<text").count());
}

#[test]
fn odd_values_are_drawn_or_left_out_but_never_panic() {
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300, -1e300, 1e-300, f64::MAX, 5e-324, 1e18];
    for scale in [Scale::Number, Scale::Time] {
        for first in values {
            for second in values {
                let (x, y) = (vec![0.0, first, second, 1.7e9], vec![1.0, second, first, first]);
                let (color, label) = (Color::Series(usize::MAX), None);
                let panel = Panel::new(scale)
                    .weight(first)
                    .with(line(x.clone(), y.clone()))
                    .with(Mark::Dashed { x: y.clone(), y: x.clone(), color, label: label.clone() })
                    .with(Mark::Band {
                        x: x.clone(),
                        lo: y.clone(),
                        hi: x.clone(),
                        color,
                        strength: first,
                        label: label.clone(),
                    })
                    .with(Mark::Points { x: x.clone(), y: y.clone(), color, label: label.clone(), shape: Shape::Ring })
                    .with(Mark::Cells {
                        x: x.clone(),
                        y: y.clone(),
                        values: x.clone(),
                        full: second,
                        color,
                        label: label.clone(),
                    })
                    .with(Mark::Stems { x, y, color, label: label.clone() })
                    .with(Mark::Horizontal { y: first, color, label: label.clone() })
                    .with(Mark::Vertical { x: second, color, label });
                let text = svg(&Figure::new(vec![panel]));
                assert!(!text.contains("NaN") && !text.contains("inf"), "{first} {second}");
                assert!(
                    !text.contains(&i32::MAX.to_string()) && !text.contains(&i32::MIN.to_string()),
                    "{first} {second}"
                );
            }
        }
    }
}

#[test]
fn nothing_to_draw_is_said() {
    let nothing = Panel::new(Scale::Time).with(line(vec![f64::NAN; 3], steps(3)));
    let figure = Figure::new(vec![nothing, Panel::new(Scale::Number)]).title("t".repeat(100_000));
    assert_eq!(svg(&figure).matches("no values").count(), 2);
    // A line for zero would strike it through.
    let color = Color::Series(0);
    let zero = Panel::new(Scale::Number).with(Mark::Horizontal { y: 0.0, color, label: None });
    let lines = |panel: Panel| svg(&Figure::new(vec![panel])).matches("<line").count();
    assert_eq!(lines(zero), lines(Panel::new(Scale::Number)));
    assert_eq!(png(&figure).0, 1800);
}

#[test]
fn a_value_between_missing_ones_is_a_dot() {
    let text = svg(&Figure::new(vec![Panel::new(Scale::Number).with(line(steps(3), vec![f64::NAN, 1.0, f64::NAN]))]));
    assert_eq!((text.matches("<circle").count(), text.matches("<polyline").count()), (1, 0));
}

#[test]
fn cells_are_as_dark_as_their_values_and_their_legend_shows_the_scale() {
    // Two by two; one value is missing, and one lies beyond the end of the scale.
    let cells = |values: Vec<f64>| Mark::Cells {
        x: vec![0.0, 1.0, 0.0, 1.0],
        y: vec![0.0, 0.0, 1.0, 1.0],
        values,
        full: 0.5,
        color: Color::Series(0),
        label: name("weight, 0 to 0.5"),
    };
    let figure = |values| Figure::new(vec![Panel::new(Scale::Number).with(cells(values))]);
    let text = svg(&figure(vec![0.25, 0.7, f64::NAN, 0.0]));
    let (plot, legend): (Vec<&str>, Vec<&str>) =
        text.lines().filter(|tag| tag.starts_with("<rect")).partition(|tag| !tag.contains("width=\"8\""));
    let of = |color: &str| plot.iter().filter(|tag| tag.contains(color)).count();
    // Half of the way from white to the colour, and the colour.
    assert_eq!((of("#80B9D9"), of("#0072B2")), (1, 1), "{plot:#?}");
    assert!(legend.len() == 55 && text.contains("weight, 0 to 0.5"), "{}", legend.len());
    let (_, _, pixels) = png(&figure(vec![0.25, 0.7, f64::NAN, 0.0]));
    assert!(pixels.chunks(3).filter(|pixel| *pixel == [128, 185, 217]).count() > 10_000);
    // One of three columns is shorter.
    assert!(render(&figure(vec![1.0]), Format::Svg).is_err());
}

#[test]
fn figures_that_say_nothing_sensible_are_refused() {
    let error = render(&Figure::new(Vec::new()), Format::Svg).expect_err("no panel");
    assert_eq!(error.kind(), ErrorKind::Usage);
    let many = vec![Panel::new(Scale::Number); MAX_PANELS + 1];
    assert!(render(&Figure::new(many), Format::Svg).expect_err("too many").to_string().contains("25 panels"));
    let uneven = Panel::new(Scale::Number).with(line(steps(1), steps(1))).with(line(steps(3), steps(2)));
    let error = render(&Figure::new(vec![uneven]), Format::Svg).expect_err("uneven columns").to_string();
    assert!(error.contains("panel 1: mark 2") && error.contains("3 values of x and 2 of y"), "{error}");
}

#[test]
fn every_number_of_panels_has_a_bearable_height() {
    for layout in [Layout::Stacked, Layout::Grid] {
        for count in 1..=MAX_PANELS {
            let panel = Panel::new(Scale::Time).title("title").x_label("time").with(line(steps(9), steps(9)));
            let figure = Figure::new(vec![panel; count]).title("title").subtitle("subtitle").layout(layout);
            let (width, height) = Page::of(&figure).size();
            assert_eq!(width, 900);
            assert!((360..=1700).contains(&height), "{layout:?} of {count}: {height}");
        }
    }
}

#[test]
fn stacked_panels_share_their_extent_and_name_it_once() {
    let panel =
        |from: f64, to: f64| Panel::new(Scale::Number).x_label("row").with(line(vec![from, to], vec![1.0, 2.0]));
    let figure = Figure::new(vec![panel(0.0, 10.0), panel(5.0, 30.0)]);
    let text = svg(&figure);
    assert_eq!(text.matches("\nrow\n").count() + text.matches(">row\n").count(), 1, "{text}");
    let grid = svg(&figure.layout(Layout::Grid));
    assert_eq!(grid.matches("\nrow\n").count() + grid.matches(">row\n").count(), 2);
}

#[test]
fn a_long_series_is_a_small_file_with_its_extremes() {
    let count = 300_000;
    let mut y: Vec<f64> = (0..count).map(|i| f64::from(i * 7 % 11)).collect();
    y[123_456] = 1000.0;
    let x: Vec<f64> = (0..count).map(f64::from).collect();
    let band = Mark::Band {
        x: x.clone(),
        lo: y.iter().map(|v| v - 1.0).collect(),
        hi: y.clone(),
        color: Color::Muted,
        strength: 0.5,
        label: None,
    };
    let points = Mark::Points { x: x.clone(), y: y.clone(), color: Color::Alarm, label: None, shape: Shape::Dot };
    let text = svg(&Figure::new(vec![Panel::new(Scale::Number).with(line(x, y)).with(band).with(points)]));
    assert!(text.len() < 4_000_000, "{} bytes", text.len());
    // All three reach the same highest pixel.
    let heights = text.lines().filter(|tag| tag.starts_with("<circle")).filter_map(|tag| tag.split("cy=\"").nth(1));
    let top = heights.filter_map(|tag| tag.split('"').next()?.parse::<i32>().ok()).min().expect("dots");
    let reaches = |tag: &str| text.lines().any(|text| text.starts_with(tag) && text.contains(&format!(",{top} ")));
    assert!(reaches("<polyline") && reaches("<polygon"), "{top}");
}
