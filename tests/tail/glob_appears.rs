//! Files that come to exist, and those that are left out.

use std::fs;
use std::time::Duration;

use crate::reader::{Reader, lines, text};

#[test]
fn files_and_folders_that_come_later_are_read_whole() {
    let mut reader = Reader::new(&["*/worker*.log"]);
    assert!(reader.next().is_empty());
    for (folder, first) in [("one", 0), ("two", 10)] {
        fs::create_dir(reader.path(folder)).unwrap();
        reader.append(&format!("{folder}/worker-1.log"), &text(first..first + 5));
        reader.append(&format!("{folder}/other.log"), &text(90..95));
        assert_eq!(reader.next(), lines(first..first + 5));
    }
}

#[test]
fn what_is_excluded_is_not_read() {
    let mut reader = Reader::new(&["*.log"]);
    reader.settings.exclude = vec![glob::Pattern::new("debug*").unwrap()];
    reader.restart();
    reader.append("debug.log", &text(0..5));
    reader.append("worker.log", &text(5..10));
    assert_eq!(reader.next(), lines(5..10));
}

#[test]
fn a_path_that_looks_like_a_glob_is_a_path_if_it_exists() {
    let mut reader = Reader::new(&["[x].log"]);
    reader.append("[x].log", &text(0..5));
    reader.append("x.log", &text(5..10));
    assert_eq!(reader.next(), lines(0..5));
}

#[test]
fn a_touch_tells_what_only_a_sweep_can_sort_out() {
    let mut reader = Reader::new(&["*.log"]);
    reader.append("worker.log", &text(0..5));
    assert_eq!(reader.next(), lines(0..5));
    let (known, new) = (reader.path("worker.log"), reader.path("new.log"));
    assert!(!reader.tail.touch(&known));
    assert!(reader.tail.ready(reader.now).is_empty());
    reader.append("worker.log", &text(5..10));
    assert!(!reader.tail.touch(&known), "growth needs no sweep");
    let id = reader.tail.ready(reader.now)[0];
    reader.read(id);
    assert_eq!(reader.take(), lines(5..10));

    assert!(!reader.tail.touch(&reader.path("unrelated.txt")));
    assert!(reader.tail.touch(&new), "a file that a source would follow");
    reader.truncate("worker.log");
    assert!(reader.tail.touch(&known), "a file that has shrunk");
    fs::remove_file(&known).unwrap();
    assert!(reader.tail.touch(&known), "a file that is gone");
}

#[test]
fn a_polled_source_is_looked_at_when_its_time_has_come_and_not_watched() {
    let mut reader = Reader::new(&["*.log"]);
    reader.settings.poll = Some(Duration::from_secs(2));
    reader.restart();
    assert!(reader.next().is_empty());
    reader.append("worker.log", &text(0..5));
    reader.after(1);
    assert!(reader.take().is_empty());
    reader.after(1);
    assert_eq!(reader.take(), lines(0..5));
    assert_eq!(reader.tail.watched(), Default::default());
}
