//! Holes and runs of zeros that truncation leaves.

use std::io::{Seek, SeekFrom, Write};

use crate::reader::{Reader, line, lines, text};

/// `nohup worker > worker.log` writes at its own offset, so a truncation leaves a hole of the old size.
#[test]
fn a_writer_that_does_not_append_leaves_a_hole() {
    let mut reader = Reader::new(&["worker.log"]);
    let mut writer = std::fs::File::create(reader.path("worker.log")).unwrap();
    writer.write_all(text(0..10).as_bytes()).unwrap();
    assert_eq!(reader.next(), lines(0..10));
    writer.seek(SeekFrom::Start(8 << 30)).unwrap();
    reader.copy_truncate("worker.log", "worker.log.1");
    writer.write_all(line(10).as_bytes()).unwrap();
    reader.turn();
    let (_, offset, number) = reader.places[0];
    assert!(offset <= 8 << 30 && offset > (8 << 30) - (256 << 10), "offset {offset} is near the line");
    assert_eq!(number, 1);
    let read = reader.take();
    assert_eq!(read.iter().map(|line| line.trim_start_matches('\0')).collect::<Vec<_>>(), lines(10..11));

    reader.commit();
    writer.write_all(line(11).as_bytes()).unwrap();
    reader.restart();
    assert_eq!(reader.next(), lines(11..12));
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn a_file_of_nothing_but_a_hole_is_passed_over() {
    let mut reader = Reader::new(&["worker.log"]);
    let file = std::fs::File::create(reader.path("worker.log")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(reader.next().is_empty());
    reader.append("worker.log", &line(1));
    assert_eq!(reader.next(), lines(1..2));
}

/// A disk that lost power may leave zeros where a line should be; what is written behind them counts.
#[test]
fn zeros_behind_lines_are_passed_over_and_nothing_behind_them() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &"\0".repeat(100));
    assert!(reader.next().is_empty());
    reader.append("worker.log", &text(10..20));
    reader.turn();
    let offset = text(0..10).len() as u64 + 100;
    assert_eq!((reader.places[0].1, reader.places[0].2), (offset, 11));
    assert_eq!(reader.take(), lines(10..20));
    reader.commit();
    reader.append("worker.log", &text(20..30));
    reader.restart();
    assert_eq!(reader.next(), lines(20..30));
    assert_eq!(reader.troubles, []);
}
