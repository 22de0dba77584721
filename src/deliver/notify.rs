//! What wakes the senders, and the messages that go past the outbox.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::model::alert::OutboxMessage;

/// Messages kept in memory for one sink.
const IN_MEMORY_MAX: usize = 20;

/// Wakes the senders after something was put in the outbox. Cheap to clone, and to use.
#[derive(Debug, Clone)]
pub struct Notifier {
    signal: watch::Sender<Signal>,
    in_memory: Arc<InMemory>,
}

/// Messages that go past the outbox, by sink: for what must be sent while the state cannot be written.
/// They are lost with the process, and the oldest of many.
#[derive(Debug, Default)]
pub(super) struct InMemory(Mutex<BTreeMap<String, VecDeque<OutboxMessage>>>);

/// What one sender waits for.
#[derive(Debug)]
pub(super) struct Waker(watch::Receiver<Signal>);

#[derive(Debug, Clone, Copy, Default)]
struct Signal {
    notified: u64,
    stopped: bool,
}

impl Notifier {
    pub(super) fn new() -> Notifier {
        Notifier { signal: watch::channel(Signal::default()).0, in_memory: Arc::default() }
    }

    /// Something was put in the outbox.
    pub fn notify(&self) {
        self.signal.send_modify(|signal| signal.notified = signal.notified.wrapping_add(1));
    }

    /// Hands a message to the sender of `sink` past the outbox, because the outbox cannot be written.
    pub fn send_now(&self, sink: &str, message: OutboxMessage) {
        self.in_memory.put(sink, message);
        self.notify();
    }

    /// Delivery is to end.
    pub(super) fn stop(&self) {
        self.signal.send_modify(|signal| signal.stopped = true);
    }

    pub(super) fn waker(&self) -> Waker {
        Waker(self.signal.subscribe())
    }

    pub(super) fn in_memory(&self) -> Arc<InMemory> {
        self.in_memory.clone()
    }
}

impl Waker {
    /// Whether delivery is to end. What is put in the outbox after this call wakes again.
    pub fn rearm(&mut self) -> bool {
        self.0.borrow_and_update().stopped
    }

    /// Whether delivery is to end.
    pub fn stopped(&self) -> bool {
        self.0.borrow().stopped
    }

    /// Waits until something is put in the outbox, or delivery is to end.
    pub async fn woken(&mut self) {
        if self.0.changed().await.is_err() {
            // Every notifier was dropped, and the delivery was not stopped.
            std::future::pending().await
        }
    }
}

impl InMemory {
    fn put(&self, sink: &str, message: OutboxMessage) {
        let mut messages = self.messages();
        let messages = messages.entry(sink.to_owned()).or_default();
        if messages.len() >= IN_MEMORY_MAX {
            messages.pop_front();
        }
        messages.push_back(message);
    }

    /// The first message for a sink; it stays until it is [removed](InMemory::remove).
    pub fn first(&self, sink: &str) -> Option<OutboxMessage> {
        self.messages().get(sink).and_then(|messages| messages.front().cloned())
    }

    pub fn remove(&self, sink: &str, id: &str) {
        if let Some(messages) = self.messages().get_mut(sink) {
            messages.retain(|message| message.id != id);
        }
    }

    fn messages(&self) -> MutexGuard<'_, BTreeMap<String, VecDeque<OutboxMessage>>> {
        // A message is in or out: no panic leaves half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::Message;
    use crate::model::alert::tests::sample;

    fn message(id: usize) -> OutboxMessage {
        let message = Message::Alert(Box::new(sample()));
        OutboxMessage { id: id.to_string(), message, created: "2022-06-24T06:00:01Z".to_owned() }
    }

    #[tokio::test]
    async fn what_comes_after_a_look_wakes_and_what_came_before_does_not() {
        let notifier = Notifier::new();
        let mut waker = notifier.waker();
        let woken = async |waker: &mut Waker| {
            tokio::time::timeout(std::time::Duration::ZERO, waker.woken()).await.is_ok()
        };
        notifier.notify();
        assert!(!waker.rearm() && !woken(&mut waker).await);
        notifier.send_now("ops", message(1));
        assert!(woken(&mut waker).await);
        notifier.stop();
        assert!(waker.stopped() && woken(&mut waker).await && waker.rearm());
    }

    #[test]
    fn the_oldest_of_many_are_lost_and_no_other_sink_sees_them() {
        let notifier = Notifier::new();
        (0..IN_MEMORY_MAX + 2).for_each(|id| notifier.send_now("ops", message(id)));
        let kept = notifier.in_memory();
        let first = |sink: &str| kept.first(sink).map(|message| message.id);
        assert_eq!((first("ops"), first("other")), (Some("2".to_owned()), None));
        kept.remove("ops", "2");
        assert_eq!(first("ops"), Some("3".to_owned()));
        (3..IN_MEMORY_MAX + 2).for_each(|id| kept.remove("ops", &id.to_string()));
        assert_eq!(first("ops"), None);
    }
}
