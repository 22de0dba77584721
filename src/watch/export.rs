//! When positions are exported: soon after the start, every minute while they move, and at the end.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::store::Store;

/// So much is read again at most where the database is damaged.
const EXPORT_EVERY: Duration = Duration::from_secs(60);

/// What was exported so far.
#[derive(Debug, Default)]
pub(super) struct Export {
    /// The last attempt.
    tried_at: Option<Instant>,
    /// Positions have moved since.
    behind: bool,
    /// The last attempt failed; said once.
    failed: bool,
}

impl Export {
    /// Positions have moved.
    pub fn note(&mut self) {
        self.behind = true;
    }

    /// Exports what has moved, if it is time.
    pub fn run(&mut self, store: &Store, now: Instant) {
        if self.is_due(now) {
            self.end(store);
            self.tried_at = Some(now);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.behind && self.tried_at.is_none_or(|tried| now >= tried + EXPORT_EVERY)
    }

    /// Exports what has moved.
    pub fn end(&mut self, store: &Store) {
        if !self.behind {
            return;
        }
        match store.export(Timestamp::now()) {
            Ok(()) => {
                self.behind = false;
                self.failed = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failed, true) {
                    tracing::warn!("positions are not exported: {error}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_and_then_every_minute_while_positions_move() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Timestamp::now()).unwrap().store;
        let written = folder.path().join("checkpoints.json");
        let mut export = Export::default();
        // Seconds, whether positions have moved before, whether that was exported.
        for (seconds, moved, exported) in [
            (0, false, false),
            (5, true, true),
            (6, true, false),
            (64, true, false),
            (65, false, true),
            (200, false, false),
            (201, true, true),
        ] {
            if moved {
                export.note();
            }
            export.run(&store, at(seconds));
            assert_eq!(written.exists(), exported, "{seconds}");
            if exported {
                std::fs::remove_file(&written).unwrap();
            }
        }
        export.note();
        export.end(&store);
        assert!(written.exists(), "at the end at any time");
    }
}
