//! What is told of files: each trouble once, for as long as it lasts.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::trouble::Trouble;

#[derive(Debug, Default)]
pub(super) struct Reports {
    /// Since the last sweep.
    troubles: Vec<Trouble>,
    /// Those that last and have been told.
    told: HashSet<(PathBuf, u8)>,
}

impl Reports {
    pub(super) fn add(&mut self, trouble: Trouble) {
        self.troubles.push(trouble);
    }

    /// Notes why a path cannot be read.
    pub(super) fn blame(&mut self, path: PathBuf, error: &io::Error) {
        self.add(match error.kind() {
            io::ErrorKind::PermissionDenied => Trouble::Denied { path },
            _ if is_descriptor_limit(error) => Trouble::NoDescriptors { path },
            _ => Trouble::Unreadable { path, error: error.to_string() },
        });
    }

    /// Whether no trouble lasts.
    pub(super) fn is_calm(&self) -> bool {
        self.told.is_empty()
    }

    /// Forgets that a path was in trouble: should it come back, it is news.
    pub(super) fn calm(&mut self, path: &Path) {
        if !self.told.is_empty() {
            self.told.retain(|(told, _)| told != path && !told.as_os_str().is_empty());
        }
    }

    /// What is news, of what was noted and of `more`.
    pub(super) fn take(&mut self, more: Vec<Trouble>) -> Vec<Trouble> {
        let told = &mut self.told;
        let news = |trouble: &Trouble| trouble.key().is_none_or(|key| told.insert(key));
        std::mem::take(&mut self.troubles).into_iter().chain(more).filter(news).collect()
    }
}

/// Whether it fails because too many files are open.
pub(super) fn is_descriptor_limit(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    number == Some(Errno::MFILE.raw_os_error()) || number == Some(Errno::NFILE.raw_os_error())
}
