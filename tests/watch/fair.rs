//! A file with much to read leaves the others their turn.

use std::fmt::Write as _;

use crate::inbox::pids_in_order;
use crate::program::{failure, healthy};
use crate::rig::{Rig, stop};

/// More than a file may be read of in one pass, several times over.
const LARGE: usize = 24 << 20;

#[test]
fn a_large_file_holds_no_other_up() {
    let rig = Rig::new();
    let mut large = String::with_capacity(LARGE + 4096);
    while large.len() < LARGE {
        let _ = write!(large, "{}", healthy(large.len() as u64 % 3_600));
    }
    // Read first, for it comes first by its name.
    let mut log = rig.log("a.log");
    log.write(large + &failure(0, 1) + &healthy(0));
    rig.log("b.log").fail(2..3);
    let running = rig.watch();
    let events = rig.inbox.until_pid(1);
    assert_eq!(pids_in_order(&events), [2, 1], "what stands at the start of the other file is told first");
    drop(events);
    stop(running);
}
