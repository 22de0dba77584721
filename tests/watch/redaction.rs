//! Secrets that stand in a log leave the box in no form, and are not kept on it.

use std::fs;

use crate::program::{failure, healthy};
use crate::rig::{Rig, stop};

const CANARY: &str = "CANARY0123456789ABCD";

/// One of each kind, as logs write them.
fn secrets() -> Vec<String> {
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJBbGxvdyI6WyJyZWFkIl19.@",
        "Authorization: Bearer @",
        r#"piece_token: Some("@")"#,
        r#"piece_token = "@""#,
        r#"{"token": "@"}"#,
        "FULLNODE_API_INFO=@:/ip4/10.0.0.1/tcp/1234/http",
        "http://10.0.0.1:41235/piecestore?token=@",
        "venus-worker --token @",
        "mongodb://user:@@10.0.0.1:27017/sealing",
        "AKIA@",
        "aws_secret_access_key = @",
        "https://hooks.slack.com/services/T0/B0/@",
        "whsec_@",
        "-----BEGIN RSA PRIVATE KEY-----\n@\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n@",
    ]
    .map(|shape| match shape.strip_prefix("mongodb://user:@") {
        Some(host) => format!("mongodb://user:{CANARY}{host}"),
        None => shape.replace('@', CANARY),
    })
    .into()
}

#[test]
fn every_kind_in_record_field_and_context() {
    let rig = Rig::new();
    rig.configure(&(rig.settings() + "[alert]\ncontext_lines = 2\n"));
    let mut log = rig.log("worker.log");
    let secrets = secrets();
    for (pid, secret) in (1..).zip(&secrets) {
        let beside = healthy(pid).replace("well", &format!("well {}", secret.replace('\n', "\\n")));
        log.write(beside + &failure(pid, pid).replace("'x'", &format!("'a' {secret}")));
    }
    log.write(healthy(0));
    let running = rig.watch();
    let count = secrets.len();
    let events = rig.inbox.until("all alerts", |events| events.len() == count);
    for event in events.iter() {
        assert!(!event.got.body.contains(CANARY), "{}", event.got.body);
        assert!(event.text("record").contains("[redacted]"), "{}", event.got.body);
    }
    drop(events);
    stop(running);
    for entry in fs::read_dir(rig.path("state")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let leaks = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!leaks, "{}", path.display());
    }
}
