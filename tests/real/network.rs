//! Networks that are cut, have no way or swallow what is sent.
//!
//! The test runs itself again in namespaces that it may change. There the receiver stands, and the program
//! runs in a box of its own at the other end of a cable.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::receiver::{Answer, Got, Receiver};
use crate::rig::{Figures, Rig, Watching};
use crate::skip;
use crate::tally::Layout;
use crate::writer::open;

/// A box, and a cable from the receiver to it.
const NETWORK: &str = "mount -t tmpfs none /run && ip link set lo up && ip netns add box \
    && ip link add here type veth peer name there netns box \
    && ip address add 10.77.0.1/24 dev here && ip link set here up \
    && ip -n box address add 10.77.0.2/24 dev there && ip -n box link set there up";
const RECEIVER: &str = "10.77.0.1";

/// Is set where the network stands.
const INSIDE: &str = "SEALTAIL_TEST_NETWORK";

/// Namespaces of one's own, and a shell that makes the network and then becomes what it is told.
fn unshare(then: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c"]);
    command.arg(format!("{NETWORK} && {then}")).arg("sh");
    command
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

#[test]
#[ignore = "needs ip, user namespaces, and time"]
fn alerts_arrive_once_the_network_is_back() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    match unshare("true").output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => skip!("no network of its own: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => skip!("unshare: {error}"),
    }
    let mut again = unshare("exec \"$@\"");
    again.arg(std::env::current_exe().unwrap()).args(["--exact", "--include-ignored", "--nocapture"]);
    again.arg("network::alerts_arrive_once_the_network_is_back");
    assert!(again.env(INSIDE, "1").status().unwrap().success());
}

/// What happens to the network, what puts that right, and the class of what follows.
const TROUBLES: [(&str, &str, &str, &str); 2] = [
    ("no way", "-n box route del 10.77.0.0/24", "-n box route add 10.77.0.0/24 dev there", "no-route: "),
    (
        // Frames for a station that there is not: nothing ever answers.
        "a black hole",
        "-n box neighbour replace 10.77.0.1 lladdr 02:00:00:00:00:01 dev there nud permanent",
        "-n box neighbour del 10.77.0.1 dev there",
        "timeout: timed out connecting",
    ),
];

fn inside() {
    const LINES: u64 = TROUBLES.len() as u64 + 1;
    let figures = Figures::of("no way, a black hole, a cable cut");
    let is_cut = Arc::new(AtomicBool::new(false));
    let cut = is_cut.clone();
    // The first request about the last line gets no answer.
    let receiver = Receiver::start_at(RECEIVER, move |got, _| {
        if is_of(got, LINES - 1) && !cut.swap(true, Ordering::SeqCst) {
            Answer::Hang
        } else {
            Answer::status(204)
        }
    });
    let rig = Rig::new();
    let url = receiver.url("/hook");
    rig.add(&format!("[[sink.webhook]]\nname = \"far\"\nurl = \"{url}\"\nsignatures = [\"real/rows\"]\n"));
    let (layout, mut log) = (Layout { width: 1 }, open(&rig.path("log/worker.log")));
    let watching = rig.watch_under(&["ip", "netns", "exec", "box"]);
    let wait_for_row = |row| {
        let got = || receiver.got().iter().filter(|got| is_of(got, row)).count();
        let attempts = if row == LINES - 1 { 2 } else { 1 };
        watching.wait("the alert arrives", |_| got() >= attempts);
        assert_eq!(got(), attempts, "once, and once more what was cut off");
    };
    let said = |watching: &Watching, what: &str| watching.log().matches(what).count();
    for (row, (name, harm, mend, class)) in (0..).zip(TROUBLES) {
        ip(harm);
        log.write_all(layout.line(row).as_bytes()).unwrap();
        watching.wait(name, |watching| said(watching, &format!("will be tried again: {class}")) == 1);
        ip(mend);
        wait_for_row(row);
        watching.wait("it is well", |watching| said(watching, "reachable again") == row as usize + 1);
    }
    log.write_all(layout.line(LINES - 1).as_bytes()).unwrap();
    watching.wait("it was asked", |_| is_cut.load(Ordering::SeqCst));
    ip("link set here down");
    let late = "will be tried again: timeout: timed out waiting for the reply";
    watching.wait("it gives up", |watching| said(watching, late) == 1);
    ip("link set here up");
    wait_for_row(LINES - 1);
    let ids: BTreeSet<_> = receiver.got().iter().filter(|got| is_of(got, LINES - 1)).map(id).collect();
    assert_eq!(ids.len(), 1, "a receiver that saw it knows it again");
    watching.settle(0..LINES, layout);
    let (tally, log) = watching.stop();
    assert_eq!(figures.lines(&tally, 0..LINES, layout), (0, 0), "{log}");
}

/// Whether a request tells that there was a finding in this row.
fn is_of(got: &Got, row: u64) -> bool {
    let data = &got.json()["data"];
    data["status"] == "firing" && data["group"]["row"].as_str() == Some(&row.to_string())
}

fn id(got: &Got) -> Option<String> {
    got.header("webhook-id").map(str::to_owned)
}
