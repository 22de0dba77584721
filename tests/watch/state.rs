//! Positions, and what an operator does about them with `sealtail state`.

use std::fs;

use serde_json::Value;

use crate::inbox::Event;
use crate::program::{Ran, healthy, run, text};
use crate::rig::{Rig, stop};

/// Runs `sealtail state` on the state of `rig`.
fn state(rig: &Rig, arguments: &[&str]) -> Ran {
    let config = text(&rig.path("sealtail.toml"));
    run(&[&["state"], arguments, &["--config", &config]].concat())
}

/// The positions as `state list --json` tells them.
fn positions(rig: &Rig) -> Vec<Value> {
    let ran = state(rig, &["list", "--json"]);
    assert_eq!((ran.status, &*ran.stderr), (0, ""));
    ran.json()
}

/// Bytes at the end of a file that are read and not settled: the next line may belong to its record.
fn last_line() -> u64 {
    healthy(0).len() as u64
}

/// A rig that has told of the pids 1 to 3 in `worker.log` and of 4 in `other.log`.
fn told() -> Rig {
    let rig = Rig::counting();
    rig.log("worker.log").fail(1..4);
    rig.log("other.log").fail(4..5);
    let running = rig.watch();
    rig.assert_each_once(1..5);
    stop(running);
    rig
}

/// Waits until alerts with these pids have opened after the first `count` messages, and no others.
fn assert_opened_after(rig: &Rig, count: usize, expected: &[u64]) {
    let opened = |events: &[Event]| {
        let firing = events[count..].iter().filter(|event| event.is_firing());
        let mut pids: Vec<u64> = firing.map(Event::pid).collect();
        pids.sort_unstable();
        pids
    };
    let events = rig.inbox.until("what is told again", |events| {
        let opened = opened(events);
        expected.iter().all(|pid| opened.contains(pid))
    });
    assert_eq!(opened(&events), expected);
}

#[test]
fn positions_are_listed_with_what_is_not_read_yet() {
    let rig = told();
    let size = |name: &str| fs::metadata(rig.path(name)).unwrap().len();
    let read = size("log/worker.log") - last_line();
    let mut log = rig.log("worker.log");
    log.fail(5..6);
    log.rotate();
    fs::remove_file(rig.path("log/other.log")).unwrap();
    let list = positions(&rig);
    assert_eq!(list.len(), 2);
    for (position, name, size, unread) in [
        (&list[0], "log/other.log", Value::Null, Value::Null),
        (
            &list[1],
            "log/worker.log.1",
            size("log/worker.log.1").into(),
            (size("log/worker.log.1") - read).into(),
        ),
    ] {
        assert_eq!(position["kind"], "position");
        assert_eq!(
            (&position["source"], &position["path"]),
            (&"worker".into(), &text(&rig.path(name)).into())
        );
        assert_eq!((&position["size"], &position["unread"]), (&size, &unread), "{name}");
        assert_eq!(position["written"].is_null(), size.is_null());
    }
    assert_eq!((&list[1]["offset"], &list[1]["line"]), (&read.into(), &7.into()));

    let shown = state(&rig, &["list"]).stdout;
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["source", "offset", "size", "unread", "written", "file"]);
    assert_eq!(lines[1][2..5], ["-", "-", "-"]);
    assert!(shown.lines().nth(1).unwrap().ends_with("other.log (not found)"), "{shown}");
    assert_eq!(lines[2][1], read.to_string());
    assert_eq!(lines[2][5], text(&rig.path("log/worker.log.1")));
}

#[test]
fn from_the_start_all_is_told_again() {
    let rig = told();
    let before = positions(&rig);
    let size = fs::metadata(rig.path("log/worker.log")).unwrap().len() - last_line();
    let dry = state(&rig, &["reset", "--path", "worker.log"]);
    assert_eq!((dry.status, &*dry.stderr), (0, ""));
    let path = text(&rig.path("log/worker.log"));
    assert_eq!(
        dry.stdout,
        format!(
            "{path}: {size} bytes would be read again\n1 file: {size} bytes would be read again; nothing was changed: repeat with --yes to apply\n"
        )
    );
    assert_eq!(positions(&rig), before, "nothing was changed");

    let done = state(&rig, &["reset", "--path", "worker.log", "--yes"]);
    assert_eq!(
        done.stdout,
        format!(
            "{path}: {size} bytes are read again\n1 file: {size} bytes are read again; when `sealtail watch` starts\n"
        )
    );
    assert_eq!(positions(&rig)[1]["offset"], 0);
    // The export says so, too: it is what counts should the state be damaged.
    fs::write(rig.path("state/state.redb"), "").unwrap();
    let count = rig.inbox.events().len();
    // It is known under whatever name rotation gives it.
    rig.log("worker.log").rotate();
    let running = rig.watch();
    rig.log("worker.log").fail(6..7);
    running.wait_for_stderr("restored from the export", 1);
    // 0 is the damage.
    assert_opened_after(&rig, count, &[0, 1, 2, 3, 6]);
    drop(running);
}

#[test]
fn to_the_end_what_is_not_read_is_skipped() {
    let rig = told();
    let mut log = rig.log("worker.log");
    log.fail(5..8);
    let end = fs::metadata(&log.path).unwrap().len();
    let unread: u64 = positions(&rig).iter().map(|position| position["unread"].as_u64().unwrap()).sum();
    // A line that is not whole is not skipped.
    let half = healthy(1);
    let (half, rest) = half.split_at(20);
    log.write(half);
    let all = text(&rig.path("log/*.log"));
    let done = state(&rig, &["reset", "--path", &all, "--to", "end", "--yes"]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    assert!(
        done.stdout
            .ends_with(&format!("2 files: {unread} bytes are skipped; when `sealtail watch` starts\n"))
    );
    let list = positions(&rig);
    assert_eq!((&list[1]["offset"], &list[1]["line"]), (&end.into(), &15.into()));
    assert_eq!((&list[0]["unread"], &list[1]["unread"]), (&0.into(), &20.into()));
    let count = rig.inbox.events().len();
    log.write(rest);
    log.fail(8..9);
    let running = rig.watch();
    assert_opened_after(&rig, count, &[8]);
    stop(running);
}

#[test]
fn what_is_not_there_or_another_file_stays_as_it_is() {
    let rig = told();
    fs::remove_file(rig.path("log/other.log")).unwrap();
    fs::write(rig.path("log/worker.log"), healthy(7)).unwrap();
    let before = positions(&rig);
    for to in ["start", "end"] {
        let ran = state(&rig, &["reset", "--path", "*.log", "--to", to, "--yes"]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert_eq!(ran.stdout.matches(": not found, left unchanged\n").count(), 2, "{}", ran.stdout);
        assert!(ran.stdout.contains("\n0 files: 0 bytes"), "{}", ran.stdout);
    }
    assert_eq!(positions(&rig), before);
    let none = state(&rig, &["reset", "--path", "*.log", "--path", "miner.log", "--yes"]);
    assert_eq!((none.status, &*none.stdout), (2, ""));
    assert!(none.stderr.contains("no position matches `miner.log`"), "{}", none.stderr);
    assert_eq!(state(&rig, &["reset"]).status, 2, "what is meant has to be said");
}

#[test]
fn a_file_that_is_named_like_a_glob_is_that_file() {
    let rig = Rig::counting();
    for (name, pid) in [("[x].log", 1), ("x.log", 2), ("[x.log", 3)] {
        rig.log(name).fail(pid..pid + 1);
    }
    let running = rig.watch();
    rig.assert_each_once(1..4);
    stop(running);
    for name in ["[x].log", "x.log", "[x.log"] {
        let path = text(&rig.path("log").join(name));
        for argument in [name, &path] {
            let ran = state(&rig, &["reset", "--path", argument]);
            assert_eq!(ran.status, 0, "{}", ran.stderr);
            assert!(ran.stdout.starts_with(&format!("{path}: ")), "{argument}: {}", ran.stdout);
            assert!(ran.stdout.contains("\n1 file: "), "{argument}: {}", ran.stdout);
        }
    }
    assert!(state(&rig, &["reset", "--path", "[a-z].log"]).stdout.starts_with(&text(&rig.path("log/x.log"))));
    let neither = state(&rig, &["reset", "--path", "[y.log"]);
    assert_eq!(neither.status, 2);
    assert!(neither.stderr.contains("`[y.log` is neither a file nor a valid glob"), "{}", neither.stderr);
}

#[test]
fn it_keeps_off_a_state_that_is_watched() {
    let rig = Rig::new();
    let missing = state(&rig, &["list"]);
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("there is no state in"), "{}", missing.stderr);
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    fs::remove_file(rig.path("state/control.sock")).unwrap();
    for arguments in [&["list"][..], &["reset", "--path", "*", "--yes"]] {
        let ran = state(&rig, arguments);
        assert_eq!((ran.status, &*ran.stdout), (2, ""));
        for part in [&*format!("in use by process {}\n", running.pid()), "stop `sealtail watch`"] {
            assert!(ran.stderr.contains(part), "{part:?} is not in\n{}", ran.stderr);
        }
    }
    stop(running);
}

/// The examples of the help, with the folders of a test.
#[test]
fn the_examples_of_its_help_run() {
    let rig = told();
    let help = run(&["state", "--help"]).stdout;
    let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  sealtail ")).collect();
    assert_eq!(examples.len(), 3, "{help}");
    for example in examples {
        let (log, folder) = (text(&rig.path("log")), text(&rig.path("state")));
        let example = example.replace(" --state-dir /var/lib/sealtail", "");
        let example = example.replace("/var/log/venus-worker", &log).replace('\'', "");
        let arguments: Vec<&str> = example.split(' ').chain(["--state-dir", &folder]).collect();
        let ran = run(&arguments);
        assert_eq!(ran.status, 0, "{example}\n{}", ran.stderr);
        assert!(ran.stdout.contains("worker.log"), "{example}\n{}", ran.stdout);
    }
}
