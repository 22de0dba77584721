//! Any bytes as a file of `replay`: no panic, no end of memory, and an end.

use std::io::{Cursor, Read};

use sealtail::source::archive;

/// Decompressed bytes that are read: enough to be well inside any format's blocks.
const READ_MAX: u64 = 16 << 20;

/// Decompresses `data`, which may be damaged anywhere.
pub fn run(data: &[u8]) {
    let Ok(reader) = archive::decode(Cursor::new(data.to_vec())) else {
        panic!("the first bytes of memory can be read");
    };
    let mut bytes = 0;
    let mut reader = reader.take(READ_MAX);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        bytes += read;
    }
    assert!(bytes as u64 <= READ_MAX);
}
