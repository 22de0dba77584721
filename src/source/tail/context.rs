//! The bytes before a record or a position: what an alert shows around the one, what dates what follows the
//! other.

use std::fs::File;

use super::generation::Generation;
use super::{Tail, mark};
use crate::frame::{End, RECORD_BYTES_MAX};
use crate::source::contract::Chunk;

/// Bytes looked through for the lines before an offset.
const CONTEXT_LEN: u64 = 64 * 1024;

impl Tail {
    /// Up to `lines` whole lines before `offset`, which is the start of a line; oldest first, without
    /// their newlines. Fewer where the file is gone or the lines are very long.
    pub fn before(&self, id: u64, offset: u64, lines: usize) -> Vec<Vec<u8>> {
        let Some(generation) = self.registry.get(id) else { return Vec::new() };
        let bytes = self.window(id, generation, offset, CONTEXT_LEN);
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

    /// Up to [`RECORD_BYTES_MAX`] bytes before what is not settled of a file; none where the file is gone.
    pub fn above(&self, id: u64) -> Vec<u8> {
        let Some(generation) = self.registry.get(id) else { return Vec::new() };
        self.window(id, generation, generation.progress.offset, RECORD_BYTES_MAX as u64)
    }

    /// The chunk of `id` that was read last and is not settled, once more; `end` is what was said to follow it.
    pub fn at_hand(&self, id: u64, end: End) -> Option<Chunk<'_>> {
        let chunk = self.registry.get(id)?.chunk(id, end);
        let is_joint = self.joint.as_ref().is_some_and(|joint| joint.is_of(id));
        Some(if is_joint { Chunk { bytes: &self.joined, ..chunk } } else { chunk })
    }

    /// The last `length` bytes before `offset`, or as many as there are.
    fn window(&self, id: u64, generation: &Generation, offset: u64, length: u64) -> Vec<u8> {
        let reopened = match self.descriptors.peek(id) {
            Some(_) => None,
            None => generation.at().and_then(|path| File::open(path).ok()),
        };
        let file = self.descriptors.peek(id).or(reopened.as_ref());
        // It proves by content that the file is the one.
        generation.window(file, offset.saturating_sub(length), offset)
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
