//! Silences and acknowledgements: what they hold back, and that nothing of it stays untold.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::causes::{cause_by, plain};
use super::*;
use crate::model::record::Evidence;

fn silence(until: i64, signature: Option<&str>, group: &[&str]) -> Silence {
    let group = group.iter().map(|&glob| glob.to_owned()).collect();
    Silence { until: at(until), signature: signature.map(str::to_owned), group, ..Silence::default() }
}

#[test]
fn an_alert_has_to_match_all_that_a_silence_names() {
    let of_source = |source: &str| Silence { source: Some(source.to_owned()), ..Silence::default() };
    let least = Silence { at_least: Some(Severity::Critical), ..silence(1, Some("t/*"), &[]) };
    let most = Silence { at_most: Some(Severity::Error), ..silence(1, Some("t/*"), &[]) };
    for (silence, id, takes) in [
        (silence(1, Some("t/*"), &[]), "t/x", true),
        (silence(1, Some("*"), &[]), "t/x", true),
        (silence(1, Some("u/*"), &[]), "t/x", false),
        (silence(1, None, &["sector=1?"]), "t/x", true),
        (silence(1, None, &["sector=1?", "miner=*"]), "t/x", false),
        (silence(1, Some("t/x"), &["sector=2*"]), "t/x", false),
        (of_source("work*"), "t/x", true),
        (of_source("kernel"), "t/x", false),
        (least, "t/x", false),
        (most, "t/x", true),
        // Alerts about sealtail itself are meant by their whole id alone.
        (silence(1, Some("*"), &[]), "sealtail/x", false),
        (silence(1, Some("sealtail/*"), &[]), "sealtail/x", false),
        (of_source("*"), "sealtail/x", false),
        (silence(1, None, &["sector=*"]), "sealtail/x", false),
        (silence(1, Some("sealtail/x"), &[]), "sealtail/x", true),
    ] {
        assert_eq!(silence.fault(), None);
        let group = Fields::from([("sector".to_owned(), "17".to_owned())]);
        assert_eq!(silence.takes(id, Severity::Error, "worker", &group), takes, "{silence:?} {id}");
    }
    for faulty in [
        silence(1, None, &[]),
        silence(1, Some("a["), &[]),
        silence(1, None, &["sector"]),
        Silence {
            at_least: Some(Severity::Critical),
            at_most: Some(Severity::Info),
            ..silence(1, Some("*"), &[])
        },
    ] {
        assert!(faulty.fault().is_some(), "{faulty:?}");
    }
}

/// What happens at a second, and what is said then: status, sequence, count, new.
enum Does {
    Find,
    Silence(i64),
    End,
    Ack(i64),
    Nothing,
}
use Does::{Ack as Acknowledge, End, Find, Nothing, Silence as Hush};

fn play(events: &[(i64, Does)]) -> Vec<(i64, &'static str, u64, u64, u64)> {
    let signature = signature(None);
    let id = sighting(&signature, "1", 1).fingerprint();
    let mut correlator = Correlator::new(Policy::default(), []);
    let mut say = Vec::new();
    for (second, does) in events {
        let mut notices = Vec::new();
        match does {
            Find => notices = correlator.observe(vec![sighting(&signature, "1", 1)], at(*second)),
            Hush(until) => correlator.silence("one", silence(*until, Some("t/*"), &[])),
            End => assert!(correlator.end_silence("one")),
            Acknowledge(until) => assert!(correlator.acknowledge(&id, at(*until), "ann")),
            Nothing => {}
        }
        notices.extend(correlator.tick(at(*second)));
        say.extend(notices.iter().map(|notice| {
            let (status, sequence, count, new) = said(notice);
            (*second, status, sequence, count, new)
        }));
    }
    say
}

#[test]
fn what_still_fires_when_a_silence_ends_is_told_once_with_its_count() {
    let by_time = [(0, Hush(100)), (1, Find), (50, Find), (100, Nothing), (101, Nothing)];
    assert_eq!(play(&by_time), [(100, "firing", 1, 2, 2)]);
    let by_hand = [(0, Hush(100)), (1, Find), (20, End), (21, Nothing)];
    assert_eq!(play(&by_hand), [(20, "firing", 1, 1, 1)]);
    let told_before = [(0, Find), (1, Hush(100)), (2, Find), (99, Nothing), (100, Nothing), (101, Nothing)];
    assert_eq!(play(&told_before), [(0, "firing", 1, 1, 1), (100, "firing", 2, 2, 1)]);
    let nothing_new = [(0, Find), (1, Hush(100)), (100, Nothing)];
    assert_eq!(play(&nothing_new), [(0, "firing", 1, 1, 1)]);
}

#[test]
fn an_alert_that_was_told_is_told_resolved_while_it_is_silenced_and_another_is_not() {
    let told = [(0, Find), (1, Hush(9_000)), (2, Find), (902, Nothing), (9_000, Nothing)];
    assert_eq!(play(&told), [(0, "firing", 1, 1, 1), (902, "resolved", 2, 2, 1)]);
    assert_eq!(play(&[(0, Hush(9_000)), (1, Find), (901, Nothing), (9_000, Nothing)]), []);
}

#[test]
fn an_acknowledged_alert_is_not_repeated_until_the_time_is_over() {
    let find = |second| (second, Find);
    let mut events: Vec<(i64, Does)> = vec![(0, Find), (10, Acknowledge(8_000))];
    events.extend((1..12).map(|index| find(index * 800)));
    assert_eq!(play(&events), [(0, "firing", 1, 1, 1), (8_000, "firing", 2, 11, 10)]);
    let ended = [(0, Find), (1, Acknowledge(8_000)), (901, Nothing), (950, Find)];
    assert_eq!(play(&ended), [(0, "firing", 1, 1, 1), (901, "resolved", 2, 1, 0), (950, "firing", 1, 1, 1)]);
}

#[test]
fn what_makes_an_acknowledged_alert_graver_is_told() {
    let cause = cause_by("c/c", &[Evidence::Thread], &["w/*"]);
    let (mild, grave) = (plain("w/mild", Severity::Warning), plain("w/grave", Severity::Critical));
    let mut correlator = Correlator::new(Policy::default(), []);
    let observe = |signature: &Arc<Signature>, second: i64, correlator: &mut Correlator| {
        let mut sighting = sighting(signature, "1", second as u64);
        sighting.finding.identity.module = Some("worker-1".to_owned());
        correlator.observe(vec![sighting], at(second)).len()
    };
    assert_eq!(observe(&cause, 1, &mut correlator), 1);
    let id = correlator.open.keys().next().unwrap().clone();
    assert!(correlator.acknowledge(&id, at(80_000), "ann"));
    assert_eq!(observe(&mild, 2, &mut correlator), 0, "it follows, and is no graver");
    assert_eq!(observe(&grave, 3, &mut correlator), 1);
}

/// A threshold that is reached under a silence is not forgotten with its window.
#[test]
fn findings_of_a_threshold_go_on_being_counted() {
    let signature = signature(Some(Threshold { count: 2, within: Duration::from_secs(10) }));
    let mut correlator = Correlator::new(Policy::default(), []);
    correlator.silence("one", silence(500, Some("t/*"), &[]));
    for second in [0, 5, 100, 300] {
        assert!(correlator.observe(vec![sighting(&signature, "1", 1)], at(second)).is_empty());
        assert!(correlator.tick(at(second)).is_empty());
    }
    let told: Vec<_> = correlator.tick(at(500)).iter().map(said).collect();
    assert_eq!(told, [("firing", 1, 4, 4)]);
    assert_eq!(correlator.take_held_back(), 1);
}

#[derive(Debug, Clone)]
enum Happens {
    Found { which: usize, sector: u8 },
    Silenced { id: u8, which: usize, seconds: i64 },
    Ended { id: u8 },
    Acknowledged { which: usize, sector: u8 },
    Restart,
}

const IDS: [&str; 3] = ["a/x", "a/y", "sealtail/z"];
const SILENCES: [(Option<&str>, &[&str]); 5] = [
    (Some("a/*"), &[]),
    (Some("*"), &["sector=1"]),
    (None, &["sector=*"]),
    (Some("a/y"), &[]),
    (Some("sealtail/z"), &[]),
];

/// Whether the silence with this index is about an alert: the rule as plain as it can be said.
fn is_about(silence: usize, which: usize, sector: u8) -> bool {
    match silence {
        0 => which < 2,
        1 => which < 2 && sector == 1,
        2 => which < 2,
        3 => which == 1,
        _ => which == 2,
    }
}

fn history() -> impl Strategy<Value = Vec<(i64, Happens)>> {
    let found = (0..3_usize, 0..2_u8);
    let happens = prop_oneof![
        8 => found.clone().prop_map(|(which, sector)| Happens::Found { which, sector }),
        3 => (0..3_u8, 0..5_usize, prop::sample::select(vec![1, 60, 1_000, 8_000]))
            .prop_map(|(id, which, seconds)| Happens::Silenced { id, which, seconds }),
        1 => (0..3_u8).prop_map(|id| Happens::Ended { id }),
        1 => found.prop_map(|(which, sector)| Happens::Acknowledged { which, sector }),
        1 => Just(Happens::Restart),
    ];
    let gap = prop::sample::select(vec![0_i64, 1, 30, 500, 899, 901, 3_601]);
    prop::collection::vec((gap, happens), 1..60)
}

/// The account that the correlator is held against.
struct World {
    signatures: Vec<Arc<Signature>>,
    correlator: Correlator,
    now: i64,
    /// Silences that last: which, and until when.
    silences: BTreeMap<u8, (usize, i64)>,
    /// Alerts by fingerprint: which, sector, findings since it opened, told of them, covered when one came.
    alerts: BTreeMap<String, (usize, u8, u64, u64, bool)>,
    acknowledged: BTreeMap<String, i64>,
}

impl World {
    fn new() -> World {
        let signature =
            |id: &str| Arc::new(Signature { id: id.into(), ..Arc::unwrap_or_clone(signature(None)) });
        World {
            signatures: IDS.map(signature).into(),
            correlator: Correlator::new(Policy::default(), []),
            now: 0,
            silences: BTreeMap::new(),
            alerts: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
        }
    }

    fn is_silenced(&self, which: usize, sector: u8) -> bool {
        self.silences.values().any(|&(silence, until)| self.now < until && is_about(silence, which, sector))
    }

    fn hear(&mut self, notices: &[Notice]) {
        for notice in notices {
            let (which, sector, found, told, _) = self.alerts[&notice.fingerprint];
            let (status, sequence, count, new) = super::said(notice);
            assert_eq!((count, new), (found, found - told), "{} counts exactly", notice.signature());
            if status == "resolved" {
                assert!(sequence > 1, "what nobody was told of does not end for them");
                continue;
            }
            assert!(!self.is_silenced(which, sector), "{} sector {sector} is silenced", notice.signature());
            let ack = self.acknowledged.get(&notice.fingerprint);
            assert!(ack.is_none_or(|until| *until <= self.now), "somebody is on it");
            if let Some(alert) = self.alerts.get_mut(&notice.fingerprint) {
                (alert.3, alert.4) = (found, false);
            }
        }
        let open: BTreeSet<&String> = self.correlator.open.keys().collect();
        self.alerts.retain(|fingerprint, _| open.contains(fingerprint));
        self.acknowledged.retain(|fingerprint, _| open.contains(fingerprint));
    }

    /// Lets time pass, and holds that nothing which a silence covered stays untold when none does any more.
    fn pass(&mut self, until: i64) {
        loop {
            let due = self.correlator.next_due().map(|due| due.as_second() - at(0).as_second());
            self.now = due.filter(|due| *due < until).unwrap_or(until).max(self.now);
            let notices = self.correlator.tick(at(self.now));
            self.hear(&notices);
            for (fingerprint, &(which, sector, found, told, covered)) in &self.alerts {
                let is_acknowledged =
                    self.acknowledged.get(fingerprint).is_some_and(|until| self.now < *until);
                if covered && !is_acknowledged && !self.is_silenced(which, sector) {
                    assert_eq!(told, found, "{} sector {sector} is untold at {}", IDS[which], self.now);
                }
            }
            if self.now == until {
                break;
            }
        }
    }

    fn play(&mut self, happens: &Happens) {
        match *happens {
            Happens::Found { which, sector } => {
                let signatures = self.signatures.clone();
                let sighting = sighting(&signatures[which], &sector.to_string(), 1);
                let silenced = self.is_silenced(which, sector);
                let alert = self.alerts.entry(sighting.fingerprint()).or_insert((which, sector, 0, 0, false));
                alert.2 += 1;
                alert.4 |= silenced;
                let notices = self.correlator.observe(vec![sighting], at(self.now));
                self.hear(&notices);
            }
            Happens::Silenced { id, which, seconds } => {
                let (signature, group) = SILENCES[which];
                let until = self.now + seconds;
                // One with the same name takes its place, as if that had ended.
                self.correlator.end_silence(&id.to_string());
                self.correlator.silence(&id.to_string(), silence(until, signature, group));
                self.silences.insert(id, (which, until));
            }
            Happens::Ended { id } => {
                self.correlator.end_silence(&id.to_string());
                self.silences.remove(&id);
            }
            Happens::Acknowledged { which, sector } => {
                let id = sighting(&self.signatures[which], &sector.to_string(), 1).fingerprint();
                if self.correlator.acknowledge(&id, at(self.now + 5_000), "ann") {
                    self.acknowledged.insert(id, self.now + 5_000);
                }
            }
            Happens::Restart => {
                let rows = self.correlator.open.iter();
                let rows: Vec<_> = rows
                    .map(|(id, alert)| (id.clone(), OpenAlert::decode(&alert.encode()).unwrap()))
                    .collect();
                let silences = self
                    .correlator
                    .silences()
                    .iter()
                    .map(|(id, silence)| (id.clone(), Silence::decode(&silence.encode()).unwrap()));
                let silences: Vec<_> = silences.collect();
                self.correlator = Correlator::new(Policy::default(), rows);
                self.correlator.set_silences(silences);
            }
        }
        // As `watch` does after every change.
        self.pass(self.now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn nothing_that_still_fires_after_its_last_silence_is_untold(history in history()) {
        let mut world = World::new();
        for (gap, happens) in &history {
            world.pass(world.now + gap);
            world.play(happens);
        }
        let ids: Vec<u8> = world.silences.keys().copied().collect();
        ids.iter().for_each(|&id| world.play(&Happens::Ended { id }));
        world.pass(world.now + 20_000);
        prop_assert!(world.correlator.open.is_empty());
    }
}
