//! `/api/v1/alerts` and `/api/v1/status`. `docs/schemas` has a schema for each.

use std::collections::BTreeMap;

use serde::Serialize;

use super::view::View;
use crate::base::text::escape_json;
use crate::model::alert::Alert;
use crate::model::finding::Severity;

#[derive(Serialize)]
struct Alerts<'a> {
    host: &'a str,
    /// When they were open, RFC 3339.
    as_of: String,
    /// How many are open.
    open: u64,
    /// How many of them are left out of `alerts`.
    more: u64,
    alerts: Vec<Alert>,
}

#[derive(Serialize)]
struct Status<'a> {
    host: &'a str,
    version: &'static str,
    verdict: &'static str,
    reasons: Vec<ReasonLine>,
    /// When the alerts were open; `None`: that is not known.
    as_of: Option<String>,
    open_alerts: Option<BTreeMap<&'static str, u64>>,
    sources: Vec<SourceLine<'a>>,
    sinks: Vec<SinkLine<'a>>,
    lang: &'static str,
}

#[derive(Serialize)]
struct ReasonLine {
    reason: &'static str,
    verdict: &'static str,
    text: String,
}

#[derive(Serialize)]
struct SourceLine<'a> {
    name: &'a str,
    files: u64,
    unread_bytes: u64,
    behind_seconds: u64,
    without_file_seconds: Option<u64>,
    silent_seconds: Option<u64>,
}

#[derive(Serialize)]
struct SinkLine<'a> {
    name: &'a str,
    parked: bool,
    failing: bool,
    waiting: u64,
    dead_letters: u64,
    delivered: u64,
}

/// The open alerts; `None` where they are not known.
pub(super) fn alerts(view: &View<'_>) -> Option<String> {
    let snapshot = view.snapshot.as_ref()?;
    Some(json(&Alerts {
        host: view.host,
        as_of: snapshot.wall.to_string(),
        open: view.open(),
        more: view.rest(),
        alerts: view.alerts(),
    }))
}

/// How the box is.
pub(super) fn status(view: &View<'_>) -> String {
    let facts = &view.facts;
    let reasons = view.reasons.iter().map(|reason| ReasonLine {
        reason: reason.name(),
        verdict: reason.verdict().name(),
        text: reason.words(view.lang),
    });
    let sources = facts.sources.iter().map(|source| SourceLine {
        name: &source.name,
        files: source.files,
        unread_bytes: source.unread,
        behind_seconds: source.lag.as_secs(),
        without_file_seconds: source.fileless_for.map(|time| time.as_secs()),
        silent_seconds: source.silent_for.map(|time| time.as_secs()),
    });
    let sinks = facts.sinks.iter().map(|sink| SinkLine {
        name: &sink.name,
        parked: sink.parked,
        failing: sink.failing,
        waiting: sink.waiting,
        dead_letters: sink.dead,
        delivered: sink.delivered,
    });
    let by_severity = |open: &BTreeMap<Severity, u64>| {
        let count = |severity: Severity| (severity.name(), open.get(&severity).copied().unwrap_or(0));
        Severity::ALL.map(count).into()
    };
    json(&Status {
        host: view.host,
        version: env!("CARGO_PKG_VERSION"),
        verdict: view.verdict.name(),
        reasons: reasons.collect(),
        as_of: view.snapshot.as_ref().map(|snapshot| snapshot.wall.to_string()),
        open_alerts: facts.open.as_ref().map(by_severity),
        sources: sources.collect(),
        sinks: sinks.collect(),
        lang: view.lang.name(),
    })
}

fn json(value: &impl Serialize) -> String {
    // String keys and values that cannot fail: serialising them cannot either.
    escape_json(serde_json::to_string(value).unwrap_or_default())
}
