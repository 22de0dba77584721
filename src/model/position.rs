//! A position: which file, and how far it has been read. What survives a restart.

use serde::{Deserialize, Serialize};

/// How far one file has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The `[[source]]` that reads it.
    pub source: String,
    /// Where it was last seen.
    pub path: String,
    /// What tells it from every other file.
    pub identity: Identity,
    /// Where reading goes on.
    pub progress: Progress,
    /// What was seen of it beyond that.
    #[serde(default)]
    pub seen: Seen,
}

/// What a file was seen to be: what of it is lost, should it be gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Bytes that were there and that nobody has searched yet.
    pub unread: u64,
    /// When it was written to last: seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

/// What tells a file from every other, and from what it held before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Device number; a hint only, it changes at a remount.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// The first bytes of the file.
    pub head: Mark,
    /// The bytes just before the offset: what was there when it was read.
    pub tail: Mark,
    /// The first bytes from the offset on, where the record that starts there was reported early: a
    /// file may lose them when the power goes, and get others in their place.
    #[serde(default)]
    pub ahead: Mark,
}

impl Identity {
    /// Of a text in an archive, of which the head alone is known.
    pub fn of_head(head: Mark) -> Identity {
        Identity { device: 0, inode: 0, head, tail: Mark::default(), ahead: Mark::default() }
    }

    /// Whether it is that of a text that was in no plain file when it was first read.
    pub fn is_of_an_archive(&self) -> bool {
        self.inode == 0
    }
}

/// A stretch of a file, known by its hash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Bytes hashed.
    pub length: u64,
    /// The first 16 bytes of their SHA-256, in hex.
    pub hash: String,
}

/// Where the reading of a stream goes on. Always at the start of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes settled: all records that start before are done with.
    pub offset: u64,
    /// Number of the line that starts there, counted from 1.
    pub line: u64,
    /// What the line that starts there belongs to.
    pub mode: Mode,
    /// Signatures already reported for the record that starts there: it was looked at early,
    /// because the file had been quiet, and may yet go on.
    pub reported: Vec<String>,
}

impl Default for Progress {
    fn default() -> Progress {
        Progress { offset: 0, line: 1, mode: Mode::Record, reported: Vec::new() }
    }
}

/// What the line at a [`Progress`] belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It starts a record, whatever it looks like.
    #[default]
    Record,
    /// It follows a record that is full: lines stand alone until one starts a record.
    Alone,
    /// It is the rest of a line that was too long: skipped up to the next newline.
    Skip,
}
