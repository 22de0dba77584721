//! Delivery: from the outbox to the sinks, at least once, in order per alert and sink.
//!
//! Every sink has a task of its own, so a slow one delays no other. What a task knows stands in
//! the [`Store`]: it can be stopped or killed at any instant, and the letter it was sending is then
//! sent again under the same id.
//!
//! - A letter that failed is tried again, later and later, for as long as it takes.
//! - A letter that was refused for good is moved to the dead letters, with one error in the log.
//! - A sink that takes nothing any more (token revoked, channel archived, address gone) is parked:
//!   everything for it waits, in its order, until a probe arrives.
//! - A sink whose limit is reached gets what waits as one digest a minute.

mod courier;
mod http;
mod pace;
mod retry;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::courier::Courier;
use crate::alert::{Alert, Context, Lang, Letter, Message, Status};
use crate::finding::Severity;
use crate::sink::{Destination, Outcome, Sink, Slack, Webhook};
use crate::store::Store;

/// The time that requests in flight get to end when delivery stops.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Delivery at work.
#[derive(Debug)]
pub struct Delivery {
    signal: watch::Sender<Signal>,
    couriers: JoinSet<End>,
    tallies: Vec<(String, Arc<Tally>)>,
}

/// Tells delivery that something was put in the outbox. Cheap to clone, and to ring.
#[derive(Debug, Clone)]
pub struct Bell(watch::Sender<Signal>);

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

#[derive(Debug, Default)]
struct Tally {
    delivered: AtomicU64,
    retried: AtomicU64,
    refused: AtomicU64,
}

impl Delivery {
    /// Starts one task a sink, inside the runtime it is called from. Letters for sinks that are
    /// not among `sinks` become dead letters, with an error in the log.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up, or the state cannot be read.
    pub fn start(store: Arc<Store>, sinks: Vec<Sink>) -> Result<Delivery, DeliverError> {
        let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
        let strays = store
            .bury_strays(&names)
            .map_err(|error| DeliverError { sink: names.join(", "), why: error.to_string() })?;
        for (sink, messages) in strays {
            tracing::error!(sink, messages, "sink is no longer configured, its messages are dead letters");
        }
        let (signal, _) = watch::channel(Signal::default());
        let mut delivery = Delivery { signal, couriers: JoinSet::new(), tallies: Vec::new() };
        for sink in sinks {
            let client = client(&sink)?;
            let tally = Arc::new(Tally::default());
            delivery.tallies.push((sink.name.clone(), tally.clone()));
            let signal = delivery.signal.subscribe();
            delivery.couriers.spawn(Courier::new(sink, store.clone(), client, signal, tally).run());
        }
        Ok(delivery)
    }

    /// What wakes delivery after a commit.
    pub fn bell(&self) -> Bell {
        Bell(self.signal.clone())
    }

    /// What became of the messages so far, in the order of the sinks.
    pub fn counts(&self) -> Vec<Counts> {
        let counts = |(sink, tally): &(String, Arc<Tally>)| Counts {
            sink: sink.clone(),
            delivered: tally.delivered.load(Relaxed),
            retried: tally.retried.load(Relaxed),
            refused: tally.refused.load(Relaxed),
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
        self.signal.send_modify(|signal| signal.stopped = true);
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
        self.0.send_modify(|signal| signal.rings = signal.rings.wrapping_add(1));
    }
}

/// Sends a marked test alert to `sink`, once and past the outbox.
pub async fn send_test(sink: &Sink, host: &str) -> Outcome {
    let client = match client(sink) {
        Ok(client) => client,
        Err(error) => return Outcome::unreachable(error.why),
    };
    let now = Timestamp::now().to_string();
    let random = getrandom::u64().unwrap_or_default();
    let letter = Letter {
        id: format!("test-{random:016x}"),
        message: Message::Alert(Box::new(test_alert(host, sink.route.lang, &now))),
        created: now,
    };
    match courier::send(&sink.destination, client.as_ref(), &letter).await {
        Ok(outcome) => outcome,
        Err(courier::PipeClosed) => Outcome::unreachable("standard output is closed"),
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
        links: Vec::new(),
        followers: Vec::new(),
        explained_by: None,
        confirmed: Vec::new(),
        lang,
    }
}

fn client(sink: &Sink) -> Result<Option<reqwest::Client>, DeliverError> {
    let (Destination::Webhook(Webhook { url, .. }) | Destination::Slack(Slack { url })) = &sink.destination
    else {
        return Ok(None);
    };
    let failed = |why| DeliverError { sink: sink.name.clone(), why };
    http::client(url).map(Some).map_err(failed)
}
