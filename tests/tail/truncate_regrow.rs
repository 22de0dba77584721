//! Truncated, and grown past the old offset before anybody looked.

use crate::reader::{Reader, line, lines, text};

#[test]
fn regrown_past_the_old_offset_before_the_next_look() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.truncate("worker.log");
    reader.append("worker.log", &text(100..150));
    assert_eq!(reader.next(), lines(100..150));
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn regrown_after_the_sweep_and_before_the_reading() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &line(10));
    reader.sweep();
    reader.truncate("worker.log");
    reader.append("worker.log", &text(100..150));
    for id in reader.tail.ready(reader.now) {
        reader.read(id);
    }
    assert_eq!(reader.next(), lines(100..150));
}

#[test]
fn bytes_that_were_read_outlive_the_truncation() {
    let mut reader = Reader::new(&["worker.log"]);
    let half = &line(10)[..40];
    reader.append("worker.log", &format!("{}{half}", text(0..10)));
    assert_eq!(reader.next(), lines(0..10));
    reader.truncate("worker.log");
    reader.append("worker.log", &text(11..12));
    assert_eq!(reader.next(), [vec![half.to_owned()], lines(11..12)].concat());
}

#[test]
fn the_same_head_again_is_told_apart_by_what_comes_before_the_offset() {
    let banner = text(0..30);
    assert!(banner.len() > 1024);
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &format!("{banner}{}", text(100..110)));
    assert_eq!(reader.next().len(), 40);
    reader.truncate("worker.log");
    reader.append("worker.log", &format!("{banner}{}", text(200..230)));
    assert_eq!(reader.next(), [lines(0..30), lines(200..230)].concat());

    // The same, over a restart.
    reader.truncate("worker.log");
    reader.append("worker.log", &format!("{banner}{}", text(300..350)));
    reader.restart();
    assert_eq!(reader.next(), [lines(0..30), lines(300..350)].concat());
}
