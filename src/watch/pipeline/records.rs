//! Counts of records by source and level, on their way to the metrics.
//!
//! A record is counted once the store has the position behind it. What a restart reads again was counted by nobody before;
//! what was counted is read by nobody again. A commit that reached the disk without an answer before a restart leaves its
//! records out: a count may be too low then, never too high.

use std::collections::BTreeMap;
use std::mem::take;

use crate::detect::Observe;
use crate::frame::View;
use crate::model::record::{Level, LevelCounts};
use crate::telemetry::meter::Meter;

/// Tells the level of each record.
pub(in crate::watch) struct ByLevel;

impl Observe for ByLevel {
    type Observation = Option<Level>;

    fn observe(&self, record: &View<'_>) -> Option<Level> {
        record.level
    }
}

/// Records that were read, and are not in the metrics yet.
#[derive(Debug, Default)]
pub(in crate::watch) struct Records {
    /// By source; those of the next commit, …
    pending: BTreeMap<String, LevelCounts>,
    /// … and those of the commit that the store has not taken yet.
    handed: BTreeMap<String, LevelCounts>,
}

impl Records {
    /// Takes what was observed of a chunk that went through the engine.
    pub fn add(&mut self, source: &str, levels: &[Option<Level>]) {
        if levels.is_empty() {
            return;
        }
        let counts = self.pending.entry(source.to_owned()).or_default();
        levels.iter().for_each(|level| counts.add(*level, 1));
    }

    /// What is pending goes with a commit.
    pub fn hand(&mut self) {
        self.handed = take(&mut self.pending);
    }

    /// The store has taken that commit.
    pub fn taken(&mut self, meter: &Meter) {
        for (source, counts) in take(&mut self.handed) {
            meter.count_records(&source, &counts);
        }
    }
}
