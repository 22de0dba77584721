//! Findings in, alerts out: grouped, counted, repeated, resolved; one failure is one alert.
//!
//! An alert is open from its first finding until it has been quiet for `resolve_after`, or, where
//! its signature is a state, until a record ends it. It speaks when it opens, every `repeat_every`
//! while it lasts, and when it resolves; in between findings only raise its count. A finding that
//! another alert explains is counted there, as a follower, and opens none of its own. Where
//! thousands of alerts of one signature are open, further groups share one more. Time comes in as an
//! argument, so a replay can ask the same questions in the time of its log.

mod cause;
pub mod command;
mod crowd;
mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

pub use open::{Notice, OpenAlert, Sighting};

use self::cause::{Recent, explains};
use self::crowd::Crowds;
use self::open::Placed;
use crate::model::alert::Status;
use crate::signature::{Scope, Signature};

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

/// A moment by two clocks; where they are one, its time.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// By a clock that nobody sets: alerts repeat and resolve by it.
    pub steady: Timestamp,
    /// By the clock of the box, as logs and people read it.
    pub wall: Timestamp,
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Moment {
        Moment { steady: time, wall: time }
    }
}

/// All open alerts of a host.
#[derive(Debug)]
pub struct Correlator {
    policy: Policy,
    open: BTreeMap<String, OpenAlert>,
    changed: BTreeSet<String>,
    recent: Recent,
    crowds: Crowds,
}

impl Correlator {
    /// A correlator that goes on with the alerts that were open before, by fingerprint.
    pub fn new(policy: Policy, open: impl IntoIterator<Item = (String, OpenAlert)>) -> Correlator {
        let open: BTreeMap<String, OpenAlert> = open.into_iter().collect();
        let mut crowds = Crowds::default();
        open.values().for_each(|alert| crowds.opened(&alert.signature));
        Correlator { policy, open, changed: BTreeSet::new(), recent: Recent::default(), crowds }
    }

    /// Changes when alerts speak from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Takes what was found in one record; what is to be told at once because of it. The states that the
    /// record ends come first: what it finds may open them anew.
    pub fn observe(&mut self, record: Vec<Sighting<'_>>, now: impl Into<Moment>) -> Vec<Notice> {
        let now = now.into();
        let (ended, found): (Vec<_>, Vec<_>) = record.into_iter().partition(|sighting| sighting.ends);
        let mut notices: Vec<_> = ended.iter().filter_map(|ended| self.end(ended, now.steady)).collect();
        notices.extend(self.find(found, now));
        notices
    }

    /// Takes the findings of one record.
    fn find(&mut self, record: Vec<Sighting<'_>>, now: Moment) -> Vec<Notice> {
        let record: Vec<Placed<'_>> = record.into_iter().map(|sighting| self.place(sighting)).collect();
        let signatures: Vec<&Signature> = record.iter().map(|placed| &**placed.sighting.signature).collect();
        let mut alerts = vec![String::new(); record.len()];
        let mut due = BTreeSet::new();
        for (index, cause) in cause::in_record(&signatures) {
            let placed = &record[index];
            let sighting = &placed.sighting;
            let (at, path) = (sighting.at(now), sighting.path);
            let cause = match cause {
                Some(cause) => Some(alerts[cause].as_str()),
                None => self.recent.cause(sighting.signature, path, at),
            };
            // A cause that keeps silent itself, below its threshold, silences nobody; and what
            // another follower of this very alert seems to explain belongs to it anyway.
            let cause = cause.filter(|cause| **cause != *placed.fingerprint).filter(|cause| {
                due.contains(*cause) || self.open.get(*cause).is_some_and(|alert| alert.sequence > 0)
            });
            let told = match cause.map(str::to_owned) {
                Some(cause) => self.follow(cause, placed, now, &mut due),
                None => self.count(placed, now, &mut due),
            };
            self.recent.add(sighting.signature, path, at, &told, now.steady);
            alerts[index] = told;
        }
        due.into_iter().filter_map(|alert| self.notice(alert, Status::Firing, now.steady)).collect()
    }

    /// A record ended the state of `ended`, which is no finding but names signature and group.
    fn end(&mut self, ended: &Sighting<'_>, now: Timestamp) -> Option<Notice> {
        let fingerprint = ended.fingerprint();
        let told = self.open.get(&fingerprint)?.sequence > 0;
        let notice = told.then(|| self.notice(fingerprint.clone(), Status::Resolved, now)).flatten();
        self.close(fingerprint);
        notice
    }

    /// Whether a state that `source` shows is open, so that the record that ends it matters.
    pub fn has_state(&self, source: &str) -> bool {
        self.open.values().any(|alert| alert.is_state() && alert.source == source)
    }

    /// How many alerts were told and have not resolved.
    pub fn told(&self) -> usize {
        self.open.values().filter(|alert| alert.sequence > 0).count()
    }

    /// Lets time pass, by the steady clock: what is due to be repeated, and what has resolved.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Notice> {
        self.recent.forget(now);
        let mut due = Vec::new();
        let mut closed = Vec::new();
        for (fingerprint, alert) in &self.open {
            if elapsed(alert.last_at, now) >= alert.patience(self.policy.resolve_after) {
                closed.push(fingerprint.clone());
                due.extend((alert.sequence > 0).then(|| (fingerprint.clone(), Status::Resolved)));
            } else if alert.repeats() && elapsed(alert.told_at, now) >= self.policy.repeat_every {
                due.push((fingerprint.clone(), Status::Firing));
            }
        }
        let notices = due.into_iter().filter_map(|(alert, status)| self.notice(alert, status, now)).collect();
        closed.into_iter().for_each(|fingerprint| self.close(fingerprint));
        notices
    }

    /// When [`Correlator::tick`] will have something to say next, if nothing is found until then.
    pub fn next_due(&self) -> Option<Timestamp> {
        let due = self.open.values().flat_map(|alert| {
            let closes = alert.last_at.checked_add(alert.patience(self.policy.resolve_after));
            let repeats = alert.told_at.checked_add(self.policy.repeat_every);
            [closes.ok(), repeats.ok().filter(|_| alert.repeats())]
        });
        due.flatten().min()
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

    /// The alert a finding belongs to, without the secrets that it may hold.
    fn place<'a>(&self, mut sighting: Sighting<'a>) -> Placed<'a> {
        sighting.redact();
        let mut placed = Placed::of(sighting);
        let id = &placed.sighting.signature.id;
        if !self.open.contains_key(&placed.fingerprint) && self.crowds.is_full(id) {
            placed.join_crowd();
        }
        placed
    }

    fn close(&mut self, fingerprint: String) {
        if let Some(alert) = self.open.remove(&fingerprint) {
            self.crowds.closed(&alert.signature);
        }
        self.changed.insert(fingerprint);
    }

    /// Counts a finding that nothing explains; its alert.
    fn count(&mut self, placed: &Placed<'_>, now: Moment, due: &mut BTreeSet<String>) -> String {
        let (sighting, fingerprint) = (&placed.sighting, placed.fingerprint.clone());
        let opens = !self.open.contains_key(&fingerprint);
        if opens {
            let mut alert = OpenAlert::new(placed, now);
            self.adopt(&mut alert, &fingerprint, sighting, now);
            self.crowds.opened(&alert.signature);
            self.open.insert(fingerprint.clone(), alert);
        } else if let Some(alert) = self.open.get_mut(&fingerprint) {
            alert.add(sighting, now);
            if !alert.is_state() {
                alert.explained_by = None;
            }
        }
        self.changed.insert(fingerprint.clone());
        let speaks = |alert: &OpenAlert| {
            alert.sequence == 0 && alert.explained_by.is_none() && alert.reaches(sighting.signature.threshold)
        };
        if self.open.get(&fingerprint).is_some_and(speaks) {
            due.insert(fingerprint.clone());
        }
        fingerprint
    }

    /// Counts a finding as a follower of the alert `cause`; that alert.
    fn follow(
        &mut self,
        cause: String,
        placed: &Placed<'_>,
        now: Moment,
        due: &mut BTreeSet<String>,
    ) -> String {
        let sighting = &placed.sighting;
        let Some(alert) = self.open.get_mut(&cause) else { return cause };
        let Signature { id, severity, until, .. } = &**sighting.signature;
        if alert.explain(id, *severity, 1) {
            due.insert(cause.clone());
        }
        let explained_by = alert.as_cause(&cause);
        // A state lasts longer than the moment that explains it.
        if until.is_some() {
            let fingerprint = placed.fingerprint.clone();
            let crowds = &mut self.crowds;
            let state = self.open.entry(fingerprint.clone());
            let state = state.and_modify(|state| state.add(sighting, now));
            let state = state.or_insert_with(|| {
                crowds.opened(id);
                OpenAlert::new(placed, now)
            });
            if state.sequence == 0 {
                state.explained_by = Some(explained_by);
            }
            self.changed.insert(fingerprint);
        }
        self.changed.insert(cause.clone());
        cause
    }

    /// Finds what a new alert explains among those that were told before it was known.
    fn adopt(&mut self, cause: &mut OpenAlert, fingerprint: &str, sighting: &Sighting<'_>, now: Moment) {
        let at = sighting.at(now);
        for (other, follower) in &mut self.open {
            let scope = if follower.path() == sighting.path { Scope::Process } else { Scope::Host };
            let within =
                [scope, Scope::Host].map(|scope| explains(sighting.signature, follower.as_follower(), scope));
            let explained = within.into_iter().flatten().any(|within| follower.is_within(at, at, within));
            if explained && follower.explained_by.is_none() {
                cause.explain(&follower.signature, follower.severity, follower.count);
                follower.explained_by = Some(cause.as_cause(fingerprint));
                self.changed.insert(other.clone());
            }
        }
    }

    /// The next message of an open alert.
    fn notice(&mut self, fingerprint: String, status: Status, now: Timestamp) -> Option<Notice> {
        let alert = self.open.get_mut(&fingerprint)?;
        self.changed.insert(fingerprint.clone());
        Some(alert.notice(fingerprint, status, now))
    }
}

/// Time from `earlier` to `now`; none where the clock was set back.
fn elapsed(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
