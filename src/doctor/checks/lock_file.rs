//! The file at which bellperson's stages take turns.

use std::collections::{BTreeMap, BTreeSet};

use super::gpu::{VISIBLE, all_locked, at_visible, provers};
use super::{environment_unknown, listed};
use crate::doctor::Outcome;
use crate::doctor::facts::Facts;
use crate::doctor::worker::{Processor, Var, Worker};

const FOLDER: &str = "TMPDIR";
const FOLDER_UNSET: &str = "/tmp";
/// A number makes a lock for each GPU, 0 none. Other values, and programs of before v0.9, take one for all.
const GPUS_PER_LOCK: &str = "BELLPERSON_GPUS_PER_LOCK";
const FILE: &str = "bellman.gpu.lock";

/// Proofs on different GPUs that take turns, because one folder holds the lock of both.
pub(super) fn shared(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let mut by_folder: BTreeMap<String, Vec<(&Processor, BTreeSet<u32>)>> = BTreeMap::new();
    for (processor, devices) in provers(worker) {
        let vars = [VISIBLE, FOLDER, GPUS_PER_LOCK].map(|name| processor.var(worker, name));
        if vars.contains(&Var::Unknown) {
            out.unknown(environment_unknown(worker));
            continue;
        }
        let [_, folder, per_lock] = vars.map(Var::value);
        let has_own = per_lock.is_some_and(|count| count.parse::<usize>().is_ok()) && !worker.is_venus();
        let gpus = devices.numbers();
        if !has_own && !gpus.is_empty() {
            let folder = folder.unwrap_or(FOLDER_UNSET).trim_end_matches('/').to_owned();
            by_folder.entry(folder).or_default().push((processor, gpus));
        }
    }
    for (folder, here) in by_folder {
        let waits_for = |(one, gpus): &(&Processor, BTreeSet<u32>),
                         (other, others): &(&Processor, BTreeSet<u32>)| {
            gpus.is_disjoint(others) && !all_locked(worker, &[one, other])
        };
        let waiting: Vec<&Processor> = here
            .iter()
            .filter(|one| here.iter().any(|other| waits_for(one, other)))
            .map(|(processor, _)| *processor)
            .collect();
        if waiting.is_empty() {
            continue;
        }
        let names: Vec<String> = waiting.iter().map(|one| one.name()).collect();
        let (en, zh) = listed(&names);
        let finding = out.found(
            format!("{en} use different GPUs and take turns at one lock, `{folder}/{FILE}`"),
            format!("{zh} 使用不同的 GPU，却轮流使用同一把锁 `{folder}/{FILE}`"),
        );
        for processor in waiting {
            match processor.var(worker, FOLDER) {
                Var::Own(value) => {
                    finding.at(worker, &value.span);
                }
                _ => at_visible(finding, worker, processor),
            }
        }
        finding.mend(
            "give each GPU a folder of its own: `TMPDIR` in `envs` of its processors, a folder that is there",
            "每块 GPU 用各自的目录：在其处理器的 `envs` 中写 `TMPDIR`，目录须已存在",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::Words;
    use crate::doctor::checks::trial::{report, run_by, told};

    const CHECK: &str = "doctor/gpu-lock-file";

    #[test]
    fn different_gpus_take_turns_where_they_share_a_folder() {
        let here = "use different GPUs and take turns at one lock, `/tmp/bellman.gpu.lock`";
        let worker = Some("damocles-worker");
        // The second one's stage, what either has beside its GPU, the program, and what is found.
        type Case = (&'static str, &'static str, &'static str, Option<&'static str>, Option<&'static str>);
        let cases: [Case; 13] = [
            ("c2", "", "", worker, Some(here)),
            ("window_post", "", "TMPDIR = \"/tmp/\"", worker, Some(here)),
            ("snap_prove", "TMPDIR = \"/t/a\"", "TMPDIR = \"/t/a\"", worker, Some("`/t/a/bellman.gpu.lock`")),
            ("c2", "TMPDIR = \"/t/a\"", "TMPDIR = \"/t/b\"", worker, None),
            ("c2", "TMPDIR = \"/t/a\"", "", worker, None),
            // Trees are built without it.
            ("pc2", "", "", worker, None),
            ("snap_encode", "", "", worker, None),
            // A lock for each GPU, or none.
            ("c2", "BELLPERSON_GPUS_PER_LOCK = \"1\"", "BELLPERSON_GPUS_PER_LOCK = \"1\"", worker, None),
            ("c2", "BELLPERSON_GPUS_PER_LOCK = \"0\"", "", worker, None),
            ("c2", "BELLPERSON_GPUS_PER_LOCK = \"one\"", "", worker, Some(here)),
            ("c2", "BELLPERSON_GPUS_PER_LOCK = \"1\"", "", Some("venus-worker"), Some(here)),
            // The same GPU is to be waited for.
            ("c2", "CUDA_VISIBLE_DEVICES = \"1\"", "", worker, None),
            ("c2", "CUDA_VISIBLE_DEVICES = \"0,1\"", "", worker, None),
        ];
        for (stage, one, other, program, found) in cases {
            let envs = |device: &str, more: &str| {
                let device = format!("CUDA_VISIBLE_DEVICES = \"{device}\"");
                let all = [
                    Some(&*device).filter(|_| !more.contains("CUDA")),
                    Some(more).filter(|more| !more.is_empty()),
                ];
                all.into_iter().flatten().collect::<Vec<_>>().join(", ")
            };
            let (one, other) = (envs("0", one), envs("1", other));
            let config = format!(
                "[[processors.c2]]\nenvs = {{ {one} }}\n[[processors.{stage}]]\nenvs = {{ {other} }}\n"
            );
            let report = report(CHECK, &run_by(program, &config));
            let text = report.findings.first().map(|finding| told(finding).0);
            assert_eq!(text.is_some(), found.is_some(), "{config}: {text:?}");
            assert!(found.is_none_or(|part| text.as_ref().unwrap().contains(part)), "{text:?}");
            assert!(report.unchecked.is_empty(), "{config}");
        }
    }

    #[test]
    fn a_common_lock_shows_intent_and_an_unknown_environment_is_not_called_fine() {
        let two = "[[processors.c2]]\nlocks = [\"all\"]\nenvs = { CUDA_VISIBLE_DEVICES = \"0\" }\n\
            [[processors.c2]]\nlocks = [\"all\"]\nenvs = { CUDA_VISIBLE_DEVICES = \"1\" }\n";
        let locked = format!("[processors.ext_locks]\nall = 1\n{two}");
        assert!(report(CHECK, &run_by(None, &locked)).findings.is_empty());
        let mut facts = run_by(None, two);
        assert_eq!(report(CHECK, &facts).findings.len(), 1);
        facts.configs[0].environ = Err(Words::new("nobody knows", "未知"));
        let report = report(CHECK, &facts);
        assert!(report.findings.is_empty() && report.fine.is_empty(), "{report:?}");
        assert_eq!(report.unchecked.len(), 1);
    }
}
