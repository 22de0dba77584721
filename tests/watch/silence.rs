//! Alerts that are silenced or acknowledged, while it watches and over a restart.

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Ran, failure, healthy, run, text};
use crate::rig::{Rig, stop};

/// Runs a command on the state of `rig`.
fn ask(rig: &Rig, arguments: &[&str]) -> Ran {
    let config = text(&rig.path("sealtail.toml"));
    run(&[arguments, &["--config", &config]].concat())
}

/// What a command prints that has to succeed.
fn told(rig: &Rig, arguments: &[&str]) -> String {
    let ran = ask(rig, arguments);
    assert_eq!((ran.status, &*ran.stderr), (0, ""), "{arguments:?}");
    ran.stdout
}

/// What is printed, as one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The open alert of `pid`, once so many findings are counted in it.
fn counted(rig: &Rig, pid: &str, count: u64) -> Value {
    for _ in 0..1_000 {
        let alerts = ask(rig, &["alerts", "--json"]).json();
        let mut alerts = alerts.into_iter().filter(|shown| shown["alert"]["count"] == count);
        if let Some(shown) = alerts.find(|shown| shown["alert"]["group"]["child_pid"] == pid) {
            return shown;
        }
    }
    panic!("{count} findings of {pid} were never counted")
}

#[test]
fn a_silence_outlives_a_restart_and_what_it_held_back_is_told_at_its_end() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    let running = rig.watch();
    running.wait_for_stderr("watching", 1);
    let added =
        told(&rig, &["silence", "add", "--group", "child_pid=1*", "--for", "1h", "--comment", "a test"]);
    let id = added.split_whitespace().nth(1).unwrap();
    log.write(failure(1, 17) + &failure(2, 2) + &healthy(3));
    drop(rig.inbox.until_pid(2));
    let shown = counted(&rig, "17", 1);
    assert!(shown["silenced_until"].is_string(), "{shown}");
    assert!(words(&told(&rig, &["alerts"])).contains("silenced until"));
    // What was answered is in the state.
    drop(running.end(Signal::KILL));
    assert!(told(&rig, &["silence", "list"]).contains("child_pid=1*"), "from the state");

    log.write(failure(4, 17) + &healthy(5));
    let running = rig.watch();
    running.wait_for_stderr("watching", 1);
    counted(&rig, "17", 2);
    assert!(rig.inbox.events().iter().all(|event| event.pid() != 17), "it is silenced");
    let list = ask(&rig, &["silence", "list", "--json"]).json();
    assert_eq!((&list[0]["id"], &list[0]["comment"]), (&id.into(), &"a test".into()));
    assert_eq!(told(&rig, &["silence", "end", &id[..4]]), format!("silence {id} ended\n"));
    let events = rig.inbox.until_pid(17);
    let event = events.iter().find(|event| event.pid() == 17).unwrap();
    assert_eq!((event.number("sequence"), event.number("count"), event.number("new")), (1, 2, 2));
    drop(events);
    assert_eq!(told(&rig, &["silence", "list"]), "no silences\n");
    stop(running);
}

#[test]
fn what_is_changed_without_a_watch_holds_for_the_next() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    stop(running);
    told(&rig, &["silence", "add", "venus-cluster/*", "--for", "1h", "--who", "ann"]);
    let id = counted(&rig, "1", 1)["alert"]["fingerprint"].as_str().unwrap()[..8].to_owned();
    assert!(told(&rig, &["ack", &id, "--who", "ann"]).contains("acknowledged"));
    let running = rig.watch();
    // Else a command could take the state before it does.
    running.wait_for_stderr("watching", 1);
    log.fail(2..3);
    counted(&rig, "2", 1);
    assert_eq!(counted(&rig, "1", 1)["acknowledged_by"], "ann");
    assert!(words(&told(&rig, &["alerts"])).contains("ann is on it"));
    assert_eq!(rig.inbox.events().len(), 1, "what came since is silenced");
    stop(running);
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    for (arguments, why) in [
        (&["silence", "add", "--for", "1h"][..], "required arguments"),
        (&["silence", "add", "gpu/*"], "--for"),
        (&["silence", "add", "gpu/[", "--for", "1h"], "no valid glob"),
        (&["silence", "add", "--group", "sector", "--for", "1h"], "name=value"),
        (&["silence", "add", "gpu/*", "--until", "2022-06-24T14:00:00Z"], "ended already"),
        (&["silence", "add", "gpu/*", "--until", "soon"], "is no time"),
        (&["silence", "end", "x"], "`sealtail silence list` shows them"),
        (&["ack", "x"], "`sealtail alerts` lists them"),
    ] {
        let ran = ask(&rig, arguments);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(why), "{arguments:?}: {}", ran.stderr);
    }
    stop(running);
}
