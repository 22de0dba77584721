//! The open alerts, handed over by the reading side to whoever asks: it makes a snapshot only where somebody did, and
//! nobody reads what it works on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::correlate::Notice;
use crate::correlate::command::Vars;
use crate::model::finding::Severity;
use crate::signature::Catalogue;

/// Alerts in a snapshot, the gravest there are.
pub const ALERTS_MAX: usize = 100;
/// A snapshot is made no more often than this.
pub const SNAPSHOT_EVERY: Duration = Duration::from_secs(1);

/// What alerts are rendered with.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// The signatures in force.
    pub catalogue: Catalogue,
    /// The operator's `[vars]`.
    pub vars: Vars,
}

/// The open alerts at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// When, by the clock of the box, …
    pub wall: Timestamp,
    /// … and by one that nobody sets.
    pub at: Instant,
    /// The gravest of them, [`ALERTS_MAX`] at most.
    pub alerts: Vec<Notice>,
    /// Those of them whose messages are held back, by fingerprint.
    pub muted: BTreeMap<String, Muted>,
    /// How many there are, by severity.
    pub open: BTreeMap<Severity, u64>,
    /// What they are rendered with.
    pub knowledge: Arc<Knowledge>,
}

/// Why messages of an alert are held back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Muted {
    /// It is silenced for so long from then on.
    pub silenced_for: Option<Duration>,
    /// Somebody is on it.
    pub acknowledged_by: Option<String>,
}

/// The last snapshot, and whether another one is asked for.
#[derive(Debug, Default)]
pub struct Overview {
    asked: AtomicBool,
    last: Mutex<Option<Arc<Snapshot>>>,
}

impl Overview {
    /// Asks for a snapshot; whether nobody had.
    pub(super) fn ask(&self) -> bool {
        !self.asked.swap(true, Ordering::AcqRel)
    }

    /// Hands over what `take` gives, if somebody asked and the last one is old enough.
    pub fn answer(&self, now: Instant, take: impl FnOnce() -> Snapshot) {
        let is_due = self.last().is_none_or(|last| now >= last.at + SNAPSHOT_EVERY);
        // Who asks from now on gets the next one.
        if is_due && self.asked.swap(false, Ordering::AcqRel) {
            *self.held() = Some(Arc::new(take()));
        }
    }

    /// The last snapshot.
    pub fn last(&self) -> Option<Arc<Snapshot>> {
        self.held().clone()
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Snapshot>>> {
        // An `Arc` is there or it is not: no panic leaves half of one.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_made_where_somebody_asked_and_once_a_second() {
        let (overview, start) = (Overview::default(), Instant::now());
        let mut taken = 0;
        // Milliseconds, whether somebody asks then, and snapshots so far.
        for (ms, asks, expected) in [
            (0, false, 0),
            (10, true, 1),
            (20, false, 1),
            (30, true, 1),
            (1_009, true, 1),
            (1_010, false, 2),
            (9_000, false, 2),
            (9_001, true, 3),
        ] {
            let at = start + Duration::from_millis(ms);
            if asks {
                overview.ask();
            }
            overview.answer(at, || {
                taken += 1;
                let (open, knowledge) = (BTreeMap::new(), Arc::default());
                Snapshot {
                    wall: Timestamp::UNIX_EPOCH,
                    at,
                    alerts: Vec::new(),
                    muted: BTreeMap::new(),
                    open,
                    knowledge,
                }
            });
            assert_eq!(taken, expected, "{ms} ms");
        }
        assert!(overview.ask() && !overview.ask());
    }
}
