//! Why the store could not do something.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The store could not be opened, read or written.
#[derive(Debug)]
pub struct StoreError {
    path: PathBuf,
    fault: Fault,
}

/// What went wrong, without the path.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another process holds the lock.
    Locked { pid: Option<u32> },
    /// The folder is on a network file system of this kind.
    Network(&'static str),
    /// What stands in the place of the file is this.
    Foreign(&'static str),
    /// The file was written by a later version of this program.
    Newer { found: u64, known: u64 },
    /// The bytes are not a state of ours.
    Broken(String),
    /// The same, and it is to be left as it is.
    Strict(Box<Fault>),
    /// The disk is full but for what acknowledgements need.
    Full,
    /// The disk said no.
    Io(io::Error),
    /// The database said no.
    Database(redb::Error),
}

impl StoreError {
    pub(super) fn new(path: &Path, fault: impl Into<Fault>) -> StoreError {
        StoreError { path: path.to_owned(), fault: fault.into() }
    }

    /// Another process works on the same state directory.
    pub fn is_locked(&self) -> bool {
        matches!(self.fault, Fault::Locked { .. })
    }

    /// The state was written by a later version; it was not touched.
    pub fn is_newer(&self) -> bool {
        matches!(self.fault, Fault::Newer { .. })
    }
}

impl Fault {
    /// Whether the file itself is bad, rather than the disk, the rights or the moment.
    pub(super) fn is_corruption(&self) -> bool {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        match self {
            Fault::Broken(_) => true,
            Fault::Io(error) | Fault::Database(redb::Error::Io(error)) => {
                matches!(error.kind(), InvalidData | UnexpectedEof)
            }
            Fault::Database(error) => matches!(
                error,
                redb::Error::Corrupted(_)
                    | redb::Error::UpgradeRequired(_)
                    | redb::Error::TableTypeMismatch { .. }
                    | redb::Error::TableIsMultimap(_)
                    | redb::Error::TableDoesNotExist(_)
                    | redb::Error::TypeDefinitionChanged { .. }
            ),
            Fault::Locked { .. }
            | Fault::Network(_)
            | Fault::Foreign(_)
            | Fault::Newer { .. }
            | Fault::Strict(_)
            | Fault::Full => false,
        }
    }

    /// Whether the disk has no room.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Fault::Full => true,
            Fault::Io(error) | Fault::Database(redb::Error::Io(error)) => is_full(error),
            _ => false,
        }
    }
}

/// Whether the disk has no room, for this user at least.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Locked { .. } | Fault::Network(_) => write!(f, "state directory {path} {}", self.fault),
            fault => write!(f, "state {path} {fault}"),
        }
    }
}

/// Reads on from the path.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Locked { pid: Some(pid) } => write!(f, "is in use by process {pid}"),
            Fault::Locked { pid: None } => write!(f, "is in use by another process"),
            Fault::Network(kind) => write!(
                f,
                "is on a network file system ({kind}), where locks and durable writes depend on the server\nhint: set `state_dir` to a folder on a disk of this box, or accept the risk with --allow-network-state"
            ),
            Fault::Foreign(what) => write!(
                f,
                "is {what}, and was not changed\nhint: remove it; to keep the state elsewhere, set another state directory, or make the directory itself a symbolic link"
            ),
            Fault::Newer { found, known } => write!(
                f,
                "has version {found}, this program supports up to {known}\nhint: run the newer version, or set another state directory"
            ),
            Fault::Broken(why) => write!(f, "is damaged: {why}"),
            Fault::Strict(fault) => {
                let why = fault.to_string();
                let why = why.strip_prefix("is damaged: ").unwrap_or(&why);
                write!(
                    f,
                    "is damaged and was not changed: {why}\nhint: `sealtail watch` without --strict-state moves it aside and restores positions from the last export"
                )
            }
            Fault::Full => write!(f, "cannot be written: no space left on device beyond the reserve"),
            Fault::Io(error) => write!(f, "cannot be used: {error}"),
            Fault::Database(redb::Error::Io(error)) => write!(f, "cannot be used: {error}"),
            Fault::Database(error) => write!(f, "cannot be used: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Fault {
        Fault::Broken(format!("a row cannot be decoded: {error}"))
    }
}

macro_rules! from_database {
    ($($error:ident),+) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Fault {
                Fault::Database(error.into())
            }
        }
    )+};
}

from_database!(DatabaseError, TransactionError, TableError, StorageError, CommitError, SetDurabilityError);
