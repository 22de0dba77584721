//! Writes the logs of `examples/incident`: one bad night of a sealing box.
//!
//! ```text
//! cargo run --example make_incident -- examples/incident
//! ```
//!
//! The night is that of the 27th of December 2022, from 20:00 to 06:00, on a box with venus-worker
//! and venus-sector-manager v0.5. Five threads seal; nearly all they write is healthy. Into it fall:
//!
//! - 20:24, `pc1-cpuset-cache-mismatch`: sector 1302 gets the PC1 processor whose cpuset, `0-6`, splits
//!   an L3 cache. At 20:58 the same child is tried again: `once-poisoned`. The third attempt, at
//!   21:17, gets the other processor and succeeds.
//! - 22:40, `ext-unmarshal-response`: the C2 plugin logs to stdout while it proves sector 1298, once on
//!   a line of its own and once before its answer. The answer is lost, and the stage hangs until
//!   somebody ends the plugin at 23:34.
//! - 00:22, `sector-state-not-found`: sector 1303 was aborted on the manager by mistake. The worker
//!   learns it when PC1 is done, works on, and throws the sector away at 00:33.
//! - 02:16, `mmap-zero-length`: the disk of thread 4 was full, and the staged file of sector 1304 is
//!   empty. At 02:40 an operator sets the sector back, and its pieces are added again.
//! - 03:01, `too-many-open-files`: the manager was restarted from a shell at 02:52 and may open 1024
//!   files. A window PoSt is missed.
//!
//! The same program always writes the same bytes; `tests/incident.rs` holds the committed files
//! against it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod story;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: make_incident DIR");
        return ExitCode::from(2);
    };
    for file in story::files() {
        let path = folder.join(file.name);
        if let Err(error) = write(&path, file.text.as_bytes()) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(2);
        }
        println!("{}: {} lines, {} planted", path.display(), file.text.lines().count(), file.planted.len());
    }
    ExitCode::SUCCESS
}

/// Writes `text` as the ending of the name wants it.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let file = fs::File::create(path)?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => {
            let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::best());
            gz.write_all(text)?;
            gz.finish()?.flush()
        }
        Some("zst") => {
            let mut zst = zstd::stream::Encoder::new(file, 19)?;
            zst.write_all(text)?;
            zst.finish()?.flush()
        }
        _ => { file }.write_all(text),
    }
}
