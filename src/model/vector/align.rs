//! Whether series stand on the same times.

use crate::data::batch::Batch;
use crate::data::series::Series;
use crate::error::{Error, Result};

/// The series as the lanes of one batch.
///
/// # Errors
/// If there is none, or two of them differ in their times: the error names both and where they part.
pub(super) fn aligned(series: &[Series]) -> Result<Batch> {
    let Some((first, others)) = series.split_first() else {
        return Err(Error::usage("a vector autoregression of no series").expected("at least one, and usually several"));
    };
    others.iter().enumerate().try_for_each(|(i, other)| same_times(first, (other, i + 1)))?;
    Ok(Batch::of_series(series))
}

fn same_times(first: &Series, (other, number): (&Series, usize)) -> Result<()> {
    let (a, b) = (name(first, 0), name(other, number));
    let moment = |series: &Series, t: usize| series.timeline().seconds(t as i64);
    let parts = (0..first.len().min(other.len())).find(|&t| moment(first, t) != moment(other, t));
    let label = |series: &Series, t: usize| series.timeline().label(t as i64);
    let what = match parts {
        None if first.len() == other.len() => return Ok(()),
        Some(t) if t > 0 => format!("`{b}` has {} where `{a}` has {}", label(other, t), label(first, t)),
        _ => format!("`{b}` has {}, but `{a}` {}", span(other), span(first)),
    };
    Err(Error::data(what)
        .expected("series on the same times, which a vector autoregression reads together")
        .hint("cut the series to their common times, or leave out those that begin late or end early"))
}

fn span(series: &Series) -> String {
    match series.len() {
        0 => "no value".to_owned(),
        1 => format!("1 time, {}", series.timeline().label(0)),
        n => format!("{n} times from {} to {}", series.timeline().label(0), series.timeline().last_label()),
    }
}

/// The id of a series, or its number.
pub(super) fn name(series: &Series, number: usize) -> String {
    if series.id().is_empty() { format!("series {}", number + 1) } else { series.id().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::timeline::Timeline;

    #[test]
    fn the_error_names_the_series_and_the_times() {
        let series = |id: &str, start: i64, n: usize| {
            Series::new(id, vec![1.0; n]).with_timeline(Timeline::integers(start, 1, n))
        };
        assert!(aligned(&[series("a", 3, 4), series("b", 3, 4)]).is_ok());
        let said = |b: Series| aligned(&[series("a", 1, 4), b]).expect_err("refused").to_string();
        assert!(said(series("b", 1, 3)).contains("`b` has 3 times from 1 to 3, but `a` 4 times from 1 to 4"));
        assert!(said(series("b", 2, 4)).contains("`b` has 4 times from 2 to 5"));
        let sparse = Series::new("b", vec![1.0; 4]).with_timeline(Timeline::integers(1, 2, 4));
        assert!(said(sparse).contains("`b` has 3 where `a` has 2"));
        assert!(aligned(&[]).is_err());
    }
}
