//! What happened to one thread or sector, and the choice of what is shown of the whole page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::reader::{Reader, anchor};
use crate::base::markup::escape;
use crate::base::text::clean_line;
use crate::model::finding::Severity;
use crate::replay::failures::{Event, Failure, Subject, View};

/// The threads and sectors that a page tells of, each with a number.
pub(super) struct Places<'s> {
    numbers: BTreeMap<&'s Subject, usize>,
}

impl<'s> Places<'s> {
    pub(super) fn new(views: &'s [View]) -> Places<'s> {
        Places { numbers: views.iter().enumerate().map(|(number, view)| (&view.subject, number)).collect() }
    }

    /// The places that a failure touches, as an attribute by which the style chooses.
    pub(super) fn attribute(&self, failure: &Failure) -> String {
        let parts = failure.followers.iter().chain([&failure.cause]);
        let mut numbers: Vec<&usize> = parts
            .flat_map(|part| part.subjects.keys())
            .filter_map(|subject| self.numbers.get(subject))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let names: Vec<String> = numbers.iter().map(|number| format!("p{number}")).collect();
        format!(" data-in=\"{}\"", names.join(" "))
    }

    /// The name of a subject, which leads to what happened to it.
    pub(super) fn link(&self, subject: &Subject) -> String {
        let name = escape(&clean_line(&subject.1));
        match self.numbers.get(subject) {
            Some(number) => format!("<a href=\"#at-{number}\">{name}</a>"),
            None => name,
        }
    }

    /// The rules by which a choice hides what is not of that place.
    pub(super) fn style(&self) -> String {
        let rule = |number: &usize| {
            format!(
                "body:has(#p{number}:checked) [data-in]:not([data-in~=\"p{number}\"]) {{ display: none }}\n"
            )
        };
        self.numbers.values().map(rule).collect()
    }
}

/// The boxes to tick: what is not ticked is hidden.
pub(super) fn choices(severities: &[Severity], views: &[View], reader: Reader<'_>) -> String {
    let mut out = "<form class=\"choices\">\n<p>".to_owned();
    for severity in severities {
        let word = reader.lang.severity(*severity);
        let _ = write!(
            out,
            "<label class=\"{severity}\"><input type=\"checkbox\" id=\"f-{severity}\" checked> <b>{word}</b></label> "
        );
    }
    out.push_str("</p>\n");
    if !views.is_empty() {
        let head = reader.say("Only one thread or sector", "只看某个线程或扇区");
        let all = reader.say("all", "全部");
        let _ = write!(
            out,
            "<details><summary>{head}</summary>\n<p><label><input type=\"radio\" name=\"p\" id=\"p-all\" checked> {all}</label> "
        );
        for (number, view) in views.iter().enumerate() {
            let name = escape(&clean_line(&view.subject.1));
            let _ = write!(out, "<label><input type=\"radio\" name=\"p\" id=\"p{number}\"> {name}</label> ");
        }
        out.push_str("</p>\n</details>\n");
    }
    out + "</form>\n"
}

/// What happened to each thread and sector.
pub(super) fn views(views: &[View], more: usize, reader: Reader<'_>) -> String {
    if views.is_empty() {
        return String::new();
    }
    let head = reader.say("By thread and sector", "按线程与扇区");
    let mut out = format!("<h2 class=\"views\">{head}</h2>\n");
    for (number, view) in views.iter().enumerate() {
        let kind = reader.kind(view.subject.0);
        let name = escape(&clean_line(&view.subject.1));
        let _ = write!(
            out,
            "<details class=\"view\" data-in=\"p{number}\"><summary>{kind} <b>{name}</b> · {}</summary>\n\
             <div class=\"wide\" id=\"at-{number}\"><table>\n{}</table></div>\n",
            reader.findings(view.count),
            view.events.iter().map(|event| row(event, reader)).collect::<String>(),
        );
        if view.more > 0 {
            let words = reader.say("more after these", "在此之后");
            let _ = writeln!(out, "<p class=\"note\">… {} {words}</p>", reader.findings(view.more));
        }
        out.push_str("</details>\n");
    }
    if more > 0 {
        let words = reader.say("more threads and sectors", "个其他线程与扇区");
        let _ = writeln!(out, "<p class=\"note\">… {more} {words}</p>");
    }
    out
}

fn row(event: &Event, reader: Reader<'_>) -> String {
    let Event { signature, cause, span, times, place } = event;
    let severity = signature.severity;
    let title = escape(&signature.runbook(reader.lang).title);
    let to = anchor(cause.as_ref().unwrap_or(signature));
    let because = cause.as_ref().map(|cause| {
        let words = reader.say("follows from", "起因");
        format!("<br><span class=\"note\">{words}: {}</span>", escape(&cause.runbook(reader.lang).title))
    });
    let (first, last) = (reader.time(span.first), reader.time(span.last));
    let until = if *times > 1 && first != last { format!(" – {last}") } else { String::new() };
    let times = if *times > 1 { format!("{times}×") } else { String::new() };
    let path = escape(&clean_line(&place.path));
    format!(
        "<tr class=\"{severity}\"><td>{first}{until}</td><td><b>{}</b></td><td><a href=\"#{to}\">{title}</a>{}\
         <br><code>{path}:{}</code></td><td>{times}</td></tr>\n",
        reader.lang.severity(severity),
        because.unwrap_or_default(),
        place.line,
    )
}
