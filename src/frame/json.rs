//! Records as one JSON object a line: zap and `fil_logger` under `GOLOG_LOG_FMT=json`.
//!
//! ```text
//! {"level":"warn","ts":"2021-05-10T07:02:38.527+1000","logger":"rpc","caller":"a/b.go:1","msg":"text"}
//! ```
//! Level and time stand first, always: they are read from there, since `fil_logger` escapes its
//! messages as Rust does and not every line of it is JSON.

use memchr::memchr2;
use serde_json::{Map, Value};

use super::opening::{FIELDS, Format, Opening, Parts};
use super::time::Stamped;
use super::{read, time};
use crate::model::record::{Fields, Level};

pub(super) const FORMAT: Format = Format { name: "json", open, fields, parts };

fn open<'l>(line: &'l str, _: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let rest = line.strip_prefix("{\"level\":")?;
    let (level, rest) = level(rest).unwrap_or((None, rest));
    let stamp = rest.strip_prefix(",\"ts\":\"").and_then(time::iso).map(|(stamp, _)| stamp);
    Some(Opening { stamp, level, rest: line, ..Opening::default() })
}

fn level(line: &str) -> Option<(Option<Level>, &str)> {
    let (name, rest) = read::run(line.trim_start().strip_prefix('"')?, |byte| byte.is_ascii_alphabetic());
    Some((Level::named(name), rest.strip_prefix('"')?))
}

fn fields(line: &str) -> Fields {
    object(line).unwrap_or_default()
}

/// Reads key by key up to the message: `fil_logger` ends its lines there, and zap puts its fields behind it.
fn parts<'l>(line: &'l str, _: &'l str) -> Parts<'l> {
    let mut logger = None;
    let mut rest = line;
    while let Some((key, after)) = rest.strip_prefix(['{', ',']).and_then(string) {
        let Some((value, after)) = after.strip_prefix(':').and_then(scalar) else { break };
        match key {
            "msg" | "message" => return Parts { logger, ..Parts::message(value) },
            "logger" => logger = Some(value),
            _ => {}
        }
        rest = after;
    }
    Parts { logger, ..Parts::message(line) }
}

/// A string as it is written, without its quotes, or another value that holds no others.
fn scalar(json: &str) -> Option<(&str, &str)> {
    string(json).or_else(|| {
        let end = json.find([',', '}'])?;
        (!json.starts_with(['{', '['])).then(|| json.split_at(end))
    })
}

fn string(json: &str) -> Option<(&str, &str)> {
    let inside = json.strip_prefix('"')?;
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', &inside.as_bytes()[at..])?;
        if inside.as_bytes()[at] == b'"' {
            return Some((&inside[..at], &inside[at + 1..]));
        }
        // A backslash and the first byte of what it escapes.
        at = (at + 2).min(inside.len());
    }
}

/// The fields that a JSON object tells; `None` if `text` is not one object to its end.
pub(super) fn object(text: &str) -> Option<Fields> {
    let mut object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let scalar = |value| match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let told = FIELDS.into_iter().filter_map(|key| Some((key.to_owned(), scalar(object.remove(key)?)?)));
    Some(told.collect())
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        for (line, time, level, fields) in [
            (
                r#"{"level":"warn","ts":"2021-05-10T07:02:38.527+1000","logger":"rpc","msg":"失败","miner":1000}"#,
                "2021-05-10T07:02:38.527+10:00",
                "WARN",
                &[("miner", "1000")][..],
            ),
            (
                r#"{"level":"info","ts":"2021-05-10T07:02:38.527Z","msg":"a\nb","sector":"s-t01000-17"}"#,
                "2021-05-10T07:02:38.527Z",
                "INFO",
                &[("sector", "s-t01000-17")],
            ),
            (
                r#"{"level":"error","ts":"2021-05-10T07:02:38.527+0800","caller":"a.rs:1","msg":"a \u{1b} \'"}"#,
                "2021-05-10T07:02:38.527+08:00",
                "ERROR",
                &[],
            ),
            (r#"{"level":"dpanic","ts":1620594158.527,"msg":"x"}"#, "", "FATAL", &[]),
            (r#"{"level":"info","ts":"2021-05-"#, "", "INFO", &[]),
            (r#"{"level":30,"time":1620594158527,"stage":"pc1"}"#, "", "", &[("stage", "pc1")]),
        ] {
            check::opens("json", line, time, level, fields);
        }
    }

    #[test]
    fn parts_of_a_line() {
        for (line, logger, spans, message) in [
            (
                r#"{"level":"warn","ts":"2021-05-10T07:02:38.527+1000","logger":"rpc","caller":"a/b.go:1","msg":"a \"b\" 失败","miner":1000}"#,
                r#"rpc"#,
                r#""#,
                r#"a \"b\" 失败"#,
            ),
            (r#"{"level":"error","ts":1620594158.527,"msg":"x"}"#, r#""#, r#""#, r#"x"#),
            (
                r#"{"level":30,"deep":{"msg":"x"},"msg":"y"}"#,
                r#""#,
                r#""#,
                r#"{"level":30,"deep":{"msg":"x"},"msg":"y"}"#,
            ),
            (
                r#"{"level":"info","logger":"rpc","msg":"cut \"#,
                r#"rpc"#,
                r#""#,
                r#"{"level":"info","logger":"rpc","msg":"cut \"#,
            ),
        ] {
            check::parts("json", line, logger, spans, message);
        }
    }

    #[test]
    fn other_lines() {
        for line in ["{", "{}", r#"{"id":1,"level":"info"}"#, r#" {"level":"info"}"#] {
            check::refuses("json", line);
        }
    }
}
