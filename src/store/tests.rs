//! The store against a directory of its own.

mod fold;
mod links;
mod positions;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::model::alert::tests::sample;
use crate::model::alert::{Alert, Status};
use crate::model::position::{FilePlace, Identity, Mark, Place, Progress, Seen};

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn open(directory: &TempDir) -> Store {
    let opened = Store::open(directory.path(), now()).unwrap();
    assert_eq!(opened.recovered, None);
    opened.store
}

pub(super) fn message(sink: &str, fingerprint: &str, sequence: u64) -> NewMessage {
    let alert = Alert { fingerprint: fingerprint.to_owned(), sequence, ..sample() };
    NewMessage {
        sink: sink.to_owned(),
        fingerprint: fingerprint.to_owned(),
        message: Message::Alert(Box::new(alert)),
    }
}

pub(super) fn send(store: &Store, messages: Vec<NewMessage>) {
    let commit = Commit { messages, ..Commit::default() };
    store.commit(&commit, Durability::Now, now()).unwrap();
}

fn row(store: &Store, sink: &str) -> Row {
    match store.due(sink, now()).unwrap() {
        Due::Now(row) => *row,
        other => panic!("nothing is due: {other:?}"),
    }
}

fn told(row: &Row) -> (String, u64) {
    match &row.letter.message {
        Message::Alert(alert) => (alert.fingerprint.clone(), alert.sequence),
        Message::Digest { digest, .. } => ("digest".to_owned(), digest.findings),
    }
}

pub(super) fn position(offset: u64) -> Position {
    Position {
        source: "worker".to_owned(),
        path: "/var/log/worker.log".to_owned(),
        place: Place::File(FilePlace {
            identity: Identity {
                device: 1,
                inode: 2,
                head: Mark::default(),
                tail: Mark::default(),
                ahead: Mark::default(),
            },
            seen: Seen::default(),
        }),
        progress: Progress { offset, ..Progress::default() },
    }
}

#[test]
fn everything_survives_a_restart() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    assert!(store.fresh().unwrap());
    let commit = Commit {
        positions: vec![(1, Some(position(10))), (2, Some(position(20)))],
        alerts: vec![("a".to_owned(), Some(b"one".to_vec())), ("b".to_owned(), Some(b"two".to_vec()))],
        silences: vec![("s".to_owned(), Some(b"hush".to_vec()))],
        messages: vec![message("ops", "a", 1)],
        ..Commit::default()
    };
    assert_eq!(store.silences().unwrap(), [], "a former version has no such table");
    store.commit(&commit, Durability::Now, now()).unwrap();
    let forget =
        Commit { positions: vec![(1, None)], alerts: vec![("a".to_owned(), None)], ..Commit::default() };
    store.commit(&forget, Durability::Now, now()).unwrap();
    let before = row(&store, "ops");
    drop(store);

    let store = open(&directory);
    assert!(!store.fresh().unwrap());
    assert_eq!(store.silences().unwrap(), [("s".to_owned(), b"hush".to_vec())]);
    assert_eq!(store.positions().unwrap(), [(2, position(20))]);
    assert_eq!(store.alerts().unwrap(), [("b".to_owned(), b"two".to_vec())]);
    assert_eq!(row(&store, "ops"), before, "the id is the same after a restart");
    assert_eq!(before.letter.id.len(), 32);
}

#[test]
fn a_start_stays_the_first_until_something_is_committed() {
    let directory = TempDir::new().unwrap();
    drop(open(&directory));
    let store = open(&directory);
    assert!(store.fresh().unwrap());
    store.commit(&Commit::default(), Durability::Now, now()).unwrap();
    drop(store);
    assert!(!open(&directory).fresh().unwrap());
}

#[test]
fn every_delivery_has_an_id_of_its_own() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut ids = Vec::new();
    for store in [open(&one), open(&other)] {
        send(&store, vec![message("ops", "a", 1), message("ops", "a", 2), message("slack", "a", 1)]);
        for sink in ["ops", "ops", "slack"] {
            let row = row(&store, sink);
            store.delivered(sink, row.seq).unwrap();
            ids.push(row.letter.id);
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[test]
fn alerts_keep_their_order_and_let_others_pass() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, vec![message("ops", "a", 1), message("ops", "a", 2), message("ops", "b", 1)]);
    let first = row(&store, "ops");
    assert_eq!(told(&first), ("a".to_owned(), 1));
    let later = now() + jiff::SignedDuration::from_secs(30);
    store.postpone("ops", first.seq, 1, later).unwrap();
    let second = row(&store, "ops");
    assert_eq!(told(&second), ("b".to_owned(), 1));
    store.delivered("ops", second.seq).unwrap();
    assert_eq!(store.due("ops", now()).unwrap(), Due::At(later));
    let Due::Now(retried) = store.due("ops", later).unwrap() else { panic!("it is time") };
    assert_eq!((retried.attempts, &retried.letter), (1, &first.letter));
    store.delivered("ops", first.seq).unwrap();
    assert_eq!(told(&row(&store, "ops")), ("a".to_owned(), 2));
    assert_eq!(store.due("slack", now()).unwrap(), Due::Never);
}

#[test]
fn a_retry_put_off_by_a_wrong_clock_is_brought_near() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, vec![message("ops", "a", 1)]);
    let wrong = now() + jiff::SignedDuration::from_hours(24 * 365);
    store.postpone("ops", row(&store, "ops").seq, 1, wrong).unwrap();
    drop(store);
    let hour = now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(open(&directory).due("ops", now()).unwrap(), Due::At(hour));
}

#[test]
fn what_is_buried_is_counted_and_not_sent() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, vec![message("ops", "a", 1), message("ops", "a", 2), message("gone", "a", 1)]);
    store.bury("ops", row(&store, "ops").seq, "400 invalid_payload").unwrap();
    assert_eq!(told(&row(&store, "ops")), ("a".to_owned(), 2), "what is behind it goes on");
    assert_eq!(store.bury_strays(&["ops"]).unwrap(), [("gone".to_owned(), 1)].into());
    drop(store);
    let store = open(&directory);
    assert_eq!((store.dead("ops").unwrap(), store.dead("gone").unwrap()), (1, 1));
    assert_eq!((store.waiting("ops").unwrap(), store.waiting("gone").unwrap()), (1, 0));
}

fn dead_letters(store: &Store) -> Vec<DeadLetter> {
    let mut letters = Vec::new();
    store.dead_letters(|dead| letters.push(dead)).unwrap();
    letters
}

#[test]
fn dead_letters_go_back_to_their_old_places() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, vec![message("ops", "a", 1), message("slack", "a", 1), message("ops", "b", 1)]);
    send(&store, vec![message("ops", "a", 2), message("ops", "a", 3)]);
    let mut buried = Vec::new();
    for sink in ["ops", "slack", "ops", "ops"] {
        let row = row(&store, sink);
        store.bury(sink, row.seq, "status 400").unwrap();
        buried.push(row);
    }
    assert_eq!(store.sinks().unwrap(), ["ops".to_owned(), "slack".to_owned()].into());
    let dead = dead_letters(&store);
    assert_eq!(dead.iter().map(|dead| dead.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (dead, row) in dead.iter().zip(&buried) {
        assert_eq!((&dead.id, dead.letter.as_ref()), (&row.letter.id, Some(&row.letter)));
        assert_eq!(dead.why, "status 400");
    }
    // Named in any order, twice, or not there at all: each once, in its place.
    assert_eq!(store.revive(&[4, 1, 3, 1, 99]).unwrap(), 3);
    assert_eq!((store.waiting("ops").unwrap(), store.dead("ops").unwrap()), (4, 0));
    drop(store);

    let store = open(&directory);
    let mut sent = Vec::new();
    for seq in [1, 3, 4, 5] {
        let row = row(&store, "ops");
        assert_eq!((row.seq, row.attempts), (seq, 0));
        store.delivered("ops", seq).unwrap();
        sent.push(row);
    }
    assert_eq!(sent[..3], [buried[0].clone(), buried[2].clone(), buried[3].clone()], "under their old ids");
    assert_eq!(dead_letters(&store).len(), 1);
    assert_eq!((store.discard(&[2, 2, 5]).unwrap(), store.dead("slack").unwrap()), (1, 0));
    assert_eq!((dead_letters(&store), store.sinks().unwrap()), (Vec::new(), Default::default()));
}

#[test]
fn a_dead_digest_comes_back_as_one() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, vec![message("ops", "a", 1), message("ops", "b", 1)]);
    store.collapse("ops", 1_000, now()).unwrap();
    let digest = row(&store, "ops");
    store.bury("ops", digest.seq, "status 413").unwrap();
    send(&store, vec![message("ops", "a", 2)]);
    store.revive(&[digest.seq]).unwrap();
    store.postpone("ops", digest.seq, 1, now() + jiff::SignedDuration::from_secs(9)).unwrap();
    assert!(matches!(store.due("ops", now()).unwrap(), Due::At(_)), "nothing passes a digest");
}

#[test]
fn dead_letters_are_bounded_and_the_oldest_go() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let large = |sequence| {
        let alert = Alert { record: "x".repeat(24 << 20), sequence, ..sample() };
        NewMessage { message: Message::Alert(Box::new(alert)), ..message("ops", "a", sequence) }
    };
    send(&store, vec![message("slack", "a", 1)]);
    store.bury("slack", row(&store, "slack").seq, "status 400").unwrap();
    for sequence in 1..=3 {
        send(&store, vec![large(sequence)]);
        store.bury("ops", row(&store, "ops").seq, "status 413").unwrap();
    }
    let left = |store: &Store| dead_letters(store).iter().map(|dead| dead.seq).collect::<Vec<_>>();
    assert_eq!((left(&store), store.dead("slack").unwrap(), store.dead("ops").unwrap()), (vec![3, 4], 0, 2));
    drop(store);
    // What is there is known after a restart too.
    let store = open(&directory);
    send(&store, vec![large(4)]);
    store.bury("ops", row(&store, "ops").seq, "status 413").unwrap();
    assert_eq!(left(&store), [4, 5]);
}

#[test]
fn what_waits_becomes_one_digest_with_exact_counts() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, (1..=40).map(|n| message("ops", ["a", "b"][n % 2], n as u64)).collect());
    let Message::Alert(last) = message("ops", "b", 41).message else { panic!("an alert") };
    let last = Alert { count: 99, new: 9, status: Status::Resolved, ..*last };
    let message_last = NewMessage { message: Message::Alert(Box::new(last)), ..message("ops", "b", 41) };
    send(&store, vec![message_last, message("slack", "a", 1)]);
    let attempted = row(&store, "ops").letter.id;
    assert_eq!(store.collapse("ops", 1_000, now()).unwrap(), 41);
    send(&store, vec![message("ops", "a", 42)]);
    assert_eq!(store.collapse("ops", 1_000, now()).unwrap(), 0, "a digest is not put in a digest");
    drop(store);

    let store = open(&directory);
    assert_eq!((store.waiting("ops").unwrap(), store.waiting("slack").unwrap()), (2, 1));
    let digest = row(&store, "ops");
    assert_ne!(digest.letter.id, attempted);
    let Message::Digest { digest: told_digest, host, .. } = &digest.letter.message else {
        panic!("a digest")
    };
    assert_eq!((told_digest.findings, host.as_str()), (40 * 3 + 9, "seal-07"));
    let lines: Vec<_> = told_digest.alerts.iter().map(|line| (line.count, line.new, line.status)).collect();
    assert_eq!(lines, [(99, 20 * 3 + 9, Status::Resolved), (3, 20 * 3, Status::Firing)]);
    store.postpone("ops", digest.seq, 1, now() + jiff::SignedDuration::from_secs(9)).unwrap();
    assert!(matches!(store.due("ops", now()).unwrap(), Due::At(_)), "nothing passes a digest");
    store.delivered("ops", digest.seq).unwrap();
    assert_eq!(told(&row(&store, "ops")), ("a".to_owned(), 42));
}

#[test]
fn a_full_digest_leaves_the_rest_behind_it() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, (0..10).map(|n| message("ops", &format!("alert-{n}"), 1)).collect());
    assert_eq!(store.collapse("ops", 4, now()).unwrap(), 4);
    assert_eq!(store.waiting("ops").unwrap(), 7);
    let digest = row(&store, "ops");
    assert_eq!(told(&digest), ("digest".to_owned(), 4 * 3));
    store.delivered("ops", digest.seq).unwrap();
    assert_eq!(told(&row(&store, "ops")), ("alert-4".to_owned(), 1));
}

#[test]
fn the_standing_of_a_sink_survives_a_restart() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    assert_eq!(store.standing("ops").unwrap(), None);
    let standing = Standing { alone_until: Some(now()), tokens: 2.5, ..Standing::default() };
    store.put_standing("ops", &standing, Durability::Now).unwrap();
    drop(store);
    let store = open(&directory);
    assert_eq!((store.standing("ops").unwrap(), store.standing("slack").unwrap()), (Some(standing), None));
    // A row of another shape holds nothing up.
    let mut inner = store.inner().unwrap();
    let garbled = store.write(&mut inner, Durability::Now, |transaction| {
        transaction.open_table(tables::STANDING)?.insert("ops", b"[1".as_slice())?;
        Ok(())
    });
    drop(inner);
    assert_eq!((garbled.unwrap(), store.standing("ops").unwrap()), ((), None));
}

#[test]
fn a_second_process_is_told_the_first() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let error = Store::open(directory.path(), now()).unwrap_err();
    assert!(error.is_locked());
    assert!(error.to_string().ends_with(&format!("in use by process {}", std::process::id())), "{error}");
    drop(store);
    open(&directory);
}

#[test]
fn the_state_is_for_its_owner_alone() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("state");
    let _store = Store::open(&directory, now()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in fs::read_dir(&directory).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

/// A state with something in it, closed.
pub(super) fn used() -> TempDir {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let messages = (0..50).map(|n| message("ops", &format!("alert-{n}"), 1)).collect();
    let commit = Commit { positions: vec![(1, Some(position(10)))], messages, ..Commit::default() };
    store.commit(&commit, Durability::Now, now()).unwrap();
    directory
}

#[test]
fn a_birth_cut_short_leaves_nothing_behind() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("state.creating"), [0; 5_000]).unwrap();
    let store = open(&directory);
    assert!(store.fresh().unwrap());
    send(&store, vec![message("ops", "a", 1)]);
}

#[test]
fn a_newer_state_is_refused_and_left_alone() {
    let directory = used();
    let path = directory.path().join("state.redb");
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert("schema", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = Store::open(directory.path(), now()).unwrap_err();
    assert!(error.is_newer(), "{error}");
    assert!(error.to_string().contains("has version 2, this program supports up to 1"), "{error}");
    assert!(path.exists());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "the state, its lock and its reserve");
}

#[test]
fn after_an_error_the_next_call_goes_on() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, vec![message("ops", "a", 1)]);
    let before = row(&store, "ops");
    // What any error of the disk does: the change is taken back and the database closed.
    let mut inner = store.inner().unwrap();
    let failed = store.write(&mut inner, Durability::Now, |transaction| -> Result<(), Fault> {
        put_messages(transaction, &[message("ops", "b", 1)], [0; 16], now())?;
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into())
    });
    assert!(failed.is_err() && inner.database.is_none());
    drop(inner);
    assert_eq!(row(&store, "ops"), before);
    store.delivered("ops", before.seq).unwrap();
    assert_eq!(store.due("ops", now()).unwrap(), Due::Never);
}

#[test]
fn after_a_panic_the_next_call_goes_on_from_the_last_commit() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, vec![message("ops", "a", 1)]);
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let mut inner = store.inner().unwrap();
        store.write(&mut inner, Durability::Now, |transaction| -> Result<(), Fault> {
            put_messages(transaction, &[message("ops", "b", 1)], [0; 16], now())?;
            panic!("broken on purpose");
        })
    }));
    assert!(broken.is_err());
    send(&store, vec![message("ops", "c", 1)]);
    let told = [(); 2].map(|()| {
        let row = row(&store, "ops");
        store.delivered("ops", row.seq).unwrap();
        told(&row).0
    });
    assert_eq!((told, store.waiting("ops").unwrap()), (["a", "c"].map(str::to_owned), 0));
}

#[test]
fn a_letter_nobody_can_read_is_buried() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    send(&store, vec![message("ops", "a", 1), message("ops", "b", 1)]);
    let mut inner = store.inner().unwrap();
    store
        .write(&mut inner, Durability::Now, |transaction| {
            transaction.open_table(LETTER)?.insert(1, b"{".as_slice())?;
            Ok(())
        })
        .unwrap();
    drop(inner);
    assert_eq!(told(&row(&store, "ops")), ("b".to_owned(), 1));
    assert_eq!(store.dead("ops").unwrap(), 1);
    assert_eq!(store.revive(&[1]).unwrap(), 0, "it would only be buried again");
    let dead = dead_letters(&store);
    assert_eq!((dead.len(), dead[0].id.len(), &dead[0].letter), (1, 32, &None));
    assert_eq!(store.discard(&[1]).unwrap(), 1);
}
