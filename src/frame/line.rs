//! One physical line: the bytes as they were shipped, made into the text their writer meant.

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2, memchr3};

const NUL: u8 = 0;
const BEL: u8 = 7;
const ESC: u8 = 0x1b;
pub(super) const BOM: char = '\u{feff}';
/// What a terminal, or a copy of it, shows in place of the escape byte.
const COPIED_ESC: [&[u8]; 2] = [b"^[", "\u{fffd}".as_bytes()];
/// `38;2;255;255;255` is the longest colour there is.
const SGR_LENGTH_MAX: usize = 16;

/// The text of one line, without its newline: what a transport or a terminal added is gone.
///
/// Removed are NULs, carriage returns at the end, a byte order mark at the start, ANSI escapes (CSI,
/// OSC, character sets), and colours whose escape byte a copy turned into `^[` or U+FFFD. Where a
/// copy lost that byte altogether (`[33mWARN[0m`) the colours go if the line has the `[0m` that ends
/// every colour: `[5m]` alone may be a duration. Invalid UTF-8 is replaced.
///
/// Cleaning a clean line changes nothing.
pub fn clean(raw: &[u8]) -> Cow<'_, str> {
    let mut buffer = Buffer::default();
    clean_into(raw, &mut buffer).map_or_else(|| Cow::Owned(buffer.text), Cow::Borrowed)
}

/// Memory for the text of one line, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) text: String,
    spare: String,
}

/// Cleans as [`clean`] does; `None` where something inside had to go: the text is then in `buffer`.
pub(super) fn clean_into<'l>(raw: &'l [u8], buffer: &mut Buffer) -> Option<&'l str> {
    let raw = trim(raw);
    if let Some(text) = plain(raw) {
        return Some(text);
    }
    let Buffer { text, spare } = buffer;
    text.clear();
    text.reserve(raw.len());
    for chunk in raw.utf8_chunks() {
        strip(chunk.valid(), Lost::Kept, text);
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    if memchr::memmem::find(text.as_bytes(), b"[0m").is_some() {
        std::mem::swap(text, spare);
        text.clear();
        strip(spare, Lost::Stripped, text);
    }
    text.truncate(text.trim_end_matches('\r').len());
    let marks = text.len() - text.trim_start_matches(BOM).len();
    text.drain(..marks);
    None
}

/// Whether [`clean`] would return `raw` as it stands.
pub fn is_plain(raw: &[u8]) -> bool {
    trim(raw).len() == raw.len() && plain(raw).is_some()
}

/// What becomes of a colour whose escape byte was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    Kept,
    Stripped,
}

/// Takes off what can go without a copy: a file truncated while it was written begins with NULs.
pub(super) fn trim(mut raw: &[u8]) -> &[u8] {
    while let Some(rest) = raw.strip_prefix(b"\0").or_else(|| raw.strip_prefix("\u{feff}".as_bytes())) {
        raw = rest;
    }
    while let [rest @ .., NUL | b'\r'] = raw {
        raw = rest;
    }
    raw
}

/// `raw` as text, if nothing inside has to go.
fn plain(raw: &[u8]) -> Option<&str> {
    if memchr2(NUL, ESC, raw).is_some() {
        return None;
    }
    let coloured = memchr_iter(b'[', raw).any(|open| {
        let digits = raw[open + 1..].iter().take(SGR_LENGTH_MAX + 1);
        let end = open + 1 + digits.take_while(|&&byte| is_sgr_parameter(byte)).count();
        raw.get(end) == Some(&b'm')
            && (raw[open..].starts_with(b"[0m") || colour_start(&raw[..end], Lost::Kept).is_some())
    });
    if coloured { None } else { std::str::from_utf8(raw).ok() }
}

/// Appends `from` to `to`. Colours are taken off what is already written, when their last byte
/// comes: so a colour that appears because another one within it went is seen too.
fn strip(from: &str, lost: Lost, to: &mut String) {
    let mut rest = from;
    while let Some(at) = memchr3(NUL, ESC, b'm', rest.as_bytes()) {
        to.push_str(&rest[..at]);
        let escape = &rest[at..];
        rest = match escape.as_bytes()[0] {
            NUL => &escape[1..],
            ESC => &escape[escape_length(escape.as_bytes())..],
            _ => {
                match colour_start(to.as_bytes(), lost) {
                    Some(start) => to.truncate(start),
                    None => to.push('m'),
                }
                &escape[1..]
            }
        };
    }
    to.push_str(rest);
}

/// The bytes of the escape that `escape` starts with; 1, the escape byte alone, where it is cut
/// short or of another kind.
fn escape_length(escape: &[u8]) -> usize {
    let whole = match escape.get(1) {
        Some(b'[') => closed(escape, 2, 0x30..=0x3f).and_then(|at| closed(escape, at, 0x20..=0x2f)),
        Some(b']') => return operating_system_command(escape).unwrap_or(1),
        Some(0x20..=0x2f) => closed(escape, 1, 0x20..=0x2f),
        _ => None,
    };
    match whole.and_then(|at| escape.get(at).map(|last| (at, last))) {
        Some((at, 0x30..=0x7e)) => at + 1,
        _ => 1,
    }
}

/// Steps over the bytes in `range` from `at` on.
fn closed(escape: &[u8], at: usize, range: std::ops::RangeInclusive<u8>) -> Option<usize> {
    let run = escape.get(at..)?.iter().take_while(|byte| range.contains(byte)).count();
    Some(at + run)
}

/// `ESC ] … BEL` or `ESC ] … ESC \`. It stops at the first escape byte, so that a line full of
/// openings is still read once.
fn operating_system_command(escape: &[u8]) -> Option<usize> {
    let end = 2 + memchr2(BEL, ESC, &escape[2..])?;
    match escape[end..] {
        [BEL, ..] => Some(end + 1),
        [ESC, b'\\', ..] => Some(end + 2),
        _ => None,
    }
}

/// Where the colour starts that an `m` behind `text` would end.
fn colour_start(text: &[u8], lost: Lost) -> Option<usize> {
    let parameters =
        text.iter().rev().take(SGR_LENGTH_MAX).take_while(|&&byte| is_sgr_parameter(byte)).count();
    let open = text[..text.len() - parameters].strip_suffix(b"[")?;
    for copied in COPIED_ESC {
        if let Some(before) = open.strip_suffix(copied) {
            return Some(before.len());
        }
    }
    (lost == Lost::Stripped && parameters > 0).then_some(open.len())
}

fn is_sgr_parameter(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b';'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_added_is_taken_off() {
        for (raw, text) in [
            (
                &b"\x1b[2m2022-06-24T06:33:24Z\x1b[0m \x1b[32m INFO\x1b[0m x"[..],
                "2022-06-24T06:33:24Z  INFO x",
            ),
            (b"a\x1b[38;2;1;22;133mb\x1b[0m\x1b[Kc", "abc"),
            (b"\x1b]0;a title\x07text", "text"),
            (b"\x1b]8;;http://example.org\x1b\\text\x1b]8;;\x1b\\", "text"),
            (b"\x1b(B\x1b[mtext", "text"),
            (b"^[[33mWARN^[[0m x^[[m", "WARN x"),
            ("\u{fffd}[34mINFO\u{fffd}[0m x".as_bytes(), "INFO x"),
            (b"\xff[34mINFO\xff[0m x", "INFO x"),
            (b"[33mWARN[0m x", "WARN x"),
            (b"[2m2022-06-24T06:33:24Z[0m [1;31mERROR[0m x", "2022-06-24T06:33:24Z ERROR x"),
            (b"windows\r", "windows"),
            (b"\r\r\r", ""),
            (b"in\rside", "in\rside"),
            (b"\0\0\0hole\0s\0", "holes"),
            (b"\xef\xbb\xbfmark", "mark"),
            (b"bad \xe6\x89 bytes \xff", "bad \u{fffd} bytes \u{fffd}"),
            ("扇区 17 密封失败\r".as_bytes(), "扇区 17 密封失败"),
            (b"cut short \x1b[3", "cut short [3"),
            (b"cut short \x1b]0;title", "cut short ]0;title"),
            (b"a colour [3\x1b[0m4m within [0m a colour", "a colour  within  a colour"),
        ] {
            assert_eq!(clean(raw), text, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn what_was_meant_stays_and_is_not_copied() {
        for text in [
            "",
            "rate(sealed[5m])",
            "took [1m30s], window [30m]",
            "[1, 2, 3] and [m] and [31 m]",
            "^[a-z]+m",
            "[12345.678901] nvme0: I/O error",
            "密封 [完成]",
        ] {
            assert!(matches!(clean(text.as_bytes()), Cow::Borrowed(same) if same == text), "{text}");
            assert!(is_plain(text.as_bytes()), "{text}");
        }
        assert!(matches!(clean(b"\0\xef\xbb\xbftext\r"), Cow::Borrowed("text")));
        assert!(!is_plain(b"text\r"));
    }

    /// Bytes of which escapes are made, so that whole ones and broken ones are common.
    fn escapes() -> impl Strategy<Value = Vec<u8>> {
        let parts: [&[u8]; 18] = [
            b"\0",
            b"\r",
            b"\x1b",
            b"[",
            b"]",
            b"^[",
            b"0",
            b"3",
            b";",
            b"m",
            b"K",
            b"(",
            b"\\",
            b"\x07",
            b"\xff",
            b"\xef\xbb\xbf",
            b"\xef\xbf\xbd",
            b"[0m",
        ];
        prop::collection::vec(prop::sample::select(parts.to_vec()), 0..24).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(raw in prop_oneof![escapes(), any::<Vec<u8>>()]) {
            let once = clean(&raw);
            prop_assert!(!once.contains(['\0', '\x1b']));
            prop_assert_eq!(&clean(once.as_bytes()), &once);
            prop_assert!(is_plain(once.as_bytes()), "{:?}", once);
        }

        #[test]
        fn a_plain_line_is_the_one_that_cleaning_leaves(raw in prop_oneof![escapes(), any::<Vec<u8>>()]) {
            prop_assert_eq!(is_plain(&raw), clean(&raw).as_bytes() == raw);
        }

        #[test]
        fn a_buffer_keeps_nothing_of_the_line_before(lines in prop::collection::vec(escapes(), 0..6)) {
            let mut buffer = Buffer::default();
            for line in lines {
                let text = clean_into(&line, &mut buffer).unwrap_or(&buffer.text);
                prop_assert_eq!(text, &*clean(&line));
            }
        }
    }
}
