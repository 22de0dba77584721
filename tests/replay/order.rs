//! The output does not depend on the number of threads, and findings come in order.

use std::fs;

use crate::program::{failure, healthy, run, run_with_input, text};

#[test]
fn any_number_of_threads_gives_the_same_lines() {
    let folder = tempfile::tempdir().unwrap();
    // Larger than a segment, so that one file is read by several threads.
    let block: String = (0..1_000).map(|n| if n == 500 { failure(n, n) } else { healthy(n) }).collect();
    fs::write(folder.path().join("a.log"), block.repeat(200)).unwrap();
    fs::write(folder.path().join("b.log"), &block).unwrap();
    fs::write(folder.path().join("c.log"), "no record at all\n".repeat(1_200_000)).unwrap();
    let outputs: Vec<String> = ["1", "2", "7"]
        .iter()
        .map(|threads| {
            let ran = run(&["replay", "--json", "--threads", threads, &text(folder.path())]);
            assert_eq!(ran.status, 0, "{}", ran.stderr);
            let (findings, summary) = ran.stdout.trim_end().rsplit_once('\n').unwrap();
            let mut summary: serde_json::Value = serde_json::from_str(summary).unwrap();
            summary["seconds"] = 0.into();
            format!("{findings}\n{summary}")
        })
        .collect();
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);

    let lines: Vec<serde_json::Value> =
        outputs[0].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, findings) = lines.split_last().unwrap();
    assert_eq!(summary["findings"], 201);
    assert_eq!(summary["lines"], 1_401_000);
    assert_eq!(findings[0]["line"], 501);
    assert_eq!(findings[199]["line"], 199 * 1_000 + 501);
    let places: Vec<_> = findings
        .iter()
        .map(|line| (line["path"].as_str().unwrap(), line["offset"].as_u64().unwrap()))
        .collect();
    assert!(places.is_sorted());
}

/// A panic has no time of its own, and names no program: both stand in the line before it.
#[test]
fn the_first_record_of_a_segment_is_dated_and_named_by_the_lines_before_it() {
    const SEGMENT: usize = 8 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let line = healthy(7);
    let mut log = line.repeat(SEGMENT / line.len() - 1);
    let filler = " ".repeat(SEGMENT - log.len() - line.len());
    log += &line.replace("all", &format!("{filler}all"));
    assert_eq!(log.len(), SEGMENT);
    log += "thread '<unnamed>' panicked at 'Once instance has previously been poisoned', /rustc/0/once.rs:434:21\n";
    fs::write(&path, &log).unwrap();
    let file = run(&["replay", "--json", "--alerts", &text(&path)]).json();
    assert_eq!(file[0]["last_seen"].as_str().unwrap()[..19], healthy(7)[..19]);
    assert!(file[0]["action"].to_string().contains("venus-worker"), "{}", file[0]["action"]);
    // What comes through a pipe is read from end to end.
    let whole = run_with_input(&["replay", "--json", "--alerts", "-"], log.as_bytes()).json();
    // Its first step reads the log, which a pipe leaves nowhere.
    let anywhere = |alert: &serde_json::Value| {
        let mut alert = alert.clone();
        alert["action"].as_array_mut().unwrap().remove(0);
        alert.to_string().replace(&text(&path), "-")
    };
    assert_eq!(
        file[..2].iter().map(anywhere).collect::<Vec<_>>(),
        whole[..2].iter().map(anywhere).collect::<Vec<_>>()
    );
}

#[test]
fn an_offset_and_a_length_cut_the_record_out_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.log");
    let log = [healthy(1), failure(2, 77), healthy(3)].concat();
    fs::write(&path, &log).unwrap();
    let finding = &run(&["replay", "--json", &text(&path)]).json()[0];
    let place = |key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
    let record = &log[place("offset")..place("offset") + place("length")];
    assert_eq!(finding["record"], record);
    assert_eq!(record, failure(2, 77).trim_end());
    assert_eq!(finding["line"], 2);
}

#[test]
fn standard_input_is_read_where_it_is_named_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.log");
    fs::write(&path, failure(1, 1)).unwrap();
    let arguments = ["replay", "--json", "--threads", "3", "-", &text(&path), "-"];
    let lines = run_with_input(&arguments, failure(2, 2).as_bytes()).json();
    assert_eq!((&lines[0]["path"], &lines[1]["path"]), (&"-".into(), &text(&path).into()));
    assert_eq!(lines[2]["files"], 2);
}
