//! Order: which message of one sink is next, and what is written of it.
//!
//! The rules of the order stand in the [`Store`]. This stage asks it where blocking is allowed, and logs
//! once when it begins to fail and once when it works again.

use std::sync::Arc;

use jiff::Timestamp;

use super::notify::InMemory;
use crate::model::alert::OutboxMessage;
use crate::store::{Due, Durability, Standing, Store, StoreError};

/// Alerts that one digest holds; more wait for the next.
const DIGEST_ALERTS_MAX: usize = 1_000;

/// The outbox of one sink.
#[derive(Debug)]
pub(super) struct Outbox {
    store: Arc<Store>,
    in_memory: Arc<InMemory>,
    sink: Arc<str>,
    /// The store failed the last time it was asked.
    failed: bool,
    #[cfg(test)]
    pub faults: crate::telemetry::fault::Faults,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Settlement {
    /// It arrived.
    Delivered,
    /// It never will, and is kept as a dead letter.
    Dead { reason: String },
    /// It is tried again, and not before.
    Postponed {
        attempts: u32,
        next_at: Timestamp,
        /// Written with it where the sink asked for the wait.
        standing: Option<Standing>,
    },
}

impl Outbox {
    pub fn new(store: Arc<Store>, in_memory: Arc<InMemory>, sink: &str) -> Outbox {
        Outbox {
            store,
            in_memory,
            sink: sink.into(),
            failed: false,
            #[cfg(test)]
            faults: Default::default(),
        }
    }

    /// The same, with the faults that a test injects.
    #[cfg(test)]
    pub fn with_faults(self, faults: crate::telemetry::fault::Faults) -> Outbox {
        Outbox { faults, ..self }
    }

    /// The first message that goes past the store, if there is one.
    pub fn in_memory(&self) -> Option<OutboxMessage> {
        self.in_memory.first(&self.sink)
    }

    /// Drops such a message: it arrived, or never will.
    pub fn forget(&self, id: &str) {
        self.in_memory.remove(&self.sink, id);
    }

    /// What may go now.
    pub async fn due(&mut self, now: Timestamp) -> Result<Due, StoreError> {
        self.ask(move |store, sink| store.due(sink, now)).await
    }

    /// Puts what waits in one digest; how many messages that were.
    pub async fn fold(&mut self, created: Timestamp) -> Result<usize, StoreError> {
        self.ask(move |store, sink| store.collapse(sink, DIGEST_ALERTS_MAX, created)).await
    }

    /// Writes how things stand with the sink.
    pub async fn keep(&mut self, standing: Standing, durability: Durability) -> Result<(), StoreError> {
        self.ask(move |store, sink| store.put_standing(sink, &standing, durability)).await
    }

    /// Writes what became of the message `seq`.
    pub async fn settle(&mut self, seq: u64, settlement: Settlement) -> Result<(), StoreError> {
        self.ask(move |store, sink| match settlement {
            Settlement::Delivered => store.delivered(sink, seq),
            Settlement::Dead { reason } => store.bury(sink, seq, &reason),
            Settlement::Postponed { attempts, next_at, standing } => {
                store.postpone(sink, seq, attempts, next_at)?;
                standing.iter().try_for_each(|it| store.put_standing(sink, it, Durability::Now))
            }
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&Store, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, sink) = (self.store.clone(), self.sink.clone());
        #[cfg(test)]
        let faults = self.faults.clone();
        let asking = move || {
            #[cfg(test)]
            faults.trip("the outbox");
            question(&store, &sink)
        };
        let answer = match tokio::task::spawn_blocking(asking).await {
            Ok(answer) => answer,
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            // The runtime is shutting down and takes this task with it.
            Err(_) => std::future::pending().await,
        };
        let sink = &*self.sink;
        match (&answer, std::mem::replace(&mut self.failed, answer.is_err())) {
            (Err(error), false) => {
                tracing::error!(sink, "delivery is paused until the state can be used: {error}");
            }
            (Ok(_), true) => tracing::info!(sink, "the state can be used again, delivery continues"),
            _ => {}
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::deliver::notify::Notifier;
    use crate::model::alert::tests::sample;
    use crate::model::alert::{Alert, Message};
    use crate::store::{Commit, NewMessage};

    /// An outbox with these alerts in it, by fingerprint and sequence.
    fn outbox(folder: &TempDir, messages: &[(&str, u64)], now: Timestamp) -> Outbox {
        let store = Arc::new(Store::open(folder.path(), now).unwrap().store);
        let message = |&(fingerprint, sequence): &(&str, u64)| NewMessage {
            sink: "ops".to_owned(),
            fingerprint: fingerprint.to_owned(),
            message: Message::Alert(Box::new(Alert {
                fingerprint: fingerprint.to_owned(),
                sequence,
                ..sample()
            })),
        };
        let commit = Commit { messages: messages.iter().map(message).collect(), ..Commit::default() };
        store.commit(&commit, Durability::Now, now).unwrap();
        Outbox::new(store, Notifier::new().in_memory(), "ops")
    }

    /// The number, fingerprint and sequence of what is due; the time to wait for it; or neither.
    async fn next(outbox: &mut Outbox, now: Timestamp) -> Result<(u64, String, u64), Option<Timestamp>> {
        match outbox.due(now).await.unwrap() {
            Due::Now(row) => match row.letter.message {
                Message::Alert(alert) => Ok((row.seq, alert.fingerprint, alert.sequence)),
                Message::Digest { digest, .. } => Ok((row.seq, "digest".to_owned(), digest.findings)),
            },
            Due::At(time) => Err(Some(time)),
            Due::Never => Err(None),
        }
    }

    #[tokio::test]
    async fn each_alert_keeps_its_order_through_every_settlement() {
        let folder = TempDir::new().unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let later = now + Duration::from_secs(9);
        let mut outbox = outbox(&folder, &[("a", 1), ("b", 1), ("a", 2)], now);
        let standing = Standing { alone_until: Some(later), ..Standing::default() };
        let postponed =
            Settlement::Postponed { attempts: 1, next_at: later, standing: Some(standing.clone()) };
        let dead = Settlement::Dead { reason: "too odd".to_owned() };
        for (at, due, settlement) in [
            (now, ("a", 1), postponed),
            // The other alert passes it, its own next message does not.
            (now, ("b", 1), dead),
            (later, ("a", 1), Settlement::Delivered),
            (later, ("a", 2), Settlement::Delivered),
        ] {
            let (seq, fingerprint, sequence) = next(&mut outbox, at).await.unwrap();
            assert_eq!((&*fingerprint, sequence), due);
            outbox.settle(seq, settlement).await.unwrap();
            if at == now && due.0 == "b" {
                assert_eq!(next(&mut outbox, now).await, Err(Some(later)));
            }
        }
        assert_eq!(next(&mut outbox, later).await, Err(None));
        assert_eq!(
            (outbox.store.dead("ops").unwrap(), outbox.store.standing("ops").unwrap()),
            (1, Some(standing))
        );
    }

    #[tokio::test]
    async fn what_waits_becomes_one_digest() {
        let folder = TempDir::new().unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let mut outbox = outbox(&folder, &[("a", 1), ("b", 1), ("a", 2)], now);
        assert_eq!(outbox.fold(now).await.unwrap(), 3);
        let (seq, what, _) = next(&mut outbox, now).await.unwrap();
        assert_eq!(what, "digest");
        outbox.settle(seq, Settlement::Delivered).await.unwrap();
        assert_eq!((next(&mut outbox, now).await, outbox.fold(now).await.unwrap()), (Err(None), 0));
    }
}
