//! What others may ask over HTTP, and what they may not.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;

use crate::disk_limit;
use crate::inbox::Inbox;
use crate::program::{PATIENCE, Running};
use crate::receiver::Answer;
use crate::rig::{Rig, sink, stop, swap};
use crate::schema::Schema;

pub const OPEN: &str = "[http]\nlisten = \"127.0.0.1:0\"\n";

/// Where it listens, once it says so for the `times`th time.
pub fn address(running: &Running, times: usize) -> String {
    let words = "metrics and health at http://";
    running.wait_for_stderr(words, times);
    // The line may not be whole yet.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = running.stderr();
        let line = said.split(words).nth(times).unwrap();
        if let Some((address, _)) = line.split_once('\n') {
            // Colours may follow.
            return address.split('\u{1b}').next().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "{said}");
        std::thread::yield_now();
    }
}

/// The whole answer to a request as it is written here.
fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Status and body.
fn get(address: &str, path: &str) -> (u16, String) {
    let answer = exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Asks until the answer is what it must become.
pub fn until(address: &str, path: &str, what: &str, enough: impl Fn(u16, &str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, body) = get(address, path);
        if enough(status, &body) {
            return body;
        }
        assert!(Instant::now() < deadline, "{what} did not come: {status}\n{body}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The number of one line of the metrics.
pub fn number(metrics: &str, name: &str) -> Option<f64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(value.parse().unwrap())
}

#[test]
fn numbers_and_health_of_a_watch_at_work() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + OPEN));
    rig.log("worker.log").fail(1..4);
    let running = rig.watch();
    let address = address(&running, 1);
    until(&address, "/readyz", "ready", |status, _| status == 200);
    drop(rig.inbox.until_pid(3));
    let ops = "sealtail_sink_messages_total{sink=\"ops\",outcome=\"delivered\"}";
    // Levels are taken once a second.
    let metrics = until(&address, "/metrics", "three deliveries", |_, body| {
        number(body, ops) == Some(3.0)
            && number(body, "sealtail_outbox_messages{sink=\"ops\"}") == Some(0.0)
            && number(body, "sealtail_source_lag_bytes{source=\"worker\"}") == Some(0.0)
            && number(body, "sealtail_source_files{source=\"worker\"}") == Some(1.0)
    });
    for (name, expected) in [
        ("sealtail_findings_total", 3.0),
        ("sealtail_records_total{source=\"worker\",level=\"ERROR\"}", 3.0),
        // Of the four the last may go on.
        ("sealtail_records_total{source=\"worker\",level=\"INFO\"}", 3.0),
        ("sealtail_healthy", 1.0),
        ("sealtail_ready", 1.0),
        ("sealtail_state_failing", 0.0),
        ("sealtail_configurations_total{outcome=\"taken\"}", 1.0),
        ("sealtail_sink_parked{sink=\"ops\"}", 0.0),
    ] {
        assert_eq!(number(&metrics, name), Some(expected), "{name}\n{metrics}");
    }
    assert_eq!(get(&address, "/healthz"), (200, "ok\n".to_owned()));
    stop(running);
}

/// The reading side hands the open alerts over when somebody asks.
#[test]
fn the_status_page_is_red_while_an_error_is_open_and_leads_to_its_runbook() {
    let rig = Rig::new();
    let lost = "[[source]]\nname = \"lost\"\npaths = [\"nowhere/*.log\"]\n";
    rig.configure(&(rig.settings() + OPEN + lost));
    rig.log("worker.log").fail(1..4);
    let running = rig.watch();
    let address = address(&running, 1);
    drop(rig.inbox.until_pid(3));
    let page = until(&address, "/", "three open alerts", |_, body| {
        // Sources are measured once a second.
        body.contains("Open alerts: 3") && body.contains("<td>worker</td>")
    });
    for expected in [
        "<h1>seal-07</h1>",
        "<div class=\"verdict red\"><b>Something is wrong</b>",
        "<li class=\"red\">3 open alerts of severity error</li>",
        "<li class=\"amber\">source lost has named no file for ",
        "<p>seal-07 · worker · 3</p>",
        "<tr><td>worker</td><td>1</td><td>0</td>",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
    let link = page.split("<a href=\"").find_map(|rest| rest.strip_prefix("pages/")).unwrap();
    let link = format!("/pages/{}", link.split('"').next().unwrap());
    assert_eq!(link, "/pages/venus-cluster/ext-unmarshal-response?lang=en");
    let (status, runbook) = get(&address, &link);
    assert!(status == 200 && runbook.contains("<h2>What to do</h2>"), "{status} {runbook}");
    let (_, runbook) = get(&address, &link.replace("=en", "=zh"));
    assert!(runbook.contains("<h2>处理</h2>"), "{runbook}");
    assert_eq!(get(&address, "/pages/venus-cluster/none").0, 404);
    let chinese = format!("GET / HTTP/1.1\r\nHost: {address}\r\nAccept-Language: zh-CN,zh;q=0.9\r\n\r\n");
    assert!(exchange(&address, &chinese).contains("<b>出现问题</b>"));
    stop(running);
}

#[test]
fn open_alerts_and_the_status_are_json_by_their_schemas() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + OPEN));
    rig.log("worker.log").fail(1..4);
    let running = rig.watch();
    let address = address(&running, 1);
    drop(rig.inbox.until_pid(3));
    let told = |_: u16, body: &str| body.contains("\"open\":3");
    let alerts = until(&address, "/api/v1/alerts", "three open alerts", told);
    let alerts: serde_json::Value = serde_json::from_str(&alerts).unwrap();
    Schema::of("alerts.v1").check(&alerts);
    let pids: Vec<_> = alerts["alerts"].as_array().unwrap().iter().map(|alert| &alert["group"]).collect();
    assert_eq!(pids.len(), 3, "{pids:?}");
    let (_, chinese) = get(&address, "/api/v1/alerts?lang=zh");
    let chinese: serde_json::Value = serde_json::from_str(&chinese).unwrap();
    Schema::of("alerts.v1").check(&chinese);
    assert_eq!(chinese["alerts"][0]["lang"], "zh");
    let (_, status) = get(&address, "/api/v1/status");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    Schema::of("status.v1").check(&status);
    assert_eq!((&status["verdict"], &status["open_alerts"]["error"]), (&"red".into(), &3.into()), "{status}");
    stop(running);
}

#[test]
fn what_is_not_asked_rightly_is_refused() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + OPEN));
    let running = rig.watch();
    let address = address(&running, 1);
    for (request, expected) in [
        ("GET /healthz HTTP/1.1\r\nHost: rebound.example\r\n\r\n", "HTTP/1.1 403 "),
        ("GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 403 "),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 "),
        ("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 405 "),
        ("no HTTP at all\r\n\r\n", "HTTP/1.1 400 "),
    ] {
        let answer = exchange(&address, request);
        assert!(answer.starts_with(expected), "{request}\n{answer}");
    }
    let long = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    let mut stream = TcpStream::connect(&address).unwrap();
    // It may be cut off before it has said everything.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    let head = exchange(&address, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    stop(running);
}

#[test]
fn those_that_say_nothing_keep_nobody_out() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + OPEN));
    let running = rig.watch();
    let address = address(&running, 1);
    let mut silent: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for stream in &mut silent {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHo").unwrap();
    }
    assert_eq!(get(&address, "/healthz").0, 200);
    for stream in &mut silent {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Closed, with an answer or without.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 2"));
    }
    stop(running);
}

#[test]
fn a_reload_moves_it_and_a_bad_one_leaves_it() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + OPEN));
    let running = rig.watch();
    let first = address(&running, 1);
    // The same address: another token.
    fs::write(rig.path("token"), "0123456789abcdef").unwrap();
    rig.configure(&(rig.settings() + OPEN + "token_file = \"token\"\n"));
    running.signal(Signal::HUP);
    until(&first, "/healthz", "that a token is asked for", |status, _| status == 401);
    // An address that is taken.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = taken.local_addr().unwrap().to_string();
    let moved = rig.settings() + &swap(OPEN, "127.0.0.1:0", &other);
    rig.configure(&moved);
    running.signal(Signal::HUP);
    running.wait_for_stderr("the running one stays in use", 1);
    assert!(running.stderr().contains(&format!("cannot listen on {other}")), "{}", running.stderr());
    assert_eq!(get(&first, "/healthz").0, 401);
    // It becomes free.
    drop(taken);
    running.signal(Signal::HUP);
    assert_eq!(address(&running, 2), other);
    until(&other, "/healthz", "health", |status, _| status == 200);
    // None at all.
    rig.configure(&rig.settings());
    running.signal(Signal::HUP);
    running.wait_for_stderr("watching worker", 4);
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&other).is_ok() {
        assert!(Instant::now() < deadline, "{other} still listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(running.end(Signal::TERM).status, 0);
}

#[test]
fn the_process_was_started_when_it_was_not_when_it_began_to_listen() {
    let rig = Rig::new();
    let running = rig.watch();
    running.wait_for_stderr("watching worker", 1);
    let later = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    rig.configure(&(rig.settings() + OPEN));
    running.signal(Signal::HUP);
    let (_, metrics) = get(&address(&running, 1), "/metrics");
    let started = number(&metrics, "process_start_time_seconds").unwrap();
    assert!(started < later, "{started} {later}");
    stop(running);
}

#[test]
fn an_address_that_is_taken_is_told_at_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let rig = Rig::new();
    rig.configure(&(rig.settings() + &swap(OPEN, "127.0.0.1:0", &address)));
    let ran = rig.watch().ended();
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains(&format!("cannot listen on {address}")), "{}", ran.stderr);
}

#[test]
fn no_address_of_a_sink_shows() {
    const CANARY: &str = "canary-7f3a9c";
    let rig = Rig::new();
    let gone = Inbox::start(|_, _| Answer::status(404));
    let down = sink("down", &format!("http://127.0.0.1:1/{CANARY}"));
    let gone = sink("gone", &format!("{}/{CANARY}", gone.url()));
    rig.configure(&format!("{}{down}{gone}{OPEN}", rig.settings()));
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    let address = address(&running, 1);
    let metrics = until(&address, "/metrics", "that both fail", |_, body| {
        number(body, "sealtail_sink_parked{sink=\"gone\"}") == Some(1.0)
            && number(body, "sealtail_sink_failing{sink=\"down\"}") == Some(1.0)
            && number(body, "sealtail_outbox_messages{sink=\"down\"}").is_some_and(|waiting| waiting > 0.0)
    });
    assert!(!metrics.contains(CANARY) && !metrics.contains("http://"), "{metrics}");
    assert!(!metrics.contains(&*rig.path("").to_string_lossy()), "no path of a log either\n{metrics}");
    assert_eq!(get(&address, "/healthz").0, 200, "a sink that fails is no fault of sealtail");
    assert_eq!(running.end(Signal::TERM).status, 0);
}

/// The kernel refuses every write to a file of the process, as a disk that is full or read-only does.
#[test]
fn a_state_that_cannot_be_written_is_unhealthy_until_it_can() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + OPEN));
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = disk_limit::watch(&rig);
    let address = address(&running, 1);
    drop(rig.inbox.until_pid(1));
    until(&address, "/healthz", "health", |status, _| status == 200);
    disk_limit::forbid_writes(&running);
    log.fail(2..3);
    let why = until(&address, "/healthz", "that it is unhealthy", |status, _| status == 503);
    assert!(why.starts_with("reading is paused, ") && why.contains("state.redb"), "{why}");
    assert_eq!(why.lines().count(), 1);
    let (_, metrics) = get(&address, "/metrics");
    assert_eq!(number(&metrics, "sealtail_state_failing"), Some(1.0));
    assert_eq!(number(&metrics, "sealtail_healthy"), Some(0.0));
    assert!(number(&metrics, "sealtail_state_refused_commits_total") > Some(0.0));
    disk_limit::allow_writes(&running);
    until(&address, "/healthz", "health again", |status, _| status == 200);
    drop(rig.inbox.until_pid(2));
    assert_eq!(running.end(Signal::TERM).status, 0);
}
