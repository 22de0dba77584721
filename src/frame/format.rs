//! The log formats: which lines start a record, and what such a line says of it.
//!
//! A format is one file beside this one with a `FORMAT` (`opening.rs`), and one word in [`FORMATS`]. Whether a line
//! starts a record and what its head says both come from its one opening, so they cannot differ.

use jiff::tz::TimeZone;

use super::opening::{Format, Opening};
use super::time;
use super::{daemon, env_logger, fil_logger, go_panic, json, kernel, rust_panic, tracing, zap};
use crate::model::record::Head;

/// Every format. The first whose opening fits has the line: zap stands before tracing, which takes
/// its lines in UTC too.
pub static FORMATS: [Format; 9] = [
    zap::FORMAT,
    tracing::FORMAT,
    fil_logger::FORMAT,
    json::FORMAT,
    env_logger::FORMAT,
    rust_panic::FORMAT,
    go_panic::FORMAT,
    kernel::FORMAT,
    daemon::FORMAT,
];

/// An opening stands within so many bytes: a line may be a mebibyte long, and most lines are asked.
const OPENING_LENGTH_MAX: usize = 4096;

/// Whether `line`, cleaned and without its transport prefix, starts a record. Looks at its first
/// 4 KiB only.
pub fn starts(line: &str) -> bool {
    opened(line).is_some()
}

/// What `line`, cleaned and without its transport prefix, says of the record it starts. `zone` is
/// that of timestamps without one. `None` if it starts none.
pub fn head(line: &str, zone: &TimeZone) -> Option<Head> {
    let (format, opening) = opened(line)?;
    let rest = behind(line, &opening);
    Some(Head {
        time: opening.stamp.and_then(|stamp| stamp.time(zone)),
        writer: opening.writer,
        level: opening.level,
        fields: (format.fields)(rest),
    })
}

/// Which format `line` opens a record of, and how. The rest of its opening ends where the first 4 KiB do.
pub(super) fn opened(line: &str) -> Option<(&'static Format, Opening<'_>)> {
    let first = first(line);
    let stamped = time::iso(first);
    FORMATS.iter().find_map(|format| Some((format, (format.open)(first, stamped)?)))
}

/// What stands behind the opening of `line`, to its end.
pub(super) fn behind<'l>(line: &'l str, opening: &Opening<'_>) -> &'l str {
    &line[first(line).len() - opening.rest.len()..]
}

fn first(line: &str) -> &str {
    let mut end = line.len().min(OPENING_LENGTH_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// The assertions that the tests of every format share.
#[cfg(test)]
pub(super) mod check {
    use jiff::tz::{Offset, TimeZone};

    use super::{behind, head, opened, starts};
    use crate::frame::opening::Parts;

    /// `line` starts a record of the format `name`; an empty `time` or `level` means none. Local time
    /// is eight hours east of UTC.
    #[track_caller]
    pub(crate) fn opens(name: &str, line: &str, time: &str, level: &str, fields: &[(&str, &str)]) {
        let zone = TimeZone::fixed(Offset::constant(8));
        assert_eq!(opened(line).map(|(format, _)| format.name), Some(name), "{line}");
        assert!(starts(line), "{line}");
        let head = head(line, &zone).unwrap_or_default();
        assert_eq!(head.time.map(|time| time.to_string()).unwrap_or_default(), time, "{line}");
        assert_eq!(head.level.map(|level| level.to_string()).unwrap_or_default(), level, "{line}");
        let told: Vec<_> = head.fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(told, fields, "{line}");
        let (_, peeled) = crate::frame::prefix::peel(line, &zone);
        assert_eq!(peeled, line, "a record's own opening is no prefix");
    }

    /// The parts behind the opening of `line`.
    #[track_caller]
    pub(crate) fn parts(name: &str, line: &str, logger: &str, spans: &str, message: &str) {
        let (format, opening) = opened(line).expect(line);
        assert_eq!(format.name, name, "{line}");
        let logger = Some(logger).filter(|logger| !logger.is_empty());
        assert_eq!((format.parts)(line, behind(line, &opening)), Parts { logger, spans, message }, "{line}");
    }

    /// `line` does not start a record of the format `name`, though it may of another.
    #[track_caller]
    pub(crate) fn refuses(name: &str, line: &str) {
        assert_ne!(opened(line).map(|(format, _)| format.name), Some(name), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::frame::opening::Parts;
    use crate::frame::prefix::peel;

    #[test]
    fn every_format_has_a_name_of_its_own() {
        let names: BTreeSet<_> = FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(names.len(), FORMATS.len());
    }

    #[test]
    fn continuations_start_nothing() {
        for line in [
            "",
            "Caused by:",
            "    0: 没有那个文件或目录 (os error 2)",
            "Stack backtrace:",
            "             at /build/src/main.rs:1:2",
            "'. child_pid=12345",
            "goroutine 1 [running]:",
            " Config {",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        ] {
            assert!(!starts(line), "{line}");
            assert_eq!(head(line, &TimeZone::UTC), None, "{line}");
        }
    }

    #[test]
    fn an_opening_beyond_the_first_bytes_is_not_seen() {
        let name = "n".repeat(OPENING_LENGTH_MAX);
        assert!(!starts(&format!("thread '{name}' panicked at src/main.rs:1:2:")));
        let long = "密".repeat(OPENING_LENGTH_MAX);
        let line =
            format!("2022-03-11T16:45:59.120+0800\tINFO\tposter\ta/b.go:1\t{long}\t{{\"sector\": 17}}");
        assert_eq!(head(&line, &TimeZone::UTC).unwrap().fields["sector"], "17");
    }

    /// Lines made of the pieces that openings are made of.
    fn nearly() -> impl Strategy<Value = String> {
        let pieces = [
            "2022-06-24T14:33:24",
            "2022-13-45T14:33:24",
            ".123",
            ".123456789",
            ",123456",
            "Z",
            "+08:00",
            "+0800",
            " ",
            "  ",
            "\t",
            "INFO",
            "ERROR",
            "ThreadId(07)",
            "seal{",
            "miner=Some(1000)",
            "}:",
            "target: ",
            "[",
            "]",
            "module > ",
            "{\"level\":",
            "\"warn\"",
            ",\"ts\":\"",
            "\"}",
            "thread '",
            "' ",
            "panicked at ",
            "(12)",
            "kernel: ",
            "kern  :err   : ",
            "12345.678901",
            "Sun Feb 23 16:24:18 2025",
            "密封",
            "\"",
            "\\",
            "<unknown time>",
            "Error: ",
            "{\"sector\": 17}",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_head_is_told_by_starting_lines_only(line in prop_oneof![nearly(), any::<String>()]) {
            prop_assert_eq!(starts(&line), head(&line, &TimeZone::UTC).is_some());
        }

        #[test]
        fn a_line_that_starts_a_record_has_no_prefix(line in nearly()) {
            if starts(&line) {
                prop_assert_eq!(peel(&line, &TimeZone::UTC), (Default::default(), line.as_str()));
            }
        }

        #[test]
        fn the_parts_of_a_line_are_pieces_of_it(line in prop_oneof![nearly(), any::<String>()]) {
            if let Some((format, opening)) = opened(&line) {
                let Parts { logger, spans, message } = (format.parts)(&line, behind(&line, &opening));
                let mut before = 0;
                for part in [spans, logger.unwrap_or_default(), message].into_iter().filter(|part| !part.is_empty()) {
                    let at = part.as_ptr().addr() - line.as_ptr().addr();
                    prop_assert!(at >= before && at + part.len() <= line.len(), "{part:?} of {line:?}");
                    before = at + part.len();
                }
            }
        }

        #[test]
        fn what_follows_the_first_bytes_does_not_matter(line in nearly(), more in any::<String>()) {
            let filled = format!("{line:<OPENING_LENGTH_MAX$}");
            prop_assert_eq!(starts(&filled), starts(&format!("{filled}{more}")));
        }
    }
}
