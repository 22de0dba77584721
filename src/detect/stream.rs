//! One stream's way through scan, frame and confirm.
//!
//! Promises: the findings of a stream do not depend on how it was cut into buffers, nor on whether it was let
//! go of in between and resumed; a record gives at most one finding per signature, also when it was looked
//! at early and went on later.

use std::ops::Range;
use std::sync::Arc;

use jiff::tz::TimeZone;
use memchr::{memchr, memrchr};

use super::{Detector, Observe};
use crate::frame::{self, End, Frames, LINE_BYTES_MAX, RECORD_BYTES_MAX, names};
use crate::model::alert::Context;
use crate::model::finding::Finding;
use crate::model::position::{Mode, Progress};
use crate::model::record::{Fields, Identity, Names, Place, Record, Time};
use crate::model::release::Release;
use crate::signature::Signature;

/// Lines before a record that are searched for the name of a binary.
const NAMES_LINES_MAX: usize = 100;

/// One stream of bytes, as far as it has been settled.
#[derive(Debug, Clone)]
pub struct Stream<'d> {
    detector: &'d Detector,
    progress: Progress,
    before: Before,
    ends: Ends,
}

/// What the bytes before a stream's progress say of the records behind it. With the progress it is all that
/// has to be kept of a stream between two buffers.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// The last time written, and the offset of the line that wrote it.
    near: Option<(u64, Time)>,
    named: Option<Named>,
    /// The release of the programs that write the stream, where a line said it.
    release: Option<Release>,
}

/// What the last line that names a binary shows, and which line that is.
#[derive(Debug, Clone)]
struct Named {
    /// Counted as in the progress; in front of a stream that does not start at its file's start it is below 1.
    line: i64,
    offset: u64,
    names: Names,
}

impl Named {
    /// What the nearest line before `start` that names a binary shows. `line` is the number of the line that
    /// begins there, `offset` its place.
    fn before(frames: &Frames<'_>, start: usize, line: u64, offset: u64) -> Option<Named> {
        let lines = frames.lines_before(start).take(NAMES_LINES_MAX);
        let mut near = lines.take_while(|(place, _)| start - place < RECORD_BYTES_MAX).zip(1..);
        near.find_map(|((place, text), ago)| {
            let names = names::both(text)?;
            let offset = offset.saturating_sub((start - place) as u64);
            Some(Named { line: line.cast_signed() - ago, offset, names })
        })
    }

    /// The same, for a record at `place`, if it is near enough to name its binaries.
    fn of(&self, place: Place) -> Option<Names> {
        let lines = place.line.cast_signed() - self.line;
        let near = lines <= NAMES_LINES_MAX as i64 && place.offset - self.offset < RECORD_BYTES_MAX as u64;
        near.then(|| self.names.clone())
    }
}

/// Whether what ends a state is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Nobody asks.
    Never,
    /// Not before a state is found.
    Later,
    /// A state is open.
    Now,
}

/// A finding and the bytes around it that were at hand.
#[derive(Debug)]
pub struct Found<'b> {
    /// The finding.
    pub finding: Finding,
    /// The signature that matched.
    pub signature: Arc<Signature>,
    /// The record is no finding: it ends the state that the signature is, for the group that the
    /// fields of `finding` name.
    pub ends: bool,
    frames: Frames<'b>,
    start: usize,
    end: usize,
    /// What the lines before these bytes showed.
    named: Option<Named>,
    release: Option<Release>,
}

impl<'b> Found<'b> {
    /// Up to `count` physical lines on each side of the record, as far as they are at hand.
    pub fn context(&self, count: usize, detector: &Detector) -> Context {
        let clean = |line: &[u8]| frame::message(line, detector.zone());
        let before = self.frames.lines_before(self.start).take(count);
        let mut before: Vec<String> = before.map(|(_, line)| clean(line)).collect();
        before.reverse();
        Context { before, after: self.frames.lines_after(self.end).take(count).map(clean).collect() }
    }

    /// The binaries that the record shows, or else the nearest lines before it, or else its `path`.
    pub fn names(&self, path: &str) -> Names {
        let place = self.finding.place;
        let names = names::both(&self.finding.record)
            .or_else(|| Some(Named::before(&self.frames, self.start, place.line, place.offset)?.names))
            .or_else(|| self.named.as_ref()?.of(place))
            .or_else(|| names::both(path));
        Names { release: self.release, ..names.unwrap_or_default().paired() }
    }
}

impl<'d> Stream<'d> {
    /// A stream from its first byte on.
    pub fn new(detector: &'d Detector) -> Stream<'d> {
        Stream::resume(detector, Progress::default())
    }

    /// A stream that was settled up to `progress` before.
    pub fn resume(detector: &'d Detector, progress: Progress) -> Stream<'d> {
        Stream { detector, progress, before: Before::default(), ends: Ends::Later }
    }

    /// Takes up what was kept of the same stream.
    pub fn take_up(&mut self, before: Before) {
        let offset = self.progress.offset;
        let near = before.near.filter(|(written, _)| *written <= offset);
        let named = before.named.filter(|named| named.offset <= offset);
        self.before = Before { near, named, ..before };
    }

    /// What has to be kept of it until more bytes come.
    pub fn into_before(self) -> Before {
        self.before
    }

    /// Looks for what ends a state from now on, as it does by itself behind a finding that is one.
    pub fn expect_ends(&mut self) {
        self.ends = Ends::Now;
    }

    /// Leaves out what alerts alone need: what ends a state, which costs much where healthy lines do, and what a
    /// finding is about.
    pub fn findings_only(&mut self) {
        self.ends = Ends::Never;
    }

    /// The release of the programs that write the stream, as the last line that says it does.
    pub fn release(&self) -> Option<Release> {
        self.before.release
    }

    /// How far the stream is settled.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Reads what `before`, the bytes just before the progress, says of what follows: the last time
    /// written, and the binaries that write it.
    pub fn recall(&mut self, before: &[u8]) {
        let frames = Frames::new(before, Mode::Alone);
        if let Some((place, time)) = frames.time_before(before.len(), self.detector.zone()) {
            let ago = (before.len() - place) as u64;
            self.before.near = Some((self.progress.offset.saturating_sub(ago), time));
        }
        let Progress { line, offset, .. } = self.progress;
        self.before.named = Named::before(&frames, before.len(), line, offset);
    }

    /// Takes the stream's bytes from its progress on, followed by `end`; reports what it finds and
    /// returns how many bytes are settled by it. The others must be given again, with more behind
    /// them.
    pub fn advance(&mut self, bytes: &[u8], end: End, report: impl FnMut(Found<'_>)) -> usize {
        self.advance_observed(bytes, end, report, &(), &mut Vec::new())
    }

    /// The same; adds to `observed` what `observe` makes of each record that is settled by it: it is over, and in no
    /// bytes that come again.
    pub fn advance_observed<O: Observe>(
        &mut self,
        bytes: &[u8],
        end: End,
        mut report: impl FnMut(Found<'_>),
        observe: &O,
        observed: &mut Vec<O::Observation>,
    ) -> usize {
        let skipped = self.skip(bytes);
        let bytes = &bytes[skipped..];
        let whole = memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
        let too_long = bytes.len() - whole >= LINE_BYTES_MAX;
        let complete = if too_long || end == End::Final { bytes.len() } else { whole };
        let frames = Frames::new(bytes, self.progress.mode);
        let open = match end {
            End::Final => None,
            _ if too_long => None,
            End::Quiet if frame::starts(&bytes[complete..]) => Some(complete),
            _ => frames.open(complete),
        };
        let seen = match end {
            End::More => open.unwrap_or(complete),
            End::Held => complete,
            End::Quiet | End::Final => bytes.len(),
        };
        let settled = open.unwrap_or(complete);

        if O::IS_ASKED {
            let start = Place { line: self.progress.line, offset: self.progress.offset, length: 0 };
            Frames::new(&bytes[..settled], self.progress.mode)
                .each(start, self.detector.zone(), |record| observed.push(observe.observe(record)));
        }
        let mut lines = LineCounter { at: 0, line: self.progress.line };
        let reported = self.examine(&bytes[..seen], bytes, settled, &mut lines, &mut report);
        // No record starts behind what is settled, so none was counted there.
        self.progress.line = lines.advance(bytes, settled);
        self.settle(bytes, settled, open.is_none(), too_long, reported);
        skipped + settled
    }

    /// Leaves out the stream's bytes from its progress on: nothing is looked for in them.
    pub fn pass_over(&mut self, bytes: &[u8]) {
        let cut = bytes.last().is_some_and(|last| *last != b'\n');
        self.progress.line += bytecount::count(bytes, b'\n') as u64;
        self.progress.offset += bytes.len() as u64;
        self.progress.reported = Vec::new();
        self.progress.mode = if cut { Mode::Skip } else { Mode::Alone };
    }

    /// Reports the findings of `seen`; returns the signatures reported for the record at `open`.
    fn examine(
        &mut self,
        seen: &[u8],
        bytes: &[u8],
        open: usize,
        lines: &mut LineCounter,
        report: &mut impl FnMut(Found<'_>),
    ) -> Vec<String> {
        let frames = Frames::new(seen, self.progress.mode);
        let mut candidates = self.detector.scanner(self.ends == Ends::Now).candidates(seen);
        let mut dates = Dates { at: 0, near: self.before.near };
        let mut from = 0;
        let mut reported = if open == 0 { self.progress.reported.clone() } else { Vec::new() };
        while let Some(candidate) = candidates.next() {
            let Some(range) = frames.around(candidate, from) else {
                candidates.skip_to(frames.line_end(candidate));
                continue;
            };
            let place = Place {
                line: lines.advance(seen, range.start),
                offset: self.progress.offset + range.start as u64,
                length: range.len() as u64,
            };
            let record = frame::record(&seen[range.clone()], place, self.detector.zone());
            if self.detector.releases {
                self.before.release = names::release(&record.text).or(self.before.release);
            }
            let before = || dates.advance(&frames, range.start, &self.progress, self.detector.zone());
            let near = record.head.time.or_else(before);
            let is_for_alerts = self.ends != Ends::Never;
            let identity = |fields: &Fields| {
                let process = || frame::process(&seen[range.clone()]);
                if is_for_alerts {
                    Identity::of(&record.text, fields, process().as_deref())
                } else {
                    Identity::default()
                }
            };
            for (signature, fields) in self.detector.confirm(&record) {
                let early = if range.start == 0 { self.progress.reported.as_slice() } else { &[] };
                if early.iter().any(|id| **id == *signature.id) {
                    continue;
                }
                if range.start == open && !reported.iter().any(|id| **id == *signature.id) {
                    reported.push(signature.id.to_string());
                }
                if signature.until.is_some() && self.ends == Ends::Later {
                    self.ends = Ends::Now;
                    candidates = self.detector.scanner(true).candidates(seen);
                }
                let finding = finding(signature, &record, near, identity(&fields), fields);
                report(self.found(signature, finding, bytes, &range, false));
            }
            if self.ends == Ends::Now {
                for (signature, fields) in self.detector.endings(&record) {
                    let finding = finding(signature, &record, near, identity(&fields), fields);
                    report(self.found(signature, finding, bytes, &range, true));
                }
            }
            candidates.skip_to(range.end);
            from = range.end + 1;
        }
        reported
    }

    fn found<'b>(
        &self,
        signature: &Arc<Signature>,
        finding: Finding,
        bytes: &'b [u8],
        range: &Range<usize>,
        ends: bool,
    ) -> Found<'b> {
        let frames = Frames::new(bytes, self.progress.mode);
        let (start, end, named) = (range.start, range.end, self.before.named.clone());
        let (signature, release) = (signature.clone(), self.before.release);
        Found { finding, signature, ends, frames, start, end, named, release }
    }

    /// Moves the progress to `settled`, where either a record is open or none is.
    fn settle(&mut self, bytes: &[u8], settled: usize, closed: bool, cut: bool, reported: Vec<String>) {
        let frames = Frames::new(bytes, self.progress.mode);
        if let Some((place, time)) = frames.time_before(settled, self.detector.zone()) {
            self.before.near = Some((self.progress.offset + place as u64, time));
        }
        self.progress.offset += settled as u64;
        let Progress { line, offset, .. } = self.progress;
        if let Some(named) = Named::before(&frames, settled, line, offset) {
            self.before.named = Some(named);
        }
        self.progress.reported = reported;
        if settled > 0 || !closed {
            self.progress.mode = match (cut, closed) {
                (true, _) => Mode::Skip,
                (false, true) => Mode::Alone,
                (false, false) => Mode::Record,
            };
        }
    }

    /// In a line that was too long: the bytes up to its end.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        if self.progress.mode != Mode::Skip {
            return 0;
        }
        let newline = memchr(b'\n', bytes);
        let skipped = newline.map_or(bytes.len(), |newline| newline + 1);
        self.progress.offset += skipped as u64;
        if newline.is_some() {
            self.progress.line += 1;
            self.progress.mode = Mode::Alone;
        }
        skipped
    }
}

fn finding(
    signature: &Signature,
    record: &Record,
    near: Option<Time>,
    identity: Identity,
    fields: Fields,
) -> Finding {
    Finding {
        signature: signature.id.clone(),
        severity: signature.severity,
        place: record.place,
        time: record.head.time,
        near,
        level: record.head.level,
        identity,
        fields,
        record: record.text.clone(),
    }
}

/// Numbers lines, from left to right, counting every newline once.
struct LineCounter {
    at: usize,
    line: u64,
}

impl LineCounter {
    fn advance(&mut self, bytes: &[u8], to: usize) -> u64 {
        self.line += bytecount::count(&bytes[self.at..to], b'\n') as u64;
        self.at = to;
        self.line
    }
}

/// Dates places, from left to right, looking at every line once.
struct Dates {
    at: usize,
    /// The last time written, and the offset of the line that wrote it.
    near: Option<(u64, Time)>,
}

impl Dates {
    /// The last time written before the place `to`, if it is near enough to date it.
    fn advance(&mut self, frames: &Frames<'_>, to: usize, start: &Progress, zone: &TimeZone) -> Option<Time> {
        let mut unseen = frames.lines_before(to).take_while(|&(line, _)| line >= self.at);
        let found = unseen.find_map(|(line, text)| Some((line, frame::time(text, zone)?)));
        if let Some((line, time)) = found {
            self.near = Some((start.offset + line as u64, time));
        }
        self.at = to;
        let offset = start.offset + to as u64;
        self.near.filter(|(written, _)| offset - written < RECORD_BYTES_MAX as u64).map(|(_, time)| time)
    }
}
