//! When positions are exported: soon after the start, every minute while they change, and at the end; less often
//! where an export takes long.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::store::Store;

/// At most the positions of this long are lost where the database is damaged.
const EXPORT_EVERY: Duration = Duration::from_secs(60);
/// An export that takes long waits so many times as long for the next, …
const EXPORT_COST: u32 = 1_000;
/// … but no longer than this.
const EXPORT_EVERY_COSTLY: Duration = Duration::from_secs(5 * 60);

/// What has been exported so far.
#[derive(Debug, Default)]
pub(super) struct Export {
    /// No attempt is made before.
    due_at: Option<Instant>,
    /// Positions have changed since the last export.
    behind: bool,
    /// The last attempt failed; logged once.
    failed: bool,
}

impl Export {
    /// Positions have changed.
    pub fn note(&mut self) {
        self.behind = true;
    }

    /// Exports what has moved, if it is time.
    pub fn run(&mut self, store: &Store, now: Instant) {
        if self.is_due(now) {
            let begun = Instant::now();
            self.end(store);
            self.due_at = Some(now + interval(begun.elapsed()));
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.behind && self.due_at.is_none_or(|due| now >= due)
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
                    tracing::warn!("cannot export positions, will try again: {error}");
                }
            }
        }
    }
}

/// The time from one export to the next, if one `took` so long.
fn interval(took: Duration) -> Duration {
    (took * EXPORT_COST).clamp(EXPORT_EVERY, EXPORT_EVERY_COSTLY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_grows_with_the_cost_of_an_export() {
        for (took_ms, wait_s) in [(0, 60), (60, 60), (130, 130), (5_000, 300)] {
            assert_eq!(interval(Duration::from_millis(took_ms)), Duration::from_secs(wait_s), "{took_ms}");
        }
    }

    #[test]
    fn exports_at_once_and_then_every_minute_while_positions_change() {
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
            (305, false, true),
            (700, false, false),
            (701, true, true),
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
