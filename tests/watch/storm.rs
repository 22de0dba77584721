//! An alert storm: few messages, exact counts, and a state and a process that stay small.
//!
//! By default it is a small one. `SEALTAIL_STORM=full` makes it a million lines and a hundred thousand
//! groups; that takes minutes, and an optimised program:
//! `SEALTAIL_STORM=full cargo test --release --test watch storm -- --nocapture`

use std::fmt::Write as _;

use crate::inbox::Event;
use crate::program::{Running, failure, healthy};
use crate::rig::{Rig, stop};

/// What the process may hold at its worst.
const MEMORY_BYTES_MAX: u64 = 160 << 20;
/// What the state may grow to.
const STATE_BYTES_MAX: u64 = 256 << 20;
/// Groups of one signature that have an alert of their own.
const GROUPS_MAX: u64 = 5_000;

fn full() -> bool {
    std::env::var_os("SEALTAIL_STORM").is_some_and(|storm| storm == "full")
}

/// One in which alerts resolve once nothing has come for some seconds, so that all is counted out,
/// and repeat meanwhile, so that whoever waits for the end sees that it goes on.
fn rig() -> Rig {
    let rig = Rig::new();
    rig.configure(&format!("{}[alert]\nresolve_after = \"3s\"\nrepeat_every = \"20s\"\n", rig.settings()));
    rig
}

/// A minute of log in which `lines` lines fail, each with the pid that `pid` gives it.
fn storm(lines: u64, pid: impl Fn(u64) -> u64) -> String {
    let mut log = String::new();
    for line in 0..lines {
        // Writing to a string cannot fail.
        let _ = write!(log, "{}", failure(line * 60 / lines, pid(line)));
    }
    log + &healthy(60)
}

/// Findings that all messages tell of, alerts and digests.
fn counted(events: &[Event]) -> u64 {
    let told = |event: &Event| {
        let findings = event.data["findings"].as_u64();
        findings.unwrap_or_else(|| event.number("new"))
    };
    events.iter().map(told).sum()
}

/// The most memory that the process has ever held, in bytes.
pub fn memory_max(running: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Watches a storm until `lines` findings were counted out; how many messages that took.
fn weather(name: &str, lines: u64, pid: impl Fn(u64) -> u64) -> usize {
    let rig = rig();
    rig.log("worker.log").write(storm(lines, pid));
    let started = std::time::Instant::now();
    let running = rig.watch();
    let events = rig.inbox.until("all findings", |events| counted(events) >= lines);
    assert_eq!(counted(&events), lines, "every finding is told once");
    let messages = events.len();
    drop(events);
    let (memory, seconds) = (memory_max(&running), started.elapsed().as_secs());
    let state = std::fs::metadata(rig.path("state/state.redb")).unwrap().len();
    stop(running);
    println!(
        "{name}: {lines} lines, {messages} messages, {seconds} s, {} MiB of memory, {} MiB of state",
        memory >> 20,
        state >> 20
    );
    assert!(memory <= MEMORY_BYTES_MAX, "{memory} bytes of memory");
    assert!(state <= STATE_BYTES_MAX, "{state} bytes of state");
    messages
}

#[test]
fn a_million_lines_are_a_few_messages_with_exact_counts() {
    let lines = if full() { 1_000_000 } else { 5_000 };
    let messages = weather("one failure again and again", lines, |line| line % 4);
    // Two for each pid, and again should the program ever stand still for the time of a resolution.
    assert!(messages < 200, "{messages}");
}

#[test]
fn groups_without_number_fill_neither_memory_nor_disk() {
    let lines = if full() { 100_000 } else { 1_200 };
    let messages = weather("a failure of many groups", lines, |line| line + 1) as u64;
    // Each that has an alert is told, and again should some of them resolve in the middle. Where more
    // waits than the receiver takes, digests tell the rest.
    assert!(messages <= 2 * lines && (full() || messages >= lines.min(GROUPS_MAX)), "{messages}");
}
