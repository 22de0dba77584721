//! The bytes of a stream that are not settled yet.

use std::io::{self, Read};

use super::ahead::Ahead;
use super::block::{Block, Chunks};

/// Where the bytes of a stream come from.
pub enum Source {
    /// Read by whoever scans them.
    Direct(Chunks<Box<dyn Read + Send>>),
    /// Read and decompressed by a thread of their own.
    Ahead(Ahead),
}

/// The unsettled bytes of one stream.
#[derive(Debug)]
pub struct Window {
    block: Block,
}

impl Window {
    /// A window without bytes.
    pub fn new() -> Window {
        Window { block: Block::new() }
    }

    /// Takes the next chunk behind the unsettled bytes; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of reading `source`, interruptions left out.
    pub fn fill(&mut self, source: &mut Source) -> io::Result<usize> {
        match source {
            Source::Direct(chunks) => {
                self.block.roll();
                chunks.read(&mut self.block)
            }
            Source::Ahead(ahead) => {
                let Some((count, mut next)) = ahead.next()? else { return Ok(0) };
                next.prepend(self.unread());
                ahead.give_back(std::mem::replace(&mut self.block, next));
                Ok(count)
            }
        }
    }

    /// The bytes that are not settled.
    pub fn unread(&self) -> &[u8] {
        self.block.bytes()
    }

    /// Lets go of the first `count` bytes.
    pub fn settle(&mut self, count: usize) {
        self.block.settle(count);
    }

    /// Makes it ready for another stream.
    pub fn clear(&mut self) {
        self.block.clear();
    }
}
