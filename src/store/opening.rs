//! Opening a state: whole, or with what can be saved where it is damaged.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use redb::Database;

use super::ballast::Ballast;
use super::error::{Fault, StoreError};
use super::fold::Cap;
use super::tables::META;
use super::{Index, Inner, Store, birth, export, positions};
use crate::base::disk;

/// What is done about a state that is not as it should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// A damaged state is an error and stays in its place.
    pub strict: bool,
    /// A state on a network file system is no error.
    pub network: bool,
}

/// Names the network file system that a folder is on, if it is on one: `disk::network`, unless a test has another.
pub type Place = fn(&Path) -> io::Result<Option<&'static str>>;

/// A store, and what had to be done to open it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// What became of a damaged state, if there was one.
    pub recovered: Option<Recovered>,
}

/// What became of a damaged state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Where it is now.
    pub moved: PathBuf,
    /// What is wrong with it.
    pub why: String,
    /// Where reading goes on.
    pub salvage: Salvage,
}

/// Where reading goes on after a damaged state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Salvage {
    /// Where it was at the last export.
    Export {
        /// Files in it.
        files: usize,
        /// When it was made, RFC 3339.
        written: String,
    },
    /// At the beginning of every file: there is no export.
    Nothing,
    /// The same: the export is damaged too.
    Damaged {
        /// Where it is now, if it could be moved.
        moved: Option<PathBuf>,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recovered { moved, why, salvage } = self;
        write!(f, "the state was damaged and was moved to {} ({why}); ", moved.display())?;
        match salvage {
            Salvage::Export { files, written } => {
                let plural = if *files == 1 { "" } else { "s" };
                write!(f, "positions of {files} file{plural} were restored from the export of {written}")?;
            }
            Salvage::Nothing => write!(f, "there is no export, so every file is read from its beginning")?,
            Salvage::Damaged { moved, why } => {
                write!(f, "the export is damaged too ({why}), every file is read from its beginning")?;
                if let Some(moved) = moved {
                    write!(f, "; it was moved to {}", moved.display())?;
                }
            }
        }
        write!(f, "; open alerts and unsent messages remain only in the damaged state")
    }
}

impl Store {
    /// Whether there is a state in `directory`, for all that can be told.
    pub fn exists(directory: &Path) -> bool {
        birth::state_path(directory).try_exists().unwrap_or(true)
    }

    /// Whether a state may be in `directory`; one that is not there yet is judged by the folder that it will be in.
    ///
    /// # Errors
    ///
    /// It is on a network file system, or the disk fails.
    pub fn admit(place: Place, directory: &Path) -> Result<(), StoreError> {
        let is_there =
            |found: &io::Result<_>| !matches!(found, Err(error) if error.kind() == io::ErrorKind::NotFound);
        let fault = match directory.ancestors().map(place).find(is_there) {
            None | Some(Ok(None)) => return Ok(()),
            Some(Ok(Some(kind))) => Fault::Network(kind),
            Some(Err(error)) => error.into(),
        };
        Err(StoreError::new(directory, fault))
    }

    /// Opens the state in `directory` on the usual [`Terms`].
    ///
    /// # Errors
    ///
    /// As [`Store::open_on`].
    pub fn open(directory: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        Store::open_on(Terms::default(), directory, now)
    }

    /// Opens the state in `directory`, made if need be; `now` bounds retries that were put off.
    ///
    /// # Errors
    ///
    /// Another process holds the state, it has a newer version, one of its files is a link, or the disk fails. A damaged state and one
    /// on a network file system are errors as the terms say: see [`Opened::recovered`].
    pub fn open_on(terms: Terms, directory: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        Store::open_at(disk::network, terms, directory, now)
    }

    fn open_at(place: Place, terms: Terms, directory: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        let failed = |fault: Fault| StoreError::new(directory, fault);
        // Before anything is made: whether a lock holds there is what nobody knows.
        if !terms.network {
            Store::admit(place, directory)?;
        }
        birth::make_directory(directory).map_err(|error| failed(error.into()))?;
        birth::check_files(directory).map_err(|(path, fault)| StoreError::new(&path, fault))?;
        birth::warn_if_open(directory).map_err(|error| failed(error.into()))?;
        let lock = birth::lock(directory).map_err(failed)?;
        let mut ballast = Ballast::find(directory);
        let mut recovered = None;
        let mut open = || match open_whole(directory, now) {
            Err(fault) if fault.is_corruption() && terms.strict => Err(Fault::Strict(Box::new(fault))),
            Err(fault) if fault.is_corruption() => {
                recovered = Some(recover(directory, &fault, now)?);
                open_whole(directory, now)
            }
            opened => opened,
        };
        let opened = match open() {
            Err(fault) if fault.is_full() => {
                // After a kill even opening it may need room.
                ballast.release();
                open()
            }
            opened => opened,
        };
        let (database, index) =
            opened.map_err(|fault| StoreError::new(&birth::state_path(directory), fault))?;
        ballast.make();
        let inner = Inner { database: Some(database), ballast, index };
        let store = Store {
            directory: directory.to_owned(),
            _lock: lock,
            cap: Cap::DEFAULT,
            inner: Mutex::new(inner),
        };
        Ok(Opened { store, recovered })
    }
}

fn open_whole(directory: &Path, now: Timestamp) -> Result<(Database, Index), Fault> {
    let database = birth::open_or_create(directory)?;
    let index = Index::load(&database, now)?;
    Ok((database, index))
}

/// Puts a state with the exported positions in the place of the damaged one, which is kept. It is
/// never taken for the first start: what was written since is not to be skipped.
fn recover(directory: &Path, fault: &Fault, now: Timestamp) -> Result<Recovered, Fault> {
    let exported = export::read(directory);
    let rows = exported.as_ref().ok().and_then(Option::as_ref).map(|export| &*export.rows);
    birth::prepare(directory, |transaction| {
        positions::put_rows(transaction, rows.unwrap_or_default())?;
        transaction.open_table(META)?.insert("begun", 1)?;
        Ok(())
    })?;
    let moved = birth::keep_aside(directory, now.as_second())?;
    birth::put_in_place(directory)?;
    let salvage = match exported {
        Ok(Some(export)) => Salvage::Export { files: export.rows.len(), written: export.written },
        Ok(None) => Salvage::Nothing,
        Err(why) => Salvage::Damaged { moved: export::keep_aside(directory, now.as_second()).ok(), why },
    };
    let why = fault.to_string();
    let why = why.strip_prefix("is damaged: ").or(why.strip_prefix("cannot be used: ")).unwrap_or(&why);
    Ok(Recovered { moved, why: why.to_owned(), salvage })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel says of the folder is made up; `tests/real/nfs.rs` has a real one.
    #[test]
    fn a_state_on_a_network_file_system_is_refused_unless_it_is_allowed() {
        let now = Timestamp::UNIX_EPOCH;
        let local = |_: &Path| Ok(None);
        // The folder is not there yet.
        let nfs = |path: &Path| {
            if path.ends_with("state") { Err(io::ErrorKind::NotFound.into()) } else { Ok(Some("NFS")) }
        };
        let stale = |_: &Path| Err(io::Error::from(io::ErrorKind::StaleNetworkFileHandle));
        let table: [(Place, bool, Option<&str>); 5] = [
            (local, false, None),
            (local, true, None),
            (nfs, false, Some("is on a network file system (NFS)")),
            (nfs, true, None),
            (stale, false, Some("cannot be used")),
        ];
        for (place, network, refused) in table {
            let parent = tempfile::tempdir().unwrap();
            let directory = parent.path().join("state");
            let terms = Terms { network, ..Terms::default() };
            let opened = Store::open_at(place, terms, &directory, now);
            let Some(why) = refused else {
                opened.unwrap();
                continue;
            };
            let error = opened.unwrap_err().to_string();
            assert!(error.contains(&*directory.to_string_lossy()) && error.contains(why), "{error}");
            assert!(!directory.exists(), "nothing is made there");
        }
    }
}
