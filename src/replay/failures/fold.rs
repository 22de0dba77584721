//! From findings in the order of their files to failures: through the correlation, in the order of time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::part::{Batch, Part, Place, Quote};
use super::subject::{Kind, Subject};
use super::{Failures, Sighting, Strand};
use crate::correlate::{self, Correlator, Policy};
use crate::model::alert::Context;
use crate::model::finding::{Finding, Severity};
use crate::model::record::{Names, Time};
use crate::replay::span::Span;
use crate::signature::{Catalogue, Signature};

/// Threads and sectors whose history is told, and lines of each.
const VIEWS_MAX: usize = 100;
const EVENTS_MAX: usize = 40;
/// Signatures that take turns and are told in one line each.
const TURNS_MAX: usize = 4;
/// What follows from what follows, and so on.
const CHAIN_MAX: usize = 32;

/// All that a replay found, told as failures.
#[derive(Debug)]
pub struct Story {
    /// The gravest first, and of these what came first.
    pub(crate) failures: Vec<Failure>,
    /// Findings too few to be told of: their pages have a threshold.
    pub(crate) held_back: Vec<Part>,
    /// Threads and sectors, those with the most findings first.
    pub(crate) views: Vec<View>,
    /// Threads and sectors beyond those.
    pub(crate) more_views: usize,
    /// Findings by file.
    pub(crate) files: BTreeMap<Arc<str>, u64>,
    /// The zone of all times.
    pub(crate) zone: TimeZone,
}

/// Findings of one signature that nothing explains, and what they explain.
#[derive(Debug)]
pub(crate) struct Failure {
    /// That of the gravest signature in it.
    pub(crate) severity: Severity,
    pub(crate) cause: Part,
    /// In the order of their first findings.
    pub(crate) followers: Vec<Part>,
    /// What was found shortly before and may be the cause: only time says so.
    pub(crate) possible_causes: Vec<Arc<Signature>>,
}

/// What happened to a thread or a sector.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) subject: Subject,
    pub(crate) count: u64,
    /// In the order of time.
    pub(crate) events: Vec<Event>,
    /// Events beyond those.
    pub(crate) more: u64,
}

/// Findings of one signature, one after the other.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) signature: Arc<Signature>,
    /// The failure that they follow from, where they are not its cause.
    pub(crate) cause: Option<Arc<Signature>>,
    pub(crate) span: Span,
    pub(crate) times: u64,
    pub(crate) place: Place,
}

/// An alert that was open.
#[derive(Debug)]
struct Opened {
    signature: Option<Arc<Signature>>,
    told: bool,
    cause: Option<usize>,
    /// Signatures of alerts that may explain it, as far as time goes.
    possible: BTreeSet<String>,
}

/// Which alert tells of which finding.
#[derive(Debug, Default)]
struct Ledger {
    open: BTreeMap<String, usize>,
    alerts: Vec<Opened>,
}

impl Failures<'_> {
    /// Tells them as `watch` would, were it asked for everything at the end.
    pub fn tell(mut self, policy: Policy) -> Story {
        let first = self.sightings.iter().find_map(|sighting| sighting.near);
        let zone = self
            .zone
            .take()
            .unwrap_or_else(|| TimeZone::fixed(first.map_or(jiff::tz::Offset::UTC, |time| time.offset)));
        // Stable: what has one time stays in the order of its file.
        self.sightings.sort_by_key(|sighting| sighting.at);
        let (ledger, tellers) = self.correlate(policy);
        let mut teller = Teller::new(&self.strands, &ledger, zone);
        let mut tellers = tellers.into_iter();
        for record in self.records() {
            let found: Vec<(&Sighting, Option<usize>)> = record
                .iter()
                .filter(|sighting| !self.strands[sighting.strand].ends)
                .zip(&mut tellers)
                .collect();
            found.iter().for_each(|(sighting, alert)| teller.add(sighting, *alert, found.len() > 1));
        }
        teller.end(self.detector.catalogue())
    }

    /// The findings of each record.
    fn records(&self) -> impl Iterator<Item = &[Sighting]> {
        self.sightings.chunk_by(|one, next| {
            one.offset == next.offset && self.strands[one.strand].path == self.strands[next.strand].path
        })
    }

    /// The alerts that were open, and which of them tells of each finding.
    fn correlate(&self, policy: Policy) -> (Ledger, Vec<Option<usize>>) {
        // Nobody is reminded of anything here.
        let policy = Policy { repeat_every: Duration::from_secs(u64::from(u32::MAX)), ..policy };
        let mut correlator = Correlator::new(policy, []);
        let (mut ledger, mut tellers) = (Ledger::default(), Vec::new());
        let soonest = self.soonest(policy);
        let mut due: Option<Timestamp> = None;
        for record in self.records() {
            let Some(at) = record.first().map(|sighting| sighting.at) else { continue };
            while let Some(now) = due.filter(|due| *due <= at) {
                correlator.tick(now);
                ledger.note(&mut correlator, self.detector.catalogue());
                due = correlator.next_due();
            }
            let times = record.iter().map(|sighting| self.needed(sighting)).max().unwrap_or(1);
            for _ in 0..times {
                let seen = record.iter().map(|sighting| self.strands[sighting.strand].sighting(sighting));
                correlator.observe(seen.collect(), at);
                ledger.note(&mut correlator, self.detector.catalogue());
            }
            let findings = record.iter().filter(|sighting| !self.strands[sighting.strand].ends);
            tellers
                .extend(findings.zip(correlator.tellers()).map(|(_, told)| ledger.open.get(told).copied()));
            // What was opened is not due before this; to ask what is takes longer the more there is.
            due = [due, at.checked_add(soonest).ok()].into_iter().flatten().min();
        }
        (ledger, tellers)
    }

    /// How often a sighting is counted, so that a threshold is reached where it was.
    fn needed(&self, sighting: &Sighting) -> u64 {
        let threshold = self.strands[sighting.strand].signature.threshold;
        threshold.map_or(1, |threshold| threshold.count.min(sighting.times))
    }

    /// No alert closes sooner than this after its last finding.
    fn soonest(&self, policy: Policy) -> Duration {
        let all = self.strands.iter().flat_map(|strand| {
            let Signature { threshold, until, .. } = &*strand.signature;
            [threshold.map(|threshold| threshold.within), until.as_ref().map(|until| until.timeout)]
        });
        all.flatten().chain([policy.resolve_after]).min().unwrap_or(policy.resolve_after)
    }
}

impl Strand {
    /// One of its findings for the correlation, which looks at neither record nor context.
    fn sighting(&self, sighting: &Sighting) -> correlate::Sighting<'_> {
        let Finding { severity, place, level, .. } = self.first.0;
        let mut place = place;
        (place.offset, place.line) = (sighting.offset, sighting.line);
        correlate::Sighting {
            signature: &self.signature,
            finding: Finding {
                signature: self.signature.id.clone(),
                severity,
                place,
                time: None,
                near: sighting.near,
                level,
                fields: self.group.clone(),
                identity: self.identity.clone(),
                record: String::new(),
            },
            ends: self.ends,
            host: "",
            source: "",
            path: &self.path,
            context: Context::default(),
            names: Names::default(),
        }
    }
}

impl Ledger {
    /// Takes in what changed.
    fn note(&mut self, correlator: &mut Correlator, catalogue: &Catalogue) {
        let changes = correlator.changes();
        for (fingerprint, alert) in &changes {
            if let Some(alert) = alert.as_ref().filter(|_| !self.open.contains_key(fingerprint)) {
                let signature = catalogue.get(alert.signature()).cloned();
                self.open.insert(fingerprint.clone(), self.alerts.len());
                self.alerts.push(Opened { signature, told: false, cause: None, possible: BTreeSet::new() });
            }
        }
        for (fingerprint, alert) in &changes {
            let Some(alert) = alert else { continue };
            let cause = alert.cause().map(|cause| self.open.get(&cause.fingerprint).copied());
            let Some(known) = self.open.get(fingerprint).and_then(|&index| self.alerts.get_mut(index)) else {
                continue;
            };
            known.told |= alert.sequence > 0;
            known.possible.extend(alert.possible_causes().iter().map(|cause| cause.signature.clone()));
            // A cause that is over stays the cause.
            known.cause = cause.and_then(|cause| known.cause.or(cause));
        }
        for (fingerprint, _) in changes.iter().filter(|(_, alert)| alert.is_none()) {
            self.open.remove(fingerprint);
        }
    }

    /// The alert that explains this one, and is explained by none.
    fn root(&self, mut index: usize) -> Option<&Opened> {
        for _ in 0..CHAIN_MAX {
            match self.alerts.get(index)?.cause {
                Some(cause) if cause != index => index = cause,
                _ => break,
            }
        }
        self.alerts.get(index)
    }
}

/// The parts of one failure.
#[derive(Debug, Default)]
struct Gathered {
    parts: BTreeMap<Arc<str>, Part>,
    /// The gravest finding, also of those that are left out.
    gravest: Option<Severity>,
    /// Signatures that may be the cause.
    possible: BTreeSet<String>,
}

/// Puts findings together as failures.
struct Teller<'a> {
    strands: &'a [Strand],
    ledger: &'a Ledger,
    zone: TimeZone,
    failures: BTreeMap<Arc<str>, Gathered>,
    held_back: BTreeMap<Arc<str>, Part>,
    views: BTreeMap<Subject, View>,
    files: BTreeMap<Arc<str>, u64>,
}

impl<'a> Teller<'a> {
    fn new(strands: &'a [Strand], ledger: &'a Ledger, zone: TimeZone) -> Teller<'a> {
        let (failures, held_back, views, files) = Default::default();
        Teller { strands, ledger, zone, failures, held_back, views, files }
    }

    /// Adds a finding that `alert` tells of; `beside`: its record has others.
    fn add(&mut self, sighting: &Sighting, alert: Option<usize>, beside: bool) {
        let strand = &self.strands[sighting.strand];
        let id = &strand.signature.id;
        *self.files.entry(strand.path.clone()).or_default() += sighting.times;
        let root = alert.and_then(|alert| self.ledger.root(alert));
        let cause = root.and_then(|root| root.signature.as_ref()).unwrap_or(&strand.signature);
        let follows = cause.id != *id;
        let is_told = follows || root.is_none_or(|root| root.told);
        let parts = if is_told {
            let gathered = self.failures.entry(cause.id.clone()).or_default();
            gathered.gravest = gathered.gravest.max(Some(strand.signature.severity));
            gathered.possible.extend(root.iter().flat_map(|root| &root.possible).cloned());
            &mut gathered.parts
        } else {
            &mut self.held_back
        };
        // A page that only knows that something failed adds nothing where another knows what.
        if follows && beside && strand.signature.fallback {
            return;
        }
        let place = Place { path: strand.path.clone(), line: sighting.line };
        let part = parts.entry(id.clone());
        let part = part.or_insert_with(|| Part::new(strand.signature.clone(), place.clone()));
        part.add(
            Batch {
                near: sighting.near,
                times: sighting.times,
                path: &strand.path,
                last_line: sighting.last_line,
                group: &strand.group,
                subjects: &strand.subjects,
            },
            &self.zone,
        );
        let (first, names) = &*strand.first;
        if first.place.line == sighting.line {
            part.quotes.push(Quote::new(&strand.path, first, names));
        }
        if let Some((last, names)) =
            strand.last.as_deref().filter(|(last, _)| last.place.line == sighting.last_line)
        {
            part.quotes.push(Quote::new(&strand.path, last, names));
        }
        let cause = (follows && is_told).then(|| cause.clone());
        for subject in strand.subjects.iter().filter(|(kind, _)| *kind != Kind::Miner) {
            let view = self.views.entry(subject.clone()).or_insert_with(|| View::new(subject.clone()));
            view.add(&strand.signature, cause.as_ref(), sighting.near, sighting.times, &place);
        }
    }

    fn end(self, catalogue: &Catalogue) -> Story {
        let failures =
            self.failures.into_iter().filter_map(|(id, Gathered { mut parts, gravest, possible })| {
                let cause = parts.remove(&id);
                let mut followers: Vec<Part> = parts.into_values().collect();
                followers.sort_by_key(|part| order(part.span.first));
                // Only a limit that was reached leaves a failure without its cause.
                let cause = cause.or_else(|| (!followers.is_empty()).then(|| followers.remove(0)))?;
                let severity = gravest.unwrap_or(cause.signature.severity);
                let possible_causes = possible.iter().filter_map(|id| catalogue.get(id).cloned()).collect();
                Some(Failure { severity, cause, followers, possible_causes })
            });
        let mut failures: Vec<Failure> = failures.collect();
        failures.sort_by_key(|failure| (Reverse(failure.severity), order(failure.cause.span.first)));
        let mut views: Vec<View> = self.views.into_values().collect();
        views.sort_by_key(|view| Reverse(view.count));
        let more_views = views.len().saturating_sub(VIEWS_MAX);
        views.truncate(VIEWS_MAX);
        views.sort_by(|one, other| one.subject.cmp(&other.subject));
        let held_back = self.held_back.into_values().collect();
        Story { failures, held_back, views, more_views, files: self.files, zone: self.zone }
    }
}

/// What has no time comes last.
fn order(time: Option<Time>) -> (bool, Option<Timestamp>) {
    (time.is_none(), time.map(|time| time.instant))
}

impl View {
    fn new(subject: Subject) -> View {
        View { subject, count: 0, events: Vec::new(), more: 0 }
    }

    fn add(
        &mut self,
        signature: &Arc<Signature>,
        cause: Option<&Arc<Signature>>,
        near: Option<Time>,
        times: u64,
        place: &Place,
    ) {
        self.count += times;
        let same = |event: &&mut Event| {
            event.signature.id == signature.id
                && event.cause.as_ref().map(|cause| &cause.id) == cause.map(|cause| &cause.id)
        };
        // Those of one record take turns.
        if let Some(last) = self.events.iter_mut().rev().take(TURNS_MAX).find(same) {
            last.times += times;
            last.span.add(near);
        } else if self.events.len() < EVENTS_MAX {
            let mut span = Span::default();
            span.add(near);
            let (signature, cause, place) = (signature.clone(), cause.cloned(), place.clone());
            self.events.push(Event { signature, cause, span, times, place });
        } else {
            self.more += times;
        }
    }
}
