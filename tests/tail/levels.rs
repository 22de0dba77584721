//! What is told of every source from outside.

use std::fs;

use sealtail::telemetry::meter::Level;

use crate::reader::{Reader, text};

fn level(reader: &Reader) -> Level {
    let levels = reader.tail.levels();
    assert_eq!(levels.keys().collect::<Vec<_>>(), ["worker"]);
    levels["worker"]
}

#[test]
fn unread_bytes_and_files_are_counted() {
    let mut reader = Reader::new(&["*.log"]);
    assert_eq!(level(&reader), Level::default(), "a source without files is there");
    reader.append("a.log", &text(0..10));
    reader.append("b.log", &text(0..5));
    reader.sweep();
    let unread = (text(0..10).len() + text(0..5).len()) as u64;
    assert_eq!(level(&reader), Level { files: 2, open: 2, unread });
    reader.turn();
    assert_eq!(level(&reader), Level { files: 2, open: 2, unread: 0 });
    reader.append("a.log", "half a line");
    reader.sweep();
    assert_eq!(level(&reader).unread, 11);
    reader.turn();
    assert_eq!(level(&reader).unread, 0, "what is read and waits for its end is no lag");
}

#[test]
fn more_files_than_may_be_open_are_all_followed() {
    let mut reader = Reader::new(&["*.log"]);
    for number in 0..600 {
        reader.append(&format!("{number}.log"), &text(0..1));
    }
    reader.next();
    assert_eq!(level(&reader), Level { files: 600, open: 512, unread: 0 });
}

#[test]
fn a_file_that_is_gone_has_nothing_to_read() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..3));
    reader.next();
    fs::remove_file(reader.path("worker.log")).unwrap();
    for _ in 0..3 {
        reader.next();
    }
    assert_eq!(level(&reader).unread, 0);
}
