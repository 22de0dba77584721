//! The reading side as [`Watch`](crate::watch::Watch) puts it together, over a clock and a disk of
//! tests, and somebody who receives what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::alert::{Alert, Lang, Letter, Message, Status};
use crate::correlate::{Correlator, Notice, OpenAlert, Policy, Sighting};
use crate::detect::{Detector, Found, Stream};
use crate::signature::{Catalogue, PageSource, PageText};
use crate::source::tail::{Settings, Tail, Trouble};
use crate::store::disk::{Cut, Disk};
use crate::store::{Commit, Due, Durability, NewMessage, Store};

/// More chunks than any history has; beyond it `ready` never ends.
const CHUNKS_MAX: usize = 10_000;
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

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
    let page = PageText { path: "patterns/site/flux.md".to_owned(), text: PAGE.into() };
    let source = PageSource { pack: "site".to_owned(), name: "flux".to_owned(), lang: Lang::En, page };
    let (catalogue, faults) = Catalogue::load([source], &[]);
    assert!(faults.is_empty(), "{faults:?}");
    Detector::new(catalogue, TimeZone::UTC).unwrap()
});

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
    letters: BTreeMap<String, Letter>,
    /// In the order in which they came first.
    pub alerts: Vec<Alert>,
}

impl Inbox {
    fn take(&mut self, letter: &Letter) {
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

pub struct Follower {
    directory: tempfile::TempDir,
    settings: Settings,
    pub disk: Disk,
    store: Option<Store>,
    tail: Tail,
    correlator: Correlator,
    pending: Commit,
    refused: bool,
    /// Of the files that are ready, the newest has the first turn.
    pub newest_first: bool,
    pub clock: Instant,
    pub wall: Timestamp,
    /// Lines whose alerts the store has.
    pub committed: BTreeSet<u64>,
    pub troubles: Vec<Trouble>,
    pub inbox: Inbox,
}

impl Follower {
    pub fn new(settings: Settings, disk: Disk) -> Follower {
        let clock = Instant::now();
        let mut follower = Follower {
            directory: tempfile::tempdir().unwrap(),
            tail: Tail::new(Vec::new(), Vec::new(), true, 1, clock),
            settings,
            disk,
            store: None,
            correlator: Correlator::new(Policy::default(), []),
            pending: Commit::default(),
            refused: false,
            newest_first: false,
            clock,
            wall: Timestamp::from_second(1_700_000_000).unwrap(),
            committed: BTreeSet::new(),
            troubles: Vec::new(),
            inbox: Inbox::default(),
        };
        follower.start();
        follower
    }

    /// Takes up where the last run ended.
    fn start(&mut self) {
        let opened = Store::open(self.directory.path(), self.wall).unwrap();
        assert_eq!(opened.recovered, None);
        let store = opened.store;
        let (known, fresh) = (store.positions().unwrap(), store.fresh().unwrap());
        self.tail = Tail::new(vec![self.settings.clone()], known, fresh, 1, self.clock);
        let open = store.alerts().unwrap().into_iter();
        let open = open.map(|(fingerprint, row)| (fingerprint, OpenAlert::decode(&row).unwrap()));
        self.correlator = Correlator::new(Policy::default(), open);
        self.store = Some(store);
    }

    /// Everything in memory is gone; with `cut`, so is what was not synced.
    pub fn crash(&mut self, cut: Option<Cut>) {
        self.store = None;
        self.pending = Commit::default();
        self.refused = false;
        if let Some(cut) = cut {
            self.disk.cut(cut);
        }
        self.start();
    }

    /// A turn so many seconds later; whether it looked at the files.
    pub fn turn(&mut self, seconds: u64, commits: bool) -> bool {
        self.pass(seconds);
        if self.refused && !self.commit() {
            return false;
        }
        self.sweep();
        for _ in 0..CHUNKS_MAX {
            let mut ready = self.tail.ready(self.clock);
            if self.newest_first {
                ready.reverse();
            }
            if ready.is_empty() {
                let notices = self.correlator.tick(self.wall);
                notices.iter().for_each(|notice| self.tell(notice));
                if commits {
                    self.commit();
                }
                return true;
            }
            ready.into_iter().for_each(|id| self.chunk(id));
        }
        panic!("something is ready for ever");
    }

    pub fn pass(&mut self, seconds: u64) {
        self.clock += Duration::from_secs(seconds);
        self.wall += SignedDuration::from_secs(seconds.try_into().unwrap());
    }

    /// Looks at the files and reads nothing.
    pub fn sweep(&mut self) {
        self.troubles.extend(self.tail.sweep(self.clock));
    }

    pub fn is_refused(&self) -> bool {
        self.refused
    }

    fn chunk(&mut self, id: u64) {
        let Ok(chunk) = self.tail.read(id, self.clock) else { return };
        let id = chunk.id;
        let mut stream = Stream::resume(&DETECTOR, chunk.progress.clone());
        let (source, path) = (chunk.source.to_owned(), chunk.path.to_owned());
        let mut seen = Vec::new();
        stream.advance(chunk.bytes, chunk.end, |found| {
            let context = found.context(2, &DETECTOR);
            let names = found.names(&path);
            let Found { finding, signature, .. } = found;
            seen.push((signature, finding, context, names));
        });
        for (signature, finding, context, names) in &seen {
            let signature: &Arc<_> = signature;
            let (finding, context, names) = (finding.clone(), context.clone(), names.clone());
            let (source, path) = (source.as_str(), path.as_str());
            let (ends, host) = (false, "seal-07");
            let sighting = Sighting { signature, finding, ends, host, source, path, context, names };
            let notices = self.correlator.observe(vec![sighting], self.wall);
            notices.iter().for_each(|notice| self.tell(notice));
        }
        self.tail.settle(id, stream.progress().clone());
    }

    fn tell(&mut self, notice: &Notice) {
        let alert = notice.render(DETECTOR.catalogue(), Lang::En, &Default::default());
        self.pending.messages.push(NewMessage {
            sink: SINK.to_owned(),
            fingerprint: notice.fingerprint.clone(),
            message: Message::Alert(Box::new(alert)),
        });
    }

    fn commit(&mut self) -> bool {
        self.pending.positions.extend(self.tail.changed());
        let alerts = self.correlator.changes().into_iter();
        self.pending.alerts.extend(alerts.map(|(id, open)| (id, open.map(|alert| alert.encode()))));
        if self.pending.is_empty() {
            return true;
        }
        let store = self.store.as_ref().unwrap();
        self.refused = store.commit(&self.pending, Durability::Now, self.wall).is_err();
        if self.refused {
            return false;
        }
        for message in std::mem::take(&mut self.pending).messages {
            let Message::Alert(alert) = message.message else { continue };
            self.committed.insert(tank(&alert));
        }
        true
    }

    /// Sends what is due, up to the first letter that is not acknowledged.
    pub fn deliver(&mut self, mode: Mode) {
        let store = self.store.as_ref().unwrap();
        while let Ok(Due::Now(row)) = store.due(SINK, self.wall) {
            if matches!(mode, Mode::Takes | Mode::Cut) {
                self.inbox.take(&row.letter);
            }
            let wait = if mode == Mode::Delays { 600 } else { 1 };
            let next_at = self.wall + SignedDuration::from_secs(wait);
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
        let notices = self.correlator.tick(self.wall);
        notices.iter().for_each(|notice| self.tell(notice));
        assert!(self.commit());
        self.pass(2 * 60 * 60);
        self.deliver(Mode::Takes);
        let store = self.store.as_ref().unwrap();
        assert_eq!((store.waiting(SINK).unwrap(), store.dead(SINK).unwrap()), (0, 0));
        assert_eq!(store.alerts().unwrap(), []);
    }
}
