//! What a report keeps of the findings of one signature. It does not grow with how many there are.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::timeline::Bars;
use crate::base::text;
use crate::model::finding::Finding;
use crate::model::record::{Fields, Names};
use crate::model::redact::{redact, redact_fields};
use crate::replay::report::Span;

/// Findings that are kept from the first on, and so many of the last.
const EXAMPLES_EACH: usize = 3;
/// Lines of a record that are kept, and characters of each.
const RECORD_LINES_MAX: usize = 40;
const LINE_CHARS_MAX: usize = 400;
/// Groups that are told apart; the findings of others are counted together.
const GROUPS_MAX: usize = 500;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) count: u64,
    pub(super) span: Span,
    pub(super) bars: Bars,
    /// By the values of `group_by`.
    groups: BTreeMap<Vec<String>, Group>,
    /// Findings of groups beyond those.
    pub(super) ungrouped: u64,
    /// The first findings by time, then the last.
    pub(super) first: Vec<Example>,
    pub(super) last: Vec<Example>,
}

/// Findings that share the values of `group_by`.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// These, without secrets.
    pub(super) values: Vec<String>,
    pub(super) count: u64,
    pub(super) span: Span,
}

/// A finding, without secrets.
#[derive(Debug)]
pub(super) struct Example {
    /// When it was written, and its number.
    at: (Option<Timestamp>, u64),
    pub(super) path: String,
    pub(super) line: u64,
    pub(super) record: String,
    pub(super) fields: Fields,
    pub(super) names: Names,
}

impl Kept {
    pub(super) fn add(&mut self, group_by: &[String], path: &str, finding: &Finding, names: &Names) {
        self.count += 1;
        self.span.add(finding.near);
        if !group_by.is_empty() {
            self.group(group_by, finding);
        }
        self.keep(path, finding, names);
    }

    fn group(&mut self, group_by: &[String], finding: &Finding) {
        let values = |fields: &Fields| -> Vec<String> {
            group_by.iter().map(|name| fields.get(name).cloned().unwrap_or_default()).collect()
        };
        let group = values(&finding.fields);
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&group) {
            self.ungrouped += 1;
            return;
        }
        let group = self.groups.entry(group).or_insert_with(|| {
            let mut fields = finding.fields.clone();
            redact_fields(&mut fields, &finding.record);
            Group { values: values(&fields), ..Group::default() }
        });
        group.count += 1;
        group.span.add(finding.near);
    }

    /// Keeps the finding if it is one of the first or last by time; files are not read in its order.
    fn keep(&mut self, path: &str, finding: &Finding, names: &Names) {
        let at = (finding.near.map(|time| time.instant), self.count);
        let is_first = self.first.len() < EXAMPLES_EACH || self.first.last().is_some_and(|last| at < last.at);
        let is_last = self.last.len() < EXAMPLES_EACH || self.last.first().is_some_and(|first| at > first.at);
        if !is_first && !is_last {
            return;
        }
        self.first.push(Example::new(at, path, finding, names));
        self.first.sort_by_key(|example| example.at);
        if self.first.len() > EXAMPLES_EACH {
            self.last.extend(self.first.pop());
            self.last.sort_by_key(|example| example.at);
            if self.last.len() > EXAMPLES_EACH {
                self.last.remove(0);
            }
        }
    }

    /// The groups, in the order of their values.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The finding that was written last.
    pub(super) fn newest(&self) -> Option<&Example> {
        self.last.last().or(self.first.last())
    }
}

impl Example {
    fn new(at: (Option<Timestamp>, u64), path: &str, finding: &Finding, names: &Names) -> Example {
        let mut fields = finding.fields.clone();
        redact_fields(&mut fields, &finding.record);
        // As a whole, and cut only then: of half a secret nobody knows what it is.
        let record = redact(&finding.record);
        let shown = record.lines().take(RECORD_LINES_MAX);
        let shown: Vec<String> = shown.map(|line| text::cut(&text::clean(line), LINE_CHARS_MAX)).collect();
        let more = if record.lines().nth(RECORD_LINES_MAX).is_some() { "\n…" } else { "" };
        Example {
            at,
            path: path.to_owned(),
            line: finding.place.line,
            record: shown.join("\n") + more,
            fields,
            names: names.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;
    use proptest::prelude::*;

    use super::*;
    use crate::model::finding::Severity;
    use crate::model::record::{Identity, Place, Time};

    fn finding(number: usize, second: Option<i64>) -> Finding {
        let instant = second.map(|second| Timestamp::from_second(second).unwrap());
        Finding {
            signature: "t/x".into(),
            severity: Severity::Error,
            place: Place { line: number as u64, offset: 0, length: 4 },
            time: None,
            near: instant.map(|instant| Time { instant, offset: Offset::UTC, digits: 0 }),
            level: None,
            fields: Fields::from([("sector".to_owned(), (number % 7).to_string())]),
            identity: Identity::default(),
            record: "text".to_owned(),
        }
    }

    proptest! {
        #[test]
        fn the_first_and_the_last_by_time_are_kept(seconds in prop::collection::vec(prop::option::of(0..9_i64), 0..30)) {
            let mut kept = Kept::default();
            for (number, &second) in seconds.iter().enumerate() {
                kept.add(&["sector".to_owned()], "a.log", &finding(number, second), &Names::default());
            }
            let mut order: Vec<usize> = (0..seconds.len()).collect();
            order.sort_by_key(|&number| seconds[number]);
            let (first, rest) = order.split_at(order.len().min(EXAMPLES_EACH));
            let last = &rest[rest.len().saturating_sub(EXAMPLES_EACH)..];
            let lines = |examples: &[Example]| -> Vec<usize> {
                examples.iter().map(|example| example.line as usize).collect()
            };
            prop_assert_eq!(lines(&kept.first), first);
            prop_assert_eq!(lines(&kept.last), last);
            prop_assert_eq!(kept.groups().map(|group| group.count).sum::<u64>(), kept.count);
        }
    }
}
