//! Messages that are held back: the silences there are, and what they and acknowledgements do to open alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use jiff::Timestamp;

use super::Correlator;
use super::open::OpenAlert;
use super::silence::{Ack, Silence};

/// The silences, by id, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Muted {
    silences: BTreeMap<String, Silence>,
    changed: BTreeSet<String>,
    /// Messages held back since somebody asked.
    held: u64,
}

/// Whether `silence` holds messages of `alert` back while it lasts.
fn takes(silence: &Silence, alert: &OpenAlert) -> bool {
    silence.takes(&alert.signature, alert.severity, &alert.source, &alert.group)
}

impl Muted {
    /// Whether a message of `alert` is not sent now.
    pub fn holds_back(&self, alert: &OpenAlert, now: Timestamp) -> bool {
        alert.ack.as_ref().is_some_and(|ack| ack.holds(alert.severity, now))
            || self.silences.values().any(|silence| now < silence.until && takes(silence, alert))
    }

    /// Notes a message of `alert` that is not sent; whether that is news.
    pub fn hold(&mut self, alert: &mut OpenAlert) -> bool {
        self.held += u64::from(!alert.held);
        !std::mem::replace(&mut alert.held, true)
    }

    /// When the next silence ends.
    pub fn next_end(&self) -> Option<Timestamp> {
        self.silences.values().map(|silence| silence.until).min()
    }
}

impl Correlator {
    /// Goes on with the silences that there were before, by id.
    pub fn set_silences(&mut self, silences: impl IntoIterator<Item = (String, Silence)>) {
        self.muted.silences = silences.into_iter().collect();
    }

    /// The silences that have not ended, by id.
    pub fn silences(&self) -> &BTreeMap<String, Silence> {
        &self.muted.silences
    }

    /// Adds a silence.
    pub fn silence(&mut self, id: &str, silence: Silence) {
        self.muted.silences.insert(id.to_owned(), silence);
        self.muted.changed.insert(id.to_owned());
    }

    /// Ends a silence; whether there was one. What it held back is told with the next [`tick`](Correlator::tick).
    pub fn end_silence(&mut self, id: &str) -> bool {
        let Some(silence) = self.muted.silences.remove(id) else { return false };
        self.muted.changed.insert(id.to_owned());
        // What was told before it, and was found again meanwhile, is told as well.
        for (fingerprint, alert) in &mut self.open {
            if !alert.held && alert.sequence > 0 && alert.untold() > 0 && takes(&silence, alert) {
                alert.held = true;
                self.changed.insert(fingerprint.clone());
            }
        }
        true
    }

    /// Notes that somebody is on an alert until `until`; `false` if it is not open or nobody was to be told of it.
    pub fn acknowledge(&mut self, fingerprint: &str, until: Timestamp, who: &str) -> bool {
        let Some(alert) = self.open.get_mut(fingerprint).filter(|alert| alert.has_spoken()) else {
            return false;
        };
        alert.ack = Some(Ack { until, severity: alert.severity, who: who.to_owned() });
        self.changed.insert(fingerprint.to_owned());
        true
    }

    /// Until when messages of an alert are silenced, and who is on it.
    pub fn muting(&self, fingerprint: &str, now: Timestamp) -> (Option<Timestamp>, Option<&Ack>) {
        let Some(alert) = self.open.get(fingerprint) else { return (None, None) };
        let silences = self.muted.silences.values();
        let until = silences.filter(|silence| now < silence.until && takes(silence, alert));
        let ack = alert.ack.as_ref().filter(|ack| ack.holds(alert.severity, now));
        (until.map(|silence| silence.until).max(), ack)
    }

    /// The silences that changed since the last call, for the store; `None`: ended.
    pub fn silence_changes(&mut self) -> Vec<(String, Option<Silence>)> {
        let changed = take(&mut self.muted.changed).into_iter();
        changed.map(|id| (id.clone(), self.muted.silences.get(&id).cloned())).collect()
    }

    /// Messages held back since the last call.
    pub fn take_held_back(&mut self) -> u64 {
        take(&mut self.muted.held)
    }

    /// Ends the silences and acknowledgements whose time is over.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let over = self.muted.silences.iter().filter(|(_, silence)| silence.until <= now);
        let over: Vec<String> = over.map(|(id, _)| id.clone()).collect();
        for id in &over {
            self.end_silence(id);
        }
        for (fingerprint, alert) in &mut self.open {
            if alert.ack.take_if(|ack| ack.until <= now).is_some() {
                self.changed.insert(fingerprint.clone());
            }
        }
    }

    /// Whether a message of `alert` is not sent now.
    pub(super) fn holds_back(&self, alert: &OpenAlert, now: Timestamp) -> bool {
        self.muted.holds_back(alert, now)
    }
}
