//! What is kept of the stream of each file from one chunk to the next, so that a record means the same in
//! whatever pieces its log comes.

use std::collections::HashMap;

use crate::detect::Before;
use crate::frame::End;
use crate::model::position::Position;

/// By the id of the file; no more than there are files that are followed and not at their end.
#[derive(Debug, Default)]
pub(in crate::watch) struct Streams {
    kept: HashMap<u64, Before>,
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

    /// Lets go of the files that are forgotten.
    pub fn forget(&mut self, changed: &[(u64, Option<Position>)]) {
        for (id, _) in changed.iter().filter(|(_, position)| position.is_none()) {
            self.kept.remove(id);
        }
    }
}
