//! How a signature stands to others: what it explains, and what ends it.

use std::time::Duration;

use glob::Pattern;

use crate::base::diagnostic::Text;
use crate::base::diagnostic::table::{Located, Table};
use crate::model::record::Evidence;

/// A follower in the same log comes soon after its cause, …
const PROCESS_WITHIN: Duration = Duration::from_secs(5);
/// … one elsewhere on the box has its own time-outs first.
const HOST_WITHIN: Duration = Duration::from_secs(60);
/// A state whose end was never seen ends after this long without a finding.
const UNTIL_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// Shorter literals stand in too many lines to mean anything.
const LITERAL_BYTES_MIN: usize = 4;

/// Findings that are followers of this signature's: `[[explains]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explains {
    /// Ids of the followers.
    pub signatures: Vec<Pattern>,
    /// How near a follower stands.
    pub scope: Scope,
    /// How long after the cause a follower may come, in log time; zero in the scope of a record.
    pub within: Duration,
    /// Any of this shows that a follower belongs to the cause, beside that both stand in one record.
    pub by: Vec<Evidence>,
}

/// How near a follower stands to its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// In the same record.
    Record,
    /// In the same log.
    Process,
    /// In any log of the box.
    Host,
}

impl Scope {
    /// Every scope, from the nearest.
    pub const ALL: [Scope; 3] = [Scope::Record, Scope::Process, Scope::Host];

    /// The name in pages.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Record => "record",
            Scope::Process => "process",
            Scope::Host => "host",
        }
    }
}

/// A signature that is a state: what a record holds that ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Until {
    /// One of these literals stands in the record that ends the state, with the same group.
    pub literals: Vec<String>,
    /// Without another finding for so long it ends all the same.
    pub timeout: Duration,
}

/// How long a fallback may come after a finding that makes it needless: in the same log.
pub const FALLBACK_WITHIN: Duration = PROCESS_WITHIN;

/// What shows that two findings belong together, where no page says more.
pub const EVIDENCE: [Evidence; 4] = [Evidence::Thread, Evidence::Sector, Evidence::Job, Evidence::Child];

/// Reads every `[[explains]]`.
pub(super) fn explains(text: &Text<'_>, table: &Table<'_>) -> Vec<Explains> {
    let read = |table: Table<'_>| {
        table.require("signatures");
        let signatures = table.strings("signatures");
        if table.has("signatures") && signatures.is_empty() {
            text.fault("explains", table.key_span("signatures"), "name at least one signature");
        }
        let signatures = signatures.into_iter().filter_map(|id| pattern(text, &id)).collect();
        let scope = table.parsed("scope", "scope", scope).unwrap_or(Scope::Record);
        let default = match scope {
            Scope::Record => Duration::ZERO,
            Scope::Process => PROCESS_WITHIN,
            Scope::Host => HOST_WITHIN,
        };
        let within = table.duration("within");
        if scope == Scope::Record && within.is_some() {
            let message = "one record is one moment: `within` goes with the scopes process and host";
            text.fault("explains", table.key_span("within"), message);
        }
        let by = table.strings("by");
        if table.has("by") && (scope == Scope::Record || by.is_empty()) {
            let message =
                "name evidence, with the scopes process and host: in one record, that is what it is";
            text.fault("explains", table.key_span("by"), message);
        }
        let by = if table.has("by") { evidence(text, by) } else { EVIDENCE.to_vec() };
        table.finish();
        Explains { signatures, scope, within: within.unwrap_or(default), by }
    };
    table.tables("explains").into_iter().map(read).collect()
}

/// Reads `[until]`.
pub(super) fn until(text: &Text<'_>, table: &Table<'_>) -> Option<Until> {
    let table = table.table("until")?;
    table.require("literals");
    let literals = table.strings("literals");
    if table.has("literals") && literals.is_empty() {
        text.fault("until", table.key_span("literals"), "at least one literal is needed");
    }
    for short in literals.iter().filter(|literal| literal.value.len() < LITERAL_BYTES_MIN) {
        let message = format!("the literal is too short: {LITERAL_BYTES_MIN} bytes at least");
        text.fault("until", short.span.clone(), message);
    }
    let timeout = table.duration("timeout").unwrap_or(UNTIL_TIMEOUT);
    table.finish();
    Some(Until { literals: literals.into_iter().map(|literal| literal.value).collect(), timeout })
}

fn evidence(text: &Text<'_>, names: Vec<Located<String>>) -> Vec<Evidence> {
    let read = |name: Located<String>| {
        let found = Evidence::ALL.into_iter().find(|evidence| evidence.name() == name.value);
        if found.is_none() {
            let known = Evidence::ALL.map(Evidence::name).join(", ");
            text.fault("explains", name.span, format!("unknown evidence `{}`: {known}", name.value));
        }
        found
    };
    names.into_iter().filter_map(read).collect()
}

fn scope(name: &str) -> Result<Scope, String> {
    let found = Scope::ALL.into_iter().find(|scope| scope.name() == name);
    found.ok_or_else(|| format!("unknown scope `{name}`: record, process or host"))
}

/// A pattern of ids.
pub(super) fn pattern(text: &Text<'_>, id: &Located<String>) -> Option<Pattern> {
    let read = Pattern::new(&id.value);
    if !id.value.contains('/') || read.is_err() {
        let message = format!("`{}` names no signature: write `pack/name`, `*` for any part", id.value);
        text.fault("explains", id.span.clone(), message);
    }
    read.ok()
}
