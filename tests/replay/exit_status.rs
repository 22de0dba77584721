//! 0: ran; 1: `--fail-on` was reached; 2: something could not be read.

use crate::program::{failure, run, run_with_input};

#[test]
fn fail_on_reaches_a_severity() {
    let log = failure(1, 1);
    for (severity, status) in [("info", 1), ("error", 1), ("critical", 0)] {
        let ran = run_with_input(&["replay", "-", "--fail-on", severity], log.as_bytes());
        assert_eq!(ran.status, status, "{severity}");
    }
    assert_eq!(run_with_input(&["replay", "-", "--fail-on", "info"], b"fine\n").status, 0);
}

#[test]
fn what_is_not_there_is_named() {
    let ran = run(&["replay", "/nonexistent/worker.log", "/nonexistent/*.log"]);
    assert_eq!(ran.status, 2);
    for named in ["/nonexistent/worker.log: ", "/nonexistent/*.log: "] {
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    assert!(ran.stdout.contains("2 files could not be read"), "{}", ran.stdout);
}

#[test]
fn usage_is_status_two() {
    assert_eq!(run(&["replay"]).status, 2);
    assert_eq!(run(&["replay", "--threads", "0", "-"]).status, 2);
    assert_eq!(run::<&str>(&[]).status, 2);
}
