//! `sealtail explain`.

use std::io::{self, IsTerminal, Read, Write};

use anstyle::Style;
use anyhow::{Context as _, Result, bail};
use jiff::tz::TimeZone;

use super::catalogue::{self, Known};
use super::{EXIT_OK, ExplainArgs};
use crate::base::diagnostic::did_you_mean;
use crate::base::text;
use crate::correlate::command::{self, Vars};
use crate::deliver::sink;
use crate::detect::{self, Detector};
use crate::model::alert::Lang;
use crate::model::record::{Fields, Record};
use crate::signature::{Catalogue, Signature, markdown, near};

/// Columns of a page where the terminal is wider, or where there is none.
const WIDTH_MAX: usize = 100;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

pub(super) fn run(args: ExplainArgs) -> Result<u8> {
    let known = catalogue::of(&args.known)?;
    match (&args.line, &args.id) {
        (Some(line), _) => explain_line(line, known.catalogue)?,
        (None, Some(id)) => print_page(id, &args, &known)?,
        // The arguments require one of them.
        (None, None) => {}
    }
    Ok(EXIT_OK)
}

fn print_page(id: &str, args: &ExplainArgs, Known { catalogue, vars, .. }: &Known) -> Result<()> {
    let Some(signature) = catalogue.get(id) else {
        let ids = || catalogue.signatures().iter().map(|signature| &*signature.id);
        let by_name = ids().find(|known| known.split_once('/').is_some_and(|(_, name)| name == id));
        let hint = by_name
            .map(|known| format!("did you mean `{known}`?"))
            .or_else(|| did_you_mean(id, ids()))
            .unwrap_or_else(|| "`sealtail patterns` lists them".to_owned());
        bail!("there is no signature `{id}`\nhint: {hint}");
    };
    let mut out = anstream::stdout().lock();
    let page = signature.pages.text(args.lang).map_or("", |page| &page.text);
    match (args.source, io::stdout().is_terminal()) {
        (false, _) => write!(out, "{}", runbook(signature, args.lang, vars))?,
        (true, true) => write!(out, "{}", markdown::to_terminal(page, columns()))?,
        (true, false) => write!(out, "{page}")?,
    }
    Ok(())
}

/// How wide prose may be.
fn columns() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { WIDTH_MAX } else { columns.clamp(40, WIDTH_MAX) }
}

/// What an alert of the signature says, without a finding: all steps, with what the operator's `vars` fill.
fn runbook(signature: &Signature, lang: Lang, vars: &Vars) -> String {
    let runbook = signature.runbook(lang);
    let steps = command::of_page(signature, vars, lang).into_iter().map(|step| (step.number, step.action));
    let steps: Vec<_> = steps.collect();
    let (severity, id) = (signature.severity, &signature.id);
    let (style, word) = (severity.style(), lang.severity(severity));
    let head = format!("{style}{word}{style:#} {BOLD}{}{BOLD:#} {DIM}{id}{DIM:#}\n\n", runbook.title);
    // Two columns are the margin.
    head + &sink::runbook(lang, &runbook.meaning, &steps, &runbook.links, columns() - 2)
}

fn explain_line(line: &str, catalogue: Catalogue) -> Result<()> {
    let mut log = line.as_bytes().to_vec();
    if line == "-" {
        log.clear();
        io::stdin().read_to_end(&mut log).context("cannot read standard input")?;
    }
    let detector = Detector::new(catalogue, TimeZone::system())?;
    let mut out = anstream::stdout().lock();
    for record in detect::records(&detector, &log) {
        for line in record.text.lines() {
            writeln!(out, "{DIM}│{DIM:#} {}", text::clean(line))?;
        }
        let mut explained = 0;
        for signature in detector.catalogue().signatures() {
            if let Some(verdict) = Verdict::of(signature, &record) {
                explained += 1;
                write_verdict(&mut out, signature, &verdict)?;
            }
        }
        if explained == 0 {
            writeln!(out, "  no signature comes near it")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What a signature makes of a record it comes near to.
enum Verdict {
    /// It fires, with these fields.
    Fires(Fields),
    /// This anchor stands in it, but something keeps it out.
    Refused(String, detect::Refusal),
    /// At least half of this anchor's words stand in it.
    Near(String),
}

impl Verdict {
    fn of(signature: &Signature, record: &Record) -> Option<Verdict> {
        let anchors = || signature.anchors.iter();
        if let Some(anchor) = anchors().find(|anchor| record.text.contains(anchor.as_str())) {
            return Some(match detect::confirm(signature, record) {
                Ok(fields) => Verdict::Fires(fields),
                Err(refusal) => Verdict::Refused(anchor.clone(), refusal),
            });
        }
        let near = anchors().find(|anchor| near::is_near(anchor, &record.text))?;
        Some(Verdict::Near(near.clone()))
    }
}

fn write_verdict(out: &mut impl Write, signature: &Signature, verdict: &Verdict) -> io::Result<()> {
    let Signature { id, severity, .. } = signature;
    match verdict {
        Verdict::Fires(fields) => {
            let style = severity.style();
            writeln!(out, "  {style}fires{style:#}   {BOLD}{id}{BOLD:#} ({severity})")?;
            for (name, value) in fields {
                writeln!(out, "          {name} = {}", text::clean_line(value))?;
            }
            Ok(())
        }
        Verdict::Refused(anchor, refusal) => {
            writeln!(out, "  {DIM}silent{DIM:#}  {id}: its anchor `{anchor}` is there, but {refusal}")
        }
        Verdict::Near(anchor) => {
            writeln!(out, "  {DIM}silent{DIM:#}  {id}: near, but its anchor `{anchor}` is not there")
        }
    }
}
