//! A stretch of a sealing box's healthy log: what is common in one, and so tells nothing.
//!
//! The scanner looks for the part of an anchor that is rare in it, the linter for anchors that are
//! not. It was made up like `examples/incident`, and no failure stands in it.

use std::sync::LazyLock;

/// The lines.
pub const LOG: &str = include_str!("healthy.log");

/// Bytes of a gram.
pub const GRAM: usize = 7;

/// Grams are counted by so many bits of their hash.
const COUNTS_BITS: u32 = 16;

/// How many of 1,000 lines hold `literal`.
pub fn share_permille(literal: &str) -> usize {
    let holding = LOG.lines().filter(|line| line.contains(literal)).count();
    holding * 1_000 / LOG.lines().count().max(1)
}

/// How common `gram` is: above all by how often it stands there, and where it does not, by how
/// often its pairs of bytes do.
pub fn commonness(gram: [u8; GRAM]) -> u64 {
    static COUNTS: LazyLock<Counts> = LazyLock::new(Counts::new);
    COUNTS.commonness(gram)
}

struct Counts {
    grams: Vec<u32>,
    pairs: Vec<u32>,
}

impl Counts {
    fn new() -> Counts {
        let mut counts = Counts { grams: vec![0; 1 << COUNTS_BITS], pairs: vec![0; 1 << 16] };
        for gram in LOG.as_bytes().windows(GRAM) {
            counts.grams[slot(gram)] += 1;
            counts.pairs[pair(gram)] += 1;
        }
        counts
    }

    fn commonness(&self, gram: [u8; GRAM]) -> u64 {
        let pairs =
            gram.windows(2).map(|two| u64::from(1 + self.pairs[pair(two)].checked_ilog2().unwrap_or(0)));
        u64::from(self.grams[slot(&gram)]) * 1_000 + pairs.sum::<u64>()
    }
}

fn slot(gram: &[u8]) -> usize {
    let number = gram.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - COUNTS_BITS)) as usize
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_every_line_is_more_common_than_what_stands_in_none() {
        assert!(commonness(*b"ThreadI") > commonness(*b"unmarsh"));
        // Of two that never stand there, the one whose letters often stand side by side.
        assert!(commonness(*b"stated:") > commonness(*b"@#$%^&~"));
    }

    #[test]
    fn shares_are_of_lines() {
        assert_eq!(share_permille(""), 1_000);
        assert_eq!(share_permille("once poisoned"), 0);
        assert!((1..1_000).contains(&share_permille("ThreadId(")));
    }

    #[test]
    fn it_is_healthy() {
        for word in ["ERROR", "panic", "failed", "Caused by"] {
            assert_eq!(share_permille(word), 0, "{word}");
        }
    }
}
