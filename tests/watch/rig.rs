//! A folder with a configuration and logs, and a receiver for what is found in them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::inbox::{Inbox, found};
use crate::program::{Running, failure, healthy, sealtail};
use crate::receiver::{Answer, Got};

pub struct Rig {
    folder: TempDir,
    pub inbox: Inbox,
}

impl Rig {
    /// One whose receiver takes everything.
    pub fn new() -> Rig {
        Rig::answering(|_, _| Answer::status(200))
    }

    pub fn answering(answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static) -> Rig {
        let rig = Rig { folder: tempfile::tempdir().unwrap(), inbox: Inbox::start(answer) };
        fs::create_dir(rig.path("log")).unwrap();
        rig.configure(&rig.settings());
        rig
    }

    /// One in which alerts resolve as soon as they may, so that every finding is counted out.
    pub fn counting() -> Rig {
        let rig = Rig::new();
        rig.configure(&format!("{}[alert]\nresolve_after = \"1s\"\n", rig.settings()));
        rig
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration, unless a test has another.
    pub fn settings(&self) -> String {
        format!(
            r#"state_dir = "state"
host = "seal-07"

[[source]]
name = "worker"
paths = ["log/*.log"]
start = "beginning"
hold = "50ms"

{}"#,
            sink("ops", &self.inbox.url())
        )
    }

    pub fn configure(&self, settings: &str) {
        fs::write(self.path("sealtail.toml"), settings).unwrap();
    }

    /// Starts to watch.
    pub fn watch(&self) -> Running {
        self.watch_with::<&str>(&[])
    }

    pub fn watch_with<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Running {
        let mut command = sealtail();
        command.arg("watch").arg("--config").arg(self.path("sealtail.toml")).args(arguments);
        Running::start(command)
    }

    /// A log in the folder that is watched.
    pub fn log(&self, name: &str) -> Log {
        Log::create(&self.path("log").join(name))
    }

    /// Waits until each of these pids was counted out; each must have been found in one line.
    pub fn assert_each_once(&self, pids: std::ops::Range<u64>) {
        let events = self.inbox.until_all(pids.clone(), |events| found(events).into_keys().collect());
        let once = pids.clone().map(|pid| (pid, 1)).collect();
        assert_eq!(found(&events), once);
        assert_eq!(events.len() as u64, 2 * (pids.end - pids.start), "one opening and one end each");
    }
}

/// Ends `running` and holds that nothing was lost on the way.
pub fn stop(running: Running) {
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("ERROR"), "{}", ran.stderr);
}

/// A webhook without a limit.
pub fn sink(name: &str, url: &str) -> String {
    format!("[[sink.webhook]]\nname = \"{name}\"\nurl = \"{url}\"\nmax_per_minute = 0\n")
}

/// `settings` with `old` in it replaced.
pub fn swap(settings: &str, old: &str, new: &str) -> String {
    assert!(settings.contains(old), "{old:?} is not in\n{settings}");
    settings.replace(old, new)
}

/// A log and its writer.
pub struct Log {
    file: File,
    pub path: PathBuf,
}

impl Log {
    /// A new file, or one that is written on.
    pub fn create(path: &Path) -> Log {
        let file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        Log { file, path: path.to_owned() }
    }

    pub fn write(&mut self, text: impl AsRef<[u8]>) {
        self.file.write_all(text.as_ref()).unwrap();
    }

    /// Writes one failing line for each pid, and what is nothing in between.
    pub fn fail(&mut self, pids: std::ops::Range<u64>) {
        for pid in pids {
            self.write(healthy(pid) + &failure(pid, pid));
        }
        // The next line tells that the one before it is whole.
        self.write(healthy(0));
    }

    /// Moves the file to `<name>.1`, and those before it one on; writes go to a new file from now on.
    /// The old one, still open, is returned.
    pub fn rotate(&mut self) -> File {
        self.shift();
        fs::rename(&self.path, self.numbered(1)).unwrap();
        let new = Log::create(&self.path).file;
        std::mem::replace(&mut self.file, new)
    }

    /// Copies the file to `<name>.1`, those before it moved one on, and empties it.
    pub fn copy_and_truncate(&mut self) {
        self.shift();
        fs::copy(&self.path, self.numbered(1)).unwrap();
        self.file.set_len(0).unwrap();
    }

    fn shift(&self) {
        let last = (1..).find(|&number| !self.numbered(number).exists()).unwrap();
        for number in (1..last).rev() {
            fs::rename(self.numbered(number), self.numbered(number + 1)).unwrap();
        }
    }

    fn numbered(&self, number: usize) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}
