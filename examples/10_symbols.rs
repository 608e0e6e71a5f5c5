//! A melody and what a Markov chain makes of it: over its notes, and over byte-pair merges of them, whose score is a lower
//! bound of the notes' log probability. The tune is "Bruder Jakob" (Frère Jacques), four voices' worth of it.

use foretoken::generate::{Generation, generate};
use foretoken::model::token::markov::{MarkovOrder, MarkovSpec};
use foretoken::model::token::merges::Merges;
use foretoken::model::token::symbols::{Alphabet, Notation};
use foretoken::model::token::vocabulary::{Merged, Vocabulary};
use foretoken::{Batch, Covariates, Fit, Result};

const TUNE: &str = "c d e c c d e c e f g - e f g - g a g f e c g a g f e c c G c - c G c - ";

fn main() -> Result<()> {
    let text = TUNE.repeat(4);
    let notes = Alphabet::of(&text, Notation::Words)?;
    let song = notes.encode(&text)?;
    let what = Generation::sample(32, 1, 5);

    let spec = MarkovSpec { order: MarkovOrder::Fixed(3), symbols: Some(notes.len()) };
    let series = notes.series(&song);
    let chain = spec.fit(std::slice::from_ref(&series))?.model;
    let path = generate(&chain, &Batch::single(series.values(), 0), &Covariates::none(), &what)?;
    let more: Vec<u32> = path.path(0).map(|note| note as u32).collect();
    println!("note by note:  {}", notes.decode(&more)?);

    let vocabulary = Vocabulary::Merges(Merges::learn(&[&song], notes.len(), 8, 2)?);
    let merged = vocabulary.series("", &song)?;
    let spec = MarkovSpec { order: MarkovOrder::Fixed(1), symbols: Some(vocabulary.len()) };
    let model = Merged::new(vocabulary, spec.fit(std::slice::from_ref(&merged))?.model)?;
    let context = Batch::single(merged.values(), 0);
    let path = generate(model.model(), &context, &Covariates::none(), &Generation { horizon: 12, ..what })?;
    let tokens: Vec<u32> = path.path(0).map(|token| token as u32).collect();
    println!("by motifs:     {}", notes.decode(&model.vocabulary().decode(&tokens)?)?);

    let score = model.score(&song)?;
    println!("{} notes are {} tokens", score.symbols, score.tokens);
    println!(
        "perplexity per token {:.3}, per note at most {:.3}",
        score.perplexity_per_token, score.perplexity_per_symbol
    );
    Ok(())
}
