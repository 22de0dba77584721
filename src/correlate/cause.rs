//! Which finding explains which: in one record, in one log, on one box.
//!
//! A page says which findings may follow from its own, and how soon. That alone silences nobody: two findings
//! are one failure where there is evidence of it, such as one thread or one sector. Where only time fits, the
//! one is a possible cause of the other, and both are told.
//!
//! A cause is not always read before its followers. Where it is, followers are told with it; where
//! it comes late, [`Recent`] cannot help and [`relation`] is asked of the alerts that are open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::elapsed;
use crate::model::finding::Severity;
use crate::model::record::{Evidence, Identity, Place};
use crate::signature::{EVIDENCE, FALLBACK_WITHIN, Scope, Signature};

/// Clocks and buffers let a follower seem to be so much older than its cause.
const SKEW: SignedDuration = SignedDuration::from_secs(1);
/// A cause is remembered for so long after it was read; no page explains further.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Findings of one signature in one log that are remembered, each of another thread, sector and so on.
const STREAKS_MAX: usize = 64;
/// Causes that are named where none is certain.
pub(super) const POSSIBLE_MAX: usize = 3;
/// A panic and the error of its thread are written by then.
const BESIDE_WITHIN: Duration = Duration::from_secs(1);

/// A signature as one that may be explained.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follower<'a> {
    pub id: &'a str,
    /// It speaks only where nothing else does.
    pub fallback: bool,
}

impl<'a> From<&'a Signature> for Follower<'a> {
    fn from(signature: &'a Signature) -> Follower<'a> {
        Follower { id: &signature.id, fallback: signature.fallback }
    }
}

/// Where a finding stands, and what it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    pub path: &'a str,
    pub place: Place,
    /// When it was written, as far as its log says so.
    pub at: Timestamp,
    pub identity: &'a Identity,
}

impl Spot<'_> {
    /// Whether there is any of `evidence` that `other` belongs to this.
    fn belongs(&self, other: &Spot<'_>, evidence: &[Evidence]) -> bool {
        let same_log = self.path == other.path;
        let same_record = same_log && self.place.offset == other.place.offset;
        same_record
            || self.identity.belongs(other.identity, evidence, same_log)
            || (evidence.contains(&Evidence::Thread) && same_log && self.is_beside(other))
    }

    /// Whether one of them is a panic or another record that names no thread, directly before or behind the other.
    fn is_beside(&self, other: &Spot<'_>) -> bool {
        let ends = |spot: &Spot<'_>| spot.place.offset + spot.place.length + 1;
        let touches = ends(self) == other.place.offset || ends(other) == self.place.offset;
        let (earlier, later) = (self.at.min(other.at), self.at.max(other.at));
        touches
            && (self.identity.is_nameless() || other.identity.is_nameless())
            && self.identity.process == other.identity.process
            && elapsed(earlier, later) < BESIDE_WITHIN
    }
}

/// How a page relates a finding to one of another signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    /// Time fits, and nothing else.
    Possible,
    /// They belong together.
    Explains,
}

/// What `cause` says of followers in `scope`: how soon they come, and by which evidence they belong to it.
fn rules<'c>(
    cause: &'c Signature,
    follower: Follower<'c>,
    scope: Scope,
) -> impl Iterator<Item = (Duration, &'c [Evidence])> {
    let is_other = *cause.id != *follower.id;
    let named = cause.explains.iter().filter(move |explains| is_other && explains.scope == scope);
    let named = named.filter(move |explains| explains.signatures.iter().any(|id| id.matches(follower.id)));
    let named = named.map(|explains| (explains.within, explains.by.as_slice()));
    // Beside a fallback in one record anything worth telling is the cause; a line further up has
    // to be a failure itself.
    let fallback = match scope {
        Scope::Record => Some((Severity::Warning, Duration::ZERO)),
        Scope::Process => Some((Severity::Error, FALLBACK_WITHIN)),
        Scope::Host => None,
    };
    let knows_better = is_other && follower.fallback && !cause.fallback;
    let fallback = fallback.filter(|(least, _)| knows_better && cause.severity >= *least);
    named.chain(fallback.map(|(_, within)| (within, EVIDENCE.as_slice())))
}

/// Whether a finding of `cause` explains one of `follower` in the same record.
fn explains_in_record(cause: &Signature, follower: &Signature) -> bool {
    rules(cause, follower.into(), Scope::Record).next().is_some()
}

/// How findings of `cause`, the first written at `from` and the last at `to`, relate to one of `follower` at another
/// place.
fn relation_to(
    cause: &Signature,
    from: Timestamp,
    to: &Spot<'_>,
    follower: Follower<'_>,
    spot: &Spot<'_>,
) -> Option<Relation> {
    let scopes = if to.path == spot.path { &[Scope::Process, Scope::Host][..] } else { &[Scope::Host] };
    let rules = scopes.iter().flat_map(|scope| rules(cause, follower, *scope));
    let rules = rules.filter(|(within, _)| is_within(from, to.at, *within, spot.at));
    let relations = rules.map(|(_, by)| match to.belongs(spot, by) {
        true => Relation::Explains,
        false => Relation::Possible,
    });
    relations.max()
}

/// How a finding of `cause` at `spot` relates to one of `follower`, first at `first` and last at `last`.
pub(super) fn relation(
    cause: &Signature,
    spot: &Spot<'_>,
    follower: Follower<'_>,
    first: Timestamp,
    last: &Spot<'_>,
) -> Option<Relation> {
    let first = relation_to(cause, spot.at, spot, follower, &Spot { at: first, ..*last })?;
    Some(first.min(relation_to(cause, spot.at, spot, follower, last)?))
}

/// The signatures found in one record, each with the one that explains it, causes first.
///
/// Where pages explain each other in a circle, the first of them is the cause.
pub(super) fn in_record(signatures: &[&Signature]) -> Vec<(usize, Option<usize>)> {
    let cause = |index: usize, among: &[usize]| {
        let is_cause = |&other: &usize| explains_in_record(signatures[other], signatures[index]);
        among.iter().copied().find(is_cause)
    };
    let mut left: Vec<usize> = (0..signatures.len()).collect();
    let mut placed = Vec::new();
    let mut order = Vec::new();
    while let Some(&first) = left.first() {
        let next = left.iter().copied().find(|&index| cause(index, &left).is_none()).unwrap_or(first);
        order.push((next, cause(next, &placed)));
        placed.push(next);
        left.retain(|&index| index != next);
    }
    order
}

/// What was found lately that may explain something: by log and signature, each thread, sector and so on for
/// itself, and whose alert it belongs to.
#[derive(Debug, Default)]
pub(super) struct Recent {
    logs: BTreeMap<Arc<str>, Signatures>,
    /// Those that explain something in other logs.
    host: Signatures,
}

type Signatures = BTreeMap<Arc<str>, Vec<Streak>>;

/// Findings of one signature that are about the same thing and came close to each other.
#[derive(Debug, Clone)]
struct Streak {
    signature: Arc<Signature>,
    path: Arc<str>,
    identity: Identity,
    /// Log times of the first and the last.
    from: Timestamp,
    to: Timestamp,
    /// Where the last stands.
    place: Place,
    /// The alert that tells of them: their own, or that of their cause.
    fingerprint: String,
    /// When the last was read.
    read: Timestamp,
}

/// What may have caused a finding, by the alerts that tell of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Causes {
    /// The one that it belongs to.
    pub certain: Option<String>,
    /// Those that only time speaks for.
    pub possible: Vec<String>,
}

impl Recent {
    /// What may have caused a finding of `signature`, the first that happened before the others. Asked
    /// for are alerts that `may_explain` it.
    pub(super) fn causes(
        &self,
        signature: &Signature,
        spot: &Spot<'_>,
        may_explain: impl Fn(&str) -> bool,
    ) -> Causes {
        let near = self.logs.get(spot.path).into_iter().flat_map(BTreeMap::values).flatten();
        let far = self.host.values().flatten().filter(|streak| *streak.path != *spot.path);
        let related = |streak: &'_ Streak| {
            let last =
                Spot { path: &streak.path, place: streak.place, at: streak.to, identity: &streak.identity };
            relation_to(&streak.signature, streak.from, &last, signature.into(), spot)
        };
        let streaks = near.chain(far).filter(|streak| may_explain(&streak.fingerprint));
        let mut streaks: Vec<_> = streaks
            .filter_map(|streak| Some((related(streak)?, *streak.path != *spot.path, streak)))
            .collect();
        streaks
            .sort_by_key(|(relation, is_far, streak)| (*is_far, streak.from, std::cmp::Reverse(*relation)));
        let mut causes = Causes::default();
        for (relation, _, Streak { fingerprint, .. }) in streaks {
            match relation {
                Relation::Explains if causes.certain.is_none() => causes.certain = Some(fingerprint.clone()),
                Relation::Possible
                    if causes.possible.len() < POSSIBLE_MAX && !causes.possible.contains(fingerprint) =>
                {
                    causes.possible.push(fingerprint.clone());
                }
                _ => {}
            }
        }
        causes
    }

    /// Remembers a finding, told by the alert `fingerprint`.
    pub(super) fn add(
        &mut self,
        signature: &Arc<Signature>,
        spot: &Spot<'_>,
        fingerprint: &str,
        now: Timestamp,
    ) {
        let names = |scope: Scope| signature.explains.iter().any(|explains| explains.scope == scope);
        let knows_better = !signature.fallback && signature.severity >= Severity::Error;
        if names(Scope::Host) {
            add(&mut self.host, signature, &Arc::from(spot.path), spot, fingerprint, now);
        }
        if names(Scope::Host) || names(Scope::Process) || knows_better {
            let known = self.logs.get_key_value(spot.path).map(|(path, _)| path.clone());
            let path = known.unwrap_or_else(|| spot.path.into());
            let log = self.logs.entry(path.clone()).or_default();
            add(log, signature, &path, spot, fingerprint, now);
        }
    }

    /// Forgets what can explain nothing any more.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let forget = |signatures: &mut Signatures| {
            signatures.retain(|_, streaks| {
                streaks.retain(|streak| elapsed(streak.read, now) <= REMEMBERED);
                !streaks.is_empty()
            });
        };
        forget(&mut self.host);
        self.logs.retain(|_, log| {
            forget(log);
            !log.is_empty()
        });
    }
}

/// Adds a finding to the streak that it goes on, or begins one; the oldest goes where there are too many.
fn add(
    signatures: &mut Signatures,
    signature: &Arc<Signature>,
    path: &Arc<str>,
    spot: &Spot<'_>,
    fingerprint: &str,
    now: Timestamp,
) {
    let streaks = signatures.entry(signature.id.clone()).or_default();
    let goes_on = |streak: &&mut Streak| {
        streak.identity == *spot.identity
            && streak.path == *path
            && streak.fingerprint == fingerprint
            && elapsed(streak.to, spot.at) <= REMEMBERED
    };
    if let Some(streak) = streaks.iter_mut().find(goes_on) {
        (streak.from, streak.to) = (streak.from.min(spot.at), streak.to.max(spot.at));
        (streak.place, streak.read) = (spot.place, now);
        return;
    }
    if streaks.len() >= STREAKS_MAX {
        streaks.remove(0);
    }
    streaks.push(Streak {
        signature: signature.clone(),
        path: path.clone(),
        identity: spot.identity.clone(),
        from: spot.at,
        to: spot.at,
        place: spot.place,
        fingerprint: fingerprint.to_owned(),
        read: now,
    });
}

/// Whether `at` lies between the first finding and `within` after the last.
fn is_within(first: Timestamp, last: Timestamp, within: Duration, at: Timestamp) -> bool {
    first.duration_since(at) <= SKEW && elapsed(last, at) <= within
}
