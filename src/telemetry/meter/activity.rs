//! Whether a source names a file, and whether it is silent.

use std::time::{Duration, Instant};

use crate::base::duration::show;

/// A source that has named no file for this long misses its logs: a rotation takes moments.
pub const NO_FILE_AFTER: Duration = Duration::from_secs(10 * 60);
/// No source counts as silent before this.
pub const SILENT_AFTER: Duration = Duration::from_secs(60 * 60);

/// What a source did since the process was started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Activity {
    /// It has named no file since then.
    fileless_since: Option<Instant>,
    /// Something of it was read last at this time.
    heard_at: Option<Instant>,
    /// The longest time from one read to the next.
    longest: Duration,
}

impl Activity {
    /// It names `files` files now.
    pub fn see(&mut self, files: u64, now: Instant) {
        self.fileless_since = if files > 0 { None } else { self.fileless_since.or(Some(now)) };
    }

    /// Something of it was read.
    pub fn hear(&mut self, now: Instant) {
        self.longest = self.longest.max(self.silent_for(now).unwrap_or_default());
        self.heard_at = Some(now);
    }

    /// For how long it has named no file.
    pub fn fileless_for(&self, now: Instant) -> Option<Duration> {
        self.fileless_since.map(|since| now.saturating_duration_since(since))
    }

    /// For how long nothing of it was read; `None` where nothing ever was.
    pub fn silent_for(&self, now: Instant) -> Option<Duration> {
        self.heard_at.map(|at| now.saturating_duration_since(at))
    }

    /// How long it may be silent: as long as it was before, and an hour at least.
    pub fn patience(&self) -> Duration {
        self.longest.max(SILENT_AFTER)
    }
}

/// How things are with a source at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// Files that are followed.
    pub files: u64,
    /// Bytes in them that have not been read.
    pub unread: u64,
    /// The time since all of them was read.
    pub lag: Duration,
    /// For how long it has named no file.
    pub fileless_for: Option<Duration>,
    /// For how long nothing of it was read; `None` where nothing was since the start.
    pub silent_for: Option<Duration>,
    /// How long it may be silent.
    pub patience: Duration,
}

impl SourceState {
    /// Whether it misses its logs; `None` where that is not known yet, and what was known before goes on.
    pub fn is_missing(&self) -> Option<bool> {
        match self.fileless_for {
            None => Some(false),
            Some(time) => (time >= NO_FILE_AFTER).then_some(true),
        }
    }

    /// Whether it has been silent for longer than ever before. `None` where that is not known: nothing was read since the
    /// start, it names no file, or there is something to read.
    pub fn is_silent(&self) -> Option<bool> {
        match self.silent_for? {
            time if time <= self.patience => Some(false),
            _ => (self.files > 0 && self.unread == 0).then_some(true),
        }
    }

    /// How long it has named no file, in words.
    pub fn fileless_words(&self) -> String {
        whole(self.fileless_for)
    }

    /// How long it has been silent, in words.
    pub fn silent_words(&self) -> String {
        whole(self.silent_for)
    }
}

/// To the second.
fn whole(time: Option<Duration>) -> String {
    show(Duration::from_secs(time.unwrap_or_default().as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(activity: &Activity, files: u64, unread: u64, now: Instant) -> SourceState {
        SourceState {
            name: "worker".to_owned(),
            files,
            unread,
            lag: Duration::ZERO,
            fileless_for: activity.fileless_for(now),
            silent_for: activity.silent_for(now),
            patience: activity.patience(),
        }
    }

    #[test]
    fn a_source_misses_its_logs_ten_minutes_after_it_last_named_a_file() {
        let (mut activity, start) = (Activity::default(), Instant::now());
        for (second, files, expected) in [
            (0, 0, None),
            (599, 0, None),
            (600, 0, Some(true)),
            (700, 2, Some(false)),
            (5_000, 2, Some(false)),
            (5_001, 0, None),
            (5_600, 0, None),
            (5_601, 0, Some(true)),
        ] {
            let now = start + Duration::from_secs(second);
            activity.see(files, now);
            assert_eq!(state(&activity, files, 0, now).is_missing(), expected, "{second} s");
        }
    }

    #[test]
    fn a_source_is_silent_when_it_is_for_longer_than_ever_and_for_an_hour() {
        const MINUTE: u64 = 60;
        let (mut activity, start) = (Activity::default(), Instant::now());
        // The minute of a look, what was read in it, files, unread bytes.
        for (minute, heard, files, unread, expected) in [
            (0, false, 1, 0, None),
            (500, false, 1, 0, None),
            (501, true, 1, 0, Some(false)),
            (561, false, 1, 0, Some(false)),
            (562, false, 1, 0, Some(true)),
            (562, false, 0, 0, None),
            (562, false, 1, 7, None),
            (681, true, 1, 0, Some(false)),
            // It has been silent for three hours once.
            (861, false, 1, 0, Some(false)),
            (862, false, 1, 0, Some(true)),
        ] {
            let now = start + Duration::from_secs(minute * MINUTE);
            if heard {
                activity.hear(now);
            }
            let state = state(&activity, files, unread, now);
            assert_eq!(state.is_silent(), expected, "minute {minute}: {state:?}");
        }
    }
}
