//! Delivery: from the outbox to the sinks, at least once, in order per alert and sink.
//!
//! Every sink has a task of its own, so a slow one delays no other. What a task knows stands in
//! the [`Store`]: it can be stopped or killed at any instant, and the letter it was sending is then
//! sent again under the same id.
//!
//! - A letter that failed is tried again, later and later, for as long as it takes.
//! - A letter that was refused as malformed or too large is sent once more in plain form.
//! - A letter that was refused for good is moved to the dead letters, with one error in the log.
//! - A sink that takes nothing any more (token revoked, channel archived, address gone) is parked:
//!   everything for it waits, in its order, until a probe arrives.
//! - A sink whose limit is reached gets what waits as one digest a minute.
//! - A sink that asked to be left alone is, and a limit holds, through restarts too.

mod attempt;
mod carrier;
mod courier;
mod pace;
mod retry;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::carrier::{Carrier, Form, PipeClosed};
use self::courier::Courier;
use crate::alert::{Alert, Context, Lang, Letter, Message, Status};
use crate::complaint::{Ailment, Complaint, Desk};
use crate::finding::Severity;
use crate::meter::SinkCounts;
use crate::sink::{Outcome, Sink};
use crate::store::Store;

/// The time that requests in flight get to end when delivery stops.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Delivery at work.
#[derive(Debug)]
pub struct Delivery {
    bell: Bell,
    couriers: JoinSet<End>,
    tallies: Vec<(String, Arc<SinkCounts>)>,
}

/// Tells delivery that something was put in the outbox. Cheap to clone, and to ring.
#[derive(Debug, Clone)]
pub struct Bell {
    signal: watch::Sender<Signal>,
    urgent: Arc<Urgent>,
}

/// Letters that go past the outbox, by sink: for what must be told while the state cannot be written.
/// They are lost with the process, and the oldest of many.
#[derive(Debug, Default)]
struct Urgent(Mutex<BTreeMap<String, VecDeque<Letter>>>);

/// Why delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// Nobody reads standard output any more: the program is to end quietly.
    PipeClosed,
    /// The task of a sink broke; the program is to end with an error, for nothing is sent there.
    Broken,
}

/// What became of a sink's messages since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Name of the sink.
    pub sink: String,
    /// Messages that arrived.
    pub delivered: u64,
    /// Attempts that failed and are made again.
    pub retried: u64,
    /// Messages that were refused for good.
    pub refused: u64,
}

/// Delivery could not be started.
#[derive(Debug)]
pub struct DeliverError {
    sink: String,
    why: String,
}

impl fmt::Display for DeliverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot deliver to sink `{}`: {}", self.sink, self.why)
    }
}

impl std::error::Error for DeliverError {}

#[derive(Debug, Clone, Copy, Default)]
struct Signal {
    rings: u64,
    stopped: bool,
}

/// Letters kept in memory for one sink.
const URGENT_MAX: usize = 20;

impl Urgent {
    fn put(&self, sink: &str, letter: Letter) {
        let mut letters = self.letters();
        let letters = letters.entry(sink.to_owned()).or_default();
        if letters.len() >= URGENT_MAX {
            letters.pop_front();
        }
        letters.push_back(letter);
    }

    /// The first letter for a sink; it stays until it is [removed](Urgent::remove).
    fn first(&self, sink: &str) -> Option<Letter> {
        self.letters().get(sink).and_then(|letters| letters.front().cloned())
    }

    fn remove(&self, sink: &str, id: &str) {
        if let Some(letters) = self.letters().get_mut(sink) {
            letters.retain(|letter| letter.id != id);
        }
    }

    fn letters(&self) -> MutexGuard<'_, BTreeMap<String, VecDeque<Letter>>> {
        // A letter is in or out: no panic leaves half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Delivery {
    /// Starts one task a sink, inside the runtime it is called from. Letters for sinks that are
    /// not among `sinks` become dead letters, with an error in the log.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up, or the state cannot be read.
    pub fn start(store: Arc<Store>, sinks: Vec<Sink>, desk: &Desk) -> Result<Delivery, DeliverError> {
        let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
        let strays = store
            .bury_strays(&names)
            .map_err(|error| DeliverError { sink: names.join(", "), why: error.to_string() })?;
        for (sink, messages) in strays {
            tracing::error!(sink, messages, "sink is no longer configured, its messages are dead letters");
            let text = format!("sink `{sink}` is no longer configured: {messages} messages are dead letters");
            desk.post(Complaint::new(Ailment::DeadLetter, text).with("sink", sink));
        }
        let (signal, _) = watch::channel(Signal::default());
        let bell = Bell { signal, urgent: Arc::default() };
        let mut delivery = Delivery { bell, couriers: JoinSet::new(), tallies: Vec::new() };
        for sink in sinks {
            let carrier = Carrier::open(&sink.destination)
                .map_err(|why| DeliverError { sink: sink.name.clone(), why })?;
            let tally = desk.meter().sink(&sink.name);
            delivery.tallies.push((sink.name.clone(), tally));
            let name = sink.name.clone();
            let courier = Courier::new(sink, store.clone(), carrier, &delivery.bell, desk.clone())
                .map_err(|error| DeliverError { sink: name, why: error.to_string() })?;
            delivery.couriers.spawn(courier.run());
        }
        Ok(delivery)
    }

    /// What wakes delivery after a commit.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// What became of the messages so far, in the order of the sinks.
    pub fn counts(&self) -> Vec<Counts> {
        let counts = |(sink, tally): &(String, Arc<SinkCounts>)| Counts {
            sink: sink.clone(),
            delivered: tally.delivered.get(),
            retried: tally.retried.get(),
            refused: tally.refused.get(),
        };
        self.tallies.iter().map(counts).collect()
    }

    /// Waits until some sink's task ends by itself; with no sinks, for ever. May be dropped and
    /// called again.
    pub async fn ended(&mut self) -> End {
        match self.couriers.join_next().await {
            Some(Ok(end)) => end,
            Some(Err(_)) => End::Broken,
            None => std::future::pending().await,
        }
    }

    /// Stops: no new letter is begun, those in flight get a few seconds to end. What became of the
    /// messages in the end.
    pub async fn stop(mut self) -> Vec<Counts> {
        self.bell.signal.send_modify(|signal| signal.stopped = true);
        let all = async { while self.couriers.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_MAX, all).await.is_err() {
            tracing::warn!("a request did not end in time, its message is sent again at the next start");
            self.couriers.shutdown().await;
        }
        self.counts()
    }
}

impl Bell {
    /// Something was put in the outbox.
    pub fn ring(&self) {
        self.signal.send_modify(|signal| signal.rings = signal.rings.wrapping_add(1));
    }

    /// Hands a letter to a sink past the outbox, for the outbox cannot be written.
    pub fn tell_now(&self, sink: &str, letter: Letter) {
        self.urgent.put(sink, letter);
        self.ring();
    }
}

/// Sends a marked test alert to `sink`, once and past the outbox.
pub async fn send_test(sink: &Sink, host: &str) -> Outcome {
    let carrier = match Carrier::open(&sink.destination) {
        Ok(carrier) => carrier,
        Err(why) => return Outcome::unreachable(why),
    };
    let now = Timestamp::now().to_string();
    let random = getrandom::u64().unwrap_or_default();
    let letter = Letter {
        id: format!("test-{random:016x}"),
        message: Message::Alert(Box::new(test_alert(host, sink.route.lang, &now))),
        created: now,
    };
    match carrier.send(&letter, Form::Whole).await {
        Ok(outcome) => outcome,
        Err(PipeClosed) => Outcome::unreachable("standard output is closed"),
    }
}

fn test_alert(host: &str, lang: Lang, now: &str) -> Alert {
    let (title, meaning) = match lang {
        Lang::En => ("Test alert: please ignore", "Sent by `sealtail check --send-test`. Nothing is wrong."),
        Lang::Zh => ("测试告警：请忽略", "由 `sealtail check --send-test` 发出。一切正常。"),
    };
    Alert {
        fingerprint: "sealtail-test".to_owned(),
        status: Status::Firing,
        sequence: 1,
        signature: "sealtail/test".to_owned(),
        title: title.to_owned(),
        severity: Severity::Info,
        host: host.to_owned(),
        source: "test".to_owned(),
        path: String::new(),
        first_seen: now.to_owned(),
        last_seen: now.to_owned(),
        count: 1,
        new: 1,
        group: Default::default(),
        fields: Default::default(),
        record: "test".to_owned(),
        line: 1,
        offset: 0,
        context: Context::default(),
        meaning: meaning.to_owned(),
        action: Vec::new(),
        action_numbers: Vec::new(),
        other_releases: Vec::new(),
        links: Vec::new(),
        followers: Vec::new(),
        explained_by: None,
        confirmed: Vec::new(),
        lang,
    }
}
