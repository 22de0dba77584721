//! Lines of small Rust programs that log through `env_logger`.
//!
//! ```text
//! [2024-01-01T00:00:00Z INFO  module] text
//! ```

use super::opening::{Format, Opening, Parts, no_fields};
use super::read;
use super::time::{self, Stamped, Zone};

pub(super) const FORMAT: Format = Format { name: "env_logger", open, fields: no_fields, parts };

fn open<'l>(line: &'l str, _: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let (stamp, rest) = time::iso(line.strip_prefix('[')?)?;
    let (level, rest) = read::level(rest.strip_prefix(' ')?)?;
    if stamp.zone == Zone::Absent || !rest.starts_with([' ', ']']) {
        return None;
    }
    Some(Opening { stamp: Some(stamp), level: Some(level), rest, ..Opening::default() })
}

/// `  module] text`, the module missing where the program says none.
fn parts<'l>(_: &'l str, rest: &'l str) -> Parts<'l> {
    let Some((module, message)) = rest.split_once(']') else { return Parts::message(rest) };
    let module = module.trim_start_matches(' ');
    let message = message.strip_prefix(' ').unwrap_or(message);
    Parts { logger: Some(module).filter(|module| !module.is_empty()), ..Parts::message(message) }
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        for (line, time, level) in [
            ("[2024-01-01T00:00:00Z INFO  module::inner] text", "2024-01-01T00:00:00Z", "INFO"),
            ("[2024-01-01T00:00:00.123456Z ERROR module] 失败", "2024-01-01T00:00:00.123456Z", "ERROR"),
            ("[2024-01-01T00:00:00Z WARN] text", "2024-01-01T00:00:00Z", "WARN"),
            ("[2024-01-32T00:00:00Z WARN  module] text", "", "WARN"),
        ] {
            check::opens("env_logger", line, time, level, &[]);
        }
    }

    #[test]
    fn parts_of_a_line() {
        for (line, logger, spans, message) in [
            (
                r#"[2024-01-01T00:00:00Z INFO  module::inner] text [x]"#,
                r#"module::inner"#,
                r#""#,
                r#"text [x]"#,
            ),
            (r#"[2024-01-01T00:00:00Z WARN] text"#, r#""#, r#""#, r#"text"#),
        ] {
            check::parts("env_logger", line, logger, spans, message);
        }
    }

    #[test]
    fn other_lines() {
        for line in
            ["[2024-01-01T00:00:00Z] text", "[2024-01-01T00:00:00 INFO module] text", "[INFO module] text"]
        {
            check::refuses("env_logger", line);
        }
    }
}
