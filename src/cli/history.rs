//! `foretoken fit --history` and `--loss-chart`: how the training of networks went.

use super::args::FitArgs;
use super::figures;
use super::input::Loaded;
use super::output::{self, Column};
use crate::chart::{self, Format};
use crate::data::frame::{Destination, TableFormat, write_whole};
use crate::data::series::Series;
use crate::error::Result;
use crate::model::neural::{Epoch, Neural};

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

    /// Writes what was asked for, of the networks of every series.
    pub(super) fn write(self, loaded: &Loaded, networks: &[(&Series, &[Neural])]) -> Result<()> {
        let trained = trained(networks);
        if let Some(destination) = self.table {
            output::save(output::frame(None, columns(loaded, &trained))?, destination)?;
        }
        if let (Some(path), Some(format), Some(first)) = (&self.args.loss_chart, self.chart, trained.first()) {
            let name = first.series.map_or("all series", |series| loaded.name_of(series));
            if trained.len() > 1 {
                eprintln!("note: the chart of losses shows the first of {} networks", trained.len());
            }
            let model = first.model;
            let figure = figures::losses(name, &model.description(), model.history(), model.kept_epoch());
            write_whole(path, &chart::render(&figure, format)?)?;
            eprintln!("wrote {}", path.display());
        }
        Ok(())
    }
}

/// A network that was trained.
struct Trained<'a> {
    /// The series that it was trained on, unless that are all.
    series: Option<&'a Series>,
    /// Its number in an ensemble, from 1.
    member: usize,
    model: &'a Neural,
}

/// The networks of all series: one that several share once.
fn trained<'a>(networks: &[(&'a Series, &'a [Neural])]) -> Vec<Trained<'a>> {
    let is_shared =
        networks.iter().skip(1).any(|(_, own)| own.iter().zip(networks[0].1).any(|(a, b)| a.is_shared_with(b)));
    let of_all = networks.iter().take(if is_shared { 1 } else { networks.len() });
    let members = |(series, own): &(&'a Series, &'a [Neural])| {
        let series = (!is_shared).then_some(*series);
        (1..).zip(*own).map(|(member, model)| Trained { series, member, model }).collect::<Vec<_>>()
    };
    of_all.flat_map(members).collect()
}

/// A row per network and epoch.
fn columns(loaded: &Loaded, trained: &[Trained<'_>]) -> Vec<Column> {
    let rows = || trained.iter().flat_map(|one| one.model.history().iter().map(move |epoch| (one, epoch)));
    let numbers =
        |name: &str, of: fn(&Epoch) -> f64| Column::numbers(name, rows().map(|(_, epoch)| of(epoch)).collect());
    let mut columns = Vec::new();
    if let Some(id) = loaded.panel.id_column.as_ref().filter(|_| trained.iter().all(|one| one.series.is_some())) {
        let ids = rows().filter_map(|(one, _)| Some(one.series?.id().to_owned()));
        columns.push(Column::text(id, ids.collect()));
    }
    if trained.iter().any(|one| one.member > 1) {
        columns.push(Column::integers("member", rows().map(|(one, _)| one.member as i64).collect()));
    }
    columns.extend([
        Column::integers("epoch", rows().map(|(_, epoch)| epoch.number as i64).collect()),
        numbers("training_loss", |epoch| epoch.loss),
        numbers("held_out_nats_per_value", |epoch| epoch.held_out),
        numbers("gradient_norm", |epoch| epoch.gradient_norm),
        numbers("learning_rate", |epoch| epoch.learning_rate),
        numbers("seconds", |epoch| epoch.seconds),
        Column::flags("is_kept", rows().map(|(_, epoch)| Some(epoch.is_kept)).collect()),
    ]);
    columns
}
