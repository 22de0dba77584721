//! A source that is no file: logs of numbered entries that somebody else keeps, as a journal or a bus has them. The
//! pipeline follows it as it follows files.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use super::follower::Make;
use super::replayed::{Line, lines, opening, replayed, texts};
use super::*;
use crate::frame::{End, RECORD_BYTES_MAX};
use crate::model::position::{EntryPlace, Place, Position, Progress};
use crate::source::contract::{self, Chunk, Effect, Source};
use crate::store::Store;
use crate::telemetry::meter::Level;
use crate::watch::Setup;

/// Entries that one read takes.
const FETCH_MAX: u64 = 3;
/// A log that has been quiet for so long has its last record looked at.
const QUIET: Duration = Duration::from_secs(2);

/// Entries of one log, whatever becomes of who reads it. Numbers start at 1.
#[derive(Debug, Default)]
struct Kept {
    entries: Vec<String>,
    /// So many of the first are no longer kept.
    gone: usize,
}

impl Kept {
    /// All bytes up to an offset, that of the first byte being 0.
    fn bytes_before(&self, offset: u64) -> Vec<u8> {
        let mut bytes = self.entries.concat().into_bytes();
        bytes.truncate(offset as usize);
        let gone: usize = self.entries[..self.gone].iter().map(String::len).sum();
        bytes.drain(..gone.min(bytes.len()));
        bytes
    }
}

/// Logs by name.
type Server = Rc<RefCell<BTreeMap<String, Kept>>>;

/// Entries that are gone and were not read.
#[derive(Debug)]
struct Gap {
    name: String,
    offset: u64,
    entries: u64,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has lost {} entries from offset {} on", self.name, self.entries, self.offset)
    }
}

impl contract::Trouble for Gap {
    fn effect(&self) -> Effect<'_> {
        Effect::Lost { path: Path::new(&self.name), offset: self.offset, bytes: None }
    }
}

/// What is read of one log.
#[derive(Debug)]
struct Log {
    name: String,
    /// Where the settled part ends.
    place: EntryPlace,
    progress: Progress,
    carry: Vec<u8>,
    /// The place behind each entry that is read and not settled.
    read: VecDeque<EntryPlace>,
    grown: Instant,
    /// Its quiet has been told.
    told: bool,
}

impl Log {
    fn at(name: String, place: EntryPlace, progress: Progress, now: Instant) -> Log {
        Log { name, place, progress, carry: Vec::new(), read: VecDeque::new(), grown: now, told: false }
    }

    fn read_offset(&self) -> u64 {
        self.progress.offset + self.carry.len() as u64
    }

    /// Where the next entry is.
    fn next(&mut self) -> &mut EntryPlace {
        self.read.back_mut().unwrap_or(&mut self.place)
    }

    fn has_more(&self, server: &Server) -> bool {
        server.borrow().get(&self.name).is_some_and(|kept| {
            let next = self.read.back().unwrap_or(&self.place);
            kept.entries.len() as u64 >= next.entry
        })
    }

    fn is_quiet(&self, now: Instant) -> bool {
        !self.carry.is_empty() && now >= self.grown + QUIET
    }

    /// Takes in an entry, or what is left of the one that the place is in.
    fn take(&mut self, entry: &str) {
        let EntryPlace { entry: number, begins } = *self.next();
        let from = self.read_offset() - begins;
        self.carry.extend_from_slice(&entry.as_bytes()[from as usize..]);
        self.read.push_back(EntryPlace { entry: number + 1, begins: begins + entry.len() as u64 });
    }
}

#[derive(Debug)]
struct Logs {
    server: Server,
    logs: BTreeMap<u64, Log>,
    changed: BTreeSet<u64>,
}

impl Logs {
    fn new(server: Server, known: Vec<(u64, Position)>, now: Instant) -> Logs {
        let known = known.into_iter().map(|(id, Position { path, place, progress, .. })| match place {
            Place::Entry(place) => (id, Log::at(path, place, progress, now)),
            Place::File(_) => panic!("nobody follows files"),
        });
        Logs { server, logs: known.collect(), changed: BTreeSet::new() }
    }
}

impl Source for Logs {
    type Trouble = Gap;

    fn sweep(&mut self, now: Instant) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (name, kept) in &*self.server.borrow() {
            let id =
                self.logs.iter().find(|(_, log)| log.name == *name).map(|(&id, _)| id).unwrap_or_else(|| {
                    let id = self.logs.last_key_value().map_or(1, |(id, _)| id + 1);
                    let place = EntryPlace { entry: 1, begins: 0 };
                    self.logs.insert(id, Log::at(name.clone(), place, Progress::default(), now));
                    id
                });
            let log = self.logs.get_mut(&id).unwrap();
            let first = kept.gone as u64 + 1;
            let (offset, next) = (log.read_offset(), log.next());
            if next.entry < first {
                gaps.push(Gap { name: name.clone(), offset, entries: first - next.entry });
                // What is kept goes on behind what was read, and is another record.
                *next = EntryPlace { entry: first, begins: offset };
                if log.carry.is_empty() {
                    log.progress.reported.clear();
                }
                self.changed.insert(id);
            }
        }
        gaps
    }

    fn ready(&self, now: Instant) -> Vec<u64> {
        let due = |log: &Log| log.has_more(&self.server) || (log.is_quiet(now) && !log.told);
        self.logs.iter().filter(|(_, log)| due(log)).map(|(&id, _)| id).collect()
    }

    fn next_deadline(&self, _: Instant) -> Option<Instant> {
        self.logs.values().filter(|log| !log.told && !log.carry.is_empty()).map(|log| log.grown + QUIET).min()
    }

    fn read(&mut self, id: u64, now: Instant) -> io::Result<Chunk<'_>> {
        let log = self.logs.get_mut(&id).ok_or(io::ErrorKind::NotFound)?;
        let server = self.server.borrow();
        for _ in 0..FETCH_MAX {
            let Some(entry) = server[&log.name].entries.get(log.next().entry as usize - 1) else { break };
            log.take(entry);
            (log.grown, log.told) = (now, false);
        }
        drop(server);
        let quiet = !log.has_more(&self.server) && log.is_quiet(now);
        log.told |= quiet;
        let end = if quiet { End::Quiet } else { End::More };
        self.at_hand(id, end).ok_or(io::ErrorKind::NotFound.into())
    }

    fn at_hand(&self, id: u64, end: End) -> Option<Chunk<'_>> {
        let log = self.logs.get(&id)?;
        Some(Chunk { id, bytes: &log.carry, end, progress: &log.progress, source: "bus", path: &log.name })
    }

    fn settle(&mut self, id: u64, progress: Progress) {
        let log = self.logs.get_mut(&id).unwrap();
        log.carry.drain(..(progress.offset - log.progress.offset) as usize);
        while log.read.front().is_some_and(|place| place.begins <= progress.offset) {
            log.place = log.read.pop_front().unwrap();
        }
        if log.progress != progress {
            log.progress = progress;
            self.changed.insert(id);
        }
    }

    fn changed(&mut self) -> Vec<(u64, Option<Position>)> {
        let position = |id| {
            let Log { name, place, progress, .. } = &self.logs[&id];
            let (source, path) = ("bus".to_owned(), name.clone());
            let place = Place::Entry(*place);
            (id, Some(Position { source, path, place, progress: progress.clone() }))
        };
        std::mem::take(&mut self.changed).into_iter().map(position).collect()
    }

    fn before(&self, id: u64, offset: u64, lines: usize) -> Vec<Vec<u8>> {
        let bytes = self.server.borrow()[&self.logs[&id].name].bytes_before(offset);
        let Some(bytes) = bytes.strip_suffix(b"\n") else { return Vec::new() };
        let mut found: Vec<_> = bytes.rsplit(|&byte| byte == b'\n').take(lines).map(<[u8]>::to_vec).collect();
        found.reverse();
        found
    }

    fn above(&self, id: u64) -> Vec<u8> {
        let log = &self.logs[&id];
        let mut bytes = self.server.borrow()[&log.name].bytes_before(log.progress.offset);
        bytes.drain(..bytes.len().saturating_sub(RECORD_BYTES_MAX));
        bytes
    }

    fn levels(&self) -> BTreeMap<String, Level> {
        BTreeMap::new()
    }
}

/// A follower of what `server` keeps, over a disk of tests.
fn follow(server: &Server, disk: disk::Disk) -> Follower<Logs> {
    let server = server.clone();
    let make: Make<Logs> = Box::new(move |_: &Setup, store: &Store, now| {
        Logs::new(server.clone(), store.positions().unwrap(), now)
    });
    Follower::of(make, Vec::new(), disk)
}

/// Time passes until everything that is there has been looked at.
fn settle(follower: &mut Follower<Logs>, seconds: u64) {
    for _ in 0..3 {
        follower.turn(seconds, true);
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// An entry of so many lines is there.
    Append(usize),
    /// A look, and whether what it came to is committed.
    Turn(bool),
    /// What was not committed is forgotten.
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..4_usize).prop_map(Step::Append),
        3 => any::<bool>().prop_map(Step::Turn),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: histories().0 / 4,
        rng_seed: histories().1,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..ProptestConfig::default()
    })]

    /// What is told is what a replay of the same lines in a file tells: the same records, at the same times, once.
    /// A record that is looked at early is told as far as it goes then, so no record goes on where time passes.
    #[test]
    fn entries_are_told_as_a_file_of_their_lines_is(lines in lines(), steps in steps(), seconds in 0..3_u64) {
        let is_told_whole = |line: &Line| match line {
            Line::Burst => false,
            Line::More => seconds == 0,
            Line::Healthy | Line::Empty | Line::Panic => true,
        };
        let lines: Vec<_> = lines.into_iter().filter(|(line, _)| is_told_whole(line)).collect();
        let texts: Vec<String> = texts(&lines).into_iter().map(|(_, text)| text).collect();
        let (server, disk) = (Server::default(), disk::Disk::of(Vec::new()));
        let _installed = disk.install();
        let mut follower = follow(&server, disk);
        let append = |lines: &[String]| {
            let mut server = server.borrow_mut();
            server.entry("worker".to_owned()).or_default().entries.push(lines.concat());
        };
        let mut rest = &*texts;
        for step in steps {
            match step {
                Step::Append(count) if !rest.is_empty() => {
                    let (entry, after) = rest.split_at(count.min(rest.len()));
                    append(entry);
                    rest = after;
                }
                Step::Append(_) => {}
                Step::Turn(commits) => {
                    follower.turn(seconds, commits);
                }
                Step::Kill => follower.crash(None),
            }
        }
        rest.iter().for_each(|line| append(std::slice::from_ref(line)));
        settle(&mut follower, 60);
        follower.close();
        prop_assert!(follower.troubles.is_empty());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("worker.log");
        std::fs::write(&file, texts.concat()).unwrap();
        let told = replayed([file].into_iter(), follower.wall);
        prop_assert_eq!(opening(&follower.inbox.alerts), opening(&told));
    }
}

/// What is no longer kept when it is asked for is told as lost, and what comes behind it is found.
#[test]
fn entries_that_are_gone_are_told_as_lost() {
    let (server, disk) = (Server::default(), disk::Disk::of(Vec::new()));
    let _installed = disk.install();
    let mut follower = follow(&server, disk);
    let lines: Vec<String> = texts(&[(Line::Empty, 1); 6]).into_iter().map(|(_, text)| text).collect();
    let append = |lines: &[String]| {
        server.borrow_mut().entry("worker".to_owned()).or_default().entries.extend_from_slice(lines);
    };
    append(&lines[..3]);
    // The last is looked at when it has been quiet; then all of them are settled but that.
    settle(&mut follower, 3);
    append(&lines[3..]);
    server.borrow_mut().get_mut("worker").unwrap().gone = 5;
    follower.crash(None);
    settle(&mut follower, 60);
    follower.close();
    let [gap] = &follower.troubles[..] else { panic!("{:?}", follower.troubles) };
    assert_eq!(gap.entries, 3, "{gap}");
    assert_eq!(follower.inbox.found().into_keys().collect::<Vec<_>>(), [1, 2, 5, 6]);
}
