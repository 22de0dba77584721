//! What a restart finds.

use std::fs;
use std::io::Write;
use std::time::Duration;

use sealtail::source::tail::{RETENTION, Start, Trouble};

use crate::reader::{Reader, lines, text};

#[test]
fn reading_goes_on_where_it_was_committed() {
    let mut reader = Reader::new(&["*.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &text(10..20));
    reader.restart();
    assert_eq!(reader.next(), lines(10..20));

    // Read, not committed: read again.
    reader.append("worker.log", &text(20..30));
    reader.turn();
    reader.restart();
    reader.take();
    reader.turn();
    assert_eq!(reader.places[0].2, 21, "the line number survives");
    assert_eq!(reader.take(), lines(20..30));
}

#[test]
fn the_very_first_start_begins_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("worker.log"), format!("{}half", text(0..10))).unwrap();
    let mut reader = Reader::in_folder(folder, &["*.log"], Start::End);
    assert!(reader.next().is_empty());
    reader.append("worker.log", " and half\n");
    reader.append("later.log", &text(20..22));
    reader.turn();
    assert_eq!(reader.places[0].1..=reader.places[0].2, text(0..10).len() as u64..=11);
    let mut read = reader.take();
    read.sort_unstable();
    assert_eq!(read, [lines(20..22), vec!["half and half".to_owned()]].concat());
    reader.commit();

    // Later starts read on, whatever `start` says.
    reader.append("worker.log", &text(30..32));
    reader.append("new.log", &text(40..42));
    reader.restart();
    let mut read = reader.next();
    read.sort_unstable();
    assert_eq!(read, [lines(30..32), lines(40..42)].concat());
}

#[test]
fn five_rotations_while_nobody_watched() {
    let mut reader = Reader::new(&["worker.log"]);
    // Older than anything that was followed: none of our business.
    fs::write(reader.path("worker.log.9"), text(900..950)).unwrap();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    fs::File::options()
        .write(true)
        .open(reader.path("worker.log.9"))
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &text(10..20));
    for round in 0..5 {
        for number in (1..=round).rev() {
            reader.rename(&format!("worker.log.{number}"), &format!("worker.log.{}", number + 1));
        }
        reader.rename("worker.log", "worker.log.1");
        reader.append("worker.log", &text(round * 10 + 20..round * 10 + 30));
    }
    reader.restart();
    assert_eq!(reader.next(), lines(10..70));
    reader.after(120);
    reader.restart();
    assert!(reader.next().is_empty());
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn compressed_siblings_are_never_read() {
    let mut reader = Reader::new(&["worker.log*"]);
    reader.append("worker.log.1.gz", &text(0..10));
    reader.append("worker.log.2.zst", &text(0..10));
    reader.append("worker.log", &text(10..20));
    assert_eq!(reader.next(), lines(10..20));
}

#[test]
fn rotated_away_and_deleted_is_a_gap_that_is_told() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &text(10..20));
    fs::remove_file(reader.path("worker.log")).unwrap();
    reader.append("keep.inode", "x");
    reader.append("worker.log", &text(20..30));
    reader.restart();
    assert_eq!(reader.next(), lines(20..30));
    let offset = text(0..10).len() as u64;
    let gap = Trouble::Gap { path: reader.path("worker.log"), offset, bytes: None };
    assert_eq!(reader.troubles, [gap]);
    reader.restart();
    reader.turn();
    assert_eq!(reader.troubles.len(), 1, "told once");
}

#[test]
fn a_copy_made_while_nobody_watched() {
    for glob in ["worker.log", "worker.log*"] {
        let mut reader = Reader::new(&[glob]);
        reader.append("worker.log", &text(0..10));
        assert_eq!(reader.next(), lines(0..10));
        reader.append("worker.log", &text(10..20));
        reader.copy_truncate("worker.log", "worker.log.1");
        reader.append("worker.log", &text(20..50));
        reader.restart();
        assert_eq!(reader.next(), lines(10..50), "{glob}");
        assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
    }
}

#[test]
fn a_disk_that_is_away_for_a_while_is_no_loss() {
    let mut reader = Reader::new(&["disk/*.log"]);
    fs::create_dir(reader.path("disk")).unwrap();
    reader.append("disk/worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.rename("disk", "unmounted");
    reader.restart();
    reader.after(3600);
    reader.commit();
    assert_eq!(reader.committed.len(), 1);
    reader.troubles.clear();
    reader.rename("unmounted", "disk");
    reader.append("disk/worker.log", &text(10..20));
    assert_eq!(reader.next(), lines(10..20));

    reader.rename("disk", "unmounted");
    reader.restart();
    reader.turn();
    reader.now += RETENTION;
    reader.turn();
    reader.commit();
    assert_eq!(reader.committed.len(), 1, "remembered for seven days");
    reader.after(1);
    reader.commit();
    assert!(reader.committed.is_empty());
}

#[test]
fn a_renamed_source_keeps_its_positions() {
    let mut reader = Reader::new(&["*.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.settings.name = "sealing".to_owned();
    reader.restart();
    reader.append("worker.log", &text(10..20));
    assert_eq!(reader.next(), lines(10..20));
    assert_eq!(reader.committed.values().map(|position| &*position.source).collect::<Vec<_>>(), ["sealing"]);
}

#[test]
fn lines_before_an_offset_are_read_back() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    reader.turn();
    let id = reader.places[0].0;
    let bytes = |lines: Vec<String>| lines.into_iter().map(String::into_bytes).collect::<Vec<_>>();
    let end = text(0..10).len() as u64;
    let middle = text(0..6).len() as u64;
    for (offset, count, expected) in
        [(end, 3, lines(7..10)), (middle, 2, lines(4..6)), (end, 50, lines(0..10)), (0, 5, lines(0..0))]
    {
        assert_eq!(reader.tail.before(id, offset, count), bytes(expected), "{count} before {offset}");
    }
    // Never the lines of another generation.
    reader.truncate("worker.log");
    reader.writer("worker.log").write_all(text(50..80).as_bytes()).unwrap();
    assert!(reader.tail.before(id, end, 3).is_empty());
}

#[test]
fn a_writer_that_lags_behind_does_not_hide_a_later_generation() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.rename("worker.log", "worker.log.2");
    reader.append("worker.log", &text(10..20));
    reader.rename("worker.log", "worker.log.1");
    reader.append("worker.log.2", &text(20..30));
    // The clock of a file system is coarse, and a lag is not.
    let late = std::time::SystemTime::now() + Duration::from_secs(5);
    reader.writer("worker.log.2").set_modified(late).unwrap();
    reader.append("worker.log", &text(30..40));
    reader.restart();
    let mut read = reader.next();
    read.sort_unstable();
    assert_eq!(read, lines(10..40));
    assert_eq!(reader.troubles, []);
}

#[test]
fn a_file_taken_out_of_the_source_is_left_alone() {
    for (paths, exclude) in [("other/*.log", None), ("*.log", Some("worker.log"))] {
        let mut reader = Reader::new(&["*.log"]);
        reader.append("worker.log", &text(0..10));
        assert_eq!(reader.next(), lines(0..10));
        let before = reader.settings.clone();
        reader.settings.paths = vec![reader.path(paths).to_str().unwrap().to_owned()];
        reader.settings.exclude = exclude.into_iter().map(|name| name.parse().unwrap()).collect();
        reader.restart();
        reader.append("worker.log", &text(10..20));
        assert!(reader.next().is_empty(), "{paths} without {exclude:?}");
        assert_eq!(reader.troubles, [], "nothing of it is lost");

        // Taken in again, it goes on where it was.
        reader.settings = before;
        reader.restart();
        assert_eq!(reader.next(), lines(10..20));
    }
}

#[test]
fn a_source_that_is_gone_loses_nothing() {
    let mut reader = Reader::new(&["*.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.settings.name = "other".to_owned();
    reader.settings.paths.clear();
    reader.restart();
    reader.append("worker.log", &text(10..20));
    assert!(reader.next().is_empty());
    assert_eq!(reader.troubles, []);
}
