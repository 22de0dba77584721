//! The export of positions: a small file beside the database, so that reading can go on where it was
//! when the database is damaged.
//!
//! ```text
//! { "comment":   what this file is, for people,
//!   "version":   1,
//!   "written":   RFC 3339,
//!   "check":     hash of `positions`,
//!   "positions": [ { "number": the caller's, "position": as in the database }, … ] }
//! ```

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{folder, positions};
use crate::model::position::Position;

/// The export.
pub(super) const EXPORT: &str = "checkpoints.json";
/// The export while it is written.
pub(super) const WRITING: &str = "checkpoints.writing";
/// Version of its form.
const VERSION: u64 = 1;
/// No export is larger: a file takes some 500 bytes.
const BYTES_MAX: u64 = 256 << 20;
/// Says to people what it is.
const COMMENT: &str = "how far sealtail has read each file; it takes this where state.redb is damaged";

#[derive(Serialize, Deserialize)]
struct Form {
    #[serde(default)]
    comment: String,
    version: u64,
    written: String,
    check: String,
    /// As they are written: of thousands of files, a tree of them would take a hundred MiB.
    positions: Box<RawValue>,
}

/// What every version of the form has.
#[derive(Deserialize)]
struct AnyForm {
    version: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Row<P> {
    number: u64,
    position: P,
}

/// An export that was read back.
#[derive(Debug)]
pub(super) struct Export {
    /// When it was made, RFC 3339.
    pub written: String,
    /// Rows that can be read, as they were in the database.
    pub rows: Vec<positions::Row>,
}

/// The path of the export.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(EXPORT)
}

/// Puts a new export in the place of the last one, such that a crash leaves one of them whole.
pub(super) fn write(directory: &Path, rows: &[positions::Row], now: Timestamp) -> io::Result<()> {
    let rows: Vec<_> = rows.iter().map(|(number, position)| Row { number: *number, position }).collect();
    let positions = serde_json::value::to_raw_value(&rows)?;
    let form = Form {
        comment: COMMENT.to_owned(),
        version: VERSION,
        written: now.to_string(),
        check: check(&positions),
        positions,
    };
    let mut bytes = serde_json::to_vec(&form)?;
    bytes.push(b'\n');
    let writing = directory.join(WRITING);
    let made = folder::private().create(true).truncate(true).open(&writing).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    // Half of it would only take room.
    made.inspect_err(|_| drop(fs::remove_file(&writing)))?;
    fs::rename(&writing, path(directory))?;
    File::open(directory)?.sync_all()
}

/// Reads the export; `None` if there is none, and why not if it cannot be used.
pub(super) fn read(directory: &Path) -> Result<Option<Export>, String> {
    let mut options = File::options();
    options.read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = match options.open(path(directory)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err("it is too large for an export".to_owned());
    }
    parse(&bytes).map(Some)
}

fn parse(bytes: &[u8]) -> Result<Export, String> {
    let form: AnyForm = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    // First of all: a later form may have nothing else that is known.
    match form.version {
        Some(VERSION) => {}
        Some(found) => return Err(format!("it has version {found}, this program supports {VERSION}")),
        None => return Err("it has no version".to_owned()),
    }
    let form: Form = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if form.check != check(&form.positions) {
        return Err("its checksum is wrong".to_owned());
    }
    let rows: Vec<Row<Box<RawValue>>> =
        serde_json::from_str(form.positions.get()).map_err(|error| error.to_string())?;
    for Row { position, .. } in &rows {
        Position::read(position.get().as_bytes()).map(drop).map_err(|error| error.to_string())?;
    }
    let rows = rows.into_iter().map(|row| (row.number, row.position)).collect();
    Ok(Export { written: form.written, rows })
}

/// Keeps a damaged export under another name; the next one takes its place.
pub(super) fn keep_aside(directory: &Path, now_s: i64) -> io::Result<PathBuf> {
    let aside = folder::free_name(directory, "checkpoints", now_s);
    fs::rename(path(directory), &aside)?;
    Ok(aside)
}

fn check(positions: &RawValue) -> String {
    let hash = Sha256::digest(positions.get());
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
