//! One open alert: what is kept of it, and the message it becomes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cause::{self, is_within};
use super::command::{self, Steps, Values, Vars};
use super::{Moment, elapsed};
use crate::model::alert::{Action, Alert, Cause, Context, Follower, Lang, Status};
use crate::model::finding::{Finding, Severity};
use crate::model::record::{Fields, Names};
use crate::model::redact::{redact_fields, redact_lines, redact_text};
use crate::signature::{Catalogue, Runbook, Signature, Threshold};

/// Bytes of a record's text that an alert carries: chat sinks and webhooks refuse large messages.
const RECORD_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a context line that an alert carries.
const CONTEXT_LINE_BYTES_MAX: usize = 1024;
/// What no count reaches: readers of JSON hold numbers up to here.
const COUNT_MAX: u64 = 1 << 53;

/// A finding and where it was seen.
#[derive(Debug, Clone)]
pub struct Sighting<'a> {
    /// The signature that matched.
    pub signature: &'a Arc<Signature>,
    /// The finding.
    pub finding: Finding,
    /// It is no finding: the record ends the state that the signature is, for the group of `finding`.
    pub ends: bool,
    /// The box.
    pub host: &'a str,
    /// The `[[source]]`.
    pub source: &'a str,
    /// The file.
    pub path: &'a str,
    /// Lines around the record.
    pub context: Context,
    /// The binaries that the log shows.
    pub names: Names,
}

impl Sighting<'_> {
    /// Takes the secrets of the log out, before anything is made of it: what is grouped, stored or
    /// sent never held them. Before it is cut to size, too, which could take a secret's shape away.
    pub(super) fn redact(&mut self) {
        redact_fields(&mut self.finding.fields, &self.finding.record);
        redact_text(&mut self.finding.record);
        redact_lines(&mut self.context.before);
        redact_lines(&mut self.context.after);
    }

    /// Names the alert: the same for signature, group, host and source.
    pub fn fingerprint(&self) -> String {
        self.fingerprint_of(&self.group())
    }

    fn fingerprint_of(&self, group: &Fields) -> String {
        let mut hash = Sha256::new();
        let parts = [&*self.finding.signature, self.host, self.source];
        let pairs = group.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        for part in parts.into_iter().chain(pairs) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize()[..8].iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// When it happened, as far as the log says so.
    pub(super) fn at(&self, now: Moment) -> Timestamp {
        self.finding.near.map_or(now.wall, |time| time.instant)
    }

    fn group(&self) -> Fields {
        let fields = &self.finding.fields;
        let names = self.signature.group_by.iter();
        names.filter_map(|name| Some((name.clone(), fields.get(name)?.clone()))).collect()
    }
}

/// A finding and the alert it belongs to.
pub(super) struct Placed<'a> {
    pub sighting: Sighting<'a>,
    /// Names that alert.
    pub fingerprint: String,
    group: Fields,
}

impl<'a> Placed<'a> {
    /// In the alert of its group.
    pub fn of(sighting: Sighting<'a>) -> Placed<'a> {
        let group = sighting.group();
        let fingerprint = sighting.fingerprint_of(&group);
        Placed { sighting, fingerprint, group }
    }

    /// Puts it in the alert of all groups that have none of their own. What they have in common is
    /// nothing but their signature, so its group is empty.
    pub fn join_crowd(&mut self) {
        self.group.clear();
        self.fingerprint = self.sighting.fingerprint_of(&self.group);
    }
}

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
    host: String,
    pub(super) source: String,
    group: Fields,
    first_seen: String,
    pub(super) count: u64,
    told: u64,
    newest: Newest,
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
    followers: BTreeMap<String, u64>,
    /// The alert that explains it.
    #[serde(default)]
    pub(super) explained_by: Option<Cause>,
}

/// The newest finding of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newest {
    seen: String,
    path: String,
    fields: Fields,
    record: String,
    line: u64,
    offset: u64,
    context: Context,
    names: Names,
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
        let followers = alert.followers.values().copied().max().unwrap_or(0);
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
        };
        alert.remember(sighting, now);
        alert
    }

    pub(super) fn add(&mut self, sighting: &Sighting<'_>, now: Moment) {
        self.count += 1;
        self.last_at = now.steady;
        self.newest = Newest::of(sighting, now);
        let at = sighting.at(now);
        self.span = self.span.map(|(first, last)| (first.min(at), last.max(at)));
        self.remember(sighting, now);
    }

    /// Counts `count` findings of `signature` as its followers; whether they make it graver. Whoever
    /// is told of the cause alone must not miss how grave its effect is.
    pub(super) fn explain(&mut self, signature: &str, severity: Severity, count: u64) -> bool {
        *self.followers.entry(signature.to_owned()).or_default() += count;
        let graver = severity > self.severity;
        self.severity = self.severity.max(severity);
        graver
    }

    /// Whether all its findings stand between `first` and `within` after `last`.
    pub(super) fn is_within(&self, first: Timestamp, last: Timestamp, within: Duration) -> bool {
        self.span.is_some_and(|(from, to)| {
            is_within(first, last, within, from) && is_within(first, last, within, to)
        })
    }

    /// Whether it is a state, which goes on until a record ends it.
    pub(super) fn is_state(&self) -> bool {
        self.timeout.is_some()
    }

    /// Whether it is told again while it lasts: not what another alert explains, unless it is a
    /// state, which may outlast its cause.
    pub(super) fn repeats(&self) -> bool {
        match (&self.explained_by, self.is_state()) {
            (Some(_), state) => state,
            (None, _) => self.sequence > 0,
        }
    }

    /// The file of its newest finding.
    pub(super) fn path(&self) -> &str {
        &self.newest.path
    }

    /// The alert as one that may be explained.
    pub(super) fn as_follower(&self) -> cause::Follower<'_> {
        cause::Follower { id: &self.signature, fallback: self.fallback }
    }

    /// The alert as a cause.
    pub(super) fn as_cause(&self, fingerprint: &str) -> Cause {
        Cause { signature: self.signature.clone(), fingerprint: fingerprint.to_owned() }
    }

    /// Keeps the times a threshold asks for, and no more.
    fn remember(&mut self, sighting: &Sighting<'_>, now: Moment) {
        let Some(threshold) = sighting.signature.threshold.filter(|_| self.sequence == 0) else { return };
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
        let waits = self.window.filter(|_| self.sequence == 0);
        waits.or(self.timeout).unwrap_or(resolve_after)
    }

    /// The next message of this alert.
    pub(super) fn notice(&mut self, fingerprint: String, status: Status, now: Timestamp) -> Notice {
        let new = self.count - self.told;
        self.sequence += 1;
        self.told = self.count;
        self.told_at = now;
        self.recent = Vec::new();
        Notice { fingerprint, status, new, alert: self.clone() }
    }
}

impl OpenAlert {
    fn followers(&self, catalogue: &Catalogue, lang: Lang) -> Vec<Follower> {
        let title = |id: &String| catalogue.get(id).map(|known| known.runbook(lang).title.clone());
        let follower = |(id, &count): (&String, &u64)| Follower {
            signature: id.clone(),
            title: title(id).unwrap_or_else(|| id.clone()),
            count,
        };
        self.followers.iter().map(follower).collect()
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
            context: Context { before: shorten(&context.before), after: shorten(&context.after) },
            names: names.clone(),
        }
    }
}

/// Something to tell about an alert, in no language yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Names the alert.
    pub fingerprint: String,
    status: Status,
    new: u64,
    alert: OpenAlert,
}

impl Notice {
    /// Id of the signature.
    pub fn signature(&self) -> &str {
        &self.alert.signature
    }

    /// Severity of the signature.
    pub fn severity(&self) -> Severity {
        self.alert.severity
    }

    /// Which of the alert's messages this is, from 1 on.
    pub fn sequence(&self) -> u64 {
        self.alert.sequence
    }

    /// When the first finding of the alert was seen, as it is shown: an alert that opens again counts its messages anew.
    pub fn first_seen(&self) -> &str {
        &self.alert.first_seen
    }

    /// The `[[source]]` of the alert.
    pub fn source(&self) -> &str {
        &self.alert.source
    }

    /// The values that all its findings share for the fields it is grouped by.
    pub fn group(&self) -> &Fields {
        &self.alert.group
    }

    /// The message in `lang`, with what the catalogue knows and the operator's `vars` filled in.
    pub fn render(&self, catalogue: &Catalogue, lang: Lang, vars: &Vars) -> Alert {
        let OpenAlert { signature, severity, host, source, group, newest, .. } = &self.alert;
        let known = catalogue.get(signature);
        let gone;
        let runbook = match known {
            Some(known) => known.runbook(lang),
            None => {
                gone = withdrawn(signature, lang);
                &gone
            }
        };
        let values = Values {
            fields: &newest.fields,
            host: Some(host),
            source: Some(source),
            path: &newest.path,
            names: &newest.names,
            vars,
            signature: known.map(|known| &**known),
        };
        let Steps { action, other_releases } = command::steps(runbook, &values, lang);
        let (numbers, action): (Vec<usize>, Vec<Action>) =
            action.into_iter().map(|step| (step.number, step.action)).unzip();
        Alert {
            fingerprint: self.fingerprint.clone(),
            status: self.status,
            sequence: self.alert.sequence,
            signature: signature.clone(),
            title: runbook.title.clone(),
            severity: *severity,
            host: host.clone(),
            source: source.clone(),
            path: newest.path.clone(),
            first_seen: self.alert.first_seen.clone(),
            last_seen: newest.seen.clone(),
            count: self.alert.count,
            new: self.new,
            group: group.clone(),
            fields: newest.fields.clone(),
            record: newest.record.clone(),
            line: newest.line,
            offset: newest.offset,
            context: newest.context.clone(),
            meaning: runbook.meaning.clone(),
            action,
            // What goes without saying is not said.
            action_numbers: if numbers.iter().copied().eq(1..=numbers.len()) { Vec::new() } else { numbers },
            other_releases: other_releases.into_iter().map(|step| step.action).collect(),
            links: runbook.links.clone(),
            followers: self.alert.followers(catalogue, lang),
            explained_by: self.alert.explained_by.clone(),
            confirmed: Vec::new(),
            lang,
        }
    }
}

/// Stands in for the runbook of a signature that has left the catalogue while its alert was open.
fn withdrawn(signature: &str, lang: Lang) -> Runbook {
    let meaning = match lang {
        Lang::En => "This signature is no longer in the catalogue.",
        Lang::Zh => "该特征已不在目录中。",
    };
    Runbook { title: signature.to_owned(), meaning: meaning.to_owned(), ..Runbook::default() }
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
