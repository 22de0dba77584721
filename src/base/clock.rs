//! The clock of waits: of outbox messages, and of alerts that repeat and resolve.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The wall clock as it was at the start, driven by a monotonic clock: a step of the wall clock neither holds messages
/// back, nor sends them all at once, nor resolves an alert. What is stored are wall times, for the next run.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Timestamp,
    start: Instant,
}

impl Clock {
    /// A clock that shows `wall` at `start`.
    pub fn new(wall: Timestamp, start: impl Into<Instant>) -> Clock {
        Clock { wall, start: start.into() }
    }

    /// The time at `instant`.
    pub fn at(&self, instant: impl Into<Instant>) -> Timestamp {
        self.wall.checked_add(instant.into().duration_since(self.start)).unwrap_or(Timestamp::MAX)
    }

    /// How long it is from `now` until `time`, at least a moment.
    pub fn until(&self, time: Timestamp, now: impl Into<Instant>) -> Duration {
        let left = Duration::try_from(time.duration_since(self.at(now))).unwrap_or_default();
        // Rounded up: the store counts in milliseconds, and waking early would only mean asking twice.
        left + Duration::from_millis(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    /// The wall clock is read at the start and never again: a step by a day or two hours back is not
    /// seen. While the box is suspended the other clock stands still, and so does every wait.
    #[test]
    fn a_wait_lasts_as_long_as_the_box_was_awake() {
        let start = Instant::now();
        let clock = Clock::new(wall(0), start);
        let retry = clock.at(start + Duration::from_secs(300));
        assert_eq!(retry, wall(300));
        let rounding = Duration::from_millis(1);
        for awake in [0, 100, 299] {
            let now = start + Duration::from_secs(awake);
            assert_eq!(now + clock.until(retry, now), start + Duration::from_secs(300) + rounding, "{awake}");
        }
        let late = start + Duration::from_secs(900);
        assert_eq!(clock.until(retry, late), rounding, "what is due is due now");
    }

    #[test]
    fn a_stored_time_far_from_this_clock_is_still_a_time() {
        let start = Instant::now();
        let clock = Clock::new(wall(0), start);
        assert_eq!(clock.until(wall(-86_400), start), Duration::from_millis(1));
        let day = Duration::from_secs(86_400);
        assert_eq!(clock.until(wall(86_400), start), day + Duration::from_millis(1));
    }
}
