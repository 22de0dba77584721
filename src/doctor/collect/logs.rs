//! The sources of `sealtail.toml`, who writes them, and what logrotate does with them.

use std::path::{Path, PathBuf};

use super::disks::{mounts, under};
use super::process::Running;
use super::root::Root;
use super::{CONFIG_BYTES_MAX, Request, TEXT_BYTES_MAX};
use crate::base::diagnostic::Text;
use crate::base::diagnostic::table::Table;
use crate::doctor::facts::{Known, LogFile, LogSource, Rotation, Setting, Writer};
use crate::doctor::words::Words;

/// Files of one source that are looked at.
const FILES_MAX: usize = 1_000;
/// `O_APPEND` as `/proc/<pid>/fdinfo` writes it, in octal.
const APPEND: u64 = 0o2000;

pub(super) fn sources(
    root: &Root,
    request: &Request,
    running: &Known<Vec<Running>>,
) -> Known<Vec<LogSource>> {
    let Some(path) = &request.sealtail_config else {
        return Err(Words::new(
            "no sealtail.toml was found: name it with --config",
            "没有找到 sealtail.toml：请用 --config 指定",
        ));
    };
    let (config_root, inside) = root.named(path, request);
    let text = config_root.text(&inside, CONFIG_BYTES_MAX)?;
    let shown = path.display().to_string();
    let text = Text::new(&shown, &text);
    let table = Table::parse(&text, 0..text.text().len());
    let folder = inside.parent().unwrap_or(Path::new("/")).to_owned();
    let mounts = mounts(root);
    let source = |source: Table<'_>| {
        let strings = |key| -> Vec<String> { source.strings(key).into_iter().map(|one| one.value).collect() };
        let whole = |pattern: &String| folder.join(pattern).display().to_string();
        let patterns: Vec<String> = strings("paths").iter().map(whole).collect();
        let exclude: Vec<glob::Pattern> = strings("exclude")
            .iter()
            .filter_map(|pattern| glob::Pattern::new(&whole(pattern)).ok())
            .collect();
        let files = matching(root, &patterns, &exclude)
            .map(|paths| paths.iter().map(|path| log_file(root, path, &mounts, running)).collect());
        LogSource {
            name: source.string("name").map(|name| name.value).unwrap_or_default(),
            polls: source.has("poll"),
            patterns,
            files,
        }
    };
    Ok(table.tables("source").into_iter().map(source).collect())
}

fn matching(root: &Root, patterns: &[String], exclude: &[glob::Pattern]) -> Known<Vec<PathBuf>> {
    let mut found = Vec::new();
    for pattern in patterns {
        if pattern.contains("${") {
            return Err(Words::new(
                format!("`{pattern}` depends on the environment of sealtail"),
                format!("`{pattern}` 取决于 sealtail 的环境变量"),
            ));
        }
        let (paths, all) = root.glob(pattern);
        if !all {
            return Err(Words::new(
                format!("`{pattern}` matches too many folders"),
                format!("`{pattern}` 涉及的目录过多"),
            ));
        }
        found.extend(
            paths.into_iter().filter(|path| !exclude.iter().any(|pattern| pattern.matches_path(path))),
        );
    }
    found.truncate(FILES_MAX);
    Ok(found)
}

fn log_file(
    root: &Root,
    path: &Path,
    mounts: &Known<Vec<super::disks::Mount>>,
    running: &Known<Vec<Running>>,
) -> LogFile {
    let resolved = root.resolve(path).unwrap_or_else(|_| path.to_owned());
    let kind = mounts.as_ref().map_err(Clone::clone).and_then(|mounts| {
        let mount = under(mounts, &resolved).map(|mount| mount.kind.clone());
        let shown = path.display();
        mount.ok_or_else(|| {
            Words::new(format!("the file system of {shown} is not known"), format!("{shown} 的文件系统未知"))
        })
    });
    LogFile {
        unreadable: root.open(path).err().map(|error| error.to_string()),
        writers: running.iter().flatten().filter_map(|one| writer(root, &resolved, one)).collect(),
        path: path.display().to_string(),
        kind,
    }
}

/// A program that has the log as its standard output or error.
fn writer(root: &Root, log: &Path, running: &Running) -> Option<Writer> {
    let pid = running.process.pid;
    let has = |number: &u32| {
        root.link(Path::new(&format!("/proc/{pid}/fd/{number}"))).is_ok_and(|open| open == log)
    };
    let number = [2, 1].into_iter().find(has)?;
    let info = root.word(Path::new(&format!("/proc/{pid}/fdinfo/{number}")))?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = u64::from_str_radix(flags.trim(), 8).ok()?;
    Some(Writer { pid, program: running.process.program.clone(), appends: flags & APPEND != 0 })
}

pub(super) fn rotations(root: &Root) -> Known<Vec<Rotation>> {
    let folder = Path::new("/etc/logrotate.d");
    let mut paths = vec![PathBuf::from("/etc/logrotate.conf")];
    paths.extend(root.list(folder).unwrap_or_default().iter().map(|name| folder.join(name)));
    let mut found = Vec::new();
    let mut read = 0;
    let mut copies = false;
    for path in paths {
        let Ok(text) = root.text(&path, TEXT_BYTES_MAX) else { continue };
        read += 1;
        blocks(&path.display().to_string(), &text, &mut copies, &mut found);
    }
    if read > 0 {
        return Ok(found);
    }
    Err(Words::new(
        "what rotates the logs is not known: there is no configuration of logrotate",
        "日志的轮转方式未知：没有 logrotate 的配置",
    ))
}

/// The blocks of a file; `copies` is what is said outside of blocks, for all that follow.
fn blocks(path: &str, text: &str, copies: &mut bool, found: &mut Vec<Rotation>) {
    let mut patterns: Vec<String> = Vec::new();
    let mut open: Option<Rotation> = None;
    let mut script = false;
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim();
        if script {
            script = bare != "endscript";
            continue;
        }
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        match &mut open {
            Some(block) => match bare.split_whitespace().next().unwrap_or_default() {
                "}" => found.extend(open.take()),
                "copytruncate" => block.copytruncate = true,
                "nocopytruncate" => block.copytruncate = false,
                word @ ("postrotate" | "lastaction" | "prerotate" | "firstaction" | "preremove") => {
                    block.has_script |= matches!(word, "postrotate" | "lastaction");
                    script = true;
                }
                _ => {}
            },
            None => {
                let (names, opens) = bare.strip_suffix('{').map_or((bare, false), |names| (names, true));
                if names.starts_with(['/', '"', '\'']) {
                    let unquoted = |name: &str| name.trim_matches(['"', '\'']).to_owned();
                    patterns.extend(names.split_whitespace().map(unquoted));
                } else if !opens {
                    match bare {
                        "copytruncate" => *copies = true,
                        "nocopytruncate" => *copies = false,
                        _ => {}
                    }
                }
                if opens {
                    let setting = Setting {
                        value: names.trim().to_owned(),
                        path: path.to_owned(),
                        line: index + 1,
                        text: line.to_owned(),
                    };
                    let patterns = std::mem::take(&mut patterns);
                    open = Some(Rotation { patterns, setting, copytruncate: *copies, has_script: false });
                }
            }
        }
    }
}
