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
use memchr::memchr2;
use serde::Deserialize;
use serde::de::IgnoredAny;

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
struct Object<'l> {
    /// Begins behind [`OBJECT`], and is read from there.
    #[serde(rename = "log")]
    _log: IgnoredAny,
    #[serde(borrow, rename = "stream")]
    _stream: Cow<'l, str>,
    #[serde(borrow)]
    time: Cow<'l, str>,
}

/// Memory for the text of one line, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    line: line::Buffer,
    /// The text of docker's object.
    log: String,
}

impl Buffer {
    /// The text of the last line that did not stay as it was.
    pub(super) fn text(&self) -> &str {
        &self.line.text
    }
}

/// Takes everything off a physical line that a transport or a terminal added; gives what the transports tell, and the
/// line as its writer wrote it. Borrowed where nothing inside has to go.
pub fn unship<'l>(raw: &'l [u8], zone: &TimeZone) -> (Shipped, Cow<'l, str>) {
    let (object, text) = unwrapped(raw);
    let outer = told(object, zone);
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
    let mut buffer = Buffer::default();
    let (object, text) = unwrap_into(raw, &mut buffer);
    (object, text.map_or_else(|| Cow::Owned(buffer.line.text), Cow::Borrowed))
}

/// The same; the line is `None` where something of it had to go: its text is then in `buffer`.
fn unwrap_into<'l>(raw: &'l [u8], buffer: &mut Buffer) -> (Option<Option<Stamp>>, Option<&'l str>) {
    let Buffer { line, log } = buffer;
    let Some(stamp) = object(line::trim(raw), log) else { return (None, line::clean_into(raw, line)) };
    let log = log.strip_suffix('\n').unwrap_or(log);
    if let Some(plain) = line::clean_into(log.as_bytes(), line) {
        line.text.clear();
        line.text.push_str(plain);
    }
    (Some(stamp), None)
}

/// A physical line unwrapped and cleaned, as [`text`] gives it, and what docker's object tells of it. `None`: the text is
/// in `buffer`.
pub(super) fn text_into<'l>(
    raw: &'l [u8],
    zone: &TimeZone,
    buffer: &mut Buffer,
) -> (Shipped, Option<&'l str>) {
    let (object, text) = unwrap_into(raw, buffer);
    (told(object, zone), text)
}

/// What docker's object tells of its line.
fn told(object: Option<Option<Stamp>>, zone: &TimeZone) -> Shipped {
    object.map_or(Shipped::default(), |stamp| Shipped {
        time: stamp.and_then(|stamp| stamp.time(zone)),
        writer: Some(OTHER_WRITER),
    })
}

/// The time of docker's object, whose text goes to `log`; `None` if `raw` is none.
fn object(raw: &[u8], log: &mut String) -> Option<Option<Stamp>> {
    if !raw.starts_with(OBJECT) {
        return None;
    }
    match serde_json::from_slice::<Object<'_>>(raw) {
        Ok(Object { time, .. }) => {
            unescape(&raw[OBJECT.len()..], log)?;
            Some(time::iso(&time).map(|(stamp, _)| stamp))
        }
        Err(cut) if cut.is_eof() => {
            *log = cut_string(&raw[OBJECT.len() - 1..])?;
            Some(None)
        }
        Err(_) => None,
    }
}

/// Writes to `text` what the JSON string says whose opening quote stands before `json`; `None` if it is no text.
fn unescape(json: &[u8], text: &mut String) -> Option<()> {
    text.clear();
    let mut rest = json;
    loop {
        let at = memchr2(b'"', b'\\', rest)?;
        text.push_str(std::str::from_utf8(&rest[..at]).ok()?);
        if rest[at] == b'"' {
            return Some(());
        }
        let (&escape, after) = rest[at + 1..].split_first()?;
        rest = after;
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit;
                (unit, rest) = code_unit(rest)?;
                match unit {
                    0xd800..=0xdbff => {
                        let (low, after) = code_unit(rest.strip_prefix(b"\\u")?)?;
                        rest = after;
                        let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + low)?
                    }
                    _ => char::from_u32(unit)?,
                }
            }
            // A quote or a slash stands for itself.
            other => char::from(other),
        });
    }
}

/// The four hexadecimal digits that `json` starts with, and what follows.
fn code_unit(json: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = json.split_at_checked(4)?;
    let digits = digits.iter().map(|&digit| char::from(digit).to_digit(16));
    Some((digits.reduce(|unit, digit| Some(unit? * 16 + digit?))??, rest))
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

        /// What is no escape of JSON, or half of a character, is no text.
        #[test]
        fn a_string_says_what_json_says(
            parts in prop::collection::vec(prop_oneof![
                Just("\\ud83d".to_owned()), Just("\\ude00".to_owned()), Just("\\u00e9".to_owned()), Just("\\u00g9".to_owned()),
                Just("\\n".to_owned()), Just("\\\"".to_owned()), Just("\\\\".to_owned()), Just("\\/".to_owned()), Just("\\x".to_owned()),
                "[a-z密 ]{0,4}",
            ], 0..8),
        ) {
            let raw = format!(r#"{{"log":"{}","stream":"stderr","time":"{SHIPPED}"}}"#, parts.concat());
            let said: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&raw).ok();
            let said = said.map(|object| object["log"].as_str().unwrap().to_owned());
            let mut log = String::new();
            let read = object(raw.as_bytes(), &mut log).map(|_| log);
            prop_assert_eq!(read, said);
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
