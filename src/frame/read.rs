//! Small steps along a line: each reads one thing at its start and gives what follows.
//!
//! All of them work on any text; none looks further than the thing it reads.

use std::str::FromStr;

use crate::model::record::Level;

/// Exactly `width` digits.
pub(super) fn number<N: FromStr>(line: &str, width: usize) -> Option<(N, &str)> {
    let (digits, rest) = line.split_at_checked(width)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

/// The longest start of `line` whose bytes are all `like`, which holds for ASCII only; it may be empty.
pub(super) fn run(line: &str, like: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = line.bytes().position(|byte| !(byte.is_ascii() && like(byte))).unwrap_or(line.len());
    line.split_at(end)
}

/// One or more digits.
pub(super) fn digits(line: &str) -> Option<(&str, &str)> {
    let (digits, rest) = run(line, |byte| byte.is_ascii_digit());
    (!digits.is_empty()).then_some((digits, rest))
}

/// What follows one or more spaces or TABs.
pub(super) fn past_blanks(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches([' ', '\t']);
    (rest.len() < line.len()).then_some(rest)
}

/// What follows a process id, `[77]`.
pub(super) fn past_pid(line: &str) -> Option<&str> {
    digits(line.strip_prefix('[')?)?.1.strip_prefix(']')
}

/// A level in capitals that stands as a word of its own.
pub(super) fn level(line: &str) -> Option<(Level, &str)> {
    let (word, rest) = run(line, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !word.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    Some((Level::named(word)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_reads_its_thing_alone() {
        assert_eq!(number::<u8>("07x", 2), Some((7, "x")));
        assert_eq!(number::<u8>("+7", 2), None);
        assert_eq!(number::<u8>("7", 2), None);
        assert_eq!(number::<u8>("1钟", 2), None);
        assert_eq!(digits("12ab"), Some(("12", "ab")));
        assert_eq!(digits("ab"), None);
        assert_eq!(past_blanks(" \t x"), Some("x"));
        assert_eq!(past_blanks("x"), None);
        assert_eq!(past_pid("[77]: x"), Some(": x"));
        assert_eq!(past_pid("[]: x"), None);
        assert_eq!(level("WARN x"), Some((Level::Warn, " x")));
        assert_eq!(level("WARN"), Some((Level::Warn, "")));
        for text in ["", "warn x", "WARNS x", "WARN_X", "警告"] {
            assert_eq!(level(text), None, "{text}");
        }
    }
}
