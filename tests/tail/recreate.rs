//! Deleted files, and new ones of the same name.

use std::fs;
use std::io::Write;

use crate::reader::{Reader, lines, text};

#[test]
fn deleted_and_created_again_and_again() {
    let mut reader = Reader::new(&["worker.log"]);
    for round in 0..20 {
        let first = round * 10;
        reader.append("worker.log", &text(first..first + 5));
        assert_eq!(reader.next(), lines(first..first + 5));
        // The last lines are written to a file that is deleted before they are read.
        reader.append("worker.log", &text(first + 5..first + 10));
        fs::remove_file(reader.path("worker.log")).unwrap();
        if round % 2 == 0 {
            assert_eq!(reader.next(), lines(first + 5..first + 10));
        } else {
            reader.append("worker.log", "");
            assert_eq!(reader.next(), lines(first + 5..first + 10));
            fs::remove_file(reader.path("worker.log")).unwrap();
        }
    }
    reader.after(1);
    reader.after(1);
    reader.commit();
    assert!(reader.committed.is_empty(), "deleted files are forgotten: {:?}", reader.committed);
    assert!(reader.tail.watched().files.is_empty(), "and their descriptors are closed");
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn a_deleted_file_gives_its_last_half_line() {
    let mut reader = Reader::new(&["worker.log"]);
    let mut writer = reader.writer("worker.log");
    writer.write_all(b"whole\nhalf").unwrap();
    reader.turn();
    fs::remove_file(reader.path("worker.log")).unwrap();
    reader.turn();
    assert_eq!(reader.take(), ["whole"]);
    writer.write_all(b" and more").unwrap();
    for _ in 0..3 {
        reader.turn();
    }
    assert_eq!(reader.take(), ["half and more"]);
}
