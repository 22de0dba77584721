//! Text from logs, made safe to show.
//!
//! A log line may hold anything: whoever can make a program log can write to the chat of those who
//! watch it. Nothing here knows a destination's markup; that is the destination's own file.

/// The text without what drives a terminal or turns reading order around: C0 and C1 controls but
/// newline and tab, bidirectional controls, and separators that break a line unseen.
pub fn clean(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    text.chars().filter(|&c| !is_control(c)).collect()
}

/// The same on one line: newlines and tabs become spaces.
pub fn clean_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

/// The text as it stands in HTML, between tags and in a quoted attribute.
pub fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// At most `chars_max` characters of `text`, the last of them `…` if something was cut.
pub fn cut(text: &str, chars_max: usize) -> String {
    if text.len() <= chars_max {
        return text.to_owned();
    }
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The same JSON, safe to look at: what drives a terminal is written as `\u009b`.
pub fn escape_json(json: String) -> String {
    if is_plain(&json) || !json.chars().any(is_control) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + json.len() / 8);
    for c in json.chars() {
        if is_control(c) {
            // None of them needs two units.
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// `1 file`, `2 files`.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The width of a column with these values below `head`.
pub fn width<'a>(values: impl Iterator<Item = &'a String>, head: &str) -> usize {
    values.map(|value| value.chars().count()).chain([head.len()]).max().unwrap_or(0)
}

/// Whether nothing but ASCII to read is in it, and newlines and tabs: so it is with most texts, and said
/// of many bytes at a time.
fn is_plain(text: &str) -> bool {
    let is_special = |byte| !matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    !text.bytes().fold(false, |special, byte| special | is_special(byte))
}

/// Whether a character drives a terminal, turns reading order around or breaks a line unseen.
pub fn is_control(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{feff}' => true,
        _ => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_taken_out() {
        for (text, cleaned) in [
            ("plain 错误 é", "plain 错误 é"),
            ("a\tb\nc", "a\tb\nc"),
            ("\u{1b}]8;;https://evil\u{7}click\u{1b}]8;;\u{7}", "]8;;https://evilclick]8;;"),
            ("\u{9b}31mred", "31mred"),
            ("\r\0\u{8}x\u{7f}", "x"),
            ("user\u{202e}gpj.exe", "usergpj.exe"),
            ("a\u{2066}b\u{2069}c\u{200f}d\u{2028}e", "abcde"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
        assert_eq!(clean_line("a\n\tb"), "a  b");
    }

    #[test]
    fn controls_of_json_are_escaped_and_stay() {
        let text = "a\u{9b}31m\u{202e}错\u{7f}\u{feff}";
        let json = escape_json(format!("\"{text}\""));
        assert_eq!(json, r#""a\u009b31m\u202e错\u007f\ufeff""#);
        assert_eq!(escape_json("\"错\"".to_owned()), "\"错\"");
    }

    #[test]
    fn a_cut_counts_characters_and_shows() {
        for (text, max, expected) in [
            ("错误错误", 4, "错误错误"),
            ("错误错误", 3, "错误…"),
            ("ab", 1, "…"),
            ("ab", 2, "ab"),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, max), expected, "{text} {max}");
        }
    }
}
