//! Following logs: from bytes that appear to alerts in the outbox.
//!
//! One thread reads, detects and correlates; [`crate::deliver`] sends from the outbox beside it.
//! What a pass over the files came to (positions, open alerts, messages) goes into the store in one
//! transaction, so nothing upstream of it needs to survive a crash: the log file is the buffer.
//! While the store cannot take it, nothing more is read.

mod export;
#[cfg(test)]
mod model;
mod own;
mod pass;
mod poison;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

#[cfg(test)]
pub(crate) use self::pass::{POISON, POISON_LATER};
use crate::clock::Clock;
use crate::complaint::{Ailment, Complaint, Desk};
use crate::correlate::command::Vars;
use crate::correlate::{Correlator, Moment, OpenAlert, Policy};
use crate::deliver::Bell;
use crate::detect::Detector;
use crate::doctor::collect::Request;
use crate::doctor::confirm::Confirmer;
use crate::release::Release;
use crate::sink::Sink;
use crate::source::tail::{Own, Settings, Tail};
use crate::source::wake::{self, Wake};
use crate::store::{Commit, Durability, Store, StoreError};

/// Files are looked at this often while something happens, …
const SWEEP_MIN: Duration = Duration::from_secs(1);
/// … and this often while nothing does: wake-ups are quicker, but may be missed.
const SWEEP_MAX: Duration = Duration::from_secs(5);
/// Among very many files a sweep takes long. It then waits so many times as long, …
const SWEEP_COST: u32 = 400;
/// … but no longer than this, and only while wake-ups can be relied on.
const SWEEP_MAX_COSTLY: Duration = Duration::from_secs(60);
/// Positions become durable this often while they move and nothing is found.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// A store that had nothing to take for so long is asked all the same whether it can: a disk that
/// fails is to be known before there is something to lose.
const PROVE_EVERY: Duration = Duration::from_secs(30);
/// A store that refuses a commit is tried again after this.
const COMMIT_RETRY: Duration = Duration::from_secs(1);
/// Time moves alerts this often: they repeat and resolve in minutes.
const TICK_EVERY: Duration = Duration::from_secs(1);

/// What is watched, and what becomes of it.
#[derive(Debug)]
pub struct Setup {
    /// Where positions, alerts and messages are kept.
    pub state_dir: PathBuf,
    /// Name of the box.
    pub host: String,
    /// The engine.
    pub detector: Detector,
    /// The operator's `[vars]`.
    pub vars: Vars,
    /// What the doctor looks at for the causes of alerts, if it is to.
    pub examine: Option<Request>,
    /// When alerts speak.
    pub policy: Policy,
    /// Lines before and after a record.
    pub context_lines: usize,
    /// What is followed.
    pub sources: Vec<Settings>,
    /// Where alerts go.
    pub sinks: Vec<Sink>,
}

/// Tells a [`Watch`] to end.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    bell: wake::Bell,
}

impl Stop {
    /// Asks it to commit what it has and end.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.bell.ring();
    }
}

/// The reading side of `sealtail watch`.
#[derive(Debug)]
pub struct Watch {
    setup: Arc<Setup>,
    store: Arc<Store>,
    bell: Bell,
    /// What sealtail has to say of itself, and what it counts.
    desk: Desk,
    wake: Wake,
    asked: Arc<AtomicBool>,
    tail: Tail,
    streams: streams::Streams,
    correlator: Correlator,
    confirmer: Option<Confirmer>,
    clock: Clock,
    /// What the store has not taken yet.
    pending: Commit,
    committed_at: Instant,
    /// The store took something then.
    proven_at: Instant,
    ticked_at: Instant,
    swept_at: Option<Instant>,
    sweep_every: Duration,
    /// The first file whose turn it is, where a pass ended before all had theirs.
    next_turn: u64,
    /// The release of the programs that write each source, where a line said it since this start.
    releases: BTreeMap<String, Release>,
    /// The first sweep has been told of.
    greeted: bool,
    /// The last commit was refused; said once.
    refused: bool,
    /// What is said of itself, and how often.
    own: own::Own,
    /// What is kept of positions beside the store.
    export: export::Export,
}

impl Watch {
    /// Takes up where the store says the last run ended. A `clock` that goes on over a reload keeps alerts
    /// from a step of the wall clock in between.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn new(
        setup: Arc<Setup>,
        store: Arc<Store>,
        bell: Bell,
        wake: Wake,
        desk: Desk,
        clock: Clock,
    ) -> Result<Watch, StoreError> {
        let ring = wake.bell();
        desk.on_post(move || ring.ring());
        store.take_over()?;
        let now = Instant::now();
        let mut tail = Tail::new(setup.sources.clone(), store.positions()?, store.fresh()?, 1, now);
        tail.keep_out(Own::of(&setup.state_dir));
        let open = store.alerts()?.into_iter().filter_map(|(fingerprint, row)| {
            // A row of an older or newer shape opens anew with its next finding.
            let alert = OpenAlert::decode(&row);
            if alert.is_none() {
                tracing::warn!(fingerprint, "an open alert in the state cannot be read and is left out");
            }
            Some((fingerprint, alert?))
        });
        let correlator = Correlator::new(setup.policy, open);
        let confirmer = setup.examine.clone().map(Confirmer::start);
        Ok(Watch {
            setup,
            store,
            bell,
            desk,
            wake,
            asked: Arc::default(),
            tail,
            streams: streams::Streams::default(),
            correlator,
            confirmer,
            clock,
            pending: Commit::default(),
            committed_at: now,
            proven_at: now,
            ticked_at: now,
            swept_at: None,
            sweep_every: SWEEP_MIN,
            next_turn: 0,
            releases: BTreeMap::new(),
            greeted: false,
            refused: false,
            own: own::Own::default(),
            export: export::Export::default(),
        })
    }

    /// What ends it.
    pub fn stop(&self) -> Stop {
        Stop { asked: self.asked.clone(), bell: self.wake.bell() }
    }

    /// Watches until it is asked to stop.
    pub fn run(mut self) {
        while !self.asked.load(Ordering::Relaxed) {
            let busy = self.turn();
            self.rest(busy);
        }
        self.desk.pulse().moved(Instant::now());
        self.commit();
        self.export.end(&self.store);
    }

    fn now(&self) -> Moment {
        Moment { steady: self.clock.at(Instant::now()), wall: Timestamp::now() }
    }

    /// Does what there is to do now; whether there may be more.
    fn turn(&mut self) -> bool {
        let now = Instant::now();
        self.desk.pulse().moved(now);
        self.hear();
        if self.refused {
            return self.commit();
        }
        if self.swept_at.is_none_or(|swept| now >= swept + self.sweep_every) {
            self.sweep(now);
        }
        let busy = self.read(now);
        if now >= self.ticked_at + TICK_EVERY {
            self.ticked_at = now;
            self.measure(now);
            let notices = self.correlator.tick(self.now().steady);
            notices.iter().for_each(|notice| self.tell_due(notice));
        }
        if !self.pending.messages.is_empty() || now >= self.committed_at + COMMIT_EVERY {
            self.commit();
        }
        self.export.run(&self.store, now);
        busy
    }

    /// Waits for something to happen, or for something to be due; if there is more to do, it only takes
    /// note of what happened.
    fn rest(&mut self, busy: bool) {
        let now = Instant::now();
        let due = [
            self.swept_at.map(|swept| swept + self.sweep_every),
            self.tail.next_deadline(now),
            Some(self.ticked_at + TICK_EVERY),
        ];
        let until = due.into_iter().flatten().min().filter(|_| !busy).unwrap_or(now);
        let dirty = self.wake.wait(until.saturating_duration_since(now));
        let unknown = dirty.paths.iter().filter(|path| self.tail.touch(path)).count() > 0;
        if dirty.all || unknown {
            self.swept_at = None;
            self.sweep_every = SWEEP_MIN;
        }
    }

    /// Lets the tail look at the files; the quieter they are, the more seldom.
    fn sweep(&mut self, now: Instant) {
        for trouble in self.tail.sweep(now) {
            self.complain_of(&trouble);
        }
        if !std::mem::replace(&mut self.greeted, true) {
            for source in self.tail.idle_sources() {
                let paths = source.paths.join(", ");
                tracing::warn!("source `{}` names no file yet: {paths}", source.name);
            }
        }
        self.wake.follow(self.tail.watched());
        if let Some(warning) = self.wake.warning() {
            tracing::warn!("{warning}");
            self.desk.post(Complaint::new(Ailment::WatchLimit, warning));
        }
        self.desk.pulse().swept();
        self.swept_at = Some(now);
        self.sweep_every = (self.sweep_every * 2).min(self.sweep_pace(now.elapsed()));
    }

    /// The longest time from one sweep to the next, if one `took` so long.
    fn sweep_pace(&self, took: Duration) -> Duration {
        let polled = self.setup.sources.iter().filter_map(|source| source.poll).min();
        let pace = if self.wake.is_deaf() {
            SWEEP_MAX
        } else {
            (took * SWEEP_COST).clamp(SWEEP_MAX, SWEEP_MAX_COSTLY)
        };
        polled.map_or(pace, |polled| polled.min(pace))
    }

    /// Lets time pass, whatever happens to the files; only being asked to stop ends it early. The
    /// marks it takes are made good by a sweep.
    fn pause(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while !self.asked.load(Ordering::Relaxed) && Instant::now() < until {
            self.wake.wait(until.saturating_duration_since(Instant::now()));
        }
        self.swept_at = None;
    }

    /// Hands everything that changed to the store at once; whether the store has it now.
    fn commit(&mut self) -> bool {
        let positions = self.tail.changed();
        self.streams.forget(&positions);
        self.pending.positions.extend(positions);
        let alerts = self.correlator.changes();
        if self.refused {
            // What waits for a store that refuses it must not grow with every attempt.
            let renewed = |id: &String| alerts.iter().any(|(changed, _)| changed == id);
            self.pending.alerts.retain(|(id, _)| !renewed(id));
        }
        let alerts = alerts.into_iter();
        self.pending.alerts.extend(alerts.map(|(id, open)| (id, open.map(|alert| alert.encode()))));
        self.committed_at = Instant::now();
        if self.pending.is_empty() && self.proven_at.elapsed() < PROVE_EVERY {
            return true;
        }
        if let Err(error) = self.store.commit(&self.pending, Durability::Now, Timestamp::now()) {
            self.desk.meter().commits_refused.add(1);
            self.desk.pulse().writable(Err(error.to_string()));
            if !std::mem::replace(&mut self.refused, true) {
                tracing::error!("{error}; nothing is read until it can be written");
                self.desk.post(Complaint::new(Ailment::StateUnwritable, error.to_string()));
                self.hear();
            }
            self.pause(COMMIT_RETRY);
            return false;
        }
        self.proven_at = Instant::now();
        self.desk.pulse().writable(Ok(()));
        if std::mem::take(&mut self.refused) {
            let text = "the state can be written again, reading goes on";
            tracing::info!("{text}");
            self.desk.post(Complaint::new(Ailment::StateUnwritable, text).over());
        }
        if !self.pending.positions.is_empty() {
            self.export.note();
        }
        if !std::mem::take(&mut self.pending).messages.is_empty() {
            self.bell.ring();
        }
        true
    }
}
