//! Which files there are: globs and folders.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use super::Settings;
use super::names::{bases, is_compressed, name_of};
use super::trouble::Trouble;

/// A folder in which names move is listed so often at most.
pub(super) const LISTINGS_MAX: usize = 16;

/// `*` stays within a folder, as it does where the globs of a source are expanded; `**` does not.
const IN_ONE_FOLDER: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// What `stat` says of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stat {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    /// Seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
    /// When the file came to be, where the file system keeps that.
    pub born: Option<(i64, i64)>,
    pub links: u64,
    pub regular: bool,
}

impl Stat {
    pub(super) fn of(meta: &Metadata) -> Stat {
        Stat {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            born: meta.created().ok().and_then(|born| {
                let since = born.duration_since(UNIX_EPOCH).ok()?;
                Some((i64::try_from(since.as_secs()).ok()?, i64::from(since.subsec_nanos())))
            }),
            links: meta.nlink(),
            regular: meta.is_file(),
        }
    }

    /// What tells a file from every other that exists at the same time.
    pub(super) fn key(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// What changes when somebody writes.
    pub(super) fn version(&self) -> (u64, (i64, i64)) {
        (self.size, self.modified)
    }
}

/// `stat` by path, through links.
pub(super) fn stat(path: &Path) -> io::Result<Stat> {
    fs::metadata(path).map(|meta| Stat::of(&meta))
}

/// A file that a source names, or that rotation took from it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Where it is; of a symbolic link, where it leads.
    pub path: PathBuf,
    /// Index of the source.
    pub source: usize,
    pub stat: Stat,
    /// The name it was rotated from, where no source names the file itself.
    pub base: Option<PathBuf>,
}

/// One look at the file system. Folders are listed once, and only those that are asked for.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub found: Vec<Found>,
    by_key: HashMap<(u64, u64), usize>,
    by_inode: HashMap<u64, Vec<usize>>,
    /// Made when it is first asked for: most looks find nothing new and never ask.
    by_path: OnceCell<HashMap<PathBuf, usize>>,
    folders: HashMap<PathBuf, Rc<Vec<(OsString, u64)>>>,
    /// Files that no source names and that are to be followed all the same.
    pub between: Vec<Found>,
    pub troubles: Vec<Trouble>,
    /// Paths a source names that may not be looked at or opened.
    pub denied: HashSet<PathBuf>,
    /// Files that are sealtail's own.
    own: HashSet<(u64, u64)>,
    /// Sources that name a symbolic link.
    linked: HashSet<usize>,
    /// Sources that name something that is not there.
    missing: HashSet<usize>,
}

impl Look {
    /// Expands the globs of the sources that are due. Files that are sealtail's `own` are left out.
    pub(super) fn at(sources: &[Settings], due: &[bool], own: HashSet<(u64, u64)>) -> Look {
        let mut look = Look { own, ..Look::default() };
        for (index, source) in sources.iter().enumerate().filter(|&(index, _)| due[index]) {
            let mut paths = Vec::new();
            for pattern in &source.paths {
                look.expand(pattern, &mut paths);
            }
            // As bytes: the parts of a path take far longer to compare, and there may be thousands.
            paths.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
            paths.dedup_by(|one, other| one.as_os_str() == other.as_os_str());
            for path in paths {
                if !excluded(&source.exclude, &path) && !is_compressed(&path) {
                    let literal = source.paths.iter().any(|pattern| Path::new(pattern) == path);
                    look.admit(index, path, literal);
                }
            }
        }
        look
    }

    /// The file with this device and inode number, if a source names it.
    pub(super) fn by_key(&self, key: (u64, u64)) -> Option<&Found> {
        self.by_key.get(&key).map(|&index| &self.found[index])
    }

    /// The files with this inode number that a source names, on whatever device.
    pub(super) fn by_inode(&self, inode: u64) -> impl Iterator<Item = &Found> {
        self.by_inode.get(&inode).into_iter().flatten().map(|&index| &self.found[index])
    }

    /// The file that a source names by this path.
    pub(super) fn by_path(&self, path: &Path) -> Option<&Found> {
        let index = self.by_path.get_or_init(|| {
            let found = self.found.iter().enumerate();
            found.map(|(index, found)| (found.path.clone(), index)).collect()
        });
        index.get(path).map(|&index| &self.found[index])
    }

    /// Whether the operator has taken this file, still where it was when it was followed, out of a
    /// source. Rotation takes nothing out, and neither does a link that leads elsewhere by now.
    pub(super) fn is_dropped(&self, settings: &Settings, source: usize, path: &Path) -> bool {
        let mut bases = bases(&name_of(path)).into_iter();
        let rotated = bases.any(|base| names(settings, &path.with_file_name(base)));
        !rotated
            && self.by_path(path).is_none()
            && (excluded(&settings.exclude, path) || !self.linked.contains(&source))
    }

    /// Whether a source names something that is not there.
    pub(super) fn is_missing(&self, source: usize) -> bool {
        self.missing.contains(&source)
    }

    /// Adds a file, unless it is there under another name.
    pub(super) fn add(&mut self, found: Found) {
        if !self.by_key.contains_key(&found.stat.key()) {
            let index = self.found.len();
            self.by_key.insert(found.stat.key(), index);
            self.by_inode.entry(found.stat.inode).or_default().push(index);
            self.found.push(found);
            self.by_path.take();
        }
    }

    /// Folders that could be listed.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Path> {
        let failed = |folder: &Path| self.troubles.iter().any(|trouble| trouble.is_about(folder));
        self.folders.keys().map(PathBuf::as_path).filter(move |folder| !failed(folder))
    }

    fn expand(&mut self, pattern: &str, paths: &mut Vec<PathBuf>) {
        // A file may be named like a glob: the file wins.
        if !has_wildcard(pattern) || fs::symlink_metadata(pattern).is_ok() {
            paths.push(PathBuf::from(pattern));
            return;
        }
        let (folder, name) = split(pattern);
        let Ok(name) = glob::Pattern::new(name) else { return };
        for folder in folders(folder) {
            for (entry, _) in self.folder(&folder).iter() {
                if name.matches(&entry.to_string_lossy()) {
                    paths.push(join(&folder, entry.as_ref()));
                }
            }
        }
    }

    /// Takes in one path, unless it leads to a file that another has led to already.
    fn admit(&mut self, source: usize, path: PathBuf, literal: bool) {
        let seen = fs::symlink_metadata(&path).and_then(|meta| {
            let target = if meta.is_symlink() { Some(fs::canonicalize(&path)?) } else { None };
            let stat = if target.is_some() { stat(&path)? } else { Stat::of(&meta) };
            Ok((target, stat))
        });
        let (target, stat) = match seen {
            Ok(seen) => seen,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.missing.insert(source);
                return;
            }
            Err(error) => return self.blame(path, &error),
        };
        if target.is_some() {
            self.linked.insert(source);
        }
        if !stat.regular {
            // A glob may well match a folder; nobody meant it.
            if literal || !path.is_dir() {
                self.troubles.push(Trouble::NotRegular { path });
            }
            return;
        }
        if self.own.contains(&stat.key()) {
            return self.troubles.push(Trouble::Own { path });
        }
        let path = target.unwrap_or(path);
        if !is_compressed(&path) {
            self.add(Found { path, source, stat, base: None });
        }
    }

    /// Notes that a path cannot be looked at.
    pub(super) fn blame(&mut self, path: PathBuf, error: &io::Error) {
        self.troubles.push(match error.kind() {
            io::ErrorKind::PermissionDenied => {
                self.denied.insert(path.clone());
                Trouble::Denied { path }
            }
            _ => Trouble::Unreadable { path, error: error.to_string() },
        });
    }

    /// Names and inode numbers in a folder; none if it cannot be listed.
    pub(super) fn folder(&mut self, folder: &Path) -> Rc<Vec<(OsString, u64)>> {
        if let Some(entries) = self.folders.get(folder) {
            return Rc::clone(entries);
        }
        let here = if folder == Path::new("") { Path::new(".") } else { folder };
        let listed = fs::read_dir(here).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| (entry.file_name(), entry.ino()))).collect()
        });
        let entries = Rc::new(listed.unwrap_or_else(|error: io::Error| {
            if error.kind() != io::ErrorKind::NotFound {
                self.blame(folder.to_owned(), &error);
            }
            Vec::new()
        }));
        self.folders.insert(folder.to_owned(), Rc::clone(&entries));
        entries
    }

    /// Lists a folder again; whether a name in it has moved since.
    pub(super) fn relist(&mut self, folder: &Path) -> bool {
        let before = self.folders.remove(folder);
        let now = self.folder(folder);
        before.is_some_and(|before| before != now)
    }

    /// Regular files in the folder of `path` that `wanted` picks by name and inode number.
    pub(super) fn beside(
        &mut self,
        path: &Path,
        source: usize,
        wanted: impl Fn(&str, u64) -> bool,
    ) -> Vec<Found> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let entries = self.folder(folder);
        let picked = entries.iter().filter(|(name, inode)| wanted(&name.to_string_lossy(), *inode));
        let paths = picked.map(|(name, _)| join(folder, name.as_ref()));
        let plain = paths.filter(|path| !is_compressed(path));
        plain
            .filter_map(|path| {
                // Not through links: what they lead to has a name of its own.
                let stat = Stat::of(&fs::symlink_metadata(&path).ok()?);
                stat.regular.then_some(Found { path, source, stat, base: None })
            })
            .collect()
    }

    /// The same, all of one moment: names that move while they are listed hide files.
    pub(super) fn beside_at_rest(
        &mut self,
        path: &Path,
        source: usize,
        wanted: impl Fn(&str, u64) -> bool,
    ) -> Vec<Found> {
        let places = |found: &[Found]| -> HashSet<_> {
            found.iter().map(|found| (found.path.clone(), found.stat.key())).collect()
        };
        let mut found = self.beside(path, source, &wanted);
        for _ in 0..LISTINGS_MAX {
            let again = Look::default().beside(path, source, &wanted);
            if places(&again) == places(&found) {
                break;
            }
            found = again;
        }
        found
    }
}

/// Whether a source would follow a file of this path.
pub fn names(source: &Settings, path: &Path) -> bool {
    let named = source.paths.iter().any(|pattern| {
        Path::new(pattern) == path
            || glob::Pattern::new(pattern).is_ok_and(|glob| glob.matches_path_with(path, IN_ONE_FOLDER))
    });
    named && !excluded(&source.exclude, path) && !is_compressed(path)
}

/// The folders in which files of this pattern may appear.
pub(super) fn folders_of(pattern: &str) -> Vec<PathBuf> {
    if has_wildcard(pattern) {
        return folders(split(pattern).0);
    }
    Path::new(pattern).parent().map(Path::to_owned).into_iter().collect()
}

/// The folders in which files of this pattern may appear, or the one file that it names.
pub(super) fn places_of(pattern: &str) -> Vec<PathBuf> {
    if has_wildcard(pattern) { folders_of(pattern) } else { vec![PathBuf::from(pattern)] }
}

pub(super) fn excluded(patterns: &[glob::Pattern], path: &Path) -> bool {
    patterns.iter().any(|pattern| means(pattern, path))
}

/// Whether a person's pattern means this path: all of it, or where the pattern has no slash its name.
pub fn means(pattern: &glob::Pattern, path: &Path) -> bool {
    pattern.matches_path_with(path, IN_ONE_FOLDER)
        || (!pattern.as_str().contains('/') && pattern.matches(&name_of(path)))
}

fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

fn split(pattern: &str) -> (&str, &str) {
    match pattern.rsplit_once('/') {
        Some((_, "**")) => (pattern, "*"),
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => ("", pattern),
    }
}

fn folders(pattern: &str) -> Vec<PathBuf> {
    if !has_wildcard(pattern) {
        return vec![PathBuf::from(pattern)];
    }
    let Ok(paths) = glob::glob(pattern) else { return Vec::new() };
    paths.flatten().filter(|path| path.is_dir()).collect()
}

fn join(folder: &Path, name: &Path) -> PathBuf {
    if folder == Path::new("") { name.to_owned() } else { folder.join(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_split_at_the_last_folder() {
        for (pattern, folder, name) in [
            ("/var/log/*.log", "/var/log", "*.log"),
            ("/var/*/worker.log", "/var/*", "worker.log"),
            ("/*.log", "/", "*.log"),
            ("*.log", "", "*.log"),
            ("/var/log/**", "/var/log/**", "*"),
        ] {
            assert_eq!(split(pattern), (folder, name));
        }
    }

    #[test]
    fn exclusion_by_path_or_by_name() {
        let patterns: Vec<_> = ["debug*", "/var/log/old/*", "/var/log/archive/**/*"]
            .iter()
            .map(|text| glob::Pattern::new(text).unwrap())
            .collect();
        for (path, out) in [
            ("/var/log/debug.log", true),
            ("/var/log/old/worker.log", true),
            ("/var/log/worker.log", false),
            ("/var/log/old/new/worker.log", false),
            ("/var/log/archive/2026/08/worker.log", true),
            ("/var/debug/worker.log", false),
        ] {
            assert_eq!(excluded(&patterns, Path::new(path)), out, "{path}");
        }
    }
}
