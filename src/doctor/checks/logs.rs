//! The logs that sealtail follows, who writes them and who rotates them.

use glob::Pattern;

use crate::base::diagnostic::Excerpt;
use crate::doctor::facts::{Facts, LogFile, LogSource, Rotation};
use crate::doctor::{Outcome, Place};

/// File systems whose kernel here does not hear of writes made elsewhere.
const NETWORK: [&str; 12] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ceph",
    "glusterfs",
    "fuse.glusterfs",
    "lustre",
    "9p",
    "fuse.sshfs",
    "beegfs",
];

/// A source that sealtail cannot read, or that names no file.
pub(super) fn unreadable(facts: &Facts, out: &mut Outcome) {
    let Some(sources) = out.needs(&facts.sources) else { return };
    for source in sources {
        let Some(files) = out.needs(&source.files) else { continue };
        let (name, patterns) = (&source.name, source.patterns.join(", "));
        if files.is_empty() {
            out.found(
                format!("the source `{name}` names no file: {patterns}"),
                format!("来源 `{name}` 没有匹配的文件：{patterns}"),
            );
        }
        for file in files {
            let Some(why) = &file.unreadable else { continue };
            out.found(
                format!("a log of the source `{name}` cannot be read: {why}"),
                format!("来源 `{name}` 的日志无法读取：{why}"),
            )
            .file(&*file.path);
        }
    }
}

/// A log on a network file system, watched by events that do not come.
pub(super) fn network(facts: &Facts, out: &mut Outcome) {
    let Some(sources) = out.needs(&facts.sources) else { return };
    for source in sources.iter().filter(|source| !source.polls) {
        for file in source.files.iter().flatten() {
            let Some(kind) = out.needs(&file.kind) else { continue };
            if NETWORK.contains(&kind.as_str()) {
                let name = &source.name;
                out.found(
                    format!("a log of the source `{name}` stands on {kind}, which tells of no change made elsewhere"),
                    format!("来源 `{name}` 的日志在 {kind} 上，别处的改动不会产生事件"),
                )
                .file(&*file.path)
                .mend(
                    format!("`poll = \"1s\"` in the source `{name}`"),
                    format!("在来源 `{name}` 中写 `poll = \"1s\"`"),
                );
            }
        }
    }
}

/// Every log of a source that a block rotates.
fn rotated<'f>(facts: &'f Facts, out: &mut Outcome) -> Vec<(&'f LogSource, &'f LogFile, &'f Rotation)> {
    let sources = out.needs(&facts.sources).map_or(&[][..], Vec::as_slice);
    let rotations = out.needs(&facts.rotations).map_or(&[][..], Vec::as_slice);
    let mut found = Vec::new();
    for source in sources {
        for file in source.files.iter().flatten() {
            let takes = |rotation: &&Rotation| {
                rotation
                    .patterns
                    .iter()
                    .any(|pattern| Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(&file.path)))
            };
            found.extend(rotations.iter().find(takes).map(|rotation| (source, file, rotation)));
        }
    }
    found
}

fn place(rotation: &Rotation) -> Place {
    let setting = &rotation.setting;
    let width = setting.text.chars().count().max(1);
    let excerpt = Excerpt { line: setting.line, column: 1, width, text: setting.text.clone() };
    Place { path: setting.path.clone(), excerpt: Some(excerpt) }
}

/// A log that is copied and cut to nothing: lines written in between are lost.
pub(super) fn copytruncate(facts: &Facts, out: &mut Outcome) {
    for (source, file, rotation) in
        rotated(facts, out).into_iter().filter(|(.., rotation)| rotation.copytruncate)
    {
        let (name, path) = (&source.name, &file.path);
        let finding = out.found(
            format!(
                "logrotate copies {path} of the source `{name}` and cuts it: lines written meanwhile are lost"
            ),
            format!("logrotate 复制来源 `{name}` 的 {path} 再清空它：其间写入的行会丢失"),
        );
        finding.places.push(place(rotation));
    }
}

/// A log that is renamed under a program that keeps the old file open.
pub(super) fn not_reopened(facts: &Facts, out: &mut Outcome) {
    for (_, file, rotation) in rotated(facts, out) {
        let Some(writer) = file.writers.first().filter(|_| !rotation.copytruncate && !rotation.has_script)
        else {
            continue;
        };
        let (path, program, pid) = (&file.path, &writer.program, writer.pid);
        let finding = out.found(
            format!("logrotate renames {path}, and {program} (pid {pid}) goes on writing to the old file"),
            format!("logrotate 重命名 {path}，而 {program}（pid {pid}）会继续写旧文件"),
        );
        finding.places.push(place(rotation));
    }
}

/// A log that is cut under a writer that keeps its own offset: the file gets a hole.
pub(super) fn no_append(facts: &Facts, out: &mut Outcome) {
    for (_, file, rotation) in rotated(facts, out).into_iter().filter(|(.., rotation)| rotation.copytruncate)
    {
        let Some(writer) = file.writers.iter().find(|writer| !writer.appends) else { continue };
        let (path, program, pid) = (&file.path, &writer.program, writer.pid);
        let finding = out.found(
            format!(
                "{program} (pid {pid}) writes {path} without O_APPEND: once cut, the file begins with zeros"
            ),
            format!("{program}（pid {pid}）写 {path} 时没有 O_APPEND：清空后文件会以一段零开头"),
        );
        finding.file(&**path);
        finding.places.push(place(rotation));
        finding.mend("redirect with `>>` instead of `>`", "用 `>>` 而不是 `>` 重定向");
    }
}
