//! The chapter of one failure: what it means, what to do, where it stands, and what follows from it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::reader::{Reader, anchor};
use super::view::Places;
use crate::base::markup::{escape, link, prose};
use crate::base::text::clean_line;
use crate::correlate::command::{self, Numbered, Steps, Values, Vars};
use crate::deliver::sink;
use crate::model::alert::Action;
use crate::replay::failures::{Failure, Kind, Part, Place, Quote};
use crate::replay::report::grouped;
use crate::signature::Signature;

/// Groups that are listed, those with the most findings.
const GROUPS_SHOWN: usize = 12;
/// Threads, sectors and miners that are named, of each kind.
const SUBJECTS_SHOWN: usize = 8;
/// Records that are quoted, from the first on and up to the last.
const QUOTES_EACH: usize = 3;

/// What the chapters before have told: the page of a signature is told once.
pub(super) struct Chapters<'s> {
    places: &'s Places<'s>,
    reader: Reader<'s>,
    /// Where the page of each signature is told.
    told: BTreeMap<Arc<str>, String>,
}

impl<'s> Chapters<'s> {
    /// Chapters of `failures`, none of them told yet.
    pub(super) fn new(failures: &[Failure], places: &'s Places<'s>, reader: Reader<'s>) -> Chapters<'s> {
        let own = failures.iter().map(|failure| &failure.cause.signature);
        let told = own.map(|signature| (signature.id.clone(), anchor(signature))).collect();
        Chapters { places, reader, told }
    }

    /// The chapter of `failure`.
    pub(super) fn chapter(&mut self, failure: &Failure) -> String {
        let Failure { severity, cause, followers, possible_causes } = failure;
        let (reader, signature) = (self.reader, &cause.signature);
        let runbook = signature.runbook(reader.lang);
        let id = escape(&signature.id);
        let mut out = format!(
            "<section id=\"{id}\" class=\"{severity}\"{}>\n<h2>{}</h2>\n<p class=\"id\"><b>{}</b> · <code>{id}</code> · {}{}</p>\n",
            self.places.attribute(failure),
            escape(&runbook.title),
            reader.lang.severity(*severity),
            reader.findings(cause.count),
            reader.period(cause.span).map(|period| format!(" · {period}")).unwrap_or_default(),
        );
        out.push_str(&self.standing(cause, None));
        for possible in possible_causes {
            let words = reader.say("Possibly because of", "可能的起因");
            let (to, title) = (anchor(possible), escape(&possible.runbook(reader.lang).title));
            // Of what follows from another failure there may be no chapter.
            let shown = if self.told.get(&possible.id).is_some_and(|there| *there == to) {
                format!("<a href=\"#{to}\">{title}</a>")
            } else {
                title
            };
            let _ = writeln!(out, "<p class=\"note\">{words}: {shown}</p>");
        }
        out.push_str(&prose(&runbook.meaning));
        out.push_str(&self.followers(signature, followers));
        out.push_str(&steps(cause, reader));
        out.push_str(&groups(cause, reader));
        out.push_str(&quotes(cause, reader));
        if !runbook.links.is_empty() {
            let links = runbook.links.iter().map(|one| format!("<li>{}</li>", link(&one.title, &one.url)));
            let head = reader.say("Read on", "参考");
            let _ = writeln!(out, "<h3>{head}</h3>\n<ul>{}</ul>", links.collect::<String>());
        }
        out.push_str("</section>\n");
        out
    }

    /// Where findings stand and whom they are about. An `anchor` stands inside of what is folded: who is led there sees it.
    fn standing(&self, part: &Part, anchor: Option<&str>) -> String {
        let mut facts = vec![span_of(&part.first, &part.newest)];
        for kind in [Kind::Thread, Kind::Sector, Kind::Miner] {
            let of_kind = part.subjects.keys().filter(|(known, _)| *known == kind);
            let count = of_kind.clone().count();
            let shown: Vec<String> =
                of_kind.take(SUBJECTS_SHOWN).map(|subject| self.places.link(subject)).collect();
            let more = if count > SUBJECTS_SHOWN {
                format!(", … {}", grouped(count as u64))
            } else {
                String::new()
            };
            if count > 0 {
                facts.push(format!("{} {}{more}", self.reader.kind(kind), shown.join(", ")));
            }
        }
        let anchor = anchor.map(|name| format!(" id=\"{name}\"")).unwrap_or_default();
        format!("<p class=\"note\"{anchor}>{}</p>\n", facts.join(" · "))
    }

    /// What follows from a failure.
    fn followers(&mut self, cause: &Signature, followers: &[Part]) -> String {
        if followers.is_empty() {
            return String::new();
        }
        let reader = self.reader;
        let head = reader.say("What follows from it", "由此引起");
        let mut out = format!("<h3>{head}</h3>\n");
        for part in followers {
            let Signature { id, severity, .. } = &*part.signature;
            let title = escape(&part.signature.runbook(reader.lang).title);
            let own = format!("{}--{}", escape(&cause.id), escape(id));
            let _ = write!(
                out,
                "<details class=\"follower {severity}\"><summary>{}× <b>{title}</b> <code>{}</code>{}</summary>\n{}",
                grouped(part.count),
                escape(id),
                reader.period(part.span).map(|period| format!(" · {period}")).unwrap_or_default(),
                self.standing(part, Some(&own)),
            );
            match self.told.get(id) {
                Some(there) => {
                    let words = reader.say("Its page", "说明");
                    let _ = writeln!(out, "<p>{words}: <a href=\"#{there}\">{title}</a></p>");
                }
                None => {
                    out.push_str(&prose(&part.signature.runbook(reader.lang).meaning));
                    out.push_str(&steps(part, reader));
                    self.told.insert(id.clone(), own);
                }
            }
            out.push_str(&quotes(part, reader));
            out.push_str("</details>\n");
        }
        out
    }
}

/// The first line and the newest.
fn span_of(first: &Place, newest: &Place) -> String {
    let shown = |place: &Place| format!("<code>{}:{}</code>", escape(&clean_line(&place.path)), place.line);
    match first.path == newest.path && first.line == newest.line {
        true => shown(first),
        false => format!("{} … {}", shown(first), shown(newest)),
    }
}

/// What to do, commands filled in from the newest finding.
fn steps(part: &Part, reader: Reader<'_>) -> String {
    let Some(newest) = part.quotes.last() else { return String::new() };
    let values = Values {
        fields: &newest.fields,
        host: None,
        source: None,
        path: &newest.place.path,
        names: &newest.names,
        vars: &Vars::new(),
        signature: Some(&part.signature),
    };
    let Steps { action, other_releases } =
        command::steps(part.signature.runbook(reader.lang), &values, reader.lang);
    let mut out = format!("<h3>{}</h3>\n{}", reader.say("What to do", "处理"), list(&action, reader));
    if !other_releases.is_empty() {
        let head = reader.say("Steps for other releases", "适用于其他版本的步骤");
        let _ =
            write!(out, "<details><summary>{head}</summary>\n{}</details>\n", list(&other_releases, reader));
    }
    out
}

/// Steps as a list, with the numbers they have on the page.
fn list(steps: &[Numbered], reader: Reader<'_>) -> String {
    let mut out = "<ol>\n".to_owned();
    let mut open = None;
    for Numbered { number, action: Action { text, command, unfilled, caution } } in steps {
        if open != Some(number) {
            let _ = write!(out, "{}<li value=\"{number}\">", if open.is_some() { "</li>\n" } else { "" });
            open = Some(number);
        }
        out.push_str(&prose(text));
        if let Some(command) = command {
            let class = if *caution { "command caution" } else { "command" };
            let _ = write!(out, "<pre class=\"{class}\"><code>{}</code></pre>", escape(command));
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
fn groups(part: &Part, reader: Reader<'_>) -> String {
    let mut groups: Vec<_> = part.groups.iter().filter(|(values, _)| !values.is_empty()).collect();
    groups.sort_by_key(|(_, group)| Reverse(group.count));
    if groups.len() < 2 {
        return String::new();
    }
    let names = &part.signature.group_by;
    let heads = names.iter().map(|name| format!("<th>{}</th>", escape(name))).collect::<String>();
    let [count, first, last] =
        [("Findings", "次数"), ("First", "首次"), ("Last", "最近")].map(|(en, zh)| reader.say(en, zh));
    let head = reader.say("Groups", "分组");
    let mut out = format!(
        "<h3>{head}</h3>\n<div class=\"wide\"><table>\n<tr>{heads}<th>{count}</th><th>{first}</th><th>{last}</th></tr>\n"
    );
    let mut shown = 0;
    for (values, group) in groups.iter().take(GROUPS_SHOWN) {
        let value = |name: &String| values.get(name).map_or("–".to_owned(), |value| escape(value));
        let cells = names.iter().map(|name| format!("<td>{}</td>", value(name))).collect::<String>();
        let [first, last] = [group.span.first, group.span.last].map(|time| reader.time(time));
        let _ = writeln!(out, "<tr>{cells}<td>{}</td><td>{first}</td><td>{last}</td></tr>", group.count);
        shown += group.count;
    }
    out.push_str("</table></div>\n");
    if part.count > shown {
        let rest = reader.findings(part.count - shown);
        let words = reader.say("of other groups", "属于其他分组");
        let _ = writeln!(out, "<p class=\"note\">… {rest} {words}</p>");
    }
    out
}

/// The first records and the last.
fn quotes(part: &Part, reader: Reader<'_>) -> String {
    let all = &part.quotes;
    let split = all.len().div_ceil(2).min(QUOTES_EACH);
    let (first, rest) = all.split_at(split);
    let last = &rest[rest.len().saturating_sub(QUOTES_EACH)..];
    let shown = |quotes: &[Quote]| quotes.iter().map(quote).collect::<String>();
    let words = match last {
        [] => reader.say("more", "未列出"),
        _ => reader.say("between", "省略"),
    };
    let between = match part.count.saturating_sub((first.len() + last.len()) as u64) {
        0 => String::new(),
        count => format!("<p class=\"note\">… {} {words}</p>\n", reader.findings(count)),
    };
    let head = reader.say("In the log", "日志");
    format!("<h3>{head}</h3>\n{}{between}{}", shown(first), shown(last))
}

fn quote(quote: &Quote) -> String {
    let Quote { place, record, .. } = quote;
    let (path, line, record) = (escape(&clean_line(&place.path)), place.line, escape(record));
    format!("<figure><figcaption>{path}:{line}</figcaption><pre>{record}</pre></figure>\n")
}
