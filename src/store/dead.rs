//! Dead letters: what was refused for good, kept until somebody sends it again or drops it.
//!
//! They are bounded, for a receiver that refuses everything must not fill the disk: beyond 64 MiB
//! in all, of whatever sink, the oldest are deleted, with an error in the log.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadableDatabase, ReadableTable, Table};

use super::error::{Fault, StoreError};
use super::queue::Slot;
use super::tables::{DEAD, LETTER, OUTBOX};
use super::{Durability, Store, delivery_id, lane};
use crate::model::alert::{Message, OutboxMessage};

/// The bytes of all dead letters: tens of thousands of usual ones.
const DEAD_BYTES_MAX: usize = 64 << 20;

/// A letter that was refused for good.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// Its number, in the order in which letters were put in the outbox.
    pub seq: u64,
    /// Names the delivery; the same if it is sent again.
    pub id: String,
    /// Whom it was for.
    pub sink: String,
    /// Why it was refused; names no secret.
    pub why: String,
    /// What it says; `None` if nobody can read it.
    pub letter: Option<OutboxMessage>,
}

/// How many dead letters there are, and how large they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Toll {
    sinks: BTreeMap<String, u64>,
    bytes: usize,
}

/// Sink, why, and the letter: a row of [`DEAD`].
type Row<'a> = (&'a str, &'a str, &'a [u8]);

impl Toll {
    pub fn add(&mut self, (sink, why, letter): Row<'_>) {
        *self.sinks.entry(sink.to_owned()).or_default() += 1;
        self.bytes += why.len() + letter.len();
    }

    fn subtract(&mut self, (sink, why, letter): Row<'_>) {
        if let Some(count) = self.sinks.get_mut(sink) {
            *count = count.saturating_sub(1);
        }
        self.bytes = self.bytes.saturating_sub(why.len() + letter.len());
    }

    /// Deletes the oldest rows of `dead` until the rest is small enough, and says how many.
    pub fn bound(&mut self, dead: &mut Table<'_, u64, Row<'static>>) -> Result<u64, Fault> {
        let mut deleted = 0;
        while self.bytes > DEAD_BYTES_MAX
            && let Some((_, row)) = dead.pop_first()?
        {
            self.subtract(row.value());
            deleted += 1;
        }
        Ok(deleted)
    }
}

impl Store {
    /// Dead letters of `sink`.
    ///
    /// # Errors
    ///
    /// The database is closed after an error and does not open again yet.
    pub fn dead(&self, sink: &str) -> Result<u64, StoreError> {
        Ok(self.inner()?.index.dead.sinks.get(sink).copied().unwrap_or(0))
    }

    /// The sinks for which a letter waits or is dead.
    ///
    /// # Errors
    ///
    /// The database is closed after an error and does not open again yet.
    pub fn sinks(&self) -> Result<BTreeSet<String>, StoreError> {
        let inner = self.inner()?;
        let waiting = inner.index.queues.iter().filter(|(_, queue)| queue.len() > 0).map(|(sink, _)| sink);
        let dead = inner.index.dead.sinks.iter().filter(|(_, count)| **count > 0).map(|(sink, _)| sink);
        Ok(waiting.chain(dead).cloned().collect())
    }

    /// Shows every dead letter to `look`, oldest first, one in memory at a time.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn dead_letters(&self, mut look: impl FnMut(DeadLetter)) -> Result<(), StoreError> {
        let instance = self.inner()?.index.instance;
        self.read(|database| {
            for row in database.begin_read()?.open_table(DEAD)?.iter()? {
                let (seq, row) = row?;
                let (seq, (sink, why, letter)) = (seq.value(), row.value());
                let letter: Option<OutboxMessage> = serde_json::from_slice(letter).ok();
                // One that cannot be read still has a number to make its id from.
                let id = letter.as_ref().map(|letter| letter.id.clone());
                let id = id.unwrap_or_else(|| delivery_id(instance, seq));
                look(DeadLetter { seq, id, sink: sink.to_owned(), why: why.to_owned(), letter });
            }
            Ok(())
        })
    }

    /// Puts dead letters back in the outbox, all of them or none, each in its old place and with its
    /// old id. Those that nobody can read stay dead. Says how many were put back.
    ///
    /// # Errors
    ///
    /// The disk fails; nothing was changed.
    pub fn revive(&self, seqs: &[u64]) -> Result<usize, StoreError> {
        let mut inner = self.inner()?;
        let mut toll = inner.index.dead.clone();
        let (toll, revived) = self.write(&mut inner, Durability::Now, |transaction| {
            let mut outbox = transaction.open_table(OUTBOX)?;
            let mut letters = transaction.open_table(LETTER)?;
            let mut dead = transaction.open_table(DEAD)?;
            let mut revived = Vec::new();
            for &seq in seqs {
                let Some(row) = dead.get(seq)? else { continue };
                let (sink, _, letter) = row.value();
                let Ok(OutboxMessage { message, .. }) = serde_json::from_slice(letter) else { continue };
                let fingerprint = match &message {
                    Message::Alert(alert) => alert.fingerprint.as_str(),
                    Message::Digest { .. } => "",
                };
                outbox.insert(seq, (sink, fingerprint, 0, 0))?;
                letters.insert(seq, letter)?;
                toll.subtract(row.value());
                revived.push((seq, sink.to_owned(), Slot::new(lane(fingerprint), letter.len())));
                drop(row);
                dead.remove(seq)?;
            }
            Ok((toll, revived))
        })?;
        inner.index.dead = toll;
        let count = revived.len();
        for (seq, sink, slot) in revived {
            inner.index.queue(&sink).put(seq, slot);
        }
        Ok(count)
    }

    /// Deletes dead letters, all of them or none, and says how many.
    ///
    /// # Errors
    ///
    /// The disk fails; nothing was changed.
    pub fn discard(&self, seqs: &[u64]) -> Result<usize, StoreError> {
        let mut inner = self.inner()?;
        let mut toll = inner.index.dead.clone();
        let (toll, count) = self.write(&mut inner, Durability::Now, |transaction| {
            let mut dead = transaction.open_table(DEAD)?;
            let mut count = 0;
            for &seq in seqs {
                if let Some(row) = dead.remove(seq)? {
                    toll.subtract(row.value());
                    count += 1;
                }
            }
            Ok((toll, count))
        })?;
        inner.index.dead = toll;
        Ok(count)
    }
}
