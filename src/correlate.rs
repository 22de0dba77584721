//! Findings in, alerts out: grouped, counted, repeated, resolved.
//!
//! An alert is open from its first finding until it has been quiet for `resolve_after`. It speaks
//! when it opens, every `repeat_every` while it lasts, and when it resolves; in between findings
//! only raise its count. Time comes in as an argument, so a replay can ask the same questions in
//! the time of its log.

pub mod command;
mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

pub use open::{Notice, OpenAlert, Sighting};

use crate::alert::Status;

/// When alerts speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// An alert that is still open is sent again after this.
    pub repeat_every: Duration,
    /// An alert that has been quiet for this is resolved.
    pub resolve_after: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { repeat_every: Duration::from_secs(3600), resolve_after: Duration::from_secs(900) }
    }
}

/// All open alerts of a host.
#[derive(Debug)]
pub struct Correlator {
    policy: Policy,
    open: BTreeMap<String, OpenAlert>,
    changed: BTreeSet<String>,
}

impl Correlator {
    /// A correlator that goes on with the alerts that were open before, by fingerprint.
    pub fn new(policy: Policy, open: impl IntoIterator<Item = (String, OpenAlert)>) -> Correlator {
        Correlator { policy, open: open.into_iter().collect(), changed: BTreeSet::new() }
    }

    /// Changes when alerts speak from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Counts a finding; the first of an alert gives its first message.
    pub fn observe(&mut self, mut sighting: Sighting<'_>, now: Timestamp) -> Option<Notice> {
        sighting.redact();
        let fingerprint = sighting.fingerprint();
        self.changed.insert(fingerprint.clone());
        let alert = self
            .open
            .entry(fingerprint.clone())
            .and_modify(|alert| alert.add(&sighting, now))
            .or_insert_with(|| OpenAlert::new(&sighting, now));
        let speaks = alert.sequence == 0 && alert.reaches(sighting.signature.threshold);
        speaks.then(|| alert.notice(fingerprint, Status::Firing, now))
    }

    /// Lets time pass: what is due to be repeated, and what has resolved.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut closed = Vec::new();
        for (fingerprint, alert) in &mut self.open {
            let silent = alert.sequence == 0;
            if elapsed(alert.last_at, now) >= alert.patience(self.policy.resolve_after) {
                closed.push(fingerprint.clone());
                if !silent {
                    notices.push(alert.notice(fingerprint.clone(), Status::Resolved, now));
                }
            } else if !silent && elapsed(alert.told_at, now) >= self.policy.repeat_every {
                notices.push(alert.notice(fingerprint.clone(), Status::Firing, now));
                self.changed.insert(fingerprint.clone());
            }
        }
        for fingerprint in closed {
            self.open.remove(&fingerprint);
            self.changed.insert(fingerprint);
        }
        notices
    }

    /// The alerts that changed since the last call, for the store; `None`: no longer open.
    pub fn changes(&mut self) -> Vec<(String, Option<OpenAlert>)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|fingerprint| {
                let alert = self.open.get(&fingerprint).cloned();
                (fingerprint, alert)
            })
            .collect()
    }

    /// Whether anything changed since the last [`Correlator::changes`].
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }
}

/// Time from `earlier` to `now`; none where the clock was set back.
fn elapsed(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
