//! Records of every shape that the formats write, told apart in whole logs.

use super::*;

/// The texts of all records of a log.
fn texts(log: &str) -> Vec<String> {
    let frames = Frames::new(log.as_bytes(), Mode::Record);
    let mut texts = Vec::new();
    let mut at = 0;
    while at < log.len() {
        let range = frames.around(at, 0).unwrap();
        assert_eq!(range.start, at, "records follow one another");
        texts.push(record(&log.as_bytes()[range.clone()], Place::default(), &TimeZone::UTC).text);
        at = range.end + 1;
    }
    texts
}

#[test]
fn a_log_falls_into_its_records() {
    let worker = "2022-06-24T14:33:24.1+08:00 ERROR ThreadId(42) venus_worker::sealing: sealing failed failure=permanent: open\n\nCaused by:\n    Too many open files (os error 24) retry=2";
    let panic = "thread '<unnamed>' panicked at 'assertion failed: `(left == right)`\n  left: `0`,\n right: `2`', /x/cores.rs:151:5\nnote: run with `RUST_BACKTRACE=1`";
    let zap = "2022-06-24T14:33:24.100+0800\tERROR\tposter\tposter/runner.go:462\tfailed:\n    pkg.func\n        /path/file.go:12\n  - inner";
    let go = "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:5 +0x1d\nexit status 2";
    let kernel = "[12345.678901] Out of memory: Killed process 4242 (venus-worker)";
    let log = [worker, panic, zap, go, kernel, worker].join("\n");
    assert_eq!(texts(&log), [worker, panic, zap, go, kernel, worker]);
    assert_eq!(texts(&format!("{log}\n")).len(), 6, "a last newline opens no record");
}

#[test]
fn a_prefix_is_peeled_off_every_line() {
    let log = "Jun 24 14:33:24 seal-07 venus-worker[77]: thread 'main' panicked at src/a.rs:1:2:\n\
               Jun 24 14:33:24 seal-07 venus-worker[77]: it broke\n\
               Jun 24 14:33:25 seal-07 venus-worker[77]: 2022-06-24T06:33:25Z  INFO ThreadId(01) venus_worker: fine\n";
    assert_eq!(
        texts(log),
        [
            "thread 'main' panicked at src/a.rs:1:2:\nit broke",
            "2022-06-24T06:33:25Z  INFO ThreadId(01) venus_worker: fine"
        ]
    );
}

/// A line as docker ships it.
fn docker(line: &str) -> String {
    let log = serde_json::json!(format!("{line}\n"));
    format!(r#"{{"log":{log},"stream":"stderr","time":"2022-06-24T06:33:24.000000001Z"}}"#)
}

#[test]
fn a_docker_log_falls_into_the_records_it_carries() {
    let records = [
        "2022-06-24T14:33:24.1+08:00 ERROR ThreadId(42) venus_worker::sealing: sealing failed: open\n\nCaused by:\n    Too many open files (os error 24)",
        "thread 'main' panicked at 'assertion failed: `(left == right)`\n  left: `\"0\"`,\n right: `\"\\\\2\"`', /x/cores.rs:151:5\nnote: run with `RUST_BACKTRACE=1`",
        "2022-06-24T14:33:24.100+0800\tERROR\tposter\tposter/runner.go:462\tfailed:\n    pkg.func\n  - inner\t{\"miner\": 1000}",
        "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:5 +0x1d\nexit status 2",
        "2022-06-24T14:33:24.1+08:00  INFO ThreadId(42) venus_worker: fine",
    ];
    let plain = records.join("\n");
    let shipped: Vec<String> = plain.split('\n').map(docker).collect();
    assert_eq!(texts(&shipped.join("\n")), records);
    let cut = &shipped.join("\n")[..shipped.concat().len() - 60];
    assert_eq!(texts(cut)[..4], records[..4], "the last object is still being written");
}

#[test]
fn a_docker_line_longer_than_an_opening_starts_a_record() {
    let head = "2022-06-24T14:33:24.1+08:00 ERROR ThreadId(42) venus_worker: ";
    // The opening ends in every part of an escape.
    for length in OPENING_BYTES_MAX - 100..OPENING_BYTES_MAX {
        let line = docker(&format!("{head}{}\u{1}\u{2}\"\\{}", "x".repeat(length), "密".repeat(99)));
        assert!(starts(line.as_bytes()), "{length}");
        assert!(!starts(docker(&format!("   {}\u{1}\u{2}", "x".repeat(length))).as_bytes()), "{length}");
    }
}

#[test]
fn docker_dates_a_line_that_has_no_time() {
    let line = docker("thread 'main' panicked at src/a.rs:1:2:");
    let shown = |time: Option<Time>| time.map(|time| time.to_string());
    assert_eq!(
        shown(time(line.as_bytes(), &TimeZone::UTC)).as_deref(),
        Some("2022-06-24T06:33:24.000000001Z")
    );
    let record = record(line.as_bytes(), Place::default(), &TimeZone::UTC);
    assert_eq!(shown(record.head.time).as_deref(), Some("2022-06-24T06:33:24.000000001Z"));
}

#[test]
fn a_record_has_its_limits() {
    let head = "2022-06-24T06:33:25Z ERROR ThreadId(01) venus_worker: x\n";
    let log = format!("{head}{}", "    line\n".repeat(RECORD_LINES_MAX + 3));
    let lines: Vec<usize> = texts(&log).iter().map(|text| text.lines().count()).collect();
    assert_eq!(lines, [RECORD_LINES_MAX, 1, 1, 1, 1]);

    let long = "y".repeat(RECORD_BYTES_MAX);
    let log = format!("{head}{long}\n    beyond\n{head}");
    assert_eq!(texts(&log).len(), 3);
}

#[test]
fn the_lines_around_a_record() {
    let log = b"one\ntwo\nthree\nfour\nfi";
    let frames = Frames::new(log, Mode::Record);
    let before: Vec<_> = frames.lines_before(8).map(|(_, line)| line).collect();
    assert_eq!(before, [b"two".as_slice(), b"one"]);
    let after: Vec<_> = frames.lines_after(7).collect();
    assert_eq!(after, [b"three".as_slice(), b"four"]);
    assert_eq!(frames.lines_after(log.len()).count(), 0);
    assert_eq!(frames.lines_before(0).count(), 0);
}

#[test]
fn a_prefix_dates_a_line_that_has_no_time() {
    let line = b"2022-06-24T14:33:24+0800 seal-07 venus-worker[77]: thread 'main' panicked at src/a.rs:1:2:";
    let time = time(line, &TimeZone::UTC).map(|time| time.to_string());
    assert_eq!(time.as_deref(), Some("2022-06-24T14:33:24+08:00"));
}

#[test]
fn zap_fields_stand_behind_the_last_line() {
    let log = b"2022-06-24T14:33:24.100+0800\tERROR\tposter\tpost/run.go:4\tfailed:\n    pkg.func\n  - inner\t{\"miner\": 1000}";
    assert_eq!(record(log, Place::default(), &TimeZone::UTC).head.fields["miner"], "1000");
}
