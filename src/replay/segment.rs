//! Plain files cut into stretches that can be read side by side.
//!
//! A stretch begins where a record surely begins. The rule of [`crate::frame`] is local, so that
//! can be seen from the bytes around the cut alone, and both neighbours find the same place. Inside a
//! line longer than a stretch nothing is cut: it is passed over once, whatever its length.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memchr::memchr;

use crate::frame::{self, LINE_BYTES_MAX, RECORD_BYTES_MAX};
use crate::model::position::{Mode, Progress};

/// Bytes of a stretch, before its ends are moved to records.
pub const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes read at a time to find a cut: some lines of most logs.
const PROBE_BYTES: usize = 16 * 1024;

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
        if segment.start > 0 && newline(&file, segment.start - 1, segment.end - 1)?.is_none() {
            // One line takes all of it, and belongs to a stretch before.
            let (at, end) = (segment.start, segment.start);
            return Ok(SegmentReader {
                file,
                start: Progress { offset: at, ..Progress::default() },
                at,
                end,
            });
        }
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
/// first line after them: it is too far from any start to be part of its record. A `from` whose line
/// goes on beyond the next one is no place to cut: then it is that of the next.
fn cut(file: &File, from: u64, size: u64) -> io::Result<(u64, Mode)> {
    if from == 0 || from >= size {
        return Ok((from.min(size), Mode::Record));
    }
    let Some(newline) = newline(file, from - 1, size)? else { return Ok((size, Mode::Record)) };
    let first = newline + 1;
    let from = from + (first - from) / SEGMENT_BYTES * SEGMENT_BYTES;
    let mut lines = Lines { file, bytes: Vec::new(), at: 0, offset: first, size };
    loop {
        let offset = lines.offset + lines.at as u64;
        let Some(line) = lines.opening()? else { return Ok((size, Mode::Record)) };
        if frame::starts(line) {
            return Ok((offset, Mode::Record));
        }
        if offset >= from + RECORD_BYTES_MAX as u64 {
            return Ok((offset, Mode::Alone));
        }
        lines.pass()?;
    }
}

/// Where the first newline of a stretch is.
fn newline(file: &File, mut from: u64, end: u64) -> io::Result<Option<u64>> {
    let mut bytes = vec![0; PROBE_BYTES];
    while from < end {
        let wanted = usize::try_from(end - from).map_or(PROBE_BYTES, |left| left.min(PROBE_BYTES));
        let count = file.read_at(&mut bytes[..wanted], from)?;
        if let Some(at) = memchr(b'\n', &bytes[..count]) {
            return Ok(Some(from + at as u64));
        }
        if count == 0 {
            break;
        }
        from += count as u64;
    }
    Ok(None)
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
    /// As much of the next line as is looked at, without its newline; `None` at the end of the file.
    fn opening(&mut self) -> io::Result<Option<&[u8]>> {
        let mut searched = self.at;
        loop {
            if let Some(length) = memchr(b'\n', &self.bytes[searched..]) {
                return Ok(Some(&self.bytes[self.at..searched + length]));
            }
            searched = self.bytes.len() - self.at;
            if searched >= LINE_BYTES_MAX || !self.more()? {
                let line = &self.bytes[self.at..];
                return Ok(Some(line).filter(|line| !line.is_empty()));
            }
        }
    }

    /// Passes over the line.
    fn pass(&mut self) -> io::Result<()> {
        if let Some(length) = memchr(b'\n', &self.bytes[self.at..]) {
            self.at += length + 1;
            return Ok(());
        }
        let read = self.offset + self.bytes.len() as u64;
        self.offset = newline(self.file, read, self.size)?.map_or(self.size, |newline| newline + 1);
        self.bytes.clear();
        self.at = 0;
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const RECORD: &str = "2022-06-24T14:33:24.1+08:00  INFO ThreadId(42) site::flux: well\n";
    const MIB: usize = 1024 * 1024;

    /// The segments of a file follow on each other and hold all of it.
    #[test]
    fn they_tile_the_file_whatever_its_lines() {
        let part = SEGMENT_BYTES as usize;
        let long = |length: usize| "x".repeat(length);
        let records = RECORD.repeat(part / RECORD.len() + 1);
        for (name, text) in [
            ("records", records.repeat(2)),
            ("one line", long(3 * part + 5)),
            ("one line with its end", long(3 * part - 1) + "\n"),
            ("a line over several in the middle", records.clone() + &long(4 * part) + "\n" + &records),
            ("a line that ends before a border", records.clone() + &long(part - MIB) + "\n" + &records),
            ("two long lines", long(2 * part) + "\n" + &long(2 * part) + "\n" + RECORD),
            ("short lines after a long one", long(2 * part + 9) + "\n" + &"y\n".repeat(part)),
            ("newlines", "\n".repeat(2 * part + 1)),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let size = text.len() as u64;
            let mut at = 0;
            for segment in segments(size) {
                let reader = SegmentReader::open(file.try_clone().unwrap(), &segment, size).unwrap();
                if reader.at == reader.end {
                    continue;
                }
                assert_eq!(reader.at, at, "{name}: {segment:?}");
                assert!(at == 0 || text.as_bytes()[at as usize - 1] == b'\n', "{name}: {segment:?}");
                at = reader.end;
            }
            assert_eq!(at, size, "{name}");
        }
    }
}
