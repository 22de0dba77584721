//! Limit: how many attempts a minute one sink gets, and when what waits becomes a digest.
//!
//! A token bucket of one minute: bursts up to the limit go out at once. When it runs dry, nothing
//! is sent for a minute, and what waits then is one digest. So a sink gets at most the limit and
//! one digest a minute, for however long the storm lasts. A restart goes on where the run before it
//! stood.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::clock::Clock;
use crate::store::Standing;

/// The time between two digests.
const MINUTE: Duration = Duration::from_secs(60);

/// The rate limiter of one sink. Every decision is a function of the `now` it is given.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// Attempts a minute; 0: no limit.
    limit: u32,
    /// Attempts that may be made at `counted`.
    tokens: f64,
    counted: Instant,
    /// The bucket has run dry, and the digest for it is to come then.
    digest_at: Option<Instant>,
    /// The sender knows so from [`Step::Reached`].
    holding: bool,
}

/// What to do with what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Send it.
    Send,
    /// The limit was just reached: send nothing before this time.
    Reached(Instant),
    /// Send nothing before this time.
    Wait(Instant),
    /// Put all that waits in one digest and ask again.
    Digest,
}

impl RateLimiter {
    /// A bucket that goes on where the last run left it, full if there was none. A clock that was set
    /// since makes it at most full and lets it wait at most a minute.
    pub fn new(limit: u32, before: Option<&Standing>, clock: &Clock, now: Instant) -> RateLimiter {
        let mut limiter =
            RateLimiter { limit, tokens: f64::from(limit), counted: now, digest_at: None, holding: false };
        if let Some(before) = before
            && let Some(counted_at) = before.counted_at
        {
            limiter.tokens = if before.tokens.is_finite() { before.tokens.max(0.0) } else { 0.0 };
            limiter.refill(Duration::try_from(clock.at(now).duration_since(counted_at)).unwrap_or_default());
            limiter.digest_at = before.digest_at.map(|at| (now + clock.until(at, now)).min(now + MINUTE));
        }
        limiter
    }

    /// Writes into `standing` what [`RateLimiter::new`] goes on from.
    pub fn write_down(&self, standing: &mut Standing, clock: &Clock) {
        standing.tokens = self.tokens;
        standing.counted_at = Some(clock.at(self.counted));
        standing.digest_at = self.digest_at.map(|at| clock.at(at));
    }

    fn refill(&mut self, time: Duration) {
        let refilled = time.as_secs_f64() / MINUTE.as_secs_f64();
        self.tokens = (self.tokens + refilled * f64::from(self.limit)).min(f64::from(self.limit));
    }

    /// What to do, given that something is due. [`Step::Send`] takes a token.
    pub fn next(&mut self, now: Instant) -> Step {
        if self.limit == 0 {
            return Step::Send;
        }
        self.refill(now.duration_since(self.counted));
        self.counted = now;
        match self.digest_at {
            Some(at) if now < at => self.hold(at),
            Some(_) => {
                self.digest_at = None;
                self.holding = false;
                Step::Digest
            }
            None if self.tokens >= 1.0 => {
                self.tokens -= 1.0;
                Step::Send
            }
            None => {
                self.digest_at = Some(now + MINUTE);
                self.hold(now + MINUTE)
            }
        }
    }

    fn hold(&mut self, until: Instant) -> Step {
        if std::mem::replace(&mut self.holding, true) { Step::Wait(until) } else { Step::Reached(until) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use jiff::{SignedDuration, Timestamp};

    use super::*;

    fn wall() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn full(limit: u32, start: Instant) -> RateLimiter {
        RateLimiter::new(limit, None, &Clock::new(wall(), start), start)
    }

    /// Messages that go out at once, and what comes then.
    fn burst(limiter: &mut RateLimiter, now: Instant) -> (usize, Step) {
        let mut sent = 0;
        loop {
            match limiter.next(now) {
                Step::Send => sent += 1,
                step => return (sent, step),
            }
        }
    }

    #[test]
    fn a_restart_goes_on_where_the_run_before_stood() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        // Tokens, seconds since they were counted, seconds until a digest; what follows.
        for (tokens, elapsed_s, digest_s, sent, step) in [
            (12.0, 0, None, 12, Step::Reached(at(60))),
            (0.5, 6, None, 2, Step::Reached(at(60))),
            (3.0, 30, None, 13, Step::Reached(at(60))),
            (0.0, 40, Some(20), 0, Step::Reached(at(20) + Duration::from_millis(1))),
            (0.0, 3_600, None, 20, Step::Reached(at(60))),
            // The clock went forward by a day: the bucket is full and no more.
            (0.0, 86_400, None, 20, Step::Reached(at(60))),
            // It went back by two hours: what was left is left, and a digest is a minute away at most.
            (4.0, -7_200, None, 4, Step::Reached(at(60))),
            (0.0, -7_200, Some(7_260), 0, Step::Reached(at(60))),
            (f64::NAN, 0, None, 0, Step::Reached(at(60))),
            (f64::INFINITY, 0, None, 0, Step::Reached(at(60))),
            (900.0, 0, None, 20, Step::Reached(at(60))),
            (-3.0, 0, None, 0, Step::Reached(at(60))),
        ] {
            let standing = Standing {
                tokens,
                counted_at: Some(wall() - SignedDuration::from_secs(elapsed_s)),
                digest_at: digest_s.map(|seconds| wall() + SignedDuration::from_secs(seconds)),
                ..Standing::default()
            };
            let mut limiter = RateLimiter::new(20, Some(&standing), &Clock::new(wall(), start), start);
            assert_eq!(burst(&mut limiter, start), (sent, step), "{standing:?}");
        }
    }

    #[test]
    fn a_digest_that_was_due_while_nobody_ran_comes_first() {
        let start = Instant::now();
        let mut before = full(3, start);
        assert_eq!(burst(&mut before, start).0, 3);
        let mut standing = Standing::default();
        before.write_down(&mut standing, &Clock::new(wall(), start));
        // The clock of the next run, which started ten minutes later.
        let clock = Clock::new(wall() + SignedDuration::from_mins(10), start);
        let mut limiter = RateLimiter::new(3, Some(&standing), &clock, start);
        let soon = start + Duration::from_millis(2);
        assert_eq!(limiter.next(soon), Step::Digest);
        assert_eq!(burst(&mut limiter, soon).0, 3);
    }

    #[test]
    fn a_storm_is_a_burst_and_then_a_digest_a_minute() {
        let start = Instant::now();
        let mut limiter = full(3, start);
        for minute in 0..3 {
            let now = start + minute * MINUTE;
            for _ in 0..3 {
                assert_eq!(limiter.next(now), Step::Send, "minute {minute}");
            }
            assert_eq!(limiter.next(now), Step::Reached(now + MINUTE));
            assert_eq!(limiter.next(now + MINUTE / 2), Step::Wait(now + MINUTE));
            assert_eq!(limiter.next(now + MINUTE), Step::Digest);
        }
    }

    #[test]
    fn a_steady_trickle_is_never_held() {
        let start = Instant::now();
        let mut limiter = full(20, start);
        assert!((0..200).all(|n| limiter.next(start + n * MINUTE / 20) == Step::Send));
    }

    #[test]
    fn no_limit() {
        let start = Instant::now();
        let mut limiter = full(0, start);
        assert!((0..10_000).all(|_| limiter.next(start) == Step::Send));
    }

    proptest! {
        #[test]
        fn no_minute_sees_more_than_two_full_buckets(
            limit in 1u32..30,
            gaps_ms in prop::collection::vec(0u64..3_000, 1..400),
        ) {
            let mut now = Instant::now();
            let mut limiter = full(limit, now);
            let mut sent = Vec::new();
            for gap_ms in gaps_ms {
                now += Duration::from_millis(gap_ms);
                if limiter.next(now) == Step::Send {
                    sent.push(now);
                }
            }
            for (index, &first) in sent.iter().enumerate() {
                let within = sent[index..].iter().take_while(|&&at| at < first + MINUTE).count();
                prop_assert!(within <= 2 * limit as usize);
            }
        }
    }
}
