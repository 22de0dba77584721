//! Every record of a stream is observed once, and is the one of a plain reading, however the stream is cut.

use super::*;
use crate::frame::View;
use crate::model::record::Head;

/// What must not depend on how a record was come by.
#[derive(Debug, PartialEq)]
struct Known {
    place: Place,
    head: Head,
    text: String,
    more: String,
}

/// Notes all of a record but the fields of its head, which no view has.
struct All;

impl Observe for All {
    type Observation = Known;

    fn observe(&self, record: &View<'_>) -> Known {
        let parts = record.parts();
        assert!(
            record.text.contains(parts.message) && parts.logger.is_none_or(|it| record.text.contains(it))
        );
        let head =
            Head { time: record.time(), writer: record.writer, level: record.level, fields: Fields::new() };
        let more = String::from_utf8_lossy(record.more).into_owned();
        assert_eq!(record.bytes.len() as u64, record.place.length);
        Known { place: record.place, head, text: record.text.to_owned(), more }
    }
}

/// What a plain reading of the rules knows of the records of a log.
fn plain(bytes: &[u8]) -> Vec<Known> {
    let known = plain_records(bytes).into_iter().map(|(offset, record)| {
        let line = 1 + memchr::memchr_iter(b'\n', &bytes[..offset]).count() as u64;
        let place = Place { line, offset: offset as u64, length: record.len() as u64 };
        let Record { text, mut head, place } = frame::record(&record, place, &TimeZone::UTC);
        head.fields = Fields::new();
        let more = record.iter().position(|&byte| byte == b'\n').map_or(&[][..], |end| &record[end + 1..]);
        let (text, more) =
            (text.split('\n').next().unwrap().to_owned(), String::from_utf8_lossy(more).into_owned());
        Known { place, head, text, more }
    });
    known.collect()
}

/// What is observed of `bytes`, of which `sizes` more are at hand each time, with `ends` behind them.
fn observed(detector: &Detector, bytes: &[u8], sizes: &[usize], ends: &[End]) -> Vec<Known> {
    let mut stream = Stream::new(detector);
    let mut known = Vec::new();
    let (mut settled, mut given, mut step) = (0, 0, 0);
    while given < bytes.len() {
        given = bytes.len().min(given + sizes[step % sizes.len()]);
        let (unsettled, end) = (&bytes[settled..given], ends[step % ends.len()]);
        settled += stream.advance_observed(unsettled, end, |_| (), &All, &mut known);
        step += 1;
    }
    stream.advance_observed(&bytes[settled..], End::Final, |_| (), &All, &mut known);
    known
}

/// A line of each format, and lines that continue a record.
const LINES: [&str; 22] = [
    "2022-06-24T14:33:24.1+08:00  INFO ThreadId(42) seal{sector=Some(17)}: venus_worker::sealing: well",
    "2022-06-24T06:33:24.123456Z TRACE vc_processors: text",
    "<unknown time>  WARN ThreadId(07) a::b: text",
    "2022-03-11T16:45:59.120+0800\tDPANIC\tworker prover\tdir/file.go:214\ttext",
    "2022-03-11T08:45:59.120Z\tDEBUG\tdep\tdep/dep.go:1\ttext\t{\"sector\": 17}",
    "2021-08-12T07:58:04.323 ERROR filecoin_proofs::api > text",
    r#"{"level":"warn","ts":"2021-05-10T07:02:38.527+1000","logger":"rpc","msg":"a \" b"}"#,
    r#"{"level":30,"msg":"x"}"#,
    "[2024-01-01T00:00:00Z INFO  module] text",
    "thread '<unnamed>' panicked at 'text', src/cores.rs:151:5",
    "panic: runtime error: index out of range",
    "[12345.678901] Out of memory: Killed process 4321 (worker)",
    "kern  :err   : [Fri Jul  4 10:29:39 2025] text",
    "systemd[1]: venus-worker.service: Failed with result 'oom-kill'.",
    "2022-13-45T14:33:24.1+08:00 ERROR ThreadId(42) a: no such day",
    "Caused by:",
    "    0: 没有那个文件或目录 (os error 2)",
    "goroutine 1 [running]:",
    "",
    "\u{feff}windows\r",
    "  a line with [31mlost[0m colours",
    "bytes \u{fffd}[34mINFO\u{fffd}[0m x",
];

/// What a transport or a terminal makes of a line.
fn shipped(line: &str, how: usize) -> String {
    match how {
        0 => format!("Jun 24 14:33:24 seal-07 damocles-worker[77]: {line}"),
        1 => format!("2022-06-24T14:33:24.123456+0800 seal-07 kernel: {line}"),
        2 => format!("2022-06-24T06:33:24.000000001Z stderr F {line}"),
        3 => format!("venus-worker-1  | {line}"),
        4 => format!("\u{1b}[2m{line}\u{1b}[0m"),
        5 => docker(&format!("\u{1b}[31m{line}\u{1b}[0m")),
        6 | 7 => docker(line),
        _ => line.to_owned(),
    }
}

/// Logs of every format, as every transport ships them; some lines and some runs of lines are long.
fn any_log() -> impl Strategy<Value = Vec<u8>> {
    let line = (
        prop::sample::select(LINES.to_vec()),
        0_usize..24,
        prop::sample::select(vec![0, 0, 0, 0, 90, 4_090, 5_000, 70_000]),
    )
        .prop_map(|(line, how, more)| shipped(&format!("{line}{}", "x".repeat(more)), how));
    let run = (1_usize..4).prop_map(|count| "    y\n".repeat(count * 170) + "    z");
    let lines = prop::collection::vec(prop_oneof![20 => line, 1 => run], 0..40);
    (lines, any::<bool>())
        .prop_map(|(lines, newline)| (lines.join("\n") + if newline { "\n" } else { "" }).into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_record_is_observed_once_and_as_the_rules_have_it(
        bytes in prop_oneof![any_log(), log(3)],
        sizes in prop::collection::vec(1usize..40_000, 1..6),
    ) {
        let detector = three();
        let plain = plain(&bytes);
        prop_assert_eq!(&observed(&detector, &bytes, &[usize::MAX >> 1], &[End::More]), &plain);
        prop_assert_eq!(&observed(&detector, &bytes, &sizes, &[End::More]), &plain);
    }

    /// Looked at early, a record is not over yet.
    #[test]
    fn looking_early_observes_nothing_twice_and_nothing_short(
        bytes in any_log(),
        sizes in prop::collection::vec(1usize..9_000, 1..6),
        ends in prop::collection::vec(prop_oneof![Just(End::More), Just(End::Held)], 1..5),
    ) {
        prop_assert_eq!(observed(&three(), &bytes, &sizes, &ends), plain(&bytes));
    }
}

#[test]
fn a_line_too_long_is_observed_up_to_its_limit() {
    let detector = three();
    let long = "x".repeat(LINE_BYTES_MAX + 10);
    let bytes = format!("{HEAD}ok\n{HEAD}{long}\nCaused by: it stands alone\n{HEAD}fine\n").into_bytes();
    let lengths: Vec<usize> = plain(&bytes).iter().map(|known| known.place.length as usize).collect();
    assert_eq!(lengths, [HEAD.len() + 2, LINE_BYTES_MAX, 26, HEAD.len() + 4]);
    for sizes in [usize::MAX >> 1, 100_000] {
        assert_eq!(observed(&detector, &bytes, &[sizes], &[End::More]), plain(&bytes), "{sizes}");
    }
}

/// Early looks find what stands in the record so far, and the position stays at its start.
#[test]
fn a_record_is_observed_when_the_next_one_begins() {
    let detector = three();
    let mut stream = Stream::new(&detector);
    let log = format!("{HEAD}the pipe is broken\n    0: and\n{HEAD}next\n");
    let first = log.find("    0").unwrap();
    let (mut known, mut settled) = (Vec::new(), 0);
    for (to, end, observed) in [
        (first, End::Held, 0),
        (first, End::Quiet, 0),
        (log.len(), End::More, 1),
        (log.len(), End::Quiet, 1),
        (log.len(), End::Final, 2),
    ] {
        settled += stream.advance_observed(&log.as_bytes()[settled..to], end, |_| (), &All, &mut known);
        assert_eq!(known.len(), observed, "{end:?}");
    }
    assert_eq!(known[0].more, "    0: and");
}
