//! `sealtail watch`.

mod adhoc;
mod outside;
mod restarts;
mod service;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::outside::Outside;
use self::restarts::Restarts;
use self::service::Service;
use super::catalogue::{self, Faults};
use super::{EXIT_OK, WatchArgs, environment, host_name};
use crate::base::clock::Clock;
use crate::base::disk;
use crate::config::{self, Config};
use crate::correlate::Policy;
use crate::correlate::command::Vars;
use crate::deliver::sink::{Destination, Route, Sink, Stdout};
use crate::deliver::{self, Delivery};
use crate::detect::Detector;
use crate::doctor::collect::Request;
use crate::source::tail::poll_networks;
use crate::source::wake::Wake;
use crate::store::{Opened, Store, Terms};
use crate::telemetry::Telemetry;
use crate::telemetry::self_alert::{Kind, SelfAlert};
use crate::watch::{Quarantine, Setup, Watch};

/// What the part that reads is called.
const READING: &str = "reading";

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
    let mut signals = Signals::new()?;
    supervise(&args, &mut signals, &Telemetry::default()).await?;
    Ok(EXIT_OK)
}

/// Watches until the end: with other settings after each reload, and with the same ones, from the last
/// commit, after a part broke.
async fn supervise(args: &WatchArgs, signals: &mut Signals, telemetry: &Telemetry) -> Result<()> {
    let plan = Plan::of(args)?;
    let (setup, wanted) = plan.setup(args)?;
    let mut store = open(args, &setup.state_dir, telemetry)?;
    let mut setup = Arc::new(setup);
    let mut outside = Outside::new(Service::of(&environment), telemetry);
    outside.change(wanted, &setup.host, telemetry)?;
    let clock = Clock::new(Timestamp::now(), Instant::now());
    let mut program =
        Program { plan, args, signals, telemetry, outside, clock, quarantine: Quarantine::default() };
    let mut restarts = Restarts::default();
    taken(telemetry);
    loop {
        let (ended, broke) = program.session(&setup, &store).await?;
        match ended {
            Ended::Told => return broke.first().map_or(Ok(()), |part| Err(anyhow!("{part} broke"))),
            Ended::Reloaded(others, theirs) => {
                (setup, store) = (others, theirs);
                taken(telemetry);
            }
            Ended::Broke(_) => {}
        }
        for part in broke {
            // A record is passed over the next time: that is a step on, however many of them there are.
            let on_record = part == READING && program.quarantine.blame();
            let text = if on_record {
                format!("{part} broke on a record or an alert, and is begun again to pass over it")
            } else {
                let Some(number) = restarts.again(part, Instant::now()) else { bail!("{part} broke") };
                format!("{part} broke and is begun again from the last commit, restart {number}")
            };
            tracing::error!("{text}");
            telemetry.report(SelfAlert::new(Kind::PartRestarted, text).with("part", part));
            program.outside.begin_again(&setup.host, telemetry)?;
        }
    }
}

/// A configuration was taken.
fn taken(telemetry: &Telemetry) {
    telemetry.meter().reloads.add(1);
    telemetry.report(SelfAlert::new(Kind::ReloadRefused, "the configuration was taken").resolved());
}

/// Files to follow may be many, and the usual soft limit is there for programs that use `select`.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Fewer files are kept open then; the tail asks how many it may.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Opens the state, and says so if it was damaged.
fn open(args: &WatchArgs, directory: &Path, telemetry: &Telemetry) -> Result<Arc<Store>> {
    let terms = Terms { strict: args.strict_state, network: args.allow_network_state };
    let Opened { store, recovered } = Store::open_on(terms, directory, Timestamp::now())?;
    if let Some(recovered) = recovered {
        tracing::error!("{recovered}");
        let moved = recovered.moved.display();
        telemetry.report(SelfAlert::new(Kind::StateDamaged, recovered.to_string()).with("moved", moved));
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
            detector: Detector::with_releases(catalogue, TimeZone::system())?,
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
        telemetry: &Telemetry,
        outside: &mut Outside,
    ) -> Result<(Setup, Arc<Store>)> {
        outside.service.reloading();
        let (setup, wanted) = self.setup(args)?;
        let same = setup.state_dir == running.state_dir;
        let store = if same { store.clone() } else { open(args, &setup.state_dir, telemetry)? };
        outside.change(wanted, &setup.host, telemetry)?;
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

/// A configuration was refused.
fn refused(error: &anyhow::Error, telemetry: &Telemetry, outside: &Outside) {
    let text = format!("the configuration stays as it was: {error:#}");
    tracing::error!("{text}");
    telemetry.meter().reloads_refused.add(1);
    telemetry.report(SelfAlert::new(Kind::ReloadRefused, text));
    outside.service.ready(telemetry);
}

/// Why a session ended.
enum Ended {
    /// The program was told to end, or nobody reads what it prints.
    Told,
    /// There are other settings.
    Reloaded(Arc<Setup>, Arc<Store>),
    /// This part broke.
    Broke(&'static str),
}

/// What outlives a session.
struct Program<'a> {
    plan: Plan,
    args: &'a WatchArgs,
    signals: &'a mut Signals,
    telemetry: &'a Telemetry,
    outside: Outside,
    clock: Clock,
    /// What reading panicked on.
    quarantine: Quarantine,
}

impl Program<'_> {
    /// Watches with one set of settings; the parts that broke, too, whatever ended it.
    async fn session(
        &mut self,
        setup: &Arc<Setup>,
        store: &Arc<Store>,
    ) -> Result<(Ended, Vec<&'static str>)> {
        let Program { plan, args, signals, telemetry, outside, clock, quarantine } = self;
        let telemetry = *telemetry;
        let mut delivery = Delivery::start(store.clone(), setup.sinks.clone(), telemetry)?;
        let wake = Wake::new(&Handle::current());
        let watch = Watch::new(
            setup.clone(),
            store.clone(),
            delivery.notifier(),
            wake,
            telemetry.clone(),
            quarantine.clone(),
            *clock,
        )?;
        let stop = watch.stop();
        tracing::info!(
            "watching {} for {} signatures, alerts go to {}",
            setup.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", "),
            setup.detector.catalogue().signatures().iter().filter(|one| one.check.is_none()).count(),
            setup.sinks.iter().map(|sink| sink.name.as_str()).collect::<Vec<_>>().join(", "),
        );
        outside.service.ready(telemetry);
        let mut reading = tokio::task::spawn_blocking(|| watch.run());
        let ended = loop {
            tokio::select! {
                // It only ends by itself when it panicked.
                _ = &mut reading => break Ended::Broke(READING),
                _ = signals.terminate.recv() => break Ended::Told,
                _ = signals.interrupt.recv() => break Ended::Told,
                _ = signals.hang_up.recv() => match plan.reload(args, setup, store, telemetry, outside) {
                    Ok((setup, store)) => break Ended::Reloaded(Arc::new(setup), store),
                    Err(error) => refused(&error, telemetry, outside),
                },
                part = outside.ended() => break Ended::Broke(part),
                ended = delivery.ended() => break match ended {
                    deliver::End::Stopped | deliver::End::PipeClosed => Ended::Told,
                    deliver::End::Broken => Ended::Broke("delivery"),
                },
            }
        };
        if matches!(ended, Ended::Told) {
            outside.service.stopping();
        }
        stop.ask();
        let mut broke = Vec::new();
        if let Ended::Broke(part) = ended {
            broke.push(part);
        }
        // Whatever else ended the session, it may have broken at that moment.
        if !broke.contains(&READING) && reading.await.is_err() {
            broke.push(READING);
        }
        delivery.stop().await;
        Ok((ended, broke))
    }
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
