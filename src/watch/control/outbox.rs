//! What waits for each sink, and the dead letters: listed, sent again, deleted.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;

use super::request::{Refused, Selection};
use crate::base::text::{self, counted, width};
use crate::model::alert::Message;
use crate::model::finding::Severity;
use crate::store::{DeadLetter, Store};

const DIM: Style = Style::new().dimmed();
/// Said where all are meant and there are none.
const NONE: &str = "no dead letters\n";

fn dead_letters(store: &Store) -> Result<Vec<Dead>, Refused> {
    let mut dead = Vec::new();
    store.dead_letters(|letter| dead.push(Dead::of(letter)))?;
    Ok(dead)
}

/// A dead letter in short; as JSON, an object of `outbox list --json`.
#[derive(Serialize)]
struct Dead {
    kind: &'static str,
    id: String,
    sink: String,
    /// When it was put in the outbox, RFC 3339.
    created: Option<String>,
    /// `None` for a digest.
    signature: Option<String>,
    /// The gravest of a digest.
    severity: Option<Severity>,
    why: String,
    #[serde(skip)]
    seq: u64,
    /// What stands in the place of a signature.
    #[serde(skip)]
    subject: String,
}

impl Dead {
    fn of(DeadLetter { seq, id, sink, why, letter }: DeadLetter) -> Dead {
        let (mut signature, mut severity, mut subject) = (None, None, "cannot be read".to_owned());
        match letter.as_ref().map(|letter| &letter.message) {
            Some(Message::Alert(alert)) => {
                severity = Some(alert.severity);
                signature = Some(alert.signature.clone());
                subject.clone_from(&alert.signature);
            }
            Some(Message::Digest { digest, .. }) => {
                severity = digest.alerts.iter().map(|line| line.severity).max();
                subject = format!("digest of {}", counted(digest.alerts.len(), "alert"));
            }
            None => {}
        }
        let created = letter.map(|letter| letter.created);
        let why = text::clean_line(&why);
        Dead { kind: "dead", id, sink, created, signature, severity, why, seq, subject }
    }
}

impl Selection {
    /// Those of `dead` that are meant.
    fn of(&self, dead: Vec<Dead>) -> Result<Vec<Dead>, Refused> {
        let hint = "hint: `sealtail outbox list` shows them";
        if let Some(unknown) = self.ids.iter().find(|id| dead.iter().all(|dead| dead.id != **id)) {
            return Err(Refused::new(format!("there is no dead letter `{unknown}`\n{hint}")));
        }
        let meant =
            |dead: &Dead| self.all || self.sink.as_ref() == Some(&dead.sink) || self.ids.contains(&dead.id);
        let chosen: Vec<Dead> = dead.into_iter().filter(meant).collect();
        match &self.sink {
            Some(sink) if chosen.is_empty() => {
                Err(Refused::new(format!("there is no dead letter of sink `{sink}`\n{hint}")))
            }
            _ => Ok(chosen),
        }
    }
}

/// What waits for a sink, as JSON.
#[derive(Serialize)]
struct Sink {
    kind: &'static str,
    sink: String,
    waiting: usize,
    dead: u64,
}

/// What waits for each sink, and every dead letter.
pub(super) fn list(store: &Store, json: bool) -> Result<String, Refused> {
    let dead = dead_letters(store)?;
    let mut sinks = Vec::new();
    for sink in store.sinks()? {
        let (waiting, dead) = (store.waiting(&sink)?, store.dead(&sink)?);
        sinks.push(Sink { kind: "sink", sink, waiting, dead });
    }
    let mut out = String::new();
    if json {
        for sink in &sinks {
            out += &(serde_json::to_string(sink)? + "\n");
        }
        for dead in &dead {
            out += &(serde_json::to_string(dead)? + "\n");
        }
        return Ok(out);
    }
    if sinks.is_empty() {
        out += "the outbox is empty, and there are no dead letters\n";
    }
    // Writing to a string cannot fail.
    let _ = tables(&mut out, &sinks, &dead);
    Ok(out)
}

fn tables(out: &mut String, sinks: &[Sink], dead: &[Dead]) -> fmt::Result {
    let width = width(sinks.iter().map(|sink| &sink.sink), "sink");
    if !sinks.is_empty() {
        writeln!(out, "{DIM}{:<width$}  {:>8}  {:>8}{DIM:#}", "sink", "waiting", "dead")?;
    }
    for Sink { sink, waiting, dead, .. } in sinks {
        writeln!(out, "{sink:<width$}  {waiting:>8}  {dead:>8}")?;
    }
    if dead.is_empty() {
        return Ok(());
    }
    let subjects = self::width(dead.iter().map(|dead| &dead.subject), "signature");
    let (id, time) = ("id", "created");
    writeln!(
        out,
        "\n{DIM}{id:<32}  {:<width$}  {time:<20}  {:<subjects$}  {:<8}  why{DIM:#}",
        "sink", "signature", "severity"
    )?;
    for Dead { id, sink, created, subject, severity, why, .. } in dead {
        let created = created.as_deref().map_or_else(|| "-".to_owned(), seconds);
        let style = severity.map(Severity::style).unwrap_or_default();
        let severity = severity.map_or("-", Severity::name);
        writeln!(
            out,
            "{id:<32}  {sink:<width$}  {created:<20}  {subject:<subjects$}  {style}{severity:<8}{style:#}  {why}"
        )?;
    }
    Ok(())
}

/// Sends dead letters again.
pub(super) fn retry(store: &Store, selection: &Selection, running: bool) -> Result<String, Refused> {
    let dead = dead_letters(store)?;
    if selection.all && dead.is_empty() {
        return Ok(NONE.to_owned());
    }
    let dead = selection.of(dead)?;
    let (readable, broken): (Vec<&Dead>, Vec<&Dead>) = dead.iter().partition(|dead| dead.created.is_some());
    let revived = store.revive(&numbers(&readable))?;
    let mut out = said(&readable, "put back in the outbox");
    out += &said(&broken, "cannot be read, left as they are");
    if revived > 0 {
        let when = if running { "now" } else { "when it starts" };
        out += &format!("`sealtail watch` sends them {when}\n");
    }
    Ok(out)
}

/// Deletes dead letters, or says which it would.
pub(super) fn discard(store: &Store, selection: &Selection, yes: bool) -> Result<String, Refused> {
    let dead = dead_letters(store)?;
    if selection.all && dead.is_empty() {
        return Ok(NONE.to_owned());
    }
    let dead = selection.of(dead)?;
    let dead: Vec<&Dead> = dead.iter().collect();
    if !yes {
        return Ok(said(&dead, "would be deleted") + "nothing was deleted: repeat with --yes to apply\n");
    }
    store.discard(&numbers(&dead))?;
    Ok(said(&dead, "deleted"))
}

fn numbers(dead: &[&Dead]) -> Vec<u64> {
    dead.iter().map(|dead| dead.seq).collect()
}

/// What was done, a line a sink.
fn said(dead: &[&Dead], done: &str) -> String {
    let mut sinks: BTreeMap<&str, usize> = BTreeMap::new();
    for dead in dead {
        *sinks.entry(&dead.sink).or_default() += 1;
    }
    let line =
        |(sink, count): (&&str, &usize)| format!("{sink}: {}, {done}\n", counted(*count, "dead letter"));
    sinks.iter().map(line).collect()
}

/// A time of ours without its fraction.
fn seconds(time: &str) -> String {
    time.parse().map_or_else(|_| time.to_owned(), |time: Timestamp| format!("{time:.0}"))
}
