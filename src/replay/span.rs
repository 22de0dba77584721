//! The first and the last of some times.

use crate::model::record::Time;

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) first: Option<Time>,
    pub(crate) last: Option<Time>,
}

impl Span {
    pub(crate) fn add(&mut self, time: Option<Time>) {
        self.join(Span { first: time, last: time });
    }

    pub(crate) fn join(&mut self, other: Span) {
        let instant = |time: &Time| time.instant;
        self.first = self.first.into_iter().chain(other.first).min_by_key(instant);
        self.last = self.last.into_iter().chain(other.last).max_by_key(instant);
    }
}
