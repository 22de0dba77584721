//! What sealtail says of itself reaches people as alerts do.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;

use crate::inbox::{Event, Inbox};
use crate::program::{Running, failure, healthy, sealtail, text};
use crate::receiver::Answer;
use crate::rig::{Rig, sink, swap};

/// The alerts of one signature.
fn of<'e>(events: &'e [Event], signature: &str) -> Vec<&'e Event> {
    events.iter().filter(|event| event.text("signature") == signature).collect()
}

#[test]
fn a_parked_sink_is_told_through_another_and_never_through_itself() {
    let status = Arc::new(AtomicU16::new(401));
    let seen = status.clone();
    let rig = Rig::answering(move |_, _| Answer::status(seen.load(Ordering::SeqCst)));
    let spare = Inbox::start(|_, _| Answer::status(200));
    rig.configure(&format!("{}\n{}", rig.settings(), sink("spare", &spare.url())));
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    let parked = "sealtail/sink-parked";
    let events = spare.until("that ops is parked", |events| !of(events, parked).is_empty());
    let told = of(&events, parked)[0];
    assert_eq!((&told.data["group"]["sink"], told.text("status")), (&"ops".into(), "firing"));
    assert_eq!((told.text("source"), told.text("severity")), ("sealtail", "error"));
    assert!(told.text("record").contains("status 401"), "{}", told.data);
    drop(events);

    status.store(200, Ordering::SeqCst);
    running.signal(Signal::HUP);
    let events = spare.until("that it is over", |events| of(events, parked).len() == 2);
    assert_eq!(of(&events, parked)[1].text("status"), "resolved");
    assert!(of(&rig.inbox.events(), parked).is_empty(), "a sink is told nothing of itself");
    assert_eq!(running.end(Signal::TERM).status, 0);
}

#[test]
fn lost_bytes_are_an_alert_with_the_path() {
    let rig = Rig::new();
    // The last line may go on, and is not searched before it ends.
    rig.configure(&swap(&rig.settings(), "hold = \"50ms\"", "hold = \"30s\""));
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    assert_eq!(running.end(Signal::TERM).status, 0);
    log.fail(2..3);
    fs::remove_file(&log.path).unwrap();
    rig.log("worker.log").fail(3..4);
    let running = rig.watch();
    drop(rig.inbox.until_pid(3));
    let lost = "sealtail/bytes-lost";
    let events = rig.inbox.until("that bytes are lost", |events| !of(events, lost).is_empty());
    let told = of(&events, lost)[0];
    assert_eq!(told.data["group"]["path"], text(&log.path));
    assert_eq!(told.data["fields"]["bytes"], healthy(0).len().to_string());
    drop(events);
    assert_eq!(running.end(Signal::TERM).status, 0);
}

#[test]
fn a_refused_configuration_is_an_alert_until_one_is_taken() {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    rig.configure(&swap(&rig.settings(), "hold = \"50ms\"", "hold = 50"));
    running.signal(Signal::HUP);
    let refused = "sealtail/reload-refused";
    drop(rig.inbox.until("that it was refused", |events| of(events, refused).len() == 1));
    rig.configure(&rig.settings());
    running.signal(Signal::HUP);
    let events = rig.inbox.until("that it is over", |events| of(events, refused).len() == 2);
    assert_eq!(of(&events, refused)[1].text("status"), "resolved");
    drop(events);
    assert_eq!(running.end(Signal::TERM).status, 0);
}

#[test]
fn disabled_pages_leave_the_log_alone() {
    let rig = Rig::answering(|_, _| Answer::status(200));
    rig.configure(&format!("disable = [\"sealtail/*\"]\n{}", rig.settings()));
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    rig.configure("nonsense = 1");
    running.signal(Signal::HUP);
    running.wait_for_stderr("the running one stays in use", 1);
    rig.log("other.log").fail(2..3);
    let events = rig.inbox.until_pid(2);
    assert!(events.iter().all(|event| !event.text("signature").starts_with("sealtail/")));
    drop(events);
    assert_eq!(running.end(Signal::TERM).status, 0);
}

#[test]
fn a_log_in_utf_16_is_an_alert_and_its_neighbours_are_found() {
    let rig = Rig::new();
    let text = format!("\u{feff}{}", healthy(1).repeat(3));
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    rig.log("windows.log").write(&units);
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    let utf16 = "sealtail/file-utf-16";
    let events = rig.inbox.until("that a log is in UTF-16", |events| !of(events, utf16).is_empty());
    let told = of(&events, utf16)[0];
    assert_eq!(told.data["group"]["path"], text_of(&rig, "windows.log"));
    drop(events);
    // Whoever appends in another encoding is seen too; a second look at a file is not logged again.
    rig.log("other.log").write(healthy(1));
    rig.log("windows.log").write(&units[2..]);
    running.wait_for_stderr("windows.log is UTF-16", 1);
    rig.log("other.log").write(&units[2..]);
    let events = rig.inbox.until("that the other is too", |events| of(events, utf16).len() == 2);
    assert_eq!(of(&events, utf16)[1].data["group"]["path"], text_of(&rig, "other.log"));
    drop(events);
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.stderr.matches("windows.log is UTF-16").count(), 1, "{}", ran.stderr);
}

#[test]
fn a_log_ahead_of_the_clock_is_an_alert() {
    let rig = Rig::new();
    let now = Timestamp::now();
    let after = |minutes: i64| {
        let time = now + SignedDuration::from_mins(minutes);
        failure(1, minutes.unsigned_abs()).replacen("2022-06-24T14:00:01.5+08:00", &time.to_string(), 1)
    };
    // Behind the clock is no fault, nor is a little ahead: the clocks of two boxes differ.
    rig.log("behind.log").write(after(-600));
    rig.log("near.log").write(after(4));
    rig.log("ahead.log").write(after(60));
    let running = rig.watch();
    for pid in [600, 4, 60] {
        drop(rig.inbox.until_pid(pid));
    }
    let skew = "sealtail/clock-skew";
    let events = rig.inbox.until("that a clock is wrong", |events| !of(events, skew).is_empty());
    let told = of(&events, skew);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].data["group"]["path"], text_of(&rig, "ahead.log"));
    assert!(told[0].text("record").contains("ahead of this box's clock"), "{}", told[0].data);
    drop(events);
    let ran = running.end(Signal::TERM);
    assert_eq!((ran.status, ran.stderr.matches("ahead of this box's clock").count()), (0, 1));
}

fn text_of(rig: &Rig, log: &str) -> String {
    text(&rig.path("log").join(log))
}

#[test]
fn a_file_with_a_hostile_name_writes_no_line_of_the_log() {
    let rig = Rig::new();
    let name = "a\n2026-01-01T00:00:00Z ERROR forged \u{202e}\u{1b}[31m.log";
    let utf_16: Vec<u8> = healthy(1).encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(rig.path("log").join(name), utf_16).unwrap();
    let running = rig.watch_with(&["--color", "never"]);
    running.wait_for_stderr("is UTF-16", 1);
    let ran = running.end(Signal::TERM);
    assert!(ran.stderr.contains("forged \\u{202e}\\u{1b}[31m.log"), "{}", ran.stderr);
    assert!(!ran.stderr.lines().any(|line| line.starts_with("2026-01-01")), "{}", ran.stderr);
    assert!(!ran.stderr.contains(['\u{202e}', '\u{1b}']), "{}", ran.stderr);
}

#[test]
fn a_configuration_with_a_hostile_name_writes_no_line_of_the_log() {
    let rig = Rig::new();
    let mut command = sealtail();
    command.arg("watch").arg("--config");
    command.arg(rig.path("a\n2026-01-01T00:00:00Z ERROR forged \u{202e}\u{1b}[31m.toml"));
    let ran = Running::start(command).ended();
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("forged \\u{202e}\\u{1b}[31m.toml"), "{}", ran.stderr);
    assert!(!ran.stderr.lines().any(|line| line.starts_with("2026-01-01")), "{}", ran.stderr);
    assert!(!ran.stderr.contains(['\u{202e}', '\u{1b}']), "{}", ran.stderr);
}
