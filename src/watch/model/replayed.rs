//! What is told of a log that grows in any pieces, is rotated and is read by one run after another, is what a
//! replay of its files tells: the same alerts, of the same records, at the same times; and the same records are counted.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::follower::DETECTOR;
use super::*;
use crate::correlate::Policy;
use crate::model::alert::{Alert, Lang};
use crate::model::record::{Level, LevelCounts};
use crate::replay::{Event, History as Findings, Replay};
use crate::source::archive::Input;
use crate::watch::pipeline::ByLevel;

#[derive(Debug, Clone, Copy)]
pub enum Line {
    Healthy,
    Empty,
    /// It explains the empty tanks of the next seconds.
    Burst,
    /// An empty tank that only the line before dates.
    Panic,
    /// What goes on with the record before it.
    More,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Grow(usize),
    Rotate,
    Restart { committed: bool },
}

pub fn lines() -> impl Strategy<Value = Vec<(Line, u8)>> {
    let line = prop_oneof![
        3 => Just(Line::Healthy),
        2 => Just(Line::Empty),
        1 => Just(Line::Burst),
        4 => Just(Line::Panic),
        2 => Just(Line::More),
    ];
    prop::collection::vec((line, 0..4_u8), 1..40)
}

fn steps(rotations: u32, restarts: u32) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        60 => (1..400_usize).prop_map(Step::Grow),
        rotations => Just(Step::Rotate),
        restarts => any::<bool>().prop_map(|committed| Step::Restart { committed }),
    ];
    prop::collection::vec(step, 1..40)
}

/// The text of the lines, and whether each is dated; every tank is an alert of its own.
pub fn texts(lines: &[(Line, u8)]) -> Vec<(bool, String)> {
    let mut second = 0;
    let first = (Line::Healthy, 0);
    let texts = std::iter::once(&first).chain(lines).enumerate().map(|(tank, &(line, later))| {
        second += u64::from(later);
        let (minutes, seconds) = (second / 60, second % 60);
        let dated = |text: &str| {
            format!("2022-06-24T14:{minutes:02}:{seconds:02}.000001+08:00 ERROR ThreadId(42) site::flux: tank {tank}: {text}\n")
        };
        match line {
            Line::Healthy => (true, dated("the flux capacitor is full of it, and all is well")),
            Line::Empty => (true, dated("the flux capacitor is empty")),
            Line::Burst => (true, dated("the flux pipe has burst")),
            Line::Panic => {
                (false, format!("thread 'x' panicked at 'tank {tank}: the flux capacitor is empty', b.rs:1:2\n"))
            }
            Line::More => (false, "   0: it is long known\n".to_owned()),
        }
    });
    texts.collect()
}

struct Log {
    follower: Follower,
    folder: tempfile::TempDir,
    /// Those that were rotated away, from the oldest.
    rotated: Vec<PathBuf>,
    _installed: Installed,
}

impl Log {
    fn new(all_named: bool) -> Log {
        let folder = tempfile::tempdir().unwrap();
        let glob = folder.path().join(if all_named { "worker.log*" } else { "worker.log" });
        let settings = Settings {
            name: "worker".to_owned(),
            paths: vec![glob.to_str().unwrap().to_owned()],
            exclude: Vec::new(),
            start: Start::Beginning,
            poll: None,
            hold: Duration::from_millis(500),
        };
        let disk = disk::Disk::of(Vec::new());
        let installed = disk.install();
        let follower = Follower::new(settings, disk);
        Log { follower, folder, rotated: Vec::new(), _installed: installed }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("worker.log")
    }

    fn append(&self, text: &str) {
        let file = OpenOptions::new().append(true).create(true).open(self.path());
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Writes `lines` as `steps` say; what follows them all at once.
    fn live(&mut self, lines: &[(bool, String)], steps: &[Step]) {
        let text: String = lines.iter().map(|(_, text)| text.as_str()).collect();
        let mut starts = Vec::new();
        lines.iter().fold(0, |at, (is_dated, text)| {
            starts.extend(is_dated.then_some(at));
            at + text.len()
        });
        let mut at = 0;
        for step in steps {
            match *step {
                Step::Grow(length) => {
                    let to = text.len().min(at + length);
                    self.append(&text[at..to]);
                    at = to;
                    self.follower.turn(0, true);
                }
                Step::Rotate => {
                    // A file is a log of its own: what stands before its first time has none.
                    let Some(&next) = starts.iter().find(|start| **start > at) else { continue };
                    self.append(&text[at..next]);
                    self.follower.turn(0, true);
                    let name = format!("worker.log-{:08}", 20_260_000 + self.rotated.len());
                    self.rotated.push(self.folder.path().join(name));
                    fs::rename(self.path(), self.rotated.last().unwrap()).unwrap();
                    at = next + text[next..].find('\n').unwrap() + 1;
                    self.append(&text[next..at]);
                    self.follower.turn(0, true);
                }
                Step::Restart { committed } => {
                    self.follower.turn(0, committed);
                    self.follower.crash(None);
                }
            }
        }
        self.append(&text[at..]);
        for _ in 0..4 {
            self.follower.turn(61, true);
        }
        self.follower.close();
        assert_eq!(self.follower.troubles, []);
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.rotated.iter().cloned().chain([self.path()])
    }

    /// Records by level that are over: the last of a file that is still followed may go on.
    fn levels(&self, all_named: bool) -> LevelCounts {
        let mut files = BTreeMap::<String, Vec<Option<Level>>>::new();
        let add = |event: Event<'_, _>| -> Result<(), Infallible> {
            if let Event::Observed(path, _, levels) = event {
                files.entry(path.to_owned()).or_default().extend(levels);
            }
            Ok(())
        };
        let Ok(_) = replay(self.files()).run_observed(&ByLevel, add);
        let mut counts = LevelCounts::default();
        for (path, mut levels) in files {
            if all_named || Path::new(&path) == self.path() {
                levels.pop();
            }
            levels.into_iter().for_each(|level| counts.add(level, 1));
        }
        counts
    }

    fn replayed(&self) -> Vec<Alert> {
        replayed(self.files(), self.follower.wall)
    }
}

fn replay(files: impl Iterator<Item = PathBuf>) -> Replay<'static> {
    Replay::new(&DETECTOR, files.map(|path| Ok(Input::File(path))).collect())
}

/// What a replay of `files` tells.
pub fn replayed(files: impl Iterator<Item = PathBuf>, wall: Timestamp) -> Vec<Alert> {
    let mut replay = replay(files);
    replay.for_alerts = Some(2);
    let mut history = Findings::new(wall);
    let add = |event: Event<'_>| -> Result<(), Infallible> {
        if let Event::Finding(path, seen) = event {
            history.add(path, *seen);
        }
        Ok(())
    };
    let Ok(_) = replay.run(add);
    let mut alerts = Vec::new();
    let Ok(()) = history.tell("seal-07", Policy::default(), |notice| -> Result<(), Infallible> {
        alerts.push(notice.render(DETECTOR.catalogue(), Lang::En, &Default::default()));
        Ok(())
    });
    alerts
}

/// What the first message of each alert says, but for the path and the lines around the record.
pub fn opening(alerts: &[Alert]) -> Vec<String> {
    let first = alerts.iter().filter(|alert| alert.sequence == 1);
    let said = first.map(|alert| {
        let Alert { signature, group, line, offset, record, first_seen, last_seen, .. } = alert;
        format!("{signature} {group:?} {line} {offset} {record:?} {first_seen} {last_seen}")
    });
    let mut said: Vec<_> = said.collect();
    said.sort();
    said
}

fn assert_same(all_named: bool, lines: &[(Line, u8)], steps: &[Step]) {
    let mut log = Log::new(all_named);
    log.live(&texts(lines), steps);
    assert_eq!(opening(&log.follower.inbox.alerts), opening(&log.replayed()));
    assert_eq!(log.follower.counted(), log.levels(all_named));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: histories().0 / 4,
        rng_seed: histories().1,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..ProptestConfig::default()
    })]

    /// No pipe bursts: which alert explains which is not known after a restart, and the last record of a file
    /// that is rotated away may be read after the first of the next.
    #[test]
    fn through_rotations_and_restarts(all_named in any::<bool>(), lines in lines(), steps in steps(8, 8)) {
        let lines: Vec<_> = lines.into_iter().filter(|(line, _)| !matches!(line, Line::Burst)).collect();
        assert_same(all_named, &lines, &steps);
    }

    #[test]
    fn with_causes_and_what_follows_from_them(lines in lines(), steps in steps(0, 0)) {
        assert_same(false, &lines, &steps);
    }
}
