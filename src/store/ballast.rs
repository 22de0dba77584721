//! Room kept in reserve: on a full disk even taking a row out of the database needs some.
//!
//! A file beside the state holds space and nothing else. When the disk is full it is deleted, so that
//! what has arrived can still be acknowledged; new rows are refused until there is room for the
//! reserve again, which is made anew first. So the reserve is never spent on what can wait in the
//! logs.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::folder;

/// The reserve.
pub(super) const BALLAST: &str = "state.ballast";
/// Its size where there is plenty of room: thousands of acknowledgements.
const SIZE_MAX: u64 = 16 << 20;
/// Smaller than this it is of no use.
const SIZE_MIN: u64 = 64 << 10;
/// It takes at most this part of what is free.
const SHARE: u64 = 8;
/// The room that must be free before new rows are taken again, if there never was a reserve.
const ROOM_MIN: u64 = 256 << 10;

/// The reserve of one state folder.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    folder: PathBuf,
    /// Bytes it holds, or held before it was released; 0: there was no room for one.
    size: u64,
    released: bool,
}

impl Ballast {
    /// Takes over the reserve in `folder`, if there is one.
    pub fn find(folder: &Path) -> Ballast {
        let path = folder.join(BALLAST);
        let known = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file).map(|meta| meta.len());
        let size = known.filter(|&size| size >= SIZE_MIN).unwrap_or(0);
        Ballast { path, folder: folder.to_owned(), size, released: false }
    }

    /// Makes the reserve if there is none. That there is no room for one is no error.
    pub fn make(&mut self) {
        if self.size > 0 || self.released {
            return;
        }
        let size = size_for(self.free());
        if size > 0 && self.allocate(size).is_ok() {
            self.size = size;
        }
    }

    /// Gives the reserve back to the disk.
    pub fn release(&mut self) {
        if !std::mem::replace(&mut self.released, true) {
            tracing::warn!(
                "the disk is full: released the reserve of {} bytes so that delivery can continue; free space on it",
                self.size
            );
        }
        // It may be gone already, and nothing else can be done about it.
        let _ = fs::remove_file(&self.path);
    }

    /// Whether new rows may be taken: there is a reserve, or it has just been made anew.
    pub fn is_kept(&mut self) -> bool {
        if !self.released {
            return true;
        }
        let free = self.free();
        if free < (2 * self.size).max(ROOM_MIN) {
            return false;
        }
        let size = if self.size > 0 { self.size } else { size_for(free) };
        if size > 0 && self.allocate(size).is_err() {
            return false;
        }
        self.size = size;
        self.released = false;
        true
    }

    /// Bytes that are free; none if that cannot be told.
    fn free(&self) -> u64 {
        rustix::fs::statvfs(&self.folder).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        let file = folder::private().create(true).truncate(true).open(&self.path)?;
        let made = match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, size) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => fill(&file, size),
            made => made.map_err(io::Error::from),
        };
        made.inspect_err(|_| drop(fs::remove_file(&self.path)))
    }
}

/// The reserve that fits into `free` bytes.
fn size_for(free: u64) -> u64 {
    let share = (free / SHARE).min(SIZE_MAX);
    if share < SIZE_MIN { 0 } else { 1 << share.ilog2() }
}

/// Writes what no file system can make smaller.
fn fill(mut file: &File, size: u64) -> io::Result<()> {
    let mut noise = vec![0; SIZE_MIN as usize];
    for _ in 0..size / SIZE_MIN {
        getrandom::fill(&mut noise).map_err(io::Error::other)?;
        file.write_all(&noise)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn sizes() {
        for (free, size) in [
            (0, 0),
            (500 << 10, 0),
            (512 << 10, 64 << 10),
            (2 << 20, 256 << 10),
            (100 << 20, 8 << 20),
            (u64::MAX, 16 << 20),
        ] {
            assert_eq!(size_for(free), size, "{free}");
        }
    }

    #[test]
    fn it_holds_real_space_and_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut ballast = Ballast::find(folder.path());
        assert_eq!(ballast.size, 0);
        ballast.make();
        assert!(ballast.size >= SIZE_MIN && ballast.is_kept());
        let meta = fs::metadata(&ballast.path).unwrap();
        assert!(meta.blocks() * 512 >= ballast.size, "it is no hole");
        ballast.release();
        assert!(!ballast.path.exists());
        // There is room here, so it comes back with the first question.
        assert!(ballast.is_kept() && ballast.path.exists());
        assert_eq!(Ballast::find(folder.path()).size, ballast.size, "it is taken over");
    }

    #[test]
    fn filled_where_space_cannot_be_asked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fill(file.as_file(), 4 * SIZE_MIN).unwrap();
        assert_eq!(file.as_file().metadata().unwrap().len(), 4 * SIZE_MIN);
    }
}
