//! What reading panicked on: records, and alerts that were due. A restart would panic on them again, so they are
//! skipped from then on. This outlives the pipeline that panicked.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Hashes of the records and alerts to skip. All clones share one set.
#[derive(Debug, Clone, Default)]
pub struct Quarantine(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The one that is being processed.
    current: Option<u64>,
    skipped: HashSet<u64>,
}

impl Quarantine {
    /// Processing of the record or alert with this hash begins.
    pub(super) fn begin(&self, hash: u64) {
        self.state().current = Some(hash);
    }

    /// It has been processed.
    pub(super) fn end(&self) {
        self.state().current = None;
    }

    /// After a panic of reading: skips what was being processed from now on; whether there was any.
    pub fn blame(&self) -> bool {
        let mut state = self.state();
        let blamed = state.current.take();
        state.skipped.extend(blamed);
        blamed.is_some()
    }

    /// Whether the record or alert with this hash is to be skipped.
    pub(super) fn holds(&self, hash: u64) -> bool {
        self.state().skipped.contains(&hash)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each field is set in one step: a panic leaves none half set.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_being_processed_is_blamed_once() {
        let quarantine = Quarantine::default();
        quarantine.begin(1);
        quarantine.end();
        assert!(!quarantine.blame(), "the panic came from elsewhere");
        quarantine.begin(2);
        assert!(quarantine.blame() && !quarantine.blame());
        assert_eq!([1, 2].map(|hash| quarantine.holds(hash)), [false, true]);
    }
}
