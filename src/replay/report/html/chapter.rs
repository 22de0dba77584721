//! The chapter of one signature: what it means, what to do, and where it stands.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::kept::{Example, Group, Kept};
use super::markup::{escape, link, prose};
use super::reader::Reader;
use crate::base::text;
use crate::correlate::command::{self, Numbered, Steps, Values, Vars};
use crate::deliver::sink;
use crate::model::alert::Action;
use crate::signature::Signature;

/// Groups that are listed, those with the most findings.
const GROUPS_SHOWN: usize = 12;

/// The chapter of `signature`, in a report on `all`.
pub(super) fn chapter(signature: &Signature, kept: &Kept, all: &[&Signature], reader: Reader) -> String {
    let runbook = signature.runbook(reader.lang);
    let id = escape(&signature.id);
    let severity = signature.severity;
    let mut out = format!(
        "<section id=\"{id}\" class=\"{severity}\">\n<h2>{}</h2>\n<p class=\"id\"><b>{}</b> · <code>{id}</code> · {}{}</p>\n{}",
        escape(&runbook.title),
        reader.lang.severity(severity),
        reader.findings(kept.count),
        reader.period(kept.span).map(|period| format!(" · {period}")).unwrap_or_default(),
        prose(&runbook.meaning),
    );
    out.push_str(&relations(signature, all, reader));
    out.push_str(&steps(signature, kept, reader));
    out.push_str(&groups(&signature.group_by, kept, reader));
    out.push_str(&examples(kept, reader));
    if !runbook.links.is_empty() {
        let links = runbook.links.iter().map(|one| format!("<li>{}</li>", link(&one.title, &one.url)));
        let head = reader.say("Read on", "参考");
        let _ = writeln!(out, "<h3>{head}</h3>\n<ul>{}</ul>", links.collect::<String>());
    }
    out.push_str("</section>\n");
    out
}

/// What to do, commands filled in from the newest finding.
fn steps(signature: &Signature, kept: &Kept, reader: Reader) -> String {
    let Some(newest) = kept.newest() else { return String::new() };
    let values = Values {
        fields: &newest.fields,
        host: None,
        source: None,
        path: &newest.path,
        names: &newest.names,
        vars: &Vars::new(),
        signature: Some(signature),
    };
    let Steps { action, other_releases } =
        command::steps(signature.runbook(reader.lang), &values, reader.lang);
    let mut out = format!("<h3>{}</h3>\n{}", reader.say("What to do", "处理"), list(&action, reader));
    if !other_releases.is_empty() {
        let head = reader.say("Steps for other releases", "适用于其他版本的步骤");
        let _ =
            write!(out, "<details><summary>{head}</summary>\n{}</details>\n", list(&other_releases, reader));
    }
    out
}

/// Steps as a list, with the numbers they have on the page.
fn list(steps: &[Numbered], reader: Reader) -> String {
    let mut out = "<ol>\n".to_owned();
    let mut open = None;
    for Numbered { number, action: Action { text, command, unfilled, caution } } in steps {
        if open != Some(number) {
            let _ = write!(out, "{}<li value=\"{number}\">", if open.is_some() { "</li>\n" } else { "" });
            open = Some(number);
        }
        out.push_str(&prose(text));
        if let Some(command) = command {
            let class = if *caution { " class=\"caution\"" } else { "" };
            let _ = write!(out, "<pre{class}><code>{}</code></pre>", escape(command));
            if *caution {
                let words = sink::caution(reader.lang);
                let _ = write!(out, "<p class=\"note\">⚠ {words}</p>");
            }
            if !unfilled.is_empty() {
                let words = sink::fill_in(reader.lang);
                let names: Vec<String> = unfilled.iter().map(|name| escape(&format!("<{name}>"))).collect();
                let _ = write!(out, "<p class=\"note\">{words}: {}</p>", names.join(", "));
            }
        }
    }
    out.push_str(if open.is_some() { "</li>\n</ol>\n" } else { "</ol>\n" });
    out
}

/// How the findings are spread over their groups.
fn groups(names: &[String], kept: &Kept, reader: Reader) -> String {
    let mut groups: Vec<&Group> = kept.groups().collect();
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
    for Group { values, count, span } in groups.iter().take(GROUPS_SHOWN) {
        let value = |value: &String| if value.is_empty() { "–".to_owned() } else { escape(value) };
        let cells = values.iter().map(|one| format!("<td>{}</td>", value(one))).collect::<String>();
        let [first, last] = [span.first, span.last].map(|time| reader.time(time));
        let _ = writeln!(out, "<tr>{cells}<td>{count}</td><td>{first}</td><td>{last}</td></tr>");
    }
    out.push_str("</table></div>\n");
    let rest: u64 = groups.iter().skip(GROUPS_SHOWN).map(|group| group.count).sum();
    if rest + kept.ungrouped > 0 {
        let rest = reader.findings(rest + kept.ungrouped);
        let words = reader.say("of other groups", "属于其他分组");
        let _ = writeln!(out, "<p class=\"note\">… {rest} {words}</p>");
    }
    out
}

fn examples(kept: &Kept, reader: Reader) -> String {
    let shown = |examples: &[Example]| examples.iter().map(example).collect::<String>();
    let skipped = kept.count - (kept.first.len() + kept.last.len()) as u64;
    let between = match skipped {
        0 => String::new(),
        count => {
            format!("<p class=\"note\">… {} {}</p>\n", reader.findings(count), reader.say("between", "省略"))
        }
    };
    let head = reader.say("In the log", "日志");
    format!("<h3>{head}</h3>\n{}{between}{}", shown(&kept.first), shown(&kept.last))
}

fn example(example: &Example) -> String {
    let Example { line, path, record, .. } = example;
    let (path, record) = (escape(&text::clean_line(path)), escape(record));
    format!("<figure><figcaption>{path}:{line}</figcaption><pre>{record}</pre></figure>\n")
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
