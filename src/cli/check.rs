//! `sealtail check`.

mod route;
mod world;

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

/// Where a configuration is looked for that is not named.
const PLACES: &str = "$SEALTAIL_CONFIG, ~/.config/sealtail/sealtail.toml, /etc/sealtail/sealtail.toml";

pub(super) fn run(args: CheckArgs) -> Result<u8> {
    let path = config::find(args.config.as_deref(), &environment, &|path: &Path| path.exists());
    if path.is_none() && args.packs.packs.is_empty() {
        bail!(
            "no configuration was found in {PLACES}\nhint: name it with --config FILE; `--packs DIR` alone checks pages"
        );
    }
    let mut faults = Vec::new();
    let config = path.as_deref().and_then(|path| read_config(path, &mut faults));
    let Packs { catalogue, ids, warnings } = read_packs(&args, config.as_ref(), &mut faults)?;
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
        return Ok(found(faults.len()));
    }
    let mut out = anstream::stdout().lock();
    if !args.route.is_empty() {
        let sinks = sinks(config.as_ref())?;
        args.route.iter().try_for_each(|id| route::print(id, &catalogue, sinks, &mut out))?;
        return Ok(EXIT_OK);
    }
    let mut count = 0;
    if let (Some(mut config), Some(path)) = (config.clone(), path) {
        let remote = remote(&mut config, disk::network);
        for warning in config.warnings.iter().chain(&remote) {
            anstream::eprintln!("warning: {}", clean(warning));
        }
        let (problems, files) = world::look(&config, &catalogue, &ids, &environment);
        problems.iter().for_each(world::Problem::print);
        count = problems.iter().filter(|problem| problem.fault).count();
        let Config { sources, sinks, .. } = config;
        let [sources, files, sinks] = [(sources.len(), "source"), (files, "file"), (sinks.len(), "sink")]
            .map(|(count, what)| counted(count, what));
        let path = clean(&path.display().to_string());
        writeln!(out, "configuration: {path}: {sources}, {files}, {sinks}, {}", verdict(count))?;
    } else {
        writeln!(out, "configuration: none in {PLACES}")?;
    }
    let signatures = catalogue.signatures();
    let samples: usize = signatures.iter().map(|signature| signature.pages.samples().len()).sum();
    let checks = signatures.iter().filter(|signature| signature.check.is_some()).count();
    let pages = signatures.len() - checks;
    writeln!(
        out,
        "packs: {pages} signatures, {samples} samples, {checks} pages that no log line shows, no fault"
    )?;
    // Where a source is wrong, a sink may be tested all the same.
    let sent = if args.send_test { send_tests(config.as_ref(), &mut out)? } else { EXIT_OK };
    Ok(if count > 0 { found(count).max(sent) } else { sent })
}

/// Prints how many faults there are; the status for that.
fn found(faults: usize) -> u8 {
    anstream::eprintln!("sealtail: {}", counted(faults, "fault"));
    EXIT_FOUND
}

fn verdict(faults: usize) -> String {
    if faults == 0 { "no fault".to_owned() } else { counted(faults, "fault") }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The configuration, its faults aside.
fn read_config(path: &Path, faults: &mut Vec<Diagnostic>) -> Option<Config> {
    Config::load(path, &environment).map_err(|found| faults.extend(found)).ok()
}

/// What `sealtail watch` will say of a state or a source whose disk is another host's: `network` tells.
fn remote(config: &mut Config, network: Place) -> Vec<String> {
    let state = config.state_dir.clone().or_else(|| config::state_dir(&environment).ok());
    let refused = state.and_then(|directory| Store::admit(network, &directory).err());
    let polled = poll_networks(&mut config.sources, network);
    refused.map(|error| error.to_string()).into_iter().chain(polled).collect()
}

/// The pages, checked.
struct Packs {
    catalogue: Catalogue,
    /// The ids of all, disabled ones among them.
    ids: Vec<String>,
    warnings: Vec<Diagnostic>,
}

/// All packs, every sample run.
fn read_packs(args: &CheckArgs, config: Option<&Config>, faults: &mut Vec<Diagnostic>) -> Result<Packs> {
    let configured = config.map(|config| config.packs.as_slice()).unwrap_or_default();
    let folders = [configured, &args.packs.packs].concat();
    let (pages, found) = catalogue::pages(&folders);
    faults.extend(found);
    let ids = pages.iter().map(|(page, _)| page.id()).collect();
    let own: HashSet<String> =
        pages.iter().filter(|(_, trust)| *trust == Trust::Untested).map(|(page, _)| page.id()).collect();
    let disabled = config.map(|config| config.disable.as_slice()).unwrap_or_default();
    let (catalogue, found) = Catalogue::load(pages.into_iter().map(|(page, _)| page), disabled);
    faults.extend(found);
    let detector = Detector::new(catalogue.clone(), TimeZone::system())?;
    faults.extend(samples::check(&detector));
    let warnings = command::check(&catalogue, |signature| own.contains(&*signature.id));
    Ok(Packs { catalogue, ids, warnings })
}

/// The sinks of the configuration.
fn sinks(config: Option<&Config>) -> Result<&[Sink]> {
    match config {
        Some(config) if !config.sinks.is_empty() => Ok(&config.sinks),
        Some(_) => bail!(
            "the configuration has no sink\nhint: add one, such as [[sink.webhook]] with name and url_file"
        ),
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
