//! A record: one logical message of one or more physical lines.
//!
//! Values only. [`crate::frame`] makes them out of bytes; everything after it reads them.

mod identity;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use jiff::fmt::StdFmtWrite;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

pub use self::identity::{Evidence, Identity};
use crate::model::release::{Release, Releases};

/// Named texts read from a record: span fields and captures. Ordered, so output is stable.
pub type Fields = BTreeMap<String, String>;

/// One logical message, cleaned of what its transport added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The message: transport prefixes, ANSI escapes, NULs and carriage returns removed, invalid
    /// UTF-8 replaced, no newline at the end.
    pub text: String,
    /// What its first line says of itself.
    pub head: Head,
    /// Where it stands in its stream.
    pub place: Place,
}

/// What the first line of a record says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// When it was written, if the line says so.
    pub time: Option<Time>,
    /// Who wrote it, where its transport or its form tells: one of [`WRITERS`], or [`OTHER_WRITER`].
    pub writer: Option<&'static str>,
    /// How grave its writer thought it.
    pub level: Option<Level>,
    /// What its spans or JSON keys tell: `miner`, `sector`, `stage`.
    pub fields: Fields,
}

/// The names of the binaries that a log shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// `venus-worker` or `damocles-worker`.
    pub worker: Option<String>,
    /// `venus-sector-manager` or `damocles-manager`.
    pub manager: Option<String>,
    /// Their release, where the log says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// Programs beside the cluster's own that were renamed with the same release: what a placeholder calls them, their name
/// from v0.7 on and the one before.
const RENAMED: [(&str, &str, &str); 5] = [
    ("messager", "sophon-messager", "venus-messager"),
    ("gateway", "sophon-gateway", "venus-gateway"),
    ("auth", "sophon-auth", "venus-auth"),
    ("miner_node", "sophon-miner", "venus-miner"),
    ("market", "droplet", "venus-market"),
];

/// The first release in which the programs have their names of today.
const RENAMED_IN: Release = Release { major: 0, minor: 7, patch: None };
/// The last release in which they have their former names.
const RENAMED_AFTER: Release = Release { major: 0, minor: 6, patch: None };
/// The release whose worker is called `vc-worker`.
const FIRST: Release = Release { major: 0, minor: 1, patch: None };

impl Names {
    /// Fills in the one from the other: both programs were renamed with the same release, v0.7.0.
    pub fn paired(mut self) -> Names {
        for (worker, manager) in [
            ("venus-worker", "venus-sector-manager"),
            ("vc-worker", "venus-sector-manager"),
            ("damocles-worker", "damocles-manager"),
        ] {
            if self.worker.as_deref() == Some(worker) {
                self.manager.get_or_insert_with(|| manager.to_owned());
            } else if self.manager.as_deref() == Some(manager) {
                self.worker.get_or_insert_with(|| worker.to_owned());
            }
        }
        self
    }

    /// The releases of the cluster's programs that may run here, as far as the log shows.
    pub fn releases(&self) -> Releases {
        if let Some(release) = self.release {
            return Releases::only(release);
        }
        match self.worker.as_deref().or(self.manager.as_deref()) {
            Some("vc-worker") => Releases { since: None, until: Some(FIRST) },
            Some("venus-worker" | "venus-sector-manager") => {
                Releases { since: None, until: Some(RENAMED_AFTER) }
            }
            Some("damocles-worker" | "damocles-manager") => Releases { since: Some(RENAMED_IN), until: None },
            _ => Releases::default(),
        }
    }

    /// The program that the placeholder `name` stands for: `{messager}` is `venus-messager` on a box that has
    /// the programs of before v0.7, and `sophon-messager` otherwise.
    pub fn program(&self, name: &str) -> Option<&str> {
        let renamed = || RENAMED.iter().find(|(placeholder, ..)| *placeholder == name);
        match name {
            "worker" => self.worker.as_deref(),
            "manager" => self.manager.as_deref(),
            _ => renamed().map(|(_, today, before)| {
                let today_fits = self.releases().overlap(&Releases { since: Some(RENAMED_IN), until: None });
                if today_fits { *today } else { *before }
            }),
        }
    }
}

/// The programs of the system that a page may ask to have written a record, by the names that syslog and journald
/// show them with.
pub const WRITERS: [&str; 12] = [
    "kernel",
    "systemd",
    "systemd-oomd",
    "systemd-coredump",
    "earlyoom",
    "smartd",
    "mdadm",
    "mcelog",
    "rasdaemon",
    "zed",
    "chronyd",
    "ntpd",
];

/// The writer of a record that none of [`WRITERS`] wrote.
pub const OTHER_WRITER: &str = "another program";

/// Where a record stands in its (decompressed) stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Line of its first byte, counted from 1.
    pub line: u64,
    /// Bytes before it.
    pub offset: u64,
    /// Its bytes, without the last newline.
    pub length: u64,
}

impl Place {
    /// The bytes it covers, counted from the start of the stream.
    pub fn bytes(&self) -> Range<u64> {
        self.offset..self.offset + self.length
    }
}

/// The level a record was logged at; `DPANIC`, `PANIC` and `FATAL` of zap are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)] // the names say it
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    /// Every level, from the least grave.
    pub const ALL: [Level; 6] =
        [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];

    /// The name in findings and pages.
    pub fn name(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
            Level::Fatal => "FATAL",
        }
    }

    /// The level that a log calls `name`, in any case and with the synonyms of zap, syslog and
    /// the kernel.
    pub fn named(name: &str) -> Option<Level> {
        const NAMES: [(&str, Level); 17] = [
            ("TRACE", Level::Trace),
            ("DEBUG", Level::Debug),
            ("INFO", Level::Info),
            ("NOTICE", Level::Info),
            ("WARN", Level::Warn),
            ("WARNING", Level::Warn),
            ("ERROR", Level::Error),
            ("ERR", Level::Error),
            ("FATAL", Level::Fatal),
            ("PANIC", Level::Fatal),
            ("DPANIC", Level::Fatal),
            ("CRIT", Level::Fatal),
            ("CRITICAL", Level::Fatal),
            ("ALERT", Level::Fatal),
            ("EMERG", Level::Fatal),
            ("DBG", Level::Debug),
            ("INF", Level::Info),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, level)| level)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Records counted by level, those without one apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LevelCounts([u64; Level::ALL.len() + 1]);

impl LevelCounts {
    /// What records without a level are counted as.
    pub const NONE: &'static str = "none";

    /// Counts so many more records.
    pub fn add(&mut self, level: Option<Level>, records: u64) {
        self.0[level.map_or(Level::ALL.len(), |level| level as usize)] += records;
    }

    /// Counts what others counted.
    pub fn join(&mut self, others: &LevelCounts) {
        self.0.iter_mut().zip(others.0).for_each(|(count, more)| *count += more);
    }

    /// Every level and its count, from the least grave, and then those without.
    pub fn named(self) -> impl Iterator<Item = (&'static str, u64)> {
        Level::ALL.map(Level::name).into_iter().chain([LevelCounts::NONE]).zip(self.0)
    }
}

impl Serialize for LevelCounts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.named())
    }
}

/// A moment as a log wrote it: the instant, its offset from UTC and how fine it was.
///
/// Shown as RFC 3339 with the digits of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// The moment.
    pub instant: jiff::Timestamp,
    /// The offset it was written with.
    pub offset: Offset,
    /// Digits of the second's fraction, 0 to 9.
    pub digits: u8,
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.offset.to_datetime(self.instant);
        let printer = DateTimePrinter::new().precision(Some(self.digits.min(9)));
        printer.print_datetime(&local, StdFmtWrite(&mut *f)).map_err(|_| fmt::Error)?;
        let seconds = self.offset.seconds();
        if seconds == 0 {
            return f.write_str("Z");
        }
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.unsigned_abs() / 60;
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_it_was_written() {
        let instant: jiff::Timestamp = "2022-06-24T14:33:24.000000001+08:00".parse().unwrap();
        let east = Offset::constant(8);
        for (offset, digits, shown) in [
            (east, 9, "2022-06-24T14:33:24.000000001+08:00"),
            (east, 3, "2022-06-24T14:33:24.000+08:00"),
            (east, 0, "2022-06-24T14:33:24+08:00"),
            (Offset::UTC, 0, "2022-06-24T06:33:24Z"),
            (Offset::constant(-3), 0, "2022-06-24T03:33:24-03:00"),
        ] {
            let time = Time { instant, offset, digits };
            assert_eq!(time.to_string(), shown);
        }
        let instant = "2022-06-24T14:33:59.9996Z".parse().unwrap();
        let cut = Time { instant, offset: Offset::UTC, digits: 3 };
        assert_eq!(cut.to_string(), "2022-06-24T14:33:59.999Z");
    }

    #[test]
    fn one_program_tells_the_name_of_the_other() {
        let names = |worker: Option<&str>, manager: Option<&str>| Names {
            worker: worker.map(str::to_owned),
            manager: manager.map(str::to_owned),
            release: None,
        };
        for (known, paired) in [
            (names(None, None), names(None, None)),
            (names(Some("venus-worker"), None), names(Some("venus-worker"), Some("venus-sector-manager"))),
            (names(Some("vc-worker"), None), names(Some("vc-worker"), Some("venus-sector-manager"))),
            (names(None, Some("damocles-manager")), names(Some("damocles-worker"), Some("damocles-manager"))),
        ] {
            assert_eq!(known.paired(), paired);
        }
    }

    #[test]
    fn the_names_tell_the_releases_and_the_programs_beside_them() {
        let named = |worker: &str| Names { worker: Some(worker.to_owned()), ..Names::default() };
        let release = Release::parse("v0.9.1");
        for (names, releases, messager) in [
            (Names::default(), "..", "sophon-messager"),
            (named("vc-worker"), "..v0.1", "venus-messager"),
            (named("venus-worker"), "..v0.6", "venus-messager"),
            (named("damocles-worker"), "v0.7..", "sophon-messager"),
            (Names { release, ..named("venus-worker") }, "v0.9.1..v0.9.1", "sophon-messager"),
        ] {
            let Releases { since, until } = names.releases();
            let shown = [since, until].map(|end| end.map(|end| end.to_string()).unwrap_or_default());
            assert_eq!(shown.join(".."), releases);
            assert_eq!(names.program("messager"), Some(messager));
            assert_eq!(names.program("cat"), None);
        }
    }

    #[test]
    fn records_are_counted_by_their_level() {
        let (mut counts, mut more) = (LevelCounts::default(), LevelCounts::default());
        Level::ALL.into_iter().zip(1..).for_each(|(level, records)| counts.add(Some(level), records));
        more.add(None, 7);
        more.add(Some(Level::Info), 10);
        counts.join(&more);
        let shown = serde_json::to_string(&counts).unwrap();
        assert_eq!(shown, r#"{"TRACE":1,"DEBUG":2,"INFO":13,"WARN":4,"ERROR":5,"FATAL":6,"none":7}"#);
    }

    #[test]
    fn levels_know_their_synonyms() {
        assert_eq!(Level::named("dpanic"), Some(Level::Fatal));
        assert_eq!(Level::named("Warning"), Some(Level::Warn));
        assert_eq!(Level::named("loud"), None);
        for level in Level::ALL {
            assert_eq!(Level::named(level.name()), Some(level));
        }
    }
}
