//! What a disk or a server that fails does to the reading: handles and paths of which nothing can be had.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use super::scan::Look;
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

    /// One that was read, and then written to: the new line was seen and not read.
    fn with_unread_line() -> Followed {
        let mut log = Followed::new();
        log.append(FIRST);
        log.turn();
        log.append("two\n");
        log.troubles.extend(log.tail.sweep(log.now));
        log
    }

    /// As after a restart.
    fn begin_again(&mut self) {
        let positions = self.tail.changed();
        let positions = positions.into_iter().filter_map(|(id, position)| Some((id, position?))).collect();
        self.tail = Tail::new(self.tail.sources.clone(), positions, false, 100, self.now);
    }

    /// A look at the files, with the folder listed, as it is now.
    fn look(&self) -> Look {
        let mut look = Look::at(&self.tail.sources, &[true], HashSet::new());
        look.folder(self.folder.path());
        look
    }

    /// What the tests of rotation wrote is read, and nothing is told to be lost.
    #[track_caller]
    fn expect_all(mut self, rotations: usize) {
        for _ in 0..3 {
            self.turn();
            self.now += SECOND;
        }
        let between = "new\n".repeat(rotations);
        assert_eq!(self.read, format!("{FIRST}two\n{between}newest\n"), "{rotations}");
        assert!(self.troubles.is_empty(), "{:?}", self.troubles);
    }

    /// Moves each file one on.
    fn rotate(&self) {
        let numbered = |number: usize| self.folder.path().join(format!("worker.log.{number}"));
        let last = (1..).find(|&number| !numbered(number).exists()).unwrap();
        (1..last).rev().for_each(|number| fs::rename(numbered(number), numbered(number + 1)).unwrap());
        fs::rename(self.path(), numbered(1)).unwrap();
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
        let id = self.tail.registry.named(&self.path()).unwrap();
        let broken = OpenOptions::new().write(true).open(self.path()).unwrap();
        self.tail.descriptors.insert(id, broken);
    }
}

#[test]
fn a_handle_that_fails_is_closed_left_alone_for_a_second_and_opened_anew() {
    let mut log = Followed::new();
    log.append("one\n");
    assert!(log.turn().is_empty());
    let id = log.tail.registry.named(&log.path()).unwrap();
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
    let id = log.tail.registry.named(&log.path()).unwrap();
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
        let id = log.tail.registry.named(&log.path()).unwrap();
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

const FIRST: &str = "a line that is long enough to know a file by, and a good deal longer than that\n";

/// The names move between the listing of a folder and the look at what it listed.
#[test]
fn what_is_rotated_while_it_is_looked_for_is_found() {
    for rotations in 0..3 {
        let mut log = Followed::with_unread_line();
        log.begin_again();
        for _ in 0..rotations {
            log.rotate();
            log.append("new\n");
        }
        let mut look = log.look();
        log.rotate();
        log.append("newest\n");
        log.tail.resume(&mut look, log.now);
        log.expect_all(rotations);
    }
}

/// The same for a file that is followed, and closed to make room.
#[test]
fn what_is_rotated_while_it_is_located_is_found() {
    for rotations in 0..3 {
        let mut log = Followed::with_unread_line();
        let id = log.tail.registry.named(&log.path()).unwrap();
        for _ in 0..rotations {
            log.rotate();
            log.append("new\n");
            log.troubles.extend(log.tail.sweep(log.now));
        }
        log.tail.descriptors.remove(id);
        let mut look = log.look();
        log.rotate();
        log.append("newest\n");
        log.tail.locate(id, &mut look, &[true], log.now);
        log.expect_all(rotations);
    }
}
