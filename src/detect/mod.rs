//! Candidates and records in, findings out.
//!
//! A [`Detector`] is what a catalogue becomes when it is put to work. A [`Stream`] takes one stream
//! of bytes through scan, frame and confirm, in buffers of any size:
//!
//! ```
//! use sealtail::detect::{Detector, Stream};
//! use sealtail::frame::End;
//! use sealtail::signature::Catalogue;
//! use jiff::tz::TimeZone;
//!
//! let (catalogue, faults) = Catalogue::load(sealtail::signature::builtin::pages(), &[]);
//! assert!(faults.is_empty());
//! let detector = Detector::new(catalogue, TimeZone::UTC).unwrap();
//! let log = b"thread 'main' panicked at 'Once instance has previously been poisoned', once.rs:434:21\n";
//! let mut findings = Vec::new();
//! Stream::new(&detector).advance(log, End::Final, |found| findings.push(found.finding));
//! assert!(findings.iter().any(|found| &*found.signature == "venus-cluster/once-poisoned"));
//! ```

mod observe;
mod occurrence;
mod stream;

pub mod samples;

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::tz::TimeZone;
use memchr::memchr_iter;

pub use observe::Observe;
pub use occurrence::Occurrence;
pub use stream::{Before, Found, Stream};

use crate::frame::{self, Frames, names};
use crate::model::position::Mode;
use crate::model::record::{Fields, Level, OTHER_WRITER, Place, Record};
use crate::scan::Scanner;
use crate::signature::{Catalogue, Signature};

/// Bytes of a field; what a capture holds beyond is left out.
const FIELD_BYTES_MAX: usize = 1024;

/// A catalogue at work.
#[derive(Debug)]
pub struct Detector {
    catalogue: Catalogue,
    scanner: Scanner,
    /// For every anchor the index of its signature; those behind them are [`names::RELEASE_ANCHORS`].
    owners: Vec<usize>,
    /// Whether a look is taken for the releases of the programs.
    releases: bool,
    /// Finds besides what ends a state, which may stand in every second line of a healthy log: used only where a state
    /// is open, and made when the first is. `None` if no signature is a state.
    state_scanner: OnceLock<Option<Scanner>>,
    zone: TimeZone,
}

/// A catalogue has more anchors than one automaton can hold.
#[derive(Debug)]
pub struct TooManyAnchors(aho_corasick::BuildError);

impl fmt::Display for TooManyAnchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the anchors of all signatures do not fit into one automaton: {}", self.0)
    }
}

impl std::error::Error for TooManyAnchors {}

impl Detector {
    /// Puts `catalogue` to work; times without a zone are of `zone`.
    ///
    /// # Errors
    ///
    /// When its anchors do not fit into one automaton.
    pub fn new(catalogue: Catalogue, zone: TimeZone) -> Result<Detector, TooManyAnchors> {
        Detector::with(catalogue, zone, false)
    }

    /// The same, that also looks for the lines which say the release of a program: [`Found::names`] tells it, and
    /// [`Stream::release`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn with_releases(catalogue: Catalogue, zone: TimeZone) -> Result<Detector, TooManyAnchors> {
        Detector::with(catalogue, zone, true)
    }

    fn with(catalogue: Catalogue, zone: TimeZone, releases: bool) -> Result<Detector, TooManyAnchors> {
        let mut anchors = Vec::new();
        let mut owners = Vec::new();
        for (index, signature) in catalogue.signatures().iter().enumerate() {
            for anchor in &signature.anchors {
                anchors.push(anchor.as_str());
                owners.push(index);
            }
        }
        anchors.extend(release_anchors(releases));
        let scanner = Scanner::new(&anchors).map_err(TooManyAnchors)?;
        Ok(Detector { catalogue, scanner, owners, releases, state_scanner: OnceLock::new(), zone })
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The zone of times that name none.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The signatures that `record` confirms, ordered by id, each with its fields.
    pub fn confirm(&self, record: &Record) -> Vec<(&Arc<Signature>, Fields)> {
        let anchors = self.scanner.anchors_in(&record.text).into_iter();
        let mut indices: Vec<usize> = anchors.filter_map(|anchor| self.owners.get(anchor).copied()).collect();
        indices.sort_unstable();
        indices.dedup();
        let signatures = indices.into_iter().map(|index| &self.catalogue.signatures()[index]);
        signatures.filter_map(|signature| Some((signature, confirm(signature, record).ok()?))).collect()
    }

    /// The states that `record` ends, each with the fields of its group.
    fn endings<'d>(&'d self, record: &Record) -> impl Iterator<Item = (&'d Arc<Signature>, Fields)> {
        let states = self.catalogue.signatures().iter().filter(|signature| signature.until.is_some());
        states.filter_map(|signature| Some((signature, ending(signature, record)?)))
    }

    /// What finds candidates, depending on whether a state is open.
    fn scanner(&self, state: bool) -> &Scanner {
        if !state {
            return &self.scanner;
        }
        let make = || state_scanner(&self.catalogue, self.releases);
        self.state_scanner.get_or_init(make).as_ref().unwrap_or(&self.scanner)
    }
}

/// What finds the anchors of `catalogue` and what ends its states. A catalogue is read with fewer literals, these among
/// them, than an automaton can hold.
fn state_scanner(catalogue: &Catalogue, releases: bool) -> Option<Scanner> {
    let signatures = catalogue.signatures();
    let ends: Vec<&String> = signatures
        .iter()
        .filter_map(|signature| signature.until.as_ref())
        .flat_map(|until| &until.literals)
        .collect();
    if ends.is_empty() {
        return None;
    }
    let anchors = signatures.iter().flat_map(|signature| &signature.anchors);
    let mut literals: Vec<&str> = anchors.chain(ends).map(String::as_str).collect();
    literals.extend(release_anchors(releases));
    Scanner::new(&literals).ok()
}

/// What stands in the lines that say the release of a program, where they are wanted.
fn release_anchors(wanted: bool) -> &'static [&'static str] {
    if wanted { &names::RELEASE_ANCHORS } else { &[] }
}

/// A record with this in it breaks the engine, in tests.
#[cfg(test)]
pub(crate) const POISON: &str = "broken on purpose";

/// The fields of a finding of `signature` in `record`, in which an anchor of it stands.
///
/// # Errors
///
/// Why the record is no finding all the same.
pub fn confirm(signature: &Signature, record: &Record) -> Result<Fields, Refusal> {
    #[cfg(test)]
    assert!(!record.text.contains(POISON), "{POISON}");
    let text = record.text.as_str();
    if let Some(level) = record.head.level
        && !signature.levels.is_empty()
        && !signature.levels.contains(&level)
    {
        return Err(Refusal::Level(level));
    }
    may_write(signature, record)?;
    if let Some(missing) = signature.all.iter().find(|literal| !text.contains(literal.as_str())) {
        return Err(Refusal::Missing(missing.clone()));
    }
    if let Some(present) = signature.none.iter().find(|literal| text.contains(literal.as_str())) {
        return Err(Refusal::Present(present.clone()));
    }
    let named = match &signature.regex {
        Some(regex) => regex.named(text).ok_or(Refusal::Regex)?,
        None => Vec::new(),
    };
    Ok(fields(signature, record, named))
}

/// Whether the writer of `record` is one that `signature` may be told by.
fn may_write(signature: &Signature, record: &Record) -> Result<(), Refusal> {
    let writer = record.head.writer.unwrap_or(OTHER_WRITER);
    let known = signature.writers.is_empty() || signature.writers.iter().any(|name| name == writer);
    if known { Ok(()) } else { Err(Refusal::Writer(writer)) }
}

/// The fields of the group whose state `record` ends, if `signature` is a state and it does.
pub fn ending(signature: &Signature, record: &Record) -> Option<Fields> {
    let until = signature.until.as_ref()?;
    let holds = |literals: &[String]| literals.iter().any(|literal| record.text.contains(literal.as_str()));
    let is_ended = holds(&until.literals) && may_write(signature, record).is_ok();
    if !is_ended || (holds(&signature.anchors) && confirm(signature, record).is_ok()) {
        return None;
    }
    let named = signature.regex.as_ref().and_then(|regex| regex.named(&record.text));
    let fields = fields(signature, record, named.unwrap_or_default());
    let group = signature.group_by.iter().map(|name| Some((name.clone(), fields.get(name)?.clone())));
    group.collect()
}

/// Why a record with an anchor in it is no finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its level is not among `levels`.
    Level(Level),
    /// Its writer is not among `writers`.
    Writer(&'static str),
    /// A literal of `all` is missing.
    Missing(String),
    /// A literal of `none` is there.
    Present(String),
    /// `regex` does not match.
    Regex,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Level(level) => write!(f, "the level {level} is not among `levels`"),
            Refusal::Writer(writer) => write!(f, "it was written by {writer}, which is not among `writers`"),
            Refusal::Missing(literal) => write!(f, "`{literal}` of `all` is missing"),
            Refusal::Present(literal) => write!(f, "`{literal}` of `none` stands in the record"),
            Refusal::Regex => f.write_str("`regex` does not match the record"),
        }
    }
}

/// All records of a whole stream, whether a signature matches or not.
pub fn records(detector: &Detector, bytes: &[u8]) -> Vec<Record> {
    let frames = Frames::new(bytes, Mode::Record);
    let mut records = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let end = frames.around(at, at).map_or(bytes.len(), |range| range.end);
        let place = Place { line, offset: at as u64, length: (end - at) as u64 };
        records.push(frame::record(&bytes[at..end], place, &detector.zone));
        line += memchr_iter(b'\n', &bytes[at..end]).count() as u64 + 1;
        at = end + 1;
    }
    records
}

/// The fields of `record`, those that `regex` has `named`, and those of `[fields]`: a later one of a name counts.
fn fields(signature: &Signature, record: &Record, named: Vec<(&str, &str)>) -> Fields {
    let mut fields = record.head.fields.clone();
    for (name, found) in named {
        fields.insert(name.to_owned(), shortened(found));
    }
    for (name, regex) in &signature.fields {
        if let Some(found) = regex.captured(&record.text) {
            fields.insert(name.clone(), shortened(found));
        }
    }
    fields
}

fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(FIELD_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests;
