//! The search for the archive that holds what a file held.

use std::cmp::Reverse;
use std::collections::{HashSet, VecDeque};
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Settings;
use super::mark::{self, HEAD_LEN, PROOF_LEN};
use super::names;
use super::scan::{self, Look, Stat};
use crate::model::position::Mark;
use crate::source::archive;

/// An archive that ends too early may be in the making. It is given up when nothing has come for so long.
const STILL: Duration = Duration::from_secs(5);

/// A decompressed text, from its start on.
pub(super) type Text = Box<dyn Read + Send>;

/// A text that has been begun: its first bytes, which it gives again.
pub(super) type Begun = (Text, Vec<u8>);

/// Length and time of a file; nothing if it is not there.
type Version = Option<(u64, (i64, i64))>;

/// A compressed file.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    pub path: PathBuf,
    modified: (i64, i64),
    /// What it was when it was opened last.
    opened: Version,
    /// What it was seen to be after it had ended too early, and since when.
    early: Option<(Version, Instant)>,
}

/// What an attempt to open an archive came to.
pub(super) enum Opened<T> {
    Text(T),
    /// It may still be being written.
    Waits,
    Never,
}

/// The archives that may hold a generation.
#[derive(Debug)]
pub(super) struct Archives {
    all: Vec<Archive>,
    /// The newest first, then those that ended too early.
    untried: VecDeque<Archive>,
    found: Option<Archive>,
    /// Nothing is known of what came after it: that is to be looked for.
    pub is_newest: bool,
    /// Whether something is lost if none of them holds it.
    pub is_loss: bool,
    /// Whether it was found and ended too early.
    pub is_broken: bool,
}

impl Archive {
    /// Its name before it was compressed.
    fn name(&self) -> String {
        let name = names::name_of(&self.path);
        names::plain_name(&name).unwrap_or(&name).to_owned()
    }

    /// By their names, where these tell: a time may be that of the compression.
    fn is_later_than(&self, other: &Archive) -> bool {
        names::is_later(&self.name(), &other.name()).unwrap_or(self.modified > other.modified)
    }

    /// Opens it. One that ended too early is opened once more when it has grown and come to rest.
    fn open(&mut self, now: Instant) -> Opened<Begun> {
        let version = scan::stat(&self.path).ok().map(|stat| stat.version());
        if let Some((seen, since)) = &mut self.early {
            if *seen != version {
                (*seen, *since) = (version, now);
            }
            if now.saturating_duration_since(*since) < STILL {
                return Opened::Waits;
            }
            if version == self.opened {
                return Opened::Never;
            }
        }
        self.opened = version;
        match open(&self.path) {
            Ok(text) => Opened::Text(text),
            Err(_) => {
                self.early = Some((version, now));
                Opened::Waits
            }
        }
    }
}

impl Archives {
    /// The archives beside a file that may hold what it held.
    pub(super) fn beside(path: &Path, settings: &Settings, look: &mut Look) -> Archives {
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = names::name_of(path);
        let bases = [vec![name.clone()], names::bases(&name)].concat();
        let entries = look.folder(folder);
        let mut all = Vec::new();
        for archive in entries.iter().map(|(archive, _)| archive.to_string_lossy()) {
            let Some(plain) = names::plain_name(&archive) else { continue };
            let path = path.with_file_name(&*archive);
            // As long as the plain file is there, the archive may be in the making.
            let is_there = entries.iter().any(|(entry, _)| *entry == *plain);
            let is_related = bases.iter().any(|base| *base == plain || names::is_rotated(base, plain));
            if is_there || !is_related || scan::excluded(&settings.exclude, &path) {
                continue;
            }
            if let Some(stat) =
                std::fs::symlink_metadata(&path).ok().map(|meta| Stat::of(&meta)).filter(|stat| stat.regular)
            {
                all.push(Archive { path, modified: stat.modified, opened: None, early: None });
            }
        }
        all.sort_by_key(|archive| Reverse(archive.modified));
        Archives { untried: all.clone().into(), all, ..Archives::of(None) }
    }

    /// No more than the one that was found.
    pub(super) fn of(found: Option<Archive>) -> Archives {
        Archives {
            all: Vec::new(),
            untried: VecDeque::new(),
            found,
            is_newest: false,
            is_loss: true,
            is_broken: false,
        }
    }

    /// Opens the next one that begins as the generation did.
    pub(super) fn next(&mut self, head: &Mark, now: Instant) -> Opened<Text> {
        let mut waiting = VecDeque::new();
        while let Some(mut archive) = self.untried.pop_front() {
            match archive.open(now) {
                Opened::Text((text, first)) if begins(&first, head) => {
                    self.untried.append(&mut waiting);
                    self.found = Some(archive);
                    return Opened::Text(text);
                }
                Opened::Waits => waiting.push_back(archive),
                _ => {}
            }
        }
        self.untried = waiting;
        if self.untried.is_empty() { Opened::Never } else { Opened::Waits }
    }

    /// The one found ended too early: it is tried again after the others.
    pub(super) fn put_back(&mut self, now: Instant) {
        if let Some(mut archive) = self.found.take() {
            archive.early = Some((archive.opened, now));
            self.untried.push_back(archive);
        }
    }

    /// Whether one of them has to be waited for, or had to be.
    pub(super) fn has_waited(&self) -> bool {
        self.found.iter().chain(&self.untried).any(|archive| archive.early.is_some())
    }

    /// Where the one found is.
    pub(super) fn path(&self) -> Option<&Path> {
        self.found.as_ref().map(|archive| &*archive.path)
    }

    /// Opens the archives of what the same file held after the one found, the oldest first, but those that are `known`.
    /// `None` if one of them may still be being written; without a text where it cannot be read.
    pub(super) fn later(
        &mut self,
        path: &Path,
        known: &HashSet<PathBuf>,
        now: Instant,
    ) -> Option<Vec<(Archive, Option<Begun>)>> {
        let (found, base) = (self.found.as_ref()?, names::name_of(path));
        let mut later = Vec::new();
        for archive in &mut self.all {
            // Compressed late, an older one looks newer.
            let is_later = archive.is_later_than(found) && !known.contains(&archive.path);
            if !is_later || !names::is_rotated(&base, &archive.name()) {
                continue;
            }
            let text = match archive.open(now) {
                Opened::Text(text) => Some(text),
                Opened::Waits => return None,
                Opened::Never => None,
            };
            later.push((archive.clone(), text));
        }
        later.sort_by_cached_key(|(archive, _)| (names::age(&archive.name()), archive.modified));
        Some(later)
    }
}

/// Whether a text that has `first` as its first bytes begins as a generation did; with only a few, it is all of it.
fn begins(first: &[u8], head: &Mark) -> bool {
    let length = usize::try_from(head.length).unwrap_or(usize::MAX);
    let is_enough = head.length >= PROOF_LEN || first.len() == length;
    is_enough && first.get(..length).is_some_and(|first| mark::mark(first) == *head)
}

/// Opens an archive.
fn open(path: &Path) -> io::Result<Begun> {
    if std::fs::metadata(path)?.len() == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let mut reader = archive::open(path)?;
    let mut head = vec![0; HEAD_LEN];
    let (length, failed) = fill(&mut reader, &mut head);
    if let Some(error) = failed {
        return Err(error);
    }
    head.truncate(length);
    Ok((Box::new(Cursor::new(head.clone()).chain(reader)), head))
}

/// Reads until `buffer` is full, nothing follows or it fails.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (length, Some(error)),
        }
    }
    (length, None)
}
