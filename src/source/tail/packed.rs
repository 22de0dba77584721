//! A stream on its way out of an archive.
//!
//! It is decompressed as it is read; nothing of it is put on a disk, and a restart passes over what was settled once more.

use std::fmt;
use std::io;
use std::time::Instant;

use super::archives::{self, Archives, Opened, Text};
use super::mark::{self, TAIL_LEN};
use crate::model::position::Mark;

/// Bytes passed over at one time: others have their turn in between.
const PASS_LEN: u64 = 64 << 20;

/// A generation on its way out of an archive.
pub(super) struct Packed {
    /// `None` while an archive may still be being written.
    pub text: Option<Text>,
    /// Bytes decompressed.
    at: u64,
    /// The last bytes of these.
    pub last: Vec<u8>,
    /// Whether it holds what was read before.
    pub is_proved: bool,
    /// What the reader failed with, behind the bytes that came before.
    failed: Option<io::Error>,
    /// The archives that may hold it.
    pub search: Archives,
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("at", &self.at).field("search", &self.search).finish_non_exhaustive()
    }
}

impl Packed {
    /// Nothing of it is read yet.
    pub fn new(search: Archives, text: Option<Text>) -> Packed {
        Packed { text, at: 0, last: Vec::new(), is_proved: false, failed: None, search }
    }

    /// Goes on to the next archive.
    pub fn next(mut search: Archives, head: &Mark, now: Instant) -> Option<Packed> {
        let text = match search.next(head, now) {
            Opened::Text(text) => Some(text),
            Opened::Waits => None,
            Opened::Never => return None,
        };
        Some(Packed::new(search, text))
    }

    /// Reads until `buffer` is full or nothing follows.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let Some(text) = &mut self.text else { return Ok(0) };
        let (length, failed) = archives::fill(text, buffer);
        match failed {
            Some(error) if length == 0 => Err(error),
            failed => {
                self.failed = failed;
                Ok(length)
            }
        }
    }

    /// Passes over what was read; `None` if there is more to pass over.
    pub fn pass(&mut self, offset: u64, tail: &Mark, scratch: &mut [u8]) -> io::Result<Option<bool>> {
        let until = offset.min(self.at + PASS_LEN);
        while self.at < until {
            let room = usize::try_from(until - self.at).unwrap_or(usize::MAX).min(scratch.len());
            let length = self.read(&mut scratch[..room])?;
            if length == 0 {
                return Ok(Some(false));
            }
            self.at += length as u64;
            self.last.extend_from_slice(&scratch[length.saturating_sub(TAIL_LEN)..length]);
            self.last.drain(..self.last.len().saturating_sub(TAIL_LEN));
        }
        if self.at < offset {
            return Ok(None);
        }
        let expected = self.last.len().checked_sub(usize::try_from(tail.length).unwrap_or(usize::MAX));
        Ok(Some(expected.is_some_and(|from| tail.length == 0 || mark::mark(&self.last[from..]) == *tail)))
    }
}
