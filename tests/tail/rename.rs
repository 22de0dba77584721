//! Renamed and created anew, as `logrotate` does by default.

use std::fs;
use std::io::Write;

use crate::reader::{Reader, lines, text};

#[test]
fn renamed_and_created_anew() {
    let mut reader = Reader::new(&["*.log"]);
    for round in 0..5 {
        let first = round * 20;
        reader.append("worker.log", &text(first..first + 10));
        // Every other one is never seen under its own name.
        if round % 2 == 0 {
            reader.turn();
        }
        reader.append("worker.log", &text(first + 10..first + 20));
        for number in (1..=round).rev() {
            reader.rename(&format!("worker.log.{number}"), &format!("worker.log.{}", number + 1));
        }
        reader.rename("worker.log", "worker.log.1");
    }
    reader.append("worker.log", &text(100..110));
    reader.turn();
    assert_eq!(reader.take(), lines(0..110));
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn every_generation_between_two_looks_is_read_oldest_first() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    for round in 1..4 {
        reader.rename("worker.log", &format!("worker.log-2026082{round}"));
        reader.append("worker.log", &text(round * 10..round * 10 + 10));
    }
    assert_eq!(reader.next(), lines(10..40));
    reader.after(120);
    assert_eq!(reader.next(), lines(0..0));
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
}

#[test]
fn a_backup_beside_the_file_is_no_generation_of_its_own() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    fs::copy(reader.path("worker.log"), reader.path("worker.log.bak")).unwrap();
    reader.rename("worker.log", "worker.log.1");
    reader.append("worker.log", &text(10..20));
    assert_eq!(reader.next(), lines(10..20));
    reader.rename("worker.log", "worker.log.2");
    reader.append("worker.log", &text(20..30));
    reader.restart();
    assert_eq!(reader.next(), lines(20..30));
}

#[test]
fn the_writer_lags_behind_on_the_old_file() {
    let mut reader = Reader::new(&["*.log"]);
    let mut lagging = reader.writer("worker.log");
    lagging.write_all(text(0..10).as_bytes()).unwrap();
    reader.turn();
    reader.rename("worker.log", "worker.log.1");
    reader.append("worker.log", &text(100..110));
    reader.turn();
    lagging.write_all(text(10..20).as_bytes()).unwrap();
    reader.append("worker.log", &text(110..120));
    reader.after(59);
    lagging.write_all(text(20..30).as_bytes()).unwrap();
    reader.after(59);
    let expected = [lines(0..10), lines(100..110), lines(10..20), lines(110..120), lines(20..30)];
    assert_eq!(reader.take(), expected.concat());

    // Long after its end was told, it is still known where it is.
    reader.after(3600);
    reader.after(1);
    lagging.write_all(text(30..40).as_bytes()).unwrap();
    reader.after(1);
    assert_eq!(reader.take(), lines(30..40));
}

#[test]
fn renamed_out_of_sight_it_is_read_while_it_is_open() {
    let mut reader = Reader::new(&["*.log"]);
    let mut lagging = reader.writer("worker.log");
    lagging.write_all(text(0..10).as_bytes()).unwrap();
    assert_eq!(reader.next(), lines(0..10));
    fs::create_dir(reader.path("old")).unwrap();
    reader.rename("worker.log", "old/worker.log");
    reader.append("worker.log", &text(100..110));
    lagging.write_all(text(10..20).as_bytes()).unwrap();
    reader.after(30);
    assert_eq!(reader.take(), [lines(10..20), lines(100..110)].concat());
}

#[test]
fn renamed_inside_the_glob_it_is_followed_under_its_new_name() {
    let mut reader = Reader::new(&["worker.log*"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.rename("worker.log", "worker.log.1");
    reader.append("worker.log", &text(20..30));
    reader.append("worker.log.1", &text(10..20));
    assert_eq!(reader.next(), lines(10..30));
    reader.rename("worker.log.1", "worker.log.2");
    reader.rename("worker.log", "worker.log.1");
    assert!(reader.next().is_empty());
    reader.restart();
    assert!(reader.next().is_empty());
    assert_eq!(reader.committed.len(), 2);
}

#[test]
fn five_hundred_files_rotated_at_once() {
    let mut reader = Reader::new(&["*.log"]);
    for number in 0..500 {
        reader.append(&format!("{number}.log"), &text(number..number + 1));
    }
    assert_eq!(reader.next().len(), 500);
    for number in 0..500 {
        reader.append(&format!("{number}.log"), &text(number + 1000..number + 1001));
        reader.rename(&format!("{number}.log"), &format!("{number}.log.1"));
        reader.append(&format!("{number}.log"), &text(number + 2000..number + 2001));
    }
    let mut read = reader.next();
    read.sort_unstable();
    assert_eq!(read, [lines(1000..1500), lines(2000..2500)].concat());
}

#[test]
fn what_a_lagging_writer_adds_to_an_empty_file_just_before_it_is_compressed_is_read() {
    // However long ago the file was seen to be empty.
    for quiet in [0, 30, 3600] {
        let mut reader = Reader::new(&["worker.log*"]);
        reader.append("worker.log", &text(0..10));
        assert_eq!(reader.next(), lines(0..10));
        let mut lagging = reader.writer("worker.log.1");
        for _ in 0..3 {
            reader.after(quiet);
        }
        assert!(reader.next().is_empty());
        lagging.write_all(text(20..21).as_bytes()).unwrap();
        fs::remove_file(reader.path("worker.log.1")).unwrap();
        // Its name is that of the next one by now.
        reader.append("worker.log.1", &text(30..31));
        let mut read = reader.next();
        read.sort_unstable();
        assert_eq!(read, [lines(20..21), lines(30..31)].concat(), "after {quiet} s");
        // It goes on: its writer still has it open.
        lagging.write_all(text(21..22).as_bytes()).unwrap();
        assert_eq!(reader.next(), lines(21..22));
        reader.after(1);
        reader.after(1);
        reader.restart();
        assert!(reader.next().is_empty());
        assert_eq!(reader.troubles, []);
    }
}

#[test]
fn many_empty_files_of_long_ago_do_not_keep_the_latest_from_being_read() {
    let mut reader = Reader::new(&["worker.log*"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    (0..100).for_each(|number| drop(reader.writer(&format!("worker.log.1{number:02}"))));
    assert!(reader.next().is_empty());
    let mut lagging = reader.writer("worker.log.1");
    assert!(reader.next().is_empty());
    lagging.write_all(text(20..21).as_bytes()).unwrap();
    fs::remove_file(reader.path("worker.log.1")).unwrap();
    assert_eq!(reader.next(), lines(20..21));
}

#[test]
fn empty_rotated_files_keep_few_descriptors_open() {
    const FILES: usize = 300;
    let open = |reader: &Reader| {
        let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let links = links.filter_map(|entry| fs::read_link(entry.path()).ok());
        links.filter(|link| link.starts_with(reader.folder.path())).count()
    };
    let mut reader = Reader::new(&["worker.log*"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    (0..FILES).for_each(|number| drop(reader.writer(&format!("worker.log.{number}"))));
    reader.turn();
    let most = open(&reader);
    assert!((2..=65).contains(&most), "{most} files are open");
    (0..FILES).for_each(|number| fs::remove_file(reader.path(&format!("worker.log.{number}"))).unwrap());
    reader.after(30);
    reader.after(61);
    assert_eq!(open(&reader), 1, "nobody has written to them");
}

/// Every start of a worker writes the same banner; what stands behind it tells its logs apart.
#[test]
fn a_rotated_file_with_the_banner_of_the_new_one_is_read() {
    const BANNER: usize = 20;
    assert!(text(0..BANNER).len() > 1024, "more than is looked at of a head");
    for glob in ["worker.log", "worker.log*"] {
        let mut reader = Reader::new(&[glob]);
        reader.append("worker.log", &text(0..BANNER + 1));
        assert_eq!(reader.next(), lines(0..BANNER + 1));
        // Two generations later, of which the first was never seen under its own name.
        reader.rename("worker.log", "worker.log.2");
        reader.append("worker.log", &(text(0..BANNER) + &text(100..110)));
        reader.rename("worker.log", "worker.log.1");
        reader.append("worker.log", &(text(0..BANNER) + &text(200..220)));
        let banner = lines(0..BANNER);
        let expected = [banner.clone(), lines(100..110), banner, lines(200..220)].concat();
        // Of two that are new, one may be a copy of the other: the next look tells.
        let read = [reader.next(), reader.next()].concat();
        assert_eq!(read, expected, "{glob}");
        assert!(reader.next().is_empty(), "{glob}");
        assert_eq!(reader.troubles, [], "{glob}");
    }
}
