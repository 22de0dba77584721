//! sealtail follows the logs of a Filecoin sealing box, recognises known failures and tells you what
//! to do. This library is the program without its `main`; `ARCHITECTURE.md` tells how the rooms hang
//! together.
//!
//! To find failures in bytes of your own, start with [`detect`]. To read files that are at rest, with
//! [`replay`]; to follow files that grow, with [`source::tail`].

#![warn(missing_docs)]

pub mod alert;
pub mod cli;
pub(crate) mod clock;
pub mod complaint;
pub mod config;
pub mod correlate;
pub mod deliver;
pub mod detect;
pub mod diagnostic;
pub(crate) mod disk;
pub mod doctor;
pub(crate) mod duration;
pub(crate) mod endpoint;
pub mod finding;
pub mod frame;
pub(crate) mod healthy;
pub(crate) mod heartbeat;
pub mod meter;
pub(crate) mod metrics;
pub(crate) mod outbound;
pub(crate) mod packs;
pub mod position;
pub(crate) mod pulse;
pub mod record;
pub(crate) mod redact;
pub mod release;
pub mod replay;
pub(crate) mod report;
pub mod scan;
pub mod secret;
pub mod signature;
pub mod sink;
pub mod source;
pub mod store;
pub(crate) mod text;
pub(crate) mod watch;
