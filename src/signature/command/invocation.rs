//! Holds a command line of a known program against what the program accepts.

use std::ops::Range;

use super::programs::{Command, Flag, PROGRAMS, Value};
use super::shell::Word;
use crate::base::diagnostic::did_you_mean;
use crate::model::release::Releases;
use crate::signature::{Holds, Kind, placeholder};

/// Programs whose flags may stand anywhere; those of the others end at the first argument.
const FLAGS_ANYWHERE: [&str; 2] = ["damocles-worker", "damocles-worker-util"];
/// What every program takes, in every place.
const EVERYWHERE: [&str; 4] = ["help", "h", "version", "v"];

/// Something wrong with a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
    /// Bytes of the command.
    pub span: Range<usize>,
}

/// A command line of a known program.
pub struct Invocation<'a> {
    /// The name of the program today.
    pub program: &'a str,
    /// Its arguments.
    pub arguments: &'a [Word],
    /// The whole of it.
    pub span: Range<usize>,
    /// The releases that the page says it is for.
    pub holds: Option<&'a Holds>,
    /// The kind of what fills a placeholder, where the page declares one.
    pub kind: &'a dyn Fn(&str) -> Option<Kind>,
}

/// What was found while the words were walked through.
struct Walk<'a> {
    invocation: &'a Invocation<'a>,
    path: String,
    /// The commands passed, from the program itself on.
    passed: Vec<&'static Command>,
    used: Vec<&'static Flag>,
    positional: Vec<&'a Word>,
    /// What every part of the command exists in.
    releases: Releases,
    wrong: Vec<Wrong>,
}

impl Invocation<'_> {
    /// The path of the command, `util sealer sectors abort`, and what is wrong with it.
    pub fn check(&self) -> (String, Vec<Wrong>) {
        let Some(root) = PROGRAMS.command(self.program, "") else { return (String::new(), Vec::new()) };
        let mut walk = Walk {
            invocation: self,
            path: String::new(),
            passed: vec![root],
            used: Vec::new(),
            positional: Vec::new(),
            releases: root.span.releases(),
            wrong: Vec::new(),
        };
        walk.words();
        walk.arguments();
        walk.needed();
        walk.range();
        (walk.path, walk.wrong)
    }
}

impl<'a> Walk<'a> {
    fn program(&self) -> &'a str {
        self.invocation.program
    }

    fn command(&self) -> &'static Command {
        // The program itself is passed before anything is read.
        self.passed[self.passed.len() - 1]
    }

    fn say(&mut self, code: &'static str, span: Range<usize>, message: String, hint: Option<String>) {
        self.wrong.push(Wrong { code, message, hint, span });
    }

    fn words(&mut self) {
        let mut words = self.invocation.arguments.iter();
        let mut only_arguments = false;
        while let Some(word) = words.next() {
            if word.text == "--" {
                only_arguments = true;
            } else if !only_arguments && word.text.len() > 1 && word.text.starts_with('-') {
                self.flag(word, &mut words);
            } else if self.positional.is_empty() && self.enter(word) {
            } else if self.positional.is_empty() && self.command().group {
                self.unknown_command(word);
                return;
            } else {
                self.positional.push(word);
            }
        }
    }

    /// Goes on to the command that `word` names, if it does.
    fn enter(&mut self, word: &Word) -> bool {
        let Some(path) = PROGRAMS.below(self.program(), &self.path, &word.text) else { return false };
        let Some(command) = PROGRAMS.command(self.program(), &path) else { return false };
        self.releases = self.releases.within(&command.releases(&word.text));
        self.path = path;
        self.passed.push(command);
        true
    }

    fn unknown_command(&mut self, word: &Word) {
        let last = |path: &'static str| path.rsplit(' ').next().unwrap_or_default();
        let known = PROGRAMS.children(self.program(), &self.path).map(|(path, _)| last(path));
        let hint = did_you_mean(&word.text, known);
        let of = format!("{} {}", self.program(), self.path);
        self.say(
            "unknown-command",
            word.span.clone(),
            format!("`{}` has no command `{}`", of.trim(), word.text),
            hint,
        );
    }

    fn flag(&mut self, word: &'a Word, rest: &mut std::slice::Iter<'a, Word>) {
        let name = word.text.trim_start_matches('-');
        let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        if EVERYWHERE.contains(&name) {
            return;
        }
        if !self.positional.is_empty() && !FLAGS_ANYWHERE.contains(&self.program()) {
            let hint = "put it before the first argument".to_owned();
            let message = format!("`{}` reads no flag behind an argument", self.program());
            self.say("flag-after-argument", word.span.clone(), message, Some(hint));
        }
        let named = |command: &'static Command| {
            command.flags.iter().find(|it| it.names.iter().any(|one| one == name))
        };
        let Some(flag) = named(self.command()) else {
            return self.unknown_flag(word, name, rest);
        };
        self.releases = self.releases.within(&flag.releases(name));
        self.used.push(flag);
        if flag.value == Value::None {
            return;
        }
        let (value, span) = match value {
            Some(value) => (value, word.span.clone()),
            None => match rest.next() {
                Some(next) => (next.text.as_str(), next.span.clone()),
                None => {
                    let message = format!("`--{name}` needs a value");
                    return self.say("missing-value", word.span.clone(), message, None);
                }
            },
        };
        if !fits(flag.value, value, self.invocation.kind) {
            let wanted = match flag.value {
                Value::Number => "a number",
                Value::Float => "a number",
                Value::Duration => "a duration such as `5m`",
                _ => "a value",
            };
            self.say("wrong-value", span, format!("`--{name}` takes {wanted}, not `{value}`"), None);
        }
    }

    fn unknown_flag(&mut self, word: &Word, name: &str, rest: &mut std::slice::Iter<'a, Word>) {
        let of = format!("{} {}", self.program(), self.path);
        let has =
            |command: &Command| command.flags.iter().any(|flag| flag.names.iter().any(|one| one == name));
        let outer = self.passed.iter().rev().skip(1).find(|command| has(command));
        let takes_value = outer
            .and_then(|it| it.flags.iter().find(|flag| flag.names.iter().any(|one| one == name)))
            .is_some_and(|flag| flag.value != Value::None);
        let hint = match outer {
            Some(_) => Some("it belongs to a command before it: put it there".to_owned()),
            None => {
                did_you_mean(name, self.command().flags.iter().flat_map(|flag| &flag.names).map(|it| &**it))
            }
        };
        if takes_value && !word.text.contains('=') {
            rest.next();
        }
        self.say(
            "unknown-flag",
            word.span.clone(),
            format!("`{}` has no flag `{}`", of.trim(), word.text),
            hint,
        );
    }

    /// The releases for which the page says the command is, as far as they are releases of this program.
    fn meant(&self) -> Releases {
        let holds = self.invocation.holds.filter(|holds| holds.of == self.command().releases);
        holds.map_or(self.releases, |holds| holds.releases.within(&self.releases))
    }

    fn arguments(&mut self) {
        if self.command().group && self.positional.is_empty() {
            return;
        }
        // A list or a glob stands for any number.
        let many = |word: &&Word| {
            word.text.contains(['$', '*']) || word.text.contains("...") || word.text.contains('…')
        };
        if self.positional.iter().any(many) {
            return;
        }
        let (count, meant) = (self.positional.len(), self.meant());
        // What one release alone refuses was a slip that the next one mended.
        let counts = self.command().args.iter().filter(|it| !it.span.is_one_release());
        for arguments in counts.filter(|it| it.span.releases().overlap(&meant)) {
            if count >= arguments.min && arguments.max.is_none_or(|max| count <= max) {
                continue;
            }
            let wanted = match arguments.max {
                Some(max) if max == arguments.min => max.to_string(),
                Some(max) => format!("{} to {max}", arguments.min),
                None => format!("at least {}", arguments.min),
            };
            let message = format!("`{} {}` takes {wanted} arguments, not {count}", self.program(), self.path);
            let span = self.positional.last().map_or(self.invocation.span.clone(), |word| word.span.clone());
            return self.say("arguments", span, message, None);
        }
    }

    fn needed(&mut self) {
        let meant = self.meant();
        let missing: Vec<String> = self
            .passed
            .iter()
            .flat_map(|command| &command.flags)
            .filter(|flag| flag.needed().is_some_and(|releases| releases.overlap(&meant)))
            .filter(|flag| !self.used.iter().any(|used| flag.is(used)))
            .filter_map(|flag| flag.names.first().cloned())
            .collect();
        // Who only asks for help needs nothing.
        let asks = |word: &Word| {
            EVERYWHERE.contains(&word.text.trim_start_matches('-')) && word.text.starts_with('-')
        };
        if self.invocation.arguments.iter().any(asks) {
            return;
        }
        for name in missing {
            let message = format!("`{} {}` needs `--{name}`", self.program(), self.path);
            self.say("missing-flag", self.invocation.span.clone(), message, None);
        }
    }

    /// Whether the page says for which releases the command is, where that is not every one.
    fn range(&mut self) {
        let meant = self.meant();
        if let Some(refused) =
            self.command().refuses.iter().map(|it| it.releases()).find(|it| it.overlap(&meant))
        {
            let [since, until] = [refused.since, refused.until].map(|end| end.map(|end| end.to_string()));
            let [since, until] = [since.unwrap_or_default(), until.unwrap_or_default()];
            let message = format!("`{} {}` always fails from {since} to {until}", self.program(), self.path);
            self.say("refused", self.invocation.span.clone(), message, None);
        }
        let of = &self.command().releases;
        let releases = PROGRAMS.part(of, self.releases);
        let said = self.invocation.holds.filter(|holds| holds.of == *of).map(|holds| holds.releases);
        if releases.contain(&said.unwrap_or_default()) {
            return;
        }
        let Releases { since, until } = releases;
        let marks = [("since", since), ("until", until)];
        let marks: Vec<String> = marks
            .iter()
            .filter_map(|(key, release)| release.map(|release| format!("{key}={of}-{release}")))
            .collect();
        let message =
            format!("`{} {}` is not as written in every release of {of}", self.program(), self.path);
        let hint = format!("say behind `sh`: `{}`", marks.join(" "));
        self.say("releases", self.invocation.span.clone(), message, Some(hint));
    }
}

/// Whether `text` may be what a flag takes. Of a placeholder the kind is known, if the page declares one.
fn fits(value: Value, text: &str, kind: &dyn Fn(&str) -> Option<Kind>) -> bool {
    if value == Value::None || text.contains('$') || !placeholder::find_open(text).is_empty() {
        return true;
    }
    if let [one] = &placeholder::find(text)[..] {
        let number = |kind: Kind| matches!(kind, Kind::Number | Kind::Sector | Kind::Miner);
        let whole = one.span == (0..text.len());
        return !matches!(value, Value::Number | Value::Float) || !whole || kind(one.name).is_none_or(number);
    }
    match value {
        Value::Number => text.parse::<i128>().is_ok(),
        Value::Float => text.parse::<f64>().is_ok(),
        Value::Duration => crate::base::duration::parse(text).is_ok() || text.parse::<f64>().is_ok(),
        _ => true,
    }
}
