//! The tables of the state, version 1, and how their rows are read and written.

use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::error::Fault;

/// Version of the tables; a state with a higher one is refused.
pub(super) const SCHEMA: u64 = 1;

/// `schema` and `next_seq`; `begun` once anything has been committed, and `committed`, the number of the last commit
/// that has one.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// `instance`: 16 random bytes that tell this state from any other.
pub(super) const INSTANCE: TableDefinition<&str, [u8; 16]> = TableDefinition::new("instance");
/// The caller's number of a file → JSON of its position.
pub(super) const POSITION: TableDefinition<u64, &[u8]> = TableDefinition::new("position");
/// Fingerprint → what the caller keeps of an open alert.
pub(super) const ALERT: TableDefinition<&str, &[u8]> = TableDefinition::new("alert");
/// Row → (sink, fingerprint, attempts, next attempt in Unix ms). Small, so all of it is read at
/// the start and rewritten at every retry. The fingerprint of a digest is empty.
pub(super) const OUTBOX: TableDefinition<u64, (&str, &str, u32, i64)> = TableDefinition::new("outbox");
/// Row → JSON of its letter. Written once, read once an attempt.
pub(super) const LETTER: TableDefinition<u64, &[u8]> = TableDefinition::new("letter");
/// Row → (sink, why it was refused, JSON of its letter).
pub(super) const DEAD: TableDefinition<u64, (&str, &str, &[u8])> = TableDefinition::new("dead");

/// Sink → JSON of its standing. Came later than the others, so a state may be without it.
pub(super) const STANDING: TableDefinition<&str, &[u8]> = TableDefinition::new("standing");

/// Id → what the caller keeps of a silence. Came later than the others, so a state may be without it.
pub(super) const SILENCE: TableDefinition<&str, &[u8]> = TableDefinition::new("silence");

/// Makes every table that must be there.
pub(super) fn create(transaction: &WriteTransaction, instance: [u8; 16]) -> Result<(), Fault> {
    let mut meta = transaction.open_table(META)?;
    meta.insert("schema", SCHEMA)?;
    meta.insert("next_seq", 1)?;
    transaction.open_table(INSTANCE)?.insert("instance", instance)?;
    transaction.open_table(POSITION)?;
    transaction.open_table(ALERT)?;
    transaction.open_table(OUTBOX)?;
    transaction.open_table(LETTER)?;
    transaction.open_table(DEAD)?;
    Ok(())
}

/// A number of `meta` that must be there.
pub(super) fn number(meta: &impl ReadableTable<&'static str, u64>, name: &str) -> Result<u64, Fault> {
    let found = meta.get(name)?.map(|number| number.value());
    found.ok_or_else(|| Fault::Broken(format!("`{name}` is missing")))
}
