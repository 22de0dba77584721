//! A dead-man's switch hears from sealtail while it is well, and only then.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use crate::disk_limit;
use crate::http::{OPEN, address, number, until};
use crate::receiver::{Answer, Receiver};
use crate::rig::{Rig, stop, swap};

const CANARY: &str = "canary-7f3a9c";

/// The settings of a rig whose heartbeat goes to `switch` every second.
fn beating(rig: &Rig, switch: &Receiver) -> String {
    fs::write(rig.path("beat"), switch.url(&format!("/{CANARY}"))).unwrap();
    format!("{}{OPEN}[heartbeat]\nurl_file = \"beat\"\nevery = \"1s\"\n", rig.settings())
}

#[test]
fn it_says_who_is_well_for_as_long_as_it_is() {
    let switch = Receiver::start(|_, _| Answer::status(200));
    let rig = Rig::new();
    rig.configure(&beating(&rig, &switch));
    let running = rig.watch();
    let got = switch.wait_for(3);
    assert_eq!(got[0].path, format!("/{CANARY}"));
    assert_eq!(got[0].header("content-type"), Some("application/json"));
    assert_eq!(got[0].json(), json!({ "host": "seal-07", "sealtail": env!("CARGO_PKG_VERSION") }));
    stop(running);
}

#[test]
fn it_takes_the_name_that_a_reload_gives_the_box() {
    let switch = Receiver::start(|_, _| Answer::status(200));
    let rig = Rig::new();
    let settings = beating(&rig, &switch);
    rig.configure(&settings);
    let running = rig.watch();
    switch.wait_for(1);
    rig.configure(&swap(&settings, "seal-07", "seal-08"));
    running.signal(Signal::HUP);
    let hosts =
        |count| switch.wait_for(count).iter().map(|got| got.json()["host"].clone()).collect::<Vec<_>>();
    let minute = 1..60;
    let renamed = minute.map(hosts).find(|hosts| hosts.last().unwrap() == "seal-08").expect("the old name");
    let new = renamed.iter().position(|host| host == "seal-08").unwrap();
    assert!(new > 0 && renamed[new..].iter().all(|host| host == "seal-08"), "{renamed:?}");
    stop(running);
}

#[test]
fn it_stops_while_the_state_cannot_be_written() {
    let switch = Receiver::start(|_, _| Answer::status(200));
    let rig = Rig::new();
    rig.configure(&beating(&rig, &switch));
    let mut log = rig.log("worker.log");
    let running = disk_limit::watch(&rig);
    let address = address(&running, 1);
    switch.wait_for(1);
    disk_limit::forbid_writes(&running);
    log.fail(1..2);
    running.wait_for_stderr("heartbeat held back while sealtail is not healthy: reading is paused", 1);
    // Those before it were answered, for they are sent one by one.
    let before = switch.got().len();
    let held = "sealtail_heartbeats_total{outcome=\"held\"}";
    until(&address, "/metrics", "three that were held back", |_, body| number(body, held) >= Some(3.0));
    assert_eq!(switch.got().len(), before);
    disk_limit::allow_writes(&running);
    switch.wait_for(before + 1);
    drop(rig.inbox.until_pid(1));
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.stderr.matches("heartbeat held back").count(), 1, "{}", ran.stderr);
}

#[test]
fn one_that_does_not_arrive_is_told_once_and_without_its_address() {
    let switch = Receiver::start(|got, number| match number {
        0 => Answer::Reply(404, vec![], got.path.clone()),
        1 => Answer::with(302, &format!("location: /{CANARY}/elsewhere")),
        2 => Answer::Cut,
        _ => Answer::status(200),
    });
    let rig = Rig::new();
    rig.configure(&beating(&rig, &switch));
    let running = rig.watch_with(&["-vv"]);
    let address = address(&running, 1);
    let [delivered, failed] =
        ["delivered", "failed"].map(|outcome| format!("sealtail_heartbeats_total{{outcome=\"{outcome}\"}}"));
    let metrics =
        until(&address, "/metrics", "one that arrives", |_, body| number(body, &delivered) >= Some(1.0));
    assert_eq!(number(&metrics, &failed), Some(3.0));
    assert!(switch.got().iter().all(|got| got.path == format!("/{CANARY}")), "no redirect is followed");
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("heartbeat not delivered").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("status 404") && ran.stderr.contains("heartbeat delivered again"));
    assert!(!ran.stderr.contains(CANARY) && !metrics.contains(CANARY), "{}", ran.stderr);
}
