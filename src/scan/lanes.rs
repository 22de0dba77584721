//! The literals, shared out between two searches by their length.
//!
//! A long literal is found by looking at few bytes ([`super::strided`]), and the shortest of them
//! decides how few. Short ones would spoil it for all. They have a search of their own: packed
//! (Teddy) while they are not many, else the automaton. Where there are none it costs nothing.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, packed};

use super::strided::{Strided, stride};

/// More literals than this Teddy does not take.
const PACKED_MAX: usize = 64;

/// Both searches.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    long: Option<Strided>,
    short: Option<Short>,
}

#[derive(Debug, Clone)]
enum Short {
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

/// The next literal of each lane, from some place on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Next {
    long: Option<usize>,
    short: Option<usize>,
}

impl Next {
    /// The nearer one: its last byte.
    pub(super) fn first(self) -> Option<usize> {
        self.long.into_iter().chain(self.short).min()
    }
}

impl Lanes {
    /// Lanes that find `literals`, as fast as is known.
    ///
    /// # Errors
    ///
    /// When the short ones need an automaton, and it would be larger than the library allows.
    pub(super) fn new(literals: &[&[u8]]) -> Result<Lanes, BuildError> {
        let mut literals = literals.to_vec();
        literals.sort_unstable_by_key(|&literal| (literal.len(), literal));
        literals.dedup();
        let (short, long) = literals.split_at(short_count(&literals));
        let short = if short.is_empty() { None } else { Some(Short::new(short)?) };
        Ok(Lanes { long: Strided::new(long), short })
    }

    /// One lane: the automaton. What the others are held against.
    ///
    /// # Errors
    ///
    /// When it would be larger than the library allows.
    pub(super) fn automaton(literals: &[&[u8]]) -> Result<Lanes, BuildError> {
        Ok(Lanes { long: None, short: Some(Short::Automaton(automaton(literals)?)) })
    }

    /// The last byte of a literal in `bytes[from..]`, one for each lane.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Next {
        Next { long: self.long(bytes, from), short: self.short(bytes, from) }
    }

    /// What `next` becomes where everything before `from` is left out.
    pub(super) fn skip(&self, bytes: &[u8], from: usize, next: Next) -> Next {
        let is_past = |at: Option<usize>| at.is_some_and(|at| at < from);
        Next {
            long: if is_past(next.long) { self.long(bytes, from) } else { next.long },
            short: if is_past(next.short) { self.short(bytes, from) } else { next.short },
        }
    }

    /// Whether a literal stands in `text`.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        self.long(text, 0).is_some() || self.short(text, 0).is_some()
    }

    fn long(&self, bytes: &[u8], from: usize) -> Option<usize> {
        self.long.as_ref()?.find(bytes, from)
    }

    fn short(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let end = match self.short.as_ref()? {
            Short::Packed(searcher) => searcher.find_in(bytes, (from..bytes.len()).into())?.end(),
            Short::Automaton(automaton) => from + automaton.find(&bytes[from..])?.end(),
        };
        Some(end - 1)
    }
}

impl Short {
    fn new(literals: &[&[u8]]) -> Result<Short, BuildError> {
        let packed = if literals.len() <= PACKED_MAX {
            packed::Config::new().builder().extend(literals).build()
        } else {
            None
        };
        Ok(match packed {
            Some(searcher) => Short::Packed(searcher),
            None => Short::Automaton(automaton(literals)?),
        })
    }
}

/// An automaton that says which literal ends first.
fn automaton(literals: &[&[u8]]) -> Result<AhoCorasick, BuildError> {
    AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(literals)
}

/// How many of `literals`, which are in order of length, are best found as short ones.
fn short_count(literals: &[&[u8]]) -> usize {
    let costs = (0..=literals.len()).filter_map(|short| {
        let long = match literals.get(short).map(|shortest| stride(shortest.len())) {
            None => 0,
            Some(0) => return None,
            Some(stride) => strided_cost(stride, literals.len() - short),
        };
        Some((short_cost(short) + long, short))
    });
    costs.min().map_or(literals.len(), |(_, short)| short)
}

/// Picoseconds a byte of so many long literals, measured; only how they compare matters.
fn strided_cost(stride: usize, count: usize) -> usize {
    25 + 350 / stride + count / 10
}

/// The same for so many short literals.
fn short_cost(count: usize) -> usize {
    match count {
        0 => 0,
        1..=16 => 85 + count,
        17..=24 => 140,
        25..=32 => 250,
        33..=PACKED_MAX => 550,
        _ => 3_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_short_literals_do_not_spoil_the_stride() {
        let long = vec![&b"a literal of some length"[..]; 100];
        assert_eq!(short_count(&long), 0);
        assert_eq!(short_count(&long[..1]), 0);
        for few in [1, 5, 16] {
            let mixed = [vec![&b"panic"[..]; few], long.clone()].concat();
            assert_eq!(short_count(&mixed), few);
        }
        // So many that a small stride is the lesser evil.
        let many = [vec![&b"eight by"[..]; 70], long].concat();
        assert_eq!(short_count(&many), 0);
        assert_eq!(short_count(&vec![&b"panic"[..]; 70]), 70);
    }
}
