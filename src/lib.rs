//! sealtail follows the logs of a Filecoin sealing box, recognises known failures and tells you what
//! to do.

#![warn(missing_docs)]

pub mod alert;
pub mod config;
pub mod correlate;
pub mod deliver;
pub mod detect;
pub mod diagnostic;
pub mod duration;
pub mod finding;
pub mod frame;
pub mod packs;
pub mod position;
pub mod record;
pub mod redact;
pub mod scan;
pub mod secret;
pub mod signature;
pub mod sink;
pub mod source;
pub mod store;
pub mod text;
