//! Findings over time, as bars.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::reader::Reader;
use crate::base::markup::escape;
use crate::model::finding::Severity;
use crate::replay::bars::{BARS_MAX, Bars, DAY, WIDTHS};

/// Heights in units of the drawing, which a browser stretches.
const CHART_HEIGHT: u64 = 120;
const SPARK_HEIGHT: u64 = 20;

/// The findings of one bar, from the gravest.
type Stack<'a> = BTreeMap<Reverse<Severity>, Level<'a>>;

/// Those of one severity in one bar.
#[derive(Debug, Default)]
struct Level<'a> {
    count: u64,
    /// The most that one chapter has of them, and where it is.
    most: u64,
    chapter: &'a str,
}

/// The findings of one signature, and where the chapter is that tells of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) severity: Severity,
    pub(super) chapter: &'a str,
    pub(super) bars: &'a Bars,
}

/// The bars of a whole report, of which each row has some.
#[derive(Debug)]
pub(super) struct Timeline {
    width: i64,
    first: i64,
    last: i64,
}

impl Timeline {
    /// The timeline of all `rows`, which get bars of one width; `None` where none of them has a time.
    pub(super) fn new<'b>(rows: impl Iterator<Item = &'b mut Bars>) -> Option<Timeline> {
        let mut rows: Vec<&mut Bars> = rows.filter(|bars| !bars.counts.is_empty()).collect();
        let mut width = rows.iter().map(|bars| bars.width).max()?;
        loop {
            rows.iter_mut().for_each(|bars| bars.widen(width));
            let first = rows.iter().filter_map(|bars| bars.counts.keys().next()).min()?;
            let last = rows.iter().filter_map(|bars| bars.counts.keys().next_back()).max()?;
            if last - first < BARS_MAX || width + 1 == WIDTHS.len() {
                return Some(Timeline { width: WIDTHS[width], first: *first, last: *last });
            }
            width += 1;
        }
    }

    /// All findings, the gravest at the bottom of each bar.
    pub(super) fn chart(&self, rows: &[Row<'_>], reader: Reader<'_>) -> String {
        let mut stacks: BTreeMap<i64, Stack<'_>> = BTreeMap::new();
        for row in rows {
            for (&bar, &count) in &row.bars.counts {
                let level = stacks.entry(bar).or_default().entry(Reverse(row.severity)).or_default();
                level.count += count;
                if count > level.most {
                    (level.most, level.chapter) = (count, row.chapter);
                }
            }
        }
        let height = |stack: &Stack<'_>| stack.values().map(|level| level.count).sum();
        let most = stacks.values().map(height).max().unwrap_or(1);
        let stacks = stacks.iter().map(|(&bar, stack)| self.stack(bar, stack, most, reader));
        format!(
            "<figure class=\"timeline\"><span>{most}</span><svg viewBox=\"0 0 {} {CHART_HEIGHT}\" \
             preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n\
             <figcaption>{}</figcaption></figure>\n",
            self.place(self.last + 1),
            reader.say("Findings over time", "故障时间分布"),
            stacks.collect::<String>(),
            self.axis(),
        )
    }

    /// One bar of the chart, and what it says where it is pointed at.
    fn stack(&self, bar: i64, stack: &Stack<'_>, most: u64, reader: Reader<'_>) -> String {
        let (mut told, mut parts, mut below) = (self.moment(bar), String::new(), 0);
        for (&Reverse(severity), level) in stack {
            let count = level.count;
            let (low, high) = (below * CHART_HEIGHT / most, (below + count) * CHART_HEIGHT / most);
            let height = (high - low).max(1);
            let (left, top) = (self.place(bar), CHART_HEIGHT.saturating_sub(low + height));
            let _ = write!(
                parts,
                "<a href=\"#{}\"><rect class=\"{severity}\" x=\"{left}\" y=\"{top}\" width=\"8\" height=\"{height}\"/></a>",
                escape(level.chapter),
            );
            let _ = write!(told, " · {} {count}", reader.lang.severity(severity));
            below += count;
        }
        format!("<g><title>{told}</title>{parts}</g>\n")
    }

    /// One row of the report, small.
    pub(super) fn spark(&self, bars: &Bars, severity: Severity) -> String {
        let most = bars.counts.values().copied().max().unwrap_or(1);
        let rects = bars.counts.iter().fold(String::new(), |mut rects, (&bar, &count)| {
            let height = (count * SPARK_HEIGHT / most).max(2);
            let (left, top) = (self.place(bar), SPARK_HEIGHT - height);
            let _ = write!(rects, "<rect x=\"{left}\" y=\"{top}\" width=\"8\" height=\"{height}\"/>");
            rects
        });
        format!(
            "<svg class=\"spark {severity}\" viewBox=\"0 0 {} {SPARK_HEIGHT}\" preserveAspectRatio=\"none\" \
             aria-hidden=\"true\">{rects}</svg>",
            self.place(self.last + 1)
        )
    }

    /// Where a bar begins from the left: each is eight wide, and two apart.
    fn place(&self, bar: i64) -> i64 {
        (bar - self.first) * 10
    }

    /// The times at both ends and in the middle.
    fn axis(&self) -> String {
        let middle = (self.last - self.first >= 4).then(|| self.first + (self.last - self.first) / 2);
        let marks = [Some(self.first), middle, (self.last > self.first).then_some(self.last)];
        marks.into_iter().flatten().map(|bar| format!("<span>{}</span>", self.moment(bar))).collect()
    }

    /// When a bar begins, as precisely as its width has it.
    fn moment(&self, bar: i64) -> String {
        let time = bar.checked_mul(self.width).and_then(|second| Timestamp::from_second(second).ok());
        let Some(time) = time.map(|time| Offset::UTC.to_datetime(time)) else { return "-".to_owned() };
        let form = match self.width {
            DAY.. => "%Y-%m-%d",
            60.. => "%Y-%m-%d %H:%M",
            _ => "%Y-%m-%d %H:%M:%S",
        };
        time.strftime(form).to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::replay::bars::HOUR;

    #[test]
    fn each_width_is_made_of_the_one_before() {
        for pair in WIDTHS.windows(2) {
            assert!(pair[1] > pair[0] && pair[1] % pair[0] == 0, "{pair:?}");
        }
    }

    #[test]
    fn a_bar_is_as_wide_as_it_must_be() {
        for (seconds, width, moment) in [
            (0, 1, "2022-06-24 14:30:00"),
            (95, 1, "2022-06-24 14:30:00"),
            (96, 5, "2022-06-24 14:30:00"),
            (3 * HOUR, 300, "2022-06-24 14:30"),
            (30 * DAY, 12 * HOUR, "2022-06-24 12:00"),
            (90 * DAY, DAY, "2022-06-24"),
        ] {
            let start = 1_656_081_000;
            let mut bars = Bars::default();
            [start, start + seconds].into_iter().for_each(|second| bars.add(second, 1));
            let timeline = Timeline::new([&mut bars].into_iter()).unwrap();
            assert_eq!(
                (timeline.width, timeline.moment(timeline.first).as_str()),
                (width, moment),
                "{seconds}"
            );
        }
        assert!(Timeline::new([&mut Bars::default()].into_iter()).is_none());
    }

    proptest! {
        #[test]
        fn all_are_counted_in_few_bars(
            rows in prop::collection::vec(prop::collection::vec(-377_705_116_800_i64..253_402_300_800, 0..40), 1..4),
        ) {
            let mut bars: Vec<Bars> = rows.iter().map(|_| Bars::default()).collect();
            for (bars, seconds) in bars.iter_mut().zip(&rows) {
                seconds.iter().for_each(|&second| bars.add(second, 1));
            }
            let Some(timeline) = Timeline::new(bars.iter_mut()) else { return Ok(()) };
            prop_assert!(timeline.last - timeline.first < BARS_MAX);
            for (bars, seconds) in bars.iter().zip(&rows) {
                prop_assert_eq!(bars.counts.values().sum::<u64>(), seconds.len() as u64);
                let mut expected = BTreeMap::new();
                for second in seconds {
                    *expected.entry(second.div_euclid(timeline.width)).or_insert(0_u64) += 1;
                }
                prop_assert_eq!(&bars.counts, &expected);
            }
        }
    }
}
