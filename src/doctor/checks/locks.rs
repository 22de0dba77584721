//! `[processors.ext_locks]` and the processors that take them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::gpu::Devices;
use super::listed;
use crate::diagnostic::did_you_mean;
use crate::diagnostic::table::Located;
use crate::doctor::facts::Facts;
use crate::doctor::worker::{Processor, Worker};
use crate::doctor::{Diff, Outcome};

/// The processors that take a lock.
fn holders<'w>(worker: &'w Worker<'_>, lock: &str) -> Vec<&'w Processor> {
    let takes = |processor: &&Processor| processor.locks.iter().any(|one| one.value == lock);
    worker.processors.iter().filter(takes).collect()
}

fn is_declared(worker: &Worker<'_>, lock: &str) -> bool {
    worker.locks.iter().any(|(name, _)| name.value == lock)
}

/// Where a processor names a lock.
fn use_of<'p>(processor: &'p Processor, lock: &str) -> Option<&'p Located<String>> {
    processor.locks.iter().find(|one| one.value == lock)
}

/// `gpu2 = 2`: the number of holders, taken for the number of the GPU.
pub(super) fn value(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for (name, count) in &worker.locks {
        let digits = name.value.trim_start_matches(|c: char| !c.is_ascii_digit());
        if count.value < 2 || digits.parse() != Ok(count.value) {
            continue;
        }
        let (lock, count_of) = (&name.value, count.value);
        out.found(
            format!(
                "`{lock} = {count_of}` lets {count_of} processors hold `{lock}` at once: it is no GPU number"
            ),
            format!("`{lock} = {count_of}` 允许 {count_of} 个处理器同时持有 `{lock}`：它不是 GPU 编号"),
        )
        .at(worker, &count.span)
        .mend("a lock of one GPU has one holder", "一块 GPU 的锁只有一个持有者")
        .diff(Diff::replacing(&worker.text(), &[(count.span.clone(), "1".to_owned())]));
    }
}

/// A lock that nobody declares does not lock.
pub(super) fn undeclared(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let used: BTreeSet<&str> =
        worker.processors.iter().flat_map(|one| one.locks.iter().map(|lock| &*lock.value)).collect();
    for lock in used.into_iter().filter(|lock| !is_declared(worker, lock)) {
        let holders = holders(worker, lock);
        let names: Vec<String> = holders.iter().map(|one| one.name()).collect();
        let (en, zh) = listed(&names);
        let finding = out.found(
            format!("{en} take the lock `{lock}`, which is not declared: it locks nothing"),
            format!("{zh} 使用了未声明的锁 `{lock}`：它不起任何作用"),
        );
        let places: Vec<&Located<String>> = holders.iter().filter_map(|one| use_of(one, lock)).collect();
        places.iter().for_each(|place| {
            finding.at(worker, &place.span);
        });
        let hint = did_you_mean(lock, worker.locks.iter().map(|(name, _)| &*name.value));
        let near = hint.as_deref().and_then(|hint| hint.split('`').nth(1));
        if let Some(near) = near {
            let changes: Vec<_> =
                places.iter().map(|place| (place.span.clone(), format!("\"{near}\""))).collect();
            finding
                .mend(format!("did you mean `{near}`?"), format!("是否想写 `{near}`？"))
                .diff(Diff::replacing(&worker.text(), &changes));
        } else {
            let declared = format!("{lock} = 1");
            let last = worker.locks.last().map(|(_, count)| count.span.end);
            let new = "[processors.ext_locks]".to_owned();
            let lines = if last.is_some() { vec![declared] } else { vec![String::new(), new, declared] };
            finding.mend("declare it", "声明它").diff(Some(Diff::inserting(&worker.text(), last, &lines)));
        }
    }
}

/// A lock that nobody takes.
pub(super) fn unused(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for (name, count) in &worker.locks {
        if holders(worker, &name.value).is_empty() {
            let lock = &name.value;
            out.found(format!("no processor takes the lock `{lock}`"), format!("没有处理器使用锁 `{lock}`"))
                .at(worker, &name.span)
                .mend(
                    format!("take it out, or give the processors that it is for `locks = [\"{lock}\"]`"),
                    format!("删去它，或给相应的处理器写 `locks = [\"{lock}\"]`"),
                )
                .diff(Diff::deleting(&worker.text(), &[(name.span.clone(), count.span.clone())]));
        }
    }
}

/// A lock whose holders do not meet anywhere.
pub(super) fn single_stage(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let idle = |name: &&Located<String>| {
        let holders = holders(worker, &name.value);
        let one_stage = holders.iter().all(|one| one.stage == holders[0].stage);
        !holders.is_empty() && one_stage && (holders.len() == 1 || never_meet(worker, &holders))
    };
    let idle: Vec<&Located<String>> = worker.locks.iter().map(|(name, _)| name).filter(idle).collect();
    if idle.is_empty() {
        return;
    }
    let names: Vec<String> = idle.iter().map(|name| format!("`{}`", name.value)).collect();
    let stages: BTreeSet<String> = idle
        .iter()
        .flat_map(|name| holders(worker, &name.value))
        .map(|processor| processor.stage.to_owned())
        .collect();
    let (en, zh) = listed(&names);
    let (en_stages, zh_stages) = listed(&stages.into_iter().collect::<Vec<_>>());
    let plural = if idle.len() > 1 { "keep" } else { "keeps" };
    let finding = out.found(
        format!("{en} {plural} nothing apart: only {en_stages} takes it, and no other stage on the same GPU"),
        format!("{zh} 没有协调任何东西：只有 {zh_stages} 使用，同一 GPU 上没有其他阶段使用它"),
    );
    idle.iter().for_each(|name| {
        finding.at(worker, &name.span);
    });
    finding
        .mend(
            "a lock is for stages that share a GPU; without such stages take it out",
            "锁用于共享同一块 GPU 的不同阶段；没有这样的阶段就删去它",
        )
        .diff(without(worker, &idle));
}

/// Whether no two of them see the same GPU.
fn never_meet(worker: &Worker<'_>, processors: &[&Processor]) -> bool {
    let mut seen = BTreeSet::new();
    processors.iter().all(|processor| {
        let numbers = Devices::of(processor, worker).numbers();
        !numbers.is_empty() && numbers.into_iter().all(|number| seen.insert(number))
    })
}

/// The file without these locks.
fn without(worker: &Worker<'_>, locks: &[&Located<String>]) -> Option<Diff> {
    let gone = |name: &str| locks.iter().any(|lock| lock.value == name);
    let mut entries: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (name, count) in worker.locks.iter().filter(|(name, _)| gone(&name.value)) {
        entries.push((name.span.clone(), count.span.clone()));
    }
    for processor in worker.processors.iter().filter(|one| one.locks.iter().any(|lock| gone(&lock.value))) {
        // A list that keeps another lock is for a person to edit.
        if !processor.locks.iter().all(|lock| gone(&lock.value)) {
            return None;
        }
        entries.push(processor.locks_entry.clone()?);
    }
    Diff::deleting(&worker.text(), &entries)
}

/// A processor that works elsewhere takes a lock of this box.
pub(super) fn remote(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for processor in worker.processors.iter().filter(|processor| processor.is_remote()) {
        for lock in &processor.locks {
            let others: Vec<String> = holders(worker, &lock.value)
                .into_iter()
                .filter(|one| !one.is_remote())
                .map(Processor::name)
                .collect();
            if others.is_empty() {
                continue;
            }
            let (name, (en, zh)) = (processor.name(), listed(&others));
            let lock_name = &lock.value;
            let finding = out.found(
                format!("{name} computes elsewhere and still waits for {en} at the lock `{lock_name}`"),
                format!("{name} 在别处计算，却仍与 {zh} 争用锁 `{lock_name}`"),
            );
            finding.at(worker, &lock.span);
            let alone = processor.locks.len() == 1;
            let entry = processor.locks_entry.clone().filter(|_| alone);
            finding
                .mend("take the lock out of this processor", "从该处理器中去掉这把锁")
                .diff(entry.and_then(|entry| Diff::deleting(&worker.text(), &[entry])));
        }
    }
}

/// Two processors take the same locks in different order, or one takes a lock twice.
pub(super) fn order(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let mut follows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut twice = false;
    for processor in &worker.processors {
        let locks: Vec<&Located<String>> =
            processor.locks.iter().filter(|lock| is_declared(worker, &lock.value)).collect();
        for (index, lock) in locks.iter().enumerate() {
            for later in &locks[index + 1..] {
                if later.value == lock.value {
                    twice = true;
                    taken_twice(worker, processor, later, out);
                } else {
                    follows.entry(&lock.value).or_default().insert(&later.value);
                }
            }
        }
    }
    let Some(circle) = circle(&follows).filter(|_| !twice) else { return };
    let inside = |lock: &Located<String>| circle.contains(&&*lock.value);
    let waiting: Vec<&Processor> = worker
        .processors
        .iter()
        .filter(|processor| processor.locks.iter().filter(|lock| inside(lock)).count() > 1)
        .collect();
    let names: Vec<String> = waiting.iter().map(|one| one.name()).collect();
    let locks: Vec<String> = circle.iter().map(|lock| format!("`{lock}`")).collect();
    let ((en, zh), (en_locks, zh_locks)) = (listed(&names), listed(&locks));
    let finding = out.found(
        format!("{en} take {en_locks} in different orders: each can hold what the other waits for"),
        format!("{zh} 以不同的顺序获取 {zh_locks}：可能互相等待，永远停住"),
    );
    let mut changes = Vec::new();
    for processor in &waiting {
        let written: Vec<&Located<String>> = processor.locks.iter().filter(|lock| inside(lock)).collect();
        finding.at(worker, &written[0].span);
        let mut sorted: Vec<&str> = written.iter().map(|lock| &*lock.value).collect();
        sorted.sort_unstable();
        let moved = written.iter().zip(sorted).filter(|(lock, sorted)| lock.value != **sorted);
        changes.extend(moved.map(|(lock, sorted)| (lock.span.clone(), format!("\"{sorted}\""))));
    }
    finding
        .mend("take them in one order everywhere", "在所有处理器中按同一顺序书写")
        .diff(Diff::replacing(&worker.text(), &changes));
}

fn taken_twice(worker: &Worker<'_>, processor: &Processor, lock: &Located<String>, out: &mut Outcome) {
    let (name, lock_name) = (processor.name(), &lock.value);
    out.found(
        format!("{name} takes `{lock_name}` twice and waits for itself"),
        format!("{name} 两次获取 `{lock_name}`，会等待自己"),
    )
    .at(worker, &lock.span);
}

/// Locks that are taken in a circle, ordered by name.
fn circle<'l>(follows: &BTreeMap<&'l str, BTreeSet<&'l str>>) -> Option<BTreeSet<&'l str>> {
    let reaches = |from: &'l str| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(lock) = open.pop() {
            let next = follows.get(lock).into_iter().flatten();
            open.extend(next.filter(|next| seen.insert(**next)));
        }
        seen
    };
    let on_circle: BTreeSet<&str> =
        follows.keys().copied().filter(|lock| reaches(lock).contains(lock)).collect();
    let first = *on_circle.first()?;
    let reached = reaches(first);
    Some(
        on_circle
            .into_iter()
            .filter(|lock| reached.contains(lock) && reaches(lock).contains(first))
            .collect(),
    )
}
