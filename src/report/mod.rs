//! Reports: one HTML file each, complete in itself. It names no address, loads nothing and runs no script; charts are SVG
//! inside it. Colours follow the reader's light or dark setting.
//!
//! | file | holds |
//! |---|---|
//! | `html` | the page: head, style, escaped text, tables, figures |
//! | `panels` | from numbers to panels of charts that several figures share |
//! | `residual_check` | the residual check of fitted autoregressions: [`residual_check`] |

mod html;
pub(crate) mod panels;
mod residual_check;

pub use residual_check::{Checked, MAX_SECTIONS, residual_check};
