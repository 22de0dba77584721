//! A replay as one page, for those who look at an incident afterwards.
//!
//! The page holds all it shows, runs nothing and asks no network, so it can be sent on and kept. Because
//! it will be, secrets in it are replaced as they are in an alert. However many findings there are, of
//! each failure a few are shown, and all are counted.

mod chapter;
mod reader;
mod timeline;
mod view;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use self::chapter::Chapters;
use self::reader::{Reader, anchor};
use self::timeline::{Row, Timeline};
use self::view::Places;
use super::{counted, grouped, size};
use crate::base::markup::escape;
use crate::base::text::clean_line;
use crate::model::alert::Lang;
use crate::model::finding::{Severity, Summary};
use crate::replay::Story;
use crate::replay::failures::{Failure, Part};
use crate::replay::span::Span;

/// How every report begins: by it a file is known to be one, which may be replaced.
pub const OPENING: &str = "<!doctype html>\n<!-- a report of sealtail -->\n";

const STYLE: &str = include_str!("html/style.css");
/// What a browser may do with the page: show it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// Files that are listed.
const FILES_SHOWN: usize = 50;

/// See the module.
#[derive(Debug)]
pub struct HtmlReport<'s> {
    /// What was found.
    pub story: &'s mut Story,
    /// The language of the page.
    pub lang: Lang,
    /// The box on which it is made, and when.
    pub host: &'s str,
    /// See `host`.
    pub made: jiff::Timestamp,
}

impl HtmlReport<'_> {
    /// The page.
    pub fn render(self, summary: &Summary) -> String {
        let timeline = Timeline::new(self.story.failures.iter_mut().flat_map(|failure| {
            let Failure { cause, followers, .. } = failure;
            followers.iter_mut().chain([cause]).map(|part| &mut part.bars)
        }));
        let story = &*self.story;
        let reader = Reader { lang: self.lang, zone: &story.zone };
        let title = title(story.failures.len(), summary.findings, reader);
        let places = Places::new(&story.views);
        let mut out = format!(
            "{OPENING}<html lang=\"{}\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <title>sealtail · {title}</title>\n<style>\n{STYLE}{}</style>\n<h1>{title}</h1>\n{}",
            reader.say("en", "zh-Hans"),
            places.style(),
            facts(story, summary, self.host, self.made, reader),
        );
        if let Some(timeline) = &timeline {
            out.push_str(&timeline.chart(&rows(story), reader));
        }
        let severities: BTreeSet<Reverse<Severity>> =
            story.failures.iter().map(|failure| Reverse(failure.severity)).collect();
        if !story.failures.is_empty() {
            let severities: Vec<Severity> =
                severities.into_iter().map(|Reverse(severity)| severity).collect();
            out.push_str(&view::choices(&severities, &story.views, reader));
        }
        out.push_str(&contents(story, &places, timeline.as_ref(), reader));
        let mut chapters = Chapters::new(&story.failures, &places, reader);
        story.failures.iter().for_each(|failure| out.push_str(&chapters.chapter(failure)));
        out.push_str(&view::views(&story.views, story.more_views, reader));
        out.push_str(&files(story, reader));
        let version = env!("CARGO_PKG_VERSION");
        let _ = writeln!(out, "<footer>sealtail {version}</footer>\n</html>");
        out
    }
}

/// All parts of a failure, the cause first.
fn parts(failure: &Failure) -> impl Iterator<Item = &Part> {
    [&failure.cause].into_iter().chain(&failure.followers)
}

/// The findings of each part, for the chart.
fn rows(story: &Story) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for failure in &story.failures {
        let chapter = &*failure.cause.signature.id;
        rows.extend(parts(failure).map(|part| Row {
            severity: part.signature.severity,
            chapter,
            bars: &part.bars,
        }));
    }
    rows
}

/// What was read, when it was written, what could not be read, and where the page was made.
fn facts(story: &Story, summary: &Summary, host: &str, made: jiff::Timestamp, reader: Reader<'_>) -> String {
    let Summary { files, lines, bytes, unreadable, .. } = summary;
    let size = size(*bytes as f64);
    let read = match reader.lang {
        Lang::En => format!("{}, {}, {size}", counted(*files, "file"), counted(*lines, "line")),
        Lang::Zh => format!("{files} 个文件，{} 行，{size}", grouped(*lines)),
    };
    let mut span = Span::default();
    story.failures.iter().flat_map(parts).chain(&story.held_back).for_each(|part| span.join(part.span));
    let period = reader.period(span).map(|period| format!("{period} ({}) · ", reader.zone()));
    let time = story.zone.to_datetime(made).strftime("%Y-%m-%d %H:%M").to_string();
    let made = reader.say("made", "生成于");
    let mut out = format!(
        "<p class=\"facts\">{}{read}<br>{} · {made} {time}</p>\n",
        period.unwrap_or_default(),
        escape(&clean_line(host)),
    );
    if !unreadable.is_empty() {
        let head = reader.say("Not read, or not to the end", "未能读取，或未读到末尾");
        let path = |path: &String| format!("<code>{}</code>", escape(&clean_line(path)));
        let paths: Vec<String> = unreadable.iter().map(path).collect();
        let _ = writeln!(out, "<p class=\"unread\">{head}: {}</p>", paths.join(", "));
    }
    for part in &story.held_back {
        let words = reader.say("too few for an alert", "次数未达告警阈值");
        let title = escape(&part.signature.runbook(reader.lang).title);
        let _ = writeln!(out, "<p class=\"note\">{title}: {}, {words}</p>", reader.findings(part.count));
    }
    out
}

/// Where the findings stand.
fn files(story: &Story, reader: Reader<'_>) -> String {
    if story.files.is_empty() {
        return String::new();
    }
    let mut files: Vec<_> = story.files.iter().collect();
    files.sort_by_key(|(_, count)| Reverse(**count));
    let [file, count] = [("File", "文件"), ("Findings", "次数")].map(|(en, zh)| reader.say(en, zh));
    let row = |(path, count): &(&std::sync::Arc<str>, &u64)| {
        format!("<tr><td><code>{}</code></td><td>{count}</td></tr>\n", escape(&clean_line(path)))
    };
    let rows = files.iter().take(FILES_SHOWN).map(row).collect::<String>();
    let more = if files.len() > FILES_SHOWN { "<p class=\"note\">…</p>\n" } else { "" };
    format!(
        "<div class=\"wide\"><table>\n<tr><th>{file}</th><th>{count}</th></tr>\n{rows}</table></div>\n{more}"
    )
}

fn title(kinds: usize, findings: u64, reader: Reader<'_>) -> String {
    let findings = reader.findings(findings);
    match (reader.lang, kinds) {
        (Lang::En, 0) => "No known failure".to_owned(),
        (Lang::Zh, 0) => "没有发现已知故障".to_owned(),
        (Lang::En, 1) => format!("1 kind of failure, {findings}"),
        (Lang::En, _) => format!("{kinds} kinds of failure, {findings}"),
        (Lang::Zh, _) => format!("{kinds} 种故障，共 {findings}"),
    }
}

/// A row a failure, which leads to its chapter, and what follows from it.
fn contents(story: &Story, places: &Places<'_>, timeline: Option<&Timeline>, reader: Reader<'_>) -> String {
    if story.failures.is_empty() {
        return String::new();
    }
    let heads = [
        ("", ""),
        ("Failure", "故障"),
        ("Findings", "次数"),
        ("When", "时间分布"),
        ("First", "首次"),
        ("Last", "最近"),
    ];
    let heads = heads.map(|(english, chinese)| format!("<th>{}</th>", reader.say(english, chinese))).concat();
    let mut out = format!("<div class=\"wide\"><table class=\"contents\">\n<tr>{heads}</tr>\n");
    for failure in &story.failures {
        let Failure { severity, cause, followers, .. } = failure;
        let (id, title) = (anchor(&cause.signature), escape(&cause.signature.runbook(reader.lang).title));
        let spark = timeline.map(|timeline| timeline.spark(&cause.bars, *severity)).unwrap_or_default();
        let [first, last] = [cause.span.first, cause.span.last].map(|time| reader.time(time));
        let (word, count) = (reader.lang.severity(*severity), grouped(cause.count));
        let follower = |part: &Part| {
            let title = escape(&part.signature.runbook(reader.lang).title);
            format!("<br><small>→ {}× {title}</small>", grouped(part.count))
        };
        let followers: String = followers.iter().map(follower).collect();
        let _ = writeln!(
            out,
            "<tr class=\"{severity}\"{}><td><b>{word}</b></td>\
             <td><a href=\"#{id}\">{title}</a><br><code>{id}</code>{followers}</td>\
             <td>{count}</td><td>{spark}</td><td>{first}</td><td>{last}</td></tr>",
            places.attribute(failure),
        );
    }
    out.push_str("</table></div>\n");
    out
}
