//! Several names for one file, one name for several.

use std::fs;
use std::os::unix::fs::symlink;

use crate::reader::{Reader, lines, text};

/// Points `current.log` to a file, as deploy tools do: in one step.
fn point(reader: &Reader, target: &str) {
    symlink(target, reader.path("new-link")).unwrap();
    reader.rename("new-link", "current.log");
}

#[test]
fn re_pointed_it_drains_the_old_target_and_follows_the_new() {
    let mut reader = Reader::new(&["current.log"]);
    reader.append("23.txt", &text(0..10));
    point(&reader, "23.txt");
    assert_eq!(reader.next(), lines(0..10));
    reader.append("23.txt", &text(10..20));
    reader.append("24.txt", &text(20..30));
    point(&reader, "24.txt");
    assert_eq!(reader.next(), lines(10..30));
    reader.append("23.txt", &text(30..31));
    assert_eq!(reader.next(), lines(30..31));
}

#[test]
fn a_line_that_it_cuts_ends_with_the_old_target() {
    let mut reader = Reader::new(&["current.log"]);
    reader.append("23.txt", "one\nfirst half");
    point(&reader, "23.txt");
    assert_eq!(reader.next(), ["one"]);
    reader.append("24.txt", " and second half\ntwo\n");
    point(&reader, "24.txt");
    assert_eq!(reader.next(), [" and second half", "two"]);
    reader.after(61);
    reader.after(1);
    assert_eq!(reader.next(), ["first half"]);
    assert_eq!(reader.troubles, []);
}

#[test]
fn re_pointed_while_nobody_watched() {
    let mut reader = Reader::new(&["current.log"]);
    fs::create_dir(reader.path("logs")).unwrap();
    reader.append("logs/23.txt", &text(0..10));
    point(&reader, "logs/23.txt");
    assert_eq!(reader.next(), lines(0..10));
    reader.append("logs/23.txt", &text(10..20));
    reader.append("logs/24.txt", &text(20..30));
    point(&reader, "logs/24.txt");
    reader.restart();
    assert_eq!(reader.next(), lines(10..30));
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn a_file_of_two_names_is_read_once() {
    let mut reader = Reader::new(&["*.log"]);
    reader.append("worker.log", &text(0..10));
    fs::hard_link(reader.path("worker.log"), reader.path("hard.log")).unwrap();
    symlink("worker.log", reader.path("soft.log")).unwrap();
    assert_eq!(reader.next(), lines(0..10));
    reader.append("hard.log", &text(10..20));
    assert_eq!(reader.next(), lines(10..20));
    fs::remove_file(reader.path("hard.log")).unwrap();
    reader.append("worker.log", &text(20..30));
    assert_eq!(reader.next(), lines(20..30));
    assert_eq!(reader.committed.len(), 1);
}
