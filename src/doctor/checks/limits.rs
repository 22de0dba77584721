//! How many tasks may run at once, and when they may start.

use std::time::Duration;

use super::listed;
use crate::doctor::facts::Facts;
use crate::doctor::keys::GPU_STAGES;
use crate::doctor::worker::{self, Worker};
use crate::doctor::{Diff, Outcome};

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

/// A zero among limits, locks and `concurrent`: whoever asks waits for ever.
pub(super) fn zero(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    let mut found = |what: String, span: &std::ops::Range<usize>, should: usize| {
        out.found(
            format!("{what} is 0: whoever asks for it waits for ever"),
            format!("{what} 为 0：请求它的任务会永远等待"),
        )
        .at(worker, span)
        .mend("give the number that may run at once", "写允许同时运行的数量")
        .diff(Diff::replacing(&worker.text(), &[(span.clone(), should.to_string())]));
    };
    for (name, count) in worker.locks.iter().filter(|(_, count)| count.value == 0) {
        found(format!("the lock `{}`", name.value), &count.span, 1);
    }
    for (name, count) in worker.limits.iter().filter(|(_, count)| count.value == 0) {
        found(format!("the limit of `{}`", name.value), &count.span, worker.of(&name.value).len().max(1));
    }
    for processor in &worker.processors {
        if let Some(count) = processor.concurrent.as_ref().filter(|count| count.value == 0) {
            found(format!("`concurrent` of {}", processor.name()), &count.span, 1);
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

/// A stagger that lets no two tasks of a stage overlap, or that the worker passes over.
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
                format!("`{stage}` starts every {text} and may be done in {minutes} minutes: no two overlap"),
                format!("`{stage}` 每 {text} 启动一个，而 {minutes} 分钟可能就已完成：不会有两个同时运行"),
            )
            .at(worker, &written.span)
            .mend(
                "make it shorter than a task takes, divided by the tasks that may run at once",
                "应短于单个任务的时长除以可同时运行的数量",
            );
        }
    }
}

/// Tasks that queue inside the worker wait for the first processor, whichever is free first.
pub(super) fn queue(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for stage in GPU_STAGES {
        let processors = worker.of(stage);
        let each: Option<Vec<u64>> =
            processors.iter().map(|one| one.concurrent.as_ref().map(|count| count.value)).collect();
        let Some(room) = each.map(|each| each.into_iter().fold(0, u64::saturating_add)) else { continue };
        let limit = worker.limit(stage).map(|limit| limit.value);
        if processors.len() < 2 || limit.is_some_and(|limit| limit <= room) {
            continue;
        }
        let names: Vec<String> = processors.iter().map(|one| one.name()).collect();
        let (en, zh) = listed(&names);
        let finding = out.found(
            format!("{en} have room for {room} tasks, and more may ask: those wait for #1, even if another is free"),
            format!("{zh} 只容得下 {room} 个任务，而请求可能更多：多出的只等 #1，即使别的已空闲"),
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
