//! `foretoken tokenize` and `foretoken detokenize`: values to tokens and back.

use std::fs;
use std::io::Read;
use std::path::Path;

use polars::prelude::{CsvWriter, SerWriter};

use super::Outcome;
use super::args::{DetokenizeArgs, TokenizeArgs, VocabularyArg};
use super::input::{self, Loaded, Needs};
use super::models::quantiser_kind;
use super::output::{self, Column};
use crate::data::frame::{Missing, ReadOptions, read_bytes, write_whole};
use crate::data::frequency::Frequency;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::file::{Columns, TokenHeader};
use crate::model::token::merges::Merges;
use crate::model::token::quantiser::{MISSING, Quantiser, QuantiserReport, QuantiserSpec};
use crate::model::token::unigram::Unigram;
use crate::model::token::vocabulary::Vocabulary;

/// The longest piece of a unigram vocabulary.
const LONGEST_PIECE: usize = 16;
/// Tokens that are merged were there so often.
const LEAST_COUNT: usize = 2;
/// The column of tokens.
const TOKEN: &str = "token";

pub(super) fn tokenize(args: &TokenizeArgs) -> Result<Outcome> {
    output::check_not_input(args.input.file(), &[&Some(args.output.clone())])?;
    if args.output != Path::new("-") {
        output::check_folder(&args.output)?;
    }
    let mut loaded = input::load(&args.input, Needs { missing: Missing::Keep, rows: false, columns: false })?;
    let series = std::mem::take(&mut loaded.panel.series);
    let outcome = input::report_failures(&mut loaded, Vec::new(), series.len())?;
    let quantiser = QuantiserSpec { kind: quantiser_kind(args.quantiser), bins: args.bins }
        .fit(&series)
        .map_err(|error| loaded.located(error))?;
    let tokens: Vec<Vec<u32>> = series.iter().map(|series| tokens_of(&quantiser, series)).collect();
    say_report(&quantiser, &series);
    let vocabulary = args.vocabulary(&tokens, quantiser.bins().len())?;
    let header = TokenHeader {
        columns: Columns {
            id: loaded.panel.id_column.clone(),
            // Rows without times are numbered, and the table of tokens has the numbers.
            time: Some(loaded.time_name().to_owned()),
            value: loaded.panel.value_column.clone(),
        },
        frequency: common_step(&series, vocabulary.is_some())?,
        maps: series.iter().map(|one| (one.id().to_owned(), quantiser.map_of(one.values()))).collect(),
        quantiser,
        vocabulary,
    };
    let text = header.file(&table(&loaded, &series, &tokens, header.vocabulary.as_ref())?);
    if args.output == Path::new("-") {
        output::to_stdout(text.as_bytes())?;
    } else {
        write_whole(&args.output, text.as_bytes())?;
        eprintln!("wrote {}", args.output.display());
    }
    Ok(outcome)
}

fn tokens_of(quantiser: &Quantiser, series: &Series) -> Vec<u32> {
    let map = quantiser.map_of(series.values());
    series.values().iter().map(|x| quantiser.encode(map.backward(*x))).collect()
}

/// What the tokens keep and lose.
fn say_report(quantiser: &Quantiser, series: &[Series]) {
    let all = series.iter().flat_map(Series::values).copied().collect::<Vec<f64>>();
    let each: Vec<QuantiserReport> = series.iter().map(|series| quantiser.report(series.values())).collect();
    let count = all.iter().filter(|x| !x.is_nan()).count();
    let known = |series: &Series| series.values().iter().filter(|x| !x.is_nan()).count() as f64;
    let squares: f64 = each.iter().zip(series).map(|(report, one)| known(one) * report.rms_error.powi(2)).sum();
    let entropy: f64 =
        each.iter().zip(series).map(|(report, one)| known(one) * report.entropy).sum::<f64>() / count as f64;
    let (below, above) = each.iter().fold((0, 0), |(a, b), report| (a + report.below, b + report.above));
    eprintln!(
        "note: {count} values on {} {} bins: {entropy:.3} bits per value, root mean square error {:.6}, {below} below and \
         {above} above the range",
        quantiser.bins().len(),
        quantiser.kind().name(),
        (squares / count as f64).sqrt(),
    );
}

/// The step between the times as they are spelled, which all series share. Rows of merged tokens stand at the times of their
/// first values, so that without a step the others would be lost.
fn common_step(series: &[Series], is_merged: bool) -> Result<Option<String>> {
    let first = series.first().and_then(|series| series.timeline().spelled_step());
    let is_common = series.iter().all(|series| series.timeline().spelled_step() == first);
    match first.filter(|_| is_common) {
        Some(step) => Ok(Some(step.to_string())),
        None if is_merged => Err(Error::usage("merged tokens of times without a common step")
            .expected("equally spaced times")
            .hint("leave out --merges and --vocabulary, or give the step with --freq")),
        None => Ok(None),
    }
}

/// Id, time and token of every row.
fn table(loaded: &Loaded, series: &[Series], tokens: &[Vec<u32>], vocabulary: Option<&Vocabulary>) -> Result<String> {
    let (mut keys, mut all) = (Vec::new(), Vec::new());
    let (mut symbols, mut merged) = (0, 0);
    for (series, tokens) in series.iter().zip(tokens) {
        let coded = vocabulary.map_or_else(|| Ok(tokens.clone()), |vocabulary| vocabulary.encode(tokens))?;
        let mut position = 0;
        for token in &coded {
            keys.push((series, series.timeline().label(position as i64)));
            let length = vocabulary.and_then(|vocabulary| vocabulary.expand(*token)).map_or(1, <[u32]>::len);
            position += length;
        }
        symbols += tokens.len();
        merged += coded.len();
        all.extend(coded.into_iter().map(|token| (token != MISSING).then_some(i64::from(token))));
    }
    if vocabulary.is_some() {
        let ratio = symbols as f64 / merged.max(1) as f64;
        eprintln!("note: {symbols} tokens of bins become {merged}: {ratio:.2} values per token");
    }
    let mut columns = input::key_columns(loaded, keys.into_iter());
    columns.push(Column::optional_integers(TOKEN, all));
    let mut bytes = Vec::new();
    let written = CsvWriter::new(&mut bytes).finish(&mut output::frame(None, columns)?);
    written.map_err(|error| Error::io("the table of tokens cannot be written").caused_by(error))?;
    String::from_utf8(bytes).map_err(|error| Error::io("the table of tokens is no text").caused_by(error))
}

impl TokenizeArgs {
    fn vocabulary(&self, tokens: &[Vec<u32>], bins: usize) -> Result<Option<Vocabulary>> {
        let sequences: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        Ok(match (self.merges, self.vocabulary) {
            (None, None) => None,
            (merges, Some(VocabularyArg::Unigram)) => {
                let size = bins + merges.unwrap_or(bins);
                Some(Vocabulary::Unigram(Unigram::learn(&sequences, bins, size, LONGEST_PIECE)?))
            }
            (merges, _) => {
                let merges = merges.unwrap_or(bins);
                Some(Vocabulary::Merges(Merges::learn(&sequences, bins, merges, LEAST_COUNT)?))
            }
        })
    }
}

pub(super) fn detokenize(args: &DetokenizeArgs) -> Result<Outcome> {
    output::check_not_input(&args.file, &[&Some(args.output.clone())])?;
    let destination = output::destination(Some(&args.output), false)?;
    let source = input::source_name(&args.file);
    let text = read_text(&args.file).map_err(|error| error.at(&source))?;
    let (header, rows) = TokenHeader::parse(&text).map_err(|error| error.at(&source))?;
    let frequency = header.frequency.as_deref().map(Frequency::parse).transpose();
    let frequency = frequency.map_err(|error| Error::data(error.to_string()).at("line 1").at(&source))?;
    let options = ReadOptions {
        id: header.columns.id.clone(),
        time: header.columns.time.clone(),
        value: Some(TOKEN.to_owned()),
        covariates: Vec::new(),
        frequency,
        missing: Missing::Keep,
        keep_rows: false,
    };
    // A blank line in place of the header: what is said of lines counts it.
    let mut panel = read_bytes(format!("\n{rows}").into_bytes(), &source, &options)?;
    if let Some((_, error)) = panel.failures.pop() {
        return Err(error.at(&source));
    }
    let series = panel.series.iter().map(|series| decoded(&header, series)).collect::<Result<Vec<_>>>();
    let series = series.map_err(|error| error.at(&source))?;
    panel.value_column.clone_from(&header.columns.value);
    panel.series = Vec::new();
    let loaded = Loaded { source, panel, periods: Vec::new() };
    let keys = series.iter().flat_map(|one| (0..one.len()).map(move |row| (one, one.timeline().label(row as i64))));
    let mut columns = input::key_columns(&loaded, keys);
    let values = series.iter().flat_map(Series::values).copied().collect();
    columns.push(Column::numbers(&header.columns.value, values));
    if let Some(destination) = destination {
        output::save(output::frame(None, columns)?, destination)?;
    }
    Ok(Outcome::Done)
}

fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text).map(drop),
        false => fs::read_to_string(path).map(|found| text = found),
    };
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::data("the file is no text").expected("a token file"),
        _ => Error::io(format!("cannot be read: {error}")),
    })?;
    Ok(text)
}

/// The values of a series of tokens: every token at its time, merged ones at the times that follow too.
fn decoded(header: &TokenHeader, rows: &Series) -> Result<Series> {
    let Some((_, map)) = header.maps.iter().find(|(id, _)| id == rows.id()) else {
        return Err(
            Error::data(format!("the header has no series `{}`", rows.id())).expected("location and scale of each")
        );
    };
    let mut values: Vec<f64> = Vec::new();
    for (position, &x) in rows.values().iter().enumerate() {
        // Rows without times follow each other; a time inside a merged token has no row of its own.
        let is_inside = header.columns.time.is_some() && position < values.len();
        match token_of(header, x).map_err(|error| error.at(rows.timeline().label(position as i64)))? {
            None if is_inside => {}
            None => values.push(f64::NAN),
            Some(token) if is_inside => {
                return Err(Error::data(format!("the token {token} stands inside the one before it"))
                    .at(rows.timeline().label(position as i64))
                    .expected("tokens one after the other"));
            }
            Some(token) => {
                let own = [token];
                let bins = header.vocabulary.as_ref().and_then(|vocabulary| vocabulary.expand(token)).unwrap_or(&own);
                values.extend(bins.iter().map(|bin| map.forward(header.quantiser.decode(*bin))));
            }
        }
    }
    let more = values.len().saturating_sub(rows.len());
    let timeline = rows.timeline().continued(more);
    Ok(Series::new(rows.id(), values).with_timeline(timeline))
}

/// The token of a cell; nothing of an empty one.
fn token_of(header: &TokenHeader, x: f64) -> Result<Option<u32>> {
    let count = header.vocabulary.as_ref().map_or_else(|| header.quantiser.bins().len(), Vocabulary::len);
    if x.is_nan() {
        return Ok(None);
    }
    if (0.0..count as f64).contains(&x) && x.fract() == 0.0 {
        return Ok(Some(x as u32));
    }
    Err(Error::data(format!("{x} is no token")).expected(format!("whole numbers from 0 to {}", count - 1)))
}
