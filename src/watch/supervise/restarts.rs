//! How often a part that panics is restarted before the whole program ends, and the service manager starts it again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A part is restarted this often at most …
pub(super) const RESTARTS_MAX: usize = 3;
/// … in this time.
const WITHIN: Duration = Duration::from_secs(10 * 60);

/// When each part panicked of late.
#[derive(Default)]
pub(super) struct Restarts(BTreeMap<&'static str, Vec<Instant>>);

impl Restarts {
    /// Counts a panic of `part`; the number of this restart, or `None` if there were too many.
    pub fn again(&mut self, part: &'static str, now: Instant) -> Option<usize> {
        let panics = self.0.entry(part).or_default();
        panics.retain(|then| now.duration_since(*then) < WITHIN);
        panics.push(now);
        Some(panics.len()).filter(|restarts| *restarts <= RESTARTS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_restarted_three_times_in_ten_minutes() {
        let (mut restarts, start) = (Restarts::default(), Instant::now());
        for (part, second, expected) in [
            ("reading", 0, Some(1)),
            ("reading", 200, Some(2)),
            ("delivery", 200, Some(1)),
            ("reading", 599, Some(3)),
            ("reading", 600, Some(3)),
            ("reading", 601, None),
            ("delivery", 601, Some(2)),
            ("reading", 3000, Some(1)),
        ] {
            let now = start + Duration::from_secs(second);
            assert_eq!(restarts.again(part, now), expected, "{part} {second}");
        }
    }
}
