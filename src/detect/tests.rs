//! The findings of a stream against a plain reading of the rules, however the stream is cut.

mod observed;
mod resumed;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::frame::{End, LINE_BYTES_MAX, RECORD_BYTES_MAX, RECORD_LINES_MAX};
use crate::model::finding::{Finding, Severity};
use crate::model::position::Progress;
use crate::signature::{Pages, Pattern, Until};

const HEAD: &str = "2022-06-24T14:33:24.1+08:00 ERROR ThreadId(42) venus_worker::sealing: ";

fn signature(id: &str, anchors: &[&str]) -> Signature {
    Signature {
        id: id.into(),
        severity: Severity::Error,
        components: Vec::new(),
        anchors: anchors.iter().map(|&anchor| anchor.to_owned()).collect(),
        all: Vec::new(),
        none: Vec::new(),
        regex: None,
        levels: Vec::new(),
        group_by: Vec::new(),
        vars: Vec::new(),
        fields: Vec::new(),
        kinds: Vec::new(),
        writers: Vec::new(),
        threshold: None,
        fallback: false,
        explains: vec![],
        until: None,
        check: None,
        pages: Pages::default(),
    }
}

fn detector(signatures: impl IntoIterator<Item = Signature>) -> Detector {
    Detector::new(Catalogue::new(signatures), TimeZone::UTC).unwrap()
}

fn three() -> Detector {
    detector([
        signature("t/broken", &["pipe is broken", "broken beyond"]),
        signature("t/beyond", &["broken beyond"]),
        signature("t/cause", &["Caused by"]),
    ])
}

/// The same, one of them a state.
fn with_state() -> Detector {
    let until = Until { literals: vec!["Caused by".to_owned()], timeout: Duration::from_secs(60) };
    let state = Signature { until: Some(until), ..signature("t/broken", &["pipe is broken"]) };
    detector([state, signature("t/beyond", &["broken beyond"])])
}

/// Gives `bytes` to a stream, `sizes` at a time (the last size goes on), with `end` behind them.
fn cut(detector: &Detector, bytes: &[u8], sizes: &[usize], ends: &[End]) -> (Vec<Finding>, Progress) {
    let (found, progress) = cut_with_ends(detector, bytes, sizes, ends);
    (found.into_iter().filter(|(_, ends)| !ends).map(|(finding, _)| finding).collect(), progress)
}

/// The same, with what ends a state marked as such.
fn cut_with_ends(
    detector: &Detector,
    bytes: &[u8],
    sizes: &[usize],
    ends: &[End],
) -> (Vec<(Finding, bool)>, Progress) {
    let mut stream = Stream::new(detector);
    let mut findings = Vec::new();
    let (mut settled, mut given, mut step) = (0, 0, 0);
    while given < bytes.len() {
        given = bytes.len().min(given + sizes[step % sizes.len()]);
        let end = ends[step % ends.len()];
        settled +=
            stream.advance(&bytes[settled..given], end, |found| findings.push((found.finding, found.ends)));
        step += 1;
    }
    stream.advance(&bytes[settled..], End::Final, |found| findings.push((found.finding, found.ends)));
    findings.sort_by_key(|(finding, _)| (finding.place.offset, finding.signature.clone()));
    (findings, stream.progress().clone())
}

fn whole(detector: &Detector, bytes: &[u8]) -> Vec<Finding> {
    cut(detector, bytes, &[usize::MAX >> 1], &[End::More]).0
}

/// The records of a log by the letter of the rules: from the first line to the last.
fn plain_records(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut records: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut open: Option<(usize, usize)> = None; // where it starts, its lines
    let mut offset = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let seen = &text[..text.len().min(LINE_BYTES_MAX)];
        let continued = open.filter(|(start, lines)| {
            !frame::starts(text) && offset - start < RECORD_BYTES_MAX && *lines < RECORD_LINES_MAX
        });
        if let (Some((start, lines)), Some(record)) = (continued, records.last_mut()) {
            record.1.push(b'\n');
            record.1.extend_from_slice(seen);
            open = Some((start, lines + 1));
        } else {
            records.push((offset, seen.to_vec()));
            let starts = offset == 0 || frame::starts(text);
            // A line that only stands alone is nothing that others could continue.
            open = if starts { Some((offset, 1)) } else { open };
        }
        offset += line.len();
    }
    records
}

fn plain_findings(detector: &Detector, bytes: &[u8]) -> Vec<(usize, String)> {
    let mut findings = Vec::new();
    for (offset, record) in plain_records(bytes) {
        let text = frame::record(&record, Place::default(), &TimeZone::UTC).text;
        for signature in detector.catalogue().signatures() {
            if signature.anchors.iter().any(|anchor| text.contains(anchor.as_str())) {
                findings.push((offset, signature.id.to_string()));
            }
        }
    }
    findings
}

/// A line as docker ships it.
fn docker(line: &str) -> String {
    let log = serde_json::json!(format!("{line}\n"));
    format!(r#"{{"log":{log},"stream":"stderr","time":"2022-06-24T06:33:25.000000001Z"}}"#)
}

/// Lines of every kind, long ones and long runs among them; one log in so many is as docker ships it.
fn log(one_in: u32) -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => Just(format!("{HEAD}all is well")),
        2 => Just(format!("{HEAD}the pipe is broken beyond repair")),
        2 => Just("    0: Caused by: nothing".to_owned()),
        2 => Just(String::new()),
        1 => Just("    1: pipe is broken".to_owned()),
        1 => (1usize..4).prop_map(|count| format!("    x\n{}", "    y\n".repeat(count * 170))),
        1 => (1_000usize..70_000).prop_map(|length| format!("    {} broken beyond", "x".repeat(length))),
    ];
    let shipped = prop::bool::weighted(1.0 / f64::from(one_in));
    (prop::collection::vec(line, 0..40), any::<bool>(), shipped).prop_map(|(lines, newline, shipped)| {
        let mut text = lines.join("\n");
        if shipped {
            text = text.split('\n').map(docker).collect::<Vec<_>>().join("\n");
        }
        let mut bytes = text.into_bytes();
        if newline {
            bytes.push(b'\n');
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn findings_follow_the_rules(bytes in log(3)) {
        let detector = three();
        let found: Vec<_> = whole(&detector, &bytes)
            .into_iter()
            .map(|finding| (finding.place.offset as usize, finding.signature.to_string()))
            .collect();
        prop_assert_eq!(found, plain_findings(&detector, &bytes));
    }

    #[test]
    fn any_cut_gives_the_same_findings(bytes in log(8), sizes in prop::collection::vec(1usize..40_000, 1..6)) {
        let detector = three();
        let (found, progress) = cut(&detector, &bytes, &sizes, &[End::More]);
        prop_assert_eq!(found, whole(&detector, &bytes));
        prop_assert_eq!(progress.offset, bytes.len() as u64);
    }

    #[test]
    fn what_ends_a_state_is_seen_once_it_is_open(bytes in log(8), sizes in prop::collection::vec(1usize..40_000, 1..6)) {
        let detector = with_state();
        let (found, _) = cut_with_ends(&detector, &bytes, &sizes, &[End::More]);
        let opened = found.iter().position(|(finding, ends)| !ends && &*finding.signature == "t/broken");
        let ended = found.iter().filter(|(_, ends)| *ends).count();
        let at = opened.map_or(bytes.len(), |opened| found[opened].0.place.bytes().end as usize);
        let possible = plain_records(&bytes).into_iter().filter(|(offset, record)| {
            *offset > at && String::from_utf8_lossy(record).contains("Caused by") && !String::from_utf8_lossy(record).contains("pipe is broken")
        });
        prop_assert_eq!(ended, possible.count());

        let mut unasked = Stream::new(&detector);
        unasked.findings_only();
        let mut findings = Vec::new();
        unasked.advance(&bytes, End::Final, |found| findings.push((found.finding, found.ends)));
        let found = found.into_iter().filter(|(_, ends)| !ends);
        // What a finding is about is for alerts, too.
        let without_ends: Vec<_> =
            found.map(|(finding, ends)| (Finding { identity: Default::default(), ..finding }, ends)).collect();
        prop_assert_eq!(findings, without_ends);
    }

    /// A record looked at early may be shown shorter, but is found once, at the same place.
    #[test]
    fn looking_early_finds_nothing_twice(
        bytes in log(20),
        sizes in prop::collection::vec(1usize..9_000, 1..6),
        ends in prop::collection::vec(prop_oneof![Just(End::More), Just(End::Held)], 1..5),
    ) {
        let detector = three();
        let places = |findings: Vec<Finding>| -> Vec<_> {
            findings.into_iter().map(|finding| (finding.place.line, finding.place.offset, finding.signature)).collect()
        };
        let (found, _) = cut(&detector, &bytes, &sizes, &ends);
        prop_assert_eq!(places(found), places(whole(&detector, &bytes)));
    }
}

#[test]
fn a_line_too_long_is_read_up_to_its_limit() {
    let detector = three();
    let long = |before: usize| {
        let mut bytes = format!("{HEAD}ok\n{HEAD}").into_bytes();
        bytes.resize(bytes.len() + before, b'x');
        bytes.extend_from_slice(b" pipe is broken, and more behind it\n");
        bytes.extend_from_slice(b"Caused by: it stands alone\n");
        bytes.extend_from_slice(format!("{HEAD}broken beyond\n").as_bytes());
        bytes
    };
    for (before, found) in
        [(1_000, 4), (LINE_BYTES_MAX - 200, 4), (LINE_BYTES_MAX + 10, 3), (3 * LINE_BYTES_MAX, 3)]
    {
        let bytes = long(before);
        let all = whole(&detector, &bytes);
        assert_eq!(all.len(), found, "{before}");
        assert_eq!(all.last().map(|finding| finding.place.line), Some(4));
        assert_eq!(cut(&detector, &bytes, &[100_000], &[End::More]).0, all, "{before}");
    }
}

/// A line is too long by its own bytes, however many lines stand before it.
#[test]
fn an_open_line_behind_many_whole_ones_is_not_too_long() {
    let detector = three();
    let lines = format!("{HEAD}all is well\n").repeat(600 * 1024 / (HEAD.len() + 12));
    let (opening, rest) = ("the pipe is ".to_owned(), format!("broken\n{HEAD}fine\n"));
    let bytes = format!("{lines}{HEAD}{opening}{rest}").into_bytes();
    let cut_at = lines.len() + HEAD.len() + opening.len();
    assert!(lines.len() < LINE_BYTES_MAX && lines.len() + cut_at > LINE_BYTES_MAX);
    let (found, progress) = cut(&detector, &bytes, &[cut_at, bytes.len()], &[End::More]);
    assert_eq!(found.len(), 1);
    assert_eq!(found, whole(&detector, &bytes));
    assert_eq!(progress.offset, bytes.len() as u64);
}

#[test]
fn a_last_line_without_newline_waits_until_it_is_quiet() {
    let detector = three();
    let mut stream = Stream::new(&detector);
    let mut found = Vec::new();
    let log = format!("{HEAD}fine\n{HEAD}the pipe is broken");
    let mut settled = 0;
    for (end, expected) in [(End::More, 0), (End::Held, 0), (End::Quiet, 1), (End::Quiet, 1)] {
        settled += stream.advance(&log.as_bytes()[settled..], end, |seen| found.push(seen.finding));
        assert_eq!(found.len(), expected, "{end:?}");
    }
    let rest = format!("{}, all of it\n{HEAD}next\n", &log[settled..]);
    stream.advance(rest.as_bytes(), End::More, |seen| found.push(seen.finding));
    assert_eq!(found.len(), 1, "the rest of the line is not looked at again");
}

#[test]
fn colours_do_not_hide_an_anchor() {
    let detector = three();
    let log =
        b"\x1b[2m2022-06-24T14:33:24Z\x1b[0m \x1b[31mERROR\x1b[0m x\n pipe \x1b[1mis\x1b[0m broken\n fine\n";
    let found = whole(&detector, log);
    assert_eq!(found.len(), 1);
    assert!(found[0].record.ends_with(" pipe is broken\n fine"), "{:?}", found[0].record);
}

#[test]
fn docker_does_not_hide_an_anchor_and_dates_what_it_ships() {
    let detector = detector([signature("t/quoted", &["says \"it\tis\" broken"])]);
    let log = ["thread 'x' panicked at 'a', b.rs:1:2", "pipe says \"it\tis\" broken", "fine"];
    let found = whole(&detector, log.map(docker).join("\n").as_bytes());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].record, log.join("\n"));
    assert_eq!(found[0].place.line, 1);
    let time = found[0].time.map(|time| time.to_string());
    assert_eq!(time.as_deref(), Some("2022-06-24T06:33:25.000000001Z"));
}

#[test]
fn a_record_without_time_is_dated_by_the_one_before() {
    let detector = detector([signature("t/panic", &["panicked at"])]);
    let log = format!("{HEAD}fine\nthread 'x' panicked at 'a', b.rs:1:2\n");
    for sizes in [[1_000], [7]] {
        let (found, _) = cut(&detector, log.as_bytes(), &sizes, &[End::More]);
        assert_eq!(found[0].time, None);
        assert_eq!(
            found[0].near.map(|time| time.to_string()).as_deref(),
            Some("2022-06-24T14:33:24.1+08:00")
        );
    }
}

/// A file is read from a place in its middle, and what stands before it is at hand.
#[test]
fn where_a_stream_begins_in_the_middle_what_stands_before_dates_and_names_its_records() {
    let detector = detector([signature("t/panic", &["panicked at"])]);
    let before = format!("{HEAD}fine\n{HEAD}fine, too\n");
    let log = "thread 'x' panicked at 'a', b.rs:1:2\n";
    for (recalled, near, worker) in
        [(&*before, Some("2022-06-24T14:33:24.1+08:00"), Some("venus-worker")), ("", None, None)]
    {
        let progress = Progress { offset: before.len() as u64, ..Progress::default() };
        let mut stream = Stream::resume(&detector, progress);
        stream.recall(recalled.as_bytes());
        let mut found = Vec::new();
        stream.advance(log.as_bytes(), End::Final, |seen| found.push((seen.names("x.log"), seen.finding)));
        let [(names, finding)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(finding.time, None);
        assert_eq!(finding.near.as_ref().map(ToString::to_string).as_deref(), near);
        assert_eq!(names.worker.as_deref(), worker);
    }
}

#[test]
fn a_signature_is_refused_for_a_reason() {
    let with = |change: fn(&mut Signature)| {
        let mut signature = signature("t/x", &["pipe is broken"]);
        change(&mut signature);
        signature
    };
    let log = format!("{HEAD}the pipe is broken");
    let record = &records(&three(), log.as_bytes())[0];
    for (signature, expected) in [
        (with(|_| {}), None),
        (with(|s| s.levels = vec![Level::Warn]), Some(Refusal::Level(Level::Error))),
        (with(|s| s.all = vec!["tube".into()]), Some(Refusal::Missing("tube".into()))),
        (with(|s| s.none = vec!["the".into()]), Some(Refusal::Present("the".into()))),
        (with(|s| s.regex = Pattern::checked("^pipe").ok()), Some(Refusal::Regex)),
        (with(|s| s.regex = Pattern::checked(r"ERROR .*the (?P<what>\w+)").ok()), None),
    ] {
        assert_eq!(confirm(&signature, record).err(), expected);
    }
}
