//! What is kept of the stream of each file from one chunk to the next, so that a record means the same in
//! whatever pieces its log comes.

use std::collections::HashMap;

use crate::detect::Before;
use crate::frame::End;
use crate::model::position::Position;
use crate::source::contract::Chunk;

/// By the id of the file; no more than there are files that are followed and not at their end.
#[derive(Debug, Default)]
pub(in crate::watch) struct Streams {
    kept: HashMap<u64, Before>,
    /// How far each has been read in this run, settled or not.
    read_to: HashMap<u64, u64>,
}

impl Streams {
    /// What is kept of a file, for its next chunk. `None`: nothing of it was read since the start.
    pub fn take(&mut self, id: u64) -> Option<Before> {
        self.kept.remove(&id)
    }

    /// Keeps what is known before the bytes that follow a chunk, unless `end` says that none do.
    pub fn keep(&mut self, id: u64, before: Before, end: End) {
        if end != End::Final {
            self.kept.insert(id, before);
        }
    }

    /// Whether a chunk holds what this run had not read of the file. The first chunk of a file that an earlier run has read
    /// may be what that did not settle, and does not count.
    pub fn has_grown(&mut self, id: u64, chunk: &Chunk<'_>) -> bool {
        let from = chunk.progress.offset;
        let to = from + chunk.bytes.len() as u64;
        let known = self.read_to.insert(id, to);
        to > known.unwrap_or(if from == 0 { 0 } else { to })
    }

    /// Lets go of the files that are forgotten.
    pub fn forget(&mut self, changed: &[(u64, Option<Position>)]) {
        for (id, _) in changed.iter().filter(|(_, position)| position.is_none()) {
            self.kept.remove(id);
            self.read_to.remove(id);
        }
    }
}
