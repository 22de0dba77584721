//! Which finding explains which: in one record, in one log, on one box.
//!
//! A cause is not always read before its followers. Where it is, followers are told with it; where
//! it comes late, [`Recent`] cannot help and [`explains`] is asked of the alerts that are open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::elapsed;
use crate::model::finding::Severity;
use crate::signature::{FALLBACK_WITHIN, Scope, Signature};

/// Clocks and buffers let a follower seem to be so much older than its cause.
const SKEW: SignedDuration = SignedDuration::from_secs(1);
/// A cause is remembered for so long after it was read; no page explains further.
const REMEMBERED: Duration = Duration::from_secs(600);

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

/// How long after a finding of `cause` a finding of `follower` is its follower in `scope`.
pub(super) fn explains(cause: &Signature, follower: Follower<'_>, scope: Scope) -> Option<Duration> {
    if *cause.id == *follower.id {
        return None;
    }
    let named = cause.explains.iter().filter(|explains| explains.scope == scope);
    let named = named.filter(|explains| explains.signatures.iter().any(|id| id.matches(follower.id)));
    let named = named.map(|explains| explains.within).max();
    // Beside a fallback in one record anything worth telling is the cause; a line further up has
    // to be a failure itself.
    let knows_better = |least: Severity| follower.fallback && !cause.fallback && cause.severity >= least;
    match scope {
        Scope::Record => named.or(knows_better(Severity::Warning).then_some(Duration::ZERO)),
        Scope::Process => named.max(knows_better(Severity::Error).then_some(FALLBACK_WITHIN)),
        Scope::Host => named,
    }
}

/// The signatures found in one record, each with the one that explains it, causes first.
///
/// Where pages explain each other in a circle, the first of them is the cause.
pub(super) fn in_record(signatures: &[&Signature]) -> Vec<(usize, Option<usize>)> {
    let cause = |index: usize, among: &[usize]| {
        let is_cause =
            |&other: &usize| explains(signatures[other], signatures[index].into(), Scope::Record).is_some();
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

/// What was found lately: for every log and signature the newest findings, and whose alert they
/// belong to.
#[derive(Debug, Default)]
pub(super) struct Recent {
    logs: BTreeMap<String, BTreeMap<Arc<str>, Streak>>,
    /// Those that explain something in other logs.
    host: BTreeMap<Arc<str>, Streak>,
}

/// Findings of one signature that came close to each other.
#[derive(Debug, Clone)]
struct Streak {
    signature: Arc<Signature>,
    /// Log times of the first and the last.
    from: Timestamp,
    to: Timestamp,
    /// The alert that tells of them: their own, or that of their cause.
    fingerprint: String,
    /// When the last was read.
    read: Timestamp,
}

impl Recent {
    /// The alert that explains a finding of `signature` in the log `path`, written at `at`.
    pub(super) fn cause(&self, signature: &Signature, path: &str, at: Timestamp) -> Option<&str> {
        let near = self.logs.get(path).into_iter().flat_map(BTreeMap::values);
        let near = near.filter(|streak| streak.explains(signature, at, Scope::Process));
        let host = self.host.values().filter(|streak| streak.explains(signature, at, Scope::Host));
        // The first that happened is the cause of the others.
        let first = |one: &&Streak| one.from;
        let cause = near.min_by_key(first).or_else(|| host.min_by_key(first))?;
        Some(&cause.fingerprint)
    }

    /// Remembers a finding, told by the alert `fingerprint`.
    pub(super) fn add(
        &mut self,
        signature: &Arc<Signature>,
        path: &str,
        at: Timestamp,
        fingerprint: &str,
        now: Timestamp,
    ) {
        let streak = |earlier: Option<&Streak>| {
            let goes_on = earlier.filter(|earlier| elapsed(earlier.to, at) <= REMEMBERED);
            Streak {
                signature: signature.clone(),
                from: goes_on.map_or(at, |earlier| earlier.from.min(at)),
                to: goes_on.map_or(at, |earlier| earlier.to.max(at)),
                fingerprint: fingerprint.to_owned(),
                read: now,
            }
        };
        let id = signature.id.clone();
        if signature.explains.iter().any(|explains| explains.scope == Scope::Host) {
            let next = streak(self.host.get(&id));
            self.host.insert(id.clone(), next);
        }
        if !self.logs.contains_key(path) {
            self.logs.insert(path.to_owned(), BTreeMap::new());
        }
        if let Some(log) = self.logs.get_mut(path) {
            let next = streak(log.get(&id));
            log.insert(id, next);
        }
    }

    /// Forgets what can explain nothing any more.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let is_recent = |streak: &Streak| elapsed(streak.read, now) <= REMEMBERED;
        self.host.retain(|_, streak| is_recent(streak));
        self.logs.retain(|_, log| {
            log.retain(|_, streak| is_recent(streak));
            !log.is_empty()
        });
    }
}

impl Streak {
    fn explains(&self, follower: &Signature, at: Timestamp, scope: Scope) -> bool {
        let within = explains(&self.signature, follower.into(), scope);
        within.is_some_and(|within| is_within(self.from, self.to, within, at))
    }
}

/// Whether `at` lies between the first finding and `within` after the last.
pub(super) fn is_within(first: Timestamp, last: Timestamp, within: Duration, at: Timestamp) -> bool {
    first.duration_since(at) <= SKEW && elapsed(last, at) <= within
}
