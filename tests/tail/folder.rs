//! Folders that cannot be listed.

use std::fs;

use sealtail::source::tail::Trouble;

use crate::reader::{Reader, lines, text};

#[test]
fn one_that_fails_again_after_it_was_well_is_told_again() {
    let mut reader = Reader::new(&["log/*.log"]);
    let folder = reader.path("log");
    for round in 1..=3 {
        // A file in its place: it is there, and cannot be listed.
        fs::write(&folder, "").unwrap();
        for _ in 0..3 {
            reader.after(1);
            assert_eq!(reader.troubles.len(), round, "once each time: {:?}", reader.troubles);
        }
        let trouble = reader.troubles.last();
        assert!(matches!(trouble, Some(Trouble::Unreadable { path, .. }) if *path == folder), "{trouble:?}");
        fs::remove_file(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        reader.append("log/worker.log", &text(round * 10..round * 10 + 10));
        reader.after(1);
        assert_eq!(reader.take(), lines(round * 10..round * 10 + 10));
        fs::remove_dir_all(&folder).unwrap();
    }
}
