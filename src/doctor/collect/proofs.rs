//! Files that the proofs map, and how long each says it is.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::root::{Root, unreadable};
use super::{TEXT_BYTES_MAX, disks};
use crate::doctor::facts::{ConfigFile, DataFile, Folder, Known, ProofFiles, not_looked};
use crate::doctor::keys::STAGES;
use crate::doctor::words::Words;
use crate::doctor::worker::{Var, Worker};

const PARAMETERS: &str = "/var/tmp/filecoin-proof-parameters";
const CACHE_DIR: &str = "/var/tmp/";
const PARENTS: &str = "filecoin-parents";
/// File systems that pack nothing, and count a block as soon as it is to be written.
const COUNTING: [&str; 4] = ["ext2", "ext3", "ext4", "xfs"];
/// What `st_blocks` counts in, on every file system.
const BLOCK_BYTES: u64 = 512;
/// Points of the two groups, uncompressed.
const G1_BYTES: u64 = 96;
const G2_BYTES: u64 = 192;
/// A verifying key before its list: three points of either group.
const KEY_BYTES: u64 = 3 * G1_BYTES + 3 * G2_BYTES;

/// The files of every configuration, and the folders they stand in.
pub(super) fn collect(root: &Root, configs: &[ConfigFile]) -> (Vec<ProofFiles>, Vec<PathBuf>) {
    let mut found = Vec::new();
    let mut paths = Vec::new();
    for file in configs {
        let Ok(worker) = Worker::read(file) else { continue };
        let (parameters, certain) =
            setting(&worker, "FIL_PROOFS_PARAMETER_CACHE", &["c2", "snap_prove", "window_post"]);
        let parameters = PathBuf::from(parameters.unwrap_or_else(|| PARAMETERS.to_owned()));
        let (parents, parents_certain) = setting(&worker, "FIL_PROOFS_PARENT_CACHE", &["pc1"]);
        let (cache, cache_certain) = setting(&worker, "FIL_PROOFS_CACHE_DIR", &["pc1"]);
        let parents = parents.unwrap_or_else(|| cache.unwrap_or_else(|| CACHE_DIR.to_owned()) + PARENTS);
        let parents = PathBuf::from(parents);
        let trees = worker.trees.iter().map(|(_, path)| {
            let path = &path.value;
            (path.clone(), tree(root, Path::new(path)))
        });
        found.push(ProofFiles {
            config: file.path.clone(),
            trees: trees.collect(),
            parameters: folder(root, &parameters, certain),
            parents: folder(root, &parents, parents_certain && cache_certain),
        });
        paths.extend([parameters, parents]);
        paths.extend(worker.trees.iter().map(|(_, path)| PathBuf::from(&path.value)));
    }
    (found, paths)
}

/// What the first processor of these stages has for a variable, else the daemon; and whether that
/// is certain.
fn setting(worker: &Worker<'_>, name: &str, stages: &[&str]) -> (Option<String>, bool) {
    let processor = STAGES
        .iter()
        .filter(|stage| stages.contains(stage))
        .flat_map(|stage| worker.of(stage))
        .find(|processor| processor.is_builtin());
    match processor.map(|processor| processor.var(worker, name)) {
        Some(Var::Unknown) => (None, false),
        Some(known) => (known.value().map(str::to_owned), true),
        None => match &worker.file.environ {
            Ok(environ) => (environ.get(name).cloned(), true),
            Err(_) => (None, false),
        },
    }
}

/// Why the absence of a path says nothing, if so: a bundle need not hold it, and a service may have
/// been given a `/var/tmp` of its own.
fn unseen(root: &Root, path: &Path) -> Option<Words> {
    let shown = path.display();
    if root.is_live() {
        return disks::is_private(root, path).then(|| {
            Words::new(
                format!("sealtail has a private folder in place of the one of {shown} (PrivateTmp=)"),
                format!("sealtail 看到的是私有目录，不是 {shown} 所在的目录（PrivateTmp=）"),
            )
        });
    }
    Some(in_bundle(path))
}

fn in_bundle(path: &Path) -> Words {
    let shown = path.display();
    Words::new(format!("{shown} is not in the bundle"), format!("采集包中没有 {shown}"))
}

fn is_absent(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

fn folder(root: &Root, path: &Path, is_certain: bool) -> Folder {
    let shown = path.display().to_string();
    let names = match root.list(path) {
        Ok(names) => names,
        Err(error) => {
            let files = if is_absent(&error) {
                unseen(root, path).map_or(Ok(None), Err)
            } else {
                Err(unreadable(path, &error))
            };
            return Folder { path: shown, is_certain, files };
        }
    };
    let of_proofs = |name: &&String| [".params", ".vk", ".cache"].iter().any(|end| name.ends_with(end));
    let files = names.iter().filter(of_proofs).filter_map(|name| data_file(root, &path.join(name), name));
    Folder { path: shown, is_certain, files: Ok(Some(files.collect())) }
}

fn data_file(root: &Root, path: &Path, name: &str) -> Option<DataFile> {
    let (mut file, size) = root.open(path).ok()?;
    let wanted = if name.ends_with(".vk") {
        key_bytes(&mut file, 0)
    } else if name.ends_with(".params") {
        parameter_bytes(&mut file)
    } else {
        None
    };
    let on_disk = if name.ends_with(".cache") { on_disk(root, path, &file) } else { not_looked() };
    Some(DataFile { name: name.to_owned(), size, wanted, on_disk })
}

fn tree(root: &Root, path: &Path) -> Known<Option<DataFile>> {
    if !path.is_absolute() {
        let shown = path.display();
        return Err(Words::new(
            format!("{shown} is relative to the folder where the worker was started"),
            format!("{shown} 是相对于 worker 启动目录的路径"),
        ));
    }
    match root.open(path) {
        Ok((_, size)) => {
            let name = path.display().to_string();
            Ok(Some(DataFile { name, size, wanted: None, on_disk: not_looked() }))
        }
        Err(error) if is_absent(&error) => unseen(root, path).map_or(Ok(None), Err),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// How many bytes of a file stand on the disk, where its file system counts them as they are written.
fn on_disk(root: &Root, path: &Path, file: &File) -> Known<u64> {
    let unknown = |en: &str, zh: &str| {
        let shown = path.display();
        Err(Words::new(format!("whether {shown} has holes {en}"), format!("{shown} 是否有空洞{zh}")))
    };
    if !root.is_live() {
        return unknown("does not show in a bundle", "在采集包中看不出来");
    }
    let (Ok(resolved), Ok(meta)) = (root.resolve(path), file.metadata()) else {
        return unknown("is not known", "未知");
    };
    let mounts = disks::mounts(root)?;
    let kind = disks::under(&mounts, &resolved).map_or("", |mount| &mount.kind);
    if !COUNTING.contains(&kind) {
        return unknown(
            &format!("does not show on a file system of kind {kind}"),
            &format!("在 {kind} 文件系统上看不出来"),
        );
    }
    let locks = root.text(Path::new("/proc/locks"), TEXT_BYTES_MAX)?;
    if is_being_written(&locks, meta.dev(), meta.ino()) {
        return unknown("does not show while it is being made", "在生成期间看不出来");
    }
    // Counted now: it may have been finished in between.
    match file.metadata() {
        Ok(meta) => Ok(meta.blocks().saturating_mul(BLOCK_BYTES)),
        Err(_) => unknown("is not known", "未知"),
    }
}

/// Whether somebody has a file locked for himself, as the proofs do while they make it.
fn is_being_written(locks: &str, device: u64, inode: u64) -> bool {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    let writes = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1) == Some(&"FLOCK") && words.contains(&"WRITE") && words.contains(&&*file)
    };
    locks.lines().any(writes)
}

/// The number of points of a list, which stands before them.
fn count(file: &mut File, at: u64) -> Option<u64> {
    file.seek(SeekFrom::Start(at)).ok()?;
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes).ok()?;
    Some(u64::from(u32::from_be_bytes(bytes)))
}

/// Where a verifying key that starts at `at` ends.
fn key_bytes(file: &mut File, at: u64) -> Option<u64> {
    let list = at + KEY_BYTES;
    Some(list + 4 + count(file, list)? * G1_BYTES)
}

/// How long a file of parameters is by its own account: a key, four lists of points of the first
/// group and one of the second. Where it is cut short before its last list, at least so long.
fn parameter_bytes(file: &mut File) -> Option<u64> {
    let mut at = key_bytes(file, 0)?;
    for point in [G1_BYTES, G1_BYTES, G1_BYTES, G1_BYTES, G2_BYTES] {
        let Some(count) = count(file, at) else { return Some(at + 4) };
        at += 4 + count * point;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_for_writing_is_one_of_flock_on_the_same_file() {
        let locks = "1: POSIX  ADVISORY  WRITE 41 103:02:7 0 EOF\n\
            2: FLOCK  ADVISORY  READ  42 103:02:8 0 EOF\n\
            3: FLOCK  ADVISORY  WRITE 43 103:02:9 0 EOF\n\
            3: -> FLOCK  ADVISORY  WRITE 44 103:02:10 0 EOF\n";
        let device = rustix::fs::makedev(0x103, 2);
        for (inode, expected) in [(7, false), (8, false), (9, true), (10, false), (0, false)] {
            assert_eq!(is_being_written(locks, device, inode), expected, "{inode}");
        }
        assert!(!is_being_written(locks, rustix::fs::makedev(0x103, 3), 9));
    }

    #[test]
    fn holes_show_on_the_box_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let name = "v28-sdr-parent-21981246.cache";
        File::create(folder.path().join(name)).unwrap().set_len(1 << 20).unwrap();
        let bundle = Root::new(folder.path()).unwrap();
        let file = data_file(&bundle, &Path::new("/").join(name), name).unwrap();
        assert!(file.on_disk.is_err() && file.size == 1 << 20, "{file:?}");
        let live = Root::new(Path::new("/")).unwrap();
        let file = data_file(&live, &folder.path().join(name), name).unwrap();
        // Where the file system does not tell, nothing is said.
        assert!(
            file.on_disk.as_ref().is_ok_and(|&bytes| bytes < file.size) || file.on_disk.is_err(),
            "{file:?}"
        );
    }
}
