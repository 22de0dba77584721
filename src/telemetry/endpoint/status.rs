//! The status page: the box at a glance, for a person with a browser. In one language, without a script.

use std::fmt::Write as _;
use std::time::Duration;

use super::view::{View, say};
use crate::base::duration;
use crate::base::markup::escape;
use crate::base::text::{clean_line, cut};
use crate::model::alert::{Alert, Lang};
use crate::telemetry::meter::SourceState;
use crate::telemetry::overview::Muted;
use crate::telemetry::verdict::{SinkState, Verdict};

/// The content security policy: a browser shows the page and loads nothing.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("style.css");
/// A snapshot that is older than this is said to be.
const OLD: Duration = Duration::from_secs(5);
/// Characters of a record that are shown.
const RECORD_CHARS_MAX: usize = 1_000;

/// The page.
pub(super) fn page(view: &View<'_>) -> String {
    let host = line(view.host);
    let mut out = begin(view.lang, &host, true);
    let _ = write!(
        out,
        "<h1>{host}</h1>\n<p class=\"note\">sealtail {}{}</p>\n",
        env!("CARGO_PKG_VERSION"),
        as_of(view)
    );
    out.push_str(&verdict(view));
    out.push_str(&alerts(view));
    out.push_str(&sources(view));
    out.push_str(&sinks(view));
    let (other, name) = match view.lang {
        Lang::En => ("zh", "中文"),
        Lang::Zh => ("en", "English"),
    };
    let lang = view.lang.name();
    let _ = write!(
        out,
        "<footer><a href=\"?lang={other}\" hreflang=\"{other}\" lang=\"{other}\">{name}</a>\
         <a href=\"api/v1/status?lang={lang}\">/api/v1/status</a><a href=\"api/v1/alerts?lang={lang}\">/api/v1/alerts</a>\
         <a href=\"metrics\">/metrics</a><a href=\"healthz\">/healthz</a><a href=\"readyz\">/readyz</a></footer>\n</html>\n"
    );
    out
}

/// The beginning of a page, up to its style.
pub(super) fn begin(lang: Lang, title: &str, refreshes: bool) -> String {
    let refresh = if refreshes { "<meta http-equiv=\"refresh\" content=\"15\">\n" } else { "" };
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n{refresh}\
         <title>sealtail · {title}</title>\n<style>\n{STYLE}</style>\n",
        say(lang, "en", "zh-Hans"),
    )
}

/// Text on one line, as it stands in a page.
pub(super) fn line(text: &str) -> String {
    escape(&clean_line(text))
}

/// When the alerts were open.
fn as_of(view: &View<'_>) -> String {
    let Some(snapshot) = &view.snapshot else { return String::new() };
    let time = snapshot.wall.strftime("%Y-%m-%d %H:%M:%S UTC");
    let old = if view.age < OLD { String::new() } else { ago(view, view.age) };
    format!(" · {time}{}{old}", if old.is_empty() { "" } else { " · " })
}

fn ago(view: &View<'_>, time: Duration) -> String {
    let time = short(time);
    match view.lang {
        Lang::En => format!("{time} ago"),
        Lang::Zh => format!("{time} 前"),
    }
}

fn short(time: Duration) -> String {
    duration::show(Duration::from_secs(time.as_secs()))
}

fn verdict(view: &View<'_>) -> String {
    let (name, words) = (view.verdict.name(), view.verdict.words(view.lang));
    let reasons = view.reasons.iter().map(|reason| {
        format!("<li class=\"{}\">{}</li>\n", reason.verdict().name(), line(&reason.words(view.lang)))
    });
    let reasons = reasons.collect::<String>();
    let list = if reasons.is_empty() { reasons } else { format!("<ul>\n{reasons}</ul>\n") };
    format!("<div class=\"verdict {name}\"><b>{words}</b>\n{list}</div>\n")
}

fn alerts(view: &View<'_>) -> String {
    let head = view.say("Open alerts", "未解除的告警");
    let mut out = format!("<h2>{head}: {}</h2>\n", view.open());
    if view.snapshot.is_none() {
        return format!("<h2>{head}: ?</h2>\n");
    }
    out.push_str("<ul class=\"alerts\">\n");
    view.alerts().iter().for_each(|one| out.push_str(&alert(view, one)));
    out.push_str("</ul>\n");
    let more = match (view.rest(), view.lang) {
        (0, _) => String::new(),
        (rest, Lang::En) => format!("<p class=\"note\">… and {rest} more, none of them graver</p>\n"),
        (rest, Lang::Zh) => format!("<p class=\"note\">……另有 {rest} 个，级别都不更高</p>\n"),
    };
    out.push_str(&more);
    out
}

fn alert(view: &View<'_>, alert: &Alert) -> String {
    let lang = view.lang;
    let (severity, word) = (alert.severity.name(), lang.severity(alert.severity));
    let title = line(&alert.title);
    let is_known =
        view.snapshot.as_ref().is_some_and(|it| it.knowledge.catalogue.get(&alert.signature).is_some());
    let title = if is_known {
        format!("<a href=\"pages/{}?lang={lang}\">{title}</a>", line(&alert.signature))
    } else {
        title
    };
    let place = [&alert.host, &alert.source].into_iter().chain(alert.group.values());
    let place = place.map(|part| line(part)).collect::<Vec<_>>().join(" · ");
    let [first, last] = [&alert.first_seen, &alert.last_seen]
        .map(|time| view.since(time).map_or_else(|| line(time), |since| ago(view, since)));
    let count = alert.count;
    let counts = match lang {
        Lang::En if count == 1 => format!("1 finding, {first}"),
        Lang::En => format!("{count} findings, the first {first}, the last {last}"),
        Lang::Zh if count == 1 => format!("1 次，{first}"),
        Lang::Zh => format!("{count} 次，最早 {first}，最近 {last}"),
    };
    let muted = view.muted(&alert.fingerprint).map(|muted| held_back(view, muted)).unwrap_or_default();
    let record = escape(&cut(&alert.record, RECORD_CHARS_MAX));
    let summary = view.say("Newest record", "最新记录");
    format!(
        "<li class=\"{severity}\"><p><span class=\"severity\">{word}</span> {title}</p>\n<p>{place}</p>\n\
         <p class=\"note\">{counts}{muted}</p>\n<details><summary>{summary}</summary><pre>{record}</pre></details></li>\n"
    )
}

/// Why its messages are held back.
fn held_back(view: &View<'_>, muted: &Muted) -> String {
    let silenced = muted.silenced_for.map(|left| match view.lang {
        Lang::En => format!("silenced for {} more", short(left)),
        Lang::Zh => format!("静默，还有 {}", short(left)),
    });
    let acknowledged = muted.acknowledged_by.as_ref().map(|who| match view.lang {
        Lang::En => format!("{} is on it", line(who)),
        Lang::Zh => format!("{} 正在处理", line(who)),
    });
    silenced.into_iter().chain(acknowledged).map(|words| format!(" · {words}")).collect()
}

/// A class for a cell that names what is not well.
fn mark(verdict: Option<Verdict>) -> String {
    verdict.map(|verdict| format!(" class=\"{}\"", verdict.name())).unwrap_or_default()
}

fn sources(view: &View<'_>) -> String {
    let head = view.say("Sources", "来源");
    let heads = [
        ("Source", "来源"),
        ("Files", "文件"),
        ("Unread bytes", "未读字节"),
        ("Behind", "落后"),
        ("Silent", "沉默"),
    ];
    let row = |source: &SourceState| {
        let grave = view.reasons.iter().filter(|reason| reason.source() == Some(&source.name));
        let mark = mark(grave.map(|reason| reason.verdict()).max());
        let silent = source.silent_for.map_or_else(|| "–".to_owned(), short);
        format!(
            "<tr><td{mark}>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{silent}</td></tr>\n",
            line(&source.name),
            source.files,
            source.unread,
            short(source.lag),
        )
    };
    table(view, head, &heads, view.facts.sources.iter().map(row).collect())
}

fn sinks(view: &View<'_>) -> String {
    let head = view.say("Sinks", "接收方");
    let heads = [
        ("Sink", "接收方"),
        ("State", "状态"),
        ("Waiting", "待发"),
        ("Refused", "被拒"),
        ("Delivered", "已送达"),
    ];
    let row = |sink: &SinkState| {
        let state = match (sink.parked, sink.failing) {
            (true, _) => view.say("parked", "已停用"),
            (false, true) => view.say("failing", "失败中"),
            (false, false) => view.say("ok", "正常"),
        };
        let grave = view.reasons.iter().filter(|reason| reason.sink() == Some(&sink.name));
        let mark = mark(grave.map(|reason| reason.verdict()).max());
        format!(
            "<tr><td{mark}>{}</td><td>{state}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            line(&sink.name),
            sink.waiting,
            sink.dead,
            sink.delivered,
        )
    };
    table(view, head, &heads, view.facts.sinks.iter().map(row).collect())
}

fn table(view: &View<'_>, head: &str, heads: &[(&'static str, &'static str)], rows: String) -> String {
    let heads = heads.iter().map(|(english, chinese)| format!("<th>{}</th>", view.say(english, chinese)));
    let heads = heads.collect::<String>();
    format!("<h2>{head}</h2>\n<table>\n<tr>{heads}</tr>\n{rows}</table>\n")
}

#[cfg(test)]
mod tests;
