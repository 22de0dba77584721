//! `--levels`: how many records of each level every file has.

use std::fs;

use serde_json::{Value, json};

use crate::program::{failure, healthy, run, run_with_input, text};

const PANIC: &str = "thread 'x' panicked at 'a', b.rs:1:2\nnote: it belongs to the panic\n";

/// The levels of the summary, which is the last line.
fn levels(arguments: &[&str], log: &str) -> Value {
    let ran = run_with_input(&[&["replay", "--json", "-"], arguments].concat(), log.as_bytes());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    ran.json().last().unwrap()["levels"].clone()
}

#[test]
fn the_summary_has_them_where_they_are_asked_for() {
    let log = [PANIC, &healthy(1), PANIC, &failure(2, 2), &healthy(3)].concat();
    let counts = json!({"TRACE": 0, "DEBUG": 0, "INFO": 2, "WARN": 0, "ERROR": 1, "FATAL": 0, "none": 2});
    assert_eq!(levels(&["--levels"], &log), json!({"-": counts}));
    assert_eq!(levels(&[], &log), Value::Null, "nobody asked");
    assert_eq!(levels(&["--levels"], ""), json!({}), "there is no record");
}

#[test]
fn they_are_a_table_below_what_was_found() {
    let log = [&healthy(1), &failure(2, 2), PANIC].concat();
    for arguments in [&["--summary"][..], &[], &["--alerts"]] {
        let shown =
            run_with_input(&[&["replay", "-", "--levels"], arguments].concat(), log.as_bytes()).stdout;
        let lines: Vec<Vec<&str>> =
            shown.lines().rev().take(2).map(|line| line.split_whitespace().collect()).collect();
        let expected = [
            vec!["0", "0", "1", "0", "1", "0", "1", "-"],
            vec!["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "none", "file"],
        ];
        assert_eq!(lines, expected, "{shown}");
    }
}

#[test]
fn they_are_those_of_a_span_of_time() {
    // The first panic has no time at all; the others have that of the record before.
    let log = [PANIC, &healthy(1), PANIC, &failure(100, 2), PANIC].concat();
    let of = |filter: &str| {
        let levels = levels(&["--levels", filter, "2022-06-24T14:01:00+08:00"], &log);
        ["INFO", "ERROR", "none"].map(|level| levels["-"][level].as_u64().unwrap())
    };
    assert_eq!(of("--since"), [0, 1, 2]);
    assert_eq!(of("--until"), [1, 0, 2]);
}

/// The files are larger than what one thread reads of them at a time.
#[test]
fn any_number_of_threads_counts_every_record_once() {
    let folder = tempfile::tempdir().unwrap();
    let block: String = (0..1_000)
        .map(|n| match n % 100 {
            7 => failure(n, n),
            9 => PANIC.to_owned(),
            _ => healthy(n),
        })
        .collect();
    fs::write(folder.path().join("a.log"), block.repeat(200)).unwrap();
    fs::write(folder.path().join("b.log"), block.repeat(10)).unwrap();
    // No line of it starts a record: the first takes 511 more, each of the others stands alone.
    fs::write(folder.path().join("c.log"), "no record at all\n".repeat(1_200_000)).unwrap();
    for threads in ["1", "2", "7"] {
        let ran = run(&["replay", "--json", "--levels", "--threads", threads, &text(folder.path())]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let levels = ran.json().last().unwrap()["levels"].clone();
        let count =
            |name: &str, level: &str| levels[&text(&folder.path().join(name))][level].as_u64().unwrap();
        for (name, blocks) in [("a.log", 200), ("b.log", 10)] {
            let found = ["INFO", "ERROR", "none"].map(|level| count(name, level));
            assert_eq!(found, [980 * blocks, 10 * blocks, 10 * blocks], "{name}, {threads} threads");
        }
        assert_eq!(count("c.log", "none"), 1_200_000 - 511, "{threads} threads");
    }
}

#[test]
fn they_are_refused_where_they_have_no_place() {
    for arguments in [&["--alerts", "--json"][..], &["--html", "-"]] {
        let ran = run_with_input(&[&["replay", "-", "--levels"], arguments].concat(), b"");
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
}
