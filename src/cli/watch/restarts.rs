//! How often a part that breaks is begun again, before the whole program ends and whoever supervises it
//! starts it anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A part is begun again so often at most …
const RESTARTS_MAX: usize = 3;
/// … in this time.
const WITHIN: Duration = Duration::from_secs(10 * 60);

/// The parts that broke of late, and when.
#[derive(Default)]
pub(super) struct Restarts(BTreeMap<&'static str, Vec<Instant>>);

impl Restarts {
    /// Takes note that `part` broke `now`; which of the restarts this is, or `None` if there were enough.
    pub fn again(&mut self, part: &'static str, now: Instant) -> Option<usize> {
        let broke = self.0.entry(part).or_default();
        broke.retain(|then| now.duration_since(*then) < WITHIN);
        broke.push(now);
        Some(broke.len()).filter(|restarts| *restarts <= RESTARTS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_begun_again_three_times_in_ten_minutes() {
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
