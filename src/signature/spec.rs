//! Reads the header of a page, its `toml` block, and checks every value on its own.

use std::collections::HashSet;
use std::ops::Range;

use super::kind::Kind;
use super::pattern::Pattern;
use super::placeholder::{BUILT_IN, PROGRAMS, RECORD_FIELDS, is_name};
use super::relation::{self, Explains, Until};
use super::{Check, Threshold};
use crate::base::diagnostic::table::{Located, Table};
use crate::base::diagnostic::{Text, did_you_mean};
use crate::model::finding::Severity;
use crate::model::record::{Level, WRITERS};

/// Shorter anchors stand in too many lines to be worth a look.
const ANCHOR_BYTES_MIN: usize = 4;

/// What is known of a page before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Everything about it is checked.
    Untested,
    /// Tests of its project checked it: its patterns are compiled when they are first needed, and of its
    /// text only the header is read before somebody asks for more.
    Tested,
}

/// The header of a page. Values that could not be read are left out.
#[derive(Debug, Default)]
pub(super) struct Spec {
    pub severity: Option<Severity>,
    pub components: Vec<String>,
    pub anchors: Vec<Located<String>>,
    pub all: Vec<String>,
    pub none: Vec<String>,
    pub regex: Option<Pattern>,
    pub levels: Vec<Level>,
    pub group_by: Vec<String>,
    pub vars: Vec<String>,
    pub fields: Vec<(String, Pattern)>,
    pub kinds: Vec<(String, Kind)>,
    pub writers: Vec<String>,
    pub threshold: Option<Threshold>,
    pub fallback: bool,
    pub explains: Vec<Explains>,
    pub until: Option<Until>,
    pub check: Option<Check>,
    /// Every capture and where it is defined. `None` where a pattern could not be read: what it
    /// would have captured is not known, so nothing can be said against the use of a name.
    pub captures: Option<Vec<Located<String>>>,
}

impl Spec {
    /// Whether `name` is a capture or a field that records have of themselves.
    pub fn is_field(&self, name: &str) -> bool {
        let Some(captures) = &self.captures else { return true };
        RECORD_FIELDS.contains(&name) || captures.iter().any(|capture| capture.value == name)
    }

    /// The names a command may use.
    pub fn is_placeholder(&self, name: &str) -> bool {
        BUILT_IN.contains(&name) || self.is_field(name) || self.vars.iter().any(|var| var == name)
    }

    /// The known name that `name` was probably meant to be.
    pub fn near(&self, name: &str) -> Option<String> {
        let captures = self.captures.iter().flatten().map(|capture| &*capture.value);
        let known = captures.chain(RECORD_FIELDS).chain(BUILT_IN);
        did_you_mean(name, known.chain(self.vars.iter().map(String::as_str)))
    }

    /// Whether an anchor in the record is all it takes.
    pub fn anchor_decides(&self) -> bool {
        self.regex.is_none()
            && self.all.is_empty()
            && self.none.is_empty()
            && self.levels.is_empty()
            && self.writers.is_empty()
    }
}

/// Reads the header in the bytes `block`.
pub(super) fn read(text: &Text<'_>, block: Range<usize>, trust: Trust) -> Spec {
    let table = Table::parse(text, block);
    table.require("severity");
    if table.boolean("check") == Some(true) {
        return check(text, table);
    }
    table.require("anchors");
    let severity = table.parsed("severity", "severity", str::parse);
    let components = table.strings("components").into_iter().map(|one| one.value).collect();
    let anchors = anchors(text, &table);
    let all = literals(text, table.strings("all"));
    let none = literals(text, table.strings("none"));
    let regex_text = table.string("regex");
    let regex = regex_text.as_ref().and_then(|pattern| compile(text, pattern, trust));
    let field_texts = table.table("fields").map(Table::into_strings).unwrap_or_default();
    let fields = fields(text, &field_texts, trust);
    let complete = regex.is_some() == regex_text.is_some() && trust == Trust::Untested;
    let mut spec = Spec {
        severity,
        components,
        anchors,
        all,
        none,
        levels: levels(text, &table),
        group_by: Vec::new(),
        vars: vars(text, &table),
        kinds: Vec::new(),
        writers: writers(text, &table),
        threshold: threshold(text, &table),
        fallback: table.boolean("fallback").unwrap_or_default(),
        explains: relation::explains(text, &table),
        until: relation::until(text, &table),
        check: None,
        captures: complete.then(|| captures(text, regex.as_ref().zip(regex_text), field_texts)),
        regex,
        fields,
    };
    for name in table.strings("group_by") {
        check_field(text, &spec, &name.value, name.span, "group_by");
        spec.group_by.push(name.value);
    }
    spec.kinds = kinds(text, &table, &spec);
    table.finish();
    spec
}

/// The header of a page that no record shows: what speaks of records has no place in it. What its
/// alerts are grouped by is not captured but known to the code that raises them.
fn check(text: &Text<'_>, table: Table<'_>) -> Spec {
    let confirms = table.strings("confirms");
    let spec = Spec {
        severity: table.parsed("severity", "severity", str::parse),
        components: table.strings("components").into_iter().map(|one| one.value).collect(),
        vars: vars(text, &table),
        group_by: table.strings("group_by").into_iter().map(|name| name.value).collect(),
        captures: Some(Vec::new()),
        check: Some(Check {
            confirms: confirms.iter().filter_map(|id| relation::pattern(text, id)).collect(),
        }),
        ..Spec::default()
    };
    table.finish();
    spec
}

/// Reports a name that is neither a capture nor a field of records.
pub(super) fn check_field(text: &Text<'_>, spec: &Spec, name: &str, span: Range<usize>, user: &str) {
    if !spec.is_field(name) {
        let message = format!("`{user}` names `{name}`, which the page does not capture");
        let hint = spec.near(name).unwrap_or_else(|| format!("capture it: `{name} = '…'` in `[fields]`"));
        text.fault_hint("unknown-field", span, message, hint);
    }
}

fn anchors(text: &Text<'_>, table: &Table<'_>) -> Vec<Located<String>> {
    let anchors = table.strings("anchors");
    if table.has("anchors") && anchors.is_empty() {
        text.fault("no-anchor", table.key_span("anchors"), "at least one anchor is needed");
    }
    let mut known = HashSet::new();
    for anchor in &anchors {
        let span = anchor.span.clone();
        if anchor.value.len() < ANCHOR_BYTES_MIN {
            let message = format!("the anchor is too short: {ANCHOR_BYTES_MIN} bytes at least");
            text.fault("short-anchor", span, message);
        } else if anchor.value.contains(['\n', '\r']) {
            let hint = "anchor one of the lines and confirm the others with `regex`";
            text.fault_hint("anchor-newline", span, "an anchor cannot contain a line break", hint);
        } else if !known.insert(&*anchor.value) {
            text.fault("second-anchor", span, "the anchor is listed twice");
        }
    }
    anchors
}

fn literals(text: &Text<'_>, literals: Vec<Located<String>>) -> Vec<String> {
    for literal in literals.iter().filter(|literal| literal.value.is_empty()) {
        text.fault("empty-literal", literal.span.clone(), "every record contains the empty text");
    }
    literals.into_iter().map(|literal| literal.value).collect()
}

fn levels(text: &Text<'_>, table: &Table<'_>) -> Vec<Level> {
    let read = |name: Located<String>| {
        let level = Level::named(&name.value);
        if level.is_none() {
            let known = Level::ALL.map(Level::name).join(", ");
            text.fault("level", name.span, format!("unknown level `{}`: {known}", name.value));
        }
        level
    };
    table.strings("levels").into_iter().filter_map(read).collect()
}

fn vars(text: &Text<'_>, table: &Table<'_>) -> Vec<String> {
    let vars = table.strings("vars");
    for var in &vars {
        check_name(text, var);
    }
    vars.into_iter().map(|var| var.value).collect()
}

fn check_name(text: &Text<'_>, name: &Located<String>) {
    if PROGRAMS.contains(&&*name.value) {
        let message = format!("`{}` is the name of a program in commands", name.value);
        text.fault("name", name.span.clone(), message);
    } else if !is_name(&name.value) || name.value == "also" {
        let message = format!("`{}` cannot name a field: a-z, then a-z, 0-9 or _", name.value);
        text.fault("name", name.span.clone(), message);
    }
}

/// `[kinds]`: what captures have to be before they fill a command.
fn kinds(text: &Text<'_>, table: &Table<'_>, spec: &Spec) -> Vec<(String, Kind)> {
    let declared = table.table("kinds").map(Table::into_strings).unwrap_or_default();
    let mut kinds = Vec::new();
    for (name, kind) in declared {
        check_field(text, spec, &name.value, name.span, "kinds");
        match Kind::parse(&kind.value) {
            Ok(kind) => kinds.push((name.value, kind)),
            Err(hint) => {
                text.fault_hint("kind", kind.span, format!("unknown kind `{}`", kind.value), hint);
            }
        }
    }
    kinds
}

/// `writers = ["kernel"]`.
fn writers(text: &Text<'_>, table: &Table<'_>) -> Vec<String> {
    let writers = table.strings("writers");
    for writer in writers.iter().filter(|writer| !WRITERS.contains(&&*writer.value)) {
        let message = format!("unknown writer `{}`", writer.value);
        let hint = format!("known writers are {}", WRITERS.join(", "));
        text.fault_hint("writer", writer.span.clone(), message, hint);
    }
    writers.into_iter().map(|writer| writer.value).collect()
}

fn threshold(text: &Text<'_>, table: &Table<'_>) -> Option<Threshold> {
    let table = table.table("threshold")?;
    table.require("count");
    table.require("within");
    let count = table.number("count");
    let within = table.duration("within");
    if let Some(few) = count.as_ref().filter(|count| count.value < 2) {
        text.fault("threshold", few.span.clone(), "a threshold must be at least 2");
    }
    if within.is_some_and(|within| within.is_zero()) {
        text.fault("threshold", table.key_span("within"), "`within` must be longer than zero");
    }
    table.finish();
    Some(Threshold { count: count?.value, within: within? })
}

fn fields(
    text: &Text<'_>,
    written: &[(Located<String>, Located<String>)],
    trust: Trust,
) -> Vec<(String, Pattern)> {
    let mut fields = Vec::new();
    for (name, pattern) in written {
        let Some(regex) = compile(text, pattern, trust) else { continue };
        if trust == Trust::Untested && regex.groups() > 2 {
            let hint = "write the others as `(?:…)`";
            text.fault_hint("field-groups", pattern.span.clone(), "a field has one group at most", hint);
        }
        fields.push((name.value.clone(), regex));
    }
    fields
}

/// Every capture: the named groups of `regex`, then the keys of `[fields]`.
fn captures(
    text: &Text<'_>,
    regex: Option<(&Pattern, Located<String>)>,
    fields: Vec<(Located<String>, Located<String>)>,
) -> Vec<Located<String>> {
    let mut captures: Vec<Located<String>> = Vec::new();
    if let Some((regex, pattern)) = regex {
        for name in regex.names() {
            captures.push(Located { value: name.to_owned(), span: group_span(text, &pattern, name) });
        }
    }
    captures.iter().for_each(|capture| check_name(text, capture));
    for (name, _) in fields {
        check_name(text, &name);
        if captures.iter().any(|capture| capture.value == name.value) {
            let message = format!("`{}` is captured by `regex` already", name.value);
            text.fault("second-capture", name.span, message);
        } else {
            captures.push(name);
        }
    }
    captures
}

/// Where the pattern names the group; the whole pattern where TOML escapes hide it.
fn group_span(text: &Text<'_>, pattern: &Located<String>, name: &str) -> Range<usize> {
    let source = &text.text()[pattern.span.clone()];
    let opening = format!("<{name}>");
    let start = source.find(&opening).map(|at| pattern.span.start + at + 1);
    start.map_or(pattern.span.clone(), |start| start..start + name.len())
}

fn compile(text: &Text<'_>, pattern: &Located<String>, trust: Trust) -> Option<Pattern> {
    if trust == Trust::Tested {
        return Some(Pattern::trusted(&pattern.value));
    }
    match Pattern::checked(&pattern.value) {
        Ok(compiled) => {
            if compiled.is_match("") {
                text.fault("empty-match", pattern.span.clone(), "the pattern matches the empty text");
            }
            Some(compiled)
        }
        Err(error) => {
            let shown = error.to_string();
            // A syntax error draws the pattern over several lines; the last one says what is wrong.
            let message = shown.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("not a regular expression: {message}");
            match shown.contains("Unicode not allowed") {
                true => text.fault_hint("regex", pattern.span.clone(), message, "begin it with `(?u)`"),
                false => text.fault("regex", pattern.span.clone(), message),
            }
            None
        }
    }
}
