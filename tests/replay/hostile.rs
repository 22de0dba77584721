//! Lines made to break a parser hide neither themselves nor their neighbours.

use crate::program::{failure, run_with_input, worker_line};

/// What a signature knows.
const TEXT: &str = "failed to unmarshal response string: 'x'. child_pid=7";

/// A log with a line of its own, behind a record that it continues where it starts none.
fn around(line: &str) -> Vec<u8> {
    let open = worker_line(1, "ERROR", "venus_worker::sealing: something else");
    format!("{}{open}{line}\n{}", failure(1, 1), failure(2, 2)).into_bytes()
}

/// The pids of all findings of a log.
fn pids(log: &[u8]) -> Vec<String> {
    let ran = run_with_input(
        &["replay", "--json", "--signature", "venus-cluster/ext-unmarshal-response", "-"],
        log,
    );
    assert_eq!((ran.status, &*ran.stderr), (0, ""));
    let lines = ran.json();
    let findings = lines.iter().filter(|line| line["kind"] == "finding");
    findings.map(|line| line["fields"]["child_pid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn json_beyond_any_measure_is_searched_as_text() {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let arrays = nested("[", "]");
    let objects = nested("{\"a\":", "}");
    let head = r#"{"level":"error","ts":"2022-06-24T14:33:24.100+0800""#;
    let zap = "2022-06-24T14:33:24.100+0800\tERROR\tposter\tpost/run.go:1";
    let shipped = r#""stream":"stderr","time":"2022-06-24T06:33:24.1Z""#;
    let mut lines = Vec::new();
    for deep in [arrays.clone(), objects, "[".repeat(10_000), "[{\"a\":".repeat(10_000)] {
        lines.extend([
            format!(r#"{head},"msg":"{TEXT}","deep":{deep}}}"#),
            format!(r#"{head},"deep":{deep},"msg":"{TEXT}"}}"#),
            format!("{zap}\t{TEXT}\t{{\"deep\": {deep}}}"),
            format!(r#"{{"log":"{TEXT}\n",{shipped},"attrs":{deep}}}"#),
            format!(r#"{{"log":{deep},"msg":"{TEXT}"}}"#),
        ]);
    }
    lines.extend([
        format!(r#"{head},"level":"error","msg":"none","msg":"{TEXT}","msg":"none"}}"#),
        format!(r#"{{"log":"{TEXT}\n","log":"none\n",{shipped}}}"#),
        format!(r#"{{"log":"none\n","log":"{TEXT}\n",{shipped},{shipped}}}"#),
        format!("{zap}\t{TEXT}\t{{\"sector\": 1, \"sector\": 2}}"),
        format!("{zap}\t{TEXT}\t{}", "{\"".repeat(10_000)),
    ]);
    for line in lines {
        let shown: String = line.chars().take(200).collect();
        assert_eq!(pids(&around(&line)), ["1", "7", "2"], "{shown}");
    }
}

#[test]
fn a_line_that_does_not_end_is_found_at_its_start_and_its_neighbours_are_found() {
    let head = format!(r#"{{"level":"error","ts":"2022-06-24T14:33:24.100+0800","msg":"{TEXT}","deep":"#);
    for filling in ["[", "{\"a\":", "0", "\\u001b[31m", "\u{1b}[31m", "\u{1b}]8;;", TEXT] {
        let long = filling.repeat((16 << 20) / filling.len());
        assert_eq!(pids(&around(&format!("{head}{long}"))), ["1", "7", "2"], "{filling:?}");
    }
}
