//! From a table to what models read: series on regular timelines, and batches of lanes.

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
