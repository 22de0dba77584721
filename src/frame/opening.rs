//! How a record opens: what every log format says of its lines.
//!
//! A format says three things: how a record of it opens, read from a clean line without its transport prefix
//! ([`super::line`], [`super::prefix`]), what fields stand behind the opening, and which parts the line has there.

use super::time::{Stamp, Stamped};
use crate::model::record::{Fields, Level, OTHER_WRITER, WRITERS};

/// The fields that heads tell of, by their names in spans and JSON objects.
pub(super) const FIELDS: [&str; 3] = ["miner", "sector", "stage"];

/// One log format.
pub struct Format {
    /// Its name, for tests and explanations.
    pub name: &'static str,
    /// Reads how a record opens; `None` if the line does not start a record of this format. Half of the formats begin with
    /// the same time, so it is read before: what [`super::time::iso`] says of the line.
    pub(super) open: for<'l> fn(&'l str, Option<Stamped<'l>>) -> Option<Opening<'l>>,
    /// Reads the fields from what stands behind the opening.
    pub(super) fields: fn(&str) -> Fields,
    /// Tells the parts of a line apart, given the line and what stands behind its opening.
    pub(super) parts: for<'l> fn(&'l str, &'l str) -> Parts<'l>,
}

/// How a record opens.
#[derive(Debug, Default)]
pub(super) struct Opening<'l> {
    pub(super) stamp: Option<Stamp>,
    pub(super) level: Option<Level>,
    /// Who writes lines of this form.
    pub(super) writer: Option<&'static str>,
    /// The rest of the line.
    pub(super) rest: &'l str,
}

/// The parts of a record's first line behind its time and its level, as they are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts<'l> {
    /// The logger, the module or the target that wrote it, or the daemon.
    pub logger: Option<&'l str>,
    /// The spans around it, such as `module{name="w"}:seal{sector=Some(17)}`; empty where there are none.
    pub spans: &'l str,
    /// What is said. In a line of JSON its escapes stay.
    pub message: &'l str,
}

impl<'l> Parts<'l> {
    /// Of a line that has no other part.
    pub(super) fn message(message: &'l str) -> Parts<'l> {
        Parts { message, ..Parts::default() }
    }
}

/// For a format whose opening belongs to what is said.
pub(super) fn whole<'l>(line: &'l str, _: &'l str) -> Parts<'l> {
    Parts::message(line)
}

/// For a format whose lines tell no fields.
pub(super) fn no_fields(_: &str) -> Fields {
    Fields::new()
}

/// The writer that a syslog tag names.
pub(super) fn writer(name: &str) -> &'static str {
    WRITERS.into_iter().find(|writer| *writer == name).unwrap_or(OTHER_WRITER)
}
