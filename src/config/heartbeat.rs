//! `[heartbeat]`: the service that receives a heartbeat while sealtail is healthy.

use std::time::Duration;

use super::reader::Reader;
use super::{SECOND, sink};
use crate::base::diagnostic::table::Table;
use crate::deliver::heartbeat::Settings;

/// The time from one to the next, unless the configuration says otherwise.
const EVERY: Duration = Duration::from_secs(60);
const EVERY_MAX: Duration = Duration::from_secs(86_400);

/// Reads `[heartbeat]`.
pub(super) fn read(reader: &Reader<'_>, table: Table<'_>) -> Option<Settings> {
    let url = sink::url(reader, &table);
    let every = reader.duration(&table, "every", SECOND..=EVERY_MAX).unwrap_or(EVERY);
    table.finish();
    Some(Settings { url: url?, every })
}
