//! A regular expression of a page, compiled when it is first needed or, where it is checked, at once.
//!
//! A hundred pages have several hundred patterns, and compiling them all takes longer than a short
//! replay. Those of the built-in pages are checked by the project's tests, so a run compiles the few
//! that its log asks for.
//!
//! `\w`, `\d`, `\s` and `\b` are those of ASCII, and `.` and `[^…]` take a byte, unless a pattern turns Unicode on
//! with `(?u)`. What programs write is in ASCII, and all letters and digits of Unicode cost five times the
//! memory and three times the time.

use std::sync::{Arc, OnceLock};

use memchr::memmem::Finder;
use regex::bytes::{Match, Regex, RegexBuilder};

use super::needle;

/// A compiled pattern may take so much memory: enough for any failure, too little to hurt.
const BYTES_MAX: usize = 10 << 20;

/// A regular expression. All clones are compiled once.
#[derive(Debug, Clone)]
pub struct Pattern(Arc<Lazy>);

#[derive(Debug)]
struct Lazy {
    source: String,
    /// A literal without which it matches nothing; `None` where it has none.
    needle: OnceLock<Option<Finder<'static>>>,
    /// `None` where it does not compile, which a check of its page tells.
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern that has been checked elsewhere. One that does not compile matches nothing.
    pub fn trusted(source: &str) -> Pattern {
        Pattern::with(source, OnceLock::new())
    }

    /// Compiles it now.
    ///
    /// # Errors
    ///
    /// It is no regular expression, or one that takes too much memory.
    pub fn checked(source: &str) -> Result<Pattern, regex::Error> {
        let regex = compile(source)?;
        Ok(Pattern::with(source, OnceLock::from(Some(regex))))
    }

    fn with(source: &str, compiled: OnceLock<Option<Regex>>) -> Pattern {
        Pattern(Arc::new(Lazy { source: source.to_owned(), needle: OnceLock::new(), compiled }))
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Whether it matches somewhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex_for(text).is_some_and(|regex| regex.is_match(text.as_bytes()))
    }

    /// What the first match in `text` captures: its first group, or the whole match where that has none.
    pub fn captured<'t>(&self, text: &'t str) -> Option<&'t str> {
        let captures = self.regex_for(text)?.captures(text.as_bytes())?;
        captures.get(1).or_else(|| captures.get(0)).map(|group| within(text, group))
    }

    /// What the named groups of the first match in `text` capture, in order; `None` where it does not match.
    pub fn named<'t>(&self, text: &'t str) -> Option<Vec<(&str, &'t str)>> {
        let regex = self.regex_for(text)?;
        let names = regex.capture_names().flatten();
        // Whether it matches is known sooner than where its groups are.
        if names.clone().next().is_none() {
            return regex.is_match(text.as_bytes()).then(Vec::new);
        }
        let captures = regex.captures(text.as_bytes())?;
        Some(names.filter_map(|name| Some((name, within(text, captures.name(name)?)))).collect())
    }

    /// What it is compiled to; `None` where it is known without that that it matches nothing in `text`.
    fn regex_for(&self, text: &str) -> Option<&Regex> {
        let needle = self.0.needle.get_or_init(|| needle::of(&self.0.source)).as_ref();
        let may_match = needle.is_none_or(|needle| needle.find(text.as_bytes()).is_some());
        if may_match { self.regex() } else { None }
    }

    /// The names of its groups, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.regex().into_iter().flat_map(|regex| regex.capture_names().flatten())
    }

    /// How many groups it has, the whole match among them.
    pub fn groups(&self) -> usize {
        self.regex().map_or(0, Regex::captures_len)
    }

    fn regex(&self) -> Option<&Regex> {
        self.0.compiled.get_or_init(|| compile(&self.0.source).ok()).as_ref()
    }
}

fn compile(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).unicode(false).size_limit(BYTES_MAX).build()
}

/// What `group` covers of `text`. Where it begins or ends inside a character it does so before it.
fn within<'t>(text: &'t str, group: Match<'_>) -> &'t str {
    &text[text.floor_char_boundary(group.start())..text.floor_char_boundary(group.end())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_not_compiled_matches_alike() {
        for source in [r"child_pid=(?P<pid>\d+)", "x", ""] {
            let (now, later) = (Pattern::checked(source).unwrap(), Pattern::trusted(source));
            for text in ["child_pid=12", "x", ""] {
                assert_eq!(now.is_match(text), later.is_match(text), "{source} {text}");
            }
            assert!(now.names().eq(later.names()));
            assert_eq!(now.groups(), later.groups());
        }
    }

    #[test]
    fn letters_and_digits_are_those_of_ascii_unless_it_says_otherwise() {
        for (source, text, captured) in [
            (r"sector (\d+)", "sector 17", Some("17")),
            (r"sector (\d+)", "sector ١٧", None),
            (r"(?u)sector (\d+)", "sector ١٧", Some("١٧")),
            (r"\bsector \d", "扇区sector 17", Some("sector 1")),
            (r"扇区 (\S+) ", "扇区 密封 失败", Some("密封")),
            ("原因: ([^，]+)", "原因: 没有空间，停止", None),
            ("(?u)原因: ([^，]+)", "原因: 没有空间，停止", Some("没有空间")),
            ("x(?:y)z", "wxyz", Some("xyz")),
        ] {
            assert_eq!(Pattern::trusted(source).captured(text), captured, "{source}");
        }
    }

    #[test]
    fn what_is_captured_is_whole_characters() {
        for (source, text, captured) in [
            ("区.", "扇区密封", "区"),
            ("(.{4})封", "扇区密封", "区密"),
            ("区(.)", "扇区密封", ""),
            ("^..", "扇区密封", ""),
        ] {
            assert_eq!(Pattern::trusted(source).captured(text), Some(captured), "{source}");
        }
        assert_eq!(
            Pattern::trusted("(?P<a>.)区(?P<b>.+)").named("扇区密封").unwrap(),
            [("a", "扇"), ("b", "密封")]
        );
    }

    #[test]
    fn one_that_does_not_compile_matches_nothing() {
        for source in ["(", r"\w{1000}{1000}"] {
            assert!(Pattern::checked(source).is_err());
            assert!(!Pattern::trusted(source).is_match("(a"));
        }
    }
}
