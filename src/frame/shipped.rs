//! One physical line without its transport: what its writer wrote.
//!
//! Transports either write in front of a line ([`prefix`]) or wrap it. Docker's `json-file` logs wrap:
//!
//! ```text
//! {"log":"the line\n","stream":"stderr","time":"2022-06-24T06:33:24.000000001Z"}
//! ```
//! Such an object is unwrapped before the line is cleaned and its prefix peeled off. An object that
//! is cut short, by a limit or because the rest is not written yet, is read as far as it goes. A
//! line that docker split (every 16 KiB) stays split: each object is a line.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::line;
use super::prefix::{self, Shipped};
use super::time::{self, Stamp};
use crate::model::record::OTHER_WRITER;

/// How docker's objects open. In a line with these bytes anchors may be spelt with JSON's escapes.
pub const OBJECT: &[u8] = b"{\"log\":\"";
/// Half of a surrogate pair and all but the last byte of the other, `\ud83d\ude0`.
const CUT_ESCAPE_LENGTH_MAX: usize = 11;

/// What docker's `json-file` driver writes for a line; it may say more (`attrs`).
#[derive(Deserialize)]
struct Object {
    log: String,
    #[serde(rename = "stream")]
    _stream: String,
    time: String,
}

/// Takes everything off a physical line that a transport or a terminal added; gives what the transports tell, and the
/// line as its writer wrote it. Borrowed where nothing inside has to go.
pub fn unship<'l>(raw: &'l [u8], zone: &TimeZone) -> (Shipped, Cow<'l, str>) {
    let (object, text) = unwrapped(raw);
    let outer = object.map_or(Shipped::default(), |stamp| Shipped {
        time: stamp.and_then(|stamp| stamp.time(zone)),
        writer: Some(OTHER_WRITER),
    });
    match text {
        Cow::Borrowed(text) => {
            let (inner, message) = prefix::peel(text, zone);
            (outer.within(inner), Cow::Borrowed(message))
        }
        Cow::Owned(mut text) => {
            let (inner, message) = prefix::peel(&text, zone);
            let prefix = text.len() - message.len();
            text.drain(..prefix);
            (outer.within(inner), Cow::Owned(text))
        }
    }
}

/// A physical line unwrapped and cleaned; prefixes stay.
pub fn text(raw: &[u8]) -> Cow<'_, str> {
    unwrapped(raw).1
}

/// The line, and the time of docker's object if it was wrapped in one.
fn unwrapped(raw: &[u8]) -> (Option<Option<Stamp>>, Cow<'_, str>) {
    match object(line::trim(raw)) {
        Some((stamp, log)) => {
            let log = log.strip_suffix('\n').unwrap_or(&log);
            (Some(stamp), Cow::Owned(line::clean(log.as_bytes()).into_owned()))
        }
        None => (None, line::clean(raw)),
    }
}

/// The time and the text of docker's object; `None` if `raw` is none.
fn object(raw: &[u8]) -> Option<(Option<Stamp>, String)> {
    if !raw.starts_with(OBJECT) {
        return None;
    }
    match serde_json::from_slice::<Object>(raw) {
        Ok(Object { log, time, .. }) => Some((time::iso(&time).map(|(stamp, _)| stamp), log)),
        Err(cut) if cut.is_eof() => Some((None, cut_string(&raw[OBJECT.len() - 1..])?)),
        Err(_) => None,
    }
}

/// The JSON string that `json` starts with, as far as it goes: an escape or a character that is cut
/// is left out.
fn cut_string(json: &[u8]) -> Option<String> {
    (0..=CUT_ESCAPE_LENGTH_MAX).find_map(|cut| {
        let mut closed = json[..json.len().checked_sub(cut)?].to_vec();
        closed.push(b'"');
        // What stands behind the string is not looked at.
        serde_json::Deserializer::from_slice(&closed).into_iter().next()?.ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SHIPPED: &str = "2022-06-24T06:33:24.000000001Z";

    fn unshipped(raw: impl AsRef<[u8]>) -> (String, String) {
        let (shipped, text) = unship(raw.as_ref(), &TimeZone::UTC);
        (shipped.time.map(|time| time.to_string()).unwrap_or_default(), text.into_owned())
    }

    /// What docker writes for `text`.
    fn docker(text: &str) -> String {
        format!(r#"{{"log":{},"stream":"stderr","time":"{SHIPPED}"}}"#, json!(format!("{text}\n")))
    }

    #[test]
    fn an_object_is_unwrapped() {
        let tail = format!(r#","stream":"stderr","time":"{SHIPPED}"}}"#);
        for (raw, time, text) in [
            (format!(r#"{{"log":"text\n"{tail}"#), SHIPPED, "text"),
            (format!(r#"{{"log":"split by docker"{tail}"#), SHIPPED, "split by docker"),
            (format!(r#"{{"log":"\n"{tail}"#), SHIPPED, ""),
            (format!(r#"{{"log":"windows\r\n"{tail}"#), SHIPPED, "windows"),
            (
                format!(r#"{{"log":"a\tb \"c\" \\ \u003e 密封\u0026\n"{tail}"#),
                SHIPPED,
                "a\tb \"c\" \\ > 密封&",
            ),
            (format!(r#"{{"log":"\u001b[31mERROR\u001b[0m x\n"{tail}"#), SHIPPED, "ERROR x"),
            (
                r#"{"log":"x\n","stream":"stdout","attrs":{"tag":"w"},"time":"2022-06-24T06:33:24Z"}"#
                    .to_owned(),
                "2022-06-24T06:33:24Z",
                "x",
            ),
            (r#"{"log":"x\n","stream":"stdout","time":"yesterday"}"#.to_owned(), "", "x"),
            (docker("Jun 24 14:33:24 seal-07 sh[77]: x"), SHIPPED, "x"),
            (docker("2022-06-24T14:33:20+0800 seal-07 sh[7]: x"), "2022-06-24T14:33:20+08:00", "x"),
            (docker("2022-06-24T06:33:24.1Z  INFO a: b"), SHIPPED, "2022-06-24T06:33:24.1Z  INFO a: b"),
            (format!("\0\0{}\r", docker("behind a hole")), SHIPPED, "behind a hole"),
        ] {
            assert_eq!(unshipped(&raw), (time.to_owned(), text.to_owned()), "{raw}");
        }
    }

    #[test]
    fn a_cut_object_is_read_as_far_as_it_goes() {
        for (raw, text) in [
            (r#"{"log":""#, ""),
            (r#"{"log":"ab"#, "ab"),
            (r#"{"log":"ab\"#, "ab"),
            (r#"{"log":"ab\\"#, "ab\\"),
            (r#"{"log":"ab\""#, "ab\""),
            (r#"{"log":"ab\u00"#, "ab"),
            (r#"{"log":"ab\ud83d\ude0"#, "ab"),
            (r#"{"log":"ab\n"#, "ab"),
            (r#"{"log":"ab\n""#, "ab"),
            (r#"{"log":"ab\n","stream":"std"#, "ab"),
            (r#"{"log":"ab\n","stream":"stderr","time":"2022-06-24T06:33:24Z""#, "ab"),
        ] {
            assert_eq!(unshipped(raw), (String::new(), text.to_owned()), "{raw}");
        }
        assert_eq!(unshipped(b"{\"log\":\"ab\xe5\xaf").1, "ab");
    }

    #[test]
    fn what_is_no_object_of_docker_stays() {
        for raw in [
            r#"{"log":"#,
            r#"{"log":17}"#,
            r#"{"log":"x"}"#,
            r#"{"log":"x","level":"info"}"#,
            r#"{"log":"x","stream":"stderr","time":"t"} and more"#,
            r#"{"log":"bad \x","stream":"stderr","time":"t"}"#,
            r#"{"level":"info","log":"x"}"#,
            r#"text {"log":"x","stream":"stderr","time":"t"}"#,
        ] {
            assert_eq!(unshipped(raw), (String::new(), raw.to_owned()));
        }
    }

    #[test]
    fn nothing_is_copied_that_can_be_borrowed() {
        for raw in ["", "text", "worker-1  | text"] {
            assert!(matches!(unship(raw.as_bytes(), &TimeZone::UTC), (_, Cow::Borrowed(_))), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn docker_changes_nothing_but_the_time(line in "[^\\n]{0,80}") {
            let (_, text) = unship(line.as_bytes(), &TimeZone::UTC);
            // Only the outermost object is a transport's.
            prop_assume!(!line.contains("{\"log\":\""));
            prop_assert_eq!(unshipped(docker(&line)).1, text);
        }

        #[test]
        fn a_cut_object_tells_a_beginning(line in "[a-z\"\\\\\t名😀]{0,40}", cut in 8usize..200) {
            let raw = docker(&line).into_bytes();
            let cut = cut.min(raw.len());
            let (_, text) = unshipped(&raw[..cut]);
            prop_assert!(line.starts_with(&text), "{:?}", text);
        }

        #[test]
        fn bytes_of_any_kind_are_safe(bytes in any::<Vec<u8>>()) {
            unship(&[OBJECT, &bytes].concat(), &TimeZone::UTC);
        }
    }
}
