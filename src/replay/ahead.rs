//! Decompression in a thread of its own, a few blocks ahead of the scan.
//!
//! Blocks go round: filled here, scanned where they are, and given back. There are [`BLOCKS_MAX`] of
//! them, so memory stays what it is however fast one side is.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use super::block::{Block, Chunks};

/// Blocks of one stream, the one that is being scanned not counted.
const BLOCKS_MAX: usize = 3;

/// A block and how many bytes were read into it, or what ended the stream.
type Filled = io::Result<(usize, Block)>;

/// A stream that a thread reads ahead.
#[derive(Debug)]
pub struct Ahead {
    filled: Receiver<Filled>,
    free: SyncSender<Block>,
}

impl Ahead {
    /// Starts to read `chunks`.
    ///
    /// # Errors
    ///
    /// A thread cannot be started.
    pub fn start(chunks: Chunks<Box<dyn Read + Send>>) -> io::Result<Ahead> {
        let (send, filled) = sync_channel(BLOCKS_MAX);
        let (free, freed) = sync_channel(BLOCKS_MAX);
        // Nobody waits for it: it ends at the stream's end, or when nobody takes its blocks. One that
        // waits for a pipe must not hold the program up.
        thread::Builder::new().name("decompress".to_owned()).spawn(move || fill(chunks, &send, &freed))?;
        Ok(Ahead { filled, free })
    }

    /// The next block; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    pub fn next(&mut self) -> io::Result<Option<(usize, Block)>> {
        match self.filled.recv() {
            Ok(filled) => filled.map(|(count, block)| (count > 0).then_some((count, block))),
            // Not an end: that comes as a block without bytes.
            Err(_) => Err(io::Error::other("the decoder ended in the middle of the stream")),
        }
    }

    /// Gives a block back that is done with.
    pub fn give_back(&mut self, block: Block) {
        // Where the thread has ended or has enough, the block goes.
        let _ = self.free.try_send(block);
    }
}

fn fill(mut chunks: Chunks<Box<dyn Read + Send>>, filled: &SyncSender<Filled>, freed: &Receiver<Block>) {
    let mut made = 0;
    loop {
        let free = match freed.try_recv() {
            Ok(block) => Ok(block),
            Err(TryRecvError::Empty) if made < BLOCKS_MAX => {
                made += 1;
                Ok(Block::new())
            }
            Err(_) => freed.recv(),
        };
        let Ok(mut block) = free else { return };
        let read = chunks.read(&mut block);
        let is_last = !matches!(read, Ok(1..));
        if filled.send(read.map(|count| (count, block))).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::replay::block::CHUNK_BYTES;
    use crate::replay::window::{Source, Window};

    /// Gives what it has, some bytes at a time, then what `end` says.
    struct Drip {
        bytes: Cursor<Vec<u8>>,
        step: usize,
        end: fn() -> io::Result<usize>,
    }

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let step = self.step.min(buffer.len());
            match self.bytes.read(&mut buffer[..step])? {
                0 => (self.end)(),
                count => Ok(count),
            }
        }
    }

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|number| (number * 7 % 251) as u8).collect()
    }

    fn sources(end: fn() -> io::Result<usize>, count: usize, step: usize) -> [Source; 2] {
        let drip =
            || -> Box<dyn Read + Send> { Box::new(Drip { bytes: Cursor::new(bytes(count)), step, end }) };
        [
            Source::Ahead(Ahead::start(Chunks::new(drip(), 0)).unwrap()),
            Source::Direct(Chunks::new(drip(), 10_000)),
        ]
    }

    /// What comes out where at most `kept` bytes are left unsettled each time, and how it ends.
    fn drain(source: &mut Source, window: &mut Window, kept: usize) -> (Vec<u8>, io::Result<usize>) {
        let mut out = Vec::new();
        loop {
            let read = window.fill(source);
            if !matches!(read, Ok(1..)) {
                out.extend_from_slice(window.unread());
                window.clear();
                return (out, read);
            }
            let settled = window.unread().len().saturating_sub(kept);
            out.extend_from_slice(&window.unread()[..settled]);
            window.settle(settled);
        }
    }

    #[test]
    fn all_bytes_come_in_order_whatever_is_left_unsettled() {
        let mut window = Window::new();
        for count in [0, 1, CHUNK_BYTES, 5 * CHUNK_BYTES + 17] {
            for kept in [0, 100, 3 * CHUNK_BYTES] {
                for mut source in sources(|| Ok(0), count, 100_000) {
                    let (out, end) = drain(&mut source, &mut window, kept);
                    assert!(out == bytes(count), "{count} {kept}");
                    assert_eq!(end.unwrap(), 0);
                }
            }
        }
    }

    #[test]
    fn an_error_comes_after_all_bytes_before_it() {
        for mut source in sources(|| Err(io::Error::other("damaged")), 2 * CHUNK_BYTES + 5, 4_000) {
            let (out, end) = drain(&mut source, &mut Window::new(), 10);
            assert!(out == bytes(2 * CHUNK_BYTES + 5));
            assert_eq!(end.unwrap_err().to_string(), "damaged");
        }
    }

    #[test]
    fn a_decoder_that_panics_is_an_error_not_an_end() {
        let drip =
            Drip { bytes: Cursor::new(bytes(100)), step: 10, end: || panic!("a fault of the decoder") };
        let mut source = Source::Ahead(Ahead::start(Chunks::new(Box::new(drip), 0)).unwrap());
        let end = drain(&mut source, &mut Window::new(), 10).1;
        assert!(end.unwrap_err().to_string().contains("the decoder ended"));
    }

    #[test]
    fn a_reader_that_nobody_listens_to_ends() {
        struct Endless {
            _alive: SyncSender<()>,
        }
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer.fill(b'x');
                Ok(buffer.len())
            }
        }
        let (alive, dropped) = sync_channel(0);
        let mut ahead = Ahead::start(Chunks::new(Box::new(Endless { _alive: alive }), 0)).unwrap();
        assert!(ahead.next().unwrap().is_some());
        drop(ahead);
        // Comes when the thread has let go of the reader.
        dropped.recv().unwrap_err();
    }
}
