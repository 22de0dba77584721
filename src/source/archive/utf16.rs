//! UTF-16 read as UTF-8, so that anchors can be found in it.

use std::io::{self, Read};

use crate::frame::utf16::{self, Order};

/// Bytes looked at to tell: all formats are told by so few, and a pipe may say no more for a while.
pub(super) const LOOK_BYTES: usize = 10;
/// Bytes of UTF-16 turned at a time.
const BUFFER_LEN: usize = 64 * 1024;
/// Bytes of UTF-8 for one unit of UTF-16, at most.
const GROWTH_MAX: usize = 3;

/// Gives the bytes of `R` as they are, or, where they begin as UTF-16, as UTF-8. Units that are half of
/// something become U+FFFD.
pub(super) struct Utf8<R> {
    inner: R,
    kind: Kind,
    /// What was read and not turned yet; at most half a character, except at the start.
    raw: Vec<u8>,
    /// What was turned and not given yet, from `given` on.
    ready: Vec<u8>,
    given: usize,
    /// What `inner` failed with, to be told behind the bytes that came before.
    failed: Option<io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing has been read.
    Unknown,
    AsItIs,
    Utf16(Order),
}

impl<R: Read> Utf8<R> {
    pub(super) fn new(inner: R) -> Utf8<R> {
        Utf8 { inner, kind: Kind::Unknown, raw: Vec::new(), ready: Vec::new(), given: 0, failed: None }
    }

    /// Reads the first bytes.
    fn look(&mut self) {
        let read = self.inner.by_ref().take(LOOK_BYTES as u64).read_to_end(&mut self.raw);
        self.failed = read.err();
        self.kind = utf16::order(&self.raw).map_or(Kind::AsItIs, Kind::Utf16);
        if self.kind == Kind::AsItIs {
            self.ready = std::mem::take(&mut self.raw);
        }
    }

    /// Turns the next bytes; `false` at the end.
    fn turn(&mut self, order: Order) -> io::Result<bool> {
        let is_end = self.failed.is_some() || self.fill()?;
        if is_end && self.raw.is_empty() {
            return self.failed.take().map_or(Ok(false), Err);
        }
        self.ready.clear();
        self.given = 0;
        self.ready.reserve(self.raw.len() * GROWTH_MAX / 2 + GROWTH_MAX);
        let whole = if is_end { self.raw.len() } else { self.whole(order) };
        let (units, half) = self.raw[..whole].as_chunks::<2>();
        let units = units.iter().map(|&unit| number(unit, order));
        let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
        let text = text.chain((!half.is_empty()).then_some(char::REPLACEMENT_CHARACTER));
        text.for_each(|c| self.ready.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()));
        self.raw.drain(..whole);
        Ok(true)
    }

    /// Reads on; whether nothing will follow.
    fn fill(&mut self) -> io::Result<bool> {
        let kept = self.raw.len();
        self.raw.resize(kept + BUFFER_LEN, 0);
        let read = self.inner.read(&mut self.raw[kept..]);
        self.raw.truncate(kept + *read.as_ref().unwrap_or(&0));
        match read {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.failed = Some(error);
                Ok(true)
            }
            read => Ok(read? == 0),
        }
    }

    /// Bytes of `raw` that end with a whole character.
    fn whole(&self, order: Order) -> usize {
        let (units, _) = self.raw.as_chunks::<2>();
        let is_open = units.last().is_some_and(|&unit| (0xd800..0xdc00).contains(&number(unit, order)));
        2 * (units.len() - usize::from(is_open))
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.kind == Kind::Unknown {
            self.look();
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.given == self.ready.len() {
            let Kind::Utf16(order) = self.kind else {
                return self.failed.take().map_or_else(|| self.inner.read(buffer), Err);
            };
            if !self.turn(order)? {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.ready.len() - self.given);
        buffer[..count].copy_from_slice(&self.ready[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

fn number(unit: [u8; 2], order: Order) -> u16 {
    match order {
        Order::Little => u16::from_le_bytes(unit),
        Order::Big => u16::from_be_bytes(unit),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::utf16::tests::encoded;

    /// Gives its bytes in pieces of these sizes, over and over, then an error if there is one.
    struct Pieces<'b> {
        bytes: &'b [u8],
        sizes: Vec<usize>,
        reads: usize,
        is_broken: bool,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.bytes.is_empty() && self.is_broken {
                return Err(io::Error::other("broken"));
            }
            let size = self.sizes[self.reads % self.sizes.len()].min(self.bytes.len()).min(buffer.len());
            self.reads += 1;
            let (piece, rest) = self.bytes.split_at(size);
            buffer[..size].copy_from_slice(piece);
            self.bytes = rest;
            Ok(size)
        }
    }

    fn read(bytes: &[u8], sizes: Vec<usize>, is_broken: bool) -> (Vec<u8>, bool) {
        let mut text = Vec::new();
        let end = Utf8::new(Pieces { bytes, sizes, reads: 0, is_broken }).read_to_end(&mut text);
        (text, end.is_err())
    }

    #[test]
    fn halves_become_a_mark() {
        for (bytes, text) in [
            (&b"\xff\xfea\0\x3d\xd8b\0"[..], "\u{feff}a\u{fffd}b"),
            (b"\xff\xfea\0\x3d\xd8", "\u{feff}a\u{fffd}"),
            (b"\xff\xfea\0b", "\u{feff}a\u{fffd}"),
            (b"\xfe\xff\0a\xd8\x3d\xde\0", "\u{feff}a\u{1f600}"),
        ] {
            assert_eq!(read(bytes, vec![1], false), (text.as_bytes().to_vec(), false));
        }
    }

    #[test]
    fn what_came_before_damage_is_given() {
        for bytes in [&b"12345"[..], b"plain text that goes on", b"\xff\xfea\0b\0"] {
            let (text, is_broken) = read(bytes, vec![3], true);
            assert!(is_broken && !text.is_empty(), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_out_however_it_comes_in(
            text in "[ -~]{8}\\PC{0,40}",
            sizes in prop::collection::vec(1usize..40, 1..5),
            has_mark in any::<bool>(),
        ) {
            let text = if has_mark { format!("\u{feff}{text}") } else { text };
            for order in [Order::Little, Order::Big] {
                let (read, _) = read(&encoded(&text, order), sizes.clone(), false);
                prop_assert_eq!(String::from_utf8(read).unwrap(), text.clone());
            }
            let (same, _) = read(text.as_bytes(), sizes, false);
            prop_assert_eq!(same, text.as_bytes());
        }
    }
}
