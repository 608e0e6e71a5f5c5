//! `foretoken plot`: every series of a file as a line.

use super::args::PlotArgs;
use super::input::{self, Needs};
use super::{Outcome, figures, output};
use crate::chart;
use crate::data::frame::{Missing, write_whole};
use crate::error::{Error, Result};

pub(super) fn run(args: &PlotArgs) -> Result<Outcome> {
    let format = output::chart_format(&args.output)?;
    if !args.input.covariates.is_empty() {
        return Err(Error::usage("--covariates without a model").hint("plot draws the values; leave it out"));
    }
    let mut loaded = input::load(&args.input, Needs { missing: Missing::Keep, rows: false, columns: false })?;
    let done = loaded.panel.series.len();
    let outcome = input::report_failures(&mut loaded, Vec::new(), done)?;
    let name_of = |series: &_| loaded.name_of(series).to_owned();
    let figure = figures::series(&loaded.panel.series, name_of, &loaded.panel.value_column);
    write_whole(&args.output, &chart::render(&figure, format)?)?;
    eprintln!("wrote {}", args.output.display());
    Ok(outcome)
}
