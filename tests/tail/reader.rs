//! A reader that stands in for the engine: it settles at every newline and keeps the lines.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sealtail::frame::End;
use sealtail::model::position::Position;
use sealtail::source::tail::{Settings, Start, Tail, Trouble};

/// More chunks than any test has; beyond it `ready` never ends.
const CHUNKS_MAX: usize = 10_000;

pub struct Reader {
    pub folder: tempfile::TempDir,
    pub tail: Tail,
    pub settings: Settings,
    pub now: Instant,
    /// Lines since the last `take`.
    pub lines: Vec<String>,
    /// The id, offset and number of every line since the last `take`.
    pub places: Vec<(u64, u64, u64)>,
    pub troubles: Vec<Trouble>,
    /// What the store holds.
    pub committed: BTreeMap<u64, Position>,
    pub next_id: u64,
}

impl Reader {
    /// Follows `patterns` in an empty folder, from the start of every file.
    pub fn new(patterns: &[&str]) -> Reader {
        Reader::in_folder(tempfile::tempdir().unwrap(), patterns, Start::Beginning)
    }

    pub fn in_folder(folder: tempfile::TempDir, patterns: &[&str], start: Start) -> Reader {
        let path = |pattern: &&str| folder.path().join(pattern).to_str().unwrap().to_owned();
        let settings = Settings {
            name: "worker".to_owned(),
            paths: patterns.iter().map(path).collect(),
            exclude: Vec::new(),
            start,
            poll: None,
            hold: Duration::from_millis(500),
        };
        let now = Instant::now();
        Reader {
            folder,
            tail: Tail::new(vec![settings.clone()], Vec::new(), true, 1, now),
            settings,
            now,
            lines: Vec::new(),
            places: Vec::new(),
            troubles: Vec::new(),
            committed: BTreeMap::new(),
            next_id: 1,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens a file as a logger does, to write at its end.
    pub fn writer(&self, name: &str) -> File {
        OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap()
    }

    pub fn append(&self, name: &str, text: &str) {
        self.writer(name).write_all(text.as_bytes()).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub fn copy_truncate(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
        self.truncate(from);
    }

    pub fn truncate(&self, name: &str) {
        OpenOptions::new().write(true).open(self.path(name)).unwrap().set_len(0).unwrap();
    }

    /// One sweep, and everything that is ready after it.
    pub fn turn(&mut self) {
        self.sweep();
        for _ in 0..CHUNKS_MAX {
            let ready = self.tail.ready(self.now);
            if ready.is_empty() {
                return;
            }
            for id in ready {
                self.read(id);
            }
        }
        panic!("something is ready for ever");
    }

    pub fn sweep(&mut self) {
        self.troubles.extend(self.tail.sweep(self.now));
    }

    /// Reads one chunk, settles its whole lines, and says what follows them.
    pub fn read(&mut self, id: u64) -> Option<End> {
        let chunk = self.tail.read(id, self.now).ok()?;
        let mut progress = chunk.progress.clone();
        let (id, end) = (chunk.id, chunk.end);
        for line in chunk.bytes.split_inclusive(|&byte| byte == b'\n') {
            if !line.ends_with(b"\n") && end != End::Final {
                break;
            }
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            self.lines.push(String::from_utf8_lossy(text).into_owned());
            self.places.push((id, progress.offset, progress.line));
            progress.offset += line.len() as u64;
            progress.line += 1;
        }
        self.tail.settle(id, progress);
        Some(end)
    }

    /// A turn some time later.
    pub fn after(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.turn();
    }

    pub fn commit(&mut self) {
        for (id, position) in self.tail.changed() {
            self.next_id = self.next_id.max(id + 1);
            match position {
                Some(position) => drop(self.committed.insert(id, position)),
                None => drop(self.committed.remove(&id)),
            }
        }
    }

    /// Ends the run and starts the next from what was committed.
    pub fn restart(&mut self) {
        let known = self.committed.clone().into_iter().collect();
        self.tail = Tail::new(vec![self.settings.clone()], known, false, self.next_id, self.now);
    }

    /// The lines since the last call.
    pub fn take(&mut self) -> Vec<String> {
        self.places.clear();
        std::mem::take(&mut self.lines)
    }

    /// A turn, a commit, and the lines it gave.
    pub fn next(&mut self) -> Vec<String> {
        self.turn();
        self.commit();
        self.take()
    }
}

/// A line long enough to prove what file it is in.
pub fn line(number: usize) -> String {
    format!("2026-08-23T10:00:00.{number:06}Z INFO sealing: line {number} of a worker that is at work\n")
}

/// Lines of these numbers as a file holds them.
pub fn text(numbers: std::ops::Range<usize>) -> String {
    numbers.map(line).collect()
}

/// The same as a reader gives them.
pub fn lines(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| line(number).trim_end().to_owned()).collect()
}
