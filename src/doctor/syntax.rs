//! Configuration that is not valid TOML: where, and what to quote.
//!
//! The worker refuses such a file as a whole. Values that only lack their quotes are quoted in a
//! copy, so that the rest of the file can still be examined.

use std::ops::Range;

use toml::de::DeTable;

/// More unquoted values than this are no slip.
const QUOTED_MAX: usize = 100;

/// A fault of syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// What the parser says.
    pub message: String,
    /// Its bytes in the text as it is.
    pub span: Range<usize>,
    /// The value that lacks its quotes, in the text as it is.
    pub unquoted: Option<Range<usize>>,
}

/// The text as it can be read, and the faults that stood in the way; `Err` with the faults where
/// quotes do not mend it.
pub(super) fn mended(text: &str) -> Result<(String, Vec<Fault>), Vec<Fault>> {
    let mut mended = text.to_owned();
    let mut faults: Vec<Fault> = Vec::new();
    while let Some((message, span)) = first_fault(&mended) {
        // Each value quoted before this one made the copy longer by two bytes.
        let back = |at: usize| {
            let before = faults.iter().filter_map(|fault| fault.unquoted.as_ref());
            at - before.filter(|value| value.end <= at).count().min(at / 2) * 2
        };
        let unquoted = unquoted(&mended, span.start);
        let fault = Fault {
            message,
            span: back(span.start)..back(span.end),
            unquoted: unquoted.clone().map(|value| back(value.start)..back(value.end)),
        };
        faults.push(fault);
        let Some(value) = unquoted.filter(|_| faults.len() <= QUOTED_MAX) else { return Err(faults) };
        mended.insert(value.end, '"');
        mended.insert(value.start, '"');
    }
    Ok((mended, faults))
}

/// The parser stops making sense of what follows a fault, so only the first counts.
fn first_fault(text: &str) -> Option<(String, Range<usize>)> {
    let (_, faults) = DeTable::parse_recoverable(text);
    let first = faults.into_iter().min_by_key(|fault| fault.span().map_or(0, |span| span.start))?;
    let message = first.message().lines().next().unwrap_or("not valid TOML").to_owned();
    Some((message, first.span().unwrap_or(0..0)))
}

/// The value of the line at `at`, where it is a bare word: `bin = /usr/local/bin/x # why`.
fn unquoted(text: &str, at: usize) -> Option<Range<usize>> {
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next()?;
    let (key, rest) = line.split_once('=')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || " ._-\"".contains(c);
    let rest = rest.split(" #").next().unwrap_or(rest);
    let value = rest.trim();
    let opens = value.chars().next()?;
    let bare = (opens.is_alphabetic() || "/.~$".contains(opens)) && !value.contains(['"', '\\', '\'']);
    if !bare || key.trim().is_empty() || !key.chars().all(plain) {
        return None;
    }
    let from = start + key.len() + 1 + (rest.len() - rest.trim_start().len());
    Some(from..from + value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_are_quoted() {
        let text = "[a]\nbin = /usr/bin/x # here\nok = true\nb.c = worker one\nn = 1\n";
        let (mended, faults) = mended(text).unwrap();
        assert_eq!(mended, "[a]\nbin = \"/usr/bin/x\" # here\nok = true\nb.c = \"worker one\"\nn = 1\n");
        let quoted: Vec<&str> = faults.iter().map(|fault| &text[fault.unquoted.clone().unwrap()]).collect();
        assert_eq!(quoted, ["/usr/bin/x", "worker one"]);
        assert!(faults.iter().all(|fault| text.get(fault.span.clone()).is_some()));
    }

    #[test]
    fn what_quotes_do_not_mend_is_told() {
        for text in ["a = [1,\n", "a = 'x\n", "[a\n", "= 1\n", "a = 1\na = 2\n", "\u{0}"] {
            let faults = mended(text).unwrap_err();
            assert!(faults[0].unquoted.is_none(), "{text}");
        }
        assert!(mended("a = 1\n").unwrap().1.is_empty());
    }
}
