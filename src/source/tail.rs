//! Following files that grow.
//!
//! The log file is the buffer. [`Tail`] knows which files there are and which generation of a file is
//! which; it reads bytes and keeps those that are not settled. Its caller takes the bytes from a
//! [`Progress`] on, and says how far they are settled; it commits the positions that
//! [`Tail::changed`] gives together with whatever the bytes led to. So no position is ever durable
//! without the findings before it, and a restart reads on from there.
//!
//! What is promised, whatever rotation does:
//!
//! - A line that could be read once is delivered, in one piece: from a renamed file while its writer
//!   lags behind, from the copy that `copytruncate` left in the same folder, from a file that has been
//!   deleted and is still open, from siblings that were rotated away while nobody watched, compressed or not.
//! - No line is delivered twice but after a crash, from the last committed position on.
//! - Bytes that are lost are told, by a [`Trouble`], never passed over in silence.
//! - [`Tail::sweep`] is the truth. Wake-ups only make it quicker.
//!
//! Nothing here waits, and the clock comes in as an argument.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! use std::time::{Duration, Instant};
//! use sealtail::source::tail::{Settings, Start, Tail};
//!
//! let worker = Settings {
//!     name: "worker".into(),
//!     paths: vec!["/var/log/venus-worker/*.log".into()],
//!     exclude: Vec::new(),
//!     start: Start::End,
//!     poll: None,
//!     hold: Duration::from_millis(500),
//! };
//! let mut tail = Tail::new(vec![worker], Vec::new(), true, 1, Instant::now());
//! for trouble in tail.sweep(Instant::now()) {
//!     eprintln!("{trouble}");
//! }
//! for id in tail.ready(Instant::now()) {
//!     let chunk = tail.read(id, Instant::now())?;
//!     let mut progress = chunk.progress.clone();
//!     progress.offset += chunk.bytes.len() as u64;
//!     let id = chunk.id;
//!     tail.settle(id, progress);
//! }
//! # Ok(())
//! # }
//! ```

mod archives;
mod context;
mod descriptors;
mod evidence;
mod generation;
mod held;
mod joint;
mod judge;
mod levels;
mod mark;
mod names;
mod network;
mod own;
mod packed;
mod registry;
mod reports;
mod rest;
mod resume;
mod scan;
mod schedule;
mod source;
mod sweep;
#[cfg(test)]
mod tests;
mod trouble;
mod unpack;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::descriptors::Descriptors;
use self::generation::{Filled, Generation, Place, Stage};
use self::joint::Joint;
use self::mark::TAIL_LEN;
pub use self::network::poll_networks;
pub use self::own::Own;
use self::registry::Registry;
use self::reports::{Reports, is_descriptor_limit};
pub use self::rest::AtRest;
use self::scan::{Found, Stat};
pub use self::scan::{means, names as follows};
use self::schedule::Schedule;
pub use self::trouble::Trouble;
use crate::frame::End;
use crate::model::position::{Position, Progress};
use crate::source::contract::Chunk;

/// Bytes read from one file at a time.
const CHUNK_LEN: usize = 256 * 1024;
/// Files kept open that could be found again by their paths.
const OPEN_MAX: usize = 512;
/// Files kept open of which it is not known what they are.
const UNDECIDED_OPEN_MAX: usize = 64;
/// Bytes of deleted files that may be kept on disks by being open.
const HELD_MAX: u64 = 8 << 30;
/// A rotated file is over when nothing has been written to it for so long.
pub const ROTATE_QUIET: Duration = Duration::from_secs(60);
/// A file that is not to be found is remembered for so long: disks are unmounted and come back.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What one `[[source]]` follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Its name, in positions and chunks.
    pub name: String,
    /// Paths or globs.
    pub paths: Vec<String>,
    /// What is left out: by path, or by name where the glob has no slash.
    pub exclude: Vec<glob::Pattern>,
    /// Where files begin that exist at the very first start.
    pub start: Start,
    /// Looked at this often, and not watched: for network file systems.
    pub poll: Option<Duration>,
    /// How long a record waits for its next line.
    pub hold: Duration,
}

/// Where the reading of a file begins that exists at the very first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At its last line, if that is not whole yet; else at its end.
    End,
    /// At its first byte.
    Beginning,
}

/// What to watch for wake-ups.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Folders in which files appear and move.
    pub folders: BTreeSet<PathBuf>,
    /// Files that have been active of late; no more than are kept open.
    pub files: BTreeSet<PathBuf>,
}

/// A file that equals the start of another: a copy, finished or in the making. It is left alone.
#[derive(Debug, Clone, Copy)]
struct Copy {
    of: u64,
    stat: Stat,
}

/// A file that may yet be a copy or more: of an empty one nobody can tell.
#[derive(Debug)]
struct Undecided {
    found: Found,
    /// Kept open, unless there are too many later ones: it may be written to just before it is deleted.
    file: Option<File>,
    /// When it was last known to be there.
    since: Instant,
}

/// Follows the files of all sources.
#[derive(Debug)]
pub struct Tail {
    sources: Vec<Settings>,
    /// Whether this is the first sweep of the very first start.
    fresh: bool,
    registry: Registry,
    schedule: Schedule,
    reports: Reports,
    copies: HashMap<(u64, u64), Copy>,
    undecided: HashMap<(u64, u64), Undecided>,
    /// Those of them that are open, the latest at the end.
    undecided_open: VecDeque<(u64, u64)>,
    /// Archives that are read, or have been.
    unpacked: HashSet<PathBuf>,
    descriptors: Descriptors,
    held_max: u64,
    own: Own,
    scratch: Vec<u8>,
    /// The bytes of a chunk that two generations have a part in, and which ones.
    joined: Vec<u8>,
    joint: Option<Joint>,
}

impl Tail {
    /// Takes up the positions of the last run; those in other kinds of places are none of its own.
    ///
    /// `fresh` says that there has never been a run: only then `start` applies, to the files that exist
    /// at the first sweep. New generations are numbered from `next_id` on, which is above every known
    /// id.
    pub fn new(
        sources: Vec<Settings>,
        known: Vec<(u64, Position)>,
        fresh: bool,
        next_id: u64,
        now: Instant,
    ) -> Tail {
        let known = known.into_iter();
        let known = known.filter_map(|(id, position)| Some((id, Generation::known(position, now)?)));
        Tail {
            schedule: Schedule::new(sources.len()),
            sources,
            fresh,
            registry: Registry::new(known.collect(), next_id),
            reports: Reports::default(),
            copies: HashMap::new(),
            undecided: HashMap::new(),
            undecided_open: VecDeque::new(),
            unpacked: HashSet::new(),
            descriptors: Descriptors::new(descriptors::room().min(OPEN_MAX)),
            held_max: HELD_MAX,
            own: Own::default(),
            scratch: vec![0; TAIL_LEN + CHUNK_LEN],
            joined: Vec::new(),
            joint: None,
        }
    }

    /// Says which files are sealtail's own: they are refused.
    pub fn keep_out(&mut self, own: Own) {
        self.own = own;
    }

    /// Takes note that something happened to a path. Returns whether only a sweep can tell what: the
    /// file is new, or no longer the one it was.
    pub fn touch(&mut self, path: &Path) -> bool {
        let Some(id) = self.registry.named(path) else {
            return self.sources.iter().any(|source| source.poll.is_none() && scan::names(source, path));
        };
        let Some(generation) = self.registry.get_mut(id) else { return true };
        match scan::stat(path) {
            // What has shrunk is for the sweep to sort out.
            Ok(stat) if Some(stat.key()) == generation.key() && stat.size >= generation.stat.size => {
                generation.stat = stat;
                self.schedule.stir(id);
                false
            }
            _ => true,
        }
    }

    /// Files that have something to do: unread bytes, or a quiet time that has passed. Older
    /// generations come first. An id that had its [`End::Final`] comes back if its file grows again.
    pub fn ready(&self, now: Instant) -> Vec<u64> {
        self.schedule.ready(&self.registry, now)
    }

    /// When [`Tail::ready`] may change without any event.
    pub fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.schedule.next_deadline(&self.registry, now)
    }

    /// The unsettled bytes of a file: what was carried, and up to 256 KiB more.
    ///
    /// [`End::Held`] and [`End::Quiet`] are offered once each until more bytes come, [`End::Final`]
    /// once. A chunk may be empty. Where a rotation cut a record in two, the chunk is one of the file before: its last
    /// record, and the lines that go on with it.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or read. It is left alone for a second; the next sweep tells the
    /// trouble. An id that is not followed is an error of kind `NotFound`.
    pub fn read(&mut self, id: u64, now: Instant) -> io::Result<Chunk<'_>> {
        self.schedule.stir(id);
        if self.registry.get(id).is_some_and(Generation::can_read) {
            match self.fill(id, now) {
                Ok(Filled::Bytes(_)) => {}
                Ok(Filled::Foreign) => self.turn_over(id, now),
                Err(error) => {
                    self.give_up_for_now(id, &error, now);
                    return Err(error);
                }
            }
        }
        let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("no file has the id {id}"));
        let generation = self.registry.get_mut(id).ok_or_else(unknown)?;
        let end = generation.offer(now);
        if end != End::More {
            self.registry.note(id);
        }
        self.chunk(id, end, now).ok_or_else(unknown)
    }

    /// Takes note that everything before `progress.offset` is done with, and drops it from memory. `id` is that of the
    /// chunk.
    pub fn settle(&mut self, id: u64, progress: Progress) {
        self.schedule.stir(id);
        let progress = self.part(id, progress);
        let Some(generation) = self.registry.get_mut(id) else { return };
        if generation.progress != progress {
            generation.settle(progress);
            self.registry.note(id);
        }
        self.retire(id);
    }

    /// Positions that changed since the last call, to be committed; `None` is one to forget.
    pub fn changed(&mut self) -> Vec<(u64, Option<Position>)> {
        self.registry.changed()
    }

    /// The sources whose paths name no file at the moment: one may come, or a path may be wrong.
    pub fn idle_sources(&self) -> Vec<&Settings> {
        let followed = |source: &&Settings| {
            let mut here = self.registry.values().filter(|generation| generation.at().is_some());
            !here.any(|generation| generation.source == source.name)
        };
        self.sources.iter().filter(followed).collect()
    }

    /// What to watch for wake-ups, of the sources that are not polled.
    pub fn watched(&self) -> Watched {
        let mut watched = Watched::default();
        for source in self.sources.iter().filter(|source| source.poll.is_none()) {
            watched.folders.extend(source.paths.iter().flat_map(|pattern| scan::folders_of(pattern)));
        }
        let polled =
            |name: &str| self.sources.iter().any(|source| source.name == name && source.poll.is_some());
        for id in self.descriptors.ids() {
            let live = |one: &&Generation| !one.away && !polled(&one.source);
            if let Some(generation) = self.registry.get(id).filter(live) {
                watched.files.extend(generation.at().map(Path::to_owned));
            }
        }
        watched
    }

    fn fill(&mut self, id: u64, now: Instant) -> io::Result<Filled> {
        if self.registry.get(id).is_some_and(|generation| generation.packed.is_some()) {
            return Ok(self.fill_packed(id, now));
        }
        if !self.open(id)? {
            // Moved since the last sweep: the next one finds it.
            return Err(io::Error::new(io::ErrorKind::NotFound, "the file has moved"));
        }
        let (Some(file), Some(generation)) = (self.descriptors.get(id), self.registry.get_mut(id)) else {
            return Ok(Filled::Bytes(0));
        };
        let before = (generation.progress.offset, generation.seen_size);
        let filled = generation.fill(file, &mut self.scratch, now)?;
        generation.retry = None;
        // Not where it could be opened: a disk that fails opens files and reads none.
        if let (false, Some(at)) = (self.reports.is_calm(), generation.at()) {
            self.reports.calm(at);
        }
        if (generation.progress.offset, generation.seen_size) != before {
            self.registry.note(id);
        }
        Ok(filled)
    }

    fn give_up_for_now(&mut self, id: u64, error: &io::Error, now: Instant) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        generation.back_off(now);
        let path = generation.at().unwrap_or(&generation.path).to_owned();
        // A stale handle of a network file system is cured by opening anew.
        self.descriptors.remove(id);
        if error.kind() != io::ErrorKind::NotFound {
            self.reports.blame(path, error);
        }
    }

    /// Makes sure that the file of a generation is open; `false` if its path leads elsewhere by now.
    fn open(&mut self, id: u64) -> io::Result<bool> {
        if self.descriptors.peek(id).is_some() {
            return Ok(true);
        }
        let Some(generation) = self.registry.get(id) else { return Ok(false) };
        let (Some(at), Some(key)) = (generation.at().map(Path::to_owned), generation.key()) else {
            return Ok(false);
        };
        let file = self.open_path(&at)?;
        if Stat::of(&file.metadata()?).key() != key {
            return Ok(false);
        }
        self.descriptors.insert(id, file);
        Ok(true)
    }

    /// Opens a path for reading, at the cost of another open file if there are too many.
    fn open_path(&mut self, path: &Path) -> io::Result<File> {
        // A pipe that has taken the place of the file must not block.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags);
        match options.open(path) {
            Err(error) if is_descriptor_limit(&error) && self.descriptors.evict() => options.open(path),
            result => result,
        }
    }

    /// Lets go of a generation whose reader has been told of its end.
    fn retire(&mut self, id: u64) {
        let Some(generation) = self.registry.get(id) else { return };
        if generation.stage != Stage::Spent {
            return;
        }
        self.descriptors.remove(id);
        // While its file exists it is remembered: it must not pass for a new one.
        if matches!(generation.place, Place::Nowhere) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: u64) {
        self.registry.forget(id);
        self.descriptors.remove(id);
    }
}
