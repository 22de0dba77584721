//! `sealtail check`.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use jiff::tz::TimeZone;

use super::{CheckArgs, EXIT_ERROR, EXIT_FOUND, EXIT_OK, catalogue, environment, host_name};
use crate::config::{self, Config};
use crate::deliver;
use crate::detect::{Detector, samples};
use crate::diagnostic::{Diagnostic, Note};
use crate::signature::{Catalogue, cost};
use crate::sink::Outcome;
use crate::text::clean;

pub(super) fn run(args: CheckArgs) -> Result<u8> {
    let mut faults = Vec::new();
    let config = read_config(&args, &mut faults);
    let catalogue = read_packs(&args, config.as_ref(), &mut faults)?;
    for fault in &faults {
        anstream::eprintln!("{}\n", clean(&fault.to_string()));
    }
    for note in &cost::costs(&catalogue) {
        anstream::eprintln!("{}\n", clean(&Note(note).to_string()));
    }
    if !faults.is_empty() {
        let plural = if faults.len() == 1 { "" } else { "s" };
        anstream::eprintln!("sealtail: {} fault{plural}", faults.len());
        return Ok(EXIT_FOUND);
    }
    let mut out = anstream::stdout().lock();
    if let Some(Config { sources, sinks, warnings, .. }) = &config {
        for warning in warnings {
            anstream::eprintln!("warning: {warning}");
        }
        writeln!(out, "configuration: {} sources, {} sinks, no fault", sources.len(), sinks.len())?;
    }
    let signatures = catalogue.signatures();
    let samples: usize = signatures.iter().map(|signature| signature.samples.len()).sum();
    let checks = signatures.iter().filter(|signature| signature.check.is_some()).count();
    let count = signatures.len() - checks;
    writeln!(
        out,
        "packs: {count} signatures, {samples} samples, {checks} pages that no log line shows, no fault"
    )?;
    if args.send_test { send_tests(config.as_ref(), &mut out) } else { Ok(EXIT_OK) }
}

/// The configuration that is named or found, its faults aside.
fn read_config(args: &CheckArgs, faults: &mut Vec<Diagnostic>) -> Option<Config> {
    let path = config::find(args.config.as_deref(), &environment, &|path: &Path| path.exists())?;
    Config::load(&path, &environment).map_err(|found| faults.extend(found)).ok()
}

/// All packs, every sample run.
fn read_packs(args: &CheckArgs, config: Option<&Config>, faults: &mut Vec<Diagnostic>) -> Result<Catalogue> {
    let configured = config.map(|config| config.packs.as_slice()).unwrap_or_default();
    let folders = [configured, &args.packs.packs].concat();
    let (pages, found) = catalogue::pages(&folders);
    faults.extend(found);
    let disabled = config.map(|config| config.disable.as_slice()).unwrap_or_default();
    let (catalogue, found) = Catalogue::load(pages.into_iter().map(|(page, _)| page), disabled);
    faults.extend(found);
    let detector = Detector::new(catalogue.clone(), TimeZone::system())?;
    faults.extend(samples::check(&detector));
    Ok(catalogue)
}

/// Sends a marked alert to every sink and says what became of it.
fn send_tests(config: Option<&Config>, out: &mut impl Write) -> Result<u8> {
    let Some(config) = config.filter(|config| !config.sinks.is_empty()) else {
        bail!("there is no sink to test\nhint: name a configuration with --config");
    };
    let host = config.host.clone().unwrap_or_else(host_name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut code = EXIT_OK;
    for sink in &config.sinks {
        write!(out, "sink {}: ", sink.name)?;
        out.flush()?;
        match runtime.block_on(deliver::send_test(sink, &host)) {
            Outcome::Delivered => writeln!(out, "delivered")?,
            Outcome::Retry { reason, .. }
            | Outcome::Unfit { reason }
            | Outcome::Refused { reason }
            | Outcome::Revoked { reason } => {
                code = EXIT_ERROR;
                writeln!(out, "failed: {reason}")?;
            }
        }
    }
    Ok(code)
}
