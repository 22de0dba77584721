//! Failures for a terminal: each once, with all that a reader has to see at once, in 80 columns.

use std::io::{self, Write};

use anstyle::Style;

use super::grouped;
use crate::base::text::{clean, clean_line};
use crate::model::alert::Lang;
use crate::model::finding::Finding;
use crate::model::record::{Fields, Time};
use crate::replay::Story;
use crate::replay::failures::{Failure, Kind, Part, Place};
use crate::signature::markdown::columns;
use crate::signature::{Catalogue, Signature};

/// Columns of a terminal that nobody has made wider.
const WIDTH: usize = 80;
/// Columns of what stands before a fact, and before a title.
const LABEL: usize = 11;
/// Lines of a record that are shown.
const RECORD_LINES_MAX: usize = 4;
/// Values of a kind that are named.
const VALUES_MAX: usize = 3;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Writes every failure of `story`.
///
/// # Errors
///
/// Those of `out`.
pub fn tell(out: &mut impl Write, story: &Story, lang: Lang) -> io::Result<()> {
    let words = Words { lang };
    for failure in &story.failures {
        entry(out, failure, story, words)?;
    }
    for part in &story.held_back {
        let title = &part.signature.runbook(lang).title;
        let words = words.say("too few for an alert", "次数未达告警阈值");
        let line = format!("{}× {title}: {words}", grouped(part.count));
        writeln!(out, "{DIM}{}{DIM:#}", fitted(&clean_line(&line), WIDTH))?;
    }
    if !story.held_back.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

/// Writes in one line that a finding is the first of its kind: what is told of it follows at the end.
///
/// # Errors
///
/// Those of `out`.
pub fn announce(
    out: &mut impl Write,
    path: &str,
    finding: &Finding,
    catalogue: &Catalogue,
    lang: Lang,
) -> io::Result<()> {
    let Some(signature) = catalogue.get(&finding.signature).filter(|signature| !signature.fallback) else {
        return Ok(());
    };
    let (severity, style) = (signature.severity, signature.severity.style());
    let word = lang.severity(severity);
    let line = format!("{}:{} {}", clean_line(path), finding.place.line, signature.runbook(lang).title);
    let line = fitted(&line, WIDTH - LABEL);
    writeln!(out, "{style}{word}{style:#}{}{line}", gap(word, LABEL))
}

fn entry(out: &mut impl Write, failure: &Failure, story: &Story, words: Words) -> io::Result<()> {
    let Failure { severity, cause, followers, possible_causes } = failure;
    let (style, word) = (severity.style(), words.lang.severity(*severity));
    let Signature { id, .. } = &*cause.signature;
    let mut titles = broken(&cause.signature.runbook(words.lang).title, WIDTH - LABEL).into_iter();
    let title = titles.next().unwrap_or_default();
    writeln!(out, "{style}{word}{style:#}{}{BOLD}{title}{BOLD:#}", gap(word, LABEL))?;
    for title in titles {
        writeln!(out, "{}{BOLD}{title}{BOLD:#}", " ".repeat(LABEL))?;
    }
    writeln!(out, "{}{DIM}{id}{DIM:#}", " ".repeat(LABEL))?;
    standing(out, cause, story, words)?;
    let about = about(cause, words);
    if !about.is_empty() {
        fact(out, words.say("of", "涉及"), &broken(&about, WIDTH - LABEL))?;
    }
    for (index, part) in followers.iter().enumerate() {
        let title = &part.signature.runbook(words.lang).title;
        let title = fitted(&format!("{}× {title}", grouped(part.count)), WIDTH - LABEL);
        let label = if index == 0 { words.say("explains", "由此引起") } else { "" };
        fact(out, label, &[title, format!("  {}", between(part))])?;
    }
    for (index, possible) in possible_causes.iter().enumerate() {
        let label = if index == 0 { words.say("perhaps", "或因") } else { "" };
        let title = format!("{}{}", words.say("because of: ", ""), possible.runbook(words.lang).title);
        fact(out, label, &broken(&title, WIDTH - LABEL))?;
    }
    if let Some(quote) = cause.quotes.last() {
        record(out, &quote.record)?;
    }
    let lang = if words.lang == Lang::Zh { " --lang zh" } else { "" };
    fact(out, words.say("read on", "详见"), &[format!("sealtail explain{lang} {id}")])?;
    writeln!(out)
}

/// When and where the first finding and the newest were, and how many there are.
fn standing(out: &mut impl Write, part: &Part, story: &Story, words: Words) -> io::Result<()> {
    let at = |time: Option<Time>, place: &Place| {
        let time = time.map(|time| {
            let offset = story.zone.to_offset(time.instant);
            Time { digits: 0, offset, ..time }.to_string() + "  "
        });
        let place = shown(place);
        match time {
            // A path is there to be copied: it is never cut.
            Some(time) if time.len() + place.chars().map(columns).sum::<usize>() > WIDTH - LABEL => {
                vec![time.trim_end().to_owned(), place]
            }
            time => vec![time.unwrap_or_default() + &place],
        }
    };
    let first = at(part.span.first, &part.first);
    if part.count == 1 {
        return fact(out, words.say("once", "一次"), &first);
    }
    fact(out, words.say("first", "首次"), &first)?;
    fact(out, words.say("newest", "最近"), &at(part.span.last, &part.newest))?;
    // Groups beyond a limit share one that has no values.
    let named = part.groups.keys().filter(|group| !group.is_empty()).count() as u64;
    let more = if named > 0 && named < part.groups.len() as u64 { "+" } else { "" };
    let (count, groups) = (grouped(part.count), grouped(named) + more);
    let count = match words.lang {
        Lang::En if part.groups.len() > 1 => format!("{count} findings in {groups} groups"),
        Lang::En => format!("{count} findings"),
        Lang::Zh if part.groups.len() > 1 => format!("{count} 次，{groups} 组"),
        Lang::Zh => format!("{count} 次"),
    };
    fact(out, words.say("count", "共"), &[count])
}

/// Where the first and the newest of what follows stand.
fn between(part: &Part) -> String {
    let (first, newest) = (shown(&part.first), shown(&part.newest));
    match part.first.path == part.newest.path {
        _ if first == newest => first,
        true => format!("{first} … {}", part.newest.line),
        false => format!("{first} … {newest}"),
    }
}

fn shown(place: &Place) -> String {
    format!("{}:{}", clean_line(&place.path), place.line)
}

/// Threads, sectors and miners, and by what else the findings are told apart.
fn about(part: &Part, words: Words) -> String {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for kind in [Kind::Thread, Kind::Sector, Kind::Miner] {
        let of_kind = part.subjects.keys().filter(|(known, _)| *known == kind);
        let values: Vec<String> = of_kind.map(|(_, name)| clean_line(name)).collect();
        all.push((words.kind(kind).to_owned(), values));
    }
    let known = ["thread", "sector", "miner"];
    for name in part.signature.group_by.iter().filter(|name| !known.contains(&name.as_str())) {
        let value = |group: &Fields| group.get(name).map(|value| fitted(&clean_line(value), WIDTH / 2));
        let mut values: Vec<String> = part.groups.keys().filter_map(value).collect();
        values.dedup();
        all.push((name.clone(), values));
    }
    let told = all.iter().filter(|(_, values)| !values.is_empty()).map(|(name, values)| {
        let more = values.len().saturating_sub(VALUES_MAX);
        let values = values.iter().take(VALUES_MAX).cloned().collect::<Vec<_>>().join(", ");
        match more {
            0 => format!("{name} {values}"),
            more => format!("{name} {values}, … +{}", grouped(more as u64)),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

/// The record, its first lines alone.
fn record(out: &mut impl Write, record: &str) -> io::Result<()> {
    let cleaned = clean(record).replace('\t', " ");
    let lines: Vec<String> = cleaned
        .lines()
        .filter(|line| !line.trim().is_empty())
        .flat_map(|line| broken(line, WIDTH - 4))
        .collect();
    for line in lines.iter().take(RECORD_LINES_MAX) {
        writeln!(out, "  {DIM}│{DIM:#} {line}")?;
    }
    if lines.len() > RECORD_LINES_MAX { writeln!(out, "  {DIM}│ …{DIM:#}") } else { Ok(()) }
}

/// Lines behind a label.
fn fact(out: &mut impl Write, label: &str, lines: &[String]) -> io::Result<()> {
    for (index, line) in lines.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        writeln!(out, "  {DIM}{label}{DIM:#}{}{line}", gap(label, LABEL - 2))?;
    }
    Ok(())
}

/// What fills a label up.
fn gap(label: &str, width: usize) -> String {
    let taken: usize = label.chars().map(columns).sum();
    " ".repeat(width.saturating_sub(taken).max(1))
}

/// The text, cut where it would be wider.
fn fitted(text: &str, width: usize) -> String {
    if text.chars().map(columns).sum::<usize>() <= width {
        return text.to_owned();
    }
    let mut taken = 1;
    let fits = |c: &char| {
        taken += columns(*c);
        taken <= width
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// The text in lines of this width: at spaces where there are some, else anywhere.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let (mut taken, mut end, mut space) = (0, rest.len(), None);
        for (at, c) in rest.char_indices() {
            if taken + columns(c) > width {
                end = at;
                break;
            }
            taken += columns(c);
            if c == ' ' && at > rest.len() - rest.trim_start().len() {
                space = Some(at);
            }
        }
        let end = if end == rest.len() { end } else { space.filter(|at| *at > end / 2).unwrap_or(end) };
        // A character that is wider than a line has one of its own.
        let end = end.max(rest.chars().next().map_or(1, char::len_utf8));
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    lines
}

/// The words of a language.
#[derive(Clone, Copy)]
struct Words {
    lang: Lang,
}

impl Words {
    fn say(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self.lang {
            Lang::En => english,
            Lang::Zh => chinese,
        }
    }

    fn kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Thread => self.say("thread", "线程"),
            Kind::Sector => self.say("sector", "扇区"),
            Kind::Miner => self.say("miner", "矿工"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_by_columns() {
        for (text, width, lines) in [
            ("one two three", 8, vec!["one two", "three"]),
            ("abcdefgh", 3, vec!["abc", "def", "gh"]),
            ("错误错误", 5, vec!["错误", "错误"]),
            ("错", 1, vec!["错"]),
            ("", 8, vec![]),
        ] {
            assert_eq!(broken(text, width), lines, "{text}");
        }
        assert_eq!(fitted("错误错误", 7), "错误错…");
        assert_eq!(fitted("错误错误", 8), "错误错误");
    }
}
