//! The catalogue against labelled excerpts of real logs, which are not part of the project.
//!
//! ```sh
//! SEALTAIL_CORPUS=/path/to/corpus cargo test --test corpus -- --ignored --nocapture
//! ```
//!
//! The folder holds `labels.jsonl`, one object a line: `{"file": "001.log", "expected": ["params-missing"]}`,
//! where a label is the name of a signature without its pack. Labels name causes: what follows from one that was
//! found is complete in a replay and told with it, so it counts as no extra.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::tz::TimeZone;
use sealtail::detect::{Detector, samples};
use sealtail::signature::{Catalogue, builtin};
use serde_json::Value;

#[derive(Default)]
struct Tally {
    expected: usize,
    found: usize,
    missed_in: Vec<String>,
    extra_in: Vec<String>,
}

#[test]
#[ignore = "needs a corpus of real logs: SEALTAIL_CORPUS"]
fn every_label_is_found_and_nothing_else() {
    let folder = std::env::var("SEALTAIL_CORPUS").expect("SEALTAIL_CORPUS names the folder of the corpus");
    let folder = Path::new(&folder);
    let (catalogue, faults) = Catalogue::load(builtin::pages(), &[]);
    assert!(faults.is_empty(), "the built-in pages have faults");
    let detector = Detector::new(catalogue, TimeZone::UTC).unwrap();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let labels = std::fs::read_to_string(folder.join("labels.jsonl")).unwrap();
    for label in labels.lines() {
        let label: Value = serde_json::from_str(label).unwrap();
        let file = label["file"].as_str().unwrap();
        let expected: BTreeSet<String> =
            label["expected"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        let log = std::fs::read(folder.join(file)).unwrap();
        let findings = samples::run(&detector, &String::from_utf8_lossy(&log));
        let names = findings.iter().filter_map(|finding| finding.signature.split_once('/'));
        let found: BTreeSet<String> = names.map(|(_, name)| name.to_owned()).collect();
        for id in expected.union(&found) {
            let tally = tallies.entry(id.clone()).or_default();
            tally.expected += usize::from(expected.contains(id));
            match (expected.contains(id), found.contains(id)) {
                (true, true) => tally.found += 1,
                (true, false) => tally.missed_in.push(file.to_owned()),
                _ if follows(&detector, id, &found) => {}
                _ => tally.extra_in.push(file.to_owned()),
            }
        }
    }
    println!("{:<34} {:>8} {:>6} {:>6}  missed / extra in", "label", "expected", "found", "extra");
    for (id, tally) in &tallies {
        let (missed, extra) = (tally.missed_in.join(" "), tally.extra_in.join(" "));
        println!(
            "{id:<34} {:>8} {:>6} {:>6}  {missed} / {extra}",
            tally.expected,
            tally.found,
            tally.extra_in.len()
        );
    }
    let (missed, extra) = tallies.values().fold((0, 0), |(missed, extra), tally| {
        (missed + tally.missed_in.len(), extra + tally.extra_in.len())
    });
    assert_eq!((missed, extra), (0, 0), "labels missed, findings that no label names");
}

/// Whether the signature called `name` is a fallback beside another one that was found, or is explained by it.
fn follows(detector: &Detector, name: &str, found: &BTreeSet<String>) -> bool {
    let signatures = || detector.catalogue().signatures().iter();
    let is_called = |id: &str, name: &str| id.split_once('/').is_some_and(|(_, own)| own == name);
    let mut others = signatures()
        .filter(|other| !is_called(&other.id, name) && found.iter().any(|found| is_called(&other.id, found)));
    let mut own = signatures().filter(|signature| is_called(&signature.id, name));
    own.any(|own| {
        others.any(|other| {
            let named = other.explains.iter().flat_map(|explains| &explains.signatures);
            (own.fallback && !other.fallback) || named.into_iter().any(|id| id.matches(&own.id))
        })
    })
}
