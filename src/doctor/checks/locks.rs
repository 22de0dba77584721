//! `[processors.ext_locks]` and the processors that take them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::gpu::Devices;
use super::listed;
use crate::base::diagnostic::did_you_mean;
use crate::base::diagnostic::table::Located;
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
        let finding = out.found(
            format!(
                "`{lock} = {count_of}` lets {count_of} processors hold `{lock}` at once: it is no GPU number"
            ),
            format!("`{lock} = {count_of}` 允许 {count_of} 个处理器同时持有 `{lock}`：它不是 GPU 编号"),
        );
        finding.at(worker, &count.span);
        if keeps_nothing_apart(worker, lock) {
            finding.mend(
                "it keeps nothing apart: take it out as `doctor/lock-single-stage` says, with `concurrent = 1` \
                 where one task at a time was meant",
                "它没有协调任何东西：按 `doctor/lock-single-stage` 删去它；若本意是一次一个任务，写 `concurrent = 1`",
            );
        } else if holders(worker, lock).is_empty() {
            finding.mend(
                "no processor takes it: see `doctor/lock-unused`",
                "没有处理器使用它：见 `doctor/lock-unused`",
            );
        } else {
            finding
                .mend("a lock of one GPU has one holder", "一块 GPU 的锁只有一个持有者")
                .diff(Diff::replacing(&worker.text(), &[(count.span.clone(), "1".to_owned())]));
        }
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
        if let Some(near) = near_declared(worker, lock) {
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

/// The declared lock that an undeclared one was probably meant to be.
fn near_declared(worker: &Worker<'_>, lock: &str) -> Option<String> {
    let hint = did_you_mean(lock, worker.locks.iter().map(|(name, _)| &*name.value))?;
    hint.split('`').nth(1).map(str::to_owned)
}

/// The name that somebody wrote who probably meant this lock.
fn misspelt<'w>(worker: &'w Worker<'_>, lock: &str) -> Option<&'w str> {
    let mut used = worker.processors.iter().flat_map(|one| &one.locks).map(|used| &*used.value);
    used.find(|used| !is_declared(worker, used) && near_declared(worker, used).as_deref() == Some(lock))
}

/// A lock that nobody takes.
pub(super) fn unused(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for (name, count) in &worker.locks {
        if !holders(worker, &name.value).is_empty() {
            continue;
        }
        let lock = &name.value;
        let finding =
            out.found(format!("no processor takes the lock `{lock}`"), format!("没有处理器使用锁 `{lock}`"));
        finding.at(worker, &name.span);
        if let Some(written) = misspelt(worker, lock) {
            finding.mend(
                format!("`{written}` may be meant for it: see `doctor/lock-undeclared`"),
                format!("`{written}` 可能就是指它：见 `doctor/lock-undeclared`"),
            );
        } else {
            finding
                .mend(
                    format!("take it out, or give the processors that it is for `locks = [\"{lock}\"]`"),
                    format!("删去它，或给相应的处理器写 `locks = [\"{lock}\"]`"),
                )
                .diff(Diff::deleting(&worker.text(), &[(name.span.clone(), count.span.clone())]));
        }
    }
}

/// Whether the holders of a lock do not meet anywhere. A lock of 0 keeps everything away, and one whose name is
/// misspelt somewhere has more holders than it seems.
fn keeps_nothing_apart(worker: &Worker<'_>, name: &str) -> bool {
    let holders = holders(worker, name);
    let one_stage = holders.iter().all(|one| one.stage == holders[0].stage);
    let opens = worker.locks.iter().any(|(lock, count)| lock.value == name && count.value > 0);
    !holders.is_empty()
        && opens
        && one_stage
        && (holders.len() == 1 || never_meet(worker, &holders))
        && misspelt(worker, name).is_none()
}

/// A lock whose holders do not meet anywhere.
pub(super) fn single_stage(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let names = worker.locks.iter().map(|(name, _)| name);
    let idle: Vec<&Located<String>> = names.filter(|name| keeps_nothing_apart(worker, &name.value)).collect();
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
    let caps = processors_with(worker, &idle).any(|processor| cap(worker, processor, &idle).is_some());
    let (en_cap, zh_cap) = if caps {
        (
            "; it also caps how many tasks run at once, so `concurrent` takes its place",
            "；它同时限制了一次运行的任务数，所以用 `concurrent` 代替",
        )
    } else {
        ("", "")
    };
    finding
        .mend(
            format!("a lock is for stages that share a GPU; without such stages take it out{en_cap}"),
            format!("锁用于共享同一块 GPU 的不同阶段；没有这样的阶段就删去它{zh_cap}"),
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

fn is_among(locks: &[&Located<String>], name: &str) -> bool {
    locks.iter().any(|lock| lock.value == name)
}

/// The processors that take one of these locks.
fn processors_with<'w>(
    worker: &'w Worker<'_>,
    locks: &[&Located<String>],
) -> impl Iterator<Item = &'w Processor> {
    worker.processors.iter().filter(|one| one.locks.iter().any(|lock| is_among(locks, &lock.value)))
}

/// How many tasks of a processor these locks let run at once, where nothing else of it says so.
fn cap(worker: &Worker<'_>, processor: &Processor, locks: &[&Located<String>]) -> Option<u64> {
    let taken = worker
        .locks
        .iter()
        .filter(|(name, _)| is_among(locks, &name.value) && use_of(processor, &name.value).is_some());
    let most = taken.map(|(_, count)| count.value).min()?;
    processor.concurrent.as_ref().is_none_or(|concurrent| concurrent.value > most).then_some(most)
}

/// The file without these locks, with `concurrent` where one of them was the only cap.
fn without(worker: &Worker<'_>, locks: &[&Located<String>]) -> Option<Diff> {
    let text = worker.text();
    let mut gone: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (name, count) in worker.locks.iter().filter(|(name, _)| is_among(locks, &name.value)) {
        gone.push((name.span.clone(), count.span.clone()));
    }
    let mut capped = Vec::new();
    for processor in processors_with(worker, locks) {
        // A list that keeps another lock is for a person to edit.
        if !processor.locks.iter().all(|lock| is_among(locks, &lock.value)) {
            return None;
        }
        let (key, value) = processor.locks_entry.clone()?;
        match (cap(worker, processor, locks), &processor.concurrent) {
            (Some(most), None) => capped.push((key.start..value.end, format!("concurrent = {most}"))),
            (Some(most), Some(concurrent)) => {
                gone.push((key, value));
                capped.push((concurrent.span.clone(), most.to_string()));
            }
            (None, _) => gone.push((key, value)),
        }
    }
    Diff::together(vec![Diff::deleting(&text, &gone), Diff::replacing(&text, &capped)])
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

#[cfg(test)]
mod tests {
    use crate::doctor::checks::trial::{findings, told};

    const TWO_GPUS: &str = "[processors.ext_locks]\ngpu1 = 1\ngpu2 = 2\n\
        [[processors.pc2]]\nlocks = [\"gpu1\"]\nenvs = { CUDA_VISIBLE_DEVICES = \"0\" }\n\
        [[processors.pc2]]\nlocks = [\"gpu2\"]\nenvs = { CUDA_VISIBLE_DEVICES = \"0\" }\n";

    /// What one finding says that would mend it, and the lines that would.
    fn mended(check: &str, config: &str) -> Option<(String, Vec<String>)> {
        let found = findings(check, config);
        assert!(found.len() < 2, "{found:?}");
        found.first().map(|finding| {
            let (_, mend, lines) = told(finding);
            (mend, lines)
        })
    }

    #[test]
    fn a_lock_that_keeps_nothing_apart_needs_no_other_value() {
        let (mend, lines) = mended("doctor/lock-value", TWO_GPUS).unwrap();
        assert!(mend.contains("doctor/lock-single-stage") && lines.is_empty(), "{mend} {lines:?}");
        let shared = format!("{TWO_GPUS}[[processors.c2]]\nlocks = [\"gpu2\"]\n");
        assert_eq!(mended("doctor/lock-value", &shared).unwrap().1, ["gpu2 = 1"]);
        let unused = "[processors.ext_locks]\ndisk2 = 2\n";
        let (mend, lines) = mended("doctor/lock-value", unused).unwrap();
        assert!(mend.contains("doctor/lock-unused") && lines.is_empty(), "{mend} {lines:?}");
    }

    #[test]
    fn a_lock_goes_and_its_cap_stays() {
        let one = |lock: &str, processor: &str| {
            format!("[processors.ext_locks]\n{lock}\n[[processors.pc2]]\n{processor}\n")
        };
        let cases: [(String, Option<&[&str]>); 9] = [
            (TWO_GPUS.to_owned(), Some(&["-", "-", "concurrent = 1", "concurrent = 2"])),
            (one("a = 1", "locks = [\"a\"] # why"), Some(&["-", "concurrent = 1 # why"])),
            (one("a = 2", "concurrent = 1\nlocks = [\"a\"]"), Some(&["-", "-"])),
            (one("a = 2", "concurrent = 2\nlocks = [\"a\"]"), Some(&["-", "-"])),
            (one("a = 2", "concurrent = 9\nlocks = [\"a\"]"), Some(&["-", "concurrent = 2", "-"])),
            (one("a = 2\nb = 1", "locks = [\"a\", \"b\"]"), Some(&["-", "-", "concurrent = 1"])),
            // For a person to edit.
            (one("a = 1", "locks = [\n\"a\"\n]"), Some(&[])),
            // It keeps everything away.
            (one("a = 0", "locks = [\"a\"]"), None),
            // Somebody else means it.
            (one("gpu0 = 1", "locks = [\"gpu0\"]\n[[processors.c2]]\nlocks = [\"gpu\"]"), None),
        ];
        for (config, expected) in cases {
            let found = mended("doctor/lock-single-stage", &config);
            let lines = found.as_ref().map(|(_, lines)| lines.iter().map(|line| &**line).collect::<Vec<_>>());
            assert_eq!(lines.as_deref(), expected, "{config}");
            if let Some((mend, lines)) = found {
                let says_so = mend.contains("`concurrent` takes its place");
                let does_so = lines.iter().any(|line| line.starts_with("concurrent"));
                assert!(says_so == does_so || lines.is_empty(), "{mend}\n{config}");
            }
        }
    }

    #[test]
    fn a_lock_that_a_slip_means_is_not_to_be_taken_out() {
        let config = "[processors.ext_locks]\ngpu0 = 1\n[[processors.pc2]]\nlocks = [\"gpu\"]\n";
        let (mend, lines) = mended("doctor/lock-unused", config).unwrap();
        assert!(mend.contains("doctor/lock-undeclared") && lines.is_empty(), "{mend} {lines:?}");
        assert_eq!(mended("doctor/lock-undeclared", config).unwrap().1, ["locks = [\"gpu0\"]"]);
    }
}
