//! A start with as much in the outbox as ten receivers can leave in it by being away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use sealtail::model::alert::{Alert, Message};
use sealtail::store::{Commit, Durability, NewMessage, Store};

use crate::receiver::{Answer, Receiver};
use crate::rig::{Figures, PACE, PATIENCE, Rig};

const SINKS: usize = 10;
/// What may wait for one sink one by one: more is told by digests.
const ROWS: usize = 10_000;
const COMMIT_ROWS: usize = 1_000;
const GROWTH_MAX_KIB: u64 = 32 * 1024;

/// An alert with a record of a usual length.
fn alert(number: usize) -> Alert {
    let time = "2022-06-24T14:33:24+08:00";
    let fields = serde_json::json!({
        "fingerprint": format!("{number:032x}"), "status": "firing", "sequence": 1, "count": 1, "new": 1,
        "signature": "venus-cluster/ext-unmarshal-response", "title": "Malformed response", "severity": "error",
        "host": "seal-07", "source": "worker", "path": "/var/log/worker.log", "first_seen": time, "last_seen": time,
        "group": {}, "fields": {}, "record": format!("{number} {}", "went wrong ".repeat(150)),
        "line": number, "offset": 0, "context": { "before": [], "after": [] }, "meaning": "It is broken.",
        "action": [], "links": [], "followers": [], "explained_by": null, "confirmed": [], "lang": "en",
    });
    serde_json::from_value(fields).unwrap()
}

/// Puts `ROWS` letters for each sink into the state; bytes of its file then.
fn fill(rig: &Rig) -> u64 {
    let store = Store::open(&rig.path("state"), Timestamp::now()).unwrap().store;
    for first in (0..SINKS * ROWS).step_by(COMMIT_ROWS) {
        let messages = (first..first + COMMIT_ROWS).map(|number| {
            let alert = alert(number);
            NewMessage {
                sink: format!("sink-{}", number / ROWS),
                fingerprint: alert.fingerprint.clone(),
                message: Message::Alert(Box::new(alert)),
            }
        });
        let commit = Commit { messages: messages.collect(), ..Commit::default() };
        store.commit(&commit, Durability::Now, Timestamp::now()).unwrap();
    }
    (0..SINKS).for_each(|sink| assert_eq!(store.waiting(&format!("sink-{sink}")).unwrap(), ROWS));
    drop(store);
    fs::metadata(rig.path("state/state.redb")).unwrap().len()
}

#[test]
#[ignore = "needs the release program, and time"]
fn a_hundred_thousand_messages_wait_at_the_start() {
    let rig = Rig::new();
    let came: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>> = Arc::default();
    let doubled: Arc<Mutex<usize>> = Arc::default();
    let (told, again) = (came.clone(), doubled.clone());
    let receiver = Receiver::forgetting(move |got, _| {
        let id = got.header("webhook-id").unwrap().to_owned();
        if !told.lock().unwrap().entry(got.path.clone()).or_default().insert(id) {
            *again.lock().unwrap() += 1;
        }
        Answer::status(200)
    });
    let mut settings = fs::read_to_string(rig.path("sealtail.toml")).unwrap();
    for sink in 0..SINKS {
        let url = receiver.url(&format!("/{sink}"));
        settings +=
            &format!("\n[[sink.webhook]]\nname = \"sink-{sink}\"\nurl = \"{url}\"\nmax_per_minute = 0\n");
    }
    fs::write(rig.path("sealtail.toml"), settings).unwrap();
    fs::write(rig.path("log/worker.log"), "all is well\n").unwrap();
    let empty = rig.watch();
    empty.wait("its export, the last thing of a start", |_| rig.path("state/checkpoints.json").exists());
    let before = empty.memory("VmHWM");
    empty.stop();

    let state = fill(&rig);
    let figures = Figures::of("100,000 messages for ten sinks wait at the start");
    let started = Instant::now();
    let watching = rig.watch();
    let begun = started.elapsed().as_secs_f64();
    let at_start = watching.memory("VmHWM");
    let count = || came.lock().unwrap().values().map(BTreeSet::len).sum::<usize>();
    let mut last = (0, Instant::now());
    while count() < SINKS * ROWS {
        if count() > last.0 {
            last = (count(), Instant::now());
        }
        assert!(last.1.elapsed() < PATIENCE, "{} came, and no more\n{}", count(), watching.log());
        std::thread::sleep(PACE);
    }
    let memory = watching.memory("VmHWM");
    let sent = started.elapsed().as_secs_f64();
    let (_, log) = watching.stop();
    figures
        .with("state", format!("{} MiB", state >> 20))
        .with("started after", format!("{begun:.1} s"))
        .with("all sent after", format!("{sent:.0} s"))
        .with("memory", format!("{before} → {at_start} → {memory} KiB"))
        .print();
    assert_eq!(*doubled.lock().unwrap(), 0, "{log}");
    came.lock().unwrap().values().for_each(|ids| assert_eq!(ids.len(), ROWS));
    assert!(state > 2 * GROWTH_MAX_KIB * 1024, "{state} B do not show that bodies stay on the disk");
    assert!(memory <= before + GROWTH_MAX_KIB, "{before} KiB grew to {memory} KiB");
    // Nothing waits any more.
    let store = Store::open(&rig.path("state"), Timestamp::now()).unwrap().store;
    (0..SINKS).for_each(|sink| assert_eq!(store.waiting(&format!("sink-{sink}")).unwrap(), 0));
}
