//! A folder that stands for `/`: nothing in it leads out of it.
//!
//! Links are followed here, not by the kernel: an absolute one starts again at the root, and `..`
//! does not go above it. Only regular files are opened, without waiting, and read up to a bound.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;

use super::Request;
use crate::doctor::facts::Known;
use crate::doctor::words::Words;

/// As many links as the kernel follows in one path.
const LINKS_MAX: usize = 40;
/// A folder with more entries is not read to its end.
const ENTRIES_MAX: usize = 100_000;
/// A pattern does not go deeper, …
const DEPTH_MAX: usize = 16;
/// … nor does it look at more folders.
const FOLDERS_MAX: usize = 10_000;

/// A root folder.
#[derive(Debug, Clone)]
pub(super) struct Root {
    base: PathBuf,
}

impl Root {
    /// The folder `base`.
    pub fn new(base: &Path) -> io::Result<Root> {
        let base = fs::canonicalize(base)?;
        if !base.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder"));
        }
        Ok(Root { base })
    }

    /// Whether it is this box itself.
    pub fn is_live(&self) -> bool {
        self.base == Path::new("/")
    }

    /// The root a path given by a person belongs to, and the path in it: a relative one is of the
    /// current folder here, whatever the root is.
    pub fn named(&self, path: &Path, request: &Request) -> (Root, PathBuf) {
        if path.is_absolute() {
            (self.clone(), path.to_owned())
        } else {
            (Root { base: PathBuf::from("/") }, request.here.join(path))
        }
    }

    /// The real path inside the root, from the root, without links.
    pub fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let mut done: Vec<OsString> = Vec::new();
        let mut todo: VecDeque<OsString> = parts(path).into();
        let mut links = 0;
        while let Some(part) = todo.pop_front() {
            if part == ".." {
                done.pop();
                continue;
            }
            let here = self.outside(&done).join(&part);
            if !fs::symlink_metadata(&here)?.is_symlink() {
                done.push(part);
                continue;
            }
            links += 1;
            if links > LINKS_MAX {
                return Err(io::Error::other("too many links"));
            }
            let target = fs::read_link(&here)?;
            if target.is_absolute() {
                done.clear();
            }
            for part in parts(&target).into_iter().rev() {
                todo.push_front(part);
            }
        }
        Ok(Path::new("/").join(done.iter().collect::<PathBuf>()))
    }

    fn outside(&self, parts: &[OsString]) -> PathBuf {
        parts.iter().fold(self.base.clone(), |path, part| path.join(part))
    }

    /// The path that the kernel knows of one that [`Root::resolve`] gave.
    pub fn real(&self, resolved: &Path) -> PathBuf {
        self.outside(&parts(resolved))
    }

    /// What the path leads to.
    pub fn meta(&self, path: &Path) -> io::Result<Metadata> {
        fs::symlink_metadata(self.real(&self.resolve(path)?))
    }

    /// Opens a regular file.
    pub fn open(&self, path: &Path) -> io::Result<(File, u64)> {
        let real = self.real(&self.resolve(path)?);
        let not_a_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        // Looked at before it is opened: opening a device may do something.
        if !fs::symlink_metadata(&real)?.is_file() {
            return Err(not_a_file());
        }
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(real)?;
        let meta = file.metadata()?;
        if meta.is_file() { Ok((file, meta.len())) } else { Err(not_a_file()) }
    }

    /// The first bytes of a file, and whether there are more.
    pub fn head(&self, path: &Path, bytes_max: u64) -> io::Result<(Vec<u8>, bool)> {
        let (file, _) = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        let more = bytes.len() as u64 > bytes_max;
        bytes.truncate(usize::try_from(bytes_max).unwrap_or(usize::MAX));
        Ok((bytes, more))
    }

    /// A whole text.
    pub fn text(&self, path: &Path, bytes_max: u64) -> Known<String> {
        let shown = path.display();
        let (bytes, more) = self.head(path, bytes_max).map_err(|error| unreadable(path, &error))?;
        if more {
            let size = bytes_max >> 10;
            return Err(Words::new(
                format!("{shown} is larger than {size} KiB"),
                format!("{shown} 超过 {size} KiB"),
            ));
        }
        String::from_utf8(bytes)
            .map_err(|_| Words::new(format!("{shown} is not UTF-8"), format!("{shown} 不是 UTF-8")))
    }

    /// A short text, without the white space around it; `None` where there is none.
    pub fn word(&self, path: &Path) -> Option<String> {
        let (bytes, _) = self.head(path, 64 << 10).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// The names in a folder, sorted.
    pub fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.real(&self.resolve(path)?))?;
        let names = entries.take(ENTRIES_MAX).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    /// Where a link leads, as it says.
    pub fn link(&self, path: &Path) -> io::Result<PathBuf> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = self.resolve(path.parent().unwrap_or(Path::new("/")))?;
        fs::read_link(self.real(&folder).join(name))
    }

    /// The files that a pattern matches, sorted, and whether all of them were looked at.
    pub fn glob(&self, pattern: &str) -> (Vec<PathBuf>, bool) {
        let mut walk = Walk { root: self, found: Vec::new(), folders: 0 };
        let parts: Vec<String> =
            pattern.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        walk.step(Path::new("/"), &parts, 0);
        walk.found.sort();
        walk.found.dedup();
        (walk.found, walk.folders <= FOLDERS_MAX)
    }
}

/// A walk through the folders that a pattern may match.
struct Walk<'r> {
    root: &'r Root,
    found: Vec<PathBuf>,
    folders: usize,
}

impl Walk<'_> {
    fn step(&mut self, folder: &Path, parts: &[String], depth: usize) {
        let Some((part, rest)) = parts.split_first() else { return };
        if depth > DEPTH_MAX || self.folders > FOLDERS_MAX {
            return;
        }
        if part == "**" {
            self.step(folder, rest, depth + 1);
        }
        if !part.contains(['*', '?', '[']) {
            return self.arrive(&folder.join(part), rest, depth);
        }
        self.folders += 1;
        let any = part == "**";
        let pattern = glob::Pattern::new(if any { "*" } else { part });
        let (Ok(pattern), Ok(names)) = (pattern, self.root.list(folder)) else { return };
        for name in names.iter().filter(|name| pattern.matches(name)) {
            let path = folder.join(name);
            if any {
                // A link to a folder above would lead round in circles.
                let is_folder =
                    self.root.link(&path).is_err() && self.root.meta(&path).is_ok_and(|meta| meta.is_dir());
                if is_folder {
                    self.step(&path, parts, depth + 1);
                }
            } else {
                self.arrive(&path, rest, depth);
            }
        }
    }

    fn arrive(&mut self, path: &Path, rest: &[String], depth: usize) {
        if !rest.is_empty() {
            self.step(path, rest, depth + 1);
        } else if self.root.meta(path).is_ok_and(|meta| meta.is_file()) {
            self.found.push(path.to_owned());
        }
    }
}

/// Why a path cannot be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Words {
    let shown = path.display();
    Words::new(format!("cannot read {shown}: {error}"), format!("{shown} 无法读取：{error}"))
}

/// The names of a path, without what stands for the root or the same folder.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(part).collect()
}
