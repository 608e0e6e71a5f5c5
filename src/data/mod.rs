//! From a table to what models read: series on regular timelines, and batches of lanes.

pub mod batch;
mod civil;
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
