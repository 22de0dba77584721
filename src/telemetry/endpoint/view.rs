//! The box at one moment, in one language: what the status page and the JSON show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::alert::{Alert, Lang};
use crate::telemetry::Telemetry;
use crate::telemetry::overview::{Muted, Snapshot};
use crate::telemetry::verdict::{self, Facts, Reason, SinkState, Verdict};

/// See the module.
pub(super) struct View<'a> {
    /// Name of the box.
    pub host: &'a str,
    pub lang: Lang,
    pub facts: Facts,
    /// Why it is not green, the gravest first.
    pub reasons: Vec<Reason>,
    pub verdict: Verdict,
    /// Where the open alerts are from; `None`: the reading side has not said.
    pub snapshot: Option<Arc<Snapshot>>,
    /// How old it is.
    pub age: Duration,
}

impl<'a> View<'a> {
    pub fn of(host: &'a str, lang: Lang, telemetry: &Telemetry, now: Instant) -> View<'a> {
        let (meter, health) = (telemetry.meter(), telemetry.health());
        let snapshot = telemetry.overview().last();
        let sink = |(name, kept): (String, crate::telemetry::meter::Kept)| {
            let counts = meter.sink(&name);
            SinkState {
                parked: counts.parked.get(),
                failing: counts.failing.get(),
                waiting: kept.waiting,
                dead: kept.dead,
                delivered: counts.delivered.get(),
                name,
            }
        };
        let facts = Facts {
            healthy: health.healthy(now),
            ready: health.ready().is_ok(),
            open: snapshot.as_ref().map(|snapshot| snapshot.open.clone()),
            sources: meter.source_states(now),
            sinks: meter.outbox().into_iter().map(sink).collect(),
        };
        let reasons = verdict::reasons(&facts);
        let verdict = verdict::verdict(&reasons);
        let age = snapshot.as_ref().map(|snapshot| now.saturating_duration_since(snapshot.at));
        View { host, lang, facts, reasons, verdict, snapshot, age: age.unwrap_or_default() }
    }

    /// The open alerts, the gravest first; not all, where there are very many.
    pub fn alerts(&self) -> Vec<Alert> {
        let Some(snapshot) = &self.snapshot else { return Vec::new() };
        let knowledge = &snapshot.knowledge;
        let render = |notice: &crate::correlate::Notice| {
            notice.render(&knowledge.catalogue, self.lang, &knowledge.vars)
        };
        snapshot.alerts.iter().map(render).collect()
    }

    /// Why messages of an alert are held back, if they are.
    pub fn muted(&self, fingerprint: &str) -> Option<&Muted> {
        self.snapshot.as_ref()?.muted.get(fingerprint)
    }

    /// How many alerts are open.
    pub fn open(&self) -> u64 {
        self.snapshot.iter().flat_map(|snapshot| snapshot.open.values()).sum()
    }

    /// How many of them are not among those that are shown.
    pub fn rest(&self) -> u64 {
        let shown = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.alerts.len() as u64);
        self.open().saturating_sub(shown)
    }

    /// How long before the snapshot a time of an alert was.
    pub fn since(&self, time: &str) -> Option<Duration> {
        let (time, snapshot) = (time.parse::<Timestamp>().ok()?, self.snapshot.as_ref()?);
        Some(Duration::try_from(snapshot.wall.duration_since(time)).unwrap_or_default())
    }

    /// The words in the language.
    pub fn say(&self, english: &'static str, chinese: &'static str) -> &'static str {
        say(self.lang, english, chinese)
    }
}

/// The words in `lang`.
pub(super) fn say(lang: Lang, english: &'static str, chinese: &'static str) -> &'static str {
    match lang {
        Lang::En => english,
        Lang::Zh => chinese,
    }
}
