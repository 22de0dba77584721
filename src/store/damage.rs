//! What becomes of a state that is damaged in every way, and of its export.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::disk::mix;
use super::tests::{message, now, position, send, used};
use super::*;

type Damage = fn(&mut Vec<u8>);

const STRICT: Terms = Terms { strict: true, network: false };
const DAMAGES: [(&str, Damage); 6] = [
    ("empty", Vec::clear),
    ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
    ("cut to its header", |bytes| bytes.truncate(100)),
    ("zeroed", |bytes| bytes.fill(0)),
    ("zeroed but for its header", |bytes| bytes[4096..].fill(0)),
    ("foreign", |bytes| *bytes = b"SQLite format 3\0".repeat(4096)),
];

/// Rows of exported positions.
const EXPORTED: [(u64, u64); 2] = [(3, 70), (9, 1 << 60)];

/// A state with an export beside it that differs from it, for it is older.
fn exported() -> TempDir {
    let directory = used();
    let row = |(number, offset)| (number, serde_json::value::to_raw_value(&position(offset)).unwrap());
    export::write(directory.path(), &EXPORTED.map(row), now()).unwrap();
    directory
}

/// The rows of the export.
fn in_export(directory: &TempDir) -> Vec<(u64, Position)> {
    let rows = export::read(directory.path()).unwrap().unwrap().rows;
    rows.into_iter()
        .map(|(number, row)| (number, Position::read(row.get().as_bytes()).unwrap().unwrap()))
        .collect()
}

fn damage(path: &Path, damage: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    damage(&mut bytes);
    fs::write(path, &bytes).unwrap();
    bytes
}

fn state(directory: &TempDir) -> PathBuf {
    directory.path().join("state.redb")
}

fn checkpoints(directory: &TempDir) -> PathBuf {
    directory.path().join("checkpoints.json")
}

fn reopened(directory: &TempDir) -> Store {
    let opened = Store::open(directory.path(), now()).unwrap();
    assert_eq!(opened.recovered, None, "what took its place is whole");
    opened.store
}

#[test]
fn a_damaged_state_is_moved_aside() {
    for (name, how) in DAMAGES {
        let directory = used();
        let bytes = damage(&state(&directory), how);
        fs::write(directory.path().join("state.corrupt-1700000000"), "an older one").unwrap();
        let Opened { store, recovered } = Store::open(directory.path(), now()).unwrap();
        let Recovered { moved, salvage, .. } = recovered.unwrap_or_else(|| panic!("{name}: went unnoticed"));
        assert!(moved.ends_with("state.corrupt-1700000000-2"), "{name}: {}", moved.display());
        assert_eq!(fs::read(moved).unwrap(), bytes, "{name}: it is kept as it was");
        assert_eq!((salvage, store.positions().unwrap()), (Salvage::Nothing, vec![]));
        drop(store);
        let store = reopened(&directory);
        assert!(!store.fresh().unwrap(), "{name}: it is not the first start, however often it is begun");
        send(&store, vec![message("ops", "a", 1)]);
    }
}

#[test]
fn positions_are_taken_from_the_export() {
    for (name, how) in DAMAGES {
        let directory = exported();
        damage(&state(&directory), how);
        let opened = Store::open(directory.path(), now()).unwrap();
        let recovered = opened.recovered.unwrap_or_else(|| panic!("{name}: went unnoticed"));
        let written = now().to_string();
        assert_eq!(recovered.salvage, Salvage::Export { files: 2, written: written.clone() });
        let said = recovered.to_string();
        assert!(
            said.contains(&format!("positions of 2 files were restored from the export of {written}")),
            "{said}"
        );
        drop(opened.store);
        let store = reopened(&directory);
        let wanted = EXPORTED.map(|(number, offset)| (number, position(offset)));
        assert_eq!(store.positions().unwrap(), wanted, "{name}");
        assert!(!store.fresh().unwrap());
        send(&store, vec![message("ops", "a", 1)]);
    }
}

#[test]
fn a_damaged_export_is_ignored_kept_and_told() {
    let damages: [(&str, Damage, &str); 9] = [
        ("empty", Vec::clear, "EOF"),
        ("cut", |bytes| bytes.truncate(bytes.len() / 2), "EOF"),
        ("zeroed", |bytes| bytes.fill(0), "expected value"),
        ("foreign", |bytes| *bytes = br#"{"files": [1, 2]}"#.to_vec(), "no version"),
        ("no UTF-8", |bytes| bytes[20] = 0xff, "line"),
        ("later", |bytes| swap(bytes, "\"version\":1", "\"version\":2"), "it has version 2"),
        ("a digit changed", |bytes| swap(bytes, "\"offset\":70", "\"offset\":71"), "check"),
        ("a row gone", |bytes| swap(bytes, "\"number\":3,", ""), "check"),
        ("of another shape", |bytes| *bytes = br#"{"version": 1}"#.to_vec(), "missing field"),
    ];
    for (name, how, why) in damages {
        let directory = exported();
        damage(&state(&directory), Vec::clear);
        let bytes = damage(&checkpoints(&directory), how);
        let Opened { store, recovered } = Store::open(directory.path(), now()).unwrap();
        let said = recovered.as_ref().unwrap().to_string();
        let Salvage::Damaged { moved, why: found } = recovered.unwrap().salvage else {
            panic!("{name}: {said}")
        };
        assert!(found.contains(why) && said.contains("the export is damaged too"), "{name}: {said}");
        assert_eq!(fs::read(moved.unwrap()).unwrap(), bytes, "{name}: it is kept as it was");
        assert_eq!(store.positions().unwrap(), []);
        store.export(now()).unwrap();
        assert_eq!(in_export(&directory), []);
    }
}

fn swap(bytes: &mut Vec<u8>, old: &str, new: &str) {
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(old), "{old} is not in\n{text}");
    *bytes = text.replace(old, new).into_bytes();
}

/// Spaces, another comment and more fields are no damage.
#[test]
fn an_export_of_a_later_program_of_the_same_form_is_read() {
    let directory = exported();
    damage(&checkpoints(&directory), |bytes| {
        swap(bytes, "\"comment\":", "\"more\": 1,\n\"comment\": ");
        swap(bytes, "where state.redb", "if state.redb");
    });
    assert_eq!(in_export(&directory), EXPORTED.map(|(number, offset)| (number, position(offset))));
}

#[test]
fn on_strict_terms_nothing_is_moved() {
    for (name, how) in DAMAGES {
        let directory = exported();
        let bytes = damage(&state(&directory), how);
        let error = Store::open_on(STRICT, directory.path(), now()).unwrap_err().to_string();
        assert!(error.contains("is damaged and was not changed: "), "{name}: {error}");
        assert!(error.contains("without --strict-state"), "{name}: {error}");
        assert_eq!(fs::read(state(&directory)).unwrap(), bytes, "{name}");
        assert!(checkpoints(&directory).exists());
    }
    // A whole one is opened.
    Store::open_on(STRICT, exported().path(), now()).unwrap();
}

/// A crash after any step leaves the damaged state or the one in its place, never an empty folder,
/// which would be taken for a first start.
#[test]
fn a_recovery_cut_short_is_begun_anew() {
    let directory = exported();
    let bytes = damage(&state(&directory), Vec::clear);
    birth::prepare(directory.path(), |_| Ok(())).unwrap();
    let first = birth::keep_aside(directory.path(), 1).unwrap();
    assert!(state(&directory).exists());
    let opened = Store::open(directory.path(), now()).unwrap();
    assert!(matches!(opened.recovered.unwrap().salvage, Salvage::Export { files: 2, .. }));
    assert_eq!(fs::read(first).unwrap(), bytes);
    assert_eq!(opened.store.positions().unwrap().len(), 2);
}

/// Whatever bytes change, opening ends: with the state, with another, or with an error.
/// `SEALTAIL_TEST_STATES` asks for more of them.
#[test]
fn no_damage_breaks_the_program() {
    let whole = fs::read(state(&used())).unwrap();
    let (mut recovered, mut refused) = (0, 0);
    let states = std::env::var("SEALTAIL_TEST_STATES").map_or(80, |states| states.parse().unwrap());
    for seed in 0..states {
        let directory = TempDir::new().unwrap();
        let mut bytes = whole.clone();
        // Half of the time in the first pages, where the structure is.
        let reach = if seed % 2 == 0 { bytes.len() as u64 } else { 8192 };
        for number in 0..=seed % 7 {
            let at = (mix(seed, 2 * number) % reach) as usize;
            let random = mix(seed, 2 * number + 1);
            match random % 4 {
                0 => bytes[at] ^= 1 << (random >> 8 & 7),
                1 => bytes[at] = (random >> 8) as u8,
                2 => bytes[at / 512 * 512..][..512].fill((random >> 8) as u8),
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.len() < reach as usize + 512 {
                break;
            }
        }
        fs::write(state(&directory), &bytes).unwrap();
        match Store::open(directory.path(), now()) {
            Ok(opened) => {
                recovered += usize::from(opened.recovered.is_some());
                opened.store.positions().unwrap();
                opened.store.alerts().unwrap();
            }
            Err(error) => {
                refused += 1;
                assert!(error.is_newer(), "seed {seed}: {error}");
            }
        }
    }
    assert!(recovered > 20, "only {recovered} were damaged at all, {refused} were refused");
}
