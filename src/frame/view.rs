//! All records of a stretch, one after the other, as views into their bytes: each line is read once, and nothing is
//! allocated for a record.
//!
//! Only where something inside a line has to go (colours, the escapes of docker's objects) its text stands in a buffer,
//! which the next such line uses again. The rule is that of [`crate::frame`]; [`Frames`] applies it around a place, and
//! this from the first line to the last.

use std::fmt;

use jiff::tz::TimeZone;

use super::format;
use super::opening::{Format, Parts};
use super::prefix::{self, Shipped};
use super::shipped::{self, Buffer};
use super::time::Stamp;
use super::{Frames, LINE_BYTES_MAX, OPENING_BYTES_MAX, RECORD_BYTES_MAX, RECORD_LINES_MAX, starts};
use crate::model::position::Mode;
use crate::model::record::{Level, Place, Time};

/// A record that is over.
pub struct View<'v> {
    /// Where it stands in its stream.
    pub place: Place,
    /// Its bytes as they stand there, without the last newline.
    pub bytes: &'v [u8],
    /// Its first line, cleaned and without its transport.
    pub text: &'v str,
    /// The lines that continue it, as they stand in the stream.
    pub more: &'v [u8],
    /// Who wrote it, where that is known: as in [`crate::model::record::Head`].
    pub writer: Option<&'static str>,
    /// How grave its writer thought it.
    pub level: Option<Level>,
    opened: Option<(&'static Format, Option<Stamp>, usize)>,
    shipped: Option<Time>,
    zone: &'v TimeZone,
}

impl View<'_> {
    /// When it was written, if it says so.
    pub fn time(&self) -> Option<Time> {
        let stamp = self.opened.and_then(|(_, stamp, _)| stamp);
        stamp.and_then(|stamp| stamp.time(self.zone)).or(self.shipped)
    }

    /// The name of its format; `None` where it has none, as a line that stands alone.
    pub fn format(&self) -> Option<&'static str> {
        self.opened.map(|(format, ..)| format.name)
    }

    /// The logger or target of its first line, the spans and what it says.
    pub fn parts(&self) -> Parts<'_> {
        match self.opened {
            Some((format, _, behind)) => (format.parts)(self.text, &self.text[behind..]),
            None => Parts::message(self.text),
        }
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let View { place, text, level, .. } = self;
        f.debug_struct("View").field("place", place).field("level", level).field("text", text).finish()
    }
}

impl Frames<'_> {
    /// Shows `see` every record of these bytes, in order: all of them are taken to be over. `start` says where the first
    /// line stands.
    pub fn each(&self, start: Place, zone: &TimeZone, mut see: impl FnMut(&View<'_>)) {
        let (mut open, mut line) = (None::<Open<'_>>, start.line);
        // The text of the open record's first line may be in one of these, that of the line at hand in the other.
        let (mut buffer, mut spare) = (Buffer::default(), Buffer::default());
        let mut at = 0;
        while at < self.bytes.len() {
            let end = self.line_end(at);
            let raw = &self.bytes[at..end];
            let going_on = open.as_mut().filter(|open| open.may_go_on(at));
            match (First::of(raw, going_on.is_none(), zone, &mut spare), going_on) {
                (None, Some(open)) => open.take(at, end),
                (first, _) => {
                    if let Some(open) = open.take() {
                        see(&open.view(self.bytes, &buffer, start, zone));
                    }
                    std::mem::swap(&mut buffer, &mut spare);
                    let first = first.unwrap_or_default();
                    let starts = first.starts || (at == 0 && self.mode == Mode::Record);
                    open = Some(Open { first, starts, line, lines: 1, start: at, last: at, end });
                }
            }
            line += 1;
            at = end + 1;
        }
        if let Some(open) = open {
            see(&open.view(self.bytes, &buffer, start, zone));
        }
    }
}

/// A record that may go on, by places in the bytes at hand.
struct Open<'b> {
    first: First<'b>,
    /// It is one that lines may continue.
    starts: bool,
    line: u64,
    lines: usize,
    start: usize,
    /// Where its last line starts, …
    last: usize,
    /// … and ends.
    end: usize,
}

impl<'b> Open<'b> {
    fn may_go_on(&self, at: usize) -> bool {
        self.starts && self.lines < RECORD_LINES_MAX && at - self.start < RECORD_BYTES_MAX
    }

    fn take(&mut self, at: usize, end: usize) {
        self.lines += 1;
        (self.last, self.end) = (at, end);
    }

    fn view<'v>(&'v self, bytes: &'v [u8], buffer: &'v Buffer, start: Place, zone: &'v TimeZone) -> View<'v> {
        let bytes = &bytes[self.start..self.end.min(self.last + LINE_BYTES_MAX)];
        let First { text, message, opened, level, shipped, first_bytes, .. } = &self.first;
        View {
            place: Place {
                line: self.line,
                offset: start.offset + self.start as u64,
                length: bytes.len() as u64,
            },
            bytes,
            text: &text.unwrap_or_else(|| buffer.text())[*message..],
            more: bytes.get(first_bytes + 1..).unwrap_or_default(),
            writer: shipped.writer,
            level: *level,
            opened: *opened,
            shipped: shipped.time,
            zone,
        }
    }
}

/// What the first line of a record says.
#[derive(Default)]
struct First<'b> {
    /// It starts a record.
    starts: bool,
    /// The line without colours; `None`: it is in the buffer. …
    text: Option<&'b str>,
    /// … Where the prefix of its transport ends in it, …
    message: usize,
    /// … and where the opening behind that does.
    opened: Option<(&'static Format, Option<Stamp>, usize)>,
    level: Option<Level>,
    shipped: Shipped,
    first_bytes: usize,
}

impl<'b> First<'b> {
    /// Reads a line; `None` if it starts no record and none is `wanted` all the same.
    fn of(raw: &'b [u8], wanted: bool, zone: &TimeZone, buffer: &mut Buffer) -> Option<First<'b>> {
        let first_bytes = raw.len();
        // Whether a line starts a record its first bytes alone decide.
        let is_long = raw.len() > OPENING_BYTES_MAX;
        if is_long && !wanted && !starts(raw) {
            return None;
        }
        let (outer, text) = shipped::text_into(&raw[..raw.len().min(LINE_BYTES_MAX)], zone, buffer);
        let whole = text.unwrap_or_else(|| buffer.text());
        // A line of a log format has no prefix, and most lines are of one.
        let (shipped, message, opened) = match format::opened(whole) {
            Some(opened) => (outer, whole, Some(opened)),
            None => {
                let (inner, message) = prefix::peel(whole, zone);
                let opened = if message.len() < whole.len() { format::opened(message) } else { None };
                (outer.within(inner), message, opened)
            }
        };
        let starts = if is_long { starts(raw) } else { opened.is_some() };
        if !starts && !wanted {
            return None;
        }
        let behind = |opening| message.len() - format::behind(message, opening).len();
        let opening = opened.as_ref().map(|(_, opening)| opening);
        let writer = shipped.writer.or(opening.and_then(|opening| opening.writer));
        Some(First {
            starts,
            text,
            message: whole.len() - message.len(),
            level: opening.and_then(|opening| opening.level),
            opened: opened.as_ref().map(|(format, opening)| (*format, opening.stamp, behind(opening))),
            shipped: Shipped { writer, ..shipped },
            first_bytes,
        })
    }
}
