//! A state that is damaged: reading goes on from the export, somebody is told, nothing is deleted.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use rustix::process::Signal;

use crate::inbox::{Event, pids_in_order};
use crate::program::{PATIENCE, Ran, run, text};
use crate::rig::{Rig, stop};

const DAMAGED: &str = "sealtail/state-damaged";

fn state(rig: &Rig) -> PathBuf {
    rig.path("state/state.redb")
}

/// The pids of alerts about the worker after the first `count`, in order.
fn pids_after(events: &[Event], count: usize) -> Vec<u64> {
    let mut pids = pids_in_order(&events[count..]);
    pids.retain(|&pid| pid > 0);
    pids
}

/// A rig that has told of the pids 1 to 9.
fn told() -> Rig {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..10);
    let running = rig.watch();
    drop(rig.inbox.until_pid(9));
    stop(running);
    rig
}

/// Damaged files that were kept, and what is in them.
fn kept(rig: &Rig, stem: &str) -> Vec<Vec<u8>> {
    let names = fs::read_dir(rig.path("state")).unwrap().map(|entry| entry.unwrap().path());
    let kept = names.filter(|path| text(path).contains(&format!("/{stem}.corrupt-")));
    kept.map(|path| fs::read(path).unwrap()).collect()
}

/// Runs `sealtail watch` to an end that it comes to by itself.
fn refused(rig: &Rig, arguments: &[&str]) -> Ran {
    let config = text(&rig.path("sealtail.toml"));
    run(&[&["watch", "--config", &config], arguments].concat())
}

#[test]
fn reading_goes_on_from_the_export() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 3] = [
        ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
        ("zeroed", |bytes| bytes.fill(0)),
        ("foreign", |bytes| *bytes = b"SQLite format 3\0".repeat(4096)),
    ];
    for (name, damage) in damages {
        let rig = told();
        let count = rig.inbox.events().len();
        let mut bytes = fs::read(state(&rig)).unwrap();
        damage(&mut bytes);
        fs::write(state(&rig), &bytes).unwrap();
        rig.log("worker.log").fail(10..20);
        let running = rig.watch();
        let events = rig.inbox.until(name, |events| {
            pids_after(events, count).len() >= 10
                && events.iter().any(|event| event.text("signature") == DAMAGED)
        });
        assert_eq!(pids_after(&events, count), (10..20).collect::<Vec<_>>(), "{name}: only what is new");
        let told = events.iter().find(|event| event.text("signature") == DAMAGED).unwrap();
        let moved = told.data["fields"]["moved"].as_str().unwrap();
        assert_eq!(fs::read(moved).unwrap(), bytes, "{name}");
        assert!(
            told.text("record").contains("positions of 1 file were restored from the export"),
            "{}",
            told.data
        );
        drop(events);
        let ran = running.end(Signal::TERM);
        assert_eq!((ran.status, ran.stderr.matches("ERROR").count()), (0, 1), "{}", ran.stderr);
        // The next start finds nothing wrong.
        let running = rig.watch();
        rig.log("worker.log").fail(20..21);
        drop(rig.inbox.until_pid(20));
        stop(running);
        assert_eq!(kept(&rig, "state").len(), 1, "{name}");
    }
}

/// The export is there soon after the start, for a kill asks nobody.
#[test]
fn a_kill_leaves_an_export_too() {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..10);
    let running = rig.watch();
    drop(rig.inbox.until_pid(9));
    let started = Instant::now();
    while !rig.path("state/checkpoints.json").exists() {
        assert!(started.elapsed() < PATIENCE, "nothing is exported");
        std::thread::yield_now();
    }
    running.end(Signal::KILL);
    fs::write(state(&rig), "").unwrap();
    let running = rig.watch();
    running.wait_for_stderr("positions of 1 file were restored from the export", 1);
    assert_eq!(running.end(Signal::TERM).status, 0);
}

#[test]
fn with_the_export_damaged_too_files_are_read_from_their_beginning() {
    let rig = told();
    let count = rig.inbox.events().len();
    fs::write(state(&rig), "").unwrap();
    fs::write(rig.path("state/checkpoints.json"), "{").unwrap();
    let running = rig.watch();
    running.wait_for_stderr("the export is damaged too", 1);
    let events = rig.inbox.until("all of it again", |events| pids_after(events, count).len() >= 9);
    assert_eq!(pids_after(&events, count), (1..10).collect::<Vec<_>>());
    drop(events);
    assert_eq!(running.end(Signal::TERM).status, 0);
    assert_eq!(kept(&rig, "checkpoints"), [b"{"]);
}

#[test]
fn on_strict_terms_it_does_not_start() {
    let rig = told();
    fs::write(state(&rig), "no state").unwrap();
    for _ in 0..2 {
        let ran = refused(&rig, &["--strict-state"]);
        assert_eq!((ran.status, &*ran.stdout), (2, ""));
        let said = format!("{} is damaged and was not changed", text(&state(&rig)));
        assert!(ran.stderr.contains(&said) && ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    // Nor does looking at it move it.
    let folder = text(&rig.path("state"));
    let ran = run(&["outbox", "list", "--state-dir", &folder]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("was not changed"), "{}", ran.stderr);
    assert_eq!(fs::read(state(&rig)).unwrap(), b"no state");
    assert!(kept(&rig, "state").is_empty());
    let running = rig.watch();
    running.wait_for_stderr("the state was damaged", 1);
    assert_eq!(running.end(Signal::TERM).status, 0);
    // A whole one is no hindrance, and one that is on a disk of this box needs no leave.
    let running = rig.watch_with(&["--strict-state", "--allow-network-state"]);
    rig.log("worker.log").fail(10..11);
    drop(rig.inbox.until_pid(10));
    stop(running);
}
