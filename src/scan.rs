//! Bytes in, candidates out: one automaton over whole buffers, nothing else.
//!
//! A candidate is a byte of a line in which an anchor stands. Nothing here knows what a record is;
//! whether a candidate comes to anything is decided later, on the cleaned text of its record, with
//! [`Scanner::anchors_in`].

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};
use memchr::memmem::{self, Finder};
use memchr::{memchr, memrchr};

use crate::frame::shipped;

const ESCAPE: u8 = 0x1b;

/// Finds the anchors of all signatures at once.
#[derive(Debug, Clone)]
pub struct Scanner {
    /// Says whether and where; may skip a match that overlaps another.
    any: AhoCorasick,
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
        let any = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(anchors)?;
        let all = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(anchors)?;
        // Unwrapping costs more than scanning: only where the object spells an anchor otherwise.
        let is_respelt = anchors.iter().any(|anchor| is_respelt(anchor.as_ref()));
        let wrapped = Finder::new(if is_respelt { shipped::OBJECT } else { ESCAPE_IN_JSON });
        Ok(Scanner { any, all, wrapped })
    }

    /// The candidates of `bytes`, from left to right, at most one for each anchor in it.
    ///
    /// A line with an escape byte, or wrapped by docker, is searched as it reads once that is gone:
    /// colours and JSON's escapes may stand inside what an anchor spells.
    pub fn candidates<'s, 'b>(&'s self, bytes: &'b [u8]) -> Candidates<'s, 'b> {
        let (escape, wrapped) = (memchr(ESCAPE, bytes), self.wrapped.find(bytes));
        Candidates { scanner: self, bytes, from: 0, plain: self.find(bytes, 0), escape, wrapped }
    }

    /// The indices of all anchors in `text`, each once, in ascending order.
    pub fn anchors_in(&self, text: &str) -> Vec<usize> {
        let mut anchors: Vec<usize> =
            self.all.find_overlapping_iter(text).map(|found| found.pattern().as_usize()).collect();
        anchors.sort_unstable();
        anchors.dedup();
        anchors
    }

    /// The last byte of the first anchor in `bytes[from..]`.
    fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        self.any.find(&bytes[from..]).map(|found| from + found.end() - 1)
    }
}

/// The candidates of one buffer; see [`Scanner::candidates`].
#[derive(Debug)]
pub struct Candidates<'s, 'b> {
    scanner: &'s Scanner,
    bytes: &'b [u8],
    from: usize,
    /// The next anchor in the bytes as they are.
    plain: Option<usize>,
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
        while let Some(altered) = self.altered().filter(|&at| self.plain.is_none_or(|plain| at < plain)) {
            let start = memrchr(b'\n', &self.bytes[..altered]).map_or(0, |newline| newline + 1);
            let end =
                memchr(b'\n', &self.bytes[altered..]).map_or(self.bytes.len(), |length| altered + length);
            let text = shipped::text(&self.bytes[start..end]);
            self.skip_to(end);
            if self.scanner.any.is_match(text.as_ref()) {
                return Some(start);
            }
        }
        let plain = self.plain?;
        self.skip_to(plain + 1);
        Some(plain)
    }
}

impl Candidates<'_, '_> {
    /// Leaves out everything before `from`.
    pub fn skip_to(&mut self, from: usize) {
        self.from = self.from.max(from.min(self.bytes.len()));
        if self.plain.is_some_and(|plain| plain < self.from) {
            self.plain = self.scanner.find(self.bytes, self.from);
        }
        if self.escape.is_some_and(|escape| escape < self.from) {
            self.escape = memchr(ESCAPE, &self.bytes[self.from..]).map(|length| self.from + length);
        }
        if self.wrapped.is_some_and(|wrapped| wrapped < self.from) {
            let next = self.scanner.wrapped.find(&self.bytes[self.from..]);
            self.wrapped = next.map(|length| self.from + length);
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines that hold a candidate, by number.
    fn lines_found(scanner: &Scanner, bytes: &[u8]) -> Vec<usize> {
        let mut lines: Vec<usize> = scanner
            .candidates(bytes)
            .map(|at| bytes[..at].iter().filter(|&&byte| byte == b'\n').count())
            .collect();
        lines.dedup();
        lines
    }

    /// Anchors over a small alphabet, so that they overlap and hold one another.
    fn anchors() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[ab名]{1,5}", 1..80)
    }

    fn haystack() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            8 => "[ab名]{1,6}".prop_map(String::into_bytes),
            2 => Just(b"\n".to_vec()),
            1 => Just(b"\x1b[31m".to_vec()),
            1 => Just(b"\xff\0c".to_vec()),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_line_is_a_candidate_exactly_if_an_anchor_stands_in_it(anchors in anchors(), bytes in haystack()) {
            let scanner = Scanner::new(&anchors).unwrap();
            let naive = bytes.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| {
                let holds = |text: &[u8]| {
                    anchors.iter().any(|anchor| memchr::memmem::find(text, anchor.as_bytes()).is_some())
                };
                holds(line) || (line.contains(&ESCAPE) && holds(shipped::text(line).as_bytes()))
            });
            let naive: Vec<usize> = naive.map(|(number, _)| number).collect();
            prop_assert_eq!(lines_found(&scanner, &bytes), naive);
        }

        #[test]
        fn every_anchor_of_a_text_is_named(anchors in anchors(), text in "[ab名c]{0,40}") {
            let scanner = Scanner::new(&anchors).unwrap();
            let naive = anchors.iter().enumerate().filter(|(_, anchor)| text.contains(anchor.as_str()));
            let naive: Vec<usize> = naive.map(|(index, _)| index).collect();
            prop_assert_eq!(scanner.anchors_in(&text), naive);
        }
    }

    #[test]
    fn an_anchor_is_found_behind_the_escapes_of_json() {
        let scanner = Scanner::new(&["left: `\"a\\\\b\"`", "plain"]).unwrap();
        let line =
            |text: &str| format!(r#"{{"log":{},"stream":"stderr","time":"t"}}"#, serde_json::json!(text));
        let log = [line("x\n"), line("  left: `\"a\\\\b\"`\n"), line("plain\n"), "plain".to_owned()];
        assert_eq!(lines_found(&scanner, log.join("\n").as_bytes()), [1, 2, 3]);
        let elsewhere = br#"{"log":"x","stream":"plain","time":"plain"}"#;
        assert!(lines_found(&scanner, elsewhere).is_empty());
    }

    #[test]
    fn what_docker_respells_is_found() {
        let plain = br#"{"log":"a needle\n","stream":"stderr","time":"2022-06-24T06:33:24Z"}"#;
        let coloured =
            br#"{"log":"\u001b[31mnee\u001b[0mdle\n","stream":"stderr","time":"2022-06-24T06:33:24Z"}"#;
        let quoted = br#"{"log":"the \"hay\" \u003c\n","stream":"stderr","time":"2022-06-24T06:33:24Z"}"#;
        let bytes = [&plain[..], coloured, quoted].join(&b'\n');
        for (anchors, lines) in [
            (vec!["needle"], vec![0, 1]),
            (vec!["the \"hay\""], vec![2]),
            (vec!["needle", "\" <"], vec![0, 1, 2]),
        ] {
            assert_eq!(lines_found(&Scanner::new(&anchors).unwrap(), &bytes), lines, "{anchors:?}");
        }
    }

    #[test]
    fn skipping_leaves_out_what_was_skipped() {
        let scanner = Scanner::new(&["needle"]).unwrap();
        let bytes = b"needle\nneedle\n\x1b[1mnee\x1b[0mdle\nneedle";
        let mut candidates = scanner.candidates(bytes);
        assert_eq!(candidates.next(), Some(5));
        candidates.skip_to(13);
        assert_eq!(candidates.next(), Some(14));
        assert_eq!(candidates.next(), Some(bytes.len() - 1));
        assert_eq!(candidates.next(), None);
    }
}
