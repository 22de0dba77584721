//! The built-in pages keep their own promises.

use jiff::tz::TimeZone;
use sealtail::detect::{self, Detector, samples};
use sealtail::model::alert::Lang;
use sealtail::signature::{Catalogue, builtin};

fn catalogue() -> Catalogue {
    let (catalogue, faults) = Catalogue::load(builtin::pages(), &[]);
    assert_no_faults(&faults);
    catalogue
}

fn assert_no_faults(faults: &[sealtail::base::diagnostic::Diagnostic]) {
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", shown.join("\n\n"));
}

#[test]
fn every_sample_comes_to_what_its_page_says() {
    let detector = Detector::new(catalogue(), TimeZone::UTC).unwrap();
    assert_no_faults(&samples::check(&detector));
}

#[test]
fn every_page_has_a_chinese_twin() {
    for signature in catalogue().signatures() {
        assert!(signature.pages.runbooks().contains_key(&Lang::Zh), "{} has no .zh.md", signature.id);
    }
}

/// A terminal and most chats show a table as a heap of bars: a list says the same everywhere.
#[test]
fn no_runbook_has_a_table() {
    for signature in catalogue().signatures() {
        for (lang, runbook) in signature.pages.runbooks() {
            let texts = runbook.steps.iter().map(|step| &step.text).chain([&runbook.meaning]);
            for line in texts.flat_map(|text| text.lines()) {
                assert!(!line.trim_start().starts_with('|'), "{} in {lang}: {line}", signature.id);
            }
        }
    }
}

/// How a program of its own makes the line `quoted` stand in a log, with what may stand before it.
fn quotations(quoted: &str) -> Vec<String> {
    let json = serde_json::to_string(&format!("{quoted}\n")).unwrap();
    vec![
        format!("2023-08-02T04:06:00+08:00 ERROR ThreadId(02) damocles_worker::run: dmesg says {quoted}"),
        format!("2023-08-02T04:06:00.123+0800\tERROR\tdep\tdep/run.go:1\t{quoted}"),
        format!("Aug 10 14:41:41 seal-07 damocles-worker[7]: {quoted}"),
        format!("<11>Aug 10 14:41:41 seal-07 damocles-worker: Aug 10 14:41:41 seal-07 kernel: {quoted}"),
        format!("2022-06-24T14:33:24.123456+08:00 seal-07 sh[7]: {quoted}"),
        format!("2022-06-24T06:33:24.000000001Z stderr F {quoted}"),
        format!("worker-1  | {quoted}"),
        format!("{{\"log\":{json},\"stream\":\"stderr\",\"time\":\"2022-06-24T06:33:24.000000001Z\"}}"),
        format!("[ 8812.678901] seal-07 damocles-worker[7]: {quoted}"),
    ]
}

/// Who can make a program log can make it log what the kernel writes. Pages of the kernel fire on the kernel's own lines.
#[test]
fn no_program_speaks_for_the_kernel() {
    let catalogue = catalogue();
    let detector = Detector::new(catalogue.clone(), TimeZone::UTC).unwrap();
    let mut quoted = 0;
    for signature in catalogue.signatures().iter().filter(|signature| signature.id.starts_with("kernel/")) {
        assert!(!signature.writers.is_empty(), "{} does not say who writes it", signature.id);
        for line in signature.pages.samples().iter().flat_map(|sample| sample.text.lines()) {
            for log in quotations(line) {
                for record in detect::records(&detector, log.as_bytes()) {
                    let found = detector.confirm(&record);
                    let fired = found.iter().find(|(found, _)| found.id.starts_with("kernel/"));
                    assert!(fired.is_none(), "{} fires on {log}", fired.unwrap().0.id);
                    assert!(detect::ending(signature, &record).is_none(), "{log} ends {}", signature.id);
                    quoted += 1;
                }
            }
        }
    }
    assert!(quoted > 300, "{quoted} lines");
}
