//! Replay of a log shows what watch sent for it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use serde_json::Value;

use crate::inbox::Event;
use crate::program::{failure, healthy, run, text, worker_line};
use crate::rig::{Rig, stop, swap};

/// What an alert of a replay and the one that watch sends have in common.
const SHARED: [&str; 7] = ["signature", "line", "offset", "fields", "record", "first_seen", "last_seen"];
const PANIC: &str =
    "thread '<unnamed>' panicked at /rustc/0/once.rs:152:21:\nOnce instance has previously been poisoned\n";

#[test]
fn of_the_incident() {
    let incident = format!("{}/examples/incident", env!("CARGO_MANIFEST_DIR"));
    let logs = ["worker.log", "manager.log", "worker.log.1"];
    let logs = logs.map(|name| (name.to_owned(), fs::read(format!("{incident}/{name}")).unwrap()));
    assert_same(&logs);
}

#[test]
fn of_everything_at_once() {
    let mut log = String::new();
    for second in 0..300 {
        log += &healthy(second);
        log += &match second % 7 {
            0 => failure(second, second),
            1 => failure(second, second).replace("'x'", "'x\n'"),
            2 => failure(second, second).replace("'x'", "'\x1b[1mx\x1b[0m\u{9519}'"),
            3 => failure(second, second).replace('\n', "\r\n"),
            4 => failure(second, second).replace("ERROR", "DEBUG"),
            5 => worker_line(
                second,
                "ERROR",
                "a::b: broken\n\nCaused by:\n    Too many open files (os error 24)",
            ),
            _ => PANIC.to_owned(),
        };
    }
    // Larger than what is read at a time, so that records lie across the borders.
    let filler = worker_line(0, "INFO", &"well ".repeat(2_000)).repeat(40);
    let later = log.replace("child_pid=", "child_pid=9").replace("T14:", "T16:");
    let log = [&*log, &filler, &later].concat();
    assert_same(&[("worker.log".to_owned(), log.into_bytes())]);
}

/// A panic has no time of its own: it is dated by the line before it, whenever that was read.
#[test]
fn of_a_panic_that_comes_later_than_the_line_before_it() {
    for meanwhile in ["nothing", "a restart", "a rotation", "a rotation and a restart"] {
        let rig = Rig::new();
        rig.configure(&swap(&rig.settings(), "log/*.log", "log/worker.log*"));
        let mut log = rig.log("worker.log");
        let begin = healthy(1) + &failure(2, 1) + &healthy(3);
        log.write(&begin);
        let mut running = rig.watch();
        // Then all before the last line has been read, and that line with it.
        drop(rig.inbox.until_pid(1));
        if meanwhile.contains("restart") {
            stop(running);
            running = rig.watch();
            running.wait_for_stderr("watching", 1);
        }
        let end = PANIC.to_owned() + &healthy(4);
        if meanwhile.contains("rotation") {
            // Its writer goes on for a while.
            log.rotate().write_all(end.as_bytes()).unwrap();
        } else {
            log.write(&end);
        }
        let events = rig.inbox.until("the panic", |events| events.len() >= 2);
        let sent: Vec<_> = events.iter().map(|event| shared(&event.data)).collect();
        drop(events);
        stop(running);
        fs::write(rig.path("whole"), begin + &end).unwrap();
        let ran = run(&["replay", "--alerts", "--json", &text(&rig.path("whole"))]);
        assert_eq!(sent, opening(ran.json()), "{meanwhile}");
    }
}

/// Watches each log by a source of its own, and replays it.
fn assert_same(logs: &[(String, Vec<u8>)]) {
    let rig = Rig::new();
    let settings = rig.settings();
    let (source, sink) = (settings.find("[[source]]").unwrap(), settings.find("[[sink").unwrap());
    let mut configuration = settings[..source].to_owned();
    let mut expected = Vec::new();
    for (name, log) in logs {
        let path = rig.path("log").join(name);
        fs::write(&path, log).unwrap();
        configuration += &settings[source..sink]
            .replace("\"worker\"", &format!("\"{name}\""))
            .replace("log/*.log", &text(&path));
        let ran = run(&["replay", "--alerts", "--json", &text(&path)]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        expected.extend(opening(ran.json()));
    }
    rig.configure(&(configuration + &settings[sink..]));
    assert!(expected.len() > 3, "{} alerts", expected.len());

    let running = rig.watch();
    let first = |events: &[Event]| events.iter().filter(|event| event.data["sequence"] == 1).count();
    drop(rig.inbox.until("every alert", |events| first(events) >= expected.len()));
    stop(running);
    let events = rig.inbox.events();
    let mut sent: Vec<_> =
        events.iter().filter(|event| event.data["sequence"] == 1).map(|event| shared(&event.data)).collect();
    sent.sort();
    expected.sort();
    for (sent, expected) in sent.iter().zip(&expected) {
        assert_eq!(sent, expected);
    }
    assert_eq!(sent.len(), expected.len());
}

/// The first message of each alert that a replay would have sent.
fn opening(alerts: Vec<Value>) -> Vec<String> {
    let mut open = BTreeSet::new();
    let mut first = alerts;
    first.retain(|alert| open.insert(alert["fingerprint"].to_string()));
    first.iter().map(shared).collect()
}

fn shared(value: &Value) -> String {
    SHARED.map(|key| value[key].to_string()).join(" ")
}
