//! Files that were compressed before they were read to their end.
//!
//! What was followed may be compressed while nobody looks. Its text is proved as that of a plain file is: by its head
//! and by the bytes before the offset. The rest is decompressed as it is read; nothing of it is put on a disk, and a
//! restart passes over what was settled once more.

use std::cmp::Reverse;
use std::fmt;
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::generation::{Filled, Generation, Place};
use super::mark::{self, HEAD_LEN, PROOF_LEN, TAIL_LEN};
use super::names;
use super::scan::{self, Look, Stat};
use super::trouble::Trouble;
use super::{Settings, Tail};
use crate::position::{Identity, Mark, Position, Progress, Seen};
use crate::source::archive;

/// Bytes passed over at one time: others have their turn in between.
const PASS_LEN: u64 = 64 << 20;

/// A compressed file.
#[derive(Debug, Clone)]
struct Archive {
    path: PathBuf,
    modified: (i64, i64),
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
}

/// The archives that may hold a generation, the newest first, and how many have been tried.
#[derive(Debug)]
pub(super) struct Archives {
    archives: Vec<Archive>,
    tried: usize,
    /// Nothing is known of what came after it: that is to be looked for.
    pub is_newest: bool,
    /// Whether something is lost if none of them holds it.
    pub is_loss: bool,
}

/// A generation on its way out of an archive.
pub(super) struct Packed {
    reader: Box<dyn Read + Send>,
    /// Bytes decompressed, and the last of them.
    at: u64,
    last: Vec<u8>,
    is_proved: bool,
    /// What the reader failed with, behind the bytes that came before.
    failed: Option<io::Error>,
    search: Archives,
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("at", &self.at).field("search", &self.search).finish_non_exhaustive()
    }
}

impl Archives {
    /// The archives beside a file that may hold what it held.
    pub(super) fn beside(path: &Path, settings: &Settings, look: &mut Look) -> Archives {
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = names::name_of(path);
        let bases = [vec![name.clone()], names::bases(&name)].concat();
        let entries = look.folder(folder);
        let mut archives = Vec::new();
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
                archives.push(Archive { path, modified: stat.modified });
            }
        }
        archives.sort_by_key(|archive: &Archive| Reverse(archive.modified));
        Archives { archives, tried: 0, is_newest: false, is_loss: true }
    }

    /// The one tried last.
    fn found(&self) -> &Archive {
        // Whoever asks has found it.
        &self.archives[self.tried - 1]
    }

    /// Archives of what the same file held after the one found, the oldest first.
    fn later(&self, path: &Path) -> Vec<Archive> {
        let (found, base) = (self.found(), names::name_of(path));
        let is_later =
            |archive: &&Archive| archive.is_later_than(found) && names::is_rotated(&base, &archive.name());
        let mut later: Vec<Archive> = self.archives.iter().filter(is_later).cloned().collect();
        later.sort_by_cached_key(|archive| (names::age(&archive.name()), archive.modified));
        later
    }
}

impl Packed {
    /// Opens the next archive that begins as the generation did.
    fn next(mut search: Archives, head: &Mark) -> Option<Packed> {
        while let Some(archive) = search.archives.get(search.tried) {
            search.tried += 1;
            if let Ok((reader, first)) = open(&archive.path)
                && begins(&first, head)
            {
                return Some(Packed {
                    reader,
                    at: 0,
                    last: Vec::new(),
                    is_proved: false,
                    failed: None,
                    search,
                });
            }
        }
        None
    }

    /// All of an archive.
    fn whole(reader: Box<dyn Read + Send>, archive: Archive) -> Packed {
        let search = Archives { archives: vec![archive], tried: 1, is_newest: false, is_loss: true };
        Packed { reader, at: 0, last: Vec::new(), is_proved: true, failed: None, search }
    }

    /// Reads until `buffer` is full or nothing follows.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (length, failed) = fill(&mut self.reader, buffer);
        match failed {
            Some(error) if length == 0 => Err(error),
            failed => {
                self.failed = failed;
                Ok(length)
            }
        }
    }

    /// Passes over what was read; `None` if there is more to pass over.
    fn pass(&mut self, offset: u64, tail: &Mark, scratch: &mut [u8]) -> io::Result<Option<bool>> {
        let until = offset.min(self.at + PASS_LEN);
        while self.at < until {
            let room = usize::try_from(until - self.at).unwrap_or(usize::MAX).min(scratch.len());
            let length = self.read(&mut scratch[..room])?;
            if length == 0 {
                return Ok(Some(false));
            }
            self.at += length as u64;
            self.last.extend_from_slice(&scratch[length.saturating_sub(TAIL_LEN)..length]);
            self.last.drain(..self.last.len().saturating_sub(TAIL_LEN));
        }
        if self.at < offset {
            return Ok(None);
        }
        let expected = self.last.len().checked_sub(usize::try_from(tail.length).unwrap_or(usize::MAX));
        Ok(Some(expected.is_some_and(|from| tail.length == 0 || mark::mark(&self.last[from..]) == *tail)))
    }
}

impl Tail {
    /// Reads a generation that is in no plain file on from an archive; whether one may hold it.
    pub(super) fn unpack(&mut self, id: u64, search: Archives) -> bool {
        let is_known = |one: &&mut Generation| one.is_proved() || one.identity().is_of_an_archive();
        let Some(generation) = self.generations.get_mut(&id).filter(is_known) else { return false };
        generation.packed = Packed::next(search, &generation.identity().head);
        self.prove(id);
        self.generations.get(&id).is_some_and(|generation| generation.packed.is_some())
    }

    /// Whether it is not known yet if an archive holds what it seems to: what is newer waits for that.
    pub(super) fn is_proving(&self) -> bool {
        let mut packed = self.generations.values().filter_map(|generation| generation.packed.as_ref());
        packed.any(|packed| !packed.is_proved)
    }

    /// Passes over what was read, and compares the last of it; goes on to the next archive where that differs.
    fn prove(&mut self, id: u64) {
        let Some(generation) = self.generations.get_mut(&id) else { return };
        let (memory, identity, offset) =
            (generation.last_bytes(), generation.identity(), generation.read_offset());
        let tail = if memory.is_empty() { identity.tail } else { mark::mark(&memory) };
        while let Some(mut packed) = generation.packed.take() {
            match packed.pass(offset, &tail, &mut self.scratch) {
                Ok(Some(false)) | Err(_) => generation.packed = Packed::next(packed.search, &identity.head),
                Ok(None) => return generation.packed = Some(packed),
                Ok(Some(true)) => {
                    packed.is_proved = true;
                    self.unpacked.insert(packed.search.found().path.clone());
                    if memory.is_empty() {
                        generation.recall(&packed.last);
                    }
                    return generation.packed = Some(packed);
                }
            }
        }
    }

    /// Reads on in an archive.
    pub(super) fn fill_packed(&mut self, id: u64, now: Instant) -> Filled {
        let state = |tail: &Tail| {
            let packed = tail.generations.get(&id)?.packed.as_ref()?;
            Some((packed.is_proved, packed.search.is_loss))
        };
        let before = state(self);
        if before.is_some_and(|(is_proved, _)| !is_proved) {
            self.prove(id);
            if state(self).is_some() {
                return Filled::Bytes(0);
            }
        }
        let is_loss = before.is_some_and(|(_, is_loss)| is_loss);
        let Some(generation) = self.generations.get_mut(&id) else { return Filled::Bytes(0) };
        let read = generation.packed.as_mut().map(|packed| {
            // What is newer is to be known before this is done with: the next sweep sees to it.
            if packed.search.is_newest { Ok(None) } else { packed.read(&mut self.scratch).map(Some) }
        });
        match read {
            Some(Ok(None)) => generation.back_off(now),
            Some(Ok(Some(length))) if length > 0 => {
                generation.grow(&self.scratch[..length], now);
                return Filled::Bytes(length);
            }
            // Its end. An archive does not grow: it is done with.
            Some(Ok(_)) => generation.finish(Place::Nowhere),
            // Damaged from here on.
            Some(Err(_)) => {
                generation.finish(Place::Nowhere);
                self.tell_gap(id);
            }
            // No archive held it.
            None => {
                generation.finish(generation.place.clone());
                if is_loss {
                    self.tell_gap(id);
                }
            }
        }
        Filled::Bytes(0)
    }

    /// Begins to read what was rotated after the newest generation known, and not known itself: what is compressed, and
    /// what is not.
    pub(super) fn begin_later(&mut self, look: &mut Look, now: Instant) {
        let newest = |one: &Generation| one.packed.as_ref().is_some_and(|packed| packed.search.is_newest);
        let ids: Vec<u64> =
            self.generations.iter().filter(|(_, one)| newest(one)).map(|(&id, _)| id).collect();
        for id in ids {
            let Some(generation) = self.generations.get_mut(&id) else { continue };
            let Some(packed) = &mut generation.packed else { continue };
            packed.search.is_newest = false;
            generation.retry = None;
            let mut later = packed.search.later(&generation.path);
            // The time of the archive may be that of the compression.
            let since = generation.stat.modified;
            // Compressed late, an older one looks newer.
            later.retain(|archive| self.unpacked.insert(archive.path.clone()));
            let (source, path) = (generation.source.clone(), generation.path.clone());
            for archive in later {
                match open(&archive.path) {
                    Ok((reader, head)) => {
                        let identity = Identity::of_head(mark::mark(&head));
                        let text = path.to_string_lossy().into_owned();
                        let progress = Progress::default();
                        let seen = Seen { size: head.len() as u64, modified: since };
                        let position =
                            Position { source: source.clone(), path: text, identity, progress, seen };
                        let mut generation = Generation::known(position, now);
                        generation.packed = Some(Packed::whole(reader, archive));
                        generation.give_up_search();
                        self.generations.insert(self.next_id, generation);
                        self.changed.insert(self.next_id);
                        self.next_id += 1;
                    }
                    Err(_) => self.troubles.push(Trouble::Gap { path: archive.path, offset: 0, bytes: None }),
                }
            }
            let source = self.source_index(&source).unwrap_or(0);
            self.add_between(id, source, |stat| stat.modified >= since, look);
        }
    }
}

/// Whether a text that has `first` as its first bytes begins as a generation did; with only a few, it is all of it.
fn begins(first: &[u8], head: &Mark) -> bool {
    let length = usize::try_from(head.length).unwrap_or(usize::MAX);
    let is_enough = head.length >= PROOF_LEN || first.len() == length;
    is_enough && first.get(..length).is_some_and(|first| mark::mark(first) == *head)
}

/// Opens an archive; its first bytes, which the reader gives again.
fn open(path: &Path) -> io::Result<(Box<dyn Read + Send>, Vec<u8>)> {
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
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
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
