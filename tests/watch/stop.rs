//! It stops when it is asked to, and the next start knows how far it came.

use rustix::process::Signal;

use crate::inbox::pids_in_order;
use crate::rig::{Rig, stop};

fn stops_on(signal: Signal) {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..6);
    let running = rig.watch();
    drop(rig.inbox.until_pid(5));
    let ran = running.end(signal);
    assert_eq!((ran.status, &*ran.stdout), (0, ""), "{}", ran.stderr);
    assert!(!ran.stderr.contains("ERROR"), "{}", ran.stderr);

    let running = rig.watch();
    log.fail(6..7);
    let events = rig.inbox.until_pid(6);
    assert_eq!(pids_in_order(&events), [1, 2, 3, 4, 5, 6]);
    drop(events);
    stop(running);
}

#[test]
fn on_sigterm() {
    stops_on(Signal::TERM);
}

#[test]
fn on_sigint() {
    stops_on(Signal::INT);
}

#[test]
fn with_a_request_in_flight() {
    let rig = Rig::answering(|_, _| crate::receiver::Answer::Hang);
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("sent again at the next start"), "{}", ran.stderr);
}
