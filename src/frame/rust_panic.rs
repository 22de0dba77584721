//! How a Rust program ends badly, on lines without a time.
//!
//! ```text
//! thread '<unnamed>' panicked at 'text', src/cores.rs:151:5
//! thread 'main' (12345) panicked at src/cores.rs:164:5:
//! panicked at 'text', src/cores.rs:151:5
//! Error: start processors
//! ```
//! The first is older than Rust 1.73, the second newer; the third is the worker's own hook; the last
//! is an error that `main` returned.

use super::opening::{Format, Opening, no_fields, whole};
use super::read;
use super::time::Stamped;

pub(super) const FORMAT: Format = Format { name: "rust_panic", open, fields: no_fields, parts: whole };

const OPENINGS: [&str; 5] = [
    "panicked at ",
    "fatal runtime error: ",
    "thread panicked while processing panic",
    "The application panicked",
    "Error: ",
];

fn open<'l>(line: &'l str, _: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let opening = OPENINGS.iter().find_map(|opening| line.strip_prefix(opening));
    let rest = opening.or_else(|| thread(line)).or_else(|| out_of_memory(line))?;
    Some(Opening { rest, ..Opening::default() })
}

fn thread(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix("thread '")?.split_once("' ")?;
    let rest = past_id(rest).unwrap_or(rest);
    rest.strip_prefix("panicked at ").or_else(|| rest.strip_prefix("has overflowed its stack"))
}

/// The thread's number, which Rust 1.91 began to print.
fn past_id(line: &str) -> Option<&str> {
    read::digits(line.strip_prefix('(')?)?.1.strip_prefix(") ")
}

fn out_of_memory(line: &str) -> Option<&str> {
    read::digits(line.strip_prefix("memory allocation of ")?)?.1.strip_prefix(" bytes failed")
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        for line in [
            "thread '<unnamed>' panicked at 'assertion failed: `(left == right)`",
            "thread 'main' panicked at '内存不足', src/main.rs:1:2",
            "thread '' panicked at 'text', src/main.rs:1:2",
            "thread 'main' panicked at src/main.rs:1:2:",
            "thread 'main' (12345) panicked at src/main.rs:1:2:",
            "panicked at 'text', src/main.rs:1:2",
            "panicked at src/main.rs:1:2:",
            "thread 'rayon-1' has overflowed its stack",
            "thread 'rayon-1' (77) has overflowed its stack",
            "fatal runtime error: stack overflow",
            "memory allocation of 68719476736 bytes failed",
            "thread panicked while processing panic. aborting.",
            "The application panicked (crashed).",
            "Error: start processors",
        ] {
            check::opens("rust_panic", line, "", "", &[]);
        }
    }

    #[test]
    fn parts_of_a_line() {
        let line = r#"thread 'main' panicked at src/main.rs:1:2:"#;
        check::parts("rust_panic", line, "", "", line);
    }

    #[test]
    fn other_lines() {
        for line in [
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
            "  left: `0`,",
            " right: `2`', src/cores.rs:151:5",
            "Caused by:",
            "    0: thread 'main' panicked at 'text'",
            "thread 'main' (x) panicked at src/main.rs:1:2:",
            "memory allocation of many bytes failed",
            "",
        ] {
            check::refuses("rust_panic", line);
        }
    }
}
