//! Power cuts at every write of a store at work: what was made durable is there, whole, and what was
//! not is there whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use redb::ReadableDatabase;

use super::disk::{Cut, Disk, Operation, Trouble, apply, mix, survive};
use super::tests::position;
use super::*;
use crate::model::alert::Alert;
use crate::model::alert::tests::sample;

/// Crashes that are looked at; `SEALTAIL_TEST_STATES` asks for more.
const STATES: usize = 2_400;
/// Calls of one store at work.
const CALLS: u64 = 60;
/// Bytes that a disk writes whole or not at all.
const SECTORS: [usize; 2] = [512, 4_096];
/// Of 256 sectors that were not synced, so many are kept.
const KEPT: [u16; 5] = [0, 256, 128, 16, 240];

/// All that a store holds.
#[derive(Debug, Clone, Default, PartialEq)]
struct Held {
    next_seq: u64,
    begun: bool,
    positions: Vec<(u64, u64)>,
    alerts: Vec<(String, Vec<u8>)>,
    outbox: BTreeMap<u64, (String, String, u32, i64)>,
    letters: BTreeMap<u64, Vec<u8>>,
    dead: BTreeMap<u64, (String, String, Vec<u8>)>,
}

/// A moment between two calls.
struct Moment {
    /// Operations of the disk before it.
    operations: usize,
    /// Whether what it holds must survive.
    durable: bool,
    held: Held,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn open(directory: &Path) -> Store {
    let opened = Store::open(directory, now()).unwrap();
    assert_eq!(opened.recovered, None);
    opened.store
}

fn message(number: u64, sink: &str) -> NewMessage {
    let fingerprint = format!("alert-{}", number % 5);
    let record = "a record ".repeat(1 + (number % 90) as usize * (number % 7) as usize);
    let alert = Alert { fingerprint: fingerprint.clone(), sequence: number, record, ..sample() };
    NewMessage { sink: sink.to_owned(), fingerprint, message: Message::Alert(Box::new(alert)) }
}

/// Number `number` of the commits: what it says of positions, alerts and messages belongs together.
fn commit(number: u64, random: u64) -> Commit {
    let messages = (0..random % 4).map(|index| message(number + index, ["ops", "chat"][index as usize % 2]));
    let forgotten = (random.is_multiple_of(5)).then(|| (1 + random / 8 % 3, None));
    let told = (format!("alert-{}", number % 5), Some(vec![number as u8; 20 + (random % 900) as usize]));
    Commit {
        positions: forgotten.into_iter().chain([(9, Some(position(number)))]).collect(),
        alerts: vec![told],
        messages: messages.collect(),
        silences: Vec::new(),
        number: None,
    }
}

fn held(store: &Store) -> Held {
    let inner = store.inner().unwrap();
    let transaction = inner.database.as_ref().unwrap().begin_read().unwrap();
    let meta = transaction.open_table(META).unwrap();
    let mut held = Held {
        next_seq: tables::number(&meta, "next_seq").unwrap(),
        begun: meta.get("begun").unwrap().is_some(),
        ..Held::default()
    };
    for row in transaction.open_table(OUTBOX).unwrap().iter().unwrap() {
        let (seq, row) = row.unwrap();
        let (sink, fingerprint, attempts, next_at) = row.value();
        held.outbox.insert(seq.value(), (sink.to_owned(), fingerprint.to_owned(), attempts, next_at));
    }
    for row in transaction.open_table(LETTER).unwrap().iter().unwrap() {
        let (seq, letter) = row.unwrap();
        held.letters.insert(seq.value(), letter.value().to_owned());
    }
    for row in transaction.open_table(DEAD).unwrap().iter().unwrap() {
        let (seq, row) = row.unwrap();
        let (sink, why, letter) = row.value();
        held.dead.insert(seq.value(), (sink.to_owned(), why.to_owned(), letter.to_owned()));
    }
    drop(inner);
    held.positions =
        store.positions().unwrap().into_iter().map(|(id, position)| (id, position.progress.offset)).collect();
    held.alerts = store.alerts().unwrap();
    held
}

/// One call, chosen at random; whether it promises to be durable.
fn call(store: &Store, number: u64, random: u64) -> bool {
    let sink = ["ops", "chat"][(random >> 8) as usize % 2];
    let due = match store.due(sink, now()).unwrap() {
        Due::Now(row) => Some(row.seq),
        _ => None,
    };
    match (random % 16, due) {
        (0..4, Some(seq)) => store.delivered(sink, seq).unwrap(),
        (4..6, Some(seq)) => {
            store.postpone(sink, seq, 1, now()).unwrap();
            return false;
        }
        (6, Some(seq)) => store.bury(sink, seq, "status 400").unwrap(),
        (7, _) => return store.collapse(sink, 50, now()).unwrap() > 0,
        (8, _) => drop(store.revive(&[1, 2, 3, 4, 5, 6]).unwrap()),
        (9, _) => drop(store.discard(&[random >> 16 & 15]).unwrap()),
        (10, _) => {
            let quiet = Commit { messages: Vec::new(), ..commit(number, random) };
            store.commit(&quiet, Durability::Later, now()).unwrap();
            return false;
        }
        _ => store.commit(&commit(number, random >> 16), Durability::Now, now()).unwrap(),
    }
    true
}

/// A store at work: the disk before, what was asked of it, and what the store held in between.
fn work(directory: &Path, seed: u64) -> (Vec<u8>, Vec<Operation>, Vec<Moment>) {
    let disk = Disk::of(Vec::new());
    let _installed = disk.install();
    let mut store = open(directory);
    let before = disk.record();
    let mut moments = vec![Moment { operations: 0, durable: true, held: held(&store) }];
    for number in 1..=CALLS {
        let random = mix(seed, number);
        let durable = if random.is_multiple_of(23) {
            drop(store);
            store = open(directory);
            // What was not durable may have become so, or not.
            false
        } else {
            call(&store, number, random >> 8)
        };
        moments.push(Moment { operations: disk.recorded().len(), durable, held: held(&store) });
    }
    (before, disk.recorded(), moments)
}

/// What may be there after a crash at operation `at`: no less than what was durable by then, no more
/// than what was under way.
fn allowed(moments: &[Moment], at: usize) -> &[Moment] {
    let first = moments.iter().rposition(|moment| moment.durable && moment.operations <= at).unwrap();
    let last = moments.iter().position(|moment| moment.durable && moment.operations > at);
    &moments[first..=last.unwrap_or(moments.len() - 1)]
}

/// Opens what a power cut left of a disk; what is there is allowed, and can be written to.
fn check(directory: &Path, bytes: Vec<u8>, allowed: &[Moment]) {
    let disk = Disk::of(bytes);
    let _installed = disk.install();
    let store = open(directory);
    let found = held(&store);
    assert!(
        allowed.iter().any(|moment| moment.held == found),
        "{found:#?}\nis none of\n{:#?}",
        allowed.iter().map(|moment| &moment.held).collect::<Vec<_>>()
    );
    let next = Commit { messages: vec![message(1, "next")], ..commit(1_000, 3) };
    store.commit(&next, Durability::Now, now()).unwrap();
    let after = held(&store);
    assert_eq!(after.next_seq, found.next_seq + next.messages.len() as u64);
    drop(store);
    assert_eq!(held(&open(directory)), after);
}

fn states() -> usize {
    std::env::var("SEALTAIL_TEST_STATES").map_or(STATES, |states| states.parse().unwrap())
}

#[test]
fn a_power_cut_at_any_write_leaves_what_was_durable() {
    let directory = tempfile::tempdir().unwrap();
    let mut looked_at = 0;
    for seed in 0.. {
        let (before, operations, moments) = work(directory.path(), seed);
        let mut synced = before;
        let mut synced_until = 0;
        for at in 0..=operations.len() {
            if looked_at == states() {
                return;
            }
            if at > 0 && matches!(operations[at - 1], Operation::Sync) {
                operations[synced_until..at].iter().for_each(|operation| apply(&mut synced, operation));
                synced_until = at;
            }
            let random = mix(seed, at as u64);
            let cut = Cut {
                sector: SECTORS[at % 2],
                kept: KEPT[(random >> 32) as usize % KEPT.len()],
                seed: random,
            };
            let mut bytes = synced.clone();
            survive(&mut bytes, &operations[synced_until..at], cut);
            check(directory.path(), bytes, allowed(&moments, at));
            looked_at += 1;
        }
    }
}

/// What is repeated after an error is there once, whether or not the failed attempt had reached the
/// disk; and if the power goes in between, it is there whole or not at all.
#[test]
fn a_commit_that_fails_is_there_once_when_it_is_repeated() {
    let directory = tempfile::tempdir().unwrap();
    for (trouble, kept) in [(Trouble::Full, 0), (Trouble::ReadOnly, 0), (Trouble::Unsynced, 256)] {
        let disk = Disk::of(Vec::new());
        let _installed = disk.install();
        let store = open(directory.path());
        let large = |number| NewMessage {
            message: Message::Alert(Box::new(Alert { record: "x".repeat(2 << 20), ..sample() })),
            ..message(number, "ops")
        };
        let first = store.committed().unwrap() + 1;
        let commit = Commit {
            number: Some(first),
            messages: vec![large(1), message(2, "ops")],
            positions: vec![(1, Some(position(7)))],
            ..Commit::default()
        };
        disk.set_trouble(trouble);
        for _ in 0..3 {
            let error = store.commit(&commit, Durability::Now, now()).unwrap_err();
            assert!(!error.is_locked() && !error.is_newer(), "{error}");
        }
        disk.set_trouble(Trouble::None);
        store.commit(&commit, Durability::Now, now()).unwrap();
        // What came while it was waiting stands behind.
        let (number, messages) = (Some(first + 1), vec![message(3, "chat")]);
        store.commit(&Commit { number, messages, ..Commit::default() }, Durability::Now, now()).unwrap();
        assert_eq!(store.committed().unwrap(), first + 1);
        let ids: Vec<String> = held(&store)
            .letters
            .values()
            .map(|letter| serde_json::from_slice::<OutboxMessage>(letter).unwrap().id)
            .collect();
        assert_eq!(ids.len(), 3, "{trouble:?}");
        assert_eq!((store.waiting("ops").unwrap(), store.waiting("chat").unwrap()), (2, 1), "{trouble:?}");
        let after = held(&store);
        drop(store);
        disk.cut(Cut { sector: 512, kept, seed: 1 });
        assert_eq!(held(&open(directory.path())), after, "{trouble:?}");
    }
}

/// A writer whose last commit was refused and is there all the same is followed by another, which
/// repeats nothing: none of what it commits is taken for a part of that.
#[test]
fn a_writer_that_takes_over_repeats_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::of(Vec::new());
    let _installed = disk.install();
    let store = open(directory.path());
    let commit =
        |number| Commit { number: Some(number), messages: vec![message(number, "ops")], ..Commit::default() };
    disk.set_trouble(Trouble::Unsynced);
    store.commit(&commit(1), Durability::Now, now()).unwrap_err();
    disk.set_trouble(Trouble::None);
    assert_eq!(store.committed().unwrap(), 1, "it is there all the same");
    assert_eq!(store.waiting("ops").unwrap(), 1);
    store.commit(&commit(2), Durability::Now, now()).unwrap();
    assert_eq!(store.waiting("ops").unwrap(), 2);
}
