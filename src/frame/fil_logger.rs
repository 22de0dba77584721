//! Lines of the proofs inside a Go program, which log through `fil_logger`.
//!
//! ```text
//! 2021-08-12T07:58:04.323 INFO filecoin_proofs::api::seal > text
//! ```
//! The time is local and names no zone.

use super::opening::{Format, Opening, Parts, no_fields};
use super::read;
use super::time::{Stamped, Zone};

pub(super) const FORMAT: Format = Format { name: "fil_logger", open, fields: no_fields, parts };

fn open<'l>(_: &'l str, stamped: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let (stamp, rest) = stamped?;
    if stamp.zone != Zone::Absent || stamp.digits != 3 {
        return None;
    }
    let (level, rest) = read::level(rest.strip_prefix(' ')?)?;
    let (module, rest) = read::run(rest.strip_prefix(' ')?, |byte| !byte.is_ascii_whitespace());
    if module.is_empty() {
        return None;
    }
    Some(Opening {
        stamp: Some(stamp),
        level: Some(level),
        rest: rest.strip_prefix(" >")?,
        ..Opening::default()
    })
}

/// The module stands before the ` >` that ends the opening.
fn parts<'l>(line: &'l str, rest: &'l str) -> Parts<'l> {
    let opening = &line[..line.len() - rest.len()];
    let logger = opening.strip_suffix(" >").and_then(|opening| opening.rsplit(' ').next());
    Parts { logger, ..Parts::message(rest.strip_prefix(' ').unwrap_or(rest)) }
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        for (line, time, level) in [
            (
                "2021-08-12T07:58:04.323 INFO filecoin_proofs::api > 开始",
                "2021-08-12T07:58:04.323+08:00",
                "INFO",
            ),
            ("2021-08-12T07:58:04.000 ERROR bellperson >", "2021-08-12T07:58:04.000+08:00", "ERROR"),
            ("2021-02-30T07:58:04.000 WARN bellperson > text", "", "WARN"),
        ] {
            check::opens("fil_logger", line, time, level, &[]);
        }
    }

    #[test]
    fn parts_of_a_line() {
        for (line, logger, spans, message) in [
            (
                r#"2021-08-12T07:58:04.323 INFO filecoin_proofs::api > 开始 > x"#,
                r#"filecoin_proofs::api"#,
                r#""#,
                r#"开始 > x"#,
            ),
            (r#"2021-08-12T07:58:04.000 ERROR bellperson >"#, r#"bellperson"#, r#""#, r#""#),
        ] {
            check::parts("fil_logger", line, logger, spans, message);
        }
    }

    #[test]
    fn other_lines() {
        for line in [
            "2021-08-12T07:58:04.323 INFO module: text",
            "2021-08-12T07:58:04.323Z INFO module > text",
            "2021-08-12T07:58:04 INFO module > text",
            "2021-08-12T07:58:04.323 INFO  > text",
        ] {
            check::refuses("fil_logger", line);
        }
    }
}
