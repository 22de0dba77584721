//! A replay as one page, for those who look at an incident afterwards.
//!
//! The page holds all it shows, runs nothing and asks no network, so it can be sent on and kept. Because
//! it will be, secrets in it are replaced as they are in an alert. However many findings there are, of
//! each signature a few are shown, and all are counted.

mod chapter;
mod kept;
mod markup;
mod reader;
mod timeline;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::tz::Offset;

use self::chapter::{chapter, entry};
use self::kept::Kept;
use self::markup::escape;
use self::reader::Reader;
use self::timeline::Timeline;
use super::{Span, counted, grouped, size};
use crate::base::text::clean_line;
use crate::model::alert::Lang;
use crate::model::finding::{Finding, Summary};
use crate::model::record::Names;
use crate::signature::{Catalogue, Signature};

/// How every report begins: by it a file is known to be one, which may be replaced.
pub const OPENING: &str = "<!doctype html>\n<!-- a report of sealtail -->\n";

const STYLE: &str = include_str!("html/style.css");
/// What a browser may do with the page: show it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// Files that are listed.
const FILES_SHOWN: usize = 50;

/// See the module.
#[derive(Debug)]
pub struct HtmlReport<'c> {
    catalogue: &'c Catalogue,
    lang: Lang,
    /// The zone of the first time there was: that of the whole report.
    offset: Option<Offset>,
    kept: BTreeMap<Arc<str>, Kept>,
    files: BTreeMap<String, u64>,
}

impl<'c> HtmlReport<'c> {
    /// A report in `lang` on signatures of `catalogue`.
    pub fn new(catalogue: &'c Catalogue, lang: Lang) -> HtmlReport<'c> {
        HtmlReport { catalogue, lang, offset: None, kept: BTreeMap::new(), files: BTreeMap::new() }
    }

    /// Adds a finding in the file `path`.
    pub fn add(&mut self, path: &str, finding: &Finding, names: &Names) {
        let Some(signature) = self.catalogue.get(&finding.signature) else { return };
        let kept = self.kept.entry(finding.signature.clone()).or_default();
        kept.add(&signature.group_by, path, finding, names);
        if let Some(time) = finding.near {
            let offset = *self.offset.get_or_insert(time.offset);
            kept.bars.add(time.instant.as_second() + i64::from(offset.seconds()));
        }
        match self.files.get_mut(path) {
            Some(count) => *count += 1,
            None => drop(self.files.insert(path.to_owned(), 1)),
        }
    }

    /// The page.
    pub fn render(mut self, summary: &Summary) -> String {
        let timeline = Timeline::new(self.kept.values_mut().map(|kept| &mut kept.bars));
        let reader = Reader { lang: self.lang, offset: self.offset.unwrap_or(Offset::UTC) };
        let title = title(self.kept.len(), summary.findings, reader);
        let mut out = format!(
            "{OPENING}<html lang=\"{}\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <title>sealtail · {title}</title>\n<style>\n{STYLE}</style>\n<h1>{title}</h1>\n{}",
            reader.say("en", "zh-Hans"),
            self.facts(summary, reader),
        );
        let found = self.in_order();
        if let Some(timeline) = &timeline {
            let bars = found.iter().map(|(signature, kept)| (signature.severity, &kept.bars));
            out.push_str(&timeline.chart(&bars.collect::<Vec<_>>(), reader));
        }
        out.push_str(&contents(&found, timeline.as_ref(), reader));
        let all: Vec<&Signature> = found.iter().map(|(signature, _)| *signature).collect();
        for (signature, kept) in &found {
            out.push_str(&chapter(signature, kept, &all, reader));
        }
        out.push_str(&self.files(reader));
        let version = env!("CARGO_PKG_VERSION");
        let _ = writeln!(out, "<footer>sealtail {version}</footer>\n</html>");
        out
    }

    /// The gravest first, and of these what came first.
    fn in_order(&self) -> Vec<(&Signature, &Kept)> {
        let signature = |id| self.catalogue.get(id).map(Arc::as_ref);
        let found = self.kept.iter().filter_map(|(id, kept)| Some((signature(id)?, kept)));
        let mut found: Vec<(&Signature, &Kept)> = found.collect();
        found.sort_by_key(|(signature, kept)| {
            let first = kept.span.first.map(|time| time.instant);
            (Reverse(signature.severity), first.is_none(), first)
        });
        found
    }

    /// What was read, when it was written, and what could not be read.
    fn facts(&self, summary: &Summary, reader: Reader) -> String {
        let Summary { files, lines, bytes, unreadable, .. } = summary;
        let size = size(*bytes as f64);
        let read = match reader.lang {
            Lang::En => format!("{}, {}, {size}", counted(*files, "file"), counted(*lines, "line")),
            Lang::Zh => format!("{files} 个文件，{} 行，{size}", grouped(*lines)),
        };
        let mut span = Span::default();
        self.kept.values().for_each(|kept| span.join(kept.span));
        let period = reader.period(span).map(|period| format!("{period} ({}) · ", reader.zone()));
        let mut out = format!("<p class=\"facts\">{}{read}</p>\n", period.unwrap_or_default());
        if !unreadable.is_empty() {
            let head = reader.say("Not read, or not to the end", "未能读取，或未读到末尾");
            let path = |path: &String| format!("<code>{}</code>", escape(&clean_line(path)));
            let paths: Vec<String> = unreadable.iter().map(path).collect();
            let _ = writeln!(out, "<p class=\"unread\">{head}: {}</p>", paths.join(", "));
        }
        out
    }

    /// Where the findings stand.
    fn files(&self, reader: Reader) -> String {
        if self.files.is_empty() {
            return String::new();
        }
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by_key(|(_, count)| Reverse(**count));
        let [file, count] = [("File", "文件"), ("Findings", "次数")].map(|(en, zh)| reader.say(en, zh));
        let row = |(path, count): &(&String, &u64)| {
            format!("<tr><td><code>{}</code></td><td>{count}</td></tr>\n", escape(&clean_line(path)))
        };
        let rows = files.iter().take(FILES_SHOWN).map(row).collect::<String>();
        let more = if files.len() > FILES_SHOWN { "<p class=\"note\">…</p>\n" } else { "" };
        format!(
            "<div class=\"wide\"><table>\n<tr><th>{file}</th><th>{count}</th></tr>\n{rows}</table></div>\n{more}"
        )
    }
}

fn title(kinds: usize, findings: u64, reader: Reader) -> String {
    let findings = reader.findings(findings);
    match (reader.lang, kinds) {
        (Lang::En, 0) => "No known failure".to_owned(),
        (Lang::Zh, 0) => "没有发现已知故障".to_owned(),
        (Lang::En, 1) => format!("1 kind of failure, {findings}"),
        (Lang::En, _) => format!("{kinds} kinds of failure, {findings}"),
        (Lang::Zh, _) => format!("{kinds} 种故障，共 {findings}"),
    }
}

/// A row a signature, which leads to its chapter.
fn contents(found: &[(&Signature, &Kept)], timeline: Option<&Timeline>, reader: Reader) -> String {
    if found.is_empty() {
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
    for (signature, kept) in found {
        let Signature { id, severity, .. } = signature;
        let (id, entry) = (escape(id), entry(signature, reader));
        let spark = timeline.map(|timeline| timeline.spark(&kept.bars, *severity)).unwrap_or_default();
        let [first, last] = [kept.span.first, kept.span.last].map(|time| reader.time(time));
        let (word, count) = (reader.lang.severity(*severity), grouped(kept.count));
        let _ = writeln!(
            out,
            "<tr class=\"{severity}\"><td><b>{word}</b></td>\
             <td>{entry}<br><code>{id}</code></td>\
             <td>{count}</td><td>{spark}</td><td>{first}</td><td>{last}</td></tr>"
        );
    }
    out.push_str("</table></div>\n");
    out
}
