//! What is printed without further options: each failure once, with what follows from it.

use std::fs;
use std::io::Write;

use crate::alerts::pack;
use crate::program::{Running, failure, healthy, run, run_with_input, sealtail, text, worker_line};

const PANIC: &str = "thread '<unnamed>' panicked at 'Once instance has previously been poisoned', a.rs:1:2\n";

fn told(log: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    fs::write(&path, log).unwrap();
    let ran = run(&[&["replay", &text(&path)], more].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    ran.stdout.replace(&text(&path), "a.log")
}

/// The ids of the failures, in order.
fn ids(shown: &str) -> Vec<&str> {
    let ids = shown.lines().filter_map(|line| line.split_once("sealtail explain "));
    ids.map(|(_, id)| id.trim_start_matches("--lang zh ")).collect()
}

/// A thread that is paused says so every minute.
fn paused(second: u64, thread: u64) -> String {
    let message = format!(
        "module{{name=\"worker-{thread}\"}}: venus_worker::sealing::worker: waiting for resume signal"
    );
    worker_line(second, "WARN", &message)
}

fn broken(second: u64, thread: u64) -> String {
    let message = format!(
        "module{{name=\"worker-{thread}\"}}: venus_worker::sealing::worker: sealing failed failure=permanent: \
         mmap staged file: \"/mnt/sealing/s-t01000-1304/staged\"\n\nCaused by:\n    memory map must have a non-zero length"
    );
    worker_line(second, "ERROR", &message)
}

#[test]
fn a_page_that_only_knows_that_something_failed_keeps_silent_where_another_knows_what() {
    let shown = told(&(healthy(1) + PANIC), &[]);
    assert_eq!(ids(&shown), ["venus-cluster/once-poisoned"], "{shown}");
    assert!(!shown.contains("no page knows"), "{shown}");
    let alone = told(&(healthy(1) + "thread 'main' panicked at 'x', src/a.rs:1:2\n"), &[]);
    assert_eq!(ids(&alone), ["runtime/rust-panic"], "{alone}");
}

#[test]
fn what_follows_is_told_with_its_cause_and_repeats_are_folded() {
    let log = broken(1, 4) + &(0..30).map(|minute| paused(2 + 60 * minute, 4)).collect::<String>();
    let shown = told(&log, &[]);
    assert_eq!(ids(&shown), ["venus-cluster/mmap-zero-length"], "{shown}");
    for part in [
        "critical   A file to be mapped is empty\n           venus-cluster/mmap-zero-length\n",
        "  once     2022-06-24T14:00:01+08:00  a.log:1\n",
        "  of       thread worker-4; sector s-t01000-1304\n",
        "  explains 30× A sealing thread is paused and waits for an operator\n             a.log:5 … 34\n",
        "  read on  sealtail explain venus-cluster/mmap-zero-length\n",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

/// Time alone silences nobody: what another thread says is told, and names what may be its cause.
#[test]
fn another_thread_is_a_failure_of_its_own_and_names_the_possible_cause() {
    let folder = tempfile::tempdir().unwrap();
    let packs = pack(folder.path());
    let log = |thread: u64| {
        let paused = worker_line(2, "ERROR", "thread is paused");
        worker_line(1, "ERROR", "the disk burns")
            + &paused.replace("ThreadId(07)", &format!("ThreadId({thread:02})"))
    };
    let same = told(&log(7), &["--packs", &packs]);
    assert_eq!(ids(&same), ["site/cause"], "{same}");
    assert!(same.contains("  explains 1× thread is paused\n") && !same.contains("perhaps"), "{same}");
    let other = told(&log(9), &["--packs", &packs]);
    assert_eq!(ids(&other), ["site/cause", "site/state"], "{other}");
    assert!(other.contains("  perhaps  because of: the disk burns\n"), "{other}");
    let page = told(&log(9), &["--packs", &packs, "--html", "-"]);
    assert!(page.contains("Possibly because of: <a href=\"#site/cause\">the disk burns</a>"), "{page}");
}

#[test]
fn the_gravest_come_first_and_of_these_the_earliest() {
    let files = |second| worker_line(second, "ERROR", "x: Too many open files (os error 24)");
    let log = failure(1, 1) + &files(100) + &failure(200, 2);
    let shown = told(&log, &[]);
    assert_eq!(ids(&shown), ["venus-cluster/too-many-open-files", "venus-cluster/ext-unmarshal-response"]);
    for part in [
        "  first    2022-06-24T14:00:01+08:00  a.log:1\n",
        "  newest   2022-06-24T14:03:20+08:00  a.log:3\n",
        "  count    2 findings in 2 groups\n",
        "  of       child_pid 1, 2\n",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    assert!(shown.lines().last().unwrap().starts_with("3 findings in 1 file: 3 lines"), "{shown}");
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    let incident = format!("{}/examples/incident", env!("CARGO_MANIFEST_DIR"));
    for lang in ["en", "zh"] {
        let ran = run(&["replay", &incident, "--lang", lang]);
        let wide = |line: &&str| {
            let columns: usize = line.chars().map(|c| if u32::from(c) > 0x2e80 { 2 } else { 1 }).sum();
            columns > 80
        };
        // A path is copied, so it is never cut.
        let shown = ran.stdout.replace(&incident, "examples/incident");
        let wide: Vec<&str> = shown.lines().filter(wide).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        assert_eq!(ids(&shown).len(), 7, "{shown}");
    }
}

#[test]
fn every_finding_is_told_where_that_is_asked_for() {
    let log = healthy(1) + PANIC + &failure(2, 1);
    let shown = told(&log, &["--findings"]);
    for part in ["critical runtime/rust-panic  a.log:2\n", "  a.log:3\n", "severity findings  signature"] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

#[test]
fn times_are_shown_in_the_zone_that_is_asked_for() {
    let shown = told(&failure(1, 1), &["--tz", "UTC"]);
    assert!(shown.contains("  once     2022-06-24T06:00:01Z  a.log:1\n"), "{shown}");
    let table = told(&failure(1, 1), &["--tz", "+01:00", "--summary"]);
    assert!(table.contains("2022-06-24T07:00:01+01:00"), "{table}");
    let ran = run(&["replay", "-", "--tz", "Mars/Olympus"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("`Mars/Olympus` is no zone"), "{}", ran.stderr);
}

#[test]
fn a_day_begins_in_the_zone() {
    let log = failure(1, 1);
    let count = |arguments: &[&str]| ids(&told(&log, arguments)).len();
    assert_eq!(count(&["--since", "2022-06-24", "--tz", "UTC"]), 1);
    assert_eq!(count(&["--since", "2022-06-25", "--tz", "UTC"]), 0);
    // There it is six in the evening of the day before.
    assert_eq!(count(&["--since", "2022-06-24", "--tz", "-12:00"]), 0);
    assert_eq!(count(&["--until", "2022-06-24", "--tz", "-12:00"]), 1);
    assert_eq!(count(&["--since", "yesterday"]), 0);
    assert_eq!(count(&["--until", "today"]), 1);
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for arguments in [["--alerts", "--summary"], ["--findings", "--summary"], ["--findings", "--alerts"]] {
        let ran = run(&[&["replay", "-"], &arguments[..]].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
    }
}

/// What is written to a pipe is told while the pipe is open.
#[test]
fn a_pipe_is_told_as_it_comes() {
    for (arguments, expected) in [
        (vec![], "error      -:1 An external processor returned a malformed response"),
        (vec!["--findings"], "error    venus-cluster/ext-unmarshal-response  -:1"),
        (vec!["--json"], "{\"kind\":\"finding\""),
        (vec!["--threads", "1"], "error      -:1 "),
    ] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut command = sealtail();
        command.args(["replay", "-"]).args(&arguments).stdin(reader);
        let running = Running::start(command);
        writer.write_all((failure(1, 1) + &healthy(2)).as_bytes()).unwrap();
        running.wait_for_stdout(1);
        drop(writer);
        let ran = running.ended();
        assert!(ran.stdout.starts_with(expected), "{arguments:?}: {}", ran.stdout);
    }
}

#[test]
fn a_pipe_is_told_of_each_failure_and_place_once_and_as_a_whole_at_the_end() {
    let log: String = (0..20).map(|second| failure(second, 7)).collect();
    let shown = run_with_input(&["replay", "-"], log.as_bytes()).stdout;
    assert_eq!(shown.matches("-:1 An external").count(), 1, "{shown}");
    assert!(!shown.contains("-:2 An external"), "{shown}");
    assert!(shown.contains("  count    20 findings\n"), "{shown}");
}
