//! Chunks of a stream, and blocks of memory for them.
//!
//! A block takes a chunk of the stream at a page's start, where the kernel copies fastest, and has
//! room before it: what the block before left unsettled is put there. So a block that another thread
//! filled is scanned where it lies.

use std::io::{self, Read};

use crate::frame::RECORD_BYTES_MAX;

/// Bytes read at a time: enough for one call to be cheap, few enough to stay in the cache.
pub const CHUNK_BYTES: usize = 256 * 1024;
/// Where chunks start.
pub const PAGE_BYTES: usize = 4096;
/// Room before a chunk. More is made where a line is longer.
const ROOM_BYTES: usize = RECORD_BYTES_MAX;

/// Reads a stream chunk by chunk.
pub struct Chunks<R> {
    reader: R,
    /// Bytes of the next chunk.
    next_bytes: usize,
    /// A chunk is given as soon as there is something in it.
    eager: bool,
    /// What ended the stream, where bytes came before it.
    failed: Option<io::Error>,
}

impl<R: Read> Chunks<R> {
    /// The chunks of what `reader` gives, which starts at this offset of a file. The first is the
    /// shorter for it, so that all others start at a page of the file too.
    pub fn new(reader: R, offset: u64) -> Chunks<R> {
        let next_bytes = CHUNK_BYTES - (offset % PAGE_BYTES as u64) as usize;
        Chunks { reader, next_bytes, eager: false, failed: None }
    }

    /// The chunks of a pipe, of which nobody knows when more will come.
    pub fn eager(reader: R) -> Chunks<R> {
        Chunks { eager: true, ..Chunks::new(reader, 0) }
    }

    /// Reads the next chunk to its place in `block`; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the reader, interruptions left out, after all bytes that came before.
    pub fn read(&mut self, block: &mut Block) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let wanted = std::mem::replace(&mut self.next_bytes, CHUNK_BYTES);
        let mut count = 0;
        while count < wanted && !(self.eager && count > 0) {
            match self.reader.read(&mut block.memory[block.chunk + count..block.chunk + wanted]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if count == 0 => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        block.end = block.chunk + count;
        Ok(count)
    }
}

/// Memory for a chunk, with room before it.
#[derive(Debug)]
pub struct Block {
    memory: Vec<u8>,
    /// Where the chunk starts: a page's start.
    chunk: usize,
    start: usize,
    end: usize,
}

impl Block {
    /// An empty block.
    pub fn new() -> Block {
        Block::with_room(ROOM_BYTES)
    }

    fn with_room(bytes: usize) -> Block {
        let memory = vec![0; bytes + PAGE_BYTES + CHUNK_BYTES];
        // Where the distance is not known any place is right: only speed hangs on it.
        let chunk = bytes + memory[bytes..].as_ptr().align_offset(PAGE_BYTES).min(PAGE_BYTES);
        Block { memory, chunk, start: chunk, end: chunk }
    }

    /// The bytes that are not settled.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// Moves its bytes to where the next chunk will follow them.
    pub fn roll(&mut self) {
        let bytes = self.start..self.end;
        if bytes.len() > self.chunk {
            let mut larger = Block::with_room(bytes.len().next_power_of_two());
            larger.start = larger.chunk - bytes.len();
            larger.memory[larger.start..larger.chunk].copy_from_slice(self.bytes());
            larger.end = larger.chunk;
            *self = larger;
        } else {
            self.start = self.chunk - bytes.len();
            self.memory.copy_within(bytes, self.start);
            self.end = self.chunk;
        }
    }

    /// Puts `before` before its chunk.
    pub fn prepend(&mut self, before: &[u8]) {
        if before.len() > self.chunk {
            let mut larger = Block::with_room(before.len().next_power_of_two());
            larger.end = larger.chunk + self.end - self.chunk;
            larger.memory[larger.chunk..larger.end].copy_from_slice(&self.memory[self.chunk..self.end]);
            *self = larger;
        }
        self.start = self.chunk - before.len();
        self.memory[self.start..self.chunk].copy_from_slice(before);
    }
    /// Lets go of its first `count` bytes.
    pub fn settle(&mut self, count: usize) {
        self.start += count;
    }

    /// Lets go of all bytes, and of room that one long line took.
    pub fn clear(&mut self) {
        if self.chunk > ROOM_BYTES + PAGE_BYTES {
            *self = Block::new();
        }
        (self.start, self.end) = (self.chunk, self.chunk);
    }
}
