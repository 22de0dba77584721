//! Whether sealtail is well: what `/healthz`, the heartbeat and the service manager's watchdog go by.
//!
//! The reading side leaves its signs of life here. Whoever asks brings the time, so one that stands
//! still is found out by those that do not.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::duration;

/// Reading that gave no sign for so long stands still. At work or at rest it gives one a second; a
/// folder of many thousand files on a slow disk takes longer to look through.
pub const STALLED_AFTER: Duration = Duration::from_secs(60);

/// The signs of life.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    moved: Option<Instant>,
    swept: bool,
    /// Why the state cannot be written.
    unwritable: Option<String>,
    /// What something is being made of: a record, or an alert that is due.
    at_work: Option<u64>,
    /// Those that reading broke on.
    broke: HashSet<u64>,
    /// The parts that a test wants to break.
    #[cfg(test)]
    breaks: HashSet<&'static str>,
}

impl Pulse {
    /// Reading goes on.
    pub fn moved(&self, now: Instant) {
        #[cfg(test)]
        self.comes_to("reading");
        self.state().moved = Some(now);
    }

    /// A panic is next, where `part` comes to it.
    #[cfg(test)]
    pub(crate) fn break_next(&self, part: &'static str) {
        self.state().breaks.insert(part);
    }

    /// Where `part` breaks if a test wants it to.
    #[cfg(test)]
    pub(crate) fn comes_to(&self, part: &str) {
        let breaks = self.state().breaks.remove(part);
        assert!(!breaks, "broken on purpose");
    }

    /// Every file was looked at once.
    pub fn swept(&self) {
        self.state().swept = true;
    }

    /// Something is being made of the record, or of the alert, of this hash.
    pub fn begin(&self, hash: u64) {
        self.state().at_work = Some(hash);
    }

    /// It was made.
    pub fn end(&self) {
        self.state().at_work = None;
    }

    /// Reading broke; whether on something that it is to pass over from now on.
    pub fn blame(&self) -> bool {
        let mut state = self.state();
        let blamed = state.at_work.take();
        state.broke.extend(blamed);
        blamed.is_some()
    }

    /// Whether reading broke on the record, or on the alert, of this hash.
    pub fn broke_on(&self, hash: u64) -> bool {
        self.state().broke.contains(&hash)
    }

    /// The state cannot be written, and why; or it can.
    pub fn writable(&self, outcome: Result<(), String>) {
        self.state().unwritable = outcome.err();
    }

    /// How long ago reading gave its last sign; zero before the first one.
    pub fn still_for(&self, now: Instant) -> Duration {
        self.state().moved.map(|moved| now.saturating_duration_since(moved)).unwrap_or_default()
    }

    /// Whether the state could be written when it was last tried.
    pub fn is_writable(&self) -> bool {
        self.state().unwritable.is_none()
    }

    /// Whether reading has begun: every file was looked at once.
    ///
    /// # Errors
    ///
    /// One line that says what is missing.
    pub fn ready(&self) -> Result<(), String> {
        if self.state().swept { Ok(()) } else { Err("the files have not been looked at yet".to_owned()) }
    }

    /// Whether every part is at work. What is wrong otherwise, a restart may mend.
    ///
    /// # Errors
    ///
    /// One line that says what stands still.
    pub fn alive(&self, now: Instant) -> Result<(), String> {
        let still = self.still_for(now);
        if still < STALLED_AFTER {
            return Ok(());
        }
        Err(format!("reading has stood still for {}", duration::show(Duration::from_secs(still.as_secs()))))
    }

    /// Whether every part is at work and the state can be written.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong.
    pub fn well(&self, now: Instant) -> Result<(), String> {
        self.alive(now)?;
        let unwritable = self.state().unwritable.clone();
        unwritable.map_or(Ok(()), |why| Err(format!("nothing is read: {}", why.replace(['\r', '\n'], " "))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every field is set at once: no panic leaves half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_stands_still_is_not_alive() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let limit = start + STALLED_AFTER;
        assert_eq!(pulse.alive(limit), Ok(()), "nothing has begun yet");
        pulse.moved(start);
        assert_eq!(pulse.alive(limit - Duration::from_millis(1)), Ok(()));
        assert_eq!(pulse.alive(limit), Err("reading has stood still for 1m".to_owned()));
        assert_eq!(pulse.well(limit), pulse.alive(limit));
        pulse.moved(limit);
        assert_eq!((pulse.alive(limit), pulse.still_for(start)), (Ok(()), Duration::ZERO));
    }

    #[test]
    fn one_whose_state_fails_is_alive_and_not_well() {
        let (pulse, now) = (Pulse::default(), Instant::now());
        pulse.moved(now);
        assert_eq!((pulse.well(now), pulse.is_writable()), (Ok(()), true));
        pulse.writable(Err("state/state.redb:\nno space left".to_owned()));
        assert_eq!((pulse.alive(now), pulse.is_writable()), (Ok(()), false));
        assert_eq!(pulse.well(now), Err("nothing is read: state/state.redb: no space left".to_owned()));
        pulse.writable(Ok(()));
        assert_eq!(pulse.well(now), Ok(()));
    }

    #[test]
    fn ready_once_the_files_were_looked_at() {
        let pulse = Pulse::default();
        assert!(pulse.ready().is_err());
        pulse.swept();
        assert_eq!(pulse.ready(), Ok(()));
    }
}
