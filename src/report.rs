//! Findings as people read them.

mod text;

pub use text::{Report, Totals};
