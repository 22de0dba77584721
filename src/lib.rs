//! sealtail follows the logs of a Filecoin sealing box, recognises known failures and tells you what
//! to do. This library is the program without its `main`; `ARCHITECTURE.md` says how the rooms hang
//! together. Each uses only what stands above it here.
//!
//! To find failures in bytes of your own, start with [`detect`]. To read files that are at rest, with
//! [`replay`]; to follow files that grow, with [`source::tail`].

#![warn(missing_docs)]

/// What every room may need and none is about.
pub mod base {
    pub(crate) mod clock;
    pub mod diagnostic;
    pub(crate) mod disk;
    pub(crate) mod duration;
    pub(crate) mod markup;
    pub mod secret;
    pub(crate) mod text;
}

/// What travels through the pipeline.
pub mod model {
    pub mod alert;
    pub mod finding;
    pub mod position;
    pub mod record;
    pub(crate) mod redact;
    pub mod release;
}

pub mod signature;

// The engine, from bytes to alerts: no I/O, no threads, no clock.
pub mod frame;

pub mod scan;

pub mod detect;

pub mod correlate;

pub mod telemetry;

// What surrounds it: where bytes come from, where state is kept, where alerts go.
pub mod source;

pub mod store;

pub mod deliver;

// What a person sets, and what is wrong with the box.
pub mod config;

pub mod doctor;

// What drives it.
pub mod replay;

pub(crate) mod watch;

pub mod cli;
