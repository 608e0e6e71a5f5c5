//! `foretoken fit --history` and `--loss-chart`: how the training of networks went.

use super::args::FitArgs;
use super::figures;
use super::input::Loaded;
use super::output::{self, Column};
use crate::chart::{self, Format};
use crate::data::frame::{Destination, TableFormat, write_whole};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::neural::{Epoch, Neural};

/// Refuses a history of what was not trained.
pub(super) fn check(args: &FitArgs) -> Result<()> {
    let options = [("--history", args.history.is_some()), ("--loss-chart", args.loss_chart.is_some())];
    let given: Vec<&str> = options.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect();
    if given.is_empty() || args.model.architecture().is_some() {
        return Ok(());
    }
    Err(Error::usage(format!("{} without a network, and nothing else is trained in epochs", given.join(" and ")))
        .expected("--model mlp, gru, lstm, conv or transformer")
        .hint("leave it out, or fit one of them"))
}

/// Where the history goes.
pub(super) struct Outputs<'a> {
    args: &'a FitArgs,
    table: Option<(Destination<'a>, TableFormat)>,
    chart: Option<Format>,
}

impl<'a> Outputs<'a> {
    /// # Errors
    /// If a file cannot be written, or its ending names no format.
    pub(super) fn of(args: &'a FitArgs) -> Result<Self> {
        let table = args.history.as_deref().map(|path| output::destination(Some(path), args.json)).transpose()?;
        let chart = args.loss_chart.as_deref().map(output::chart_format).transpose()?;
        Ok(Self { args, table: table.flatten(), chart })
    }

    /// Writes what was asked for.
    pub(super) fn write(self, loaded: &Loaded, trained: &[(&Series, &Neural)]) -> Result<()> {
        if let Some(destination) = self.table {
            output::save(output::frame(None, columns(loaded, trained))?, destination)?;
        }
        if let (Some(path), Some(format), Some((series, model))) = (&self.args.loss_chart, self.chart, trained.first())
        {
            let name = loaded.name_of(series);
            if trained.len() > 1 {
                eprintln!("note: the chart of losses shows the first series, `{name}`");
            }
            let figure = figures::losses(name, &model.description(), model.history(), model.kept_epoch());
            write_whole(path, &chart::render(&figure, format)?)?;
            eprintln!("wrote {}", path.display());
        }
        Ok(())
    }
}

/// A row per series and epoch.
fn columns(loaded: &Loaded, trained: &[(&Series, &Neural)]) -> Vec<Column> {
    let rows =
        || trained.iter().flat_map(|(series, model)| model.history().iter().map(move |epoch| (*series, *model, epoch)));
    let numbers =
        |name: &str, of: fn(&Epoch) -> f64| Column::numbers(name, rows().map(|(_, _, epoch)| of(epoch)).collect());
    let id = loaded.panel.id_column.as_ref();
    let id = id.map(|name| Column::text(name, rows().map(|(series, ..)| series.id().to_owned()).collect()));
    let is_kept = rows()
        .map(|(_, model, epoch)| Some(model.kept_epoch().is_some_and(|kept| kept.number == epoch.number)))
        .collect();
    let own = [
        Column::integers("epoch", rows().map(|(_, _, epoch)| epoch.number as i64).collect()),
        numbers("training_loss", |epoch| epoch.loss),
        numbers("held_out_nats_per_value", |epoch| epoch.held_out),
        numbers("gradient_norm", |epoch| epoch.gradient_norm),
        numbers("learning_rate", |epoch| epoch.learning_rate),
        numbers("seconds", |epoch| epoch.seconds),
        Column::flags("is_kept", is_kept),
    ];
    id.into_iter().chain(own).collect()
}
