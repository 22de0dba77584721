//! A box of a test: a configuration, two GPUs and nothing else, and what one check says of it.

use crate::doctor::facts::{ConfigFile, Environ, Facts};
use crate::doctor::{Finding, Report, examine_with};

/// A box with this configuration, whose worker inherits nothing.
pub(super) fn a_box(config: &str) -> Facts {
    let file = ConfigFile {
        path: "worker.toml".to_owned(),
        text: Ok(config.to_owned()),
        environ: Ok(Environ::new()),
        program: None,
    };
    Facts { configs: vec![file], gpus: Ok(vec!["a".to_owned(), "b".to_owned()]), ..Facts::default() }
}

/// The same, where a program of that name runs with it.
pub(in crate::doctor) fn run_by(program: Option<&str>, config: &str) -> Facts {
    let mut facts = a_box(config);
    facts.configs[0].program = program.map(str::to_owned);
    facts
}

pub(super) fn report(check: &str, facts: &Facts) -> Report {
    let report = examine_with(facts, |id| id == check);
    assert!(report.findings.iter().all(|finding| finding.check == check));
    report
}

pub(super) fn findings(check: &str, config: &str) -> Vec<Finding> {
    report(check, &a_box(config)).findings
}

/// A finding in English: what was found, what mends it, and the lines as they should be (`-` where one goes).
pub(super) fn told(finding: &Finding) -> (String, String, Vec<String>) {
    let english = |words: &crate::doctor::Words| words.in_lang(crate::model::alert::Lang::En).to_owned();
    let lines = finding.diff.iter().flat_map(|diff| &diff.edits);
    let lines = lines.map(|edit| edit.new.clone().unwrap_or_else(|| "-".to_owned()));
    (english(&finding.found), finding.mend.as_ref().map_or_else(String::new, english), lines.collect())
}
