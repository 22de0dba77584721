//! `sealtail watch`.

mod adhoc;
mod outside;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::outside::Outside;
use super::catalogue::{self, Faults};
use super::{EXIT_OK, WatchArgs, environment, host_name};
use crate::complaint::{Ailment, Complaint, Desk};
use crate::config::{self, Config};
use crate::correlate::Policy;
use crate::correlate::command::Vars;
use crate::deliver::{self, Delivery};
use crate::detect::Detector;
use crate::disk;
use crate::doctor::collect::Request;
use crate::sink::{Destination, Route, Sink, Stdout};
use crate::source::tail::poll_networks;
use crate::source::wake::Wake;
use crate::store::{Opened, Store, Terms};
use crate::watch::{Setup, Watch};

/// Threads that send: they wait for the network nearly all the time.
const SENDING_THREADS: usize = 2;

pub(super) fn run(args: WatchArgs) -> Result<u8> {
    forbid_core_dumps();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(SENDING_THREADS).enable_all().build()?;
    runtime.block_on(watch(args))
}

/// Keeps addresses and keys out of core dumps. One byte is what the kernel takes for none at all: at 0 it
/// still hands the memory to the program that `core_pattern` names.
fn forbid_core_dumps() {
    let most = getrlimit(Resource::Core).maximum.map_or(1, |most| most.min(1));
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::warn!("a core dump would hold addresses and keys, and cannot be forbidden: {error}");
    }
}

async fn watch(args: WatchArgs) -> Result<u8> {
    raise_descriptor_limit();
    let plan = Plan::of(&args)?;
    let mut signals = Signals::new()?;
    let desk = Desk::default();
    let (setup, wanted) = plan.setup(&args)?;
    let store = open(&args, &setup.state_dir, &desk)?;
    let mut outside = Outside::default();
    outside.change(&wanted, &setup.host, &desk)?;
    let mut next = Some((setup, store));
    while let Some((setup, store)) = next {
        desk.meter().reloads.add(1);
        desk.post(Complaint::new(Ailment::ReloadRefused, "the configuration was taken").over());
        next = session(&plan, &args, setup, store, &mut signals, &desk, &mut outside).await?;
    }
    Ok(EXIT_OK)
}

/// Files to follow may be many, and the usual soft limit is there for programs that use `select`.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Fewer files are kept open then; the tail asks how many it may.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Opens the state, and says so if it was damaged.
fn open(args: &WatchArgs, directory: &Path, desk: &Desk) -> Result<Arc<Store>> {
    let terms = Terms { strict: args.strict_state };
    let Opened { store, recovered } = Store::open_on(terms, directory, Timestamp::now())?;
    if let Some(recovered) = recovered {
        tracing::error!("{recovered}");
        let moved = recovered.moved.display();
        desk.post(Complaint::new(Ailment::StateDamaged, recovered.to_string()).with("moved", moved));
    }
    Ok(Arc::new(store))
}

/// Where the settings come from, at the start and when they are reloaded.
enum Plan {
    /// A configuration file.
    File(PathBuf),
    /// The arguments alone; the folder is for a state that nobody asked to keep.
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

    fn setup(&self, args: &WatchArgs) -> Result<(Setup, outside::Wanted)> {
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
        let wanted = outside::Wanted { http: config.http, heartbeat: config.heartbeat };
        let setup = Setup {
            state_dir: state_dir.map_err(anyhow::Error::msg)?,
            host: config.host.unwrap_or_else(host_name),
            detector: Detector::new(catalogue, TimeZone::system())?,
            examine: examine(args, &config.vars)?,
            vars: config.vars,
            policy: Policy {
                repeat_every: config.alert.repeat_every,
                resolve_after: config.alert.resolve_after,
            },
            context_lines: config.alert.context_lines,
            sources: config.sources,
            sinks,
        };
        Ok((setup, wanted))
    }

    /// The settings anew, with their state: what cannot be opened is found out while the old
    /// settings still run.
    fn reload(
        &self,
        args: &WatchArgs,
        running: &Setup,
        store: &Arc<Store>,
        desk: &Desk,
        outside: &mut Outside,
    ) -> Result<(Setup, Arc<Store>)> {
        let (setup, wanted) = self.setup(args)?;
        let same = setup.state_dir == running.state_dir;
        let store = if same { store.clone() } else { open(args, &setup.state_dir, desk)? };
        outside.change(&wanted, &setup.host, desk)?;
        Ok((setup, store))
    }
}

/// What the doctor is to look at for causes of alerts, where the worker's configuration is known.
fn examine(args: &WatchArgs, vars: &Vars) -> Result<Option<Request>> {
    let Some(config) = vars.get("worker_config").filter(|config| !config.is_empty()) else { return Ok(None) };
    Ok(Some(Request {
        root: args.root.clone(),
        configs: vec![config.into()],
        here: std::env::current_dir().context("the current folder cannot be told")?,
        only_worker: true,
        ..Request::default()
    }))
}

/// Watches with one set of settings until the end (`None`) or until there are others.
async fn session(
    plan: &Plan,
    args: &WatchArgs,
    setup: Setup,
    store: Arc<Store>,
    signals: &mut Signals,
    desk: &Desk,
    outside: &mut Outside,
) -> Result<Option<(Setup, Arc<Store>)>> {
    let setup = Arc::new(setup);
    let mut delivery = Delivery::start(store.clone(), setup.sinks.clone(), desk)?;
    let wake = Wake::new(&Handle::current());
    let watch = Watch::new(setup.clone(), store.clone(), delivery.bell(), wake, desk.clone())?;
    let stop = watch.stop();
    tracing::info!(
        "watching {} for {} signatures, alerts go to {}",
        setup.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", "),
        setup.detector.catalogue().signatures().iter().filter(|one| one.check.is_none()).count(),
        setup.sinks.iter().map(|sink| sink.name.as_str()).collect::<Vec<_>>().join(", "),
    );
    let mut reading = tokio::task::spawn_blocking(|| watch.run());
    let outcome = loop {
        tokio::select! {
            // It only ends by itself when it panicked.
            ended = &mut reading => break ended.context("reading broke").and_then(|()| bail!("reading ended")),
            _ = signals.terminate.recv() => break Ok(None),
            _ = signals.interrupt.recv() => break Ok(None),
            _ = signals.hang_up.recv() => match plan.reload(args, &setup, &store, desk, outside) {
                Ok(reloaded) => break Ok(Some(reloaded)),
                Err(error) => {
                    let text = format!("the configuration stays as it was: {error:#}");
                    tracing::error!("{text}");
                    desk.meter().reloads_refused.add(1);
                    desk.post(Complaint::new(Ailment::ReloadRefused, text));
                }
            },
            part = outside.ended() => break Err(anyhow!("{part} broke")),
            ended = delivery.ended() => match ended {
                deliver::End::Stopped | deliver::End::PipeClosed => break Ok(None),
                deliver::End::Broken => break Err(anyhow!("a sink's delivery broke")),
            },
        }
    };
    stop.ask();
    if !reading.is_finished() {
        reading.await.context("reading broke")?;
    }
    delivery.stop().await;
    outcome
}

/// The signals that `watch` answers to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}
