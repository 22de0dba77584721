//! Copied and truncated, as `logrotate` does with `copytruncate`.

use std::io::Write;

use sealtail::source::tail::Trouble;

use crate::reader::{Reader, lines, text};

#[test]
fn a_reader_that_keeps_up_misses_nothing() {
    let mut reader = Reader::new(&["worker.log"]);
    for round in 0..5 {
        let first = round * 10;
        reader.append("worker.log", &text(first..first + 10));
        assert_eq!(reader.next(), lines(first..first + 10));
        reader.copy_truncate("worker.log", &format!("worker.log.{round}"));
    }
    reader.append("worker.log", &text(50..51));
    assert_eq!(reader.next(), lines(50..51));
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn what_was_not_read_yet_is_read_from_the_copy() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &text(10..20));
    reader.copy_truncate("worker.log", "worker.log.1");
    reader.append("worker.log", &text(20..30));
    assert_eq!(reader.next(), lines(10..30));
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);

    reader.after(120);
    reader.restart();
    assert!(reader.next().is_empty());
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn a_copy_that_the_glob_names_is_not_read_twice() {
    let mut reader = Reader::new(&["worker.log*"]);
    for round in 0..3 {
        let first = round * 20;
        reader.append("worker.log", &text(first..first + 10));
        assert_eq!(reader.next(), lines(first..first + 10));
        reader.append("worker.log", &text(first + 10..first + 20));
        reader.copy_truncate("worker.log", &format!("worker.log.{round}"));
        assert_eq!(reader.next(), lines(first + 10..first + 20));
    }
    reader.restart();
    assert!(reader.next().is_empty());
}

#[test]
fn a_copy_seen_while_it_is_being_made_is_left_alone() {
    let mut reader = Reader::new(&["worker.log*"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    let whole = text(0..12);
    reader.append("worker.log", &text(10..12));
    for cut in [0, 30, 300, whole.len()] {
        std::fs::write(reader.path("worker.log.1"), &whole[..cut]).unwrap();
        reader.turn();
    }
    assert_eq!(reader.take(), lines(10..12));
    reader.truncate("worker.log");
    reader.append("worker.log", &text(12..14));
    assert_eq!(reader.next(), lines(12..14));
    reader.after(120);
    reader.restart();
    assert!(reader.next().is_empty());
}

#[test]
fn lines_written_after_the_copy_were_read_and_the_copy_is_still_known() {
    let mut reader = Reader::new(&["worker.log*"]);
    reader.append("worker.log", &text(0..10));
    reader.turn();
    std::fs::copy(reader.path("worker.log"), reader.path("worker.log.1")).unwrap();
    reader.append("worker.log", &text(10..12));
    reader.turn();
    reader.truncate("worker.log");
    reader.turn();
    reader.after(1);
    assert_eq!(reader.take(), lines(0..12));
    reader.commit();
    reader.restart();
    assert!(reader.next().is_empty());
}

#[test]
fn without_a_copy_the_loss_is_told() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &text(10..15));
    reader.sweep();
    reader.truncate("worker.log");
    reader.append("worker.log", &text(20..21));
    assert_eq!(reader.next(), lines(20..21));
    let offset = text(0..10).len() as u64;
    let bytes = Some(text(10..15).len() as u64);
    assert_eq!(reader.troubles, [Trouble::Gap { path: reader.path("worker.log"), offset, bytes }]);
    assert!(reader.troubles[0].is_loss());
}

#[test]
fn another_file_that_begins_alike_is_no_copy() {
    let mut reader = Reader::new(&["*.log"]);
    let banner = text(0..50);
    reader.append("worker.log", &banner);
    reader.append("worker-2.log", &format!("{banner}{}", text(60..61)));
    reader.append("worker-b.log", &banner);
    assert_eq!(reader.next().len(), 151);
}

#[test]
fn a_copy_seen_empty_and_compressed_before_the_next_look_is_not_read_twice() {
    let mut reader = Reader::new(&["worker.log*"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    let mut copy = reader.writer("worker.log.1");
    assert!(reader.next().is_empty());
    copy.write_all(text(0..10).as_bytes()).unwrap();
    reader.truncate("worker.log");
    std::fs::remove_file(reader.path("worker.log.1")).unwrap();
    reader.append("worker.log", &text(10..12));
    assert_eq!(reader.next(), lines(10..12));
    assert_eq!(reader.troubles, []);
}

#[test]
fn a_copy_seen_empty_holds_what_was_not_read_wherever_it_is_when_that_is_noticed() {
    for is_compressed in [true, false] {
        let mut reader = Reader::new(&["worker.log*"]);
        reader.append("worker.log", &text(0..10));
        assert_eq!(reader.next(), lines(0..10));
        let mut copy = reader.writer("worker.log.1");
        assert!(reader.next().is_empty());
        reader.append("worker.log", &text(10..12));
        copy.write_all(text(0..12).as_bytes()).unwrap();
        reader.truncate("worker.log");
        reader.append("worker.log", &text(20..50));
        if is_compressed {
            std::fs::remove_file(reader.path("worker.log.1")).unwrap();
        }
        // It is noticed by reading: there is no sweep before.
        assert!(!reader.tail.touch(&reader.path("worker.log")));
        while let [id, ..] = reader.tail.ready(reader.now)[..] {
            reader.read(id);
        }
        let read = [reader.take(), reader.next()].concat();
        assert_eq!(read, [lines(10..12), lines(20..50)].concat(), "compressed: {is_compressed}");
        reader.after(1);
        reader.after(61);
        assert!(reader.next().is_empty());
        assert_eq!(reader.troubles, []);
        reader.restart();
        assert!(reader.next().is_empty());
    }
}

/// A backup was made of it before anybody looked.
#[test]
fn a_new_file_and_its_copy_seen_at_one_look_are_read_once() {
    for more in [0, 5] {
        let mut reader = Reader::new(&["worker.log*"]);
        reader.append("worker.log", &text(0..10));
        std::fs::copy(reader.path("worker.log"), reader.path("worker.log.1")).unwrap();
        reader.append("worker.log", &text(10..10 + more));
        let older = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        reader.writer("worker.log.1").set_modified(older).unwrap();
        assert_eq!(reader.next(), lines(0..10 + more));
        reader.append("worker.log", &text(20..21));
        assert_eq!(reader.next(), lines(20..21), "{more} more");
        reader.restart();
        assert!(reader.next().is_empty());
        assert_eq!(reader.troubles, []);
    }
}
