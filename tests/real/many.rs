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
    assert_eq!(log.matches("only these are searched").count(), 1, "{log}");
    assert!(memory < MEMORY_MAX_KIB, "{memory} KiB");
}
