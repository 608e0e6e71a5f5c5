//! New values behind those of a file: the same model, a longer past.

use super::{StoredModel, StoredSeries, estimates, tail, tail_start};
use crate::data::series::{Covariate, Series};
use crate::error::{Error, Result};
use crate::model::Autoregressive;
use crate::model::linear::Ar;
use crate::model::mixture::Mixture;

/// What an update did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Update {
    /// Rows that continue the past.
    pub appended: usize,
    /// Steps between the saved past and the first new row, whose values are missing.
    pub gap: usize,
    /// Rows whose values the file holds already.
    pub repeated: usize,
    /// Rows before those that the file holds: nothing is left to compare them with.
    pub older: usize,
}

impl StoredSeries {
    /// Continues the past by the rows of a series that follow it. Coefficients stay as they are, but for recursive least
    /// squares, whose recursion goes on over the new rows (not over old gaps that are filled); the likelihood and the
    /// number of observations of the summary stay those of the fit. Rows that the past
    /// holds already change nothing; steps between the past and the first new row have missing values, and a value
    /// that was missing may be filled.
    ///
    /// # Errors
    /// If a row contradicts the past, stands between its steps, or lacks a covariate.
    pub fn update(&mut self, new: &Series) -> Result<Update> {
        let new = &new.select_covariates(self.model.covariates())?;
        let (len, timeline) = (self.tail.len() as i64, self.tail.timeline());
        let mut values = self.tail.values().to_vec();
        let mut columns: Vec<Vec<f64>> =
            self.tail.covariates().iter().map(|c| c.values[..values.len()].to_vec()).collect();
        let mut update = Update::default();
        for (row, &value) in new.values().iter().enumerate() {
            let label = || new.timeline().label(row as i64);
            let Some(position) = timeline.position_of_time(new.timeline(), row as i64) else {
                let steps =
                    timeline.frequency().map_or_else(|| "in steps".to_owned(), |frequency| frequency.describe());
                return Err(Error::data(format!("the time {} does not continue the saved ones", label()))
                    .expected(format!("times {steps} after {}", timeline.last_label())));
            };
            if position < 0 {
                update.older += 1;
            } else if position < len {
                let saved = &mut values[position as usize];
                if *saved != value && !saved.is_nan() && !value.is_nan() {
                    return Err(Error::data(format!("{} has the value {value}, but {saved} was saved", label()))
                        .expected("rows after the saved ones, or the same values")
                        .hint("fit the model again to data that were revised"));
                }
                *saved = if saved.is_nan() { value } else { *saved };
                update.repeated += 1;
            } else {
                update.gap += position as usize - values.len();
                values.resize(position as usize, f64::NAN);
                values.push(value);
                for (column, covariate) in columns.iter_mut().zip(new.covariates()) {
                    column.resize(position as usize, f64::NAN);
                    column.push(covariate.values[row]);
                }
                update.appended += 1;
            }
        }
        let future = |covariate: &Covariate| covariate.values[new.len()..].to_vec();
        let known = new.covariates().iter().map(future).chain(std::iter::repeat(Vec::new()));
        let names = self.model.covariates().iter().cloned();
        let covariates = names.zip(columns).zip(known).map(|((name, mut values), mut future)| {
            values.append(&mut future);
            Covariate { name, values }
        });
        let timeline = timeline.continued(values.len() - len as usize);
        let longer = Series::new(self.tail.id(), values).with_timeline(timeline).with_covariates(covariates.collect());
        if update.appended > 0 {
            self.go_on(&longer, len as usize)?;
        }
        let start = tail_start(longer.values(), self.model.memory());
        self.tail = tail(&longer, start, self.model.covariates());
        self.start += start;
        Ok(update)
    }
}

impl StoredSeries {
    /// Continues the recursions of a model, if it has any, over the values from position `known` on.
    fn go_on(&mut self, longer: &Series, known: usize) -> Result<()> {
        let StoredModel::Ar(model) = &self.model else { return Ok(()) };
        let average = model.inner();
        if average.members().iter().all(|member| member.recursion().is_none()) {
            return Ok(());
        }
        if model.transform().differences().order() > 0 {
            return Err(Error::usage("a recursion behind the differences of a transform does not go on")
                .expected("differences of the autoregression itself"));
        }
        let start = self.start as i64;
        let linked = model.transform().linked(longer.values().iter().copied(), start)?;
        let linked = Series::new(longer.id(), linked).with_covariates(longer.covariates().to_vec());
        let updated = |member: &Ar| match member.recursion() {
            Some(_) => member.updated(&linked, start, known),
            None => Ok(member.clone()),
        };
        let members = average.members().iter().map(updated).collect::<Result<Vec<_>>>()?;
        let average = Mixture::new(members, average.weights())?;
        self.model = StoredModel::Ar(model.with_inner(average));
        let own = estimates(&self.model);
        for (parameter, estimate) in self.summary.parameters.iter_mut().zip(own) {
            (parameter.value, parameter.standard_error) = (estimate, None);
        }
        self.summary.covariance = None;
        let variance = |(weight, ar): &(f64, &Ar)| weight * ar.innovations().variance();
        self.summary.innovation_variance = self.model.members().iter().map(variance).sum();
        Ok(())
    }
}
