//! Where reading begins, and where it goes on.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::inbox::{pids, pids_in_order};
use crate::program::{PATIENCE, Running, sealtail, text};
use crate::rig::{Rig, stop, swap};

#[test]
fn what_was_written_meanwhile_is_found_and_nothing_is_repeated() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..4);
    for round in 0..4 {
        let running = rig.watch();
        drop(rig.inbox.until_pid(3 + round * 3));
        stop(running);
        log.fail(4 + round * 3..7 + round * 3);
        if round % 2 == 1 {
            log.rotate();
        }
    }
    let running = rig.watch();
    let events = rig.inbox.until_pid(15);
    assert_eq!(pids_in_order(&events), (1..16).collect::<Vec<_>>());
    drop(events);
    stop(running);
}

#[test]
fn alerts_go_on_after_a_restart() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    stop(running);
    log.fail(1..2);
    rig.configure(&format!("{}[alert]\nresolve_after = \"2s\"\n", rig.settings()));
    let running = rig.watch();
    let events = rig.inbox.until("resolved", |events| events.iter().any(|event| !event.is_firing()));
    let told: Vec<_> = events.iter().map(|event| (event.number("sequence"), event.number("count"))).collect();
    assert_eq!(told, [(1, 1), (2, 2)]);
    drop(events);
    stop(running);
}

/// Only what exists at the very first start has an end to begin at.
#[test]
fn from_the_end() {
    let rig = Rig::new();
    rig.configure(&swap(&rig.settings(), "\"beginning\"", "\"end\""));
    let mut log = rig.log("worker.log");
    log.fail(1..10);
    let running = rig.watch();
    // When it has seen the end is not told: lines are written until one of them is found.
    let started = Instant::now();
    let mut pid = 10;
    while rig.inbox.events().is_empty() {
        assert!(started.elapsed() < PATIENCE, "nothing is found");
        log.fail(pid..pid + 1);
        pid += 1;
        thread::sleep(Duration::from_millis(20));
    }
    rig.log("later.log").fail(1000..1005);
    drop(rig.inbox.until_pid(1004));
    log.fail(pid..pid + 1);
    drop(rig.inbox.until_pid(pid));
    stop(running);
    log.fail(2000..2001);
    rig.log("latest.log").fail(3000..3001);
    let running = rig.watch();
    drop(rig.inbox.until_pid(2000));
    let events = rig.inbox.until_pid(3000);
    let first = events[0].pid();
    assert!(first >= 10, "{first} was there before the start");
    let expected = (first..=pid).chain(1000..1005).chain([2000, 3000]);
    assert_eq!(pids(&events), expected.clone().collect());
    assert_eq!(events.len(), expected.count());
    drop(events);
    stop(running);
}

#[test]
fn from_the_start_by_argument() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..4);
    for round in 0..2 {
        let mut command = sealtail();
        command.args(["watch", &text(&log.path), "--from-start", "--webhook", &rig.inbox.url()]);
        command.arg("--state-dir").arg(rig.path("kept"));
        let running = Running::start(command);
        drop(rig.inbox.until_pid(3 + round * 3));
        stop(running);
        log.fail(4 + round * 3..7 + round * 3);
    }
    assert_eq!(pids_in_order(&rig.inbox.events()), (1..7).collect::<Vec<_>>());
    assert!(fs::metadata(rig.path("kept")).unwrap().is_dir());
}
