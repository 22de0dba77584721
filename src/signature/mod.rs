//! What sealtail knows: signatures, each one Markdown page that is pattern, test and runbook.
//!
//! [`Catalogue::load`] reads pages, built in ([`builtin::pages`]) or the operator's, and reports
//! every fault of every page with its place.

pub mod builtin;
pub mod command;
pub mod cost;
pub(crate) mod healthy;
mod kind;
mod lint;
pub mod markdown;
mod marks;
pub mod name;
pub mod near;
mod needle;
mod pack;
pub(crate) mod packs;
mod page;
mod pages;
mod pattern;
pub mod placeholder;
mod relation;
mod sample;
mod spec;
pub mod wording;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use self::kind::{Kind, is_safe_word};
pub use self::pack::PageSource;
pub use self::pages::Pages;
pub use self::pattern::Pattern;
pub use self::relation::{EVIDENCE, Explains, FALLBACK_WITHIN, Scope, Until};
pub use self::spec::Trust;

use crate::model::alert::{Lang, Link};
use crate::model::finding::Severity;
use crate::model::record::Level;
use crate::model::release::Releases;

/// One checked signature.
#[derive(Debug, Clone)]
pub struct Signature {
    /// `<pack>/<name>`.
    pub id: Arc<str>,
    /// How grave it is.
    pub severity: Severity,
    /// Free words, for listing and filtering.
    pub components: Vec<String>,
    /// Literals; one of them must stand in the record.
    pub anchors: Vec<String>,
    /// Literals that must all stand in the record.
    pub all: Vec<String>,
    /// Literals that must not stand in the record.
    pub none: Vec<String>,
    /// Confirms the whole record; its captures become fields.
    pub regex: Option<Pattern>,
    /// Levels a record may have; empty: any. Records without a level pass.
    pub levels: Vec<Level>,
    /// Fields whose values tell alerts of this signature apart.
    pub group_by: Vec<String>,
    /// Placeholders the operator's `[vars]` may fill.
    pub vars: Vec<String>,
    /// Further captures: name and pattern; first match in the record, group 1 (or the whole).
    pub fields: Vec<(String, Pattern)>,
    /// What the captures that fill commands have to be.
    pub kinds: Vec<(String, Kind)>,
    /// Who may have written the record, of [`WRITERS`](crate::model::record::WRITERS); empty: anybody.
    pub writers: Vec<String>,
    /// Alert only from so many findings on.
    pub threshold: Option<Threshold>,
    /// Speaks only where no other signature explains its record.
    pub fallback: bool,
    /// What it explains besides.
    pub explains: Vec<Explains>,
    /// It is a state, and this ends it.
    pub until: Option<Until>,
    /// No record shows it: it is a check of the doctor, or what sealtail says of itself. So it has
    /// neither anchors nor samples.
    pub check: Option<Check>,
    /// What it says to people, and its own tests.
    pub pages: Pages,
}

/// What a page says that no record shows (`check = true`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// Ids of the signatures whose cause it may be: their alerts carry what it finds.
    pub confirms: Vec<glob::Pattern>,
}

/// A page as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageText {
    /// Path, for messages: relative to the project for built-in pages.
    pub path: String,
    /// The Markdown; that of built-in pages stays where the program has it.
    pub text: Cow<'static, str>,
}

/// Alert only from the `count`th finding of a group within `within` of log time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Findings, at least 2.
    pub count: u64,
    /// Width of the window.
    pub within: Duration,
}

/// The part of a page that an alert carries, in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runbook {
    /// The `#` heading.
    pub title: String,
    /// The text between the `toml` block and `## Action`, Markdown.
    pub meaning: String,
    /// The steps of `## Action`.
    pub steps: Vec<Step>,
    /// The list of `## References`.
    pub links: Vec<Link>,
}

/// One step of a runbook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The number of the page's step that it is, or is a part of: a step with two commands is two of these.
    pub number: usize,
    /// Markdown.
    pub text: String,
    /// A command with `{placeholders}`.
    pub command: Option<String>,
    /// The command changes or deletes something (`sh caution`).
    pub caution: bool,
    /// The command prints a token, a password or a key (`sh secret`).
    pub secret: bool,
    /// The releases for which the command holds (`sh since=damocles-v0.9`); all of them where it says nothing.
    pub holds: Option<Holds>,
}

/// The releases of a program for which something holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    /// Whose releases they are: `damocles`, `lotus`.
    pub of: String,
    /// Which.
    pub releases: Releases,
}

/// A sample of a page: a stretch of log and what it must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Whether it fires or stays silent.
    pub kind: SampleKind,
    /// The stretch of log.
    pub text: String,
    /// Fields the finding must have: `log child_pid=12345`.
    pub fields: Vec<(String, String)>,
    /// Other signatures that may fire on it: `also=pack/name`.
    pub also: Vec<String>,
    /// Bytes of its opening fence line in the page, for diagnostics.
    pub span: std::ops::Range<usize>,
}

/// The two kinds of sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    /// The signature fires on it.
    Fires,
    /// The signature stays silent on it.
    Silent,
    /// It ends the state that the signature is.
    Ends,
}

impl Signature {
    /// The runbook in `lang`, or in English where there is no translation.
    pub fn runbook(&self, lang: Lang) -> &Runbook {
        static NONE: Runbook =
            Runbook { title: String::new(), meaning: String::new(), steps: Vec::new(), links: Vec::new() };
        let runbooks = self.pages.runbooks();
        runbooks.get(&lang).or_else(|| runbooks.get(&Lang::En)).unwrap_or(&NONE)
    }

    /// What a value captured as `field` has to be before it fills a command; `None` where nothing says so.
    pub fn kind(&self, field: &str) -> Option<Kind> {
        let declared = self.kinds.iter().find(|(name, _)| name == field).map(|(_, kind)| kind.clone());
        declared.or_else(|| Kind::of_record(field))
    }

    /// The names of what its page captures.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        let named = self.regex.iter().flat_map(|regex| regex.names());
        named.chain(self.fields.iter().map(|(name, _)| name.as_str()))
    }

    /// Whether its page says that it explains findings of the signature `id`, where they are near enough.
    pub fn may_explain(&self, id: &str) -> bool {
        let named = self.explains.iter().flat_map(|explains| &explains.signatures);
        *self.id != *id && named.into_iter().any(|pattern| pattern.matches(id))
    }
}

/// All signatures in force, ordered by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    signatures: Vec<Arc<Signature>>,
}

impl Catalogue {
    /// A catalogue of `signatures`; of two with one id the later is kept.
    pub fn new(signatures: impl IntoIterator<Item = Signature>) -> Catalogue {
        let by_id: BTreeMap<Arc<str>, Arc<Signature>> =
            signatures.into_iter().map(|signature| (signature.id.clone(), Arc::new(signature))).collect();
        Catalogue { signatures: by_id.into_values().collect() }
    }

    /// The signatures, ordered by id.
    pub fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    /// The signatures whose id one of `patterns` matches; all of them where there is no pattern.
    pub fn only(mut self, patterns: &[glob::Pattern]) -> Catalogue {
        let matches = |id: &str| patterns.iter().any(|pattern| pattern.matches(id));
        self.signatures.retain(|signature| patterns.is_empty() || matches(&signature.id));
        self
    }

    /// The signature with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<Signature>> {
        let found = self.signatures.binary_search_by(|signature| (*signature.id).cmp(id));
        found.ok().map(|index| &self.signatures[index])
    }
}

#[cfg(test)]
mod tests;
