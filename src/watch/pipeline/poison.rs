//! Bytes that the engine breaks on. They would break it again after every restart, so they are passed
//! over: the record they stand in, and no more. A record that broke reading behind the engine goes the
//! same way after the restart.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use memchr::{memchr_iter, memrchr};

use crate::detect::{Found, Observe, Stream};
use crate::frame::End;

/// Takes `bytes` through the engine as [`Stream::advance_observed`] does: what is made of its findings. Where that
/// breaks they are taken line by line up to the record that it breaks on; the offsets of that, too.
pub(in crate::watch) fn advance<T, O: Observe>(
    stream: &mut Stream<'_>,
    bytes: &[u8],
    end: End,
    see: &impl Fn(Found<'_>) -> T,
    observe: &O,
    observed: &mut Vec<O::Observation>,
) -> (Vec<T>, Option<Range<u64>>) {
    if let Some(seen) = attempt(stream, bytes, end, see, observe, observed) {
        return (seen, None);
    }
    let start = stream.progress().offset;
    let mut seen = Vec::new();
    // Where each line ends; and what comes last is an open record.
    let newlines = memchr_iter(b'\n', bytes).map(|newline| (newline + 1, End::More));
    for (to, end) in newlines.chain([(bytes.len(), end)]) {
        let at = stream.progress().offset;
        let unsettled = &bytes[(at - start) as usize..to];
        match attempt(stream, unsettled, end, see, observe, observed) {
            Some(more) => seen.extend(more),
            None => {
                // That a record is over is known by the line behind it.
                let line = memrchr(b'\n', &unsettled[..unsettled.len().saturating_sub(1)]);
                let record = line.filter(|_| end == End::More).map_or(unsettled.len(), |before| before + 1);
                stream.pass_over(&unsettled[..record]);
                return (seen, Some(at..stream.progress().offset));
            }
        }
    }
    (seen, None)
}

/// The same in one go; where it breaks, nothing has happened.
fn attempt<T, O: Observe>(
    stream: &mut Stream<'_>,
    bytes: &[u8],
    end: End,
    see: &impl Fn(Found<'_>) -> T,
    observe: &O,
    observed: &mut Vec<O::Observation>,
) -> Option<Vec<T>> {
    let (mut ahead, mut seen, mut more) = (stream.clone(), Vec::new(), Vec::new());
    // All three are thrown away after a panic, and the engine keeps nothing else.
    let advance = AssertUnwindSafe(|| {
        ahead.advance_observed(bytes, end, |found| seen.push(see(found)), observe, &mut more)
    });
    catch_unwind(advance).ok()?;
    *stream = ahead;
    observed.append(&mut more);
    Some(seen)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::detect::{Detector, POISON};
    use crate::frame::View;
    use crate::signature::{Catalogue, builtin};

    static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
        let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
        Detector::new(catalogue, jiff::tz::TimeZone::UTC).unwrap()
    });

    fn line(pid: usize, text: &str) -> String {
        format!(
            "2022-06-24T14:33:24.5+08:00 ERROR ThreadId(42) vc_processors::core::ext::producer: \
             failed to unmarshal response string: '{text}'. child_pid={pid}\n"
        )
    }

    /// Notes where each record starts.
    struct Starts;

    impl Observe for Starts {
        type Observation = u64;

        fn observe(&self, record: &View<'_>) -> u64 {
            record.place.offset
        }
    }

    /// Takes all of `log`, of which `chunk` more bytes are at hand each time; the pids that were found, the
    /// lines that were passed over, and where the records that were observed start.
    fn follow(detector: &Detector, log: &str, chunk: usize) -> (Vec<String>, String, Vec<u64>) {
        let mut stream = Stream::new(detector);
        let (mut pids, mut lost, mut known, mut starts) = (Vec::new(), String::new(), 0, Vec::new());
        loop {
            let from = stream.progress().offset as usize;
            let end = if known == log.len() { End::Final } else { End::More };
            let pid = |found: Found<'_>| found.finding.fields["child_pid"].clone();
            let bytes = &log.as_bytes()[from..known];
            let (seen, poison) = advance(&mut stream, bytes, end, &pid, &Starts, &mut starts);
            pids.extend(seen);
            if let Some(poison) = poison {
                lost += &log[poison.start as usize..poison.end as usize];
            } else if end == End::Final {
                let lines = log.lines().count() as u64;
                assert_eq!((stream.progress().offset, stream.progress().line), (log.len() as u64, lines + 1));
                return (pids, lost, starts);
            } else {
                known = log.len().min(known + chunk);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_record_that_breaks_the_engine_is_passed_over_and_its_neighbours_are_found(
            poisonous in proptest::collection::vec(any::<bool>(), 1..12),
            chunk in 40..1_000_usize,
        ) {
            let lines: Vec<String> = (poisonous.iter().enumerate())
                .map(|(pid, poisonous)| line(pid, if *poisonous { POISON } else { "x" }))
                .collect();
            let (pids, lost, starts) = follow(&DETECTOR, &lines.concat(), chunk);
            let (bad, good): (Vec<usize>, Vec<usize>) = (0..lines.len()).partition(|&pid| poisonous[pid]);
            prop_assert_eq!(pids, good.iter().map(usize::to_string).collect::<Vec<_>>());
            let at = |pid: usize| lines[..pid].concat().len() as u64;
            prop_assert_eq!(starts, good.iter().map(|&pid| at(pid)).collect::<Vec<_>>());
            prop_assert_eq!(lost, bad.iter().map(|&pid| &*lines[pid]).collect::<String>());
        }
    }
}
