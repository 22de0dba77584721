//! A log that docker's `json-file` driver keeps reads as the log it carries.

use serde_json::{Value, json};

use crate::program::{healthy, run, text, worker_line};

const KEPT: [&str; 6] = ["signature", "severity", "line", "level", "fields", "record"];

/// A panic over several lines and a response that breaks its line in two.
fn log() -> String {
    let panic = "thread '<unnamed>' panicked at 'assertion failed: `(left == right)`\n  left: `0`,\n right: `8`', \
                 /x/storage-proofs-porep-11.1.0/src/stacked/vanilla/cores.rs:151:5\n\
                 note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
    let broken = worker_line(
        2,
        "ERROR",
        "vc_processors::core::ext::producer: failed to unmarshal response string: '{\"id\":\t7,\n\"path\": \"C:\\\\x\"}'. child_pid=77",
    );
    [healthy(1).as_str(), panic, &broken, &healthy(3)].concat()
}

#[test]
fn docker_objects_give_the_findings_of_the_lines_they_carry() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, docker) = (folder.path().join("plain.log"), folder.path().join("docker.log"));
    let shipped: String = log()
        .split_inclusive('\n')
        .map(|line| {
            format!(
                r#"{{"log":{},"stream":"stderr","time":"2022-06-24T06:33:24.000000001Z"}}{}"#,
                json!(line),
                '\n'
            )
        })
        .collect();
    std::fs::write(&plain, log()).unwrap();
    std::fs::write(&docker, &shipped).unwrap();

    let findings = |path: &std::path::Path| -> Vec<Value> {
        let ran = run(&["replay", "--json", &text(path)]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let mut lines = ran.json();
        lines.pop(); // the summary
        lines
    };
    let kept = |found: &[Value]| -> Vec<Vec<Value>> {
        found.iter().map(|finding| KEPT.map(|key| finding[key].clone()).to_vec()).collect()
    };
    let (expected, found) = (findings(&plain), findings(&docker));
    let signatures: Vec<&str> =
        expected.iter().map(|finding| finding["signature"].as_str().unwrap()).collect();
    assert_eq!(
        signatures,
        [
            "runtime/rust-panic",
            "venus-cluster/pc1-cpuset-cache-mismatch",
            "venus-cluster/ext-unmarshal-response"
        ]
    );
    assert_eq!(kept(&found), kept(&expected));
    assert_eq!(found[0]["time"], "2022-06-24T06:33:24.000000001Z", "docker dates a panic");

    // The place is that of the objects in the file.
    let place = |key: &str| usize::try_from(found[2][key].as_u64().unwrap()).unwrap();
    let objects = &shipped[place("offset")..place("offset") + place("length")];
    let logs = objects.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["log"].clone());
    let carried: String = logs.map(|log| log.as_str().unwrap().to_owned()).collect();
    assert_eq!(carried.trim_end(), found[2]["record"]);
}
