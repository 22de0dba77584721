//! `sealtail doctor` over boxes in folders: each check trips on its fixture, and a healthy box on none.

mod bundle;
mod diffs;
mod healthy;
mod hostile;
#[path = "../program/mod.rs"]
mod program;
mod worker;
