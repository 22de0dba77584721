//! Where commands print what was asked for: standard output, in large pieces. Needs a flush at the end.

use std::io::{self, BufWriter, StdoutLock, Write};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

/// Bytes written at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// As it is written.
pub(super) fn plain() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(PIECE_BYTES, io::stdout().lock())
}

/// With colours where they are wanted; `json` has none that would have to be taken out.
pub(super) fn coloured(json: bool) -> AutoStream<Box<dyn Write>> {
    on(Box::new(plain()), json)
}

/// The same on something that leads there. What takes colours out writes each stretch between two of
/// them by itself, so a buffer belongs behind it.
pub(super) fn on<W: RawStream>(out: W, json: bool) -> AutoStream<W> {
    AutoStream::new(out, if json { ColorChoice::AlwaysAnsi } else { AutoStream::choice(&io::stdout()) })
}

/// Whether colours are wanted there.
pub(super) fn is_coloured() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}
