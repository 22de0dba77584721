//! Silences and acknowledgements: made, listed and ended.

use std::fmt::{self, Write};

use anstyle::Style;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::request::{Refused, Request};
use crate::base::text::{clean_line, counted, escape_json};
use crate::correlate::{Correlator, Moment, OpenAlert, Policy, Silence};
use crate::store::{Commit, Durability, Store, StoreError};

const DIM: Style = Style::new().dimmed();
/// An acknowledgement lasts no longer: whoever was on it may have forgotten.
const ACK_MAX: SignedDuration = SignedDuration::from_hours(24);
/// Silences at a time.
const SILENCES_MAX: usize = 1_000;

/// The silences of a state; one that cannot be read silences nothing.
pub(crate) fn silences(store: &Store) -> Result<Vec<(String, Silence)>, StoreError> {
    let rows = store.silences()?.into_iter();
    Ok(rows
        .filter_map(|(id, row)| {
            let silence = Silence::decode(&row);
            if silence.is_none() {
                tracing::warn!(id, "skipped a silence in the state that cannot be read");
            }
            Some((id, silence?))
        })
        .collect())
}

/// The open alerts and silences of a state that no watch works on.
pub(crate) fn at_rest(store: &Store) -> Result<Correlator, StoreError> {
    let open = store.alerts()?.into_iter().filter_map(|(id, row)| Some((id, OpenAlert::decode(&row)?)));
    let mut correlator = Correlator::new(Policy::default(), open);
    correlator.set_silences(silences(store)?);
    Ok(correlator)
}

/// Does in a state at rest what is asked, with what the next watch will know.
pub(super) fn change_at_rest(store: &Store, request: Request, now: Timestamp) -> Result<String, Refused> {
    let mut correlator = at_rest(store)?;
    let text = change(&mut correlator, request, now.into())?;
    let alerts = correlator.changes().into_iter().map(|(id, alert)| (id, alert.map(|alert| alert.encode())));
    let silences = correlator.silence_changes().into_iter();
    let commit = Commit {
        alerts: alerts.collect(),
        silences: silences.map(|(id, silence)| (id, silence.map(|silence| silence.encode()))).collect(),
        ..Commit::default()
    };
    if !commit.is_empty() {
        store.commit(&commit, Durability::Now, now)?;
    }
    Ok(text)
}

/// Does what is asked, and says what was done.
pub(crate) fn change(correlator: &mut Correlator, request: Request, now: Moment) -> Result<String, Refused> {
    match request {
        Request::Silence(silence) => add(correlator, silence, now),
        Request::Silences { json } => list(correlator, json, now),
        Request::EndSilence { id } => {
            let ids = correlator.silences().keys().filter(|known| known.starts_with(&id)).cloned();
            let id = only(ids.collect(), &id, "silence", "`sealtail silence list` shows them")?;
            correlator.end_silence(&id);
            Ok(format!("silence {id} ended\n"))
        }
        Request::Ack { id, who } => {
            let ids =
                correlator.shown().map(|notice| notice.fingerprint).filter(|known| known.starts_with(&id));
            let id = only(ids.collect(), &id, "open alert", "`sealtail alerts` lists them")?;
            // A time that far away is no time.
            let until = now.steady.checked_add(ACK_MAX).unwrap_or(Timestamp::MAX);
            correlator.acknowledge(&id, until, &who);
            Ok(format!("{id} acknowledged: not repeated until it ends, gets graver, or 24 h are over\n"))
        }
        _ => Err(Refused::new("only a running watch answers this")),
    }
}

fn only(mut ids: Vec<String>, id: &str, what: &str, hint: &str) -> Result<String, Refused> {
    match (ids.pop(), ids.len()) {
        (Some(only), 0) if !id.is_empty() => Ok(only),
        (None, _) => Err(Refused::new(format!("there is no {what} `{id}`\nhint: {hint}"))),
        (_, more) => {
            Err(Refused::new(format!("`{id}` is the beginning of {}\nhint: {hint}", counted(more + 1, what))))
        }
    }
}

fn add(correlator: &mut Correlator, mut silence: Silence, now: Moment) -> Result<String, Refused> {
    if let Some(fault) = silence.fault() {
        return Err(Refused::new(fault));
    }
    if correlator.silences().len() >= SILENCES_MAX {
        return Err(Refused::new(format!(
            "there are {SILENCES_MAX} silences already\nhint: end some of them"
        )));
    }
    if silence.until <= now.wall {
        return Err(Refused::new("it would have ended already"));
    }
    // The clock of the box may be set, and the silence lasts as long as was meant.
    let lasts = silence.until.duration_since(now.wall);
    silence.until = now.steady.checked_add(lasts).unwrap_or(Timestamp::MAX);
    let id = format!("{:08x}", getrandom::u32().map_err(std::io::Error::other)?);
    let covers = silence.clone();
    correlator.silence(&id, silence);
    let count = correlator.shown().filter(|notice| notice.is_silenced_by(&covers)).count();
    Ok(format!(
        "silence {id} until {}: {} silenced now\n",
        now.shown(covers.until),
        counted(count, "open alert")
    ))
}

/// A line of `silence list --json`.
#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    id: &'a str,
    until: String,
    signature: Option<&'a str>,
    group: &'a [String],
    source: Option<&'a str>,
    at_least: Option<&'static str>,
    at_most: Option<&'static str>,
    comment: &'a str,
    who: &'a str,
}

fn list(correlator: &Correlator, json: bool, now: Moment) -> Result<String, Refused> {
    let rows = correlator.silences().iter().map(|(id, silence)| Row {
        kind: "silence",
        id,
        until: now.shown(silence.until),
        signature: silence.signature.as_deref(),
        group: &silence.group,
        source: silence.source.as_deref(),
        at_least: silence.at_least.map(|severity| severity.name()),
        at_most: silence.at_most.map(|severity| severity.name()),
        comment: &silence.comment,
        who: &silence.who,
    });
    let mut out = String::new();
    for row in rows {
        if json {
            out += &(escape_json(serde_json::to_string(&row)?) + "\n");
        } else {
            // Writing to a string cannot fail.
            let _ = entry(&mut out, &row);
        }
    }
    if out.is_empty() && !json {
        out += "no silences\n";
    }
    Ok(out)
}

fn entry(out: &mut String, row: &Row<'_>) -> fmt::Result {
    write!(out, "{}  until {}", row.id, row.until)?;
    let group: Vec<&str> = row.group.iter().map(String::as_str).collect();
    let group = (!group.is_empty()).then(|| group.join(" "));
    let parts = [
        ("", row.signature),
        ("", group.as_deref()),
        ("source ", row.source),
        ("at least ", row.at_least),
        ("at most ", row.at_most),
    ];
    for (word, part) in parts {
        if let Some(part) = part {
            write!(out, "  {word}{}", clean_line(part))?;
        }
    }
    writeln!(out)?;
    writeln!(out, "{DIM}          {} {}{DIM:#}", clean_line(row.who), clean_line(row.comment))
}
