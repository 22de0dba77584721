//! The catalogue a command works with: the built-in packs and the operator's.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{KnownArgs, environment};
use crate::base::diagnostic::Diagnostic;
use crate::config::{self, Config};
use crate::correlate::command::Vars;
use crate::deliver::sink::Sink;
use crate::signature::packs;
use crate::signature::{Catalogue, PageSource, Trust, builtin};

/// What a command that shows the catalogue works with.
pub(super) struct Known {
    /// The built-in packs, those of the configuration and those of the arguments.
    pub catalogue: Catalogue,
    /// The operator's `[vars]`.
    pub vars: Vars,
    /// Where alerts go.
    pub sinks: Vec<Sink>,
    /// Name of the box, if the configuration has one.
    pub host: Option<String>,
}

/// What the configuration and the arguments name. A configuration with faults in one of the usual places is left out
/// with a warning: to read a page must be possible while it is being written.
///
/// # Errors
///
/// All faults of a configuration that was named, or of the pages.
pub(super) fn of(args: &KnownArgs) -> Result<Known> {
    let path = config::find(args.config.as_deref(), &environment, &|path: &Path| path.exists());
    let config = match path.map(|path| (Config::load(&path, &environment), path)) {
        None => Config::default(),
        Some((Ok(config), _)) => config,
        Some((Err(faults), _)) if args.config.is_some() => return Err(Faults(faults).into()),
        Some((Err(_), path)) => {
            let path = path.display();
            tracing::warn!(
                "{path} has faults, its packs and [vars] are left out; `sealtail check` shows them"
            );
            Config::default()
        }
    };
    let catalogue = load(&[config.packs, args.packs.packs.clone()].concat(), &[])?;
    Ok(Known { catalogue, vars: config.vars, sinks: config.sinks, host: config.host })
}

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
    if !patterns.is_empty() {
        let own = pages.iter().filter(|(_, trust)| *trust == Trust::Untested).map(|(page, _)| page.id());
        let own: HashSet<String> = own.collect();
        // The others are not worth reading. An own page may translate a built-in one.
        pages.retain(|(page, _)| {
            let id = page.id();
            own.contains(&id) || patterns.iter().any(|pattern| pattern.matches(&id))
        });
    }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A built-in page that has a translation.
    const TRANSLATED: &str = "venus-cluster/ext-unmarshal-response";

    #[test]
    fn what_is_not_read_makes_no_difference() {
        let folder = tempfile::tempdir().unwrap();
        let page = |id: &str, suffix: &str| {
            let found = builtin::pages().find(|page| page.page.path.ends_with(&format!("{id}{suffix}")));
            found.unwrap().page.text
        };
        fs::create_dir_all(folder.path().join("venus-cluster")).unwrap();
        fs::create_dir_all(folder.path().join("site")).unwrap();
        // A translation of its own for a built-in page, and a page of its own.
        fs::write(folder.path().join(format!("{TRANSLATED}.zh.md")), &*page(TRANSLATED, ".zh.md")).unwrap();
        fs::write(folder.path().join("site/own.md"), &*page(TRANSLATED, ".md")).unwrap();
        let own = [folder.path().to_owned()];
        for folders in [&[][..], &own] {
            for patterns in [&[][..], &["site/*"], &["venus-cluster/*", "gpu/*"], &["none/*"]] {
                let patterns: Vec<_> =
                    patterns.iter().map(|pattern| glob::Pattern::new(pattern).unwrap()).collect();
                let ids = |catalogue: Catalogue| -> Vec<String> {
                    catalogue.signatures().iter().map(|one| one.id.to_string()).collect()
                };
                let all = load(folders, &[]).unwrap().only(&patterns);
                assert_eq!(ids(load_only(folders, &patterns).unwrap()), ids(all), "{patterns:?}");
            }
        }
        fs::write(folder.path().join("site/bad.md"), "no page").unwrap();
        assert!(load_only(&own, &[glob::Pattern::new("gpu/*").unwrap()]).is_err());
    }
}
