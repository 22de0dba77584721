//! What becomes of a `watch` whose parts break.

use std::fs;
use std::io::Write as _;

use clap::Parser as _;
use rustix::process;

use super::super::{Cli, Command};
use super::*;
use crate::model::alert::{Alert, Message};
use crate::store::{Due, Row};
use crate::watch::{POISON, POISON_LATER};

/// The longest that something which must happen is waited for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A folder with a log, and a sink that nobody answers for: what is told stays in the outbox.
fn rig() -> (tempfile::TempDir, WatchArgs) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sealtail.toml");
    let settings = "state_dir = \"state\"\n[[source]]\nname = \"worker\"\npaths = [\"*.log\"]\nstart = \"beginning\"\nhold = \"20ms\"\n\
                    [[sink.webhook]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9\"\nmax_per_minute = 0\n";
    fs::write(&config, settings).unwrap();
    let cli = Cli::parse_from(["sealtail", "watch", "--config", config.to_str().unwrap()]);
    let Command::Watch(args) = cli.command else { panic!() };
    (folder, args)
}

/// Signals of a test's own: every `watch` of this process hears the usual ones.
fn signals(terminate: process::Signal, hang_up: process::Signal) -> Signals {
    let of = |kind: process::Signal| signal(SignalKind::from_raw(kind.as_raw())).unwrap();
    Signals { terminate: of(terminate), hang_up: of(hang_up), ..Signals::new().unwrap() }
}

fn send(signal: process::Signal) {
    process::kill_process(process::getpid(), signal).unwrap();
}

/// Waits until something holds, but not for ever: a test that fails must end what it watches first.
async fn until(holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() && started.elapsed() < PATIENCE {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// How many messages wait for the sink.
fn waiting(telemetry: &Telemetry) -> u64 {
    telemetry.meter().outbox().get("ops").map_or(0, |kept| kept.waiting)
}

/// The pids of the failures that were told, in order: those that were tried already wait a random time.
fn pids(told: &[Alert]) -> Vec<u32> {
    let pids = told.iter().filter_map(|alert| alert.group.get("child_pid")?.parse().ok());
    let mut pids: Vec<u32> = pids.collect();
    pids.sort_unstable();
    pids
}

fn append(log: &Path, text: &str) {
    let mut log = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    log.write_all(text.as_bytes()).unwrap();
}

fn failure(pid: u32) -> String {
    failing(pid, "x")
}

fn failing(pid: u32, text: &str) -> String {
    format!(
        "2022-06-24T14:33:24.5+08:00 ERROR ThreadId(42) vc_processors::core::ext::producer: \
         failed to unmarshal response string: '{text}'. child_pid={pid}\n"
    )
}

/// Everything that waits in the state, in order.
fn told(folder: &Path) -> Vec<Alert> {
    let store = Store::open(&folder.join("state"), Timestamp::now()).unwrap().store;
    let far = Timestamp::now() + PATIENCE * 60;
    let mut told = Vec::new();
    while let Due::Now(row) = store.due("ops", far).unwrap() {
        let Row { seq, letter, .. } = *row;
        let Message::Alert(alert) = letter.message else { panic!("{letter:?}") };
        told.push(*alert);
        store.delivered("ops", seq).unwrap();
    }
    told
}

/// Breaks reading once more than it is begun again, with a failure in the log before each time.
#[tokio::test(flavor = "multi_thread")]
async fn reading_that_breaks_goes_on_from_the_last_commit_and_in_the_end_the_program_ends() {
    let (folder, args) = rig();
    let (telemetry, log) = (Telemetry::default(), folder.path().join("worker.log"));
    let mut signals = Signals::new().unwrap();
    let watching = async { supervise(&args, &mut signals, &telemetry).await };
    let breaking = async {
        for pid in 1..=4 {
            append(&log, &failure(pid));
            // The failures, and one alert that reading broke.
            let told = u64::from(pid) + u64::from(pid > 1);
            until(|| waiting(&telemetry) >= told).await;
            telemetry.faults().inject("reading");
        }
    };
    let (ended, ()) = tokio::join!(watching, breaking);
    assert_eq!(ended.unwrap_err().to_string(), "reading broke");
    let told = told(folder.path());
    assert_eq!(pids(&told), [1, 2, 3, 4], "each once");
    let own = told.iter().filter(|alert| alert.signature == "sealtail/part-restarted");
    let own: Vec<_> = own.map(|alert| (alert.group["part"].as_str(), alert.record.as_str())).collect();
    assert_eq!(own, [("reading", "reading broke and is begun again from the last commit, restart 1")]);
    assert_eq!(telemetry.meter().self_alerts(), [("sealtail/part-restarted", 3)]);
    assert_eq!(telemetry.meter().reloads.get(), 1);
}

/// More records of one chunk break what comes behind the engine than a part is begun again for; the last
/// of them has no line behind it.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_break_reading_behind_the_engine_are_passed_over_however_many_they_are() {
    const BROKEN: [u32; 10] = [2, 3, 4, 5, 6, 9, 12, 15, 18, 20];
    let (folder, args) = rig();
    let telemetry = Telemetry::default();
    let mut signals = signals(process::Signal::USR1, process::Signal::HUP);
    let line = |pid| failing(pid, if BROKEN.contains(&pid) { POISON } else { "x" });
    fs::write(folder.path().join("worker.log"), (1..=20).map(line).collect::<String>()).unwrap();
    let watching = async { supervise(&args, &mut signals, &telemetry).await };
    let ending = async {
        // Ten failures, that reading broke, and that bytes are lost.
        until(|| waiting(&telemetry) >= 12).await;
        until(|| telemetry.meter().gaps.get() >= 10).await;
        send(process::Signal::USR1);
    };
    let (ended, ()) = tokio::join!(watching, ending);
    ended.expect("it goes on");
    let lost = BROKEN.iter().map(|pid| line(*pid).len() as u64).sum::<u64>();
    assert_eq!(
        (telemetry.meter().lost_bytes.get(), telemetry.meter().gaps.get()),
        (lost, 10),
        "each told once"
    );
    assert_eq!(
        telemetry.meter().self_alerts(),
        [("sealtail/bytes-lost", 10), ("sealtail/part-restarted", 10)]
    );
    // It is so in the state as well.
    let store = Store::open(&folder.path().join("state"), Timestamp::now()).unwrap().store;
    let open = store.alerts().unwrap().into_iter().map(|(_, row)| String::from_utf8(row).unwrap());
    let open: Vec<String> = open.filter(|alert| alert.contains("\"sealtail/bytes-lost\"")).collect();
    assert!(open.len() == 1 && open[0].contains("\"count\":10,"), "{open:?}");
    drop(store);
    let good: Vec<u32> = (1..=20).filter(|pid| !BROKEN.contains(pid)).collect();
    assert_eq!(pids(&told(folder.path())), good, "each once, and none that breaks");
}

/// The message that an alert is over cannot be made, as often as it is due.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_breaks_reading_when_it_is_due_goes_on_without_that_message() {
    let (folder, args) = rig();
    let (config, log) = (folder.path().join("sealtail.toml"), folder.path().join("worker.log"));
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, settings + "[alert]\nresolve_after = \"1s\"\n").unwrap();
    let telemetry = Telemetry::default();
    let mut signals = signals(process::Signal::USR2, process::Signal::HUP);
    append(&log, &(failure(1) + &failing(2, POISON_LATER)));
    let watching = async { supervise(&args, &mut signals, &telemetry).await };
    let ending = async {
        // Two failures and the end of one, and that reading broke and did not break again.
        until(|| waiting(&telemetry) >= 5).await;
        append(&log, &failure(3));
        until(|| waiting(&telemetry) >= 7).await;
        send(process::Signal::USR2);
    };
    let (ended, ()) = tokio::join!(watching, ending);
    ended.expect("it goes on");
    assert_eq!(telemetry.meter().self_alerts(), [("sealtail/part-restarted", 1)]);
    assert_eq!(pids(&told(folder.path())), [1, 1, 2, 3, 3], "all but the end of one");
}

/// Reading breaks while it ends for other settings.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_does_not_hide_that_reading_broke() {
    let (folder, args) = rig();
    let config = folder.path().join("sealtail.toml");
    let settings = fs::read_to_string(&config).unwrap();
    let telemetry = Telemetry::default();
    let mut signals = signals(process::Signal::ALARM, process::Signal::WINCH);
    let watching = async { supervise(&args, &mut signals, &telemetry).await };
    let ending = async {
        until(|| telemetry.health().ready().is_ok()).await;
        fs::write(&config, settings.replace("*.log", "*.txt")).unwrap();
        fs::write(folder.path().join("other.txt"), failure(1)).unwrap();
        telemetry.faults().inject("reading");
        send(process::Signal::WINCH);
        // The other file's failure, and that reading broke.
        until(|| waiting(&telemetry) >= 2).await;
        send(process::Signal::ALARM);
    };
    let (ended, ()) = tokio::join!(watching, ending);
    ended.expect("it goes on");
    assert_eq!(telemetry.meter().self_alerts(), [("sealtail/part-restarted", 1)]);
    assert_eq!(telemetry.meter().reloads.get(), 2);
    assert_eq!(pids(&told(folder.path())), [1]);
}

/// The heartbeat breaks while it watches, and then delivery; the endpoint goes the way of the heartbeat.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_beside_reading_that_breaks_is_begun_again_and_told() {
    let (folder, args) = rig();
    let (config, log) = (folder.path().join("sealtail.toml"), folder.path().join("worker.log"));
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(folder.path().join("beat"), "http://127.0.0.1:9/").unwrap();
    fs::write(&config, settings + "[heartbeat]\nurl_file = \"beat\"\n").unwrap();
    let telemetry = Telemetry::default();
    let mut signals = signals(process::Signal::URG, process::Signal::HUP);
    telemetry.faults().inject("heartbeat");
    let watching = async { supervise(&args, &mut signals, &telemetry).await };
    let ending = async {
        until(|| waiting(&telemetry) >= 1).await;
        telemetry.faults().inject("delivery");
        append(&log, &failure(1));
        until(|| waiting(&telemetry) >= 3 && telemetry.meter().heartbeats_failed.get() >= 1).await;
        send(process::Signal::URG);
    };
    let (ended, ()) = tokio::join!(watching, ending);
    ended.expect("it goes on");
    assert!(telemetry.meter().heartbeats_failed.get() >= 1, "it beats again");
    let told = told(folder.path());
    let parts = told.iter().filter(|alert| alert.signature == "sealtail/part-restarted");
    let mut parts: Vec<&str> = parts.map(|alert| alert.group["part"].as_str()).collect();
    parts.sort_unstable();
    assert_eq!(parts, ["delivery", "the heartbeat"]);
    assert_eq!(pids(&told), [1]);
}
