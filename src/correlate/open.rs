//! One open alert: what is kept of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

use super::cause::{self, Relation, Spot};
use super::sighting::{Placed, Sighting};
use super::silence::Ack;
use super::{Moment, elapsed};
use crate::model::alert::{Cause, Context, FollowerFinding};
use crate::model::finding::Severity;
use crate::model::record::{Fields, Identity, Names, Place};
use crate::signature::{Signature, Threshold};

/// Bytes of a record's text that an alert carries: chat sinks and webhooks refuse large messages.
const RECORD_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a context line that an alert carries.
const CONTEXT_LINE_BYTES_MAX: usize = 1024;
/// Findings of a follower that are kept: its newest.
const FOLLOWED_MAX: usize = 3;
/// Bytes of the record of a follower, and of each of its fields.
const FOLLOWED_BYTES_MAX: usize = 512;
/// What no count reaches: readers of JSON hold numbers up to here.
const COUNT_MAX: u64 = 1 << 53;

/// One open alert, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenAlert {
    /// Messages sent so far; 0 while a threshold has not been reached.
    pub sequence: u64,
    /// When it was last told about, by the steady clock.
    pub told_at: Timestamp,
    /// When its newest finding arrived, by the same.
    pub last_at: Timestamp,
    pub(super) signature: String,
    pub(super) severity: Severity,
    pub(super) host: String,
    pub(super) source: String,
    pub(super) group: Fields,
    pub(super) first_seen: String,
    pub(super) count: u64,
    pub(super) told: u64,
    pub(super) newest: Newest,
    /// Log times of the newest findings, as instants and as shown, while a threshold has not been
    /// reached.
    recent: Vec<(Timestamp, String)>,
    /// Width of the threshold's window.
    window: Option<Duration>,
    /// It is a state, and ends without another finding after this long.
    #[serde(default)]
    timeout: Option<Duration>,
    /// Its signature speaks only where no other does.
    #[serde(default)]
    fallback: bool,
    /// Log times of its first and its newest finding.
    #[serde(default)]
    span: Option<(Timestamp, Timestamp)>,
    /// Findings that it explains, by signature.
    #[serde(default)]
    pub(super) followers: BTreeMap<String, Followed>,
    /// The alert that explains it.
    #[serde(default)]
    pub(super) explained_by: Option<Cause>,
    /// Alerts that may explain it, for all that their time says.
    #[serde(default)]
    pub(super) possible_causes: Vec<Cause>,
    /// When the newest finding arrived that no state which follows it tells the end of, by the steady clock.
    #[serde(default)]
    loose_at: Option<Timestamp>,
    /// Log time of the newest that it counts, …
    #[serde(default)]
    latest: Option<Timestamp>,
    /// … and what that was when it was last told.
    #[serde(default)]
    told_of: Option<Timestamp>,
    /// A message of it was due and was held back.
    #[serde(default)]
    pub(super) held: bool,
    /// Somebody is on it.
    #[serde(default)]
    pub(super) ack: Option<Ack>,
}

/// Findings of one signature that an alert explains.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "FollowedRow")]
pub(super) struct Followed {
    pub count: u64,
    /// The newest of them, oldest first.
    pub newest: Vec<FollowerFinding>,
}

/// Former versions kept the number alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum FollowedRow {
    Count(u64),
    Followed { count: u64, newest: Vec<FollowerFinding> },
}

impl From<FollowedRow> for Followed {
    fn from(row: FollowedRow) -> Followed {
        match row {
            FollowedRow::Count(count) => Followed { count, newest: Vec::new() },
            FollowedRow::Followed { count, newest } => Followed { count, newest },
        }
    }
}

impl Followed {
    /// Counts `count` findings, the newest of which is `newest`.
    fn add(&mut self, count: u64, newest: FollowerFinding) {
        self.count += count;
        if self.newest.len() >= FOLLOWED_MAX {
            self.newest.remove(0);
        }
        self.newest.push(newest);
    }
}

/// The newest finding of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Newest {
    pub seen: String,
    pub path: String,
    pub fields: Fields,
    pub record: String,
    pub line: u64,
    pub offset: u64,
    #[serde(default)]
    length: u64,
    #[serde(default)]
    identity: Identity,
    pub context: Context,
    pub names: Names,
}

impl OpenAlert {
    /// What the store keeps of it.
    pub fn encode(&self) -> Vec<u8> {
        // String keys and values that cannot fail: serialising them cannot either.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`OpenAlert::encode`] wrote; `None` if it is of another shape or does not add up.
    pub fn decode(row: &[u8]) -> Option<OpenAlert> {
        let alert: OpenAlert = serde_json::from_slice(row).ok()?;
        let followers = alert.followers.values().map(|followed| followed.count).max().unwrap_or(0);
        let adds_up =
            alert.told <= alert.count && alert.count.max(alert.sequence).max(followers) <= COUNT_MAX;
        adds_up.then_some(alert)
    }

    pub(super) fn new(placed: &Placed<'_>, now: Moment) -> OpenAlert {
        let Placed { sighting, group, .. } = placed;
        let newest = Newest::of(sighting, now);
        let mut alert = OpenAlert {
            sequence: 0,
            told_at: now.steady,
            last_at: now.steady,
            signature: sighting.finding.signature.to_string(),
            severity: sighting.finding.severity,
            host: sighting.host.to_owned(),
            source: sighting.source.to_owned(),
            group: group.clone(),
            first_seen: newest.seen.clone(),
            count: 1,
            told: 0,
            newest,
            recent: Vec::new(),
            window: sighting.signature.threshold.map(|threshold| threshold.within),
            timeout: sighting.signature.until.as_ref().map(|until| until.timeout),
            fallback: sighting.signature.fallback,
            span: Some((sighting.at(now), sighting.at(now))),
            followers: BTreeMap::new(),
            explained_by: None,
            possible_causes: Vec::new(),
            loose_at: Some(now.steady),
            latest: Some(sighting.at(now)),
            told_of: None,
            held: false,
            ack: None,
        };
        alert.remember(sighting, now);
        alert
    }

    pub(super) fn add(&mut self, sighting: &Sighting<'_>, now: Moment) {
        self.count += 1;
        self.last_at = now.steady;
        self.loose_at = Some(now.steady);
        self.newest = Newest::of(sighting, now);
        let at = sighting.at(now);
        self.latest = self.latest.max(Some(at));
        self.span = self.span.map(|(first, last)| (first.min(at), last.max(at)));
        self.remember(sighting, now);
    }

    /// Counts a finding as its follower; whether it makes it graver. Whoever is told of the cause alone must not miss
    /// how grave its effect is.
    pub(super) fn explain(&mut self, sighting: &Sighting<'_>, now: Moment) -> bool {
        let Signature { id, severity, until, .. } = &**sighting.signature;
        self.last_at = now.steady;
        self.latest = self.latest.max(Some(sighting.at(now)));
        if until.is_none() {
            self.loose_at = Some(now.steady);
        }
        let newest = Newest::of(sighting, now).as_follower();
        self.followers.entry(id.to_string()).or_default().add(1, newest);
        let graver = *severity > self.severity;
        self.severity = self.severity.max(*severity);
        graver
    }

    /// Counts another alert as its follower.
    pub(super) fn explain_alert(&mut self, other: &OpenAlert) {
        let newest = other.newest.as_follower();
        self.followers.entry(other.signature.clone()).or_default().add(other.count, newest);
        self.severity = self.severity.max(other.severity);
    }

    /// How a finding of `cause` at `spot` relates to all its findings.
    pub(super) fn relation_to(&self, cause: &Signature, spot: &Spot<'_>) -> Option<Relation> {
        if !self.fallback && !cause.may_explain(&self.signature) {
            return None;
        }
        let (first, last) = self.span?;
        let Newest { path, line, offset, length, identity, .. } = &self.newest;
        let place = Place { line: *line, offset: *offset, length: *length };
        let last = Spot { path, place, at: last, identity };
        let follower = cause::Follower { id: &self.signature, fallback: self.fallback };
        cause::relation(cause, spot, follower, first, &last)
    }

    /// Whether what was told of it last happened more than `lately` before `at`, by the time of the log.
    pub(super) fn is_old(&self, lately: Duration, at: Timestamp) -> bool {
        self.told_of.is_none_or(|told| elapsed(told, at) > lately)
    }

    /// Whether nothing but states that follow it came for `within`.
    pub(super) fn is_settled(&self, within: Duration, now: Timestamp) -> bool {
        elapsed(self.loose_at.unwrap_or(self.last_at), now) >= within
    }

    /// The alert whose end is its own: that of its cause, as long as it was never told itself.
    pub(super) fn held_by(&self) -> Option<&str> {
        let cause = self.explained_by.as_ref().filter(|_| self.is_state() && self.sequence == 0)?;
        Some(&cause.fingerprint)
    }

    /// Whether it is a state, which goes on until a record ends it.
    pub(super) fn is_state(&self) -> bool {
        self.timeout.is_some()
    }

    /// Id of the signature.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// Alerts that may explain it, as far as time goes.
    pub fn possible_causes(&self) -> &[Cause] {
        &self.possible_causes
    }

    /// The alert that explains it.
    pub fn cause(&self) -> Option<&Cause> {
        self.explained_by.as_ref()
    }

    /// The alert as a cause.
    pub(super) fn as_cause(&self, fingerprint: &str) -> Cause {
        Cause { signature: self.signature.clone(), fingerprint: fingerprint.to_owned() }
    }

    /// Keeps the times a threshold asks for, and no more.
    fn remember(&mut self, sighting: &Sighting<'_>, now: Moment) {
        let Some(threshold) = sighting.signature.threshold.filter(|_| !self.has_spoken()) else { return };
        let at = sighting.at(now);
        self.recent.push((at, self.newest.seen.clone()));
        self.recent.retain(|&(earlier, _)| elapsed(earlier, at) <= threshold.within);
        // Findings that have fallen out of the window were never told and do not count.
        self.count = self.recent.len() as u64;
        if let Some((_, first)) = self.recent.first() {
            self.first_seen.clone_from(first);
        }
    }

    pub(super) fn reaches(&self, threshold: Option<Threshold>) -> bool {
        threshold.is_none_or(|threshold| self.count >= threshold.count)
    }

    /// How long it may be quiet before it is closed.
    pub(super) fn patience(&self, resolve_after: Duration) -> Duration {
        let waits = self.window.filter(|_| !self.has_spoken());
        waits.or(self.timeout).unwrap_or(resolve_after)
    }

    /// Whether it was told, or would have been but for a silence.
    pub(super) fn has_spoken(&self) -> bool {
        self.sequence > 0 || self.held
    }

    /// Findings since it was last told.
    pub(super) fn untold(&self) -> u64 {
        self.count - self.told
    }

    /// Counts a message about it; how many findings are new with it.
    pub(super) fn tell(&mut self, now: Timestamp) -> u64 {
        let new = self.untold();
        self.sequence += 1;
        self.told = self.count;
        self.told_at = now;
        self.told_of = self.latest;
        self.recent = Vec::new();
        self.held = false;
        new
    }
}

impl Newest {
    fn of(sighting: &Sighting<'_>, now: Moment) -> Newest {
        let Sighting { finding, path, context, names, .. } = sighting;
        let shorten =
            |lines: &[String]| lines.iter().map(|line| shortened(line, CONTEXT_LINE_BYTES_MAX)).collect();
        Newest {
            // A panic has no time of its own; the line before it is near enough.
            seen: finding.time.or(finding.near).map_or_else(|| arrival(now.wall), |time| time.to_string()),
            path: (*path).to_owned(),
            fields: finding.fields.clone(),
            record: shortened(&finding.record, RECORD_BYTES_MAX),
            line: finding.place.line,
            offset: finding.place.offset,
            length: finding.place.length,
            identity: finding.identity.clone(),
            context: Context { before: shorten(&context.before), after: shorten(&context.after) },
            names: names.clone(),
        }
    }

    /// What an alert keeps of it as a follower.
    fn as_follower(&self) -> FollowerFinding {
        let short = |text: &String| shortened(text, FOLLOWED_BYTES_MAX);
        FollowerFinding {
            path: self.path.clone(),
            line: self.line,
            fields: self.fields.iter().map(|(name, value)| (name.clone(), short(value))).collect(),
            record: short(&self.record),
        }
    }
}

/// The moment of arrival as an alert shows it.
fn arrival(now: Timestamp) -> String {
    now.round(Unit::Millisecond).unwrap_or(now).to_string()
}

fn shortened(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes_max)])
}
