//! `cgroup.cpuset` and `numa_preferred` against the processors, caches and nodes of the box.

use std::collections::BTreeSet;

use super::environment_unknown;
use crate::base::diagnostic::table::Located;
use crate::doctor::cpus::{self, Cpus};
use crate::doctor::facts::Facts;
use crate::doctor::topology::Topology;
use crate::doctor::worker::{Processor, Var, Worker};
use crate::doctor::{Diff, Outcome, Words};

/// A sentence lists so many groups, and no more.
const GROUPS_SHOWN: usize = 8;
/// Threads that prepare data beside the main one of a PC1, unless somebody says otherwise.
const PRODUCERS: usize = 3;

/// The processors that have a cpuset, with what it comes to.
fn cpusets<'w>(worker: &'w Worker<'_>) -> Vec<(&'w Processor, &'w Located<String>, Cpus)> {
    let read = |processor: &'w Processor| {
        let cpuset = processor.cpuset.as_ref()?;
        Some((processor, cpuset, cpus::parse(&cpuset.value).ok()?))
    };
    worker.processors.iter().filter_map(read).collect()
}

/// A cpuset that the kernel refuses: the child then runs wherever it likes.
pub(super) fn invalid(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    for processor in &worker.processors {
        let Some(cpuset) = &processor.cpuset else { continue };
        let (name, list) = (processor.name(), &cpuset.value);
        let cpus = match cpus::parse(list) {
            Ok(cpus) => cpus,
            Err(part) => {
                out.found(
                    format!("the cpuset `{list}` of {name} is no list of processors: `{part}`"),
                    format!("{name} 的 cpuset `{list}` 不是处理器列表：`{part}`"),
                )
                .at(worker, &cpuset.span)
                .mend("write it like `0-3,8-11`", "写成 `0-3,8-11` 的形式");
                continue;
            }
        };
        let Some(topology) = out.needs(&facts.topology) else { continue };
        let absent = topology.absent(&cpus);
        if !absent.is_empty() {
            let (absent, there) =
                (cpus::shown(&absent), cpus::shown(&topology.cpus.keys().copied().collect()));
            out.found(
                format!("the cpuset `{list}` of {name} names processors {absent}, and the box has {there}"),
                format!("{name} 的 cpuset `{list}` 含有处理器 {absent}，而本机只有 {there}"),
            )
            .at(worker, &cpuset.span);
        }
    }
}

/// PC1 takes more cores from one third-level cache than from another.
pub(super) fn l3(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    let all = cpusets(worker);
    for (processor, cpuset, cpus) in &all {
        if processor.stage != "pc1" || !processor.is_builtin() {
            continue;
        }
        let multicore = processor.var(worker, "FIL_PROOFS_USE_MULTICORE_SDR").is_on();
        if multicore == Some(false) {
            continue;
        }
        let Some(topology) = out.needs(&facts.topology) else { return };
        // What the box does not have is told as a fault of its own.
        if !topology.absent(cpus).is_empty() {
            continue;
        }
        if !topology.has_l3() {
            return out.unknown(Words::new("the kernel tells of no L3 caches", "内核没有给出 L3 缓存"));
        }
        let cores = topology.cores(cpus).len();
        let left = cores % topology.shared_caches(cpus);
        let counts: Vec<usize> = topology.by_l3(cpus).values().map(BTreeSet::len).collect();
        if left == 0 && counts.iter().all(|count| *count == counts[0]) {
            continue;
        }
        let (name, list, groups) = (processor.name(), &cpuset.value, counts.len());
        let (en, zh) = counted(&counts);
        let (en_then, zh_then) = if left > 0 {
            (
                format!("{cores} cores cannot be shared out evenly, {left} left over: PC1 panics"),
                format!("{cores} 个核无法平均分配，余 {left} 个：PC1 会崩溃"),
            )
        } else {
            (
                "cores of different caches work on one sector".to_owned(),
                "不同缓存的核会处理同一个扇区".to_owned(),
            )
        };
        let (en_if, zh_if) = match multicore {
            Some(_) => ("", ""),
            None => (", if multicore SDR is on", "（若开启了 multicore SDR）"),
        };
        let finding = out.found(
            format!("the cpuset `{list}` of {name} takes {en} cores of {groups} L3 groups: {en_then}{en_if}"),
            format!("{name} 的 cpuset `{list}` 从 {groups} 个 L3 组中分别取了 {zh} 个核：{zh_then}{zh_if}"),
        );
        finding.at(worker, &cpuset.span);
        finding.mend(
            "give it whole L3 groups, or as many cores from each",
            "给它整组的 L3，或从每组取同样多的核",
        );
        let others =
            all.iter().filter(|(other, ..)| !std::ptr::eq(*other, *processor)).map(|(.., cpus)| cpus);
        let taken: Cpus = others.flatten().copied().collect();
        let better = evened(topology, cpus, &taken);
        finding.diff(better.and_then(|better| {
            let change = (cpuset.span.clone(), format!("\"{}\"", cpus::shown(&better)));
            Diff::replacing(&worker.text(), &[change])
        }));
    }
}

/// `4 and 3`.
fn counted(counts: &[usize]) -> (String, String) {
    let mut words: Vec<String> = counts.iter().take(GROUPS_SHOWN).map(ToString::to_string).collect();
    if counts.len() > GROUPS_SHOWN {
        words.push("…".to_owned());
    }
    super::listed(&words)
}

/// The whole groups, where nobody else has a part of them; else the same number of cores of each.
fn evened(topology: &Topology, cpus: &Cpus, taken: &Cpus) -> Option<Cpus> {
    let siblings =
        |core: u32| topology.cpus.iter().filter(move |(_, cpu)| cpu.core == core).map(|(&cpu, _)| cpu);
    // Where the set has one sibling of each core, so has the better one.
    let whole = topology.whole_l3(cpus);
    let all_siblings =
        topology.cores(cpus).into_iter().all(|core| siblings(core).all(|cpu| cpus.contains(&cpu)));
    let whole: Cpus = whole
        .into_iter()
        .filter(|cpu| {
            all_siblings || cpus.contains(cpu) || topology.cpus.get(cpu).is_some_and(|it| it.core == *cpu)
        })
        .collect();
    let even = |set: &Cpus| {
        let counts: BTreeSet<usize> = topology.by_l3(set).values().map(BTreeSet::len).collect();
        counts.len() == 1 && topology.cores(set).len().is_multiple_of(topology.shared_caches(set))
    };
    if whole.is_disjoint(taken) && even(&whole) {
        return Some(whole);
    }
    let groups = topology.by_l3(cpus);
    let fewest = groups.values().map(BTreeSet::len).min()?;
    let kept: BTreeSet<u32> = groups.values().flat_map(|cores| cores.iter().take(fewest)).copied().collect();
    let fewer: Cpus = cpus
        .iter()
        .copied()
        .filter(|cpu| topology.cpus.get(cpu).is_some_and(|it| kept.contains(&it.core)))
        .collect();
    (!fewer.is_empty() && even(&fewer)).then_some(fewer)
}

/// The nodes of the box, or the word that there are none.
fn nodes<'f>(facts: &'f Facts, out: &mut Outcome) -> Option<&'f Topology> {
    let topology = out.needs(&facts.topology)?;
    if topology.nodes.is_empty() {
        out.unknown(Words::new("the kernel tells of no NUMA nodes", "内核没有给出 NUMA 节点"));
        return None;
    }
    Some(topology)
}

/// A processor whose cores and memory are of different nodes.
pub(super) fn numa(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    for (processor, cpuset, cpus) in cpusets(worker) {
        let Some(preferred) = processor.numa.as_ref().filter(|node| node.value >= 0) else { continue };
        // Memory files of every node make the node of the cores unimportant.
        let hugepages = processor.var(worker, "HUGEPAGE_FILES_PATH").value();
        let patterns = processor.var(worker, "HUGEPAGE_FILES_PATH_PATTERN").value();
        if hugepages.or(patterns).is_some() {
            continue;
        }
        let Some(topology) = nodes(facts, out) else { return };
        let Some(node) = u32::try_from(preferred.value).ok().filter(|node| topology.nodes.contains_key(node))
        else {
            continue;
        };
        if !topology.absent(&cpus).is_empty() {
            continue;
        }
        let by_node = topology.nodes_of(&cpus);
        let outside: Vec<String> = by_node
            .iter()
            .filter(|(other, _)| **other != node)
            .map(|(other, count)| format!("{count} × node {other}"))
            .collect();
        if outside.is_empty() {
            continue;
        }
        let (name, list, outside) = (processor.name(), &cpuset.value, outside.join(", "));
        let finding = out.found(
            format!("the cpuset `{list}` of {name} has processors outside NUMA node {node}: {outside}"),
            format!("{name} 的 cpuset `{list}` 有处理器不在 NUMA 节点 {node} 中：{outside}"),
        );
        finding.at(worker, &cpuset.span).at(worker, &preferred.span);
        let only = by_node.keys().next().filter(|_| by_node.len() == 1);
        match only {
            Some(only) => finding
                .mend(format!("the cores are of node {only}"), format!("这些核属于节点 {only}"))
                .diff(Diff::replacing(&worker.text(), &[(preferred.span.clone(), only.to_string())])),
            None => {
                finding.mend("take the cores from one node, and name that", "从同一个节点取核，并写该节点")
            }
        };
    }
}

/// A node that is not there.
pub(super) fn numa_absent(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    for processor in &worker.processors {
        let Some(preferred) = processor.numa.as_ref().filter(|node| node.value >= 0) else { continue };
        let Some(topology) = nodes(facts, out) else { return };
        let there = u32::try_from(preferred.value).is_ok_and(|node| topology.nodes.contains_key(&node));
        if !there {
            let (name, node) = (processor.name(), preferred.value);
            let known = cpus::shown(&topology.nodes.keys().copied().collect());
            out.found(
                format!("{name} prefers NUMA node {node}, and the box has {known}: it is passed over"),
                format!("{name} 指定 NUMA 节点 {node}，而本机只有 {known}：该设置会被忽略"),
            )
            .at(worker, &preferred.span);
        }
    }
}

/// Two processors of one stage on the same cores.
pub(super) fn overlap(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let all = cpusets(worker);
    for (index, (one, cpuset, cpus)) in all.iter().enumerate() {
        let earlier = all[..index]
            .iter()
            .find(|(other, _, others)| other.stage == one.stage && !others.is_disjoint(cpus));
        let Some((other, other_set, others)) = earlier else { continue };
        let both: Cpus = others.intersection(cpus).copied().collect();
        let (name, other_name, both) = (one.name(), other.name(), cpus::shown(&both));
        out.found(
            format!("{name} and {other_name} share the processors {both}"),
            format!("{name} 与 {other_name} 共用处理器 {both}"),
        )
        .at(worker, &cpuset.span)
        .at(worker, &other_set.span);
    }
}

/// More PC1 at once than groups of cores to bind them to.
pub(super) fn pc1_concurrent(worker: &Worker<'_>, facts: &Facts, out: &mut Outcome) {
    for (processor, _, cpus) in cpusets(worker) {
        let Some(concurrent) = processor.concurrent.as_ref().filter(|_| processor.stage == "pc1") else {
            continue;
        };
        let multicore = processor.var(worker, "FIL_PROOFS_USE_MULTICORE_SDR").is_on();
        if multicore == Some(false) || !processor.is_builtin() {
            continue;
        }
        let producers = processor.var(worker, "FIL_PROOFS_MULTICORE_SDR_PRODUCERS");
        if multicore.is_none() {
            out.unknown(environment_unknown(worker));
            continue;
        }
        let Some(topology) = out.needs(&facts.topology) else { return };
        let unit = 1 + match producers {
            // The fewest there may be, so that no box is blamed for what is not known of it.
            Var::Unknown => 1,
            known => known.value().and_then(|value| value.trim().parse().ok()).unwrap_or(PRODUCERS),
        };
        if !topology.absent(&cpus).is_empty() {
            continue;
        }
        let (cores, caches) = (topology.cores(&cpus).len(), topology.shared_caches(&cpus));
        // Older proofs bind one PC1 to each cache, newer ones as many as there is room for.
        let groups = if caches > 1 { caches.max(caches * (cores / caches / unit)) } else { cores / unit };
        let groups = groups.max(1) as u64;
        if concurrent.value > groups {
            let (name, wanted) = (processor.name(), concurrent.value);
            out.found(
                format!("{name} runs {wanted} PC1 on {cores} cores, which make {groups} groups: the others run unbound"),
                format!("{name} 在 {cores} 个核上运行 {wanted} 个 PC1，只够 {groups} 组：其余的不绑核运行"),
            )
            .at(worker, &concurrent.span)
            .mend(
                format!("at most {groups}, or more cores"),
                format!("最多 {groups} 个，或给更多的核"),
            )
            .diff(Diff::replacing(&worker.text(), &[(concurrent.span.clone(), groups.to_string())]));
        }
    }
}
