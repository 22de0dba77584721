//! What must hold for every input that others write: one file a target, each with one function
//! that takes any bytes and panics where a promise is broken.
//!
//! They know nothing of libFuzzer, so `tests/fuzz.rs` of the project drives the same functions on
//! a stable toolchain.

pub mod archive;
pub mod config;
pub mod line;
pub mod page;
pub mod reply;
pub mod rows;
pub mod scan;
pub mod stream;
