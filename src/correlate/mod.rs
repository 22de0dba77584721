//! Findings in, alerts out: grouped, counted, repeated, resolved; one failure is one alert.
//!
//! An alert is open from its first finding until what it tells of has ended: a record ends the state that its
//! signature is or that follows from it, or, where no log can say so, it has been quiet for `resolve_after`. While a
//! state that follows from it is open it does not resolve. It speaks when it opens, every `repeat_every`
//! while it lasts, and when it resolves; in between findings only raise its count. A finding that
//! belongs to another alert by evidence is counted there, as a follower, and opens none of its own, unless it has to be
//! told at once: because it is graver, or critical and knows more than that something failed. Where only its time
//! speaks for a cause, it opens its own and names that cause as a possible one. Where
//! thousands of alerts of one signature are open, further groups share one more. Time comes in as an
//! argument, so a replay can ask the same questions in the time of its log.

mod cause;
pub mod command;
mod crowd;
mod muted;
mod notice;
mod open;
mod sighting;
mod silence;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

pub use notice::Notice;
pub use open::OpenAlert;
pub use sighting::Sighting;
pub use silence::{Ack, Silence};

use self::cause::{Recent, Relation};
use self::crowd::Crowds;
use self::muted::Muted;
use self::sighting::Placed;
use crate::model::alert::{Cause, Status};
use crate::model::finding::Severity;
use crate::model::record::Fields;
use crate::signature::Signature;

/// Whoever was told of a cause so lately is looking, and takes a thread that stops because of it for what it is.
const LATELY: Duration = Duration::from_secs(120);
/// A thread that waits says so once a minute. Only then does the end of the last one that does end its cause.
const SETTLED_AFTER: Duration = Duration::from_secs(120);

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

impl Moment {
    /// A time of the steady clock as the clock of the box will show it, to the second.
    pub fn shown(self, steady: Timestamp) -> String {
        let wall = self.wall.checked_add(steady.duration_since(self.steady)).unwrap_or(steady);
        format!("{wall:.0}")
    }
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
    tellers: Vec<String>,
    muted: Muted,
}

impl Correlator {
    /// A correlator that goes on with the alerts that were open before, by fingerprint.
    pub fn new(policy: Policy, open: impl IntoIterator<Item = (String, OpenAlert)>) -> Correlator {
        let open: BTreeMap<String, OpenAlert> = open.into_iter().collect();
        let mut crowds = Crowds::default();
        open.values().for_each(|alert| crowds.opened(&alert.signature));
        Correlator {
            policy,
            open,
            changed: BTreeSet::new(),
            recent: Recent::default(),
            crowds,
            tellers: Vec::new(),
            muted: Muted::default(),
        }
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
        if !ended.is_empty() {
            notices.extend(self.outlasting(now.steady));
        }
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
            let cause = cause.map(|cause| alerts[cause].as_str());
            let told = match self.home(placed, cause, now, &due) {
                Home::Cause(cause) => self.follow(cause, placed, now, &mut due),
                Home::Own { explained_by, possible } => {
                    self.count(placed, (explained_by, possible), now, &mut due)
                }
            };
            self.recent.add(placed.sighting.signature, &placed.spot(now), &told, now.steady);
            alerts[index] = told;
        }
        self.tellers = alerts;
        due.into_iter().filter_map(|alert| self.notice(alert, Status::Firing, None, now.steady)).collect()
    }

    /// The alerts that tell of the findings of the last record, in their order: their own, or those that explain them.
    pub fn tellers(&self) -> &[String] {
        &self.tellers
    }

    /// Which alert a finding is to be counted in; `in_record` tells of its cause in the same record.
    fn home(
        &self,
        placed: &Placed<'_>,
        in_record: Option<&str>,
        now: Moment,
        due: &BTreeSet<String>,
    ) -> Home {
        let own = placed.fingerprint.as_str();
        // A cause that keeps silent itself, below its threshold, silences nobody.
        let is_told =
            |alert: &str| due.contains(alert) || self.open.get(alert).is_some_and(|alert| alert.sequence > 0);
        let known = self.open.get(own);
        let followed = known.and_then(OpenAlert::held_by).filter(|cause| is_told(cause));
        let in_record = in_record.filter(|cause| *cause != own && is_told(cause));
        let alone = Home::Own { explained_by: None, possible: Vec::new() };
        let (cause, possible) = match (in_record, followed) {
            (None, Some(cause)) => return Home::Cause(cause.to_owned()),
            (Some(cause), _) => (Some(cause.to_owned()), Vec::new()),
            _ if is_told(own) => return alone,
            _ => {
                let (signature, spot) = (placed.sighting.signature, placed.spot(now));
                let causes = self.recent.causes(signature, &spot, |alert| alert == own || is_told(alert));
                (causes.certain, causes.possible)
            }
        };
        match cause {
            // What another follower of this very alert seems to explain belongs to it anyway.
            Some(cause) if cause == own => alone,
            Some(cause) if self.is_told_apart(placed, &cause, in_record.is_some(), now, due) => {
                Home::Own { explained_by: self.as_cause(&cause), possible: Vec::new() }
            }
            Some(cause) => Home::Cause(cause),
            None => {
                let possible = possible.iter().filter(|cause| *cause != own);
                Home::Own {
                    explained_by: None,
                    possible: possible.filter_map(|cause| self.as_cause(cause)).collect(),
                }
            }
        }
    }

    /// Whether a follower of the alert `cause` is a message of its own: it is graver than what was told, or critical.
    /// A fallback and a state say little more than that the cause had an effect. They make its alert graver, and are told
    /// apart only where that was told a while ago.
    fn is_told_apart(
        &self,
        placed: &Placed<'_>,
        cause: &str,
        in_record: bool,
        now: Moment,
        due: &BTreeSet<String>,
    ) -> bool {
        let Some(alert) = self.open.get(cause).filter(|_| !due.contains(cause)) else { return false };
        let Signature { severity, fallback, until, .. } = &**placed.sighting.signature;
        let (is_graver, is_critical) = (*severity > alert.severity, *severity == Severity::Critical);
        if *fallback || until.is_some() {
            let is_old = alert.is_old(LATELY, placed.sighting.at(now));
            return is_critical && !is_graver && is_old && !in_record;
        }
        is_graver || is_critical
    }

    /// The open alert `fingerprint` as a cause.
    fn as_cause(&self, fingerprint: &str) -> Option<Cause> {
        Some(self.open.get(fingerprint)?.as_cause(fingerprint))
    }

    /// A record ended the state of `ended`, which is no finding but names signature and group. With the last state that
    /// followed from it, an alert has ended too.
    fn end(&mut self, ended: &Sighting<'_>, now: Timestamp) -> Option<Notice> {
        let fingerprint = ended.fingerprint();
        let state = self.open.get(&fingerprint)?;
        let over =
            if state.sequence > 0 { Some(fingerprint.clone()) } else { state.held_by().map(str::to_owned) };
        let followed = state.sequence == 0;
        if followed {
            self.close(fingerprint);
        }
        let over = over?;
        let alert = self.open.get(&over)?;
        let goes_on = || {
            alert.sequence == 0
                || alert.is_state()
                || !alert.is_settled(SETTLED_AFTER, now)
                || self.open.values().any(|state| state.held_by() == Some(&over))
        };
        if followed && goes_on() {
            return None;
        }
        let notice = self.notice(over.clone(), Status::Resolved, None, now);
        self.close(over);
        notice
    }

    /// States whose cause is no longer open and was all that told of them.
    fn outlasting(&mut self, now: Timestamp) -> Vec<Notice> {
        let is_orphan =
            |state: &OpenAlert| state.held_by().is_some_and(|cause| !self.open.contains_key(cause));
        let orphans = self.open.iter().filter(|(_, state)| is_orphan(state));
        let orphans: Vec<String> = orphans.map(|(fingerprint, _)| fingerprint.clone()).collect();
        orphans.into_iter().filter_map(|state| self.notice(state, Status::Firing, None, now)).collect()
    }

    /// Whether a state that `source` shows is open, so that the record that ends it matters.
    pub fn has_state(&self, source: &str) -> bool {
        self.open.values().any(|alert| alert.is_state() && alert.source == source)
    }

    /// The groups of the open alerts of a signature.
    pub fn groups_of<'a>(&'a self, signature: &'a str) -> impl Iterator<Item = &'a Fields> {
        self.open.values().filter(move |alert| alert.signature == signature).map(|alert| &alert.group)
    }

    /// How many alerts were told and have not resolved.
    pub fn told(&self) -> usize {
        self.open.values().filter(|alert| alert.sequence > 0).count()
    }

    /// The alerts that were told, or held back, and have not resolved: as they would be told now.
    pub fn shown(&self) -> impl Iterator<Item = Notice> {
        let told = self.open.iter().filter(|(_, alert)| alert.has_spoken());
        told.map(|(fingerprint, alert)| Notice::shown(alert, fingerprint))
    }

    /// Lets time pass, by the steady clock: what is due to be repeated, and what has resolved.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Notice> {
        self.recent.forget(now);
        self.expire(now);
        let mut due = Vec::new();
        let mut closed = Vec::new();
        let held = self.held();
        for (fingerprint, alert) in &self.open {
            let patience = alert.patience(self.policy.resolve_after);
            if !held.contains(fingerprint.as_str()) && elapsed(alert.last_at, now) >= patience {
                closed.push(fingerprint.clone());
                due.extend(
                    (alert.sequence > 0).then(|| (fingerprint.clone(), Status::Resolved, Some(patience))),
                );
            } else if alert.held {
                // Told once, as soon as nothing holds it back any more.
                due.extend(
                    (!self.holds_back(alert, now)).then(|| (fingerprint.clone(), Status::Firing, None)),
                );
            } else if alert.sequence > 0 && elapsed(alert.told_at, now) >= self.policy.repeat_every {
                due.push((fingerprint.clone(), Status::Firing, None));
            }
        }
        let notice = |(alert, status, quiet)| self.notice(alert, status, quiet, now);
        let mut notices: Vec<_> = due.into_iter().filter_map(notice).collect();
        closed.into_iter().for_each(|fingerprint| self.close(fingerprint));
        notices.extend(self.outlasting(now));
        notices
    }

    /// Alerts that do not resolve, for a state that follows from them is open.
    fn held(&self) -> BTreeSet<&str> {
        let causes = self.open.values().filter_map(OpenAlert::held_by);
        causes.filter(|cause| self.open.get(*cause).is_some_and(|cause| !cause.is_state())).collect()
    }

    /// When [`Correlator::tick`] will have something to say next, if nothing is found until then.
    pub fn next_due(&self) -> Option<Timestamp> {
        let held = self.held();
        let due = self.open.iter().flat_map(|(fingerprint, alert)| {
            let closes = alert.last_at.checked_add(alert.patience(self.policy.resolve_after));
            let repeats = alert.told_at.checked_add(self.policy.repeat_every);
            [
                closes.ok().filter(|_| !held.contains(fingerprint.as_str())),
                repeats.ok().filter(|_| alert.sequence > 0 && !alert.held),
                alert.ack.as_ref().map(|ack| ack.until),
            ]
        });
        due.flatten().chain(self.muted.next_end()).min()
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

    /// Counts a finding in its own alert, which is told of `causes`: of the one that explains it, or of possible ones.
    fn count(
        &mut self,
        placed: &Placed<'_>,
        causes: (Option<Cause>, Vec<Cause>),
        now: Moment,
        due: &mut BTreeSet<String>,
    ) -> String {
        let (sighting, fingerprint) = (&placed.sighting, placed.fingerprint.clone());
        if !self.open.contains_key(&fingerprint) {
            let mut alert = OpenAlert::new(placed, now);
            self.adopt(&mut alert, &fingerprint, placed, now);
            self.crowds.opened(&alert.signature);
            self.open.insert(fingerprint.clone(), alert);
        } else if let Some(alert) = self.open.get_mut(&fingerprint) {
            alert.add(sighting, now);
        }
        self.changed.insert(fingerprint.clone());
        if let Some(alert) = self.open.get_mut(&fingerprint).filter(|alert| alert.sequence == 0) {
            (alert.explained_by, alert.possible_causes) = causes;
            if alert.reaches(sighting.signature.threshold) {
                due.insert(fingerprint.clone());
            }
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
        if alert.explain(sighting, now) {
            due.insert(cause.clone());
        }
        let explained_by = alert.as_cause(&cause);
        // A state lasts longer than the moment that explains it.
        if sighting.signature.until.is_some() {
            let fingerprint = placed.fingerprint.clone();
            let crowds = &mut self.crowds;
            let state = self.open.entry(fingerprint.clone());
            let state = state.and_modify(|state| state.add(sighting, now));
            let state = state.or_insert_with(|| {
                crowds.opened(&sighting.signature.id);
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

    /// Finds what a new alert explains, or may explain, among those that were told before it was known.
    fn adopt(&mut self, cause: &mut OpenAlert, fingerprint: &str, placed: &Placed<'_>, now: Moment) {
        let (signature, spot) = (placed.sighting.signature, placed.spot(now));
        for (other, follower) in &mut self.open {
            if follower.explained_by.is_some() {
                continue;
            }
            match follower.relation_to(signature, &spot) {
                Some(Relation::Explains) => {
                    cause.explain_alert(follower);
                    follower.explained_by = Some(cause.as_cause(fingerprint));
                    follower.possible_causes = Vec::new();
                }
                Some(Relation::Possible) if follower.possible_causes.len() < cause::POSSIBLE_MAX => {
                    follower.possible_causes.push(cause.as_cause(fingerprint));
                }
                _ => continue,
            }
            self.changed.insert(other.clone());
        }
    }

    /// The next message of an open alert.
    fn notice(
        &mut self,
        fingerprint: String,
        status: Status,
        quiet: Option<Duration>,
        now: Timestamp,
    ) -> Option<Notice> {
        let alert = self.open.get_mut(&fingerprint)?;
        if status == Status::Firing && self.muted.holds_back(alert, now) {
            self.muted.hold(alert).then(|| self.changed.insert(fingerprint));
            return None;
        }
        self.changed.insert(fingerprint.clone());
        Some(Notice::of(alert, fingerprint, status, quiet, now))
    }
}

/// Where a finding is counted.
enum Home {
    /// In the alert of its cause.
    Cause(String),
    /// In its own.
    Own {
        /// The alert that it belongs to, and that it is told apart from.
        explained_by: Option<Cause>,
        possible: Vec<Cause>,
    },
}

/// Time from `earlier` to `now`; none where the clock was set back.
fn elapsed(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
