//! Delivery: from the outbox to the sinks, at least once, in order per alert and sink.
//!
//! Every sink has a task of its own, the sender, so a slow sink delays no other. What it knows stands in
//! the [`Store`]: it can be stopped or killed at any instant, and the message it was sending is then
//! sent again under the same id. A sender drives the stages of delivery, each with its own state:
//!
//! | stage | decides |
//! |---|---|
//! | `limit` | whether a message may be sent now, or what waits becomes a digest |
//! | `outbox` | which message is next, and what is written of it |
//! | `retry` | when a message that failed, and a sink that failed, are tried again |
//! | `attempt`, `carrier` | how a message is sent, whole or in plain form |
//! | `account` | nothing: it counts, logs, and posts self-alerts |
//!
//! What holds:
//!
//! - A message that failed is tried again, later and later, for as long as it takes.
//! - A message that was refused as malformed or too large is sent once more in plain form.
//! - A message that was refused for good is moved to the dead letters, with one error in the log.
//! - A sink that accepts nothing any more (token revoked, channel archived, address gone) is parked:
//!   everything for it waits, in its order, until a probe is accepted.
//! - A sink whose limit is reached gets what waits as one digest a minute.
//! - A sink that asked to be left alone is, and a limit holds, through restarts too.

mod account;
mod attempt;
mod carrier;
pub(crate) mod heartbeat;
mod limit;
mod notify;
pub(crate) mod outbound;
mod outbox;
mod retry;
mod sender;
pub mod sink;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

use self::carrier::{Carrier, Form, PipeClosed};
pub use self::notify::Notifier;
pub use self::sender::End;
use self::sender::Sender;
use crate::deliver::sink::{Outcome, Sink};
use crate::model::alert::{Alert, Context, Lang, Message, OutboxMessage, Status};
use crate::model::finding::Severity;
use crate::store::Store;
use crate::telemetry::Telemetry;
use crate::telemetry::meter::SinkCounts;
use crate::telemetry::self_alert::{Kind, SelfAlert};

/// The time that requests in flight get to end when delivery stops.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Delivery at work.
#[derive(Debug)]
pub struct Delivery {
    notifier: Notifier,
    senders: JoinSet<End>,
    counts: Vec<(String, Arc<SinkCounts>)>,
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

impl Delivery {
    /// Starts one task a sink, inside the runtime it is called from. Messages for sinks that are
    /// not among `sinks` become dead letters, with an error in the log.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up, or the state cannot be read.
    pub fn start(
        store: Arc<Store>,
        sinks: Vec<Sink>,
        telemetry: &Telemetry,
    ) -> Result<Delivery, DeliverError> {
        let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
        let strays = store
            .bury_strays(&names)
            .map_err(|error| DeliverError { sink: names.join(", "), why: error.to_string() })?;
        for (sink, messages) in strays {
            tracing::error!(
                sink,
                messages,
                "sink is no longer configured, its messages are dead letters; `sealtail outbox` shows them"
            );
            let text = format!("sink `{sink}` is no longer configured: {messages} messages are dead letters");
            telemetry.report(SelfAlert::new(Kind::DeadLetter, text).with("sink", sink));
        }
        let mut delivery =
            Delivery { notifier: Notifier::new(), senders: JoinSet::new(), counts: Vec::new() };
        for sink in sinks {
            let carrier = Carrier::open(&sink.destination)
                .map_err(|why| DeliverError { sink: sink.name.clone(), why })?;
            let counters = telemetry.meter().sink(&sink.name);
            delivery.counts.push((sink.name.clone(), counters));
            let name = sink.name.clone();
            let sender = Sender::new(sink, carrier, store.clone(), &delivery.notifier, telemetry.clone())
                .map_err(|error| DeliverError { sink: name, why: error.to_string() })?;
            delivery.senders.spawn(sender.run());
        }
        Ok(delivery)
    }

    /// What wakes delivery after a commit.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// What became of the messages so far, in the order of the sinks.
    pub fn counts(&self) -> Vec<Counts> {
        let counts = |(sink, counters): &(String, Arc<SinkCounts>)| Counts {
            sink: sink.clone(),
            delivered: counters.delivered.get(),
            retried: counters.retried.get(),
            refused: counters.refused.get(),
        };
        self.counts.iter().map(counts).collect()
    }

    /// Waits until some sink's task ends by itself; with no sinks, for ever. May be dropped and
    /// called again.
    pub async fn ended(&mut self) -> End {
        match self.senders.join_next().await {
            Some(Ok(end)) => end,
            Some(Err(_)) => End::Broken,
            None => std::future::pending().await,
        }
    }

    /// Stops: no new message is begun, those in flight get a few seconds to end. What became of the
    /// messages in the end.
    pub async fn stop(mut self) -> Vec<Counts> {
        self.notifier.stop();
        let all = async { while self.senders.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_MAX, all).await.is_err() {
            tracing::warn!(
                "a request was still running at the end, its message is sent again at the next start"
            );
            self.senders.shutdown().await;
        }
        self.counts()
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
    let message = OutboxMessage {
        id: format!("test-{random:016x}"),
        message: Message::Alert(Box::new(test_alert(host, sink.route.lang, &now))),
        created: now,
    };
    match carrier.send(&message, Form::Whole).await {
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
        possible_causes: Vec::new(),
        quiet: false,
        quiet_seconds: 0,
        confirmed: Vec::new(),
        lang,
    }
}
