//! From bytes that appear to what is to be committed: reads, correlates, and collects what is pending.
//!
//! Time comes in as an argument, so that [`Watch`](super::Watch) and the tests drive the same thing. What a
//! turn came to is in memory until [`Pipeline::commit`] hands it to the store, all of it in one transaction.

mod pass;
mod poison;
mod records;
mod self_monitor;
mod sources;
mod streams;

use std::collections::BTreeMap;
use std::mem::{replace, take};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

#[cfg(test)]
pub(crate) use self::pass::{POISON, POISON_LATER};
#[cfg(test)]
pub(super) use self::records::ByLevel;
use self::records::Records;
use self::self_monitor::SelfMonitor;
use self::streams::Streams;
use super::{Quarantine, Setup, control};
use crate::correlate::{Correlator, Moment, Notice, OpenAlert};
use crate::doctor::confirm::Confirmer;
use crate::model::alert::OutboxMessage;
use crate::model::release::Release;
use crate::source::contract::Source;
use crate::store::{Commit, Durability, Store, StoreError};
use crate::telemetry::Telemetry;
use crate::telemetry::overview::{ALERTS_MAX, Knowledge, Muted, Snapshot};
use crate::telemetry::self_alert::{Kind, SelfAlert};

/// A store that had nothing to take for so long is asked all the same whether it can: a disk that
/// fails is to be known before there is something to lose.
pub(super) const PROVE_EVERY: Duration = Duration::from_secs(30);

/// A moment by every clock there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// By the clock that files are looked at.
    pub instant: Instant,
    /// By those of alerts and of the box.
    pub moment: Moment,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// With nothing more to read.
    Done,
    /// With more to read.
    More,
    /// With a commit that the store refused.
    Refused,
}

/// What the store has taken, for those who wait for it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// There are messages to be sent.
    pub messages: bool,
    /// There are other positions.
    pub positions: bool,
}

/// The reading side of a watch, but for its clocks and its thread.
#[derive(Debug)]
pub(super) struct Pipeline<S> {
    pub setup: Arc<Setup>,
    pub store: Arc<Store>,
    /// Counters, health and self-alerts.
    pub telemetry: Telemetry,
    pub source: S,
    /// What is known of the streams between two chunks of them.
    pub streams: Streams,
    /// Records that were read and are not counted yet.
    pub records: Records,
    pub correlator: Correlator,
    pub confirmer: Option<Confirmer>,
    /// What is to be handed to the store, …
    pub pending: Commit,
    /// … and what has been, until the store has taken it: it is repeated as it is, under its number.
    pub handed: Option<Commit>,
    /// The number of the last commit.
    pub number: u64,
    /// What it took since somebody asked.
    pub taken: Taken,
    /// What goes to sinks past the outbox, for that cannot be written.
    pub urgent: Vec<(String, OutboxMessage)>,
    /// The store took something then.
    pub proven_at: Instant,
    /// The first stream whose turn it is, where a turn ended before all had theirs.
    pub next_turn: u64,
    /// The release of the programs that write each source, where a line said it since this start.
    pub releases: BTreeMap<String, Release>,
    /// The last commit was refused; said once.
    pub refused: bool,
    pub self_monitor: SelfMonitor,
    /// What those who look render alerts with.
    pub knowledge: Arc<Knowledge>,
    pub quarantine: Quarantine,
}

impl<S: Source> Pipeline<S> {
    /// Takes up where the store says the last run ended; so does `source`, already.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn new(
        source: S,
        setup: Arc<Setup>,
        store: Arc<Store>,
        telemetry: Telemetry,
        quarantine: Quarantine,
        now: Instant,
    ) -> Result<Pipeline<S>, StoreError> {
        let open = store.alerts()?.into_iter().filter_map(|(fingerprint, row)| {
            // A row of an older or newer shape opens anew with its next finding.
            let alert = OpenAlert::decode(&row);
            if alert.is_none() {
                tracing::warn!(fingerprint, "skipped an open alert in the state that cannot be read; it opens again with its next finding");
            }
            Some((fingerprint, alert?))
        });
        let mut correlator = Correlator::new(setup.policy, open);
        correlator.set_silences(control::silences(&store)?);
        let (catalogue, vars) = (setup.detector.catalogue().clone(), setup.vars.clone());
        let knowledge = Arc::new(Knowledge { catalogue, vars });
        let self_monitor = SelfMonitor::going_on_with(&correlator);
        let number = store.committed()?;
        let confirmer = setup.examine.clone().map(Confirmer::start);
        Ok(Pipeline {
            setup,
            store,
            telemetry,
            source,
            streams: Streams::default(),
            records: Records::default(),
            correlator,
            confirmer,
            pending: Commit::default(),
            handed: None,
            number,
            taken: Taken::default(),
            urgent: Vec::new(),
            proven_at: now,
            next_turn: 0,
            releases: BTreeMap::new(),
            refused: false,
            self_monitor,
            knowledge,
            quarantine,
        })
    }

    /// Looks at the streams; what is wrong with them, each of which has been reported.
    pub fn sweep(&mut self, now: Instant) -> Vec<S::Trouble> {
        let troubles = self.source.sweep(now);
        troubles.iter().for_each(|trouble| self.report_trouble(trouble));
        troubles
    }

    /// Reads every stream that is ready, each for a while, until `is_spent` says after a chunk that others wait.
    pub fn turn(&mut self, now: Now, mut is_spent: impl FnMut() -> bool) -> Turn {
        let mut turn = Turn::Done;
        let mut ready = self.source.ready(now.instant);
        let had_their_turn = ready.partition_point(|&id| id < self.next_turn);
        ready.rotate_left(had_their_turn);
        self.next_turn = 0;
        for id in ready {
            let mut chunks = 0;
            while chunks < pass::CHUNKS_MAX {
                match self.chunk(id, now) {
                    pass::Step::None => break,
                    pass::Step::Settled => {}
                    pass::Step::PassedOver => {
                        // Whatever breaks next, this is behind us, and told once.
                        self.hear(now);
                        if !self.commit(now) {
                            return Turn::Refused;
                        }
                    }
                }
                chunks += 1;
                if is_spent() {
                    self.next_turn = id + 1;
                    return Turn::More;
                }
            }
            if chunks == pass::CHUNKS_MAX {
                turn = Turn::More;
            }
        }
        turn
    }

    /// Tells what is due because time passed.
    pub fn tick(&mut self, now: Now) {
        let notices = self.correlator.tick(now.moment.steady);
        notices.iter().for_each(|notice| self.tell_due(notice));
        self.telemetry.meter().held_back.add(self.correlator.take_held_back());
    }

    /// Shows the open alerts to whoever asked.
    pub fn show(&self, now: Now) {
        let Now { instant, moment } = now;
        self.telemetry.overview().answer(instant, || {
            let alerts = self.correlator.gravest(ALERTS_MAX);
            Snapshot {
                wall: moment.wall,
                at: instant,
                muted: muted(&self.correlator, &alerts, moment.steady),
                alerts,
                open: self.correlator.told_by_severity(),
                knowledge: self.knowledge.clone(),
            }
        });
    }

    /// Hands everything that changed to the store at once; whether the store has it now.
    pub fn commit(&mut self, now: Now) -> bool {
        // What is handed over is not changed any more: it may be there already.
        if self.handed.is_some() && !self.hand_over(now) {
            return false;
        }
        let positions = self.source.changed();
        self.streams.forget(&positions);
        self.pending.positions.extend(positions);
        let alerts = self.correlator.changes().into_iter();
        self.pending.alerts.extend(alerts.map(|(id, open)| (id, open.map(|alert| alert.encode()))));
        let silences = self.correlator.silence_changes().into_iter();
        self.pending
            .silences
            .extend(silences.map(|(id, silence)| (id, silence.map(|silence| silence.encode()))));
        let is_proven = now.instant.saturating_duration_since(self.proven_at) < PROVE_EVERY;
        if self.pending.is_empty() && is_proven {
            return true;
        }
        self.number += 1;
        self.records.hand();
        self.handed = Some(Commit { number: Some(self.number), ..take(&mut self.pending) });
        self.hand_over(now)
    }

    /// Hands over what was not taken yet; whether the store has it now.
    fn hand_over(&mut self, now: Now) -> bool {
        let Some(commit) = &self.handed else { return true };
        if let Err(error) = self.store.commit(commit, Durability::Now, now.moment.wall) {
            self.telemetry.meter().commits_refused.add(1);
            self.telemetry.health().set_writable(Err(error.to_string()));
            if !replace(&mut self.refused, true) {
                tracing::error!("{error}; reading is paused until the state can be written");
                self.telemetry.report(SelfAlert::new(Kind::StateUnwritable, error.to_string()));
                self.hear(now);
            }
            return false;
        }
        self.taken.messages |= !commit.messages.is_empty();
        self.taken.positions |= !commit.positions.is_empty();
        self.handed = None;
        self.records.taken(self.telemetry.meter());
        self.proven_at = now.instant;
        self.telemetry.health().set_writable(Ok(()));
        if take(&mut self.refused) {
            let text = "the state can be written again, reading continues";
            tracing::info!("{text}");
            self.telemetry.report(SelfAlert::new(Kind::StateUnwritable, text).resolved());
        }
        true
    }
}

/// Those of `alerts` whose messages are held back.
fn muted(correlator: &Correlator, alerts: &[Notice], now: Timestamp) -> BTreeMap<String, Muted> {
    let muted = alerts.iter().map(|alert| {
        let (silenced, ack) = correlator.muting(&alert.fingerprint, now);
        let left = silenced.map(|until| Duration::try_from(until.duration_since(now)).unwrap_or_default());
        (
            alert.fingerprint.clone(),
            Muted { silenced_for: left, acknowledged_by: ack.map(|ack| ack.who.clone()) },
        )
    });
    muted.filter(|(_, muted)| *muted != Muted::default()).collect()
}
