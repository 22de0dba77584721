//! The files of positions while nobody follows them, and positions that are set by a person.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::mark::{self, Head};
use super::names;
use super::scan::{Look, Stat};
use super::{CHUNK_LEN, resume};
use crate::model::position::{FilePlace, Identity, Mark, Place, Position, Progress};

/// The file of a position as it is now.
#[derive(Debug)]
pub struct AtRest {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// When it was written to last, where the file system tells.
    pub written: Option<SystemTime>,
    /// The place that the position had.
    place: FilePlace,
    file: File,
}

impl AtRest {
    /// Looks for the file that a position was taken from: where it was, and among its rotated siblings
    /// in the same folder. `None` if none of them holds what was read, or it is no position in a file.
    ///
    /// # Errors
    ///
    /// One that may be it cannot be opened or read.
    pub fn find(position: &Position) -> io::Result<Option<AtRest>> {
        let Some(place) = position.place.in_file() else { return Ok(None) };
        let (path, inode) = (Path::new(&position.path), place.identity.inode);
        let base = names::name_of(path);
        let near = |name: &str, number| number == inode || name == base || names::is_rotated(&base, name);
        let mut found = Look::default().beside(path, 0, near);
        found.sort_by_key(|found| (found.stat.inode != inode, found.path != path));
        for found in found {
            let file = File::open(&found.path)?;
            let meta = file.metadata()?;
            if mark::accepts(&file, &Stat::of(&meta), &place.identity, position.progress.offset)? {
                let written = meta.modified().ok();
                return Ok(Some(AtRest {
                    path: found.path,
                    size: meta.len(),
                    written,
                    place: place.clone(),
                    file,
                }));
            }
        }
        Ok(None)
    }

    /// The position at its first byte: all of it is read again.
    pub fn start(&self, position: &Position) -> Position {
        let none = Mark::default();
        self.at(
            Identity { tail: none.clone(), ahead: none, ..self.place.identity.clone() },
            Progress::default(),
            position,
        )
    }

    /// The position at its last line, if that is not whole yet; else at its end.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn end(&self, position: &Position) -> io::Result<Position> {
        let Progress { offset, line, .. } = position.progress;
        let from = Progress { offset, line, ..Progress::default() };
        let progress = resume::last_line(&self.file, from, &mut vec![0; CHUNK_LEN])?;
        let before = mark::before(&self.file, progress.offset)?;
        let identity = Identity {
            head: Head::of(&self.file, progress.offset)?.mark(),
            tail: mark::mark(&before),
            ahead: Mark::default(),
            ..self.place.identity.clone()
        };
        Ok(self.at(identity, progress, position))
    }

    /// The position, moved.
    fn at(&self, identity: Identity, progress: Progress, position: &Position) -> Position {
        let place = Place::File(FilePlace { identity, ..self.place.clone() });
        Position { place, progress, ..position.clone() }
    }
}
