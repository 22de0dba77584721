//! The text of a configuration: what the worker refuses, and what it passes over.

use std::ops::Range;

use crate::base::diagnostic::{Diagnostic, Excerpt, Text, did_you_mean};
use crate::doctor::facts::{ConfigFile, Facts};
use crate::doctor::keys::{self, LIMITED};
use crate::doctor::worker::Worker;
use crate::doctor::{Diff, Outcome, Place, syntax};

/// What the reader reports for a key nobody asked for.
const UNKNOWN_KEY: &str = "unknown-key";

/// The worker would not start with this file.
pub(super) fn invalid(file: &ConfigFile, out: &mut Outcome) {
    let Some(text) = out.needs(&file.text) else { return };
    let whole = Text::new(&file.path, text);
    let faults = match syntax::mended(text) {
        Ok((_, faults)) | Err(faults) => faults,
    };
    for fault in faults {
        let message = &fault.message;
        let span = fault.unquoted.clone().unwrap_or_else(|| fault.span.clone());
        let finding = out.found(
            format!("the worker refuses the file, it is not valid TOML: {message}"),
            format!("worker 会拒绝该文件，它不是合法的 TOML：{message}"),
        );
        finding.places.push(Place { path: file.path.clone(), excerpt: Some(whole.excerpt(span)) });
        if let Some(value) = fault.unquoted {
            let quoted = format!("\"{}\"", &text[value.clone()]);
            finding
                .mend("a text stands in quotes", "文本要放在引号里")
                .diff(Diff::replacing(&whole, &[(value, quoted)]));
        }
    }
    let Ok(worker) = Worker::read(file) else { return };
    for fault in worker.faults.iter().filter(|fault| fault.code != UNKNOWN_KEY) {
        let finding = out.found(
            format!("the worker refuses the file: {}", fault.message),
            format!("worker 会拒绝该文件：{}", fault.message),
        );
        finding.places.push(place(fault));
    }
}

/// Keys that the worker passes over without a word.
pub(super) fn key_unknown(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for fault in worker.faults.iter().filter(|fault| fault.code == UNKNOWN_KEY) {
        let Some(excerpt) = &fault.place else { continue };
        let span = span_of(worker, excerpt);
        let key = worker.text().text()[span.clone()].to_owned();
        let retired = keys::retired(key.trim_matches(['"', '\'']));
        let near = fault.hint.as_deref().and_then(meant).filter(|_| retired.is_none());
        let gone_in = retired.and_then(|retired| retired.gone_in);
        // A worker of that name knows it still.
        if gone_in.is_some() && worker.is_venus() {
            continue;
        }
        let (en_since, zh_since) = gone_in.map_or_else(Default::default, |release| {
            (format!("since damocles {release} "), format!("自 damocles {release} 起 "))
        });
        let finding = out.found(
            format!("{en_since}the worker does not know the key `{key}` and passes over it"),
            format!("{zh_since}worker 不认识键 `{key}`，会忽略它"),
        );
        finding.at(worker, &span);
        if let Some(retired) = retired {
            finding.mend(retired.mend.0, retired.mend.1);
        }
        if let Some(near) = near {
            finding
                .mend(format!("did you mean `{near}`?"), format!("是否想写 `{near}`？"))
                .diff(Diff::replacing(&worker.text(), &[(span, near.to_owned())]));
        }
    }
    let staggered = worker.staggered.iter().map(|(name, _)| name);
    for name in worker.limits.iter().map(|(name, _)| name).chain(staggered) {
        if LIMITED.contains(&&*name.value) {
            continue;
        }
        let hint = did_you_mean(&name.value, LIMITED);
        let near = hint.as_deref().and_then(meant);
        let finding = out.found(
            format!("no stage is called `{}`: the limit has no effect", name.value),
            format!("没有名为 `{}` 的阶段：该限制不起作用", name.value),
        );
        finding.at(worker, &name.span);
        if let Some(near) = near {
            finding
                .mend(format!("did you mean `{near}`?"), format!("是否想写 `{near}`？"))
                .diff(Diff::replacing(&worker.text(), &[(name.span.clone(), near.to_owned())]));
        }
    }
}

/// Variables that nothing reads, one slip away from one that something does.
pub(super) fn env_misspelt(worker: &Worker<'_>, _: &Facts, out: &mut Outcome) {
    for processor in &worker.processors {
        for (key, _) in &processor.envs {
            let Some(meant) = keys::near_variable(&key.value) else { continue };
            let (name, processor) = (&key.value, processor.name());
            out.found(
                format!("{processor} sets `{name}`, which nothing reads"),
                format!("{processor} 设置了 `{name}`，没有程序读取它"),
            )
            .at(worker, &key.span)
            .mend(format!("did you mean `{meant}`?"), format!("是否想写 `{meant}`？"))
            .diff(Diff::replacing(&worker.text(), &[(key.span.clone(), meant.to_owned())]));
        }
    }
}

fn place(fault: &Diagnostic) -> Place {
    Place { path: fault.path.clone(), excerpt: fault.place.clone() }
}

/// The name between the backticks of a hint that suggests one.
fn meant(hint: &str) -> Option<&str> {
    hint.strip_prefix("did you mean `")?.split('`').next()
}

/// The bytes that an excerpt underlines.
fn span_of(worker: &Worker<'_>, excerpt: &Excerpt) -> Range<usize> {
    let text = worker.text();
    let before: usize = text.text().split_inclusive('\n').take(excerpt.line - 1).map(str::len).sum();
    let bytes = |chars: usize| excerpt.text.chars().take(chars).map(char::len_utf8).sum::<usize>();
    let start = before + bytes(excerpt.column - 1);
    start..(before + bytes(excerpt.column - 1 + excerpt.width)).min(text.text().len())
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::trial::{report, run_by, told};

    #[test]
    fn keys_that_v0_9_took_away_are_known_before() {
        let gone = "since damocles v0.9 the worker does not know the key";
        for (config, program, found) in [
            ("[remote_store]\nlocation = \"/mnt\"\n", Some("damocles-worker"), Some(gone)),
            ("[remote_store]\nlocation = \"/mnt\"\n", None, Some(gone)),
            ("[remote_store]\nlocation = \"/mnt\"\n", Some("venus-worker"), None),
            ("[[processors.pc1]]\nweight = 2\n", Some("vc-worker"), None),
            ("[[processors.pc1]]\nweight = 2\n", None, Some(gone)),
            ("[[processors.pc1]]\nwait = 2\n", Some("vc-worker"), Some("the worker does not know the key")),
        ] {
            let report = report("doctor/key-unknown", &run_by(program, config));
            let text = report.findings.first().map(|finding| told(finding).0);
            assert_eq!(text.is_some(), found.is_some(), "{config} {program:?}: {text:?}");
            assert!(found.is_none_or(|part| text.as_ref().unwrap().starts_with(part)), "{text:?}");
        }
    }
}
