//! Deleted files that are still open: how much of a disk they may hold back.
//!
//! As long as a file is open its bytes stay on the disk, whether it has a name or not. A writer that
//! never lets go of a deleted file, and never pauses, would make us fill the disk with it.

use std::cmp::Reverse;
use std::os::unix::fs::MetadataExt;

use super::Tail;
use super::generation::{Place, Stage};
use super::trouble::Trouble;

/// What `stat` counts blocks in.
const BLOCK_LEN: u64 = 512;

impl Tail {
    /// Sets how many bytes of deleted files may be kept on disks, instead of 8 GiB.
    pub fn set_held_max(&mut self, bytes: u64) {
        self.held_max = bytes;
    }

    /// Lets go of deleted files until the rest holds no more than it may: those first that were read
    /// to their end, then the largest. What is lost by that is told.
    pub(super) fn release(&mut self) {
        let mut held = Vec::new();
        for id in self.descriptors.ids() {
            let (Some(generation), Some(file)) = (self.registry.get(id), self.descriptors.peek(id)) else {
                continue;
            };
            if generation.away && generation.stat.links == 0 && generation.stage == Stage::Open {
                let bytes = file.metadata().map_or(0, |meta| meta.blocks() * BLOCK_LEN);
                held.push((generation.is_unread(), Reverse(bytes), id));
            }
        }
        let mut sum: u64 = held.iter().map(|(_, bytes, _)| bytes.0).sum();
        held.sort_unstable();
        for (_, Reverse(bytes), id) in held {
            if sum <= self.held_max {
                return;
            }
            sum -= bytes;
            let Some(generation) = self.registry.get_mut(id) else { continue };
            let offset = generation.read_offset();
            let unread = generation.stat.size.saturating_sub(offset);
            let path = generation.path.clone();
            self.reports.add(Trouble::Released { path, held: bytes, offset, unread });
            generation.stage = Stage::Over;
            self.descriptors.remove(id);
            self.registry.leave(id, Place::Nowhere);
        }
    }
}
