//! Knowing a file by what it holds.
//!
//! Names move in a rotation, inode numbers are used again, device numbers change at a remount: only
//! the bytes prove that a file is the one that was read. The head tells files apart; the bytes just
//! before the offset tell a file from what it held before it was truncated and grew again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

use super::scan::Stat;
use crate::model::position::{Identity, Mark};

/// Bytes of the head that are hashed, once there are so many.
pub(super) const HEAD_LEN: usize = 1024;
/// Bytes before the offset that are hashed or compared.
pub(super) const TAIL_LEN: usize = 256;
/// With fewer bytes read, equal bytes prove nothing: the inode must be equal too.
pub(super) const PROOF_LEN: u64 = 64;

/// Hashes a stretch of bytes.
pub(super) fn mark(bytes: &[u8]) -> Mark {
    let digest = Sha256::digest(bytes);
    let hash = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Mark { length: bytes.len() as u64, hash }
}

/// Reads until `buffer` is full or the file ends; the file's own cursor does not move.
pub(super) fn read_at(file: &File, mut offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset) {
            Ok(0) => break,
            Ok(length) => {
                filled += length;
                offset += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads a stretch; shorter where the file ends earlier.
pub(super) fn stretch(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let filled = read_at(file, offset, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// The bytes just before `offset`, at most [`TAIL_LEN`].
pub(super) fn before(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let length = offset.min(TAIL_LEN as u64);
    stretch(file, offset - length, length as usize)
}

/// Whether the file that `file` is open on is the one of `identity`, of which `offset` bytes are settled.
pub(super) fn accepts(file: &File, stat: &Stat, identity: &Identity, offset: u64) -> io::Result<bool> {
    if stat.size < offset.max(identity.head.length) || identity.tail.length > offset {
        return Ok(false);
    }
    // The head is read beyond the offset where the first record is not settled yet.
    if offset.max(identity.head.length) < PROOF_LEN && stat.inode != identity.inode {
        return Ok(false);
    }
    Ok(holds(file, offset - identity.tail.length, &identity.tail)? && holds(file, 0, &identity.head)?)
}

/// Whether the stretch of a mark is in the file.
pub(super) fn holds(file: &File, offset: u64, expected: &Mark) -> io::Result<bool> {
    // A length from a damaged store must not become an allocation.
    let length = usize::try_from(expected.length).unwrap_or(usize::MAX);
    if length > HEAD_LEN {
        return Ok(false);
    }
    Ok(length == 0 || mark(&stretch(file, offset, length)?) == *expected)
}

/// Whether `copy`, of `size` bytes, holds the first `size` bytes of `original`, judged by its head and
/// its end.
pub(super) fn is_prefix(copy: &File, size: u64, original: &File) -> io::Result<bool> {
    let head = size.min(HEAD_LEN as u64) as usize;
    Ok(stretch(copy, 0, head)? == stretch(original, 0, head)?
        && before(copy, size)? == before(original, size)?)
}

/// The first bytes of a file that is being read: kept until there are enough of them to hash.
#[derive(Debug, Clone)]
pub(super) enum Head {
    Growing(Vec<u8>),
    Full(Mark),
}

impl Head {
    /// The head of a file of which so many bytes were read.
    pub(super) fn of(file: &File, read: u64) -> io::Result<Head> {
        let mut head = Head::Growing(Vec::new());
        head.extend(0, &stretch(file, 0, read.min(HEAD_LEN as u64) as usize)?);
        Ok(head)
    }

    /// Takes in bytes read at `offset`. A hole before them reads as zeros, here as in the file.
    pub(super) fn extend(&mut self, offset: u64, bytes: &[u8]) {
        let Head::Growing(known) = self else { return };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(HEAD_LEN);
        if offset > known.len() {
            known.resize(offset, 0);
        }
        let new = bytes.get(known.len() - offset..).unwrap_or_default();
        let room = HEAD_LEN - known.len();
        known.extend_from_slice(&new[..new.len().min(room)]);
        if known.len() == HEAD_LEN {
            *self = Head::Full(mark(known));
        }
    }

    /// Bytes of it that are known.
    pub(super) fn length(&self) -> u64 {
        match self {
            Head::Growing(bytes) => bytes.len() as u64,
            Head::Full(mark) => mark.length,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        match self {
            Head::Growing(bytes) => mark(bytes),
            Head::Full(mark) => mark.clone(),
        }
    }

    /// Whether the file begins with this head, or holds nothing but a part of it.
    pub(super) fn begins(&self, file: &File) -> io::Result<bool> {
        match self {
            Head::Growing(bytes) => {
                let there = stretch(file, 0, bytes.len())?;
                Ok(bytes.starts_with(&there))
            }
            Head::Full(mark) => holds(file, 0, mark),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_head_is_the_same_however_it_came() {
        let bytes: Vec<u8> = (0..3000_u32).map(|number| (number % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let whole = Head::of(&file, 3_000).unwrap().mark();
        for step in [1, 7, 255, 1000, 1024, 3000] {
            let mut head = Head::Growing(Vec::new());
            for (index, piece) in bytes.chunks(step).enumerate() {
                head.extend((index * step) as u64, piece);
            }
            assert_eq!(head.mark(), whole, "in steps of {step}");
            assert!(head.begins(&file).unwrap());
        }
        assert_eq!(whole.length, HEAD_LEN as u64);
    }

    #[test]
    fn a_copy_is_one_by_its_head_and_by_its_end() {
        let original: Vec<u8> = (0..3000_u32).map(|number| (number % 251) as u8).collect();
        let of = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            file
        };
        let changed = |at: usize| {
            let mut bytes = original[..2000].to_vec();
            bytes[at] ^= 1;
            bytes
        };
        for (what, copy, is_copy) in [
            ("the first bytes", original[..2000].to_vec(), true),
            ("all bytes", original.clone(), true),
            ("few bytes", original[..10].to_vec(), true),
            ("another head", changed(0), false),
            ("another end", changed(1999), false),
            ("another end, few bytes", [&original[..9], b"x"].concat(), false),
        ] {
            let size = copy.len() as u64;
            assert_eq!(is_prefix(&of(&copy), size, &of(&original)).unwrap(), is_copy, "{what}");
        }
    }

    #[test]
    fn a_hole_before_the_first_bytes_counts_as_zeros() {
        let mut head = Head::Growing(Vec::new());
        head.extend(100, b"text");
        assert_eq!(head.mark(), mark(&[&[0; 100][..], b"text"].concat()));
    }
}
