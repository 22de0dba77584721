//! What the pipeline asks of a source, whatever its bytes come from.
//!
//! A source has streams, each known by an id that is its number in the store. A stream is bytes from an offset on, in
//! order; its offsets are the source's own to choose as long as they only grow. What tells a source where an offset is
//! to be found again after a restart is a [`Place`](crate::model::position::Place), a kind a source: device, inode number
//! and hashes of a file, the cursor of a journal, the sequence number of a message. It is committed with what was found
//! before it, so a source that can be asked again for what follows a place loses nothing and gives nothing twice.
//!
//! Nothing here waits, and the clock comes in as an argument. What wakes the reading, and what a source must not read, is
//! between the source and whoever makes it.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::io;
use std::path::Path;
use std::time::Instant;

use crate::frame::End;
use crate::model::position::{Position, Progress};
use crate::telemetry::meter::Level;

/// Unsettled bytes of one stream.
#[derive(Debug)]
pub struct Chunk<'a> {
    /// The stream's id, to settle them by.
    pub id: u64,
    /// From `progress.offset` on: what was carried, and what is new.
    pub bytes: &'a [u8],
    /// What follows them.
    pub end: End,
    /// Where they start.
    pub progress: &'a Progress,
    /// The `[[source]]` that the stream belongs to.
    pub source: &'a str,
    /// What the stream is called: of a file, its path.
    pub path: &'a str,
}

/// What something that is wrong with a stream comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect<'a> {
    /// Bytes will never be read.
    Lost {
        /// The stream they were in.
        path: &'a Path,
        /// Where they began.
        offset: u64,
        /// How many at least, where that is known.
        bytes: Option<u64>,
    },
    /// Nothing of it is read for now; it is tried again.
    Unreadable {
        /// The stream.
        path: &'a Path,
    },
    /// It is not read, and need not be.
    Refused,
}

/// Something that is wrong with a stream. `Display` is one log line.
pub trait Trouble: Debug + Display {
    /// What it comes to.
    fn effect(&self) -> Effect<'_>;
}

/// Where bytes come from.
///
/// It is a parameter of the pipeline and no object: a call of it costs what a call of a method costs. Several kinds of
/// sources in one pipeline are one more source, which routes ids.
pub trait Source {
    /// What it tells of what is wrong.
    type Trouble: Trouble;

    /// Looks at which streams there are, and what became of them. Returns each trouble once, for as long as it lasts.
    fn sweep(&mut self, now: Instant) -> Vec<Self::Trouble>;

    /// Streams that have something to do: unread bytes, or a quiet time that has passed.
    fn ready(&self, now: Instant) -> Vec<u64>;

    /// When [`Source::ready`] may change without any event.
    fn next_deadline(&self, now: Instant) -> Option<Instant>;

    /// The unsettled bytes of a stream. A chunk may be empty, and it may be one of another stream.
    ///
    /// # Errors
    ///
    /// There is nothing to be had for now; a later sweep tells of it.
    fn read(&mut self, id: u64, now: Instant) -> io::Result<Chunk<'_>>;

    /// The chunk of `id` that was read last and is not settled, once more; `end` is what was said to follow it.
    fn at_hand(&self, id: u64, end: End) -> Option<Chunk<'_>>;

    /// Takes note that everything before `progress.offset` is done with. `id` is that of the chunk.
    fn settle(&mut self, id: u64, progress: Progress);

    /// Positions that changed since the last call, to be committed; `None` is one to forget.
    fn changed(&mut self) -> Vec<(u64, Option<Position>)>;

    /// Up to `lines` whole lines before `offset`, which is the start of a line; oldest first, without their newlines.
    fn before(&self, id: u64, offset: u64, lines: usize) -> Vec<Vec<u8>>;

    /// The bytes before what is not settled, as many as can say what follows them: a record's length.
    fn above(&self, id: u64) -> Vec<u8>;

    /// How things are with every `[[source]]`.
    fn levels(&self) -> BTreeMap<String, Level>;
}
