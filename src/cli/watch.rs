//! `sealtail watch`.

mod adhoc;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::tz::TimeZone;

use super::catalogue::{self, Faults};
use super::{EXIT_OK, WatchArgs, environment, host_name};
use crate::base::disk;
use crate::config::{self, Config};
use crate::correlate::Policy;
use crate::correlate::command::Vars;
use crate::deliver::sink::{Destination, Route, Sink, Stdout};
use crate::detect::Detector;
use crate::doctor::collect::Request;
use crate::source::tail::poll_networks;
use crate::store::Terms;
use crate::watch::Setup;
use crate::watch::supervise::{self, Configuration, ExternalSettings};

pub(super) fn run(args: WatchArgs) -> Result<u8> {
    let plan = Plan::of(&args)?;
    let terms = Terms { strict: args.strict_state, network: args.allow_network_state };
    let load = || plan.load(&args).map_err(Into::into);
    supervise::run(&load, terms, &environment).map_err(|failure| anyhow!(failure))?;
    Ok(EXIT_OK)
}

/// Where the settings come from, at the start and when they are reloaded.
enum Plan {
    /// A configuration file.
    File(PathBuf),
    /// The arguments alone; the folder is for a state that is not kept.
    Arguments { scratch: Option<adhoc::Scratch> },
}

impl Plan {
    fn of(args: &WatchArgs) -> Result<Plan> {
        if args.paths.is_empty() {
            let found = config::find(args.config.as_deref(), &environment, &|path: &Path| path.exists());
            return found.map(Plan::File).ok_or_else(|| {
                anyhow!("nothing to watch: no configuration was found and no path was given\nhint: `sealtail watch /var/log/venus-worker/*.log`, or --config FILE")
            });
        }
        Ok(Plan::Arguments { scratch: adhoc::scratch(args)? })
    }

    fn load(&self, args: &WatchArgs) -> Result<Configuration> {
        let mut config = match self {
            Plan::File(path) => Config::load(path, &environment).map_err(Faults)?,
            Plan::Arguments { scratch } => adhoc::config(args, scratch.as_ref())?,
        };
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        if config.sources.is_empty() {
            bail!("nothing to watch: the configuration has no [[source]]");
        }
        for line in poll_networks(&mut config.sources, disk::network) {
            tracing::info!("{line}");
        }
        let packs = [config.packs, args.packs.packs.clone()].concat();
        let catalogue = catalogue::load(&packs, &config.disable)?;
        let mut sinks = config.sinks;
        if args.json || sinks.is_empty() {
            let route = Route { lang: config.lang, ..Route::default() };
            let destination = Destination::Stdout(Stdout { json: args.json });
            sinks.push(Sink { name: "stdout".to_owned(), route, max_per_minute: 0, destination });
        }
        let state_dir = config.state_dir.map_or_else(|| config::state_dir(&environment), Ok);
        let setup = Setup {
            state_dir: state_dir.map_err(anyhow::Error::msg)?,
            host: config.host.unwrap_or_else(host_name),
            detector: Detector::with_releases(catalogue, TimeZone::system())?,
            examine: examine(args, &config.vars)?,
            vars: config.vars,
            policy: Policy {
                repeat_every: config.alert.repeat_every,
                resolve_after: config.alert.resolve_after,
            },
            context_lines: config.alert.context_lines,
            counts_records: config.http.is_some(),
            sources: config.sources,
            sinks,
        };
        let external = ExternalSettings { http: config.http, heartbeat: config.heartbeat };
        Ok(Configuration { setup, external })
    }
}

/// What the doctor examines for causes of alerts, where the worker's configuration is known.
fn examine(args: &WatchArgs, vars: &Vars) -> Result<Option<Request>> {
    let Some(config) = vars.get("worker_config").filter(|config| !config.is_empty()) else { return Ok(None) };
    Ok(Some(Request {
        root: args.root.clone(),
        configs: vec![config.into()],
        here: std::env::current_dir().context("cannot read the current folder")?,
        only_worker: true,
        ..Request::default()
    }))
}
