//! A program that logs: numbered lines, many a second, into a file that others rotate.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::tally::Layout;

/// A batch of lines is written this often.
const BEAT: Duration = Duration::from_millis(10);

/// When the writer turns to the file that its path names by now.
#[derive(Debug, Clone, PartialEq)]
pub enum Reopens {
    /// Never: the file is truncated under it.
    Never,
    /// At the next batch after its path names another file.
    AtOnce,
    /// When this file appears, which it then removes: what a signal and its answer are to `logrotate`.
    WhenAsked(PathBuf),
}

/// A thread that writes until it is told to stop.
pub struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub fn start(path: PathBuf, layout: Layout, lines_per_second: u64, reopens: Reopens) -> Writer {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut file = open(&path);
        let (stopped, count) = (stop.clone(), written.clone());
        let thread = thread::spawn(move || {
            let started = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                if reopens.now(&path, &file) {
                    file = open(&path);
                }
                let due = started.elapsed().as_millis() as u64 * lines_per_second / 1000;
                let lines: String =
                    (count.load(Ordering::Relaxed)..due).map(|number| layout.line(number)).collect();
                file.write_all(lines.as_bytes()).unwrap();
                count.fetch_max(due, Ordering::Relaxed);
                thread::sleep(BEAT);
            }
        });
        Writer { stop, written, thread }
    }

    /// Ends it; how many lines there are.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.written.load(Ordering::Relaxed)
    }
}

impl Reopens {
    fn now(&self, path: &Path, file: &File) -> bool {
        match self {
            Reopens::Never => false,
            Reopens::AtOnce => {
                let named = fs::metadata(path).map(|meta| meta.ino()).ok();
                named != Some(file.metadata().unwrap().ino())
            }
            Reopens::WhenAsked(flag) => fs::remove_file(flag).is_ok(),
        }
    }
}

/// For writing at the end, as logs are.
pub fn open(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}
