//! Files that were compressed while nobody watched, before they were read to their end.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, SystemTime};

use sealtail::source::tail::Trouble;

use crate::reader::{Reader, lines, text};

/// Compresses a file as `gzip` and `zstd` do: the archive has its time, and the file is gone.
fn pack(reader: &Reader, name: &str, ending: &str) {
    let plain = fs::read(reader.path(name)).unwrap();
    let packed = match ending {
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&plain).unwrap();
            encoder.finish().unwrap()
        }
        _ => zstd::encode_all(plain.as_slice(), 1).unwrap(),
    };
    let archive = format!("{name}.{ending}");
    fs::write(reader.path(&archive), packed).unwrap();
    let time = fs::metadata(reader.path(name)).unwrap().modified().unwrap();
    set_time(reader, &archive, time);
    fs::remove_file(reader.path(name)).unwrap();
}

fn set_time(reader: &Reader, name: &str, time: SystemTime) {
    File::options().write(true).open(reader.path(name)).unwrap().set_modified(time).unwrap();
}

/// So many seconds before now: rotations are seconds apart.
fn age(reader: &Reader, name: &str, seconds: u64) {
    set_time(reader, name, SystemTime::now() - Duration::from_secs(seconds));
}

/// All that is read within a few sweeps, which are enough to give an archive up.
fn read_on(reader: &mut Reader) -> Vec<String> {
    for _ in 0..6 {
        reader.after(2);
    }
    reader.commit();
    reader.take()
}

/// Ten lines read and ten not, then `rotate`, a new file, and a restart.
fn restarted(rotate: impl Fn(&Reader)) -> Reader {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    age(&reader, "worker.log", 1000);
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &text(10..20));
    rotate(&reader);
    reader.append("worker.log", &text(90..100));
    reader.restart();
    reader
}

#[test]
fn the_rest_is_read_from_the_archive() {
    for (name, ending) in [("worker.log.1", "gz"), ("worker.log.1", "zst"), ("worker-20260823.log", "gz")] {
        let mut reader = restarted(|reader| {
            reader.rename("worker.log", name);
            pack(reader, name, ending);
        });
        reader.turn();
        let first = reader.places[0];
        assert_eq!((first.1, first.2), (text(0..10).len() as u64, 11), "offset and number go on");
        let read = [reader.take(), read_on(&mut reader)].concat();
        assert_eq!(read, [lines(10..20), lines(90..100)].concat(), "{name}.{ending}");
        assert_eq!(reader.troubles, []);
        assert_eq!(reader.committed.len(), 1, "what an archive held is done with");
        reader.restart();
        assert!(read_on(&mut reader).is_empty(), "and never read again");
    }
}

#[test]
fn a_restart_in_the_middle_goes_on_there() {
    // More than is read at one time, so that a commit falls in between.
    const LINES: usize = 20_000;
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.append("worker.log", &text(10..LINES));
    reader.rename("worker.log", "worker.log.1");
    pack(&reader, "worker.log.1", "gz");
    let mut read = Vec::new();
    let mut restarts = 0;
    while read.len() < LINES - 10 {
        reader.restart();
        reader.sweep();
        reader.now += Duration::from_secs(2);
        reader.sweep();
        let id = reader.tail.ready(reader.now)[0];
        reader.read(id);
        reader.commit();
        read.extend(reader.take());
        restarts += 1;
        assert!(restarts < 100, "{} lines", read.len());
    }
    assert!(restarts > 3, "{restarts}");
    assert!(read == lines(10..LINES), "none lost, none twice");
    assert_eq!(reader.troubles, []);
}

#[test]
fn rotated_and_compressed_again_and_again() {
    // Compressed all, or the newest left for the next day.
    for compressed in [3, 2] {
        let mut reader = restarted(|reader| {
            for round in 0..3 {
                for number in (1..=round).rev() {
                    reader.rename(&format!("worker.log.{number}"), &format!("worker.log.{}", number + 1));
                }
                reader.rename("worker.log", "worker.log.1");
                age(reader, "worker.log.1", 600 - 100 * round as u64);
                reader.append("worker.log", &text(round * 10 + 20..round * 10 + 30));
            }
            fs::remove_file(reader.path("worker.log")).unwrap();
            (0..compressed).for_each(|back| pack(reader, &format!("worker.log.{}", 3 - back), "gz"));
            // Older than what was followed: none of our business.
            reader.append("worker.log.4", &text(900..950));
            age(reader, "worker.log.4", 3600);
            pack(reader, "worker.log.4", "gz");
        });
        let read = read_on(&mut reader);
        assert_eq!(read, [lines(10..40), lines(90..100)].concat(), "{compressed} compressed");
        assert_eq!(reader.troubles, []);
        reader.restart();
        assert!(read_on(&mut reader).is_empty());
    }
}

#[test]
fn numbers_tell_the_order_where_times_are_those_of_the_compression() {
    let mut reader = restarted(|reader| {
        for number in [3, 2, 1] {
            reader.rename("worker.log", &format!("worker.log.{number}"));
            let first = 50 - 10 * number;
            reader.append("worker.log", &text(first..first + 10));
        }
        fs::remove_file(reader.path("worker.log")).unwrap();
        // The newest was compressed first; the oldest is none of our business.
        reader.append("worker.log.4", &text(900..950));
        for number in [1, 2, 3, 4] {
            pack(reader, &format!("worker.log.{number}"), "gz");
            age(reader, &format!("worker.log.{number}.gz"), 600 - 100 * number);
        }
    });
    assert_eq!(read_on(&mut reader), [lines(10..40), lines(90..100)].concat());
    assert_eq!(reader.troubles, []);
    reader.restart();
    assert!(read_on(&mut reader).is_empty());
}

#[test]
fn a_later_generation_left_plain_is_older_than_the_archive_dated_at_its_compression() {
    let mut reader = restarted(|reader| {
        // Older than what was followed: none of our business.
        reader.append("worker.log.3", &text(900..950));
        age(reader, "worker.log.3", 3600);
        reader.rename("worker.log", "worker.log.2");
        reader.append("worker.log.1", &text(20..30));
        age(reader, "worker.log.1", 500);
        pack(reader, "worker.log.2", "gz");
        age(reader, "worker.log.2.gz", 100);
    });
    assert_eq!(read_on(&mut reader), [lines(10..30), lines(90..100)].concat());
    assert_eq!(reader.troubles, []);
    reader.restart();
    assert!(read_on(&mut reader).is_empty());
}

#[test]
fn dates_tell_the_order_where_times_are_those_of_the_compression() {
    for form in ["worker.log-202608DD", "worker.log-2026-08-DD", "worker-202608DD.log"] {
        let name = |day: usize| form.replace("DD", &format!("{day:02}"));
        let mut reader = restarted(|reader| {
            reader.rename("worker.log", &name(21));
            (22..24).for_each(|day| reader.append(&name(day), &text(day * 10 - 200..day * 10 - 190)));
            // The oldest is none of our business, and was compressed last.
            reader.append(&name(20), &text(900..950));
            for day in 20..24 {
                pack(reader, &name(day), "gz");
                age(reader, &format!("{}.gz", name(day)), 600 - 10 * (24 - day as u64));
            }
        });
        assert_eq!(read_on(&mut reader), [lines(10..40), lines(90..100)].concat(), "{form}");
        assert_eq!(reader.troubles, []);
    }
}

#[test]
fn what_was_read_to_its_end_gives_nothing() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    reader.rename("worker.log", "worker.log.1");
    reader.append("worker.log", &text(10..20));
    assert_eq!(reader.next(), lines(10..20));
    pack(&reader, "worker.log.1", "gz");
    reader.rename("worker.log", "worker.log.2");
    pack(&reader, "worker.log.2", "gz");
    reader.append("worker.log", &text(20..30));
    reader.restart();
    assert_eq!(read_on(&mut reader), lines(20..30));
    assert_eq!(reader.troubles, []);
}

#[test]
fn another_archive_is_left_alone_and_the_gap_is_told() {
    let gap = |reader: &Reader| {
        let offset = text(0..10).len() as u64;
        vec![Trouble::Gap { path: reader.path("worker.log"), offset, bytes: None }]
    };
    // Another file, one that begins alike for long enough, and one that has less than was read.
    for content in [text(500..600), text(0..9) + &text(500..600), text(0..9)] {
        let mut reader = restarted(|reader| {
            fs::remove_file(reader.path("worker.log")).unwrap();
            reader.append("worker.log.1", &content);
            pack(reader, "worker.log.1", "gz");
            reader.append("keep.inode", "x");
        });
        assert_eq!(read_on(&mut reader), lines(90..100));
        assert_eq!(reader.troubles, gap(&reader));
    }
}

#[test]
fn one_that_begins_alike_is_told_apart_by_what_comes_before_the_offset() {
    // Longer than the head that is compared; the one that holds it is the older of the two.
    for is_there in [true, false] {
        let mut reader = Reader::new(&["worker.log"]);
        reader.append("worker.log", &text(0..40));
        assert_eq!(reader.next(), lines(0..40));
        reader.append("worker.log", &text(40..50));
        reader.rename("worker.log", "worker.log.2");
        age(&reader, "worker.log.2", 600);
        pack(&reader, "worker.log.2", "gz");
        if !is_there {
            fs::remove_file(reader.path("worker.log.2.gz")).unwrap();
        }
        reader.append("worker.log.1", &(text(0..20) + &text(500..560)));
        pack(&reader, "worker.log.1", "gz");
        reader.append("worker.log", &text(90..100));
        reader.restart();
        let mut read = read_on(&mut reader);
        read.sort_unstable();
        let expected = if is_there {
            [lines(0..20), lines(40..50), lines(90..100), lines(500..560)].concat()
        } else {
            lines(90..100)
        };
        assert_eq!(read, expected);
        assert_eq!(reader.troubles.len(), usize::from(!is_there), "{:?}", reader.troubles);
    }
}

#[test]
fn of_a_damaged_archive_all_that_can_be_is_read_and_the_gap_is_told() {
    let whole = text(0..5_000);
    for kept in [1, 2] {
        let mut reader = restarted(|reader| {
            reader.append("worker.log", &text(20..5_000));
            reader.rename("worker.log", "worker.log.1");
            pack(reader, "worker.log.1", "gz");
            let packed = fs::read(reader.path("worker.log.1.gz")).unwrap();
            fs::write(reader.path("worker.log.1.gz"), &packed[..packed.len() * kept / 3]).unwrap();
        });
        let read = read_on(&mut reader);
        let [Trouble::Gap { offset, bytes: Some(bytes), .. }] = reader.troubles[..] else {
            panic!("{:?}", reader.troubles)
        };
        let (there, rest) = whole.split_at(usize::try_from(offset).unwrap());
        let next = rest.find('\n').unwrap() as u64;
        // Of a line that is cut, nobody can tell what it said.
        assert!(there.ends_with('\n') && (1..=next).contains(&bytes), "{bytes} bytes from {offset} on");
        let read_lines = there.matches('\n').count();
        assert!(read_lines > 20, "{read_lines}");
        let mut expected = [lines(10..read_lines), lines(90..100)].concat();
        expected.sort_unstable();
        let mut read = read;
        read.sort_unstable();
        assert!(read == expected, "{} lines of {}", read.len(), expected.len());
        reader.restart();
        assert!(read_on(&mut reader).is_empty() && reader.troubles.len() == 1, "told once");
    }
}

#[test]
fn one_in_the_making_is_not_taken() {
    let mut reader = restarted(|reader| {
        reader.rename("worker.log", "worker.log.1");
        fs::write(reader.path("worker.log.1.gz"), b"\x1f\x8b\x08").unwrap();
    });
    assert_eq!(read_on(&mut reader), [lines(10..20), lines(90..100)].concat());
    assert_eq!(reader.troubles, []);
}

#[test]
fn one_of_few_bytes_is_read_after_another_restart_or_told() {
    // The id of what comes after the first file.
    const SHORT: u64 = 2;
    for is_there in [true, false] {
        let mut reader = restarted(|reader| {
            reader.rename("worker.log", "worker.log.2");
            pack(reader, "worker.log.2", "gz");
            reader.append("worker.log.1", "few bytes\n");
            pack(reader, "worker.log.1", "gz");
        });
        // All but the short one is read.
        for _ in 0..3 {
            reader.now += Duration::from_secs(2);
            reader.sweep();
            for id in reader.tail.ready(reader.now).into_iter().filter(|&id| id != SHORT) {
                while reader.tail.ready(reader.now).contains(&id) {
                    reader.read(id);
                }
            }
        }
        reader.commit();
        assert_eq!(reader.take(), [lines(10..20), lines(90..100)].concat());
        if !is_there {
            fs::remove_file(reader.path("worker.log.1.gz")).unwrap();
        }
        reader.restart();
        let read = read_on(&mut reader);
        if is_there {
            assert_eq!((read, &reader.troubles[..]), (vec!["few bytes".to_owned()], &[][..]));
        } else {
            let bytes = Some("few bytes\n".len() as u64);
            let gap = Trouble::Gap { path: reader.path("worker.log"), offset: 0, bytes };
            assert_eq!((read, &reader.troubles[..]), (Vec::new(), &[gap][..]));
        }
    }
}

#[test]
fn one_that_grows_is_waited_for() {
    const LINES: usize = 5_000;
    // Bytes that are there at the start, of the newest one or of the one before.
    for (name, there) in
        [("2", 0), ("2", 10), ("2", 1_000), ("2", 20_000), ("1", 0), ("1", 10), ("1", 20_000)]
    {
        let packed = std::cell::OnceCell::new();
        let mut reader = restarted(|reader| {
            reader.append("worker.log", &text(20..100));
            reader.rename("worker.log", "worker.log.2");
            reader.append("worker.log.2", &text(100..LINES));
            reader.append("worker.log.1", &text(LINES..2 * LINES));
            pack(reader, "worker.log.2", "gz");
            pack(reader, "worker.log.1", "gz");
            let archive = reader.path(&format!("worker.log.{name}.gz"));
            let bytes = fs::read(&archive).unwrap();
            fs::write(&archive, &bytes[..there]).unwrap();
            packed.set((archive, bytes)).unwrap();
        });
        let (archive, bytes) = packed.into_inner().unwrap();
        // Longer than one that does not grow is waited for.
        for length in [there + 10, there + 10_000, there + 10_001, bytes.len()] {
            reader.after(2);
            reader.after(2);
            fs::write(&archive, &bytes[..length]).unwrap();
        }
        let mut read = read_on(&mut reader);
        read.sort_unstable();
        let mut expected = [lines(10..2 * LINES), lines(90..100)].concat();
        expected.sort_unstable();
        assert!(read == expected, "{} lines, {there} bytes of {name} at the start", read.len());
        assert_eq!(reader.troubles, []);
        reader.restart();
        assert!(read_on(&mut reader).is_empty());
    }
}
