//! What a report keeps of one signature, and its chapter.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::markup::{escape, link, prose};
use super::reader::Reader;
use super::timeline::Bars;
use crate::alert::Action;
use crate::correlate::command::{self, Values, Vars};
use crate::finding::Finding;
use crate::record::{Fields, Names};
use crate::redact::{redact, redact_fields};
use crate::report::Span;
use crate::signature::Signature;
use crate::text;

/// Findings that are shown from the first on, and so many of the last.
const EXAMPLES_EACH: usize = 3;
/// Lines of a record that are shown, and characters of each.
const RECORD_LINES_MAX: usize = 40;
const LINE_CHARS_MAX: usize = 400;
/// Groups that are told apart; the findings of others are counted together.
const GROUPS_MAX: usize = 500;
const GROUPS_SHOWN: usize = 12;

/// See the module. What it takes does not grow with the findings.
#[derive(Debug, Default)]
pub(super) struct Chapter {
    pub(super) count: u64,
    pub(super) span: Span,
    pub(super) bars: Bars,
    /// By the values of `group_by`.
    groups: BTreeMap<Vec<String>, Group>,
    /// Findings of groups beyond those.
    ungrouped: u64,
    first: Vec<Example>,
    last: Vec<Example>,
}

/// Findings that share the values of `group_by`.
#[derive(Debug, Default)]
struct Group {
    /// These, without secrets.
    shown: Vec<String>,
    count: u64,
    span: Span,
}

/// A finding that is shown, without secrets.
#[derive(Debug)]
struct Example {
    /// When it was written, and how many came before it.
    at: (Option<Timestamp>, u64),
    path: String,
    line: u64,
    record: String,
    fields: Fields,
    names: Names,
}

impl Chapter {
    pub(super) fn add(&mut self, group_by: &[String], path: &str, finding: &Finding, names: &Names) {
        self.count += 1;
        self.span.add(finding.near);
        if !group_by.is_empty() {
            self.group(group_by, finding);
        }
        self.keep(path, finding, names);
    }

    fn group(&mut self, group_by: &[String], finding: &Finding) {
        let values = |fields: &Fields| -> Vec<String> {
            group_by.iter().map(|name| fields.get(name).cloned().unwrap_or_default()).collect()
        };
        let group = values(&finding.fields);
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&group) {
            self.ungrouped += 1;
            return;
        }
        let group = self.groups.entry(group).or_insert_with(|| {
            let mut fields = finding.fields.clone();
            redact_fields(&mut fields, &finding.record);
            Group { shown: values(&fields), ..Group::default() }
        });
        group.count += 1;
        group.span.add(finding.near);
    }

    /// Keeps the finding if it is one of the first or last by time; files are not read in its order.
    fn keep(&mut self, path: &str, finding: &Finding, names: &Names) {
        let at = (finding.near.map(|time| time.instant), self.count);
        let is_first = self.first.len() < EXAMPLES_EACH || self.first.last().is_some_and(|last| at < last.at);
        let is_last = self.last.len() < EXAMPLES_EACH || self.last.first().is_some_and(|first| at > first.at);
        if !is_first && !is_last {
            return;
        }
        self.first.push(Example::new(at, path, finding, names));
        self.first.sort_by_key(|example| example.at);
        if self.first.len() > EXAMPLES_EACH {
            self.last.extend(self.first.pop());
            self.last.sort_by_key(|example| example.at);
            if self.last.len() > EXAMPLES_EACH {
                self.last.remove(0);
            }
        }
    }

    /// The chapter of `signature`, in a report on `all`.
    pub(super) fn render(&self, signature: &Signature, all: &[&Signature], reader: Reader) -> String {
        let runbook = signature.runbook(reader.lang);
        let id = escape(&signature.id);
        let severity = signature.severity;
        let mut out = format!(
            "<section id=\"{id}\" class=\"{severity}\">\n<h2>{}</h2>\n<p class=\"id\"><b>{}</b> · <code>{id}</code> · {}{}</p>\n{}",
            escape(&runbook.title),
            reader.lang.severity(severity),
            reader.findings(self.count),
            reader.period(self.span).map(|period| format!(" · {period}")).unwrap_or_default(),
            prose(&runbook.meaning),
        );
        out.push_str(&relations(signature, all, reader));
        out.push_str(&self.steps(signature, reader));
        out.push_str(&self.groups(&signature.group_by, reader));
        out.push_str(&self.examples(reader));
        if !runbook.links.is_empty() {
            let links = runbook.links.iter().map(|one| format!("<li>{}</li>", link(&one.title, &one.url)));
            let head = reader.say("Read on", "参考");
            let _ = writeln!(out, "<h3>{head}</h3>\n<ul>{}</ul>", links.collect::<String>());
        }
        out.push_str("</section>\n");
        out
    }

    /// What to do, commands filled in from the newest finding.
    fn steps(&self, signature: &Signature, reader: Reader) -> String {
        let Some(newest) = self.last.last().or(self.first.last()) else { return String::new() };
        let values = Values {
            fields: &newest.fields,
            host: None,
            source: None,
            path: &newest.path,
            names: &newest.names,
            vars: &Vars::new(),
            allowed: &[],
        };
        let mut out = format!("<h3>{}</h3>\n<ol>\n", reader.say("What to do", "处理"));
        let mut open = false;
        for step in &signature.runbook(reader.lang).steps {
            let Action { text, command, unfilled, caution } = command::fill(step, &values);
            // A step without words is another command of the step before it.
            if !text.is_empty() || !open {
                out.push_str(if open { "</li>\n<li>" } else { "<li>" });
                open = true;
                out.push_str(&prose(&text));
            }
            if let Some(command) = command {
                let class = if caution { " class=\"caution\"" } else { "" };
                let _ = write!(out, "<pre{class}><code>{}</code></pre>", escape(&command));
                if caution {
                    let words = reader.say("changes or deletes something", "会更改或删除数据");
                    let _ = write!(out, "<p class=\"note\">⚠ {words}</p>");
                }
                if !unfilled.is_empty() {
                    let words = reader.say("fill in", "请填写");
                    let names: Vec<String> = unfilled.iter().map(|name| format!("&lt;{name}&gt;")).collect();
                    let _ = write!(out, "<p class=\"note\">{words}: {}</p>", names.join(", "));
                }
            }
        }
        out.push_str(if open { "</li>\n</ol>\n" } else { "</ol>\n" });
        out
    }

    /// How the findings are spread over their groups.
    fn groups(&self, names: &[String], reader: Reader) -> String {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| Reverse(group.count));
        if groups.len() < 2 {
            return String::new();
        }
        let heads = names.iter().map(|name| format!("<th>{}</th>", escape(name))).collect::<String>();
        let [count, first, last] =
            [("Findings", "次数"), ("First", "首次"), ("Last", "最近")].map(|(en, zh)| reader.say(en, zh));
        let head = reader.say("Groups", "分组");
        let mut out = format!(
            "<h3>{head}</h3>\n<div class=\"wide\"><table>\n<tr>{heads}<th>{count}</th><th>{first}</th><th>{last}</th></tr>\n"
        );
        for Group { shown, count, span } in groups.iter().take(GROUPS_SHOWN) {
            let value = |value: &String| if value.is_empty() { "–".to_owned() } else { escape(value) };
            let values = shown.iter().map(|shown| format!("<td>{}</td>", value(shown))).collect::<String>();
            let [first, last] = [span.first, span.last].map(|time| reader.time(time));
            let _ = writeln!(out, "<tr>{values}<td>{count}</td><td>{first}</td><td>{last}</td></tr>");
        }
        out.push_str("</table></div>\n");
        let rest: u64 = groups.iter().skip(GROUPS_SHOWN).map(|group| group.count).sum();
        if rest + self.ungrouped > 0 {
            let rest = reader.findings(rest + self.ungrouped);
            let words = reader.say("of other groups", "属于其他分组");
            let _ = writeln!(out, "<p class=\"note\">… {rest} {words}</p>");
        }
        out
    }

    fn examples(&self, reader: Reader) -> String {
        let shown = |examples: &[Example]| examples.iter().map(Example::render).collect::<String>();
        let skipped = self.count - (self.first.len() + self.last.len()) as u64;
        let between = match skipped {
            0 => String::new(),
            count => {
                format!(
                    "<p class=\"note\">… {} {}</p>\n",
                    reader.findings(count),
                    reader.say("between", "省略")
                )
            }
        };
        let head = reader.say("In the log", "日志");
        format!("<h3>{head}</h3>\n{}{between}{}", shown(&self.first), shown(&self.last))
    }
}

impl Example {
    fn new(at: (Option<Timestamp>, u64), path: &str, finding: &Finding, names: &Names) -> Example {
        let mut fields = finding.fields.clone();
        redact_fields(&mut fields, &finding.record);
        // As a whole, and cut only then: of half a secret nobody knows what it is.
        let record = redact(&finding.record);
        let shown = record.lines().take(RECORD_LINES_MAX);
        let shown: Vec<String> = shown.map(|line| text::cut(&text::clean(line), LINE_CHARS_MAX)).collect();
        let more = if record.lines().nth(RECORD_LINES_MAX).is_some() { "\n…" } else { "" };
        Example {
            at,
            path: path.to_owned(),
            line: finding.place.line,
            record: shown.join("\n") + more,
            fields,
            names: names.clone(),
        }
    }

    fn render(&self) -> String {
        let path = escape(&text::clean_line(&self.path));
        let (line, record) = (self.line, escape(&self.record));
        format!("<figure><figcaption>{path}:{line}</figcaption><pre>{record}</pre></figure>\n")
    }
}

/// What else there is that its page, or theirs, takes for a cause or for what comes of one.
fn relations(signature: &Signature, all: &[&Signature], reader: Reader) -> String {
    let causes = all.iter().filter(|other| other.may_explain(&signature.id));
    let followers = all.iter().filter(|other| signature.may_explain(&other.id));
    let told = |words: &str, others: Vec<&&Signature>| {
        let links = others.iter().map(|other| entry(other, reader)).collect::<Vec<_>>().join(" · ");
        if others.is_empty() { links } else { format!("<p class=\"note\">{words}: {links}</p>\n") }
    };
    told(reader.say("Possible causes", "可能的起因"), causes.collect())
        + &told(reader.say("May be the cause of", "可能由此引起"), followers.collect())
}

/// The title of a signature, which leads to its chapter.
pub(super) fn entry(signature: &Signature, reader: Reader) -> String {
    let title = escape(&signature.runbook(reader.lang).title);
    format!("<a href=\"#{}\">{title}</a>", escape(&signature.id))
}
