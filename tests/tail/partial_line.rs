//! Lines written in pieces, and the quiet after them.

use std::time::Duration;

use sealtail::frame::End;

use crate::reader::{Reader, lines, text};

#[test]
fn halves_written_apart_are_one_line() {
    let mut reader = Reader::new(&["worker.log"]);
    for number in 0..20 {
        let line = text(number..number + 1);
        let (first, second) = line.split_at(30);
        reader.append("worker.log", first);
        reader.turn();
        reader.now += Duration::from_millis(100);
        reader.append("worker.log", second);
        reader.turn();
    }
    assert_eq!(reader.take(), lines(0..20));
}

#[test]
fn a_half_line_waits_through_a_restart() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &format!("{}half", text(0..3)));
    assert_eq!(reader.next(), lines(0..3));
    reader.restart();
    assert!(reader.next().is_empty());
    reader.append("worker.log", " and half\n");
    assert_eq!(reader.next(), ["half and half"]);
}

#[test]
fn each_quiet_time_is_offered_once() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", "half");
    reader.sweep();
    let id = reader.tail.ready(reader.now)[0];
    assert_eq!(reader.read(id), Some(End::More));
    for (pause_ms, expected) in [(499, None), (1, Some(End::Held)), (1499, None), (1, Some(End::Quiet))] {
        let deadline = reader.tail.next_deadline(reader.now).unwrap();
        assert!(deadline > reader.now);
        reader.now += Duration::from_millis(pause_ms);
        assert_eq!(expected.is_some(), reader.now >= deadline);
        let offered = match reader.tail.ready(reader.now)[..] {
            [id] => reader.read(id),
            _ => None,
        };
        assert_eq!(offered, expected, "after {pause_ms} ms");
        assert!(reader.tail.ready(reader.now).is_empty());
    }
    assert_eq!(reader.tail.next_deadline(reader.now), None);
    reader.append("worker.log", " more");
    reader.sweep();
    assert_eq!(reader.tail.ready(reader.now), [id]);
    assert_eq!(reader.read(id), Some(End::More));
    reader.now += Duration::from_millis(500);
    assert_eq!(reader.read(id), Some(End::Held));
}
