//! What a replay found, as the failures that it shows: each once, with all that follows from it.
//!
//! Which finding follows from which is decided by the correlation of `watch`, in the time of the log. That needs all
//! findings at once, so of each little is kept, and of those that are alike (signature, file, group, thread, sector) the
//! first and the last record. However many there are, what is kept stays within limits: beyond them findings that are
//! alike and near in time become one with a count.

mod fold;
mod part;
mod subject;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use self::fold::Story;
pub(crate) use self::fold::{Event, Failure, View};
pub(crate) use self::part::{Part, Place, Quote};
pub(crate) use self::subject::{Kind, Subject};
use crate::detect::{Detector, Occurrence};
use crate::model::finding::Finding;
use crate::model::record::{Fields, Identity, Names, Time};
use crate::model::redact::{redact_fields, redact_text};
use crate::signature::Signature;

/// Findings that are kept one by one, or a little more than that.
const SIGHTINGS_MAX: usize = 1 << 18;
/// Kinds of findings that are told apart, of one signature and of all; what is new beyond them is counted by signature
/// and file.
const STRANDS_MAX: usize = 2_000;
const STRANDS_ALL_MAX: usize = 10_000;
/// Bytes of a record that are kept.
const RECORD_BYTES_MAX: usize = 4096;
/// Bytes of a field that is kept: what fills a command is shorter.
const FIELD_BYTES_MAX: usize = 512;

/// See the module.
#[derive(Debug)]
pub struct Failures<'d> {
    detector: &'d Detector,
    /// When a log that has no times is taken to have been written.
    now: Timestamp,
    /// The zone of all times that are shown; that of the first where none is given.
    zone: Option<TimeZone>,
    strands: Vec<Strand>,
    by_key: HashMap<Key, usize>,
    /// How many strands a signature has.
    by_signature: HashMap<Arc<str>, usize>,
    sightings: Vec<Sighting>,
    /// Ends of states that need not be kept again before another state is found.
    ended: BTreeSet<usize>,
    /// Seconds within which findings that are alike are kept as one.
    width: i64,
    sightings_max: usize,
}

/// What findings have in common that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    signature: Arc<str>,
    path: Arc<str>,
    ends: bool,
    group: Vec<Option<String>>,
    subjects: Vec<Subject>,
    identity: Identity,
}

/// Findings that are alike.
#[derive(Debug)]
struct Strand {
    signature: Arc<Signature>,
    path: Arc<str>,
    ends: bool,
    /// What they are grouped by, and what they are about, without secrets.
    group: Fields,
    subjects: Vec<Subject>,
    /// What shows that they belong to others.
    identity: Identity,
    first: Box<(Finding, Names)>,
    last: Option<Box<(Finding, Names)>>,
}

/// A finding, or several that are alike and near.
#[derive(Debug, Clone, Copy)]
struct Sighting {
    at: Timestamp,
    near: Option<Time>,
    strand: usize,
    offset: u64,
    /// Lines of the first and of the last.
    line: u64,
    last_line: u64,
    times: u64,
}

impl<'d> Failures<'d> {
    /// None so far, of what `detector` finds.
    pub fn new(detector: &'d Detector, now: Timestamp, zone: Option<TimeZone>) -> Failures<'d> {
        Failures {
            detector,
            now,
            zone,
            strands: Vec::new(),
            by_key: HashMap::new(),
            by_signature: HashMap::new(),
            sightings: Vec::new(),
            ended: BTreeSet::new(),
            width: 0,
            sightings_max: SIGHTINGS_MAX,
        }
    }

    /// Adds what was seen in the file `path`; files one after the other, each in its order. Whether it is the first of
    /// its kind.
    pub fn add(&mut self, path: &str, found: Occurrence) -> bool {
        let Occurrence { signature, mut finding, names, ends, .. } = found;
        let before = self.sightings.last().map(|last| (last.at, &self.strands[last.strand].path));
        let before = before.filter(|(_, before)| &***before == path).map(|(at, path)| (at, path.clone()));
        let near = finding.near;
        let at = near.map(|time| time.instant).or(before.as_ref().map(|(at, _)| *at)).unwrap_or(self.now);
        let path = before.map_or_else(|| Arc::from(path), |(_, path)| path);
        let (line, offset) = (finding.place.line, finding.place.offset);
        let is_state = signature.until.is_some() && !ends;
        shorten(&mut finding);
        let (strand, is_new) = self.strand(signature, path, ends, finding, names);
        if is_state {
            self.ended.clear();
        }
        if !ends || self.ended.insert(strand) {
            self.sightings.push(Sighting { at, near, strand, offset, line, last_line: line, times: 1 });
            self.limit();
        }
        is_new && !ends
    }

    /// The strand of a finding, and whether it is new.
    fn strand(
        &mut self,
        signature: Arc<Signature>,
        path: Arc<str>,
        ends: bool,
        finding: Finding,
        names: Names,
    ) -> (usize, bool) {
        let group = signature.group_by.iter().map(|name| finding.fields.get(name).cloned()).collect();
        let subjects = subject::of(&finding.fields, &finding.record);
        let identity = finding.identity.clone();
        let mut key = Key { signature: signature.id.clone(), path, ends, group, subjects, identity };
        let of_signature = self.by_signature.get(&key.signature).copied().unwrap_or(0);
        let is_full = of_signature >= STRANDS_MAX || self.strands.len() >= STRANDS_ALL_MAX;
        if is_full && !self.by_key.contains_key(&key) {
            key.group.clear();
            key.subjects.clear();
            key.identity = Identity::default();
        }
        if let Some(&known) = self.by_key.get(&key) {
            self.strands[known].last = Some(Box::new((finding, names)));
            return (known, false);
        }
        let is_apart = key.group.len() == signature.group_by.len();
        let mut group = Fields::new();
        if is_apart {
            let kept = |(name, _): &(&String, &String)| signature.group_by.contains(name);
            group = finding
                .fields
                .iter()
                .filter(kept)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            redact_fields(&mut group, &finding.record);
        }
        let mut record = finding.record.clone();
        redact_text(&mut record);
        let mut fields = finding.fields.clone();
        redact_fields(&mut fields, &finding.record);
        let subjects = if key.subjects.is_empty() { Vec::new() } else { subject::of(&fields, &record) };
        let (strand, path, identity) = (self.strands.len(), key.path.clone(), key.identity.clone());
        *self.by_signature.entry(key.signature.clone()).or_default() += 1;
        self.by_key.insert(key, strand);
        let first = Box::new((finding, names));
        self.strands.push(Strand { signature, path, ends, group, subjects, identity, first, last: None });
        (strand, true)
    }

    /// Keeps within the limit: what is alike and near becomes one.
    fn limit(&mut self) {
        if self.sightings.len() < 2 * self.sightings_max {
            return;
        }
        while self.sightings.len() > self.sightings_max && self.width < i64::MAX / 4 {
            self.width = (self.width * 4).max(1);
            let width = self.width;
            let mut last: HashMap<(usize, i64), usize> = HashMap::new();
            let mut kept: Vec<Sighting> = Vec::new();
            for sighting in self.sightings.drain(..) {
                let bucket = sighting.at.as_second().div_euclid(width);
                match last.get(&(sighting.strand, bucket)) {
                    Some(&earlier) => kept[earlier].absorb(sighting),
                    None => {
                        last.insert((sighting.strand, bucket), kept.len());
                        kept.push(sighting);
                    }
                }
            }
            self.sightings = kept;
        }
    }
}

impl Sighting {
    fn absorb(&mut self, other: Sighting) {
        self.times += other.times;
        self.last_line = other.last_line;
    }
}

/// Leaves of a finding what is shown, without secrets where something is cut: of half a secret nobody knows what it is.
fn shorten(finding: &mut Finding) {
    let is_long = |value: &String| value.len() > FIELD_BYTES_MAX;
    if finding.record.len() <= RECORD_BYTES_MAX && !finding.fields.values().any(is_long) {
        return;
    }
    redact_fields(&mut finding.fields, &finding.record);
    redact_text(&mut finding.record);
    finding.record.truncate(finding.record.floor_char_boundary(RECORD_BYTES_MAX));
    finding.record.shrink_to_fit();
    for value in finding.fields.values_mut().filter(|value| is_long(value)) {
        value.truncate(value.floor_char_boundary(FIELD_BYTES_MAX));
        value.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests;
