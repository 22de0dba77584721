//! What an alert tells over its life, and in which form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::inbox::Event;
use crate::program::{failure, healthy, worker_line};
use crate::rig::{Rig, stop, swap};
use crate::schema::Schema;

#[test]
fn it_fires_repeats_and_resolves_in_order() {
    let rig = Rig::new();
    let timing = "[alert]\nrepeat_every = \"1s\"\nresolve_after = \"3s\"\n";
    rig.configure(&(rig.settings() + timing));
    let mut log = rig.log("worker.log");
    let running = rig.watch();
    log.fail(1..2);
    drop(rig.inbox.until_pid(1));
    log.fail(1..2);
    log.fail(1..2);
    let events = rig.inbox.until("resolved", |events| events.iter().any(|event| !event.is_firing()));
    let last = events.len() - 1;
    assert!(last >= 2, "it was never repeated");
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.number("sequence"), index as u64 + 1);
        assert_eq!(event.is_firing(), index < last);
        assert_eq!(event.data["fingerprint"], events[0].data["fingerprint"]);
    }
    let told: Vec<_> = events.iter().map(|event| (event.number("count"), event.number("new"))).collect();
    assert_eq!(told[0], (1, 1));
    assert_eq!(told[last].0, 3);
    assert_eq!(told.iter().map(|(_, new)| new).sum::<u64>(), 3);
    drop(events);
    // What comes after is an alert of its own.
    log.fail(1..2);
    let again = rig.inbox.until("another alert", |events| events.len() > last + 1);
    assert_eq!((again[last + 1].number("sequence"), again[last + 1].number("count")), (1, 1));
    drop(again);
    stop(running);
}

/// What ends a state is looked for only while one is open: also where that was found long before.
#[test]
fn a_state_is_over_with_a_record_that_is_read_later() {
    let thread = |second, level: &str, span: &str, message: &str| {
        worker_line(
            second,
            level,
            &format!("module{{name=\"worker-3\"}}{span}: damocles_worker::sealing: {message}"),
        )
    };
    let (goes_on, span) = ("handling", ":seal{sector=Some(17)}:handle{prev=PC1Done}");
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    // Before it, and so no end of it.
    log.write(
        thread(1, "DEBUG", span, goes_on) + &thread(2, "WARN", "", "waiting for resume signal") + &healthy(3),
    );
    let running = rig.watch();
    drop(rig.inbox.until("the state", |events| events.len() == 1));
    log.write(thread(4, "DEBUG", span, goes_on) + &healthy(5));
    drop(rig.inbox.until("its end", |events| events.len() == 2));
    // The run after a restart knows that it is open.
    log.write(thread(6, "WARN", "", "waiting for resume signal") + &healthy(7));
    drop(rig.inbox.until("the state again", |events| events.len() == 3));
    stop(running);
    log.write(thread(8, "DEBUG", span, goes_on) + &healthy(9));
    let running = rig.watch();
    let events = rig.inbox.until("its end", |events| events.len() == 4);
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.text("signature"), "venus-cluster/worker-paused");
        assert_eq!(event.is_firing(), index % 2 == 0, "message {index}");
        assert_eq!(event.data["group"]["thread"], "3");
    }
    drop(events);
    stop(running);
}

#[test]
fn lines_around_the_record() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + "[alert]\ncontext_lines = 2\n"));
    let mut log = rig.log("worker.log");
    let lines: Vec<String> =
        (1..=7).map(|second| healthy(second).replace("well", &format!("well {second}"))).collect();
    log.write(lines[..4].concat() + &failure(5, 1) + &lines[4..].concat());
    let running = rig.watch();
    let events = rig.inbox.until_pid(1);
    let told = |side: &str| -> Vec<String> {
        let lines = events[0].data["context"][side].as_array().unwrap().iter();
        lines.map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let expected = |range: std::ops::Range<usize>| -> Vec<String> {
        lines[range].iter().map(|line| line.trim_end().to_owned()).collect()
    };
    assert_eq!(told("before"), expected(2..4));
    assert_eq!(told("after"), expected(4..6));
    assert_eq!(events[0].number("line"), 5);
    assert_eq!(events[0].number("offset"), lines[..4].concat().len() as u64);
    drop(events);
    stop(running);
}

/// Lines before the record that were read, and let go, long before it.
#[test]
fn lines_before_that_were_read_by_an_earlier_run() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    log.write(healthy(1).replace("well", "well before"));
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    stop(running);
    log.write(failure(2, 2) + &healthy(3));
    let running = rig.watch();
    let events = rig.inbox.until_pid(2);
    let before = events[1].data["context"]["before"].to_string();
    assert!(before.contains("well before") && before.contains("child_pid=1"), "{before}");
    drop(events);
    stop(running);
}

#[test]
fn its_form_is_the_published_one() {
    const KEY: &[u8] = b"a key of thirty-two bytes, or so.";
    let rig = Rig::new();
    std::fs::write(rig.path("ops.secret"), format!("whsec_{}\n", STANDARD.encode(KEY))).unwrap();
    let settings = swap(&rig.settings(), "max_per_minute", "secret_file = \"ops.secret\"\nmax_per_minute");
    rig.configure(&(settings + "[alert]\nresolve_after = \"1s\"\n"));
    rig.log("worker.log").fail(1..3);
    let running = rig.watch();
    let events = rig.inbox.until("all resolved", |events| events.len() == 4);
    let schema = Schema::of("alert.v1");
    for event in events.iter() {
        schema.check(&event.data);
        assert_is_cloud_event(event);
        assert_is_signed(event, KEY);
    }
    drop(events);
    stop(running);
}

fn assert_is_cloud_event(event: &Event) {
    let body = event.got.json();
    let kind = if event.is_firing() { "sealtail.alert.firing.v1" } else { "sealtail.alert.resolved.v1" };
    assert_eq!(body["specversion"], "1.0");
    assert_eq!(body["type"], kind);
    assert_eq!(body["source"], "/sealtail/seal-07/worker");
    assert_eq!(body["subject"], event.data["fingerprint"]);
    assert!(body["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{}", body["time"]);
    let content_type = event.got.header("content-type").unwrap();
    assert!(content_type.starts_with("application/cloudevents+json"), "{content_type}");
}

fn assert_is_signed(event: &Event, key: &[u8]) {
    let header = |name| event.got.header(name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(header("webhook-id"), event.id);
    let timestamp: i64 = header("webhook-timestamp").parse().unwrap();
    let age_s = jiff::Timestamp::now().as_second() - timestamp;
    assert!((0..600).contains(&age_s), "{age_s}");
    let signed = format!("{}.{timestamp}.{}", event.id, event.got.body);
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(signed.as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
}

/// Whether the alert of `pid` sets a step for other releases aside.
fn sets_aside(rig: &Rig, pid: u64) -> bool {
    let events = rig.inbox.until_pid(pid);
    let pid = pid.to_string();
    let event = events.iter().find(|event| event.data["group"]["child_pid"] == *pid);
    event.is_some_and(|event| event.data["other_releases"].is_array())
}

#[test]
fn steps_go_by_the_release_that_the_log_shows_or_the_operator_says() {
    let rig = Rig::new();
    let mut log = rig.log("worker.log");
    let running = rig.watch();
    log.fail(1..2);
    assert!(!sets_aside(&rig, 1), "no release is known");
    log.write(
        "2022-06-24T14:33:20.106+0800\tINFO\tdep\tdep/sealer_constructor.go:480\tstore constructed\t\
         {\"type\": \"embed-fs\", \"ver\": \"v0.5.2-prod-1a2b3c\", \"instance\": \"store-1\"}\n",
    );
    log.fail(2..3);
    assert!(sets_aside(&rig, 2), "v0.5 has no steps for v0.6 and later");
    log.rotate();
    log.fail(3..4);
    assert!(sets_aside(&rig, 3), "the next file of the source is of the same release");
    stop(running);

    let rig = Rig::new();
    rig.configure(&(rig.settings() + "[vars]\ndamocles_version = \"v0.5.2\"\n"));
    let mut log = rig.log("worker.log");
    let running = rig.watch();
    log.fail(1..2);
    assert!(sets_aside(&rig, 1), "the operator says the release");
    stop(running);
}
