//! `sealtail outbox`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;
use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::{EXIT_OK, OutboxArgs, OutboxTask, Selection, output};
use crate::base::text;
use crate::model::alert::Message;
use crate::model::finding::Severity;
use crate::store::{DeadLetter, Store};

const DIM: Style = Style::new().dimmed();

pub(super) fn run(args: OutboxArgs) -> Result<u8> {
    let store = args.state.open()?;
    let mut dead = Vec::new();
    store.dead_letters(|letter| dead.push(Dead::of(letter)))?;
    let mut out = output::coloured(false);
    match args.task {
        OutboxTask::List { json } => list(&mut out, &store, &dead, json)?,
        OutboxTask::Retry(meant) | OutboxTask::Drop(meant) if meant.all && dead.is_empty() => {
            writeln!(out, "no dead letters")?;
        }
        OutboxTask::Retry(selection) => retry(&mut out, &store, &selection.of(dead)?)?,
        OutboxTask::Drop(selection) => discard(&mut out, &store, &selection.of(dead)?)?,
    }
    out.flush()?;
    Ok(EXIT_OK)
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
    fn of(&self, dead: Vec<Dead>) -> Result<Vec<Dead>> {
        if let Some(unknown) = self.ids.iter().find(|id| dead.iter().all(|dead| dead.id != **id)) {
            bail!("there is no dead letter `{unknown}`\nhint: `sealtail outbox list` shows them");
        }
        let meant =
            |dead: &Dead| self.all || self.sink.as_ref() == Some(&dead.sink) || self.ids.contains(&dead.id);
        let chosen: Vec<Dead> = dead.into_iter().filter(meant).collect();
        match &self.sink {
            Some(sink) if chosen.is_empty() => {
                bail!("there is no dead letter of sink `{sink}`\nhint: `sealtail outbox list` shows them")
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

fn list(out: &mut impl Write, store: &Store, dead: &[Dead], json: bool) -> Result<()> {
    let mut sinks = Vec::new();
    for sink in store.sinks()? {
        let (waiting, dead) = (store.waiting(&sink)?, store.dead(&sink)?);
        sinks.push(Sink { kind: "sink", sink, waiting, dead });
    }
    if json {
        for sink in &sinks {
            writeln!(out, "{}", serde_json::to_string(sink)?)?;
        }
        for dead in dead {
            writeln!(out, "{}", serde_json::to_string(dead)?)?;
        }
        return Ok(());
    }
    if sinks.is_empty() {
        writeln!(out, "the outbox is empty, and there are no dead letters")?;
    }
    Ok(tables(out, &sinks, dead)?)
}

fn tables(out: &mut impl Write, sinks: &[Sink], dead: &[Dead]) -> io::Result<()> {
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

fn retry(out: &mut impl Write, store: &Store, dead: &[Dead]) -> Result<()> {
    let (readable, broken): (Vec<&Dead>, Vec<&Dead>) = dead.iter().partition(|dead| dead.created.is_some());
    let revived = store.revive(&numbers(&readable))?;
    said(out, &readable, "put back in the outbox")?;
    said(out, &broken, "cannot be read, left as they are")?;
    if revived > 0 {
        writeln!(out, "`sealtail watch` sends them when it starts")?;
    }
    Ok(())
}

fn discard(out: &mut impl Write, store: &Store, dead: &[Dead]) -> Result<()> {
    let dead: Vec<&Dead> = dead.iter().collect();
    store.discard(&numbers(&dead))?;
    Ok(said(out, &dead, "deleted")?)
}

fn numbers(dead: &[&Dead]) -> Vec<u64> {
    dead.iter().map(|dead| dead.seq).collect()
}

/// Says what was done, a line a sink.
fn said(out: &mut impl Write, dead: &[&Dead], done: &str) -> io::Result<()> {
    let mut sinks: BTreeMap<&str, usize> = BTreeMap::new();
    for dead in dead {
        *sinks.entry(&dead.sink).or_default() += 1;
    }
    sinks
        .iter()
        .try_for_each(|(sink, count)| writeln!(out, "{sink}: {}, {done}", counted(*count, "dead letter")))
}

pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The width of a column with these values below `head`.
pub(super) fn width<'a>(values: impl Iterator<Item = &'a String>, head: &str) -> usize {
    values.map(|value| value.chars().count()).chain([head.len()]).max().unwrap_or(0)
}

/// A time of ours without its fraction.
fn seconds(time: &str) -> String {
    time.parse().map_or_else(|_| time.to_owned(), |time: Timestamp| format!("{time:.0}"))
}
