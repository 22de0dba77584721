//! Which processors share a core, a cache, a package and a NUMA node.

use std::collections::{BTreeMap, BTreeSet};

use super::cpus::Cpus;

/// A group that a processor belongs to.
type Group = dyn Fn(&Cpu) -> Option<u32>;

/// The processors of a box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// Every processor that is there.
    pub cpus: BTreeMap<u32, Cpu>,
    /// The NUMA nodes and their processors; empty where the kernel has no NUMA.
    pub nodes: BTreeMap<u32, Cpus>,
}

/// One processor, each group named by its lowest member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Its core: the siblings of simultaneous multithreading have the same.
    pub core: u32,
    /// Who shares its second-level cache.
    pub l2: Option<u32>,
    /// Who shares its third-level cache.
    pub l3: Option<u32>,
    /// Its package.
    pub package: u32,
}

impl Topology {
    /// Whether the kernel tells who shares a third-level cache; inside virtual machines it may not.
    pub fn has_l3(&self) -> bool {
        self.cpus.values().any(|cpu| cpu.l3.is_some())
    }

    /// The cores that `cpus` touch: one sibling is enough to see a core.
    pub fn cores(&self, cpus: &Cpus) -> BTreeSet<u32> {
        self.known(cpus).map(|cpu| cpu.core).collect()
    }

    /// Those of `cpus` that the box does not have.
    pub fn absent(&self, cpus: &Cpus) -> Cpus {
        cpus.iter().copied().filter(|cpu| !self.cpus.contains_key(cpu)).collect()
    }

    /// The cores that `cpus` touch, by the third-level cache they share.
    pub fn by_l3(&self, cpus: &Cpus) -> BTreeMap<u32, BTreeSet<u32>> {
        let mut groups: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for cpu in self.known(cpus) {
            if let Some(l3) = cpu.l3 {
                groups.entry(l3).or_default().insert(cpu.core);
            }
        }
        groups
    }

    /// Every processor of the third-level groups that `cpus` touch.
    pub fn whole_l3(&self, cpus: &Cpus) -> Cpus {
        let touched: BTreeSet<u32> = self.known(cpus).filter_map(|cpu| cpu.l3).collect();
        let inside = |cpu: &Cpu| cpu.l3.is_some_and(|l3| touched.contains(&l3));
        self.cpus.iter().filter(|(_, cpu)| inside(cpu)).map(|(&number, _)| number).collect()
    }

    /// Into how many groups the proofs divide the cores of `cpus`: the nearest level upwards that
    /// has fewer members than there are cores.
    pub fn shared_caches(&self, cpus: &Cpus) -> usize {
        let cores = self.cores(cpus).len();
        let count = |group: &Group| {
            let groups: BTreeSet<u32> = self.known(cpus).filter_map(group).collect();
            Some(groups.len()).filter(|&groups| groups > 0 && groups < cores)
        };
        let levels: [&Group; 3] = [&|cpu| cpu.l2, &|cpu| cpu.l3, &|cpu| Some(cpu.package)];
        levels.into_iter().find_map(count).unwrap_or(1)
    }

    /// The nodes that `cpus` stand in, and how many of them in each.
    pub fn nodes_of(&self, cpus: &Cpus) -> BTreeMap<u32, usize> {
        let count = |(&node, members): (&u32, &Cpus)| (node, members.intersection(cpus).count());
        self.nodes.iter().map(count).filter(|(_, count)| *count > 0).collect()
    }

    fn known<'a>(&'a self, cpus: &'a Cpus) -> impl Iterator<Item = &'a Cpu> {
        cpus.iter().filter_map(|cpu| self.cpus.get(cpu))
    }
}
