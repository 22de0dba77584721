//! The JSON of `doctor --json`, version 1: a line for each finding and each check that could not
//! look, a summary last.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::Told;
use crate::doctor::{Place, Report};
use crate::model::alert::{Action, Lang, Link};
use crate::model::finding::Severity;
use crate::signature::Catalogue;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Finding {
        check: &'a str,
        severity: Severity,
        title: &'a str,
        found: &'a str,
        places: Vec<Spot<'a>>,
        why: &'a str,
        mend: Option<&'a str>,
        diff: Option<&'a str>,
        action: &'a [Action],
        links: &'a [Link],
        lang: Lang,
    },
    NotChecked {
        check: &'a str,
        why: &'a str,
    },
    Summary {
        findings: usize,
        by_severity: BTreeMap<&'static str, usize>,
        fine: &'a [&'static str],
        not_checked: Vec<&'a str>,
    },
}

/// A place; a file as a whole has no line.
#[derive(Serialize)]
struct Spot<'a> {
    path: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    width: Option<usize>,
    text: Option<&'a str>,
}

impl<'a> Spot<'a> {
    fn of(place: &'a Place) -> Spot<'a> {
        let excerpt = place.excerpt.as_ref();
        Spot {
            path: &place.path,
            line: excerpt.map(|excerpt| excerpt.line),
            column: excerpt.map(|excerpt| excerpt.column),
            width: excerpt.map(|excerpt| excerpt.width),
            text: excerpt.map(|excerpt| &*excerpt.text),
        }
    }
}

/// Writes the report, one object a line.
///
/// # Errors
///
/// `out` cannot be written to.
pub fn write(out: &mut impl Write, report: &Report, catalogue: &Catalogue, lang: Lang) -> io::Result<()> {
    let mut by_severity = BTreeMap::new();
    for finding in &report.findings {
        let told = Told::of(finding, catalogue, lang);
        *by_severity.entry(told.severity.name()).or_insert(0) += 1;
        line(
            out,
            &Line::Finding {
                check: told.check,
                severity: told.severity,
                title: &told.title,
                found: &told.found,
                places: told.places.iter().map(Spot::of).collect(),
                why: &told.why,
                mend: told.mend.as_deref(),
                diff: told.diff.as_deref(),
                action: &told.action,
                links: &told.links,
                lang,
            },
        )?;
    }
    for unchecked in &report.unchecked {
        let why = crate::base::text::clean_line(unchecked.why.in_lang(lang));
        line(out, &Line::NotChecked { check: unchecked.check, why: &why })?;
    }
    let mut not_checked: Vec<&str> = report.unchecked.iter().map(|unchecked| unchecked.check).collect();
    not_checked.dedup();
    line(
        out,
        &Line::Summary { findings: report.findings.len(), by_severity, fine: &report.fine, not_checked },
    )
}

fn line(out: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    writeln!(out)
}
