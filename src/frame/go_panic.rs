//! How a Go program ends badly, on lines without a time.
//!
//! ```text
//! panic: runtime error: invalid memory address or nil pointer dereference
//! ```
//! The goroutines below it belong to the same record.

use super::opening::{Format, Opening, no_fields, whole};
use super::time::Stamped;

pub(super) const FORMAT: Format = Format { name: "go_panic", open, fields: no_fields, parts: whole };

const OPENINGS: [&str; 7] = [
    "panic: ",
    "fatal error: ",
    "unexpected fault address",
    "SIGABRT: ",
    "SIGBUS: ",
    "SIGQUIT: ",
    "SIGSEGV: ",
];

fn open<'l>(line: &'l str, _: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let rest = OPENINGS.iter().find_map(|opening| line.strip_prefix(opening))?;
    Some(Opening { rest, ..Opening::default() })
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        for line in [
            "panic: runtime error: index out of range [3] with length 3",
            "fatal error: concurrent map writes",
            "SIGABRT: abort",
            "unexpected fault address 0xc000123000",
        ] {
            check::opens("go_panic", line, "", "", &[]);
        }
    }

    #[test]
    fn parts_of_a_line() {
        let line = r#"panic: runtime error"#;
        check::parts("go_panic", line, "", "", line);
    }

    #[test]
    fn other_lines() {
        for line in [
            "goroutine 1 [running]:",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x46b1d2]",
            "main.main()",
            "\t/src/main.go:12 +0x1d",
            "created by main.start",
            "exit status 2",
        ] {
            check::refuses("go_panic", line);
        }
    }
}
