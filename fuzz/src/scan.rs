//! Any literals and any bytes: the filter names the same lines as an automaton and as a plain search.

use std::collections::BTreeSet;

use sealtail::frame::shipped;
use sealtail::scan::Scanner;

const ESCAPE: u8 = 0x1b;
/// Literals of one input: enough for both lanes and for a full filter.
const ANCHORS_MAX: usize = 64;
/// Bytes of a literal.
const ANCHOR_BYTES_MAX: usize = 48;
/// From here on a byte of the haystack stands for a literal.
const TOKEN_MIN: u8 = 0xc0;

/// Reads `data` as literals, one a line, and behind an empty line as what is searched.
pub fn run(data: &[u8]) {
    let (literals, haystack) = split(data);
    let anchors: Vec<&str> =
        literals.split(|&byte| byte == b'\n').filter_map(anchor).take(ANCHORS_MAX).collect();
    if anchors.is_empty() {
        return;
    }
    let bytes = with_anchors(haystack, &anchors);
    let (Ok(scanner), Ok(unfiltered)) = (Scanner::new(&anchors), Scanner::unfiltered(&anchors)) else {
        panic!("a few short literals make an automaton");
    };
    let found = lines(&scanner, &bytes);
    assert_eq!(found, lines(&unfiltered, &bytes), "the filter and the automaton agree");
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let text = shipped::text(line);
        let plain = anchors.iter().any(|anchor| holds(line, anchor));
        let read = anchors.iter().any(|anchor| text.contains(anchor));
        let is_found = found.contains(&number);
        // What stands in the bytes of an escape alone is gone from the text.
        assert!(is_found || !plain || !read, "line {number} holds an anchor and is none");
        assert!(!is_found || plain || read, "line {number} holds no anchor and is one");
        assert!(is_found || !read || !line.contains(&ESCAPE), "line {number} holds a coloured anchor");
        let named = scanner.anchors_in(&text);
        let naive = (0..anchors.len()).filter(|&index| text.contains(anchors[index]));
        assert!(named.iter().copied().eq(naive), "every anchor of line {number} is named");
    }
}

/// What stands before and behind the first empty line.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let cut = data.windows(2).position(|pair| pair == b"\n\n");
    cut.map_or((data, &[]), |cut| (&data[..cut], &data[cut + 2..]))
}

/// A literal as the linter lets it pass: text without what a line loses when it is cleaned.
fn anchor(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes.get(..ANCHOR_BYTES_MAX).unwrap_or(bytes)).ok()?;
    Some(text).filter(|text| !text.is_empty() && !text.contains(char::is_control))
}

/// The haystack with literals where its tokens are: whole, for chance would hardly make one.
fn with_anchors(haystack: &[u8], anchors: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(haystack.len());
    for &byte in haystack {
        match byte.checked_sub(TOKEN_MIN) {
            Some(token) => bytes.extend_from_slice(anchors[usize::from(token) % anchors.len()].as_bytes()),
            None => bytes.push(byte),
        }
    }
    bytes
}

/// The lines that hold a candidate, by number.
fn lines(scanner: &Scanner, bytes: &[u8]) -> BTreeSet<usize> {
    let mut last = None;
    let mut lines = BTreeSet::new();
    for at in scanner.candidates(bytes) {
        assert!(at < bytes.len() && last < Some(at), "candidates go from left to right");
        last = Some(at);
        lines.insert(bytes[..at].iter().filter(|&&byte| byte == b'\n').count());
    }
    lines
}

fn holds(line: &[u8], anchor: &str) -> bool {
    line.windows(anchor.len()).any(|window| window == anchor.as_bytes())
}
