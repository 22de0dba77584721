//! What earlier versions left behind: `tests/watch/states/<version>/`, which every later version has to go on from.
//!
//! A state that was released stays as it is. A version whose state has something new adds its own:
//! `cargo test --test watch -- --ignored the_state_of_this_version_is_written_anew`. A clock that is behind that of a state
//! resolves none of its alerts, so those of 0.1.0 were written with the program's clock set to 2025 (`libfaketime`). Its
//! positions got kinds in the end: `0.1.0-without-kinds` is the last state without.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use rustix::process::Signal;
use sealtail::store::{Commit, Durability, Store};

use crate::inbox::Event;
use crate::program::{run, text};
use crate::receiver::Answer;
use crate::rig::{Rig, sink, stop};

const STATE: &str = "state.redb";
const EXPORT: &str = "checkpoints.json";

fn states() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/watch/states")
}

/// Three failures: `ops` has refused the first and taken the others, `other` is away, all alerts are open.
#[test]
#[ignore = "writes into the project"]
fn the_state_of_this_version_is_written_anew() {
    let rig = Rig::answering(|got, _| {
        let is_first = got.json()["data"]["group"]["child_pid"] == "1";
        Answer::status(if is_first { 400 } else { 200 })
    });
    rig.configure(&(rig.settings() + &sink("other", "http://127.0.0.1:1/hook")));
    rig.log("worker.log").fail(1..4);
    let running = rig.watch();
    drop(rig.inbox.until_all(2..4, |events| events.iter().map(Event::pid).collect()));
    running.wait_for_stderr("message refused, kept as a dead letter", 1);
    running.wait_for_stderr("will be tried again", 1);
    assert_eq!(running.end(Signal::TERM).status, 0);
    let folder = states().join(env!("CARGO_PKG_VERSION"));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(rig.path("state").join(EXPORT), folder.join(EXPORT)).unwrap();
    let mut packed = GzEncoder::new(File::create(folder.join("state.redb.gz")).unwrap(), Compression::best());
    packed.write_all(&fs::read(rig.path("state").join(STATE)).unwrap()).unwrap();
    packed.finish().unwrap();
}

/// A rig with a state of `folder`, and a log that holds what was read then.
fn unpack(folder: &Path) -> Rig {
    let rig = Rig::counting();
    let settings = fs::read_to_string(rig.path("sealtail.toml")).unwrap();
    rig.configure(&(settings + &sink("other", &rig.inbox.url())));
    fs::create_dir(rig.path("state")).unwrap();
    fs::copy(folder.join(EXPORT), rig.path("state").join(EXPORT)).unwrap();
    let mut state = Vec::new();
    GzDecoder::new(File::open(folder.join("state.redb.gz")).unwrap()).read_to_end(&mut state).unwrap();
    fs::write(rig.path("state").join(STATE), state).unwrap();
    rig.log("worker.log").fail(1..4);
    rig
}

/// Every state that there is.
fn each(test: impl Fn(&Path)) {
    let folders: Vec<_> = fs::read_dir(states()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!folders.is_empty());
    folders.iter().for_each(|folder| test(folder));
}

#[test]
fn it_goes_on_from_the_state_of_every_version() {
    each(|folder| {
        let rig = unpack(folder);
        let config = text(&rig.path("sealtail.toml"));
        let list = run(&["outbox", "list", "--config", &config]);
        let ops = list.stdout.lines().nth(1).unwrap_or_default().split_whitespace();
        assert_eq!(ops.collect::<Vec<_>>(), ["ops", "0", "1"], "one is dead\n{}{}", list.stdout, list.stderr);

        // The log lies elsewhere than it did then.
        let store = Store::open(&rig.path("state"), Timestamp::now()).unwrap().store;
        let (number, mut position) = store.positions().unwrap().remove(0);
        position.path = text(&rig.path("log/worker.log"));
        let commit = Commit { positions: vec![(number, Some(position))], ..Commit::default() };
        store.commit(&commit, Durability::Now, Timestamp::now()).unwrap();
        drop(store);

        rig.log("worker.log").fail(9..10);
        let running = rig.watch();
        // Nothing that was read then is found again. `other` gets what waited; each alert ends once for each sink.
        let expected = |firing| if firing { vec![1, 2, 3, 9, 9] } else { vec![1, 1, 2, 2, 3, 3, 9, 9] };
        let told = |events: &[Event], firing| {
            // Pid 0 is what sealtail has to say of itself.
            let events = events.iter().filter(|event| event.is_firing() == firing && event.pid() != 0);
            let mut pids: Vec<u64> = events.map(Event::pid).collect();
            pids.sort_unstable();
            pids
        };
        drop(rig.inbox.until("every end", |events| told(events, false).len() >= expected(false).len()));
        stop(running);
        let events = rig.inbox.events();
        for firing in [true, false] {
            assert_eq!(told(&events, firing), expected(firing));
        }
        let mut ends = events.iter().filter(|event| !event.is_firing() && event.pid() != 0);
        assert!(ends.all(|end| (end.number("sequence"), end.number("count")) == (2, 1)));
    });
}

/// A later version may have followed what this one knows nothing of.
#[test]
fn a_position_of_an_unknown_kind_is_told_and_kept() {
    const POSITION: TableDefinition<u64, &[u8]> = TableDefinition::new("position");
    const LATER: &[u8] = br#"{"kind":"journal", "source":"units", "cursor":"s=1;i=2a"}"#;
    let rig = Rig::counting();
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    rig.assert_each_once(1..2);
    stop(running);
    let open = || Database::open(rig.path("state").join(STATE)).unwrap();
    let database = open();
    let transaction = database.begin_write().unwrap();
    // The number that the next file would get.
    transaction.open_table(POSITION).unwrap().insert(2, LATER).unwrap();
    transaction.commit().unwrap();
    drop(database);

    rig.log("another.log").fail(2..3);
    let running = rig.watch();
    running.wait_for_stderr(
        "1 position in the state is of a kind that this version does not know (`journal`)",
        1,
    );
    rig.assert_each_once(1..3);
    stop(running);
    let table = open().begin_read().unwrap().open_table(POSITION).unwrap();
    assert_eq!(table.get(2).unwrap().unwrap().value(), LATER);
    assert_eq!(table.len().unwrap(), 3);
    let list = run(&["state", "list", "--config", &text(&rig.path("sealtail.toml"))]);
    assert_eq!(list.stdout.lines().count(), 3, "the two files\n{}{}", list.stdout, list.stderr);
}

#[test]
fn the_export_of_every_version_is_taken_where_the_state_is_damaged() {
    each(|folder| {
        let rig = unpack(folder);
        fs::write(rig.path("state").join(STATE), "").unwrap();
        let running = rig.watch();
        running.wait_for_stderr("positions of 1 file were restored from the export of", 1);
    });
}
