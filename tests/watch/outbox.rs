//! What could not be delivered, and what an operator does about it with `sealtail outbox`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::Signal;

use crate::inbox::{Event, pids_in_order};
use crate::program::{Ran, run, text};
use crate::receiver::Answer;
use crate::rig::{Rig, stop, swap};

/// A rig whose receiver answers what it is set to.
fn rig_answering(status: u16) -> (Rig, Arc<AtomicU16>) {
    let set = Arc::new(AtomicU16::new(status));
    let seen = set.clone();
    let body = "no such thing".to_owned();
    let answer = move |_: &_, _| Answer::Reply(seen.load(Ordering::SeqCst), vec![], body.clone());
    (Rig::answering(answer), set)
}

/// Runs `sealtail outbox` on the state of `rig`.
fn outbox(rig: &Rig, arguments: &[&str]) -> Ran {
    let config = text(&rig.path("sealtail.toml"));
    run(&[&["outbox"], arguments, &["--config", &config]].concat())
}

/// The ids of messages in their order; the plain form of one comes right behind it.
fn ids(events: &[Event]) -> Vec<String> {
    let mut ids: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    ids.dedup();
    ids
}

/// Watches five failures that are all refused. Their ids, in order.
fn five_dead(rig: &Rig) -> Vec<String> {
    rig.log("worker.log").fail(1..6);
    let running = rig.watch();
    running.wait_for_stderr("message refused, kept as a dead letter", 5);
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    ids(&rig.inbox.events())
}

#[test]
fn dead_letters_are_listed_and_sent_again() {
    let (rig, status) = rig_answering(400);
    let dead = five_dead(&rig);

    let list = outbox(&rig, &["list"]);
    assert_eq!((list.status, &*list.stderr), (0, ""), "{}", list.stderr);
    let lines: Vec<Vec<&str>> = list.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[..2], [["sink", "waiting", "dead"], ["ops", "0", "5"]]);
    assert_eq!(lines[3], ["id", "sink", "created", "signature", "severity", "why"]);
    for (line, id) in lines[4..].iter().zip(&dead) {
        assert_eq!(line[..2], [id, "ops"]);
        assert_eq!(line[3..5], ["venus-cluster/ext-unmarshal-response", "error"]);
        assert_eq!(line[5..].join(" "), "status 400: no such thing");
    }
    assert_eq!(lines.len(), 4 + 5);

    let retried = outbox(&rig, &["retry", "--all"]);
    assert_eq!(retried.status, 0, "{}", retried.stderr);
    assert!(retried.stdout.starts_with("ops: 5 dead letters, put back"), "{}", retried.stdout);
    let waiting = outbox(&rig, &["list", "--json"]).json();
    assert_eq!(waiting, [serde_json::json!({ "kind": "sink", "sink": "ops", "waiting": 5, "dead": 0 })]);

    status.store(200, Ordering::SeqCst);
    let running = rig.watch();
    let before = 2 * 5;
    let events = rig.inbox.until("all of them again", |events| events.len() == before + 5);
    assert_eq!(ids(&events[before..]), dead, "in their old order, under their old ids");
    assert_eq!(pids_in_order(&events[before..]), [1, 2, 3, 4, 5]);
    drop(events);
    stop(running);
    assert_eq!(outbox(&rig, &["list"]).stdout, "the outbox is empty, and there are no dead letters\n");
}

#[test]
fn some_are_sent_again_and_some_are_dropped() {
    let (rig, _) = rig_answering(422);
    let dead = five_dead(&rig);
    let asked = outbox(&rig, &["drop", &dead[1], &dead[3]]);
    let said = "ops: 2 dead letters, would be deleted\nnothing was deleted: repeat with --yes to apply\n";
    assert_eq!((asked.status, &*asked.stdout), (0, said));
    let dropped = outbox(&rig, &["drop", &dead[1], &dead[3], "--yes"]);
    assert_eq!((dropped.status, &*dropped.stdout), (0, "ops: 2 dead letters, deleted\n"));
    let retried = outbox(&rig, &["retry", &dead[2]]);
    assert!(retried.stdout.starts_with("ops: 1 dead letter, put back"), "{}", retried.stdout);
    let list = outbox(&rig, &["list", "--json"]).json();
    assert_eq!((&list[0]["waiting"], &list[0]["dead"]), (&1.into(), &2.into()));
    let left: Vec<_> = list[1..].iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(left, [&dead[0], &dead[4]]);
    assert_eq!(list[1]["kind"], "dead");
    assert_eq!(list[1]["why"], "status 422: no such thing");

    for (arguments, said) in [
        (&["retry", dead[1].as_str()][..], format!("there is no dead letter `{}`", dead[1])),
        (&["drop", "--sink", "slack"], "there is no dead letter of sink `slack`".to_owned()),
    ] {
        let ran = outbox(&rig, arguments);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(&said) && ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    assert_eq!(outbox(&rig, &["drop", "--sink", "ops", "--yes"]).stdout, "ops: 2 dead letters, deleted\n");
    assert_eq!(outbox(&rig, &["drop", "--all"]).stdout, "no dead letters\n");
    assert_eq!(outbox(&rig, &["drop", &dead[0]]).status, 2);
}

#[test]
fn letters_of_a_sink_that_was_renamed_wait_for_its_old_name() {
    let (rig, status) = rig_answering(503);
    rig.log("worker.log").fail(1..4);
    let running = rig.watch();
    drop(rig.inbox.until_pid(3));
    drop(running.end(Signal::TERM));
    let settings = rig.settings();
    // Under the new name nothing may wait that would be told later, when it is gone in turn.
    let settings = format!("disable = [\"sealtail/*\"]\n{settings}");
    rig.configure(&swap(&settings, "name = \"ops\"", "name = \"renamed\""));
    let running = rig.watch();
    running.wait_for_stderr("no longer configured", 1);
    drop(running.end(Signal::TERM));
    let list = outbox(&rig, &["list", "--json"]).json();
    assert_eq!((&list[0]["sink"], &list[0]["dead"]), (&"ops".into(), &3.into()));
    assert_eq!(list[1]["why"], "the sink is no longer configured");

    rig.configure(&settings);
    assert_eq!(outbox(&rig, &["retry", "--sink", "ops"]).status, 0);
    let before = rig.inbox.events().len();
    status.store(200, Ordering::SeqCst);
    let running = rig.watch();
    let events = rig.inbox.until("all three", |events| events.len() == before + 3);
    assert_eq!(pids_in_order(&events[before..]), [1, 2, 3]);
    drop(events);
    stop(running);
}

/// A revoked token costs no message: they wait until it is repaired.
#[test]
fn a_sink_that_is_gone_keeps_what_waits() {
    let (rig, status) = rig_answering(410);
    let mut log = rig.log("worker.log");
    log.fail(1..11);
    let running = rig.watch();
    running.wait_for_stderr("sink parked", 1);
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.stderr.matches("ERROR").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("status 410: no such thing") && ran.stderr.contains("ops"), "{}", ran.stderr);
    assert_eq!(pids_in_order(&rig.inbox.events()), [1], "nothing was sent behind it");

    // After a restart the first attempt says the same; a reload tries again at once.
    log.fail(11..21);
    let running = rig.watch();
    running.wait_for_stderr("sink parked", 1);
    assert_eq!(pids_in_order(&rig.inbox.events()), [1, 1]);
    status.store(200, Ordering::SeqCst);
    running.signal(Signal::HUP);
    let events = rig.inbox.until_pid(20);
    assert_eq!(pids_in_order(&events[2..]), (1..21).collect::<Vec<_>>());
    drop(events);
    let ran = running.end(Signal::TERM);
    assert_eq!((ran.status, ran.stderr.matches("ERROR").count()), (0, 1), "{}", ran.stderr);
}

#[test]
fn it_keeps_off_a_state_that_is_watched() {
    let (rig, _) = rig_answering(200);
    let missing = outbox(&rig, &["list"]);
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("there is no state in"), "{}", missing.stderr);
    assert!(!rig.path("state").exists(), "looking makes none");

    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    let state = text(&rig.path("state"));
    fs::remove_file(rig.path("state/control.sock")).unwrap();
    for arguments in [&["list"][..], &["retry", "--all"], &["drop", "--all"]] {
        let ran = run(&[&["outbox"], arguments, &["--state-dir", &state]].concat());
        assert_eq!((ran.status, &*ran.stdout), (2, ""));
        for part in [&state, &format!("in use by process {}\n", running.pid()), "stop `sealtail watch`"] {
            assert!(ran.stderr.contains(part), "{part:?} is not in\n{}", ran.stderr);
        }
    }
    stop(running);
    assert_eq!(run(&["outbox", "list", "--state-dir", &state]).status, 0);
}

#[test]
fn what_is_meant_has_to_be_said() {
    for arguments in
        [&["retry"][..], &["drop"], &["retry", "x", "--all"], &["drop", "--all", "--sink", "x"], &[]]
    {
        let ran = run(&[&["outbox"], arguments].concat());
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.stderr.contains("Usage"), "{}", ran.stderr);
    }
}
