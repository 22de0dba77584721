//! What an operator asks of a watch while it runs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::Signal;

use crate::inbox::pids_in_order;
use crate::program::{Ran, failure, healthy, run, text};
use crate::receiver::Answer;
use crate::rig::{Rig, stop};
use crate::schema::Schema;

/// Runs a command on the state of `rig`.
fn ask(rig: &Rig, arguments: &[&str]) -> Ran {
    let config = text(&rig.path("sealtail.toml"));
    run(&[arguments, &["--config", &config]].concat())
}

/// What a command prints that has to succeed.
fn told(rig: &Rig, arguments: &[&str]) -> Ran {
    let ran = ask(rig, arguments);
    assert_eq!((ran.status, &*ran.stderr), (0, ""), "{arguments:?}");
    ran
}

#[test]
fn open_alerts_are_shown_while_it_runs_and_when_it_has_ended() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..3);
    let running = rig.watch();
    drop(rig.inbox.until_pid(2));
    log.write(failure(4, 2) + &healthy(5));
    let counted = |alerts: &Ran, pid: &str| {
        let alerts = alerts.json();
        let alert = alerts.iter().find(|alert| alert["alert"]["group"]["child_pid"] == pid).unwrap();
        alert["alert"]["count"].as_u64().unwrap()
    };
    // Told of once, and counted as soon as it is read.
    let is_counted = |_| counted(&told(&rig, &["alerts", "--json"]), "2") == 2;
    assert!((0..1_000).any(is_counted), "it was never counted");
    let alerts = told(&rig, &["alerts", "--json"]);
    let schema = Schema::of("alert.v1");
    for alert in alerts.json() {
        schema.check(&alert["alert"]);
        assert_eq!((&alert["sinks"][0], &alert["alert"]["status"]), (&"ops".into(), &"firing".into()));
    }
    assert_eq!((alerts.json().len(), counted(&alerts, "1")), (2, 1));
    let list = told(&rig, &["alerts"]).stdout;
    assert!(list.contains("child_pid=2 · 2 findings · to ops") && list.contains("2 open alerts"), "{list}");
    let id = alerts.json()[0]["alert"]["fingerprint"].as_str().unwrap()[..12].to_owned();
    let shown = told(&rig, &["alerts", "show", &id, "--lang", "zh"]).stdout;
    assert!(shown.contains("ext-unmarshal-response") && shown.contains("错误"), "{shown}");
    let none = ask(&rig, &["alerts", "show", "xyz"]);
    assert_eq!((none.status, none.stderr.contains("`sealtail alerts` lists them")), (2, true));
    stop(running);
    assert_eq!(told(&rig, &["alerts", "--json"]).stdout, alerts.stdout, "from the state");
    assert_eq!(told(&rig, &["alerts", "show", &id, "--lang", "zh"]).stdout, shown);
}

#[test]
fn the_socket_is_private_and_made_anew() {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    let socket = rig.path("state/control.sock");
    let meta = fs::symlink_metadata(&socket).unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    drop(running.end(Signal::KILL));
    assert!(socket.exists(), "it is left behind, and nobody listens");
    assert_eq!(told(&rig, &["state", "list", "--json"]).json().len(), 1);
    let running = rig.watch();
    running.wait_for_stderr("watching", 1);
    assert_eq!(told(&rig, &["alerts", "--json"]).json().len(), 1);
    stop(running);
    assert!(!socket.exists());
}

#[test]
fn files_are_read_again_while_it_runs() {
    let rig = Rig::counting();
    rig.log("worker.log").fail(1..4);
    let running = rig.watch();
    rig.assert_each_once(1..4);
    let list = told(&rig, &["state", "list", "--json"]).json();
    assert_eq!((list.len(), &list[0]["source"]), (1, &"worker".into()));
    let before = rig.inbox.events().len();
    assert!(told(&rig, &["state", "reset", "--path", "worker.log"]).stdout.contains("nothing was changed"));
    let reset = told(&rig, &["state", "reset", "--path", "worker.log", "--yes"]).stdout;
    assert!(reset.ends_with("are read again; from now on\n"), "{reset}");
    let events = rig.inbox.until("all of it again", |events| events.len() == before + 6);
    let mut pids = pids_in_order(&events[before..]);
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids, [1, 2, 3]);
    drop(events);
    stop(running);
}

#[test]
fn dead_letters_are_sent_again_while_it_runs() {
    let status = Arc::new(AtomicU16::new(400));
    let seen = status.clone();
    let rig = Rig::answering(move |_, _| Answer::status(seen.load(Ordering::SeqCst)));
    rig.log("worker.log").fail(1..3);
    let running = rig.watch();
    running.wait_for_stderr("message refused, kept as a dead letter", 2);
    status.store(200, Ordering::SeqCst);
    let before = rig.inbox.events().len();
    let retried = told(&rig, &["outbox", "retry", "--sink", "ops"]).stdout;
    assert!(retried.contains("put back in the outbox") && retried.contains("sends them now"), "{retried}");
    let again = |events: &[crate::inbox::Event]| {
        let pids = pids_in_order(&events[before..]);
        pids.contains(&1) && pids.contains(&2)
    };
    drop(rig.inbox.until("both again", again));
    drop(running.end(Signal::TERM));
}

#[test]
fn a_client_that_breaks_the_rules_disturbs_nothing() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    let socket = rig.path("state/control.sock");
    let connect = || UnixStream::connect(&socket).unwrap();
    let answer = |bytes: &[u8]| {
        let mut stream = connect();
        // It may be closed before all is written.
        let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    for bytes in
        [&b""[..], b"no json\n", b"{\"ask\":\"world-peace\"}\n", b"{\"ask\":\"alerts\"}\n", b"\xff\xfe\n"]
    {
        let answer = answer(bytes);
        assert!(answer.starts_with("{\"refused\":") && answer.ends_with("\n"), "{answer}");
        assert_eq!(answer.lines().count(), 1);
    }
    assert_eq!(answer(&vec![b'x'; 1 << 20]), "", "it is too long to be a request");
    // Those that say nothing, or go away without hearing the answer.
    let silent: Vec<UnixStream> = (0..4).map(|_| connect()).collect();
    for _ in 0..20 {
        connect().write_all(b"{\"ask\":\"alerts\",\"lang\":\"en\"}\n").unwrap();
    }
    assert_eq!(told(&rig, &["alerts", "--json"]).json().len(), 1);
    log.fail(2..3);
    drop(rig.inbox.until_pid(2));
    drop(silent);
    stop(running);
}
