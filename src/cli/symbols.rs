//! `foretoken generate --symbols`: more of a text, by a Markov chain over its symbols.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::args::{GenerateArgs, ModelName, OrderArg, SymbolsArg};
use super::{Outcome, generate as command, input, output};
use crate::data::batch::{Batch, Covariates};
use crate::error::{Error, Result};
use crate::generate::{FixMode, Fixes, Generation, Paths, Stop, generate, generate_fixed};
use crate::model::Fit;
use crate::model::token::markov::{MarkovOrder, MarkovSpec};
use crate::model::token::symbols::{Alphabet, Notation};

/// The longest context that is tried unless told.
const LONGEST: usize = 6;

pub(super) fn run(args: &GenerateArgs, symbols: SymbolsArg) -> Result<Outcome> {
    check(args)?;
    let file = args.input.file();
    let source = input::source_name(file);
    let text = read(file)?;
    let located = |error: Error| error.at(&source);
    let notation = match symbols {
        SymbolsArg::Characters => Notation::Characters,
        SymbolsArg::Words => Notation::Words,
        SymbolsArg::Raster => Notation::Raster,
    };
    let alphabet = Alphabet::of(&text, notation).map_err(located)?;
    let series = alphabet.series(&alphabet.encode(&text).map_err(located)?);
    let spec = MarkovSpec { order: order(args), symbols: Some(alphabet.len()) };
    let fitted = spec.fit(std::slice::from_ref(&series)).map_err(located)?;
    eprintln!(
        "note: {} symbols of {} kinds; a Markov chain of order {}",
        series.len(),
        alphabet.len(),
        fitted.model.order()
    );
    let what = Generation { stop: stop(args, &alphabet)?, ..command::generation(args)? };
    let (context, known) = (Batch::single(series.values(), 0), Covariates::none());
    let paths = match &args.fix {
        None => generate(&fitted.model, &context, &known, &what)?,
        Some(file) => {
            let fixes = prompt(&alphabet, file, args.horizon)?;
            // From an empty past: what is fixed begins something new.
            let begun = Batch::empty(&[0]);
            generate_fixed(&fitted.model, &begun, &known, &what, &fixes, FixMode::Intervene)?.paths
        }
    };
    if args.output.json {
        output::json_lines((0..paths.lanes()).map(|path| json_of(&alphabet, &paths, path)))?;
    } else {
        output::to_stdout(text_of(&alphabet, &paths)?.as_bytes())?;
    }
    Ok(Outcome::Done)
}

/// Refuses what reads a table, or has no meaning for symbols.
fn check(args: &GenerateArgs) -> Result<()> {
    let input = &args.input;
    let options = [
        ("--id", input.id.is_some()),
        ("--time", input.time.is_some()),
        ("--value", input.value.is_some()),
        ("--covariates", !input.covariates.is_empty()),
        ("--freq", input.freq.is_some()),
        ("--missing", input.missing.is_some()),
        ("--period", input.period.is_some()),
        ("--future", args.future.is_some()),
        ("--load", args.load.is_some()),
        ("-o", args.output.output.is_some()),
        ("--plot", args.output.plot.is_some()),
        ("--model", !matches!(args.model, ModelName::Ar | ModelName::Markov)),
        ("--fix-mode", args.fix_mode.is_some()),
    ];
    let mut given: Vec<&str> = options.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect();
    given.extend(args.fit.given().into_iter().filter(|name| !matches!(*name, "--order" | "--max-order")));
    if given.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!("{} with --symbols", given.join(", ")))
        .expected("options of a chain over symbols: -H, --paths, --order, --max-order, --decode, --seed, --until, --fix, --json")
        .hint("leave them out; redirect standard output to write a file"))
}

fn read(file: &Path) -> Result<String> {
    let bytes =
        if file == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { fs::read_to_string(file) };
    bytes.map_err(|error| {
        let error = match error.kind() {
            std::io::ErrorKind::InvalidData => Error::data("the file is no text").expected("UTF-8"),
            _ => Error::io(format!("cannot be read: {error}")),
        };
        error.at(input::source_name(file))
    })
}

fn order(args: &GenerateArgs) -> MarkovOrder {
    match args.fit.order {
        OrderArg::Value(order) => MarkovOrder::Fixed(order),
        OrderArg::Auto | OrderArg::Subset => MarkovOrder::Auto { max: args.fit.max_order.unwrap_or(LONGEST) },
    }
}

/// `symbol=NAME`.
fn stop(args: &GenerateArgs, alphabet: &Alphabet) -> Result<Stop> {
    let Some(until) = &args.until else { return Ok(Stop::Never) };
    let name = until.symbol.as_deref().ok_or_else(|| {
        Error::usage("--until compares values, and these are symbols").expected("--until symbol=NAME")
    })?;
    let symbol = alphabet
        .symbol(name)
        .ok_or_else(|| Error::usage(format!("`{name}` is no symbol of the text")).hint("name one that it holds"))?;
    Ok(Stop::Token(symbol as usize))
}

/// The symbols of a text, fixed at the first steps.
fn prompt(alphabet: &Alphabet, file: &Path, horizon: usize) -> Result<Fixes> {
    let located = |error: Error| error.at(input::source_name(file));
    let text = read(file)?;
    // The line end of a file is no part of what it says.
    let symbols = alphabet.encode(text.strip_suffix('\n').unwrap_or(&text)).map_err(located)?;
    if symbols.len() > horizon {
        return Err(located(
            Error::usage(format!("{} symbols are fixed, and {horizon} steps generated", symbols.len()))
                .hint("give a longer --horizon"),
        ));
    }
    let fixed: Vec<(usize, f64)> = symbols.into_iter().map(f64::from).enumerate().collect();
    Fixes::new(&fixed)
}

fn symbols_of(paths: &Paths, path: usize) -> Vec<u32> {
    paths.path(path).take(paths.len(path)).map(|symbol| symbol as u32).collect()
}

/// Every path, with a blank line between two.
fn text_of(alphabet: &Alphabet, paths: &Paths) -> Result<String> {
    let texts = (0..paths.lanes()).map(|path| alphabet.decode(&symbols_of(paths, path)));
    Ok(texts.collect::<Result<Vec<_>>>()?.join("\n\n") + "\n")
}

fn json_of(alphabet: &Alphabet, paths: &Paths, path: usize) -> Value {
    let names: Vec<&str> =
        symbols_of(paths, path).iter().map(|symbol| alphabet.name(*symbol).unwrap_or_default()).collect();
    json!({
        "sample_id": path,
        "symbols": names,
        "log_prob": output::json_number(paths.log_prob()[path]),
        "log_q": output::json_number(paths.log_q()[path]),
    })
}
