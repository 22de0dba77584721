//! Lines that mend a configuration fit together: whoever takes those of one finding can take the others.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sealtail::doctor::{self, Edit, Finding};

use crate::healthy::WORKER;
use crate::hostile::{facts, mutated};
use crate::worker::BROKEN;

const EXAMPLE: &str = include_str!("../../examples/worker.toml");

fn quoted() -> String {
    BROKEN.replace("/usr/local/bin/gpuproxy", "\"/usr/local/bin/gpuproxy\"")
}

fn examine(config: &str) -> Vec<Finding> {
    doctor::examine(&facts(config)).findings
}

fn edits(findings: &[Finding]) -> impl Iterator<Item = (&Finding, &Edit)> {
    findings.iter().flat_map(|finding| {
        let edits = finding.diff.iter().flat_map(|diff| &diff.edits);
        edits.map(move |edit| (finding, edit))
    })
}

/// Each line has one outcome, whichever finding one begins with.
fn assert_one_outcome(config: &str) {
    let findings = examine(config);
    let mut outcomes: BTreeMap<usize, (&Finding, &Edit)> = BTreeMap::new();
    for (finding, edit) in edits(&findings).filter(|(_, edit)| edit.old.is_some()) {
        let (first, outcome) = *outcomes.entry(edit.line).or_insert((finding, edit));
        assert_eq!(outcome, edit, "{} and {} differ on a line of\n{config}", first.check, finding.check);
    }
}

/// The configuration with the lines of every finding.
fn mended(config: &str, findings: &[Finding]) -> String {
    let mut lines: Vec<Vec<String>> = config.lines().map(|line| vec![line.to_owned()]).collect();
    for (_, edit) in edits(findings) {
        let line = &mut lines[edit.line - 1];
        if edit.old.is_some() {
            line.splice(..1, [edit.new.clone().unwrap_or_else(|| "# gone".to_owned())]);
        } else {
            line.extend(edit.new.clone());
        }
    }
    lines.concat().join("\n")
}

/// Slips in the configuration of a healthy box that two checks have something to say of.
const SLIPS: [(&str, &str); 9] = [
    ("gpu1 = 1", "gpu1 = 1\ndisk2 = 2"),
    ("gpu1 = 1", "gpu1 = 1\ntree2 = 2\n[[processors.tree_d]]\nlocks = [\"tree2\"]"),
    ("[\"gpu1\"]", "[\"gpu\"]"),
    ("pc2 = 2", "pc4 = 0"),
    ("pc2 = 2", "pc2 = 1\npc1 = 0"),
    ("concurrent = 2", "concurrent = 0"),
    ("{ CUDA", "{ FIL_PROOFS_USE_GPU_COLUM_BUILDER = \"1\", CUDA"),
    ("DEVICES = \"1\"", "DEVICES = \"0\""),
    ("[processors.ext_locks]\ngpu0 = 1\ngpu1 = 1\n", ""),
];

#[test]
fn no_two_findings_mend_a_line_in_different_ways() {
    let mut configs = vec![EXAMPLE.to_owned(), BROKEN.to_owned(), quoted(), WORKER.to_owned()];
    for (old, new) in SLIPS {
        assert!(WORKER.contains(old), "{old}");
        let one = WORKER.replacen(old, new, 1);
        configs.extend(SLIPS.map(|(old, new)| one.replacen(old, new, 1)));
        configs.push(one);
    }
    for config in configs {
        assert_one_outcome(&config);
        let whole = mended(&config, &examine(&config));
        let read = toml::from_str::<toml::Table>(&whole);
        assert!(read.is_ok() || toml::from_str::<toml::Table>(&config).is_err(), "{read:?} in\n{whole}");
    }
}

proptest! {
    #[test]
    fn nor_do_they_in_any_change_of_a_configuration(config in mutated()) {
        assert_one_outcome(&config);
    }
}

#[test]
fn locks_that_are_taken_for_gpus_go_and_what_they_cap_stays() {
    let config = quoted();
    let findings = examine(&config);
    let of = |check: &str| -> Vec<&str> {
        let of = edits(&findings).filter(|(finding, _)| finding.check == check);
        of.map(|(_, edit)| edit.new.as_deref().unwrap_or_default()).collect()
    };
    assert_eq!(of("doctor/lock-value"), [""; 0]);
    assert_eq!(of("doctor/lock-single-stage"), ["", "", "concurrent = 1", "concurrent = 2"]);
    assert_eq!(of("doctor/gpu-index-shared"), ["envs = { CUDA_VISIBLE_DEVICES = \"1\" }"]);
    let left = examine(&mended(&config, &findings));
    assert!(!left.iter().any(|finding| finding.check.contains("lock")), "{left:#?}");
}

#[test]
fn the_example_keeps_the_lock_that_is_misspelt() {
    let findings = examine(EXAMPLE);
    assert!(findings.iter().all(|finding| finding.check != "doctor/lock-single-stage"), "{findings:#?}");
    let left = examine(&mended(EXAMPLE, &findings));
    assert!(!left.iter().any(|finding| finding.check.contains("lock")), "{left:#?}");
}
