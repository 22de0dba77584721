//! A healthy box is silent: a sector from allocation to its end, a day of window PoSts, a start with
//! all its configuration, a stop that was meant, and what merely looks like a failure.
//!
//! The logs of `tests/benign` are written by hand in the formats of the programs, values invented.

use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;
use sealtail::detect::{Detector, samples};
use sealtail::model::finding::Severity;
use sealtail::signature::{Catalogue, builtin};

/// The name of a way in which a log reaches its file, and what it makes of a line.
type Shipped = (&'static str, fn(&str) -> String);

/// The ways.
const SHIPPED: [Shipped; 4] = [
    ("as it was written", str::to_owned),
    ("by journald", |line| format!("Sep 26 22:10:44 seal-07 damocles-worker[2201]: {line}")),
    ("with coloured levels", |line| {
        ["INFO", "WARN", "ERROR"]
            .iter()
            .fold(line.to_owned(), |line, level| line.replacen(level, &format!("\x1b[33m{level}\x1b[0m"), 1))
    }),
    ("by docker", |line| {
        let log = serde_json::json!(format!("{line}\n"));
        format!(r#"{{"log":{log},"stream":"stderr","time":"2025-09-26T14:10:44.1Z"}}"#)
    }),
];

#[test]
fn nothing_in_it_is_worth_a_word() {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let detector = Detector::new(catalogue, TimeZone::UTC).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/benign");
    let mut lines = 0;
    for name in ["worker.log", "manager.log", "lotus.log", "kern.log"] {
        let log = fs::read_to_string(folder.join(name)).unwrap();
        lines += log.lines().count();
        for (way, ship) in SHIPPED {
            let shipped: String = log.lines().map(|line| ship(line) + "\n").collect();
            let findings = samples::run(&detector, &shipped);
            // A stranger of another network is a finding, and below its threshold no alert.
            let is_few = |id: &str| {
                let threshold = detector.catalogue().get(id).and_then(|signature| signature.threshold);
                let count = findings.iter().filter(|finding| *finding.signature == *id).count() as u64;
                threshold.is_some_and(|threshold| count < threshold.count)
            };
            let worse: Vec<_> = findings
                .iter()
                .filter(|finding| finding.severity >= Severity::Warning && !is_few(&finding.signature))
                .map(|finding| {
                    format!("{}:{} {} {}", name, finding.place.line, finding.signature, finding.record)
                })
                .collect();
            assert!(worse.is_empty(), "{way}:\n{}", worse.join("\n"));
        }
    }
    assert!(lines > 400, "only {lines} lines were read");
}
