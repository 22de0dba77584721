//! What lasts: hundreds of rotations, and too little processor time.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::rig::{Figures, Rig, Watching};
use crate::skip;
use crate::tally::Layout;
use crate::writer::open;

/// Descriptors, resident memory in KiB, and bytes of the state.
#[derive(Debug, Clone, Copy)]
struct Size {
    descriptors: usize,
    memory: u64,
    state: u64,
}

fn size(rig: &Rig, watching: &Watching) -> Size {
    let files = fs::read_dir(rig.path("state")).unwrap();
    let state = files.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    Size { descriptors: watching.descriptors(), memory: watching.memory("VmRSS"), state }
}

/// As many rotations as a box makes in eight days if it rotates every hour; three old files are kept.
#[test]
#[ignore = "needs the release program, and time"]
fn two_hundred_rotations_leave_nothing_behind() {
    const ROTATIONS: u64 = 200;
    const LINES: u64 = 50;
    let rig = Rig::new();
    let (layout, figures) = (Layout { width: LINES }, Figures::of("200 rotations, three old files kept"));
    let watching = rig.watch();
    let path = |number: u64| {
        rig.path(&if number == 0 { "log/worker.log".to_owned() } else { format!("log/worker.log.{number}") })
    };
    let mut sizes = Vec::new();
    for rotation in 0..ROTATIONS {
        let mut log = open(&path(0));
        (0..LINES).for_each(|line| log.write_all(layout.line(rotation * LINES + line).as_bytes()).unwrap());
        watching.wait("the row is told", |watching| watching.tally(|tally| tally.opened.contains(&rotation)));
        for number in (0..3).rev().filter(|&number| path(number).exists()) {
            fs::rename(path(number), path(number + 1)).unwrap();
        }
        if (rotation + 1) % (ROTATIONS / 4) == 0 {
            watching.settle(0..(rotation + 1) * LINES, layout);
            sizes.push(size(&rig, &watching));
        }
    }
    let (tally, log) = watching.stop();
    let (after, end) = (sizes[1], sizes[3]);
    let off = figures
        .with("open", format!("{} → {}", after.descriptors, end.descriptors))
        .with("memory", format!("{} → {} KiB", after.memory, end.memory))
        .with("state", format!("{} → {} B", after.state, end.state))
        .lines(&tally, 0..ROTATIONS * LINES, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    let flat = |before: u64, after: u64| after * 10 <= before * 11;
    assert!(end.descriptors <= after.descriptors + 3, "{sizes:?}");
    assert!(flat(after.memory, end.memory) && flat(after.state, end.state), "{sizes:?}");
}

/// A program that takes all of one processor it can get; it ends when this is dropped.
struct Spinner(Child);

impl Drop for Spinner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Spinner {
    fn start() -> Option<Spinner> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0", "sh", "-c", "while :; do :; done"]);
        command.stdout(Stdio::null()).spawn().ok().map(Spinner)
    }
}

#[test]
#[ignore = "needs taskset, and time"]
fn a_tenth_of_a_processor() {
    const LINES: u64 = 60_000;
    let Some(spinner) = Spinner::start() else { skip!("taskset is not installed") };
    let rig = Rig::new();
    let (layout, figures) = (Layout { width: 1_000 }, Figures::of("a tenth of a processor"));
    // Weight 110 against 1,024.
    let watching = rig.watch_under(&["taskset", "-c", "0", "nice", "-n", "10"]);
    let mut big = open(&rig.path("log/big.log"));
    let healthy = "2022-06-24T14:00:00.5+08:00  INFO ThreadId(07) venus_worker::sealing: all is well\n";
    for number in 0..LINES {
        big.write_all((healthy.repeat(5) + &layout.line(number)).as_bytes()).unwrap();
    }
    // Another file does not wait until all of the first one is read.
    let small = Instant::now();
    open(&rig.path("log/small.log")).write_all(layout.line(LINES).as_bytes()).unwrap();
    let row = LINES / layout.width;
    watching.wait("the small file is read", |watching| watching.tally(|tally| tally.opened.contains(&row)));
    let small = small.elapsed();
    let last = (LINES - 1) / layout.width;
    let ahead = watching.tally(|tally| !tally.opened.contains(&last));
    watching.settle(0..LINES + 1, layout);
    drop(spinner);
    watching.settle(0..LINES + 1, layout);
    let (tally, log) = watching.stop();
    let off = figures.with("another file after", format!("{:.1} s", small.as_secs_f64())).lines(
        &tally,
        0..LINES + 1,
        layout,
    );
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    assert!(ahead, "the small file was read after the whole big one");
}
