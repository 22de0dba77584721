//! `sealtail patterns`.

use std::io::{self, BufWriter, Write};

use anstyle::Style;
use anyhow::Result;
use serde::Serialize;

use super::{EXIT_OK, PatternsArgs, catalogue};
use crate::alert::{Lang, Link};
use crate::finding::Severity;
use crate::signature::{Catalogue, Signature};

pub(super) fn run(args: PatternsArgs) -> Result<u8> {
    let catalogue = catalogue::load(&args.packs.packs, &[])?;
    let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout().lock()));
    if args.json {
        for signature in catalogue.signatures() {
            writeln!(out, "{}", serde_json::to_string(&Line::of(signature, args.lang))?)?;
        }
    } else {
        table(&mut out, &catalogue, args.lang)?;
    }
    out.flush()?;
    Ok(EXIT_OK)
}

fn table(out: &mut impl Write, catalogue: &Catalogue, lang: Lang) -> io::Result<()> {
    let width = catalogue.signatures().iter().map(|signature| signature.id.len()).max().unwrap_or(0);
    for signature in catalogue.signatures() {
        let Signature { id, severity, .. } = &**signature;
        let style = severity.style();
        let title = &signature.runbook(lang).title;
        writeln!(out, "{style}{severity:<8}{style:#}  {id:<width$}  {title}")?;
    }
    let dim = Style::new().dimmed();
    let count = catalogue.signatures().len();
    writeln!(out, "{dim}{count} signatures; `sealtail explain ID` shows the page of one{dim:#}")
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
}

impl<'a> Line<'a> {
    fn of(signature: &'a Signature, lang: Lang) -> Line<'a> {
        let runbook = signature.runbook(lang);
        let captures = signature.regex.iter().flat_map(|regex| regex.capture_names().flatten());
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
            path: signature.pages.get(&Lang::En).map_or("", |page| &page.path),
        }
    }
}
