//! `--since`, `--until` and `--signature`.

use crate::program::{failure, run_with_input};

const PANIC: &str =
    "thread '<unnamed>' panicked at 'Once instance has previously been poisoned', /x/once.rs:434:21\n";

fn lines(arguments: &[&str], log: &str) -> Vec<u64> {
    let arguments = [&["replay", "--json", "-"], arguments].concat();
    let ran = run_with_input(&arguments, log.as_bytes());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let (_, findings) = ran.json().split_last().map(|(last, rest)| (last.clone(), rest.to_vec())).unwrap();
    findings.iter().map(|finding| finding["line"].as_u64().unwrap()).collect()
}

#[test]
fn a_window_of_time() {
    let log: String = (0..10).map(|n| failure(n, n)).collect();
    for (arguments, expected) in [
        (vec!["--since", "2022-06-24T14:00:08.5+08:00"], vec![9, 10]),
        (vec!["--until", "2022-06-24T06:00:01Z"], vec![1]),
        (vec!["--since", "2022-06-24T14:00:03+08:00", "--until", "2022-06-24T14:00:05+08:00"], vec![4, 5]),
        (vec!["--since", "2h"], vec![]),
        (vec!["--until", "3d"], (1..=10).collect()),
    ] {
        assert_eq!(lines(&arguments, &log), expected, "{arguments:?}");
    }
}

/// A panic has no time of its own; the record before it dates it.
#[test]
fn a_record_without_time_is_dated_by_the_one_before() {
    let log = [PANIC, &failure(1, 1), PANIC, &failure(100, 1), PANIC].concat();
    let seen =
        |filter: &str| lines(&[filter, "2022-06-24T14:01:00+08:00", "--signature", "venus-cluster/*"], &log);
    assert_eq!(seen("--since"), [1, 4, 5], "the first has no date at all");
    assert_eq!(seen("--until"), [1, 2, 3]);
}

#[test]
fn some_signatures_only() {
    let log = [PANIC, &failure(1, 1)].concat();
    assert_eq!(lines(&["--signature", "venus-cluster/once-*"], &log), [1]);
    assert_eq!(lines(&["--signature", "*/ext-*", "--signature", "*/once-poisoned"], &log), [1, 2]);
    let ran = run_with_input(&["replay", "-", "--signature", "nothing/*"], b"");
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("no signature matches nothing/*"), "{}", ran.stderr);
}

#[test]
fn a_time_that_is_none_is_refused() {
    let ran = run_with_input(&["replay", "-", "--since", "tomorrow"], b"");
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("`tomorrow` is not a time"), "{}", ran.stderr);
    let ran = run_with_input(&["replay", "-", "--since", "2h", "--until", "3d"], b"");
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("--since must be before --until"), "{}", ran.stderr);
}
