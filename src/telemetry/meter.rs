//! Counters and gauges of sealtail itself, since the process was started.
//!
//! Counters only go up, and outlive a reload. Gauges are the last measurement. Nothing here is stored: numbers that must
//! survive a crash are in alerts and in the state.

mod activity;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::activity::Activity;
pub use self::activity::SourceState;
use crate::model::record::LevelCounts;

/// A number that only goes up.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A gauge that is 0 or 1.
#[derive(Debug, Default)]
pub struct Flag(AtomicBool);

impl Flag {
    /// Sets it.
    pub fn set(&self, so: bool) {
        self.0.store(so, Relaxed);
    }

    /// Whether it is set.
    pub fn get(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, number: u64) {
        self.0.store(number, Relaxed);
    }

    /// The last value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Outcomes of the messages of one sink.
#[derive(Debug, Default)]
pub struct SinkCounts {
    /// Messages that arrived.
    pub delivered: Count,
    /// Attempts that failed and are made again.
    pub retried: Count,
    /// Messages that were refused for good and are dead letters.
    pub refused: Count,
    /// The sink accepts nothing until somebody repairs it.
    pub parked: Flag,
    /// The last attempt failed and is made again.
    pub failing: Flag,
}

/// The last measurement of one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Level {
    /// Files that are followed.
    pub files: u64,
    /// Those of them that are open.
    pub open: u64,
    /// Bytes in them that have not been read.
    pub unread: u64,
}

/// What is kept for one sink.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Messages that wait to be sent.
    pub waiting: u64,
    /// Messages that were refused for good.
    pub dead: u64,
}

/// A source, and when it was last read to its end.
#[derive(Debug, Clone, Copy)]
struct Source {
    level: Level,
    caught_up: Instant,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Meter {
    /// Whole lines that were read.
    pub lines: Count,
    /// Bytes that were read.
    pub bytes: Count,
    /// Signatures that matched a record.
    pub findings: Count,
    /// Messages of alerts, before they are multiplied by the sinks.
    pub alerts: Count,
    /// Alerts that were sent and have not resolved.
    pub open_alerts: Gauge,
    /// Silences that have not ended.
    pub silences: Gauge,
    /// Messages of alerts that were held back by silences and acknowledgements.
    pub held_back: Count,
    /// Bytes that were seen and could not be read any more, where their number is known.
    pub lost_bytes: Count,
    /// Times that bytes were lost, their number known or not.
    pub gaps: Count,
    /// Lines that were too long and were searched up to their limit.
    pub cut_lines: Count,
    /// Configurations that were loaded, the first one included.
    pub reloads: Count,
    /// Configurations that were rejected at a reload.
    pub reloads_refused: Count,
    /// Commits that the store refused.
    pub commits_refused: Count,
    /// Heartbeats that arrived.
    pub heartbeats: Count,
    /// Heartbeats that did not.
    pub heartbeats_failed: Count,
    /// Heartbeats that were not sent because sealtail was not healthy.
    pub heartbeats_held: Count,
    /// Self-alerts, by page.
    self_alerts: Mutex<BTreeMap<&'static str, u64>>,
    sinks: Mutex<BTreeMap<String, Arc<SinkCounts>>>,
    sources: Mutex<BTreeMap<String, Source>>,
    activities: Mutex<BTreeMap<String, Activity>>,
    outbox: Mutex<BTreeMap<String, Kept>>,
    /// Records by source.
    records: Mutex<BTreeMap<String, LevelCounts>>,
}

impl Meter {
    /// The counters of one sink; the same ones whenever its name is asked for.
    pub fn sink(&self, name: &str) -> Arc<SinkCounts> {
        held(&self.sinks).entry(name.to_owned()).or_default().clone()
    }

    /// Every sink that was ever asked for.
    pub fn sinks(&self) -> Vec<(String, Arc<SinkCounts>)> {
        held(&self.sinks).iter().map(|(name, counts)| (name.clone(), counts.clone())).collect()
    }

    /// Counts a self_alert.
    pub fn count_self_alert(&self, page: &'static str) {
        *held(&self.self_alerts).entry(page).or_default() += 1;
    }

    /// SelfAlerts so far, by page.
    pub fn self_alerts(&self) -> Vec<(&'static str, u64)> {
        held(&self.self_alerts).iter().map(|(page, count)| (*page, *count)).collect()
    }

    /// Counts records of a source.
    pub fn count_records(&self, source: &str, more: &LevelCounts) {
        held(&self.records).entry(source.to_owned()).or_default().join(more);
    }

    /// Records so far, of every source of which there was one.
    pub fn records(&self) -> BTreeMap<String, LevelCounts> {
        held(&self.records).clone()
    }

    /// Says how things are with every source. One that has nothing unread is read to its end `now`.
    pub fn see_sources(&self, levels: BTreeMap<String, Level>, now: Instant) {
        let mut sources = held(&self.sources);
        let before = std::mem::take(&mut *sources);
        sources.extend(levels.into_iter().map(|(name, level)| {
            let behind = before.get(&name).filter(|_| level.unread > 0);
            let caught_up = behind.map_or(now, |source| source.caught_up);
            (name, Source { level, caught_up })
        }));
        let mut activities = held(&self.activities);
        activities.retain(|name, _| sources.contains_key(name));
        for (name, source) in &*sources {
            activities.entry(name.clone()).or_default().see(source.level.files, now);
        }
    }

    /// Something of a source was read.
    pub fn hear_source(&self, name: &str, now: Instant) {
        let mut activities = held(&self.activities);
        if let Some(activity) = activities.get_mut(name) {
            return activity.hear(now);
        }
        activities.entry(name.to_owned()).or_default().hear(now);
    }

    /// How things are with every source, as it was seen last.
    pub fn source_states(&self, now: Instant) -> Vec<SourceState> {
        let (sources, activities) = (held(&self.sources), held(&self.activities));
        let state = |(name, source): (&String, &Source)| {
            let activity = activities.get(name).copied().unwrap_or_default();
            SourceState {
                name: name.clone(),
                files: source.level.files,
                unread: source.level.unread,
                lag: now.saturating_duration_since(source.caught_up),
                fileless_for: activity.fileless_for(now),
                silent_for: activity.silent_for(now),
                patience: activity.patience(),
            }
        };
        sources.iter().map(state).collect()
    }

    /// Every source as it was seen last, and how long before `now` it was last read to its end.
    pub fn sources(&self, now: Instant) -> Vec<(String, Level, Duration)> {
        let sources = held(&self.sources);
        let lag = |source: &Source| now.saturating_duration_since(source.caught_up);
        sources.iter().map(|(name, source)| (name.clone(), source.level, lag(source))).collect()
    }

    /// Says what is kept for every sink.
    pub fn see_outbox(&self, kept: BTreeMap<String, Kept>) {
        *held(&self.outbox) = kept;
    }

    /// What is kept for every sink, as it was seen last.
    pub fn outbox(&self) -> BTreeMap<String, Kept> {
        held(&self.outbox).clone()
    }
}

/// The numbers behind a lock. They are changed one at a time, so a panic leaves none half changed.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_keeps_its_counters_over_a_reload() {
        let meter = Meter::default();
        meter.sink("ops").delivered.add(2);
        meter.sink("ops").delivered.add(1);
        meter.sink("chat").refused.add(1);
        let seen: Vec<_> =
            meter.sinks().into_iter().map(|(name, counts)| (name, counts.delivered.get())).collect();
        assert_eq!(seen, [("chat".to_owned(), 0), ("ops".to_owned(), 3)]);
    }

    #[test]
    fn a_source_lags_from_when_it_was_last_read_to_its_end() {
        let (meter, start) = (Meter::default(), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        let see = |second, unread: [u64; 2]| {
            let level = |unread| Level { files: 1, open: 1, unread };
            let [one, other] = unread.map(level);
            meter.see_sources([("one".to_owned(), one), ("other".to_owned(), other)].into(), at(second));
            let lag = |(_, level, lag): (String, Level, Duration)| (level.unread, lag.as_secs());
            meter.sources(at(second + 1)).into_iter().map(lag).collect::<Vec<_>>()
        };
        assert_eq!(see(0, [0, 5]), [(0, 1), (5, 1)]);
        assert_eq!(see(10, [0, 9]), [(0, 1), (9, 11)]);
        assert_eq!(see(20, [3, 0]), [(3, 11), (0, 1)]);
        meter.see_sources(BTreeMap::new(), at(30));
        assert_eq!(meter.sources(at(30)), [], "a source that is no longer there");
    }
}
