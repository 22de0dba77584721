//! The task of one sink: takes what is due, sends it, writes down what became of it.
//!
//! One letter at a time, so the order of the outbox is the order of arrival. A letter that fails
//! waits by itself while letters of other alerts pass; when letters fail in a row, it is the sink
//! that fails, and the whole sink waits. A `Retry-After` always holds the whole sink.
//!
//! A sink whose token was revoked or whose channel is gone is *parked*: every letter stays in its
//! place, and the first is tried now and then, until somebody has repaired the sink. That a sink is
//! parked is not stored: after a restart the first attempt says so again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::attempt;
use super::carrier::{Carrier, PipeClosed};
use super::pace::{self, Pace};
use super::retry::{random, wait};
use super::{Bell, End, Signal, Urgent};
use crate::alert::Letter;
use crate::clock::Clock;
use crate::complaint::{Ailment, Complaint, Desk};
use crate::duration;
use crate::meter::SinkCounts;
use crate::outbound;
use crate::sink::{Outcome, RETRY_AFTER_MAX, Sink};
use crate::store::{Due, Durability, Row, Standing, Store, StoreError};

/// The time before a failing store is asked again.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// The time between two attempts at a parked sink.
const PROBE_EVERY: Duration = Duration::from_secs(5 * 60);

/// A sink that has failed for so long is complained of.
const COMPLAIN_AFTER: Duration = Duration::from_secs(5 * 60);

/// Alerts that one digest tells of; more wait for the next.
const DIGEST_ALERTS_MAX: usize = 1_000;

/// The task of one sink.
pub(super) struct Courier {
    sink: Arc<Sink>,
    store: Arc<Store>,
    carrier: Carrier,
    signal: watch::Receiver<Signal>,
    urgent: Arc<Urgent>,
    desk: Desk,
    tally: Arc<SinkCounts>,
    clock: Clock,
    pace: Pace,
    /// Attempts that failed since the last one that did not.
    failures: u32,
    /// When the first of them failed.
    failing_since: Option<Instant>,
    /// Something has arrived.
    reached: bool,
    /// Failures have gone on for long, and somebody was told.
    complained: bool,
    /// The whole sink waits until then.
    paused: Option<Instant>,
    /// It has asked for that itself, until then.
    alone: Option<Instant>,
    /// The sink takes nothing, and that has been said.
    parked: bool,
    /// The limit was reached, and the digest for it is still to come.
    over_limit: bool,
    /// The store failed the last time it was asked.
    store_failed: bool,
}

/// When to go on.
enum Next {
    /// At once.
    Now,
    /// At this time, or when something was put in the outbox.
    At(Instant),
    /// When something was put in the outbox.
    Rung,
    /// Never.
    End(End),
}

impl Courier {
    pub fn new(
        sink: Sink,
        store: Arc<Store>,
        carrier: Carrier,
        bell: &Bell,
        desk: Desk,
    ) -> Result<Courier, StoreError> {
        let (wall, now) = (Timestamp::now(), Instant::now());
        let clock = Clock::new(wall, now);
        let before = store.standing(&sink.name)?;
        let pace = Pace::new(sink.max_per_minute, before.as_ref(), &clock, now);
        let alone = before.and_then(|before| before.alone_until).filter(|until| *until > wall);
        // No clock that was wrong holds it back for longer than a sink may ask for.
        let alone = alone.map(|until| (now + clock.until(until, now)).min(now + RETRY_AFTER_MAX));
        let tally = desk.meter().sink(&sink.name);
        let sink = Arc::new(sink);
        Ok(Courier {
            sink,
            store,
            carrier,
            signal: bell.signal.subscribe(),
            urgent: bell.urgent.clone(),
            desk,
            tally,
            clock,
            pace,
            failures: 0,
            failing_since: None,
            reached: false,
            complained: false,
            paused: alone,
            alone,
            parked: false,
            over_limit: false,
            store_failed: false,
        })
    }

    /// Works until told to stop.
    pub async fn run(mut self) -> End {
        loop {
            #[cfg(test)]
            self.desk.pulse().comes_to("delivery");
            // Seen before the outbox is looked at: what is put in later rings again.
            if self.signal.borrow_and_update().stopped {
                return End::Stopped;
            }
            let next = match self.step().await {
                Ok(next) => next,
                Err(error) => self.store_trouble(&error),
            };
            match next {
                Next::Now => {}
                Next::End(end) => return end,
                Next::Rung => self.rung().await,
                Next::At(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.rung() => {}
                },
            }
        }
    }

    /// One look at the outbox.
    async fn step(&mut self) -> Result<Next, StoreError> {
        let now = Instant::now();
        if let Some(until) = self.paused.filter(|until| *until > now) {
            return Ok(Next::At(until));
        }
        if let Some(letter) = self.urgent.first(&self.sink.name) {
            return Ok(self.attempt_urgent(&letter).await);
        }
        let at = self.clock.at(now);
        let row = match self.ask(move |store, sink| store.due(sink, at)).await? {
            Due::Never => return Ok(Next::Rung),
            Due::At(time) => return Ok(Next::At(now + self.clock.until(time, now))),
            Due::Now(row) => row,
        };
        match self.pace.next(now) {
            pace::Step::Wait(until) => {
                if !std::mem::replace(&mut self.over_limit, true) {
                    self.write_down(Durability::Later).await?;
                    let limit = self.sink.max_per_minute;
                    tracing::warn!(
                        sink = self.sink.name,
                        "limit of {limit} messages a minute reached, the next ones are told by a digest"
                    );
                }
                Ok(Next::At(until))
            }
            pace::Step::Send => {
                if self.sink.max_per_minute > 0 {
                    // Durable with what becomes of the letter; a token more after a crash does no harm.
                    self.write_down(Durability::Later).await?;
                }
                Ok(self.attempt(*row).await)
            }
            pace::Step::Digest => {
                self.over_limit = false;
                let created = Timestamp::now();
                let fold = move |store: &Store, sink: &str| store.collapse(sink, DIGEST_ALERTS_MAX, created);
                let folded = self.ask(fold).await?;
                if folded > 0 {
                    tracing::info!(sink = self.sink.name, messages = folded, "told by one digest");
                }
                Ok(Next::Now)
            }
        }
    }

    /// Sends a letter once and writes down what became of it.
    async fn attempt(&mut self, row: Row) -> Next {
        let outcome = match attempt::whole_or_plain(&self.sink.name, &self.carrier, &row.letter).await {
            Ok(outcome) => outcome,
            Err(PipeClosed) => return Next::End(End::PipeClosed),
        };
        let seq = row.seq;
        let settled = match outcome {
            Outcome::Delivered => {
                self.reached();
                self.tally.delivered.add(1);
                self.settle(move |store, sink| store.delivered(sink, seq)).await
            }
            Outcome::Unfit { reason } | Outcome::Refused { reason } => {
                // It answered: what is refused is the letter.
                self.reached();
                self.refused(&row.letter.id, &reason);
                self.settle(move |store, sink| store.bury(sink, seq, &reason)).await
            }
            Outcome::Retry { after, reason } => {
                let attempts = row.attempts.saturating_add(1);
                let next_at = self.failed(attempts, after, &reason);
                let standing = after.is_some().then(|| self.standing());
                self.settle(move |store, sink| {
                    store.postpone(sink, seq, attempts, next_at)?;
                    standing.iter().try_for_each(|it| store.put_standing(sink, it, Durability::Now))
                })
                .await
            }
            Outcome::Revoked { reason } => {
                self.park(&reason);
                // There is nothing to write down: the row stays where it is, the first of them.
                true
            }
        };
        if settled { Next::Now } else { Next::End(End::Stopped) }
    }

    /// Sends a letter from memory once. It is tried again for as long as the process lives.
    async fn attempt_urgent(&mut self, letter: &Letter) -> Next {
        let sink = self.sink.clone();
        match attempt::whole_or_plain(&sink.name, &self.carrier, letter).await {
            Err(PipeClosed) => return Next::End(End::PipeClosed),
            Ok(Outcome::Delivered) => {
                self.reached();
                self.tally.delivered.add(1);
                self.urgent.remove(&sink.name, &letter.id);
            }
            Ok(Outcome::Unfit { reason } | Outcome::Refused { reason }) => {
                self.reached();
                self.tally.refused.add(1);
                tracing::error!(sink = sink.name, "message from memory refused: {reason}");
                self.urgent.remove(&sink.name, &letter.id);
            }
            Ok(Outcome::Retry { after, reason }) => {
                self.failed(1, after, &reason);
                // Nothing else puts off a letter that no store knows.
                self.paused.get_or_insert(Instant::now() + wait(after, self.failures, random()));
            }
            Ok(Outcome::Revoked { reason }) => self.park(&reason),
        }
        Next::Now
    }

    /// Takes note that the sink answers.
    fn reached(&mut self) {
        let attempts = std::mem::take(&mut self.failures);
        self.failing_since = None;
        self.tally.failing.set(false);
        self.tally.parked.set(false);
        if attempts > 0 {
            tracing::info!(sink = self.sink.name, attempts, "reachable again");
        }
        let text = format!("sink `{}` is reachable again", self.sink.name);
        // The one before this task may have complained, too: of that the first success is the end.
        let first = !std::mem::replace(&mut self.reached, true);
        if std::mem::take(&mut self.parked) || first {
            self.complain(Ailment::SinkParked, &text, Complaint::over);
        }
        if std::mem::take(&mut self.complained) || first {
            self.complain(Ailment::SinkFailing, &text, Complaint::over);
        }
    }

    /// Leaves a complaint about this sink.
    fn complain(&self, ailment: Ailment, text: &str, more: impl FnOnce(Complaint) -> Complaint) {
        self.desk.post(more(Complaint::new(ailment, text).with("sink", &self.sink.name)));
    }

    /// Takes note that a letter was refused for good.
    fn refused(&mut self, id: &str, reason: &str) {
        self.tally.refused.add(1);
        let sink = &self.sink.name;
        tracing::error!(sink, id, "message refused, kept as a dead letter: {reason}");
        let text = format!("sink `{sink}` refused message {id}, which is now a dead letter: {reason}");
        self.complain(Ailment::DeadLetter, &text, |complaint| {
            complaint.with("id", id).with("reason", reason)
        });
    }

    /// Takes note that the sink takes nothing, and holds everything until the next probe.
    fn park(&mut self, reason: &str) {
        self.failures = self.failures.saturating_add(1);
        self.tally.retried.add(1);
        self.tally.parked.set(true);
        self.paused = Some(Instant::now() + PROBE_EVERY);
        let sink = self.sink.name.clone();
        // Said at every probe: the alert of it lasts for as long as the sink is parked.
        let text = format!("sink `{sink}` is parked, its messages wait: {reason}");
        self.complain(Ailment::SinkParked, &text, |complaint| complaint.with("reason", reason));
        if std::mem::replace(&mut self.parked, true) {
            tracing::debug!(sink, attempts = self.failures, "still parked: {reason}");
        } else {
            let every = duration::show(PROBE_EVERY);
            tracing::error!(
                sink,
                "sink parked, its messages wait and one is tried every {every} until it takes them: {reason}"
            );
        }
    }

    /// Takes note of a failure; when the letter may be tried again.
    fn failed(&mut self, attempts: u32, after: Option<Duration>, reason: &str) -> Timestamp {
        self.failures = self.failures.saturating_add(1);
        self.tally.retried.add(1);
        self.tally.failing.set(true);
        let sink = self.sink.name.clone();
        self.complain_of_failures(reason);
        if self.failures == 1 {
            tracing::warn!(sink, "message not delivered, will be tried again: {reason}");
        } else {
            tracing::debug!(sink, attempts, "message not delivered: {reason}");
        }
        let now = Instant::now();
        let sink_fails = after.is_some() || self.failures > 1;
        self.paused = sink_fails.then(|| now + wait(after, self.failures - 1, random()));
        if after.is_some() {
            self.alone = self.paused;
        }
        self.clock.at(now + wait(after, attempts, random()))
    }

    /// How things stand with this sink now.
    fn standing(&self) -> Standing {
        let alone = self.alone.filter(|until| *until > Instant::now());
        let mut standing =
            Standing { alone_until: alone.map(|until| self.clock.at(until)), ..Standing::default() };
        self.pace.write_down(&mut standing, &self.clock);
        standing
    }

    async fn write_down(&mut self, durability: Durability) -> Result<(), StoreError> {
        let standing = self.standing();
        self.ask(move |store, sink| store.put_standing(sink, &standing, durability)).await
    }

    /// Leaves a complaint once failures have gone on for long, and with each one from then on.
    fn complain_of_failures(&mut self, reason: &str) {
        let now = Instant::now();
        let since = *self.failing_since.get_or_insert(now);
        if now.duration_since(since) < COMPLAIN_AFTER {
            return;
        }
        let (sink, cause) = (&self.sink.name, outbound::class(reason));
        let minutes = now.duration_since(since).as_secs() / 60;
        let text = format!("sink `{sink}` has not been reached for {minutes} minutes: {reason}");
        self.complain(Ailment::SinkFailing, &text, |complaint| {
            complaint.with("cause", cause).with("reason", reason)
        });
        self.complained = true;
    }

    /// Writes down what became of a letter, for as long as it takes: until that is done the letter
    /// would be sent again. `false` if told to stop first.
    async fn settle(
        &mut self,
        write: impl Fn(&Store, &str) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> bool {
        let write = Arc::new(write);
        loop {
            let again = write.clone();
            match self.ask(move |store, sink| again(store, sink)).await {
                Ok(()) => return true,
                Err(error) => {
                    self.store_trouble(&error);
                    if self.signal.borrow().stopped {
                        return false;
                    }
                    // What tells of the failing store must not wait for it.
                    let free = self.paused.is_none_or(|until| until <= Instant::now());
                    let urgent = self.urgent.first(&self.sink.name).filter(|_| free);
                    if let Some(letter) = urgent
                        && let Next::End(_) = self.attempt_urgent(&letter).await
                    {
                        return false;
                    }
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        }
    }

    /// Asks the store where blocking is allowed.
    async fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&Store, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, sink) = (self.store.clone(), self.sink.clone());
        #[cfg(test)]
        let desk = self.desk.clone();
        let asking = move || {
            #[cfg(test)]
            desk.pulse().comes_to("the outbox");
            question(&store, &sink.name)
        };
        let answer = match tokio::task::spawn_blocking(asking).await {
            Ok(answer) => answer?,
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            // The runtime is shutting down and takes this task with it.
            Err(_) => std::future::pending().await,
        };
        if std::mem::take(&mut self.store_failed) {
            tracing::info!(sink = self.sink.name, "the state can be used again");
        }
        Ok(answer)
    }

    /// Tells of a failing store, once for as long as it lasts.
    fn store_trouble(&mut self, error: &StoreError) -> Next {
        if !std::mem::replace(&mut self.store_failed, true) {
            tracing::error!(sink = self.sink.name, "delivery waits: {error}");
        }
        Next::At(Instant::now() + STORE_RETRY)
    }

    /// Waits until the bell rings, or delivery is told to stop.
    async fn rung(&mut self) {
        if self.signal.changed().await.is_err() {
            // Nobody is left to ring; whoever owned the delivery is gone without stopping it.
            std::future::pending().await
        }
    }
}
