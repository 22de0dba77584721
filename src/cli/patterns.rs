//! `sealtail patterns`.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::Style;
use anyhow::{Result, bail};
use serde::Serialize;

use super::{EXIT_OK, PatternsArgs, catalogue, output};
use crate::base::diagnostic::did_you_mean;
use crate::model::alert::{Lang, Link};
use crate::model::finding::Severity;
use crate::signature::{Catalogue, Signature};

pub(super) fn run(args: PatternsArgs) -> Result<u8> {
    let catalogue = catalogue::of(&args.known)?.catalogue;
    let chosen = chosen(&args, &catalogue)?;
    let mut out = output::coloured(args.json);
    if args.json {
        for signature in chosen {
            writeln!(out, "{}", serde_json::to_string(&Line::of(signature, args.lang))?)?;
        }
    } else {
        table(&mut out, &chosen, args.lang)?;
    }
    out.flush()?;
    Ok(EXIT_OK)
}

/// The signatures that were asked for; a word that no signature knows is more likely a slip.
fn chosen<'c>(args: &PatternsArgs, catalogue: &'c Catalogue) -> Result<Vec<&'c Signature>> {
    let all = || catalogue.signatures().iter().map(|signature| &**signature);
    known("pack", &args.pack, all().map(pack))?;
    known("component", &args.component, all().flat_map(|one| &one.components).map(String::as_str))?;
    let takes = |asked: &[String], words: &[&str]| {
        asked.is_empty() || words.iter().any(|word| asked.iter().any(|asked| asked == word))
    };
    let chosen = all().filter(|signature| {
        let components: Vec<&str> = signature.components.iter().map(String::as_str).collect();
        takes(&args.pack, &[pack(signature)])
            && takes(&args.component, &components)
            && args.severity.is_none_or(|least| signature.severity >= least)
    });
    Ok(chosen.collect())
}

/// Refuses a word that is not among `words`.
fn known<'w>(what: &str, asked: &[String], words: impl Iterator<Item = &'w str>) -> Result<()> {
    let words: BTreeSet<&str> = words.collect();
    let Some(unknown) = asked.iter().find(|asked| !words.contains(asked.as_str())) else { return Ok(()) };
    let hint = did_you_mean(unknown, words.iter().copied());
    let all = || format!("there are {}", words.iter().copied().collect::<Vec<_>>().join(", "));
    bail!("no signature has the {what} `{unknown}`\nhint: {}", hint.unwrap_or_else(all));
}

fn pack(signature: &Signature) -> &str {
    signature.id.split_once('/').map_or("", |(pack, _)| pack)
}

/// One paragraph a pack, the gravest first.
fn table(out: &mut impl Write, signatures: &[&Signature], lang: Lang) -> io::Result<()> {
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let width = signatures.iter().map(|signature| signature.id.len()).max().unwrap_or(0);
    for in_pack in signatures.chunk_by(|one, next| pack(one) == pack(next)) {
        // A chunk has a first.
        writeln!(out, "{bold}{}{bold:#}", pack(in_pack[0]))?;
        let mut in_pack = in_pack.to_vec();
        in_pack.sort_by_key(|signature| Reverse(signature.severity));
        for signature in in_pack {
            let Signature { id, severity, .. } = signature;
            let style = severity.style();
            let title = &signature.runbook(lang).title;
            writeln!(out, "  {style}{severity:<8}{style:#}  {id:<width$}  {title}")?;
        }
        writeln!(out)?;
    }
    let checks = signatures.iter().filter(|signature| signature.check.is_some()).count();
    let what = format!("{} signatures and {checks} pages that no log line shows", signatures.len() - checks);
    writeln!(out, "{dim}{what}; `sealtail explain ID` shows the page of one{dim:#}")
}

/// One signature as an object of `patterns --json`.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    severity: Severity,
    title: &'a str,
    components: &'a [String],
    anchors: &'a [String],
    group_by: &'a [String],
    fields: Vec<&'a str>,
    links: &'a [Link],
    path: &'a str,
    /// No record shows it: a check of the doctor, or what sealtail says of itself.
    #[serde(skip_serializing_if = "is_false")]
    check: bool,
}

/// For serde, which passes a reference.
fn is_false(value: &bool) -> bool {
    !value
}

impl<'a> Line<'a> {
    fn of(signature: &'a Signature, lang: Lang) -> Line<'a> {
        let runbook = signature.runbook(lang);
        let captures = signature.regex.iter().flat_map(|regex| regex.names());
        let fields = signature.fields.iter().map(|(name, _)| name.as_str());
        Line {
            id: &signature.id,
            severity: signature.severity,
            title: &runbook.title,
            components: &signature.components,
            anchors: &signature.anchors,
            group_by: &signature.group_by,
            fields: captures.chain(fields).collect(),
            links: &runbook.links,
            path: signature.pages.text(Lang::En).map_or("", |page| &page.path),
            check: signature.check.is_some(),
        }
    }
}
