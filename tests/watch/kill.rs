//! Killed at any instant, it loses nothing and tells nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use crate::inbox::{Event, Inbox, found};
use crate::program::{failure, healthy};
use crate::receiver::Answer;
use crate::rig::{Log, Rig, stop, swap};

const KILLS: u64 = 200;
/// A run lasts no longer than this, counted from its start or from when it watches.
const RUN_MS_MAX: u64 = 250;
/// One run in so many is killed as soon as it has started.
const AT_ONCE: u64 = 10;
/// Lines that are written at most: on a slow machine more would be more groups than have an alert of
/// their own.
const LINES_MAX: u64 = 4_000;
/// Lines come this often …
const PACE: Duration = Duration::from_millis(25);
/// … and the log is rotated once in so many lines.
const ROTATE_EVERY: u64 = 30;
/// A message fails no more often than this: the time until it is tried again doubles.
const FAILED_MAX: u32 = 4;

/// A number that looks random for each `number`: SplitMix64.
fn draw(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A receiver in trouble, once at least, until it is calm.
struct Trouble {
    seed: u64,
    calm: AtomicBool,
    /// The requests that were taken, by number.
    taken: Mutex<BTreeSet<usize>>,
    /// How often a message was not taken.
    failed: Mutex<BTreeMap<String, u32>>,
}

impl Trouble {
    fn answer(&self, id: &str, number: usize) -> Answer {
        let mut failed = self.failed.lock().unwrap();
        // On a busy machine no run may have come so far as to send before the last, which is calm.
        let is_calm = self.calm.load(Ordering::Relaxed) && failed.values().any(|&times| times > 0);
        let failed = failed.entry(id.to_owned()).or_default();
        let trouble = match draw(self.seed, number as u64) % 100 {
            _ if *failed == FAILED_MAX || is_calm => None,
            0..10 => Some(Answer::status(503)),
            10..14 => Some(Answer::with(429, "retry-after: 0")),
            14..16 => Some(Answer::with(429, "retry-after: 1")),
            16..25 => Some(Answer::Cut),
            _ => None,
        };
        *failed += u32::from(trouble.is_some());
        trouble.unwrap_or_else(|| {
            self.taken.lock().unwrap().insert(number);
            Answer::status(200)
        })
    }

    /// The pids of what was taken.
    fn taken(&self, events: &[Event]) -> BTreeSet<u64> {
        let taken = self.taken.lock().unwrap();
        taken.iter().filter_map(|&number| events.get(number)).map(Event::pid).collect()
    }
}

#[test]
fn two_hundred_times() {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = std::env::var("SEALTAIL_TEST_SEED").map_or(clock, |seed| seed.parse().unwrap());
    println!("SEALTAIL_TEST_SEED={seed}");
    let (calm, taken, failed) = Default::default();
    let trouble = Arc::new(Trouble { seed, calm, taken, failed });
    let asked = trouble.clone();
    let rig = Rig::answering(move |got, number| asked.answer(got.header("webhook-id").unwrap(), number));
    let lines = kill_again_and_again(&rig, seed);

    trouble.calm.store(true, Ordering::Relaxed);
    let running = rig.watch();
    drop(rig.inbox.until_all(1..lines + 1, |events| trouble.taken(events)));
    stop(running);
    {
        let events = rig.inbox.events();
        assert_eq!(trouble.taken(&events), (1..=lines).collect());
        assert_repeats_are_equal(&events);
        let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
        assert_eq!(ids.len() as u64, lines, "an alert was told under two ids");
    }
    assert_counted_once(&rig, lines);
}

/// Runs are killed while lines are written; how many lines.
fn kill_again_and_again(rig: &Rig, seed: u64) -> u64 {
    let written = AtomicBool::new(false);
    let log = rig.log("worker.log");
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(log, rig, seed, &written));
        for kill in 0..KILLS {
            let random = draw(!seed, kill);
            let running = rig.watch();
            if !random.is_multiple_of(AT_ONCE) {
                // Every other run gets as far as watching, however busy the machine is.
                if random.is_multiple_of(2) {
                    running.wait_for_stderr("watching ", 1);
                }
                thread::sleep(Duration::from_millis(random % RUN_MS_MAX));
            }
            let ran = running.end(Signal::KILL);
            assert_eq!(ran.status, -1, "it ended before it was killed: {}", ran.stderr);
            assert!(!ran.stderr.contains("ERROR"), "{}", ran.stderr);
        }
        written.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    })
}

/// Writes failing lines, numbered by their pids, until it is told to stop; how many.
///
/// What was rotated away before the very first look at the log is history: nothing is rotated before
/// something was told.
fn write(mut log: Log, rig: &Rig, seed: u64, stopped: &AtomicBool) -> u64 {
    let (mut line, mut seen) = (0, false);
    while !stopped.load(Ordering::Relaxed) && line < LINES_MAX {
        line += 1;
        log.write(healthy(line) + &failure(line, line));
        seen = seen || !rig.inbox.events().is_empty();
        if seen && draw(seed.rotate_left(32), line).is_multiple_of(ROTATE_EVERY) {
            log.rotate();
        }
        thread::sleep(PACE);
    }
    log.write(healthy(line));
    line
}

/// What comes again under the same id is the same.
fn assert_repeats_are_equal(events: &[Event]) {
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    for event in events {
        assert_eq!(event.got.header("webhook-id"), Some(&*event.id));
        assert_eq!(event.number("sequence"), 1);
        let first = *bodies.entry(&event.id).or_insert(&event.got.body);
        assert!(first == event.got.body, "{first}\n{}", event.got.body);
    }
    assert!(bodies.len() < events.len(), "nothing was sent again: the receiver was in no trouble");
}

/// The alerts are closed: each tells how often its line was found.
fn assert_counted_once(rig: &Rig, lines: u64) {
    let closing = Inbox::start(|_, _| Answer::status(200));
    let settings = swap(&rig.settings(), &rig.inbox.url(), &closing.url());
    rig.configure(&format!("{settings}[alert]\nresolve_after = \"1s\"\n"));
    let running = rig.watch();
    let events = closing.until_all(1..lines + 1, |events| found(events).into_keys().collect());
    assert_eq!(found(&events), (1..=lines).map(|line| (line, 1)).collect());
    assert_eq!(events.len() as u64, lines);
    drop(events);
    stop(running);
}
