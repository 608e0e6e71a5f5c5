//! From a table to what models read: series on regular timelines, and batches of lanes.

pub mod batch;
pub mod series;
pub mod timeline;
pub mod windows;
