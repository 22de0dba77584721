//! What holds whatever happens: threads of two logs that fail, wait and go on, causes, restarts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::causes::{cause_by, fallback, plain, state};
use super::*;
use crate::model::record::Evidence;

/// One step of a history: after so many seconds …
#[derive(Debug, Clone)]
struct Step(i64, Happens);

/// … this happens.
#[derive(Debug, Clone)]
enum Happens {
    /// These signatures, by their index, are found in a record of a thread.
    Found { thread: u8, which: Vec<usize> },
    /// The thread goes on.
    GoesOn { thread: u8 },
    /// sealtail is started again.
    Restart,
}

/// Seconds between steps: around every limit there is.
const GAPS: [i64; 10] = [0, 0, 1, 3, 6, 60, 119, 130, 890, 3_700];

fn history() -> impl Strategy<Value = Vec<Step>> {
    let found = (0..5_u8, prop::sample::subsequence((0..7_usize).collect::<Vec<_>>(), 1..4));
    let happens = prop_oneof![
        8 => found.prop_map(|(thread, which)| Happens::Found { thread, which }),
        2 => (0..5_u8).prop_map(|thread| Happens::GoesOn { thread }),
        1 => Just(Happens::Restart),
    ];
    prop::collection::vec(
        (prop::sample::select(GAPS.to_vec()), happens).prop_map(|(gap, it)| Step(gap, it)),
        1..60,
    )
}

/// Two causes, one of its thread and one of its whole process, and what follows from them.
fn signatures() -> Vec<Arc<Signature>> {
    let by_thread = |signature: Arc<Signature>| {
        Arc::new(Signature { group_by: vec!["thread".to_owned()], ..Arc::unwrap_or_clone(signature) })
    };
    vec![
        cause_by("c/thread", &[Evidence::Thread], &["w/*"]),
        cause_by("c/process", &[Evidence::Process], &["w/*", "m/*"]),
        plain("w/effect", Severity::Error),
        plain("m/money", Severity::Critical),
        by_thread(fallback("w/failed")),
        by_thread(state("w/paused")),
        plain("x/stranger", Severity::Error),
    ]
}

/// Who wrote a record: the log and the thread. A thread without a name is any.
type Who = (&'static str, Option<String>);

fn who(thread: u8) -> Who {
    (if thread < 3 { "a" } else { "b" }, (thread != 2).then(|| format!("worker-{thread}")))
}

/// The correlator, and what is to be known of its alerts to judge it.
struct World {
    signatures: Vec<Arc<Signature>>,
    correlator: Correlator,
    line: u64,
    now: i64,
    /// Whose findings each open alert counts, and when the newest came.
    members: BTreeMap<String, (Vec<(Who, u64)>, i64)>,
    /// Firing messages of each open alert, and when the first was.
    messages: BTreeMap<String, (i64, u64)>,
}

impl World {
    fn new() -> World {
        World {
            signatures: signatures(),
            correlator: Correlator::new(Policy::default(), []),
            line: 0,
            now: 0,
            members: BTreeMap::new(),
            messages: BTreeMap::new(),
        }
    }

    fn sighting<'s>(signatures: &'s [Arc<Signature>], index: usize, thread: u8, line: u64) -> Sighting<'s> {
        let (path, module) = who(thread);
        let mut sighting = Sighting { path, ..sighting(&signatures[index], "1", line) };
        sighting.finding.fields.insert("thread".to_owned(), thread.to_string());
        sighting.finding.identity.module = module;
        sighting
    }

    fn play(&mut self, Step(gap, happens): &Step) {
        self.pass(self.now + gap);
        self.line += 1;
        let signatures = self.signatures.clone();
        match happens {
            Happens::Found { thread, which } => {
                let record =
                    which.iter().map(|&index| World::sighting(&signatures, index, *thread, self.line));
                self.find(record.collect(), &who(*thread));
            }
            Happens::GoesOn { thread } => {
                let ended = Sighting { ends: true, ..World::sighting(&signatures, 5, *thread, self.line) };
                let notices = self.correlator.observe(vec![ended], at(self.now));
                notices.iter().for_each(|notice| self.hear(notice));
            }
            Happens::Restart => {
                let open = self.correlator.open.iter();
                let rows: Vec<_> = open
                    .map(|(id, alert)| (id.clone(), OpenAlert::decode(&alert.encode()).unwrap()))
                    .collect();
                self.correlator = Correlator::new(Policy::default(), rows);
            }
        }
        self.nothing_goes_on_untold();
    }

    /// Lets time pass up to `until`, as `watch` does.
    fn pass(&mut self, until: i64) {
        for _ in 0..10_000 {
            let Some(due) = self.correlator.next_due().filter(|due| *due <= at(until)) else { break };
            self.now = self.now.max(due.as_second() - at(0).as_second());
            let notices = self.correlator.tick(at(self.now));
            notices.iter().for_each(|notice| self.hear(notice));
            self.nothing_goes_on_untold();
        }
        self.now = until;
        let notices = self.correlator.tick(at(until));
        notices.iter().for_each(|notice| self.hear(notice));
    }

    /// Every finding is in its own alert, or by evidence in another that was told.
    fn find(&mut self, record: Vec<Sighting<'_>>, who: &Who) {
        let counts = |correlator: &Correlator| -> BTreeMap<(String, String), u64> {
            let count = |(id, alert): (&String, &OpenAlert)| {
                let own = std::iter::once((alert.signature.clone(), alert.count));
                let followers = alert.followers.iter().map(|(id, followed)| (id.clone(), followed.count));
                let of = id.clone();
                own.chain(followers)
                    .map(move |(signature, count)| ((of.clone(), signature), count))
                    .collect::<Vec<_>>()
            };
            correlator.open.iter().flat_map(count).collect()
        };
        let before = counts(&self.correlator);
        let notices = self.correlator.observe(record.clone(), at(self.now));
        let mut rose: Vec<_> = counts(&self.correlator)
            .into_iter()
            .filter(|(key, count)| before.get(key).is_none_or(|before| before < count))
            .map(|(key, _)| key)
            .collect();
        // What belongs to what a record opens, or to what belongs to that, is judged after it.
        rose.sort_by_key(|(alert, signature)| self.correlator.open[alert].signature != *signature);
        for (alert, _) in &rose {
            if !self.members.contains_key(alert) {
                self.members.insert(alert.clone(), (Vec::new(), self.now));
            }
        }
        // In one record, what belongs to an alert takes the others with it.
        let mut left: Vec<&Sighting<'_>> = record.iter().collect();
        while !left.is_empty() {
            let judged = left.iter().position(|sighting| self.is_at_home(sighting, &rose, who));
            let Some(judged) = judged else {
                panic!("{:?} of {who:?} in {rose:?}, of {:?}", left[0].finding.signature, self.members);
            };
            left.remove(judged);
        }
        notices.iter().for_each(|notice| self.hear(notice));
    }

    /// Whether a finding is in an alert that was told and that it belongs to; it is a member of it from then on.
    fn is_at_home(&mut self, sighting: &Sighting<'_>, rose: &[(String, String)], who: &Who) -> bool {
        let (id, own) = (&*sighting.finding.signature, sighting.fingerprint());
        let open = &self.correlator.open;
        let goes_on = |alert: &str| {
            open.get(&own).is_some_and(|state| state.count > 1 && state.held_by() == Some(alert))
        };
        let belongs = |alert: &String| {
            let (members, _) = &self.members[alert];
            open[alert].signature == *id
                || goes_on(alert)
                || members.iter().any(|(member, record)| {
                    let is_poisoned = open[alert].signature == "c/process" && member.0 == who.0;
                    let is_same = member == who && who.1.is_some();
                    let is_beside = record + 1 == self.line && (member.1.is_none() || who.1.is_none());
                    *record == self.line || is_poisoned || is_same || (member.0 == who.0 && is_beside)
                })
        };
        let homes = rose.iter().filter(|(alert, signature)| signature == id && open[alert].sequence > 0);
        let homes: Vec<String> = homes.map(|(alert, _)| alert.clone()).filter(belongs).collect();
        for alert in &homes {
            if let Some((members, newest)) = self.members.get_mut(alert) {
                members.push((who.clone(), self.line));
                *newest = self.now;
            }
        }
        !homes.is_empty()
    }

    /// None is resolved while its trouble goes on, and none is told without end.
    fn hear(&mut self, notice: &Notice) {
        let id = &notice.fingerprint;
        if notice.status == Status::Firing {
            let (first, messages) = self.messages.entry(id.clone()).or_insert((self.now, 0));
            *messages += 1;
            let repeats = (self.now - *first) as u64 / 3_600;
            assert!(*messages <= 3 + repeats, "{messages} messages of {}", notice.signature());
            self.members.entry(id.clone()).or_insert((Vec::new(), self.now));
            return;
        }
        self.messages.remove(id);
        let (_, newest) = self.members.remove(id).expect("what resolves was told");
        let goes_on = self.correlator.open.values().any(|state| state.held_by() == Some(id));
        assert!(!goes_on || notice.alert.is_state(), "{} resolved, and a state goes on", notice.signature());
        let patience = if notice.alert.is_state() { 86_400 } else { 900 };
        match notice.quiet {
            Some(_) => assert!(self.now - newest >= patience, "{} was not quiet", notice.signature()),
            None => assert!(notice.alert.is_state() || notice.alert.followers.contains_key("w/paused")),
        }
    }

    /// A thread that waits is told of by its own alert, or by an open one that was told.
    fn nothing_goes_on_untold(&self) {
        for state in self.correlator.open.values().filter(|alert| alert.is_state() && alert.sequence == 0) {
            let cause = state.held_by().and_then(|cause| self.correlator.open.get(cause));
            assert!(cause.is_some_and(|cause| cause.sequence > 0), "{} is told by nobody", state.signature);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_grave_finding_is_told_and_no_alert_ends_before_its_trouble(history in history()) {
        let mut world = World::new();
        history.iter().for_each(|step| world.play(step));
        world.pass(world.now + 200_000);
        prop_assert!(world.correlator.open.is_empty(), "{:?}", world.correlator.open.keys());
    }
}
