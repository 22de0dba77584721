//! What cannot be had any more: it is told, once, with its bytes where they are known.

use std::fs;

use sealtail::source::tail::Trouble;

use crate::reader::{Reader, lines, text};

/// What begins as `gzip` has it, and goes on as no file does.
const DAMAGED: &[u8] = b"\x1f\x8b\x08 damaged";

/// Where the gaps that were told begin, and their bytes.
fn gaps(reader: &Reader) -> Vec<(u64, Option<u64>)> {
    let gap = |trouble: &Trouble| match trouble {
        Trouble::Gap { offset, bytes, .. } => (*offset, *bytes),
        other => panic!("{other}"),
    };
    reader.troubles.iter().map(gap).collect()
}

/// The gap that the lines from `from` to `to` leave.
fn gap(from: usize, to: usize) -> (u64, Option<u64>) {
    (text(0..from).len() as u64, Some(text(from..to).len() as u64))
}

/// Sweeps enough to try all there is to try, and to give it up.
fn read_on(reader: &mut Reader) -> Vec<String> {
    for _ in 0..9 {
        reader.after(1);
    }
    reader.next()
}

/// Ten lines read of a file and `more` seen; it was renamed, and the file after it was read.
fn with_a_newer_one(glob: &str, more: usize) -> Reader {
    let mut reader = Reader::new(&[glob]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &text(10..10 + more));
    reader.rename("worker.log", "worker.log.1");
    reader.append("worker.log", &text(90..100));
    reader.sweep();
    let ready = reader.tail.ready(reader.now);
    reader.read(*ready.last().unwrap());
    reader.commit();
    assert_eq!(reader.take(), lines(90..100));
    reader
}

#[test]
fn of_an_older_generation_whose_newer_one_is_known() {
    for glob in ["worker.log", "worker.log*"] {
        for (more, archive) in [(10, None), (10, Some(DAMAGED)), (0, None), (0, Some(DAMAGED))] {
            let mut reader = with_a_newer_one(glob, more);
            fs::remove_file(reader.path("worker.log.1")).unwrap();
            if let Some(content) = archive {
                fs::write(reader.path("worker.log.1.gz"), content).unwrap();
            }
            reader.append("keep.inode", "x");
            reader.restart();
            assert!(read_on(&mut reader).is_empty());
            let expected = if more == 0 { Vec::new() } else { vec![gap(10, 10 + more)] };
            assert_eq!(gaps(&reader), expected, "{glob}, {more} more, {archive:?}");
            reader.restart();
            read_on(&mut reader);
            assert_eq!(gaps(&reader), expected, "told once");
        }
    }
}

/// A last line without its end is looked at once nothing has come for a while; before, it is lost with its file.
#[test]
fn of_a_last_line_that_nobody_has_looked_at() {
    let half = text(10..11).split_at(60).0.to_owned();
    for (seconds, is_lost) in [(0, true), (1, true), (3, false)] {
        let mut reader = Reader::new(&["worker.log"]);
        reader.append("worker.log", &(text(0..10) + &half));
        assert_eq!(reader.next(), lines(0..10));
        reader.after(seconds);
        reader.rename("worker.log", "worker.log.1");
        reader.append("worker.log", &text(90..100));
        assert_eq!(reader.next(), lines(90..100));
        fs::remove_file(reader.path("worker.log.1")).unwrap();
        reader.append("keep.inode", "x");
        reader.restart();
        assert!(read_on(&mut reader).is_empty());
        let gap = (text(0..10).len() as u64, Some(half.len() as u64));
        assert_eq!(gaps(&reader), if is_lost { vec![gap] } else { vec![] }, "after {seconds} s");
    }
}
