//! Retry: when a message that failed, and a sink that failed, are tried again.
//!
//! A message that fails waits by itself while messages of other alerts pass: of a receiver behind a balancer
//! a part may be down. When several attempts fail in a row it is the sink that fails, and the whole sink
//! waits. A `Retry-After` always holds the whole sink. A sink that accepts nothing until somebody repairs it
//! is *parked*: it is probed now and then.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::clock::Clock;
use crate::deliver::sink::RETRY_AFTER_MAX;
use crate::store::Standing;

/// The time between two attempts at a parked sink.
pub(super) const PROBE_EVERY: Duration = Duration::from_secs(5 * 60);

/// Attempts that may fail in a row before the whole sink waits. Where a receiver fails four attempts in ten,
/// one in 2,500 ends a longer run.
const IN_A_ROW_MAX: u32 = 7;

/// The bound of the first delay.
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// The bound of every delay.
const DELAY_MAX: Duration = Duration::from_secs(5 * 60);

/// The delay after the `attempts`th attempt failed; `random` is in `0.0..1.0`.
///
/// The bound doubles with every attempt, and the delay is anywhere below it ("full jitter"), so
/// that many boxes that lost one receiver do not come back to it at one instant.
fn retry_delay(attempts: u32, random: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    (DELAY_FIRST * (1 << doublings)).min(DELAY_MAX).mul_f64(random.clamp(0.0, 1.0))
}

/// The same, but no shorter than what the other side `asked` for: it may hold us off, not hurry us.
fn wait(asked: Option<Duration>, attempts: u32, random: f64) -> Duration {
    retry_delay(attempts, random).max(asked.unwrap_or_default())
}

/// A number in `0.0..1.0`. Where the system has no randomness, the middle.
pub(super) fn random() -> f64 {
    let number = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}

/// The waits of one sink. Every decision is a function of the `now` it is given.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Attempts that failed since the last one that was answered.
    failures: u32,
    /// The whole sink waits until then.
    paused: Option<Instant>,
    /// It has asked for that itself, until then.
    asked: Option<Instant>,
}

impl Backoff {
    /// Goes on with what the sink asked the last run for, but for no longer than a sink may ask: the
    /// clock of that run may have been wrong.
    pub fn new(before: Option<&Standing>, clock: &Clock, now: Instant) -> Backoff {
        let until = before.and_then(|before| before.alone_until).filter(|until| *until > clock.at(now));
        let asked = until.map(|until| (now + clock.until(until, now)).min(now + RETRY_AFTER_MAX));
        Backoff { failures: 0, paused: asked, asked }
    }

    /// Until when the whole sink waits, if it does.
    pub fn paused(&self, now: Instant) -> Option<Instant> {
        self.paused.filter(|until| *until > now)
    }

    /// Until when the sink asked to be left alone, if it still does.
    pub fn asked(&self, now: Instant) -> Option<Instant> {
        self.asked.filter(|until| *until > now)
    }

    /// Attempts that failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The sink answered; how many attempts had failed before.
    pub fn answered(&mut self) -> u32 {
        std::mem::take(&mut self.failures)
    }

    /// The `attempts`th attempt at a message failed, and the sink asked to be left alone for `after`.
    /// When the message may be tried again. Each wait takes a number of `random`.
    pub fn failed(
        &mut self,
        attempts: u32,
        after: Option<Duration>,
        now: Instant,
        random: impl Fn() -> f64,
    ) -> Instant {
        self.failures = self.failures.saturating_add(1);
        let too_many = self.failures.saturating_sub(IN_A_ROW_MAX);
        let sink_fails = after.is_some() || too_many > 0;
        self.pause(sink_fails.then(|| now + wait(after, too_many, random())), after);
        now + wait(after, attempts, random())
    }

    /// The same for a message that no store can put off: the whole sink waits, from the first failure on.
    pub fn failed_in_memory(&mut self, after: Option<Duration>, now: Instant, random: impl Fn() -> f64) {
        self.failures = self.failures.saturating_add(1);
        self.pause(Some(now + wait(after, self.failures, random())), after);
    }

    /// The whole sink waits until `until`, if at all; it asked for that itself where there is an `after`.
    fn pause(&mut self, until: Option<Instant>, after: Option<Duration>) {
        self.paused = until;
        if after.is_some() {
            self.asked = until;
        }
    }

    /// The sink accepts nothing: it is probed later.
    pub fn parked(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.paused = Some(now + PROBE_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    #[test]
    fn delays() {
        for (attempts, random, ms) in [
            (1, 0.0, 0),
            (1, 1.0, 1_000),
            (1, 0.5, 500),
            (2, 1.0, 2_000),
            (5, 1.0, 16_000),
            (9, 1.0, 256_000),
            (10, 1.0, 300_000),
            (u32::MAX, 1.0, 300_000),
            (u32::MAX, 0.5, 150_000),
            (0, 1.0, 1_000),
        ] {
            assert_eq!(retry_delay(attempts, random), Duration::from_millis(ms), "{attempts} {random}");
        }
    }

    #[test]
    fn what_is_asked_for_is_the_least() {
        for (asked_ms, attempts, ms) in
            [(None, 3, 2_000), (Some(0), 3, 2_000), (Some(1_999), 3, 2_000), (Some(30_000), 3, 30_000)]
        {
            let asked = asked_ms.map(Duration::from_millis);
            assert_eq!(wait(asked, attempts, 0.5), Duration::from_millis(ms), "{asked_ms:?}");
        }
    }

    #[test]
    fn random_numbers_differ_and_keep_their_range() {
        let numbers: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.iter().any(|number| *number != numbers[0]));
    }

    enum Event {
        Failed { attempts: u32, after_s: Option<u64> },
        InMemory { after_s: Option<u64> },
        Parked,
        Answered,
    }

    /// Events at one instant, with the longest delays: the seconds that the message and the whole sink wait
    /// after each, and how long the sink asked for.
    #[test]
    fn waits_of_a_message_and_of_the_whole_sink() {
        use Event::{Answered, Failed, InMemory, Parked};
        let failed = |attempts, after_s| Failed { attempts, after_s };
        let now = Instant::now();
        let seconds = |at: Option<Instant>| at.map(|at| at.duration_since(now).as_secs());
        for events in [
            // Messages failed: others may pass them. The eighth failure in a row is the sink's.
            &[
                (failed(1, None), Some(1), None, None),
                (failed(1, None), Some(1), None, None),
                (failed(2, None), Some(2), None, None),
                (failed(1, None), Some(1), None, None),
                (failed(3, None), Some(4), None, None),
                (failed(2, None), Some(2), None, None),
                (failed(1, None), Some(1), None, None),
                (failed(1, None), Some(1), Some(1), None),
                (failed(2, None), Some(2), Some(2), None),
                (failed(9, None), Some(256), Some(4), None),
                (Answered, None, Some(4), None),
                (failed(10, None), Some(300), None, None),
            ][..],
            // What the sink asks for holds it whole, and is the least.
            &[
                (failed(1, Some(30)), Some(30), Some(30), Some(30)),
                (failed(7, Some(30)), Some(64), Some(30), Some(30)),
                (failed(1, None), Some(1), None, Some(30)),
            ],
            &[
                (InMemory { after_s: None }, None, Some(1), None),
                (InMemory { after_s: None }, None, Some(2), None),
                (InMemory { after_s: Some(7) }, None, Some(7), Some(7)),
            ],
            &[
                (Parked, None, Some(300), None),
                (Parked, None, Some(300), None),
                (failed(1, None), Some(1), None, None),
            ],
        ] {
            let mut backoff = Backoff::default();
            for (number, (event, message_s, sink_s, asked_s)) in events.iter().enumerate() {
                let asks = |after_s: &Option<u64>| after_s.map(Duration::from_secs);
                let message = match event {
                    Failed { attempts, after_s } => {
                        Some(backoff.failed(*attempts, asks(after_s), now, || 1.0))
                    }
                    InMemory { after_s } => {
                        backoff.failed_in_memory(asks(after_s), now, || 1.0);
                        None
                    }
                    Parked => {
                        backoff.parked(now);
                        None
                    }
                    Answered => {
                        assert_eq!((backoff.answered(), backoff.failures()), (10, 0));
                        None
                    }
                };
                let found = (seconds(message), seconds(backoff.paused(now)), seconds(backoff.asked(now)));
                assert_eq!(found, (*message_s, *sink_s, *asked_s), "{number}");
            }
        }
    }

    /// Attempts and messages that arrived in a minute of a sink to whom there is always something to send, where
    /// an attempt takes 2 ms and every answer is an error that `fails` says so of.
    fn minute(mut fails: impl FnMut() -> bool) -> (u32, u32) {
        let start = Instant::now();
        let (mut now, mut backoff, mut attempts, mut arrived) = (start, Backoff::default(), 0, 0);
        while now < start + Duration::from_secs(60) {
            now = backoff.paused(now).unwrap_or(now) + Duration::from_millis(2);
            attempts += 1;
            if fails() {
                backoff.failed(1, None, now, || 1.0);
            } else {
                backoff.answered();
                arrived += 1;
            }
        }
        (attempts, arrived)
    }

    #[test]
    fn a_sink_of_which_a_part_is_down_gets_the_rest_and_one_that_is_down_few_attempts() {
        // Four answers of ten are errors, in no order.
        let mut state = 1_u64;
        let (_, arrived) = minute(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 10 < 4
        });
        assert!(arrived >= 60 * 50, "{arrived} messages in a minute");
        let (attempts, _) = minute(|| true);
        assert!(attempts <= IN_A_ROW_MAX + 7, "{attempts} attempts");
    }

    #[test]
    fn a_wait_ends_and_what_a_sink_asked_for_outlives_a_run() {
        let (wall, now) = (Timestamp::from_second(1_700_000_000).unwrap(), Instant::now());
        let clock = Clock::new(wall, now);
        for (asked_s, waits_s) in [
            (None, None),
            (Some(-5), None),
            (Some(0), None),
            (Some(90), Some(90)),
            (Some(9_000), Some(3_600)),
        ] {
            let alone_until = asked_s.map(|seconds| wall + SignedDuration::from_secs(seconds));
            let before = Standing { alone_until, ..Standing::default() };
            let backoff = Backoff::new(Some(&before), &clock, now);
            let waits = backoff.paused(now).map(|until| until.duration_since(now).as_secs());
            assert_eq!((waits, backoff.asked(now)), (waits_s, backoff.paused(now)), "{asked_s:?}");
            let over = now + RETRY_AFTER_MAX + Duration::from_secs(1);
            assert_eq!((backoff.paused(over), backoff.asked(over)), (None, None));
        }
        assert_eq!(Backoff::new(None, &clock, now).paused(now), None);
    }
}
