//! What sealtail says of itself: complaints become alerts like those of logs.
//!
//! They go through the same correlation and the same outbox. While the store cannot be written there
//! is no outbox: then they go to the sinks from memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Now, Pipeline};
use crate::correlate::{Notice, Sighting};
use crate::frame::LINE_BYTES_MAX;
use crate::model::alert::{Context, OutboxMessage};
use crate::model::finding::Finding;
use crate::model::position::{Mode, Progress};
use crate::model::record::{Names, Place};
use crate::source::tail::Trouble;
use crate::store::StoreError;
use crate::telemetry::meter::Kept;
use crate::telemetry::self_alert::{Ailment, Complaint};

/// The source that alerts about sealtail itself belong to.
const SOURCE: &str = "sealtail";
/// How far ahead of the clock a record's time may be.
const SKEW_MAX: Duration = Duration::from_secs(5 * 60);
/// What is wrong with all of a file is complained of so often at most.
const AGAIN_EVERY: Duration = Duration::from_secs(60);
/// Last complaints that are remembered; with more, some are made too often.
const LATELY_MAX: usize = 1_000;

/// Among very many files a look at all of them takes long. The next waits so many times as long.
const LEVELS_COST: u32 = 1_000;
/// Files of which a line too long is told; beyond it they are only counted.
const CUT_MAX: usize = 1_000;

/// What has been said so far.
#[derive(Debug, Default)]
pub(in crate::watch) struct Own {
    /// Bytes lost, by path.
    lost: BTreeMap<String, u64>,
    /// When the levels of sources are looked at again.
    levels_due: Option<Instant>,
    /// Files of which a line too long was told.
    cut: HashSet<String>,
    /// When a file was last complained of, by what is wrong with it.
    lately: HashMap<(Ailment, String), Instant>,
}

/// Whether a notice is about this sink.
pub(in crate::watch) fn is_about(notice: &Notice, sink: &str) -> bool {
    notice.signature().starts_with("sealtail/")
        && notice.group().get("sink").is_some_and(|named| named == sink)
}

impl Pipeline {
    /// Takes the complaints that were left and tells what follows from them.
    pub(in crate::watch) fn hear(&mut self, now: Now) {
        for complaint in self.desk.take() {
            self.raise(complaint, now);
        }
    }

    fn raise(&mut self, complaint: Complaint, now: Now) {
        let setup = self.setup.clone();
        let Complaint { ailment, fields, path, text, over } = complaint;
        // Disabled by the operator: the log and the counter have it.
        let Some(signature) = setup.detector.catalogue().get(ailment.page()) else { return };
        let finding = Finding {
            signature: signature.id.clone(),
            severity: signature.severity,
            place: Place { line: 1, offset: 0, length: 0 },
            time: None,
            near: None,
            level: None,
            fields,
            record: text,
        };
        let (host, context, names) = (&*setup.host, Context::default(), Names::default());
        let sighting =
            Sighting { signature, finding, ends: over, host, source: SOURCE, path: &path, context, names };
        for notice in &self.correlator.observe(vec![sighting], now.moment) {
            if self.refused { self.tell_from_memory(notice, now) } else { self.tell(notice) }
        }
    }

    /// Has a notice go to the sinks at once, for the outbox cannot be written.
    fn tell_from_memory(&mut self, notice: &Notice, now: Now) {
        self.desk.meter().alerts.add(1);
        for message in self.messages(notice) {
            let random = [(); 2].map(|()| getrandom::u64().unwrap_or_default());
            let id = format!("{:016x}{:016x}", random[0], random[1]);
            let letter = OutboxMessage { id, created: now.moment.wall.to_string(), message: message.message };
            self.urgent.push((message.sink, letter));
        }
    }

    /// Logs what the tail tells of a file, and complains where somebody has to know.
    pub(in crate::watch) fn complain_of(&mut self, trouble: &Trouble) {
        if trouble.is_loss() {
            tracing::error!("{trouble}");
        } else {
            tracing::warn!("{trouble}");
        }
        let complaint = match trouble {
            Trouble::Gap { path, offset, bytes } => self.loss(trouble.to_string(), path, *offset, *bytes),
            Trouble::Released { path, offset, unread, .. } => {
                self.loss(trouble.to_string(), path, *offset, Some(*unread))
            }
            Trouble::Denied { path } | Trouble::Unreadable { path, .. } | Trouble::NoDescriptors { path } => {
                Complaint::new(Ailment::FileUnreadable, trouble.to_string()).at(path.display())
            }
            Trouble::NotRegular { .. } | Trouble::Own { .. } => return,
        };
        self.desk.post(complaint);
    }

    /// Tells of bytes that the engine broke on.
    pub(in crate::watch) fn complain_of_poison(&mut self, path: &str, offset: u64, bytes: u64) {
        let text = format!(
            "{path} at {offset}: {bytes} bytes are passed over, for sealtail broke on them; this is a fault of its own"
        );
        tracing::error!("{text}");
        let complaint = self.loss(text, Path::new(path), offset, Some(bytes));
        self.desk.post(complaint);
    }

    /// Counts bytes that are lost, and makes the complaint.
    fn loss(&mut self, text: String, path: &Path, offset: u64, bytes: Option<u64>) -> Complaint {
        let path = path.display().to_string();
        let meter = self.desk.meter();
        meter.gaps.add(1);
        meter.lost_bytes.add(bytes.unwrap_or(0));
        let total = self.own.lost.entry(path.clone()).or_default();
        *total += bytes.unwrap_or(0);
        let bytes = bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
        let complaint = Complaint::new(Ailment::BytesLost, text).at(path);
        complaint.with("offset", offset).with("bytes", bytes).with("total", *total)
    }

    /// Takes note of how things are with the sources and the outbox.
    pub(in crate::watch) fn measure(&mut self, now: Instant) {
        let meter = self.desk.meter();
        if self.own.levels_due.is_none_or(|due| due <= now) {
            let begun = Instant::now();
            meter.see_sources(self.tail.levels(), now);
            self.own.levels_due = Some(now + begun.elapsed() * LEVELS_COST);
        }
        meter.open_alerts.set(self.correlator.told() as u64);
        // A store that cannot be asked leaves what was seen last.
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

    /// Counts what one chunk came to, and tells of a line that was too long: once a file.
    pub(in crate::watch) fn count(&mut self, path: &str, before: &Progress, after: &Progress) {
        let meter = self.desk.meter();
        meter.bytes.add(after.offset.saturating_sub(before.offset));
        meter.lines.add(after.line.saturating_sub(before.line));
        if after.mode != Mode::Skip || before.mode == Mode::Skip {
            return;
        }
        meter.cut_lines.add(1);
        if self.own.cut.len() < CUT_MAX && self.own.cut.insert(path.to_owned()) {
            let (line, limit) = (after.line, LINE_BYTES_MAX);
            tracing::warn!(
                "line {line} of {path} has more than {limit} bytes: only these are searched; \
                 further lines of this file that are too long are counted, not told"
            );
        }
    }

    /// Complains of a log whose times lie ahead of the clock. Times that lie behind it are no sign of
    /// anything: a log may be read long after it was written.
    pub(in crate::watch) fn check_clock(&mut self, record: &[Sighting<'_>], now: Now) {
        let mut found = record.iter().filter(|sighting| !sighting.ends);
        let ahead = found.find_map(|sighting| {
            let time = sighting.finding.time.as_ref()?;
            let ahead = Duration::try_from(time.instant.duration_since(now.moment.wall)).ok()?;
            (ahead > SKEW_MAX).then_some((sighting.path, time.to_string()))
        });
        let Some((path, time)) = ahead else { return };
        let text = || format!("{path} has a record of {time}, which lies ahead of this box's clock");
        self.complain_lately(Ailment::ClockSkew, path, now, text, |complaint| complaint.with("time", &time));
    }

    /// Complains of a log in UTF-16, in which nothing can be found.
    pub(in crate::watch) fn complain_of_encoding(&mut self, path: &str, now: Now) {
        let text = || format!("{path} is written in UTF-16, so nothing can be found in it");
        self.complain_lately(Ailment::FileUtf16, path, now, text, |complaint| complaint);
    }

    /// Complains of what is wrong with all of a file: logged once, and complained of while it lasts.
    fn complain_lately(
        &mut self,
        ailment: Ailment,
        path: &str,
        now: Now,
        text: impl Fn() -> String,
        with: impl Fn(Complaint) -> Complaint,
    ) {
        let key = (ailment, path.to_owned());
        let told = self.own.lately.get(&key);
        if told.is_some_and(|told| now.instant.saturating_duration_since(*told) < AGAIN_EVERY) {
            return;
        }
        if self.own.lately.len() >= LATELY_MAX {
            self.own.lately.clear();
        }
        if self.own.lately.insert(key, now.instant).is_none() {
            tracing::warn!("{}", text());
        }
        self.desk.post(with(Complaint::new(ailment, text()).at(path)));
    }
}
