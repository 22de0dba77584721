//! `[[source]]`: which files are followed, and how.

use std::time::Duration;

use super::HOUR;
use super::reader::{Names, Reader};
use crate::base::diagnostic::table::Table;
use crate::source::tail::{Settings, Start};

/// How long a record waits for its next line, unless the configuration says otherwise.
pub const HOLD: Duration = Duration::from_millis(500);
const HOLD_MIN: Duration = Duration::from_millis(10);
const HOLD_MAX: Duration = Duration::from_secs(60);
const POLL_MIN: Duration = Duration::from_millis(100);

/// Reads one `[[source]]`.
pub(super) fn read(reader: &Reader<'_>, table: Table<'_>, names: &mut Names) -> Option<Settings> {
    let name = reader.name(&table, names);
    let paths = paths(reader, &table);
    let exclude = table.strings("exclude").into_iter().filter_map(|mut pattern| {
        // Without a slash it is a name, wherever the file is.
        if pattern.value.contains('/') {
            pattern.value = reader.resolve_glob(&pattern.value);
        }
        reader.glob(&pattern)
    });
    let exclude = exclude.collect();
    let start = table.parsed("start", "start", |text| match text {
        "end" => Ok(Start::End),
        "beginning" => Ok(Start::Beginning),
        other => Err(format!("unknown start `{other}`: end or beginning")),
    });
    let poll = reader.duration(&table, "poll", POLL_MIN..=HOUR);
    let hold = reader.duration(&table, "hold", HOLD_MIN..=HOLD_MAX).unwrap_or(HOLD);
    table.finish();
    Some(Settings { name: name?, paths, exclude, start: start.unwrap_or(Start::End), poll, hold })
}

fn paths(reader: &Reader<'_>, table: &Table<'_>) -> Vec<String> {
    table.require("paths");
    let paths = table.strings("paths");
    if table.is_empty_list("paths") {
        reader.text.fault("empty", table.key_span("paths"), "`paths` is empty");
    }
    let mut resolved = Vec::new();
    for path in paths {
        if path.value.trim().is_empty() {
            reader.text.fault("empty", path.span, "the path is empty");
        } else if !reader.refuses_home(&path) && reader.glob(&path).is_some() {
            resolved.push(reader.resolve_glob(&path.value));
        }
    }
    resolved
}
