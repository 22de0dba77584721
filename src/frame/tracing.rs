//! Lines of the worker and of other programs that log through `tracing`.
//!
//! ```text
//! 2025-09-26T18:03:53.12+08:00  INFO ThreadId(07) module{name="w"}:seal{sector=Some(17)}: target: text
//! ```
//! The thread may be missing (the default of `tracing`), and so may the spans. The first worker's
//! second logger wrote the same with single spaces. `<unknown time>` stands for a time that could
//! not be told.

use super::opening::{FIELDS, Format, Opening, Parts};
use super::read;
use super::time::{Stamped, Zone};
use crate::model::record::Fields;

pub(super) const FORMAT: Format = Format { name: "tracing", open, fields, parts };

fn open<'l>(line: &'l str, stamped: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let (stamp, rest) = match line.strip_prefix("<unknown time>") {
        Some(rest) => (None, rest),
        None => {
            let (stamp, rest) = stamped?;
            if !matches!(stamp.zone, Zone::Utc | Zone::Colon(_)) {
                return None;
            }
            (Some(stamp), rest)
        }
    };
    let (level, rest) = read::level(read::past_blanks(rest)?)?;
    Some(Opening { stamp, level: Some(level), rest: rest.strip_prefix(' ')?, ..Opening::default() })
}

fn fields(rest: &str) -> Fields {
    let mut fields = Fields::new();
    let mut rest = past_thread(rest);
    while let Some((span, inside)) = enter(rest) {
        let Some(after) = walk(inside, |key, value| tell(&mut fields, span, key, value)) else { break };
        rest = after;
    }
    fields
}

/// `spans: target: text`. A span may have no fields; one that stands alone cannot be told from a target.
fn parts<'l>(_: &'l str, rest: &'l str) -> Parts<'l> {
    let from = past_thread(rest);
    let mut rest = from;
    while let Some((_, inside)) = enter(rest) {
        let Some(after) = walk(inside, |_, _| ()) else { break };
        rest = after;
    }
    if rest.len() < from.len()
        && let Some((names, target)) = rest.split_once(' ')
        && names.is_empty() | names.ends_with(':')
    {
        rest = target;
    }
    let spans = from[..from.len() - rest.len()].trim_end_matches([' ', ':']);
    match rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, ""))) {
        Some((target, message)) if !target.contains(' ') => Parts { logger: Some(target), spans, message },
        _ => Parts { spans, ..Parts::message(rest) },
    }
}

fn past_thread(line: &str) -> &str {
    let past = |line| read::digits(line)?.1.strip_prefix(") ");
    line.strip_prefix("ThreadId(").and_then(past).unwrap_or(line)
}

/// The name of the next span that has fields, and what follows its `{`.
fn enter(line: &str) -> Option<(&str, &str)> {
    let (names, inside) = line.split_at_checked(line.find(['{', ' '])?)?;
    let name = names.rsplit(':').next()?;
    Some((name, inside.strip_prefix('{')?))
}

/// Tells each `key=value` up to the `}:` that ends a span, and gives what follows.
fn walk<'l>(inside: &'l str, mut tell: impl FnMut(&'l str, &'l str)) -> Option<&'l str> {
    let mut rest = inside;
    loop {
        let (pair, after) = rest.split_at_checked(value_end(rest)?)?;
        if let Some((key, value)) = pair.split_once('=') {
            tell(key, value);
        }
        match after.strip_prefix(' ') {
            Some(after) => rest = after,
            None => return after.strip_prefix("}:"),
        }
    }
}

/// The first space or `}` that no quote and no bracket holds.
fn value_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b' ' | b'}' if depth == 0 => return Some(at),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Keeps a field that heads tell of. A child process names its stage in the span `sub`.
fn tell(fields: &mut Fields, span: &str, key: &str, value: &str) {
    let key = if (span, key) == ("sub", "name") { "stage" } else { key };
    let value = value.strip_prefix("Some(").and_then(|value| value.strip_suffix(')')).unwrap_or(value);
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    if FIELDS.contains(&key) && value != "None" {
        fields.insert(key.to_owned(), value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        let worker = "damocles_worker::sealing: text";
        for (opening, time, level) in [
            (
                "2025-09-26T18:03:53.123456789+08:00  INFO ThreadId(07)",
                "2025-09-26T18:03:53.123456789+08:00",
                "INFO",
            ),
            ("2025-09-26T18:03:53+08:00 DEBUG ThreadId(278)", "2025-09-26T18:03:53+08:00", "DEBUG"),
            ("2025-09-26T18:03:53.5+08:00  WARN ThreadId(07)", "2025-09-26T18:03:53.5+08:00", "WARN"),
            ("2022-05-01T10:03:53.12Z ERROR ThreadId(01)", "2022-05-01T10:03:53.12Z", "ERROR"),
            ("2022-05-01T10:03:53.123456Z TRACE", "2022-05-01T10:03:53.123456Z", "TRACE"),
            ("2022-05-01T10:03:53.123Z  INFO", "2022-05-01T10:03:53.123Z", "INFO"),
            ("2021-12-01T18:03:53.120+08:00 WARN ThreadId(1)", "2021-12-01T18:03:53.120+08:00", "WARN"),
            ("<unknown time>  INFO ThreadId(07)", "", "INFO"),
            ("2025-13-45T18:03:53+08:00 ERROR ThreadId(07)", "", "ERROR"),
        ] {
            check::opens("tracing", &format!("{opening} {worker}"), time, level, &[]);
        }
    }

    #[test]
    fn spans_tell_fields() {
        let opening = "2025-09-26T18:04:10.5+08:00 ERROR ThreadId(07)";
        let time = "2025-09-26T18:04:10.5+08:00";
        for (rest, fields) in [
            (
                r#"module{name="worker-0"}:seal{miner=Some(1000) sector=Some(17) event=Some(AssignTicket)}:handle{prev=A current=B}: damocles_worker::sealing: 密封 sector=18"#,
                &[("miner", "1000"), ("sector", "17")][..],
            ),
            (r#"module{name="w"}:seal{miner=None sector=None event=None}: venus_worker: x"#, &[]),
            (r#"seal{miner=Some(1000) sector=None event="None"}: venus_worker: x"#, &[("miner", "1000")]),
            ("sub{name=pc1 pid=1234}:request{id=1 size=2345}: vc_processors: x", &[("stage", "pc1")]),
            ("outer:sub{name=\"c2\" pid=1}:bare: vc_processors: x", &[("stage", "c2")]),
            (r#"seal{event=Some(Set({"a}": [1, 2]})) miner=Some(7)}: t: x"#, &[("miner", "7")]),
            (r#"seal{event="a \" }: b" miner=Some(7)}: t: x"#, &[("miner", "7")]),
            ("damocles_worker::sealing: text with seal{miner=Some(1)}: in it", &[]),
            ("cut{miner=Some(1000) sector=Some(", &[("miner", "1000")]),
            ("cut{", &[]),
            ("", &[]),
        ] {
            check::opens("tracing", &format!("{opening} {rest}"), time, "ERROR", fields);
        }
    }

    #[test]
    fn parts_of_a_line() {
        for (line, logger, spans, message) in [
            (
                r#"2025-09-26T18:04:10.5+08:00 ERROR ThreadId(07) damocles_worker::sealing: text: more"#,
                r#"damocles_worker::sealing"#,
                r#""#,
                r#"text: more"#,
            ),
            (r#"2025-09-26T18:04:10.5+08:00 ERROR vc_processors: x"#, r#"vc_processors"#, r#""#, r#"x"#),
            (
                r#"2025-09-26T18:04:10.5+08:00 ERROR ThreadId(07) module{name="w"}:seal{sector=Some(17) event=Some(Set({"a": 1}))}: venus_worker: x"#,
                r#"venus_worker"#,
                r#"module{name="w"}:seal{sector=Some(17) event=Some(Set({"a": 1}))}"#,
                r#"x"#,
            ),
            (
                r#"2025-09-26T18:04:10.5+08:00 ERROR outer:sub{name="c2" pid=1}:bare: vc_processors: x"#,
                r#"vc_processors"#,
                r#"outer:sub{name="c2" pid=1}:bare"#,
                r#"x"#,
            ),
            (
                r#"2025-09-26T18:04:10.5+08:00 ERROR ThreadId(07) a::b: text with seal{miner=Some(1)}: in it"#,
                r#"a::b"#,
                r#""#,
                r#"text with seal{miner=Some(1)}: in it"#,
            ),
            (r#"2025-09-26T18:04:10.5+08:00 ERROR ThreadId(07) a::b:"#, r#"a::b"#, r#""#, r#""#),
            (r#"2025-09-26T18:04:10.5+08:00 ERROR no target here"#, r#""#, r#""#, r#"no target here"#),
            (r#"2025-09-26T18:04:10.5+08:00 ERROR cut{miner=Some("#, r#""#, r#""#, r#"cut{miner=Some("#),
        ] {
            check::parts("tracing", line, logger, spans, message);
        }
    }

    #[test]
    fn other_lines() {
        for line in [
            "2025-09-26T18:03:53.123 INFO module > text",
            "2025-09-26T18:03:53.123456+0800  INFO module: text",
            "2025-09-26T18:03:53.123Z the level is missing",
            "2025-09-26T18:03:53.123Z  info module: text",
            "   0: no such file",
            "'. child_pid=12345",
            "",
        ] {
            check::refuses("tracing", line);
        }
    }
}
