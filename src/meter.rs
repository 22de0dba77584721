//! What sealtail counts of itself since it was started.
//!
//! Counters only go up and outlive a reload; whoever wants rates takes differences. Nothing here is
//! stored: the numbers that must survive a crash stand in alerts and in the state.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A number that only goes up.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// What it has come to.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What became of the messages of one sink.
#[derive(Debug, Default)]
pub struct SinkCounts {
    /// Messages that arrived.
    pub delivered: Count,
    /// Attempts that failed and are made again.
    pub retried: Count,
    /// Messages that were refused for good and are dead letters.
    pub refused: Count,
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
    /// Bytes that were seen and could not be read any more, where their number is known.
    pub lost_bytes: Count,
    /// Times that bytes were lost, their number known or not.
    pub gaps: Count,
    /// Lines that were too long and were searched up to their limit.
    pub cut_lines: Count,
    /// Configurations that were taken, the first one included.
    pub reloads: Count,
    /// Configurations that were refused while another one ran.
    pub reloads_refused: Count,
    /// Commits that the store refused.
    pub commits_refused: Count,
    /// Parts that broke and were begun again.
    pub restarts: Count,
    /// What sealtail had to say of itself, by page.
    complaints: Mutex<BTreeMap<&'static str, u64>>,
    sinks: Mutex<BTreeMap<String, Arc<SinkCounts>>>,
    /// Bytes not yet read, by path.
    lag: Mutex<BTreeMap<String, u64>>,
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

    /// Counts a complaint.
    pub fn complain(&self, page: &'static str) {
        *held(&self.complaints).entry(page).or_default() += 1;
    }

    /// Complaints so far, by page.
    pub fn complaints(&self) -> Vec<(&'static str, u64)> {
        held(&self.complaints).iter().map(|(page, count)| (*page, *count)).collect()
    }

    /// Says how many bytes of each file are still to be read.
    pub fn set_lag(&self, lag: BTreeMap<String, u64>) {
        *held(&self.lag) = lag;
    }

    /// What was said last of the bytes still to be read, by path.
    pub fn lag(&self) -> BTreeMap<String, u64> {
        held(&self.lag).clone()
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
}
