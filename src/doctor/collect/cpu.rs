//! Processors, caches and NUMA nodes, from `/sys/devices/system`.

use std::path::Path;

use super::root::Root;
use crate::doctor::cpus::{self, Cpus};
use crate::doctor::facts::Known;
use crate::doctor::topology::{Cpu, Topology};
use crate::doctor::words::Words;

/// No core has more caches than this.
const CACHES_MAX: usize = 16;

pub(super) fn topology(root: &Root) -> Known<Topology> {
    let system = Path::new("/sys/devices/system");
    let folder = system.join("cpu");
    let names = root.list(&folder).unwrap_or_default();
    let online = root.word(&folder.join("online")).and_then(|list| cpus::parse(&list).ok());
    let mut topology = Topology::default();
    for number in numbered(&names, "cpu") {
        if online.as_ref().is_none_or(|online| online.contains(&number)) {
            topology.cpus.insert(number, cpu(root, &folder.join(format!("cpu{number}")), number));
        }
    }
    if topology.cpus.is_empty() {
        return Err(Words::new(
            "the processors are not known: nothing in /sys/devices/system/cpu",
            "处理器未知：/sys/devices/system/cpu 中没有内容",
        ));
    }
    let nodes = system.join("node");
    for number in numbered(&root.list(&nodes).unwrap_or_default(), "node") {
        if let Some(cpus) = list(root, &nodes.join(format!("node{number}/cpulist"))) {
            topology.nodes.insert(number, cpus);
        }
    }
    Ok(topology)
}

fn cpu(root: &Root, folder: &Path, number: u32) -> Cpu {
    let topology = folder.join("topology");
    let siblings = ["core_cpus_list", "thread_siblings_list"];
    let core = siblings.iter().find_map(|name| lowest(root, &topology.join(name)));
    let package = root.word(&topology.join("physical_package_id")).and_then(|id| id.parse().ok());
    let mut cpu = Cpu { core: core.unwrap_or(number), l2: None, l3: None, package: package.unwrap_or(0) };
    let caches = folder.join("cache");
    let indices = root.list(&caches).unwrap_or_default();
    for index in indices.iter().filter(|name| name.starts_with("index")).take(CACHES_MAX) {
        let cache = caches.join(index);
        // A cache of instructions alone is shared as that of data is, or counts for nothing.
        if root.word(&cache.join("type")).as_deref() == Some("Instruction") {
            continue;
        }
        let shared = lowest(root, &cache.join("shared_cpu_list"));
        match root.word(&cache.join("level")).as_deref() {
            Some("2") => cpu.l2 = shared,
            Some("3") => cpu.l3 = shared,
            _ => {}
        }
    }
    cpu
}

/// The numbers of the folders `cpu0`, `cpu1`, …
fn numbered<'n>(names: &'n [String], word: &'n str) -> impl Iterator<Item = u32> + 'n {
    names.iter().filter_map(move |name| name.strip_prefix(word)?.parse().ok())
}

fn list(root: &Root, path: &Path) -> Option<Cpus> {
    cpus::parse(&root.word(path)?).ok()
}

fn lowest(root: &Root, path: &Path) -> Option<u32> {
    list(root, path)?.first().copied()
}
