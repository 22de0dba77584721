//! An examination joined with the pages of its checks, as people read it and as JSON.
//!
//! The page says how grave a check is, why it matters and what to do; so an operator's page of the
//! same id changes what a report says. Lines of foreign files are shown without controls and without
//! secrets.

mod json;
mod text;

pub use self::json::write as write_json;
pub use self::text::write as write_text;

use super::{Diff, Finding, Place};
use crate::alert::{Action, Lang, Link};
use crate::correlate::command::{self, Values, Vars};
use crate::diagnostic::Excerpt;
use crate::finding::Severity;
use crate::record::{Fields, Names};
use crate::redact::redact;
use crate::signature::{Catalogue, Signature};
use crate::text::clean_line;

/// A finding with what its page says, in one language.
#[derive(Debug)]
pub struct Told {
    /// Id of the check.
    pub check: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// Title of its page.
    pub title: String,
    /// What was found.
    pub found: String,
    /// Where.
    pub places: Vec<Place>,
    /// Why it matters, Markdown.
    pub why: String,
    /// What would mend it here.
    pub mend: Option<String>,
    /// The lines that would.
    pub diff: Option<String>,
    /// The steps of the page.
    pub action: Vec<Action>,
    /// Where to read on.
    pub links: Vec<Link>,
}

impl Told {
    /// What `finding` comes to with the page that the catalogue has of it.
    pub fn of(finding: &Finding, catalogue: &Catalogue, lang: Lang) -> Told {
        let page = catalogue.get(finding.check).map(|page| &**page);
        let places: Vec<Place> = finding.places.iter().map(safe_place).collect();
        let runbook = page.map(|page| page.runbook(lang).clone()).unwrap_or_default();
        Told {
            check: finding.check,
            severity: severity(page),
            title: if page.is_some() { runbook.title } else { finding.check.to_owned() },
            found: clean_line(finding.found.in_lang(lang)),
            why: runbook.meaning,
            mend: finding.mend.as_ref().map(|mend| clean_line(mend.in_lang(lang))),
            diff: finding.diff.as_ref().map(unified),
            action: page.map(|page| action(page, lang, &places)).unwrap_or_default(),
            links: runbook.links,
            places,
        }
    }
}

/// How grave a check is; an unknown page is taken seriously.
fn severity(page: Option<&Signature>) -> Severity {
    page.map_or(Severity::Error, |page| page.severity)
}

/// The steps of the page: `{path}` and `{worker_config}` are the file that was looked at.
fn action(page: &Signature, lang: Lang, places: &[Place]) -> Vec<Action> {
    let path = places.first().map_or("", |place| &place.path);
    let vars: Vars = [("worker_config".to_owned(), path.to_owned())].into();
    let values = Values {
        fields: &Fields::new(),
        host: None,
        source: None,
        path,
        names: &Names::default(),
        vars: &vars,
        allowed: if path.is_empty() { &[] } else { &page.vars },
    };
    page.runbook(lang).steps.iter().map(|step| command::fill(step, &values)).collect()
}

/// A line of a foreign file, fit to be shown.
fn safe(line: &str) -> String {
    clean_line(&redact(line))
}

fn safe_place(place: &Place) -> Place {
    let shown = |excerpt: &Excerpt| {
        let text = safe(&excerpt.text);
        let most = text.chars().count() + 1;
        let column = excerpt.column.min(most);
        Excerpt { line: excerpt.line, column, width: excerpt.width.min(most - column).max(1), text }
    };
    Place { path: clean_line(&place.path), excerpt: place.excerpt.as_ref().map(shown) }
}

/// A place in short: `config.toml:41`.
pub(super) fn short(place: &Place) -> String {
    let line = place.excerpt.as_ref().map(|excerpt| format!(":{}", excerpt.line));
    format!("{}{}", clean_line(&place.path), line.unwrap_or_default())
}

/// The diff as `diff -U0` writes it.
fn unified(diff: &Diff) -> String {
    let path = clean_line(&diff.path);
    let mut text = format!("--- {path}\n+++ {path}\n");
    let mut shift = 0_i64;
    for edit in &diff.edits {
        let (removed, added) = (usize::from(edit.old.is_some()), usize::from(edit.new.is_some()));
        // Of a side without lines the header names the line before.
        let old = edit.line;
        let new = (old as i64 + shift) + if removed == 0 { 1 } else { 0 } - if added == 0 { 1 } else { 0 };
        text.push_str(&format!("@@ -{old},{removed} +{new},{added} @@\n"));
        text.extend(edit.old.iter().map(|line| format!("-{}\n", safe(line))));
        text.extend(edit.new.iter().map(|line| format!("+{}\n", safe(line))));
        shift += added as i64 - removed as i64;
    }
    text
}
