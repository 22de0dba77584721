//! The pieces of work of a replay.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::ahead::Ahead;
use super::block::Chunks;
use super::segment::{Segment, SegmentReader, segments};
use super::window::Source;
use crate::model::position::Progress;
use crate::source::archive::{self, Input, Unreadable};

/// A stretch of one input that a worker reads from end to end.
#[derive(Debug)]
pub struct Unit {
    /// The path, as given or found.
    pub path: String,
    /// The first unit of its input.
    pub is_first: bool,
    /// Bytes it takes in storage, as far as that is known.
    pub stored: u64,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// A segment of a plain file of so many bytes.
    Segment(PathBuf, Segment, u64),
    /// A whole archive, pipe or other stream.
    Whole(PathBuf),
    Stdin,
    /// What was asked for and is not there.
    Missing(Unreadable),
}

/// A unit ready to be read.
pub struct Opened {
    /// Its bytes.
    pub source: Source,
    /// Where they start in the input.
    pub progress: Progress,
    /// Bytes before them, to date what has no time of its own.
    pub before: Vec<u8>,
}

impl Unit {
    /// The units of one input, in order.
    pub fn of(input: Result<Input, Unreadable>) -> Vec<Unit> {
        match input {
            Ok(Input::File(path)) => Unit::of_file(path),
            Ok(Input::Stdin) => vec![Unit::new("-".to_owned(), 0, Work::Stdin)],
            Err(missing) => {
                vec![Unit::new(missing.path.display().to_string(), 0, Work::Missing(missing))]
            }
        }
    }

    fn of_file(path: PathBuf) -> Vec<Unit> {
        let shown = path.display().to_string();
        let metadata = path.metadata().ok().filter(|metadata| metadata.is_file());
        let size = metadata.map_or(0, |metadata| metadata.len());
        // Only of a regular file may a look at its first bytes be taken without using them up.
        if size == 0 || !archive::is_plain(&path).unwrap_or(false) {
            return vec![Unit::new(shown, size, Work::Whole(path))];
        }
        let units = segments(size).enumerate().map(|(index, segment)| Unit {
            is_first: index == 0,
            ..Unit::new(
                shown.clone(),
                segment.end - segment.start,
                Work::Segment(path.clone(), segment, size),
            )
        });
        units.collect()
    }

    /// Whether more may come at any time, so that what is found is told at once.
    pub fn is_pipe(&self) -> bool {
        matches!(self.work, Work::Stdin)
    }

    fn new(path: String, stored: u64, work: Work) -> Unit {
        Unit { path, is_first: true, stored, work }
    }

    /// Opens it for reading; `ahead` has what is no plain file read by a thread of its own.
    ///
    /// # Errors
    ///
    /// The input is not there, cannot be opened, or its start cannot be read.
    pub fn open(&self, ahead: bool) -> io::Result<Opened> {
        let chunks = match &self.work {
            Work::Segment(path, segment, size) => return open_segment(path, segment, *size),
            Work::Whole(path) => Chunks::new(archive::open(path)?, 0),
            Work::Stdin => Chunks::eager(archive::decode(io::stdin())?),
            Work::Missing(missing) => {
                return Err(io::Error::new(missing.error.kind(), missing.error.to_string()));
            }
        };
        let source = if ahead { Source::Ahead(Ahead::start(chunks)?) } else { Source::Direct(chunks) };
        Ok(Opened { source, progress: Progress::default(), before: Vec::new() })
    }
}

fn open_segment(path: &Path, segment: &Segment, size: u64) -> io::Result<Opened> {
    let file = File::open(path)?;
    let reader = SegmentReader::open(file, segment, size)?;
    let (progress, before) = (reader.start(), reader.before()?);
    let source = Source::Direct(Chunks::new(Box::new(reader), progress.offset));
    Ok(Opened { source, progress, before })
}
