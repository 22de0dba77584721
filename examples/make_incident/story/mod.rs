//! The night as data: what each file holds, and what is planted in it.

mod manager;
mod proofs;
mod sector;
mod timeline;
mod worker;

pub use timeline::File;
use timeline::HOUR;

/// The rotated logs of the worker and of the manager.
pub fn files() -> Vec<File> {
    let (worker, calls) = worker::night();
    let manager = manager::night(&calls);
    let mut files =
        worker.split(&[("worker.log.2.gz", 4 * HOUR), ("worker.log.1", 6 * HOUR), ("worker.log", 10 * HOUR)]);
    files.extend(manager.split(&[("manager.log.1.zst", 4 * HOUR), ("manager.log", 10 * HOUR)]));
    files
}
