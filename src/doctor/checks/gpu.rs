//! Which processor sees which GPU.

use std::collections::{BTreeMap, BTreeSet};

use super::{environment_unknown, joined, listed};
use crate::doctor::facts::Facts;
use crate::doctor::keys::{BELLPERSON_STAGES, GPU_STAGES};
use crate::doctor::worker::{Processor, Var, Worker};
use crate::doctor::{Diff, Finding, Outcome, Words};

pub(super) const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
const NO_GPU: &str = "BELLMAN_NO_GPU";

/// The GPUs that a processor's child sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Devices {
    /// Nothing narrows them down.
    All,
    /// The environment that says it is not known.
    Unknown,
    /// These; `None` for one that is named otherwise than by its number.
    These(Vec<Option<u32>>),
}

impl Devices {
    pub(super) fn of(processor: &Processor, worker: &Worker<'_>) -> Devices {
        match processor.var(worker, VISIBLE) {
            Var::Unset => Devices::All,
            Var::Unknown => Devices::Unknown,
            known => Devices::parse(known.value().unwrap_or_default()),
        }
    }

    fn parse(list: &str) -> Devices {
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        Devices::These(names.map(|name| name.parse().ok()).collect())
    }

    /// The numbers among them.
    pub(super) fn numbers(&self) -> BTreeSet<u32> {
        match self {
            Devices::These(devices) => devices.iter().copied().flatten().collect(),
            Devices::All | Devices::Unknown => BTreeSet::new(),
        }
    }

    /// The number of the only one.
    fn only(&self) -> Option<u32> {
        match self {
            Devices::These(devices) => {
                devices.iter().copied().next().flatten().filter(|_| devices.len() == 1)
            }
            Devices::All | Devices::Unknown => None,
        }
    }
}

/// The GPU stages that the plans of the sealing threads come to.
pub(super) fn gpu_stages_in_use(worker: &Worker<'_>) -> Vec<&'static str> {
    let plans: [(&str, &[&'static str]); 3] = [
        ("sealer", &["pc2", "c2"]),
        ("snapup", &["snap_encode", "snap_prove"]),
        ("wdpost", &["window_post"]),
    ];
    let used = plans.into_iter().filter(|(plan, _)| worker.plans(plan));
    used.flat_map(|(_, stages)| stages.iter().copied()).collect()
}

/// The processors that compute on a GPU of this box, and what they see.
pub(super) fn users<'w>(worker: &'w Worker<'_>) -> Vec<(&'w Processor, Devices)> {
    let users = worker.processors.iter().filter(|processor| processor.uses_gpu());
    users.map(|processor| (processor, Devices::of(processor, worker))).collect()
}

/// Those of them that bellperson computes in the worker's own program.
pub(super) fn provers<'w>(worker: &'w Worker<'_>) -> Vec<(&'w Processor, Devices)> {
    let mut users = users(worker);
    users.retain(|(processor, _)| BELLPERSON_STAGES.contains(&processor.stage) && processor.is_builtin());
    users
}

/// Puts the place where a processor says what it sees, or the processor itself.
pub(super) fn at_visible(finding: &mut Finding, worker: &Worker<'_>, processor: &Processor) {
    match processor.var(worker, VISIBLE) {
        Var::Own(value) => finding.at(worker, &value.span),
        _ => finding.at(worker, &processor.span),
    };
}

/// Processors of one stage that see the same one GPU while another is idle, or may be.
struct Shared<'w> {
    gpu: u32,
    processors: Vec<&'w Processor>,
    /// GPUs that nobody sees, where the box's are known.
    idle: Option<Vec<u32>>,
}

fn shared<'w>(worker: &'w Worker<'_>, facts: &Facts) -> Vec<Shared<'w>> {
    let users = users(worker);
    let seen: BTreeSet<u32> = users.iter().flat_map(|(_, devices)| devices.numbers()).collect();
    let everything = users.iter().any(|(_, devices)| *devices == Devices::All);
    let idle: Option<Vec<u32>> = facts.gpus.as_ref().ok().map(|gpus| {
        let gpus = 0..u32::try_from(gpus.len()).unwrap_or(u32::MAX);
        gpus.filter(|gpu| !everything && !seen.contains(gpu)).collect()
    });
    let mut found = Vec::new();
    for stage in GPU_STAGES {
        let mut by_gpu: BTreeMap<u32, Vec<&Processor>> = BTreeMap::new();
        for (processor, devices) in users.iter().filter(|(processor, _)| processor.stage == stage) {
            if let Some(gpu) = devices.only() {
                by_gpu.entry(gpu).or_default().push(processor);
            }
        }
        for (gpu, processors) in by_gpu.into_iter().filter(|(_, processors)| processors.len() > 1) {
            let suspicious = match &idle {
                Some(idle) => !idle.is_empty(),
                // Several encoders on one GPU are good advice, and a common lock shows intent.
                None => stage != "snap_encode" && !all_locked(worker, &processors),
            };
            if suspicious {
                found.push(Shared { gpu, processors, idle: idle.clone() });
            }
        }
    }
    found
}

/// Whether all of them take one lock that only one may hold.
pub(super) fn all_locked(worker: &Worker<'_>, processors: &[&Processor]) -> bool {
    let takes = |processor: &Processor, lock: &str| processor.locks.iter().any(|one| one.value == lock);
    let single = worker.locks.iter().filter(|(_, holders)| holders.value == 1);
    single.map(|(name, _)| name).any(|name| processors.iter().all(|one| takes(one, &name.value)))
}

/// Two processors of one stage see the same GPU, and another is idle.
pub(super) fn index_shared(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    for Shared { gpu, processors, idle } in shared(worker, facts) {
        let names: Vec<String> = processors.iter().map(|one| one.name()).collect();
        let (en, zh) = listed(&names);
        let free: Vec<u32> = idle.clone().unwrap_or_else(|| (0..64).filter(|&other| other != gpu).collect());
        let (en_idle, zh_idle) = match &idle {
            Some(idle) => {
                let idle: Vec<String> = idle.iter().map(ToString::to_string).collect();
                (format!("GPU {} stays idle", idle.join(", ")), format!("GPU {} 一直空闲", idle.join("、")))
            }
            None => ("a second GPU stays idle".to_owned(), "第二块 GPU 会一直空闲".to_owned()),
        };
        let finding = out.found(
            format!("{en} see only GPU {gpu}: {en_idle}"),
            format!("{zh} 都只能看到 GPU {gpu}：{zh_idle}"),
        );
        // The first may keep its GPU; the others are the ones to look at.
        for processor in processors[1..].iter().chain(&processors[..1]) {
            at_visible(finding, worker, processor);
        }
        let moved = processors[1..].iter().zip(free).filter_map(|(processor, gpu)| {
            let Var::Own(value) = processor.var(worker, VISIBLE) else { return None };
            Some((value.span.clone(), format!("\"{gpu}\"")))
        });
        let moved: Vec<_> = moved.collect();
        finding
            .mend("give each processor a GPU of its own", "给每个处理器各自的 GPU")
            .diff(Diff::replacing(&worker.text(), &moved).filter(|_| !moved.is_empty()));
    }
}

/// A GPU that no processor sees.
pub(super) fn idle(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let users = users(worker);
    if users.is_empty() || !shared(worker, facts).is_empty() {
        return;
    }
    let Some(gpus) = out.needs(&facts.gpus) else { return };
    if users.iter().any(|(_, devices)| *devices == Devices::Unknown) {
        return out.unknown(environment_unknown(worker));
    }
    let everything = users.iter().any(|(_, devices)| {
        *devices == Devices::All || matches!(devices, Devices::These(these) if these.contains(&None))
    });
    // A stage without processors runs in the daemon, which sees what the daemon sees.
    let in_process = gpu_stages_in_use(worker).iter().any(|stage| worker.of(stage).is_empty());
    if everything || in_process {
        return;
    }
    let seen: BTreeSet<u32> = users.iter().flat_map(|(_, devices)| devices.numbers()).collect();
    for (number, name) in gpus.iter().enumerate() {
        if u32::try_from(number).is_ok_and(|number| !seen.contains(&number)) {
            let finding = out.found(
                format!("no processor sees GPU {number} ({name})"),
                format!("没有处理器能看到 GPU {number}（{name}）"),
            );
            users.iter().for_each(|(processor, _)| at_visible(finding, worker, processor));
        }
    }
}

/// A processor is shown a GPU that is not there, or none.
pub(super) fn out_of_range(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let users = users(worker);
    if users.iter().any(|(_, devices)| *devices == Devices::Unknown) {
        out.unknown(environment_unknown(worker));
    }
    for (processor, devices) in users {
        let Devices::These(these) = &devices else { continue };
        let value = processor.var(worker, VISIBLE).value().unwrap_or_default();
        let name = processor.name();
        if these.is_empty() || value.trim().starts_with('-') {
            let finding = out.found(
                format!("{name} sees no GPU at all: `{VISIBLE}` is `{value}`"),
                format!("{name} 看不到任何 GPU：`{VISIBLE}` 为 `{value}`"),
            );
            at_visible(finding, worker, processor);
            continue;
        }
        let Some(gpus) = out.needs(&facts.gpus) else { return };
        let absent = devices.numbers().into_iter().find(|&gpu| gpu as usize >= gpus.len());
        if let Some(absent) = absent {
            let count = gpus.len();
            let finding = out.found(
                format!("{name} is to use GPU {absent}, and the box has {count} (numbered from 0)"),
                format!("{name} 指定了 GPU {absent}，而本机有 {count} 块（从 0 编号）"),
            );
            at_visible(finding, worker, processor);
        }
    }
}

/// A list of GPUs for a stage that uses the first.
pub(super) fn list(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for (processor, devices) in users(worker) {
        let Devices::These(these) = &devices else { continue };
        if processor.stage == "pc2" && processor.is_builtin() && these.len() > 1 {
            let (name, count) = (processor.name(), these.len());
            let finding = out.found(
                format!("{name} sees {count} GPUs and builds its trees on one"),
                format!("{name} 能看到 {count} 块 GPU，却只用一块建树"),
            );
            at_visible(finding, worker, processor);
            finding.mend(
                "one `[[processors.pc2]]` for each GPU, each with one number",
                "每块 GPU 写一个 `[[processors.pc2]]`，各给一个编号",
            );
        }
    }
}

/// Two stages on one GPU, and nothing keeps them apart.
pub(super) fn unlocked(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    // An encoder needs so little of a GPU that several on one, beside others, are good advice.
    let users: Vec<(&Processor, Devices)> =
        users(worker).into_iter().filter(|(processor, _)| processor.stage != "snap_encode").collect();
    if users.iter().any(|(_, devices)| *devices == Devices::Unknown) {
        out.unknown(environment_unknown(worker));
    }
    let gpus: BTreeSet<u32> = users.iter().flat_map(|(_, devices)| devices.numbers()).collect();
    for gpu in gpus {
        let here: Vec<&Processor> = users
            .iter()
            .filter(|(_, devices)| devices.numbers().contains(&gpu))
            .map(|(one, _)| *one)
            .collect();
        let apart = |one: &&Processor, other: &&Processor| {
            one.stage == other.stage || all_locked(worker, &[one, other])
        };
        let together: Vec<&Processor> =
            here.iter().filter(|one| here.iter().any(|other| !apart(one, other))).copied().collect();
        if together.is_empty() {
            continue;
        }
        let names: Vec<String> = together.iter().map(|one| one.name()).collect();
        let (en, zh) = listed(&names);
        let finding = out.found(
            format!("{en} use GPU {gpu} at the same time: no lock keeps them apart"),
            format!("{zh} 会同时使用 GPU {gpu}：没有共同的锁"),
        );
        together.iter().for_each(|processor| at_visible(finding, worker, processor));
        let lock = format!("gpu{gpu}");
        finding.mend(
            format!("declare `{lock} = 1` in `[processors.ext_locks]` and give each of them `locks = [\"{lock}\"]`"),
            format!("在 `[processors.ext_locks]` 中声明 `{lock} = 1`，并给它们各写 `locks = [\"{lock}\"]`"),
        );
    }
}

/// Several processors of a stage that uses the first GPU it sees, and one is told none.
pub(super) fn unpinned(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let pc2: Vec<(&Processor, Devices)> =
        users(worker).into_iter().filter(|(one, _)| one.stage == "pc2" && one.is_builtin()).collect();
    if pc2.len() < 2 {
        return;
    }
    let Some(gpus) = out.needs(&facts.gpus).filter(|gpus| gpus.len() > 1) else { return };
    if pc2.iter().any(|(_, devices)| *devices == Devices::Unknown) {
        out.unknown(environment_unknown(worker));
    }
    let free: Vec<&Processor> =
        pc2.iter().filter(|(_, devices)| *devices == Devices::All).map(|(one, _)| *one).collect();
    if free.is_empty() {
        return;
    }
    let names: Vec<String> = free.iter().map(|one| one.name()).collect();
    let (en, zh) = (joined(&names, " and ", ", "), joined(&names, "、", "、"));
    let count = gpus.len();
    let finding = out.found(
        format!("{en}: no GPU is named, so the first of {count} is used"),
        format!("{zh}：没有指定 GPU，于是使用 {count} 块中的第一块"),
    );
    free.iter().for_each(|processor| {
        finding.at(worker, &processor.span);
    });
    finding.mend(
        format!("name one for each: `envs = {{ {VISIBLE} = \"0\" }}`, `\"1\"`, …"),
        format!("给每个指定一块：`envs = {{ {VISIBLE} = \"0\" }}`、`\"1\"`……"),
    );
}

/// The daemon's own choice of GPUs reaches its children.
pub(super) fn inherited(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let mut heirs = Vec::new();
    let mut value = "";
    for processor in worker.processors.iter().filter(|processor| processor.uses_gpu()) {
        match processor.var(worker, VISIBLE) {
            Var::Inherited(inherited) => {
                value = inherited;
                heirs.push(processor);
            }
            Var::Unknown => out.unknown(environment_unknown(worker)),
            Var::Own(_) | Var::Unset => {}
        }
    }
    if heirs.is_empty() {
        return;
    }
    let names: Vec<String> = heirs.iter().map(|one| one.name()).collect();
    let (en, zh) = listed(&names);
    let finding = out.found(
        format!("{en}: the daemon runs with `{VISIBLE}={value}`, and its children inherit that"),
        format!("{zh}：守护进程带着 `{VISIBLE}={value}` 运行，子进程会继承它"),
    );
    heirs.iter().for_each(|processor| {
        finding.at(worker, &processor.span);
    });
    finding.mend(
        "name the GPU in `envs` of each processor, or take the variable out of the daemon's environment",
        "在每个处理器的 `envs` 中指定 GPU，或从守护进程的环境中去掉该变量",
    );
}

/// The proofs are told to leave the GPU alone.
pub(super) fn disabled(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for (processor, _) in provers(worker) {
        let var = processor.var(worker, NO_GPU);
        let Some(value) = var.value() else {
            if var == Var::Unknown {
                out.unknown(environment_unknown(worker));
            }
            continue;
        };
        let name = processor.name();
        // Nothing else is taken for no, `false` neither.
        let off = value == "0";
        let words = if off {
            Words::new(
                format!(
                    "{name} sets `{NO_GPU} = \"{value}\"`: up to damocles v0.8 any value turns the GPU off"
                ),
                format!("{name} 设置了 `{NO_GPU} = \"{value}\"`：damocles v0.8 及以前任何值都会关闭 GPU"),
            )
        } else {
            Words::new(
                format!("{name} computes on the CPU: `{NO_GPU}` is set"),
                format!("{name} 用 CPU 计算：设置了 `{NO_GPU}`"),
            )
        };
        // Since v0.9 this value means what it says.
        if off && worker.file.program.as_deref() == Some("damocles-worker") {
            out.unknown(Words::new(
                format!("`{NO_GPU} = \"{value}\"` is harmless since damocles v0.9; the version is not known"),
                format!("自 damocles v0.9 起 `{NO_GPU} = \"{value}\"` 无害；版本未知"),
            ));
            continue;
        }
        let finding = out.found("", "");
        finding.found = words;
        let span = match var {
            Var::Own(value) => value.span.clone(),
            _ => processor.span.clone(),
        };
        finding.at(worker, &span).mend(format!("take `{NO_GPU}` out"), format!("去掉 `{NO_GPU}`"));
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::trial::{report, run_by};

    #[test]
    fn only_what_bellperson_computes_heeds_its_variable() {
        let damocles = Some("damocles-worker");
        for (stage, value, program, found, unknown) in [
            ("c2", "1", None, 1, 0),
            ("snap_prove", "1", damocles, 1, 0),
            ("window_post", "", damocles, 1, 0),
            ("pc2", "1", None, 0, 0),
            ("snap_encode", "1", None, 0, 0),
            // Releases differ in this value alone.
            ("c2", "0", None, 1, 0),
            ("c2", "0", Some("venus-worker"), 1, 0),
            ("c2", "0", damocles, 0, 1),
            ("c2", "false", damocles, 1, 0),
        ] {
            let config = format!("[[processors.{stage}]]\nenvs = {{ BELLMAN_NO_GPU = \"{value}\" }}\n");
            let report = report("doctor/gpu-disabled", &run_by(program, &config));
            let counts = (report.findings.len(), report.unchecked.len());
            assert_eq!(counts, (found, unknown), "{stage} {value} {program:?}");
        }
    }
}
