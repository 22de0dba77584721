//! Receivers that are away, slow or speak something else, for hours where need be.
//!
//! They run on the runtime of the test, as delivery does, so its paused clock runs ahead exactly while both
//! sides wait: an hour passes in no time, and a test measures how long it was.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealtail::telemetry::self_alert::{Kind, SelfAlert};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Handles every connection with `handle`, as long as the runtime lives.
async fn serve<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    address
}

/// What comes next; nothing where the other side is gone.
async fn read(stream: &TcpStream) -> Vec<u8> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        stream.readable().await.unwrap();
        match stream.try_read(&mut buffer) {
            Ok(length) => break buffer[..length].to_vec(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break Vec::new(),
        }
    }
}

/// Reads a request; its body.
async fn request(stream: &TcpStream) -> String {
    let mut text = String::new();
    loop {
        let more = read(stream).await;
        text += std::str::from_utf8(&more).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if more.is_empty() || body.len() >= length.parse().unwrap() {
            return body.to_owned();
        }
    }
}

/// Writes `text`, little enough for the kernel to take at once; whether the other side is there.
fn write(stream: &TcpStream, text: &[u8]) -> bool {
    stream.try_write(text).is_ok_and(|written| written == text.len())
}

/// Says `head` at once, and then a byte a second for as long as somebody listens.
async fn drip(stream: TcpStream, head: &'static str) {
    request(&stream).await;
    let mut is_there = write(&stream, head.as_bytes());
    while is_there {
        sleep(SECOND).await;
        is_there = write(&stream, b"x");
    }
}

/// Says nothing and does not go away.
async fn silence(stream: TcpStream) {
    while !read(&stream).await.is_empty() {}
}

/// One attempt at `sink`; what became of it, and the seconds that took.
async fn attempt(sink: Sink) -> (Outcome, u64) {
    let start = Instant::now();
    (send_test(&sink, "seal-07").await, start.elapsed().as_secs())
}

fn unreachable(reason: &str) -> Outcome {
    Outcome::Retry { after: None, reason: reason.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_fifteen_seconds_in_all() {
    let late = (unreachable("timeout: timed out waiting for the reply"), 15);
    let silent = serve(silence).await;
    assert_eq!(attempt(webhook("ops", &format!("http://{silent}{CANARY}"))).await, late);
    // Every byte is progress, and none of them buys time.
    let head = serve(|stream| drip(stream, "HTTP/1.1 200 Told\r\nx-slow: ")).await;
    assert_eq!(attempt(webhook("ops", &format!("http://{head}{CANARY}"))).await, late);
    let body = serve(|stream| drip(stream, "HTTP/1.1 200 Told\r\ncontent-length: 100\r\n\r\n")).await;
    let body = format!("http://{body}{CANARY}");
    assert_eq!(attempt(webhook("ops", &body)).await, (Outcome::Delivered, 15), "its status says all");
    assert_eq!(attempt(slack("chat", &body)).await, (unreachable("the reply was cut off"), 15));
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_five_seconds_tls_included() {
    let late = (unreachable("timeout: timed out connecting"), 5);
    // A queue of connections that is full: the kernel drops whoever else knocks.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let full = listener.local_addr().unwrap();
    let wait = Duration::from_millis(500);
    let waiting: Vec<_> =
        std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&full, wait).ok()).collect();
    assert_eq!(attempt(webhook("ops", &format!("http://{full}{CANARY}"))).await, late);
    drop((waiting, listener));
    let silent = serve(silence).await;
    assert_eq!(attempt(webhook("ops", &format!("https://{silent}{CANARY}"))).await, late);
}

/// A portal answers in place of Slack until somebody logs in there, and Slack itself then refuses one.
#[tokio::test(flavor = "multi_thread")]
async fn a_200_that_is_no_success_delivers_nothing() {
    let chat = receiver(|_, number| {
        let body = ["<html>Log in</html>", "no_text"].get(number).copied().unwrap_or("ok");
        Answer::Reply(200, vec![], body.to_owned())
    });
    let outbox = Outbox::with(&[("chat", "a", 1), ("chat", "a", 2), ("chat", "a", 3)]);
    let delivery = outbox.start(vec![slack("chat", &chat.url(CANARY))]);
    let got = wait_for(&chat, 4).await;
    let counts = delivery.stop().await;
    assert_eq!(got[0].body, got[1].body, "what the portal took comes again");
    assert_eq!((counts[0].delivered, counts[0].retried, counts[0].refused), (2, 1, 1));
    assert_eq!((outbox.store.waiting("chat").unwrap(), outbox.store.dead("chat").unwrap()), (0, 1));
}

/// Speaks first, and something else than TLS or HTTP.
async fn babble(stream: TcpStream) {
    write(&stream, b"SSH-2.0-OpenSSH_9.6\r\n");
    silence(stream).await;
}

/// Goes away once it was asked.
async fn cut(stream: TcpStream) {
    request(&stream).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_reached_is_told_by_its_class_after_five_minutes() {
    LazyLock::force(&LOG);
    let (silent, babbling, cutting) = (serve(silence).await, serve(babble).await, serve(cut).await);
    let sinks = [
        ("no-listener", "refused: ", "http://127.0.0.1:1".to_owned()),
        ("no-answer", "timeout: timed out waiting for the reply", format!("http://{silent}")),
        ("no-handshake", "timeout: timed out connecting", format!("https://{silent}")),
        ("no-tls", "tls: ", format!("https://{babbling}")),
        ("no-http", "connection: ", format!("http://{babbling}")),
        ("no-reply", "connection: ", format!("http://{cutting}")),
    ];
    let outbox = Outbox::with(&sinks.each_ref().map(|&(name, ..)| (name, "a", 1)));
    let webhooks = sinks.iter().map(|(name, _, url)| webhook(name, &format!("{url}{CANARY}"))).collect();
    let telemetry = Telemetry::default();
    let delivery = Delivery::start(outbox.store.clone(), webhooks, &telemetry).unwrap();
    sleep(5 * MINUTE).await;
    assert_eq!(telemetry.take_self_alerts(), [], "not before it has lasted");
    // The attempt after that may be the last to wait five minutes for.
    sleep(6 * MINUTE).await;
    delivery.stop().await;
    let told = telemetry.take_self_alerts();
    for (name, reason, _) in &sinks {
        let is_it = |self_alert: &&SelfAlert| self_alert.fields["sink"] == *name;
        let told = told.iter().find(is_it).unwrap_or_else(|| panic!("{name}: {told:?}"));
        assert_eq!((told.kind, told.resolved), (Kind::SinkFailing, false));
        assert_eq!(Some(&*told.fields["cause"]), reason.split(':').next());
        let said = told.fields["reason"].strip_prefix(reason);
        assert!(said.is_some_and(|cause| reason.ends_with(": ") != cause.is_empty()), "{told:?}");
        let line = format!("sink=\"{name}\"");
        let warned = format!("message not delivered, will be tried again: {}", told.fields["reason"]);
        let log = LOG.text();
        let lines: Vec<_> = log.lines().filter(|it| it.contains(&line) && it.contains(" WARN ")).collect();
        assert!(lines.len() == 1 && lines[0].contains(&warned), "{lines:?}");
        assert_eq!(outbox.store.waiting(name).unwrap(), 1);
    }
    assert!(!format!("{told:?} {}", LOG.text()).contains("canary"));
}

/// A receiver that is away for a day, in three ways, and then takes everything.
#[derive(Clone)]
struct Away {
    since: Instant,
    /// When somebody knocked in vain.
    knocks: Arc<Mutex<Vec<Instant>>>,
    /// What came once it was back.
    got: Arc<Mutex<Vec<serde_json::Value>>>,
}

impl Away {
    fn new() -> Away {
        Away { since: Instant::now(), knocks: Arc::default(), got: Arc::default() }
    }

    async fn answer(self, stream: TcpStream) {
        let body = request(&stream).await;
        let now = Instant::now();
        let reply = match now.duration_since(self.since).as_secs() / HOUR.as_secs() {
            24.. => {
                self.got.lock().unwrap().push(serde_json::from_str(&body).unwrap());
                "HTTP/1.1 204 Told\r\nconnection: close\r\n\r\n"
            }
            hour => {
                self.knocks.lock().unwrap().push(now);
                match hour {
                    0..8 => "HTTP/1.1 503 Told\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
                    8..16 => return,
                    _ => return silence(stream).await,
                }
            }
        };
        write(&stream, reply.as_bytes());
    }
}

/// Puts in `batch` once an hour for a day without a receiver, then waits until nothing is left.
async fn a_day_away(sink: &str, batch: impl Fn(u64) -> Vec<(String, u64)>) -> (Away, Vec<usize>) {
    let away = Away::new();
    let seen = away.clone();
    let address = serve(move |stream| seen.clone().answer(stream)).await;
    let (outbox, telemetry) = (Outbox::with(&[]), Telemetry::default());
    let sinks = vec![webhook(sink, &format!("http://{address}{CANARY}"))];
    let delivery = Delivery::start(outbox.store.clone(), sinks, &telemetry).unwrap();
    let mut waiting = Vec::new();
    for hour in 0..24 {
        let batch = batch(hour);
        let batch: Vec<_> = batch.iter().map(|(alert, sequence)| (sink, &**alert, *sequence)).collect();
        outbox.put(&batch);
        delivery.notifier().notify();
        sleep(HOUR).await;
        waiting.push(outbox.store.waiting(sink).unwrap());
    }
    let back = Instant::now();
    while outbox.store.waiting(sink).unwrap() > 0 {
        sleep(SECOND).await;
    }
    assert!(back.elapsed() < 6 * MINUTE, "it is noticed by the next attempt, and nothing waits longer");
    let counts = delivery.stop().await;
    assert_eq!((counts[0].refused, outbox.store.dead(sink).unwrap()), (0, 0));
    let told = telemetry.take_self_alerts();
    let failing: Vec<_> = told.iter().filter(|it| it.kind == Kind::SinkFailing).collect();
    assert!(!failing[0].resolved && failing.last().unwrap().resolved, "{failing:?}");
    (away, waiting)
}

#[tokio::test(start_paused = true)]
async fn a_day_without_a_receiver_loses_nothing_and_its_attempts_are_few() {
    let alerts = ["a", "b", "c", "d", "e"];
    let hourly = |hour| alerts.iter().map(|alert| (alert.to_string(), hour + 1)).collect();
    let (away, waiting) = a_day_away("away", hourly).await;
    assert_eq!(waiting.last(), Some(&(24 * alerts.len())));
    let knocks = away.knocks.lock().unwrap();
    println!("a day without a receiver: {} attempts", knocks.len());
    // Half of five minutes apart on average, and the first ones closer. 24 h of it spread by 14 or so.
    assert!((300..750).contains(&knocks.len()), "{} attempts", knocks.len());
    let longest = knocks.windows(2).map(|two| two[1].duration_since(two[0])).max().unwrap();
    assert!(longest <= 5 * MINUTE + 16 * SECOND, "{longest:?}");

    let got = away.got.lock().unwrap();
    assert_eq!(got.len(), 24 * alerts.len(), "each once");
    for alert in alerts {
        let of_it = got.iter().map(|event| &event["data"]).filter(|data| data["fingerprint"] == alert);
        let sequences: Vec<_> = of_it.map(|data| data["sequence"].as_u64().unwrap()).collect();
        assert_eq!(sequences, (1..=24).collect::<Vec<_>>(), "{alert}");
    }
}

/// Findings that all events tell of.
fn findings(got: &[serde_json::Value]) -> u64 {
    let told = |event: &serde_json::Value| {
        let data = &event["data"];
        data["findings"].as_u64().or(data["new"].as_u64()).unwrap()
    };
    got.iter().map(told).sum()
}

#[tokio::test(start_paused = true)]
async fn a_day_without_a_receiver_is_told_by_digests_where_it_was_too_much() {
    let hourly = |hour| (0..450).map(|number| (format!("{hour}-{number}"), 1)).collect();
    let (away, waiting) = a_day_away("full", hourly).await;
    assert!(waiting.iter().all(|&rows| rows <= 10_000), "{waiting:?}");
    let got = away.got.lock().unwrap();
    assert!(got.len() < 2_000, "{} messages", got.len());
    assert_eq!(findings(&got), 24 * 450, "every finding is told once");
}

/// Of five backends two are gone: in no order, four requests of ten fail. By the clock of the test, which stands while
/// somebody works, only what waits takes time.
#[tokio::test(start_paused = true)]
async fn a_receiver_of_which_a_part_is_down_gets_fifty_messages_a_second_in_order() {
    const ALERTS: usize = 100;
    let arrived: Arc<Mutex<Vec<(String, u64)>>> = Arc::default();
    let (seen, requests) = (arrived.clone(), Arc::new(Mutex::new(0_u64)));
    let address = serve(move |stream| {
        let (seen, requests) = (seen.clone(), requests.clone());
        async move {
            let body = request(&stream).await;
            let number = {
                let mut requests = requests.lock().unwrap();
                *requests += 1;
                *requests
            };
            let is_down = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 10 < 4;
            let reply = if is_down { "503 Gone\r\ncontent-length: 0" } else { "204 Told" };
            if !is_down {
                let event: serde_json::Value = serde_json::from_str(&body).unwrap();
                let data = &event["data"];
                let fingerprint = data["fingerprint"].as_str().unwrap().to_owned();
                seen.lock().unwrap().push((fingerprint, data["sequence"].as_u64().unwrap()));
            }
            write(&stream, format!("HTTP/1.1 {reply}\r\nconnection: close\r\n\r\n").as_bytes());
        }
    })
    .await;
    let names: Vec<String> = (0..ALERTS).map(|number| format!("alert-{number}")).collect();
    let messages: Vec<_> = (1..=3)
        .flat_map(|sequence| names.iter().map(move |name| ("partly", name.as_str(), sequence)))
        .collect();
    let outbox = Outbox::with(&messages);
    let delivery = outbox.start(vec![webhook("partly", &format!("http://{address}{CANARY}"))]);
    let start = Instant::now();
    let mut first_hundred = None;
    while outbox.store.waiting("partly").unwrap() > 0 {
        sleep(Duration::from_millis(100)).await;
        if first_hundred.is_none() && arrived.lock().unwrap().len() >= ALERTS {
            first_hundred = Some(start.elapsed());
        }
    }
    let counts = delivery.stop().await;
    println!("{:?} for the first hundred, {:?} for all; {counts:?}", first_hundred.unwrap(), start.elapsed());
    assert!(counts[0].retried > 100 && counts[0].refused == 0, "{counts:?}");
    assert!(first_hundred.unwrap() <= 2 * SECOND, "{first_hundred:?}");
    let arrived = arrived.lock().unwrap();
    for name in &names {
        let of_it: Vec<u64> = arrived
            .iter()
            .filter(|(fingerprint, _)| fingerprint == name)
            .map(|(_, sequence)| *sequence)
            .collect();
        assert_eq!(of_it, [1, 2, 3], "{name}");
    }
}
