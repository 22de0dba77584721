//! What it takes to start, and what a reload changes.

use std::fs;

use rustix::process::Signal;

use crate::inbox::{Inbox, pids_in_order};
use crate::program::{PAGE, Running, run, sealtail};
use crate::receiver::Answer;
use crate::rig::{Rig, sink, stop, swap};

#[test]
fn every_fault_is_told_and_nothing_starts() {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..2);
    let broken = rig.settings().replace("start = ", "strat = ").replace("50ms", "50 parsecs");
    rig.configure(&format!("{broken}{}", sink("ops", "gopher://example.org")));
    let ran = rig.watch().ended();
    assert_eq!((ran.status, &*ran.stdout), (2, ""));
    for part in [
        "sealtail.toml:7:1",
        "did you mean `start`?",
        "sealtail.toml:8:8",
        "50 parsecs",
        "sealtail.toml:16:7",
        "does not start with `https://` or `http://`",
        "already used in line 11",
    ] {
        assert!(ran.stderr.contains(part), "{part:?} is not in\n{}", ran.stderr);
    }
    assert!(!rig.path("state").exists() && rig.inbox.events().is_empty());
}

#[test]
fn a_configuration_that_is_not_there() {
    let ran = run(&["watch", "--config", "/nonexistent/sealtail.toml"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("/nonexistent/sealtail.toml"), "{}", ran.stderr);
}

#[test]
fn nothing_to_watch() {
    let ran = run(&["watch"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("nothing to watch") && ran.stderr.contains("hint: "), "{}", ran.stderr);
    let rig = Rig::new();
    rig.configure("state_dir = \"state\"\n");
    let ran = rig.watch().ended();
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("[[source]]"), "{}", ran.stderr);
}

#[test]
fn sighup_takes_a_good_configuration() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..3);
    let running = rig.watch();
    drop(rig.inbox.until_pid(2));
    let second = Inbox::start(|_, _| Answer::status(200));
    rig.configure(&(rig.settings() + &sink("second", &second.url())));
    running.signal(Signal::HUP);
    running.wait_for_stderr("watching", 2);
    log.fail(3..5);
    assert_eq!(pids_in_order(&second.until_pid(4)), [3, 4]);
    assert_eq!(pids_in_order(&rig.inbox.until_pid(4)), [1, 2, 3, 4]);
    stop(running);
}

#[test]
fn sighup_keeps_what_runs_from_a_bad_one() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    let running = rig.watch();
    running.wait_for_stderr("watching", 1);
    let no_folder = swap(&rig.settings(), "\"state\"", "\"sealtail.toml/state\"");
    for (times, settings) in [(1, "not TOML at all"), (2, "state_dir = \"state\"\n"), (3, &no_folder)] {
        rig.configure(settings);
        running.signal(Signal::HUP);
        running.wait_for_stderr("the running one stays in use", times);
        let pid = times as u64;
        log.fail(pid..pid + 1);
        drop(rig.inbox.until_pid(pid));
    }
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("sealtail.toml:1:"), "{}", ran.stderr);
    // That it was refused is an alert, too, and has no pid.
    let told = pids_in_order(&rig.inbox.events()).into_iter().filter(|&pid| pid > 0);
    assert_eq!(told.collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn standard_input_is_not_followed() {
    let ran = run(&["watch", "-"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("sealtail replay -"), "{}", ran.stderr);
}

#[test]
fn a_second_one_names_the_first() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    let second = rig.watch().ended();
    assert_eq!(second.status, 2);
    let pid = format!("process {}", running.pid());
    assert!(second.stderr.contains(&pid) && second.stderr.contains("state"), "{}", second.stderr);
    log.fail(2..3);
    assert_eq!(pids_in_order(&rig.inbox.until_pid(2)), [1, 2]);
    stop(running);
}

#[test]
fn an_address_as_argument_is_warned_of_once() {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..2);
    let url = rig.inbox.url();
    let mut command = sealtail();
    command.arg("watch").arg(rig.path("log")).args(["--from-start", "--webhook", &url, "--webhook", &url]);
    command.arg("--state-dir").arg(rig.path("state"));
    let running = Running::start(command);
    drop(rig.inbox.until("both", |events| events.len() == 2));
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.stderr.matches("url_file").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("WARN"), "{}", ran.stderr);
}

#[test]
fn packs_and_disable_choose_signatures() {
    let rig = Rig::new();
    let pack = rig.path("packs/site");
    fs::create_dir_all(&pack).unwrap();
    fs::write(pack.join("flux.md"), PAGE).unwrap();
    let settings = format!("packs = [\"packs\"]\ndisable = [\"venus-cluster/ext-*\"]\n{}", rig.settings());
    rig.configure(&settings);
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    log.write(crate::program::worker_line(2, "ERROR", "site::flux: the flux capacitor is empty"));
    log.fail(3..4);
    let running = rig.watch();
    let events = rig.inbox.until("an alert", |events| !events.is_empty());
    assert_eq!(events[0].text("signature"), "site/flux");
    assert_eq!(events[0].text("title"), "The flux capacitor is empty");
    drop(events);
    stop(running);
    assert_eq!(rig.inbox.events().len(), 1);
}

/// A path with a typo is the first mistake there is to make.
#[test]
fn a_source_without_a_file_is_told_once() {
    let rig = Rig::new();
    let running = rig.watch();
    running.wait_for_stderr("source `worker` matches no file yet", 1);
    rig.log("worker.log").fail(1..2);
    drop(rig.inbox.until_all(1..2, |events| pids_in_order(events).into_iter().collect()));
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.stderr.matches("matches no file yet").count(), 1, "{}", ran.stderr);
}
