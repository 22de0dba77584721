//! Standard output: for a person at a terminal, or one line of JSON an alert.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::contract::{PrintSink, json};
use super::words;
use crate::base::text::{clean, clean_line, escape_json};
use crate::model::alert::{Action, Alert, Digest, DigestLine, Lang, Link, Message, OutboxMessage, Status};
use crate::model::finding::Severity;
use crate::signature::markdown::to_terminal;

/// Standard output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stdout {
    /// One line of JSON an alert, instead of text.
    pub json: bool,
}

/// Columns of prose: what an alert says is read by people.
const WIDTH: usize = 96;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

impl PrintSink for Stdout {
    fn print(&self, message: &OutboxMessage) -> String {
        match &message.message {
            Message::Alert(alert) => self.alert(alert),
            Message::Digest { digest, .. } if self.json => escape_json(json(digest)) + "\n",
            Message::Digest { host, lang, digest } => digest_text(host, *lang, digest),
        }
    }
}

impl Stdout {
    /// What is printed for `alert`, newline included.
    pub fn alert(self, alert: &Alert) -> String {
        if self.json {
            return escape_json(json(alert)) + "\n";
        }
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = alert_text(&mut out, alert);
        out + "\n"
    }
}

fn digest_text(host: &str, lang: Lang, digest: &Digest) -> String {
    let title = words::digest_title(lang, digest.findings, digest.alerts.len());
    let line = |line: &DigestLine| {
        let (signature, group) = (clean_line(&line.signature), pairs(&line.group));
        format!("  {signature}{group}: {}\n", words::digest_counts(lang, line.new, line.count, line.status))
    };
    let lines: String = digest.alerts.iter().map(line).collect();
    format!("{BOLD}{title}{BOLD:#} {}\n{lines}\n", clean_line(host))
}

fn alert_text(out: &mut String, alert: &Alert) -> std::fmt::Result {
    let lang = alert.lang;
    let (style, word) = match alert.status {
        Status::Firing => (alert.severity.style(), lang.severity(alert.severity).to_owned()),
        // That nothing more came is no good news.
        Status::Resolved if alert.quiet => (BOLD, words::end(alert)),
        Status::Resolved => (AnsiColor::Green.on_default().bold(), words::end(alert)),
    };
    let signature = clean_line(&alert.signature);
    writeln!(
        out,
        "{style}{word}{style:#} {BOLD}{}{BOLD:#} {DIM}{signature}{DIM:#}",
        clean_line(&alert.title)
    )?;
    let (host, source, path) = (clean_line(&alert.host), clean_line(&alert.source), clean_line(&alert.path));
    writeln!(out, "  {host} {source} {path}:{}{}", alert.line, pairs(&alert.group))?;
    let (first, last) = (clean_line(&alert.first_seen), clean_line(&alert.last_seen));
    writeln!(out, "  {}", words::counts(lang, alert.count, alert.new, &first, &last))?;
    relations(out, alert)?;
    if alert.status == Status::Resolved {
        return Ok(());
    }
    for line in clean(&alert.record).lines() {
        writeln!(out, "  {DIM}│{DIM:#} {line}")?;
    }
    writeln!(out)?;
    indent(out, &alert.meaning, WIDTH)?;
    writeln!(out)?;
    for (number, action) in alert.steps() {
        step(out, lang, number, action, WIDTH)?;
    }
    if !alert.other_releases.is_empty() {
        let words = words::other_releases(lang, alert.other_releases.len(), &signature);
        writeln!(out, "  {DIM}{words}{DIM:#}")?;
    }
    links(out, lang, &alert.links)
}

/// A runbook as an alert shows it: what it means, the steps with their numbers on the page, and where to read on.
/// `columns` is how wide prose may be.
pub(crate) fn runbook(
    lang: Lang,
    meaning: &str,
    steps: &[(usize, Action)],
    to: &[Link],
    columns: usize,
) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = (|| {
        indent(&mut out, meaning, columns)?;
        writeln!(out)?;
        for (index, (number, action)) in steps.iter().enumerate() {
            let is_part = index > 0 && steps[index - 1].0 == *number;
            step(&mut out, lang, (!is_part).then_some(*number), action, columns)?;
        }
        links(&mut out, lang, to)
    })();
    out
}

fn links(out: &mut String, lang: Lang, links: &[Link]) -> std::fmt::Result {
    if !links.is_empty() {
        writeln!(out)?;
    }
    links.iter().try_for_each(|link| {
        let (title, url) = (clean_line(&link.title), clean_line(&link.url));
        writeln!(out, "  {DIM}{}{DIM:#} {title}: {url}", words::see(lang))
    })
}

/// The alert that explains this one, and what this one explains.
fn relations(out: &mut String, alert: &Alert) -> std::fmt::Result {
    let lang = alert.lang;
    if let Some(cause) = &alert.explained_by {
        let (signature, fingerprint) = (clean_line(&cause.signature), clean_line(&cause.fingerprint));
        writeln!(out, "  {} {signature} {DIM}{fingerprint}{DIM:#}", words::explained_by(lang))?;
    }
    for cause in &alert.possible_causes {
        let (title, signature) = (clean_line(&cause.title), clean_line(&cause.signature));
        writeln!(out, "  {} {title} {DIM}{signature}{DIM:#}", words::possibly_because_of(lang))?;
    }
    for cause in &alert.confirmed {
        let (text, check) = (clean_line(&cause.text), clean_line(&cause.check));
        writeln!(out, "  {} {text} {DIM}{check}{DIM:#}", words::confirmed(lang))?;
    }
    for follower in &alert.followers {
        let (title, signature) = (clean_line(&follower.title), clean_line(&follower.signature));
        let (word, times) = (words::explains(lang), words::times(lang, follower.count));
        writeln!(out, "  {word} {times} {title} {DIM}{signature}{DIM:#}")?;
    }
    Ok(())
}

fn step(
    out: &mut String,
    lang: Lang,
    number: Option<usize>,
    action: &Action,
    columns: usize,
) -> std::fmt::Result {
    let text = to_terminal(&clean(&action.text), columns);
    let mut lines = text.lines();
    let number = number.map_or_else(|| "  ".to_owned(), |number| format!("{number}."));
    writeln!(out, "  {number} {}", lines.next().unwrap_or_default())?;
    lines.try_for_each(|line| writeln!(out, "     {line}"))?;
    if let Some(command) = &action.command {
        for line in clean(command).lines() {
            writeln!(out, "     {DIM}${DIM:#} {BOLD}{line}{BOLD:#}")?;
        }
    }
    if action.caution {
        let style = Severity::Warning.style();
        writeln!(out, "     {style}{}{style:#}", words::caution(lang))?;
    }
    if !action.unfilled.is_empty() {
        let names: Vec<_> = action.unfilled.iter().map(|name| format!("<{}>", clean_line(name))).collect();
        writeln!(out, "     {DIM}{} {}{DIM:#}", words::fill_in(lang), names.join(" "))?;
    }
    Ok(())
}

fn indent(out: &mut String, text: &str, columns: usize) -> std::fmt::Result {
    let text = to_terminal(&clean(text), columns);
    text.lines().try_for_each(|line| writeln!(out, "{}", format!("  {line}").trim_end()))
}

fn pairs(fields: &crate::model::record::Fields) -> String {
    fields.iter().map(|(name, value)| format!(" {}={}", clean_line(name), clean_line(value))).collect()
}
