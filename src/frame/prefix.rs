//! What a transport wrote in front of a line: syslog, journald, containers. Several may nest.

use jiff::tz::TimeZone;

use super::opening::writer;
use super::time::{self, Stamp, Stamped, Zone};
use super::{daemon, line, read};
use crate::model::record::{OTHER_WRITER, Time};

/// What the transports of a line tell of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shipped {
    /// The time of the innermost one that has a full date.
    pub time: Option<Time>,
    /// Who wrote the line: one of [`crate::model::record::WRITERS`] where every transport names it, [`OTHER_WRITER`] where one names
    /// another program or a container.
    pub writer: Option<&'static str>,
}

impl Shipped {
    /// What is known once a transport within these tells more.
    pub(super) fn within(self, inner: Shipped) -> Shipped {
        let writer = match (self.writer, inner.writer) {
            (Some(outer), Some(inner)) if outer != inner => Some(OTHER_WRITER),
            (outer, inner) => inner.or(outer),
        };
        Shipped { time: inner.time.or(self.time), writer }
    }
}

/// Takes every transport prefix off `line`; gives what they tell, and the line as its writer wrote it, indentation
/// included.
///
/// Known are syslog and journald (`Jun 24 14:33:24 host unit[7]: `, with RFC 3339 or journald's ISO
/// time too, with or without `<34>`), container runtimes (`2022-06-24T06:33:24.000000001Z stderr F `,
/// or the time alone) and compose (`worker-1  | `). A line of a log format is never touched, and
/// peeling twice is peeling once. The name of a daemon whose every line is a record stays:
/// `systemd[1]: text`.
pub fn peel<'l>(line: &'l str, zone: &TimeZone) -> (Shipped, &'l str) {
    let mut shipped = Shipped::default();
    let mut rest = line;
    while let Some(Peeled { stamp, writer, inner, .. }) = peel_one(rest) {
        let time = stamp.and_then(|stamp| stamp.time(zone));
        shipped = shipped.within(Shipped { time, writer: Some(writer) });
        // Behind a prefix, a byte order mark stands at the start again.
        rest = inner.trim_start_matches(line::BOM);
    }
    (shipped, rest)
}

/// The process that the innermost transport of `line` names: `unit[7]`, or a container of compose.
pub fn process(line: &str) -> Option<&str> {
    let mut process = None;
    let mut rest = line;
    while let Some(peeled) = peel_one(rest) {
        process = peeled.process.or(process);
        rest = peeled.inner.trim_start_matches(line::BOM);
    }
    process
}

/// Takes the outermost prefix off.
fn peel_one(line: &str) -> Option<Peeled<'_>> {
    // Two of the three begin with the same time, and most lines with it and no prefix.
    let stamped = time::iso(line);
    syslog(line, stamped).or_else(|| container(stamped?)).or_else(|| compose(line))
}

/// A prefix that was taken off.
struct Peeled<'l> {
    stamp: Option<Stamp>,
    writer: &'static str,
    process: Option<&'l str>,
    inner: &'l str,
}

/// `[<34>]TIME host unit[7]: `
fn syslog<'l>(line: &'l str, stamped: Option<Stamped<'l>>) -> Option<Peeled<'l>> {
    let (line, stamped) = match past_priority(line) {
        Some(line) => (line, time::iso(line)),
        None => (line, stamped),
    };
    let (stamp, rest) = match time::past_syslog(line) {
        Some(rest) => (None, rest),
        None => journald_time(stamped?)?,
    };
    let (host, tagged) = word(rest.strip_prefix(' ')?)?;
    // A record that names its level there is a worker's or a Go program's own.
    if read::level(host).is_some_and(|(_, rest)| rest.is_empty()) {
        return None;
    }
    let (name, text) = past_tag(tagged)?;
    let inner = if daemon::speaks(tagged, text) { tagged } else { text };
    let process = tagged.split([':', ' ']).next();
    Some(Peeled { stamp, writer: writer(name), process, inner })
}

fn past_priority(line: &str) -> Option<&str> {
    read::digits(line.strip_prefix('<')?)?.1.strip_prefix('>')
}

/// Nine digits are a container runtime's, which names no host.
fn journald_time((stamp, rest): Stamped<'_>) -> Option<(Option<Stamp>, &str)> {
    (stamp.zone != Zone::Absent && stamp.digits <= 6).then_some((Some(stamp), rest))
}

/// A word and what follows the one space behind it.
fn word(line: &str) -> Option<(&str, &str)> {
    let (word, rest) = line.split_once(' ')?;
    (!word.is_empty()).then_some((word, rest))
}

/// `unit[7]: `, its name and what follows; the space is missing where the text is.
fn past_tag(line: &str) -> Option<(&str, &str)> {
    let (unit, rest) = read::run(line, |byte| byte.is_ascii_graphic() && !b"[:{=".contains(&byte));
    if unit.is_empty() {
        return None;
    }
    let rest = read::past_pid(rest).unwrap_or(rest).strip_prefix(':')?;
    Some((unit, rest.strip_prefix(' ').or(rest.is_empty().then_some(rest))?))
}

/// `2022-06-24T06:33:24.000000001Z stderr F `, or without the stream as `docker logs -t` has it.
fn container((stamp, rest): Stamped<'_>) -> Option<Peeled<'_>> {
    let rest = rest.strip_prefix(' ')?;
    let stream = ["stdout F ", "stdout P ", "stderr F ", "stderr P "];
    if let Some(text) = stream.iter().find_map(|stream| rest.strip_prefix(stream)) {
        let peeled = Peeled { stamp: Some(stamp), writer: OTHER_WRITER, process: None, inner: text };
        return (stamp.zone != Zone::Absent).then_some(peeled);
    }
    let bare = (stamp.digits, stamp.zone) == (9, Zone::Utc) && read::level(rest.trim_start()).is_none();
    bare.then_some(Peeled { stamp: Some(stamp), writer: OTHER_WRITER, process: None, inner: rest })
}

/// `worker-1  | `: the name ends in a number, two spaces or more follow.
fn compose(line: &str) -> Option<Peeled<'_>> {
    let (name, rest) = read::run(line, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let service = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
    if service.len() == name.len() || !service.ends_with(['-', '_']) {
        return None;
    }
    let text = rest.strip_prefix("  ")?.trim_start_matches(' ').strip_prefix('|')?;
    let inner = text.strip_prefix(' ').or(text.is_empty().then_some(text))?;
    Some(Peeled { stamp: None, writer: OTHER_WRITER, process: Some(name), inner })
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;
    use proptest::prelude::*;

    use super::*;

    fn peeled(line: &str) -> (String, &str) {
        let (shipped, rest) = peel(line, &TimeZone::fixed(Offset::constant(8)));
        (shipped.time.map(|time| time.to_string()).unwrap_or_default(), rest)
    }

    #[test]
    fn every_transport_is_peeled() {
        for (prefix, time) in [
            ("Jun 24 14:33:24 seal-07 damocles-worker[77]: ", ""),
            ("Jun  4 14:33:24 seal-07 (worker): ", ""),
            ("<34>Jun 24 14:33:24 seal-07 worker@1.service[77]: ", ""),
            ("2022-06-24T14:33:24+0800 seal-07 sh[77]: ", "2022-06-24T14:33:24+08:00"),
            ("2022-06-24T14:33:24.123456+0800 seal-07 sh[77]: ", "2022-06-24T14:33:24.123456+08:00"),
            (
                "2022-06-24T14:33:24.123456+08:00 seal-07 docker/ab12[77]: ",
                "2022-06-24T14:33:24.123456+08:00",
            ),
            ("2022-06-24T06:33:24.000000001Z stderr F ", "2022-06-24T06:33:24.000000001Z"),
            ("2022-06-24T14:33:24.000000001+08:00 stdout P ", "2022-06-24T14:33:24.000000001+08:00"),
            ("2022-06-24T06:33:24.000000001Z ", "2022-06-24T06:33:24.000000001Z"),
            ("venus-worker-1  | ", ""),
            ("proofs_worker_12    | ", ""),
            ("Jun 24 14:33:25 loghost relay: Jun 24 14:33:24 seal-07 sh[77]: ", ""),
            (
                "Jun 24 14:33:25 seal-07 dockerd[9]: worker-1  | 2022-06-24T06:33:24.5Z stderr F ",
                "2022-06-24T06:33:24.5Z",
            ),
            ("2022-13-45T14:33:24+0800 seal-07 sh[77]: ", ""),
        ] {
            for text in [
                "2022-06-24T06:33:24.1Z  INFO ThreadId(01) venus_worker: 开始",
                "2022-06-24T06:33:24.123Z ERROR damocles_worker: text",
                "2022-06-24T14:33:24.123+0800\tINFO\tworker prover\ta/b.go:1\ttext",
                "    0: indented",
                "fatal error: concurrent map writes",
                "[123.456] text",
                "",
            ] {
                let line = format!("{prefix}{text}");
                assert_eq!(peeled(&line), (time.to_owned(), text), "{line}");
            }
        }
    }

    #[test]
    fn a_mark_behind_a_prefix_goes_with_it() {
        for line in ["worker-1  | \u{feff}text", "worker-1  | \u{feff}worker-2  | \u{feff}\u{feff}text"] {
            assert_eq!(peeled(line).1, "text", "{line:?}");
        }
    }

    #[test]
    fn a_daemon_keeps_its_name() {
        for (line, rest) in [
            ("Aug 10 14:41:41 host kernel: [123.456] text", "[123.456] text"),
            ("Aug 10 14:41:41 host kernel: NVRM: Xid", "kernel: NVRM: Xid"),
            (
                "Aug 10 14:41:41 host systemd[1]: venus-worker.service: oom-kill",
                "systemd[1]: venus-worker.service: oom-kill",
            ),
        ] {
            assert_eq!(peeled(line), (String::new(), rest));
        }
    }

    #[test]
    fn transports_tell_who_wrote_a_line() {
        for (line, writer) in [
            ("Aug 10 14:41:41 host kernel: [123.456] text", Some("kernel")),
            ("<4>Aug 10 14:41:41 host kernel: NVRM: text", Some("kernel")),
            ("Aug 10 14:41:41 host mdadm[1201]: Fail event", Some("mdadm")),
            ("Aug 10 14:41:41 host systemd[1]: text", Some("systemd")),
            ("Aug 10 14:41:41 host damocles-worker[7]: [123.456] text", Some(OTHER_WRITER)),
            (
                "Aug 10 14:41:41 host damocles-worker[7]: Aug 10 14:41:41 host kernel: text",
                Some(OTHER_WRITER),
            ),
            ("Aug 10 14:41:41 host kernelx: text", Some(OTHER_WRITER)),
            ("2022-06-24T06:33:24.000000001Z stderr F Aug 10 14:41:41 host kernel: text", Some(OTHER_WRITER)),
            ("worker-1  | Aug 10 14:41:41 host kernel: text", Some(OTHER_WRITER)),
            ("[123.456] text", None),
        ] {
            assert_eq!(peel(line, &TimeZone::UTC).0.writer, writer, "{line}");
        }
    }

    #[test]
    fn transports_name_the_process() {
        for (line, expected) in [
            ("Jun 24 14:33:24 seal-07 damocles-worker[77]: text", Some("damocles-worker[77]")),
            ("Jun 24 14:33:25 loghost relay[1]: Jun 24 14:33:24 seal-07 sh[77]: text", Some("sh[77]")),
            ("Aug 10 14:41:41 host kernel: [123.456] text", Some("kernel")),
            ("Aug 10 14:41:41 host systemd[1]: text", Some("systemd[1]")),
            ("worker-1  | text", Some("worker-1")),
            ("2022-06-24T06:33:24.000000001Z stderr F text", None),
            ("text", None),
        ] {
            assert_eq!(process(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_prefix_stays() {
        for line in [
            "",
            "2022-06-24T06:33:24.123456789Z ERROR ThreadId(07) sub{name=pc1 pid=1}: target: text",
            "2022-06-24T06:33:24.123456789Z  INFO sub{name=pc1 pid=1}: target: text",
            "2022-06-24T06:33:24.123456Z ERROR builtin_proc: text",
            "2022-06-24T14:33:24.123+0800 INFO cmd: internal/run.go:1",
            "2021-08-12T07:58:04.323 INFO filecoin_proofs::api > text",
            "2025-01-21T04:41:44,283302+00:00 host unit[1]: text",
            "kern  :warn  : 2025-01-21T04:41:44,283302+00:00 text",
            "[2024-01-01T00:00:00Z INFO  module] text",
            "sector-1 | 17",
            "sector  | 17",
            "Jun 24 14:33:24 no tag here",
            "<34>text",
            "六月 24 14:33:24 host unit[7]: text",
        ] {
            assert_eq!(peeled(line), (String::new(), line));
        }
    }

    proptest! {
        #[test]
        fn peeling_twice_is_peeling_once(
            line in "((Jun 24 14:33:24|2022-06-24T06:33:24(\\.[0-9]{3,9})?(Z|\\+0800|\\+08:00)) (host (unit|kernel|systemd)(\\[1\\])?: |stderr F |ERROR )?|w-1  \\| |<3>|\\PC{0,8}){0,6}"
        ) {
            let (_, once) = peel(&line, &TimeZone::UTC);
            prop_assert!(line.ends_with(once));
            prop_assert_eq!(peel(once, &TimeZone::UTC), (Shipped::default(), once));
        }

        #[test]
        fn text_of_any_kind_is_safe(line in any::<String>()) {
            let (_, rest) = peel(&line, &TimeZone::UTC);
            prop_assert!(line.ends_with(rest));
        }
    }
}
