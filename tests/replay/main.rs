//! `sealtail replay`, one file a behaviour.

mod alerts;
mod archives;
mod docker;
mod exit_status;
mod failures;
mod filters;
mod hostile;
mod html;
mod levels;
mod order;
mod output;
#[path = "../program/mod.rs"]
mod program;
