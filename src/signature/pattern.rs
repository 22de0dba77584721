//! A regular expression of a page, compiled when it is first needed or, where it is checked, at once.
//!
//! A hundred pages have several hundred patterns, and compiling them all takes longer than a short
//! replay. Those of the built-in pages are checked by the project's tests, so a run compiles the few
//! that its log asks for.

use std::sync::OnceLock;

use regex::{Captures, Regex, RegexBuilder};

/// A compiled pattern may take so much memory: enough for any failure, too little to hurt.
const BYTES_MAX: usize = 10 << 20;

/// A regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    /// `None` where it does not compile, which a check of its page tells.
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern that has been checked elsewhere. One that does not compile matches nothing.
    pub fn trusted(source: &str) -> Pattern {
        Pattern { source: source.to_owned(), compiled: OnceLock::new() }
    }

    /// Compiles it now.
    ///
    /// # Errors
    ///
    /// It is no regular expression, or one that takes too much memory.
    pub fn checked(source: &str) -> Result<Pattern, regex::Error> {
        let regex = compile(source)?;
        Ok(Pattern { source: source.to_owned(), compiled: OnceLock::from(Some(regex)) })
    }

    /// Whether it matches somewhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// The captures of the first match in `text`.
    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex()?.captures(text)
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
        self.compiled.get_or_init(|| compile(&self.source).ok()).as_ref()
    }
}

fn compile(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).size_limit(BYTES_MAX).build()
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
    fn one_that_does_not_compile_matches_nothing() {
        for source in ["(", r"\w{1000}{1000}"] {
            assert!(Pattern::checked(source).is_err());
            assert!(!Pattern::trusted(source).is_match("(a"));
        }
    }
}
