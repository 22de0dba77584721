//! Reading stalls while writers go on: what happens meanwhile costs a mark a path, and is read later.

use std::fs::File;
use std::io::Write;

use crate::disk_limit::{allow_writes, forbid_writes, watch};
use crate::inbox::pids;
use crate::program::healthy;
use crate::rig::Rig;
use crate::storm::memory_max;

const FILES: u64 = 50;
/// Each is an event; the kernel joins those alone that equal the one before.
const WRITES: u64 = 300_000;
/// More paths than are told apart.
const PATHS: u64 = 5_000;
/// What all of that may cost: some events are always on their way to their marks. Were they kept, they would
/// take twice as much.
const GROWTH_BYTES_MAX: u64 = 32 << 20;

#[test]
fn events_without_number_cost_a_mark_a_path() {
    let rig = Rig::new();
    let mut logs: Vec<_> = (0..FILES).map(|number| rig.log(&format!("worker-{number}.log"))).collect();
    let fail = |logs: &mut Vec<crate::rig::Log>, first: u64| {
        (first..).zip(logs).for_each(|(pid, log)| log.fail(pid..pid + 1));
    };
    fail(&mut logs, 1);
    let running = watch(&rig);
    drop(rig.inbox.until_all(1..FILES + 1, pids));
    forbid_writes(&running);
    fail(&mut logs, FILES + 1);
    running.wait_for_stderr("reading is paused until the state can be written", 1);
    let before = memory_max(&running);
    let line = healthy(9);
    for number in 0..WRITES {
        logs[(number % FILES) as usize].write(&line);
    }
    for number in 0..PATHS {
        File::create(rig.path("log").join(format!("other-{number}"))).unwrap().write_all(b"x").unwrap();
    }
    fail(&mut logs, 2 * FILES + 1);
    let growth = memory_max(&running) - before;
    println!("{WRITES} writes and {PATHS} paths while nothing was read: {} KiB more", growth >> 10);
    assert!(growth <= GROWTH_BYTES_MAX, "{growth} bytes more");
    allow_writes(&running);
    drop(rig.inbox.until_all(1..3 * FILES + 1, pids));
}
