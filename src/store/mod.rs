//! What survives a restart: positions, open alerts, and the outbox, in one embedded database.
//!
//! [`Store::commit`] is the heart: how far files were read, what is known of open alerts, and the
//! messages that follow from both become durable together or not at all. So a position never moves
//! past a finding that was not told, and reading again after a crash tells nothing twice.
//!
//! - One process at a time: a second one is refused with the PID of the first.
//! - A state on a network file system is refused unless that is allowed: its locks and syncs are
//!   promises of a server.
//! - Links are not followed: what is in the place of a file of ours and is none is refused. The
//!   folder itself may be a link.
//! - A damaged state is moved aside, never deleted; positions are then taken from the last
//!   [export](Store::export). A newer state is refused and left as it is.
//! - An error of the disk (full, read-only, failing) fails the call and closes the database, for
//!   after such an error its handle refuses every write. The next call opens it again and goes on
//!   from the last durable commit: the caller repeats the failed call, no restart is needed.
//!   A commit that failed may have reached the disk all the same; repeated, it is known by its number
//!   and not made twice.
//! - Some room is kept in reserve. On a full disk it is released, and what has arrived can still be
//!   taken out; a [`Store::commit`] is refused until there is room for the reserve again.
//! - Calls block on the disk. Async code wraps them.
//!
//! ```text
//! state.redb        meta  instance  position  alert  silence  outbox  letter  dead  standing
//! state.ballast     room in reserve
//! state.lock        PID of the process at work
//! state.corrupt-*   damaged states, for a person to look at
//! checkpoints.json  the last export of positions; damaged ones are kept as checkpoints.corrupt-*
//! ```

mod ballast;
mod birth;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
mod dead;
#[cfg(test)]
pub(crate) mod disk;
mod error;
mod export;
mod fold;
mod folder;
mod opening;
mod outbox;
mod positions;
mod queue;
mod standing;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction};
use sha2::{Digest as _, Sha256};

use self::ballast::Ballast;
pub use self::dead::DeadLetter;
use self::dead::Toll;
use self::error::Fault;
pub use self::error::StoreError;
use self::fold::Cap;
pub use self::opening::{Opened, Place, Recovered, Salvage, Terms};
pub use self::outbox::{Due, Row};
use self::queue::{Lane, Queue, Slot};
pub use self::standing::Standing;
use self::tables::{ALERT, DEAD, INSTANCE, LETTER, META, OUTBOX, SILENCE};
use crate::model::alert::{Message, OutboxMessage};
use crate::model::position::Position;

/// The longest a stored retry is put off, in ms: a clock that was wrong when it was written must
/// not hold it back for longer.
const POSTPONED_MS_MAX: i64 = 60 * 60 * 1000;

/// The state of one sealtail.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// Locked as long as the store lives.
    _lock: File,
    /// What may wait for one sink.
    cap: Cap,
    inner: Mutex<Inner>,
}

/// Changes that become durable together.
#[derive(Debug, Default)]
pub struct Commit {
    /// Above those of the commits before it, and its own when it is repeated. `None`: it is not repeated.
    pub number: Option<u64>,
    /// Files by the caller's number: where reading goes on, or `None` to forget the file.
    pub positions: Vec<(u64, Option<Position>)>,
    /// Open alerts by fingerprint: what the caller keeps of them, or `None` to forget them.
    pub alerts: Vec<(String, Option<Vec<u8>>)>,
    /// Silences by id, or `None` to forget them.
    pub silences: Vec<(String, Option<Vec<u8>>)>,
    /// Messages to be sent, in order.
    pub messages: Vec<NewMessage>,
}

impl Commit {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
            && self.alerts.is_empty()
            && self.silences.is_empty()
            && self.messages.is_empty()
    }
}

/// A message to be put in the outbox.
#[derive(Debug)]
pub struct NewMessage {
    /// Name of the sink.
    pub sink: String,
    /// The alert it belongs to: messages of one alert reach a sink in order.
    pub fingerprint: String,
    /// What it tells.
    pub message: Message,
}

/// When a commit must be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before the call returns.
    Now,
    /// With the next commit that is durable; until then a crash takes it back whole.
    Later,
}

/// What is known while the database is open.
#[derive(Debug)]
struct Inner {
    /// `None` after an error, until the next call opens it again.
    database: Option<Database>,
    ballast: Ballast,
    index: Index,
}

/// Derived from the tables.
#[derive(Debug, Default)]
struct Index {
    instance: [u8; 16],
    begun: bool,
    /// The number of the last commit that has one.
    committed: u64,
    queues: BTreeMap<String, Queue>,
    dead: Toll,
}

impl Store {
    /// Whether this is the first start ever: nothing has been committed yet, and no damaged state
    /// was in its place.
    ///
    /// # Errors
    ///
    /// The database is closed after an error and does not open again yet.
    pub fn fresh(&self) -> Result<bool, StoreError> {
        Ok(!self.inner()?.index.begun)
    }

    /// The number of the last commit that has one; 0 before the first.
    ///
    /// # Errors
    ///
    /// The database is closed after an error and does not open again yet.
    pub fn committed(&self) -> Result<u64, StoreError> {
        Ok(self.inner()?.index.committed)
    }

    /// Every position of a kind that is known, by the caller's number.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn positions(&self) -> Result<Vec<(u64, Position)>, StoreError> {
        Ok(self.read(positions::read)?.known)
    }

    /// The kind of every other, by its number: a newer version wrote it, and finds it as it was.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn newer_positions(&self) -> Result<Vec<(u64, String)>, StoreError> {
        Ok(self.read(positions::read)?.newer)
    }

    /// Writes every position to a file of its own, whole or not at all: should the database ever be
    /// damaged, reading goes on from there.
    ///
    /// # Errors
    ///
    /// The disk fails; the last export stays as it was.
    pub fn export(&self, now: Timestamp) -> Result<(), StoreError> {
        let rows = self.read(positions::rows)?;
        export::write(&self.directory, &rows, now)
            .map_err(|error| StoreError::new(&export::path(&self.directory), error))
    }

    /// What the caller keeps of every open alert, by fingerprint.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn alerts(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.rows(ALERT)
    }

    /// What the caller keeps of every silence, by id.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn silences(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.rows(SILENCE)
    }

    fn rows(&self, rows: Rows) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.read(|database| {
            let table = match database.begin_read()?.open_table(rows) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                table => table?,
            };
            let rows = table.iter()?.map(|row| {
                let (name, row) = row?;
                Ok((name.value().to_owned(), row.value().to_owned()))
            });
            rows.collect()
        })
    }

    /// Makes `commit` true, all of it or nothing. Every message gets its id here, once and for all.
    /// A commit with messages is always durable [`Now`](Durability::Now): a message is not sent
    /// before it can no longer be forgotten.
    ///
    /// # Errors
    ///
    /// The disk fails, and the commit may be there all the same: call again with the same one, which has a number.
    pub fn commit(&self, commit: &Commit, durability: Durability, now: Timestamp) -> Result<(), StoreError> {
        let durability = if commit.messages.is_empty() { durability } else { Durability::Now };
        let mut inner = self.inner()?;
        if !inner.ballast.is_kept() {
            return Err(self.error(Fault::Full));
        }
        if commit.number.is_some_and(|number| number <= inner.index.committed) {
            // It had reached the disk before it failed, and was found there when the database was opened again.
            self.bound(&mut inner, commit, now);
            return Ok(());
        }
        let (instance, begun) = (inner.index.instance, inner.index.begun);
        let (first_seq, lengths) = self.write(&mut inner, durability, |transaction| {
            positions::put(transaction, &commit.positions)?;
            put_rows(transaction, ALERT, &commit.alerts)?;
            if !commit.silences.is_empty() {
                put_rows(transaction, SILENCE, &commit.silences)?;
            }
            if !begun {
                transaction.open_table(META)?.insert("begun", 1)?;
            }
            if let Some(number) = commit.number {
                transaction.open_table(META)?.insert("committed", number)?;
            }
            put_messages(transaction, &commit.messages, instance, now)
        })?;
        inner.index.begun = true;
        inner.index.committed = commit.number.unwrap_or(inner.index.committed);
        for ((seq, bytes), message) in (first_seq..).zip(lengths).zip(&commit.messages) {
            inner.index.queue(&message.sink).put(seq, Slot::new(lane(&message.fingerprint), bytes));
        }
        self.bound(&mut inner, commit, now);
        Ok(())
    }

    /// The open state. After an error the database is opened again here.
    fn inner(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let mut inner = self.inner.lock().unwrap_or_else(|poisoned| {
            // Nobody knows what a panic left of it: it is opened again from the last commit.
            self.inner.clear_poison();
            let mut inner = poisoned.into_inner();
            inner.database = None;
            inner
        });
        if inner.database.is_none() {
            let database = birth::open(&self.directory).map_err(|fault| {
                inner.make_room(&fault);
                self.error(fault)
            })?;
            inner.index = Index::load(&database, Timestamp::now()).map_err(|fault| self.error(fault))?;
            inner.database = Some(database);
        }
        Ok(inner)
    }

    /// Runs `change` in one transaction. On any error the database is closed.
    fn write<T>(
        &self,
        inner: &mut Inner,
        durability: Durability,
        change: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let attempt = |database: &Database| {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(match durability {
                Durability::Now => redb::Durability::Immediate,
                Durability::Later => redb::Durability::None,
            })?;
            let made = change(&transaction)?;
            transaction.commit()?;
            Ok(made)
        };
        let made = match &inner.database {
            Some(database) => attempt(database),
            None => Err(Fault::Database(redb::Error::DatabaseClosed)),
        };
        made.map_err(|fault| {
            // First of all: closing it may need room, too.
            inner.make_room(&fault);
            inner.database = None;
            self.error(fault)
        })
    }

    fn read<T>(&self, get: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, StoreError> {
        let mut inner = self.inner()?;
        let got = match &inner.database {
            Some(database) => get(database),
            None => Err(Fault::Database(redb::Error::DatabaseClosed)),
        };
        got.map_err(|fault| {
            inner.database = None;
            self.error(fault)
        })
    }

    fn error(&self, fault: Fault) -> StoreError {
        StoreError::new(&birth::state_path(&self.directory), fault)
    }
}

impl Inner {
    /// Gives the reserve back if it was the disk that had no room.
    fn make_room(&mut self, fault: &Fault) {
        if fault.is_full() {
            self.ballast.release();
        }
    }
}

impl Index {
    /// Reads every small row. Of letters it is only their length that stays in memory.
    fn load(database: &Database, now: Timestamp) -> Result<Index, Fault> {
        let transaction = database.begin_read()?;
        let meta = transaction.open_table(META)?;
        let found = tables::number(&meta, "schema")?;
        if found > tables::SCHEMA {
            return Err(Fault::Newer { found, known: tables::SCHEMA });
        }
        // That it is there shows that the state is whole.
        tables::number(&meta, "next_seq")?;
        // Came later: a state of before has none.
        let committed = meta.get("committed")?.map_or(0, |number| number.value());
        let mut index = Index { begun: meta.get("begun")?.is_some(), committed, ..Index::default() };
        let instance = transaction.open_table(INSTANCE)?.get("instance")?.map(|instance| instance.value());
        index.instance = instance.ok_or_else(|| Fault::Broken("`instance` is missing".to_owned()))?;
        let next_at_max = now.as_millisecond() + POSTPONED_MS_MAX;
        let letters = transaction.open_table(LETTER)?;
        for row in transaction.open_table(OUTBOX)?.iter()? {
            let (seq, slot) = row?;
            let (sink, fingerprint, attempts, next_at) = slot.value();
            let bytes = letters.get(seq.value())?.map_or(0, |letter| letter.value().len());
            let slot = Slot { lane: lane(fingerprint), attempts, next_at: next_at.min(next_at_max), bytes };
            index.queue(sink).put(seq.value(), slot);
        }
        for row in transaction.open_table(DEAD)?.iter()? {
            index.dead.add(row?.1.value());
        }
        transaction.open_table(ALERT)?;
        positions::read(database)?;
        Ok(index)
    }

    fn queue(&mut self, sink: &str) -> &mut Queue {
        self.queues.entry(sink.to_owned()).or_default()
    }
}

/// A table of rows by name that the caller alone can read.
type Rows = TableDefinition<'static, &'static str, &'static [u8]>;

fn put_rows(
    transaction: &WriteTransaction,
    rows: Rows,
    changed: &[(String, Option<Vec<u8>>)],
) -> Result<(), Fault> {
    let mut table = transaction.open_table(rows)?;
    for (name, row) in changed {
        match row {
            Some(row) => table.insert(name.as_str(), row.as_slice())?,
            None => table.remove(name.as_str())?,
        };
    }
    Ok(())
}

/// Puts messages in the outbox; the first gets the row returned, the others those after it. With it
/// the length of each letter.
fn put_messages(
    transaction: &WriteTransaction,
    messages: &[NewMessage],
    instance: [u8; 16],
    now: Timestamp,
) -> Result<(u64, Vec<usize>), Fault> {
    let first_seq = take_seqs(transaction, messages.len())?;
    let mut outbox = transaction.open_table(OUTBOX)?;
    let mut letters = transaction.open_table(LETTER)?;
    let mut lengths = Vec::with_capacity(messages.len());
    for (seq, NewMessage { sink, fingerprint, message }) in (first_seq..).zip(messages) {
        let letter = OutboxMessage {
            id: delivery_id(instance, seq),
            created: now.to_string(),
            message: message.clone(),
        };
        outbox.insert(seq, (sink.as_str(), fingerprint.as_str(), 0, 0))?;
        let letter = serde_json::to_vec(&letter)?;
        letters.insert(seq, letter.as_slice())?;
        lengths.push(letter.len());
    }
    Ok((first_seq, lengths))
}

/// Takes `count` numbers that were never used before; the first of them.
fn take_seqs(transaction: &WriteTransaction, count: usize) -> Result<u64, Fault> {
    let mut meta = transaction.open_table(META)?;
    let first = tables::number(&meta, "next_seq")?;
    if count > 0 {
        meta.insert("next_seq", first + count as u64)?;
    }
    Ok(first)
}

/// The id of a delivery: 128 bits in hex. It stands in the row, so it survives retries and crashes.
fn delivery_id(instance: [u8; 16], seq: u64) -> String {
    let hash = Sha256::new().chain_update(instance).chain_update(seq.to_be_bytes()).finalize();
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lane(fingerprint: &str) -> Lane {
    if fingerprint.is_empty() {
        return Lane::Digest;
    }
    // Never stored, so it need not stay the same from one version to the next.
    let mut hasher = DefaultHasher::new();
    fingerprint.hash(&mut hasher);
    Lane::Alert(hasher.finish())
}
