//! How long to wait before the next attempt.

use std::time::Duration;

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
pub(super) fn wait(asked: Option<Duration>, attempts: u32, random: f64) -> Duration {
    retry_delay(attempts, random).max(asked.unwrap_or_default())
}

/// A number in `0.0..1.0`. Where the system has no randomness, the middle.
pub(super) fn random() -> f64 {
    let number = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
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
}
