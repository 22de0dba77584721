//! Where a record starts and ends, and what its first line says.
//!
//! A record is a line that starts one (see [`mod@format`]) and the lines that continue it. The rule is
//! local: whether a line belongs to a record is decided by at most [`RECORD_BYTES_MAX`] bytes
//! before it. So records can be worked out around a candidate alone, and any way of cutting a
//! stream into buffers gives the same ones.
//!
//! - A line that [`format::starts`] starts a record. So does the first line of a stream.
//! - Any other line continues the nearest record start before it, if that is fewer than
//!   [`RECORD_LINES_MAX`] lines and fewer than [`RECORD_BYTES_MAX`] bytes away.
//! - Otherwise the line stands alone: it is a record of one line.
//! - Only the first [`LINE_BYTES_MAX`] bytes of a line are looked at.

mod daemon;
mod env_logger;
mod fil_logger;
pub mod format;
mod go_panic;
mod json;
mod kernel;
pub mod line;
pub(crate) mod names;
mod opening;
pub mod prefix;
mod read;
mod rust_panic;
pub mod shipped;
pub(crate) mod time;
mod tracing;
pub(crate) mod utf16;
mod view;
mod zap;

use std::ops::Range;

use jiff::tz::TimeZone;
use memchr::{memchr, memrchr};

pub use self::opening::Parts;
use self::prefix::Shipped;
pub use self::view::View;
use crate::model::position::Mode;
use crate::model::record::{Place, Record, Time};

/// Lines a record may have: `config loaded` at start-up has about 300.
pub const RECORD_LINES_MAX: usize = 512;
/// A line continues a record only if it starts within so many bytes of the record's start.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a line that are looked at.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a line within which a record opens.
const OPENING_BYTES_MAX: usize = 4 * 1024;

/// What follows the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// More may follow at any moment: the last record stays open.
    More,
    /// Nothing has followed for `hold`: the last record is looked at as far as its lines are whole.
    Held,
    /// Nothing has followed for a good while longer: a last line without a newline is looked at too.
    Quiet,
    /// Nothing will ever follow.
    Final,
}

/// Whether a physical line starts a record.
pub fn starts(line: &[u8]) -> bool {
    let text = shipped::text(opening(line));
    // A line of a log format has no prefix, and most lines are of one.
    format::starts(&text) || {
        let (_, message) = prefix::peel(&text, &TimeZone::UTC);
        message.len() < text.len() && format::starts(message)
    }
}

/// A stretch of a stream, seen as records. Starts at a line start.
#[derive(Debug, Clone, Copy)]
pub struct Frames<'b> {
    bytes: &'b [u8],
    mode: Mode,
}

impl<'b> Frames<'b> {
    /// The records of `bytes`, whose first line is what `mode` says.
    pub fn new(bytes: &'b [u8], mode: Mode) -> Frames<'b> {
        Frames { bytes, mode }
    }

    /// The record whose text holds the byte `at`, without its last newline. `None` where the byte
    /// is beyond what is looked at of its line.
    ///
    /// `from` spares a look at what is known: the place behind a record found before, or 0. No
    /// record before it reaches beyond it.
    pub fn around(&self, at: usize, from: usize) -> Option<Range<usize>> {
        let line = self.line_start(at);
        if at - line >= LINE_BYTES_MAX {
            return None;
        }
        let range = match self.owner(line, from) {
            Some(start) => start..self.record_end(start),
            None => line..self.line_end(line),
        };
        Some(range.start..range.end.min(self.cut(range.clone())))
    }

    /// Start of the record that a line beginning at `end` would continue.
    pub fn open(&self, end: usize) -> Option<usize> {
        self.nearest_start(end, 0)
    }

    /// Start of the line that holds the byte `at`.
    pub fn line_start(&self, at: usize) -> usize {
        memrchr(b'\n', &self.bytes[..at]).map_or(0, |newline| newline + 1)
    }

    /// End of the line that holds the byte `at`, without its newline.
    pub fn line_end(&self, at: usize) -> usize {
        memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |length| at + length)
    }

    /// The lines that end before `start`, from the nearest, as far as they are in these bytes; each
    /// with the place of its first byte.
    pub fn lines_before(&self, start: usize) -> impl Iterator<Item = (usize, &'b [u8])> {
        let bytes = self.bytes;
        let mut next = start;
        std::iter::from_fn(move || {
            let end = next.checked_sub(1)?;
            next = memrchr(b'\n', &bytes[..end]).map_or(0, |newline| newline + 1);
            Some((next, &bytes[next..end]))
        })
    }

    /// The last time written before `start` and the place of the line that wrote it, if that is
    /// fewer than [`RECORD_BYTES_MAX`] bytes away.
    pub fn time_before(&self, start: usize, zone: &TimeZone) -> Option<(usize, Time)> {
        self.lines_before(start)
            .take_while(|(line, _)| start - line < RECORD_BYTES_MAX)
            .find_map(|(place, line)| Some((place, time(line, zone)?)))
    }

    /// Whole lines after `end`, the end of a record without its newline.
    pub fn lines_after(&self, end: usize) -> impl Iterator<Item = &'b [u8]> {
        let rest = self.bytes.get(end + 1..).unwrap_or_default();
        let whole = memrchr(b'\n', rest).map_or(0, |newline| newline + 1);
        rest[..whole].split_inclusive(|&byte| byte == b'\n').map(|line| &line[..line.len() - 1])
    }

    /// Start of the record that the line at `line` belongs to; `None`: it stands alone.
    fn owner(&self, line: usize, from: usize) -> Option<usize> {
        if self.is_start(line) { Some(line) } else { self.nearest_start(line, from) }
    }

    /// The nearest record start in `from..line` that is near enough for `line` to continue it.
    fn nearest_start(&self, line: usize, from: usize) -> Option<usize> {
        let mut start = line;
        for _ in 1..RECORD_LINES_MAX {
            if start <= from {
                return None;
            }
            start = self.line_start(start - 1);
            if line - start >= RECORD_BYTES_MAX {
                return None;
            }
            if self.is_start(start) {
                return Some(start);
            }
        }
        None
    }

    fn is_start(&self, line: usize) -> bool {
        (line == 0 && self.mode == Mode::Record) || starts(&self.bytes[line..self.line_end(line)])
    }

    /// Where the record that starts at `start` ends, without its last newline.
    fn record_end(&self, start: usize) -> usize {
        let mut end = self.line_end(start);
        for _ in 1..RECORD_LINES_MAX {
            let next = end + 1;
            if next >= self.bytes.len() || next - start >= RECORD_BYTES_MAX || self.is_start(next) {
                break;
            }
            end = self.line_end(next);
        }
        end
    }

    /// Where the last line of `record` is cut for its length.
    fn cut(&self, record: Range<usize>) -> usize {
        self.line_start(record.end).max(record.start) + LINE_BYTES_MAX
    }
}

/// Puts a record together from its bytes: every line cleaned and without its transport.
pub fn record(bytes: &[u8], place: Place, zone: &TimeZone) -> Record {
    let mut text = String::with_capacity(bytes.len());
    let mut shipped = Shipped::default();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let (told, message) = shipped::unship(line, zone);
        if index > 0 {
            text.push('\n');
        } else {
            shipped = told;
        }
        text.push_str(&message);
    }
    // Of the whole text: zap writes its fields at the end of a message of many lines.
    let mut head = format::head(&text, zone).unwrap_or_default();
    head.time = head.time.or(shipped.time);
    head.writer = shipped.writer.or(head.writer);
    Record { text, head, place }
}

/// The process that a transport names in front of the record `bytes`: `damocles-worker[77]`.
pub fn process(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    prefix::process(&shipped::text(opening(line))).map(str::to_owned)
}

/// A physical line as a reader wants it: cleaned and without its transport.
pub fn message(line: &[u8], zone: &TimeZone) -> String {
    shipped::unship(&line[..line.len().min(LINE_BYTES_MAX)], zone).1.into_owned()
}

/// The time a physical line was written, if it starts a record and says so.
pub fn time(line: &[u8], zone: &TimeZone) -> Option<Time> {
    let (shipped, message) = shipped::unship(opening(line), zone);
    format::head(&message, zone)?.time.or(shipped.time)
}

/// No format needs more than this of a line to know it.
fn opening(line: &[u8]) -> &[u8] {
    &line[..line.len().min(OPENING_BYTES_MAX)]
}

#[cfg(test)]
mod tests;
