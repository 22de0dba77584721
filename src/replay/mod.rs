//! The engine over files that are already written: all cores, findings in order.
//!
//! The work is cut into units: a plain file into segments at record starts, an archive or a pipe
//! whole. Workers take units in order and run them side by side; the caller's thread puts their
//! findings back into order. The result does not depend on the number of threads.

mod ahead;
pub(crate) mod bars;
mod block;
pub(crate) mod failures;
mod history;
mod levels;
pub(crate) mod report;
mod segment;
pub(crate) mod span;
mod unit;
mod window;

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use jiff::Timestamp;

use crate::detect::{Detector, Found, Observe, Occurrence, Stream};
use crate::frame::End;
use crate::model::finding::{Finding, Summary};
use crate::model::release::Release;
use crate::source::archive::{Input, Unreadable};

pub use failures::{Failures, Story};
pub use history::History;
pub use levels::{ByLevel, Levels};
use unit::{Opened, Unit};
use window::Window;

/// Messages a unit may be ahead of the output. With it the memory of a replay is bounded.
const BATCHES_MAX: usize = 8;
/// Findings a message may hold.
const BATCH_FINDINGS_MAX: usize = 64;
/// Observations a message may hold, and those of one more buffer: a worker is ahead by a whole unit of a usual log.
const BATCH_OBSERVED_MAX: usize = 16 * 1024;

/// What to replay, and how.
#[derive(Debug)]
pub struct Replay<'d> {
    detector: &'d Detector,
    units: Vec<Unit>,
    /// Units run side by side. With more than one, what is compressed is decompressed by a thread of its own.
    pub threads: usize,
    /// Only findings written at or after this. Findings whose time nobody knows are kept.
    pub since: Option<Timestamp>,
    /// Only findings written before this.
    pub until: Option<Timestamp>,
    /// Collects what alerts need besides: so many lines around each record, and what ends a state.
    pub for_alerts: Option<usize>,
    /// Collects what ends a state behind a finding that is one, which costs nothing where there is none.
    pub for_failures: bool,
}

/// What a replay tells its caller, in order.
#[derive(Debug)]
pub enum Event<'a, O = ()> {
    /// A finding in the file of this path.
    Finding(&'a str, Box<Occurrence>),
    /// What was observed of the next records in the file of this path. Their lines are counted from where a piece of the
    /// file begins; so many lines stand before that.
    Observed(&'a str, u64, Vec<O>),
    /// A file that could not be read, or not to its end.
    Unreadable(&'a str, io::Error),
    /// So many more bytes of the inputs are done with, as they are stored.
    Read(u64),
}

impl<'d> Replay<'d> {
    /// A replay of `inputs`, in this order, on one thread.
    pub fn new(detector: &'d Detector, inputs: Vec<Result<Input, Unreadable>>) -> Replay<'d> {
        let units = inputs.into_iter().flat_map(Unit::of).collect();
        Replay {
            detector,
            units,
            threads: 1,
            since: None,
            until: None,
            for_alerts: None,
            for_failures: false,
        }
    }

    /// Bytes of all inputs as they are stored, as far as that is known.
    pub fn bytes_stored(&self) -> u64 {
        self.units.iter().map(|unit| unit.stored).sum()
    }

    /// Reads everything and tells `tell` of it, in order.
    ///
    /// # Errors
    ///
    /// What `tell` returns ends the replay and is returned.
    pub fn run<E>(&self, tell: impl FnMut(Event<'_>) -> Result<(), E>) -> Result<Summary, E> {
        self.run_observed(&(), tell)
    }

    /// The same, and tells what `observe` makes of each record: the findings of some stretch and then its observations,
    /// each kind in the order of the log.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn run_observed<O: Observe, E>(
        &self,
        observe: &O,
        mut tell: impl FnMut(Event<'_, O::Observation>) -> Result<(), E>,
    ) -> Result<Summary, E> {
        let started = Instant::now();
        let (senders, receivers): (Vec<_>, Vec<_>) =
            self.units.iter().map(|_| sync_channel(BATCHES_MAX)).unzip();
        let work = self.units.iter().zip(senders).map(|work| Mutex::new(Some(work))).collect();
        let queue = Queue { next: AtomicUsize::new(0), work };
        let mut merge = Merge::default();
        std::thread::scope(|scope| {
            for _ in 0..self.threads.clamp(1, self.units.len().max(1)) {
                scope.spawn(|| self.work(&queue, observe));
            }
            // On an early return the receivers are dropped, which ends the workers.
            let mut merged = self.units.iter().zip(receivers);
            merged.try_for_each(|(unit, batches)| merge.unit(unit, batches, &mut tell))
        })?;
        merge.summary.seconds = started.elapsed().as_secs_f64();
        Ok(merge.summary)
    }

    fn work<O: Observe>(&self, queue: &Queue<'_, O::Observation>, observe: &O) {
        let mut window = Window::new();
        while let Some((unit, sender)) = queue.take() {
            if self.unit(unit, &mut window, &sender, observe).is_err() {
                return;
            }
        }
    }

    /// Runs one unit; an error says that nobody listens any more.
    fn unit<O: Observe>(
        &self,
        unit: &Unit,
        window: &mut Window,
        sender: &SyncSender<Batch<O::Observation>>,
        observe: &O,
    ) -> Result<(), Closed> {
        let mut batch = Batch::new();
        match unit.open(self.threads > 1) {
            Ok(opened) => {
                window.clear();
                batch = self.read(opened, window, unit, sender, observe)?;
            }
            Err(error) => batch.error = Some(error),
        }
        batch.is_last = true;
        sender.send(batch).map_err(|_| Closed)
    }

    /// Reads a unit to its end, or to where it cannot be read any further; what is left to send.
    fn read<O: Observe>(
        &self,
        opened: Opened,
        window: &mut Window,
        unit: &Unit,
        sender: &SyncSender<Batch<O::Observation>>,
        observe: &O,
    ) -> Result<Batch<O::Observation>, Closed> {
        let mut batch = Batch::new();
        let Opened { mut source, progress: start, before } = opened;
        let mut stream = Stream::resume(self.detector, start.clone());
        stream.recall(&before);
        match (self.for_alerts, self.for_failures) {
            (Some(_), _) => stream.expect_ends(),
            (None, true) => {}
            (None, false) => stream.findings_only(),
        }
        loop {
            let read = window.fill(&mut source);
            let end = if matches!(read, Ok(1..)) { End::More } else { End::Final };
            let bytes = window.unread();
            let has_open_line = end == End::Final && bytes.last().is_some_and(|&byte| byte != b'\n');
            let keep = |found: Found<'_>| {
                if self.is_wanted(&found.finding) {
                    let lines = self.for_alerts.unwrap_or_default();
                    batch.findings.push(Occurrence::of(found, &unit.path, lines, self.detector));
                }
            };
            let settled = stream.advance_observed(bytes, end, keep, observe, &mut batch.observed);
            window.settle(settled);
            let progress = stream.progress();
            batch.bytes = progress.offset - start.offset;
            batch.lines = progress.line - start.line + u64::from(has_open_line);
            batch.release = stream.release();
            if end == End::Final {
                batch.error = read.err();
                return Ok(batch);
            }
            let is_due =
                batch.findings.len() >= BATCH_FINDINGS_MAX || (unit.is_pipe() && !batch.findings.is_empty());
            if is_due || batch.observed.len() >= BATCH_OBSERVED_MAX {
                sender.send(std::mem::replace(&mut batch, Batch::new())).map_err(|_| Closed)?;
            }
        }
    }

    fn is_wanted(&self, finding: &Finding) -> bool {
        finding.near.is_none_or(|near| {
            self.since.is_none_or(|since| near.instant >= since)
                && self.until.is_none_or(|until| near.instant < until)
        })
    }
}

/// A unit, and where its findings go.
type Work<'u, O> = (&'u Unit, SyncSender<Batch<O>>);

/// The units of a replay, handed out in order.
struct Queue<'u, O> {
    next: AtomicUsize,
    work: Vec<Mutex<Option<Work<'u, O>>>>,
}

impl<'u, O> Queue<'u, O> {
    fn take(&self) -> Option<Work<'u, O>> {
        let work = self.work.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        // Nothing panics while it holds the lock, and every place is taken once.
        work.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }
}

/// Nobody listens to the findings any more.
struct Closed;

/// What a worker found in a part of a unit.
struct Batch<O> {
    findings: Vec<Occurrence>,
    observed: Vec<O>,
    /// Bytes and lines of the unit so far.
    bytes: u64,
    lines: u64,
    is_last: bool,
    /// The release of the programs that write the file, where a line of the unit so far said it.
    release: Option<Release>,
    error: Option<io::Error>,
}

impl<O> Batch<O> {
    fn new() -> Batch<O> {
        let (findings, observed) = (Vec::new(), Vec::new());
        Batch { findings, observed, bytes: 0, lines: 0, is_last: false, release: None, error: None }
    }
}

/// Puts what the workers found back into order.
#[derive(Debug, Default)]
struct Merge {
    summary: Summary,
    /// Lines of the file before the unit at hand.
    lines_before: u64,
    /// The release that the units before said.
    release: Option<Release>,
}

impl Merge {
    fn unit<O, E>(
        &mut self,
        unit: &Unit,
        batches: Receiver<Batch<O>>,
        tell: &mut impl FnMut(Event<'_, O>) -> Result<(), E>,
    ) -> Result<(), E> {
        if unit.is_first {
            self.summary.files += 1;
            self.lines_before = 0;
            self.release = None;
        }
        let (mut bytes, mut lines, mut release) = (0, 0, None);
        for batch in batches {
            for mut seen in batch.findings {
                seen.finding.place.line += self.lines_before;
                seen.names.release = seen.names.release.or(self.release);
                if !seen.ends {
                    self.summary.findings += 1;
                    *self.summary.by_signature.entry(seen.finding.signature.clone()).or_default() += 1;
                }
                tell(Event::Finding(&unit.path, Box::new(seen)))?;
            }
            if !batch.observed.is_empty() {
                tell(Event::Observed(&unit.path, self.lines_before, batch.observed))?;
            }
            (bytes, lines, release) = (batch.bytes, batch.lines, batch.release);
            if batch.is_last {
                tell(Event::Read(unit.stored))?;
            }
            if let Some(error) = batch.error
                && self.summary.unreadable.last() != Some(&unit.path)
            {
                self.summary.unreadable.push(unit.path.clone());
                tell(Event::Unreadable(&unit.path, error))?;
            }
        }
        self.lines_before += lines;
        self.release = release.or(self.release);
        self.summary.bytes += bytes;
        self.summary.lines += lines;
        Ok(())
    }
}
