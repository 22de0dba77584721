//! Self-alerts and measurements of the reading side.
//!
//! A self-alert goes through the same correlation and the same outbox as a finding in a log. While the state cannot be
//! written there is no outbox: it then goes to the sinks from memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use super::sources::{Ongoing, REPORT_EVERY};
use super::{Now, Pipeline};
use crate::correlate::{Correlator, Notice, Sighting};
use crate::frame::LINE_BYTES_MAX;
use crate::model::alert::{Context, OutboxMessage};
use crate::model::finding::Finding;
use crate::model::position::{Mode, Progress};
use crate::model::record::{Identity, Names, Place};
use crate::source::contract::{Effect, Source, Trouble};
use crate::store::StoreError;
use crate::telemetry::meter::Kept;
use crate::telemetry::self_alert::{Kind, SelfAlert};

/// The source that alerts about sealtail itself belong to.
const SOURCE: &str = "sealtail";
/// How far ahead of the clock a record's time may be.
const SKEW_MAX: Duration = Duration::from_secs(5 * 60);
/// Reports that are remembered; beyond it all are forgotten, so some come earlier than [`REPORT_EVERY`].
const REPORTED_MAX: usize = 1_000;

/// Measuring the sources takes long among very many files. The next measurement waits this many times as long.
const LEVELS_COST: u32 = 1_000;
/// Files whose first truncated line is logged; beyond it they are only counted.
const TRUNCATED_MAX: usize = 1_000;

/// What has been reported so far.
#[derive(Debug, Default)]
pub(in crate::watch) struct SelfMonitor {
    /// Bytes lost, by path.
    lost: BTreeMap<String, u64>,
    /// When the sources are measured again.
    levels_due: Option<Instant>,
    /// Sources that name no file or are silent.
    pub(super) sources: Ongoing,
    /// Files whose first truncated line was logged.
    truncated: HashSet<String>,
    /// When a file was last reported, by what is wrong with it.
    reported_at: HashMap<(Kind, String), Instant>,
}

impl SelfMonitor {
    /// One that goes on with what was told before.
    pub(in crate::watch) fn going_on_with(correlator: &Correlator) -> SelfMonitor {
        SelfMonitor { sources: Ongoing::of(correlator), ..SelfMonitor::default() }
    }
}

impl<S: Source> Pipeline<S> {
    /// Takes the self-alerts that were reported through the correlator.
    pub(in crate::watch) fn hear(&mut self, now: Now) {
        for self_alert in self.telemetry.take_self_alerts() {
            self.raise(self_alert, now);
        }
    }

    fn raise(&mut self, self_alert: SelfAlert, now: Now) {
        let setup = self.setup.clone();
        let SelfAlert { kind, fields, path, text, resolved } = self_alert;
        // Disabled by the operator: the log line and the counter remain.
        let Some(signature) = setup.detector.catalogue().get(kind.page()) else { return };
        let finding = Finding {
            signature: signature.id.clone(),
            severity: signature.severity,
            place: Place { line: 1, offset: 0, length: 0 },
            time: None,
            near: None,
            level: None,
            fields,
            identity: Identity::default(),
            record: text,
        };
        let (host, context, names) = (&*setup.host, Context::default(), Names::default());
        let sighting = Sighting {
            signature,
            finding,
            ends: resolved,
            host,
            source: SOURCE,
            path: &path,
            context,
            names,
        };
        for notice in &self.correlator.observe(vec![sighting], now.moment) {
            if self.refused { self.tell_from_memory(notice, now) } else { self.tell(notice) }
        }
    }

    /// Sends a notice to the sinks from memory, since the outbox cannot be written.
    fn tell_from_memory(&mut self, notice: &Notice, now: Now) {
        self.telemetry.meter().alerts.add(1);
        for message in self.messages(notice) {
            let random = [(); 2].map(|()| getrandom::u64().unwrap_or_default());
            let id = format!("{:016x}{:016x}", random[0], random[1]);
            let created = now.moment.wall.to_string();
            self.urgent.push((message.sink, OutboxMessage { id, created, message: message.message }));
        }
    }

    /// Logs a trouble with a file, and reports a self-alert where somebody has to act.
    pub(in crate::watch) fn report_trouble(&mut self, trouble: &S::Trouble) {
        let (text, effect) = (trouble.to_string(), trouble.effect());
        if matches!(effect, Effect::Lost { .. }) {
            tracing::error!("{text}");
        } else {
            tracing::warn!("{text}");
        }
        let self_alert = match effect {
            Effect::Lost { path, offset, bytes } => self.loss(text, path, offset, bytes),
            Effect::Unreadable { path } => SelfAlert::new(Kind::FileUnreadable, text).at(path.display()),
            Effect::Refused => return,
        };
        self.telemetry.report(self_alert);
    }

    /// Reports bytes that were skipped because the engine panicked on them.
    pub(in crate::watch) fn report_skipped(&mut self, path: &str, offset: u64, bytes: u64) {
        let text = format!(
            "{path}: skipped {bytes} bytes at offset {offset} that made sealtail panic; \
             this is a bug in sealtail, please report it"
        );
        tracing::error!("{text}");
        let self_alert = self.loss(text, Path::new(path), offset, Some(bytes));
        self.telemetry.report(self_alert);
    }

    /// Counts bytes that are lost, and makes their self-alert.
    fn loss(&mut self, text: String, path: &Path, offset: u64, bytes: Option<u64>) -> SelfAlert {
        let path = path.display().to_string();
        let meter = self.telemetry.meter();
        meter.gaps.add(1);
        meter.lost_bytes.add(bytes.unwrap_or(0));
        let total = self.self_monitor.lost.entry(path.clone()).or_default();
        *total += bytes.unwrap_or(0);
        let bytes = bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
        let self_alert = SelfAlert::new(Kind::BytesLost, text).at(path);
        self_alert.with("offset", offset).with("bytes", bytes).with("total", *total)
    }

    /// Measures the sources and the outbox.
    pub(in crate::watch) fn measure(&mut self, now: Instant) {
        let meter = self.telemetry.meter().clone();
        if self.self_monitor.levels_due.is_none_or(|due| due <= now) {
            let begun = Instant::now();
            meter.see_sources(self.source.levels(), now);
            self.self_monitor.levels_due = Some(now + begun.elapsed() * LEVELS_COST);
            self.watch_sources(now);
        }
        meter.open_alerts.set(self.correlator.told() as u64);
        meter.silences.set(self.correlator.silences().len() as u64);
        // A store that cannot be read leaves the last measurement.
        let Ok(strays) = self.store.sinks() else { return };
        let sinks = self.setup.sinks.iter().map(|sink| sink.name.clone()).chain(strays);
        let kept = sinks.map(|sink| {
            let (waiting, dead) = (self.store.waiting(&sink)?, self.store.dead(&sink)?);
            Ok((sink, Kept { waiting: waiting as u64, dead }))
        });
        if let Ok(kept) = kept.collect::<Result<_, StoreError>>() {
            meter.see_outbox(kept);
        }
    }

    /// Counts the bytes and lines of one chunk, and logs the first truncated line of a file.
    pub(in crate::watch) fn count(&mut self, path: &str, before: &Progress, after: &Progress) {
        let meter = self.telemetry.meter();
        meter.bytes.add(after.offset.saturating_sub(before.offset));
        meter.lines.add(after.line.saturating_sub(before.line));
        if after.mode != Mode::Skip || before.mode == Mode::Skip {
            return;
        }
        meter.cut_lines.add(1);
        if self.self_monitor.truncated.len() < TRUNCATED_MAX
            && self.self_monitor.truncated.insert(path.to_owned())
        {
            let (line, limit) = (after.line, LINE_BYTES_MAX);
            tracing::warn!(
                "{path}, line {line}: longer than {limit} bytes, only the first {limit} bytes are searched; \
                 further such lines of this file are counted and not logged"
            );
        }
    }

    /// Reports a log whose times are ahead of the clock. Times in the past mean nothing: a log may be read long
    /// after it was written.
    pub(in crate::watch) fn check_clock(&mut self, record: &[Sighting<'_>], now: Now) {
        let mut found = record.iter().filter(|sighting| !sighting.ends);
        let ahead = found.find_map(|sighting| {
            let time = sighting.finding.time.as_ref()?;
            let ahead = Duration::try_from(time.instant.duration_since(now.moment.wall)).ok()?;
            (ahead > SKEW_MAX).then_some((sighting.path, time.to_string()))
        });
        let Some((path, time)) = ahead else { return };
        let text = || format!("{path} has a record dated {time}, which is ahead of this box's clock");
        self.report_at_intervals(Kind::ClockSkew, path, now, text, |self_alert| {
            self_alert.with("time", &time)
        });
    }

    /// Reports a log in UTF-16, in which nothing can be found.
    pub(in crate::watch) fn report_encoding(&mut self, path: &str, now: Now) {
        let text =
            || format!("{path} is UTF-16, which sealtail does not search while following; write it as UTF-8");
        self.report_at_intervals(Kind::FileUtf16, path, now, text, |self_alert| self_alert);
    }

    /// Reports what is wrong with a whole file: logged once, and reported at intervals while it lasts.
    fn report_at_intervals(
        &mut self,
        kind: Kind,
        path: &str,
        now: Now,
        text: impl Fn() -> String,
        with: impl Fn(SelfAlert) -> SelfAlert,
    ) {
        let key = (kind, path.to_owned());
        let reported = self.self_monitor.reported_at.get(&key);
        if reported.is_some_and(|at| now.instant.saturating_duration_since(*at) < REPORT_EVERY) {
            return;
        }
        if self.self_monitor.reported_at.len() >= REPORTED_MAX {
            self.self_monitor.reported_at.clear();
        }
        if self.self_monitor.reported_at.insert(key, now.instant).is_none() {
            tracing::warn!("{}", text());
        }
        self.telemetry.report(with(SelfAlert::new(kind, text()).at(path)));
    }
}
