//! One pass over the files that have something to say.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::Watch;
use crate::alert::{Context, Message};
use crate::correlate::{Notice, Sighting};
use crate::detect::Stream;
use crate::finding::Finding;
use crate::frame;
use crate::frame::names;
use crate::record::Names;
use crate::signature::Signature;
use crate::store::NewMessage;

/// Chunks read from one file before the others get their turn.
const CHUNKS_MAX: usize = 16;
/// Lines before a record that are searched for the name of a binary.
const NAMES_LINES_MAX: usize = 100;

/// A finding with what was at hand around it.
struct Seen {
    signature: Arc<Signature>,
    finding: Finding,
    context: Context,
    names: Names,
}

impl Watch {
    /// Reads every file that is ready; whether one of them has more.
    pub(super) fn read(&mut self, now: Instant) -> bool {
        let mut more = false;
        for id in self.tail.ready(now) {
            let mut chunks = 0;
            while chunks < CHUNKS_MAX && self.chunk(id, now) {
                chunks += 1;
            }
            more |= chunks == CHUNKS_MAX;
        }
        more
    }

    /// Takes one chunk of a file through the engine; whether it settled anything.
    fn chunk(&mut self, id: u64, now: Instant) -> bool {
        let setup = self.setup.clone();
        let chunk = match self.tail.read(id, now) {
            Ok(chunk) => chunk,
            // The tail tells of it with the next sweep.
            Err(_) => return false,
        };
        let mut stream = Stream::resume(&setup.detector, chunk.progress.clone());
        let mut seen = Vec::new();
        let settled = stream.advance(chunk.bytes, chunk.end, |found| {
            let context = found.context(setup.context_lines, &setup.detector);
            let names = found.names(chunk.path);
            seen.push(Seen { signature: found.signature, finding: found.finding, context, names });
        });
        let (source, path) = (chunk.source.to_owned(), chunk.path.to_owned());
        for found in seen {
            self.observe(id, found, &source, &path);
        }
        self.tail.settle(id, stream.progress().clone());
        settled > 0
    }

    fn observe(&mut self, id: u64, seen: Seen, source: &str, path: &str) {
        let Seen { signature, finding, mut context, mut names } = seen;
        self.look_back(id, &finding, &mut context, &mut names);
        tracing::debug!(signature = &*finding.signature, path, line = finding.place.line, "found");
        let setup = self.setup.clone();
        let sighting =
            Sighting { signature: &signature, finding, host: &setup.host, source, path, context, names };
        if let Some(notice) = self.correlator.observe(sighting, Timestamp::now()) {
            self.tell(&notice);
        }
    }

    /// Fills in what stands before the bytes that were at hand.
    fn look_back(&self, id: u64, finding: &Finding, context: &mut Context, names: &mut Names) {
        let zone = self.setup.detector.zone();
        let offset = finding.place.offset;
        if context.before.len() < self.setup.context_lines {
            let lines = self.tail.before(id, offset, self.setup.context_lines);
            if lines.len() > context.before.len() {
                context.before = lines.iter().map(|line| frame::message(line, zone)).collect();
            }
        }
        if *names == Names::default() {
            let lines = self.tail.before(id, offset, NAMES_LINES_MAX);
            let mut nearest = lines.iter().rev().map(|line| String::from_utf8_lossy(line));
            *names = nearest.find_map(|line| names::both(&line)).unwrap_or_default().paired();
        }
    }

    /// Puts a message for every sink that takes it into what is to be committed.
    pub(super) fn tell(&mut self, notice: &Notice) {
        let setup = &self.setup;
        for sink in &setup.sinks {
            if sink.route.takes(notice.signature(), notice.severity()) {
                let alert = notice.render(setup.detector.catalogue(), sink.route.lang, &setup.vars);
                self.pending.messages.push(NewMessage {
                    sink: sink.name.clone(),
                    fingerprint: notice.fingerprint.clone(),
                    message: Message::Alert(Box::new(alert)),
                });
            }
        }
    }
}
