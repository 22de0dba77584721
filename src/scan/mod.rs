//! Bytes in, candidates out: all anchors at once over whole buffers, nothing else.
//!
//! A candidate is a byte of a line in which an anchor stands. Nothing here knows what a record is;
//! whether a candidate comes to anything is decided later, on the cleaned text of its record, with
//! [`Scanner::anchors_in`].
//!
//! Finding candidates is what every byte of every log pays for, so it is done without an automaton
//! where that can be: `scan/lanes.rs` tells how. What an automaton says of a record is the last word.

mod lanes;
mod strided;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};
use memchr::memmem::{self, Finder};
use memchr::{memchr, memchr2, memrchr};

use self::lanes::{Lanes, Next};
use crate::frame::shipped;

const ESCAPE: u8 = 0x1b;

/// Finds the anchors of all signatures at once.
#[derive(Debug, Clone)]
pub struct Scanner {
    /// Says whether and where; may skip an anchor that overlaps another.
    any: Lanes,
    /// Names every anchor, overlapping ones too; only ever run over one record.
    all: AhoCorasick,
    /// Finds lines that docker wrapped and whose JSON may hide an anchor.
    wrapped: Finder<'static>,
}

/// How JSON spells the escape byte: the start of a colour in an object of docker.
const ESCAPE_IN_JSON: &[u8] = b"\\u001b";

impl Scanner {
    /// A scanner for `anchors`; they are known by their index from then on.
    ///
    /// # Errors
    ///
    /// When the automaton of all anchors would be larger than the library allows.
    pub fn new<A: AsRef<[u8]>>(anchors: &[A]) -> Result<Scanner, BuildError> {
        Scanner::with(anchors, Lanes::new)
    }

    /// A scanner that finds candidates with an automaton: slower, and the same ones. For tests.
    ///
    /// # Errors
    ///
    /// Those of [`Scanner::new`].
    pub fn unfiltered<A: AsRef<[u8]>>(anchors: &[A]) -> Result<Scanner, BuildError> {
        Scanner::with(anchors, Lanes::automaton)
    }

    fn with<A: AsRef<[u8]>>(
        anchors: &[A],
        lanes: impl Fn(&[&[u8]]) -> Result<Lanes, BuildError>,
    ) -> Result<Scanner, BuildError> {
        let anchors: Vec<&[u8]> = anchors.iter().map(AsRef::as_ref).collect();
        let any = lanes(&anchors)?;
        // A record in which something was found is short, and full of what a prefilter would stop at.
        let kind = Some(AhoCorasickKind::ContiguousNFA);
        let all = AhoCorasick::builder().kind(kind).prefilter(false).build(&anchors)?;
        // Unwrapping costs more than scanning: only where the object spells an anchor otherwise.
        let is_respelt = anchors.iter().any(|anchor| is_respelt(anchor));
        let wrapped = Finder::new(if is_respelt { shipped::OBJECT } else { ESCAPE_IN_JSON });
        Ok(Scanner { any, all, wrapped })
    }

    /// The candidates of `bytes`, from left to right, at most one for each anchor in it.
    ///
    /// A line with an escape byte, or wrapped by docker, is searched as it reads once that is gone:
    /// colours and JSON's escapes may stand inside what an anchor spells.
    pub fn candidates<'s, 'b>(&'s self, bytes: &'b [u8]) -> Candidates<'s, 'b> {
        // JSON spells otherwise with backslashes only, so most buffers are done with after one search.
        let altered = memchr2(ESCAPE, b'\\', bytes);
        let line = altered.map(|at| memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1));
        let find = |line: usize| (memchr(ESCAPE, &bytes[line..]), self.wrapped.find(&bytes[line..]));
        let (escape, wrapped) = line.map(find).unwrap_or_default();
        let from = line.unwrap_or_default();
        let (escape, wrapped) = (escape.map(|at| from + at), wrapped.map(|at| from + at));
        Candidates { scanner: self, bytes, from: 0, plain: self.any.find(bytes, 0), escape, wrapped }
    }

    /// The indices of all anchors in `text`, each once, in ascending order.
    pub fn anchors_in(&self, text: &str) -> Vec<usize> {
        let mut anchors: Vec<usize> =
            self.all.find_overlapping_iter(text).map(|found| found.pattern().as_usize()).collect();
        anchors.sort_unstable();
        anchors.dedup();
        anchors
    }
}

/// The candidates of one buffer; see [`Scanner::candidates`].
#[derive(Debug)]
pub struct Candidates<'s, 'b> {
    scanner: &'s Scanner,
    bytes: &'b [u8],
    from: usize,
    /// The next anchors in the bytes as they are.
    plain: Next,
    /// The next escape byte.
    escape: Option<usize>,
    /// The next mark of an object of docker that may hide an anchor.
    wrapped: Option<usize>,
}

impl Iterator for Candidates<'_, '_> {
    type Item = usize;

    /// The next candidate: the last byte of an anchor, or the first byte of a coloured or wrapped
    /// line that holds one.
    fn next(&mut self) -> Option<usize> {
        let plain = |of: &Self| of.plain.first().unwrap_or(usize::MAX);
        while let Some(altered) = self.altered().filter(|&at| at < plain(self)) {
            let start = memrchr(b'\n', &self.bytes[..altered]).map_or(0, |newline| newline + 1);
            let end =
                memchr(b'\n', &self.bytes[altered..]).map_or(self.bytes.len(), |length| altered + length);
            if start < self.from {
                // Its start was given already, or left out: the rest is searched as it is written.
                self.read_from(end);
                continue;
            }
            let text = shipped::text(&self.bytes[start..end]);
            self.skip_to(end);
            if self.scanner.any.is_in(text.as_bytes()) {
                return Some(start);
            }
        }
        let plain = self.plain.first()?;
        self.skip_to(plain + 1);
        Some(plain)
    }
}

impl Candidates<'_, '_> {
    /// Leaves out everything before `from`.
    pub fn skip_to(&mut self, from: usize) {
        self.from = self.from.max(from.min(self.bytes.len()));
        self.plain = self.scanner.any.skip(self.bytes, self.from, self.plain);
        self.read_from(self.from);
    }

    /// Leaves out what says before `from` that its line reads otherwise.
    fn read_from(&mut self, from: usize) {
        if self.escape.is_some_and(|escape| escape < from) {
            self.escape = memchr(ESCAPE, &self.bytes[from..]).map(|length| from + length);
        }
        if self.wrapped.is_some_and(|wrapped| wrapped < from) {
            let next = self.scanner.wrapped.find(&self.bytes[from..]);
            self.wrapped = next.map(|length| from + length);
        }
    }

    /// The next byte that says that its line reads otherwise than it is written.
    fn altered(&self) -> Option<usize> {
        self.escape.into_iter().chain(self.wrapped).min()
    }
}

/// Whether docker's JSON spells an anchor with escapes. Go's encoder also escapes what HTML minds.
fn is_respelt(anchor: &[u8]) -> bool {
    let escaped = |byte: &u8| byte.is_ascii_control() || b"\"\\<>&".contains(byte);
    anchor.iter().any(escaped)
        || ["\u{2028}", "\u{2029}"].iter().any(|c| memmem::find(anchor, c.as_bytes()).is_some())
}

#[cfg(test)]
mod tests;
