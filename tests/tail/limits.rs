//! What may not be opened, what should not be, and how much.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use sealtail::source::tail::Trouble;

use crate::reader::{Reader, line, lines, text};

#[test]
fn no_more_files_are_open_than_allowed_and_none_is_lost() {
    let mut reader = Reader::new(&["*.log"]);
    let name = |number: usize| format!("{number}.log");
    for number in 0..600 {
        reader.append(&name(number), &line(number));
    }
    assert_eq!(reader.next().len(), 600);
    assert_eq!(reader.tail.watched().files.len(), 512);
    for number in (0..600).rev() {
        reader.append(&name(number), &line(number + 1000));
    }
    let mut read = reader.next();
    read.sort_unstable();
    assert_eq!(read, lines(1000..1600));
}

#[test]
fn what_is_no_regular_file_is_refused_once() {
    let mut reader = Reader::new(&["*.log", "folder"]);
    fs::create_dir(reader.path("folder")).unwrap();
    fs::create_dir(reader.path("folder.log")).unwrap();
    symlink("/dev/null", reader.path("null.log")).unwrap();
    reader.append("worker.log", &text(0..2));
    for _ in 0..3 {
        reader.turn();
    }
    assert_eq!(reader.take(), lines(0..2));
    let mut refused: Vec<String> = reader.troubles.iter().map(ToString::to_string).collect();
    refused.sort();
    let expected = ["folder", "null.log"]
        .map(|name| format!("{} is not a regular file; not followed", reader.path(name).display()));
    assert_eq!(refused, expected);
}

#[test]
fn permission_denied_is_told_once_and_reading_goes_on_later() {
    let mut reader = Reader::new(&["worker.log"]);
    reader.append("worker.log", &text(0..10));
    assert_eq!(reader.next(), lines(0..10));
    let allow = |reader: &Reader, mode| {
        fs::set_permissions(reader.path("worker.log"), fs::Permissions::from_mode(mode)).unwrap();
    };
    reader.append("worker.log", &text(10..20));
    allow(&reader, 0o000);
    if fs::File::open(reader.path("worker.log")).is_ok() {
        // The superuser is never denied anything.
        allow(&reader, 0o644);
        reader.restart();
        assert_eq!(reader.next(), lines(10..20));
        return;
    }
    reader.restart();
    for _ in 0..3 {
        reader.after(2);
    }
    assert_eq!(reader.troubles, [Trouble::Denied { path: reader.path("worker.log") }]);
    allow(&reader, 0o644);
    reader.after(2);
    assert_eq!(reader.take(), lines(10..20));
}
