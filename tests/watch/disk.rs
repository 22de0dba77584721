//! A full disk under the state, and one that turns read-only: small file systems that are filled up
//! and broken. They are mounted where nobody else sees them; where that is not allowed these tests
//! say so and prove nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use jiff::Timestamp;
use rustix::process::Signal;
use sealtail::model::alert::{Digest, Lang, Message};
use sealtail::store::{Commit, Due, Durability, NewMessage, Store};

use crate::inbox::{Event, Inbox, found, pids};
use crate::program::run;
use crate::receiver::Answer;
use crate::rig::{Rig, sink};

const UNWRITABLE: &str = "sealtail/state-unwritable";
const REFUSED: &str = "reading is paused until the state can be written";
const TAKEN: &str = "the state can be written again";
/// Failures whose alerts do not fit into what room a state has inside.
const MANY: u64 = 300;

/// Set in the process that has mounts of its own.
const INSIDE: &str = "SEALTAIL_TEST_MOUNTS";

/// Runs the test `name` in a process with mounts of its own, made by `unshare` with `options`, if
/// `mount` works there; inside that process it returns true.
fn inside(name: &str, options: &str, mount: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let folder = tempfile::tempdir().unwrap();
    let probe = Command::new("unshare")
        .args([options, "sh", "-ec", mount])
        .env("PATH", path())
        .current_dir(&folder)
        .output();
    let why = match probe {
        Ok(probe) if probe.status.success() => {
            let mut command = Command::new("unshare");
            command.arg(options).arg(std::env::current_exe().unwrap());
            let output = command.args([name, "--exact", "--nocapture"]).env(INSIDE, "1").output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
            return false;
        }
        Ok(probe) => String::from_utf8_lossy(&probe.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    // Not by a macro: what those print is kept from people.
    let skipped = format!("{name}: skipped: no file system can be mounted: {why}\n");
    io::stderr().write_all(skipped.as_bytes()).unwrap();
    false
}

/// Where `mkfs` is, too.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

fn shell(folder: &Path, script: &str) {
    let output =
        Command::new("sh").args(["-ec", script]).env("PATH", path()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A file system of memory, there for as long as the process that mounted it.
struct Disk(PathBuf);

impl Disk {
    const OPTIONS: &str = "-rm";
    const MOUNT: &str = "mkdir -p state; mount -t tmpfs -o size=8m,mode=700 tmpfs state";

    fn mount(rig: &Rig) -> Disk {
        shell(&rig.path("."), Disk::MOUNT);
        Disk(rig.path("state"))
    }

    /// Leaves not one byte free.
    fn fill(&self) {
        let mut filler = File::options().create(true).append(true).open(self.filler()).unwrap();
        for size in [1 << 20, 64 << 10, 4 << 10, 1] {
            while filler.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

/// What was told of the state, in order.
fn states(events: &[Event]) -> Vec<&str> {
    let own = events.iter().filter(|event| event.text("signature") == UNWRITABLE);
    own.map(|event| event.text("status")).collect()
}

/// Waits until every pid was counted out, and holds that each was found once and told twice: that it
/// fires and that it is over.
fn assert_each_once(inbox: &Inbox, pids: std::ops::Range<u64>) {
    let events = inbox.until_all(pids.clone(), |events| found(events).into_keys().collect());
    let mut messages = BTreeMap::new();
    for event in events.iter().filter(|event| event.pid() > 0) {
        *messages.entry(event.pid()).or_insert(0) += 1;
    }
    let mut found = found(&events);
    found.remove(&0);
    assert_eq!(found, pids.clone().map(|pid| (pid, 1)).collect());
    assert_eq!(messages, pids.map(|pid| (pid, 2)).collect());
    let ids: BTreeSet<&str> = events.iter().map(|event| &*event.id).collect();
    assert_eq!(ids.len(), events.len(), "no message came twice");
}

#[test]
fn full_it_is_told_from_memory_and_goes_on_by_itself() {
    let name = "disk::full_it_is_told_from_memory_and_goes_on_by_itself";
    if !inside(name, Disk::OPTIONS, Disk::MOUNT) {
        return;
    }
    let rig = Rig::counting();
    let disk = Disk::mount(&rig);
    let mut log = rig.log("worker.log");
    log.fail(1..3);
    let running = rig.watch();
    drop(rig.inbox.until_pid(2));
    disk.fill();
    log.fail(3..MANY);
    running.wait_for_stderr(REFUSED, 1);
    drop(rig.inbox.until("the trouble, from memory", |events| states(events) == ["firing"]));
    // The log is the buffer, also if it is rotated meanwhile.
    log.rotate();
    log.fail(MANY..MANY + 50);
    disk.free();
    running.wait_for_stderr(TAKEN, 1);
    assert_each_once(&rig.inbox, 1..MANY + 50);
    drop(rig.inbox.until("that it is over", |events| states(events) == ["firing", "resolved"]));
    assert_eq!(running.end(Signal::TERM).status, 0);
}

#[test]
fn full_what_has_arrived_is_acknowledged_all_the_same() {
    let name = "disk::full_what_has_arrived_is_acknowledged_all_the_same";
    if !inside(name, Disk::OPTIONS, Disk::MOUNT) {
        return;
    }
    let status = Arc::new(AtomicU16::new(503));
    let seen = status.clone();
    let rig = Rig::answering(move |_, _| Answer::status(seen.load(Ordering::SeqCst)));
    let disk = Disk::mount(&rig);
    let spare = Inbox::start(|_, _| Answer::status(200));
    rig.configure(&format!("{}\n{}", rig.settings(), sink("spare", &spare.url())));
    let mut log = rig.log("worker.log");
    log.fail(1..20);
    let running = rig.watch();
    drop(spare.until_pid(19));
    disk.fill();
    log.fail(20..MANY);
    running.wait_for_stderr(REFUSED, 1);
    let refused = rig.inbox.events().len();
    status.store(200, Ordering::SeqCst);
    let all = |events: &[Event]| pids(&events[refused..]).is_superset(&(1..20).collect());
    let arrived = rig.inbox.until("all that waited", all).len();
    // Killed while the disk is full, and begun again: what was acknowledged is not sent again.
    drop(running.end(Signal::KILL));
    let running = rig.watch();
    running.wait_for_stderr(REFUSED, 1);
    disk.free();
    running.wait_for_stderr(TAKEN, 1);
    let events = rig.inbox.until_all(20..MANY, pids);
    // The last one may have been killed between its arrival and its acknowledgement.
    let mut acknowledged = pids(&events[refused..arrived - 1]);
    acknowledged.remove(&0);
    let again: Vec<u64> = pids(&events[arrived..]).intersection(&acknowledged).copied().collect();
    assert!(again.is_empty(), "sent again: {again:?} of {acknowledged:?}");
    drop(events);
    assert_eq!(running.end(Signal::TERM).status, 0);
}

/// As after a death before its process id was written: not even for that is there room.
#[test]
fn full_it_starts_without_room_for_its_process_id() {
    let name = "disk::full_it_starts_without_room_for_its_process_id";
    if !inside(name, Disk::OPTIONS, Disk::MOUNT) {
        return;
    }
    let rig = Rig::counting();
    let disk = Disk::mount(&rig);
    let mut log = rig.log("worker.log");
    log.fail(1..3);
    let running = rig.watch();
    drop(rig.inbox.until_pid(2));
    assert_eq!(running.end(Signal::TERM).status, 0);
    let lock = disk.0.join("state.lock");
    File::create(&lock).unwrap();
    disk.fill();
    log.fail(3..MANY);
    let running = rig.watch();
    running.wait_for_stderr(REFUSED, 1);
    assert_eq!(fs::read(&lock).unwrap(), b"", "there was no room");
    // It is locked all the same.
    let config = rig.path("sealtail.toml");
    let other = run(&["watch".as_ref(), "--config".as_ref(), config.as_os_str()]);
    assert_eq!(other.status, 2);
    assert!(other.stderr.contains("in use by"), "{}", other.stderr);
    disk.free();
    running.wait_for_stderr(TAKEN, 1);
    assert_each_once(&rig.inbox, 1..MANY);
    assert_eq!(running.end(Signal::TERM).status, 0);
}

/// Row by row, until not even the smallest change fits into the room that a state has inside.
#[test]
fn full_to_the_last_page_all_that_waits_is_taken_out() {
    let name = "disk::full_to_the_last_page_all_that_waits_is_taken_out";
    if !inside(name, Disk::OPTIONS, Disk::MOUNT) {
        return;
    }
    let rig = Rig::new();
    let disk = Disk::mount(&rig);
    let store = Store::open(&disk.0, Timestamp::now()).unwrap().store;
    let put = |number: usize| {
        let digest = Digest { alerts: Vec::new(), findings: number as u64 };
        let message = Message::Digest { digest, lang: Lang::En, host: String::new() };
        let message = NewMessage { sink: "ops".to_owned(), fingerprint: number.to_string(), message };
        store.commit(
            &Commit { messages: vec![message], ..Commit::default() },
            Durability::Now,
            Timestamp::now(),
        )
    };
    (0..200).for_each(|number| put(number).unwrap());
    disk.fill();
    let rows = (200..).find(|&number| put(number).is_err()).unwrap();
    assert!(rows > 200, "there was room inside, for a while");
    for number in 0..rows as u64 {
        let Due::Now(row) = store.due("ops", Timestamp::now()).unwrap() else { panic!("{number} of {rows}") };
        let Message::Digest { digest, .. } = &row.letter.message else { panic!("{row:?}") };
        assert_eq!(digest.findings, number);
        store.delivered("ops", row.seq).unwrap();
    }
    assert_eq!(store.due("ops", Timestamp::now()).unwrap(), Due::Never);
    assert!(put(rows).unwrap_err().to_string().contains("no space left"), "the reserve is not for new rows");
    disk.free();
    put(rows).unwrap();
    assert_eq!(store.waiting("ops").unwrap(), 1);
}

/// A file system whose device has failed is read-only from then on, and its open files are, too.
#[test]
fn read_only_it_is_told_from_memory_and_nothing_is_lost() {
    let name = "disk::read_only_it_is_told_from_memory_and_nothing_is_lost";
    let mount = "truncate -s 16m disk; mkfs.ext4 -q disk; mkdir -p state; mount -o loop disk state";
    if !inside(name, "-m", mount) {
        return;
    }
    let rig = Rig::counting();
    shell(&rig.path("."), mount);
    let mut log = rig.log("worker.log");
    log.fail(1..3);
    let running = rig.watch();
    drop(rig.inbox.until_pid(2));
    shell(&rig.path("."), "mount -o remount,abort state");
    log.fail(3..50);
    running.wait_for_stderr(REFUSED, 1);
    drop(rig.inbox.until("the trouble, from memory", |events| states(events) == ["firing"]));
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);

    // It does not start on a state that it cannot write, and says why.
    let config = rig.path("sealtail.toml");
    let ran = run(&["watch".as_ref(), "--config".as_ref(), config.as_os_str()]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("Read-only file system"), "{}", ran.stderr);

    shell(&rig.path("."), "umount state; fsck.ext4 -p disk || [ $? = 1 ]; mount -o loop disk state");
    let running = rig.watch();
    assert_each_once(&rig.inbox, 1..50);
    assert_eq!(running.end(Signal::TERM).status, 0);
    shell(&rig.path("."), "umount state");
}
