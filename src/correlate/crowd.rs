//! How many alerts of one signature are open.
//!
//! What a finding is grouped by comes from a log, and a log can hold any number of values. Each
//! group would be an alert to keep, to store and to send, so their number has a limit. Groups beyond
//! it share one alert, which counts all their findings and has an empty group. As soon as others
//! resolve, a group may have its own again.

use std::collections::BTreeMap;

/// Alerts of one signature that may be open with a group of their own: nobody reads more.
pub(super) const ALERTS_MAX: usize = 5_000;

/// Open alerts by signature.
#[derive(Debug, Default)]
pub(super) struct Crowds(BTreeMap<String, usize>);

impl Crowds {
    /// Whether another group of `signature` gets no alert of its own.
    pub fn is_full(&self, signature: &str) -> bool {
        self.0.get(signature).is_some_and(|&open| open >= ALERTS_MAX)
    }

    pub fn opened(&mut self, signature: &str) {
        match self.0.get_mut(signature) {
            Some(open) => *open += 1,
            None => drop(self.0.insert(signature.to_owned(), 1)),
        }
    }

    pub fn closed(&mut self, signature: &str) {
        if let Some(open) = self.0.get_mut(signature) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.0.remove(signature);
            }
        }
    }
}
