//! Whether the commands of a page are safe to paste and accepted by the programs they call.
//!
//! What is found is no fault that keeps a page from being used: the built-in pages are held to all of it by a test, and
//! `sealtail check` tells operators of theirs.

mod harmless;
mod invocation;
mod programs;
mod references;
pub mod shell;
mod system;

use std::ops::Range;

use self::invocation::{Invocation, Wrong};
use self::programs::PROGRAMS;
use self::shell::{Command, Joint, List, Simple, Word};
use self::system::Effect;
use super::page::{self, PageStep};
use super::{Catalogue, Kind, Signature, placeholder};
use crate::base::diagnostic::{Diagnostic, Text};
use crate::model::alert::Lang;

/// What is to be said of the commands of the signatures that `wanted` chooses, each with its place.
pub fn check(catalogue: &Catalogue, wanted: impl Fn(&Signature) -> bool) -> Vec<Diagnostic> {
    let signatures = catalogue.signatures().iter().filter(|signature| wanted(signature));
    signatures.flat_map(|one| Lang::ALL.into_iter().flat_map(|lang| of_page(one, lang, catalogue))).collect()
}

fn of_page(signature: &Signature, lang: Lang, catalogue: &Catalogue) -> Vec<Diagnostic> {
    let Some(source) = signature.pages.text_in(lang) else { return Vec::new() };
    let text = Text::new(&source.path, &source.text);
    let page = page::read(&text, lang);
    let found = Text::new(&source.path, &source.text);
    for (span, message) in references::broken(&source.text, &page, catalogue) {
        found.fault("reference", span, message);
    }
    for step in &page.steps {
        if step.step.text.is_empty() {
            let hint = "write before the block what it is for";
            found.fault_hint("no-text", step.command.clone(), "the command has no text before it", hint);
        }
        // A translation has the same commands.
        if lang == Lang::En {
            Block { signature, step, text: &found }.check();
        }
    }
    found.into_faults()
}

/// The block of one step.
struct Block<'a> {
    signature: &'a Signature,
    step: &'a PageStep,
    text: &'a Text<'a>,
}

/// Where a command stands.
#[derive(Clone, Copy)]
struct Place {
    /// Its output goes on into a pipe.
    piped: bool,
    /// It runs only where another one failed.
    fallback: bool,
}

impl Block<'_> {
    fn check(&self) {
        let Some(command) = &self.step.step.command else { return };
        match shell::parse(command) {
            Ok(list) => self.list(&list, Place { piped: false, fallback: false }),
            Err(error) => self.say("shell", error.span, error.message, None),
        }
        self.operands(command);
    }

    /// Says something of these bytes of the command.
    fn say(&self, code: &'static str, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        let span = self.in_page(span);
        match hint {
            Some(hint) => self.text.fault_hint(code, span, message, hint),
            None => self.text.fault(code, span, message),
        }
    }

    /// Where bytes of the command stand in the page, which indents its lines.
    fn in_page(&self, span: Range<usize>) -> Range<usize> {
        let command = self.step.step.command.as_deref().unwrap_or_default();
        let block = &self.text.text()[self.step.command.clone()];
        let place = |at: usize| {
            let before = &command[..command.floor_char_boundary(at)];
            let line = before.matches('\n').count();
            let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
            let lines: Vec<&str> = block.split_inclusive('\n').collect();
            let start: usize = lines.iter().take(line).map(|line| line.len()).sum();
            let written = lines.get(line).copied().unwrap_or_default();
            let dedented = command.split('\n').nth(line).unwrap_or_default();
            let indent = written.trim_end().len().saturating_sub(dedented.trim_end().len());
            self.step.command.start + start + indent + column
        };
        let start = place(span.start);
        start..place(span.end).max(start + 1)
    }

    fn list(&self, list: &List, place: Place) {
        for (joint, pipeline) in &list.pipelines {
            if let Joint::Sequence(span) = joint {
                let message = "the next command runs even if this one fails";
                let hint = "join them with `&&`, or give the second a block and words of its own".to_owned();
                self.say("sequence", span.clone(), message, Some(hint));
            }
            let fallback = place.fallback || *joint == Joint::Or;
            let last = pipeline.len() - 1;
            for (index, command) in pipeline.iter().enumerate() {
                self.command(command, Place { piped: place.piped || index < last, fallback });
            }
        }
    }

    fn command(&self, command: &Command, place: Place) {
        match command {
            Command::Simple(simple) => self.simple(simple, place),
            Command::Subshell(list) => self.list(list, place),
            Command::Loop { words, lists } => {
                words.iter().for_each(|word| self.inner(word, place));
                lists.iter().for_each(|list| self.list(list, place));
            }
        }
    }

    /// The commands of a word's substitutions.
    fn inner(&self, word: &Word, place: Place) {
        word.inner.iter().for_each(|list| self.list(list, Place { piped: true, ..place }));
    }

    fn simple(&self, simple: &Simple, place: Place) {
        let Simple { assignments, words, redirects } = simple;
        let all = assignments.iter().chain(words).chain(redirects.iter().map(|redirect| &redirect.to));
        all.for_each(|word| self.inner(word, place));
        for redirect in redirects.iter().filter(|it| it.writes && !harmless::is_sink(&it.to.text)) {
            self.changes(redirect.to.span.clone(), &format!("> {}", redirect.to.text), place);
        }
        let texts: Vec<&str> = words.iter().map(|word| &*word.text).collect();
        let Some(program) = texts.first() else { return };
        if matches!(*program, "export" | "unset") {
            let message = format!("`{program}` changes only this shell, not a service");
            let hint = "say in words which unit or file to change".to_owned();
            return self.say("shell-only", words[0].span.clone(), message, Some(hint));
        }
        self.log(words);
        let from = system::unwrapped(&texts);
        self.run(&words[from..], place);
    }

    /// A program without what runs it.
    fn run(&self, words: &[Word], place: Place) {
        let Some(first) = words.first() else { return };
        let span = first.span.start..words[words.len() - 1].span.end;
        let known = match self.program(first) {
            Some(program) => program,
            None => return,
        };
        let mut texts: Vec<&str> = words.iter().map(|word| &*word.text).collect();
        texts[0] = &known;
        if system::prints_secret(&texts, place.piped) && !self.step.step.secret {
            let hint = "mark the block `sh secret`".to_owned();
            self.say("secret", span.clone(), "the command prints a secret", Some(hint));
        }
        if PROGRAMS.command(&known, "").is_some() {
            let kind = |name: &str| self.signature.kind(name);
            let holds = self.step.step.holds.as_ref();
            let invocation = Invocation {
                program: &known,
                arguments: &words[1..],
                span: span.clone(),
                holds,
                kind: &kind,
            };
            let (path, wrong) = invocation.check();
            for Wrong { code, message, hint, span } in wrong {
                self.say(code, span, message, hint);
            }
            if !harmless::looks(&known, &path, &texts) {
                self.changes(span, format!("{known} {path}").trim_end(), place);
            }
            return;
        }
        match system::effect(&texts, place.piped) {
            Effect::Looks => {}
            Effect::Changes => {
                self.changes(span, &known, place);
            }
            Effect::Waits => {
                let message = format!("`{known}` is interactive, and text pasted after it becomes its input");
                let hint = "`--no-pager`, or a command that ends by itself".to_owned();
                self.say("waits", span, message, Some(hint));
            }
        }
    }

    /// The name of the program today. `None` where a value would be run.
    fn program(&self, word: &Word) -> Option<String> {
        let found = placeholder::find(&word.text);
        let Some(one) = found.first() else { return Some(today(&word.text)) };
        let is_program = placeholder::PROGRAMS.contains(&one.name) && one.span.start == 0 && found.len() == 1;
        if !is_program {
            let message = "a placeholder cannot be the program";
            self.say("placeholder-program", word.span.clone(), message, None);
            return None;
        }
        let name = match one.name {
            "worker" => "damocles-worker",
            "manager" => "damocles-manager",
            "messager" => "sophon-messager",
            "gateway" => "sophon-gateway",
            "auth" => "sophon-auth",
            "miner_node" => "sophon-miner",
            "market" => "droplet",
            _ => "zcat",
        };
        Some(format!("{name}{}", &word.text[one.span.end..]))
    }

    /// The log of the finding is read in one way, which works however it is packed.
    fn log(&self, words: &[Word]) {
        if self.signature.check.is_some() {
            return;
        }
        for word in
            words.iter().filter(|word| placeholder::find(&word.text).iter().any(|it| it.name == "path"))
        {
            let captured = self.signature.captures().any(|name| name == "path");
            if !captured && (words[0].text != "ls" || word.text != "{path}*") {
                let message = "the log may be compressed or rotated by now";
                let hint = "read it as `{cat} $(ls -tr {path}*) | …`".to_owned();
                self.say("log", word.span.clone(), message, Some(hint));
            }
        }
    }

    /// Something is changed here by `what`.
    fn changes(&self, span: Range<usize>, what: &str, place: Place) {
        if !self.step.step.caution {
            let message = format!("`{what}` changes something, or is not known to be read-only");
            let hint = "mark the block `sh caution`, and say before it when not to do it".to_owned();
            self.say("no-caution", span, message, Some(hint));
        } else if place.fallback {
            let message = "`||` runs this when the check before it failed for any reason";
            self.say("fallback", span, message, Some("make the check a step of its own".to_owned()));
        }
    }

    /// What a capture may fill is declared, and in a command that changes something a log chooses no operand.
    fn operands(&self, command: &str) {
        for one in placeholder::find(command) {
            let is_captured = self.signature.captures().any(|name| name == one.name);
            let is_path = one.name == "path" && self.signature.check.is_none();
            let kind = self.signature.kind(one.name);
            let closed = kind.as_ref().is_some_and(Kind::is_closed);
            if is_captured && kind.is_none() {
                let message = format!("`{}` has no kind, so it cannot fill a command", one.name);
                let hint = format!("declare it: `{} = \"number\"` in `[kinds]`", one.name);
                self.say("no-kind", one.span, message, Some(hint));
            } else if self.step.step.caution && (is_captured || is_path) && !closed {
                let message = format!("`{}` cannot fill a command that changes something", one.name);
                let hint = format!("write `<{}>`, or declare a closed kind such as `number`", one.name);
                self.say("open-kind", one.span, message, Some(hint));
            }
        }
    }
}

/// The name that a program of the cluster has today.
fn today(program: &str) -> String {
    const FORMER: [(&str, &str); 10] = [
        ("vc-worker", "damocles-worker"),
        ("venus-worker", "damocles-worker"),
        ("venus-worker-util", "damocles-worker-util"),
        ("venus-sector-manager", "damocles-manager"),
        ("venus-messager", "sophon-messager"),
        ("venus-gateway", "sophon-gateway"),
        ("venus-auth", "sophon-auth"),
        ("venus-miner", "sophon-miner"),
        ("chain-co", "sophon-co"),
        ("venus-market", "droplet"),
    ];
    FORMER.iter().find(|(former, _)| *former == program).map_or(program, |(_, today)| today).to_owned()
}

#[cfg(test)]
mod tests;
