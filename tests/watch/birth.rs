//! Killed while it makes its state for the first time, it starts as if nothing had been.

use std::fs;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use sealtail::store::Store;

use crate::program::{PATIENCE, failure, healthy};
use crate::rig::{Rig, stop};

/// First starts that are killed; `SEALTAIL_TEST_KILLS` asks for more.
const KILLS: u64 = 40;
/// The state is made within this time after its folder appears.
const BIRTH_US_MAX: u64 = 12_000;

#[test]
fn killed_in_its_first_start() {
    let kills = std::env::var("SEALTAIL_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let rig = Rig::new();
    rig.log("worker.log").write(failure(1, 1) + &healthy(1));
    let state = rig.path("state");
    let (mut unborn, mut half, mut born) = (0, 0, 0);
    for kill in 0..kills {
        let running = rig.watch();
        let started = Instant::now();
        // The lock comes first, then the birth.
        while !state.join("state.lock").exists() {
            assert!(started.elapsed() < PATIENCE, "it does not start");
            std::hint::spin_loop();
        }
        let until = Instant::now() + Duration::from_micros(kill * 2_654_435_761 % BIRTH_US_MAX);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        running.end(Signal::KILL);
        match (state.join("state.redb").exists(), state.join("state.creating").exists()) {
            (true, _) => born += 1,
            (false, true) => half += 1,
            (false, false) => unborn += 1,
        }
        let opened = Store::open(&state, Timestamp::now()).unwrap();
        assert_eq!(opened.recovered, None, "kill {kill}");
        drop(opened);
        fs::remove_dir_all(&state).unwrap();
    }
    println!("{kills} first starts killed: {unborn} before, {half} in, {born} after the birth");
    let running = rig.watch();
    // The first failure may have been told by one that was killed; this one is yet to come.
    rig.log("worker.log").write(failure(2, 2) + &healthy(2));
    drop(rig.inbox.until_pid(2));
    stop(running);
}
