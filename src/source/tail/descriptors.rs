//! The open files: few, whatever the number of files followed.
//!
//! A file that can be found again by its path may be closed and opened anew. One that cannot, because
//! it has been deleted or moved out of sight, is pinned: its descriptor is all that is left of it.

use std::collections::HashMap;
use std::fs::File;

use rustix::process::{Resource, getrlimit};

/// Open files by the id of the generation they belong to.
#[derive(Debug)]
pub(super) struct Descriptors {
    open: HashMap<u64, Descriptor>,
    open_max: usize,
    clock: u64,
}

#[derive(Debug)]
struct Descriptor {
    file: File,
    used: u64,
    pinned: bool,
}

/// Files that may be open when as many descriptors are left for folders, the state, sinks and watches.
pub(super) fn room() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit / 2).unwrap_or(usize::MAX)).max(1)
}

impl Descriptors {
    pub(super) fn new(open_max: usize) -> Descriptors {
        Descriptors { open: HashMap::new(), open_max, clock: 0 }
    }

    /// The open file of a generation; it becomes the most recently used.
    pub(super) fn get(&mut self, id: u64) -> Option<&File> {
        self.clock += 1;
        let descriptor = self.open.get_mut(&id)?;
        descriptor.used = self.clock;
        Some(&descriptor.file)
    }

    /// The open file of a generation, its age left as it is.
    pub(super) fn peek(&self, id: u64) -> Option<&File> {
        self.open.get(&id).map(|descriptor| &descriptor.file)
    }

    /// Keeps a file open, at the cost of the one unused for longest.
    pub(super) fn insert(&mut self, id: u64, file: File) {
        if !self.open.contains_key(&id) && self.open.len() >= self.open_max {
            self.evict();
        }
        self.clock += 1;
        self.open.insert(id, Descriptor { file, used: self.clock, pinned: false });
    }

    /// Closes the file unused for longest; `false` if every one is pinned.
    pub(super) fn evict(&mut self) -> bool {
        let free = self.open.iter().filter(|(_, descriptor)| !descriptor.pinned);
        let oldest = free.min_by_key(|(_, descriptor)| descriptor.used).map(|(&id, _)| id);
        oldest.is_some_and(|id| self.open.remove(&id).is_some())
    }

    /// Says whether the file can only be reached through its descriptor.
    pub(super) fn pin(&mut self, id: u64, pinned: bool) {
        if let Some(descriptor) = self.open.get_mut(&id) {
            descriptor.pinned = pinned;
        }
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<File> {
        self.open.remove(&id).map(|descriptor| descriptor.file)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.open.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_unused_for_longest_goes_and_pinned_ones_stay() {
        let mut descriptors = Descriptors::new(3);
        let file = || tempfile::tempfile().unwrap();
        for id in 1..=3 {
            descriptors.insert(id, file());
        }
        descriptors.pin(1, true);
        descriptors.get(2);
        descriptors.insert(4, file());
        let mut ids: Vec<u64> = descriptors.ids().collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 4]);
        for id in [1, 2, 4] {
            descriptors.pin(id, true);
        }
        assert!(!descriptors.evict());
        descriptors.insert(5, file());
        assert_eq!(descriptors.ids().count(), 4, "pinned files are never closed to make room");
    }
}
