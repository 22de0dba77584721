//! Runs the samples of every page: a signature that does not keep its own promises is a fault.

use super::{Detector, Stream, confirm, ending};
use crate::base::diagnostic::{Diagnostic, Text};
use crate::frame::End;
use crate::model::alert::Lang;
use crate::model::finding::Finding;
use crate::model::record::Fields;
use crate::signature::{Sample, SampleKind, Signature};

/// Runs all samples of the detector's catalogue; every one that does not come to what its page
/// says is a fault at its place.
pub fn check(detector: &Detector) -> Vec<Diagnostic> {
    detector.catalogue().signatures().iter().flat_map(|signature| check_page(detector, signature)).collect()
}

fn check_page(detector: &Detector, signature: &Signature) -> Vec<Diagnostic> {
    let Some(page) = signature.pages.text(Lang::En) else { return Vec::new() };
    let text = Text::new(&page.path, &page.text);
    for sample in signature.pages.samples() {
        let findings = run(detector, &sample.text);
        match sample.kind {
            SampleKind::Fires => check_fires(&text, detector, signature, sample, &findings),
            SampleKind::Silent => check_silent(&text, signature, sample, &findings),
            SampleKind::Ends => check_ends(&text, detector, signature, sample),
        }
    }
    text.into_faults()
}

/// The findings of a stretch of log that stands for itself.
pub fn run(detector: &Detector, log: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    Stream::new(detector).advance(log.as_bytes(), End::Final, |found| findings.push(found.finding));
    findings
}

fn check_fires(
    text: &Text<'_>,
    detector: &Detector,
    signature: &Signature,
    sample: &Sample,
    findings: &[Finding],
) {
    let span = || sample.span.clone();
    for other in findings.iter().filter(|finding| finding.signature != signature.id) {
        if !sample.also.iter().any(|id| **id == *other.signature) {
            let message = format!("the sample also fires {}", other.signature);
            let hint = format!("name it if that is meant: `also={}`", other.signature);
            text.fault_hint("sample-fires-other", span(), message, hint);
        }
    }
    let own: Vec<&Finding> = findings.iter().filter(|finding| finding.signature == signature.id).collect();
    if own.is_empty() {
        let why = why_silent(detector, signature, &sample.text);
        text.fault_hint("sample-does-not-fire", span(), "the sample does not fire", why);
    }
    for (name, value) in &sample.fields {
        let found: Vec<&str> =
            own.iter().filter_map(|finding| finding.fields.get(name)).map(String::as_str).collect();
        if !own.is_empty() && !found.contains(&value.as_str()) {
            let found =
                if found.is_empty() { "nothing".to_owned() } else { format!("`{}`", found.join("`, `")) };
            let message = format!("the field `{name}` should be `{value}`, the sample yields {found}");
            text.fault("sample-field", span(), message);
        }
    }
}

fn check_silent(text: &Text<'_>, signature: &Signature, sample: &Sample, findings: &[Finding]) {
    if findings.iter().any(|finding| finding.signature == signature.id) {
        let hint = "narrow the signature with `levels`, `all`, `none` or `regex`";
        text.fault_hint("sample-fires", sample.span.clone(), "the silent sample fires", hint);
    }
}

fn check_ends(text: &Text<'_>, detector: &Detector, signature: &Signature, sample: &Sample) {
    let records = super::records(detector, sample.text.as_bytes());
    let ends: Vec<Fields> = records.iter().filter_map(|record| ending(signature, record)).collect();
    let asserted =
        |fields: &Fields| sample.fields.iter().all(|(name, value)| fields.get(name) == Some(value));
    if ends.is_empty() {
        let hint = "one of the literals of `[until]` stands in it, it is no finding itself, and it has every field of `group_by`";
        text.fault_hint(
            "sample-does-not-end",
            sample.span.clone(),
            "the sample does not end the state",
            hint,
        );
    } else if !ends.iter().any(asserted) {
        let message = format!("the sample ends another group: {:?}", ends);
        text.fault("sample-field", sample.span.clone(), message);
    }
}

/// What keeps `signature` silent on every record of `log`.
fn why_silent(detector: &Detector, signature: &Signature, log: &str) -> String {
    if !signature.anchors.iter().any(|anchor| log.contains(anchor.as_str())) {
        return "none of its anchors stands in it".to_owned();
    }
    let reasons = super::records(detector, log.as_bytes());
    let refused = reasons
        .iter()
        .filter(|record| signature.anchors.iter().any(|anchor| record.text.contains(anchor.as_str())))
        .find_map(|record| confirm(signature, record).err());
    refused.map_or_else(|| "its anchor is broken over two lines".to_owned(), |refused| refused.to_string())
}
