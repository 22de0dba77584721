//! The report as people read it: the gravest first, each with what, why, how to mend it, and where
//! to read on; then what could not be looked at.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;

use super::{Told, short};
use crate::base::text::{clean, clean_line};
use crate::doctor::Report;
use crate::model::alert::{Action, Lang};
use crate::model::finding::Severity;
use crate::signature::{Catalogue, markdown};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const WIDTH: usize = 92;
/// Places beyond the first are named in short, and so many of them.
const PLACES_MAX: usize = 8;

/// Words of the report itself.
struct Labels {
    why: &'static str,
    mend: &'static str,
    page: &'static str,
    also: &'static str,
    not_checked: &'static str,
}

fn labels(lang: Lang) -> Labels {
    match lang {
        Lang::En => {
            Labels { why: "why", mend: "mend", page: "page", also: "also", not_checked: "not checked" }
        }
        Lang::Zh => {
            Labels { why: "原因", mend: "处理", page: "页面", also: "另见", not_checked: "未检查" }
        }
    }
}

/// Writes the report.
///
/// # Errors
///
/// `out` cannot be written to.
pub fn write(out: &mut impl Write, report: &Report, catalogue: &Catalogue, lang: Lang) -> io::Result<()> {
    let labels = labels(lang);
    let mut told: Vec<Told> =
        report.findings.iter().map(|finding| Told::of(finding, catalogue, lang)).collect();
    told.sort_by_key(|told| std::cmp::Reverse(told.severity));
    for one in &told {
        finding(out, one, &labels, lang)?;
    }
    if !report.unchecked.is_empty() {
        let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for unchecked in &report.unchecked {
            let name = unchecked.check.split('/').next_back().unwrap_or(unchecked.check);
            by_reason.entry(unchecked.why.in_lang(lang)).or_default().push(name);
        }
        writeln!(out, "{BOLD}{}{BOLD:#}", labels.not_checked)?;
        for (why, checks) in by_reason {
            writeln!(out, "  {}", clean_line(why))?;
            for line in markdown::to_terminal(&checks.join(", "), WIDTH).lines() {
                writeln!(out, "    {DIM}{line}{DIM:#}")?;
            }
        }
        writeln!(out)?;
    }
    writeln!(out, "{}", summary(report, &told, lang))
}

fn finding(out: &mut impl Write, told: &Told, labels: &Labels, lang: Lang) -> io::Result<()> {
    let (style, word) = (told.severity.style(), lang.severity(told.severity));
    writeln!(out, "{style}{word}{style:#} {BOLD}{}{BOLD:#} {DIM}{}{DIM:#}", told.title, told.check)?;
    writeln!(out, "  {}", told.found)?;
    if let Some((first, others)) = told.places.split_first() {
        match &first.excerpt {
            Some(excerpt) => {
                excerpt.shown(&first.path).lines().try_for_each(|line| writeln!(out, "  {line}"))?;
            }
            None => writeln!(out, "   --> {}", first.path)?,
        }
        if !others.is_empty() {
            let mut names: Vec<String> = others.iter().take(PLACES_MAX).map(short).collect();
            if others.len() > PLACES_MAX {
                names.push("…".to_owned());
            }
            writeln!(out, "  {DIM}{}{DIM:#} {}", labels.also, names.join(", "))?;
        }
    }
    let why = told.why.split("\n\n").next().unwrap_or_default();
    labelled(out, labels.why, &markdown::to_terminal(&clean(why), WIDTH))?;
    let step = told.action.first().filter(|_| told.diff.is_none());
    let mend = told.mend.clone().or_else(|| Some(clean(&step?.text)));
    if let Some(mend) = mend {
        labelled(out, labels.mend, &markdown::to_terminal(&mend, WIDTH))?;
    }
    if let Some(Action { command: Some(command), .. }) = step {
        clean(command).lines().try_for_each(|line| writeln!(out, "    {DIM}${DIM:#} {line}"))?;
    }
    for line in told.diff.iter().flat_map(|diff| diff.lines()) {
        writeln!(out, "    {line}")?;
    }
    writeln!(out, "  {DIM}{}{DIM:#} sealtail explain {}\n", labels.page, told.check)
}

fn labelled(out: &mut impl Write, label: &str, text: &str) -> io::Result<()> {
    let mut lines = text.lines();
    writeln!(out, "  {DIM}{label}{DIM:#} {}", lines.next().unwrap_or_default())?;
    lines.try_for_each(|line| writeln!(out, "    {line}"))
}

fn summary(report: &Report, told: &[Told], lang: Lang) -> String {
    let mut counts: Vec<String> = Vec::new();
    for one in Severity::ALL.into_iter().rev() {
        let count = told.iter().filter(|told| told.severity == one).count();
        if count > 0 {
            counts.push(format!("{count} {}", lang.severity(one)));
        }
    }
    let mut unchecked: Vec<&str> = report.unchecked.iter().map(|unchecked| unchecked.check).collect();
    unchecked.dedup();
    let (found, fine, unchecked) = (told.len(), report.fine.len(), unchecked.len());
    let detail = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
    match lang {
        Lang::En => {
            let plural = if found == 1 { "" } else { "s" };
            format!(
                "{found} finding{plural}{detail}; {fine} checks are fine, {unchecked} could not see everything"
            )
        }
        Lang::Zh => format!("{found} 项发现{detail}；{fine} 项检查正常，{unchecked} 项未能看到全部"),
    }
}
