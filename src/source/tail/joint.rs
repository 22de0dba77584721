//! A record that a rotation cut in two: it begins at the end of one file and goes on at the start of the next.
//!
//! The first lines of a new generation that start no record are read behind the last record of the one before, in one
//! chunk of that one. What becomes settled of such a chunk is settled in both at once, so a crash finds either both
//! parts unsettled or neither.

use std::time::{Duration, Instant};

use super::generation::{Generation, Stage};
use super::{Tail, names};
use crate::frame::{self, End, RECORD_BYTES_MAX};
use crate::model::position::Progress;
use crate::source::contract::Chunk;

/// The next file goes on with a record only if it begins so soon after the last line before it.
const CARRIED_FOR: Duration = Duration::from_secs(5);

/// What the first lines of a generation are.
enum First {
    /// Its own.
    Own,
    /// Not known before more of them come, or nothing does for a while.
    Waiting,
    /// Not known before this generation has been read to its end.
    Behind(u64),
    /// So many bytes of them go on with the last record of this generation, and are followed by `End`.
    Of(u64, usize, End),
}

/// The two generations whose bytes stand in one chunk.
#[derive(Debug)]
pub(super) struct Joint {
    before: u64,
    after: u64,
}

impl Joint {
    /// Whether it is a chunk of this generation.
    pub(super) fn is_of(&self, id: u64) -> bool {
        self.before == id
    }
}

impl Tail {
    /// The bytes at hand of a generation, which are followed by `end`; or the record before that they go on with.
    pub(super) fn chunk(&mut self, id: u64, end: End, now: Instant) -> Option<Chunk<'_>> {
        match self.first_lines(id, end, now) {
            First::Of(before, length, end) => return self.join(before, id, length, end),
            First::Own => return self.registry.get(id).map(|one| one.chunk(id, end)),
            First::Behind(before) => self.registry.get_mut(id)?.behind = Some(before),
            First::Waiting => {}
        }
        self.registry.get(id).map(|one| Chunk { bytes: &[], ..one.chunk(id, end) })
    }

    /// Tells what the bytes at hand of a generation are, which are followed by `end`.
    fn first_lines(&self, id: u64, end: End, now: Instant) -> First {
        let Some(after) = self.registry.get(id) else { return First::Own };
        let (Some(began), true) = (after.began, after.progress == Progress::default()) else {
            return First::Own;
        };
        let (length, closed) = continuing(&after.carry);
        if length == 0 || end == End::Final {
            return First::Own;
        }
        let mut earlier = self.registry.range(..id).rev();
        let Some((&before, generation)) = earlier.find(|(_, one)| after.goes_on_from(one)) else {
            return First::Own;
        };
        let is_late = now.saturating_duration_since(began) >= CARRIED_FOR;
        match end {
            End::More if !is_late && generation.is_unread() => First::Behind(before),
            End::More if !is_late && !closed => First::Waiting,
            _ if generation.is_unread() => First::Own,
            End::Held if !closed && !is_late => First::Of(before, length, End::Held),
            _ => First::Of(before, length, End::Final),
        }
    }

    /// The last record of `before` and what `after` adds to it.
    fn join(&mut self, before: u64, after: u64, length: usize, end: End) -> Option<Chunk<'_>> {
        let added = self.registry.get(after)?.carry.get(..length)?;
        let generation = self.registry.get(before)?;
        self.joined = [&generation.carry, added].concat();
        self.joint = Some(Joint { before, after });
        Some(Chunk { bytes: &self.joined, ..generation.chunk(before, end) })
    }

    /// Settles in the later generation what of a joint chunk is its own; returns what is left for the earlier one.
    pub(super) fn part(&mut self, id: u64, mut progress: Progress) -> Progress {
        let Some(joint) = self.joint.take().filter(|joint| joint.before == id) else { return progress };
        let Some(end) = self.registry.get(id).map(Generation::read_offset) else { return progress };
        let Some(after) = self.registry.get_mut(joint.after) else { return progress };
        let length = progress.offset.saturating_sub(end);
        let settled = usize::try_from(length).ok().and_then(|length| after.carry.get(..length));
        let Some(settled) = settled.filter(|settled| !settled.is_empty()) else { return progress };
        let lines = bytecount::count(settled, b'\n') as u64;
        let reported = std::mem::take(&mut progress.reported);
        after.settle(Progress { offset: length, line: 1 + lines, mode: progress.mode, reported });
        self.registry.note(joint.after);
        Progress { offset: end, line: progress.line.saturating_sub(lines), ..progress }
    }
}

impl Generation {
    /// Whether it is the next generation of the same file, begun while the last record of the other was open.
    fn goes_on_from(&self, other: &Generation) -> bool {
        other.stage == Stage::Open
            && other.packed.is_none()
            && other.carry.ends_with(b"\n")
            && other.source == self.source
            && self.began.is_some_and(|began| began.saturating_duration_since(other.grown) <= CARRIED_FOR)
            && other.path.parent() == self.path.parent()
            && (other.path == self.path
                || names::is_generation(&names::name_of(&self.path), &names::name_of(&other.path)))
    }
}

/// The length of the whole lines before the first that starts a record, and whether no more can come.
fn continuing(bytes: &[u8]) -> (usize, bool) {
    let mut length = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(text) = line.strip_suffix(b"\n") else { break };
        if frame::starts(text) || length >= RECORD_BYTES_MAX {
            return (length, true);
        }
        length += line.len();
    }
    (length, false)
}
