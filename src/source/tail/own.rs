//! What sealtail writes itself, and must not follow: its own words about a log would come back as a log.

use std::collections::HashSet;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::scan::Stat;

/// Files that are sealtail's own, whatever path leads to them.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// The state's folder.
    folder: Option<PathBuf>,
    /// Standard output and error, where they go into a file.
    streams: Vec<(u64, u64)>,
}

impl Own {
    /// What lies in `state_dir`, and what this process prints.
    pub fn of(state_dir: &Path) -> Own {
        let streams = [regular(std::io::stdout()), regular(std::io::stderr())];
        Own { folder: Some(state_dir.to_owned()), streams: streams.into_iter().flatten().collect() }
    }

    /// Device and inode numbers of all of them at this moment.
    pub(super) fn keys(&self) -> HashSet<(u64, u64)> {
        let listed = self.folder.iter().filter_map(|folder| fs::read_dir(folder).ok());
        let files = listed.flatten().flatten().filter_map(|entry| entry.metadata().ok());
        let keys = files.filter(fs::Metadata::is_file).map(|meta| Stat::of(&meta).key());
        keys.chain(self.streams.iter().copied()).collect()
    }
}

fn regular(stream: impl AsFd) -> Option<(u64, u64)> {
    let file = fs::File::from(stream.as_fd().try_clone_to_owned().ok()?);
    let meta = file.metadata().ok()?;
    meta.is_file().then(|| Stat::of(&meta).key())
}
