//! Files that the proofs map: parameters, verifying keys, parent caches, static trees.

use super::binary::shown;
use super::environment_unknown;
use crate::doctor::facts::{DataFile, Facts, Folder, ProofFiles};
use crate::doctor::worker::Worker;
use crate::doctor::{Outcome, Words};

const GIB: u64 = 1 << 30;
/// A disk this full is taken for full.
const FULL_PERCENT: u8 = 98;
/// Parent caches of production, by the head of their hash, with the size of their sectors.
const PARENTS: [(&str, u64); 4] =
    [("21981246", 32 * GIB), ("e1fa5d5b", 32 * GIB), ("4905486b", 64 * GIB), ("8a99e8d6", 64 * GIB)];
/// 14 parents of 4 bytes for each node of 32 bytes.
const fn parent_cache_bytes(sector: u64) -> u64 {
    sector / 32 * 14 * 4
}

fn files_of<'f>(worker: &Worker<'_>, facts: &'f Facts, out: &mut Outcome) -> Option<&'f ProofFiles> {
    let found = facts.proofs.iter().find(|files| files.config == worker.file.path);
    if found.is_none() {
        out.unknown(Words::new("the files of the proofs were not looked for", "未查找证明所用的文件"));
    }
    found
}

/// The files of a folder, if it is there; told where it is not.
fn files<'f>(worker: &Worker<'_>, folder: &'f Folder, out: &mut Outcome) -> Option<&'f [DataFile]> {
    match out.needs(&folder.files)? {
        Some(files) => Some(files),
        None if folder.is_certain => Some(&[]),
        None => {
            out.unknown(environment_unknown(worker));
            None
        }
    }
}

/// Bytes of a size such as `32GiB`.
fn sector_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// The sizes that the worker seals, of those with parameters of their own.
fn sizes(worker: &Worker<'_>, out: &mut Outcome) -> Vec<u64> {
    let mut sizes: Vec<u64> = worker.sizes.iter().filter_map(|size| sector_bytes(&size.value)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.is_empty() {
        let path = &worker.file.path;
        out.unknown(Words::new(
            format!("{path} does not say which sizes it seals (`allowed_sizes`)"),
            format!("{path} 没有写封装哪些大小的扇区（`allowed_sizes`）"),
        ));
    }
    sizes.retain(|size| [32 * GIB, 64 * GIB].contains(size));
    sizes
}

/// The circuits whose parameters this worker needs, and the stage that does.
fn circuits(worker: &Worker<'_>) -> Vec<(&'static str, &'static str)> {
    let local = |stage: &str| {
        let processors = worker.of(stage);
        processors.is_empty() || processors.iter().any(|one| one.is_builtin())
    };
    let all = [
        ("sealer", "c2", "stacked-proof-of-replication"),
        ("snapup", "snap_prove", "empty-sector-update"),
        ("wdpost", "window_post", "proof-of-spacetime-fallback"),
    ];
    let needed = all.into_iter().filter(|(plan, stage, _)| worker.plans(plan) && local(stage));
    needed.map(|(_, stage, circuit)| (stage, circuit)).collect()
}

/// Parameters or a verifying key that a stage of this worker needs are not there.
pub(super) fn missing(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let circuits = circuits(worker);
    let Some(proofs) = files_of(worker, facts, out).filter(|_| !circuits.is_empty()) else { return };
    let Some(files) = files(worker, &proofs.parameters, out) else { return };
    for size in sizes(worker, out) {
        let shape = if size == 64 * GIB { "poseidon_hasher-8-8-2-" } else { "poseidon_hasher-8-8-0-" };
        for (stage, circuit) in &circuits {
            for kind in ["params", "vk"] {
                let fits = |file: &DataFile| {
                    let name = &file.name;
                    name.contains(circuit) && name.contains(shape) && name.ends_with(&format!(".{kind}"))
                };
                if files.iter().any(fits) {
                    continue;
                }
                let (size, folder) = (size / GIB, &proofs.parameters.path);
                if !proofs.parameters.is_certain {
                    out.unknown(environment_unknown(worker));
                    continue;
                }
                out.found(
                    format!(
                        "{stage} of {size} GiB sectors needs `v28-{circuit}-….{kind}`, which is not there"
                    ),
                    format!("{size} GiB 扇区的 {stage} 需要 `v28-{circuit}-….{kind}`，但它不存在"),
                )
                .file(&**folder);
            }
        }
    }
}

/// What is wrong with the size of a file, if it is.
fn wrong_size(file: &DataFile, wanted: Option<u64>) -> Option<(String, String)> {
    if file.size == 0 {
        return Some(("is empty".to_owned(), "是空文件".to_owned()));
    }
    let wanted = wanted.filter(|&wanted| wanted != file.size)?;
    let (has, should) = (file.size, wanted);
    Some((
        format!("has {has} bytes ({}) and should have {should} ({})", shown(has), shown(should)),
        format!("有 {has} 字节（{}），应为 {should}（{}）", shown(has), shown(should)),
    ))
}

/// Parameters or a verifying key that are empty or cut short.
pub(super) fn damaged(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let Some(proofs) = files_of(worker, facts, out) else { return };
    let Some(files) = files(worker, &proofs.parameters, out) else { return };
    for file in files.iter().filter(|file| file.name.ends_with(".params") || file.name.ends_with(".vk")) {
        if let Some((en, zh)) = wrong_size(file, file.wanted) {
            let name = &file.name;
            out.found(format!("{name} {en}"), format!("{name} {zh}"))
                .file(format!("{}/{name}", proofs.parameters.path));
        }
    }
}

/// Size of the sectors that a parent cache is for.
fn sector_of(file: &DataFile) -> Option<u64> {
    let (_, hash) = file.name.strip_suffix(".cache")?.split_once("-sdr-parent-")?;
    PARENTS.iter().find(|(head, _)| hash.starts_with(head)).map(|(_, sector)| *sector)
}

/// A file that got its length before it was written, and was not written to its end.
fn holes(file: &DataFile, on_disk: u64) -> Option<(String, String)> {
    if on_disk >= file.size {
        return None;
    }
    let (has, should) = (shown(on_disk), shown(file.size));
    Some((
        format!("has holes, {has} of {should} stand on the disk: its making was broken off"),
        format!("有空洞，磁盘上只有 {has}，应为 {should}：生成过程中断了"),
    ))
}

/// A parent cache that is empty, of another size, or has holes.
pub(super) fn parents_damaged(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let Some(proofs) = files_of(worker, facts, out) else { return };
    let Some(files) = files(worker, &proofs.parents, out) else { return };
    for file in files.iter().filter(|file| file.name.ends_with(".cache")) {
        let wanted = sector_of(file).map(parent_cache_bytes);
        let wrong = match wrong_size(file, wanted) {
            Some(wrong) => Some(wrong),
            None => out.needs(&file.on_disk).and_then(|&on_disk| holes(file, on_disk)),
        };
        if let Some((en, zh)) = wrong {
            let name = &file.name;
            out.found(format!("{name} {en}"), format!("{name} {zh}"))
                .file(format!("{}/{name}", proofs.parents.path));
        }
    }
}

/// No parent cache yet: the first PC1 makes it.
pub(super) fn parents_missing(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let pc1 = worker.of("pc1");
    let local = pc1.is_empty() || pc1.iter().any(|one| one.is_builtin());
    let Some(proofs) = files_of(worker, facts, out).filter(|_| local && worker.plans("sealer")) else {
        return;
    };
    let Some(files) = files(worker, &proofs.parents, out) else { return };
    for size in sizes(worker, out) {
        if files.iter().any(|file| sector_of(file) == Some(size)) {
            continue;
        }
        if !proofs.parents.is_certain {
            return out.unknown(environment_unknown(worker));
        }
        let (size, bytes) = (size / GIB, shown(parent_cache_bytes(size)));
        out.found(
            format!("there is no parent cache for {size} GiB sectors: the first PC1 makes one of {bytes}, and all PC1 wait"),
            format!("没有 {size} GiB 扇区的 parent cache：第一个 PC1 会生成 {bytes}，期间所有 PC1 都等待"),
        )
        .file(&*proofs.parents.path);
    }
}

/// A static tree that is not there, or not of the size of its sectors.
pub(super) fn static_tree(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    if worker.trees.is_empty() {
        return;
    }
    let Some(proofs) = files_of(worker, facts, out) else { return };
    for (size, path) in &worker.trees {
        let Some((_, tree)) = proofs.trees.iter().find(|(known, _)| *known == path.value) else { continue };
        let Some(tree) = out.needs(tree) else { continue };
        // Both halves of a binary tree, without the last node's other half.
        let wanted = sector_bytes(&size.value).map(|bytes| 2 * bytes - 32);
        let shown_path = &path.value;
        let (en, zh) = match tree {
            None => {
                ("is not there: the worker does not start".to_owned(), "不存在：worker 无法启动".to_owned())
            }
            Some(file) => match wrong_size(file, wanted) {
                Some(words) => words,
                None => continue,
            },
        };
        out.found(format!("the static tree `{shown_path}` {en}"), format!("静态 tree_d `{shown_path}` {zh}"))
            .at(worker, &path.span);
    }
}

/// A disk that is full or read-only under the files of the proofs.
pub(super) fn disks(facts: &Facts, out: &mut Outcome) {
    let Some(disks) = out.needs(&facts.disks) else { return };
    for disk in disks {
        let (mount, kind, path) = (&disk.mount, &disk.kind, &disk.path);
        if disk.read_only {
            out.found(
                format!("{mount} ({kind}) is mounted read-only"),
                format!("{mount}（{kind}）是只读挂载"),
            )
            .file(&**path);
        }
        let Some(usage) = out.needs(&disk.usage) else { continue };
        let (left, bytes, inodes) = (shown(usage.bytes_free), usage.bytes_percent, usage.inodes_percent);
        if bytes >= FULL_PERCENT {
            out.found(
                format!("{mount} ({kind}) is {bytes} % full, {left} are left"),
                format!("{mount}（{kind}）已用 {bytes} %，剩 {left}"),
            )
            .file(&**path);
        }
        if inodes >= FULL_PERCENT {
            out.found(
                format!("{mount} ({kind}) has used {inodes} % of its inodes"),
                format!("{mount}（{kind}）的 inode 已用 {inodes} %"),
            )
            .file(&**path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::trial::{a_box, report, told};
    use crate::doctor::facts::Known;

    #[test]
    fn a_parent_cache_is_judged_by_its_size_and_by_what_stands_on_the_disk() {
        let unknown = || Err(Words::new("it does not show", "看不出来"));
        let whole = 56 * GIB;
        // Name and size, what stands on the disk, what is found, and how much could not be looked at.
        type Case = (&'static str, u64, Known<u64>, Option<&'static str>, usize);
        let cases: [Case; 6] = [
            ("v28-sdr-parent-21981246c370.cache", whole, Ok(whole + 4096), None, 0),
            ("v28-sdr-parent-21981246c370.cache", whole, Ok(whole - 512), Some("has holes"), 0),
            ("v28-sdr-parent-21981246c370.cache", whole, Ok(0), Some("has holes, 0 B of 56.0 GiB"), 0),
            ("v28-sdr-parent-21981246c370.cache", whole, unknown(), None, 1),
            ("v28-sdr-parent-21981246c370.cache", whole - 1, Ok(0), Some("and should have"), 0),
            ("v28-sdr-parent-00000000.cache", 4096, Ok(0), Some("has holes"), 0),
        ];
        for (name, size, on_disk, found, unchecked) in cases {
            let file = DataFile { name: name.to_owned(), size, wanted: None, on_disk };
            let folder = |files| Folder { path: "/p".to_owned(), is_certain: true, files: Ok(Some(files)) };
            let mut facts = a_box("");
            facts.proofs = vec![ProofFiles {
                config: "worker.toml".to_owned(),
                parameters: folder(Vec::new()),
                parents: folder(vec![file.clone()]),
                trees: Vec::new(),
            }];
            let report = report("doctor/parent-cache-damaged", &facts);
            let text = report.findings.first().map(|finding| told(finding).0);
            assert_eq!(text.is_some(), found.is_some(), "{file:?}: {text:?}");
            assert!(found.is_none_or(|part| text.as_ref().unwrap().contains(part)), "{text:?}");
            assert_eq!(report.unchecked.len(), unchecked, "{file:?}");
        }
    }
}
