//! The lines before a record: what an alert shows around it.

use std::fs::File;

use super::generation::Generation;
use super::{Tail, mark};

/// Bytes looked through for the lines before an offset.
const CONTEXT_LEN: u64 = 64 * 1024;

impl Tail {
    /// Up to `lines` whole lines before `offset`, which is the start of a line; oldest first, without
    /// their newlines. Fewer where the file is gone or the lines are very long.
    pub fn before(&self, id: u64, offset: u64, lines: usize) -> Vec<Vec<u8>> {
        let Some(generation) = self.generations.get(&id) else { return Vec::new() };
        let reopened = match self.descriptors.peek(id) {
            Some(_) => None,
            None => generation.at().and_then(|path| File::open(path).ok()),
        };
        let file = self.descriptors.peek(id).or(reopened.as_ref());
        // `window` proves by content that the file is the one.
        let start = offset.saturating_sub(CONTEXT_LEN);
        let bytes = generation.window(file, start, offset);
        // What the file no longer has is missing at the start.
        let start = offset.saturating_sub(bytes.len() as u64);
        let mut bytes = bytes.as_slice();
        if start != 0 && start != generation.progress.offset {
            let cut = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |newline| newline + 1);
            bytes = &bytes[cut..];
        }
        let Some(bytes) = bytes.strip_suffix(b"\n") else { return Vec::new() };
        let mut found: Vec<_> = bytes.rsplit(|&byte| byte == b'\n').take(lines).map(<[u8]>::to_vec).collect();
        found.reverse();
        found
    }
}

impl Generation {
    /// The bytes from `start` to `end` of the stream, as far as they can be had.
    fn window(&self, file: Option<&File>, start: u64, end: u64) -> Vec<u8> {
        let settled = self.progress.offset;
        let mut bytes = Vec::new();
        if start < settled {
            let below = end.min(settled);
            let before = file.filter(|file| {
                // Not the lines of another generation.
                mark::before(file, settled).is_ok_and(|there| there.ends_with(&self.trail))
            });
            let read = before.and_then(|file| mark::stretch(file, start, (below - start) as usize).ok());
            bytes = read.filter(|read| read.len() as u64 == below - start).unwrap_or_default();
        }
        if end > settled {
            let from = start.saturating_sub(settled) as usize;
            let to = ((end - settled) as usize).min(self.carry.len());
            bytes.extend_from_slice(self.carry.get(from..to).unwrap_or_default());
        }
        bytes
    }
}
