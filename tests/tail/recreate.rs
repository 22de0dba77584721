//! Deleted files, and new ones of the same name.

use std::fs;
use std::io::Write;

use sealtail::source::tail::Trouble;

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

/// A writer that never lets go of a deleted file would fill the disk if its reader did not either.
#[test]
fn deleted_files_hold_no_more_of_a_disk_than_they_may() {
    let mut reader = Reader::new(&["*.log"]);
    reader.tail.set_held_max(64 << 10);
    let mut writers = ["small.log", "large.log"].map(|name| reader.writer(name));
    for writer in &mut writers {
        writer.write_all(text(0..10).as_bytes()).unwrap();
    }
    assert_eq!(reader.next().len(), 20);
    for name in ["small.log", "large.log"] {
        fs::remove_file(reader.path(name)).unwrap();
    }
    writers[0].write_all(text(10..20).as_bytes()).unwrap();
    writers[1].write_all(text(10..2_000).as_bytes()).unwrap();
    // Some file systems count what a file takes only once it is on the disk.
    writers.iter().for_each(|writer| writer.sync_all().unwrap());
    reader.turn();
    let (offset, unread) = (text(0..10).len() as u64, text(10..2_000).len() as u64);
    let [Trouble::Released { path, held, offset: from, unread: lost }] = &reader.troubles[..] else {
        panic!("{:?}", reader.troubles);
    };
    assert_eq!((path, *from, *lost), (&reader.path("large.log"), offset, unread));
    assert!(*held >= offset + unread, "{held}");
    assert!(reader.troubles[0].is_loss());
    assert_eq!(reader.take(), lines(10..20), "the small one is read on");
    reader.commit();
    reader.turn();
    assert_eq!((reader.take().len(), reader.troubles.len()), (0, 1));
}
