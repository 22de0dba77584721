//! Reads the commands of Go programs from their sources.

mod action;
mod command;
mod constraint;
mod eval;
mod package;
mod reads;
mod syntax;
#[cfg(test)]
mod tests;
mod usage;
mod walk;
mod words;

pub use command::read;
pub use eval::Evaluator;
pub use package::{Shelf, Snapshot};
