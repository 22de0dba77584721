//! Scan, frame and the whole replay path over one made-up log, quiet and in a storm.
//!
//! `cargo bench` prints throughput; compare the rows of one run with one another, not with another
//! machine. Every bench asserts what it counts, so a fast wrong answer fails.

use std::hint::black_box;
use std::io::Write;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use sealtail::detect::{Detector, Stream};
use sealtail::frame::{End, Frames};
use sealtail::position::Mode;
use sealtail::replay::{Event, Replay};
use sealtail::scan::Scanner;
use sealtail::signature::{Catalogue, builtin};
use sealtail::source::archive;

const LINES: usize = 200_000;

/// A worker's log in which every `every`th line is a failure.
fn log(every: usize) -> (Vec<u8>, usize) {
    let mut log = Vec::new();
    let mut failures = 0;
    for n in 0..LINES {
        let (hour, minute, second) = (n / 3_600 % 24, n / 60 % 60, n % 60);
        write!(log, "2022-06-24T{hour:02}:{minute:02}:{second:02}.{:09}+08:00 ", n * 7_919 % 1_000_000_000)
            .unwrap();
        if n % every == every - 1 {
            failures += 1;
            writeln!(log, "ERROR ThreadId(42) vc_processors::core::ext::producer: failed to unmarshal response string: 'x'. child_pid={n}").unwrap();
        } else {
            writeln!(log, "DEBUG ThreadId({:02}) module{{name=\"worker-{}\"}}:seal{{miner=Some(1000) sector=Some({}) event=Some(AssignTicket)}}: damocles_worker::sealing::sealing_thread::planner::common: handled in {} ms", n % 64, n % 8, n / 500, n % 997).unwrap();
        }
    }
    (log, failures)
}

fn catalogue() -> Catalogue {
    Catalogue::load(builtin::pages(), &[]).0
}

fn detector() -> Detector {
    Detector::new(catalogue(), TimeZone::UTC).unwrap()
}

fn scan(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let anchors: Vec<&str> =
        catalogue.signatures().iter().flat_map(|signature| &signature.anchors).map(String::as_str).collect();
    let scanner = Scanner::new(&anchors).unwrap();
    let mut group = criterion.benchmark_group("scan");
    for (name, every) in [("quiet", 100_000), ("storm", 100)] {
        let (log, failures) = log(every);
        group.throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut candidates = scanner.candidates(black_box(&log));
                let mut count = 0;
                while candidates.next().is_some() {
                    count += 1;
                }
                assert_eq!(count, failures);
            });
        });
    }
    group.finish();
}

fn frame(criterion: &mut Criterion) {
    let (log, _) = log(100);
    let frames = Frames::new(&log, Mode::Record);
    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function("every record", |bencher| {
        bencher.iter(|| {
            let (mut at, mut count) = (0, 0);
            while at < log.len() {
                at = frames.around(black_box(at), at).unwrap().end + 1;
                count += 1;
            }
            assert_eq!(count, LINES);
        });
    });
    group.finish();
}

fn detect(criterion: &mut Criterion) {
    let detector = detector();
    let mut group = criterion.benchmark_group("detect");
    for (name, every) in [("quiet", 100_000), ("storm", 100)] {
        let (log, failures) = log(every);
        group.throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut count = 0;
                Stream::new(&detector).advance(black_box(&log), End::Final, |_| count += 1);
                assert_eq!(count, failures);
            });
        });
    }
    group.finish();
}

fn replay(criterion: &mut Criterion) {
    let detector = detector();
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("replay");
    for (name, every) in [("quiet", 100_000), ("storm", 100)] {
        let (log, failures) = log(every);
        let path = folder.path().join(name);
        std::fs::write(&path, &log).unwrap();
        group.throughput(Throughput::Bytes(log.len() as u64));
        for threads in [1, 2] {
            group.bench_function(format!("{name}, {threads} threads"), |bencher| {
                bencher.iter(|| {
                    let mut replay = Replay::new(&detector, archive::list(&[&path]));
                    replay.threads = threads;
                    let mut json_bytes = 0;
                    let summary = replay.run(|event| -> Result<(), ()> {
                        if let Event::Finding(path, seen) = event {
                            json_bytes += seen.finding.to_json(path).len();
                        }
                        Ok(())
                    });
                    let summary = summary.unwrap();
                    assert_eq!((summary.findings, summary.lines), (failures as u64, LINES as u64));
                    assert!(json_bytes > 200 * failures);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, scan, frame, detect, replay);
criterion_main!(benches);
