//! Account: what became of attempts, in the counters, in the log and as self-alerts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::retry::PROBE_EVERY;
use crate::base::duration;
use crate::deliver::outbound;
use crate::telemetry::Telemetry;
use crate::telemetry::meter::SinkCounts;
use crate::telemetry::self_alert::{Kind, SelfAlert};

/// A sink that has failed for so long gets a self-alert.
const ALERT_AFTER: Duration = Duration::from_secs(5 * 60);

/// The account of one sink. Nothing here decides what is sent.
#[derive(Debug)]
pub(super) struct Account {
    sink: Arc<str>,
    telemetry: Telemetry,
    counts: Arc<SinkCounts>,
    /// When the first attempt failed since the last one that was answered.
    failing_since: Option<Instant>,
    failing: AlertState,
    parked: AlertState,
}

/// Whether a self-alert about the sink is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AlertState {
    /// The run before this one may have left it open.
    Unknown,
    Open,
    Closed,
}

impl AlertState {
    /// Opens it; whether this run had opened it before.
    fn open(&mut self) -> bool {
        std::mem::replace(self, AlertState::Open) == AlertState::Open
    }

    /// Closes it; whether it may have been open.
    fn close(&mut self) -> bool {
        std::mem::replace(self, AlertState::Closed) != AlertState::Closed
    }
}

impl Account {
    pub fn new(sink: &str, telemetry: Telemetry) -> Account {
        let counts = telemetry.meter().sink(sink);
        let (failing, parked) = (AlertState::Unknown, AlertState::Unknown);
        Account { sink: sink.into(), telemetry, counts, failing_since: None, failing, parked }
    }

    /// The limit was reached.
    pub fn limited(&self, per_minute: u32) {
        tracing::warn!(
            sink = &*self.sink,
            "limit of {per_minute} messages a minute reached, further messages are sent as one digest a minute"
        );
    }

    /// So many messages were put in a digest.
    pub fn folded(&self, messages: usize) {
        if messages > 0 {
            tracing::info!(sink = &*self.sink, messages, "waiting messages were put in one digest");
        }
    }

    /// A message arrived, after so many `failures` in a row.
    pub fn delivered(&mut self, failures: u32) {
        self.answered(failures);
        self.counts.delivered.add(1);
    }

    /// The message `id` was refused for good: it is a dead letter.
    pub fn refused(&mut self, failures: u32, id: &str, reason: &str) {
        self.answered(failures);
        self.counts.refused.add(1);
        let sink = &*self.sink;
        tracing::error!(sink, id, "message refused, kept as a dead letter: {reason}");
        let text = format!("sink `{sink}` refused message {id}, which is now a dead letter: {reason}");
        self.report(Kind::DeadLetter, text, |alert| alert.with("id", id).with("reason", reason));
    }

    /// The same for a message that no store keeps.
    pub fn refused_in_memory(&mut self, failures: u32, reason: &str) {
        self.answered(failures);
        self.counts.refused.add(1);
        tracing::error!(
            sink = &*self.sink,
            "message refused, and lost since it was kept in memory only: {reason}"
        );
    }

    /// An attempt failed and is made again: the `attempts`th at its message, the `failures`th in a row.
    pub fn failed(&mut self, failures: u32, attempts: u32, reason: &str, now: Instant) {
        self.counts.retried.add(1);
        self.counts.failing.set(true);
        let sink = &*self.sink;
        if failures == 1 {
            tracing::warn!(sink, "message not delivered, will be tried again: {reason}");
        } else {
            tracing::debug!(sink, attempts, "message not delivered: {reason}");
        }
        let failing_for = now.duration_since(*self.failing_since.get_or_insert(now));
        // Said at every failure from then on: the alert lasts for as long as the sink fails.
        if failing_for >= ALERT_AFTER {
            let (cause, minutes) = (outbound::class(reason), failing_for.as_secs() / 60);
            let text = format!("sink `{sink}` has not been reached for {minutes} minutes: {reason}");
            self.report(Kind::SinkFailing, text, |alert| alert.with("cause", cause).with("reason", reason));
            self.failing.open();
        }
    }

    /// An attempt showed that the sink accepts nothing before somebody repairs it.
    pub fn parked(&mut self, failures: u32, reason: &str) {
        self.counts.retried.add(1);
        self.counts.parked.set(true);
        let sink = &*self.sink;
        // Said at every probe: the alert lasts for as long as the sink is parked.
        let text = format!("sink `{sink}` is parked, its messages wait: {reason}");
        self.report(Kind::SinkParked, text, |alert| alert.with("reason", reason));
        let again = self.parked.open();
        let sink = &*self.sink;
        if again {
            tracing::debug!(sink, attempts = failures, "sink still parked: {reason}");
        } else {
            let every = duration::show(PROBE_EVERY);
            tracing::error!(
                sink,
                "sink parked, it accepts nothing until it is repaired; its messages wait, one is tried every {every}: {reason}"
            );
        }
    }

    /// The sink answers.
    fn answered(&mut self, failures: u32) {
        self.failing_since = None;
        self.counts.failing.set(false);
        self.counts.parked.set(false);
        if failures > 0 {
            tracing::info!(sink = &*self.sink, attempts = failures, "sink reachable again");
        }
        let text = format!("sink `{}` is reachable again", self.sink);
        if self.parked.close() {
            self.report(Kind::SinkParked, text.clone(), SelfAlert::resolved);
        }
        if self.failing.close() {
            self.report(Kind::SinkFailing, text, SelfAlert::resolved);
        }
    }

    fn report(&self, kind: Kind, text: String, more: impl FnOnce(SelfAlert) -> SelfAlert) {
        self.telemetry.report(more(SelfAlert::new(kind, text).with("sink", &self.sink)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Event {
        Delivered,
        Refused,
        /// Seconds since the start.
        Failed(u64),
        Parked,
    }

    /// What is reported after each event: the self-alert, and whether it resolves.
    #[test]
    fn self_alerts_open_and_close_with_the_sink() {
        use Event::{Delivered, Failed, Parked, Refused};
        use Kind::{DeadLetter, SinkFailing, SinkParked};
        let both_resolved: &[_] = &[(SinkParked, true), (SinkFailing, true)];
        for events in [
            // The first success closes what the run before may have left open, and the second nothing.
            &[(Delivered, both_resolved), (Delivered, &[])][..],
            &[
                (Refused, &[(SinkParked, true), (SinkFailing, true), (DeadLetter, false)]),
                (Refused, &[(DeadLetter, false)]),
            ],
            &[
                (Delivered, both_resolved),
                (Failed(0), &[]),
                (Failed(299), &[]),
                (Failed(300), &[(SinkFailing, false)]),
                (Failed(301), &[(SinkFailing, false)]),
                (Delivered, &[(SinkFailing, true)]),
                // The time begins anew.
                (Failed(600), &[]),
                (Delivered, &[]),
            ],
            &[
                (Delivered, both_resolved),
                (Parked, &[(SinkParked, false)]),
                (Parked, &[(SinkParked, false)]),
                (Failed(0), &[]),
                (Delivered, &[(SinkParked, true)]),
            ],
        ] {
            let (telemetry, start) = (Telemetry::default(), Instant::now());
            let mut account = Account::new("ops", telemetry.clone());
            for (number, (event, expected)) in events.iter().enumerate() {
                match event {
                    Delivered => account.delivered(0),
                    Refused => account.refused(0, "1", "status 400"),
                    Failed(at_s) => account.failed(1, 1, "status 503", start + Duration::from_secs(*at_s)),
                    Parked => account.parked(1, "status 410"),
                }
                let reported: Vec<_> =
                    telemetry.take_self_alerts().iter().map(|it| (it.kind, it.resolved)).collect();
                assert_eq!(reported, *expected, "{number}");
            }
        }
    }

    #[test]
    fn counters_follow_the_outcomes() {
        let telemetry = Telemetry::default();
        let counts = telemetry.meter().sink("ops");
        let mut account = Account::new("ops", telemetry);
        let seen = || {
            let numbers = [&counts.delivered, &counts.retried, &counts.refused].map(|count| count.get());
            (numbers, counts.failing.get(), counts.parked.get())
        };
        account.failed(1, 1, "dns: no such name", Instant::now());
        assert_eq!(seen(), ([0, 1, 0], true, false));
        account.parked(2, "status 404");
        assert_eq!(seen(), ([0, 2, 0], true, true));
        account.delivered(2);
        assert_eq!(seen(), ([1, 2, 0], false, false));
        account.refused(0, "1", "status 400");
        account.refused_in_memory(0, "status 400");
        assert_eq!(seen(), ([1, 2, 2], false, false));
    }

    #[test]
    fn a_self_alert_names_the_sink_the_class_and_the_reason() {
        let telemetry = Telemetry::default();
        let (mut account, start) = (Account::new("ops", telemetry.clone()), Instant::now());
        account.failed(1, 1, "dns: no such name", start);
        account.failed(2, 2, "dns: no such name", start + Duration::from_secs(7 * 60));
        let reported = telemetry.take_self_alerts();
        assert_eq!(reported[0].text, "sink `ops` has not been reached for 7 minutes: dns: no such name");
        for (field, value) in [("sink", "ops"), ("cause", "dns"), ("reason", "dns: no such name")] {
            assert_eq!(reported[0].fields[field], value);
        }
    }
}
