//! Limits of open files as systemd, `pam_limits` and the kernel have them.

use std::path::{Path, PathBuf};

use super::TEXT_BYTES_MAX;
use super::process::PROGRAMS;
use super::root::{Root, unreadable};
use crate::doctor::facts::{Known, LoginLimit, Setting, Unit};
use crate::doctor::words::Words;

/// Where units stand, the one that wins first.
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

pub(super) fn nr_open(root: &Root) -> Known<u64> {
    let path = Path::new("/proc/sys/fs/nr_open");
    let word = root.word(path).and_then(|word| word.parse().ok());
    word.ok_or_else(|| Words::new("`fs.nr_open` is not known", "`fs.nr_open` 未知"))
}

pub(super) fn units(root: &Root) -> Known<Vec<Unit>> {
    let folders: Vec<(&str, Vec<String>)> =
        FOLDERS.iter().filter_map(|folder| Some((*folder, root.list(Path::new(folder)).ok()?))).collect();
    if folders.is_empty() {
        return Err(Words::new("there are no systemd units", "没有 systemd 的单元"));
    }
    let default = default(root);
    let mut units: Vec<Unit> = Vec::new();
    for (folder, names) in &folders {
        for name in names.iter().filter(|name| name.ends_with(".service")) {
            if units.iter().any(|unit| unit.name == *name) {
                continue;
            }
            let path = Path::new(folder).join(name);
            let Ok(text) = root.text(&path, TEXT_BYTES_MAX) else { continue };
            let starts = |line: &str| {
                line.trim_start().starts_with("ExecStart")
                    && PROGRAMS.iter().any(|program| line.contains(program))
            };
            if text.lines().any(starts) {
                let open_files = drop_ins(root, name).into_iter().rev().find_map(|path| {
                    let text = root.text(&path, TEXT_BYTES_MAX).ok()?;
                    limit("LimitNOFILE=", &path, &text)
                });
                let open_files =
                    open_files.or_else(|| limit("LimitNOFILE=", &path, &text)).or_else(|| default.clone());
                units.push(Unit { name: name.clone(), path: path.display().to_string(), open_files });
            }
        }
    }
    Ok(units)
}

/// The drop-ins of a unit, in the order in which systemd reads them: by name, not by folder.
fn drop_ins(root: &Root, unit: &str) -> Vec<PathBuf> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for folder in FOLDERS {
        let folder = Path::new(folder).join(format!("{unit}.d"));
        for name in root.list(&folder).unwrap_or_default() {
            if name.ends_with(".conf") && found.iter().all(|(known, _)| *known != name) {
                found.push((name.clone(), folder.join(name)));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// What units have that say nothing themselves.
fn default(root: &Root) -> Option<Setting> {
    let folder = Path::new("/etc/systemd/system.conf.d");
    let mut paths = vec![PathBuf::from("/etc/systemd/system.conf")];
    paths.extend(root.list(folder).unwrap_or_default().iter().map(|name| folder.join(name)));
    paths.iter().rev().find_map(|path| {
        let text = root.text(path, TEXT_BYTES_MAX).ok()?;
        limit("DefaultLimitNOFILE=", path, &text)
    })
}

/// The last `LimitNOFILE=` of a file, or the like.
fn limit(key: &str, path: &Path, text: &str) -> Option<Setting> {
    let mut last = None;
    for (index, line) in text.lines().enumerate() {
        if let Some(value) = line.trim().strip_prefix(key) {
            last = Some(setting(path, index, line, value.trim()));
        }
    }
    last
}

fn setting(path: &Path, index: usize, line: &str, value: &str) -> Setting {
    Setting {
        value: value.to_owned(),
        path: path.display().to_string(),
        line: index + 1,
        text: line.to_owned(),
    }
}

pub(super) fn login_limits(root: &Root) -> Known<Vec<LoginLimit>> {
    let folder = Path::new("/etc/security/limits.d");
    let main = PathBuf::from("/etc/security/limits.conf");
    let mut paths = vec![main.clone()];
    paths.extend(
        root.list(folder)
            .unwrap_or_default()
            .iter()
            .filter(|name| name.ends_with(".conf"))
            .map(|name| folder.join(name)),
    );
    let mut found = Vec::new();
    let mut read = 0;
    for path in &paths {
        let Ok(text) = root.text(path, TEXT_BYTES_MAX) else { continue };
        read += 1;
        for (index, line) in text.lines().enumerate() {
            let bare = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = bare.split_whitespace().collect();
            if let [domain, _, "nofile", value] = words[..] {
                found.push(LoginLimit {
                    domain: domain.to_owned(),
                    setting: setting(path, index, line, value),
                });
            }
        }
    }
    if read == 0 {
        let error = root.meta(&main).err().unwrap_or_else(|| std::io::ErrorKind::InvalidData.into());
        return Err(unreadable(&main, &error));
    }
    Ok(found)
}
