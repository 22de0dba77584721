//! Releases of programs: `v0.9`, `v0.9.1`, and which of them something holds for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A release. Without a patch number it stands for every patch of that minor release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)] // the names say it
pub struct Release {
    pub major: u32,
    pub minor: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<u32>,
}

impl Release {
    /// Reads `v0.9`, `0.9` or `v0.9.1` and nothing behind it.
    pub fn parse(text: &str) -> Option<Release> {
        Release::at_start(text).filter(|(_, rest)| rest.is_empty()).map(|(release, _)| release)
    }

    /// Reads a release at the start of `text`, as programs print it (`v0.9.1-prod-1a2b3c`); gives what
    /// follows, too.
    pub fn at_start(text: &str) -> Option<(Release, &str)> {
        let (major, rest) = number(text.strip_prefix('v').unwrap_or(text))?;
        let (minor, rest) = number(rest.strip_prefix('.')?)?;
        match rest.strip_prefix('.').and_then(number) {
            Some((patch, rest)) => Some((Release { major, minor, patch: Some(patch) }, rest)),
            None => Some((Release { major, minor, patch: None }, rest)),
        }
    }

    /// The first release that it stands for.
    fn first(self) -> (u32, u32, u32) {
        (self.major, self.minor, self.patch.unwrap_or(0))
    }

    /// The last release that it stands for.
    fn last(self) -> (u32, u32, u32) {
        (self.major, self.minor, self.patch.unwrap_or(u32::MAX))
    }
}

fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}", self.major, self.minor)?;
        self.patch.iter().try_for_each(|patch| write!(f, ".{patch}"))
    }
}

/// The releases from one to another, both included; without an end where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Releases {
    /// The first of them.
    pub since: Option<Release>,
    /// The last of them.
    pub until: Option<Release>,
}

impl Releases {
    /// This release alone.
    pub fn only(release: Release) -> Releases {
        Releases { since: Some(release), until: Some(release) }
    }

    /// Whether there is a release in both.
    pub fn overlap(&self, other: &Releases) -> bool {
        let before = |until: Option<Release>, since: Option<Release>| {
            until.zip(since).is_some_and(|(until, since)| until.last() < since.first())
        };
        !before(self.until, other.since) && !before(other.until, self.since)
    }

    /// Whether every release of `other` is one of these.
    pub fn contain(&self, other: &Releases) -> bool {
        let from = |since: Release| other.since.is_some_and(|other| other.first() >= since.first());
        let to = |until: Release| other.until.is_some_and(|other| other.last() <= until.last());
        self.since.is_none_or(from) && self.until.is_none_or(to)
    }

    /// Those that are in both, where there are any.
    pub fn within(&self, other: &Releases) -> Releases {
        let since = self.since.into_iter().chain(other.since).max_by_key(|release| release.first());
        let until = self.until.into_iter().chain(other.until).min_by_key(|release| release.last());
        Releases { since, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn releases(text: &str) -> Releases {
        let (since, until) = text.split_once("..").unwrap();
        Releases { since: Release::parse(since), until: Release::parse(until) }
    }

    #[test]
    fn releases_are_read_and_shown() {
        for (text, shown) in [("v0.9", "v0.9"), ("0.9.1", "v0.9.1"), ("v10.0.12", "v10.0.12")] {
            assert_eq!(Release::parse(text).map(|release| release.to_string()).as_deref(), Some(shown));
        }
        for text in ["", "v", "v1", "0.9-rc1", "v0.9.x", "x0.9", "v0.9.1.2", "v0.99999999999"] {
            assert_eq!(Release::parse(text), None, "{text}");
        }
        let (release, rest) = Release::at_start("v0.5.0-prod-1a2b").unwrap();
        assert_eq!((release.to_string().as_str(), rest), ("v0.5.0", "-prod-1a2b"));
        assert_eq!(Release::at_start("v0.5.").unwrap().1, ".");
    }

    #[test]
    fn what_holds_where() {
        for (one, other, overlap, contains) in [
            ("..", "..", true, true),
            ("v0.9..", "..", true, false),
            ("..", "v0.9..", true, true),
            ("v0.9..", "v0.9..", true, true),
            ("v0.9..", "v0.9.1..", true, true),
            ("v0.9.1..", "v0.9..", true, false),
            ("v0.9..", "..v0.8", false, false),
            ("..v0.8", "..v0.8.3", true, true),
            ("..v0.8.2", "..v0.8", true, false),
            ("v0.8.0..v0.8.0", "..v0.8", true, false),
            ("v0.7..", "v0.8.1..v0.8.1", true, true),
            ("..v0.6", "v0.7..", false, false),
            ("v0.10..", "v0.9.9..v0.9.9", false, false),
        ] {
            let (one, other) = (releases(one), releases(other));
            assert_eq!(one.overlap(&other), overlap, "{one:?} {other:?}");
            assert_eq!(other.overlap(&one), overlap, "{one:?} {other:?}");
            assert_eq!(one.contain(&other), contains, "{one:?} {other:?}");
            assert!(!overlap || one.contain(&one.within(&other)), "{one:?} {other:?}");
        }
    }
}
