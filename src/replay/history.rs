//! What `watch` would have told, had it been there: findings in the order of their time, through
//! the same correlation, with the clock of the log.

use std::sync::Arc;

use jiff::Timestamp;

use crate::correlate::{Correlator, Notice, Policy, Sighting};
use crate::detect::Occurrence;

/// The `[[source]]` that alerts of a replay name.
const SOURCE: &str = "replay";

/// The findings of a replay, to be told as alerts once all are there.
#[derive(Debug)]
pub struct History {
    /// When a log that has no times is taken to have been written.
    now: Timestamp,
    entries: Vec<Entry>,
}

/// A finding, or the end of a state.
#[derive(Debug)]
struct Entry {
    at: Timestamp,
    path: Arc<str>,
    found: Occurrence,
}

impl History {
    /// A history without entries.
    pub fn new(now: Timestamp) -> History {
        History { now, entries: Vec::new() }
    }

    /// Adds what was seen in the file `path`; files one after the other, each in its order.
    pub fn add(&mut self, path: &str, found: Occurrence) {
        let before = self.entries.last().filter(|entry| &*entry.path == path);
        let dated = found.finding.near.map(|time| time.instant);
        let at = dated.or(before.map(|entry| entry.at)).unwrap_or(self.now);
        let path = before.map_or_else(|| Arc::from(path), |entry| entry.path.clone());
        self.entries.push(Entry { at, path, found });
    }

    /// Tells every message that `watch` on `host` would have sent, in order.
    ///
    /// # Errors
    ///
    /// What `tell` returns ends it and is returned.
    pub fn tell<E>(
        mut self,
        host: &str,
        policy: Policy,
        mut tell: impl FnMut(&Notice) -> Result<(), E>,
    ) -> Result<(), E> {
        // Stable: what has one time stays in the order of its file.
        self.entries.sort_by_key(|entry| entry.at);
        let mut correlator = Correlator::new(policy, []);
        let same_record = |one: &Entry, next: &Entry| {
            one.path == next.path && one.found.finding.place.offset == next.found.finding.place.offset
        };
        for record in self.entries.chunk_by(same_record) {
            let Some(at) = record.first().map(|entry| entry.at) else { continue };
            pass_time(&mut correlator, at, &mut tell)?;
            let found = record.iter().map(|entry| sighting(entry, host)).collect();
            correlator.observe(found, at).iter().try_for_each(&mut tell)?;
        }
        // As far as the last findings show: what a state does after the log nobody knows.
        let last = self.entries.last().map_or(self.now, |entry| entry.at);
        let end = last.checked_add(policy.resolve_after).unwrap_or(last);
        pass_time(&mut correlator, end, &mut tell)
    }
}

/// Lets the correlator speak at each moment up to `until` at which something is due.
fn pass_time<E>(
    correlator: &mut Correlator,
    until: Timestamp,
    tell: &mut impl FnMut(&Notice) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(due) = correlator.next_due().filter(|due| *due <= until) {
        correlator.tick(due).iter().try_for_each(&mut *tell)?;
    }
    Ok(())
}

fn sighting<'a>(entry: &'a Entry, host: &'a str) -> Sighting<'a> {
    let Occurrence { signature, finding, names, context, ends } = &entry.found;
    Sighting {
        signature,
        finding: finding.clone(),
        ends: *ends,
        host,
        source: SOURCE,
        path: &entry.path,
        context: context.clone(),
        names: names.clone(),
    }
}
