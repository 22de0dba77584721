//! The committed incident is what its generator writes, and holds every failure it promises.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use sealtail::detect::{Detector, samples};
use sealtail::signature::{Catalogue, builtin};

#[path = "../examples/make_incident/story/mod.rs"]
mod story;

/// What the README of the examples promises.
const PLANTED: [(&str, usize); 6] = [
    ("ext-unmarshal-response", 2),
    ("mmap-zero-length", 1),
    ("once-poisoned", 2),
    ("pc1-cpuset-cache-mismatch", 1),
    ("sector-state-not-found", 10),
    ("too-many-open-files", 4),
];

/// All of it has to fit into a clone without being felt.
const BYTES_MAX: u64 = 600 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/incident")
}

/// The text of a file, unpacked as its ending says.
fn unpacked(path: &Path) -> String {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader: Box<dyn Read> = match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => Box::new(flate2::read::GzDecoder::new(file)),
        Some("zst") => Box::new(zstd::stream::Decoder::new(file).unwrap()),
        _ => Box::new(file),
    };
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text
}

#[test]
fn the_committed_files_are_what_the_generator_writes() {
    for file in story::files() {
        let committed = unpacked(&folder().join(file.name));
        let differing = committed.lines().zip(file.text.lines()).position(|(old, new)| old != new);
        let advice = "run `cargo run --example make_incident -- examples/incident`";
        assert_eq!(differing.map(|line| line + 1), None, "{} differs from this line on: {advice}", file.name);
        assert!(committed == file.text, "{} differs in length: {advice}", file.name);
    }
}

#[test]
fn the_folder_holds_nothing_else_and_stays_small() {
    let entries: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap()).collect();
    let names: BTreeSet<_> = entries.iter().map(|entry| entry.file_name().into_string().unwrap()).collect();
    let expected: BTreeSet<_> = story::files().iter().map(|file| file.name.to_owned()).collect();
    assert_eq!(names, expected);
    let bytes: u64 = entries.iter().map(|entry| entry.metadata().unwrap().len()).sum();
    assert!(bytes < BYTES_MAX, "{bytes} bytes");
}

#[test]
fn every_failure_is_planted_as_often_as_promised() {
    let mut planted: BTreeMap<&str, usize> = BTreeMap::new();
    for file in story::files() {
        let mut before = 0;
        for one in &file.planted {
            *planted.entry(one.signature).or_default() += 1;
            assert!(before < one.line && one.line <= file.text.lines().count(), "{}: {one:?}", file.name);
            before = one.line;
        }
    }
    assert_eq!(planted.into_iter().collect::<Vec<_>>(), PLANTED);
}

/// The engine finds what was planted, all of it, and besides only what follows from it.
#[test]
fn a_replay_finds_what_was_planted() {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let detector = Detector::new(catalogue, TimeZone::UTC).unwrap();
    for file in story::files() {
        let found = samples::run(&detector, &file.text);
        let known = |id: &str| detector.catalogue().get(id).cloned();
        let here: Vec<_> = found.iter().filter_map(|finding| known(&finding.signature)).collect();
        let is_explained = |id: &str| {
            let patterns = here.iter().flat_map(|cause| &cause.explains).flat_map(|one| &one.signatures);
            patterns.into_iter().any(|pattern| pattern.matches(id))
        };
        let follows = |id: &str| {
            known(id).is_some_and(|it| it.fallback || it.until.is_some() || is_explained(id))
                && !file.planted.iter().any(|planted| id.ends_with(planted.signature))
        };
        let found: Vec<_> = found
            .iter()
            .filter(|finding| !follows(&finding.signature))
            .map(|finding| (finding.place.line as usize, finding.signature.to_string()))
            .collect();
        let planted: Vec<_> = file
            .planted
            .iter()
            .map(|planted| (planted.line, format!("venus-cluster/{}", planted.signature)))
            .collect();
        assert_eq!(found, planted, "{}", file.name);
    }
}
