//! Sinks do not know of each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::inbox::{Inbox, pids_in_order};
use crate::program::failure;
use crate::receiver::{Answer, Receiver};
use crate::rig::{Rig, sink, stop, swap};
use crate::schema::Schema;

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1/hook";

#[test]
fn one_that_refuses_connections_delays_no_other() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + &sink("down", NOBODY)));
    let mut log = rig.log("worker.log");
    let running = rig.watch();
    running.wait_for_stderr("watching", 1);
    for start in [1, 51, 101] {
        log.fail(start..start + 50);
        drop(rig.inbox.until_pid(start + 49));
    }
    running.wait_for_stderr("message not delivered", 1);
    stop(running);
    assert_eq!(pids_in_order(&rig.inbox.events()), (1..151).collect::<Vec<_>>());
}

#[test]
fn one_in_trouble_gets_everything_once_it_is_well() {
    let well = Arc::new(AtomicBool::new(false));
    let seen = well.clone();
    let other = Inbox::start(move |_, _| Answer::status(if seen.load(Ordering::SeqCst) { 200 } else { 503 }));
    let rig = Rig::new();
    rig.configure(&(rig.settings() + &sink("other", &other.url())));
    rig.log("worker.log").fail(1..21);
    let running = rig.watch();
    assert_eq!(pids_in_order(&rig.inbox.until_pid(20)), (1..21).collect::<Vec<_>>());
    let failed = other.until("an attempt", |events| !events.is_empty()).len();
    well.store(true, Ordering::SeqCst);
    // Attempts before and around the change may have failed; each message comes again.
    let events = other.until("all pids after it is well", |events| {
        let well: std::collections::BTreeSet<_> = events[failed..].iter().map(|event| event.pid()).collect();
        well.len() == 20
    });
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), 20);
    drop(events);
    stop(running);
    assert_eq!(rig.inbox.events().len(), 20, "the other sink got its own and no more");
}

#[test]
fn what_is_too_large_for_a_receiver_arrives_shortened() {
    let rig = Rig::answering(|got, _| Answer::status(if got.body.len() > 8_000 { 413 } else { 200 }));
    rig.log("worker.log").write(failure(1, 77).replace("'x'", &"x".repeat(9_000)));
    let running = rig.watch();
    let events = rig.inbox.until("both forms", |events| events.len() == 2);
    assert_eq!(events[0].id, events[1].id);
    let schema = Schema::of("alert.v1");
    events.iter().for_each(|event| schema.check(&event.data));
    for key in ["fingerprint", "count", "group", "title", "action"] {
        assert_eq!(events[0].data[key], events[1].data[key], "{key}");
    }
    assert!(events[1].text("record").ends_with('…'), "{}", events[1].data);
    drop(events);
    running.wait_for_stderr("message refused as a whole, delivered in plain form: status 413", 1);
    stop(running);
}

#[test]
fn slack_gets_blocks_and_no_commands_of_a_log() {
    let slack = Receiver::start(|_, _| Answer::Reply(200, vec![], "ok".to_owned()));
    let rig = Rig::new();
    let url = slack.url("/services/T0/B0/x");
    let settings = rig.settings();
    let sinks = settings.find("[[sink").unwrap();
    rig.configure(&format!("{}[[sink.slack]]\nname = \"chat\"\nurl = \"{url}\"\n", &settings[..sinks]));
    rig.log("worker.log").write(failure(1, 77).replace("'x'", "'<!channel> <@U123> & *bold*'"));
    let running = rig.watch();
    let got = slack.wait_for(1);
    assert_eq!(got[0].path, "/services/T0/B0/x");
    let body = got[0].json();
    assert!(body["blocks"].as_array().is_some_and(|blocks| blocks.len() > 2), "{body}");
    let text = body.to_string();
    assert!(text.contains("&lt;!channel&gt; &lt;@U123&gt; &amp; *bold*"), "{text}");
    assert!(!text.contains("<!channel>") && !text.contains("<@U123>"), "{text}");
    assert!(text.contains("--child_pid=77"), "{text}");
    stop(running);
}

#[test]
fn each_has_its_own_language_and_choice() {
    let chinese = Inbox::start(|_, _| Answer::status(200));
    let picky = Inbox::start(|_, _| Answer::status(200));
    let rig = Rig::new();
    rig.configure(&format!(
        "{}{}lang = \"zh\"\n{}min_severity = \"critical\"\n",
        rig.settings(),
        sink("chinese", &chinese.url()),
        sink("picky", &picky.url())
    ));
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    log.write(
        failure(2, 0)
            .replace("failed to unmarshal response string", "open /x: Too many open files (os error 24)"),
    );
    log.fail(3..4);
    let running = rig.watch();
    for (inbox, lang, word) in [(&rig.inbox, "en", "response"), (&chinese, "zh", "外部处理器")] {
        let events = inbox.until_pid(3);
        assert_eq!(events.len(), 3, "{lang}");
        assert!(events.iter().all(|event| event.text("lang") == lang));
        assert!(events[0].text("title").contains(word), "{}", events[0].text("title"));
    }
    let events = picky.until("one alert", |events| !events.is_empty());
    assert_eq!(events[0].text("signature"), "venus-cluster/too-many-open-files");
    drop(events);
    stop(running);
    assert_eq!(picky.events().len(), 1);
}

/// A limit holds messages back and loses none: those beyond it are sent as one digest.
#[test]
fn a_limit_is_kept() {
    let rig = Rig::new();
    rig.configure(&swap(&rig.settings(), "max_per_minute = 0", "max_per_minute = 5"));
    rig.log("worker.log").fail(1..50);
    let running = rig.watch();
    running.wait_for_stderr("limit of 5 messages a minute reached", 1);
    assert_eq!(pids_in_order(&rig.inbox.events()), [1, 2, 3, 4, 5]);
    stop(running);
}

/// `sources` and `group` choose alerts by where they come from and by what their findings share.
#[test]
fn sources_and_groups_choose_the_sink() {
    let [here, elsewhere, grouped] = [(); 3].map(|()| Inbox::start(|_, _| Answer::status(200)));
    let rig = Rig::new();
    rig.configure(&format!(
        "{}{}sources = [\"work*\"]\nhosts = [\"*\"]\n{}sources = [\"manager\"]\n{}group = [\"child_pid=2\"]\n",
        rig.settings(),
        sink("here", &here.url()),
        sink("elsewhere", &elsewhere.url()),
        sink("grouped", &grouped.url()),
    ));
    rig.log("worker.log").fail(1..4);
    let running = rig.watch();
    drop(rig.inbox.until_pid(3));
    drop(here.until_pid(3));
    drop(grouped.until("one alert", |events| !events.is_empty()));
    stop(running);
    assert_eq!(pids_in_order(&here.events()), [1, 2, 3]);
    assert_eq!(pids_in_order(&grouped.events()), [2]);
    assert!(elsewhere.events().is_empty());
}
