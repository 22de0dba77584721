//! The small commands, one file a command.

mod check;
mod completions;
mod explain;
mod patterns;
#[path = "../program/mod.rs"]
mod program;
#[path = "../receiver/mod.rs"]
mod receiver;
