//! `sealtail doctor`.

use std::env;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{DoctorArgs, EXIT_ERROR, EXIT_FOUND, EXIT_OK, catalogue, environment, log, output};
use crate::config;
use crate::doctor::collect::{self, Request};
use crate::doctor::facts::Facts;
use crate::doctor::report::{Told, write_json, write_text};
use crate::doctor::{self, Report};
use crate::model::alert::Lang;

pub(super) fn run(args: DoctorArgs) -> Result<u8> {
    let catalogue = catalogue::load(&args.packs.packs, &[])?;
    let request = request(&args)?;
    let root = args.root.as_deref().unwrap_or(Path::new("/"));
    let facts = collect::collect(&request).with_context(|| format!("cannot examine {}", root.display()))?;
    let report = doctor::examine(&facts);
    let mut out = output::coloured(args.json);
    if args.json {
        write_json(&mut out, &report, &catalogue, args.lang)?;
    } else {
        write_text(&mut out, &report, &catalogue, args.lang)?;
    }
    out.flush()?;
    let unreadable = unreadable(&request, &facts);
    for why in &unreadable {
        log::say(why);
    }
    if !unreadable.is_empty() {
        return Ok(EXIT_ERROR);
    }
    let grave = |report: &Report| {
        let severity = |finding| Told::of(finding, &catalogue, Lang::En).severity;
        report.findings.iter().map(severity).max()
    };
    let failed = args.fail_on.is_some_and(|severity| grave(&report) >= Some(severity));
    Ok(if failed { EXIT_FOUND } else { EXIT_OK })
}

fn request(args: &DoctorArgs) -> Result<Request> {
    // Of another box only its own files are examined; the environment of this shell belongs to this box.
    let found = match (&args.config, &args.root) {
        (None, Some(_)) => Some("/etc/sealtail/sealtail.toml".into()),
        (named, _) => config::find(named.as_deref(), &environment, &|path: &Path| path.exists()),
    };
    Ok(Request {
        root: args.root.clone(),
        configs: args.worker_config.clone(),
        binaries: args.worker_bin.clone(),
        build_dir: args.build_dir.clone(),
        sealtail_config: found,
        environ: env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        here: env::current_dir().context("cannot read the current folder")?,
        only_worker: false,
    })
}

/// Why files that were named could not be read.
fn unreadable(request: &Request, facts: &Facts) -> Vec<String> {
    let configs = facts.configs.iter().filter(|_| !request.configs.is_empty());
    let configs = configs.filter_map(|file| file.text.as_ref().err());
    let binaries = facts.binaries.as_ref().err().filter(|_| !request.binaries.is_empty());
    configs.chain(binaries).map(|why| why.in_lang(Lang::En).to_owned()).collect()
}
