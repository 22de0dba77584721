//! One history of a program from what it accepted in each release, and the lines of the data file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::{Args, Command, Commands, Flag};
use crate::programs::{Version, written};

/// What a program accepted, release by release.
pub type Releases = BTreeMap<Version, Commands>;

/// The history of one program.
pub struct History<'h> {
    pub program: &'h str,
    pub line: &'h str,
    /// The first release read of its line.
    pub first: Version,
    pub releases: &'h Releases,
}

/// A release line, as it is written.
#[derive(Serialize)]
struct LineRow<'r> {
    releases: &'r str,
    first: &'r str,
    last: &'r str,
    read: &'r [String],
}

/// A command, as it is written.
#[derive(Serialize)]
struct CommandRow<'r> {
    program: &'r str,
    releases: &'r str,
    path: &'r str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    aliases: &'r [String],
    #[serde(flatten)]
    span: Span,
    #[serde(skip_serializing_if = "is_false")]
    hidden: bool,
    #[serde(skip_serializing_if = "is_false")]
    group: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refuses: Vec<Span>,
    args: Vec<ArgsRow>,
    flags: Vec<FlagRow<'r>>,
}

#[derive(Serialize)]
struct ArgsRow {
    min: usize,
    max: Option<usize>,
    #[serde(flatten)]
    span: Span,
}

#[derive(Serialize)]
struct FlagRow<'r> {
    names: Vec<&'r str>,
    /// Its names in other rows, of a row that says whether it is required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    or: Vec<&'r str>,
    value: &'static str,
    #[serde(skip_serializing_if = "is_false")]
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_until: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    demanded: bool,
    #[serde(flatten)]
    span: Span,
}

/// From when to when, unless that goes without saying.
#[derive(Serialize)]
struct Span {
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(truth: &bool) -> bool {
    !truth
}

/// The line of a release line; none where nothing of it was read.
pub fn line_of(name: &str, read: &BTreeSet<Version>) -> Option<String> {
    let read: Vec<String> = read.iter().copied().map(written).collect();
    let row = LineRow { releases: name, first: read.first()?, last: read.last()?, read: &read };
    Some(json(&row))
}

fn json(row: &impl Serialize) -> String {
    // Rows hold texts, numbers and lists only.
    serde_json::to_string(row).unwrap_or_default()
}

/// A flag in each release that has it.
type Seen<'r> = Vec<(Version, &'r Flag)>;

/// One name of a flag, and the flag in each release that has it.
type Named<'r> = (&'r str, Seen<'r>);

impl History<'_> {
    /// The lines of its commands, in the order of their paths. What went and came again is told.
    pub fn lines(&self, tell: &mut dyn FnMut(String)) -> Vec<String> {
        let paths: BTreeSet<&String> = self.releases.values().flat_map(Commands::keys).collect();
        paths.into_iter().map(|path| self.command(path, tell)).collect()
    }

    fn command(&self, path: &str, tell: &mut dyn FnMut(String)) -> String {
        let in_release = |(version, commands)| Some((version, Commands::get(commands, path)?));
        let seen: Vec<(Version, &Command)> = self
            .releases
            .iter()
            .map(|(version, commands)| (*version, commands))
            .filter_map(in_release)
            .collect();
        let releases: Vec<Version> = seen.iter().map(|(version, _)| *version).collect();
        self.gap(path, &releases, tell);
        let (until, newest) = seen[seen.len() - 1];
        json(&CommandRow {
            program: self.program,
            releases: self.line,
            path,
            aliases: &newest.aliases,
            span: self.span(seen[0].0, until),
            hidden: newest.hidden,
            group: newest.group,
            refuses: self.refuses(path, &seen, tell),
            args: self.args(&seen),
            flags: self.flags(path, &seen, tell),
        })
    }

    fn span(&self, since: Version, until: Version) -> Span {
        let is_last = self.releases.keys().next_back() == Some(&until);
        Span {
            since: (since != self.first).then(|| written(since)),
            until: (!is_last).then(|| written(until)),
        }
    }

    /// The releases in which it does nothing but refuse.
    fn refuses(&self, path: &str, seen: &[(Version, &Command)], tell: &mut dyn FnMut(String)) -> Vec<Span> {
        let spans = spans(seen, |command| command.refuses).into_iter().filter(|(refuses, ..)| *refuses);
        let spans = spans.map(|(_, since, until)| {
            let (from, to) = (written(since), written(until));
            tell(format!("refuses whatever it is given: {} {path}: {from} to {to}", self.program));
            self.span(since, until)
        });
        spans.collect()
    }

    fn args(&self, seen: &[(Version, &Command)]) -> Vec<ArgsRow> {
        let known = spans(seen, |command| command.args).into_iter().filter_map(|(args, since, until)| {
            let Args { min, max } = args?;
            Some(ArgsRow { min, max, span: self.span(since, until) })
        });
        known.collect()
    }

    fn flags<'r>(
        &self,
        path: &str,
        seen: &[(Version, &'r Command)],
        tell: &mut dyn FnMut(String),
    ) -> Vec<FlagRow<'r>> {
        let mut by_name: BTreeMap<&str, Vec<(Version, &Flag)>> = BTreeMap::new();
        for (version, command) in seen {
            for flag in &command.flags {
                for name in &flag.names {
                    let releases = by_name.entry(name).or_default();
                    if releases.last().is_none_or(|(last, _)| last != version) {
                        releases.push((*version, flag));
                    }
                }
            }
        }
        for (name, releases) in &by_name {
            let releases: Vec<Version> = releases.iter().map(|(version, _)| *version).collect();
            self.gap(&format!("{path} --{name}"), &releases, tell);
        }
        let mut rows: Vec<FlagRow<'_>> =
            families(by_name).into_iter().flat_map(|family| self.family(family)).collect();
        rows.sort_by(|one, other| one.names.cmp(&other.names));
        rows
    }

    /// The rows of a flag. Each name stands in one row; names that came and went together stand together. Whether the
    /// flag is required is said in one row, that of the names which hold longest.
    fn family<'r>(&self, family: Vec<Named<'r>>) -> Vec<FlagRow<'r>> {
        let mut groups: Vec<(Vec<&str>, Seen<'_>)> = Vec::new();
        let ends = |releases: &[(Version, &Flag)]| (releases[0].0, releases[releases.len() - 1].0);
        for (name, releases) in &family {
            match groups.iter_mut().find(|(_, other)| ends(other) == ends(releases)) {
                Some((names, other)) => {
                    names.push(name);
                    if other.len() < releases.len() {
                        other.clone_from(releases);
                    }
                }
                None => groups.push((vec![name], releases.clone())),
            }
        }
        let mut all: BTreeMap<Version, bool> = BTreeMap::new();
        for (version, flag) in family.iter().flat_map(|(_, releases)| releases) {
            *all.entry(*version).or_default() |= flag.required;
        }
        let main =
            (0..groups.len()).max_by_key(|at| (groups[*at].1.len(), groups[*at].0.len(), usize::MAX - at));
        let all_names: Vec<&str> = groups.iter().flat_map(|(names, _)| names).copied().collect();
        let rows = groups.into_iter().enumerate().map(|(at, (mut names, releases))| {
            let (since, until) = ends(&releases);
            let (_, newest) = releases[releases.len() - 1];
            names.sort_by_key(|name| newest.names.iter().position(|other| other == name));
            let is_main = main == Some(at);
            let required: Vec<(Version, bool)> =
                all.range(since..=until).map(|(at, is)| (*at, *is)).collect();
            let first = required.iter().position(|(_, is)| *is).filter(|_| is_main);
            let last = required.iter().rposition(|(_, is)| *is).filter(|_| is_main);
            let needed = first.is_some() || (newest.demanded && is_main);
            let others = all_names.iter().filter(|name| needed && !names.contains(name)).copied();
            FlagRow {
                or: others.collect(),
                names,
                value: newest.value.word(),
                required: last.is_some_and(|last| last + 1 == required.len()),
                required_since: first.filter(|first| *first > 0).map(|first| written(required[first].0)),
                required_until: last
                    .filter(|last| last + 1 < required.len())
                    .map(|last| written(required[last].0)),
                demanded: newest.demanded && is_main,
                span: self.span(since, until),
            }
        });
        rows.collect()
    }

    /// Tells of releases in between that do not have it.
    fn gap(&self, what: &str, has: &[Version], tell: &mut dyn FnMut(String)) {
        let (Some(first), Some(last)) = (has.first(), has.last()) else { return };
        let between = self.releases.range(*first..=*last).map(|(version, _)| *version);
        let missing: Vec<String> = between.filter(|version| !has.contains(version)).map(written).collect();
        if !missing.is_empty() {
            tell(format!("goes and comes again: {} {what}: not in {}", self.program, missing.join(" ")));
        }
    }
}

/// What holds of a command, with the releases from and to which it does.
fn spans<T: PartialEq>(
    seen: &[(Version, &Command)],
    what: impl Fn(&Command) -> T,
) -> Vec<(T, Version, Version)> {
    let mut spans: Vec<(T, Version, Version)> = Vec::new();
    for (version, command) in seen {
        let holds = what(command);
        match spans.last_mut() {
            Some((other, _, until)) if *other == holds => *until = *version,
            _ => spans.push((holds, *version, *version)),
        }
    }
    spans
}

/// Names that belonged to one flag in some release.
fn families<'r>(by_name: BTreeMap<&'r str, Vec<(Version, &'r Flag)>>) -> Vec<Vec<Named<'r>>> {
    let mut families: Vec<(BTreeSet<&str>, Vec<Named<'r>>)> = Vec::new();
    for (name, releases) in by_name {
        let mut kin: BTreeSet<&str> = BTreeSet::from([name]);
        kin.extend(releases.iter().flat_map(|(_, flag)| &flag.names).map(String::as_str));
        let mut members = vec![(name, releases)];
        let (related, others): (Vec<_>, Vec<_>) =
            families.into_iter().partition(|(other, _)| !other.is_disjoint(&kin));
        families = others;
        for (other, names) in related {
            kin.extend(other);
            members.extend(names);
        }
        families.push((kin, members));
    }
    families.into_iter().map(|(_, members)| members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    const V1: Version = (1, 0, 0);
    const V2: Version = (1, 1, 0);
    const V3: Version = (1, 2, 0);

    fn flag(names: &[&str], required: bool) -> Flag {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Flag { names, value: Kind::Text, required, demanded: false }
    }

    fn lines(releases: &[(Version, Vec<Flag>)]) -> (Vec<String>, Vec<String>) {
        let releases: Releases = releases
            .iter()
            .map(|(version, flags)| {
                let command = Command { flags: flags.clone(), ..Command::default() };
                (*version, Commands::from([("do".to_owned(), command)]))
            })
            .collect();
        let history = History { program: "prog", line: "line", first: V1, releases: &releases };
        let mut told = Vec::new();
        (history.lines(&mut |text| told.push(text)), told)
    }

    #[test]
    fn spans_of_flags() {
        let row = |flags: &str| {
            format!(r#"{{"program":"prog","releases":"line","path":"do","args":[],"flags":[{flags}]}}"#)
        };
        for (releases, expected) in [
            (
                vec![(V1, vec![flag(&["a"], false)]), (V2, vec![flag(&["a"], false)])],
                r#"{"names":["a"],"value":"text"}"#,
            ),
            (
                vec![(V1, vec![]), (V2, vec![flag(&["a", "b"], true)])],
                r#"{"names":["a","b"],"value":"text","required":true,"since":"v1.1.0"}"#,
            ),
            (
                vec![(V1, vec![flag(&["a"], true)]), (V2, vec![flag(&["a"], false)])],
                r#"{"names":["a"],"value":"text","required_until":"v1.0.0"}"#,
            ),
            (
                vec![(V1, vec![flag(&["a"], false)]), (V2, vec![flag(&["a"], true)])],
                r#"{"names":["a"],"value":"text","required":true,"required_since":"v1.1.0"}"#,
            ),
            // A second name that came later is a row of its own; the flag is required once.
            (
                vec![(V1, vec![flag(&["old"], true)]), (V2, vec![flag(&["new", "old"], true)])],
                r#"{"names":["new"],"value":"text","since":"v1.1.0"},{"names":["old"],"or":["new"],"value":"text","required":true}"#,
            ),
            (
                vec![(V1, vec![flag(&["a"], false)]), (V2, vec![])],
                r#"{"names":["a"],"value":"text","until":"v1.0.0"}"#,
            ),
        ] {
            assert_eq!(lines(&releases).0, [row(expected)]);
        }
    }

    #[test]
    fn what_comes_again_is_told() {
        let (_, told) =
            lines(&[(V1, vec![flag(&["a"], false)]), (V2, vec![]), (V3, vec![flag(&["a"], false)])]);
        assert_eq!(told, ["goes and comes again: prog do --a: not in v1.1.0"]);
    }

    #[test]
    fn spans_of_arguments() {
        let with = |args| Commands::from([("do".to_owned(), Command { args, ..Command::default() })]);
        let releases = Releases::from([
            (V1, with(Some(Args { min: 1, max: Some(1) }))),
            (V2, with(None)),
            (V3, with(Some(Args { min: 0, max: None }))),
        ]);
        let history = History { program: "prog", line: "line", first: V1, releases: &releases };
        let expected = concat!(
            r#"{"program":"prog","releases":"line","path":"do","args":[{"min":1,"max":1,"until":"v1.0.0"},"#,
            r#"{"min":0,"max":null,"since":"v1.2.0"}],"flags":[]}"#
        );
        assert_eq!(history.lines(&mut |_| ()), [expected]);
    }
}
