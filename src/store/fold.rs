//! Letters that wait become digests: because a sink's limit is reached, or because too much waits.
//!
//! Nothing is dropped, and every count stays exact. What waits for one sink has a cap in rows and in
//! bytes. Beyond it all letters are told by digests; and should even these grow too large, by one
//! that has a line a signature. So the state keeps its size for however long a sink is away.

use std::collections::BTreeSet;

use jiff::Timestamp;
use redb::{ReadableTable, Table, WriteTransaction};

use super::error::{Fault, StoreError};
use super::queue::{Lane, Slot};
use super::tables::{LETTER, OUTBOX};
use super::{Commit, Durability, Inner, Store, delivery_id, take_seqs};
use crate::model::alert::{Digest, Lang, Message, OutboxMessage};

/// What may wait for one sink before it is told by digests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cap {
    pub rows: usize,
    pub bytes: usize,
}

impl Cap {
    /// More than anyone reads one by one, and little for a disk.
    pub const DEFAULT: Cap = Cap { rows: 10_000, bytes: 64 << 20 };

    fn holds(self, rows: usize, bytes: usize) -> bool {
        rows <= self.rows && bytes <= self.bytes
    }
}

/// Alerts that one digest tells of, where nobody says otherwise.
const ALERTS_MAX: usize = 1_000;

/// A digest that took the places of rows.
struct Folded {
    rows: Vec<u64>,
    /// The row it stands in.
    place: u64,
    bytes: usize,
}

/// What a digest is begun with: its box, its language, and nothing told.
#[derive(Default)]
struct Draft {
    host: String,
    lang: Lang,
    digest: Digest,
}

impl Store {
    /// Puts what waits for `sink` into one digest, oldest first, until it tells of `alerts_max`
    /// alerts; the rest keeps waiting behind it. Does nothing if fewer than two letters wait, or if
    /// a digest is first already. Nothing may be on its way. Says how many letters went into the
    /// digest.
    ///
    /// # Errors
    ///
    /// The disk fails; nothing was changed.
    pub fn collapse(&self, sink: &str, alerts_max: usize, now: Timestamp) -> Result<usize, StoreError> {
        let mut inner = self.inner()?;
        let queue = inner.index.queue(sink);
        queue.give_back();
        if queue.len() < 2 || queue.first().is_some_and(|(_, slot)| slot.lane == Lane::Digest) {
            return Ok(0);
        }
        let seqs: Vec<u64> = queue.rows().map(|(seq, _)| seq).collect();
        let instance = inner.index.instance;
        let folded = self.write(&mut inner, Durability::Now, |transaction| {
            let mut tables = Tables::open(transaction, instance, now)?;
            let (count, draft) = tables.add_up(&seqs, alerts_max)?;
            if count < 2 { Ok(None) } else { tables.replace(sink, &seqs[..count], draft).map(Some) }
        })?;
        let count = folded.as_ref().map_or(0, |folded| folded.rows.len());
        inner.settle(sink, folded);
        Ok(count)
    }

    /// Makes digests of what waits for the sinks that `commit` put something in for, where it is too
    /// much. A disk that fails is no error here: what is too much is so after the next commit, too.
    pub(super) fn bound(&self, inner: &mut Inner, commit: &Commit, now: Timestamp) {
        let cap = self.cap;
        let sinks: BTreeSet<&str> = commit.messages.iter().map(|message| message.sink.as_str()).collect();
        for sink in sinks {
            let queue = inner.index.queue(sink);
            let (rows, bytes) = (queue.len(), queue.bytes());
            if cap.holds(rows, bytes) {
                continue;
            }
            match self.fold(inner, sink, now) {
                Ok(()) => {
                    let left = inner.index.queue(sink).len();
                    tracing::warn!(
                        sink,
                        rows,
                        bytes,
                        left,
                        "the outbox of this sink is full, its oldest messages were replaced by digests"
                    );
                }
                Err(error) => tracing::debug!(sink, "cannot replace waiting messages by digests: {error}"),
            }
        }
    }

    /// Makes digests of all that rests for `sink`; where that is not enough, one by signature.
    fn fold(&self, inner: &mut Inner, sink: &str, now: Timestamp) -> Result<(), StoreError> {
        let queue = inner.index.queue(sink);
        let resting: Vec<(u64, Slot)> = queue.resting().collect();
        let bytes_busy = queue.bytes() - resting.iter().map(|(_, slot)| slot.bytes).sum::<usize>();
        let (instance, cap) = (inner.index.instance, self.cap);
        let folded = self.write(inner, Durability::Now, |transaction| {
            let mut tables = Tables::open(transaction, instance, now)?;
            let mut folded = Vec::new();
            // A digest that is there already stays in its place, and those around it stay apart.
            for run in resting
                .chunk_by(|(_, one), (_, next)| [one, next].iter().all(|slot| slot.lane != Lane::Digest))
            {
                let seqs: Vec<u64> = run.iter().map(|(seq, _)| *seq).collect();
                tables.fold_run(sink, &seqs, &mut folded)?;
            }
            let gone: BTreeSet<u64> =
                folded.iter().flat_map(|folded: &Folded| folded.rows.iter().copied()).collect();
            let kept = resting.iter().filter(|(seq, _)| !gone.contains(seq));
            let kept: Vec<(u64, usize)> = kept.map(|(seq, slot)| (*seq, slot.bytes)).collect();
            let digests = folded.iter().map(|folded| (folded.place, folded.bytes));
            let mut left: Vec<(u64, usize)> = kept.into_iter().chain(digests).collect();
            left.sort_unstable();
            let bytes = bytes_busy + left.iter().map(|(_, bytes)| bytes).sum::<usize>();
            // Half a cap, or the next commit would be too much again.
            if !cap.holds(left.len() * 2, bytes * 2) {
                let seqs: Vec<u64> = left.into_iter().map(|(seq, _)| seq).collect();
                folded.extend(tables.fold_by_signature(sink, &seqs)?);
            }
            Ok(folded)
        })?;
        inner.settle(sink, folded);
        Ok(())
    }
}

impl Inner {
    /// Lets the queue follow what was folded.
    fn settle(&mut self, sink: &str, folded: impl IntoIterator<Item = Folded>) {
        let queue = self.index.queue(sink);
        for Folded { rows, place, bytes } in folded {
            rows.iter().for_each(|&seq| queue.remove(seq));
            queue.put(place, Slot::new(Lane::Digest, bytes));
        }
    }
}

/// The outbox inside a transaction.
struct Tables<'t> {
    transaction: &'t WriteTransaction,
    outbox: Table<'t, u64, (&'static str, &'static str, u32, i64)>,
    letters: Table<'t, u64, &'static [u8]>,
    instance: [u8; 16],
    now: Timestamp,
}

impl<'t> Tables<'t> {
    fn open(
        transaction: &'t WriteTransaction,
        instance: [u8; 16],
        now: Timestamp,
    ) -> Result<Tables<'t>, Fault> {
        let (outbox, letters) = (transaction.open_table(OUTBOX)?, transaction.open_table(LETTER)?);
        Ok(Tables { transaction, outbox, letters, instance, now })
    }

    /// Makes digests of a run of rows. A row that does not read back is left for whoever sends.
    fn fold_run(&mut self, sink: &str, mut seqs: &[u64], folded: &mut Vec<Folded>) -> Result<(), Fault> {
        while !seqs.is_empty() {
            let (count, draft) = self.add_up(seqs, ALERTS_MAX)?;
            if count > 1 {
                folded.push(self.replace(sink, &seqs[..count], draft)?);
            }
            seqs = &seqs[count.max(1)..];
        }
        Ok(())
    }

    /// Adds up the rows of `seqs` from the first on, one letter in memory at a time, and says how
    /// many. A row that does not read back, or is a digest itself, ends the digest before it.
    fn add_up(&self, seqs: &[u64], alerts_max: usize) -> Result<(usize, Draft), Fault> {
        let (mut count, mut draft) = (0, Draft::default());
        for &seq in seqs {
            if draft.digest.alerts.len() >= alerts_max {
                break;
            }
            let Some(Message::Alert(alert)) = self.message(seq)? else { break };
            draft.digest.add(&alert);
            (draft.host, draft.lang) = (alert.host, alert.lang);
            count += 1;
        }
        Ok((count, draft))
    }

    /// Makes one digest of all rows that read back, letters and digests, with a line a signature.
    fn fold_by_signature(&mut self, sink: &str, seqs: &[u64]) -> Result<Option<Folded>, Fault> {
        let (mut rows, mut draft) = (Vec::new(), Draft::default());
        for &seq in seqs {
            let digest = match self.message(seq)? {
                None => continue,
                Some(Message::Digest { host, lang, digest }) => {
                    (draft.host, draft.lang) = (host, lang);
                    digest
                }
                Some(Message::Alert(alert)) => {
                    let mut digest = Digest::default();
                    digest.add(&alert);
                    (draft.host, draft.lang) = (alert.host, alert.lang);
                    digest
                }
            };
            draft.digest.add_by_signature(&digest);
            rows.push(seq);
        }
        if rows.is_empty() { Ok(None) } else { self.replace(sink, &rows, draft).map(Some) }
    }

    fn message(&self, seq: u64) -> Result<Option<Message>, Fault> {
        let letter = self.letters.get(seq)?;
        let letter = letter.and_then(|letter| serde_json::from_slice::<OutboxMessage>(letter.value()).ok());
        Ok(letter.map(|letter| letter.message))
    }

    /// Puts a digest in the place of the last of `rows`, which it tells of. It has an id of its own:
    /// that row may have been attempted under its id.
    fn replace(&mut self, sink: &str, rows: &[u64], draft: Draft) -> Result<Folded, Fault> {
        let Draft { host, lang, digest } = draft;
        let mut place = 0;
        for &seq in rows {
            self.outbox.remove(seq)?;
            self.letters.remove(seq)?;
            place = seq;
        }
        let id = delivery_id(self.instance, take_seqs(self.transaction, 1)?);
        let letter = OutboxMessage {
            id,
            created: self.now.to_string(),
            message: Message::Digest { host, lang, digest },
        };
        let letter = serde_json::to_vec(&letter)?;
        self.outbox.insert(place, (sink, "", 0, 0))?;
        self.letters.insert(place, letter.as_slice())?;
        Ok(Folded { rows: rows.to_vec(), place, bytes: letter.len() })
    }
}
