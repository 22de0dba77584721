//! A stream that is let go of and resumed finds what one that was never let go of does: the same records, of
//! the same time, written by the same binaries.

use super::*;
use crate::model::record::Names;

/// What becomes of a stream between two buffers.
#[derive(Debug, Clone, Copy)]
enum Between {
    Held,
    /// What it knows is kept.
    Kept,
    /// All that is left is the file.
    Recalled,
}

/// Lines that date, lines that name a binary, and panics, which do neither; long ones and many of them.
fn log() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => (0..60_u8).prop_map(|second| format!("2022-06-24T14:33:{second:02}.1+08:00  INFO ThreadId(42) a::b: well\n")),
        1 => (0..60_u8).prop_map(|second| format!("2022-06-24T14:34:{second:02}.1+08:00  INFO ThreadId(42) a::b: damocles-worker\n")),
        1 => (0..60_u8).prop_map(|second| format!("2022-06-24T14:35:{second:02}.1+08:00  INFO ThreadId(42) a::b: venus-sector-manager\n")),
        4 => Just("thread 'x' panicked at 'pipe is broken', b.rs:1:2\n".to_owned()),
        1 => (90..110_usize).prop_map(|count| "y\n".repeat(count)),
        1 => (30_000..70_000_usize).prop_map(|length| format!("{}\n", "x".repeat(length))),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
}

fn follow(log: &[u8], sizes: &[usize], between: &[Between]) -> Vec<(Finding, Names)> {
    let detector = three();
    let mut stream = Stream::new(&detector);
    let (mut found, mut given, mut step) = (Vec::new(), 0, 0);
    while given < log.len() {
        given = log.len().min(given + sizes[step % sizes.len()]);
        let end = if given == log.len() { End::Final } else { End::More };
        let settled = stream.progress().offset as usize;
        stream.advance(&log[settled..given], end, |seen| {
            let names = seen.names("none");
            found.push((seen.finding, names));
        });
        let progress = stream.progress().clone();
        let settled = progress.offset as usize;
        let mut next = Stream::resume(&detector, progress);
        match between[step % between.len()] {
            Between::Held => next = stream,
            Between::Kept => next.take_up(stream.into_before()),
            Between::Recalled => next.recall(&log[settled.saturating_sub(RECORD_BYTES_MAX)..settled]),
        }
        stream = next;
        step += 1;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_finds_the_same_at_the_same_times(
        log in log(),
        sizes in prop::collection::vec(1_usize..9_000, 1..6),
        between in prop::collection::vec(prop_oneof![
            Just(Between::Held), Just(Between::Kept), Just(Between::Recalled)
        ], 1..6),
    ) {
        let whole = follow(log.as_bytes(), &[usize::MAX >> 1], &[Between::Held]);
        prop_assert_eq!(follow(log.as_bytes(), &sizes, &between), whole);
    }
}

#[test]
fn what_is_known_is_kept_for_so_many_bytes_and_lines() {
    let dated = "2022-06-24T14:33:24.1+08:00  INFO ThreadId(42) a::b: damocles-worker\n";
    let panic = "thread 'x' panicked at 'pipe is broken', b.rs:1:2\n";
    for (lines, length, is_dated, is_named) in
        [(0, 1, true, true), (99, 1, true, true), (100, 1, true, false), (1, RECORD_BYTES_MAX, false, false)]
    {
        let between = format!("{}\n", "z".repeat(length)).repeat(lines);
        let log = format!("{dated}{between}{panic}");
        for kind in [Between::Held, Between::Kept, Between::Recalled] {
            let [(finding, names)] = &follow(log.as_bytes(), &[dated.len()], &[kind])[..] else { panic!() };
            let case = format!("{lines} lines of {length}, {kind:?}");
            assert_eq!(finding.near.is_some(), is_dated, "{case}");
            assert_eq!(names.worker.is_some(), is_named, "{case}");
        }
    }
}
