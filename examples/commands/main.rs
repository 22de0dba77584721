//! Reads the commands of damocles, lotus and their neighbours from their sources, release by release, and writes them
//! as the data file that the commands of runbook pages are held against.
//!
//! ```sh
//! cargo run --release --example commands -- ~/src/damocles ~/src/lotus … > src/signature/command/programs.jsonl
//! ```
//!
//! A checkout is read through `git`, at its tags; its work tree is not looked at. The file has one JSON object a line:
//! first the release lines, then the commands, sorted by program and path. Keys with their usual value are left out.
//! What cannot be read is said on standard error with its place.

mod git;
mod go;
mod history;
mod model;
mod programs;
mod rust;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use git::{Repository, Tree};
use go::{Evaluator, Shelf, Snapshot};
use history::{History, Releases};
use model::{Commands, Unread};
use programs::{Language, PROGRAMS, Program, SINCE, Version, version};

fn main() -> Result<()> {
    let checkouts: Vec<String> = std::env::args().skip(1).collect();
    if checkouts.is_empty() {
        bail!("usage: commands CHECKOUT… > FILE");
    }
    let mut all = All::default();
    for checkout in &checkouts {
        all.read(Path::new(checkout)).with_context(|| format!("cannot read {checkout}"))?;
    }
    all.write();
    Ok(())
}

/// All that was read.
#[derive(Default)]
struct All {
    programs: BTreeMap<&'static str, Releases>,
    /// Tags of its repository at which a program is not there.
    absent: BTreeMap<&'static str, Vec<String>>,
    unread: RefCell<Unread>,
}

impl All {
    fn read(&mut self, checkout: &Path) -> Result<()> {
        let repository = Repository::open(checkout)?;
        let mut tags = repository.tags()?;
        tags.retain(|(_, day)| day.as_str() >= SINCE);
        let (go, rust) = (Shelf::default(), rust::Shelf::default());
        let mut found = 0;
        for (tag, _) in &tags {
            let (prefix, rest) = tag
                .rsplit_once('/')
                .map_or(("", tag.as_str()), |(_, rest)| (&tag[..tag.len() - rest.len()], rest));
            let Some(version) = version(rest) else { continue };
            let wanted: Vec<&Program> =
                PROGRAMS.iter().filter(|program| is_read_at(program, prefix, rest, &tags)).collect();
            if wanted.is_empty() {
                continue;
            }
            self.unread.borrow_mut().tag.clone_from(tag);
            let tree = repository.tree(tag)?;
            let snapshot = Snapshot::open(&repository, &tree, &go)?;
            let modules: BTreeSet<&str> = snapshot.module_names().collect();
            for program in wanted {
                if program.modules.iter().all(|module| !modules.contains(module)) {
                    continue;
                }
                let commands = self.program(program, &snapshot, &tree, &rust);
                if commands.is_empty() {
                    self.absent.entry(program.name).or_default().push(tag.clone());
                } else {
                    found += 1;
                    self.programs.entry(program.name).or_default().insert(version, commands);
                }
            }
        }
        if found == 0 {
            bail!("it has no release of a known program");
        }
        Ok(())
    }

    fn program(
        &self,
        program: &Program,
        snapshot: &Snapshot<'_>,
        tree: &Tree,
        rust: &rust::Shelf,
    ) -> Commands {
        match program.language {
            Language::Go => {
                let mut folders = program.folders.iter().filter(|folder| snapshot.has(folder));
                folders.next().map_or_else(Commands::new, |folder| {
                    go::read(&Evaluator::new(snapshot), folder, &self.unread)
                })
            }
            Language::Rust => rust::read(snapshot.texts, tree, rust, program.folders, &self.unread),
        }
    }

    /// Writes the data, and what is to be said of it.
    fn write(&self) {
        let mut read: BTreeMap<&str, BTreeSet<Version>> = BTreeMap::new();
        for program in PROGRAMS {
            let releases = self.programs.get(program.name).into_iter().flat_map(BTreeMap::keys);
            read.entry(program.line).or_default().extend(releases);
        }
        for (line, versions) in &read {
            history::line_of(line, versions).into_iter().for_each(|text| println!("{text}"));
        }
        let (mut commands, mut releases_read) = (0, 0);
        for program in PROGRAMS {
            let Some(releases) = self.programs.get(program.name) else { continue };
            let Some(first) = read[program.line].first() else { continue };
            let history = History { program: program.name, line: program.line, first: *first, releases };
            let lines = history.lines(&mut |text| eprintln!("{text}"));
            eprintln!("{}: {} commands in {} releases", program.name, lines.len(), releases.len());
            commands += lines.len();
            releases_read += releases.len();
            lines.iter().for_each(|line| println!("{line}"));
        }
        for (program, tags) in &self.absent {
            eprintln!("not there: {program} at {}", tags.join(" "));
        }
        let unread = self.unread.borrow();
        unread.lines().for_each(|line| eprintln!("not read: {line}"));
        eprintln!("{commands} commands in {releases_read} releases; not read: {}", unread.lines().count());
    }
}

/// Whether a program is read at a tag. Where it has a tag of its own for a version, that is the one.
fn is_read_at(program: &Program, prefix: &str, version: &str, tags: &[(String, String)]) -> bool {
    let own = program.own_tags.unwrap_or_default();
    let has_own = || tags.iter().any(|(tag, _)| *tag == format!("{own}{version}"));
    prefix == own || (prefix.is_empty() && !has_own())
}
