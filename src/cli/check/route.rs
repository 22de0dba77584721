//! `sealtail check --route`: which sinks would get the alerts of a signature.

use std::io::{self, Write};

use anyhow::{Context as _, Result, bail};
use glob::Pattern;

use crate::base::diagnostic::did_you_mean;
use crate::deliver::sink::Sink;
use crate::signature::{Catalogue, Signature};

/// Prints a line for each signature that `id`, an id or a glob, names.
pub(super) fn print(id: &str, catalogue: &Catalogue, sinks: &[Sink], out: &mut impl Write) -> Result<()> {
    let pattern = Pattern::new(id).with_context(|| format!("`{id}` is not a glob"))?;
    let ids = || catalogue.signatures().iter().map(|signature| &*signature.id);
    let named: Vec<&Signature> = catalogue
        .signatures()
        .iter()
        .map(|signature| &**signature)
        .filter(|signature| signature.check.is_none() && pattern.matches(&signature.id))
        .collect();
    if named.is_empty() {
        let hint = did_you_mean(id, ids()).unwrap_or_else(|| "`sealtail patterns` lists them".to_owned());
        bail!("no signature is called `{id}`\nhint: {hint}");
    }
    table(&named, sinks, out)?;
    Ok(())
}

fn table(signatures: &[&Signature], sinks: &[Sink], out: &mut impl Write) -> io::Result<()> {
    let width = signatures.iter().map(|signature| signature.id.len()).max().unwrap_or(0);
    for Signature { id, severity, .. } in signatures.iter().copied() {
        let taken = sinks.iter().filter(|sink| sink.route.takes_signature(id, *severity)).map(receiver);
        let taken: Vec<String> = taken.collect();
        let who = if taken.is_empty() { "no sink".to_owned() } else { taken.join(", ") };
        writeln!(out, "{severity:<8}  {id:<width$}  {who}")?;
    }
    Ok(())
}

/// The name of a sink, and what else it asks of an alert.
fn receiver(sink: &Sink) -> String {
    let conditions = sink.route.conditions();
    if conditions.is_empty() { sink.name.clone() } else { format!("{} (where {conditions})", sink.name) }
}
