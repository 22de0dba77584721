//! What was told of numbered lines.
//!
//! Each line stands in a row and in a column, and an alert counts a row or a column: thousands of lines
//! need only hundreds of alerts, and a line that is lost or told twice shows in both counts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

/// How numbered lines are laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Lines of a row. With 1 every line is an alert of its own.
    pub width: u64,
}

impl Layout {
    /// A line with its newline.
    pub fn line(self, number: u64) -> String {
        let (row, column) = (number / self.width, number % self.width);
        format!(
            "2022-06-24T14:00:00.5+08:00 ERROR ThreadId(07) real::writer: numbered row={row} and column={column}, line {number}\n"
        )
    }
}

/// Counts of findings, of alerts that have resolved.
#[derive(Debug, Default)]
pub struct Tally {
    rows: BTreeMap<u64, u64>,
    columns: BTreeMap<u64, u64>,
    /// Rows that were told of, whether they have resolved or not.
    pub opened: BTreeSet<u64>,
    /// Times that sealtail told of lost bytes.
    pub gaps: u64,
    /// Bytes of them, where their number was known.
    pub gap_bytes: u64,
    /// Times their number was not known.
    pub gaps_unknown: u64,
}

impl Tally {
    /// Takes in one alert as it was printed.
    pub fn take(&mut self, alert: &Value) {
        let number = |name: &str| alert["group"][name].as_str().and_then(|number| number.parse().ok());
        let (counts, group) = match alert["signature"].as_str() {
            Some("real/rows") => (&mut self.rows, number("row").unwrap()),
            Some("real/columns") => (&mut self.columns, number("column").unwrap()),
            _ => return,
        };
        if alert["signature"] == "real/rows" {
            self.opened.insert(group);
        }
        if alert["status"] == "resolved" {
            *counts.entry(group).or_default() += alert["count"].as_u64().unwrap();
        }
    }

    /// Takes in a line of sealtail's own log.
    pub fn hear(&mut self, line: &str) {
        if !line.contains("gap in ") {
            return;
        }
        self.gaps += 1;
        let bytes = line.split_once("at least ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        self.gap_bytes += bytes.unwrap_or(0);
        self.gaps_unknown += u64::from(bytes.is_none());
    }

    /// Findings counted so far.
    pub fn found(&self) -> u64 {
        let sum = |counts: &BTreeMap<u64, u64>| counts.values().sum::<u64>();
        sum(&self.rows).min(sum(&self.columns))
    }

    /// Rows in which a line is missing.
    pub fn missing(&self, lines: Range<u64>, layout: Layout) -> Vec<u64> {
        let expected = counts(lines, |number| number / layout.width);
        let short = expected.into_iter().filter(|(row, count)| self.rows.get(row).unwrap_or(&0) < count);
        short.map(|(row, _)| row).collect()
    }

    /// How many of these lines are lost, and how many were told more than once.
    pub fn off(&self, lines: Range<u64>, layout: Layout) -> (u64, u64) {
        let by_row = off(&self.rows, &counts(lines.clone(), |number| number / layout.width));
        let by_column = off(&self.columns, &counts(lines, |number| number % layout.width));
        (by_row.0.max(by_column.0), by_row.1.max(by_column.1))
    }
}

fn counts(lines: Range<u64>, group: impl Fn(u64) -> u64) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    lines.for_each(|number| *counts.entry(group(number)).or_default() += 1);
    counts
}

fn off(told: &BTreeMap<u64, u64>, expected: &BTreeMap<u64, u64>) -> (u64, u64) {
    let of = |counts: &BTreeMap<u64, u64>, group: &u64| *counts.get(group).unwrap_or(&0);
    let lost = expected.iter().map(|(group, count)| count.saturating_sub(of(told, group))).sum();
    let more = told.iter().map(|(group, count)| count.saturating_sub(of(expected, group))).sum();
    (lost, more)
}

#[test]
fn a_lost_line_and_one_told_twice_show() {
    let layout = Layout { width: 10 };
    let told = |lines: &mut dyn Iterator<Item = u64>| {
        let mut tally = Tally::default();
        for number in lines {
            for (signature, name, group) in
                [("real/rows", "row", number / 10), ("real/columns", "column", number % 10)]
            {
                let group = serde_json::json!({ name: group.to_string() });
                tally.take(&serde_json::json!({
                    "signature": signature, "status": "resolved", "count": 1, "group": group,
                }));
            }
        }
        tally
    };
    assert_eq!(told(&mut (0..100)).off(0..100, layout), (0, 0));
    let tally = told(&mut (0..100).filter(|&number| number != 42).chain([77]));
    assert_eq!((tally.off(0..100, layout), tally.missing(0..100, layout)), ((1, 1), vec![4]));
}
