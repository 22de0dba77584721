//! Addresses and keys of sinks are passwords: they show nowhere.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;

use crate::program::{Running, sealtail};
use crate::receiver::{Answer, Receiver};
use crate::rig::{Rig, sink};

const CANARY: &str = "canary-7f3a9c";

fn assert_silent(text: &str) {
    for secret in [CANARY, &STANDARD.encode(CANARY)] {
        assert!(!text.contains(secret), "{secret:?} shows in\n{text}");
    }
}

#[test]
fn in_whatever_goes_wrong() {
    // Every way to fail, and then it works.
    let receiver = Receiver::start(|got, number| match number {
        0 => Answer::Reply(503, vec![], got.path.clone()),
        1 => Answer::Cut,
        2 => Answer::with(302, &format!("location: /{CANARY}/elsewhere")),
        3 => Answer::Reply(400, vec![], got.path.clone()),
        _ => Answer::status(200),
    });
    let gone = Receiver::start(|got, _| Answer::Reply(404, vec![], got.path.clone()));
    let rig = Rig::new();
    fs::write(rig.path("url"), receiver.url(&format!("/{CANARY}?token={CANARY}"))).unwrap();
    fs::write(rig.path("secret"), format!("whsec_{}", STANDARD.encode(CANARY))).unwrap();
    let settings = rig.settings();
    let main = format!("url = \"{}\"\n", rig.inbox.url());
    let settings = crate::rig::swap(&settings, &main, "url_file = \"url\"\nsecret_file = \"secret\"\n");
    let slack = format!("[[sink.slack]]\nname = \"chat\"\nurl = \"http://127.0.0.1:1/services/{CANARY}\"\n");
    let down = sink("down", &format!("http://127.0.0.1:1/{CANARY}"));
    let gone = sink("gone", &gone.url(&format!("/{CANARY}")));
    rig.configure(&format!("{settings}{down}{gone}{slack}"));
    rig.log("worker.log").fail(1..6);
    let running = rig.watch_with(&["-vv"]);
    // Some messages are refused for good; the others come in the end.
    receiver.wait_for(6);
    running.wait_for_stderr("message not delivered", 4);
    running.wait_for_stderr("message refused", 2);
    running.wait_for_stderr("sink parked", 1);
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_silent(&ran.stderr);
    assert_silent(&ran.stdout);
    for entry in fs::read_dir(rig.path("state")).unwrap() {
        let path = entry.unwrap().path();
        assert_silent(&path.display().to_string());
        assert_silent(&String::from_utf8_lossy(&fs::read(path).unwrap()));
    }
}

#[test]
fn in_faults_of_the_configuration() {
    let rig = Rig::new();
    fs::write(rig.path("secret"), format!("{CANARY} is no signing secret")).unwrap();
    let secret = "secret_file = \"secret\"\n";
    let sinks = [
        sink("a", &format!("ftp://example.org/{CANARY}")),
        sink("b", &format!("https://user:{CANARY}@example.org/")),
        sink("c", &format!("https:///[{CANARY}")),
        sink("d", "https://example.org/hook") + secret,
    ];
    rig.configure(&(rig.settings() + &sinks.concat()));
    let ran = rig.watch_with(&["-vv"]).ended();
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("4 faults"), "{}", ran.stderr);
    assert_silent(&ran.stderr);
}

#[test]
fn in_arguments() {
    let rig = Rig::new();
    for option in ["--webhook", "--slack"] {
        for url in [CANARY.to_owned(), format!("ftp://example.org/{CANARY}")] {
            let mut command = sealtail();
            command
                .arg("watch")
                .arg(rig.path("log"))
                .args([option, &url])
                .arg("--state-dir")
                .arg(rig.path("state"));
            let ran = Running::start(command).ended();
            assert_eq!(ran.status, 2, "{}", ran.stderr);
            assert!(ran.stderr.contains(option), "{}", ran.stderr);
            assert_silent(&ran.stderr);
        }
    }
}

#[test]
fn in_no_core_dump() {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let most: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    // No more than a byte, which is less than any dump.
    assert!(most.iter().all(|&limit| ["0", "1"].contains(&limit)), "{core}");
    assert_eq!(running.end(Signal::TERM).status, 0);
}

/// Every command that reads the configuration, and what is printed without one.
#[test]
fn in_every_command() {
    let refusing = Receiver::start(|got, _| Answer::Reply(400, vec![], got.path.clone()));
    let rig = Rig::new();
    fs::write(rig.path("url"), refusing.url(&format!("/{CANARY}"))).unwrap();
    fs::write(rig.path("secret"), format!("whsec_{}", STANDARD.encode(CANARY))).unwrap();
    let chat = "[[sink.slack]]\nname = \"chat\"\nurl = \"${CHAT}\"\n";
    let by_file = "[[sink.webhook]]\nname = \"file\"\nurl_file = \"url\"\nsecret_file = \"${KEY_FILE}\"\n";
    let inline = sink("inline", &format!("http://127.0.0.1:1/{CANARY}?key={CANARY}"));
    let start = rig.settings().replace(&sink("ops", &rig.inbox.url()), "");
    rig.configure(&format!("{start}{chat}{by_file}{inline}"));
    rig.log("worker.log").fail(1..3);
    let url = refusing.url(&format!("/services/{CANARY}"));
    let command = |arguments: &[&str], reads: bool| {
        let mut command = sealtail();
        command.args(arguments).env("CHAT", &url).env("KEY_FILE", rig.path("secret"));
        command.env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
        if reads {
            command.arg("--config").arg(rig.path("sealtail.toml"));
        } else {
            command.env("SEALTAIL_CONFIG", rig.path("sealtail.toml"));
        }
        command
    };
    let silent = |arguments: &[&str], reads: bool| {
        let ran = crate::program::ran(command(arguments, reads).output().unwrap());
        assert!(ran.status < 3, "{arguments:?}: {}", ran.stderr);
        assert_silent(&ran.stdout);
        assert_silent(&ran.stderr);
        ran
    };
    let tested = silent(&["-vv", "check", "--send-test"], true);
    assert_eq!(tested.stdout.matches("failed").count(), 3, "{}", tested.stdout);

    let running = Running::start(command(&["-vv", "watch"], true));
    running.wait_for_stderr("message refused", 2);
    // A key that stands twice is refused, and its line shown.
    rig.configure(&format!("{start}{chat}{by_file}{inline}url = \"http://127.0.0.1:1/{CANARY}\"\n"));
    running.signal(Signal::HUP);
    running.wait_for_stderr("the running one stays in use", 1);
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_silent(&ran.stdout);
    assert_silent(&ran.stderr);

    rig.configure(&format!("{start}{chat}{by_file}{inline}"));
    for arguments in [
        &["outbox", "list"][..],
        &["outbox", "list", "--json"],
        &["state", "list"],
        &["doctor"],
        &["doctor", "--json"],
    ] {
        silent(arguments, true);
    }
    for name in
        ["watch", "replay", "check", "explain", "patterns", "outbox", "state", "doctor", "completions", "man"]
    {
        silent(&[name, "--help"], false);
    }
    for arguments in
        [&["--help"][..], &["--version"], &["man"], &["completions", "bash"], &["patterns", "--json"]]
    {
        silent(arguments, false);
    }
}
