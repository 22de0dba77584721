//! How many attempts a minute one sink gets, and when what waits becomes a digest.
//!
//! A token bucket of one minute: bursts up to the limit go out at once. When it runs dry, nothing
//! is sent for a minute, and what waits then is one digest. So a sink gets at most the limit and
//! one digest a minute, for however long the storm lasts.

use std::time::Duration;

use tokio::time::Instant;

/// The time between two digests.
const MINUTE: Duration = Duration::from_secs(60);

/// The pace of one sink. Every decision is a function of the `now` it is given.
#[derive(Debug)]
pub(super) struct Pace {
    /// Attempts a minute; 0: no limit.
    limit: u32,
    /// Attempts that may be made at `counted`.
    tokens: f64,
    counted: Instant,
    /// When the bucket ran dry, if the digest for it is still to come.
    dry: Option<Instant>,
}

/// What to do with what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Send it.
    Send,
    /// Send nothing before this time.
    Wait(Instant),
    /// Put all that waits in one digest and ask again.
    Digest,
}

impl Pace {
    /// A full bucket.
    pub fn new(limit: u32, now: Instant) -> Pace {
        Pace { limit, tokens: f64::from(limit), counted: now, dry: None }
    }

    /// What to do, given that something is due. [`Step::Send`] takes a token.
    pub fn next(&mut self, now: Instant) -> Step {
        if self.limit == 0 {
            return Step::Send;
        }
        let refilled = now.duration_since(self.counted).as_secs_f64() / MINUTE.as_secs_f64();
        self.tokens = (self.tokens + refilled * f64::from(self.limit)).min(f64::from(self.limit));
        self.counted = now;
        match self.dry {
            Some(since) if now < since + MINUTE => Step::Wait(since + MINUTE),
            Some(_) => {
                self.dry = None;
                Step::Digest
            }
            None if self.tokens >= 1.0 => {
                self.tokens -= 1.0;
                Step::Send
            }
            None => {
                self.dry = Some(now);
                Step::Wait(now + MINUTE)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_storm_is_a_burst_and_then_a_digest_a_minute() {
        let start = Instant::now();
        let mut pace = Pace::new(3, start);
        for minute in 0..3 {
            let now = start + minute * MINUTE;
            for _ in 0..3 {
                assert_eq!(pace.next(now), Step::Send, "minute {minute}");
            }
            assert_eq!(pace.next(now), Step::Wait(now + MINUTE));
            assert_eq!(pace.next(now + MINUTE / 2), Step::Wait(now + MINUTE));
            assert_eq!(pace.next(now + MINUTE), Step::Digest);
        }
    }

    #[test]
    fn a_steady_trickle_is_never_held() {
        let start = Instant::now();
        let mut pace = Pace::new(20, start);
        assert!((0..200).all(|n| pace.next(start + n * MINUTE / 20) == Step::Send));
    }

    #[test]
    fn no_limit() {
        let start = Instant::now();
        let mut pace = Pace::new(0, start);
        assert!((0..10_000).all(|_| pace.next(start) == Step::Send));
    }

    proptest! {
        #[test]
        fn no_minute_sees_more_than_two_full_buckets(
            limit in 1u32..30,
            gaps_ms in prop::collection::vec(0u64..3_000, 1..400),
        ) {
            let mut now = Instant::now();
            let mut pace = Pace::new(limit, now);
            let mut sent = Vec::new();
            for gap_ms in gaps_ms {
                now += Duration::from_millis(gap_ms);
                if pace.next(now) == Step::Send {
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
