//! The pipeline of [`Watch`](crate::watch::Watch), over clocks and a disk of tests, and somebody who receives
//! what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::correlate::command::Vars;
use crate::correlate::{Moment, Policy};
use crate::deliver::sink::{Destination, Route, Sink, Webhook};
use crate::detect::Detector;
use crate::model::alert::{Alert, Lang, Message, OutboxMessage, Status};
use crate::model::record::LevelCounts;
use crate::signature::{Catalogue, PageSource, PageText};
use crate::source::contract::Source;
use crate::source::tail::{Settings, Tail};
use crate::store::disk::{Cut, Disk};
use crate::store::{Due, Store};
use crate::telemetry::Telemetry;
use crate::watch::pipeline::{Now, Pipeline, Turn};
use crate::watch::{Quarantine, Setup, files};

/// More turns than any history has; beyond it something is ready for ever.
const TURNS_MAX: usize = 1_000;
const SINK: &str = "ops";

/// Each line is an alert of its own.
const PAGE: &str = r#"# A tank is empty

```toml
severity = "error"
anchors  = ["flux capacitor is empty"]
group_by = ["tank"]

[fields]
tank = 'tank (\d+): the flux'
```

It has to be filled.

## Action

1. Fill it.

## Fires

```log tank=7
2022-06-24T14:33:24.1+08:00 ERROR ThreadId(42) site::flux: tank 7: the flux capacitor is empty
```

## Silent

```log
2022-06-24T14:33:24.1+08:00  INFO ThreadId(42) site::flux: tank 7: the flux capacitor is full
```

## References

- [Manual](https://example.org/flux)
"#;

/// The pages of empty tanks, and of what explains them.
fn catalogue() -> Catalogue {
    let burst = PAGE
        .replace("# A tank is empty", "# A pipe has burst")
        .replace("flux capacitor is empty", "flux pipe has burst")
        .replace("flux capacitor is full", "flux pipe has no leak")
        .replace(
            "\n[fields]",
            "\n[[explains]]\nsignatures = [\"site/flux\"]\nscope = \"host\"\nwithin = \"5s\"\n\n[fields]",
        );
    let source = |name: &str, text: &str| {
        let page = PageText { path: format!("patterns/site/{name}.md"), text: text.to_owned().into() };
        PageSource { pack: "site".to_owned(), name: name.to_owned(), lang: Lang::En, page }
    };
    let (catalogue, faults) = Catalogue::load([source("flux", PAGE), source("burst", &burst)], &[]);
    assert!(faults.is_empty(), "{faults:?}");
    catalogue
}

pub static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::new(catalogue(), TimeZone::UTC).unwrap());

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Takes,
    /// 503: to be tried again soon.
    Fails,
    /// 429: to be tried again later.
    Delays,
    /// Takes it, and the answer does not arrive.
    Cut,
}

/// What a receiver got, each id once.
#[derive(Debug, Default)]
pub struct Inbox {
    letters: BTreeMap<String, OutboxMessage>,
    /// In the order in which they came first.
    pub alerts: Vec<Alert>,
}

impl Inbox {
    fn take(&mut self, letter: &OutboxMessage) {
        if let Some(first) = self.letters.insert(letter.id.clone(), letter.clone()) {
            assert_eq!(first, *letter, "what comes again under its id is the same");
            return;
        }
        match &letter.message {
            Message::Alert(alert) => self.alerts.push((**alert).clone()),
            Message::Digest { .. } => panic!("nothing makes a digest"),
        }
    }

    /// How often each line was found, as told.
    pub fn found(&self) -> BTreeMap<u64, u64> {
        let mut found = BTreeMap::new();
        for alert in &self.alerts {
            *found.entry(tank(alert)).or_default() += alert.new;
        }
        found
    }

    pub fn assert_in_order(&self) {
        let mut last: BTreeMap<u64, (u64, Status)> = BTreeMap::new();
        for alert in &self.alerts {
            let before = last.insert(tank(alert), (alert.sequence, alert.status));
            let goes_on = match before {
                None | Some((_, Status::Resolved)) => alert.sequence == 1,
                Some((sequence, _)) => alert.sequence == sequence + 1,
            };
            assert!(goes_on, "{} after {before:?} of tank {}", alert.sequence, tank(alert));
        }
    }
}

fn tank(alert: &Alert) -> u64 {
    alert.group["tank"].parse().unwrap()
}

/// Makes the source, which takes up the positions of the store.
pub type Make<S> = Box<dyn Fn(&Setup, &Store, Instant) -> S>;

pub struct Follower<S: Source = Tail> {
    setup: Arc<Setup>,
    pub disk: Disk,
    make: Make<S>,
    /// `None` only while it starts.
    pipeline: Option<Pipeline<S>>,
    pub instant: Instant,
    pub wall: Timestamp,
    /// Of the files that are ready, the newest has the first turn, as after a pass that ended before it.
    pub newest_first: bool,
    /// What shows the steady time since the start.
    clock: Clock,
    /// Lines whose alerts the store has.
    pub committed: BTreeSet<u64>,
    pub troubles: Vec<S::Trouble>,
    pub inbox: Inbox,
    /// Records that the runs before counted.
    counted: LevelCounts,
    // Behind the store.
    _state: tempfile::TempDir,
}

fn setup(state: &tempfile::TempDir, sources: Vec<Settings>) -> Arc<Setup> {
    let destination = Destination::Webhook(Webhook { url: Secret::new("http://127.0.0.1/"), key: None });
    let sink = Sink { name: SINK.to_owned(), route: Route::default(), max_per_minute: 0, destination };
    Arc::new(Setup {
        state_dir: state.path().to_owned(),
        host: "seal-07".to_owned(),
        detector: Detector::new(DETECTOR.catalogue().clone(), TimeZone::UTC).unwrap(),
        vars: Vars::default(),
        examine: None,
        policy: Policy::default(),
        context_lines: 2,
        counts_records: true,
        sources,
        sinks: vec![sink],
    })
}

impl Follower {
    /// Follows the files of `settings`.
    pub fn new(settings: Settings, disk: Disk) -> Follower {
        let make = |setup: &Setup, store: &Store, now| files(setup, store, now).unwrap();
        Follower::of(Box::new(make), vec![settings], disk)
    }
}

impl<S: Source> Follower<S> {
    /// Follows what `make` makes.
    pub fn of(make: Make<S>, sources: Vec<Settings>, disk: Disk) -> Follower<S> {
        let state = tempfile::tempdir().unwrap();
        let (instant, wall) = (Instant::now(), Timestamp::from_second(1_700_000_000).unwrap());
        let mut follower = Follower {
            setup: setup(&state, sources),
            disk,
            make,
            pipeline: None,
            instant,
            wall,
            newest_first: false,
            clock: Clock::new(wall, instant),
            committed: BTreeSet::new(),
            troubles: Vec::new(),
            inbox: Inbox::default(),
            counted: LevelCounts::default(),
            _state: state,
        };
        follower.start();
        follower
    }

    /// Takes up where the last run ended.
    fn start(&mut self) {
        let opened = Store::open(&self.setup.state_dir, self.wall).unwrap();
        assert_eq!(opened.recovered, None);
        self.clock = Clock::new(self.wall, self.instant);
        let store = Arc::new(opened.store);
        let source = (self.make)(&self.setup, &store, self.instant);
        let (telemetry, quarantine) = (Telemetry::default(), Quarantine::default());
        let pipeline = Pipeline::new(source, self.setup.clone(), store, telemetry, quarantine, self.instant);
        self.pipeline = Some(pipeline.unwrap());
    }

    fn now(&self) -> Now {
        let steady = self.clock.at(self.instant);
        Now { instant: self.instant, moment: Moment { steady, wall: self.wall } }
    }

    fn pipeline(&mut self) -> &mut Pipeline<S> {
        self.pipeline.as_mut().unwrap()
    }

    /// Records that are counted in the metrics, over all runs.
    pub fn counted(&self) -> LevelCounts {
        let mut counted = self.counted;
        let now =
            self.pipeline.iter().flat_map(|pipeline| pipeline.telemetry.meter().records().into_values());
        now.for_each(|records| counted.join(&records));
        counted
    }

    /// Everything in memory is gone; with `cut`, so is what was not synced.
    pub fn crash(&mut self, cut: Option<Cut>) {
        self.counted = self.counted();
        self.pipeline = None;
        if let Some(cut) = cut {
            self.disk.cut(cut);
        }
        self.start();
    }

    /// A turn so many seconds later; whether it looked at the files.
    pub fn turn(&mut self, seconds: u64, commits: bool) -> bool {
        self.pass(seconds);
        if self.is_refused() && !self.commit() {
            return false;
        }
        self.sweep();
        let now = self.now();
        if self.newest_first {
            let newest = self.pipeline().source.ready(now.instant).into_iter().max();
            self.pipeline().next_turn = newest.unwrap_or_default();
        }
        // A file that waited for another one is ready when that one is read: `watch` comes back at once.
        let goes_on = || {
            let pipeline = self.pipeline();
            pipeline.turn(now, || false) != Turn::Done || !pipeline.source.ready(now.instant).is_empty()
        };
        let turns = std::iter::repeat_with(goes_on).take(TURNS_MAX);
        assert!(turns.take_while(|goes_on| *goes_on).count() < TURNS_MAX, "something is ready for ever");
        self.pipeline().tick(now);
        if commits {
            self.commit();
        }
        true
    }

    pub fn pass(&mut self, seconds: u64) {
        self.instant += Duration::from_secs(seconds);
        self.wall += SignedDuration::from_secs(seconds.try_into().unwrap());
    }

    /// Looks at the files and reads nothing.
    pub fn sweep(&mut self) {
        let now = self.now();
        self.pipeline().hear(now);
        let troubles = self.pipeline().sweep(now.instant);
        self.troubles.extend(troubles);
    }

    pub fn is_refused(&self) -> bool {
        self.pipeline.as_ref().is_some_and(|pipeline| pipeline.refused)
    }

    fn commit(&mut self) -> bool {
        let now = self.now();
        let alert = |message: &Message| match message {
            Message::Alert(alert) => tank(alert),
            Message::Digest { .. } => panic!("nothing makes a digest"),
        };
        let pipeline = self.pipeline();
        let commits = pipeline.handed.iter().chain([&pipeline.pending]);
        let tanks: Vec<u64> =
            commits.flat_map(|commit| &commit.messages).map(|message| alert(&message.message)).collect();
        if !pipeline.commit(now) {
            return false;
        }
        self.committed.extend(tanks);
        true
    }

    /// Sends what is due, up to the first letter that is not acknowledged.
    pub fn deliver(&mut self, mode: Mode) {
        let (store, now) = (self.pipeline().store.clone(), self.now().moment.steady);
        while let Ok(Due::Now(row)) = store.due(SINK, now) {
            if matches!(mode, Mode::Takes | Mode::Cut) {
                self.inbox.take(&row.letter);
            }
            let wait = if mode == Mode::Delays { 600 } else { 1 };
            let next_at = now + SignedDuration::from_secs(wait);
            let settled = match mode {
                Mode::Takes => store.delivered(SINK, row.seq),
                _ => store.postpone(SINK, row.seq, row.attempts + 1, next_at),
            };
            if mode != Mode::Takes || settled.is_err() {
                return;
            }
        }
    }

    /// Time passes until every alert has resolved, and all is delivered.
    pub fn close(&mut self) {
        self.pass(10 * 24 * 60 * 60);
        let now = self.now();
        self.pipeline().tick(now);
        assert!(self.commit());
        self.pass(2 * 60 * 60);
        self.deliver(Mode::Takes);
        let store = &self.pipeline().store;
        assert_eq!((store.waiting(SINK).unwrap(), store.dead(SINK).unwrap()), (0, 0));
        assert_eq!(store.alerts().unwrap(), []);
    }
}
