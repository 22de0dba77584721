//! One chunk of a file on its way through the engine, and the messages that follow from it.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::mem::take;
use std::ops::Range;
use std::panic::resume_unwind;

use super::poison;
use super::records::{ByLevel, Records};
use super::{Now, Pipeline};
use crate::correlate::{Notice, Sighting};
use crate::deliver::sink::Sink;
use crate::detect::{Found, Occurrence, Stream};
use crate::frame;
use crate::frame::utf16;
use crate::model::alert::{Message, Status};
use crate::model::finding::Finding;
use crate::source::contract::{Chunk, Source};
use crate::store::NewMessage;
use crate::watch::control::takers;

/// Chunks read from one file before the others get their turn.
pub(in crate::watch) const CHUNKS_MAX: usize = 16;

/// By what a record or an alert is recognised after reading panicked on it and was restarted.
fn hash(it: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

fn hash_of(path: &str, finding: &Finding) -> u64 {
    hash((path, finding.place.offset, &finding.record))
}

/// A record with this in it breaks what comes behind the engine, in tests; …
#[cfg(test)]
pub(crate) const POISON: &str = "broken behind the engine";
/// … and one with this, the second message of its alert.
#[cfg(test)]
pub(crate) const POISON_LATER: &str = "broken when it is told again";

/// Takes a chunk through the engine: what is made of its findings, and the bytes that were passed over. Its records go to
/// `records`, if anybody counts them.
fn advance<T>(
    stream: &mut Stream<'_>,
    chunk: &Chunk<'_>,
    see: &impl Fn(Found<'_>) -> T,
    records: Option<&mut Records>,
) -> (Vec<T>, Option<Range<u64>>) {
    let &Chunk { bytes, end, source, .. } = chunk;
    let Some(records) = records else {
        return poison::advance(stream, bytes, end, see, &(), &mut Vec::new());
    };
    let mut levels = Vec::new();
    let advanced = poison::advance(stream, bytes, end, see, &ByLevel, &mut levels);
    records.add(source, &levels);
    advanced
}

/// What a look at a file came to.
pub(in crate::watch) enum Step {
    /// Nothing new is settled.
    None,
    Settled,
    /// A record was passed over.
    PassedOver,
}

impl<S: Source> Pipeline<S> {
    /// Takes one chunk of a file through the engine.
    pub(in crate::watch) fn chunk(&mut self, id: u64, now: Now) -> Step {
        let setup = self.setup.clone();
        let chunk = match self.source.read(id, now.instant) {
            Ok(chunk) => chunk,
            // The source tells of it with the next sweep.
            Err(_) => return Step::None,
        };
        // It may be the end of the file before.
        let (id, end, is_silent) = (chunk.id, chunk.end, chunk.bytes.is_empty());
        let before = chunk.progress.clone();
        if self.streams.has_grown(id, &chunk) {
            self.telemetry.meter().hear_source(chunk.source, now.instant);
        }
        let mut stream = Stream::resume(&setup.detector, before.clone());
        let kept = self.streams.take(id);
        // Not of every file at a start: most have nothing to say.
        let is_unknown = kept.is_none() && before.offset > 0 && !is_silent;
        let is_to_be_kept = kept.is_some() || !is_silent;
        stream.take_up(kept.unwrap_or_default());
        let chunk = if is_unknown {
            stream.recall(&self.source.above(id));
            let Some(chunk) = self.source.at_hand(id, end) else { return Step::None };
            chunk
        } else {
            chunk
        };
        let told = stream.release();
        if self.correlator.has_state(chunk.source) {
            stream.expect_ends();
        }
        let quarantine = &self.quarantine;
        let see = |found: Found<'_>| {
            if quarantine.holds(hash_of(chunk.path, &found.finding)) {
                // A record that made the code behind the engine panic is skipped inside the engine from then on, without a panic message.
                resume_unwind(Box::new(()));
            }
            Occurrence::of(found, chunk.path, setup.context_lines, &setup.detector)
        };
        let records = setup.counts_records.then_some(&mut self.records);
        let (mut seen, poison) = advance(&mut stream, &chunk, &see, records);
        let (source, path) = (chunk.source.to_owned(), chunk.path.to_owned());
        let release = self.releases.get(&source).copied();
        seen.iter_mut().for_each(|seen| seen.names.release = seen.names.release.or(release));
        // Of every chunk: what appends to a file need not be what began it.
        if utf16::is_in(chunk.bytes) {
            self.report_encoding(&path, now);
        }
        // One record at a time: what stands in it together is told together.
        for record in seen.chunk_by_mut(|one, next| one.finding.place.offset == next.finding.place.offset) {
            self.quarantine.begin(hash_of(&path, &record[0].finding));
            record.iter_mut().for_each(|seen| self.look_back(id, seen));
            self.observe(record, &source, &path, now);
            self.quarantine.end();
        }
        if let Some(release) = stream.release().filter(|release| told != Some(*release)) {
            self.releases.insert(source, release);
        }
        let after = stream.progress().clone();
        self.count(&path, &before, &after);
        self.source.settle(id, after.clone());
        if is_to_be_kept {
            self.streams.keep(id, stream.into_before(), end);
        }
        match poison {
            Some(passed_over) => {
                self.report_skipped(&path, passed_over.start, passed_over.end - passed_over.start);
                Step::PassedOver
            }
            None if after.offset > before.offset => Step::Settled,
            None => Step::None,
        }
    }

    /// Lets the correlator see what a record holds, and tells what follows from it.
    fn observe(&mut self, record: &mut [Occurrence], source: &str, path: &str, now: Now) {
        let setup = self.setup.clone();
        let seen = record.iter_mut().map(|Occurrence { signature, finding, ends, context, names }| {
            tracing::debug!(signature = &*finding.signature, path, line = finding.place.line, ends, "found");
            #[cfg(test)]
            assert!(!finding.record.contains(POISON), "{POISON}");
            let (finding, ends, host) = (finding.clone(), *ends, &*setup.host);
            let (context, names) = (take(context), take(names));
            Sighting { signature: &*signature, finding, ends, host, source, path, context, names }
        });
        let record: Vec<Sighting<'_>> = seen.collect();
        let found = record.iter().filter(|sighting| !sighting.ends).count();
        self.telemetry.meter().findings.add(found as u64);
        self.check_clock(&record, now);
        let notices = self.correlator.observe(record, now.moment);
        notices.iter().for_each(|notice| self.tell(notice));
    }

    /// Fills in the lines before the bytes that were at hand.
    fn look_back(&self, id: u64, found: &mut Occurrence) {
        let Occurrence { finding, context, .. } = found;
        let zone = self.setup.detector.zone();
        if context.before.len() < self.setup.context_lines {
            let lines = self.source.before(id, finding.place.offset, self.setup.context_lines);
            if lines.len() > context.before.len() {
                context.before = lines.iter().map(|line| frame::message(line, zone)).collect();
            }
        }
    }

    /// Tells what is due because time passed. Where that broke reading before, the alert goes on without
    /// this message.
    pub(in crate::watch) fn tell_due(&mut self, notice: &Notice) {
        let (id, signature) = (&notice.fingerprint, notice.signature());
        let hash = hash((id, notice.first_seen(), notice.sequence()));
        if self.quarantine.holds(hash) {
            tracing::error!(
                "skipped a message of alert {id} ({signature}) that made sealtail panic; \
                 this is a bug in sealtail, please report it"
            );
            return;
        }
        self.quarantine.begin(hash);
        self.tell(notice);
        self.quarantine.end();
    }

    /// Puts a message for every sink that takes it into what is to be committed.
    pub(in crate::watch) fn tell(&mut self, notice: &Notice) {
        self.telemetry.meter().alerts.add(1);
        let messages = self.messages(notice);
        self.pending.messages.extend(messages);
    }

    /// The messages of a notice, one a sink that takes it.
    pub(in crate::watch) fn messages(&mut self, notice: &Notice) -> Vec<NewMessage> {
        let setup = &self.setup;
        let catalogue = setup.detector.catalogue();
        let doctor = &mut self.confirmer;
        let mut cause = None;
        let message = |sink: &Sink| {
            let lang = sink.route.lang;
            let mut alert = notice.render(catalogue, lang, &setup.vars);
            #[cfg(test)]
            assert!(alert.sequence != 2 || !alert.record.contains(POISON_LATER), "{POISON_LATER}");
            if alert.status == Status::Firing {
                // Asked for once, whatever the number of sinks.
                let ask = || doctor.as_mut().and_then(|doctor| doctor.cause(notice.signature(), catalogue));
                let cause = cause.get_or_insert_with(ask);
                alert.confirmed = cause.iter().flat_map(|cause| cause.in_lang(lang)).collect();
            }
            NewMessage {
                sink: sink.name.clone(),
                fingerprint: notice.fingerprint.clone(),
                message: Message::Alert(Box::new(alert)),
            }
        };
        takers(&setup.sinks, notice, &setup.host).map(message).collect()
    }
}
