//! How delivery stood with a sink: a restart is no way around its limits.

use jiff::Timestamp;
use redb::{ReadableDatabase, TableError};
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::tables::STANDING;
use super::{Durability, Store};

/// What one sink may be sent, as of a moment. The wall clock may have been wrong when it was
/// written, so whoever reads it bounds every time by the longest that it can mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The sink asked to be left alone until then.
    pub alone_until: Option<Timestamp>,
    /// Messages that might be sent at `counted_at`.
    pub tokens: f64,
    /// When they were counted.
    pub counted_at: Option<Timestamp>,
    /// No more than a digest goes out, and it does then.
    pub digest_at: Option<Timestamp>,
}

impl Store {
    /// How delivery stood with `sink`; `None` if nobody wrote it down.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn standing(&self, sink: &str) -> Result<Option<Standing>, StoreError> {
        self.read(|database| {
            let table = match database.begin_read()?.open_table(STANDING) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?,
            };
            // What does not read back holds nothing up: the sink starts as a new one.
            let row = table.get(sink)?;
            Ok(row.and_then(|row| serde_json::from_slice(row.value()).ok()))
        })
    }

    /// Writes down how delivery stands with `sink`.
    ///
    /// # Errors
    ///
    /// The disk fails; what stood there stays.
    pub fn put_standing(
        &self,
        sink: &str,
        standing: &Standing,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let mut inner = self.inner()?;
        self.write(&mut inner, durability, |transaction| {
            transaction.open_table(STANDING)?.insert(sink, serde_json::to_vec(standing)?.as_slice())?;
            Ok(())
        })
    }
}
