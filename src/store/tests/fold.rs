//! What waits has a cap, and beyond it digests tell everything, counted exactly.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::fold::Cap;

fn capped(directory: &TempDir, rows: usize, bytes: usize) -> Store {
    Store { cap: Cap { rows, bytes }, ..open(directory) }
}

/// Takes out everything that waits: how many rows, and the new findings told of each alert.
fn drain(store: &Store, sink: &str) -> (usize, BTreeMap<String, u64>) {
    let (mut rows, mut told) = (0, BTreeMap::new());
    while let Due::Now(row) = store.due(sink, now()).unwrap() {
        store.delivered(sink, row.seq).unwrap();
        rows += 1;
        match row.letter.message {
            Message::Alert(alert) => *told.entry(alert.fingerprint).or_default() += alert.new,
            Message::Digest { digest, .. } => {
                assert_eq!(digest.findings, digest.alerts.iter().map(|line| line.new).sum::<u64>());
                for line in digest.alerts {
                    *told.entry(line.fingerprint).or_default() += line.new;
                }
            }
        }
    }
    (rows, told)
}

#[test]
fn too_many_rows_become_digests_with_exact_counts() {
    let directory = TempDir::new().unwrap();
    let store = capped(&directory, 50, usize::MAX);
    send(&store, vec![message("slack", "a", 1)]);
    for batch in 0..40 {
        send(&store, (0..25).map(|n| message("ops", &format!("alert-{n}"), batch + 1)).collect());
        assert!(store.waiting("ops").unwrap() <= 50);
    }
    drop(store);
    let store = open(&directory);
    let (rows, told) = drain(&store, "ops");
    assert!(rows <= 50, "{rows}");
    assert_eq!(told.len(), 25);
    assert!(told.values().all(|new| *new == 40 * 3), "{told:?}");
    assert_eq!(drain(&store, "slack"), (1, [("a".to_owned(), 3)].into()), "other sinks keep theirs");
}

#[test]
fn too_many_bytes_become_digests_too() {
    let directory = TempDir::new().unwrap();
    let store = capped(&directory, usize::MAX, 100_000);
    let large = |sequence| {
        let alert = Alert { record: "x".repeat(8_000), sequence, ..sample() };
        NewMessage { message: Message::Alert(Box::new(alert)), ..message("ops", "a", sequence) }
    };
    for sequence in 1..=100 {
        send(&store, vec![large(sequence)]);
        assert!(store.inner().unwrap().index.queue("ops").bytes() <= 100_000);
    }
    let (_, told) = drain(&store, "ops");
    assert_eq!(told.into_values().collect::<Vec<_>>(), [100 * 3]);
}

#[test]
fn a_storm_of_different_alerts_does_not_fill_the_disk() {
    let directory = TempDir::new().unwrap();
    let store = capped(&directory, 500, 200_000);
    let size = || fs::metadata(directory.path().join("state.redb")).unwrap().len();
    let mut sizes = Vec::new();
    for batch in 0..30 {
        send(&store, (0..100).map(|n| message("ops", &format!("alert-{batch}-{n}"), 1)).collect());
        assert!(store.inner().unwrap().index.queue("ops").bytes() <= 200_000);
        sizes.push(size());
    }
    assert_eq!(sizes[9], sizes[29], "the state has found its size: {sizes:?}");
    let (_, told) = drain(&store, "ops");
    assert_eq!(told.values().sum::<u64>(), 3_000 * 3);
    // The oldest are told by signature, and that is what is said.
    assert!(told.contains_key(&sample().signature), "{told:?}");
}

#[test]
fn what_is_on_its_way_is_not_told_by_a_digest() {
    let directory = TempDir::new().unwrap();
    let store = capped(&directory, 10, usize::MAX);
    send(&store, (0..8).map(|n| message("ops", &format!("alert-{n}"), 1)).collect());
    let first = row(&store, "ops");
    send(&store, (0..8).map(|n| message("ops", &format!("alert-{n}"), 2)).collect());
    assert_eq!(store.waiting("ops").unwrap(), 2, "the row that may be on its way, and the digest");
    let later = now() + jiff::SignedDuration::from_secs(30);
    store.postpone("ops", first.seq, 1, later).unwrap();
    assert_eq!(store.due("ops", now()).unwrap(), Due::At(later), "the digest does not overtake it");
    let Due::Now(again) = store.due("ops", later).unwrap() else { panic!("it is time") };
    assert_eq!(again.letter, first.letter);
    store.delivered("ops", first.seq).unwrap();
    let (rows, told) = drain(&store, "ops");
    assert_eq!((rows, told.values().sum::<u64>(), told["alert-0"]), (1, 15 * 3, 3));
}

/// It may have arrived under its id, and would be told again under that of a digest.
#[test]
fn a_row_alone_before_a_digest_stays_the_message_it_is() {
    let directory = TempDir::new().unwrap();
    let store = capped(&directory, 10, usize::MAX);
    send(&store, (0..8).map(|n| message("ops", &format!("alert-{n}"), 1)).collect());
    let first = row(&store, "ops");
    send(&store, (0..8).map(|n| message("ops", &format!("alert-{n}"), 2)).collect());
    // Nothing is on its way any more: a message and a digest wait.
    store.postpone("ops", first.seq, 1, now()).unwrap();
    send(&store, (0..9).map(|n| message("ops", &format!("alert-{n}"), 3)).collect());
    assert_eq!(store.waiting("ops").unwrap(), 3, "the message and two digests");
    assert_eq!(row(&store, "ops").letter, first.letter);
    let (rows, told) = drain(&store, "ops");
    assert_eq!((rows, told.values().sum::<u64>()), (3, 25 * 3));
}

#[test]
fn what_is_too_much_already_is_told_by_digests_after_the_next_commit() {
    let directory = TempDir::new().unwrap();
    let store = capped(&directory, 1_000, usize::MAX);
    send(&store, (0..20).map(|n| message("ops", &format!("alert-{n}"), 1)).collect());
    // As after a digest that could not be written, or dead letters that were put back.
    let store = Store { cap: Cap { rows: 10, bytes: usize::MAX }, ..store };
    assert_eq!(store.waiting("ops").unwrap(), 20);
    send(&store, vec![message("ops", "alert-0", 2)]);
    let (rows, told) = drain(&store, "ops");
    assert_eq!((rows, told.values().sum::<u64>()), (1, 21 * 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_finding_is_told_once_and_in_order(
        steps in prop::collection::vec((0u8..4, 0usize..6, 1usize..5), 1..40)
    ) {
        let directory = TempDir::new().unwrap();
        let mut store = capped(&directory, 6, usize::MAX);
        let (mut sent, mut counts) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
        let mut told = 0;
        let mut clock = now();
        let mut tell = |message: &Message| {
            let mut rises = |fingerprint: &str, count: u64| {
                let before = counts.insert(fingerprint.to_owned(), count).unwrap_or(0);
                assert!(before < count, "{fingerprint} is told in order: {before}, {count}");
            };
            match message {
                Message::Alert(alert) => {
                    told += alert.new;
                    rises(&alert.fingerprint, alert.count);
                }
                Message::Digest { digest, .. } => for line in &digest.alerts {
                    told += line.new;
                    if line.fingerprint != line.signature {
                        rises(&line.fingerprint, line.count);
                    }
                },
            }
        };
        for (step, which, many) in steps {
            match step {
                0 | 1 => {
                    let next = |n: usize| {
                        let fingerprint = format!("alert-{}", (which + n) % 6);
                        let count = sent.entry(fingerprint.clone()).or_default();
                        *count += 1;
                        let alert = Alert { fingerprint: fingerprint.clone(), count: *count, new: 1, ..sample() };
                        NewMessage { message: Message::Alert(Box::new(alert)), ..message("ops", &fingerprint, 1) }
                    };
                    send(&store, (0..many).map(next).collect());
                }
                2 => for n in 0..many {
                    let Due::Now(row) = store.due("ops", clock).unwrap() else { continue };
                    if (n + which) % 2 == 0 {
                        tell(&row.letter.message);
                        store.delivered("ops", row.seq).unwrap();
                    } else {
                        let later = clock + jiff::SignedDuration::from_secs(which as i64);
                        store.postpone("ops", row.seq, row.attempts + 1, later).unwrap();
                    }
                },
                _ => {
                    clock += jiff::SignedDuration::from_secs(2);
                    drop(store);
                    store = capped(&directory, 6, usize::MAX);
                }
            }
        }
        clock += jiff::SignedDuration::from_secs(60);
        while let Due::Now(row) = store.due("ops", clock).unwrap() {
            tell(&row.letter.message);
            store.delivered("ops", row.seq).unwrap();
        }
        prop_assert_eq!(sent.values().sum::<u64>(), told);
    }
}
