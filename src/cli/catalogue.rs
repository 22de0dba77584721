//! The catalogue a command works with: the built-in packs and the operator's.

use std::path::PathBuf;

use anyhow::Result;

use crate::diagnostic::Diagnostic;
use crate::packs;
use crate::signature::{Catalogue, PageSource, Trust, builtin};

/// Pages, and what is known of each.
type Pages = Vec<(PageSource, Trust)>;

/// The pages of the built-in packs and of `folders`, or what is wrong with the folders.
pub(super) fn pages(folders: &[PathBuf]) -> (Pages, Vec<Diagnostic>) {
    let mut pages: Pages = builtin::pages().map(|page| (page, Trust::Tested)).collect();
    let mut faults = Vec::new();
    for folder in folders {
        match packs::read_folder(folder) {
            Ok(found) => pages.extend(found.into_iter().map(|page| (page, Trust::Untested))),
            Err(found) => faults.extend(found),
        }
    }
    (pages, faults)
}

/// The signatures of the built-in packs and of `folders`, without those that `disable` matches.
///
/// # Errors
///
/// All faults of all pages, rendered.
pub(super) fn load(folders: &[PathBuf], disable: &[glob::Pattern]) -> Result<Catalogue> {
    checked(pages(folders), disable)
}

/// Those of them that one of `patterns` matches; all where there is no pattern.
///
/// # Errors
///
/// The same: the operator's pages are checked whether they are asked for or not.
pub(super) fn load_only(folders: &[PathBuf], patterns: &[glob::Pattern]) -> Result<Catalogue> {
    let (mut pages, faults) = pages(folders);
    let is_asked = |page: &PageSource| patterns.iter().any(|pattern| pattern.matches(&page.id()));
    pages.retain(|(page, trust)| *trust == Trust::Untested || patterns.is_empty() || is_asked(page));
    Ok(checked((pages, faults), &[])?.only(patterns))
}

fn checked((pages, mut faults): (Pages, Vec<Diagnostic>), disable: &[glob::Pattern]) -> Result<Catalogue> {
    let (catalogue, found) = Catalogue::load_trusting(pages, disable);
    faults.extend(found);
    if faults.is_empty() { Ok(catalogue) } else { Err(Faults(faults).into()) }
}

/// Faults as an error: all of them, one after the other.
#[derive(Debug)]
pub(super) struct Faults(pub Vec<Diagnostic>);

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.0.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(f, "{count} fault{plural}\n")?;
        self.0.iter().enumerate().try_for_each(|(index, fault)| {
            let gap = if index > 0 { "\n\n" } else { "" };
            write!(f, "{gap}{fault}")
        })
    }
}

impl std::error::Error for Faults {}
