//! How many records of each level every file has.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::detect::Observe;
use crate::frame::{RECORD_BYTES_MAX, View};
use crate::model::record::{Level, LevelCounts};

/// Notes the level of each record, and its time where only the records of a span are counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByLevel {
    /// Only records written at or after this. One without time has that of the one before it, and is counted where there
    /// is none.
    pub since: Option<Timestamp>,
    /// Only records written before this.
    pub until: Option<Timestamp>,
}

/// A record, as far as it matters to a count.
#[derive(Debug, Clone, Copy)]
pub struct Noted {
    level: Option<Level>,
    offset: u64,
    time: Option<Timestamp>,
}

impl Observe for ByLevel {
    type Observation = Noted;

    fn observe(&self, record: &View<'_>) -> Noted {
        let is_dated = self.since.is_some() || self.until.is_some();
        let time = if is_dated { record.time() } else { None };
        Noted { level: record.level, offset: record.place.offset, time: time.map(|time| time.instant) }
    }
}

/// Counts what was noted.
#[derive(Debug, Default)]
pub struct Levels {
    wanted: ByLevel,
    files: BTreeMap<String, LevelCounts>,
    /// The last time written in the file at hand, and the offset of the record that has it.
    near: Option<(u64, Timestamp)>,
}

impl Levels {
    /// Of the records that `wanted` asks for.
    pub fn new(wanted: ByLevel) -> Levels {
        Levels { wanted, ..Levels::default() }
    }

    /// Counts records of a file, which come in their order.
    pub fn add(&mut self, path: &str, records: &[Noted]) {
        if !self.files.contains_key(path) {
            self.near = None;
        }
        let counts = self.files.entry(path.to_owned()).or_default();
        for record in records {
            self.near = record.time.map(|time| (record.offset, time)).or(self.near);
            let is_near = |(written, _): &(u64, Timestamp)| {
                record.offset.checked_sub(*written).is_some_and(|bytes| bytes < RECORD_BYTES_MAX as u64)
            };
            let is_wanted = self.near.filter(is_near).is_none_or(|(_, near)| {
                self.wanted.since.is_none_or(|since| near >= since)
                    && self.wanted.until.is_none_or(|until| near < until)
            });
            if is_wanted {
                counts.add(record.level, 1);
            }
        }
    }

    /// The counts of every file in which there is a record.
    pub fn into_counts(self) -> BTreeMap<String, LevelCounts> {
        self.files
    }
}
