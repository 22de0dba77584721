//! The command lines that programs really have, in each release: `programs.jsonl`, which `examples/commands` reads from
//! their sources.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::release::{Release, Releases};

/// What each program accepts.
pub static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| {
    // The tests read the same file, so it is well formed.
    Programs::read(include_str!("programs.jsonl")).unwrap_or_default()
});

/// All programs.
#[derive(Debug, Default)]
pub struct Programs {
    /// By program and the words of the command; the program itself is the empty path.
    commands: BTreeMap<(String, String), Command>,
    /// The first release that was read, by release line.
    first: BTreeMap<String, Release>,
}

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Command(Box<Row>),
    /// Which releases were read.
    Releases {
        releases: String,
        first: String,
    },
}

#[derive(Debug, Deserialize)]
struct Row {
    program: String,
    path: String,
    #[serde(flatten)]
    command: Command,
}

/// A command of a program.
#[derive(Debug, Deserialize)]
pub struct Command {
    /// Whose releases `since` and `until` are.
    pub releases: String,
    /// Other names of its last word.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// It only holds other commands.
    #[serde(default)]
    pub group: bool,
    /// How many arguments it takes; nothing is known where there is none.
    #[serde(default)]
    pub args: Vec<Arguments>,
    #[serde(default)]
    pub flags: Vec<Flag>,
    /// Releases in which it always fails.
    #[serde(default)]
    pub refuses: Vec<Span>,
    /// Aliases that were its name before, and since when.
    #[serde(skip)]
    former: Vec<(String, Span)>,
    #[serde(flatten)]
    pub span: Span,
}

/// From which release on something is there, and up to which.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Span {
    since: Option<String>,
    until: Option<String>,
}

/// How many arguments a command takes in some releases.
#[derive(Debug, Deserialize)]
pub struct Arguments {
    /// At least so many.
    pub min: usize,
    /// At most so many; `None`: any number.
    pub max: Option<usize>,
    #[serde(flatten)]
    pub span: Span,
}

/// A flag of a command.
#[derive(Debug, Deserialize)]
pub struct Flag {
    /// Long and short, without dashes.
    pub names: Vec<String>,
    /// Other names of it, which came or went at other times.
    #[serde(default)]
    or: Vec<String>,
    /// What stands behind it.
    pub value: Value,
    /// The command is refused without it.
    #[serde(default)]
    pub required: bool,
    /// The command does nothing without it.
    #[serde(default)]
    pub demanded: bool,
    /// Names that it had when its command was called otherwise, and since when.
    #[serde(skip)]
    former: Vec<(String, Span)>,
    required_since: Option<String>,
    required_until: Option<String>,
    #[serde(flatten)]
    pub span: Span,
}

/// What stands behind a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    None,
    Number,
    Float,
    Duration,
    Text,
    List,
}

impl Span {
    /// Whether it is one release alone.
    pub fn is_one_release(&self) -> bool {
        self.since.is_some() && self.since == self.until
    }

    /// As releases.
    pub fn releases(&self) -> Releases {
        releases(self.since.as_deref(), self.until.as_deref())
    }
}

impl Command {
    /// The releases in which it is there by the name `word`.
    pub fn releases(&self, word: &str) -> Releases {
        named(&self.former, word).unwrap_or(&self.span).releases()
    }
}

impl Flag {
    /// Whether it is given by this flag, of whatever name.
    pub fn is(&self, given: &Flag) -> bool {
        self.names == given.names || self.or.iter().any(|name| given.names.contains(name))
    }

    /// The releases in which it is there by this name.
    pub fn releases(&self, name: &str) -> Releases {
        named(&self.former, name).unwrap_or(&self.span).releases()
    }

    /// The releases in which the command has to be given it.
    pub fn needed(&self) -> Option<Releases> {
        let told = self.required_since.is_some() || self.required_until.is_some();
        (self.required || self.demanded || told).then(|| {
            let of_its_own = releases(self.required_since.as_deref(), self.required_until.as_deref());
            self.span.releases().within(&of_its_own)
        })
    }
}

fn named<'s>(former: &'s [(String, Span)], name: &str) -> Option<&'s Span> {
    former.iter().find(|(known, _)| known == name).map(|(_, span)| span)
}

fn releases(since: Option<&str>, until: Option<&str>) -> Releases {
    Releases { since: since.and_then(Release::parse), until: until.and_then(Release::parse) }
}

impl Programs {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// The number of the first line that is none, and what is wrong with it.
    fn read(text: &str) -> Result<Programs, String> {
        let mut programs = Programs::default();
        for (index, line) in text.lines().enumerate() {
            match serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))? {
                Line::Command(row) => {
                    programs.commands.insert((row.program, row.path), row.command);
                }
                Line::Releases { releases, first } => {
                    programs.first.extend(Release::parse(&first).map(|first| (releases, first)));
                }
            }
        }
        programs.join_renamed();
        Ok(programs)
    }

    /// A command that was renamed, and has its former name as an alias, stands in the file twice.
    fn join_renamed(&mut self) {
        let mut renamed = Vec::new();
        for ((program, path), command) in &self.commands {
            let parent = path.rsplit_once(' ').map_or("", |(parent, _)| parent);
            let former = command.aliases.iter().map(|alias| (program.clone(), join(parent, alias)));
            let known = former.filter(|former| self.commands.contains_key(former));
            renamed.extend(known.map(|former| ((program.clone(), path.clone()), former)));
        }
        for (today, former) in renamed {
            let Some(old) = self.commands.remove(&former) else { continue };
            let Some(command) = self.commands.get_mut(&today) else { continue };
            let since = |span: &Span| Span { since: span.since.clone(), until: None };
            let word = former.1.rsplit(' ').next().unwrap_or_default().to_owned();
            command.former.push((word, since(&old.span)));
            for flag in &mut command.flags {
                let before =
                    old.flags.iter().filter(|old| old.names.iter().any(|name| flag.names.contains(name)));
                let names =
                    before.flat_map(|old| old.names.iter().map(|name| (name.clone(), since(&old.span))));
                flag.former.extend(names);
            }
        }
    }

    /// Those of `releases` of the line `of`, where they are less than all that matters: what came with a patch of the
    /// first minor release was there from the start.
    pub fn part(&self, of: &str, releases: Releases) -> Releases {
        let first = self.first.get(of);
        let later =
            |since: &Release| first.is_none_or(|it| (it.major, it.minor) != (since.major, since.minor));
        Releases { since: releases.since.filter(later), until: releases.until }
    }

    /// The command of `program` with these words; `""` is the program itself.
    pub fn command(&self, program: &str, path: &str) -> Option<&Command> {
        self.commands.get(&(program.to_owned(), path.to_owned()))
    }

    /// The command `word` below `path`, by its name or an alias: its own path.
    pub fn below(&self, program: &str, path: &str, word: &str) -> Option<String> {
        let child = join(path, word);
        if self.command(program, &child).is_some() {
            return Some(child);
        }
        self.children(program, path)
            .find(|(_, command)| command.aliases.iter().any(|alias| alias == word))
            .map(|(path, _)| path.to_owned())
    }

    /// The commands right below `path`.
    pub fn children<'p>(&'p self, program: &str, path: &str) -> impl Iterator<Item = (&'p str, &'p Command)> {
        let prefix = join(path, "");
        let from = (program.to_owned(), prefix.clone());
        let program = program.to_owned();
        let all = self.commands.range(from..).take_while({
            let (program, prefix) = (program, prefix.clone());
            move |((of, path), _)| *of == program && path.starts_with(&prefix)
        });
        all.filter_map(move |((_, path), command)| {
            let word = &path[prefix.len()..];
            (!word.is_empty() && !word.contains(' ')).then_some((path.as_str(), command))
        })
    }
}

/// The path of `word` below `path`; a prefix of all that is below where `word` is empty.
fn join(path: &str, word: &str) -> String {
    if path.is_empty() { word.to_owned() } else { format!("{path} {word}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_whole() {
        let programs = Programs::read(include_str!("programs.jsonl")).unwrap();
        for (program, path) in [
            ("damocles-manager", "util sealer sectors state"),
            ("damocles-worker", "worker list"),
            ("lotus-miner", "proving recover-faults"),
            ("lotus", "mpool replace"),
            ("sophon-messager", "msg list-blocked"),
        ] {
            assert!(programs.command(program, path).is_some(), "{program} {path}");
        }
        let below: Vec<_> = programs.children("damocles-worker", "worker").map(|(path, _)| path).collect();
        assert!(below.contains(&"worker pause"), "{below:?}");
        assert!(below.iter().all(|path| path.split(' ').count() == 2), "{below:?}");
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let error = Programs::read("{\"releases\":\"x\",\"first\":\"v0.1.0\"}\n{}").unwrap_err();
        assert!(error.starts_with("line 2: "), "{error}");
    }
}
