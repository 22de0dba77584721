//! What becomes of a `watch` whose parts panic.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use rustix::process;

use super::*;
use crate::base::secret::Secret;
use crate::correlate::Policy;
use crate::correlate::command::Vars;
use crate::deliver::heartbeat;
use crate::deliver::sink::{Destination, Route, Sink, Webhook};
use crate::detect::Detector;
use crate::model::alert::{Alert, Message};
use crate::signature::{Catalogue, builtin};
use crate::source::tail::{Settings, Start};
use crate::store::{Due, Row};
use crate::watch::{POISON, POISON_LATER};

/// The longest that something which must happen is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with logs, and a sink that nobody answers for: messages stay in the outbox.
struct Rig {
    folder: tempfile::TempDir,
    /// The files to follow; a test changes it before a reload.
    files: Mutex<&'static str>,
    policy: Policy,
    /// Whether there is a heartbeat, which never arrives.
    heartbeat: bool,
}

impl Rig {
    fn new() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        Rig { folder, files: Mutex::new("*.log"), policy: Policy::default(), heartbeat: false }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self) -> Result<Configuration, Failure> {
        let source = Settings {
            name: "worker".to_owned(),
            paths: vec![self.path(*self.files.lock().unwrap()).to_str().unwrap().to_owned()],
            exclude: Vec::new(),
            start: Start::Beginning,
            poll: None,
            hold: Duration::from_millis(20),
        };
        let destination = Destination::Webhook(Webhook { url: Secret::new("http://127.0.0.1:9"), key: None });
        let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
        let setup = Setup {
            state_dir: self.path("state"),
            host: "seal-07".to_owned(),
            detector: Detector::new(catalogue, jiff::tz::TimeZone::UTC)?,
            vars: Vars::default(),
            examine: None,
            policy: self.policy,
            context_lines: 0,
            counts_records: false,
            sources: vec![source],
            sinks: vec![Sink {
                name: "ops".to_owned(),
                route: Route::default(),
                max_per_minute: 0,
                destination,
            }],
        };
        let url = Secret::new("http://127.0.0.1:9/");
        let every = Duration::from_secs(60);
        let heartbeat = self.heartbeat.then_some(heartbeat::Settings { url, every });
        Ok(Configuration { setup, external: ExternalSettings { http: None, heartbeat } })
    }

    async fn watch(&self, signals: &mut Signals, telemetry: &Telemetry) -> Result<(), Failure> {
        let terms = Terms { strict: false, network: false };
        supervise(&|| self.load(), terms, Service::default(), signals, telemetry).await
    }
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
        tokio::time::sleep(Duration::from_millis(10)).await;
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

/// Reading panics once more than it is restarted, with a failure in the log before each panic.
#[tokio::test(flavor = "multi_thread")]
async fn reading_that_panics_is_restarted_from_the_last_commit_until_it_is_too_often() {
    let rig = Rig::new();
    let (telemetry, log) = (Telemetry::default(), rig.path("worker.log"));
    let mut signals = Signals::new().unwrap();
    let watching = async { rig.watch(&mut signals, &telemetry).await };
    let breaking = async {
        for pid in 1..=4 {
            append(&log, &failure(pid));
            // The failures, and one self-alert about the panics.
            let told = u64::from(pid) + u64::from(pid > 1);
            until(|| waiting(&telemetry) >= told).await;
            telemetry.faults().inject("reading");
        }
    };
    let (ended, ()) = tokio::join!(watching, breaking);
    let error = ended.unwrap_err().to_string();
    assert_eq!(
        error,
        "reading panicked; this is a bug in sealtail, please report it; it was restarted too often"
    );
    let told = told(rig.folder.path());
    assert_eq!(pids(&told), [1, 2, 3, 4], "each once");
    let own = told.iter().filter(|alert| alert.signature == "sealtail/part-restarted");
    let own: Vec<_> = own.map(|alert| (alert.group["part"].as_str(), alert.record.as_str())).collect();
    let text = "restarted reading from the last commit (restart 1 of at most 3): reading panicked; \
                this is a bug in sealtail, please report it";
    assert_eq!(own, [("reading", text)]);
    assert_eq!(telemetry.meter().self_alerts(), [("sealtail/part-restarted", 3)]);
    assert_eq!(telemetry.meter().reloads.get(), 1);
}

/// More records of one chunk cause a panic behind the engine than a part may be restarted; the last of them has no line
/// behind it.
#[tokio::test(flavor = "multi_thread")]
async fn every_record_that_makes_reading_panic_behind_the_engine_is_skipped() {
    const BROKEN: [u32; 10] = [2, 3, 4, 5, 6, 9, 12, 15, 18, 20];
    let rig = Rig::new();
    let telemetry = Telemetry::default();
    let mut signals = signals(process::Signal::USR1, process::Signal::HUP);
    let line = |pid| failing(pid, if BROKEN.contains(&pid) { POISON } else { "x" });
    fs::write(rig.path("worker.log"), (1..=20).map(line).collect::<String>()).unwrap();
    let watching = async { rig.watch(&mut signals, &telemetry).await };
    let ending = async {
        // Ten failures, the panics of reading, and the lost bytes.
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
    let store = Store::open(&rig.path("state"), Timestamp::now()).unwrap().store;
    let open = store.alerts().unwrap().into_iter().map(|(_, row)| String::from_utf8(row).unwrap());
    let open: Vec<String> = open.filter(|alert| alert.contains("\"sealtail/bytes-lost\"")).collect();
    assert!(open.len() == 1 && open[0].contains("\"count\":10,"), "{open:?}");
    drop(store);
    let good: Vec<u32> = (1..=20).filter(|pid| !BROKEN.contains(pid)).collect();
    assert_eq!(pids(&told(rig.folder.path())), good, "each once, and none that breaks");
}

/// The message that an alert is over cannot be made, as often as it is due.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_makes_reading_panic_goes_on_without_that_message() {
    let policy = Policy { resolve_after: Duration::from_secs(1), ..Policy::default() };
    let rig = Rig { policy, ..Rig::new() };
    let log = rig.path("worker.log");
    let telemetry = Telemetry::default();
    let mut signals = signals(process::Signal::USR2, process::Signal::HUP);
    append(&log, &(failure(1) + &failing(2, POISON_LATER)));
    let watching = async { rig.watch(&mut signals, &telemetry).await };
    let ending = async {
        // Two failures and the end of one, and a self-alert about the panic that opens and resolves.
        until(|| waiting(&telemetry) >= 5).await;
        append(&log, &failure(3));
        until(|| waiting(&telemetry) >= 7).await;
        send(process::Signal::USR2);
    };
    let (ended, ()) = tokio::join!(watching, ending);
    ended.expect("it goes on");
    assert_eq!(telemetry.meter().self_alerts(), [("sealtail/part-restarted", 1)]);
    assert_eq!(pids(&told(rig.folder.path())), [1, 1, 2, 3, 3], "all but the end of one");
}

/// Reading panics while it ends for a new configuration.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_does_not_hide_a_panic_of_reading() {
    let rig = Rig::new();
    let telemetry = Telemetry::default();
    let mut signals = signals(process::Signal::ALARM, process::Signal::WINCH);
    let watching = async { rig.watch(&mut signals, &telemetry).await };
    let ending = async {
        until(|| telemetry.health().ready().is_ok()).await;
        *rig.files.lock().unwrap() = "*.txt";
        fs::write(rig.path("other.txt"), failure(1)).unwrap();
        telemetry.faults().inject("reading");
        send(process::Signal::WINCH);
        // The other file's failure, and the panic of reading.
        until(|| waiting(&telemetry) >= 2).await;
        send(process::Signal::ALARM);
    };
    let (ended, ()) = tokio::join!(watching, ending);
    ended.expect("it goes on");
    assert_eq!(telemetry.meter().self_alerts(), [("sealtail/part-restarted", 1)]);
    assert_eq!(telemetry.meter().reloads.get(), 2);
    assert_eq!(pids(&told(rig.folder.path())), [1]);
}

/// First the heartbeat panics, and then delivery; the endpoint is restarted like the heartbeat.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_beside_reading_that_panics_is_restarted_and_reported() {
    let rig = Rig { heartbeat: true, ..Rig::new() };
    let log = rig.path("worker.log");
    let telemetry = Telemetry::default();
    let mut signals = signals(process::Signal::URG, process::Signal::HUP);
    telemetry.faults().inject("heartbeat");
    let watching = async { rig.watch(&mut signals, &telemetry).await };
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
    let told = told(rig.folder.path());
    let parts = told.iter().filter(|alert| alert.signature == "sealtail/part-restarted");
    let mut parts: Vec<&str> = parts.map(|alert| alert.group["part"].as_str()).collect();
    parts.sort_unstable();
    assert_eq!(parts, ["delivery", "the heartbeat"]);
    assert_eq!(pids(&told), [1]);
}
