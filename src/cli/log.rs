//! What sealtail says of itself, on stderr.
//!
//! It names files, and repeats what receivers and panics say: whoever can name a file must not be able to
//! write a line of this log, nor drive the terminal it is read in.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{self, Write};
use std::panic::PanicHookInfo;

use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{self, Writer};

use crate::base::text::{cut, is_control};
use crate::model::redact::redact;

/// What a panic says may hold a piece of a log: so much of it is shown.
const PANIC_CHARS_MAX: usize = 500;
/// What stands before each line of a message but the first.
const INDENT: &str = "    ";

/// Begins to log, with the time of each message; panics, too.
pub(super) fn to_stderr(verbose: u8) {
    let level = match verbose {
        0 => tracing::Level::INFO,
        1 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .fmt_fields(format::debug_fn(field).delimited(" "))
        .init();
    std::panic::set_hook(Box::new(panicked));
}

/// Prints an error of a command, in one write and without a time.
pub(super) fn say(what: impl fmt::Display) {
    anstream::eprintln!("sealtail: {}", safe(what));
}

/// The text as it stands in this log.
fn safe(text: impl fmt::Display) -> String {
    let mut written = String::new();
    // Writing to a string cannot fail.
    let _ = write!(Safe(&mut written), "{text}");
    written
}

fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let mut safe = Safe(writer);
    match field.name() {
        "message" => write!(safe, "{value:?}"),
        name => write!(safe, "{name}={value:?}"),
    }
}

fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown location".to_owned(), ToString::to_string);
    let what = cut(&redact(panic.payload_as_str().unwrap_or("unknown reason")), PANIC_CHARS_MAX);
    tracing::error!("sealtail panicked at {place}: {what}; this is a bug in sealtail, please report it");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        tracing::error!("{trace}");
    }
}

/// Writes text so that it cannot be taken for anything else: what drives a terminal or turns reading order
/// around as `\u{1b}`, and each further line indented.
struct Safe<'w, W>(&'w mut W);

impl<W: Write> Write for Safe<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\n' => write!(self.0, "\n{INDENT}")?,
                c if is_control(c) => write!(self.0, "{}", c.escape_unicode())?,
                c => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_it_is_written_as() {
        for (text, expected) in [
            ("plain 错误\té", "plain 错误\té"),
            ("a.log\n2026-01-01T00:00:00Z ERROR forged", "a.log\n    2026-01-01T00:00:00Z ERROR forged"),
            ("\u{1b}[31mred\r\u{9b}0m", "\\u{1b}[31mred\\u{d}\\u{9b}0m"),
            ("gpj\u{202e}.exe\u{2028}", "gpj\\u{202e}.exe\\u{2028}"),
        ] {
            assert_eq!(safe(text), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_drives_a_terminal_or_begins_a_line(text: String, seeds in "[\\n\\r\\x1b\u{85}\u{202e}\u{2029}a]*") {
            for text in [text, seeds] {
                let written = safe(&text);
                prop_assert!(!written.contains(is_control), "{written:?}");
                prop_assert!(written.split('\n').skip(1).all(|line| line.starts_with(INDENT)), "{written:?}");
            }
        }
    }
}
