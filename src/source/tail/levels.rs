//! How things are with every source: what others may watch from outside.

use std::collections::BTreeMap;

use super::Tail;
use crate::telemetry::meter::Level;

impl Tail {
    /// How many files every source has, how many of them are open, and how many of their bytes have
    /// not been read.
    pub fn levels(&self) -> BTreeMap<String, Level> {
        let named = self.sources.iter().map(|source| (source.name.clone(), Level::default()));
        let mut levels: BTreeMap<String, Level> = named.collect();
        for (&id, generation) in self.registry.iter() {
            // A source that is no longer configured has none.
            let Some(level) = levels.get_mut(&generation.source) else { continue };
            level.open += u64::from(self.descriptors.peek(id).is_some());
            if generation.at().is_some() {
                level.files += 1;
                level.unread += generation.stat.size.saturating_sub(generation.read_offset());
            }
        }
        levels
    }
}
