//! The outbox: what waits to be sent, one sink at a time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use redb::{ReadableDatabase, ReadableTable};

use super::error::StoreError;
use super::tables::{DEAD, LETTER, OUTBOX};
use super::{Durability, Store};
use crate::model::alert::OutboxMessage;

/// A letter that may go now.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number in the outbox.
    pub seq: u64,
    /// Attempts made so far.
    pub attempts: u32,
    /// What is sent.
    pub letter: OutboxMessage,
}

/// What a sink has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Due {
    /// Send this.
    Now(Box<Row>),
    /// Nothing before this time.
    At(Timestamp),
    /// Nothing at all.
    Never,
}

/// How many rows of sinks that are gone are buried in one transaction.
const BURIED_AT_ONCE_MAX: usize = 1_000;

impl Store {
    /// The next letter for `sink`. In the order they were put in, but for those whose retry is
    /// later; never one before an earlier one of the same alert. The row stays in the outbox until
    /// [`delivered`](Store::delivered) or [`bury`](Store::bury): whoever asks again gets it again.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn due(&self, sink: &str, now: Timestamp) -> Result<Due, StoreError> {
        loop {
            let (seq, attempts) = {
                let mut inner = self.inner()?;
                let queue = inner.index.queue(sink);
                match queue.first() {
                    None => return Ok(Due::Never),
                    Some((_, slot)) if slot.next_at > now.as_millisecond() => {
                        let at = Timestamp::from_millisecond(slot.next_at).unwrap_or(Timestamp::MAX);
                        return Ok(Due::At(at));
                    }
                    Some((seq, slot)) => {
                        // Before it is read, or a commit could tell it by a digest meanwhile.
                        queue.take(seq);
                        (seq, slot.attempts)
                    }
                }
            };
            match self.letter(seq)? {
                Ok(letter) => return Ok(Due::Now(Box::new(Row { seq, attempts, letter }))),
                // Nobody can send what nobody can read; it must not stop what is behind it.
                Err(why) => self.bury(sink, seq, &why)?,
            }
        }
    }

    /// Takes a row out: it arrived.
    ///
    /// # Errors
    ///
    /// The disk fails; the row stays, so call again before asking what is due.
    pub fn delivered(&self, sink: &str, seq: u64) -> Result<(), StoreError> {
        let mut inner = self.inner()?;
        self.write(&mut inner, Durability::Now, |transaction| {
            transaction.open_table(OUTBOX)?.remove(seq)?;
            transaction.open_table(LETTER)?.remove(seq)?;
            Ok(())
        })?;
        inner.index.queue(sink).remove(seq);
        Ok(())
    }

    /// Puts a row off until `next_at`. Not durable by itself: at worst a crash makes the retry early.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn postpone(
        &self,
        sink: &str,
        seq: u64,
        attempts: u32,
        next_at: Timestamp,
    ) -> Result<(), StoreError> {
        let next_at = next_at.as_millisecond();
        let mut inner = self.inner()?;
        self.write(&mut inner, Durability::Later, |transaction| {
            let mut outbox = transaction.open_table(OUTBOX)?;
            let fingerprint = outbox.get(seq)?.map(|row| row.value().1.to_owned());
            if let Some(fingerprint) = fingerprint {
                outbox.insert(seq, (sink, fingerprint.as_str(), attempts, next_at))?;
            }
            Ok(())
        })?;
        inner.index.queue(sink).postpone(seq, attempts, next_at);
        Ok(())
    }

    /// Moves a row to the dead letters, with why. It is kept there and not sent again, unless it is
    /// [revived](Store::revive).
    ///
    /// # Errors
    ///
    /// The disk fails; the row stays.
    pub fn bury(&self, sink: &str, seq: u64, why: &str) -> Result<(), StoreError> {
        self.bury_all(sink, &[seq], why)
    }

    /// Buries what waits for sinks that are not among `known`, and says how much for which.
    ///
    /// # Errors
    ///
    /// The disk fails; what was buried before stays so.
    pub fn bury_strays(&self, known: &[&str]) -> Result<BTreeMap<String, usize>, StoreError> {
        let waiting: Vec<(String, Vec<u64>)> = {
            let inner = self.inner()?;
            let strays = inner
                .index
                .queues
                .iter()
                .filter(|(sink, queue)| queue.len() > 0 && !known.contains(&sink.as_str()));
            strays.map(|(sink, queue)| (sink.clone(), queue.rows().map(|(seq, _)| seq).collect())).collect()
        };
        let mut buried = BTreeMap::new();
        for (sink, seqs) in waiting {
            for some in seqs.chunks(BURIED_AT_ONCE_MAX) {
                self.bury_all(&sink, some, "the sink is no longer configured")?;
            }
            buried.insert(sink, seqs.len());
        }
        Ok(buried)
    }

    /// Letters that wait for `sink`.
    ///
    /// # Errors
    ///
    /// The database is closed after an error and does not open again yet.
    pub fn waiting(&self, sink: &str) -> Result<usize, StoreError> {
        Ok(self.inner()?.index.queue(sink).len())
    }

    fn bury_all(&self, sink: &str, seqs: &[u64], why: &str) -> Result<(), StoreError> {
        let mut inner = self.inner()?;
        let mut toll = inner.index.dead.clone();
        let (toll, deleted) = self.write(&mut inner, Durability::Now, |transaction| {
            let mut outbox = transaction.open_table(OUTBOX)?;
            let mut letters = transaction.open_table(LETTER)?;
            let mut dead = transaction.open_table(DEAD)?;
            for &seq in seqs {
                let letter = letters.remove(seq)?.map(|letter| letter.value().to_owned());
                if outbox.remove(seq)?.is_some() {
                    let letter = letter.unwrap_or_default();
                    let row = (sink, why, letter.as_slice());
                    dead.insert(seq, row)?;
                    toll.add(row);
                }
            }
            let deleted = toll.bound(&mut dead)?;
            Ok((toll, deleted))
        })?;
        if deleted > 0 {
            tracing::error!("the limit of dead letters is reached, deleted the oldest {deleted}");
        }
        let queue = inner.index.queue(sink);
        seqs.iter().for_each(|&seq| queue.remove(seq));
        inner.index.dead = toll;
        Ok(())
    }

    /// The letter of a row, or why it cannot be read.
    fn letter(&self, seq: u64) -> Result<Result<OutboxMessage, String>, StoreError> {
        self.read(|database| {
            let letters = database.begin_read()?.open_table(LETTER)?;
            let Some(letter) = letters.get(seq)? else {
                return Ok(Err("the message is missing".to_owned()));
            };
            Ok(serde_json::from_slice(letter.value()).map_err(|error| error.to_string()))
        })
    }
}
