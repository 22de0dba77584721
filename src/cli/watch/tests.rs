//! What becomes of a `watch` whose parts break.

use std::fs;

use clap::Parser as _;

use super::super::{Cli, Command};
use super::*;
use crate::alert::{Alert, Message};
use crate::store::{Due, Row};
use crate::watch::POISON;

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
    let (desk, log) = (Desk::default(), folder.path().join("worker.log"));
    let mut signals = Signals::new().unwrap();
    let mut text = String::new();
    let watching = async { supervise(&args, &mut signals, &desk).await };
    let breaking = async {
        for pid in 1..=4 {
            text += &failure(pid);
            fs::write(&log, &text).unwrap();
            // The failures, and one alert that reading broke.
            let waiting = u64::from(pid) + u64::from(pid > 1);
            let waits = || desk.meter().outbox().get("ops").map_or(0, |kept| kept.waiting);
            while waits() < waiting {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            desk.pulse().break_reading();
        }
    };
    let both = async { tokio::join!(watching, breaking).0 };
    let ended = tokio::time::timeout(PATIENCE, both).await.expect("neither began again nor ended");
    assert_eq!(ended.unwrap_err().to_string(), "reading broke");
    let told = told(folder.path());
    let mut pids: Vec<&str> =
        told.iter().filter_map(|alert| Some(alert.group.get("child_pid")?.as_str())).collect();
    // Those that were tried already wait a random time.
    pids.sort_unstable();
    assert_eq!(pids, ["1", "2", "3", "4"], "each once");
    let own = told.iter().filter(|alert| alert.signature == "sealtail/part-restarted");
    let own: Vec<_> = own.map(|alert| (alert.group["part"].as_str(), alert.record.as_str())).collect();
    assert_eq!(own, [("reading", "reading broke and is begun again from the last commit, restart 1")]);
    assert_eq!(desk.meter().complaints(), [("sealtail/part-restarted", 3)]);
    assert_eq!(desk.meter().reloads.get(), 1);
}

/// Two records of one chunk break what comes behind the engine, each as often as it is read.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_breaks_reading_behind_the_engine_is_passed_over_and_told_as_lost() {
    let (folder, args) = rig();
    let (desk, log) = (Desk::default(), folder.path().join("worker.log"));
    let mut signals = Signals::new().unwrap();
    let poison = failing(2, POISON);
    let text = [failure(1), poison.clone(), failure(3), poison.clone(), failure(5)].concat();
    fs::write(&log, text).unwrap();
    let watching = async { supervise(&args, &mut signals, &desk).await };
    let breaking = async {
        // Three failures, that reading broke, and that bytes are lost.
        let waits = || desk.meter().outbox().get("ops").map_or(0, |kept| kept.waiting);
        while waits() < 5 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        // It was begun again twice; after a third time the program ends.
        let broke = || desk.meter().complaints().contains(&("sealtail/part-restarted", 3));
        desk.pulse().break_reading();
        while !broke() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        desk.pulse().break_reading();
    };
    let both = async { tokio::join!(watching, breaking).0 };
    let ended = tokio::time::timeout(PATIENCE, both).await.expect("it did not go on");
    assert_eq!(ended.unwrap_err().to_string(), "reading broke");
    let told = told(folder.path());
    let mut pids: Vec<&str> =
        told.iter().filter_map(|alert| Some(alert.group.get("child_pid")?.as_str())).collect();
    // Those that were tried already wait a random time.
    pids.sort_unstable();
    assert_eq!(pids, ["1", "3", "5"], "each once, and none that breaks");
    assert_eq!(told.iter().filter(|alert| alert.signature == "sealtail/bytes-lost").count(), 1);
    assert_eq!(
        desk.meter().lost_bytes.get(),
        3 * poison.trim_end().len() as u64,
        "the first by each session"
    );
}
