//! Numbers that identify nothing by themselves.

use std::fs;

use sealtail::model::position::Place;

use crate::reader::{Reader, lines, text};

/// The position as it would be had the file got another inode or device number meanwhile.
fn with_numbers(reader: &mut Reader, device: u64, inode: Option<u64>) {
    for position in reader.committed.values_mut() {
        let Place::File(place) = &mut position.place;
        place.identity.device = device;
        place.identity.inode = inode.unwrap_or(place.identity.inode);
    }
}

#[test]
fn a_new_file_with_an_old_inode_number_is_read_whole() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    fs::remove_file(reader.path("worker.log")).unwrap();
    reader.append("worker.log", &text(100..130));
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(reader.path("worker.log")).unwrap());
    let Place::File(place) = &reader.committed[&1].place;
    let device = place.identity.device;
    with_numbers(&mut reader, device, Some(inode));
    reader.restart();
    assert_eq!(reader.next(), lines(100..130));
}

#[test]
fn another_device_number_is_no_other_file() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    with_numbers(&mut reader, 4_711, None);
    reader.restart();
    reader.append("worker.log", &text(10..20));
    assert_eq!(reader.next(), lines(10..20));
}

#[test]
fn a_file_restored_from_a_backup_is_the_same_file() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    with_numbers(&mut reader, 1, Some(1));
    reader.restart();
    reader.append("worker.log", &text(10..20));
    assert_eq!(reader.next(), lines(10..20));
}

#[test]
fn a_few_bytes_prove_nothing() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", "start\n");
    assert_eq!(reader.next(), ["start"]);
    with_numbers(&mut reader, 1, Some(1));
    reader.restart();
    reader.append("worker.log", "stop\n");
    assert_eq!(reader.next(), ["start", "stop"]);
}

/// What was read of a file is the first line of every file, and its inode number has been given to a copy of another.
#[test]
fn a_copy_of_another_file_with_the_inode_number_of_one_that_began_alike_is_not_read() {
    let mut reader = Reader::new(&["worker.log*"]);
    reader.append("worker.log", "start\n");
    assert_eq!(reader.next(), ["start"]);
    reader.rename("worker.log", "worker.log.1");
    reader.append("worker.log", &format!("start\n{}", text(0..10)));
    assert_eq!(reader.next()[1..], lines(0..10));
    fs::remove_file(reader.path("worker.log.1")).unwrap();
    fs::copy(reader.path("worker.log"), reader.path("worker.log.1")).unwrap();
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(reader.path("worker.log.1")).unwrap());
    let short = reader.committed.values_mut().find(|position| position.path.ends_with(".1")).unwrap();
    assert_eq!(short.progress.offset, 6, "too few bytes to know a file by");
    let Place::File(place) = &mut short.place;
    place.identity.inode = inode;
    reader.restart();
    reader.append("worker.log", &text(10..12));
    assert_eq!(reader.next(), lines(10..12));
    assert_eq!(reader.troubles, []);
}
