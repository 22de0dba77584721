//! What a stage runs on, and whether there is work for it.

use std::collections::BTreeSet;

use super::environment_unknown;
use super::gpu::{gpu_stages_in_use, users};
use crate::doctor::facts::Facts;
use crate::doctor::keys::GPU_STAGES;
use crate::doctor::worker::{Processor, Var, Worker};
use crate::doctor::{Diff, Outcome, Words};

/// Without it PC2 builds tree C on the CPU, up to damocles v0.10. Later releases do not read it.
const COLUMN_BUILDER: &str = "FIL_PROOFS_USE_GPU_COLUMN_BUILDER";
/// Without it PC2 builds tree R on the CPU, and since damocles v0.11 tree C too.
const TREE_BUILDER: &str = "FIL_PROOFS_USE_GPU_TREE_BUILDER";

/// PC2 has a GPU and is not told to use it.
pub(super) fn builder_off(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for processor in worker.of("pc2").into_iter().filter(|processor| processor.is_builtin()) {
        let vars = [COLUMN_BUILDER, TREE_BUILDER].map(|name| (name, processor.var(worker, name)));
        let off: Vec<&(&str, Var<'_>)> = vars.iter().filter(|(_, var)| var.is_on() == Some(false)).collect();
        if off.is_empty() {
            if vars.iter().any(|(_, var)| var.is_on().is_none()) {
                out.unknown(environment_unknown(worker));
            }
            continue;
        }
        let names: Vec<&str> = off.iter().map(|(name, _)| *name).collect();
        let depends = names == [COLUMN_BUILDER] && !worker.is_venus();
        if depends && worker.file.program.is_some() {
            out.unknown(Words::new(
                format!("without `{COLUMN_BUILDER}` tree C is built on the CPU up to damocles v0.10; the version is not known"),
                format!("damocles v0.10 及以前未开启 `{COLUMN_BUILDER}` 时用 CPU 建 tree C；版本未知"),
            ));
            continue;
        }
        let (name, missing) = (processor.name(), names.join("`, `"));
        let (en_until, zh_until) =
            if depends { ("up to damocles v0.10 ", "damocles v0.10 及以前 ") } else { ("", "") };
        let finding = out.found(
            format!("{en_until}{name} builds trees on the CPU: `{missing}` is not on"),
            format!("{zh_until}{name} 用 CPU 建树：未开启 `{missing}`"),
        );
        let own = off.iter().find_map(|(_, var)| match var {
            Var::Own(value) => Some(value.span.clone()),
            _ => None,
        });
        finding
            .at(worker, &own.unwrap_or_else(|| processor.span.clone()))
            .mend(format!("set `{missing}` to \"1\""), format!("把 `{missing}` 设为 \"1\""))
            .diff(switched_on(worker, processor, &off));
    }
}

/// The lines that set every one of `off` to `1`.
fn switched_on(worker: &Worker<'_>, processor: &Processor, off: &[&(&str, Var<'_>)]) -> Option<Diff> {
    let mut changes = Vec::new();
    let mut added = String::new();
    for (name, var) in off {
        match var {
            Var::Own(value) => changes.push((value.span.clone(), "\"1\"".to_owned())),
            _ => added.push_str(&format!(", {name} = \"1\"")),
        }
    }
    if !added.is_empty() {
        let (_, last) = processor.envs.last()?;
        let text = worker.text().text()[last.span.clone()].to_owned();
        match changes.iter_mut().find(|(span, _)| *span == last.span) {
            Some((_, value)) => value.push_str(&added),
            None => changes.push((last.span.clone(), text + &added)),
        }
    }
    Diff::replacing(&worker.text(), &changes)
}

/// A GPU stage without processors, on a box with several GPUs.
pub(super) fn in_process(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let missing: Vec<&str> =
        gpu_stages_in_use(worker).into_iter().filter(|stage| worker.of(stage).is_empty()).collect();
    if missing.is_empty() {
        return;
    }
    let Some(gpus) = out.needs(&facts.gpus).filter(|gpus| gpus.len() > 1) else { return };
    let count = gpus.len();
    for stage in missing {
        let finding = out.found(
            format!("{stage} runs inside the daemon: no lock, no cpuset, and no share of the {count} GPUs"),
            format!("{stage} 在守护进程内运行：没有锁、没有 cpuset，也分不到 {count} 块 GPU"),
        );
        if let Some(span) = &worker.first_thread {
            finding.at(worker, span);
        }
        finding.mend(
            format!("write one `[[processors.{stage}]]` for each GPU that it is to use"),
            format!("为要使用的每块 GPU 写一个 `[[processors.{stage}]]`"),
        );
    }
}

/// Fewer sectors at work than GPUs to work on them.
pub(super) fn threads_few(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let users = users(worker);
    let gpus: BTreeSet<u32> = users.iter().flat_map(|(_, devices)| devices.numbers()).collect();
    let processors = |stage: &&str| users.iter().filter(|(one, _)| one.stage == *stage).count();
    let most = GPU_STAGES.iter().map(processors).max().unwrap_or(0);
    let wanted = most.max(gpus.len());
    let threads = worker.threads.len();
    // A part of a configuration, as documents show it, has no threads at all.
    if threads == 0 || threads >= wanted {
        return;
    }
    let finding = out.found(
        format!("{threads} sealing threads for {wanted} GPU processors: each thread works on one sector"),
        format!("{threads} 个 sealing_thread 对 {wanted} 个 GPU 处理器：每个线程同时只处理一个扇区"),
    );
    if let Some(span) = &worker.first_thread {
        finding.at(worker, span);
    }
    finding.mend(
        "add `[[sealing_thread]]` tables, each with a folder of its own",
        "增加 `[[sealing_thread]]`，每个用各自的目录",
    );
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::trial::{report, run_by, told};

    #[test]
    fn the_builder_of_tree_c_counts_up_to_v0_10() {
        let damocles = Some("damocles-worker");
        let (column, tree) = ("FIL_PROOFS_USE_GPU_COLUMN_BUILDER", "FIL_PROOFS_USE_GPU_TREE_BUILDER");
        let both = format!("{column} = \"1\", {tree} = \"1\"");
        let only = |name: &str| format!("{name} = \"1\"");
        for (envs, program, found, unknown) in [
            (both, damocles, None, 0),
            (String::new(), damocles, Some("processors.pc2 #1 builds"), 0),
            (only(column), damocles, Some("`FIL_PROOFS_USE_GPU_TREE_BUILDER` is not on"), 0),
            (only(tree), Some("venus-worker"), Some("processors.pc2 #1 builds"), 0),
            (only(tree), None, Some("up to damocles v0.10 processors.pc2 #1 builds"), 0),
            (only(tree), damocles, None, 1),
        ] {
            let config = format!("[[processors.pc2]]\nenvs = {{ {envs} }}\n");
            let report = report("doctor/gpu-builder-off", &run_by(program, &config));
            let text = report.findings.first().map(|finding| told(finding).0);
            assert_eq!(text.is_some(), found.is_some(), "{config} {program:?}: {text:?}");
            assert!(found.is_none_or(|part| text.as_ref().unwrap().contains(part)), "{text:?}");
            assert_eq!(report.unchecked.len(), unknown, "{config} {program:?}");
        }
    }
}
