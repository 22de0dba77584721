//! How many findings there were when, however many.

use std::collections::BTreeMap;

/// Bars that a timeline has at most.
pub(crate) const BARS_MAX: i64 = 96;

pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Widths of a bar, in seconds. Each is a multiple of the one before, so narrow bars make up wide ones.
pub(crate) const WIDTHS: [i64; 18] = [
    1,
    5,
    15,
    60,
    300,
    900,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    28 * DAY,
    364 * DAY,
    3_640 * DAY,
    36_400 * DAY,
    364_000 * DAY,
    3_640_000 * DAY,
];

/// How many findings there were when: as fine as a timeline can show them, however many.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    /// Index of the width.
    pub(crate) width: usize,
    /// By the number of bars since 1970, in the time of the log.
    pub(crate) counts: BTreeMap<i64, u64>,
}

impl Bars {
    /// Counts `times` findings, so many seconds after the start of 1970 in the time of the log.
    pub(crate) fn add(&mut self, second: i64, times: u64) {
        *self.counts.entry(second.div_euclid(WIDTHS[self.width])).or_default() += times;
        while self.length() > BARS_MAX && self.width + 1 < WIDTHS.len() {
            self.widen(self.width + 1);
        }
    }

    fn length(&self) -> i64 {
        let ends = self.counts.first_key_value().zip(self.counts.last_key_value());
        ends.map_or(0, |((first, _), (last, _))| last - first + 1)
    }

    /// Makes its bars as wide as this index of the widths says.
    pub(crate) fn widen(&mut self, width: usize) {
        let times = WIDTHS[width] / WIDTHS[self.width];
        let mut wide = BTreeMap::new();
        for (&bar, count) in &self.counts {
            *wide.entry(bar.div_euclid(times)).or_default() += count;
        }
        (self.width, self.counts) = (width, wide);
    }
}
