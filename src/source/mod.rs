//! Where bytes come from: files that grow, and files that have come to rest.
//!
//! - [`contract`] is what a source is to the pipeline.
//! - [`tail`] follows the files of a `[[source]]` through rotation, truncation and restarts. The log
//!   file is the buffer: bytes stay in it, or in memory, until what they say has been committed.
//! - `wake` says when to look again. It is a hint: correctness rests on looking regularly.
//! - [`archive`] opens what `replay` reads, compressed or not.

pub mod archive;
pub mod contract;
pub mod tail;
pub(crate) mod wake;
