//! The info string of a sample: ```` ```log child_pid=12345 also=pack/name ````.
//!
//! Behind `log` stand assertions: `field=value`, and `also=pack/name` for another signature that
//! may fire on the same stretch. A value with spaces is put into double quotes, in which `\"`,
//! `\\`, `\n` and `\t` are escapes.

use std::ops::Range;

use super::placeholder;
use crate::base::diagnostic::Text;

/// One assertion and where its name stands in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assertion {
    pub name: String,
    pub value: String,
    /// Bytes of the whole `name=value`.
    pub span: Range<usize>,
}

/// Reads the assertions in the bytes `info` of the page; what is no assertion becomes a fault.
pub(super) fn assertions(text: &Text<'_>, info: Range<usize>) -> Vec<Assertion> {
    let source = &text.text()[info.clone()];
    let mut found = Vec::new();
    let mut rest = source.trim_start();
    while !rest.is_empty() {
        let start = info.start + source.len() - rest.len();
        let (word, length) = match one(rest) {
            Ok((name, value, length)) => (Ok((name, value)), length),
            Err((message, length)) => (Err(message), length),
        };
        let span = start..start + length;
        match word {
            Ok((name, value)) => found.push(Assertion { name: name.to_owned(), value, span }),
            Err(message) => text.fault("assertion", span, message),
        }
        rest = rest[length..].trim_start();
    }
    found
}

/// Name, value and length of the assertion that `rest` starts with, or what is wrong with it and
/// how long it is.
fn one(rest: &str) -> Result<(&str, String, usize), (String, usize)> {
    let word_length = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let word = &rest[..word_length];
    let Some((name, plain)) = word.split_once('=') else {
        return Err((format!("`{word}` is not an assertion: write `field=value`"), word_length));
    };
    if !placeholder::is_name(name) {
        return Err((format!("`{name}` is not the name of a field"), word_length));
    }
    if !plain.starts_with('"') {
        return Ok((name, plain.to_owned(), word_length));
    }
    let opened = name.len() + 2;
    match quoted(&rest[opened..]) {
        Ok((value, length)) => Ok((name, value, opened + length)),
        Err(message) => Err((message, rest.len())),
    }
}

/// The value up to the closing quote, and its length with that quote.
fn quoted(rest: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, at + 1)),
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(same @ ('"' | '\\')) => value.push(same),
                _ => return Err(r#"the escapes are `\"`, `\\`, `\n` and `\t`"#.to_owned()),
            },
            other => value.push(other),
        }
    }
    Err("the quote is never closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = Vec<(String, String)>;

    fn read(info: &str) -> (Pairs, Vec<(usize, String)>) {
        let text = Text::new("page.md", info);
        let found = assertions(&text, 0..info.len());
        for one in &found {
            assert!(info[one.span.clone()].starts_with(&one.name), "{one:?}");
        }
        let faults = text.into_faults().into_iter();
        let faults = faults.map(|fault| (fault.place.map_or(0, |place| place.column), fault.message));
        (found.into_iter().map(|one| (one.name, one.value)).collect(), faults.collect())
    }

    #[test]
    fn assertions_are_read() {
        let pairs = |pairs: &[(&str, &str)]| -> Pairs {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        for (info, expected) in [
            ("", pairs(&[])),
            ("child_pid=12345  also=pack/name", pairs(&[("child_pid", "12345"), ("also", "pack/name")])),
            (r#"a="two words" b="\"\\\n\t""#, pairs(&[("a", "two words"), ("b", "\"\\\n\t")])),
            ("path=/a=b", pairs(&[("path", "/a=b")])),
            (r#"a="""#, pairs(&[("a", "")])),
            ("a=错误", pairs(&[("a", "错误")])),
        ] {
            assert_eq!(read(info), (expected, vec![]), "{info}");
        }
    }

    #[test]
    fn faults_name_their_place_and_do_not_hide_the_rest() {
        for (info, column, message) in [
            ("pid a=1", 1, "`pid` is not an assertion: write `field=value`"),
            ("a=1 Pid=2", 5, "`Pid` is not the name of a field"),
            ("a=1 b=\"x", 5, "the quote is never closed"),
            (r#"a=1 b="\x""#, 5, r#"the escapes are `\"`, `\\`, `\n` and `\t`"#),
        ] {
            let (found, faults) = read(info);
            assert_eq!(faults, [(column, message.to_owned())], "{info}");
            assert_eq!(found, [("a".to_owned(), "1".to_owned())], "{info}");
        }
    }
}
