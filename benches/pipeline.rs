//! Scan, frame, detection, following and the whole replay path over made-up logs, quiet and in a storm.
//!
//! `cargo bench` prints throughput; compare the rows of one run with one another, not with another
//! machine. Every bench asserts what it counts, so a fast wrong answer fails.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sealtail::correlate::command::Vars;
use sealtail::correlate::{Correlator, Policy, Sighting};
use sealtail::detect::{Detector, Stream};
use sealtail::frame::{End, Frames};
use sealtail::model::alert::Lang;
use sealtail::model::position::Mode;
use sealtail::replay::{Event, Replay};
use sealtail::scan::Scanner;
use sealtail::signature::{Catalogue, builtin};
use sealtail::source::archive;
use sealtail::source::tail::{Settings, Start, Tail};

mod text;

const LINES: usize = 200_000;
/// Bytes of the logs that are scanned.
const SCAN_BYTES: u64 = 24 << 20;

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

/// Anchors of the catalogue, each once.
fn builtin_anchors() -> Vec<String> {
    let catalogue = catalogue();
    let mut anchors: Vec<String> =
        catalogue.signatures().iter().flat_map(|signature| signature.anchors.clone()).collect();
    anchors.sort();
    anchors.dedup();
    anchors
}

/// Lines in which an anchor stands.
fn lines_with_anchor(scanner: &Scanner, log: &[u8]) -> u64 {
    let mut count = 0;
    let mut candidates = scanner.candidates(log);
    while let Some(at) = candidates.next() {
        count += 1;
        candidates.skip_to(memchr::memchr(b'\n', &log[at..]).map_or(log.len(), |length| at + length));
    }
    count
}

/// The filter, and the automaton that it stands in for, by the number of anchors.
fn scan(criterion: &mut Criterion) {
    for (name, kind, every) in [
        ("quiet", text::Kind::Sealing, 100_000),
        ("storm", text::Kind::Sealing, 100),
        ("another kind of text", text::Kind::Other, 100_000),
    ] {
        let mut group = criterion.benchmark_group(format!("scan, {name}"));
        let sets = [text::anchors(12), text::anchors(100), builtin_anchors(), text::anchors(1_000)];
        for anchors in sets {
            let mut log = Vec::new();
            let planted = text::write(&mut log, kind, SCAN_BYTES, every, &anchors).unwrap();
            group.throughput(Throughput::Bytes(log.len() as u64));
            let engines = [
                ("filter", Scanner::new(&anchors).unwrap()),
                ("automaton", Scanner::unfiltered(&anchors).unwrap()),
            ];
            for (engine, scanner) in engines {
                group.bench_function(format!("{engine}, {} anchors", anchors.len()), |bencher| {
                    bencher.iter(|| assert_eq!(lines_with_anchor(&scanner, black_box(&log)), planted));
                });
            }
        }
        group.finish();
    }
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

/// A record that is appended to a file that is followed, up to the alert it is told with. What the
/// kernel takes to wake a watcher, the store and the network are not in it: `benches/watch.py` has them.
fn tail(criterion: &mut Criterion) {
    let detector = detector();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.log");
    std::fs::write(&path, log(100_000).0).unwrap();
    let settings = Settings {
        name: "worker".to_owned(),
        paths: vec![path.to_str().unwrap().to_owned()],
        exclude: Vec::new(),
        start: Start::End,
        poll: None,
        hold: Duration::from_millis(500),
    };
    let now = Instant::now();
    let mut tail = Tail::new(vec![settings], Vec::new(), true, 1, now);
    assert!(tail.sweep(now).is_empty());
    alerts(&mut tail, &detector, now);
    // A failure, and the line after it, by which its record is known to be complete.
    let (lines, _) = log(2);
    let lines: Vec<&[u8]> = lines.split_inclusive(|&byte| byte == b'\n').skip(1).take(2).collect();
    let record = lines.concat();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    criterion.bench_function("tail, append to alert", |bencher| {
        bencher.iter(|| {
            file.write_all(&record).unwrap();
            assert!(!tail.touch(&path));
            assert_eq!(alerts(&mut tail, &detector, now), 1);
        });
    });
}

/// Reads what is ready; how many alerts it comes to, each for itself.
fn alerts(tail: &mut Tail, detector: &Detector, now: Instant) -> usize {
    let mut count = 0;
    for id in tail.ready(now) {
        let chunk = tail.read(id, now).unwrap();
        let mut stream = Stream::resume(detector, chunk.progress.clone());
        stream.advance(chunk.bytes, chunk.end, |found| {
            let context = found.context(5, detector);
            let names = found.names(chunk.path);
            let sighting = Sighting {
                signature: &found.signature,
                finding: found.finding,
                ends: false,
                host: "seal-07",
                source: chunk.source,
                path: chunk.path,
                context,
                names,
            };
            let notices =
                Correlator::new(Policy::default(), []).observe(vec![sighting], Timestamp::UNIX_EPOCH);
            let alerts =
                notices.iter().map(|notice| notice.render(detector.catalogue(), Lang::En, &Vars::new()));
            count += alerts.filter(|alert| !alert.title.is_empty()).count();
        });
        let progress = stream.progress().clone();
        tail.settle(id, progress);
    }
    count
}

criterion_group!(benches, scan, frame, detect, replay, tail);
criterion_main!(benches);
