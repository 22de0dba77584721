//! Lines of the kernel, from `dmesg` in its forms and from `kern.log`. Each is a record.
//!
//! ```text
//! [12345.678901] text
//! [Sun Feb 23 16:24:18 2025] text
//! kern  :warn  : 2025-01-21T04:41:44,283302+00:00 text
//! ```
//! Seconds since boot are no moment, so the first has no time.

use super::opening::{self, Format, Opening, Parts, no_fields};
use super::read;
use super::time::{self, Stamp, Stamped};
use crate::model::record::Level;

pub(super) const FORMAT: Format = Format { name: "kernel", open, fields: no_fields, parts };

const FACILITIES: [&str; 12] =
    ["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"];

pub(super) fn open<'l>(line: &'l str, _: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let (level, line) = match facility(line) {
        Some((level, line)) => (Some(level), line),
        None => (None, line),
    };
    let (stamp, rest) = stamped(line)?;
    Some(Opening { stamp, level, writer: Some(writer(rest)), rest })
}

fn parts<'l>(_: &'l str, rest: &'l str) -> Parts<'l> {
    Parts::message(rest.trim_start_matches(' '))
}

/// The kernel, unless `journalctl -o short-monotonic` shows a process behind the same stamp (` host worker[7]: text`),
/// or one wrote to the kernel's log.
fn writer(rest: &str) -> &'static str {
    for word in rest.split_ascii_whitespace().take(2) {
        if let Some((name, pid)) = word.strip_suffix("]:").and_then(|word| word.rsplit_once('['))
            && !name.is_empty()
            && pid.bytes().all(|byte| byte.is_ascii_digit())
        {
            return opening::writer(name);
        }
    }
    "kernel"
}

/// `kern  :warn  : `, both words padded.
fn facility(line: &str) -> Option<(Level, &str)> {
    let (name, rest) = read::run(line, |byte| byte.is_ascii_alphabetic());
    if !FACILITIES.contains(&name) {
        return None;
    }
    let (level, rest) = read::run(rest.trim_start().strip_prefix(':')?, |byte| byte.is_ascii_alphabetic());
    Some((Level::named(level)?, rest.trim_start().strip_prefix(": ")?))
}

fn stamped(line: &str) -> Option<(Option<Stamp>, &str)> {
    let Some(inside) = line.strip_prefix('[') else {
        let (stamp, rest) = time::iso_comma(line)?;
        return Some((Some(stamp), rest.strip_prefix(' ')?));
    };
    let (stamp, rest) = match time::ctime(inside) {
        Some((stamp, rest)) => (Some(stamp), rest),
        None => (None, past_uptime(inside)?),
    };
    // A second bracket, without a space between, holds the thread that wrote.
    let rest = rest.strip_prefix(']')?;
    rest.starts_with([' ', '[']).then_some((stamp, rest))
}

/// Seconds since boot, right-aligned.
fn past_uptime(line: &str) -> Option<&str> {
    let (_, rest) = read::digits(line.trim_start_matches(' '))?;
    read::digits(rest.strip_prefix('.')?).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        for (line, time, level) in [
            ("[12345.678901] Out of memory: Killed process 4321 (worker)", "", ""),
            ("[    0.000000] Linux version 5.15", "", ""),
            ("[   12.345678][  T123] nvme nvme0: I/O error", "", ""),
            ("[Fri Jul  4 10:29:39 2025] EXT4-fs error", "2025-07-04T10:29:39+08:00", ""),
            ("[Fri Feb 30 10:29:39 2025] EXT4-fs error", "", ""),
            ("kern  :warn  : 2025-01-21T04:41:44,283302+00:00 text", "2025-01-21T04:41:44.283302Z", "WARN"),
            ("kern  :err   : [12345.678901] text", "", "ERROR"),
            ("daemon:notice: [Fri Jul  4 10:29:39 2025] text", "2025-07-04T10:29:39+08:00", "INFO"),
            ("2025-01-21T04:41:44,283302+08:00 text", "2025-01-21T04:41:44.283302+08:00", ""),
        ] {
            check::opens("kernel", line, time, level, &[]);
        }
    }

    #[test]
    fn parts_of_a_line() {
        for (line, logger, spans, message) in [
            (r#"[12345.678901] Out of memory: Killed"#, r#""#, r#""#, r#"Out of memory: Killed"#),
            (r#"kern  :warn  : 2025-01-21T04:41:44,283302+00:00 text"#, r#""#, r#""#, r#"text"#),
        ] {
            check::parts("kernel", line, logger, spans, message);
        }
    }

    #[test]
    fn other_lines() {
        for line in [
            "[12345] text",
            "[12345.678901, 2]",
            "[1.5]",
            "[signal SIGSEGV: segmentation violation]",
            "kern: text",
            "kern  :loud  : [1.2] text",
            "",
        ] {
            check::refuses("kernel", line);
        }
    }
}
