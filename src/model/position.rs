//! A position: which stream, and how far it has been read. What survives a restart.

use serde::{Deserialize, Serialize};

/// How far one stream has been read.
///
/// As a row it says which kind of place it is by `kind`, beside the other fields. A row without is from before there
/// were kinds: it is that of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The `[[source]]` that reads it.
    pub source: String,
    /// What it is called: of a file, where it was last seen.
    pub path: String,
    /// Where its source finds the byte at [`Progress::offset`] again.
    #[serde(flatten)]
    pub place: Place,
    /// Where reading goes on.
    pub progress: Progress,
}

/// What a source knows a place in a stream by: as many kinds as there are kinds of sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", try_from = "Fields")]
pub enum Place {
    /// In a file, whose offsets are those of the stream.
    File(FilePlace),
    /// In a log of numbered entries, which tests have.
    #[cfg(test)]
    Entry(EntryPlace),
}

/// Names of kinds that are known.
const KINDS: &[&str] = &[
    "file",
    #[cfg(test)]
    "entry",
];

/// The fields of a row that say where the place is, of every kind.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    identity: Option<Identity>,
    #[serde(default)]
    seen: Seen,
    #[cfg(test)]
    #[serde(default)]
    entry: Option<u64>,
    #[cfg(test)]
    #[serde(default)]
    begins: u64,
}

impl TryFrom<Fields> for Place {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Place, String> {
        let Fields { kind, identity, seen, .. } = fields;
        match kind.as_deref() {
            None | Some("file") => {
                let identity = identity.ok_or("a file without an identity")?;
                Ok(Place::File(FilePlace { identity, seen }))
            }
            #[cfg(test)]
            Some("entry") => {
                let entry = fields.entry.ok_or("an entry without a number")?;
                Ok(Place::Entry(EntryPlace { entry, begins: fields.begins }))
            }
            Some(kind) => Err(format!("a place of the unknown kind `{kind}`")),
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePlace {
    /// What tells the file from every other.
    pub identity: Identity,
    /// What was seen of it beyond what was read.
    #[serde(default)]
    pub seen: Seen,
}

/// A place in a log of numbered entries.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPlace {
    /// The entry that holds the byte at the offset.
    pub entry: u64,
    /// The offset of its first byte.
    pub begins: u64,
}

/// What is known of a row of a kind that only a newer version knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newer {
    /// The name of the kind.
    pub kind: String,
}

impl Position {
    /// Reads a row.
    ///
    /// # Errors
    ///
    /// It is damaged.
    pub fn read(row: &[u8]) -> serde_json::Result<Result<Position, Newer>> {
        #[derive(Deserialize)]
        struct Tagged {
            kind: String,
        }
        serde_json::from_slice(row).map(Ok).or_else(|error| match serde_json::from_slice::<Tagged>(row) {
            Ok(Tagged { kind }) if !KINDS.contains(&&*kind) => Ok(Err(Newer { kind })),
            _ => Err(error),
        })
    }
}

impl Place {
    /// The place in a file, if it is one.
    pub fn in_file(&self) -> Option<&FilePlace> {
        match self {
            Place::File(place) => Some(place),
            #[cfg(test)]
            Place::Entry(_) => None,
        }
    }
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
