//! Alerts that are printed.

use rustix::process::Signal;

use crate::program::{Running, sealtail};
use crate::rig::Rig;
use crate::schema::Schema;

fn watch(rig: &Rig, arguments: &[&str]) -> Running {
    let mut command = sealtail();
    command.env("TMPDIR", rig.path("log")).arg("watch").arg(rig.path("worker.log")).args(arguments);
    Running::start(command)
}

fn rig() -> Rig {
    let rig = Rig::new();
    crate::rig::Log::create(&rig.path("worker.log")).fail(1..4);
    rig
}

#[test]
fn as_json() {
    let rig = rig();
    let running = watch(&rig, &["--from-start", "--json"]);
    running.wait_for_stdout(3);
    let ran = running.end(Signal::TERM);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let schema = Schema::of("alert.v1");
    let alerts = ran.json();
    alerts.iter().for_each(|alert| schema.check(alert));
    let pids: Vec<_> = alerts.iter().map(|alert| alert["group"]["child_pid"].as_str().unwrap()).collect();
    assert_eq!(pids, ["1", "2", "3"]);
}

#[test]
fn as_json_beside_a_sink() {
    let rig = rig();
    let url = rig.inbox.url();
    let state = rig.path("state");
    let arguments = ["--from-start", "--json", "--webhook", &url, "--state-dir", state.to_str().unwrap()];
    let running = watch(&rig, &arguments);
    running.wait_for_stdout(3);
    let sent: Vec<_> = rig.inbox.until_pid(3).iter().map(|event| event.data.clone()).collect();
    assert_eq!(running.end(Signal::TERM).json(), sent);
}

/// Without a sink alerts are for who looks on, and no state stays behind.
#[test]
fn as_text() {
    let rig = rig();
    let running = watch(&rig, &["--from-start", "--lang", "zh"]);
    running.wait_for_stdout(30);
    let ran = running.end(Signal::INT);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for part in ["外部处理器", "venus-cluster/ext-unmarshal-response", "worker.log:2", "child_pid=1"] {
        assert!(ran.stdout.contains(part), "{part:?} is not in\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\x1b'));
    let left: Vec<_> = std::fs::read_dir(rig.path("log")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn to_a_reader_that_goes_away() {
    let rig = rig();
    let mut command = sealtail();
    command.arg("watch").arg(rig.path("worker.log")).args(["--from-start", "--json"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("ERROR"), "{stderr}");
}
