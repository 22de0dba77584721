//! Records as one JSON object a line: zap and `fil_logger` under `GOLOG_LOG_FMT=json`.
//!
//! ```text
//! {"level":"warn","ts":"2021-05-10T07:02:38.527+1000","logger":"rpc","caller":"a/b.go:1","msg":"text"}
//! ```
//! Level and time stand first, always: they are read from there, since `fil_logger` escapes its
//! messages as Rust does and not every line of it is JSON.

use serde_json::{Map, Value};

use super::opening::{FIELDS, Format, Opening};
use super::time::Stamped;
use super::{read, time};
use crate::model::record::{Fields, Level};

pub(super) const FORMAT: Format = Format { name: "json", open, fields };

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
    fn other_lines() {
        for line in ["{", "{}", r#"{"id":1,"level":"info"}"#, r#" {"level":"info"}"#] {
            check::refuses("json", line);
        }
    }
}
