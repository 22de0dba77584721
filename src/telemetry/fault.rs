//! Panics on purpose, for tests: each part trips here under its own name, and panics if a test injected a fault.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The parts whose next trip panics. All clones share one set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<HashSet<&'static str>>>);

impl Faults {
    /// The next trip of `part` panics, once.
    pub fn inject(&self, part: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(part);
    }

    /// Panics if a fault was injected for `part`.
    pub fn trip(&self, part: &str) {
        let injected = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(part);
        assert!(!injected, "fault injected by a test: {part}");
    }
}
