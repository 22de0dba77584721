//! Records that a rotation cuts in two, through crashes at every step.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::*;
use crate::model::alert::Alert;

const HEAD: &str = "2022-06-24T14:33:24.000001+08:00 ERROR ThreadId(42) site::flux: a tank has run dry\n";
const REST: &str = "it is long known that\ntank 7: the flux capacitor is empty\n";
const NEXT: &str =
    "2022-06-24T14:33:25.000001+08:00 ERROR ThreadId(42) site::flux: tank 8: the flux capacitor is empty\n";

/// A log and its follower, which looks at nothing by itself.
struct Log {
    follower: Follower,
    folder: tempfile::TempDir,
    _installed: Installed,
}

impl Log {
    /// With the first part of a record in it, read and committed.
    fn with_head(glob: &str) -> Log {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            name: "worker".to_owned(),
            paths: vec![folder.path().join(glob).to_str().unwrap().to_owned()],
            exclude: Vec::new(),
            start: Start::Beginning,
            poll: None,
            hold: Duration::from_millis(500),
        };
        let disk = disk::Disk::of(Vec::new());
        let installed = disk.install();
        let mut log = Log { follower: Follower::new(settings, disk), folder, _installed: installed };
        log.append(HEAD);
        log.follower.turn(0, true);
        log
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("worker.log")
    }

    fn append(&self, text: &str) {
        let file = fs::OpenOptions::new().append(true).create(true).open(self.path());
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, text: &str) {
        fs::rename(self.path(), self.folder.path().join("worker.log.1")).unwrap();
        self.append(text);
    }

    fn copy_truncate(&self, text: &str) {
        fs::copy(self.path(), self.folder.path().join("worker.log.1")).unwrap();
        fs::File::create(self.path()).unwrap();
        self.append(text);
    }

    /// Ends all of it; what was told of each tank, opened alerts alone.
    fn end(mut self) -> Vec<Alert> {
        for _ in 0..4 {
            self.follower.turn(61, true);
        }
        self.follower.close();
        assert_eq!(self.follower.troubles, []);
        let counted: u64 = self.follower.inbox.found().values().sum();
        let mut alerts = std::mem::take(&mut self.follower.inbox.alerts);
        alerts.retain(|alert| alert.sequence == 1);
        assert_eq!(counted, alerts.len() as u64, "each was found once");
        alerts
    }
}

fn assert_both(alerts: &[Alert], what: &str) {
    let [whole, next] = alerts else { panic!("{what}: {alerts:?}") };
    assert_eq!(whole.record, format!("{HEAD}{REST}").trim_end(), "{what}");
    assert_eq!((whole.line, whole.offset), (1, 0), "{what}: where it starts");
    assert_eq!(next.record, NEXT.trim_end(), "{what}");
    assert_eq!((next.line, next.offset), (3, REST.len() as u64), "{what}: its place in the new file");
    assert_eq!(Path::new(&next.path).file_name().unwrap(), "worker.log");
}

#[test]
fn it_is_one_record() {
    for glob in ["worker.log", "worker.log*"] {
        for rotate in [Log::rename, Log::copy_truncate] {
            let mut log = Log::with_head(glob);
            rotate(&log, &format!("{REST}{NEXT}"));
            log.follower.turn(4, true);
            assert_both(&log.end(), glob);
        }
    }
}

/// Whichever of the two files has its turn first: nothing but them says that there is more to do.
#[test]
fn it_is_one_record_in_whatever_order_its_files_are_read() {
    for glob in ["worker.log", "worker.log*"] {
        for rotate in [Log::rename, Log::copy_truncate] {
            let mut log = Log::with_head(glob);
            // Read again, for more of it was written.
            log.append("and cold\n");
            rotate(&log, &format!("{REST}{NEXT}"));
            log.follower.newest_first = true;
            log.follower.turn(0, true);
            assert!(log.follower.committed.contains(&7), "{glob}: told at once");
            let [whole, next] = &log.end()[..] else { panic!("{glob}: two alerts") };
            assert_eq!(whole.record, format!("{HEAD}and cold\n{REST}").trim_end(), "{glob}");
            assert_eq!(next.record, NEXT.trim_end(), "{glob}");
        }
    }
}

#[test]
fn what_comes_bit_by_bit_goes_on_with_it() {
    let mut log = Log::with_head("worker.log");
    let (first, second) = REST.split_at(REST.find('\n').unwrap() + 1);
    log.rename(first);
    log.follower.turn(1, true);
    // Nothing for `hold`: looked at as far as it is there.
    log.follower.turn(1, true);
    log.append(second);
    log.follower.turn(0, true);
    log.follower.turn(1, true);
    let early = log.follower.committed.contains(&7);
    assert!(early, "told before the next record starts");
    log.append(NEXT);
    log.follower.turn(0, true);
    assert_both(&log.end(), "in three parts");
}

#[test]
fn a_crash_at_any_step_loses_and_doubles_nothing() {
    // Whether the turn before the crash was committed, and how many turns there were.
    for (turns, commits) in [(0, false), (1, false), (1, true), (2, false), (2, true), (3, true)] {
        for (first, second) in [(format!("{REST}{NEXT}"), ""), (REST.to_owned(), NEXT)] {
            let mut log = Log::with_head("worker.log");
            log.rename(&first);
            for _ in 0..turns {
                log.follower.turn(1, commits);
            }
            log.follower.crash(None);
            log.follower.turn(0, true);
            log.append(second);
            log.follower.turn(0, true);
            let what = format!("{turns} turns, committed: {commits}, then {second:?}");
            if turns < 3 || second.is_empty() {
                assert_both(&log.end(), &what);
            } else {
                assert_eq!(log.end().len(), 2, "{what}");
            }
        }
    }
}

#[test]
fn a_log_of_its_own_is_not_gone_on_with() {
    for name in ["worker.log.err", "worker.log-b"] {
        let mut log = Log::with_head("worker.*");
        fs::rename(log.path(), log.folder.path().join("out")).unwrap();
        // It is over.
        log.follower.turn(61, true);
        log.follower.turn(61, true);
        fs::write(log.folder.path().join(name), HEAD).unwrap();
        log.follower.turn(0, true);
        log.append(&format!("{REST}{NEXT}"));
        log.follower.turn(1, true);
        let alerts = log.end();
        assert_eq!(alerts[0].record, REST.trim_end(), "{name}");
        assert_eq!((alerts.len(), alerts[0].line), (2, 1), "{name}");
    }
}

#[test]
fn five_seconds_later_it_is_another_one() {
    let mut log = Log::with_head("worker.log");
    fs::rename(log.path(), log.folder.path().join("worker.log.1")).unwrap();
    log.follower.turn(6, true);
    log.append(&format!("{REST}{NEXT}"));
    log.follower.turn(0, true);
    let alerts = log.end();
    assert_eq!(alerts[0].record, REST.trim_end());
    assert_eq!((alerts.len(), alerts[0].line), (2, 1));
}
