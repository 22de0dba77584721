//! A finding on its way to an alert.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Moment;
use super::cause::Spot;
use crate::model::alert::Context;
use crate::model::finding::Finding;
use crate::model::record::{Fields, Names};
use crate::model::redact::{redact_fields, redact_lines, redact_text};
use crate::signature::Signature;

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
    pub group: Fields,
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

    /// Where it stands, and what it is about.
    pub fn spot(&self, now: Moment) -> Spot<'_> {
        let Sighting { finding, path, .. } = &self.sighting;
        Spot { path, place: finding.place, at: self.sighting.at(now), identity: &finding.identity }
    }
}
