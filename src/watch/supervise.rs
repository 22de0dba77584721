//! Supervision of a running `watch`: starts its parts (reading, delivery, the HTTP endpoint, the heartbeat), restarts
//! one that panicked, reloads the configuration at SIGHUP, and ends at SIGTERM and SIGINT.
//!
//! A part is restarted from the last commit, three times in ten minutes at most; then the program ends with an error,
//! and the service manager starts it again.

mod external;
mod limits;
mod restarts;
mod service;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::external::External;
pub(crate) use self::external::Settings as ExternalSettings;
use self::restarts::Restarts;
use self::service::Service;
use crate::base::clock::Clock;
use crate::deliver::{self, Delivery, Notifier};
use crate::source::wake::Wake;
use crate::store::{Opened, Store, Terms};
use crate::telemetry::Telemetry;
use crate::telemetry::self_alert::{Kind, SelfAlert};
use crate::watch::control::{self, Asked, Control, Needs};
use crate::watch::{Quarantine, Setup, Watch};

/// The part that reads.
const READING: &str = "reading";
/// The part that sends.
const DELIVERY: &str = "delivery";

/// Threads that send: they wait for the network nearly all the time.
const SENDING_THREADS: usize = 2;

/// Why a watch did not start, or cannot go on.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// What one load of the configuration gives.
pub(crate) struct Configuration {
    /// What is watched.
    pub setup: Setup,
    /// What runs beside it.
    pub external: ExternalSettings,
}

/// Loads the configuration: at the start, and at each SIGHUP.
pub(crate) type Load<'a> = &'a dyn Fn() -> Result<Configuration, Failure>;

/// Watches until a signal ends it.
///
/// # Errors
///
/// The configuration, the state, delivery, the HTTP endpoint or the heartbeat cannot be used at the start; or a part
/// panicked too often.
pub(crate) fn run(
    load: Load<'_>,
    terms: Terms,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    limits::forbid_core_dumps();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(SENDING_THREADS).enable_all().build()?;
    runtime.block_on(async {
        limits::raise_descriptors();
        let mut signals = Signals::new()?;
        supervise(load, terms, Service::of(environment), &mut signals, &Telemetry::default()).await
    })
}

/// Runs one session after another: with the new configuration after a reload, and with the same one from the last
/// commit after a panic.
async fn supervise(
    load: Load<'_>,
    terms: Terms,
    service: Service,
    signals: &mut Signals,
    telemetry: &Telemetry,
) -> Result<(), Failure> {
    let Configuration { setup, external: wanted } = load()?;
    let mut store = open(terms, &setup.state_dir, telemetry)?;
    let mut setup = Arc::new(setup);
    let mut external = External::new(service, telemetry);
    external.change(wanted, &setup.host, telemetry)?;
    let clock = Clock::new(Timestamp::now(), Instant::now());
    let quarantine = Quarantine::default();
    let control = Control::start(&setup.state_dir);
    let mut program = Program { load, terms, signals, telemetry, external, control, clock, quarantine };
    let mut restarts = Restarts::default();
    loaded(telemetry);
    loop {
        let (ended, panicked) = program.session(&setup, &store).await?;
        match ended {
            Ended::Stopped => return panicked.first().map_or(Ok(()), |part| Err(panic_of(part).into())),
            Ended::Reloaded(new_setup, new_store) => {
                (setup, store) = (new_setup, new_store);
                program.control.change(&setup.state_dir);
                loaded(telemetry);
            }
            Ended::Asked(asked) => asked.answer(|request| control::answer(&store, request, true)),
            Ended::Panicked(_) => {}
        }
        for part in panicked {
            program.restart(part, &mut restarts, &setup.host)?;
        }
    }
}

fn panic_of(part: &str) -> String {
    format!("{part} panicked; this is a bug in sealtail, please report it")
}

/// A configuration was loaded: counts it, and resolves the self-alert of one that was rejected.
fn loaded(telemetry: &Telemetry) {
    telemetry.meter().reloads.add(1);
    telemetry.report(SelfAlert::new(Kind::ReloadRefused, "configuration loaded").resolved());
}

/// Opens the state, and reports it if it was damaged.
fn open(terms: Terms, directory: &Path, telemetry: &Telemetry) -> Result<Arc<Store>, Failure> {
    let Opened { store, recovered } = Store::open_on(terms, directory, Timestamp::now())?;
    if let Some(recovered) = recovered {
        tracing::error!("{recovered}");
        let moved = recovered.moved.display();
        telemetry.report(SelfAlert::new(Kind::StateDamaged, recovered.to_string()).with("moved", moved));
    }
    Ok(Arc::new(store))
}

/// The error and its causes, on one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Why a session ended.
enum Ended {
    /// By a signal, or because the reader of its output went away.
    Stopped,
    /// There is a new configuration.
    Reloaded(Arc<Setup>, Arc<Store>),
    /// This is done while nothing reads.
    Asked(Asked),
    /// This part panicked.
    Panicked(&'static str),
}

/// What outlives a session.
struct Program<'a> {
    load: Load<'a>,
    terms: Terms,
    signals: &'a mut Signals,
    telemetry: &'a Telemetry,
    external: External,
    control: Control,
    clock: Clock,
    /// What reading panicked on.
    quarantine: Quarantine,
}

impl Program<'_> {
    /// Watches with one configuration; why it ended, and every part that panicked.
    async fn session(
        &mut self,
        setup: &Arc<Setup>,
        store: &Arc<Store>,
    ) -> Result<(Ended, Vec<&'static str>), Failure> {
        let telemetry = self.telemetry;
        let mut delivery = Delivery::start(store.clone(), setup.sinks.clone(), telemetry)?;
        let (wake, quarantine) = (Wake::new(&Handle::current()), self.quarantine.clone());
        let (notifier, telemetry) = (delivery.notifier(), telemetry.clone());
        let bell = notifier.clone();
        let watch =
            Watch::new(setup.clone(), store.clone(), notifier, wake, telemetry, quarantine, self.clock)?;
        let (stop, desk) = (watch.stop(), watch.desk());
        announce(setup);
        self.external.service.ready(self.telemetry);
        let mut reading = tokio::task::spawn_blocking(|| watch.run());
        let ended = loop {
            tokio::select! {
                // It only ends by itself when it panicked.
                _ = &mut reading => break Ended::Panicked(READING),
                _ = self.signals.terminate.recv() => break Ended::Stopped,
                _ = self.signals.interrupt.recv() => break Ended::Stopped,
                _ = self.signals.hang_up.recv() => match self.reload(setup, store) {
                    Ok((setup, store)) => break Ended::Reloaded(Arc::new(setup), store),
                    Err(error) => self.rejected(&*error),
                },
                asked = self.control.next() => match asked.request.needs() {
                    Needs::Store => answer(asked, store, &bell),
                    Needs::Reading => desk.put(asked),
                    Needs::Rest => break Ended::Asked(asked),
                },
                part = self.external.ended() => break Ended::Panicked(part),
                ended = delivery.ended() => break match ended {
                    deliver::End::Stopped | deliver::End::PipeClosed => Ended::Stopped,
                    deliver::End::Broken => Ended::Panicked(DELIVERY),
                },
            }
        };
        if matches!(ended, Ended::Stopped) {
            self.external.service.stopping();
        }
        stop.ask();
        let mut panicked = Vec::new();
        if let Ended::Panicked(part) = ended {
            panicked.push(part);
        }
        // Reading may have panicked while another event ended the session.
        if !panicked.contains(&READING) && reading.await.is_err() {
            panicked.push(READING);
        }
        delivery.stop().await;
        Ok((ended, panicked))
    }

    /// Loads the configuration again, and opens its state: what fails is found out while the running one is in use.
    fn reload(&mut self, running: &Setup, store: &Arc<Store>) -> Result<(Setup, Arc<Store>), Failure> {
        self.external.service.reloading();
        let Configuration { setup, external } = (self.load)()?;
        let same = setup.state_dir == running.state_dir;
        let store = if same { store.clone() } else { open(self.terms, &setup.state_dir, self.telemetry)? };
        self.external.change(external, &setup.host, self.telemetry)?;
        Ok((setup, store))
    }

    /// Reports a configuration that cannot be used.
    fn rejected(&self, error: &dyn Error) {
        let text =
            format!("cannot load the configuration, the running one stays in use: {}", with_causes(error));
        tracing::error!("{text}");
        self.telemetry.meter().reloads_refused.add(1);
        self.telemetry.report(SelfAlert::new(Kind::ReloadRefused, text));
        self.external.service.ready(self.telemetry);
    }

    /// Reports a part that panicked, and has it run again.
    fn restart(&mut self, part: &'static str, restarts: &mut Restarts, host: &str) -> Result<(), Failure> {
        // A record in quarantine is skipped the next time: that is progress, however many of them there are.
        let action = if part == READING && self.quarantine.blame() {
            "it skips the record or alert that it was processing".to_owned()
        } else {
            let number = restarts.again(part, Instant::now());
            let number = number.ok_or_else(|| format!("{}; it was restarted too often", panic_of(part)))?;
            format!("restart {number} of at most {}", restarts::RESTARTS_MAX)
        };
        let text = format!("restarted {part} from the last commit ({action}): {}", panic_of(part));
        tracing::error!("{text}");
        self.telemetry.report(SelfAlert::new(Kind::PartRestarted, text).with("part", part));
        self.external.restart(host, self.telemetry)
    }
}

/// Answers beside everything else what is about the state alone.
fn answer(asked: Asked, store: &Arc<Store>, notifier: &Notifier) {
    let (store, notifier) = (store.clone(), notifier.clone());
    tokio::task::spawn_blocking(move || {
        asked.answer(|request| control::answer(&store, request, true));
        // Dead letters may wait again.
        notifier.notify();
    });
}

/// Logs what is watched, and where alerts go.
fn announce(setup: &Setup) {
    tracing::info!(
        "watching {} for {} signatures, alerts go to {}",
        setup.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", "),
        setup.detector.catalogue().signatures().iter().filter(|one| one.check.is_none()).count(),
        setup.sinks.iter().map(|sink| sink.name.as_str()).collect::<Vec<_>>().join(", "),
    );
}

/// The signals that `watch` handles.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}
