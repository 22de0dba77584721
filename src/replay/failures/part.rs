//! Findings of one signature, as a part of a failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::subject::Subject;
use crate::base::text;
use crate::model::finding::Finding;
use crate::model::record::{Fields, Names, Time};
use crate::model::redact::{redact, redact_fields};
use crate::replay::bars::Bars;
use crate::replay::span::Span;
use crate::signature::Signature;

/// Lines of a record that are shown, and characters of each.
const RECORD_LINES_MAX: usize = 40;
const LINE_CHARS_MAX: usize = 400;

/// See the module.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) signature: Arc<Signature>,
    pub(crate) count: u64,
    pub(crate) span: Span,
    pub(crate) bars: Bars,
    /// Where the first and the newest stand.
    pub(crate) first: Place,
    pub(crate) newest: Place,
    /// By the values of `group_by`.
    pub(crate) groups: BTreeMap<Fields, Group>,
    pub(crate) subjects: BTreeMap<Subject, u64>,
    /// Some of them, in the order of time.
    pub(crate) quotes: Vec<Quote>,
}

/// A line of a file.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) path: Arc<str>,
    pub(crate) line: u64,
}

/// Findings that share the values of `group_by`.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) count: u64,
    pub(crate) span: Span,
}

/// A finding with its record, without secrets.
#[derive(Debug)]
pub(crate) struct Quote {
    pub(crate) place: Place,
    pub(crate) record: String,
    pub(crate) fields: Fields,
    pub(crate) names: Names,
}

/// Findings that are alike, as they are added to a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'a> {
    pub near: Option<Time>,
    pub times: u64,
    pub path: &'a Arc<str>,
    pub last_line: u64,
    pub group: &'a Fields,
    pub subjects: &'a [Subject],
}

impl Part {
    /// A part without findings; `first` is where its first will stand.
    pub(super) fn new(signature: Arc<Signature>, first: Place) -> Part {
        Part {
            signature,
            count: 0,
            span: Span::default(),
            bars: Bars::default(),
            newest: first.clone(),
            first,
            groups: BTreeMap::new(),
            subjects: BTreeMap::new(),
            quotes: Vec::new(),
        }
    }

    /// Adds findings that are newer than those before.
    pub(super) fn add(&mut self, batch: Batch<'_>, zone: &TimeZone) {
        let Batch { near, times, path, last_line, group, subjects } = batch;
        self.count += times;
        self.span.add(near);
        if let Some(time) = near {
            let offset = zone.to_offset(time.instant);
            self.bars.add(time.instant.as_second() + i64::from(offset.seconds()), times);
        }
        self.newest = Place { path: path.clone(), line: last_line };
        if !self.groups.contains_key(group) {
            self.groups.insert(group.clone(), Group::default());
        }
        if let Some(known) = self.groups.get_mut(group) {
            known.count += times;
            known.span.add(near);
        }
        for subject in subjects {
            match self.subjects.get_mut(subject) {
                Some(count) => *count += times,
                None => drop(self.subjects.insert(subject.clone(), times)),
            }
        }
    }
}

impl Quote {
    pub(super) fn new(path: &Arc<str>, finding: &Finding, names: &Names) -> Quote {
        let mut fields = finding.fields.clone();
        redact_fields(&mut fields, &finding.record);
        // As a whole, and cut only then: of half a secret nobody knows what it is.
        let record = redact(&finding.record);
        let shown = record.lines().take(RECORD_LINES_MAX);
        let shown: Vec<String> = shown.map(|line| text::cut(&text::clean(line), LINE_CHARS_MAX)).collect();
        let more = if record.lines().nth(RECORD_LINES_MAX).is_some() { "\n…" } else { "" };
        let place = Place { path: path.clone(), line: finding.place.line };
        Quote { place, record: shown.join("\n") + more, fields, names: names.clone() }
    }
}
