//! The time that delivery goes by.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The wall clock as it was at the start, driven by one that nobody sets: a step of the wall clock
/// neither holds letters back nor lets them all go at once.
pub(super) struct Clock {
    wall: Timestamp,
    start: Instant,
}

impl Clock {
    pub fn new(wall: Timestamp, start: Instant) -> Clock {
        Clock { wall, start }
    }

    /// The time at `instant`.
    pub fn at(&self, instant: Instant) -> Timestamp {
        self.wall.checked_add(instant.duration_since(self.start)).unwrap_or(Timestamp::MAX)
    }

    /// When `time` will be, at the earliest `now`.
    pub fn instant(&self, time: Timestamp, now: Instant) -> Instant {
        let left = Duration::try_from(time.duration_since(self.at(now))).unwrap_or_default();
        // Rounded up: the store counts in milliseconds, and waking early would only mean asking twice.
        now + left + Duration::from_millis(1)
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
            assert_eq!(clock.instant(retry, now), start + Duration::from_secs(300) + rounding, "{awake}");
        }
        let late = start + Duration::from_secs(900);
        assert_eq!(clock.instant(retry, late), late + rounding, "what is due is due now");
    }

    #[test]
    fn a_stored_time_far_from_this_clock_is_still_a_time() {
        let start = Instant::now();
        let clock = Clock::new(wall(0), start);
        assert_eq!(clock.instant(wall(-86_400), start), start + Duration::from_millis(1));
        let day = Duration::from_secs(86_400);
        assert_eq!(clock.instant(wall(86_400), start), start + day + Duration::from_millis(1));
    }
}
