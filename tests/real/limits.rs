//! Limits of the kernel: open files, watches, and events that wait to be read.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::rig::{Figures, Rig, Watching};
use crate::skip;
use crate::tally::Layout;
use crate::writer::open;

const FILES: u64 = 1_000;
/// What a shell sets before it turns into the program.
const UNDER: [&str; 3] = ["sh", "-c", ""];

/// A command that sets a limit and then becomes the program.
fn under<'a>(shell: &'a str, first: &[&'a str]) -> Vec<&'a str> {
    let mut words = first.to_vec();
    words.extend([UNDER[0], UNDER[1], shell, UNDER[0]]);
    words
}

/// Lines `0..` of a layout, one a file, in a thousand files.
fn one_line_a_file(rig: &Rig, layout: Layout, from: u64) {
    for number in from..from + FILES {
        let path = rig.path(&format!("log/{}.log", number % FILES));
        open(&path).write_all(layout.line(number).as_bytes()).unwrap();
    }
}

/// Soft and hard limit of open files.
fn limit_of_files(watching: &Watching) -> Vec<String> {
    let limits = watching.proc("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().skip(3).take(2).map(str::to_owned).collect()
}

#[test]
fn a_thousand_files_and_256_descriptors() {
    let rig = Rig::new();
    let (layout, figures) = (Layout { width: 10 }, Figures::of("1,000 files, hard limit 256"));
    one_line_a_file(&rig, layout, 0);
    let watching = rig.watch_under(&under("ulimit -n 256 && exec \"$@\"", &[]));
    assert_eq!(limit_of_files(&watching), ["256", "256"]);
    watching.settle(0..FILES, layout);
    one_line_a_file(&rig, layout, FILES);
    watching.settle(0..2 * FILES, layout);
    let descriptors = watching.descriptors();
    let (tally, log) = watching.stop();
    let figures = figures.with("open", descriptors).with("lines of its own log", log.lines().count());
    let off = figures.lines(&tally, 0..2 * FILES, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[test]
fn the_soft_limit_of_open_files_is_raised() {
    let rig = Rig::new();
    let watching = rig.watch_under(&under("ulimit -Sn 64 && exec \"$@\"", &[]));
    let limits = limit_of_files(&watching);
    assert_eq!(limits[0], limits[1]);
    assert_ne!(limits[0], "64");
}

/// The program is stopped while more happens than the kernel keeps for it.
#[test]
fn more_events_than_the_kernel_keeps() {
    let kept = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let kept: u64 = kept.trim().parse().unwrap();
    if kept > 100_000 {
        skip!("fs.inotify.max_queued_events is {kept}: too many to make");
    }
    let rig = Rig::new();
    let (layout, figures) = (Layout { width: 10 }, Figures::of("overflow of the queue of inotify"));
    one_line_a_file(&rig, layout, 0);
    let watching = rig.watch();
    watching.settle(0..FILES, layout);
    watching.signal(Signal::STOP);
    // Two files in turn: events that equal the one before are not kept.
    let mut noise = ["noise-1", "noise-2"].map(|name| open(&rig.path("log").join(name)));
    for number in 0..2 * kept {
        noise[(number % 2) as usize].write_all(b"\n").unwrap();
    }
    // Nobody hears of these.
    one_line_a_file(&rig, layout, FILES);
    let new = rig.path("log/new.log");
    open(&new).write_all(layout.line(2 * FILES).as_bytes()).unwrap();
    watching.signal(Signal::CONT);
    watching.settle(0..2 * FILES + 1, layout);
    let (tally, log) = watching.stop();
    let off = figures.with("events", 2 * kept).with("kept", kept).lines(&tally, 0..2 * FILES + 1, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
}

/// Bytes that are written one at a time, each an event, by more processors than take events in.
#[test]
#[ignore = "needs the release program, and time"]
fn writers_that_outrun_it_cost_no_memory() {
    const WRITERS: u64 = 3;
    const GROWTH_KIB_MAX: u64 = 128 << 10;
    let rig = Rig::new();
    let (layout, figures) = (Layout { width: 10 }, Figures::of("three writers of single bytes, 15 s"));
    one_line_a_file(&rig, layout, 0);
    let watching = rig.watch();
    watching.settle(0..FILES, layout);
    let before = watching.memory("VmHWM");
    let end = Instant::now() + Duration::from_secs(15);
    let write = || {
        let mut logs: Vec<_> = (0..50).map(|number| open(&rig.path(&format!("log/{number}.log")))).collect();
        let mut count = 0;
        while Instant::now() < end {
            logs.iter_mut().for_each(|log| log.write_all(b"\n").unwrap());
            count += logs.len();
        }
        count
    };
    let writes: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    one_line_a_file(&rig, layout, FILES);
    watching.settle(0..2 * FILES, layout);
    let growth = watching.memory("VmHWM") - before;
    let (tally, log) = watching.stop();
    let figures = figures.with("writes", writes).with("more memory", format!("{growth} KiB"));
    let off = figures.lines(&tally, 0..2 * FILES, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    assert!(growth <= GROWTH_KIB_MAX, "{growth} KiB more");
}

/// In a user namespace of its own, where a limit can be low without touching others.
fn starved(what: &'static str, setting: &str, allowed: u64, named: &str) {
    let probe = ["unshare", "--user", "--map-root-user", "sh", "-c"];
    let set = format!("echo {allowed} > /proc/sys/user/{setting}");
    let probed = Command::new(probe[0]).args(&probe[1..]).arg(&set).output();
    if !probed.is_ok_and(|output| output.status.success()) {
        skip!("a user namespace with its own /proc/sys/user/{setting} cannot be had");
    }
    let rig = Rig::following(&["log/*.log", "log/a/*.log", "log/b/*.log", "log/c/*.log"]);
    for folder in ["a", "b", "c"] {
        fs::create_dir(rig.path("log").join(folder)).unwrap();
    }
    let (layout, figures) = (Layout { width: 10 }, Figures::of(what));
    let set = format!("{set} && exec \"$@\"");
    let watching = rig.watch_under(&under(&set, &probe[..3]));
    let lines = 200;
    for number in 0..lines {
        let folder = ["log", "log/a", "log/b", "log/c"][(number % 4) as usize];
        let path = rig.path(folder).join(format!("{}.log", number % 40));
        open(&path).write_all(layout.line(number).as_bytes()).unwrap();
    }
    watching.settle(0..lines, layout);
    let (tally, log) = watching.stop();
    let off = figures.with("allowed", allowed).lines(&tally, 0..lines, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    assert_eq!(log.matches("polling goes on").count(), 1, "{log}");
    assert!(log.contains(&format!("{named} (now {allowed})")), "{log}");
}

#[test]
fn fewer_watches_than_folders() {
    starved("no more inotify watches", "max_inotify_watches", 2, "user.max_inotify_watches");
}

#[test]
fn no_instance_of_inotify() {
    starved("no inotify instance", "max_inotify_instances", 0, "user.max_inotify_instances");
}
