//! Rotation by the programs that do it on real boxes, under a writer that does not wait for them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::rig::{Figures, Rig, Watching};
use crate::skip;
use crate::tally::Layout;
use crate::writer::{Reopens, Writer, open};

/// `logrotate` runs this often: what takes days on a box takes seconds here.
const EVERY: Duration = Duration::from_millis(350);
const ROTATIONS: usize = 25;

/// The real one, where it is installed.
struct Logrotate<'a> {
    rig: &'a Rig,
}

impl Logrotate<'_> {
    fn with<'a>(rig: &'a Rig, directives: &str) -> Option<Logrotate<'a>> {
        Command::new("logrotate").arg("--version").output().ok()?;
        let log = rig.path("log/worker.log");
        let settings = format!("{} {{\n  rotate 1000\n  nodateext\n{directives}\n}}\n", log.display());
        fs::write(rig.path("logrotate.conf"), settings).unwrap();
        Some(Logrotate { rig })
    }

    /// Rotates now, whether it is due or not.
    fn run(&self) {
        let mut command = Command::new("logrotate");
        command.arg("--force").arg("--state").arg(self.rig.path("logrotate.state"));
        let output = command.arg(self.rig.path("logrotate.conf")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What is left when everything was written.
struct Night {
    lines: u64,
    watching: Watching,
}

/// Lets a writer write and `logrotate` rotate.
fn night(rig: &Rig, logrotate: &Logrotate<'_>, layout: Layout, pace: u64, reopens: Reopens) -> Night {
    let writer = Writer::start(rig.path("log/worker.log"), layout, pace, reopens);
    let watching = rig.watch();
    watching.wait("the first line is told", |watching| watching.tally(|tally| !tally.opened.is_empty()));
    for _ in 0..ROTATIONS {
        thread::sleep(EVERY);
        logrotate.run();
    }
    let lines = writer.stop();
    watching.settle(0..lines, layout);
    Night { lines, watching }
}

/// The numbers of all lines that are in some file, compressed or not.
fn in_files(folder: &Path) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::File::open(&path).unwrap();
        let mut text = Vec::new();
        if path.extension().is_some_and(|extension| extension == "gz") {
            flate2::read::MultiGzDecoder::new(file).read_to_end(&mut text).unwrap();
        } else {
            { file }.read_to_end(&mut text).unwrap();
        }
        // A truncation may cut a line in two, or leave zeros.
        let text = String::from_utf8_lossy(&text);
        let numbered = text.lines().filter_map(|line| line.rsplit_once(", line ")?.1.parse::<u64>().ok());
        numbers.extend(numbered);
    }
    numbers
}

fn renamed(what: &'static str, directives: &str, asked: bool) {
    let rig = Rig::new();
    let flag = rig.path("reopen");
    let reopens = if asked { Reopens::WhenAsked(flag.clone()) } else { Reopens::AtOnce };
    // The writer has let go of the old file when the script ends, as `logrotate` wants it.
    let script = format!(
        "  postrotate\n    touch {0}; n=0; while [ -e {0} ] && [ $n -lt 500 ]; do sleep 0.01; n=$((n+1)); done\n  endscript\n",
        flag.display()
    );
    let directives = format!("{directives}{}", if asked { &script } else { "" });
    let Some(logrotate) = Logrotate::with(&rig, &directives) else { skip!("logrotate is not installed") };
    let (layout, figures) = (Layout { width: 100 }, Figures::of(what));
    let Night { lines, watching } = night(&rig, &logrotate, layout, 5_000, reopens);
    let missing = watching.tally(|tally| tally.missing(0..lines, layout));
    let (tally, log) = watching.stop();
    let (lost, doubled) = figures.with("rotations", ROTATIONS).lines(&tally, 0..lines, layout);
    assert_eq!((lost, doubled), (0, 0), "rows {missing:?}\n{log}");
    assert_eq!(tally.gaps, 0, "nothing was lost:\n{log}");
}

#[test]
#[ignore = "needs logrotate, and time"]
fn logrotate_renames_and_compresses_a_day_later() {
    renamed("logrotate: create, compress, delaycompress", "  create\n  compress\n  delaycompress\n", false);
}

#[test]
#[ignore = "needs logrotate, and time"]
fn logrotate_renames_and_compresses_at_once() {
    renamed("logrotate: create, compress", "  create\n  compress\n", true);
}

#[test]
#[ignore = "needs logrotate, and time"]
fn logrotate_copies_and_truncates() {
    let rig = Rig::new();
    let Some(logrotate) = Logrotate::with(&rig, "  copytruncate\n  compress\n  delaycompress\n") else {
        skip!("logrotate is not installed")
    };
    let (layout, figures) =
        (Layout { width: 1 }, Figures::of("logrotate: copytruncate, compress, delaycompress"));
    let Night { lines, watching } = night(&rig, &logrotate, layout, 500, Reopens::Never);
    let missing: BTreeSet<u64> =
        watching.tally(|tally| tally.missing(0..lines, layout)).into_iter().collect();
    let (tally, log) = watching.stop();
    let there = in_files(&rig.path("log"));
    let in_none = (0..lines).filter(|number| !there.contains(number)).count();
    let kept: Vec<u64> = missing.intersection(&there).copied().collect();
    let figures = figures
        .with("rotations", ROTATIONS)
        .with("in no file", in_none)
        .with("lost though in a file", kept.len());
    let (_, doubled) = figures.lines(&tally, 0..lines, layout);
    assert_eq!(doubled, 0, "{log}");
    let bytes: u64 = kept.iter().map(|&number| layout.line(number).len() as u64).sum();
    assert!(kept.is_empty() || tally.gap_bytes >= bytes, "lost and not announced: {kept:?}\n{log}");
}

/// `rotatelogs -L`: a second name, a hard link, is moved to each new file.
#[test]
fn a_hard_link_moves_from_file_to_file() {
    const FILES: u64 = 20;
    const LINES: u64 = 200;
    let rig = Rig::new();
    let (layout, figures) = (Layout { width: 20 }, Figures::of("hard link as rotatelogs moves it"));
    let watching = rig.watch();
    for number in 0..FILES {
        let path = rig.path(&format!("log/worker.{number:04}.log"));
        let mut file = open(&path);
        fs::hard_link(&path, rig.path("log/.next")).unwrap();
        fs::rename(rig.path("log/.next"), rig.path("log/current.log")).unwrap();
        for line in number * LINES..(number + 1) * LINES {
            file.write_all(layout.line(line).as_bytes()).unwrap();
        }
        if number % 3 == 0 {
            let row = (number * LINES) / layout.width;
            watching.wait("it is read while it is written", |watching| {
                watching.tally(|tally| tally.opened.contains(&row))
            });
        }
    }
    watching.settle(0..FILES * LINES, layout);
    let (tally, log) = watching.stop();
    let off = figures.with("files", FILES).lines(&tally, 0..FILES * LINES, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
}
