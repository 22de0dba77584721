//! Whether sealtail is healthy: what `/healthz`, the heartbeat and the service manager's watchdog go by.
//!
//! The reading side reports its progress here. Who asks brings the time, so reading that has stalled is noticed by
//! parts that have not.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::duration;

/// Reading that reports no progress for this long has stalled. Busy or idle it reports once a second; a scan of a
/// folder with many thousand files on a slow disk takes longer.
pub const STALLED_AFTER: Duration = Duration::from_secs(60);

/// The health of the reading side and of the state.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    progress_at: Option<Instant>,
    ready: bool,
    /// Why the state cannot be written.
    unwritable: Option<String>,
}

impl Health {
    /// Reading is making progress.
    pub fn progress(&self, now: Instant) {
        self.state().progress_at = Some(now);
    }

    /// The first scan of the files is complete.
    pub fn set_ready(&self) {
        self.state().ready = true;
    }

    /// The state can be written, or why it cannot.
    pub fn set_writable(&self, outcome: Result<(), String>) {
        self.state().unwritable = outcome.err();
    }

    /// The time since reading last reported progress; zero before it first did.
    pub fn stalled_for(&self, now: Instant) -> Duration {
        self.state().progress_at.map(|at| now.saturating_duration_since(at)).unwrap_or_default()
    }

    /// Whether the last attempt to write the state succeeded.
    pub fn is_writable(&self) -> bool {
        self.state().unwritable.is_none()
    }

    /// Whether the first scan of the files is complete.
    ///
    /// # Errors
    ///
    /// One line that says what is missing.
    pub fn ready(&self) -> Result<(), String> {
        if self.state().ready {
            Ok(())
        } else {
            Err("the first scan of the files is not complete".to_owned())
        }
    }

    /// Whether reading is making progress. If not, a restart may help.
    ///
    /// # Errors
    ///
    /// One line that says what has stalled.
    pub fn alive(&self, now: Instant) -> Result<(), String> {
        let stalled = self.stalled_for(now);
        if stalled < STALLED_AFTER {
            return Ok(());
        }
        let stalled = duration::show(Duration::from_secs(stalled.as_secs()));
        Err(format!("reading has made no progress for {stalled}"))
    }

    /// Whether reading is making progress and the state can be written.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong.
    pub fn healthy(&self, now: Instant) -> Result<(), String> {
        self.alive(now)?;
        let unwritable = self.state().unwritable.clone();
        unwritable.map_or(Ok(()), |why| {
            Err(format!("reading is paused, the state cannot be written: {}", why.replace(['\r', '\n'], " ")))
        })
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
    fn stalled_reading_is_not_alive() {
        let (health, start) = (Health::default(), Instant::now());
        let limit = start + STALLED_AFTER;
        assert_eq!(health.alive(limit), Ok(()), "reading has not started yet");
        health.progress(start);
        assert_eq!(health.alive(limit - Duration::from_millis(1)), Ok(()));
        assert_eq!(health.alive(limit), Err("reading has made no progress for 1m".to_owned()));
        assert_eq!(health.healthy(limit), health.alive(limit));
        health.progress(limit);
        assert_eq!((health.alive(limit), health.stalled_for(start)), (Ok(()), Duration::ZERO));
    }

    #[test]
    fn an_unwritable_state_is_alive_and_not_healthy() {
        let (health, now) = (Health::default(), Instant::now());
        health.progress(now);
        assert_eq!((health.healthy(now), health.is_writable()), (Ok(()), true));
        health.set_writable(Err("state/state.redb:\nno space left".to_owned()));
        assert_eq!((health.alive(now), health.is_writable()), (Ok(()), false));
        assert_eq!(
            health.healthy(now),
            Err("reading is paused, the state cannot be written: state/state.redb: no space left".to_owned())
        );
        health.set_writable(Ok(()));
        assert_eq!(health.healthy(now), Ok(()));
    }

    #[test]
    fn ready_after_the_first_scan() {
        let health = Health::default();
        assert!(health.ready().is_err());
        health.set_ready();
        assert_eq!(health.ready(), Ok(()));
    }
}
