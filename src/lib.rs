//! sealtail follows the logs of a Filecoin sealing box, recognises known failures and tells you what
//! to do. This library is the program without its `main`; `ARCHITECTURE.md` tells how the rooms hang
//! together.
//!
//! To find failures in bytes of your own, start with [`detect`]. To read files that are at rest, with
//! [`replay`]; to follow files that grow, with [`source::tail`].

#![warn(missing_docs)]

pub mod alert;
pub mod cli;
pub mod clock;
pub mod complaint;
pub mod config;
pub mod correlate;
pub mod deliver;
pub mod detect;
pub mod diagnostic;
pub mod disk;
pub mod doctor;
pub mod duration;
pub mod endpoint;
pub mod finding;
pub mod frame;
pub mod healthy;
pub mod heartbeat;
pub mod meter;
pub mod metrics;
pub mod outbound;
pub mod packs;
pub mod position;
pub mod pulse;
pub mod record;
pub mod redact;
pub mod release;
pub mod replay;
pub mod report;
pub mod scan;
pub mod secret;
pub mod signature;
pub mod sink;
pub mod source;
pub mod store;
pub mod text;
pub mod watch;
