//! Plain files cut into stretches that can be read side by side.
//!
//! A stretch begins where a record surely begins. The rule of [`crate::frame`] is local, so that
//! can be seen from the bytes around the cut alone, and both neighbours find the same place.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memchr::memchr;

use crate::frame::{self, RECORD_BYTES_MAX};
use crate::position::{Mode, Progress};

/// Bytes of a stretch, before its ends are moved to records.
pub const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes read at a time to find a cut.
const PROBE_BYTES: usize = 64 * 1024;

/// The bytes from the first cut at or after `start` up to the first cut at or after `end`.
pub type Segment = Range<u64>;

/// The segments of a file of `size` bytes.
pub fn segments(size: u64) -> impl Iterator<Item = Segment> {
    let count = size.div_ceil(SEGMENT_BYTES).max(1);
    (0..count).map(move |index| {
        let end = if index + 1 == count { size } else { (index + 1) * SEGMENT_BYTES };
        index * SEGMENT_BYTES..end
    })
}

/// Reads one segment of a file.
#[derive(Debug)]
pub struct SegmentReader {
    file: File,
    start: Progress,
    at: u64,
    end: u64,
}

impl SegmentReader {
    /// The reader of `segment` in a file of `size` bytes.
    ///
    /// # Errors
    ///
    /// Those of reading the file around the segment's ends.
    pub fn open(file: File, segment: &Segment, size: u64) -> io::Result<SegmentReader> {
        let (at, mode) = cut(&file, segment.start, size)?;
        let (end, _) = cut(&file, segment.end, size)?;
        let start = Progress { offset: at, mode, ..Progress::default() };
        Ok(SegmentReader { file, start, at, end })
    }

    /// Where it starts; lines are counted from there.
    pub fn start(&self) -> Progress {
        self.start.clone()
    }

    /// Up to [`RECORD_BYTES_MAX`] bytes before it.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn before(&self) -> io::Result<Vec<u8>> {
        let length = self.start.offset.min(RECORD_BYTES_MAX as u64);
        let mut before = vec![0; length as usize];
        self.file.read_exact_at(&mut before, self.start.offset - length)?;
        Ok(before)
    }
}

impl Read for SegmentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The first place at or after `from` where a record begins, and what begins there.
///
/// That is the first line that starts one; or, where none does for [`RECORD_BYTES_MAX`] bytes, the
/// first line after them: it is too far from any start to be part of its record.
fn cut(file: &File, from: u64, size: u64) -> io::Result<(u64, Mode)> {
    if from == 0 || from >= size {
        return Ok((from.min(size), Mode::Record));
    }
    let mut lines = Lines { file, bytes: Vec::new(), at: 0, offset: from - 1, size };
    lines.line()?; // the rest of the line that holds the byte before `from`
    loop {
        let offset = lines.offset + lines.at as u64;
        let Some(line) = lines.line()? else { return Ok((size, Mode::Record)) };
        if frame::starts(line) {
            return Ok((offset, Mode::Record));
        }
        if offset >= from + RECORD_BYTES_MAX as u64 {
            return Ok((offset, Mode::Alone));
        }
    }
}

/// The lines of a file from some place on, read in small pieces.
struct Lines<'f> {
    file: &'f File,
    bytes: Vec<u8>,
    at: usize,
    /// Where `bytes` stand in the file.
    offset: u64,
    size: u64,
}

impl Lines<'_> {
    /// The next line without its newline; `None` at the end of the file.
    fn line(&mut self) -> io::Result<Option<&[u8]>> {
        let mut searched = self.at;
        loop {
            if let Some(length) = memchr(b'\n', &self.bytes[searched..]) {
                let line = self.at..searched + length;
                self.at = line.end + 1;
                return Ok(Some(&self.bytes[line]));
            }
            searched = self.bytes.len() - self.at;
            if !self.more()? {
                let line = self.at..self.bytes.len();
                self.at = line.end;
                return Ok(Some(&self.bytes[line]).filter(|line| !line.is_empty()));
            }
        }
    }

    /// Drops the lines before and reads on; `false` at the end of the file.
    fn more(&mut self) -> io::Result<bool> {
        self.bytes.drain(..self.at);
        self.offset += self.at as u64;
        self.at = 0;
        let known = self.bytes.len();
        let place = self.offset + known as u64;
        let left = usize::try_from(self.size.saturating_sub(place)).unwrap_or(usize::MAX);
        self.bytes.resize(known + PROBE_BYTES.min(left), 0);
        let count = self.file.read_at(&mut self.bytes[known..], place)?;
        self.bytes.truncate(known + count);
        Ok(count > 0)
    }
}
