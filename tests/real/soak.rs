//! What lasts: hundreds of rotations, and too little processor time.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
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

/// As many rotations as a box makes in twelve weeks if it rotates every hour; three old files are kept.
#[test]
#[ignore = "needs the release program, and time"]
fn two_thousand_rotations_leave_nothing_behind() {
    const ROTATIONS: u64 = 2_000;
    const LINES: u64 = 50;
    let rig = Rig::new();
    let (layout, figures) = (Layout { width: LINES }, Figures::of("2,000 rotations, three old files kept"));
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
    let Some(_spinner) = Spinner::start() else { skip!("taskset is not installed") };
    let rig = Rig::new();
    // Weight 110 against 1,024.
    let watching = rig.watch_under(&["taskset", "-c", "0", "nice", "-n", "10"]);
    falls_behind_and_catches_up("a tenth of a processor", &rig, watching);
}

/// A control group of a tenth of a processor, of either version; it goes when this is dropped.
struct Quota(PathBuf);

impl Quota {
    fn tenth() -> Result<Quota, String> {
        let versions = [
            ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "10000"),
            ("/sys/fs/cgroup", "cpu.max", "10000 100000"),
        ];
        let mut why = Vec::new();
        for (root, file, limit) in versions {
            let folder = Path::new(root).join(format!("sealtail-test-{}", std::process::id()));
            let quota = fs::create_dir(&folder).map(|()| Quota(folder.clone()));
            match quota.and_then(|quota| fs::write(folder.join(file), limit).map(|()| quota)) {
                Ok(quota) => return Ok(quota),
                Err(error) => why.push(format!("{}: {error}", folder.join(file).display())),
            }
        }
        Err(why.join(", "))
    }

    /// Periods in which the program had to wait for the next.
    fn throttled(&self) -> u64 {
        let stat = fs::read_to_string(self.0.join("cpu.stat")).unwrap();
        stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")).unwrap().parse().unwrap()
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // The program in it has ended, where the test went well.
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
#[ignore = "needs a control group, and time"]
fn a_quota_of_a_tenth_of_a_processor() {
    let quota = match Quota::tenth() {
        Ok(quota) => quota,
        Err(why) => skip!("no control group: {why}"),
    };
    let rig = Rig::new();
    let join = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", quota.0.display());
    let watching = rig.watch_under(&["sh", "-c", &join, "sh"]);
    falls_behind_and_catches_up("a quota of a tenth of a processor", &rig, watching);
    assert!(quota.throttled() > 50, "the quota was felt for seconds: {}", quota.throttled());
}

/// Too much comes at once for the processor time there is: another file does not wait for all of it, and
/// in the end all of it is read.
fn falls_behind_and_catches_up(what: &'static str, rig: &Rig, watching: Watching) {
    const LINES: u64 = 60_000;
    let (layout, figures) = (Layout { width: 1_000 }, Figures::of(what));
    let mut big = open(&rig.path("log/big.log"));
    let healthy = "2022-06-24T14:00:00.5+08:00  INFO ThreadId(07) venus_worker::sealing: all is well\n";
    for number in 0..LINES {
        big.write_all((healthy.repeat(5) + &layout.line(number)).as_bytes()).unwrap();
    }
    let written = Instant::now();
    open(&rig.path("log/small.log")).write_all(layout.line(LINES).as_bytes()).unwrap();
    let row = LINES / layout.width;
    watching.wait("the small file is read", |watching| watching.tally(|tally| tally.opened.contains(&row)));
    let small = written.elapsed();
    let last = (LINES - 1) / layout.width;
    let ahead = watching.tally(|tally| !tally.opened.contains(&last));
    watching.settle(0..LINES + 1, layout);
    let all = written.elapsed();
    let (tally, log) = watching.stop();
    let figures = figures.with("another file after", format!("{:.1} s", small.as_secs_f64()));
    let figures = figures.with("all after", format!("{:.1} s", all.as_secs_f64()));
    let off = figures.lines(&tally, 0..LINES + 1, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    assert!(ahead, "the small file was read after the whole big one");
}
