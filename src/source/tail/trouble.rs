//! What an operator should know about the files, said once.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::source::contract::{self, Effect};

/// Something that keeps a file from being read, or from having been read whole.
///
/// `Display` is one log line: lower case, names the path, says what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The file or folder may not be read. It is tried again at every sweep.
    Denied {
        /// The file or folder.
        path: PathBuf,
    },
    /// A path names a folder, pipe, socket or device.
    NotRegular {
        /// What the source names.
        path: PathBuf,
    },
    /// A path names what sealtail writes itself: its state, or what it prints.
    Own {
        /// What the source names.
        path: PathBuf,
    },
    /// Reading, opening or listing fails. It is tried again.
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: String,
    },
    /// Bytes were lost before they could be read.
    Gap {
        /// The file they were in.
        path: PathBuf,
        /// Where they began.
        offset: u64,
        /// How many at least, where that is known.
        bytes: Option<u64>,
    },
    /// A deleted file was let go of, because such files held too much of a disk.
    Released {
        /// Where it was.
        path: PathBuf,
        /// Bytes it held.
        held: u64,
        /// Where the reading of it ended.
        offset: u64,
        /// Bytes that were there and had not been read.
        unread: u64,
    },
    /// The process may open no more files.
    NoDescriptors {
        /// The file that could not be opened.
        path: PathBuf,
    },
}

impl Trouble {
    /// Whether something was lost: worth an error rather than a warning.
    pub fn is_loss(&self) -> bool {
        matches!(contract::Trouble::effect(self), Effect::Lost { .. })
    }

    /// Whether it is about this file or folder.
    pub(super) fn is_about(&self, wanted: &Path) -> bool {
        self.key().is_some_and(|(path, _)| path == wanted)
    }

    /// What makes two of them the same trouble, told once; a gap is always news.
    pub(super) fn key(&self) -> Option<(PathBuf, u8)> {
        match self {
            Trouble::Denied { path } => Some((path.clone(), 0)),
            Trouble::NotRegular { path } => Some((path.clone(), 1)),
            Trouble::Unreadable { path, .. } => Some((path.clone(), 2)),
            // One line for the whole process: the next file fails for the same reason.
            Trouble::NoDescriptors { .. } => Some((PathBuf::new(), 3)),
            Trouble::Own { path } => Some((path.clone(), 4)),
            Trouble::Gap { .. } | Trouble::Released { .. } => None,
        }
    }
}

impl contract::Trouble for Trouble {
    fn effect(&self) -> Effect<'_> {
        match self {
            Trouble::Gap { path, offset, bytes } => Effect::Lost { path, offset: *offset, bytes: *bytes },
            Trouble::Released { path, offset, unread, .. } => {
                Effect::Lost { path, offset: *offset, bytes: Some(*unread) }
            }
            Trouble::Denied { path } | Trouble::Unreadable { path, .. } | Trouble::NoDescriptors { path } => {
                Effect::Unreadable { path }
            }
            Trouble::NotRegular { .. } | Trouble::Own { .. } => Effect::Refused,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Denied { path } => {
                write!(f, "permission denied on {}; reading goes on once it is granted", path.display())
            }
            Trouble::NotRegular { path } => {
                write!(f, "{} is not a regular file; not followed", path.display())
            }
            Trouble::Own { path } => {
                write!(f, "{} is written by sealtail itself; not followed", path.display())
            }
            Trouble::Unreadable { path, error } => {
                write!(f, "cannot read {}: {error}; trying again", path.display())
            }
            Trouble::Gap { path, offset, bytes: Some(bytes) } => {
                write!(
                    f,
                    "gap in {}: at least {bytes} bytes from offset {offset} on are lost",
                    path.display()
                )
            }
            Trouble::Gap { path, offset, bytes: None } => write!(
                f,
                "gap in {}: whatever followed offset {offset} is lost, the file is gone",
                path.display()
            ),
            Trouble::Released { path, held, offset, unread } => write!(
                f,
                "{} was deleted, is still written to and held {held} bytes of its disk: it is read no more; \
                 {unread} bytes from offset {offset} on, and whatever follows, are lost",
                path.display()
            ),
            Trouble::NoDescriptors { path } => write!(
                f,
                "cannot open {}: too many open files; raise the limit (LimitNOFILE=, ulimit -n)",
                path.display()
            ),
        }
    }
}
