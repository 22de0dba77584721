//! Where commands print what was asked for.

use std::io::{self, BufWriter, Write};

use anstream::{AutoStream, ColorChoice};

/// Bytes written at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Standard output with colours where they are wanted, in large pieces; `json` has none that would
/// have to be taken out. Needs a flush at the end.
///
/// What takes colours out writes each stretch between two of them by itself, so the buffer is behind
/// it: three calls of the system for each finding of a replay otherwise.
pub(super) fn stdout(json: bool) -> AutoStream<Box<dyn Write>> {
    let choice = if json { ColorChoice::AlwaysAnsi } else { AutoStream::choice(&io::stdout()) };
    AutoStream::new(Box::new(BufWriter::with_capacity(PIECE_BYTES, io::stdout().lock())), choice)
}
