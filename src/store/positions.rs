//! The rows of positions. One of a kind of place that only a newer version knows stays as it is.

use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};
use serde_json::value::RawValue;

use super::error::Fault;
use super::tables::POSITION;
use crate::model::position::{Newer, Position};

/// A row as it is kept, by the caller's number.
pub(super) type Row = (u64, Box<RawValue>);

/// Every row as it is kept.
pub(super) fn rows(database: &Database) -> Result<Vec<Row>, Fault> {
    let table = database.begin_read()?.open_table(POSITION)?;
    let rows = table.iter()?.map(|row| {
        let (number, row) = row?;
        Ok((number.value(), serde_json::from_slice(row.value())?))
    });
    rows.collect()
}

/// What the rows say, by the caller's number.
#[derive(Default)]
pub(super) struct Kept {
    pub known: Vec<(u64, Position)>,
    /// The kinds of the others.
    pub newer: Vec<(u64, String)>,
}

pub(super) fn read(database: &Database) -> Result<Kept, Fault> {
    let mut kept = Kept::default();
    for row in database.begin_read()?.open_table(POSITION)?.iter()? {
        let (number, row) = row?;
        match Position::read(row.value())? {
            Ok(position) => kept.known.push((number.value(), position)),
            Err(Newer { kind }) => kept.newer.push((number.value(), kind)),
        }
    }
    Ok(kept)
}

pub(super) fn put(
    transaction: &WriteTransaction,
    positions: &[(u64, Option<Position>)],
) -> Result<(), Fault> {
    let mut table = transaction.open_table(POSITION)?;
    for (number, position) in positions {
        match position {
            Some(position) => table.insert(number, serde_json::to_vec(position)?.as_slice())?,
            None => table.remove(number)?,
        };
    }
    Ok(())
}

pub(super) fn put_rows(transaction: &WriteTransaction, rows: &[Row]) -> Result<(), Fault> {
    let mut table = transaction.open_table(POSITION)?;
    for (number, row) in rows {
        table.insert(number, row.get().as_bytes())?;
    }
    Ok(())
}
