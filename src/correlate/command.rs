//! Makes the steps of a runbook ready for a person: commands filled in, and those of other releases set aside.
//!
//! Log text is written by whoever can make a program log. A value from a log goes into a command only if it is of the
//! kind that the page declares for it, which is one word that a shell leaves alone and no option. A command that changes
//! or deletes something is filled with closed kinds alone: what else it needs stays as `<name>`, and the step says what
//! the log names, to be compared.

use std::collections::BTreeMap;

use crate::model::alert::{Action, Lang};
use crate::model::record::{Fields, Names};
use crate::model::release::{Release, Releases};
use crate::signature::{Kind, Runbook, Signature, Step, is_safe_word, placeholder, wording};

/// The operator's `[vars]`.
pub type Vars = BTreeMap<String, String>;

/// What placeholders may be filled with.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// Fields of the finding.
    pub fields: &'a Fields,
    /// The box, where it is known.
    pub host: Option<&'a str>,
    /// The `[[source]]`, where there is one.
    pub source: Option<&'a str>,
    /// The file; `-` is standard input.
    pub path: &'a str,
    /// The programs that the log shows.
    pub names: &'a Names,
    /// The operator's `[vars]`.
    pub vars: &'a Vars,
    /// The signature, which says what captures are and which placeholders `vars` may fill.
    pub signature: Option<&'a Signature>,
}

/// The steps of a runbook for one box.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps {
    /// Those that hold for the releases that the log shows, in order.
    pub action: Vec<Numbered>,
    /// Those that hold for others alone.
    pub other_releases: Vec<Numbered>,
}

/// A step and its number on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// The number; a step with two commands comes twice.
    pub number: usize,
    /// The step.
    pub action: Action,
}

/// What may stand in the place of a placeholder.
enum Value<'a> {
    /// From the log, or built in: one safe word.
    Word(&'a str),
    /// From the operator: quoted where it is more than a word.
    Trusted(&'a str),
}

/// The steps of `runbook`, which is in `lang`.
pub fn steps(runbook: &Runbook, values: &Values<'_>, lang: Lang) -> Steps {
    let mut steps = Steps::default();
    for step in &runbook.steps {
        let fits = step.holds.as_ref().is_none_or(|it| values.releases(&it.of).overlap(&it.releases));
        let to = if fits { &mut steps.action } else { &mut steps.other_releases };
        to.push(Numbered { number: step.number, action: fill(step, values, lang) });
    }
    steps
}

/// All steps of a page where there is no finding: what the operator's `vars` fill, for every release.
pub fn of_page(signature: &Signature, vars: &Vars, lang: Lang) -> Vec<Numbered> {
    let (fields, names) = (Fields::new(), Names::default());
    let values = Values {
        fields: &fields,
        host: None,
        source: None,
        path: "",
        names: &names,
        vars,
        signature: Some(signature),
    };
    let steps = signature.runbook(lang).steps.iter();
    steps.map(|step| Numbered { number: step.number, action: fill(step, &values, lang) }).collect()
}

/// The step with its command filled in; what is unknown or unfit stays as `<name>`.
pub fn fill(step: &Step, values: &Values<'_>, lang: Lang) -> Action {
    let running = step.holds.as_ref().map_or_else(Releases::default, |holds| values.releases(&holds.of));
    let mut text = step.words(lang, &running);
    let template = step.command.as_deref();
    if values.path == STDIN && template.is_some_and(reads_log) {
        text = wording::add(&text, from_stdin(lang), lang);
        return Action { text, command: None, unfilled: Vec::new(), caution: false };
    }
    let mut unfilled: Vec<String> = Vec::new();
    let command = template.map(|template| values.filled(template, step.caution, &mut unfilled));
    if step.caution {
        for (name, value) in unfilled.iter().filter_map(|name| Some((name, values.compared(name)?))) {
            text = wording::add(&text, &to_compare(lang, name, value), lang);
        }
    }
    Action { text, command, unfilled, caution: step.caution }
}

/// The path of a log that came through standard input.
const STDIN: &str = "-";

fn reads_log(template: &str) -> bool {
    placeholder::find(template).iter().any(|one| one.name == "path")
}

fn from_stdin(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "(The log came through standard input: look in what was piped.)",
        Lang::Zh => "（日志来自标准输入：请在原始日志中查找。）",
    }
}

fn to_compare(lang: Lang, name: &str, value: &str) -> String {
    match lang {
        Lang::En => format!("The log names `{value}` as `<{name}>`: compare before you fill it in."),
        Lang::Zh => format!("日志中的 `<{name}>` 是 `{value}`：核对无误后再填入。"),
    }
}

impl<'a> Values<'a> {
    /// The releases of the programs of `line` that may run here: the operator says them with a variable such as
    /// `damocles_version`, and the log may show those of damocles.
    fn releases(&self, line: &str) -> Releases {
        let said = self.vars.get(&format!("{}_version", line.replace('-', "_")));
        match said.and_then(|text| Release::at_start(text)) {
            Some((release, _)) => Releases::only(release),
            None if line == "damocles" => self.names.releases(),
            None => Releases::default(),
        }
    }

    /// The template with what is known; appends the names of what stays open to `unfilled`.
    fn filled(&self, template: &str, caution: bool, unfilled: &mut Vec<String>) -> String {
        let mut stays_open = |name: &str| {
            if !unfilled.iter().any(|known| known == name) {
                unfilled.push(name.to_owned());
            }
        };
        let mut command = String::with_capacity(template.len());
        let mut from = 0;
        for placeholder::Placeholder { name, span } in placeholder::find(template) {
            let before = &template[from..span.start];
            placeholder::find_open(before).iter().for_each(|open| stays_open(open.name));
            command.push_str(before);
            from = span.end;
            let quoted = is_quoted(&template[..span.start]);
            match self.get(name, caution) {
                Some(Value::Word(value)) => command.push_str(value),
                Some(Value::Trusted(value)) if is_plain(value) => command.push_str(value),
                Some(Value::Trusted(value)) if !quoted => command.push_str(&single_quoted(value)),
                _ => {
                    command.push_str(&format!("<{name}>"));
                    stays_open(name);
                }
            }
        }
        placeholder::find_open(&template[from..]).iter().for_each(|open| stays_open(open.name));
        command.push_str(&template[from..]);
        command
    }

    /// The value of a placeholder in a command, if it is known and may stand there.
    fn get(&self, name: &str, caution: bool) -> Option<Value<'a>> {
        if let Some(value) = self.fields.get(name).filter(|_| !placeholder::PROGRAMS.contains(&name)) {
            return self.captured(name, value, caution).map(Value::Word);
        }
        let built_in = match name {
            "host" => self.host,
            "source" => self.source,
            "path" if !caution || self.is_check() => Some(self.path),
            "cat" => return Some(Value::Word(cat(self.path))),
            _ => self.names.program(name),
        };
        let is_allowed = || self.signature.is_some_and(|page| page.vars.iter().any(|var| var == name));
        let trusted = || self.vars.get(name).filter(|_| is_allowed());
        built_in
            .filter(|value| is_safe_word(value))
            .map(Value::Word)
            .or_else(|| trusted().map(|value| Value::Trusted(value)))
    }

    /// A captured value, if it is what its page says it is.
    fn captured(&self, name: &str, value: &'a str, caution: bool) -> Option<&'a str> {
        let fits = match self.kind(name) {
            Some(kind) => kind.accepts(value) && (kind.is_closed() || !caution),
            // A page that declares no kind still has its words filled where they change nothing.
            None => is_safe_word(value) && !caution,
        };
        fits.then_some(value)
    }

    /// What the log says of a place that the reader has to fill in himself.
    fn compared(&self, name: &str) -> Option<&'a str> {
        let value = self.fields.get(name)?;
        let fits = self.kind(name).map_or_else(|| is_safe_word(value), |kind| kind.accepts(value));
        fits.then_some(value)
    }

    /// Whether the path is what the doctor looked at, and no log's.
    fn is_check(&self) -> bool {
        self.signature.is_some_and(|page| page.check.is_some())
    }

    fn kind(&self, name: &str) -> Option<Kind> {
        self.signature.map_or_else(|| Kind::of_record(name), |page| page.kind(name))
    }
}

/// What writes out a file that is packed as its name says, and files of the same name that are not.
fn cat(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("zst") => "zstdcat -f",
        Some("xz") => "xzcat -f",
        Some("bz2") => "bzcat -f",
        _ => "zcat -f",
    }
}

/// Whether the place behind `before` is inside quotes.
fn is_quoted(before: &str) -> bool {
    let mut open = None;
    let mut chars = before.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (None | Some('"'), '\\') => {
                chars.next();
            }
            (None, '\'' | '"') => open = Some(c),
            (Some(quote), c) if quote == c => open = None,
            _ => {}
        }
    }
    open.is_some()
}

/// Whether an operator's value needs no quotes.
fn is_plain(value: &str) -> bool {
    is_safe_word(value.strip_prefix('-').unwrap_or(value))
}

fn single_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
