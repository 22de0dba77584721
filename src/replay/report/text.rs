//! Findings and totals for a terminal.
//!
//! Totals always have colours, and the stream drops them where they are not wanted. Findings, of which
//! there may be millions, leave them out themselves: to drop them takes as long as to write the rest.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use anstream::adapter::strip_str;
use anstyle::Style;
use jiff::tz::TimeZone;

use super::{counted, size};
use crate::base::text;
use crate::correlate::command::{self, Values, Vars};
use crate::model::alert::{Action, Lang};
use crate::model::finding::{Finding, Severity, Summary};
use crate::model::record::{LevelCounts, Names, Time};
use crate::replay::span::Span;
use crate::signature::markdown::to_terminal;
use crate::signature::{Catalogue, Signature};

/// Lines of a record that are shown.
const RECORD_LINES_MAX: usize = 12;
/// Characters of a line that are shown.
const LINE_CHARS_MAX: usize = 400;

/// Columns of prose.
const TEXT_COLUMNS: usize = 96;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Writes findings one after the other.
#[derive(Debug)]
pub struct Report<'c> {
    catalogue: &'c Catalogue,
    lang: Lang,
    coloured: bool,
    /// Signatures whose first action has been shown.
    explained: std::collections::BTreeSet<Arc<str>>,
}

impl<'c> Report<'c> {
    /// A report in `lang` on signatures of `catalogue`.
    pub fn new(catalogue: &'c Catalogue, lang: Lang, coloured: bool) -> Report<'c> {
        Report { catalogue, lang, coloured, explained: Default::default() }
    }

    /// Writes one finding; what to do about it only the first time its signature is found.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finding(
        &mut self,
        out: &mut impl Write,
        path: &str,
        finding: &Finding,
        names: &Names,
    ) -> io::Result<()> {
        let Finding { signature: id, severity, place, .. } = finding;
        let (style, bold) = (self.style(severity.style()), self.style(BOLD));
        let path_shown = text::clean_line(path);
        writeln!(out, "{style}{severity:<8}{style:#} {bold}{id}{bold:#}  {path_shown}:{}", place.line)?;
        self.record(out, &finding.record)?;
        if let Some(signature) = self.catalogue.get(id)
            && self.explained.insert(id.clone())
        {
            let runbook = signature.runbook(self.lang);
            writeln!(out, "  {style}▶{style:#} {}", runbook.title)?;
            if let Some(action) = first_action(signature, self.lang, finding, path, names) {
                self.action(out, &action)?;
            }
        }
        writeln!(out)
    }

    fn record(&self, out: &mut impl Write, record: &str) -> io::Result<()> {
        let (count, dim) = (record.lines().count(), self.style(DIM));
        for line in record.lines().take(RECORD_LINES_MAX) {
            writeln!(out, "  {dim}│{dim:#} {}", text::cut(&text::clean(line), LINE_CHARS_MAX))?;
        }
        match count.saturating_sub(RECORD_LINES_MAX) {
            0 => Ok(()),
            more => writeln!(out, "  {dim}│ … {more} more lines{dim:#}"),
        }
    }

    fn action(&self, out: &mut impl Write, action: &Action) -> io::Result<()> {
        let (dim, bold) = (self.style(DIM), self.style(BOLD));
        let text = to_terminal(&action.text, TEXT_COLUMNS);
        let text = if self.coloured { text } else { strip_str(&text).to_string() };
        for line in text.lines() {
            writeln!(out, "    {line}")?;
        }
        for line in action.command.iter().flat_map(|command| command.lines()) {
            writeln!(out, "    {dim}${dim:#} {bold}{line}{bold:#}")?;
        }
        Ok(())
    }

    fn style(&self, style: Style) -> Style {
        if self.coloured { style } else { Style::new() }
    }
}

/// The first thing to do about a finding.
fn first_action(
    signature: &Signature,
    lang: Lang,
    finding: &Finding,
    path: &str,
    names: &Names,
) -> Option<Action> {
    let values = Values {
        fields: &finding.fields,
        host: None,
        source: None,
        path,
        names,
        vars: &Vars::new(),
        signature: Some(signature),
    };
    command::steps(signature.runbook(lang), &values, lang).action.into_iter().next().map(|step| step.action)
}

/// What a replay found, by signature.
#[derive(Debug, Default)]
pub struct Totals {
    /// The zone of its times; that of each log where none is given.
    pub zone: Option<TimeZone>,
    rows: BTreeMap<(std::cmp::Reverse<Severity>, Arc<str>), Row>,
}

#[derive(Debug, Default)]
struct Row {
    count: u64,
    span: Span,
}

impl Totals {
    /// Counts a finding.
    pub fn add(&mut self, finding: &Finding) {
        let key = (std::cmp::Reverse(finding.severity), finding.signature.clone());
        let row = self.rows.entry(key).or_default();
        row.count += 1;
        row.span.add(finding.near);
    }

    /// The gravest severity found.
    pub fn gravest(&self) -> Option<Severity> {
        self.rows.keys().next().map(|(severity, _)| severity.0)
    }

    /// Writes the table, then one line on the whole.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write, summary: &Summary) -> io::Result<()> {
        let width = self.rows.keys().map(|(_, id)| id.len()).max().unwrap_or(0);
        if !self.rows.is_empty() {
            writeln!(
                out,
                "{DIM}{:<8} {:>8}  {:<width$}  {:<25}  last{DIM:#}",
                "severity", "findings", "signature", "first"
            )?;
        }
        for ((std::cmp::Reverse(severity), id), row) in &self.rows {
            let style = severity.style();
            let [first, last] = [row.span.first, row.span.last].map(|time| self.shown(time));
            let count = row.count;
            writeln!(out, "{style}{severity:<8}{style:#} {count:>8}  {id:<width$}  {first:<25}  {last}")?;
        }
        self.line(out, summary)
    }

    /// A time without fractions; `-` where there is none.
    fn shown(&self, time: Option<Time>) -> String {
        let offset = |time: Time| self.zone.as_ref().map_or(time.offset, |zone| zone.to_offset(time.instant));
        time.map_or("-".to_owned(), |time| Time { digits: 0, offset: offset(time), ..time }.to_string())
    }

    /// Writes the line on the whole alone.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn line(&self, out: &mut impl Write, summary: &Summary) -> io::Result<()> {
        let Summary { findings, files, lines, bytes, seconds, unreadable, .. } = summary;
        let rate = *bytes as f64 / seconds.max(1e-9);
        write!(
            out,
            "{BOLD}{}{BOLD:#} in {}: {}, {} in {seconds:.2} s ({}/s)",
            counted(*findings, "finding"),
            counted(*files, "file"),
            counted(*lines, "line"),
            size(*bytes as f64),
            size(rate),
        )?;
        match unreadable.len() {
            0 => writeln!(out),
            count => writeln!(out, "; {} could not be read", counted(count as u64, "file")),
        }
    }
}

/// Writes how many records of each level every file has.
///
/// # Errors
///
/// Those of `out`.
pub fn write_levels(out: &mut impl Write, files: &BTreeMap<String, LevelCounts>) -> io::Result<()> {
    let row = |style: Style, cells: &mut dyn Iterator<Item = String>, last: &str| {
        let cells: String = cells.map(|cell| format!("{cell:>10} ")).collect();
        format!("{style}{cells} {last}{style:#}")
    };
    let mut names = LevelCounts::default().named().map(|(name, _)| name.to_owned());
    writeln!(out, "{}", row(DIM, &mut names, "file"))?;
    for (path, counts) in files {
        let mut counts = counts.named().map(|(_, count)| count.to_string());
        writeln!(out, "{}", row(Style::new(), &mut counts, &text::clean_line(path)))?;
    }
    Ok(())
}
