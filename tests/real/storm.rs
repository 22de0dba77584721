//! A storm as it blows: a million failing lines in a minute, read while they are written.

use std::fs;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::receiver::{Answer, Got, Receiver};
use crate::rig::{Figures, Rig};
use crate::tally::Layout;
use crate::writer::{Reopens, Writer, open};

/// What the process may hold at its worst.
const MEMORY_MAX_KIB: u64 = 160 * 1024;
/// Messages that the receiver takes one by one, a minute.
const LIMIT: usize = 20;

/// Findings that a message tells of, alert or digest.
fn findings(got: &Got) -> u64 {
    let data = &got.json()["data"];
    data["findings"].as_u64().or(data["new"].as_u64()).unwrap()
}

#[test]
#[ignore = "needs the release program, and minutes"]
fn a_million_lines_in_a_minute_are_a_few_messages() {
    const LINES_PER_SECOND: u64 = 16_700;
    let receiver = Receiver::start(|_, _| Answer::status(204));
    let rig = Rig::new();
    let (url, figures) = (receiver.url("/hook"), Figures::of("a million lines in a minute"));
    rig.add(&format!("[[sink.webhook]]\nname = \"ops\"\nurl = \"{url}\"\nmax_per_minute = {LIMIT}\n"));
    let layout = Layout { width: 1_000 };
    let watching = rig.watch();
    let started = Instant::now();
    let writer = Writer::start(rig.path("log/worker.log"), layout, LINES_PER_SECOND, Reopens::Never);
    thread::sleep(Duration::from_secs(60));
    let lines = writer.stop();
    let stopped = Instant::now();
    watching.settle(0..lines, layout);
    let behind = stopped.elapsed().as_secs_f64();
    // Every line is a finding in its row, and one in its column. The last of them wait for a digest or two.
    let deadline = Instant::now() + Duration::from_secs(300);
    let told = || receiver.got().iter().map(findings).sum::<u64>();
    while told() < 2 * lines && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
    }
    let (told, messages) = (told(), receiver.got().len());
    let minutes = started.elapsed().as_secs() as usize / 60 + 1;
    let memory = watching.memory("VmHWM");
    let (tally, log) = watching.stop();
    let off = figures
        .with("messages", format!("{messages} in {minutes} minutes"))
        .with("findings told", told)
        .with("counted out after the last line", format!("{behind:.1} s"))
        .with("memory", format!("{memory} KiB"))
        .lines(&tally, 0..lines, layout);
    assert_eq!((off, tally.gaps, told), ((0, 0), 0, 2 * lines), "{log}");
    // A bucket of them is full at the start, and each minute brings another and a digest.
    assert!(messages <= LIMIT + minutes * (LIMIT + 1), "{messages} messages in {minutes} minutes");
    assert!(memory < MEMORY_MAX_KIB, "{memory} KiB");
}

/// Forty thousand messages for a receiver that is not there: four times what may wait one by one.
#[test]
#[ignore = "needs the release program, and time"]
fn a_receiver_that_is_down_fills_neither_memory_nor_disk() {
    const BATCH: u64 = 4_000;
    const BATCHES: u64 = 5;
    const STATE_MAX_BYTES: u64 = 256 << 20;
    let rig = Rig::new();
    let figures = Figures::of("40,000 messages and no receiver");
    rig.add("[[sink.webhook]]\nname = \"ops\"\nurl = \"http://127.0.0.1:1\"\nmax_per_minute = 0\n");
    let layout = Layout { width: 1 };
    let watching = rig.watch();
    let mut log = open(&rig.path("log/worker.log"));
    for batch in 0..BATCHES {
        // Not more at once than have alerts of their own.
        let lines = batch * BATCH..(batch + 1) * BATCH;
        lines.clone().for_each(|line| log.write_all(layout.line(line).as_bytes()).unwrap());
        watching.settle(0..lines.end, layout);
    }
    let memory = watching.memory("VmHWM");
    let state = fs::metadata(rig.path("state/state.redb")).unwrap().len();
    let (tally, log) = watching.stop();
    let figures = figures.with("memory", format!("{memory} KiB")).with("state", format!("{state} B"));
    let off = figures.lines(&tally, 0..BATCH * BATCHES, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    assert!(memory < MEMORY_MAX_KIB && state < STATE_MAX_BYTES, "{memory} KiB, {state} bytes");
}
