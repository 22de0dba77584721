//! The program among real parts: the real `logrotate`, limits of the kernel, many files, long lines.
//!
//! What load or another program is needed for is ignored by `cargo test` and run by `.ci/run`, with the release
//! program (`SEALTAIL_TEST_BINARY`), one test at a time:
//!
//! ```sh
//! SEALTAIL_TEST_BINARY=target/release/sealtail cargo test --test real -- --include-ignored --test-threads=1 --nocapture
//! ```
//!
//! Every test prints a line of figures. One that cannot run here says `skipped:` and why.

mod backlog;
mod limits;
mod many;
mod network;
mod nfs;
#[path = "../receiver/mod.rs"]
mod receiver;
mod refused;
mod rig;
mod rotation;
mod soak;
mod storm;
mod tally;
mod writer;

/// Ends a test that cannot run here.
macro_rules! skip {
    ($($why:tt)*) => {{
        println!("skipped: {}", format!($($why)*));
        return;
    }};
}
use skip;
