//! Completes the lower halves of small images: a Markov chain over pixels, row by row, learns rectangles, crosses and
//! frames, is given the upper half of one it has not seen, and draws what is below. Its context is one row and a pixel, so
//! that the pixel above is the farthest it sees; where it never saw so long a context, back-off takes a shorter one.

use foretoken::generate::{Decoding, FixMode, Fixes, Generation, generate_fixed};
use foretoken::math::random::LaneRng;
use foretoken::model::token::markov::{MarkovOrder, MarkovSpec};
use foretoken::{Batch, Covariates, Fit, Result, Series};

const SIDE: usize = 10;

/// A shape of a random place and size; blank around it.
fn image(rng: &mut LaneRng) -> Vec<f64> {
    let (kind, left, top) = (rng.below(3), 1 + rng.below(3), 1 + rng.below(2));
    let (right, bottom) = (6 + rng.below(3), 7 + rng.below(2));
    let (middle, center) = ((left + right) / 2, (top + bottom) / 2);
    let pixel = |at: usize| {
        let (row, column) = (at / SIDE, at % SIDE);
        let inside = (top..=bottom).contains(&row) && (left..=right).contains(&column);
        let edge = row == top || row == bottom || column == left || column == right;
        let on = match kind {
            0 => inside,
            1 => inside && edge,
            _ => inside && (column == middle || row == center),
        };
        f64::from(u8::from(on))
    };
    (0..SIDE * SIDE).map(pixel).collect()
}

fn show(pixels: &[f64]) {
    for row in pixels.chunks(SIDE) {
        println!("  {}", row.iter().map(|pixel| if *pixel > 0.5 { "##" } else { ". " }).collect::<String>());
    }
}

fn main() -> Result<()> {
    let mut rng = LaneRng::new(1, 0);
    let train: Vec<Series> = (0..2_000).map(|_| Series::new("", image(&mut rng))).collect();
    let spec = MarkovSpec { order: MarkovOrder::Fixed(SIDE + 1), symbols: Some(2) };
    let chain = spec.fit(&train)?.model;
    let what = Generation { decoding: Decoding::Greedy, ..Generation::sample(SIDE * SIDE, 1, 3) };
    let (mut right, mut all) = (0, 0);
    for number in 0..200 {
        let truth = image(&mut rng);
        let upper: Vec<(usize, f64)> = truth.iter().copied().enumerate().take(SIDE * SIDE / 2).collect();
        let (context, known) = (Batch::empty(&[0]), Covariates::none());
        let drawn = generate_fixed(&chain, &context, &known, &what, &Fixes::new(&upper)?, FixMode::Intervene)?;
        let pixels: Vec<f64> = drawn.paths.path(0).collect();
        right += pixels.iter().zip(&truth).skip(upper.len()).filter(|(a, b)| a == b).count();
        all += truth.len() - upper.len();
        if number < 2 {
            println!("the upper half was given, the lower drawn:");
            show(&pixels);
        }
    }
    println!("{:.1} % of the pixels below are those of the image", 100.0 * right as f64 / all as f64);
    Ok(())
}
