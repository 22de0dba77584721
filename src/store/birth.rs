//! How the state comes to be, is locked, opened, and moved aside when it is damaged.
//!
//! The database's own creation is not atomic: a process killed inside it leaves a file that never
//! opens again. So the file is made under another name, committed, synced and renamed.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, WriteTransaction};

use super::ballast::BALLAST;
use super::error::{Fault, is_full};
use super::export::{EXPORT, WRITING};
use super::folder::{free_name, private};
use super::tables;

/// The state.
pub(super) const STATE: &str = "state.redb";
/// The state while it is made.
pub(super) const CREATING: &str = "state.creating";
/// Held locked by the process at work; holds its PID.
pub(super) const LOCK: &str = "state.lock";

/// Page cache of the database, in bytes. Its default is 1 GiB; the state is small.
const CACHE_BYTES_MAX: usize = 4 << 20;

/// Makes the directory, if need be, for its owner alone.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Looks at what is in the folder before anything of it is touched: every file of the state is a file,
/// and neither a link that leads elsewhere nor a pipe at which we would wait. The folder may be a link.
pub(super) fn check_files(directory: &Path) -> Result<(), (PathBuf, Fault)> {
    for name in [STATE, CREATING, LOCK, BALLAST, EXPORT, WRITING] {
        let path = directory.join(name);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() => return Err((path, Fault::Foreign("a symbolic link"))),
            Ok(meta) if !meta.is_file() => return Err((path, Fault::Foreign("not a regular file"))),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err((path, error.into())),
            _ => {}
        }
    }
    Ok(())
}

/// Warns of a folder in which others may put files in the places of ours.
pub(super) fn warn_if_open(directory: &Path) -> io::Result<()> {
    let mode = fs::metadata(directory)?.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        let path = directory.display();
        tracing::warn!(
            "other users can write to the state directory {path} (mode {mode:04o}): run `chmod go-w` on it"
        );
    }
    Ok(())
}

/// Takes the lock of `directory`; it is held until the file is dropped, or the process dies.
pub(super) fn lock(directory: &Path) -> Result<File, Fault> {
    let path = directory.join(LOCK);
    let mut file = private().read(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid)?;
            return Err(Fault::Locked { pid: pid.trim().parse().ok() });
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    file.set_len(0)?;
    match writeln!(file, "{}", std::process::id()) {
        // The lock holds without it, and a full disk is no reason not to start.
        Err(error) if !is_full(&error) => Err(error.into()),
        _ => Ok(file),
    }
}

/// The path of the state in `directory`.
pub(super) fn state_path(directory: &Path) -> PathBuf {
    directory.join(STATE)
}

/// Opens the state, or makes it if there is none.
pub(super) fn open_or_create(directory: &Path) -> Result<Database, Fault> {
    #[cfg(test)]
    if let Some(disk) = super::disk::installed() {
        return disk.open_or_create();
    }
    if !state_path(directory).try_exists()? {
        create(directory)?;
    }
    open(directory)
}

/// Opens the state.
pub(super) fn open(directory: &Path) -> Result<Database, Fault> {
    #[cfg(test)]
    if let Some(disk) = super::disk::installed() {
        return disk.open();
    }
    let file = private().read(true).open(state_path(directory))?;
    if file.metadata()?.len() == 0 {
        // One without a byte would be taken for one that is to be made.
        return Err(Fault::Broken("the file is empty".to_owned()));
    }
    Ok(builder().create_with_backend(FileBackend::new(file)?)?)
}

/// Makes an empty state such that a crash leaves either none or a whole one.
fn create(directory: &Path) -> Result<(), Fault> {
    prepare(directory, |_| Ok(()))?;
    put_in_place(directory)?;
    Ok(())
}

/// Makes a state with what `fill` puts into it, whole and on the disk, under another name.
pub(super) fn prepare(
    directory: &Path,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let creating = directory.join(CREATING);
    let file = private().read(true).create(true).truncate(true).open(creating)?;
    let made = file.try_clone()?;
    let mut instance = [0; 16];
    getrandom::fill(&mut instance).map_err(io::Error::other)?;
    let database = builder().create_with_backend(FileBackend::new(file)?)?;
    let transaction = database.begin_write()?;
    tables::create(&transaction, instance)?;
    fill(&transaction)?;
    transaction.commit()?;
    database.close()?;
    made.sync_all()?;
    Ok(())
}

/// Gives a state that was [prepared](prepare) its name.
pub(super) fn put_in_place(directory: &Path) -> io::Result<()> {
    fs::rename(directory.join(CREATING), state_path(directory))?;
    File::open(directory)?.sync_all()
}

/// Keeps a damaged state under another name, never over anything, and says which. The old name
/// stays until another state is put in its place, so that a crash in between leaves no empty folder:
/// that would be taken for a first start.
pub(super) fn keep_aside(directory: &Path, now_s: i64) -> io::Result<PathBuf> {
    let aside = free_name(directory, "state", now_s);
    // Not every file system knows links.
    fs::hard_link(state_path(directory), &aside).or_else(|_| fs::rename(state_path(directory), &aside))?;
    File::open(directory)?.sync_all()?;
    Ok(aside)
}

/// Every page is checked when the state is opened: a file that was altered since fails to open,
/// where a plain open trusts it and may panic later.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES_MAX).set_check_integrity_on_open(true);
    builder
}
