//! Lines longer than any buffer.

use std::io::Write;

use sealtail::frame::End;

use crate::reader::Reader;

#[test]
fn a_line_of_many_writes_is_one_line() {
    let mut reader = Reader::new(&["worker.log"]);
    let mut writer = reader.writer("worker.log");
    let piece = "x".repeat(4096);
    for _ in 0..256 {
        writer.write_all(piece.as_bytes()).unwrap();
        reader.turn();
    }
    writer.write_all(b"\nnext\n").unwrap();
    reader.turn();
    assert_eq!(reader.take(), [piece.repeat(256), "next".to_owned()]);
}

/// A reader that never settles must not make the carry grow without bound, nor spin.
#[test]
fn what_is_carried_is_bounded() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &"y".repeat(12 << 20));
    reader.turn();
    let id = 1;
    let carried = reader.tail.read(id, reader.now).unwrap().bytes.len();
    assert!((4 << 20..5 << 20).contains(&carried), "{carried} bytes");

    // A reader that cuts long lines gets the rest.
    let mut seen = 0;
    for _ in 0..100 {
        let chunk = reader.tail.read(id, reader.now).unwrap();
        assert_ne!(chunk.end, End::Final);
        let mut progress = chunk.progress.clone();
        progress.offset += chunk.bytes.len() as u64;
        seen += chunk.bytes.len();
        reader.tail.settle(id, progress);
    }
    assert_eq!(seen, 12 << 20);
}
