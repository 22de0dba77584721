//! What a disk or a server that fails does to the reading: handles and paths of which nothing can be had.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Follows `worker.log` in a folder of its own.
struct Followed {
    folder: tempfile::TempDir,
    tail: Tail,
    now: Instant,
    read: String,
    troubles: Vec<Trouble>,
}

impl Followed {
    fn new() -> Followed {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            name: "worker".to_owned(),
            paths: vec![folder.path().join("worker.log").to_str().unwrap().to_owned()],
            exclude: Vec::new(),
            start: Start::Beginning,
            poll: None,
            hold: Duration::from_millis(500),
        };
        let now = Instant::now();
        let tail = Tail::new(vec![settings], Vec::new(), true, 1, now);
        Followed { folder, tail, now, read: String::new(), troubles: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("worker.log")
    }

    fn append(&self, text: &str) {
        let mut log = OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
        log.write_all(text.as_bytes()).unwrap();
    }

    /// A sweep, and one attempt to read all that is ready; the errors of it.
    fn turn(&mut self) -> Vec<io::Error> {
        self.troubles.extend(self.tail.sweep(self.now));
        let mut errors = Vec::new();
        for id in self.tail.ready(self.now) {
            match self.tail.read(id, self.now) {
                Ok(chunk) => {
                    self.read += &String::from_utf8_lossy(chunk.bytes);
                    let mut progress = chunk.progress.clone();
                    progress.offset += chunk.bytes.len() as u64;
                    let id = chunk.id;
                    self.tail.settle(id, progress);
                }
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    /// Puts a handle in the place of the open one, of which `stat` can be had and no byte.
    fn spoil(&mut self) {
        let id = self.tail.by_path[&self.path()];
        let broken = OpenOptions::new().write(true).open(self.path()).unwrap();
        self.tail.descriptors.insert(id, broken);
    }
}

#[test]
fn a_handle_that_fails_is_closed_left_alone_for_a_second_and_opened_anew() {
    let mut log = Followed::new();
    log.append("one\n");
    assert!(log.turn().is_empty());
    let id = log.tail.by_path[&log.path()];
    for round in ["two\n", "three\n"] {
        log.append(round);
        log.spoil();
        assert_eq!(log.turn().len(), 1);
        assert!(log.tail.descriptors.peek(id).is_none(), "closed");
        // However often the files are looked at: nothing is tried, and so nothing fails.
        for _ in 0..100 {
            assert!(log.turn().is_empty() && log.tail.ready(log.now).is_empty());
        }
        assert_eq!(log.tail.next_deadline(log.now), Some(log.now + SECOND));
        log.now += SECOND;
        assert!(log.turn().is_empty());
        assert!(log.read.ends_with(round));
    }
    assert_eq!(log.read, "one\ntwo\nthree\n", "none is lost, none read twice");
    let about =
        |trouble: &&Trouble| matches!(trouble, Trouble::Unreadable { path, .. } if *path == log.path());
    assert_eq!(log.troubles.iter().filter(about).count(), 2, "once each time: {:?}", log.troubles);
}

#[test]
fn a_handle_that_goes_on_failing_is_told_once() {
    let mut log = Followed::new();
    log.append("one\n");
    log.turn();
    log.append("two\n");
    for _ in 0..5 {
        log.spoil();
        assert_eq!(log.turn().len(), 1);
        log.now += SECOND;
    }
    log.turn();
    assert_eq!((&*log.read, log.troubles.len()), ("one\ntwo\n", 1), "{:?}", log.troubles);
}

#[test]
fn a_path_of_which_nothing_can_be_told_is_no_loss() {
    let mut log = Followed::new();
    log.append("one\n");
    log.turn();
    log.append("two\n");
    log.troubles.extend(log.tail.sweep(log.now));
    // Its handle is closed, and `stat` fails: here because a link leads to itself.
    let id = log.tail.by_path[&log.path()];
    log.tail.descriptors.remove(id);
    let away = tempfile::tempdir().unwrap();
    fs::rename(log.path(), away.path().join("worker.log")).unwrap();
    symlink("worker.log", log.path()).unwrap();
    for _ in 0..3 {
        log.turn();
        log.now += SECOND;
    }
    fs::rename(away.path().join("worker.log"), log.path()).unwrap();
    log.turn();
    log.append("three\n");
    log.now += SECOND;
    log.turn();
    assert_eq!(log.read, "one\ntwo\nthree\n");
    assert!(!log.troubles.iter().any(Trouble::is_loss), "{:?}", log.troubles);
    assert_eq!(log.troubles.len(), 1, "{:?}", log.troubles);
}

#[test]
fn what_is_closed_rotated_and_compressed_is_read_from_the_archive() {
    for is_packed in [true, false] {
        let mut log = Followed::new();
        let first = "a line that is long enough to know a file by, and a good deal longer than that\n";
        log.append(first);
        log.turn();
        log.append("two\n");
        // Seen and not read; then closed to make room.
        log.troubles.extend(log.tail.sweep(log.now));
        let id = log.tail.by_path[&log.path()];
        log.tail.descriptors.remove(id);
        let archive = File::create(log.folder.path().join("worker.log.1.gz")).unwrap();
        let mut archive = flate2::write::GzEncoder::new(archive, flate2::Compression::fast());
        archive.write_all(&fs::read(log.path()).unwrap()).unwrap();
        archive.finish().unwrap();
        fs::remove_file(log.path()).unwrap();
        if !is_packed {
            fs::remove_file(log.folder.path().join("worker.log.1.gz")).unwrap();
        }
        for _ in 0..3 {
            log.turn();
            log.now += SECOND;
        }
        let rest = if is_packed { "two\n" } else { "" };
        assert_eq!(log.read, format!("{first}{rest}"));
        assert_eq!(log.troubles.len(), usize::from(!is_packed), "{:?}", log.troubles);
        assert!(log.tail.ready(log.now).is_empty());
    }
}
