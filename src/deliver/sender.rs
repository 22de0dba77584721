//! The sender of one sink: it takes what is due, sends it, and writes down what became of it.
//!
//! A driver over the stages, which keep all state: [`Outbox`] says which message is next,
//! [`RateLimiter`] whether one may be sent, [`Carrier`] sends it, [`Backoff`] says when a failed one is
//! tried again, [`Account`] counts, logs and alerts.
//!
//! One message at a time, so the order of the outbox is the order of arrival. That a sink is parked is not
//! stored: after a restart the first attempt says so again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::account::Account;
use super::attempt::whole_or_plain;
use super::carrier::{Carrier, PipeClosed};
use super::limit::{RateLimiter, Step};
use super::notify::{Notifier, Waker};
use super::outbox::{Outbox, Settlement};
use super::retry::{Backoff, random};
use crate::base::clock::Clock;
use crate::deliver::sink::{Outcome, Sink};
use crate::model::alert::OutboxMessage;
use crate::store::{Due, Durability, Row, Standing, Store, StoreError};
use crate::telemetry::Telemetry;

/// The time before a failing store is asked again.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// Why delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was stopped.
    Stopped,
    /// The reader of standard output has gone: the program is to end quietly.
    PipeClosed,
    /// The task of a sink panicked; the program is to end with an error, for nothing is sent there.
    Broken,
}

/// The sender of one sink.
pub(super) struct Sender {
    sink: Sink,
    outbox: Outbox,
    limiter: RateLimiter,
    carrier: Carrier,
    backoff: Backoff,
    account: Account,
    waker: Waker,
    clock: Clock,
}

/// When to go on.
enum Next {
    /// At once.
    Now,
    /// At this time, or when something was put in the outbox.
    At(Instant),
    /// When something was put in the outbox.
    Woken,
    /// Never.
    End(End),
}

impl Sender {
    pub fn new(
        sink: Sink,
        carrier: Carrier,
        store: Arc<Store>,
        notifier: &Notifier,
        telemetry: Telemetry,
    ) -> Result<Sender, StoreError> {
        let now = Instant::now();
        let clock = Clock::new(Timestamp::now(), now);
        let before = store.standing(&sink.name)?;
        let outbox = Outbox::new(store, notifier.in_memory(), &sink.name);
        #[cfg(test)]
        let outbox = outbox.with_faults(telemetry.faults().clone());
        Ok(Sender {
            outbox,
            limiter: RateLimiter::new(sink.max_per_minute, before.as_ref(), &clock, now),
            backoff: Backoff::new(before.as_ref(), &clock, now),
            account: Account::new(&sink.name, telemetry),
            waker: notifier.waker(),
            sink,
            carrier,
            clock,
        })
    }

    /// Works until delivery stops.
    pub async fn run(mut self) -> End {
        loop {
            #[cfg(test)]
            self.outbox.faults.trip("delivery");
            // Before the outbox is read: a message that is put in later wakes again.
            if self.waker.rearm() {
                return End::Stopped;
            }
            let next = match self.step(Instant::now()).await {
                Ok(next) => next,
                Err(_) => Next::At(Instant::now() + STORE_RETRY),
            };
            match next {
                Next::Now => {}
                Next::End(end) => return end,
                Next::Woken => self.waker.woken().await,
                Next::At(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.waker.woken() => {}
                },
            }
        }
    }

    /// One look at the outbox. An error was logged.
    async fn step(&mut self, now: Instant) -> Result<Next, StoreError> {
        if let Some(until) = self.backoff.paused(now) {
            return Ok(Next::At(until));
        }
        if let Some(message) = self.outbox.in_memory() {
            return Ok(self.attempt_in_memory(&message).await);
        }
        let row = match self.outbox.due(self.clock.at(now)).await? {
            Due::Never => return Ok(Next::Woken),
            Due::At(time) => return Ok(Next::At(now + self.clock.until(time, now))),
            Due::Now(row) => row,
        };
        match self.limiter.next(now) {
            Step::Wait(until) => Ok(Next::At(until)),
            Step::Reached(until) => {
                self.keep_standing().await?;
                self.account.limited(self.sink.max_per_minute);
                Ok(Next::At(until))
            }
            Step::Send => {
                if self.sink.max_per_minute > 0 {
                    self.keep_standing().await?;
                }
                Ok(self.attempt(*row).await)
            }
            Step::Digest => {
                let folded = self.outbox.fold(Timestamp::now()).await?;
                self.account.folded(folded);
                Ok(Next::Now)
            }
        }
    }

    /// Sends a message once and writes down what became of it.
    async fn attempt(&mut self, row: Row) -> Next {
        let Ok(outcome) = whole_or_plain(&self.sink.name, &self.carrier, &row.letter).await else {
            return Next::End(End::PipeClosed);
        };
        let now = Instant::now();
        let settlement = match outcome {
            Outcome::Delivered => {
                self.account.delivered(self.backoff.answered());
                Settlement::Delivered
            }
            Outcome::Unfit { reason } | Outcome::Refused { reason } => {
                // It answered: what is refused is the message.
                self.account.refused(self.backoff.answered(), &row.letter.id, &reason);
                Settlement::Dead { reason }
            }
            Outcome::Retry { after, reason } => {
                let attempts = row.attempts.saturating_add(1);
                let next_at = self.backoff.failed(attempts, after, now, random);
                self.account.failed(self.backoff.failures(), attempts, &reason, now);
                let standing = after.is_some().then(|| self.standing(now));
                Settlement::Postponed { attempts, next_at: self.clock.at(next_at), standing }
            }
            Outcome::Revoked { reason } => {
                self.park(&reason, now);
                // There is nothing to write down: the row stays where it is, the first of them.
                return Next::Now;
            }
        };
        if self.settle(row.seq, settlement).await { Next::Now } else { Next::End(End::Stopped) }
    }

    /// Sends a message from memory once. It is tried again for as long as the process lives.
    async fn attempt_in_memory(&mut self, message: &OutboxMessage) -> Next {
        let outcome = whole_or_plain(&self.sink.name, &self.carrier, message).await;
        let now = Instant::now();
        match outcome {
            Err(PipeClosed) => return Next::End(End::PipeClosed),
            Ok(Outcome::Delivered) => {
                self.account.delivered(self.backoff.answered());
                self.outbox.forget(&message.id);
            }
            Ok(Outcome::Unfit { reason } | Outcome::Refused { reason }) => {
                self.account.refused_in_memory(self.backoff.answered(), &reason);
                self.outbox.forget(&message.id);
            }
            Ok(Outcome::Retry { after, reason }) => {
                self.backoff.failed_in_memory(after, now, random);
                self.account.failed(self.backoff.failures(), 1, &reason, now);
            }
            Ok(Outcome::Revoked { reason }) => self.park(&reason, now),
        }
        Next::Now
    }

    fn park(&mut self, reason: &str, now: Instant) {
        self.backoff.parked(now);
        self.account.parked(self.backoff.failures(), reason);
    }

    /// Writes down what became of a message, for as long as it takes: until that is done the message
    /// would be sent again. `false` if delivery stops first.
    async fn settle(&mut self, seq: u64, settlement: Settlement) -> bool {
        while self.outbox.settle(seq, settlement.clone()).await.is_err() {
            if self.waker.stopped() {
                return false;
            }
            // The alert about the failing store must not wait for the store.
            let paused = self.backoff.paused(Instant::now()).is_some();
            if let Some(message) = self.outbox.in_memory().filter(|_| !paused)
                && let Next::End(_) = self.attempt_in_memory(&message).await
            {
                return false;
            }
            tokio::time::sleep(STORE_RETRY).await;
        }
        true
    }

    /// How things stand with this sink, for the run after this one.
    fn standing(&self, now: Instant) -> Standing {
        let alone_until = self.backoff.asked(now).map(|until| self.clock.at(until));
        let mut standing = Standing { alone_until, ..Standing::default() };
        self.limiter.write_down(&mut standing, &self.clock);
        standing
    }

    /// Durable with the next thing that is: a token more after a crash does no harm.
    async fn keep_standing(&mut self) -> Result<(), StoreError> {
        self.outbox.keep(self.standing(Instant::now()), Durability::Later).await
    }
}
