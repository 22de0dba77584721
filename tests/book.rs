//! The committed book is what its pages make of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

#[allow(dead_code)] // its `main` writes the files
#[path = "../examples/book.rs"]
mod book;

#[test]
fn the_book_is_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/book/src");
    let advice = "run `cargo run --example book -- docs/book`";
    let made = book::files();
    for (path, text) in &made {
        let committed = fs::read_to_string(folder.join(path)).unwrap_or_default();
        assert!(committed == *text, "{} is not fresh: {advice}", path.display());
    }
    let entries = WalkDir::new(&folder).into_iter().map(|entry| entry.unwrap());
    let committed: BTreeSet<_> = entries
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(&folder).unwrap().to_owned())
        .collect();
    assert_eq!(committed, made.into_keys().collect(), "{advice}");
}

#[test]
fn every_link_of_the_book_leads_to_a_page() {
    let made = book::files();
    let mut count = 0;
    for (path, text) in &made {
        let folder = path.parent().unwrap_or(Path::new(""));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.ends_with(".md") && !target.contains("://") {
                assert!(made.contains_key(&folder.join(target)), "{}: {target}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 1_000, "only {count} links");
}
