//! Which generations there are, in which files, and which of them changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, btree_map};
use std::ops::RangeBounds;
use std::path::{Path, PathBuf};

use super::generation::{Generation, Place};
use crate::model::position::Position;

#[derive(Debug)]
pub(super) struct Registry {
    /// By id: from the oldest to the newest.
    generations: BTreeMap<u64, Generation>,
    /// The generation that a file holds, by device and inode number.
    by_key: HashMap<(u64, u64), u64>,
    /// The generation that a source names by a path.
    by_path: HashMap<PathBuf, u64>,
    /// Those whose positions are to be committed.
    changed: BTreeSet<u64>,
    next_id: u64,
}

impl Registry {
    /// New ones are numbered from `next_id` on, or from above those that are known.
    pub(super) fn new(generations: BTreeMap<u64, Generation>, next_id: u64) -> Registry {
        let above = generations.last_key_value().map_or(0, |(&id, _)| id + 1);
        Registry {
            generations,
            by_key: HashMap::new(),
            by_path: HashMap::new(),
            changed: BTreeSet::new(),
            next_id: next_id.max(above),
        }
    }

    pub(super) fn get(&self, id: u64) -> Option<&Generation> {
        self.generations.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Generation> {
        self.generations.get_mut(&id)
    }

    /// From the oldest to the newest.
    pub(super) fn iter(&self) -> btree_map::Iter<'_, u64, Generation> {
        self.generations.iter()
    }

    pub(super) fn values(&self) -> btree_map::Values<'_, u64, Generation> {
        self.generations.values()
    }

    pub(super) fn range(&self, ids: impl RangeBounds<u64>) -> btree_map::Range<'_, u64, Generation> {
        self.generations.range(ids)
    }

    /// The id that the next one gets.
    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// The generation that the file with this device and inode number holds.
    pub(super) fn in_file(&self, key: &(u64, u64)) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    /// Whether a generation is in the file with this device and inode number.
    pub(super) fn is_known(&self, key: &(u64, u64)) -> bool {
        self.by_key.contains_key(key)
    }

    /// The generation that a source names by this path.
    pub(super) fn named(&self, path: &Path) -> Option<u64> {
        self.by_path.get(path).copied()
    }

    /// Adds a generation, by the place it has.
    pub(super) fn add(&mut self, generation: Generation) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if let Place::Here { at, key } = &generation.place {
            self.by_key.insert(*key, id);
            self.by_path.insert(at.clone(), id);
        }
        self.generations.insert(id, generation);
        self.changed.insert(id);
        id
    }

    /// Takes note that the file with this device and inode number holds a generation.
    pub(super) fn bind(&mut self, id: u64, key: (u64, u64)) {
        self.by_key.insert(key, id);
        self.changed.insert(id);
    }

    /// The file of a generation is no longer its file.
    pub(super) fn leave(&mut self, id: u64, place: Place) {
        let Some(generation) = self.generations.get_mut(&id) else { return };
        if let Some(key) = generation.key() {
            self.by_key.remove(&key);
        }
        generation.place = place;
    }

    pub(super) fn forget(&mut self, id: u64) {
        if let Some(key) = self.generations.remove(&id).and_then(|generation| generation.key()) {
            self.by_key.remove(&key);
        }
        self.changed.insert(id);
    }

    /// Takes note that the position of a generation is another.
    pub(super) fn note(&mut self, id: u64) {
        self.changed.insert(id);
    }

    /// Positions that changed since the last call; `None` is one to forget.
    pub(super) fn changed(&mut self) -> Vec<(u64, Option<Position>)> {
        let mut positions = Vec::new();
        for id in std::mem::take(&mut self.changed) {
            match self.generations.get(&id) {
                None => positions.push((id, None)),
                // It will be forgotten once its last bytes are settled.
                Some(Generation { place: Place::Nowhere, .. }) => {}
                Some(generation) => positions.push((id, Some(generation.position()))),
            }
        }
        positions
    }

    /// Takes in the paths that the generations have now.
    pub(super) fn index_paths(&mut self) {
        self.by_path.clear();
        for (&id, generation) in &self.generations {
            if let Some(at) = generation.at().filter(|_| !generation.away) {
                self.by_path.insert(at.to_owned(), id);
            }
        }
    }

    /// Whether a generation has waited for the one before it, and that one has been read meanwhile: files have their turns
    /// in any order, and nothing else may come for long.
    pub(super) fn has_waited(&self, generation: &Generation) -> bool {
        let before = generation.behind.map(|before| self.get(before));
        before.is_some_and(|before| !before.is_some_and(Generation::is_unread))
    }
}
