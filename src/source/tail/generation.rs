//! One generation of a file: what it held between two rotations or truncations.
//!
//! It owns the bytes that have been read and are not yet settled, so that no truncation can take
//! them back, and knows when its reader should hear of it again.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::SeekFrom;

use super::mark::{self, Head, TAIL_LEN};
use super::packed::Packed;
use super::scan::Stat;
use crate::frame::End;
use crate::model::position::{self, FilePlace, Identity, Mark, Position, Progress, Seen};
use crate::source::contract::Chunk;

/// Unsettled bytes a generation may hold. The reader cuts lines and records long before.
pub(super) const CARRY_MAX: usize = 4 << 20;
/// `Quiet` comes after this many times `hold`.
const QUIET_HOLDS: u32 = 4;
/// How long a file that failed is left alone.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Where the bytes of a generation are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a file of this path, device and inode number.
    Here { at: PathBuf, key: (u64, u64) },
    /// In a file that is not to be found now. It may come back: a disk may have been unmounted.
    Gone(Gone),
    /// No longer in any file.
    Nowhere,
}

/// What is known of a file that is not to be found.
#[derive(Debug, Clone)]
pub(super) struct Gone {
    pub since: Instant,
    pub identity: Identity,
    /// Whether it has been looked for among rotated files.
    pub searched: bool,
}

/// How far a generation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// More may follow.
    Open,
    /// Nothing will follow; the reader has not been told yet.
    Over,
    /// The reader has been told.
    Spent,
}

/// What became of an attempt to read on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// So many bytes came.
    Bytes(usize),
    /// The file no longer holds what was read from it.
    Foreign,
}

#[derive(Debug)]
pub(super) struct Generation {
    pub source: String,
    pub hold: Duration,
    /// The name it was first followed under; its rotated names derive from it.
    pub path: PathBuf,
    /// The name a source last knew it by, for chunks and positions.
    pub shown: String,
    pub place: Place,
    pub stage: Stage,
    /// Whether no source names the file any more: rotated away, it ends once it is quiet.
    pub away: bool,
    /// Whether it was found deleted and read to its end at the last sweep.
    pub drained: bool,
    pub progress: Progress,
    /// Bytes read and not settled: from `progress.offset` on.
    pub carry: Vec<u8>,
    /// What `stat` said last; what it said before the last reading that reached the end.
    pub stat: Stat,
    pub read: Option<Stat>,
    /// How far it has been searched: the last record early, for it may go on.
    searched: u64,
    /// The largest size its file was seen to have while it held these bytes.
    pub seen_size: u64,
    pub retry: Option<Instant>,
    /// When the first of its bytes were read, and the last.
    pub began: Option<Instant>,
    pub grown: Instant,
    /// The generation that is to be read before it is known what the first lines of this one are.
    pub behind: Option<u64>,
    /// The archive that its bytes come from, if they do.
    pub packed: Option<Packed>,
    head: Head,
    /// The last bytes before `progress.offset`.
    pub trail: Vec<u8>,
    offered: End,
}

impl Generation {
    /// A generation known from the last run, not found yet. `None`: it is of no file.
    pub(super) fn known(position: Position, now: Instant) -> Option<Generation> {
        let Position { source, path, place, progress } = position;
        let FilePlace { identity, seen } = place.in_file()?.clone();
        let gone = Gone { since: now, identity, searched: false };
        let mut generation = Generation::new(source, Duration::ZERO, path.clone().into(), progress, now);
        generation.shown = path;
        generation.place = Place::Gone(gone);
        (generation.seen_size, generation.stat.modified) =
            (generation.progress.offset.saturating_add(seen.unread), seen.modified);
        Some(generation)
    }

    pub(super) fn new(
        source: String,
        hold: Duration,
        path: PathBuf,
        progress: Progress,
        now: Instant,
    ) -> Generation {
        Generation {
            source,
            hold,
            shown: path.to_string_lossy().into_owned(),
            path,
            place: Place::Nowhere,
            stage: Stage::Open,
            away: false,
            drained: false,
            progress,
            carry: Vec::new(),
            stat: Stat::default(),
            read: None,
            searched: 0,
            seen_size: 0,
            retry: None,
            began: None,
            grown: now,
            behind: None,
            packed: None,
            head: Head::Growing(Vec::new()),
            trail: Vec::new(),
            offered: End::More,
        }
    }

    /// Ties the generation to a file that holds its bytes.
    pub(super) fn bind(&mut self, file: &File, at: PathBuf, stat: Stat, now: Instant) -> io::Result<()> {
        // No more than was read: what follows may be truncated before that, and is in no copy then.
        let mut read = self.progress.offset;
        if let Place::Gone(gone) = &self.place {
            read = read.max(gone.identity.head.length);
            if !mark::holds(file, self.progress.offset, &gone.identity.ahead)? {
                // It is another record that starts there now.
                self.progress.reported.clear();
            }
        }
        self.head = Head::of(file, read)?;
        self.trail = mark::before(file, self.progress.offset)?;
        self.carry.clear();
        self.packed = None;
        self.place_at(at, stat);
        self.wake(now);
        Ok(())
    }

    /// Says which file holds the bytes, without a look at them.
    pub(super) fn place_at(&mut self, at: PathBuf, stat: Stat) {
        self.place = Place::Here { at, key: stat.key() };
        self.stat = stat;
        self.seen_size = stat.size;
        self.read = None;
    }

    /// Reading goes on, after an end that was none or in another file.
    pub(super) fn wake(&mut self, now: Instant) {
        self.stage = Stage::Open;
        self.offered = End::More;
        self.grown = now;
        self.drained = false;
    }

    /// Where it is, if it is anywhere.
    pub(super) fn at(&self) -> Option<&Path> {
        match &self.place {
            Place::Here { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Device and inode number of the file that holds it.
    pub(super) fn key(&self) -> Option<(u64, u64)> {
        match self.place {
            Place::Here { key, .. } => Some(key),
            _ => None,
        }
    }

    /// Offset of the first byte not read.
    pub(super) fn read_offset(&self) -> u64 {
        self.progress.offset + self.carry.len() as u64
    }

    /// Bytes that were seen in its file and not read, if there are any.
    pub(super) fn unread(&self) -> Option<u64> {
        self.seen_size.checked_sub(self.read_offset()).filter(|&bytes| bytes > 0)
    }

    /// Takes in what `stat` says; `false` if the file has shrunk, so that what was in it is gone.
    pub(super) fn look(&mut self, stat: Stat) -> bool {
        let known = self.stat.size.max(self.read_offset());
        let shrunk = stat.size < known;
        if shrunk {
            self.seen_size = self.seen_size.max(self.stat.size);
        }
        self.stat = stat;
        !shrunk
    }

    /// Whether the file has changed since it was read to its end.
    pub(super) fn is_unread(&self) -> bool {
        self.key().is_some() && self.read.map(|read| read.version()) != Some(self.stat.version())
    }

    /// Whether there may be bytes to read, and room for them.
    pub(super) fn can_read(&self) -> bool {
        let may_come = self.packed.is_some() || self.is_unread();
        self.stage == Stage::Open && may_come && self.carry.len() < CARRY_MAX
    }

    /// Whether the reader has something to do.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        if self.retry.is_some_and(|retry| now < retry) {
            return false;
        }
        match self.stage {
            Stage::Over => true,
            Stage::Spent => false,
            Stage::Open => self.can_read() || rank(self.end(now)) > rank(self.offered),
        }
    }

    /// When `is_due` may next change by itself.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        if self.stage == Stage::Spent {
            return None;
        }
        let next = match self.offered {
            _ if self.stage == Stage::Over || self.can_read() => now,
            _ if self.carry.is_empty() => return None,
            End::More => self.grown + self.hold,
            End::Held => self.grown + self.hold * QUIET_HOLDS,
            End::Quiet | End::Final => return None,
        };
        Some(self.retry.map_or(next, |retry| next.max(retry)))
    }

    /// What follows the bytes at hand.
    fn end(&self, now: Instant) -> End {
        let quiet = now.saturating_duration_since(self.grown);
        match self.stage {
            Stage::Over | Stage::Spent => End::Final,
            Stage::Open if self.carry.is_empty() => End::More,
            Stage::Open if quiet >= self.hold * QUIET_HOLDS => End::Quiet,
            Stage::Open if quiet >= self.hold => End::Held,
            Stage::Open => End::More,
        }
    }

    /// The same, and notes that the reader has heard it.
    pub(super) fn offer(&mut self, now: Instant) -> End {
        let end = if self.can_read() { End::More } else { self.end(now) };
        (self.offered, self.behind) = (end, None);
        match end {
            End::More => {}
            // A last line that is not whole is not looked at yet.
            End::Held => self.searched = self.progress.offset + self.whole_lines() as u64,
            End::Quiet | End::Final => self.searched = self.read_offset(),
        }
        if end == End::Final {
            self.stage = Stage::Spent;
        }
        end
    }

    /// How long nothing has come.
    pub(super) fn quiet_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.grown)
    }

    /// Leaves a file that fails alone for a while.
    pub(super) fn back_off(&mut self, now: Instant) {
        self.retry = Some(now + RETRY_DELAY);
    }

    /// Reads on, by at most what fits into `scratch`.
    ///
    /// The bytes before come along in the same call and are compared: whatever happened to the file,
    /// bytes are taken only if they follow those that were read.
    pub(super) fn fill(&mut self, file: &File, scratch: &mut [u8], now: Instant) -> io::Result<Filled> {
        // Before the bytes: whatever comes after shows as a change.
        let stat = Stat::of(&file.metadata()?);
        if !self.look(stat) {
            return Ok(Filled::Foreign);
        }
        if !self.head.begins(file)? {
            return Ok(Filled::Foreign);
        }
        let memory = self.last_bytes();
        let offset = self.read_offset();
        let length = mark::read_at(file, offset - memory.len() as u64, scratch)?;
        let Some(bytes) = scratch[..length].strip_prefix(memory.as_slice()) else {
            return Ok(Filled::Foreign);
        };
        self.seen_size = self.seen_size.max(stat.size);
        self.head.extend(offset, bytes);
        if self.carry.is_empty() && !bytes.is_empty() && bytes.iter().all(|&byte| byte == 0) {
            self.skip_hole(file, offset + bytes.len() as u64);
        } else {
            self.carry.extend_from_slice(bytes);
        }
        if !bytes.is_empty() {
            self.began.get_or_insert(now);
            self.grow(&[], now);
        }
        self.read = (self.read_offset() >= stat.size).then_some(stat);
        Ok(Filled::Bytes(bytes.len()))
    }

    /// Takes in bytes that follow those that were read.
    pub(super) fn grow(&mut self, bytes: &[u8], now: Instant) {
        self.carry.extend_from_slice(bytes);
        self.grown = now;
        self.offered = End::More;
    }

    /// Takes in the bytes before the offset.
    pub(super) fn recall(&mut self, before: &[u8]) {
        self.trail = before.to_vec();
    }

    /// No more comes, from an archive or any file.
    pub(super) fn finish(&mut self, place: Place) {
        self.packed = None;
        self.place = place;
        self.stage = Stage::Over;
    }

    /// Takes back the line at the end that is not whole: the rest of it is lost.
    pub(super) fn drop_last_line(&mut self) {
        self.seen_size = self.seen_size.max(self.read_offset());
        self.carry.truncate(self.whole_lines());
    }

    /// Bytes of the whole lines at hand.
    fn whole_lines(&self) -> usize {
        memchr::memrchr(b'\n', &self.carry).map_or(0, |newline| newline + 1)
    }

    /// It is not to be looked for among plain files.
    pub(super) fn give_up_search(&mut self) {
        if let Place::Gone(gone) = &mut self.place {
            gone.searched = true;
        }
    }

    /// Passes over zeros at the start of a line: a writer that does not append leaves a hole, of the
    /// size the file had, when it writes on after a truncation.
    fn skip_hole(&mut self, file: &File, zeros_end: u64) {
        let data = match rustix::fs::seek(file, SeekFrom::Data(zeros_end)) {
            Ok(data) => data.max(zeros_end),
            // A hole up to the end; or a file system that knows none, which is then read.
            Err(rustix::io::Errno::NXIO) => self.stat.size.max(zeros_end),
            Err(_) => zeros_end,
        };
        self.head.extend(data, &[]);
        // Behind lines they may be few.
        let zeros = data.saturating_sub(self.progress.offset).min(TAIL_LEN as u64);
        self.trail.resize(self.trail.len() + zeros as usize, 0);
        self.trail.drain(..self.trail.len().saturating_sub(TAIL_LEN));
        self.progress.offset = data;
    }

    /// The bytes that are not settled.
    pub(super) fn chunk(&self, id: u64, end: End) -> Chunk<'_> {
        Chunk {
            id,
            bytes: &self.carry,
            end,
            progress: &self.progress,
            source: &self.source,
            path: &self.shown,
        }
    }

    /// Drops what is settled.
    pub(super) fn settle(&mut self, progress: Progress) {
        let settled = progress.offset.saturating_sub(self.progress.offset);
        let settled = usize::try_from(settled).unwrap_or(usize::MAX).min(self.carry.len());
        self.trail.extend_from_slice(&self.carry[settled.saturating_sub(TAIL_LEN)..settled]);
        self.trail.drain(..self.trail.len().saturating_sub(TAIL_LEN));
        self.carry.drain(..settled);
        if self.carry.len() < self.carry.capacity() / 4 {
            self.carry.shrink_to(self.carry.len() * 2);
        }
        self.progress = Progress { offset: self.progress.offset + settled as u64, ..progress };
        if let (Place::Gone(gone), true) = (&mut self.place, settled > 0) {
            gone.identity.tail = mark::mark(&self.trail);
            gone.identity.ahead = Mark::default();
        }
    }

    /// The last bytes before the read offset, at most [`TAIL_LEN`].
    pub(super) fn last_bytes(&self) -> Vec<u8> {
        let carried = &self.carry[self.carry.len().saturating_sub(TAIL_LEN)..];
        let trailing = &self.trail[self.trail.len().saturating_sub(TAIL_LEN - carried.len())..];
        [trailing, carried].concat()
    }

    /// Whether its file still begins as it did, and holds the bytes before the read offset.
    pub(super) fn is_intact(&self, file: &File) -> io::Result<bool> {
        Ok(self.head.begins(file)? && mark::before(file, self.read_offset())? == self.last_bytes())
    }

    /// Whether a file of `size` bytes holds what was read, or a part of it that is all the file holds.
    pub(super) fn is_in(&self, file: &File, size: u64) -> io::Result<bool> {
        let end = size.min(self.read_offset());
        // What is still in memory, from here on.
        let from = self.progress.offset - self.trail.len() as u64;
        let start = end.saturating_sub(TAIL_LEN as u64).max(from);
        // After a restart the head may be known beyond what is in memory.
        let proof = end.saturating_sub(start).max(self.head.length().min(size));
        if end < start || proof < mark::PROOF_LEN || !self.head.begins(file)? {
            return Ok(false);
        }
        let memory = [self.trail.as_slice(), self.carry.as_slice()].concat();
        let expected = &memory[(start - from) as usize..(end - from) as usize];
        Ok(mark::stretch(file, start, expected.len())? == expected)
    }

    pub(super) fn identity(&self) -> Identity {
        match &self.place {
            Place::Gone(gone) => gone.identity.clone(),
            _ => Identity {
                device: self.stat.device,
                inode: self.stat.inode,
                head: self.head.mark(),
                tail: mark::mark(&self.trail),
                ahead: self.ahead(),
            },
        }
    }

    /// What the record at the offset begins with, if it was reported early.
    fn ahead(&self) -> Mark {
        if self.progress.reported.is_empty() {
            return Mark::default();
        }
        mark::mark(&self.carry[..self.carry.len().min(TAIL_LEN)])
    }

    /// Whether what was read is enough to know its file by.
    pub(super) fn is_proved(&self) -> bool {
        self.progress.offset.max(self.identity().head.length) >= mark::PROOF_LEN
    }

    pub(super) fn position(&self) -> Position {
        let offset = self.progress.offset;
        // An archive that is not read to its end holds more.
        let seen = self.seen_size.max(offset + u64::from(self.packed.is_some()));
        let unread = seen.saturating_sub(offset.max(self.searched));
        Position {
            source: self.source.clone(),
            path: self.shown.clone(),
            place: position::Place::File(FilePlace {
                identity: self.identity(),
                seen: Seen { unread, modified: self.stat.modified },
            }),
            progress: self.progress.clone(),
        }
    }
}

fn rank(end: End) -> u8 {
    match end {
        End::More => 0,
        End::Held => 1,
        End::Quiet => 2,
        End::Final => 3,
    }
}
