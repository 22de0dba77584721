//! The worker's binary, and what a build of it would read.

use crate::doctor::build;
use crate::doctor::facts::{Binary, Facts, Sections};
use crate::doctor::{Outcome, Place};

/// A worker is tens of megabytes; from here on it is worth a word.
const LARGE: u64 = 200 << 20;
/// From here on it is the size that people ask about.
const HUGE: u64 = 1 << 30;
/// A sentence names so many sections.
const SECTIONS_SHOWN: usize = 3;

/// Bytes as people read them.
pub(super) fn shown(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64 / 1024.0;
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

fn readable<'f>(facts: &'f Facts, out: &mut Outcome) -> Vec<(&'f Binary, &'f Sections)> {
    let Some(binaries) = out.needs(&facts.binaries) else { return Vec::new() };
    let mut readable = Vec::new();
    for binary in binaries {
        if let Some(sections) = out.needs(&binary.sections) {
            readable.push((binary, sections));
        }
    }
    readable
}

/// The binary carries debug information.
pub(super) fn debug_info(facts: &Facts, out: &mut Outcome) {
    for (binary, sections) in readable(facts, out) {
        if !sections.has_code || sections.debug.is_empty() {
            continue;
        }
        let bytes: u64 = sections.debug.iter().map(|(_, size)| size).sum();
        let mut largest = sections.debug.clone();
        largest.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        let named: Vec<String> = largest
            .iter()
            .take(SECTIONS_SHOWN)
            .map(|(name, size)| format!("{name} {}", shown(*size)))
            .collect();
        let (size, debug, left) =
            (shown(binary.size), shown(bytes), shown(binary.size.saturating_sub(bytes)));
        let (count, named) = (sections.debug.len(), named.join(", "));
        let (en, zh) = if binary.size >= HUGE {
            ("; it was built with `-g`", "；构建时带了 `-g`")
        } else {
            ("", "")
        };
        out.found(
            format!("{debug} of {size} are debug information, in {count} sections ({named}){en}"),
            format!("{size} 中有 {debug} 是调试信息，分在 {count} 个段中（{named}）{zh}"),
        )
        .file(&*binary.path)
        .mend(
            format!("`strip --strip-debug` would leave {left}"),
            format!("`strip --strip-debug` 之后剩 {left}"),
        );
    }
}

/// The binary is large for another reason, or is none.
pub(super) fn large(facts: &Facts, out: &mut Outcome) {
    for (binary, sections) in readable(facts, out) {
        let size = shown(binary.size);
        if !sections.has_code {
            out.found(
                "this file holds debug information alone: it was split off by `strip --only-keep-debug`",
                "该文件只有调试信息：是 `strip --only-keep-debug` 分离出来的",
            )
            .file(&*binary.path);
        } else if binary.size >= LARGE && sections.debug.is_empty() {
            out.found(
                format!("{size} without debug information: a worker is tens of megabytes"),
                format!("没有调试信息，却有 {size}：正常的 worker 只有几十 MB"),
            )
            .file(&*binary.path);
        }
    }
}

/// The next build will carry debug information.
pub(super) fn build_setting(facts: &Facts, out: &mut Outcome) {
    let Some(read) = out.needs(&facts.build) else { return };
    let Some(setting) = build::debug_setting(read) else { return };
    let (name, value) = (&setting.name, &setting.value);
    let finding = out.found(
        format!("a build here carries debug information: `{name}` is `{value}`"),
        format!("在此构建会带调试信息：`{name}` 为 `{value}`"),
    );
    if let Some((path, excerpt)) = setting.file {
        finding.places.push(Place { path, excerpt: Some(excerpt) });
    }
}
