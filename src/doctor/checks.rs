//! The list of checks. One file a family; each check is a pure function over facts.
//!
//! A check says what was found and where. How grave it is, why it matters and what to do stands on
//! its page, `patterns/doctor/<name>.md`.

mod binary;
mod cpuset;
mod gpu;
mod limits;
mod lock_file;
mod locks;
mod logs;
mod open_files;
mod proofs;
mod stages;
mod text;
#[cfg(test)]
pub(super) mod trial;

use super::facts::{ConfigFile, Facts};
use super::worker::Worker;
use super::{Outcome, Words};

/// One check.
#[derive(Debug)]
pub struct Check {
    /// `doctor/<name>`: the id of its page.
    pub id: &'static str,
    /// What it runs over.
    pub(super) run: Run,
}

/// What a check runs over.
#[derive(Debug)]
pub(super) enum Run {
    /// The box.
    Box(fn(&Facts, &mut Outcome)),
    /// The text of each configuration.
    File(fn(&ConfigFile, &mut Outcome)),
    /// Each configuration that can be read.
    Worker(fn(&Worker<'_>, &Facts, &mut Outcome)),
}

const fn check(id: &'static str, run: Run) -> Check {
    Check { id, run }
}

/// Every check, in the order of a report.
pub const CHECKS: &[Check] = &[
    check("doctor/config-invalid", Run::File(text::invalid)),
    check("doctor/key-unknown", Run::Worker(text::key_unknown)),
    check("doctor/env-misspelt", Run::Worker(text::env_misspelt)),
    check("doctor/gpu-index-shared", Run::Worker(gpu::index_shared)),
    check("doctor/gpu-idle", Run::Worker(gpu::idle)),
    check("doctor/gpu-out-of-range", Run::Worker(gpu::out_of_range)),
    check("doctor/gpu-list", Run::Worker(gpu::list)),
    check("doctor/gpu-unlocked", Run::Worker(gpu::unlocked)),
    check("doctor/gpu-unpinned", Run::Worker(gpu::unpinned)),
    check("doctor/gpu-inherited", Run::Worker(gpu::inherited)),
    check("doctor/gpu-disabled", Run::Worker(gpu::disabled)),
    check("doctor/gpu-builder-off", Run::Worker(stages::builder_off)),
    check("doctor/gpu-lock-file", Run::Worker(lock_file::shared)),
    check("doctor/stage-in-process", Run::Worker(stages::in_process)),
    check("doctor/lock-value", Run::Worker(locks::value)),
    check("doctor/lock-undeclared", Run::Worker(locks::undeclared)),
    check("doctor/lock-unused", Run::Worker(locks::unused)),
    check("doctor/lock-single-stage", Run::Worker(locks::single_stage)),
    check("doctor/lock-remote", Run::Worker(locks::remote)),
    check("doctor/lock-order", Run::Worker(locks::order)),
    check("doctor/limit-zero", Run::Worker(limits::zero)),
    check("doctor/limit-below-processors", Run::Worker(limits::below_processors)),
    check("doctor/limit-shadowed", Run::Worker(limits::shadowed)),
    check("doctor/stagger", Run::Worker(limits::stagger)),
    check("doctor/threads-few", Run::Worker(stages::threads_few)),
    check("doctor/stage-queue", Run::Worker(limits::queue)),
    check("doctor/cpuset-invalid", Run::Worker(cpuset::invalid)),
    check("doctor/cpuset-l3", Run::Worker(cpuset::l3)),
    check("doctor/cpuset-numa", Run::Worker(cpuset::numa)),
    check("doctor/numa-absent", Run::Worker(cpuset::numa_absent)),
    check("doctor/cpuset-overlap", Run::Worker(cpuset::overlap)),
    check("doctor/pc1-concurrent", Run::Worker(cpuset::pc1_concurrent)),
    check("doctor/binary-debug-info", Run::Box(binary::debug_info)),
    check("doctor/binary-large", Run::Box(binary::large)),
    check("doctor/build-debug-setting", Run::Box(binary::build_setting)),
    check("doctor/nofile-low", Run::Box(open_files::low)),
    check("doctor/nofile-unlimited", Run::Box(open_files::unlimited)),
    check("doctor/param-missing", Run::Worker(proofs::missing)),
    check("doctor/param-damaged", Run::Worker(proofs::damaged)),
    check("doctor/parent-cache-damaged", Run::Worker(proofs::parents_damaged)),
    check("doctor/parent-cache-missing", Run::Worker(proofs::parents_missing)),
    check("doctor/static-tree", Run::Worker(proofs::static_tree)),
    check("doctor/disk-state", Run::Box(proofs::disks)),
    check("doctor/source-unreadable", Run::Box(logs::unreadable)),
    check("doctor/source-network-fs", Run::Box(logs::network)),
    check("doctor/rotate-copytruncate", Run::Box(logs::copytruncate)),
    check("doctor/rotate-not-reopened", Run::Box(logs::not_reopened)),
    check("doctor/writer-no-append", Run::Box(logs::no_append)),
];

/// The environment that children inherit is not known.
fn environment_unknown(worker: &Worker<'_>) -> Words {
    match &worker.file.environ {
        Err(why) => why.clone(),
        Ok(_) => Words::new("the environment is not known", "环境变量未知"),
    }
}

/// `#1 and #2`, `#1, #2 and #3`.
fn joined(words: &[String], and: &str, comma: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{}{and}{last}", rest.join(comma)),
    }
}

/// The words as a list, in English and in Chinese.
fn listed(words: &[String]) -> (String, String) {
    (joined(words, " and ", ", "), joined(words, "、", "、"))
}
