//! Delivery against receivers on loopback that are down, slow, broken or hostile.

#[path = "deliver/outage.rs"]
mod outage;
mod receiver;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use receiver::{Answer, Got, Receiver};
use sealtail::base::secret::Secret;
use sealtail::deliver::sink::{Destination, Outcome, Route, SigningKey, Sink, Slack, Webhook};
use sealtail::deliver::{Delivery, send_test};
use sealtail::model::alert::{Action, Alert, Context, Lang, Link, Message, Status};
use sealtail::model::finding::Severity;
use sealtail::store::{Commit, Durability, NewMessage, Store};
use sealtail::telemetry::Telemetry;
use tempfile::TempDir;

/// A part of every URL; it must never show.
const CANARY: &str = "/T0/B0/canary";

fn alert(fingerprint: &str, sequence: u64) -> Alert {
    Alert {
        fingerprint: fingerprint.to_owned(),
        status: Status::Firing,
        sequence,
        signature: "venus-cluster/ext-unmarshal-response".to_owned(),
        title: "External processor returned a malformed response".to_owned(),
        severity: Severity::Error,
        host: "seal-07".to_owned(),
        source: "worker".to_owned(),
        path: "/var/log/worker.log".to_owned(),
        first_seen: "2022-06-24T14:33:24+08:00".to_owned(),
        last_seen: "2022-06-24T14:35:01+08:00".to_owned(),
        count: sequence,
        new: 1,
        group: BTreeMap::new(),
        fields: BTreeMap::new(),
        record: "ERROR failed to unmarshal response string".to_owned(),
        line: 3,
        offset: 210,
        context: Context::default(),
        meaning: "The processor wrote something else than JSON.".to_owned(),
        action: vec![Action { text: "Look.".to_owned(), command: None, unfilled: vec![], caution: false }],
        action_numbers: Vec::new(),
        other_releases: Vec::new(),
        links: vec![Link { title: "Q&A".to_owned(), url: "https://example.org/qa".to_owned() }],
        followers: vec![],
        explained_by: None,
        possible_causes: Vec::new(),
        quiet: false,
        quiet_seconds: 0,
        confirmed: vec![],
        lang: Lang::En,
    }
}

fn webhook(name: &str, url: &str) -> Sink {
    let destination = Destination::Webhook(Webhook { url: Secret::new(url), key: None });
    Sink { name: name.to_owned(), route: Route::default(), max_per_minute: 0, destination }
}

fn slack(name: &str, url: &str) -> Sink {
    Sink { destination: Destination::Slack(Slack { url: Secret::new(url) }), ..webhook(name, url) }
}

/// A store of its own, with `messages` (sink, fingerprint, sequence) in its outbox.
struct Outbox {
    store: Arc<Store>,
    _directory: TempDir,
}

impl Outbox {
    fn with(messages: &[(&str, &str, u64)]) -> Outbox {
        let directory = TempDir::new().unwrap();
        let store = Arc::new(Store::open(directory.path(), Timestamp::now()).unwrap().store);
        let outbox = Outbox { store, _directory: directory };
        outbox.put(messages);
        outbox
    }

    fn put(&self, messages: &[(&str, &str, u64)]) {
        let message = |&(sink, fingerprint, sequence): &(&str, &str, u64)| NewMessage {
            sink: sink.to_owned(),
            fingerprint: fingerprint.to_owned(),
            message: Message::Alert(Box::new(alert(fingerprint, sequence))),
        };
        let commit = Commit { messages: messages.iter().map(message).collect(), ..Commit::default() };
        self.store.commit(&commit, Durability::Now, Timestamp::now()).unwrap();
    }

    fn start(&self, sinks: Vec<Sink>) -> Delivery {
        Delivery::start(self.store.clone(), sinks, &Telemetry::default()).unwrap()
    }
}

async fn wait_for(receiver: &Arc<Receiver>, count: usize) -> Vec<Got> {
    let receiver = receiver.clone();
    tokio::task::spawn_blocking(move || receiver.wait_for(count)).await.unwrap()
}

fn receiver(answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static) -> Arc<Receiver> {
    Arc::new(Receiver::start(answer))
}

fn told(got: &Got) -> (String, u64) {
    let data = &got.json()["data"];
    (data["fingerprint"].as_str().unwrap().to_owned(), data["sequence"].as_u64().unwrap())
}

/// Everything that was logged in this process, at every level.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_an_alert_arrive_in_order_through_failures() {
    // Every third request fails, each in another way.
    let receiver = receiver(|_, number| match number % 9 {
        2 => Answer::status(500),
        5 => Answer::Cut,
        8 => Answer::with(429, "retry-after: 0"),
        _ => Answer::status(204),
    });
    let first: Vec<_> = (1..=4).flat_map(|n| [("ops", "a", n), ("ops", "b", n)]).collect();
    let outbox = Outbox::with(&first);
    let delivery = outbox.start(vec![webhook("ops", &receiver.url(CANARY))]);
    outbox.put(&[("ops", "a", 5), ("ops", "b", 5)]);
    delivery.notifier().notify();
    // Ten that arrive, and the four of the first fourteen that fail.
    wait_for(&receiver, 14).await;
    delivery.stop().await;
    assert_eq!(outbox.store.waiting("ops").unwrap(), 0);

    let mut arrived: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for got in receiver.got() {
        let (fingerprint, sequence) = told(&got);
        let sequences = arrived.entry(fingerprint).or_default();
        if sequences.last() != Some(&sequence) {
            sequences.push(sequence);
        }
    }
    let expected = (1..=5).collect::<Vec<_>>();
    assert_eq!(arrived, [("a".to_owned(), expected.clone()), ("b".to_owned(), expected)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_has_the_same_id_and_a_valid_signature() {
    let receiver = receiver(|_, number| match number {
        0 => Answer::Cut,
        1 => Answer::status(503),
        _ => Answer::status(200),
    });
    let outbox = Outbox::with(&[("ops", "a", 1)]);
    let key = SigningKey::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
    let url = Secret::new(receiver.url(CANARY));
    let destination = Destination::Webhook(Webhook { url, key: Some(key) });
    let delivery = outbox.start(vec![Sink { destination, ..webhook("ops", "") }]);
    let got = wait_for(&receiver, 3).await;
    let counts = delivery.stop().await;
    assert_eq!((receiver.got().len(), outbox.store.waiting("ops").unwrap()), (3, 0));
    assert_eq!((counts[0].delivered, counts[0].retried), (1, 2));
    for request in &got {
        assert_eq!(request.body, got[0].body);
        assert_eq!(request.header("webhook-id"), request.json()["id"].as_str());
        assert_eq!(request.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
        assert!(request.header("webhook-signature").unwrap().starts_with("v1,"));
        assert_eq!(request.path, CANARY);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_holds_the_whole_sink() {
    let receiver = receiver(|_, number| match number {
        0 => Answer::with(429, "retry-after: 2"),
        _ => Answer::status(200),
    });
    let outbox = Outbox::with(&[("ops", "a", 1), ("ops", "b", 1)]);
    let delivery = outbox.start(vec![webhook("ops", &receiver.url(CANARY))]);
    wait_for(&receiver, 1).await;
    outbox.put(&[("ops", "c", 1)]);
    delivery.notifier().notify();
    let got = wait_for(&receiver, 4).await;
    delivery.stop().await;
    for later in &got[1..] {
        // The receiver notes its time before it answers.
        assert!(later.at.duration_since(got[0].at) >= Duration::from_secs(2), "{later:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_holds_through_a_restart() {
    let receiver = receiver(|_, number| match number {
        0 => Answer::with(429, "retry-after: 2"),
        _ => Answer::status(200),
    });
    let outbox = Outbox::with(&[("ops", "a", 1)]);
    let first = outbox.start(vec![webhook("ops", &receiver.url(CANARY))]);
    wait_for(&receiver, 1).await;
    // What became of the request in flight is written down before it ends.
    first.stop().await;
    outbox.put(&[("ops", "b", 1)]);
    let second = outbox.start(vec![webhook("ops", &receiver.url(CANARY))]);
    let got = wait_for(&receiver, 3).await;
    second.stop().await;
    for later in &got[1..] {
        assert!(later.at.duration_since(got[0].at) >= Duration::from_secs(2), "{later:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_sink_delays_no_other() {
    let slow = receiver(|_, _| Answer::Hang);
    let quick = receiver(|_, _| Answer::Reply(200, vec![], "ok".to_owned()));
    let messages: Vec<_> = (1..=20).flat_map(|n| [("slow", "a", n), ("quick", "a", n)]).collect();
    let outbox = Outbox::with(&messages);
    let sinks = vec![webhook("slow", &slow.url(CANARY)), slack("quick", &quick.url(CANARY))];
    let delivery = outbox.start(sinks);
    wait_for(&slow, 1).await;
    assert_eq!(wait_for(&quick, 20).await.len(), 20);
    assert_eq!((slow.got().len(), outbox.store.waiting("slow").unwrap()), (1, 20));
    drop(slow);
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_a_dead_letter_and_lets_the_next_pass() {
    let receiver = receiver(|got, _| match told(got).1 {
        1 => Answer::Reply(400, vec![], "no such thing".to_owned()),
        _ => Answer::status(200),
    });
    let outbox = Outbox::with(&[("ops", "a", 1), ("ops", "a", 2), ("gone", "a", 1)]);
    let delivery = outbox.start(vec![webhook("ops", &receiver.url(CANARY))]);
    let got = wait_for(&receiver, 3).await;
    let counts = delivery.stop().await;
    assert_eq!(
        receiver.got().iter().map(told).collect::<Vec<_>>(),
        [("a".to_owned(), 1), ("a".to_owned(), 1), ("a".to_owned(), 2)],
        "what is behind it waits for one attempt in plain form and no longer"
    );
    assert_eq!(got[0].json()["id"], got[1].json()["id"]);
    assert_eq!((outbox.store.dead("ops").unwrap(), outbox.store.dead("gone").unwrap()), (1, 1));
    assert_eq!((counts[0].delivered, counts[0].retried, counts[0].refused), (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_or_too_large_arrives_in_plain_form() {
    for status in [400, 413, 422] {
        let picky = receiver(move |got, _| match got.body.contains("Look.") {
            true => Answer::status(status),
            false => Answer::Reply(200, vec![], "ok".to_owned()),
        });
        let outbox = Outbox::with(&[("chat", "a", 1), ("chat", "a", 2)]);
        let delivery = outbox.start(vec![slack("chat", &picky.url(CANARY))]);
        let got = wait_for(&picky, 4).await;
        let counts = delivery.stop().await;
        assert_eq!((counts[0].delivered, counts[0].retried, counts[0].refused), (2, 0, 0), "{status}");
        assert_eq!((outbox.store.waiting("chat").unwrap(), outbox.store.dead("chat").unwrap()), (0, 0));
        let blocks: Vec<bool> = got.iter().map(|got| got.json().get("blocks").is_some()).collect();
        assert_eq!(blocks, [true, false, true, false]);
        let text = got[1].json()["text"].as_str().unwrap().to_owned();
        assert!(text.contains("sealtail explain venus-cluster/ext-unmarshal-response"), "{text}");
    }
}

/// The outcome of the plain form is the outcome of the message.
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_form_that_does_not_arrive_is_no_dead_letter() {
    let receiver = receiver(|_, number| match number {
        0 => Answer::status(413),
        1 => Answer::Cut,
        _ => Answer::status(200),
    });
    let outbox = Outbox::with(&[("ops", "a", 1)]);
    let delivery = outbox.start(vec![webhook("ops", &receiver.url(CANARY))]);
    let got = wait_for(&receiver, 3).await;
    let counts = delivery.stop().await;
    assert_eq!((counts[0].delivered, counts[0].retried, counts[0].refused), (1, 1, 0));
    assert_eq!(got[2].body, got[0].body, "it begins with the whole message again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let target = receiver(|_, _| Answer::status(200));
    let location = format!("location: {}", target.url("/elsewhere"));
    let receiver = receiver(move |_, _| Answer::with(307, &location));
    let outcome = send_test(&webhook("ops", &receiver.url(CANARY)), "seal-07").await;
    let reason = "status 307: redirect to 127.0.0.1 not followed".to_owned();
    assert_eq!(outcome, Outcome::Refused { reason });
    assert_eq!((receiver.got().len(), target.got().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_body_is_read_for_a_while_only() {
    let receiver = receiver(|_, number| Answer::Endless(if number == 0 { 200 } else { 400 }));
    let url = receiver.url(CANARY);
    assert_eq!(send_test(&webhook("ops", &url), "seal-07").await, Outcome::Delivered);
    let Outcome::Unfit { reason } = send_test(&slack("slack", &url), "seal-07").await else { panic!() };
    assert!(reason.starts_with("status 400: xxx") && reason.len() < 300, "{reason}");
}

/// A paused clock runs ahead whenever the runtime is idle, also while a socket is waited for. It
/// does not as long as a blocking task is at work: this is one.
struct HeldClock {
    held: tokio::task::JoinHandle<()>,
    release: std::sync::mpsc::Sender<()>,
}

impl HeldClock {
    fn new() -> HeldClock {
        let (release, released) = std::sync::mpsc::channel::<()>();
        // Ends when the sender is dropped.
        let held = tokio::task::spawn_blocking(move || released.iter().for_each(drop));
        HeldClock { held, release }
    }

    async fn release(self) {
        drop(self.release);
        self.held.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_messages_become_a_digest() {
    LazyLock::force(&LOG);
    let clock = HeldClock::new();
    let receiver = receiver(|_, _| Answer::status(200));
    let messages: Vec<_> = (1..=30).map(|n| ("stormy", ["a", "b"][n % 2], n as u64)).collect();
    let outbox = Outbox::with(&messages);
    let delivery = outbox.start(vec![Sink { max_per_minute: 5, ..webhook("stormy", &receiver.url(CANARY)) }]);
    wait_for(&receiver, 5).await;
    while !LOG.text().contains("limit of 5 messages a minute reached") {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(outbox.store.waiting("stormy").unwrap(), 25, "they wait for the minute to end");
    tokio::time::advance(Duration::from_secs(1)).await;
    let got = wait_for(&receiver, 6).await;
    delivery.stop().await;
    clock.release().await;

    let digest = got[5].json();
    assert_eq!(digest["type"], "sealtail.digest.v1");
    assert_eq!(digest["data"]["findings"], 25);
    let counts: Vec<_> =
        digest["data"]["alerts"].as_array().unwrap().iter().map(|line| line["count"].clone()).collect();
    assert_eq!(counts, [30, 29]);
    assert_eq!((receiver.got().len(), outbox.store.waiting("stormy").unwrap()), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_holds_through_a_restart() {
    LazyLock::force(&LOG);
    let clock = HeldClock::new();
    let receiver = receiver(|_, _| Answer::status(200));
    let messages: Vec<_> = (1..=30).map(|n| ("restarted", "a", n as u64)).collect();
    let outbox = Outbox::with(&messages);
    let limited = || vec![Sink { max_per_minute: 7, ..webhook("restarted", &receiver.url(CANARY)) }];
    for run in 1..=3 {
        let delivery = outbox.start(limited());
        while LOG.text().matches("limit of 7 messages a minute reached").count() < run {
            tokio::task::yield_now().await;
        }
        assert_eq!(receiver.got().len(), 7, "run {run}");
        delivery.stop().await;
    }
    let delivery = outbox.start(limited());
    while LOG.text().matches("limit of 7 messages a minute reached").count() < 4 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(61)).await;
    let got = wait_for(&receiver, 8).await;
    delivery.stop().await;
    clock.release().await;
    assert_eq!(got[7].json()["data"]["findings"], 23, "one digest for all the rest");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_gone_is_parked_until_it_is_back() {
    LazyLock::force(&LOG);
    let clock = HeldClock::new();
    let receiver = receiver(|_, number| match number {
        0 | 1 => Answer::Reply(410, vec![], "channel_is_archived".to_owned()),
        2 => Answer::status(404),
        _ => Answer::status(200),
    });
    let outbox = Outbox::with(&[("parked", "a", 1), ("parked", "b", 1), ("parked", "a", 2)]);
    let delivery = outbox.start(vec![webhook("parked", &receiver.url(CANARY))]);
    let said = |what: &str| {
        let text = LOG.text();
        text.lines().filter(|line| line.contains(what) && line.contains("sink=\"parked\"")).count()
    };
    let parked = "sink parked, it accepts nothing until it is repaired; its messages wait, one is tried every 5m: \
                  status 410: channel_is_archived";
    while said(parked) < 1 {
        tokio::task::yield_now().await;
    }
    // What is put in now rings, and is no reason to try again.
    outbox.put(&[("parked", "c", 1)]);
    delivery.notifier().notify();
    for probe in 1..=3 {
        tokio::time::advance(Duration::from_secs(299)).await;
        assert_eq!((receiver.got().len(), outbox.store.waiting("parked").unwrap()), (probe, 4));
        tokio::time::advance(Duration::from_secs(2)).await;
        wait_for(&receiver, probe + 1).await;
        while probe < 3 && said("still parked") < probe {
            tokio::task::yield_now().await;
        }
    }
    let got = wait_for(&receiver, 7).await;
    let counts = delivery.stop().await;
    clock.release().await;

    let a_and_all = [("a", 1), ("a", 1), ("a", 1), ("a", 1), ("b", 1), ("a", 2), ("c", 1)];
    assert_eq!(got.iter().map(told).collect::<Vec<_>>(), a_and_all.map(|(name, n)| (name.to_owned(), n)));
    assert!(got[..4].iter().all(|probe| probe.json()["id"] == got[0].json()["id"]));
    assert_eq!((counts[0].delivered, counts[0].retried, counts[0].refused), (4, 3, 0));
    assert_eq!((said(parked), said("reachable again")), (1, 1), "{}", LOG.text());
    assert_eq!((outbox.store.waiting("parked").unwrap(), outbox.store.dead("parked").unwrap()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_flight_is_settled_before_the_stop() {
    let receiver = receiver(|_, _| Answer::status(200));
    let outbox = Outbox::with(&[("ops", "a", 1)]);
    let mut delivery = outbox.start(vec![webhook("ops", &receiver.url(CANARY))]);
    wait_for(&receiver, 1).await;
    assert!(tokio::time::timeout(Duration::ZERO, delivery.ended()).await.is_err());
    delivery.stop().await;
    assert_eq!(outbox.store.waiting("ops").unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_end_is_left_behind_at_the_stop() {
    let clock = HeldClock::new();
    let receiver = receiver(|_, _| Answer::Hang);
    let outbox = Outbox::with(&[("ops", "a", 1)]);
    let delivery = outbox.start(vec![webhook("ops", &receiver.url(CANARY))]);
    wait_for(&receiver, 1).await;
    clock.release().await;
    let before = tokio::time::Instant::now();
    delivery.stop().await;
    assert_eq!(before.elapsed().as_secs(), 5, "the time of the paused clock");
    assert_eq!(outbox.store.waiting("ops").unwrap(), 1, "it is sent again at the next start");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_url_shows_in_logs_or_reasons() {
    LazyLock::force(&LOG);
    let refusing = receiver(|got, _| Answer::Reply(400, vec![], format!("no {} here", got.path)));
    let revoked = receiver(|_, _| Answer::Reply(403, vec![], "invalid_token".to_owned()));
    let failing = receiver(|_, number| if number == 0 { Answer::Cut } else { Answer::status(200) });
    let closed = { Receiver::start(|_, _| Answer::Cut).url(CANARY) };
    let sinks = vec![
        webhook("refusing", &refusing.url(CANARY)),
        slack("revoked", &revoked.url(CANARY)),
        webhook("failing", &failing.url(CANARY)),
        slack("closed", &closed),
        slack("bad", "http://[canary/"),
        webhook("nowhere", "https://nowhere.invalid/canary"),
    ];
    let mut shown = format!("{sinks:?}");
    for sink in &sinks {
        shown += &format!("{:?}\n", send_test(sink, "seal-07").await);
    }
    let names = ["refusing", "revoked", "failing", "closed", "bad", "nowhere"];
    let outbox = Outbox::with(&names.map(|name| (name, "a", 1)));
    let delivery = outbox.start(sinks);
    shown += &format!("{delivery:?} {:?}", outbox.store);
    for receiver in [&refusing, &revoked, &failing] {
        wait_for(receiver, 2).await;
    }
    delivery.stop().await;
    shown += &LOG.text();
    assert!(shown.contains("message refused, kept as a dead letter: status 400: no *** here"), "{shown}");
    assert!(shown.contains("one is tried every 5m: status 403: invalid_token"), "{shown}");
    assert!(shown.contains("dns: ") || shown.contains("refused: "), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}
