//! How many tasks may run at once, and when they may start.

use std::time::Duration;

use super::listed;
use crate::doctor::facts::Facts;
use crate::doctor::keys::GPU_STAGES;
use crate::doctor::worker::{self, Worker};
use crate::doctor::{Diff, Outcome, Words};

/// The worker passes over a shorter stagger.
const STAGGER_MIN: Duration = Duration::from_secs(1);
/// How many minutes a task of 32 GiB takes on good hardware: the shortest it may be.
const MINUTES: [(&str, u64); 8] = [
    ("add_pieces", 3),
    ("tree_d", 1),
    ("pc1", 177),
    ("pc2", 10),
    ("c2", 13),
    ("snap_encode", 3),
    ("snap_prove", 3),
    ("window_post", 4),
];

/// A zero among limits, locks and `concurrent`: whoever asks waits for ever, or the worker does not start.
pub(super) fn zero(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let mut found = |words: Words, span: &std::ops::Range<usize>, should: usize| {
        let finding = out.found("", "");
        finding.found = words;
        finding
            .at(worker, span)
            .mend("give the number that may run at once", "写允许同时运行的数量")
            .diff(Diff::replacing(&worker.text(), &[(span.clone(), should.to_string())]));
    };
    let waits = |en: String, zh: String| {
        Words::new(
            format!("{en} is 0: whoever asks for it waits for ever"),
            format!("{zh} 为 0：请求它的任务会永远等待"),
        )
    };
    for (name, count) in worker.locks.iter().filter(|(_, count)| count.value == 0) {
        let lock = &name.value;
        found(waits(format!("the lock `{lock}`"), format!("锁 `{lock}`")), &count.span, 1);
    }
    for (name, count) in worker.limits.iter().filter(|(_, count)| count.value == 0) {
        let stage = &name.value;
        let words = waits(format!("the limit of `{stage}`"), format!("`{stage}` 的限制"));
        found(words, &count.span, worker.of(stage).len().max(1));
    }
    for processor in &worker.processors {
        if let Some(count) = processor.concurrent.as_ref().filter(|count| count.value == 0) {
            let name = processor.name();
            let words = Words::new(
                format!(
                    "`concurrent` of {name} is 0: up to damocles v0.8 the worker does not start with it, and later \
                     a task that is to run there waits for ever"
                ),
                format!(
                    "{name} 的 `concurrent` 为 0：damocles v0.8 及以前 worker 无法启动，之后的版本中分到它的任务会永远等待"
                ),
            );
            found(words, &count.span, 1);
        }
    }
}

/// More processors than tasks that may run.
pub(super) fn below_processors(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for (name, limit) in &worker.limits {
        let processors = worker.of(&name.value);
        let count = processors.len();
        if limit.value == 0 || limit.value >= count as u64 {
            continue;
        }
        let (stage, limit_of, idle) = (&name.value, limit.value, count as u64 - limit.value);
        out.found(
            format!(
                "at most {limit_of} `{stage}` may run, and {count} processors are there: {idle} always idle"
            ),
            format!("最多运行 {limit_of} 个 `{stage}`，而处理器有 {count} 个：总有 {idle} 个空闲"),
        )
        .at(worker, &limit.span)
        .mend(
            "let the limit be the number of processors, times their `concurrent`",
            "限制应为处理器的数量，乘以它们的 `concurrent`",
        )
        .diff(Diff::replacing(&worker.text(), &[(limit.span.clone(), count.to_string())]));
    }
}

/// Both tables of limits: the older one counts for nothing.
pub(super) fn shadowed(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    if let Some(span) = &worker.shadowed {
        out.found(
            "`processors.limit` has no effect: `processors.limitation.concurrent` replaces it as a whole",
            "`processors.limit` 不起作用：`processors.limitation.concurrent` 整个取代了它",
        )
        .at(worker, span)
        .mend("move its lines to the newer table", "把其中的行移到较新的表中");
    }
}

/// A stagger as long as a task, so that hardly two of a stage overlap, or one that the worker passes over.
pub(super) fn stagger(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for (name, written) in &worker.staggered {
        let (stage, text) = (&name.value, &written.value);
        let Some(stagger) = worker::duration(text) else {
            out.found(
                format!("the worker refuses `{text}`: it is no duration such as `5min`"),
                format!("worker 会拒绝 `{text}`：它不是 `5min` 这样的时长"),
            )
            .at(worker, &written.span);
            continue;
        };
        if stagger < STAGGER_MIN {
            out.found(
                format!("a stagger of {text} is shorter than a second: the worker passes over it"),
                format!("间隔 {text} 不足一秒：worker 会忽略它"),
            )
            .at(worker, &written.span);
            continue;
        }
        let shortest = MINUTES.iter().find(|(known, _)| known == stage).map(|(_, minutes)| *minutes);
        let several = worker.of(stage).len() > 1 || worker.limit(stage).is_some_and(|limit| limit.value > 1);
        if let Some(minutes) = shortest.filter(|minutes| several && stagger.as_secs() >= minutes * 60) {
            out.found(
                format!("`{stage}` may be done in {minutes} minutes and starts one every {text}: hardly two overlap"),
                format!("`{stage}` 每 {text} 启动一个，而 {minutes} 分钟可能就已完成：很少会有两个同时运行"),
            )
            .at(worker, &written.span)
            .mend(
                "make it shorter than a task takes, divided by the tasks that may run at once",
                "应短于单个任务的时长除以可同时运行的数量",
            );
        }
    }
}

/// Tasks that queue inside the worker wait for one processor, whichever is free first.
pub(super) fn queue(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for stage in GPU_STAGES {
        let processors = worker.of(stage);
        let each: Option<Vec<u64>> =
            processors.iter().map(|one| one.concurrent.as_ref().map(|count| count.value)).collect();
        // A zero among them is told as a fault of its own.
        let each = each.filter(|each| !each.contains(&0));
        let Some(room) = each.map(|each| each.into_iter().fold(0, u64::saturating_add)) else { continue };
        let limit = worker.limit(stage).map(|limit| limit.value);
        if processors.len() < 2 || limit.is_some_and(|limit| limit <= room) {
            continue;
        }
        let names: Vec<String> = processors.iter().map(|one| one.name()).collect();
        let (en, zh) = listed(&names);
        let finding = out.found(
            format!(
                "{en} have room for {room} tasks, and more may ask: each of those waits for one of them, even if \
                 another is free (since damocles v0.9 for #1, before for one drawn at random)"
            ),
            format!(
                "{zh} 只容得下 {room} 个任务，而请求可能更多：多出的每个只等其中一个，即使别的已空闲\
                （damocles v0.9 起等 #1，之前随机选一个）"
            ),
        );
        match worker.limit(stage) {
            Some(limit) => finding
                .at(worker, &limit.span)
                .diff(Diff::replacing(&worker.text(), &[(limit.span.clone(), room.to_string())])),
            None => finding.at(worker, &processors[0].span),
        };
        finding.mend(
            format!("`{stage} = {room}` in `[processors.limitation.concurrent]`"),
            format!("在 `[processors.limitation.concurrent]` 中写 `{stage} = {room}`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::trial::{findings, told};

    #[test]
    fn what_differs_between_releases_is_said() {
        let two = "[[processors.pc2]]\nconcurrent = 1\n[[processors.pc2]]\nconcurrent = 1\n";
        let limit = "[processors.limitation.concurrent]\n";
        let stagger = "[processors.limitation.staggered]\npc2 = \"1h\"\n";
        for (check, config, parts) in [
            ("doctor/limit-zero", format!("{limit}pc2 = 0\n"), ["limit of `pc2` is 0", "waits for ever"]),
            (
                "doctor/limit-zero",
                "[[processors.pc2]]\nconcurrent = 0\n".to_owned(),
                ["up to damocles v0.8 the worker does not start", "later a task that is to run there"],
            ),
            (
                "doctor/stage-queue",
                two.to_owned(),
                ["since damocles v0.9 for #1", "before for one drawn at random"],
            ),
            ("doctor/stagger", format!("{stagger}{two}"), ["starts one every 1h", "hardly two overlap"]),
        ] {
            let found = findings(check, &config);
            assert_eq!(found.len(), 1, "{config}");
            let (text, ..) = told(&found[0]);
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
    }

    #[test]
    fn a_zero_is_told_once() {
        let two = "[processors.limitation.concurrent]\npc2 = 1\n\
            [[processors.pc2]]\nconcurrent = 0\n[[processors.pc2]]\nconcurrent = 0\n";
        assert!(findings("doctor/stage-queue", two).is_empty());
        assert_eq!(findings("doctor/limit-zero", two).len(), 2);
    }
}
