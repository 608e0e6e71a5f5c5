//! From a table to what models read: series on regular timelines, and batches of lanes.
//!
//! The path of a cell, with feature `frame`: `frame/table` tells the format and makes columns of texts (or typed ones),
//! `frame/roles` decides which column is id, time and value from the first rows (asking `frame/time`, whether a column
//! looks like times, and `frame/cells`, whether like numbers), `frame/read` reads whole columns and lets a series fail
//! whose cell does not read. Texts of times become moments in `column`, which settles one `spelling` for all rows
//! and their `zone`; `frame/panel` groups rows by id, sorts them, and puts every series on a [`timeline`] whose
//! [`frequency`] it infers or is given; gaps and missing values are dealt with there.

pub mod batch;
mod civil;
// Without tables only the labels of a timeline are read this way.
#[cfg_attr(not(feature = "frame"), allow(dead_code, unused_imports))]
mod column;
#[cfg(feature = "frame")]
pub mod frame;
pub mod frequency;
pub mod period;
pub mod series;
mod spelling;
pub mod timeline;
pub mod windows;
mod zone;
