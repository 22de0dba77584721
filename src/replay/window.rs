//! A buffer that holds the bytes of a stream which are not settled yet.

use std::io::{self, Read};

/// Bytes read at a time: large enough for the automaton, small enough for the cache.
const CHUNK_BYTES: usize = 256 * 1024;

/// The unsettled bytes of one stream, with room for more behind them.
#[derive(Debug, Default)]
pub struct Window {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Window {
    /// Reads once behind the unsettled bytes; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of `reader`, interruptions left out.
    pub fn fill(&mut self, reader: &mut dyn Read) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < self.end + CHUNK_BYTES {
            self.buffer.resize(self.end + CHUNK_BYTES, 0);
        }
        loop {
            match reader.read(&mut self.buffer[self.end..self.end + CHUNK_BYTES]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The bytes that are not settled.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Lets go of the first `count` bytes.
    pub fn settle(&mut self, count: usize) {
        self.start += count;
    }

    /// Makes it ready for another stream.
    pub fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        self.buffer.truncate(2 * CHUNK_BYTES);
        self.buffer.shrink_to(2 * CHUNK_BYTES);
    }
}
