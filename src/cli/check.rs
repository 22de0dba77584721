//! `sealtail check`.

mod route;

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use jiff::tz::TimeZone;

use super::{CheckArgs, EXIT_ERROR, EXIT_FOUND, EXIT_OK, catalogue, environment, host_name};
use crate::base::diagnostic::{Diagnostic, Note, Warning};
use crate::base::disk;
use crate::base::text::clean;
use crate::config::{self, Config};
use crate::deliver;
use crate::deliver::sink::{Outcome, Sink};
use crate::detect::{Detector, samples};
use crate::signature::{Catalogue, Trust, command, cost};
use crate::source::tail::poll_networks;
use crate::store::{Place, Store};

pub(super) fn run(args: CheckArgs) -> Result<u8> {
    let mut faults = Vec::new();
    let mut config = read_config(&args, &mut faults);
    let (catalogue, warnings) = read_packs(&args, config.as_ref(), &mut faults)?;
    for fault in &faults {
        anstream::eprintln!("{}\n", clean(&fault.to_string()));
    }
    for warning in &warnings {
        anstream::eprintln!("{}\n", clean(&Warning(warning).to_string()));
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
    if !args.route.is_empty() {
        let sinks = sinks(config.as_ref())?;
        args.route.iter().try_for_each(|id| route::print(id, &catalogue, sinks, &mut out))?;
        return Ok(EXIT_OK);
    }
    if let Some(config) = &mut config {
        let remote = remote(config, disk::network);
        for warning in config.warnings.iter().chain(&remote) {
            anstream::eprintln!("warning: {}", clean(warning));
        }
        let Config { sources, sinks, .. } = config;
        writeln!(out, "configuration: {} sources, {} sinks, no fault", sources.len(), sinks.len())?;
    }
    let signatures = catalogue.signatures();
    let samples: usize = signatures.iter().map(|signature| signature.pages.samples().len()).sum();
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

/// What `sealtail watch` will say of a state or a source whose disk is another host's: `network` tells.
fn remote(config: &mut Config, network: Place) -> Vec<String> {
    let state = config.state_dir.clone().or_else(|| config::state_dir(&environment).ok());
    let refused = state.and_then(|directory| Store::admit(network, &directory).err());
    let polled = poll_networks(&mut config.sources, network);
    refused.map(|error| error.to_string()).into_iter().chain(polled).collect()
}

/// All packs, every sample run.
fn read_packs(
    args: &CheckArgs,
    config: Option<&Config>,
    faults: &mut Vec<Diagnostic>,
) -> Result<(Catalogue, Vec<Diagnostic>)> {
    let configured = config.map(|config| config.packs.as_slice()).unwrap_or_default();
    let folders = [configured, &args.packs.packs].concat();
    let (pages, found) = catalogue::pages(&folders);
    faults.extend(found);
    let own: HashSet<String> =
        pages.iter().filter(|(_, trust)| *trust == Trust::Untested).map(|(page, _)| page.id()).collect();
    let disabled = config.map(|config| config.disable.as_slice()).unwrap_or_default();
    let (catalogue, found) = Catalogue::load(pages.into_iter().map(|(page, _)| page), disabled);
    faults.extend(found);
    let detector = Detector::new(catalogue.clone(), TimeZone::system())?;
    faults.extend(samples::check(&detector));
    let warnings = command::check(&catalogue, |signature| own.contains(&*signature.id));
    Ok((catalogue, warnings))
}

/// The sinks of the configuration.
fn sinks(config: Option<&Config>) -> Result<&[Sink]> {
    match config {
        Some(config) if !config.sinks.is_empty() => Ok(&config.sinks),
        Some(_) => bail!("the configuration has no sink"),
        None => bail!("there is no configuration, and so no sink\nhint: name one with --config"),
    }
}

/// Sends a marked alert to every sink and says what became of it.
fn send_tests(config: Option<&Config>, out: &mut impl Write) -> Result<u8> {
    let sinks = sinks(config)?;
    let host = config.and_then(|config| config.host.clone()).unwrap_or_else(host_name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut code = EXIT_OK;
    for sink in sinks {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_and_a_source_on_the_disk_of_another_host_are_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealtail.toml");
        let source = "[[source]]\nname = \"worker\"\npaths = [\"/mnt/nfs/log/*.log\"]\n";
        std::fs::write(&path, format!("state_dir = \"/mnt/nfs/state\"\n{source}")).unwrap();
        let config = || Config::load(&path, &environment).unwrap();
        let nfs: Place = |path| match path.to_str() {
            Some("/mnt/nfs") => Ok(Some("NFS")),
            Some("/") => Ok(None),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        };
        let told = remote(&mut config(), nfs);
        assert_eq!(told.len(), 2, "{told:?}");
        for part in ["/mnt/nfs/state is on a network file system (NFS)", "--allow-network-state"] {
            assert!(told[0].contains(part), "{part:?} is not in {told:?}");
        }
        assert!(told[1].contains("source `worker`: /mnt/nfs/log is on NFS"), "{told:?}");
        assert!(remote(&mut config(), |_| Ok(None)).is_empty());
    }
}
