//! The file systems that files of interest stand on.

use std::path::{Path, PathBuf};

use super::TEXT_BYTES_MAX;
use super::root::Root;
use crate::doctor::facts::{Disk, Known, Usage};
use crate::doctor::words::Words;

/// A line of `/proc/mounts`.
#[derive(Debug, Clone)]
pub(super) struct Mount {
    folder: PathBuf,
    /// `ext4`, `nfs4`.
    pub kind: String,
    read_only: bool,
}

pub(super) fn mounts(root: &Root) -> Known<Vec<Mount>> {
    let text = root.text(Path::new("/proc/mounts"), TEXT_BYTES_MAX)?;
    let mount = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let folder = PathBuf::from(unescaped(words.next()?));
        let kind = words.next()?.to_owned();
        let read_only = words.next()?.split(',').any(|option| option == "ro");
        Some(Mount { folder, kind, read_only })
    };
    Ok(text.lines().filter_map(mount).collect())
}

/// The mount that a path without links stands on: of two on one folder, the later covers the other.
pub(super) fn under<'m>(mounts: &'m [Mount], resolved: &Path) -> Option<&'m Mount> {
    let holding = mounts.iter().filter(|mount| resolved.starts_with(&mount.folder));
    holding.max_by_key(|mount| mount.folder.components().count())
}

/// Whether systemd put a folder of the service's own in the place where `path` stands.
pub(super) fn is_private(root: &Root, path: &Path) -> bool {
    let text = root.text(Path::new("/proc/self/mountinfo"), TEXT_BYTES_MAX).unwrap_or_default();
    private_folders(&text).any(|folder| path.starts_with(folder))
}

/// The fourth word of a line is what is mounted, the fifth is where.
fn private_folders(mountinfo: &str) -> impl Iterator<Item = PathBuf> {
    mountinfo.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(3);
        words.next().filter(|mounted| mounted.contains("/systemd-private-"))?;
        Some(PathBuf::from(unescaped(words.next()?)))
    })
}

pub(super) fn disks(root: &Root, paths: &[PathBuf]) -> Known<Vec<Disk>> {
    let mounts = mounts(root)?;
    let mut disks: Vec<Disk> = Vec::new();
    for path in paths {
        let Ok(resolved) = root.resolve(path) else { continue };
        let Some(mount) = under(&mounts, &resolved) else { continue };
        let folder = mount.folder.display().to_string();
        if disks.iter().any(|disk| disk.mount == folder) {
            continue;
        }
        disks.push(Disk {
            path: path.display().to_string(),
            mount: folder,
            kind: mount.kind.clone(),
            read_only: mount.read_only,
            usage: usage(root, &resolved),
        });
    }
    Ok(disks)
}

fn usage(root: &Root, resolved: &Path) -> Known<Usage> {
    if !root.is_live() {
        return Err(Words::new("a bundle does not say how full its disks are", "采集包不含磁盘用量"));
    }
    let stat = rustix::fs::statvfs(resolved).map_err(|error| {
        let shown = resolved.display();
        Words::new(
            format!("cannot read how full the disk of {shown} is: {error}"),
            format!("{shown} 所在磁盘的用量未知：{error}"),
        )
    })?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    Ok(Usage {
        bytes_percent: percent(used, used.saturating_add(stat.f_bavail)),
        inodes_percent: percent(stat.f_files.saturating_sub(stat.f_ffree), stat.f_files),
        bytes_free: free,
    })
}

fn percent(part: u64, whole: u64) -> u8 {
    if whole == 0 {
        return 0;
    }
    let percent = u128::from(part) * 100 / u128::from(whole);
    u8::try_from(percent.min(100)).unwrap_or(100)
}

/// The kernel writes blanks in names as `\040`.
fn unescaped(text: &str) -> String {
    let mut plain = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let octal = text.get(at + 1..at + 4).filter(|_| bytes[at] == b'\\');
        match octal.and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 4;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tmp_of_its_own() {
        let text = "22 1 8:1 / / rw - ext4 /dev/a rw\n\
            91 22 8:1 /var/tmp/systemd-private-4f-sealtail.service-x/tmp /var/tmp rw - ext4 /dev/a rw\n";
        assert_eq!(private_folders(text).collect::<Vec<_>>(), [Path::new("/var/tmp")]);
    }

    #[test]
    fn names_with_blanks() {
        assert_eq!(unescaped(r"/mnt/my\040disk\134"), r"/mnt/my disk\");
        assert_eq!(unescaped(r"\04"), r"\04");
        assert_eq!((percent(1, 0), percent(99, 100), percent(u64::MAX, 1)), (0, 99, 100));
    }
}
