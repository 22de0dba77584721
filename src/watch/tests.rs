//! What the reading side reports of its own health. The store is on a disk of tests.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use super::pipeline::PROVE_EVERY;
use super::*;
use crate::base::secret::Secret;
use crate::correlate::Notice;
use crate::deliver::Delivery;
use crate::deliver::sink::{Destination, Route, Webhook};
use crate::model::alert::Message;
use crate::signature::{Catalogue, builtin};
use crate::source::tail::Start;
use crate::store::Due;
use crate::store::disk::{Disk, Trouble};

/// The longest a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watch over `folder` with no sink, and what it says of itself.
fn watch(folder: &tempfile::TempDir) -> (Watch, Telemetry) {
    watch_with(folder, Vec::new(), Clock::new(Timestamp::now(), Instant::now()))
}

fn watch_with(folder: &tempfile::TempDir, sinks: Vec<Sink>, clock: Clock) -> (Watch, Telemetry) {
    let source = Settings {
        name: "worker".to_owned(),
        paths: vec![folder.path().join("*.log").to_str().unwrap().to_owned()],
        exclude: Vec::new(),
        start: Start::Beginning,
        poll: None,
        hold: Duration::from_millis(500),
    };
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let setup = Arc::new(Setup {
        state_dir: folder.path().join("state"),
        host: "seal-07".to_owned(),
        detector: Detector::new(catalogue, jiff::tz::TimeZone::UTC).unwrap(),
        vars: Vars::default(),
        examine: None,
        policy: Policy::default(),
        context_lines: 0,
        counts_records: true,
        sources: vec![source],
        sinks,
    });
    let store = Arc::new(Store::open(&setup.state_dir, Timestamp::now()).unwrap().store);
    let telemetry = Telemetry::default();
    let delivery = Delivery::start(store.clone(), Vec::new(), &telemetry).unwrap();
    let wake = Wake::new(&tokio::runtime::Handle::current());
    (
        Watch::new(setup, store, delivery.notifier(), wake, telemetry.clone(), Quarantine::default(), clock)
            .unwrap(),
        telemetry,
    )
}

#[tokio::test]
async fn it_says_that_it_goes_on_and_what_it_has() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::of(Vec::new()));
    let _installed = disk.install();
    std::fs::write(folder.path().join("worker.log"), "nothing of note\n").unwrap();
    let (mut watch, telemetry) = watch(&folder);
    assert!(telemetry.health().ready().is_err());
    watch.ticked_at -= TICK_EVERY;
    let before = Instant::now();
    watch.turn();
    assert_eq!(telemetry.health().ready(), Ok(()));
    assert!(telemetry.health().stalled_for(before).is_zero(), "a sign of life after it");
    let now = Instant::now();
    let [(name, level, lag)] = &telemetry.meter().sources(now)[..] else { panic!() };
    assert_eq!((&**name, level.files, level.open, level.unread), ("worker", 1, 1, 0));
    assert!(*lag <= now - before);
}

/// Nothing is written to the logs, and a state that fails is known all the same.
#[tokio::test]
async fn a_state_with_nothing_to_take_is_tried_now_and_then() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::of(Vec::new()));
    let _installed = disk.install();
    let (mut watch, telemetry) = watch(&folder);
    let well = || telemetry.health().healthy(Instant::now());
    assert!(watch.commit());
    disk.set_trouble(Trouble::ReadOnly);
    assert!(watch.commit() && well().is_ok(), "it was tried a moment ago");
    // No pause: whoever is asked to stop does not wait.
    watch.stop().ask();
    watch.pipeline.proven_at -= PROVE_EVERY;
    assert!(!watch.commit());
    assert!(well().unwrap_err().contains("read-only"), "{:?}", well());
    disk.set_trouble(Trouble::None);
    assert!(watch.commit() && watch.pipeline.pending.is_empty());
    assert_eq!(well(), Ok(()));
    assert!(watch.pipeline.proven_at.elapsed() < PROVE_EVERY);
}

/// What the sources come to `minutes` after `start`: pages and whether they end, and how many alerts are open.
fn look(watch: &mut Watch, start: Instant, minutes: u64) -> (Vec<(&'static str, bool)>, usize) {
    let later = Duration::from_secs(60 * minutes);
    let instant = start + later;
    let wall = Timestamp::from_second(1_700_000_000).unwrap() + later;
    let now = Now { instant, moment: wall.into() };
    watch.pipeline.sweep(instant);
    watch.pipeline.turn(now, || false);
    watch.pipeline.measure(instant);
    let reports = watch.telemetry.take_self_alerts();
    reports.iter().for_each(|report| watch.telemetry.report(report.clone()));
    watch.pipeline.hear(now);
    watch.pipeline.tick(now);
    let told = reports.iter().map(|report| (report.kind.page(), report.resolved)).collect();
    assert!(watch.pipeline.commit(now));
    (told, watch.pipeline.correlator.told())
}

#[tokio::test]
async fn a_source_without_a_file_is_an_alert_until_it_has_one_over_a_restart_too() {
    const PAGE: &str = "sealtail/source-no-file";
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::of(Vec::new()));
    let _installed = disk.install();
    let start = Instant::now();
    let (mut watched, _) = watch(&folder);
    assert_eq!(look(&mut watched, start, 0), (vec![], 0));
    assert_eq!(look(&mut watched, start, 9), (vec![], 0));
    assert_eq!(look(&mut watched, start, 10), (vec![(PAGE, false)], 1));
    // Reported while it lasts, so it does not resolve.
    for minute in 11..60 {
        assert_eq!(look(&mut watched, start, minute), (vec![(PAGE, false)], 1), "minute {minute}");
    }
    drop(watched);
    let (mut watched, _) = watch(&folder);
    for minute in 60..65 {
        assert_eq!(look(&mut watched, start, minute), (vec![(PAGE, false)], 1), "minute {minute}");
    }
    std::fs::write(folder.path().join("worker.log"), "nothing of note\n").unwrap();
    assert_eq!(look(&mut watched, start, 65), (vec![(PAGE, true)], 0));
    assert_eq!(look(&mut watched, start, 66), (vec![], 0));
}

#[tokio::test]
async fn a_source_that_falls_silent_is_an_alert_until_it_is_heard_over_a_restart_too() {
    const PAGE: &str = "sealtail/source-silent";
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::of(Vec::new()));
    let _installed = disk.install();
    let start = Instant::now();
    let mut log = File::create(folder.path().join("worker.log")).unwrap();
    let line = "2022-06-24T14:33:24.1+08:00  INFO ThreadId(01) damocles_worker: nothing of note\n";
    let mut write = || log.write_all(line.as_bytes()).unwrap();
    write();
    write();
    let (mut watched, _) = watch(&folder);
    assert_eq!(look(&mut watched, start, 0), (vec![], 0));
    for minute in 1..=60 {
        assert_eq!(look(&mut watched, start, minute), (vec![], 0), "minute {minute}");
    }
    assert_eq!(look(&mut watched, start, 61), (vec![(PAGE, false)], 1));
    drop(watched);
    let (mut watched, _) = watch(&folder);
    for minute in 62..90 {
        assert_eq!(look(&mut watched, start, minute), (vec![(PAGE, false)], 1), "minute {minute}");
    }
    write();
    assert_eq!(look(&mut watched, start, 90), (vec![(PAGE, true)], 0));
    // A source of which nothing was read in this run is not judged.
    drop(watched);
    let (mut watched, _) = watch(&folder);
    assert_eq!(look(&mut watched, start, 91), (vec![], 0));
    assert_eq!(look(&mut watched, start, 300), (vec![], 0));
}

/// The pids of the alerts that wait for `ops`, which it takes: what the disk has and nothing else.
fn take(store: &Store, pids: &Mutex<Vec<u64>>) {
    while let Due::Now(row) = store.due("ops", Timestamp::now()).unwrap() {
        let Message::Alert(alert) = &row.letter.message else { panic!("{row:?}") };
        pids.lock().unwrap().push(alert.group["child_pid"].parse().unwrap());
        store.delivered("ops", row.seq).unwrap();
    }
}

/// Lets everything end, also where a test fails.
struct End<'a> {
    disk: &'a Disk,
    stop: Stop,
    over: &'a AtomicBool,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.disk.set_slow(false);
        self.stop.ask();
        self.over.store(true, Ordering::Relaxed);
    }
}

/// The log is the buffer: while a commit is on its way to a slow disk nothing more is read, and so
/// nothing piles up in memory; between two commits what is on the disk is sent.
#[tokio::test(flavor = "multi_thread")]
async fn reading_waits_for_a_slow_disk_and_nothing_is_lost() {
    const ROUNDS: u64 = 5;
    const LINES: u64 = 200;
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::of(Vec::new()));
    let _installed = disk.install();
    let destination = Destination::Webhook(Webhook { url: Secret::new("http://127.0.0.1/"), key: None });
    let sink = Sink { name: "ops".to_owned(), route: Route::default(), max_per_minute: 0, destination };
    let (watch, telemetry) = watch_with(&folder, vec![sink], Clock::new(Timestamp::now(), Instant::now()));
    let (stop, store) = (watch.stop(), watch.store.clone());
    let mut log = File::create(folder.path().join("worker.log")).unwrap();
    let mut write = |pids: std::ops::Range<u64>| {
        for pid in pids {
            let what = format!("failed to unmarshal response string: 'x'. child_pid={pid}");
            writeln!(
                log,
                "2022-06-24T14:33:24.5+08:00 ERROR ThreadId(07) vc_processors::core::ext::producer: {what}"
            )
            .unwrap();
        }
    };
    let (sent, over) = (Mutex::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        let _end = End { disk: &disk, stop, over: &over };
        disk.set_slow(true);
        scope.spawn(|| watch.run());
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                take(&store, &sent);
                thread::yield_now();
            }
        });
        for round in 0..ROUNDS {
            let first = round * LINES;
            write(first..first + LINES / 2);
            assert!(disk.holds(PATIENCE), "round {round}: nothing is committed");
            let read = telemetry.meter().bytes.get();
            // Lines come all the time.
            write(first + LINES / 2..first + LINES);
            assert_eq!(
                telemetry.meter().bytes.get(),
                read,
                "round {round}: read before the commit was there"
            );
            // The last line is told with the one after it.
            let (known, started) = ((first + LINES - 1) as usize, Instant::now());
            while sent.lock().unwrap().len() < known {
                assert!(started.elapsed() < PATIENCE, "round {round}: {} sent", sent.lock().unwrap().len());
                if disk.holds(Duration::from_millis(1)) {
                    disk.let_go();
                }
            }
        }
    });
    take(&store, &sent);
    let mut sent: Vec<u64> = sent.into_inner().unwrap();
    sent.sort_unstable();
    assert!(sent == (0..sent.len() as u64).collect::<Vec<_>>(), "lost or twice: {sent:?}");
    assert!(sent.len() as u64 >= ROUNDS * LINES - 1);
}

const HEALTHY: &str = "2022-06-24T14:33:25.5+08:00 INFO ThreadId(42) vc_worker: all is well\n";

fn failure(text: &str) -> String {
    format!(
        "2022-06-24T14:33:24.5+08:00 ERROR ThreadId(42) vc_processors::core::ext::producer: \
         failed to unmarshal response string: '{text}'. child_pid=1\n"
    )
}

#[tokio::test]
async fn a_record_that_breaks_the_engine_is_told_as_lost_and_its_neighbours_are_found() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::of(Vec::new()));
    let _installed = disk.install();
    let (before, poison) = (failure("one"), failure(crate::detect::POISON));
    let after = failure("two") + HEALTHY;
    std::fs::write(folder.path().join("worker.log"), before.clone() + &poison + &after).unwrap();
    let (mut watch, telemetry) = watch(&folder);
    while watch.turn() {}
    let meter = telemetry.meter();
    assert_eq!((meter.findings.get(), meter.lost_bytes.get()), (2, poison.len() as u64));
    assert_eq!(meter.self_alerts(), [("sealtail/bytes-lost", 1)]);
}

/// One message of an alert cannot be made; those before and after it can.
#[tokio::test]
async fn an_alert_that_broke_reading_once_is_told_again_with_its_next_message() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::of(Vec::new()));
    let _installed = disk.install();
    std::fs::write(folder.path().join("worker.log"), failure(POISON_LATER) + HEALTHY).unwrap();
    let destination = Destination::Webhook(Webhook { url: Secret::new("http://127.0.0.1/"), key: None });
    let sink = Sink { name: "ops".to_owned(), route: Route::default(), max_per_minute: 0, destination };
    let (mut watch, _) = watch_with(&folder, vec![sink], Clock::new(Timestamp::now(), Instant::now()));
    while watch.turn() {}
    let hour = jiff::SignedDuration::from_hours(1);
    let policy = Policy { resolve_after: Duration::from_secs(86_400), ..Policy::default() };
    watch.pipeline.correlator.set_policy(policy);
    let begun = watch.now().moment.steady;
    let due = |watch: &mut Watch, hours: i32| watch.pipeline.correlator.tick(begun + hour * hours).remove(0);
    let (second, third) = (due(&mut watch, 1), due(&mut watch, 2));
    let tell = |watch: &mut Watch, notice: &Notice| {
        watch.pipeline.pending.messages.clear();
        let told = catch_unwind(AssertUnwindSafe(|| watch.pipeline.tell_due(notice)));
        if told.is_err() {
            // As whoever begins reading again does.
            assert!(watch.pipeline.quarantine.blame());
        }
        (told.is_ok(), watch.pipeline.pending.messages.len())
    };
    assert_eq!(tell(&mut watch, &second), (false, 0), "it breaks");
    assert_eq!(tell(&mut watch, &second), (true, 0), "and is left out");
    assert_eq!(tell(&mut watch, &third), (true, 1));
    // It is over, and opens again: its second message is another one.
    due(&mut watch, 48);
    let later = failure(POISON_LATER).replace("T14:33", "T18:33");
    std::fs::write(folder.path().join("later.log"), later + HEALTHY).unwrap();
    watch.swept_at = None;
    while watch.turn() {}
    let second = watch.pipeline.correlator.tick(watch.now().moment.steady + hour).remove(0);
    assert_eq!((second.sequence(), tell(&mut watch, &second)), (2, (false, 0)), "it is tried");
}

/// The clock of the box is set by a day after the start: the other one shows what it showed before.
#[tokio::test]
async fn a_clock_that_is_set_neither_repeats_nor_resolves() {
    for hours in [-24, 24] {
        let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::of(Vec::new()));
        let _installed = disk.install();
        std::fs::write(folder.path().join("worker.log"), failure("one") + HEALTHY).unwrap();
        let before = Timestamp::now() + jiff::SignedDuration::from_hours(hours);
        let (mut watch, telemetry) = watch_with(&folder, Vec::new(), Clock::new(before, Instant::now()));
        for _ in 0..3 {
            watch.ticked_at -= TICK_EVERY;
            watch.turn();
            assert_eq!(telemetry.meter().alerts.get(), 1, "{hours}");
        }
    }
}
