//! A literal without which a regular expression matches nothing.
//!
//! Most patterns of a page match few of its records. Where the literal is missing they need not be run,
//! nor compiled before the first record that has it.

use memchr::memmem::Finder;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// Shorter ones stand in most records.
const BYTES_MIN: usize = 3;

/// The longest one of `source`, read as [`super::Pattern`] reads it; `None` where it has none, or is no
/// regular expression.
pub(super) fn of(source: &str) -> Option<Finder<'static>> {
    let hir = ParserBuilder::new().utf8(false).unicode(false).build().parse(source).ok()?;
    let needle = longest(&hir).filter(|needle| needle.len() >= BYTES_MIN)?;
    Some(Finder::new(needle).into_owned())
}

fn longest(hir: &Hir) -> Option<&[u8]> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(&literal.0),
        HirKind::Capture(capture) => longest(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => longest(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(longest).max_by_key(|needle| needle.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::RegexBuilder;

    use super::*;
    use crate::signature::{Catalogue, builtin};

    #[test]
    fn it_is_the_longest_that_every_match_has() {
        for (source, needle) in [
            ("child_pid=(\\d+)", Some("child_pid=")),
            ("(\\S+): failed to (?:open|read) (\\S+)", Some(": failed to ")),
            ("(?:module\\{name=\"?worker-)+(\\d+)", Some("module{name=")),
            ("(?x) sector \\  id", Some("sector id")),
            ("failed|broken", None),
            ("(?:failed)?x", None),
            ("(?:failed)*x", None),
            ("(?i)failed", None),
            ("[a-z]+ab", None),
            ("扇区 \\d", Some("扇区 ")),
            ("(?u)扇区 \\d", Some("扇区 ")),
            ("(", None),
            ("", None),
        ] {
            let found = of(source).map(|found| String::from_utf8(found.needle().to_vec()).unwrap());
            assert_eq!(found.as_deref(), needle, "{source}");
        }
    }

    fn has_needle(source: &str, text: &str) -> bool {
        of(source).is_none_or(|needle| needle.find(text.as_bytes()).is_some())
    }

    fn matches(source: &str, text: &str) -> bool {
        RegexBuilder::new(source).unicode(false).build().is_ok_and(|regex| regex.is_match(text.as_bytes()))
    }

    /// Of every pattern of every page, in all samples of its own.
    #[test]
    fn no_match_of_a_page_is_without_it() {
        let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
        let mut matched = 0;
        for signature in catalogue.signatures() {
            let patterns = signature.fields.iter().map(|(_, pattern)| pattern).chain(&signature.regex);
            for source in patterns.map(|pattern| pattern.source()) {
                for sample in signature.pages.samples().iter().filter(|sample| matches(source, &sample.text))
                {
                    assert!(has_needle(source, &sample.text), "{}: {source}", signature.id);
                    matched += 1;
                }
            }
        }
        assert!(matched > 1_000, "{matched}");
    }

    proptest! {
        #[test]
        fn no_match_is_without_it(
            source in "(abc|ab|a|b|\\(a\\|bc\\)|\\(abc\\)\\?|\\(abc\\)\\+|\\[ab\\]|\\.\\*|\\\\b|\\^){0,8}",
            text in "[abc]{0,30}",
        ) {
            if matches(&source, &text) {
                prop_assert!(has_needle(&source, &text));
            }
        }
    }
}
