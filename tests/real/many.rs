//! Many files, of which few or all are busy.

use std::fs;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::rig::{Figures, Rig};
use crate::tally::Layout;
use crate::writer::open;

const QUIET_LINE: &str =
    "2022-06-24T14:00:00.5+08:00  INFO ThreadId(07) venus_worker::sealing: all is well\n";

#[test]
#[ignore = "needs the release program, and time"]
fn twenty_thousand_files_of_which_ten_are_busy() {
    const FILES: usize = 20_000;
    const BUSY: usize = 10;
    // Longer than the longest time between two sweeps: a window without one would measure nothing.
    const MEASURED: Duration = Duration::from_secs(65);
    let rig = Rig::new();
    let layout = Layout { width: 10 };
    let path = |number: usize| rig.path(&format!("log/worker-{number}.log"));
    for number in 0..FILES {
        fs::write(path(number), QUIET_LINE).unwrap();
    }
    open(&path(FILES - 1)).write_all(layout.line(0).as_bytes()).unwrap();
    let figures = Figures::of("20,000 files, 10 busy");
    let watching = rig.watch();
    let started = Instant::now();
    watching.settle(0..1, layout);
    let begun = started.elapsed().as_secs_f64();
    let mut busy: Vec<_> = (0..BUSY).map(|number| open(&path(number * (FILES / BUSY) + 7))).collect();
    // The pace of looking at all files halves with every look at which nothing is new.
    thread::sleep(Duration::from_secs(40));
    let (cpu, started) = (watching.cpu(), Instant::now());
    while started.elapsed() < MEASURED {
        busy.iter_mut().for_each(|file| file.write_all(QUIET_LINE.as_bytes()).unwrap());
        thread::sleep(Duration::from_secs(1));
    }
    let idle = (watching.cpu() - cpu) / started.elapsed().as_secs_f64() * 100.0;
    let woken = Instant::now();
    for number in 1..21 {
        open(&path(number as usize * 777)).write_all(layout.line(number).as_bytes()).unwrap();
    }
    watching.settle(0..21, layout);
    let woken = woken.elapsed().as_secs_f64();
    let (descriptors, memory) = (watching.descriptors(), watching.memory("VmHWM"));
    let (tally, log) = watching.stop();
    let figures = figures
        .with("read after", format!("{begun:.1} s"))
        .with("idle processor", format!("{idle:.2} %"))
        .with("open", descriptors)
        .with("memory", format!("{memory} KiB"))
        .with("quiet files woken and counted within", format!("{woken:.1} s"));
    let off = figures.lines(&tally, 0..21, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    // Twice what is wanted of a quiet machine, and four times what was measured on a busy one.
    assert!(idle < 2.0, "{idle} % of a processor with nothing to do");
    assert!(descriptors <= 512 + BUSY + 50, "{descriptors} open files");
}

/// 20,000 lines a second in 500 files, and a line of 512 MiB beside them.
#[test]
#[ignore = "needs the release program, and time"]
fn five_hundred_busy_files_and_a_line_without_end() {
    const FILES: u64 = 500;
    const LINES: u64 = 100_000;
    const BLOCKS: usize = 128;
    const MEMORY_MAX_KIB: u64 = 64 * 1024;
    let rig = Rig::new();
    let (layout, figures) = (Layout { width: 1_000 }, Figures::of("500 busy files, a line of 512 MiB"));
    let watching = rig.watch();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = open(&rig.path("log/endless.log"));
            let block = vec![b'a'; 4 << 20];
            log.write_all(layout.line(LINES).trim_end().as_bytes()).unwrap();
            (0..BLOCKS).for_each(|_| log.write_all(&block).unwrap());
            log.write_all(b"\n").unwrap();
            log.write_all(layout.line(LINES + 1).as_bytes()).unwrap();
        });
        let mut logs: Vec<_> =
            (0..FILES).map(|number| open(&rig.path(&format!("log/worker-{number}.log")))).collect();
        for number in 0..LINES {
            let log = &mut logs[(number % FILES) as usize];
            log.write_all(layout.line(number).as_bytes()).unwrap();
            if number % 1_000 == 999 {
                // 20,000 lines a second.
                thread::sleep(Duration::from_millis(50));
            }
        }
    });
    watching.settle(0..LINES + 2, layout);
    let memory = watching.memory("VmHWM");
    let (tally, log) = watching.stop();
    let off = figures.with("memory", format!("{memory} KiB")).lines(&tally, 0..LINES + 2, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
    assert_eq!(log.matches("further such lines of this file are counted").count(), 1, "{log}");
    assert!(memory < MEMORY_MAX_KIB, "{memory} KiB");
}

/// How long it takes from a line's last byte in its file to its alert, while 500 files are busy.
#[test]
#[ignore = "needs the release program, and time"]
fn a_line_among_five_hundred_busy_files_is_told_soon() {
    const FILES: usize = 500;
    const PROBES: u64 = 300;
    /// Far more than it takes on a quiet machine.
    const SLOWEST: Duration = Duration::from_secs(5);
    let rig = Rig::new();
    // Every probe is an alert of its own.
    let (layout, figures) = (Layout { width: 1 }, Figures::of("500 busy files, from a line to its alert"));
    let watching = rig.watch();
    let mut logs: Vec<_> =
        (0..FILES).map(|number| open(&rig.path(&format!("log/worker-{number}.log")))).collect();
    logs.iter_mut().for_each(|log| log.write_all(QUIET_LINE.as_bytes()).unwrap());
    let (mut taken, mut turn, started) = (Vec::<Duration>::new(), 0, Instant::now());
    for probe in 0..PROBES {
        let log = &mut logs[probe as usize * 37 % FILES];
        // The line behind it ends its record.
        log.write_all((layout.line(probe) + QUIET_LINE).as_bytes()).unwrap();
        let written = Instant::now();
        while !watching.tally(|tally| tally.opened.contains(&probe)) {
            assert!(written.elapsed() < 4 * SLOWEST, "probe {probe} is not told");
            // The others go on meanwhile, 20 lines a millisecond.
            for _ in 0..20 {
                turn += 1;
                logs[turn % FILES].write_all(QUIET_LINE.as_bytes()).unwrap();
            }
            thread::sleep(Duration::from_millis(1));
        }
        taken.push(written.elapsed());
    }
    let pace = turn as f64 / started.elapsed().as_secs_f64();
    taken.sort_unstable();
    let at = |percent: usize| taken[(taken.len() - 1) * percent / 100];
    let milliseconds = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1e3);
    let (_, log) = watching.stop();
    figures
        .with("lines a second", format!("{pace:.0}"))
        .with("p50", milliseconds(at(50)))
        .with("p99", milliseconds(at(99)))
        .with("most", milliseconds(at(100)))
        .print();
    assert!(at(99) < SLOWEST, "{taken:?}\n{log}");
}
