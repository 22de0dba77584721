//! Following logs: from bytes that appear to alerts in the outbox.
//!
//! One thread reads, detects and correlates; [`crate::deliver`] sends from the outbox beside it.
//! What a pass over the files came to (positions, open alerts, messages) goes into the store in one
//! transaction, so nothing upstream of it needs to survive a crash: the log file is the buffer.
//! While the store cannot take it, nothing more is read.

pub(crate) mod control;
mod export;
#[cfg(test)]
mod model;
mod pipeline;
mod quarantine;
mod requests;
pub(crate) mod supervise;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::control::Desk;
use self::pipeline::{Now, Pipeline, Taken, Turn};
#[cfg(test)]
pub(crate) use self::pipeline::{POISON, POISON_LATER};
pub use self::quarantine::Quarantine;
use self::requests::Promised;
use crate::base::clock::Clock;
use crate::correlate::command::Vars;
use crate::correlate::{Moment, Policy};
use crate::deliver::Notifier;
use crate::deliver::sink::Sink;
use crate::detect::Detector;
use crate::doctor::collect::Request;
use crate::source::tail::{self, Settings, Tail};
use crate::source::wake::{self, Wake};
use crate::store::{Store, StoreError};
use crate::telemetry::Telemetry;
use crate::telemetry::self_alert::{Kind, SelfAlert};

/// Files are scanned this often while something happens, …
const SWEEP_MIN: Duration = Duration::from_secs(1);
/// … and this often while nothing does: wake-ups are quicker, but may be missed.
const SWEEP_MAX: Duration = Duration::from_secs(5);
/// Among very many files a sweep takes long. The next one waits this many times as long, …
const SWEEP_COST: u32 = 400;
/// … but no longer than this, and only while wake-ups can be relied on.
const SWEEP_MAX_COSTLY: Duration = Duration::from_secs(60);
/// Positions become durable this often while they move and nothing is found.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// A store that refuses a commit is tried again after this.
const COMMIT_RETRY: Duration = Duration::from_secs(1);
/// A turn ends after this time, and the next one continues with the next file.
const TURN_MAX: Duration = Duration::from_millis(200);
/// Alerts that are due are checked this often: they repeat and resolve in minutes.
const TICK_EVERY: Duration = Duration::from_secs(1);

/// What is watched, and how.
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
    /// What the doctor examines for the causes of alerts, if anything.
    pub examine: Option<Request>,
    /// When alerts repeat and resolve.
    pub policy: Policy,
    /// Lines before and after a record.
    pub context_lines: usize,
    /// Records are counted by level, for somebody may ask.
    pub counts_records: bool,
    /// What is followed.
    pub sources: Vec<Settings>,
    /// Where alerts go.
    pub sinks: Vec<Sink>,
}

/// Ends a [`Watch`].
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

/// The files of `setup`, from where the store says the last run ended.
fn files(setup: &Setup, store: &Store, now: Instant) -> Result<Tail, StoreError> {
    let newer = store.newer_positions()?;
    // Numbers of theirs are not given to others.
    let next_id = newer.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    newer.iter().for_each(|(_, kind)| *kinds.entry(kind).or_default() += 1);
    for (kind, count) in kinds {
        let positions = if count == 1 { "position in the state is" } else { "positions in the state are" };
        tracing::warn!(
            "{count} {positions} of a kind that this version does not know (`{kind}`): kept for a version that does"
        );
    }
    let mut tail = Tail::new(setup.sources.clone(), store.positions()?, store.fresh()?, next_id, now);
    tail.keep_out(tail::Own::of(&setup.state_dir));
    Ok(tail)
}

/// The reading side of `sealtail watch`.
#[derive(Debug)]
pub struct Watch {
    pipeline: Pipeline<Tail>,
    store: Arc<Store>,
    notifier: Notifier,
    telemetry: Telemetry,
    wake: Wake,
    asked: Arc<AtomicBool>,
    clock: Clock,
    committed_at: Instant,
    ticked_at: Instant,
    swept_at: Option<Instant>,
    sweep_every: Duration,
    /// Sources without a file have been logged, once after the first sweep.
    greeted: bool,
    /// What is kept of positions beside the store.
    export: export::Export,
    /// What is asked of it.
    desk: Desk,
    /// Answers that wait for the commit of what they tell.
    promised: Vec<Promised>,
}

impl Watch {
    /// Continues where the last run ended, according to the store. A `clock` that goes on over a reload keeps alerts
    /// from a step of the wall clock in between.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn new(
        setup: Arc<Setup>,
        store: Arc<Store>,
        notifier: Notifier,
        wake: Wake,
        telemetry: Telemetry,
        quarantine: Quarantine,
        clock: Clock,
    ) -> Result<Watch, StoreError> {
        let (waker, desk) = (wake.bell(), Desk::new(wake.bell()));
        telemetry.on_report(move || waker.ring());
        let now = Instant::now();
        Ok(Watch {
            pipeline: Pipeline::new(
                files(&setup, &store, now)?,
                setup,
                store.clone(),
                telemetry.clone(),
                quarantine,
                now,
            )?,
            store,
            notifier,
            telemetry,
            wake,
            asked: Arc::default(),
            clock,
            committed_at: now,
            ticked_at: now,
            swept_at: None,
            sweep_every: SWEEP_MIN,
            greeted: false,
            export: export::Export::default(),
            desk,
            promised: Vec::new(),
        })
    }

    /// The handle that ends it.
    pub fn stop(&self) -> Stop {
        Stop { asked: self.asked.clone(), bell: self.wake.bell() }
    }

    /// Where requests are put for it.
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Watches until it is asked to stop.
    pub fn run(mut self) {
        while !self.asked.load(Ordering::Relaxed) {
            let busy = self.turn();
            self.rest(busy);
        }
        self.progress(Instant::now());
        self.commit();
        self.export.end(&self.store);
    }

    /// Reports that reading is making progress.
    fn progress(&self, now: Instant) {
        #[cfg(test)]
        self.telemetry.faults().trip("reading");
        self.telemetry.health().progress(now);
    }

    fn now(&self) -> Now {
        let instant = Instant::now();
        Now { instant, moment: Moment { steady: self.clock.at(instant), wall: Timestamp::now() } }
    }

    /// Does what there is to do now; whether there may be more.
    fn turn(&mut self) -> bool {
        let now = self.now();
        self.progress(now.instant);
        self.hear(now);
        self.pipeline.show(now);
        self.serve(now);
        if self.pipeline.refused {
            return self.commit();
        }
        if self.swept_at.is_none_or(|swept| now.instant >= swept + self.sweep_every) {
            self.sweep(now.instant);
        }
        let busy = self.read(now);
        if now.instant >= self.ticked_at + TICK_EVERY {
            self.ticked_at = now.instant;
            self.pipeline.measure(now.instant);
            self.pipeline.tick(self.now());
        }
        if !self.pipeline.pending.messages.is_empty() || now.instant >= self.committed_at + COMMIT_EVERY {
            self.commit();
        }
        self.export.run(&self.store, now.instant);
        busy
    }

    /// Reads what there is to read, for a while; whether there is more.
    fn read(&mut self, now: Now) -> bool {
        let health = self.telemetry.health();
        let is_spent = || {
            // A turn over many large files takes long, and is progress all the same.
            health.progress(Instant::now());
            now.instant.elapsed() > TURN_MAX
        };
        let turn = self.pipeline.turn(now, is_spent);
        self.hand_on();
        if turn == Turn::Refused {
            self.pause(COMMIT_RETRY);
        }
        turn == Turn::More
    }

    /// Takes the self-alerts that were reported.
    fn hear(&mut self, now: Now) {
        self.pipeline.hear(now);
        self.hand_on();
    }

    /// Notifies delivery and the export of what the store has taken, and sends what cannot wait for the store.
    fn hand_on(&mut self) {
        let Taken { messages, positions } = std::mem::take(&mut self.pipeline.taken);
        if positions {
            self.export.note();
        }
        if messages {
            self.notifier.notify();
        }
        for (sink, message) in self.pipeline.urgent.drain(..) {
            self.notifier.send_now(&sink, message);
        }
    }

    /// Waits for something to happen, or for something to be due; if there is more to do, it only takes
    /// note of what happened.
    fn rest(&mut self, busy: bool) {
        let now = Instant::now();
        let due = [
            self.swept_at.map(|swept| swept + self.sweep_every),
            self.pipeline.source.next_deadline(now),
            Some(self.ticked_at + TICK_EVERY),
        ];
        let until = due.into_iter().flatten().min().filter(|_| !busy).unwrap_or(now);
        let dirty = self.wake.wait(until.saturating_duration_since(now));
        let unknown = dirty.paths.iter().filter(|path| self.pipeline.source.touch(path)).count() > 0;
        if dirty.all || unknown {
            self.swept_at = None;
            self.sweep_every = SWEEP_MIN;
        }
    }

    /// Lets the tail look at the files; the quieter they are, the more seldom.
    fn sweep(&mut self, now: Instant) {
        self.pipeline.sweep(now);
        if !std::mem::replace(&mut self.greeted, true) {
            for source in self.pipeline.source.idle_sources() {
                let paths = source.paths.join(", ");
                tracing::warn!("source `{}` matches no file yet: {paths}", source.name);
            }
        }
        self.wake.follow(self.pipeline.source.watched());
        if let Some(warning) = self.wake.warning() {
            tracing::warn!("{warning}");
            self.telemetry.report(SelfAlert::new(Kind::WatchLimit, warning));
        }
        self.telemetry.health().set_ready();
        self.swept_at = Some(now);
        self.sweep_every = (self.sweep_every * 2).min(self.sweep_interval(now.elapsed()));
    }

    /// The longest time from one sweep to the next, if one `took` so long.
    fn sweep_interval(&self, took: Duration) -> Duration {
        let polled = self.pipeline.setup.sources.iter().filter_map(|source| source.poll).min();
        let longest = if self.wake.is_deaf() {
            SWEEP_MAX
        } else {
            (took * SWEEP_COST).clamp(SWEEP_MAX, SWEEP_MAX_COSTLY)
        };
        polled.map_or(longest, |polled| polled.min(longest))
    }

    /// Waits for `time`; only a request to stop ends it early. Wake-ups that it swallows are made good by a sweep.
    fn pause(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while !self.asked.load(Ordering::Relaxed) && Instant::now() < until {
            self.wake.wait(until.saturating_duration_since(Instant::now()));
        }
        self.swept_at = None;
    }

    /// Hands everything that changed to the store at once; whether the store has it now.
    fn commit(&mut self) -> bool {
        let now = self.now();
        self.committed_at = now.instant;
        let done = self.pipeline.commit(now);
        self.hand_on();
        if !done {
            self.pause(COMMIT_RETRY);
        }
        done
    }
}
